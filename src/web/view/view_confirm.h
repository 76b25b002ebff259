/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The page that asks before something is destroyed (templates/pages/confirm.mustache; the row names "pages/confirm"):
 * what, how many, and the names. Its form sends `confirm` = 1, a field for each item, and the choices that are ticked.
 * Begin with cm_view_confirm(), then add. No I/O; any thread.
 */
#ifndef CM_WEB_VIEW_CONFIRM_H
#define CM_WEB_VIEW_CONFIRM_H

#include <json-c/json.h>
#include <stdbool.h>

#include "web/http.h"

struct cm_confirm {
	const char *title;     /* "Delete 3 volumes?" */
	const char *lead;      /* a sentence below it, or NULL */
	const char *button;    /* "Delete 3 volumes, 4.2 GB"; NULL: nothing can be done, only the way back is shown */
	const char *action;    /* where the form goes: an encoded path of ours */
	const char *field;     /* the items' field in the form, or NULL when the path says it all */
	const char *back;      /* path of the way back */
	const char *back_text; /* "Keep them" */
	const char *parent, *parent_text; /* the crumb above the title: "/volumes", "Volumes" */
};

void cm_view_confirm(struct cm_reply *rp, const struct cm_confirm *c);
void cm_view_confirm_warning(struct cm_reply *rp, const char *text);
/* value: what the form sends for it. note (muted, after the name) and url may be NULL. */
void cm_view_confirm_item(struct cm_reply *rp, const char *value, const char *name, const char *note, const char *url);
/* One that stays, with the reason: "is used by web". */
void cm_view_confirm_kept(struct cm_reply *rp, const char *name, const char *why);
/* A box to tick; hint may be NULL. */
void cm_view_confirm_choice(struct cm_reply *rp, const char *field, const char *text, const char *hint, bool ticked);

#endif
