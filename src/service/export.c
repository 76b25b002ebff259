/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/export.h"

#include <string.h>

#include "core/fault.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/secret.h"
#include "core/str.h"
#include "docker/container.h"
#include "docker/image.h"
#include "docker/network.h"
#include "docker/volume.h"
#include "service/audit.h"
#include "service/backup.h"
#include "service/clone_int.h"
#include "service/engine.h"
#include "service/network_restore.h"
#include "service/preflight.h"
#include "service/restore_pipe.h"
#include "service/restore_source.h"

/* Images made here are export:web-1a2b3c. */
#define IMAGE_REPO "export"

enum { STEPS = 3 };

/* One restore at work. */
struct run {
	struct cm_clone c;
	struct cm_restore_source *s;
	const char *name;
	bool beside; /* the original is still there, or another of its name */
	bool moved;  /* a network has other addresses than the recorded ones */
	char *image; /* what was imported: "export:web-1a2b3c" */
	char *id;
	struct cm_restore_pipe *pipe;
	uint64_t done, total;
};

int cm_export_params_check(struct json_object *params, struct cm_err *err)
{
	if (cm_json_str(params, "volume", NULL) != NULL)
		return cm_err_set(err, CM_EINVAL, "An export is of a container.");
	return cm_backup_params_check(params, err);
}

int cm_export_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
		  struct json_object **ret_result, struct cm_err *err)
{
	cm_autojson struct json_object *own = cm_json_copy(params);
	int rc = cm_export_params_check(params, err);

	cm_json_set_bool(own, "export", true);
	return rc < 0 ? rc : cm_backup_run(app, own, progress, ret_result, err);
}

static int params_check(struct json_object *params, struct cm_err *err)
{
	static const char *const known[] = { "file", "name", "volumes", "ports", "start", "user" };
	const char *name = cm_json_str(params, "name", ""), *volumes = cm_json_str(params, "volumes", "keep");
	struct json_object *ports = cm_json_get(params, "ports");

	json_object_object_foreach(params, key, value)
	{
		size_t i = 0;

		(void)value;
		while (i < CM_COUNT(known) && strcmp(known[i], key) != 0)
			i++;
		if (i == CM_COUNT(known))
			return cm_err_set(err, CM_EINVAL, "The restore of an export has no option called \"%.60s\".",
					  key);
	}
	if (name[0] != '\0' && (!cm_name_valid(name) || strlen(name) < 2 || strlen(name) > 200))
		return cm_err_set(
		    err, CM_EINVAL,
		    "A name has letters, digits and . _ - only, begins with a letter or digit, and has at least "
		    "two characters.");
	if (!cm_str_eq(volumes, "keep") && !cm_str_eq(volumes, "none"))
		return cm_err_set(err, CM_EINVAL, "volumes must be \"keep\" or \"none\".");
	if (ports != NULL && !json_object_is_type(ports, json_type_object))
		return cm_err_set(err, CM_EINVAL, "ports must be an object, like {\"8080/tcp\": \"18095\"}.");
	return 0;
}

static int architecture_check(const struct cm_app *app, const struct cm_restore_source *s, struct cm_err *err)
{
	const char *arch = cm_json_str(s->image, "architecture", NULL);
	struct cm_engine_overview engine;

	cm_engine_known(app, &engine);
	if (cm_preflight_architecture_fits(arch, engine.arch[0] != '\0' ? engine.arch : NULL))
		return 0;
	return cm_err_set(err, CM_EUNSUPPORTED,
			  "This export is for %s, this host is %s: restore it on a host of that kind.", arch,
			  engine.arch);
}

/* Is there a container of this name? */
static int name_look(struct cm_docker *d, const char *name, bool *ret, struct cm_err *err)
{
	cm_autojson struct json_object *o = NULL;
	int rc = cm_container_inspect(d, name, false, &o, err);

	/* The beginning of an id is found too. */
	*ret = rc == 0 && cm_str_eq(cm_spec_name(o), name);
	return rc == CM_ENOTFOUND ? 0 : rc;
}

/* Everything that can be refused before anything is made. *ret_source: the caller closes. */
static int look(const struct cm_app *app, struct json_object *params, bool for_real,
		struct cm_restore_source **ret_source, struct json_object **ret, struct cm_err *err)
{
	const char *wish = cm_json_str(params, "name", ""), *recorded;
	cm_autofree char *free_name = NULL;
	struct cm_restore_source *s = NULL;
	bool exists = false, taken = false;
	struct cm_docker *d = NULL;
	int rc = params_check(params, err);

