/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The switch: the old container steps aside, the new one is made, filled, named, connected and started.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/fault.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "docker/network.h"
#include "service/restore_run.h"

enum {
	SETTLE_MS = 3000,	/* a container without a health check must live that long */
	HEALTH_SPARE_MS = 5000, /* beside what its health check may take by itself */
	HEALTH_MAX_MS = 180000,
	POLL_MS = 200,
	STOP_TIMEOUT_S = 10, /* the engine's own, for a container that has none */
};

/* An anonymous volume of the old container is only removed with it when its content was to be replaced. */
static bool remove_old_volumes(const struct cm_restore_run *r)
{
	bool any = false;

	for (size_t i = 0; i < r->plan->volume_count; i++) {
		const struct cm_restore_volume *v = &r->plan->volumes[i];
		if (!v->anonymous)
			continue;
		any = true;
		if (v->choice != CM_VOLUME_REPLACE && v->action != CM_RV_KEEP)
			return false;
	}
	return any;
}

int cm_restore_old_aside(struct cm_restore_run *r, struct cm_err *err)
{
	struct json_object *old = r->plan->old, *note, *state = cm_json_obj(old, "State");
	cm_autofree char *aside = NULL;
	const char *id = cm_json_str(old, "Id", "");
	bool running = cm_json_bool(state, "Running", false);
	char stamp[32];
	int rc;

	if (old == NULL)
		return 0;
	cm_restore_step(r, "Stopping %s", r->plan->name);
	cm_time_stamp(stamp, cm_now_ms());
	aside = r->plan->options.keep_old ? cm_asprintf("%s_before_%s", r->plan->name, stamp)
					  : cm_asprintf("%s_replaced_%s", r->plan->name, r->tag);
	note = json_object_new_object();
	cm_json_set_str(note, "id", id);
	cm_json_set_str(note, "name", r->plan->name);
	cm_json_set_str(note, "aside", aside);
	cm_json_set_bool(note, "running", running);
	cm_json_set_bool(note, "paused", cm_json_bool(state, "Paused", false));
	cm_json_set_int(note, "stop_ms", cm_now_ms());
	cm_json_set_int(note, "timeout", cm_json_int(cm_json_obj(old, "Config"), "StopTimeout", STOP_TIMEOUT_S));
	cm_json_set_bool(note, "keep", r->plan->options.keep_old);
	cm_json_set_bool(note, "volumes", remove_old_volumes(r));
	cm_json_set(r->state, "old", note);
	rc = cm_restore_save(r, err);
	CM_FAULT_POINT("restore_before_stop");
	/* Not to be cancelled: the engine would go on stopping it while we start it again. */
	cm_docker_set_cancel(r->d, NULL, NULL);
	if (rc == 0 && running)
		rc = cm_container_stop(r->d, id, -1, err);
	if (rc != 0)
		return rc;
	CM_FAULT_POINT("restore_after_stop");
	rc = cm_container_rename(cm_restore_docker(r), id, aside, err);
	CM_FAULT_POINT("restore_after_rename");
	return rc ? rc : cm_restore_check(r, err);
}

static int connect_all(struct cm_restore_run *r, const struct cm_spec *spec, struct cm_err *err)
{
	for (size_t i = 0; i < cm_json_len(spec->connects); i++) {
		struct json_object *c = json_object_array_get_idx(spec->connects, i);
		int rc = cm_network_connect(cm_restore_docker(r), cm_json_str(c, "network", ""), r->new_id,
					    cm_json_obj(c, "endpoint"), err);
		if (rc != 0)
			return rc;
	}
	for (size_t i = 0; i < cm_json_len(spec->disconnects); i++) {
		const char *network = json_object_get_string(json_object_array_get_idx(spec->disconnects, i));
		int rc = cm_network_disconnect(cm_restore_docker(r), network, r->new_id, false, err);
		if (rc != 0 && rc != CM_ENOTFOUND)
			return rc;
	}
	CM_FAULT_POINT("restore_connected");
	return 0;
}

/* Under a name of ours first: whatever has that name after a crash is certainly not the user's. */
int cm_restore_container_make(struct cm_restore_run *r, struct cm_err *err)
{
	struct json_object *note = cm_json_obj(r->state, "new"), *warnings = NULL;
	struct cm_spec *spec = NULL;
	int rc;

	cm_restore_step(r, "Creating %s", r->plan->name);
	rc = cm_restore_plan_spec(r->plan, cm_restore_plan_image(r->plan), cm_json_obj(r->plan->image_now, "Config"),
				  &spec, err);
	if (rc != 0)
		return rc;
	cm_json_set_bool(note, "asked", true);
	rc = cm_restore_save(r, err);
	if (rc == 0)
		rc = cm_container_create(cm_restore_docker(r), cm_json_str(note, "aside", ""), spec->body, &r->new_id,
					 &warnings, err);
	if (rc == 0) {
		CM_FAULT_POINT("restore_created");
		for (size_t i = 0; i < cm_json_len(warnings); i++)
			cm_restore_warn(r, "Docker: %s",
					json_object_get_string(json_object_array_get_idx(warnings, i)));
		for (size_t i = 0; i < cm_json_len(spec->warnings); i++)
			cm_restore_warn(r, "%s", json_object_get_string(json_object_array_get_idx(spec->warnings, i)));
		json_object_put(warnings);
		cm_json_set_str(note, "id", r->new_id);
		rc = cm_restore_save(r, err);
		rc = rc ? rc : connect_all(r, spec, err);
	} else {
		cm_err_prefix(err, "The container could not be created");
	}
	cm_spec_free(spec);
	return rc ? rc : cm_restore_check(r, err);
}

