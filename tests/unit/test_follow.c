/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Archives that are verified while they are written. */
#include <stdatomic.h>

#include "archive/follow.h"
#include "archive_rig.h"
#include "test.h"

static int write_fd = -1, read_fd = -1;
static uint64_t written, flip_written, flip_read;
static atomic_uint_fast64_t read_back;

/* An archive that is written to a file of the test's own, and may change a byte on its way there. */
static int sink_write(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	cm_autofree uint8_t *copy = cm_alloc(len);

	(void)ctx;
	memcpy(copy, data, len);
	if (flip_written >= written && flip_written < written + len)
		copy[flip_written - written] ^= 1;
	written += len;
	return cm_fd_write_all(write_fd, copy, len) == 0 ? 0 : cm_err_errno(err, errno, "writing");
}

static int sink_patch(void *ctx, uint64_t off, const void *data, size_t len, struct cm_err *err)
{
	(void)ctx;
	return pwrite(write_fd, data, len, (off_t)off) == (ssize_t)len ? 0 : cm_err_errno(err, errno, "writing");
}

/* Counts, and may change a byte on the way back. */
static int source_pread(void *ctx, void *data, size_t len, uint64_t off, struct cm_err *err)
{
	(void)ctx;
	if (pread(read_fd, data, len, (off_t)off) != (ssize_t)len)
		return cm_err_set(err, CM_ECORRUPT, "The backup is damaged: it is too short.");
	if (flip_read >= off && flip_read < off + len)
		((uint8_t *)data)[flip_read - off] ^= 1;
	atomic_fetch_add(&read_back, len);
	return 0;
}

static const struct cm_sink sink = { NULL, sink_write, sink_patch };
static const struct cm_source source = { NULL, source_pread, 0 };

static struct cm_follow *begin(enum cm_codec codec)
{
	const char *file = rig_path("followed.tar");

	write_fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	read_fd = open(file, O_RDONLY | O_CLOEXEC);
	written = 0;
	flip_written = flip_read = UINT64_MAX;
	atomic_store(&read_back, 0);
	return cm_follow_new(&source, codec);
}

static void end(struct cm_follow *f, struct rig_pack *o)
{
	cm_follow_free(f);
	cm_archive_totals_release(&o->totals);
	close(write_fd);
	close(read_fd);
}

/* Small files, a large one with holes, links, and one file for a part of its own. */
static const char *tree(void)
{
	const char *dir = rig_dir("tree");

	rig_sh("cd '%s' && mkdir -p a/b && for i in $(seq 400); do echo \"$i$RANDOM\" >a/$i; done; head -c 9000000 "
	       "/dev/urandom "
	       ">a/b/big; truncate -s 30M a/b/holes; printf x >>a/b/holes; ln a/1 hard; ln -s a/1 soft; mkfifo a/fifo; "
	       "yes 0123456789 | head -c 9000000 >text",
	       dir);
	return dir;
}

static int pack(struct cm_follow *f, enum cm_codec codec, const char *dir, bool image, struct rig_pack *o,
		struct cm_err *err)
{
	static char layer[3000000];
	cm_autofree char *one = cm_asprintf("%s/text", dir);
	const struct rig_part parts[] = { { "volume", dir, "volumes/data" },
					  { "bind_file", one, "binds/0" },
					  { "volume", rig_dir("empty"), "volumes/empty" } };

	*o = (struct rig_pack){ .codec = codec, .follow = f, .sink = &sink };
	if (image) {
		o->image = layer;
		o->image_len = sizeof(layer);
	}
	return rig_pack(rig_path("unused.tar"), parts, 3, o, err);
}

static struct cm_source finished(void)
{
	struct cm_source s = source;

	s.size = (uint64_t)lseek(read_fd, 0, SEEK_END);
	return s;
}

