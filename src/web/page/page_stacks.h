/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by the handlers of stacks and of what was backed up of them.
 */
#ifndef CM_WEB_PAGE_STACKS_H
#define CM_WEB_PAGE_STACKS_H

#include "service/stacks.h"
#include "web/form.h"

/* In the vault's forms: "set:" and the id of a stack backup stands for its files. */
#define CM_SET_PREFIX "set:"

/* CM_EBUSY while a job holds the stack or one of its containers, or puts it back. Blocks. */
int cm_stack_not_at_work(const struct cm_stack *s, struct cm_err *err);

/* Adds the files that each "set:…" among the fields "file" stands for; who reads the field leaves those out. Errors:
 * CM_ENOTFOUND (no such stack backup), CM_ETOOBIG. */
int cm_backup_sets_expand(struct cm_form *form, struct cm_err *err);

#endif
