/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/app.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/env.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/app_docker.h"
#include "service/password.h"

/* An absolute path without "." parts, doubled or trailing slashes; ".." stays, it may lead through a link. */
static int absolute_path(const char *name, const char *path, char *dst, size_t size, struct cm_err *err)
{
	char cwd[PATH_MAX] = "", all[2 * PATH_MAX];
	size_t n = 0;

	if (path[0] != '/' && getcwd(cwd, sizeof(cwd)) == NULL)
		return cm_err_set(err, CM_EINVAL, "%s: the current folder is not readable, give an absolute path",
				  name);
	snprintf(all, sizeof(all), "%s/%s", cwd, path);
	for (const char *p = all; *p != '\0';) {
		size_t part;

		p += strspn(p, "/");
		part = strcspn(p, "/");
		if (part > 0 && !(part == 1 && *p == '.')) {
			if (n + part + 2 > size)
				return cm_err_set(err, CM_EINVAL, "%s is too long: at most %zu bytes", name, size - 1);
			dst[n++] = '/';
			memcpy(dst + n, p, part);
			n += part;
		}
		p += part;
	}
	dst[n] = '\0';
	if (n == 0)
		return cm_err_set(err, CM_EINVAL, "%s is \"/\": give a folder of its own", name);
	return 0;
}

static int init_data(struct cm_app *app, struct cm_err *err)
{
	char given[PATH_MAX];
	struct stat st;
	int rc;

	if ((rc = cm_env_text("CM_DATA", "./data", given, sizeof(given), err)) != 0 ||
	    (rc = absolute_path("CM_DATA", given, app->data_dir, sizeof(app->data_dir), err)) != 0)
		return rc;
	if (stat(app->data_dir, &st) == 0 && !S_ISDIR(st.st_mode))
		return cm_err_set(err, CM_EINVAL, "CM_DATA is \"%s\", which is not a folder", app->data_dir);
	snprintf(app->backups_dir, sizeof(app->backups_dir), "%s/backups", app->data_dir);
	snprintf(app->config_dir, sizeof(app->config_dir), "%s/config", app->data_dir);
	snprintf(app->tmp_dir, sizeof(app->tmp_dir), "%s/tmp", app->data_dir);
	snprintf(app->db_path, sizeof(app->db_path), "%s/config/monkey.db", app->data_dir);
	snprintf(app->tls_dir, sizeof(app->tls_dir), "%s/config/tls", app->data_dir);
	return 0;
}

static int init_address(struct cm_app *app, struct cm_err *err)
{
	unsigned char addr[16];
	uint64_t port;
	int rc;

	if ((rc = cm_env_text("CM_BIND", "127.0.0.1", app->bind, sizeof(app->bind), err)) != 0)
		return rc;
	if (strcmp(app->bind, "localhost") == 0)
		cm_str_copy(app->bind, sizeof(app->bind), "127.0.0.1");
	if (inet_pton(AF_INET, app->bind, addr) != 1 && inet_pton(AF_INET6, app->bind, addr) != 1)
		return cm_err_set(err, CM_EINVAL,
				  "CM_BIND is \"%s\": give an IPv4 or IPv6 address of this machine, "
				  "0.0.0.0 for all of them",
				  app->bind);
	if ((rc = cm_env_number(cm_env("CM_PORT") != NULL ? "CM_PORT" : "FLASK_PORT", 1, 65535, 1066, &port, err)) != 0)
		return rc;
	app->port = (uint16_t)port;
	return 0;
}

static int readable_file(const char *name, const char *path, struct cm_err *err)
{
	struct stat st;

	if (path[0] == '\0')
		return cm_err_set(err, CM_EINVAL, "CM_TLS is \"files\", so %s must name a PEM file", name);
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || access(path, R_OK) != 0)
		return cm_err_set(err, CM_EINVAL, "%s is \"%s\", which is not a readable file", name, path);
	return 0;
}

