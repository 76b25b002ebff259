/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking into volumes: list a folder, read a file, hash or measure a tree. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "archive/entry.h"
#include "archive/format.h"
#include "archive/manifest_line.h"
#include "archive/pax_head.h"
#include "archive/proto.h"
#include "archive/sha.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "helper/inode.h"
#include "helper/ops.h"
#include "helper/walk.h"
#include "helper/wire.h"

enum { PIECE = 262144, LIST_MAX = 100000 };

int cm_plan_text(struct json_object *plan, const char *key, const char *key64, struct cm_buf *out, struct cm_err *err)
{
	struct json_object *v = cm_json_get(plan, key);
	const char *coded = cm_json_str(plan, key64, NULL);
	bool ok = false;

	if (v != NULL && json_object_is_type(v, json_type_string)) {
		cm_buf_add(out, json_object_get_string(v), (size_t)json_object_get_string_len(v));
		ok = true;
	} else if (coded != NULL) {
		ok = cm_unbase64(out, coded, strlen(coded));
	}
	if (!ok || cm_buf_failed(out) || memchr(out->data, 0, out->len) != NULL)
		return cm_err_set(err, CM_EINVAL, "The plan names a path wrongly.");
	return 0;
}

bool cm_look_line(int dir_fd, const char *name, struct cm_buf *out)
{
	struct statx st;
	struct cm_entry e = { .path = name, .path_len = strlen(name) };
	char target[4097] = "";

	if (statx(dir_fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &st) != 0)
		return false;
	e.type = cm_inode_type(st.stx_mode);
	e.mode = st.stx_mode & 07777;
	e.uid = st.stx_uid;
	e.gid = st.stx_gid;
	e.mtime_s = st.stx_mtime.tv_sec;
	e.mtime_ns = st.stx_mtime.tv_nsec;
	e.size = st.stx_size;
	e.rdev_major = st.stx_rdev_major;
	e.rdev_minor = st.stx_rdev_minor;
	if (e.type == 'l') {
		ssize_t n = readlinkat(dir_fd, name, target, sizeof(target) - 1);
		if (n < 0)
			return false;
		target[n] = '\0';
		e.link = target;
		e.link_len = (size_t)n;
	}
	cm_line_write(out, &e, NULL, 0, 0, false);
	return true;
}

static void send_data(struct cm_buf *b, size_t least)
{
	if (b->len < least || b->len == 0)
		return;
	cm_wire_send(CM_FRAME_DATA, b->data, b->len);
	cm_buf_reset(b);
}

int cm_op_list(struct json_object *plan, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf dir = CM_BUF_INIT(CM_PATH_MAX), out = CM_BUF_INIT(1 << 20);
	int64_t max = cm_json_int(plan, "max", LIST_MAX), files = 0;
	const struct dirent *e = NULL;

	int rc = cm_plan_text(plan, "dir", "dir64", &dir, err);
	if (rc < 0)
		return rc;
	int fd = cm_open_below(cm_json_str(plan, "path", ""), dir.data, O_RDONLY | O_DIRECTORY, err);
	if (fd < 0)
		return fd;
	cm_wire_watch();
	DIR *d = fdopendir(fd);
	if (d == NULL) {
		close(fd);
		return cm_err_errno(err, errno, "reading a folder");
	}
	if (max <= 0 || max > LIST_MAX)
		max = LIST_MAX;
	for (errno = 0; (e = readdir(d)) != NULL && files < max; errno = 0) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		files += cm_look_line(fd, e->d_name, &out);
		send_data(&out, PIECE);
	}
	if (e == NULL && errno != 0)
		rc = cm_err_errno(err, errno, "reading a folder");
	closedir(d);
	if (rc < 0)
		return rc;
	send_data(&out, 1);
	*ret = json_object_new_object();
	cm_json_set_int(*ret, "files", files);
	cm_json_set_bool(*ret, "more", e != NULL);
	return 0;
}

int cm_op_cat(struct json_object *plan, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf file = CM_BUF_INIT(CM_PATH_MAX);
	cm_autofree char *piece = cm_alloc(PIECE);
	int64_t max = cm_json_int(plan, "max", 0), size = 0;
	struct stat st;

	int rc = cm_plan_text(plan, "file", "file64", &file, err);
	if (rc < 0)
		return rc;
	cm_autoclose int fd = cm_open_below(cm_json_str(plan, "path", ""), file.data, O_RDONLY | O_NONBLOCK, err);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return cm_err_set(err, CM_EUNSUPPORTED, "This is not a file.");
	cm_wire_watch();
	for (;;) {
		size_t want = max > 0 && max - size < PIECE ? (size_t)(max - size) : PIECE;
		ssize_t n = want > 0 ? read(fd, piece, want) : 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cm_err_errno(err, errno, "reading a file");
		if (n == 0)
			break;
		cm_wire_send(CM_FRAME_DATA, piece, (size_t)n);
		size += n;
	}
	*ret = json_object_new_object();
	cm_json_set_int(*ret, "size", size);
	return 0;
}

