/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The helper program: started by the engine in a container of its own next to the data, does what the plan says, or
 * several plans one after the other, and ends. Standard error is for people.
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

/* More than these has to be between two plans: then something is wrong with the program. */
enum { PLAN_MS = 60000, NEXT_PLAN_MS = 3600000 };

static bool several;

static int op_several(struct json_object *plan, struct json_object **ret, struct cm_err *err)
{
	(void)plan;
	(void)err;
	several = true;
	*ret = json_object_new_object();
	return 0;
}

/* last: after an error more may be on its way to it, or threads of it are left. */
static const struct op {
	const char *name;
	int (*run)(struct json_object *plan, struct json_object **ret, struct cm_err *err);
	bool last;
} ops[] = {
	{ "several", op_several, false },
	{ "pack", cm_op_pack, true },
	{ "unpack", cm_op_unpack, true },
	{ "unpack_tar", cm_op_unpack_tar, true },
	{ "exchange", cm_op_exchange, false },
	{ "copy", cm_op_copy, false },
	{ "empty", cm_op_empty, false },
	{ "list", cm_op_list, false },
	{ "cat", cm_op_cat, false },
	{ "hash", cm_op_hash, false },
	{ "du", cm_op_du, false },
	{ "page", cm_op_page, false },
	{ "stat", cm_op_stat, false },
	{ "tar", cm_op_tar, true },
	{ "mkdir", cm_op_mkdir, false },
	{ "rename", cm_op_rename, false },
	{ "remove", cm_op_remove, false },
	{ "put", cm_op_put, true },
	{ "probe", cm_op_probe, false },
};

static int find(struct json_object *plan, const struct op **ret, struct cm_err *err)
{
	const char *op = cm_json_str(plan, "op", "");

	if (cm_json_int(plan, "v", 0) != CM_PROTO_VERSION)
		return cm_err_set(err, CM_EUNSUPPORTED, "The helper is of another version than the program.");
	for (size_t i = 0; i < CM_COUNT(ops); i++) {
		if (strcmp(ops[i].name, op) == 0) {
			*ret = &ops[i];
			return 0;
		}
	}
	return cm_err_set(err, CM_EUNSUPPORTED, "The helper does not know the operation \"%.40s\".", op);
}

/* One plan and its answer; true when another may follow. *ret_status: of the process otherwise. */
static bool serve(int *ret_status)
{
	cm_autojson struct json_object *plan = NULL;
	struct json_object *end = NULL;
	const struct op *op = NULL;
	struct cm_err err = { 0 };
	int rc = cm_wire_plan(several ? NEXT_PLAN_MS : PLAN_MS, &plan, &err);

	if (rc == 0 && plan == NULL && several) {
		*ret_status = CM_EXIT_OK;
		return false;
	}
	if (rc == 0 && plan == NULL)
		rc = cm_err_set(&err, CM_EUPSTREAM, "The helper got no plan.");
	rc = rc ? rc : find(plan, &op, &err);
	if (rc == 0 && op != NULL)
		rc = op->run(plan, &end, &err);
	*ret_status = rc < 0 ? CM_EXIT_FAILED : CM_EXIT_OK;
	bool stay = several && op != NULL && (rc == 0 || !op->last);
	if (rc == 0) {
		cm_wire_end(end, stay);
		return stay;
	}
	cm_wire_fail(&err, stay);
	if (!stay)
		fprintf(stderr, "%s\n", err.text);
	return stay;
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
	struct cm_err err = { 0 };
	int status, at = argc > 2 && strcmp(argv[1], "serve") == 0 ? 2 : 1;

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
	while (serve(&status))
		;
	/* Left at once: threads may still wait for a peer that has nothing more to say. */
	_exit(status);
}
