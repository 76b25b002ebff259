/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking into an archive: lists, finds, reads single files, gives parts as plain tars. */
#include "archive_rig.h"
#include "test.h"

static struct cm_archive *archive;
static int archive_fd;

/* One archive for all tests: so many files that the manifest has several segments. */
static bool opened(void)
{
	struct cm_err err = { 0 };
	struct rig_pack o = { .image = "image", .image_len = 5 };

	if (archive != NULL)
		return true;
	rig_mem();
	const char *src = rig_dir("mem/src"), *two = rig_dir("two"), *file = rig_path("a.tar.gz");
	const struct rig_part parts[] = { { "volume", src, "volumes/data" }, { "bind", two, "binds/1" } };
	rig_sh(
	    "cd '%s' && mkdir -p etc/conf.d many empty && echo root >etc/passwd && echo conf >etc/conf.d/a.conf && "
	    "ln etc/passwd etc/passwd2 && ln -s passwd etc/link && mkfifo pipe && truncate -s 3M hole && printf mid | "
	    "dd of=hole bs=1 seek=1000000 conv=notrunc status=none && mkdir \"quo\\\"te\" && echo q "
	    ">\"quo\\\"te/\\\\back\" && "
	    "mkdir $'bad\\xff' && echo b >$'bad\\xff/in\\nside' && dd if=/dev/urandom of=big bs=1M count=9 status=none "
	    "&& "
	    "python3 -c \"\nfor d in range(4):\n import os\n os.mkdir('many/d%%d' %% d)\n for i in range(4000):\n"
	    "  open('many/d%%d/file-%%d' %% (d, i), 'w').write('content %%d' %% i)\n\"",
	    src);
	rig_sh("cd '%s' && echo two >only", two);
	if (rig_pack(file, parts, 2, &o, &err) != 0 || rig_open(file, &archive_fd, &archive, &err) != 0) {
		printf("# %s\n", err.text);
		return false;
	}
	cm_archive_totals_release(&o.totals);
	return cm_json_len(cm_json_arr(cm_archive_manifest(archive), "segments")) > 3;
}

static int name_of(void *ctx, const struct cm_archive_item *item)
{
	struct cm_buf *b = ctx;

	cm_buf_char(b, item->type);
	cm_buf_char(b, ' ');
	cm_buf_add(b, item->path, item->path_len);
	cm_buf_char(b, '\n');
	return 0;
}

