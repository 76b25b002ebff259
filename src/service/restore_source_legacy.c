/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the predecessor's files tell, and what they do not: no networks, no labels of volumes, no writable layer.
 */
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/container_spec.h"
#include "service/network_restore.h"
#include "service/restore_source.h"

static struct json_object *part_of(struct json_object *parts, const char *kind, const char *key, const char *value)
{
	for (size_t i = 0; i < cm_json_len(parts); i++) {
		struct json_object *p = json_object_array_get_idx(parts, i);
		if (cm_str_eq(cm_json_str(p, "kind", ""), kind) && cm_str_eq(cm_json_str(p, key, NULL), value))
			return p;
	}
	return NULL;
}

static const char *part_state(struct json_object *part)
{
	const char *state = cm_json_str(part, "state", "missing");
	return strcmp(state, "present") == 0 ? "saved" : state;
}

static void part_copy(struct json_object *part, struct json_object *entry)
{
	cm_json_set_str(entry, "state", part_state(part));
	cm_json_set_str(entry, "reason", cm_json_str(part, "error", NULL));
	cm_json_set_str(entry, "bytes", NULL);
	cm_json_set_str(entry, "files", NULL);
	if (cm_json_str(part, "member", NULL) != NULL)
		cm_json_set_str(entry, "member", cm_json_str(part, "member", ""));
	cm_json_set_int(entry, "strip", cm_json_int(part, "strip", 0));
}

/* Labels of volumes were never saved, but Compose refuses volumes of its own project without them. */
static struct json_object *compose_labels(struct json_object *inspect, const char *volume)
{
	struct json_object *labels = cm_json_obj(cm_json_obj(inspect, "Config"), "Labels"), *out;
	const char *project = cm_json_str(labels, "com.docker.compose.project", "");
	size_t n = strlen(project);

	out = json_object_new_object();
	if (n == 0 || strncmp(volume, project, n) != 0 || volume[n] != '_' || volume[n + 1] == '\0')
		return out;
	cm_json_set_str(out, "com.docker.compose.project", project);
	cm_json_set_str(out, "com.docker.compose.volume", volume + n + 1);
	if (cm_json_str(labels, "com.docker.compose.version", NULL) != NULL)
		cm_json_set_str(out, "com.docker.compose.version",
				cm_json_str(labels, "com.docker.compose.version", ""));
	return out;
}

static void legacy_volumes(struct cm_restore_source *s, struct json_object *parts)
{
	cm_autojson struct json_object *mounted = cm_spec_volumes(s->inspect);

	for (size_t i = 0; i < cm_json_len(mounted); i++) {
		struct json_object *entry = cm_json_copy(json_object_array_get_idx(mounted, i));
		const char *name = cm_json_str(entry, "name", "");
		struct json_object *part = part_of(parts, "volume", "name", name);
		part_copy(part, entry);
		cm_json_set(entry, "options", cm_json_copy(cm_json_obj(part, "options")));
		cm_json_set(entry, "labels", compose_labels(s->inspect, name));
		if (!cm_str_eq(cm_json_str(entry, "state", ""), "saved"))
			cm_restore_source_add_missing(s,
						      cm_json_str(entry, "reason",
								  "Its export failed when the backup was made. The "
								  "volume comes back empty."),
						      "The content of the volume %s", name);
		json_object_array_add(s->volumes, entry);
	}
}

static void legacy_binds(struct cm_restore_source *s, struct json_object *parts)
{
	cm_autojson struct json_object *mounted = cm_spec_binds(s->inspect);

	for (size_t i = 0; i < cm_json_len(mounted); i++) {
		struct json_object *entry = cm_json_copy(json_object_array_get_idx(mounted, i));
		const char *source = cm_json_str(entry, "source", "");
		part_copy(part_of(parts, "bind", "source", source), entry);
		cm_json_set_str(entry, "kind", "folder");
		if (!cm_str_eq(cm_json_str(entry, "state", ""), "saved"))
			cm_restore_source_add_missing(
			    s,
			    "The bind mount was not saved. What is on this host is used as it "
			    "is.",
			    "The content of %s", source);
		json_object_array_add(s->binds, entry);
	}
}

static void legacy_image(struct cm_restore_source *s, struct json_object *info)
{
	struct json_object *image = cm_json_obj(info, "image");
	const char *ref = cm_json_str_at(s->inspect, "Config.Image", "");
	bool present = cm_str_eq(cm_json_str(image, "state", ""), "present");

	s->image = json_object_new_object();
	cm_json_set_str(s->image, "ref", ref);
	cm_json_set_str(s->image, "id", cm_json_str(s->inspect, "Image", ""));
	cm_json_set_str(s->image, "digest", NULL);
	cm_json_set(s->image, "tags", json_object_new_array());
	cm_json_set_str(s->image, "mode", present ? "embed" : "missing");
	cm_json_set_str(s->image, "os", cm_json_str(s->inspect, "Platform", NULL));
	cm_json_set_str(s->image, "architecture", NULL);
	cm_json_set_int(s->image, "size", cm_json_int(image, "size", 0));
	cm_json_set_str(s->image, "reason", cm_json_str(image, "error", NULL));
	if (!present)
		cm_restore_source_add_missing(
		    s, cm_json_str(image, "error", "Its export failed when the backup was made."), "The image %s", ref);
}

/* Networks were not in the archive: what the container's endpoints tell has to do. */
static void legacy_networks(struct cm_restore_source *s)
{
	struct json_object *nets = cm_json_obj(cm_json_obj(s->inspect, "NetworkSettings"), "Networks");

	s->networks = json_object_new_array();
	if (nets == NULL)
		return;
	json_object_object_foreach(nets, name, endpoint)
	{
		if (cm_network_is_default(name))
			continue;
		struct json_object *guess = cm_network_guess(name, endpoint);
		cm_json_set_bool(guess, "guessed", true);
		json_object_array_add(s->networks, guess);
	}
}

int cm_restore_source_from_legacy(struct cm_restore_source *s, struct cm_err *err)
{
	struct json_object *info = cm_legacy_info(s->legacy), *parts = cm_json_arr(info, "parts");
	struct json_object *metadata = cm_json_obj(info, "metadata"), *config = cm_json_obj(info, "config");
	const char *server;

	if (cm_json_obj(config, "Config") == NULL)
		return cm_err_set(err, CM_EUNSUPPORTED,
				  "This archive holds no container: container_config.json is missing or damaged.");
	s->inspect = json_object_get(config);
	legacy_volumes(s, parts);
	legacy_binds(s, parts);
	legacy_image(s, info);
	legacy_networks(s);
	cm_restore_source_add_missing(
	    s,
	    "What was changed inside the container outside of its volumes comes back as it is in "
	    "the image.",
	    "The writable layer");
	cm_restore_source_add_missing(s, "The file has no hashes, so only its structure can be checked.", "Hashes");
	cm_str_copy(s->status, sizeof(s->status), cm_json_str(metadata, "status", "stopped"));
	server = cm_json_str_at(info, "companion.server_name", cm_json_str(metadata, "server_name", "Unknown Server"));
	cm_str_copy(s->server_name, sizeof(s->server_name), server);
	cm_time_parse(cm_json_str(metadata, "backup_date", ""), &s->created_ms);
	return 0;
}
