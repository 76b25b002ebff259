/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Containers of an engine. "id" is an id, the beginning of one, or a name. JSON is the engine's own. All block: task
 * threads only. Errors: see docker.h; an id that cannot be one is CM_EINVAL.
 */
#ifndef CM_DOCKER_CONTAINER_H
#define CM_DOCKER_CONTAINER_H

#include "docker/docker.h"
#include "docker/stdcopy.h"

/* An array. all: stopped ones too. filters: {"label": ["a=b"]}, NULL for none. Caller puts *ret. */
int cm_container_list(struct cm_docker *d, bool all, struct json_object *filters, struct json_object **ret,
		      struct cm_err *err);
/* size: adds SizeRw and SizeRootFs, which may take long. Caller puts *ret. */
int cm_container_inspect(struct cm_docker *d, const char *id, bool size, struct json_object **ret, struct cm_err *err);
/* name NULL: the engine chooses. config: Config's fields at the top, with HostConfig and NetworkingConfig. The
 * engine's warnings come as an array of strings when ret_warnings is not NULL. Caller frees. Errors: CM_EEXIST (name
 * taken), CM_ENOTFOUND (image missing). */
int cm_container_create(struct cm_docker *d, const char *name, struct json_object *config, char **ret_id,
			struct json_object **ret_warnings, struct cm_err *err);
/* Starting a running one and stopping a stopped one succeed. */
int cm_container_start(struct cm_docker *d, const char *id, struct cm_err *err);
/* timeout_s: seconds until it is killed; -1: the container's own setting. */
int cm_container_stop(struct cm_docker *d, const char *id, int timeout_s, struct cm_err *err);
int cm_container_restart(struct cm_docker *d, const char *id, int timeout_s, struct cm_err *err);
int cm_container_kill(struct cm_docker *d, const char *id, const char *signal, struct cm_err *err); /* NULL: KILL */
int cm_container_pause(struct cm_docker *d, const char *id, struct cm_err *err);
int cm_container_unpause(struct cm_docker *d, const char *id, struct cm_err *err);
int cm_container_rename(struct cm_docker *d, const char *id, const char *name, struct cm_err *err);
/* volumes: its anonymous volumes too. Without force a running one is CM_EINUSE. */
int cm_container_remove(struct cm_docker *d, const char *id, bool force, bool volumes, struct cm_err *err);
/* Changes limits and the restart policy. */
int cm_container_update(struct cm_docker *d, const char *id, struct json_object *config, struct cm_err *err);
/* [{"Path": "/etc/x", "Kind": 0 changed | 1 added | 2 deleted}]; an empty array when nothing changed. */
int cm_container_changes(struct cm_docker *d, const char *id, struct json_object **ret, struct cm_err *err);
int cm_container_top(struct cm_docker *d, const char *id, const char *ps_args, struct json_object **ret,
		     struct cm_err *err);
/* One sample. one_shot: at once, without precpu_stats; otherwise it takes 1 to 2 s. */
int cm_container_stats(struct cm_docker *d, const char *id, bool one_shot, struct json_object **ret,
		       struct cm_err *err);
/* Removes stopped containers that match. Answer: {"ContainersDeleted", "SpaceReclaimed"}. */
int cm_container_prune(struct cm_docker *d, struct json_object *filters, struct json_object **ret, struct cm_err *err);

/*
 * Waiting for an exit. The request is known to the engine when wait_start returns, so a container that is started
 * afterwards cannot exit unseen. Between start and finish the handle is free for other calls.
 */
struct cm_container_wait;
/* condition: "not-running", "next-exit", "removed". d must outlive *ret. Caller frees with wait_free. */
int cm_container_wait_start(struct cm_docker *d, const char *id, const char *condition, struct cm_container_wait **ret,
			    struct cm_err *err);
/* timeout_ms negative: without limit. After CM_ETIMEDOUT it may be called again. */
int cm_container_wait_finish(struct cm_container_wait *w, int timeout_ms, int *ret_exit_code, struct cm_err *err);
void cm_container_wait_free(struct cm_container_wait *w);

