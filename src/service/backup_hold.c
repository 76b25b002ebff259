/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/backup_hold.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fault.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "docker/self.h"
#include "service/containers.h"

enum {
	PRE_MS = 4 * 3600 * 1000,
	POST_MS = 600 * 1000,
	START_TRIES = 3,
	STOP_DEFAULT_S = 10,
	STOP_MAX_S = 86400,
	UNSURE_MS = 20000
};

/* Are two mounts about the same data? Both are Mounts entries or entries of volumes_info.json. */
static bool mount_shares(struct json_object *mine, struct json_object *theirs)
{
	const char *rest;

	if (cm_str_eq(cm_json_str(mine, "type", ""), "volume"))
		return cm_str_eq(cm_json_str(theirs, "Type", ""), "volume") &&
		       cm_str_eq(cm_json_str(mine, "name", ""), cm_json_str(theirs, "Name", "-"));
	if (!cm_str_eq(cm_json_str(theirs, "Type", ""), "bind"))
		return false;
	return cm_backup_path_in(cm_json_str(mine, "source", ""), cm_json_str(theirs, "Source", "-"), &rest) ||
	       cm_backup_path_in(cm_json_str(theirs, "Source", "-"), cm_json_str(mine, "source", ""), &rest);
}

/* Does this running container write into something we save? */
static bool writes_ours(const struct cm_backup_plan *plan, struct json_object *other)
{
	struct json_object *mounts = cm_json_arr(other, "Mounts");

	for (size_t i = 0; i < cm_json_len(mounts); i++) {
		struct json_object *theirs = json_object_array_get_idx(mounts, i);

		if (!cm_json_bool(theirs, "RW", true))
			continue;
		for (size_t k = 0; k < cm_json_len(plan->mounts); k++) {
			struct json_object *mine = json_object_array_get_idx(plan->mounts, k);

			if (cm_str_eq(cm_json_str(mine, "state", ""), "saved") && mount_shares(mine, theirs))
				return true;
		}
	}
	return false;
}

static void held_plan(struct cm_backup_hold *h, const char *id, const char *name, bool stop)
{
	struct cm_held *one;

	if (h->held_count == CM_HOLD_MAX)
		return;
	one = &h->held[h->held_count++];
	*one = (struct cm_held){ .stopped = stop };
	cm_str_copy(one->id, sizeof(one->id), id);
	cm_str_copy(one->name, sizeof(one->name), name);
}

/* Would it be lost, or replaced by another one, when it is stopped? */
static const char *stop_danger(bool auto_remove, struct json_object *labels)
{
	if (auto_remove)
		return "it runs with --rm and would be deleted";
	if (cm_json_get(labels, "com.docker.swarm.task.id") != NULL)
		return "Swarm would start another one in its place";
	return NULL;
}

static bool held_together(const struct cm_backup_hold *h, const char *id)
{
	for (size_t i = 0; i < cm_json_len(h->together); i++) {
		if (cm_str_eq(json_object_get_string(json_object_array_get_idx(h->together, i)), id))
			return true;
	}
	return false;
}

static int sharers_plan(struct cm_backup_hold *h, struct cm_err *err)
{
	cm_autojson struct json_object *running = NULL;
	bool stop = h->effective == CM_CONSISTENCY_STOP;
	int rc = cm_container_list(h->d, false, NULL, &running, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < cm_json_len(running); i++) {
		struct json_object *other = json_object_array_get_idx(running, i);
		const char *id = cm_json_str(other, "Id", ""), *name = cm_containers_entry_name(other);
		const char *network = cm_json_str(cm_json_obj(other, "HostConfig"), "NetworkMode", "");
		bool swarm = cm_json_get(cm_json_obj(other, "Labels"), "com.docker.swarm.task.id") != NULL;

		if (cm_str_eq(id, h->plan->id) || held_together(h, id) || cm_self_is(h->self_id, id) ||
		    !cm_str_eq(cm_json_str(other, "State", ""), "running"))
			continue;
		if (stop && cm_str_has_prefix(network, "container:") && cm_str_eq(network + 10, h->plan->id))
			cm_backup_plan_warn(
			    h->plan, "%s uses the network of %s: it may need a restart after this one was stopped.",
			    name, h->plan->name);
		if (!writes_ours(h->plan, other))
			continue;
		if (h->options->stop_sharers)
			held_plan(h, id, name, stop && !swarm);
		else
			cm_backup_plan_warn(h->plan, "%s writes to the same data and was not %s.", name,
					    stop ? "stopped" : "paused");
	}
	return 0;
}

