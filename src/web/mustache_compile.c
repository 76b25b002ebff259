/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tokens to nodes. First the tags are paired, then it is decided which of them stand alone on their lines (such lines
 * vanish), then the tree is laid out as one array in reading order: the children of a node follow it, up to its next.
 */
#include "web/mustache_int.h"

#include <string.h>

#include "core/json.h"
#include "core/mem.h"

static bool opens(enum cm_mu_tag tag)
{
	return tag == CM_MU_SECTION || tag == CM_MU_INVERTED || tag == CM_MU_PARENT || tag == CM_MU_BLOCK;
}

static int pair_tags(const struct cm_mu_template *t, struct cm_mu_tokens *tokens, struct cm_err *err)
{
	size_t stack[CM_MUSTACHE_MAX_DEPTH];
	size_t depth = 0;

	for (size_t i = 0; i < tokens->count; i++) {
		struct cm_mu_token *token = &tokens->list[i];

		if (token->tag == CM_MU_CLOSE) {
			struct cm_mu_token *open = depth > 0 ? &tokens->list[stack[depth - 1]] : NULL;

			if (open == NULL)
				return cm_mu_fail(t, token->line, err, "\"%.*s\" is closed but was never opened",
						  (int)token->name_len, t->source + token->name);
			if (open->name_len != token->name_len ||
			    memcmp(t->source + open->name, t->source + token->name, token->name_len) != 0)
				return cm_mu_fail(t, token->line, err,
						  "\"%.*s\" is closed, but \"%.*s\" of line %u is open",
						  (int)token->name_len, t->source + token->name, (int)open->name_len,
						  t->source + open->name, open->line);
			token->partner = stack[--depth];
			open->partner = i;
		}
		token->in_parent = depth > 0 && tokens->list[stack[depth - 1]].tag == CM_MU_PARENT;
		if (opens(token->tag)) {
			if (depth == CM_MUSTACHE_MAX_DEPTH)
				return cm_mu_fail(t, token->line, err, "more than %d levels", CM_MUSTACHE_MAX_DEPTH);
			stack[depth++] = i;
		}
	}
	if (depth > 0)
		return cm_mu_fail(t, tokens->list[stack[depth - 1]].line, err, "\"%.*s\" is not closed",
				  (int)tokens->list[stack[depth - 1]].name_len,
				  t->source + tokens->list[stack[depth - 1]].name);
	return 0;
}

static bool at_line_start(const struct cm_mu_template *t, size_t pos)
{
	return pos == 0 || t->source[pos - 1] == '\n';
}

/* Only blanks stand before pos on its line; *ret_start is where that line begins. */
static bool blank_before(const struct cm_mu_template *t, size_t pos, size_t *ret_start)
{
	while (pos > 0 && (t->source[pos - 1] == ' ' || t->source[pos - 1] == '\t'))
		pos--;
	*ret_start = pos;
	return at_line_start(t, pos);
}

/* Only blanks stand after pos on its line; *ret_next is where the next line begins. */
static bool blank_after(const struct cm_mu_template *t, size_t pos, size_t *ret_next)
{
	while (pos < t->len && (t->source[pos] == ' ' || t->source[pos] == '\t'))
		pos++;
	if (pos + 1 < t->len && t->source[pos] == '\r' && t->source[pos + 1] == '\n')
		pos++;
	if (pos < t->len && t->source[pos] != '\n')
		return false;
	*ret_next = pos < t->len ? pos + 1 : pos;
	return true;
}

static void cut_line(struct cm_mu_token *token, size_t start, size_t next)
{
	token->alone = token->cuts_line = true;
	token->cut_from = start;
	token->cut_to = next;
}

/* A block stands in its template, or in the body of a parent tag as an override; there everything around blocks is
 * ignored, so what stands before it on its line does not matter. */
static void cut_block(const struct cm_mu_template *t, struct cm_mu_token *open, struct cm_mu_token *close)
{
	size_t start, next;

	if (open->in_parent) {
		if (blank_after(t, open->end, &next)) {
			open->alone = true;
			open->cut_to = next;
		}
		if (blank_before(t, close->start, &start)) {
			close->cuts_line = true;
			close->cut_from = start;
		}
		return;
	}
	if (blank_before(t, open->start, &start) && blank_after(t, open->end, &next))
		cut_line(open, start, next);
	if (blank_before(t, close->start, &start) && blank_after(t, close->end, &next))
		cut_line(close, start, next);
}

