/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/catalog_sync.h"

#include <stdio.h>
#include <string.h>

#include "archive/reader.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "db/db.h"
#include "service/audit.h"
#include "service/backup_meta.h"
#include "service/vaults.h"

/* Files in one vault, and rows put in one transaction. */
enum { FILES_MAX = 1000000, BATCH = 200, METADATA_MAX = 1 << 20, AUDITED_MAX = 20 };

struct file {
	char *name;
	int64_t size;
	int64_t modified_ms;
	bool has_companion;
	bool is_missing; /* the catalog's opinion */
};

struct files {
	struct file *list;
	size_t count, cap;
};

static int files_add(struct files *f, const struct file *add)
{
	if (f->count == FILES_MAX)
		return CM_ETOOBIG;
	if (f->count == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 256;
		f->list = cm_realloc(f->list, f->cap, sizeof(*f->list));
	}
	f->list[f->count] = *add;
	f->list[f->count++].name = cm_strdup(add->name);
	return 0;
}

static void files_release(struct files *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->list[i].name);
	free(f->list);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static void files_sort(struct files *f)
{
	if (f->count > 0)
		qsort(f->list, f->count, sizeof(*f->list), by_name);
}

static int on_entry(void *ctx, const struct cm_vault_entry *e)
{
	struct file f = { (char *)e->name, (int64_t)e->size, e->modified_ms, e->has_companion, false };

	return files_add(ctx, &f);
}

static int on_row(void *ctx, const struct cm_catalog_row *row)
{
	struct file f = { row->file, row->size, row->modified_ms, row->companion_ms != 0, row->missing_ms != 0 };

	return files_add(ctx, &f);
}

static struct json_object *companion_read(struct cm_vault *v, const struct file *f)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(CM_COMPANION_MAX);
	struct json_object *o = NULL;

	if (f->has_companion && v->ops->read_companion(v, f->name, &text, NULL) == 0)
		cm_json_parse_bounded(text.data, text.len, NULL, &o, NULL);
	if (!json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		o = NULL;
	}
	return o;
}

/* A file that the predecessor made says in its first members what its companion leaves out. */
static struct json_object *metadata_read(const struct cm_app *app, const char *name)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(METADATA_MAX);
	struct cm_vaults_file f;
	struct cm_source source;
	struct cm_archive *a = NULL;
	struct json_object *o = NULL;

	if (cm_vaults_open_file(app, name, &f, NULL) < 0)
		return NULL;
	source = cm_vaults_source(&f);
	if (cm_str_has_suffix(name, ".json")) {
		char *room = source.size < METADATA_MAX ? cm_buf_room(&text, source.size) : NULL;

		if (room != NULL && source.pread(source.ctx, room, source.size, 0, NULL) == 0) {
			cm_buf_grew(&text, source.size);
			cm_json_parse_bounded(text.data, text.len, NULL, &o, NULL);
		}
	} else if (cm_archive_open(&source, &a, NULL) == 0 && cm_archive_kind(a) == CM_ARCHIVE_FOREIGN) {
		cm_archive_member_json(a, "backup_metadata.json", &o, NULL);
	}
	cm_archive_free(a);
	cm_vaults_close_file(&f);
	return o;
}

static void replace(char **field, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	free(*field);
	*field = cm_strdup(value);
}

static void metadata_apply(struct json_object *m, bool has_companion, struct cm_catalog_row *row)
{
	if (cm_str_eq(row->type, "network")) {
		replace(&row->container_name, cm_json_str(m, "Name", NULL));
	} else {
		replace(&row->container_name, cm_json_str(m, "container_name", NULL));
		replace(&row->container_id, cm_json_str(m, "container_id", NULL));
		replace(&row->image, cm_json_str(m, "image", NULL));
	}
	if (has_companion)
		return;
	replace(&row->server_name, cm_json_str(m, "server_name", NULL));
	if (cm_str_eq(cm_json_str(m, "backup_type", ""), "scheduled"))
		replace(&row->backup_type, "scheduled");
}

static void row_make(const struct cm_app *app, struct cm_vault *v, const struct file *f, struct cm_catalog_row *ret)
{
	cm_autojson struct json_object *companion = companion_read(v, f), *metadata = NULL;
	struct cm_vault_entry entry = { f->name, (uint64_t)f->size, f->modified_ms, f->has_companion };

	cm_backup_row(v->ops->kind, &entry, companion, ret);
	if (ret->has_manifest)
		return;
	metadata = metadata_read(app, f->name);
	if (json_object_is_type(metadata, json_type_object))
		metadata_apply(metadata, companion != NULL, ret);
}

