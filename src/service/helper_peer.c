/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/helper_peer.h"

#include "core/mem.h"
#include "db/journal.h"
#include "service/engine.h"

static int peer_write(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	int rc = cm_helper_send(ctx, data, len, err);

	/* It has ended: the archive code then looks whether it said why before it did. */
	if (rc == CM_EUPSTREAM && err != NULL)
		err->code = CM_EUNREACHABLE;
	return rc == CM_EUPSTREAM ? CM_EUNREACHABLE : rc;
}

static int peer_read(void *ctx, void *data, size_t len, int timeout_ms, size_t *ret_len, struct cm_err *err)
{
	size_t got = 0;
	int rc;

	if (timeout_ms <= 0) {
		if (!cm_helper_readable(ctx)) {
			*ret_len = 0;
			return 0;
		}
		timeout_ms = 1;
	}
	rc = cm_helper_read_some(ctx, data, len, timeout_ms, &got, err);
	if (rc == CM_ETIMEDOUT) {
		*ret_len = 0;
		return 0;
	}
	if (rc == 0 && got == 0)
		return cm_err_set(err, CM_EUNREACHABLE, "The helper container ended too early.");
	if (rc == 0)
		*ret_len = got;
	return rc;
}

void cm_helper_peer(struct cm_peer *ret, struct cm_helper *h)
{
	*ret = (struct cm_peer){ .ctx = h, .write = peer_write, .read = peer_read };
}

/* The rest of the spec is filled in. */
static int open_with(const struct cm_app *app, struct cm_docker *d, struct cm_helper_spec spec, struct cm_helper **ret,
		     struct cm_err *err)
{
	struct cm_helper_shared shared = { .kind = CM_HELPER_SHARED_NONE };
	cm_autofree char *image = NULL;
	char instance[17];
	int rc = cm_engine_helper_image(app, &image, err);

	rc = rc < 0 ? rc : cm_engine_shared(app, &shared, err);
	if (rc < 0)
		return rc;
	cm_engine_instance(app, instance);
	spec.image_ref = image;
	spec.instance = instance;
	spec.job = cm_journal_job();
	spec.socket_dir = app->tmp_dir;
	spec.shared = &shared;
	return cm_helper_start(d, &spec, ret, err);
}

int cm_helper_open(const struct cm_app *app, struct cm_docker *d, const struct cm_helper_mount *mounts, size_t count,
		   enum cm_helper_privileges privileges, struct cm_helper **ret, struct cm_err *err)
{
	struct cm_helper_spec spec = {
		.mounts = mounts, .mount_count = count, .privileges = privileges, .trusted = true
	};

	return open_with(app, d, spec, ret, err);
}

int cm_helper_open_beside(const struct cm_app *app, struct cm_docker *d, const char *container, struct cm_helper **ret,
			  struct cm_err *err)
{
	struct cm_helper_spec spec = { .network = container, .privileges = CM_HELPER_NONE };

	return open_with(app, d, spec, ret, err);
}
