/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/network_restore.h"

#include <string.h>

#include "core/mem.h"
#include "core/str.h"
#include "docker/network.h"
#include "service/audit.h"
#include "service/engine.h"
#include "service/vaults.h"

enum { NETWORK_FILE_MAX = 4 << 20 };

int cm_network_file_read(const struct cm_app *app, const char *file, struct json_object **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(NETWORK_FILE_MAX);
	struct cm_vaults_file f = { 0 };
	struct json_object *o = NULL;
	uint64_t size;
	char *room;
	int rc;

	if (!cm_str_has_prefix(file, "network_") || !cm_str_has_suffix(file, ".json"))
		return cm_err_set(err, CM_EINVAL, "Invalid filename");
	rc = cm_vaults_open_file(app, file, &f, err);
	if (rc != 0)
		return rc;
	size = f.vault->ops->size(f.file);
	room = size > 0 && size <= NETWORK_FILE_MAX ? cm_buf_room(&text, (size_t)size) : NULL;
	if (room == NULL)
		rc = cm_err_set(err, CM_ECORRUPT, "The network backup is empty or far too large.");
	rc = rc ? rc : f.vault->ops->pread(f.file, room, (size_t)size, 0, err);
	cm_vaults_close_file(&f);
	if (rc != 0)
		return rc;
	cm_buf_grew(&text, (size_t)size);
	if (cm_json_parse_bounded(text.data, text.len, NULL, &o, err) != 0)
		return cm_err_set(err, CM_ECORRUPT, "The network backup is damaged: it is not valid JSON.");
	if (cm_json_str(o, "Name", "")[0] == '\0') {
		json_object_put(o);
		return cm_err_set(err, CM_EINVAL, "Invalid network backup: missing network name");
	}
	*ret = o;
	return 0;
}

static void network_audit(const char *file, const char *name, const char *user, const struct cm_err *why)
{
	struct cm_audit_event event = {
		.operation = "restore",
		.status = why ? "error" : "completed",
		.container_name = name,
		.backup_filename = file,
		.error = why ? why->text : NULL,
		.user = user,
	};

	(void)cm_audit(&event, NULL);
}

int cm_network_restore(const struct cm_app *app, const char *file, const char *user, struct json_object **ret,
		       struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL, *body = NULL, *existing = NULL;
	cm_autofree char *id = NULL, *message = NULL;
	struct json_object *o;
	struct cm_docker *d;
	struct cm_err why = { 0 };
	const char *name;
	int rc = cm_network_file_read(app, file, &inspect, &why);

	rc = rc ? rc : cm_network_body(inspect, false, &body, &why);
	rc = rc ? rc : cm_engine_get(app, &d, &why);
	if (rc != 0)
		goto failed;
	name = cm_json_str(body, "Name", "");
	rc = cm_network_inspect(d, name, &existing, &why);
	if (rc == 0)
		rc = cm_err_set(&why, CM_EEXIST, "Network %s already exists", name);
	else if (rc == CM_ENOTFOUND)
		rc = cm_network_create(d, body, &id, &why);
	if (rc != 0)
		goto failed;
	cm_engine_changed();
	network_audit(file, name, user, NULL);
	message = cm_asprintf("Network %s restored successfully", name);
	o = json_object_new_object();
	cm_json_set_bool(o, "success", true);
	cm_json_set_str(o, "message", message);
	cm_json_set_str(o, "network_name", name);
	*ret = o;
	return 0;
failed:
	network_audit(file, cm_json_str(inspect, "Name", NULL), user, &why);
	if (err != NULL)
		*err = why;
	return rc;
}
