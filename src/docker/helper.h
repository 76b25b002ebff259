/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Helper containers: our own static program, started by the engine next to the data, which reads and writes volumes
 * and host folders for us. Nothing is ever pulled: its image is made from the program that is built into ours.
 *
 * The program is started as
 *	cm-helper serve unix:<path>	it connects to that socket; the connection carries the data both ways
 *	cm-helper serve stdio		(remote engine) stdin and stdout carry the data
 * and in both cases stderr carries text for people, a little. When its connection hangs up (or stdin ends) it exits.
 * What is said over the connection is not known here.
 *
 * A helper belongs to the handle d it was started with: d must outlive it, and both are used by one thread, which may
 * use d for other calls meanwhile. The cancel function of d ends every wait here. All block: task threads only.
 * Errors: see docker.h.
 */
#ifndef CM_DOCKER_HELPER_H
#define CM_DOCKER_HELPER_H

#include "docker/docker.h"

#define CM_HELPER_REPO "container-monkey-helper"
#define CM_HELPER_LABEL "container-monkey.helper"	     /* "1" on helper containers and their image */
#define CM_HELPER_LABEL_JOB "container-monkey.job"	     /* id of the job it works for */
#define CM_HELPER_LABEL_INSTANCE "container-monkey.instance" /* which installation of ours started it */
#define CM_HELPER_LABEL_OWNER "container-monkey.owner"	     /* which of its processes */

/* Makes sure that the engine has the image of this program; *ret_ref is "container-monkey-helper:<12 hex of its
 * SHA-256>", caller frees. Imports it only when missing, and then removes images of other versions of ours that are
 * not used. Errors: CM_EUNSUPPORTED (the engine's processor cannot run it). */
int cm_helper_image_ensure(struct cm_docker *d, const void *elf, size_t len, char **ret_ref, struct cm_err *err);

enum cm_helper_privileges {
	CM_HELPER_NONE,	 /* no capability at all */
	CM_HELPER_READ,	 /* reads every file */
	CM_HELPER_WRITE, /* writes every file, with owner, mode, devices, capabilities and flags */
};

struct cm_helper_mount {
	const char *source; /* a volume's name, or an absolute path on the engine's host */
	const char *target; /* absolute path in the helper */
	bool is_volume;
	bool read_only;
};

enum cm_helper_shared_kind {
	CM_HELPER_SHARED_NONE,	 /* the engine's host does not see our folder: attach is used */
	CM_HELPER_SHARED_PATH,	 /* it does, at this path of the host */
	CM_HELPER_SHARED_VOLUME, /* it lies in this volume */
};
/* How the engine's host sees a folder of ours. A plain value. */
struct cm_helper_shared {
	enum cm_helper_shared_kind kind;
	char source[1024]; /* path on the host, or the volume's name */
	char subpath[512]; /* in the volume: "" or "a/b" */
};
/* How does the engine's host see dir, an existing folder of ours? Asks our own container when we are in one (its bind
 * or volume), and says the path itself when we are on the engine's machine. When in doubt: CM_HELPER_SHARED_NONE. */
int cm_helper_shared_find(struct cm_docker *d, const char *dir, struct cm_helper_shared *ret, struct cm_err *err);

struct cm_helper_spec {
	const char *image_ref; /* from cm_helper_image_ensure */
	const char *instance;  /* for the sweep; "" or NULL: none */
	const char *job;       /* "" or NULL: none */
	const struct cm_helper_mount *mounts;
	size_t mount_count;
	enum cm_helper_privileges privileges;
	const char *network; /* id of a container whose network it shares, to ask it something; NULL: none at all */
	bool trusted;	     /* trusted.* attributes too (CAP_SYS_ADMIN) */
	int64_t memory;	     /* bytes, 0: 256 MiB */
	int cpus;	     /* at most that many, 0: all */
	/* The folder of ours where the socket is made, and how the engine's host sees that very folder. NULL or
	 * CM_HELPER_SHARED_NONE: attach. When the helper does not get through to the socket, attach is tried. */
	const char *socket_dir;
	const struct cm_helper_shared *shared;
	int start_ms; /* until it has connected, 0: 30 s */
	int idle_ms;  /* default of read and send, 0: 120 s */
};

struct cm_helper;

/* Creates, starts and connects. A volume that does not exist is CM_ENOTFOUND (it is not made). Everything given is
 * copied. End it with finish or abort: both free *ret. */
int cm_helper_start(struct cm_docker *d, const struct cm_helper_spec *spec, struct cm_helper **ret, struct cm_err *err);

/* All of data. What the helper sends meanwhile is kept for reading, up to 4 MiB. Errors: CM_EUPSTREAM (it has ended;
 * its last words are in the sentence), CM_ETIMEDOUT (nothing moved for idle_ms). */
int cm_helper_send(struct cm_helper *h, const void *data, size_t len, struct cm_err *err);
/* Says that nothing more is sent. Only for the socket: by attach an end of stdin is a hang-up, so nothing is done. */
int cm_helper_send_end(struct cm_helper *h, struct cm_err *err);
/* Exactly len bytes. idle_ms: the longest time without a byte, 0: the spec's. Errors as for send. */
int cm_helper_read(struct cm_helper *h, void *data, size_t len, int idle_ms, struct cm_err *err);
/* Up to cap bytes, at least one; *ret_len 0: the helper has closed its side. */
int cm_helper_read_some(struct cm_helper *h, void *data, size_t cap, int idle_ms, size_t *ret_len, struct cm_err *err);
/* True when a read would not have to wait. Does not block. */
bool cm_helper_readable(struct cm_helper *h);
/* Whether data goes through the socket (false: attach), for tests and the log. Does not block. */
bool cm_helper_is_socket(const struct cm_helper *h);
/* The container's id. Does not block. */
const char *cm_helper_id(const struct cm_helper *h);

/* Waits for its exit (at most 30 s, then it is killed), removes it, frees h in every case. ret_stderr may be NULL;
 * caller frees it; it is valid UTF-8, at most 16 KiB. An exit code other than 0 is no error. */
int cm_helper_finish(struct cm_helper *h, int *ret_exit_code, char **ret_stderr, struct cm_err *err);
/* Hangs up, gives it a second to exit, removes it by force, frees h. Cannot be cancelled. NULL is fine. */
void cm_helper_abort(struct cm_helper *h);

/* The entries of the engine's list that the sweep would remove. Caller puts *ret (an array). */
int cm_helper_leftovers(struct cm_docker *d, const char *instance, struct json_object **ret, struct cm_err *err);
/* Removes helper containers of this instance that nobody waits for any more: ended ones, and those whose process of
 * ours is gone, and those that were never started. May be called at any time. */
int cm_helper_sweep(struct cm_docker *d, const char *instance, int *ret_removed, struct cm_err *err);

#endif
