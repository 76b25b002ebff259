/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Measuring the data while it is already being read: when no earlier backup tells how much there is, and only once it
 * is clear that it takes a while. In a thread with an engine handle and a helper of its own.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/backup_int.h"
#include "service/engine.h"
#include "service/helper_shift.h"

struct cm_backup_sizer {
	const struct cm_app *app;
	pthread_t thread;
	atomic_bool stop;
	_Atomic uint64_t bytes;		  /* 0 until all is measured */
	char *trees[CM_BACKUP_PARTS_MAX]; /* copies: the plan belongs to the other thread */
	size_t count;
};

static bool stopped(void *ctx)
{
	return atomic_load(&((struct cm_backup_sizer *)ctx)->stop);
}

static int tree_measure(struct cm_backup_sizer *s, struct cm_shift *shift, size_t i, uint64_t *sum)
{
	const char *source = s->trees[i];
	const struct cm_shift_need need = { source, false };
	struct cm_archive_watch watch = { .ctx = s, .cancelled = stopped };
	cm_autojson struct json_object *plan = json_object_new_object(), *result = NULL;
	int rc;

	for (; cm_shift_path(shift, source, false) == NULL && i < s->count; i++)
		cm_shift_expect(shift, s->trees[i], false);
	rc = cm_shift_need(shift, &need, 1, NULL);
	if (rc < 0)
		return rc;
	cm_json_set_str(plan, "op", "du");
	cm_json_set_str(plan, "path", cm_shift_path(shift, source, false));
	rc = cm_shift_run(shift, plan, &watch, NULL, NULL, &result, NULL);
	if (rc == 0)
		*sum += (uint64_t)cm_json_int(result, "bytes", 0);
	return rc;
}

static void *sizer_run(void *arg)
{
	struct cm_backup_sizer *s = arg;
	struct cm_shift shift = { .app = s->app };
	uint64_t sum = 0;
	size_t done = 0;

	if (cm_engine_get(s->app, &shift.d, NULL) < 0)
		return NULL;
	cm_docker_set_cancel(shift.d, stopped, s);
	while (done < s->count && !stopped(s) && tree_measure(s, &shift, done, &sum) == 0)
		done++;
	cm_shift_drop(&shift);
	/* Without one of them the sum would promise an end that is not there. */
	if (done == s->count)
		atomic_store(&s->bytes, sum);
	return NULL;
}

/* A single file is measured by nobody: it has no folder to walk, and is small beside what makes a backup long. */
static void trees_copy(struct cm_backup_sizer *s, const struct cm_backup_plan *plan)
{
	for (size_t i = 0; i < plan->part_count; i++) {
		const struct cm_backup_part *p = &plan->parts[i];
		const char *source = p->kind == CM_BACKUP_ROOTFS ? plan->upper : p->name;

		if (p->kind == CM_BACKUP_BIND_FILE || source == NULL)
			continue;
		s->trees[s->count++] = cm_strdup(source);
	}
}

static void sizer_free(struct cm_backup_sizer *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->trees[i]);
	free(s);
}

struct cm_backup_sizer *cm_backup_sizer_start(const struct cm_backup_run *r)
{
	struct cm_backup_sizer *s = cm_alloc(sizeof(*s));

	s->app = r->app;
	trees_copy(s, &r->plan);
	if (pthread_create(&s->thread, NULL, sizer_run, s) == 0)
		return s;
	sizer_free(s);
	return NULL;
}

uint64_t cm_backup_sizer_bytes(struct cm_backup_sizer *s)
{
	return s != NULL ? atomic_load(&s->bytes) : 0;
}

void cm_backup_sizer_stop(struct cm_backup_sizer *s)
{
	if (s == NULL)
		return;
	atomic_store(&s->stop, true);
	pthread_join(s->thread, NULL);
	sizer_free(s);
}
