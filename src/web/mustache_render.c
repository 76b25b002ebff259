/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rendering: walks the nodes of a template. What changes from template to template is a struct scope on the C stack:
 * the indentation that each of its lines gets, and the overrides that are in force.
 */
#include "web/mustache_int.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"

enum { CONTEXT_MAX = CM_MUSTACHE_MAX_DEPTH * 2, INDENT_MAX = 256 };

struct render {
	struct cm_buf *out;
	struct cm_err *err;
	struct json_object *context[CONTEXT_MAX];
	size_t context_count;
	int depth;
};

/* The overrides of one parent tag; those of the templates around it are in force too, and go first. */
struct overrides {
	const struct cm_mu_template *t;
	size_t first, end; /* children of the parent tag */
	const struct overrides *outer;
};

struct scope {
	const struct cm_mu_template *t;
	char indent[INDENT_MAX];
	size_t indent_len;
	size_t dedent;
	const struct overrides *overrides;
};

static int render_nodes(struct render *r, const struct scope *sc, size_t from, size_t to);

static int too_deep(struct render *r, const struct scope *sc, const struct cm_mu_node *node)
{
	return cm_err_set(r->err, CM_ETOOBIG, "%s:%u: templates or sections lie more than %d levels deep", sc->t->name,
			  node->line, CM_MUSTACHE_MAX_DEPTH);
}

/* False: o is no object or has no such member. */
static bool member(struct json_object *o, const struct cm_mu_name *name, struct json_object **ret)
{
	struct lh_entry *e;

	if (!json_object_is_type(o, json_type_object))
		return false;
	e = lh_table_lookup_entry_w_hash(json_object_get_object(o), name->text, name->hash);
	*ret = e != NULL ? lh_entry_v(e) : NULL;
	return e != NULL;
}

/* The nearest object around that has the first part of the name decides. */
static struct json_object *look_up(const struct render *r, const struct cm_mu_node *node)
{
	struct json_object *value = NULL;

	if (node->name_count == 0)
		return r->context[r->context_count - 1];
	for (size_t i = r->context_count; i-- > 0;) {
		if (member(r->context[i], &node->names[0], &value))
			break;
	}
	for (size_t i = 1; i < node->name_count; i++) {
		if (!member(value, &node->names[i], &value))
			return NULL;
	}
	return value;
}

static bool is_true(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_boolean:
		return json_object_get_boolean(value);
	case json_type_int:
		return json_object_get_int64(value) != 0;
	case json_type_double:
		return json_object_get_double(value) != 0 && !isnan(json_object_get_double(value));
	case json_type_string:
		return json_object_get_string_len(value) > 0;
	case json_type_array:
		return json_object_array_length(value) > 0;
	case json_type_object:
		return true;
	default:
		return false;
	}
}

static void add_escaped(struct cm_buf *out, const char *s, size_t len)
{
	size_t done = 0;

	for (size_t i = 0; i < len; i++) {
		const char *with;

		switch (s[i]) {
		case '&':
			with = "&amp;";
			break;
		case '<':
			with = "&lt;";
			break;
		case '>':
			with = "&gt;";
			break;
		case '"':
			with = "&quot;";
			break;
		case '\'':
			with = "&#39;";
			break;
		default:
			continue;
		}
		cm_buf_add(out, s + done, i - done);
		cm_buf_str(out, with);
		done = i + 1;
	}
	cm_buf_add(out, s + done, len - done);
}

/* The shortest text that reads back as the same number. */
static void add_double(struct cm_buf *out, double value)
{
	char text[40];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	cm_buf_str(out, text);
}

static void add_value(struct cm_buf *out, struct json_object *value, bool escape)
{
	switch (json_object_get_type(value)) {
	case json_type_string:
		if (escape)
			add_escaped(out, json_object_get_string(value), (size_t)json_object_get_string_len(value));
		else
			cm_buf_add(out, json_object_get_string(value), (size_t)json_object_get_string_len(value));
		break;
	case json_type_int:
		cm_buf_printf(out, "%lld", (long long)json_object_get_int64(value));
		break;
	case json_type_double:
		add_double(out, json_object_get_double(value));
		break;
	case json_type_boolean:
		cm_buf_str(out, json_object_get_boolean(value) ? "true" : "false");
		break;
	default:
		break;
	}
}

/* The part of a line's own blanks that stays when the lines of an override move to where its block stands. */
static size_t kept_blanks(const struct scope *sc, size_t len)
{
	return len > sc->dedent ? len - sc->dedent : 0;
}

static int indent_more(struct render *r, struct scope *to, const struct scope *from, const struct cm_mu_node *node)
{
	size_t kept = kept_blanks(from, node->len);

	if (from->indent_len + kept > INDENT_MAX)
		return cm_err_set(r->err, CM_ETOOBIG, "%s:%u: more than %d columns of indentation", from->t->name,
				  node->line, INDENT_MAX);
	memcpy(to->indent, from->indent, from->indent_len);
	memcpy(to->indent + from->indent_len, node->text + node->len - kept, kept);
	to->indent_len = from->indent_len + kept;
	return 0;
}

static int render_under(struct render *r, const struct scope *sc, const struct cm_mu_node *node,
			struct json_object *context, size_t from)
{
	int rc;

	if (r->context_count == CONTEXT_MAX)
		return too_deep(r, sc, node);
	r->context[r->context_count++] = context;
	rc = render_nodes(r, sc, from, node->next);
	r->context_count--;
	return rc;
}