int cm_backup_hold_plan(struct cm_backup_hold *h, struct cm_err *err)
{
	struct json_object *labels = cm_json_at(h->plan->inspect, "Config.Labels");
	const char *danger = stop_danger(h->plan->auto_remove, labels);

	h->effective = h->options->consistency;
	if (!cm_str_eq(h->plan->status, "running") || h->effective == CM_CONSISTENCY_LIVE)
		return 0;
	if (h->effective == CM_CONSISTENCY_STOP && danger != NULL) {
		h->effective = CM_CONSISTENCY_PAUSE;
		cm_backup_plan_warn(h->plan, "%s was paused instead of stopped: %s.", h->plan->name, danger);
	}
	held_plan(h, h->plan->id, h->plan->name, h->effective == CM_CONSISTENCY_STOP);
	return sharers_plan(h, err);
}

/* The last line of what a command wrote, fit for a sentence. */
static void last_line(char dst[256], const struct cm_exec_result *r)
{
	const char *text = r->errs_len > 0 ? r->errs : r->out;
	size_t len = r->errs_len > 0 ? r->errs_len : r->out_len, begin;
	cm_autobuf struct cm_buf clean = CM_BUF_INIT(1024);

	while (len > 0 && strchr("\r\n\t ", text[len - 1]) != NULL)
		len--;
	begin = len;
	while (begin > 0 && text[begin - 1] != '\n' && len - begin < 200)
		begin--;
	cm_utf8_clean(&clean, text + begin, len - begin);
	cm_str_copy(dst, 256, clean.data);
}

static int command_run(struct cm_docker *d, const char *id, char *const *argv, int timeout_ms, const char *what,
		       struct cm_err *err)
{
	struct cm_exec_spec spec = { .argv = (const char *const *)argv, .timeout_ms = timeout_ms, .output_max = 65536 };
	struct cm_exec_result r = { 0 };
	int rc = cm_container_exec_run(d, id, &spec, &r, err);
	char line[256];

	if (rc < 0) {
		cm_err_prefix(err, "%s", what);
		return rc;
	}
	if (r.exit_code != 0) {
		last_line(line, &r);
		rc = cm_err_set(err, CM_EUPSTREAM, "%s ended with exit code %d%s%s", what, r.exit_code,
				line[0] != '\0' ? ": " : ".", line);
	}
	cm_exec_result_release(&r);
	return rc;
}

static int post_journal(struct cm_backup_hold *h, struct cm_err *err)
{
	cm_autojson struct json_object *data = json_object_new_object();
	struct json_object *argv = json_object_new_array();
	cm_autofree char *text = NULL;

	for (char **w = h->options->exec_post; *w != NULL; w++)
		cm_json_add_str(argv, *w);
	cm_json_set(data, "argv", argv);
	text = cm_json_text(data);
	return cm_journal_add(NULL, "exec_post", h->plan->id, h->plan->name, text, &h->post_journal, err);
}

