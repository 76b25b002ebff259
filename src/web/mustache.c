/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/mustache.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "web/mustache_int.h"

struct cm_mustache *cm_mustache_new(void)
{
	return cm_alloc(sizeof(struct cm_mustache));
}

static void free_template(struct cm_mu_template *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->count; i++) {
		for (size_t j = 0; j < t->nodes[i].name_count; j++)
			free(t->nodes[i].names[j].text);
		free(t->nodes[i].names);
		free(t->nodes[i].name);
	}
	free(t->nodes);
	free(t->source);
	free(t->name);
	free(t);
}

void cm_mustache_free(struct cm_mustache *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->count; i++)
		free_template(m->list[i]);
	free(m->list);
	free(m);
}

static struct cm_mu_template *find(const struct cm_mustache *m, const char *name)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->list[i]->name, name) == 0)
			return m->list[i];
	return NULL;
}

bool cm_mustache_has(const struct cm_mustache *m, const char *name)
{
	return find(m, name) != NULL;
}

int cm_mustache_add(struct cm_mustache *m, const char *name, const char *text, size_t len, struct cm_err *err)
{
	struct cm_mu_template *t;
	int rc;

	if (len > CM_MUSTACHE_MAX_TEXT || m->count == CM_MUSTACHE_MAX_SET)
		return cm_err_set(err, CM_ETOOBIG, "%s: too much template", name);
	if (find(m, name) != NULL)
		return cm_err_set(err, CM_EEXIST, "%s: there are two templates of this name", name);
	t = cm_alloc(sizeof(*t));
	t->name = cm_strdup(name);
	t->source = cm_alloc(len + 1);
	memcpy(t->source, text, len);
	t->len = len;
	rc = cm_mu_compile(t, err);
	if (rc != 0) {
		free_template(t);
		return rc;
	}
	if (m->count == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 32;
		m->list = cm_realloc(m->list, m->cap, sizeof(struct cm_mu_template *));
	}
	m->list[m->count++] = t;
	m->linked = false;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp((*(struct cm_mu_template *const *)a)->name, (*(struct cm_mu_template *const *)b)->name);
}

int cm_mustache_link(struct cm_mustache *m, bool strict, struct cm_err *err)
{
	if (m->count > 1)
		qsort(m->list, m->count, sizeof(struct cm_mu_template *), compare);
	for (size_t i = 0; i < m->count; i++) {
		struct cm_mu_template *t = m->list[i];

		for (size_t j = 0; j < t->count; j++) {
			struct cm_mu_node *node = &t->nodes[j];

			if (node->kind != CM_MU_N_PARTIAL && node->kind != CM_MU_N_PARENT)
				continue;
			node->target = find(m, node->name);
			if (node->target == NULL && strict)
				return cm_err_set(err, CM_ENOTFOUND, "%s:%u: there is no template \"%s\"", t->name,
						  node->line, node->name);
		}
	}
	m->linked = true;
	return 0;
}
