/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Views: from what services know to the object a template shows and the API sends. Every text a page needs is made
 * here (size_text, created_text, is_failed): templates hold no logic. No I/O, no HTML, no secret. tests/fixtures/views
 * is the contract with the templates: every key is always there, null when it has no value. Any thread.
 */
#ifndef CM_WEB_VIEW_H
#define CM_WEB_VIEW_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "web/http.h"

/* Members made of one value. */
/* "p": number, "p_text": "4.2 GB"; negative: null and "unknown". */
void cm_view_size(struct json_object *o, const char *p, int64_t bytes);
/* "p_at": RFC 3339, "p_text": "3 minutes ago", "p_title": "22 November 2026, 18:45:12 UTC"; ms 0: all null. */
void cm_view_time(struct json_object *o, const char *p, int64_t ms, int64_t now_ms);
/* For each word after: "is_<word>": true when it equals value. End with NULL. */
#define cm_view_is(o, value, ...) cm_view_is_any((o), (value), (const char *const[]){ __VA_ARGS__ })
void cm_view_is_any(struct json_object *o, const char *value, const char *const *words);
/* "1 container", "1,204 containers". */
void cm_count_text(char dst[96], int64_t n, const char *one, const char *many);
/* "22 November 2026, 18:45:12 UTC" */
void cm_time_title(char dst[64], int64_t ms);
/* printf into a member; fmt NULL: null. */
void cm_view_text(struct json_object *o, const char *key, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A URL of ours: like printf, but every %s is percent-encoded: cm_view_url(o, "url", "/backup/%s", file); fmt NULL:
 * null.
 */
void cm_view_url(struct json_object *o, const char *key, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
char *cm_url_make(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* the same; caller frees */

/* Elements of lists. */
/* A choice: {"value","text","hint","is_selected"}; hint may be NULL. */
void cm_view_choice(struct json_object *list, const char *value, const char *text, const char *hint, bool selected);
/* A filter tab: {"text","count_text","url","is_selected"}; url is taken (freed). */
void cm_view_tab(struct json_object *list, const char *text, int64_t count, char *url, bool selected);
/* A term: {"term","text","is_code","href"}; href is null, for the caller to set. */
void cm_view_term(struct json_object *list, const char *term, const char *text, bool is_code);
/* A finding: {"is_ok","is_warn","is_block","text","detail"}; level is "ok", "warn" or "block"; detail may be NULL. */
void cm_view_finding(struct json_object *list, const char *level, const char *text, const char *detail);
/* A link: {"text","url","is_primary"}; url is taken (freed). */
void cm_view_link(struct json_object *list, const char *text, char *url, bool primary);

/* Sorting, searching and paging of lists by URL: ?q= &sort=field|-field &limit= &offset= beside filters of the page. */
struct cm_list {
	char q[256];
	char sort[64]; /* as the query has it: "size", "-size"; always one of the allowed fields */
	int64_t limit, offset;
};
/* A column that can be sorted by: its field, and whether its first click sorts descending ("-" before the name). The
 * list ends with NULL; its first is the default. */
int cm_list_parse(const struct cm_request *rq, const char *const *columns, int64_t default_limit, int64_t max_limit,
		  struct cm_list *ret, struct cm_err *err);
/* Adds "query", "keep" (sort and limit, where the query has them), "clear_url", "sort", "pager", "total", "limit",
 * "offset". shown: rows on this page. columns may be NULL. */
void cm_view_list(struct json_object *data, const struct cm_request *rq, const struct cm_list *list,
		  const char *const *columns, int64_t shown, int64_t total);
/* One more field of the query that the search form sends along, when the query has it. */
void cm_view_keep(struct json_object *data, const struct cm_request *rq, const char *name);
/* This page's path and query with one field set (value NULL or "": removed) and offset dropped. Caller frees. */
char *cm_view_href(const struct cm_request *rq, const char *name, const char *value);

#endif
