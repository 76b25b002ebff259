/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_chart.h"

#include <math.h>
#include <stdio.h>

#include "core/buf.h"
#include "core/json.h"

enum { FINE = 4, BUCKETS_MAX = CM_CHART_BUCKETS * FINE, PATH_MAX_LEN = 16384, FINE_HEIGHT = 120, TEXT_MAX = 32 };

struct drawing {
	double v[BUCKETS_MAX];
	size_t buckets;
	int height;
	double top; /* of the scale */
};

static double mean_of(const float *v, size_t from, size_t to)
{
	double sum = 0;
	int n = 0;

	for (size_t i = from; i < to; i++) {
		if (v[i] < 0)
			continue;
		sum += (double)v[i];
		n++;
	}
	return n > 0 ? sum / n : -1;
}

static void look(const float *v, size_t count, struct cm_chart_stats *s)
{
	s->now = count > 0 && v[count - 1] >= 0 ? (double)v[count - 1] : -1;
	s->mean = mean_of(v, 0, count);
	s->top = -1;
	for (size_t i = 0; i < count; i++)
		s->top = (double)v[i] > s->top ? (double)v[i] : s->top;
}

static int y_of(const struct drawing *d, size_t i)
{
	/* The line's own width stays inside. */
	double y = (d->height - 1) - d->v[i] / d->top * (d->height - 2);

	return (int)lround(y < 1 ? 1 : y);
}

/* One unbroken piece, from bucket "from" up to before "to". A single point is drawn as a short line. */
static void piece(const struct drawing *d, size_t from, size_t to, struct cm_buf *line, struct cm_buf *area)
{
	size_t last = to - 1;

	cm_buf_printf(line, "M%zu %d", from * CM_CHART_STEP, y_of(d, from));
	cm_buf_printf(area, "M%zu %dV%d", from * CM_CHART_STEP, d->height, y_of(d, from));
	for (size_t i = from + 1; i < to; i++) {
		cm_buf_printf(line, "L%zu %d", i * CM_CHART_STEP, y_of(d, i));
		cm_buf_printf(area, "L%zu %d", i * CM_CHART_STEP, y_of(d, i));
	}
	if (last == from)
		cm_buf_str(line, "h1");
	cm_buf_printf(area, "%sV%dZ", last == from ? "h1" : "", d->height);
}

static void draw(struct json_object *o, const struct drawing *d)
{
	cm_autobuf struct cm_buf line = CM_BUF_INIT(PATH_MAX_LEN), area = CM_BUF_INIT(PATH_MAX_LEN);
	char box[TEXT_MAX];
	size_t i = 0;

	while (i < d->buckets) {
		size_t from;

		while (i < d->buckets && d->v[i] < 0)
			i++;
		from = i;
		while (i < d->buckets && d->v[i] >= 0)
			i++;
		if (i > from)
			piece(d, from, i, &line, &area);
	}
	snprintf(box, sizeof(box), "0 0 %zu %d", (d->buckets - 1) * CM_CHART_STEP, d->height);
	cm_json_set_str(o, "line", line.data);
	cm_json_set_str(o, "area", area.data);
	cm_json_set_str(o, "view_box", box);
}

void cm_view_chart(struct json_object *o, const char *key, const float *v, size_t count, double least_top, bool fine,
		   struct cm_chart_stats *ret)
{
	struct drawing d = { .buckets = (size_t)CM_CHART_BUCKETS * (fine ? FINE : 1),
			     .height = fine ? FINE_HEIGHT : CM_CHART_HEIGHT };
	struct cm_chart_stats s;
	struct json_object *chart;
	double top = -1;

	look(v, count, &s);
	if (ret != NULL)
		*ret = s;
	for (size_t i = 0; i < d.buckets; i++) {
		d.v[i] = mean_of(v, i * count / d.buckets, (i + 1) * count / d.buckets);
		top = d.v[i] > top ? d.v[i] : top;
	}
	cm_json_set(o, key, NULL);
	if (top < 0)
		return;
	d.top = top > least_top ? top : least_top;
	d.top = d.top > 0 ? d.top : 1;
	chart = json_object_new_object();
	draw(chart, &d);
	cm_json_set(o, key, chart);
}
