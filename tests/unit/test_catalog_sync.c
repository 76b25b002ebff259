/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/catalog_sync.h"

#include <stdarg.h>
#include <sys/stat.h>

#include "core/clock.h"
#include "core/mem.h"
#include "db/catalog.h"
#include "scratch.h"
#include "service/audit.h"
#include "service/vaults.h"
#include "test.h"

#ifdef __SANITIZE_ADDRESS__
enum { MANY = 10000, MANY_MS = 60000 };
#else
enum { MANY = 10000, MANY_MS = 5000 };
#endif

static void begin(void)
{
	scratch_begin();
	cm_dir_make(scratch_app.backups_dir, 0700, NULL);
	cm_dir_make(scratch_app.tmp_dir, 0700, NULL);
}

static void put(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(const char *name, const char *fmt, ...)
{
	char path[900];
	va_list ap;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", scratch_app.backups_dir, name);
	f = fopen(path, "w");
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fclose(f);
}

static struct cm_catalog_changes synced(void)
{
	struct cm_catalog_changes c = { -1, -1, -1 };
	struct cm_err err = { 0 };

	if (cm_catalog_sync(&scratch_app, &c, &err) < 0)
		printf("# %s %s\n", err.text, err.detail);
	return c;
}

static int get(const char *file, struct cm_catalog_row *row)
{
	return cm_catalog_get("local", file, row, NULL);
}

#define OURS                                                                                                  \
	"{\"server_name\":\"qa\",\"is_scheduled\":true,\"format\":\"cm1\",\"version\":1,\"id\":\"i1\","       \
	"\"type\":\"container\",\"container\":\"web\",\"container_id\":\"1b2d\",\"image\":\"busybox:local\"," \
	"\"stack\":\"shop\",\"compression\":\"gzip\",\"consistency\":\"pause\",\"note\":\"n\","               \
	"\"size\":4,\"content_size\":99,\"sha256\":\"ff\",\"created_ms\":1795372919000,\"verified\":true,"    \
	"\"verified_at\":\"2026-11-22T18:42:00Z\",\"parts\":[{\"kind\":\"volume\"}],\"warnings\":[\"w\"],"    \
	"\"warning_count\":1}"

static int64_t audit_count(void)
{
	struct cm_audit_list list;

	if (cm_audit_list(&(struct cm_audit_query){ .operation = "verify", .status = "error" }, &list, NULL) != 0)
		return -1;
	int64_t n = list.total;
	cm_audit_list_release(&list);
	return n;
}

TEST(catalog_sync__our_companion_fills_the_row)
{
	struct cm_catalog_changes c;
	struct cm_catalog_row row;

	begin();
	put("web_20261122_184159-abcdef.tar.gz", "data");
	put("web_20261122_184159-abcdef.tar.gz.json", "%s", OURS);
	c = synced();
	CHECK_INT(c.added, 1);
	CHECK_INT(get("web_20261122_184159-abcdef.tar.gz", &row), 0);
	CHECK_STR(row.container_name, "web");
	CHECK_STR(row.backup_type, "scheduled");
	CHECK_STR(row.server_name, "qa");
	CHECK_STR(row.image, "busybox:local");
	CHECK_STR(row.stack, "shop");
	CHECK_STR(row.consistency, "pause");
	CHECK_STR(row.note, "n");
	CHECK_STR(row.sha256, "ff");
	CHECK_STR(row.verify_state, "ok");
	CHECK_STR(row.format, "cm1");
	CHECK(row.has_manifest);
	CHECK_INT(row.created_ms, 1795372919000);
	CHECK_INT(row.warning_count, 1);
	CHECK_INT(row.size, 4);
	cm_catalog_row_release(&row);
	scratch_end();
}

TEST(catalog_sync__second_time_changes_nothing)
{
	struct cm_catalog_changes c;

	begin();
	put("a.tar.gz", "data");
	put("b.tar.gz", "data");
	CHECK_INT(synced().added, 2);
	c = synced();
	CHECK_INT(c.added + c.updated + c.removed, 0);
	scratch_end();
}

TEST(catalog_sync__vanished_and_new_are_seen_at_once)
{
	struct cm_catalog_changes c;
	struct cm_catalog_row row;
	struct cm_catalog_totals totals;
	char path[900];

	begin();
	put("a.tar.gz", "data");
	put("b.tar.gz", "data");
	put("c.tar.gz", "data");
	CHECK_INT(synced().added, 3);
	snprintf(path, sizeof(path), "%s/b.tar.gz", scratch_app.backups_dir);
	unlink(path);
	put("a0.tar.gz", "new");
	put("c.tar.gz", "longer than before");
	c = synced();
	CHECK_INT(c.added, 1);
	CHECK_INT(c.removed, 1);
	CHECK_INT(c.updated, 1);
	/* It stays listed, and is told once. */
	CHECK_INT(get("b.tar.gz", &row), 0);
	CHECK(row.missing_ms > 0);
	cm_catalog_row_release(&row);
	CHECK_INT(cm_catalog_totals(&totals, NULL), 0);
	CHECK(totals.missing == 1 && totals.count == 3 && totals.bytes == 4 + 3 + 18);
	CHECK_INT(audit_count(), 1);
	c = synced();
	CHECK_INT(c.added + c.removed + c.updated, 0);
	CHECK_INT(audit_count(), 1);
	CHECK_INT(get("c.tar.gz", &row), 0);
	CHECK_INT(row.size, 18);
	cm_catalog_row_release(&row);
	/* Put back, it is there; deleted while it is missing, it is forgotten. */
	put("b.tar.gz", "data");
	c = synced();
	CHECK_INT(c.updated, 1);
	CHECK_INT(get("b.tar.gz", &row), 0);
	CHECK_INT(row.missing_ms, 0);
	cm_catalog_row_release(&row);
	unlink(path);
	CHECK_INT(synced().removed, 1);
	CHECK_INT(cm_vaults_remove(&scratch_app, "b.tar.gz", NULL, NULL), 0);
	CHECK_INT(get("b.tar.gz", &row), CM_ENOTFOUND);
	scratch_end();
}

TEST(catalog_sync__a_folder_that_is_gone_does_not_flood_the_audit)
{
	char name[64], path[900];

	begin();
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "x%02d.tar.gz", i);
		put(name, "data");
	}
	CHECK_INT(synced().added, 50);
	for (int i = 0; i < 50; i++) {
		snprintf(path, sizeof(path), "%s/x%02d.tar.gz", scratch_app.backups_dir, i);
		unlink(path);
	}
	CHECK_INT(synced().removed, 50);
	CHECK_INT(audit_count(), 21);
	scratch_end();
}

