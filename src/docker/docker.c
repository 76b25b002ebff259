/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "docker/docker.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/str.h"
#include "docker/transport.h"

enum { DF_EXTRA_MS = 240000, PING_ANSWER_MAX = 4096, KEPT_CONNECTIONS = 6 };

static void curl_begin(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* *ret is the file's path, or NULL when there is none. */
static void cert_file(const char *dir, const char *name, char **ret)
{
	char *path = cm_asprintf("%s/%s", dir, name);
	if (access(path, R_OK) == 0)
		*ret = path;
	else
		free(path);
}

static int certificates(struct cm_docker *d, const char *dir, struct cm_err *err)
{
	if (!d->addr.tls || dir == NULL || dir[0] == '\0')
		return 0;
	cert_file(dir, "ca.pem", &d->ca);
	cert_file(dir, "cert.pem", &d->cert);
	cert_file(dir, "key.pem", &d->key);
	if (d->ca == NULL && d->cert == NULL)
		return cm_err_set(
		    err, CM_ENOTFOUND,
		    "There is no readable ca.pem or cert.pem in DOCKER_CERT_PATH. Put ca.pem, cert.pem and "
		    "key.pem there.");
	if ((d->cert == NULL) != (d->key == NULL))
		return cm_err_set(err, CM_ENOTFOUND, "In DOCKER_CERT_PATH there is a %s without a readable %s.",
				  d->cert ? "cert.pem" : "key.pem", d->cert ? "key.pem" : "cert.pem");
	return 0;
}

int cm_docker_new(const struct cm_docker_config *config, struct cm_docker **ret, struct cm_err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct cm_docker_address addr;

	int r = cm_docker_address_parse(config->host, config->tls, &addr, err);
	if (r < 0)
		return r;
	pthread_once(&once, curl_begin);
	struct cm_docker *d = cm_alloc(sizeof(*d));
	d->addr = addr;
	r = certificates(d, config->cert_path, err);
	if (r < 0) {
		cm_docker_free(d);
		return r;
	}
	d->multi = curl_multi_init();
	if (d->multi == NULL) {
		cm_docker_free(d);
		return cm_err_set(err, CM_ENOMEM, "Out of memory while preparing to ask the Docker Engine.");
	}
	curl_multi_setopt(d->multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
	*ret = d;
	return 0;
}

void cm_docker_free(struct cm_docker *d)
{
	if (d == NULL)
		return;
	while (d->pool_len > 0)
		curl_easy_cleanup(d->pool[--d->pool_len]);
	if (d->multi != NULL)
		curl_multi_cleanup(d->multi);
	free(d->ca);
	free(d->cert);
	free(d->key);
	free(d);
}

void cm_docker_set_cancel(struct cm_docker *d, bool (*cancelled)(void *ctx), void *ctx)
{
	d->cancelled = cancelled;
	d->cancel_ctx = ctx;
}

void cm_docker_set_timeout(struct cm_docker *d, int ms)
{
	d->timeout_ms = ms > 0 ? ms : 0;
}

const char *cm_docker_address(const struct cm_docker *d)
{
	return d->addr.text;
}

bool cm_docker_is_local(const struct cm_docker *d)
{
	return d->addr.socket[0] != '\0';
}

/* "1.41" to 41. */
static int version_minor(const char *s)
{
	uint64_t minor;

	return strncmp(s, "1.", 2) == 0 && cm_str_u64(s + 2, 1, 999, &minor) ? (int)minor : -1;
}

int cm_docker_ping(struct cm_docker *d, struct cm_err *err)
{
	struct cm_docker_req q;

	d->api = 0;
	int r = cm_docker_req_open(&q, d, "GET", "/_ping", false, false, err);
	if (r == 0) {
		q.want = "Api-Version";
		q.answer.max = PING_ANSWER_MAX;
		r = cm_docker_req_run(&q, false, d->timeout_ms ? d->timeout_ms : CM_DOCKER_CALL_MS, -1, err);
	}
	if (r == 0)
		r = cm_docker_req_check(&q, err);
	if (r == 0) {
		int minor = version_minor(q.wanted);
		if (minor < 0)
			r = cm_err_set(
			    err, CM_EUPSTREAM,
			    "What answers at %s is not a Docker Engine: it names no API version. Check DOCKER_HOST.",
			    d->addr.text);
		else if (minor < CM_DOCKER_API_MIN)
			r = cm_err_set(
			    err, CM_EUNSUPPORTED,
			    "The Docker Engine at %s is too old: it speaks API 1.%d, and at least 1.%d (Docker 19.03) "
			    "is needed.",
			    d->addr.text, minor, CM_DOCKER_API_MIN);
		else
			d->api = minor < CM_DOCKER_API_MAX ? minor : CM_DOCKER_API_MAX;
	}
	cm_docker_req_release(&q);
	return r;
}

int cm_docker_agree(struct cm_docker *d, struct cm_err *err)
{
	return d->api > 0 ? 0 : cm_docker_ping(d, err);
}

int cm_docker_api(struct cm_docker *d, int *ret_minor, struct cm_err *err)
{
	int r = cm_docker_agree(d, err);
	if (r == 0)
		*ret_minor = d->api;
	return r;
}

int cm_docker_version(struct cm_docker *d, struct json_object **ret, struct cm_err *err)
{
	return cm_docker_call(d, "GET", "/version", NULL, ret, err);
}

int cm_docker_info(struct cm_docker *d, struct json_object **ret, struct cm_err *err)
{
	return cm_docker_call(d, "GET", "/info", NULL, ret, err);
}

int cm_docker_df(struct cm_docker *d, struct json_object **ret, struct cm_err *err)
{
	return cm_docker_call_slow(d, "GET", "/system/df", NULL, DF_EXTRA_MS, ret, err);
}
