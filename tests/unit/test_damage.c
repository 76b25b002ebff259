/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Verification: nothing that is missing, extra, cut off, moved or flipped gets through. */
#include "archive/block_tail.h"
#include "archive_rig.h"
#include "test.h"

static char *bytes;
static size_t size;

/* An archive in memory, with an image, two volumes and a writable layer. */
static bool load(enum cm_codec codec)
{
	static enum cm_codec loaded = (enum cm_codec) - 1;
	struct cm_err err = { 0 };
	const char *src = rig_dir("src"), *two = rig_dir("two"), *file = rig_path("whole");
	const struct rig_part parts[] = { { "volume", src, "volumes/data" }, { "rootfs", two, "rootfs" } };
	static char image[70000];
	struct rig_pack o = { .codec = codec, .image = image, .image_len = sizeof(image) };
	cm_autobuf struct cm_buf b = CM_BUF_INIT(64 << 20);

	if (loaded == codec)
		return true;
	for (size_t i = 0; i < sizeof(image); i++)
		image[i] = (char)(i * 2654435761u >> 11);
	rig_sh(
	    "cd '%s' && mkdir a && cp /bin/true a/program && for i in $(seq 40); do echo content $i >a/file$i; done && "
	    "ln a/file1 a/again && ln -s file2 a/link && truncate -s 1M a/hole && echo x >>a/hole && mkfifo fifo",
	    src);
	rig_sh("cd '%s' && mknod removed c 0 0 && echo changed >passwd", two);
	if (rig_pack(file, parts, 2, &o, &err) != 0 || cm_file_read(file, &b, &err) != 0) {
		printf("# %s\n", err.text);
		return false;
	}
	cm_archive_totals_release(&o.totals);
	free(bytes);
	size = b.len;
	bytes = cm_buf_detach(&b);
	loaded = codec;
	return true;
}

struct memory {
	const char *data;
};

static int memory_pread(void *ctx, void *data, size_t len, uint64_t off, struct cm_err *err)
{
	(void)err;
	memcpy(data, ((struct memory *)ctx)->data + off, len);
	return 0;
}

static int verify(const char *data, size_t len, struct cm_verify_result *r, struct cm_err *err)
{
	struct memory m = { data };
	const struct cm_source s = { &m, memory_pread, len };

	return cm_archive_verify(&s, 2, NULL, r, err);
}

static bool is_found(const char *data, size_t len)
{
	struct cm_verify_result r;
	struct cm_err err = { 0 };
	int rc = verify(data, len, &r, &err);

	/* A file that does not even begin like one of ours is no backup at all. */
	return (rc == CM_ECORRUPT && r.damaged > 0 && err.text[0] != '\0') || rc == CM_EUNSUPPORTED;
}

static size_t step(size_t many)
{
	return many > 700 ? many / 700 : 1;
}

static void flips(enum cm_codec codec)
{
	struct cm_verify_result r;
	struct cm_err err = { 0 };

	CHECK(load(codec));
	CHECK_INT(verify(bytes, size, &r, &err), 0);
	cm_autofree char *copy = cm_alloc(size);
	memcpy(copy, bytes, size);
	/* Every bit of the last bytes, and one bit each at many other places. */
	for (size_t bit = 0; bit < 8 * size;) {
		copy[bit / 8] ^= (char)(1 << bit % 8);
		if (!is_found(copy, size)) {
			printf("# flip of bit %zu of byte %zu of %zu was not found\n", bit % 8, bit / 8, size);
			CHECK(false);
		}
		copy[bit / 8] ^= (char)(1 << bit % 8);
		bit += bit / 8 + 120 >= size || bit < 8 * 40 ? 1 : 8 * step(size) + 3;
	}
}

TEST(verify__every_flipped_bit_is_found)
{
	flips(CM_CODEC_GZIP);
}

TEST(verify__every_flipped_bit_is_found_with_zstd)
{
	flips(CM_CODEC_ZSTD);
}

TEST(verify__every_truncation_is_found)
{
	CHECK(load(CM_CODEC_GZIP));
	for (size_t len = 0; len < size;) {
		if (!is_found(bytes, len)) {
			printf("# cut to %zu of %zu was not found\n", len, size);
			CHECK(false);
		}
		len += len + 200 >= size ? 1 : step(size);
	}
}

TEST(verify__added_bytes_are_found)
{
	CHECK(load(CM_CODEC_GZIP));
	cm_autofree char *copy = cm_alloc(size + 600);
	memcpy(copy, bytes, size);
	for (size_t more = 1; more < 600; more += 37)
		CHECK(is_found(copy, size + more));
	/* The same again behind it: two manifests. */
	cm_autofree char *twice = cm_alloc(2 * size);
	memcpy(twice, bytes, size);
	memcpy(twice + size, bytes, size);
	CHECK(is_found(twice, 2 * size));
	memmove(copy + 100, bytes, size);
	memset(copy, 0, 100);
	CHECK(is_found(copy, size + 100));
}

