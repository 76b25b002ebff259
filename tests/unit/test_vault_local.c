/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vault_suite.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static struct cm_vault *open_one(void)
{
	struct cm_vault *v = NULL;

	strcpy(folder, "/tmp/cm-vault-XXXXXX");
	if (mkdtemp(folder) == NULL || cm_vault_local_open(folder, &v, NULL) < 0)
		return NULL;
	return v;
}

/* How many files there are, hidden ones too; removes them when asked. */
static int files(bool remove_them)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	int n = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		n++;
		if (remove_them)
			unlinkat(dirfd(d), e->d_name, 0);
	}
	closedir(d);
	return n;
}

static void close_one(struct cm_vault *v)
{
	cm_vault_free(v);
	files(true);
	rmdir(folder);
}

static void put_file(const char *name, const char *text)
{
	char path[400];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

VAULT_SUITE(local, open_one, close_one)

TEST(local__old_archives_without_companion_are_listed)
{
	struct cm_vault *v = open_one();
	struct vs_seen seen;

	put_file("origweb_20261122_184500.tar.gz", "x");
	put_file("notes.txt", "x");
	put_file(".hidden.tar.gz", "x");
	seen = vs_list(v);
	CHECK_INT(seen.count, 1);
	CHECK_STR(seen.name, "origweb_20261122_184500.tar.gz");
	CHECK(!seen.has_companion);
	close_one(v);
}

TEST(local__companion_of_a_container_called_network_is_no_network_file)
{
	struct cm_vault *v = open_one();

	CHECK_INT(vs_put(v, "network_x_20261122_184500.tar.gz", "1", "{}"), 0);
	CHECK_INT(vs_list(v).count, 1);
	close_one(v);
}

TEST(local__links_and_folders_are_not_listed)
{
	struct cm_vault *v = open_one();
	char path[200];
	struct cm_vault_file *f;

	snprintf(path, sizeof(path), "%s/link.tar.gz", folder);
	CHECK_INT(symlink("/etc/passwd", path), 0);
	CHECK_INT(vs_list(v).count, 0);
	CHECK_INT(v->ops->open(v, "link.tar.gz", &f, NULL), CM_ENOTFOUND);
	close_one(v);
}

TEST(local__commit_leaves_two_files)
{
	struct cm_vault *v = open_one();

	CHECK_INT(vs_put(v, VS_NAME, "1", "{}"), 0);
	CHECK_INT(files(false), 2);
	CHECK_INT(v->ops->remove(v, VS_NAME, NULL), 0);
	CHECK_INT(files(false), 0);
	close_one(v);
}

TEST(local__commit_onto_a_name_taken_meanwhile_fails_and_keeps_the_other)
{
	struct cm_vault *v = open_one();
	struct cm_vault_writer *w;
	struct cm_vault_file *f;
	char back[5];

	CHECK_INT(v->ops->create(v, VS_NAME, &w, NULL), 0);
	CHECK_INT(v->ops->write(w, "mine", 4, NULL), 0);
	put_file(VS_NAME, "other");
	CHECK_INT(v->ops->commit(w, "{}", 2, NULL), CM_EEXIST);
	CHECK_INT(files(false), 1);
	CHECK_INT(v->ops->open(v, VS_NAME, &f, NULL), 0);
	CHECK_INT(v->ops->pread(f, back, 5, 0, NULL), 0);
	CHECK(memcmp(back, "other", 5) == 0);
	v->ops->close(f);
	close_one(v);
}

TEST(local__sweep_finishes_a_commit_that_was_cut)
{
	struct cm_vault *v = open_one();
	struct vs_seen seen;
	int removed = -1;

	put_file(VS_NAME, "whole");
	put_file("." VS_NAME ".json.partial", "{\"server_name\":\"a\"}");
	put_file(".other.tar.gz.partial", "half");
	put_file(".other.tar.gz.json.partial", "{}");
	put_file(".third.tar.gz.json.new", "{");
	CHECK_INT(v->ops->sweep(v, &removed, NULL), 0);
	CHECK_INT(removed, 3);
	seen = vs_list(v);
	CHECK_INT(seen.count, 1);
	CHECK(seen.has_companion);
	CHECK_INT(files(false), 2);
	close_one(v);
}

TEST(local__file_can_be_sent_by_descriptor)
{
	struct cm_vault *v = open_one();
	struct cm_vault_file *f;
	char c = 0;

	CHECK_INT(vs_put(v, VS_NAME, "1", "{}"), 0);
	CHECK_INT(v->ops->open(v, VS_NAME, &f, NULL), 0);
	CHECK(v->ops->fd(f) >= 0);
	CHECK_INT(pread(v->ops->fd(f), &c, 1, 0), 1);
	CHECK_INT(c, '1');
	v->ops->close(f);
	CHECK(v->ops->free_bytes(v) > 0);
	close_one(v);
}

TEST(local__missing_folder_is_named_without_its_path)
{
	struct cm_vault *v = NULL;
	struct cm_err err = { 0 };

	CHECK_INT(cm_vault_local_open("/nonexistent/cm", &v, &err), CM_EIO);
	CHECK(v == NULL);
	CHECK(strstr(err.text, "/nonexistent") == NULL);
}

TEST(vault_name__accepts_archives_and_network_files)
{
	CHECK(cm_vault_name_valid("a.tar.gz"));
	CHECK(cm_vault_name_valid("my web_1-x.tar.zst"));
	CHECK(cm_vault_name_valid("old.zip"));
	CHECK(cm_vault_name_valid("old.tar"));
	CHECK(cm_vault_name_valid("network_orignet_20261122_184438.json"));
	CHECK(cm_vault_name_valid("h\xc3\xa9.tar.gz"));
}

TEST(vault_name__refuses_everything_else)
{
	char long_name[220];

	CHECK(!cm_vault_name_valid(NULL));
	CHECK(!cm_vault_name_valid(""));
	CHECK(!cm_vault_name_valid(".tar.gz"));
	CHECK(!cm_vault_name_valid("x.tar.gz.json"));
	CHECK(!cm_vault_name_valid("network_x.tar.gz.json"));
	CHECK(!cm_vault_name_valid("network_x.json.json"));
	CHECK(!cm_vault_name_valid("network_.json"));
	CHECK(!cm_vault_name_valid("other.json"));
	CHECK(!cm_vault_name_valid("a\nb.tar.gz"));
	CHECK(!cm_vault_name_valid("a/b.tar.gz"));
	CHECK(!cm_vault_name_valid("\xff.tar.gz"));
	memset(long_name, 'a', sizeof(long_name));
	strcpy(long_name + 201 - 7, ".tar.gz");
	CHECK(!cm_vault_name_valid(long_name));
	strcpy(long_name + 200 - 7, ".tar.gz");
	CHECK(cm_vault_name_valid(long_name));
}