/* A parent with its close is one thing: blank before the one and after the other. */
static void cut_parent(const struct cm_mu_template *t, struct cm_mu_token *open, struct cm_mu_token *close)
{
	size_t start, next;

	if (!blank_before(t, open->start, &start) || !blank_after(t, close->end, &next))
		return;
	open->alone = open->cuts_line = true;
	open->cut_from = start;
	close->cut_to = next;
}

static void cut_lines(const struct cm_mu_template *t, struct cm_mu_tokens *tokens)
{
	for (size_t i = 0; i < tokens->count; i++) {
		struct cm_mu_token *token = &tokens->list[i];
		struct cm_mu_token *partner = &tokens->list[token->partner];
		size_t start, next;

		if (token->tag == CM_MU_VAR || token->tag == CM_MU_RAW)
			continue;
		if (token->tag == CM_MU_BLOCK)
			cut_block(t, token, partner);
		else if (token->tag == CM_MU_PARENT)
			cut_parent(t, token, partner);
		else if (token->tag == CM_MU_CLOSE && (partner->tag == CM_MU_BLOCK || partner->tag == CM_MU_PARENT))
			continue;
		else if (blank_before(t, token->start, &start) && blank_after(t, token->end, &next))
			cut_line(token, start, next);
	}
}

static struct cm_mu_node *add_node(struct cm_mu_template *t, enum cm_mu_kind kind, unsigned line)
{
	if (t->count == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->nodes = cm_realloc(t->nodes, t->cap, sizeof(*t->nodes));
	}
	struct cm_mu_node *node = &t->nodes[t->count++];
	*node = (struct cm_mu_node){ .kind = kind, .line = line, .next = t->count };
	return node;
}

static void add_span(struct cm_mu_template *t, enum cm_mu_kind kind, size_t from, size_t to)
{
	struct cm_mu_node *node = add_node(t, kind, 0);

	node->text = t->source + from;
	node->len = to - from;
}

/* The text between two tags, line by line. An empty line gets no indentation; tag_follows: more of the line comes. */
static void add_text(struct cm_mu_template *t, size_t from, size_t to, bool tag_follows)
{
	size_t pos = from;

	while (pos < to) {
		const char *newline = memchr(t->source + pos, '\n', to - pos);
		size_t end = newline ? (size_t)(newline - t->source) + 1 : to;

		if (at_line_start(t, pos) && t->source[pos] != '\n') {
			size_t lead = pos;

			while (lead < end && (t->source[lead] == ' ' || t->source[lead] == '\t'))
				lead++;
			add_span(t, CM_MU_N_LINE, pos, lead);
			pos = lead;
		}
		if (pos < end)
			add_span(t, CM_MU_N_TEXT, pos, end);
		pos = end;
		if (pos == to && !at_line_start(t, pos))
			return;
	}
	if (tag_follows && at_line_start(t, to))
		add_span(t, CM_MU_N_LINE, to, to);
}

static void split_name(const struct cm_mu_template *t, const struct cm_mu_token *token, struct cm_mu_node *node)
{
	const char *s = t->source + token->name, *end = s + token->name_len;
	cm_autojson struct json_object *any = json_object_new_object();
	size_t parts = 1;

	if (token->name_len == 1 && *s == '.')
		return;
	for (const char *p = s; p < end; p++)
		parts += *p == '.';
	node->names = cm_alloc_array(parts, sizeof(*node->names));
	for (; node->name_count < parts; node->name_count++) {
		const char *dot = memchr(s, '.', (size_t)(end - s));
		const char *stop = dot ? dot : end;

		struct cm_mu_name *name = &node->names[node->name_count];

		name->text = cm_strndup(s, (size_t)(stop - s));
		name->hash = lh_get_hash(json_object_get_object(any), name->text);
		s = stop + 1;
	}
}

