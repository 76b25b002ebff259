/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Helper containers on a real engine, with a small program of the tests (CM_TEST_PROBE) in the place of the real one.
 * Run by docker_client.test.mjs.
 */
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/mem.h"
#include "docker/container.h"
#include "docker/helper.h"
#include "docker/image.h"
#include "docker/self.h"
#include "docker/volume.h"
#include "service/helper_peer.h"

#define OK(call)                                                                                \
	do {                                                                                    \
		int ok_ = (call);                                                               \
		if (ok_ != 0)                                                                   \
			printf("# %s:%d: %s | %s\n", __FILE__, __LINE__, err.text, err.detail); \
		CHECK_INT(ok_, 0);                                                              \
	} while (0)

static char volume[64], dir[128], instance[32];
static struct cm_buf elf = CM_BUF_INIT(64 << 20);

__attribute__((constructor)) static void begin(void)
{
	signal(SIGPIPE, SIG_IGN);
	snprintf(volume, sizeof(volume), "cmdock-helper-%ld", (long)getpid());
	snprintf(instance, sizeof(instance), "cmdock%ld", (long)getpid());
	snprintf(dir, sizeof(dir), "%s/cm-helper-XXXXXX", getenv("CM_TEST_DIR") ? getenv("CM_TEST_DIR") : "/tmp");
	if (mkdtemp(dir) == NULL || getenv("CM_TEST_PROBE") == NULL ||
	    cm_file_read(getenv("CM_TEST_PROBE"), &elf, NULL) != 0)
		abort();
}

__attribute__((destructor)) static void end(void)
{
	rmdir(dir);
	cm_buf_release(&elf);
}

static struct cm_docker *enter(void)
{
	struct cm_docker_config config = { .host = getenv("DOCKER_HOST"),
					   .tls = getenv("DOCKER_TLS_VERIFY") != NULL,
					   .cert_path = getenv("DOCKER_CERT_PATH") };
	struct cm_docker *d = NULL;
	cm_autojson struct json_object *o = json_object_new_object();

	if (cm_docker_new(&config, &d, NULL) != 0)
		abort();
	cm_json_set_str(o, "Name", volume);
	cm_volume_create(d, o, NULL, NULL);
	return d;
}

/* However a test ends: no helper of ours, no volume, no socket may be left. */
static void leave(struct cm_docker **d)
{
	cm_autojson struct json_object *list = NULL;
	cm_autofree char *text = cm_asprintf("{\"label\":[\"" CM_HELPER_LABEL_INSTANCE "=%s\"]}", instance);
	cm_autojson struct json_object *filters = NULL;

	cm_json_parse(text, strlen(text), &filters, NULL);
	if (cm_container_list(*d, true, filters, &list, NULL) == 0 && cm_json_len(list) > 0) {
		printf("# a helper container is left\n");
		cm_test_failed = 1;
		for (size_t i = 0; i < cm_json_len(list); i++)
			cm_container_remove(*d, cm_json_str(json_object_array_get_idx(list, i), "Id", ""), true, true,
					    NULL);
	}
	cm_volume_remove(*d, volume, true, NULL);
	cm_docker_free(*d);
	if (rmdir(dir) != 0) {
		printf("# something is left in %s\n", dir);
		cm_test_failed = 1;
	}
	mkdir(dir, 0700);
}

#define ENGINE struct cm_docker *d __attribute__((cleanup(leave))) = enter()

/* Both transports where the engine is local, attach alone where it is not. */
static int transports(struct cm_docker *d)
{
	return cm_docker_is_local(d) ? 2 : 1;
}

static int start(struct cm_docker *d, int transport, enum cm_helper_privileges privileges, bool read_only,
		 int64_t memory, struct cm_helper **ret, struct cm_err *err)
{
	cm_autofree char *ref = NULL;
	struct cm_helper_shared shared;
	struct cm_helper_mount mounts[] = {
		{ .source = volume, .target = "/data", .is_volume = true, .read_only = read_only },
		{ .source = "/etc/hostname", .target = "/bind/name", .read_only = true },
	};
	struct cm_helper_spec spec = { .instance = instance,
				       .job = "j1",
				       .mounts = mounts,
				       .mount_count = 2,
				       .privileges = privileges,
				       .memory = memory,
				       .socket_dir = dir,
				       .shared = transport == 2 ? &shared : NULL,
				       .idle_ms = 5000 };
	int r = cm_helper_image_ensure(d, elf.data, elf.len, &ref, err);
	if (r == 0 && transport == 2)
		r = cm_helper_shared_find(d, dir, &shared, err);
	spec.image_ref = ref;
	if (r == 0)
		r = cm_helper_start(d, &spec, ret, err);
	if (r == 0 && cm_helper_is_socket(*ret) != (transport == 2 && privileges != CM_HELPER_NONE)) {
		printf("# not the transport that was meant\n");
		cm_helper_abort(*ret);
		return -1000;
	}
	return r;
}

