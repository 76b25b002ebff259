/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/exec_end.h"

#include <stdio.h>

#include "core/secret.h"
#include "docker/container.h"

enum { END_MS = 5000, MARK_BYTES = 12 };

/* Of all that carry the mark, the one that leads its session is the command itself. $1 mark, $2 signal, $3 "-" for its
 * process group. CONT: also when it is stopped. */
static const char script[] =
    "for d in /proc/[0-9]*; do\n"
    "p=${d#/proc/}\n"
    "read -r s <$d/stat || continue\n"
    "set -- \"$1\" \"$2\" \"$3\" ${s##*) }\n"
    "[ \"$7\" = \"$p\" ] || continue\n"
    "case $(cat $d/environ) in *\"$1\"*) kill -\"$2\" -- \"$3$p\"; kill -CONT -- \"$3$p\";; esac\n"
    "done 2>/dev/null\n"
    "exit 0\n";

void cm_exec_mark(char ret[CM_EXEC_MARK_LEN])
{
	char hex[2 * MARK_BYTES + 1];

	cm_random_hex(hex, MARK_BYTES);
	snprintf(ret, CM_EXEC_MARK_LEN, "CM_EXEC=%s", hex);
}

int cm_exec_end(struct cm_docker *d, const char *container, const char *user, const char *mark,
		enum cm_exec_signal signal, struct cm_err *err)
{
	bool kill = signal == CM_EXEC_KILL;
	const char *argv[] = { "sh", "-c", script, "sh", mark, kill ? "KILL" : "HUP", kill ? "-" : "", NULL };
	struct cm_exec_spec spec = {
		.argv = argv, .user = user, .workdir = "/", .timeout_ms = END_MS, .output_max = 4096
	};
	struct cm_exec_result result = { .exit_code = -1 };
	int rc = cm_container_exec_run(d, container, &spec, &result, err);

	if (rc == 0 && result.exit_code != 0)
		rc = cm_err_set(err, CM_EUNSUPPORTED, "The command could not be ended: it may still be running.");
	cm_exec_result_release(&result);
	return rc;
}
