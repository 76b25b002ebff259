/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The last so many lines of what is put in, and no more than some megabytes of text: the oldest go. Part of
 * service/logs.c and log_follow.c. Pure; one thread at a time.
 */
#ifndef CM_SERVICE_LOGS_KEEP_H
#define CM_SERVICE_LOGS_KEEP_H

#include "service/log_lines.h"

enum { CM_LOGS_KEEP_BYTES = 16 << 20 };

struct cm_logs_keep {
	struct cm_log_line *lines; /* a ring; texts are owned */
	size_t cap, max, head, count;
	size_t bytes, max_bytes;
	size_t dropped;
};

void cm_logs_keep_init(struct cm_logs_keep *k, size_t max);
void cm_logs_keep_add(struct cm_logs_keep *k, const struct cm_log_line *line); /* copies */
void cm_logs_keep_move(struct cm_logs_keep *to, struct cm_logs_keep *from);    /* all lines; from is empty then */
void cm_logs_keep_swap(struct cm_logs_keep *a, struct cm_logs_keep *b);
/* Takes all lines out as an array, by time when sort is set, and of them the last tail; *ret_older: there were more.
 * The caller frees the array and each text. */
struct cm_log_line *cm_logs_keep_take(struct cm_logs_keep *k, bool sort, size_t tail, size_t *ret_count,
				      bool *ret_older);
void cm_logs_keep_release(struct cm_logs_keep *k);

#endif
