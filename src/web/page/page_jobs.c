/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Jobs: the list, one of them, and the predecessor's two paths about backups. */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/str.h"
#include "jobs/kinds.h"
#include "jobs/queue.h"
#include "service/audit.h"
#include "web/form.h"
#include "web/page.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_job.h"

static const char *const columns[] = { "-created", "kind", "state", "title", "-finished", NULL };

enum { PAGE_SIZE = 50, PAGE_MAX = 1000, REFRESH_SECONDS = 5 };

static int64_t count(const struct cm_job_query *like)
{
	struct cm_job_query query = *like;
	struct cm_job_list list = { 0 };
	int64_t total = 0;

	query.limit = 1;
	query.offset = 0;
	if (cm_queue_list(&query, &list, NULL) == 0) {
		total = list.total;
		cm_job_list_release(&list);
	}
	return total;
}

/* "active" is every state that is not over; others are names of states. */
static void set_state(struct cm_job_query *query, const char *state)
{
	query->only_unfinished = cm_str_eq(state, "active");
	query->state = query->only_unfinished || state[0] == '\0' ? NULL : state;
}

static void add_tabs(struct json_object *data, const struct cm_request *rq, const char *chosen)
{
	static const struct {
		const char *state, *text;
	} tabs[] = { { "", "All" }, { "active", "Active" }, { "complete", "Complete" }, { "error", "Failed" } };
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < CM_COUNT(tabs); i++) {
		struct cm_job_query query = { 0 };

		set_state(&query, tabs[i].state);
		cm_view_tab(list, tabs[i].text, count(&query), cm_view_href(rq, "state", tabs[i].state),
			    strcmp(tabs[i].state, chosen) == 0);
	}
	cm_json_set(data, "states", list);
}

static void add_filters(struct json_object *data, const char *kind)
{
	struct json_object *filters = json_object_new_object(), *kinds = json_object_new_array();

	cm_view_choice(kinds, "", "All kinds", NULL, kind[0] == '\0');
	for (size_t i = 0; i < cm_job_table.kind_count; i++)
		cm_view_choice(kinds, cm_job_table.kinds[i].name, cm_job_table.kinds[i].label, NULL,
			       strcmp(kind, cm_job_table.kinds[i].name) == 0);
	cm_json_set(filters, "kind", kinds);
	cm_json_set(data, "filters", filters);
}

static void add_activity(struct json_object *data)
{
	int64_t active = count(&(struct cm_job_query){ .only_unfinished = true });
	int64_t running =
	    count(&(struct cm_job_query){ .state = "running" }) + count(&(struct cm_job_query){ .state = "starting" });

	cm_json_set_bool(data, "is_active", active > 0);
	if (active == 0)
		cm_json_set_str(data, "active_text", "Nothing is running");
	else
		cm_view_text(data, "active_text", "%lld running, %lld waiting", (long long)running,
			     (long long)(active > running ? active - running : 0));
	if (active > 0)
		cm_json_set_int(data, "refresh_seconds", REFRESH_SECONDS);
	else
		cm_json_set(data, "refresh_seconds", NULL);
}

int cm_page_jobs(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *state = cm_form_str(rq->get, "state", ""), *kind = cm_form_str(rq->get, "kind", "");
	struct cm_view_who who = { rq->role, cm_now_ms() };
	struct json_object *data, *rows;
	struct cm_job_list jobs = { 0 };
	struct cm_list list;
	int rc = cm_list_parse(rq, columns, PAGE_SIZE, PAGE_MAX, &list, err);
	struct cm_job_query query = { .kind = kind[0] ? kind : NULL,
				      .sort = list.sort,
				      .limit = list.limit,
				      .offset = list.offset,
				      .search = list.q };
	bool filtered;

	if (rc != 0)
		return rc;
	set_state(&query, state);
	rc = cm_queue_list(&query, &jobs, err);
	if (rc != 0)
		return rc;
	data = cm_view_data(rp);
	rows = json_object_new_array();
	for (size_t i = 0; i < jobs.count; i++)
		json_object_array_add(rows, cm_view_job_row(&jobs.jobs[i], &who));
	cm_view_list(data, rq, &list, columns, (int64_t)jobs.count, jobs.total);
	cm_view_keep(data, rq, "state");
	filtered = list.q[0] != '\0' || kind[0] != '\0' || state[0] != '\0';
	cm_json_set_bool(data, "is_filtered", filtered);
	cm_json_set_bool(data, "is_empty", jobs.total == 0 && !filtered);
	cm_json_set_bool(data, "is_no_match", jobs.total == 0 && filtered);
	add_activity(data);
	add_tabs(data, rq, state);
	add_filters(data, kind);
	cm_json_set(data, "jobs", rows);
	cm_job_list_release(&jobs);
	return 0;
}

