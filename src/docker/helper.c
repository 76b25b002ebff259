/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "docker/helper.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/mem.h"
#include "core/secret.h"
#include "core/str.h"
#include "docker/helper_int.h"
#include "docker/transport.h"
#include "docker/volume.h"

enum { START_MS = 30000, IDLE_MS = 120000, FINISH_MS = 30000, ABORT_MS = 1000, KILLED = 137, MOUNTS_MAX = 256 };

/* The engine would make a volume that is not there, and the backup of an empty one would look fine. */
static int volumes_check(struct cm_docker *d, const struct cm_helper_spec *spec, struct cm_err *err)
{
	int r = 0;

	if (spec->mount_count > MOUNTS_MAX)
		return cm_err_set(err, CM_ETOOBIG, "A helper container takes at most %d mounts.", MOUNTS_MAX);
	for (size_t i = 0; r == 0 && i < spec->mount_count; i++) {
		cm_autojson struct json_object *o = NULL;
		if (spec->mounts[i].is_volume)
			r = cm_volume_inspect(d, spec->mounts[i].source, &o, err);
	}
	return r;
}

static void helper_free(struct cm_helper *h)
{
	cm_container_wait_free(h->wait);
	cm_docker_conn_free(h->attach);
	if (h->fd >= 0)
		close(h->fd);
	cm_buf_release(&h->in);
	cm_buf_release(&h->words);
	free(h->part);
	free(h->id);
	free(h);
}

/* Cleaning up goes on after a cancel, and with the time it needs. */
static void helper_remove(struct cm_helper *h)
{
	struct cm_docker *d = h->d;
	bool (*cancelled)(void *) = d->cancelled;
	int timeout = d->timeout_ms, code;

	d->cancelled = NULL;
	d->timeout_ms = 0;
	if (h->wait != NULL)
		cm_container_wait_finish(h->wait, ABORT_MS, &code, NULL);
	if (h->id != NULL)
		cm_container_remove(d, h->id, true, true, NULL);
	d->cancelled = cancelled;
	d->timeout_ms = timeout;
}

void cm_helper_abort(struct cm_helper *h)
{
	if (h == NULL)
		return;
	/* Both are how it notices that we are gone. */
	cm_docker_conn_free(h->attach);
	h->attach = NULL;
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	helper_remove(h);
	helper_free(h);
}

/* Create, attach, watch, start: in this order nothing of its life is missed. */
static int launch(struct cm_helper *h, const struct cm_helper_spec *spec, const struct cm_helper_mount *mount,
		  const char *transport, struct cm_err *err)
{
	char name[40] = "cm-helper-";
	cm_autojson struct json_object *config = cm_helper_config(spec, mount, transport);

	cm_random_hex(name + strlen(name), 8);
	int r = cm_container_create(h->d, name, config, &h->id, NULL, err);
	if (r == 0)
		r = cm_container_attach(h->d, h->id, mount == NULL, mount == NULL, true, &h->attach, err);
	if (r == 0)
		r = cm_container_wait_start(h->d, h->id, "next-exit", &h->wait, err);
	if (r == 0)
		r = cm_container_start(h->d, h->id, err);
	return r;
}

static struct cm_helper *helper_new(struct cm_docker *d, const struct cm_helper_spec *spec)
{
	struct cm_helper *h = cm_alloc(sizeof(*h));

	h->d = d;
	h->fd = -1;
	h->idle_ms = spec->idle_ms > 0 ? spec->idle_ms : IDLE_MS;
	h->part = cm_alloc(CM_HELPER_PART);
	cm_stdcopy_init(&h->copy, false);
	cm_buf_init(&h->in, CM_HELPER_QUEUE_MAX);
	cm_buf_init(&h->words, CM_HELPER_WORDS_MAX);
	return h;
}

/* Until the helper has connected, or has ended without. */
static int await_connection(struct cm_helper *h, int listen_fd, int timeout_ms, struct cm_err *err)
{
	int64_t until = cm_monotonic_ms() + timeout_ms;

	for (;;) {
		h->fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (h->fd >= 0)
			return 0;
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			return cm_err_errno(err, errno, "waiting for the helper to connect");
		if (h->attach_ended)
			return cm_helper_ended(h, err);
		if (cm_monotonic_ms() >= until)
			return cm_err_set(err, CM_ETIMEDOUT, "The helper container did not connect within %d s.",
					  timeout_ms / 1000);
		int r = cm_helper_poll(h, true, false, CM_DOCKER_TICK_MS, listen_fd, err);
		if (r == 0)
			r = cm_helper_drain(h, err);
		if (r < 0)
			return r;
		h->in_ended = false;
	}
}

static int start_socket(struct cm_docker *d, const struct cm_helper_spec *spec, struct cm_helper **ret,
			struct cm_err *err)
{
	struct cm_helper_socket s;
	struct cm_helper_mount mount;
	char source[1200], argument[120];

