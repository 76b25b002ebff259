/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fidelity_tree.h"

static void must(bool ok, const char *what)
{
	if (!ok)
		err(1, "%s", what);
}

static void fill(int fd, off_t at, size_t len, uint64_t seed)
{
	unsigned char data[1 << 16];

	while (len > 0) {
		size_t n = len < sizeof(data) ? len : sizeof(data);
		for (size_t i = 0; i < n; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			data[i] = (unsigned char)(seed >> 56);
		}
		must(pwrite(fd, data, n, at) == (ssize_t)n, "writing");
		at += (off_t)n;
		len -= n;
	}
}

static void file(const char *path, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0, path);
	fill(fd, 0, len, len + (unsigned char)path[0]);
	must(fchmod(fd, mode) == 0, path);
	close(fd);
}

static void folder(const char *path, mode_t mode)
{
	must(mkdir(path, 0700) == 0 && chmod(path, mode) == 0, path);
}

static void attribute(const char *path, const char *name, const void *value, size_t len)
{
	must(lsetxattr(path, name, value, len, 0) == 0, name);
}

static void flag(const char *path, int add)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), flags = 0;

	must(fd >= 0, path);
	/* Not every file system has flags. */
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
		flags |= add;
		if (ioctl(fd, FS_IOC_SETFLAGS, &flags) != 0)
			warn("flags of %s", path);
	}
	close(fd);
}

/* An ACL in the kernel's form: owner, user 1000, group, mask, others. */
static void acl(const char *path, const char *name, unsigned char user, unsigned char mask)
{
	unsigned char a[4 + 6 * 8] = { 2 };
	const struct {
		unsigned char tag, rights;
		uint32_t id;
	} lines[] = { { 0x01, 7, UINT32_MAX }, { 0x02, user, 1000 },	   { 0x04, 5, UINT32_MAX },
		      { 0x08, user, 3000001 }, { 0x10, mask, UINT32_MAX }, { 0x20, 0, UINT32_MAX } };

	for (size_t i = 0; i < 6; i++) {
		unsigned char *p = a + 4 + 8 * i;
		p[0] = lines[i].tag;
		p[2] = lines[i].rights;
		memcpy(p + 4, &lines[i].id, 4);
	}
	attribute(path, name, a, sizeof(a));
}

static void attributes(void)
{
	/* cap_net_bind_service,cap_net_raw+ep in the kernel's form. */
	const unsigned char caps[20] = { 0x01, 0x00, 0x00, 0x02, 0x00, 0x24 };
	char big[2500], name[40];

	memset(big, 0xab, sizeof(big));
	folder("attributes", 0755);
	file("attributes/user", 10, 0644);
	attribute("attributes/user", "user.empty", "", 0);
	attribute("attributes/user", "user.binary", "\0\n=\xff\0", 5);
	attribute("attributes/user", "user.with = sign and\nline", "v", 1);
	file("attributes/big", 10, 0644);
	attribute("attributes/big", "user.big", big, sizeof(big));
	file("attributes/many", 10, 0644);
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "user.number.%d", i);
		attribute("attributes/many", name, name, strlen(name));
	}
	file("attributes/trusted", 0, 0600);
	attribute("attributes/trusted", "trusted.secret", "t", 1);
	folder("attributes/folder", 0711);
	attribute("attributes/folder", "user.of-folder", "f", 1);
	attribute("attributes/folder", "trusted.of-folder", "f", 1);
	must(symlink("nowhere", "attributes/link") == 0, "link");
	attribute("attributes/link", "trusted.of-link", "l", 1);
	must(mkfifo("attributes/fifo", 0640) == 0, "fifo");
	attribute("attributes/fifo", "trusted.of-fifo", "p", 1);
	file("attributes/capable", 100, 0755);
	must(chown("attributes/capable", 7, 8) == 0, "chown");
	attribute("attributes/capable", "security.capability", caps, sizeof(caps));
	file("attributes/acl", 100, 0640);
	acl("attributes/acl", "system.posix_acl_access", 6, 4);
	folder("attributes/acl-folder", 02770);
	acl("attributes/acl-folder", "system.posix_acl_access", 7, 7);
	acl("attributes/acl-folder", "system.posix_acl_default", 5, 5);
	file("attributes/acl-folder/inherits", 5, 0640);
	file("attributes/acl-folder/plain", 5, 0640);
	must(removexattr("attributes/acl-folder/plain", "system.posix_acl_access") == 0, "acl");
	must(chmod("attributes/acl-folder/plain", 0604) == 0, "chmod");
	folder("attributes/acl-folder/below", 0750);
	must(mkfifo("attributes/acl-folder/fifo", 0604) == 0, "fifo");
}

