/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/manifest_model.h"

#include <stdlib.h>
#include <string.h>

#include "archive/entry.h"
#include "archive/format.h"
#include "archive/pax_head.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

static const char *const kinds[CM_PART_KINDS] = { "volume", "bind", "bind_file", "rootfs" };
static const char *const reserved[] = { "manifest", "manifest.json", "rootfs_deleted.json" };

enum { PREFIX_MAX = 512, PREFIX_NAMES = 4, MEMBERS_MAX = 1024 };
#define TAR_MAX ((uint64_t)CM_BLOCKS_MAX * CM_BLOCK_MAX)

const char *cm_part_kind_name(enum cm_part_kind kind)
{
	return kinds[kind];
}

int cm_part_kind_parse(const char *name, enum cm_part_kind *ret)
{
	for (int k = 0; name != NULL && k < CM_PART_KINDS; k++) {
		if (strcmp(name, kinds[k]) == 0) {
			*ret = (enum cm_part_kind)k;
			return 0;
		}
	}
	return CM_EINVAL;
}

static bool is_reserved(const char *s, size_t len)
{
	for (size_t i = 0; i < CM_COUNT(reserved); i++)
		if (strlen(reserved[i]) == len && memcmp(s, reserved[i], len) == 0)
			return true;
	return false;
}

bool cm_part_prefix_ok(const char *prefix)
{
	if (prefix == NULL)
		return false;
	size_t len = strlen(prefix), names = 1;

	if (len > PREFIX_MAX || !cm_entry_path_ok(prefix, len) || !cm_utf8_valid(prefix, len))
		return false;
	for (const char *s = prefix; *s; s++)
		names += *s == '/';
	return names <= PREFIX_NAMES && !is_reserved(prefix, strcspn(prefix, "/"));
}

bool cm_member_name_ok(const char *name)
{
	size_t len = name ? strlen(name) : 0;

	return len > 0 && len <= 100 && strchr(name, '/') == NULL && cm_entry_path_ok(name, len) &&
	       cm_utf8_valid(name, len) && !is_reserved(name, len);
}

static int wrong(struct cm_err *err, const char *what)
{
	return cm_err_set(err, CM_ECORRUPT, "The backup is damaged: its manifest %s.", what);
}

/* A number from 0 to max. */
static bool number(struct json_object *o, const char *key, uint64_t max, uint64_t *ret)
{
	struct json_object *v = cm_json_get(o, key);
	int64_t n = v && json_object_is_type(v, json_type_int) ? json_object_get_int64(v) : -1;

	*ret = (uint64_t)n;
	return n >= 0 && (uint64_t)n <= max;
}

static bool hash(struct json_object *o, const char *key, uint8_t *ret)
{
	const char *hex = cm_json_str(o, key, NULL);

	return hex != NULL && cm_unhex(ret, CM_SHA_LEN, hex);
}

/* from is where the thing before ended; headers, content and padding must fit below end. */
static bool read_member(struct json_object *o, uint64_t from, uint64_t end, struct cm_member *ret)
{
	const char *name = cm_json_str(o, "name", NULL);

	if (name == NULL || strlen(name) > 100 || !number(o, "offset", end, &ret->offset) ||
	    !number(o, "data", end, &ret->data) || !number(o, "size", end, &ret->size) ||
	    !hash(o, "sha256", ret->sha) || ret->offset < from || ret->offset % CM_TAR_BLOCK != 0 ||
	    ret->data % CM_TAR_BLOCK != 0 || ret->data <= ret->offset || ret->size > end - ret->data ||
	    cm_tar_pad(ret->size) > end - ret->data - ret->size)
		return false;
	ret->name = cm_strdup(name);
	return true;
}

static uint64_t member_end(const struct cm_member *m)
{
	return m->data + m->size + cm_tar_pad(m->size);
}

static bool read_segment(struct json_object *o, uint64_t from, uint64_t end, struct cm_segment *ret)
{
	if (!read_member(o, from, end, &ret->member) || ret->member.size == 0 || ret->member.size > CM_SEGMENT_MAX ||
	    !number(o, "lines", CM_SEGMENT_MAX, &ret->lines) || ret->lines == 0 || !hash(o, "heads", ret->heads) ||
	    !cm_str_has_prefix(ret->member.name, "manifest/"))
		return false;
	ret->first = cm_strdup(cm_json_str(o, "first", NULL));
	return true;
}

