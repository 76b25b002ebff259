/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine's own borders; what it renders is held against the specification and against npm's engine by
 * tests/contract/mustache.test.mjs. */
#include "test.h"

#include "core/json.h"
#include "core/mem.h"
#include "web/mustache.h"

static int add(struct cm_mustache *m, const char *name, const char *text, struct cm_err *err)
{
	return cm_mustache_add(m, name, text, strlen(text), err);
}

TEST(mustache_link__a_missing_partial_is_named_with_file_and_line)
{
	struct cm_mustache *m = cm_mustache_new();
	struct cm_err err = { 0 };

	CHECK_INT(add(m, "pages/x", "one\ntwo {{>partials/none}}", &err), 0);
	CHECK_INT(cm_mustache_link(m, true, &err), CM_ENOTFOUND);
	CHECK_STR(err.text, "pages/x:2: there is no template \"partials/none\"");
	cm_mustache_free(m);
}

TEST(mustache_add__refuses_a_second_of_equal_name)
{
	struct cm_mustache *m = cm_mustache_new();

	CHECK_INT(add(m, "x", "", NULL), 0);
	CHECK_INT(add(m, "x", "", NULL), CM_EEXIST);
	CHECK(cm_mustache_has(m, "x"));
	CHECK(!cm_mustache_has(m, "y"));
	cm_mustache_free(m);
}

TEST(mustache_render__stops_at_the_ceiling_of_its_output)
{
	struct cm_mustache *m = cm_mustache_new();
	cm_autobuf struct cm_buf out = CM_BUF_INIT(100);
	cm_autojson struct json_object *view = json_object_new_object(), *list = json_object_new_array();
	struct cm_err err = { 0 };

	for (int i = 0; i < 1000; i++)
		cm_json_add_str(list, "0123456789");
	json_object_object_add(view, "l", json_object_get(list));
	CHECK_INT(add(m, "x", "{{#l}}{{.}}{{/l}}", NULL), 0);
	CHECK_INT(cm_mustache_render(m, "x", view, &out, &err), CM_ENOTFOUND);
	CHECK_INT(cm_mustache_link(m, true, NULL), 0);
	CHECK_INT(cm_mustache_render(m, "x", view, &out, &err), CM_ETOOBIG);
	CHECK_INT(cm_mustache_render(m, "y", view, &out, &err), CM_ENOTFOUND);
	cm_mustache_free(m);
}

TEST(mustache_render__no_view_is_an_empty_one)
{
	struct cm_mustache *m = cm_mustache_new();
	cm_autobuf struct cm_buf out = CM_BUF_INIT(100);

	CHECK_INT(add(m, "x", "[{{a.b}}{{.}}{{#c}}x{{/c}}{{^c}}y{{/c}}]", NULL), 0);
	CHECK_INT(cm_mustache_link(m, true, NULL), 0);
	CHECK_INT(cm_mustache_render(m, "x", NULL, &out, NULL), 0);
	CHECK_STR(out.data, "[y]");
	cm_mustache_free(m);
}

TEST(mustache_render__escapes_all_five)
{
	struct cm_mustache *m = cm_mustache_new();
	cm_autobuf struct cm_buf out = CM_BUF_INIT(100);
	cm_autojson struct json_object *view = json_object_new_string("<a href='x' title=\"&\">");

	CHECK_INT(add(m, "x", "{{.}}", NULL), 0);
	CHECK_INT(cm_mustache_link(m, true, NULL), 0);
	CHECK_INT(cm_mustache_render(m, "x", view, &out, NULL), 0);
	CHECK_STR(out.data, "&lt;a href=&#39;x&#39; title=&quot;&amp;&quot;&gt;");
	cm_mustache_free(m);
}
