/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mustache_run: reads one case a line on standard input, {"template": "…", "partials": {"name": "…"}, "data": …}, and
 * answers one line for each: {"output": "…"} or {"error": "…"}. For comparing our engine with others.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/json.h"
#include "web/mustache.h"

static int render(struct json_object *test, struct cm_buf *out, struct cm_err *err)
{
	struct cm_mustache *m = cm_mustache_new();
	struct json_object *partials = cm_json_obj(test, "partials"), *text = cm_json_get(test, "template");
	int rc = cm_mustache_add(m, "", json_object_get_string(text), (size_t)json_object_get_string_len(text), err);

	if (partials != NULL) {
		json_object_object_foreach(partials, name, value)
		{
			if (rc == 0)
				rc = cm_mustache_add(m, name, json_object_get_string(value),
						     (size_t)json_object_get_string_len(value), err);
		}
	}
	if (rc == 0)
		rc = cm_mustache_link(m, false, err);
	if (rc == 0)
		rc = cm_mustache_render(m, "", cm_json_get(test, "data"), out, err);
	cm_mustache_free(m);
	return rc;
}

int main(void)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	while ((len = getline(&line, &cap, stdin)) > 0) {
		struct cm_err err = { 0 };
		cm_autobuf struct cm_buf out = CM_BUF_INIT(16 << 20);
		cm_autojson struct json_object *test = NULL;
		cm_autojson struct json_object *answer = json_object_new_object();

		if (cm_json_parse(line, (size_t)len, &test, &err) != 0 || render(test, &out, &err) != 0)
			json_object_object_add(answer, "error", json_object_new_string(err.text));
		else
			json_object_object_add(answer, "output", json_object_new_string_len(out.data, (int)out.len));
		puts(json_object_to_json_string_ext(answer, JSON_C_TO_STRING_PLAIN));
		fflush(stdout);
	}
	free(line);
	return 0;
}
