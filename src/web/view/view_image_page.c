/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One image: what it is, what a container made of it gets, and how it was built. */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/own.h"
#include "web/view.h"
#include "web/view/view_image.h"

enum { COMMAND_MAX = 2000, WORDS_MAX = 8192 };

/* Words as one would type them; those with blanks in quotes. */
static void words_term(struct json_object *list, const char *term, struct json_object *words)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(WORDS_MAX);

	for (size_t i = 0; i < cm_json_len(words); i++) {
		const char *word = json_object_get_string(json_object_array_get_idx(words, i));
		bool plain = word != NULL && word[0] != '\0' && strpbrk(word, " \t\n\"'$") == NULL;

		cm_buf_printf(&text, plain ? "%s%s" : "%s'%s'", i > 0 ? " " : "", word ? word : "");
	}
	if (text.len > 0 && !cm_buf_failed(&text))
		cm_view_term(list, term, text.data, true);
}

/* The keys of an object ({"80/tcp": {}}), or the words of an array. */
static void keys_term(struct json_object *list, const char *term, struct json_object *o)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(WORDS_MAX);

	if (json_object_is_type(o, json_type_object)) {
		json_object_object_foreach(o, key, value)
		{
			(void)value;
			cm_buf_printf(&text, "%s%s", text.len > 0 ? ", " : "", key);
		}
	}
	if (text.len > 0 && !cm_buf_failed(&text))
		cm_view_term(list, term, text.data, true);
}

static void text_term(struct json_object *list, const char *term, const char *text, bool is_code)
{
	if (text[0] != '\0')
		cm_view_term(list, term, text, is_code);
}

/* Names alone: a value may be a secret. */
static void env_term(struct json_object *list, struct json_object *env)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(WORDS_MAX);

	for (size_t i = 0; i < cm_json_len(env); i++) {
		const char *one = json_object_get_string(json_object_array_get_idx(env, i));

		if (one != NULL)
			cm_buf_printf(&text, "%s%.*s", text.len > 0 ? ", " : "", (int)strcspn(one, "="), one);
	}
	if (text.len > 0 && !cm_buf_failed(&text))
		cm_view_term(list, "Environment", text.data, true);
}

static struct json_object *config_view(struct json_object *image)
{
	struct json_object *list = json_object_new_array(), *c = cm_json_obj(image, "Config");
	struct json_object *labels = cm_json_obj(c, "Labels");

	words_term(list, "Entry point", cm_json_arr(c, "Entrypoint"));
	words_term(list, "Command", cm_json_arr(c, "Cmd"));
	text_term(list, "Working directory", cm_json_str(c, "WorkingDir", ""), true);
	text_term(list, "User", cm_json_str(c, "User", ""), true);
	keys_term(list, "Ports", cm_json_get(c, "ExposedPorts"));
	keys_term(list, "Volumes", cm_json_get(c, "Volumes"));
	env_term(list, cm_json_arr(c, "Env"));
	words_term(list, "Health check", cm_json_arr(cm_json_obj(c, "Healthcheck"), "Test"));
	text_term(list, "Stop signal", cm_json_str(c, "StopSignal", ""), true);
	if (labels != NULL) {
		json_object_object_foreach(labels, name, value)
		    cm_view_term(list, name, value ? json_object_get_string(value) : "", false);
	}
	return list;
}

static struct json_object *about_view(struct json_object *image, int64_t shared, int64_t now_ms)
{
	struct json_object *list = json_object_new_array(), *digests = cm_json_arr(image, "RepoDigests");
	const char *variant = cm_json_str(image, "Variant", "");
	int64_t size = cm_json_int(image, "Size", 0), created = 0;
	char text[300], a[32], b[32];

