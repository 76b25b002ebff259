/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/env.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "core/mem.h"
#include "core/str.h"

const char *cm_env(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

int cm_env_number(const char *name, uint64_t min, uint64_t max, uint64_t def, uint64_t *ret, struct cm_err *err)
{
	const char *value = cm_env(name);

	if (value == NULL) {
		*ret = def;
		return 0;
	}
	if (!cm_str_u64(value, min, max, ret))
		return cm_err_set(err, CM_EINVAL, "%s is \"%.64s\": give a whole number from %llu to %llu", name, value,
				  (unsigned long long)min, (unsigned long long)max);
	return 0;
}

int cm_env_bool(const char *name, bool def, bool *ret, struct cm_err *err)
{
	static const char *const words[][2] = { { "0", "1" }, { "false", "true" }, { "no", "yes" }, { "off", "on" } };
	const char *value = cm_env(name);

	if (value == NULL) {
		*ret = def;
		return 0;
	}
	for (size_t i = 0; i < CM_COUNT(words); i++)
		for (int yes = 0; yes < 2; yes++)
			if (strcasecmp(value, words[i][yes]) == 0) {
				*ret = yes;
				return 0;
			}
	return cm_err_set(err, CM_EINVAL, "%s is \"%.64s\": give 1 or 0", name, value);
}

int cm_env_text(const char *name, const char *def, char *dst, size_t size, struct cm_err *err)
{
	const char *value = cm_env(name);

	if (value == NULL)
		value = def != NULL ? def : "";
	for (const char *p = value; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			return cm_err_set(err, CM_EINVAL, "%s holds a control character", name);
	if (strlen(value) >= size)
		return cm_err_set(err, CM_EINVAL, "%s is too long: at most %zu bytes", name, size - 1);
	cm_str_copy(dst, size, value);
	return 0;
}

int cm_env_list(const char *name, cm_env_entry_fn fn, void *ctx, struct cm_err *err)
{
	const char *value = cm_env(name);

	for (int n = 0; value != NULL && n < 1000; n++) {
		const char *end = strchr(value, ',');
		cm_autofree char *entry = end != NULL ? cm_strndup(value, (size_t)(end - value)) : cm_strdup(value);
		char *first = entry, *last = entry + strlen(entry);
		int rc;

		while (isspace((unsigned char)*first))
			first++;
		while (last > first && isspace((unsigned char)last[-1]))
			*--last = '\0';
		if (*first != '\0' && (rc = fn(ctx, first, err)) != 0)
			return rc;
		value = end != NULL ? end + 1 : NULL;
	}
	return 0;
}
