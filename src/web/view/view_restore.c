/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_restore.h"

#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "web/view.h"
#include "web/view/view_backup.h"
#include "web/view/view_restore_int.h"

static struct json_object *at(struct json_object *list, size_t i)
{
	return json_object_array_get_idx(list, i);
}

/* The sentence that belongs to a field, or NULL. */
const char *cm_view_restore_error(const struct cm_restore_page *p, const char *field)
{
	for (size_t i = 0; i < cm_json_len(p->errors); i++)
		if (cm_str_eq(cm_json_str(at(p->errors, i), "field", ""), field))
			return cm_json_str(at(p->errors, i), "text", "");
	return NULL;
}

struct json_object *cm_view_restore_finding(const struct cm_restore_page *p, const char *field, const char *code)
{
	struct json_object *list = cm_json_arr(p->preview, "findings");

	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *f = at(list, i);
		if (cm_str_eq(cm_json_str(f, "field", NULL), field) && cm_str_eq(cm_json_str(f, "code", ""), code))
			return f;
	}
	return NULL;
}

/* Where on the page the option is that a field names; false when it is nowhere. */
static bool href_of(struct json_object *data, const char *field, char dst[64])
{
	static const char *const lists[] = { "ports", "volumes", "binds" };

	if (field == NULL)
		return false;
	if (cm_str_eq(field, "name") || cm_str_eq(field, "new_name")) {
		snprintf(dst, 64, "#new_name");
		return true;
	}
	for (size_t k = 0; k < CM_COUNT(lists); k++) {
		struct json_object *list = cm_json_arr(data, lists[k]);
		for (size_t i = 0; i < cm_json_len(list); i++) {
			struct json_object *o = at(list, i);
			bool is_bind = k == 2 && cm_str_has_prefix(field, "bind:") &&
				       cm_str_eq(cm_json_str(o, "source", ""), field + strlen("bind:"));
			if (is_bind || cm_str_eq(cm_json_str(o, "field", ""), field)) {
				snprintf(dst, 64, "#%.60s", cm_json_str(o, "id", ""));
				return true;
			}
		}
	}
	return false;
}

static void count_word(char dst[96], size_t n, const char *one, const char *many)
{
	static const char *const words[] = { "No",   "One", "Two",   "Three", "Four",
					     "Five", "Six", "Seven", "Eight", "Nine" };

	if (n < CM_COUNT(words))
		snprintf(dst, 96, "%s %s", words[n], n == 1 ? one : many);
	else
		cm_count_text(dst, (int64_t)n, one, many);
}

static void preflight(struct json_object *data, const struct cm_restore_page *p)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	struct json_object *findings = cm_json_arr(p->preview, "findings");
	const char *host = cm_json_str(p->preview, "engine_name", "this host");
	size_t blocks = 0, warns = 0;
	char text[96], href[64];

	for (size_t i = 0; i < cm_json_len(findings); i++) {
		struct json_object *f = at(findings, i), *last;
		const char *level = cm_json_str(f, "level", "ok");
		blocks += strcmp(level, "block") == 0;
		warns += strcmp(level, "warn") == 0;
		cm_view_finding(list, level, cm_json_str(f, "text", ""), cm_json_str(f, "hint", NULL));
		last = at(list, json_object_array_length(list) - 1);
		cm_json_set_str(last, "href", href_of(data, cm_json_str(f, "field", NULL), href) ? href : NULL);
	}
	cm_view_is(o, blocks ? "blocked" : warns ? "warn" : "ok", "ok", "warn", "blocked", NULL);
	if (blocks > 0) {
		count_word(text, blocks, "thing stands in the way", "things stand in the way");
		cm_json_set_str(o, "title_text", text);
	} else if (warns > 0) {
		cm_count_text(text, (int64_t)warns, "warning", "warnings");
		cm_view_text(o, "title_text", "Can be restored, with %s", warns == 1 ? "one warning" : text);
	} else {
		cm_json_set_str(o, "title_text", "Ready: nothing stands in the way");
	}
	cm_view_text(o, "checked_text", "Checked just now against %s", host);
	cm_json_set(o, "findings", list);
	cm_json_set(data, "preflight", o);
}

static const char *state_text(const char *state)
{
	static const struct {
		const char *word, *text;
	} states[] = { { "running", "Running" },	{ "paused", "Paused" },	  { "exited", "Stopped" },
		       { "stopped", "Stopped" },	{ "created", "Created" }, { "restarting", "Restarting" },
		       { "removing", "Being removed" }, { "dead", "Dead" } };

	for (size_t i = 0; i < CM_COUNT(states); i++)
		if (cm_str_eq(states[i].word, state))
			return states[i].text;
	return "Unknown";
}

