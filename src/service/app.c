/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/app.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/secret.h"
#include "core/str.h"
#include "service/password.h"

enum { CONTEXT_FILE_MAX = 1 << 20 };

/* NULL when unset or empty. */
static const char *env(const char *name)
{
	const char *v = getenv(name);
	return v && *v ? v : NULL;
}

static int text(char *dst, size_t size, const char *name, const char *def, struct cm_err *err)
{
	const char *v = env(name);

	if (!cm_str_copy(dst, size, v ? v : def))
		return cm_err_set(err, CM_EINVAL, "%s is too long: at most %zu bytes.", name, size - 1);
	return 0;
}

static int number(uint64_t *ret, const char *name, uint64_t def, uint64_t min, uint64_t max, struct cm_err *err)
{
	const char *v = env(name);

	*ret = def;
	if (v != NULL && !cm_str_u64(v, min, max, ret))
		return cm_err_set(err, CM_EINVAL, "%s is \"%.60s\"; it must be a number from %llu to %llu.", name, v,
				  (unsigned long long)min, (unsigned long long)max);
	return 0;
}

static int port(uint16_t *ret, const char *name, uint64_t def, struct cm_err *err)
{
	uint64_t v;
	int rc = number(&v, name, def, 1, 65535, err);

	if (rc == 0)
		*ret = (uint16_t)v;
	return rc;
}

/* The next element of a comma separated list, trimmed, in out; NULL at its end. Empty elements are left out. */
static const char *next_element(const char *list, char *out, size_t size)
{
	while (*list == ',' || *list == ' ')
		list++;
	if (*list == '\0')
		return NULL;
	size_t n = strcspn(list, ",");
	const char *rest = list + n;
	while (n > 0 && list[n - 1] == ' ')
		n--;
	snprintf(out, size, "%.*s", (int)(n < size ? n : size), list);
	return rest;
}

static int hosts(struct cm_app *app, struct cm_err *err)
{
	const char *list = env("CM_HOSTS");
	char one[300];

	while (list != NULL && (list = next_element(list, one, sizeof(one))) != NULL) {
		if (app->host_count == CM_APP_MAX_LIST)
			return cm_err_set(err, CM_EINVAL, "CM_HOSTS names more than %d hosts.", CM_APP_MAX_LIST);
		if (strlen(one) > 255 || strpbrk(one, "/ :@") != NULL)
			return cm_err_set(err, CM_EINVAL,
					  "CM_HOSTS has \"%.60s\"; it takes host names, without scheme and port.", one);
		for (char *c = one; *c; c++)
			if (*c >= 'A' && *c <= 'Z')
				*c = (char)(*c - 'A' + 'a');
		cm_str_copy(app->hosts[app->host_count++], sizeof(app->hosts[0]), one);
	}
	return 0;
}

/* "10.0.0.0/8", "::1", "192.168.1.7": IPv4 is kept as ::ffff:a.b.c.d. */
static bool cidr_parse(const char *s, struct cm_cidr *ret)
{
	char addr[64];
	uint8_t v4[4];
	uint64_t bits;
	struct cm_cidr c = { .bits = 128 };
	size_t n = strcspn(s, "/");

	if (n >= sizeof(addr))
		return false;
	memcpy(addr, s, n);
	addr[n] = '\0';
	unsigned widest = 128, shift = 0;
	if (inet_pton(AF_INET, addr, v4) == 1) {
		c.addr[10] = c.addr[11] = 0xff;
		memcpy(c.addr + 12, v4, 4);
		widest = 32;
		shift = 96;
	} else if (inet_pton(AF_INET6, addr, c.addr) != 1) {
		return false;
	}
	if (s[n] == '/') {
		if (!cm_str_u64(s + n + 1, 0, widest, &bits))
			return false;
		c.bits = (unsigned)bits + shift;
	}
	*ret = c;
	return true;
}

static int proxies(struct cm_app *app, struct cm_err *err)
{
	const char *list = env("CM_TRUSTED_PROXIES");
	char one[128];

	while (list != NULL && (list = next_element(list, one, sizeof(one))) != NULL) {
		if (app->proxy_count == CM_APP_MAX_LIST)
			return cm_err_set(err, CM_EINVAL, "CM_TRUSTED_PROXIES names more than %d.", CM_APP_MAX_LIST);
		if (!cidr_parse(one, &app->proxies[app->proxy_count]))
			return cm_err_set(
			    err, CM_EINVAL,
			    "CM_TRUSTED_PROXIES has \"%.60s\"; it takes addresses or networks such as 10.0.0.0/8.",
			    one);
		app->proxy_count++;
	}
	return 0;
}

