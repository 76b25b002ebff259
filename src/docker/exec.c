/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/mem.h"
#include "docker/container.h"
#include "docker/transport.h"

enum { EXEC_MS = 600000, OUTPUT_MAX = 1 << 20, EXIT_WAIT_MS = 5000, READ_LEN = 64 << 10 };

static struct json_object *strings(const char *const *list)
{
	struct json_object *a = json_object_new_array();

	for (; *list != NULL; list++)
		cm_json_add_str(a, *list);
	return a;
}

static int exec_create(struct cm_docker *d, const char *id, const struct cm_exec_spec *spec, char **ret_exec_id,
		       struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(4096);
	cm_autojson struct json_object *answer = NULL;
	cm_autojson struct json_object *o = json_object_new_object();

	int r = cm_docker_ref_check("container", id, err);
	if (r < 0)
		return r;
	if (spec->argv == NULL || spec->argv[0] == NULL)
		return cm_err_set(err, CM_EINVAL, "There is no command to run.");
	cm_json_set(o, "Cmd", strings(spec->argv));
	cm_json_set_bool(o, "AttachStdin", spec->stdin_open);
	cm_json_set_bool(o, "AttachStdout", true);
	cm_json_set_bool(o, "AttachStderr", true);
	cm_json_set_bool(o, "Tty", spec->tty);
	cm_json_set_bool(o, "Privileged", spec->privileged);
	if (spec->user != NULL)
		cm_json_set_str(o, "User", spec->user);
	if (spec->workdir != NULL)
		cm_json_set_str(o, "WorkingDir", spec->workdir);
	if (spec->env != NULL)
		cm_json_set(o, "Env", strings(spec->env));
	cm_docker_path(&path, "/containers/%s/exec", id);
	r = cm_docker_call(d, "POST", path.data, o, &answer, err);
	if (r < 0)
		return r;
	const char *exec_id = cm_json_str(answer, "Id", NULL);
	if (exec_id == NULL)
		return cm_err_set(err, CM_EUPSTREAM, "The Docker Engine accepted a command but did not name it.");
	*ret_exec_id = cm_strdup(exec_id);
	return 0;
}

int cm_container_exec_open(struct cm_docker *d, const char *id, const struct cm_exec_spec *spec, char **ret_exec_id,
			   struct cm_docker_conn **ret_conn, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(4096);
	cm_autojson struct json_object *o = json_object_new_object();
	cm_autofree char *exec_id = NULL;

	int r = exec_create(d, id, spec, &exec_id, err);
	if (r < 0)
		return r;
	cm_json_set_bool(o, "Detach", false);
	cm_json_set_bool(o, "Tty", spec->tty);
	cm_docker_path(&path, "/exec/%s/start", exec_id);
	r = cm_docker_hijack(d, path.data, o, ret_conn, err);
	if (r == 0)
		*ret_exec_id = cm_move(&exec_id);
	return r;
}

int cm_container_exec_resize(struct cm_docker *d, const char *exec_id, int rows, int cols, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(4096);

	int r = cm_docker_ref_check("command", exec_id, err);
	if (r < 0)
		return r;
	if (rows < 1 || cols < 1 || rows > 10000 || cols > 10000)
		return cm_err_set(err, CM_EINVAL, "A terminal has 1 to 10000 rows and columns.");
	cm_docker_path(&path, "/exec/%s/resize?h=%d&w=%d", exec_id, rows, cols);
	return cm_docker_call(d, "POST", path.data, NULL, NULL, err);
}

int cm_container_exec_exit(struct cm_docker *d, const char *exec_id, int *ret_exit_code, struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(4096);
	cm_autojson struct json_object *o = NULL;

	int r = cm_docker_ref_check("command", exec_id, err);
	if (r < 0)
		return r;
	cm_docker_path(&path, "/exec/%s/json", exec_id);
	r = cm_docker_call(d, "GET", path.data, NULL, &o, err);
	if (r < 0)
		return r;
	*ret_exit_code = cm_json_bool(o, "Running", false) ? -1 : (int)cm_json_int(o, "ExitCode", -1);
	return 0;
}

