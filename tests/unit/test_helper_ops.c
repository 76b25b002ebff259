/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The helper's operations on whole trees and single files, over a socket and over its standard streams. */
#include "archive/manifest_line.h"
#include "archive_rig.h"
#include "test.h"

static struct json_object *plan_of(const char *op, const char *a, const char *a_value, const char *b,
				   const char *b_value)
{
	struct json_object *o = json_object_new_object();

	cm_json_set_str(o, "op", op);
	if (a != NULL)
		cm_json_set_str(o, a, a_value);
	if (b != NULL)
		cm_json_set_str(o, b, b_value);
	return o;
}

static int append(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	(void)err;
	cm_buf_add(ctx, data, len);
	return 0;
}

static const char *make(const char *name)
{
	const char *dir = rig_dir(name);

	rig_sh("cd '%s' && mkdir -p a/b && echo hello >a/file && ln a/file a/b/again && ln -s ../file a/b/link && "
	       "mkfifo p && "
	       "mknod c c 1 3 && truncate -s 2M hole && echo end >>hole && setfattr -n user.x -v y a/file && "
	       "setfattr -n user.a -v b a/file && "
	       "setfacl -m u:5:r a/file && chown 3:4 a && touch -d '1950-05-05 05:05:05.5 UTC' a/b a",
	       dir);
	cm_autofree char *odd = cm_asprintf("%s/odd\xff\n", dir);
	rig_write(odd, "odd");
	return dir;
}

TEST(copy__is_faithful)
{
	struct cm_err err = { 0 };
	const char *from = make("from"), *to = rig_dir("to");
	cm_autojson struct json_object *end = NULL;

	CHECK_INT(rig_run(plan_of("copy", "from", from, "to", to), NULL, NULL, &end, &err), 0);
	CHECK(rig_same(from, to));
	CHECK_INT(cm_json_int(end, "files", 0), 10);
	CHECK_STR(rig_warnings, "");
	/* A second time: the target is not empty any more. */
	CHECK_INT(rig_run(plan_of("copy", "from", from, "to", to), NULL, NULL, NULL, &err), CM_EEXIST);
	CHECK_INT(rig_run(plan_of("copy", "from", "/no/such", "to", rig_dir("new")), NULL, NULL, NULL, &err),
		  CM_ENOTFOUND);
}

TEST(hash__is_equal_for_equal_trees_only)
{
	static const char *const changes[] = { "echo x >>a/file",
					       "chmod 600 a/file",
					       "touch a/b",
					       "chown 9 p",
					       "rm c",
					       "rm a/b/again && cp -p a/file a/b/again",
					       "setfattr -n user.x -v z a/file",
					       "ln -sf other a/b/link" };
	struct cm_err err = { 0 };
	const char *from = make("from"), *to = rig_dir("to");
	cm_autojson struct json_object *one = NULL, *two = NULL;

	CHECK_INT(rig_run(plan_of("copy", "from", from, "to", to), NULL, NULL, NULL, &err), 0);
	CHECK_INT(rig_run(plan_of("hash", "path", from, NULL, NULL), NULL, NULL, &one, &err), 0);
	CHECK_INT(rig_run(plan_of("hash", "path", to, NULL, NULL), NULL, NULL, &two, &err), 0);
	CHECK(strlen(cm_json_str(one, "sha256", "")) == 64);
	CHECK_STR(cm_json_str(two, "sha256", ""), cm_json_str(one, "sha256", "x"));
	for (size_t i = 0; i < CM_COUNT(changes); i++) {
		cm_autojson struct json_object *three = NULL;
		to = rig_dir("to");
		CHECK_INT(rig_run(plan_of("copy", "from", from, "to", to), NULL, NULL, NULL, &err), 0);
		rig_sh("cd '%s' && %s", to, changes[i]);
		CHECK_INT(rig_run(plan_of("hash", "path", to, NULL, NULL), NULL, NULL, &three, &err), 0);
		CHECK(!cm_str_eq(cm_json_str(three, "sha256", ""), cm_json_str(one, "sha256", "")));
	}
}

