/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/backup_options.h"

#include "core/json.h"
#include "service/backup.h"
#include "test.h"

static int parse(const char *json, struct cm_backup_options *o, struct cm_err *err)
{
	cm_autojson struct json_object *params = json_tokener_parse(json);

	return cm_backup_options_parse(params, o, err);
}

TEST(backup_options__only_the_container_is_needed)
{
	struct cm_backup_options o;

	CHECK_INT(parse("{\"container\":\"web\"}", &o, NULL), 0);
	CHECK_STR(o.container, "web");
	CHECK_INT(o.consistency, CM_CONSISTENCY_UNSET);
	CHECK_INT(o.codec, CM_CODEC_GZIP);
	CHECK(!o.reference && !o.scheduled && !o.stop_sharers && o.exec_pre == NULL);
	CHECK_INT(cm_backup_options_labels(&o, NULL, NULL), 0);
	CHECK_INT(o.consistency, CM_CONSISTENCY_LIVE);
	cm_backup_options_release(&o);
}

TEST(backup_options__every_member_is_read)
{
	struct cm_backup_options o;

	CHECK_INT(
	    parse("{\"container\":\"web\",\"consistency\":\"stop\",\"image\":\"reference\",\"compression\":\"zstd\","
		  "\"exec_pre\":\"a 'b c'\",\"exec_post\":[\"d\"],\"stop_sharers\":true,\"note\":\"n\",\"user\":\"u\","
		  "\"scheduled\":true,\"remote_volumes\":\"skip\",\"vault\":\"local\"}",
		  &o, NULL),
	    0);
	CHECK_INT(o.consistency, CM_CONSISTENCY_STOP);
	CHECK_INT(o.codec, CM_CODEC_ZSTD);
	CHECK(o.reference && o.scheduled && o.stop_sharers && o.skip_remote);
	CHECK_STR(o.exec_pre[1], "b c");
	CHECK_STR(o.exec_post[0], "d");
	CHECK_STR(o.note, "n");
	CHECK_STR(o.user, "u");
	cm_backup_options_release(&o);
}

TEST(backup_options__wrong_ones_are_named)
{
	static const char *const bad[][2] = {
		{ "{}", "container" },
		{ "{\"container\":\"a/b\"}", "container" },
		{ "{\"container\":\"web\",\"consistency\":\"freeze\"}", "consistency" },
		{ "{\"container\":\"web\",\"image\":\"none\"}", "image" },
		{ "{\"container\":\"web\",\"compression\":\"xz\"}", "compression" },
		{ "{\"container\":\"web\",\"exec_pre\":\"'\"}", "exec_pre" },
		{ "{\"container\":\"web\",\"scheduled\":1}", "scheduled" },
		{ "{\"container\":\"web\",\"colour\":\"red\"}", "colour" },
		{ "[]", "object" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cm_backup_options o;
		struct cm_err err = { 0 };

		CHECK_INT(parse(bad[i][0], &o, &err), CM_EINVAL);
		CHECK(strstr(err.text, bad[i][1]) != NULL);
	}
}

TEST(backup_options__labels_fill_what_was_left_open)
{
	cm_autojson struct json_object *labels = json_tokener_parse(
	    "{\"monkey.consistency\":\"pause\",\"monkey.exec.pre\":\"dump all\",\"monkey.exec.post\":\"rm x\"}");
	struct cm_backup_options o;

	CHECK_INT(parse("{\"container\":\"web\",\"exec_post\":\"mine\"}", &o, NULL), 0);
	CHECK_INT(cm_backup_options_labels(&o, labels, NULL), 0);
	CHECK_INT(o.consistency, CM_CONSISTENCY_PAUSE);
	CHECK_STR(o.exec_pre[1], "all");
	CHECK_STR(o.exec_post[0], "mine");
	cm_backup_options_release(&o);
	CHECK_INT(parse("{\"container\":\"web\",\"consistency\":\"live\"}", &o, NULL), 0);
	CHECK_INT(cm_backup_options_labels(&o, labels, NULL), 0);
	CHECK_INT(o.consistency, CM_CONSISTENCY_LIVE);
	cm_backup_options_release(&o);
}

TEST(backup_options__wrong_label_is_an_error_not_a_guess)
{
	cm_autojson struct json_object *labels = json_tokener_parse("{\"monkey.consistency\":\"stopp\"}");
	struct cm_backup_options o;
	struct cm_err err = { 0 };

	CHECK_INT(parse("{\"container\":\"web\"}", &o, NULL), 0);
	CHECK_INT(cm_backup_options_labels(&o, labels, &err), CM_EINVAL);
	CHECK(strstr(err.text, "stopp") != NULL);
	cm_backup_options_release(&o);
}

TEST(backup_options__unknown_vault_is_refused_before_the_job)
{
	cm_autojson struct json_object *params = json_tokener_parse("{\"container\":\"web\",\"vault\":\"moon\"}");

	CHECK_INT(cm_backup_params_check(params, NULL), CM_EINVAL);
}

TEST(backup_options__an_export_is_not_asked_for_as_a_backup)
{
	cm_autojson struct json_object *params = json_tokener_parse("{\"container\":\"web\",\"export\":true}");
	struct cm_backup_options o;

	CHECK_INT(cm_backup_params_check(params, NULL), CM_EINVAL);
	CHECK_INT(parse("{\"container\":\"web\",\"export\":true,\"path\":\"/srv\"}", &o, NULL), 0);
	CHECK(o.whole);
	CHECK_STR(o.path, "/srv");
	cm_backup_options_release(&o);
}