static int tell(struct cm_helper *h, char command, const void *data, size_t len, struct cm_err *err)
{
	char head[5] = { command };
	uint32_t n = (uint32_t)len;

	memcpy(head + 1, &n, 4);
	int r = cm_helper_send(h, head, 5, err);
	return r == 0 ? cm_helper_send(h, data, len, err) : r;
}

static int file(struct cm_helper *h, const char *path, char *dst, size_t size, int32_t *ret_len, struct cm_err *err)
{
	int r = tell(h, 'r', path, strlen(path), err);
	if (r == 0)
		r = cm_helper_read(h, ret_len, 4, 0, err);
	if (r == 0 && *ret_len > 0 && (size_t)*ret_len < size) {
		r = cm_helper_read(h, dst, (size_t)*ret_len, 0, err);
		dst[*ret_len] = '\0';
	}
	return r;
}

/* CM_TEST_SHARED says what the runner has arranged: "path" or "volume" with CM_TEST_SOURCE, or "none". */
TEST(shared__is_found)
{
	ENGINE;
	struct cm_err err;
	struct cm_helper_shared s;
	char self[65];
	const char *kind = getenv("CM_TEST_SHARED"), *source = getenv("CM_TEST_SOURCE");

	OK(cm_self_id(d, self, &err));
	OK(cm_helper_shared_find(d, dir, &s, &err));
	if (kind == NULL) {
		CHECK_STR(self, "");
		CHECK_INT(s.kind, cm_docker_is_local(d) ? CM_HELPER_SHARED_PATH : CM_HELPER_SHARED_NONE);
		return;
	}
	CHECK_INT(strlen(self), 64);
	const char *rest = dir + strlen(getenv("CM_TEST_DIR"));
	if (strcmp(kind, "volume") == 0) {
		CHECK_INT(s.kind, CM_HELPER_SHARED_VOLUME);
		CHECK_STR(s.source, source);
		CHECK_STR(s.subpath, rest + 1);
	} else if (strcmp(kind, "path") == 0) {
		cm_autofree char *want = cm_asprintf("%s%s", source, rest);
		CHECK_INT(s.kind, CM_HELPER_SHARED_PATH);
		CHECK_STR(s.source, want);
	} else {
		CHECK_INT(s.kind, CM_HELPER_SHARED_NONE);
	}
}

TEST(helper__round_trip)
{
	ENGINE;
	struct cm_err err;

	for (int t = 1; t <= transports(d); t++) {
		int64_t best = INT64_MAX;
		for (int i = 0; i < 5; i++) {
			struct cm_helper *h = NULL;
			char back[6] = "";
			int code = -1;
			cm_autofree char *words = NULL;
			int64_t begin_ms = cm_monotonic_ms();
			OK(start(d, t, CM_HELPER_READ, true, 0, &h, &err));
			int r = tell(h, 'e', "hello", 5, &err);
			if (r == 0)
				r = cm_helper_read(h, back, 5, 0, &err);
			if (r == 0)
				r = tell(h, 't', "some\nwords", 10, &err);
			if (r == 0)
				r = tell(h, 'x', "\7", 1, &err);
			if (r == 0)
				r = cm_helper_finish(h, &code, &words, &err);
			OK(r);
			CHECK_STR(back, "hello");
			CHECK_INT(code, 7);
			CHECK(strstr(words, "some") && strstr(words, "words"));
			int64_t took = cm_monotonic_ms() - begin_ms;
			best = took < best ? took : best;
		}
		printf("# a whole helper by %s: %lld ms\n", t == 2 ? "socket" : "attach", (long long)best);
	}
}

