/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/tar_parse.h"

#include <string.h>

#include "archive/format.h"
#include "archive/pax_head.h"
#include "archive/pax_records.h"
#include "core/mem.h"

enum state { HEAD, RECORDS, DATA, PAD };

struct cm_tar_parse {
	struct cm_tar_events events;
	enum state state;
	struct cm_buf raw;     /* headers of the entry so far */
	size_t want;	       /* bytes that raw still lacks in HEAD and RECORDS */
	uint64_t left;	       /* bytes of data or padding to come */
	uint64_t at, entry_at; /* position; where the entry's headers begin */
	unsigned zeros;
	struct cm_pax_records records;
	struct cm_entry entry;
	struct cm_buf path, link;
};

struct cm_tar_parse *cm_tar_parse_new(const struct cm_tar_events *events, uint64_t at)
{
	struct cm_tar_parse *t = cm_alloc(sizeof(*t));

	t->events = *events;
	t->at = t->entry_at = at;
	t->want = CM_TAR_BLOCK;
	cm_buf_init(&t->raw, CM_HEADERS_MAX + 2 * CM_TAR_BLOCK);
	cm_buf_init(&t->path, CM_PATH_MAX + 1024);
	cm_buf_init(&t->link, CM_PATH_MAX + 1024);
	cm_pax_records_init(&t->records);
	return t;
}

void cm_tar_parse_free(struct cm_tar_parse *t)
{
	if (t == NULL)
		return;
	cm_buf_release(&t->raw);
	cm_buf_release(&t->path);
	cm_buf_release(&t->link);
	cm_pax_records_release(&t->records);
	free(t);
}

uint64_t cm_tar_parse_at(const struct cm_tar_parse *t)
{
	return t->at;
}

bool cm_tar_parse_idle(const struct cm_tar_parse *t)
{
	return t->state == HEAD && t->raw.len == 0;
}

unsigned cm_tar_parse_zeros(const struct cm_tar_parse *t)
{
	return t->zeros;
}

static int damaged(const struct cm_tar_parse *t, struct cm_err *err, const char *what)
{
	return cm_err_set(err, CM_ECORRUPT, "The backup is damaged: %s (at byte %llu of its tar).", what,
			  (unsigned long long)t->entry_at);
}

/* Octal with a NUL or blank at its end, or base 256 when the first bit is set. */
static bool number(const uint8_t *p, size_t width, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i = 0;

	if (p[0] == 0x80) {
		for (i = 1; i < width; i++) {
			if (v >> 55)
				return false;
			v = v << 8 | p[i];
		}
		*ret = v;
		return true;
	}
	for (; i < width && p[i] >= '0' && p[i] <= '7'; i++)
		v = v << 3 | (uint64_t)(p[i] - '0');
	if (i == 0 || (i < width && p[i] != 0 && p[i] != ' '))
		return false;
	*ret = v;
	return true;
}

