/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Holds what a view makes against the fixture its template is tested with: every key of the fixture must be there, with
 * a value of the same kind (null fits everything).
 */
#ifndef CM_TEST_VIEW_SHAPE_H
#define CM_TEST_VIEW_SHAPE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"

/* Caller puts. The tests run in the top folder. */
static inline struct json_object *shape_fixture(const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "tests/fixtures/views/%s.json", name);
	return json_object_from_file(path);
}

static inline bool shape_fits(struct json_object *want, struct json_object *got, const char *where)
{
	enum json_type a = json_object_get_type(want), b = json_object_get_type(got);
	bool fits = true;

	if (a == json_type_null || b == json_type_null)
		return true;
	if (a != b) {
		printf("# %s: %s, the fixture has %s\n", where, json_type_to_name(b), json_type_to_name(a));
		return false;
	}
	if (a == json_type_array && json_object_array_length(want) > 0 && json_object_array_length(got) > 0)
		return shape_fits(json_object_array_get_idx(want, 0), json_object_array_get_idx(got, 0), where);
	if (a != json_type_object)
		return true;
	json_object_object_foreach(want, key, value)
	{
		struct json_object *other;
		char deeper[200];

		snprintf(deeper, sizeof(deeper), "%.150s.%s", where, key);
		if (!json_object_object_get_ex(got, key, &other)) {
			printf("# %s is missing\n", deeper);
			fits = false;
		} else {
			fits &= shape_fits(value, other, deeper);
		}
	}
	return fits;
}

#endif
