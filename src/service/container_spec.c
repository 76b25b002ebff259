/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/container_spec_int.h"

#include <string.h>

#include "core/mem.h"
#include "core/str.h"

void cm_spec_free(struct cm_spec *spec)
{
	if (spec == NULL)
		return;
	free(spec->name);
	json_object_put(spec->body);
	json_object_put(spec->connects);
	json_object_put(spec->disconnects);
	json_object_put(spec->warnings);
	free(spec);
}

const char *spec_own_hostname(struct json_object *inspect, const char *engine_name)
{
	struct json_object *host = cm_json_obj(inspect, "HostConfig");
	const char *name = cm_json_str_at(inspect, "Config.Hostname", "");
	const char *mode = cm_json_str(host, "NetworkMode", "");
	char short_id[SPEC_SHORT_ID + 1];

	spec_short_id(inspect, short_id);
	if (name[0] == '\0' || strcmp(name, short_id) == 0)
		return NULL;
	/* In these modes the engine fills in another's name, and refuses one in the request. */
	if (cm_str_has_prefix(mode, "container:") || cm_str_eq(cm_json_str(host, "UTSMode", ""), "host"))
		return NULL;
	if (strcmp(mode, "host") == 0 && (engine_name == NULL || strcmp(name, engine_name) == 0))
		return NULL;
	return name;
}

/* The engine merges the image's entrypoint into a request without one; [""] is how a request says "none". */
static void config_entrypoint(struct json_object *config, struct json_object *image_config)
{
	if (cm_json_len(cm_json_arr(config, "Entrypoint")) == 0 &&
	    cm_json_len(cm_json_arr(image_config, "Entrypoint")) > 0) {
		struct json_object *none = json_object_new_array();
		cm_json_add_str(none, "");
		cm_json_set(config, "Entrypoint", none);
	}
}

/* Volumes that a bind of the restore takes the place of must not be asked for as anonymous ones too. */
static void config_volumes(struct json_object *config, struct json_object *anon_binds)
{
	struct json_object *volumes = cm_json_obj(config, "Volumes"), *kept;

	if (volumes == NULL || anon_binds == NULL)
		return;
	kept = json_object_new_object();
	json_object_object_foreach(volumes, path, value)
	{
		bool bound = false;
		json_object_object_foreach(anon_binds, destination, name)
		{
			(void)name;
			bound |= spec_same_path(path, destination);
		}
		if (!bound)
			json_object_object_add(kept, path, json_object_get(value));
	}
	cm_json_set(config, "Volumes", kept);
}

static struct json_object *config_copy(struct json_object *inspect, const struct cm_spec_options *opt)
{
	struct json_object *config = cm_json_copy(cm_json_obj(inspect, "Config"));
	const char *mode = cm_json_str_at(inspect, "HostConfig.NetworkMode", "");

	if (spec_own_hostname(inspect, opt->engine_name) == NULL) {
		json_object_object_del(config, "Hostname");
		if (cm_str_has_prefix(mode, "container:") ||
		    cm_str_eq(cm_json_str_at(inspect, "HostConfig.UTSMode", ""), "host"))
			json_object_object_del(config, "Domainname");
	}
	/* The check of such a request comes before the image's ports are merged in: they must not be in it. */
	if (cm_str_has_prefix(mode, "container:"))
		json_object_object_del(config, "ExposedPorts");
	if (!opt->keep_mac || cm_str_has_prefix(mode, "container:"))
		json_object_object_del(config, "MacAddress");
	if (opt->image != NULL)
		cm_json_set_str(config, "Image", opt->image);
	config_entrypoint(config, opt->image_config);
	config_volumes(config, opt->anon_binds);
	return config;
}

/* A new port must also be exposed, or the engine publishes a port the image never heard of without saying so. */
static void config_expose(struct json_object *config, struct json_object *bindings)
{
	struct json_object *exposed = cm_json_obj(config, "ExposedPorts");

	if (bindings == NULL)
		return;
	json_object_object_foreach(bindings, port, value)
	{
		(void)value;
		if (exposed == NULL) {
			exposed = json_object_new_object();
			cm_json_set(config, "ExposedPorts", exposed);
		}
		if (!json_object_object_get_ex(exposed, port, NULL))
			json_object_object_add(exposed, port, json_object_new_object());
	}
}

static int spec_name_of(struct json_object *inspect, const struct cm_spec_options *opt, struct cm_spec *spec,
			struct cm_err *err)
{
	const char *name = opt->new_name && opt->new_name[0] ? opt->new_name : cm_spec_name(inspect);

	if (!cm_name_valid(name) || strlen(name) < 2)
		return cm_err_set(err, CM_EINVAL,
				  "Invalid new container name: use letters, digits, \"_\", \".\" and \"-\", at least "
				  "two characters, and begin with a letter or digit.");
	spec->name = cm_strdup(name);
	return 0;
}

int cm_spec_from_inspect(struct json_object *inspect, const struct cm_spec_options *opt, struct cm_spec **ret,
			 struct cm_err *err)
{
	static const struct cm_spec_options none;
	struct json_object *host = NULL;
	struct cm_spec *spec;
	int rc;

	if (opt == NULL)
		opt = &none;
	if (cm_json_obj(inspect, "Config") == NULL || cm_json_obj(inspect, "HostConfig") == NULL)
		return cm_err_set(err, CM_EINVAL, "The recorded configuration is not that of a container.");
	spec = cm_alloc(sizeof(*spec));
	spec->warnings = json_object_new_array();
	spec->connects = json_object_new_array();
	spec->disconnects = json_object_new_array();
	rc = spec_name_of(inspect, opt, spec, err);
	if (rc == 0)
		rc = spec_host_config(inspect, opt, spec->warnings, &host, err);
	if (rc != 0) {
		cm_spec_free(spec);
		return rc;
	}
	spec->body = config_copy(inspect, opt);
	if (opt->port_overrides != NULL)
		config_expose(spec->body, cm_json_obj(host, "PortBindings"));
	cm_json_set(spec->body, "HostConfig", host);
	spec_network(inspect, opt, spec);
	*ret = cm_move(&spec);
	return 0;
}
