/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Watching the container of a drill until it proves that it works.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "archive/proto.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "service/drill_int.h"
#include "service/helper_peer.h"

enum {
	RUN_MS = 10000, /* without a check it must live that long */
	POLL_MS = 250,
	AGAIN_MS = 1000, /* between two tries of a check */
	PROBE_MS = 3000,
	EXEC_MS = 30000,
	EXEC_OUTPUT = 4096,
	TAIL = 200,	  /* lines of the log */
	REASON_LINES = 3, /* of them in the reason */
	REASON_MAX = 300,
	SAID_MAX = 200
};

enum verdict { VERDICT_WAIT, VERDICT_GOOD, VERDICT_BAD };

struct watch {
	struct cm_drill *d;
	struct json_object *inspect;
	int64_t began_ms, next_ms; /* monotonic; next_ms: of the next try */
	char said[SAID_MAX];	   /* why the check has not passed yet */
};

static void pause_ms(int ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
	nanosleep(&t, NULL);
}

/* The last line that says something, made fit for people. */
static void last_line(char *dst, size_t size, const char *text, size_t len)
{
	cm_autobuf struct cm_buf clean = CM_BUF_INIT(4 * EXEC_OUTPUT);
	const char *begin;

	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
		len--;
	for (begin = text + len; begin > text && begin[-1] != '\n';)
		begin--;
	cm_utf8_clean(&clean, begin, (size_t)(text + len - begin));
	cm_str_copy(dst, size, clean.data);
}

static enum verdict judge_exit(struct cm_drill *d, struct json_object *state, struct cm_err *err)
{
	int64_t code = cm_json_int(state, "ExitCode", 0);
	const char *why = cm_json_str(state, "Error", "");

	/* As a restore does: one that was not running may do its work and end. */
	if (code == 0 && d->check.kind == CM_DRILL_RUN && strcmp(d->run.plan->source->status, "stopped") == 0) {
		cm_json_add_str(d->notes, "It was started and has ended by itself, with exit code 0.");
		return VERDICT_GOOD;
	}
	if (cm_json_bool(state, "OOMKilled", false))
		cm_err_set(err, CM_EUPSTREAM, "It ended with exit code %lld: it needed more memory than it may use.",
			   (long long)code);
	else
		cm_err_set(err, CM_EUPSTREAM, "It ended with exit code %lld%s%s.", (long long)code, why[0] ? ": " : "",
			   why);
	return VERDICT_BAD;
}

static enum verdict judge_health(struct watch *w, struct cm_err *err)
{
	struct json_object *health = cm_json_at(w->inspect, "State.Health"), *log = cm_json_arr(health, "Log"), *last;
	const char *status = cm_json_str(health, "Status", "none"), *output;

	last = cm_json_len(log) ? json_object_array_get_idx(log, cm_json_len(log) - 1) : NULL;
	output = cm_json_str(last, "Output", "");
	last_line(w->said, sizeof(w->said), output, strlen(output));
	if (strcmp(status, "healthy") == 0)
		return VERDICT_GOOD;
	if (strcmp(status, "none") == 0)
		cm_err_set(err, CM_EUPSTREAM, "It has no health check.");
	else if (strcmp(status, "unhealthy") == 0)
		cm_err_set(err, CM_EUPSTREAM, "It runs, but its health check fails%s%s", w->said[0] ? ": " : ".",
			   w->said);
	else
		return VERDICT_WAIT;
	return VERDICT_BAD;
}

static int try_command(struct watch *w, enum verdict *ret, struct cm_err *err)
{
	struct cm_restore_run *r = &w->d->run;
	struct cm_exec_spec spec = { .argv = (const char *const *)w->d->check.words,
				     .timeout_ms = EXEC_MS,
				     .output_max = EXEC_OUTPUT };
	struct cm_exec_result result = { 0 };
	int rc = cm_container_exec_run(cm_restore_docker(r), r->new_id, &spec, &result, err);

	if (rc != 0)
		return rc;
	if (result.exit_code == 0) {
		*ret = VERDICT_GOOD;
	} else {
		char line[SAID_MAX];
		bool errors = result.errs_len > 0;
		last_line(line, sizeof(line), errors ? result.errs : result.out,
			  errors ? result.errs_len : result.out_len);
		snprintf(w->said, sizeof(w->said), "exit code %d%s%.150s", result.exit_code, line[0] ? ", " : "", line);
	}
	cm_exec_result_release(&result);
	return 0;
}

/* Its own loopback, and the addresses it has. */
static struct json_object *addresses(struct json_object *inspect)
{
	struct json_object *list = json_object_new_array(), *nets = cm_json_at(inspect, "NetworkSettings.Networks");

