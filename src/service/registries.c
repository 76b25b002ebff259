/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/registries.h"

#include <ctype.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/secret.h"
#include "core/str.h"
#include "docker/image.h"
#include "service/engine.h"
#include "service/settings.h"

enum { SERVER_MAX = 255, NAME_MAX_LEN = 255, PASSWORD_MAX = 8192, SERVERS_MAX = 200 };

static const char document[] = "registries";

/* A copy of what is stored, an object by server. */
static int load(struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *o = NULL;
	int rc = cm_settings_load(document, &o, err);

	if (rc == 0)
		*ret = o != NULL ? cm_move(&o) : json_object_new_object();
	return rc;
}

static int by_server(const void *a, const void *b)
{
	return strcmp(cm_json_str(*(struct json_object *const *)a, "server", ""),
		      cm_json_str(*(struct json_object *const *)b, "server", ""));
}

int cm_registries_list(struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *all = NULL;
	struct json_object *list;
	int rc = load(&all, err);

	if (rc < 0)
		return rc;
	list = json_object_new_array();
	json_object_object_foreach(all, server, stored)
	{
		struct json_object *o = json_object_new_object();

		cm_json_set_str(o, "server", server);
		cm_json_set_str(o, "username", cm_json_str(stored, "username", ""));
		cm_json_set_int(o, "added_ms", cm_json_int(stored, "added_ms", 0));
		json_object_array_add(list, o);
	}
	json_object_array_sort(list, by_server);
	*ret = list;
	return 0;
}

