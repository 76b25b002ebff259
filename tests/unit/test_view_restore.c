/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the view gives is what the templates were made for: every member of the fixtures, of the same type. */
#include "test.h"

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "web/view/view_restore.h"

static struct json_object *parse_len(const char *text, size_t len)
{
	struct json_object *o = NULL;
	struct cm_err err = { 0 };

	if (cm_json_parse(text, len, &o, &err) != 0) {
		printf("# %s\n", err.text);
		exit(2);
	}
	return o;
}

static struct json_object *parse(const char *text)
{
	return parse_len(text, strlen(text));
}

static struct json_object *fixture(const char *name)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(1 << 20);
	cm_autofree char *path = cm_asprintf("tests/fixtures/views/%s.json", name);

	if (cm_file_read(path, &b, NULL) != 0)
		exit(2);
	return parse_len(b.data, b.len);
}

/* Every member of want is in got, with the same type or null; lists are compared by their first elements. */
static bool fits(struct json_object *want, struct json_object *got, const char *path)
{
	bool good = true;

	if (want == NULL || got == NULL)
		return true;
	if (json_object_get_type(want) != json_object_get_type(got)) {
		printf("# %s: %s instead of %s\n", path, json_type_to_name(json_object_get_type(got)),
		       json_type_to_name(json_object_get_type(want)));
		return false;
	}
	if (json_object_is_type(want, json_type_array))
		return json_object_array_length(want) == 0 || json_object_array_length(got) == 0 ||
		       fits(json_object_array_get_idx(want, 0), json_object_array_get_idx(got, 0), path);
	if (!json_object_is_type(want, json_type_object))
		return true;
	json_object_object_foreach(want, key, value)
	{
		cm_autofree char *below = cm_asprintf("%s.%s", path, key);
		struct json_object *v = NULL;
		if (!json_object_object_get_ex(got, key, &v)) {
			printf("# missing: %s\n", below);
			good = false;
		} else {
			good &= fits(value, v, below);
		}
	}
	return good;
}

static const char preview_text[] =
    "{\"success\":true,\"filename\":\"shop-db-1_20261122_020000-b7710e.tar.gz\",\"container_name\":\"shop-db-1\","
    "\"new_name\":\"shop-db-1\",\"image\":\"postgres:16\",\"image_backed_up\":true,\"status\":\"running\","
    "\"created_ms\":1795312800000,\"size\":2372928307,\"server_name\":\"harbour-1\",\"format\":\"cm1\",\"engine_name\":"
    "\"harbour-1\",\"start\":true,\"can_restore\":false,\"conflict\":true,\"existing_container\":{\"name\":\"shop-db-"
    "1\","
    "\"id\":\"aa\",\"state\":\"running\"},\"missing\":[{\"text\":\"a\",\"detail\":null}],"
    "\"image_info\":{\"ref\":\"postgres:16\",\"mode\":\"embed\",\"size\":452984832,\"action\":\"load\",\"name_taken\":"
    "true},"
    "\"config\":{\"Config\":{\"Cmd\":[\"postgres\",\"-c\",\"x=1\"],\"User\":\"postgres\",\"Env\":[\"A=***\"]},"
    "\"HostConfig\":{\"RestartPolicy\":{\"Name\":\"unless-stopped\"},\"Memory\":1073741824,\"Privileged\":true}},"
    "\"port_mappings\":[{\"container_port\":\"5432/tcp\",\"host_port\":\"5432\",\"host_ip\":\"127.0.0.1\"},"
    "{\"container_port\":\"80/tcp\",\"host_port\":\"\",\"host_ip\":\"\"}],"
    "\"volumes\":[{\"type\":\"volume\",\"name\":\"shop_db-data\",\"destination\":\"/"
    "data\",\"anonymous\":false,\"exists\":"
    "true,\"has_data\":true,\"bytes\":5809000000,\"reason\":null,\"action\":\"keep\",\"choice\":\"keep\",\"fresh\":"
    "\"shop_db-data-restored\",\"users\":[{\"name\":\"other\",\"running\":true}]},{\"type\":\"volume\",\"name\":"
    "\"8c1f\","
    "\"destination\":\"/var/cache\",\"anonymous\":true,\"exists\":false,\"has_data\":true,\"bytes\":38,\"action\":"
    "\"anonymous\",\"users\":[]},{\"type\":\"bind\",\"source\":\"/srv/init.sql\",\"destination\":\"/"
    "init.sql\",\"kind\":"
    "\"folder\",\"state\":\"present\",\"has_data\":true,\"write\":false,\"bytes\":4100}],"
    "\"networks\":[{\"name\":\"shop_default\",\"driver\":\"bridge\",\"subnet\":\"172.20.0.0/"
    "16\",\"address\":\"172.20.0.2\","
    "\"exists\":true,\"action\":\"exists\"}],\"docker_run_command\":\"docker run\",\"docker_compose\":\"services:\\n\","
    "\"findings\":[{\"level\":\"block\",\"code\":\"NAME_TAKEN\",\"text\":\"A container named shop-db-1 "
    "exists\",\"hint\":"
    "\"h\",\"field\":\"name\"},{\"level\":\"block\",\"code\":\"PORT_TAKEN\",\"text\":\"Port taken\",\"hint\":\"By x\","
    "\"field\":\"port:5432/"
    "tcp\"},{\"level\":\"warn\",\"code\":\"VOLUME_KEPT\",\"text\":\"kept\",\"hint\":null,\"field\":"
    "\"volume:shop_db-data\"},{\"level\":\"ok\",\"code\":\"BIND_KEPT\",\"text\":\"kept\",\"hint\":null,\"field\":"
    "\"bind:/srv/init.sql\"}]}";

