/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Restoring tars by other programs. */
#include <string.h>

#include "archive/foreign.h"
#include "archive/proto.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "helper/disk.h"
#include "helper/ops.h"
#include "helper/wire.h"

enum { NEXT_MS = 600000, WARNINGS = 64, STRIP_MAX = 64 };

struct input {
	uint32_t left; /* of the current DATA frame */
	bool end;
};

static int read_input(void *ctx, void *data, size_t len, size_t *ret_len, struct cm_err *err)
{
	struct input *in = ctx;
	struct cm_frame f;

	*ret_len = 0;
	while (in->left == 0 && !in->end) {
		int rc = cm_peer_next(cm_wire_peer(), NEXT_MS, &f, err);
		if (rc < 0)
			return rc;
		if (f.type != CM_FRAME_DATA && f.type != CM_FRAME_EOF)
			return cm_err_set(err, CM_EUPSTREAM,
					  "The helper was sent something that does not fit its plan.");
		in->end = f.type == CM_FRAME_EOF;
		in->left = f.len;
	}
	if (in->end)
		return 0;
	size_t n = in->left < len ? in->left : len;
	int rc = cm_peer_read_all(cm_wire_peer(), data, n, CM_PEER_SILENCE_MS, err);
	if (rc == 0) {
		in->left -= (uint32_t)n;
		*ret_len = n;
	}
	return rc;
}

static void on_warn(void *ctx, const char *path, size_t len, const char *text)
{
	(void)ctx;
	cm_wire_warn(0, path, len, text);
}

/* Takes n leading folders off; false when nothing is left. */
static bool strip(const char **path, size_t *len, unsigned n)
{
	for (; n > 0; n--) {
		const char *slash = memchr(*path, '/', *len);
		if (slash == NULL)
			return false;
		*len -= (size_t)(slash + 1 - *path);
		*path = slash + 1;
	}
	return true;
}

static int write_file(struct cm_foreign *f, struct cm_disk *d, uint64_t *bytes, struct cm_err *err)
{
	const void *data;
	size_t len = 1;
	uint64_t at;
	int rc = 0;

	while (rc == 0 && len > 0) {
		rc = cm_foreign_data(f, &data, &len, &at, err);
		if (rc == 0 && len > 0)
			rc = cm_disk_write(d, at, data, len, err);
		*bytes += len;
		cm_wire_count(len, 0);
	}
	return rc;
}

static int write_entry(struct cm_foreign *f, struct cm_disk *d, struct cm_entry *e, unsigned levels, uint64_t *bytes,
		       struct cm_err *err)
{
	bool top = cm_str_eq(e->path, ".");

	/* With something to strip, the folder that is stripped gives the target its attributes. */
	if (levels > 0 && !top && !strip(&e->path, &e->path_len, levels)) {
		if (e->type != 'd')
			return cm_err_set(err, CM_ECORRUPT, "The archive is not laid out as expected.");
		e->path = ".";
		e->path_len = 1;
	} else if (levels > 0 && top) {
		return 0;
	}
	if (e->type == 'h' && levels > 0 && !strip(&e->link, &e->link_len, levels))
		return cm_err_set(err, CM_ECORRUPT, "The archive is not laid out as expected.");
	/* Holes come as pieces with gaps between them. */
	e->sparse = e->type == 'f';
	int rc = cm_disk_entry(d, e, err);
	if (rc == 0 && e->type == 'f')
		rc = write_file(f, d, bytes, err);
	return rc < 0 ? rc : cm_disk_end(d, err);
}

static int unpack(struct cm_disk *d, unsigned levels, uint64_t *files, uint64_t *bytes, struct cm_err *err)
{
	struct input in = { 0 };
	struct cm_foreign *f = NULL;
	struct cm_entry e;
	bool end = false;
	char rest[65536];
	size_t n = 1;
	int rc = cm_foreign_open(read_input, &in, &f, err);

	while (rc == 0 && !end) {
		rc = cm_foreign_next(f, &e, &end, err);
		if (rc == 0 && !end) {
			rc = write_entry(f, d, &e, levels, bytes, err);
			++*files;
			cm_wire_count(0, 1);
		}
	}
	cm_foreign_free(f);
	while (rc == 0 && n > 0)
		rc = read_input(&in, rest, sizeof(rest), &n, err);
	return rc;
}

int cm_op_unpack_tar(struct json_object *plan, struct json_object **ret, struct cm_err *err)
{
	struct cm_disk_options o = { .target = cm_json_str(plan, "target", ""),
				     .merge = cm_json_bool(plan, "merge", false),
				     .warn = on_warn };
	int64_t levels = cm_json_int(plan, "strip", 0);
	uint64_t files = 0, bytes = 0;
	struct cm_disk *d = NULL;

	if (levels < 0 || levels > STRIP_MAX)
		return cm_err_set(err, CM_EINVAL, "The plan's settings are wrong.");
	cm_wire_warn_limit(WARNINGS);
	cm_wire_progress_start();
	int rc = cm_disk_open(&o, &d, err);
	if (rc == 0)
		rc = unpack(d, (unsigned)levels, &files, &bytes, err);
	if (rc == 0)
		rc = cm_disk_close(d, cm_json_bool(plan, "sync", true), err);
	cm_disk_free(d);
	if (rc < 0)
		return rc;
	*ret = json_object_new_object();
	cm_json_set_int(*ret, "files", (int64_t)files);
	cm_json_set_int(*ret, "bytes", (int64_t)bytes);
	cm_json_set_int(*ret, "warnings", (int64_t)cm_wire_warnings());
	return 0;
}
