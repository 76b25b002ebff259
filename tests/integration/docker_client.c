/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine client against a real engine, at DOCKER_HOST (with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH as usual). Run
 * by docker_client.test.mjs. Everything is named after the process and removed at the end. Needs busybox:local.
 */
#include "test.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/mem.h"
#include "docker/container.h"
#include "docker/docker.h"
#include "docker/events.h"
#include "docker/image.h"
#include "docker/network.h"
#include "docker/self.h"
#include "docker/volume.h"

#define IMAGE "busybox:local"

static char name[64];

__attribute__((constructor)) static void begin(void)
{
	signal(SIGPIPE, SIG_IGN);
	snprintf(name, sizeof(name), "cmdock-%ld", (long)getpid());
}

static struct cm_docker *connect_engine(void)
{
	struct cm_docker_config config = { .host = getenv("DOCKER_HOST"),
					   .tls = getenv("DOCKER_TLS_VERIFY") != NULL,
					   .cert_path = getenv("DOCKER_CERT_PATH") };
	struct cm_docker *d = NULL;
	struct cm_err err;

	if (cm_docker_new(&config, &d, &err) != 0) {
		printf("# %s\n", err.text);
		abort();
	}
	return d;
}

static struct json_object *json(const char *text)
{
	struct json_object *o = NULL;

	if (cm_json_parse(text, strlen(text), &o, NULL) != 0)
		abort();
	return o;
}

/* CHECK_INT with the sentence of the error. */
#define OK(call)                                                                                \
	do {                                                                                    \
		int ok_ = (call);                                                               \
		if (ok_ != 0)                                                                   \
			printf("# %s:%d: %s | %s\n", __FILE__, __LINE__, err.text, err.detail); \
		CHECK_INT(ok_, 0);                                                              \
	} while (0)

/* A container that runs until it is killed, or what command says. */
static int create(struct cm_docker *d, const char *extra, char **ret_id, struct cm_err *err)
{
	cm_autofree char *text =
	    cm_asprintf("{\"Image\":\"" IMAGE "\",\"Labels\":{\"cmdock\":\"%s\"},\"StopTimeout\":1,%s}", name, extra);
	cm_autojson struct json_object *config = json(text);
	return cm_container_create(d, name, config, ret_id, NULL, err);
}

/* However a test ends, its container goes; the next has a name of its own. */
static void leave(struct cm_docker **d)
{
	static int n;

	cm_container_remove(*d, name, true, true, NULL);
	cm_docker_free(*d);
	snprintf(name, sizeof(name), "cmdock-%ld-%d", (long)getpid(), ++n);
}

#define ENGINE struct cm_docker *d __attribute__((cleanup(leave))) = connect_engine()

#define RUNNING "\"Cmd\":[\"sh\",\"-c\",\"trap exit TERM; while :; do sleep 0.1; done\"]"

static const char *state(struct cm_docker *d, char dst[32])
{
	cm_autojson struct json_object *o = NULL;

	dst[0] = '\0';
	if (cm_container_inspect(d, name, false, &o, NULL) == 0)
		snprintf(dst, 32, "%s", cm_json_str_at(o, "State.Status", ""));
	return dst;
}

TEST(engine__says_who_it_is)
{
	ENGINE;
	struct cm_err err;
	cm_autojson struct json_object *version = NULL, *info = NULL, *df = NULL;
	int minor = 0;
	char self[65];

	OK(cm_docker_ping(d, &err));
	OK(cm_docker_api(d, &minor, &err));
	CHECK(minor >= 40 && minor <= 47);
	OK(cm_docker_version(d, &version, &err));
	CHECK(cm_json_str(version, "Version", NULL) != NULL);
	OK(cm_docker_info(d, &info, &err));
	CHECK(cm_json_int(info, "NCPU", 0) > 0);
	OK(cm_docker_df(d, &df, &err));
	CHECK(cm_json_arr(df, "Images") != NULL);
	OK(cm_self_id(d, self, &err));
}

