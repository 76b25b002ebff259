/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include "core/json.h"
#include "core/str.h"
#include "web/view/view_audit.h"

TEST(view_audit__every_operation_and_status_has_a_text)
{
	for (size_t i = 0; cm_audit_operations[i] != NULL; i++) {
		if (!cm_audit_operation_known(cm_audit_operations[i]))
			printf("# %s has no text\n", cm_audit_operations[i]);
		CHECK(cm_audit_operation_known(cm_audit_operations[i]));
	}
	CHECK_STR(cm_audit_operation_text("engine_prune"), "Engine prune");
	CHECK(cm_audit_operation_text(NULL) == NULL);
	for (size_t i = 0; cm_audit_statuses[i] != NULL; i++)
		CHECK(!cm_str_eq(cm_audit_status_text(cm_audit_statuses[i]), cm_audit_statuses[i]));
}

TEST(view_audit__links_only_what_is_there)
{
	struct cm_audit_row row = {
		.id = 7,
		.at_ms = 1795373112000,
		.operation = (char *)"backup_manual",
		.status = (char *)"completed",
		.container_name = (char *)"web",
		.backup_filename = (char *)"web.tar.gz",
		.container_id = (char *)"0123456789abcdef",
		.duration_ms = 400,
		.details = (char *)"{\"progress_id\":\"x\",\"duration_ms\":400,\"warnings\":[\"a\",\"b\"]}"
	};
	cm_autojson struct json_object *there = cm_view_audit_row(&row, true, row.at_ms), *gone = NULL, *broken = NULL;

	CHECK_STR(cm_json_str(there, "object_url", ""), "/backup/web.tar.gz");
	CHECK_STR(cm_json_str(there, "job_url", ""), "/job/x");
	CHECK_STR(cm_json_str(there, "duration_text", ""), "0.4 s");
	CHECK_STR(cm_json_str(there, "details_text", ""), "2 warnings");
	CHECK_STR(cm_json_str(there, "timestamp", ""), "2026-11-22 18:45:12");
	CHECK_STR(cm_json_str(there, "user_text", ""), "the program");
	CHECK(cm_json_get(there, "user") == NULL);
	CHECK_STR(cm_json_str(there, "container_id", ""), "0123456789ab");
	CHECK_STR(cm_json_str(there, "container_full_id", ""), "0123456789abcdef");
	CHECK_INT(cm_json_int(there, "duration_ms", -1), 400);
	gone = cm_view_audit_row(&row, false, row.at_ms);
	CHECK(cm_json_get(gone, "object_url") == NULL);
	row.details = (char *)"{broken";
	row.error = (char *)"It failed";
	broken = cm_view_audit_row(&row, false, row.at_ms);
	CHECK_STR(cm_json_str(broken, "details_text", ""), "It failed");
	CHECK(json_object_is_type(cm_json_get(broken, "details"), json_type_object));
}
