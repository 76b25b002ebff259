/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The dispatcher's rules, over every row of the route table and over single requests. */
#include "test.h"

#include "web_client.h"

#include "web/form.h"

/* A path of a row with something in place of each capture. */
static char *path_of(const char *pattern)
{
	struct cm_buf path = CM_BUF_INIT(1024);

	for (; *pattern != '\0'; pattern++) {
		if (*pattern == '<') {
			pattern = strchr(pattern, '>');
			cm_buf_str(&path, "none_20260101_000000-000000.tar.gz");
		} else {
			cm_buf_char(&path, *pattern);
		}
	}
	return cm_buf_detach(&path);
}

static int ask_row(const struct cm_route *r, const char *pattern, enum cm_role role, bool with_token)
{
	cm_autofree char *path = path_of(pattern);
	struct cm_request *rq =
	    request(r->method, path, r->method == CM_GET ? NULL : form, r->method == CM_GET ? NULL : "x=1");
	struct answer a;
	int status;

	as(rq, role);
	if (with_token && role != CM_ROLE_NONE)
		add_header(rq, "x-csrftoken", csrf[role]);
	a = handle(rq);
	status = a.rp.status;
	release(&a);
	return status;
}

TEST(dispatch__every_row_refuses_everyone_below_its_role)
{
	log_in();
	for (size_t i = 0; i < CM_ROUTE_COUNT; i++) {
		const struct cm_route *r = &cm_routes[i];

		for (int role = CM_ROLE_NONE; role < (int)r->role; role++) {
			int page = r->page ? ask_row(r, r->page, role, true) : 0;
			int api = r->api ? ask_row(r, r->api, role, true) : 0;
			bool good = (page == 0 || page == (role == CM_ROLE_NONE ? 303 : 403)) &&
				    (api == 0 || api == (role == CM_ROLE_NONE ? 401 : 403));

			if (!good)
				printf("# %s as %s: page %d, API %d\n", r->id, cm_role_name(role), page, api);
			CHECK(good);
		}
	}
}

TEST(dispatch__every_change_needs_the_token)
{
	log_in();
	for (size_t i = 0; i < CM_ROUTE_COUNT; i++) {
		const struct cm_route *r = &cm_routes[i];
		int page, api;

		if (r->method == CM_GET || r->flags & CM_R_NO_CSRF)
			continue;
		page = r->page ? ask_row(r, r->page, CM_ROLE_ADMIN, false) : 403;
		api = r->api ? ask_row(r, r->api, CM_ROLE_ADMIN, false) : 403;
		if (page != 403 || api != 403)
			printf("# %s without token: page %d, API %d\n", r->id, page, api);
		CHECK(page == 403 && api == 403);
	}
}

/* Without an engine, with an empty vault: every page is a page, never a 500. */
TEST(dispatch__every_page_can_be_shown)
{
	log_in();
	for (size_t i = 0; i < CM_ROUTE_COUNT; i++) {
		const struct cm_route *r = &cm_routes[i];
		cm_autofree char *path = r->page && r->method == CM_GET ? path_of(r->page) : NULL;
		struct answer a;
		bool good;

		if (path == NULL)
			continue;
		a = get(CM_ROLE_ADMIN, path);
		good = a.rp.status != 500 && (a.rp.status == 303 || strstr(a.rp.body.data, "</html>") != NULL ||
					      (r->flags & CM_R_RAW && a.rp.kind == CM_REPLY_STREAM));
		if (!good)
			printf("# %s: %d\n", path, a.rp.status);
		release(&a);
		CHECK(good);
	}
}

TEST(dispatch__who_is_not_logged_in_is_led_to_the_login_and_back)
{
	struct answer a;

	log_in();
	a = get(CM_ROLE_NONE, "/vault?q=x&sort=-size");
	CHECK_INT(a.rp.status, 303);
	CHECK_STR(header(&a, "location"), "/login?next=%2Fvault%3Fq%3Dx%26sort%3D-size");
	release(&a);
	a = get(CM_ROLE_NONE, "/");
	CHECK_STR(header(&a, "location"), "/login");
	release(&a);
	a = get(CM_ROLE_NONE, "/login?next=%2Fvault%3Fq%3Dx");
	CHECK_INT(a.rp.status, 200);
	CHECK(strstr(a.rp.body.data, "name=\"next\" value=\"/vault?q=x\"") != NULL);
	release(&a);
	a = get(CM_ROLE_NONE, "/login?next=%2F%2Fevil.example");
	CHECK(strstr(a.rp.body.data, "evil") == NULL);
	release(&a);
	a = get(CM_ROLE_ADMIN, "/login?next=%2Fvault");
	CHECK_INT(a.rp.status, 303);
	CHECK_STR(header(&a, "location"), "/vault");
	release(&a);
}