TEST(container__lives_its_life)
{
	ENGINE;
	struct cm_err err;
	char s[32];
	cm_autofree char *id = NULL, *other = NULL;
	cm_autojson struct json_object *o = NULL, *list = NULL, *top = NULL,
				       *limits = json("{\"Memory\":67108864,\"MemorySwap\":67108864}");
	cm_autojson struct json_object *sized = NULL, *shot = NULL;

	OK(create(d, RUNNING, &id, &err));
	CHECK_INT(strlen(id), 64);
	CHECK_INT(create(d, RUNNING, &other, &err), CM_EEXIST);
	CHECK(strstr(err.text, "already in use") != NULL);
	CHECK_STR(state(d, s), "created");
	OK(cm_container_start(d, name, &err));
	OK(cm_container_start(d, name, &err));
	CHECK_STR(state(d, s), "running");
	cm_autofree char *filter = cm_asprintf("{\"label\":[\"cmdock=%s\"]}", name);
	cm_autojson struct json_object *filters = json(filter);
	OK(cm_container_list(d, false, filters, &list, &err));
	CHECK_INT(cm_json_len(list), 1);
	CHECK_STR(cm_json_str(json_object_array_get_idx(list, 0), "Id", ""), id);
	OK(cm_container_top(d, id, "-o pid,args", &top, &err));
	CHECK(cm_json_len(cm_json_arr(top, "Processes")) >= 1);
	OK(cm_container_stats(d, id, true, &shot, &err));
	CHECK(cm_json_at(shot, "cpu_stats.cpu_usage.total_usage") != NULL);
	OK(cm_container_pause(d, name, &err));
	CHECK_STR(state(d, s), "paused");
	CHECK_INT(cm_container_pause(d, name, &err), CM_EBUSY);
	OK(cm_container_unpause(d, name, &err));
	OK(cm_container_update(d, name, limits, &err));
	OK(cm_container_inspect(d, id, true, &sized, &err));
	CHECK_INT(cm_json_int(cm_json_obj(sized, "HostConfig"), "Memory", 0), 67108864);
	CHECK(cm_json_int(sized, "SizeRootFs", -1) > 0);
	CHECK_INT(cm_container_remove(d, name, false, false, &err), CM_EINUSE);
	OK(cm_container_restart(d, name, 0, &err));
	OK(cm_container_stop(d, name, -1, &err));
	OK(cm_container_stop(d, name, 1, &err));
	CHECK_STR(state(d, s), "exited");
	CHECK_INT(cm_container_kill(d, name, "TERM", &err), CM_EBUSY);
	cm_autofree char *renamed = cm_asprintf("%s-b", name);
	OK(cm_container_rename(d, id, renamed, &err));
	OK(cm_container_rename(d, renamed, name, &err));
	OK(cm_container_remove(d, id, false, true, &err));
	CHECK_INT(cm_container_inspect(d, id, false, &o, &err), CM_ENOTFOUND);
	CHECK(strstr(err.text, "There is no container") != NULL);
}

TEST(container__that_does_not_exist)
{
	ENGINE;
	struct cm_err err;
	cm_autojson struct json_object *o = NULL;
	cm_autojson struct json_object *config = json("{\"Image\":\"cmdock-no-such-image:x\"}");
	cm_autofree char *id = NULL;

	CHECK_INT(cm_container_inspect(d, "cmdock-none", false, &o, &err), CM_ENOTFOUND);
	CHECK_STR(err.text, "There is no container cmdock-none on this Docker host.");
	CHECK_INT(cm_container_start(d, "cmdock-none", &err), CM_ENOTFOUND);
	CHECK_INT(cm_container_stop(d, "cmdock-none", 1, &err), CM_ENOTFOUND);
	CHECK_INT(cm_container_changes(d, "cmdock-none", &o, &err), CM_ENOTFOUND);
	CHECK_INT(cm_container_remove(d, "cmdock-none", true, true, &err), CM_ENOTFOUND);
	CHECK_INT(cm_container_create(d, NULL, config, &id, NULL, &err), CM_ENOTFOUND);
	CHECK_STR(err.text, "There is no image cmdock-no-such-image:x on this Docker host.");
	CHECK_INT(cm_container_inspect(d, "../images/json", false, &o, &err), CM_EINVAL);
	CHECK_INT(cm_container_create(d, "bad name", config, &id, NULL, &err), CM_EINVAL);
}

