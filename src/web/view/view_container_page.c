/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_container_page.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/container_limits.h"
#include "service/container_spec.h"
#include "service/env_mask.h"
#include "service/words.h"
#include "web/view.h"
#include "web/view/view_backup.h"
#include "web/view/view_container.h"
#include "web/view/view_container_int.h"

enum { TEXT_SIZE = 1024, WORDS_SHOWN = 256 };

static enum cm_mask_show env_show(const struct cm_container_page *p)
{
	return p->role >= CM_ROLE_DEVELOPER ? CM_MASK_SECRETS : CM_MASK_VALUES;
}

static void tab_add(struct json_object *list, const char *text, const char *id, const char *page, const char *current,
		    bool may)
{
	struct json_object *o;

	if (!may)
		return;
	o = json_object_new_object();
	cm_json_set_str(o, "text", text);
	cm_view_url(o, "url", page[0] != '\0' ? "/container/%s/%s" : "/container/%s", id, page);
	cm_json_set_bool(o, "is_selected", cm_str_eq(page, current));
	json_object_array_add(list, o);
}

void cm_view_container_head(struct json_object *data, const struct cm_container_page *p, const char *current)
{
	static const char *const taken[] = { "id",	   "name",	 "image",	"image_url",  "status",
					     "state_text", "is_running", "is_paused",	"is_stopped", "is_restarting",
					     "health",	   "stack",	 "backup_job",	"is_self",    "backup_url",
					     "start_url",  "stop_url",	 "restart_url", "kill_url",   "pause_url",
					     "resume_url", "delete_url", "url" };
	struct json_object *tabs = json_object_new_array();
	bool developer = p->role >= CM_ROLE_DEVELOPER, admin = p->role >= CM_ROLE_ADMIN;
	const char *id;

	for (size_t i = 0; i < CM_COUNT(taken); i++)
		cm_json_set(data, taken[i], json_object_get(cm_json_get(p->row, taken[i])));
	id = cm_json_str(data, "id", "");
	cm_json_set_str(data, "own_text", p->own == CM_OWN_NOT ? NULL : cm_own_word(p->own));
	cm_view_url(data, "back", "/container/%s", id);
	cm_view_url(data, "logs_url", "/logs/%s", id);
	cm_view_url(data, "console_url", admin && p->own == CM_OWN_NOT ? "/console/%s" : NULL, id);
	cm_view_url(data, "redeploy_url", admin && p->own == CM_OWN_NOT ? "/container/%s/redeploy" : NULL, id);
	cm_view_url(data, "clone_url", admin && p->own == CM_OWN_NOT ? "/container/%s/clone" : NULL, id);
	cm_view_url(data, "export_url", developer && p->own == CM_OWN_NOT ? "/container/%s/export" : NULL, id);
	cm_json_set_bool(data, "has_more",
			 cm_json_get(data, "export_url") || cm_json_get(data, "kill_url") ||
			     cm_json_get(data, "delete_url"));
	tab_add(tabs, "Overview", id, "", current, true);
	tab_add(tabs, "Processes", id, "top", current, developer);
	tab_add(tabs, "Changed files", id, "changes", current, true);
	tab_add(tabs, "Inspect", id, "inspect", current, admin);
	cm_json_set(data, "pages", tabs);
}

