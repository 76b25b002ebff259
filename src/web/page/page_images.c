/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list of images, a row for each name: who uses it, and what it takes.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/image_sizes.h"
#include "service/images.h"
#include "service/own.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_images.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_image.h"

static const char *const columns[] = { "name", "used", "-size", "-shared", "-created", NULL };

enum { IMAGES_MAX = 10000 };

static const char engine_help[] = "Start the engine (systemctl start docker) or mend its address, then load this page "
				  "again. Backups in the vault stay readable.";

bool cm_images_is_unused(struct json_object *image)
{
	return cm_json_int(image, "Own", CM_OWN_NOT) == CM_OWN_NOT && cm_json_len(cm_json_arr(image, "Users")) == 0;
}

bool cm_images_is_loose(struct json_object *image)
{
	return cm_images_is_unused(image) && cm_json_len(cm_json_arr(image, "Names")) == 0;
}

static bool holds(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL;
}

static bool matches(struct json_object *row, const char *q)
{
	struct json_object *names = cm_json_arr(row, "containers");

	if (q[0] == '\0' || holds(cm_json_str(row, "ref", ""), q) || holds(cm_json_str(row, "full_id", ""), q))
		return true;
	for (size_t i = 0; i < cm_json_len(names); i++)
		if (holds(json_object_get_string(json_object_array_get_idx(names, i)), q))
			return true;
	return false;
}

static bool in_state(struct json_object *row, const char *state)
{
	if (cm_str_eq(state, "used"))
		return cm_json_bool(row, "in_use", false);
	if (cm_str_eq(state, "unused"))
		return !cm_json_bool(row, "in_use", false);
	return !cm_str_eq(state, "untagged") || cm_json_bool(row, "is_untagged", false);
}

static int number_order(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int name_order(struct json_object *x, struct json_object *y)
{
	bool a = cm_json_bool(x, "is_untagged", false), b = cm_json_bool(y, "is_untagged", false);
	int order = a - b; /* those without a name last */

	return order ? order : strcasecmp(cm_json_str(x, "ref", ""), cm_json_str(y, "ref", ""));
}

static int row_order(const void *a, const void *b, void *field)
{
	struct json_object *x = *(struct json_object *const *)a, *y = *(struct json_object *const *)b;
	const char *sort = field;
	bool descending = sort[0] == '-';
	int order = 0;

	sort += descending;
	if (cm_str_eq(sort, "size"))
		order = number_order(cm_json_int(x, "size_bytes", 0), cm_json_int(y, "size_bytes", 0));
	else if (cm_str_eq(sort, "shared"))
		order = number_order(cm_json_int(x, "shared_bytes", -1), cm_json_int(y, "shared_bytes", -1));
	else if (cm_str_eq(sort, "created"))
		order = strcmp(cm_json_str(x, "created", ""), cm_json_str(y, "created", ""));
	else if (cm_str_eq(sort, "used"))
		order = number_order((int64_t)cm_json_len(cm_json_arr(x, "users")),
				     (int64_t)cm_json_len(cm_json_arr(y, "users")));
	else
		order = name_order(x, y);
	if (descending)
		order = -order;
	return order ? order : name_order(x, y);
}

static void tabs_add(const struct cm_request *rq, struct json_object *data, struct json_object **rows, size_t count)
{
	static const char *const words[] = { "", "used", "unused", "untagged" };
	static const char *const texts[] = { "All", "In use", "Unused", "Untagged" };
	const char *now = cm_form_str(rq->get, "state", "");
	struct json_object *list = json_object_new_array();

	for (size_t k = 0; k < CM_COUNT(words); k++) {
		int64_t n = 0;

		for (size_t i = 0; i < count; i++)
			n += in_state(rows[i], words[k]);
		cm_view_tab(list, texts[k], n, cm_view_href(rq, "state", words[k]), cm_str_eq(now, words[k]));
	}
	cm_json_set(data, "states", list);
}

/* How many there are, what they take, and what may be cleaned up. */
static void summary_add(const struct cm_request *rq, struct json_object *data, struct json_object *list,
			const struct cm_image_sizes *sizes)
{
	bool own = cm_form_bool(rq->get, "own", false), admin = rq->role >= CM_ROLE_ADMIN;
	int64_t count = 0, bytes = 0, loose = 0, unused = 0, ours = 0;
	char text[96], size[32];

	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *image = json_object_array_get_idx(list, i);
		bool is_own = cm_json_int(image, "Own", CM_OWN_NOT) != CM_OWN_NOT;

		ours += is_own;
		loose += cm_images_is_loose(image);
		unused += cm_images_is_unused(image);
		if (is_own && !own)
			continue;
		count++;
		bytes += cm_json_int(image, "Size", 0);
	}
	cm_count_text(text, count, "image", "images");
	cm_size_text(size, bytes);
	cm_json_set_str(data, "total_text", text);
	cm_json_set_str(data, "size_text", count > 0 ? size : NULL);
	cm_view_time(data, "sizes", sizes->at_ms, cm_now_ms());
	cm_json_set_bool(data, "is_counting", sizes->counting && sizes->at_ms == 0);
	cm_json_set_str(data, "prune_url", admin && loose > 0 ? "/images/prune?what=untagged" : NULL);
	cm_json_set_str(data, "unused_url", admin && unused > 0 ? "/images/prune?what=unused" : NULL);
	cm_count_text(text, ours, "image", "images");
	cm_view_text(data, "own_text", own ? "Hide this program’s own" : "Show this program’s own: %s", text);
	if (ours > 0) {
		cm_autofree char *url = cm_view_href(rq, "own", own ? NULL : "1");

		cm_json_set_str(data, "own_url", url);
	} else {
		cm_json_set(data, "own_url", NULL);
	}
}