/* Some rows in one transaction; they are made before it, for others want to write too. */
static int batch_put(const struct cm_app *app, struct cm_vault *v, struct file *const *list, size_t count,
		     struct cm_err *err)
{
	struct cm_catalog_row *rows = cm_alloc_array(count, sizeof(*rows));
	struct cm_db *db;
	int rc = cm_db_get(&db, err);

	for (size_t i = 0; rc == 0 && i < count; i++)
		row_make(app, v, list[i], &rows[i]);
	rc = rc < 0 ? rc : cm_db_begin(db, err);
	if (rc == 0) {
		for (size_t i = 0; rc == 0 && i < count; i++)
			rc = cm_catalog_put(&rows[i], err);
		rc = cm_db_end(db, rc, err);
	}
	for (size_t i = 0; i < count; i++)
		cm_catalog_row_release(&rows[i]);
	free(rows);
	return rc;
}

static bool changed(const struct file *in_vault, const struct file *in_catalog)
{
	return in_vault->size != in_catalog->size || in_vault->modified_ms != in_catalog->modified_ms ||
	       in_vault->has_companion != in_catalog->has_companion || in_catalog->is_missing;
}

/* A backup that vanished stays listed, as missing, until somebody deletes it or the file comes back. Of many only some
 * are named in the audit: then it is the folder that is gone. */
static int vanished(struct cm_vault *v, const struct file *f, int count, struct cm_err *err)
{
	struct cm_audit_event event = { .operation = "verify",
					.status = "error",
					.backup_filename = f->name,
					.error = "Its file is no longer in the vault.",
					.by_program = true };
	int rc = cm_catalog_set_missing(v->ops->kind, f->name, cm_now_ms(), err);

	if (rc == 0 && count < AUDITED_MAX)
		(void)cm_audit(&event, NULL);
	/* Deleted at this moment. */
	return rc == CM_ENOTFOUND ? 0 : rc;
}

static void vanished_more(int count)
{
	struct cm_audit_event event = { .operation = "verify", .status = "error", .by_program = true };
	char text[96];

	if (count <= AUDITED_MAX)
		return;
	snprintf(text, sizeof(text), "%d backups in all are no longer in the vault.", count);
	event.error = text;
	(void)cm_audit(&event, NULL);
}

static int compare(const struct cm_app *app, struct cm_vault *v, struct files *there, struct files *known,
		   struct cm_catalog_changes *ret, struct cm_err *err)
{
	struct file **todo = cm_alloc_array(there->count + 1, sizeof(struct file *));
	size_t i = 0, k = 0, count = 0;
	int rc = 0;

	while (rc == 0 && (i < there->count || k < known->count)) {
		int order = i == there->count ? 1 : k == known->count ? -1 : by_name(&there->list[i], &known->list[k]);

		if (order > 0) {
			if (!known->list[k].is_missing)
				rc = vanished(v, &known->list[k], ret->removed++, err);
			k++;
			continue;
		}
		if (order < 0 || changed(&there->list[i], &known->list[k])) {
			todo[count++] = &there->list[i];
			ret->added += order < 0;
			ret->updated += order == 0;
		}
		i++;
		k += order == 0;
	}
	for (size_t done = 0; rc == 0 && done < count; done += BATCH)
		rc = batch_put(app, v, todo + done, count - done < BATCH ? count - done : BATCH, err);
	free(todo);
	vanished_more(ret->removed);
	return rc;
}

int cm_catalog_sync(const struct cm_app *app, struct cm_catalog_changes *ret, struct cm_err *err)
{
	struct cm_catalog_changes changes = { 0 };
	struct files there = { 0 }, known = { 0 };
	struct cm_vault *v;
	int rc = cm_vaults_open(app, NULL, &v, err);

	if (rc < 0)
		return rc;
	/* The catalog first: a backup that is published meanwhile is then new, never "vanished". */
	rc = cm_catalog_each_name(v->ops->kind, on_row, &known, err);
	rc = rc < 0 ? rc : v->ops->list(v, on_entry, &there, err);
	if (rc == CM_ETOOBIG)
		rc = cm_err_set(err, CM_ETOOBIG, "The vault holds more than %d files.", FILES_MAX);
	if (rc == 0) {
		files_sort(&there);
		files_sort(&known);
		rc = compare(app, v, &there, &known, &changes, err);
	}
	files_release(&there);
	files_release(&known);
	cm_vault_free(v);
	if (rc == 0 && ret != NULL)
		*ret = changes;
	return rc;
}