static void proves(enum cm_codec codec, bool image)
{
	const char *dir = tree();
	struct cm_verify_result early = { 0 }, late = { 0 };
	struct cm_follow *f = begin(codec);
	struct cm_err err = { 0 };
	struct rig_pack o;

	CHECK_INT(pack(f, codec, dir, image, &o, &err), 0);
	struct cm_source s = finished();
	CHECK_INT(cm_follow_verify(f, &s, NULL, &early, &err), 0);
	/* Everything once, and the index for its hash once more: it was not read a second time from the start. */
	CHECK(atomic_load(&read_back) < s.size + s.size / 8 + 65536);
	CHECK(cm_follow_bytes(f) > 18000000);
	CHECK_INT(cm_archive_verify(&s, 2, NULL, &late, &err), 0);
	CHECK_STR(early.sha256, late.sha256);
	CHECK_INT(early.files, late.files);
	CHECK_INT(early.bytes, late.bytes);
	CHECK(early.ours && early.damaged == 0 && early.files > 400);
	end(f, &o);
}

TEST(follow__proves_what_verify_proves)
{
	proves(CM_CODEC_GZIP, false);
	proves(CM_CODEC_GZIP, true);
	proves(CM_CODEC_ZSTD, true);
}

TEST(follow__a_byte_that_changed_on_its_way_to_the_file_is_found)
{
	const char *dir = tree();

	/* In a block of the first part, in the index, in the tail. */
	for (int i = 0; i < 3; i++) {
		struct cm_verify_result r = { 0 };
		struct cm_follow *f = begin(CM_CODEC_GZIP);
		struct cm_err err = { 0 };
		struct rig_pack o;
		uint8_t byte;
		flip_written = i == 0 ? 5000000 : UINT64_MAX;
		CHECK_INT(pack(f, CM_CODEC_GZIP, dir, false, &o, &err), 0);
		struct cm_source s = finished();
		off_t at = (off_t)s.size - (i == 1 ? 400 : 30);
		if (i > 0) {
			CHECK_INT(pread(read_fd, &byte, 1, at), 1);
			byte ^= 1;
			CHECK_INT(pwrite(write_fd, &byte, 1, at), 1);
		}
		CHECK_INT(cm_follow_verify(f, &s, NULL, &r, &err), CM_ECORRUPT);
		CHECK(r.damaged > 0);
		if (i == 0)
			CHECK(strstr(r.bad[0], "volumes/data/a/b/big") != NULL);
		end(f, &o);
	}
}

TEST(follow__what_it_could_not_read_is_decided_by_a_second_reading)
{
	const char *dir = tree();
	struct cm_verify_result r = { 0 };
	struct cm_follow *f = begin(CM_CODEC_GZIP);
	struct cm_err err = { 0 };
	struct rig_pack o;

	flip_read = 5000000;
	CHECK_INT(pack(f, CM_CODEC_GZIP, dir, false, &o, &err), 0);
	struct cm_source s = finished();
	CHECK_INT(cm_follow_verify(f, &s, NULL, &r, &err), CM_ECORRUPT);
	flip_read = UINT64_MAX;
	CHECK_INT(cm_follow_verify(f, &s, NULL, &r, &err), 0);
	CHECK(r.sha256[0] != '\0' && r.damaged == 0);
	end(f, &o);
}

TEST(follow__blocks_that_were_not_told_are_read_in_the_end)
{
	const char *dir = tree();
	struct cm_verify_result r = { 0 };
	struct cm_follow *f = begin(CM_CODEC_GZIP);
	struct cm_err err = { 0 };
	struct rig_pack o;

	CHECK_INT(pack(NULL, CM_CODEC_GZIP, dir, false, &o, &err), 0);
	struct cm_source s = finished();
	CHECK_INT(cm_follow_verify(f, &s, NULL, &r, &err), 0);
	CHECK(r.files > 400);
	CHECK_INT(cm_follow_verify(NULL, &s, NULL, &r, &err), 0);
	end(f, &o);
}

static bool always(void *ctx)
{
	(void)ctx;
	return true;
}

TEST(follow__ends_in_the_middle)
{
	const struct cm_archive_watch cancelled = { .cancelled = always };
	struct cm_verify_result r = { 0 };
	struct cm_err err = { 0 };
	struct cm_source s = source;
	struct rig_pack o = { 0 };

	/* Nothing was told; a part was begun; the archive never came to its end. */
	for (int i = 0; i < 3; i++) {
		struct cm_follow *f = begin(CM_CODEC_GZIP);
		if (i > 0)
			cm_follow_part(f, CM_PART_VOLUME, "volumes/data");
		if (i == 2)
			CHECK_INT(cm_follow_verify(f, &s, &cancelled, &r, &err), CM_ECANCELLED);
		end(f, &o);
	}
}
