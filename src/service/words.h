/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A command line as people type it, split into words the way a shell does it, and never given to one: blanks separate,
 * '…' keeps everything, "…" keeps all but \" \\ \$ and \`, a backslash keeps the next character. Nothing is expanded.
 * Pure; any thread.
 */
#ifndef CM_SERVICE_WORDS_H
#define CM_SERVICE_WORDS_H

#include <json-c/json.h>

#include "core/err.h"

enum { CM_WORDS_MAX = 256, CM_WORDS_BYTES = 64 * 1024 };

/* *ret ends with NULL; free with cm_words_free. Errors: CM_EINVAL (a quote is not closed, a backslash at the end, no
 * word at all, too many). */
int cm_words_split(const char *text, char ***ret, struct cm_err *err);
/* The same from JSON: a string (split) or an array of strings (taken as they are). */
int cm_words_from_json(struct json_object *value, char ***ret, struct cm_err *err);
void cm_words_free(char **words);

/* The words as one line to be written down, for people: what looks like a secret (after --password, in PGPASSWORD=…, in
 * a URL, random) is ***, quotes are gone. Caller frees. */
char *cm_words_masked(char *const *words);

#endif
