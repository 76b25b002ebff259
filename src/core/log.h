/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One line per event on standard error: time level area key=value… message.
 * Only main.c, web and jobs log; services return errors. Never log a secret:
 * no password, token, cookie, environment value or S3 key. Control characters
 * are replaced, so foreign text cannot forge a line. Any thread; one write(2) a line.
 */
#ifndef CM_CORE_LOG_H
#define CM_CORE_LOG_H

enum cm_log_level { CM_LOG_DEBUG, CM_LOG_INFO, CM_LOG_WARN, CM_LOG_ERROR };

void cm_log_level_set(enum cm_log_level lowest); /* default CM_LOG_INFO */
void cm_log(enum cm_log_level level, const char *area, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#define cm_debug(area, ...) cm_log(CM_LOG_DEBUG, area, __VA_ARGS__)
#define cm_info(area, ...) cm_log(CM_LOG_INFO, area, __VA_ARGS__)
#define cm_warn(area, ...) cm_log(CM_LOG_WARN, area, __VA_ARGS__)
#define cm_error(area, ...) cm_log(CM_LOG_ERROR, area, __VA_ARGS__)

#endif
