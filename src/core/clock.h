/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Time. Instants are milliseconds since 1970 UTC (int64_t "ms"), 0 means unknown. Do not block.
 */
#ifndef CM_CORE_CLOCK_H
#define CM_CORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

int64_t cm_now_ms(void);       /* wall clock */
int64_t cm_monotonic_ms(void); /* for deadlines and rates: never jumps */
/* So long from now on the monotonic clock: for pthread_cond_timedwait of a condition with that clock. */
struct timespec cm_monotonic_after(int ms);

/* "2026-11-22T18:45:12.035Z"; dst has 32 bytes; ms 0 gives "". */
void cm_time_rfc3339(char dst[32], int64_t ms);
/* "20261122_184512" in UTC, for file names. */
void cm_time_stamp(char dst[32], int64_t ms);
/* "2026-11-22 18:45:12" in UTC. */
void cm_time_plain(char dst[32], int64_t ms);
/* RFC 3339 as Docker and S3 write it (fraction and zone optional; no zone is UTC); "0001-01-01…" gives 0. */
bool cm_time_parse(const char *s, int64_t *ret_ms);
/* "3 minutes ago", "in 2 hours", "just now"; ms 0 gives "never". */
void cm_time_ago(char dst[48], int64_t ms, int64_t now_ms);

#endif
