/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/buf.h"

#include "core/err.h"
#include "test.h"

TEST(buf_add__grows_and_terminates)
{
	struct cm_buf b = CM_BUF_INIT(1000);
	CHECK_STR(b.data, "");
	for (int i = 0; i < 100; i++)
		cm_buf_printf(&b, "%d,", i % 10);
	CHECK_INT(b.len, 200);
	CHECK_INT(b.data[200], 0);
	CHECK_INT(cm_buf_failed(&b), 0);
	cm_buf_release(&b);
}

TEST(buf_add__stops_at_the_ceiling_and_stays_failed)
{
	struct cm_buf b = CM_BUF_INIT(5);
	cm_buf_str(&b, "1234");
	cm_buf_str(&b, "56");
	cm_buf_char(&b, '5');
	CHECK_INT(cm_buf_failed(&b), CM_ETOOBIG);
	CHECK_STR(b.data, "1234");
	cm_buf_reset(&b);
	cm_buf_str(&b, "12345");
	CHECK_INT(cm_buf_failed(&b), 0);
	CHECK_STR(b.data, "12345");
	cm_buf_release(&b);
}

TEST(buf_consume__removes_at_the_front)
{
	struct cm_buf b = CM_BUF_INIT(50);
	cm_buf_str(&b, "abcdef");
	cm_buf_consume(&b, 2);
	CHECK_STR(b.data, "cdef");
	cm_buf_consume(&b, 100);
	CHECK_STR(b.data, "");
	cm_buf_release(&b);
}

TEST(buf_detach__gives_memory_even_when_empty)
{
	struct cm_buf b = CM_BUF_INIT(50);
	char *s = cm_buf_detach(&b);
	CHECK_STR(s, "");
	free(s);
	cm_buf_str(&b, "x");
	s = cm_buf_detach(&b);
	CHECK_STR(s, "x");
	CHECK_STR(b.data, "");
	free(s);
}
