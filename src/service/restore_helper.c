/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/restore_helper.h"

#include <stdio.h>
#include <string.h>

#include "archive/proto.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/volume.h"

#define MARKER "container-monkey-marker"

enum { LIST_MAX = 1000, TAR_BLOCK = 512, SILENCE_MS = 60000, FRAMES_MAX = 10000 };

static struct json_object *plan_new(const char *op)
{
	struct json_object *plan = json_object_new_object();

	cm_json_set_int(plan, "v", CM_PROTO_VERSION);
	cm_json_set_str(plan, "op", op);
	return plan;
}

static int listing_add(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct cm_buf *text = ctx;

	cm_buf_add(text, data, len);
	return cm_buf_failed(text) ? cm_err_set(err, CM_ETOOBIG, "The folder's list is too long.") : 0;
}

/* Is there nothing in the folder at this path of the helper? */
static int list_empty(struct cm_shift *s, const char *path, bool *ret, struct cm_err *err)
{
	cm_autojson struct json_object *plan = plan_new("list");
	cm_autobuf struct cm_buf text = CM_BUF_INIT(1 << 20);
	int rc;

	cm_json_set_str(plan, "path", path);
	cm_json_set_str(plan, "dir", "");
	cm_json_set_int(plan, "max", LIST_MAX);
	rc = cm_shift_run(s, plan, NULL, listing_add, &text, NULL, err);
	*ret = text.len == 0;
	return rc;
}

static int need_one(struct cm_shift *s, const char *source, bool write, const char **ret_path, struct cm_err *err)
{
	const struct cm_shift_need need = { source, write };
	int rc = cm_shift_need(s, &need, 1, err);

	*ret_path = rc == 0 ? cm_shift_path(s, source, write) : NULL;
	return rc;
}

int cm_restore_path_state(struct cm_shift *s, const char *path, enum cm_path_state *ret, struct cm_err *err)
{
	struct cm_err why = { 0 };
	const char *at;
	bool empty, mounted;
	int rc;

	*ret = CM_PATH_UNKNOWN;
	if (path[0] != '/')
		return 0;
	rc = need_one(s, path, false, &at, &why);
	mounted = rc == 0;
	rc = rc ? rc : list_empty(s, at, &empty, &why);
	if (rc == CM_EUNREACHABLE || rc == CM_ETIMEDOUT || rc == CM_ECANCELLED)
		return cm_err_set(err, rc, "%s", why.text);
	/* The engine refuses to mount what is not there; what could be mounted but not listed is a file. */
	if (rc == 0)
		*ret = empty ? CM_PATH_EMPTY : CM_PATH_PRESENT;
	else if (mounted)
		*ret = CM_PATH_PRESENT;
	else if (rc == CM_ENOTFOUND || strstr(why.text, "does not exist") != NULL)
		*ret = CM_PATH_MISSING;
	return 0;
}

int cm_restore_volume_copy(struct cm_shift *s, const char *from, const char *to, const struct cm_archive_watch *watch,
			   struct cm_err *err)
{
	const struct cm_shift_need needs[] = { { from, false }, { to, true } };
	cm_autojson struct json_object *plan = plan_new("copy");
	int rc = cm_shift_need(s, needs, CM_COUNT(needs), err);

	if (rc != 0)
		return rc;
	cm_json_set_str(plan, "from", cm_shift_path(s, from, false));
	cm_json_set_str(plan, "to", cm_shift_path(s, to, true));
	cm_json_set_bool(plan, "sync", true);
	return cm_shift_run(s, plan, watch, NULL, NULL, NULL, err);
}

int cm_restore_volume_empty(struct cm_shift *s, const char *volume, struct cm_err *err)
{
	cm_autojson struct json_object *plan = plan_new("empty");
	const char *path;
	int rc = need_one(s, volume, true, &path, err);

	if (rc != 0)
		return rc;
	cm_json_set_str(plan, "path", path);
	return cm_shift_run(s, plan, NULL, NULL, NULL, NULL, err);
}