TEST(helper__has_the_rights_it_needs_and_no_more)
{
	static const struct {
		enum cm_helper_privileges p;
		const char *caps;
		int write_errno;
	} table[] = {
		{ CM_HELPER_NONE, "CapEff:\t0000000000000000", EROFS },
		{ CM_HELPER_READ, "CapEff:\t0000000000000004", EROFS },
		/* CHOWN 0, DAC_OVERRIDE 1, FOWNER 3, FSETID 4, LINUX_IMMUTABLE 9, MKNOD 27, SETFCAP 31 */
		{ CM_HELPER_WRITE, "CapEff:\t000000008800021b", 0 },
	};
	ENGINE;
	struct cm_err err;

	for (size_t i = 0; i < CM_COUNT(table); i++) {
		struct cm_helper *h = NULL;
		char text[8192] = "";
		int32_t len = 0, e1 = 0, e2 = 0;
		OK(start(d, transports(d), table[i].p, table[i].p != CM_HELPER_WRITE, 0, &h, &err));
		int r = file(h, "/proc/self/status", text, sizeof(text), &len, &err);
		if (r == 0)
			r = tell(h, 'w', "/data/file", 10, &err);
		if (r == 0)
			r = cm_helper_read(h, &e1, 4, 0, &err);
		if (r == 0)
			r = tell(h, 'w', "/file", 5, &err);
		if (r == 0)
			r = cm_helper_read(h, &e2, 4, 0, &err);
		char devices[4096] = "";
		if (r == 0)
			r = file(h, "/proc/net/dev", devices, sizeof(devices), &len, &err);
		cm_helper_abort(h);
		OK(r);
		CHECK(strstr(text, table[i].caps) != NULL);
		CHECK(strstr(text, "NoNewPrivs:\t1") != NULL);
		CHECK_INT(e1, table[i].write_errno);
		CHECK_INT(e2, EROFS);
		CHECK(strstr(devices, "lo:") != NULL && strstr(devices, "eth0") == NULL);
	}
}

TEST(helper__reads_volume_and_bind)
{
	ENGINE;
	struct cm_err err;
	struct cm_helper *h = NULL;
	char text[256] = "";
	int32_t len = 0, e = 0;

	OK(start(d, transports(d), CM_HELPER_WRITE, false, 0, &h, &err));
	int r = tell(h, 'w', "/data/secret", 12, &err);
	if (r == 0)
		r = cm_helper_read(h, &e, 4, 0, &err);
	cm_helper_abort(h);
	OK(r);
	CHECK_INT(e, 0);
	OK(start(d, transports(d), CM_HELPER_READ, true, 0, &h, &err));
	r = file(h, "/data/secret", text, sizeof(text), &len, &err);
	if (r == 0)
		r = file(h, "/bind/name", text + 100, 100, &len, &err);
	cm_helper_abort(h);
	OK(r);
	CHECK_STR(text, "x");
	CHECK(strlen(text + 100) > 0);
}

/* Both sides send more than fits between them. */
TEST(helper__much_both_ways)
{
	enum { MUCH = 3 << 20 };
	ENGINE;
	struct cm_err err;

	for (int t = 1; t <= transports(d); t++) {
		struct cm_helper *h = NULL;
		cm_autofree char *data = cm_alloc(MUCH), *back = cm_alloc(MUCH);
		for (size_t i = 0; i < MUCH; i++)
			data[i] = (char)(i * 31 + i / 4096);
		OK(start(d, t, CM_HELPER_READ, true, 0, &h, &err));
		int r = tell(h, 'e', data, MUCH, &err);
		if (r == 0)
			r = cm_helper_read(h, back, MUCH, 0, &err);
		bool readable = cm_helper_readable(h);
		cm_helper_abort(h);
		OK(r);
		CHECK(memcmp(data, back, MUCH) == 0);
		CHECK(!readable);
	}
}

TEST(helper__fast_enough)
{
	enum { MUCH = 256 << 20 };
	ENGINE;
	struct cm_err err;

	for (int t = 1; t <= transports(d); t++) {
		struct cm_helper *h = NULL;
		cm_autofree char *part = cm_alloc(1 << 20);
		OK(start(d, t, CM_HELPER_READ, true, 0, &h, &err));
		int64_t begin_ms = cm_monotonic_ms();
		int r = tell(h, 'z', "268435456", 9, &err);
		for (int i = 0; r == 0 && i < MUCH >> 20; i++)
			r = cm_helper_read(h, part, 1 << 20, 0, &err);
		int64_t took = cm_monotonic_ms() - begin_ms;
		cm_helper_abort(h);
		OK(r);
		printf("# %s: %lld MB/s\n", t == 2 ? "socket" : "attach", (long long)(268435 / (took > 0 ? took : 1)));
		CHECK(took < 20000);
	}
}

