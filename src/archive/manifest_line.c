/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/manifest_line.h"

#include <stdlib.h>
#include <string.h>

#include "archive/format.h"
#include "core/json.h"
#include "core/str.h"

/* Keys and values are separated by hand: the same bytes must come out each time and everywhere. */
static void text_value(struct cm_buf *out, const char *key, const char *key64, const char *s, size_t len)
{
	if (cm_utf8_valid(s, len)) {
		cm_buf_str(out, key);
		cm_json_quote(out, s, len);
		return;
	}
	cm_buf_str(out, key64);
	cm_buf_char(out, '"');
	cm_base64(out, s, len);
	cm_buf_char(out, '"');
}

static void number_value(struct cm_buf *out, const char *key, uint64_t v)
{
	cm_buf_str(out, key);
	cm_entry_number(out, v);
}

static void mode_value(struct cm_buf *out, uint32_t mode)
{
	char text[] = ",\"m\":\"0000\"";

	for (size_t i = 4; i-- > 0; mode >>= 3)
		text[6 + i] = (char)('0' + (mode & 7));
	cm_buf_add(out, text, sizeof(text) - 1);
}

static void hash_value(struct cm_buf *out, const uint8_t *sha)
{
	char hex[2 * CM_SHA_LEN + 1];

	cm_hex(hex, sha, CM_SHA_LEN);
	cm_buf_add(out, ",\"h\":\"", 6);
	cm_buf_add(out, hex, sizeof(hex) - 1);
	cm_buf_char(out, '"');
}

void cm_line_write(struct cm_buf *out, const struct cm_entry *e, const uint8_t *sha, uint64_t head, uint64_t data,
		   bool changed)
{
	text_value(out, "{\"p\":", "{\"p64\":", e->path, e->path_len);
	char type[] = ",\"t\":\"f\"";
	type[6] = e->type;
	cm_buf_add(out, type, sizeof(type) - 1);
	if (e->type == 'f')
		number_value(out, ",\"s\":", e->size);
	if (e->sparse)
		number_value(out, ",\"n\":", e->stored);
	if (sha != NULL)
		hash_value(out, sha);
	number_value(out, ",\"o\":", head);
	if (e->type == 'f')
		number_value(out, ",\"d\":", data);
	mode_value(out, e->mode);
	number_value(out, ",\"u\":", e->uid);
	number_value(out, ",\"g\":", e->gid);
	cm_buf_add(out, ",\"mt\":\"", 7);
	cm_entry_time(out, e->mtime_s, e->mtime_ns);
	cm_buf_char(out, '"');
	if (e->link != NULL)
		text_value(out, ",\"l\":", ",\"l64\":", e->link, e->link_len);
	if (e->type == 'c' || e->type == 'b') {
		cm_buf_add(out, ",\"rd\":\"", 7);
		cm_entry_number(out, e->rdev_major);
		cm_buf_char(out, ':');
		cm_entry_number(out, e->rdev_minor);
		cm_buf_char(out, '"');
	}
	if (e->flags != 0) {
		cm_buf_add(out, ",\"f\":\"", 6);
		cm_entry_flags(out, e->flags);
		cm_buf_char(out, '"');
	}
	if (changed)
		cm_buf_add(out, ",\"c\":1", 6);
	cm_buf_add(out, "}\n", 2);
}

void cm_line_init(struct cm_line *l)
{
	*l = (struct cm_line){ 0 };
	cm_buf_init(&l->path, CM_PATH_MAX);
	cm_buf_init(&l->link, CM_PATH_MAX);
}

void cm_line_release(struct cm_line *l)
{
	cm_buf_release(&l->path);
	cm_buf_release(&l->link);
}

/* The string under key, or the base64 under key64; false when neither is there or the base64 is wrong. */
static bool text_of(struct json_object *o, const char *key, const char *key64, struct cm_buf *out)
{
	struct json_object *v = cm_json_get(o, key);

	if (v != NULL && json_object_is_type(v, json_type_string)) {
		cm_buf_add(out, json_object_get_string(v), (size_t)json_object_get_string_len(v));
		return cm_buf_failed(out) == 0;
	}
	const char *b = cm_json_str(o, key64, NULL);
	return b != NULL && cm_unbase64(out, b, strlen(b));
}

