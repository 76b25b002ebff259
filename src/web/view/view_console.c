/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/view/view_console.h"

#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/container_spec.h"
#include "web/form.h"
#include "web/view.h"
#include "web/view/view_container.h"
#include "web/view/view_logs.h"

enum { LINES_MAX = 2000 };

void cm_view_console(struct json_object *data, struct json_object *inspect, const struct cm_form *form)
{
	const char *state = cm_json_str_at(inspect, "State.Status", ""), *workdir = cm_form_get(form, "workdir");
	bool running = cm_str_eq(state, "running");

	cm_view_text(data, "id", "%.12s", cm_json_str(inspect, "Id", ""));
	cm_json_set_str(data, "name", cm_spec_name(inspect));
	cm_json_set_str(data, "image", cm_json_str_at(inspect, "Config.Image", ""));
	cm_view_container_state(data, state);
	cm_json_set_bool(data, "can_run", running);
	cm_view_text(data, "state_note",
		     running ? NULL : "A command needs a container that runs, and this one does not.");
	cm_view_url(data, "action", "/console/%s", cm_json_str(data, "id", ""));
	cm_view_url(data, "socket_url", "/api/container/%s/console", cm_json_str(data, "id", ""));
	cm_view_url(data, "logs_url", "/logs/%s", cm_json_str(data, "id", ""));
	cm_view_text(data, "start_url",
		     cm_str_eq(state, "exited") || cm_str_eq(state, "created") ? "/container/%s/start" : NULL,
		     cm_json_str(data, "id", ""));
	cm_json_set_str(data, "command", cm_form_str(form, "command", ""));
	cm_json_set_str(data, "shell", cm_form_str(form, "shell", ""));
	cm_json_set_str(data, "user", cm_form_str(form, "user", ""));
	cm_json_set_str(data, "workdir", workdir != NULL ? workdir : cm_form_str(form, "working_dir", ""));
	cm_view_text(data, "user_hint", "%s",
		     cm_json_str_at(inspect, "Config.User", "")[0] != '\0' ? cm_json_str_at(inspect, "Config.User", "")
									   : "root");
	cm_view_text(data, "workdir_hint", "%s",
		     cm_json_str_at(inspect, "Config.WorkingDir", "")[0] != '\0'
			 ? cm_json_str_at(inspect, "Config.WorkingDir", "")
			 : "/");
	cm_json_set(data, "result", NULL);
}

/* False when there are more than a page shows. */
static bool lines_add(struct json_object *list, const char *text, size_t len, bool is_stderr)
{
	const struct cm_view_logs_ctx ctx = { .count = 1, .find = "" };

	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t n = end != NULL ? (size_t)(end - text) : len;
		struct cm_log_line line = { .is_stderr = is_stderr, .text = (char *)text, .len = n };

		if (cm_json_len(list) >= LINES_MAX)
			return false;
		if (n > 0 && text[n - 1] == '\r')
			line.len--;
		if (line.len > CM_LOG_LINE_MAX) {
			line.len = CM_LOG_LINE_MAX;
			line.cut = true;
		}
		json_object_array_add(list, cm_view_log_line(&line, &ctx));
		text += n + (end != NULL);
		len -= n + (end != NULL);
	}
	return true;
}

struct json_object *cm_view_command(const char *text, const struct cm_command_result *r)
{
	struct json_object *o = json_object_new_object(), *lines = json_object_new_array();
	bool whole = lines_add(lines, r->out, r->out_len, false) && lines_add(lines, r->errs, r->errs_len, true);

	cm_json_set_str(o, "command", text);
	cm_json_set_bool(o, "is_ok", !r->timed_out && r->exit_code == 0);
	cm_json_set_bool(o, "is_failed", r->timed_out || r->exit_code != 0);
	if (r->timed_out)
		cm_view_text(o, "exit_text", "%s",
			     r->left_running ? "It did not end in 30 seconds and may still be running"
					     : "It did not end in 30 seconds and was stopped");
	else
		cm_view_text(o, "exit_text", "Exit code %d", r->exit_code);
	cm_view_text(o, "took_text", "%.*f s", r->took_ms < 10000 ? 2 : 0, (double)r->took_ms / 1000);
	cm_json_set_str(o, "cut_text", r->cut || !whole ? "It wrote more: the rest is not shown." : NULL);
	cm_json_set_bool(o, "is_silent", cm_json_len(lines) == 0);
	cm_json_set(o, "lines", lines);
	return o;
}

/* JSON holds UTF-8 only; controls and escapes stay, being the command's own. */
static void text_add(struct cm_buf *b, const char *s, size_t len)
{
	for (size_t at = 0, n; at < len; at += n) {
		bool ascii = (unsigned char)s[at] < 0x80;

		for (n = 1; at + n < len && ((unsigned char)s[at + n] < 0x80) == ascii; n++)
			;
		if (ascii)
			cm_buf_add(b, s + at, n);
		else
			cm_utf8_clean(b, s + at, n);
	}
}

static void text_set(struct json_object *o, const char *key, const char *out, size_t out_len, const char *errs,
		     size_t errs_len)
{
	struct cm_buf b = CM_BUF_INIT(8 * CM_COMMAND_OUTPUT);

	text_add(&b, out, out_len);
	if (out_len > 0 && errs_len > 0 && out[out_len - 1] != '\n')
		cm_buf_char(&b, '\n');
	text_add(&b, errs, errs_len);
	cm_json_set(o, key, json_object_new_string_len(b.data, (int)b.len));
	cm_buf_release(&b);
}

struct json_object *cm_view_command_answer(const struct cm_command_result *r)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_int(o, "exit_code", r->exit_code);
	text_set(o, "output", r->out, r->out_len, r->errs, r->errs_len);
	text_set(o, "stdout", r->out, r->out_len, "", 0);
	text_set(o, "stderr", r->errs, r->errs_len, "", 0);
	cm_json_set_bool(o, "truncated", r->cut);
	cm_json_set_int(o, "duration_ms", r->took_ms);
	return o;
}