/* The login page's cookie and token, as a browser sends them back. */
static struct cm_request *login_form(const char *fields, bool with_token)
{
	struct answer a = get(CM_ROLE_NONE, "/login");
	const char *at = strstr(a.rp.body.data, "name=\"csrf-token\" content=\""), *cookie = header(&a, "set-cookie");
	cm_autofree char *token = cm_strndup(at ? at + 27 : "", 128);
	cm_autofree char *pair = cm_strndup(cookie, strcspn(cookie, ";"));
	cm_autofree char *body = cm_asprintf("%s&csrf_token=%s", fields, with_token ? token : "x");
	struct cm_request *rq = request(CM_POST, "/login", form, body);

	add_header(rq, "cookie", pair);
	release(&a);
	return rq;
}

TEST(dispatch__the_login_form_works_and_needs_its_token)
{
	struct answer a;

	log_in();
	a = handle(login_form("username=admin&password=Tests-need-a-Pass7!&next=/vault", true));
	CHECK_INT(a.rp.status, 303);
	CHECK_STR(header(&a, "location"), "/vault");
	CHECK(strstr(header(&a, "set-cookie"), "; HttpOnly") != NULL);
	CHECK(strstr(header(&a, "set-cookie"), "Secure") == NULL);
	release(&a);
	a = handle(login_form("username=admin&password=Tests-need-a-Pass7!", false));
	CHECK_INT(a.rp.status, 403);
	release(&a);
	a = handle(login_form("username=%3Cb%3E&password=wrong&next=/vault", true));
	CHECK_INT(a.rp.status, 401);
	CHECK(strstr(a.rp.body.data, "value=\"&lt;b&gt;\"") != NULL);
	CHECK(strstr(a.rp.body.data, "value=\"/vault\"") != NULL);
	CHECK(strstr(a.rp.body.data, "Invalid username or password") != NULL);
	release(&a);
}

TEST(dispatch__errors_of_the_api_are_json)
{
	struct answer a;

	log_in();
	a = get(CM_ROLE_NONE, "/api/nothing");
	CHECK_INT(a.rp.status, 401);
	release(&a);
	a = get(CM_ROLE_VIEWER, "/api/nothing");
	CHECK_INT(a.rp.status, 404);
	CHECK_STR(cm_json_str(json(&a), "code", ""), "NOT_FOUND");
	release(&a);
	a = post(CM_ROLE_ADMIN, "/api/system-stats", NULL, NULL);
	CHECK_INT(a.rp.status, 405);
	CHECK_STR(header(&a, "allow"), "GET, HEAD, OPTIONS");
	CHECK_STR(cm_json_str(json(&a), "code", ""), "METHOD_NOT_ALLOWED");
	release(&a);
	a = post(CM_ROLE_ADMIN, "/api/ui/settings/x", "application/json", "{\"value\":");
	CHECK_INT(a.rp.status, 400);
	release(&a);
	a = post(CM_ROLE_ADMIN, "/api/ui/settings/x", "application/json", "[1]");
	CHECK_INT(a.rp.status, 400);
	release(&a);
	a = post(CM_ROLE_ADMIN, "/api/ui/settings/x", "text/plain", "value=1");
	CHECK_INT(a.rp.status, 415);
	release(&a);
	a = post(CM_ROLE_ADMIN, "/api/ui/settings/x", "application/json; charset=iso-8859-1", "{}");
	CHECK_INT(a.rp.status, 415);
	release(&a);
	a = get(CM_ROLE_ADMIN, "/api/jobs?limit=%zz");
	CHECK_INT(a.rp.status, 400);
	release(&a);
	a = get(CM_ROLE_ADMIN, "/api/jobs/%00");
	CHECK_INT(a.rp.status, 400);
	release(&a);
}

