/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <isa-l/igzip_lib.h>

#include "core/mem.h"
#include "web/reply.h"
#include "web/web_int.h"

static bool accepts(const char *value)
{
	struct cm_request *rq = cm_alloc(sizeof(*rq));
	bool yes;

	if (value != NULL) {
		rq->headers[0] = (struct cm_header){ cm_strdup("accept-encoding"), cm_strdup(value) };
		rq->header_count = 1;
	}
	yes = cm_accepts_gzip(rq);
	cm_request_free(rq);
	return yes;
}

TEST(accepts_gzip__reads_the_header)
{
	CHECK(accepts("gzip"));
	CHECK(accepts("br, deflate , GZIP;q=0.5"));
	CHECK(accepts("gzip;q=1.0, identity"));
	CHECK(!accepts(NULL));
	CHECK(!accepts(""));
	CHECK(!accepts("gzip;q=0"));
	CHECK(!accepts("gzip; q=0.000"));
	CHECK(!accepts("xgzip, gzipx"));
	CHECK(!accepts("br"));
}

/* Compresses a body of len bytes of this type; true when it was, and opens to the same. */
static bool round_trip(size_t len, const char *type)
{
	struct cm_request *rq = cm_alloc(sizeof(*rq));
	cm_autofree char *text = cm_alloc(len + 1), *back = cm_alloc(len + 1);
	struct inflate_state s;
	struct cm_reply rp;
	bool good;

	for (size_t i = 0; i < len; i++)
		text[i] = (char)('a' + i * i % 7);
	rq->headers[0] = (struct cm_header){ cm_strdup("accept-encoding"), cm_strdup("gzip") };
	rq->header_count = 1;
	cm_reply_init(&rp);
	cm_reply_body(&rp, 200, type, text, len);
	cm_reply_compress(rq, &rp);
	good = rp.body.len < len;
	isal_inflate_init(&s);
	s.crc_flag = ISAL_GZIP;
	s.next_in = (uint8_t *)rp.body.data;
	s.avail_in = (uint32_t)rp.body.len;
	s.next_out = (uint8_t *)back;
	s.avail_out = (uint32_t)len;
	good = good && isal_inflate(&s) == ISAL_DECOMP_OK && memcmp(text, back, len) == 0;
	cm_reply_free(&rp);
	cm_request_free(rq);
	return good;
}

TEST(reply_compress__text_of_some_size_opens_to_the_same)
{
	CHECK(round_trip(1024, "text/html; charset=utf-8"));
	CHECK(round_trip(3000000, "application/json"));
	CHECK(!round_trip(1023, "text/html; charset=utf-8"));
	CHECK(!round_trip(5000, "application/gzip"));
}
