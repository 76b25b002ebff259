/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include "core/json.h"
#include "core/mem.h"
#include "web/form.h"
#include "web/view.h"

static const char *const columns[] = { "-created", "name", "-size", NULL };

static struct cm_request *ask(const char *path, const char *query)
{
	struct cm_request *rq = cm_alloc(sizeof(*rq));

	rq->path = cm_strdup(path);
	rq->get = cm_form_new();
	if (cm_form_parse_urlencoded(rq->get, query, strlen(query), NULL) != 0)
		abort();
	return rq;
}

TEST(view_values__texts_beside_numbers)
{
	cm_autojson struct json_object *o = json_object_new_object();
	int64_t now = 1795373112000;

	cm_view_size(o, "size", 1536);
	CHECK_INT(cm_json_int(o, "size", 0), 1536);
	CHECK_STR(cm_json_str(o, "size_text", ""), "1.5 KB");
	cm_view_size(o, "free", -1);
	CHECK(cm_json_get(o, "free") == NULL);
	CHECK_STR(cm_json_str(o, "free_text", ""), "unknown");
	cm_view_time(o, "created", now - 180000, now);
	CHECK_STR(cm_json_str(o, "created_at", ""), "2026-11-22T18:42:12.000Z");
	CHECK_STR(cm_json_str(o, "created_text", ""), "3 minutes ago");
	CHECK_STR(cm_json_str(o, "created_title", ""), "22 November 2026, 18:42:12 UTC");
	cm_view_time(o, "verified", 0, now);
	CHECK(json_object_object_get_ex(o, "verified_text", NULL));
	CHECK(cm_json_get(o, "verified_text") == NULL);
	cm_view_is(o, "running", "running", "queued", NULL);
	CHECK(cm_json_bool(o, "is_running", false));
	CHECK(!cm_json_bool(o, "is_queued", true));
	cm_view_url(o, "url", "/backup/%s/files?path=%s", "a b", "/x&y");
	CHECK_STR(cm_json_str(o, "url", ""), "/backup/a%20b/files?path=%2Fx%26y");
}

TEST(view_count__groups_digits)
{
	char text[96];

	cm_count_text(text, 1, "backup", "backups");
	CHECK_STR(text, "1 backup");
	cm_count_text(text, 1204, "backup", "backups");
	CHECK_STR(text, "1,204 backups");
	cm_count_text(text, 1000000, "backup", "backups");
	CHECK_STR(text, "1,000,000 backups");
	cm_count_text(text, -123456, "x", "x");
	CHECK_STR(text, "-123,456 x");
}

TEST(list_parse__checks_every_field)
{
	static const char *const wrong[] = { "sort=evil", "sort=-", "limit=0", "limit=501", "limit=x", "offset=-1" };
	struct cm_request *rq = ask("/x", "q=web&sort=-name&limit=10&offset=20");
	struct cm_list list;
	struct cm_err err;

	CHECK_INT(cm_list_parse(rq, columns, 50, 500, &list, &err), 0);
	CHECK_STR(list.q, "web");
	CHECK_STR(list.sort, "-name");
	CHECK_INT(list.limit, 10);
	CHECK_INT(list.offset, 20);
	cm_request_free(rq);
	rq = ask("/x", "");
	CHECK_INT(cm_list_parse(rq, columns, 50, 500, &list, &err), 0);
	CHECK_STR(list.sort, "-created");
	CHECK_INT(list.limit, 50);
	cm_request_free(rq);
	for (size_t i = 0; i < CM_COUNT(wrong); i++) {
		rq = ask("/x", wrong[i]);
		CHECK_INT(cm_list_parse(rq, columns, 50, 500, &list, &err), CM_EINVAL);
		cm_request_free(rq);
	}
}

TEST(view_href__sets_one_field_and_keeps_the_others)
{
	struct cm_request *rq = ask("/vault", "q=a%26b&offset=50&type=&sort=name");
	cm_autofree char *set = cm_view_href(rq, "sort", "-size"), *removed = cm_view_href(rq, "q", NULL),
			 *added = cm_view_href(rq, "type", "network");

	CHECK_STR(set, "/vault?q=a%26b&sort=-size");
	CHECK_STR(removed, "/vault?sort=name");
	CHECK_STR(added, "/vault?q=a%26b&sort=name&type=network");
	cm_request_free(rq);
}

TEST(view_list__sort_and_pager)
{
	cm_autojson struct json_object *data = json_object_new_object();
	struct cm_request *rq = ask("/vault", "limit=10&offset=10");
	struct cm_list list;

	CHECK_INT(cm_list_parse(rq, columns, 50, 500, &list, NULL), 0);
	cm_view_list(data, rq, &list, columns, 10, 1035);
	CHECK_STR(cm_json_str_at(data, "sort.created.url", ""), "/vault?limit=10&sort=created");
	CHECK_STR(cm_json_str_at(data, "sort.created.aria", ""), "descending");
	CHECK_STR(cm_json_str_at(data, "sort.size.url", ""), "/vault?limit=10&sort=-size");
	CHECK_STR(cm_json_str_at(data, "sort.size.aria", ""), "none");
	CHECK_STR(cm_json_str_at(data, "pager.range_text", ""), "11–20 of 1,035");
	CHECK_STR(cm_json_str_at(data, "pager.page_text", ""), "Page 2 of 104");
	CHECK_STR(cm_json_str_at(data, "pager.first_url", ""), "/vault?limit=10");
	CHECK_STR(cm_json_str_at(data, "pager.prev_url", ""), "/vault?limit=10");
	CHECK_STR(cm_json_str_at(data, "pager.next_url", ""), "/vault?limit=10&offset=20");
	CHECK_STR(cm_json_str_at(data, "pager.last_url", ""), "/vault?limit=10&offset=1030");
	CHECK_INT(cm_json_len(cm_json_arr(data, "keep")), 1);
	CHECK_INT(cm_json_int(data, "total", 0), 1035);
	cm_request_free(rq);
}

TEST(view_list__one_page)
{
	cm_autojson struct json_object *data = json_object_new_object();
	struct cm_request *rq = ask("/vault", "");
	struct cm_list list;

	CHECK_INT(cm_list_parse(rq, NULL, 50, 500, &list, NULL), 0);
	cm_view_list(data, rq, &list, NULL, 0, 0);
	CHECK(!cm_json_bool(cm_json_obj(data, "pager"), "has_pages", true));
	CHECK(cm_json_str_at(data, "pager.range_text", NULL) == NULL);
	CHECK_STR(cm_json_str_at(data, "pager.page_text", ""), "Page 1 of 1");
	CHECK(cm_json_at(data, "pager.next_url") == NULL);
	cm_request_free(rq);
}
