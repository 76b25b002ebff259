/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "helper/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "archive/format.h"
#include "core/mem.h"
#include "core/str.h"
#include "helper/hardlinks.h"
#include "helper/inode.h"

enum { OPEN_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, DEPTH_MAX = 3000 };

struct walk {
	const struct cm_walk_options *o;
	const struct cm_walk_events *events;
	struct cm_inode *inode;
	struct cm_hardlinks *links;
	bool links_full_said;
	uint32_t dev_major, dev_minor; /* of the tree */
	struct cm_buf link;	       /* target of the current entry */
	char path[CM_PATH_MAX + 1];    /* of the current entry, below the tree */
	size_t len;
	unsigned depth;
};

static void warn(struct walk *w, const char *text)
{
	if (w->events->warn != NULL)
		w->events->warn(w->events->ctx, w->len > 0 ? w->path : ".", w->len > 0 ? w->len : 1, text);
}

static int fail(struct walk *w, int code, const char *why, struct cm_err *err)
{
	cm_autobuf struct cm_buf clean = CM_BUF_INIT(4096);

	cm_utf8_clean(&clean, w->len > 0 ? w->path : ".", w->len > 0 ? (w->len < 300 ? w->len : 300) : 1);
	return cm_err_set(err, code, "%s: %s.", clean.data, why);
}

static int unreadable(struct walk *w, int errnum, struct cm_err *err)
{
	char why[128];

	snprintf(why, sizeof(why), "it cannot be read (%s)", strerrordesc_np(errnum) ? strerrordesc_np(errnum) : "?");
	return fail(w, CM_EIO, why, err);
}

static bool vanished(int errnum)
{
	return errnum == ENOENT || errnum == ESTALE;
}

static bool excluded(const struct walk *w)
{
	for (size_t i = 0; i < w->o->exclude_count; i++)
		if (strcmp(w->o->exclude[i], w->path) == 0)
			return true;
	return false;
}

/* One name in a folder, opened as far as its kind allows. */
struct found {
	int fd; /* of a file or folder, else -1 */
	struct statx st;
	char type;
};

/* 1: found; 0: gone, warned; negative: error. type is what readdir said, 0 when it did not know. */
static int find(struct walk *w, int dir_fd, const char *name, unsigned char type, struct found *f, struct cm_err *err)
{
	const unsigned want = STATX_BASIC_STATS;

	*f = (struct found){ .fd = -1 };
	/* Twice, when its kind changed in between. */
	for (int attempt = 0; attempt < 2; attempt++) {
		if (attempt > 0 || (type != DT_REG && type != DT_DIR)) {
			if (statx(dir_fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, want, &f->st) != 0)
				break;
			f->type = cm_inode_type(f->st.stx_mode);
			if (f->type != 'f' && f->type != 'd')
				return 1;
		}
		f->fd = openat(dir_fd, name, OPEN_FLAGS);
		if (f->fd < 0 && (errno == ELOOP || errno == ENXIO || errno == ENODEV))
			continue;
		if (f->fd < 0)
			break;
		if (statx(f->fd, "", AT_EMPTY_PATH, want, &f->st) != 0)
			break;
		f->type = cm_inode_type(f->st.stx_mode);
		if (f->type == 'f' || f->type == 'd')
			return 1;
		close(f->fd);
		f->fd = -1;
	}
	int e = errno;
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	if (!vanished(e))
		return unreadable(w, e, err);
	warn(w, "it vanished while the backup was made");
	return 0;
}

