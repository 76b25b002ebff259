/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One backup: what is in it, and the archive itself.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "jobs/queue.h"
#include "service/audit.h"
#include "service/backup_meta.h"
#include "service/containers.h"
#include "service/engine.h"
#include "service/restore.h"
#include "service/restore_source.h"
#include "service/vaults.h"
#include "web/form.h"
#include "web/page.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_backup.h"
#include "web/view/view_container.h"

/* A file of the predecessor has no index: to tell its parts it is read whole, which takes too long beyond this. */
enum { LEGACY_READ_MAX = 128 << 20, OTHERS_SHOWN = 20, NETWORK_MAX = 4 << 20 };

/* What the page gathers; everything may be missing. */
struct gathered {
	struct cm_catalog_row row;
	struct json_object *companion, *network;
	struct cm_restore_source *source;
	struct cm_catalog_list others;
	struct cm_job_list jobs;
	struct json_object *containers;
	char job_text[96];
};

static void gathered_release(struct gathered *g)
{
	cm_catalog_row_release(&g->row);
	json_object_put(g->companion);
	json_object_put(g->network);
	cm_restore_source_close(g->source);
	cm_catalog_list_release(&g->others);
	cm_job_list_release(&g->jobs);
	json_object_put(g->containers);
}

static struct json_object *companion_read(const struct cm_app *app, const struct cm_catalog_row *row)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(CM_COMPANION_MAX);
	struct json_object *o = NULL;
	struct cm_vault *v;

	if (cm_vaults_open(app, row->vault, &v, NULL) < 0)
		return NULL;
	if (v->ops->read_companion(v, row->file, &text, NULL) == 0)
		cm_json_parse_bounded(text.data, text.len, NULL, &o, NULL);
	cm_vault_free(v);
	return o;
}

static struct json_object *network_read(const struct cm_app *app, const char *file)
{
	struct json_object *o = NULL;
	struct cm_vaults_file f;
	uint64_t size;
	char *text;

	if (cm_vaults_open_file(app, file, &f, NULL) < 0)
		return NULL;
	size = f.vault->ops->size(f.file);
	text = size <= NETWORK_MAX ? cm_alloc(size + 1) : NULL;
	if (text != NULL && f.vault->ops->pread(f.file, text, size, 0, NULL) == 0)
		cm_json_parse_bounded(text, size, NULL, &o, NULL);
	free(text);
	cm_vaults_close_file(&f);
	return o;
}

/* Unfinished work on this file, for the notice at the top. */
static const char *job_find(struct gathered *g)
{
	struct cm_job_query q = { .subject = g->row.file, .only_unfinished = true };
	const struct cm_job *job;
	const char *what;

	if (cm_queue_list(&q, &g->jobs, NULL) < 0 || g->jobs.count == 0)
		return NULL;
	job = &g->jobs.jobs[0];
	what = cm_str_eq(job->kind, "verify") ? "Verifying" : cm_str_eq(job->kind, "drill") ? "Drill" : "At work";
	if (job->bytes_total > 0)
		snprintf(g->job_text, sizeof(g->job_text), "%s, %d %%", what,
			 (int)(job->bytes_done * 100 / job->bytes_total));
	else
		snprintf(g->job_text, sizeof(g->job_text), "%s", what);
	return job->id;
}

static const char *container_state(const struct cm_app *app, struct gathered *g)
{
	if (cm_engine_containers(app, &g->containers, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < cm_json_len(g->containers); i++) {
		struct json_object *entry = json_object_array_get_idx(g->containers, i);

		if (cm_str_eq(cm_containers_entry_name(entry), g->row.container_name))
			return cm_json_str(entry, "State", "");
	}
	return NULL;
}

/* A damaged archive still has a page: what cannot be read is left out. */
static void content_read(const struct cm_app *app, struct gathered *g)
{
	if (cm_str_eq(g->row.type, "network")) {
		g->network = network_read(app, g->row.file);
		return;
	}
	g->companion = companion_read(app, &g->row);
	if (cm_str_eq(g->row.type, "volume"))
		return;
	if (cm_str_eq(g->row.type, "export"))
		(void)cm_restore_source_open_export(app, g->row.file, &g->source, NULL);
	else if (g->row.has_manifest || g->row.size <= LEGACY_READ_MAX)
		(void)cm_restore_source_open(app, g->row.file, &g->source, NULL);
}

static int page_show(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct gathered g = { 0 };
	struct cm_backup_page page = { .row = &g.row, .role = rq->role, .now_ms = cm_now_ms() };
	struct cm_catalog_query others = { .limit = OTHERS_SHOWN };
	bool of_container;
	int rc = cm_catalog_get(NULL, rq->params[0], &g.row, err);

	if (rc < 0)
		return rc;
	content_read(rq->app, &g);
	of_container = cm_str_eq(g.row.type, "container") || cm_str_eq(g.row.type, "export");
	others.container_name = g.row.container_name;
	others.type = g.row.type;
	if (of_container && g.row.container_name != NULL)
		(void)cm_catalog_list(&others, &g.others, NULL);
	page.companion = g.companion;
	page.source = g.source;
	page.network = g.network;
	page.others = &g.others;
	page.job_id = job_find(&g);
	page.job_text = g.job_text;
	page.container_state = of_container ? container_state(rq->app, &g) : NULL;
	cm_view_title(rp,
		      cm_str_eq(g.row.type, "network")	? "Backup of network %s"
		      : cm_str_eq(g.row.type, "volume") ? "Backup of volume %s"
		      : cm_str_eq(g.row.type, "export") ? "Export of %s"
							: "Backup of %s",
		      g.row.container_name ? g.row.container_name : g.row.file);
	cm_view_backup_page(cm_view_data(rp), &page);
	gathered_release(&g);
	return 0;
}

/* GET /api/backup/<file>/preview: the predecessor's members. */
static int preview(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct json_object *o;
	int rc;

	if (cm_str_has_suffix(rq->params[0], ".json"))
		return cm_err_set(err, CM_EINVAL, "Invalid tar.gz file");
	rc = cm_restore_preview(rq->app, rq->params[0], NULL, &o, err);
	if (rc < 0)
		return rc;
	cm_json_set_bool(o, "success", true);
	cm_reply_json(rp, 200, o);
	return 0;
}

int cm_page_backup_show(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	return rq->is_api ? preview(rq, rp, err) : page_show(rq, rp, err);
}

static void audit_download(const struct cm_request *rq, const char *file)
{
	struct cm_audit_event event = { .operation = "download",
					.status = "completed",
					.backup_filename = file,
					.user = rq->user,
					.address = rq->client };

	/* A range is a download that goes on, or a player that seeks: one line is enough. */
	if (rq->method == CM_GET && cm_request_header(rq, "range") == NULL)
		(void)cm_audit(&event, NULL);
}

static const char *content_type(const char *file)
{
	if (cm_str_has_suffix(file, ".json"))
		return "application/json";
	if (cm_str_has_suffix(file, ".zst"))
		return "application/zstd";
	return cm_str_has_suffix(file, ".zip") ? "application/zip" : "application/x-tar";
}

int cm_page_backup_download(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const char *file = rq->params[0];
	struct cm_vaults_file f;
	int fd, rc = cm_vaults_open_file(rq->app, file, &f, err);

	if (rc < 0)
		return rc;
	fd = f.vault->ops->fd(f.file);
	fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
	cm_vaults_close_file(&f);
	if (fd < 0)
		return cm_err_set(err, CM_EIO, "The backup could not be opened for the download. Try again.");
	audit_download(rq, file);
	return cm_reply_file(rq, rp, fd, content_type(file), NULL, file, err);
}
