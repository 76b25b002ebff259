/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Containers as the pages and the API show them. Pure: everything comes with the arguments.
 */
#ifndef CM_WEB_VIEW_CONTAINER_H
#define CM_WEB_VIEW_CONTAINER_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "db/catalog.h"
#include "service/own.h"
#include "web/http.h"

/* A backup of the last days protects; an older one is shown with a warning. */
enum { CM_PROTECTED_DAYS = 7 };

/* What a row is made from, beside the engine's own entry of `GET /containers/json`. */
struct cm_container_ctx {
	int64_t now_ms;
	enum cm_role role;
	enum cm_own_kind own;
	const char *host; /* name by which the browser reaches this machine, for links to ports; NULL: none */
	const struct cm_catalog_row *good; /* newest good backup of it, or NULL */
	const char *job_id;		   /* an unfinished backup of it, or NULL */
	int job_percent;		   /* -1: unknown */
	bool job_waits;
};

/* One row, with the predecessor's members and ours. Caller puts. */
struct json_object *cm_view_container(struct json_object *entry, const struct cm_container_ctx *ctx);
/* "running", "paused" or "stopped", as the predecessor has it. */
const char *cm_view_container_status(struct json_object *entry);
/* Adds "state_text", "is_running", "is_paused", "is_stopped", "is_restarting" for an engine's state word. */
void cm_view_container_state(struct json_object *o, const char *state);
/* Adds a member "<action>_url" for each action, null where state or role forbid it, and "can", their words in one text.
 * Of ctx: role, own and job_id. */
void cm_view_container_actions(struct json_object *o, const struct cm_container_ctx *ctx, const char *id,
			       const char *state);
/* {"text","at","title","url","is_ok","is_old"}, or NULL. */
struct json_object *cm_view_last_backup(const struct cm_catalog_row *row, int64_t now_ms);
bool cm_view_is_protected(const struct cm_catalog_row *row, int64_t now_ms);

/* Name without the slash. Borrowed. */
const char *cm_view_container_name(struct json_object *entry);

/* The form's options of a backup, with what was typed. form may be NULL. */
struct cm_form;
struct json_object *cm_view_backup_options(const struct cm_form *form);

#endif