static bool u32_of(struct json_object *o, const char *key, uint32_t *ret)
{
	int64_t v = cm_json_int(o, key, -1);

	*ret = (uint32_t)v;
	return v >= 0 && v <= UINT32_MAX;
}

static bool fields(struct json_object *o, struct cm_line *l)
{
	struct cm_entry *e = &l->entry;
	const char *type = cm_json_str(o, "t", ""), *mode = cm_json_str(o, "m", ""), *mtime = cm_json_str(o, "mt", ""),
		   *hash = cm_json_str(o, "h", NULL), *flags = cm_json_str(o, "f", "");
	int64_t size = cm_json_int(o, "s", 0), stored = cm_json_int(o, "n", size), head = cm_json_int(o, "o", -1),
		data = cm_json_int(o, "d", 0);
	char *end;

	if (strlen(type) != 1 || strchr("fdlhpcb", type[0]) == NULL || size < 0 || stored < 0 || head < 0 || data < 0)
		return false;
	e->type = type[0];
	e->mode = (uint32_t)strtoul(mode, &end, 8);
	e->size = (uint64_t)size;
	e->stored = (uint64_t)stored;
	e->sparse = cm_json_get(o, "n") != NULL;
	l->head = (uint64_t)head;
	l->data = (uint64_t)data;
	l->changed = cm_json_int(o, "c", 0) == 1;
	l->has_sha = hash != NULL;
	return strlen(mode) == 4 && *end == '\0' && e->mode <= 07777 && u32_of(o, "u", &e->uid) &&
	       u32_of(o, "g", &e->gid) && cm_entry_time_parse(mtime, strlen(mtime), &e->mtime_s, &e->mtime_ns) &&
	       cm_entry_flags_parse(flags, strlen(flags), &e->flags) &&
	       (hash == NULL || cm_unhex(l->sha, CM_SHA_LEN, hash));
}

int cm_line_parse(const char *text, size_t len, struct cm_line *ret, struct cm_err *err)
{
	struct json_object *o = NULL;

	cm_line_init(ret);
	if (cm_json_parse_bounded(text, len, NULL, &o, NULL) != 0)
		return cm_err_set(err, CM_ECORRUPT, "The backup is damaged: a line of its manifest cannot be read.");
	bool ok = fields(o, ret) && text_of(o, "p", "p64", &ret->path);
	bool linked = ok && (ret->entry.type == 'l' || ret->entry.type == 'h');
	if (linked)
		ok = text_of(o, "l", "l64", &ret->link);
	json_object_put(o);
	ret->entry.path = ret->path.data;
	ret->entry.path_len = ret->path.len;
	ret->entry.link = linked ? ret->link.data : NULL;
	ret->entry.link_len = ret->link.len;
	if (!ok || (!cm_entry_path_ok(ret->path.data, ret->path.len) && strcmp(ret->path.data, ".") != 0))
		return cm_err_set(err, CM_ECORRUPT, "The backup is damaged: a line of its manifest is wrong.");
	return 0;
}

static int hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool cm_line_path(const char *text, size_t len, struct cm_buf *out)
{
	static const char plain[] = "{\"p\":\"", coded[] = "{\"p64\":\"";

	if (len > sizeof(coded) && memcmp(text, coded, sizeof(coded) - 1) == 0) {
		const char *from = text + sizeof(coded) - 1;
		const char *to = memchr(from, '"', len - (sizeof(coded) - 1));
		return to != NULL && cm_unbase64(out, from, (size_t)(to - from));
	}
	if (len < sizeof(plain) || memcmp(text, plain, sizeof(plain) - 1) != 0)
		return false;
	const char *p = text + sizeof(plain) - 1, *end = text + len;
	for (;;) {
		const char *from = p;
		while (p < end && *p != '"' && *p != '\\')
			p++;
		cm_buf_add(out, from, (size_t)(p - from));
		if (p == end)
			return false;
		if (*p == '"')
			return cm_buf_failed(out) == 0;
		if (end - p >= 2 && (p[1] == '"' || p[1] == '\\')) {
			cm_buf_char(out, p[1]);
			p += 2;
		} else if (end - p >= 6 && memcmp(p, "\\u00", 4) == 0 && hex_value(p[4]) >= 0 && hex_value(p[5]) >= 0) {
			cm_buf_char(out, (char)(hex_value(p[4]) << 4 | hex_value(p[5])));
			p += 6;
		} else {
			return false;
		}
	}
}