TEST(empty__removes_all_inside_and_nothing_else)
{
	struct cm_err err = { 0 };
	const char *dir = make("from"), *out = rig_dir("out");

	rig_sh("echo stays >'%s/file'; cd '%s' && ln -s '%s' outside && chattr +i a/file && chattr +a a/b && "
	       "mkdir -p d/e && for i in $(seq 3000); do echo >d/e/$i; done; chattr +i d/e/7 d/e",
	       out, dir, out);
	CHECK_INT(rig_run(plan_of("empty", "path", dir, NULL, NULL), NULL, NULL, NULL, &err), 0);
	CHECK_INT(rig_sh("test -z \"$(ls -A '%s')\" && test \"$(cat '%s/file')\" = stays", dir, out), 0);
	CHECK_INT(rig_run(plan_of("empty", "path", "/no/such", NULL, NULL), NULL, NULL, NULL, &err), CM_ENOTFOUND);
}

static struct json_object *exchange(const char *root, const char *a, const char *b)
{
	struct json_object *o = plan_of("exchange", "root", root, "a", a);

	cm_json_set_str(o, "b", b);
	return o;
}

TEST(exchange__swaps_two_folders_or_changes_nothing)
{
	struct cm_err err = { 0 };
	const char *root = rig_dir("volumes");

	rig_sh(
	    "cd '%s' && mkdir -p one/_data two/_data && echo 1 >one/_data/x && echo 2 >two/_data/x && ln -s / link && "
	    "echo f >file && mkdir mnt && mount -t tmpfs none mnt && mkdir mnt/_data",
	    root);
	CHECK_INT(rig_run(exchange(root, "one/_data", "two/_data"), NULL, NULL, NULL, &err), 0);
	CHECK_INT(rig_sh("cd '%s' && test \"$(cat one/_data/x two/_data/x)\" = $'2\\n1'", root), 0);
	CHECK_INT(rig_run(exchange(root, "one/_data", "three/_data"), NULL, NULL, NULL, &err), CM_ENOTFOUND);
	CHECK_INT(rig_run(exchange(root, "one/_data", "../volumes/two/_data"), NULL, NULL, NULL, &err), CM_EINVAL);
	CHECK_INT(rig_run(exchange(root, "one/_data", "link/etc"), NULL, NULL, NULL, &err), CM_ENOTFOUND);
	CHECK_INT(rig_run(exchange(root, "one/_data", "file"), NULL, NULL, NULL, &err), CM_ENOTFOUND);
	int rc = rig_run(exchange(root, "one/_data", "mnt/_data"), NULL, NULL, NULL, &err);
	rig_sh("umount '%s/mnt'", root);
	CHECK_INT(rc, CM_EUNSUPPORTED);
	CHECK_INT(rig_sh("cd '%s' && test \"$(cat one/_data/x two/_data/x)\" = $'2\\n1'", root), 0);
}

TEST(list__one_folder_as_lines)
{
	struct cm_err err = { 0 };
	const char *dir = make("from");
	cm_autobuf struct cm_buf b = CM_BUF_INIT(1 << 20), name = CM_BUF_INIT(4096);
	cm_autojson struct json_object *end = NULL, *few = NULL;
	int files = 0, odd = 0;

	CHECK_INT(rig_run(plan_of("list", "path", dir, "dir", ""), append, &b, &end, &err), 0);
	for (char *p = b.data, *nl; (nl = strchr(p, '\n')) != NULL; p = nl + 1, files++) {
		struct cm_line l;
		CHECK_INT(cm_line_parse(p, (size_t)(nl - p), &l, &err), 0);
		odd += strcmp(l.path.data, "odd\xff\n") == 0 && l.entry.size == 3;
		cm_line_release(&l);
	}
	CHECK_INT(files, 5);
	CHECK_INT(odd, 1);
	CHECK(!cm_json_bool(end, "more", true));
	cm_buf_reset(&b);
	CHECK_INT(rig_run(plan_of("list", "path", dir, "dir", "a/b"), append, &b, NULL, &err), 0);
	CHECK(strstr(b.data, "\"p\":\"link\",\"t\":\"l\"") != NULL && strstr(b.data, "\"l\":\"../file\"") != NULL);
	struct json_object *plan = plan_of("list", "path", dir, "dir", "");
	cm_json_set_int(plan, "max", 2);
	CHECK_INT(rig_run(plan, append, &b, &few, &err), 0);
	CHECK(cm_json_bool(few, "more", false));
	CHECK_INT(rig_run(plan_of("list", "path", dir, "dir", "../"), append, &b, NULL, &err), CM_EINVAL);
	CHECK_INT(rig_run(plan_of("list", "path", dir, "dir", "a/b/link"), append, &b, NULL, &err), CM_ENOTFOUND);
	CHECK_INT(rig_run(plan_of("list", "path", dir, "dir", "none"), append, &b, NULL, &err), CM_ENOTFOUND);
}

