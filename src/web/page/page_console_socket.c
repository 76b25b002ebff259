/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The terminal of the console page: a websocket. What is wrong with the container is said within it, since browsers
 * show a page nothing of a refused handshake. */
#include <string.h>
#include <strings.h>

#include "core/log.h"
#include "core/mem.h"
#include "core/secret.h"
#include "core/str.h"
#include "service/command.h"
#include "service/console.h"
#include "service/role.h"
#include "service/session.h"
#include "service/token.h"
#include "web/form.h"
#include "web/page.h"
#include "web/reply.h"

enum { SHELL_MAX = 1024, ROWS = 24, COLS = 80 };

struct talk {
	struct cm_console console;
	bool by_session;
	char token[128]; /* of the session, or the API token: asked again while the console is open */
	int64_t user_id;
};

static void talk_free(void *arg)
{
	struct talk *t = arg;

	cm_secret_wipe(t->token, sizeof(t->token));
	free(t->console.container);
	free(t->console.shell);
	free(t->console.user);
	free(t->console.workdir);
	free(t->console.by);
	free(t->console.address);
	free(t);
}

/* Whether who opened it still may. A database that does not answer for a moment ends nothing. */
static bool still_allowed(void *ctx, char *why)
{
	struct talk *t = ctx;
	enum cm_role role = CM_ROLE_NONE;
	int rc;

	if (t->by_session) {
		struct cm_session session;

		rc = cm_session_find(t->token, &session, NULL);
		role = rc == 0 && session.user_id == t->user_id ? session.role : CM_ROLE_NONE;
	} else {
		struct cm_token token;

		rc = cm_token_find(t->token, &token, NULL);
		role = rc == 0 && token.user_id == t->user_id ? token.role : CM_ROLE_NONE;
	}
	if ((rc != 0 && rc != CM_EAUTH) || role >= CM_ROLE_ADMIN)
		return true;
	cm_str_copy(why, 128,
		    role == CM_ROLE_NONE ? "You are not logged in any more. Log in and connect again."
					 : "Your role may not use the console any more.");
	return false;
}

static int talk(void *arg, int fd, const atomic_bool *stop)
{
	struct talk *t = arg;

	cm_info("console", "container=%s user=%s opened", t->console.container, t->console.by);
	cm_console_run(&t->console, fd, stop);
	cm_info("console", "container=%s user=%s closed", t->console.container, t->console.by);
	return 0;
}

static bool keep_token(const struct cm_request *rq, struct talk *t)
{
	const char *authorization = cm_request_header(rq, "authorization");

	t->by_session = rq->session_id != 0;
	t->user_id = rq->user_id;
	if (t->by_session)
		return cm_cookie_get(cm_request_header(rq, "cookie"), "session", t->token, sizeof(t->token));
	if (authorization == NULL || strncasecmp(authorization, "Bearer ", 7) != 0)
		return false;
	return cm_str_copy(t->token, sizeof(t->token), authorization + 7 + strspn(authorization + 7, " "));
}

int cm_page_console_socket(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *upgrade = cm_request_header(rq, "upgrade"), *shell = cm_form_str(rq->get, "shell", "");
	const char *user = cm_form_str(rq->get, "user", ""), *workdir = cm_form_str(rq->get, "workdir", "");
	int64_t rows = ROWS, cols = COLS;
	struct talk *t;
	int rc;

	if (rq->method != CM_GET || upgrade == NULL || strcasecmp(upgrade, "websocket") != 0)
		return cm_err_set(err, CM_EINVAL,
				  "This path is for websockets. A single command: POST "
				  "/api/container/<id>/exec.");
	rc = cm_form_int(rq->get, "rows", 1, CM_CONSOLE_SIZE_MAX, ROWS, &rows, err);
	rc = rc < 0 ? rc : cm_form_int(rq->get, "cols", 1, CM_CONSOLE_SIZE_MAX, COLS, &cols, err);
	rc = rc < 0 ? rc : cm_exec_options_check(user, workdir, err);
	if (rc < 0)
		return rc;
	if (strlen(shell) > SHELL_MAX)
		return cm_err_set(err, CM_EINVAL, "The shell can have at most %d characters.", SHELL_MAX);
	t = cm_alloc(sizeof(*t));
	t->console = (struct cm_console){ .app = rq->app,
					  .container = cm_strdup(rq->params[0]),
					  .shell = cm_strdup(shell),
					  .user = cm_strdup(user),
					  .workdir = cm_strdup(workdir),
					  .rows = (int)rows,
					  .cols = (int)cols,
					  .by = cm_strdup(rq->user),
					  .address = cm_strdup(rq->client),
					  .allowed = still_allowed,
					  .ctx = t };
	if (!keep_token(rq, t)) {
		talk_free(t);
		return cm_err_set(err, CM_EAUTH, "Authentication required");
	}
	cm_reply_socket(rp, talk, talk_free, t);
	return 0;
}
