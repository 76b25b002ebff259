/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_container.h"

#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/containers.h"
#include "web/form.h"
#include "web/view.h"

static const struct {
	const char *state, *text, *status, *flag;
} states[] = {
	{ "running", "Running", "running", "running" },		 { "paused", "Paused", "paused", "paused" },
	{ "restarting", "Restarting", "running", "restarting" }, { "created", "Created", "stopped", "stopped" },
	{ "removing", "Being removed", "stopped", "stopped" },	 { "dead", "Dead", "stopped", "stopped" },
	{ "exited", "Stopped", "stopped", "stopped" },
};

static size_t state_index(const char *state)
{
	for (size_t i = 0; i < CM_COUNT(states); i++) {
		if (cm_str_eq(states[i].state, state))
			return i;
	}
	return CM_COUNT(states) - 1;
}

const char *cm_view_container_status(struct json_object *entry)
{
	return states[state_index(cm_json_str(entry, "State", ""))].status;
}

void cm_view_container_state(struct json_object *o, const char *state)
{
	size_t i = state_index(state);

	cm_json_set_str(o, "state_text", states[i].text);
	cm_view_is(o, states[i].flag, "running", "paused", "stopped", "restarting", NULL);
}

const char *cm_view_container_name(struct json_object *entry)
{
	return cm_containers_entry_name(entry);
}

bool cm_view_is_protected(const struct cm_catalog_row *row, int64_t now_ms)
{
	return row != NULL && now_ms - row->created_ms <= (int64_t)CM_PROTECTED_DAYS * 86400000;
}

struct json_object *cm_view_last_backup(const struct cm_catalog_row *row, int64_t now_ms)
{
	struct json_object *o, *t;
	bool is_fresh = cm_view_is_protected(row, now_ms);

	if (row == NULL)
		return NULL;
	o = json_object_new_object();
	t = json_object_new_object();
	cm_view_time(t, "t", row->created_ms, now_ms);
	cm_json_set(o, "text", json_object_get(cm_json_get(t, "t_text")));
	cm_json_set(o, "at", json_object_get(cm_json_get(t, "t_at")));
	cm_json_set(o, "title", json_object_get(cm_json_get(t, "t_title")));
	json_object_put(t);
	cm_view_url(o, "url", "/backup/%s", row->file);
	cm_json_set_bool(o, "is_ok", is_fresh);
	cm_json_set_bool(o, "is_old", !is_fresh);
	return o;
}

/* "Up 2 minutes (healthy)" gives "for 2 minutes"; "Exited (137) 5 days ago" gives "5 days ago, exit code 137". */
static void since_text(struct json_object *o, const char *status)
{
	int code, at = 0;

	if (cm_str_has_prefix(status, "Up ")) {
		const char *end = strstr(status, " (");

		cm_view_text(o, "since_text", "for %.*s", end ? (int)(end - status - 3) : 100, status + 3);
	} else if (sscanf(status, "Exited (%d) %n", &code, &at) == 1 && at > 0) {
		cm_view_text(o, "since_text", code == 0 ? "%s" : "%s, exit code %d", status + at, code);
	} else {
		cm_view_text(o, "since_text", "%s", "");
	}
}

/* "12 days" gives "12 d", "About an hour ago" "1 h ago": what fits beside the state. The engine's words, see
 * go-units' HumanDuration. */
static void since_short(struct json_object *o, const char *status)
{
	static const struct {
		const char *unit, *text;
	} units[] = { { "second", "s" }, { "minute", "min" }, { "hour", "h" }, { "day", "d" },
		      { "week", "wk" },	 { "month", "mo" },   { "year", "y" } };
	/* Behind the exit code, before the health. */
	const char *at = cm_str_has_prefix(status, "Exited (") ? strchr(status, ')') : status;
	int n = 1;

	cm_json_set(o, "since_short", NULL);
	for (size_t i = 0; at != NULL && i < CM_COUNT(units); i++) {
		if (strstr(at, units[i].unit) == NULL)
			continue;
		at += strcspn(at, "0123456789");
		if (*at != '\0' && sscanf(at, "%d", &n) != 1)
			n = 1;
		cm_view_text(o, "since_short", "%d %s%s", n, units[i].text, strstr(status, " ago") ? " ago" : "");
		return;
	}
}

static struct json_object *health_view(const char *status)
{
	static const struct {
		const char *in, *text, *word;
	} all[] = { { "(healthy)", "healthy", "healthy" },
		    { "(unhealthy)", "unhealthy", "unhealthy" },
		    { "(health: starting)", "health unknown yet", "starting" } };

