/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/engine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/mem.h"
#include "core/secret.h"
#include "core/str.h"
#include "docker/container.h"
#include "docker/self.h"
#include "service/own.h"

enum {
	OVERVIEW_MS = 5000,
	UNREACHABLE_MS = 2000,
	OVERVIEW_ASK_MS = 2000,
	LIST_MS = 800,
	LIST_MEANWHILE_MS = 1000,
	LIST_ASK_MS = 10000,
};

/* A handle and whose it is: a child process must not go on with its parent's connections. */
struct holder {
	struct cm_docker *d;
	pid_t pid;
	char host[sizeof(((struct cm_app *)0)->docker_host)];
};

int cm_engine_open(const struct cm_app *app, struct cm_docker **ret, struct cm_err *err)
{
	struct cm_docker_config config = { .host = app->docker_host,
					   .tls = app->docker_tls,
					   .cert_path = app->docker_cert_path };

	return cm_docker_new(&config, ret, err);
}

static int holder_open(struct holder *h, const struct cm_app *app, struct cm_err *err)
{
	if (h->d != NULL && h->pid == getpid() && strcmp(h->host, app->docker_host) == 0)
		return 0;
	/* The parent's is left to the parent: closing it here would say goodbye on its TLS connections. */
	if (h->pid == getpid())
		cm_docker_free(h->d);
	h->d = NULL;
	int r = cm_engine_open(app, &h->d, err);
	if (r < 0)
		return r;
	h->pid = getpid();
	cm_str_copy(h->host, sizeof(h->host), app->docker_host);
	return 0;
}

static pthread_key_t thread_key;
static pthread_once_t thread_once = PTHREAD_ONCE_INIT;

static void thread_end(void *arg)
{
	struct holder *h = arg;

	if (h->pid == getpid())
		cm_docker_free(h->d);
	free(h);
}

static void thread_begin(void)
{
	if (pthread_key_create(&thread_key, thread_end) != 0)
		abort();
}

int cm_engine_get(const struct cm_app *app, struct cm_docker **ret, struct cm_err *err)
{
	pthread_once(&thread_once, thread_begin);
	struct holder *h = pthread_getspecific(thread_key);
	if (h == NULL) {
		h = cm_alloc(sizeof(*h));
		if (pthread_setspecific(thread_key, h) != 0) {
			free(h);
			return cm_err_set(err, CM_ENOMEM, "Out of memory while preparing to ask the Docker Engine.");
		}
	}
	int r = holder_open(h, app, err);
	if (r < 0)
		return r;
	cm_docker_set_timeout(h->d, 0);
	cm_docker_set_cancel(h->d, NULL, NULL);
	*ret = h->d;
	return 0;
}

/*
 * What is remembered: an answer, when it came, and one thread that asks while the others wait or take the former one.
 * Each has a handle of its own, so that a caller's settings of its thread's handle stay as they are.
 */
struct memory {
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool asking;
	struct holder holder; /* used by the thread that asks */
	int64_t at_ms;	      /* monotonic; 0: never */
	unsigned generation;  /* of the last answer */
};
#define MEMORY_INIT                                                                 \
	{                                                                           \
		.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER \
	}

/* What one worker changes, pages of the others show: after cm_engine_share() this lies in memory of all of them. */
static atomic_uint own_generation, *generation = &own_generation;

