/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/settings.h"

#include "core/json.h"
#include "core/mem.h"
#include "scratch.h"
#include "test.h"

TEST(settings_server_name__is_the_host_name_until_set)
{
	char host[256], *name;

	scratch_begin();
	gethostname(host, sizeof(host));
	name = cm_settings_server_name();
	CHECK_STR(name, host);
	free(name);
	CHECK_INT(cm_settings_set("server_name", "  My Server Näme \n", NULL), 0);
	name = cm_settings_server_name();
	CHECK_STR(name, "My Server Näme");
	free(name);
	scratch_end();
	/* Without a database too. */
	cm_db_init("/nonexistent/monkey.db");
	name = cm_settings_server_name();
	CHECK_STR(name, host);
	free(name);
}

TEST(settings_set__checks_key_and_value)
{
	static const struct {
		const char *key, *value, *sentence;
	} cases[] = {
		{ "server name", "x", "Setting key contains invalid characters" },
		{ "a/../b", "x", "Setting key contains invalid characters" },
		{ "", "x", "Setting key must have 1 to 64 characters" },
		{ "server_name", NULL, "Value is required" },
		{ "server_name", "   ", "Value is required" },
		{ "server_name", "a\x01z", "The value contains invalid characters" },
		{ "server_name", "a\xffz", "The value is not UTF-8 text." },
		{ "server_name", "12345678901234567890123456789012345678901234567890123456789012345",
		  "The server name can have at most 64 characters." },
	};
	struct cm_err err;
	char *value;

	scratch_begin();
	for (size_t i = 0; i < CM_COUNT(cases); i++) {
		err = (struct cm_err){ 0 };
		CHECK_INT(cm_settings_set(cases[i].key, cases[i].value, &err), CM_EINVAL);
		CHECK_STR(err.text, cases[i].sentence);
	}
	CHECK_INT(cm_settings_get("server_name", &value, NULL), 0);
	CHECK(value == NULL);
	CHECK_INT(cm_settings_get("bad key", &value, NULL), CM_EINVAL);
	scratch_end();
}

TEST(settings_all__is_flat_and_shows_no_program_settings)
{
	struct json_object *all, *doc, *back;
	char *text, *value, key[32];

	scratch_begin();
	CHECK_INT(cm_settings_all(&all, NULL), 0);
	text = cm_json_text(all);
	CHECK_STR(text, "{}");
	free(text);
	json_object_put(all);
	CHECK_INT(cm_settings_set("server_name", "one", NULL), 0);
	CHECK_INT(cm_settings_set("server_name", "two", NULL), 0);
	CHECK_INT(cm_settings_set("theme", "dark", NULL), 0);
	doc = json_object_new_object();
	cm_json_set_str(doc, "s3_bucket", "b");
	CHECK_INT(cm_settings_store("storage", doc, NULL), 0);
	json_object_put(doc);
	CHECK_INT(cm_settings_all(&all, NULL), 0);
	text = cm_json_text(all);
	CHECK_STR(text, "{\"server_name\":\"two\",\"theme\":\"dark\"}");
	free(text);
	json_object_put(all);
	CHECK_INT(cm_settings_get("storage", &value, NULL), 0);
	CHECK(value == NULL);
	CHECK_INT(cm_settings_load("storage", &back, NULL), 0);
	CHECK_STR(cm_json_str(back, "s3_bucket", NULL), "b");
	json_object_put(back);
	CHECK_INT(cm_settings_load("schedule", &back, NULL), 0);
	CHECK(back == NULL);
	for (int i = 0; i < CM_SETTINGS_KEYS_MAX - 2; i++) {
		snprintf(key, sizeof(key), "key.%d", i);
		CHECK_INT(cm_settings_set(key, "x", NULL), 0);
	}
	CHECK_INT(cm_settings_set("one.more", "x", NULL), CM_ETOOBIG);
	CHECK_INT(cm_settings_set("key.0", "changed", NULL), 0);
	scratch_end();
}

TEST(settings_verify_percent__is_a_whole_number_up_to_100)
{
	static const char *const bad[] = { "-1", "101", "5.5", "5 %", "many" };
	struct cm_err err = { 0 };
	int percent = -1;

	scratch_begin();
	CHECK_INT(cm_settings_verify_percent(&percent, NULL), 0);
	CHECK_INT(percent, CM_VERIFY_PERCENT_DEFAULT);
	for (size_t i = 0; i < CM_COUNT(bad); i++)
		CHECK_INT(cm_settings_set(CM_SETTING_VERIFY_PERCENT, bad[i], &err), CM_EINVAL);
	CHECK(strstr(err.text, "from 0 to 100") != NULL);
	CHECK_INT(cm_settings_set(CM_SETTING_VERIFY_PERCENT, "0", NULL), 0);
	CHECK_INT(cm_settings_verify_percent(&percent, NULL), 0);
	CHECK_INT(percent, 0);
	scratch_end();
}

TEST(settings_console_idle__is_a_number_of_seconds_or_off)
{
	const char *bad[] = { "", "-1", "1", "86401", "half an hour", "1.5" };
	struct cm_err err;

	scratch_begin();
	CHECK_INT(cm_settings_console_idle(), CM_CONSOLE_IDLE_DEFAULT);
	for (size_t i = 0; i < CM_COUNT(bad); i++)
		CHECK_INT(cm_settings_set(CM_SETTING_CONSOLE_IDLE, bad[i], &err), CM_EINVAL);
	CHECK_INT(cm_settings_set(CM_SETTING_CONSOLE_IDLE, "60", NULL), 0);
	CHECK_INT(cm_settings_console_idle(), 60);
	CHECK_INT(cm_settings_set(CM_SETTING_CONSOLE_IDLE, "0", NULL), 0);
	CHECK_INT(cm_settings_console_idle(), 0);
	scratch_end();
}
