/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests of archive and helper share: a scratch folder, the real helper at the other end of a unix socket,
 * packing and unpacking with it, and a comparison of two trees in everything that an inode has.
 */
#ifndef CM_ARCHIVE_RIG_H
#define CM_ARCHIVE_RIG_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "archive/peer.h"
#include "archive/proto.h"
#include "archive/reader.h"
#include "archive/unpack.h"
#include "archive/verify.h"
#include "archive/writer.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

#define RIG_UNUSED __attribute__((unused))

static char rig_root[256];

/* Runs a command; its exit status. */
static int rig_sh(const char *fmt, ...)
{
	char cmd[4096];
	va_list ap;
	int status;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	pid_t pid = fork();
	if (pid == 0) {
		execl("/bin/bash", "bash", "-c", cmd, NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void rig_clean(void)
{
	/* Immutable files of a failed test would stay for ever. */
	rig_sh("umount -l '%s/mem' 2>/dev/null; chattr -R -i -a '%s' 2>/dev/null; rm -rf '%s'", rig_root, rig_root,
	       rig_root);
}

/* A path inside the scratch folder, which is made on first use and removed at exit. */
static const char *rig_path(const char *name)
{
	static char path[32][512];
	static unsigned next;

	if (rig_root[0] == '\0') {
		snprintf(rig_root, sizeof(rig_root), "/tmp/cm-rig-XXXXXX");
		if (mkdtemp(rig_root) == NULL)
			abort();
		atexit(rig_clean);
	}
	char *p = path[next++ % 32];
	snprintf(p, 512, "%s/%s", rig_root, name);
	return p;
}

RIG_UNUSED static const char *rig_dir(const char *name)
{
	const char *p = rig_path(name);

	rig_sh("chattr -R -i -a '%s' 2>/dev/null; rm -rf '%s'; mkdir -p '%s'", p, p, p);
	return p;
}

/* From now on what lies in the folder "mem" lies in memory: for trees of very many files. */
RIG_UNUSED static void rig_mem(void)
{
	const char *mem = rig_path("mem");

	rig_sh("mkdir -p '%s' && { mountpoint -q '%s' || mount -t tmpfs none '%s'; }", mem, mem, mem);
}

static const char *rig_helper_program(void)
{
	static char path[512];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);

	if (getenv("CM_HELPER") != NULL)
		return getenv("CM_HELPER");
	path[n > 0 ? n : 0] = '\0';
	for (int i = 0; i < 2; i++) {
		char *slash = strrchr(path, '/');
		if (slash != NULL)
			*slash = '\0';
	}
	return strcat(path, "/cm-helper");
}

struct rig_helper {
	pid_t pid;
	int fd;
	struct cm_peer peer;
	struct cm_peer_fd state;
};

/* The real helper, connected. */
static bool rig_start(struct rig_helper *h)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char where[256];
	const char *path = rig_path("helper.sock");

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	snprintf(where, sizeof(where), "unix:%s", path);
	unlink(path);
	int l = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(l, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(l, 1) != 0)
		return false;
	h->pid = fork();
	if (h->pid == 0) {
		execl(rig_helper_program(), "cm-helper", "serve", where, NULL);
		_exit(127);
	}
	struct timeval t = { .tv_sec = 10 };
	setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	h->fd = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	close(l);
	cm_peer_over_fd(&h->peer, &h->state, h->fd, 60000);
	return h->fd >= 0;
}

/* Its exit status; 128 + signal when it was killed. */
static int rig_wait(struct rig_helper *h)
{
	int status = 0;

	waitpid(h->pid, &status, 0);
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Hangs up; its exit status. */
RIG_UNUSED static int rig_hang_up(struct rig_helper *h)
{
	close(h->fd);
	h->fd = -1;
	return rig_wait(h);
}

static char rig_warnings[65536];

static void rig_warn(void *ctx, const char *text)
{
	size_t n = strlen(rig_warnings);

	(void)ctx;
	snprintf(rig_warnings + n, sizeof(rig_warnings) - n, "%s\n", text);
}

static const struct cm_archive_watch rig_watch = { .warn = rig_warn };

struct rig_part {
	const char *kind, *path, *prefix;
};

static struct json_object *rig_plan(const struct rig_part *parts, size_t n)
{
	struct json_object *plan = json_object_new_object(), *list = json_object_new_array();

	for (size_t i = 0; i < n; i++) {
		struct json_object *p = json_object_new_object();
		cm_json_set_str(p, "id", parts[i].prefix);
		cm_json_set_str(p, "kind", parts[i].kind);
		cm_json_set_str(p, "path", parts[i].path);
		cm_json_set_str(p, "prefix", parts[i].prefix);
		json_object_array_add(list, p);
	}
	cm_json_set_str(plan, "op", "pack");
	cm_json_set(plan, "parts", list);
	return plan;
}

struct rig_pack {
	enum cm_codec codec;
	int level;
	const char *image; /* content of image.tar, NULL: none */
	size_t image_len;
	struct cm_follow *follow;   /* or NULL */
	const struct cm_sink *sink; /* instead of file, or NULL */
	int helper_status;
	struct cm_archive_totals totals;
};

static int rig_members(struct cm_archive_writer *w, const struct rig_pack *o, struct cm_err *err)
{
	static const char backup[] = "{\"id\":\"x\"}", config[] = "{\"Id\":\"abc\",\"Name\":\"/web\"}";
	int rc = cm_archive_writer_member(w, "backup.json", backup, strlen(backup), 1700000000000, err);

	if (rc == 0)
		rc = cm_archive_writer_member(w, "container_config.json", config, strlen(config), 1700000000000, err);
	if (rc == 0 && o->image != NULL) {
		rc = cm_archive_writer_stream_begin(w, "image.tar", 1700000000000, err);
		for (size_t at = 0, n; rc == 0 && at < o->image_len; at += n) {
			n = o->image_len - at < 100000 ? o->image_len - at : 100000;
			rc = cm_archive_writer_stream_data(w, o->image + at, n, err);
		}
		if (rc == 0)
			rc = cm_archive_writer_stream_end(w, NULL, err);
	}
	return rc;
}

/* Writes an archive with the parts to file. */
RIG_UNUSED static int rig_pack(const char *file, const struct rig_part *parts, size_t n, struct rig_pack *o,
			       struct cm_err *err)
{
	struct cm_archive_options options = { .codec = o->codec, .level = o->level, .follow = o->follow };
	struct cm_archive_writer *w = NULL;
	struct rig_helper h = { .fd = -1 };
	struct cm_sink sink;
	cm_autojson struct json_object *plan = rig_plan(parts, n), *extra = json_object_new_object();
	cm_autoclose int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	rig_warnings[0] = '\0';
	cm_sink_fd(&sink, fd);
	int rc = cm_archive_writer_new(&options, o->sink != NULL ? o->sink : &sink, &w, err);
	if (rc == 0)
		rc = rig_members(w, o, err);
	if (rc == 0 && n > 0) {
		if (!rig_start(&h))
			return CM_EINTERNAL;
		rc = cm_archive_writer_pack(w, plan, &h.peer, &rig_watch, err);
		o->helper_status = rc == 0 ? rig_wait(&h) : rig_hang_up(&h);
	}
	cm_json_set_str(extra, "container", "web");
	if (rc == 0)
		rc = cm_archive_writer_finish(w, extra, &o->totals, err);
	cm_archive_writer_free(w);
	return rc;
}

static int rig_open(const char *file, int *ret_fd, struct cm_archive **ret, struct cm_err *err)
{
	struct cm_source s;

	*ret_fd = open(file, O_RDONLY | O_CLOEXEC);
	int rc = cm_source_fd(&s, *ret_fd, err);
	return rc < 0 ? rc : cm_archive_open(&s, ret, err);
}

RIG_UNUSED static int rig_verify(const char *file, struct cm_verify_result *r, struct cm_err *err)
{
	struct cm_source s;
	cm_autoclose int fd = open(file, O_RDONLY | O_CLOEXEC);
	int rc = cm_source_fd(&s, fd, err);

	return rc < 0 ? rc : cm_archive_verify(&s, 2, NULL, r, err);
}

RIG_UNUSED static int rig_unpack(const char *file, const struct cm_unpack_part *parts, size_t n, struct cm_err *err)
{
	struct cm_archive *a = NULL;
	struct rig_helper h = { .fd = -1 };
	int fd, rc = rig_open(file, &fd, &a, err);

	rig_warnings[0] = '\0';
	if (rc == 0) {
		if (!rig_start(&h))
			return CM_EINTERNAL;
		rc = cm_archive_unpack(a, parts, n, false, &h.peer, &rig_watch, NULL, err);
		int status = rc == 0 ? rig_wait(&h) : rig_hang_up(&h);
		if (rc == 0 && status != 0)
			rc = CM_EINTERNAL;
	}
	cm_archive_free(a);
	close(fd);
	return rc;
}

/* Runs one of the helper's other operations. Takes plan. */
RIG_UNUSED static int rig_run(struct json_object *plan, cm_peer_data_fn data, void *ctx, struct json_object **ret,
			      struct cm_err *err)
{
	struct rig_helper h = { .fd = -1 };

	rig_warnings[0] = '\0';
	if (!rig_start(&h))
		return CM_EINTERNAL;
	int rc = cm_peer_run(&h.peer, plan, &rig_watch, data, ctx, ret, err);
	json_object_put(plan);
	if (rc == 0)
		rig_wait(&h);
	else
		rig_hang_up(&h);
	return rc;
}

RIG_UNUSED static void rig_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || cm_fd_write_all(fd, text, strlen(text)) != 0)
		abort();
	close(fd);
}

