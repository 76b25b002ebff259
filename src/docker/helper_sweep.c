/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/helper_int.h"

/* Between create and start a helper of another process lies there for a moment. */
enum { CREATED_AGE_S = 60 };

/* The start time of a process, in ticks since the boot; 0 when there is no such process. With the pid it names a
 * process for good. */
static unsigned long long start_time(long pid)
{
	char path[48];
	cm_autobuf struct cm_buf text = CM_BUF_INIT(4096);

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	if (cm_file_read(path, &text, NULL) < 0)
		return 0;
	/* The second field is a name in brackets that may hold anything; the time is field 22. */
	char *p = strrchr(text.data, ')');
	for (int field = 2; p != NULL && field < 22; field++) {
		p = strchr(p, ' ');
		if (p != NULL)
			p++;
	}
	return p != NULL ? strtoull(p, NULL, 10) : 0;
}

static void pid_namespace(char dst[32])
{
	ssize_t n = readlink("/proc/self/ns/pid", dst, 31);
	size_t out = 0;

	for (ssize_t i = 0; i < n; i++)
		if (isdigit((unsigned char)dst[i]))
			dst[out++] = dst[i];
	dst[out] = '\0';
}

void cm_helper_owner(char dst[96])
{
	char space[32];

	pid_namespace(space);
	snprintf(dst, 96, "%s:%ld:%llu", space, (long)getpid(), start_time((long)getpid()));
}

bool cm_helper_owner_gone(const char *owner)
{
	char space[32], theirs[32];
	long pid;
	unsigned long long start;

	pid_namespace(space);
	if (sscanf(owner, "%31[0-9]:%ld:%llu", theirs, &pid, &start) != 3 || strcmp(space, theirs) != 0)
		return false;
	return start_time(pid) != start;
}

/* An ended one holds nothing that anybody still needs: its exit was told to who waited. A running one of a process in
 * another pid namespace is left alone: when that process is gone it ends by itself. */
static bool is_leftover(struct json_object *c)
{
	const char *state = cm_json_str(c, "State", "");
	const char *owner = cm_json_str(cm_json_obj(c, "Labels"), CM_HELPER_LABEL_OWNER, "");

	if (strcmp(state, "exited") == 0 || strcmp(state, "dead") == 0 || cm_helper_owner_gone(owner))
		return true;
	return strcmp(state, "created") == 0 && cm_now_ms() / 1000 - cm_json_int(c, "Created", 0) > CREATED_AGE_S;
}

int cm_helper_leftovers(struct cm_docker *d, const char *instance, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *filters = json_object_new_object();
	cm_autojson struct json_object *list = NULL;
	struct json_object *labels = json_object_new_array();

	cm_autofree char *label = cm_asprintf("%s=%s", CM_HELPER_LABEL_INSTANCE, instance);
	cm_json_add_str(labels, CM_HELPER_LABEL "=1");
	cm_json_add_str(labels, label);
	cm_json_set(filters, "label", labels);
	int r = cm_container_list(d, true, filters, &list, err);
	if (r < 0)
		return r;
	struct json_object *left = json_object_new_array();
	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *c = json_object_array_get_idx(list, i);
		if (is_leftover(c))
			json_object_array_add(left, json_object_get(c));
	}
	*ret = left;
	return 0;
}

int cm_helper_sweep(struct cm_docker *d, const char *instance, int *ret_removed, struct cm_err *err)
{
	cm_autojson struct json_object *list = NULL;
	int removed = 0;

	int r = cm_helper_leftovers(d, instance, &list, err);
	for (size_t i = 0; r == 0 && i < cm_json_len(list); i++) {
		struct json_object *c = json_object_array_get_idx(list, i);
		r = cm_container_remove(d, cm_json_str(c, "Id", ""), true, true, err);
		if (r == 0)
			removed++;
		else if (r == CM_ENOTFOUND || r == CM_EBUSY)
			r = 0; /* somebody else removes it at this moment */
	}
	if (r == 0)
		*ret_removed = removed;
	return r;
}
