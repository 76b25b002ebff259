/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The catalog: what lies in the vaults, for lists that answer in milliseconds. The vaults are the truth: the catalog
 * can be rebuilt from companions at any time (service/catalog_sync.h), and what only it knows (when a backup was last
 * verified or drilled) is kept over a rebuild. Task threads only; uses the thread's connection; errors as in db/db.h.
 */
#ifndef CM_DB_CATALOG_H
#define CM_DB_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* One backup. Text fields may be NULL (unknown) unless marked; all are owned by the row once it came from here. To
 * store one, point them at anything: cm_catalog_put copies. */
struct cm_catalog_row {
	int64_t id;	      /* given by the catalog */
	char *vault;	      /* "local"; required */
	char *file;	      /* name in the vault; required */
	char *backup_id;      /* id of the companion */
	char *type;	      /* "container" | "network" | "export"; required */
	char *backup_type;    /* "manual" | "scheduled"; required */
	char *container_name; /* of a network backup: the network */
	char *container_id;
	char *server_name; /* NULL shows as "Unknown Server" */
	char *image;
	char *stack;
	char *format;	   /* "cm1" | "predecessor" | …; NULL: unknown */
	char *compression; /* "gzip" | "zstd" | "none" */
	char *consistency; /* "live" | "pause" | "stop" */
	char *note;
	char *sha256;	/* hex, of the whole archive */
	char *parts;	/* JSON text */
	char *warnings; /* JSON text: array of sentences */
	int64_t warning_count;
	int64_t size;	      /* bytes of the archive */
	int64_t content_size; /* bytes before compression; 0: unknown */
	int64_t created_ms;
	int64_t modified_ms;  /* the archive's mtime in the vault: tells whether it changed */
	int64_t companion_ms; /* the companion's mtime, or any number that changes with it */
	int64_t verified_ms;  /* 0: never */
	char *verify_state;   /* "unknown" | "ok" | "readable" (whole, without hashes) | "damaged"; NULL: "unknown" */
	char *verify_error;   /* a sentence, when damaged */
	int64_t drilled_ms;
	char *drill_state;	      /* "unknown" | "ok" | "failed"; NULL is stored as "unknown" */
	char *drill_error;	      /* the reason, when failed */
	int64_t drill_duration_ms;    /* how long it took */
	char *drill_log;	      /* the end of what the container said; not in lists */
	char *set_id;		      /* of the stack backup it is a member of, or NULL */
	int64_t set_index, set_count; /* its place in there, from 0; how many were made */
	bool has_manifest;
	bool locked;	    /* may not be removed */
	int64_t missing_ms; /* when it was found missing in the vault; 0: it is there */
};

/* Frees what the row points to, not the row. */
void cm_catalog_row_release(struct cm_catalog_row *row);

/* Adds the row, or changes the one of the same vault and file. A verified_ms or drilled_ms of 0 leaves the stored
 * state, time and error of verification or drill as they are, unless size or sha256 changed (then they become
 * unknown). locked and note of an existing row are kept. It is then there: missing_ms becomes 0. */
int cm_catalog_put(const struct cm_catalog_row *row, struct cm_err *err);
/* Makes the catalog of one vault exactly these rows, in one transaction. Counters may be NULL. */
int cm_catalog_replace(const char *vault, const struct cm_catalog_row *rows, size_t count, int *ret_added,
		       int *ret_removed, struct cm_err *err);
/* CM_ENOTFOUND: "Backup file not found". vault NULL: any. */
int cm_catalog_remove(const char *vault, const char *file, struct cm_err *err);
/* Caller releases the row. vault NULL: any. CM_ENOTFOUND: "Backup file not found". */
int cm_catalog_get(const char *vault, const char *file, struct cm_catalog_row *ret, struct cm_err *err);

/* Writes the outcome of a verification: state "ok", "readable" or "damaged", error a sentence or NULL; the file was
 * there. In these five vault NULL is any; CM_ENOTFOUND: "Backup file not found". */
int cm_catalog_set_verified(const char *vault, const char *file, const char *state, const char *error, int64_t at_ms,
			    struct cm_err *err);
