/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/ansi.h"

#include <string.h>

#include "core/str.h"

enum { PARAMS_MAX = 32, VALUE_MAX = 9999, ESC = 0x1b, BEL = 0x07, RUN_MAX = 1 << 20 };

struct runs {
	struct cm_ansi_style style;
	struct cm_buf text;
	cm_ansi_fn fn;
	void *ctx;
};

/* The numbers of one sequence. joined: a ':' stood before it, so it belongs to the one before. */
struct params {
	int value[PARAMS_MAX];
	bool joined[PARAMS_MAX];
	size_t count;
};

static void flush(struct runs *r)
{
	if (r->text.len > 0)
		r->fn(r->ctx, &r->style, r->text.data, r->text.len);
	cm_buf_reset(&r->text);
}

/* The nearest of the sixteen. */
static uint8_t colour_rgb(int red, int green, int blue)
{
	int max = red > green ? red : green, min = red < green ? red : green, bits;

	max = max > blue ? max : blue;
	min = min < blue ? min : blue;
	if (max < 40)
		return 1;
	if (max - min < 32) /* grey */
		return max < 140 ? 9 : max < 220 ? 8 : 16;
	bits = (red > (max + min) / 2) | (green > (max + min) / 2) << 1 | (blue > (max + min) / 2) << 2;
	return (uint8_t)(bits + (max > 200 ? 9 : 1));
}

static uint8_t colour_256(int n)
{
	static const int level[] = { 0, 95, 135, 175, 215, 255 };

	if (n < 16)
		return (uint8_t)(n + 1);
	if (n >= 232)
		return colour_rgb(8 + 10 * (n - 232), 8 + 10 * (n - 232), 8 + 10 * (n - 232));
	n -= 16;
	return colour_rgb(level[n / 36], level[n / 6 % 6], level[n % 6]);
}

/* "38;5;n", "38;2;r;g;b", "38:5:n", "38:2:r:g:b", "38:2::r:g:b": from *at on, which moves to the last it took. */
static uint8_t colour_long(const struct params *p, size_t *at)
{
	size_t i = *at + 1, group = i, skip;
	int mode;

	if (i >= p->count)
		return 0;
	while (group < p->count && p->joined[group])
		group++;
	mode = p->value[i];
	skip = p->joined[i] && group - i >= 5; /* a colour space that nobody names */
	*at = p->joined[i] ? group - 1 : i;
	if (mode == 5 && i + 1 < p->count) {
		if (!p->joined[i])
			*at = i + 1;
		return p->value[i + 1] <= 255 ? colour_256(p->value[i + 1]) : 0;
	}
	if (mode != 2 || i + skip + 3 >= p->count) {
		if (!p->joined[i])
			*at = p->count - 1; /* what the rest means nobody knows */
		return 0;
	}
	if (!p->joined[i])
		*at = i + 3;
	i += skip;
	return colour_rgb(p->value[i + 1] & 255, p->value[i + 2] & 255, p->value[i + 3] & 255);
}

static void style_apply(struct cm_ansi_style *s, int n)
{
	switch (n) {
	case 0:
		*s = (struct cm_ansi_style){ 0 };
		break;
	case 1:
		s->bold = true;
		break;
	case 2:
		s->dim = true;
		break;
	case 3:
		s->italic = true;
		break;
	case 4:
	case 21:
		s->underline = true;
		break;
	case 7:
		s->inverse = true;
		break;
	case 9:
		s->strike = true;
		break;
	case 22:
		s->bold = s->dim = false;
		break;
	case 23:
		s->italic = false;
		break;
	case 24:
		s->underline = false;
		break;
	case 27:
		s->inverse = false;
		break;
	case 29:
		s->strike = false;
		break;
	case 39:
		s->fg = 0;
		break;
	case 49:
		s->bg = 0;
		break;
	default:
		if (n >= 30 && n <= 37)
			s->fg = (uint8_t)(n - 29);
		else if (n >= 90 && n <= 97)
			s->fg = (uint8_t)(n - 81);
		else if (n >= 40 && n <= 47)
			s->bg = (uint8_t)(n - 39);
		else if (n >= 100 && n <= 107)
			s->bg = (uint8_t)(n - 91);
	}
}

