/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/mustache_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"

enum { DELIMITER_MAX = 16 };

struct scanner {
	const struct cm_mu_template *t;
	size_t pos;
	unsigned line;
	char open[DELIMITER_MAX + 1], close[DELIMITER_MAX + 1];
};

int cm_mu_fail(const struct cm_mu_template *t, unsigned line, struct cm_err *err, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return cm_err_set(err, CM_EINVAL, "%s:%u: %s", t->name, line, text);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct cm_mu_token *add_token(struct cm_mu_tokens *tokens)
{
	if (tokens->count == tokens->cap) {
		tokens->cap = tokens->cap ? tokens->cap * 2 : 64;
		tokens->list = cm_realloc(tokens->list, tokens->cap, sizeof(*tokens->list));
	}
	struct cm_mu_token *token = &tokens->list[tokens->count++];
	*token = (struct cm_mu_token){ 0 };
	return token;
}

static void count_lines(struct scanner *s, size_t to)
{
	for (; s->pos < to; s->pos++)
		s->line += s->t->source[s->pos] == '\n';
}

/* "=<% %>=": both delimiters, without blanks and '=' in them. */
static int change_delimiters(struct scanner *s, size_t from, size_t to, struct cm_err *err)
{
	char parts[2][DELIMITER_MAX + 1];
	size_t pos = from;

	for (int i = 0; i < 2; i++) {
		size_t len = 0;

		while (pos < to && is_blank(s->t->source[pos]))
			pos++;
		while (pos + len < to && !is_blank(s->t->source[pos + len]))
			len++;
		if (len == 0 || len > DELIMITER_MAX || memchr(s->t->source + pos, '=', len) != NULL)
			return cm_mu_fail(s->t, s->line, err, "delimiters are two words of at most %d characters",
					  DELIMITER_MAX);
		memcpy(parts[i], s->t->source + pos, len);
		parts[i][len] = '\0';
		pos += len;
	}
	while (pos < to && is_blank(s->t->source[pos]))
		pos++;
	if (pos != to)
		return cm_mu_fail(s->t, s->line, err, "delimiters are two words");
	memcpy(s->open, parts[0], sizeof(s->open));
	memcpy(s->close, parts[1], sizeof(s->close));
	return 0;
}

static enum cm_mu_tag tag_of(char sigil)
{
	switch (sigil) {
	case '#':
		return CM_MU_SECTION;
	case '^':
		return CM_MU_INVERTED;
	case '/':
		return CM_MU_CLOSE;
	case '>':
		return CM_MU_PARTIAL;
	case '<':
		return CM_MU_PARENT;
	case '$':
		return CM_MU_BLOCK;
	case '!':
		return CM_MU_COMMENT;
	case '=':
		return CM_MU_DELIMITERS;
	case '&':
	case '{':
		return CM_MU_RAW;
	default:
		return CM_MU_VAR;
	}
}

/* Trims token's name to what stands between the blanks and checks it. */
static int take_name(struct scanner *s, struct cm_mu_token *token, size_t from, size_t to, struct cm_err *err)
{
	const char *src = s->t->source;

	while (from < to && is_blank(src[from]))
		from++;
	while (to > from && is_blank(src[to - 1]))
		to--;
	if (from == to)
		return cm_mu_fail(s->t, token->line, err, "a tag without a name");
	for (size_t i = from; i < to; i++)
		if (is_blank(src[i]))
			return cm_mu_fail(s->t, token->line, err, "a blank in the name \"%.*s\"",
					  (int)(to - from > 60 ? 60 : to - from), src + from);
	token->name = from;
	token->name_len = to - from;
	return 0;
}

/* Reads the tag that begins at s->pos. */
static int scan_tag(struct scanner *s, struct cm_mu_tokens *tokens, struct cm_err *err)
{
	const char *src = s->t->source, *found;
	struct cm_mu_token *token = add_token(tokens);
	size_t at = s->pos + strlen(s->open);
	char closer[DELIMITER_MAX + 2];
	char twin = '\0';

	token->start = s->pos;
	token->line = s->line;
	while (at < s->t->len && is_blank(src[at]))
		at++;
	token->tag = at < s->t->len ? tag_of(src[at]) : CM_MU_VAR;
	if (token->tag != CM_MU_VAR) {
		twin = src[at] == '{' ? '}' : src[at] == '=' ? '=' : '\0';
		at++;
	}
	snprintf(closer, sizeof(closer), "%.1s%s", twin == '}' ? "}" : twin == '=' ? "=" : "", s->close);
	found = memmem(src + at, s->t->len - at, closer, strlen(closer));
	if (found == NULL)
		return cm_mu_fail(s->t, token->line, err, "a tag is not closed by %s", closer);
	token->end = (size_t)(found - src) + strlen(closer);
	token->cut_from = token->start;
	token->cut_to = token->end;
	if (token->tag == CM_MU_DELIMITERS) {
		if (change_delimiters(s, at, (size_t)(found - src), err) != 0)
			return err ? err->code : CM_EINVAL;
	} else if (token->tag != CM_MU_COMMENT) {
		int rc = take_name(s, token, at, (size_t)(found - src), err);

		if (rc != 0)
			return rc;
	}
	count_lines(s, token->end);
	return 0;
}

int cm_mu_scan(const struct cm_mu_template *t, struct cm_mu_tokens *tokens, struct cm_err *err)
{
	struct scanner s = { .t = t, .line = 1, .open = "{{", .close = "}}" };

	while (s.pos < t->len) {
		const char *found = memmem(t->source + s.pos, t->len - s.pos, s.open, strlen(s.open));
		int rc;

		if (found == NULL)
			break;
		count_lines(&s, (size_t)(found - t->source));
		rc = scan_tag(&s, tokens, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}
