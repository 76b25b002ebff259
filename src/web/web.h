/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The web side as one object: compiled templates, the list of assets, keys of this run, counters of the rate limits.
 * Made once in the parent before workers start; workers inherit it. Read-only afterwards but for the counters, which
 * lie in memory shared by all workers and change by atomic operations: any thread of any worker may use it.
 *
 * Life of a request: cm_web_handle_fast() on the event loop answers what needs no thread; everything else goes to
 * cm_web_handle() (http.h) in a task. Replies to HEAD are made like those to GET, body included: the server
 * sends the headers with the right length and leaves the body out.
 */
#ifndef CM_WEB_WEB_H
#define CM_WEB_WEB_H

#include "web/embed.h"
#include "web/http.h"

/* app and files must outlive it. When CM_TEMPLATES_DIR is set, templates are read from that folder instead. Errors: a
 * template that is broken or names a missing partial (file and line are in the sentence), CM_ENOMEM. Blocks shortly. */
int cm_web_new(const struct cm_app *app, const struct cm_embedded *files, struct cm_web **ret, struct cm_err *err);
void cm_web_free(struct cm_web *web);

/* Answers /assets/… and /healthz completely; false: nothing was done, use cm_web_handle(). Does
 * not block: event loop or any thread. */
bool cm_web_handle_fast(struct cm_web *web, struct cm_request *rq, struct cm_reply *rp);

/* Bytes of body this request may carry, to refuse early (413). Does not block. */
size_t cm_web_body_limit(enum cm_method method, const char *path);
/* The largest of all rows. */
size_t cm_web_body_limit_max(void);

/* Before a long body is received (rq has none yet): may whoever asks send it, and is there room? *ret_status is the
 * HTTP status that belongs to the error. Reads the database, so it blocks shortly: event loop, for long bodies only.
 * Errors: CM_EAUTH, CM_EDENIED, CM_ENOTFOUND, CM_ENOSPACE… */
int cm_web_admit(struct cm_web *web, struct cm_request *rq, uint64_t body_len, int *ret_status, struct cm_err *err);

const struct cm_app *cm_web_app(const struct cm_web *web);

#endif