static void form(struct json_object *data, const struct cm_restore_page *p)
{
	struct json_object *o = json_object_new_object(), *old = cm_json_obj(p->preview, "existing_container"), *e;
	const char *recorded = cm_json_str(p->preview, "container_name", "");
	const char *name = cm_form_str(p->typed, "new_name", cm_json_str(p->preview, "new_name", recorded));

	cm_view_url(o, "action", "/restore/%s", cm_json_str(p->preview, "filename", ""));
	cm_view_text(o, "button_text", "Restore %s", recorded);
	cm_json_set_str(o, "new_name", name);
	cm_json_set_str(o, "new_name_error", cm_view_restore_error(p, "new_name"));
	cm_json_set(o, "existing", NULL);
	if (old != NULL) {
		e = json_object_new_object();
		cm_json_set_str(e, "name", cm_json_str(old, "name", ""));
		cm_json_set_str(e, "state_text", state_text(cm_json_str(old, "state", "")));
		cm_view_url(e, "url", "/containers?q=%s", cm_json_str(old, "name", ""));
		cm_json_set(o, "existing", e);
	}
	cm_json_set_bool(o, "replace_container", cm_form_bool(p->typed, "replace_container", false));
	/* A box that is not ticked is not sent. */
	cm_json_set_bool(o, "keep_old", p->typed ? cm_form_bool(p->typed, "keep_old", false) : true);
	cm_json_set_bool(o, "start",
			 p->typed ? cm_form_bool(p->typed, "start", false) : cm_json_bool(p->preview, "start", false));
	cm_json_set(data, "form", o);
}

static void image(struct json_object *data, const struct cm_restore_page *p)
{
	struct json_object *o = json_object_new_object(), *i = cm_json_obj(p->preview, "image_info");
	const char *mode = cm_json_str(i, "mode", "missing"), *action = cm_json_str(i, "action", "missing");
	int64_t size = cm_json_int(i, "size", 0);
	char text[32];

	cm_json_set_str(o, "name", cm_json_str(i, "ref", "unknown"));
	cm_size_text(text, size);
	if (strcmp(mode, "embed") == 0)
		cm_view_text(o, "detail", "Inside the backup%s%s", size > 0 ? ", " : "", size > 0 ? text : "");
	else
		cm_json_set_str(o, "detail",
				strcmp(mode, "reference") == 0 ? "Only its digest is in the backup"
							       : "Not in the backup");
	if (strcmp(action, "present") == 0)
		cm_json_set_str(o, "exists_text", "Already on this host");
	else if (strcmp(action, "load") == 0)
		cm_json_set_str(o, "exists_text", "Not on this host, will be loaded");
	else if (strcmp(action, "pull") == 0)
		cm_json_set_str(o, "exists_text", "Not on this host, will be pulled");
	else if (strcmp(action, "other") == 0)
		cm_json_set_str(o, "exists_text", "Another one of that name is on this host, and will be used");
	else
		cm_json_set_str(o, "exists_text", "Not on this host");
	cm_json_set_str(
	    o, "note",
	    cm_json_bool(i, "name_taken", false)
		? "The name means another image on this host now. The restored container uses the recorded one "
		  "by its id."
		: NULL);
	cm_json_set(data, "image", o);
}

static void words_join(struct json_object *list, struct cm_buf *out)
{
	for (size_t i = 0; i < cm_json_len(list); i++) {
		const char *word = json_object_get_string(at(list, i));
		cm_buf_printf(out, "%s%s", out->len ? " " : "", word ? word : "");
	}
}

static void settings(struct json_object *data, const struct cm_restore_page *p)
{
	struct json_object *list = json_object_new_array(), *inspect = cm_json_obj(p->preview, "config");
	struct json_object *config = cm_json_obj(inspect, "Config"), *host = cm_json_obj(inspect, "HostConfig");
	cm_autobuf struct cm_buf command = CM_BUF_INIT(64 * 1024);
	const char *user = cm_json_str(config, "User", ""), *restart = cm_json_str_at(host, "RestartPolicy.Name", "");
	size_t env = cm_json_len(cm_json_arr(config, "Env"));
	char text[96];

	words_join(cm_json_arr(config, "Entrypoint"), &command);
	words_join(cm_json_arr(config, "Cmd"), &command);
	if (command.len > 0)
		cm_view_term(list, "Command", command.data, true);
	if (user[0] != '\0')
		cm_view_term(list, "User", user, true);
	if (restart[0] != '\0' && strcmp(restart, "no") != 0)
		cm_view_term(list, "Restart policy", restart, false);
	if (cm_json_int(host, "Memory", 0) > 0) {
		cm_size_text(text, cm_json_int(host, "Memory", 0));
		cm_view_term(list, "Memory limit", text, false);
	}
	if (cm_json_bool(host, "Privileged", false))
		cm_view_term(list, "Privileged", "Yes", false);
	if (env > 0) {
		cm_count_text(text, (int64_t)env, "variable", "variables");
		cm_view_term(list, "Environment", text, false);
	}
	cm_view_term(list, "State when saved", state_text(cm_json_str(p->preview, "status", "")), false);
	cm_json_set(data, "settings", list);
}