/* The blanks before the first line of text in a block whose tag stands alone; false when it holds none. */
static bool block_lead(const struct cm_mu_template *t, size_t from, size_t to, size_t *ret_start, size_t *ret_len)
{
	for (size_t pos = from; pos < to;) {
		const char *newline = memchr(t->source + pos, '\n', to - pos);
		size_t end = newline ? (size_t)(newline - t->source) : to, lead = pos;

		while (lead < end && (t->source[lead] == ' ' || t->source[lead] == '\t'))
			lead++;
		if (lead < end && t->source[lead] != '\r') {
			*ret_start = pos;
			*ret_len = lead - pos;
			return true;
		}
		pos = end + 1;
	}
	return false;
}

static void fill_block(const struct cm_mu_template *t, const struct cm_mu_token *open, const struct cm_mu_token *close,
		       struct cm_mu_node *node)
{
	size_t start = open->start, len = 0;

	if (open->alone && block_lead(t, open->cut_to, close->cut_from, &start, &len)) {
		node->dedent = len;
	} else if (blank_before(t, open->start, &start)) {
		len = open->start - start;
	}
	node->text = t->source + start;
	node->len = len;
}

static void add_tag(struct cm_mu_template *t, const struct cm_mu_tokens *tokens, const struct cm_mu_token *token)
{
	static const enum cm_mu_kind kinds[] = {
		[CM_MU_VAR] = CM_MU_N_VAR,	   [CM_MU_RAW] = CM_MU_N_RAW,
		[CM_MU_SECTION] = CM_MU_N_SECTION, [CM_MU_INVERTED] = CM_MU_N_INVERTED,
		[CM_MU_PARTIAL] = CM_MU_N_PARTIAL, [CM_MU_PARENT] = CM_MU_N_PARENT,
		[CM_MU_BLOCK] = CM_MU_N_BLOCK,
	};
	struct cm_mu_node *node = add_node(t, kinds[token->tag], token->line);

	node->alone = token->alone;
	if (token->tag == CM_MU_PARTIAL || token->tag == CM_MU_PARENT || token->tag == CM_MU_BLOCK)
		node->name = cm_strndup(t->source + token->name, token->name_len);
	else
		split_name(t, token, node);
	if (token->tag == CM_MU_BLOCK) {
		fill_block(t, token, &tokens->list[token->partner], node);
	} else {
		node->text = t->source + token->cut_from;
		node->len = token->alone ? token->start - token->cut_from : 0;
	}
}

static void lay_out(struct cm_mu_template *t, const struct cm_mu_tokens *tokens)
{
	size_t stack[CM_MUSTACHE_MAX_DEPTH];
	size_t depth = 0, pos = 0;

	for (size_t i = 0; i < tokens->count; i++) {
		const struct cm_mu_token *token = &tokens->list[i];
		bool closes = token->tag == CM_MU_CLOSE;
		bool in_body = closes ? tokens->list[token->partner].tag == CM_MU_PARENT : token->in_parent;

		if (!in_body)
			add_text(t, pos, token->cut_from, !token->cuts_line);
		pos = token->cut_to;
		if (token->in_parent && !closes && token->tag != CM_MU_BLOCK) {
			if (opens(token->tag)) { /* nothing but blocks counts in a parent's body */
				i = token->partner;
				pos = tokens->list[i].cut_to;
			}
			continue;
		}
		if (closes && depth > 0) {
			t->nodes[stack[--depth]].next = t->count;
		} else if (!closes && token->tag != CM_MU_COMMENT && token->tag != CM_MU_DELIMITERS) {
			add_tag(t, tokens, token);
			if (opens(token->tag) && depth < CM_MUSTACHE_MAX_DEPTH)
				stack[depth++] = t->count - 1;
		}
	}
	add_text(t, pos, t->len, false);
}

int cm_mu_compile(struct cm_mu_template *t, struct cm_err *err)
{
	struct cm_mu_tokens tokens = { 0 };
	int rc = cm_mu_scan(t, &tokens, err);

	if (rc == 0)
		rc = pair_tags(t, &tokens, err);
	if (rc == 0) {
		cut_lines(t, &tokens);
		lay_out(t, &tokens);
	}
	free(tokens.list);
	return rc;
}
