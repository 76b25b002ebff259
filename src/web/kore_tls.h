/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The certificate of CM_TLS=self: EC P-256, made at the first start, for localhost, this host's name, the address of
 * CM_BIND and the names of CM_HOSTS. Parent only, before workers start. Blocks shortly.
 */
#ifndef CM_WEB_KORE_TLS_H
#define CM_WEB_KORE_TLS_H

#include "core/err.h"
#include "service/app.h"

/* Makes tls/self.crt and tls/self.key (0600, of the folder's owner) when they are missing, do not belong together or
 * end within 30 days. Errors: CM_EIO, CM_ENOSPACE, CM_EINTERNAL. */
int cm_tls_self_signed(const struct cm_app *app, struct cm_err *err);

#endif
