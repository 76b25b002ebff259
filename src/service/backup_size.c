/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How many bytes a backup will read, for the time that is left: the image's size, and for each tree what it was in the
 * last backup of the same container. Asking the engine or a helper would take as long as many a backup.
 */
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "service/backup_int.h"

/* Bytes of the part of this prefix, or -1. */
static int64_t bytes_then(struct json_object *parts, const char *prefix)
{
	for (size_t i = 0; i < cm_json_len(parts); i++) {
		struct json_object *p = json_object_array_get_idx(parts, i);

		if (cm_str_eq(cm_json_str(p, "prefix", ""), prefix))
			return cm_json_int(p, "bytes", -1);
	}
	return -1;
}

static struct json_object *parts_then(const char *container, const char *type)
{
	struct cm_catalog_query q = { .container_name = container, .type = type, .limit = 1 };
	struct cm_catalog_list list = { 0 };
	struct cm_catalog_row row = { 0 };
	struct json_object *parts = NULL;

	if (cm_catalog_list(&q, &list, NULL) < 0)
		return NULL;
	if (list.count == 1 && cm_catalog_get(list.rows[0].vault, list.rows[0].file, &row, NULL) == 0) {
		if (row.parts != NULL)
			cm_json_parse(row.parts, strlen(row.parts), &parts, NULL);
		cm_catalog_row_release(&row);
	}
	cm_catalog_list_release(&list);
	return parts;
}

/* The engine's number is without the headers of the tar. */
static uint64_t image_guess(const struct cm_backup_run *r, struct json_object *parts)
{
	int64_t size = r->plan.image_expected;

	if (r->options.reference || size <= 0)
		return 0;
	for (size_t i = 0; i < cm_json_len(parts); i++) {
		struct json_object *p = json_object_array_get_idx(parts, i);

		if (cm_str_eq(cm_json_str(p, "kind", ""), "image") && cm_json_int(p, "bytes", 0) >= size)
			return (uint64_t)cm_json_int(p, "bytes", 0);
	}
	return (uint64_t)(size + size / 16 + (256 << 10));
}

/* Reading a byte is so much of the work; verifying it is the rest. Measuring takes a container of its own and time
 * from the reading: for what is soon over it would come too late anyway. */
enum { READ_SHARE = 2, ALL_SHARES = 3, SIZER_AFTER_MS = 6000 };

void cm_backup_show_read(struct cm_backup_run *r, uint64_t bytes)
{
	uint64_t total = r->bytes_expected, measured, verified = cm_follow_bytes(r->follow);

	r->bytes_read = bytes;
	/* Headers count in there, but only content here. */
	if (verified > bytes)
		verified = bytes;
	if (total == 0 && r->data_ms != 0 && cm_monotonic_ms() - r->data_ms > SIZER_AFTER_MS) {
		if (r->sizer == NULL)
			r->sizer = cm_backup_sizer_start(r);
		measured = cm_backup_sizer_bytes(r->sizer);
		total = r->bytes_expected = measured > 0 ? r->image_bytes + measured : 0;
	}
	/* A guess that was a little too low goes along; one that was wrong is no total any more. */
	if (bytes > total)
		total = bytes <= total + total / 8 ? bytes : 0;
	cm_progress_bytes(r->progress, bytes / ALL_SHARES * READ_SHARE + verified / ALL_SHARES, total);
}

void cm_backup_show_verified(struct cm_backup_run *r, uint64_t bytes)
{
	uint64_t total = r->bytes_read, rest = total - total / ALL_SHARES * READ_SHARE;
	uint64_t part = total > 0 ? (uint64_t)((double)bytes / (double)total * (double)rest) : 0;

	cm_progress_bytes(r->progress, total - rest + (part < rest ? part : rest), total);
}

void cm_backup_size_guess(struct cm_backup_run *r)
{
	cm_autojson struct json_object *parts = parts_then(r->plan.name, r->options.volume != NULL ? "volume"
									 : r->options.whole	   ? "export"
												   : "container");
	uint64_t sum = image_guess(r, parts);

	r->bytes_expected = 0;
	for (size_t i = 0; i < r->plan.part_count; i++) {
		int64_t bytes = bytes_then(parts, r->plan.parts[i].prefix);

		/* Without one of them the sum would promise an end that is not there. */
		if (bytes < 0 && r->plan.parts[i].kind != CM_BACKUP_ROOTFS)
			return;
		sum += bytes > 0 ? (uint64_t)bytes : 0;
	}
	r->bytes_expected = sum;
}
