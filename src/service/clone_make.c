/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/clone_int.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/secret.h"
#include "core/str.h"
#include "db/journal.h"
#include "docker/container.h"
#include "docker/volume.h"
#include "service/container_spec.h"
#include "service/preflight.h"
#include "service/restore_helper.h"
#include "service/stacks.h"

enum { NAMES_TRIED = 1000, PORT_MAX = 65535 };

static int save(struct cm_clone *c, struct cm_err *err)
{
	cm_autofree char *text = cm_json_text(c->made);

	return cm_journal_update(c->journal, text, err);
}

int cm_clone_note(struct cm_clone *c, const char *list, const char *name, struct cm_err *err)
{
	cm_json_add_str(cm_json_arr(c->made, list), name);
	return save(c, err);
}

void cm_clone_unnote(struct cm_clone *c, const char *list, const char *name)
{
	struct json_object *kept = json_object_new_array(), *all = cm_json_arr(c->made, list);

	for (size_t i = 0; i < cm_json_len(all); i++) {
		const char *one = json_object_get_string(json_object_array_get_idx(all, i));

		if (!cm_str_eq(one, name))
			cm_json_add_str(kept, one);
	}
	cm_json_set(c->made, list, kept);
	(void)save(c, NULL);
}

/* 0 when there is none of that name. */
static int name_taken(struct cm_clone *c, const char *kind, const char *name, bool *ret, struct cm_err *err)
{
	cm_autojson struct json_object *o = NULL;
	int rc = cm_str_eq(kind, "volume") ? cm_volume_inspect(c->d, name, &o, err)
					   : cm_container_inspect(c->d, name, false, &o, err);

	*ret = rc == 0;
	return rc == CM_ENOTFOUND ? 0 : rc;
}

int cm_clone_name(struct cm_clone *c, const char *kind, const char *name, char **ret, struct cm_err *err)
{
	size_t len = c->stack != NULL ? strlen(c->stack) : 0;
	bool taken = true;
	int rc;

	if (len > 0 && strncmp(name, c->stack, len) == 0 && (name[len] == '_' || name[len] == '-')) {
		cm_autofree char *own = cm_asprintf("%s%s", c->project, name + len);

		rc = name_taken(c, kind, own, &taken, err);
		if (rc == 0 && !taken)
			*ret = cm_move(&own);
		if (rc < 0 || !taken)
			return rc;
	}
	for (int n = 1; n <= NAMES_TRIED; n++) {
		cm_autofree char *own = cm_asprintf("%.200s-clone-%d", name, n);

		rc = name_taken(c, kind, own, &taken, err);
		if (rc == 0 && !taken)
			*ret = cm_move(&own);
		if (rc < 0 || !taken)
			return rc;
	}
	return cm_err_set(err, CM_EEXIST, "There are too many clones of %.200s: name this one.", name);
}

/* A copy is an ordinary volume, whatever its original lies on: with its options it would be the same data. */
static int volume_make(struct cm_clone *c, const char *from, const char *to, struct cm_err *err)
{
	cm_autojson struct json_object *volume = NULL, *body = json_object_new_object();
	struct json_object *labels = json_object_new_object(), *all;
	int rc = cm_volume_inspect(c->d, from, &volume, err);

	if (rc == 0)
		rc = cm_clone_note(c, "volumes", to, err);
	all = cm_json_obj(volume, "Labels");
	if (all != NULL) {
		json_object_object_foreach(all, key, value)
		{
			if (c->stack != NULL || !cm_str_has_prefix(key, "com.docker.compose."))
				cm_json_set(labels, key, json_object_get(value));
		}
	}
	if (cm_json_get(labels, CM_COMPOSE_PROJECT) != NULL)
		cm_json_set_str(labels, CM_COMPOSE_PROJECT, c->project);
	cm_json_set_str(body, "Name", to);
	cm_json_set_str(body, "Driver", "local");
	cm_json_set(body, "Labels", labels);
	if (rc < 0)
		return rc;
	rc = cm_volume_create(c->d, body, NULL, err);
	if (rc == CM_EEXIST)
		cm_clone_unnote(c, "volumes", to);
	return rc;
}

static int volume_copy(struct cm_clone *c, const char *from, bool anonymous, char **ret, struct cm_err *err)
{
	cm_autofree char *to = NULL;
	struct json_object *o;
	char hex[65];
	int rc = 0;

	if (anonymous) {
		cm_random_hex(hex, 32);
		to = cm_strdup(hex);
	} else {
		rc = cm_clone_name(c, "volume", from, &to, err);
	}
	rc = rc < 0 ? rc : volume_make(c, from, to, err);
	if (rc == 0) {
		cm_progress_step(c->progress, 2, 3, anonymous ? "Copying an anonymous volume" : to);
		rc = cm_restore_volume_copy(&c->shift, from, to, NULL, err);
	}
	if (rc < 0)
		return rc;
	o = json_object_new_object();
	cm_json_set_str(o, "from", from);
	cm_json_set_str(o, "to", to);
	json_object_array_add(c->copied, o);
	*ret = cm_move(&to);
	return 0;
}

