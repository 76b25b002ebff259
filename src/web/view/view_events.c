/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_events.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

enum { DAY_MS = 86400000 };
static const int64_t ns_in_ms = 1000000, ns_in_s = 1000000000;

static const struct {
	const char *action, *text;
} actions[] = {
	{ "attach", "attached to" },
	{ "commit", "made into an image" },
	{ "connect", "container connected" },
	{ "copy", "files copied" },
	{ "create", "created" },
	{ "delete", "deleted" },
	{ "destroy", "removed" },
	{ "detach", "detached from" },
	{ "die", "ended" },
	{ "disconnect", "container disconnected" },
	{ "exec", "command inside (all)" },
	{ "exec_create", "command prepared" },
	{ "exec_detach", "command detached" },
	{ "exec_die", "command ended" },
	{ "exec_start", "command started" },
	{ "export", "exported" },
	{ "health_status: healthy", "healthy" },
	{ "health_status: unhealthy", "unhealthy" },
	{ "import", "imported" },
	{ "kill", "sent a signal" },
	{ "load", "loaded" },
	{ "mount", "mounted" },
	{ "oom", "out of memory" },
	{ "pause", "paused" },
	{ "prune", "pruned" },
	{ "pull", "pulled" },
	{ "push", "pushed" },
	{ "reload", "settings read again" },
	{ "remove", "removed" },
	{ "rename", "renamed" },
	{ "resize", "terminal resized" },
	{ "restart", "restarted" },
	{ "save", "saved" },
	{ "start", "started" },
	{ "stop", "stopped" },
	{ "tag", "tagged" },
	{ "top", "processes listed" },
	{ "unmount", "unmounted" },
	{ "unpause", "resumed" },
	{ "untag", "untagged" },
	{ "update", "changed" },
};

const char *cm_event_action_text(const char *action)
{
	for (size_t i = 0; i < CM_COUNT(actions); i++)
		if (strcmp(actions[i].action, action) == 0)
			return actions[i].text;
	return action;
}

void cm_event_type_text(char dst[64], const char *type)
{
	cm_str_copy(dst, 64, type);
	dst[0] = (char)toupper((unsigned char)dst[0]);
}

/* What the engine sent, as far as it is kept. */
static struct json_object *raw_of(const struct cm_event *e, struct json_object *attributes)
{
	struct json_object *raw = json_object_new_object(), *actor = json_object_new_object();

	cm_json_set_str(raw, "Type", e->type);
	cm_json_set_str(raw, "Action", e->action);
	cm_json_set_str(actor, "ID", e->object_id);
	cm_json_set(actor, "Attributes", json_object_get(attributes));
	cm_json_set(raw, "Actor", actor);
	cm_json_set_str(raw, "scope", e->scope);
	cm_json_set_int(raw, "time", e->time_nano / ns_in_s);
	cm_json_set_int(raw, "timeNano", e->time_nano);
	if (strcmp(e->type, "container") == 0) {
		cm_json_set_str(raw, "status", e->action);
		cm_json_set_str(raw, "id", e->object_id);
		cm_json_set_str(raw, "from", cm_json_str(attributes, "image", ""));
	}
	return raw;
}

/* "18:44:42", with the day when it is another one than today. */
static void add_clock(struct json_object *o, int64_t ms, int64_t now_ms)
{
	char title[64], *time, *year;

	cm_time_title(title, ms);
	time = strstr(title, ", ");
	year = time != NULL ? time - 5 : NULL;
	if (time == NULL || year <= title) {
		cm_json_set_str(o, "clock_text", title);
		return;
	}
	*year = '\0';
	cm_view_text(o, "clock_text", ms / DAY_MS == now_ms / DAY_MS ? "%.0s%.8s" : "%s, %.8s", title, time + 2);
}

static void add_object(struct json_object *o, const struct cm_event *e)
{
	const char *id = cm_str_has_prefix(e->object_id, "sha256:") ? e->object_id + 7 : e->object_id;
	bool hex = strlen(id) >= 12 && strspn(id, "0123456789abcdef") == strlen(id);

	cm_view_text(o, "short_id", hex && strcmp(id, e->name) != 0 ? "%.12s" : NULL, id);
	cm_view_text(o, "object_text", "%s", e->name[0] ? e->name : id[0] ? id : "unused ones");
	cm_json_set(o, "object_url", NULL);
	/* A prune is about none in particular. */
	if (e->name[0] == '\0' && id[0] == '\0')
		;
	else if (strcmp(e->type, "container") == 0)
		cm_view_url(o, "object_url", "/container/%s", e->name);
	else if (strcmp(e->type, "volume") == 0)
		cm_view_url(o, "object_url", "/volumes?q=%s", e->name);
	else if (strcmp(e->type, "image") == 0)
		cm_view_url(o, "object_url", "/images?q=%s", e->name[0] ? e->name : id);
	else if (strcmp(e->type, "network") == 0)
		cm_view_url(o, "object_url", "/networks?q=%s", e->name[0] ? e->name : id);
	cm_view_url(o, "same_url", "/events?last=7d&object=%s", hex ? id : e->name);
}

