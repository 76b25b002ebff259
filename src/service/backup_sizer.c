/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Measuring the data while it is already being read: when no earlier backup tells how much there is, and only once it
 * is clear that it takes a while. In a thread with an engine handle and helpers of its own.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/backup_int.h"
#include "service/restore_helper.h"

struct cm_backup_sizer {
	const struct cm_app *app;
	pthread_t thread;
	atomic_bool stop;
	_Atomic uint64_t bytes; /* 0 until all is measured */
	/* Copies: the plan belongs to the other thread. */
	struct {
		char *source;
		bool is_volume;
	} trees[CM_BACKUP_PARTS_MAX];
	size_t count;
};

static bool stopped(void *ctx)
{
	return atomic_load(&((struct cm_backup_sizer *)ctx)->stop);
}

static int tree_measure(struct cm_backup_sizer *s, size_t i, uint64_t *sum)
{
	struct cm_helper_mount mount = {
		.source = s->trees[i].source, .target = "/t", .is_volume = s->trees[i].is_volume, .read_only = true
	};
	struct cm_archive_watch watch = { .ctx = s, .cancelled = stopped };
	cm_autojson struct json_object *plan = json_object_new_object(), *result = NULL;
	struct cm_docker *d;
	int rc = cm_engine_get(s->app, &d, NULL);

	if (rc < 0)
		return rc;
	cm_docker_set_cancel(d, stopped, s);
	cm_json_set_str(plan, "op", "du");
	cm_json_set_str(plan, "path", "/t");
	rc = cm_restore_helper_run(s->app, d, &mount, 1, CM_HELPER_READ, plan, &watch, &result, NULL);
	if (rc == 0)
		*sum += (uint64_t)cm_json_int(result, "bytes", 0);
	return rc;
}

static void *sizer_run(void *arg)
{
	struct cm_backup_sizer *s = arg;
	uint64_t sum = 0;

	for (size_t i = 0; i < s->count; i++) {
		/* Without one of them the sum would promise an end that is not there. */
		if (stopped(s) || tree_measure(s, i, &sum) < 0)
			return NULL;
	}
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
		s->trees[s->count].source = cm_strdup(source);
		s->trees[s->count++].is_volume = p->kind == CM_BACKUP_VOLUME;
	}
}

static void sizer_free(struct cm_backup_sizer *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->trees[i].source);
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
