/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The frames that program and helper exchange, and the plans the helper takes.
 *
 * A frame is a head of 8 bytes (0xC3, type, 0, 0, length as 32 bit little endian) and length bytes. Each type has its
 * own greatest length; anything else ends the connection. The program speaks first with PLAN. The helper answers with
 * END (all of it is done, and on disk where the plan says "sync" or folders change places) or ERROR, and then exits
 * with 0 or 1. It exits at once, with 3, when its peer vanishes (socket closed, or end of standard input).
 *
 * After the plan "several" it takes one plan after the other: the next one may be sent when the former is answered. It
 * stays after END, and after an ERROR of an operation that is sent nothing but its plan; after any other ERROR it
 * exits. An EOF in the place of a plan ends it, with 0, in an hour at most.
 *
 *	PLAN      to helper    JSON, below
 *	MEMBER    both ways    32 bit little endian uncompressed length (1 … 4 MiB), then one gzip member or zstd frame
 *	DATA      both ways    raw bytes: a foreign tar to the helper; a listing's lines or a file's bytes from it
 *	EOF       to helper    empty: no MEMBER or DATA, or no further PLAN, will follow
 *	SEGMENT   from helper  JSON, one per manifest segment: {"name","offset","data","size","lines","sha256","heads",
 *	                       "first"?}; offsets count from the start of the part in the uncompressed tar
 *	PART_DONE from helper  JSON, after the part's last MEMBER: {"part": index, "id", "files", "bytes", "stored",
 *	                       "size", "blocks", "deleted"?: {"name","offset","data","size","sha256"}}
 *	WARN      from helper  JSON: {"part": index, "path", "text"}; path is made fit for people
 *	PROGRESS  from helper  JSON: {"bytes","files"}, four times a second
 *	ERROR     from helper  JSON: {"code": a word of cm_err_word(), "text"}
 *	END       from helper  JSON: totals, per operation below
 *
 * Plans. "v" is CM_PROTO_VERSION. Paths are absolute paths inside the helper's container.
 *
 * {"v","op":"several"}                       further plans follow, see above. END: {}
 *
 * {"v","op":"pack","codec":"gzip"|"zstd","level":n,"threads":n,"segment":first number,"mtime":seconds,
 *  "parts":[{"id","kind":"volume"|"bind"|"bind_file"|"rootfs","path","prefix":"volumes/name","exclude":["a/b"]}]}
 *	Walks each part depth first and sends MEMBER, SEGMENT, PART_DONE. Stays on the part's file system: something
 *	mounted inside is kept as an empty folder, with a warning. bind_file: path is the file; it is stored as
 *	prefix/<"name", else its base name>. rootfs: path is the overlay's upper folder; whiteouts and opaque folders
 *	become the member rootfs_deleted.json at the end of the part; exclude names paths (relative to the part) that
 *	are left out; of a folder only what is in it. END: {"files","bytes","warnings"}.
 *
 * {"v","op":"unpack","codec","sync":bool,"parts":[{"kind","target","prefix","merge":bool,"size","blocks","files","bytes",
 *  "segments":[{"name","offset","data","size","lines","sha256","heads"}],"deleted"?}]}
 *	Then MEMBER frames of the parts in this order, then EOF. Built by cm_archive_unpack(). A target must be an
 *	empty folder; with merge, existing folders are taken as they are and other things are replaced. bind_file: the
 *	target is the file to be overwritten in place, or a folder in which the file is made under its own name.
 *	Verifies each file, and every line of the manifest, before END. END: {"files","bytes","warnings"}.
 *
 * {"v","op":"unpack_tar","target","strip":n,"merge":bool,"sync":bool}
 *	Then DATA frames with a tar (plain, gzip or zstd) by any program, then EOF. strip removes leading folders of
 *	each name. END: {"files","bytes","warnings"}.
 *
 * {"v","op":"exchange","root","a","b"}       renameat2(RENAME_EXCHANGE) of two folders, given relative to root, then
 *	fsync of both parents. END: {}. ERROR IMPOSSIBLE when the file system cannot; nothing is changed then.
 * {"v","op":"copy","from","to","sync":bool}  faithful copy of a tree into an empty folder. END: {"files","bytes",
 *	"warnings"}
 * {"v","op":"empty","path"}                  removes all inside path, not path itself. END: {"files"}
 * {"v","op":"list","path","dir","max":n}     one folder: DATA holds one JSON line an entry (as in the manifest, "p" is
 *	the name; no hash, no offsets). dir is relative to path, "" is path itself. END: {"files","more":bool}
 * {"v","op":"cat","path","file","max":n}     DATA holds the bytes of one regular file (a symbolic link is not
 *	followed), at most max (0: all). END: {"size"}
 * {"v","op":"hash","path"}                   a digest over the whole tree, attributes and content: equal trees have
 *	equal digests. END: {"sha256","files","bytes"}
 * {"v","op":"du","path"}                     END: {"files","bytes" (sum of sizes),"disk" (allocated)}
 *
 * {"v","op":"page","path","dir","sort":"name"|"size"|"time","descending":bool,"q","offset":n,"limit":n}
 *	A part of a folder, folders first, of what has q in its name: DATA as for list. END: {"total" (that match),
 *	"folders" (among them),"more":bool (there is more than was looked at)}
 * {"v","op":"stat","path","file"}            one entry of any kind: DATA holds its line. END: {}
 * {"v","op":"tar","path","dir","name"}       DATA holds a tar.gz of the folder, its entries below name. END: {"files",
 *	"bytes"}
 * {"v","op":"mkdir","path","file"}           makes a folder with the owner and mode of the one it is in. END: {}
 * {"v","op":"rename","path","file","to"}     both relative to path; what is there is not replaced. END: {}
 * {"v","op":"remove","path","file"}          one entry, a folder with all in it. END: {}
 * {"v","op":"put","path","file","replace":bool}
 *	Then DATA frames with the content, then EOF. The file gets the owner of its folder, or owner and mode of the
 *	one it replaces, and is there when all of it is on disk. END: {"size"}
 *	None of these follows a symbolic link.
 *
 * {"v","op":"probe","http":bool,"addresses":["127.0.0.1"],"port":n,"path":"/","host":"localhost","wait_ms":n}
 *	Tries the addresses, for a helper in the network of another container, again and again until one answers or
 *	wait_ms (at most a minute) have passed: by a connection, or with http by a status from 200 to 399. END:
 *	{"answered":bool,"status":n,"text": why not, or null}
 *
 * Where "dir", "file", "to", "name" or "q" is not UTF-8, "dir64" and so on (base64) stands for it.
 */
