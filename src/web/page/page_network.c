/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One network: what it is, who is connected; making one; and its backup and restore.
 */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "service/network_restore.h"
#include "service/networks.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_images.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_confirm.h"
#include "web/view/view_network.h"

enum { BACKUPS_MAX = 10000, PAIRS_MAX = 200 };

static int show(struct cm_request *rq, struct cm_reply *rp, const char *error, struct cm_err *err)
{
	cm_autojson struct json_object *network = NULL;
	struct json_object *data;
	int rc = cm_networks_look(rq->app, rq->params[0], &network, err);

	if (rc < 0)
		return rc;
	data = cm_view_data(rp);
	cm_view_network_page(data, network, rq->role, cm_now_ms());
	cm_json_set_str(data, "container", cm_form_str(rq->post, "container", ""));
	cm_json_set_str(data, "address", cm_form_str(rq->post, "ipv4", ""));
	cm_json_set_str(data, "connect_error", error);
	cm_view_title(rp, "Network %s", cm_json_str(data, "name", ""));
	return 0;
}

int cm_page_network(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	return show(rq, rp, NULL, err);
}

/* A form that was refused comes again, with what was typed. */
static int refused(struct cm_request *rq, struct cm_reply *rp, const struct cm_err *why, struct cm_err *err)
{
	if (!rq->is_api)
		(void)show(rq, rp, why->text, NULL);
	*err = *why;
	return why->code;
}

int cm_page_network_connect(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autofree char *url = cm_url_make("/network/%s", rq->params[0]);
	const char *container = cm_form_str(rq->post, "container", "");
	const struct cm_actor actor = cm_images_actor(rq);
	struct cm_err why = { 0 };
	int rc;

	if (container[0] == '\0')
		rc = cm_err_set(&why, CM_EINVAL, "Name the container.");
	else
		rc = cm_networks_connect(rq->app, rq->params[0], container, cm_form_str(rq->post, "ipv4", NULL),
					 cm_form_str(rq->post, "ipv6", NULL), cm_json_arr(rq->json, "aliases"), &actor,
					 &why);
	if (rc < 0)
		return refused(rq, rp, &why, err);
	cm_reply_done(rq, rp, url, NULL, "%s is connected.", container);
	return 0;
}

int cm_page_network_disconnect(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autofree char *url = cm_url_make("/network/%s", rq->params[0]);
	const char *container = cm_form_str(rq->post, "container", "");
	const struct cm_actor actor = cm_images_actor(rq);
	struct cm_err why = { 0 };
	int rc;

	if (container[0] == '\0')
		rc = cm_err_set(&why, CM_EINVAL, "Name the container.");
	else
		rc = cm_networks_disconnect(rq->app, rq->params[0], container, cm_form_bool(rq->post, "force", false),
					    &actor, &why);
	if (rc < 0)
		return refused(rq, rp, &why, err);
	cm_reply_done(rq, rp, url, NULL, "%s is disconnected.", container);
	return 0;
}

static int new_view(struct cm_request *rq, struct cm_reply *rp, const char *error)
{
	static const char *const fields[] = { "name",	 "driver",   "subnet",	"gateway", "ip_range",
					      "subnet6", "gateway6", "options", "labels" };
	static const char *const boxes[] = { "internal", "attachable", "ipv6" };
	struct json_object *data = cm_view_data(rp);

	for (size_t i = 0; i < CM_COUNT(fields); i++)
		cm_json_set_str(data, fields[i],
				cm_form_str(rq->post, fields[i], cm_str_eq(fields[i], "driver") ? "bridge" : ""));
	for (size_t i = 0; i < CM_COUNT(boxes); i++)
		cm_json_set_bool(data, boxes[i], cm_form_bool(rq->post, boxes[i], false));
	cm_json_set_str(data, "error", error);
	return 0;
}

int cm_page_network_new(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	(void)err;
	return new_view(rq, rp, NULL);
}

