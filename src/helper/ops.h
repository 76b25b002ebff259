/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The helper's operations. Each takes its plan (see archive/proto.h), talks over the wire, and returns the END object
 * in *ret (the caller puts it) or an error. All block.
 */
#ifndef CM_HELPER_OPS_H
#define CM_HELPER_OPS_H

#include <json-c/json.h>

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
int cm_op_probe(struct json_object *plan, struct json_object **ret, struct cm_err *err);

/* The text of key, or what the base64 under key64 stands for, appended to out. Errors: CM_EINVAL (neither is there, or
 * it holds a NUL). */
int cm_plan_text(struct json_object *plan, const char *key, const char *key64, struct cm_buf *out, struct cm_err *err);

#endif
