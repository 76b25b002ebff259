/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vault/vault.h"

#include <string.h>

#include "core/str.h"

static const char *const archive_endings[] = { ".tar.gz", ".tar.zst", ".tar", ".zip" };
static const char *const companion_endings[] = { ".tar.gz.json", ".tar.zst.json", ".tar.json", ".zip.json",
						 ".json.json" };

static bool ends_with_one_of(const char *name, const char *const *endings, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		/* The ending alone is no name. */
		if (cm_str_has_suffix(name, endings[i]) && strlen(name) > strlen(endings[i]))
			return true;
	}
	return false;
}

bool cm_vault_name_valid(const char *name)
{
	size_t len = name ? strlen(name) : 0;

	if (len == 0 || len > 200 || name[0] == '.' || !cm_utf8_valid(name, len))
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c < 0x20 || c == 0x7f || c == '/')
			return false;
	}
	/* The companion of a container called "network_x" looks like a network file but for its whole ending. */
	if (ends_with_one_of(name, companion_endings, sizeof(companion_endings) / sizeof(companion_endings[0])))
		return false;
	if (ends_with_one_of(name, archive_endings, sizeof(archive_endings) / sizeof(archive_endings[0])))
		return true;
	return cm_str_has_prefix(name, "network_") && cm_str_has_suffix(name, ".json") && len > strlen("network_.json");
}

void cm_vault_free(struct cm_vault *v)
{
	if (v != NULL)
		v->ops->destroy(v);
}
