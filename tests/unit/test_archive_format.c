/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pieces of the format: numbers, names, headers, lines, maps of holes, blocks, table and tail. */
#include "archive/block.h"
#include "archive/block_tail.h"
#include "archive/entry.h"
#include "archive/manifest_line.h"
#include "archive/manifest_model.h"
#include "archive/pax_head.h"
#include "archive/posix_acl.h"
#include "archive/sparse_map.h"
#include "archive/tar_parse.h"
#include "core/mem.h"
#include "test.h"

TEST(path__only_plain_names_below)
{
	static const char *const good[] = { "a", "a/b", "..a", "a..", "...", "a b/\n", "\xff" };
	static const char *const bad[] = { "", "/", "/a", "a/", "a//b", ".", "..", "a/.", "./a", "a/../b", "../a" };
	char longest[257];

	for (size_t i = 0; i < CM_COUNT(good); i++)
		CHECK(cm_entry_path_ok(good[i], strlen(good[i])));
	for (size_t i = 0; i < CM_COUNT(bad); i++)
		CHECK(!cm_entry_path_ok(bad[i], strlen(bad[i])));
	CHECK(!cm_entry_path_ok("a\0b", 3));
	memset(longest, 'x', 256);
	CHECK(cm_entry_path_ok(longest, 255));
	CHECK(!cm_entry_path_ok(longest, 256));
}

TEST(time__decimal_before_and_after_1970)
{
	static const struct {
		int64_t s;
		uint32_t ns;
		const char *text;
	} cases[] = { { 0, 0, "0" },
		      { 1700000000, 123456789, "1700000000.123456789" },
		      { 5, 1, "5.000000001" },
		      { -1, 0, "-1" },
		      { -1, 500000000, "-0.500000000" },
		      { -2, 500000000, "-1.500000000" },
		      { -315619200, 999999999, "-315619199.000000001" },
		      { 16725225600, 0, "16725225600" } };
	static const char *const bad[] = { "",	"-",  ".5",	      "1.",  "1.5x",
					   "x", "+1", "1.0000000001", "1e5", "1234567890123456789012" };

	for (size_t i = 0; i < CM_COUNT(cases); i++) {
		cm_autobuf struct cm_buf b = CM_BUF_INIT(64);
		int64_t s;
		uint32_t ns;
		cm_entry_time(&b, cases[i].s, cases[i].ns);
		CHECK_STR(b.data, cases[i].text);
		CHECK(cm_entry_time_parse(b.data, b.len, &s, &ns));
		CHECK(s == cases[i].s && ns == cases[i].ns);
	}
	for (size_t i = 0; i < CM_COUNT(bad); i++) {
		int64_t s;
		uint32_t ns;
		/* "1." reads as 1; everything else is refused. */
		CHECK(cm_entry_time_parse(bad[i], strlen(bad[i]), &s, &ns) == (strcmp(bad[i], "1.") == 0));
	}
}

TEST(base64__there_and_back)
{
	static const char *const texts[] = { "", "a", "ab", "abc", "abcd", "\xff\xfe\xfd" };
	static const char *const codes[] = { "", "YQ==", "YWI=", "YWJj", "YWJjZA==", "//79" };
	static const char *const bad[] = { "Y", "YQ", "YQ=", "YR==", "YWJ=", "Y===", "=YQ=", "YW!j", "YQ==YQ==" };

	for (size_t i = 0; i < CM_COUNT(texts); i++) {
		cm_autobuf struct cm_buf a = CM_BUF_INIT(64), b = CM_BUF_INIT(64);
		cm_base64(&a, texts[i], strlen(texts[i]));
		CHECK_STR(a.data, codes[i]);
		CHECK(cm_unbase64(&b, a.data, a.len));
		CHECK_STR(b.data, texts[i]);
	}
	for (size_t i = 0; i < CM_COUNT(bad); i++) {
		cm_autobuf struct cm_buf b = CM_BUF_INIT(64);
		CHECK(!cm_unbase64(&b, bad[i], strlen(bad[i])));
	}
}

