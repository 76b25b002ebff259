/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as JSON: what is taken can be printed and is taken again, and whoever reads what a stranger may have
 * written (a companion, a container's configuration, a network) takes any shape of it. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/backup_meta.h"
#include "service/container_spec.h"
#include "service/network_restore.h"
#include "service/preflight.h"

static void as_companion(struct json_object *o)
{
	const struct cm_vault_entry entry = { "a_20261122_184500-a1b2c3.tar.gz", 1, 1, true };
	struct cm_catalog_row row;

	cm_backup_row("local", &entry, o, &row);
	cm_catalog_row_release(&row);
}

static void as_network(struct json_object *o)
{
	cm_autojson struct json_object *body = NULL, *guess = cm_network_guess("n", o);

	cm_autojson struct json_object *findings = json_object_new_array();

	cm_network_body(o, false, &body, NULL);
	cm_network_same(o, guess);
	cm_network_overlaps(o, guess);
	cm_network_holds(o, "10.0.0.1");
	cm_preflight_power_network(o, findings);
}

static void as_container(struct json_object *o)
{
	const struct cm_spec_options options = { .api_minor = 41 };
	cm_autobuf struct cm_buf run = CM_BUF_INIT(1 << 20), compose = CM_BUF_INIT(1 << 20);
	struct json_object *made[] = { cm_spec_volumes(o),    cm_spec_binds(o),	 cm_spec_networks(o),
				       cm_spec_references(o), cm_spec_masked(o), cm_spec_ports(o, NULL) };
	cm_autojson struct json_object *findings = json_object_new_array();
	struct cm_spec *spec = NULL;

	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		json_object_put(made[i]);
	cm_preflight_power(o, cm_json_arr(o, "volumes"), findings);
	cm_spec_run_text(o, NULL, CM_SPEC_MASK_ENV, &run);
	cm_spec_compose_text(o, NULL, CM_SPEC_MASK_ENV, &compose);
	if (cm_spec_from_inspect(o, &options, &spec, NULL) == 0)
		cm_spec_free(spec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *o = NULL, *again = NULL;
	cm_autofree char *copy = cm_strndup((const char *)data, size);
	int64_t ms;

	cm_time_parse(copy, &ms);
	if (cm_json_parse_bounded((const char *)data, size, NULL, &o, NULL) == 0) {
		cm_autofree char *text = cm_json_text(o);
		assert(cm_json_parse(text, strlen(text), &again, NULL) == 0);
		cm_json_str_at(o, "a.b", "");
		as_companion(o);
		as_network(o);
		as_container(o);
		json_object_put(again);
	}
	json_object_put(o);
	return 0;
}
