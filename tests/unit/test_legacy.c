/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Backups of the predecessor, made here the way it makes them, and tars by anybody given to the helper. */
#include "archive/legacy.h"
#include "archive_rig.h"
#include "test.h"

/* What it writes: members "./…", nested tar.gz files. Returns the archive. */
static const char *make(void)
{
	const char *dir = rig_dir("old"), *vol = rig_dir("vol"), *bind = rig_dir("conf");

	rig_sh(
	    "cd '%s' && mkdir sub && echo hello >sub/file && ln sub/file again && ln -s sub/file link && mkfifo pipe "
	    "&& "
	    "chown 1000:1001 sub/file && chmod 4711 sub/file && touch -d '2001-02-03 04:05:06 UTC' sub/file sub . && "
	    "printf b >$'bad\\xffname' && truncate -s 3M hole",
	    vol);
	rig_sh("cd '%s' && echo conf >app.conf && mkdir d && echo x >d/y && touch -d '2001-02-03 04:05:06 UTC' d .",
	       bind);
	rig_sh(
	    "cd '%s' && mkdir volumes && "
	    "echo '{\"container_name\":\"web\",\"container_id\":\"abc\",\"status\":\"running\"}' >backup_metadata.json "
	    "&& "
	    "echo '{\"server_name\":\"host\",\"is_scheduled\":false}' >companion.json && "
	    "echo '{\"Id\":\"abc\",\"Name\":\"/web\",\"Config\":{\"Image\":\"busybox\"}}' >container_config.json && "
	    "echo 'docker run -d busybox' >docker_run_command.txt && "
	    "head -c 300000 /dev/urandom >image.tar && "
	    "echo '[{\"name\":\"data\",\"destination\":\"/data\",\"driver\":\"local\",\"type\":\"volume\"},"
	    "{\"type\":\"bind\",\"source\":\"/srv/conf\",\"destination\":\"/cfg\"},"
	    "{\"name\":\"broken\",\"destination\":\"/b\",\"driver\":\"local\",\"type\":\"volume\"},"
	    "{\"name\":\"none\",\"destination\":\"/n\",\"driver\":\"nfs\",\"type\":\"volume\"}]' >volumes_info.json && "
	    "tar czf volumes/data_data.tar.gz --format=gnu -C '%s' . && "
	    "tar czf volumes/bind_conf_data.tar.gz -C '%s/..' conf && "
	    "echo '{\"name\":\"data\",\"destination\":\"/data\",\"driver\":\"local\",\"options\":{}}' "
	    ">volumes/data_metadata.json && "
	    "printf '# Volume data backup failed: no such volume' >volumes/broken_data.tar.gz && "
	    "tar cf - --format=pax --owner=0 --group=0 . | gzip -9 >../old.tar.gz",
	    dir, vol, bind);
	return rig_path("old.tar.gz");
}

static int open_legacy(const char *file, int *ret_fd, struct cm_legacy **ret, struct cm_err *err)
{
	struct cm_source s;

	*ret_fd = open(file, O_RDONLY | O_CLOEXEC);
	int rc = cm_source_fd(&s, *ret_fd, err);
	return rc < 0 ? rc : cm_legacy_open(&s, ret, err);
}

static struct json_object *part(struct cm_legacy *l, size_t i)
{
	return json_object_array_get_idx(cm_json_arr(cm_legacy_info(l), "parts"), i);
}

TEST(legacy__names_what_it_holds_and_what_it_does_not)
{
	struct cm_err err = { 0 };
	struct cm_legacy *l = NULL;
	struct cm_archive *a = NULL;
	struct cm_verify_result v;
	const char *file = make();
	int fd, fd2;

	CHECK_INT(open_legacy(file, &fd, &l, &err), 0);
	struct json_object *info = cm_legacy_info(l);
	CHECK_STR(cm_json_str_at(info, "metadata.container_name", ""), "web");
	CHECK_STR(cm_json_str_at(info, "companion.server_name", ""), "host");
	CHECK_STR(cm_json_str_at(info, "config.Name", ""), "/web");
	CHECK_STR(cm_json_str(info, "run_command", ""), "docker run -d busybox\n");
	CHECK_STR(cm_json_str_at(info, "image.state", ""), "present");
	CHECK_INT(cm_json_len(cm_json_arr(info, "parts")), 4);
	CHECK_STR(cm_json_str(part(l, 0), "state", ""), "present");
	CHECK_STR(cm_json_str(part(l, 0), "member", ""), "volumes/data_data.tar.gz");
	CHECK_STR(cm_json_str(part(l, 1), "member", ""), "volumes/bind_conf_data.tar.gz");
	CHECK_INT(cm_json_int(part(l, 1), "strip", -1), 1);
	CHECK_STR(cm_json_str(part(l, 2), "state", ""), "failed");
	CHECK_STR(cm_json_str(part(l, 2), "error", ""), "no such volume");
	CHECK_STR(cm_json_str(part(l, 3), "state", ""), "missing");
	CHECK_STR(cm_json_str(part(l, 3), "driver", ""), "nfs");
	CHECK_INT(cm_json_len(cm_json_arr(info, "missing")), 2);
	CHECK_INT(rig_open(file, &fd2, &a, &err), 0);
	CHECK_INT(cm_archive_kind(a), CM_ARCHIVE_FOREIGN);
	CHECK_INT(rig_verify(file, &v, &err), 0);
	CHECK(!v.ours && strlen(v.sha256) == 64);
	cm_archive_free(a);
	cm_legacy_free(l);
	close(fd);
	close(fd2);
}

