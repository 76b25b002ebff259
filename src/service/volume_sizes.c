/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/volume_sizes.h"

#include "core/json.h"
#include "core/str.h"
#include "docker/volume.h"
#include "service/measured.h"

static struct cm_measured known = { .ask = cm_volume_sizes, .old_ms = 10000, .lock = PTHREAD_MUTEX_INITIALIZER };

void cm_volume_sizes_get(const struct cm_app *app, struct cm_volume_sizes *ret)
{
	struct cm_measured_answer answer;

	cm_measured_get(&known, app, &answer);
	*ret = (struct cm_volume_sizes){ .by_name = answer.value, .at_ms = answer.at_ms, .measuring = answer.asking };
	cm_str_copy(ret->error, sizeof(ret->error), answer.error);
}

void cm_volume_sizes_release(struct cm_volume_sizes *s)
{
	json_object_put(s->by_name);
	s->by_name = NULL;
}

int64_t cm_volume_sizes_of(const struct cm_volume_sizes *s, const char *name)
{
	return cm_json_int(s->by_name, name, -1);
}
