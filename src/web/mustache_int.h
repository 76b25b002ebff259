/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of the mustache engine: source -> tokens (mustache_scan.c) -> nodes (mustache_compile.c) -> text
 * (mustache_render.c). Only these files and mustache.c include it.
 */
#ifndef CM_WEB_MUSTACHE_INT_H
#define CM_WEB_MUSTACHE_INT_H

#include "web/mustache.h"

enum cm_mu_tag {
	CM_MU_VAR,
	CM_MU_RAW,
	CM_MU_SECTION,
	CM_MU_INVERTED,
	CM_MU_PARTIAL,
	CM_MU_PARENT,
	CM_MU_BLOCK,
	CM_MU_CLOSE,
	CM_MU_COMMENT,
	CM_MU_DELIMITERS,
};

/* A tag in the source. Text is what lies between the cut_to of one and the cut_from of the next. */
struct cm_mu_token {
	enum cm_mu_tag tag;
	size_t start, end; /* of the tag itself */
	size_t name, name_len;
	unsigned line;
	size_t partner; /* section, inverted, parent, block <-> close; 0 for others */
	bool in_parent; /* stands directly in the body of a parent tag */
	bool alone;	/* nothing else stands on its line (its lines, for a parent with its close) */
	bool cuts_line; /* the blanks before it are removed with it */
	size_t cut_from, cut_to;
};

struct cm_mu_tokens {
	struct cm_mu_token *list;
	size_t count, cap;
};

enum cm_mu_kind {
	CM_MU_N_TEXT,
	CM_MU_N_LINE, /* a line begins: the indentation goes here; text is the line's own leading blanks */
	CM_MU_N_VAR,
	CM_MU_N_RAW,
	CM_MU_N_SECTION,
	CM_MU_N_INVERTED,
	CM_MU_N_PARTIAL,
	CM_MU_N_PARENT,
	CM_MU_N_BLOCK,
};

struct cm_mu_template;

/* With its hash as json-c's objects take it: names are looked up far more often than they are read. */
struct cm_mu_name {
	char *text;
	unsigned long hash;
};

struct cm_mu_node {
	enum cm_mu_kind kind;
	bool alone;
	unsigned line;
	size_t next; /* index after its last child */
	/* TEXT: the bytes. LINE: leading blanks. PARTIAL, PARENT: indentation. BLOCK: indentation of an override. */
	const char *text;
	size_t len;
	size_t dedent;		  /* BLOCK as an override: blanks that its own lines share */
	struct cm_mu_name *names; /* VAR, RAW, SECTION, INVERTED: parts of the dotted name, none for "." */
	size_t name_count;
	char *name; /* PARTIAL, PARENT, BLOCK */
	const struct cm_mu_template *target;
};

struct cm_mu_template {
	char *name;
	char *source;
	size_t len;
	struct cm_mu_node *nodes;
	size_t count, cap;
};

struct cm_mustache {
	struct cm_mu_template **list; /* sorted by name once linked */
	size_t count, cap;
	bool linked;
};

/* Fills tokens (caller frees list in every case). Errors: CM_EINVAL. */
int cm_mu_scan(const struct cm_mu_template *t, struct cm_mu_tokens *tokens, struct cm_err *err);
/* Fills t->nodes from t->source. Errors: CM_EINVAL. */
int cm_mu_compile(struct cm_mu_template *t, struct cm_err *err);
int cm_mu_fail(const struct cm_mu_template *t, unsigned line, struct cm_err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
