/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of the page of one container: limits, mounts, networks, health, and the forms that change it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/container_limits.h"
#include "service/container_spec.h"
#include "web/view.h"
#include "web/view/view_container.h"
#include "web/view/view_container_int.h"

enum { WORDS_MAX = 4096, OUTPUT_MAX = 4096, CHECKS_SHOWN = 5 };

/* "a, b, c". */
static void words_fact(struct json_object *list, const char *term, struct json_object *words)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(WORDS_MAX);

	for (size_t i = 0; i < cm_json_len(words); i++)
		cm_buf_printf(&b, "%s%s", i > 0 ? ", " : "",
			      json_object_get_string(json_object_array_get_idx(words, i)));
	if (b.len > 0)
		cm_view_term(list, term, b.data, true);
}

static void restart_fact(struct json_object *list, struct json_object *host)
{
	struct json_object *policy = cm_json_obj(host, "RestartPolicy");
	const char *name = cm_json_str(policy, "Name", "");
	long long most = (long long)cm_json_int(policy, "MaximumRetryCount", 0);

	if (cm_json_bool(host, "AutoRemove", false))
		cm_container_fact(list, "When it ends", false, "it is removed (--rm)");
	else if (cm_str_eq(name, "on-failure") && most > 0)
		cm_container_fact(list, "Restarts", false, "on failure, at most %lld times", most);
	else
		cm_container_fact(list, "Restarts", false, "%s",
				  cm_str_eq(name, "always")	      ? "always"
				  : cm_str_eq(name, "unless-stopped") ? "unless stopped by hand"
				  : cm_str_eq(name, "on-failure")     ? "on failure"
								      : "never");
}

void cm_container_limits_add(struct json_object *data, const struct cm_container_page *p)
{
	struct json_object *list = json_object_new_array(), *host = cm_json_obj(p->inspect, "HostConfig");
	int64_t memory = cm_json_int(host, "Memory", 0), swap = cm_json_int(host, "MemorySwap", 0);
	int64_t cpus = cm_json_int(host, "NanoCpus", 0), pids = cm_json_int(host, "PidsLimit", 0);
	char text[32];

	cm_size_text(text, memory);
	cm_container_fact(list, "Memory", false, "%s", memory > 0 ? text : "no limit");
	cm_size_text(text, swap - memory);
	if (memory > 0 && swap != 0)
		cm_container_fact(list, "Swap", false, "%s", swap < 0 ? "no limit" : swap == memory ? "none" : text);
	snprintf(text, sizeof(text), "%.9g", (double)cpus / 1e9);
	cm_container_fact(list, "Processors", false, "%s", cpus > 0 ? text : "no limit");
	cm_container_fact(list, "Processors used", true, "%s", cm_json_str(host, "CpusetCpus", ""));
	snprintf(text, sizeof(text), "%" PRId64, pids);
	cm_container_fact(list, "Processes", false, "%s", pids > 0 ? text : "no limit");
	restart_fact(list, host);
	cm_container_fact(list, "Network mode", true, "%s", cm_json_str(host, "NetworkMode", ""));
	cm_container_fact(list, "Privileged", false, "%s", cm_json_bool(host, "Privileged", false) ? "yes" : "");
	cm_container_fact(list, "File system", false, "%s",
			  cm_json_bool(host, "ReadonlyRootfs", false) ? "read-only" : "");
	words_fact(list, "Capabilities added", cm_json_arr(host, "CapAdd"));
	words_fact(list, "Capabilities dropped", cm_json_arr(host, "CapDrop"));
	words_fact(list, "Security", cm_json_arr(host, "SecurityOpt"));
	words_fact(list, "DNS", cm_json_arr(host, "Dns"));
	words_fact(list, "Extra hosts", cm_json_arr(host, "ExtraHosts"));
	cm_container_fact(list, "Runtime", true, "%s", cm_json_str(host, "Runtime", ""));
	cm_container_fact(list, "Log driver", true, "%s", cm_json_str_at(host, "LogConfig.Type", ""));
	cm_json_set(data, "limits", list);
}

