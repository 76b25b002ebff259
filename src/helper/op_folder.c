/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A folder for people who look at it: a page of its entries, one entry, all of it as a tar.gz. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "archive/block.h"
#include "archive/deflate_ring.h"
#include "archive/entry.h"
#include "archive/pax_head.h"
#include "archive/proto.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "helper/inode.h"
#include "helper/ops.h"
#include "helper/walk.h"
#include "helper/wire.h"

enum { PIECE = 262144, NAMES_MAX = 1000000, NAMES_BYTES = 96 << 20, PAGE_MAX = 5000 };

int cm_plan_parent(struct json_object *plan, const char *key, const char *key64, struct cm_buf *text,
		   const char **ret_name, struct cm_err *err)
{
	char *slash;
	int rc = cm_plan_text(plan, key, key64, text, err);

	if (rc < 0)
		return rc;
	if (!cm_entry_path_ok(text->data, text->len))
		return cm_err_set(err, CM_EINVAL, "This path is not allowed.");
	slash = strrchr(text->data, '/');
	*ret_name = slash != NULL ? slash + 1 : text->data;
	if (slash == NULL)
		return cm_open_below(cm_json_str(plan, "path", ""), "", O_RDONLY | O_DIRECTORY, err);
	*slash = '\0';
	return cm_open_below(cm_json_str(plan, "path", ""), text->data, O_RDONLY | O_DIRECTORY, err);
}

struct item {
	char *name;
	int64_t key; /* what it is sorted by beside its name */
	bool folder;
};

struct page {
	struct item *items;
	size_t count, cap, folders, bytes;
	bool by_key, more;
};

static int item_order(const void *a, const void *b, void *ctx)
{
	const struct item *x = a, *y = b;
	bool descending = *(bool *)ctx;
	int order;

	if (x->folder != y->folder)
		return x->folder ? -1 : 1;
	order = (x->key > y->key) - (x->key < y->key);
	if (order == 0)
		order = strcasecmp(x->name, y->name);
	if (order == 0)
		order = strcmp(x->name, y->name);
	return descending ? -order : order;
}

static void item_add(struct page *p, int fd, const struct dirent *e, const char *sort)
{
	struct statx st = { 0 };
	bool folder = e->d_type == DT_DIR;

	if ((p->by_key || e->d_type == DT_UNKNOWN) &&
	    statx(fd, e->d_name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &st) != 0)
		return;
	if (st.stx_mode != 0)
		folder = cm_inode_type(st.stx_mode) == 'd';
	if (p->count == p->cap) {
		p->cap = p->cap == 0 ? 1024 : p->cap * 2;
		p->items = cm_realloc(p->items, p->cap, sizeof(*p->items));
	}
	p->items[p->count++] = (struct item){
		.name = cm_strdup(e->d_name),
		.folder = folder,
		.key = !p->by_key		 ? 0
		       : cm_str_eq(sort, "time") ? st.stx_mtime.tv_sec
		       : folder			 ? 0
						 : (int64_t)st.stx_size,
	};
	p->folders += folder;
	p->bytes += strlen(e->d_name) + sizeof(struct item);
}

static int names_read(struct page *p, int fd, const char *q, const char *sort, struct cm_err *err)
{
	const struct dirent *e;
	DIR *d = fdopendir(dup(fd));

	if (d == NULL)
		return cm_err_errno(err, errno, "reading a folder");
	for (errno = 0; (e = readdir(d)) != NULL; errno = 0) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    (q[0] != '\0' && strcasestr(e->d_name, q) == NULL))
			continue;
		p->more = p->count == NAMES_MAX || p->bytes > NAMES_BYTES;
		if (p->more)
			break;
		item_add(p, fd, e, sort);
	}
	int rc = e == NULL && errno != 0 ? cm_err_errno(err, errno, "reading a folder") : 0;
	closedir(d);
	return rc;
}

static void page_send(const struct page *p, int fd, int64_t offset, int64_t limit)
{
	cm_autobuf struct cm_buf out = CM_BUF_INIT(1 << 20);

	for (int64_t i = offset; i < offset + limit && i < (int64_t)p->count; i++) {
		(void)cm_look_line(fd, p->items[i].name, &out);
		if (out.len >= PIECE) {
			cm_wire_send(CM_FRAME_DATA, out.data, out.len);
			cm_buf_reset(&out);
		}
	}
	if (out.len > 0)
		cm_wire_send(CM_FRAME_DATA, out.data, out.len);
}

int cm_op_page(struct json_object *plan, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf dir = CM_BUF_INIT(CM_PATH_MAX), q = CM_BUF_INIT(1024);
	const char *sort = cm_json_str(plan, "sort", "name");
	int64_t offset = cm_json_int(plan, "offset", 0), limit = cm_json_int(plan, "limit", 500);
	bool descending = cm_json_bool(plan, "descending", false);
	struct page p = { .by_key = !cm_str_eq(sort, "name") };
	int rc = cm_plan_text(plan, "dir", "dir64", &dir, err);

	rc = rc < 0 ? rc : cm_plan_text(plan, "q", "q64", &q, err);
	if (rc < 0)
		return rc;
	if (offset < 0 || limit < 1 || limit > PAGE_MAX)
		return cm_err_set(err, CM_EINVAL, "The plan's settings are wrong.");
	cm_autoclose int fd = cm_open_below(cm_json_str(plan, "path", ""), dir.data, O_RDONLY | O_DIRECTORY, err);
	if (fd < 0)
		return fd;
	cm_wire_watch();
	rc = names_read(&p, fd, q.len > 0 ? q.data : "", sort, err);
	if (rc == 0) {
		if (p.count > 0)
			qsort_r(p.items, p.count, sizeof(*p.items), item_order, &descending);
		page_send(&p, fd, offset, limit);
		*ret = json_object_new_object();
		cm_json_set_int(*ret, "total", (int64_t)p.count);
		cm_json_set_int(*ret, "folders", (int64_t)p.folders);
		cm_json_set_bool(*ret, "more", p.more);
	}
	for (size_t i = 0; i < p.count; i++)
		free(p.items[i].name);
	free(p.items);
	return rc;
}

