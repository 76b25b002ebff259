/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Start, stop, restart and delete of a whole stack; the delete asks first.
 */
#include <stdio.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "jobs/queue.h"
#include "service/containers.h"
#include "service/stacks.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_stacks.h"
#include "web/reply.h"
#include "web/route.h"
#include "web/view.h"
#include "web/view/view_confirm.h"
#include "web/view/view_stack.h"

enum { ERRORS_SHOWN = 5 };

static bool is_member(const struct cm_stack *s, const char *name)
{
	for (size_t i = 0; i < cm_json_len(s->containers); i++) {
		if (cm_str_eq(cm_containers_entry_name(json_object_array_get_idx(s->containers, i)), name))
			return true;
	}
	return false;
}

/* A job that holds one of its containers, or puts it back, must not be disturbed by hand. */
int cm_stack_not_at_work(const struct cm_stack *s, struct cm_err *err)
{
	struct cm_job_query q = { .only_unfinished = true, .limit = 1000 };
	struct cm_job_list list;
	int rc = cm_queue_list(&q, &list, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < list.count; i++) {
		const struct cm_job *job = &list.jobs[i];

		if (job->state != CM_JOB_STARTING && job->state != CM_JOB_RUNNING)
			continue;
		if (((cm_str_eq(job->kind, "backup") || cm_str_eq(job->kind, "restore")) &&
		     is_member(s, job->subject)) ||
		    (cm_str_has_prefix(job->kind, "stack_") && cm_str_eq(job->subject, s->name)))
			rc = cm_err_set(err, CM_EBUSY, "%s is running: wait for its end or cancel it.",
					job->title ? job->title : "A job with this stack");
	}
	cm_job_list_release(&list);
	return rc;
}

static int look(struct cm_request *rq, struct cm_stack_list *list, const struct cm_stack **ret, struct cm_err *err)
{
	int rc = cm_stacks_list(rq->app, list, err);

	if (rc < 0)
		return rc;
	rc = cm_stack_find(list, rq->params[0], ret, err);
	if (rc < 0)
		cm_stack_list_release(list);
	return rc;
}

static enum cm_stack_verb verb_of(const char *word)
{
	return cm_str_eq(word, "start")	    ? CM_STACK_START
	       : cm_str_eq(word, "stop")    ? CM_STACK_STOP
	       : cm_str_eq(word, "restart") ? CM_STACK_RESTART
					    : CM_STACK_REMOVE;
}

static size_t failures(struct json_object *results)
{
	size_t n = 0;

	for (size_t i = 0; i < cm_json_len(results); i++)
		n += !cm_json_bool(json_object_array_get_idx(results, i), "success", false);
	return n;
}

static void say_errors(struct cm_request *rq, struct cm_reply *rp, struct json_object *results)
{
	size_t shown = 0;

	for (size_t i = 0; i < cm_json_len(results); i++) {
		struct json_object *o = json_object_array_get_idx(results, i);

		if (!cm_json_bool(o, "success", false) && shown++ < ERRORS_SHOWN)
			cm_reply_flash(rq, rp, "error", "%s %s: %s", cm_json_str(o, "kind", ""),
				       cm_json_str(o, "name", ""), cm_json_str(o, "error", ""));
	}
	if (shown > ERRORS_SHOWN)
		cm_reply_flash(rq, rp, "error", "%zu more failed.", shown - ERRORS_SHOWN);
}

static void reply(struct cm_request *rq, struct cm_reply *rp, const char *name, enum cm_stack_verb verb,
		  struct json_object *results)
{
	static const char *const texts[] = { "started", "stopped", "restarted", "deleted" };
	size_t count = cm_json_len(results), failed = failures(results);
	cm_autofree char *own = cm_url_make("/stack/%s", name);
	const char *back = verb == CM_STACK_REMOVE && failed == 0 ? "/stacks" : own;
	struct json_object *answer;

	if (!rq->is_api && failed > 0) {
		say_errors(rq, rp, results);
		if (failed < count)
			cm_reply_flash(rq, rp, "warn", "Stack %s: %zu of %zu %s.", name, count - failed, count,
				       texts[verb]);
		json_object_put(results);
		cm_reply_redirect(rp, back);
		return;
	}
	answer = json_object_new_object();
	cm_json_set_bool(answer, "success", failed == 0);
	cm_json_set_int(answer, "done_count", (int64_t)(count - failed));
	cm_json_set(answer, "results", results);
	if (failed > 0)
		cm_reply_done(rq, rp, back, answer, "Stack %s: %zu of %zu %s", name, count - failed, count,
			      texts[verb]);
	else
		cm_reply_done(rq, rp, back, answer, "Stack %s %s", name, texts[verb]);
}

