/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/backup_plan.h"

#include "core/json.h"
#include "core/str.h"
#include "test.h"

static const struct cm_backup_host plain_host = {
	.engine_root = "/var/lib/docker", .own_data = "", .own_volume = "", .own_subpath = ""
};
static struct cm_backup_plan plan;

/* A plan over these mounts; kinds of binds as the engine would have told. */
static int plan_over(const char *mounts, const struct cm_backup_host *host, bool skip_remote, struct cm_err *err)
{
	plan = (struct cm_backup_plan){ .warnings = json_object_new_array(), .mounts = json_tokener_parse(mounts) };
	cm_backup_plan_skip(&plan, host, skip_remote);
	return cm_backup_plan_parts(&plan, host, err);
}

static const char *of(size_t i, const char *key)
{
	return cm_json_str(json_object_array_get_idx(plan.mounts, i), key, NULL);
}

static const char *excluded(size_t part, size_t i)
{
	return json_object_get_string(json_object_array_get_idx(plan.parts[part].exclude, i));
}

TEST(backup_plan__mounts_come_in_order_without_tmpfs)
{
	cm_autojson struct json_object *inspect = json_tokener_parse(
	    "{\"Mounts\":[{\"Type\":\"volume\",\"Name\":\"data\",\"Source\":\"/x\",\"Destination\":\"/"
	    "data\",\"Driver\":\"local\","
	    "\"RW\":true},{\"Type\":\"tmpfs\",\"Destination\":\"/tmp\"},{\"Type\":\"bind\",\"Source\":\"/"
	    "srv\",\"Destination\":"
	    "\"/srv\",\"RW\":false},{\"Type\":\"volume\",\"Name\":"
	    "\"65dcb4db65dcb4db65dcb4db65dcb4db65dcb4db65dcb4db65dcb4db65dcb4db\",\"Destination\":\"/anon\"}]}");
	cm_autojson struct json_object *list = cm_backup_mounts(inspect);

	CHECK_INT(cm_json_len(list), 3);
	CHECK_STR(cm_json_str(json_object_array_get_idx(list, 0), "name", ""), "data");
	CHECK(!cm_json_bool(json_object_array_get_idx(list, 0), "anonymous", true));
	CHECK_STR(cm_json_str(json_object_array_get_idx(list, 1), "source", ""), "/srv");
	CHECK(!cm_json_bool(json_object_array_get_idx(list, 1), "rw", true));
	CHECK(cm_json_bool(json_object_array_get_idx(list, 2), "anonymous", false));
}

TEST(backup_plan__each_thing_is_saved_once)
{
	CHECK_INT(plan_over("[{\"type\":\"volume\",\"name\":\"data\",\"destination\":\"/a\",\"driver\":\"local\"},"
			    "{\"type\":\"volume\",\"name\":\"data\",\"destination\":\"/b\",\"driver\":\"local\"},"
			    "{\"type\":\"bind\",\"source\":\"/srv/x\",\"destination\":\"/c\",\"kind\":\"folder\"},"
			    "{\"type\":\"bind\",\"source\":\"/srv/x\",\"destination\":\"/d\",\"kind\":\"folder\"}]",
			    &plain_host, false, NULL),
		  0);
	CHECK_INT(plan.part_count, 2);
	CHECK_STR(plan.parts[0].prefix, "volumes/data");
	CHECK_STR(of(1, "prefix"), "volumes/data");
	CHECK_STR(of(1, "state"), "saved");
	CHECK_STR(plan.parts[1].prefix, "binds/2");
	CHECK_STR(of(3, "prefix"), "binds/2");
	cm_backup_plan_release(&plan);
}

TEST(backup_plan__nested_folder_is_a_part_of_its_own)
{
	CHECK_INT(
	    plan_over("[{\"type\":\"bind\",\"source\":\"/srv\",\"destination\":\"/srv\",\"kind\":\"folder\"},"
		      "{\"type\":\"bind\",\"source\":\"/srv/app/conf.yml\",\"destination\":\"/c\",\"kind\":\"file\"},"
		      "{\"type\":\"bind\",\"source\":\"/srvother\",\"destination\":\"/o\",\"kind\":\"folder\"}]",
		      &plain_host, false, NULL),
	    0);
	CHECK_INT(plan.part_count, 3);
	CHECK_INT(cm_json_len(plan.parts[0].exclude), 1);
	CHECK_STR(excluded(0, 0), "app/conf.yml");
	CHECK_INT(plan.parts[1].kind, CM_BACKUP_BIND_FILE);
	CHECK(plan.parts[1].exclude == NULL && plan.parts[2].exclude == NULL);
	CHECK_INT(cm_json_len(plan.warnings), 0);
	cm_backup_plan_release(&plan);
}

