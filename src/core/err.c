/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *word;
	int http;
} codes[CM_CODE_COUNT] = {
	[-CM_OK] = { "OK", 200 },
	[-CM_EINVAL] = { "INVALID", 400 },
	[-CM_EAUTH] = { "LOGIN_REQUIRED", 401 },
	[-CM_EDENIED] = { "FORBIDDEN", 403 },
	[-CM_ENOTFOUND] = { "NOT_FOUND", 404 },
	[-CM_EEXIST] = { "EXISTS", 409 },
	[-CM_EBUSY] = { "BUSY", 409 },
	[-CM_EINUSE] = { "IN_USE", 409 },
	[-CM_ETOOBIG] = { "TOO_BIG", 413 },
	[-CM_EUNSUPPORTED] = { "IMPOSSIBLE", 422 },
	[-CM_ELIMIT] = { "TOO_MANY_REQUESTS", 429 },
	[-CM_EUPSTREAM] = { "BAD_ANSWER", 502 },
	[-CM_EUNREACHABLE] = { "UNREACHABLE", 503 },
	[-CM_ETIMEDOUT] = { "TIMED_OUT", 503 },
	[-CM_ENOSPACE] = { "NO_SPACE", 507 },
	[-CM_EIO] = { "IO_ERROR", 500 },
	[-CM_ECORRUPT] = { "DAMAGED", 422 },
	[-CM_ECANCELLED] = { "CANCELLED", 409 },
	[-CM_ENOMEM] = { "NO_MEMORY", 500 },
	[-CM_EINTERNAL] = { "INTERNAL", 500 },
};

static int code_index(int code)
{
	if (code > 0 || -code >= CM_CODE_COUNT)
		return -CM_EINTERNAL;
	return -code;
}

int cm_err_set(struct cm_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return code;
	va_start(ap, fmt);
	/* Through a copy: an argument may be err->text itself. */
	char text[sizeof(err->text)];
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	memcpy(err->text, text, sizeof(text));
	err->code = code;
	err->detail[0] = '\0';
	return code;
}

int cm_err_detail(struct cm_err *err, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return CM_EINTERNAL;
	va_start(ap, fmt);
	vsnprintf(err->detail, sizeof(err->detail), fmt, ap);
	va_end(ap);
	return err->code;
}

int cm_err_errno(struct cm_err *err, int errnum, const char *what)
{
	switch (errnum) {
	case ENOSPC:
	case EDQUOT:
		cm_err_set(err, CM_ENOSPACE, "No space left while %s. Free some space and try again.", what);
		break;
	case ENOENT:
		cm_err_set(err, CM_ENOTFOUND, "Not found while %s.", what);
		break;
	case EEXIST:
		cm_err_set(err, CM_EEXIST, "Already there while %s.", what);
		break;
	case EROFS:
	case EACCES:
	case EPERM:
		cm_err_set(err, CM_EIO, "No permission while %s. Check the rights of the data folder.", what);
		break;
	case ENOMEM:
		cm_err_set(err, CM_ENOMEM, "Out of memory while %s.", what);
		break;
	default:
		cm_err_set(err, CM_EIO, "Failed while %s (%s).", what,
			   strerrordesc_np(errnum) ? strerrordesc_np(errnum) : "unknown error");
		break;
	}
	cm_err_detail(err, "%s: errno %d", what, errnum);
	return err					? err->code
	       : (errnum == ENOSPC || errnum == EDQUOT) ? CM_ENOSPACE
	       : errnum == ENOENT			? CM_ENOTFOUND
	       : errnum == EEXIST			? CM_EEXIST
	       : errnum == ENOMEM			? CM_ENOMEM
							: CM_EIO;
}

int cm_err_prefix(struct cm_err *err, const char *fmt, ...)
{
	if (err == NULL)
		return CM_EINTERNAL;
	char text[sizeof(err->text)];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text) - 3)
		return err->code;
	snprintf(text + n, sizeof(text) - (size_t)n, ": %.*s", (int)(sizeof(text) - (size_t)n - 3), err->text);
	memcpy(err->text, text, sizeof(text));
	return err->code;
}

const char *cm_err_word(int code)
{
	return codes[code_index(code)].word;
}

int cm_err_http(int code)
{
	return codes[code_index(code)].http;
}