TEST(dispatch__a_body_over_the_rows_limit_is_413)
{
	cm_autofree char *big = cm_alloc(20000);
	struct answer a;

	log_in();
	memset(big, 'a', 19999);
	a = post(CM_ROLE_ADMIN, "/api/login", form, big);
	CHECK_INT(a.rp.status, 413);
	release(&a);
	CHECK_INT(cm_web_body_limit(CM_POST, "/api/login"), 16384);
	CHECK_INT(cm_web_body_limit(CM_POST, "/nothing"), CM_BODY_LIMIT);
	CHECK(cm_web_body_limit_max() >= CM_BODY_LIMIT);
}

TEST(dispatch__the_rate_of_the_api_is_limited_per_user)
{
	struct answer a;

	log_in();
	app.rate_limit = 3;
	for (int i = 0; i < 3; i++) {
		a = get(CM_ROLE_VIEWER, "/api/ui/settings");
		CHECK_INT(a.rp.status, 200);
		release(&a);
	}
	a = get(CM_ROLE_VIEWER, "/api/ui/settings");
	CHECK_INT(a.rp.status, 429);
	CHECK_STR(cm_json_str(json(&a), "code", ""), "TOO_MANY_REQUESTS");
	CHECK(atoi(header(&a, "retry-after")) >= 1);
	release(&a);
	a = get(CM_ROLE_DEVELOPER, "/api/ui/settings");
	CHECK_INT(a.rp.status, 200);
	release(&a);
	a = get(CM_ROLE_VIEWER, "/api/jobs");
	CHECK_INT(a.rp.status, 200);
	release(&a);
	a = get(CM_ROLE_VIEWER, "/account");
	CHECK_INT(a.rp.status, 200);
	release(&a);
}

TEST(dispatch__logins_are_limited_and_say_for_how_long)
{
	struct answer a;

	log_in();
	app.login_limit = 2;
	for (int i = 0; i < 3; i++) {
		a = post(CM_ROLE_NONE, "/api/login", "application/json", "{\"username\":\"admin\",\"password\":\"x\"}");
		CHECK_INT(a.rp.status, i < 2 ? 401 : 429);
		CHECK_STR(cm_json_str(json(&a), "code", ""), i < 2 ? "WRONG_PASSWORD" : "TOO_MANY_REQUESTS");
		if (i == 2)
			CHECK(atoi(header(&a, "retry-after")) >= 1);
		release(&a);
	}
}

TEST(dispatch__an_api_token_needs_no_csrf_token_and_keeps_its_role)
{
	cm_autofree char *bearer = NULL;
	struct cm_request *rq;
	struct answer a;

	log_in();
	a = post(CM_ROLE_ADMIN, "/api/tokens", "application/json",
		 "{\"name\":\"ci\",\"role\":\"developer\",\"days\":1}");
	CHECK_INT(a.rp.status, 201);
	bearer = cm_asprintf("Bearer %s", cm_json_str(json(&a), "token", ""));
	release(&a);
	rq = request(CM_POST, "/api/backups/refresh", NULL, NULL);
	add_header(rq, "authorization", bearer);
	a = handle(rq);
	CHECK_INT(a.rp.status, 200);
	release(&a);
	rq = request(CM_POST, "/api/ui/settings/x", "application/json", "{\"value\":\"1\"}");
	add_header(rq, "authorization", bearer);
	a = handle(rq);
	CHECK_INT(a.rp.status, 403);
	release(&a);
	rq = request(CM_GET, "/api/jobs", NULL, NULL);
	add_header(rq, "authorization", "Bearer cm_wrong");
	as(rq, CM_ROLE_ADMIN); /* a wrong token does not fall back to the cookie */
	a = handle(rq);
	CHECK_INT(a.rp.status, 401);
	release(&a);
	rq = request(CM_GET, "/vault", NULL, NULL);
	add_header(rq, "authorization", bearer);
	a = handle(rq);
	CHECK_INT(a.rp.status, 303);
	release(&a);
}

TEST(dispatch__the_token_of_another_session_is_refused)
{
	struct cm_request *rq;
	struct answer a;

	log_in();
	rq = request(CM_POST, "/api/ui/settings/x", "application/json", "{\"value\":\"1\"}");
	as(rq, CM_ROLE_ADMIN);
	add_header(rq, "x-csrf-token", csrf[CM_ROLE_VIEWER]);
	a = handle(rq);
	CHECK_INT(a.rp.status, 403);
	CHECK(cm_json_bool(json(&a), "csrf_error", false));
	release(&a);
	a = post(CM_ROLE_ADMIN, "/api/ui/settings/x", "application/json", "{\"value\":\"1\"}");
	CHECK_INT(a.rp.status, 200);
	release(&a);
}