bool cm_restore_volume_swappable(struct json_object *volume)
{
	struct json_object *options = cm_json_obj(volume, "Options");
	const char *mountpoint = cm_json_str(volume, "Mountpoint", ""), *name = cm_json_str(volume, "Name", "");
	cm_autofree char *tail = cm_asprintf("/%s/_data", name);

	return cm_str_eq(cm_json_str(volume, "Driver", ""), "local") &&
	       (options == NULL || json_object_object_length(options) == 0) && name[0] != '\0' &&
	       cm_str_has_suffix(mountpoint, tail);
}

/* The folder that holds the volumes' folders; the volume must be swappable. */
static char *root_of(struct json_object *volume)
{
	const char *mountpoint = cm_json_str(volume, "Mountpoint", "");

	return cm_strndup(mountpoint, strlen(mountpoint) - strlen(cm_json_str(volume, "Name", "")) - strlen("//_data"));
}

static char *path_in_root(struct json_object *volume)
{
	return cm_asprintf("%s/_data", cm_json_str(volume, "Name", ""));
}

/* Where a helper reaches a volume that may have changed places in this shift, or will: by its name, and so in the
 * folder of all volumes. The engine's other volumes have a mount of their own. */
static int reach(struct cm_shift *s, struct json_object *volume, bool write, char **ret_path, struct cm_err *err)
{
	const char *name = cm_json_str(volume, "Name", ""), *at = cm_shift_path(s, name, write);
	cm_autofree char *root = NULL, *inside = NULL;
	int rc = 0;

	if (at == NULL && cm_restore_volume_swappable(volume)) {
		root = root_of(volume);
		rc = need_one(s, root, true, &at, err);
		inside = path_in_root(volume);
	} else if (at == NULL) {
		rc = need_one(s, name, write, &at, err);
	}
	if (rc == 0)
		*ret_path = inside ? cm_asprintf("%s/%s", at, inside) : cm_strdup(at);
	return rc;
}

int cm_restore_volume_is_empty(struct cm_shift *s, const char *volume, bool *ret, struct cm_err *err)
{
	cm_autojson struct json_object *o = NULL;
	cm_autofree char *root = NULL, *path = NULL;
	const char *at;
	int rc = cm_volume_inspect(s->d, volume, &o, err);

	if (rc != 0)
		return rc;
	/* Only to read: all volumes are not asked for, but taken where they are there. */
	root = cm_restore_volume_swappable(o) ? root_of(o) : NULL;
	if (root != NULL && cm_shift_path(s, root, false) != NULL)
		rc = reach(s, o, false, &path, err);
	else if ((rc = need_one(s, volume, false, &at, err)) == 0)
		path = cm_strdup(at);
	return rc ? rc : list_empty(s, path, ret, err);
}

int cm_restore_volume_swap(struct cm_shift *s, struct json_object *a, struct json_object *b, struct cm_err *err)
{
	const char *name_a = cm_json_str(a, "Name", ""), *name_b = cm_json_str(b, "Name", ""), *at;
	cm_autofree char *root_a = NULL, *root_b = NULL, *path_a = path_in_root(a), *path_b = path_in_root(b);
	cm_autojson struct json_object *plan = plan_new("exchange");
	int rc;

	if (!cm_restore_volume_swappable(a) || !cm_restore_volume_swappable(b))
		return cm_err_set(err, CM_EUNSUPPORTED, "The volumes %s and %s cannot change places.", name_a, name_b);
	root_a = root_of(a);
	root_b = root_of(b);
	if (strcmp(root_a, root_b) != 0)
		return cm_err_set(err, CM_EUNSUPPORTED, "The volumes %s and %s lie in different places.", name_a,
				  name_b);
	rc = need_one(s, root_a, true, &at, err);
	if (rc != 0)
		return rc;
	cm_json_set_str(plan, "root", at);
	cm_json_set_str(plan, "a", path_a);
	cm_json_set_str(plan, "b", path_b);
	/* A mount goes with the folder, not with the name. */
	cm_shift_forget(s, name_a);
	cm_shift_forget(s, name_b);
	return cm_shift_run(s, plan, NULL, NULL, NULL, NULL, err);
}

