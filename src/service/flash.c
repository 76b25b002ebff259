/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "core/mem.h"
#include "core/str.h"
#include "db/db.h"
#include "service/session.h"

static const char *const kinds[] = { "success", "info", "warning", "error" };

static int add(struct cm_db *db, int64_t session_id, const char *kind, const char *text, struct cm_err *err)
{
	int rc = cm_db_exec(db, err,
			    "DELETE FROM flashes WHERE id IN (SELECT id FROM flashes WHERE session_id = ?"
			    " ORDER BY id DESC LIMIT -1 OFFSET ?)",
			    cm_v_int(session_id), cm_v_int(CM_FLASH_MAX - 1));
	if (rc == 0)
		rc = cm_db_exec(db, err, "INSERT INTO flashes (session_id, kind, text) VALUES (?, ?, ?)",
				cm_v_int(session_id), cm_v_text(kind), cm_v_text(text));
	if (rc == CM_EINVAL)
		return cm_err_set(err, CM_EAUTH, "Authentication required");
	return rc;
}

int cm_flash_add(int64_t session_id, const char *kind, const char *text, struct cm_err *err)
{
	struct cm_db *db;
	bool known = false;

	for (size_t i = 0; i < CM_COUNT(kinds); i++)
		known |= cm_str_eq(kind, kinds[i]);
	if (!known || text == NULL)
		return cm_err_set(err, CM_EINVAL, "A message needs a kind and a text.");
	size_t len = strlen(text);
	/* Cut between characters, not inside of one. */
	if (len > CM_FLASH_TEXT_MAX)
		for (len = CM_FLASH_TEXT_MAX; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80;)
			len--;
	cm_autofree char *cut = cm_strndup(text, len);
	int rc = cm_db_get(&db, err);
	if (rc != 0 || (rc = cm_db_begin(db, err)) != 0)
		return rc;
	return cm_db_end(db, add(db, session_id, kind, cut, err), err);
}

static int read_all(struct cm_db *db, int64_t session_id, struct cm_flash *list, size_t *ret_count, struct cm_err *err)
{
	cm_autostmt struct cm_stmt *st = NULL;
	size_t count = 0;
	int rc = cm_db_query(db, &st, err, "SELECT kind, text FROM flashes WHERE session_id = ? ORDER BY id LIMIT ?",
			     cm_v_int(session_id), cm_v_int(CM_FLASH_MAX));

	while (rc == 0 && count < CM_FLASH_MAX && (rc = cm_stmt_step(st, err)) > 0) {
		cm_str_copy(list[count].kind, sizeof(list[count].kind), cm_stmt_str(st, 0));
		list[count++].text = cm_strdup(cm_stmt_str(st, 1));
		rc = 0;
	}
	*ret_count = count;
	return rc;
}

int cm_flash_take(int64_t session_id, struct cm_flash **ret, size_t *ret_count, struct cm_err *err)
{
	struct cm_db *db;
	int64_t any = 0;
	size_t count = 0;
	int rc = cm_db_get(&db, err);

	/* Nearly always there is none: looking must not cost a write. */
	if (rc == 0)
		rc = cm_db_int(db, &any, err, "SELECT EXISTS (SELECT 1 FROM flashes WHERE session_id = ?)",
			       cm_v_int(session_id));
	if (rc != 0)
		return rc;
	if (!any) {
		*ret = NULL;
		*ret_count = 0;
		return 0;
	}
	if ((rc = cm_db_begin(db, err)) != 0)
		return rc;
	struct cm_flash *list = cm_alloc_array(CM_FLASH_MAX, sizeof(*list));
	rc = read_all(db, session_id, list, &count, err);
	if (rc == 0)
		rc = cm_db_exec(db, err, "DELETE FROM flashes WHERE session_id = ?", cm_v_int(session_id));
	rc = cm_db_end(db, rc, err);
	if (rc != 0) {
		cm_flash_free(list, count);
		return rc;
	}
	*ret = list;
	*ret_count = count;
	return 0;
}

void cm_flash_free(struct cm_flash *list, size_t count)
{
	for (size_t i = 0; list != NULL && i < count; i++)
		free(list[i].text);
	free(list);
}
