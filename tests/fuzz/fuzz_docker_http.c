/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parsers of what an engine sends: heads and bodies of answers, multiplexed output, JSON reports, refusals, and
 * the addresses and kernel texts that lead to it. The first byte chooses, the second cuts the rest in two.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "docker/address.h"
#include "docker/http_head.h"
#include "docker/image.h"
#include "docker/jsonlines.h"
#include "docker/refusal.h"
#include "docker/self.h"
#include "docker/stdcopy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int see(void *ctx, int stream, const void *data, size_t len, struct cm_err *err)
{
	const uint8_t *p = data;
	(void)err;
	if (stream != CM_STDOUT && stream != CM_STDERR)
		abort();
	for (size_t i = 0; i < len; i++)
		*(uint64_t *)ctx = *(uint64_t *)ctx * 31 + p[i] + (uint64_t)stream;
	return 0;
}

static int object(void *ctx, struct json_object *o, struct cm_err *err)
{
	++*(uint64_t *)ctx;
	return cm_jsonlines_error(o, err);
}

static void http(const char *data, size_t len)
{
	struct cm_http_head h;
	struct cm_err err;
	cm_autobuf struct cm_buf body = CM_BUF_INIT(4096);

	int r = cm_http_head_parse(data, len, &h, &err);
	if (r != 0)
		return;
	if (h.len > len || h.status < 100 || h.status > 999)
		abort();
	/* What is complete stays complete, and the same, when more bytes follow. */
	struct cm_http_head again;
	if (cm_http_head_parse(data, h.len, &again, &err) != 0 || again.len != h.len || again.status != h.status)
		abort();
	cm_http_body(&h, data + h.len, len - h.len, &body, &err);
}

static void stdcopy(const uint8_t *data, size_t len, size_t cut)
{
	struct cm_stdcopy whole, parts;
	struct cm_err err;
	uint64_t a = 0, b = 0;

	cm_stdcopy_init(&whole, false);
	cm_stdcopy_init(&parts, false);
	int r = cm_stdcopy_feed(&whole, data, len, see, &a, &err);
	int q = cm_stdcopy_feed(&parts, data, cut, see, &b, &err);
	if (q == 0)
		q = cm_stdcopy_feed(&parts, data + cut, len - cut, see, &b, &err);
	if (r != q || (r == 0 && a != b) || cm_stdcopy_end(&whole, &err) != cm_stdcopy_end(&parts, &err))
		abort();
}

static void jsonlines(const uint8_t *data, size_t len, size_t cut)
{
	struct cm_jsonlines j;
	struct cm_err err;
	uint64_t n = 0;

	cm_jsonlines_init(&j, object, &n);
	if (cm_jsonlines_feed(&j, data, cut, &err) == 0 && cm_jsonlines_feed(&j, data + cut, len - cut, &err) == 0)
		cm_jsonlines_end(&j, &err);
	cm_jsonlines_release(&j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cm_docker_address a;
	struct cm_err err;
	char id[65];

	if (size < 2 || size > 200000)
		return 0;
	unsigned which = data[0] % 7;
	size_t cut = data[1];
	data += 2;
	size -= 2;
	if (cut > size)
		cut = size;
	cm_autofree char *text = cm_strndup((const char *)data, size);
	switch (which) {
	case 0:
		http((const char *)data, size);
		break;
	case 1:
		stdcopy(data, size, cut);
		break;
	case 2:
		jsonlines(data, size, cut);
		break;
	case 3:
		if (cm_docker_refusal(400 + (int)cut, "/containers/a%20b/start", (const char *)data, size, &err) >= 0)
			abort();
		break;
	case 4:
		if (cm_docker_refusal(404, text, "{\"message\":\"x\"}", 15, &err) >= 0)
			abort();
		break;
	case 5:
		cm_docker_address_parse(text, cut & 1, &a, &err);
		cm_image_ref_valid(text);
		break;
	default:
		cm_self_from_mountinfo(text, id);
		cm_self_from_cgroup(text, id);
		break;
	}
	return 0;
}
