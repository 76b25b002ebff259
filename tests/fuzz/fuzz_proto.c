/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a helper may say: the program reads frames from hostile bytes, while it packs and in an exchange of words. */
#include <stdint.h>
#include <string.h>

#include "archive/proto.h"
#include "archive/writer.h"
#include "core/json.h"
#include "core/mem.h"

struct said {
	const uint8_t *data;
	size_t len;
};

static int on_write(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	(void)ctx;
	(void)data;
	(void)len;
	(void)err;
	return 0;
}

static int on_read(void *ctx, void *data, size_t len, int timeout_ms, size_t *ret_len, struct cm_err *err)
{
	struct said *s = ctx;

	(void)timeout_ms;
	if (s->len == 0)
		return cm_err_set(err, CM_EUNREACHABLE, "The helper has gone away.");
	*ret_len = s->len < len ? s->len : len;
	memcpy(data, s->data, *ret_len);
	s->data += *ret_len;
	s->len -= *ret_len;
	return 0;
}

static int swallow(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	(void)ctx;
	(void)data;
	(void)len;
	(void)err;
	return 0;
}

static int patch(void *ctx, uint64_t off, const void *data, size_t len, struct cm_err *err)
{
	(void)off;
	return swallow(ctx, data, len, err);
}

static void pack(struct cm_peer *peer)
{
	struct json_object *plan = json_object_new_object(), *parts = json_object_new_array(),
			   *p = json_object_new_object();
	const struct cm_archive_options o = { 0 };
	const struct cm_sink sink = { NULL, swallow, patch };
	struct cm_archive_writer *w = NULL;
	struct cm_archive_totals t;

	cm_json_set_str(p, "id", "v");
	cm_json_set_str(p, "kind", "volume");
	cm_json_set_str(p, "prefix", "volumes/v");
	json_object_array_add(parts, p);
	cm_json_set_str(plan, "op", "pack");
	cm_json_set(plan, "parts", parts);
	if (cm_archive_writer_new(&o, &sink, &w, NULL) == 0 && cm_archive_writer_pack(w, plan, peer, NULL, NULL) == 0 &&
	    cm_archive_writer_finish(w, NULL, &t, NULL) == 0)
		cm_archive_totals_release(&t);
	cm_archive_writer_free(w);
	json_object_put(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct said s = { data + 1, len - 1 };
	struct cm_peer peer = { &s, on_write, on_read };
	struct json_object *plan, *end = NULL;

	if (len < 1)
		return 0;
	if (data[0] % 2 == 0) {
		pack(&peer);
		return 0;
	}
	plan = json_object_new_object();
	if (cm_peer_run(&peer, plan, NULL, swallow, NULL, &end, NULL) == 0)
		json_object_put(end);
	json_object_put(plan);
	return 0;
}