static struct json_object *rows_make(const struct cm_request *rq, struct json_object *list,
				     const struct cm_image_sizes *sizes)
{
	bool own = cm_form_bool(rq->get, "own", false);
	struct json_object *rows = json_object_new_array();
	int64_t now_ms = cm_now_ms();

	for (size_t i = 0; i < cm_json_len(list); i++) {
		struct json_object *image = json_object_array_get_idx(list, i);

		if (own || cm_json_int(image, "Own", CM_OWN_NOT) == CM_OWN_NOT)
			cm_view_image_rows(rows, image, cm_image_sizes_shared(sizes, cm_json_str(image, "Id", "")),
					   rq->role, now_ms);
	}
	return rows;
}

static void list_add(const struct cm_request *rq, struct json_object *data, const struct cm_list *l,
		     struct json_object *all)
{
	const char *state = cm_form_str(rq->get, "state", "");
	struct json_object *shown = json_object_new_array();
	size_t count = cm_json_len(all);
	struct json_object **rows = cm_alloc_array(count + 1, sizeof(struct json_object *));
	int64_t total = 0;

	for (size_t i = 0; i < count; i++)
		rows[i] = json_object_array_get_idx(all, i);
	if (count > 0)
		qsort_r(rows, count, sizeof(struct json_object *), row_order, (void *)(uintptr_t)l->sort);
	for (size_t i = 0; i < count; i++) {
		if (!in_state(rows[i], state) || !matches(rows[i], l->q))
			continue;
		if (total >= l->offset && total < l->offset + l->limit)
			json_object_array_add(shown, json_object_get(rows[i]));
		total++;
	}
	tabs_add(rq, data, rows, count);
	cm_json_set_bool(data, "is_empty", count == 0);
	cm_json_set_bool(data, "is_no_match", count > 0 && total == 0);
	cm_view_list(data, rq, l, columns, (int64_t)cm_json_len(shown), total);
	cm_view_keep(data, rq, "state");
	cm_view_keep(data, rq, "own");
	cm_json_set(data, "images", shown);
	free(rows);
}

static void docker_add(struct json_object *data, const struct cm_err *why)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_bool(o, "is_ok", why == NULL);
	cm_json_set_str(o, "error", why ? why->text : NULL);
	cm_json_set_str(o, "help", why ? engine_help : NULL);
	cm_json_set(data, "docker", o);
}

int cm_page_images(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autojson struct json_object *list = NULL, *rows = NULL;
	struct cm_image_sizes sizes = { 0 };
	struct json_object *data;
	struct cm_err why = { 0 };
	struct cm_list l;
	int rc = cm_list_parse(rq, columns, IMAGES_MAX, IMAGES_MAX, &l, err);

	if (rc < 0)
		return rc;
	rc = cm_images_list(rq->app, &list, &why);
	if (rc < 0 && rq->is_api) {
		struct json_object *extra = json_object_new_object();

		cm_json_set_str(extra, "help", engine_help);
		cm_reply_error_json(rp, &why, extra);
		return 0;
	}
	if (rc == 0)
		cm_image_sizes_get(rq->app, &sizes);
	data = cm_view_data(rp);
	rows = rows_make(rq, list, &sizes);
	docker_add(data, rc < 0 ? &why : NULL);
	cm_json_set_bool(data, "can_change", rq->role >= CM_ROLE_ADMIN);
	summary_add(rq, data, list, &sizes);
	list_add(rq, data, &l, rows);
	if (rc < 0)
		cm_json_set_bool(data, "is_empty", false);
	cm_image_sizes_release(&sizes);
	return 0;
}
