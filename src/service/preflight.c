/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/preflight.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/self.h"
#include "service/restore_helper.h"
#include "service/restore_plan.h"

enum { SPACE_SPARE = 64 << 20, DEVICE_CHECKS = 16 };

static const char *const level_words[] = { "ok", "warn", "block" };

void cm_finding_add(struct json_object *findings, enum cm_finding_level level, const char *code, const char *field,
		    const char *hint, const char *fmt, ...)
{
	struct json_object *o = json_object_new_object();
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cm_json_set_str(o, "level", level_words[level]);
	cm_json_set_str(o, "code", code);
	cm_json_set_str(o, "text", text);
	cm_json_set_str(o, "hint", hint);
	cm_json_set_str(o, "field", field);
	json_object_array_add(findings, o);
}

static enum cm_finding_level level_of(struct json_object *finding)
{
	const char *word = cm_json_str(finding, "level", "ok");

	for (int i = CM_FINDING_BLOCK; i > 0; i--)
		if (strcmp(word, level_words[i]) == 0)
			return (enum cm_finding_level)i;
	return CM_FINDING_OK;
}

enum cm_finding_level cm_findings_worst(struct json_object *findings)
{
	enum cm_finding_level worst = CM_FINDING_OK;

	for (size_t i = 0; i < cm_json_len(findings); i++) {
		enum cm_finding_level level = level_of(json_object_array_get_idx(findings, i));
		if (level > worst)
			worst = level;
	}
	return worst;
}

const char *cm_findings_first_block(struct json_object *findings)
{
	for (size_t i = 0; i < cm_json_len(findings); i++) {
		struct json_object *f = json_object_array_get_idx(findings, i);
		if (level_of(f) == CM_FINDING_BLOCK)
			return cm_json_str(f, "text", "");
	}
	return NULL;
}

bool cm_findings_conflict(struct json_object *findings)
{
	static const char *const codes[] = { "NAME_TAKEN",    "PORT_TAKEN",	 "VOLUME_EXISTS",
					     "VOLUME_IN_USE", "SUBNET_TAKEN",	 "ADDRESS_TAKEN",
					     "NAME_IS_OURS",  "OLD_AUTO_REMOVE", "BIND_IN_USE" };

	for (size_t i = 0; i < cm_json_len(findings); i++) {
		struct json_object *f = json_object_array_get_idx(findings, i);
		for (size_t k = 0; level_of(f) == CM_FINDING_BLOCK && k < CM_COUNT(codes); k++)
			if (cm_str_eq(cm_json_str(f, "code", ""), codes[k]))
				return true;
	}
	return false;
}

static bool is_running(struct json_object *inspect)
{
	return cm_json_bool(cm_json_obj(inspect, "State"), "Running", false);
}

static void check_name(struct cm_restore_plan *p)
{
	bool running = is_running(p->old);

	if (p->old == NULL) {
		cm_finding_add(p->findings, CM_FINDING_OK, "NAME_FREE", "name", NULL, "The name %s is free", p->name);
		return;
	}
	if (cm_self_is(p->self_id, cm_json_str(p->old, "Id", ""))) {
		cm_finding_add(p->findings, CM_FINDING_BLOCK, "NAME_IS_OURS", "name", "Choose another name.",
			       "%s is the container this program runs in", p->name);
		return;
	}
	if (!p->options.replace) {
		cm_finding_add(p->findings, CM_FINDING_BLOCK, "NAME_TAKEN", "name",
			       running ? "It is running. Choose another name, or allow it to be replaced."
				       : "It is not running. Choose another name, or allow it to be replaced.",
			       "A container named %s exists", p->name);
		return;
	}
	if (running && cm_json_bool(cm_json_obj(p->old, "HostConfig"), "AutoRemove", false)) {
		cm_finding_add(
		    p->findings, CM_FINDING_BLOCK, "OLD_AUTO_REMOVE", "name",
		    "It was started with --rm: stopping it deletes it, so there would be no way back. Stop it "
		    "yourself, or choose another name.",
		    "The container %s cannot be replaced safely", p->name);
		return;
	}
	cm_finding_add(p->findings, CM_FINDING_WARN, "NAME_REPLACED", "name",
		       p->options.keep_old ? "It is stopped, and kept under another name."
					   : "It is stopped, and removed once the restored one runs. On any failure it "
					     "comes back as it was.",
		       "The container %s will be replaced", p->name);
}

