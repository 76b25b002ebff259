/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include "core/json.h"
#include "core/mem.h"
#include "service/restore_options.h"

static int parse(const char *text, struct cm_restore_options *ret, struct cm_err *err)
{
	cm_autojson struct json_object *o = NULL;

	if (cm_json_parse(text, strlen(text), &o, err) != 0)
		exit(2);
	return cm_restore_options_parse(o, ret, err);
}

TEST(options__only_a_file_means_nothing_is_overwritten)
{
	struct cm_restore_options o;
	CHECK_INT(parse("{\"file\":\"a.tar.gz\"}", &o, NULL), 0);
	CHECK_STR(o.file, "a.tar.gz");
	CHECK(o.new_name == NULL && !o.replace && !o.keep_old);
	CHECK_INT(cm_restore_volume_choice(&o, "v"), CM_VOLUME_UNSET);
	CHECK_INT(cm_restore_bind_choice(&o, "/x", 0), CM_BIND_MISSING);
	CHECK_INT(o.start, CM_START_AS_IT_WAS);
	cm_restore_options_release(&o);
}

TEST(options__the_predecessors_fields_are_understood)
{
	struct cm_restore_options o;
	CHECK_INT(
	    parse("{\"filename\":\"a.tar.gz\",\"new_name\":\"\",\"overwrite_volumes\":null,\"port_overrides\":null}",
		  &o, NULL),
	    0);
	CHECK(o.new_name == NULL && o.port_overrides == NULL);
	CHECK_INT(o.volumes, CM_VOLUME_UNSET);
	cm_restore_options_release(&o);
	CHECK_INT(parse("{\"filename\":\"a.tar.gz\",\"overwrite_volumes\":true}", &o, NULL), 0);
	CHECK_INT(o.volumes, CM_VOLUME_REPLACE);
	cm_restore_options_release(&o);
	CHECK_INT(parse("{\"filename\":\"a.tar.gz\",\"overwrite_volumes\":false}", &o, NULL), 0);
	CHECK_INT(o.volumes, CM_VOLUME_KEEP);
	cm_restore_options_release(&o);
}

TEST(options__each_volume_and_bind_can_have_its_own_choice)
{
	struct cm_restore_options o;
	CHECK_INT(
	    parse("{\"file\":\"a.tar.gz\",\"volumes\":{\"a\":\"replace\",\"b\":\"new\"},\"overwrite_volumes\":false,"
		  "\"restore_binds\":{\"/etc/x\":\"replace\",\"/y\":\"skip\"},\"start\":false,\"replace\":true}",
		  &o, NULL),
	    0);
	CHECK_INT(cm_restore_volume_choice(&o, "a"), CM_VOLUME_REPLACE);
	CHECK_INT(cm_restore_volume_choice(&o, "b"), CM_VOLUME_NEW);
	CHECK_INT(cm_restore_volume_choice(&o, "c"), CM_VOLUME_KEEP);
	CHECK_INT(cm_restore_bind_choice(&o, "/etc/x", 0), CM_BIND_REPLACE);
	CHECK_INT(cm_restore_bind_choice(&o, "/y", 0), CM_BIND_SKIP);
	CHECK_INT(cm_restore_bind_choice(&o, "/z", 0), CM_BIND_MISSING);
	CHECK_INT(o.start, CM_START_NO);
	CHECK(o.replace);
	cm_restore_options_release(&o);
}

TEST(options__malformed_ones_are_refused_with_what_would_be_right)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "{}", "Filename required" },
		{ "[]", "object" },
		{ "{\"file\":\"../x.tar.gz\"}", "Invalid filename" },
		{ "{\"file\":7}", "text" },
		{ "{\"file\":\"a.tar.gz\",\"new_name\":\"a b\"}", "Invalid new container name" },
		{ "{\"file\":\"a.tar.gz\",\"volumes\":\"delete\"}", "keep, replace or new" },
		{ "{\"file\":\"a.tar.gz\",\"volumes\":{\"a\":1}}", "keep, replace or new" },
		{ "{\"file\":\"a.tar.gz\",\"volumes\":[]}", "keep, replace or new" },
		{ "{\"file\":\"a.tar.gz\",\"overwrite_volumes\":\"yes\"}", "true, false or null" },
		{ "{\"file\":\"a.tar.gz\",\"port_overrides\":[]}", "18095" },
		{ "{\"file\":\"a.tar.gz\",\"port_overrides\":{\"80/tcp\":\"70000\"}}", "65535" },
		{ "{\"file\":\"a.tar.gz\",\"start\":\"yes\"}", "true or false" },
		{ "{\"file\":\"a.tar.gz\",\"restore_binds\":\"some\"}", "missing, replace or skip" },
		{ "{\"file\":\"a.tar.gz\",\"restore_binds\":{\"/a\":\"x\"}}", "missing, replace or skip" },
		{ "{\"file\":\"a.tar.gz\",\"host\":\"other\"}", "no Docker host" },
	};

	for (size_t i = 0; i < CM_COUNT(bad); i++) {
		struct cm_restore_options o;
		struct cm_err err = { 0 };
		int rc = parse(bad[i].text, &o, &err);
		if (rc == 0 || strstr(err.text, bad[i].says) == NULL)
			printf("# %s: %d %s\n", bad[i].text, rc, err.text);
		CHECK(rc == CM_EINVAL || rc == CM_EUNSUPPORTED);
		CHECK(strstr(err.text, bad[i].says) != NULL);
	}
}