int cm_backup_hold_pre(struct cm_backup_hold *h, struct cm_err *err)
{
	bool running = cm_str_eq(h->plan->status, "running");
	int rc = 0;

	if ((h->options->exec_pre != NULL || h->options->exec_post != NULL) && !running) {
		cm_backup_plan_warn(h->plan, "The commands before and after were not run: %s is %s.", h->plan->name,
				    h->plan->status);
		return 0;
	}
	if (h->options->exec_post != NULL)
		rc = post_journal(h, err);
	if (rc < 0 || h->options->exec_pre == NULL)
		return rc;
	CM_FAULT_POINT("backup_before_pre");
	return command_run(h->d, h->plan->id, h->options->exec_pre, PRE_MS, "The command before the backup", err);
}

/* -1: without end. */
static int stop_timeout(const struct cm_backup_hold *h)
{
	int64_t s = cm_json_int(cm_json_at(h->plan->inspect, "Config"), "StopTimeout", STOP_DEFAULT_S);

	return s < 0 || s > STOP_MAX_S ? -1 : (int)s;
}

static int journal_stop_state(int64_t id, const char *state, int timeout, struct cm_err *err)
{
	char data[96];

	snprintf(data, sizeof(data), "{\"state\":\"%s\",\"timeout\":%d}", state, timeout);
	return cm_journal_update(id, data, err);
}

static int held_stop(struct cm_backup_hold *h, struct cm_held *one, struct cm_err *err)
{
	int timeout = stop_timeout(h), rc;
	char data[96];

	snprintf(data, sizeof(data), "{\"state\":\"stopping\",\"timeout\":%d}", timeout);
	rc = cm_journal_add(NULL, "stopped", one->id, one->name, data, &one->journal, err);
	if (rc < 0)
		return rc;
	CM_FAULT_POINT("backup_before_stop");
	/* Its own setting is named, so that the call waits as long as that may take. */
	rc = cm_container_stop(h->d, one->id, cm_str_eq(one->id, h->plan->id) ? timeout : -1, err);
	one->unsure = rc < 0;
	CM_FAULT_POINT("backup_after_stop");
	return rc < 0 ? rc : journal_stop_state(one->journal, "stopped", timeout, err);
}

static int held_pause(struct cm_backup_hold *h, struct cm_held *one, struct cm_err *err)
{
	int rc = cm_journal_add(NULL, "paused", one->id, one->name, NULL, &one->journal, err);

	if (rc < 0)
		return rc;
	CM_FAULT_POINT("backup_before_pause");
	rc = cm_container_pause(h->d, one->id, err);
	CM_FAULT_POINT("backup_after_pause");
	return rc;
}

/* Has it ended by itself, or with the engine? */
static int look_ended(struct cm_backup_hold *h, const struct cm_held *one, bool *ret_ended, struct cm_err *err)
{
	cm_autojson struct json_object *now = NULL;
	int rc = cm_container_inspect(h->d, one->id, false, &now, err);

	*ret_ended = rc == 0 && !json_object_get_boolean(cm_json_at(now, "State.Running"));
	return rc;
}

static bool ended_meanwhile(struct cm_backup_hold *h, const struct cm_held *one)
{
	bool ended;

	return look_ended(h, one, &ended, NULL) == 0 && ended;
}

int cm_backup_hold_begin(struct cm_backup_hold *h, struct cm_err *err)
{
	int rc = 0;

	if (h->held_count == 0)
		return 0;
	/* A stop that was asked for cannot be taken back: to start the container again we must see its end. */
	cm_docker_set_cancel(h->d, NULL, NULL);
	h->since_ms = cm_monotonic_ms();
	for (size_t i = 0; rc == 0 && i < h->held_count; i++) {
		struct cm_held *one = &h->held[i];

		if (cm_progress_cancelled(h->progress))
			rc = cm_err_set(err, CM_ECANCELLED, "The backup was cancelled.");
		else if (one->stopped)
			rc = held_stop(h, one, err);
		else
			rc = held_pause(h, one, err);
		/* It needs no holding any more. */
		if (rc == CM_EBUSY && !one->stopped && ended_meanwhile(h, one)) {
			cm_journal_close(one->journal, NULL);
			one->journal = 0;
			rc = 0;
		} else if (rc < 0 && rc != CM_ECANCELLED) {
			cm_err_prefix(err, "%s could not be %s", one->name, one->stopped ? "stopped" : "paused");
		}
	}
	return rc;
}

