/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests through the whole of the web side, with a real database in a folder of its own, without a server and without
 * an engine. Templates are the real ones: run from the top folder. log_in() first in each test.
 */
#ifndef CM_WEB_CLIENT_H
#define CM_WEB_CLIENT_H

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/secret.h"
#include "core/str.h"
#include "db/db.h"
#include "service/session.h"
#include "service/user.h"
#include "web/route.h"
#include "web/web.h"

static const unsigned char css[] = "body{}", css_gz[] = "gzip of it", js[] = "0", svg[] = "<svg/>";
static const struct cm_embed_file assets[] = {
	{ "app.11.css", css, 6 },     { "app.11.css.gz", css_gz, 10 }, { "app.22.js", js, 1 },
	{ "favicon.33.svg", svg, 6 }, { "icons.44.svg", svg, 6 },
};
static const struct cm_embedded embedded = { NULL, 0, assets, CM_COUNT(assets) };

static struct cm_app app;
static struct cm_web *web;
static char folder[] = "/tmp/cm-dispatch-XXXXXX";
static const char password[] = "Tests-need-a-Pass7!";
static char session[4][CM_TOKEN_LEN + 1]; /* by role */
static char csrf[4][129];
static int64_t user_id[4];

struct answer {
	struct cm_request *rq;
	struct cm_reply rp;
};

__attribute__((unused)) static const char *header(const struct answer *a, const char *name)
{
	for (size_t i = 0; i < a->rp.header_count; i++)
		if (strcmp(a->rp.headers[i].name, name) == 0)
			return a->rp.headers[i].value;
	return "";
}

__attribute__((unused)) static void release(struct answer *a)
{
	cm_reply_free(&a->rp);
	cm_request_free(a->rq);
	a->rq = NULL;
}

__attribute__((unused)) static void add_header(struct cm_request *rq, const char *name, const char *value)
{
	rq->headers[rq->header_count++] = (struct cm_header){ cm_strdup(name), cm_strdup(value) };
}

__attribute__((unused)) static struct cm_request *request(enum cm_method method, const char *url, const char *type,
							  const char *body)
{
	struct cm_request *rq = cm_alloc(sizeof(*rq));
	const char *query = strchr(url, '?');

	rq->method = method;
	rq->path = query ? cm_strndup(url, (size_t)(query - url)) : cm_strdup(url);
	rq->query = query ? cm_strdup(query + 1) : NULL;
	cm_str_copy(rq->peer, sizeof(rq->peer), "192.0.2.7");
	add_header(rq, "host", "monkey.example:1066");
	if (type != NULL)
		add_header(rq, "content-type", type);
	if (body != NULL) {
		rq->body = cm_strdup(body);
		rq->body_len = strlen(body);
	}
	return rq;
}

__attribute__((unused)) static void as(struct cm_request *rq, enum cm_role role)
{
	cm_autofree char *cookie = cm_asprintf("theme=dark; session=%s", session[role]);

	if (role != CM_ROLE_NONE)
		add_header(rq, "cookie", cookie);
}

__attribute__((unused)) static struct answer handle(struct cm_request *rq)
{
	struct answer a = { .rq = rq };

	cm_reply_init(&a.rp);
	cm_web_handle(web, rq, &a.rp);
	return a;
}

__attribute__((unused)) static struct answer get(enum cm_role role, const char *url)
{
	struct cm_request *rq = request(CM_GET, url, NULL, NULL);

	as(rq, role);
	return handle(rq);
}

__attribute__((unused)) static struct answer post(enum cm_role role, const char *url, const char *type,
						  const char *body)
{
	struct cm_request *rq = request(CM_POST, url, type, body);

	as(rq, role);
	if (role != CM_ROLE_NONE)
		add_header(rq, "x-csrftoken", csrf[role]);
	return handle(rq);
}

__attribute__((unused)) static struct json_object *json(const struct answer *a)
{
	static struct json_object *last;

	json_object_put(last);
	last = NULL;
	cm_json_parse(a->rp.body.data, a->rp.body.len, &last, NULL);
	return last;
}

__attribute__((unused)) static const char form[] = "application/x-www-form-urlencoded";

__attribute__((unused)) static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

__attribute__((unused)) static void clean_up(void)
{
	cm_web_free(web);
	cm_db_close_thread();
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

__attribute__((unused)) static void start(void)
{
	static const char *const names[] = { NULL, "viewer", "developer", "admin" };

	if (mkdtemp(folder) == NULL)
		abort();
	atexit(clean_up);
	snprintf(app.data_dir, sizeof(app.data_dir), "%s", folder);
	snprintf(app.backups_dir, sizeof(app.backups_dir), "%s/backups", folder);
	snprintf(app.config_dir, sizeof(app.config_dir), "%s/config", folder);
	snprintf(app.tmp_dir, sizeof(app.tmp_dir), "%s/tmp", folder);
	snprintf(app.db_path, sizeof(app.db_path), "%s/config/monkey.db", folder);
	cm_str_copy(app.docker_host, sizeof(app.docker_host), "unix:///nonexistent/docker.sock");
	mkdir(app.backups_dir, 0700);
	mkdir(app.config_dir, 0700);
	mkdir(app.tmp_dir, 0700);
	setenv("CM_TEMPLATES_DIR", "templates", 1);
	if (cm_secret_init(NULL) != 0 || cm_db_migrate(app.db_path, NULL) != 0)
		abort();
	cm_db_init(app.db_path);
	for (int role = CM_ROLE_VIEWER; role <= CM_ROLE_ADMIN; role++)
		if (cm_user_create(names[role], role, password, &user_id[role], NULL) != 0)
			abort();
}

/* Sessions anew for each test: some tests end them. */
__attribute__((unused)) static void log_in(void)
{
	struct cm_err err = { 0 };

	if (web == NULL) {
		start();
		if (cm_web_new(&app, &embedded, &web, &err) != 0) {
			printf("# %s\n", err.text);
			abort();
		}
	}
	app.rate_limit = app.login_limit = 0;
	app.host_count = app.proxy_count = 0;
	for (int role = CM_ROLE_VIEWER; role <= CM_ROLE_ADMIN; role++) {
		struct cm_session s;

		if (cm_session_open(user_id[role], "192.0.2.7", NULL, session[role], &s, NULL) != 0)
			abort();
		struct answer a = get(role, "/api/auth-status");
		cm_str_copy(csrf[role], sizeof(csrf[role]), cm_json_str(json(&a), "csrf_token", ""));
		release(&a);
	}
}

#endif
