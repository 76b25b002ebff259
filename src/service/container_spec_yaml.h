/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing YAML for Compose, by container_spec_compose.c only. depth counts steps of two blanks. Values are quoted, so
 * that none can be taken for a number, a date or a boolean; "$" is doubled, because Compose would put a variable in its
 * place. Keys that are names of the user's are quoted too.
 */
#ifndef CM_SERVICE_CONTAINER_SPEC_YAML_H
#define CM_SERVICE_CONTAINER_SPEC_YAML_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"

void yaml_quoted(struct cm_buf *out, const char *s, bool interpolate);
void yaml_indent(struct cm_buf *out, int depth);
void yaml_line(struct cm_buf *out, int depth, const char *key);			   /* "key:" */
void yaml_text(struct cm_buf *out, int depth, const char *key, const char *value); /* nothing when empty */
void yaml_int(struct cm_buf *out, int depth, const char *key, int64_t value);
void yaml_item(struct cm_buf *out, int depth, const char *value);			  /* "- value" */
void yaml_list(struct cm_buf *out, int depth, const char *key, struct json_object *list); /* nothing when empty */
void yaml_map(struct cm_buf *out, int depth, const char *key, struct json_object *map);
void yaml_paths(struct cm_buf *out, int depth, const char *key, struct json_object *map); /* "- path:value" */

#endif
