/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * POST /api/docker/containers, the second source's API: clones a container or a stack, or exports a container into the
 * vault ("backup"), and waits for the end unless asked not to.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "jobs/kinds.h"
#include "jobs/queue.h"
#include "service/audit.h"
#include "service/clone.h"
#include "service/container_spec.h"
#include "service/containers.h"
#include "service/export.h"
#include "web/page.h"
#include "web/reply.h"

enum { WAIT_MS = 200, WAIT_LIMIT_MS = 3600 * 1000 };

struct action {
	const char *word, *kind;
	const char *failed, *code, *started;
	int (*check)(struct json_object *params, struct cm_err *err);
	/* Adds what the second source calls otherwise to the job's result; NULL: nothing. */
	void (*answer)(struct json_object *o, const struct cm_job *job);
	enum cm_role role;
};

/* Where it lies is the vault's business: a path is only what the caller said. */
static void backup_answer(struct json_object *o, const struct cm_job *job)
{
	int64_t size = cm_json_int(o, "size", 0);
	char mb[32];

	snprintf(mb, sizeof(mb), "%.2f", (double)size / (1024 * 1024));
	cm_json_set_str(o, "action", "backup");
	cm_json_set_str(o, "containerId", cm_json_str(job->params, "container", ""));
	cm_json_set_str(o, "backupFile", cm_json_str(o, "filename", ""));
	cm_json_set_str(o, "backupPath", cm_json_str(o, "path", cm_json_str(job->params, "vault", "local")));
	cm_json_set_int(o, "sizeBytes", size);
	cm_json_set(o, "sizeMB", json_object_new_double_s((double)size / (1024 * 1024), mb));
	cm_json_set_str(o, "timestamp", cm_json_str(o, "created_at", ""));
	cm_json_set_str(o, "message", "The container was exported into the vault");
}

static const struct action actions[] = {
	{ "clone", "clone", "Clone failed", "CLONE_FAILED", "Clone started", cm_clone_params_check, NULL,
	  CM_ROLE_ADMIN },
	{ "backup", "export", "Backup failed", "BACKUP_FAILED", "Backup started", cm_export_params_check, backup_answer,
	  CM_ROLE_DEVELOPER },
};

static void failed_reply(struct cm_reply *rp, const struct action *a, const struct cm_err *why, const char *job)
{
	struct json_object *o = json_object_new_object();
	cm_autofree char *text = cm_asprintf("%s: %s", a->failed, why->text);

	cm_json_set_str(o, "error", text);
	cm_json_set_str(o, "code", a->code);
	cm_json_set_str(o, "reason", cm_err_word(why->code));
	if (job != NULL)
		cm_json_set_str(o, "job_id", job);
	cm_reply_json(rp, cm_err_http(why->code), o);
}

static int code_of(const char *word)
{
	for (int code = -1; code > -CM_CODE_COUNT; code--)
		if (cm_str_eq(cm_err_word(code), word))
			return code;
	return CM_EINTERNAL;
}

static void ended_reply(struct cm_reply *rp, const struct action *a, const struct cm_job *job)
{
	struct cm_err why = { 0 };
	struct json_object *o;

	if (job->state == CM_JOB_COMPLETE) {
		o = job->result != NULL ? cm_json_copy(job->result) : json_object_new_object();
		if (a->answer != NULL)
			a->answer(o, job);
		cm_json_set_bool(o, "success", true);
		cm_json_set_str(o, "job_id", job->id);
		cm_reply_json(rp, 200, o);
		return;
	}
	cm_err_set(&why, job->state == CM_JOB_CANCELLED ? CM_ECANCELLED : code_of(job->error_code), "%s",
		   job->error_text != NULL ? job->error_text : "It was cancelled.");
	failed_reply(rp, a, &why, job->id);
}

static void accepted_reply(struct cm_reply *rp, const struct action *a, const char *id)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_bool(o, "success", true);
	cm_json_set_str(o, "message", a->started);
	cm_json_set_str(o, "job_id", id);
	cm_json_set_str(o, "progress_id", id);
	cm_reply_json(rp, 202, o);
}

