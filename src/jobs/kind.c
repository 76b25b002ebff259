/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/mem.h"
#include "core/str.h"
#include "jobs/kinds.h"

const struct cm_job_kind *cm_job_kind_find(const struct cm_job_table *table, const char *name)
{
	for (size_t i = 0; i < table->kind_count; i++)
		if (cm_str_eq(table->kinds[i].name, name))
			return &table->kinds[i];
	return NULL;
}

int cm_job_add_with(const struct cm_job_table *table, const struct cm_app *app, const struct cm_job_request *rq,
		    char ret_id[CM_UUID_LEN + 1], struct cm_err *err)
{
	const struct cm_job_kind *kind = cm_job_kind_find(table, rq->kind);
	struct cm_job_request full = *rq;
	cm_autofree char *title = NULL, *lock = NULL;

	if (kind == NULL)
		return cm_err_set(err, CM_EINVAL, "There is no such kind of job.");
	if (full.lane == NULL)
		full.lane = kind->lane;
	if (full.title == NULL) {
		title = rq->subject ? cm_asprintf("%s of %s", kind->label, rq->subject) : cm_strdup(kind->label);
		full.title = title;
	}
	if (full.lock == NULL && kind->lock != NULL && rq->subject != NULL) {
		lock = cm_asprintf("%s:%s", kind->lock, rq->subject);
		full.lock = lock;
	}
	return cm_queue_add(app, &full, ret_id, err);
}
