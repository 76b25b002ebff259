/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/volume_files.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/entry.h"
#include "archive/format.h"
#include "archive/manifest_line.h"
#include "archive/peer.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/docker.h"
#include "service/browse.h"
#include "service/engine.h"
#include "service/helper_shift.h"
#include "service/volumes.h"

enum { TEXT_MAX = 3 * CM_PATH_MAX + 1, LISTING_MAX = 32 << 20 };

struct cm_volume_files {
	struct cm_docker *d; /* its own: a download goes on in another thread */
	struct cm_shift shift;
	char *volume;
	bool write;
};

static void files_free(struct cm_volume_files *f)
{
	cm_shift_drop(&f->shift);
	cm_docker_free(f->d);
	free(f->volume);
	free(f);
}

static void *files_end(void *arg)
{
	files_free(arg);
	return NULL;
}

/* Removing a container takes a moment that nobody needs to wait for. */
void cm_volume_files_close(struct cm_volume_files *f)
{
	pthread_attr_t attr;
	pthread_t thread;

	if (f == NULL)
		return;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, files_end, f) != 0)
		files_free(f);
	pthread_attr_destroy(&attr);
}

int cm_volume_files_open(const struct cm_app *app, const char *volume, bool write, struct cm_volume_files **ret,
			 struct cm_err *err)
{
	cm_autojson struct json_object *look = NULL;
	struct cm_volume_files *f;
	int rc = cm_volumes_look(app, volume, &look, err);

	rc = rc < 0 ? rc : cm_volumes_may_change(look, err);
	if (rc < 0)
		return rc;
	f = cm_alloc(sizeof(*f));
	f->volume = cm_strdup(volume);
	f->write = write;
	rc = cm_engine_open(app, &f->d, err);
	if (rc == 0) {
		const struct cm_shift_need need = { f->volume, write };

		f->shift = (struct cm_shift){ .app = app, .d = f->d };
		rc = cm_shift_need(&f->shift, &need, 1, err);
	}
	if (rc < 0) {
		files_free(f);
		return rc;
	}
	*ret = f;
	return 0;
}

/* The path as bytes into the plan, under key or, when it is no UTF-8, key64. */
static int path_set(struct json_object *plan, const char *key, const char *path, struct cm_err *err)
{
	cm_autobuf struct cm_buf bytes = CM_BUF_INIT(CM_PATH_MAX), coded = CM_BUF_INIT(2 * CM_PATH_MAX);
	cm_autofree char *key64 = cm_asprintf("%s64", key);
	int rc = cm_browse_path_bytes(path, &bytes, err);

	if (rc < 0)
		return rc;
	if (bytes.len == 0) {
		cm_json_set_str(plan, key, "");
	} else if (cm_utf8_valid(bytes.data, bytes.len)) {
		cm_json_set_str(plan, key, bytes.data);
	} else {
		cm_base64(&coded, bytes.data, bytes.len);
		cm_json_set_str(plan, key64, coded.data);
	}
	return 0;
}

static int plan_new(struct cm_volume_files *f, const char *op, const char *key, const char *path,
		    struct json_object **ret, struct cm_err *err)
{
	const struct cm_shift_need need = { f->volume, f->write };
	cm_autojson struct json_object *plan = json_object_new_object();
	int rc = path_set(plan, key, path, err);

	/* After an error the helper may be gone. */
	rc = rc < 0 ? rc : cm_shift_need(&f->shift, &need, 1, err);
	if (rc < 0)
		return rc;
	cm_json_set_str(plan, "op", op);
	cm_json_set_str(plan, "path", cm_shift_path(&f->shift, f->volume, f->write));
	*ret = cm_move(&plan);
	return 0;
}

static int take_text(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct cm_buf *text = ctx;

	cm_buf_add(text, data, len);
	return cm_buf_failed(text) ? cm_err_set(err, CM_ETOOBIG, "This is too much to be shown at once.") : 0;
}

static struct json_object *clean_text(const char *s, size_t len)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(TEXT_MAX);

	cm_utf8_clean(&b, s, len);
	return json_object_new_string_len(b.len > 0 ? b.data : "", (int)b.len);
}