/* What is worth to be said beside: why it ended, who uses it. */
static void add_detail(struct json_object *o, const struct cm_event *e, struct json_object *attributes,
		       struct json_object *names)
{
	const char *code = cm_json_str(attributes, "exitCode", NULL), *signal = cm_json_str(attributes, "signal", NULL);
	const char *container = cm_json_str(attributes, "container", NULL),
		   *old = cm_json_str(attributes, "oldName", NULL);

	if (code != NULL && (strcmp(e->action, "die") == 0 || cm_event_is_exec(e->action)))
		cm_view_text(o, "detail", "exit code %s", code);
	else if (signal != NULL && strcmp(e->action, "kill") == 0)
		cm_view_text(o, "detail", "signal %s", signal);
	else if (old != NULL && strcmp(e->action, "rename") == 0)
		cm_view_text(o, "detail", "was %s", old[0] == '/' ? old + 1 : old);
	else if (container != NULL)
		cm_view_text(o, "detail", "%.60s%s", cm_json_str(names, container, "container "),
			     cm_json_get(names, container) ? "" : container);
	else
		cm_view_text(o, "detail", strcmp(e->type, "container") == 0 ? "%s" : NULL,
			     cm_json_str(attributes, "image", ""));
}

static const char *weight_of(const struct cm_event *e, struct json_object *attributes)
{
	const char *code = cm_json_str(attributes, "exitCode", "0");

	if (strcmp(e->action, "oom") == 0 || strcmp(e->action, "health_status: unhealthy") == 0)
		return "bad";
	/* 137 and 143 are what a stop makes of many programs. */
	if (strcmp(e->action, "die") == 0 && strcmp(code, "0") != 0 && strcmp(code, "143") != 0 &&
	    strcmp(code, "137") != 0)
		return "bad";
	if (strcmp(e->action, "destroy") == 0 || strcmp(e->action, "delete") == 0 || strcmp(e->action, "remove") == 0 ||
	    strcmp(e->action, "prune") == 0)
		return "gone";
	if (strcmp(e->action, "start") == 0 || strcmp(e->action, "health_status: healthy") == 0 ||
	    strcmp(e->action, "unpause") == 0)
		return "good";
	return "";
}

struct json_object *cm_view_event(const struct cm_event *e, struct json_object *names, int64_t now_ms)
{
	struct json_object *o = json_object_new_object(), *attributes = NULL;
	int64_t ms = e->time_nano / ns_in_ms;
	char plain[32], text[64];

	if (cm_json_parse(e->attributes, strlen(e->attributes), &attributes, NULL) != 0 ||
	    !json_object_is_type(attributes, json_type_object)) {
		json_object_put(attributes);
		attributes = json_object_new_object();
	}
	cm_json_set_str(o, "type", e->type);
	cm_json_set_str(o, "action", e->action);
	cm_json_set_str(o, "id", e->object_id);
	cm_json_set_str(o, "name", e->name);
	cm_json_set_int(o, "time", e->time_nano / ns_in_s);
	cm_json_set_int(o, "timeNano", e->time_nano);
	cm_time_plain(plain, ms);
	cm_view_text(o, "time_formatted", "%s.%03d", plain, (int)(ms % 1000));
	cm_view_time(o, "at", ms, now_ms);
	add_clock(o, ms, now_ms);
	cm_event_type_text(text, e->type);
	cm_json_set_str(o, "type_text", text);
	cm_json_set_str(o, "action_text", cm_event_action_text(e->action));
	cm_view_is(o, weight_of(e, attributes), "bad", "gone", "good", NULL);
	add_object(o, e);
	add_detail(o, e, attributes, names);
	cm_json_set(o, "raw", raw_of(e, attributes));
	cm_json_set(o, "attributes", attributes);
	return o;
}