void cm_container_fact(struct json_object *list, const char *term, bool is_code, const char *fmt, ...)
{
	char text[TEXT_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (text[0] != '\0')
		cm_view_term(list, term, text, is_code);
}

/* A list of words as one line; what looks like a secret is masked. Caller frees. */
static char *command_text(struct json_object *words)
{
	const char *list[WORDS_SHOWN + 1];
	size_t n = 0;

	for (; n < cm_json_len(words) && n < WORDS_SHOWN; n++) {
		const char *word = json_object_get_string(json_object_array_get_idx(words, n));
		list[n] = word ? word : "";
	}
	list[n] = NULL;
	return n == 0 ? cm_strdup("") : cm_words_masked((char *const *)list);
}

static void time_fact(struct json_object *list, const char *term, const char *rfc3339, int64_t now_ms)
{
	cm_autojson struct json_object *t = json_object_new_object();
	int64_t ms;

	/* "0001-01-01…" is the engine's never. */
	if (!cm_time_parse(rfc3339, &ms) || ms <= 0)
		return;
	cm_view_time(t, "t", ms, now_ms);
	cm_container_fact(list, term, false, "%s, %s", cm_json_str(t, "t_text", ""), cm_json_str(t, "t_title", ""));
}

static void end_fact(struct json_object *list, struct json_object *state)
{
	const char *error = cm_json_str(state, "Error", "");
	long long code = (long long)cm_json_int(state, "ExitCode", 0);

	if (cm_json_bool(state, "Running", false) || cm_str_eq(cm_json_str(state, "Status", ""), "created"))
		return;
	cm_container_fact(list, "Exit code", false,
			  cm_json_bool(state, "OOMKilled", false) ? "%lld, out of memory" : "%lld", code);
	cm_container_fact(list, "Error", false, "%s", error);
}

static void image_facts(struct json_object *list, const struct cm_container_page *p)
{
	size_t before = cm_json_len(list);

	cm_container_fact(list, "Image", false, "%s", cm_json_str_at(p->inspect, "Config.Image", ""));
	if (cm_json_len(list) > before)
		cm_json_set(json_object_array_get_idx(list, before), "href",
			    json_object_get(cm_json_get(p->row, "image_url")));
	cm_container_fact(list, "Image id", true, "%s", cm_json_str(p->inspect, "Image", ""));
}

static struct json_object *facts_make(const struct cm_container_page *p)
{
	struct json_object *list = json_object_new_array(), *state = cm_json_obj(p->inspect, "State");
	struct json_object *config = cm_json_obj(p->inspect, "Config");
	cm_autofree char *command = command_text(cm_json_arr(config, "Cmd"));
	cm_autofree char *entry = command_text(cm_json_arr(config, "Entrypoint"));
	long long restarts = (long long)cm_json_int(p->inspect, "RestartCount", 0);

	cm_container_fact(list, "Id", true, "%s", cm_json_str(p->inspect, "Id", ""));
	image_facts(list, p);
	time_fact(list, "Created", cm_json_str(p->inspect, "Created", ""), p->now_ms);
	time_fact(list, "Started", cm_json_str(state, "StartedAt", ""), p->now_ms);
	if (!cm_json_bool(state, "Running", false))
		time_fact(list, "Ended", cm_json_str(state, "FinishedAt", ""), p->now_ms);
	end_fact(list, state);
	if (restarts > 0)
		cm_container_fact(list, "Restarted", false, restarts == 1 ? "once" : "%lld times", restarts);
	cm_container_fact(list, "Entrypoint", true, "%s", entry);
	cm_container_fact(list, "Command", true, "%s", command);
	cm_container_fact(list, "User", true, "%s", cm_json_str(config, "User", ""));
	cm_container_fact(list, "Working folder", true, "%s", cm_json_str(config, "WorkingDir", ""));
	cm_container_fact(list, "Host name", true, "%s", cm_json_str(config, "Hostname", ""));
	if (cm_json_bool(config, "Tty", false))
		cm_container_fact(list, "Terminal", false, "yes");
	return list;
}

static struct json_object *labels_make(struct json_object *labels)
{
	struct json_object *list = json_object_new_array();

	json_object_object_foreach(labels, name, value)
	{
		struct json_object *o = json_object_new_object();

		cm_json_set_str(o, "name", name);
		cm_json_set_str(o, "value", json_object_get_string(value));
		json_object_array_add(list, o);
	}
	return list;
}

static void env_add(struct json_object *data, const struct cm_container_page *p)
{
	struct json_object *env = cm_json_at(p->inspect, "Config.Env"), *list;
	bool masked = false;
	char text[96];

	list = p->env != NULL ? json_object_get(p->env) : cm_mask_env(env, env_show(p));
	for (size_t i = 0; i < cm_json_len(list); i++)
		masked |= cm_json_bool(json_object_array_get_idx(list, i), "is_masked", false);
	cm_count_text(text, (int64_t)cm_json_len(list), "variable", "variables");
	cm_json_set_str(data, "env_text", text);
	cm_json_set_bool(data, "has_env", cm_json_len(list) > 0);
	cm_json_set(data, "env", list);
	cm_json_set_bool(data, "is_revealed", p->env != NULL);
	cm_json_set_str(data, "env_note",
			p->env != NULL		    ? "That you looked is in the audit log."
			: p->role == CM_ROLE_VIEWER ? "Values are not shown to viewers."
			: masked		    ? "What looks like a secret is hidden."
						    : NULL);
	cm_view_url(data, "reveal_url", p->role >= CM_ROLE_ADMIN && masked ? "/container/%s/environment" : NULL,
		    cm_json_str(data, "id", ""));
}

/* The predecessor's members, in the engine's own shapes. */
static void details_add(struct json_object *data, const struct cm_container_page *p)
{
	static const char *const host_keys[][2] = { { "binds", "Binds" },
						    { "cap_add", "CapAdd" },
						    { "cap_drop", "CapDrop" },
						    { "network_mode", "NetworkMode" },
						    { "port_bindings", "PortBindings" },
						    { "privileged", "Privileged" },
						    { "restart_policy", "RestartPolicy" } };
	struct json_object *config = cm_json_obj(p->inspect, "Config"), *host = cm_json_obj(p->inspect, "HostConfig");
	struct json_object *c = json_object_new_object(), *h = json_object_new_object();

	cm_json_set(c, "cmd", cm_json_copy(cm_json_get(config, "Cmd")));
	cm_json_set(c, "entrypoint", cm_json_copy(cm_json_get(config, "Entrypoint")));
	cm_json_set(c, "env", cm_mask_env_texts(cm_json_arr(config, "Env"), env_show(p)));
	cm_json_set(c, "labels", cm_mask_labels(cm_json_obj(config, "Labels"), CM_MASK_SECRETS));
	cm_json_set_str(c, "user", cm_json_str(config, "User", ""));
	cm_json_set_str(c, "working_dir", cm_json_str(config, "WorkingDir", ""));
	for (size_t i = 0; i < CM_COUNT(host_keys); i++)
		cm_json_set(h, host_keys[i][0], cm_json_copy(cm_json_get(host, host_keys[i][1])));
	cm_json_set_str(data, "full_id", cm_json_str(p->inspect, "Id", ""));
	cm_json_set_str(data, "image_id", cm_json_str(p->inspect, "Image", ""));
	cm_json_set_str(data, "created", cm_json_str(p->inspect, "Created", ""));
	cm_json_set_str(data, "started", cm_json_str_at(p->inspect, "State.StartedAt", ""));
	cm_json_set(data, "config", c);
	cm_json_set(data, "host_config", h);
	cm_json_set(data, "mounts", cm_json_copy(cm_json_arr(p->inspect, "Mounts")));
	cm_json_set(data, "network_settings", cm_json_copy(cm_json_obj(p->inspect, "NetworkSettings")));
	cm_json_set(data, "labels", labels_make(cm_json_obj(c, "labels")));
	cm_json_set_bool(data, "has_labels", cm_json_len(cm_json_arr(data, "labels")) > 0);
}

static void backups_add(struct json_object *data, const struct cm_container_page *p)
{
	struct json_object *list = json_object_new_array();
	const char *name = cm_spec_name(p->inspect);

	for (size_t i = 0; p->backups != NULL && i < p->backups->count; i++) {
		const struct cm_catalog_row *row = &p->backups->rows[i];
		struct json_object *o = json_object_new_object();

		cm_view_backup_is(o, row);
		cm_json_set_str(o, "backup_state_text", cm_view_backup_state_text(row));
		cm_view_url(o, "url", "/backup/%s", row->file);
		cm_view_time(o, "created", row->created_ms, p->now_ms);
		cm_view_size(o, "size", row->size);
		cm_json_set(o, "drill", cm_view_drill(row));
		json_object_array_add(list, o);
	}
	cm_json_set_bool(data, "has_backups", cm_json_len(list) > 0);
	cm_view_url(data, "backups_url",
		    p->backups && (size_t)p->backups->total > p->backups->count ? "/vault?q=%s" : NULL, name);
	cm_json_set(data, "backups", list);
}

void cm_view_container_page(struct json_object *data, const struct cm_container_page *p)
{
	cm_view_container_head(data, p, "");
	details_add(data, p);
	cm_json_set(data, "facts", facts_make(p));
	cm_container_limits_add(data, p);
	cm_container_data_add(data, p);
	cm_container_health_add(data, p);
	cm_container_forms_add(data, p);
	env_add(data, p);
	backups_add(data, p);
	cm_json_set(data, "stats", NULL); /* what was measured is added by who may ask the board */
}
