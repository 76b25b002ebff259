/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <openssl/evp.h>
#include <string.h>

#include "core/mem.h"
#include "docker/container.h"
#include "docker/transport.h"

enum { ARCHIVE_IDLE_MS = 120000, EXPORT_IDLE_MS = 300000, PATH_LEN = 32768 };

/* Takes the frames of a log apart on their way to the caller. */
struct log_sink {
	struct cm_stdcopy copy;
	cm_stdcopy_fn fn;
	void *ctx;
};

static int log_part(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct log_sink *s = ctx;
	return cm_stdcopy_feed(&s->copy, data, len, s->fn, s->ctx, err);
}

static int is_tty(struct cm_docker *d, const char *id, bool *ret, struct cm_err *err)
{
	cm_autojson struct json_object *o = NULL;

	int r = cm_container_inspect(d, id, false, &o, err);
	if (r == 0)
		*ret = cm_json_bool(cm_json_obj(o, "Config"), "Tty", false);
	return r;
}

/* As the engine takes it: "1795373082.035000000". */
static void time_param(struct cm_buf *path, const char *name, int64_t ns)
{
	if (ns > 0)
		cm_buf_printf(path, "&%s=%lld.%09lld", name, (long long)(ns / 1000000000),
			      (long long)(ns % 1000000000));
}

int cm_container_logs(struct cm_docker *d, const char *id, const struct cm_logs_spec *spec, cm_stdcopy_fn fn, void *ctx,
		      struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);
	struct log_sink sink = { .fn = fn, .ctx = ctx };
	bool tty = false;

	/* The answer itself may not say whether it is raw. */
	int r = is_tty(d, id, &tty, err);
	if (r < 0)
		return r;
	cm_stdcopy_init(&sink.copy, tty);
	cm_docker_path(&path, "/containers/%s/logs?stdout=%b&stderr=%b&follow=%b&timestamps=%b", id, !spec->no_stdout,
		       !spec->no_stderr, spec->follow, spec->timestamps);
	if (spec->tail >= 0)
		cm_docker_path(&path, "&tail=%d", spec->tail);
	time_param(&path, "since", spec->since_ns);
	time_param(&path, "until", spec->until_ns);
	r = cm_docker_stream_get(d, path.data, log_part, &sink, spec->follow ? -1 : 0, err);
	return r == 0 ? cm_stdcopy_end(&sink.copy, err) : r;
}

int cm_container_attach(struct cm_docker *d, const char *id, bool in, bool out, bool errs, struct cm_docker_conn **ret,
			struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);

	int r = cm_docker_ref_check("container", id, err);
	if (r < 0)
		return r;
	cm_docker_path(&path, "/containers/%s/attach?stream=1&stdin=%b&stdout=%b&stderr=%b", id, in, out, errs);
	return cm_docker_hijack(d, path.data, NULL, ret, err);
}

static int archive_path(struct cm_buf *out, const char *id, const char *path, struct cm_err *err)
{
	int r = cm_docker_ref_check("container", id, err);
	if (r < 0)
		return r;
	if (path == NULL || path[0] != '/')
		return cm_err_set(err, CM_EINVAL, "A path in a container begins with a slash.");
	cm_docker_path(out, "/containers/%s/archive?path=%s", id, path);
	return cm_buf_failed(out) ? cm_err_set(err, CM_EINVAL, "This path is too long.") : 0;
}

/* Base64 with padding, as Go's StdEncoding writes it, of JSON. */
static int stat_header(const char *text, struct json_object **ret, struct cm_err *err)
{
	size_t len = strlen(text), pad = 0;
	cm_autofree unsigned char *plain = cm_alloc(len + 4);

	while (pad < 2 && len > pad && text[len - 1 - pad] == '=')
		pad++;
	int n = len > 0 && len % 4 == 0 ? EVP_DecodeBlock(plain, (const unsigned char *)text, (int)len) : -1;
	if (n < (int)pad || cm_json_parse((const char *)plain, (size_t)n - pad, ret, NULL) < 0)
		return cm_err_set(err, CM_EUPSTREAM, "The Docker Engine's answer about a file was not understood.");
	return 0;
}

int cm_container_archive_stat(struct cm_docker *d, const char *id, const char *path, struct json_object **ret,
			      struct cm_err *err)
{
	cm_autobuf struct cm_buf url = CM_BUF_INIT(PATH_LEN);
	struct cm_docker_req q;

	int r = archive_path(&url, id, path, err);
	if (r < 0)
		return r;
	r = cm_docker_req_open(&q, d, "HEAD", url.data, true, false, err);
	if (r == 0) {
		q.want = "X-Docker-Container-Path-Stat";
		r = cm_docker_req_run(&q, false, d->timeout_ms ? d->timeout_ms : CM_DOCKER_CALL_MS, -1, err);
	}
	/* An answer without a body cannot tell which of the two is missing. */
	if (r == 0 && q.status == 404) {
		cm_autojson struct json_object *o = NULL;
		r = cm_container_inspect(d, id, false, &o, err);
		if (r == 0)
			r = cm_err_set(err, CM_ENOTFOUND, "There is no such file in the container.");
	} else if (r == 0) {
		r = cm_docker_req_check(&q, err);
	}
	if (r == 0)
		r = stat_header(q.wanted, ret, err);
	cm_docker_req_release(&q);
	return r;
}

int cm_container_archive_get(struct cm_docker *d, const char *id, const char *path, cm_docker_sink sink, void *ctx,
			     struct cm_err *err)
{
	cm_autobuf struct cm_buf url = CM_BUF_INIT(PATH_LEN);

	int r = archive_path(&url, id, path, err);
	return r < 0 ? r : cm_docker_stream_get(d, url.data, sink, ctx, ARCHIVE_IDLE_MS, err);
}

int cm_container_archive_put(struct cm_docker *d, const char *id, const char *path, cm_docker_source source, void *ctx,
			     struct cm_err *err)
{
	cm_autobuf struct cm_buf url = CM_BUF_INIT(PATH_LEN);

	int r = archive_path(&url, id, path, err);
	if (r < 0)
		return r;
	cm_docker_path(&url, "&noOverwriteDirNonDir=1");
	struct cm_docker_upload up = { .method = "PUT",
				       .path = url.data,
				       .size = -1,
				       .source = source,
				       .source_ctx = ctx,
				       .idle_ms = ARCHIVE_IDLE_MS };
	return cm_docker_stream_send(d, &up, err);
}

int cm_container_export(struct cm_docker *d, const char *id, cm_docker_sink sink, void *ctx, struct cm_err *err)
{
	cm_autobuf struct cm_buf url = CM_BUF_INIT(PATH_LEN);

	int r = cm_docker_ref_check("container", id, err);
	if (r < 0)
		return r;
	cm_docker_path(&url, "/containers/%s/export", id);
	return cm_docker_stream_get(d, url.data, sink, ctx, EXPORT_IDLE_MS, err);
}
