/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ports, volumes and bind mounts of the restore page, with their choices.
 */
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "web/view.h"
#include "web/view/view_restore_int.h"

/* The n-th value that was typed for a field that may stand several times. */
static const char *typed_at(const struct cm_form *f, const char *field, size_t n)
{
	const char *value = NULL;
	size_t pos = 0;

	for (size_t i = 0; i <= n; i++)
		if ((value = cm_form_each(f, field, &pos)) == NULL)
			break;
	return value;
}

void cm_view_restore_ports(struct json_object *data, const struct cm_restore_page *p)
{
	struct json_object *list = json_object_new_array(), *from = cm_json_arr(p->preview, "port_mappings");
	const char *last = "";
	size_t same = 0;
	char id[32];

	for (size_t i = 0; i < cm_json_len(from); i++) {
		struct json_object *m = json_object_array_get_idx(from, i), *o = json_object_new_object(), *taken;
		const char *container = cm_json_str(m, "container_port", ""), *ip = cm_json_str(m, "host_ip", "");
		const char *recorded = cm_json_str(m, "host_port", ""), *typed;
		cm_autofree char *field = cm_asprintf("port:%s", container);
		same = strcmp(container, last) == 0 ? same + 1 : 0;
		last = container;
		typed = typed_at(p->typed, field, same);
		taken = cm_view_restore_finding(p, field, "PORT_TAKEN");
		snprintf(id, sizeof(id), "port-%zu", i);
		cm_json_set_str(o, "id", id);
		cm_json_set_str(o, "field", field);
		cm_json_set_str(o, "container_port", container);
		cm_json_set_str(o, "host_ip", ip[0] ? ip : NULL);
		cm_json_set_str(o, "host_port", recorded);
		cm_json_set_str(o, "value", typed ? typed : recorded);
		cm_json_set_bool(o, "is_taken", taken != NULL);
		cm_json_set_str(o, "note",
				taken	      ? cm_json_str(taken, "hint", NULL)
				: recorded[0] ? NULL
					      : "Empty: Docker chooses a free one.");
		cm_json_set_str(o, "error", cm_view_restore_error(p, field));
		json_object_array_add(list, o);
	}
	cm_json_set(data, "ports", list);
}

static void users_text(struct json_object *users, struct cm_buf *out)
{
	size_t n = cm_json_len(users);

	for (size_t i = 0; i < n && i < 3; i++)
		cm_buf_printf(out, "%s%s", i ? ", " : "", cm_json_str(json_object_array_get_idx(users, i), "name", ""));
	if (n > 3)
		cm_buf_printf(out, " and %zu more", n - 3);
}

static void volume_choices(struct json_object *o, struct json_object *v, const char *choice)
{
	struct json_object *list = json_object_new_array();
	bool anonymous = cm_json_bool(v, "anonymous", false), data = cm_json_bool(v, "has_data", false);
	bool offered = anonymous ? cm_json_str(v, "keepable", NULL) != NULL
				 : cm_json_bool(v, "exists", false) || cm_str_eq(cm_json_str(v, "choice", NULL), "new");
	cm_autofree char *fresh = cm_asprintf("Filled from the backup as %s.", cm_json_str(v, "fresh", ""));

	if (offered && !cm_str_eq(cm_json_str(v, "action", ""), "other")) {
		cm_view_choice(list, "keep", "Keep what is there", "The data of the backup is not used.",
			       cm_str_eq(choice, "keep"));
		if (data && anonymous)
			cm_view_choice(list, "replace", "Use the data of the backup", "In a volume of its own.",
				       !cm_str_eq(choice, "keep"));
		else if (data)
			cm_view_choice(list, "replace", "Replace it",
				       "What is there now is kept aside until the restored container runs.",
				       cm_str_eq(choice, "replace"));
		if (!anonymous)
			cm_view_choice(list, "new", "Make a new volume", data ? fresh : NULL, cm_str_eq(choice, "new"));
	}
	cm_json_set(o, "choices", list);
}

static void volume_exists_text(struct json_object *o, struct json_object *v)
{
	cm_autobuf struct cm_buf users = CM_BUF_INIT(4096);
	const char *action = cm_json_str(v, "action", "");

	users_text(cm_json_arr(v, "users"), &users);
	if (strcmp(action, "other") == 0)
		cm_json_set_str(o, "exists_text", "comes with another container");
	else if (!cm_json_bool(v, "exists", false))
		cm_json_set_str(o, "exists_text", "will be made");
	else if (users.len > 0)
		cm_view_text(o, "exists_text", "exists, used by %s", users.data);
	else
		cm_json_set_str(o, "exists_text", "exists");
}

