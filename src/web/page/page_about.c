/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Versions and licences of the program and of what is in it. */
#include "core/json.h"
#include "core/mem.h"
#include "web/page.h"
#include "web/reply.h"

struct part {
	const char *name, *version, *licence, *use;
};

#include "parts.h"

int cm_page_about(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct json_object *data = cm_view_data(rp), *list = json_object_new_array();

	(void)rq;
	(void)err;
	cm_json_set_str(data, "version", CM_VERSION);
	cm_json_set_str(data, "licence", "GPL-3.0-or-later");
	for (size_t i = 0; i < CM_COUNT(parts); i++) {
		struct json_object *o = json_object_new_object();

		cm_json_set_str(o, "name", parts[i].name);
		cm_json_set_str(o, "version", parts[i].version);
		cm_json_set_str(o, "licence", parts[i].licence);
		cm_json_set_str(o, "use", parts[i].use);
		json_object_array_add(list, o);
	}
	cm_json_set(data, "parts", list);
	return 0;
}
