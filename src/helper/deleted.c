/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "helper/deleted.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "archive/entry.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

struct cm_deleted {
	struct cm_buf lists[2]; /* deleted, opaque: JSON values separated by commas */
};

struct cm_deleted *cm_deleted_new(void)
{
	struct cm_deleted *d = cm_alloc(sizeof(*d));

	for (size_t i = 0; i < 2; i++)
		cm_buf_init(&d->lists[i], CM_DELETED_MAX / 2 - 64);
	return d;
}

void cm_deleted_free(struct cm_deleted *d)
{
	if (d == NULL)
		return;
	cm_buf_release(&d->lists[0]);
	cm_buf_release(&d->lists[1]);
	free(d);
}

int cm_deleted_add(struct cm_deleted *d, const char *path, size_t len, bool opaque, struct cm_err *err)
{
	struct cm_buf *b = &d->lists[opaque];

	if (b->len > 0)
		cm_buf_str(b, ",\n");
	if (cm_utf8_valid(path, len)) {
		cm_json_quote(b, path, len);
	} else {
		cm_buf_str(b, "{\"p64\":\"");
		cm_base64(b, path, len);
		cm_buf_str(b, "\"}");
	}
	return cm_buf_failed(b)
		   ? cm_err_set(err, CM_ETOOBIG, "More was deleted in the container than a backup can hold.")
		   : 0;
}

int cm_deleted_text(const struct cm_deleted *d, struct cm_buf *out, struct cm_err *err)
{
	cm_buf_str(out, "{\"deleted\":[");
	cm_buf_add(out, d->lists[0].data, d->lists[0].len);
	cm_buf_str(out, "],\n\"opaque\":[");
	cm_buf_add(out, d->lists[1].data, d->lists[1].len);
	cm_buf_str(out, "]}\n");
	return cm_buf_failed(out)
		   ? cm_err_set(err, CM_ETOOBIG, "More was deleted in the container than a backup can hold.")
		   : 0;
}

bool cm_deleted_visible(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	return syscall(SYS_capget, &head, data) == 0 && (data[0].effective & 1u << CAP_SYS_ADMIN) != 0;
}

static int read_list(struct json_object *list, bool opaque, cm_deleted_fn fn, void *ctx, struct cm_err *err)
{
	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *v = json_object_array_get_idx(list, i);
		cm_autobuf struct cm_buf path = CM_BUF_INIT(CM_DELETED_MAX);
		const char *coded = cm_json_str(v, "p64", NULL);
		bool ok = coded != NULL && cm_unbase64(&path, coded, strlen(coded));
		if (json_object_is_type(v, json_type_string)) {
			cm_buf_add(&path, json_object_get_string(v), (size_t)json_object_get_string_len(v));
			ok = true;
		}
		ok = ok && (cm_entry_path_ok(path.data, path.len) || (opaque && strcmp(path.data, ".") == 0));
		int rc = ok ? fn(ctx, path.data, path.len, opaque, err)
			    : cm_err_set(err, CM_ECORRUPT, "The backup is damaged: rootfs_deleted.json is wrong.");
		if (rc < 0)
			return rc;
	}
	return 0;
}

int cm_deleted_read(const char *text, size_t len, cm_deleted_fn fn, void *ctx, struct cm_err *err)
{
	cm_autojson struct json_object *o = NULL;

	if (cm_json_parse(text, len, &o, NULL) != 0 || cm_json_arr(o, "deleted") == NULL ||
	    cm_json_arr(o, "opaque") == NULL)
		return cm_err_set(err, CM_ECORRUPT, "The backup is damaged: rootfs_deleted.json cannot be read.");
	int rc = read_list(cm_json_arr(o, "deleted"), false, fn, ctx, err);
	return rc < 0 ? rc : read_list(cm_json_arr(o, "opaque"), true, fn, ctx, err);
}