	for (size_t i = 0; i < CM_COUNT(all); i++) {
		struct json_object *o;

		if (strstr(status, all[i].in) == NULL)
			continue;
		o = json_object_new_object();
		cm_json_set_str(o, "text", all[i].text);
		cm_view_is(o, all[i].word, "healthy", "unhealthy", "starting", NULL);
		return o;
	}
	return NULL;
}

static void stack_view(struct json_object *o, struct json_object *entry)
{
	struct json_object *labels = cm_json_obj(entry, "Labels"), *info, *stack;
	const char *name =
	    cm_json_str(labels, "com.docker.compose.project", cm_json_str(labels, "com.docker.stack.namespace", ""));
	const char *service =
	    cm_json_str(labels, "com.docker.compose.service", cm_json_str(labels, "com.docker.swarm.service.name", ""));

	cm_json_set(o, "stack_info", NULL);
	cm_json_set(o, "stack", NULL);
	if (name[0] == '\0')
		return;
	info = json_object_new_object();
	cm_json_set_str(info, "display", name);
	cm_json_set_str(info, "name", name);
	cm_json_set_str(info, "service", service);
	cm_json_set(o, "stack_info", info);
	stack = json_object_new_object();
	cm_json_set_str(stack, "name", name);
	cm_json_set_str(stack, "service", service);
	cm_view_url(stack, "url", "/containers?stack=%s", name);
	cm_json_set(o, "stack", stack);
}

static void address_add(struct cm_buf *all, const char *network, const char *ip)
{
	if (ip[0] != '\0')
		cm_buf_printf(all, "%s%s in %s", all->len > 0 ? ", " : "", ip, network);
}

static void networks_view(struct json_object *o, struct json_object *entry)
{
	struct json_object *networks = cm_json_at(entry, "NetworkSettings.Networks"), *names = json_object_new_array();
	cm_autobuf struct cm_buf all = CM_BUF_INIT(65536);
	const char *address = "";

	if (json_object_is_type(networks, json_type_object)) {
		json_object_object_foreach(networks, name, endpoint)
		{
			const char *ip = cm_json_str(endpoint, "IPAddress", "");

			cm_json_add_str(names, name);
			address_add(&all, name, ip);
			address_add(&all, name, cm_json_str(endpoint, "GlobalIPv6Address", ""));
			if (address[0] == '\0')
				address = ip;
		}
	}
	cm_json_set_str(o, "ip_address", address[0] != '\0' ? address : "N/A");
	cm_json_set_str(o, "address", address[0] != '\0' ? address : NULL);
	cm_json_set_str(o, "addresses_text", all.len > 0 ? all.data : NULL);
	cm_json_set(o, "networks", names);
}

static bool every_address(const char *ip)
{
	return ip[0] == '\0' || cm_str_eq(ip, "0.0.0.0") || cm_str_eq(ip, "::");
}

/* The engine lists a port that is open on all addresses once for IPv4 and once for IPv6. */
static bool listed_before(struct json_object *ports, size_t i)
{
	struct json_object *p = json_object_array_get_idx(ports, i);

	for (size_t k = 0; k < i; k++) {
		struct json_object *other = json_object_array_get_idx(ports, k);

		if (cm_json_int(other, "PublicPort", 0) == cm_json_int(p, "PublicPort", 0) &&
		    cm_json_int(other, "PrivatePort", 0) == cm_json_int(p, "PrivatePort", 0) &&
		    cm_str_eq(cm_json_str(other, "Type", ""), cm_json_str(p, "Type", "")) &&
		    every_address(cm_json_str(other, "IP", "")) && every_address(cm_json_str(p, "IP", "")))
			return true;
	}
	return false;
}

static void port_add(struct json_object *p, const char *host, struct json_object *mappings, struct json_object *links)
{
	const char *ip = cm_json_str(p, "IP", ""), *type = cm_json_str(p, "Type", "tcp");
	int from = (int)cm_json_int(p, "PublicPort", 0), to = (int)cm_json_int(p, "PrivatePort", 0);
	struct json_object *m = json_object_new_object(), *l = json_object_new_object();
	bool every = every_address(ip), v6 = strchr(ip, ':') != NULL;

	cm_view_text(m, "container", "%d/%s", to, type);
	cm_view_text(m, "display", "%d:%d", from, to);
	cm_view_text(m, "host", v6 && !every ? "[%s]:%d" : "%s:%d", every ? "" : ip, from);
	json_object_array_add(mappings, m);
	cm_view_text(l, "text", "%d → %d%s%s", from, to, cm_str_eq(type, "tcp") ? "" : "/",
		     cm_str_eq(type, "tcp") ? "" : type);
	cm_view_text(l, "url", every && host != NULL && cm_str_eq(type, "tcp") ? "http://%s:%d/" : NULL, host, from);
	if (every)
		cm_json_set_str(l, "title", "all addresses");
	else
		cm_view_text(l, "title", v6 ? "[%s]:%d" : "%s:%d", ip, from);
	json_object_array_add(links, l);
}

