/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/image_sizes.h"

#include "core/json.h"
#include "docker/image.h"
#include "service/measured.h"

static struct cm_measured known = { .ask = cm_image_shared_sizes, .old_ms = 60000, .lock = PTHREAD_MUTEX_INITIALIZER };

void cm_image_sizes_get(const struct cm_app *app, struct cm_image_sizes *ret)
{
	struct cm_measured_answer answer;

	cm_measured_get(&known, app, &answer);
	*ret = (struct cm_image_sizes){ .shared = answer.value, .at_ms = answer.at_ms, .counting = answer.asking };
}

void cm_image_sizes_release(struct cm_image_sizes *s)
{
	json_object_put(s->shared);
	s->shared = NULL;
}

int64_t cm_image_sizes_shared(const struct cm_image_sizes *s, const char *id)
{
	return cm_json_int(s->shared, id, -1);
}
