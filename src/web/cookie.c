/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/form.h"

#include <string.h>

bool cm_cookie_get(const char *header, const char *name, char *dst, size_t size)
{
	size_t name_len = strlen(name);

	for (const char *p = header; p != NULL;) {
		const char *end;
		size_t len;

		while (*p == ' ' || *p == '\t' || *p == ';')
			p++;
		end = strchr(p, ';');
		len = end ? (size_t)(end - p) : strlen(p);
		while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t'))
			len--;
		if (len > name_len && p[name_len] == '=' && memcmp(p, name, name_len) == 0) {
			len -= name_len + 1;
			if (len >= size)
				return false;
			memcpy(dst, p + name_len + 1, len);
			dst[len] = '\0';
			return true;
		}
		p = end;
	}
	return false;
}
