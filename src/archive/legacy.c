/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/legacy.h"

#include <stdio.h>
#include <string.h>

#include "archive/foreign.h"
#include "archive/format.h"
#include "archive/proto.h"
#include "archive/watch.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

enum {
	TEXT_MAX = 1 << 20, /* of a JSON member or a note that a part failed */
	HEAD_LEN = 4096,    /* of image.tar and nested archives, to recognise a note in their place */
	META_LEN = 65536,   /* of what is told about one volume */
	KEPT_MAX = 8 << 20  /* of all that is kept, names too: anyone may put any number of members into a tar */
};

/* The members that are kept whole. */
static const char *const texts[] = { "backup_metadata.json", "companion.json", "container_config.json",
				     "volumes_info.json", "docker_run_command.txt" };

struct cm_legacy {
	struct cm_source source;
	struct json_object *info;
	struct json_object *raw;   /* name -> parsed JSON or text */
	struct json_object *heads; /* name -> first bytes, when they are text */
	struct json_object *sizes; /* name -> size of image.tar and nested archives */
	struct cm_json_budget json;
	size_t kept;
};

static bool is_nested(const char *name)
{
	return strcmp(name, "image.tar") == 0 || cm_str_has_suffix(name, "_data.tar.gz");
}

static size_t keep_limit(const char *name)
{
	for (size_t i = 0; i < CM_COUNT(texts); i++)
		if (strcmp(name, texts[i]) == 0)
			return TEXT_MAX;
	if (is_nested(name))
		return HEAD_LEN;
	return cm_str_has_suffix(name, "_metadata.json") ? META_LEN : 0;
}

/* Reads an entry to its end, keeping at most max bytes of it. */
static int read_entry(struct cm_foreign *f, size_t max, struct cm_buf *out, struct cm_err *err)
{
	const void *data;
	size_t len;
	uint64_t at;

	for (;;) {
		int rc = cm_foreign_data(f, &data, &len, &at, err);
		if (rc < 0 || len == 0)
			return rc;
		cm_buf_add(out, data, len < max - out->len ? len : max - out->len);
	}
}

static int keep(struct cm_legacy *l, const char *name, uint64_t size, const struct cm_buf *text, struct cm_err *err)
{
	struct json_object *o = NULL;

	if (cm_json_get(l->sizes, name) != NULL || cm_json_get(l->raw, name) != NULL)
		return cm_err_set(err, CM_ECORRUPT, "The backup is damaged: it holds %.200s twice.", name);
	l->kept += strlen(name) + text->len;
	if (l->kept > KEPT_MAX)
		return cm_err_set(err, CM_ECORRUPT, "The archive describes more volumes than a container can have.");
	if (is_nested(name)) {
		cm_json_set_int(l->sizes, name, (int64_t)size);
		if (cm_utf8_valid(text->data, text->len) && memchr(text->data, 0, text->len) == NULL)
			cm_json_set_str(l->heads, name, text->data);
		return 0;
	}
	if (cm_str_has_suffix(name, ".txt")) {
		if (cm_utf8_valid(text->data, text->len))
			cm_json_set_str(l->raw, name, text->data);
		return 0;
	}
	if (cm_json_parse_bounded(text->data, text->len, &l->json, &o, NULL) != 0) {
		if (strcmp(name, "container_config.json") == 0 || strcmp(name, "backup_metadata.json") == 0)
			return cm_err_set(err, CM_ECORRUPT, "The backup is damaged: %s cannot be read.", name);
		return 0;
	}
	cm_json_set(l->raw, name, o);
	return 0;
}

static int scan(struct cm_legacy *l, struct cm_foreign *f, struct cm_err *err)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(TEXT_MAX);
	struct cm_entry e;
	uint64_t files = 0, bytes = 0;
	bool end = false;
	int rc = 0;

	while (rc == 0) {
		rc = cm_foreign_next(f, &e, &end, err);
		if (rc < 0 || end)
			break;
		files++;
		bytes += e.size;
		cm_buf_reset(&text);
		size_t max = e.type == 'f' ? keep_limit(e.path) : 0;
		if (max == TEXT_MAX && e.size > TEXT_MAX)
			return cm_err_set(err, CM_ECORRUPT, "The backup is damaged: %s is too large.", e.path);
		rc = read_entry(f, max, &text, err);
		if (rc == 0 && max > 0)
			rc = keep(l, e.path, e.size, &text, err);
	}
	cm_json_set_int(l->info, "files", (int64_t)files);
	cm_json_set_int(l->info, "bytes", (int64_t)bytes);
	return rc;
}

