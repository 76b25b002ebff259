/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The body is a sequence of delimiters, "CRLF--boundary", each followed by blanks and CRLF (a part follows) or by "--"
 * (the end). The parser holds back what may be the beginning of a delimiter until it knows. The first delimiter has no
 * CRLF before it: the parser begins as if one had been read.
 */
#include "web/multipart.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/buf.h"
#include "core/mem.h"

enum { BOUNDARY_MAX = 70, DELIMITER_MAX = BOUNDARY_MAX + 4 };

enum state {
	BEFORE,	   /* bytes before the first delimiter: dropped */
	AFTER,	   /* behind a delimiter: "--", or blanks and CRLF */
	AFTER_END, /* behind a delimiter and "-" */
	AFTER_CR,
	HEAD, /* the headers of a part */
	DATA,
	END,
};

struct cm_multipart {
	const struct cm_multipart_ops *ops;
	void *ctx;
	enum state state;
	char delimiter[DELIMITER_MAX + 1]; /* "\r\n--boundary" */
	size_t delimiter_len;
	size_t matched; /* bytes of the delimiter that the input ended with so far */
	size_t parts, preamble;
	uint64_t consumed;
	struct cm_buf head;
};

static int bad(struct cm_err *err, const char *what)
{
	return cm_err_set(err, CM_EINVAL, "The multipart body is malformed: %s.", what);
}

/* The value of a parameter of a header ("name" of form-data; name="x"; filename="y"), unquoted, into dst. Returns 1
 * when found, 0 when not, -1 when malformed or too long. */
static int parameter(const char *header, const char *name, char *dst, size_t size)
{
	const char *p = strchr(header, ';');

	while (p != NULL) {
		size_t len = 0, key_len;
		const char *key;
		bool wanted;

		p += strspn(p, "; \t");
		key = p;
		key_len = strcspn(p, "=; \t");
		p += key_len;
		p += strspn(p, " \t");
		if (*p == '\0')
			return 0;
		if (*p != '=')
			return -1;
		p++;
		p += strspn(p, " \t");
		wanted = key_len == strlen(name) && strncasecmp(key, name, key_len) == 0;
		if (*p == '"') {
			for (p++; *p != '"'; p++) {
				if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
					p++;
				if (*p == '\0' || (wanted && len + 1 >= size))
					return -1;
				if (wanted)
					dst[len++] = *p;
			}
			p++;
		} else {
			for (; *p != '\0' && strchr("; \t", *p) == NULL; p++) {
				if (wanted && len + 1 >= size)
					return -1;
				if (wanted)
					dst[len++] = *p;
			}
		}
		p += strspn(p, " \t");
		if (*p != '\0' && *p != ';')
			return -1;
		if (wanted) {
			dst[len] = '\0';
			return 1;
		}
		p = *p == ';' ? p : NULL;
	}
	return 0;
}

static bool boundary_valid(const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || len > BOUNDARY_MAX || s[len - 1] == ' ')
		return false;
	return strspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'()+_,-./:=? ") == len;
}

int cm_multipart_new(const char *content_type, const struct cm_multipart_ops *ops, void *ctx, struct cm_multipart **ret,
		     struct cm_err *err)
{
	static const char type[] = "multipart/form-data";
	char boundary[BOUNDARY_MAX + 2];
	struct cm_multipart *mp;

	if (strncasecmp(content_type, type, sizeof(type) - 1) != 0 ||
	    strchr("; \t", content_type[sizeof(type) - 1]) == NULL)
		return cm_err_set(err, CM_EINVAL, "The body is not multipart/form-data.");
	if (parameter(content_type, "boundary", boundary, sizeof(boundary)) != 1 || !boundary_valid(boundary))
		return bad(err, "its boundary is missing or not allowed");
	mp = cm_alloc(sizeof(*mp));
	mp->ops = ops;
	mp->ctx = ctx;
	snprintf(mp->delimiter, sizeof(mp->delimiter), "\r\n--%.70s", boundary);
	mp->delimiter_len = strlen(mp->delimiter);
	mp->matched = 2;
	cm_buf_init(&mp->head, CM_MULTIPART_MAX_HEAD);
	*ret = mp;
	return 0;
}

void cm_multipart_free(struct cm_multipart *mp)
{
	if (mp == NULL)
		return;
	cm_buf_release(&mp->head);
	free(mp);
}

/* The last byte of the headers, which is being taken, counts too. */
uint64_t cm_multipart_offset(const struct cm_multipart *mp)
{
	return mp->consumed + 1;
}

