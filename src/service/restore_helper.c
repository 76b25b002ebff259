/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/restore_helper.h"

#include <stdio.h>
#include <string.h>

#include "archive/proto.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/volume.h"
#include "service/helper_peer.h"

#define MARKER "container-monkey-marker"

enum { LIST_MAX = 1000, TAR_BLOCK = 512, SILENCE_MS = 60000, FRAMES_MAX = 10000 };

static struct json_object *plan_new(const char *op)
{
	struct json_object *plan = json_object_new_object();

	cm_json_set_int(plan, "v", CM_PROTO_VERSION);
	cm_json_set_str(plan, "op", op);
	return plan;
}

/* Ends a helper after its work: what it did is only done when it ended well. */
static int helper_end(struct cm_helper *h, int rc, struct cm_err *err)
{
	int code = 0;

	if (rc != 0) {
		cm_helper_abort(h);
		return rc;
	}
	rc = cm_helper_finish(h, &code, NULL, err);
	if (rc == 0 && code != 0)
		return cm_err_set(err, CM_EUPSTREAM, "The helper container ended with code %d.", code);
	return rc;
}

int cm_restore_helper_run(const struct cm_app *app, struct cm_docker *d, const struct cm_helper_mount *mounts,
			  size_t count, enum cm_helper_privileges privileges, struct json_object *plan,
			  const struct cm_archive_watch *watch, struct json_object **ret_result, struct cm_err *err)
{
	struct json_object *result = NULL;
	struct cm_helper *h;
	struct cm_peer peer;
	int rc = cm_helper_open(app, d, mounts, count, privileges, &h, err);

	if (rc != 0)
		return rc;
	cm_helper_peer(&peer, h);
	rc = cm_peer_run(&peer, plan, watch, NULL, NULL, &result, err);
	rc = helper_end(h, rc, err);
	if (rc == 0 && ret_result != NULL)
		*ret_result = result;
	else
		json_object_put(result);
	return rc;
}

struct listing {
	struct cm_buf text;
};

static int listing_add(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct listing *l = ctx;

	cm_buf_add(&l->text, data, len);
	if (cm_buf_failed(&l->text))
		return cm_err_set(err, CM_ETOOBIG, "The folder's list is too long.");
	return 0;
}

/* The lines of one folder's list; the mount's target is /t. *ret_mounted: it could be mounted, whatever followed. */
static int list_mount(const struct cm_app *app, struct cm_docker *d, const struct cm_helper_mount *mount,
		      struct cm_buf *ret_text, bool *ret_mounted, struct cm_err *err)
{
	cm_autojson struct json_object *plan = plan_new("list");
	struct listing l = { .text = CM_BUF_INIT(1 << 20) };
	struct cm_helper *h;
	struct cm_peer peer;
	int rc = cm_helper_open(app, d, mount, 1, CM_HELPER_READ, &h, err);

	*ret_mounted = rc == 0;
	if (rc != 0)
		return rc;
	cm_json_set_str(plan, "path", "/t");
	cm_json_set_str(plan, "dir", "");
	cm_json_set_int(plan, "max", LIST_MAX);
	cm_helper_peer(&peer, h);
	rc = cm_peer_run(&peer, plan, NULL, listing_add, &l, NULL, err);
	rc = helper_end(h, rc, err);
	if (rc == 0)
		*ret_text = l.text;
	else
		cm_buf_release(&l.text);
	return rc;
}

int cm_restore_path_state(const struct cm_app *app, struct cm_docker *d, const char *path, enum cm_path_state *ret,
			  struct cm_err *err)
{
	struct cm_helper_mount mount = { .source = path, .target = "/t", .read_only = true };
	struct cm_err why = { 0 };
	struct cm_buf text;
	bool mounted;
	int rc;

	*ret = CM_PATH_UNKNOWN;
	if (path[0] != '/')
		return 0;
	rc = list_mount(app, d, &mount, &text, &mounted, &why);
	if (rc == 0) {
		*ret = text.len > 0 ? CM_PATH_PRESENT : CM_PATH_EMPTY;
		cm_buf_release(&text);
		return 0;
	}
	if (rc == CM_EUNREACHABLE || rc == CM_ETIMEDOUT || rc == CM_ECANCELLED)
		return cm_err_set(err, rc, "%s", why.text);
	/* The engine refuses to mount what is not there; what could be mounted but not listed is a file. */
	if (mounted)
		*ret = CM_PATH_PRESENT;
	else if (rc == CM_ENOTFOUND || strstr(why.text, "does not exist") != NULL)
		*ret = CM_PATH_MISSING;
	return 0;
}

static struct cm_helper_mount volume_mount(const char *volume, const char *target, bool read_only)
{
	return (
	    struct cm_helper_mount){ .source = volume, .target = target, .is_volume = true, .read_only = read_only };
}

int cm_restore_volume_copy(const struct cm_app *app, struct cm_docker *d, const char *from, const char *to,
			   const struct cm_archive_watch *watch, struct cm_err *err)
{
	struct cm_helper_mount mounts[2] = { volume_mount(from, "/from", true), volume_mount(to, "/to", false) };
	cm_autojson struct json_object *plan = plan_new("copy");

	mounts[0].is_volume = from[0] != '/';
	mounts[1].is_volume = to[0] != '/';
	cm_json_set_str(plan, "from", "/from");
	cm_json_set_str(plan, "to", "/to");
	cm_json_set_bool(plan, "sync", true);
	return cm_restore_helper_run(app, d, mounts, 2, CM_HELPER_WRITE, plan, watch, NULL, err);
}