bool cm_preflight_architecture_fits(const char *image, const char *engine)
{
	static const struct {
		const char *engine, *images[3];
	} known[] = {
		{ "x86_64", { "amd64", "386" } },
		{ "aarch64", { "arm64", "arm" } },
		{ "armv7l", { "arm" } },
		{ "armv6l", { "arm" } },
		{ "i686", { "386" } },
		{ "i386", { "386" } },
		{ "ppc64le", { "ppc64le" } },
		{ "s390x", { "s390x" } },
		{ "riscv64", { "riscv64" } },
		{ "mips64", { "mips64le", "mips64" } },
		{ "loongarch64", { "loong64" } },
	};

	if (image == NULL || image[0] == '\0' || engine == NULL)
		return true;
	for (size_t i = 0; i < CM_COUNT(known); i++) {
		if (strcmp(known[i].engine, engine) != 0)
			continue;
		for (size_t k = 0; k < CM_COUNT(known[i].images) && known[i].images[k]; k++)
			if (strcmp(known[i].images[k], image) == 0)
				return true;
		return false;
	}
	return true;
}

static void check_architecture(struct cm_restore_plan *p)
{
	const char *arch = cm_json_str(p->source->image, "architecture", NULL);
	const char *engine = cm_json_str(p->info, "Architecture", NULL);

	if (p->image_now != NULL)
		arch = cm_json_str(p->image_now, "Architecture", arch);
	if (cm_preflight_architecture_fits(arch, engine))
		return;
	cm_finding_add(
	    p->findings, p->options.other_architecture ? CM_FINDING_WARN : CM_FINDING_BLOCK, "ARCHITECTURE_DIFFERS",
	    NULL,
	    p->options.other_architecture
		? "It only runs if this host emulates that processor."
		: "Restore it on a host of that kind, or say that this host emulates it (other_architecture).",
	    "The image is for %s, this host is %s", arch, engine);
}

static void check_image_there(struct cm_restore_plan *p, const char *ref, const char *arch)
{
	if (p->image_of_ref != NULL && p->image_now != NULL &&
	    !cm_str_eq(cm_json_str(p->image_of_ref, "Id", ""), cm_json_str(p->image_now, "Id", "")))
		cm_finding_add(p->findings, CM_FINDING_WARN, "IMAGE_TAG_MOVED", NULL,
			       "The restored container uses the recorded image by its id.",
			       "The name %s means another image now", ref);
	else
		cm_finding_add(p->findings, CM_FINDING_OK, "IMAGE_PRESENT", NULL, NULL,
			       "The image %s is on this host%s%s", ref, arch[0] ? ", " : "", arch);
}

static void check_image(struct cm_restore_plan *p)
{
	const char *ref = cm_json_str(p->source->image, "ref", ""), *why = cm_json_str(p->source->image, "reason", "");
	const char *arch = cm_json_str(p->source->image, "architecture", "");

	switch (p->image_action) {
	case CM_RI_PRESENT:
		check_image_there(p, ref, arch);
		break;
	case CM_RI_LOAD:
		cm_finding_add(p->findings, CM_FINDING_OK, "IMAGE_EMBEDDED", NULL,
			       p->image_of_ref ? "Its name means another image on this host now: it is used by its id."
					       : "It is loaded from the backup.",
			       "The image is inside the backup");
		break;
	case CM_RI_PULL:
		cm_finding_add(p->findings, CM_FINDING_WARN, "IMAGE_PULL", NULL,
			       "The backup holds only its digest: the registry must still have it.",
			       "The image %s will be pulled", ref);
		break;
	case CM_RI_OTHER:
		cm_finding_add(p->findings, CM_FINDING_WARN, "IMAGE_OTHER", NULL,
			       "The recorded one is neither here nor in the backup.",
			       "Another image of the name %s will be used", ref);
		break;
	case CM_RI_PULL_REF:
		cm_finding_add(p->findings, CM_FINDING_WARN, "IMAGE_PULL", NULL,
			       "The backup does not hold it, and its digest is not known: it may be another version.",
			       "The image %s will be pulled by its name", ref);
		break;
	case CM_RI_NONE:
		cm_finding_add(p->findings, CM_FINDING_BLOCK, "IMAGE_MISSING", NULL,
			       "Bring the image to this host first (docker load or docker pull).",
			       "The image is neither in the backup nor on this host%s%s", why[0] ? ": " : "", why);
		break;
	}
}

