/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists that are searched, sorted and paged by URL, so that every view of them can be linked. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "web/form.h"
#include "web/view.h"

enum { URL_MAX = 16384 };

static const char *field_of(const char *sort)
{
	return sort[0] == '-' ? sort + 1 : sort;
}

static bool sort_known(const char *const *columns, const char *sort)
{
	for (size_t i = 0; columns != NULL && columns[i] != NULL; i++)
		if (strcmp(field_of(columns[i]), field_of(sort)) == 0)
			return true;
	return false;
}

int cm_list_parse(const struct cm_request *rq, const char *const *columns, int64_t default_limit, int64_t max_limit,
		  struct cm_list *ret, struct cm_err *err)
{
	const char *q = cm_form_str(rq->get, "q", cm_form_str(rq->get, "search", ""));
	const char *sort = cm_form_str(rq->get, "sort", columns ? columns[0] : "");
	struct cm_list list = { 0 };
	int rc;

	if (!cm_str_copy(list.q, sizeof(list.q), q))
		return cm_err_set(err, CM_EINVAL, "The search text is longer than %zu bytes.", sizeof(list.q) - 1);
	if (!cm_str_copy(list.sort, sizeof(list.sort), sort) || (columns != NULL && !sort_known(columns, sort)))
		return cm_err_set(err, CM_EINVAL, "This list cannot be sorted by \"%.40s\".", sort);
	rc = cm_form_int(rq->get, "limit", 1, max_limit, default_limit, &list.limit, err);
	if (rc == 0)
		rc = cm_form_int(rq->get, "offset", 0, INT32_MAX, 0, &list.offset, err);
	if (rc == 0)
		*ret = list;
	return rc;
}

static void add_field(struct cm_buf *url, bool *first, const char *name, const char *value)
{
	cm_buf_char(url, *first ? '?' : '&');
	cm_url_encode(url, name, false);
	cm_buf_char(url, '=');
	cm_url_encode(url, value, false);
	*first = false;
}

char *cm_view_href(const struct cm_request *rq, const char *name, const char *value)
{
	struct cm_buf url = CM_BUF_INIT(URL_MAX);
	bool first = true, placed = value == NULL || value[0] == '\0';

	cm_buf_str(&url, rq->path);
	for (size_t i = 0; i < cm_form_count(rq->get); i++) {
		const char *field = cm_form_name_at(rq->get, i), *old = cm_form_value_at(rq->get, i);

		if (strcmp(field, "offset") == 0 || old[0] == '\0')
			continue;
		if (strcmp(field, name) != 0) {
			add_field(&url, &first, field, old);
		} else if (!placed) {
			add_field(&url, &first, name, value);
			placed = true;
		}
	}
	if (!placed)
		add_field(&url, &first, name, value);
	return cm_buf_detach(&url);
}

static void add_sorts(struct json_object *data, const struct cm_request *rq, const struct cm_list *list,
		      const char *const *columns)
{
	struct json_object *sorts = json_object_new_object();

	for (size_t i = 0; columns != NULL && columns[i] != NULL; i++) {
		const char *field = field_of(columns[i]);
		bool current = strcmp(field_of(list->sort), field) == 0, descending = current && list->sort[0] == '-';
		struct json_object *o = json_object_new_object();
		char next[72];
		cm_autofree char *url = NULL;

		snprintf(next, sizeof(next), "-%s", field);
		if (current)
			url = cm_view_href(rq, "sort", descending ? field : next);
		else
			url = cm_view_href(rq, "sort", columns[i]);
		cm_json_set_str(o, "url", url);
		cm_json_set_str(o, "aria", !current ? "none" : descending ? "descending" : "ascending");
		cm_json_set_bool(o, "is_asc", current && !descending);
		cm_json_set_bool(o, "is_desc", descending);
		cm_json_set(sorts, field, o);
	}
	cm_json_set(data, "sort", sorts);
}

/* The URL of the page of the list that begins at offset; NULL when it is not wanted. */
static void set_page(struct json_object *pager, const char *key, const struct cm_request *rq, bool wanted,
		     int64_t offset)
{
	cm_autofree char *base = cm_view_href(rq, "offset", NULL);
	cm_autofree char *url = NULL;

	if (wanted && offset <= 0)
		url = cm_strdup(base);
	else if (wanted)
		url = cm_asprintf("%s%soffset=%lld", base, strchr(base, '?') ? "&" : "?", (long long)offset);
	cm_json_set_str(pager, key, url);
}

static void add_pager(struct json_object *data, const struct cm_request *rq, const struct cm_list *list, int64_t shown,
		      int64_t total)
{
	struct json_object *pager = json_object_new_object();
	int64_t pages = total > 0 ? (total + list->limit - 1) / list->limit : 1, page = list->offset / list->limit + 1;
	bool before = list->offset > 0, after = list->offset + shown < total;
	char total_text[96];

	cm_count_text(total_text, total, "", "");
	total_text[strlen(total_text) - 1] = '\0';
	cm_json_set_bool(pager, "has_pages", before || after);
	set_page(pager, "first_url", rq, before, 0);
	set_page(pager, "prev_url", rq, before, list->offset - list->limit);
	set_page(pager, "next_url", rq, after, list->offset + list->limit);
	set_page(pager, "last_url", rq, after, (pages - 1) * list->limit);
	if (shown > 0)
		cm_view_text(pager, "range_text", "%" PRId64 "–%" PRId64 " of %s", list->offset + 1,
			     list->offset + shown, total_text);
	else
		cm_json_set_str(pager, "range_text", NULL);
	cm_view_text(pager, "page_text", "Page %lld of %lld", (long long)page,
		     (long long)(page > pages ? page : pages));
	cm_json_set_int(pager, "total", total);
	cm_json_set_str(pager, "total_text", total_text);
	cm_json_set(data, "pager", pager);
}

void cm_view_keep(struct json_object *data, const struct cm_request *rq, const char *name)
{
	const char *value = cm_form_str(rq->get, name, NULL);
	struct json_object *keep = cm_json_arr(data, "keep"), *o;

	if (value == NULL || keep == NULL)
		return;
	o = json_object_new_object();
	cm_json_set_str(o, "name", name);
	cm_json_set_str(o, "value", value);
	json_object_array_add(keep, o);
}

void cm_view_list(struct json_object *data, const struct cm_request *rq, const struct cm_list *list,
		  const char *const *columns, int64_t shown, int64_t total)
{
	cm_json_set_str(data, "query", list->q);
	cm_json_set(data, "keep", json_object_new_array());
	cm_view_keep(data, rq, "sort");
	cm_view_keep(data, rq, "limit");
	cm_json_set_str(data, "clear_url", rq->path);
	add_sorts(data, rq, list, columns);
	add_pager(data, rq, list, shown, total);
	cm_json_set_int(data, "total", total);
	cm_json_set_int(data, "limit", list->limit);
	cm_json_set_int(data, "offset", list->offset);
}