TEST(catalog_sync__what_a_verification_found_survives)
{
	struct cm_catalog_row row;

	begin();
	put("web_20261122_184159-abcdef.tar.gz", "data");
	put("web_20261122_184159-abcdef.tar.gz.json", "%s", OURS);
	CHECK_INT(synced().added, 1);
	CHECK_INT(
	    cm_catalog_set_verified("local", "web_20261122_184159-abcdef.tar.gz", "damaged", "bad", cm_now_ms(), NULL),
	    0);
	CHECK_INT(synced().updated, 0);
	CHECK_INT(get("web_20261122_184159-abcdef.tar.gz", &row), 0);
	CHECK_STR(row.verify_state, "damaged");
	cm_catalog_row_release(&row);
	scratch_end();
}

TEST(catalog_sync__file_of_the_predecessor_tells_by_itself)
{
	struct cm_catalog_row row;
	char command[2000];

	begin();
	snprintf(command, sizeof(command),
		 "cd '%s' && mkdir x && printf '{\"container_name\":\"orig "
		 "web\",\"container_id\":\"77aa\",\"image\":\"i:1\","
		 "\"backup_type\":\"scheduled\",\"server_name\":\"old\"}' > x/backup_metadata.json && "
		 "tar -C x -czf '%s/orig_web_20261122_184500.tar.gz' . && rm -r x",
		 scratch_app.tmp_dir, scratch_app.backups_dir);
	CHECK_INT(system(command), 0);
	CHECK_INT(synced().added, 1);
	CHECK_INT(get("orig_web_20261122_184500.tar.gz", &row), 0);
	CHECK_STR(row.container_name, "orig web");
	CHECK_STR(row.container_id, "77aa");
	CHECK_STR(row.image, "i:1");
	CHECK_STR(row.backup_type, "scheduled");
	CHECK_STR(row.server_name, "old");
	CHECK_STR(row.format, "predecessor");
	CHECK(!row.has_manifest);
	CHECK_STR(row.verify_state, "unknown");
	cm_catalog_row_release(&row);
	scratch_end();
}