TEST(legacy__failed_image_is_recognised)
{
	struct cm_err err = { 0 };
	struct cm_legacy *l = NULL;
	int fd;

	make();
	rig_sh("cd '%s/old' && printf \"# Image export failed for 'x': timeout\" >image.tar && tar cf - . | gzip "
	       ">../old.tar.gz",
	       rig_root);
	CHECK_INT(open_legacy(rig_path("old.tar.gz"), &fd, &l, &err), 0);
	CHECK_STR(cm_json_str_at(cm_legacy_info(l), "image.state", ""), "failed");
	CHECK(strstr(cm_json_str_at(cm_legacy_info(l), "image.error", ""), "timeout") != NULL);
	cm_legacy_free(l);
	close(fd);
}

static int unpack(const char *member, unsigned strip, const char *target, struct cm_err *err)
{
	struct cm_legacy *l = NULL;
	struct rig_helper h;
	int fd, rc = open_legacy(rig_path("old.tar.gz"), &fd, &l, err);

	rig_warnings[0] = '\0';
	if (rc == 0 && rig_start(&h)) {
		rc = cm_legacy_unpack(l, member, strip, target, false, false, &h.peer, &rig_watch, NULL, err);
		if (rc == 0)
			rc = rig_wait(&h);
		else
			rig_hang_up(&h);
	}
	cm_legacy_free(l);
	close(fd);
	return rc;
}

TEST(legacy__volumes_and_binds_come_back)
{
	struct cm_err err = { 0 };
	const char *dst, *bind;

	make();
	dst = rig_dir("dst");
	bind = rig_dir("bind");
	CHECK_INT(unpack("volumes/data_data.tar.gz", 0, dst, &err), 0);
	CHECK_STR(rig_warnings, "");
	/* It kept whole seconds and no holes. */
	rig_sh("cd '%s' && cp --sparse=never --preserve=all hole hole2 && mv hole2 hole && "
	       "find . -newermt 2005-01-01 -print0 | xargs -0 touch -hd '2020-01-01 UTC' && touch -d '2001-02-03 "
	       "04:05:06 UTC' .; "
	       "cd '%s' && cp --sparse=never --preserve=all hole hole2 && mv hole2 hole && "
	       "find . -newermt 2005-01-01 -print0 | xargs -0 touch -hd '2020-01-01 UTC'; touch -d '2001-02-03 "
	       "04:05:06 UTC' .",
	       rig_path("vol"), dst);
	CHECK(rig_same(rig_path("vol"), dst));
	CHECK_INT(unpack("volumes/bind_conf_data.tar.gz", 1, bind, &err), 0);
	CHECK_INT(rig_sh("cd '%s' && cmp app.conf ../conf/app.conf && test -f d/y && "
			 "test \"$(stat -c %%Y .)\" = \"$(stat -c %%Y ../conf)\"",
			 bind),
		  0);
	CHECK_INT(unpack("volumes/broken_data.tar.gz", 0, rig_dir("x"), &err), CM_EUNSUPPORTED);
	CHECK_INT(unpack("volumes/none_data.tar.gz", 0, rig_dir("x"), &err), CM_ENOTFOUND);
}