static void mounts_add(struct json_object *data, const struct cm_container_page *p)
{
	struct json_object *mounts = cm_json_arr(p->inspect, "Mounts"), *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(mounts); i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i), *o = json_object_new_object();
		const char *type = cm_json_str(m, "Type", ""), *name = cm_json_str(m, "Name", "");
		bool volume = cm_str_eq(type, "volume");

		cm_json_set_str(o, "destination", cm_json_str(m, "Destination", ""));
		cm_json_set_str(o, "source", volume ? name : cm_json_str(m, "Source", ""));
		cm_view_url(o, "url", volume ? "/volume/%s" : NULL, name);
		cm_view_text(o, "kind_text", "%s%s",
			     volume			? "Volume"
			     : cm_str_eq(type, "bind")	? "Folder of the host"
			     : cm_str_eq(type, "tmpfs") ? "Memory"
							: type,
			     cm_json_bool(m, "RW", true) ? "" : ", read-only");
		json_object_array_add(list, o);
	}
	cm_json_set_bool(data, "has_mounts", cm_json_len(list) > 0);
	cm_json_set(data, "mount_rows", list);
}

static void network_add(struct json_object *list, const char *name, struct json_object *endpoint, const char *id)
{
	struct json_object *o = json_object_new_object(), *aliases = cm_json_arr(endpoint, "Aliases");
	const char *six = cm_json_str(endpoint, "GlobalIPv6Address", ""),
		   *four = cm_json_str(endpoint, "IPAddress", "");
	cm_autobuf struct cm_buf also = CM_BUF_INIT(WORDS_MAX);

	for (size_t i = 0; i < cm_json_len(aliases); i++) {
		const char *alias = json_object_get_string(json_object_array_get_idx(aliases, i));

		/* The engine adds the id as one. */
		if (alias != NULL && !cm_str_eq(alias, id))
			cm_buf_printf(&also, "%s%s", also.len > 0 ? ", " : "", alias);
	}
	cm_json_set_str(o, "name", name);
	cm_view_url(o, "url", "/containers?network=%s", name);
	cm_view_text(o, "address_text", "%s%s%s", four, four[0] && six[0] ? ", " : "", six);
	if (four[0] == '\0' && six[0] == '\0')
		cm_json_set(o, "address_text", NULL);
	cm_json_set_str(o, "gateway_text",
			cm_json_str(endpoint, "Gateway", "")[0] ? cm_json_str(endpoint, "Gateway", "") : NULL);
	cm_json_set_str(o, "mac_text",
			cm_json_str(endpoint, "MacAddress", "")[0] ? cm_json_str(endpoint, "MacAddress", "") : NULL);
	cm_json_set_str(o, "aliases_text", also.len > 0 ? also.data : NULL);
	json_object_array_add(list, o);
}

void cm_container_data_add(struct json_object *data, const struct cm_container_page *p)
{
	struct json_object *networks = cm_json_at(p->inspect, "NetworkSettings.Networks");
	struct json_object *list = json_object_new_array();

	if (json_object_is_type(networks, json_type_object)) {
		json_object_object_foreach(networks, name, endpoint)
		    network_add(list, name, endpoint, cm_json_str(data, "id", ""));
	}
	cm_json_set_bool(data, "has_networks", cm_json_len(list) > 0);
	cm_json_set(data, "network_rows", list);
	cm_json_set_bool(data, "has_ports", cm_json_bool(p->row, "has_ports", false));
	cm_json_set(data, "port_links", json_object_get(cm_json_arr(p->row, "port_links")));
	mounts_add(data, p);
}

/* What the check printed, in one line. */
static char *output_text(const char *output)
{
	struct cm_buf clean = CM_BUF_INIT(4 * OUTPUT_MAX);
	cm_autofree char *line = cm_strndup(output, strnlen(output, OUTPUT_MAX));
	size_t len = strlen(line);

	while (len > 0 && strchr(" \t\r\n", line[len - 1]) != NULL)
		line[--len] = '\0';
	for (char *c = line; (c = strpbrk(c, "\t\r\n")) != NULL;)
		*c = ' ';
	cm_utf8_clean(&clean, line, len);
	return cm_buf_detach(&clean);
}

static struct json_object *check_make(struct json_object *entry, int64_t now_ms)
{
	struct json_object *o = json_object_new_object();
	cm_autofree char *output = output_text(cm_json_str(entry, "Output", ""));
	long long code = (long long)cm_json_int(entry, "ExitCode", 0);
	int64_t ms = 0;