struct measure {
	uint64_t files, bytes, disk;
	uint8_t sum[CM_SHA_LEN]; /* of all entries' digests, in any order */
	char *piece;
};

static int measure_entry(void *ctx, const struct cm_entry *e, int fd, const struct statx *st, struct cm_err *err)
{
	struct measure *m = ctx;

	(void)fd;
	(void)err;
	m->files++;
	m->bytes += e->type == 'f' ? e->size : 0;
	m->disk += e->type == 'h' ? 0 : st->stx_blocks * 512;
	cm_wire_count(e->size, 1);
	return 0;
}

int cm_op_du(struct json_object *plan, struct json_object **ret, struct cm_err *err)
{
	struct measure m = { 0 };
	const struct cm_walk_options o = { 0 };
	const struct cm_walk_events events = { &m, measure_entry, NULL, NULL };

	cm_wire_watch();
	cm_wire_progress_start();
	int rc = cm_walk(cm_json_str(plan, "path", ""), &o, &events, err);
	if (rc < 0)
		return rc;
	*ret = json_object_new_object();
	cm_json_set_int(*ret, "files", (int64_t)m.files);
	cm_json_set_int(*ret, "bytes", (int64_t)m.bytes);
	cm_json_set_int(*ret, "disk", (int64_t)m.disk);
	return 0;
}

/* Folders are read in any order, and so which name of a hard link comes first: each name counts as a file of its own,
 * with the number of names it has, and the digests of all entries are added up. */
static int hash_entry(void *ctx, const struct cm_entry *e, int fd, const struct statx *st, struct cm_err *err)
{
	struct measure *m = ctx;
	struct cm_sha *sha = cm_sha_new();
	cm_autobuf struct cm_buf head = CM_BUF_INIT(CM_HEADERS_MAX + 2 * CM_TAR_BLOCK);
	uint8_t digest[CM_SHA_LEN], links[4];
	int rc = 0;

	cm_pax_head(&head, "tree", e);
	for (size_t i = 0; i < sizeof(links); i++)
		links[i] = (uint8_t)((e->type == 'd' ? 0 : st->stx_nlink) >> (8 * i));
	cm_sha_add(sha, head.data, head.len);
	cm_sha_add(sha, links, sizeof(links));
	while (rc == 0 && e->type == 'f') {
		ssize_t n = read(fd, m->piece, PIECE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = cm_err_errno(err, errno, "reading a file");
		if (n <= 0)
			break;
		cm_sha_add(sha, m->piece, (size_t)n);
		cm_wire_count((uint64_t)n, 0);
	}
	cm_sha_end(sha, digest);
	cm_sha_free(sha);
	unsigned carry = 0;
	for (size_t i = 0; i < CM_SHA_LEN; i++) {
		carry += (unsigned)m->sum[i] + digest[i];
		m->sum[i] = (uint8_t)carry;
		carry >>= 8;
	}
	m->files++;
	m->bytes += e->type == 'f' ? e->size : 0;
	cm_wire_count(0, 1);
	return cm_buf_failed(&head) && rc == 0 ? cm_err_set(err, CM_ETOOBIG, "A file has too many attributes.") : rc;
}

int cm_op_hash(struct json_object *plan, struct json_object **ret, struct cm_err *err)
{
	struct measure m = { .piece = cm_alloc(PIECE) };
	const struct cm_walk_options o = { .links_apart = true };
	const struct cm_walk_events events = { &m, hash_entry, NULL, NULL };
	char hex[2 * CM_SHA_LEN + 1];

	cm_wire_watch();
	cm_wire_progress_start();
	int rc = cm_walk(cm_json_str(plan, "path", ""), &o, &events, err);
	free(m.piece);
	if (rc < 0)
		return rc;
	cm_hex(hex, m.sum, CM_SHA_LEN);
	*ret = json_object_new_object();
	cm_json_set_str(*ret, "sha256", hex);
	cm_json_set_int(*ret, "files", (int64_t)m.files);
	cm_json_set_int(*ret, "bytes", (int64_t)m.bytes);
	return 0;
}
