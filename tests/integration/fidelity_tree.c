/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes a tree of everything that is hard to keep, and tells all about every inode of a tree, one line a name. Static:
 * it is the only program in the images of the fidelity test. Knows nothing of the code it tests.
 *
 *	fidelity_tree make FOLDER COUNT	the hard tree, with COUNT small files; needs CAP_SYS_ADMIN for trusted.*
 *	fidelity_tree layer		changes, adds and deletes in the image that it runs in
 *	fidelity_tree list FOLDER	to standard output; other mounts are named, not entered
 *	fidelity_tree clear FOLDER	takes off the flags that forbid removing, then empties it
 *	fidelity_tree wait | check	a program for a container, and for its health check
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fidelity_tree.h"

enum { ATTRIBUTES_MAX = 256, VALUE_MAX = 65536 };

/* What a file system keeps for itself: how it stores the file, not what the file is. */
static const int inner_flags = 0x00080000 | 0x00001000 | 0x00200000 | 0x00040000 | 0x10000000;

static struct link {
	uint64_t ino;
	char *first;
} * links;
static size_t link_count;

/* The first name of each inode that has several. */
static const char *link_group(uint64_t ino, const char *path)
{
	for (size_t i = 0; i < link_count; i++)
		if (links[i].ino == ino)
			return links[i].first;
	links = realloc(links, (link_count + 1) * sizeof(*links));
	links[link_count++] = (struct link){ ino, strdup(path) };
	return links[link_count - 1].first;
}

static void put_text(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c > 0x20 && c < 0x7f && c != '\\' && c != '%')
			putchar(c);
		else
			printf("%%%02x", c);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_attributes(const char *path)
{
	static char list[VALUE_MAX], value[VALUE_MAX];
	char *names[ATTRIBUTES_MAX];
	ssize_t n = llistxattr(path, list, sizeof(list));
	size_t count = 0;

	for (char *p = list; n > 0 && p < list + n && count < ATTRIBUTES_MAX; p += strlen(p) + 1)
		names[count++] = p;
	qsort(names, count, sizeof(names[0]), by_text);
	for (size_t i = 0; i < count; i++) {
		ssize_t len = lgetxattr(path, names[i], value, sizeof(value));
		if (len < 0)
			err(1, "%s: %s", path, names[i]);
		printf(" x:%s=", names[i]);
		for (ssize_t k = 0; k < len; k++)
			printf("%02x", (unsigned char)value[k]);
	}
}

/* SHA-256 over every piece that is not zero, each with its place: the content, however it is stored. */
static void put_content(int fd, off_t size)
{
	static unsigned char data[1 << 16], zero[4096];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char sum[32];

	EVP_DigestInit_ex(md, EVP_sha256(), NULL);
	for (off_t at = lseek(fd, 0, SEEK_DATA); at >= 0 && at < size;) {
		at -= at % (off_t)sizeof(zero);
		ssize_t n = pread(fd, data, sizeof(data), at);
		if (n <= 0)
			err(1, "reading");
		for (ssize_t k = 0; k < n; k += (ssize_t)sizeof(zero)) {
			size_t len = (size_t)(n - k) < sizeof(zero) ? (size_t)(n - k) : sizeof(zero);
			uint64_t where = (uint64_t)(at + k);
			if (memcmp(data + k, zero, len) == 0)
				continue;
			EVP_DigestUpdate(md, &where, sizeof(where));
			EVP_DigestUpdate(md, data + k, len);
		}
		at = lseek(fd, at + n, SEEK_DATA);
	}
	EVP_DigestFinal_ex(md, sum, NULL);
	EVP_MD_CTX_free(md);
	printf(" sha=");
	for (size_t i = 0; i < sizeof(sum); i++)
		printf("%02x", sum[i]);
}

static char type_of(mode_t mode)
{
	return S_ISREG(mode)	? 'f'
	       : S_ISDIR(mode)	? 'd'
	       : S_ISLNK(mode)	? 'l'
	       : S_ISFIFO(mode) ? 'p'
	       : S_ISCHR(mode)	? 'c'
	       : S_ISBLK(mode)	? 'b'
				: 's';
}

static void put_inside(const char *path, const struct statx *st)
{
	char target[4097];
	int flags = 0;

	if (S_ISLNK(st->stx_mode)) {
		ssize_t n = readlink(path, target, sizeof(target));
		printf(" to=");
		put_text(target, n > 0 ? (size_t)n : 0);
	}
	if (S_ISCHR(st->stx_mode) || S_ISBLK(st->stx_mode))
		printf(" dev=%u:%u", st->stx_rdev_major, st->stx_rdev_minor);
	if (!S_ISREG(st->stx_mode) && !S_ISDIR(st->stx_mode))
		return;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", path);
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0)
		printf(" flags=%x", (unsigned)(flags & ~inner_flags));
	if (S_ISREG(st->stx_mode))
		put_content(fd, (off_t)st->stx_size);
	close(fd);
}

