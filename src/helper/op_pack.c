/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packing parts: walk, read, hash, compress, send. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sched.h>
#include <unistd.h>

#include "archive/block.h"
#include "archive/deflate_ring.h"
#include "archive/manifest_model.h"
#include "archive/packer.h"
#include "archive/proto.h"
#include "archive/sparse_map.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "helper/deleted.h"
#include "helper/ops.h"
#include "helper/walk.h"
#include "helper/wire.h"

enum { EXCLUDES_MAX = 4096, SPARSE_LEAST = 8192 };

struct pack {
	struct cm_deflate_ring *ring;
	struct cm_packer *packer;
	/* The current part. */
	unsigned part;
	const char *prefix;
	uint64_t blocks; /* sent since it began */
	struct cm_deleted *deleted;
	/* The whole run. */
	uint64_t files, bytes;
	/* Holes of the current file. */
	struct cm_sparse_piece *pieces;
	size_t piece_count;
	struct cm_buf map;
};

static int send_block(void *ctx, uint32_t size, const void *data, uint32_t len, struct cm_err *err)
{
	struct pack *p = ctx;

	(void)err;
	cm_wire_send_member(size, data, len);
	p->blocks++;
	return 0;
}

static int send_segment(void *ctx, struct json_object *record, struct cm_err *err)
{
	(void)ctx;
	(void)err;
	cm_wire_send_json(CM_FRAME_SEGMENT, record);
	return 0;
}

static void on_warn(void *ctx, const char *path, size_t len, const char *text)
{
	const struct pack *p = ctx;
	cm_autobuf struct cm_buf name = CM_BUF_INIT(1 << 20);

	cm_buf_str(&name, p->prefix);
	cm_buf_char(&name, '/');
	cm_buf_add(&name, path, len);
	cm_wire_warn(p->part, name.data, name.len, text);
}

/* Finds the pieces that hold data. A file that only looks sparse (its blocks are compressed, say) comes out as one
 * piece and is stored plainly. */
static bool find_pieces(struct pack *p, int fd, uint64_t size)
{
	off_t at = 0;

	p->piece_count = 0;
	while ((uint64_t)at < size) {
		off_t data = lseek(fd, at, SEEK_DATA);
		if (data < 0 || (uint64_t)data >= size)
			break;
		off_t hole = lseek(fd, data, SEEK_HOLE);
		/* The last piece of too many goes on to the end. */
		if (hole < 0 || (uint64_t)hole > size || p->piece_count == CM_SPARSE_PIECES - 2)
			hole = (off_t)size;
		p->pieces[p->piece_count++] = (struct cm_sparse_piece){ (uint64_t)data, (uint64_t)(hole - data) };
		at = hole;
	}
	if (p->piece_count == 1 && p->pieces[0].at == 0 && p->pieces[0].len == size)
		return false;
	if (p->piece_count == 0 || p->pieces[p->piece_count - 1].at + p->pieces[p->piece_count - 1].len < size)
		p->pieces[p->piece_count++] = (struct cm_sparse_piece){ size, 0 };
	return true;
}

static bool looks_sparse(const struct statx *st)
{
	return st->stx_size >= SPARSE_LEAST && st->stx_blocks * 512 < st->stx_size;
}