TEST(wait__sees_an_exit_that_comes_at_once)
{
	ENGINE;
	struct cm_err err;
	cm_autofree char *id = NULL;
	struct cm_container_wait *w = NULL;
	int code = -1;

	OK(create(d, "\"Cmd\":[\"sh\",\"-c\",\"exit 7\"]", &id, &err));
	OK(cm_container_wait_start(d, id, "next-exit", &w, &err));
	CHECK_INT(cm_container_wait_finish(w, 100, &code, &err), CM_ETIMEDOUT);
	OK(cm_container_start(d, id, &err));
	OK(cm_container_wait_finish(w, 10000, &code, &err));
	CHECK_INT(code, 7);
	cm_container_wait_free(w);
	CHECK_INT(cm_container_wait_start(d, "cmdock-none", "next-exit", &w, &err), CM_ENOTFOUND);
}

static int gather(void *ctx, int stream, const void *data, size_t len, struct cm_err *err)
{
	struct cm_buf *b = ctx;

	(void)err;
	cm_buf_add(&b[stream - 1], data, len);
	return 0;
}

TEST(logs__both_streams_and_a_terminals)
{
	ENGINE;
	struct cm_err err;
	cm_autofree char *id = NULL, *tty = NULL;
	struct cm_buf b[2] = { CM_BUF_INIT(1000), CM_BUF_INIT(1000) };
	struct cm_logs_spec spec = { .tail = -1, .follow = true };

	OK(create(d, "\"Cmd\":[\"sh\",\"-c\",\"echo one; echo two >&2; sleep 0.3; echo three\"]", &id, &err));
	OK(cm_container_start(d, id, &err));
	OK(cm_container_logs(d, id, &spec, gather, b, &err));
	CHECK_STR(b[0].data, "one\nthree\n");
	CHECK_STR(b[1].data, "two\n");
	cm_buf_reset(&b[0]);
	cm_buf_reset(&b[1]);
	spec = (struct cm_logs_spec){ .tail = 1, .no_stderr = true };
	OK(cm_container_logs(d, id, &spec, gather, b, &err));
	CHECK_STR(b[0].data, "three\n");
	CHECK_STR(b[1].data, "");
	OK(cm_container_remove(d, id, true, true, &err));
	cm_buf_reset(&b[0]);
	OK(create(d, "\"Tty\":true,\"Cmd\":[\"sh\",\"-c\",\"echo raw; echo two >&2\"]", &tty, &err));
	OK(cm_container_start(d, tty, &err));
	spec = (struct cm_logs_spec){ .tail = -1, .follow = true };
	OK(cm_container_logs(d, tty, &spec, gather, b, &err));
	CHECK_STR(b[0].data, "raw\r\ntwo\r\n");
	CHECK_INT(cm_container_logs(d, "cmdock-none", &spec, gather, b, &err), CM_ENOTFOUND);
	cm_buf_release(&b[0]);
	cm_buf_release(&b[1]);
}

static bool after_500(void *ctx)
{
	return cm_monotonic_ms() - *(int64_t *)ctx > 500;
}

TEST(logs__followed_until_cancelled)
{
	ENGINE;
	struct cm_err err;
	cm_autofree char *id = NULL;
	struct cm_buf b[2] = { CM_BUF_INIT(1000), CM_BUF_INIT(1000) };
	struct cm_logs_spec spec = { .tail = -1, .follow = true };

	OK(create(d, RUNNING, &id, &err));
	OK(cm_container_start(d, id, &err));
	int64_t start = cm_monotonic_ms();
	cm_docker_set_cancel(d, after_500, &start);
	int r = cm_container_logs(d, id, &spec, gather, b, &err);
	cm_docker_set_cancel(d, NULL, NULL);
	CHECK_INT(r, CM_ECANCELLED);
	CHECK(cm_monotonic_ms() - start < 1200);
}