/* Everything but where its segments are. */
static bool read_part(struct json_object *o, uint64_t tar_end, uint64_t block_count, struct cm_part *ret)
{
	const char *prefix = cm_json_str(o, "prefix", NULL);
	struct json_object *deleted = cm_json_obj(o, "deleted");

	if (cm_part_kind_parse(cm_json_str(o, "kind", NULL), &ret->kind) != 0 || !cm_part_prefix_ok(prefix) ||
	    !number(o, "offset", tar_end, &ret->offset) || !number(o, "size", tar_end - ret->offset, &ret->size) ||
	    !number(o, "block", block_count, &ret->block) ||
	    !number(o, "blocks", block_count - ret->block, &ret->blocks) || !number(o, "files", TAR_MAX, &ret->files) ||
	    !number(o, "bytes", INT64_MAX, &ret->bytes))
		return false;
	ret->prefix = cm_strdup(prefix);
	ret->has_deleted = deleted != NULL;
	return deleted == NULL || (ret->kind == CM_PART_ROOTFS && read_member(deleted, 0, ret->size, &ret->deleted) &&
				   cm_str_eq(ret->deleted.name, "rootfs_deleted.json"));
}

/* Reads count segments of the array from first on into the model's array, which has room. */
static bool read_segments(struct json_object *array, size_t first, size_t count, struct cm_manifest *m,
			  struct cm_part *part)
{
	uint64_t from = 0, lines = 0;

	part->segments = &m->segments[m->segment_count];
	part->segment_count = count;
	for (size_t i = 0; i < count; i++) {
		struct cm_segment *s = &m->segments[m->segment_count];
		/* Counted even when it is wrong: what it already owns is released with the model. */
		m->segment_count++;
		if (!read_segment(json_object_array_get_idx(array, first + i), from, part->size, s))
			return false;
		from = member_end(&s->member);
		lines += s->lines;
	}
	return lines == part->files;
}

int cm_manifest_read_part(struct json_object *o, struct cm_manifest *ret, struct cm_err *err)
{
	struct json_object *segments = cm_json_arr(o, "segments");
	struct cm_manifest m = { .parts = cm_alloc(sizeof(struct cm_part)), .part_count = 1 };
	size_t count = cm_json_len(segments);

	if (count <= CM_SEGMENTS_MAX)
		m.segments = cm_alloc_array(count, sizeof(*m.segments));
	if (count > CM_SEGMENTS_MAX || !read_part(o, TAR_MAX, CM_BLOCKS_MAX, m.parts) ||
	    !read_segments(segments, 0, count, &m, m.parts)) {
		cm_manifest_release(&m);
		return wrong(err, "describes a part wrongly");
	}
	*ret = m;
	return 0;
}

static int read_members(struct json_object *array, uint64_t tar_end, struct cm_manifest *m, struct cm_err *err)
{
	size_t count = cm_json_len(array);
	uint64_t from = 0;

	if (count > MEMBERS_MAX)
		return wrong(err, "has too many members");
	m->members = cm_alloc_array(count, sizeof(*m->members));
	for (size_t i = 0; i < count; i++) {
		struct cm_member *mb = &m->members[i];
		m->member_count++;
		if (!read_member(json_object_array_get_idx(array, i), from, tar_end, mb) || mb->offset != from ||
		    !cm_member_name_ok(mb->name))
			return wrong(err, "describes a member wrongly");
		for (size_t k = 0; k < i; k++)
			if (strcmp(m->members[k].name, mb->name) == 0)
				return wrong(err, "names a member twice");
		from = member_end(mb);
	}
	return 0;
}

/* One prefix must not be, or lie inside, another: a part would then hold foreign entries. */
static bool prefixes_apart(const struct cm_manifest *m)
{
	for (size_t i = 0; i < m->part_count; i++) {
		size_t len = strlen(m->parts[i].prefix);
		for (size_t k = 0; k < m->part_count; k++) {
			const char *other = m->parts[k].prefix;
			if (k != i && strncmp(other, m->parts[i].prefix, len) == 0 &&
			    (other[len] == '\0' || other[len] == '/'))
				return false;
		}
		if (cm_manifest_member(m, m->parts[i].prefix) != NULL)
			return false;
	}
	return true;
}

