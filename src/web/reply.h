/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What handlers answer with. None of these blocks, but for cm_reply_file (fstat). One thread at a time.
 */
#ifndef CM_WEB_REPLY_H
#define CM_WEB_REPLY_H

#include "web/http.h"

/* The "data" object of the reply's view, made when missing. Borrowed. */
struct json_object *cm_view_data(struct cm_reply *rp);
/* A title other than the row's. */
void cm_view_title(struct cm_reply *rp, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* 303 to a path of ours. */
void cm_reply_redirect(struct cm_reply *rp, const char *location);
/* A message that the next page shows once; kind is "ok", "warn" or "error". Without a redirect the page that is
 * being rendered shows it. At most 8. */
void cm_reply_flash(struct cm_request *rq, struct cm_reply *rp, const char *kind, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The end of an action. Page face: flash "ok" with the sentence, 303 to location. API face: answer as JSON (taken; NULL
 * makes {}) with "success": true and "message": the sentence added where missing; status stays rp->status. */
void cm_reply_done(struct cm_request *rq, struct cm_reply *rp, const char *location, struct json_object *answer,
		   const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* A finished JSON body; takes the object. */
void cm_reply_json(struct cm_reply *rp, int status, struct json_object *o);
/* A finished body of any type. */
void cm_reply_body(struct cm_reply *rp, int status, const char *content_type, const void *data, size_t len);
/* {"error","code"} and more members from extra (taken, may be NULL). */
void cm_reply_error_json(struct cm_reply *rp, const struct cm_err *err, struct json_object *extra);

/* An open file (fd is taken in every case), with Range, If-Range, If-None-Match: 200, 206, 304 or 416. etag is a strong
 * one without quotes, or NULL: made from inode, size and time of change. download: name of the attachment, or NULL to
 * show it inline. Errors: CM_EIO. */
int cm_reply_file(struct cm_request *rq, struct cm_reply *rp, int fd, const char *content_type, const char *etag,
		  const char *download, struct cm_err *err);
/* Content-Disposition with the name in both forms (quoted ASCII and UTF-8); control characters are dropped. */
void cm_reply_attachment(struct cm_reply *rp, const char *name);

/* Bytes made while they are sent. len -1: unknown. release may be NULL; it is called in every case. */
void cm_reply_stream(struct cm_reply *rp, const char *content_type, int64_t len, cm_produce_fn produce,
		     void (*release)(void *arg), void *arg);

/* A websocket, for a row with CM_R_SOCKET: talk runs in a task of its own. Its fd is a SOCK_SEQPACKET socket: a packet
 * is a message, its first byte the kind: 1 text, 2 binary, 9 (sent only) a ping. A message has at most 16 KiB. fd ends
 * when the client leaves; the client is told to close when talk returns. release as in cm_reply_stream. */
void cm_reply_socket(struct cm_reply *rp, cm_produce_fn talk, void (*release)(void *arg), void *arg);

/* Style elements with this nonce apply on the page. For pages with a program of others that makes such. Borrowed. */
const char *cm_reply_style_nonce(struct cm_reply *rp);

/* Path=/, SameSite=Lax, Secure when the client came by https. seconds 0 removes it. value needs no quoting. */
void cm_reply_cookie(const struct cm_request *rq, struct cm_reply *rp, const char *name, const char *value, int seconds,
		     bool http_only);

/* True for a path on this site that may be sent back to: begins with one '/', no "//", no '\', no control character. */
bool cm_path_local(const char *path);

#endif
