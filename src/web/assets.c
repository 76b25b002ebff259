/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What needs no thread: files linked into the program, and the sign of life. */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/str.h"
#include "web/reply.h"
#include "web/web_int.h"

enum { NAME_MAX_LEN = 200 };

static int by_name(const void *key, const void *entry)
{
	return strcmp(key, ((const struct cm_embed_file *)entry)->name);
}

static const struct cm_embed_file *find(const struct cm_embedded *files, const char *name)
{
	return bsearch(name, files->assets, files->asset_count, sizeof(files->assets[0]), by_name);
}

static const char *type_of(const char *name)
{
	static const char *const types[][2] = {
		{ ".css", "text/css; charset=utf-8" },
		{ ".js", "text/javascript; charset=utf-8" },
		{ ".svg", "image/svg+xml" },
		{ ".png", "image/png" },
		{ ".ico", "image/x-icon" },
		{ ".woff2", "font/woff2" },
		{ ".json", "application/json" },
		{ ".txt", "text/plain; charset=utf-8" },
	};

	for (size_t i = 0; i < CM_COUNT(types); i++)
		if (cm_str_has_suffix(name, types[i][0]))
			return types[i][1];
	return "application/octet-stream";
}

/* Names carry the hash of the content: a client that has one never asks again. */
static void reply_asset(struct cm_web *web, struct cm_request *rq, struct cm_reply *rp, const char *name)
{
	const struct cm_embed_file *file = find(web->files, name), *small = NULL;
	const char *known = cm_request_header(rq, "if-none-match");
	char text[NAME_MAX_LEN + 8];

	if (file == NULL || strlen(name) > NAME_MAX_LEN || cm_str_has_suffix(name, ".gz")) {
		cm_reply_body(rp, 404, "text/plain; charset=utf-8", "There is no such file.\n", 23);
		return;
	}
	snprintf(text, sizeof(text), "%s.gz", name);
	small = find(web->files, text);
	if (small != NULL)
		cm_reply_header(rp, "vary", "Accept-Encoding");
	if (small != NULL && cm_accepts_gzip(rq)) {
		file = small;
		cm_reply_header(rp, "content-encoding", "gzip");
	}
	snprintf(text, sizeof(text), "\"%s\"", file->name);
	cm_reply_header(rp, "etag", text);
	cm_reply_header(rp, "cache-control", "public, max-age=31536000, immutable");
	if (known != NULL && strstr(known, text) != NULL) {
		rp->status = 304;
		return;
	}
	cm_reply_body(rp, 200, type_of(name), file->data, file->len);
}

bool cm_web_handle_fast(struct cm_web *web, struct cm_request *rq, struct cm_reply *rp)
{
	bool asset = cm_str_has_prefix(rq->path, "/assets/");

	if (!asset && strcmp(rq->path, "/healthz") != 0)
		return false;
	if (rq->method != CM_GET && rq->method != CM_HEAD) {
		cm_reply_header(rp, "allow", "GET, HEAD, OPTIONS");
		cm_reply_body(rp, rq->method == CM_OPTIONS ? 204 : 405, "text/plain; charset=utf-8", "", 0);
	} else if (asset) {
		reply_asset(web, rq, rp, rq->path + strlen("/assets/"));
	} else {
		cm_reply_body(rp, 200, "text/plain; charset=utf-8", "ok\n", 3);
	}
	cm_headers_secure(rq, rp);
	return true;
}
