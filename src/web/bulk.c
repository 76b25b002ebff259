/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/bulk.h"

#include <stdio.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "web/form.h"
#include "web/reply.h"
#include "web/view.h"

struct outcome {
	struct json_object *results, *errors;
	int64_t done;
	char *only; /* the name of the one that was done, as long as it is the only one */
};

static bool named_before(const struct cm_form *form, const char *field, const char *id)
{
	const char *other;
	size_t pos = 0;

	while ((other = cm_form_each(form, field, &pos)) != NULL && other != id) {
		if (cm_str_eq(other, id))
			return true;
	}
	return false;
}

static void do_one(struct cm_request *rq, const struct cm_bulk *bulk, const char *id, struct outcome *out)
{
	struct json_object *o = json_object_new_object();
	cm_autofree char *name = NULL;
	struct cm_err why = { 0 };
	int rc = bulk->act(rq, id, bulk->ctx, &name, &why);

	cm_json_set_str(o, "id", id);
	cm_json_set_str(o, "name", name ? name : id);
	cm_json_set_bool(o, "success", rc == 0);
	cm_json_set_str(o, "error", rc < 0 ? why.text : NULL);
	cm_json_set_str(o, "code", rc < 0 ? cm_err_word(rc) : NULL);
	json_object_array_add(out->results, o);
	if (rc < 0) {
		cm_json_add_str(out->errors, why.text);
		return;
	}
	free(out->only);
	out->only = out->done++ == 0 ? cm_strdup(name ? name : id) : NULL;
}

static void say_errors(struct cm_request *rq, struct cm_reply *rp, const struct outcome *out)
{
	size_t count = cm_json_len(out->errors);

	for (size_t i = 0; i < count && i < CM_BULK_ERRORS_SHOWN; i++)
		cm_reply_flash(rq, rp, "error", "%s",
			       json_object_get_string(json_object_array_get_idx(out->errors, i)));
	if (count > CM_BULK_ERRORS_SHOWN)
		cm_reply_flash(rq, rp, "error", "%zu more failed.", count - CM_BULK_ERRORS_SHOWN);
}

static void reply_page(struct cm_request *rq, struct cm_reply *rp, const struct cm_bulk *bulk, struct outcome *out)
{
	char count[96];

	say_errors(rq, rp, out);
	cm_count_text(count, out->done, bulk->one, bulk->many);
	if (out->done == 0)
		cm_reply_redirect(rp, bulk->back);
	else if (out->only != NULL)
		cm_reply_done(rq, rp, bulk->back, NULL, "%s: %s", out->only, bulk->done);
	else
		cm_reply_done(rq, rp, bulk->back, NULL, "%s %s", count, bulk->done);
}

static void reply_api(struct cm_request *rq, struct cm_reply *rp, const struct cm_bulk *bulk, struct outcome *out,
		      struct json_object *answer)
{
	size_t failed = cm_json_len(out->errors);
	char count[96];

	cm_count_text(count, out->done, bulk->one, bulk->many);
	cm_json_set_bool(answer, "success", out->done > 0);
	cm_json_set_int(answer, "done_count", out->done);
	cm_json_set(answer, "results", json_object_get(out->results));
	cm_json_set(answer, "errors", failed > 0 ? json_object_get(out->errors) : NULL);
	if (failed > 0)
		cm_reply_done(rq, rp, bulk->back, answer, "%s %s, %zu failed", count, bulk->done, failed);
	else
		cm_reply_done(rq, rp, bulk->back, answer, "%s %s", count, bulk->done);
}

int cm_bulk_run(struct cm_request *rq, struct cm_reply *rp, const struct cm_bulk *bulk, struct json_object *extra,
		struct cm_err *err)
{
	struct outcome out = { .results = json_object_new_array(), .errors = json_object_new_array() };
	const char *id;
	size_t pos = 0;
	int rc = 0;

	while ((id = cm_form_each(rq->post, bulk->field, &pos)) != NULL) {
		if (!named_before(rq->post, bulk->field, id))
			do_one(rq, bulk, id, &out);
	}
	if (pos == 0 && rq->is_api) {
		rc = cm_err_set(err, CM_EINVAL, "Name at least one %s: \"%s\" is a list.", bulk->one, bulk->field);
	} else if (pos == 0) {
		cm_reply_flash(rq, rp, "error", "Select at least one %s.", bulk->one);
		cm_reply_redirect(rp, bulk->back);
	} else if (rq->is_api) {
		reply_api(rq, rp, bulk, &out, extra ? json_object_get(extra) : json_object_new_object());
	} else {
		reply_page(rq, rp, bulk, &out);
	}
	json_object_put(extra);
	json_object_put(out.results);
	json_object_put(out.errors);
	free(out.only);
	return rc;
}
