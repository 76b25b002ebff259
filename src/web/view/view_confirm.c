/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_confirm.h"

#include "core/json.h"
#include "web/reply.h"

void cm_view_confirm(struct cm_reply *rp, const struct cm_confirm *c)
{
	struct json_object *data = cm_view_data(rp);

	cm_json_set_str(data, "title_text", c->title);
	cm_json_set_str(data, "lead", c->lead);
	cm_json_set_str(data, "button_text", c->button);
	cm_json_set_str(data, "action", c->action);
	cm_json_set_str(data, "field", c->field);
	cm_json_set_str(data, "cancel_url", c->back);
	cm_json_set_str(data, "cancel_text", c->back_text);
	cm_json_set_str(data, "parent_url", c->parent);
	cm_json_set_str(data, "parent_text", c->parent_text);
	cm_json_set(data, "warnings", json_object_new_array());
	cm_json_set(data, "items", json_object_new_array());
	cm_json_set(data, "kept", json_object_new_array());
	cm_json_set(data, "choices", json_object_new_array());
}

static struct json_object *add(struct cm_reply *rp, const char *list)
{
	struct json_object *o = json_object_new_object();

	json_object_array_add(cm_json_arr(cm_view_data(rp), list), o);
	return o;
}

void cm_view_confirm_warning(struct cm_reply *rp, const char *text)
{
	cm_json_set_str(add(rp, "warnings"), "text", text);
}

void cm_view_confirm_item(struct cm_reply *rp, const char *value, const char *name, const char *note, const char *url)
{
	struct json_object *o = add(rp, "items");

	cm_json_set_str(o, "value", value);
	cm_json_set_str(o, "name", name);
	cm_json_set_str(o, "note", note);
	cm_json_set_str(o, "url", url);
}

void cm_view_confirm_kept(struct cm_reply *rp, const char *name, const char *why)
{
	struct json_object *o = add(rp, "kept");

	cm_json_set_str(o, "name", name);
	cm_json_set_str(o, "text", why);
}

void cm_view_confirm_choice(struct cm_reply *rp, const char *field, const char *text, const char *hint, bool ticked)
{
	struct json_object *o = add(rp, "choices");

	cm_json_set_str(o, "choice_field", field);
	cm_json_set_str(o, "text", text);
	cm_json_set_str(o, "hint", hint);
	cm_json_set_bool(o, "is_ticked", ticked);
}
