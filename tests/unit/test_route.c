/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include "core/mem.h"
#include "core/str.h"
#include "web/route.h"

static const char *found(enum cm_method method, const char *path)
{
	static struct cm_match m;

	cm_match_release(&m);
	if (cm_route_match(method, path, &m, NULL) != 0)
		return "bad";
	return m.route != NULL ? m.route->id : m.allowed != 0 ? "405" : "404";
}

TEST(route_match__words_win_over_captures)
{
	CHECK_STR(found(CM_GET, "/"), "dashboard");
	CHECK_STR(found(CM_GET, "/api/backup/status"), "backup_status");
	CHECK_STR(found(CM_GET, "/api/backup/x/preview"), "backup_show");
	CHECK_STR(found(CM_POST, "/api/backup/status"), "backup_start");
	CHECK_STR(found(CM_DELETE, "/api/backup/x"), "backup_delete");
	CHECK_STR(found(CM_GET, "/vault"), "vault");
	CHECK_STR(found(CM_HEAD, "/api/backups"), "vault");
}

TEST(route_match__unknown_paths_and_methods)
{
	struct cm_match m;

	CHECK_STR(found(CM_GET, "/nothing"), "404");
	CHECK_STR(found(CM_GET, "/vault/"), "404");
	CHECK_STR(found(CM_GET, "/api/jobs/"), "404");
	CHECK_STR(found(CM_GET, "/backup/a/b"), "404");
	CHECK_STR(found(CM_GET, ""), "404");
	CHECK_STR(found(CM_PUT, "/vault"), "405");
	CHECK_INT(cm_route_match(CM_PUT, "/login", &m, NULL), 0);
	CHECK(m.route == NULL);
	CHECK_INT(m.allowed, 1u << CM_GET | 1u << CM_POST);
	CHECK(!m.is_api);
	CHECK_INT(cm_route_match(CM_GET, "/api/no", &m, NULL), 0);
	CHECK(m.is_api);
	CHECK_INT(m.allowed, 0);
}

TEST(route_match__captures_are_decoded)
{
	struct cm_match m;

	CHECK_INT(cm_route_match(CM_GET, "/backup/a%2Fb%20%C3%BC.tar.gz/files", &m, NULL), 0);
	CHECK_STR(m.route->id, "backup_files");
	CHECK_STR(m.params[0], "a/b ü.tar.gz");
	CHECK(m.params[1] == NULL);
	cm_match_release(&m);
	CHECK_STR(found(CM_GET, "/backup/a%00"), "bad");
	CHECK_STR(found(CM_GET, "/backup/a%zz"), "bad");
	CHECK_STR(found(CM_GET, "/backup/a%ff"), "bad");
	CHECK_STR(found(CM_GET, "/backup/a+b"), "backup_show");
	found(CM_GET, "/");
}

/* What the rest relies on, over every row. */
TEST(routes__every_row_is_complete)
{
	for (size_t i = 0; i < CM_ROUTE_COUNT; i++) {
		const struct cm_route *r = &cm_routes[i];
		const char *problem = NULL;

		if (r->handler == NULL || r->summary == NULL || r->id == NULL)
			problem = "has no handler or no summary";
		else if (r->page == NULL && r->api == NULL)
			problem = "has no path";
		else if (r->api != NULL && !cm_str_has_prefix(r->api, "/api/"))
			problem = "has an API path outside /api/";
		else if (r->page != NULL && r->method != CM_GET && r->method != CM_POST)
			problem = "has a page that no form can reach";
		else if (r->template != NULL && r->title == NULL)
			problem = "has a template but no title";
		else if (r->page != NULL && r->method == CM_GET && r->template == NULL && !(r->flags & CM_R_RAW))
			problem = "shows a page but has no template";
		else if ((r->flags & CM_R_NO_CSRF) && (r->method != CM_POST || r->role != CM_ROLE_NONE))
			problem = "asks for no token but has something to protect";
		for (size_t j = 0; j < i && problem == NULL; j++) {
			const struct cm_route *o = &cm_routes[j];

			if (o->method == r->method && ((r->page != NULL && cm_str_eq(o->page, r->page)) ||
						       (r->api != NULL && cm_str_eq(o->api, r->api))))
				problem = "has the path of another row";
		}
		if (problem != NULL)
			printf("# row %s %s\n", r->id, problem);
		CHECK(problem == NULL);
	}
}