/* Exactly len bytes from at on: when the file has become shorter, zeros. *changed says so. */
static int pack_range(struct pack *p, int fd, uint64_t at, uint64_t len, bool *changed, struct cm_err *err)
{
	while (len > 0) {
		uint8_t *to;
		size_t room;
		int rc = cm_packer_space(p->packer, &to, &room, err);
		if (rc < 0)
			return rc;
		if (room > len)
			room = (size_t)len;
		ssize_t n = *changed ? 0 : pread(fd, to, room, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != ESTALE)
			return cm_err_errno(err, errno, "reading it");
		if (n <= 0) {
			*changed = true;
			memset(to, 0, room);
			n = (ssize_t)room;
		}
		if ((rc = cm_packer_grew(p->packer, to, (size_t)n, err)) < 0)
			return rc;
		cm_wire_count((uint64_t)n, 0);
		at += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

static int pack_sparse(struct pack *p, const struct cm_entry *e, int fd, bool *changed, struct cm_err *err)
{
	int rc = cm_packer_data(p->packer, p->map.data, p->map.len, err);

	(void)e;
	for (size_t i = 0; i < p->piece_count && rc == 0; i++)
		rc = pack_range(p, fd, p->pieces[i].at, p->pieces[i].len, changed, err);
	return rc;
}

static bool same_time(const struct statx_timestamp *a, const struct statx_timestamp *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static int pack_file(struct pack *p, const struct cm_entry *given, int fd, const struct statx *st, struct cm_err *err)
{
	struct cm_entry e = *given;
	struct statx after;
	bool changed = false;

	if (looks_sparse(st) && find_pieces(p, fd, e.size)) {
		cm_buf_reset(&p->map);
		cm_sparse_map(&p->map, p->pieces, p->piece_count);
		e.sparse = true;
		e.stored = p->map.len;
		for (size_t i = 0; i < p->piece_count; i++)
			e.stored += p->pieces[i].len;
	}
	int rc = cm_packer_entry(p->packer, &e, err);
	if (rc == 0)
		rc = e.sparse ? pack_sparse(p, &e, fd, &changed, err) : pack_range(p, fd, 0, e.size, &changed, err);
	if (rc < 0)
		return rc;
	if (changed || statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &after) != 0 || after.stx_size != st->stx_size ||
	    !same_time(&after.stx_mtime, &st->stx_mtime) || !same_time(&after.stx_ctime, &st->stx_ctime)) {
		changed = true;
		on_warn(p, e.path, e.path_len, "it changed while it was read; it is saved as it was read");
	}
	return cm_packer_entry_end(p->packer, &e, changed, err);
}

static int on_entry(void *ctx, const struct cm_entry *e, int fd, const struct statx *st, struct cm_err *err)
{
	struct pack *p = ctx;
	int rc;

	if (e->type == 'f') {
		rc = pack_file(p, e, fd, st, err);
	} else {
		rc = cm_packer_entry(p->packer, e, err);
		if (rc == 0)
			rc = cm_packer_entry_end(p->packer, e, false, err);
	}
	cm_wire_count(0, 1);
	if (rc < 0 && rc != CM_EUNREACHABLE)
		cm_err_prefix(err, "%.200s", e->path);
	return rc;
}

static int on_deleted(void *ctx, const char *path, size_t len, bool opaque, struct cm_err *err)
{
	struct pack *p = ctx;

	return cm_deleted_add(p->deleted, path, len, opaque, err);
}

static int pack_deleted(struct pack *p, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(CM_DELETED_MAX);
	int rc = cm_deleted_text(p->deleted, &text, err);

	return rc < 0 ? rc : cm_packer_member(p->packer, "rootfs_deleted.json", text.data, text.len, ret, err);
}

static int send_part_done(struct pack *p, struct json_object *plan_part, struct json_object *deleted,
			  const struct cm_packer_totals *t)
{
	cm_autojson struct json_object *o = json_object_new_object();

	cm_json_set_int(o, "part", p->part);
	cm_json_set_str(o, "id", cm_json_str(plan_part, "id", NULL));
	cm_json_set_int(o, "files", (int64_t)t->files);
	cm_json_set_int(o, "bytes", (int64_t)t->bytes);
	cm_json_set_int(o, "stored", (int64_t)t->stored);
	cm_json_set_int(o, "size", (int64_t)t->size);
	cm_json_set_int(o, "blocks", (int64_t)p->blocks);
	if (deleted != NULL)
		cm_json_set(o, "deleted", json_object_get(deleted));
	cm_wire_send_json(CM_FRAME_PART_DONE, o);
	p->files += t->files;
	p->bytes += t->bytes;
	return 0;
}

/* The list of paths to leave out; the strings stay the plan's. */
static int read_excludes(struct json_object *part, const char ***ret, size_t *ret_count, struct cm_err *err)
{
	struct json_object *list = cm_json_arr(part, "exclude");
	size_t n = cm_json_len(list);

	if (n > EXCLUDES_MAX)
		return cm_err_set(err, CM_ETOOBIG, "The plan leaves out too many paths.");
	*ret = cm_alloc_array(n, sizeof(**ret));
	*ret_count = 0;
	for (size_t i = 0; i < n; i++) {
		const char *s = json_object_get_string(json_object_array_get_idx(list, i));
		if (s != NULL && cm_entry_path_ok(s, strlen(s)))
			(*ret)[(*ret_count)++] = s;
	}
	return 0;
}

static const char *file_name(struct json_object *part)
{
	const char *path = cm_json_str(part, "path", ""), *slash = strrchr(path, '/');

	return cm_json_str(part, "name", slash != NULL ? slash + 1 : path);
}

static int walk_part(struct pack *p, struct json_object *part, enum cm_part_kind kind, struct cm_err *err)
{
	const struct cm_walk_events events = { p, on_entry, on_deleted, on_warn };
	const char *path = cm_json_str(part, "path", ""), *name = file_name(part), **excludes = NULL;
	struct cm_walk_options o = { .overlay = kind == CM_PART_ROOTFS };
	int rc;

	if (kind == CM_PART_BIND_FILE)
		return strchr(name, '/') == NULL && cm_entry_path_ok(name, strlen(name))
			   ? cm_walk_file(path, name, &events, err)
			   : cm_err_set(err, CM_EINVAL, "The plan names a file wrongly.");
	rc = read_excludes(part, &excludes, &o.exclude_count, err);
	o.exclude = excludes;
	if (rc == 0)
		rc = cm_walk(path, &o, &events, err);
	free(excludes);
	return rc;
}

static int pack_part(struct pack *p, struct json_object *part, struct cm_err *err)
{
	enum cm_part_kind kind;
	struct cm_packer_totals totals = { 0 };
	cm_autojson struct json_object *deleted = NULL;

	p->prefix = cm_json_str(part, "prefix", NULL);
	p->blocks = 0;
	if (cm_part_kind_parse(cm_json_str(part, "kind", NULL), &kind) != 0 || !cm_part_prefix_ok(p->prefix))
		return cm_err_set(err, CM_EINVAL, "The plan describes a part wrongly.");
	if (kind == CM_PART_ROOTFS && !cm_deleted_visible())
		return cm_err_set(err, CM_EDENIED, "The writable layer cannot be read without CAP_SYS_ADMIN.");
	cm_deleted_free(p->deleted);
	p->deleted = cm_deleted_new();
	int rc = cm_packer_part_begin(p->packer, p->prefix, err);
	if (rc == 0)
		rc = walk_part(p, part, kind, err);
	if (rc == 0 && kind == CM_PART_ROOTFS)
		rc = pack_deleted(p, &deleted, err);
	if (rc == 0)
		rc = cm_packer_part_end(p->packer, &totals, err);
	if (rc < 0) {
		cm_err_prefix(err, "%.120s", p->prefix);
		return rc;
	}
	return send_part_done(p, part, deleted, &totals);
}

static int open_ring(struct json_object *plan, struct pack *p, struct cm_err *err)
{
	struct cm_deflate_options o = { 0 };
	int64_t threads = cm_json_int(plan, "threads", 0), segment = cm_json_int(plan, "segment", 1);
	cpu_set_t cpus;

	if (cm_codec_parse(cm_json_str(plan, "codec", NULL), &o.codec) != 0 || threads < 0 || segment < 1 ||
	    segment > CM_SEGMENTS_MAX)
		return cm_err_set(err, CM_EINVAL, "The plan's settings are wrong.");
	int rc = cm_block_level(o.codec, (int)cm_json_int(plan, "level", 0), &o.level, err);
	if (rc < 0)
		return rc;
	/* A window of zstd reaches further back than gzip's 32 KB: there larger blocks are smaller in the end. */
	o.block = o.codec == CM_CODEC_ZSTD ? CM_BLOCK_MAX : CM_BLOCK_GZIP;
	/* One more than there are processors: while one waits for the line, none stands still. */
	if (threads == 0)
		threads = 1 + (sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : 1);
	o.threads = threads > CM_RING_THREADS ? CM_RING_THREADS : (unsigned)threads;
	rc = cm_deflate_ring_new(&o, send_block, p, &p->ring, err);
	if (rc == 0)
		p->packer = cm_packer_new(p->ring, (unsigned)segment, cm_json_int(plan, "mtime", 0), send_segment, p);
	return rc;
}

int cm_op_pack(struct json_object *plan, struct json_object **ret, struct cm_err *err)
{
	struct json_object *parts = cm_json_arr(plan, "parts");
	size_t n = cm_json_len(parts);
	struct pack p = { 0 };

	if (n == 0 || n > CM_PARTS_MAX)
		return cm_err_set(err, CM_EINVAL, "The plan names no parts, or too many.");
	cm_wire_watch();
	cm_wire_progress_start();
	p.pieces = cm_alloc_array(CM_SPARSE_PIECES, sizeof(*p.pieces));
	cm_buf_init(&p.map, 4 << 20);
	int rc = open_ring(plan, &p, err);
	for (size_t i = 0; i < n && rc == 0; i++) {
		p.part = (unsigned)i;
		rc = pack_part(&p, json_object_array_get_idx(parts, i), err);
	}
	cm_deflate_ring_free(p.ring);
	cm_packer_free(p.packer);
	cm_deleted_free(p.deleted);
	cm_buf_release(&p.map);
	free(p.pieces);
	if (rc < 0)
		return rc;
	*ret = json_object_new_object();
	cm_json_set_int(*ret, "files", (int64_t)p.files);
	cm_json_set_int(*ret, "bytes", (int64_t)p.bytes);
	cm_json_set_int(*ret, "warnings", (int64_t)cm_wire_warnings());
	return 0;
}
