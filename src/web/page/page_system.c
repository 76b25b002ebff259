/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host's load, the clock, and the help page. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/str.h"
#include "service/database.h"
#include "service/engine.h"
#include "service/host.h"
#include "web/openapi.h"
#include "web/page.h"
#include "web/reply.h"
#include "web/view.h"

static double rounded(double value, double step)
{
	return round(value / step) * step;
}

/* One decimal or two, without the noise of binary fractions. */
static void set_decimal(struct json_object *o, const char *key, double value, int digits)
{
	char text[48];

	snprintf(text, sizeof(text), "%.*f", digits, value);
	cm_json_set(o, key, json_object_new_double_s(rounded(value, digits == 1 ? 0.1 : 0.01), text));
}

int cm_page_system_stats(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct json_object *data = cm_view_data(rp);
	struct cm_engine_overview engine;
	struct cm_host host;
	const double mb = 1024.0 * 1024.0;

	(void)err;
	cm_host_sample(&host);
	cm_engine_overview(rq->app, &engine);
	cm_json_set_int(data, "cpu_count", host.cpu_count);
	if (host.cpu_percent >= 0)
		set_decimal(data, "cpu_percent", host.cpu_percent, 1);
	else
		cm_json_set(data, "cpu_percent", NULL);
	set_decimal(data, "memory_percent",
		    host.memory_total ? 100.0 * (double)host.memory_used / (double)host.memory_total : 0, 1);
	set_decimal(data, "memory_total_mb", (double)host.memory_total / mb, 2);
	set_decimal(data, "memory_used_mb", (double)host.memory_used / mb, 2);
	cm_json_set_str(data, "docker_version", engine.reachable ? engine.version : NULL);
	cm_json_set_bool(data, "docker_ok", engine.reachable);
	return 0;
}

int cm_page_system_time(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct json_object *data = cm_view_data(rp);
	int64_t now = cm_now_ms();
	char plain[32], at[32];

	(void)rq;
	(void)err;
	cm_time_plain(plain, now);
	cm_time_rfc3339(at, now);
	cm_json_set_str(data, "formatted", plain);
	cm_json_set_str(data, "time_at", at);
	if (strlen(at) > 1)
		at[strlen(at) - 1] = '\0'; /* the predecessor's field has no zone */
	cm_json_set_str(data, "time", at);
	cm_json_set_str(data, "timezone", "UTC");
	return 0;
}

int cm_page_help(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct json_object *data = cm_view_data(rp);

	(void)err;
	cm_json_set_str(data, "version", CM_VERSION);
	cm_json_set_str(data, "data_dir", rq->app->data_dir);
	cm_json_set_str(data, "api_url", "/api/openapi.json");
	return 0;
}

int cm_page_openapi(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	(void)rq;
	(void)err;
	cm_reply_json(rp, 200, cm_openapi_make());
	return 0;
}

int cm_page_database_seen(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	int rc = cm_database_notice_clear(err);

	if (rc == 0)
		cm_reply_done(rq, rp, "/audit?operation_type=database", NULL,
			      "The notice is gone; the audit log keeps it.");
	return rc;
}