TEST(exec__output_exit_code_user_folder_environment)
{
	ENGINE;
	struct cm_err err;
	cm_autofree char *id = NULL;
	struct cm_exec_result r = { .exit_code = -1 };
	const char *const env[] = { "A=b c", NULL };
	const char *const argv[] = { "sh", "-c", "echo \"$A $(id -u) $(pwd)\"; echo no >&2; exit 3", NULL };
	const char *const none[] = { "cmdock-no-such-program", NULL };
	const char *const many[] = { "sh", "-c", "yes | head -c 3000000; echo end >&2", NULL };
	const char *const slow[] = { "sleep", "5", NULL };
	struct cm_exec_spec spec = { .argv = argv, .user = "1000:1000", .workdir = "/tmp", .env = env };

	OK(create(d, RUNNING, &id, &err));
	CHECK_INT(cm_container_exec_run(d, id, &spec, &r, &err), CM_EBUSY);
	OK(cm_container_start(d, id, &err));
	OK(cm_container_exec_run(d, id, &spec, &r, &err));
	CHECK_INT(r.exit_code, 3);
	CHECK_STR(r.out, "b c 1000 /tmp\n");
	CHECK_STR(r.errs, "no\n");
	CHECK(!r.cut);
	cm_exec_result_release(&r);
	spec = (struct cm_exec_spec){ .argv = none };
	OK(cm_container_exec_run(d, id, &spec, &r, &err));
	CHECK(r.exit_code == 126 || r.exit_code == 127);
	cm_exec_result_release(&r);
	spec = (struct cm_exec_spec){ .argv = many };
	OK(cm_container_exec_run(d, id, &spec, &r, &err));
	CHECK_INT(r.exit_code, 0);
	CHECK_INT(r.out_len, 1 << 20);
	CHECK(r.cut);
	CHECK_STR(r.errs, "end\n");
	cm_exec_result_release(&r);
	spec = (struct cm_exec_spec){ .argv = slow, .timeout_ms = 500 };
	int64_t start = cm_monotonic_ms();
	CHECK_INT(cm_container_exec_run(d, id, &spec, &r, &err), CM_ETIMEDOUT);
	CHECK(cm_monotonic_ms() - start < 2000);
	OK(cm_container_pause(d, id, &err));
	spec = (struct cm_exec_spec){ .argv = argv };
	CHECK_INT(cm_container_exec_run(d, id, &spec, &r, &err), CM_EBUSY);
	OK(cm_container_unpause(d, id, &err));
}

TEST(exec__a_terminal_to_talk_to)
{
	ENGINE;
	struct cm_err err;
	cm_autofree char *id = NULL, *exec_id = NULL;
	struct cm_docker_conn *c = NULL;
	const char *const argv[] = { "sh", NULL };
	struct cm_exec_spec spec = { .argv = argv, .tty = true, .stdin_open = true };
	cm_autobuf struct cm_buf out = CM_BUF_INIT(100000);
	int code = 0;
	size_t n = 1;

	OK(create(d, RUNNING, &id, &err));
	OK(cm_container_start(d, id, &err));
	OK(cm_container_exec_open(d, id, &spec, &exec_id, &c, &err));
	OK(cm_container_exec_resize(d, exec_id, 33, 111, &err));
	OK(cm_container_exec_exit(d, exec_id, &code, &err));
	CHECK_INT(code, -1);
	OK(cm_docker_conn_write(c, "stty size; exit 9\n", 18, 1000, &err));
	while (n > 0 && out.len < 50000) {
		char part[1000];
		OK(cm_docker_conn_read(c, part, sizeof(part), 5000, &n, &err));
		cm_buf_add(&out, part, n);
	}
	CHECK(strstr(out.data, "33 111") != NULL);
	cm_docker_conn_free(c);
	for (int i = 0; i < 50 && code < 0; i++) {
		OK(cm_container_exec_exit(d, exec_id, &code, &err));
		usleep(20000);
	}
	CHECK_INT(code, 9);
}

/* Both directions at once, and the end of stdin alone: over TLS as well. */
TEST(exec__much_in_and_out)
{
	ENGINE;
	struct cm_err err;
	cm_autofree char *id = NULL, *exec_id = NULL;
	struct cm_docker_conn *c = NULL;
	const char *const argv[] = { "md5sum", NULL };
	struct cm_exec_spec spec = { .argv = argv, .stdin_open = true };
	cm_autofree char *zeros = cm_alloc(1 << 20);
	cm_autobuf struct cm_buf out = CM_BUF_INIT(100000);
	size_t n = 1;

	OK(create(d, RUNNING, &id, &err));
	OK(cm_container_start(d, id, &err));
	OK(cm_container_exec_open(d, id, &spec, &exec_id, &c, &err));
	for (int i = 0; i < 16; i++)
		OK(cm_docker_conn_write(c, zeros, 1 << 20, 5000, &err));
	OK(cm_docker_conn_close_write(c, &err));
	while (n > 0 && out.len < 50000) {
		char part[1000];
		OK(cm_docker_conn_read(c, part, sizeof(part), 10000, &n, &err));
		cm_buf_add(&out, part, n);
	}
	/* md5 of 16 MiB of zeros, after the 8 bytes of the frame */
	CHECK(out.len > 40 && memcmp(out.data + 8, "2c7ab85a893283e98c931e9511add182", 32) == 0);
	cm_docker_conn_free(c);
}

