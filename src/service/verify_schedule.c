/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/verify_schedule.h"

#include "core/json.h"
#include "core/mem.h"
#include "service/settings.h"

enum { DAY_MS = 24 * 3600 * 1000 };

size_t cm_verify_schedule_choose(const struct cm_catalog_pick *picks, size_t count, int percent, int64_t elapsed_ms,
				 int64_t *allowance)
{
	int64_t total = 0, day, most;
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		total += picks[i].size;
	if (percent <= 0 || count == 0) {
		*allowance = 0;
		return 0;
	}
	if (elapsed_ms < CM_VERIFY_SCHEDULE_MS)
		elapsed_ms = CM_VERIFY_SCHEDULE_MS;
	if (elapsed_ms > DAY_MS)
		elapsed_ms = DAY_MS;
	/* In floating point: a petabyte times a day's milliseconds does not fit into 64 bits. */
	day = (int64_t)((double)total * percent / 100.0);
	most = day > picks[0].size ? day : picks[0].size;
	*allowance += (int64_t)((double)day * (double)elapsed_ms / DAY_MS);
	if (*allowance > most)
		*allowance = most;
	while (n < count && n < CM_VERIFY_SCHEDULE_FILES_MAX && picks[n].size <= *allowance)
		*allowance -= picks[n++].size;
	return n;
}

int cm_verify_schedule_last(int64_t *ret_ms, struct cm_err *err)
{
	cm_autojson struct json_object *state = NULL;
	int rc = cm_settings_load(CM_VERIFY_SCHEDULE_KEY, &state, err);

	/* Damaged: as if it was never looked at. */
	if (rc == 0 || rc == CM_ECORRUPT)
		*ret_ms = cm_json_int(state, "last_ms", 0);
	return rc == CM_ECORRUPT ? 0 : rc;
}

static int state_store(int64_t now_ms, int64_t allowance, struct cm_err *err)
{
	cm_autojson struct json_object *state = json_object_new_object();

	cm_json_set_int(state, "last_ms", now_ms);
	cm_json_set_int(state, "allowance", allowance);
	return cm_settings_store(CM_VERIFY_SCHEDULE_KEY, state, err);
}

/* Names instead of ids: a job's parameters are read by people too. */
static struct json_object *params_make(int64_t now_ms, const struct cm_catalog_pick *picks, size_t count)
{
	struct json_object *params, *files = json_object_new_array();

	for (size_t i = 0; i < count; i++) {
		struct cm_catalog_row row;

		if (cm_catalog_get_id(picks[i].id, &row, NULL) < 0)
			continue;
		cm_json_add_str(files, row.file);
		cm_catalog_row_release(&row);
	}
	params = json_object_new_object();
	cm_json_set_bool(params, "scheduled", true);
	cm_json_set_int(params, "before_ms", now_ms);
	cm_json_set(params, "files", files);
	return params;
}

int cm_verify_schedule_look(int64_t now_ms, struct json_object **ret_params, struct cm_err *err)
{
	cm_autojson struct json_object *state = NULL;
	struct cm_catalog_pick *picks = NULL;
	int64_t last_ms, allowance;
	size_t count = 0, n;
	int percent, rc = cm_settings_load(CM_VERIFY_SCHEDULE_KEY, &state, err);

	rc = rc == CM_ECORRUPT ? 0 : rc;
	rc = rc < 0 ? rc : cm_settings_verify_percent(&percent, err);
	rc = rc < 0 ? rc : cm_catalog_oldest_verified(now_ms, INT64_MAX, &picks, &count, err);
	if (rc < 0)
		return rc;
	last_ms = cm_json_int(state, "last_ms", now_ms);
	allowance = cm_json_int(state, "allowance", 0);
	n = cm_verify_schedule_choose(picks, count, percent, now_ms - last_ms, &allowance);
	rc = state_store(now_ms, allowance, err);
	if (rc == 0)
		*ret_params = n > 0 ? params_make(now_ms, picks, n) : NULL;
	free(picks);
	return rc;
}