static int read_parts(struct json_object *o, uint64_t tar_end, uint64_t block_count, struct cm_manifest *m,
		      struct cm_err *err)
{
	struct json_object *parts = cm_json_arr(o, "parts"), *segments = cm_json_arr(o, "segments");
	size_t count = cm_json_len(parts), segment_count = cm_json_len(segments);
	uint64_t from = m->member_count > 0 ? member_end(&m->members[m->member_count - 1]) : 0, block = 0;

	if (count > CM_PARTS_MAX || segment_count > CM_SEGMENTS_MAX)
		return wrong(err, "has too many parts");
	m->parts = cm_alloc_array(count, sizeof(*m->parts));
	m->segments = cm_alloc_array(segment_count, sizeof(*m->segments));
	for (size_t i = 0; i < count; i++) {
		struct json_object *p = json_object_array_get_idx(parts, i), *range = cm_json_arr(p, "segments");
		struct cm_part *part = &m->parts[i];
		int64_t n = cm_json_len(range) == 2 ? json_object_get_int64(json_object_array_get_idx(range, 1)) : -1;
		int64_t first = n >= 0 ? json_object_get_int64(json_object_array_get_idx(range, 0)) : -1;
		m->part_count++;
		if (!read_part(p, tar_end, block_count, part) || part->offset != from ||
		    (i > 0 && part->block != block) || first != (int64_t)m->segment_count || n < 0 ||
		    (uint64_t)n > segment_count - m->segment_count ||
		    !read_segments(segments, m->segment_count, (size_t)n, m, part))
			return wrong(err, "describes a part wrongly");
		from = part->offset + part->size;
		block = part->block + part->blocks;
	}
	if (m->segment_count != segment_count || from != tar_end || (count > 0 && block != block_count))
		return wrong(err, "does not fit the archive");
	return prefixes_apart(m) ? 0 : wrong(err, "has parts inside one another");
}

int cm_manifest_read(struct json_object *o, uint64_t tar_end, uint64_t block_count, struct cm_manifest *ret,
		     struct cm_err *err)
{
	struct cm_manifest m = { 0 };

	if (!cm_str_eq(cm_json_str(o, "format", NULL), "container-monkey"))
		return wrong(err, "is not one of this program's");
	if (cm_json_int(o, "version", 0) != CM_ARCHIVE_VERSION)
		return cm_err_set(err, CM_EUNSUPPORTED,
				  "This backup was made by a newer version of the program. Update the program.");
	int rc = read_members(cm_json_arr(o, "members"), tar_end, &m, err);
	if (rc == 0)
		rc = read_parts(o, tar_end, block_count, &m, err);
	if (rc < 0) {
		cm_manifest_release(&m);
		return rc;
	}
	*ret = m;
	return 0;
}

void cm_manifest_release(struct cm_manifest *m)
{
	for (size_t i = 0; i < m->member_count; i++)
		free(m->members[i].name);
	for (size_t i = 0; i < m->part_count; i++) {
		free(m->parts[i].prefix);
		free(m->parts[i].deleted.name);
	}
	for (size_t i = 0; i < m->segment_count; i++) {
		free(m->segments[i].member.name);
		free(m->segments[i].first);
	}
	free(m->members);
	free(m->parts);
	free(m->segments);
	*m = (struct cm_manifest){ 0 };
}

const struct cm_part *cm_manifest_part(const struct cm_manifest *m, const char *prefix)
{
	for (size_t i = 0; i < m->part_count; i++)
		if (strcmp(m->parts[i].prefix, prefix) == 0)
			return &m->parts[i];
	return NULL;
}

const struct cm_member *cm_manifest_member(const struct cm_manifest *m, const char *name)
{
	for (size_t i = 0; i < m->member_count; i++)
		if (strcmp(m->members[i].name, name) == 0)
			return &m->members[i];
	return NULL;
}
