/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "docker/stats.h"

#include "core/clock.h"
#include "core/mem.h"
#include "docker/transport.h"

enum { PATH_LEN = 4096, BUFFER = 8 << 10 };

/* One place of those that are under way at a time. */
struct place {
	struct cm_docker_req q;
	size_t i; /* the container it asks for */
	int64_t began_ms;
	bool busy;
};

struct round {
	struct cm_docker *d;
	const char *const *ids;
	size_t count, next, under_way;
	int each_ms;
	cm_stats_fn fn;
	void *ctx;
	struct place *places;
};

static void tell_error(struct round *r, size_t i, const struct cm_err *why)
{
	r->fn(r->ctx, i, NULL, why);
}

static void place_end(struct round *r, struct place *p)
{
	cm_docker_req_release(&p->q);
	p->busy = false;
	r->under_way--;
}

/* Gives the place its next container; one that cannot even be asked for is told and passed over. */
static void place_begin(struct round *r, struct place *p)
{
	while (r->next < r->count) {
		cm_autobuf struct cm_buf path = CM_BUF_INIT(PATH_LEN);
		struct cm_err why = { 0 };
		size_t i = r->next++;
		int rc = cm_docker_ref_check("container", r->ids[i], &why);

		if (rc == 0) {
			cm_docker_path(&path, "/containers/%s/stats?stream=0", r->ids[i]);
			if (r->d->api >= 41)
				cm_buf_str(&path, "&one-shot=1");
			rc = cm_docker_req_open(&p->q, r->d, "GET", path.data, true, false, &why);
			if (rc == 0)
				curl_easy_setopt(p->q.easy, CURLOPT_BUFFERSIZE, (long)BUFFER);
			rc = rc < 0 ? rc : cm_docker_req_add(&p->q, &why);
			if (rc < 0)
				cm_docker_req_release(&p->q);
		}
		if (rc == 0) {
			p->i = i;
			p->began_ms = cm_monotonic_ms();
			p->busy = true;
			r->under_way++;
			return;
		}
		tell_error(r, i, &why);
	}
}

static void place_done(struct round *r, struct place *p)
{
	struct json_object *stats = NULL;
	struct cm_err why = { 0 };
	int rc = cm_docker_req_finish(&p->q, &why);

	rc = rc < 0 ? rc : cm_docker_req_check(&p->q, &why);
	rc = rc < 0 ? rc : cm_docker_req_parse(&p->q, &stats, &why);
	if (rc == 0 && stats == NULL)
		rc = cm_err_set(&why, CM_EUPSTREAM, "The Docker Engine gave no statistics of this container.");
	if (rc < 0)
		tell_error(r, p->i, &why);
	else
		r->fn(r->ctx, p->i, stats, NULL);
	json_object_put(stats);
}

static void place_tend(struct round *r, struct place *p, int64_t now)
{
	struct cm_err why = { 0 };

	if (!p->busy)
		return;
	if (p->q.done) {
		place_done(r, p);
	} else if (now - p->began_ms >= r->each_ms) {
		cm_err_set(&why, CM_ETIMEDOUT, "The Docker Engine did not answer for this container within %d s.",
			   (r->each_ms + 999) / 1000);
		tell_error(r, p->i, &why);
	} else {
		return;
	}
	place_end(r, p);
	place_begin(r, p);
}

int cm_stats_many(struct cm_docker *d, const char *const *ids, size_t count, size_t parallel, int each_ms,
		  cm_stats_fn fn, void *ctx, struct cm_err *err)
{
	struct round r = { .d = d, .ids = ids, .count = count, .each_ms = each_ms, .fn = fn, .ctx = ctx };
	int rc = count > 0 ? cm_docker_agree(d, err) : 0;

	if (rc < 0 || count == 0)
		return rc;
	parallel = parallel < count ? parallel : count;
	r.places = cm_alloc_array(parallel, sizeof(*r.places));
	curl_multi_setopt(d->multi, CURLMOPT_MAXCONNECTS, (long)parallel);
	for (size_t k = 0; k < parallel; k++)
		place_begin(&r, &r.places[k]);
	while (rc == 0 && r.under_way > 0) {
		rc = cm_docker_drive(d, err);
		for (size_t k = 0; rc == 0 && k < parallel; k++)
			place_tend(&r, &r.places[k], cm_monotonic_ms());
		if (rc == 0 && cm_docker_is_cancelled(d))
			rc = cm_docker_err_cancelled(err);
		if (rc == 0 && r.under_way > 0)
			curl_multi_poll(d->multi, NULL, 0, CM_DOCKER_TICK_MS, NULL);
	}
	for (size_t k = 0; k < parallel; k++)
		if (r.places[k].busy)
			place_end(&r, &r.places[k]);
	free(r.places);
	return rc;
}
