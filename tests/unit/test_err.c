/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/err.h"

#include <errno.h>

#include "test.h"

TEST(err_set__returns_the_code_and_clears_the_detail)
{
	struct cm_err e = { 0 };
	CHECK_INT(cm_err_set(&e, CM_EBUSY, "busy with %s", "x"), CM_EBUSY);
	CHECK_STR(e.text, "busy with x");
	cm_err_detail(&e, "private");
	CHECK_INT(cm_err_set(&e, CM_EIO, "again: %s", e.text), CM_EIO);
	CHECK_STR(e.text, "again: busy with x");
	CHECK_STR(e.detail, "");
	CHECK_INT(cm_err_set(NULL, CM_EIO, "x"), CM_EIO);
}

TEST(err_errno__knows_a_full_disk)
{
	struct cm_err e;
	CHECK_INT(cm_err_errno(&e, ENOSPC, "writing"), CM_ENOSPACE);
	CHECK_INT(cm_err_errno(NULL, ENOSPC, "writing"), CM_ENOSPACE);
	CHECK_INT(cm_err_errno(&e, ENOENT, "opening"), CM_ENOTFOUND);
	CHECK_INT(cm_err_errno(&e, EIO, "reading"), CM_EIO);
}

TEST(err_prefix__names_the_part)
{
	struct cm_err e;
	cm_err_set(&e, CM_EIO, "Reading failed.");
	CHECK_INT(cm_err_prefix(&e, "Volume %s", "data"), CM_EIO);
	CHECK_STR(e.text, "Volume data: Reading failed.");
}

TEST(err_word__exists_for_every_code)
{
	for (int c = 0; c > -CM_CODE_COUNT; c--)
		CHECK(cm_err_word(c) != NULL && cm_err_http(c) >= 200);
	CHECK_STR(cm_err_word(12345), "INTERNAL");
}
