/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as two templates that include each other, over data with lists and objects: compiles or refuses, renders
 * within its limits. The input is cut at its first zero byte. */
#include <stdint.h>
#include <string.h>

#include "core/json.h"
#include "web/mustache.h"

static const char view[] =
    "{\"a\":\"<x>\",\"b\":[{\"a\":1},{\"a\":2.5},\"s\",null],\"c\":{\"d\":{\"e\":true}},\"f\":false}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct json_object *object;
	const uint8_t *cut = memchr(data, 0, size);
	size_t first = cut ? (size_t)(cut - data) : size;
	struct cm_mustache *m = cm_mustache_new();
	struct cm_err err;
	cm_autobuf struct cm_buf out = CM_BUF_INIT(1 << 18);

	if (object == NULL)
		cm_json_parse(view, sizeof(view) - 1, &object, NULL);
	if (cm_mustache_add(m, "a", (const char *)data, first, &err) == 0 &&
	    cm_mustache_add(m, "b", (const char *)data + first, size - first, &err) == 0 &&
	    cm_mustache_link(m, false, &err) == 0)
		cm_mustache_render(m, "a", object, &out, &err);
	cm_mustache_free(m);
	return 0;
}