static int tls(struct cm_app *app, struct cm_err *err)
{
	int rc = text(app->tls, sizeof(app->tls), "CM_TLS", "off", err);

	if (rc == 0)
		rc = port(&app->tls_port, "CM_TLS_PORT", 1067, err);
	if (rc == 0)
		rc = text(app->tls_cert, sizeof(app->tls_cert), "CM_TLS_CERT", "", err);
	if (rc == 0)
		rc = text(app->tls_key, sizeof(app->tls_key), "CM_TLS_KEY", "", err);
	if (rc != 0)
		return rc;
	/* Own files need no second word. */
	if (env("CM_TLS") == NULL && app->tls_cert[0] != '\0')
		cm_str_copy(app->tls, sizeof(app->tls), "files");
	bool files = cm_str_eq(app->tls, "files");
	if (!files && !cm_str_eq(app->tls, "off") && !cm_str_eq(app->tls, "self"))
		return cm_err_set(err, CM_EINVAL, "CM_TLS is \"%s\"; it must be off, self or files.", app->tls);
	if (!files)
		return 0;
	static const char *const names[] = { "CM_TLS_CERT", "CM_TLS_KEY" };
	const char *const values[] = { app->tls_cert, app->tls_key };
	for (size_t i = 0; i < CM_COUNT(names); i++)
		if (values[i][0] == '\0' || access(values[i], R_OK) != 0)
			return cm_err_set(err, CM_EINVAL, "%s must name a PEM file that can be read.", names[i]);
	return app->tls_port != app->port
		   ? 0
		   : cm_err_set(err, CM_EINVAL, "CM_TLS_PORT and CM_PORT are both %u.", app->port);
}

/* The address of the current Docker context, "" when there is none: ~/.docker/config.json names it, and a file in
 * contexts/meta describes it. */
static void docker_context(char *dst, size_t size)
{
	const char *home = env("HOME"), *name = env("DOCKER_CONTEXT");
	char path[PATH_MAX];
	struct cm_buf b = CM_BUF_INIT(CONTEXT_FILE_MAX);
	struct json_object *config = NULL;

	dst[0] = '\0';
	if (home == NULL)
		return;
	if (name == NULL) {
		snprintf(path, sizeof(path), "%s/.docker/config.json", home);
		if (cm_file_read(path, &b, NULL) == 0 && cm_json_parse(b.data, b.len, &config, NULL) == 0)
			name = cm_json_str(config, "currentContext", NULL);
	}
	if (name != NULL && !cm_str_eq(name, "default")) {
		/* The folder is named by the SHA-256 of the context's name. */
		uint8_t digest[CM_SHA256_LEN];
		char hex[2 * CM_SHA256_LEN + 1];
		struct json_object *meta = NULL;
		cm_sha256(digest, name, strlen(name));
		cm_hex(hex, digest, sizeof(digest));
		snprintf(path, sizeof(path), "%s/.docker/contexts/meta/%s/meta.json", home, hex);
		cm_buf_reset(&b);
		if (cm_file_read(path, &b, NULL) == 0 && cm_json_parse(b.data, b.len, &meta, NULL) == 0)
			cm_str_copy(dst, size, cm_json_str_at(meta, "Endpoints.docker.Host", ""));
		json_object_put(meta);
	}
	json_object_put(config);
	cm_buf_release(&b);
}

static bool docker_host_valid(const char *s)
{
	static const char *const schemes[] = { "unix://", "tcp://", "http://", "https://" };

	for (size_t i = 0; i < CM_COUNT(schemes); i++)
		if (cm_str_has_prefix(s, schemes[i]) && s[strlen(schemes[i])] != '\0')
			return true;
	return s[0] == '/';
}

