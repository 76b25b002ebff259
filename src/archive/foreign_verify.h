/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The half of verify.h that deals with foreign archives, and what both halves share. Used by archive_verify.c only. */
#ifndef CM_ARCHIVE_FOREIGN_VERIFY_H
#define CM_ARCHIVE_FOREIGN_VERIFY_H

#include <stddef.h>

#include "archive/verify.h"

/* Counts one more damaged thing; name is made fit for people. */
void cm_verify_bad(struct cm_verify_result *ret, const char *name, size_t len, const char *what);
/* CM_ECORRUPT when anything was counted. */
int cm_verify_outcome(const struct cm_verify_result *ret, struct cm_err *err);

/* Reads every entry of the tar, and of each tar.gz in it, to its end. */
int cm_foreign_verify(const struct cm_source *source, const struct cm_archive_watch *watch,
		      struct cm_verify_result *ret, struct cm_err *err);

#endif
