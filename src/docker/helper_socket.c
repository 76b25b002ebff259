/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/secret.h"
#include "docker/helper_int.h"

enum { SUN_PATH = 108, NAME_BYTES = 16 };

#define MOUNTED_AT "/shared"

/* Binds "s" in the folder. Its path may be longer than a socket's address can be: the descriptor's is short. */
static int bind_in(int folder_fd, int *ret_fd)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/s", folder_fd);
	/* The helper's root has no right to write other users' files. The folder's name is the secret. */
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || fchmodat(folder_fd, "s", 0666, 0) != 0 ||
	    listen(fd, 1) != 0) {
		int e = errno;
		close(fd);
		errno = e;
		return -1;
	}
	*ret_fd = fd;
	return 0;
}

int cm_helper_socket_open(const char *dir, struct cm_helper_socket *ret, struct cm_err *err)
{
	struct cm_helper_socket s = { .fd = -1 };

	s.name[0] = 'h';
	s.name[1] = '-';
	cm_random_hex(s.name + 2, NAME_BYTES);
	s.folder = cm_asprintf("%s/%s", dir, s.name);
	if (mkdir(s.folder, 0711) != 0) {
		int e = errno;
		free(s.folder);
		return cm_err_errno(err, e, "making a folder for the helper's socket");
	}
	cm_autoclose int folder_fd = open(s.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder_fd < 0 || fchmod(folder_fd, 0711) != 0 || bind_in(folder_fd, &s.fd) != 0) {
		int e = errno;
		cm_helper_socket_close(&s);
		return cm_err_errno(err, e, "making the helper's socket");
	}
	*ret = s;
	return 0;
}

void cm_helper_socket_close(struct cm_helper_socket *s)
{
	if (s->folder != NULL) {
		cm_autofree char *path = cm_asprintf("%s/s", s->folder);
		unlink(path);
		rmdir(s->folder);
	}
	if (s->fd >= 0)
		close(s->fd);
	free(s->folder);
	s->folder = NULL;
	s->fd = -1;
}

bool cm_helper_socket_mount(const struct cm_helper_socket *s, const struct cm_helper_shared *shared,
			    struct cm_helper_mount *ret_mount, char source[1200], char argument[120])
{
	int n;

	/* Connecting needs no right to write to the mount. */
	*ret_mount = (struct cm_helper_mount){ .target = MOUNTED_AT, .read_only = true };
	if (shared->kind == CM_HELPER_SHARED_PATH) {
		if (snprintf(source, 1200, "%s/%s", shared->source, s->name) >= 1200)
			return false;
		n = snprintf(argument, 120, "unix:%s/s", MOUNTED_AT);
	} else {
		if (snprintf(source, 1200, "%s", shared->source) >= 1200)
			return false;
		ret_mount->is_volume = true;
		n = snprintf(argument, 120, "unix:%s/%s%s%s/s", MOUNTED_AT, shared->subpath,
			     shared->subpath[0] ? "/" : "", s->name);
	}
	ret_mount->source = source;
	return n - (int)strlen("unix:") < SUN_PATH;
}