	cm_json_add_str(list, "127.0.0.1");
	cm_json_add_str(list, "::1");
	if (!json_object_is_type(nets, json_type_object))
		return list;
	json_object_object_foreach(nets, name, endpoint)
	{
		const char *address = cm_json_str(endpoint, "IPAddress", "");
		(void)name;
		if (address[0] != '\0')
			cm_json_add_str(list, address);
	}
	return list;
}

static int try_port(struct watch *w, enum verdict *ret, struct cm_err *err)
{
	cm_autojson struct json_object *plan = json_object_new_object(), *result = NULL;
	struct cm_archive_watch watch = cm_restore_watch(&w->d->run);
	struct cm_restore_run *r = &w->d->run;
	struct cm_helper *h;
	struct cm_peer peer;
	int code, rc = cm_helper_open_beside(w->d->app, cm_restore_docker(r), r->new_id, &h, err);

	if (rc != 0)
		return rc;
	watch.progress = NULL;
	cm_json_set_int(plan, "v", CM_PROTO_VERSION);
	cm_json_set_str(plan, "op", "probe");
	cm_json_set_bool(plan, "http", w->d->check.kind == CM_DRILL_HTTP);
	cm_json_set(plan, "addresses", addresses(w->inspect));
	cm_json_set_int(plan, "port", w->d->check.port);
	cm_json_set_str(plan, "path", w->d->check.path ? w->d->check.path : "/");
	cm_json_set_int(plan, "wait_ms", PROBE_MS);
	cm_helper_peer(&peer, h);
	rc = cm_peer_run(&peer, plan, &watch, NULL, NULL, &result, err);
	if (rc != 0) {
		cm_helper_abort(h);
		return rc;
	}
	(void)cm_helper_finish(h, &code, NULL, NULL);
	if (cm_json_bool(result, "answered", false))
		*ret = VERDICT_GOOD;
	else
		cm_str_copy(w->said, sizeof(w->said), cm_json_str(result, "text", ""));
	return 0;
}

static int judge_running(struct watch *w, enum verdict *ret, struct cm_err *err)
{
	int64_t now = cm_monotonic_ms();
	struct cm_err why = { 0 };
	int rc;

	*ret = VERDICT_WAIT;
	if (w->d->check.kind == CM_DRILL_RUN)
		*ret = now - w->began_ms >= RUN_MS ? VERDICT_GOOD : VERDICT_WAIT;
	else if (w->d->check.kind == CM_DRILL_HEALTH)
		*ret = judge_health(w, err);
	if (w->d->check.kind == CM_DRILL_RUN || w->d->check.kind == CM_DRILL_HEALTH || now < w->next_ms)
		return *ret == VERDICT_BAD ? CM_EUPSTREAM : 0;
	rc = w->d->check.kind == CM_DRILL_COMMAND ? try_command(w, ret, &why) : try_port(w, ret, &why);
	w->next_ms = cm_monotonic_ms() + AGAIN_MS;
	if (rc == CM_ECANCELLED || rc == CM_EUNREACHABLE)
		return cm_err_set(err, rc, "%s", why.text);
	/* It may just have ended: the next look tells. */
	if (rc != 0)
		cm_str_copy(w->said, sizeof(w->said), why.text);
	return 0;
}

static int look(struct watch *w, enum verdict *ret, struct cm_err *err)
{
	struct cm_restore_run *r = &w->d->run;
	struct json_object *state;
	int rc;

	json_object_put(w->inspect);
	w->inspect = NULL;
	rc = cm_restore_check(r, err);
	rc = rc ? rc : cm_container_inspect(cm_restore_docker(r), r->new_id, false, &w->inspect, err);
	if (rc == CM_ENOTFOUND)
		return cm_err_set(err, CM_EUPSTREAM, "Its container was removed by somebody else.");
	if (rc != 0)
		return rc;
	state = cm_json_obj(w->inspect, "State");
	if (cm_json_bool(state, "Running", false))
		return judge_running(w, ret, err);
	*ret = judge_exit(w->d, state, err);
	return *ret == VERDICT_BAD ? CM_EUPSTREAM : 0;
}

static void kind_choose(struct cm_drill *d)
{
	struct json_object *test = cm_json_at(d->run.plan->source->inspect, "Config.Healthcheck.Test");
	const char *first = cm_json_len(test) ? json_object_get_string(json_object_array_get_idx(test, 0)) : NULL;

	if (d->check.kind == CM_DRILL_AUTO || d->check.kind == CM_DRILL_OFF)
		d->check.kind = first != NULL && strcmp(first, "NONE") != 0 ? CM_DRILL_HEALTH : CM_DRILL_RUN;
}

