/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Round trips through the real helper: what was packed comes back in everything an inode has. Needs root. */
#include <stdint.h>

#include "archive_rig.h"
#include "test.h"

/* A tree with one of everything. */
static void make_tree(const char *dir)
{
	rig_sh(
	    "cd '%s' && umask 022 &&"
	    "mkdir -p etc/empty 'with space' deep && echo hello >etc/passwd && printf '' >etc/zero &&"
	    "ln etc/passwd etc/passwd2 && ln etc/passwd 'with space/passwd3' && ln -s ../etc/passwd link &&"
	    "ln -s /nowhere/at/all dangling && ln link link2 && mkfifo fifo && mknod null c 1 3 && mknod loop b 7 0 &&"
	    "chmod 4755 etc/zero && chmod 1777 etc/empty && echo x >secret && chmod 000 secret &&"
	    "mkdir locked && echo y >locked/in && chmod 000 locked && echo z >owned && chown 3000001:65534 owned &&"
	    "chown -h 1000:1001 link && chown 12:34 fifo &&"
	    "setfattr -n user.colour -v blue owned && setfattr -n user.empty etc/passwd &&"
	    "setfattr -n 'user.a=b%%c' -v 1 owned &&"
	    "setfattr -n trusted.secret -v 1 owned && setfattr -h -n trusted.onlink -v 2 link &&"
	    "setfattr -n trusted.onfifo -v 3 fifo && setfattr -n user.dir -v d etc &&"
	    "setfacl -m u:1234:rwx,g:77:r-x owned && setfacl -d -m u:99:rx etc && setfacl -m u:99:rx etc &&"
	    "cp /bin/true ping && setcap cap_net_raw+ep ping &&"
	    "truncate -s 300M hole && printf middle | dd of=hole bs=1 seek=100000000 conv=notrunc status=none &&"
	    "truncate -s 5M allhole && dd if=/dev/urandom of=big bs=1M count=9 status=none &&"
	    "touch -d '1969-12-31 23:59:58.500000000 UTC' etc/zero && touch -d '1960-01-01 00:00:00 UTC' etc/empty &&"
	    "touch -d '2024-02-29 12:34:56.123456789 UTC' owned && touch -h -d '2001-02-03 04:05:06.7 UTC' link &&"
	    "touch -d '2500-01-01 UTC' ping && touch -d '2010-10-10 10:10:10.101010101 UTC' fifo",
	    dir);
	cm_autofree char *longest = cm_asprintf("%s/%0255d", dir, 7);
	rig_write(longest, "long name");
	cm_autofree char *bytes = cm_asprintf("%s/not\xff\xfeutf8", dir), *line = cm_asprintf("%s/new\nline\"\\", dir);
	rig_write(bytes, "bytes");
	rig_write(line, "newline");
	rig_sh("cd '%s' && p=deep && for i in 1 2 3 4; do p=$p/$(printf '%%085d' $i); mkdir $p; done && echo deep "
	       ">$p/file &&"
	       "touch -d '2003-03-03 03:03:03.3 UTC' deep && chattr +d etc/passwd && "
	       "touch -d '2011-11-11 11:11:11.111111111 UTC' . && chmod 2750 . && chown 5:6 . && "
	       "setfattr -n user.root -v r . && setfacl -d -m u:42:r .",
	       dir);
}

TEST(pack__everything_an_inode_has_comes_back)
{
	struct cm_err err = { 0 };
	struct rig_pack o = { 0 };
	struct cm_verify_result v;
	const char *src = rig_dir("src"), *dst = rig_dir("dst"), *file = rig_path("a.tar.gz");
	const struct rig_part part = { "volume", src, "volumes/data" };
	const struct cm_unpack_part back = { .prefix = "volumes/data", .target = dst };

	make_tree(src);
	int rc = rig_pack(file, &part, 1, &o, &err);
	CHECK_STR(err.text, "");
	CHECK_INT(rc, 0);
	CHECK_STR(rig_warnings, "");
	CHECK_INT(o.helper_status, 0);
	CHECK_INT(rig_verify(file, &v, &err), 0);
	CHECK(v.ours && v.damaged == 0 && strlen(v.sha256) == 64);
	CHECK_INT(v.files, o.totals.files + 2);
	CHECK_INT(rig_unpack(file, &back, 1, &err), 0);
	CHECK_STR(rig_warnings, "");
	CHECK(rig_same(src, dst));
	cm_archive_totals_release(&o.totals);
}

