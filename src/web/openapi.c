/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/openapi.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "web/route.h"

enum { WORDS_MAX = 16 };

/* One field of a row's "name?:type, …". */
struct field {
	char name[64];
	bool optional;
	char types[WORDS_MAX][32]; /* "string", "null", or words that are the values */
	size_t type_count;
};

/* Takes the next field off *p; false at the end. */
static bool next_field(const char **p, struct field *f)
{
	const char *s = *p;
	size_t len;

	if (s == NULL)
		return false;
	s += strspn(s, ", ");
	if (*s == '\0')
		return false;
	memset(f, 0, sizeof(*f));
	len = strcspn(s, "?:,");
	snprintf(f->name, sizeof(f->name), "%.*s", (int)len, s);
	s += len;
	f->optional = *s == '?';
	s += f->optional;
	while (*s == ':' || *s == '|') {
		s++;
		len = strcspn(s, "|, ");
		if (f->type_count < WORDS_MAX)
			snprintf(f->types[f->type_count++], sizeof(f->types[0]), "%.*s", (int)len, s);
		s += len;
	}
	*p = s;
	return true;
}

static const char *schema_type(const char *word)
{
	static const char *const names[][2] = { { "string", "string" }, { "int", "integer" },	{ "number", "number" },
						{ "bool", "boolean" },	{ "object", "object" }, { "array", "array" },
						{ "null", "null" } };

	for (size_t i = 0; i < CM_COUNT(names); i++)
		if (strcmp(names[i][0], word) == 0)
			return names[i][1];
	return NULL;
}

static struct json_object *schema_of(const struct field *f)
{
	struct json_object *o = json_object_new_object(), *types = json_object_new_array(), *values = NULL;

	for (size_t i = 0; i < f->type_count; i++) {
		const char *type = schema_type(f->types[i]);

		if (type != NULL) {
			cm_json_add_str(types, type);
			continue;
		}
		if (values == NULL)
			values = json_object_new_array();
		cm_json_add_str(values, f->types[i]);
	}
	if (values != NULL) {
		json_object_put(types);
		cm_json_set_str(o, "type", "string");
		cm_json_set(o, "enum", values);
	} else if (cm_json_len(types) == 1) {
		cm_json_set(o, "type", json_object_get(json_object_array_get_idx(types, 0)));
		json_object_put(types);
	} else {
		cm_json_set(o, "type", types);
	}
	return o;
}

static struct json_object *object_schema(const char *fields)
{
	struct json_object *o = json_object_new_object(), *properties = json_object_new_object();
	struct json_object *required = json_object_new_array();
	struct field f;

	cm_json_set_str(o, "type", "object");
	while (next_field(&fields, &f)) {
		cm_json_set(properties, f.name, schema_of(&f));
		if (!f.optional)
			cm_json_add_str(required, f.name);
	}
	cm_json_set(o, "properties", properties);
	if (cm_json_len(required) > 0)
		cm_json_set(o, "required", required);
	else
		json_object_put(required);
	return o;
}

static struct json_object *content(const char *type, struct json_object *schema)
{
	struct json_object *o = json_object_new_object(), *media = json_object_new_object();

	cm_json_set(media, "schema", schema);
	cm_json_set(o, type, media);
	return o;
}

static void add_parameter(struct json_object *list, const char *name, const char *in, bool required,
			  struct json_object *schema)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "name", name);
	cm_json_set_str(o, "in", in);
	cm_json_set_bool(o, "required", required);
	cm_json_set(o, "schema", schema);
	json_object_array_add(list, o);
}

/* "/api/backup/<file>" as "/api/backup/{file}", and its captures as parameters. */
static char *path_of(const struct cm_route *r, struct json_object *parameters)
{
	char *path = cm_strdup(r->api);

	for (char *p = path; (p = strchr(p, '<')) != NULL; p++) {
		char *end = strchr(p, '>');
		cm_autofree char *name = cm_strndup(p + 1, (size_t)(end - p - 1));
		struct json_object *schema = json_object_new_object();

		*p = '{';
		*end = '}';
		cm_json_set_str(schema, "type", "string");
		add_parameter(parameters, name, "path", true, schema);
	}
	return path;
}

static void add_response(struct json_object *responses, const char *status, const char *text, const char *schema)
{
	struct json_object *o = json_object_new_object(), *ref;

	cm_json_set_str(o, "description", text);
	if (schema != NULL) {
		ref = json_object_new_object();
		cm_json_set_str(ref, "$ref", schema);
		cm_json_set(o, "content", content("application/json", ref));
	}
	cm_json_set(responses, status, o);
}

static struct json_object *responses_of(const struct cm_route *r, bool captures)
{
	static const char error[] = "#/components/schemas/Error";
	struct json_object *o = json_object_new_object(), *ok = json_object_new_object();