/* An object of JSON, or lines "name=value" of a form. Caller puts *ret. */
static int pairs_read(struct cm_request *rq, const char *field, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *o = json_object_new_object();
	const char *p = cm_form_str(rq->post, field, "");

	if (cm_json_obj(rq->json, field) != NULL) {
		*ret = json_object_get(cm_json_obj(rq->json, field));
		return 0;
	}
	while (*p != '\0') {
		size_t len = strcspn(p, "\r\n");
		cm_autofree char *line = cm_strndup(p, len);
		char *eq = strchr(line, '=');

		p += len;
		p += strspn(p, "\r\n");
		if (line[strspn(line, " \t")] == '\0')
			continue;
		if (json_object_object_length(o) >= PAIRS_MAX)
			return cm_err_set(err, CM_ETOOBIG, "There are more than %d lines in %s.", PAIRS_MAX, field);
		if (eq == line)
			return cm_err_set(err, CM_EINVAL, "Write each line of %s as name=value.", field);
		if (eq != NULL)
			*eq = '\0';
		cm_json_set_str(o, line, eq != NULL ? eq + 1 : "");
	}
	*ret = cm_move(&o);
	return 0;
}

static void pool_add(struct json_object *pools, struct cm_request *rq, const char *subnet, const char *gateway,
		     const char *range)
{
	static const char *const keys[] = { "Subnet", "Gateway", "IPRange" };
	const char *const values[] = { cm_form_str(rq->post, subnet, ""), cm_form_str(rq->post, gateway, ""),
				       range ? cm_form_str(rq->post, range, "") : "" };
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < CM_COUNT(keys); i++)
		if (values[i][0] != '\0')
			cm_json_set_str(o, keys[i], values[i]);
	if (json_object_object_length(o) > 0)
		json_object_array_add(pools, o);
	else
		json_object_put(o);
}

static int config_make(struct cm_request *rq, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *options = NULL, *labels = NULL;
	struct json_object *o, *ipam, *pools;
	const char *name = cm_form_str(rq->post, "name", "");
	int rc = pairs_read(rq, "options", &options, err);

	rc = rc < 0 ? rc : pairs_read(rq, "labels", &labels, err);
	if (rc == 0 && !cm_name_valid(name))
		rc = cm_err_set(err, CM_EINVAL,
				"A name has letters, digits, dots, dashes and underscores, and begins with a letter or "
				"digit.");
	if (rc < 0)
		return rc;
	o = json_object_new_object();
	ipam = json_object_new_object();
	pools = json_object_new_array();
	pool_add(pools, rq, "subnet", "gateway", "ip_range");
	pool_add(pools, rq, "subnet6", "gateway6", NULL);
	cm_json_set_str(ipam, "Driver", "default");
	cm_json_set(ipam, "Config", pools);
	cm_json_set_str(o, "Name", name);
	cm_json_set_str(o, "Driver", cm_form_str(rq->post, "driver", "bridge"));
	cm_json_set_bool(o, "Internal", cm_form_bool(rq->post, "internal", false));
	cm_json_set_bool(o, "Attachable", cm_form_bool(rq->post, "attachable", false));
	cm_json_set_bool(o, "EnableIPv6",
			 cm_form_bool(rq->post, "ipv6", cm_form_str(rq->post, "subnet6", "")[0] != '\0'));
	cm_json_set(o, "IPAM", ipam);
	cm_json_set(o, "Options", cm_move(&options));
	cm_json_set(o, "Labels", cm_move(&labels));
	*ret = o;
	return 0;
}

int cm_page_network_create(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *config = NULL;
	const struct cm_actor actor = cm_images_actor(rq);
	cm_autofree char *id = NULL, *url = NULL;
	struct json_object *answer;
	struct cm_err why = { 0 };
	int rc = config_make(rq, &config, &why);

	rc = rc < 0 ? rc : cm_networks_create(rq->app, config, &actor, &id, &why);
	if (rc < 0) {
		if (!rq->is_api)
			(void)new_view(rq, rp, why.text);
		*err = why;
		return rc;
	}
	answer = json_object_new_object();
	cm_json_set_str(answer, "id", id);
	cm_json_set_str(answer, "name", cm_json_str(config, "Name", ""));
	rp->status = rq->is_api ? 201 : rp->status;
	url = cm_url_make("/network/%s", id);
	cm_reply_done(rq, rp, url, answer, "Network %s created", cm_json_str(config, "Name", ""));
	return 0;
}

