/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/pax_records.h"

#include <string.h>

#include "archive/format.h"
#include "archive/posix_acl.h"
#include "core/mem.h"

void cm_pax_records_init(struct cm_pax_records *r)
{
	*r = (struct cm_pax_records){ 0 };
	cm_buf_init(&r->arena, (size_t)4 * CM_HEADERS_MAX);
}

void cm_pax_records_release(struct cm_pax_records *r)
{
	cm_buf_release(&r->arena);
	free(r->xattrs);
	r->xattrs = NULL;
}

void cm_pax_records_reset(struct cm_pax_records *r)
{
	struct cm_xattr *xattrs = r->xattrs;
	size_t cap = r->xattr_cap;
	struct cm_buf arena = r->arena;

	*r = (struct cm_pax_records){ .xattrs = xattrs, .xattr_cap = cap, .arena = arena };
	cm_buf_reset(&r->arena);
}

static bool decimal(const char *s, size_t len, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9' || v > (UINT64_MAX - 9) / 10)
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	*ret = v;
	return len > 0 && v <= max;
}

static bool decimal_id(const char *s, size_t len, bool *has, uint32_t *ret)
{
	uint64_t v;

	*has = decimal(s, len, UINT32_MAX, &v);
	*ret = *has ? (uint32_t)v : 0;
	return *has;
}

static void add_xattr(struct cm_pax_records *r, const char *name, const void *value, size_t len)
{
	if (r->xattr_count == r->xattr_cap) {
		r->xattr_cap = r->xattr_cap ? 2 * r->xattr_cap : 16;
		r->xattrs = cm_realloc(r->xattrs, r->xattr_cap, sizeof(*r->xattrs));
	}
	r->xattrs[r->xattr_count++] = (struct cm_xattr){ name, value, len };
}

/* The arena was made large enough before, so what it holds does not move. */
static bool xattr(struct cm_pax_records *r, const char *key, size_t key_len, const char *value, size_t len)
{
	char *name = r->arena.data + r->arena.len;

	for (size_t i = 0; i < key_len; i++) {
		char c = key[i];
		if (c == '%') {
			if (key_len - i < 3 || (memcmp(key + i, "%3D", 3) != 0 && memcmp(key + i, "%25", 3) != 0))
				return false;
			c = key[i + 1] == '3' ? '=' : '%';
			i += 2;
		}
		if (c == '\0')
			return false;
		cm_buf_char(&r->arena, c);
	}
	cm_buf_char(&r->arena, '\0');
	char *copy = r->arena.data + r->arena.len;
	cm_buf_add(&r->arena, value, len);
	add_xattr(r, name, copy, len);
	return key_len > 0;
}

static bool acl(struct cm_pax_records *r, const char *name, const char *value, size_t len)
{
	char *at = r->arena.data + r->arena.len;
	size_t before = r->arena.len;

	if (!cm_acl_parse(&r->arena, value, len))
		return false;
	add_xattr(r, name, at, r->arena.len - before);
	return true;
}

static bool sparse_number(const char *v, size_t len, char want)
{
	return len == 1 && v[0] == want;
}

enum key { PATH, LINKPATH, UID, GID, SIZE, MTIME, MAJOR, MINOR, NAME, REALSIZE, ACCESS, DEFAULT, COMMENT, KEYS };

static const char *const keys[KEYS] = { [PATH] = "path",
					[LINKPATH] = "linkpath",
					[UID] = "uid",
					[GID] = "gid",
					[SIZE] = "size",
					[MTIME] = "mtime",
					[MAJOR] = "GNU.sparse.major",
					[MINOR] = "GNU.sparse.minor",
					[NAME] = "GNU.sparse.name",
					[REALSIZE] = "GNU.sparse.realsize",
					[ACCESS] = "SCHILY.acl.access",
					[DEFAULT] = "SCHILY.acl.default",
					[COMMENT] = "comment" };

static bool known(struct cm_pax_records *r, enum key k, const char *v, size_t len)
{
	switch (k) {
	case PATH:
	case NAME:
		r->path = v;
		r->path_len = len;
		return len > 0;
	case LINKPATH:
		r->link = v;
		r->link_len = len;
		return len > 0;
	case UID:
		return decimal_id(v, len, &r->has_uid, &r->uid);
	case GID:
		return decimal_id(v, len, &r->has_gid, &r->gid);
	case SIZE:
		return r->has_size = decimal(v, len, INT64_MAX, &r->size);
	case MTIME:
		return r->has_mtime = cm_entry_time_parse(v, len, &r->mtime_s, &r->mtime_ns);
	case MAJOR:
		return sparse_number(v, len, '1');
	case MINOR:
		return sparse_number(v, len, '0');
	case REALSIZE:
		return decimal(v, len, INT64_MAX, &r->real_size);
	case ACCESS:
		return acl(r, "system.posix_acl_access", v, len);
	case DEFAULT:
		return acl(r, "system.posix_acl_default", v, len);
	case COMMENT:
		return len > 6 && memcmp(v, "flags=", 6) == 0 && cm_entry_flags_parse(v + 6, len - 6, &r->flags);
	case KEYS:
		break;
	}
	return false;
}

static bool one(struct cm_pax_records *r, const char *key, size_t key_len, const char *v, size_t len)
{
	static const char x[] = "SCHILY.xattr.";

	if (key_len > sizeof(x) - 1 && memcmp(key, x, sizeof(x) - 1) == 0)
		return xattr(r, key + sizeof(x) - 1, key_len - (sizeof(x) - 1), v, len);
	for (enum key k = PATH; k < KEYS; k++) {
		if (strlen(keys[k]) != key_len || memcmp(keys[k], key, key_len) != 0)
			continue;
		if (r->seen & 1u << k)
			return false;
		r->seen |= 1u << k;
		return known(r, k, v, len);
	}
	return false;
}

bool cm_pax_records_parse(struct cm_pax_records *r, const char *text, size_t len)
{
	const unsigned sparse = 1u << MAJOR | 1u << MINOR | 1u << NAME | 1u << REALSIZE;

	if (cm_buf_room(&r->arena, 2 * len + 64) == NULL)
		return false;
	for (size_t i = 0; i < len;) {
		const char *blank = memchr(text + i, ' ', len - i);
		uint64_t n;
		if (blank == NULL || !decimal(text + i, (size_t)(blank - text) - i, len - i, &n))
			return false;
		const char *end = text + i + n, *key = blank + 1;
		if (key >= end || end[-1] != '\n')
			return false;
		const char *eq = memchr(key, '=', (size_t)(end - key));
		if (eq == NULL || !one(r, key, (size_t)(eq - key), eq + 1, (size_t)(end - 1 - (eq + 1))))
			return false;
		i += n;
	}
	r->sparse = (r->seen & sparse) != 0;
	return (!r->sparse || ((r->seen & sparse) == sparse && !(r->seen & 1u << PATH))) &&
	       cm_buf_failed(&r->arena) == 0;
}