static void step_tell(struct cm_drill *d)
{
	struct cm_restore_run *r = &d->run;

	switch (d->check.kind) {
	case CM_DRILL_HEALTH:
		cm_restore_step(r, "Waiting until its health check says healthy");
		break;
	case CM_DRILL_HTTP:
		cm_restore_step(r, "Waiting for an answer at http port %d, %.200s", d->check.port, d->check.path);
		break;
	case CM_DRILL_TCP:
		cm_restore_step(r, "Waiting for a connection to tcp port %d", d->check.port);
		break;
	case CM_DRILL_COMMAND:
		cm_restore_step(r, "Waiting until the command %.200s succeeds", d->check.words[0]);
		break;
	default:
		cm_restore_step(r, "Watching it run for %d seconds", RUN_MS / 1000);
	}
}

int cm_drill_watch(struct cm_drill *d, struct cm_err *err)
{
	struct watch w = { .d = d, .began_ms = cm_monotonic_ms() };
	enum verdict verdict = VERDICT_WAIT;
	int rc;

	kind_choose(d);
	step_tell(d);
	while ((rc = look(&w, &verdict, err)) == 0 && verdict == VERDICT_WAIT)
		pause_ms(POLL_MS);
	if (rc == CM_ECANCELLED && d->ran_out)
		rc = cm_err_set(err, CM_EUPSTREAM, "Its check (%s) did not pass within %lld seconds%s%s",
				cm_drill_kind_name(d->check.kind), (long long)d->limit_s, w.said[0] ? ": " : ".",
				w.said);
	json_object_put(w.inspect);
	return rc;
}

/* --- what it said --- */

static int log_add(void *ctx, int stream, const void *data, size_t len, struct cm_err *err)
{
	struct cm_buf *b = ctx;

	(void)stream;
	(void)err;
	if (len > CM_DRILL_LOG_MAX) {
		data = (const char *)data + (len - CM_DRILL_LOG_MAX);
		len = CM_DRILL_LOG_MAX;
	}
	if (b->len + len > CM_DRILL_LOG_MAX)
		cm_buf_consume(b, b->len + len - CM_DRILL_LOG_MAX);
	cm_buf_add(b, data, len);
	return 0;
}

/* Without colours, carriage returns and tabs: in place. */
static void plain(char *line)
{
	char *to = line;

	for (const char *from = line; *from != '\0'; from++) {
		if (from[0] == '\033' && from[1] == '[') {
			from += 2 + strspn(from + 2, "0123456789;?");
			if (*from == '\0')
				break;
		} else if (*from == '\t') {
			*to++ = ' ';
		} else if (*from != '\r') {
			*to++ = *from;
		}
	}
	*to = '\0';
}

void cm_drill_log_read(struct cm_drill *d)
{
	cm_autobuf struct cm_buf raw = CM_BUF_INIT(CM_DRILL_LOG_MAX);
	struct cm_logs_spec spec = { .tail = TAIL };
	char *line, *rest;

	if (d->run.new_id == NULL)
		return;
	cm_docker_set_cancel(d->run.d, NULL, NULL);
	(void)cm_container_logs(d->run.d, d->run.new_id, &spec, log_add, &raw, NULL);
	cm_buf_reset(&d->log);
	for (rest = raw.data; raw.len > 0 && (line = strsep(&rest, "\n")) != NULL;) {
		size_t before = d->log.len;
		plain(line);
		cm_utf8_clean(&d->log, line, strlen(line));
		if (d->log.len > before)
			cm_buf_char(&d->log, '\n');
	}
}

void cm_drill_log_append(struct cm_drill *d, struct cm_err *err)
{
	const char *begin = d->log.data + d->log.len;
	struct cm_err first = *err;
	int lines = 0;
	char *p;

	while (begin > d->log.data && d->log.data + d->log.len - begin < REASON_MAX &&
	       (begin[-1] != '\n' || lines++ < REASON_LINES))
		begin--;
	/* Not in the middle of a character. */
	while ((*begin & 0xc0) == 0x80)
		begin++;
	if (*begin == '\0')
		return;
	cm_err_set(err, first.code, "%.200s Its last words: %s", first.text, begin);
	cm_err_detail(err, "%s", first.detail);
	for (p = err->text; *p != '\0'; p++)
		if (*p == '\n')
			*p = p[1] == '\0' ? '\0' : ' ';
}