	cm_json_set_str(ok, "description", r->flags & CM_R_RAW ? "The bytes." : "Done.");
	if (r->answer != NULL)
		cm_json_set(ok, "content", content("application/json", object_schema(r->answer)));
	cm_json_set(o, "200", ok);
	if (r->role != CM_ROLE_NONE) {
		add_response(o, "401", "Not logged in.", error);
		add_response(o, "403", "Not allowed for this role, or the CSRF token is missing.", error);
	}
	if (captures)
		add_response(o, "404", "There is no such thing.", error);
	if (!(r->flags & CM_R_NO_RATE))
		add_response(o, "429", "Too many requests; Retry-After says when to come back.", error);
	add_response(o, "default", "An error.", error);
	return o;
}

static struct json_object *security_of(const struct cm_route *r)
{
	struct json_object *list = json_object_new_array(), *session = json_object_new_object();
	struct json_object *token = json_object_new_object();

	cm_json_set(session, "session", json_object_new_array());
	if (r->method != CM_GET)
		cm_json_set(session, "csrf", json_object_new_array());
	cm_json_set(token, "token", json_object_new_array());
	json_object_array_add(list, session);
	json_object_array_add(list, token);
	return list;
}

static struct json_object *operation_of(const struct cm_route *r, struct json_object *parameters)
{
	struct json_object *o = json_object_new_object(), *body, *types;
	const char *query = r->query;
	bool captures = cm_json_len(parameters) > 0;
	struct field f;

	cm_json_set_str(o, "operationId", r->id);
	cm_json_set_str(o, "summary", r->summary);
	cm_json_set_str(o, "x-role", r->role == CM_ROLE_NONE ? "none" : cm_role_name(r->role));
	while (next_field(&query, &f))
		add_parameter(parameters, f.name, "query", !f.optional, schema_of(&f));
	if (cm_json_len(parameters) > 0)
		cm_json_set(o, "parameters", json_object_get(parameters));
	if (r->body != NULL) {
		body = json_object_new_object();
		types = content(r->flags & CM_R_UPLOAD ? "multipart/form-data" : "application/json",
				object_schema(r->body));
		cm_json_set(body, "content", types);
		cm_json_set(o, "requestBody", body);
	}
	cm_json_set(o, "responses", responses_of(r, captures));
	if (r->role != CM_ROLE_NONE)
		cm_json_set(o, "security", security_of(r));
	return o;
}

static void add_route(struct json_object *paths, const struct cm_route *r)
{
	cm_autojson struct json_object *parameters = json_object_new_array();
	cm_autofree char *path = path_of(r, parameters);
	struct json_object *item = cm_json_get(paths, path);
	char method[16];
	size_t i;

	for (i = 0; cm_method_name(r->method)[i] != '\0'; i++)
		method[i] = (char)tolower((unsigned char)cm_method_name(r->method)[i]);
	method[i] = '\0';
	if (item == NULL) {
		item = json_object_new_object();
		cm_json_set(paths, path, item);
	}
	cm_json_set(item, method, operation_of(r, parameters));
}

static struct json_object *scheme(const char *type, const char *in, const char *name, const char *text)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "type", type);
	if (in != NULL) {
		cm_json_set_str(o, "in", in);
		cm_json_set_str(o, "name", name);
	} else {
		cm_json_set_str(o, "scheme", name);
	}
	cm_json_set_str(o, "description", text);
	return o;
}

static struct json_object *make_components(void)
{
	struct json_object *o = json_object_new_object(), *schemas = json_object_new_object();
	struct json_object *schemes = json_object_new_object();

	cm_json_set(schemas, "Error", object_schema("error:string, code:string, csrf_error?:bool"));
	cm_json_set(schemes, "session", scheme("apiKey", "cookie", "session", "Made by POST /api/login; one day."));
	cm_json_set(
	    schemes, "csrf",
	    scheme("apiKey", "header", "X-CSRFToken", "csrf_token of /api/login or /api/auth-status; for changes."));
	cm_json_set(schemes, "token", scheme("http", NULL, "bearer", "An API token; needs no CSRF token."));
	cm_json_set(o, "schemas", schemas);
	cm_json_set(o, "securitySchemes", schemes);
	return o;
}

struct json_object *cm_openapi_make(void)
{
	struct json_object *o = json_object_new_object(), *info = json_object_new_object();
	struct json_object *paths = json_object_new_object(), *licence = json_object_new_object();

	cm_json_set_str(o, "openapi", "3.1.0");
	cm_json_set_str(info, "title", "Container Monkey");
	cm_json_set_str(info, "version", CM_VERSION);
	cm_json_set_str(info, "description",
			"Backup, restore and care of Docker containers. Errors are {\"error\", \"code\"}. Times are "
			"RFC 3339, sizes are bytes.");
	cm_json_set_str(licence, "name", "GPL-3.0-or-later");
	cm_json_set_str(licence, "identifier", "GPL-3.0-or-later");
	cm_json_set(info, "license", licence);
	cm_json_set(o, "info", info);
	for (size_t i = 0; i < CM_ROUTE_COUNT; i++)
		if (cm_routes[i].api != NULL)
			add_route(paths, &cm_routes[i]);
	cm_json_set(o, "paths", paths);
	cm_json_set(o, "components", make_components());
	return o;
}
