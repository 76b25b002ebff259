/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CM_WEB_CSRF_H
#define CM_WEB_CSRF_H

#include <stdint.h>

#include "service/session.h"

/* The token of a session, under a new mask: for the answer that opens one. Others find theirs in cm_request.csrf. */
void cm_csrf_mask(const uint8_t secret[CM_SESSION_CSRF_LEN], char dst[129]);

#endif