static struct json_object *view_of(struct json_object *preview, const struct cm_form *typed, struct json_object *errors)
{
	struct json_object *data = json_object_new_object();
	struct cm_restore_page p = { .preview = preview, .typed = typed, .errors = errors, .now_ms = 1795370681000 };

	cm_view_restore(data, &p);
	return data;
}

TEST(view_restore__has_every_member_the_templates_know)
{
	static const char *const names[] = { "restore", "restore.ready", "restore.legacy" };
	cm_autojson struct json_object *preview = parse(preview_text);
	cm_autojson struct json_object *errors =
	    parse("[{\"field\":\"port:5432/tcp\",\"text\":\"bad\"},{\"field\":\"new_name\",\"text\":\"bad\"}]");
	cm_autojson struct json_object *data = view_of(preview, NULL, errors);

	for (size_t i = 0; i < CM_COUNT(names); i++) {
		cm_autojson struct json_object *f = fixture(names[i]);
		CHECK(fits(cm_json_obj(f, "data"), data, names[i]));
	}
}

TEST(view_restore__findings_lead_to_their_settings)
{
	static const char *const hrefs[] = { "#new_name", "#port-0", "#volume-0", "#bind-0" };
	cm_autojson struct json_object *preview = parse(preview_text);
	cm_autojson struct json_object *data = view_of(preview, NULL, NULL);
	struct json_object *list = cm_json_at(data, "preflight.findings");

	for (size_t i = 0; i < CM_COUNT(hrefs); i++)
		CHECK_STR(cm_json_str(json_object_array_get_idx(list, i), "href", ""), hrefs[i]);
	CHECK_STR(cm_json_str_at(data, "preflight.title_text", ""), "Two things stand in the way");
	CHECK(cm_json_bool(cm_json_obj(data, "preflight"), "is_blocked", false));
}

TEST(view_restore__an_existing_volume_is_kept_unless_chosen)
{
	cm_autojson struct json_object *preview = parse(preview_text);
	cm_autojson struct json_object *data = view_of(preview, NULL, NULL);
	struct json_object *volumes = cm_json_arr(data, "volumes");
	struct json_object *choices = cm_json_arr(json_object_array_get_idx(volumes, 0), "choices");

	CHECK_INT(cm_json_len(choices), 3);
	CHECK(cm_json_bool(json_object_array_get_idx(choices, 0), "is_selected", false));
	CHECK(!cm_json_bool(json_object_array_get_idx(choices, 1), "is_selected", true));
	CHECK_INT(cm_json_len(cm_json_arr(json_object_array_get_idx(volumes, 1), "choices")), 0);
}

TEST(view_restore__what_was_typed_is_kept)
{
	cm_autojson struct json_object *preview = parse(preview_text);
	cm_autojson struct json_object *errors = parse("[{\"field\":\"port:5432/tcp\",\"text\":\"bad port\"}]");
	static const char text[] =
	    "new_name=orig+fid%2F1&port%3A5432%2Ftcp=99999&volume%3Ashop_db-data=replace&bind%3A0=replace&"
	    "replace_container=1";
	struct cm_form *form = cm_form_new();
	CHECK_INT(cm_form_parse_urlencoded(form, text, strlen(text), NULL), 0);
	cm_autojson struct json_object *data = view_of(preview, form, errors);
	struct json_object *port = json_object_array_get_idx(cm_json_arr(data, "ports"), 0);
	struct json_object *volume = json_object_array_get_idx(cm_json_arr(data, "volumes"), 0);
	struct json_object *bind = json_object_array_get_idx(cm_json_arr(data, "binds"), 0);

	CHECK_STR(cm_json_str_at(data, "form.new_name", ""), "orig fid/1");
	CHECK(cm_json_bool(cm_json_obj(data, "form"), "replace_container", false));
	CHECK(!cm_json_bool(cm_json_obj(data, "form"), "keep_old", true));
	CHECK(!cm_json_bool(cm_json_obj(data, "form"), "start", true));
	CHECK_STR(cm_json_str(port, "value", ""), "99999");
	CHECK_STR(cm_json_str(port, "error", ""), "bad port");
	CHECK(cm_json_bool(json_object_array_get_idx(cm_json_arr(volume, "choices"), 1), "is_selected", false));
	CHECK(cm_json_bool(json_object_array_get_idx(cm_json_arr(bind, "choices"), 1), "is_selected", false));
	CHECK(cm_json_bool(data, "has_errors", false));
	CHECK_STR(cm_json_str(json_object_array_get_idx(cm_json_arr(data, "errors"), 0), "href", ""), "#port-0");
	cm_form_free(form);
}

TEST(view_restore__no_value_of_the_environment_is_in_it)
{
	cm_autojson struct json_object *preview = parse(preview_text);
	cm_autojson struct json_object *data = view_of(preview, NULL, NULL);
	CHECK(strstr(json_object_to_json_string(data), "A=") == NULL);
}
