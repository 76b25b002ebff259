/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Deleting backups: some, after a page that lists them; all, after the server's name was typed.
 */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "db/catalog.h"
#include "service/settings.h"
#include "service/vaults.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_stacks.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_backup.h"

enum { LIST_MAX = 10000, ERRORS_SHOWN = 5 };

struct selection {
	struct cm_catalog_row *rows; /* that will go */
	size_t count;
	struct json_object *kept; /* [{"filename","text"}] */
	int64_t bytes;
};

static void selection_release(struct selection *s)
{
	for (size_t i = 0; i < s->count; i++)
		cm_catalog_row_release(&s->rows[i]);
	free(s->rows);
	json_object_put(s->kept);
}

static void kept_add(struct json_object *kept, const char *filename)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "filename", filename);
	cm_json_set_str(o, "text", "is locked and will not be deleted");
	json_object_array_add(kept, o);
}

static bool selected(const struct selection *s, const char *file)
{
	for (size_t i = 0; i < s->count; i++) {
		if (cm_str_eq(s->rows[i].file, file))
			return true;
	}
	return false;
}

/* The files named in the form. Unknown ones are an error: nothing is then deleted by a page that is out of date. */
static int selection_read(struct cm_form *form, struct selection *ret, struct cm_err *err)
{
	struct selection s = { .rows = cm_alloc_array(CM_FORM_MAX_FIELDS, sizeof(*s.rows)),
			       .kept = json_object_new_array() };
	size_t pos = 0;
	const char *file;
	int rc = cm_backup_sets_expand(form, err);

	while (rc == 0 && (file = cm_form_each(form, "file", &pos)) != NULL && s.count < CM_FORM_MAX_FIELDS) {
		struct cm_catalog_row row;

		if (selected(&s, file) || cm_str_has_prefix(file, CM_SET_PREFIX))
			continue;
		rc = cm_catalog_get(NULL, file, &row, err);
		if (rc == CM_ENOTFOUND)
			cm_err_set(err, CM_ENOTFOUND, "Backup file not found: %.200s", file);
		if (rc < 0)
			break;
		if (row.locked) {
			kept_add(s.kept, row.file);
			cm_catalog_row_release(&row);
			continue;
		}
		s.bytes += row.size;
		s.rows[s.count++] = row;
	}
	if (rc == 0 && s.count == 0 && cm_json_len(s.kept) == 0)
		rc = cm_err_set(err, CM_EINVAL, "Select at least one backup.");
	if (rc < 0) {
		selection_release(&s);
		return rc;
	}
	*ret = s;
	return 0;
}

static bool is_good(const struct cm_catalog_row *row)
{
	return row->missing_ms == 0 && !cm_str_eq(row->verify_state, "damaged");
}

/* Would its container have no good backup any more? */
static bool is_last_good(const struct selection *s, const struct cm_catalog_row *row)
{
	struct cm_catalog_query q = { .container_name = row->container_name, .type = row->type, .limit = LIST_MAX };
	struct cm_catalog_list all;
	bool last = true;

	if (row->container_name == NULL || !cm_str_eq(row->type, "container") || !is_good(row) ||
	    cm_catalog_list(&q, &all, NULL) < 0)
		return false;
	for (size_t i = 0; i < all.count && last; i++) {
		const struct cm_catalog_row *other = &all.rows[i];

		/* One that stays protects it; of several that go only the newest is marked. */
		if (is_good(other) && (!selected(s, other->file) || other->created_ms > row->created_ms))
			last = false;
	}
	cm_catalog_list_release(&all);
	return last;
}

static void warning_add(struct json_object *list, const char *name)
{
	struct json_object *o = json_object_new_object();

	cm_view_text(o, "text", "This is the last good backup of %s. Once it is deleted, %s is not protected.", name,
		     name);
	json_object_array_add(list, o);
}