TEST(acl__text_and_binary)
{
	static const uint8_t acl[] = { 2, 0,	0,    0,    1,	  0,	6,    0, 0xff, 0xff, 0xff, 0xff, 2,    0,    7,
				       0, 0xe8, 3,    0,    0,	  4,	0,    4, 0,    0xff, 0xff, 0xff, 0xff, 0x10, 0,
				       7, 0,	0xff, 0xff, 0xff, 0xff, 0x20, 0, 0,    0,    0xff, 0xff, 0xff, 0xff };
	static const char *const bad[] = { "",	       ",",	     "user::rwx,",
					   "user::rw", "user::rwxx", "user:x:rwx",
					   "who::rwx", "mask:5:rwx", "user:99999999999:rwx",
					   "user::wrx" };
	cm_autobuf struct cm_buf text = CM_BUF_INIT(1024), back = CM_BUF_INIT(1024);

	CHECK(cm_acl_text(&text, acl, sizeof(acl)));
	CHECK_STR(text.data, "user::rw-,user:1000:rwx,group::r--,mask::rwx,other::---");
	CHECK(cm_acl_parse(&back, text.data, text.len));
	CHECK(back.len == sizeof(acl) && memcmp(back.data, acl, sizeof(acl)) == 0);
	for (size_t i = 0; i < CM_COUNT(bad); i++) {
		cm_autobuf struct cm_buf b = CM_BUF_INIT(1024);
		CHECK(!cm_acl_parse(&b, bad[i], strlen(bad[i])));
	}
	CHECK(!cm_acl_text(&text, acl, sizeof(acl) - 1));
	CHECK(!cm_acl_text(&text, "\1\0\0\0", 4));
}

/* What the parser reported of one entry. */
struct seen {
	struct cm_entry e;
	char path[4096], link[4096];
	struct cm_buf data;
	unsigned entries;
	char xattr_name[2][64], xattr_value[2][64];
};

static int on_head(void *ctx, const struct cm_entry *e, const void *raw, size_t raw_len, uint64_t at,
		   struct cm_err *err)
{
	struct seen *s = ctx;

	(void)raw;
	(void)raw_len;
	(void)at;
	(void)err;
	s->e = *e;
	snprintf(s->path, sizeof(s->path), "%s", e->path);
	snprintf(s->link, sizeof(s->link), "%s", e->link ? e->link : "");
	for (size_t i = 0; i < e->xattr_count && i < 2; i++) {
		snprintf(s->xattr_name[i], 64, "%s", e->xattrs[i].name);
		snprintf(s->xattr_value[i], 64, "%.*s", (int)e->xattrs[i].len, (const char *)e->xattrs[i].value);
	}
	return 0;
}

static int on_data(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	(void)err;
	cm_buf_add(&((struct seen *)ctx)->data, data, len);
	return 0;
}

static int on_end(void *ctx, struct cm_err *err)
{
	(void)err;
	((struct seen *)ctx)->entries++;
	return 0;
}

/* Writes the header (and content), parses it in pieces of the given length. */
static int there_and_back(const struct cm_entry *e, const char *content, size_t piece, struct seen *s)
{
	const struct cm_tar_events events = { s, on_head, on_data, on_end };
	cm_autobuf struct cm_buf b = CM_BUF_INIT(1 << 20);
	static const char zeros[512];
	struct cm_tar_parse *t = cm_tar_parse_new(&events, 0);
	int rc = 0;

	cm_buf_init(&s->data, 1 << 20);
	s->entries = 0;
	cm_pax_head(&b, "volumes/v", e);
	cm_buf_add(&b, content, e->stored);
	cm_buf_add(&b, zeros, cm_tar_pad(e->stored));
	for (size_t at = 0; at < b.len && rc == 0; at += piece)
		rc = cm_tar_parse_feed(t, b.data + at, b.len - at < piece ? b.len - at : piece, NULL);
	if (rc == 0 && !cm_tar_parse_idle(t))
		rc = CM_EINTERNAL;
	cm_tar_parse_free(t);
	return rc;
}

