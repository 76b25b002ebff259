/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/log_lines.h"

#include "core/str.h"
#include "docker/stdcopy.h"
#include "service/logs_keep.h"
#include "test.h"

#define AT "2026-11-22T18:45:12.035000001Z "

static int gather(void *ctx, const struct cm_log_line *l, struct cm_err *err)
{
	(void)err;
	cm_buf_printf(ctx, "%s%lld:%.*s%s|", l->is_stderr ? "!" : "", (long long)l->at_ns, (int)l->len, l->text,
		      l->cut ? "…" : "");
	return 0;
}

static void feed(struct cm_log_lines *l, int stream, const char *s)
{
	CHECK_INT(cm_log_lines_feed(l, stream, s, strlen(s), NULL), 0);
}

TEST(log_lines__pieces_become_lines_of_each_output)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(4096);
	struct cm_log_lines l;

	cm_log_lines_init(&l, gather, &b);
	feed(&l, CM_STDOUT, AT "he");
	feed(&l, CM_STDERR, AT "bad\n");
	feed(&l, CM_STDOUT, "llo\r\n\nno time\n" AT "\nleft");
	CHECK_INT(cm_log_lines_end(&l, NULL), 0);
	CHECK_STR(b.data,
		  "!1795373112035000001:bad|1795373112035000001:hello|0:|0:no time|1795373112035000001:|0:left|");
	cm_log_lines_release(&l);
}

static int lengths(void *ctx, const struct cm_log_line *l, struct cm_err *err)
{
	(void)err;
	cm_buf_printf(ctx, "%zu%s|", l->len, l->cut ? "…" : "");
	return 0;
}

TEST(log_lines__long_lines_come_in_pieces_with_times_and_are_cut)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(4096), s = CM_BUF_INIT(1 << 20);
	struct cm_log_lines l;

	for (int pieces = 2; pieces <= 6; pieces += 4) {
		for (int i = 0; i < pieces; i++) {
			cm_buf_str(&s, AT);
			for (int k = 0; k < (i < pieces - 1 ? 16384 : 10); k++)
				cm_buf_char(&s, 'x');
		}
		cm_buf_char(&s, '\n');
	}
	cm_log_lines_init(&l, lengths, &b);
	feed(&l, CM_STDOUT, s.data);
	CHECK_STR(b.data, "16394|65536…|");
	cm_log_lines_release(&l);
}

TEST(logs_keep__keeps_the_last_and_sorts_by_time)
{
	struct cm_logs_keep k;
	size_t count;
	bool older;

	cm_logs_keep_init(&k, 5);
	for (int i = 0; i < 9; i++) {
		char text[2] = { (char)('a' + i), '\0' };
		struct cm_log_line line = { .at_ns = i % 2 ? 100 - i : 50, .text = text, .len = 1 };

		cm_logs_keep_add(&k, &line);
	}
	CHECK_INT(k.dropped, 4);
	struct cm_log_line *lines = cm_logs_keep_take(&k, true, 4, &count, &older);
	cm_autobuf struct cm_buf b = CM_BUF_INIT(64);
	for (size_t i = 0; i < count; i++) {
		cm_buf_add(&b, lines[i].text, lines[i].len);
		free(lines[i].text);
	}
	free(lines);
	CHECK_STR(b.data, "gihf"); /* e, g, i have the same time, and e is the one too many */
	CHECK(older && k.count == 0);
	cm_logs_keep_release(&k);
}
