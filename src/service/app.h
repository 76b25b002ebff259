/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every part of the product needs to know and never changes after the start: the settings from the
 * environment and the places of the data. Filled once by cm_app_init() in the parent before workers start;
 * read-only afterwards, any thread.
 */
#ifndef CM_SERVICE_APP_H
#define CM_SERVICE_APP_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#include "core/err.h"

enum { CM_APP_MAX_LIST = 32 };

struct cm_app {
	/* CM_DATA and what lies in it (absolute, no trailing slash). */
	char data_dir[512];    /* CM_DATA, default "./data" */
	char backups_dir[544]; /* data/backups */
	char config_dir[544];  /* data/config */
	char tmp_dir[544];     /* data/tmp */
	char db_path[560];     /* data/config/monkey.db */
	char tls_dir[560];     /* data/config/tls */

	/* HTTP. */
	char bind[64];			  /* CM_BIND, default "127.0.0.1" ("0.0.0.0" in the image) */
	uint16_t port;			  /* CM_PORT, else FLASK_PORT, default 1066 */
	char tls[16];			  /* CM_TLS: "off" (default), "self", "files" */
	uint16_t tls_port;		  /* CM_TLS_PORT, default 1067 */
	char tls_cert[512];		  /* CM_TLS_CERT */
	char tls_key[512];		  /* CM_TLS_KEY */
	unsigned workers;		  /* CM_WORKERS, default 2 */
	char hosts[CM_APP_MAX_LIST][256]; /* CM_HOSTS, comma separated; empty: any Host header */
	size_t host_count;
	struct cm_cidr {
		uint8_t addr[16]; /* IPv4 as ::ffff:a.b.c.d */
		unsigned bits;
	} proxies[CM_APP_MAX_LIST]; /* CM_TRUSTED_PROXIES: addresses or networks whose X-Forwarded-* is believed */
	size_t proxy_count;
	unsigned rate_limit;  /* CM_RATE_LIMIT, API requests a minute per user, default 600; 0: none */
	unsigned login_limit; /* CM_LOGIN_LIMIT, logins a minute per address and per user, default 5; 0: none */

	/* Docker. */
	char docker_host[512]; /* DOCKER_HOST, else DOCKER_API_URL, else the context's, else unix:///var/run/docker.sock
				*/
	bool docker_tls;       /* DOCKER_TLS_VERIFY */
	char docker_cert_path[512]; /* DOCKER_CERT_PATH */

	/* The helper program (a static executable), linked into ours. */
	const void *helper_elf;
	size_t helper_elf_len;
};

/* Reads the environment and checks every value; a wrong one is named in err with what would be right. Makes no folder.
 */
int cm_app_init(struct cm_app *app, struct cm_err *err);

#endif