int cm_op_stat(struct json_object *plan, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf file = CM_BUF_INIT(CM_PATH_MAX), out = CM_BUF_INIT(1 << 20);
	const char *name = NULL;
	cm_autoclose int fd = cm_plan_parent(plan, "file", "file64", &file, &name, err);

	if (fd < 0)
		return fd;
	cm_wire_watch();
	if (!cm_look_line(fd, name, &out))
		return cm_err_set(err, CM_ENOTFOUND, "There is no such file or folder.");
	cm_wire_send(CM_FRAME_DATA, out.data, out.len);
	*ret = json_object_new_object();
	return 0;
}

struct tar {
	struct cm_deflate_ring *ring;
	const char *prefix;
	uint64_t files, bytes;
};

static int tar_out(void *ctx, uint32_t size, const void *data, uint32_t len, struct cm_err *err)
{
	const uint8_t *p = data;

	(void)ctx, (void)size, (void)err;
	for (uint32_t n; len > 0; p += n, len -= n) {
		n = len < PIECE ? len : PIECE;
		cm_wire_send(CM_FRAME_DATA, p, n);
	}
	return 0;
}

/* Exactly size bytes: what is missing, since the file became shorter, is zeros. */
static int tar_content(struct tar *t, int fd, uint64_t size, struct cm_err *err)
{
	bool ended = false;

	for (uint64_t at = 0; at < size;) {
		uint8_t *to;
		size_t room;
		ssize_t n;
		int rc = cm_deflate_ring_space(t->ring, &to, &room, err);

		if (rc < 0)
			return rc;
		if (room > size - at)
			room = (size_t)(size - at);
		n = ended ? 0 : pread(fd, to, room, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cm_err_errno(err, errno, "reading a file");
		if (n == 0) {
			ended = true;
			memset(to, 0, room);
			n = (ssize_t)room;
		}
		rc = cm_deflate_ring_grew(t->ring, (size_t)n, err);
		if (rc < 0)
			return rc;
		at += (uint64_t)n;
		cm_wire_count((uint64_t)n, 0);
	}
	return cm_deflate_ring_zero(t->ring, cm_tar_pad(size), err);
}

static int tar_entry(void *ctx, const struct cm_entry *given, int fd, const struct statx *st, struct cm_err *err)
{
	cm_autobuf struct cm_buf head = CM_BUF_INIT(CM_HEADERS_MAX + 2 * CM_TAR_BLOCK);
	struct cm_entry e = *given;
	struct tar *t = ctx;
	int rc;

	(void)st;
	e.sparse = false;
	e.stored = e.type == 'f' ? e.size : 0;
	cm_pax_head(&head, t->prefix, &e);
	if (cm_buf_failed(&head))
		return cm_err_set(err, CM_ETOOBIG, "A file has too many attributes.");
	rc = cm_deflate_ring_put(t->ring, head.data, head.len, err);
	if (rc == 0 && e.type == 'f')
		rc = tar_content(t, fd, e.size, err);
	t->files++;
	t->bytes += e.type == 'f' ? e.size : 0;
	cm_wire_count(0, 1);
	return rc;
}

static void tar_warn(void *ctx, const char *path, size_t len, const char *text)
{
	(void)ctx;
	cm_wire_warn(0, path, len, text);
}

static int tar_walk(struct tar *t, struct cm_err *err)
{
	const struct cm_deflate_options o = {
		.codec = CM_CODEC_GZIP, .level = 1, .threads = 2, .block = CM_BLOCK_GZIP
	};
	const struct cm_walk_events events = { t, tar_entry, NULL, tar_warn };
	const struct cm_walk_options walk = { 0 };
	int rc = cm_deflate_ring_new(&o, tar_out, t, &t->ring, err);

	/* The current folder is the one that was opened without following a link. */
	rc = rc < 0 ? rc : cm_walk(".", &walk, &events, err);
	rc = rc < 0 ? rc : cm_deflate_ring_zero(t->ring, (uint64_t)2 * CM_TAR_BLOCK, err);
	rc = rc < 0 ? rc : cm_deflate_ring_drain(t->ring, err);
	cm_deflate_ring_free(t->ring);
	return rc;
}

int cm_op_tar(struct json_object *plan, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf dir = CM_BUF_INIT(CM_PATH_MAX), name = CM_BUF_INIT(1024);
	struct tar t = { 0 };
	int rc = cm_plan_text(plan, "dir", "dir64", &dir, err);

	rc = rc < 0 ? rc : cm_plan_text(plan, "name", "name64", &name, err);
	if (rc < 0)
		return rc;
	cm_autoclose int fd = cm_open_below(cm_json_str(plan, "path", ""), dir.data, O_RDONLY | O_DIRECTORY, err);
	if (fd < 0)
		return fd;
	if (fchdir(fd) != 0)
		return cm_err_errno(err, errno, "opening a folder");
	t.prefix = name.data;
	cm_wire_warn_limit(64);
	cm_wire_watch();
	cm_wire_progress_start();
	rc = tar_walk(&t, err);
	if (rc < 0)
		return rc;
	*ret = json_object_new_object();
	cm_json_set_int(*ret, "files", (int64_t)t.files);
	cm_json_set_int(*ret, "bytes", (int64_t)t.bytes);
	return 0;
}
