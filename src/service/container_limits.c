/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/container_limits.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

#define MEMORY_MIN ((int64_t)6 << 20) /* the engine's */
enum { CPUS_MAX = 4096, PIDS_MAX = 4194304, RETRIES_MAX = 1000000 };

static const char *const policies[] = { "no", "always", "unless-stopped", "on-failure" };

int cm_limits_bytes(const char *text, int64_t *ret, struct cm_err *err)
{
	static const char units[] = "bkmgt";
	char *end;
	double n = strtod(text, &end);
	const char *unit;
	double factor = 1;

	if (end == text || text[0] == '-' || text[0] == '+' || !isfinite(n))
		goto bad;
	end += strspn(end, " ");
	if (*end != '\0') {
		unit = strchr(units, *end | 0x20);
		if (unit == NULL)
			goto bad;
		factor = ldexp(1, 10 * (int)(unit - units));
		end++;
		if (unit != units && (*end == 'i' || *end == 'I'))
			end++;
		if (unit != units && (*end == 'b' || *end == 'B'))
			end++;
	}
	if (*end != '\0' || n * factor > 9e15)
		goto bad;
	*ret = (int64_t)(n * factor);
	return 0;
bad:
	return cm_err_set(err, CM_EINVAL, "\"%.40s\" is no size: write it like 512m or 1.5g.", text);
}

void cm_limits_bytes_text(char dst[32], int64_t bytes)
{
	static const char units[] = "kmg";
	int k = -1;

	while (k < 2 && bytes != 0 && bytes % 1024 == 0) {
		bytes /= 1024;
		k++;
	}
	if (bytes == 0)
		dst[0] = '\0';
	else if (k < 0)
		snprintf(dst, 32, "%" PRId64, bytes);
	else
		snprintf(dst, 32, "%" PRId64 "%c", bytes, units[k]);
}

/* NULL: not asked for, or null. Else its text. */
static const char *asked_for(struct json_object *asked, const char *key)
{
	struct json_object *o = cm_json_get(asked, key);

	return o == NULL ? NULL : json_object_get_string(o);
}

static int no_way_back(const char *what, const char *instead, struct cm_err *err)
{
	return cm_err_set(err, CM_EUNSUPPORTED,
			  "The engine cannot take the %s limit off a container that exists: %s, or make it anew.", what,
			  instead);
}

/* Swap goes along as the engine itself would have set it at the creation. */
static int memory_add(const char *text, struct json_object *host, struct json_object *body, struct cm_err *err)
{
	int64_t now = cm_json_int(host, "Memory", 0), swap = cm_json_int(host, "MemorySwap", 0), n = 0;
	int rc = text[0] == '\0' ? 0 : cm_limits_bytes(text, &n, err);

	if (rc < 0 || n == now)
		return rc;
	if (n == 0)
		return no_way_back("memory", "set a higher one", err);
	if (n < MEMORY_MIN)
		return cm_err_set(err, CM_EINVAL, "A memory limit is at least 6m.");
	cm_json_set_int(body, "Memory", n);
	cm_json_set_int(body, "MemorySwap", swap < 0 ? -1 : swap != 0 && swap == now ? n : 2 * n);
	return 0;
}

static int cpus_add(const char *text, struct json_object *host, struct json_object *body, struct cm_err *err)
{
	int64_t now = cm_json_int(host, "NanoCpus", 0), n = 0;
	char *end;
	double cpus;

	if (text[0] != '\0') {
		cpus = strtod(text, &end);
		if (end == text || *end != '\0' || !(cpus >= 0 && cpus <= CPUS_MAX) || (cpus > 0 && cpus < 0.01))
			return cm_err_set(err, CM_EINVAL, "A limit of processors is a number from 0.01, like 1.5.");
		n = (int64_t)llround(cpus * 1e9);
	}
	if (n == now)
		return 0;
	if (n == 0)
		return no_way_back("processor", "set it to the number of processors", err);
	cm_json_set_int(body, "NanoCpus", n);
	return 0;
}

static int pids_add(const char *text, struct json_object *host, struct json_object *body, struct cm_err *err)
{
	int64_t now = cm_json_int(host, "PidsLimit", 0), n = 0;

	if (text[0] != '\0' && !cm_str_i64(text, -1, PIDS_MAX, &n))
		return cm_err_set(err, CM_EINVAL, "A limit of processes is a whole number up to %d; 0 is none.",
				  PIDS_MAX);
	n = n < 0 ? 0 : n;
	now = now < 0 ? 0 : now;
	/* The engine reads 0 as: unchanged. */
	if (n != now)
		cm_json_set_int(body, "PidsLimit", n == 0 ? -1 : n);
	return 0;
}

