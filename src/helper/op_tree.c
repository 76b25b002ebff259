/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole trees: copying one, emptying one, exchanging two. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "helper/disk.h"
#include "helper/ops.h"
#include "helper/tree.h"
#include "helper/walk.h"
#include "helper/wire.h"

enum { PIECE = 1 << 20 };

struct copy {
	struct cm_disk *disk;
	char *piece;
	uint64_t files, bytes;
};

static void on_warn(void *ctx, const char *path, size_t len, const char *text)
{
	(void)ctx;
	cm_wire_warn(0, path, len, text);
}

static int copy_range(struct copy *c, int fd, off_t at, off_t end, struct cm_err *err)
{
	while (at < end) {
		size_t want = end - at < PIECE ? (size_t)(end - at) : PIECE;
		ssize_t n = pread(fd, c->piece, want, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cm_err_errno(err, errno, "reading a file");
		if (n == 0)
			return 0;
		int rc = cm_disk_write(c->disk, (uint64_t)at, c->piece, (size_t)n, err);
		if (rc < 0)
			return rc;
		at += n;
		cm_wire_count((uint64_t)n, 0);
	}
	return 0;
}

/* Piece by piece, so that holes stay holes. */
static int copy_content(struct copy *c, int fd, off_t size, struct cm_err *err)
{
	for (off_t at = 0; at < size;) {
		off_t data = lseek(fd, at, SEEK_DATA);
		if (data < 0 || data >= size)
			return 0;
		off_t hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0 || hole > size)
			hole = size;
		int rc = copy_range(c, fd, data, hole, err);
		if (rc < 0)
			return rc;
		at = hole;
	}
	return 0;
}

static int on_entry(void *ctx, const struct cm_entry *given, int fd, const struct statx *st, struct cm_err *err)
{
	struct copy *c = ctx;
	struct cm_entry e = *given;

	(void)st;
	/* The length is set at the end, whatever was written. */
	e.sparse = e.type == 'f';
	int rc = cm_disk_entry(c->disk, &e, err);
	if (rc == 0 && e.type == 'f')
		rc = copy_content(c, fd, (off_t)e.size, err);
	if (rc == 0)
		rc = cm_disk_end(c->disk, err);
	c->files++;
	c->bytes += e.size;
	cm_wire_count(0, 1);
	return rc;
}

int cm_op_copy(struct json_object *plan, struct json_object **ret, struct cm_err *err)
{
	struct cm_disk_options o = { .target = cm_json_str(plan, "to", ""), .ordered = true, .warn = on_warn };
	const struct cm_walk_options walk = { 0 };
	struct copy c = { .piece = cm_alloc(PIECE) };
	const struct cm_walk_events events = { &c, on_entry, NULL, on_warn };

	cm_wire_watch();
	cm_wire_progress_start();
	int rc = cm_disk_open(&o, &c.disk, err);
	if (rc == 0)
		rc = cm_walk(cm_json_str(plan, "from", ""), &walk, &events, err);
	if (rc == 0)
		rc = cm_disk_close(c.disk, cm_json_bool(plan, "sync", true), err);
	cm_disk_free(c.disk);
	free(c.piece);
	if (rc < 0)
		return rc;
	*ret = json_object_new_object();
	cm_json_set_int(*ret, "files", (int64_t)c.files);
	cm_json_set_int(*ret, "bytes", (int64_t)c.bytes);
	cm_json_set_int(*ret, "warnings", (int64_t)cm_wire_warnings());
	return 0;
}

int cm_op_empty(struct json_object *plan, struct json_object **ret, struct cm_err *err)
{
	cm_autoclose int fd = open(cm_json_str(plan, "path", ""), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t files = 0;

	if (fd < 0)
		return cm_err_set(err, CM_ENOTFOUND, "The folder to empty does not exist.");
	cm_wire_watch();
	cm_wire_progress_start();
	int rc = cm_tree_empty(fd, &files, err);
	if (rc < 0)
		return rc;
	*ret = json_object_new_object();
	cm_json_set_int(*ret, "files", (int64_t)files);
	return 0;
}

/* The folder that path (below root) is in, and its last name. */
static int open_parent(const char *root, const char *path, const char **ret_name, struct cm_err *err)
{
	const char *slash = strrchr(path, '/');
	cm_autofree char *dir = cm_strndup(path, slash != NULL ? (size_t)(slash - path) : 0);

	*ret_name = slash != NULL ? slash + 1 : path;
	if (!cm_entry_path_ok(path, strlen(path)))
		return cm_err_set(err, CM_EINVAL, "The plan names a folder wrongly.");
	return cm_open_below(root, dir, O_RDONLY | O_DIRECTORY, err);
}

static int must_be_folder(int dir_fd, const char *name, struct cm_err *err)
{
	cm_autoclose int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 ? 0 : cm_err_set(err, CM_ENOTFOUND, "A folder to exchange does not exist.");
}

int cm_op_exchange(struct json_object *plan, struct json_object **ret, struct cm_err *err)
{
	const char *root = cm_json_str(plan, "root", ""), *a_name = NULL, *b_name = NULL;
	cm_autoclose int a = open_parent(root, cm_json_str(plan, "a", ""), &a_name, err);
	if (a < 0)
		return a;
	cm_autoclose int b = open_parent(root, cm_json_str(plan, "b", ""), &b_name, err);
	if (b < 0)
		return b;
	cm_wire_watch();
	int rc = must_be_folder(a, a_name, err);
	if (rc == 0)
		rc = must_be_folder(b, b_name, err);
	if (rc < 0)
		return rc;
	if (renameat2(a, a_name, b, b_name, RENAME_EXCHANGE) != 0) {
		/* Two renames in its place would not be safe against a crash in between. */
		if (errno == EINVAL || errno == ENOSYS || errno == EXDEV || errno == EOPNOTSUPP)
			return cm_err_set(err, CM_EUNSUPPORTED,
					  "The file system of the volumes cannot exchange two folders at once.");
		return cm_err_errno(err, errno, "exchanging two folders");
	}
	if (fsync(a) != 0 || fsync(b) != 0) {
		int e = errno;
		renameat2(a, a_name, b, b_name, RENAME_EXCHANGE);
		return cm_err_errno(err, e, "exchanging two folders");
	}
	*ret = json_object_new_object();
	return 0;
}