static int post_from(const char *name, const char *value)
{
	struct cm_request *rq = request(CM_POST, "/api/ui/settings/x", "application/json", "{\"value\":\"1\"}");
	struct answer a;
	int status;

	as(rq, CM_ROLE_ADMIN);
	add_header(rq, "x-csrftoken", csrf[CM_ROLE_ADMIN]);
	add_header(rq, name, value);
	a = handle(rq);
	status = a.rp.status;
	release(&a);
	return status;
}

TEST(dispatch__what_another_site_sends_is_refused_even_with_the_token)
{
	log_in();
	CHECK_INT(post_from("origin", "http://monkey.example:1066"), 200);
	CHECK_INT(post_from("origin", "https://monkey.example:1066"), 200);
	CHECK_INT(post_from("origin", "http://evil.example"), 403);
	CHECK_INT(post_from("origin", "http://monkey.example:1067"), 403);
	CHECK_INT(post_from("origin", "null"), 403);
	CHECK_INT(post_from("sec-fetch-site", "same-origin"), 200);
	CHECK_INT(post_from("sec-fetch-site", "none"), 200);
	CHECK_INT(post_from("sec-fetch-site", "cross-site"), 403);
	CHECK_INT(post_from("sec-fetch-site", "same-site"), 403);
}

static int with_host(const char *host)
{
	struct cm_request *rq = request(CM_GET, "/login", NULL, NULL);
	struct answer a;
	int status;

	free(rq->headers[0].value);
	rq->headers[0].value = cm_strdup(host);
	a = handle(rq);
	status = a.rp.status;
	release(&a);
	return status;
}

TEST(dispatch__host_names_are_checked_when_some_are_set)
{
	log_in();
	CHECK_INT(with_host("evil.example"), 200);
	cm_str_copy(app.hosts[0], sizeof(app.hosts[0]), "backup.example");
	app.host_count = 1;
	CHECK_INT(with_host("evil.example"), 421);
	CHECK_INT(with_host("Backup.example:80"), 200);
	CHECK_INT(with_host("localhost:1066"), 200);
	CHECK_INT(with_host("127.0.0.1"), 200);
	CHECK_INT(with_host("[::1]:80"), 200);
	CHECK_INT(with_host("127.0.0.1.evil.example"), 421);
	CHECK_INT(with_host(""), 421);
}

static const char *client_of(const char *peer, const char *forwarded, const char *proto, bool *https)
{
	static char client[46];
	struct cm_request *rq = request(CM_GET, "/login", NULL, NULL);
	struct answer a;

	cm_str_copy(rq->peer, sizeof(rq->peer), peer);
	if (forwarded != NULL)
		add_header(rq, "x-forwarded-for", forwarded);
	if (proto != NULL)
		add_header(rq, "x-forwarded-proto", proto);
	a = handle(rq);
	cm_str_copy(client, sizeof(client), a.rq->client);
	*https = strstr(header(&a, "set-cookie"), "; Secure") != NULL;
	release(&a);
	return client;
}

TEST(dispatch__only_trusted_proxies_say_who_the_client_is)
{
	bool https;

	log_in();
	CHECK_STR(client_of("10.0.0.1", "198.51.100.9", "https", &https), "10.0.0.1");
	CHECK(!https);
	app.proxies[0] = (struct cm_cidr){ { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 0 }, 104 };
	app.proxy_count = 1;
	CHECK_STR(client_of("10.0.0.1", "198.51.100.9", "https", &https), "198.51.100.9");
	CHECK(https);
	CHECK_STR(client_of("10.0.0.1", "6.6.6.6, 198.51.100.9, 10.2.3.4", "http", &https), "198.51.100.9");
	CHECK(!https);
	CHECK_STR(client_of("::ffff:10.0.0.1", "2001:db8::1", NULL, &https), "2001:db8::1");
	CHECK_STR(client_of("10.0.0.1", "garbage", NULL, &https), "10.0.0.1");
	CHECK_STR(client_of("10.0.0.1", "10.9.9.9", NULL, &https), "10.9.9.9");
	CHECK_STR(client_of("11.0.0.1", "198.51.100.9", "https", &https), "11.0.0.1");
	CHECK(!https);
}