static int docker(struct cm_app *app, struct cm_err *err)
{
	const char *name = env("DOCKER_HOST") ? "DOCKER_HOST" : "DOCKER_API_URL";
	char context[sizeof(app->docker_host)];

	docker_context(context, sizeof(context));
	int rc = text(app->docker_host, sizeof(app->docker_host), name,
		      context[0] ? context : "unix:///var/run/docker.sock", err);
	if (rc != 0)
		return rc;
	if (!docker_host_valid(app->docker_host))
		return cm_err_set(err, CM_EINVAL, "%s is \"%.100s\"; it must be unix:///path or tcp://host:port.", name,
				  app->docker_host);
	const char *verify = env("DOCKER_TLS_VERIFY");
	app->docker_tls = verify != NULL && !cm_str_eq(verify, "0");
	return text(app->docker_cert_path, sizeof(app->docker_cert_path), "DOCKER_CERT_PATH", "", err);
}

static int places(struct cm_app *app, struct cm_err *err)
{
	char cwd[PATH_MAX], path[PATH_MAX * 2];
	const char *data = env("CM_DATA") ? env("CM_DATA") : "./data";

	if (data[0] == '/')
		snprintf(path, sizeof(path), "%s", data);
	else if (getcwd(cwd, sizeof(cwd)) != NULL)
		snprintf(path, sizeof(path), "%s/%s", cwd, cm_str_has_prefix(data, "./") ? data + 2 : data);
	else
		return cm_err_set(err, CM_EINVAL, "CM_DATA is relative, and the current folder cannot be read.");
	for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
	if (!cm_str_copy(app->data_dir, sizeof(app->data_dir), path))
		return cm_err_set(err, CM_EINVAL, "CM_DATA is too long: at most %zu bytes.", sizeof(app->data_dir) - 1);
	snprintf(app->backups_dir, sizeof(app->backups_dir), "%s/backups", app->data_dir);
	snprintf(app->config_dir, sizeof(app->config_dir), "%s/config", app->data_dir);
	snprintf(app->tmp_dir, sizeof(app->tmp_dir), "%s/tmp", app->data_dir);
	snprintf(app->db_path, sizeof(app->db_path), "%s/config/monkey.db", app->data_dir);
	snprintf(app->tls_dir, sizeof(app->tls_dir), "%s/config/tls", app->data_dir);
	return 0;
}

static int http(struct cm_app *app, struct cm_err *err)
{
	uint8_t addr[16];
	uint64_t workers, rate, logins;
	int rc = text(app->bind, sizeof(app->bind), "CM_BIND", "127.0.0.1", err);

	if (rc == 0 && inet_pton(AF_INET, app->bind, addr) != 1 && inet_pton(AF_INET6, app->bind, addr) != 1)
		rc = cm_err_set(err, CM_EINVAL, "CM_BIND is \"%s\"; it must be an IP address, such as 0.0.0.0.",
				app->bind);
	if (rc == 0)
		rc = port(&app->port, env("CM_PORT") ? "CM_PORT" : "FLASK_PORT", 1066, err);
	if (rc == 0)
		rc = number(&workers, "CM_WORKERS", 2, 1, 64, err);
	if (rc == 0)
		rc = number(&rate, "CM_RATE_LIMIT", 600, 0, 1000000, err);
	if (rc == 0)
		rc = number(&logins, "CM_LOGIN_LIMIT", 5, 0, 1000000, err);
	if (rc != 0)
		return rc;
	app->workers = (unsigned)workers;
	app->rate_limit = (unsigned)rate;
	app->login_limit = (unsigned)logins;
	return 0;
}

static int admin_password(struct cm_err *err)
{
	const char *password = env("CM_ADMIN_PASSWORD");

	if (password == NULL || cm_password_check(password, err) == 0)
		return 0;
	return cm_err_prefix(err, "CM_ADMIN_PASSWORD");
}

int cm_app_init(struct cm_app *ret, struct cm_err *err)
{
	struct cm_app *app = cm_alloc(sizeof(*app));
	int rc = places(app, err);

	if (rc == 0)
		rc = http(app, err);
	if (rc == 0)
		rc = tls(app, err);
	if (rc == 0)
		rc = hosts(app, err);
	if (rc == 0)
		rc = proxies(app, err);
	if (rc == 0)
		rc = docker(app, err);
	if (rc == 0)
		rc = admin_password(err);
	if (rc == 0) {
		/* The helper program is set by main.c: it is linked into the program alone. */
		app->helper_elf = ret->helper_elf;
		app->helper_elf_len = ret->helper_elf_len;
		*ret = *app;
	}
	free(app);
	return rc;
}