int cm_engine_share(struct cm_err *err)
{
	void *p = mmap(NULL, sizeof(*generation), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return cm_err_set(err, CM_ENOMEM, "Out of memory at the start.");
	generation = p;
	return 0;
}

void cm_engine_changed(void)
{
	atomic_fetch_add(generation, 1);
}

static bool recent(const struct memory *m, int64_t max_age_ms)
{
	return m->at_ms != 0 && cm_monotonic_ms() - m->at_ms < max_age_ms;
}

static bool fresh(const struct memory *m, int64_t max_age_ms)
{
	return m->generation == atomic_load(generation) && recent(m, max_age_ms);
}

/* The caller holds the lock and becomes the one who asks; the lock is released until ask_end(). */
static unsigned ask_begin(struct memory *m)
{
	m->asking = true;
	pthread_mutex_unlock(&m->lock);
	return atomic_load(generation);
}

static void ask_end(struct memory *m, unsigned began)
{
	pthread_mutex_lock(&m->lock);
	m->asking = false;
	m->at_ms = cm_monotonic_ms();
	m->generation = began;
	pthread_cond_broadcast(&m->done);
}

static struct memory overview_memory = MEMORY_INIT;
static struct cm_engine_overview overview;

static int overview_ask(const struct cm_app *app, struct cm_engine_overview *o, struct cm_err *err)
{
	struct cm_docker *d;
	cm_autojson struct json_object *info = NULL;
	int minor = 0;

	int r = holder_open(&overview_memory.holder, app, err);
	if (r < 0)
		return r;
	d = overview_memory.holder.d;
	cm_docker_set_timeout(d, OVERVIEW_ASK_MS);
	r = cm_docker_info(d, &info, err);
	if (r == 0)
		r = cm_docker_api(d, &minor, err);
	if (r < 0)
		return r;
	snprintf(o->api, sizeof(o->api), "1.%d", minor);
	cm_str_copy(o->version, sizeof(o->version), cm_json_str(info, "ServerVersion", ""));
	cm_str_copy(o->name, sizeof(o->name), cm_json_str(info, "Name", ""));
	cm_str_copy(o->os, sizeof(o->os), cm_json_str(info, "OperatingSystem", ""));
	cm_str_copy(o->arch, sizeof(o->arch), cm_json_str(info, "Architecture", ""));
	cm_str_copy(o->storage, sizeof(o->storage), cm_json_str(info, "Driver", ""));
	cm_str_copy(o->root_dir, sizeof(o->root_dir), cm_json_str(info, "DockerRootDir", ""));
	o->cpus = (int)cm_json_int(info, "NCPU", 0);
	o->memory = cm_json_int(info, "MemTotal", 0);
	o->containers = (int)cm_json_int(info, "Containers", 0);
	o->running = (int)cm_json_int(info, "ContainersRunning", 0);
	o->paused = (int)cm_json_int(info, "ContainersPaused", 0);
	o->stopped = (int)cm_json_int(info, "ContainersStopped", 0);
	o->images = (int)cm_json_int(info, "Images", 0);
	return cm_self_id(d, o->self_id, err);
}

void cm_engine_known(const struct cm_app *app, struct cm_engine_overview *ret)
{
	pthread_mutex_lock(&overview_memory.lock);
	bool known = overview.reachable && recent(&overview_memory, OVERVIEW_MS);
	*ret = overview;
	pthread_mutex_unlock(&overview_memory.lock);
	if (!known)
		cm_engine_overview(app, ret);
}

void cm_engine_overview(const struct cm_app *app, struct cm_engine_overview *ret)
{
	struct memory *m = &overview_memory;

	pthread_mutex_lock(&m->lock);
	/* Only who comes before the very first answer has to wait for it. */
	while (m->asking && m->at_ms == 0)
		pthread_cond_wait(&m->done, &m->lock);
	if (!m->asking && !fresh(m, overview.reachable ? OVERVIEW_MS : UNREACHABLE_MS)) {
		struct cm_engine_overview o = { .reachable = false };
		struct cm_err err = { .code = 0 };
		unsigned began = ask_begin(m);
		o.reachable = overview_ask(app, &o, &err) == 0;
		if (!o.reachable) {
			memset(&o, 0, sizeof(o));
			cm_str_copy(o.error, sizeof(o.error), err.text);
		}
		o.checked_ms = cm_now_ms();
		ask_end(m, began);
		overview = o;
	}
	*ret = overview;
	pthread_mutex_unlock(&m->lock);
}

static struct memory list_memory = MEMORY_INIT;
static struct json_object *list;  /* NULL: the last question failed with list_err */
static struct json_object *tools; /* what was left out of it */
static struct cm_err list_err;
static uint64_t list_number; /* of the last answer */

/* References of json-c belong to one thread, and a copy of a long list costs as much as showing it: each thread makes
 * one of each answer. */
struct list_copy {
	struct json_object *list;
	uint64_t number;
};
static pthread_key_t copy_key;
static pthread_once_t copy_once = PTHREAD_ONCE_INIT;

static void copy_end(void *arg)
{
	struct list_copy *c = arg;

	json_object_put(c->list);
	free(c);
}

static void copy_begin(void)
{
	if (pthread_key_create(&copy_key, copy_end) != 0)
		abort();
}

/* The caller holds the lock of the list. */
static struct json_object *list_of_thread(void)
{
	struct list_copy *c;

	pthread_once(&copy_once, copy_begin);
	c = pthread_getspecific(copy_key);
	if (c == NULL) {
		c = cm_alloc(sizeof(*c));
		if (pthread_setspecific(copy_key, c) != 0) {
			free(c);
			return cm_json_copy(list);
		}
	}
	if (c->number != list_number) {
		json_object_put(c->list);
		c->list = cm_json_copy(list);
		c->number = list_number;
	}
	return json_object_get(c->list);
}

/* Did it hang when it was asked last? */
static bool list_hung(void)
{
	return list == NULL && list_err.code == CM_ETIMEDOUT;
}

static int list_ask(const struct cm_app *app, int limit_ms, struct json_object **ret, struct json_object **ret_tools,
		    struct cm_err *err)
{
	cm_autojson struct json_object *all = NULL;

	int r = holder_open(&list_memory.holder, app, err);
	if (r < 0)
		return r;
	cm_docker_set_timeout(list_memory.holder.d, limit_ms);
	r = cm_container_list(list_memory.holder.d, true, NULL, &all, err);
	if (r < 0)
		return r;
	struct json_object *theirs = json_object_new_array(), *ours = json_object_new_array();
	for (size_t i = 0; i < cm_json_len(all); i++) {
		struct json_object *c = json_object_array_get_idx(all, i);
		json_object_array_add(cm_own_container(NULL, c) == CM_OWN_NOT ? theirs : ours, json_object_get(c));
	}
	*ret = theirs;
	*ret_tools = ours;
	return 0;
}

int cm_engine_containers(const struct cm_app *app, struct json_object **ret, struct cm_err *err)
{
	struct memory *m = &list_memory;
	int r = 0;

	pthread_mutex_lock(&m->lock);
	/* While one asks, the others take the former answer for a moment, unless we changed something since. One that
	 * hung is asked by one alone, and not for so long. */
	while (m->asking && !list_hung() && !fresh(m, LIST_MEANWHILE_MS))
		pthread_cond_wait(&m->done, &m->lock);
	if (!m->asking && !fresh(m, LIST_MS)) {
		struct json_object *answer = NULL, *ours = NULL;
		struct cm_err why = { .code = 0 };
		int limit_ms = list_hung() ? OVERVIEW_ASK_MS : LIST_ASK_MS;
		unsigned began = ask_begin(m);
		r = list_ask(app, limit_ms, &answer, &ours, &why);
		ask_end(m, began);
		json_object_put(list);
		json_object_put(tools);
		list = r == 0 ? answer : NULL;
		tools = r == 0 ? ours : NULL;
		list_number++;
		list_err = why;
	}
	if (list != NULL) {
		*ret = list_of_thread();
	} else {
		r = list_err.code != 0 ? list_err.code : CM_EINTERNAL;
		if (err != NULL)
			*err = list_err;
	}
	pthread_mutex_unlock(&m->lock);
	return r;
}

int cm_engine_tools(const struct cm_app *app, struct json_object **ret, struct cm_err *err)
{
	struct json_object *others = NULL;

	int r = cm_engine_containers(app, &others, err);
	if (r < 0)
		return r;
	json_object_put(others);
	pthread_mutex_lock(&list_memory.lock);
	*ret = tools != NULL ? cm_json_copy(tools) : json_object_new_array();
	pthread_mutex_unlock(&list_memory.lock);
	return 0;
}

/* For the helper's image and folder: asked rarely, one thread at a time. */
static pthread_mutex_t helper_lock = PTHREAD_MUTEX_INITIALIZER;
static struct holder helper_holder;

int cm_engine_shared(const struct cm_app *app, struct cm_helper_shared *ret, struct cm_err *err)
{
	static struct cm_helper_shared known;
	static char known_dir[sizeof(app->tmp_dir)];
	int r = 0;

	pthread_mutex_lock(&helper_lock);
	if (strcmp(known_dir, app->tmp_dir) != 0) {
		r = holder_open(&helper_holder, app, err);
		if (r == 0)
			r = cm_helper_shared_find(helper_holder.d, app->tmp_dir, &known, err);
		if (r == 0)
			cm_str_copy(known_dir, sizeof(known_dir), app->tmp_dir);
	}
	if (r == 0)
		*ret = known;
	pthread_mutex_unlock(&helper_lock);
	return r;
}

int cm_engine_helper_image(const struct cm_app *app, char **ret_ref, struct cm_err *err)
{
	if (app->helper_elf == NULL || app->helper_elf_len == 0)
		return cm_err_set(err, CM_EINTERNAL, "This build has no helper program.");
	pthread_mutex_lock(&helper_lock);
	int r = holder_open(&helper_holder, app, err);
	if (r == 0)
		r = cm_helper_image_ensure(helper_holder.d, app->helper_elf, app->helper_elf_len, ret_ref, err);
	pthread_mutex_unlock(&helper_lock);
	return r;
}

void cm_engine_instance(const struct cm_app *app, char ret[17])
{
	uint8_t id[CM_SHA256_LEN];

	/* The key is made once for an installation and goes with its data. Tests may have none. */
	if (cm_master_key_derive("engine-instance", id, NULL) < 0) {
		struct stat st = { .st_ino = 0 };
		(void)stat(app->data_dir, &st);
		cm_autofree char *text = cm_asprintf("%s:%llu", app->data_dir, (unsigned long long)st.st_ino);
		cm_sha256(id, text, strlen(text));
	}
	cm_hex(ret, id, 8);
}
