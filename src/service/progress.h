/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long work tells its caller where it stands, and learns that it should stop. The job runner implements it
 * for jobs; tests implement it for themselves. All calls come from the thread that does the work, except
 * cancelled(), which any thread of that work may call. Every call is cheap: the implementation throttles.
 */
#ifndef CM_SERVICE_PROGRESS_H
#define CM_SERVICE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct cm_progress {
	void *ctx;
	/* A new step begins: number (from 1), how many in all, and its name for people, e.g. "Saving volume 1 of 2:
	 * data". */
	void (*step)(void *ctx, int number, int total, const char *text);
	/* Bytes done so far and expected in all (0: unknown) over the whole work. */
	void (*bytes)(void *ctx, uint64_t done, uint64_t total);
	/* A warning that belongs to the result: a short sentence that names the thing. */
	void (*warn)(void *ctx, const char *text);
	/* True once the user asked to cancel, the lease was lost, or the program is ending. */
	bool (*cancelled)(void *ctx);
};

/* Each accepts p == NULL and missing functions. */
static inline void cm_progress_step(struct cm_progress *p, int number, int total, const char *text)
{
	if (p && p->step)
		p->step(p->ctx, number, total, text);
}
static inline void cm_progress_bytes(struct cm_progress *p, uint64_t done, uint64_t total)
{
	if (p && p->bytes)
		p->bytes(p->ctx, done, total);
}
static inline void cm_progress_warn(struct cm_progress *p, const char *text)
{
	if (p && p->warn)
		p->warn(p->ctx, text);
}
static inline bool cm_progress_cancelled(struct cm_progress *p)
{
	return p && p->cancelled && p->cancelled(p->ctx);
}

#endif
