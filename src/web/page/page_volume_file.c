/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One file in a volume: shown as text or as a picture, or its bytes; a folder as a tar.gz. What is in a volume is
 * foreign: it is never sent as anything that a browser would run.
 */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/volume_files.h"
#include "web/form.h"
#include "web/page.h"
#include "web/page/page_volume.h"
#include "web/reply.h"
#include "web/view.h"
#include "web/view/view_volume.h"

enum { SHOWN_MAX = 256 * 1024, PICTURE_MAX = 32 << 20, HEAD = 16 };

/* Told by its first bytes, never by its name. SVG is a program and not among them. */
static const char *picture_type(const struct cm_buf *head)
{
	static const struct {
		const char *bytes, *type;
		size_t at, len;
	} all[] = { { "\x89PNG\r\n\x1a\n", "image/png", 0, 8 },
		    { "\xff\xd8\xff", "image/jpeg", 0, 3 },
		    { "GIF87a", "image/gif", 0, 6 },
		    { "GIF89a", "image/gif", 0, 6 },
		    { "WEBP", "image/webp", 8, 4 } };

	for (size_t i = 0; i < CM_COUNT(all); i++) {
		if (head->len >= all[i].at + all[i].len &&
		    memcmp(head->data + all[i].at, all[i].bytes, all[i].len) == 0)
			return all[i].type;
	}
	return NULL;
}

/* Text that may be shown: UTF-8 without NUL; what was cut may end inside a character. */
static bool is_text(struct cm_buf *content, bool cut)
{
	size_t len = content->len;

	if (len == 0)
		return true;
	if (memchr(content->data, '\0', len) != NULL)
		return false;
	for (int i = 0; i < 4 && cut && len > 0 && !cm_utf8_valid(content->data, len); i++)
		len--;
	if (!cm_utf8_valid(content->data, len))
		return false;
	content->len = len;
	content->data[len] = '\0';
	return true;
}

/* Opens the volume and finds what path is. */
static int look(struct cm_request *rq, struct cm_volume_files **ret, struct json_object **ret_info, struct cm_err *err)
{
	const char *path = cm_form_str(rq->get, "path", "");
	struct cm_volume_files *f = NULL;
	int rc;

	if (path[0] == '\0')
		return cm_err_set(err, CM_EINVAL, "File path required");
	rc = cm_volume_files_open(rq->app, rq->params[0], false, &f, err);
	if (rc < 0)
		return rc;
	rc = cm_volume_files_stat(f, path, ret_info, err);
	if (rc < 0)
		cm_volume_files_close(f);
	else
		*ret = f;
	return rc;
}

static void content_add(struct json_object *data, struct json_object *info, struct cm_buf *content)
{
	int64_t bytes = cm_json_int(info, "size", 0);
	bool cut = bytes > SHOWN_MAX, text = is_text(content, cut);
	const char *picture = !text ? picture_type(content) : NULL;
	char size[32];

	cm_size_text(size, bytes);
	cm_json_set_bool(data, "is_text", text);
	cm_json_set(data, "picture_url", NULL);
	if (picture != NULL && bytes <= PICTURE_MAX)
		cm_view_url(data, "picture_url", "/volume/%s/picture?path=%s", cm_json_str(data, "volume", ""),
			    cm_json_str(info, "path", ""));
	cm_json_set_str(
	    data, "reason",
	    text ? NULL : "This file is neither text nor a picture. Download it to look at it with the right program.");
	cm_json_set_bool(data, "is_cut", text && cut);
	cm_view_text(data, "cut_text", text && cut ? "The first 256 KB of %s are shown." : NULL, size);
	cm_json_set_str(data, "content", text ? (content->len > 0 ? content->data : "") : NULL);
}

int cm_page_volume_file(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autobuf struct cm_buf content = CM_BUF_INIT(SHOWN_MAX + 16);
	cm_autojson struct json_object *info = NULL, *entry = NULL;
	static const char *const same[] = { "name",	      "path",	     "size",	    "size_text",
					    "permissions",    "owner_text",  "modified_at", "modified_text",
					    "modified_title", "download_url" };
	struct cm_volume_files *f = NULL;
	struct json_object *data;
	int rc = look(rq, &f, &info, err);

	if (rc < 0)
		return rc;
	rc = cm_volume_files_read(f, cm_json_str(info, "path", ""), SHOWN_MAX, &content, err);
	cm_volume_files_close(f);
	if (rc < 0)
		return rc;
	data = cm_view_data(rp);
	entry = cm_view_volume_entry(rq->params[0], info, cm_now_ms());
	for (size_t i = 0; i < CM_COUNT(same); i++)
		cm_json_set(data, same[i], json_object_get(cm_json_get(entry, same[i])));
	cm_view_title(rp, "%.100s", cm_json_str(info, "name", "File"));
	cm_volume_head(data, rq->params[0], cm_json_str(info, "path", "/"));
	cm_json_set(data, "breadcrumb", cm_view_volume_path(rq->params[0], cm_json_str(info, "path", "/"), true));
	content_add(data, info, &content);
	return 0;
}

