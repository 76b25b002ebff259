/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mustache over json-c: comments, set delimiters, variables (escaped: & < > " '; raw with {{{x}}} or {{&x}}), sections,
 * inverted sections, partials with indentation, inheritance ({{<parent}} with {{$block}}s). No lambdas, no dynamic
 * names. False are: missing, null, false, 0, "" and the empty list.
 *
 * A set of templates is filled with _add, checked once with _link, and from then on read-only: any thread may
 * render. Blocks and indentation follow the official specification; an override is rendered with the overrides that
 * were in force where it was written, so a parent used inside an override is not touched by the outer one's blocks of
 * equal name. Partials see the overrides of the template that includes them.
 */
#ifndef CM_WEB_MUSTACHE_H
#define CM_WEB_MUSTACHE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"

enum { CM_MUSTACHE_MAX_TEXT = 1 << 20, CM_MUSTACHE_MAX_DEPTH = 64, CM_MUSTACHE_MAX_SET = 1024 };

struct cm_mustache;

struct cm_mustache *cm_mustache_new(void); /* never NULL */
void cm_mustache_free(struct cm_mustache *m);

/* Compiles a template; text is copied. Errors: CM_EINVAL ("name:line: what is wrong"), CM_EEXIST, CM_ETOOBIG. */
int cm_mustache_add(struct cm_mustache *m, const char *name, const char *text, size_t len, struct cm_err *err);
/* Binds partials and parents to templates. strict: a missing one is CM_ENOTFOUND ("name:line: …"); else it renders as
 * nothing. */
int cm_mustache_link(struct cm_mustache *m, bool strict, struct cm_err *err);
bool cm_mustache_has(const struct cm_mustache *m, const char *name);
/* Appends to out, whose ceiling bounds the page. Errors: CM_ENOTFOUND (no such template), CM_ETOOBIG (ceiling, or
 * partials and sections deeper than CM_MUSTACHE_MAX_DEPTH), CM_ENOMEM. */
int cm_mustache_render(const struct cm_mustache *m, const char *name, struct json_object *view, struct cm_buf *out,
		       struct cm_err *err);

#endif
