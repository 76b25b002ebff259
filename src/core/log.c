/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"

static enum cm_log_level lowest_level = CM_LOG_INFO;

void cm_log_level_set(enum cm_log_level lowest)
{
	lowest_level = lowest;
}

void cm_log(enum cm_log_level level, const char *area, const char *fmt, ...)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };
	char line[2048], now[32];
	va_list ap;

	if (level < lowest_level)
		return;
	cm_time_rfc3339(now, cm_now_ms());
	int head = snprintf(line, sizeof(line), "%s %s %s ", now, names[level], area);
	va_start(ap, fmt);
	vsnprintf(line + head, sizeof(line) - (size_t)head - 1, fmt, ap);
	va_end(ap);
	size_t n = strlen(line);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	ssize_t written = write(STDERR_FILENO, line, n);
	(void)written;
}
