/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t clock_ms(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t cm_now_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

int64_t cm_monotonic_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

struct timespec cm_monotonic_after(int ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static void broken_down(int64_t ms, struct tm *tm, int *millis)
{
	int64_t rest = ms % 1000;
	time_t s = (time_t)((ms - rest) / 1000);

	if (rest < 0) {
		rest += 1000;
		s--;
	}
	gmtime_r(&s, tm);
	*millis = (int)rest;
}

static void format(char dst[32], int64_t ms, const char *pattern)
{
	struct tm tm;
	int millis;

	broken_down(ms, &tm, &millis);
	strftime(dst, 32, pattern, &tm);
}

void cm_time_rfc3339(char dst[32], int64_t ms)
{
	struct tm tm;
	int millis;
	char day[24];

	dst[0] = '\0';
	if (ms == 0)
		return;
	broken_down(ms, &tm, &millis);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(dst, 32, "%s.%03dZ", day, millis);
}

void cm_time_stamp(char dst[32], int64_t ms)
{
	format(dst, ms, "%Y%m%d_%H%M%S");
}

void cm_time_plain(char dst[32], int64_t ms)
{
	format(dst, ms, "%Y-%m-%d %H:%M:%S");
}

static bool digits(const char **s, int n, int *ret)
{
	int v = 0;

	for (int i = 0; i < n; i++, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		v = v * 10 + (**s - '0');
	}
	*ret = v;
	return true;
}

static bool literal(const char **s, const char *any)
{
	return **s != '\0' && strchr(any, **s) != NULL ? ((*s)++, true) : false;
}

static bool zone(const char *s, int *ret_minutes)
{
	int h, m;

	*ret_minutes = 0;
	if (*s == '\0' || ((*s == 'Z' || *s == 'z') && s[1] == '\0'))
		return true;
	int sign = *s == '-' ? -1 : 1;
	if (!literal(&s, "+-") || !digits(&s, 2, &h))
		return false;
	literal(&s, ":");
	if (!digits(&s, 2, &m) || *s != '\0' || h > 14 || m > 59)
		return false;
	*ret_minutes = sign * (h * 60 + m);
	return true;
}

bool cm_time_parse(const char *s, int64_t *ret_ms)
{
	struct tm tm = { 0 };
	int millis = 0, scale = 100, offset;

	if (s == NULL || !digits(&s, 4, &tm.tm_year) || !literal(&s, "-") || !digits(&s, 2, &tm.tm_mon) ||
	    !literal(&s, "-") || !digits(&s, 2, &tm.tm_mday) || !literal(&s, "Tt ") || !digits(&s, 2, &tm.tm_hour) ||
	    !literal(&s, ":") || !digits(&s, 2, &tm.tm_min) || !literal(&s, ":") || !digits(&s, 2, &tm.tm_sec))
		return false;
	if (literal(&s, "."))
		for (; *s >= '0' && *s <= '9'; s++, scale /= 10)
			millis += (*s - '0') * scale;
	if (!zone(s, &offset) || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	if (tm.tm_year <= 1) {
		*ret_ms = 0;
		return true;
	}
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*ret_ms = ((int64_t)timegm(&tm) - (int64_t)offset * 60) * 1000 + millis;
	return true;
}

void cm_time_ago(char dst[48], int64_t ms, int64_t now_ms)
{
	static const struct {
		int64_t seconds;
		const char *one;
	} units[] = {
		{ 31536000, "year" }, { 2592000, "month" }, { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }
	};

	if (ms == 0) {
		snprintf(dst, 48, "never");
		return;
	}
	int64_t d = (now_ms - ms) / 1000;
	int64_t a = d < 0 ? -d : d;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (a < units[i].seconds)
			continue;
		long long n = a / units[i].seconds;
		snprintf(dst, 48, "%s%lld %s%s%s", d < 0 ? "in " : "", n, units[i].one, n == 1 ? "" : "s",
			 d < 0 ? "" : " ago");
		return;
	}
	snprintf(dst, 48, "just now");
}