/* folder: the path of the folder it is in, as bytes. */
static struct json_object *entry_json(const struct cm_entry *e, const struct cm_buf *folder)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(CM_PATH_MAX + 512), text = CM_BUF_INIT(TEXT_MAX);
	struct json_object *o = json_object_new_object();

	if (folder->len > 0) {
		cm_buf_add(&path, folder->data, folder->len);
		cm_buf_char(&path, '/');
	}
	cm_buf_add(&path, e->path, e->path_len);
	cm_browse_path_text(&text, path.data, path.len);
	cm_json_set(o, "name", clean_text(e->path, e->path_len));
	cm_json_set_str(o, "path", text.data);
	cm_json_set_str(o, "type", cm_browse_type(e->type));
	cm_json_set_int(o, "size", (int64_t)e->size);
	cm_json_set_int(o, "mode", e->mode);
	cm_json_set_int(o, "uid", e->uid);
	cm_json_set_int(o, "gid", e->gid);
	cm_json_set_int(o, "mtime_ms", e->mtime_s * 1000 + e->mtime_ns / 1000000);
	cm_json_set(o, "link_target", e->type == 'l' && e->link != NULL ? clean_text(e->link, e->link_len) : NULL);
	cm_json_set_bool(o, "has_bytes", e->type == 'f');
	return o;
}

static int entries_parse(const struct cm_buf *lines, const struct cm_buf *folder, struct json_object *entries,
			 struct cm_err *err)
{
	const char *at = lines->data, *end = at + lines->len;

	while (lines->len > 0 && at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		struct cm_line line;
		int rc;

		if (stop == NULL)
			return cm_err_set(err, CM_EUPSTREAM, "The helper's list of the folder is incomplete.");
		cm_line_init(&line);
		rc = cm_line_parse(at, (size_t)(stop - at), &line, err);
		if (rc == 0)
			json_object_array_add(entries, entry_json(&line.entry, folder));
		cm_line_release(&line);
		if (rc < 0)
			return rc;
		at = stop + 1;
	}
	return 0;
}

int cm_volume_files_list(struct cm_volume_files *f, const char *path, const struct cm_volume_query *q,
			 struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf lines = CM_BUF_INIT(LISTING_MAX), bytes = CM_BUF_INIT(CM_PATH_MAX),
				 text = CM_BUF_INIT(TEXT_MAX);
	cm_autojson struct json_object *plan = NULL, *end = NULL, *o = json_object_new_object();
	struct json_object *entries = json_object_new_array();
	int rc = plan_new(f, "page", "dir", path, &plan, err);

	cm_json_set(o, "entries", entries);
	if (rc < 0)
		return rc;
	cm_json_set_str(plan, "sort", q->sort);
	cm_json_set_str(plan, "q", q->q);
	cm_json_set_bool(plan, "descending", q->descending);
	cm_json_set_int(plan, "offset", q->offset);
	cm_json_set_int(plan, "limit", q->limit);
	rc = cm_browse_path_bytes(path, &bytes, err);
	rc = rc < 0 ? rc : cm_shift_run(&f->shift, plan, NULL, take_text, &lines, &end, err);
	rc = rc < 0 ? rc : entries_parse(&lines, &bytes, entries, err);
	if (rc < 0)
		return rc;
	cm_browse_path_text(&text, bytes.data, bytes.len);
	cm_json_set_str(o, "path", text.data);
	cm_json_set_int(o, "total", cm_json_int(end, "total", 0));
	cm_json_set_int(o, "folders", cm_json_int(end, "folders", 0));
	cm_json_set_bool(o, "more", cm_json_bool(end, "more", false));
	*ret = cm_move(&o);
	return 0;
}

int cm_volume_files_stat(struct cm_volume_files *f, const char *path, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf lines = CM_BUF_INIT(1 << 20), folder = CM_BUF_INIT(CM_PATH_MAX);
	cm_autojson struct json_object *plan = NULL, *found = json_object_new_array();
	char *slash;
	int rc = cm_browse_path_bytes(path, &folder, err);

	if (rc < 0)
		return rc;
	if (folder.len == 0) {
		const struct cm_entry top = { .type = 'd', .path = f->volume, .path_len = strlen(f->volume) };

		*ret = entry_json(&top, &folder);
		cm_json_set_str(*ret, "path", "/");
		return 0;
	}
	rc = plan_new(f, "stat", "file", path, &plan, err);
	rc = rc < 0 ? rc : cm_shift_run(&f->shift, plan, NULL, take_text, &lines, NULL, err);
	if (rc < 0)
		return rc;
	slash = strrchr(folder.data, '/');
	folder.len = slash != NULL ? (size_t)(slash - folder.data) : 0;
	folder.data[folder.len] = '\0';
	rc = entries_parse(&lines, &folder, found, err);
	if (rc == 0 && cm_json_len(found) != 1)
		rc = cm_err_set(err, CM_EUPSTREAM, "The helper did not say what the file is.");
	if (rc == 0)
		*ret = json_object_get(json_object_array_get_idx(found, 0));
	return rc;
}

int cm_volume_files_read(struct cm_volume_files *f, const char *path, size_t max, struct cm_buf *out,
			 struct cm_err *err)
{
	cm_autojson struct json_object *plan = NULL;
	int rc = plan_new(f, "cat", "file", path, &plan, err);