/* The headers of a part are complete: lines with CRLF, without the empty one. */
static int begin_part(struct cm_multipart *mp, struct cm_err *err)
{
	char name[1024], filename[1024], type[256] = "";
	struct cm_part part = { .content_type = type };
	bool disposed = false;

	if (++mp->parts > CM_MULTIPART_MAX_PARTS)
		return cm_err_set(err, CM_ETOOBIG, "There are more than %d parts.", CM_MULTIPART_MAX_PARTS);
	if (memchr(mp->head.data, '\0', mp->head.len) != NULL)
		return bad(err, "a header of a part holds a zero byte");
	for (char *line = mp->head.data, *next; *line != '\0'; line = next) {
		char *end = strstr(line, "\r\n");

		if (end == NULL)
			return bad(err, "a header of a part has no end");
		*end = '\0';
		next = end + 2;
		if (strncasecmp(line, "content-disposition:", 20) == 0) {
			line += 20 + strspn(line + 20, " \t");
			if (disposed || strncasecmp(line, "form-data", 9) != 0 || strchr("; \t", line[9]) == NULL)
				return bad(err, "the Content-Disposition of a part is not form-data");
			disposed = true;
			if (parameter(line, "name", name, sizeof(name)) != 1)
				return bad(err, "a part has no name, or a name that is too long");
			part.name = name;
			int found = parameter(line, "filename", filename, sizeof(filename));

			if (found < 0)
				return bad(err, "the file name of a part is malformed or too long");
			part.filename = found ? filename : NULL;
		} else if (strncasecmp(line, "content-type:", 13) == 0) {
			line += 13 + strspn(line + 13, " \t");
			snprintf(type, sizeof(type), "%s", line);
		} else if (strchr(line, ':') == NULL) {
			return bad(err, "a header of a part has no colon");
		}
	}
	if (!disposed)
		return bad(err, "a part has no Content-Disposition");
	cm_buf_reset(&mp->head);
	return mp->ops->begin(mp->ctx, &part, err);
}

/* Takes one byte of a part's headers; at their end the state is DATA. */
static int take_head(struct cm_multipart *mp, char c, struct cm_err *err)
{
	struct cm_buf *head = &mp->head;

	cm_buf_char(head, c);
	if (cm_buf_failed(head))
		return cm_err_set(err, CM_ETOOBIG, "The headers of a part are longer than %d bytes.",
				  CM_MULTIPART_MAX_HEAD);
	if (c != '\n')
		return 0;
	if (head->len < 2 || head->data[head->len - 2] != '\r')
		return bad(err, "a line of a part's headers does not end in CRLF");
	if (head->len == 2)
		return bad(err, "a part has no headers");
	if (head->data[head->len - 3] != '\n')
		return 0;
	head->len -= 2;
	head->data[head->len] = '\0';
	mp->state = DATA;
	mp->matched = 0;
	return begin_part(mp, err);
}

static int give(struct cm_multipart *mp, const void *data, size_t len, struct cm_err *err)
{
	if (len == 0 || mp->state == BEFORE)
		return 0;
	return mp->ops->data(mp->ctx, data, len, err);
}

/* Part data, or what stands before the first part. Consumes up to and including a delimiter. */
static int take_data(struct cm_multipart *mp, const char *p, size_t len, size_t *ret_used, struct cm_err *err)
{
	size_t held = mp->matched; /* bytes of the delimiter held back from earlier pushes */

	for (size_t i = 0; i < len; i++) {
		if (p[i] != mp->delimiter[mp->matched]) {
			/* '\r' stands in the delimiter at its beginning only: a match can begin anew here alone */
			if (held > 0) {
				int rc = give(mp, mp->delimiter, held, err);

				if (rc != 0)
					return rc;
				held = 0;
			}
			mp->matched = p[i] == mp->delimiter[0];
			continue;
		}
		if (++mp->matched < mp->delimiter_len)
			continue;
		size_t in_chunk = mp->delimiter_len - held;
		int rc = give(mp, p, i + 1 - in_chunk, err);

		if (rc == 0 && mp->state == DATA)
			rc = mp->ops->end(mp->ctx, err);
		mp->state = AFTER;
		mp->matched = 0;
		*ret_used = i + 1;
		return rc;
	}
	*ret_used = len;
	return give(mp, p, len - (mp->matched - held), err);
}

/* One byte behind a delimiter. */
static int take_after(struct cm_multipart *mp, char c, struct cm_err *err)
{
	switch (mp->state) {
	case AFTER:
		if (c == '-')
			mp->state = AFTER_END;
		else if (c == '\r')
			mp->state = AFTER_CR;
		else if (c != ' ' && c != '\t')
			return bad(err, "bytes follow a boundary");
		return 0;
	case AFTER_END:
		if (c != '-')
			return bad(err, "bytes follow a boundary");
		mp->state = END;
		return 0;
	default:
		if (c != '\n')
			return bad(err, "bytes follow a boundary");
		mp->state = HEAD;
		return 0;
	}
}

int cm_multipart_push(struct cm_multipart *mp, const void *data, size_t len, struct cm_err *err)
{
	const char *p = data;

	while (len > 0 && mp->state != END) {
		size_t used = 1;
		int rc;

		if (mp->state == DATA || mp->state == BEFORE)
			rc = take_data(mp, p, len, &used, err);
		else if (mp->state == HEAD)
			rc = take_head(mp, *p, err);
		else
			rc = take_after(mp, *p, err);
		if (rc != 0)
			return rc;
		if (mp->state == BEFORE && (mp->preamble += used) > CM_MULTIPART_MAX_HEAD)
			return bad(err, "too much stands before its first part");
		p += used;
		len -= used;
		mp->consumed += used;
	}
	return 0; /* what follows the end is ignored, as the specification says */
}

int cm_multipart_finish(struct cm_multipart *mp, struct cm_err *err)
{
	return mp->state == END ? 0 : bad(err, "it ends before its closing boundary");
}