/* How many unfinished jobs of its lane were ordered before it. */
static int64_t jobs_before(const struct cm_job *job)
{
	struct cm_job_query query = { .only_unfinished = true, .sort = "created", .limit = 1000 };
	struct cm_job_list list = { 0 };
	int64_t before = 0;

	if (cm_job_state_over(job->state) || cm_queue_list(&query, &list, NULL) != 0)
		return 0;
	for (size_t i = 0; i < list.count; i++)
		before += list.jobs[i].number < job->number && strcmp(list.jobs[i].lane, job->lane) == 0;
	cm_job_list_release(&list);
	return before;
}

int cm_page_job(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_view_who who = { rq->role, cm_now_ms() };
	struct json_object *view;
	struct cm_job job;
	int rc = cm_queue_get(rq->params[0], &job, err);

	if (rc != 0)
		return rc;
	rc = cm_queue_log(&job, err);
	if (rc != 0) {
		cm_job_release(&job);
		return rc;
	}
	view = cm_view_job(&job, jobs_before(&job), &who);
	cm_view_title(rp, "%s", job.title ? job.title : "Job");
	json_object_object_foreach(view, key, value) cm_json_set(cm_view_data(rp), key, json_object_get(value));
	json_object_put(view);
	cm_job_release(&job);
	return 0;
}

static void audit_cancel(const struct cm_request *rq, const struct cm_job *job)
{
	struct json_object *details = json_object_new_object();
	struct cm_audit_event event = { .operation = "job_cancel",
					.status = "completed",
					.container_name = job->subject,
					.user = rq->user,
					.address = rq->client,
					.details = details };

	cm_json_set_str(details, "job_id", job->id);
	cm_json_set_str(details, "job", job->title);
	if (cm_audit(&event, NULL) != 0)
		cm_warn("web", "the audit log could not be written");
	json_object_put(details);
}

int cm_page_job_cancel(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct json_object *answer;
	cm_autofree char *url = NULL;
	enum cm_job_state state;
	struct cm_job job;
	int rc = cm_queue_get(rq->params[0], &job, err);

	if (rc != 0)
		return rc;
	if (!cm_job_state_over(job.state) && !job.cancel && !cm_job_may_cancel(&job, rq->role)) {
		cm_job_release(&job);
		return cm_err_set(err, CM_EDENIED, "Only an administrator may cancel this job.");
	}
	rc = cm_queue_cancel(rq->app, job.id, &state, err);
	if (rc == 0) {
		audit_cancel(rq, &job);
		url = cm_url_make("/job/%s", job.id);
		answer = json_object_new_object();
		cm_json_set_str(answer, "job_id", job.id);
		cm_json_set_str(answer, "state", cm_job_state_name(state));
		cm_reply_done(rq, rp, url, answer,
			      state == CM_JOB_CANCELLED ? "%s is cancelled." : "%s is being cancelled.",
			      job.title ? job.title : "The job");
	}
	cm_job_release(&job);
	return rc;
}

int cm_page_backup_progress(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_job job;
	int rc = cm_queue_get(rq->params[0], &job, err);

	if (rc == CM_ENOTFOUND)
		return cm_err_set(err, CM_ENOTFOUND, "Progress session not found");
	if (rc != 0)
		return rc;
	cm_reply_json(rp, 200, cm_view_backup_progress(&job));
	cm_job_release(&job);
	return 0;
}

int cm_page_backup_status(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_queue_status status;
	struct json_object *data;
	int rc = cm_queue_status(&status, err);

	(void)rq;
	if (rc != 0)
		return rc;
	data = cm_view_data(rp);
	cm_json_set_str(data, "status", status.busy ? "busy" : "idle");
	cm_json_set_int(data, "queue_size", status.queue_size);
	if (status.busy) {
		cm_json_set_str(data, "current_backup", status.current);
		cm_json_set_str(data, "progress_id", status.progress_id);
	}
	return 0;
}