/* As it stands in references: without a scheme and a path, Docker Hub by its short name. */
static int server_normal(const char *text, char **ret, struct cm_err *err)
{
	cm_autofree char *server = NULL;

	text += cm_str_has_prefix(text, "https://") ? 8 : cm_str_has_prefix(text, "http://") ? 7 : 0;
	server = cm_strndup(text, strcspn(text, "/"));
	for (char *p = server; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	if (server[0] == '\0' || cm_str_eq(server, "index.docker.io") || cm_str_eq(server, "registry-1.docker.io") ||
	    cm_str_eq(server, "hub.docker.com")) {
		free(server);
		server = cm_strdup("docker.io");
	}
	if (strlen(server) > SERVER_MAX || !isalnum((unsigned char)server[0]) ||
	    server[strspn(server, "abcdefghijklmnopqrstuvwxyz0123456789.-:")] != '\0' ||
	    (strpbrk(server, ".:") == NULL && !cm_str_eq(server, "localhost")))
		return cm_err_set(err, CM_EINVAL,
				  "The server is written like registry.example or registry.example:5000; docker.io is "
				  "Docker Hub.");
	*ret = cm_move(&server);
	return 0;
}

static bool text_valid(const char *s, size_t max)
{
	size_t len = strlen(s);

	for (const char *p = s; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			return false;
	return len > 0 && len <= max;
}

static void audit(const char *operation, const char *server, const char *username, const struct cm_actor *actor,
		  const struct cm_err *why)
{
	cm_autojson struct json_object *details = json_object_new_object();
	struct cm_audit_event event = { .operation = operation,
					.status = why != NULL ? "error" : "completed",
					.error = why != NULL ? why->text : NULL,
					.user = actor->user,
					.address = actor->address,
					.details = details };

	cm_json_set_str(details, "server", server);
	if (username != NULL)
		cm_json_set_str(details, "username", username);
	(void)cm_audit(&event, NULL);
}

/* What a sealed password belongs to: it cannot be moved to another server. */
static char *purpose_of(const char *server)
{
	return cm_asprintf("registry:%s", server);
}

static int store(const char *server, const char *username, const char *password, struct cm_err *err)
{
	cm_autobuf struct cm_buf sealed = CM_BUF_INIT(4 * PASSWORD_MAX);
	cm_autojson struct json_object *all = NULL;
	cm_autofree char *purpose = purpose_of(server);
	struct json_object *o;
	int rc = load(&all, err);

	rc = rc < 0 ? rc : cm_seal(purpose, password, strlen(password), &sealed, err);
	if (rc < 0)
		return rc;
	if (json_object_object_length(all) >= SERVERS_MAX && cm_json_get(all, server) == NULL)
		return cm_err_set(err, CM_ETOOBIG, "There are %d logins already. Remove one first.", SERVERS_MAX);
	o = json_object_new_object();
	cm_json_set_str(o, "username", username);
	cm_json_set_str(o, "password", sealed.data);
	cm_json_set_int(o, "added_ms", cm_now_ms());
	cm_json_set(all, server, o);
	return cm_settings_store(document, all, err);
}

int cm_registries_add(const struct cm_app *app, const char *server, const char *username, const char *password,
		      const struct cm_actor *actor, struct cm_err *err)
{
	cm_autofree char *name = NULL;
	struct cm_err why = { 0 };
	struct cm_docker *d;
	int rc = server_normal(server, &name, err);

	if (rc < 0)
		return rc;
	if (!text_valid(username, NAME_MAX_LEN))
		return cm_err_set(err, CM_EINVAL, "User name is required.");
	if (!text_valid(password, PASSWORD_MAX))
		return cm_err_set(err, CM_EINVAL, "Password or access token is required.");
	rc = cm_engine_get(app, &d, err);
	if (rc < 0)
		return rc;
	rc = cm_image_registry_login(d, name, username, password, &why);
	rc = rc < 0 ? rc : store(name, username, password, &why);
	audit("registry_login", name, username, actor, rc < 0 ? &why : NULL);
	if (rc < 0 && err != NULL)
		*err = why;
	return rc;
}

int cm_registries_remove(const char *server, const struct cm_actor *actor, struct cm_err *err)
{
	cm_autojson struct json_object *all = NULL;
	int rc = load(&all, err);

	if (rc == 0 && cm_json_get(all, server) == NULL)
		rc = cm_err_set(err, CM_ENOTFOUND, "There is no login for %.100s.", server);
	if (rc < 0)
		return rc;
	json_object_object_del(all, server);
	rc = cm_settings_store(document, all, err);
	if (rc == 0)
		audit("registry_logout", server, NULL, actor, NULL);
	return rc;
}

/* Base64 with padding, as the engine reads it. */
static char *encode(const char *text)
{
	struct cm_buf b = CM_BUF_INIT(8 * PASSWORD_MAX);

	cm_base64url(&b, text, strlen(text));
	while (b.len % 4 != 0)
		cm_buf_char(&b, '=');
	return cm_buf_detach(&b);
}

int cm_registries_auth(const char *ref, char **ret, struct cm_err *err)
{
	cm_autobuf struct cm_buf password = CM_BUF_INIT(PASSWORD_MAX + 1);
	cm_autojson struct json_object *all = NULL, *o = NULL;
	cm_autofree char *server = cm_image_registry(ref), *purpose = purpose_of(server), *text = NULL;
	struct json_object *stored;
	int rc = load(&all, err);

	if (rc < 0)
		return rc;
	stored = cm_json_obj(all, server);
	if (stored == NULL) {
		*ret = NULL;
		return 0;
	}
	rc = cm_unseal(purpose, cm_json_str(stored, "password", ""), &password, err);
	if (rc < 0)
		return cm_err_set(err, CM_ECORRUPT, "The stored login for %.100s cannot be read. Save it again.",
				  server);
	o = json_object_new_object();
	cm_json_set_str(o, "username", cm_json_str(stored, "username", ""));
	json_object_object_add(o, "password", json_object_new_string_len(password.data, (int)password.len));
	cm_json_set_str(o, "serveraddress", cm_str_eq(server, "docker.io") ? "https://index.docker.io/v1/" : server);
	text = cm_json_text(o);
	*ret = encode(text);
	cm_secret_wipe(text, strlen(text));
	cm_secret_wipe(password.data, password.len);
	return 0;
}
