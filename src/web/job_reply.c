/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/job_reply.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/str.h"
#include "jobs/queue.h"
#include "web/reply.h"

enum {
	WAIT_FIRST_MS = 20,
	WAIT_MOST_MS = 500,
	WAIT_LIMIT_MS = 6 * 3600 * 1000,
};

static int code_of_word(const char *word)
{
	for (int code = -1; code > -CM_CODE_COUNT; code--)
		if (cm_str_eq(cm_err_word(code), word))
			return code;
	return CM_EINTERNAL;
}

static void reply_accepted(struct cm_reply *rp, const char *id, const char *message)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_bool(o, "success", true);
	cm_json_set_str(o, "message", message);
	cm_json_set_str(o, "job_id", id);
	cm_json_set_str(o, "progress_id", id);
	cm_reply_json(rp, 202, o);
}

int cm_job_begin(struct cm_request *rq, struct cm_reply *rp, const struct cm_job_request *job, const char *message,
		 struct cm_err *err)
{
	char id[CM_UUID_LEN + 1], where[64];
	int rc = cm_job_add(rq->app, job, id, err);

	if (rc < 0)
		return rc;
	if (rq->is_api) {
		reply_accepted(rp, id, message);
		return 0;
	}
	snprintf(where, sizeof(where), "/job/%s", id);
	cm_reply_redirect(rp, where);
	return 0;
}

static void reply_finished(struct cm_reply *rp, const struct cm_job *job, const struct cm_job_words *words)
{
	struct json_object *o;
	struct cm_err why = { 0 };

	if (job->state == CM_JOB_COMPLETE) {
		o = job->result ? cm_json_copy(job->result) : json_object_new_object();
		cm_json_set_bool(o, "success", true);
		cm_json_set_str(o, "job_id", job->id);
		cm_reply_json(rp, 200, o);
		return;
	}
	o = json_object_new_object();
	cm_json_set_bool(o, "success", false);
	cm_json_set_str(o, "job_id", job->id);
	cm_err_set(&why, job->state == CM_JOB_CANCELLED ? CM_ECANCELLED : code_of_word(job->error_code), "%s",
		   job->error_text ? job->error_text : words->cancelled);
	cm_reply_error_json(rp, &why, o);
}

int cm_job_reply(struct cm_request *rq, struct cm_reply *rp, const char *id, const struct cm_job_words *words,
		 struct cm_err *err)
{
	const char *prefer = cm_request_header(rq, "prefer");
	int64_t end = cm_monotonic_ms() + WAIT_LIMIT_MS;
	int ms = WAIT_FIRST_MS;

	while ((prefer == NULL || strcasestr(prefer, "respond-async") == NULL) && cm_monotonic_ms() < end) {
		struct timespec t = { .tv_sec = 0, .tv_nsec = (long)ms * 1000000 };
		struct cm_job job = { 0 };
		int rc = cm_queue_get(id, &job, err);
		if (rc != 0)
			return rc;
		if (cm_job_state_over(job.state)) {
			reply_finished(rp, &job, words);
			cm_job_release(&job);
			return 0;
		}
		cm_job_release(&job);
		nanosleep(&t, NULL);
		ms = ms * 2 < WAIT_MOST_MS ? ms * 2 : WAIT_MOST_MS;
	}
	reply_accepted(rp, id, words->started);
	return 0;
}