static void ports_view(struct json_object *o, struct json_object *entry, const char *host)
{
	struct json_object *ports = cm_json_arr(entry, "Ports"), *mappings = json_object_new_array();
	struct json_object *links = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(ports); i++) {
		struct json_object *p = json_object_array_get_idx(ports, i);

		if (cm_json_int(p, "PublicPort", 0) > 0 && !listed_before(ports, i))
			port_add(p, host, mappings, links);
	}
	/* A copy: views go to another thread, the list stays with this one. */
	cm_json_set(o, "ports", ports ? cm_json_copy(ports) : json_object_new_array());
	cm_json_set_bool(o, "has_ports", cm_json_len(links) > 0);
	cm_json_set(o, "port_mappings", mappings);
	cm_json_set(o, "port_links", links);
}

static void volumes_view(struct json_object *o, struct json_object *entry)
{
	struct json_object *mounts = cm_json_arr(entry, "Mounts"), *list = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(mounts); i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i), *v;

		if (!cm_str_eq(cm_json_str(m, "Type", ""), "volume"))
			continue;
		v = json_object_new_object();
		cm_json_set_str(v, "destination", cm_json_str(m, "Destination", ""));
		cm_json_set_str(v, "driver", cm_json_str(m, "Driver", ""));
		cm_json_set_str(v, "name", cm_json_str(m, "Name", ""));
		json_object_array_add(list, v);
	}
	cm_json_set(o, "volumes", list);
}

static void image_view(struct json_object *o, struct json_object *entry)
{
	struct json_object *info = json_object_new_object();
	const char *image = cm_json_str(entry, "Image", ""), *id = cm_json_str(entry, "ImageID", "");
	const char *hex = cm_str_has_prefix(id, "sha256:") ? id + strlen("sha256:") : id;
	char short_id[13];

	snprintf(short_id, sizeof(short_id), "%.12s", hex);
	/* The predecessor cuts the id after 12 characters, "sha256:" included. */
	cm_view_text(info, "id", "%.12s", id);
	cm_json_set_str(info, "name", image);
	cm_json_set_str(o, "image", image);
	/* By the id: the name may be another image's by now. */
	cm_view_url(o, "image_url", short_id[0] != '\0' ? "/image/%s" : NULL, short_id);
	cm_json_set(o, "image_info", info);
}

static void backup_view(struct json_object *o, const struct cm_container_ctx *ctx)
{
	struct json_object *job = NULL;

	cm_json_set(o, "backup", cm_view_last_backup(ctx->good, ctx->now_ms));
	if (ctx->job_id != NULL) {
		job = json_object_new_object();
		if (ctx->job_waits)
			cm_json_set_str(job, "text", "Waiting");
		else if (ctx->job_percent >= 0)
			cm_view_text(job, "text", "Backing up, %d %%", ctx->job_percent);
		else
			cm_json_set_str(job, "text", "Backing up");
		cm_view_url(job, "url", "/job/%s", ctx->job_id);
	}
	cm_json_set(o, "backup_job", job);
}

void cm_view_container_actions(struct json_object *o, const struct cm_container_ctx *ctx, const char *id,
			       const char *state)
{
	const char *status = states[state_index(state)].status;
	bool running = cm_str_eq(status, "running"), paused = cm_str_eq(status, "paused");
	bool others = ctx->own == CM_OWN_NOT;
	bool may = ctx->role >= CM_ROLE_DEVELOPER && others, admin = ctx->role >= CM_ROLE_ADMIN && others;
	cm_autobuf struct cm_buf words = CM_BUF_INIT(256);
	const struct {
		const char *word;
		bool can;
	} all[] = { { "backup", may && ctx->job_id == NULL },
		    { "start", may && !running && !paused },
		    { "stop", may && (running || paused) },
		    { "restart", may && (running || paused) },
		    { "kill", admin && (running || paused) },
		    { "pause", admin && cm_str_eq(state, "running") },
		    { "resume", admin && paused },
		    { "delete", admin } };

	for (size_t i = 0; i < CM_COUNT(all); i++) {
		char key[16];

		snprintf(key, sizeof(key), "%s_url", all[i].word);
		if (!all[i].can) {
			cm_json_set(o, key, NULL);
			continue;
		}
		cm_view_url(o, key, "/container/%s/%s", id, all[i].word);
		cm_buf_printf(&words, "%s%s", words.len > 0 ? " " : "", all[i].word);
	}
	/* For the script that enables the buttons of a selection. */
	cm_json_set_str(o, "can", words.len > 0 ? words.data : NULL);
}

