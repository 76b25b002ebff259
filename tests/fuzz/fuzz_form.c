/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a query, as a cookie header, and as a path segment to decode. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/mem.h"
#include "core/str.h"
#include "web/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cm_form *f = cm_form_new();
	char *text = cm_strndup((const char *)data, size);
	char cookie[64];

	if (cm_form_parse_urlencoded(f, (const char *)data, size, NULL) == 0) {
		assert(cm_form_count(f) <= CM_FORM_MAX_FIELDS);
		for (size_t i = 0; i < cm_form_count(f); i++) {
			assert(cm_utf8_valid(cm_form_value_at(f, i), strlen(cm_form_value_at(f, i))));
			assert(cm_form_get(f, cm_form_name_at(f, i)) != NULL);
		}
	}
	if (cm_cookie_get(text, "session", cookie, sizeof(cookie)))
		assert(strstr(text, cookie) != NULL);
	cm_form_free(f);
	free(text);
	return 0;
}
