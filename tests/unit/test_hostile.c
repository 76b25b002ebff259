/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Archives made to do harm: their checksums are right, what they say is not. Packed by an evil helper, they are given
 * to verification and to the real helper, which must refuse them and never touch anything outside of its target.
 */
#include <pthread.h>

#include "archive/block.h"
#include "archive/block_tail.h"
#include "archive/packer.h"
#include "archive_rig.h"
#include "test.h"

struct evil {
	struct cm_peer peer;
	struct cm_peer_fd state;
	void (*fill)(struct evil *e);
	struct cm_packer *packer;
	uint64_t blocks;
	/* How it lies in its frames. */
	bool no_segments, wrong_hash, wrong_size;
	int64_t files_said;
};

static int evil_block(void *ctx, uint32_t size, const void *data, uint32_t len, struct cm_err *err)
{
	struct evil *e = ctx;
	cm_autofree char *frame = cm_alloc(len + 4);

	cm_put_le(frame, e->wrong_size ? CM_BLOCK_MAX : size, 4);
	memcpy(frame + 4, data, len);
	e->blocks++;
	return cm_peer_send(&e->peer, CM_FRAME_MEMBER, frame, len + 4, err);
}

static int evil_segment(void *ctx, struct json_object *record, struct cm_err *err)
{
	struct evil *e = ctx;

	if (e->no_segments)
		return 0;
	if (e->wrong_hash)
		cm_json_set_str(record, "heads", "0000000000000000000000000000000000000000000000000000000000000000");
	return cm_peer_send_json(&e->peer, CM_FRAME_SEGMENT, record, err);
}

static void *evil_run(void *arg)
{
	struct evil *e = arg;
	const struct cm_deflate_options o = { .level = 1, .block = CM_BLOCK_MAX };
	struct cm_deflate_ring *ring = NULL;
	struct cm_packer_totals t;
	struct cm_frame f;
	struct json_object *plan = NULL, *done = json_object_new_object(), *end = json_object_new_object();

	cm_peer_next(&e->peer, 5000, &f, NULL);
	cm_peer_json(&e->peer, &f, &plan, NULL);
	cm_deflate_ring_new(&o, evil_block, e, &ring, NULL);
	e->packer = cm_packer_new(ring, 1, 0, evil_segment, e);
	cm_packer_part_begin(e->packer, "volumes/data", NULL);
	e->fill(e);
	cm_packer_part_end(e->packer, &t, NULL);
	cm_json_set_int(done, "part", 0);
	cm_json_set_int(done, "files", e->files_said >= 0 ? e->files_said : (int64_t)t.files);
	cm_json_set_int(done, "bytes", (int64_t)t.bytes);
	cm_json_set_int(done, "stored", (int64_t)t.stored);
	cm_json_set_int(done, "size", e->wrong_size ? (int64_t)e->blocks * CM_BLOCK_MAX : (int64_t)t.size);
	cm_json_set_int(done, "blocks", (int64_t)e->blocks);
	cm_peer_send_json(&e->peer, CM_FRAME_PART_DONE, done, NULL);
	cm_peer_send_json(&e->peer, CM_FRAME_END, end, NULL);
	json_object_put(plan);
	json_object_put(done);
	json_object_put(end);
	cm_packer_free(e->packer);
	cm_deflate_ring_free(ring);
	return NULL;
}

/* Writes an archive of what e packs. */
static int evil_archive(const char *file, struct evil *e, struct cm_err *err)
{
	struct cm_archive_options options = { .codec = CM_CODEC_GZIP };
	struct cm_archive_writer *w = NULL;
	struct cm_archive_totals totals;
	const struct rig_part part = { "volume", "/", "volumes/data" };
	cm_autojson struct json_object *plan = rig_plan(&part, 1);
	struct cm_peer_fd state;
	struct cm_peer peer;
	struct cm_sink sink;
	pthread_t t;
	int fds[2], fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return CM_EINTERNAL;
	cm_peer_over_fd(&e->peer, &e->state, fds[1], 5000);
	cm_peer_over_fd(&peer, &state, fds[0], 5000);
	pthread_create(&t, NULL, evil_run, e);
	cm_sink_fd(&sink, fd);
	int rc = cm_archive_writer_new(&options, &sink, &w, err);
	if (rc == 0)
		rc = cm_archive_writer_pack(w, plan, &peer, NULL, err);
	if (rc == 0)
		rc = cm_archive_writer_finish(w, NULL, &totals, err);
	if (rc == 0)
		cm_archive_totals_release(&totals);
	shutdown(fds[0], SHUT_RDWR);
	pthread_join(t, NULL);
	cm_archive_writer_free(w);
	close(fds[0]);
	close(fds[1]);
	close(fd);
	return rc;
}

