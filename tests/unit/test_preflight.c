/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include "core/json.h"
#include "service/preflight.h"

TEST(preflight__the_worst_finding_decides)
{
	cm_autojson struct json_object *f = json_object_new_array();
	CHECK_INT(cm_findings_worst(f), CM_FINDING_OK);
	CHECK(cm_findings_first_block(f) == NULL);
	cm_finding_add(f, CM_FINDING_OK, "A", NULL, NULL, "fine");
	cm_finding_add(f, CM_FINDING_WARN, "B", "name", "do this", "look at %s", "that");
	CHECK_INT(cm_findings_worst(f), CM_FINDING_WARN);
	CHECK(!cm_findings_conflict(f));
	cm_finding_add(f, CM_FINDING_BLOCK, "IMAGE_MISSING", NULL, NULL, "no image");
	CHECK_INT(cm_findings_worst(f), CM_FINDING_BLOCK);
	CHECK(!cm_findings_conflict(f));
	cm_finding_add(f, CM_FINDING_BLOCK, "NAME_TAKEN", NULL, NULL, "taken");
	CHECK(cm_findings_conflict(f));
	CHECK_STR(cm_findings_first_block(f), "no image");
	struct json_object *b = json_object_array_get_idx(f, 1);
	CHECK_STR(cm_json_str(b, "text", ""), "look at that");
	CHECK_STR(cm_json_str(b, "field", ""), "name");
	CHECK_STR(cm_json_str(b, "hint", ""), "do this");
}

TEST(preflight__a_warning_of_a_conflicts_code_is_none)
{
	cm_autojson struct json_object *f = json_object_new_array();
	cm_finding_add(f, CM_FINDING_WARN, "PORT_TAKEN", NULL, NULL, "taken, but it is not started");
	CHECK(!cm_findings_conflict(f));
}

TEST(preflight__architectures)
{
	CHECK(cm_preflight_architecture_fits("amd64", "x86_64"));
	CHECK(cm_preflight_architecture_fits("386", "x86_64"));
	CHECK(!cm_preflight_architecture_fits("arm64", "x86_64"));
	CHECK(cm_preflight_architecture_fits("arm64", "aarch64"));
	CHECK(!cm_preflight_architecture_fits("amd64", "aarch64"));
	/* What is not known is not forbidden. */
	CHECK(cm_preflight_architecture_fits("amd64", "vax"));
	CHECK(cm_preflight_architecture_fits(NULL, "x86_64") && cm_preflight_architecture_fits("", "x86_64"));
	CHECK(cm_preflight_architecture_fits("amd64", NULL));
}

TEST(preflight__published_addresses_clash)
{
	CHECK(cm_preflight_ports_clash("", ""));
	CHECK(cm_preflight_ports_clash("0.0.0.0", "127.0.0.1"));
	CHECK(cm_preflight_ports_clash("", "127.0.0.1"));
	CHECK(cm_preflight_ports_clash("", "::1"));
	CHECK(cm_preflight_ports_clash("127.0.0.1", "127.0.0.1"));
	CHECK(!cm_preflight_ports_clash("127.0.0.1", "127.0.0.2"));
	CHECK(!cm_preflight_ports_clash("0.0.0.0", "::"));
	CHECK(cm_preflight_ports_clash("::", "::1"));
}