static int capture(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	(void)err;
	cm_buf_add(ctx, data, len);
	return 0;
}

/* Standard output and error of a command, as text. */
static const char *output_of(const char *cmd)
{
	static char text[8192];
	FILE *f = popen(cmd, "r");
	size_t n = f != NULL ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f != NULL)
		pclose(f);
	return text;
}

TEST(pack__gnu_tar_opens_it_without_a_warning)
{
	struct cm_err err = { 0 };
	struct rig_pack o = { .image = "not really an image", .image_len = 19 };
	const char *src = rig_dir("src"), *dst = rig_dir("dst"), *file = rig_path("a.tar.gz");
	const struct rig_part part = { "volume", src, "volumes/data" };
	char cmd[2048];

	make_tree(src);
	/* GNU tar keeps everything but file flags. */
	rig_sh("chattr -R -d '%s' 2>/dev/null", src);
	CHECK_INT(rig_pack(file, &part, 1, &o, &err), 0);
	snprintf(cmd, sizeof(cmd), "tar tzf '%s' 2>&1 >/dev/null", file);
	CHECK_STR(output_of(cmd), "");
	snprintf(cmd, sizeof(cmd), "gzip -t '%s' 2>&1", file);
	CHECK_STR(output_of(cmd), "");
	snprintf(cmd, sizeof(cmd),
		 "tar xzf '%s' -C '%s' -p --xattrs --xattrs-include='*' --acls --numeric-owner 2>&1 | "
		 "grep -v 'implausibly old\\|in the future'",
		 file, dst);
	CHECK_STR(output_of(cmd), "");
	snprintf(cmd, sizeof(cmd), "%s/volumes/data", dst);
	CHECK(rig_same(src, cmd));
	snprintf(cmd, sizeof(cmd), "cat '%s/image.tar'", dst);
	CHECK_STR(output_of(cmd), "not really an image");
	snprintf(cmd, sizeof(cmd), "cd '%s' && cat manifest/*.jsonl | grep -c . && ls manifest manifest.json", dst);
	CHECK(strstr(output_of(cmd), "manifest.json\n") != NULL && strstr(output_of(cmd), "members") != NULL);
	cm_archive_totals_release(&o.totals);
}

TEST(pack__zstd_works_like_gzip)
{
	struct cm_err err = { 0 };
	struct rig_pack o = { .codec = CM_CODEC_ZSTD, .image = "an image", .image_len = 8 };
	struct cm_verify_result v;
	const char *src = rig_dir("src"), *dst = rig_dir("dst"), *file = rig_path("a.tar.zst");
	const struct rig_part part = { "volume", src, "volumes/data" };
	const struct cm_unpack_part back = { .prefix = "volumes/data", .target = dst };
	char cmd[2048];

	make_tree(src);
	CHECK_INT(rig_pack(file, &part, 1, &o, &err), 0);
	CHECK_INT(rig_verify(file, &v, &err), 0);
	CHECK_INT(rig_unpack(file, &back, 1, &err), 0);
	CHECK(rig_same(src, dst));
	snprintf(cmd, sizeof(cmd), "tar --zstd -tf '%s' 2>&1 >/dev/null", file);
	CHECK_STR(output_of(cmd), "");
	cm_archive_totals_release(&o.totals);
}

