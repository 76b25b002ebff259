/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A network in the vault: what inspect says, unchanged, as the predecessor has it; its companion says where from. */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/secret.h"
#include "core/str.h"
#include "db/catalog.h"
#include "docker/network.h"
#include "service/backup_meta.h"
#include "service/engine.h"
#include "service/network_restore.h"
#include "service/networks_int.h"
#include "service/settings.h"
#include "service/vaults.h"

enum { NAME_SHOWN = 100 };

/* What a name may hold and a file of the vault may not becomes '_'. */
static char *file_name(const char *name)
{
	cm_autofree char *safe = cm_strndup(name, NAME_SHOWN);
	char stamp[32], hex[7];

	for (char *p = safe; *p != '\0'; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
		      strchr("._-", *p) != NULL))
			*p = '_';
	cm_time_stamp(stamp, cm_now_ms());
	cm_random_hex(hex, 3);
	return cm_asprintf("network_%s_%s-%s.json", safe, stamp, hex);
}

static struct json_object *companion_make(struct json_object *network, const char *server)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "type", "network");
	cm_json_set_str(o, "container", cm_json_str(network, "Name", ""));
	cm_json_set_str(o, "server_name", server);
	cm_json_set_bool(o, "is_scheduled", false);
	cm_json_set_int(o, "created_ms", cm_now_ms());
	return o;
}

/* Publishes only what reads back as it was written. */
static int publish(struct cm_vault *v, const char *file, const char *text, const char *companion, struct cm_err *err)
{
	size_t len = strlen(text);
	cm_autofree char *back = cm_alloc(len + 1);
	struct cm_vault_writer *w = NULL;
	struct cm_vault_file *f = NULL;
	int rc = v->ops->create(v, file, &w, err);

	if (rc < 0)
		return rc;
	rc = v->ops->write(w, text, len, err);
	rc = rc < 0 ? rc : v->ops->reopen(w, &f, err);
	if (rc == 0) {
		rc = v->ops->pread(f, back, len, 0, err);
		v->ops->close(f);
	}
	if (rc == 0 && memcmp(back, text, len) != 0)
		rc = cm_err_set(err, CM_EIO, "The network backup was not read back as it was written. Try again.");
	if (rc < 0) {
		v->ops->discard(w);
		return rc;
	}
	return v->ops->commit(w, companion, strlen(companion), err);
}

/* Listed at once; one that is not is found by the next comparison with the vault. */
static void list(struct cm_vault *v, const char *file, size_t len, struct json_object *companion)
{
	struct cm_vault_entry entry = { file, len, cm_now_ms(), true };
	struct cm_catalog_row row = { 0 };

	cm_backup_row(v->ops->kind, &entry, companion, &row);
	(void)cm_catalog_put(&row, NULL);
	cm_catalog_row_release(&row);
}

static int write_file(const struct cm_app *app, struct json_object *network, char **ret_file, struct cm_err *err)
{
	cm_autofree char *server = cm_settings_server_name(), *file = file_name(cm_json_str(network, "Name", ""));
	cm_autojson struct json_object *companion = companion_make(network, server);
	const char *text, *note;
	struct cm_vault *v;
	int rc = cm_vaults_open(app, NULL, &v, err);

	if (rc < 0)
		return rc;
	cm_json_set_str(network, "server_name", server);
	text = json_object_to_json_string_ext(network, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	note = json_object_to_json_string_ext(companion, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	rc = publish(v, file, text, note, err);
	if (rc == 0)
		list(v, file, strlen(text), companion);
	cm_vault_free(v);
	if (rc == 0)
		*ret_file = cm_move(&file);
	return rc;
}

int cm_networks_backup(const struct cm_app *app, const char *id, const struct cm_actor *actor, char **ret_file,
		       char **ret_name, struct cm_err *err)
{
	cm_autojson struct json_object *network = NULL, *details = json_object_new_object();
	struct cm_err why = { 0 };
	cm_autofree char *file = NULL;
	struct cm_docker *d;
	const char *name;
	int rc = cm_engine_get(app, &d, err);

	rc = rc < 0 ? rc : cm_network_inspect(d, id, &network, err);
	if (rc < 0)
		return rc;
	name = cm_json_str(network, "Name", id);
	if (cm_network_is_default(name))
		return cm_err_set(err, CM_EINVAL,
				  "Cannot backup default network \"%s\". Docker makes it on every host.", name);
	rc = write_file(app, network, &file, &why);
	cm_json_set_str(details, "filename", file);
	cm_networks_audit("network_backup", name, NULL, actor, rc < 0 ? &why : NULL, details);
	if (rc < 0) {
		if (err != NULL)
			*err = why;
		return rc;
	}
	*ret_name = cm_strdup(name);
	*ret_file = cm_move(&file);
	return 0;
}
