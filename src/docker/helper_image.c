/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/secret.h"
#include "core/str.h"
#include "docker/helper.h"
#include "docker/image.h"

enum { TAR_BLOCK = 512, TAR_END = 1024, TAG_BYTES = 6, ELF_MIN = 20 };

#define PROGRAM "cm-helper"

/* The image's layer: a tar of one file, made while it is sent. */
struct layer {
	char head[TAR_BLOCK];
	const char *elf;
	size_t len;
	size_t at;
};

static void layer_init(struct layer *l, const void *elf, size_t len)
{
	char *h = l->head;
	unsigned sum = 0;

	memset(l, 0, sizeof(*l));
	l->elf = elf;
	l->len = len;
	memcpy(h, PROGRAM, sizeof(PROGRAM));
	snprintf(h + 100, 8, "%07o", 0755);
	snprintf(h + 108, 8, "%07o", 0);
	snprintf(h + 116, 8, "%07o", 0);
	snprintf(h + 124, 12, "%011llo", (unsigned long long)len);
	snprintf(h + 136, 12, "%011o", 0);
	memset(h + 148, ' ', 8);
	h[156] = '0';
	memcpy(h + 257, "ustar", 6);
	h[263] = h[264] = '0';
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 7, "%06o", sum);
}

static int layer_read(void *ctx, void *data, size_t cap, size_t *ret_len, struct cm_err *err)
{
	struct layer *l = ctx;
	size_t padded = (l->len + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK, total = TAR_BLOCK + padded + TAR_END;
	size_t n;

	(void)err;
	if (l->at < TAR_BLOCK) {
		n = TAR_BLOCK - l->at < cap ? TAR_BLOCK - l->at : cap;
		memcpy(data, l->head + l->at, n);
	} else if (l->at < TAR_BLOCK + l->len) {
		n = TAR_BLOCK + l->len - l->at < cap ? TAR_BLOCK + l->len - l->at : cap;
		memcpy(data, l->elf + (l->at - TAR_BLOCK), n);
	} else {
		n = total - l->at < cap ? total - l->at : cap;
		memset(data, 0, n);
	}
	l->at += n;
	*ret_len = n;
	return 0;
}

/* Can the engine's processor run it? */
static int machine_check(struct cm_docker *d, const unsigned char *elf, size_t len, struct cm_err *err)
{
	static const struct {
		unsigned machine;
		const char *arch;
	} table[] = { { 62, "amd64" }, { 183, "arm64" }, { 40, "arm" }, { 3, "386" }, { 243, "riscv64" } };
	cm_autojson struct json_object *o = NULL;

	if (len < ELF_MIN || memcmp(elf, "\177ELF", 4) != 0)
		return cm_err_set(err, CM_EINTERNAL, "The helper program inside this program is damaged.");
	unsigned machine = elf[18] | (unsigned)elf[19] << 8;
	int r = cm_docker_version(d, &o, err);
	if (r < 0)
		return r;
	const char *arch = cm_json_str(o, "Arch", "");
	for (size_t i = 0; i < CM_COUNT(table); i++)
		if (table[i].machine == machine && strcmp(table[i].arch, arch) != 0 && arch[0] != '\0')
			return cm_err_set(
			    err, CM_EUNSUPPORTED,
			    "This build of Container Monkey is for %s, but the Docker host's processor is %s. Run "
			    "the build for that processor.",
			    table[i].arch, arch);
	return 0;
}

/* Images of ours that are not ref: other versions, and what two imports at once have left. Those in use stay. */
static void old_remove(struct cm_docker *d, const char *ref)
{
	cm_autojson struct json_object *filters = json_object_new_object();
	cm_autojson struct json_object *list = NULL;
	struct json_object *labels = json_object_new_array();

	cm_json_add_str(labels, CM_HELPER_LABEL "=1");
	cm_json_set(filters, "label", labels);
	if (cm_image_list(d, false, filters, &list, NULL) < 0)
		return;
	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *image = json_object_array_get_idx(list, i);
		struct json_object *tags = cm_json_arr(image, "RepoTags");
		bool tagged = false;
		for (size_t k = 0; k < cm_json_len(tags); k++) {
			const char *tag = json_object_get_string(json_object_array_get_idx(tags, k));
			if (tag == NULL || strcmp(tag, "<none>:<none>") == 0)
				continue;
			tagged = true;
			if (cm_str_has_prefix(tag, CM_HELPER_REPO ":") && strcmp(tag, ref) != 0)
				cm_image_remove(d, tag, false, false, NULL, NULL);
		}
		if (!tagged)
			cm_image_remove(d, cm_json_str(image, "Id", ""), false, false, NULL, NULL);
	}
}

/* Hashing takes longer than asking the engine, and the program is always the same one: once is enough. */
static void tag_of(const void *elf, size_t len, char dst[2 * TAG_BYTES + 1])
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static const void *known;
	static size_t known_len;
	static uint8_t sum[CM_SHA256_LEN];

	pthread_mutex_lock(&lock);
	if (known != elf || known_len != len) {
		cm_sha256(sum, elf, len);
		known = elf;
		known_len = len;
	}
	cm_hex(dst, sum, TAG_BYTES);
	pthread_mutex_unlock(&lock);
}

int cm_helper_image_ensure(struct cm_docker *d, const void *elf, size_t len, char **ret_ref, struct cm_err *err)
{
	static const char *const changes[] = { "ENTRYPOINT [\"/" PROGRAM "\"]", "LABEL " CM_HELPER_LABEL "=1", NULL };
	char tag[2 * TAG_BYTES + 1];
	struct layer layer = { .elf = elf };
	cm_autojson struct json_object *there = NULL;
	cm_autofree char *id = NULL;

	tag_of(elf, len, tag);
	cm_autofree char *ref = cm_asprintf("%s:%s", CM_HELPER_REPO, tag);
	int r = cm_image_inspect(d, ref, &there, err);
	if (r == CM_ENOTFOUND) {
		r = machine_check(d, elf, len, err);
		if (r == 0) {
			layer_init(&layer, elf, len);
			r = cm_image_import(d, CM_HELPER_REPO, tag, changes, layer_read, &layer, &id, err);
		}
		if (r == 0)
			old_remove(d, ref);
	}
	if (r < 0)
		return r;
	*ret_ref = cm_move(&ref);
	return 0;
}
