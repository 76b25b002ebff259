/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/pax_head.h"

#include <string.h>

#include "archive/format.h"
#include "archive/posix_acl.h"
#include "core/err.h"
#include "core/mem.h"

enum {
	NAME_AT = 0,
	NAME_LEN = 100,
	MODE_AT = 100,
	UID_AT = 108,
	GID_AT = 116,
	SIZE_AT = 124,
	MTIME_AT = 136,
	SUM_AT = 148,
	TYPE_AT = 156,
	LINK_AT = 157,
	MAGIC_AT = 257,
	MAJOR_AT = 329,
	MINOR_AT = 337,
	PREFIX_AT = 345,
	PREFIX_LEN = 155
};
#define OCTAL_7 07777777u
#define OCTAL_11 077777777777ull

static void octal(uint8_t *at, size_t width, uint64_t v)
{
	/* width counts the NUL that ends the field. */
	for (size_t i = width - 1; i-- > 0; v >>= 3)
		at[i] = (uint8_t)('0' + (v & 7));
	at[width - 1] = 0;
}

static void seal(uint8_t *h)
{
	static const uint8_t magic[8] = { 'u', 's', 't', 'a', 'r', 0, '0', '0' };
	unsigned sum = 0;

	memcpy(h + MAGIC_AT, magic, sizeof(magic));
	memset(h + SUM_AT, ' ', 8);
	for (size_t i = 0; i < CM_TAR_BLOCK; i++)
		sum += h[i];
	octal(h + SUM_AT, 7, sum);
}

static void record(struct cm_buf *out, const char *key, size_t key_len, const void *value, size_t len)
{
	size_t base = key_len + len + 3, total = base + 1;

	/* The length counts its own digits. */
	for (size_t digits = 1, limit = 10; total >= limit; limit *= 10)
		total = base + ++digits;
	cm_entry_number(out, total);
	cm_buf_char(out, ' ');
	cm_buf_add(out, key, key_len);
	cm_buf_char(out, '=');
	cm_buf_add(out, value, len);
	cm_buf_char(out, '\n');
}

static void record_str(struct cm_buf *out, const char *key, const char *value, size_t len)
{
	record(out, key, strlen(key), value, len);
}

static void record_number(struct cm_buf *out, const char *key, uint64_t v)
{
	struct cm_buf text = CM_BUF_INIT(32);

	cm_entry_number(&text, v);
	record_str(out, key, text.data, text.len);
	cm_buf_release(&text);
}

/* '=' ends the key, so it is written as GNU tar does: %3D. */
static void record_xattr(struct cm_buf *out, const struct cm_xattr *x)
{
	struct cm_buf key = CM_BUF_INIT(1024);

	cm_buf_str(&key, "SCHILY.xattr.");
	for (const char *s = x->name; *s; s++) {
		if (*s == '=' || *s == '%')
			cm_buf_str(&key, *s == '=' ? "%3D" : "%25");
		else
			cm_buf_char(&key, *s);
	}
	record(out, key.data, key.len, x->value, x->len);
	cm_buf_release(&key);
}

static void record_attributes(struct cm_buf *out, const struct cm_entry *e)
{
	struct cm_buf text = CM_BUF_INIT(CM_HEADERS_MAX);

	for (size_t i = 0; i < e->xattr_count; i++) {
		const struct cm_xattr *x = &e->xattrs[i];
		bool access = strcmp(x->name, "system.posix_acl_access") == 0;
		cm_buf_reset(&text);
		if ((access || strcmp(x->name, "system.posix_acl_default") == 0) &&
		    cm_acl_text(&text, x->value, x->len))
			record_str(out, access ? "SCHILY.acl.access" : "SCHILY.acl.default", text.data, text.len);
		else
			record_xattr(out, x);
	}
	if (e->flags != 0) {
		/* Every tar program passes over a comment; SCHILY.fflags would make GNU tar warn. */
		cm_buf_reset(&text);
		cm_buf_str(&text, "flags=");
		cm_entry_flags(&text, e->flags);
		record_str(out, "comment", text.data, text.len);
	}
	cm_buf_release(&text);
}

/* Where to cut a long name so that both pieces fit into the ustar fields; 0 when they cannot. */
static size_t split_at(const char *name, size_t len)
{
	for (size_t i = len < PREFIX_LEN + 1 ? len - 1 : PREFIX_LEN; i > 0; i--)
		if (name[i] == '/' && i + 1 < len)
			return len - i - 1 <= NAME_LEN ? i : 0;
	return 0;
}

static void ustar(struct cm_buf *out, char type, const char *name, size_t len, const char *link, size_t link_len,
		  const struct cm_entry *e, uint64_t size)
{
	uint8_t *h = (uint8_t *)cm_buf_room(out, CM_TAR_BLOCK);
	size_t cut = len > NAME_LEN ? split_at(name, len) : 0;

	if (h == NULL)
		return;
	memset(h, 0, CM_TAR_BLOCK);
	if (cut > 0) {
		memcpy(h + PREFIX_AT, name, cut);
		name += cut + 1;
		len -= cut + 1;
	}
	memcpy(h + NAME_AT, name, len < NAME_LEN ? len : NAME_LEN);
	octal(h + MODE_AT, 8, e->mode & 07777);
	octal(h + UID_AT, 8, e->uid > OCTAL_7 ? OCTAL_7 : e->uid);
	octal(h + GID_AT, 8, e->gid > OCTAL_7 ? OCTAL_7 : e->gid);
	octal(h + SIZE_AT, 12, size > OCTAL_11 ? OCTAL_11 : size);
	octal(h + MTIME_AT, 12, e->mtime_s < 0 || e->mtime_s > (int64_t)OCTAL_11 ? 0 : (uint64_t)e->mtime_s);
	h[TYPE_AT] = (uint8_t)type;
	memcpy(h + LINK_AT, link, link_len < NAME_LEN ? link_len : NAME_LEN);
	if (type == '3' || type == '4') {
		octal(h + MAJOR_AT, 8, e->rdev_major);
		octal(h + MINOR_AT, 8, e->rdev_minor);
	}
	seal(h);
	cm_buf_grew(out, CM_TAR_BLOCK);
}

