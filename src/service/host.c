/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/host.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/file.h"
#include "core/str.h"

enum { FRESH_MS = 1000, STALE_MS = 15000, SHORT_MS = 100 };

/* Shared by the threads of this process. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct cm_host_ticks last;
static int64_t last_ms;
static double last_percent = -1;

int cm_host_parse_stat(const char *text, struct cm_host_ticks *ret)
{
	uint64_t v[8] = { 0 };
	uint64_t total = 0;

	if (sscanf(text,
		   "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
		   &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) < 4)
		return CM_EINVAL;
	for (int i = 0; i < 8; i++)
		total += v[i];
	ret->total = total;
	ret->busy = total - v[3] - v[4]; /* idle, waiting for disks */
	return 0;
}

static int64_t kilobytes(const char *text, const char *key)
{
	const char *line = strstr(text, key);
	int64_t kb;

	if (line == NULL || sscanf(line + strlen(key), " %" SCNd64, &kb) != 1 || kb < 0 || kb > INT64_MAX / 1024)
		return -1;
	return kb * 1024;
}

int cm_host_parse_meminfo(const char *text, int64_t *ret_total, int64_t *ret_available)
{
	int64_t total = kilobytes(text, "MemTotal:"), available = kilobytes(text, "MemAvailable:");

	if (total < 0 || available < 0 || available > total)
		return CM_EINVAL;
	*ret_total = total;
	*ret_available = available;
	return 0;
}

static int read_ticks(struct cm_host_ticks *ret)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(1 << 20);

	return cm_file_read("/proc/stat", &text, NULL) == 0 ? cm_host_parse_stat(text.data, ret) : CM_EIO;
}

/* Remembers the ticks and what they say about the time since the last ones. */
static void note(const struct cm_host_ticks *now)
{
	if (now->total > last.total && now->busy >= last.busy && last.total > 0)
		last_percent = 100.0 * (double)(now->busy - last.busy) / (double)(now->total - last.total);
	last = *now;
	last_ms = cm_monotonic_ms();
}

static double cpu_percent(void)
{
	struct cm_host_ticks now;
	double percent;
	int64_t age;

	pthread_mutex_lock(&lock);
	age = last_ms ? cm_monotonic_ms() - last_ms : STALE_MS;
	if (age >= STALE_MS && read_ticks(&now) == 0) {
		note(&now);
		nanosleep(&(struct timespec){ .tv_nsec = SHORT_MS * 1000000L }, NULL);
	}
	if (age >= FRESH_MS && read_ticks(&now) == 0)
		note(&now);
	percent = last_percent;
	pthread_mutex_unlock(&lock);
	return percent;
}

/* It does not change: read once. */
static pthread_once_t model_once = PTHREAD_ONCE_INIT;
static char model[128];
static int model_cpus;

static void read_model(void)
{
	cm_autobuf struct cm_buf text = CM_BUF_INIT(4 << 20);
	const char *line;

	model_cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	if (cm_file_read("/proc/cpuinfo", &text, NULL) != 0)
		return;
	line = strstr(text.data, "model name");
	line = line ? strchr(line, ':') : NULL;
	if (line == NULL)
		return;
	line += 1 + strspn(line + 1, " \t");
	snprintf(model, sizeof(model), "%.*s", (int)strcspn(line, "\n"), line);
}

static void memory(struct cm_host *ret)
{
	static int64_t total, available, read_ms;
	cm_autobuf struct cm_buf text = CM_BUF_INIT(1 << 16);
	int64_t now = cm_monotonic_ms();

	pthread_mutex_lock(&lock);
	if (read_ms == 0 || now - read_ms >= FRESH_MS) {
		if (cm_file_read("/proc/meminfo", &text, NULL) != 0 ||
		    cm_host_parse_meminfo(text.data, &total, &available) != 0)
			total = available = 0;
		read_ms = now;
	}
	ret->memory_total = total;
	ret->memory_used = total - available;
	pthread_mutex_unlock(&lock);
}

void cm_host_sample(struct cm_host *ret)
{
	memset(ret, 0, sizeof(*ret));
	pthread_once(&model_once, read_model);
	ret->cpu_count = model_cpus;
	memcpy(ret->cpu_model, model, sizeof(model));
	ret->cpu_percent = cpu_percent();
	memory(ret);
}
