/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way back of a hold after a crash, from the journal alone. Each step looks first whether there is anything to
 * undo.
 */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/fault.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "service/backup_hold.h"
#include "service/words.h"

enum { TEXT_SIZE = 1024, STOP_GRACE_MS = 15000, STOP_LIMIT_S = 600 };

static struct json_object *entry_data(const struct cm_journal_entry *entry)
{
	struct json_object *data = NULL;

	if (entry->data != NULL)
		cm_json_parse(entry->data, strlen(entry->data), &data, NULL);
	return data;
}

/* We died while the engine was stopping it: it may still be about to end. Waits until it has, or until it should have.
 */
static int wait_for_end(struct cm_docker *d, const struct cm_journal_entry *entry, struct json_object *data,
			bool *ret_ended, struct cm_err *err)
{
	int64_t timeout = cm_json_int(data, "timeout", 10), left;
	struct cm_container_wait *wait;
	int rc, code;

	if (timeout < 0 || timeout > STOP_LIMIT_S)
		timeout = STOP_LIMIT_S;
	left = entry->created_ms + timeout * 1000 + STOP_GRACE_MS - cm_now_ms();
	if (!cm_str_eq(cm_json_str(data, "state", ""), "stopping") || left <= 0)
		return 0;
	if (left > timeout * 1000 + STOP_GRACE_MS)
		left = timeout * 1000 + STOP_GRACE_MS;
	rc = cm_container_wait_start(d, entry->container_id, "not-running", &wait, err);
	if (rc < 0)
		return rc;
	CM_FAULT_POINT("recovery_awaits_end");
	rc = cm_container_wait_finish(wait, (int)left, &code, err);
	cm_container_wait_free(wait);
	*ret_ended = rc == 0;
	return rc == CM_ETIMEDOUT ? 0 : rc;
}

static bool since(const struct cm_journal_entry *entry, struct json_object *now, const char *key)
{
	int64_t ms = 0;

	return cm_time_parse(cm_json_str_at(now, key, ""), &ms) && ms >= entry->created_ms;
}

static int undo_stopped(struct cm_docker *d, const struct cm_journal_entry *entry, struct json_object *now,
			char *ret_text, struct cm_err *err)
{
	cm_autojson struct json_object *data = entry_data(entry);
	bool running = json_object_get_boolean(cm_json_at(now, "State.Running")), ended = false;
	int rc;

	/* The engine was restarted and has started it by itself, or somebody did. */
	if (running && since(entry, now, "State.StartedAt"))
		return 0;
	if (running) {
		rc = wait_for_end(d, entry, data, &ended, err);
		if (rc < 0 || !ended)
			return rc;
	}
	rc = cm_container_start(d, entry->container_id, err);
	if (rc == 0)
		snprintf(ret_text, TEXT_SIZE, "%.255s was started again: a backup had stopped it.", entry->name);
	return rc;
}

/* One whose processes do not come back by resuming it can still be ended and begun again. */
static int start_anew(struct cm_docker *d, const char *id, struct cm_err *err)
{
	int rc = cm_container_stop(d, id, -1, err);

	CM_FAULT_POINT("recovery_ended_anew");
	return rc == 0 ? cm_container_start(d, id, err) : rc;
}

static int undo_paused(struct cm_docker *d, const struct cm_journal_entry *entry, struct json_object *now,
		       char *ret_text, struct cm_err *err)
{
	bool running = json_object_get_boolean(cm_json_at(now, "State.Running"));
	bool paused = json_object_get_boolean(cm_json_at(now, "State.Paused"));
	/* What is paused does not end by itself: if it has ended, the engine was restarted meanwhile. */
	bool ended = !running && since(entry, now, "State.FinishedAt"), anew = ended;
	const char *id = entry->container_id;
	int rc;

	if (!ended && !paused)
		return 0;
	rc = ended ? cm_container_start(d, id, err) : cm_container_unpause(d, id, err);
	if (rc == CM_EUPSTREAM && !ended && entry->tries > 0) {
		anew = true;
		rc = start_anew(d, id, err);
	}
	if (rc == 0)
		snprintf(ret_text, TEXT_SIZE, "%.255s was %s: a backup had paused it%s.", entry->name,
			 anew ? "started again" : "resumed",
			 ended	? ", and it ended with the engine"
			 : anew ? ", and it could not be resumed"
				: "");
	return rc;
}

static int undo_post(struct cm_docker *d, const struct cm_journal_entry *entry, struct json_object *now, char *ret_text,
		     struct cm_err *err)
{
	cm_autojson struct json_object *data = entry_data(entry);
	struct cm_exec_result r = { 0 };
	struct cm_exec_spec spec = { .output_max = 4096 };
	char **argv;
	int rc;

	if (!json_object_get_boolean(cm_json_at(now, "State.Running")))
		return 0;
	rc = cm_words_from_json(cm_json_get(data, "argv"), &argv, err);
	if (rc < 0)
		return rc;
	spec.argv = (const char *const *)argv;
	rc = cm_container_exec_run(d, entry->container_id, &spec, &r, err);
	if (rc == 0)
		snprintf(ret_text, TEXT_SIZE, "The command after the backup was run in %.255s (exit code %d).",
			 entry->name, r.exit_code);
	cm_exec_result_release(&r);
	cm_words_free(argv);
	return rc;
}

int cm_hold_undo(struct cm_docker *d, const struct cm_journal_entry *entry, char *ret_text, struct cm_err *err)
{
	cm_autojson struct json_object *now = NULL;
	int rc = cm_container_inspect(d, entry->container_id, false, &now, err);

	ret_text[0] = '\0';
	if (rc == CM_ENOTFOUND) {
		snprintf(ret_text, TEXT_SIZE, "%.255s is gone: nothing to put back.", entry->name);
		return 0;
	}
	if (rc < 0)
		return rc;
	if (cm_str_eq(entry->kind, "stopped"))
		rc = undo_stopped(d, entry, now, ret_text, err);
	else if (cm_str_eq(entry->kind, "paused"))
		rc = undo_paused(d, entry, now, ret_text, err);
	else
		return undo_post(d, entry, now, ret_text, err);
	return rc < 0 ? cm_err_prefix(err, "A backup had %s it, and it does not run again yet", entry->kind) : 0;
}
