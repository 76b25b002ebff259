/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/backup_options.h"

#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/backup.h"
#include "service/words.h"

enum { NOTE_MAX = 500 };

static const char *const members[] = { "container", "consistency", "image",  "compression",
				       "exec_pre",  "exec_post",   "vault",  "stop_sharers",
				       "note",	    "scheduled",   "user",   "remote_volumes",
				       "drill",	    "volume",	   "export", "path",
				       NULL };

const char *cm_consistency_name(enum cm_consistency c)
{
	static const char *const names[] = { "live", "live", "pause", "stop" };

	return names[c];
}

static bool consistency_parse(const char *word, enum cm_consistency *ret)
{
	for (enum cm_consistency c = CM_CONSISTENCY_LIVE; c <= CM_CONSISTENCY_STOP; c++) {
		if (cm_str_eq(word, cm_consistency_name(c))) {
			*ret = c;
			return true;
		}
	}
	return false;
}

/* A member that may be missing, null or "": then NULL. Else a text. */
static int text_get(struct json_object *params, const char *key, const char **ret, struct cm_err *err)
{
	struct json_object *o = cm_json_get(params, key);
	const char *s;

	*ret = NULL;
	if (o == NULL)
		return 0;
	s = json_object_get_string(o);
	if (!json_object_is_type(o, json_type_string) || strlen(s) != (size_t)json_object_get_string_len(o))
		return cm_err_set(err, CM_EINVAL, "%s must be a text.", key);
	*ret = s[0] != '\0' ? s : NULL;
	return 0;
}

/* One of two words; false when it is the first or missing. */
static int choice_get(struct json_object *params, const char *key, const char *first, const char *second, bool *ret,
		      struct cm_err *err)
{
	const char *s;
	int rc = text_get(params, key, &s, err);

	if (rc < 0)
		return rc;
	*ret = cm_str_eq(s, second);
	if (s == NULL || *ret || cm_str_eq(s, first))
		return 0;
	return cm_err_set(err, CM_EINVAL, "%s must be \"%s\" or \"%s\".", key, first, second);
}

static int bool_get(struct json_object *params, const char *key, bool *ret, struct cm_err *err)
{
	struct json_object *o = cm_json_get(params, key);

	*ret = false;
	if (o == NULL)
		return 0;
	if (!json_object_is_type(o, json_type_boolean))
		return cm_err_set(err, CM_EINVAL, "%s must be true or false.", key);
	*ret = json_object_get_boolean(o);
	return 0;
}

static int command_get(struct json_object *params, const char *key, char ***ret, struct cm_err *err)
{
	struct json_object *o = cm_json_get(params, key);
	int rc;

	if (o == NULL || (json_object_is_type(o, json_type_string) && json_object_get_string_len(o) == 0))
		return 0;
	rc = cm_words_from_json(o, ret, err);
	if (rc < 0)
		cm_err_prefix(err, "%s", key);
	return rc;
}

static int members_known(struct json_object *params, struct cm_err *err)
{
	if (!json_object_is_type(params, json_type_object))
		return cm_err_set(err, CM_EINVAL, "The options of a backup must be an object.");
	json_object_object_foreach(params, key, value)
	{
		size_t i = 0;

		(void)value;
		while (members[i] != NULL && strcmp(members[i], key) != 0)
			i++;
		if (members[i] == NULL)
			return cm_err_set(err, CM_EINVAL, "A backup has no option called \"%.60s\".", key);
	}
	return 0;
}

