/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/browse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "archive/reader.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/vaults.h"

enum { PATH_MAX_BYTES = 3 * CM_PATH_MAX };

struct cm_browse_file {
	struct cm_vaults_file stored;
	struct cm_archive *archive;
	struct cm_archive_item *item;
	struct json_object *info;
	char *name;
};

static bool is_plain(const char *s, size_t len, size_t *ret_bytes)
{
	unsigned char c = (unsigned char)*s;
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	*ret_bytes = 1;
	if (c < 0x20 || c == 0x7f || c == '%')
		return false;
	if (n > len || !cm_utf8_valid(s, n))
		return false;
	*ret_bytes = n;
	return true;
}

void cm_browse_path_text(struct cm_buf *out, const char *path, size_t len)
{
	cm_buf_char(out, '/');
	while (len > 0) {
		size_t n;

		if (is_plain(path, len, &n))
			cm_buf_add(out, path, n);
		else
			cm_buf_printf(out, "%%%02X", (unsigned char)*path);
		path += n;
		len -= n;
	}
}

int cm_browse_path_bytes(const char *text, struct cm_buf *out, struct cm_err *err)
{
	text += strspn(text, "/");
	for (; *text != '\0'; text++) {
		unsigned char c;

		if (text[0] == '%' && text[1] != '\0' && text[2] != '\0') {
			char hex[3] = { text[1], text[2], '\0' };

			if (cm_unhex(&c, 1, hex) && c != 0) {
				cm_buf_char(out, (char)c);
				text += 2;
				continue;
			}
		}
		cm_buf_char(out, *text);
	}
	if (cm_buf_failed(out))
		return cm_err_set(err, CM_EINVAL, "The path is too long.");
	while (out->len > 0 && out->data[out->len - 1] == '/')
		out->data[--out->len] = '\0';
	for (const char *part = out->data; part != NULL; part = strchr(part, '/')) {
		part += *part == '/';
		if (strcspn(part, "/") == 2 && part[0] == '.' && part[1] == '.')
			return cm_err_set(err, CM_EINVAL, "A path here has no \"..\".");
	}
	return 0;
}

const char *cm_browse_type(char type)
{
	switch (type) {
	case 'd':
		return "directory";
	case 'l':
		return "symlink";
	case 'h':
		return "hardlink";
	case 'p':
		return "fifo";
	case 'c':
		return "chardev";
	case 'b':
		return "blockdev";
	default:
		return "file";
	}
}

static struct json_object *clean_text(const char *s, size_t len)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(PATH_MAX_BYTES);

	cm_utf8_clean(&b, s, len);
	return json_object_new_string(b.data);
}

static struct json_object *item_json(const struct cm_archive_item *item)
{
	struct json_object *o = json_object_new_object();
	const char *slash = memrchr(item->path, '/', item->path_len);
	const char *name = slash ? slash + 1 : item->path;
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_MAX_BYTES);

	cm_browse_path_text(&path, item->path, item->path_len);
	cm_json_set(o, "name", clean_text(name, item->path_len - (size_t)(name - item->path)));
	cm_json_set_str(o, "path", path.data);
	cm_json_set_str(o, "type", cm_browse_type(item->type));
	cm_json_set_int(o, "size", (int64_t)item->size);
	cm_json_set_int(o, "mode", item->mode);
	cm_json_set_int(o, "uid", item->uid);
	cm_json_set_int(o, "gid", item->gid);
	cm_json_set_int(o, "mtime_ms", item->mtime_s * 1000 + item->mtime_ns / 1000000);
	cm_json_set_str(o, "sha256", item->sha256[0] != '\0' && !item->sparse ? item->sha256 : NULL);
	cm_json_set(o, "link_target", item->link != NULL ? clean_text(item->link, item->link_len) : NULL);
	cm_json_set_bool(o, "has_bytes", item->type == 'f' || item->type == 'h');
	cm_json_set_bool(o, "changed", item->changed);
	cm_json_set_bool(o, "synthetic", item->synthetic);
	return o;
}

struct listing {
	struct json_object *entries;
	int64_t truncated;
};

static int on_item(void *ctx, const struct cm_archive_item *item)
{
	struct listing *l = ctx;

	if (cm_json_len(l->entries) < CM_BROWSE_MAX)
		json_object_array_add(l->entries, item_json(item));
	else
		l->truncated++;
	return 0;
}

static int folders_first(const void *a, const void *b)
{
	struct json_object *x = *(struct json_object *const *)a, *y = *(struct json_object *const *)b;
	bool x_folder = cm_str_eq(cm_json_str(x, "type", ""), "directory");
	bool y_folder = cm_str_eq(cm_json_str(y, "type", ""), "directory");

	if (x_folder != y_folder)
		return x_folder ? -1 : 1;
	return strcmp(cm_json_str(x, "name", ""), cm_json_str(y, "name", ""));
}

static int archive_open(const struct cm_app *app, const char *filename, struct cm_vaults_file *stored,
			struct cm_archive **ret, struct cm_err *err)
{
	struct cm_source source;
	int rc;