TEST(pack__image_of_unknown_length_is_kept)
{
	struct cm_err err = { 0 };
	size_t len = (5 << 20) + 123;
	char *image = cm_alloc(len);
	struct rig_pack o = { .image = image, .image_len = len };
	const char *file = rig_path("a.tar.gz");
	struct cm_archive *a = NULL;
	struct cm_verify_result v;
	cm_autobuf struct cm_buf back = CM_BUF_INIT(16 << 20);
	uint64_t size;
	int fd;

	for (size_t i = 0; i < len; i++)
		image[i] = (char)(i * 2654435761u >> 13);
	CHECK_INT(rig_pack(file, NULL, 0, &o, &err), 0);
	CHECK_INT(rig_verify(file, &v, &err), 0);
	CHECK_INT(rig_open(file, &fd, &a, &err), 0);
	CHECK_INT(cm_archive_member_stream(a, "image.tar", capture, &back, &err), 0);
	CHECK(back.len == len && memcmp(back.data, image, len) == 0);
	CHECK_INT(cm_archive_member_size(a, "image.tar", &size, &err), 0);
	CHECK_INT(size, len);
	CHECK_INT(o.totals.stream, len);
	cm_archive_free(a);
	close(fd);
	free(image);
	cm_archive_totals_release(&o.totals);
}

TEST(pack__several_parts_and_a_single_file)
{
	struct cm_err err = { 0 };
	struct rig_pack o = { 0 };
	struct cm_verify_result v;
	const char *src = rig_dir("src"), *two = rig_dir("two"), *dst = rig_dir("dst"), *dst2 = rig_dir("dst2"),
		   *file = rig_path("a.tar.gz"), *conf = rig_path("app.conf"), *conf2 = rig_path("back.conf");
	const struct rig_part parts[] = { { "volume", src, "volumes/data" },
					  { "bind", two, "binds/1" },
					  { "bind_file", conf, "binds/2" } };
	const struct cm_unpack_part back[] = { { .prefix = "binds/2", .target = conf2 },
					       { .prefix = "volumes/data", .target = dst },
					       { .prefix = "binds/1", .target = dst2 } };
	char cmd[1200];

	make_tree(src);
	rig_sh("echo two >'%s'/file; echo setting=1 >'%s'; chmod 640 '%s'; chown 7:8 '%s'", two, conf, conf, conf);
	rig_sh("echo 'something longer that was there before' >'%s'", conf2);
	CHECK_INT(rig_pack(file, parts, 3, &o, &err), 0);
	CHECK_INT(rig_verify(file, &v, &err), 0);
	CHECK_INT(rig_unpack(file, back, 3, &err), 0);
	CHECK_STR(err.text, "");
	CHECK(rig_same(src, dst));
	CHECK(rig_same(two, dst2));
	CHECK(rig_same(conf, conf2));
	/* In a folder it gets its own name back, and replaces what has it. */
	dst = rig_dir("dst");
	rig_sh("echo old >'%s'/app.conf; echo stays >'%s'/other", dst, dst);
	const struct cm_unpack_part one = { .prefix = "binds/2", .target = dst };
	CHECK_INT(rig_unpack(file, &one, 1, &err), 0);
	snprintf(cmd, sizeof(cmd), "%s/app.conf", dst);
	CHECK(rig_same(conf, cmd));
	snprintf(cmd, sizeof(cmd), "cat '%s'/other", dst);
	CHECK_STR(output_of(cmd), "stays\n");
	cm_archive_totals_release(&o.totals);
}

/* What a container sees: an overlay of its image and its own changes. */
static void overlay(const char *lower, const char *upper, const char *merged)
{
	rig_sh("mkdir -p '%s/../work' '%s' && rm -rf '%s/../work/'* && mount -t overlay overlay -o "
	       "lowerdir='%s',upperdir='%s',"
	       "workdir='%s/../work' '%s'",
	       upper, merged, upper, lower, upper, upper, merged);
}