static int restart_add(const char *policy, const char *retries, struct json_object *host, struct json_object *body,
		       const char **field, struct cm_err *err)
{
	struct json_object *now = cm_json_obj(host, "RestartPolicy"), *o;
	const char *name = cm_json_str(now, "Name", "");
	int64_t n = cm_json_int(now, "MaximumRetryCount", 0);
	bool known = false;

	name = name[0] != '\0' ? name : "no";
	policy = policy != NULL ? policy : name;
	for (size_t i = 0; i < CM_COUNT(policies); i++)
		known |= cm_str_eq(policies[i], policy);
	*field = "restart_policy";
	if (!known)
		return cm_err_set(err, CM_EINVAL, "A restart policy is no, always, unless-stopped or on-failure.");
	if (!cm_str_eq(policy, "no") && cm_json_bool(host, "AutoRemove", false))
		return cm_err_set(err, CM_EUNSUPPORTED, "It is removed when it ends (--rm), so it cannot restart.");
	*field = "max_retries";
	if (retries != NULL && retries[0] != '\0' && !cm_str_i64(retries, 0, RETRIES_MAX, &n))
		return cm_err_set(err, CM_EINVAL, "The number of restarts is a whole number up to %d.", RETRIES_MAX);
	if (!cm_str_eq(policy, "on-failure"))
		n = 0;
	if (cm_str_eq(policy, name) && n == cm_json_int(now, "MaximumRetryCount", 0))
		return 0;
	o = json_object_new_object();
	cm_json_set_str(o, "Name", policy);
	cm_json_set_int(o, "MaximumRetryCount", n);
	cm_json_set(body, "RestartPolicy", o);
	return 0;
}

int cm_limits_body(struct json_object *asked, struct json_object *inspect, struct json_object **ret_body,
		   const char **field, struct cm_err *err)
{
	static const struct {
		const char *key;
		int (*add)(const char *text, struct json_object *host, struct json_object *body, struct cm_err *err);
	} limits[] = { { "memory", memory_add }, { "cpus", cpus_add }, { "pids_limit", pids_add } };
	cm_autojson struct json_object *body = json_object_new_object();
	struct json_object *host = cm_json_obj(inspect, "HostConfig");
	const char *policy = asked_for(asked, "restart_policy"), *retries = asked_for(asked, "max_retries"),
		   *about = NULL;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < CM_COUNT(limits); i++) {
		const char *text = asked_for(asked, limits[i].key);

		about = limits[i].key;
		rc = text == NULL ? 0 : limits[i].add(text, host, body, err);
	}
	if (rc == 0 && (policy != NULL || retries != NULL))
		rc = restart_add(policy, retries, host, body, &about, err);
	if (rc < 0) {
		if (field != NULL)
			*field = about;
		return rc;
	}
	*ret_body = cm_move(&body);
	return 0;
}

struct json_object *cm_limits_now(struct json_object *inspect)
{
	struct json_object *o = json_object_new_object(), *host = cm_json_obj(inspect, "HostConfig");
	struct json_object *policy = cm_json_obj(host, "RestartPolicy");
	int64_t cpus = cm_json_int(host, "NanoCpus", 0), pids = cm_json_int(host, "PidsLimit", 0);
	const char *name = cm_json_str(policy, "Name", "");
	char text[32];

	cm_limits_bytes_text(text, cm_json_int(host, "Memory", 0));
	cm_json_set_str(o, "memory", text);
	snprintf(text, sizeof(text), "%.9g", (double)cpus / 1e9);
	cm_json_set_str(o, "cpus", cpus > 0 ? text : "");
	snprintf(text, sizeof(text), "%" PRId64, pids);
	cm_json_set_str(o, "pids_limit", pids > 0 ? text : "");
	cm_json_set_str(o, "restart_policy", name[0] != '\0' ? name : "no");
	snprintf(text, sizeof(text), "%" PRId64, cm_json_int(policy, "MaximumRetryCount", 0));
	cm_json_set_str(o, "max_retries", cm_str_eq(text, "0") ? "" : text);
	return o;
}