/* Everything about one file but its time of access and change, as text. */
static void rig_describe(struct cm_buf *b, const char *path, const char *below)
{
	struct stat s;
	char list[65536], value[65536], link[4097];
	int flags = 0;

	if (lstat(path, &s) != 0) {
		cm_buf_printf(b, "%s: missing\n", below);
		return;
	}
	cm_buf_printf(b, "%s mode=%o uid=%u gid=%u nlink=%lu mtime=%ld.%09ld rdev=%lu", below, s.st_mode, s.st_uid,
		      s.st_gid, S_ISDIR(s.st_mode) ? 0 : (unsigned long)s.st_nlink, (long)s.st_mtim.tv_sec,
		      s.st_mtim.tv_nsec, S_ISCHR(s.st_mode) || S_ISBLK(s.st_mode) ? (unsigned long)s.st_rdev : 0);
	if (S_ISREG(s.st_mode) || S_ISLNK(s.st_mode))
		cm_buf_printf(b, " size=%lld", (long long)s.st_size);
	if (S_ISLNK(s.st_mode)) {
		ssize_t n = readlink(path, link, sizeof(link) - 1);
		link[n > 0 ? n : 0] = '\0';
		cm_buf_printf(b, " -> %s", link);
	}
	ssize_t n = llistxattr(path, list, sizeof(list));
	/* The sum of all, since their order means nothing. */
	uint64_t sum = 0;
	for (const char *name = list; n > 0 && name < list + n; name += strlen(name) + 1) {
		ssize_t m = lgetxattr(path, name, value, sizeof(value));
		uint64_t h = 1469598103934665603u;
		for (const char *c = name; *c; c++)
			h = (h ^ (uint8_t)*c) * 1099511628211u;
		for (ssize_t i = 0; i < m; i++)
			h = (h ^ (uint8_t)value[i]) * 1099511628211u;
		sum += h;
	}
	cm_buf_printf(b, " xattrs=%llx", (unsigned long long)sum);
	if (S_ISREG(s.st_mode) || S_ISDIR(s.st_mode)) {
		int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0)
			cm_buf_printf(b, " flags=%x", flags & ~FS_EXTENT_FL & ~FS_INDEX_FL & ~FS_INLINE_DATA_FL);
		off_t at = 0;
		/* Where data and holes are, then the content. */
		while (S_ISREG(s.st_mode) && at < s.st_size && (at = lseek(fd, at, SEEK_DATA)) >= 0) {
			off_t end = lseek(fd, at, SEEK_HOLE);
			uint64_t h = 1469598103934665603u;
			cm_buf_printf(b, " data=%lld+%lld", (long long)at, (long long)(end - at));
			for (off_t o = at; o < end; o += n) {
				n = pread(fd, value, end - o < (off_t)sizeof(value) ? (size_t)(end - o) : sizeof(value),
					  o);
				if (n <= 0)
					break;
				for (ssize_t i = 0; i < n; i++)
					h = (h ^ (uint8_t)value[i]) * 1099511628211u;
			}
			cm_buf_printf(b, ":%llx", (unsigned long long)h);
			at = end;
		}
		if (fd >= 0)
			close(fd);
	}
	cm_buf_char(b, '\n');
}

