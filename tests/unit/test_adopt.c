/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vault/adopt.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"
#include "test.h"

static char data[64], backups[80], config[80];

static void begin(void)
{
	strcpy(data, "/tmp/cm-adopt-XXXXXX");
	if (mkdtemp(data) == NULL)
		abort();
	snprintf(backups, sizeof(backups), "%s/backups", data);
	snprintf(config, sizeof(config), "%s/config", data);
	mkdir(backups, 0700);
	mkdir(config, 0700);
}

static void end(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", data);
	if (system(command) != 0)
		abort();
}

static void put(const char *name, const char *text)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", data, name);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

static bool has(const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", data, name);
	return access(path, F_OK) == 0;
}

TEST(adopt__moves_each_kind_to_its_place)
{
	struct cm_adopt_result got;

	begin();
	put("origweb_20261122_184500.tar.gz", "a");
	put("origweb_20261122_184500.tar.gz.json", "b");
	put("old.zip", "c");
	put("network_n_20261122_184438.json", "{}");
	put("monkey.db", "d");
	put("monkey.db-wal", "e");
	put("scheduler_config.json", "{}");
	put("encryption.key", "k");
	put("readme.txt", "stays");
	put(".hidden.tar.gz", "stays");
	CHECK_INT(cm_vault_adopt_old_layout(data, backups, config, &got, NULL), 0);
	CHECK_INT(got.moved, 8);
	CHECK_INT(got.kept, 0);
	CHECK(has("backups/origweb_20261122_184500.tar.gz") && has("backups/origweb_20261122_184500.tar.gz.json"));
	CHECK(has("backups/old.zip") && has("backups/network_n_20261122_184438.json"));
	CHECK(has("config/monkey.db") && has("config/monkey.db-wal") && has("config/scheduler_config.json") &&
	      has("config/encryption.key"));
	CHECK(has("readme.txt") && has(".hidden.tar.gz"));
	CHECK_INT(cm_vault_adopt_old_layout(data, backups, config, &got, NULL), 0);
	CHECK_INT(got.moved, 0);
	end();
}

TEST(adopt__never_overwrites)
{
	struct cm_adopt_result got;

	begin();
	put("a.tar.gz", "old");
	put("backups/a.tar.gz", "newer");
	CHECK_INT(cm_vault_adopt_old_layout(data, backups, config, &got, NULL), 0);
	CHECK_INT(got.moved, 0);
	CHECK_INT(got.kept, 1);
	CHECK(has("a.tar.gz"));
	end();
}

TEST(adopt__folders_with_such_names_stay)
{
	struct cm_adopt_result got;
	char path[128];

	begin();
	snprintf(path, sizeof(path), "%s/x.tar.gz", data);
	mkdir(path, 0700);
	CHECK_INT(cm_vault_adopt_old_layout(data, backups, config, &got, NULL), 0);
	CHECK_INT(got.moved, 0);
	CHECK(has("x.tar.gz"));
	end();
}

TEST(adopt__missing_folder_is_an_error)
{
	CHECK(cm_vault_adopt_old_layout("/nonexistent/a", "/nonexistent/b", "/nonexistent/c", NULL, NULL) < 0);
}
