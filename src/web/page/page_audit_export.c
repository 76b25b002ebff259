/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The audit log as a file: every entry that matches, newest first, read page by page while it is sent, so that neither
 * memory nor the database notices how many there are.
 */
#include <string.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/str.h"
#include "web/csv.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_audit.h"
#include "web/reply.h"
#include "web/view/view_audit.h"

enum { AT_ONCE = 500, PIECE_MAX = 64 << 20 };

struct export
{
	struct cm_audit_query q;
	char *texts[6]; /* those the query points to */
	bool json;
};

static void export_free(void *arg)
{
	struct export *e = arg;

	for (size_t i = 0; i < CM_COUNT(e->texts); i++)
		free(e->texts[i]);
	free(e);
}

static struct export *export_new(const struct cm_audit_query *q, bool json)
{
	struct export *e = cm_alloc(sizeof(*e));
	const char **own[] = { &e->q.operation, &e->q.status,	    &e->q.user,
			       &e->q.container, &e->q.container_id, &e->q.search };

	e->q = *q;
	e->json = json;
	for (size_t i = 0; i < CM_COUNT(own); i++) {
		e->texts[i] = cm_strdup(*own[i]);
		*own[i] = e->texts[i];
	}
	e->q.sort = NULL;
	e->q.limit = AT_ONCE;
	e->q.offset = 0;
	return e;
}

static void csv_head(struct cm_buf *b)
{
	static const char *const names[] = { "id",
					     "time",
					     "operation",
					     "status",
					     "user",
					     "address",
					     "container_name",
					     "container_id",
					     "backup_filename",
					     "duration_ms",
					     "error_message",
					     "details" };

	for (size_t i = 0; i < CM_COUNT(names); i++)
		cm_csv_text(b, names[i]);
	cm_csv_end(b);
}

static void csv_row(struct cm_buf *b, const struct cm_audit_row *r)
{
	char at[32];

	cm_time_rfc3339(at, r->at_ms);
	cm_csv_int(b, r->id);
	cm_csv_text(b, at);
	cm_csv_text(b, r->operation);
	cm_csv_text(b, r->status);
	cm_csv_text(b, r->user);
	cm_csv_text(b, r->address);
	cm_csv_text(b, r->container_name);
	cm_csv_text(b, r->container_id);
	cm_csv_text(b, r->backup_filename);
	if (r->duration_ms >= 0)
		cm_csv_int(b, r->duration_ms);
	else
		cm_csv_text(b, NULL);
	cm_csv_text(b, r->error);
	cm_csv_text(b, r->details);
	cm_csv_end(b);
}

static void json_row(struct cm_buf *b, const struct cm_audit_row *r, bool first)
{
	cm_autojson struct json_object *o = cm_view_audit_export(r);
	cm_autofree char *text = cm_json_text(o);

	cm_buf_str(b, first ? "\n" : ",\n");
	cm_buf_str(b, text);
}

static int piece(const struct export *e, struct cm_audit_list *list, bool first, int fd)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(PIECE_MAX);

	if (first && e->json)
		cm_buf_char(&b, '[');
	else if (first)
		csv_head(&b);
	for (size_t i = 0; i < list->count; i++) {
		if (e->json)
			json_row(&b, &list->rows[i], first && i == 0);
		else
			csv_row(&b, &list->rows[i]);
	}
	if (e->json && list->count < AT_ONCE)
		cm_buf_str(&b, "\n]\n");
	return cm_buf_failed(&b) ? cm_buf_failed(&b) : cm_fd_write_all(fd, b.data, b.len);
}

static int send_all(void *arg, int fd, const atomic_bool *stop)
{
	struct export *e = arg;
	struct cm_err err = { 0 };
	bool first = true, more = true;
	int rc = 0;

	while (rc == 0 && more && !atomic_load(stop)) {
		struct cm_audit_list list = { 0 };

		rc = cm_audit_list(&e->q, &list, &err);
		if (rc != 0) {
			cm_warn("web", "an export of the audit log broke off: %s (%s)", err.text, err.detail);
			break;
		}
		rc = piece(e, &list, first, fd);
		first = false;
		more = list.count == AT_ONCE;
		if (list.count > 0)
			e->q.before_id = list.rows[list.count - 1].id;
		cm_audit_list_release(&list);
	}
	return rc != 0 || more ? -1 : 0;
}

/* Who took the log along is in the log. */
static void audit_export(const struct cm_request *rq, const char *format)
{
	cm_autojson struct json_object *details = json_object_new_object();
	struct cm_audit_event event = { .operation = "audit_export", .status = "completed", .details = details };

	cm_json_set_str(details, "format", format);
	if (rq->query != NULL && rq->query[0] != '\0')
		cm_json_set_str(details, "query", rq->query);
	if (rq->method == CM_GET && cm_audit(&event, NULL) != 0)
		cm_warn("web", "the audit log could not be written");
}

int cm_page_audit_export(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *format = cm_form_str(rq->get, "format", "csv");
	bool json = strcmp(format, "json") == 0;
	struct cm_audit_query q = { 0 };
	char stamp[32];
	int rc = cm_audit_query_read(rq, &q, err);

	if (rc != 0)
		return rc;
	if (!json && strcmp(format, "csv") != 0)
		return cm_err_set(err, CM_EINVAL, "The format is csv or json.");
	audit_export(rq, format);
	cm_time_stamp(stamp, cm_now_ms());
	cm_autofree char *name = cm_asprintf("audit_%s.%s", stamp, format);
	cm_reply_attachment(rp, name);
	cm_reply_header(rp, "cache-control", "no-store");
	cm_reply_stream(rp, json ? "application/json" : "text/csv; charset=utf-8", -1, send_all, export_free,
			export_new(&q, json));
	return 0;
}