TEST(pack__writable_layer_with_deletions)
{
	struct cm_err err = { 0 };
	struct rig_pack o = { 0 };
	const char *lower = rig_dir("ov/lower"), *upper = rig_dir("ov/a/upper"), *merged = rig_dir("ov/a/merged"),
		   *upper2 = rig_dir("ov/b/upper"), *merged2 = rig_dir("ov/b/merged"), *file = rig_path("a.tar.gz");
	const struct rig_part part = { "rootfs", upper, "rootfs" };
	const struct cm_unpack_part back = { .prefix = "rootfs", .target = upper2, .merge = true };
	struct cm_verify_result v;
	struct cm_archive *a = NULL;
	cm_autojson struct json_object *deleted = NULL;
	int fd;

	rig_sh(
	    "cd '%s' && mkdir -p etc/conf.d usr/share/doc gone && echo image >etc/passwd && echo image >etc/conf.d/a &&"
	    "echo doc >usr/share/doc/readme && echo x >gone/file && echo y >etc/removed",
	    lower);
	overlay(lower, upper, merged);
	rig_sh("cd '%s' && echo changed >etc/passwd && rm etc/removed && rm -r gone && rm -r usr/share/doc &&"
	       "mkdir usr/share/doc && echo mine >usr/share/doc/mine && mkdir data && echo volume >data/x && echo new "
	       ">new &&"
	       "setfattr -n user.x -v 1 etc/passwd && ln new newer && rm etc/conf.d/a && mkdir etc/conf.d/a &&"
	       "touch -d '2012-12-12 12:12:12.12 UTC' etc && cd / && umount '%s'",
	       merged, merged);
	CHECK_INT(rig_pack(file, &part, 1, &o, &err), 0);
	CHECK_STR(rig_warnings, "");
	CHECK_INT(rig_verify(file, &v, &err), 0);
	CHECK_INT(rig_open(file, &fd, &a, &err), 0);
	CHECK_INT(cm_archive_member_json(a, "rootfs_deleted.json", &deleted, &err), 0);
	CHECK_INT(cm_json_len(cm_json_arr(deleted, "deleted")), 2);
	CHECK(cm_json_len(cm_json_arr(deleted, "opaque")) >= 1);
	cm_archive_free(a);
	close(fd);
	/* The new container's own layer is not quite empty. */
	rig_sh("mkdir '%s/etc' && echo old >'%s/etc/removed' && echo old >'%s/new'", upper2, upper2, upper2);
	CHECK_INT(rig_unpack(file, &back, 1, &err), 0);
	CHECK_STR(rig_warnings, "");
	overlay(lower, upper, merged);
	overlay(lower, upper2, merged2);
	bool same = rig_same(merged, merged2);
	rig_sh("umount '%s' '%s'", merged, merged2);
	CHECK(same);
	cm_archive_totals_release(&o.totals);
}

TEST(pack__leaves_out_what_it_must_and_says_so)
{
	struct cm_err err = { 0 };
	struct rig_pack o = { 0 };
	const char *src = rig_dir("src"), *dst = rig_dir("dst"), *file = rig_path("a.tar.gz");
	const struct rig_part part = { "volume", src, "volumes/data" };
	const struct cm_unpack_part back = { .prefix = "volumes/data", .target = dst };
	char cmd[1200];

	rig_sh("cd '%s' && mkdir mnt && mount -t tmpfs none mnt && echo hidden >mnt/file && echo kept >kept", src);
	rig_sh("cd '%s' && touch over && mount --bind kept over && python3 -c \"import socket as s; "
	       "s.socket(s.AF_UNIX).bind('sock')\"",
	       src);
	int rc = rig_pack(file, &part, 1, &o, &err);
	rig_sh("umount '%s'/mnt '%s'/over", src, src);
	CHECK_INT(rc, 0);
	CHECK(strstr(rig_warnings, "volumes/data/sock: sockets cannot be saved") != NULL);
	CHECK(strstr(rig_warnings, "volumes/data/mnt: something else is mounted here; its content") != NULL);
	CHECK(strstr(rig_warnings, "volumes/data/over: something else is mounted here") != NULL);
	CHECK_INT(o.totals.warnings, 3);
	CHECK_INT(cm_json_len(cm_json_arr(o.totals.manifest, "warnings")), 3);
	CHECK_INT(rig_unpack(file, &back, 1, &err), 0);
	snprintf(cmd, sizeof(cmd), "cd '%s' && find . | sort | tr '\\n' ' '", dst);
	CHECK_STR(output_of(cmd), ". ./kept ./mnt ");
	cm_archive_totals_release(&o.totals);
}

