/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "docker/http_head.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/str.h"

enum { CHUNK_LINE_MAX = 64 };

static int malformed(struct cm_err *err, const char *what)
{
	cm_err_set(err, CM_EUPSTREAM, "The Docker Engine's answer was not understood.");
	cm_err_detail(err, "%s", what);
	return CM_EUPSTREAM;
}

static bool is_token(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && (s[i] == '\0' || strchr("!#$%&'*+-.^_`|~", s[i]) == NULL))
			return false;
	return len > 0;
}

/* "HTTP/1.1 101 UPGRADED" */
static bool status_line(const char *s, size_t len, int *ret)
{
	if (len < 12 || memcmp(s, "HTTP/1.", 7) != 0 || (s[7] != '0' && s[7] != '1') || s[8] != ' ')
		return false;
	if (len > 12 && s[12] != ' ')
		return false;
	int status = 0;
	for (size_t i = 9; i < 12; i++) {
		if (!isdigit((unsigned char)s[i]))
			return false;
		status = status * 10 + (s[i] - '0');
	}
	*ret = status;
	return status >= 100;
}

static bool is_name(const char *line, size_t name_len, const char *name)
{
	return strlen(name) == name_len && strncasecmp(line, name, name_len) == 0;
}

static bool read_length(const char *value, size_t len, int64_t *ret)
{
	char digits[24];
	int64_t n;

	if (len >= sizeof(digits))
		return false;
	memcpy(digits, value, len);
	digits[len] = '\0';
	if (memchr(value, '\0', len) != NULL || !cm_str_i64(digits, 0, INT64_MAX, &n))
		return false;
	if (*ret >= 0 && *ret != n)
		return false;
	*ret = n;
	return true;
}

static bool header_line(const char *line, size_t len, struct cm_http_head *h)
{
	const char *colon = memchr(line, ':', len);

	if (colon == NULL || !is_token(line, (size_t)(colon - line)))
		return false;
	size_t name_len = (size_t)(colon - line);
	const char *value = colon + 1;
	size_t n = len - name_len - 1;
	while (n > 0 && (*value == ' ' || *value == '\t')) {
		value++;
		n--;
	}
	while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'))
		n--;
	if (is_name(line, name_len, "Content-Length"))
		return read_length(value, n, &h->content_length);
	if (is_name(line, name_len, "Transfer-Encoding")) {
		h->chunked = n == 7 && strncasecmp(value, "chunked", 7) == 0;
		return h->chunked;
	}
	if (is_name(line, name_len, "Content-Type") && n < sizeof(h->content_type)) {
		memcpy(h->content_type, value, n);
		h->content_type[n] = '\0';
	}
	return true;
}

int cm_http_head_parse(const char *data, size_t len, struct cm_http_head *ret, struct cm_err *err)
{
	struct cm_http_head h = { .content_length = -1 };
	size_t at = 0, max = len < CM_HTTP_HEAD_MAX ? len : CM_HTTP_HEAD_MAX;

	for (int line = 0; line < CM_HTTP_LINES_MAX; line++) {
		const char *end = memchr(data + at, '\n', max - at);
		if (end == NULL)
			return len >= CM_HTTP_HEAD_MAX ? malformed(err, "the head is too large") : CM_EBUSY;
		size_t n = (size_t)(end - (data + at));
		if (n == 0 || end[-1] != '\r')
			return malformed(err, "a line of the head ends without a carriage return");
		n--;
		const char *s = data + at;
		at += n + 2;
		if (line == 0) {
			if (!status_line(s, n, &h.status))
				return malformed(err, "no HTTP status line");
		} else if (n == 0) {
			if (h.chunked && h.content_length >= 0)
				return malformed(err, "a length and chunks at once");
			h.len = at;
			*ret = h;
			return 0;
		} else if (!header_line(s, n, &h)) {
			return malformed(err, "a malformed line in the head");
		}
	}
	return malformed(err, "too many lines in the head");
}

static int unchunk(const char *data, size_t len, struct cm_buf *out, struct cm_err *err)
{
	size_t at = 0;

	for (;;) {
		size_t max = len - at < CHUNK_LINE_MAX ? len - at : CHUNK_LINE_MAX;
		const char *end = memchr(data + at, '\n', max);
		if (end == NULL)
			return max == CHUNK_LINE_MAX ? malformed(err, "a chunk's size is too long") : CM_EBUSY;
		size_t size = 0, digits = 0;
		for (const char *p = data + at; isxdigit((unsigned char)*p); p++, digits++) {
			if (digits == 7)
				return malformed(err, "a chunk is too large");
			size = size * 16 + (size_t)(isdigit((unsigned char)*p) ? *p - '0' : (*p | 32) - 'a' + 10);
		}
		const char *after = data + at + digits;
		if (digits == 0 || (*after != '\r' && *after != ';') || end[-1] != '\r')
			return malformed(err, "a malformed chunk size");
		at = (size_t)(end - data) + 1;
		if (size == 0)
			return 0;
		size_t have = len - at < size ? len - at : size;
		cm_buf_add(out, data + at, have);
		if (len - at < size + 2)
			return CM_EBUSY;
		at += size;
		if (data[at] != '\r' || data[at + 1] != '\n')
			return malformed(err, "a chunk does not end where it should");
		at += 2;
	}
}

int cm_http_body(const struct cm_http_head *head, const char *data, size_t len, struct cm_buf *out, struct cm_err *err)
{
	int r = CM_EBUSY;

	if (head->status < 200 || head->status == 204 || head->status == 304)
		return 0;
	if (head->chunked) {
		r = unchunk(data, len, out, err);
	} else if (head->content_length >= 0) {
		bool all = (uint64_t)head->content_length <= len;
		cm_buf_add(out, data, all ? (size_t)head->content_length : len);
		r = all ? 0 : CM_EBUSY;
	} else {
		cm_buf_add(out, data, len);
	}
	if (cm_buf_failed(out))
		return malformed(err, "the body is too large");
	return r;
}