static void confirm_view(struct cm_reply *rp, const struct selection *s)
{
	struct json_object *data = cm_view_data(rp), *files = json_object_new_array();
	struct json_object *warnings = json_object_new_array();
	int64_t now_ms = cm_now_ms();
	char count[96], size[32];

	for (size_t i = 0; i < s->count; i++) {
		const struct cm_catalog_row *row = &s->rows[i];
		struct json_object *o = json_object_new_object();
		bool last = is_last_good(s, row);

		cm_json_set_str(o, "filename", row->file);
		cm_view_url(o, "url", "/backup/%s", row->file);
		cm_json_set_str(o, "container_name", row->container_name);
		cm_view_size(o, "size", row->size);
		cm_view_time(o, "created", row->created_ms, now_ms);
		cm_json_set_bool(o, "is_last_good", last);
		json_object_array_add(files, o);
		if (last)
			warning_add(warnings, row->container_name);
	}
	cm_count_text(count, (int64_t)s->count, "backup", "backups");
	cm_size_text(size, s->bytes);
	cm_view_title(rp, "Delete %s", count);
	cm_view_text(data, "title_text", "Delete %s?", count);
	cm_json_set_str(data, "count_text", count);
	cm_json_set_str(data, "size_text", size);
	cm_view_text(data, "button_text", "Delete %s, %s", count, size);
	cm_json_set_str(data, "action", "/vault/delete");
	cm_json_set_str(data, "cancel_url", "/vault");
	cm_json_set(data, "warnings", warnings);
	cm_json_set(data, "files", files);
	cm_json_set(data, "kept", json_object_get(s->kept));
}

static int confirm(struct cm_form *form, struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct selection s;
	int rc = selection_read(form, &s, err);

	/* Nothing selected, or gone meanwhile: the list says it. */
	if (rc == CM_EINVAL || rc == CM_ENOTFOUND) {
		cm_reply_flash(rq, rp, "error", "%s", err->text);
		cm_reply_redirect(rp, "/vault");
		return 0;
	}
	if (rc < 0)
		return rc;
	confirm_view(rp, &s);
	selection_release(&s);
	return 0;
}

int cm_page_vault_delete_confirm(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	return confirm(rq->get, rq, rp, err);
}

struct outcome {
	int64_t deleted;
	struct json_object *errors;
};

static void delete_one(struct cm_request *rq, const char *file, struct outcome *out)
{
	struct cm_err why = { 0 };
	int rc = cm_vaults_remove(rq->app, file, rq->user, &why);

	if (rc == 0) {
		out->deleted++;
	} else if (rc != CM_ENOTFOUND) {
		cm_err_prefix(&why, "%s", file);
		cm_json_add_str(out->errors, why.text);
	}
}

static void outcome_reply(struct cm_request *rq, struct cm_reply *rp, struct outcome *out)
{
	struct json_object *answer = json_object_new_object();
	size_t failed = cm_json_len(out->errors);

	for (size_t i = 0; i < failed && i < ERRORS_SHOWN; i++)
		cm_reply_flash(rq, rp, "error", "%s",
			       json_object_get_string(json_object_array_get_idx(out->errors, i)));
	cm_json_set_bool(answer, "success", failed == 0 || out->deleted > 0);
	cm_json_set_int(answer, "deleted_count", out->deleted);
	cm_json_set(answer, "errors", failed > 0 ? json_object_get(out->errors) : NULL);
	if (out->deleted == 0 && failed == 0) {
		cm_reply_done(rq, rp, "/vault", answer, "No backups found to delete");
	} else if (out->deleted > 0 || rq->is_api) {
		cm_reply_done(rq, rp, "/vault", answer, "Deleted %lld backup(s)", (long long)out->deleted);
	} else {
		json_object_put(answer);
		cm_reply_redirect(rp, "/vault");
	}
	json_object_put(out->errors);
}

int cm_page_vault_delete(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct outcome out = { 0 };
	struct selection s;
	int rc;

	if (!rq->is_api && !cm_form_bool(rq->post, "confirm", false))
		return confirm(rq->post, rq, rp, err);
	rc = selection_read(rq->post, &s, err);
	if (rc < 0)
		return rc;
	out.errors = json_object_new_array();
	for (size_t i = 0; i < s.count; i++)
		delete_one(rq, s.rows[i].file, &out);
	selection_release(&s);
	outcome_reply(rq, rp, &out);
	return 0;
}

int cm_page_backup_delete(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	int rc = cm_vaults_remove(rq->app, rq->params[0], rq->user, err);

	if (rc < 0)
		return rc;
	cm_reply_done(rq, rp, "/vault", NULL, "Backup deleted");
	return 0;
}

/* How many backups, and how large, of each container. */
static struct json_object *by_container(const struct cm_catalog_list *all)
{
	struct json_object *names = json_object_new_object(), *list = json_object_new_array();

