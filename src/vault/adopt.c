/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vault/adopt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/str.h"
#include "vault/vault.h"

static bool is_companion(const char *name)
{
	size_t len = strlen(name);
	char archive[256];

	if (!cm_str_has_suffix(name, ".json") || len >= sizeof(archive))
		return false;
	memcpy(archive, name, len - 5);
	archive[len - 5] = '\0';
	return cm_vault_name_valid(archive);
}

/* A database's journals must go with it: without its -wal it loses what was written last. */
static bool is_config(const char *name)
{
	return cm_str_has_suffix(name, ".db") || cm_str_has_suffix(name, ".db-wal") ||
	       cm_str_has_suffix(name, ".db-shm") || cm_str_has_suffix(name, ".db-journal") ||
	       cm_str_eq(name, "scheduler_config.json") || cm_str_eq(name, "encryption.key");
}

/* 1 moved, 0 the name is taken there, negative an error. */
static int move_new(int from, int to, const char *name, struct cm_err *err)
{
	struct stat st;
	int rc;

	rc = renameat2(from, name, to, name, RENAME_NOREPLACE);
	if (rc < 0 && (errno == EINVAL || errno == ENOSYS)) {
		if (fstatat(to, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return 0;
		rc = renameat(from, name, to, name);
	}
	if (rc == 0)
		return 1;
	if (errno == EEXIST)
		return 0;
	return cm_err_errno(err, errno, "moving files of the older layout into place");
}

int cm_vault_adopt_old_layout(const char *data_dir, const char *backups_dir, const char *config_dir,
			      struct cm_adopt_result *ret, struct cm_err *err)
{
	cm_autoclose int backups = open(backups_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cm_autoclose int config = open(config_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct cm_adopt_result found = { 0 };
	DIR *d = opendir(data_dir);
	struct dirent *e;
	int rc = 0;

	if (d == NULL || backups < 0 || config < 0) {
		rc = cm_err_errno(err, errno, "opening the data folder");
		if (d != NULL)
			closedir(d);
		return rc;
	}
	while (rc >= 0 && (e = readdir(d)) != NULL) {
		struct stat st;
		int to;

		if (e->d_name[0] == '.')
			continue;
		if (is_config(e->d_name))
			to = config;
		else if (cm_vault_name_valid(e->d_name) || is_companion(e->d_name))
			to = backups;
		else
			continue;
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		rc = move_new(dirfd(d), to, e->d_name, err);
		found.moved += rc > 0;
		found.kept += rc == 0;
	}
	closedir(d);
	if (rc >= 0 && found.moved > 0 && (fsync(backups) < 0 || fsync(config) < 0))
		rc = cm_err_errno(err, errno, "writing the data folder to the disk");
	if (rc < 0)
		return rc;
	if (ret != NULL)
		*ret = found;
	return 0;
}