static void list(const char *path, size_t root_len, bool top)
{
	const char *name = path[root_len] == '/' ? path + root_len + 1 : path[root_len] ? path + root_len : ".";
	struct statx st;

	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &st) != 0)
		err(1, "%s", path);
	put_text(name, strlen(name));
	if (!top && (st.stx_attributes & STATX_ATTR_MOUNT_ROOT)) {
		printf(" mount\n");
		return;
	}
	printf(" %c mode=%o owner=%u:%u mtime=%lld.%09u links=%u", type_of(st.stx_mode), st.stx_mode & 07777u,
	       st.stx_uid, st.stx_gid, (long long)st.stx_mtime.tv_sec, st.stx_mtime.tv_nsec, st.stx_nlink);
	if (!S_ISDIR(st.stx_mode) && st.stx_nlink > 1) {
		printf(" group=");
		const char *first = link_group(st.stx_ino, name);
		put_text(first, strlen(first));
	}
	if (S_ISREG(st.stx_mode) || S_ISLNK(st.stx_mode))
		printf(" size=%llu blocks=%llu", (unsigned long long)st.stx_size, (unsigned long long)st.stx_blocks);
	put_inside(path, &st);
	put_attributes(path);
	putchar('\n');
	if (!S_ISDIR(st.stx_mode))
		return;
	struct dirent **names;
	int n = scandir(path, &names, NULL, NULL);
	if (n < 0)
		err(1, "%s", path);
	char **sorted = calloc((size_t)n + 1, sizeof(*sorted));
	for (int i = 0; i < n; i++) {
		sorted[i] = strdup(names[i]->d_name);
		free(names[i]);
	}
	free(names);
	qsort(sorted, (size_t)n, sizeof(*sorted), by_text);
	for (int i = 0; i < n; i++) {
		char *below;
		if (strcmp(sorted[i], ".") != 0 && strcmp(sorted[i], "..") != 0 &&
		    asprintf(&below, "%s/%s", strcmp(path, "/") == 0 ? "" : path, sorted[i]) > 0) {
			list(below, root_len, false);
			free(below);
		}
		free(sorted[i]);
	}
	free(sorted);
}

static void clear(const char *path, bool top)
{
	struct stat st;
	int flags = 0;

	if (lstat(path, &st) != 0)
		err(1, "%s", path);
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) {
		int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 &&
		    (flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)) != 0) {
			flags &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
			ioctl(fd, FS_IOC_SETFLAGS, &flags);
		}
		close(fd);
	}
	if (S_ISDIR(st.st_mode)) {
		DIR *d = opendir(path);
		const struct dirent *e;
		while (d != NULL && (e = readdir(d)) != NULL) {
			char *below;
			if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
			    asprintf(&below, "%s/%s", path, e->d_name) < 0)
				continue;
			clear(below, false);
			free(below);
		}
		if (d != NULL)
			closedir(d);
	}
	if (!top && remove(path) != 0)
		err(1, "%s", path);
}

/* The kernel gives the first process of a container only the signals it asked for. */
static int wait_for_end(void)
{
	static const int ends[] = { SIGTERM, SIGINT, SIGQUIT, SIGUSR1 };
	sigset_t set;
	int got;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigaddset(&set, ends[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return sigwait(&set, &got) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	umask(0);
	if (strcmp(what, "make") == 0 && argc == 4)
		return fidelity_make(argv[2], strtol(argv[3], NULL, 10));
	if (strcmp(what, "layer") == 0 && argc == 2)
		return fidelity_layer();
	if (strcmp(what, "list") == 0 && argc == 3) {
		list(argv[2], strcmp(argv[2], "/") == 0 ? 0 : strlen(argv[2]), true);
		return fflush(stdout) == 0 ? 0 : 1;
	}
	if (strcmp(what, "clear") == 0 && argc == 3) {
		clear(argv[2], true);
		return 0;
	}
	if (strcmp(what, "wait") == 0)
		return wait_for_end();
	if (strcmp(what, "check") == 0)
		return 0;
	warnx("usage: make FOLDER COUNT | layer | list FOLDER | clear FOLDER | wait | check");
	return 2;
}
