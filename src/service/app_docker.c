/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/app_docker.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/env.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/secret.h"
#include "core/str.h"
#include "docker/address.h"

enum { CONFIG_MAX = 1 << 20 };

/* The docker command's folder, "" when there is none. */
static void config_folder(char *dst, size_t size)
{
	const char *folder = cm_env("DOCKER_CONFIG"), *home = cm_env("HOME");

	if (folder != NULL)
		snprintf(dst, size, "%s", folder);
	else if (home != NULL)
		snprintf(dst, size, "%s/.docker", home);
	else
		dst[0] = '\0';
}

/* An unreadable or malformed file counts as none: it is not ours. */
static struct json_object *read_json(const char *path)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(CONFIG_MAX);
	struct json_object *o = NULL;

	if (cm_file_read(path, &text, NULL) != 0 || cm_json_parse(text.data, text.len, &o, NULL) != 0)
		return NULL;
	return o;
}

/* *ret_name: NULL when the default context is meant. Caller frees. */
static void context_name(const char *folder, char **ret_name)
{
	char path[2 * PATH_MAX];
	const char *name = cm_env("DOCKER_CONTEXT");
	cm_autojson struct json_object *config = NULL;

	if (name == NULL && folder[0] != '\0') {
		snprintf(path, sizeof(path), "%s/config.json", folder);
		config = read_json(path);
		name = cm_json_str(config, "currentContext", NULL);
	}
	*ret_name = name != NULL && *name != '\0' && strcmp(name, "default") != 0 ? cm_strdup(name) : NULL;
}

/* The docker command keeps a context under the SHA-256 of its name. */
static int from_context(struct cm_app *app, const char *folder, struct cm_err *err)
{
	cm_autofree char *name = NULL;
	cm_autojson struct json_object *meta = NULL;
	char path[2 * PATH_MAX], hex[2 * CM_SHA256_LEN + 1];
	uint8_t hash[CM_SHA256_LEN];
	const char *host;

	context_name(folder, &name);
	if (name == NULL)
		return 0;
	cm_sha256(hash, name, strlen(name));
	cm_hex(hex, hash, sizeof(hash));
	snprintf(path, sizeof(path), "%s/contexts/meta/%s/meta.json", folder, hex);
	meta = read_json(path);
	host = cm_json_str_at(meta, "Endpoints.docker.Host", NULL);
	if (host == NULL)
		return cm_err_set(
		    err, CM_EINVAL,
		    "The Docker context \"%.80s\" has no usable entry: set DOCKER_HOST, or choose another "
		    "with `docker context use`",
		    name);
	if (!cm_str_copy(app->docker_host, sizeof(app->docker_host), host))
		return cm_err_set(err, CM_EINVAL, "The host of the Docker context \"%.80s\" is too long", name);
	snprintf(path, sizeof(path), "%s/contexts/tls/%s/docker", folder, hex);
	if (access(path, R_OK) == 0 && cm_str_copy(app->docker_cert_path, sizeof(app->docker_cert_path), path))
		app->docker_tls = true;
	return 0;
}

int cm_app_docker_init(struct cm_app *app, struct cm_err *err)
{
	const char *source = cm_env("DOCKER_HOST") != NULL ? "DOCKER_HOST" : "DOCKER_API_URL";
	struct cm_docker_address address;
	char folder[PATH_MAX / 2];
	int rc;

	config_folder(folder, sizeof(folder));
	if ((rc = cm_env_text(source, "", app->docker_host, sizeof(app->docker_host), err)) != 0 ||
	    (rc = cm_env_bool("DOCKER_TLS_VERIFY", false, &app->docker_tls, err)) != 0 ||
	    (rc = cm_env_text("DOCKER_CERT_PATH", "", app->docker_cert_path, sizeof(app->docker_cert_path), err)) != 0)
		return rc;
	if (app->docker_host[0] == '\0' && (rc = from_context(app, folder, err)) != 0)
		return rc;
	if (app->docker_host[0] == '\0')
		cm_str_copy(app->docker_host, sizeof(app->docker_host), "unix:///var/run/docker.sock");
	if (app->docker_tls && app->docker_cert_path[0] == '\0' &&
	    !cm_str_copy(app->docker_cert_path, sizeof(app->docker_cert_path), folder))
		return cm_err_set(err, CM_EINVAL, "DOCKER_CERT_PATH is not set and the default is too long");
	if (cm_docker_address_parse(app->docker_host, app->docker_tls, &address, err) != 0) {
		cm_err_prefix(err, "%s is \"%.200s\"", source, app->docker_host);
		if (err != NULL)
			err->code = CM_EINVAL; /* whatever is wrong with it, it is a wrong setting */
		return CM_EINVAL;
	}
	return 0;
}