static void say_missing(struct cm_legacy *l, const char *sentence)
{
	cm_json_add_str(cm_json_arr(l->info, "missing"), sentence);
}

/* The rest of a note's first line after its prefix. */
static char *note_of(const char *head, const char *prefix)
{
	if (head == NULL || !cm_str_has_prefix(head, prefix))
		return NULL;
	head += strlen(prefix);
	while (*head == ' ' || *head == ':')
		head++;
	return cm_strndup(head, strcspn(head, "\n"));
}

static void describe_image(struct cm_legacy *l)
{
	struct json_object *o = json_object_new_object();
	int64_t size = cm_json_int(l->sizes, "image.tar", -1);
	const char *head = cm_json_str(l->heads, "image.tar", NULL);
	cm_autofree char *note = note_of(head, "# Image export failed");

	cm_json_set(l->info, "image", o);
	if (size < 0) {
		cm_json_set_str(o, "state", "missing");
		say_missing(l, "The image is not in this backup.");
		return;
	}
	bool failed = note != NULL || size <= 100;
	cm_json_set_str(o, "member", "image.tar");
	cm_json_set_int(o, "size", size);
	cm_json_set_str(o, "state", failed ? "failed" : "present");
	if (failed) {
		cm_json_set_str(o, "error", note);
		say_missing(l, "The image is not in this backup: its export had failed.");
	}
}

/* One entry of volumes_info.json. */
static void describe_part(struct cm_legacy *l, struct json_object *v)
{
	bool bind = cm_str_eq(cm_json_str(v, "type", ""), "bind");
	const char *name = cm_json_str(v, bind ? "source" : "name", NULL);
	char sentence[512];

	if (name == NULL || name[0] == '\0')
		return;
	const char *slash = strrchr(name, '/'), *base = bind && slash != NULL ? slash + 1 : name;
	cm_autofree char *member = cm_asprintf("volumes/%s%s_data.tar.gz", bind ? "bind_" : "", base),
			 *meta_name = cm_asprintf("volumes/%s%s_metadata.json", bind ? "bind_" : "", base);
	struct json_object *o = json_object_new_object(), *meta = cm_json_obj(l->raw, meta_name);
	cm_json_set_str(o, "kind", bind ? "bind" : "volume");
	cm_json_set_str(o, bind ? "source" : "name", name);
	cm_json_set_str(o, "destination", cm_json_str(v, "destination", NULL));
	if (!bind)
		cm_json_set_str(o, "driver", cm_json_str(v, "driver", "local"));
	if (cm_json_obj(meta, "options") != NULL)
		cm_json_set(o, "options", json_object_get(cm_json_obj(meta, "options")));
	/* A bind's archive has one leading folder: the base name of its source. */
	cm_json_set_int(o, "strip", bind ? 1 : 0);
	json_object_array_add(cm_json_arr(l->info, "parts"), o);

	int64_t size = cm_json_int(l->sizes, member, -1);
	cm_autofree char *note = note_of(cm_json_str(l->heads, member, NULL), "# Volume data backup failed");
	const char *error = note != NULL ? note : cm_json_str(meta, "backup_failed", NULL);
	if (size >= 0 && note == NULL) {
		cm_json_set_str(o, "state", "present");
		cm_json_set_str(o, "member", member);
		cm_json_set_int(o, "size", size);
		return;
	}
	cm_json_set_str(o, "state", error != NULL ? "failed" : "missing");
	if (error != NULL)
		cm_json_set_str(o, "error", error);
	snprintf(sentence, sizeof(sentence), "The content of %s %.200s is not in this backup%s%.200s.",
		 bind ? "the folder" : "the volume", name, error != NULL ? ": saving it had failed: " : "",
		 error != NULL ? error : "");
	say_missing(l, sentence);
}

static void take(struct cm_legacy *l, const char *key, const char *member)
{
	cm_json_set(l->info, key, json_object_get(cm_json_get(l->raw, member)));
}

