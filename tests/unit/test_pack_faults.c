/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packing while things go wrong: files change, somebody dies, somebody cancels; and what it costs in memory. */
#include "archive_rig.h"
#include "core/clock.h"
#include "test.h"

/* A line that stops once, after so many bytes, to do something while the helper is in the middle of its work. */
struct stopping {
	struct cm_peer *peer;
	size_t left;
	const char *cmd;
};

static int stopping_write(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	struct stopping *s = ctx;

	return s->peer->write(s->peer->ctx, data, len, err);
}

static int stopping_read(void *ctx, void *data, size_t len, int timeout_ms, size_t *ret_len, struct cm_err *err)
{
	struct stopping *s = ctx;
	int rc = s->peer->read(s->peer->ctx, data, len, timeout_ms, ret_len, err);

	if (rc == 0 && s->cmd != NULL) {
		if (s->left > *ret_len) {
			s->left -= *ret_len;
			return 0;
		}
		/* Time for the helper to fill everything it can fill and stand still. */
		usleep(300000);
		rig_sh("%s", s->cmd);
		s->cmd = NULL;
	}
	return rc;
}

static int pack_stopping(const char *file, const char *src, size_t after, const char *cmd,
			 const struct cm_archive_watch *watch, struct cm_archive_totals *totals, int *ret_status,
			 struct cm_err *err)
{
	const struct rig_part part = { "volume", src, "volumes/data" };
	struct cm_archive_options options = { .codec = CM_CODEC_GZIP };
	struct cm_archive_writer *w = NULL;
	struct rig_helper h;
	struct cm_sink sink;
	char line[1024];
	cm_autojson struct json_object *plan = rig_plan(&part, 1);
	cm_autoclose int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	rig_warnings[0] = '\0';
	cm_sink_fd(&sink, fd);
	if (cm_archive_writer_new(&options, &sink, &w, err) < 0 || !rig_start(&h))
		return CM_EINTERNAL;
	snprintf(line, sizeof(line), "helper=%d; %s", (int)h.pid, cmd);
	struct stopping s = { &h.peer, after, line };
	struct cm_peer peer = { &s, stopping_write, stopping_read };
	int rc = cm_archive_writer_pack(w, plan, &peer, watch, err);
	*ret_status = rc == 0 ? rig_wait(&h) : rig_hang_up(&h);
	if (rc == 0)
		rc = cm_archive_writer_finish(w, NULL, totals, err);
	cm_archive_writer_free(w);
	return rc;
}

/* Random content, so that it fills the line. */
static void make_big(const char *src, const char *name, int megabytes)
{
	rig_sh("dd if=/dev/urandom of='%s/%s' bs=1M count=%d status=none", src, name, megabytes);
}

TEST(pack__file_that_changes_is_kept_as_read_and_named)
{
	struct cm_err err = { 0 };
	struct cm_archive_totals totals;
	struct cm_verify_result v;
	const char *src = rig_dir("src"), *dst = rig_dir("dst"), *file = rig_path("a.tar.gz");
	const struct cm_unpack_part back = { .prefix = "volumes/data", .target = dst };
	char cmd[700];
	int status;
	struct stat s;

	make_big(src, "big", 80);
	snprintf(cmd, sizeof(cmd), "truncate -s 79M '%s/big'", src);
	CHECK_INT(pack_stopping(file, src, 1 << 20, cmd, &rig_watch, &totals, &status, &err), 0);
	CHECK(strstr(rig_warnings, "volumes/data/big: it changed while it was read") != NULL);
	CHECK_INT(rig_verify(file, &v, &err), 0);
	CHECK_INT(rig_unpack(file, &back, 1, &err), 0);
	snprintf(cmd, sizeof(cmd), "%s/big", dst);
	CHECK_INT(stat(cmd, &s), 0);
	CHECK_INT(s.st_size, 80 << 20);
	snprintf(cmd, sizeof(cmd), "zcat '%s' | grep -a '\"p\":\"big\"' | grep -qa '\"c\":1'", file);
	CHECK_INT(rig_sh("%s", cmd), 0);
	cm_archive_totals_release(&totals);
}

