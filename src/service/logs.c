/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/logs.h"

#include <string.h>

#include "core/ansi.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/container.h"
#include "service/containers.h"
#include "service/container_spec.h"
#include "service/engine.h"
#include "service/logs_keep.h"

/* With a filter the last lines are looked for among so many at first, then in the whole log for as long as a page may
 * take. */
enum { FIRST_LOOK = 20000, WHOLE_LOOK_MS = 15000 };

static const char *stack_of(struct json_object *labels)
{
	return cm_json_str(labels, "com.docker.compose.project", cm_json_str(labels, "com.docker.stack.namespace", ""));
}

int cm_logs_source(const struct cm_app *app, const char *id, struct cm_logs_source *ret, struct cm_err *err)
{
	cm_autojson struct json_object *inspect = NULL;
	struct cm_docker *d;
	int rc = cm_engine_get(app, &d, err);

	rc = rc < 0 ? rc : cm_container_inspect(d, id, false, &inspect, err);
	if (rc < 0)
		return rc;
	*ret = (struct cm_logs_source){ .tty = json_object_get_boolean(cm_json_at(inspect, "Config.Tty")),
					.running = json_object_get_boolean(cm_json_at(inspect, "State.Running")) };
	cm_str_copy(ret->id, sizeof(ret->id), cm_json_str(inspect, "Id", id));
	cm_str_copy(ret->name, sizeof(ret->name), cm_spec_name(inspect));
	cm_str_copy(ret->driver, sizeof(ret->driver), cm_json_str_at(inspect, "HostConfig.LogConfig.Type", ""));
	cm_str_copy(ret->stack, sizeof(ret->stack), stack_of(cm_json_obj(cm_json_obj(inspect, "Config"), "Labels")));
	if (cm_str_eq(ret->driver, "none"))
		return cm_err_set(err, CM_EUNSUPPORTED,
				  "%s keeps no log: its logging driver is \"none\". Create it with another one "
				  "(json-file, local) to read here what it writes.",
				  ret->name);
	return 0;
}

