/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/role.h"

#include "test.h"

TEST(role_names__go_there_and_back)
{
	enum cm_role role = CM_ROLE_NONE;

	for (enum cm_role r = CM_ROLE_VIEWER; r <= CM_ROLE_ADMIN; r++) {
		CHECK(cm_role_parse(cm_role_name(r), &role));
		CHECK_INT(role, r);
	}
	CHECK_STR(cm_role_name(CM_ROLE_NONE), "");
	CHECK_STR(cm_role_name((enum cm_role)99), "");
	CHECK(!cm_role_parse("", &role) && !cm_role_parse("root", &role) && !cm_role_parse(NULL, &role));
	CHECK(CM_ROLE_VIEWER < CM_ROLE_DEVELOPER && CM_ROLE_DEVELOPER < CM_ROLE_ADMIN);
}
