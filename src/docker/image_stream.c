/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "core/mem.h"
#include "core/str.h"
#include "docker/image.h"
#include "docker/jsonlines.h"
#include "docker/refusal.h"
#include "docker/transport.h"

/* Unpacking layers takes long and says nothing meanwhile. */
enum { LOAD_IDLE_MS = 1800000, IMPORT_IDLE_MS = 600000, PULL_IDLE_MS = 300000, NAMES_MAX = 1000, PATH_LEN = 16384 };

struct report {
	struct json_object *names; /* load */
	char id[100];		   /* import: the last status */
	cm_image_progress progress;
	void *ctx;
};

/* One upload whose answer is a report; fn looks at each object of it. */
static int send_and_read(struct cm_docker *d, const struct cm_docker_upload *up, cm_jsonlines_fn fn, void *ctx,
			 struct cm_err *err)
{
	struct cm_jsonlines lines;
	struct cm_docker_upload u = *up;

	cm_jsonlines_init(&lines, fn, ctx);
	u.sink = cm_jsonlines_feed;
	u.sink_ctx = &lines;
	int r = cm_docker_stream_send(d, &u, err);
	if (r == 0)
		r = cm_jsonlines_end(&lines, err);
	cm_jsonlines_release(&lines);
	return r;
}

/* "Loaded image: name:tag\n" and "Loaded image ID: sha256:…\n", perhaps several in one text. */
static int load_line(void *ctx, struct json_object *o, struct cm_err *err)
{
	static const char *const words[] = { "Loaded image: ", "Loaded image ID: ", "Loaded image(s): " };
	struct report *rep = ctx;

	int r = cm_jsonlines_error(o, err);
	const char *s = cm_json_str(o, "stream", NULL);
	for (; r == 0 && s != NULL && *s; s += strcspn(s, "\n") + (strchr(s, '\n') != NULL)) {
		for (size_t i = 0; i < CM_COUNT(words); i++) {
			if (!cm_str_has_prefix(s, words[i]))
				continue;
			const char *name = s + strlen(words[i]);
			size_t len = strcspn(name, "\r\n");
			if (len > 0 && cm_json_len(rep->names) < NAMES_MAX)
				json_object_array_add(rep->names, json_object_new_string_len(name, (int)len));
		}
	}
	return r;
}

int cm_image_load(struct cm_docker *d, cm_docker_source source, void *ctx, struct json_object **ret_names,
		  struct cm_err *err)
{
	struct report rep = { .names = json_object_new_array() };
	struct cm_docker_upload up = { .method = "POST",
				       .path = "/images/load?quiet=1",
				       .size = -1,
				       .source = source,
				       .source_ctx = ctx,
				       .idle_ms = LOAD_IDLE_MS };

	int r = send_and_read(d, &up, load_line, &rep, err);
	if (r == 0 && cm_json_len(rep.names) == 0)
		r = cm_err_set(err, CM_EUPSTREAM, "The Docker Engine loaded no image: there is none in the data.");
	if (r < 0) {
		json_object_put(rep.names);
		return r;
	}
	*ret_names = rep.names;
	return 0;
}

static int import_line(void *ctx, struct json_object *o, struct cm_err *err)
{
	struct report *rep = ctx;

	int r = cm_jsonlines_error(o, err);
	const char *status = cm_json_str(o, "status", NULL);
	if (r == 0 && status != NULL)
		cm_str_copy(rep->id, sizeof(rep->id), status);
	return r;
}

int cm_image_import(struct cm_docker *d, const char *repo, const char *tag, const char *const *changes,
		    cm_docker_source source, void *ctx, char **ret_id, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);
	struct report rep = { .names = NULL };

	cm_docker_path(&path, "/images/create?fromSrc=-");
	if (repo != NULL)
		cm_docker_path(&path, "&repo=%s", repo);
	if (tag != NULL)
		cm_docker_path(&path, "&tag=%s", tag);
	for (; changes != NULL && *changes != NULL; changes++)
		cm_docker_path(&path, "&changes=%s", *changes);
	struct cm_docker_upload up = { .method = "POST",
				       .path = path.data,
				       .size = -1,
				       .source = source,
				       .source_ctx = ctx,
				       .idle_ms = IMPORT_IDLE_MS };
	int r = send_and_read(d, &up, import_line, &rep, err);
	if (r == 0 && !cm_str_has_prefix(rep.id, "sha256:"))
		r = cm_err_set(err, CM_EUPSTREAM, "The Docker Engine made an image but did not name it.");
	if (r == 0)
		*ret_id = cm_strdup(rep.id);
	return r;
}

static int pull_line(void *ctx, struct json_object *o, struct cm_err *err)
{
	struct report *rep = ctx;

	int r = cm_jsonlines_error(o, err);
	if (r < 0 || rep->progress == NULL)
		return r;
	r = rep->progress(rep->ctx, cm_json_str(o, "status", ""), cm_json_str(o, "id", NULL),
			  cm_json_int(cm_json_obj(o, "progressDetail"), "current", 0),
			  cm_json_int(cm_json_obj(o, "progressDetail"), "total", 0));
	return r == 0 ? 0 : cm_err_set(err, CM_ECANCELLED, "The pull was stopped.");
}

int cm_image_pull(struct cm_docker *d, const char *ref, const char *platform, const char *auth,
		  cm_image_progress progress, void *ctx, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);
	struct report rep = { .progress = progress, .ctx = ctx };
	struct cm_jsonlines lines;
	struct cm_docker_req q;

	if (!cm_image_ref_valid(ref))
		return cm_err_set(err, CM_EINVAL, "This is not a valid name of an image.");
	size_t n = cm_image_name_len(ref);
	cm_autofree char *name = cm_strndup(ref, n);
	cm_docker_path(&path, "/images/create?fromImage=%s&tag=%s", name, ref[n] ? ref + n + 1 : "latest");
	if (platform != NULL)
		cm_docker_path(&path, "&platform=%s", platform);
	cm_jsonlines_init(&lines, pull_line, &rep);
	int r = cm_docker_req_open(&q, d, "POST", path.data, true, true, err);
	if (r == 0) {
		cm_autofree char *header = auth ? cm_asprintf("X-Registry-Auth: %s", auth) : NULL;
		if (header != NULL)
			cm_docker_req_header(&q, header);
		q.sink = cm_jsonlines_feed;
		q.sink_ctx = &lines;
		r = cm_docker_req_run(&q, false, -1, PULL_IDLE_MS, err);
	}
	if (r == 0)
		r = cm_docker_req_check(&q, err);
	if (r == 0)
		r = cm_jsonlines_end(&lines, err);
	cm_docker_req_release(&q);
	cm_jsonlines_release(&lines);
	return r;
}
