/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/posix_acl.h"

#include <stdint.h>
#include <string.h>

#include "archive/entry.h"
#include "core/mem.h"

enum { ACL_VERSION = 2, ACL_HEAD = 4, ACL_ENTRY = 8, ACL_NO_ID = 0xffffffffu };

static const struct {
	const char *word;
	uint16_t tag;
	bool has_id;
} tags[] = { { "user", 0x01, false }, { "user", 0x02, true },  { "group", 0x04, false },
	     { "group", 0x08, true }, { "mask", 0x10, false }, { "other", 0x20, false } };

static uint32_t le(const uint8_t *p, size_t n)
{
	uint32_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint32_t)p[i] << (8 * i);
	return v;
}

static void put_le(struct cm_buf *out, uint32_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cm_buf_char(out, (char)(v >> (8 * i)));
}

bool cm_acl_text(struct cm_buf *out, const void *value, size_t len)
{
	const uint8_t *p = value;

	if (len < ACL_HEAD || (len - ACL_HEAD) % ACL_ENTRY != 0 || le(p, 4) != ACL_VERSION)
		return false;
	for (size_t at = ACL_HEAD; at < len; at += ACL_ENTRY) {
		uint32_t tag = le(p + at, 2), perm = le(p + at + 2, 2);
		size_t i = 0;
		while (i < CM_COUNT(tags) && tags[i].tag != tag)
			i++;
		if (i == CM_COUNT(tags) || perm > 7)
			return false;
		if (at > ACL_HEAD)
			cm_buf_char(out, ',');
		cm_buf_str(out, tags[i].word);
		cm_buf_char(out, ':');
		if (tags[i].has_id)
			cm_entry_number(out, le(p + at + 4, 4));
		char rwx[4] = { ':', perm & 4 ? 'r' : '-', perm & 2 ? 'w' : '-', perm & 1 ? 'x' : '-' };
		cm_buf_add(out, rwx, 4);
	}
	return true;
}

static bool parse_one(struct cm_buf *out, const char *s, size_t len)
{
	const char *first = memchr(s, ':', len);
	const char *second = first ? memchr(first + 1, ':', len - (size_t)(first + 1 - s)) : NULL;
	uint64_t id = ACL_NO_ID, perm = 0;

	if (second == NULL || len - (size_t)(second + 1 - s) != 3)
		return false;
	bool has_id = second > first + 1;
	if (has_id) {
		id = 0;
		for (const char *d = first + 1; d < second; d++) {
			if (*d < '0' || *d > '9' || id > ACL_NO_ID)
				return false;
			id = id * 10 + (uint64_t)(*d - '0');
		}
		if (id > ACL_NO_ID)
			return false;
	}
	for (size_t i = 0; i < 3; i++) {
		char c = second[1 + i];
		if (c != "rwx"[i] && c != '-')
			return false;
		perm |= c != '-' ? 4u >> i : 0;
	}
	for (size_t i = 0; i < CM_COUNT(tags); i++) {
		if (tags[i].has_id != has_id || strlen(tags[i].word) != (size_t)(first - s) ||
		    memcmp(tags[i].word, s, (size_t)(first - s)) != 0)
			continue;
		put_le(out, tags[i].tag, 2);
		put_le(out, (uint32_t)perm, 2);
		put_le(out, (uint32_t)id, 4);
		return true;
	}
	return false;
}

bool cm_acl_parse(struct cm_buf *out, const char *text, size_t len)
{
	put_le(out, ACL_VERSION, 4);
	for (size_t i = 0; i < len;) {
		const char *comma = memchr(text + i, ',', len - i);
		size_t n = comma ? (size_t)(comma - text) - i : len - i;
		if (!parse_one(out, text + i, n))
			return false;
		i += n + (comma != NULL);
		if (comma != NULL && i == len)
			return false;
	}
	return len > 0 && cm_buf_failed(out) == 0;
}
