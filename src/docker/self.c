/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "docker/self.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "docker/transport.h"

enum { ID_LEN = 64, SHORT_LEN = 12, PROC_MAX = 4 << 20 };

#define HEX "0123456789abcdef"

/* A part of exactly 64 hex digits within the first len bytes of s, between characters that are no word's. */
static bool find_id(const char *s, size_t len, char ret_id[65])
{
	for (size_t i = 0; i + ID_LEN <= len;) {
		size_t n = strspn(s + i, HEX);
		if (n == ID_LEN && i + n <= len) {
			memcpy(ret_id, s + i, ID_LEN);
			ret_id[ID_LEN] = '\0';
			return true;
		}
		i += n ? n : 1;
	}
	return false;
}

/* The n-th blank-separated field of a line, NULL when there are fewer. */
static const char *field(const char *line, const char *end, int n, size_t *ret_len)
{
	for (const char *p = line; p < end; n--) {
		const char *stop = memchr(p, ' ', (size_t)(end - p));
		if (stop == NULL)
			stop = end;
		if (n == 0) {
			*ret_len = (size_t)(stop - p);
			return p;
		}
		p = stop + 1;
	}
	return NULL;
}

bool cm_self_from_mountinfo(const char *text, char ret_id[65])
{
	static const char *const points[] = { "/etc/hostname", "/etc/hosts", "/etc/resolv.conf" };

	for (const char *line = text; *line;) {
		const char *end = strchrnul(line, '\n');
		size_t root_len = 0, point_len = 0;
		const char *root = field(line, end, 3, &root_len);
		const char *point = field(line, end, 4, &point_len);
		for (size_t i = 0; root != NULL && point != NULL && i < CM_COUNT(points); i++)
			if (strlen(points[i]) == point_len && memcmp(point, points[i], point_len) == 0 &&
			    find_id(root, root_len, ret_id))
				return true;
		line = *end ? end + 1 : end;
	}
	return false;
}

bool cm_self_from_cgroup(const char *text, char ret_id[65])
{
	for (const char *line = text; *line;) {
		const char *end = strchrnul(line, '\n');
		if (find_id(line, (size_t)(end - line), ret_id))
			return true;
		line = *end ? end + 1 : end;
	}
	return false;
}

bool cm_self_is(const char *self, const char *id)
{
	size_t n = id ? strlen(id) : 0;

	return self != NULL && strlen(self) == ID_LEN && n >= SHORT_LEN && n <= ID_LEN && strncmp(self, id, n) == 0;
}

/* What the kernel shows of us may name a container; so may our host name, which Docker makes from the id. */
static bool candidate(int which, char ret_id[65])
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(PROC_MAX);

	switch (which) {
	case 0:
		return cm_file_read("/proc/self/mountinfo", &text, NULL) == 0 &&
		       cm_self_from_mountinfo(text.data, ret_id);
	case 1:
		return cm_file_read("/proc/self/cgroup", &text, NULL) == 0 && cm_self_from_cgroup(text.data, ret_id);
	default:
		if (gethostname(ret_id, ID_LEN) != 0)
			return false;
		ret_id[ID_LEN] = '\0';
		return strlen(ret_id) == SHORT_LEN && strspn(ret_id, HEX) == SHORT_LEN;
	}
}

/* Only the engine that runs us knows the id, and that it runs. */
static int confirm(struct cm_docker *d, const char *id, char ret_id[65], struct cm_err *err)
{
	cm_autojson struct json_object *o = NULL;

	int r = cm_container_inspect(d, id, false, &o, err);
	if (r < 0)
		return r;
	const char *full = cm_json_str(o, "Id", "");
	if (strlen(full) != ID_LEN || !cm_json_bool(cm_json_obj(o, "State"), "Running", false) ||
	    strncmp(full, id, strlen(id)) != 0)
		return CM_ENOTFOUND;
	cm_str_copy(ret_id, 65, full);
	return 0;
}

int cm_self_id(struct cm_docker *d, char ret_id[65], struct cm_err *err)
{
	for (int which = 0; which < 3 && !d->self_known; which++) {
		char id[65];
		if (!candidate(which, id))
			continue;
		int r = confirm(d, id, d->self_id, err);
		if (r < 0 && r != CM_ENOTFOUND && r != CM_EINVAL)
			return r;
		d->self_known = r == 0;
	}
	d->self_known = true;
	memcpy(ret_id, d->self_id, sizeof(d->self_id));
	return 0;
}