TEST(helper__that_dies_is_an_error_with_its_last_words)
{
	ENGINE;
	struct cm_err err;

	for (int t = 1; t <= transports(d); t++) {
		struct cm_helper *h = NULL;
		char c;
		cm_autofree char *zeros = cm_alloc(1 << 20);
		OK(start(d, t, CM_HELPER_READ, true, 0, &h, &err));
		int r = tell(h, 't', "I give up", 9, &err);
		if (r == 0)
			r = tell(h, 'x', "\1", 1, &err);
		CHECK_INT(r, 0);
		int64_t begin_ms = cm_monotonic_ms();
		CHECK_INT(cm_helper_read(h, &c, 1, 0, &err), CM_EUPSTREAM);
		CHECK(strstr(err.text, "I give up") != NULL);
		CHECK(cm_monotonic_ms() - begin_ms < 3000);
		for (int i = 0; r == 0 && i < 100; i++)
			r = cm_helper_send(h, zeros, 1 << 20, &err);
		cm_helper_abort(h);
		CHECK_INT(r, CM_EUPSTREAM);
	}
}

TEST(helper__silence_has_a_limit)
{
	ENGINE;
	struct cm_err err;

	for (int t = 1; t <= transports(d); t++) {
		struct cm_helper *h = NULL;
		char c;
		OK(start(d, t, CM_HELPER_READ, true, 0, &h, &err));
		int r = tell(h, 's', "", 0, &err);
		int64_t begin_ms = cm_monotonic_ms();
		int silent = cm_helper_read(h, &c, 1, 500, &err);
		int64_t took = cm_monotonic_ms() - begin_ms;
		begin_ms = cm_monotonic_ms();
		cm_helper_abort(h);
		int64_t abort_took = cm_monotonic_ms() - begin_ms;
		CHECK_INT(r, 0);
		CHECK_INT(silent, CM_ETIMEDOUT);
		CHECK(took >= 500 && took < 1500);
		printf("# abort by %s: %lld ms\n", t == 2 ? "socket" : "attach", (long long)abort_took);
		CHECK(abort_took < 3000);
	}
}

static bool after_500(void *ctx)
{
	return cm_monotonic_ms() - *(int64_t *)ctx > 500;
}

TEST(helper__can_be_cancelled)
{
	ENGINE;
	struct cm_err err;

	for (int t = 1; t <= transports(d); t++) {
		struct cm_helper *h = NULL;
		char c;
		OK(start(d, t, CM_HELPER_READ, true, 0, &h, &err));
		int64_t begin_ms = cm_monotonic_ms();
		cm_docker_set_cancel(d, after_500, &begin_ms);
		int r = cm_helper_read(h, &c, 1, 60000, &err);
		int64_t took = cm_monotonic_ms() - begin_ms;
		cm_helper_abort(h);
		cm_docker_set_cancel(d, NULL, NULL);
		CHECK_INT(r, CM_ECANCELLED);
		CHECK(took < 1500);
	}
}

TEST(helper__out_of_memory_says_so)
{
	ENGINE;
	struct cm_err err;
	struct cm_helper *h = NULL;
	int code = 0;
	cm_autofree char *words = NULL;

	OK(start(d, 1, CM_HELPER_READ, true, 16 << 20, &h, &err));
	OK(tell(h, 'm', "", 0, &err));
	OK(cm_helper_finish(h, &code, &words, &err));
	CHECK_INT(code, 137);
	CHECK(strstr(words, "ran out of memory") != NULL);
}

TEST(helper__a_volume_that_is_not_there_is_not_made)
{
	ENGINE;
	struct cm_err err;
	struct cm_helper *h = NULL;
	cm_autofree char *ref = NULL;
	cm_autojson struct json_object *o = NULL;
	struct cm_helper_mount mount = { .source = "cmdock-no-volume", .target = "/data", .is_volume = true };

	OK(cm_helper_image_ensure(d, elf.data, elf.len, &ref, &err));
	struct cm_helper_spec spec = { .image_ref = ref, .instance = instance, .mounts = &mount, .mount_count = 1 };
	CHECK_INT(cm_helper_start(d, &spec, &h, &err), CM_ENOTFOUND);
	CHECK_STR(err.text, "There is no volume cmdock-no-volume on this Docker host.");
	CHECK_INT(cm_volume_inspect(d, "cmdock-no-volume", &o, &err), CM_ENOTFOUND);
	mount = (struct cm_helper_mount){ .source = "/no/such/folder", .target = "/data" };
	CHECK(cm_helper_start(d, &spec, &h, &err) < 0);
	CHECK(strstr(err.text, "/no/such/folder") != NULL);
}