static int init_tls(struct cm_app *app, struct cm_err *err)
{
	char cert[PATH_MAX], key[PATH_MAX];
	uint64_t port;
	int rc;

	if ((rc = cm_env_text("CM_TLS", "off", app->tls, sizeof(app->tls), err)) != 0 ||
	    (rc = cm_env_number("CM_TLS_PORT", 1, 65535, 1067, &port, err)) != 0 ||
	    (rc = cm_env_text("CM_TLS_CERT", "", cert, sizeof(cert), err)) != 0 ||
	    (rc = cm_env_text("CM_TLS_KEY", "", key, sizeof(key), err)) != 0)
		return rc;
	app->tls_port = (uint16_t)port;
	if (strcmp(app->tls, "off") != 0 && strcmp(app->tls, "self") != 0 && strcmp(app->tls, "files") != 0)
		return cm_err_set(err, CM_EINVAL, "CM_TLS is \"%s\": give off, self or files", app->tls);
	if (strcmp(app->tls, "off") != 0 && app->tls_port == app->port)
		return cm_err_set(err, CM_EINVAL, "CM_TLS_PORT and CM_PORT are both %u: give two ports", app->port);
	if (strcmp(app->tls, "files") != 0)
		return 0;
	if ((rc = readable_file("CM_TLS_CERT", cert, err)) != 0 || (rc = readable_file("CM_TLS_KEY", key, err)) != 0)
		return rc;
	if ((rc = absolute_path("CM_TLS_CERT", cert, app->tls_cert, sizeof(app->tls_cert), err)) != 0)
		return rc;
	return absolute_path("CM_TLS_KEY", key, app->tls_key, sizeof(app->tls_key), err);
}

static int add_host(void *ctx, const char *entry, struct cm_err *err)
{
	struct cm_app *app = ctx;

	if (app->host_count == CM_APP_MAX_LIST)
		return cm_err_set(err, CM_EINVAL, "CM_HOSTS names more than %d hosts", CM_APP_MAX_LIST);
	if (strlen(entry) >= sizeof(app->hosts[0]) || strpbrk(entry, "/ @?#\\") != NULL)
		return cm_err_set(err, CM_EINVAL, "CM_HOSTS has \"%.80s\": give host names without scheme and path",
				  entry);
	for (size_t i = 0; entry[i] != '\0'; i++)
		app->hosts[app->host_count][i] = (char)tolower((unsigned char)entry[i]);
	app->host_count++;
	return 0;
}

static int add_proxy(void *ctx, const char *entry, struct cm_err *err)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	struct cm_app *app = ctx;
	struct cm_cidr c = { { 0 }, 0 };
	char addr[64];
	const char *slash = strchr(entry, '/');
	size_t len = slash != NULL ? (size_t)(slash - entry) : strlen(entry);
	uint64_t bits = 128;
	bool v4;

	if (app->proxy_count == CM_APP_MAX_LIST)
		return cm_err_set(err, CM_EINVAL, "CM_TRUSTED_PROXIES names more than %d networks", CM_APP_MAX_LIST);
	if (len < sizeof(addr)) {
		memcpy(addr, entry, len);
		addr[len] = '\0';
		v4 = inet_pton(AF_INET, addr, c.addr + 12) == 1;
		if (v4)
			memcpy(c.addr, mapped, sizeof(mapped));
		if ((v4 || inet_pton(AF_INET6, addr, c.addr) == 1) &&
		    (slash == NULL || cm_str_u64(slash + 1, 0, v4 ? 32 : 128, &bits))) {
			c.bits = (unsigned)(v4 && slash != NULL ? bits + 96 : bits);
			app->proxies[app->proxy_count++] = c;
			return 0;
		}
	}
	return cm_err_set(
	    err, CM_EINVAL,
	    "CM_TRUSTED_PROXIES has \"%.80s\": give addresses or networks, like 10.0.0.5 or 172.16.0.0/12", entry);
}

static int init_limits(struct cm_app *app, struct cm_err *err)
{
	const char *password = cm_env("CM_ADMIN_PASSWORD");
	uint64_t workers, rate, login;
	int rc;

	if ((rc = cm_env_number("CM_WORKERS", 1, 32, 2, &workers, err)) != 0 ||
	    (rc = cm_env_number("CM_RATE_LIMIT", 0, 1000000, 600, &rate, err)) != 0 ||
	    (rc = cm_env_number("CM_LOGIN_LIMIT", 0, 1000000, 5, &login, err)) != 0)
		return rc;
	app->workers = (unsigned)workers;
	app->rate_limit = (unsigned)rate;
	app->login_limit = (unsigned)login;
	if (password != NULL && (rc = cm_password_check(password, err)) != 0) {
		cm_err_prefix(err, "CM_ADMIN_PASSWORD is too weak");
		return rc;
	}
	return 0;
}

int cm_app_init(struct cm_app *app, struct cm_err *err)
{
	cm_autofree struct cm_app *a = cm_alloc(sizeof(*a));
	int rc;

	if ((rc = init_data(a, err)) != 0 || (rc = init_address(a, err)) != 0 || (rc = init_tls(a, err)) != 0 ||
	    (rc = cm_env_list("CM_HOSTS", add_host, a, err)) != 0 ||
	    (rc = cm_env_list("CM_TRUSTED_PROXIES", add_proxy, a, err)) != 0 || (rc = init_limits(a, err)) != 0 ||
	    (rc = cm_app_docker_init(a, err)) != 0)
		return rc;
	*app = *a;
	return 0;
}
