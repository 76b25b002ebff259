/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of a helper that helper.c, helper_io.c and helper_spec.c share. Internal to docker/. */
#ifndef CM_DOCKER_HELPER_INT_H
#define CM_DOCKER_HELPER_INT_H

#include "docker/container.h"
#include "docker/helper.h"
#include "docker/stdcopy.h"

enum { CM_HELPER_QUEUE_MAX = 4 << 20, CM_HELPER_WORDS_MAX = 16 << 10, CM_HELPER_PART = 64 << 10 };

struct cm_helper {
	struct cm_docker *d;
	char *id;
	struct cm_container_wait *wait;
	struct cm_docker_conn *attach; /* stderr; by attach also stdin and stdout */
	struct cm_stdcopy copy;
	bool attach_ended;
	int fd; /* the socket's connection, -1: by attach */
	bool in_ended;
	struct cm_buf in; /* came while nobody read; from in_at on */
	size_t in_at;
	char *direct; /* where stdout goes at the moment, before it goes to in */
	size_t direct_len, direct_cap;
	struct cm_buf words; /* stderr */
	int idle_ms;
	char *part; /* CM_HELPER_PART bytes */
};

/* helper_io.c: takes what has come by attach, without waiting. */
int cm_helper_drain(struct cm_helper *h, struct cm_err *err);
/* Waits until something can be read (or written, with want_write) or ms have passed. */
int cm_helper_poll(struct cm_helper *h, bool want_read, bool want_write, int ms, int extra_fd, struct cm_err *err);
/* CM_EUPSTREAM with its last words. */
int cm_helper_ended(struct cm_helper *h, struct cm_err *err);

/* helper_spec.c: what the engine is asked to create. mount: an additional one for the socket, NULL for none. */
struct json_object *cm_helper_config(const struct cm_helper_spec *spec, const struct cm_helper_mount *mount,
				     const char *transport);
/* helper_sweep.c: which process of ours this is: "<pid namespace>:<pid>:<start time>". */
void cm_helper_owner(char dst[96]);
/* Is that process gone for sure? */
bool cm_helper_owner_gone(const char *owner);

/* helper_socket.c: a listening socket in a new folder inside dir; nobody can guess its name. */
struct cm_helper_socket {
	int fd;
	char *folder;  /* on our side */
	char name[40]; /* of the folder */
};
int cm_helper_socket_open(const char *dir, struct cm_helper_socket *ret, struct cm_err *err);
/* Closes and removes it; a connection that was accepted stays. */
void cm_helper_socket_close(struct cm_helper_socket *s);
/* Where the helper finds it: the mount and the argument. False: the path would be too long. */
bool cm_helper_socket_mount(const struct cm_helper_socket *s, const struct cm_helper_shared *shared,
			    struct cm_helper_mount *ret_mount, char source[1200], char argument[120]);

#endif