/* Starts it and looks whether it stays up. */
static int start_again(struct cm_docker *d, const char *id, struct cm_err *err)
{
	int rc = CM_OK;

	for (int i = 0; i < START_TRIES; i++) {
		if (i > 0)
			sleep((unsigned)i);
		rc = cm_container_start(d, id, err);
		/* One that hangs has heard it and may still do it; the program goes on trying. */
		if (rc == 0 || rc == CM_ENOTFOUND || rc == CM_ETIMEDOUT)
			break;
	}
	return rc;
}

/* After a stop that failed: a container that is about to end must have ended before it can be started. */
static int wait_unsure(struct cm_docker *d, const char *id, struct cm_err *err)
{
	struct cm_container_wait *wait;
	int code, rc = cm_container_wait_start(d, id, "not-running", &wait, err);

	if (rc < 0)
		return rc;
	rc = cm_container_wait_finish(wait, UNSURE_MS, &code, err);
	cm_container_wait_free(wait);
	if (rc == CM_ETIMEDOUT)
		return cm_err_set(err, CM_EBUSY, "It was asked to stop and has not ended yet.");
	return rc;
}

static int held_resume(struct cm_backup_hold *h, struct cm_held *one, struct cm_err *err)
{
	bool ended = false;
	int rc = cm_container_unpause(h->d, one->id, err);

	/* Not paused any more: somebody resumed it, or it ended with the engine. */
	if (rc == CM_EBUSY)
		rc = look_ended(h, one, &ended, err);
	return rc == 0 && ended ? start_again(h->d, one->id, err) : rc;
}

static void held_release(struct cm_backup_hold *h, struct cm_held *one)
{
	struct cm_err err = { 0 };
	int rc;

	if (one->journal == 0)
		return;
	CM_FAULT_POINT("backup_before_undo");
	rc = one->unsure ? wait_unsure(h->d, one->id, &err) : 0;
	if (rc == 0)
		rc = one->stopped ? start_again(h->d, one->id, &err) : held_resume(h, one, &err);
	CM_FAULT_POINT("backup_after_undo");
	if (rc == 0 && one->stopped && ended_meanwhile(h, one))
		cm_backup_plan_warn(h->plan, "%s was started again after the backup, but ended at once.", one->name);
	if (rc == 0 || rc == CM_ENOTFOUND) {
		cm_journal_close(one->journal, NULL);
	} else {
		cm_journal_failed(one->journal, err.text, NULL);
		cm_backup_plan_warn(h->plan, "%s could not be %s again: %s The program goes on trying.", one->name,
				    one->stopped ? "started" : "resumed", err.text);
	}
	one->journal = 0;
}

void cm_backup_hold_end(struct cm_backup_hold *h)
{
	struct cm_err err = { 0 };

	cm_docker_set_cancel(h->d, NULL, NULL);
	while (h->held_count > 0)
		held_release(h, &h->held[--h->held_count]);
	if (h->since_ms != 0) {
		h->held_ms += cm_monotonic_ms() - h->since_ms;
		h->since_ms = 0;
	}
	if (h->post_journal == 0)
		return;
	int rc = command_run(h->d, h->plan->id, h->options->exec_post, POST_MS, "The command after the backup", &err);
	if (rc < 0)
		cm_backup_plan_warn(h->plan, "%s", err.text);
	/* The engine is away: the recovery runs it when it is back. */
	if (rc == CM_EUNREACHABLE)
		cm_journal_failed(h->post_journal, err.text, NULL);
	else
		cm_journal_close(h->post_journal, NULL);
	h->post_journal = 0;
}