	int r = cm_helper_socket_open(spec->socket_dir, &s, err);
	if (r < 0)
		return r;
	struct cm_helper *h = helper_new(d, spec);
	if (!cm_helper_socket_mount(&s, spec->shared, &mount, source, argument))
		r = cm_err_set(err, CM_EUNSUPPORTED, "The path of the shared folder is too long for a socket.");
	if (r == 0)
		r = launch(h, spec, &mount, argument, err);
	if (r == 0)
		r = await_connection(h, s.fd, spec->start_ms > 0 ? spec->start_ms : START_MS, err);
	cm_helper_socket_close(&s);
	if (r < 0) {
		cm_helper_abort(h);
		return r;
	}
	*ret = h;
	return 0;
}

static int start_attach(struct cm_docker *d, const struct cm_helper_spec *spec, struct cm_helper **ret,
			struct cm_err *err)
{
	struct cm_helper *h = helper_new(d, spec);

	int r = launch(h, spec, NULL, "stdio", err);
	if (r < 0) {
		cm_helper_abort(h);
		return r;
	}
	*ret = h;
	return 0;
}

int cm_helper_start(struct cm_docker *d, const struct cm_helper_spec *spec, struct cm_helper **ret, struct cm_err *err)
{
	/* Without any capability its root may not even look into our folders. */
	bool socket = spec->socket_dir != NULL && spec->shared != NULL && spec->shared->kind != CM_HELPER_SHARED_NONE &&
		      spec->privileges != CM_HELPER_NONE && !d->no_socket;

	int r = volumes_check(d, spec, err);
	if (r < 0)
		return r;
	if (socket) {
		r = start_socket(d, spec, ret, err);
		/* Perhaps the engine's host does not see our folder after all. Attach then tells whether it was that.
		 */
		if (r == 0 || r == CM_ECANCELLED || r == CM_ENOTFOUND || r == CM_ENOSPACE)
			return r;
	}
	r = start_attach(d, spec, ret, err);
	if (r == 0 && socket)
		d->no_socket = true;
	return r;
}

bool cm_helper_is_socket(const struct cm_helper *h)
{
	return h->fd >= 0;
}

const char *cm_helper_id(const struct cm_helper *h)
{
	return h->id;
}

/* Reads on, so that it is not held up by what nobody wants any more, until it has closed its side. */
static int read_out(struct cm_helper *h, int64_t until, struct cm_err *err)
{
	size_t n;

	while (!h->in_ended || !h->attach_ended) {
		int64_t left = until - cm_monotonic_ms();
		if (left <= 0)
			return CM_ETIMEDOUT;
		if (h->in_ended) {
			int r = cm_helper_poll(h, false, false, CM_DOCKER_TICK_MS, -1, err);
			if (r == 0)
				r = cm_helper_drain(h, err);
			if (r < 0)
				return r;
			continue;
		}
		char drop[4096];
		int r = cm_helper_read_some(h, drop, sizeof(drop), left < 1000 ? (int)left : 1000, &n, err);
		if (r < 0 && r != CM_ETIMEDOUT)
			return r;
	}
	return 0;
}

int cm_helper_finish(struct cm_helper *h, int *ret_exit_code, char **ret_stderr, struct cm_err *err)
{
	int code = -1;
	bool by_us = false;
	int64_t until = cm_monotonic_ms() + FINISH_MS;
	cm_autobuf struct cm_buf text = CM_BUF_INIT((size_t)4 * CM_HELPER_WORDS_MAX);

	int r = read_out(h, until, err);
	if (r == 0) {
		int64_t left = until - cm_monotonic_ms();
		r = cm_container_wait_finish(h->wait, left > 0 ? (int)left : 0, &code, err);
	}
	if (r == CM_ETIMEDOUT) {
		/* It hangs: by force then, and the caller sees it by the exit code. */
		by_us = true;
		r = cm_container_kill(h->d, h->id, NULL, err);
		if (r == 0 || r == CM_EBUSY)
			r = cm_container_wait_finish(h->wait, START_MS, &code, err);
	}
	if (r < 0) {
		cm_helper_abort(h);
		return r;
	}
	/* The engine tells "out of memory" late or never, and nobody else has a reason to kill it. */
	if (code == KILLED)
		cm_buf_str(&h->words, by_us ? "\nIt did not end by itself and was killed."
					    : "\nIt was killed: most likely it ran out of memory.");
	cm_container_wait_free(h->wait);
	h->wait = NULL;
	helper_remove(h);
	if (ret_stderr != NULL) {
		cm_utf8_clean(&text, h->words.data, h->words.len);
		*ret_stderr = cm_strdup(text.data);
	}
	*ret_exit_code = code;
	helper_free(h);
	return 0;
}
