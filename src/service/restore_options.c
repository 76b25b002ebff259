/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/restore_options.h"

#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/container_spec.h"
#include "vault/vault.h"

enum { OPTIONS_MAX_EACH = 4096 };

static const struct {
	const char *word;
	int value;
} volume_words[] = { { "keep", CM_VOLUME_KEEP }, { "replace", CM_VOLUME_REPLACE }, { "new", CM_VOLUME_NEW } },
  bind_words[] = { { "missing", CM_BIND_MISSING },
		   { "keep", CM_BIND_MISSING },
		   { "replace", CM_BIND_REPLACE },
		   { "skip", CM_BIND_SKIP } };

static bool volume_word(const char *word, enum cm_volume_choice *ret)
{
	for (size_t i = 0; i < CM_COUNT(volume_words); i++)
		if (cm_str_eq(word, volume_words[i].word)) {
			*ret = (enum cm_volume_choice)volume_words[i].value;
			return true;
		}
	return false;
}

static bool bind_word(const char *word, enum cm_bind_choice *ret)
{
	for (size_t i = 0; i < CM_COUNT(bind_words); i++)
		if (cm_str_eq(word, bind_words[i].word)) {
			*ret = (enum cm_bind_choice)bind_words[i].value;
			return true;
		}
	return false;
}

/* A text that may be missing, null or empty: then NULL. */
static int text_of(struct json_object *params, const char *key, char **ret, struct cm_err *err)
{
	struct json_object *v = cm_json_get(params, key);

	if (v == NULL)
		return 0;
	if (!json_object_is_type(v, json_type_string))
		return cm_err_set(err, CM_EINVAL, "\"%s\" must be a text.", key);
	if (json_object_get_string_len(v) > 0)
		*ret = cm_strdup(json_object_get_string(v));
	return 0;
}

static int bool_of(struct json_object *params, const char *key, bool *ret, struct cm_err *err)
{
	struct json_object *v = cm_json_get(params, key);

	if (v == NULL)
		return 0;
	if (!json_object_is_type(v, json_type_boolean))
		return cm_err_set(err, CM_EINVAL, "\"%s\" must be true or false.", key);
	*ret = json_object_get_boolean(v);
	return 0;
}

static int volumes_each_check(struct json_object *each, struct cm_err *err)
{
	enum cm_volume_choice choice;

	if (json_object_object_length(each) > OPTIONS_MAX_EACH)
		return cm_err_set(err, CM_EINVAL, "\"volumes\" names too many volumes.");
	json_object_object_foreach(each, name, value)
	{
		if (!json_object_is_type(value, json_type_string) ||
		    !volume_word(json_object_get_string(value), &choice))
			return cm_err_set(err, CM_EINVAL,
					  "\"volumes\" says something unknown for %.100s: write keep, replace or new.",
					  name);
	}
	return 0;
}

static int volumes_of(struct json_object *params, struct cm_restore_options *o, struct cm_err *err)
{
	struct json_object *v = cm_json_get(params, "volumes"), *old = cm_json_get(params, "overwrite_volumes");
	int rc;

	if (old != NULL && !json_object_is_type(old, json_type_boolean))
		return cm_err_set(err, CM_EINVAL, "\"overwrite_volumes\" must be true, false or null.");
	if (old != NULL)
		o->volumes = json_object_get_boolean(old) ? CM_VOLUME_REPLACE : CM_VOLUME_KEEP;
	if (v == NULL)
		return 0;
	if (json_object_is_type(v, json_type_string)) {
		if (!volume_word(json_object_get_string(v), &o->volumes))
			return cm_err_set(err, CM_EINVAL, "\"volumes\" must be keep, replace or new.");
		return 0;
	}
	if (!json_object_is_type(v, json_type_object))
		return cm_err_set(err, CM_EINVAL,
				  "\"volumes\" must be keep, replace or new, or an object that says "
				  "one of these for each volume.");
	rc = volumes_each_check(v, err);
	if (rc == 0)
		o->volumes_each = json_object_get(v);
	return rc;
}

static int binds_of(struct json_object *params, struct cm_restore_options *o, struct cm_err *err)
{
	struct json_object *v = cm_json_get(params, "restore_binds");

	if (v == NULL)
		return 0;
	if (json_object_is_type(v, json_type_boolean)) {
		o->binds = json_object_get_boolean(v) ? CM_BIND_REPLACE : CM_BIND_SKIP;
		return 0;
	}
	if (json_object_is_type(v, json_type_string) && bind_word(json_object_get_string(v), &o->binds))
		return 0;
	if (!json_object_is_type(v, json_type_object))
		return cm_err_set(err, CM_EINVAL,
				  "\"restore_binds\" must be missing, replace or skip, or an object "
				  "that says one of these for each source.");
	json_object_object_foreach(v, source, value)
	{
		enum cm_bind_choice choice;
		if (!json_object_is_type(value, json_type_string) || !bind_word(json_object_get_string(value), &choice))
			return cm_err_set(err, CM_EINVAL,
					  "\"restore_binds\" says something unknown for %.100s: write missing, replace "
					  "or skip.",
					  source);
	}
	o->binds_each = json_object_get(v);
	return 0;
}

