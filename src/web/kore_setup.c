/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/kore_server.h"

#include <kore/hooks.h>
#include <kore/tasks.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "core/file.h"
#include "kore_conf.h" /* made from kore.conf at build */
#include "core/log.h"
#include "core/mem.h"
#include "web/kore_stream.h"
#include "web/route.h"

struct cm_server cm_server;

enum { MAX_FILES = 8192 };

/* Kore's own lines in our log: what it calls a notice is about workers that end. */
static void log_line(int priority, const char *line)
{
	if (strncmp(line, "[parent]: ", 10) == 0)
		line += 10;
	if (priority <= LOG_ERR)
		cm_error("server", "%s", line);
	else if (priority == LOG_WARNING)
		cm_warn("server", "%s", line);
	else if (priority == LOG_NOTICE)
		cm_info("server", "%s", line);
	else
		cm_debug("server", "%s", line);
}

static void fail(const char *sentence)
{
	fprintf(stderr, "container-monkey: %s\n", sentence);
	exit(1);
}

/* One handler for everything: the table of routes (routes.def) is looked up in the task, where a page can answer 404
 * and 405. Kore's part is what it can refuse before a body is read. */
static void add_domain(struct kore_server *server, bool tls)
{
	struct kore_domain *domain = kore_domain_new("*");
	struct kore_route *route;

	if (tls) {
		domain->certfile = kore_strdup(cm_server.tls_cert);
		domain->certkey = kore_strdup(cm_server.tls_key);
	}
	if (!kore_domain_attach(domain, server))
		fail("The server could not be set up");
	route = kore_route_create(domain, "^/", HANDLER_TYPE_DYNAMIC);
	if (route == NULL)
		fail("The server could not be set up");
	kore_route_callback(route, "cm_kore_request");
	route->on_headers = kore_runtime_getcall("cm_kore_headers");
	route->on_free = kore_runtime_getcall("cm_kore_free");
	if (route->on_headers == NULL || route->on_free == NULL)
		fail("The program was linked without its symbols (-rdynamic)");
}

static void add_server(const char *name, uint16_t port, bool tls)
{
	struct kore_server *server = kore_server_create(name);
	char text[16], sentence[256];

	server->tls = tls;
	snprintf(text, sizeof(text), "%u", port);
	errno = 0;
	if (!kore_server_bind(server, cm_server.app->bind, text, NULL)) {
		snprintf(sentence, sizeof(sentence),
			 "%s port %u cannot be opened (%s): is something else running there? Choose another with %s",
			 cm_server.app->bind, port, strerror(errno), tls ? "CM_TLS_PORT" : "CM_PORT");
		fail(sentence);
	}
	add_domain(server, tls);
}

/* Long bodies go to a file. Kore keeps 256 bytes for its name. */
static void offload_bodies(void)
{
	http_body_max = CM_BODY_LIMIT;
	if (strlen(cm_server.app->tmp_dir) + sizeof("/http_body.XXXXXX") > HTTP_BODY_PATH_MAX) {
		cm_warn("server", "CM_DATA is such a long path that uploads of more than 1 MB are refused");
		return;
	}
	http_body_max = cm_web_body_limit_max();
	http_body_disk_offload = CM_BODY_LIMIT;
	http_body_disk_path = kore_strdup(cm_server.app->tmp_dir);
}

/* Kore calls this in the parent, after its configuration file, before workers. */
void kore_parent_configure(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	worker_count = (u_int8_t)cm_server.app->workers;
	offload_bodies();
	add_server("http", cm_server.app->port, false);
	if (cm_server.tls_cert[0] != '\0')
		add_server("https", cm_server.app->tls_port, true);
}

/* Kore reads its configuration from a file. */
static void offer_conf(void)
{
	char path[64];
	int fd;

	if (cm_server.conf != NULL) {
		if (access(cm_server.conf, R_OK) != 0)
			fail("The file after -c is not readable");
		config_file = strdup(cm_server.conf);
		return;
	}
	fd = memfd_create("kore.conf", 0);
	if (fd < 0 || cm_fd_write_all(fd, cm_kore_conf, sizeof(cm_kore_conf) - 1) != 0)
		fail("The server's settings could not be handed over (memfd_create)");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	config_file = strdup(path);
}

static void set_privileges(void)
{
	const struct cm_identity *id = &cm_server.identity;
	char text[32];

	snprintf(text, sizeof(text), "%u:%u", (unsigned)id->uid, (unsigned)id->gid);
	worker_privsep.root = strdup("/");
	worker_privsep.runas = strdup(text);
	worker_privsep.skip_chroot = 1;
	worker_privsep.skip_runas = !id->change;
	keymgr_privsep.skip_chroot = 1;
	/* The key manager only reads keys and signs, under a filter of 40 system calls. For certificates of others it
	 * stays root when we are: such keys are root's alone, and so they stay out of the workers' reach. */
	keymgr_privsep.skip_runas = !id->change || strcmp(cm_server.app->tls, "files") == 0;
}

static void limit_files(void)
{
	struct rlimit rl;

	/* Kore asks about every possible descriptor in each process: where containers allow a billion, for minutes. */
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max < MAX_FILES ? rl.rlim_max : MAX_FILES;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
}

int cm_server_run(char **argv)
{
	limit_files();
	offer_conf();
	set_privileges();
	kore_foreground = 1;
	kore_quiet = 1;
	kore_log_sink = log_line;
	/* One argument: options are ours, but the array must be the real one, Kore writes titles over it. */
	return kore_main(1, argv) == KORE_QUIT_NORMAL ? 0 : 1;
}
