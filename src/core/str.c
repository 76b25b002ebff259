/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/str.h"

#include <stdio.h>
#include <string.h>

bool cm_str_eq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool cm_str_has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool cm_str_has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);
	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool cm_str_copy(char *dst, size_t size, const char *src)
{
	size_t n = strlen(src);
	size_t fits = n < size ? n : size - 1;

	memcpy(dst, src, fits);
	dst[fits] = '\0';
	return fits == n;
}

bool cm_str_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (s == NULL || *s == '\0')
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		unsigned digit = (unsigned)(*s - '0');
		if (v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (v < min || v > max)
		return false;
	*ret = v;
	return true;
}

bool cm_str_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	uint64_t u;
	bool negative = s != NULL && *s == '-';

	if (!cm_str_u64(s ? s + negative : NULL, 0, INT64_MAX, &u))
		return false;
	int64_t v = negative ? -(int64_t)u : (int64_t)u;
	if (v < min || v > max)
		return false;
	*ret = v;
	return true;
}

/* Length of the valid sequence at p (1..4), or 0. */
static size_t utf8_len(const unsigned char *p, size_t len)
{
	if (p[0] < 0x80)
		return 1;
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

bool cm_utf8_valid(const char *s, size_t len)
{
	for (size_t i = 0, n; i < len; i += n)
		if ((n = utf8_len((const unsigned char *)s + i, len - i)) == 0)
			return false;
	return true;
}

void cm_utf8_clean(struct cm_buf *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = utf8_len((const unsigned char *)s + i, len - i);
		unsigned char c = (unsigned char)s[i];
		if (n == 0 || c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)s[i + 1] < 0xa0)) {
			cm_buf_str(out, "\xef\xbf\xbd");
			i += n ? n : 1;
		} else {
			cm_buf_add(out, s + i, n);
			i += n;
		}
	}
}

void cm_hex(char *dst, const void *src, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = src;

	for (size_t i = 0; i < len; i++) {
		dst[2 * i] = digits[p[i] >> 4];
		dst[2 * i + 1] = digits[p[i] & 15];
	}
	dst[2 * len] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool cm_unhex(void *dst, size_t len, const char *hex)
{
	unsigned char *p = dst;

	if (strlen(hex) != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int hi = hex_digit(hex[2 * i]), lo = hex_digit(hex[2 * i + 1]);
		if (hi < 0 || lo < 0)
			return false;
		p[i] = (unsigned char)(hi << 4 | lo);
	}
	return true;
}

void cm_size_text(char dst[32], int64_t bytes)
{
	static const char *const units[] = { "B", "KB", "MB", "GB", "TB", "PB", "EB" };
	double v = (double)bytes;
	size_t u = 0;

	if (bytes < 0) {
		snprintf(dst, 32, "unknown");
		return;
	}
	/* 1023.95 would print as 1024.0. */
	while (v >= (u ? 1023.95 : 1024.0) && u < 6) {
		v /= 1024;
		u++;
	}
	snprintf(dst, 32, u ? "%.1f %s" : "%.0f %s", v, units[u]);
}

void cm_duration_text(char dst[32], int64_t s)
{
	if (s < 0)
		snprintf(dst, 32, "unknown");
	else if (s < 60)
		snprintf(dst, 32, "%d s", (int)s);
	else if (s < 3600)
		snprintf(dst, 32, "%d min %d s", (int)(s / 60), (int)(s % 60));
	else if (s < 86400)
		snprintf(dst, 32, "%d h %d min", (int)(s / 3600), (int)(s / 60 % 60));
	else
		snprintf(dst, 32, "%lld d %d h", (long long)(s / 86400), (int)(s / 3600 % 24));
}

void cm_url_encode(struct cm_buf *out, const char *s, bool keep_slash)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    strchr("-._~", c) != NULL || (keep_slash && c == '/'))
			cm_buf_char(out, (char)c);
		else
			cm_buf_printf(out, "%%%02X", c);
	}
}

static bool name_char(char c, bool first)
{
	if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
		return true;
	return !first && (c == '_' || c == '.' || c == '-');
}

bool cm_name_valid(const char *s)
{
	size_t n = 0;

	if (s == NULL)
		return false;
	for (; s[n]; n++)
		if (n >= 255 || !name_char(s[n], n == 0))
			return false;
	return n > 0;
}

bool cm_ref_valid(const char *s)
{
	if (s == NULL || *s == '\0' || strlen(s) > 255 || strstr(s, "..") != NULL)
		return false;
	for (const unsigned char *p = (const unsigned char *)s; *p; p++)
		if (*p <= 0x20 || *p >= 0x7f || strchr("/%?#\\\"'`$;&|<>(){}*!", *p) != NULL)
			return false;
	return true;
}
