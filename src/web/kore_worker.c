/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/kore_server.h"

#include <kore/hooks.h>
#include <kore/tasks.h>

#include <malloc.h>
#include <time.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "jobs/runner.h"
#include "web/kore_socket.h"
#include "web/kore_stream.h"

enum {
	DRAIN_MS = 4000,  /* for requests and downloads at the end */
	RUNNER_MS = 8000, /* for jobs, from the same moment */
	TICK_MS = 1000,
	TRIM_AFTER_TICKS = 2
};

bool cm_server_ending;

static struct kore_task runner_task;
static struct cm_runner *runner;
static atomic_bool runner_stop, runner_over;

static int run_runner(struct kore_task *t)
{
	(void)t;
	cm_runner_main(runner, &runner_stop);
	cm_runner_free(runner);
	atomic_store(&runner_over, true);
	return KORE_RESULT_OK;
}

static void runner_ended(struct kore_task *t)
{
	if (kore_task_finished(t))
		kore_task_destroy(t);
}

/* Also what makes Kore look at its time limits and at signals once a second. Memory of the last requests goes back to
 * the system when nothing happened for a while. */
static void tick(void *arg, u_int64_t now)
{
	static int quiet_ticks;
	static u_int32_t connections_before;
	static bool busy_before = true;
	bool busy = http_request_count > 0 || cm_stream_count() > 0 || cm_socket_count() > 0 ||
		    worker_active_connections != connections_before;

	(void)arg;
	(void)now;
	connections_before = worker_active_connections;
	if (busy) {
		busy_before = true;
		quiet_ticks = 0;
	} else if (busy_before && ++quiet_ticks >= TRIM_AFTER_TICKS) {
		busy_before = false;
		malloc_trim(0);
	}
}

static const char *shown_address(char *dst, size_t size)
{
	const char *bind = cm_server.app->bind;

	if (strcmp(bind, "0.0.0.0") == 0)
		bind = "127.0.0.1";
	if (strcmp(bind, "::") == 0)
		bind = "::1";
	snprintf(dst, size, strchr(bind, ':') != NULL ? "[%s]" : "%s", bind);
	return dst;
}

/* The last worker says it, when certificates are loaded too. */
static void announce(void *arg, u_int64_t now)
{
	static bool said;
	char address[80], line[256];
	int n;

	(void)arg;
	(void)now;
	if (said || (primary_dom != NULL && primary_dom->tls_ctx == NULL))
		return;
	said = true;
	shown_address(address, sizeof(address));
	n = snprintf(line, sizeof(line), "serving http://%s:%u\n", address, cm_server.app->port);
	if (cm_server.tls_cert[0] != '\0')
		n += snprintf(line + n, sizeof(line) - (size_t)n, "serving https://%s:%u\n", address,
			      cm_server.app->tls_port);
	n = (int)write(STDERR_FILENO, line, (size_t)n);
	(void)n;
}

static void announce_until(void *arg, u_int64_t now)
{
	announce(arg, now);
	if (primary_dom != NULL && primary_dom->tls_ctx == NULL)
		kore_timer_add(announce_until, 5, NULL, KORE_TIMER_ONESHOT);
}

/* Kore calls this in every worker, also in one that replaces a dead one. */
void kore_worker_configure(void)
{
	runner = cm_runner_new(cm_server.app);
	kore_task_create(&runner_task, run_runner);
	kore_task_bind_callback(&runner_task, runner_ended);
	kore_task_run(&runner_task);
	kore_timer_add(tick, TICK_MS, NULL, 0);
	if (worker->id == cm_server.app->workers && !worker->restarted)
		kore_timer_add(announce_until, 0, NULL, KORE_TIMER_ONESHOT);
}

/* The port is free from here on, also for the next program. */
static void close_listeners(void)
{
	struct kore_server *server;
	struct listener *l;

	if (worker->has_lock)
		kore_platform_disable_accept();
	LIST_FOREACH(server, &kore_servers, list)
	LIST_FOREACH(l, &server->listeners, list)
	{
		close(l->fd);
		l->fd = -1;
	}
}

static bool answers_pending(void)
{
	const struct connection *c;

	if (http_request_count > 0 || cm_socket_count() > 0)
		return true;
	TAILQ_FOREACH(c, &connections, list)
	if (c->proto != CONN_PROTO_MSG && !TAILQ_EMPTY(&c->send_queue))
		return true;
	return false;
}

/* Requests that were accepted get their answers, downloads are cut, jobs get time to reach a safe place. All of it
 * within what docker stop grants. */
static void drain(void)
{
	int64_t begin = cm_monotonic_ms();

	for (;;) {
		int64_t spent = cm_monotonic_ms() - begin;
		bool pending = spent < DRAIN_MS && answers_pending();

		if (!pending && (atomic_load(&runner_over) || spent >= RUNNER_MS))
			return;
		kore_platform_event_wait(20);
		kore_timer_run(kore_time_ms());
		http_process();
		kore_connection_prune(KORE_CONNECTION_PRUNE_DISCONNECT);
	}
}

void kore_worker_teardown(void)
{
	cm_server_ending = true;
	atomic_store(&runner_stop, true);
	cm_stream_stop_all();
	cm_socket_stop_all();
	close_listeners();
	drain();
	/* Threads that still run must not see what Kore takes down now. */
	if (!atomic_load(&runner_over) || http_request_count > 0 || cm_stream_count() > 0 || cm_socket_count() > 0)
		_exit(0);
}
