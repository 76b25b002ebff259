/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who asks: an API token in the Authorization header (API paths only), else the session cookie. */
#include <string.h>
#include <strings.h>

#include "core/str.h"
#include "service/token.h"
#include "web/form.h"
#include "web/web_int.h"

static int by_token(struct cm_call *call, const char *token, struct cm_err *err)
{
	struct cm_request *rq = call->rq;
	struct cm_token found;
	int rc = cm_token_find(token, &found, err);

	if (rc == CM_EAUTH)
		return cm_err_set(err, CM_EAUTH, "This API token is not valid. Make a new one on the settings page.");
	if (rc != 0)
		return rc;
	call->by_token = true;
	rq->user_id = found.user_id;
	rq->role = found.role;
	cm_str_copy(rq->user, sizeof(rq->user), found.user);
	return 0;
}

static int by_session(struct cm_call *call, const char *token, struct cm_err *err)
{
	struct cm_request *rq = call->rq;
	int rc = cm_session_find(token, &call->session, err);

	if (rc != 0) {
		call->session.id = 0;
		return rc == CM_EAUTH ? 0 : rc;
	}
	rq->session_id = call->session.id;
	rq->user_id = call->session.user_id;
	rq->role = call->session.role;
	cm_str_copy(rq->user, sizeof(rq->user), call->session.user);
	return 0;
}

int cm_identity_find(struct cm_call *call, struct cm_err *err)
{
	const char *authorization = cm_request_header(call->rq, "authorization");
	const char *cookies = cm_request_header(call->rq, "cookie");
	char token[CM_TOKEN_LEN + 1];

	if (call->rq->is_api && authorization != NULL && strncasecmp(authorization, "Bearer ", 7) == 0)
		return by_token(call, authorization + 7 + strspn(authorization + 7, " "), err);
	if (cm_cookie_get(cookies, "visit", call->visit, sizeof(call->visit)) && strlen(call->visit) != CM_TOKEN_LEN)
		call->visit[0] = '\0';
	if (!cm_cookie_get(cookies, "session", token, sizeof(token)))
		return 0;
	call->had_cookie = true;
	return by_session(call, token, err);
}
