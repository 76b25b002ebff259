/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "docker/helper.h"
#include "docker/self.h"

/* What follows folder in path ("" or "/a/b"), NULL when path does not lie in it. */
static const char *below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	while (n > 0 && folder[n - 1] == '/')
		n--;
	if (strncmp(path, folder, n) != 0 || (path[n] != '\0' && path[n] != '/'))
		return NULL;
	return path + n;
}

/* One mount of our own container that holds dir. False when the engine's host has no name for it. */
static bool from_mount(struct json_object *m, const char *rest, struct cm_helper_shared *ret)
{
	struct cm_helper_shared s = { .kind = CM_HELPER_SHARED_NONE };
	const char *type = cm_json_str(m, "Type", "");

	if (strcmp(type, "bind") == 0) {
		const char *source = cm_json_str(m, "Source", "");
		int n = snprintf(s.source, sizeof(s.source), "%s%s", strcmp(source, "/") == 0 ? "" : source, rest);
		if (source[0] != '/' || n >= (int)sizeof(s.source))
			return false;
		s.kind = CM_HELPER_SHARED_PATH;
	} else if (strcmp(type, "volume") == 0) {
		if (!cm_str_copy(s.source, sizeof(s.source), cm_json_str(m, "Name", "")) || s.source[0] == '\0' ||
		    !cm_str_copy(s.subpath, sizeof(s.subpath), rest[0] ? rest + 1 : ""))
			return false;
		s.kind = CM_HELPER_SHARED_VOLUME;
	} else {
		return false;
	}
	*ret = s;
	return true;
}

static int from_self(struct cm_docker *d, const char *self, const char *dir, struct cm_helper_shared *ret,
		     struct cm_err *err)
{
	cm_autojson struct json_object *o = NULL;
	struct json_object *best = NULL;
	const char *rest = NULL;
	size_t depth = 0;

	int r = cm_container_inspect(d, self, false, &o, err);
	if (r < 0)
		return r;
	struct json_object *mounts = cm_json_arr(o, "Mounts");
	for (size_t i = 0; i < cm_json_len(mounts); i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i);
		const char *at = cm_json_str(m, "Destination", "");
		const char *tail = at[0] == '/' ? below(dir, at) : NULL;
		if (tail != NULL && strlen(at) > depth) {
			best = m;
			rest = tail;
			depth = strlen(at);
		}
	}
	if (best == NULL || !from_mount(best, rest, ret))
		*ret = (struct cm_helper_shared){ .kind = CM_HELPER_SHARED_NONE };
	return 0;
}

/* A socket here may lead to an engine elsewhere, in a virtual machine or through a tunnel. */
static int same_machine(struct cm_docker *d, bool *ret, struct cm_err *err)
{
	cm_autojson struct json_object *o = NULL;
	struct utsname u;

	int r = cm_docker_info(d, &o, err);
	if (r == 0)
		*ret = uname(&u) == 0 && strcmp(cm_json_str(o, "KernelVersion", ""), u.release) == 0;
	return r;
}

int cm_helper_shared_find(struct cm_docker *d, const char *dir, struct cm_helper_shared *ret, struct cm_err *err)
{
	struct cm_helper_shared s = { .kind = CM_HELPER_SHARED_NONE };
	char self[65];
	bool same = false;

	cm_autofree char *real = realpath(dir, NULL);
	if (real == NULL)
		return cm_err_set(err, CM_ENOTFOUND, "The folder for the helper's socket does not exist.");
	int r = cm_self_id(d, self, err);
	if (r < 0)
		return r;
	if (self[0] != '\0') {
		r = from_self(d, self, real, &s, err);
	} else if (cm_docker_is_local(d)) {
		r = same_machine(d, &same, err);
		if (r == 0 && same && cm_str_copy(s.source, sizeof(s.source), real))
			s.kind = CM_HELPER_SHARED_PATH;
	}
	if (r == 0)
		*ret = s;
	return r;
}