/* We think that the engine's host sees our folder, but it does not: attach takes over, then and the next time. */
TEST(helper__falls_back_to_attach)
{
	ENGINE;
	struct cm_err err;
	cm_autofree char *ref = NULL;
	struct cm_helper_shared wrong = { .kind = CM_HELPER_SHARED_PATH, .source = "/no/such/folder" };

	OK(cm_helper_image_ensure(d, elf.data, elf.len, &ref, &err));
	struct cm_helper_spec spec = { .image_ref = ref,
				       .instance = instance,
				       .privileges = CM_HELPER_READ,
				       .socket_dir = dir,
				       .shared = &wrong };
	for (int i = 0; i < 2; i++) {
		struct cm_helper *h = NULL;
		char back[3] = "";
		OK(cm_helper_start(d, &spec, &h, &err));
		bool socket = cm_helper_is_socket(h);
		int r = tell(h, 'e', "ab", 2, &err);
		if (r == 0)
			r = cm_helper_read(h, back, 2, 0, &err);
		cm_helper_abort(h);
		OK(r);
		CHECK(!socket);
		CHECK_STR(back, "ab");
	}
}

TEST(helper__through_a_volume)
{
	ENGINE;
	struct cm_err err;
	cm_autofree char *ref = NULL;
	cm_autojson struct json_object *o = NULL;
	struct cm_helper *h = NULL;
	char back[3] = "";

	if (!cm_docker_is_local(d))
		return;
	OK(cm_helper_image_ensure(d, elf.data, elf.len, &ref, &err));
	OK(cm_volume_inspect(d, volume, &o, &err));
	cm_autofree char *inside = cm_asprintf("%s/a", cm_json_str(o, "Mountpoint", ""));
	cm_autofree char *deeper = cm_asprintf("%s/b", inside);
	struct cm_helper_shared shared = { .kind = CM_HELPER_SHARED_VOLUME, .subpath = "a/b" };
	snprintf(shared.source, sizeof(shared.source), "%s", volume);
	if (mkdir(inside, 0700) != 0 || mkdir(deeper, 0700) != 0) {
		printf("# the volume's folder is not ours\n");
		return;
	}
	struct cm_helper_spec spec = { .image_ref = ref,
				       .instance = instance,
				       .privileges = CM_HELPER_READ,
				       .socket_dir = deeper,
				       .shared = &shared };
	OK(cm_helper_start(d, &spec, &h, &err));
	bool socket = cm_helper_is_socket(h);
	int r = tell(h, 'e', "ab", 2, &err);
	if (r == 0)
		r = cm_helper_read(h, back, 2, 0, &err);
	cm_helper_abort(h);
	OK(r);
	CHECK(socket);
	CHECK_STR(back, "ab");
}

/* The real program (CM_TEST_HELPER), asked how much lies in a volume. */
TEST(helper__the_real_program_answers)
{
	ENGINE;
	struct cm_err err;
	cm_autobuf struct cm_buf program = CM_BUF_INIT(64 << 20);
	cm_autofree char *ref = NULL;
	struct cm_helper_shared shared;
	struct cm_helper_mount mount = { .source = volume, .target = "/data", .is_volume = true, .read_only = true };
	cm_autojson struct json_object *plan = NULL;
	static const char text[] = "{\"v\":1,\"op\":\"du\",\"path\":\"/data\"}";

	if (getenv("CM_TEST_HELPER") == NULL)
		return;
	OK(cm_json_parse(text, strlen(text), &plan, &err));
	OK(cm_file_read(getenv("CM_TEST_HELPER"), &program, &err));
	OK(cm_helper_image_ensure(d, program.data, program.len, &ref, &err));
	OK(cm_helper_shared_find(d, dir, &shared, &err));
	for (int t = 1; t <= transports(d); t++) {
		struct cm_helper *h = NULL;
		struct cm_peer peer;
		cm_autojson struct json_object *result = NULL;
		cm_autofree char *words = NULL;
		int code = -1;
		int64_t begin_ms = cm_monotonic_ms();
		struct cm_helper_spec spec = { .image_ref = ref,
					       .instance = instance,
					       .mounts = &mount,
					       .mount_count = 1,
					       .privileges = CM_HELPER_READ,
					       .trusted = true,
					       .socket_dir = dir,
					       .shared = t == 2 ? &shared : NULL };
		OK(cm_helper_start(d, &spec, &h, &err));
		cm_helper_peer(&peer, h);
		int r = cm_peer_run(&peer, plan, NULL, NULL, NULL, &result, &err);
		int f = cm_helper_finish(h, &code, &words, r == 0 ? &err : NULL);
		OK(r);
		OK(f);
		CHECK_INT(code, 0);
		CHECK_INT(cm_json_int(result, "files", -1) >= 0, 1);
		printf("# the real helper by %s: %lld ms\n", t == 2 ? "socket" : "attach",
		       (long long)(cm_monotonic_ms() - begin_ms));
	}
}

