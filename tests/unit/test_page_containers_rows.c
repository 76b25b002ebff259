/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/page/page_containers_rows.h"

#include "core/json.h"
#include "test.h"

static struct json_object *view, *entry;

static struct cm_container_row row(void)
{
	if (view == NULL) {
		view = json_tokener_parse("{\"id\":\"1b2d46e3f8d1\",\"networks\":[\"shop_default\",\"bridge\"]}");
		entry = json_tokener_parse("{\"ImageID\":\"sha256:ed7c801f09c2aabb\"}");
	}
	return (struct cm_container_row){ .view = view,
					  .entry = entry,
					  .name = "shop-web-1",
					  .state = "Running",
					  .image = "registry:5000/web",
					  .stack = "shop",
					  .address = "172.20.0.3",
					  .running = true };
}

static bool matches(struct cm_container_row r, struct cm_container_filter f)
{
	f.q = f.q ? f.q : "";
	f.state = f.state ? f.state : "";
	f.stack = f.stack ? f.stack : "";
	f.network = f.network ? f.network : "";
	f.image = f.image ? f.image : "";
	return cm_container_row_matches(&r, &f);
}
#define MATCHES(...) matches(row(), (struct cm_container_filter){ __VA_ARGS__ })

TEST(page_containers_rows__search_looks_at_what_the_row_says)
{
	CHECK(MATCHES(.q = "WEB"));
	CHECK(MATCHES(.q = "46e3"));
	CHECK(MATCHES(.q = "172.20"));
	CHECK(MATCHES(.q = "registry"));
	CHECK(!MATCHES(.q = "db"));
}

TEST(page_containers_rows__a_network_is_one_of_its_own_whole_name)
{
	CHECK(MATCHES(.network = "bridge"));
	CHECK(MATCHES(.network = "shop_default"));
	CHECK(!MATCHES(.network = "shop"));
}

TEST(page_containers_rows__an_image_by_name_or_id)
{
	CHECK(MATCHES(.image = "registry:5000/web"));
	CHECK(MATCHES(.image = "registry:5000/web:latest"));
	CHECK(MATCHES(.image = "sha256:ed7c801f09c2"));
	CHECK(MATCHES(.image = "ed7c801f09c2aabb"));
	CHECK(!MATCHES(.image = "ed7c80"));
	CHECK(!MATCHES(.image = "registry:5000/web:2"));
	CHECK(!MATCHES(.image = "web"));
}

TEST(page_containers_rows__states)
{
	struct cm_container_row paused = row(), sick = row(), own = row();

	paused.paused = true;
	sick.unhealthy = true;
	own.self = true;
	CHECK(MATCHES(.state = "running"));
	CHECK(!MATCHES(.state = "stopped"));
	CHECK(!MATCHES(.state = "paused"));
	CHECK(matches(paused, (struct cm_container_filter){ .state = "paused" }));
	CHECK(matches(sick, (struct cm_container_filter){ .state = "unhealthy" }));
	CHECK(MATCHES(.state = "unprotected"));
	CHECK(!matches(own, (struct cm_container_filter){ .own = true, .state = "unprotected" }));
}

TEST(page_containers_rows__our_own_only_when_asked_for)
{
	struct cm_container_row own = row();

	own.self = true;
	CHECK(!matches(own, (struct cm_container_filter){ 0 }));
	CHECK(matches(own, (struct cm_container_filter){ .own = true }));
}

TEST(page_containers_rows__addresses_are_sorted_as_numbers)
{
	struct cm_container_row rows[3] = { row(), row(), row() };

	rows[0].address = "172.20.0.10";
	rows[1].address = "172.20.0.9";
	rows[2].address = "";
	cm_container_rows_sort(rows, 3, "-address");
	CHECK_STR(rows[0].address, "172.20.0.10");
	CHECK_STR(rows[1].address, "172.20.0.9");
	CHECK_STR(rows[2].address, "");
}