static void kinds(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "kinds/socket" };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	folder("kinds", 0755);
	must(mkfifo("kinds/fifo", 0622) == 0, "fifo");
	must(mknod("kinds/null", S_IFCHR | 0666, makedev(1, 3)) == 0, "null");
	must(mknod("kinds/whiteout", S_IFCHR | 0600, makedev(0, 0)) == 0, "whiteout");
	must(mknod("kinds/high", S_IFCHR | 0600, makedev(4000, 1000000)) == 0, "high");
	must(mknod("kinds/block", S_IFBLK | 0660, makedev(7, 200)) == 0, "block");
	must(symlink("../../../etc/passwd", "kinds/outward") == 0, "link");
	must(symlink("/", "kinds/root") == 0, "link");
	must(symlink("bad \xff\xfe\n name", "kinds/strange") == 0, "link");
	must(lchown("kinds/strange", 3000001, 3000002) == 0, "lchown");
	must(s >= 0 && bind(s, (struct sockaddr *)&name, sizeof(name)) == 0, "socket");
	close(s);
}

static void modes(void)
{
	static const struct {
		const char *name;
		mode_t mode;
	} m[] = { { "setuid", 04755 }, { "setgid", 02755 }, { "both", 06711 }, { "sticky-file", 01644 },
		  { "nothing", 0 },    { "write", 0200 },   { "all", 07777 },  { "locked", 02654 } };
	char path[64];

	folder("modes", 0755);
	for (size_t i = 0; i < sizeof(m) / sizeof(m[0]); i++) {
		snprintf(path, sizeof(path), "modes/%s", m[i].name);
		file(path, 20, 0600);
		must(chown(path, (uid_t)i, 100) == 0 && chmod(path, m[i].mode) == 0, path);
	}
	folder("modes/sticky", 01777);
	folder("modes/closed", 0700);
	file("modes/closed/inside", 3, 0);
	must(chmod("modes/closed", 0) == 0, "closed");
	file("modes/owner", 3, 0644);
	must(chown("modes/owner", 3000001, 3000002) == 0, "owner");
	file("modes/highest", 3, 0644);
	must(chown("modes/highest", 4294967294u, 4294967294u) == 0, "highest");
	folder("modes/owned", 0750);
	must(chown("modes/owned", 3000001, 5) == 0, "owned");
}

static void names(void)
{
	static const char *const odd[] = {
		"new\nline",  "not\xff\xfeutf8", "latin\xe9",  " lead",	     "trail ",	 "-rf",
		"quote\"'`$", "back\\slash",	 "a=b",	       "*?[x]",	     "tab\t",	 "...",
		"..x",	      ".wh.hidden",	 "PaxHeaders", "bell\a\x7f", "\xc3\xa9", "e\xcc\x81",
		"100% %n",    "backup.json",	 "CON",	       "case",	     "CASE"
	};
	char path[700] = "names/";
	size_t n;

	folder("names", 0755);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		snprintf(path, sizeof(path), "names/%s", odd[i]);
		file(path, i, 0644);
	}
	memset(path + 6, 'n', 255);
	path[6 + 255] = '\0';
	file(path, 7, 0644);
	memset(path + 6, '\xfe', 255);
	file(path, 8, 0644);
	/* Folders inside each other, until the path has 364 bytes. */
	strcpy(path, "names/deep");
	folder(path, 0755);
	for (n = strlen(path); n < 364 - 26; n += 25) {
		snprintf(path + n, sizeof(path) - n, "/%.24s", "twenty-four-bytes-long--");
		folder(path, 0755);
	}
	path[n++] = '/';
	memset(path + n, 'f', 364 - n);
	path[364] = '\0';
	file(path, 9, 0644);
}

static void hard_links(void)
{
	folder("links", 0755);
	folder("links/a", 0755);
	folder("links/z", 0755);
	file("links/z/first", 5000, 0640);
	must(link("links/z/first", "links/a/second") == 0 && link("links/z/first", "links/third") == 0, "link");
	attribute("links/third", "user.shared", "by three", 8);
	must(symlink("first", "links/z/sym") == 0, "symlink");
	must(linkat(AT_FDCWD, "links/z/sym", AT_FDCWD, "links/a/sym-again", 0) == 0, "link");
	must(mkfifo("links/z/pipe", 0600) == 0 && link("links/z/pipe", "links/a/pipe-again") == 0, "link");
	must(mknod("links/z/dev", S_IFCHR | 0600, makedev(1, 5)) == 0 && link("links/z/dev", "links/dev-again") == 0,
	     "link");
	file("links/z/empty", 0, 0600);
	must(link("links/z/empty", "links/new\nline-\xff") == 0, "link");
	file("links/z/kept", 10, 0600);
	must(link("links/z/kept", "links/kept-again") == 0, "link");
}