/* The outcome of a drill: state "ok" or "failed"; error and log may be NULL. */
struct cm_catalog_drill {
	const char *state, *error, *log;
	int64_t at_ms, duration_ms;
};
int cm_catalog_set_drilled(const char *vault, const char *file, const struct cm_catalog_drill *drill,
			   struct cm_err *err);
int cm_catalog_set_locked(const char *vault, const char *file, bool locked, struct cm_err *err);
int cm_catalog_set_note(const char *vault, const char *file, const char *note, struct cm_err *err);

/* at_ms 0: it is there again. A row that is missing already keeps its time. */
int cm_catalog_set_missing(const char *vault, const char *file, int64_t at_ms, struct cm_err *err);

/* Every file of one vault with what tells a change; for comparing with a listing. Rows have only vault, file, size,
 * modified_ms, companion_ms, missing_ms. Return non-zero to stop: it is passed through. */
typedef int (*cm_catalog_name_fn)(void *ctx, const struct cm_catalog_row *row);
int cm_catalog_each_name(const char *vault, cm_catalog_name_fn fn, void *ctx, struct cm_err *err);

/* What to list. Everything 0 or NULL: all, newest first, at most 100. */
struct cm_catalog_query {
	const char *search; /* part of file, container, image, stack, server or note; any case (ASCII) */
	const char *vault, *type, *backup_type, *server_name, *container_name, *stack, *verify_state, *drill_state;
	const char *set_id;	/* the members of one stack backup */
	bool fold_sets;		/* of each stack backup only one row, its first that is there */
	bool missing;		/* only what is missing; verify_state finds only what is there */
	int64_t from_ms, to_ms; /* created; to is exclusive; 0: open */
	const char *sort; /* a field of cm_catalog_sort_fields, with '-' in front: descending. Others: CM_EINVAL */
	int64_t limit;	  /* 1 to 10,000; 0: 100 */
	int64_t offset;
};

/* file container type backup_type vault server size created verified drilled image stack format warnings state:
 * NULL-ended. "filename", "storage", "storage_location", "server_name" and "container_name" are taken as well. */
extern const char *const cm_catalog_sort_fields[];

struct cm_catalog_list {
	struct cm_catalog_row *rows; /* without parts, warnings and log */
	size_t count;
	int64_t total; /* that match, whatever limit and offset */
};

/* Caller releases. One consistent view. */
int cm_catalog_list(const struct cm_catalog_query *q, struct cm_catalog_list *ret, struct cm_err *err);
void cm_catalog_list_release(struct cm_catalog_list *list);

struct cm_catalog_totals {
	int64_t count, bytes;  /* of what is there; so are the next three */
	int64_t damaged;       /* verify_state "damaged" */
	int64_t never_checked; /* verify_state "unknown" */
	int64_t drill_failed;
	int64_t missing;
	int64_t newest_ms; /* created; 0: none */
};
int cm_catalog_totals(struct cm_catalog_totals *ret, struct cm_err *err);

/* The members of a stack backup in their order; set_id NULL: of the newest of this stack that is complete. Rows as in a
 * list. Caller releases. CM_ENOTFOUND. */
int cm_catalog_set(const char *set_id, const char *stack, struct cm_catalog_list *ret, struct cm_err *err);

/* The names of the servers that backups come from, sorted. NULL-ended array, at most 1,000; caller frees with
 * cm_catalog_servers_free. */
int cm_catalog_servers(char ***ret, struct cm_err *err);
void cm_catalog_servers_free(char **names);

/* The newest backup of each container name that is neither damaged nor missing; type "container". Rows as in a list;
 * one call answers for a whole page. Caller releases; total is the count. */
int cm_catalog_newest(struct cm_catalog_list *ret, struct cm_err *err);

/* What a verification may choose from: whatever is there, but for network files, whose last verification is before
 * before_ms; the oldest first, those never verified before all. One verified in the future (of now_ms: the clock was
 * put back) counts as never verified. Caller frees *ret. */
struct cm_catalog_pick {
	int64_t id, size, content_size, verified_ms;
};
int cm_catalog_oldest_verified(int64_t now_ms, int64_t before_ms, struct cm_catalog_pick **ret, size_t *ret_count,
			       struct cm_err *err);
/* As cm_catalog_get, by id. */
int cm_catalog_get_id(int64_t id, struct cm_catalog_row *ret, struct cm_err *err);

#endif