	(void)cm_time_parse(cm_json_str(entry, "Start", ""), &ms);
	cm_view_time(o, "start", ms, now_ms);
	cm_json_set_bool(o, "is_ok", code == 0);
	cm_view_text(o, "exit_text", code == 0 ? "passed" : "failed, exit code %lld", code);
	cm_json_set_str(o, "output", output != NULL && output[0] != '\0' ? output : NULL);
	return o;
}

void cm_container_health_add(struct json_object *data, const struct cm_container_page *p)
{
	struct json_object *health = cm_json_at(p->inspect, "State.Health"), *log = cm_json_arr(health, "Log");
	struct json_object *test = cm_json_at(p->inspect, "Config.Healthcheck.Test"), *o, *list;
	cm_autobuf struct cm_buf words = CM_BUF_INIT(WORDS_MAX);
	long long failing = (long long)cm_json_int(health, "FailingStreak", 0);

	if (health == NULL) {
		cm_json_set(data, "health_check", NULL);
		return;
	}
	o = json_object_new_object();
	list = json_object_new_array();
	for (size_t i = 1; i < cm_json_len(test); i++)
		cm_buf_printf(&words, "%s%s", i > 1 ? " " : "",
			      json_object_get_string(json_object_array_get_idx(test, i)));
	for (size_t i = cm_json_len(log); i-- > 0 && cm_json_len(list) < CHECKS_SHOWN;)
		json_object_array_add(list, check_make(json_object_array_get_idx(log, i), p->now_ms));
	cm_json_set_str(o, "state", cm_json_str(health, "Status", ""));
	cm_json_set_str(o, "command", words.len > 0 && p->role >= CM_ROLE_DEVELOPER ? words.data : NULL);
	cm_view_text(o, "failing_text", failing > 0 ? "Failed %lld times in a row" : NULL, failing);
	cm_json_set_bool(o, "has_log", cm_json_len(list) > 0);
	cm_json_set(o, "log", list);
	cm_json_set(data, "health_check", o);
}

/* What was typed, else what is. */
static void field_add(struct json_object *form, const struct cm_container_page *p, const char *name, const char *now)
{
	char key[40];

	snprintf(key, sizeof(key), "%s_error", name);
	cm_json_set_str(form, name, cm_json_str(p->typed, name, now));
	cm_json_set_str(form, key, cm_str_eq(p->error_field, name) ? p->error : NULL);
}

static struct json_object *limits_form(const struct cm_container_page *p, const char *id)
{
	static const struct {
		const char *value, *text;
	} policies[] = { { "no", "Never" },
			 { "on-failure", "On failure" },
			 { "unless-stopped", "Unless stopped by hand" },
			 { "always", "Always" } };
	static const char *const fields[] = { "memory", "cpus", "pids_limit", "max_retries" };
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	cm_autojson struct json_object *now = cm_limits_now(p->inspect);
	const char *policy = cm_json_str(p->typed, "restart_policy", cm_json_str(now, "restart_policy", ""));

	cm_view_url(o, "action", "/container/%s/update", id);
	for (size_t i = 0; i < CM_COUNT(fields); i++)
		field_add(o, p, fields[i], cm_json_str(now, fields[i], ""));
	for (size_t i = 0; i < CM_COUNT(policies); i++)
		cm_view_choice(list, policies[i].value, policies[i].text, NULL, cm_str_eq(policies[i].value, policy));
	cm_json_set(o, "policies", list);
	cm_json_set_str(o, "restart_policy_error", cm_str_eq(p->error_field, "restart_policy") ? p->error : NULL);
	return o;
}

void cm_container_forms_add(struct json_object *data, const struct cm_container_page *p)
{
	bool may = p->role >= CM_ROLE_ADMIN && p->own == CM_OWN_NOT;
	const char *id = cm_json_str(data, "id", "");
	struct json_object *rename = NULL;

	if (may) {
		rename = json_object_new_object();
		cm_view_url(rename, "action", "/container/%s/rename", id);
		field_add(rename, p, "new_name", cm_spec_name(p->inspect));
	}
	cm_json_set(data, "rename_form", rename);
	cm_json_set(data, "limits_form", may ? limits_form(p, id) : NULL);
	cm_json_set_bool(data, "change_open", p->error != NULL);
	cm_json_set_str(data, "change_error", p->error);
}