static void check_space(struct cm_restore_plan *p)
{
	int64_t needed = cm_restore_source_stored(p->source);
	char a[32], b[32];

	if (p->image_action == CM_RI_LOAD)
		needed += 2 * cm_json_int(p->source->image, "size", 0);
	if (p->free_bytes < 0) {
		cm_finding_add(p->findings, CM_FINDING_OK, "SPACE_UNKNOWN", NULL, NULL,
			       "The engine does not tell how much space its disk has left");
		return;
	}
	cm_size_text(a, needed);
	cm_size_text(b, p->free_bytes);
	if (needed + SPACE_SPARE > p->free_bytes)
		cm_finding_add(p->findings, CM_FINDING_BLOCK, "NO_SPACE", NULL, "Free space on the Docker host.",
			       "Not enough space: %s needed, %s free", a, b);
	else
		cm_finding_add(p->findings, CM_FINDING_OK, "SPACE", NULL, NULL, "Enough space: %s needed, %s free", a,
			       b);
}

static void check_engine(struct cm_restore_plan *p)
{
	const char *now = cm_json_str(p->info, "ServerVersion", ""), *then = p->source->engine_version;

	/* Compared as numbers: what a newer engine wrote may mean settings that this one ignores. */
	if (then[0] != '\0' && now[0] != '\0' && strverscmp(now, then) < 0)
		cm_finding_add(p->findings, CM_FINDING_WARN, "ENGINE_OLDER", NULL,
			       "Settings that only the newer one knows are ignored here.",
			       "The backup was made with Docker Engine %s, this one is %s", then, now);
}

static void check_runtime(struct cm_restore_plan *p)
{
	const char *runtime = cm_json_str_at(p->source->inspect, "HostConfig.Runtime", "");
	struct json_object *runtimes = cm_json_obj(p->info, "Runtimes");

	if (runtime[0] == '\0' || runtimes == NULL || json_object_object_get_ex(runtimes, runtime, NULL))
		return;
	cm_finding_add(p->findings, CM_FINDING_BLOCK, "RUNTIME_MISSING", NULL,
		       "Install it on the Docker host, then try again.", "The runtime %s is not on this host", runtime);
}

/* Containers that live in the network, or another namespace, of the one that is replaced: they name it by its id. */
static void check_dependents(struct cm_restore_plan *p)
{
	cm_autofree char *mode =
	    p->old && p->options.replace ? cm_asprintf("container:%s", cm_json_str(p->old, "Id", "")) : NULL;

	for (size_t i = 0; mode != NULL && i < cm_json_len(p->containers); i++) {
		struct json_object *c = json_object_array_get_idx(p->containers, i), *names = cm_json_arr(c, "Names");
		const char *name =
		    cm_json_len(names) ? json_object_get_string(json_object_array_get_idx(names, 0)) : NULL;
		if (cm_str_eq(cm_json_str_at(c, "HostConfig.NetworkMode", ""), mode))
			cm_finding_add(p->findings, CM_FINDING_WARN, "DEPENDENT", NULL,
				       "It must be made again afterwards: it is bound to the container that goes.",
				       "The container %s shares the network of %s",
				       name ? name + (name[0] == '/') : "another", p->name);
	}
}

