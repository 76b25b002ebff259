/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/file.h"

#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static char dir[64];

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/cm-test-file-XXXXXX");
	if (mkdtemp(dir) == NULL)
		abort();
}

TEST(file_write__replaces_whole_and_keeps_the_mode)
{
	setup();
	char path[100];
	struct cm_err err;
	struct stat st;
	struct cm_buf b = CM_BUF_INIT(100);
	snprintf(path, sizeof(path), "%s/x", dir);
	CHECK_INT(cm_file_write(path, "old", 3, 0600, &err), 0);
	CHECK_INT(cm_file_write(path, "newer", 5, 0600, &err), 0);
	CHECK_INT(cm_file_read(path, &b, &err), 0);
	CHECK_STR(b.data, "newer");
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	cm_buf_release(&b);
	unlink(path);
	rmdir(dir);
}

TEST(file_read__respects_the_ceiling)
{
	setup();
	char path[100];
	struct cm_err err;
	struct cm_buf b = CM_BUF_INIT(4);
	snprintf(path, sizeof(path), "%s/x", dir);
	CHECK_INT(cm_file_write(path, "12345", 5, 0600, &err), 0);
	CHECK_INT(cm_file_read(path, &b, &err), CM_ETOOBIG);
	CHECK_INT(cm_file_write(path, "1234", 4, 0600, &err), 0);
	cm_buf_reset(&b);
	CHECK_INT(cm_file_read(path, &b, &err), 0);
	CHECK_STR(b.data, "1234");
	unlink(path);
	CHECK_INT(cm_file_read(path, &b, &err), CM_ENOTFOUND);
	cm_buf_release(&b);
	rmdir(dir);
}

TEST(dir_make__makes_parents)
{
	setup();
	char path[100];
	struct stat st;
	snprintf(path, sizeof(path), "%s/a/b/c", dir);
	CHECK_INT(cm_dir_make(path, 0700, NULL), 0);
	CHECK_INT(cm_dir_make(path, 0700, NULL), 0);
	CHECK(stat(path, &st) == 0 && S_ISDIR(st.st_mode));
	for (int i = 0; i < 4; i++) {
		rmdir(path);
		*strrchr(path, '/') = '\0';
	}
}