static int ports_of(struct json_object *params, struct cm_restore_options *o, struct cm_err *err)
{
	struct json_object *v = cm_json_get(params, "port_overrides");

	if (v == NULL)
		return 0;
	if (!json_object_is_type(v, json_type_object) || json_object_object_length(v) > OPTIONS_MAX_EACH)
		return cm_err_set(err, CM_EINVAL,
				  "\"port_overrides\" must be an object like {\"8080/tcp\": \"18095\"}.");
	json_object_object_foreach(v, port, value)
	{
		if (!cm_spec_port_valid(value))
			return cm_err_set(err, CM_EINVAL,
					  "Invalid host port for %.40s: write a number from 1 to 65535, or an address "
					  "and a port like 127.0.0.1:8080.",
					  port);
	}
	o->port_overrides = json_object_get(v);
	return 0;
}

static int names_of(struct json_object *params, struct cm_restore_options *o, struct cm_err *err)
{
	cm_autofree char *host = NULL;
	int rc = text_of(params, "file", &o->file, err);

	if (rc == 0 && o->file == NULL)
		rc = text_of(params, "filename", &o->file, err);
	if (rc == 0 && o->file == NULL)
		rc = cm_err_set(err, CM_EINVAL, "Filename required");
	if (rc == 0 && !cm_vault_name_valid(o->file))
		rc = cm_err_set(err, CM_EINVAL, "Invalid filename");
	rc = rc ? rc : text_of(params, "vault", &o->vault, err);
	rc = rc ? rc : text_of(params, "new_name", &o->new_name, err);
	rc = rc ? rc : text_of(params, "user", &o->user, err);
	rc = rc ? rc : text_of(params, "host", &host, err);
	if (rc == 0 && host != NULL && !cm_str_eq(host, "local"))
		rc = cm_err_set(err, CM_EUNSUPPORTED, "There is no Docker host \"%.100s\" here: use \"local\".", host);
	if (rc == 0 && o->new_name != NULL && (!cm_name_valid(o->new_name) || strlen(o->new_name) < 2))
		rc = cm_err_set(err, CM_EINVAL,
				"Invalid new container name: use letters, digits, \"_\", \".\" and \"-\", at least two "
				"characters, and begin with a letter or digit.");
	return rc;
}

static int start_of(struct json_object *params, struct cm_restore_options *o, struct cm_err *err)
{
	bool start = false;
	int rc;

	if (cm_json_get(params, "start") == NULL)
		return 0;
	rc = bool_of(params, "start", &start, err);
	o->start = start ? CM_START_YES : CM_START_NO;
	return rc;
}

int cm_restore_options_parse(struct json_object *params, struct cm_restore_options *ret, struct cm_err *err)
{
	struct cm_restore_options o = { 0 };
	int rc;

	if (!json_object_is_type(params, json_type_object))
		return cm_err_set(err, CM_EINVAL, "The options of a restore must be an object.");
	rc = names_of(params, &o, err);
	rc = rc ? rc : volumes_of(params, &o, err);
	rc = rc ? rc : binds_of(params, &o, err);
	rc = rc ? rc : ports_of(params, &o, err);
	rc = rc ? rc : start_of(params, &o, err);
	rc = rc ? rc : bool_of(params, "replace", &o.replace, err);
	rc = rc ? rc : bool_of(params, "keep_old", &o.keep_old, err);
	rc = rc ? rc : bool_of(params, "other_architecture", &o.other_architecture, err);
	if (rc != 0) {
		cm_restore_options_release(&o);
		return rc;
	}
	*ret = o;
	return 0;
}

void cm_restore_options_release(struct cm_restore_options *o)
{
	free(o->file);
	free(o->vault);
	free(o->new_name);
	free(o->user);
	json_object_put(o->port_overrides);
	json_object_put(o->volumes_each);
	json_object_put(o->binds_each);
	memset(o, 0, sizeof(*o));
}

enum cm_volume_choice cm_restore_volume_choice(const struct cm_restore_options *o, const char *volume)
{
	enum cm_volume_choice choice;

	if (volume_word(cm_json_str(o->volumes_each, volume, NULL), &choice))
		return choice;
	return o->volumes;
}

enum cm_bind_choice cm_restore_bind_choice(const struct cm_restore_options *o, const char *source, size_t number)
{
	enum cm_bind_choice choice;
	char key[32];

	snprintf(key, sizeof(key), "#%zu", number);
	if (bind_word(cm_json_str(o->binds_each, source, NULL), &choice) ||
	    bind_word(cm_json_str(o->binds_each, key, NULL), &choice))
		return choice;
	return o->binds;
}
