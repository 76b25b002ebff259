/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files linked into the program at build time (conf/embed.mk makes the object): templates, assets, the helper program.
 * Read-only, any thread.
 */
#ifndef CM_WEB_EMBED_H
#define CM_WEB_EMBED_H

#include <stddef.h>

struct cm_embed_file {
	const char *name; /* templates: "pages/login" (without ending); assets: "app.1a2b3c4d.css" */
	const unsigned char *data;
	size_t len;
};

struct cm_embedded {
	const struct cm_embed_file *templates;
	size_t template_count;
	const struct cm_embed_file *assets; /* with "<name>.gz" beside those that were compressed; sorted by name */
	size_t asset_count;
};

/* In the build's embed.o, not in the library: the program links it, tests bring their own. */
extern const struct cm_embedded cm_embedded;
extern const unsigned char cm_helper_elf[];
extern const size_t cm_helper_elf_len;

#endif