static void sparse(void)
{
	static const struct {
		const char *name;
		off_t size, data[3];
	} s[] = {
		{ "300M", 300 << 20, { 0, 150 << 20, (300 << 20) - 5000 } },
		{ "9G", (off_t)9 << 30, { 4096, (off_t)5 << 30, ((off_t)9 << 30) - 70000 } },
		{ "9G-empty", ((off_t)9 << 30) + 1, { -1, -1, -1 } },
		{ "tail", 50 << 20, { 0, -1, -1 } },
		{ "head", 50 << 20, { (50 << 20) - 100, -1, -1 } },
		{ "odd", (3 << 20) + 17, { (1 << 20) + 3, -1, -1 } },
	};
	char path[64];

	folder("sparse", 0755);
	for (size_t i = 0; i < sizeof(s) / sizeof(s[0]); i++) {
		snprintf(path, sizeof(path), "sparse/%s", s[i].name);
		int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		must(fd >= 0 && ftruncate(fd, s[i].size) == 0, path);
		for (size_t k = 0; k < 3; k++)
			if (s[i].data[k] >= 0)
				fill(fd, s[i].data[k],
				     (size_t)(s[i].size - s[i].data[k] < 5000 ? s[i].size - s[i].data[k] : 5000), i);
		close(fd);
	}
	/* Zeros that are written are no holes, but the same content. */
	file("sparse/zeros", 0, 0600);
	int fd = open("sparse/zeros", O_WRONLY | O_CLOEXEC);
	const char zeros[65536] = { 0 };
	for (int i = 0; i < 16; i++)
		must(write(fd, zeros, sizeof(zeros)) == sizeof(zeros), "zeros");
	close(fd);
}

static void content(long count)
{
	char path[64];

	file("nothing", 0, 0644);
	file("one-byte", 1, 0644);
	file("block", 4096, 0644);
	file("four-MiB", 4 << 20, 0644);
	file("more", (9 << 20) + 1, 0644);
	folder("times", 0755);
	file("times/ns", 1, 0644);
	file("times/before-1970", 1, 0644);
	file("times/zero", 1, 0644);
	file("times/future", 1, 0644);
	folder("times/old-folder", 0755);
	file("times/old-folder/inside", 1, 0644);
	must(symlink("ns", "times/link") == 0, "link");
	folder("many", 0755);
	for (long i = 0; i < count; i++) {
		if (i % 500 == 0) {
			snprintf(path, sizeof(path), "many/%ld", i / 500);
			folder(path, 0755);
		}
		snprintf(path, sizeof(path), "many/%ld/%ld", i / 500, i);
		file(path, (size_t)(i % 97), i % 3 ? 0644 : 0600);
	}
}

static void set_time(const char *path, time_t s, long ns)
{
	const struct timespec t[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = s, .tv_nsec = ns } };

	must(utimensat(AT_FDCWD, path, t, AT_SYMLINK_NOFOLLOW) == 0, path);
}

