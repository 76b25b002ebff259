/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include "core/json.h"
#include "core/mem.h"
#include "web/bulk.h"
#include "web/form.h"
#include "web/view/view_confirm.h"

/* Things whose name begins with "bad" cannot be done; *ctx counts the calls. */
static int act(struct cm_request *rq, const char *id, void *ctx, char **ret_name, struct cm_err *err)
{
	(void)rq;
	++*(int *)ctx;
	if (strncmp(id, "bad", 3) == 0)
		return cm_err_set(err, CM_EINUSE, "%s is used by web: stop it first.", id);
	*ret_name = cm_asprintf("the %s", id);
	return 0;
}

/* Asked by API for these ids; the answer is of the caller, NULL after an error. */
static struct json_object *ask(const char *const *ids, int *ret_calls, int *ret_rc)
{
	struct cm_request *rq = cm_alloc(sizeof(*rq));
	struct cm_bulk bulk = { "thing", "thing", "things", "stopped", "/things", act, ret_calls };
	struct json_object *answer;
	struct cm_reply rp;

	*ret_calls = 0;
	cm_reply_init(&rp);
	rq->is_api = true;
	rq->post = cm_form_new();
	for (; *ids != NULL; ids++)
		cm_form_add(rq->post, "thing", 5, *ids, strlen(*ids), NULL);
	*ret_rc = cm_bulk_run(rq, &rp, &bulk, NULL, NULL);
	answer = json_object_get(cm_json_obj(rp.view, "data"));
	if (answer == NULL && rp.body.len > 0)
		answer = json_tokener_parse(rp.body.data);
	cm_reply_free(&rp);
	cm_request_free(rq);
	return answer;
}

TEST(bulk__each_has_its_own_result)
{
	const char *const ids[] = { "a", "bad", "b", "a", NULL };
	int calls, rc;
	cm_autojson struct json_object *answer = ask(ids, &calls, &rc);
	struct json_object *results = cm_json_arr(answer, "results"), *second = json_object_array_get_idx(results, 1);

	CHECK_INT(rc, 0);
	CHECK_INT(calls, 3); /* a is done once */
	CHECK_INT(cm_json_len(results), 3);
	CHECK_INT(cm_json_bool(answer, "success", false), true);
	CHECK_INT(cm_json_int(answer, "done_count", -1), 2);
	CHECK_STR(cm_json_str(answer, "message", ""), "2 things stopped, 1 failed");
	CHECK_STR(cm_json_str(json_object_array_get_idx(results, 0), "name", ""), "the a");
	CHECK_INT(cm_json_bool(second, "success", true), false);
	CHECK_STR(cm_json_str(second, "code", ""), "IN_USE");
	CHECK_STR(cm_json_str(second, "error", ""), "bad is used by web: stop it first.");
	CHECK_INT(cm_json_len(cm_json_arr(answer, "errors")), 1);
}

TEST(bulk__nothing_done_is_no_success)
{
	const char *const ids[] = { "bad1", "bad2", NULL };
	int calls, rc;
	cm_autojson struct json_object *answer = ask(ids, &calls, &rc);

	CHECK_INT(rc, 0);
	CHECK_INT(cm_json_bool(answer, "success", true), false);
	CHECK_STR(cm_json_str(answer, "message", ""), "0 things stopped, 2 failed");
}

TEST(bulk__none_named)
{
	const char *const ids[] = { NULL };
	int calls, rc;
	cm_autojson struct json_object *answer = ask(ids, &calls, &rc);

	CHECK_INT(rc, CM_EINVAL);
	CHECK_INT(calls, 0);
}

TEST(confirm__what_was_added_is_in_it)
{
	struct cm_confirm c = { .title = "Delete 2 things?",
				.button = "Delete",
				.action = "/things/delete",
				.back = "/things",
				.back_text = "Keep them",
				.parent = "/things",
				.parent_text = "Things" };
	struct json_object *data;
	struct cm_reply rp;

	cm_reply_init(&rp);
	cm_view_confirm(&rp, &c);
	cm_view_confirm_warning(&rp, "It is in no backup.");
	cm_view_confirm_item(&rp, "a", "A", NULL, "/thing/a");
	cm_view_confirm_kept(&rp, "B", "is used by web and stays");
	cm_view_confirm_choice(&rp, "force", "By force", NULL, true);
	data = cm_json_obj(rp.view, "data");
	CHECK_STR(cm_json_str(data, "title_text", ""), "Delete 2 things?");
	CHECK(json_object_object_get_ex(data, "lead", NULL)); /* null, but there */
	CHECK_INT(cm_json_len(cm_json_arr(data, "warnings")), 1);
	CHECK_STR(cm_json_str(json_object_array_get_idx(cm_json_arr(data, "items"), 0), "value", ""), "a");
	CHECK_STR(cm_json_str(json_object_array_get_idx(cm_json_arr(data, "kept"), 0), "text", ""),
		  "is used by web and stays");
	CHECK(cm_json_bool(json_object_array_get_idx(cm_json_arr(data, "choices"), 0), "is_ticked", false));
	cm_reply_free(&rp);
}