TEST(header__every_field_there_and_back)
{
	const struct cm_xattr xattrs[] = { { "user.a=b%c", "v=1\n", 4 }, { "trusted.x", "", 0 } };
	static const size_t pieces[] = { 1, 511, 512, 100000 };
	struct cm_entry e = { .type = 'f',
			      .path = "dir/file",
			      .path_len = 8,
			      .mode = 04751,
			      .uid = 3000001,
			      .gid = 12,
			      .mtime_s = -2,
			      .mtime_ns = 5,
			      .size = 5,
			      .stored = 5,
			      .flags = 0x10 | 0x40,
			      .xattrs = xattrs,
			      .xattr_count = 2 };
	char name[3000];
	struct seen s;

	for (size_t i = 0; i < CM_COUNT(pieces); i++) {
		CHECK_INT(there_and_back(&e, "hello", pieces[i], &s), 0);
		CHECK_STR(s.path, "volumes/v/dir/file");
		CHECK_STR(s.data.data, "hello");
		CHECK(s.e.mode == 04751 && s.e.uid == 3000001 && s.e.gid == 12 && s.e.mtime_s == -2 &&
		      s.e.mtime_ns == 5);
		CHECK(s.e.flags == (0x10 | 0x40) && s.e.xattr_count == 2 && s.entries == 1);
		CHECK_STR(s.xattr_name[0], "user.a=b%c");
		CHECK_STR(s.xattr_value[0], "v=1\n");
		cm_buf_release(&s.data);
	}
	/* Names of every length around the limits of the plain header's fields. */
	for (size_t len = 80; len < 300; len++) {
		memset(name, 'n', len);
		for (size_t i = 40; i < len; i += 41)
			name[i] = '/';
		name[len - 1] = 'z';
		name[len] = '\0';
		e.path = name;
		e.path_len = len;
		CHECK_INT(there_and_back(&e, "hello", 4096, &s), 0);
		CHECK_STR(s.path + 10, name);
		cm_buf_release(&s.data);
	}
}

TEST(header__kinds_and_links)
{
	char target[3001];
	struct cm_entry e = { .type = 'l', .path = "l", .path_len = 1, .mode = 0777, .link = target };
	struct seen s;

	memset(target, '/', sizeof(target) - 1);
	target[3000] = '\0';
	for (size_t len = 1; len <= 3000; len += 333) {
		e.link_len = len;
		CHECK_INT(there_and_back(&e, "", 4096, &s), 0);
		CHECK_INT(s.e.link_len, len);
		CHECK_INT(s.e.type, 'l');
	}
	e = (struct cm_entry){ .type = 'h', .path = "h", .path_len = 1, .link = "dir/first", .link_len = 9 };
	CHECK_INT(there_and_back(&e, "", 4096, &s), 0);
	CHECK_STR(s.link, "volumes/v/dir/first");
	e = (struct cm_entry){ .type = 'b', .path = "b", .path_len = 1, .rdev_major = 4095, .rdev_minor = 1048575 };
	CHECK_INT(there_and_back(&e, "", 4096, &s), 0);
	CHECK(s.e.rdev_major == 4095 && s.e.rdev_minor == 1048575);
	e = (struct cm_entry){ .type = 'd', .path = ".", .path_len = 1, .mode = 01777 };
	CHECK_INT(there_and_back(&e, "", 4096, &s), 0);
	CHECK_STR(s.path, "volumes/v");
}

TEST(header__sizes_over_eight_gigabytes)
{
	struct seen s = { 0 };
	const struct cm_tar_events events = { &s, on_head, on_data, on_end };
	struct cm_entry e = { .type = 'f', .path = "f", .path_len = 1, .size = 20ull << 30, .stored = 20ull << 30 };
	cm_autobuf struct cm_buf b = CM_BUF_INIT(1 << 20);
	uint8_t fixed[512];

	cm_pax_head(&b, NULL, &e);
	struct cm_tar_parse *t = cm_tar_parse_new(&events, 0);
	CHECK_INT(cm_tar_parse_feed(t, b.data, b.len, NULL), 0);
	CHECK_INT(s.e.stored, 20ll << 30);
	cm_tar_parse_free(t);
	cm_pax_head_fixed(fixed, "image.tar", 20ull << 30, 1700000000);
	t = cm_tar_parse_new(&events, 0);
	CHECK_INT(cm_tar_parse_feed(t, fixed, 512, NULL), 0);
	CHECK_INT(s.e.stored, 20ll << 30);
	cm_tar_parse_free(t);
	cm_buf_release(&s.data);
}

TEST(header__anything_else_is_damage)
{
	struct seen s = { 0 };
	const struct cm_tar_events events = { &s, on_head, on_data, on_end };
	const struct cm_xattr x = { "user.x", "v", 1 };
	struct cm_entry e = { .type = 'f', .path = "f", .path_len = 1, .mtime_ns = 1, .xattrs = &x, .xattr_count = 1 };
	cm_autobuf struct cm_buf b = CM_BUF_INIT(1 << 20);

	cm_pax_head(&b, "v", &e);
	/* Every byte of the headers that is changed is either noticed or is one of the values themselves. */
	for (size_t i = 0; i < b.len; i++) {
		bool value = i >= 512 && i < 1024;
		struct cm_tar_parse *t = cm_tar_parse_new(&events, 0);
		b.data[i] ^= 0x15;
		int rc = cm_tar_parse_feed(t, b.data, b.len, NULL);
		b.data[i] ^= 0x15;
		cm_tar_parse_free(t);
		CHECK(rc == CM_ECORRUPT || (rc == 0 && value));
	}
}

