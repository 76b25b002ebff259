/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <signal.h>

#include "service/restore_pipe.h"

struct pump {
	size_t total, written;
	int rc;
};

static int pump_bytes(void *ctx, cm_archive_write_fn write, void *write_ctx, struct cm_err *err)
{
	struct pump *p = ctx;
	char piece[7000];

	memset(piece, 'x', sizeof(piece));
	while (p->written < p->total) {
		size_t n = p->total - p->written < sizeof(piece) ? p->total - p->written : sizeof(piece);
		int rc = write(write_ctx, piece, n, err);
		if (rc != 0)
			return rc;
		p->written += n;
	}
	return p->rc ? cm_err_set(err, p->rc, "it broke") : 0;
}

TEST(pipe__everything_arrives)
{
	struct pump p = { .total = 5 << 20 };
	struct cm_restore_pipe *pipe;
	char data[65536];
	size_t got = 0, n = 1;

	CHECK_INT(cm_restore_pipe_begin(pump_bytes, &p, &pipe, NULL), 0);
	while (n > 0) {
		CHECK_INT(cm_restore_pipe_read(pipe, data, sizeof(data), &n, NULL), 0);
		got += n;
	}
	cm_restore_pipe_end(pipe);
	CHECK_INT(got, 5 << 20);
}

TEST(pipe__the_writers_error_comes_instead_of_the_end)
{
	struct pump p = { .total = 100, .rc = CM_ECORRUPT };
	struct cm_restore_pipe *pipe;
	struct cm_err err = { 0 };
	char data[65536];
	size_t n = 0;

	CHECK_INT(cm_restore_pipe_begin(pump_bytes, &p, &pipe, NULL), 0);
	CHECK_INT(cm_restore_pipe_read(pipe, data, sizeof(data), &n, &err), 0);
	CHECK_INT(n, 100);
	CHECK_INT(cm_restore_pipe_read(pipe, data, sizeof(data), &n, &err), CM_ECORRUPT);
	CHECK_STR(err.text, "it broke");
	cm_restore_pipe_end(pipe);
}

TEST(pipe__a_reader_that_stops_ends_the_writer)
{
	struct pump p = { .total = (size_t)1 << 40 };
	struct cm_restore_pipe *pipe;
	char data[1000];
	size_t n = 0;

	signal(SIGPIPE, SIG_IGN);
	CHECK_INT(cm_restore_pipe_begin(pump_bytes, &p, &pipe, NULL), 0);
	CHECK_INT(cm_restore_pipe_read(pipe, data, sizeof(data), &n, NULL), 0);
	cm_restore_pipe_end(pipe);
	CHECK(p.written < p.total);
}