	rc = rc < 0 ? rc : cm_restore_source_open_export(app, cm_json_str(params, "file", ""), &s, err);
	if (rc < 0)
		return rc;
	*ret_source = s;
	recorded = cm_spec_name(s->inspect);
	rc = architecture_check(app, s, err);
	rc = rc < 0 ? rc : cm_engine_get(app, &d, err);
	rc = rc < 0 ? rc : name_look(d, recorded, &exists, err);
	taken = exists;
	if (rc == 0 && wish[0] != '\0')
		rc = name_look(d, wish, &taken, err);
	if (rc == 0 && taken && for_real)
		rc = cm_err_set(err, CM_EEXIST, "There is a container named %.200s already: choose another name.",
				wish[0] != '\0' ? wish : recorded);
	if (rc < 0)
		return rc;
	free_name = wish[0] != '\0' ? cm_strdup(wish)
		    : exists	    ? cm_asprintf("%.180s-restored", recorded)
				    : cm_strdup(recorded);
	*ret = json_object_new_object();
	cm_json_set_str(*ret, "name", free_name);
	cm_json_set_str(*ret, "recorded", recorded);
	cm_json_set_str(*ret, "image", cm_json_str(s->image, "ref", ""));
	cm_json_set_bool(*ret, "exists", exists);
	cm_json_set_bool(*ret, "running", !cm_str_eq(s->status, "stopped"));
	cm_json_set_int(*ret, "bytes", cm_json_int(s->rootfs, "bytes", 0));
	cm_json_set_int(*ret, "files", cm_json_int(s->rootfs, "files", 0));
	cm_json_set_int(*ret, "volumes", (int64_t)(cm_json_len(s->volumes) + cm_json_len(s->binds)));
	cm_json_set_int(*ret, "created_ms", s->created_ms);
	return 0;
}

int cm_export_restore_look(const struct cm_app *app, struct json_object *params, bool for_real,
			   struct json_object **ret, struct cm_err *err)
{
	struct cm_restore_source *s = NULL;
	int rc = look(app, params, for_real, &s, ret, err);

	cm_restore_source_close(s);
	return rc;
}

static bool cancelled(void *ctx)
{
	return cm_progress_cancelled(((struct run *)ctx)->c.progress);
}

static int check(struct run *r, struct cm_err *err)
{
	return cancelled(r) ? cm_err_set(err, CM_ECANCELLED, "The restore was cancelled.") : 0;
}

static int pump(void *ctx, cm_archive_write_fn write, void *write_ctx, struct cm_err *err)
{
	return cm_archive_part_tar(((struct run *)ctx)->s->ours, "rootfs", write, write_ctx, err);
}

static int import_read(void *ctx, void *data, size_t cap, size_t *ret_len, struct cm_err *err)
{
	struct run *r = ctx;
	int rc = cm_restore_pipe_read(r->pipe, data, cap, ret_len, err);

	if (rc == 0) {
		r->done += *ret_len;
		cm_progress_bytes(r->c.progress, r->done, r->total > r->done ? r->total : r->done);
	}
	return rc;
}

/* Every file is compared with its hash on the way: a damaged one ends the upload, and the engine keeps nothing. */
static int filesystem_import(struct run *r, struct cm_err *err)
{
	cm_autofree char *tag = NULL, *id = NULL;
	char random[7];
	int rc;

	cm_progress_step(r->c.progress, 1, STEPS, "Importing the filesystem as an image");
	cm_random_hex(random, 3);
	tag = cm_asprintf("%.100s-%s", r->name, random);
	r->image = cm_asprintf(IMAGE_REPO ":%s", tag);
	r->total = (uint64_t)cm_restore_source_stored(r->s);
	rc = cm_clone_note(&r->c, "images", r->image, err);
	rc = rc < 0 ? rc : cm_restore_pipe_begin(pump, r, &r->pipe, err);
	if (rc < 0)
		return rc;
	cm_docker_set_cancel(r->c.d, cancelled, r);
	rc = cm_image_import(r->c.d, IMAGE_REPO, tag, NULL, import_read, r, &id, err);
	cm_docker_set_cancel(r->c.d, NULL, NULL);
	cm_restore_pipe_end(r->pipe);
	if (rc < 0)
		return rc == CM_ECANCELLED ? rc : cm_err_prefix(err, "The filesystem could not be imported");
	CM_FAULT_POINT("export_imported");
	return check(r, err);
}