static int check_devices(struct cm_restore_plan *p, struct cm_err *err)
{
	struct json_object *devices = cm_json_at(p->source->inspect, "HostConfig.Devices");
	const char *paths[DEVICE_CHECKS] = { 0 };
	struct cm_shift s = { .app = p->app, .d = p->d };
	int rc = 0;

	for (size_t i = 0; i < cm_json_len(devices) && i < DEVICE_CHECKS; i++) {
		const char *path = cm_json_str(json_object_array_get_idx(devices, i), "PathOnHost", "");
		/* Always there; no need to look. */
		if (cm_str_eq(path, "/dev/null") || cm_str_eq(path, "/dev/zero") || path[0] != '/')
			continue;
		paths[i] = path;
		cm_shift_expect(&s, path, false);
	}
	for (size_t i = 0; rc == 0 && i < DEVICE_CHECKS; i++) {
		enum cm_path_state state;
		if (paths[i] == NULL)
			continue;
		rc = cm_restore_path_state(&s, paths[i], &state, err);
		if (rc == 0 && state == CM_PATH_MISSING)
			cm_finding_add(p->findings, CM_FINDING_BLOCK, "DEVICE_MISSING", NULL,
				       "Connect it, or restore on a host that has it.",
				       "The device %s is not on this host", paths[i]);
	}
	cm_shift_drop(&s);
	return rc;
}

static void check_references(struct cm_restore_plan *p)
{
	for (size_t i = 0; i < cm_json_len(p->refs_now); i++) {
		struct json_object *r = json_object_array_get_idx(p->refs_now, i);
		const char *ref = cm_json_str(r, "ref", "");
		if (cm_json_str(r, "name", NULL) != NULL)
			continue;
		cm_finding_add(p->findings, CM_FINDING_BLOCK, "REFERENCE_MISSING", NULL,
			       "Restore or start that container first.",
			       "It needs the container %.64s (%s), which is "
			       "not on this host",
			       ref, cm_json_str(r, "kind", ""));
	}
}

/* What the backup itself lacks, and what no backup can hold. */
static void check_parts(struct cm_restore_plan *p)
{
	struct json_object *labels = cm_json_at(p->source->inspect, "Config.Labels");

	for (size_t i = 0; i < p->volume_count; i++) {
		const struct cm_restore_volume *v = &p->volumes[i];
		if (v->has_data || v->action == CM_RV_KEEP || v->action == CM_RV_OTHER || v->action == CM_RV_BLOCKED)
			continue;
		cm_finding_add(p->findings, CM_FINDING_WARN, "PART_MISSING", NULL,
			       cm_json_str(v->entry, "reason", "The volume comes back empty."),
			       "The content of the volume %s is not in the backup", v->recorded);
	}
	if (cm_json_str(labels, "com.docker.swarm.service.name", NULL) != NULL)
		cm_finding_add(
		    p->findings, CM_FINDING_WARN, "SWARM", NULL,
		    "It comes back as a container of its own; secrets and configs of the swarm are not in it.",
		    "The container belonged to a swarm service");
	if (p->beside)
		cm_finding_add(
		    p->findings, CM_FINDING_OK, "BESIDE", NULL,
		    "It gets other addresses, answers to none of the original's network aliases, and does not "
		    "count as part of its stack.",
		    "The original %s stays as it is", p->recorded);
}

int cm_preflight_run(struct cm_restore_plan *p, struct cm_err *err)
{
	int rc;

	json_object_put(p->findings);
	p->findings = json_object_new_array();
	check_name(p);
	cm_preflight_power(p->source->inspect, p->source->volumes, p->findings);
	cm_preflight_ports(p);
	cm_preflight_volumes(p);
	cm_preflight_binds(p);
	check_image(p);
	check_architecture(p);
	cm_preflight_networks(p);
	for (size_t i = 0; i < p->network_count; i++)
		if (p->networks[i].existing == NULL && p->networks[i].recorded != NULL)
			cm_preflight_power_network(p->networks[i].recorded, p->findings);
	check_references(p);
	check_dependents(p);
	check_runtime(p);
	rc = check_devices(p, err);
	if (rc != 0)
		return rc;
	check_parts(p);
	check_engine(p);
	check_space(p);
	return 0;
}
