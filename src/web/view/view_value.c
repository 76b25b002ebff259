/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "web/view.h"

enum { TEXT_MAX = 2048, URL_MAX = 16384 };

static void set_part(struct json_object *o, const char *prefix, const char *suffix, const char *value)
{
	char key[64];

	snprintf(key, sizeof(key), "%s%s", prefix, suffix);
	cm_json_set_str(o, key, value);
}

void cm_view_size(struct json_object *o, const char *p, int64_t bytes)
{
	char text[32];

	cm_size_text(text, bytes);
	if (bytes < 0)
		cm_json_set(o, p, NULL);
	else
		cm_json_set_int(o, p, bytes);
	set_part(o, p, "_text", text);
}

void cm_time_title(char dst[64], int64_t ms)
{
	static const char *const months[] = { "January", "February", "March",	  "April",   "May",	 "June",
					      "July",	 "August",   "September", "October", "November", "December" };
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	snprintf(dst, 64, "%d %s %d, %02d:%02d:%02d UTC", tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
		 tm.tm_min, tm.tm_sec);
}

void cm_view_time(struct json_object *o, const char *p, int64_t ms, int64_t now_ms)
{
	char at[32], text[48], title[64];

	if (ms == 0) {
		set_part(o, p, "_at", NULL);
		set_part(o, p, "_text", NULL);
		set_part(o, p, "_title", NULL);
		return;
	}
	cm_time_rfc3339(at, ms);
	cm_time_ago(text, ms, now_ms);
	cm_time_title(title, ms);
	set_part(o, p, "_at", at);
	set_part(o, p, "_text", text);
	set_part(o, p, "_title", title);
}

void cm_view_is_any(struct json_object *o, const char *value, const char *const *words)
{
	char key[64];

	for (; *words != NULL; words++) {
		snprintf(key, sizeof(key), "is_%s", *words);
		cm_json_set_bool(o, key, cm_str_eq(*words, value));
	}
}

/* "1,204" */
static void number_text(char dst[32], int64_t n)
{
	char digits[24];
	size_t len, out = 0;

	snprintf(digits, sizeof(digits), "%lld", (long long)n);
	len = strlen(digits);
	for (size_t i = 0; i < len; i++) {
		if (i > 0 && digits[i - 1] != '-' && (len - i) % 3 == 0)
			dst[out++] = ',';
		dst[out++] = digits[i];
	}
	dst[out] = '\0';
}

void cm_count_text(char dst[96], int64_t n, const char *one, const char *many)
{
	char number[32];

	number_text(number, n);
	snprintf(dst, 96, "%s %s", number, n == 1 ? one : many);
}

void cm_view_text(struct json_object *o, const char *key, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	if (fmt == NULL) {
		cm_json_set(o, key, NULL);
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cm_json_set_str(o, key, text);
}

static char *make_url(const char *fmt, va_list ap)
{
	struct cm_buf url = CM_BUF_INIT(URL_MAX);

	for (; *fmt != '\0'; fmt++) {
		if (fmt[0] == '%' && fmt[1] == 's') {
			cm_url_encode(&url, va_arg(ap, const char *), false);
			fmt++;
		} else if (fmt[0] == '%' && fmt[1] == '%') {
			cm_buf_char(&url, '%');
			fmt++;
		} else {
			cm_buf_char(&url, *fmt);
		}
	}
	return cm_buf_detach(&url);
}

char *cm_url_make(const char *fmt, ...)
{
	va_list ap;
	char *url;

	va_start(ap, fmt);
	url = make_url(fmt, ap);
	va_end(ap);
	return url;
}

void cm_view_url(struct json_object *o, const char *key, const char *fmt, ...)
{
	va_list ap;
	char *url = NULL;

	va_start(ap, fmt);
	if (fmt != NULL)
		url = make_url(fmt, ap);
	va_end(ap);
	cm_json_set_str(o, key, url);
	free(url);
}

void cm_view_choice(struct json_object *list, const char *value, const char *text, const char *hint, bool selected)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "value", value);
	cm_json_set_str(o, "text", text);
	cm_json_set_str(o, "hint", hint);
	cm_json_set_bool(o, "is_selected", selected);
	json_object_array_add(list, o);
}

void cm_view_tab(struct json_object *list, const char *text, int64_t count, char *url, bool selected)
{
	struct json_object *o = json_object_new_object();
	char number[32];

	number_text(number, count);
	cm_json_set_str(o, "text", text);
	cm_json_set_str(o, "count_text", number);
	cm_json_set_str(o, "url", url);
	cm_json_set_bool(o, "is_selected", selected);
	json_object_array_add(list, o);
	free(url);
}

void cm_view_term(struct json_object *list, const char *term, const char *text, bool is_code)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "term", term);
	cm_json_set_str(o, "text", text);
	cm_json_set_bool(o, "is_code", is_code);
	cm_json_set(o, "href", NULL);
	json_object_array_add(list, o);
}

void cm_view_finding(struct json_object *list, const char *level, const char *text, const char *detail)
{
	struct json_object *o = json_object_new_object();

	cm_view_is(o, level, "ok", "warn", "block", NULL);
	cm_json_set_str(o, "text", text);
	cm_json_set_str(o, "detail", detail);
	json_object_array_add(list, o);
}

void cm_view_link(struct json_object *list, const char *text, char *url, bool primary)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "text", text);
	cm_json_set_str(o, "url", url);
	cm_json_set_bool(o, "is_primary", primary);
	json_object_array_add(list, o);
	free(url);
}