int cm_restore_container_name(struct cm_restore_run *r, struct cm_err *err)
{
	int rc = cm_container_rename(cm_restore_docker(r), r->new_id, r->plan->name, err);

	if (rc == 0)
		CM_FAULT_POINT("restore_named");
	return rc;
}

static void pause_ms(int ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
	nanosleep(&t, NULL);
}

/* How long the health check may take to give its verdict. */
static int64_t health_limit(struct json_object *inspect)
{
	struct json_object *h = cm_json_obj(cm_json_obj(inspect, "Config"), "Healthcheck");
	int64_t interval = cm_json_int(h, "Interval", 0) / 1000000, timeout = cm_json_int(h, "Timeout", 0) / 1000000;
	int64_t start = cm_json_int(h, "StartPeriod", 0) / 1000000, tries = cm_json_int(h, "Retries", 0);
	int64_t ms;

	interval = interval > 0 ? interval : 30000;
	timeout = timeout > 0 ? timeout : 30000;
	tries = tries > 0 ? tries : 3;
	if (interval > HEALTH_MAX_MS || timeout > HEALTH_MAX_MS || tries > 100 || start > HEALTH_MAX_MS)
		return HEALTH_MAX_MS;
	ms = start + (interval + timeout) * tries + HEALTH_SPARE_MS;
	return ms < HEALTH_MAX_MS ? ms : HEALTH_MAX_MS;
}

enum verdict { VERDICT_WAIT, VERDICT_GOOD, VERDICT_BAD };

static enum verdict judge_exit(struct cm_restore_run *r, struct json_object *state, struct cm_err *err)
{
	int64_t code = cm_json_int(state, "ExitCode", 0);
	const char *why = cm_json_str(state, "Error", "");

	/* A container that was not running when it was saved may be one that does its work and ends. */
	if (code == 0 && strcmp(r->plan->source->status, "stopped") == 0) {
		cm_restore_warn(r, "%s was started and has ended by itself, with exit code 0.", r->plan->name);
		return VERDICT_GOOD;
	}
	cm_err_set(err, CM_EUPSTREAM, "The restored container ended at once, with exit code %lld%s%s.", (long long)code,
		   why[0] ? ": " : "", why);
	return VERDICT_BAD;
}

static enum verdict judge(struct cm_restore_run *r, struct json_object *inspect, int64_t waited_ms, struct cm_err *err)
{
	struct json_object *state = cm_json_obj(inspect, "State");
	const char *health = cm_json_str_at(state, "Health.Status", "none");

	if (cm_json_bool(state, "Restarting", false) || cm_json_int(inspect, "RestartCount", 0) > 0) {
		cm_err_set(err, CM_EUPSTREAM,
			   "The restored container ends again and again, the last time with exit code %lld.",
			   (long long)cm_json_int(state, "ExitCode", 0));
		return VERDICT_BAD;
	}
	if (!cm_json_bool(state, "Running", false))
		return judge_exit(r, state, err);
	if (strcmp(health, "unhealthy") == 0) {
		cm_err_set(err, CM_EUPSTREAM, "The restored container runs, but its health check fails.");
		return VERDICT_BAD;
	}
	if (strcmp(health, "healthy") == 0)
		return VERDICT_GOOD;
	if (strcmp(health, "none") == 0)
		return waited_ms >= SETTLE_MS ? VERDICT_GOOD : VERDICT_WAIT;
	if (waited_ms < health_limit(inspect))
		return VERDICT_WAIT;
	cm_restore_warn(r, "%s runs, but its health check has not answered yet.", r->plan->name);
	return VERDICT_GOOD;
}

static int wait_good(struct cm_restore_run *r, struct cm_err *err)
{
	int64_t begin = cm_monotonic_ms();

	for (;;) {
		cm_autojson struct json_object *inspect = NULL;
		int rc = cm_restore_check(r, err);
		rc = rc ? rc : cm_container_inspect(cm_restore_docker(r), r->new_id, false, &inspect, err);
		/* Started with --rm, and gone already. */
		if (rc == CM_ENOTFOUND)
			return cm_err_set(
			    err, CM_EUPSTREAM,
			    "The restored container ended at once, and was removed as it asks for (--rm).");
		if (rc != 0)
			return rc;
		switch (judge(r, inspect, cm_monotonic_ms() - begin, err)) {
		case VERDICT_GOOD:
			return 0;
		case VERDICT_BAD:
			return CM_EUPSTREAM;
		case VERDICT_WAIT:
			pause_ms(POLL_MS);
		}
	}
}

int cm_restore_container_start(struct cm_restore_run *r, struct cm_err *err)
{
	int rc;

	if (!r->plan->start)
		return cm_restore_check(r, err);
	cm_restore_step(r, "Starting %s", r->plan->name);
	rc = cm_container_start(cm_restore_docker(r), r->new_id, err);
	if (rc != 0)
		return cm_err_prefix(err, "The restored container could not be started");
	CM_FAULT_POINT("restore_started");
	r->started = true;
	rc = wait_good(r, err);
	if (rc == 0 && strcmp(r->plan->source->status, "paused") == 0 && r->plan->options.start == CM_START_AS_IT_WAS)
		rc = cm_container_pause(cm_restore_docker(r), r->new_id, err);
	return rc;
}