TEST(pack__files_that_vanish_are_named)
{
	struct cm_err err = { 0 };
	struct cm_archive_totals totals;
	struct cm_verify_result v;
	const char *src = rig_dir("src"), *file = rig_path("a.tar.gz");
	char cmd[700];
	int status, gone = 0;

	/* Two large ones, so that one is not the last in the folder's own order. */
	make_big(src, "big1", 60);
	make_big(src, "big2", 60);
	rig_sh("cd '%s' && for i in $(seq 200); do echo $i >small$i; done", src);
	snprintf(cmd, sizeof(cmd), "rm '%s'/small*", src);
	CHECK_INT(pack_stopping(file, src, 1 << 20, cmd, &rig_watch, &totals, &status, &err), 0);
	for (const char *p = rig_warnings; (p = strstr(p, "it vanished while")) != NULL; p++)
		gone++;
	CHECK(gone > 0);
	CHECK_INT((int)totals.files + gone, 203);
	CHECK_INT(rig_verify(file, &v, &err), 0);
	cm_archive_totals_release(&totals);
}

TEST(pack__killed_helper_is_noticed)
{
	struct cm_err err = { 0 };
	struct cm_archive_totals totals;
	const char *src = rig_dir("src"), *file = rig_path("a.tar.gz");
	int status;
	int64_t start;

	make_big(src, "big", 60);
	start = cm_monotonic_ms();
	CHECK_INT(pack_stopping(file, src, 4 << 20, "kill -9 $helper", NULL, &totals, &status, &err), CM_EUNREACHABLE);
	CHECK_INT(status, 128 + SIGKILL);
	CHECK(cm_monotonic_ms() - start < 5000);
}

static bool yes_after(void *ctx)
{
	int *left = ctx;

	return (*left)-- <= 0;
}

TEST(pack__cancel_ends_both_sides)
{
	struct cm_err err = { 0 };
	struct cm_archive_totals totals;
	const char *src = rig_dir("src"), *file = rig_path("a.tar.gz");
	int status, left = 5;
	const struct cm_archive_watch watch = { .ctx = &left, .cancelled = yes_after };

	make_big(src, "big", 60);
	CHECK_INT(pack_stopping(file, src, 4 << 20, "true", &watch, &totals, &status, &err), CM_ECANCELLED);
	CHECK_INT(status, 3);
}

TEST(pack__helper_dies_at_once_when_its_peer_is_gone)
{
	struct cm_err err = { 0 };
	struct rig_helper h;
	const char *src = rig_dir("src");
	const struct rig_part part = { "volume", src, "volumes/data" };
	cm_autojson struct json_object *plan = rig_plan(&part, 1);
	int64_t start;

	make_big(src, "big", 60);
	cm_json_set_int(plan, "v", CM_PROTO_VERSION);
	CHECK(rig_start(&h));
	CHECK_INT(cm_peer_send_json(&h.peer, CM_FRAME_PLAN, plan, &err), 0);
	/* It stands still in the middle of a block that nobody takes. */
	usleep(500000);
	start = cm_monotonic_ms();
	CHECK_INT(rig_hang_up(&h), 3);
	CHECK(cm_monotonic_ms() - start < 500);
	/* Before the plan, too. */
	CHECK(rig_start(&h));
	CHECK_INT(rig_hang_up(&h), 3);
}

TEST(restore__helper_ends_when_its_peer_is_gone)
{
	struct cm_err err = { 0 };
	struct rig_pack o = { 0 };
	struct rig_helper h;
	struct cm_archive *a = NULL;
	const char *src = rig_dir("src"), *dst = rig_dir("dst"), *file = rig_path("a.tar.gz");
	const struct rig_part part = { "volume", src, "volumes/data" };
	const struct cm_unpack_part back = { .prefix = "volumes/data", .target = dst };
	int fd, left = 5;
	const struct cm_archive_watch watch = { .ctx = &left, .cancelled = yes_after };

	make_big(src, "big", 60);
	CHECK_INT(rig_pack(file, &part, 1, &o, &err), 0);
	CHECK_INT(rig_open(file, &fd, &a, &err), 0);
	CHECK(rig_start(&h));
	CHECK_INT(cm_archive_unpack(a, &back, 1, false, &h.peer, &watch, NULL, &err), CM_ECANCELLED);
	CHECK_INT(rig_hang_up(&h), 3);
	/* And the other way round: the helper dies in the middle. */
	CHECK(rig_start(&h));
	kill(h.pid, SIGKILL);
	CHECK_INT(cm_archive_unpack(a, &back, 1, false, &h.peer, NULL, NULL, &err), CM_EUNREACHABLE);
	CHECK_INT(rig_hang_up(&h), 128 + SIGKILL);
	cm_archive_free(a);
	close(fd);
	cm_archive_totals_release(&o.totals);
}

