/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which objects of an engine are ours, as lists and as inspections show them. */
#include "test.h"

#include <stdlib.h>

#include "core/json.h"
#include "core/mem.h"
#include "service/own.h"

#define SELF "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct cm_own own = {
	.self_id = SELF,
	.image_id = "sha256:aa",
	.volumes = { "vault", "other" },
};

static struct json_object *parse(const char *text)
{
	struct json_object *o = NULL;

	if (cm_json_parse(text, strlen(text), &o, NULL) != 0)
		abort();
	return o;
}

static enum cm_own_kind container(const char *text)
{
	cm_autojson struct json_object *o = parse(text);
	return cm_own_container(&own, o);
}

static enum cm_own_kind image(const char *text)
{
	cm_autojson struct json_object *o = parse(text);
	return cm_own_image(&own, o);
}

static enum cm_own_kind volume(const char *text)
{
	cm_autojson struct json_object *o = parse(text);
	return cm_own_volume(&own, o);
}

TEST(own_container__ourselves_helpers_and_drills)
{
	CHECK_INT(container("{\"Id\":\"" SELF "\"}"), CM_OWN_SELF);
	CHECK_INT(container("{\"Id\":\"0123456789ab\",\"Labels\":null}"), CM_OWN_SELF);
	CHECK_INT(container("{\"Id\":\"f\",\"Labels\":{\"container-monkey.helper\":\"1\"}}"), CM_OWN_HELPER);
	CHECK_INT(container("{\"Id\":\"f\",\"Config\":{\"Labels\":{\"container-monkey.helper\":\"1\"}}}"),
		  CM_OWN_HELPER);
	CHECK_INT(container("{\"Id\":\"f\",\"Labels\":{\"container-monkey.drill\":\"x\"}}"), CM_OWN_DRILL);
	CHECK_INT(container("{\"Id\":\"f\",\"Labels\":{\"com.example\":\"1\"}}"), CM_OWN_NOT);
	CHECK_INT(container("{}"), CM_OWN_NOT);
}

TEST(own_container__outside_of_a_container_nothing_is_ourselves)
{
	const struct cm_own outside = { .self_id = "" };
	cm_autojson struct json_object *o = parse("{\"Id\":\"\"}"), *i = parse("{\"Id\":\"\",\"RepoTags\":null}");
	cm_autojson struct json_object *v = parse("{\"Name\":\"\"}");

	CHECK_INT(cm_own_container(&outside, o), CM_OWN_NOT);
	CHECK_INT(cm_own_container(NULL, o), CM_OWN_NOT);
	CHECK_INT(cm_own_image(&outside, i), CM_OWN_NOT);
	CHECK_INT(cm_own_volume(&outside, v), CM_OWN_NOT);
}

TEST(own_image__that_of_ourselves_and_that_of_helpers)
{
	CHECK_INT(image("{\"Id\":\"sha256:aa\"}"), CM_OWN_SELF);
	CHECK_INT(image("{\"Id\":\"sha256:bb\",\"RepoTags\":[\"container-monkey-helper:0a\"]}"), CM_OWN_HELPER);
	CHECK_INT(image("{\"Id\":\"sha256:bb\",\"Labels\":{\"container-monkey.helper\":\"1\"}}"), CM_OWN_HELPER);
	CHECK_INT(image("{\"Id\":\"sha256:bb\",\"RepoTags\":[\"a/container-monkey-helper:0a\",null]}"), CM_OWN_NOT);
	CHECK_INT(image("{\"Id\":\"sha256:bb\",\"RepoTags\":null,\"Labels\":null}"), CM_OWN_NOT);
}

TEST(own_volume__our_data_and_what_restores_and_drills_make)
{
	CHECK_INT(volume("{\"Name\":\"vault\",\"Labels\":null}"), CM_OWN_SELF);
	CHECK_INT(volume("{\"Name\":\"other\"}"), CM_OWN_SELF);
	CHECK_INT(volume("{\"Name\":\"vaul\"}"), CM_OWN_NOT);
	CHECK_INT(volume("{\"Name\":\"cm-restore-t-1\",\"Labels\":{\"container-monkey.restore\":\"t\"}}"),
		  CM_OWN_RESTORE);
	CHECK_INT(volume("{\"Name\":\"data_before_x\",\"Labels\":{\"container-monkey.restore\":\"t\"}}"), CM_OWN_NOT);
	CHECK_INT(volume("{\"Name\":\"s\",\"Labels\":{\"container-monkey.drill\":\"t\"}}"), CM_OWN_DRILL);
}

TEST(own_refuse__says_whose_it_is)
{
	struct cm_err err = { 0 };

	CHECK_INT(cm_own_refuse(CM_OWN_NOT, "volume", "v", &err), 0);
	CHECK_INT(cm_own_refuse(CM_OWN_SELF, "volume", "v", &err), CM_EUNSUPPORTED);
	CHECK_STR(err.text, "v is this program's own volume: it is not touched from here.");
	CHECK_INT(cm_own_refuse(CM_OWN_DRILL, "container", "c", &err), CM_EUNSUPPORTED);
	CHECK_STR(cm_own_word(CM_OWN_HELPER), "helper");
}
