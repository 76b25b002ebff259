/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way back of a restore, from what its journal says. The same code runs after a failure, after a cancel and at
 * the next start after a crash, and may run any number of times: a step that was done is noted and not done again, and
 * one that was interrupted looks first whether there is still something to undo.
 */
#ifndef CM_SERVICE_RESTORE_UNDO_H
#define CM_SERVICE_RESTORE_UNDO_H

#include "core/err.h"
#include "core/json.h"
#include "service/app.h"

/* Puts back what one restore did: new container removed, volumes exchanged back, old container back under its name
 * and in its state, new volumes, networks, images and scratch volumes removed. state is the object of the open journal
 * entry (see restore_run.h); what is done is noted in both. Blocks: task threads only. On success the entry may be
 * closed. Errors: those of the engine and of the database; the entry must then stay open. */
int cm_restore_undo(const struct cm_app *app, int64_t journal, struct json_object *state, struct cm_err *err);

#endif
