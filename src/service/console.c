/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "service/audit.h"
#include "service/command.h"
#include "service/console_int.h"
#include "service/container_spec.h"
#include "service/containers.h"
#include "service/engine.h"
#include "service/exec_end.h"
#include "service/words.h"

enum { ENGINE_MS = 10000, HANGUP_MS = 1500, EXIT_MS = 1000, STEP_MS = 50 };

struct session {
	const struct cm_console *c;
	struct cm_docker *d;
	struct cm_docker_conn *conn;
	char mark[CM_EXEC_MARK_LEN];
	char *exec_id, *container_id, *container_name, *shell;
	int64_t began_ms;
};

/* One of the places, which the kernel gives back when its holder dies. CM_ELIMIT: all are taken. */
static int take_place(const struct cm_app *app, int *ret_fd, struct cm_err *err)
{
	cm_autofree char *path = cm_asprintf("%s/consoles.lock", app->config_dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return cm_err_errno(err, errno, "opening the list of consoles");
	for (int i = 0; i < CM_CONSOLES; i++) {
		struct flock place = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = i, .l_len = 1 };

		if (fcntl(fd, F_OFD_SETLK, &place) == 0) {
			*ret_fd = fd;
			return 0;
		}
	}
	close(fd);
	return cm_err_set(err, CM_ELIMIT,
			  "%d consoles are open, and there cannot be more. Close one and connect again.", CM_CONSOLES);
}

static void audit(const struct session *s, const char *status, struct json_object *details, const char *error)
{
	struct cm_audit_event event = { .operation = "console",
					.status = status,
					.container_id = s->container_id,
					.container_name = s->container_name,
					.error = error,
					.user = s->c->by,
					.address = s->c->address,
					.details = details };

	cm_json_set_str(details, "shell", s->shell);
	if (s->c->user[0] != '\0')
		cm_json_set_str(details, "as", s->c->user);
	(void)cm_audit(&event, NULL);
	json_object_put(details);
}

/* bash is what people expect where it is; sh is nearly everywhere. */
static char *shell_choose(struct session *s)
{
	cm_autojson struct json_object *stat = NULL;

	if (s->c->shell[0] != '\0')
		return cm_strdup(s->c->shell);
	return cm_strdup(cm_container_archive_stat(s->d, s->container_id, "/bin/bash", &stat, NULL) == 0 ? "/bin/bash"
													 : "sh");
}

static int session_open(struct session *s, struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL;
	const char *env[] = { "TERM=xterm-256color", s->mark, NULL };
	struct cm_exec_spec spec = { .user = s->c->user[0] != '\0' ? s->c->user : NULL,
				     .workdir = s->c->workdir[0] != '\0' ? s->c->workdir : NULL,
				     .env = env,
				     .tty = true,
				     .stdin_open = true };
	char **words = NULL;
	int rc = cm_containers_look(s->c->app, s->c->container, &inspect, err);

	rc = rc < 0 ? rc : cm_engine_get(s->c->app, &s->d, err);
	if (rc < 0)
		return rc;
	cm_docker_set_timeout(s->d, ENGINE_MS);
	s->container_id = cm_strdup(cm_json_str(inspect, "Id", ""));
	s->container_name = cm_strdup(cm_spec_name(inspect));
	s->shell = shell_choose(s);
	rc = cm_words_split(s->shell, &words, err);
	if (rc < 0)
		return rc;
	cm_exec_mark(s->mark);
	spec.argv = (const char *const *)words;
	rc = cm_container_exec_open(s->d, s->container_id, &spec, &s->exec_id, &s->conn, err);
	cm_words_free(words);
	if (rc == 0)
		(void)cm_container_exec_resize(s->d, s->exec_id, s->c->rows, s->c->cols, NULL);
	return rc;
}

static bool exited(struct session *s, int wait_ms, int *ret_code)
{
	int64_t until = cm_monotonic_ms() + wait_ms;

	for (;;) {
		if (cm_container_exec_exit(s->d, s->exec_id, ret_code, NULL) < 0)
			return false;
		if (*ret_code >= 0)
			return true;
		if (cm_monotonic_ms() >= until)
			return false;
		usleep(STEP_MS * 1000);
	}
}

/* The command must not stay behind when its terminal is closed. */
static bool command_end(struct session *s, int *ret_code)
{
	const char *user = s->c->user[0] != '\0' ? s->c->user : NULL;

	if (exited(s, 0, ret_code))
		return true;
	(void)cm_exec_end(s->d, s->container_id, user, s->mark, CM_EXEC_HANGUP, NULL);
	if (exited(s, HANGUP_MS, ret_code))
		return true;
	(void)cm_exec_end(s->d, s->container_id, user, s->mark, CM_EXEC_KILL, NULL);
	return exited(s, EXIT_MS, ret_code);
}

static struct json_object *end_message(const char *text, int code)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "end", text);
	if (code >= 0)
		cm_json_set_int(o, "exit_code", code);
	return o;
}

/* The engine says in the terminal why it could not start it; what to do is ours to say. */
static void end_say(struct session *s, int fd, const struct cm_console_end *end, int code)
{
	cm_autofree char *text = NULL;

	if (end->text[0] == '\0')
		return;
	if (end->closed && (code == 126 || code == 127))
		text = cm_asprintf("%s could not be started, or ended with exit code %d. Choose another shell.",
				   s->shell, code);
	else if (end->closed && code >= 0)
		text = cm_asprintf("The session has ended with exit code %d.", code);
	cm_console_say(fd, end_message(text != NULL ? text : end->text, end->closed ? code : -1));
}

static void session_run(struct session *s, int fd, const atomic_bool *stop)
{
	struct json_object *ready = json_object_new_object(), *details = json_object_new_object();
	struct cm_console_end end = { .closed = false };
	bool gone;
	int code = -1;

	s->began_ms = cm_monotonic_ms();
	audit(s, "started", json_object_new_object(), NULL);
	cm_json_set_bool(ready, "ready", true);
	cm_json_set_str(ready, "shell", s->shell);
	cm_console_say(fd, ready);
	cm_console_pump(s->c, s->d, s->exec_id, s->conn, fd, stop, &end);
	if (!end.closed)
		end_say(s, fd, &end, -1);
	cm_docker_conn_free(s->conn);
	s->conn = NULL;
	gone = end.closed ? exited(s, EXIT_MS, &code) : command_end(s, &code);
	if (end.closed)
		end_say(s, fd, &end, code);
	cm_json_set_int(details, "seconds", (cm_monotonic_ms() - s->began_ms + 500) / 1000);
	if (code >= 0)
		cm_json_set_int(details, "exit_code", code);
	cm_json_set_str(details, "ended", end.text[0] != '\0' ? end.text : "The page was closed.");
	if (!gone)
		cm_json_set_bool(details, "left_running", true);
	audit(s, "completed", details, NULL);
}

void cm_console_run(const struct cm_console *c, int fd, const atomic_bool *stop)
{
	struct session s = { .c = c };
	struct cm_err err = { 0 };
	int place = -1, rc = take_place(c->app, &place, &err);

	if (rc == 0)
		rc = session_open(&s, &err);
	if (rc == 0) {
		session_run(&s, fd, stop);
	} else {
		cm_console_say(fd, end_message(err.text, -1));
		if (s.container_id != NULL)
			audit(&s, "error", json_object_new_object(), err.text);
	}
	cm_docker_conn_free(s.conn);
	free(s.exec_id);
	free(s.container_id);
	free(s.container_name);
	free(s.shell);
	if (place >= 0)
		close(place);
}
