/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/app.h"

#include <stdarg.h>

#include "test.h"

static struct cm_app app;
static struct cm_err err;

/* name, value, name, value, …, NULL over an empty environment. */
static int init(const char *name, ...)
{
	va_list ap;

	clearenv();
	va_start(ap, name);
	for (; name != NULL; name = va_arg(ap, const char *))
		setenv(name, va_arg(ap, const char *), 1);
	va_end(ap);
	memset(&app, 0, sizeof(app));
	memset(&err, 0, sizeof(err));
	return cm_app_init(&app, &err);
}

TEST(app_init__has_defaults)
{
	CHECK_INT(init(NULL), 0);
	CHECK_INT(app.port, 1066);
	CHECK_STR(app.bind, "127.0.0.1");
	CHECK_STR(app.tls, "off");
	CHECK_INT(app.workers, 2);
	CHECK_STR(app.docker_host, "unix:///var/run/docker.sock");
	CHECK(app.data_dir[0] == '/' && strstr(app.data_dir, "/data") != NULL);
}

TEST(app_init__places_lie_in_the_data_folder)
{
	CHECK_INT(init("CM_DATA", "/backups/", NULL), 0);
	CHECK_STR(app.data_dir, "/backups");
	CHECK_STR(app.db_path, "/backups/config/monkey.db");
	CHECK_STR(app.backups_dir, "/backups/backups");
}

TEST(app_init__old_port_setting_comes_second)
{
	CHECK_INT(init("FLASK_PORT", "8000", NULL), 0);
	CHECK_INT(app.port, 8000);
	CHECK_INT(init("FLASK_PORT", "8000", "CM_PORT", "9000", NULL), 0);
	CHECK_INT(app.port, 9000);
}

TEST(app_init__localhost_is_an_address)
{
	CHECK_INT(init("CM_BIND", "localhost", NULL), 0);
	CHECK_STR(app.bind, "127.0.0.1");
}

TEST(app_init__paths_become_absolute_and_plain)
{
	CHECK_INT(init("CM_DATA", "/a//b/./c/", NULL), 0);
	CHECK_STR(app.data_dir, "/a/b/c");
	CHECK_INT(init("CM_DATA", "/", NULL), CM_EINVAL);
	CHECK_INT(init("CM_DATA", "/etc/passwd", NULL), CM_EINVAL);
}

TEST(app_init__tls_needs_files_and_a_port_of_its_own)
{
	CHECK_INT(init("CM_TLS", "self", "CM_PORT", "1067", NULL), CM_EINVAL);
	CHECK(strstr(err.text, "CM_TLS_PORT") != NULL);
	CHECK_INT(init("CM_TLS", "files", "CM_TLS_CERT", "/etc/passwd", NULL), CM_EINVAL);
	CHECK(strstr(err.text, "CM_TLS_KEY") != NULL);
	CHECK_INT(init("CM_TLS", "files", "CM_TLS_CERT", "/etc/passwd", "CM_TLS_KEY", "/etc/group", NULL), 0);
	CHECK_STR(app.tls_key, "/etc/group");
}

TEST(app_init__takes_the_docker_context)
{
	char dir[] = "/tmp/cm-app-XXXXXX", path[512], command[1024];

	CHECK(mkdtemp(dir) != NULL);
	/* The SHA-256 of "far". */
	snprintf(
	    command, sizeof(command),
	    "mkdir -p %s/contexts/meta/$(printf far | sha256sum | cut -c1-64) && cd %s && "
	    "echo '{\"currentContext\":\"far\"}' >config.json && echo '{\"Name\":\"far\",\"Endpoints\":{\"docker\":"
	    "{\"Host\":\"tcp://192.0.2.7:2375\"}}}' >m && mv m $(echo contexts/meta/*)/meta.json",
	    dir, dir);
	CHECK_INT(system(command), 0);
	CHECK_INT(init("DOCKER_CONFIG", dir, NULL), 0);
	CHECK_STR(app.docker_host, "tcp://192.0.2.7:2375");
	CHECK_INT(init("DOCKER_CONFIG", dir, "DOCKER_HOST", "unix:///run/x.sock", NULL), 0);
	CHECK_STR(app.docker_host, "unix:///run/x.sock");
	CHECK_INT(init("DOCKER_CONFIG", dir, "DOCKER_CONTEXT", "default", NULL), 0);
	CHECK_STR(app.docker_host, "unix:///var/run/docker.sock");
	CHECK_INT(init("DOCKER_CONFIG", dir, "DOCKER_CONTEXT", "unknown", NULL), CM_EINVAL);
	CHECK(strstr(err.text, "unknown") != NULL);
	snprintf(path, sizeof(path), "rm -rf %s", dir);
	CHECK_INT(system(path), 0);
}

TEST(app_init__engine_address_has_an_order)
{
	CHECK_INT(init("DOCKER_API_URL", "http://10.0.0.1:2375", NULL), 0);
	CHECK_STR(app.docker_host, "http://10.0.0.1:2375");
	CHECK_INT(init("DOCKER_API_URL", "http://10.0.0.1:2375", "DOCKER_HOST", "tcp://h:1", NULL), 0);
	CHECK_STR(app.docker_host, "tcp://h:1");
}

TEST(app_init__takes_lists)
{
	CHECK_INT(init("CM_HOSTS", "Backup.Example, b ,", "CM_TRUSTED_PROXIES", "10.0.0.0/8,::1", NULL), 0);
	CHECK_INT(app.host_count, 2);
	CHECK_STR(app.hosts[0], "backup.example");
	CHECK_STR(app.hosts[1], "b");
	CHECK_INT(app.proxy_count, 2);
	CHECK_INT(app.proxies[0].bits, 104);
	CHECK_INT(app.proxies[1].bits, 128);
}

TEST(app_init__names_what_is_wrong)
{
	static const char *const wrong[][2] = {
		{ "CM_PORT", "0" },	      { "CM_PORT", "http" },	   { "CM_BIND", "a.name" },
		{ "CM_TLS", "on" },	      { "CM_TLS", "files" },	   { "CM_WORKERS", "0" },
		{ "CM_HOSTS", "http://x" },   { "CM_RATE_LIMIT", "-1" },   { "CM_TRUSTED_PROXIES", "10.0.0.0/33" },
		{ "DOCKER_HOST", "ssh://x" }, { "DOCKER_HOST", "tcp://" }, { "CM_ADMIN_PASSWORD", "short" },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK_INT(init(wrong[i][0], wrong[i][1], NULL), CM_EINVAL);
		CHECK(strstr(err.text, wrong[i][0]) != NULL || strcmp(wrong[i][1], "files") == 0);
		CHECK_INT(app.port, 0);
	}
}
