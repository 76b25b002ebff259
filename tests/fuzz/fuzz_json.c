/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as JSON: what is taken can be printed and is taken again. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *o = NULL, *again = NULL;
	cm_autofree char *copy = cm_strndup((const char *)data, size);
	int64_t ms;

	cm_time_parse(copy, &ms);
	if (cm_json_parse((const char *)data, size, &o, NULL) == 0) {
		cm_autofree char *text = cm_json_text(o);
		assert(cm_json_parse(text, strlen(text), &again, NULL) == 0);
		cm_json_str_at(o, "a.b", "");
		json_object_put(again);
	}
	json_object_put(o);
	return 0;
}