static int by_line(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The listing of a folder, sorted, as one text. */
static const char *list(const char *path)
{
	static struct cm_buf out = CM_BUF_INIT(1 << 20);
	cm_autobuf struct cm_buf b = CM_BUF_INIT(1 << 20);
	struct cm_err err = { 0 };
	char *lines[8192];
	size_t n = 0;

	cm_buf_reset(&out);
	int rc = cm_archive_list(archive, path, strlen(path), name_of, &b, &err);
	if (rc < 0) {
		cm_buf_str(&out, cm_err_word(rc));
		return out.data;
	}
	for (char *s = strtok(b.data, "\n"); s != NULL && n < 8192; s = strtok(NULL, "\n"))
		lines[n++] = s;
	qsort(lines, n, sizeof(*lines), by_line);
	for (size_t i = 0; i < n; i++)
		cm_buf_printf(&out, "%s\n", lines[i]);
	return out.data;
}

TEST(list__every_level)
{
	CHECK(opened());
	CHECK_STR(list(""), "d binds\nd volumes\nf backup.json\nf container_config.json\nf image.tar\n");
	CHECK_STR(list("volumes"), "d volumes/data\n");
	CHECK_STR(list("binds"), "d binds/1\n");
	CHECK_STR(list("binds/1"), "f binds/1/only\n");
	/* Which name of a hard link comes first is the file system's choice. */
	CHECK(strstr(list("volumes/data/etc"), "d volumes/data/etc/conf.d\n") != NULL);
	CHECK(strstr(list("volumes/data/etc"), " volumes/data/etc/passwd\n") != NULL);
	CHECK(strstr(list("volumes/data/etc"), " volumes/data/etc/passwd2\n") != NULL);
	CHECK(strstr(list("volumes/data/etc"), "l volumes/data/etc/link\n") != NULL);
	CHECK_INT(strlen(list("volumes/data/etc")), 103);
	CHECK_STR(list("volumes/data/etc/conf.d"), "f volumes/data/etc/conf.d/a.conf\n");
	CHECK_STR(list("volumes/data/empty"), "");
	CHECK_STR(list("volumes/data/many"), "d volumes/data/many/d0\nd volumes/data/many/d1\nd volumes/data/many/d2\n"
					     "d volumes/data/many/d3\n");
	CHECK_STR(list("volumes/data/quo\"te"), "f volumes/data/quo\"te/\\back\n");
	CHECK(strstr(list("volumes/data"), "d volumes/data/bad\xff\n") != NULL);
}

static int count(void *ctx, const struct cm_archive_item *item)
{
	(void)item;
	return (*(int *)ctx)++, 0;
}

TEST(list__large_folders_are_complete)
{
	struct cm_err err = { 0 };

	CHECK(opened());
	for (int d = 0; d < 4; d++) {
		char path[64];
		int n = 0;
		snprintf(path, sizeof(path), "volumes/data/many/d%d", d);
		CHECK_INT(cm_archive_list(archive, path, strlen(path), count, &n, &err), 0);
		CHECK_INT(n, 4000);
	}
}

TEST(list__what_is_no_folder_is_not_found)
{
	CHECK(opened());
	CHECK_STR(list("nothing"), "NOT_FOUND");
	CHECK_STR(list("volumes/other"), "NOT_FOUND");
	CHECK_STR(list("volumes/data/none"), "NOT_FOUND");
	CHECK_STR(list("volumes/data/etc/passwd"), "NOT_FOUND");
	CHECK_STR(list("volumes/data/../data"), "NOT_FOUND");
	CHECK_STR(list("/volumes"), "NOT_FOUND");
	CHECK_STR(list("backup.json"), "NOT_FOUND");
}

static int append(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	(void)err;
	cm_buf_add(ctx, data, len);
	return 0;
}

static const char *content(const char *path, size_t len)
{
	static struct cm_buf b = CM_BUF_INIT(16 << 20);
	struct cm_archive_item *it = NULL;
	struct cm_err err = { 0 };

	cm_buf_reset(&b);
	int rc = cm_archive_stat(archive, path, len, &it, &err);
	if (rc == 0)
		rc = cm_archive_extract(archive, it, append, &b, &err);
	if (rc == 0 && it->type == 'f' && b.len != it->size)
		rc = CM_EINTERNAL;
	cm_archive_item_free(it);
	return rc < 0 ? cm_err_word(rc) : b.data;
}

TEST(extract__single_files)
{
	CHECK(opened());
	CHECK_STR(content("volumes/data/etc/passwd", 23), "root\n");
	CHECK_STR(content("volumes/data/etc/passwd2", 24), "root\n");
	CHECK_STR(content("volumes/data/many/d3/file-3999", 30), "content 3999");
	CHECK_STR(content("volumes/data/many/d0/file-0", 27), "content 0");
	CHECK_STR(content("volumes/data/bad\xff/in\nside", 25), "b\n");
	CHECK_STR(content("volumes/data/quo\"te/\\back", 25), "q\n");
	CHECK_STR(content("backup.json", 11), "{\"id\":\"x\"}");
	CHECK_STR(content("image.tar", 9), "image");
	CHECK_STR(content("volumes/data/etc/link", 21), "IMPOSSIBLE");
	CHECK_STR(content("volumes/data/etc", 16), "IMPOSSIBLE");
	CHECK_STR(content("volumes", 7), "IMPOSSIBLE");
	CHECK_STR(content("volumes/data/etc/none", 21), "NOT_FOUND");
	CHECK_STR(content("", 0), "IMPOSSIBLE");
	const char *hole = content("volumes/data/hole", 17);
	CHECK(hole[0] == 0 && memcmp(hole + 1000000, "mid", 4) == 0);
}

TEST(extract__large_file_by_range)
{
	char cmd[1024];
	const char *big;

	CHECK(opened());
	big = content("volumes/data/big", 16);
	FILE *f = fopen(rig_path("big"), "w");
	CHECK(f != NULL && fwrite(big, 1, 9 << 20, f) == 9 << 20);
	fclose(f);
	snprintf(cmd, sizeof(cmd), "cmp '%s' '%s/mem/src/big'", rig_path("big"), rig_root);
	CHECK_INT(rig_sh("%s", cmd), 0);
}

TEST(stat__has_every_field)
{
	struct cm_archive_item *it = NULL;
	struct cm_err err = { 0 };
	struct stat s;
	char path[300];

	CHECK(opened());
	snprintf(path, sizeof(path), "%s/mem/src/etc/passwd", rig_root);
	CHECK_INT(stat(path, &s), 0);
	CHECK_INT(cm_archive_stat(archive, "volumes/data/etc/passwd", 23, &it, &err), 0);
	CHECK(it->type == 'f' || it->type == 'h');
	CHECK_INT(it->mode, s.st_mode & 07777);
	CHECK_INT(it->uid, s.st_uid);
	CHECK_INT(it->mtime_s, s.st_mtim.tv_sec);
	CHECK_INT(it->mtime_ns, s.st_mtim.tv_nsec);
	cm_archive_item_free(it);
	CHECK_INT(cm_archive_stat(archive, "volumes/data/etc/link", 21, &it, &err), 0);
	CHECK_STR(it->link, "passwd");
	cm_archive_item_free(it);
	CHECK_INT(cm_archive_stat(archive, "volumes", 7, &it, &err), 0);
	CHECK(it->type == 'd' && it->synthetic);
	cm_archive_item_free(it);
	CHECK_INT(cm_archive_stat(archive, "volumes/data", 12, &it, &err), 0);
	CHECK(it->type == 'd' && !it->synthetic);
	cm_archive_item_free(it);
}

TEST(part_tar__is_a_plain_tar_of_the_part)
{
	struct cm_err err = { 0 };
	cm_autobuf struct cm_buf b = CM_BUF_INIT(256 << 20);
	const char *dst = rig_dir("mem/dst");
	char src[300];

	CHECK(opened());
	CHECK_INT(cm_archive_part_tar(archive, "volumes/data", append, &b, &err), 0);
	CHECK_INT(cm_archive_part_tar(archive, "volumes/none", append, &b, &err), CM_ENOTFOUND);
	FILE *f = fopen(rig_path("part.tar"), "w");
	CHECK(f != NULL && fwrite(b.data, 1, b.len, f) == b.len);
	fclose(f);
	CHECK_INT(rig_sh("tar xf '%s' -C '%s' --numeric-owner -p", rig_path("part.tar"), dst), 0);
	snprintf(src, sizeof(src), "%s/mem/src", rig_root);
	CHECK(rig_same(src, dst));
}

TEST(member__bytes_and_json)
{
	struct cm_err err = { 0 };
	cm_autojson struct json_object *o = NULL;
	cm_autobuf struct cm_buf small = CM_BUF_INIT(4);

	CHECK(opened());
	CHECK_INT(cm_archive_member_json(archive, "container_config.json", &o, &err), 0);
	CHECK_STR(cm_json_str(o, "Name", ""), "/web");
	CHECK_INT(cm_archive_member(archive, "backup.json", &small, &err), CM_ETOOBIG);
	CHECK_INT(cm_archive_member(archive, "networks.json", &small, &err), CM_ENOTFOUND);
	CHECK_STR(cm_json_str_at(cm_archive_manifest(archive), "backup.container", ""), "web");
	CHECK_INT(cm_archive_kind(archive), CM_ARCHIVE_OURS);
}
