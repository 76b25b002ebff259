/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading settings from the environment. A variable that is set to nothing counts as not set. A value that does not
 * fit gives CM_EINVAL with a sentence that names the variable, shows the value and says what would be right. Nothing
 * blocks; the environment must not change meanwhile.
 */
#ifndef CM_CORE_ENV_H
#define CM_CORE_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

const char *cm_env(const char *name); /* NULL when not set or empty */
int cm_env_number(const char *name, uint64_t min, uint64_t max, uint64_t def, uint64_t *ret, struct cm_err *err);
/* 1, true, yes, on; 0, false, no, off. */
int cm_env_bool(const char *name, bool def, bool *ret, struct cm_err *err);
/* Copies the value, or def (NULL: ""). */
int cm_env_text(const char *name, const char *def, char *dst, size_t size, struct cm_err *err);

/* Calls fn with each entry of a comma separated list, blanks around it removed, empty ones left out. Stops at the
 * first error. At most 1,000 entries. */
typedef int (*cm_env_entry_fn)(void *ctx, const char *entry, struct cm_err *err);
int cm_env_list(const char *name, cm_env_entry_fn fn, void *ctx, struct cm_err *err);

#endif
