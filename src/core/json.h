/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading json-c objects without ceremony. Getters never fail: a missing key,
 * a null object or another type gives the default. Strings stay owned by the
 * object. Keys are one level; cm_json_at() walks a dotted path.
 */
#ifndef CM_CORE_JSON_H
#define CM_CORE_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

static inline void cm_cleanup_json(struct json_object **o)
{
	json_object_put(*o);
}
#define cm_autojson __attribute__((cleanup(cm_cleanup_json)))

/* Strict UTF-8 JSON of at most len bytes and 64 levels; nothing may follow but white space. Caller puts *ret.
 * Errors: CM_EINVAL. */
int cm_json_parse(const char *text, size_t len, struct json_object **ret, struct cm_err *err);

/* The same for text that a stranger may have written: three bytes of it may stand for a thousand in memory, so it is
 * refused with more than CM_JSON_NESTS objects and arrays, or CM_JSON_VALUES values. budget counts them over several
 * texts (begin with zeros); NULL: this one alone. Errors: CM_EINVAL, CM_ETOOBIG. */
enum { CM_JSON_NESTS = 65536, CM_JSON_VALUES = 524288 };
struct cm_json_budget {
	size_t nests, values;
};
int cm_json_parse_bounded(const char *text, size_t len, struct cm_json_budget *budget, struct json_object **ret,
			  struct cm_err *err);

const char *cm_json_str(struct json_object *o, const char *key, const char *def);
int64_t cm_json_int(struct json_object *o, const char *key, int64_t def);
double cm_json_num(struct json_object *o, const char *key, double def);
bool cm_json_bool(struct json_object *o, const char *key, bool def);
struct json_object *cm_json_get(struct json_object *o, const char *key); /* borrowed, NULL when missing or null */
struct json_object *cm_json_obj(struct json_object *o, const char *key); /* borrowed, only an object */
struct json_object *cm_json_arr(struct json_object *o, const char *key); /* borrowed, only an array */
struct json_object *cm_json_at(struct json_object *o, const char *path); /* "NetworkSettings.Networks", borrowed */
const char *cm_json_str_at(struct json_object *o, const char *path, const char *def);
size_t cm_json_len(struct json_object *array); /* 0 when it is no array */

/* Building. set_* take nothing but what they name; a NULL string becomes null. */
void cm_json_set_str(struct json_object *o, const char *key, const char *value);
void cm_json_set_int(struct json_object *o, const char *key, int64_t value);
void cm_json_set_num(struct json_object *o, const char *key, double value);
void cm_json_set_bool(struct json_object *o, const char *key, bool value);
void cm_json_set(struct json_object *o, const char *key, struct json_object *value); /* takes the reference */
void cm_json_add_str(struct json_object *array, const char *value);
struct json_object *cm_json_copy(struct json_object *o); /* deep copy; caller puts; NULL gives NULL */
/* Compact text, no escaped slashes; caller frees. */
char *cm_json_text(struct json_object *o);

#endif