static int name_order(const void *a, const void *b)
{
	const struct cm_logs_source *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int cm_logs_stack(const struct cm_app *app, const char *stack, struct cm_logs_source *sources, size_t *ret_count,
		  size_t *ret_all, struct cm_err *err)
{
	cm_autojson struct json_object *list = NULL;
	size_t count = 0, all = 0;
	int rc = cm_engine_containers(app, &list, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *c = json_object_array_get_idx(list, i), *labels = cm_json_obj(c, "Labels");

		if (!cm_str_eq(stack_of(labels), stack))
			continue;
		all++;
		if (count == CM_LOGS_SOURCES)
			continue;
		rc = cm_logs_source(app, cm_json_str(c, "Id", ""), &sources[count], err);
		if (rc == 0)
			count++;
		else if (rc != CM_ENOTFOUND && rc != CM_EUNSUPPORTED) /* gone meanwhile, or without a log */
			return rc;
	}
	if (all == 0)
		return cm_err_set(err, CM_ENOTFOUND, "There is no container of a stack %.100s on this Docker host.",
				  stack);
	if (count == 0)
		return cm_err_set(err, CM_EUNSUPPORTED, "No container of the stack %.100s keeps a log.", stack);
	qsort(sources, count, sizeof(*sources), name_order);
	*ret_count = count;
	*ret_all = all;
	return 0;
}

bool cm_logs_match(const struct cm_logs_query *q, const struct cm_log_line *line)
{
	cm_autobuf struct cm_buf plain = CM_BUF_INIT(CM_LOG_LINE_MAX * 3 + 1);

	if (line->is_stderr ? q->no_stderr : q->no_stdout)
		return false;
	if (line->at_ns != 0 &&
	    ((q->since_ns > 0 && line->at_ns < q->since_ns) || (q->until_ns > 0 && line->at_ns > q->until_ns)))
		return false;
	if (q->find[0] == '\0')
		return true;
	cm_ansi_plain(&plain, line->text, line->len);
	return strcasestr(plain.data, q->find) != NULL;
}

/* One reading of one log. */
struct look {
	struct cm_logs_keep *keep;
	const struct cm_logs_query *q;
	size_t source, seen;
	int64_t end_ms;
};

static int look_line(void *ctx, const struct cm_log_line *line, struct cm_err *err)
{
	struct look *l = ctx;
	struct cm_log_line mine = *line;

	(void)err;
	l->seen++;
	mine.source = l->source;
	if (cm_logs_match(l->q, line))
		cm_logs_keep_add(l->keep, &mine);
	return 0;
}

static bool look_late(void *ctx)
{
	struct look *l = ctx;

	return cm_monotonic_ms() > l->end_ms;
}

/* tail negative: all. */
static int look(struct cm_docker *d, const struct cm_logs_source *s, int tail, struct look *l, struct cm_err *err)
{
	struct cm_logs_spec spec = { .timestamps = true, .tail = tail, .since_ns = l->q->since_ns };
	struct cm_log_lines lines;
	int rc;

	if (tail < 0)
		spec.until_ns = l->q->until_ns;
	l->seen = 0;
	l->end_ms = cm_monotonic_ms() + WHOLE_LOOK_MS;
	cm_log_lines_init(&lines, look_line, l);
	cm_docker_set_cancel(d, look_late, l);
	rc = cm_container_logs(d, s->id, &spec, cm_log_lines_feed, &lines, err);
	cm_docker_set_cancel(d, NULL, NULL);
	if (rc == 0)
		rc = cm_log_lines_end(&lines, err);
	cm_log_lines_release(&lines);
	return rc;
}

/* The last lines of one source. The engine counts tail before it leaves anything out, so with a filter more is asked
 * for than is wanted. */
static int last_of(struct cm_docker *d, const struct cm_logs_source *s, size_t source, const struct cm_logs_query *q,
		   size_t tail, struct cm_logs_keep *keep, bool *partial, struct cm_err *err)
{
	bool filtered = q->no_stdout || q->no_stderr || q->until_ns > 0 || q->find[0] != '\0';
	size_t ask = filtered && tail < FIRST_LOOK ? FIRST_LOOK : tail + 1;
	struct cm_logs_keep more;
	struct look l = { .keep = keep, .q = q, .source = source };
	int rc = look(d, s, (int)ask, &l, err);

	if (rc < 0 || !filtered || l.seen < ask || keep->count >= tail + 1)
		return rc;
	cm_logs_keep_init(&more, tail + 1);
	l.keep = &more;
	rc = look(d, s, -1, &l, err);
	if (rc == 0)
		cm_logs_keep_swap(keep, &more);
	else if (rc == CM_ECANCELLED)
		*partial = true, rc = 0;
	cm_logs_keep_release(&more);
	return rc;
}

int cm_logs_last(const struct cm_app *app, const struct cm_logs_source *sources, size_t count,
		 const struct cm_logs_query *q, size_t tail, struct cm_logs_list *ret, struct cm_err *err)
{
	struct cm_logs_keep all;
	struct cm_docker *d;
	bool partial = false, older = false;
	int rc = cm_engine_get(app, &d, err);

	if (rc < 0)
		return rc;
	cm_logs_keep_init(&all, tail * count + 1);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct cm_logs_keep one;

		cm_logs_keep_init(&one, tail + 1);
		rc = last_of(d, &sources[i], i, q, tail, &one, &partial, err);
		older |= one.dropped > 0;
		cm_logs_keep_move(&all, &one);
		cm_logs_keep_release(&one);
	}
	if (rc == 0) {
		*ret = (struct cm_logs_list){ .partial = partial };
		older |= all.dropped > 0;
		ret->lines = cm_logs_keep_take(&all, count > 1, tail, &ret->count, &ret->older);
		ret->older |= older;
	}
	cm_logs_keep_release(&all);
	return rc;
}

void cm_logs_list_release(struct cm_logs_list *l)
{
	cm_log_lines_free(l->lines, l->count);
	*l = (struct cm_logs_list){ 0 };
}
