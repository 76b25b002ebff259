/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "core/mem.h"
#include "web/web_int.h"

/* What a page may load and do; its styles are said beside it. */
#define POLICY                                                                                               \
	"default-src 'none'; script-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; " \
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

/* On every answer. The pages take nothing from elsewhere and run no script or style that stands in them. */
static const struct {
	const char *name, *value;
} always[] = {
	{ "content-security-policy", POLICY "; style-src 'self'" },
	{ "x-content-type-options", "nosniff" },
	{ "referrer-policy", "same-origin" },
	{ "permissions-policy",
	  "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), "
	  "magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()" },
	{ "cross-origin-opener-policy", "same-origin" },
	{ "cross-origin-resource-policy", "same-origin" },
	{ "x-frame-options", "DENY" },
};

bool cm_reply_has(const struct cm_reply *rp, const char *name)
{
	for (size_t i = 0; i < rp->header_count; i++)
		if (strcmp(rp->headers[i].name, name) == 0)
			return true;
	return false;
}

void cm_headers_secure(const struct cm_request *rq, struct cm_reply *rp)
{
	if (rp->style_nonce[0] != '\0') {
		cm_autofree char *policy = cm_asprintf(POLICY "; style-src 'self' 'nonce-%s'", rp->style_nonce);

		cm_reply_header(rp, "content-security-policy", policy);
	}
	for (size_t i = 0; i < CM_COUNT(always); i++) {
		/* An answer may have a policy of its own. */
		if (i > 0 || !cm_reply_has(rp, always[i].name))
			cm_reply_header(rp, always[i].name, always[i].value);
	}
	if (rq->tls)
		cm_reply_header(rp, "strict-transport-security", "max-age=2592000");
	if (!cm_reply_has(rp, "cache-control"))
		cm_reply_header(rp, "cache-control", "no-store");
}
