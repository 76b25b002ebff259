/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/restore_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"

struct cm_restore_pipe {
	int in, out; /* the reader's and the writer's end */
	pthread_t thread;
	bool joined;
	cm_restore_pump_fn pump;
	void *ctx;
	int rc;
	struct cm_err err;
};

static int pipe_write(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct cm_restore_pipe *p = ctx;

	if (cm_fd_write_all(p->out, data, len) != 0)
		return cm_err_set(err, CM_ECANCELLED, "The receiving side has ended.");
	return 0;
}

static void *pipe_main(void *arg)
{
	struct cm_restore_pipe *p = arg;

	p->rc = p->pump(p->ctx, pipe_write, p, &p->err);
	close(p->out);
	p->out = -1;
	return NULL;
}

int cm_restore_pipe_begin(cm_restore_pump_fn pump, void *ctx, struct cm_restore_pipe **ret, struct cm_err *err)
{
	struct cm_restore_pipe *p = cm_alloc(sizeof(*p));
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0) {
		int e = errno;
		free(p);
		return cm_err_errno(err, e, "making a pipe");
	}
	p->in = fds[0];
	p->out = fds[1];
	p->pump = pump;
	p->ctx = ctx;
	if (pthread_create(&p->thread, NULL, pipe_main, p) != 0) {
		close(fds[0]);
		close(fds[1]);
		free(p);
		return cm_err_set(err, CM_EIO, "No thread could be started: try again.");
	}
	*ret = p;
	return 0;
}

static void pipe_join(struct cm_restore_pipe *p)
{
	if (!p->joined)
		pthread_join(p->thread, NULL);
	p->joined = true;
}

int cm_restore_pipe_read(void *pipe, void *data, size_t cap, size_t *ret_len, struct cm_err *err)
{
	struct cm_restore_pipe *p = pipe;
	ssize_t n;

	do {
		n = read(p->in, data, cap);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return cm_err_errno(err, errno, "reading from a pipe");
	*ret_len = (size_t)n;
	if (n > 0)
		return 0;
	/* The end: was it a good one? */
	pipe_join(p);
	if (p->rc != 0 && err != NULL)
		*err = p->err;
	return p->rc;
}

void cm_restore_pipe_end(struct cm_restore_pipe *p)
{
	if (p == NULL)
		return;
	close(p->in);
	pipe_join(p);
	free(p);
}