static void style_change(struct runs *r, const struct params *p)
{
	struct cm_ansi_style s = r->style;

	for (size_t i = 0; i < p->count; i++) {
		int n = p->value[i];
		bool has_sub = i + 1 < p->count && p->joined[i + 1];

		if (n == 38 || n == 48) {
			uint8_t c = colour_long(p, &i);
			*(n == 38 ? &s.fg : &s.bg) = c;
		} else {
			if (n == 4 && has_sub && p->value[i + 1] == 0)
				n = 24;
			style_apply(&s, n);
			while (i + 1 < p->count && p->joined[i + 1])
				i++;
		}
	}
	if (memcmp(&s, &r->style, sizeof(s)) == 0)
		return;
	flush(r);
	r->style = s;
}

/* "ESC [ … m" from s, the byte after the bracket. Gives the length up to what is not of it any more. */
static size_t csi_take(struct runs *r, const char *s, size_t len)
{
	struct params p = { .count = 1 };
	bool plain = true;
	size_t i = 0;

	for (; i < len && s[i] >= 0x30 && s[i] <= 0x3f; i++) {
		if (s[i] >= '0' && s[i] <= '9') {
			int *v = &p.value[p.count - 1];
			*v = *v > VALUE_MAX ? *v : *v * 10 + (s[i] - '0');
		} else if (s[i] == ';' || s[i] == ':') {
			if (p.count < PARAMS_MAX)
				p.joined[p.count++] = s[i] == ':';
			else
				plain = false;
		} else {
			plain = false;
		}
	}
	for (; i < len && s[i] >= 0x20 && s[i] <= 0x2f; i++)
		plain = false;
	if (i >= len || s[i] < 0x40 || s[i] > 0x7e)
		return i; /* broken off: what follows is text */
	if (s[i] == 'm' && plain)
		style_change(r, &p);
	return i + 1;
}

/* A string that a terminal would keep to itself (title, link): up to BEL or ESC \. One that never ends is text. */
static size_t string_take(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] == BEL)
			return i + 1;
		if (s[i] == ESC)
			return i + 1 < len && s[i + 1] == '\\' ? i + 2 : 0;
	}
	return 0;
}

/* After ESC. */
static size_t escape_take(struct runs *r, const char *s, size_t len)
{
	size_t i = 0;

	if (len == 0)
		return 0;
	if (s[0] == '[')
		return 1 + csi_take(r, s + 1, len - 1);
	if (strchr("]PX^_", s[0]) != NULL && s[0] != '\0')
		return 1 + string_take(s + 1, len - 1);
	while (i < len && s[i] >= 0x20 && s[i] <= 0x2f)
		i++;
	return i < len && s[i] >= 0x30 && s[i] <= 0x7e ? i + 1 : i;
}

static void control_add(struct cm_buf *out, unsigned char c)
{
	char picture[3] = { (char)0xe2, (char)0x90, (char)(0x80 + (c == 0x7f ? 0x21 : c)) };

	cm_buf_add(out, picture, sizeof(picture));
}

void cm_ansi_runs(const char *s, size_t len, cm_ansi_fn fn, void *ctx)
{
	struct runs r = { .fn = fn, .ctx = ctx };

	cm_buf_init(&r.text, RUN_MAX);
	for (size_t i = 0; i < len;) {
		unsigned char c = (unsigned char)s[i];
		size_t n = 1;

		if (c == ESC) {
			n += escape_take(&r, s + i + 1, len - i - 1);
		} else if (c == '\t') {
			cm_buf_char(&r.text, '\t');
		} else if (c < 0x20 || c == 0x7f) {
			control_add(&r.text, c);
		} else {
			while (i + n < len && (unsigned char)s[i + n] >= 0x20 && s[i + n] != 0x7f)
				n++;
			cm_utf8_clean(&r.text, s + i, n);
		}
		i += n;
	}
	flush(&r);
	cm_buf_release(&r.text);
}

static void plain_add(void *ctx, const struct cm_ansi_style *style, const char *text, size_t len)
{
	(void)style;
	cm_buf_add(ctx, text, len);
}

void cm_ansi_plain(struct cm_buf *out, const char *s, size_t len)
{
	cm_ansi_runs(s, len, plain_add, out);
}