TEST(line__there_and_back)
{
	struct cm_entry e = { .type = 'f',
			      .path = "a\"b\\c\n/\xc3\xa9",
			      .path_len = 9,
			      .mode = 0640,
			      .uid = 1,
			      .gid = 4294967295u,
			      .mtime_s = -5,
			      .mtime_ns = 7,
			      .size = 100,
			      .stored = 50,
			      .sparse = true,
			      .flags = 0x20 };
	uint8_t sha[32] = { 0xab };
	cm_autobuf struct cm_buf b = CM_BUF_INIT(1 << 20), path = CM_BUF_INIT(1000);
	struct cm_line l;

	cm_line_write(&b, &e, sha, 512, 1024, true);
	CHECK(b.data[b.len - 1] == '\n');
	CHECK_INT(cm_line_parse(b.data, b.len - 1, &l, NULL), 0);
	CHECK_STR(l.path.data, e.path);
	CHECK(l.entry.mode == 0640 && l.entry.gid == 4294967295u && l.entry.mtime_s == -5 && l.entry.mtime_ns == 7);
	CHECK(l.entry.size == 100 && l.entry.stored == 50 && l.entry.sparse && l.changed && l.has_sha &&
	      l.sha[0] == 0xab);
	CHECK(l.head == 512 && l.data == 1024 && l.entry.flags == 0x20);
	cm_line_release(&l);
	CHECK(cm_line_path(b.data, b.len - 1, &path));
	CHECK_STR(path.data, e.path);
	/* Not UTF-8, and a link. */
	e = (struct cm_entry){ .type = 'l', .path = "x\xff", .path_len = 2, .link = "\xfe", .link_len = 1 };
	cm_buf_reset(&b);
	cm_buf_reset(&path);
	cm_line_write(&b, &e, NULL, 0, 0, false);
	CHECK_STR(
	    b.data,
	    "{\"p64\":\"eP8=\",\"t\":\"l\",\"o\":0,\"m\":\"0000\",\"u\":0,\"g\":0,\"mt\":\"0\",\"l64\":\"/g==\"}\n");
	CHECK_INT(cm_line_parse(b.data, b.len - 1, &l, NULL), 0);
	CHECK_STR(l.path.data, "x\xff");
	CHECK_STR(l.link.data, "\xfe");
	cm_line_release(&l);
	CHECK(cm_line_path(b.data, b.len - 1, &path));
	CHECK_STR(path.data, "x\xff");
}

TEST(line__wrong_ones_are_damage)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"{\"p\":\"a\"}",
		"{\"p\":\"../a\",\"t\":\"f\",\"o\":0,\"m\":\"0644\",\"u\":0,\"g\":0,\"mt\":\"0\"}",
		"{\"p\":\"a\",\"t\":\"x\",\"o\":0,\"m\":\"0644\",\"u\":0,\"g\":0,\"mt\":\"0\"}",
		"{\"p\":\"a\",\"t\":\"f\",\"o\":-1,\"m\":\"0644\",\"u\":0,\"g\":0,\"mt\":\"0\"}",
		"{\"p\":\"a\",\"t\":\"f\",\"o\":0,\"m\":\"9644\",\"u\":0,\"g\":0,\"mt\":\"0\"}",
		"{\"p\":\"a\",\"t\":\"f\",\"o\":0,\"m\":\"0644\",\"u\":-1,\"g\":0,\"mt\":\"0\"}",
		"{\"p\":\"a\",\"t\":\"f\",\"o\":0,\"m\":\"0644\",\"u\":0,\"g\":0,\"mt\":\"x\"}",
		"{\"p\":\"a\",\"t\":\"l\",\"o\":0,\"m\":\"0644\",\"u\":0,\"g\":0,\"mt\":\"0\"}"
	};
	struct cm_line l;

	for (size_t i = 0; i < CM_COUNT(bad); i++) {
		CHECK_INT(cm_line_parse(bad[i], strlen(bad[i]), &l, NULL), CM_ECORRUPT);
		cm_line_release(&l);
	}
}

struct put {
	char out[64];
	unsigned pieces;
};