TEST(cat__one_file_without_following_links)
{
	struct cm_err err = { 0 };
	const char *dir = make("from");
	cm_autobuf struct cm_buf b = CM_BUF_INIT(8 << 20);
	cm_autojson struct json_object *end = NULL;

	CHECK_INT(rig_run(plan_of("cat", "path", dir, "file", "a/file"), append, &b, &end, &err), 0);
	CHECK_STR(b.data, "hello\n");
	CHECK_INT(cm_json_int(end, "size", 0), 6);
	cm_buf_reset(&b);
	CHECK_INT(rig_run(plan_of("cat", "path", dir, "file64", "b2Rk/wo="), append, &b, NULL, &err), 0);
	CHECK_STR(b.data, "odd");
	cm_buf_reset(&b);
	CHECK_INT(rig_run(plan_of("cat", "path", dir, "file", "hole"), append, &b, NULL, &err), 0);
	CHECK_INT(b.len, (2 << 20) + 4);
	struct json_object *plan = plan_of("cat", "path", dir, "file", "a/file");
	cm_json_set_int(plan, "max", 3);
	cm_buf_reset(&b);
	CHECK_INT(rig_run(plan, append, &b, NULL, &err), 0);
	CHECK_STR(b.data, "hel");
	CHECK_INT(rig_run(plan_of("cat", "path", dir, "file", "a/b/link"), append, &b, NULL, &err), CM_ENOTFOUND);
	CHECK_INT(rig_run(plan_of("cat", "path", dir, "file", "a/b/link/x"), append, &b, NULL, &err), CM_ENOTFOUND);
	CHECK_INT(rig_run(plan_of("cat", "path", dir, "file", "p"), append, &b, NULL, &err), CM_EUNSUPPORTED);
	CHECK_INT(rig_run(plan_of("cat", "path", dir, "file", "a"), append, &b, NULL, &err), CM_EUNSUPPORTED);
	CHECK_INT(rig_run(plan_of("cat", "path", dir, "file", "../../etc/passwd"), append, &b, NULL, &err), CM_EINVAL);
}

TEST(du__counts_files_and_bytes)
{
	struct cm_err err = { 0 };
	const char *dir = make("from");
	cm_autojson struct json_object *end = NULL;

	CHECK_INT(rig_run(plan_of("du", "path", dir, NULL, NULL), NULL, NULL, &end, &err), 0);
	CHECK_INT(cm_json_int(end, "files", 0), 10);
	CHECK_INT(cm_json_int(end, "bytes", 0), 6 + 3 + (2 << 20) + 4);
	CHECK(cm_json_int(end, "disk", 0) < 1 << 20);
}

TEST(plan__unknown_ones_are_refused)
{
	struct cm_err err = { 0 };
	struct rig_helper h;
	struct cm_frame f;

	CHECK_INT(rig_run(plan_of("format", NULL, NULL, NULL, NULL), NULL, NULL, NULL, &err), CM_EUNSUPPORTED);
	CHECK_INT(rig_run(plan_of("unpack", NULL, NULL, NULL, NULL), NULL, NULL, NULL, &err), CM_EINVAL);
	CHECK_INT(rig_run(plan_of("pack", NULL, NULL, NULL, NULL), NULL, NULL, NULL, &err), CM_EINVAL);
	/* Rubbish in place of a plan. */
	CHECK(rig_start(&h));
	CHECK_INT(h.peer.write(h.peer.ctx, "GET / HTTP/1.1\r\n\r\n", 18, &err), 0);
	CHECK_INT(cm_peer_next(&h.peer, 5000, &f, &err), 0);
	CHECK_INT(f.type, CM_FRAME_ERROR);
	CHECK_INT(rig_hang_up(&h), 1);
}

/* The same program with its standard streams as the line, as an attached container has it. */
struct pipes {
	int in, out;
};