static void records(struct cm_buf *x, const struct cm_entry *e, const struct cm_buf *name, const struct cm_buf *link)
{
	if (e->sparse) {
		record_str(x, "GNU.sparse.major", "1", 1);
		record_str(x, "GNU.sparse.minor", "0", 1);
		record_str(x, "GNU.sparse.name", name->data, name->len);
		record_number(x, "GNU.sparse.realsize", e->size);
	} else if (name->len > NAME_LEN && split_at(name->data, name->len) == 0) {
		record_str(x, "path", name->data, name->len);
	}
	if (link->len > NAME_LEN)
		record_str(x, "linkpath", link->data, link->len);
	if (e->uid > OCTAL_7)
		record_number(x, "uid", e->uid);
	if (e->gid > OCTAL_7)
		record_number(x, "gid", e->gid);
	if (e->type == 'f' && e->stored > OCTAL_11)
		record_number(x, "size", e->stored);
	if (e->mtime_ns != 0 || e->mtime_s < 0 || e->mtime_s > (int64_t)OCTAL_11) {
		struct cm_buf t = CM_BUF_INIT(64);
		cm_entry_time(&t, e->mtime_s, e->mtime_ns);
		record_str(x, "mtime", t.data, t.len);
		cm_buf_release(&t);
	}
	record_attributes(x, e);
}

static void full_name(struct cm_buf *out, const char *prefix, const char *path, size_t len)
{
	bool root = len == 1 && path[0] == '.';

	if (prefix != NULL && prefix[0] != '\0') {
		cm_buf_str(out, prefix);
		if (!root)
			cm_buf_char(out, '/');
	} else if (root) {
		cm_buf_char(out, '.');
	}
	if (!root)
		cm_buf_add(out, path, len);
}

static char tar_type(char type)
{
	static const char ours[] = "fdlhpcb", tars[] = "0521634";
	const char *at = strchr(ours, type);

	return at != NULL ? tars[at - ours] : '0';
}

void cm_pax_head(struct cm_buf *out, const char *prefix, const struct cm_entry *e)
{
	struct cm_buf name = CM_BUF_INIT(CM_PATH_MAX + 1024), link = CM_BUF_INIT(CM_PATH_MAX + 1024);
	struct cm_buf x = CM_BUF_INIT(CM_HEADERS_MAX);

	full_name(&name, prefix, e->path, e->path_len);
	if (e->type == 'd')
		cm_buf_char(&name, '/');
	if (e->type == 'h')
		full_name(&link, prefix, e->link, e->link_len);
	else if (e->type == 'l')
		cm_buf_add(&link, e->link, e->link_len);
	records(&x, e, &name, &link);
	if (cm_buf_failed(&x) || cm_buf_failed(&name) || cm_buf_failed(&link))
		out->failed = CM_ETOOBIG;
	if (x.len > 0) {
		static const char x_name[] = "PaxHeaders/entry";
		struct cm_entry none = { .type = 'f', .mode = 0644 };
		ustar(out, 'x', x_name, sizeof(x_name) - 1, "", 0, &none, x.len);
		cm_buf_add(out, x.data, x.len);
		uint32_t pad = cm_tar_pad(x.len);
		char *p = pad ? cm_buf_room(out, pad) : NULL;
		if (p != NULL) {
			memset(p, 0, pad);
			cm_buf_grew(out, pad);
		}
	}
	static const char sparse_name[] = "GNUSparseFile.0/file";
	ustar(out, tar_type(e->type), e->sparse ? sparse_name : name.data,
	      e->sparse ? sizeof(sparse_name) - 1 : name.len, link.data, link.len, e, e->type == 'f' ? e->stored : 0);
	cm_buf_release(&x);
	cm_buf_release(&link);
	cm_buf_release(&name);
}

void cm_pax_head_fixed(uint8_t head[CM_TAR_BLOCK], const char *name, uint64_t size, int64_t mtime_s)
{
	struct cm_entry e;
	struct cm_buf b = CM_BUF_INIT(CM_TAR_BLOCK);

	cm_pax_member(&e, name, size, mtime_s);
	ustar(&b, '0', name, strlen(name), "", 0, &e, size);
	memcpy(head, b.data, CM_TAR_BLOCK);
	cm_buf_release(&b);
	if (size > OCTAL_11) {
		/* Base 256: the first bit set, then the number in big endian. */
		memset(head + SIZE_AT, 0, 12);
		head[SIZE_AT] = 0x80;
		for (size_t i = 12; i-- > 4; size >>= 8)
			head[SIZE_AT + i] = (uint8_t)size;
		seal(head);
	}
}

void cm_pax_member(struct cm_entry *e, const char *name, uint64_t size, int64_t mtime_s)
{
	*e = (struct cm_entry){ .type = 'f',
				.path = name,
				.path_len = strlen(name),
				.mode = 0600,
				.mtime_s = mtime_s,
				.size = size,
				.stored = size };
}