static int on_put(void *ctx, uint64_t at, const void *data, size_t len, struct cm_err *err)
{
	struct put *p = ctx;

	(void)err;
	memcpy(p->out + at, data, len);
	p->pieces++;
	return 0;
}

TEST(sparse__map_and_pieces)
{
	const struct cm_sparse_piece pieces[] = { { 3, 2 }, { 10, 4 }, { 40, 0 } };
	cm_autobuf struct cm_buf b = CM_BUF_INIT(4096);

	cm_sparse_map(&b, pieces, 3);
	CHECK_INT(b.len, 512);
	CHECK_STR(b.data, "3\n3\n2\n10\n4\n40\n0\n");
	cm_buf_add(&b, "abCDEF", 6);
	for (size_t step = 1; step < 600; step += 59) {
		struct cm_sparse *s = cm_sparse_new(b.len, 40);
		struct put p = { 0 };
		for (size_t at = 0; at < b.len; at += step)
			CHECK_INT(
			    cm_sparse_feed(s, b.data + at, b.len - at < step ? b.len - at : step, on_put, &p, NULL), 0);
		CHECK(memcmp(p.out, "\0\0\0ab\0\0\0\0\0CDEF\0", 15) == 0);
		cm_sparse_free(s);
	}
}

TEST(sparse__wrong_maps_are_damage)
{
	static const char *const bad[] = { "0\n",
					   "x\n",
					   "1\n5\n",
					   "1\n-1\n5\n",
					   "2\n5\n1\n4\n1\n",
					   "1\n39\n2\n",
					   "1\n0\n7\n",
					   "99999999999999999999999\n",
					   "65537\n",
					   "\n" };

	for (size_t i = 0; i < CM_COUNT(bad); i++) {
		char block[520] = { 0 };
		struct put p = { 0 };
		struct cm_sparse *s = cm_sparse_new(518, 40);
		memcpy(block, bad[i], strlen(bad[i]));
		CHECK_INT(cm_sparse_feed(s, block, 518, on_put, &p, NULL), CM_ECORRUPT);
		cm_sparse_free(s);
	}
}

static void block_round(enum cm_codec codec, int level)
{
	struct cm_deflater *d = NULL;
	struct cm_inflater *f = NULL;
	size_t len = 300000, n;
	cm_autofree char *in = cm_alloc(len), *out = cm_alloc(cm_block_bound(len)), *back = cm_alloc(len);

	for (size_t i = 0; i < len; i++)
		in[i] = (char)(i < len / 2 ? i / 100 : i * 2654435761u >> 9);
	CHECK_INT(cm_deflater_new(codec, level, &d, NULL), 0);
	CHECK_INT(cm_inflater_new(codec, &f, NULL), 0);
	for (size_t part = 1; part <= len; part = part * 7 + 3) {
		CHECK_INT(cm_deflate(d, in, part, out, cm_block_bound(len), &n, NULL), 0);
		CHECK(n <= cm_block_bound(part));
		CHECK_INT(cm_inflate(f, out, n, back, part, NULL), 0);
		CHECK(memcmp(in, back, part) == 0);
		/* Another length than it has, bytes left over, cut off. */
		CHECK(part == 1 || cm_inflate(f, out, n, back, part - 1, NULL) == CM_ECORRUPT);
		CHECK_INT(cm_inflate(f, out, n - 1, back, part, NULL), CM_ECORRUPT);
		out[n] = 0;
		CHECK_INT(cm_inflate(f, out, n + 1, back, part, NULL), CM_ECORRUPT);
		if (part < len)
			CHECK_INT(cm_inflate(f, out, n, back, part + 1, NULL), CM_ECORRUPT);
	}
	cm_deflater_free(d);
	cm_inflater_free(f);
}

TEST(block__there_and_back)
{
	block_round(CM_CODEC_GZIP, 1);
	block_round(CM_CODEC_GZIP, 2);
	block_round(CM_CODEC_GZIP, 3);
	block_round(CM_CODEC_ZSTD, 1);
	block_round(CM_CODEC_ZSTD, 3);
}

TEST(block__levels)
{
	int level;

	CHECK_INT(cm_block_level(CM_CODEC_GZIP, 0, &level, NULL), 0);
	CHECK_INT(level, 1);
	CHECK_INT(cm_block_level(CM_CODEC_ZSTD, 0, &level, NULL), 0);
	CHECK_INT(level, 3);
	CHECK_INT(cm_block_level(CM_CODEC_GZIP, 4, &level, NULL), CM_EINVAL);
	CHECK_INT(cm_block_level(CM_CODEC_ZSTD, 13, &level, NULL), CM_EINVAL);
	CHECK_INT(cm_block_level(CM_CODEC_ZSTD, -1, &level, NULL), CM_EINVAL);
}