TEST(backup_plan__sockets_and_system_folders_keep_only_their_mount)
{
	CHECK_INT(
	    plan_over(
		"[{\"type\":\"bind\",\"source\":\"/var/run/docker.sock\",\"destination\":\"/s\",\"kind\":\"other\"},"
		"{\"type\":\"bind\",\"source\":\"/\",\"destination\":\"/host\",\"kind\":\"folder\"},"
		"{\"type\":\"bind\",\"source\":\"/proc\",\"destination\":\"/host/proc\",\"kind\":\"folder\"},"
		"{\"type\":\"bind\",\"source\":\"/sys/fs\",\"destination\":\"/s2\",\"kind\":\"folder\"},"
		"{\"type\":\"bind\",\"source\":\"/var/lib/docker\",\"destination\":\"/d\",\"kind\":\"folder\"},"
		"{\"type\":\"bind\",\"source\":\"/runner\",\"destination\":\"/r\",\"kind\":\"folder\"}]",
		&plain_host, false, NULL),
	    0);
	CHECK_INT(plan.part_count, 1);
	CHECK_STR(plan.parts[0].name, "/runner");
	for (size_t i = 0; i < 5; i++) {
		CHECK_STR(of(i, "state"), "skipped");
		CHECK(of(i, "reason") != NULL && of(i, "prefix") == NULL);
	}
	/* A socket loses nothing; each of the others is said. */
	CHECK_INT(cm_json_len(plan.warnings), 4);
	cm_backup_plan_release(&plan);
}

TEST(backup_plan__engines_data_and_our_own_are_left_out_of_a_folder_above)
{
	struct cm_backup_host host = plain_host;

	host.own_data = "/var/lib/monkey";
	CHECK_INT(plan_over("[{\"type\":\"bind\",\"source\":\"/var/lib\",\"destination\":\"/l\",\"kind\":\"folder\"}]",
			    &host, false, NULL),
		  0);
	CHECK_INT(plan.part_count, 1);
	CHECK_INT(cm_json_len(plan.parts[0].exclude), 3);
	CHECK_STR(excluded(0, 0), "docker");
	CHECK_STR(excluded(0, 1), "monkey/backups");
	CHECK_STR(excluded(0, 2), "monkey/tmp");
	CHECK_INT(cm_json_len(plan.warnings), 2);
	cm_backup_plan_release(&plan);
	host.own_data = "/srv/monkey";
	CHECK_INT(
	    plan_over("[{\"type\":\"bind\",\"source\":\"/srv/monkey\",\"destination\":\"/l\",\"kind\":\"folder\"}]",
		      &host, false, NULL),
	    0);
	CHECK_STR(excluded(0, 0), "backups");
	cm_backup_plan_release(&plan);
	host = plain_host;
	host.own_volume = "vault";
	CHECK_INT(plan_over("[{\"type\":\"volume\",\"name\":\"vault\",\"destination\":\"/v\",\"driver\":\"local\"}]",
			    &host, false, NULL),
		  0);
	CHECK_STR(excluded(0, 0), "backups");
	cm_backup_plan_release(&plan);
}

TEST(backup_plan__content_on_other_machines_is_left_out_only_when_asked)
{
	static const char mounts[] =
	    "[{\"type\":\"volume\",\"name\":\"n\",\"destination\":\"/"
	    "n\",\"driver\":\"local\",\"options\":{\"type\":\"nfs4\"}},"
	    "{\"type\":\"volume\",\"name\":\"p\",\"destination\":\"/p\",\"driver\":\"rexray\",\"options\":{}},"
	    "{\"type\":\"volume\",\"name\":\"m\",\"destination\":\"/"
	    "m\",\"driver\":\"local\",\"options\":{\"type\":\"tmpfs\"}},"
	    "{\"type\":\"volume\",\"name\":\"b\",\"destination\":\"/"
	    "b\",\"driver\":\"local\",\"options\":{\"type\":\"none\","
	    "\"o\":\"bind\"}}]";

	CHECK_INT(plan_over(mounts, &plain_host, false, NULL), 0);
	CHECK_INT(plan.part_count, 3);
	CHECK_STR(of(2, "state"), "skipped");
	cm_backup_plan_release(&plan);
	CHECK_INT(plan_over(mounts, &plain_host, true, NULL), 0);
	CHECK_INT(plan.part_count, 1);
	CHECK_STR(plan.parts[0].name, "b");
	CHECK_INT(cm_json_len(plan.warnings), 2);
	cm_backup_plan_release(&plan);
}