/* One tar entry: an empty file of this name, and the two blocks that end a tar. */
static void marker_tar(char tar[3 * TAR_BLOCK])
{
	unsigned sum = 0;

	memset(tar, 0, 3 * TAR_BLOCK);
	snprintf(tar, 100, "%s", MARKER);
	memcpy(tar + 100, "0000600", 8);
	memcpy(tar + 108, "0000000", 8);
	memcpy(tar + 116, "0000000", 8);
	memcpy(tar + 124, "00000000000", 12);
	memcpy(tar + 136, "00000000000", 12);
	memset(tar + 148, ' ', 8);
	tar[156] = '0';
	memcpy(tar + 257, "ustar\00000", 8);
	for (int i = 0; i < TAR_BLOCK; i++)
		sum += (unsigned char)tar[i];
	snprintf(tar + 148, 8, "%06o", sum);
}

/* Reads until the helper says that it is done. */
static int await_end(struct cm_peer *peer, struct cm_err *err)
{
	struct cm_frame f;

	for (int i = 0; i < FRAMES_MAX; i++) {
		cm_autojson struct json_object *o = NULL;
		int rc = cm_peer_next(peer, SILENCE_MS, &f, err);
		if (rc != 0)
			return rc;
		if (f.type == 0)
			return cm_err_set(err, CM_ETIMEDOUT, "The helper container does not answer.");
		rc = cm_peer_json(peer, &f, &o, err);
		if (rc != 0)
			return rc;
		if (f.type == CM_FRAME_ERROR)
			return cm_peer_error(o, err);
		if (f.type == CM_FRAME_END)
			return 0;
	}
	return cm_err_set(err, CM_EUPSTREAM, "The helper container talks without end.");
}

int cm_restore_volume_mark(struct cm_shift *s, struct json_object *volume, struct cm_err *err)
{
	cm_autojson struct json_object *plan = plan_new("unpack_tar");
	cm_autofree char *path = NULL;
	char tar[3 * TAR_BLOCK];
	int rc = reach(s, volume, true, &path, err);

	if (rc != 0)
		return rc;
	marker_tar(tar);
	cm_json_set_str(plan, "target", path);
	cm_json_set_int(plan, "strip", 0);
	cm_json_set_bool(plan, "merge", true);
	cm_json_set_bool(plan, "sync", true);
	rc = cm_peer_send_json(&s->peer, CM_FRAME_PLAN, plan, err);
	rc = rc ? rc : cm_peer_send(&s->peer, CM_FRAME_DATA, tar, sizeof(tar), err);
	rc = rc ? rc : cm_peer_send(&s->peer, CM_FRAME_EOF, NULL, 0, err);
	rc = rc ? rc : await_end(&s->peer, err);
	return cm_shift_done(s, rc);
}

static int data_ignore(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	(void)ctx, (void)data, (void)len, (void)err;
	return 0;
}

int cm_restore_volume_marked(struct cm_shift *s, struct json_object *volume, bool *ret, struct cm_err *err)
{
	cm_autojson struct json_object *plan = plan_new("cat");
	cm_autofree char *path = NULL;
	bool empty;
	int rc = reach(s, volume, false, &path, err);

	if (rc != 0)
		return rc;
	cm_json_set_str(plan, "path", path);
	cm_json_set_str(plan, "file", MARKER);
	rc = cm_shift_run(s, plan, NULL, data_ignore, NULL, NULL, err);
	*ret = rc == 0;
	/* The marker is not there; that its folder is must be seen too. */
	return rc == CM_ENOTFOUND ? list_empty(s, path, &empty, err) : rc;
}