static int act(struct cm_request *rq, struct cm_reply *rp, enum cm_stack_verb verb, bool volumes, struct cm_err *err)
{
	struct json_object *results;
	struct cm_stack_list list;
	const struct cm_stack *s;
	int rc = look(rq, &list, &s, err);

	if (rc < 0)
		return rc;
	rc = cm_stack_not_at_work(s, err);
	cm_stack_list_release(&list);
	rc = rc < 0 ? rc : cm_stack_act(rq->app, rq->params[0], verb, volumes, rq->user, &results, err);
	if (rc < 0 && rq->is_api)
		return rc;
	if (rc < 0) {
		cm_reply_flash(rq, rp, "error", "%s", err->text);
		cm_reply_redirect(rp, "/stacks");
		return 0;
	}
	reply(rq, rp, rq->params[0], verb, results);
	return 0;
}

int cm_page_stack_action(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	return act(rq, rp, verb_of(rq->route->arg), false, err);
}

static void confirm_parts(struct cm_reply *rp, const struct cm_stack *s, struct json_object *belongings)
{
	struct json_object *networks = cm_json_arr(belongings, "networks"),
			   *volumes = cm_json_arr(belongings, "volumes");
	cm_autobuf struct cm_buf names = CM_BUF_INIT(4096);

	for (size_t i = 0; s->swarm && i < cm_json_len(s->services); i++)
		cm_view_confirm_item(rp, "", cm_json_str(json_object_array_get_idx(s->services, i), "name", ""),
				     "service", NULL);
	for (size_t i = 0; !s->swarm && i < cm_json_len(s->containers); i++)
		cm_view_confirm_item(rp, "", cm_containers_entry_name(json_object_array_get_idx(s->containers, i)),
				     "container", NULL);
	for (size_t i = 0; i < cm_json_len(networks); i++) {
		struct json_object *n = json_object_array_get_idx(networks, i);

		if (cm_json_bool(n, "own", false))
			cm_view_confirm_item(rp, "", cm_json_str(n, "name", ""), "network", NULL);
		else
			cm_view_confirm_kept(rp, cm_json_str(n, "name", ""),
					     "is a network that does not belong to this stack alone, and stays");
	}
	for (size_t i = 0; i < cm_json_len(volumes); i++) {
		struct json_object *v = json_object_array_get_idx(volumes, i);

		if (cm_json_bool(v, "own", false))
			cm_buf_printf(&names, "%s%.200s", names.len > 0 ? ", " : "", cm_json_str(v, "name", ""));
		else
			cm_view_confirm_kept(rp, cm_json_str(v, "name", ""),
					     "is a volume that does not belong to this stack alone, and stays");
	}
	if (names.len > 0) {
		cm_autofree char *text = cm_asprintf("Delete its volumes too: %s", names.data);

		cm_view_confirm_choice(rp, "delete_volumes", text,
				       "Anonymous ones as well. Their data is gone unless it is in a backup.", false);
	}
}

int cm_page_stack_delete_confirm(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *belongings = NULL;
	struct cm_stack_list list;
	const struct cm_stack *s;
	int rc = look(rq, &list, &s, err);

	if (rc < 0)
		return rc;
	rc = cm_stack_belongings(rq->app, s, &belongings, err);
	if (rc == 0) {
		cm_autofree char *title = cm_asprintf("Delete the stack %s?", s->name);
		cm_autofree char *action = cm_url_make("/stack/%s/delete", s->name);
		cm_autofree char *back = cm_url_make("/stack/%s", s->name);
		char count[96];
		struct cm_confirm c = { .title = title,
					.action = action,
					.back = back,
					.back_text = "Keep it",
					.parent = "/stacks",
					.parent_text = "Stacks" };

		if (s->swarm)
			cm_count_text(count, (int64_t)cm_json_len(s->services), "service", "services");
		else
			cm_count_text(count, (int64_t)cm_json_len(s->containers), "container", "containers");
		cm_autofree char *button = cm_asprintf("Delete %s and %s", s->name, count);
		cm_autofree char *lead =
		    cm_asprintf("%s will be stopped and deleted, those that need others first.", count);
		c.button = button;
		c.lead = lead;
		cm_view_title(rp, "Delete the stack %s", s->name);
		cm_view_confirm(rp, &c);
		confirm_parts(rp, s, belongings);
	}
	cm_stack_list_release(&list);
	return rc;
}

int cm_page_stack_delete(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	bool volumes = cm_form_bool(rq->post, "delete_volumes", cm_form_bool(rq->get, "delete_volumes", false));

	return act(rq, rp, CM_STACK_REMOVE, volumes, err);
}
