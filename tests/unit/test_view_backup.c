/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_backup.h"

#include "core/str.h"
#include "test.h"
#include "view_shape.h"

enum { NOW_S = 1795373000 };

static struct cm_catalog_row row = {
	.vault = "local",
	.file = "shop-db-1_20261122_020000-b7710e.tar.gz",
	.type = "container",
	.backup_type = "scheduled",
	.container_name = "shop-db-1",
	.server_name = "harbour-1",
	.image = "postgres:16",
	.stack = "shop",
	.format = "cm1",
	.compression = "gzip",
	.consistency = "stop",
	.note = "before the upgrade",
	.sha256 = "9f86d081",
	.warning_count = 2,
	.size = 2214592512,
	.content_size = 5880000000,
	.created_ms = 1795312800000,
	.verified_ms = 1795312860000,
	.verify_state = "ok",
	.has_manifest = true,
};

#define COMPANION                                                                                                  \
	"{\"user\":\"admin\",\"status\":\"running\",\"held_ms\":41000,\"files\":18402,\"duration_ms\":48000,"      \
	"\"parts\":["                                                                                              \
	"{\"kind\":\"config\",\"name\":\"container_config.json\",\"bytes\":11000,\"state\":\"saved\"},"            \
	"{\"kind\":\"image\",\"name\":\"postgres:16\",\"bytes\":432000000,\"state\":\"saved\"},"                   \
	"{\"kind\":\"volume\",\"name\":\"shop_db-data\",\"destination\":\"/var/lib/postgresql/data\",\"prefix\":"  \
	"\"volumes/shop_db-data\",\"files\":17951,\"bytes\":5410000000,\"warnings\":2,\"state\":\"saved\"},"       \
	"{\"kind\":\"bind\",\"name\":\"/proc\",\"destination\":\"/host/"                                           \
	"proc\",\"state\":\"skipped\",\"reason\":\"r\"},"                                                          \
	"{\"kind\":\"rootfs\",\"name\":\"Changes made inside the container\",\"prefix\":\"rootfs\",\"files\":449," \
	"\"bytes\":38000000,\"deleted\":true,\"state\":\"saved\"}],"                                               \
	"\"warnings\":[\"volumes/shop_db-data/.s.PGSQL.5432: A socket cannot be kept\",\"Something: without a "    \
	"path\"]}"

static struct cm_restore_source source;

static void source_make(void)
{
	source = (struct cm_restore_source){ .status = "running" };
	source.inspect = json_tokener_parse(
	    "{\"Name\":\"/shop-db-1\",\"Config\":{\"Image\":\"postgres:16\",\"Cmd\":[\"postgres\",\"-c\",\"x=1\"],"
	    "\"Env\":[\"POSTGRES_PASSWORD=hunter2\"],\"User\":\"postgres\"},\"HostConfig\":{\"RestartPolicy\":{"
	    "\"Name\":"
	    "\"unless-stopped\"},\"PortBindings\":{\"5432/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"5432\"}]}},"
	    "\"NetworkSettings\":{\"Networks\":{\"shop_default\":{\"IPAMConfig\":{\"IPv4Address\":\"172.20.0.2\"},"
	    "\"Aliases\":[\"db\"]}}}}");
	source.networks = json_tokener_parse("[{\"Name\":\"shop_default\",\"Driver\":\"bridge\",\"IPAM\":{\"Config\":[{"
					     "\"Subnet\":\"172.20.0.0/16\"}]}}]");
	source.volumes = json_tokener_parse("[{\"name\":\"shop_db-data\",\"destination\":\"/d\",\"state\":\"saved\","
					    "\"prefix\":\"volumes/shop_db-data\"}]");
	source.binds = json_object_new_array();
	source.image = json_tokener_parse("{\"ref\":\"postgres:16\",\"id\":\"sha256:9a31b2c4d5e6f7a8\",\"digest\":null,"
					  "\"mode\":\"embed\",\"os\":\"linux\",\"architecture\":\"amd64\",\"size\":1}");
}

static void source_free(void)
{
	json_object_put(source.inspect);
	json_object_put(source.networks);
	json_object_put(source.volumes);
	json_object_put(source.binds);
	json_object_put(source.image);
}

static struct json_object *page(enum cm_role role)
{
	cm_autojson struct json_object *companion = json_tokener_parse(COMPANION);
	struct cm_catalog_row rows[2] = { row, row };
	struct cm_catalog_list others = { .rows = rows, .count = 2 };
	struct cm_backup_page p = { .row = &row,
				    .companion = companion,
				    .source = &source,
				    .others = &others,
				    .container_state = "running",
				    .role = role,
				    .now_ms = (int64_t)NOW_S * 1000 };
	struct json_object *data = json_object_new_object();