struct memory {
	const char *data;
	size_t len, at;
};

static int from_memory(void *ctx, void *data, size_t cap, size_t *ret_len, struct cm_err *err)
{
	struct memory *m = ctx;
	size_t n = m->len - m->at < cap ? m->len - m->at : cap;

	(void)err;
	memcpy(data, m->data + m->at, n);
	m->at += n;
	*ret_len = n;
	return 0;
}

static int to_buf(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	cm_buf_add(ctx, data, len);
	return cm_buf_failed(ctx) ? cm_err_set(err, CM_ETOOBIG, "Too much.") : 0;
}

TEST(archive__out_and_in_again)
{
	ENGINE;
	struct cm_err err;
	cm_autofree char *id = NULL;
	cm_autobuf struct cm_buf tar = CM_BUF_INIT(1 << 20), whole = CM_BUF_INIT(64 << 20);
	cm_autojson struct json_object *st = NULL, *changes = NULL, *none = NULL;

	OK(create(d, "\"Cmd\":[\"sh\",\"-c\",\"echo hello > /a.txt; rm /etc/group\"]", &id, &err));
	OK(cm_container_changes(d, id, &none, &err));
	CHECK_INT(cm_json_len(none), 0);
	OK(cm_container_start(d, id, &err));
	struct cm_container_wait *w = NULL;
	int code;
	OK(cm_container_wait_start(d, id, "not-running", &w, &err));
	OK(cm_container_wait_finish(w, 10000, &code, &err));
	cm_container_wait_free(w);
	OK(cm_container_changes(d, id, &changes, &err));
	CHECK(cm_json_len(changes) >= 1);
	OK(cm_container_archive_stat(d, id, "/a.txt", &st, &err));
	CHECK_STR(cm_json_str(st, "name", ""), "a.txt");
	CHECK_INT(cm_json_int(st, "size", -1), 6);
	CHECK_INT(cm_container_archive_stat(d, id, "/nothing", &none, &err), CM_ENOTFOUND);
	CHECK_INT(cm_container_archive_get(d, id, "/nothing", to_buf, &tar, &err), CM_ENOTFOUND);
	OK(cm_container_archive_get(d, id, "/a.txt", to_buf, &tar, &err));
	CHECK_STR(tar.data, "a.txt");
	CHECK(memcmp(tar.data + 512, "hello\n", 6) == 0);
	struct memory m = { .data = tar.data, .len = tar.len };
	OK(cm_container_archive_put(d, id, "/tmp", from_memory, &m, &err));
	json_object_put(cm_move(&st));
	OK(cm_container_archive_stat(d, id, "/tmp/a.txt", &st, &err));
	m = (struct memory){ .data = tar.data, .len = tar.len };
	CHECK_INT(cm_container_archive_put(d, id, "/nothing", from_memory, &m, &err), CM_ENOTFOUND);
	m = (struct memory){ .data = tar.data, .len = 514 };
	CHECK(cm_container_archive_put(d, id, "/tmp", from_memory, &m, &err) < 0);
	OK(cm_container_export(d, id, to_buf, &whole, &err));
	CHECK(whole.len > (1 << 20) && memmem(whole.data, whole.len, "a.txt", 5) != NULL);
}

/* More than the engine reads before it refuses. */
static int zeros(void *ctx, void *data, size_t cap, size_t *ret_len, struct cm_err *err)
{
	(void)err;
	memset(data, 0, cap);
	*(size_t *)ctx += cap;
	*ret_len = *(size_t *)ctx > (256 << 20) ? 0 : cap;
	return 0;
}