TEST(catalog_sync__what_tells_nothing_is_listed_by_its_name)
{
	struct cm_catalog_row row;

	begin();
	put("orig_web_20261122_184500.tar.gz", "no archive at all");
	put("odd.tar.gz", "no archive either");
	put("orig_web_20261122_184500.tar.gz.json", "{ broken");
	CHECK_INT(synced().added, 2);
	CHECK_INT(get("orig_web_20261122_184500.tar.gz", &row), 0);
	CHECK_STR(row.container_name, "orig_web");
	CHECK(row.server_name == NULL);
	CHECK_STR(row.backup_type, "manual");
	cm_catalog_row_release(&row);
	CHECK_INT(get("odd.tar.gz", &row), 0);
	CHECK_STR(row.container_name, "odd");
	cm_catalog_row_release(&row);
	scratch_end();
}

TEST(catalog_sync__network_file_is_a_network)
{
	struct cm_catalog_row row;

	begin();
	put("network_my_net_20261122_184438.json", "{\"Name\":\"my_net\",\"server_name\":\"qa\"}");
	CHECK_INT(synced().added, 1);
	CHECK_INT(get("network_my_net_20261122_184438.json", &row), 0);
	CHECK_STR(row.type, "network");
	CHECK_STR(row.container_name, "my_net");
	CHECK_STR(row.server_name, "qa");
	cm_catalog_row_release(&row);
	scratch_end();
}

TEST(vaults_remove__takes_file_companion_and_row)
{
	struct cm_catalog_row row;
	char path[900];

	begin();
	put("a.tar.gz", "data");
	put("a.tar.gz.json", "{}");
	CHECK_INT(synced().added, 1);
	CHECK_INT(cm_vaults_remove(&scratch_app, "a.tar.gz", "admin", NULL), 0);
	CHECK_INT(get("a.tar.gz", &row), CM_ENOTFOUND);
	snprintf(path, sizeof(path), "%s/a.tar.gz.json", scratch_app.backups_dir);
	CHECK(access(path, F_OK) != 0);
	CHECK_INT(cm_vaults_remove(&scratch_app, "a.tar.gz", "admin", NULL), CM_ENOTFOUND);
	CHECK_INT(cm_vaults_remove(&scratch_app, "../a.tar.gz", "admin", NULL), CM_EINVAL);
	scratch_end();
}

TEST(vaults_remove__refuses_a_locked_one)
{
	struct cm_catalog_row row;

	begin();
	put("a.tar.gz", "data");
	CHECK_INT(synced().added, 1);
	CHECK_INT(cm_catalog_set_locked("local", "a.tar.gz", true, NULL), 0);
	CHECK_INT(cm_vaults_remove(&scratch_app, "a.tar.gz", "admin", NULL), CM_EBUSY);
	CHECK_INT(get("a.tar.gz", &row), 0);
	cm_catalog_row_release(&row);
	scratch_end();
}

TEST(catalog_sync__ten_thousand_companions_are_read_in_time)
{
	int64_t began;
	struct cm_catalog_changes c;

	begin();
	for (int i = 0; i < MANY; i++) {
		char name[80];

		snprintf(name, sizeof(name), "web%d_20261122_184159-%06x.tar.gz", i % 50, i);
		put(name, "data");
		strncat(name, ".json", sizeof(name) - strlen(name) - 1);
		put(name, "%s", OURS);
	}
	began = cm_monotonic_ms();
	c = synced();
	printf("# %d companions in %lld ms\n", c.added, (long long)(cm_monotonic_ms() - began));
	CHECK_INT(c.added, MANY);
	CHECK(cm_monotonic_ms() - began < MANY_MS);
	began = cm_monotonic_ms();
	c = synced();
	printf("# nothing new in %lld ms\n", (long long)(cm_monotonic_ms() - began));
	CHECK_INT(c.added + c.updated + c.removed, 0);
	scratch_end();
}