static int render_section(struct render *r, const struct scope *sc, const struct cm_mu_node *node)
{
	struct json_object *value = look_up(r, node);
	size_t from = (size_t)(node - sc->t->nodes) + 1;
	bool truth = is_true(value);
	int rc = 0;

	if (node->kind == CM_MU_N_INVERTED)
		return truth ? 0 : render_nodes(r, sc, from, node->next);
	if (!truth)
		return 0;
	if (json_object_is_type(value, json_type_array)) {
		size_t count = json_object_array_length(value);

		for (size_t i = 0; i < count && rc == 0; i++)
			rc = render_under(r, sc, node, json_object_array_get_idx(value, i), from);
		return rc;
	}
	if (json_object_is_type(value, json_type_boolean))
		return render_nodes(r, sc, from, node->next);
	return render_under(r, sc, node, value, from);
}

static int render_partial(struct render *r, const struct scope *sc, const struct cm_mu_node *node)
{
	struct overrides own = { sc->t, (size_t)(node - sc->t->nodes) + 1, node->next, sc->overrides };
	struct scope inner;
	int rc;

	if (node->target == NULL)
		return 0;
	inner.t = node->target;
	inner.dedent = 0;
	inner.overrides = node->kind == CM_MU_N_PARENT ? &own : sc->overrides;
	rc = indent_more(r, &inner, sc, node);
	return rc != 0 ? rc : render_nodes(r, &inner, 0, node->target->count);
}

/* The override of a block: the outermost template's goes first. *ret_from is where it was found. */
static const struct cm_mu_node *find_override(const struct scope *sc, const char *name,
					      const struct overrides **ret_from)
{
	const struct cm_mu_node *found = NULL;

	for (const struct overrides *o = sc->overrides; o != NULL; o = o->outer) {
		for (size_t i = o->first; i < o->end; i = o->t->nodes[i].next) {
			if (strcmp(o->t->nodes[i].name, name) == 0) {
				found = &o->t->nodes[i];
				*ret_from = o;
				break;
			}
		}
	}
	return found;
}

static int render_block(struct render *r, const struct scope *sc, const struct cm_mu_node *site)
{
	const struct overrides *from = NULL;
	const struct cm_mu_node *over = find_override(sc, site->name, &from);
	struct scope inner;
	size_t first;
	int rc;

	if (over == NULL)
		return render_nodes(r, sc, (size_t)(site - sc->t->nodes) + 1, site->next);
	inner.t = from->t;
	inner.dedent = over->dedent;
	inner.overrides = from->outer;
	rc = indent_more(r, &inner, sc, site);
	if (rc != 0)
		return rc;
	first = (size_t)(over - from->t->nodes) + 1;
	if (first == over->next)
		return 0;
	if (site->alone && from->t->nodes[first].kind != CM_MU_N_LINE)
		cm_buf_add(r->out, inner.indent, inner.indent_len);
	else if (!site->alone && from->t->nodes[first].kind == CM_MU_N_LINE)
		first++; /* the line it goes on has begun already */
	return render_nodes(r, &inner, first, over->next);
}

static int render_node(struct render *r, const struct scope *sc, const struct cm_mu_node *node)
{
	size_t kept;

	switch (node->kind) {
	case CM_MU_N_TEXT:
		cm_buf_add(r->out, node->text, node->len);
		return 0;
	case CM_MU_N_LINE:
		kept = kept_blanks(sc, node->len);
		cm_buf_add(r->out, sc->indent, sc->indent_len);
		cm_buf_add(r->out, node->text + node->len - kept, kept);
		return 0;
	case CM_MU_N_VAR:
	case CM_MU_N_RAW:
		add_value(r->out, look_up(r, node), node->kind == CM_MU_N_VAR);
		return 0;
	case CM_MU_N_SECTION:
	case CM_MU_N_INVERTED:
		return render_section(r, sc, node);
	case CM_MU_N_PARTIAL:
	case CM_MU_N_PARENT:
		return render_partial(r, sc, node);
	case CM_MU_N_BLOCK:
		return render_block(r, sc, node);
	}
	return 0;
}

static int render_nodes(struct render *r, const struct scope *sc, size_t from, size_t to)
{
	int rc = 0;

	if (from >= to)
		return 0;
	if (++r->depth > CM_MUSTACHE_MAX_DEPTH)
		rc = too_deep(r, sc, &sc->t->nodes[from]);
	for (size_t i = from; i < to && rc == 0; i = sc->t->nodes[i].next) {
		rc = render_node(r, sc, &sc->t->nodes[i]);
		if (rc == 0 && cm_buf_failed(r->out) != 0)
			rc = cm_err_set(r->err, cm_buf_failed(r->out), "The page is too big to be shown.");
	}
	r->depth--;
	return rc;
}

static int by_name(const void *key, const void *entry)
{
	return strcmp(key, (*(struct cm_mu_template *const *)entry)->name);
}

int cm_mustache_render(const struct cm_mustache *m, const char *name, struct json_object *view, struct cm_buf *out,
		       struct cm_err *err)
{
	struct render r = { .out = out, .err = err };
	struct scope sc = { 0 };
	struct cm_mu_template *const *t;

	t = m->linked ? bsearch(name, m->list, m->count, sizeof(struct cm_mu_template *), by_name) : NULL;
	if (t == NULL)
		return cm_err_set(err, CM_ENOTFOUND, "There is no template \"%s\".", name);
	r.context[r.context_count++] = view;
	sc.t = *t;
	return render_nodes(&r, &sc, 0, (*t)->count);
}
