/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way back of a restore, from what its journal says. The same code runs after a failure, after a cancel and at
 * the next start after a crash, and may run any number of times: each step looks first whether there is still
 * something to undo.
 */
#ifndef CM_SERVICE_RESTORE_UNDO_H
#define CM_SERVICE_RESTORE_UNDO_H

#include "core/err.h"
#include "core/json.h"
#include "service/app.h"

/* Puts back what one restore did: new container removed, volumes exchanged back, old container back under its name
 * and in its state, new volumes, networks, images and scratch volumes removed. state is the object of the journal
 * entry (service/restore_journal.h). Blocks: task threads only. On success the entry may be closed. Errors: those of
 * the engine; the entry must then stay open. */
int cm_restore_undo(const struct cm_app *app, struct json_object *state, struct cm_err *err);

#endif