TEST(pack__what_is_in_excluded_folders_is_not_in_it)
{
	struct cm_err err = { 0 };
	struct cm_archive_options options = { .codec = CM_CODEC_GZIP };
	struct cm_archive_writer *w = NULL;
	struct cm_archive_totals totals;
	struct rig_helper h;
	struct cm_sink sink;
	const char *src = rig_dir("src"), *file = rig_path("a.tar.gz");
	const struct rig_part part = { "bind", src, "binds/1" };
	cm_autojson struct json_object *plan = rig_plan(&part, 1), *list = json_object_new_array();
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	char cmd[1200];

	rig_sh("cd '%s' && mkdir -p a/b c && echo 1 >a/b/x && echo 2 >a/y && echo 3 >c/z", src);
	cm_json_add_str(list, "a/b");
	cm_json_add_str(list, "c/z");
	cm_json_set(json_object_array_get_idx(cm_json_arr(plan, "parts"), 0), "exclude", cm_move(&list));
	cm_sink_fd(&sink, fd);
	CHECK_INT(cm_archive_writer_new(&options, &sink, &w, &err), 0);
	CHECK(rig_start(&h));
	CHECK_INT(cm_archive_writer_pack(w, plan, &h.peer, NULL, &err), 0);
	CHECK_INT(rig_wait(&h), 0);
	CHECK_INT(cm_archive_writer_finish(w, NULL, &totals, &err), 0);
	cm_archive_writer_free(w);
	close(fd);
	snprintf(cmd, sizeof(cmd), "tar tzf '%s' | grep ^binds | sort | tr '\\n' ' '", file);
	CHECK_STR(output_of(cmd), "binds/1/ binds/1/a/ binds/1/a/b/ binds/1/a/y binds/1/c/ ");
	cm_archive_totals_release(&totals);
}

TEST(pack__sparse_file_of_nine_gigabytes)
{
	struct cm_err err = { 0 };
	struct rig_pack o = { 0 };
	struct cm_verify_result v;
	const char *src = rig_dir("src"), *dst = rig_dir("dst"), *file = rig_path("a.tar.gz");
	const struct rig_part part = { "volume", src, "volumes/data" };
	const struct cm_unpack_part back = { .prefix = "volumes/data", .target = dst };
	struct stat s;

	rig_sh("cd '%s' && truncate -s 9G disk && echo begin | dd of=disk conv=notrunc status=none && "
	       "echo end | dd of=disk bs=1M seek=9000 conv=notrunc status=none",
	       src);
	CHECK_INT(rig_pack(file, &part, 1, &o, &err), 0);
	CHECK_INT(stat(file, &s), 0);
	CHECK(s.st_size < 100000);
	CHECK_INT(rig_verify(file, &v, &err), 0);
	CHECK_INT(v.bytes, 9ll << 30);
	CHECK_INT(rig_unpack(file, &back, 1, &err), 0);
	CHECK(rig_same(src, dst));
	cm_archive_totals_release(&o.totals);
}

TEST(pack__empty_folders_and_files)
{
	struct cm_err err = { 0 };
	struct rig_pack o = { 0 };
	struct cm_verify_result v;
	const char *src = rig_dir("src"), *one = rig_dir("one"), *dst = rig_dir("dst"), *dst1 = rig_dir("dst1"),
		   *file = rig_path("a.tar.gz"), *empty = rig_path("empty"), *back_to = rig_path("empty_back");
	const struct rig_part parts[] = { { "volume", src, "volumes/none" },
					  { "bind_file", empty, "binds/1" },
					  { "volume", one, "volumes/one" } };
	const struct cm_unpack_part back[] = { { .prefix = "volumes/none", .target = dst },
					       { .prefix = "binds/1", .target = back_to },
					       { .prefix = "volumes/one", .target = dst1 } };

	rig_sh("chmod 710 '%s'; touch '%s' '%s' '%s/zero'", src, empty, back_to, one);
	CHECK_INT(rig_pack(file, parts, 3, &o, &err), 0);
	CHECK_INT(rig_verify(file, &v, &err), 0);
	CHECK_INT(rig_unpack(file, back, 3, &err), 0);
	CHECK(rig_same(src, dst) && rig_same(one, dst1) && rig_same(empty, back_to));
	cm_archive_totals_release(&o.totals);
}

