/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The page of one backup: what is in it, and how to get it back by hand.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/container_spec.h"
#include "web/view.h"
#include "web/view/view_backup.h"
#include "web/view/view_backup_int.h"

enum { TEXT_SIZE = 512, WORDS_MAX = 4096 };

static void fact(struct json_object *list, const char *term, bool is_code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void fact(struct json_object *list, const char *term, bool is_code, const char *fmt, ...)
{
	char text[TEXT_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cm_view_term(list, term, text, is_code);
}

static void consistency_fact(struct json_object *list, const struct cm_backup_page *p)
{
	const char *how = p->row->consistency, *status = cm_json_str(p->companion, "status", "");
	int64_t held = cm_json_int(p->companion, "held_ms", 0);
	char time[32];

	if (how == NULL)
		return;
	cm_duration_text(time, (held + 500) / 1000);
	if (cm_str_eq(status, "stopped"))
		fact(list, "Consistency", false, "It was not running");
	else if (cm_str_eq(status, "paused"))
		fact(list, "Consistency", false, "It was paused already");
	else if (cm_str_eq(how, "live"))
		fact(list, "Consistency", false, "Live: it kept running");
	else
		fact(list, "Consistency", false, "%s while its data was read, %s",
		     cm_str_eq(how, "stop") ? "Stopped" : "Paused", held < 1000 ? "less than a second" : time);
}

static void size_facts(struct json_object *list, const struct cm_backup_page *p)
{
	const struct cm_catalog_row *row = p->row;
	int64_t ms = cm_json_int(p->companion, "duration_ms", 0);
	char content[32], stored[32], files[96], rate[32], time[32];

	cm_size_text(content, row->content_size);
	cm_size_text(stored, row->size);
	cm_count_text(files, cm_json_int(p->companion, "files", 0), "file", "files");
	if (row->content_size > 0) {
		fact(list, "Content", false, "%s in %s", content, files);
		fact(list, "Stored size", false, "%s (%s, %lld %% of the content)", stored,
		     row->compression ? row->compression : "plain", (long long)(row->size * 100 / row->content_size));
	} else {
		fact(list, "Stored size", false, "%s", stored);
	}
	if (ms <= 0)
		return;
	cm_size_text(rate, row->content_size * 1000 / ms);
	if (ms < 10000)
		snprintf(time, sizeof(time), "%.1f s", (double)ms / 1000.0);
	else
		cm_duration_text(time, ms / 1000);
	fact(list, "Took", false, "%s, %s/s", time, rate);
}

static struct json_object *facts_make(const struct cm_backup_page *p)
{
	const struct cm_catalog_row *row = p->row;
	struct json_object *list = json_object_new_array();
	const char *user = cm_json_str(p->companion, "user", "");
	const char *made = cm_str_eq(row->backup_type, "scheduled") ? "Scheduled" : "Manual";

	fact(list, "Server", false, "%s", row->server_name ? row->server_name : "Unknown Server");
	if (!cm_str_eq(row->type, "network"))
		fact(list, "Made", false, user[0] != '\0' ? "%s, by %s" : "%s", made, user);
	if (cm_json_str(p->companion, "path", NULL) != NULL)
		fact(list, "Path asked for", true, "%s", cm_json_str(p->companion, "path", ""));
	consistency_fact(list, p);
	fact(list, "Stored in", false, "%s", cm_str_eq(row->vault, "local") ? "Local vault" : row->vault);
	size_facts(list, p);
	if (row->has_manifest)
		fact(list, "Format", false, "Container Monkey 1");
	if (row->sha256 != NULL)
		fact(list, "SHA-256", true, "%s", row->sha256);
	return list;
}

static struct json_object *image_make(const struct cm_restore_source *s, struct json_object *companion)
{
	struct json_object *o = json_object_new_object(), *parts = cm_json_arr(companion, "parts");
	const char *id = cm_json_str(s->image, "id", ""), *mode = cm_json_str(s->image, "mode", "missing");
	const char *os = cm_json_str(s->image, "os", NULL), *arch = cm_json_str(s->image, "architecture", NULL);
	int64_t size = cm_json_int(s->image, "size", -1);

	for (size_t i = 0; i < cm_json_len(parts); i++) {
		struct json_object *p = json_object_array_get_idx(parts, i);

		if (cm_str_eq(cm_json_str(p, "kind", ""), "image") && cm_json_int(p, "bytes", 0) > 0)
			size = cm_json_int(p, "bytes", 0);
	}
	cm_json_set_str(o, "name", cm_json_str(s->image, "ref", id));
	cm_view_text(o, "short_id", "%.12s", cm_str_has_prefix(id, "sha256:") ? id + 7 : id);
	cm_json_set_str(o, "id", id);
	cm_json_set_str(o, "digest", cm_json_str(s->image, "digest", NULL));
	cm_view_text(o, "platform_text", os && arch ? "%s/%s" : "unknown platform", os, arch);
	cm_json_set_str(o, "kind_text",
			cm_str_eq(cm_json_str(companion, "type", ""), "export") ? "Only noted: its files are inside"
			: cm_str_eq(mode, "embed")				? "Inside the backup"
			: cm_str_eq(mode, "reference") ? "Only noted, to be pulled by its digest"
						       : "Not in the backup");
	cm_view_size(o, "size", size > 0 ? size : -1);
	cm_json_set_bool(o, "is_embedded", cm_str_eq(mode, "embed"));
	cm_json_set_bool(o, "is_reference", cm_str_eq(mode, "reference"));
	return o;
}

static void words_text(struct json_object *words, struct cm_buf *out)
{
	if (json_object_is_type(words, json_type_string))
		cm_buf_str(out, json_object_get_string(words));
	for (size_t i = 0; i < cm_json_len(words); i++)
		cm_buf_printf(out, "%s%s", out->len > 0 ? " " : "",
			      json_object_get_string(json_object_array_get_idx(words, i)));
}

static struct json_object *settings_make(const struct cm_restore_source *s, const struct cm_catalog_row *row)
{
	struct json_object *list = json_object_new_array(), *config = cm_json_obj(s->inspect, "Config");
	struct json_object *host = cm_json_obj(s->inspect, "HostConfig");
	struct json_object *restart = cm_json_obj(host, "RestartPolicy");
	cm_autobuf struct cm_buf command = CM_BUF_INIT(WORDS_MAX);
	const char *policy = cm_json_str(restart, "Name", ""), *user = cm_json_str(config, "User", "");
	int64_t retries = cm_json_int(restart, "MaximumRetryCount", 0), memory = cm_json_int(host, "Memory", 0);
	char text[96];

	words_text(cm_json_get(config, "Entrypoint"), &command);
	words_text(cm_json_get(config, "Cmd"), &command);
	if (command.len > 0)
		cm_view_term(list, "Command", command.data, true);
	cm_view_term(list, "User", user[0] != '\0' ? user : "root", true);
	if (retries > 0)
		fact(list, "Restart policy", false, "%s, at most %lld times", policy, (long long)retries);
	else
		fact(list, "Restart policy", false, "%s", policy[0] != '\0' ? policy : "no");
	fact(list, "State when saved", false, "%c%s", s->status[0] - 'a' + 'A', s->status + 1);
	if (memory > 0) {
		cm_size_text(text, memory);
		fact(list, "Memory limit", false, "%s", text);
	}
	if (row->stack != NULL)
		fact(list, "Stack", false, "%s", row->stack);
	cm_count_text(text, (int64_t)cm_json_len(cm_json_arr(config, "Env")), "variable", "variables");
	fact(list, "Environment", false, "%s (values are not shown)", text);
	return list;
}

static void network_add(struct json_object *list, struct json_object *network, struct json_object *endpoint)
{
	struct json_object *o = json_object_new_object(), *pools = cm_json_arr(cm_json_obj(network, "IPAM"), "Config");
	struct json_object *fixed = cm_json_obj(endpoint, "IPAMConfig");
	cm_autobuf struct cm_buf aliases = CM_BUF_INIT(WORDS_MAX);
	struct json_object *names = cm_json_arr(endpoint, "Aliases");

	for (size_t i = 0; i < cm_json_len(names); i++)
		cm_buf_printf(&aliases, "%s%s", i > 0 ? ", " : "",
			      json_object_get_string(json_object_array_get_idx(names, i)));
	cm_json_set_str(o, "name", cm_json_str(network, "Name", ""));
	cm_json_set_str(o, "driver", cm_json_str(network, "Driver", "bridge"));
	cm_json_set_str(o, "subnet_text",
			cm_json_len(pools) > 0 ? cm_json_str(json_object_array_get_idx(pools, 0), "Subnet", NULL)
					       : NULL);
	cm_json_set_str(o, "address_text", cm_json_str(fixed, "IPv4Address", NULL));
	cm_json_set_str(o, "aliases_text", aliases.len > 0 ? aliases.data : NULL);
	json_object_array_add(list, o);
}

static struct json_object *networks_make(const struct cm_backup_page *p)
{
	struct json_object *list = json_object_new_array();

	if (p->network != NULL)
		network_add(list, p->network, NULL);
	for (size_t i = 0; p->source != NULL && i < cm_json_len(p->source->networks); i++) {
		struct json_object *n = json_object_array_get_idx(p->source->networks, i);
		struct json_object *all = cm_json_at(p->source->inspect, "NetworkSettings.Networks");

		network_add(list, n, cm_json_obj(all, cm_json_str(n, "Name", "")));
	}
	return list;
}

static struct json_object *ports_make(const struct cm_restore_source *s)
{
	struct json_object *list = json_object_new_array();
	cm_autojson struct json_object *ports = cm_spec_ports(s->inspect, NULL);

	for (size_t i = 0; i < cm_json_len(ports); i++) {
		struct json_object *p = json_object_array_get_idx(ports, i), *o = json_object_new_object();
		const char *ip = cm_json_str(p, "ip", ""), *host = cm_json_str(p, "host", "");

		cm_json_set_str(o, "container_port", cm_json_str(p, "container", ""));
		cm_view_text(o, "host_text", ip[0] != '\0' ? "%s:%s" : "%s%s", ip, host[0] != '\0' ? host : "any");
		json_object_array_add(list, o);
	}
	return list;
}

void cm_view_backup_page(struct json_object *data, const struct cm_backup_page *p)
{
	struct json_object *warnings = cm_json_arr(p->companion, "warnings");
	const struct cm_restore_source *s = p->source;
	char text[96];

	cm_view_backup_frame(data, p);
	cm_json_set(data, "facts", facts_make(p));
	cm_json_set(data, "image", s ? image_make(s, p->companion) : NULL);
	cm_json_set(data, "settings", s ? settings_make(s, p->row) : json_object_new_array());
	cm_json_set(data, "parts", cm_view_backup_parts(p));
	cm_json_set(data, "networks", networks_make(p));
	cm_json_set(data, "ports", s ? ports_make(s) : json_object_new_array());
	cm_count_text(text, p->row->warning_count, "warning", "warnings");
	cm_json_set_str(data, "warnings_text", p->row->warning_count > 0 ? text : NULL);
	cm_json_set(data, "warnings", cm_view_sentences(warnings));
	cm_json_set(data, "damage",
		    cm_str_eq(p->row->verify_state, "damaged")
			? cm_view_sentences(cm_json_arr(p->companion, "verify_problems"))
			: json_object_new_array());
	cm_json_set(data, "by_hand", cm_view_by_hand(p));
}
