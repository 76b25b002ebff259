/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/helper_shift.h"

#include <stdlib.h>
#include <string.h>

#include "archive/proto.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/helper_peer.h"

static void mount_release(struct cm_helper_mount *m)
{
	free((char *)m->source);
	free((char *)m->target);
}

static void mounts_clear(struct cm_shift_mounts *l)
{
	for (size_t i = 0; i < l->count; i++)
		mount_release(&l->list[i]);
	l->count = 0;
}

static struct cm_helper_mount *mounts_find(struct cm_shift_mounts *l, const char *source)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->list[i].source, source) == 0)
			return &l->list[i];
	return NULL;
}

static void mounts_add(struct cm_shift_mounts *l, const char *source, bool write)
{
	struct cm_helper_mount *m = mounts_find(l, source);

	if (m == NULL && l->count == CM_SHIFT_MOUNTS_MAX)
		return;
	if (m == NULL) {
		m = &l->list[l->count];
		*m = (struct cm_helper_mount){ .source = cm_strdup(source),
					       .target = cm_asprintf("/m%zu", l->count),
					       .is_volume = source[0] != '/',
					       .read_only = true };
		l->count++;
	}
	m->read_only = m->read_only && !write;
}

static void mounts_remove(struct cm_shift_mounts *l, const char *source)
{
	struct cm_helper_mount *m = mounts_find(l, source);

	if (m == NULL)
		return;
	mount_release(m);
	*m = l->list[--l->count];
}

void cm_shift_expect(struct cm_shift *s, const char *source, bool write)
{
	mounts_add(&s->expected, source, write);
}

const char *cm_shift_path(const struct cm_shift *s, const char *source, bool write)
{
	for (size_t i = 0; s->h != NULL && i < s->has.count; i++)
		if (strcmp(s->has.list[i].source, source) == 0 && !(write && s->has.list[i].read_only))
			return s->has.list[i].target;
	return NULL;
}

void cm_shift_forget(struct cm_shift *s, const char *source)
{
	mounts_remove(&s->has, source);
}

/* Takes what a refusal of the engine names out of what is only announced; false when it is nothing of that. Of several
 * it is the longest: a folder's name is also a part of the names in it. */
static bool expected_refused(struct cm_shift *s, const struct cm_shift_need *needs, size_t count, const char *text)
{
	const char *named = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < count; i++)
		if (strlen(needs[i].source) > longest && strstr(text, needs[i].source) != NULL)
			longest = strlen(needs[i].source);
	for (size_t i = 0; i < s->expected.count; i++) {
		const char *source = s->expected.list[i].source;
		if (strlen(source) > longest && strstr(text, source) != NULL) {
			named = source;
			longest = strlen(source);
		}
	}
	if (named == NULL)
		return false;
	cm_autofree char *copy = cm_strdup(named);
	mounts_remove(&s->expected, copy);
	return true;
}

static void helper_drop(struct cm_shift *s)
{
	mounts_clear(&s->has);
	cm_helper_abort(s->h);
	s->h = NULL;
}

static int helper_end(struct cm_shift *s, struct cm_err *err)
{
	struct cm_helper *h = s->h;
	int code = 0, rc;

	if (h == NULL)
		return 0;
	rc = cm_peer_send(&s->peer, CM_FRAME_EOF, NULL, 0, err);
	if (rc != 0) {
		helper_drop(s);
		return rc;
	}
	s->h = NULL;
	mounts_clear(&s->has);
	rc = cm_helper_finish(h, &code, NULL, err);
	if (rc == 0 && code != 0)
		return cm_err_set(err, CM_EUPSTREAM, "The helper container ended with code %d.", code);
	return rc;
}

static int open_with(struct cm_shift *s, const struct cm_shift_need *needs, size_t count, bool with_expected,
		     struct cm_err *err)
{
	bool write = false;

	mounts_clear(&s->has);
	for (size_t i = 0; i < count; i++)
		mounts_add(&s->has, needs[i].source, needs[i].write);
	for (size_t i = 0; with_expected && i < s->expected.count; i++)
		mounts_add(&s->has, s->expected.list[i].source, !s->expected.list[i].read_only);
	for (size_t i = 0; i < s->has.count; i++)
		write = write || !s->has.list[i].read_only;
	return cm_helper_open(s->app, s->d, s->has.list, s->has.count, write ? CM_HELPER_WRITE : CM_HELPER_READ, &s->h,
			      err);
}

/* About what was asked for, and not about the engine as a whole. */
static bool is_refusal(int rc)
{
	return rc != CM_ECANCELLED && rc != CM_EUNREACHABLE && rc != CM_ETIMEDOUT && rc != CM_ENOSPACE;
}

static int start(struct cm_shift *s, const struct cm_shift_need *needs, size_t count, struct cm_err *err)
{
	cm_autojson struct json_object *plan = json_object_new_object();
	struct cm_err why = { 0 };
	bool with_expected = true;
	int rc;

	for (;;) {
		rc = open_with(s, needs, count, with_expected, &why);
		if (rc == 0 || !is_refusal(rc) || !with_expected || s->expected.count == 0)
			break;
		with_expected = expected_refused(s, needs, count, why.text);
	}
	if (rc != 0) {
		mounts_clear(&s->has);
		if (err != NULL)
			*err = why;
		return rc;
	}
	mounts_clear(&s->expected);
	cm_helper_peer(&s->peer, s->h);
	cm_json_set_str(plan, "op", "several");
	rc = cm_peer_run(&s->peer, plan, NULL, NULL, NULL, NULL, err);
	return cm_shift_done(s, rc);
}

int cm_shift_need(struct cm_shift *s, const struct cm_shift_need *needs, size_t count, struct cm_err *err)
{
	bool has_all = true;
	int rc;

	for (size_t i = 0; i < count; i++)
		has_all = has_all && cm_shift_path(s, needs[i].source, needs[i].write) != NULL;
	if (has_all)
		return 0;
	rc = helper_end(s, err);
	rc = rc ? rc : start(s, needs, count, err);
	/* They are dealt with, however that went. */
	for (size_t i = 0; i < count; i++)
		mounts_remove(&s->expected, needs[i].source);
	return rc;
}

int cm_shift_run(struct cm_shift *s, struct json_object *plan, const struct cm_archive_watch *watch,
		 cm_peer_data_fn data, void *data_ctx, struct json_object **ret_result, struct cm_err *err)
{
	int rc = cm_peer_run(&s->peer, plan, watch, data, data_ctx, ret_result, err);

	if (rc == CM_EUNREACHABLE || rc == CM_ETIMEDOUT || rc == CM_EUPSTREAM || rc == CM_ECANCELLED)
		cm_shift_drop(s);
	return rc;
}

int cm_shift_done(struct cm_shift *s, int rc)
{
	if (rc != 0)
		cm_shift_drop(s);
	return rc;
}

int cm_shift_end(struct cm_shift *s, struct cm_err *err)
{
	mounts_clear(&s->expected);
	return helper_end(s, err);
}

void cm_shift_drop(struct cm_shift *s)
{
	mounts_clear(&s->expected);
	helper_drop(s);
}