TEST(dispatch__every_answer_carries_the_security_headers)
{
	static const char *const urls[] = { "/login",	"/vault",   "/api/jobs",	  "/api/nothing",
					    "/nothing", "/healthz", "/assets/app.11.css", "/assets/none" };

	log_in();
	for (size_t i = 0; i < CM_COUNT(urls); i++) {
		struct answer a = get(i % 2 ? CM_ROLE_ADMIN : CM_ROLE_NONE, urls[i]);

		CHECK(strstr(header(&a, "content-security-policy"), "default-src 'none'") != NULL);
		CHECK(strstr(header(&a, "content-security-policy"), "unsafe") == NULL);
		CHECK_STR(header(&a, "x-content-type-options"), "nosniff");
		CHECK(header(&a, "cache-control")[0] != '\0');
		CHECK_STR(header(&a, "strict-transport-security"), "");
		release(&a);
	}
}

TEST(dispatch__assets_are_immutable_and_precompressed)
{
	struct cm_request *rq = request(CM_GET, "/assets/app.11.css", NULL, NULL);
	struct answer a;

	log_in();
	add_header(rq, "accept-encoding", "br, gzip;q=0.8");
	a = handle(rq);
	CHECK_INT(a.rp.status, 200);
	CHECK_STR(header(&a, "content-encoding"), "gzip");
	CHECK_STR(header(&a, "etag"), "\"app.11.css.gz\"");
	CHECK(strstr(header(&a, "cache-control"), "immutable") != NULL);
	CHECK_STR(a.rp.body.data, "gzip of it");
	release(&a);
	rq = request(CM_GET, "/assets/app.11.css", NULL, NULL);
	add_header(rq, "accept-encoding", "gzip;q=0");
	add_header(rq, "if-none-match", "\"app.11.css\"");
	a = handle(rq);
	CHECK_INT(a.rp.status, 304);
	release(&a);
	a = get(CM_ROLE_NONE, "/assets/app.11.css.gz");
	CHECK_INT(a.rp.status, 404);
	release(&a);
}

TEST(dispatch__pages_are_compressed_when_asked_for)
{
	struct cm_request *rq = request(CM_GET, "/help", NULL, NULL);
	struct answer a;

	log_in();
	as(rq, CM_ROLE_VIEWER);
	add_header(rq, "accept-encoding", "gzip");
	a = handle(rq);
	CHECK_STR(header(&a, "content-encoding"), "gzip");
	CHECK_STR(header(&a, "vary"), "Accept-Encoding");
	CHECK(a.rp.body.len > 100 && (unsigned char)a.rp.body.data[0] == 0x1f);
	release(&a);
	a = get(CM_ROLE_VIEWER, "/help");
	CHECK_STR(header(&a, "content-encoding"), "");
	CHECK(a.rp.body.len > 1024);
	release(&a);
}

TEST(dispatch__a_message_is_shown_once_by_the_next_page)
{
	struct answer a;

	log_in();
	a = post(CM_ROLE_ADMIN, "/settings", form, "server_name=harbour-1");
	CHECK_INT(a.rp.status, 303);
	CHECK_STR(header(&a, "location"), "/settings");
	release(&a);
	a = get(CM_ROLE_ADMIN, "/help");
	CHECK(strstr(a.rp.body.data, "The settings are saved.") != NULL);
	CHECK(strstr(a.rp.body.data, "harbour-1") != NULL);
	release(&a);
	a = get(CM_ROLE_ADMIN, "/help");
	CHECK(strstr(a.rp.body.data, "The settings are saved.") == NULL);
	release(&a);
}

TEST(dispatch__a_refused_form_comes_again_with_what_was_typed)
{
	struct answer a;

	log_in();
	a = post(CM_ROLE_VIEWER, "/account/password", form,
		 "current_password=wrong&new_password=Another-Pass-77!&repeat_password=Another-Pass-77!");
	CHECK_INT(a.rp.status, 422);
	CHECK(strstr(a.rp.body.data, "Current password is incorrect") != NULL);
	CHECK(strstr(a.rp.body.data, "Another-Pass-77!") == NULL);
	release(&a);
	a = post(CM_ROLE_VIEWER, "/account/name", form, "new_username=ab&current_password=Tests-need-a-Pass7!");
	CHECK_INT(a.rp.status, 422);
	CHECK(strstr(a.rp.body.data, "value=\"ab\"") != NULL);
	release(&a);
	a = post(CM_ROLE_VIEWER, "/account/password", form,
		 "current_password=Tests-need-a-Pass7!&new_password=Another-Pass-77!&repeat_password=Another");
	CHECK_INT(a.rp.status, 422);
	CHECK(strstr(a.rp.body.data, "The two new passwords differ.") != NULL);
	release(&a);
}