static void networks(struct json_object *data, const struct cm_restore_page *p)
{
	struct json_object *list = json_object_new_array(), *from = cm_json_arr(p->preview, "networks");

	for (size_t i = 0; i < cm_json_len(from); i++) {
		struct json_object *n = at(from, i), *o = json_object_new_object();
		const char *subnet = cm_json_str(n, "subnet", NULL), *address = cm_json_str(n, "address", NULL);
		const char *action = cm_json_str(n, "action", "");
		cm_json_set_str(o, "name", cm_json_str(n, "name", ""));
		cm_view_text(o, "detail", "%s%s%s%s%s", cm_json_str(n, "driver", "unknown driver"), subnet ? ", " : "",
			     subnet ? subnet : "", address ? ", address " : "", address ? address : "");
		cm_json_set_bool(o, "exists", cm_json_bool(n, "exists", false));
		cm_json_set_str(o, "exists_text",
				cm_json_bool(n, "exists", false) ? "exists"
				: strcmp(action, "unknown") == 0 ? "not on this host"
								 : "will be made");
		cm_json_set_str(
		    o, "note",
		    strcmp(action, "create_anywhere") == 0 ? "With other addresses: another network has these."
		    : cm_json_bool(n, "guessed", false)
			? "The backup does not hold the network itself: it is made after what the container "
			  "tells of it."
			: NULL);
		json_object_array_add(list, o);
	}
	cm_json_set(data, "networks", list);
}

static void errors(struct json_object *data, const struct cm_restore_page *p)
{
	struct json_object *list = json_object_new_array();
	char href[64];

	for (size_t i = 0; i < cm_json_len(p->errors); i++) {
		struct json_object *e = at(p->errors, i), *o = json_object_new_object();
		cm_json_set_str(o, "text", cm_json_str(e, "text", ""));
		cm_json_set_str(o, "href",
				href_of(data, cm_json_str(e, "field", NULL), href) ? href : "#preflight-title");
		json_object_array_add(list, o);
	}
	cm_json_set_bool(data, "has_errors", cm_json_len(list) > 0);
	cm_json_set(data, "errors", list);
}

static void head(struct json_object *data, const struct cm_restore_page *p)
{
	static const struct cm_catalog_row unknown;
	bool legacy = cm_str_eq(cm_json_str(p->preview, "format", ""), "predecessor");
	const char *file = cm_json_str(p->preview, "filename", "");

	cm_json_set_str(data, "filename", file);
	cm_view_url(data, "backup_url", "/backup/%s", file);
	cm_json_set_str(data, "container_name", cm_json_str(p->preview, "container_name", ""));
	cm_json_set_str(data, "server_name", cm_json_str(p->preview, "server_name", "Unknown Server"));
	cm_json_set_str(data, "status", cm_json_str(p->preview, "status", "stopped"));
	cm_view_size(data, "size", cm_json_int(p->preview, "size", -1));
	cm_view_time(data, "created", cm_json_int(p->preview, "created_ms", 0), p->now_ms);
	cm_json_set(data, "state", cm_view_backup_state(p->row ? p->row : &unknown, p->now_ms));
	cm_json_set_bool(data, "is_legacy", legacy);
	cm_json_set(data, "missing",
		    legacy ? json_object_get(cm_json_arr(p->preview, "missing")) : json_object_new_array());
}

void cm_view_restore(struct json_object *data, const struct cm_restore_page *p)
{
	head(data, p);
	form(data, p);
	image(data, p);
	settings(data, p);
	cm_view_restore_ports(data, p);
	cm_view_restore_mounts(data, p);
	networks(data, p);
	/* These point to what stands above. */
	preflight(data, p);
	errors(data, p);
	cm_json_set_str(data, "docker_run_command", cm_json_str(p->preview, "docker_run_command", NULL));
	cm_json_set_str(data, "docker_compose", cm_json_str(p->preview, "docker_compose", NULL));
}