static int wait_for_end(struct cm_reply *rp, const struct action *a, const char *id, struct cm_err *err)
{
	int64_t end = cm_monotonic_ms() + WAIT_LIMIT_MS;

	while (cm_monotonic_ms() < end) {
		struct timespec t = { .tv_nsec = (long)WAIT_MS * 1000000 };
		struct cm_job job = { 0 };
		int rc = cm_queue_get(id, &job, err);

		if (rc < 0)
			return rc;
		if (cm_job_state_over(job.state)) {
			ended_reply(rp, a, &job);
			cm_job_release(&job);
			return 0;
		}
		cm_job_release(&job);
		nanosleep(&t, NULL);
	}
	accepted_reply(rp, a, id);
	return 0;
}

/* {"action", "containerId" | "stack", "options": {…}} as params of the job. Caller puts. */
static struct json_object *params_make(struct json_object *body, bool clone)
{
	struct json_object *params = cm_json_copy(cm_json_obj(body, "options"));

	if (params == NULL)
		params = json_object_new_object();
	/* Where the second source would have put its file: a label of an export, nothing of a clone. */
	if (clone)
		json_object_object_del(params, "path");
	json_object_object_del(params, "user");
	json_object_object_del(params, "container");
	json_object_object_del(params, "stack");
	if (clone && cm_json_str(body, "stack", "")[0] != '\0')
		cm_json_set_str(params, "stack", cm_json_str(body, "stack", ""));
	else
		cm_json_set_str(params, "container", cm_json_str(body, "containerId", ""));
	return params;
}

static int job_add(struct cm_request *rq, const struct action *a, struct json_object *params, char id[CM_UUID_LEN + 1],
		   struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL;
	struct cm_job_request job = { .kind = a->kind, .user = rq->user, .params = params };
	int rc = 0;

	job.subject = cm_json_str(params, "stack", NULL);
	if (job.subject == NULL) {
		rc = cm_containers_look(rq->app, cm_json_str(params, "container", ""), &inspect, err);
		if (rc < 0)
			return rc;
		job.subject = cm_spec_name(inspect);
		cm_json_set_str(params, "container", cm_json_str(inspect, "Id", ""));
	}
	cm_json_set_str(params, "user", rq->user);
	rc = a->check(params, err);
	rc = rc < 0 ? rc : cm_job_add(rq->app, &job, id, err);
	if (rc == 0)
		cm_audit_act_covered();
	return rc;
}

int cm_page_docker_containers(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *word = cm_json_str(rq->json, "action", ""), *prefer = cm_request_header(rq, "prefer");
	cm_autojson struct json_object *params = NULL;
	const struct action *a = NULL;
	char id[CM_UUID_LEN + 1];
	bool commands;

	for (size_t i = 0; i < CM_COUNT(actions); i++)
		a = cm_str_eq(actions[i].word, word) ? &actions[i] : a;
	if (a == NULL)
		return cm_err_set(err, CM_EINVAL, "action must be \"clone\" or \"backup\".");
	params = params_make(rq->json, cm_str_eq(word, "clone"));
	commands = cm_json_get(params, "exec_pre") != NULL || cm_json_get(params, "exec_post") != NULL;
	if (rq->role < a->role)
		return cm_err_set(err, CM_EDENIED, "Only administrators may clone.");
	if (commands && rq->role < CM_ROLE_ADMIN)
		return cm_err_set(err, CM_EDENIED, "Only administrators may have commands run inside a container.");
	if (job_add(rq, a, params, id, err) < 0) {
		failed_reply(rp, a, err, NULL);
		return 0;
	}
	if (prefer != NULL && strcasestr(prefer, "respond-async") != NULL) {
		accepted_reply(rp, a, id);
		return 0;
	}
	return wait_for_end(rp, a, id, err);
}
