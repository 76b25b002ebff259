/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/command.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "service/audit.h"
#include "service/container_spec.h"
#include "service/containers.h"
#include "service/engine.h"
#include "service/exec_end.h"
#include "service/words.h"

static bool has_control(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

int cm_exec_options_check(const char *user, const char *workdir, struct cm_err *err)
{
	if (user != NULL && (strlen(user) > CM_EXEC_USER_MAX || has_control(user) || strchr(user, ' ') != NULL))
		return cm_err_set(err, CM_EINVAL, "The user is a name or a number, with \":group\" if you like.");
	if (workdir != NULL && workdir[0] != '\0' &&
	    (workdir[0] != '/' || strlen(workdir) > CM_EXEC_WORKDIR_MAX || has_control(workdir)))
		return cm_err_set(err, CM_EINVAL, "Working directory must be an absolute path");
	return 0;
}

struct output {
	struct cm_buf out, errs;
	bool cut;
};

static int keep(void *ctx, int stream, const void *data, size_t len, struct cm_err *err)
{
	struct output *o = ctx;
	struct cm_buf *b = stream == CM_STDERR ? &o->errs : &o->out;
	size_t room = b->max - b->len;

	o->cut |= len > room;
	cm_buf_add(b, data, len < room ? len : room);
	return cm_buf_failed(b) ? cm_err_set(err, CM_ENOMEM, "Out of memory while reading a command's output.") : 0;
}

static void audit(const struct cm_command *c, struct json_object *inspect, const struct cm_command_result *r,
		  const struct cm_err *why)
{
	cm_autojson struct json_object *details = json_object_new_object();
	cm_autofree char *text = cm_words_masked(c->argv);
	struct cm_audit_event event = { .operation = "container_exec",
					.status = why != NULL ? "error" : "completed",
					.container_id = cm_json_str(inspect, "Id", NULL),
					.container_name = cm_spec_name(inspect),
					.error = why != NULL ? why->text : NULL,
					.user = c->by,
					.address = c->address,
					.details = details };

	cm_json_set_str(details, "command", text);
	if (c->user != NULL && c->user[0] != '\0')
		cm_json_set_str(details, "as", c->user);
	if (r != NULL && r->timed_out)
		cm_json_set_bool(details, "timed_out", true);
	else if (r != NULL)
		cm_json_set_int(details, "exit_code", r->exit_code);
	if (r != NULL)
		cm_json_set_int(details, "ms", r->took_ms);
	(void)cm_audit(&event, NULL);
}

static int run(const struct cm_app *app, const char *id, const struct cm_command *c, struct output *o,
	       struct cm_command_result *r, struct cm_err *err)
{
	char mark[CM_EXEC_MARK_LEN];
	const char *env[] = { mark, NULL };
	struct cm_exec_spec spec = { .argv = (const char *const *)c->argv,
				     .user = c->user != NULL && c->user[0] != '\0' ? c->user : NULL,
				     .workdir = c->workdir != NULL && c->workdir[0] != '\0' ? c->workdir : NULL,
				     .env = env,
				     .timeout_ms = CM_COMMAND_SECONDS * 1000 };
	struct cm_docker *d;
	int64_t began = cm_monotonic_ms();
	int rc = cm_engine_get(app, &d, err);

	if (rc < 0)
		return rc;
	cm_exec_mark(mark);
	rc = cm_container_exec_stream(d, id, &spec, keep, o, &r->exit_code, err);
	r->took_ms = cm_monotonic_ms() - began;
	if (rc != CM_ETIMEDOUT || r->took_ms < spec.timeout_ms)
		return rc;
	r->timed_out = true;
	r->exit_code = -1;
	r->left_running = cm_exec_end(d, id, spec.user, mark, CM_EXEC_KILL, NULL) < 0;
	return 0;
}

int cm_command_run(const struct cm_app *app, const char *container, const struct cm_command *command,
		   struct cm_command_result *ret, struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL;
	struct cm_command_result r = { .exit_code = -1 };
	struct cm_err own = { 0 }, *why = err != NULL ? err : &own;
	struct output o = { .cut = false };
	int rc = cm_exec_options_check(command->user, command->workdir, why);

	rc = rc < 0 ? rc : cm_containers_look(app, container, &inspect, why);
	if (rc < 0)
		return rc;
	cm_buf_init(&o.out, CM_COMMAND_OUTPUT);
	cm_buf_init(&o.errs, CM_COMMAND_OUTPUT);
	rc = run(app, cm_json_str(inspect, "Id", container), command, &o, &r, why);
	audit(command, inspect, rc == 0 ? &r : NULL, rc < 0 ? why : NULL);
	if (rc == 0) {
		r.cut = o.cut;
		r.out_len = o.out.len;
		r.errs_len = o.errs.len;
		r.out = cm_buf_detach(&o.out);
		r.errs = cm_buf_detach(&o.errs);
		*ret = r;
	}
	cm_buf_release(&o.out);
	cm_buf_release(&o.errs);
	return rc;
}

void cm_command_result_release(struct cm_command_result *r)
{
	free(r->out);
	free(r->errs);
	*r = (struct cm_command_result){ .exit_code = -1 };
}
