/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/entry.h"

#include <string.h>

#include "archive/format.h"
#include "core/mem.h"
#include "core/str.h"

bool cm_entry_path_ok(const char *path, size_t len)
{
	if (len == 0 || len > CM_PATH_MAX || memchr(path, 0, len) != NULL)
		return false;
	for (size_t i = 0;;) {
		const char *slash = memchr(path + i, '/', len - i);
		size_t n = slash ? (size_t)(slash - path) - i : len - i;
		if (n == 0 || n > 255 || (n == 1 && path[i] == '.') || (n == 2 && path[i] == '.' && path[i + 1] == '.'))
			return false;
		if (slash == NULL)
			return true;
		i += n + 1;
	}
}

void cm_entry_number(struct cm_buf *out, uint64_t v)
{
	char text[20];
	size_t n = sizeof(text);

	do {
		text[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	cm_buf_add(out, text + n, sizeof(text) - n);
}

void cm_entry_time(struct cm_buf *out, int64_t s, uint32_t ns)
{
	char fraction[10] = ".000000000";
	uint64_t whole = (uint64_t)s;

	/* Seconds are rounded down, the decimal number counts from zero: -2 s + 0.5 s is -1.5. */
	if (s < 0) {
		cm_buf_char(out, '-');
		if (ns > 0) {
			s++;
			ns = 1000000000 - ns;
		}
		whole = 0 - (uint64_t)s;
	}
	cm_entry_number(out, whole);
	if (ns == 0)
		return;
	for (size_t i = 9; i > 0; i--, ns /= 10)
		fraction[i] = (char)('0' + ns % 10);
	cm_buf_add(out, fraction, sizeof(fraction));
}

bool cm_entry_time_parse(const char *text, size_t len, int64_t *ret_s, uint32_t *ret_ns)
{
	bool negative = len > 0 && text[0] == '-';
	size_t i = negative;
	int64_t s = 0;
	uint32_t ns = 0, scale = 100000000;

	for (size_t start = i; i < len && text[i] >= '0' && text[i] <= '9'; i++) {
		if (i - start >= 18)
			return false;
		s = s * 10 + (text[i] - '0');
	}
	if (i == (size_t)negative)
		return false;
	if (i < len && text[i] == '.') {
		for (i++; i < len && text[i] >= '0' && text[i] <= '9' && scale > 0; i++, scale /= 10)
			ns += (uint32_t)(text[i] - '0') * scale;
	}
	if (i != len)
		return false;
	if (negative) {
		s = -s;
		if (ns > 0) {
			s--;
			ns = 1000000000 - ns;
		}
	}
	*ret_s = s;
	*ret_ns = ns;
	return true;
}

static const struct {
	uint32_t flag;
	char letter;
} flag_letters[] = { { 0x10, 'i' }, { 0x20, 'a' }, { 0x40, 'd' }, { 0x80, 'A' }, { 0x08, 'S' }, { 0x10000, 'D' } };

void cm_entry_flags(struct cm_buf *out, uint32_t flags)
{
	for (size_t i = 0; i < CM_COUNT(flag_letters); i++)
		if (flags & flag_letters[i].flag)
			cm_buf_char(out, flag_letters[i].letter);
}

bool cm_entry_flags_parse(const char *text, size_t len, uint32_t *ret)
{
	uint32_t flags = 0;

	for (size_t k = 0; k < len; k++) {
		size_t i = 0;
		while (i < CM_COUNT(flag_letters) && flag_letters[i].letter != text[k])
			i++;
		if (i == CM_COUNT(flag_letters))
			return false;
		flags |= flag_letters[i].flag;
	}
	*ret = flags;
	return true;
}

void cm_json_quote(struct cm_buf *out, const char *s, size_t len)
{
	size_t from = 0;

	cm_buf_char(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		cm_buf_add(out, s + from, i - from);
		from = i + 1;
		if (c == '"' || c == '\\') {
			char two[2] = { '\\', (char)c };
			cm_buf_add(out, two, 2);
		} else {
			char six[6] = "\\u00";
			six[4] = "0123456789abcdef"[c >> 4];
			six[5] = "0123456789abcdef"[c & 15];
			cm_buf_add(out, six, 6);
		}
	}
	cm_buf_add(out, s + from, len - from);
	cm_buf_char(out, '"');
}

static const char base64_digits[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void cm_base64(struct cm_buf *out, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t v = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);
		char four[4] = { base64_digits[v >> 18], base64_digits[v >> 12 & 63],
				 n > 1 ? base64_digits[v >> 6 & 63] : '=', n > 2 ? base64_digits[v & 63] : '=' };
		cm_buf_add(out, four, 4);
	}
}

bool cm_unbase64(struct cm_buf *out, const char *text, size_t len)
{
	if (len % 4 != 0)
		return false;
	for (size_t i = 0; i < len; i += 4) {
		uint32_t v = 0;
		size_t n = 3;
		if (i + 4 == len && text[i + 3] == '=')
			n = text[i + 2] == '=' ? 1 : 2;
		for (size_t k = 0; k < 4; k++) {
			const char *d =
			    k > n ? base64_digits : memchr(base64_digits, text[i + k], sizeof(base64_digits) - 1);
			if (d == NULL)
				return false;
			v = v << 6 | (uint32_t)(d - base64_digits);
		}
		char three[3] = { (char)(v >> 16), (char)(v >> 8), (char)v };
		if ((v & ((1u << (24 - 8 * n)) - 1)) != 0)
			return false;
		cm_buf_add(out, three, n);
	}
	return cm_buf_failed(out) == 0;
}
