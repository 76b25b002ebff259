/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small allocations. When one fails the process ends with a message: a worker
 * is then started anew and the job queue recovers from the database. Large or
 * foreign-controlled sizes do not belong here: use a cm_buf with a ceiling, or
 * mmap. Free with free(). Any thread.
 */
#ifndef CM_CORE_MEM_H
#define CM_CORE_MEM_H

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

void *cm_alloc(size_t size);		     /* zeroed; never NULL */
void *cm_alloc_array(size_t n, size_t size); /* zeroed, checks overflow; never NULL */
void *cm_realloc(void *p, size_t n, size_t size);
char *cm_strdup(const char *s); /* NULL gives NULL */
char *cm_strndup(const char *s, size_t n);
char *cm_asprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static inline void cm_cleanup_free(void *p)
{
	free(*(void **)p);
}
static inline void cm_cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
/* Frees, or closes, when the variable goes out of scope. Initialise it (NULL, -1). */
#define cm_autofree __attribute__((cleanup(cm_cleanup_free)))
#define cm_autoclose __attribute__((cleanup(cm_cleanup_close)))

/* Hands the pointer on and forgets it: *ret = cm_move(&p). */
#define cm_move(pp)                             \
	__extension__({                         \
		__typeof__(*(pp)) cm_v = *(pp); \
		*(pp) = NULL;                   \
		cm_v;                           \
	})

#define CM_COUNT(a) (sizeof(a) / sizeof((a)[0]))

#endif