TEST(legacy__damage_is_found)
{
	struct cm_err err = { 0 };
	struct cm_legacy *l = NULL;
	struct cm_verify_result v;
	int fd;

	make();
	rig_sh("cd '%s' && head -c 200000 old.tar.gz >cut.tar.gz && cp old.tar.gz flip.tar.gz && "
	       "printf 01234567 | dd of=flip.tar.gz bs=1 seek=150000 conv=notrunc status=none",
	       rig_root);
	CHECK_INT(rig_verify(rig_path("cut.tar.gz"), &v, &err), CM_ECORRUPT);
	CHECK_INT(open_legacy(rig_path("cut.tar.gz"), &fd, &l, &err), CM_ECORRUPT);
	close(fd);
	/* In random bytes: only the checksum can tell. */
	CHECK_INT(rig_verify(rig_path("flip.tar.gz"), &v, &err), CM_ECORRUPT);
	CHECK_INT(open_legacy(rig_path("flip.tar.gz"), &fd, &l, &err), CM_ECORRUPT);
	close(fd);
	/* Damage inside a nested archive, whose outer one is right. */
	rig_sh(
	    "cd '%s/old' && printf XYZXYZXYZ | dd of=volumes/data_data.tar.gz bs=1 seek=60 conv=notrunc status=none && "
	    "tar cf - . | gzip >../nested.tar.gz",
	    rig_root);
	CHECK_INT(rig_verify(rig_path("nested.tar.gz"), &v, &err), CM_ECORRUPT);
	CHECK(strstr(v.bad[0], "volumes/data_data.tar.gz") != NULL);
}

TEST(legacy__other_archives_are_refused)
{
	struct cm_err err = { 0 };
	struct cm_legacy *l = NULL;
	int fd;

	rig_sh("cd '%s' && echo x >some && tar czf some.tar.gz some && head -c 5000 /dev/urandom >noise",
	       rig_dir("other"));
	CHECK_INT(open_legacy(rig_path("other/some.tar.gz"), &fd, &l, &err), CM_EUNSUPPORTED);
	CHECK(strstr(err.text, "container_config.json") != NULL);
	close(fd);
	CHECK_INT(open_legacy(rig_path("other/noise"), &fd, &l, &err), CM_EUNSUPPORTED);
	close(fd);
}

TEST(legacy__lists_and_reads_single_files)
{
	struct cm_err err = { 0 };
	struct cm_archive *a = NULL;
	struct cm_archive_item *it = NULL;
	cm_autojson struct json_object *o = NULL;
	uint64_t size;
	int fd;

	make();
	CHECK_INT(rig_open(rig_path("old.tar.gz"), &fd, &a, &err), 0);
	CHECK_INT(cm_archive_member_json(a, "container_config.json", &o, &err), 0);
	CHECK_STR(cm_json_str(o, "Id", ""), "abc");
	CHECK_INT(cm_archive_member_size(a, "image.tar", &size, &err), 0);
	CHECK_INT(size, 300000);
	CHECK_INT(cm_archive_stat(a, "volumes/data_metadata.json", 26, &it, &err), 0);
	CHECK(it->type == 'f' && it->size > 10);
	cm_archive_item_free(it);
	CHECK_INT(cm_archive_stat(a, "volumes/x", 9, &it, &err), CM_ENOTFOUND);
	cm_archive_free(a);
	close(fd);
}

/* A tar by anybody, straight to the helper. */
static int give_tar(const char *file, const char *target, struct cm_err *err)
{
	cm_autojson struct json_object *plan = json_object_new_object();
	cm_autobuf struct cm_buf b = CM_BUF_INIT(16 << 20);
	struct rig_helper h;
	struct cm_frame f = { 0 };

	cm_json_set_int(plan, "v", CM_PROTO_VERSION);
	cm_json_set_str(plan, "op", "unpack_tar");
	cm_json_set_str(plan, "target", target);
	cm_json_set_bool(plan, "sync", false);
	if (cm_file_read(file, &b, err) != 0 || !rig_start(&h) ||
	    cm_peer_send_json(&h.peer, CM_FRAME_PLAN, plan, err) != 0)
		return CM_EINTERNAL;
	if (cm_peer_send(&h.peer, CM_FRAME_DATA, b.data, b.len, err) != 0)
		return CM_EINTERNAL;
	cm_peer_send(&h.peer, CM_FRAME_EOF, NULL, 0, NULL);
	int rc;
	do {
		struct json_object *o = NULL;
		rc = cm_peer_next(&h.peer, 60000, &f, err);
		if (rc == 0 && cm_peer_json(&h.peer, &f, &o, err) == 0 && f.type == CM_FRAME_ERROR)
			rc = cm_peer_error(o, err);
		json_object_put(o);
	} while (rc == 0 && f.type != CM_FRAME_END);
	rig_hang_up(&h);
	return rc;
}