/* While its data is read the original stands still. */
static int source_hold(struct cm_clone *c, struct json_object *inspect, int64_t *ret_journal, struct cm_err *err)
{
	const char *id = cm_json_str(inspect, "Id", "");
	int rc;

	*ret_journal = 0;
	if (!cm_str_eq(cm_json_str_at(inspect, "State.Status", ""), "running"))
		return 0;
	rc = cm_journal_add(NULL, "paused", id, cm_spec_name(inspect), NULL, ret_journal, err);
	return rc < 0 ? rc : cm_container_pause(c->d, id, err);
}

static void source_let_go(struct cm_clone *c, struct json_object *inspect, int64_t journal)
{
	struct cm_err why = { 0 };
	int rc;

	if (journal == 0)
		return;
	cm_docker_set_cancel(c->d, NULL, NULL);
	rc = cm_container_unpause(c->d, cm_json_str(inspect, "Id", ""), &why);
	/* Not paused any more, or gone: nothing is left to do. */
	if (rc == 0 || rc == CM_EBUSY || rc == CM_ENOTFOUND)
		cm_journal_close(journal, NULL);
	else
		cm_journal_failed(journal, why.text, NULL);
}

static int volumes_copy(struct cm_clone *c, struct json_object *volumes, struct json_object *anon, struct cm_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < cm_json_len(volumes); i++) {
		struct json_object *v = json_object_array_get_idx(volumes, i);
		const char *name = cm_json_str(v, "name", ""), *destination = cm_json_str(v, "destination", "");
		bool anonymous = cm_json_bool(v, "anonymous", false);
		cm_autofree char *to = NULL;

		if (cm_progress_cancelled(c->progress))
			return cm_err_set(err, CM_ECANCELLED, "The clone was cancelled.");
		if (cm_json_get(c->volume_names, name) != NULL)
			continue;
		rc = volume_copy(c, name, anonymous, &to, err);
		if (rc < 0)
			cm_err_prefix(err, "Volume %.64s", name);
		else if (anonymous)
			cm_json_set_str(anon, destination, to);
		else
			cm_json_set_str(c->volume_names, name, to);
	}
	return rc;
}

int cm_clone_volumes(struct cm_clone *c, struct json_object *inspect, struct json_object **ret_anon, struct cm_err *err)
{
	cm_autojson struct json_object *volumes = cm_spec_volumes(inspect), *anon = json_object_new_object();
	bool copy = cm_str_eq(c->volumes, "copy");
	int64_t journal = 0;
	int rc = 0;

	if (cm_str_eq(c->volumes, "share")) {
		for (size_t i = 0; i < cm_json_len(volumes); i++) {
			struct json_object *v = json_object_array_get_idx(volumes, i);

			if (cm_json_bool(v, "anonymous", false))
				cm_json_set_str(anon, cm_json_str(v, "destination", ""), cm_json_str(v, "name", ""));
		}
	} else if (copy && cm_json_len(volumes) > 0) {
		rc = source_hold(c, inspect, &journal, err);
		rc = rc < 0 ? rc : volumes_copy(c, volumes, anon, err);
		source_let_go(c, inspect, journal);
		if (rc < 0)
			cm_shift_drop(&c->shift);
		else
			rc = cm_shift_end(&c->shift, err);
	}
	if (rc == 0)
		*ret_anon = cm_move(&anon);
	return rc;
}

static bool published(struct json_object *listed, int64_t port, const char *protocol, const char *ip)
{
	for (size_t i = 0; i < cm_json_len(listed); i++) {
		struct json_object *ports = cm_json_arr(json_object_array_get_idx(listed, i), "Ports");

		for (size_t k = 0; k < cm_json_len(ports); k++) {
			struct json_object *p = json_object_array_get_idx(ports, k);

			if (cm_json_int(p, "PublicPort", 0) == port &&
			    cm_str_eq(cm_json_str(p, "Type", "tcp"), protocol) &&
			    cm_preflight_ports_clash(cm_json_str(p, "IP", ""), ip))
				return true;
		}
	}
	return false;
}

/* Does another program of this machine listen there? Only worth asking where the engine is on it too. */
static bool listened(const struct cm_clone *c, int port, bool udp)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	cm_autoclose int fd = -1;

	if (!cm_docker_is_local(c->d))
		return false;
	fd = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	return fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0;
}

/* One published port: kept when it is free, else the next that is. */
static int port_choose(struct cm_clone *c, struct json_object *port, struct json_object *used, bool chosen,
		       struct json_object *values, struct cm_err *err)
{
	const char *inside = cm_json_str(port, "container", ""), *ip = cm_json_str(port, "ip", "");
	const char *was = cm_json_str(port, "host", ""), *slash = strchr(inside, '/');
	const char *protocol = slash != NULL ? slash + 1 : "tcp";
	struct json_object *list = cm_json_arr(values, inside), *o;
	char text[96], key[32];
	uint64_t first;

