/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/kore_user.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/str.h"

enum { MAX_ENTRIES = 1000000 };

static void choose_user(const struct cm_app *app, struct cm_identity *id)
{
	const struct passwd *pw = getpwnam("container-monkey");
	struct stat st;

	id->uid = CM_FALLBACK_ID;
	id->gid = CM_FALLBACK_ID;
	if (pw != NULL && pw->pw_uid != 0) {
		id->uid = pw->pw_uid;
		id->gid = pw->pw_gid;
	} else if (stat(app->config_dir, &st) == 0 && st.st_uid != 0) {
		id->uid = st.st_uid; /* as at the last start */
		id->gid = st.st_gid;
	}
}

/* A worker keeps one group, so it is the one that opens the socket. A socket of root:root 0660, as in many containers,
 * makes that group 0: a group, without root's rights. */
static void choose_group(const struct cm_app *app, struct cm_identity *id)
{
	const char *path = app->docker_host;
	struct stat st;

	if (cm_str_has_prefix(path, "unix://"))
		path += strlen("unix://");
	if (path[0] != '/' || stat(path, &st) != 0)
		return;
	if ((st.st_mode & 0060) == 0060)
		id->gid = st.st_gid;
	else if ((st.st_mode & 0006) == 0006)
		return;
	else if (st.st_uid != 0)
		id->uid = st.st_uid; /* a rootless engine's */
	else
		snprintf(id->note, sizeof(id->note),
			 "The Docker socket %.100s is for root alone: give it a group (chgrp docker, chmod 660)", path);
}

void cm_identity_choose(const struct cm_app *app, struct cm_identity *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->change = geteuid() == 0;
	ret->uid = geteuid();
	ret->gid = getegid();
	if (!ret->change)
		return;
	choose_user(app, ret);
	choose_group(app, ret);
}

static bool may_enter(const struct stat *st, const struct cm_identity *id)
{
	if (st->st_uid == id->uid)
		return (st->st_mode & S_IXUSR) != 0;
	if (st->st_gid == id->gid)
		return (st->st_mode & S_IXGRP) != 0;
	return (st->st_mode & S_IXOTH) != 0;
}

/* Every folder on the way must let the workers pass. */
static int check_way(const struct cm_app *app, const struct cm_identity *id, struct cm_err *err)
{
	char path[sizeof(app->data_dir)];
	struct stat st;

	cm_str_copy(path, sizeof(path), app->data_dir);
	for (;;) {
		char *slash;

		if (stat(path[0] != '\0' ? path : "/", &st) == 0 && !may_enter(&st, id))
			return cm_err_set(err, CM_EDENIED,
					  "The workers run without root and may not enter %s, which is on the way to "
					  "CM_DATA (%s): choose another folder with CM_DATA, such as "
					  "/var/lib/container-monkey, or allow it with `chmod o+x %s`",
					  path[0] != '\0' ? path : "/", app->data_dir, path[0] != '\0' ? path : "/");
		slash = strrchr(path, '/');
		if (slash == NULL || path[0] == '\0')
			return 0;
		*slash = '\0';
	}
}

static int hand_over(int fd, const struct cm_identity *id)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -1;
	if (st.st_uid == id->uid && st.st_gid == id->gid)
		return 0;
	/* Whoever could write here could have put a second name of somebody else's file here. */
	if (S_ISREG(st.st_mode) && st.st_nlink != 1)
		return 0;
	return fchown(fd, id->uid, id->gid);
}

/* The folder and the files and folders directly in it; never through a link. */
static int hand_over_folder(const char *path, const struct cm_identity *id, struct cm_err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc = 0;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	if (dir == NULL) {
		rc = cm_err_errno(err, errno, "opening a folder of CM_DATA");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	if (hand_over(fd, id) != 0)
		rc = cm_err_errno(err, errno, "handing a folder of CM_DATA to the workers");
	for (int n = 0; rc == 0 && n < MAX_ENTRIES && (e = readdir(dir)) != NULL; n++) {
		cm_autoclose int one = -1;
		struct stat st;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !S_ISFIFO(st.st_mode))
			continue;
		one = openat(fd, e->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (one >= 0 && hand_over(one, id) != 0)
			rc = cm_err_errno(err, errno, "handing a file of CM_DATA to the workers");
	}
	closedir(dir);
	return rc;
}

/* Made by us now or before, or empty: then it is ours. */
static bool folder_is_ours(const char *path)
{
	char probe[PATH_MAX];
	const struct dirent *e;
	bool empty = true;
	DIR *dir;

	snprintf(probe, sizeof(probe), "%s/config/monkey.db", path);
	if (access(probe, F_OK) == 0)
		return true;
	dir = opendir(path);
	if (dir == NULL)
		return false;
	while (empty && (e = readdir(dir)) != NULL)
		empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	closedir(dir);
	return empty;
}

int cm_identity_folders(const struct cm_app *app, const struct cm_identity *id, struct cm_err *err)
{
	const char *const folders[] = { app->backups_dir, app->config_dir, app->tmp_dir, app->tls_dir };
	mode_t mask = umask(022); /* folders on the way must let the workers pass */
	bool ours;
	int rc = cm_dir_make(app->data_dir, 0755, err);

	umask(mask);
	if (rc != 0) {
		cm_err_prefix(err, "CM_DATA is \"%s\"", app->data_dir);
		return rc;
	}
	ours = folder_is_ours(app->data_dir);
	for (size_t i = 0; i < CM_COUNT(folders); i++)
		if ((rc = cm_dir_make(folders[i], 0700, err)) != 0) {
			cm_err_prefix(err, "CM_DATA is \"%s\"", app->data_dir);
			return rc;
		}
	if (!id->change)
		return 0;
	if (ours && chown(app->data_dir, id->uid, id->gid) != 0)
		return cm_err_errno(err, errno, "handing CM_DATA to the workers");
	for (size_t i = 0; i < CM_COUNT(folders); i++)
		if ((rc = hand_over_folder(folders[i], id, err)) != 0)
			return rc;
	return check_way(app, id, err);
}