TEST(block__stored_one_has_a_fixed_length)
{
	uint8_t data[512], out[CM_BLOCK_STORED_MAX], back[512];

	for (int codec = CM_CODEC_GZIP; codec <= CM_CODEC_ZSTD; codec++) {
		struct cm_inflater *f = NULL;
		size_t first = 0;
		CHECK_INT(cm_inflater_new((enum cm_codec)codec, &f, NULL), 0);
		for (int fill = 0; fill < 256; fill += 51) {
			memset(data, fill, sizeof(data));
			size_t n = cm_block_stored((enum cm_codec)codec, data, out);
			CHECK(n <= CM_BLOCK_STORED_MAX && (first == 0 || n == first));
			first = n;
			CHECK_INT(cm_inflate(f, out, n, back, 512, NULL), 0);
			CHECK(memcmp(data, back, 512) == 0);
		}
		cm_inflater_free(f);
	}
}

TEST(tail__there_and_back_and_every_bit_counts)
{
	const struct cm_tail t = { 1234567890123, 99, 1 << 20, 1ull << 50, { 7, 8, 9 } };
	struct cm_tail back;
	enum cm_codec codec;
	uint8_t out[CM_TAIL_MAX];

	for (int c = CM_CODEC_GZIP; c <= CM_CODEC_ZSTD; c++) {
		size_t n = cm_tail_len((enum cm_codec)c);
		cm_tail_encode((enum cm_codec)c, &t, out);
		CHECK_INT(cm_tail_decode(out, n, &codec, &back, NULL), 0);
		CHECK(codec == (enum cm_codec)c && memcmp(&t, &back, sizeof(t)) == 0);
		for (size_t bit = 0; bit < 8 * n; bit++) {
			out[bit / 8] ^= (uint8_t)(1 << bit % 8);
			int rc = cm_tail_decode(out, n, &codec, &back, NULL);
			out[bit / 8] ^= (uint8_t)(1 << bit % 8);
			CHECK(rc == CM_ECORRUPT || rc == CM_ENOTFOUND);
		}
		CHECK_INT(cm_tail_decode(out + 1, n - 1, &codec, &back, NULL), CM_ENOTFOUND);
	}
}

TEST(table__there_and_back)
{
	struct cm_block_table t = { 0 }, back = { 0 };
	cm_autobuf struct cm_buf b = CM_BUF_INIT(1 << 20);

	for (uint32_t i = 1; i <= 1000; i++)
		CHECK_INT(cm_block_table_add(&t, i, i * 2, i * 3, NULL), 0);
	cm_block_table_encode(&t, &b);
	CHECK_INT(cm_block_table_decode(&back, b.data, b.len, NULL), 0);
	CHECK(back.count == 1000 && memcmp(back.rows, t.rows, 1000 * sizeof(*t.rows)) == 0);
	cm_block_table_release(&back);
	CHECK_INT(cm_block_table_decode(&back, b.data, b.len - 1, NULL), CM_ECORRUPT);
	CHECK_INT(cm_block_table_decode(&back, b.data, 5, NULL), CM_ECORRUPT);
	cm_put_le(b.data + 16, 0, 4);
	CHECK_INT(cm_block_table_decode(&back, b.data, b.len, NULL), CM_ECORRUPT);
	cm_block_table_release(&t);
}

TEST(names__of_members_and_parts)
{
	CHECK(cm_part_prefix_ok("volumes/data") && cm_part_prefix_ok("binds/1") && cm_part_prefix_ok("rootfs"));
	CHECK(!cm_part_prefix_ok("") && !cm_part_prefix_ok(NULL) && !cm_part_prefix_ok("manifest/x") &&
	      !cm_part_prefix_ok("manifest.json") && !cm_part_prefix_ok("a/../b") && !cm_part_prefix_ok("/a") &&
	      !cm_part_prefix_ok("a/b/c/d/e") && !cm_part_prefix_ok("a\xff"));
	CHECK(cm_member_name_ok("backup.json") && cm_member_name_ok("image.tar"));
	CHECK(!cm_member_name_ok("a/b") && !cm_member_name_ok("manifest.json") &&
	      !cm_member_name_ok("rootfs_deleted.json") && !cm_member_name_ok("..") && !cm_member_name_ok(""));
}
