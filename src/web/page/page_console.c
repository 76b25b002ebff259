/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The console page, and one command in a container: as its form, and as POST /api/container/<id>/exec. */
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/command.h"
#include "service/container_spec.h"
#include "service/containers.h"
#include "service/words.h"
#include "web/form.h"
#include "web/page.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_console.h"

static int show(const struct cm_request *rq, struct cm_reply *rp, const struct cm_form *form, struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL;
	int rc = cm_containers_look(rq->app, rq->params[0], &inspect, err);

	if (rc < 0)
		return rc;
	cm_view_console(cm_view_data(rp), inspect, form);
	cm_json_set_str(cm_view_data(rp), "nonce", cm_reply_style_nonce(rp));
	cm_view_title(rp, "Console of %s", cm_spec_name(inspect));
	return 0;
}

int cm_page_console(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	return show(rq, rp, rq->get, err);
}

static int words_of(const struct cm_request *rq, char ***ret, struct cm_err *err)
{
	struct json_object *value = cm_json_get(rq->json, "command");

	if (value != NULL)
		return cm_words_from_json(value, ret, err);
	return cm_words_split(cm_form_str(rq->post, "command", ""), ret, err);
}

/* As the predecessor has it: nothing to do, nothing to say. */
static bool is_nothing(const struct cm_request *rq)
{
	const char *text = cm_form_get(rq->post, "command");

	return rq->is_api && text != NULL && text[strspn(text, " \t\r\n")] == '\0' &&
	       !json_object_is_type(cm_json_get(rq->json, "command"), json_type_array);
}

static int run(const struct cm_request *rq, struct cm_command_result *ret, struct cm_err *err)
{
	const char *workdir = cm_form_get(rq->post, "workdir");
	struct cm_command command = { .user = cm_form_get(rq->post, "user"),
				      .workdir = workdir != NULL ? workdir : cm_form_get(rq->post, "working_dir"),
				      .by = rq->user,
				      .address = rq->client };
	char **words = NULL;
	int rc = words_of(rq, &words, err);

	if (rc < 0)
		return rc;
	command.argv = words;
	rc = cm_command_run(rq->app, rq->params[0], &command, ret, err);
	cm_words_free(words);
	return rc;
}

int cm_page_console_exec(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct cm_command_result result = { .exit_code = 0 };
	int rc = rq->is_api ? 0 : show(rq, rp, rq->post, err);

	if (rc == 0 && !is_nothing(rq))
		rc = run(rq, &result, err);
	if (rc == 0 && rq->is_api && result.timed_out)
		rc = cm_err_set(err, CM_ETIMEDOUT, "Command execution timed out: it did not end in %d seconds and %s.",
				CM_COMMAND_SECONDS, result.left_running ? "may still be running" : "was stopped");
	if (rc == 0 && rq->is_api)
		cm_reply_json(rp, 200, cm_view_command_answer(&result));
	else if (rc == 0)
		cm_json_set(cm_view_data(rp), "result", cm_view_command(cm_form_str(rq->post, "command", ""), &result));
	cm_command_result_release(&result);
	return rc;
}