static int describe(struct cm_legacy *l, struct cm_err *err)
{
	struct json_object *volumes = cm_json_arr(l->raw, "volumes_info.json");

	if (cm_json_obj(l->raw, "container_config.json") == NULL || cm_json_obj(l->raw, "backup_metadata.json") == NULL)
		return cm_err_set(err, CM_EUNSUPPORTED, "This archive is no backup: it has no %s.",
				  cm_json_obj(l->raw, "container_config.json") == NULL ? "container_config.json"
										       : "backup_metadata.json");
	take(l, "metadata", "backup_metadata.json");
	take(l, "companion", "companion.json");
	take(l, "config", "container_config.json");
	take(l, "run_command", "docker_run_command.txt");
	cm_json_set(l->info, "volumes_info", volumes != NULL ? json_object_get(volumes) : json_object_new_array());
	cm_json_set(l->info, "parts", json_object_new_array());
	cm_json_set(l->info, "missing", json_object_new_array());
	describe_image(l);
	if (volumes == NULL)
		say_missing(l, "The list of volumes (volumes_info.json) is not in this backup.");
	for (size_t i = 0; i < cm_json_len(volumes) && i < CM_PARTS_MAX; i++)
		describe_part(l, json_object_array_get_idx(volumes, i));
	return 0;
}

int cm_legacy_open(const struct cm_source *source, struct cm_legacy **ret, struct cm_err *err)
{
	struct cm_legacy *l = cm_alloc(sizeof(*l));
	struct cm_source_stream stream = { *source, 0 };
	struct cm_foreign *f = NULL;

	l->source = *source;
	l->info = json_object_new_object();
	l->raw = json_object_new_object();
	l->heads = json_object_new_object();
	l->sizes = json_object_new_object();
	int rc = cm_foreign_open(cm_source_stream_read, &stream, &f, err);
	if (rc == 0)
		rc = scan(l, f, err);
	if (rc == 0)
		rc = describe(l, err);
	cm_foreign_free(f);
	if (rc < 0) {
		cm_legacy_free(l);
		return rc;
	}
	*ret = l;
	return 0;
}

void cm_legacy_free(struct cm_legacy *l)
{
	if (l == NULL)
		return;
	json_object_put(l->info);
	json_object_put(l->raw);
	json_object_put(l->heads);
	json_object_put(l->sizes);
	free(l);
}

struct json_object *cm_legacy_info(const struct cm_legacy *l)
{
	return l->info;
}

int cm_legacy_stream(struct cm_legacy *l, const char *name, cm_archive_write_fn write, void *ctx, struct cm_err *err)
{
	return cm_foreign_stream(&l->source, name, strlen(name), write, ctx, err);
}

struct sending {
	struct cm_exchange x;
	bool line_failed; /* the error is the line's, so the helper may have left a better reason */
};

static int send_piece(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct sending *s = ctx;
	const char *p = data;

	while (len > 0) {
		size_t n = len < cm_frame_max(CM_FRAME_DATA) ? len : cm_frame_max(CM_FRAME_DATA);
		int rc = cm_exchange_check(&s->x, err);
		if (rc == 0)
			rc = cm_exchange_poll(&s->x, err);
		if (rc == 0) {
			rc = cm_peer_send(s->x.peer, CM_FRAME_DATA, p, n, err);
			s->line_failed = rc < 0;
		}
		if (rc < 0)
			return rc;
		p += n;
		len -= n;
	}
	return 0;
}

int cm_legacy_unpack(struct cm_legacy *l, const char *name, unsigned strip, const char *target, bool merge, bool sync,
		     struct cm_peer *peer, const struct cm_archive_watch *watch, struct json_object **ret_result,
		     struct cm_err *err)
{
	struct sending s = { .x = { .peer = peer, .watch = watch } };
	cm_autojson struct json_object *plan = json_object_new_object();

	cm_json_set_int(plan, "v", CM_PROTO_VERSION);
	cm_json_set_str(plan, "op", "unpack_tar");
	cm_json_set_str(plan, "target", target);
	cm_json_set_int(plan, "strip", strip);
	cm_json_set_bool(plan, "merge", merge);
	cm_json_set_bool(plan, "sync", sync);
	int rc = cm_peer_send_json(peer, CM_FRAME_PLAN, plan, err);
	s.line_failed = rc < 0;
	if (rc == 0)
		rc = cm_legacy_stream(l, name, send_piece, &s, err);
	if (rc == 0) {
		rc = cm_peer_send(peer, CM_FRAME_EOF, NULL, 0, err);
		s.line_failed = rc < 0;
	}
	if (rc < 0 && s.line_failed)
		rc = cm_exchange_reason(&s.x, rc, err);
	if (rc == 0)
		rc = cm_exchange_finish(&s.x, NULL, NULL, err);
	if (rc == 0 && ret_result != NULL)
		*ret_result = cm_move(&s.x.end);
	json_object_put(s.x.end);
	return rc;
}
