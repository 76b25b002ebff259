/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The frames between program and helper, and what the program does when the other side misbehaves. */
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "archive/proto.h"
#include "core/json.h"
#include "core/mem.h"
#include "test.h"

TEST(frame__there_and_back)
{
	uint8_t head[CM_PROTO_HEAD];
	struct cm_frame f;

	for (int type = 1; type < CM_FRAME_COUNT; type++) {
		uint32_t max = cm_frame_max((enum cm_frame_type)type);
		cm_frame_encode(head, (enum cm_frame_type)type, max);
		CHECK_INT(cm_frame_decode(head, &f, NULL), 0);
		CHECK(f.type == (enum cm_frame_type)type && f.len == max);
		cm_frame_encode(head, (enum cm_frame_type)type, max + 1);
		CHECK_INT(cm_frame_decode(head, &f, NULL), CM_EUPSTREAM);
	}
	cm_frame_encode(head, CM_FRAME_END, 2);
	for (size_t bit = 0; bit < 32; bit++) {
		head[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* Another type may be a valid frame; anything else is not. */
		CHECK(cm_frame_decode(head, &f, NULL) == CM_EUPSTREAM || bit / 8 == 1);
		head[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	CHECK_INT(cm_frame_max(CM_FRAME_COUNT), 0);
}

struct line {
	int fds[2];
	struct cm_peer peer;
	struct cm_peer_fd state;
};

static bool open_line(struct line *l)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, l->fds) != 0)
		return false;
	cm_peer_over_fd(&l->peer, &l->state, l->fds[0], 300);
	return true;
}

static void close_line(struct line *l)
{
	close(l->fds[0]);
	if (l->fds[1] >= 0)
		close(l->fds[1]);
}

static bool say(struct line *l, enum cm_frame_type type, const char *text)
{
	uint8_t head[CM_PROTO_HEAD];

	cm_frame_encode(head, type, (uint32_t)strlen(text));
	return write(l->fds[1], head, sizeof(head)) == sizeof(head) &&
	       write(l->fds[1], text, strlen(text)) == (ssize_t)strlen(text);
}

/* What cm_peer_run makes of these answers. */
static int run(struct line *l, struct json_object **ret, struct cm_err *err)
{
	cm_autojson struct json_object *plan = json_object_new_object();

	cm_json_set_str(plan, "op", "du");
	return cm_peer_run(&l->peer, plan, NULL, NULL, NULL, ret, err);
}

TEST(run__gives_the_end_and_passes_on_errors)
{
	struct cm_err err = { 0 };
	struct line l;
	cm_autojson struct json_object *end = NULL;

	CHECK(open_line(&l));
	CHECK(say(&l, CM_FRAME_PROGRESS, "{\"bytes\":5}") && say(&l, CM_FRAME_END, "{\"files\":7}"));
	CHECK_INT(run(&l, &end, &err), 0);
	CHECK_INT(cm_json_int(end, "files", 0), 7);
	close_line(&l);
	CHECK(open_line(&l));
	CHECK(say(&l, CM_FRAME_ERROR, "{\"code\":\"NO_SPACE\",\"text\":\"It is full.\"}"));
	CHECK_INT(run(&l, NULL, &err), CM_ENOSPACE);
	CHECK_STR(err.text, "It is full.");
	close_line(&l);
	/* An unknown word is a fault of ours. */
	CHECK(open_line(&l));
	CHECK(say(&l, CM_FRAME_ERROR, "{\"code\":\"WHAT\"}"));
	CHECK_INT(run(&l, NULL, &err), CM_EINTERNAL);
	close_line(&l);
}

TEST(run__broken_answers)
{
	static const struct {
		enum cm_frame_type type;
		const char *text;
	} bad[] = { { CM_FRAME_END, "no json" },  { CM_FRAME_END, "[]" },     { CM_FRAME_END, "" },
		    { CM_FRAME_MEMBER, "12345" }, { CM_FRAME_SEGMENT, "{}" }, { CM_FRAME_DATA, "x" },
		    { CM_FRAME_PLAN, "{}" },	  { CM_FRAME_EOF, "" } };
	struct cm_err err = { 0 };
	struct line l;

	for (size_t i = 0; i < CM_COUNT(bad); i++) {
		CHECK(open_line(&l));
		CHECK(say(&l, bad[i].type, bad[i].text));
		CHECK_INT(run(&l, NULL, &err), CM_EUPSTREAM);
		close_line(&l);
	}
	CHECK(open_line(&l));
	CHECK(write(l.fds[1], "HTTP/1.1", 8) == 8);
	CHECK_INT(run(&l, NULL, &err), CM_EUPSTREAM);
	close_line(&l);
}

TEST(run__other_side_goes_away)
{
	struct cm_err err = { 0 };
	struct line l;

	CHECK(open_line(&l));
	close(l.fds[1]);
	l.fds[1] = -1;
	CHECK_INT(run(&l, NULL, &err), CM_EUNREACHABLE);
	close_line(&l);
	/* In the middle of a frame. */
	CHECK(open_line(&l));
	CHECK(write(l.fds[1], "\xc3\x0a\0\0\x10\0\0\0{", 9) == 9);
	close(l.fds[1]);
	l.fds[1] = -1;
	CHECK_INT(run(&l, NULL, &err), CM_EUNREACHABLE);
	close_line(&l);
	/* It left a reason before it went. */
	CHECK(open_line(&l));
	CHECK(say(&l, CM_FRAME_ERROR, "{\"code\":\"IN_USE\",\"text\":\"Busy.\"}"));
	close(l.fds[1]);
	l.fds[1] = -1;
	CHECK_INT(run(&l, NULL, &err), CM_EINUSE);
	close_line(&l);
}

TEST(peer__deadlines)
{
	struct cm_err err = { 0 };
	struct line l;
	struct cm_frame f;
	cm_autofree char *much = cm_alloc(4 << 20);

	CHECK(open_line(&l));
	CHECK_INT(cm_peer_next(&l.peer, 100, &f, &err), CM_ETIMEDOUT);
	CHECK_INT(cm_peer_next(&l.peer, 0, &f, &err), 0);
	CHECK_INT(f.type, 0);
	/* Nobody reads. */
	CHECK_INT(cm_peer_send(&l.peer, CM_FRAME_MEMBER, much, 4 << 20, &err), CM_ETIMEDOUT);
	CHECK_INT(cm_peer_send(&l.peer, CM_FRAME_EOF, much, 1, &err), CM_ETOOBIG);
	close_line(&l);
}

static bool always(void *ctx)
{
	(void)ctx;
	return true;
}

TEST(run__cancel_does_not_wait)
{
	struct cm_err err = { 0 };
	struct line l;
	const struct cm_archive_watch watch = { .cancelled = always };
	cm_autojson struct json_object *plan = json_object_new_object();

	CHECK(open_line(&l));
	CHECK_INT(cm_peer_run(&l.peer, plan, &watch, NULL, NULL, NULL, &err), CM_ECANCELLED);
	close_line(&l);
}
