/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What people change in a volume: make a folder, rename, remove, put a file. Each name is reached through folders that
 * are held open, and no symbolic link is followed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/format.h"
#include "archive/proto.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "helper/ops.h"
#include "helper/tree.h"
#include "helper/walk.h"
#include "helper/wire.h"

enum { NEXT_MS = 600000, PIECE = 262144, TRIES = 100 };

static int there_already(struct cm_err *err)
{
	return cm_err_set(err, CM_EEXIST, "There is something of this name already.");
}

int cm_op_mkdir(struct json_object *plan, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf file = CM_BUF_INIT(CM_PATH_MAX);
	const char *name = NULL;
	struct stat st;
	cm_autoclose int fd = cm_plan_parent(plan, "file", "file64", &file, &name, err);

	if (fd < 0)
		return fd;
	cm_wire_watch();
	if (fstat(fd, &st) != 0)
		return cm_err_errno(err, errno, "opening a folder");
	if (mkdirat(fd, name, 0700) != 0)
		return errno == EEXIST ? there_already(err) : cm_err_errno(err, errno, "making the folder");
	cm_autoclose int made = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (made < 0 || fchown(made, st.st_uid, st.st_gid) != 0 || fchmod(made, st.st_mode & 07777) != 0)
		return cm_err_errno(err, errno, "giving the folder its owner");
	*ret = json_object_new_object();
	return 0;
}

int cm_op_rename(struct json_object *plan, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf file = CM_BUF_INIT(CM_PATH_MAX), to = CM_BUF_INIT(CM_PATH_MAX);
	const char *name = NULL, *new_name = NULL;
	cm_autoclose int from = cm_plan_parent(plan, "file", "file64", &file, &name, err);

	if (from < 0)
		return from;
	cm_autoclose int into = cm_plan_parent(plan, "to", "to64", &to, &new_name, err);
	if (into < 0)
		return into;
	cm_wire_watch();
	if (renameat2(from, name, into, new_name, RENAME_NOREPLACE) != 0) {
		if (errno == EEXIST)
			return there_already(err);
		if (errno == ENOENT)
			return cm_err_set(err, CM_ENOTFOUND, "There is no such file or folder.");
		if (errno == EINVAL)
			return cm_err_set(err, CM_EUNSUPPORTED, "A folder cannot go into itself.");
		return cm_err_errno(err, errno, "renaming");
	}
	*ret = json_object_new_object();
	return 0;
}

int cm_op_remove(struct json_object *plan, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf file = CM_BUF_INIT(CM_PATH_MAX);
	const char *name = NULL;
	struct stat st;
	cm_autoclose int fd = cm_plan_parent(plan, "file", "file64", &file, &name, err);

	if (fd < 0)
		return fd;
	cm_wire_watch();
	cm_wire_progress_start();
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return cm_err_set(err, CM_ENOTFOUND, "There is no such file or folder.");
	int rc = cm_tree_remove(fd, name, err);
	if (rc < 0)
		return rc;
	*ret = json_object_new_object();
	return 0;
}

/* Whose the file will be, and with which rights; true when there is a regular file of this name. */
static bool owner_find(int dir_fd, const char *name, struct stat *ret)
{
	if (fstatat(dir_fd, name, ret, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(ret->st_mode))
		return true;
	if (fstat(dir_fd, ret) != 0)
		ret->st_uid = ret->st_gid = 0;
	ret->st_mode = 0644;
	return false;
}

static int write_all(int fd, const char *data, size_t len, struct cm_err *err)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cm_err_errno(err, errno, "writing the file");
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* DATA frames until EOF. */
static int content_take(int fd, uint64_t *ret_size, struct cm_err *err)
{
	cm_autofree char *piece = cm_alloc(PIECE);
	struct cm_frame f = { 0 };
	int rc = 0;

	while (rc == 0 && f.type != CM_FRAME_EOF) {
		rc = cm_peer_next(cm_wire_peer(), NEXT_MS, &f, err);
		if (rc == 0 && f.type != CM_FRAME_DATA && f.type != CM_FRAME_EOF)
			rc = cm_err_set(err, CM_EUPSTREAM, "The helper was sent something that does not fit its plan.");
		for (uint32_t left = f.len; rc == 0 && left > 0;) {
			size_t n = left < PIECE ? left : PIECE;

			rc = cm_peer_read_all(cm_wire_peer(), piece, n, CM_PEER_SILENCE_MS, err);
			rc = rc < 0 ? rc : write_all(fd, piece, n, err);
			left -= (uint32_t)n;
			*ret_size += n;
			cm_wire_count(n, 0);
		}
	}
	return rc;
}

/* A name beside it that nobody has. */
static int temporary_make(int dir_fd, char dst[64], struct cm_err *err)
{
	for (int i = 0; i < TRIES; i++) {
		int fd;

		snprintf(dst, 64, ".container-monkey-upload-%d-%d", (int)getpid(), i);
		fd = openat(dir_fd, dst, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd >= 0 ? fd : cm_err_errno(err, errno, "making the file");
	}
	return cm_err_set(err, CM_EBUSY, "The folder is full of unfinished uploads.");
}

static int put_into(int dir_fd, const char *name, bool replace, uint64_t *ret_size, struct cm_err *err)
{
	char temporary[64];
	struct stat st;
	cm_autoclose int fd = temporary_make(dir_fd, temporary, err);
	int rc = fd < 0 ? fd : content_take(fd, ret_size, err);

	if (fd < 0)
		return rc;
	(void)owner_find(dir_fd, name, &st);
	if (rc == 0 && (fchown(fd, st.st_uid, st.st_gid) != 0 || fchmod(fd, st.st_mode & 07777) != 0 || fsync(fd) != 0))
		rc = cm_err_errno(err, errno, "writing the file");
	if (rc == 0 && renameat2(dir_fd, temporary, dir_fd, name, replace ? 0 : RENAME_NOREPLACE) != 0)
		rc = errno == EEXIST || errno == EISDIR ? there_already(err)
							: cm_err_errno(err, errno, "naming the file");
	if (rc < 0)
		(void)unlinkat(dir_fd, temporary, 0);
	return rc;
}

int cm_op_put(struct json_object *plan, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf file = CM_BUF_INIT(CM_PATH_MAX);
	bool replace = cm_json_bool(plan, "replace", false);
	const char *name = NULL;
	struct stat st;
	uint64_t size = 0;
	cm_autoclose int fd = cm_plan_parent(plan, "file", "file64", &file, &name, err);

	if (fd < 0)
		return fd;
	/* Said before the content is sent for nothing. */
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (!replace || !S_ISREG(st.st_mode)))
		return there_already(err);
	cm_wire_progress_start();
	int rc = put_into(fd, name, replace, &size, err);
	if (rc < 0)
		return rc;
	*ret = json_object_new_object();
	cm_json_set_int(*ret, "size", (int64_t)size);
	return 0;
}