TEST(archive__refused_while_it_is_sent)
{
	ENGINE;
	struct cm_err err;
	size_t sent = 0;

	CHECK_INT(cm_container_archive_put(d, "cmdock-none", "/tmp", zeros, &sent, &err), CM_ENOTFOUND);
	CHECK_STR(err.text, "There is no container cmdock-none on this Docker host.");
}

TEST(image__save_load_tag_remove)
{
	ENGINE;
	struct cm_err err;
	cm_autojson struct json_object *o = NULL, *names = NULL, *list = NULL, *history = NULL, *gone = NULL,
				       *none = NULL;
	cm_autobuf struct cm_buf tar = CM_BUF_INIT(64 << 20);

	OK(cm_image_inspect(d, IMAGE, &o, &err));
	OK(cm_image_history(d, IMAGE, &history, &err));
	CHECK(cm_json_len(history) >= 1);
	OK(cm_image_tag(d, IMAGE, name, "x", &err));
	cm_autofree char *tag = cm_asprintf("%s:x", name);
	OK(cm_image_save(d, tag, to_buf, &tar, &err));
	CHECK(tar.len > (1 << 20));
	OK(cm_image_remove(d, tag, false, false, &gone, &err));
	CHECK(cm_json_len(gone) >= 1);
	CHECK_INT(cm_image_inspect(d, tag, &none, &err), CM_ENOTFOUND);
	struct memory m = { .data = tar.data, .len = tar.len };
	OK(cm_image_load(d, from_memory, &m, &names, &err));
	CHECK_STR(json_object_get_string(json_object_array_get_idx(names, 0)), tag);
	OK(cm_image_list(d, false, NULL, &list, &err));
	CHECK(cm_json_len(list) >= 1);
	OK(cm_image_remove(d, tag, false, false, NULL, &err));
	m = (struct memory){ .data = "this is no tar at all, but long enough to be looked at", .len = 54 };
	json_object_put(cm_move(&names));
	CHECK_INT(cm_image_load(d, from_memory, &m, &names, &err), CM_EUPSTREAM);
	m = (struct memory){ .data = tar.data, .len = tar.len / 2 };
	CHECK(cm_image_load(d, from_memory, &m, &names, &err) < 0);
	CHECK_INT(cm_image_save(d, "cmdock-none:x", to_buf, &tar, &err), CM_ENOTFOUND);
	CHECK(cm_image_pull(d, "127.0.0.1:1/cmdock-none:x", NULL, NULL, NULL, NULL, &err) < 0);
}

TEST(image__import_and_in_use)
{
	ENGINE;
	struct cm_err err;
	cm_autofree char *id = NULL, *container = NULL;
	char tar[1024 + 512] = { 0 };
	const char *const changes[] = { "ENTRYPOINT [\"/x\"]", "LABEL a=b", NULL };
	cm_autojson struct json_object *o = NULL, *config = NULL;

	struct memory m = { .data = tar, .len = sizeof(tar) };
	OK(cm_image_import(d, name, "i", changes, from_memory, &m, &id, &err));
	CHECK(strncmp(id, "sha256:", 7) == 0);
	OK(cm_image_inspect(d, id, &o, &err));
	CHECK_STR(cm_json_str_at(o, "Config.Labels.a", ""), "b");
	cm_autofree char *text = cm_asprintf("{\"Image\":\"%s:i\"}", name);
	config = json(text);
	OK(cm_container_create(d, name, config, &container, NULL, &err));
	cm_autofree char *tag = cm_asprintf("%s:i", name);
	CHECK_INT(cm_image_remove(d, tag, false, false, NULL, &err), CM_EINUSE);
	OK(cm_container_remove(d, name, true, true, &err));
	OK(cm_image_remove(d, tag, false, false, NULL, &err));
}

