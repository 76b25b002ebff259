/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void *checked(void *p)
{
	if (p == NULL) {
		fputs("container-monkey: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *cm_alloc(size_t size)
{
	return checked(calloc(1, size ? size : 1));
}

void *cm_alloc_array(size_t n, size_t size)
{
	return checked(calloc(n ? n : 1, size ? size : 1));
}

void *cm_realloc(void *p, size_t n, size_t size)
{
	return checked(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *cm_strdup(const char *s)
{
	return s ? checked(strdup(s)) : NULL;
}

char *cm_strndup(const char *s, size_t n)
{
	return s ? checked(strndup(s, n)) : NULL;
}

char *cm_asprintf(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;

	va_start(ap, fmt);
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return checked(n < 0 ? NULL : s);
}