	cm_view_term(list, "Id", cm_json_str(image, "Id", ""), true);
	for (size_t i = 0; i < cm_json_len(digests); i++)
		cm_view_term(list, "Digest", json_object_get_string(json_object_array_get_idx(digests, i)), true);
	snprintf(text, sizeof(text), "%.60s/%.60s%s%.60s", cm_json_str(image, "Os", "unknown"),
		 cm_json_str(image, "Architecture", "unknown"), variant[0] ? "/" : "", variant);
	cm_view_term(list, "Platform", text, true);
	cm_size_text(a, size);
	if (shared >= 0) {
		cm_size_text(b, shared);
		snprintf(text, sizeof(text), "%s, of which %s are shared with other images", a, b);
	}
	cm_view_term(list, "Size", shared > 0 ? text : a, false);
	if (cm_time_parse(cm_json_str(image, "Created", ""), &created) && created != 0) {
		cm_time_title(text, created);
		cm_view_term(list, "Created", text, false);
	}
	text_term(list, "Author", cm_json_str(image, "Author", ""), false);
	text_term(list, "Comment", cm_json_str(image, "Comment", ""), false);
	(void)now_ms;
	return list;
}

struct json_object *cm_view_image_history(struct json_object *image, int64_t now_ms)
{
	struct json_object *list = json_object_new_array(), *history = cm_json_arr(image, "History");

	for (size_t i = 0; i < cm_json_len(history); i++) {
		struct json_object *h = json_object_array_get_idx(history, i), *o = json_object_new_object();
		cm_autobuf struct cm_buf by = CM_BUF_INIT(64 << 10);
		const char *text = cm_json_str(h, "CreatedBy", ""), *tags;
		size_t len = strnlen(text, COMMAND_MAX);

		if (cm_str_has_prefix(text, "/bin/sh -c #(nop) "))
			text += strlen("/bin/sh -c #(nop) "), len = strnlen(text, COMMAND_MAX);
		text += strspn(text, " ");
		cm_utf8_clean(&by, text, strnlen(text, len));
		cm_json_set_str(o, "created_by", by.len > 0 ? by.data : "");
		cm_view_time(o, "created", cm_json_int(h, "Created", 0) * 1000, now_ms);
		cm_view_size(o, "size", cm_json_int(h, "Size", -1));
		cm_json_set_bool(o, "is_empty", cm_json_int(h, "Size", 0) == 0);
		cm_json_set_str(o, "comment", cm_json_str(h, "Comment", ""));
		tags = cm_json_len(cm_json_arr(h, "Tags")) > 0
			   ? json_object_get_string(json_object_array_get_idx(cm_json_arr(h, "Tags"), 0))
			   : NULL;
		cm_json_set_str(o, "tag", tags);
		json_object_array_add(list, o);
	}
	return list;
}

void cm_view_image_page(struct json_object *data, struct json_object *image, const char *ref, int64_t shared,
			enum cm_role role, int64_t now_ms)
{
	cm_autojson struct json_object *rows = json_object_new_array();
	struct json_object *row, *names = json_object_new_array();
	const char *shown;
	bool may;

	/* Each name is a row of the list; the one asked for, or the first, gives the page its name. */
	cm_view_image_rows(rows, image, shared, role, now_ms);
	row = json_object_array_get_idx(rows, 0);
	for (size_t i = 0; i < cm_json_len(rows); i++) {
		struct json_object *one = json_object_array_get_idx(rows, i), *o = json_object_new_object();

		if (cm_str_eq(cm_json_str(one, "ref", ""), ref))
			row = one;
		if (cm_json_bool(one, "is_untagged", false)) {
			json_object_put(o);
			continue;
		}
		cm_json_set_str(o, "name", cm_json_str(one, "short_name", ""));
		cm_json_set(o, "delete_url", json_object_get(cm_json_get(one, "delete_url")));
		json_object_array_add(names, o);
	}
	json_object_object_foreach(row, key, value) cm_json_set(data, key, json_object_get(value));
	shown = cm_json_str(row, "ref", ref);
	may = cm_json_bool(row, "can_select", false);
	cm_json_set(data, "names", names);
	cm_json_set_bool(data, "has_names", cm_json_len(names) > 0);
	cm_json_set(data, "about", about_view(image, shared, now_ms));
	cm_json_set(data, "config", config_view(image));
	cm_json_set(data, "history", cm_view_image_history(image, now_ms));
	cm_json_set_bool(data, "has_layers", cm_json_len(cm_json_arr(data, "history")) > 0);
	cm_json_set(data, "save_url", NULL);
	cm_json_set(data, "tag_action", NULL);
	if (role >= CM_ROLE_ADMIN)
		cm_view_url(data, "save_url", "/image/%s/save", shown);
	if (may)
		cm_view_url(data, "tag_action", "/image/%s/tag", shown);
}