static int network_make(struct run *r, struct json_object *recorded, bool anywhere, struct cm_err *err)
{
	cm_autojson struct json_object *body = NULL;
	cm_autofree char *id = NULL;
	int rc = cm_network_body(recorded, anywhere, &body, err);

	return rc < 0 ? rc : cm_network_create(r->c.d, body, &id, err);
}

/* With other addresses when the recorded ones belong to another by now. */
static int network_need(struct run *r, struct json_object *recorded, struct cm_err *err)
{
	const char *name = cm_json_str(recorded, "Name", "");
	cm_autojson struct json_object *now = NULL;
	cm_autofree char *text = NULL;
	int rc = cm_network_is_default(name) ? 0 : cm_network_inspect(r->c.d, name, &now, err);

	if (rc == 0)
		r->moved = r->moved || (now != NULL && !cm_network_same(recorded, now));
	if (rc != CM_ENOTFOUND)
		return rc;
	rc = cm_clone_note(&r->c, "networks", name, err);
	rc = rc < 0 ? rc : network_make(r, recorded, false, err);
	if (rc < 0 && rc != CM_EEXIST && rc != CM_EUNREACHABLE) {
		rc = network_make(r, recorded, true, err);
		r->moved = true;
		text = cm_asprintf("Network %s was made with other addresses than the recorded ones.", name);
		if (rc == 0)
			cm_json_add_str(r->c.warnings, text);
	}
	if (rc == CM_EEXIST)
		cm_clone_unnote(&r->c, "networks", name);
	return rc < 0 ? cm_err_prefix(err, "The network %s could not be made", name) : 0;
}

/* By its recorded driver, options and labels; one that is there is used as it is. */
static int volume_need(struct run *r, struct json_object *entry, struct cm_err *err)
{
	const char *name = cm_json_str(entry, "name", "");
	struct json_object *options = cm_json_obj(entry, "options"), *labels = cm_json_obj(entry, "labels");
	cm_autojson struct json_object *now = NULL, *body = NULL;
	int rc;

	/* Anonymous ones are made anew with the container. */
	if (cm_json_bool(entry, "anonymous", false) || cm_json_bool(entry, "from_other", false))
		return 0;
	rc = cm_volume_inspect(r->c.d, name, &now, err);
	if (rc != CM_ENOTFOUND)
		return rc;
	body = json_object_new_object();
	cm_json_set_str(body, "Name", name);
	cm_json_set_str(body, "Driver", cm_json_str(entry, "driver", "local"));
	if (options != NULL)
		cm_json_set(body, "DriverOpts", cm_json_copy(options));
	if (labels != NULL)
		cm_json_set(body, "Labels", cm_json_copy(labels));
	rc = cm_clone_note(&r->c, "volumes", name, err);
	rc = rc < 0 ? rc : cm_volume_create(r->c.d, body, NULL, err);
	if (rc == CM_EEXIST)
		cm_clone_unnote(&r->c, "volumes", name);
	return rc < 0 ? cm_err_prefix(err, "The volume %s could not be made", name) : 0;
}

static int needs_make(struct run *r, struct cm_err *err)
{
	bool keep = cm_str_eq(r->c.volumes, "keep");
	int rc = check(r, err);

	cm_progress_step(r->c.progress, 2, STEPS, "Making networks and volumes");
	for (size_t i = 0; rc == 0 && i < cm_json_len(r->s->networks); i++)
		rc = network_need(r, json_object_array_get_idx(r->s->networks, i), err);
	for (size_t i = 0; keep && rc == 0 && i < cm_json_len(r->s->volumes); i++)
		rc = volume_need(r, json_object_array_get_idx(r->s->volumes, i), err);
	return rc;
}