static bool checksum_ok(const uint8_t *h)
{
	uint8_t want[8] = { 0 };
	unsigned sum = 0;

	for (size_t i = 0; i < CM_TAR_BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : h[i];
	for (size_t i = 6; i-- > 0; sum >>= 3)
		want[i] = (uint8_t)('0' + (sum & 7));
	want[7] = ' ';
	return memcmp(h + 257, "ustar\00000", 8) == 0 && memcmp(h + 148, want, sizeof(want)) == 0;
}

static bool all_zero(const uint8_t *p, size_t len)
{
	return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

static bool names(struct cm_tar_parse *t, const uint8_t *h)
{
	const struct cm_pax_records *r = &t->records;

	cm_buf_reset(&t->path);
	cm_buf_reset(&t->link);
	if (r->path != NULL) {
		cm_buf_add(&t->path, r->path, r->path_len);
	} else {
		if (h[345] != 0) {
			cm_buf_add(&t->path, h + 345, strnlen((const char *)h + 345, 155));
			cm_buf_char(&t->path, '/');
		}
		cm_buf_add(&t->path, h, strnlen((const char *)h, 100));
	}
	if (r->link != NULL)
		cm_buf_add(&t->link, r->link, r->link_len);
	else
		cm_buf_add(&t->link, h + 157, strnlen((const char *)h + 157, 100));
	if (t->entry.type == 'd' && t->path.len > 0 && t->path.data[t->path.len - 1] == '/')
		t->path.data[--t->path.len] = '\0';
	t->entry.path = t->path.data;
	t->entry.path_len = t->path.len;
	t->entry.link = t->link.data;
	t->entry.link_len = t->link.len;
	bool linked = t->entry.type == 'l' || t->entry.type == 'h';
	if (linked ? t->link.len == 0 || memchr(t->link.data, 0, t->link.len) != NULL : t->link.len > 0)
		return false;
	if (t->entry.type == 'h' && !cm_entry_path_ok(t->link.data, t->link.len))
		return false;
	if (!linked)
		t->entry.link = NULL;
	return cm_entry_path_ok(t->path.data, t->path.len);
}

static bool numbers(struct cm_tar_parse *t, const uint8_t *h)
{
	struct cm_entry *e = &t->entry;
	const struct cm_pax_records *r = &t->records;
	uint64_t mode, uid, gid, size, mtime, major = 0, minor = 0;

	if (!number(h + 100, 8, &mode) || !number(h + 108, 8, &uid) || !number(h + 116, 8, &gid) ||
	    !number(h + 124, 12, &size) || !number(h + 136, 12, &mtime) || mode > 07777)
		return false;
	if ((e->type == 'c' || e->type == 'b') && (!number(h + 329, 8, &major) || !number(h + 337, 8, &minor)))
		return false;
	e->mode = (uint32_t)mode;
	e->uid = r->has_uid ? r->uid : (uint32_t)uid;
	e->gid = r->has_gid ? r->gid : (uint32_t)gid;
	e->mtime_s = r->has_mtime ? r->mtime_s : (int64_t)mtime;
	e->mtime_ns = r->has_mtime ? r->mtime_ns : 0;
	e->stored = r->has_size ? r->size : size;
	e->sparse = r->sparse;
	e->size = r->sparse ? r->real_size : e->stored;
	e->rdev_major = (uint32_t)major;
	e->rdev_minor = (uint32_t)minor;
	e->flags = r->flags;
	e->xattrs = r->xattrs;
	e->xattr_count = r->xattr_count;
	if (e->stored > INT64_MAX / 2 || e->size > INT64_MAX / 2)
		return false;
	return e->type == 'f' || (e->stored == 0 && !e->sparse);
}

static int entry_begin(struct cm_tar_parse *t, const uint8_t *h, struct cm_err *err)
{
	static const char tars[] = "0521634", ours[] = "fdlhpcb";
	const char *type = h[156] != 0 ? strchr(tars, h[156]) : NULL;

	if (type == NULL)
		return damaged(t, err, "an entry of an unknown type");
	t->entry = (struct cm_entry){ .type = ours[type - tars] };
	if (!numbers(t, h))
		return damaged(t, err, "a header with wrong numbers");
	if (!names(t, h))
		return damaged(t, err, "an entry with a name that is not allowed");
	int rc = t->events.head(t->events.ctx, &t->entry, t->raw.data, t->raw.len, t->entry_at, err);
	if (rc < 0)
		return rc;
	t->state = DATA;
	t->left = t->entry.stored;
	return 0;
}

static int header_read(struct cm_tar_parse *t, struct cm_err *err)
{
	const uint8_t *h = (const uint8_t *)t->raw.data + t->raw.len - CM_TAR_BLOCK;
	bool first = t->raw.len == CM_TAR_BLOCK;
	uint64_t size;

	if (first && all_zero(h, CM_TAR_BLOCK)) {
		t->zeros++;
		cm_buf_reset(&t->raw);
		t->want = CM_TAR_BLOCK;
		return 0;
	}
	if (t->zeros > 0)
		return damaged(t, err, "something follows the end of the tar");
	if (!checksum_ok(h))
		return damaged(t, err, "a header with a wrong checksum");
	if (h[156] != 'x')
		return entry_begin(t, h, err);
	if (!first || !number(h + 124, 12, &size) || size == 0 || size > CM_HEADERS_MAX)
		return damaged(t, err, "an attribute header with wrong numbers");
	t->state = RECORDS;
	t->want = (size_t)size + cm_tar_pad(size);
	t->left = size;
	/* The records are used where they lie: raw must not move when the last header follows. */
	if (cm_buf_room(&t->raw, t->want + CM_TAR_BLOCK) == NULL)
		return cm_err_set(err, cm_buf_failed(&t->raw), "Out of memory while reading a backup.");
	return 0;
}

static int records_read(struct cm_tar_parse *t, struct cm_err *err)
{
	const char *p = t->raw.data + CM_TAR_BLOCK;
	size_t len = (size_t)t->left, pad = cm_tar_pad(len);

	if (!all_zero((const uint8_t *)p + len, pad) || !cm_pax_records_parse(&t->records, p, len))
		return damaged(t, err, "attributes that cannot be read");
	t->state = HEAD;
	t->want = CM_TAR_BLOCK;
	return 0;
}

/* HEAD and RECORDS: collects what is wanted, then acts on it. Returns bytes taken, or an error. */
static int64_t collect(struct cm_tar_parse *t, const uint8_t *p, size_t len, struct cm_err *err)
{
	size_t n = len < t->want ? len : t->want;
	int rc = 0;

	if (t->raw.len == 0) {
		t->entry_at = t->at;
		cm_pax_records_reset(&t->records);
	}
	cm_buf_add(&t->raw, p, n);
	if (cm_buf_failed(&t->raw))
		return cm_err_set(err, cm_buf_failed(&t->raw), "Out of memory while reading a backup.");
	t->want -= n;
	t->at += n;
	if (t->want == 0)
		rc = t->state == HEAD ? header_read(t, err) : records_read(t, err);
	return rc < 0 ? rc : (int64_t)n;
}

/* At the end of data or padding; a chain, since either may be empty. */
static int advance(struct cm_tar_parse *t, struct cm_err *err)
{
	if (t->state == DATA && t->left == 0) {
		t->state = PAD;
		t->left = cm_tar_pad(t->entry.stored);
	}
	if (t->state == PAD && t->left == 0) {
		t->state = HEAD;
		t->want = CM_TAR_BLOCK;
		cm_buf_reset(&t->raw);
		return t->events.end(t->events.ctx, err);
	}
	return 0;
}

int cm_tar_parse_feed(struct cm_tar_parse *t, const void *data, size_t len, struct cm_err *err)
{
	const uint8_t *p = data;
	int rc;

	while (len > 0) {
		size_t n = t->left < len ? (size_t)t->left : len;
		if (t->state == HEAD || t->state == RECORDS) {
			int64_t taken = collect(t, p, len, err);
			if (taken < 0)
				return (int)taken;
			n = (size_t)taken;
		} else {
			t->at += n;
			t->left -= n;
			if (t->state == PAD && !all_zero(p, n))
				return damaged(t, err, "padding that is not empty");
			if (t->state == DATA && n > 0 && (rc = t->events.data(t->events.ctx, p, n, err)) < 0)
				return rc;
		}
		if ((rc = advance(t, err)) < 0)
			return rc;
		p += n;
		len -= n;
	}
	return 0;
}
