/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "core/mem.h"
#include "docker/container.h"
#include "docker/transport.h"

enum { WAIT_ANSWER_MAX = 64 << 10 };

struct cm_container_wait {
	struct cm_docker_req req;
};

int cm_container_wait_start(struct cm_docker *d, const char *id, const char *condition, struct cm_container_wait **ret,
			    struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(4096);

	int r = cm_docker_ref_check("container", id, err);
	if (r < 0)
		return r;
	cm_docker_path(&path, "/containers/%s/wait?condition=%s", id, condition);
	struct cm_container_wait *w = cm_alloc(sizeof(*w));
	r = cm_docker_req_open(&w->req, d, "POST", path.data, true, false, err);
	if (r == 0) {
		w->req.answer.max = WAIT_ANSWER_MAX;
		/* The engine sends the head of its answer once it watches the container. */
		r = cm_docker_req_run(&w->req, true, d->timeout_ms ? d->timeout_ms : CM_DOCKER_CALL_MS, -1, err);
	}
	if (r == 0 && w->req.status >= 300) {
		r = cm_docker_req_run(&w->req, false, d->timeout_ms ? d->timeout_ms : CM_DOCKER_CALL_MS, -1, err);
		if (r == 0)
			r = cm_docker_req_check(&w->req, err);
		if (r == 0)
			r = cm_err_set(err, CM_EUPSTREAM, "The Docker Engine's answer was not understood.");
	}
	if (r < 0) {
		cm_container_wait_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

int cm_container_wait_finish(struct cm_container_wait *w, int timeout_ms, int *ret_exit_code, struct cm_err *err)
{
	cm_autojson struct json_object *o = NULL;

	int r = cm_docker_req_run(&w->req, false, timeout_ms, -1, err);
	if (r == CM_ETIMEDOUT)
		return cm_err_set(err, CM_ETIMEDOUT, "The container has not ended in the time allowed.");
	if (r == 0)
		r = cm_docker_req_check(&w->req, err);
	if (r == 0)
		r = cm_docker_req_parse(&w->req, &o, err);
	if (r < 0)
		return r;
	const char *message = cm_json_str_at(o, "Error.Message", NULL);
	if (message != NULL && message[0] != '\0')
		return cm_err_set(err, CM_EUPSTREAM, "The Docker Engine could not wait for the container: %.300s.",
				  message);
	if (cm_json_get(o, "StatusCode") == NULL)
		return cm_err_set(err, CM_EUPSTREAM, "The Docker Engine did not say how the container ended.");
	*ret_exit_code = (int)cm_json_int(o, "StatusCode", -1);
	return 0;
}

void cm_container_wait_free(struct cm_container_wait *w)
{
	if (w == NULL)
		return;
	cm_docker_req_release(&w->req);
	free(w);
}
