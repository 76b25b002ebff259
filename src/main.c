/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The program: reads the settings, puts folders, keys, database and certificate in order, and serves. What happens in
 * here happens in the parent, once, before any worker exists; the order of prepare() matters and says why.
 */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/env.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/secret.h"
#include "core/str.h"
#include "db/db.h"
#include "jobs/runner.h"
#include "service/database.h"
#include "service/engine.h"
#include "service/engine_events.h"
#include "service/stats_board.h"
#include "service/user.h"
#include "vault/adopt.h"
#include "web/kore_health.h"
#include "web/kore_server.h"
#include "web/kore_tls.h"

static struct cm_app app;

static int usage(FILE *out, int status)
{
	fputs("Usage: container-monkey [-c FILE]\n"
	      "Serves the pages; settings come from the environment (conf/container-monkey.env.example).\n\n"
	      "  -c FILE     limits of the server from FILE instead of those built in (kore.conf)\n"
	      "  --health    asks the program that runs with these settings; status 0 when it answers\n"
	      "  --version   prints the version\n"
	      "  --help      prints this\n",
	      out);
	return status;
}

static int complain(const struct cm_err *err)
{
	fprintf(stderr, "container-monkey: %s\n", err->text);
	if (err->detail[0] != '\0')
		cm_error("main", "%s", err->detail);
	return 1;
}

static int prepare_user(struct cm_err *err)
{
	const char *password = cm_env("CM_ADMIN_PASSWORD");
	bool made;
	int rc = cm_user_first(password, &made, err);

	if (rc != 0)
		return rc;
	if (made && password == NULL)
		cm_warn("main", "first login: user %s with the default password; change it", CM_USER_DEFAULT_NAME);
	else if (made)
		cm_info("main", "first login: user %s with the password of CM_ADMIN_PASSWORD", CM_USER_DEFAULT_NAME);
	unsetenv("CM_ADMIN_PASSWORD");
	return 0;
}

static int prepare_tls(struct cm_err *err)
{
	if (strcmp(app.tls, "files") == 0) {
		cm_str_copy(cm_server.tls_cert, sizeof(cm_server.tls_cert), app.tls_cert);
		cm_str_copy(cm_server.tls_key, sizeof(cm_server.tls_key), app.tls_key);
		return 0;
	}
	if (strcmp(app.tls, "self") != 0)
		return 0;
	snprintf(cm_server.tls_cert, sizeof(cm_server.tls_cert), "%s/self.crt", app.tls_dir);
	snprintf(cm_server.tls_key, sizeof(cm_server.tls_key), "%s/self.key", app.tls_dir);
	return cm_tls_self_signed(&app, err);
}

static int prepare(struct cm_err *err)
{
	char key_path[sizeof(app.config_dir) + 32];
	struct cm_adopt_result adopted;
	int rc;

	cm_server.app = &app;
	cm_identity_choose(&app, &cm_server.identity);
	if (cm_server.identity.note[0] != '\0')
		cm_warn("main", "%s", cm_server.identity.note);
	/* Folders first, with their owner: what is made in them later takes that owner. */
	if ((rc = cm_identity_folders(&app, &cm_server.identity, err)) != 0)
		return rc;
	/* Files of older layouts find their places before anything new could take their names. */
	if ((rc = cm_vault_adopt_old_layout(app.data_dir, app.backups_dir, app.config_dir, &adopted, err)) != 0)
		return rc;
	if (adopted.moved > 0 && (rc = cm_identity_folders(&app, &cm_server.identity, err)) != 0)
		return rc;
	snprintf(key_path, sizeof(key_path), "%s/encryption.key", app.config_dir);
	if ((rc = cm_secret_init(err)) != 0 || (rc = cm_master_key_load(key_path, err)) != 0)
		return rc;
	if ((rc = cm_database_open(&app, err)) != 0 || (rc = cm_runner_prepare(&app, err)) != 0 ||
	    (rc = prepare_user(err)) != 0)
		return rc;
	if ((rc = cm_engine_share(err)) != 0 || (rc = cm_stats_share(err)) != 0 || (rc = cm_events_share(err)) != 0)
		return rc;
	cm_db_close_thread(); /* a connection must not cross fork() */
	if ((rc = prepare_tls(err)) != 0)
		return rc;
	/* The database was opened as root: what that left beside it belongs to the workers, too. */
	if ((rc = cm_identity_folders(&app, &cm_server.identity, err)) != 0)
		return rc;
	return cm_web_new(&app, &cm_embedded, &cm_server.web, err);
}

int main(int argc, char **argv)
{
	struct cm_err err = { 0 };
	bool health = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return usage(stdout, 0);
		if (strcmp(argv[i], "--version") == 0) {
			puts("container-monkey " CM_VERSION);
			return 0;
		}
		if (strcmp(argv[i], "--health") == 0)
			health = true;
		else if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
			cm_server.conf = argv[++i];
		else
			return usage(stderr, 2);
	}
	/* Many short-lived threads: two heaps are enough. What a page needs stays with them while pages are asked for,
	 * a worker without work gives it back; what is larger goes back at once. */
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_TRIM_THRESHOLD, 4 << 20);
	mallopt(M_MMAP_THRESHOLD, 256 * 1024);
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	if (cm_app_init(&app, &err) != 0)
		return complain(&err);
	if (health)
		return cm_health_check(&app);
	app.helper_elf = cm_helper_elf;
	app.helper_elf_len = cm_helper_elf_len;
	if (prepare(&err) != 0)
		return complain(&err);
	return cm_server_run(argv);
}
