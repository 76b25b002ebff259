/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the pages of the audit log share. */
#ifndef CM_WEB_PAGE_AUDIT_H
#define CM_WEB_PAGE_AUDIT_H

#include "service/audit.h"
#include "web/http.h"

/* The filters of the query; texts belong to the request. Errors: CM_EINVAL. */
int cm_audit_query_read(const struct cm_request *rq, struct cm_audit_query *q, struct cm_err *err);

#endif