/* The predecessor's: the content of a text as JSON. */
int cm_page_volume_file_text(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autobuf struct cm_buf content = CM_BUF_INIT(SHOWN_MAX * 16 + 16);
	cm_autojson struct json_object *info = NULL;
	struct cm_volume_files *f = NULL;
	struct json_object *o;
	int rc = look(rq, &f, &info, err);

	if (rc < 0)
		return rc;
	if (cm_json_int(info, "size", 0) > SHOWN_MAX * 16)
		rc = cm_err_set(err, CM_EUNSUPPORTED, "This file is larger than 4 MB: download it.");
	rc = rc < 0 ? rc : cm_volume_files_read(f, cm_json_str(info, "path", ""), SHOWN_MAX * 16, &content, err);
	cm_volume_files_close(f);
	if (rc == 0 && !is_text(&content, false))
		rc = cm_err_set(err, CM_EUNSUPPORTED, "This file is not text: download it.");
	if (rc < 0)
		return rc;
	o = json_object_new_object();
	cm_json_set_str(o, "content", content.len > 0 ? content.data : "");
	cm_json_set_str(o, "path", cm_json_str(info, "path", ""));
	cm_json_set_int(o, "size", (int64_t)content.len);
	cm_json_set_str(o, "volume", rq->params[0]);
	cm_reply_json(rp, 200, o);
	return 0;
}

struct download {
	struct cm_volume_files *files;
	char *path, *name;
	int64_t size; /* of a file; -1: a folder */
};

static void download_free(void *arg)
{
	struct download *d = arg;

	cm_volume_files_close(d->files);
	free(d->path);
	free(d->name);
	free(d);
}

static int produce(void *arg, int fd, const atomic_bool *stop)
{
	struct download *d = arg;
	struct cm_err err = { 0 };
	int rc = 0;

	if (d->size < 0)
		rc = cm_volume_files_send_folder(d->files, d->path, d->name, fd, stop, &err);
	else if (d->size > 0)
		rc = cm_volume_files_send(d->files, d->path, d->size, fd, stop, &err);
	/* The client sees a broken download; why stands in the log. Who went away is no news. */
	if (rc < 0 && rc != CM_ECANCELLED)
		cm_error("volume", "code=%s sending out of a volume: %s", cm_err_word(rc), err.text);
	return rc;
}

static struct download *download_new(struct cm_volume_files *f, struct json_object *info, bool folder)
{
	struct download *d = cm_alloc(sizeof(*d));

	d->files = f;
	d->path = cm_strdup(cm_json_str(info, "path", ""));
	d->name = cm_strdup(cm_json_str(info, "name", "files"));
	d->size = folder ? -1 : cm_json_int(info, "size", 0);
	return d;
}

/* A name that is a folder's at the top of a tar. */
static void name_mend(char *name)
{
	for (char *p = name; *p != '\0'; p++)
		if (*p == '/' || (unsigned char)*p < 0x20)
			*p = '_';
	if (name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0')))
		name[0] = '_';
}

int cm_page_volume_download(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	const struct cm_volume_actor actor = cm_volume_actor_of(rq);
	cm_autojson struct json_object *info = NULL, *details = NULL;
	cm_autofree char *archive = NULL;
	struct cm_volume_files *f = NULL;
	struct download *d;
	bool folder;
	int rc = look(rq, &f, &info, err);

	if (rc < 0)
		return rc;
	folder = cm_str_eq(cm_json_str(info, "type", ""), "directory");
	if (!folder && !cm_json_bool(info, "has_bytes", false)) {
		cm_volume_files_close(f);
		return cm_err_set(err, CM_EUNSUPPORTED, "This is not a file: it has nothing to download.");
	}
	details = json_object_new_object();
	cm_json_set_str(details, "path", cm_json_str(info, "path", ""));
	if (rq->method == CM_GET)
		cm_volumes_audit("volume_download", rq->params[0], &actor, NULL, details);
	d = download_new(f, info, folder);
	name_mend(d->name);
	archive = cm_asprintf("%s.tar.gz", d->name);
	cm_reply_attachment(rp, folder ? archive : d->name);
	cm_reply_stream(rp, folder ? "application/gzip" : "application/octet-stream", d->size, produce, download_free,
			d);
	return 0;
}

int cm_page_volume_picture(struct cm_request *rq, struct cm_reply *rp, struct cm_err *err)
{
	cm_autobuf struct cm_buf head = CM_BUF_INIT(HEAD + 1);
	cm_autojson struct json_object *info = NULL;
	const char *type = NULL;
	struct cm_volume_files *f = NULL;
	int rc = look(rq, &f, &info, err);

	if (rc < 0)
		return rc;
	rc = cm_volume_files_read(f, cm_json_str(info, "path", ""), HEAD, &head, err);
	if (rc == 0)
		type = picture_type(&head);
	if (rc == 0 && (type == NULL || cm_json_int(info, "size", 0) > PICTURE_MAX))
		rc = cm_err_set(err, CM_EUNSUPPORTED, "This is no picture that can be shown.");
	if (rc < 0) {
		cm_volume_files_close(f);
		return rc;
	}
	cm_reply_header(rp, "content-security-policy", "default-src 'none'; sandbox; frame-ancestors 'none'");
	cm_reply_header(rp, "content-disposition", "inline");
	struct download *d = download_new(f, info, false);
	cm_reply_stream(rp, type, d->size, produce, download_free, d);
	return 0;
}
