/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/inventory.h"

#include <pthread.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "docker/image.h"
#include "docker/network.h"
#include "docker/volume.h"
#include "service/engine.h"
#include "service/own.h"

enum {
	FRESH_MS = 10000,
	ASK_MS = 3000, /* an engine that hangs takes the numbers from a page, not the page */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct cm_inventory last;
static int64_t last_ms;

static bool is_engines_own(const char *network)
{
	static const char *const names[] = { "bridge", "host", "none", "docker_gwbridge", "ingress" };

	for (size_t i = 0; i < CM_COUNT(names); i++)
		if (cm_str_eq(network, names[i]))
			return true;
	return false;
}

/* What is ours does not count: the lists leave it out too. */
static void count(struct cm_inventory *inv, const struct cm_own *own, struct json_object *images,
		  struct json_object *volumes, struct json_object *networks)
{
	memset(inv, 0, sizeof(*inv));
	for (size_t i = 0; i < cm_json_len(images); i++) {
		struct json_object *image = json_object_array_get_idx(images, i);

		if (cm_own_image(own, image) != CM_OWN_NOT)
			continue;
		inv->images++;
		inv->image_bytes += cm_json_int(image, "Size", 0);
	}
	for (size_t i = 0; i < cm_json_len(volumes); i++)
		inv->volumes += cm_own_volume(own, json_object_array_get_idx(volumes, i)) == CM_OWN_NOT;
	for (size_t i = 0; i < cm_json_len(networks); i++) {
		struct json_object *network = json_object_array_get_idx(networks, i);

		if (cm_own_network(network) != CM_OWN_NOT)
			continue;
		inv->networks++;
		inv->user_networks += !is_engines_own(cm_json_str(network, "Name", ""));
	}
}

static int ask(const struct cm_app *app, struct cm_inventory *inv, struct cm_err *err)
{
	cm_autojson struct json_object *images = NULL, *volumes = NULL, *networks = NULL;
	struct cm_docker *d;
	struct cm_own own;
	int rc = cm_engine_get(app, &d, err);

	if (rc != 0)
		return rc;
	cm_docker_set_timeout(d, ASK_MS);
	rc = cm_image_list(d, false, NULL, &images, err);
	if (rc == 0)
		rc = cm_volume_list(d, NULL, &volumes, err);
	if (rc == 0)
		rc = cm_network_list(d, NULL, &networks, err);
	if (rc != 0)
		return rc;
	/* Last: asked first, it would wait for an engine that hangs. */
	(void)cm_own_get(app, &own, NULL);
	count(inv, &own, images, volumes, networks);
	return 0;
}

int cm_inventory_get(const struct cm_app *app, struct cm_inventory *ret, struct cm_err *err)
{
	struct cm_inventory fresh;
	bool known;
	int rc;

	pthread_mutex_lock(&lock);
	known = last_ms != 0 && cm_monotonic_ms() - last_ms < FRESH_MS;
	if (known)
		*ret = last;
	pthread_mutex_unlock(&lock);
	if (known)
		return 0;
	rc = ask(app, &fresh, err);
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&lock);
	last = fresh;
	last_ms = cm_monotonic_ms();
	pthread_mutex_unlock(&lock);
	*ret = fresh;
	return 0;
}
