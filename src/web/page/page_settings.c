/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The settings page, and the same by API. */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/audit.h"
#include "service/environment.h"
#include "service/settings.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_settings.h"
#include "web/reply.h"
#include "web/view.h"

static struct json_object *make_themes(const struct cm_request *rq)
{
	struct json_object *list = json_object_new_array();
	char theme[16];

	if (!cm_cookie_get(cm_request_header(rq, "cookie"), "theme", theme, sizeof(theme)) ||
	    (strcmp(theme, "light") != 0 && strcmp(theme, "dark") != 0))
		cm_str_copy(theme, sizeof(theme), "system");
	cm_view_choice(list, "system", "Like the system", NULL, strcmp(theme, "system") == 0);
	cm_view_choice(list, "light", "Light", NULL, strcmp(theme, "light") == 0);
	cm_view_choice(list, "dark", "Dark", NULL, strcmp(theme, "dark") == 0);
	return list;
}

/* typed: what a form with a mistake had, its key and what is wrong; else NULL. */
static void fill_view(const struct cm_request *rq, struct cm_reply *rp, const char *key, const char *typed,
		      const char *error)
{
	struct json_object *data = cm_view_data(rp);
	cm_autofree char *server = cm_settings_server_name();
	int percent = CM_VERIFY_PERCENT_DEFAULT;
	char member[96];

	(void)cm_settings_verify_percent(&percent, NULL);
	cm_json_set_str(data, "server_name", server);
	cm_json_set(data, "server_name_error", NULL);
	cm_view_text(data, "verify_percent", "%d", percent);
	cm_json_set(data, "verify_percent_error", NULL);
	cm_view_text(data, "console_idle_seconds", "%d", cm_settings_console_idle());
	cm_json_set(data, "console_idle_seconds_error", NULL);
	if (key != NULL) {
		snprintf(member, sizeof(member), "%s_error", key);
		cm_json_set_str(data, key, typed);
		cm_json_set_str(data, member, error);
	}
	cm_json_set_bool(data, "can_change", rq->role >= CM_ROLE_ADMIN);
	cm_json_set_str(data, "action", "/settings");
	cm_json_set(data, "themes", make_themes(rq));
	cm_json_set(data, "about", cm_environment_about(rq->app));
	cm_settings_view_drills(data, NULL, NULL);
}

void cm_settings_view(const struct cm_request *rq, struct cm_reply *rp)
{
	fill_view(rq, rp, NULL, NULL, NULL);
}

int cm_page_settings(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	(void)err;
	cm_settings_view(rq, rp);
	return 0;
}

static int save(const struct cm_request *rq, const char *key, const char *value, struct cm_err *err)
{
	struct json_object *details = json_object_new_object();
	struct cm_audit_event event = { .operation = "settings",
					.status = "completed",
					.user = rq->user,
					.address = rq->client,
					.details = details };
	int rc = cm_settings_set(key, value, err);

	cm_json_set_str(details, "key", key);
	if (rc == 0 && cm_audit(&event, NULL) != 0)
		cm_warn("web", "the audit log could not be written");
	json_object_put(details);
	return rc;
}

/* Each card of the page is a form of its own: what it has is saved. */
int cm_page_settings_save(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	static const char *const keys[] = { CM_SETTING_VERIFY_PERCENT, CM_SETTING_CONSOLE_IDLE };
	const char *key = CM_SETTING_SERVER_NAME, *value;

	for (size_t i = 0; i < CM_COUNT(keys); i++)
		if (cm_form_get(rq->post, keys[i]) != NULL)
			key = keys[i];
	value = cm_form_get(rq->post, key);
	int rc = save(rq, key, value, err);

	if (rc != 0) {
		fill_view(rq, rp, key, value ? value : "", err->text);
		return rc;
	}
	cm_reply_done(rq, rp, "/settings", NULL, "The settings are saved.");
	return 0;
}

int cm_page_ui_settings(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	struct json_object *all = NULL;
	int rc = cm_settings_all(&all, err);

	(void)rq;
	if (rc != 0)
		return rc;
	cm_reply_json(rp, 200, all);
	return 0;
}

int cm_page_ui_setting(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autofree char *value = NULL;
	int rc = cm_settings_get(rq->params[0], &value, err);

	if (rc != 0)
		return rc;
	cm_json_set_str(cm_view_data(rp), "key", rq->params[0]);
	cm_json_set_str(cm_view_data(rp), "value", value);
	return 0;
}

int cm_page_ui_setting_save(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autofree char *stored = NULL;
	int rc = save(rq, rq->params[0], cm_form_get(rq->post, "value"), err);

	if (rc == 0)
		rc = cm_settings_get(rq->params[0], &stored, err);
	if (rc != 0)
		return rc;
	cm_json_set_bool(cm_view_data(rp), "success", true);
	cm_json_set_str(cm_view_data(rp), "key", rq->params[0]);
	cm_json_set_str(cm_view_data(rp), "value", stored);
	return 0;
}
