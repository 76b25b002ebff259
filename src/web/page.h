/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Page handlers: parse -> service -> view. One handler serves the page path and the API path of its row(s). The
 * dispatcher has already checked session, role, CSRF token and limits, and filled params, get, post, json.
 *
 * A handler either
 *  - fills the view: `struct json_object *data = cm_view_data(rp);` and adds members; the page face renders it with the
 *    row's template, the API face sends "data" as JSON; or
 *  - replies itself with one of the functions of web/reply.h (redirect, JSON, file, stream); or
 *  - returns a negative CM_E… with err set: the page face shows the error page (or, when a view was filled before, that
 *    view again with the error on top, so that a form keeps what the user typed), the API face {"error","code"}.
 *
 * Handlers block (task threads), never keep rq or rp, and never put a secret into a view.
 */
#ifndef CM_WEB_PAGE_H
#define CM_WEB_PAGE_H

#include "web/http.h"

#define ROUTE(id, handler, ...) int handler(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err);
#include "routes.def"
#undef ROUTE

#endif
