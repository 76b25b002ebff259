/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files: whole, in ranges, or not at all because the client has them (RFC 9110, sections 13 and 14). */
#include "web/reply.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "core/mem.h"
#include "core/str.h"

enum range { RANGE_NONE, RANGE_ONE, RANGE_OUTSIDE };

static bool digits(const char **p, int64_t *ret)
{
	const char *start = *p;

	*ret = 0;
	for (; isdigit((unsigned char)**p); (*p)++) {
		if (*p - start == 18)
			return false;
		*ret = *ret * 10 + (**p - '0');
	}
	return *p > start;
}

/* One range only: of several, and of what is malformed, the whole file is sent. */
static enum range parse_range(const char *header, int64_t size, int64_t *ret_off, int64_t *ret_len)
{
	const char *p = header;
	int64_t first, last;

	if (p == NULL || !cm_str_has_prefix(p, "bytes="))
		return RANGE_NONE;
	p += 6;
	if (*p == '-') {
		p++;
		if (!digits(&p, &last) || *p != '\0')
			return RANGE_NONE;
		*ret_len = last < size ? last : size;
		*ret_off = size - *ret_len;
		return *ret_len > 0 ? RANGE_ONE : RANGE_OUTSIDE;
	}
	if (!digits(&p, &first) || *p++ != '-')
		return RANGE_NONE;
	if (*p == '\0')
		last = size - 1;
	else if (!digits(&p, &last) || *p != '\0' || last < first)
		return RANGE_NONE;
	if (first >= size)
		return RANGE_OUTSIDE;
	if (last >= size)
		last = size - 1;
	*ret_off = first;
	*ret_len = last - first + 1;
	return RANGE_ONE;
}

/* Does a list of tags ("*" is all) hold this one? weak: W/ before it does not matter. */
static bool tag_listed(const char *list, const char *etag, bool weak)
{
	while (list != NULL && *list != '\0') {
		size_t len;

		list += strspn(list, ", \t");
		if (*list == '*')
			return true;
		if (weak && cm_str_has_prefix(list, "W/"))
			list += 2;
		len = strcspn(list, ",");
		while (len > 0 && (list[len - 1] == ' ' || list[len - 1] == '\t'))
			len--;
		if (len == strlen(etag) && memcmp(list, etag, len) == 0)
			return true;
		list += strcspn(list, ",");
	}
	return false;
}

static void set_validators(struct cm_reply *rp, const struct stat *st, const char *etag)
{
	char date[64];
	struct tm tm;

	gmtime_r(&st->st_mtime, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	cm_reply_header(rp, "last-modified", date);
	cm_reply_header(rp, "etag", etag);
	cm_reply_header(rp, "accept-ranges", "bytes");
}

static void without_body(struct cm_reply *rp, int status)
{
	close(rp->fd);
	rp->fd = -1;
	rp->kind = CM_REPLY_BODY;
	rp->status = status;
}

int cm_reply_file(struct cm_request *rq, struct cm_reply *rp, int fd, const char *content_type, const char *etag,
		  const char *download, struct cm_err *err)
{
	const char *if_range = cm_request_header(rq, "if-range");
	char tag[256], text[96];
	int64_t off = 0, len = 0;
	struct stat st;
	enum range range;

	rp->fd = fd;
	if (fstat(fd, &st) != 0)
		return cm_err_errno(err, errno, "reading the file");
	if (etag != NULL)
		snprintf(tag, sizeof(tag), "\"%s\"", etag);
	else
		snprintf(tag, sizeof(tag), "\"%llx-%llx-%llx\"", (unsigned long long)st.st_ino,
			 (unsigned long long)st.st_size,
			 (unsigned long long)st.st_mtim.tv_sec * 1000000000ull +
			     (unsigned long long)st.st_mtim.tv_nsec);
	set_validators(rp, &st, tag);
	if (tag_listed(cm_request_header(rq, "if-none-match"), tag, true)) {
		without_body(rp, 304);
		return 0;
	}
	range = parse_range(cm_request_header(rq, "range"), st.st_size, &off, &len);
	if (if_range != NULL && strcmp(if_range, tag) != 0)
		range = RANGE_NONE; /* what the client has a part of is not this file */
	cm_reply_header(rp, "content-type", content_type);
	if (download != NULL)
		cm_reply_attachment(rp, download);
	if (range == RANGE_OUTSIDE) {
		snprintf(text, sizeof(text), "bytes */%lld", (long long)st.st_size);
		cm_reply_header(rp, "content-range", text);
		without_body(rp, 416);
		return 0;
	}
	rp->kind = CM_REPLY_FILE;
	rp->off = range == RANGE_ONE ? off : 0;
	rp->len = range == RANGE_ONE ? len : st.st_size;
	if (range == RANGE_ONE) {
		rp->status = 206;
		snprintf(text, sizeof(text), "bytes %lld-%lld/%lld", (long long)off, (long long)(off + len - 1),
			 (long long)st.st_size);
		cm_reply_header(rp, "content-range", text);
	}
	return 0;
}

void cm_reply_attachment(struct cm_reply *rp, const char *name)
{
	cm_autobuf struct cm_buf value = CM_BUF_INIT(8192), clean = CM_BUF_INIT(2048);

	cm_utf8_clean(&clean, name, strlen(name));
	cm_buf_str(&value, "attachment; filename=\"");
	for (const char *p = clean.data; *p != '\0'; p++)
		cm_buf_char(&value,
			    (unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e || strchr("\"\\/%", *p) ? '_' : *p);
	cm_buf_str(&value, "\"; filename*=UTF-8''");
	cm_url_encode(&value, clean.data, false);
	cm_reply_header(rp, "content-disposition", cm_buf_failed(&value) ? "attachment" : value.data);
}
