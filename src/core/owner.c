/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/owner.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int cm_owner_adopt(int fd, const char *path, struct cm_err *err)
{
	char dir[PATH_MAX];
	struct stat st;
	const char *slash = strrchr(path, '/');

	if (geteuid() != 0)
		return 0;
	if (slash == NULL)
		snprintf(dir, sizeof(dir), ".");
	else
		snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (stat(dir, &st) != 0 || fchown(fd, st.st_uid, st.st_gid) != 0)
		return cm_err_errno(err, errno, "handing a file to the user of the data folder");
	return 0;
}