int cm_restore_volume_empty(const struct cm_app *app, struct cm_docker *d, const char *volume, struct cm_err *err)
{
	struct cm_helper_mount mount = volume_mount(volume, "/t", false);
	cm_autojson struct json_object *plan = plan_new("empty");

	mount.is_volume = volume[0] != '/';
	cm_json_set_str(plan, "path", "/t");
	return cm_restore_helper_run(app, d, &mount, 1, CM_HELPER_WRITE, plan, NULL, NULL, err);
}

int cm_restore_volume_is_empty(const struct cm_app *app, struct cm_docker *d, const char *volume, bool *ret,
			       struct cm_err *err)
{
	struct cm_helper_mount mount = volume_mount(volume, "/t", true);
	struct cm_buf text;
	bool mounted;
	int rc;

	mount.is_volume = volume[0] != '/';
	rc = list_mount(app, d, &mount, &text, &mounted, err);
	if (rc != 0)
		return rc;
	*ret = text.len == 0;
	cm_buf_release(&text);
	return 0;
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

int cm_restore_volume_swap(const struct cm_app *app, struct cm_docker *d, struct json_object *a, struct json_object *b,
			   struct cm_err *err)
{
	const char *name_a = cm_json_str(a, "Name", ""), *name_b = cm_json_str(b, "Name", "");
	const char *mount_a = cm_json_str(a, "Mountpoint", ""), *mount_b = cm_json_str(b, "Mountpoint", "");
	cm_autofree char *path_a = cm_asprintf("%s/_data", name_a), *path_b = cm_asprintf("%s/_data", name_b);
	cm_autojson struct json_object *plan = plan_new("exchange");
	cm_autofree char *root = NULL;
	struct cm_helper_mount mount = { .target = "/volumes" };

	if (!cm_restore_volume_swappable(a) || !cm_restore_volume_swappable(b))
		return cm_err_set(err, CM_EUNSUPPORTED, "The volumes %s and %s cannot change places.", name_a, name_b);
	root = cm_strndup(mount_a, strlen(mount_a) - strlen(path_a) - 1);
	if (strncmp(root, mount_b, strlen(root)) != 0 || strlen(mount_b) != strlen(root) + 1 + strlen(path_b))
		return cm_err_set(err, CM_EUNSUPPORTED, "The volumes %s and %s lie in different places.", name_a,
				  name_b);
	mount.source = root;
	cm_json_set_str(plan, "root", "/volumes");
	cm_json_set_str(plan, "a", path_a);
	cm_json_set_str(plan, "b", path_b);
	return cm_restore_helper_run(app, d, &mount, 1, CM_HELPER_WRITE, plan, NULL, NULL, err);
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

int cm_restore_volume_mark(const struct cm_app *app, struct cm_docker *d, const char *volume, struct cm_err *err)
{
	struct cm_helper_mount mount = volume_mount(volume, "/t", false);
	cm_autojson struct json_object *plan = plan_new("unpack_tar");
	char tar[3 * TAR_BLOCK];
	struct cm_helper *h;
	struct cm_peer peer;
	int rc = cm_helper_open(app, d, &mount, 1, CM_HELPER_WRITE, &h, err);

	if (rc != 0)
		return rc;
	marker_tar(tar);
	cm_json_set_str(plan, "target", "/t");
	cm_json_set_int(plan, "strip", 0);
	cm_json_set_bool(plan, "merge", true);
	cm_json_set_bool(plan, "sync", true);
	cm_helper_peer(&peer, h);
	rc = cm_peer_send_json(&peer, CM_FRAME_PLAN, plan, err);
	rc = rc ? rc : cm_peer_send(&peer, CM_FRAME_DATA, tar, sizeof(tar), err);
	rc = rc ? rc : cm_peer_send(&peer, CM_FRAME_EOF, NULL, 0, err);
	rc = rc ? rc : await_end(&peer, err);
	return helper_end(h, rc, err);
}

static int data_ignore(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	(void)ctx, (void)data, (void)len, (void)err;
	return 0;
}

int cm_restore_volume_marked(const struct cm_app *app, struct cm_docker *d, const char *volume, bool *ret,
			     struct cm_err *err)
{
	struct cm_helper_mount mount = volume_mount(volume, "/t", true);
	cm_autojson struct json_object *plan = plan_new("cat");
	struct cm_helper *h;
	struct cm_peer peer;
	int rc = cm_helper_open(app, d, &mount, 1, CM_HELPER_READ, &h, err);

	if (rc != 0)
		return rc;
	cm_json_set_str(plan, "path", "/t");
	cm_json_set_str(plan, "file", MARKER);
	cm_helper_peer(&peer, h);
	rc = cm_peer_run(&peer, plan, NULL, data_ignore, NULL, NULL, err);
	*ret = rc == 0;
	if (rc == CM_ENOTFOUND) {
		cm_helper_abort(h);
		return 0;
	}
	return helper_end(h, rc, err);
}
