/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who the workers are, and the data folder that must be theirs. Started as an ordinary user the program stays that user
 * and nothing here changes an owner. Parent only, before workers start. Block.
 */
#ifndef CM_WEB_KORE_USER_H
#define CM_WEB_KORE_USER_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/err.h"
#include "service/app.h"

/* For workers when there is no user "container-monkey" and the data folder has no owner but root: a number that Debian
 * gives to nobody (its policy reserves 30000 to 59999), so no other service shares it, as they share "nobody". */
enum { CM_FALLBACK_ID = 51066 };

struct cm_identity {
	bool change; /* we are root: workers become uid and gid */
	uid_t uid;
	gid_t gid;	/* the group of the Docker socket when it has one that may use it */
	char note[256]; /* for the log: what will not work with this choice, or "" */
};

/* Never fails. */
void cm_identity_choose(const struct cm_app *app, struct cm_identity *ret);

/* Makes data, backups, config, tmp and tls where missing, mode 0700, and hands what is ours in them to the workers.
 * A data folder that holds other things keeps its owner. Errors: CM_EIO and such; CM_EDENIED when the workers cannot
 * reach the folder, with what to do. */
int cm_identity_folders(const struct cm_app *app, const struct cm_identity *id, struct cm_err *err);

#endif
