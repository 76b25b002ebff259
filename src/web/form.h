/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fields of a query or of a form: in order of appearance, names may repeat, values may be empty. Names and values are
 * valid UTF-8 without NUL (anything else is refused as malformed). Strict about limits: nothing is dropped silently.
 * One thread at a time; nothing blocks.
 */
#ifndef CM_WEB_FORM_H
#define CM_WEB_FORM_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

enum { CM_FORM_MAX_FIELDS = 512, CM_FORM_MAX_NAME = 128, CM_FORM_MAX_VALUE = 64 * 1024 };

struct cm_form;

struct cm_form *cm_form_new(void); /* never NULL */
void cm_form_free(struct cm_form *f);

/* Reading. f may be NULL: then it is empty. Strings belong to the form. */
const char *cm_form_get(const struct cm_form *f, const char *name); /* the first value; NULL when missing */
const char *cm_form_str(const struct cm_form *f, const char *name, const char *def); /* def when missing or empty */
/* "1", "true", "on", "yes" are true; "0", "false", "off", "no" and "" are false; missing or other: def. */
bool cm_form_bool(const struct cm_form *f, const char *name, bool def);
/* Whole number within min and max. Missing or empty: def, 0. Else CM_EINVAL with a sentence that names the field. */
int cm_form_int(const struct cm_form *f, const char *name, int64_t min, int64_t max, int64_t def, int64_t *ret,
		struct cm_err *err);
/* All values of a name: begin with *pos = 0; NULL after the last. */
const char *cm_form_each(const struct cm_form *f, const char *name, size_t *pos);
size_t cm_form_count(const struct cm_form *f);
const char *cm_form_name_at(const struct cm_form *f, size_t i);
const char *cm_form_value_at(const struct cm_form *f, size_t i);

/* Adds a copy. Errors: CM_EINVAL (not UTF-8, NUL, no name), CM_ETOOBIG. */
int cm_form_add(struct cm_form *f, const char *name, size_t name_len, const char *value, size_t value_len,
		struct cm_err *err);

/* application/x-www-form-urlencoded, also the query of a URL. Errors as cm_form_add; CM_EINVAL for a bad '%'. */
int cm_form_parse_urlencoded(struct cm_form *f, const char *text, size_t len, struct cm_err *err);
/* The top level of a JSON object: strings, numbers and booleans as text, an array of these as repeated names; null,
 * objects and deeper arrays are left out (handlers that want them read the JSON itself). */
int cm_form_from_json(struct cm_form *f, struct json_object *o, struct cm_err *err);
/* A whole multipart/form-data body; parts with a file name are refused (uploads stream through web/multipart.h). */
int cm_form_parse_multipart(struct cm_form *f, const char *content_type, const char *body, size_t len,
			    struct cm_err *err);

/* Percent-decodes in place, '+' too when plus; *len shrinks. False for a bad escape. The result is not terminated. */
bool cm_percent_decode(char *s, size_t *len, bool plus);

/* The value of a cookie in a Cookie header, into dst; false when missing or longer. The name matches exactly. */
bool cm_cookie_get(const char *header, const char *name, char *dst, size_t size);

#endif
