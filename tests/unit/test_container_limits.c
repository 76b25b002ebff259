/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/container_limits.h"

#include "core/json.h"
#include "core/mem.h"
#include "test.h"

/* What the engine is asked for; or the field of the error. Caller frees. */
static char *body(const char *asked, const char *host)
{
	cm_autofree char *text = cm_asprintf("{\"HostConfig\":%s}", host);
	cm_autojson struct json_object *a = json_tokener_parse(asked), *inspect = json_tokener_parse(text), *o = NULL;
	const char *field = NULL;
	struct cm_err err = { 0 };
	int rc = cm_limits_body(a, inspect, &o, &field, &err);

	return rc < 0 ? cm_asprintf("%s %s", cm_err_word(rc), field) : cm_json_text(o);
}

static void check(const char *asked, const char *host, const char *expected)
{
	cm_autofree char *got = body(asked, host);

	CHECK_STR(got, expected);
}

TEST(container_limits__sizes)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} good[] = { { "0", 0 },
		     { "1024", 1024 },
		     { "512m", 536870912 },
		     { "1.5g", 1610612736 },
		     { "2 GiB", 2147483648 },
		     { "64KB", 65536 },
		     { "7b", 7 } };
	static const char *const bad[] = { "", "m", "-1", "5x", "1mm", "1 m x", "inf", "1e30", "nan" };
	int64_t n;
	char text[32];

	for (size_t i = 0; i < CM_COUNT(good); i++) {
		CHECK_INT(cm_limits_bytes(good[i].text, &n, NULL), 0);
		CHECK_INT(n, good[i].bytes);
	}
	for (size_t i = 0; i < CM_COUNT(bad); i++)
		CHECK_INT(cm_limits_bytes(bad[i], &n, NULL), CM_EINVAL);
	cm_limits_bytes_text(text, 536870912);
	CHECK_STR(text, "512m");
	cm_limits_bytes_text(text, 1025);
	CHECK_STR(text, "1025");
	cm_limits_bytes_text(text, 0);
	CHECK_STR(text, "");
}

TEST(container_limits__only_what_changes_is_asked_for)
{
	check("{}", "{}", "{}");
	check("{\"memory\":\"512m\"}", "{\"Memory\":536870912,\"MemorySwap\":1073741824}", "{}");
	check("{\"memory\":\"64m\"}", "{\"Memory\":0,\"MemorySwap\":0}",
	      "{\"Memory\":67108864,\"MemorySwap\":134217728}");
	check("{\"memory\":67108864}", "{\"Memory\":134217728,\"MemorySwap\":-1}",
	      "{\"Memory\":67108864,\"MemorySwap\":-1}");
	check("{\"memory\":\"64m\"}", "{\"Memory\":8388608,\"MemorySwap\":8388608}",
	      "{\"Memory\":67108864,\"MemorySwap\":67108864}");
	check("{\"cpus\":0.5}", "{}", "{\"NanoCpus\":500000000}");
	check("{\"cpus\":\"0.5\"}", "{\"NanoCpus\":500000000}", "{}");
	check("{\"pids_limit\":100}", "{\"PidsLimit\":null}", "{\"PidsLimit\":100}");
	check("{\"pids_limit\":\"\"}", "{\"PidsLimit\":100}", "{\"PidsLimit\":-1}");
	check("{\"restart_policy\":\"always\"}", "{\"RestartPolicy\":{\"Name\":\"no\",\"MaximumRetryCount\":0}}",
	      "{\"RestartPolicy\":{\"Name\":\"always\",\"MaximumRetryCount\":0}}");
	check("{\"restart_policy\":\"on-failure\",\"max_retries\":3}", "{}",
	      "{\"RestartPolicy\":{\"Name\":\"on-failure\",\"MaximumRetryCount\":3}}");
	check("{\"restart_policy\":\"no\"}", "{\"RestartPolicy\":{\"Name\":\"\"}}", "{}");
}

TEST(container_limits__what_cannot_be_says_which_field)
{
	check("{\"memory\":\"1m\"}", "{}", "INVALID memory");
	check("{\"memory\":\"much\"}", "{}", "INVALID memory");
	check("{\"memory\":\"\"}", "{\"Memory\":67108864}", "IMPOSSIBLE memory");
	check("{\"cpus\":\"0\"}", "{\"NanoCpus\":500000000}", "IMPOSSIBLE cpus");
	check("{\"cpus\":\"-1\"}", "{}", "INVALID cpus");
	check("{\"pids_limit\":\"few\"}", "{}", "INVALID pids_limit");
	check("{\"restart_policy\":\"sometimes\"}", "{}", "INVALID restart_policy");
	check("{\"restart_policy\":\"on-failure\",\"max_retries\":\"x\"}", "{}", "INVALID max_retries");
	check("{\"restart_policy\":\"always\"}", "{\"AutoRemove\":true}", "IMPOSSIBLE restart_policy");
}

TEST(container_limits__now_has_the_shape_of_what_is_asked_for)
{
	cm_autojson struct json_object *inspect =
	    json_tokener_parse("{\"HostConfig\":{\"Memory\":536870912,\"NanoCpus\":1500000000,\"PidsLimit\":50,"
			       "\"RestartPolicy\":{\"Name\":"
			       "\"on-failure\",\"MaximumRetryCount\":3}}}");
	cm_autojson struct json_object *now = cm_limits_now(inspect), *body = NULL;

	CHECK_STR(cm_json_str(now, "memory", ""), "512m");
	CHECK_STR(cm_json_str(now, "cpus", ""), "1.5");
	CHECK_STR(cm_json_str(now, "max_retries", ""), "3");
	CHECK_INT(cm_limits_body(now, inspect, &body, NULL, NULL), 0);
	CHECK_INT(json_object_object_length(body), 0);
}