	if (list == NULL) {
		list = json_object_new_array();
		cm_json_set(values, inside, list);
	}
	if (!cm_str_u64(was, 1, PORT_MAX, &first)) {
		if (was[0] != '\0')
			cm_json_add_str(list, was);
		return 0;
	}
	for (uint64_t n = first; n <= PORT_MAX; n++) {
		snprintf(key, sizeof(key), "%llu/%.8s", (unsigned long long)n, protocol);
		if (cm_json_get(used, key) != NULL || published(c->listed, (int64_t)n, protocol, ip) ||
		    (n != first && listened(c, (int)n, cm_str_eq(protocol, "udp"))))
			continue;
		cm_json_set_bool(used, key, true);
		snprintf(text, sizeof(text),
			 strchr(ip, ':') != NULL ? "[%s]:%llu"
			 : ip[0] != '\0'	 ? "%s:%llu"
						 : "%s%llu",
			 ip, (unsigned long long)n);
		cm_json_add_str(list, text);
		if (n == first)
			return 0;
		if (chosen)
			break;
		o = json_object_new_object();
		cm_json_set_str(o, "container", inside);
		cm_json_set_str(o, "was", was);
		snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
		cm_json_set_str(o, "now", text);
		json_object_array_add(c->ports, o);
		return 0;
	}
	return cm_err_set(err, CM_EINUSE, "Port %.16s is taken: choose another one.", was);
}

int cm_clone_ports(struct cm_clone *c, struct json_object *inspect, struct json_object **ret, struct cm_err *err)
{
	struct json_object *asked = cm_json_obj(c->params, "ports");
	cm_autojson struct json_object *was = cm_spec_ports(inspect, NULL), *ports = cm_spec_ports(inspect, asked);
	cm_autojson struct json_object *used = json_object_new_object(), *values = json_object_new_object();
	int rc = 0;

	/* Those of the original count as taken, even while it does not run. */
	for (size_t i = 0; !c->anew && i < cm_json_len(was); i++) {
		struct json_object *p = json_object_array_get_idx(was, i);
		const char *slash = strchr(cm_json_str(p, "container", ""), '/');
		char key[32];

		snprintf(key, sizeof(key), "%.16s/%.8s", cm_json_str(p, "host", ""), slash ? slash + 1 : "tcp");
		cm_json_set_bool(used, key, true);
	}
	for (size_t i = 0; rc == 0 && i < cm_json_len(ports); i++) {
		struct json_object *p = json_object_array_get_idx(ports, i);

		rc = port_choose(c, p, used, cm_json_get(asked, cm_json_str(p, "container", "")) != NULL, values, err);
	}
	if (asked != NULL) {
		json_object_object_foreach(asked, key, value)
		{
			/* What shall not be published, and what the original did not. */
			if (cm_json_get(values, key) == NULL)
				cm_json_set(values, key, json_object_get(value));
		}
	}
	if (rc == 0)
		*ret = cm_move(&values);
	return rc;
}

static void env_put(struct json_object *list, const char *key, const char *value)
{
	size_t len = strlen(key);
	cm_autofree char *line = cm_asprintf("%s=%s", key, value ? value : "");

	for (size_t i = 0; i < cm_json_len(list); i++) {
		const char *one = json_object_get_string(json_object_array_get_idx(list, i));

		if (strncmp(one, key, len) != 0 || one[len] != '=')
			continue;
		if (value != NULL)
			json_object_array_put_idx(list, i, json_object_new_string(line));
		else
			json_object_array_del_idx(list, i, 1);
		return;
	}
	if (value != NULL)
		cm_json_add_str(list, line);
}

int cm_clone_env(struct json_object *config, struct json_object *env, struct cm_err *err)
{
	struct json_object *list = cm_json_copy(cm_json_arr(config, "Env"));

	if (list == NULL)
		list = json_object_new_array();
	cm_json_set(config, "Env", list);
	if (json_object_is_type(env, json_type_object)) {
		json_object_object_foreach(env, key, value)
		    env_put(list, key, value != NULL ? json_object_get_string(value) : NULL);
	}
	for (size_t i = 0; json_object_is_type(env, json_type_array) && i < cm_json_len(env); i++) {
		const char *line = json_object_get_string(json_object_array_get_idx(env, i));
		cm_autofree char *key = line != NULL ? cm_strndup(line, strcspn(line, "=")) : NULL;

		if (line == NULL || key[0] == '\0' || line[strlen(key)] != '=')
			return cm_err_set(err, CM_EINVAL, "env has lines like NAME=value.");
		env_put(list, key, line + strlen(key) + 1);
	}
	return 0;
}