static bool is_mount(const struct walk *w, const struct statx *st)
{
	if (st->stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)
		return (st->stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
	return st->stx_dev_major != w->dev_major || st->stx_dev_minor != w->dev_minor;
}

/* The target of a symbolic link. 1: read; 0: gone, warned. */
static int read_link(struct walk *w, int dir_fd, const char *name, struct cm_err *err)
{
	cm_buf_reset(&w->link);
	char *p = cm_buf_room(&w->link, 4096);
	ssize_t n = p != NULL ? readlinkat(dir_fd, name, p, 4096) : -1;

	if (n > 0 && n < 4096) {
		cm_buf_grew(&w->link, (size_t)n);
		return 1;
	}
	if (n >= 0 || !vanished(errno))
		return unreadable(w, n >= 0 ? ENAMETOOLONG : errno, err);
	warn(w, "it vanished while the backup was made");
	return 0;
}

/* Is this another name of a file that was reported already? Then the entry becomes a hard link. */
static bool other_name(struct walk *w, const struct found *f, struct cm_entry *e)
{
	size_t dir_len = w->len;

	if (f->type == 'd' || f->st.stx_nlink < 2 || w->o->links_apart)
		return false;
	/* A subvolume of the same file system has inode numbers of its own. */
	if (f->st.stx_dev_major != w->dev_major || f->st.stx_dev_minor != w->dev_minor)
		return false;
	while (dir_len > 0 && w->path[dir_len] != '/')
		dir_len--;
	switch (cm_hardlinks_seen(w->links, f->st.stx_ino, w->path, dir_len, &w->link)) {
	case CM_HARDLINK_AGAIN:
		e->type = 'h';
		e->size = e->stored = 0;
		e->flags = 0;
		e->xattr_count = 0;
		e->link = w->link.data;
		e->link_len = w->link.len;
		return true;
	case CM_HARDLINK_FULL:
		if (!w->links_full_said)
			warn(w, "there are too many hard links: from here on each name is saved as a file of its own");
		w->links_full_said = true;
		return false;
	default:
		return false;
	}
}

/* bare: of a folder that is saved by itself; what forbids changes to it must wait until it is filled. */
static int report(struct walk *w, int dir_fd, const char *name, const struct found *f, bool bare, struct cm_err *err)
{
	struct cm_entry e = { .path = w->len > 0 ? w->path : ".", .path_len = w->len > 0 ? w->len : 1 };
	struct cm_inode_notes notes;
	int rc = cm_inode_read(w->inode, f->fd, dir_fd, name, &f->st, w->o->overlay, &e, &notes, err);

	if (rc < 0) {
		cm_autofree char *why = cm_strdup(err->text);
		return fail(w, rc, why, err);
	}
	if (bare)
		e.flags = 0;
	if (notes.elsewhere)
		return fail(w, CM_EUNSUPPORTED,
			    "its content is in a lower layer (the engine's storage uses redirects or metacopy)", err);
	if (notes.attributes_unreadable)
		warn(w, "some of its attributes cannot be read");
	if (notes.opaque && w->events->deleted != NULL) {
		rc = w->events->deleted(w->events->ctx, e.path, e.path_len, true, err);
		if (rc < 0)
			return rc;
	}
	bool again = other_name(w, f, &e);
	if (e.type == 'l' && !again) {
		rc = read_link(w, dir_fd, name, err);
		if (rc <= 0)
			return rc;
		e.link = w->link.data;
		e.link_len = w->link.len;
	}
	return w->events->entry(w->events->ctx, &e, again ? -1 : f->fd, &f->st, err);
}

static int walk_folder(struct walk *w, int fd, struct cm_err *err);

static int walk_one(struct walk *w, int dir_fd, const char *name, unsigned char type, struct cm_err *err)
{
	struct found f;
	int rc = find(w, dir_fd, name, type, &f, err);

	if (rc <= 0)
		return rc;
	bool left_out = w->o->exclude_count > 0 && excluded(w);
	bool mounted = is_mount(w, &f.st);
	if (left_out && f.type != 'd') {
		if (f.fd >= 0)
			close(f.fd);
		return 0;
	}
	if (f.type == 's') {
		warn(w, "sockets cannot be saved; it was left out");
		return 0;
	}
	if (mounted && !left_out)
		warn(w, f.type == 'd' ? "something else is mounted here; its content was left out"
				      : "something else is mounted here; it was left out");
	if (mounted && f.type != 'd') {
		rc = 0;
	} else if (w->o->overlay && f.type == 'c' && f.st.stx_rdev_major == 0 && f.st.stx_rdev_minor == 0) {
		rc = w->events->deleted ? w->events->deleted(w->events->ctx, w->path, w->len, false, err) : 0;
	} else {
		rc = report(w, dir_fd, name, &f, left_out, err);
		if (rc == 0 && f.type == 'd' && !mounted && !left_out) {
			rc = walk_folder(w, f.fd, err);
			f.fd = -1;
		}
	}
	if (f.fd >= 0)
		close(f.fd);
	return rc;
}

static int walk_name(struct walk *w, int dir_fd, const struct dirent *d, struct cm_err *err)
{
	size_t before = w->len, name_len = strlen(d->d_name);
	int rc;

	if (before + 1 + name_len > CM_PATH_MAX)
		return fail(w, CM_ETOOBIG, "the paths in it are longer than a backup can hold", err);
	if (before > 0)
		w->path[w->len++] = '/';
	memcpy(w->path + w->len, d->d_name, name_len + 1);
	w->len += name_len;
	rc = walk_one(w, dir_fd, d->d_name, d->d_type, err);
	w->len = before;
	w->path[before] = '\0';
	return rc;
}

/* Takes fd. */
static int walk_folder(struct walk *w, int fd, struct cm_err *err)
{
	DIR *d = fdopendir(fd);
	int rc = 0;

	if (d == NULL) {
		close(fd);
		return unreadable(w, errno, err);
	}
	if (++w->depth > DEPTH_MAX)
		rc = fail(w, CM_ETOOBIG, "folders are nested deeper than a backup can hold", err);
	while (rc == 0) {
		errno = 0;
		const struct dirent *e = readdir(d);
		if (e == NULL) {
			if (errno != 0 && !vanished(errno))
				rc = unreadable(w, errno, err);
			break;
		}
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = walk_name(w, fd, e, err);
	}
	w->depth--;
	closedir(d);
	return rc;
}

static struct walk *walk_new(const struct cm_walk_options *o, const struct cm_walk_events *events)
{
	struct walk *w = cm_alloc(sizeof(*w));

	w->o = o;
	w->events = events;
	w->inode = cm_inode_new();
	w->links = cm_hardlinks_new();
	cm_buf_init(&w->link, CM_PATH_MAX);
	return w;
}

static void walk_free(struct walk *w)
{
	cm_inode_free(w->inode);
	cm_hardlinks_free(w->links);
	cm_buf_release(&w->link);
	free(w);
}

int cm_walk(const char *path, const struct cm_walk_options *o, const struct cm_walk_events *events, struct cm_err *err)
{
	struct walk *w = walk_new(o, events);
	struct found f = { .fd = open(path, OPEN_FLAGS | O_DIRECTORY), .type = 'd' };
	int rc = 0;

	if (f.fd < 0)
		rc = errno == ENOENT || errno == ENOTDIR ? cm_err_set(err, CM_ENOTFOUND, "The folder does not exist.")
							 : unreadable(w, errno, err);
	else if (statx(f.fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &f.st) != 0)
		rc = unreadable(w, errno, err);
	if (rc == 0) {
		w->dev_major = f.st.stx_dev_major;
		w->dev_minor = f.st.stx_dev_minor;
		rc = report(w, -1, "", &f, false, err);
	}
	if (rc == 0)
		rc = walk_folder(w, f.fd, err);
	else if (f.fd >= 0)
		close(f.fd);
	walk_free(w);
	return rc;
}

int cm_walk_file(const char *path, const char *name, const struct cm_walk_events *events, struct cm_err *err)
{
	static const struct cm_walk_options apart = { .links_apart = true };
	struct walk *w = walk_new(&apart, events);
	struct found f;
	int rc;

	cm_str_copy(w->path, sizeof(w->path), name);
	w->len = strlen(w->path);
	f.fd = open(path, OPEN_FLAGS);
	if (f.fd < 0)
		rc = errno == ENOENT ? cm_err_set(err, CM_ENOTFOUND, "The file does not exist.")
				     : unreadable(w, errno, err);
	else if (statx(f.fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &f.st) != 0)
		rc = unreadable(w, errno, err);
	else if ((f.type = cm_inode_type(f.st.stx_mode)) != 'f')
		rc = fail(w, CM_EUNSUPPORTED, "it is not a regular file", err);
	else
		rc = report(w, -1, "", &f, false, err);
	if (f.fd >= 0)
		close(f.fd);
	walk_free(w);
	return rc;
}

int cm_open_below(const char *root, const char *path, int flags, struct cm_err *err)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (path[0] == '\0')
		path = ".";
	if (fd >= 0 && strcmp(path, ".") != 0 && !cm_entry_path_ok(path, strlen(path))) {
		close(fd);
		return cm_err_set(err, CM_EINVAL, "This path is not allowed.");
	}
	while (fd >= 0) {
		char name[256];
		size_t n = strcspn(path, "/");
		bool last = path[n] == '\0';
		memcpy(name, path, n);
		name[n] = '\0';
		int next = openat(
		    fd, name, last ? flags | O_NOFOLLOW | O_CLOEXEC : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		int e = errno;
		close(fd);
		errno = e;
		fd = next;
		if (last)
			break;
		path += n + 1;
	}
	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
		return cm_err_set(err, CM_ENOTFOUND, "There is no such file or folder.");
	return cm_err_errno(err, errno, "opening a file");
}