TEST(unpack_tar__hostile_tars_stay_inside)
{
	static const char *const make_tar[] = {
		/* Names with "..", absolute names. */
		"tar cPf evil.tar ../../outside/file",
		"tar cPf evil.tar \"$PWD/../outside/file\"; test -f evil.tar",
		/* A link, then something through it. */
		"ln -s \"$PWD/../outside\" out && tar cf evil.tar out && rm out && mkdir out && echo evil >out/new && "
		"tar rf evil.tar out/new",
		"ln -s \"$PWD/../outside/file\" out && tar cf evil.tar out && rm out && echo evil >out && tar rf "
		"evil.tar out",
		/* A hard link to a file outside. */
		"mkdir -p x && echo a >x/a && ln x/a x/b && tar cPf evil.tar --transform 's,x/a,../outside/file,' x/a "
		"x/b",
	};
	struct cm_err err = { 0 };

	for (size_t i = 0; i < CM_COUNT(make_tar); i++) {
		const char *work = rig_dir("evil"), *outside = rig_dir("outside"), *target = rig_dir("target");
		rig_sh("mkdir -p '%s/../outside' && echo precious >'%s/file'", work, outside);
		rig_sh("cd '%s' && { %s; } 2>/dev/null", work, make_tar[i]);
		give_tar(rig_path("evil/evil.tar"), target, &err);
		CHECK_INT(rig_sh("cd '%s' && test \"$(ls)\" = file && test \"$(cat file)\" = precious && "
				 "test \"$(stat -c %%h file)\" = 1",
				 outside),
			  0);
	}
}

TEST(unpack_tar__any_order_of_entries)
{
	struct cm_err err = { 0 };
	const char *work = rig_dir("work"), *target = rig_dir("target");

	/* Content before its folder, a folder that comes twice, a file that comes twice. */
	rig_sh("cd '%s' && mkdir -p a/b c && echo 1 >a/b/x && echo 2 >c/y && chmod 711 a && "
	       "touch -d '2001-02-03 04:05:06 UTC' a/b a c && tar cf t.tar --no-recursion a/b/x c/y a c a/b && echo 3 "
	       ">c/y && "
	       "touch -d '2001-02-03 04:05:06 UTC' c && tar rf t.tar --no-recursion c/y",
	       work);
	CHECK_INT(give_tar(rig_path("work/t.tar"), target, &err), 0);
	CHECK_INT(rig_sh("cd '%s' && test \"$(cat a/b/x c/y)\" = $'1\\n3' && test \"$(stat -c %%a a)\" = 711 && "
			 "test \"$(stat -c %%Y a a/b c | sort -u)\" = 981173106",
			 target),
		  0);
}

TEST(unpack_tar__a_bomb_does_not_fill_the_disk)
{
	struct cm_err err = { 0 };
	const char *work = rig_dir("work"), *disk = rig_dir("mem");

	/* A file of 1.2 GB that is hardly anything compressed, onto a disk of 1030 MB. */
	CHECK_INT(rig_sh("cd '%s' && truncate -s 1200M z && { tar cf - z | head -c 512; head -c 1300M /dev/zero; } | "
			 "zstd -q >bomb && mount -t tmpfs -o size=1030m none '%s'",
			 work, disk),
		  0);
	CHECK_INT(give_tar(rig_path("work/bomb"), disk, &err), CM_ENOSPACE);
	CHECK(strstr(err.text, "no space left") != NULL);
	/* Others can still write. */
	CHECK_INT(rig_sh("head -c 8M /dev/zero >'%s/other'", disk), 0);
	rig_sh("umount '%s'", disk);
}

TEST(legacy__what_strangers_pile_up_takes_no_memory)
{
	static const char *const make_tar[] = {
		/* Texts in the place of nested archives, what is told about volumes, two configurations. */
		"head -c 4000 /dev/zero | tr '\\0' x >t; mkdir volumes; "
		"for i in {1..3000}; do ln t volumes/$i\"_data.tar.gz\"; done; tar cf - --hard-dereference volumes",
		"mkdir volumes; { printf '['; head -c 60000 /dev/zero | sed 's/\\x0/{},/g' | head -c 60000; printf "
		"'0]'; } >t; "
		"for i in {1..200}; do ln t volumes/$i\"_metadata.json\"; done; tar cf - --hard-dereference volumes",
		"echo '{}' >container_config.json; tar cf t.tar container_config.json; "
		"tar rf t.tar container_config.json; cat t.tar",
	};
	static const char *const say[] = { "more volumes", "more volumes", "twice" };
	struct cm_err err = { 0 };

	for (size_t i = 0; i < CM_COUNT(make_tar); i++) {
		struct cm_legacy *l = NULL;
		struct cm_source s;
		const char *work = rig_dir("work"), *file = rig_path("piled.tar.gz");
		rig_sh("cd '%s' && { %s; } | gzip -1 >'%s'", work, make_tar[i], file);
		int fd = open(file, O_RDONLY | O_CLOEXEC);
		CHECK_INT(cm_source_fd(&s, fd, &err), 0);
		CHECK(cm_legacy_open(&s, &l, &err) < 0);
		CHECK(strstr(err.text, say[i]) != NULL);
		close(fd);
	}
}