TEST(helper_image__is_made_once_and_old_ones_go)
{
	ENGINE;
	struct cm_err err;
	cm_autofree char *ref = NULL, *again = NULL, *other = NULL;
	cm_autojson struct json_object *a = NULL, *b = NULL, *gone = NULL;
	cm_autobuf struct cm_buf changed = CM_BUF_INIT(64 << 20);

	OK(cm_helper_image_ensure(d, elf.data, elf.len, &ref, &err));
	OK(cm_image_inspect(d, ref, &a, &err));
	OK(cm_helper_image_ensure(d, elf.data, elf.len, &again, &err));
	CHECK_STR(again, ref);
	OK(cm_image_inspect(d, ref, &b, &err));
	CHECK_STR(cm_json_str(a, "Id", ""), cm_json_str(b, "Id", "-"));
	cm_buf_add(&changed, elf.data, elf.len);
	cm_buf_str(&changed, "another version");
	int64_t begin_ms = cm_monotonic_ms();
	OK(cm_helper_image_ensure(d, changed.data, changed.len, &other, &err));
	printf("# importing the image: %lld ms\n", (long long)(cm_monotonic_ms() - begin_ms));
	CHECK(strcmp(other, ref) != 0);
	CHECK_INT(cm_image_inspect(d, ref, &gone, &err), CM_ENOTFOUND);
	changed.data[18] = (char)183;
	changed.data[19] = 0;
	cm_buf_str(&changed, "!");
	cm_autofree char *foreign = NULL;
	CHECK_INT(cm_helper_image_ensure(d, changed.data, changed.len, &foreign, &err), CM_EUNSUPPORTED);
	CHECK(strstr(err.text, "arm64") != NULL);
	OK(cm_image_remove(d, other, true, false, NULL, &err));
}

TEST(sweep__removes_what_a_crash_left_and_nothing_else)
{
	ENGINE;
	struct cm_err err;
	struct cm_helper *alive = NULL;
	int removed = -1;
	cm_autojson struct json_object *o = NULL;

	OK(start(d, transports(d), CM_HELPER_READ, true, 0, &alive, &err));
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		/* A process of ours that is killed in the middle of its work, its helper asleep. */
		struct cm_helper *h = NULL;
		struct cm_docker *mine = NULL;
		struct cm_docker_config config = { .host = getenv("DOCKER_HOST"),
						   .tls = getenv("DOCKER_TLS_VERIFY") != NULL,
						   .cert_path = getenv("DOCKER_CERT_PATH") };
		if (cm_docker_new(&config, &mine, NULL) == 0 && start(mine, 1, CM_HELPER_READ, true, 0, &h, &err) == 0)
			tell(h, 'e', "x", 1, &err);
		kill(getpid(), SIGKILL);
	}
	int status;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	int r = cm_helper_sweep(d, instance, &removed, &err);
	char back[2] = "";
	int lives = tell(alive, 'e', "y", 1, &err);
	if (lives == 0)
		lives = cm_helper_read(alive, back, 1, 0, &err);
	cm_helper_abort(alive);
	OK(r);
	CHECK_INT(removed, 1);
	OK(lives);
	CHECK_STR(back, "y");
	OK(cm_helper_sweep(d, instance, &removed, &err));
	CHECK_INT(removed, 0);
}