/* The body of the create request. The image has no configuration: the container's own is complete. */
static int spec_make(struct run *r, struct cm_spec **ret, struct cm_err *err)
{
	cm_autojson struct json_object *inspect = cm_json_copy(r->s->inspect), *ports = NULL, *image = NULL;
	struct cm_engine_overview engine;
	struct cm_spec_options o = { .new_name = r->name,
				     .image = r->image,
				     .drop_addresses = r->moved || r->beside,
				     .drop_aliases = r->beside };
	int rc = cm_docker_api(r->c.d, &o.api_minor, err);

	cm_engine_known(r->c.app, &engine);
	o.engine_name = engine.name;
	if (cm_str_eq(r->c.volumes, "none"))
		cm_clone_mounts_drop(inspect);
	if (r->beside)
		cm_clone_labels(&r->c, cm_json_obj(inspect, "Config"));
	rc = rc < 0 ? rc : cm_clone_ports(&r->c, inspect, &ports, err);
	rc = rc < 0 ? rc : cm_image_inspect(r->c.d, r->image, &image, err);
	if (rc < 0)
		return rc;
	o.image_config = cm_json_obj(image, "Config");
	o.port_overrides = ports;
	return cm_spec_from_inspect(inspect, &o, ret, err);
}

static int container_make(struct run *r, struct cm_err *err)
{
	bool start = cm_json_bool(r->c.params, "start", !cm_str_eq(r->s->status, "stopped"));
	struct cm_spec *spec = NULL;
	int rc = check(r, err);

	cm_progress_step(r->c.progress, STEPS, STEPS, start ? "Starting the container" : "Making the container");
	rc = rc < 0 ? rc : spec_make(r, &spec, err);
	rc = rc < 0 ? rc : cm_clone_create(&r->c, spec, r->name, &r->id, err);
	if (rc == 0 && start)
		rc = cm_container_start(r->c.d, r->id, err);
	cm_spec_free(spec);
	return rc;
}

static int restore(struct run *r, struct cm_err *err)
{
	int rc = cm_clone_begin(&r->c, r->name, err);

	r->c.anew = true;
	r->c.volumes = cm_json_str(r->c.params, "volumes", "keep");
	rc = rc < 0 ? rc : filesystem_import(r, err);
	rc = rc < 0 ? rc : needs_make(r, err);
	return rc < 0 ? rc : container_make(r, err);
}

static void audit(const struct run *r, const char *status, const struct cm_err *why)
{
	struct cm_audit_event event = { .operation = "export_restore",
					.status = status,
					.container_name = r->name,
					.backup_filename = cm_json_str(r->c.params, "file", NULL),
					.error = why != NULL ? why->text : NULL,
					.user = cm_json_str(r->c.params, "user", NULL) };

	(void)cm_audit(&event, NULL);
}

static struct json_object *result_make(const struct run *r)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_bool(o, "success", true);
	cm_json_set_str(o, "message", "Export restored successfully");
	cm_json_set_str(o, "container_name", r->name);
	cm_json_set_str(o, "container_id", r->id);
	cm_json_set_str(o, "image", r->image);
	cm_json_set_str(o, "filename", cm_json_str(r->c.params, "file", ""));
	cm_json_set(o, "ports", json_object_get(r->c.ports));
	cm_json_set(o, "warnings", json_object_get(r->c.warnings));
	return o;
}

int cm_export_restore_run(const struct cm_app *app, struct json_object *params, struct cm_progress *progress,
			  struct json_object **ret_result, struct cm_err *err)
{
	struct run r = { .c = { .app = app, .params = params, .progress = progress } };
	cm_autojson struct json_object *found = NULL;
	struct cm_err why = { 0 };
	int rc = look(app, params, true, &r.s, &found, &why);

	r.name = cm_json_str(found, "name", cm_json_str(params, "name", NULL));
	r.beside = cm_json_bool(found, "exists", false);
	audit(&r, "started", NULL);
	if (rc == 0) {
		rc = restore(&r, &why);
		cm_clone_end(&r.c, rc);
	}
	audit(&r, rc == 0 ? "completed" : rc == CM_ECANCELLED ? "cancelled" : "error", rc < 0 ? &why : NULL);
	for (size_t i = 0; rc == 0 && i < cm_json_len(r.c.warnings); i++)
		cm_progress_warn(progress, json_object_get_string(json_object_array_get_idx(r.c.warnings, i)));
	if (rc < 0 && err != NULL)
		*err = why;
	if (rc == 0 && ret_result != NULL)
		*ret_result = result_make(&r);
	cm_clone_release(&r.c);
	cm_restore_source_close(r.s);
	free(r.image);
	free(r.id);
	return rc;
}