int cm_page_network_backup(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autofree char *file = NULL, *name = NULL, *url = NULL;
	const struct cm_actor actor = cm_images_actor(rq);
	struct json_object *answer;
	int rc = cm_networks_backup(rq->app, rq->params[0], &actor, &file, &name, err);

	if (rc < 0)
		return rc;
	answer = json_object_new_object();
	cm_json_set_str(answer, "filename", file);
	url = cm_url_make("/backup/%s", file);
	cm_reply_done(rq, rp, url, answer, "Network %s backed up successfully", name);
	return 0;
}

/* What a restore makes, and what stands in its way. */
int cm_page_network_restore_confirm(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *file = cm_form_str(rq->get, "filename", "");
	cm_autojson struct json_object *network = NULL, *body = NULL, *existing = NULL;
	cm_autofree char *title = NULL, *back = cm_url_make("/backup/%s", file);
	struct cm_confirm c = { .action = "/network/restore",
				.field = "filename",
				.back = back,
				.back_text = "Cancel",
				.parent = "/vault",
				.parent_text = "Vault" };
	char subnets[600];
	const char *name;
	int rc = cm_network_file_read(rq->app, file, &network, err);

	rc = rc < 0 ? rc : cm_network_body(network, false, &body, err);
	if (rc < 0)
		return rc;
	name = cm_json_str(network, "Name", "");
	title = cm_asprintf("Restore network %s?", name);
	c.title = title;
	c.lead = "It is made as it was: driver, addresses, options and labels. Containers are connected to it again by "
		 "their own restore, or by hand.";
	c.button = cm_networks_look(rq->app, name, &existing, NULL) == 0 ? NULL : "Restore the network";
	cm_view_confirm(rp, &c);
	cm_view_network_subnets(subnets, network);
	cm_view_confirm_item(rp, file, name, subnets[0] != '\0' ? subnets : NULL, NULL);
	if (c.button == NULL)
		cm_view_confirm_warning(rp, "A network of this name exists. Delete it first, if it is to be replaced.");
	return 0;
}

int cm_page_network_restore(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *file = cm_form_str(rq->post, "filename", "");
	cm_autojson struct json_object *network = NULL;
	struct json_object *answer = NULL, *extra;
	struct cm_err why = { 0 };
	int rc;

	if (file[0] == '\0')
		return cm_err_set(err, CM_EINVAL, "Filename is required");
	rc = cm_network_restore(rq->app, file, rq->user, &answer, &why);
	if (rc == CM_EEXIST && rq->is_api && cm_network_file_read(rq->app, file, &network, NULL) == 0) {
		extra = json_object_new_object();
		cm_json_set_str(extra, "network_name", cm_json_str(network, "Name", ""));
		cm_reply_error_json(rp, &why, extra);
		return 0;
	}
	if (rc < 0) {
		*err = why;
		return rc;
	}
	cm_reply_done(rq, rp, "/networks", answer, "%s", cm_json_str(answer, "message", "Restored"));
	return 0;
}

int cm_page_network_backups(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_catalog_query q = { .type = "network", .sort = "-created", .limit = BACKUPS_MAX };
	struct json_object *list;
	struct cm_catalog_list all;
	int rc = cm_catalog_list(&q, &all, err);

	(void)rq;
	if (rc < 0)
		return rc;
	list = json_object_new_array();
	for (size_t i = 0; i < all.count; i++) {
		const struct cm_catalog_row *row = &all.rows[i];
		struct json_object *o = json_object_new_object();
		char at[32];

		cm_json_set_str(o, "filename", row->file);
		cm_json_set_str(o, "network_name", row->container_name);
		cm_json_set_int(o, "size", row->size);
		cm_json_set_str(o, "type", "network");
		cm_time_rfc3339(at, row->created_ms);
		cm_json_set_str(o, "created_at", at);
		at[strcspn(at, "Z")] = '\0';
		cm_json_set_str(o, "created", at);
		json_object_array_add(list, o);
	}
	cm_catalog_list_release(&all);
	cm_json_set(cm_view_data(rp), "backups", list);
	cm_json_set_int(cm_view_data(rp), "total", (int64_t)cm_json_len(list));
	return 0;
}