	rows[1].file = "shop-db-1_20261030_184000-aa12bc.tar.gz";
	source_make();
	cm_view_backup_page(data, &p);
	source_free();
	return data;
}

TEST(view_backup__row_has_every_key_of_the_fixture)
{
	cm_autojson struct json_object *fixture = shape_fixture("vault"), *o = NULL;
	struct json_object *rows = cm_json_arr(cm_json_obj(fixture, "data"), "backups");

	o = cm_view_backup_row(&row, CM_ROLE_ADMIN, (int64_t)NOW_S * 1000);
	CHECK(cm_json_len(rows) > 3);
	for (size_t i = 0; i < cm_json_len(rows); i++)
		CHECK(shape_fits(json_object_array_get_idx(rows, i), o, "backup"));
	CHECK_STR(cm_json_str(o, "type", ""), "container");
	CHECK_STR(cm_json_str(o, "backup_type", ""), "scheduled");
	CHECK_STR(cm_json_str(o, "storage_location", ""), "local");
	CHECK_INT(cm_json_int(o, "size", 0), 2214592512);
	CHECK_INT(strlen(cm_json_str(o, "created", "")), strlen("2026-11-22T18:45:23.236146"));
}

TEST(view_backup__row_offers_each_role_what_it_may)
{
	cm_autojson struct json_object *viewer = cm_view_backup_row(&row, CM_ROLE_VIEWER, 0);
	cm_autojson struct json_object *developer = cm_view_backup_row(&row, CM_ROLE_DEVELOPER, 0);
	cm_autojson struct json_object *admin = cm_view_backup_row(&row, CM_ROLE_ADMIN, 0);

	CHECK(cm_json_get(viewer, "url") != NULL && cm_json_get(viewer, "download_url") == NULL &&
	      cm_json_get(viewer, "files_url") == NULL && cm_json_get(viewer, "restore_url") == NULL);
	CHECK(cm_json_get(developer, "download_url") != NULL && cm_json_get(developer, "files_url") != NULL &&
	      cm_json_get(developer, "restore_url") == NULL);
	CHECK(cm_json_get(admin, "restore_url") != NULL);
}

TEST(view_backup__an_export_is_restored_from_its_own_page)
{
	struct cm_catalog_row whole = row;
	cm_autojson struct json_object *o = NULL;

	whole.type = "export";
	o = cm_view_backup_row(&whole, CM_ROLE_ADMIN, 0);
	CHECK(cm_str_has_prefix(cm_json_str(o, "restore_url", ""), "/restore-export/"));
	CHECK(cm_json_bool(o, "is_export", false) && cm_json_bool(o, "is_container", false));
	CHECK_STR(cm_json_str(o, "type_text", ""), "Export");
}

TEST(view_backup__network_and_old_ones_offer_less)
{
	struct cm_catalog_row net = { .vault = "local",
				      .file = "network_n_20261122_184438.json",
				      .type = "network",
				      .backup_type = "manual",
				      .container_name = "n" };
	struct cm_catalog_row old = row;
	cm_autojson struct json_object *a = cm_view_backup_row(&net, CM_ROLE_ADMIN, 0), *b = NULL;

	CHECK(cm_json_get(a, "files_url") == NULL);
	CHECK_STR(cm_json_str(a, "restore_url", NULL), "/network/restore?filename=network_n_20261122_184438.json");
	CHECK(cm_json_bool(a, "is_network", false));
	CHECK_STR(cm_json_str(a, "server_name", ""), "Unknown Server");
	old.has_manifest = false;
	old.verify_state = NULL;
	b = cm_view_backup_row(&old, CM_ROLE_ADMIN, 0);
	CHECK(cm_json_bool(b, "is_legacy", false) && cm_json_get(b, "files_url") == NULL);
	CHECK_STR(cm_json_str(cm_json_obj(b, "state"), "detail", ""), "made by 0.4");
}

TEST(view_backup__page_has_every_key_of_the_fixture)
{
	cm_autojson struct json_object *fixture = shape_fixture("backup"), *data = page(CM_ROLE_ADMIN);

	CHECK(shape_fits(cm_json_obj(fixture, "data"), data, "data"));
}

TEST(view_backup__page_shows_no_secret)
{
	cm_autojson struct json_object *data = page(CM_ROLE_ADMIN);
	const char *text = json_object_to_json_string(data);

	CHECK(strstr(text, "hunter2") == NULL);
	CHECK(strstr(text, "1 variable (values are not shown)") != NULL);
}