	for (size_t i = 0; i < all->count; i++) {
		const struct cm_catalog_row *row = &all->rows[i];
		const char *name = row->container_name ? row->container_name : row->file;
		struct json_object *sum = cm_json_obj(names, name);

		if (row->locked)
			continue;
		if (sum == NULL) {
			sum = json_object_new_object();
			cm_json_set(names, name, sum);
		}
		cm_json_set_int(sum, "count", cm_json_int(sum, "count", 0) + 1);
		cm_json_set_int(sum, "bytes", cm_json_int(sum, "bytes", 0) + row->size);
	}
	json_object_object_foreach(names, name, sum)
	{
		struct json_object *o = json_object_new_object();
		char text[96];

		cm_count_text(text, cm_json_int(sum, "count", 0), "backup", "backups");
		cm_json_set_str(o, "name", name);
		cm_json_set_str(o, "count_text", text);
		cm_view_size(o, "size", cm_json_int(sum, "bytes", 0));
		json_object_array_add(list, o);
	}
	json_object_put(names);
	return list;
}

static int empty_view(struct cm_request *rq, struct cm_reply *rp, const char *typed, const char *error,
		      struct cm_err *err)
{
	struct cm_catalog_query q = { .limit = LIST_MAX, .sort = "container" };
	struct json_object *data, *kept = json_object_new_array();
	cm_autofree char *name = cm_settings_server_name();
	struct cm_catalog_list all;
	int64_t count = 0, bytes = 0;
	char count_text[96], size[32];
	int rc = cm_catalog_list(&q, &all, err);

	(void)rq;
	if (rc < 0) {
		json_object_put(kept);
		return rc;
	}
	for (size_t i = 0; i < all.count; i++) {
		if (all.rows[i].locked) {
			kept_add(kept, all.rows[i].file);
			continue;
		}
		count++;
		bytes += all.rows[i].size;
	}
	data = cm_view_data(rp);
	cm_count_text(count_text, count, "backup", "backups");
	cm_size_text(size, bytes);
	cm_json_set_str(data, "count_text", count_text);
	cm_json_set_str(data, "size_text", size);
	cm_view_text(data, "button_text", "Delete all %s, %s", count_text, size);
	cm_json_set_str(data, "action", "/vault/empty");
	cm_json_set_str(data, "cancel_url", "/vault");
	cm_json_set_str(data, "confirm_text", name);
	cm_json_set_str(data, "confirm", typed);
	cm_json_set_str(data, "error", error);
	cm_json_set(data, "containers", by_container(&all));
	cm_json_set(data, "kept", kept);
	cm_catalog_list_release(&all);
	return 0;
}

int cm_page_vault_empty_confirm(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	return empty_view(rq, rp, "", NULL, err);
}

static int delete_all(struct cm_request *rq, struct outcome *out, struct cm_err *err)
{
	struct cm_catalog_query q = { .limit = LIST_MAX };
	struct cm_catalog_list all;
	int rc;

	/* What stays (locked, or not removable) is passed over by the offset, so the loop ends. */
	do {
		int64_t before = out->deleted;

		rc = cm_catalog_list(&q, &all, err);
		if (rc < 0)
			return rc;
		for (size_t i = 0; i < all.count; i++) {
			if (!all.rows[i].locked)
				delete_one(rq, all.rows[i].file, out);
		}
		q.offset += (int64_t)all.count - (out->deleted - before);
		rc = all.count == LIST_MAX;
		cm_catalog_list_release(&all);
	} while (rc != 0);
	return 0;
}

int cm_page_vault_empty(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autofree char *name = cm_settings_server_name();
	const char *typed = cm_form_str(rq->post, "confirm", "");
	struct outcome out = { 0 };
	char error[160];
	int rc;

	if (!rq->is_api && !cm_str_eq(typed, name)) {
		snprintf(error, sizeof(error), "Type %.80s exactly. Nothing was deleted.", name);
		rc = empty_view(rq, rp, typed, error, err);
		return rc < 0 ? rc : cm_err_set(err, CM_EINVAL, "%s", error);
	}
	out.errors = json_object_new_array();
	rc = delete_all(rq, &out, err);
	if (rc < 0) {
		json_object_put(out.errors);
		return rc;
	}
	outcome_reply(rq, rp, &out);
	return 0;
}
