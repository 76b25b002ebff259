/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "docker/events.h"

#include <stdio.h>

#include "docker/jsonlines.h"
#include "docker/transport.h"

/* Unix time with milliseconds, as the engine takes it: "1795373082.035". */
static void time_param(struct cm_buf *path, const char *name, int64_t ms)
{
	if (ms > 0)
		cm_buf_printf(path, "%c%s=%lld.%03lld", path->len > 7 ? '&' : '?', name, (long long)(ms / 1000),
			      (long long)(ms % 1000));
}

int cm_events_run(struct cm_docker *d, const struct cm_events_spec *spec, cm_events_fn fn, void *ctx,
		  struct cm_err *err)
{
	cm_autobuf struct cm_buf path = CM_BUF_INIT(16384);
	struct cm_jsonlines lines;

	cm_docker_path(&path, "/events");
	time_param(&path, "since", spec->since_ms);
	time_param(&path, "until", spec->until_ms);
	cm_docker_path_filters(&path, path.len > 7 ? '&' : '?', spec->filters);
	cm_jsonlines_init(&lines, fn, ctx);
	int r = cm_docker_stream_get(d, path.data, cm_jsonlines_feed, &lines, -1, err);
	if (r == 0)
		r = cm_jsonlines_end(&lines, err);
	if (r == 0 && spec->until_ms == 0)
		r = cm_err_set(err, CM_EUPSTREAM, "The Docker Engine ended its events. Was it stopped?");
	cm_jsonlines_release(&lines);
	return r;
}