static void entry(struct evil *e, char type, const char *path, const char *link, const char *content)
{
	struct cm_entry x = { .type = type,
			      .path = path,
			      .path_len = strlen(path),
			      .link = link,
			      .link_len = link != NULL ? strlen(link) : 0,
			      .mode = type == 'd' ? 0755 : 0644,
			      .mtime_s = 1700000000 };

	x.size = x.stored = content != NULL ? strlen(content) : 0;
	cm_packer_entry(e->packer, &x, NULL);
	if (content != NULL)
		cm_packer_data(e->packer, content, strlen(content), NULL);
	cm_packer_entry_end(e->packer, &x, false, NULL);
}

/* The folder that must stay untouched, and the target beside it. */
static const char *outside, *target;
static char link_out[300];

static void prepare(void)
{
	outside = rig_dir("outside");
	target = rig_dir("target");
	rig_sh("echo precious >'%s/file' && chmod 600 '%s/file' && mkdir '%s/sub'", outside, outside, outside);
	snprintf(link_out, sizeof(link_out), "%s", outside);
}

static bool untouched(void)
{
	return rig_sh("cd '%s' && test \"$(find . | sort | tr '\\n' ' ')\" = '. ./file ./sub ' && "
		      "test \"$(cat file)\" = precious && test \"$(stat -c %%a file)\" = 600",
		      outside) == 0;
}

/* Verification and restore of what fill packs; both give these codes, and nothing outside changes. */
static bool refused(void (*fill)(struct evil *), int verify_code, int unpack_code, bool merge)
{
	struct cm_err err = { 0 };
	struct evil e = { .fill = fill, .files_said = -1 };
	struct cm_verify_result v;
	const char *file = rig_path("evil.tar.gz");

	prepare();
	const struct cm_unpack_part back = { .prefix = "volumes/data", .target = target, .merge = merge };
	if (evil_archive(file, &e, &err) != 0) {
		printf("# not packed: %s\n", err.text);
		return false;
	}
	int verified = rig_verify(file, &v, &err), unpacked = rig_unpack(file, &back, 1, &err);
	bool ok = verified == verify_code && unpacked == unpack_code && untouched();
	if (!ok)
		printf("# verify %d, unpack %d (%s), outside %s\n", verified, unpacked, err.text,
		       untouched() ? "untouched" : "TOUCHED");
	return ok;
}

static void fill_dotdot(struct evil *e)
{
	entry(e, 'd', ".", NULL, NULL);
	entry(e, 'f', "../outside/new", NULL, "evil");
}

static void fill_inner_dotdot(struct evil *e)
{
	entry(e, 'd', ".", NULL, NULL);
	entry(e, 'd', "a", NULL, NULL);
	entry(e, 'f', "a/../../outside/new", NULL, "evil");
}

static void fill_absolute(struct evil *e)
{
	entry(e, 'd', ".", NULL, NULL);
	entry(e, 'f', "/etc/cm-evil", NULL, "evil");
}

static void fill_through_link(struct evil *e)
{
	entry(e, 'd', ".", NULL, NULL);
	entry(e, 'l', "out", link_out, NULL);
	entry(e, 'f', "out/new", NULL, "evil");
}

static void fill_link_then_folder(struct evil *e)
{
	entry(e, 'd', ".", NULL, NULL);
	entry(e, 'l', "out", link_out, NULL);
	entry(e, 'd', "out", NULL, NULL);
	entry(e, 'f', "out/file", NULL, "evil");
}

static void fill_link_then_file(struct evil *e)
{
	char name[400];

	snprintf(name, sizeof(name), "%s/file", link_out);
	entry(e, 'd', ".", NULL, NULL);
	entry(e, 'l', "out", name, NULL);
	entry(e, 'f', "out", NULL, "evil");
}

static void fill_hard_link_out(struct evil *e)
{
	entry(e, 'd', ".", NULL, NULL);
	entry(e, 'h', "mine", "../outside/file", NULL);
}

static void fill_hard_link_through_link(struct evil *e)
{
	entry(e, 'd', ".", NULL, NULL);
	entry(e, 'l', "out", link_out, NULL);
	entry(e, 'h', "mine", "out/file", NULL);
}

static void fill_hard_link_to_nothing(struct evil *e)
{
	entry(e, 'd', ".", NULL, NULL);
	entry(e, 'h', "mine", "not/there", NULL);
}