/* The stream may end a moment before the engine knows the exit code; or long before, when the command has closed its
 * output. */
static int exit_code(struct cm_docker *d, const char *exec_id, int64_t until_ms, int *ret, struct cm_err *err)
{
	int code = -1, pause_ms = 5;

	for (;;) {
		int r = cm_container_exec_exit(d, exec_id, &code, err);
		if (r < 0)
			return r;
		if (code >= 0) {
			*ret = code;
			return 0;
		}
		if (cm_monotonic_ms() >= until_ms)
			return cm_err_set(err, CM_ETIMEDOUT, "The command in the container has not ended in time.");
		if (cm_docker_is_cancelled(d))
			return cm_docker_err_cancelled(err);
		usleep((useconds_t)pause_ms * 1000);
		if (pause_ms < CM_DOCKER_TICK_MS)
			pause_ms *= 2;
	}
}

int cm_container_exec_stream(struct cm_docker *d, const char *id, const struct cm_exec_spec *spec, cm_stdcopy_fn fn,
			     void *ctx, int *ret_exit_code, struct cm_err *err)
{
	struct cm_docker_conn *c = NULL;
	struct cm_stdcopy copy;
	struct cm_exec_spec closed = *spec;
	cm_autofree char *exec_id = NULL;
	cm_autofree char *part = cm_alloc(READ_LEN);
	int64_t until = cm_monotonic_ms() + (spec->timeout_ms > 0 ? spec->timeout_ms : EXEC_MS);

	closed.stdin_open = false;
	int r = cm_container_exec_open(d, id, &closed, &exec_id, &c, err);
	if (r < 0)
		return r;
	cm_stdcopy_init(&copy, spec->tty);
	for (size_t n = 1; r == 0 && n > 0;) {
		int64_t left = until - cm_monotonic_ms();
		r = cm_docker_conn_read(c, part, READ_LEN, left > 0 ? (int)left : 0, &n, err);
		if (r == CM_ETIMEDOUT)
			cm_err_set(err, CM_ETIMEDOUT,
				   "The command in the container has not ended in time. It may still be running.");
		if (r == 0 && n > 0)
			r = cm_stdcopy_feed(&copy, part, n, fn, ctx, err);
	}
	cm_docker_conn_free(c);
	if (r == 0)
		r = cm_stdcopy_end(&copy, err);
	if (r < 0)
		return r;
	int64_t soon = cm_monotonic_ms() + EXIT_WAIT_MS;
	return exit_code(d, exec_id, until > soon ? until : soon, ret_exit_code, err);
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
	if (len > room) {
		o->cut = true;
		len = room;
	}
	cm_buf_add(b, data, len);
	return cm_buf_failed(b) ? cm_err_set(err, CM_ENOMEM, "Out of memory while reading a command's output.") : 0;
}

int cm_container_exec_run(struct cm_docker *d, const char *id, const struct cm_exec_spec *spec,
			  struct cm_exec_result *ret, struct cm_err *err)
{
	struct output o = { .cut = false };
	int code = -1;
	size_t max = spec->output_max ? spec->output_max : OUTPUT_MAX;

	cm_buf_init(&o.out, max);
	cm_buf_init(&o.errs, max);
	int r = cm_container_exec_stream(d, id, spec, keep, &o, &code, err);
	if (r == 0) {
		*ret = (struct cm_exec_result){
			.exit_code = code, .out_len = o.out.len, .errs_len = o.errs.len, .cut = o.cut
		};
		ret->out = cm_buf_detach(&o.out);
		ret->errs = cm_buf_detach(&o.errs);
	}
	cm_buf_release(&o.out);
	cm_buf_release(&o.errs);
	return r;
}

void cm_exec_result_release(struct cm_exec_result *r)
{
	free(r->out);
	free(r->errs);
	*r = (struct cm_exec_result){ .exit_code = -1 };
}