TEST(dispatch__a_head_request_is_answered_like_get_and_options_names_methods)
{
	struct cm_request *rq = request(CM_HEAD, "/help", NULL, NULL);
	struct answer a;

	log_in();
	as(rq, CM_ROLE_VIEWER);
	a = handle(rq);
	CHECK_INT(a.rp.status, 200);
	CHECK(a.rp.body.len > 0);
	release(&a);
	a = handle(request(CM_OPTIONS, "/login", NULL, NULL));
	CHECK_INT(a.rp.status, 204);
	CHECK_STR(header(&a, "allow"), "GET, HEAD, POST, OPTIONS");
	release(&a);
}

TEST(dispatch__the_theme_is_a_cookie_and_leads_back)
{
	struct answer a;

	log_in();
	a = post(CM_ROLE_VIEWER, "/theme", form, "theme=light&back=%2Fhelp");
	CHECK_INT(a.rp.status, 303);
	CHECK_STR(header(&a, "location"), "/help");
	CHECK(strstr(header(&a, "set-cookie"), "theme=light;") != NULL);
	release(&a);
	a = post(CM_ROLE_VIEWER, "/theme", form, "theme=pink");
	CHECK_INT(a.rp.status, 400);
	release(&a);
	a = get(CM_ROLE_VIEWER, "/help");
	CHECK(strstr(a.rp.body.data, "data-theme=\"dark\"") != NULL);
	release(&a);
}

TEST(dispatch__logout_ends_the_session)
{
	struct answer a;

	log_in();
	a = post(CM_ROLE_VIEWER, "/logout", form, "");
	CHECK_INT(a.rp.status, 303);
	CHECK(strstr(header(&a, "set-cookie"), "session=; Path=/; Max-Age=0") != NULL);
	release(&a);
	a = get(CM_ROLE_VIEWER, "/api/jobs");
	CHECK_INT(a.rp.status, 401);
	release(&a);
}

TEST(web_new__a_broken_template_stops_the_start_with_file_and_line)
{
	static const unsigned char broken[] = "a\n{{#x}}";
	static const struct cm_embed_file templates[] = { { "layout", broken, 8 } };
	static const struct cm_embedded files = { templates, 1, assets, CM_COUNT(assets) };
	struct cm_web *other = NULL;
	struct cm_err err = { 0 };

	log_in();
	unsetenv("CM_TEMPLATES_DIR");
	CHECK_INT(cm_web_new(&app, &files, &other, &err), CM_EINVAL);
	CHECK_STR(err.text, "layout:2: \"x\" is not closed");
	setenv("CM_TEMPLATES_DIR", "/nonexistent", 1);
	CHECK_INT(cm_web_new(&app, &files, &other, &err), CM_ENOTFOUND);
	setenv("CM_TEMPLATES_DIR", "templates", 1);
}

/* A browser lets any site open a websocket to us, with our cookies. */
static int socket_status(const char *origin, const char *site)
{
	struct cm_request *rq = request(CM_GET, "/api/container/web/console", NULL, NULL);
	struct answer a;
	int status;

	as(rq, CM_ROLE_ADMIN);
	add_header(rq, "upgrade", "websocket");
	if (origin != NULL)
		add_header(rq, "origin", origin);
	if (site != NULL)
		add_header(rq, "sec-fetch-site", site);
	a = handle(rq);
	status = a.rp.kind == CM_REPLY_SOCKET ? 101 : a.rp.status;
	release(&a);
	return status;
}

TEST(dispatch__a_websocket_is_opened_by_our_own_pages_alone)
{
	log_in();
	CHECK_INT(socket_status("http://monkey.example:1066", NULL), 101);
	CHECK_INT(socket_status("http://monkey.example:1066", "same-origin"), 101);
	CHECK_INT(socket_status("http://monkey.example:1066", "cross-site"), 403);
	CHECK_INT(socket_status("http://evil.example", NULL), 403);
	CHECK_INT(socket_status("null", NULL), 403);
	CHECK_INT(socket_status(NULL, NULL), 403);
}
