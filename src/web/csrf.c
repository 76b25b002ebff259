/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tokens against forged requests. The secret is 32 bytes of the session; for who is not logged in yet (the login form)
 * it is made from a random cookie. Pages are compressed, so what they show is the secret under a new random mask each
 * time: hex of mask and of mask XOR secret.
 */
#include <string.h>

#include "core/secret.h"
#include "core/str.h"
#include "web/csrf.h"
#include "web/form.h"
#include "web/web_int.h"

#define LEN ((size_t)CM_SESSION_CSRF_LEN)

void cm_csrf_mask(const uint8_t secret[CM_SESSION_CSRF_LEN], char dst[129])
{
	uint8_t both[2 * LEN];

	cm_random(both, LEN);
	for (size_t i = 0; i < LEN; i++)
		both[LEN + i] = both[i] ^ secret[i];
	cm_hex(dst, both, sizeof(both));
}

static bool unmask(const char *token, uint8_t secret[LEN])
{
	uint8_t both[2 * LEN];

	if (token == NULL || strlen(token) != 4 * LEN || !cm_unhex(both, sizeof(both), token))
		return false;
	for (size_t i = 0; i < LEN; i++)
		secret[i] = both[i] ^ both[LEN + i];
	return true;
}

static bool find_secret(const struct cm_call *call, uint8_t secret[LEN])
{
	if (call->session.id != 0) {
		memcpy(secret, call->session.csrf, LEN);
		return true;
	}
	if (call->visit[0] == '\0')
		return false;
	cm_hmac_sha256(secret, "visit", 5, call->visit, strlen(call->visit));
	return true;
}

void cm_csrf_make(struct cm_call *call)
{
	uint8_t secret[LEN];

	call->rq->csrf[0] = '\0';
	if (find_secret(call, secret))
		cm_csrf_mask(secret, call->rq->csrf);
}

int cm_csrf_check(struct cm_call *call, struct cm_err *err)
{
	const char *token = cm_request_header(call->rq, "x-csrftoken");
	uint8_t want[LEN], got[LEN];

	if (token == NULL)
		token = cm_request_header(call->rq, "x-csrf-token");
	if (token == NULL)
		token = cm_form_get(call->rq->post, "csrf_token");
	if (find_secret(call, want) && unmask(token, got) && cm_secret_equal(want, got, LEN))
		return cm_guard_origin(call->web->app, call->rq, err);
	return cm_err_set(err, CM_EDENIED, "%s",
			  call->rq->is_api ? "CSRF token missing or invalid"
					   : "This form is too old. Open the page again and repeat what you did.");
}