struct cm_logs_spec {
	bool no_stdout, no_stderr;
	bool follow;	  /* until the container stops, the sink ends it, or cancel */
	bool timestamps;  /* each line begins with one */
	int tail;	  /* the last lines; negative: all */
	int64_t since_ns; /* unix time in nanoseconds, inclusive; 0: from the beginning */
	int64_t until_ns; /* inclusive; 0: none. The engine takes tail lines first and then leaves out what is later. */
};
/* Each piece of output goes to fn with its stream (all is CM_STDOUT with a terminal). Pieces are not lines. */
int cm_container_logs(struct cm_docker *d, const char *id, const struct cm_logs_spec *spec, cm_stdcopy_fn fn, void *ctx,
		      struct cm_err *err);

/*
 * Commands inside a running container.
 */
struct cm_exec_spec {
	const char *const *argv; /* ends with NULL; no shell is added */
	const char *user;	 /* NULL: the container's */
	const char *workdir;	 /* NULL: the container's */
	const char *const *env;	 /* "A=b", ends with NULL; NULL: nothing added */
	bool tty;
	bool stdin_open; /* exec_open only */
	bool privileged;
	int timeout_ms;	   /* for the whole command, 0: 10 minutes. The engine has no way to end it: it runs on. */
	size_t output_max; /* exec_run: bytes kept of each stream, 0: 1 MiB; the rest is read and dropped */
};
struct cm_exec_result {
	int exit_code;
	char *out; /* terminated by a NUL that out_len does not count */
	size_t out_len;
	char *errs;
	size_t errs_len;
	bool cut; /* more came than output_max */
};
/* Errors: CM_EBUSY (not running, or paused), CM_ETIMEDOUT. A command that fails is no error: see exit_code. */
int cm_container_exec_run(struct cm_docker *d, const char *id, const struct cm_exec_spec *spec,
			  struct cm_exec_result *ret, struct cm_err *err);
void cm_exec_result_release(struct cm_exec_result *r);
/* The output goes to fn as it comes. */
int cm_container_exec_stream(struct cm_docker *d, const char *id, const struct cm_exec_spec *spec, cm_stdcopy_fn fn,
			     void *ctx, int *ret_exit_code, struct cm_err *err);
/* For a console: the caller drives the connection. Caller frees both. */
int cm_container_exec_open(struct cm_docker *d, const char *id, const struct cm_exec_spec *spec, char **ret_exec_id,
			   struct cm_docker_conn **ret_conn, struct cm_err *err);
int cm_container_exec_resize(struct cm_docker *d, const char *exec_id, int rows, int cols, struct cm_err *err);
/* *ret_exit_code is -1 while it runs. */
int cm_container_exec_exit(struct cm_docker *d, const char *exec_id, int *ret_exit_code, struct cm_err *err);

/* The streams of a container's main process; raw with a terminal, else stdcopy frames. Attach before the start to
 * miss nothing. */
int cm_container_attach(struct cm_docker *d, const char *id, bool in, bool out, bool errs, struct cm_docker_conn **ret,
			struct cm_err *err);

/*
 * Files through the engine's own tar, which loses xattrs, ACLs and fractions of seconds: use a helper container for
 * backups. A read holds the container's lock until it ends.
 */
/* {"name", "size", "mode" (Go's FileMode), "mtime", "linkTarget"}; CM_ENOTFOUND when there is no such path. */
int cm_container_archive_stat(struct cm_docker *d, const char *id, const char *path, struct json_object **ret,
			      struct cm_err *err);
int cm_container_archive_get(struct cm_docker *d, const char *id, const char *path, cm_docker_sink sink, void *ctx,
			     struct cm_err *err);
/* A tar stream is unpacked into the existing folder path. Nothing turns a folder into a file or back; owners are those
 * in the tar. */
int cm_container_archive_put(struct cm_docker *d, const char *id, const char *path, cm_docker_source source, void *ctx,
			     struct cm_err *err);
/* The whole filesystem as a tar stream, without volumes. Five minutes without a byte are CM_ETIMEDOUT. */
int cm_container_export(struct cm_docker *d, const char *id, cm_docker_sink sink, void *ctx, struct cm_err *err);

#endif