static void rig_describe_tree(struct cm_buf *b, const char *path, const char *below)
{
	struct dirent **names;
	struct stat s;

	rig_describe(b, path, below);
	if (lstat(path, &s) != 0 || !S_ISDIR(s.st_mode))
		return;
	int n = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		cm_autofree char *p = cm_asprintf("%s/%s", path, names[i]->d_name);
		cm_autofree char *q = cm_asprintf("%s/%s", below, names[i]->d_name);
		if (strcmp(names[i]->d_name, ".") != 0 && strcmp(names[i]->d_name, "..") != 0)
			rig_describe_tree(b, p, q);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

/* Are the trees equal in every attribute? Prints the first lines that differ. */
RIG_UNUSED static bool rig_same(const char *a, const char *b)
{
	cm_autobuf struct cm_buf x = CM_BUF_INIT(256 << 20), y = CM_BUF_INIT(256 << 20);

	rig_describe_tree(&x, a, "");
	rig_describe_tree(&y, b, "");
	if (strcmp(x.data, y.data) == 0)
		return true;
	for (char *p = x.data, *q = y.data; *p || *q;) {
		size_t n = strcspn(p, "\n"), m = strcspn(q, "\n");
		if (n != m || memcmp(p, q, n) != 0) {
			printf("# %.*s\n# %.*s\n", (int)n, p, (int)m, q);
			break;
		}
		p += n + (p[n] == '\n');
		q += m + (q[m] == '\n');
	}
	return false;
}

#endif