/* The blocks of the archive, from its own table. */
static struct cm_block_table table;

static bool load_table(void)
{
	struct cm_err err = { 0 };
	struct cm_tail t;
	enum cm_codec codec;

	cm_block_table_release(&table);
	if (!load(CM_CODEC_GZIP) ||
	    cm_tail_decode((const uint8_t *)bytes + size - CM_TAIL_MAX, CM_TAIL_MAX, &codec, &t, &err))
		return false;
	/* gzip members begin with the same ten bytes. */
	for (size_t at = 0, next; at < t.index_at; at = next) {
		next = at + 10;
		while (next < t.index_at && memcmp(bytes + next, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10) != 0)
			next++;
		cm_block_table_add(&table, (uint32_t)(next - at), 1, 0, &err);
	}
	return table.count > 3;
}

TEST(verify__missing_and_moved_blocks_are_found)
{
	CHECK(load_table());
	cm_autofree char *copy = cm_alloc(size);
	size_t at = 0;
	for (size_t i = 0; i < table.count; i++) {
		size_t len = table.rows[i].len;
		memcpy(copy, bytes, at);
		memcpy(copy + at, bytes + at + len, size - at - len);
		CHECK(is_found(copy, size - len));
		if (i + 1 < table.count) {
			size_t other = table.rows[i + 1].len;
			memcpy(copy, bytes, size);
			memcpy(copy + at, bytes + at + len, other);
			memcpy(copy + at + other, bytes + at, len);
			CHECK(is_found(copy, size));
		}
		at += len;
	}
}

TEST(verify__names_the_damaged_file)
{
	struct cm_verify_result r;
	struct cm_err err = { 0 };
	struct rig_pack o = { 0 };
	const char *src = rig_dir("src"), *file = rig_path("a.tar.gz");
	const struct rig_part part = { "volume", src, "volumes/data" };
	cm_autobuf struct cm_buf b = CM_BUF_INIT(64 << 20);

	rig_sh("cd '%s' && mkdir db && dd if=/dev/urandom of=db/table bs=1M count=9 status=none", src);
	CHECK_INT(rig_pack(file, &part, 1, &o, &err), 0);
	CHECK_INT(cm_file_read(file, &b, &err), 0);
	b.data[b.len / 2] ^= 4;
	CHECK_INT(verify(b.data, b.len, &r, &err), CM_ECORRUPT);
	CHECK_INT(r.damaged, 1);
	CHECK(strstr(err.text, "volumes/data/db/table") != NULL);
	CHECK_STR(r.sha256, "");
	cm_archive_totals_release(&o.totals);
}

static int never(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	(void)ctx;
	(void)data;
	(void)len;
	(void)err;
	return 0;
}

TEST(restore__damage_stops_it)
{
	struct cm_err err = { 0 };
	struct rig_pack o = { 0 };
	const char *src = rig_dir("src"), *dst = rig_dir("dst"), *file = rig_path("a.tar.gz");
	const struct rig_part part = { "volume", src, "volumes/data" };
	const struct cm_unpack_part back = { .prefix = "volumes/data", .target = dst };
	struct cm_archive *a = NULL;
	struct cm_archive_item *it = NULL;
	struct stat s;
	int fd;

	rig_sh("cd '%s' && dd if=/dev/urandom of=table bs=1M count=9 status=none", src);
	CHECK_INT(rig_pack(file, &part, 1, &o, &err), 0);
	CHECK_INT(stat(file, &s), 0);
	rig_sh("printf XYZXYZXYZ | dd of='%s' bs=1 seek=%lld conv=notrunc status=none", file, (long long)s.st_size / 2);
	CHECK_INT(rig_unpack(file, &back, 1, &err), CM_ECORRUPT);
	CHECK(strstr(err.text, "volumes/data") != NULL);
	CHECK_INT(rig_open(file, &fd, &a, &err), 0);
	CHECK_INT(cm_archive_stat(a, "volumes/data/table", 18, &it, &err), 0);
	CHECK_INT(cm_archive_extract(a, it, never, NULL, &err), CM_ECORRUPT);
	cm_archive_item_free(it);
	cm_archive_free(a);
	close(fd);
	cm_archive_totals_release(&o.totals);
}

TEST(verify__can_be_cancelled_and_says_what_is_no_archive)
{
	struct cm_verify_result r;
	struct cm_err err = { 0 };

	CHECK_INT(verify("hello", 5, &r, &err), CM_EUNSUPPORTED);
	CHECK_INT(verify("", 0, &r, &err), CM_EUNSUPPORTED);
}