TEST(volume__made_used_removed)
{
	ENGINE;
	struct cm_err err;
	cm_autojson struct json_object *o = NULL, *list = NULL, *again = NULL;
	cm_autofree char *text = cm_asprintf("{\"Name\":\"%s\",\"Labels\":{\"a\":\"b\"}}", name);
	cm_autojson struct json_object *config = json(text);
	cm_autofree char *id = NULL;

	OK(cm_volume_create(d, config, &o, &err));
	CHECK_STR(cm_json_str(o, "Name", ""), name);
	CHECK_INT(cm_volume_create(d, config, &again, &err), CM_EEXIST);
	OK(cm_volume_list(d, NULL, &list, &err));
	CHECK(cm_json_len(list) >= 1);
	cm_autofree char *mount = cm_asprintf("\"HostConfig\":{\"Binds\":[\"%s:/data\"]},\"Cmd\":[\"true\"]", name);
	OK(create(d, mount, &id, &err));
	CHECK_INT(cm_volume_remove(d, name, false, &err), CM_EINUSE);
	OK(cm_container_remove(d, name, true, true, &err));
	OK(cm_volume_remove(d, name, false, &err));
	CHECK_INT(cm_volume_remove(d, name, false, &err), CM_ENOTFOUND);
	CHECK_INT(cm_volume_inspect(d, name, &again, &err), CM_ENOTFOUND);
}

TEST(network__made_connected_removed)
{
	ENGINE;
	struct cm_err err;
	cm_autojson struct json_object *o = NULL, *list = NULL;
	cm_autofree char *text = cm_asprintf("{\"Name\":\"%s\"}", name);
	cm_autojson struct json_object *config = json(text);
	cm_autofree char *id = NULL, *second = NULL, *container = NULL;

	OK(cm_network_create(d, config, &id, &err));
	CHECK_INT(cm_network_create(d, config, &second, &err), CM_EEXIST);
	OK(create(d, RUNNING, &container, &err));
	OK(cm_container_start(d, name, &err));
	OK(cm_network_connect(d, name, container, NULL, &err));
	CHECK_INT(cm_network_connect(d, name, container, NULL, &err), CM_EEXIST);
	OK(cm_network_inspect(d, name, &o, &err));
	CHECK_INT(json_object_object_length(cm_json_obj(o, "Containers")), 1);
	CHECK_INT(cm_network_remove(d, name, &err), CM_EINUSE);
	OK(cm_network_disconnect(d, name, container, true, &err));
	CHECK(cm_network_disconnect(d, name, container, false, &err) < 0);
	OK(cm_network_list(d, NULL, &list, &err));
	CHECK(cm_json_len(list) >= 3);
	OK(cm_network_remove(d, id, &err));
	CHECK_INT(cm_network_remove(d, name, &err), CM_ENOTFOUND);
}

static int actions(void *ctx, struct json_object *o, struct cm_err *err)
{
	(void)err;
	cm_buf_printf(ctx, "%s,", cm_json_str(o, "Action", ""));
	return 0;
}

TEST(events__of_a_container)
{
	ENGINE;
	struct cm_err err;
	cm_autofree char *id = NULL;
	cm_autobuf struct cm_buf seen = CM_BUF_INIT(1000);
	cm_autofree char *text = cm_asprintf("{\"type\":[\"container\"],\"container\":[\"%s\"]}", name);
	cm_autojson struct json_object *filters = json(text);
	int64_t start = cm_now_ms();

	OK(create(d, "\"Cmd\":[\"true\"]", &id, &err));
	OK(cm_container_remove(d, id, true, true, &err));
	struct cm_events_spec spec = { .since_ms = start, .until_ms = cm_now_ms() + 1, .filters = filters };
	OK(cm_events_run(d, &spec, actions, &seen, &err));
	CHECK_STR(seen.data, "create,destroy,");
}

/* The sockets that this process has open, each with its number that no other socket of this boot has. */
static void sockets(struct cm_buf *out)
{
	DIR *dir = opendir("/proc/self/fd");

	CHECK(dir != NULL);
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		char target[64];
		ssize_t len = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);

		if (len > 0 && strncmp(target, "socket:", 7) == 0)
			cm_buf_printf(out, "%s %.*s,", e->d_name, (int)len, target);
	}
	closedir(dir);
}

TEST(calls__keep_their_connection)
{
	ENGINE;
	struct cm_err err;
	cm_autobuf struct cm_buf before = CM_BUF_INIT(4096), after = CM_BUF_INIT(4096);

	OK(cm_docker_ping(d, &err));
	sockets(&before);
	for (int i = 0; i < 100; i++) {
		cm_autojson struct json_object *o = NULL;
		OK(cm_docker_version(d, &o, &err));
	}
	sockets(&after);
	CHECK(strstr(before.data, "socket:") != NULL);
	CHECK_STR(after.data, before.data);
}
