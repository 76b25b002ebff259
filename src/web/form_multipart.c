/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/form.h"

#include <string.h>

#include "core/buf.h"
#include "core/mem.h"
#include "web/multipart.h"

struct collector {
	struct cm_form *form;
	char name[CM_FORM_MAX_NAME + 1];
	struct cm_buf value;
};

static int begin_field(void *ctx, const struct cm_part *part, struct cm_err *err)
{
	struct collector *c = ctx;

	if (part->filename != NULL)
		return cm_err_set(err, CM_EINVAL, "This form takes no files.");
	if (strlen(part->name) >= sizeof(c->name))
		return cm_err_set(err, CM_ETOOBIG, "The name of a field is longer than %d bytes.", CM_FORM_MAX_NAME);
	memcpy(c->name, part->name, strlen(part->name) + 1);
	cm_buf_reset(&c->value);
	return 0;
}

static int field_data(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct collector *c = ctx;

	cm_buf_add(&c->value, data, len);
	if (cm_buf_failed(&c->value) != 0)
		return cm_err_set(err, CM_ETOOBIG, "A field is longer than %d bytes.", CM_FORM_MAX_VALUE);
	return 0;
}

static int end_field(void *ctx, struct cm_err *err)
{
	struct collector *c = ctx;

	return cm_form_add(c->form, c->name, strlen(c->name), c->value.data, c->value.len, err);
}

int cm_form_parse_multipart(struct cm_form *f, const char *content_type, const char *body, size_t len,
			    struct cm_err *err)
{
	static const struct cm_multipart_ops ops = { begin_field, field_data, end_field };
	struct collector c = { .form = f };
	struct cm_multipart *mp = NULL;
	int rc;

	cm_buf_init(&c.value, CM_FORM_MAX_VALUE);
	rc = cm_multipart_new(content_type, &ops, &c, &mp, err);
	if (rc == 0)
		rc = cm_multipart_push(mp, body, len, err);
	if (rc == 0)
		rc = cm_multipart_finish(mp, err);
	cm_multipart_free(mp);
	cm_buf_release(&c.value);
	return rc;
}
