/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "helper/inode.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/xattr.h>

#include "archive/format.h"
#include "core/mem.h"
#include "core/str.h"

enum { LIST_SHORT = 256, LIST_MAX = 65536, VALUE_MAX = 65536, ARENA = CM_HEADERS_MAX, XATTRS = 4096 };

struct cm_inode {
	char list[LIST_MAX];
	char *arena; /* values; mapped, touched only as far as it is used */
	size_t used;
	struct cm_xattr xattrs[XATTRS];
};

struct cm_inode *cm_inode_new(void)
{
	struct cm_inode *i = cm_alloc(sizeof(*i));

	i->arena = mmap(NULL, ARENA + VALUE_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (i->arena == MAP_FAILED) {
		fputs("cm-helper: out of memory\n", stderr);
		abort();
	}
	return i;
}

void cm_inode_free(struct cm_inode *i)
{
	if (i == NULL)
		return;
	munmap(i->arena, ARENA + VALUE_MAX);
	free(i);
}

char cm_inode_type(uint16_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return 'f';
	case S_IFDIR:
		return 'd';
	case S_IFLNK:
		return 'l';
	case S_IFIFO:
		return 'p';
	case S_IFCHR:
		return 'c';
	case S_IFBLK:
		return 'b';
	default:
		return 's';
	}
}

/* Where a file that cannot be opened is, for the calls that take only a path: its folder is open, so nothing on the way
 * can be swapped. */
static void proc_path(char out[300], int dir_fd, const char *name)
{
	snprintf(out, 300, "/proc/self/fd/%d/%s", dir_fd, name);
}

static bool overlay_attribute(const char *name, const char *value, size_t len, struct cm_inode_notes *notes)
{
	static const char *const prefixes[] = { "trusted.overlay.", "user.overlay." };

	for (size_t k = 0; k < CM_COUNT(prefixes); k++) {
		if (!cm_str_has_prefix(name, prefixes[k]))
			continue;
		const char *what = name + strlen(prefixes[k]);
		if (strcmp(what, "opaque") == 0 && len == 1 && value[0] == 'y')
			notes->opaque = true;
		if (strcmp(what, "redirect") == 0 || strcmp(what, "metacopy") == 0)
			notes->elsewhere = true;
		return true;
	}
	return false;
}

static int read_one(struct cm_inode *i, int fd, const char *path, const char *name, bool overlay, struct cm_entry *ret,
		    struct cm_inode_notes *notes, struct cm_err *err)
{
	char *value = i->arena + i->used;
	ssize_t n = fd >= 0 ? fgetxattr(fd, name, value, VALUE_MAX) : lgetxattr(path, name, value, VALUE_MAX);

	if (n < 0) {
		/* It went away after the list was made. */
		notes->attributes_unreadable |= errno != ENODATA;
		return 0;
	}
	if (overlay && overlay_attribute(name, value, (size_t)n, notes))
		return 0;
	i->used += (size_t)n;
	if (i->used > ARENA || ret->xattr_count == XATTRS)
		return cm_err_set(err, CM_ETOOBIG, "it has more extended attributes than a backup can hold (%d MB)",
				  ARENA >> 20);
	i->xattrs[ret->xattr_count++] = (struct cm_xattr){ name, value, (size_t)n };
	return 0;
}

/* Equal files must give equal headers, and file systems list attributes in any order. */
static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct cm_xattr *)a)->name, ((const struct cm_xattr *)b)->name);
}

/* The kernel takes as much memory as it is offered room, for every file; nearly all lists are empty or short. */
static ssize_t list_names(struct cm_inode *i, int fd, const char *path)
{
	ssize_t n = fd >= 0 ? flistxattr(fd, i->list, LIST_SHORT) : llistxattr(path, i->list, LIST_SHORT);

	if (n < 0 && errno == ERANGE)
		n = fd >= 0 ? flistxattr(fd, i->list, LIST_MAX) : llistxattr(path, i->list, LIST_MAX);
	return n;
}

static int read_xattrs(struct cm_inode *i, int fd, const char *path, bool overlay, struct cm_entry *ret,
		       struct cm_inode_notes *notes, struct cm_err *err)
{
	ssize_t n = list_names(i, fd, path);

	i->used = 0;
	ret->xattrs = i->xattrs;
	ret->xattr_count = 0;
	if (n < 0) {
		notes->attributes_unreadable |= errno != ENOTSUP && errno != ENOENT;
		return 0;
	}
	for (const char *name = i->list; name < i->list + n; name += strlen(name) + 1) {
		int rc = read_one(i, fd, path, name, overlay, ret, notes, err);
		if (rc < 0)
			return rc;
	}
	if (ret->xattr_count > 1)
		qsort(i->xattrs, ret->xattr_count, sizeof(i->xattrs[0]), by_name);
	return 0;
}

static uint32_t read_flags(int fd, struct cm_inode_notes *notes)
{
	int flags = 0;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0)
		return (uint32_t)flags & CM_ENTRY_FLAGS;
	/* Many file systems have no flags; only being refused is worth a word. */
	notes->attributes_unreadable |= errno == EPERM || errno == EACCES;
	return 0;
}

int cm_inode_read(struct cm_inode *i, int fd, int dir_fd, const char *name, const struct statx *st, bool overlay,
		  struct cm_entry *ret, struct cm_inode_notes *notes, struct cm_err *err)
{
	char path[300] = "";

	*notes = (struct cm_inode_notes){ 0 };
	ret->type = cm_inode_type(st->stx_mode);
	ret->mode = st->stx_mode & 07777;
	ret->uid = st->stx_uid;
	ret->gid = st->stx_gid;
	ret->mtime_s = st->stx_mtime.tv_sec;
	ret->mtime_ns = st->stx_mtime.tv_nsec;
	ret->size = ret->stored = ret->type == 'f' ? st->stx_size : 0;
	ret->sparse = false;
	ret->rdev_major = st->stx_rdev_major;
	ret->rdev_minor = st->stx_rdev_minor;
	ret->flags = fd >= 0 ? read_flags(fd, notes) : 0;
	if (fd < 0)
		proc_path(path, dir_fd, name);
	return read_xattrs(i, fd, path, overlay, ret, notes, err);
}