TEST(pack__every_level_of_compression)
{
	static const struct {
		enum cm_codec codec;
		int level;
	} cases[] = { { CM_CODEC_GZIP, 1 },
		      { CM_CODEC_GZIP, 2 },
		      { CM_CODEC_GZIP, 3 },
		      { CM_CODEC_ZSTD, 1 },
		      { CM_CODEC_ZSTD, 9 } };
	struct cm_err err = { 0 };
	struct cm_verify_result v;
	const char *file = rig_path("a.archive");
	const struct rig_part part = { "bind", "/usr/include", "binds/1" };

	for (size_t i = 0; i < CM_COUNT(cases); i++) {
		struct rig_pack o = { .codec = cases[i].codec, .level = cases[i].level };
		CHECK_INT(rig_pack(file, &part, 1, &o, &err), 0);
		CHECK_INT(rig_verify(file, &v, &err), 0);
		CHECK(o.totals.compressed < o.totals.bytes / 2);
		cm_archive_totals_release(&o.totals);
	}
	struct rig_pack wrong = { .level = 9 };
	CHECK_INT(rig_pack(file, &part, 1, &wrong, &err), CM_EINVAL);
}

TEST(pack__refuses_a_plan_it_does_not_understand)
{
	struct cm_err err = { 0 };
	struct rig_pack o = { 0 };
	const char *src = rig_dir("src"), *file = rig_path("a.tar.gz");
	const struct rig_part inside[] = { { "volume", src, "volumes/a" }, { "volume", src, "volumes/a/b" } };
	const struct rig_part reserved = { "volume", src, "manifest/x" },
			      missing = { "volume", "/no/such", "volumes/a" }, kind = { "disk", src, "volumes/a" };

	CHECK_INT(rig_pack(file, &reserved, 1, &o, &err), CM_EINVAL);
	CHECK_INT(rig_pack(file, &kind, 1, &o, &err), CM_EINVAL);
	CHECK_INT(rig_pack(file, &missing, 1, &o, &err), CM_ENOTFOUND);
	CHECK(strstr(err.text, "volumes/a") != NULL);
	CHECK(rig_pack(file, inside, 2, &o, &err) < 0);
}

TEST(pack__file_that_cannot_be_read_fails_with_its_name)
{
	struct cm_err err = { 0 };
	struct rig_pack o = { 0 };
	const char *src = rig_dir("src"), *file = rig_path("a.tar.gz"), *script = rig_path("helper.sh");
	const struct rig_part part = { "volume", src, "volumes/data" };
	char text[1024];

	/* The real helper, without the rights of root. */
	snprintf(text, sizeof(text), "#!/bin/sh\nexec setpriv --reuid 65534 --regid 65534 --clear-groups '%s' \"$@\"\n",
		 rig_helper_program());
	rig_write(script, text);
	rig_sh("chmod 755 '%s' '%s'; chmod 777 '%s'; cd '%s' && mkdir sub && echo secret >sub/key && chmod 600 sub/key",
	       script, rig_root, rig_root, src);
	cm_autofree char *real = cm_strdup(getenv("CM_HELPER"));
	setenv("CM_HELPER", script, 1);
	rig_sh("chmod 711 '%s'", rig_root);
	/* The socket's folder must be writable for the test only; connecting needs the socket itself to be. */
	umask(0);
	int rc = rig_pack(file, &part, 1, &o, &err);
	umask(022);
	if (real != NULL)
		setenv("CM_HELPER", real, 1);
	else
		unsetenv("CM_HELPER");
	CHECK_INT(rc, CM_EIO);
	CHECK(strstr(err.text, "volumes/data") != NULL && strstr(err.text, "sub/key") != NULL);
}
