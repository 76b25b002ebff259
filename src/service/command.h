/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One command in a running container, for people: no shell of ours, a limit of time and of output, a line in the audit
 * log without the secrets of the command. Blocks; task threads only.
 */
#ifndef CM_SERVICE_COMMAND_H
#define CM_SERVICE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "service/app.h"

enum {
	CM_COMMAND_SECONDS = 30,
	CM_COMMAND_OUTPUT = 1 << 20, /* bytes that are kept of each of its two outputs */
	CM_EXEC_USER_MAX = 256,
	CM_EXEC_WORKDIR_MAX = 4096
};

struct cm_command {
	char *const *argv;   /* ends with NULL; see service/words.h */
	const char *user;    /* name or id, with ":group"; NULL or "": the container's */
	const char *workdir; /* NULL or "": the container's */
	const char *by;	     /* who asks, and from where, for the audit */
	const char *address;
};

struct cm_command_result {
	int exit_code;
	bool timed_out;	   /* the output is what came until then */
	bool left_running; /* it took too long, and could not be ended */
	bool cut;	   /* more came than is kept */
	char *out, *errs;
	size_t out_len, errs_len;
	int64_t took_ms;
};

/* Both may be NULL or "". Does not block. CM_EINVAL: "Working directory must be an absolute path", a user that cannot
 * be one. */
int cm_exec_options_check(const char *user, const char *workdir, struct cm_err *err);

/* Caller releases. A command that fails or takes too long is no error. Errors: CM_ENOTFOUND, CM_EUNSUPPORTED (our own
 * container), CM_EINVAL, CM_EBUSY (it does not run), those of the engine. */
int cm_command_run(const struct cm_app *app, const char *container, const struct cm_command *command,
		   struct cm_command_result *ret, struct cm_err *err);
void cm_command_result_release(struct cm_command_result *r);

#endif