	if (filename != NULL && cm_str_has_suffix(filename, ".json"))
		return cm_err_set(err, CM_EUNSUPPORTED, "A network backup holds no files.");
	rc = cm_vaults_open_file(app, filename, stored, err);
	if (rc < 0)
		return rc;
	source = cm_vaults_source(stored);
	rc = cm_archive_open(&source, ret, err);
	if (rc < 0)
		cm_vaults_close_file(stored);
	return rc;
}

int cm_browse_list(const struct cm_app *app, const char *filename, const char *path, struct json_object **ret,
		   struct cm_err *err)
{
	cm_autobuf struct cm_buf bytes = CM_BUF_INIT(CM_PATH_MAX), text = CM_BUF_INIT(PATH_MAX_BYTES);
	struct listing l = { 0 };
	struct cm_vaults_file stored = { 0 };
	struct cm_archive *a = NULL;
	int rc = cm_browse_path_bytes(path != NULL ? path : "", &bytes, err);

	rc = rc < 0 ? rc : archive_open(app, filename, &stored, &a, err);
	if (rc < 0)
		return rc;
	l.entries = json_object_new_array();
	rc = cm_archive_list(a, bytes.data, bytes.len, on_item, &l, err);
	cm_archive_free(a);
	cm_vaults_close_file(&stored);
	if (rc < 0) {
		json_object_put(l.entries);
		return rc;
	}
	json_object_array_sort(l.entries, folders_first);
	cm_browse_path_text(&text, bytes.data, bytes.len);
	*ret = json_object_new_object();
	cm_json_set_str(*ret, "path", text.data);
	cm_json_set(*ret, "entries", l.entries);
	cm_json_set_int(*ret, "truncated", l.truncated);
	return 0;
}

void cm_browse_close(struct cm_browse_file *f)
{
	if (f == NULL)
		return;
	cm_archive_item_free(f->item);
	cm_archive_free(f->archive);
	cm_vaults_close_file(&f->stored);
	json_object_put(f->info);
	free(f->name);
	free(f);
}

int cm_browse_open(const struct cm_app *app, const char *filename, const char *path, struct cm_browse_file **ret,
		   struct cm_err *err)
{
	cm_autobuf struct cm_buf bytes = CM_BUF_INIT(CM_PATH_MAX);
	struct cm_browse_file *f = cm_alloc(sizeof(*f));
	struct cm_archive_item *first = NULL;
	const char *slash;
	int rc = cm_browse_path_bytes(path != NULL ? path : "", &bytes, err);

	rc = rc < 0 ? rc : archive_open(app, filename, &f->stored, &f->archive, err);
	rc = rc < 0 ? rc : cm_archive_stat(f->archive, bytes.data, bytes.len, &f->item, err);
	if (rc == 0 && f->item->type != 'f' && f->item->type != 'h')
		rc = cm_err_set(err, CM_EUNSUPPORTED, "This is no file with content.");
	/* A hard link has the content, and its length, of its first name. */
	if (rc == 0 && f->item->type == 'h')
		rc = cm_archive_stat(f->archive, f->item->link, f->item->link_len, &first, err);
	if (rc < 0) {
		cm_browse_close(f);
		return rc;
	}
	slash = memrchr(bytes.data, '/', bytes.len);
	f->name = cm_strdup(slash ? slash + 1 : bytes.data);
	f->info = item_json(f->item);
	if (first != NULL) {
		cm_archive_item_free(f->item);
		f->item = first;
	}
	*ret = f;
	return 0;
}

uint64_t cm_browse_size(const struct cm_browse_file *f)
{
	return f->item->size;
}

const char *cm_browse_name(const struct cm_browse_file *f)
{
	return f->name;
}

struct json_object *cm_browse_info(const struct cm_browse_file *f)
{
	return f->info;
}

struct send {
	int fd;
	const atomic_bool *stop;
};

static int send_piece(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct send *s = ctx;

	if (s->stop != NULL && atomic_load(s->stop))
		return cm_err_set(err, CM_ECANCELLED, "The transfer was ended.");
	if (cm_fd_write_all(s->fd, data, len) < 0)
		return cm_err_errno(err, errno, "sending the file");
	return 0;
}

int cm_browse_send(struct cm_browse_file *f, int fd, const atomic_bool *stop, struct cm_err *err)
{
	struct send s = { fd, stop };

	return cm_archive_extract(f->archive, f->item, send_piece, &s, err);
}

struct look {
	struct cm_buf *out;
	size_t left;
};

static int look_piece(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct look *l = ctx;
	size_t n = len < l->left ? len : l->left;

	cm_buf_add(l->out, data, n);
	l->left -= n;
	if (l->left > 0)
		return 0;
	/* Enough was seen: ends the reading, see below. */
	return cm_err_set(err, CM_ECANCELLED, "enough");
}

int cm_browse_read(struct cm_browse_file *f, size_t max, struct cm_buf *out, struct cm_err *err)
{
	struct look l = { out, max };
	int rc;

	if (max == 0)
		return 0;
	rc = cm_archive_extract(f->archive, f->item, look_piece, &l, err);
	if (rc == CM_ECANCELLED && l.left == 0)
		rc = 0;
	if (rc == 0 && cm_buf_failed(out))
		rc = cm_err_set(err, cm_buf_failed(out), "The file is too large to show.");
	return rc;
}
