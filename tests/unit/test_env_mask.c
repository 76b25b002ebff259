/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/env_mask.h"

#include "core/json.h"
#include "test.h"

TEST(env_mask__knows_secrets_by_name_and_by_value)
{
	CHECK(cm_mask_is_secret("POSTGRES_PASSWORD", "x"));
	CHECK(cm_mask_is_secret("MYSQL_PWD", NULL));
	CHECK(cm_mask_is_secret("aws_secret_access_key", "x"));
	CHECK(cm_mask_is_secret("GITHUB_TOKEN", "x"));
	CHECK(cm_mask_is_secret("traefik.http.middlewares.a.basicauth.users", "x"));
	CHECK(cm_mask_is_secret("DATABASE_URL", "postgres://shop:hunter2@db:5432/shop"));
	CHECK(cm_mask_is_secret("X", "-----BEGIN PRIVATE KEY-----\nabc"));
	CHECK(!cm_mask_is_secret("PATH", "/usr/bin:/bin"));
	CHECK(!cm_mask_is_secret("URL", "https://shop.example:8443/a@b:c"));
	CHECK(!cm_mask_is_secret("LANG", "C.UTF-8"));
}

TEST(env_mask__each_gets_what_they_may_see)
{
	cm_autojson struct json_object *env =
	    json_tokener_parse("[\"Z=last\",\"DB_PASSWORD=a=b\",\"EMPTY_TOKEN=\",\"BARE\"]");
	cm_autojson struct json_object *none = cm_mask_env(env, CM_MASK_VALUES),
				       *plain = cm_mask_env(env, CM_MASK_SECRETS);
	cm_autojson struct json_object *all = cm_mask_env(env, CM_MASK_NOTHING),
				       *texts = cm_mask_env_texts(env, CM_MASK_SECRETS);
	struct json_object *o;

	CHECK_INT(cm_json_len(none), 4);
	for (size_t i = 0; i < 4; i++)
		CHECK_STR(cm_json_str(json_object_array_get_idx(none, i), "value", ""), "***");
	o = json_object_array_get_idx(plain, 1);
	CHECK_STR(cm_json_str(o, "name", ""), "DB_PASSWORD");
	CHECK_STR(cm_json_str(o, "value", ""), "***");
	CHECK(cm_json_bool(o, "is_masked", false));
	o = json_object_array_get_idx(plain, 3);
	CHECK_STR(cm_json_str(o, "value", ""), "last");
	CHECK(!cm_json_bool(json_object_array_get_idx(plain, 2), "is_masked", true)); /* nothing to hide */
	CHECK_STR(cm_json_str(json_object_array_get_idx(all, 1), "value", ""), "a=b");
	CHECK_STR(json_object_get_string(json_object_array_get_idx(texts, 0)), "Z=last");
	CHECK_STR(json_object_get_string(json_object_array_get_idx(texts, 1)), "DB_PASSWORD=***");
	CHECK_STR(json_object_get_string(json_object_array_get_idx(texts, 3)), "BARE");
}

TEST(env_mask__labels)
{
	cm_autojson struct json_object *labels = json_tokener_parse("{\"a.token\":\"x\",\"b\":\"y\"}");
	cm_autojson struct json_object *plain = cm_mask_labels(labels, CM_MASK_VALUES);
	cm_autojson struct json_object *nothing = cm_mask_labels(NULL, CM_MASK_NOTHING);

	CHECK_STR(cm_json_str(plain, "a.token", ""), "***");
	CHECK_STR(cm_json_str(plain, "b", ""), "y");
	CHECK_INT(json_object_object_length(nothing), 0);
}