/* Each inode gets a time of its own, down to the nanosecond. */
static int own_time(const char *path, const struct stat *st, int type, struct FTW *f)
{
	uint64_t h = 1469598103934665603u;

	(void)st, (void)type, (void)f;
	for (const char *p = path; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211u;
	set_time(path, (time_t)(h % 1700000000u) - 100000000, (long)(h >> 32) % 1000000000);
	return 0;
}

static void flags(void)
{
	flag("flags/immutable", FS_IMMUTABLE_FL);
	flag("flags/append", FS_APPEND_FL);
	flag("flags/nodump", FS_NODUMP_FL | FS_NOATIME_FL);
	flag("flags/sync", FS_SYNC_FL);
	flag("flags/folder", FS_DIRSYNC_FL | FS_NODUMP_FL);
	flag("flags/closed", FS_IMMUTABLE_FL);
	flag("links/z/kept", FS_IMMUTABLE_FL);
}

int fidelity_make(const char *where, long count)
{
	must(chdir(where) == 0, where);
	attributes();
	kinds();
	modes();
	names();
	hard_links();
	sparse();
	content(count);
	folder("flags", 0755);
	file("flags/immutable", 10, 0644);
	file("flags/append", 10, 0644);
	file("flags/nodump", 10, 0644);
	file("flags/sync", 10, 0644);
	folder("flags/folder", 0755);
	file("flags/folder/inside", 3, 0644);
	folder("flags/closed", 0755);
	file("flags/closed/inside", 3, 0644);
	/* In a volume these two are attributes like any other. */
	folder("opaque", 0755);
	attribute("opaque", "trusted.overlay.opaque", "y", 1);
	must(chown(".", 3000001, 70) == 0 && chmod(".", 02751) == 0, "root");
	attribute(".", "user.root", "of the volume", 13);
	must(nftw(".", own_time, 64, FTW_PHYS | FTW_DEPTH) == 0, "times");
	set_time("times/ns", 1, 1);
	set_time("times/before-1970", -86400 * 365 * 20, 999999999);
	set_time("times/zero", 0, 0);
	set_time("times/future", 4102444800, 123456789);
	set_time("times/old-folder", -1, 500000000);
	flags();
	return 0;
}

static void layer_attributes(void)
{
	const unsigned char caps[20] = { 0x01, 0x00, 0x00, 0x02, 0x00, 0x24 };

	folder("added", 0750);
	attribute("added", "user.of-folder", "f", 1);
	file("added/user", 10, 0644);
	attribute("added/user", "user.one", "1\n", 2);
	attribute("added/user", "trusted.two", "2", 1);
	file("added/capable", 50, 0755);
	attribute("added/capable", "security.capability", caps, sizeof(caps));
	file("added/acl", 50, 0640);
	acl("added/acl", "system.posix_acl_access", 6, 4);
	folder("added/acl-folder", 02770);
	acl("added/acl-folder", "system.posix_acl_default", 5, 5);
	file("added/setuid", 5, 0600);
	must(chown("added/setuid", 3000001, 3000002) == 0 && chmod("added/setuid", 06755) == 0, "setuid");
}

/* The image has /etc/{replaced,appended,mode,deleted}, /etc/{dir,gone,becomes-file}/x, /etc/becomes-folder. */
int fidelity_layer(void)
{
	must(chdir("/") == 0, "/");
	layer_attributes();
	must(unlink("etc/deleted") == 0, "deleted");
	must(unlink("etc/gone/x") == 0 && rmdir("etc/gone") == 0, "gone");
	file("etc/replaced", 77, 0604);
	must(chmod("etc/mode", 0711) == 0 && chown("etc/mode", 9, 9) == 0, "mode");
	must(unlink("etc/dir/x") == 0 && rmdir("etc/dir") == 0, "dir");
	folder("etc/dir", 0705);
	file("etc/dir/y", 3, 0644);
	must(unlink("etc/becomes-file/x") == 0 && rmdir("etc/becomes-file") == 0, "becomes-file");
	file("etc/becomes-file", 4, 0644);
	must(unlink("etc/becomes-folder") == 0, "becomes-folder");
	folder("etc/becomes-folder", 0755);
	file("etc/becomes-folder/x", 5, 0644);
	int fd = open("etc/appended", O_WRONLY | O_APPEND | O_CLOEXEC);
	must(fd >= 0 && write(fd, "more\n", 5) == 5 && close(fd) == 0, "appended");
	must(mkfifo("added/fifo", 0600) == 0, "fifo");
	must(mknod("added/null", S_IFCHR | 0666, makedev(1, 3)) == 0, "null");
	must(symlink("/etc/deleted", "added/link") == 0, "link");
	must(link("added/user", "added/user-again") == 0 && link("added/user", "etc/user-again") == 0, "link");
	must(link("etc/linked", "added/linked-again") == 0, "link");
	file("added/not\xff\nutf8", 3, 0644);
	file("added/.wh.strange", 3, 0644);
	fd = open("added/sparse", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	must(fd >= 0 && ftruncate(fd, 64 << 20) == 0, "sparse");
	fill(fd, 32 << 20, 5000, 1);
	close(fd);
	must(nftw("added", own_time, 64, FTW_PHYS | FTW_DEPTH) == 0, "times");
	set_time("added/setuid", -1000, 5);
	set_time("etc/dir", -1, 7);
	set_time("etc", 1000000000, 999999999);
	set_time("/", 999999999, 1);
	flag("added/acl", FS_NODUMP_FL);
	return 0;
}