static void fill_hard_link_to_folder(struct evil *e)
{
	entry(e, 'd', ".", NULL, NULL);
	entry(e, 'd', "a", NULL, NULL);
	entry(e, 'h', "mine", "a", NULL);
}

static void fill_twice(struct evil *e)
{
	entry(e, 'd', ".", NULL, NULL);
	entry(e, 'f', "a", NULL, "one");
	entry(e, 'f', "a", NULL, "two");
}

static void fill_no_folder(struct evil *e)
{
	entry(e, 'd', ".", NULL, NULL);
	entry(e, 'f', "a/b/c", NULL, "one");
}

static void fill_file_as_folder(struct evil *e)
{
	entry(e, 'd', ".", NULL, NULL);
	entry(e, 'f', "a", NULL, "one");
	entry(e, 'f', "a/b", NULL, "two");
}

static void fill_long_name(struct evil *e)
{
	char name[301];

	memset(name, 'x', 300);
	name[300] = '\0';
	entry(e, 'd', ".", NULL, NULL);
	entry(e, 'f', name, NULL, "one");
}

static void fill_deep(struct evil *e)
{
	cm_autofree char *path = cm_alloc(12000);

	entry(e, 'd', ".", NULL, NULL);
	for (size_t i = 0; i < 5000; i++) {
		memcpy(path + 2 * i, i > 0 ? "/d" : "d", i > 0 ? 2 : 1);
		if (i > 0)
			memcpy(path + 2 * i - 1, "/d", 3);
		entry(e, 'd', path, NULL, NULL);
	}
}

static void fill_reserved(struct evil *e)
{
	entry(e, 'd', ".", NULL, NULL);
	entry(e, 'f', "../../manifest/0001.jsonl", NULL, "{}");
}

TEST(hostile__names_that_lead_out_are_refused)
{
	CHECK(refused(fill_dotdot, CM_ECORRUPT, CM_ECORRUPT, false));
	CHECK(refused(fill_inner_dotdot, CM_ECORRUPT, CM_ECORRUPT, false));
	CHECK(refused(fill_absolute, CM_ECORRUPT, CM_ECORRUPT, false));
	CHECK(refused(fill_dotdot, CM_ECORRUPT, CM_ECORRUPT, true));
	CHECK(refused(fill_long_name, CM_ECORRUPT, CM_ECORRUPT, false));
	CHECK(refused(fill_reserved, CM_ECORRUPT, CM_ECORRUPT, false));
	CHECK(access("/etc/cm-evil", F_OK) != 0);
}

/* These are consistent archives: only who writes them to a disk can see the harm. */
TEST(hostile__links_that_lead_out_are_never_followed)
{
	CHECK(refused(fill_through_link, 0, CM_ECORRUPT, false));
	CHECK(refused(fill_through_link, 0, CM_ECORRUPT, true));
	CHECK(refused(fill_link_then_folder, 0, CM_ECORRUPT, false));
	/* Replacing the link by a folder is what merging means; the link is not followed. */
	CHECK(refused(fill_link_then_folder, 0, 0, true));
	CHECK(refused(fill_link_then_file, 0, CM_ECORRUPT, false));
	CHECK(refused(fill_link_then_file, 0, 0, true));
	CHECK(refused(fill_hard_link_out, CM_ECORRUPT, CM_ECORRUPT, false));
	CHECK(refused(fill_hard_link_through_link, 0, CM_ECORRUPT, false));
	CHECK(refused(fill_hard_link_through_link, 0, CM_ECORRUPT, true));
}

TEST(hostile__entries_that_do_not_fit_are_refused)
{
	CHECK(refused(fill_hard_link_to_nothing, 0, CM_ECORRUPT, false));
	CHECK(refused(fill_hard_link_to_folder, 0, CM_ECORRUPT, false));
	CHECK(refused(fill_twice, 0, CM_ECORRUPT, false));
	CHECK(refused(fill_no_folder, 0, CM_ECORRUPT, false));
	CHECK(refused(fill_file_as_folder, 0, CM_ECORRUPT, false));
	CHECK(refused(fill_deep, 0, CM_ECORRUPT, false));
}

