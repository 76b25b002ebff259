/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by container_spec*.c only: how the parts of an inspect object are read.
 */
#ifndef CM_SERVICE_CONTAINER_SPEC_INT_H
#define CM_SERVICE_CONTAINER_SPEC_INT_H

#include "service/container_spec.h"

enum {
	SPEC_SHORT_ID = 12,
	SPEC_LONG_ID = 64,
	SPEC_MAX_ITEMS = 4096, /* entries of any one list: far above what the engine itself accepts */
};

/* "source:destination:mode" of HostConfig.Binds; source is empty for an anonymous volume. */
struct spec_bind {
	char source[4096];
	char destination[4096];
	char mode[256];
};
/* False when a part is too long or there are too many. */
bool spec_bind_parse(const char *text, struct spec_bind *ret);

/* Are these the same absolute path, but for a slash at the end? */
bool spec_same_path(const char *a, const char *b);

/* The first 12 characters of the recorded id; dst has 13 bytes; "" when there is none. */
void spec_short_id(struct json_object *inspect, char dst[SPEC_SHORT_ID + 1]);
bool spec_is_long_id(const char *s);

/* Calls of the parts; each takes nothing over. *ret is new; caller puts. */
int spec_host_config(struct json_object *inspect, const struct cm_spec_options *opt, struct json_object *warnings,
		     struct json_object **ret, struct cm_err *err);
void spec_network(struct json_object *inspect, const struct cm_spec_options *opt, struct cm_spec *spec);

/* Puts the overrides into HostConfig.PortBindings. Errors: CM_EINVAL. */
int spec_host_ports(struct json_object *host, struct json_object *overrides, struct cm_err *err);

void spec_warn(struct json_object *warnings, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What the two texts show: settings that differ from the image's and from the engine's defaults. */
bool spec_list_has(struct json_object *array, const char *text);
/* Environment lines that the image does not set to the same value; caller puts. */
struct json_object *spec_own_env(struct json_object *inspect, struct json_object *image_config, int flags);
/* Labels that the image does not set to the same value; caller puts. */
struct json_object *spec_own_labels(struct json_object *inspect, struct json_object *image_config);
/* True when the list at this key of Config is the image's too. */
bool spec_from_image(struct json_object *inspect, struct json_object *image_config, const char *key);
/* The host name the user gave, or NULL. */
const char *spec_own_hostname(struct json_object *inspect, const char *engine_name);
/* Aliases of one network without those the engine adds; caller puts; NULL when none. */
struct json_object *spec_own_aliases(struct json_object *inspect, struct json_object *endpoint);

#endif