TEST(backup_plan__odd_names_of_plugins_get_a_number)
{
	CHECK_INT(plan_over("[{\"type\":\"volume\",\"name\":\"a/../b\",\"destination\":\"/n\",\"driver\":\"x\"}]",
			    &plain_host, false, NULL),
		  0);
	CHECK_STR(plan.parts[0].prefix, "volumes/0");
	CHECK_STR(plan.parts[0].name, "a/../b");
	cm_backup_plan_release(&plan);
}

TEST(backup_plan__more_mounts_than_the_limit_are_refused)
{
	struct json_object *list = json_object_new_array();
	char *text;

	for (int i = 0; i <= CM_BACKUP_PARTS_MAX; i++) {
		struct json_object *o = json_object_new_object();
		char name[16];

		snprintf(name, sizeof(name), "v%d", i);
		cm_json_set_str(o, "type", "volume");
		cm_json_set_str(o, "name", name);
		json_object_array_add(list, o);
	}
	text = cm_json_text(list);
	CHECK_INT(plan_over(text, &plain_host, false, NULL), CM_EUNSUPPORTED);
	free(text);
	json_object_put(list);
	cm_backup_plan_release(&plan);
}

TEST(backup_plan__writable_layer_is_the_last_part_when_it_has_changes)
{
	plan = (struct cm_backup_plan){ .warnings = json_object_new_array(),
					.mounts = json_tokener_parse("[{\"type\":\"volume\",\"name\":\"a\"}]"),
					.changes = json_tokener_parse("[{\"Path\":\"/etc\",\"Kind\":0}]") };
	CHECK_INT(cm_backup_plan_parts(&plan, &plain_host, NULL), 0);
	CHECK_INT(plan.part_count, 2);
	CHECK_STR(plan.parts[1].prefix, "rootfs");
	CHECK_INT(plan.parts[1].mount, 1);
	cm_backup_plan_release(&plan);
}

TEST(backup_plan__what_is_mounted_for_reading_is_mounted_once)
{
	cm_autojson struct json_object *mounts = json_tokener_parse(
	    "[{\"type\":\"volume\",\"name\":\"a\"},{\"type\":\"volume\",\"name\":\"a\"},{\"type\":\"bind\",\"source\":"
	    "\"/x\",\"state\":\"skipped\"},{\"type\":\"bind\",\"source\":\"/y\"}]");

	CHECK(cm_backup_mount_read(mounts, 0) && !cm_backup_mount_read(mounts, 1) && !cm_backup_mount_read(mounts, 2) &&
	      cm_backup_mount_read(mounts, 3));
}

TEST(backup_plan__digest_is_that_of_the_named_repository)
{
	cm_autojson struct json_object *image = json_tokener_parse(
	    "{\"RepoDigests\":[\"mirror.local:5000/web@sha256:aa\",\"web@sha256:bb\",\"<none>@sha256:cc\"]}");
	cm_autojson struct json_object *none = json_tokener_parse("{\"RepoDigests\":[]}");

	CHECK_STR(cm_backup_digest(image, "web:1.2"), "web@sha256:bb");
	CHECK_STR(cm_backup_digest(image, "web"), "web@sha256:bb");
	CHECK_STR(cm_backup_digest(image, "mirror.local:5000/web"), "mirror.local:5000/web@sha256:aa");
	CHECK_STR(cm_backup_digest(image, "mirror.local:5000/web:3"), "mirror.local:5000/web@sha256:aa");
	CHECK_STR(cm_backup_digest(image, "web@sha256:bb"), "web@sha256:bb");
	CHECK_STR(cm_backup_digest(image, "other"), "mirror.local:5000/web@sha256:aa");
	CHECK(cm_backup_digest(none, "web") == NULL);
}

TEST(backup_plan__path_in_respects_whole_names)
{
	const char *rest;

	CHECK(cm_backup_path_in("/srv", "/srv/a/b", &rest));
	CHECK_STR(rest, "a/b");
	CHECK(cm_backup_path_in("/srv/", "/srv", &rest));
	CHECK_STR(rest, "");
	CHECK(!cm_backup_path_in("/srv", "/srvx", &rest));
	CHECK(cm_backup_path_in("/", "/srv", &rest));
	CHECK_STR(rest, "srv");
}