struct json_object *cm_view_container(struct json_object *entry, const struct cm_container_ctx *ctx)
{
	struct json_object *o = json_object_new_object();
	const char *full = cm_json_str(entry, "Id", ""), *name = cm_containers_entry_name(entry);
	const char *status = cm_json_str(entry, "Status", ""), *state = cm_json_str(entry, "State", "");
	bool is_own = ctx->own != CM_OWN_NOT;
	int64_t created_ms = cm_json_int(entry, "Created", 0) * 1000;
	char id[13];

	snprintf(id, sizeof(id), "%.12s", full);
	cm_json_set_str(o, "id", id);
	cm_json_set_str(o, "name", name);
	cm_view_url(o, "url", "/container/%s", id);
	cm_json_set_bool(o, "is_self", ctx->own == CM_OWN_SELF);
	cm_json_set_bool(o, "is_own", is_own);
	cm_json_set_str(o, "own_text", is_own ? cm_own_word(ctx->own) : NULL);
	cm_json_set_str(o, "status", cm_view_container_status(entry));
	cm_json_set_str(o, "status_text", status);
	cm_json_set_int(o, "created", created_ms);
	cm_view_time(o, "created", created_ms, ctx->now_ms);
	image_view(o, entry);
	networks_view(o, entry);
	ports_view(o, entry, ctx->host);
	volumes_view(o, entry);
	cm_view_container_state(o, state);
	since_text(o, status);
	since_short(o, status);
	cm_json_set(o, "health", health_view(status));
	stack_view(o, entry);
	backup_view(o, ctx);
	cm_view_container_actions(o, ctx, id, state);
	if (is_own)
		cm_json_set(o, "vault_url", NULL);
	else
		cm_view_url(o, "vault_url", "/vault?q=%s", name);
	return o;
}

struct json_object *cm_view_backup_options(const struct cm_form *form)
{
	struct json_object *o = json_object_new_object(), *list;
	const char *consistency = cm_form_str(form, "consistency", "");
	const char *image = cm_form_str(form, "image", "embed"), *codec = cm_form_str(form, "compression", "gzip");
	static const char *const texts[] = { "exec_pre", "exec_post", "note" };

	list = json_object_new_array();
	cm_view_choice(list, "", "Automatic", "As the container's label monkey.consistency says, else live.",
		       consistency[0] == '\0');
	cm_view_choice(list, "live", "Live", "The container keeps running. Files that change meanwhile are marked.",
		       cm_str_eq(consistency, "live"));
	cm_view_choice(list, "pause", "Pause", "Frozen while its data is read. Connections stay open.",
		       cm_str_eq(consistency, "pause"));
	cm_view_choice(list, "stop", "Stop",
		       "Stopped cleanly while its data is read, then started again. Best for databases.",
		       cm_str_eq(consistency, "stop"));
	cm_json_set(o, "consistency", list);
	list = json_object_new_array();
	cm_view_choice(list, "embed", "Keep the image inside the backup", "Restores on any machine.",
		       cm_str_eq(image, "embed"));
	cm_view_choice(list, "reference", "Only note which image",
		       "Smaller and faster. To restore, the image must still be available.",
		       cm_str_eq(image, "reference"));
	cm_json_set(o, "image", list);
	list = json_object_new_array();
	cm_view_choice(list, "gzip", "gzip (.tar.gz)", NULL, cm_str_eq(codec, "gzip"));
	cm_view_choice(list, "zstd", "Zstandard (.tar.zst)", NULL, cm_str_eq(codec, "zstd"));
	cm_json_set(o, "compression", list);
	cm_json_set_bool(o, "drill", cm_form_bool(form, "drill", false));
	for (size_t i = 0; i < CM_COUNT(texts); i++) {
		char key[32];

		snprintf(key, sizeof(key), "%s_error", texts[i]);
		cm_json_set_str(o, texts[i], cm_form_str(form, texts[i], ""));
		cm_json_set(o, key, NULL);
	}
	return o;
}
