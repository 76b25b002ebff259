/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/role.h"

#include "core/mem.h"
#include "core/str.h"

static const char *const names[] = { "", "viewer", "developer", "admin" };

const char *cm_role_name(enum cm_role role)
{
	return (unsigned)role < CM_COUNT(names) ? names[role] : "";
}

bool cm_role_parse(const char *name, enum cm_role *ret)
{
	for (unsigned i = CM_ROLE_VIEWER; i <= CM_ROLE_ADMIN; i++) {
		if (!cm_str_eq(name, names[i]))
			continue;
		*ret = (enum cm_role)i;
		return true;
	}
	return false;
}
