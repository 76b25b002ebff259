/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by the two texts (container_spec_run.c, container_spec_compose.c) only: one table of the settings both can
 * say, so that neither forgets one the other knows.
 */
#ifndef CM_SERVICE_CONTAINER_SPEC_TEXT_H
#define CM_SERVICE_CONTAINER_SPEC_TEXT_H

#include "service/container_spec_int.h"

enum spec_kind {
	SPEC_STR,      /* text; not shown when empty or the default */
	SPEC_INT,      /* number; not shown when 0 or missing */
	SPEC_INT_SET,  /* number; shown when it is set at all and not -1 */
	SPEC_BOOL,     /* shown when true */
	SPEC_LIST,     /* array of texts */
	SPEC_MAP,      /* object of texts: key=value */
	SPEC_MAP_PATH, /* object of texts: key:value, or key alone */
	SPEC_WEIGHTS,  /* [{"Path","Weight"}] */
	SPEC_RATES,    /* [{"Path","Rate"}] */
};

struct spec_setting {
	const char *key;  /* in HostConfig */
	const char *flag; /* of docker run; NULL: none */
	const char *yaml; /* of a Compose service; NULL: none */
	enum spec_kind kind;
	const char *normal; /* a value that need not be said; NULL: only the empty one */
};
extern const struct spec_setting spec_settings[];
extern const size_t spec_setting_count;

/* Is there something to say? */
bool spec_setting_shown(struct json_object *host, const struct spec_setting *s);

/* "30s", "1500ms", "7ns"; dst has 32 bytes. */
void spec_duration(char dst[32], int64_t ns);
/* "0.5" from NanoCpus; dst has 32 bytes. */
void spec_cpus(char dst[32], int64_t nano);
/* "host:container:rwm" of a Devices entry, "nofile=1000:2000" of an Ulimits entry. */
void spec_device_text(struct json_object *device, struct cm_buf *out);
/* "source:destination:mode" in the way both texts say published ports: "127.0.0.1:8080:80/tcp". */
void spec_port_text(struct json_object *port, struct cm_buf *out);
/* One word for a POSIX shell, quoted when needed. */
void spec_shell_word(struct cm_buf *out, const char *s);

/* How much of the command must be said, because the image does not say it. */
struct spec_command {
	bool entrypoint;       /* differs from the image's */
	bool command;	       /* must be given */
	struct json_object *e; /* Entrypoint, borrowed */
	struct json_object *c; /* Cmd, borrowed */
};
void spec_command_of(struct json_object *inspect, struct json_object *image_config, struct spec_command *ret);

/* Ports that are exposed but neither published nor the image's; caller puts. */
struct json_object *spec_own_exposed(struct json_object *inspect, struct json_object *image_config);
/* Destinations of anonymous volumes that the image does not declare; caller puts. */
struct json_object *spec_own_volumes(struct json_object *inspect, struct json_object *image_config);

#endif