TEST(view_backup__parts_say_what_is_missing)
{
	cm_autojson struct json_object *data = page(CM_ROLE_VIEWER);
	struct json_object *parts = cm_json_arr(data, "parts"), *volume, *skipped, *layer;

	CHECK_INT(cm_json_len(parts), 5);
	volume = json_object_array_get_idx(parts, 2);
	skipped = json_object_array_get_idx(parts, 3);
	layer = json_object_array_get_idx(parts, 4);
	CHECK(cm_json_bool(volume, "is_warn", false));
	CHECK_STR(cm_json_str(volume, "note", ""), "2 warnings");
	CHECK(cm_json_get(volume, "files_url") == NULL);
	CHECK_STR(cm_json_str(skipped, "state_text", ""), "Not saved");
	CHECK_STR(cm_json_str(skipped, "note", ""), "r");
	CHECK_STR(cm_json_str(layer, "files_text", ""), "449 files, and a list of deleted ones");
}

TEST(view_backup__warnings_are_split_into_sentence_and_path)
{
	cm_autojson struct json_object *data = page(CM_ROLE_ADMIN);
	struct json_object *list = cm_json_arr(data, "warnings");

	CHECK_STR(cm_json_str(json_object_array_get_idx(list, 0), "path", ""), "volumes/shop_db-data/.s.PGSQL.5432");
	CHECK_STR(cm_json_str(json_object_array_get_idx(list, 0), "text", ""), "A socket cannot be kept");
	CHECK(cm_json_get(json_object_array_get_idx(list, 1), "path") == NULL);
}

TEST(view_backup__commands_by_hand_are_safe_for_a_shell)
{
	cm_autojson struct json_object *data = page(CM_ROLE_ADMIN);
	struct json_object *commands = cm_json_arr(cm_json_obj(data, "by_hand"), "commands");

	CHECK(cm_json_len(commands) == 4);
	CHECK(strstr(cm_json_str(json_object_array_get_idx(commands, 0), "command", ""), row.file) != NULL);
	CHECK(strstr(cm_json_str(json_object_array_get_idx(commands, 2), "command", ""),
		     "docker volume create shop_db-data &&") != NULL);
}

TEST(view_backup__permissions_read_like_ls)
{
	char text[11];

	cm_view_permissions(text, "file", 0644);
	CHECK_STR(text, "-rw-r--r--");
	cm_view_permissions(text, "directory", 01777);
	CHECK_STR(text, "drwxrwxrwt");
	cm_view_permissions(text, "file", 06711);
	CHECK_STR(text, "-rws--s--x");
	cm_view_permissions(text, "symlink", 0777);
	CHECK_STR(text, "lrwxrwxrwx");
}

TEST(view_backup__entry_has_every_key_of_the_fixture)
{
	cm_autojson struct json_object *fixture = shape_fixture("backup_files");
	cm_autojson struct json_object *entry = json_tokener_parse(
	    "{\"name\":\"a b\",\"path\":\"/volumes/v/a "
	    "b\",\"type\":\"file\",\"size\":3,\"mode\":420,\"uid\":1,\"gid\":2,"
	    "\"mtime_ms\":1795312800000,\"sha256\":null,\"link_target\":null,\"has_bytes\":true,\"changed\":true}");
	cm_autojson struct json_object *o = cm_view_backup_entry("f.tar.gz", entry, true, 0);
	cm_autojson struct json_object *hidden = cm_view_backup_entry("f.tar.gz", entry, false, 0);
	struct json_object *files = cm_json_arr(cm_json_obj(fixture, "data"), "files");

	for (size_t i = 0; i < cm_json_len(files); i++)
		CHECK(shape_fits(json_object_array_get_idx(files, i), o, "file"));
	CHECK_STR(cm_json_str(o, "view_url", ""), "/backup/f.tar.gz/file?path=%2Fvolumes%2Fv%2Fa%20b");
	CHECK_STR(cm_json_str(o, "note", ""), "Changed while it was read");
	CHECK(cm_json_get(hidden, "view_url") == NULL && cm_json_get(hidden, "download_url") == NULL);
}

TEST(view_backup__breadcrumb_leads_back)
{
	cm_autojson struct json_object *list = cm_view_backup_breadcrumb("f.tar.gz", "/volumes/v", false);

	CHECK_INT(cm_json_len(list), 3);
	CHECK_STR(cm_json_str(json_object_array_get_idx(list, 1), "url", ""), "/backup/f.tar.gz/files?path=%2Fvolumes");
	CHECK(cm_json_bool(json_object_array_get_idx(list, 2), "is_last", false));
}