static int pipes_write(void *ctx, const void *data, size_t len, struct cm_err *err)
{
	return cm_fd_write_all(((struct pipes *)ctx)->in, data, len) == 0 ? 0
									  : cm_err_set(err, CM_EUNREACHABLE, "gone");
}

static int pipes_read(void *ctx, void *data, size_t len, int timeout_ms, size_t *ret_len, struct cm_err *err)
{
	ssize_t n = read(((struct pipes *)ctx)->out, data, len);

	(void)timeout_ms;
	*ret_len = n > 0 ? (size_t)n : 0;
	return n > 0 ? 0 : cm_err_set(err, CM_EUNREACHABLE, "gone");
}

static pid_t start_stdio(struct pipes *p, struct cm_peer *peer)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl(rig_helper_program(), "cm-helper", "serve", "stdio", NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	*p = (struct pipes){ in[1], out[0] };
	*peer = (struct cm_peer){ p, pipes_write, pipes_read };
	return pid;
}

/* A helper that takes several plans. */
static bool start_several(struct rig_helper *h)
{
	cm_autojson struct json_object *plan = plan_of("several", NULL, NULL, NULL, NULL);

	rig_warnings[0] = '\0';
	return rig_start(h) && cm_peer_run(&h->peer, plan, NULL, NULL, NULL, NULL, NULL) == 0;
}

static int run_next(struct rig_helper *h, struct json_object *plan, struct cm_buf *data, struct json_object **ret)
{
	struct cm_err err = { 0 };
	int rc = cm_peer_run(&h->peer, plan, &rig_watch, data ? append : NULL, data, ret, &err);

	json_object_put(plan);
	return rc;
}

TEST(several__one_plan_after_the_other_until_no_more_will_come)
{
	struct cm_err err = { 0 };
	struct rig_helper h = { .fd = -1 };
	const char *from = make("from"), *to = rig_dir("to"), *root = rig_dir("volumes");
	cm_autobuf struct cm_buf b = CM_BUF_INIT(1 << 20);

	rig_sh("mkdir -p '%s/one/_data' '%s/two/_data'", root, root);
	CHECK(start_several(&h));
	for (int i = 0; i < 20; i++) {
		cm_autojson struct json_object *end = NULL;
		CHECK_INT(run_next(&h, plan_of("copy", "from", from, "to", to), NULL, &end), 0);
		CHECK_INT(cm_json_int(end, "files", 0), 10);
		CHECK(rig_same(from, to));
		/* What was asked for in vain ends nothing. */
		CHECK_INT(run_next(&h, plan_of("copy", "from", from, "to", to), NULL, NULL), CM_EEXIST);
		CHECK_INT(run_next(&h, plan_of("cat", "path", to, "file", "no-such"), &b, NULL), CM_ENOTFOUND);
		CHECK_INT(run_next(&h, exchange(root, "one/_data", "no/_data"), NULL, NULL), CM_ENOTFOUND);
		CHECK_INT(run_next(&h, exchange(root, "one/_data", "two/_data"), NULL, NULL), 0);
		cm_buf_reset(&b);
		CHECK_INT(run_next(&h, plan_of("cat", "path", to, "file", "a/file"), &b, NULL), 0);
		CHECK_STR(b.data, "hello\n");
		CHECK_INT(run_next(&h, plan_of("empty", "path", to, NULL, NULL), NULL, NULL), 0);
	}
	CHECK_INT(cm_peer_send(&h.peer, CM_FRAME_EOF, NULL, 0, &err), 0);
	CHECK_INT(rig_wait(&h), 0);
}