TEST(restore__full_disk_is_said)
{
	struct cm_err err = { 0 };
	struct rig_pack o = { 0 };
	const char *src = rig_dir("src"), *dst = rig_dir("small"), *file = rig_path("a.tar.gz");
	const struct rig_part part = { "volume", src, "volumes/data" };
	const struct cm_unpack_part back = { .prefix = "volumes/data", .target = dst };

	make_big(src, "big", 30);
	CHECK_INT(rig_pack(file, &part, 1, &o, &err), 0);
	rig_sh("mount -t tmpfs -o size=8m none '%s'", dst);
	int rc = rig_unpack(file, &back, 1, &err);
	rig_sh("umount '%s'", dst);
	CHECK_INT(rc, CM_ENOSPACE);
	CHECK(strstr(err.text, "volumes/data") != NULL && strstr(err.text, "big") != NULL);
	cm_archive_totals_release(&o.totals);
}

TEST(pack__sink_that_fails_ends_it_with_its_error)
{
	struct cm_err err = { 0 };
	struct cm_archive_totals totals;
	const char *src = rig_dir("src"), *mnt = rig_dir("small");
	char file[600];
	int status;

	make_big(src, "big", 30);
	rig_sh("mount -t tmpfs -o size=8m none '%s'", mnt);
	snprintf(file, sizeof(file), "%s/a.tar.gz", mnt);
	int rc = pack_stopping(file, src, 1 << 20, "true", NULL, &totals, &status, &err);
	rig_sh("umount '%s'", mnt);
	CHECK_INT(rc, CM_ENOSPACE);
	CHECK_INT(status, 3);
}

static long helper_peak_kb(void)
{
	struct rusage r;

	getrusage(RUSAGE_CHILDREN, &r);
	return r.ru_maxrss;
}

/* The children's peak counts since the start of this process, so it runs in one of its own. */
static int in_child(int (*run)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int rc = run();
		rig_root[0] = '\0'; /* the parent removes it */
		_exit(rc);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* Peak memory in MB of the helper and of this side, packing and unpacking what src holds. */
static int pack_and_measure(void)
{
	struct cm_err err = { 0 };
	struct rig_pack o = { 0 };
	struct rusage own;
	const char *src = rig_path("mem/many"), *dst = rig_path("mem/back"), *file = rig_path("mem/many.tar.gz");
	const struct rig_part part = { "volume", src, "volumes/data" };
	const struct cm_unpack_part back = { .prefix = "volumes/data", .target = dst };
	struct cm_verify_result v;

	if (rig_pack(file, &part, 1, &o, &err) != 0 || rig_verify(file, &v, &err) != 0 ||
	    rig_unpack(file, &back, 1, &err) != 0) {
		printf("# %s\n", err.text);
		return 254;
	}
	getrusage(RUSAGE_SELF, &own);
	printf("# helper %ld KB, program %ld KB\n", helper_peak_kb(), own.ru_maxrss);
	long sum = (helper_peak_kb() + own.ru_maxrss) / 1024;
	return sum < 250 ? (int)sum : 250;
}

#ifdef __SANITIZE_ADDRESS__
enum { MEMORY_MB = 1000 };
#else
enum { MEMORY_MB = 96 };
#endif

TEST(pack__a_hundred_thousand_files_in_constant_memory)
{
	rig_mem();
	rig_dir("mem/back");
	rig_sh("cd '%s' && python3 -c \"\nimport os\nfor d in range(100):\n os.mkdir('d%%d' %% d)\n for f in "
	       "range(1000):\n"
	       "  open('d%%d/file-with-a-name-%%d' %% (d, f), 'w').write(str(f))\n\"",
	       rig_dir("mem/many"));
	int mb = in_child(pack_and_measure);
	CHECK(mb <= MEMORY_MB);
	CHECK(rig_same(rig_path("mem/many"), rig_path("mem/back")));
}

TEST(pack__many_hard_links_in_constant_memory)
{
	rig_mem();
	rig_dir("mem/back");
	/* One file with many names, and many files with two names each. */
	rig_sh("cd '%s' && python3 -c \"\nimport os\nos.mkdir('a')\nos.mkdir('b')\nopen('one', 'w').write('one')\nfor "
	       "i in range(15000):\n"
	       " os.link('one', 'a/name-%%d' %% i)\nfor i in range(15000):\n p = 'a/file-%%d' %% i\n open(p, "
	       "'w').write(str(i))\n"
	       " os.link(p, 'b/copy-%%d' %% i)\n\"",
	       rig_dir("mem/many"));
	int mb = in_child(pack_and_measure);
	CHECK(mb <= MEMORY_MB);
	CHECK(rig_same(rig_path("mem/many"), rig_path("mem/back")));
}

TEST(pack__random_bytes_in_constant_memory)
{
	rig_mem();
	rig_dir("mem/back");
	make_big(rig_dir("mem/many"), "big", 300);
	int mb = in_child(pack_and_measure);
	CHECK(mb <= MEMORY_MB);
}