/* In a target that holds something, links that are there already are not followed either. */
TEST(hostile__links_in_the_target_are_not_followed)
{
	struct cm_err err = { 0 };
	struct rig_pack o = { 0 };
	const char *src = rig_dir("src"), *file = rig_path("a.tar.gz");
	const struct rig_part part = { "volume", src, "volumes/data" };

	prepare();
	rig_sh("cd '%s' && mkdir sub && echo mine >sub/new && echo mine >file", src);
	rig_sh("cd '%s' && ln -s '%s/sub' sub && ln -s '%s/file' file", target, outside, outside);
	const struct cm_unpack_part back = { .prefix = "volumes/data", .target = target, .merge = true };
	CHECK_INT(rig_pack(file, &part, 1, &o, &err), 0);
	CHECK_INT(rig_unpack(file, &back, 1, &err), 0);
	CHECK(untouched());
	CHECK_INT(rig_sh("cd '%s' && test ! -L sub && test ! -L file && test -f sub/new", target), 0);
	/* Without merge a target that is not empty is left alone. */
	const struct cm_unpack_part strict = { .prefix = "volumes/data", .target = target };
	CHECK_INT(rig_unpack(file, &strict, 1, &err), CM_EEXIST);
	cm_archive_totals_release(&o.totals);
}

static void fill_plain(struct evil *e)
{
	entry(e, 'd', ".", NULL, NULL);
	entry(e, 'f', "a", NULL, "one");
}

static void fill_huge_size(struct evil *e)
{
	static const char map[512] = "1\n9000000000000000000\n0\n";
	struct cm_entry x = { .type = 'f', .path = "huge", .path_len = 4, .mode = 0644, .sparse = true };

	entry(e, 'd', ".", NULL, NULL);
	x.size = 9000000000000000000;
	x.stored = sizeof(map);
	cm_packer_entry(e->packer, &x, NULL);
	cm_packer_data(e->packer, map, sizeof(map), NULL);
	cm_packer_entry_end(e->packer, &x, false, NULL);
}

static void fill_wrong_map(struct evil *e)
{
	static const char map[1024] = "2\n100\n512\n50\n10\n";
	struct cm_entry x = { .type = 'f', .path = "holes", .path_len = 5, .mode = 0644, .sparse = true };

	entry(e, 'd', ".", NULL, NULL);
	x.size = 4096;
	x.stored = sizeof(map);
	cm_packer_entry(e->packer, &x, NULL);
	cm_packer_data(e->packer, map, sizeof(map), NULL);
	cm_packer_entry_end(e->packer, &x, false, NULL);
}

TEST(hostile__sizes_that_lie_do_no_harm)
{
	prepare();
	/* Larger than any file may be, so it is no entry of ours. */
	CHECK(refused(fill_huge_size, CM_ECORRUPT, CM_ECORRUPT, false));
	CHECK(refused(fill_wrong_map, 0, CM_ECORRUPT, false));
}

TEST(hostile__a_helper_that_lies_gets_no_archive)
{
	struct cm_err err = { 0 };
	const char *file = rig_path("evil.tar.gz");
	struct evil no_segments = { .fill = fill_plain, .files_said = -1, .no_segments = true },
		    fewer = { .fill = fill_plain, .files_said = 1 },
		    none = { .fill = fill_plain, .files_said = 0, .no_segments = true };
	struct cm_verify_result v;

	CHECK_INT(evil_archive(file, &no_segments, &err), CM_EUPSTREAM);
	CHECK_INT(evil_archive(file, &fewer, &err), CM_EUPSTREAM);
	/* Entries that no manifest names. */
	CHECK_INT(evil_archive(file, &none, &err), 0);
	CHECK_INT(rig_verify(file, &v, &err), CM_ECORRUPT);
}

TEST(hostile__headers_and_lengths_that_lie_are_found)
{
	struct cm_err err = { 0 };
	const char *file = rig_path("evil.tar.gz");
	struct evil heads = { .fill = fill_plain, .files_said = -1, .wrong_hash = true },
		    bomb = { .fill = fill_plain, .files_said = -1, .wrong_size = true };
	struct cm_verify_result v;

	prepare();
	const struct cm_unpack_part back = { .prefix = "volumes/data", .target = target };
	CHECK_INT(evil_archive(file, &heads, &err), 0);
	CHECK_INT(rig_verify(file, &v, &err), CM_ECORRUPT);
	CHECK_INT(rig_unpack(file, &back, 1, &err), CM_ECORRUPT);
	target = rig_dir("target");
	/* A block that expands to another length than its table says. */
	CHECK_INT(evil_archive(file, &bomb, &err), 0);
	CHECK_INT(rig_verify(file, &v, &err), CM_ECORRUPT);
	CHECK_INT(rig_unpack(file, &back, 1, &err), CM_ECORRUPT);
}
