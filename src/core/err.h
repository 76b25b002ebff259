/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Errors. Functions that can fail return 0 or one negative code from this list.
 * The detail travels in the caller's struct cm_err: a sentence for the user
 * that says what to do, and a private detail for the log. Every function that
 * takes a struct cm_err accepts NULL for it. A cm_err is a plain value: no
 * ownership, one thread at a time. Functions here do not block.
 */
#ifndef CM_CORE_ERR_H
#define CM_CORE_ERR_H

enum cm_code {
	CM_OK = 0,
	CM_EINVAL = -1,	       /* malformed input                       HTTP 400 */
	CM_EAUTH = -2,	       /* not logged in, or wrong password      HTTP 401 */
	CM_EDENIED = -3,       /* this role may not                     HTTP 403 */
	CM_ENOTFOUND = -4,     /*                                       HTTP 404 */
	CM_EEXIST = -5,	       /* a thing of that name exists           HTTP 409 */
	CM_EBUSY = -6,	       /* busy with something else, try later   HTTP 409 */
	CM_EINUSE = -7,	       /* others use it                         HTTP 409 */
	CM_ETOOBIG = -8,       /* over a limit                          HTTP 413 */
	CM_EUNSUPPORTED = -9,  /* understood but impossible             HTTP 422 */
	CM_ELIMIT = -10,       /* too many requests                     HTTP 429 */
	CM_EUPSTREAM = -11,    /* Docker or S3 answered badly           HTTP 502 */
	CM_EUNREACHABLE = -12, /* Docker or S3 not reachable           HTTP 503 */
	CM_ETIMEDOUT = -13,    /* no progress within the deadline       HTTP 503 */
	CM_ENOSPACE = -14,     /* no space left                         HTTP 507 */
	CM_EIO = -15,	       /* reading or writing failed             HTTP 500 */
	CM_ECORRUPT = -16,     /* stored data is damaged                HTTP 422 */
	CM_ECANCELLED = -17,   /* the user asked to stop                HTTP 409 */
	CM_ENOMEM = -18,       /*                                       HTTP 500 */
	CM_EINTERNAL = -19,    /* a bug of ours                         HTTP 500 */
	CM_CODE_COUNT = 20
};

struct cm_err {
	int code;
	char text[512];	  /* for the user: what happened, what to do; no path of ours, no secret */
	char detail[512]; /* for the log only */
};

/* Sets err (when not NULL) to code and the formatted sentence, clears the detail; returns code. */
int cm_err_set(struct cm_err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Adds the private detail to an err that was set; returns err's code (CM_EINTERNAL if err is NULL). */
int cm_err_detail(struct cm_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sets err from errno: ENOSPC and EDQUOT give CM_ENOSPACE, ENOENT CM_ENOTFOUND, EEXIST CM_EEXIST, else CM_EIO.
 * "what" is a short sentence part, e.g. "writing the backup". */
int cm_err_errno(struct cm_err *err, int errnum, const char *what);

/* Puts a prefix before the sentence: "prefix: sentence". Keeps the code. */
int cm_err_prefix(struct cm_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "NOT_FOUND" for CM_ENOTFOUND: the stable word in API answers. Never NULL. */
const char *cm_err_word(int code);

/* The HTTP status that belongs to a code (200 for CM_OK). */
int cm_err_http(int code);

#endif