TEST(several__unpacks_one_part_after_the_other_and_says_what_it_did_for_each)
{
	struct cm_err err = { 0 };
	struct rig_helper h = { .fd = -1 };
	struct rig_pack o = { .codec = CM_CODEC_GZIP };
	const char *one = make("from"), *two = rig_dir("other"), *file = rig_path("several.tar.gz");
	const struct rig_part parts[] = { { "volume", one, "volumes/one" }, { "volume", two, "volumes/two" } };
	struct cm_archive *a = NULL;
	int fd;

	/* Long enough for the helper to tell how far it is, which must not reach the next plan. */
	rig_sh("head -c 80M /dev/urandom >'%s/big'", two);
	CHECK_INT(rig_pack(file, parts, 2, &o, &err), 0);
	CHECK_INT(rig_open(file, &fd, &a, &err), 0);
	CHECK(start_several(&h));
	for (int i = 1; i >= 0; i--) {
		const struct cm_unpack_part part = { .prefix = parts[i].prefix, .target = rig_dir(i ? "to2" : "to1") };
		cm_autojson struct json_object *end = NULL;
		CHECK_INT(cm_archive_unpack(a, &part, 1, true, &h.peer, &rig_watch, &end, &err), 0);
		CHECK_STR(err.text, "");
		CHECK_INT(cm_json_int(end, "files", 0), i ? 2 : 10);
		CHECK(rig_same(parts[i].path, part.target));
	}
	usleep(600000);
	CHECK_INT(cm_peer_send(&h.peer, CM_FRAME_EOF, NULL, 0, &err), 0);
	char byte;
	CHECK_INT(read(h.fd, &byte, 1), 0);
	CHECK_INT(rig_wait(&h), 0);
	cm_archive_totals_release(&o.totals);
	cm_archive_free(a);
	close(fd);
}

TEST(several__ends_with_what_more_may_follow_and_with_its_peer)
{
	struct cm_err err = { 0 };
	struct rig_helper h = { .fd = -1 };
	cm_autojson struct json_object *plan = plan_of("unpack_tar", "target", rig_dir("to"), NULL, NULL);

	/* The rest of what was sent for a plan that failed must not be taken for the next. */
	CHECK(start_several(&h));
	cm_json_set_int(plan, "v", CM_PROTO_VERSION);
	CHECK_INT(cm_peer_send_json(&h.peer, CM_FRAME_PLAN, plan, &err), 0);
	CHECK_INT(cm_peer_send(&h.peer, CM_FRAME_DATA, "no tar", 6, &err), 0);
	CHECK_INT(cm_peer_send(&h.peer, CM_FRAME_EOF, NULL, 0, &err), 0);
	CHECK_INT(rig_wait(&h), 1);
	/* An operation it does not know. */
	CHECK(start_several(&h));
	CHECK_INT(run_next(&h, plan_of("dance", NULL, NULL, NULL, NULL), NULL, NULL), CM_EUNSUPPORTED);
	CHECK_INT(rig_wait(&h), 1);
	/* Its peer is gone between two plans. */
	CHECK(start_several(&h));
	CHECK_INT(run_next(&h, plan_of("du", "path", make("from"), NULL, NULL), NULL, NULL), 0);
	CHECK_INT(rig_hang_up(&h), 3);
	/* No plan at all is an end only where one was had. */
	CHECK(rig_start(&h));
	CHECK_INT(cm_peer_send(&h.peer, CM_FRAME_EOF, NULL, 0, &err), 0);
	CHECK_INT(rig_wait(&h), 1);
}

TEST(stdio__carries_the_same_frames)
{
	struct cm_err err = { 0 };
	const char *dir = make("from");
	cm_autobuf struct cm_buf b = CM_BUF_INIT(8 << 20);
	cm_autojson struct json_object *plan = plan_of("cat", "path", dir, "file", "a/file");
	struct pipes p;
	struct cm_peer peer;
	int status;
	pid_t pid = start_stdio(&p, &peer);

	CHECK(pid > 0);
	CHECK_INT(cm_peer_run(&peer, plan, NULL, append, &b, NULL, &err), 0);
	CHECK_STR(b.data, "hello\n");
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(p.in);
	close(p.out);
}

TEST(stdio__end_of_input_ends_the_helper)
{
	struct cm_err err = { 0 };
	const char *dir = rig_dir("from");
	const struct rig_part part = { "volume", dir, "volumes/data" };
	cm_autojson struct json_object *plan = rig_plan(&part, 1);
	struct pipes p;
	struct cm_peer peer;
	int status;
	pid_t pid = start_stdio(&p, &peer);

	rig_sh("dd if=/dev/urandom of='%s/big' bs=1M count=60 status=none", dir);
	cm_json_set_int(plan, "v", CM_PROTO_VERSION);
	CHECK_INT(cm_peer_send_json(&peer, CM_FRAME_PLAN, plan, &err), 0);
	usleep(300000);
	/* Only its input ends; nobody reads its output, as when an engine keeps draining it. */
	close(p.in);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 3);
	close(p.out);
}
