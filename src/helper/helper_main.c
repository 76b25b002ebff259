/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The helper program: started by the engine in a container of its own next to the data, does what the plan says, and
 * ends. Standard error is for people.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/proto.h"
#include "core/json.h"
#include "core/mem.h"
#include "helper/ops.h"
#include "helper/wire.h"

static const struct {
	const char *name;
	int (*run)(struct json_object *plan, struct json_object **ret, struct cm_err *err);
} ops[] = {
	{ "pack", cm_op_pack },
	{ "unpack", cm_op_unpack },
	{ "unpack_tar", cm_op_unpack_tar },
	{ "exchange", cm_op_exchange },
	{ "copy", cm_op_copy },
	{ "empty", cm_op_empty },
	{ "list", cm_op_list },
	{ "cat", cm_op_cat },
	{ "hash", cm_op_hash },
	{ "du", cm_op_du },
	{ "probe", cm_op_probe },
};

static int run(struct json_object *plan, struct json_object **ret, struct cm_err *err)
{
	const char *op = cm_json_str(plan, "op", "");

	if (cm_json_int(plan, "v", 0) != CM_PROTO_VERSION)
		return cm_err_set(err, CM_EUNSUPPORTED, "The helper is of another version than the program.");
	for (size_t i = 0; i < CM_COUNT(ops); i++)
		if (strcmp(ops[i].name, op) == 0)
			return ops[i].run(plan, ret, err);
	return cm_err_set(err, CM_EUNSUPPORTED, "The helper does not know the operation \"%.40s\".", op);
}

/* A folder on every level of a deep tree is kept open. */
static void allow_files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

int main(int argc, char **argv)
{
	struct json_object *plan = NULL, *end = NULL;
	struct cm_err err = { 0 };
	int at = argc > 2 && strcmp(argv[1], "serve") == 0 ? 2 : 1;

	signal(SIGPIPE, SIG_IGN);
	umask(0);
	allow_files();
	if (argc != at + 1) {
		fputs("usage: cm-helper [serve] unix:PATH | stdio\n", stderr);
		return CM_EXIT_USAGE;
	}
	if (cm_wire_open(argv[at], &err) < 0) {
		fprintf(stderr, "%s (%s)\n", err.text, err.detail);
		return CM_EXIT_USAGE;
	}
	int rc = cm_wire_plan(&plan, &err);
	if (rc == 0)
		rc = run(plan, &end, &err);
	/* Left at once: threads may still wait for a peer that has nothing more to say. */
	int status = rc < 0 ? cm_wire_fail(&err) : cm_wire_end(end);
	if (rc < 0)
		fprintf(stderr, "%s\n", err.text);
	_exit(status);
}