#ifndef CM_ARCHIVE_PROTO_H
#define CM_ARCHIVE_PROTO_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <json-c/json.h>

#include "archive/peer.h"
#include "core/buf.h"
#include "core/err.h"

enum {
	CM_PROTO_VERSION = 1,
	CM_PROTO_HEAD = 8,
	CM_PEER_SILENCE_MS = 60000 /* nothing at all for so long: the helper is given up */
};

enum cm_frame_type {
	CM_FRAME_PLAN = 1,
	CM_FRAME_MEMBER,
	CM_FRAME_DATA,
	CM_FRAME_EOF,
	CM_FRAME_SEGMENT,
	CM_FRAME_PART_DONE,
	CM_FRAME_WARN,
	CM_FRAME_PROGRESS,
	CM_FRAME_ERROR,
	CM_FRAME_END,
	CM_FRAME_COUNT
};

struct cm_frame {
	enum cm_frame_type type;
	uint32_t len;
};

/* The greatest length a frame of this type may have. */
uint32_t cm_frame_max(enum cm_frame_type type);
void cm_frame_encode(uint8_t head[CM_PROTO_HEAD], enum cm_frame_type type, uint32_t len);
/* Checks magic, type and length. Errors: CM_EUPSTREAM. */
int cm_frame_decode(const uint8_t head[CM_PROTO_HEAD], struct cm_frame *ret, struct cm_err *err);

/* Sends one frame with JSON or raw content. Errors: CM_ETOOBIG when it is longer than its type allows. */
int cm_peer_send(struct cm_peer *p, enum cm_frame_type type, const void *data, size_t len, struct cm_err *err);
int cm_peer_send_json(struct cm_peer *p, enum cm_frame_type type, struct json_object *o, struct cm_err *err);
/* Reads exactly len bytes, waiting at most timeout_ms for each piece. Errors: CM_ETIMEDOUT, CM_EUNREACHABLE. */
int cm_peer_read_all(struct cm_peer *p, void *data, size_t len, int timeout_ms, struct cm_err *err);
/* The next frame's head. With timeout_ms 0 and nothing there: ret->type is 0. */
int cm_peer_next(struct cm_peer *p, int timeout_ms, struct cm_frame *ret, struct cm_err *err);
/* The JSON object that follows a head. Caller puts *ret. Errors: CM_EUPSTREAM. */
int cm_peer_json(struct cm_peer *p, const struct cm_frame *f, struct json_object **ret, struct cm_err *err);
/* Turns an ERROR frame's object into err; returns its code. */
int cm_peer_error(struct json_object *o, struct cm_err *err);

#endif