static int texts_parse(struct json_object *params, struct cm_backup_options *o, struct cm_err *err)
{
	const char *container, *volume, *vault, *note, *path, *user, *compression, *consistency;
	int rc = text_get(params, "container", &container, err);

	rc = rc < 0 ? rc : text_get(params, "volume", &volume, err);
	rc = rc < 0 ? rc : text_get(params, "vault", &vault, err);
	rc = rc < 0 ? rc : text_get(params, "note", &note, err);
	rc = rc < 0 ? rc : text_get(params, "path", &path, err);
	rc = rc < 0 ? rc : text_get(params, "user", &user, err);
	rc = rc < 0 ? rc : text_get(params, "compression", &compression, err);
	rc = rc < 0 ? rc : text_get(params, "consistency", &consistency, err);
	if (rc < 0)
		return rc;
	if (volume != NULL && (container != NULL || !cm_ref_valid(volume)))
		return cm_err_set(err, CM_EINVAL, "Say which volume to back up, by its name alone.");
	if (volume == NULL && (container == NULL || !cm_ref_valid(container)))
		return cm_err_set(err, CM_EINVAL, "Say which container to back up, by its name or id.");
	if (note != NULL && strlen(note) > NOTE_MAX)
		return cm_err_set(err, CM_EINVAL, "A note has at most %d bytes.", NOTE_MAX);
	if (path != NULL && strlen(path) > NOTE_MAX)
		return cm_err_set(err, CM_EINVAL, "A path has at most %d bytes.", NOTE_MAX);
	if (consistency != NULL && !consistency_parse(consistency, &o->consistency))
		return cm_err_set(err, CM_EINVAL, "consistency must be \"live\", \"pause\" or \"stop\".");
	if (cm_codec_parse(compression, &o->codec) < 0)
		return cm_err_set(err, CM_EINVAL, "compression must be \"gzip\" or \"zstd\".");
	o->container = cm_strdup(container);
	o->volume = cm_strdup(volume);
	o->vault = cm_strdup(vault);
	o->note = cm_strdup(note);
	o->path = cm_strdup(path);
	o->user = cm_strdup(user);
	return 0;
}

int cm_backup_options_parse(struct json_object *params, struct cm_backup_options *ret, struct cm_err *err)
{
	struct cm_backup_options o = { 0 };
	int rc = members_known(params, err);

	rc = rc < 0 ? rc : texts_parse(params, &o, err);
	rc = rc < 0 ? rc : choice_get(params, "image", "embed", "reference", &o.reference, err);
	rc = rc < 0 ? rc : choice_get(params, "remote_volumes", "save", "skip", &o.skip_remote, err);
	rc = rc < 0 ? rc : bool_get(params, "stop_sharers", &o.stop_sharers, err);
	rc = rc < 0 ? rc : bool_get(params, "scheduled", &o.scheduled, err);
	rc = rc < 0 ? rc : bool_get(params, "drill", &o.drill, err);
	rc = rc < 0 ? rc : bool_get(params, "export", &o.whole, err);
	rc = rc < 0 ? rc : command_get(params, "exec_pre", &o.exec_pre, err);
	rc = rc < 0 ? rc : command_get(params, "exec_post", &o.exec_post, err);
	if (rc < 0) {
		cm_backup_options_release(&o);
		return rc;
	}
	*ret = o;
	return 0;
}

static int label_command(struct json_object *labels, const char *label, char ***words, struct cm_err *err)
{
	const char *text = cm_json_str(labels, label, "");
	int rc;

	if (*words != NULL || text[0] == '\0')
		return 0;
	rc = cm_words_split(text, words, err);
	if (rc < 0)
		cm_err_prefix(err, "The container's label %s", label);
	return rc;
}

int cm_backup_options_labels(struct cm_backup_options *o, struct json_object *labels, struct cm_err *err)
{
	const char *consistency = cm_json_str(labels, "monkey.consistency", "");
	int rc = label_command(labels, "monkey.exec.pre", &o->exec_pre, err);

	rc = rc < 0 ? rc : label_command(labels, "monkey.exec.post", &o->exec_post, err);
	if (rc < 0)
		return rc;
	if (o->consistency == CM_CONSISTENCY_UNSET && consistency[0] != '\0' &&
	    !consistency_parse(consistency, &o->consistency))
		return cm_err_set(err, CM_EINVAL,
				  "The container's label monkey.consistency says \"%.40s\"; it may say live, pause or "
				  "stop.",
				  consistency);
	if (o->consistency == CM_CONSISTENCY_UNSET)
		o->consistency = CM_CONSISTENCY_LIVE;
	return 0;
}

void cm_backup_options_release(struct cm_backup_options *o)
{
	free(o->container);
	free(o->volume);
	free(o->vault);
	free(o->note);
	free(o->path);
	free(o->user);
	cm_words_free(o->exec_pre);
	cm_words_free(o->exec_post);
	*o = (struct cm_backup_options){ 0 };
}

int cm_backup_params_check(struct json_object *params, struct cm_err *err)
{
	struct cm_backup_options o = { 0 };
	int rc = cm_backup_options_parse(params, &o, err);

	/* Only its own job makes one. */
	if (rc == 0 && o.whole)
		rc = cm_err_set(err, CM_EINVAL, "A backup has no option called \"export\".");
	if (rc == 0 && o.vault != NULL && !cm_str_eq(o.vault, "local"))
		rc = cm_err_set(err, CM_EINVAL, "There is no vault called \"%.60s\".", o.vault);
	cm_backup_options_release(&o);
	return rc;
}
