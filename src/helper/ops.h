/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The helper's operations. Each takes its plan (see archive/proto.h), talks over the wire, and returns the END object
 * in *ret (the caller puts it) or an error. All block.
 */
#ifndef CM_HELPER_OPS_H
#define CM_HELPER_OPS_H

#include <json-c/json.h>
#include <stdbool.h>

#include "core/buf.h"
#include "core/err.h"

int cm_op_pack(struct json_object *plan, struct json_object **ret, struct cm_err *err);
int cm_op_unpack(struct json_object *plan, struct json_object **ret, struct cm_err *err);
int cm_op_unpack_tar(struct json_object *plan, struct json_object **ret, struct cm_err *err);
int cm_op_exchange(struct json_object *plan, struct json_object **ret, struct cm_err *err);
int cm_op_copy(struct json_object *plan, struct json_object **ret, struct cm_err *err);
int cm_op_empty(struct json_object *plan, struct json_object **ret, struct cm_err *err);
int cm_op_list(struct json_object *plan, struct json_object **ret, struct cm_err *err);
int cm_op_cat(struct json_object *plan, struct json_object **ret, struct cm_err *err);
int cm_op_hash(struct json_object *plan, struct json_object **ret, struct cm_err *err);
int cm_op_du(struct json_object *plan, struct json_object **ret, struct cm_err *err);
int cm_op_page(struct json_object *plan, struct json_object **ret, struct cm_err *err);
int cm_op_stat(struct json_object *plan, struct json_object **ret, struct cm_err *err);
int cm_op_tar(struct json_object *plan, struct json_object **ret, struct cm_err *err);
int cm_op_mkdir(struct json_object *plan, struct json_object **ret, struct cm_err *err);
int cm_op_rename(struct json_object *plan, struct json_object **ret, struct cm_err *err);
int cm_op_remove(struct json_object *plan, struct json_object **ret, struct cm_err *err);
int cm_op_put(struct json_object *plan, struct json_object **ret, struct cm_err *err);
int cm_op_probe(struct json_object *plan, struct json_object **ret, struct cm_err *err);

/* The text of key, or what the base64 under key64 stands for, appended to out. Errors: CM_EINVAL (neither is there, or
 * it holds a NUL). */
int cm_plan_text(struct json_object *plan, const char *key, const char *key64, struct cm_buf *out, struct cm_err *err);

/* One entry of a folder as a line of a listing, appended to out; false when it is gone. */
bool cm_look_line(int dir_fd, const char *name, struct cm_buf *out);
/* Opens the folder that the path in the plan (key, or key64) is in, below the plan's "path", and gives the last name of
 * it, which lives as long as *text. Returns the descriptor or an error: CM_EINVAL (no name), CM_ENOTFOUND. */
int cm_plan_parent(struct json_object *plan, const char *key, const char *key64, struct cm_buf *text,
		   const char **ret_name, struct cm_err *err);

#endif