static void volume(struct json_object *list, struct json_object *v, const struct cm_restore_page *p)
{
	struct json_object *o = json_object_new_object(), *blocked;
	const char *name = cm_json_str(v, "name", ""), *choice;
	cm_autofree char *field = cm_asprintf("volume:%s", name);
	bool data = cm_json_bool(v, "has_data", false);
	char text[32];

	snprintf(text, sizeof(text), "volume-%zu", (size_t)json_object_array_length(list));
	cm_json_set_str(o, "id", text);
	cm_json_set_str(o, "field", field);
	cm_json_set_str(o, "name", name);
	cm_json_set_str(o, "destination", cm_json_str(v, "destination", ""));
	cm_size_text(text, cm_json_int(v, "bytes", 0));
	cm_json_set_str(o, "size_text", cm_json_get(v, "bytes") ? text : NULL);
	cm_json_set_str(o, "kind_text", cm_json_bool(v, "anonymous", false) ? "Anonymous volume" : "Volume");
	cm_json_set_bool(o, "exists", cm_json_bool(v, "exists", false));
	volume_exists_text(o, v);
	cm_json_set_bool(o, "has_data", data);
	cm_json_set_str(o, "note", data ? NULL : cm_json_str(v, "reason", "Its content is not in the backup."));
	blocked = cm_view_restore_finding(p, field, "VOLUME_IN_USE");
	cm_json_set_str(o, "error", blocked ? cm_json_str(blocked, "hint", NULL) : NULL);
	choice = cm_form_str(p->typed, field, cm_json_str(v, "choice", NULL));
	if (choice == NULL && !cm_json_bool(v, "anonymous", false))
		choice = "keep";
	volume_choices(o, v, choice);
	json_object_array_add(list, o);
}

static void bind(struct json_object *list, struct json_object *b, const struct cm_restore_page *p)
{
	struct json_object *o = json_object_new_object(), *choices = json_object_new_array();
	const char *state = cm_json_str(b, "state", "unknown"), *choice;
	bool data = cm_json_bool(b, "has_data", false), is_file = cm_str_eq(cm_json_str(b, "kind", ""), "file");
	bool there = strcmp(state, "present") == 0;
	size_t number = json_object_array_length(list);
	char text[32], field[32];

	snprintf(text, sizeof(text), "bind-%zu", number);
	snprintf(field, sizeof(field), "bind:%zu", number);
	cm_json_set_str(o, "id", text);
	cm_json_set_str(o, "field", field);
	cm_json_set_str(o, "source", cm_json_str(b, "source", ""));
	cm_json_set_str(o, "destination", cm_json_str(b, "destination", ""));
	cm_size_text(text, cm_json_int(b, "bytes", 0));
	cm_json_set_str(o, "size_text", cm_json_get(b, "bytes") ? text : NULL);
	cm_json_set_bool(o, "exists", there || strcmp(state, "empty") == 0);
	cm_json_set_str(o, "exists_text",
			there				  ? "exists on this host"
			: strcmp(state, "empty") == 0	  ? "exists on this host, empty"
			: strcmp(state, "unknown") == 0	  ? "not looked at"
			: cm_json_bool(b, "write", false) ? "will be made"
							  : "not on this host");
	cm_json_set_bool(o, "has_data", data);
	cm_json_set_str(o, "note",
			!data		   ? cm_json_str(b, "reason", "Not in the backup")
			: there && is_file ? "A single file that exists is never overwritten."
					   : NULL);
	cm_json_set_str(o, "error", NULL);
	choice = cm_form_str(p->typed, field, "keep");
	if (data && there && !is_file) {
		cm_view_choice(choices, "keep", "Keep what is there", NULL, !cm_str_eq(choice, "replace"));
		cm_view_choice(choices, "replace", "Replace it", NULL, cm_str_eq(choice, "replace"));
	}
	cm_json_set(o, "choices", choices);
	json_object_array_add(list, o);
}

void cm_view_restore_mounts(struct json_object *data, const struct cm_restore_page *p)
{
	struct json_object *from = cm_json_arr(p->preview, "volumes"), *volumes = json_object_new_array();
	struct json_object *binds = json_object_new_array();

	for (size_t i = 0; i < cm_json_len(from); i++) {
		if (cm_str_eq(cm_json_str(json_object_array_get_idx(from, i), "type", ""), "bind"))
			bind(binds, json_object_array_get_idx(from, i), p);
		else
			volume(volumes, json_object_array_get_idx(from, i), p);
	}
	cm_json_set(data, "volumes", volumes);
	cm_json_set(data, "binds", binds);
}
