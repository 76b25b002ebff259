/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/owner.h"

enum { PATH_SIZE = sizeof(((struct cm_app *)0)->config_dir) + 16 };

static void lock_path(const struct cm_app *app, char dst[PATH_SIZE])
{
	snprintf(dst, PATH_SIZE, "%s/runner.lock", app->config_dir);
}

static void wake_path(const struct cm_app *app, char dst[PATH_SIZE])
{
	snprintf(dst, PATH_SIZE, "%s/runner.wake", app->config_dir);
}

int cm_runner_prepare(const struct cm_app *app, struct cm_err *err)
{
	char path[PATH_SIZE];
	struct stat st;

	int rc = cm_dir_make(app->config_dir, 0700, err);
	if (rc != 0)
		return rc;
	lock_path(app, path);
	cm_autoclose int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0)
		return cm_err_errno(err, errno, "making the runner's lock file");
	if ((rc = cm_owner_adopt(lock, path, err)) != 0)
		return rc;
	wake_path(app, path);
	if (lstat(path, &st) == 0 && !S_ISFIFO(st.st_mode))
		unlink(path);
	/* A file system without pipes: the runner then looks at the queue ten times a second. */
	if (mkfifo(path, 0600) != 0 && errno != EEXIST)
		return 0;
	cm_autoclose int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? 0 : cm_owner_adopt(fd, path, err);
}

int cm_hold_lock(const struct cm_app *app)
{
	char path[PATH_SIZE];
	struct stat locked, named;

	lock_path(app, path);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	/* A lock on a file that was deleted meanwhile is worth nothing. */
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &locked) == 0 && stat(path, &named) == 0 &&
	    locked.st_ino == named.st_ino && locked.st_dev == named.st_dev)
		return fd;
	close(fd);
	return -1;
}

int cm_hold_wake_open(const struct cm_app *app)
{
	char path[PATH_SIZE];
	struct stat st;

	wake_path(app, path);
	/* For writing too: else poll() would report the end as soon as the last writer is gone. */
	int fd = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISFIFO(st.st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}