	if (rc < 0)
		return rc;
	cm_json_set_int(plan, "max", (int64_t)max);
	return cm_shift_run(&f->shift, plan, NULL, take_text, out, NULL, err);
}

struct outlet {
	int fd;
	const atomic_bool *stop;
	int64_t left; /* -1: no limit */
};

static bool outlet_stopped(void *ctx)
{
	const struct outlet *o = ctx;

	return o->stop != NULL && atomic_load(o->stop);
}

static int outlet_write(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct outlet *o = ctx;
	const char *p = data;

	/* It grew since its length was told. */
	if (o->left >= 0 && (int64_t)len > o->left)
		len = (size_t)o->left;
	if (o->left >= 0)
		o->left -= (int64_t)len;
	while (len > 0) {
		ssize_t n = write(o->fd, p, len);

		if (n < 0 && errno == EINTR && !outlet_stopped(o))
			continue;
		if (n <= 0)
			return cm_err_set(err, CM_ECANCELLED, "Nobody waits for it any more.");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int send_all(struct cm_volume_files *f, struct json_object *plan, struct outlet *o, struct cm_err *err)
{
	const struct cm_archive_watch watch = { .ctx = o, .cancelled = outlet_stopped };

	return cm_shift_run(&f->shift, plan, &watch, outlet_write, o, NULL, err);
}

int cm_volume_files_send(struct cm_volume_files *f, const char *path, int64_t size, int fd, const atomic_bool *stop,
			 struct cm_err *err)
{
	struct outlet o = { fd, stop, size > 0 ? size : -1 };
	cm_autojson struct json_object *plan = NULL;
	int rc = plan_new(f, "cat", "file", path, &plan, err);

	if (rc == 0 && size > 0)
		cm_json_set_int(plan, "max", size);
	rc = rc < 0 ? rc : send_all(f, plan, &o, err);
	if (rc == 0 && o.left > 0)
		return cm_err_set(err, CM_EIO, "The file became shorter while it was read.");
	return rc;
}

int cm_volume_files_send_folder(struct cm_volume_files *f, const char *path, const char *name, int fd,
				const atomic_bool *stop, struct cm_err *err)
{
	struct outlet o = { fd, stop, -1 };
	cm_autojson struct json_object *plan = NULL;
	int rc = plan_new(f, "tar", "dir", path, &plan, err);

	if (rc < 0)
		return rc;
	cm_json_set_str(plan, "name", name);
	return send_all(f, plan, &o, err);
}

static int change(struct cm_volume_files *f, const char *op, const char *path, const char *to, struct cm_err *err)
{
	cm_autojson struct json_object *plan = NULL;
	int rc = plan_new(f, op, "file", path, &plan, err);

	if (rc == 0 && to != NULL)
		rc = path_set(plan, "to", to, err);
	return rc < 0 ? rc : cm_shift_run(&f->shift, plan, NULL, NULL, NULL, NULL, err);
}

int cm_volume_files_mkdir(struct cm_volume_files *f, const char *path, struct cm_err *err)
{
	return change(f, "mkdir", path, NULL, err);
}

int cm_volume_files_rename(struct cm_volume_files *f, const char *path, const char *to, struct cm_err *err)
{
	return change(f, "rename", path, to, err);
}

int cm_volume_files_remove(struct cm_volume_files *f, const char *path, struct cm_err *err)
{
	return change(f, "remove", path, NULL, err);
}

struct inlet {
	int fd;
	off_t at, end;
};

static int inlet_read(void *ctx, void *data, size_t cap, size_t *ret_len, struct cm_err *err)
{
	struct inlet *in = ctx;
	size_t want = (off_t)cap < in->end - in->at ? cap : (size_t)(in->end - in->at);
	ssize_t n;

	do
		n = want > 0 ? pread(in->fd, data, want, in->at) : 0;
	while (n < 0 && errno == EINTR);
	if (n < 0 || (n == 0 && want > 0))
		return cm_err_set(err, CM_EIO, "The uploaded file could not be read.");
	in->at += n;
	*ret_len = (size_t)n;
	return 0;
}

int cm_volume_files_put(struct cm_volume_files *f, const char *path, bool replace, int fd, off_t off, int64_t len,
			struct cm_err *err)
{
	struct inlet in = { fd, off, off + len };
	cm_autojson struct json_object *plan = NULL;
	int rc = plan_new(f, "put", "file", path, &plan, err);

	if (rc < 0)
		return rc;
	cm_json_set_bool(plan, "replace", replace);
	return cm_shift_done(&f->shift, cm_peer_run_source(&f->shift.peer, plan, NULL, inlet_read, &in, NULL, err));
}
