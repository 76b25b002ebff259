/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "core/clock.h"
#include "core/mem.h"
#include "scratch.h"
#include "test.h"

static int64_t count_of(const char *sql)
{
	struct cm_db *db;
	int64_t n = -1;

	if (cm_db_get(&db, NULL) != 0 || cm_db_int_values(db, &n, NULL, sql, CM_VALUES()) != 0)
		return -1;
	return n;
}

static int table_make(void)
{
	struct cm_db *db;

	return cm_db_get(&db, NULL) || cm_db_exec(db, NULL, "CREATE TABLE t (a INTEGER UNIQUE, b TEXT, c BLOB) STRICT");
}

TEST(db_values__come_back_as_they_went_in)
{
	struct cm_db *db;
	struct cm_stmt *st;
	size_t len;

	scratch_begin();
	CHECK_INT(table_make(), 0);
	CHECK_INT(cm_db_get(&db, NULL), 0);
	CHECK_INT(cm_db_exec(db, NULL, "INSERT INTO t VALUES (?, ?, ?)", cm_v_int(INT64_MIN), cm_v_text("it's"),
			     cm_v_blob("a\0b", 3)),
		  0);
	CHECK_INT(cm_db_changes(db), 1);
	CHECK_INT(cm_db_last_id(db), 1);
	CHECK_INT(
	    cm_db_exec(db, NULL, "INSERT INTO t VALUES (?, ?, ?)", cm_v_null(), cm_v_text(NULL), cm_v_blob(NULL, 0)),
	    0);
	CHECK_INT(cm_db_query(db, &st, NULL, "SELECT a, b, c, 1.5 FROM t ORDER BY rowid"), 0);
	CHECK_INT(cm_stmt_step(st, NULL), 1);
	CHECK(cm_stmt_int(st, 0) == INT64_MIN);
	CHECK_STR(cm_stmt_str(st, 1), "it's");
	CHECK(memcmp(cm_stmt_blob(st, 2, &len), "a\0b", 3) == 0);
	CHECK_INT(len, 3);
	CHECK(cm_stmt_num(st, 3) == 1.5);
	CHECK_INT(cm_stmt_step(st, NULL), 1);
	CHECK(cm_stmt_null(st, 0) && cm_stmt_str(st, 1) == NULL && !cm_stmt_null(st, 2));
	CHECK_INT(cm_stmt_step(st, NULL), 0);
	cm_stmt_done(st);
	scratch_end();
}

TEST(db_errors__have_their_own_codes)
{
	struct cm_db *db;
	struct cm_err err = { 0 };
	int64_t n;

	scratch_begin();
	CHECK_INT(table_make(), 0);
	cm_db_get(&db, NULL);
	CHECK_INT(cm_db_exec(db, &err, "INSERT INTO t (a) VALUES (1)"), 0);
	CHECK_INT(cm_db_exec(db, &err, "INSERT INTO t (a) VALUES (1)"), CM_EEXIST);
	CHECK_INT(err.code, CM_EEXIST);
	CHECK_INT(cm_db_exec(db, &err, "INSERT INTO t (a) VALUES ('x')"), CM_EINVAL);
	CHECK_INT(cm_db_exec(db, &err, "INSERT INTO sessions VALUES (1, x'00', 77, x'00', 1, 1, 1, '', '')"),
		  CM_EINVAL); /* foreign keys are on */
	CHECK_INT(cm_db_exec(db, &err, "NONSENSE"), CM_EINTERNAL);
	CHECK(strstr(err.detail, "NONSENSE") != NULL && strstr(err.text, "NONSENSE") == NULL);
	CHECK_INT(cm_db_exec(db, &err, "SELECT ?"), CM_EINTERNAL); /* one value too few */
	CHECK_INT(cm_db_exec(db, &err, "SELECT 1", cm_v_int(1)), CM_EINTERNAL);
	CHECK_INT(cm_db_int(db, &n, &err, "SELECT a FROM t WHERE a = 9"), CM_ENOTFOUND);
	scratch_end();
}

TEST(db_cache__serves_more_statements_than_it_holds)
{
	struct cm_db *db;
	struct cm_stmt *open[40], *twice;

	scratch_begin();
	cm_db_get(&db, NULL);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 40; i++) {
			char sql[64];
			snprintf(sql, sizeof(sql), "SELECT %d", i);
			CHECK_INT(cm_db_query_values(db, &open[i], NULL, sql, CM_VALUES()), 0);
			CHECK_INT(cm_stmt_step(open[i], NULL), 1);
		}
		/* The same text while it is in use: a second one, not the first one reset. */
		CHECK_INT(cm_db_query(db, &twice, NULL, "SELECT 1"), 0);
		CHECK(twice != open[1]);
		cm_stmt_done(twice);
		for (int i = 0; i < 40; i++) {
			CHECK_INT(cm_stmt_int(open[i], 0), i);
			cm_stmt_done(open[i]);
		}
	}
	cm_stmt_done(NULL);
	scratch_end();
}

TEST(db_transaction__rolls_back_whole)
{
	struct cm_db *db;

	scratch_begin();
	CHECK_INT(table_make(), 0);
	cm_db_get(&db, NULL);
	CHECK_INT(cm_db_begin(db, NULL), 0);
	CHECK_INT(cm_db_exec(db, NULL, "INSERT INTO t (a) VALUES (1)"), 0);
	CHECK_INT(cm_db_end(db, CM_EINVAL, NULL), CM_EINVAL);
	CHECK_INT(count_of("SELECT count(*) FROM t"), 0);
	CHECK_INT(cm_db_commit(db, NULL), CM_EINTERNAL); /* nothing was begun */
	cm_db_rollback(db);
	scratch_end();
}

TEST(db_transaction__an_inner_failure_dooms_the_outer)
{
	struct cm_db *db;
	struct cm_err err = { 0 };

	scratch_begin();
	CHECK_INT(table_make(), 0);
	cm_db_get(&db, NULL);
	CHECK_INT(cm_db_begin(db, NULL), 0);
	CHECK_INT(cm_db_begin(db, NULL), 0);
	CHECK_INT(cm_db_exec(db, NULL, "INSERT INTO t (a) VALUES (1)"), 0);
	CHECK_INT(cm_db_commit(db, NULL), 0);
	CHECK_INT(cm_db_begin(db, NULL), 0);
	cm_db_rollback(db);
	CHECK_INT(cm_db_commit(db, &err), CM_EINTERNAL);
	CHECK(strstr(err.detail, "test_db_transaction__an_inner_failure_dooms_the_outer") != NULL);
	CHECK_INT(count_of("SELECT count(*) FROM t"), 0);
	CHECK_INT(cm_db_begin(db, NULL), 0);
	CHECK_INT(cm_db_begin(db, NULL), 0);
	CHECK_INT(cm_db_exec(db, NULL, "INSERT INTO t (a) VALUES (1)"), 0);
	CHECK_INT(cm_db_commit(db, NULL), 0);
	CHECK_INT(cm_db_commit(db, NULL), 0);
	CHECK_INT(count_of("SELECT count(*) FROM t"), 1);
	scratch_end();
}

TEST(db_transaction__refuses_what_it_cannot_promise)
{
	struct cm_db *db;
	int64_t mode;

	scratch_begin();
	cm_db_get(&db, NULL);
	CHECK_INT(cm_db_begin_read(db, NULL), 0);
	CHECK_INT(cm_db_begin(db, NULL), CM_EINTERNAL);
	CHECK_INT(cm_db_commit(db, NULL), 0);
	CHECK_INT(cm_db_begin(db, NULL), 0);
	CHECK_INT(cm_db_begin_durable(db, NULL), CM_EINTERNAL);
	CHECK_INT(cm_db_begin_read(db, NULL), 0);
	CHECK_INT(cm_db_commit(db, NULL), 0);
	CHECK_INT(cm_db_commit(db, NULL), 0);
	CHECK_INT(cm_db_begin_durable(db, NULL), 0);
	CHECK_INT(cm_db_int(db, &mode, NULL, "PRAGMA synchronous"), 0);
	CHECK_INT(mode, 2);
	CHECK_INT(cm_db_begin(db, NULL), 0);
	CHECK_INT(cm_db_commit(db, NULL), 0);
	CHECK_INT(cm_db_commit(db, NULL), 0);
	CHECK_INT(cm_db_int(db, &mode, NULL, "PRAGMA synchronous"), 0);
	CHECK_INT(mode, 1);
	scratch_end();
}

/* SQLite rolls back by itself when the disk is full: what follows must not slip in outside of the transaction. */
TEST(db_full__changes_nothing_and_says_so)
{
	struct cm_db *db;
	struct cm_err err = { 0 };
	int64_t pages;
	int rc = 0;

	scratch_begin();
	CHECK_INT(table_make(), 0);
	cm_db_get(&db, NULL);
	CHECK_INT(cm_db_int(db, &pages, NULL, "PRAGMA page_count"), 0);
	char *limit = cm_asprintf("PRAGMA max_page_count = %lld", (long long)pages + 20);
	CHECK_INT(cm_db_exec_values(db, NULL, limit, CM_VALUES()), 0);
	free(limit);
	CHECK_INT(cm_db_begin(db, NULL), 0);
	for (int i = 0; i < 100 && rc == 0; i++)
		rc = cm_db_exec(db, &err, "INSERT INTO t (a, c) VALUES (?, zeroblob(20000))", cm_v_int(i));
	CHECK_INT(rc, CM_ENOSPACE);
	CHECK(strstr(err.text, "space") != NULL);
	rc = cm_db_exec(db, &err, "INSERT INTO t (a) VALUES (1000)");
	CHECK(rc == CM_EIO || rc == 0);
	CHECK(cm_db_end(db, rc, &err) == rc);
	cm_db_rollback(db);
	CHECK(count_of("SELECT count(*) FROM t WHERE a < 1000") == 0 || rc == 0);
	scratch_end();
}

enum { WRITERS = 2, WRITES = 200 };

static void *writer_main(void *arg)
{
	struct cm_db *db;
	struct cm_err err = { 0 };
	int failed = 0;

	if (cm_db_get(&db, &err) != 0)
		return (void *)1;
	for (int i = 0; i < WRITES; i++) {
		int64_t n;
		int rc = cm_db_begin(db, &err);
		if (rc == 0)
			rc = cm_db_end(db,
				       cm_db_int(db, &n, &err, "SELECT max(a) FROM t") ||
					   cm_db_exec(db, &err, "INSERT INTO t (a, b) VALUES (?, ?)", cm_v_int(n + 1),
						      cm_v_text(arg)),
				       &err);
		failed += rc != 0;
	}
	return (void *)(intptr_t)failed;
}

TEST(db_writers__wait_for_each_other)
{
	pthread_t threads[WRITERS];
	void *failed;
	struct cm_db *db;

	scratch_begin();
	CHECK_INT(table_make(), 0);
	cm_db_get(&db, NULL);
	CHECK_INT(cm_db_exec(db, NULL, "INSERT INTO t (a) VALUES (0)"), 0);
	for (int i = 0; i < WRITERS; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, writer_main, (void *)(i ? "one" : "two")), 0);
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], &failed);
		CHECK(failed == NULL);
	}
	CHECK_INT(count_of("SELECT max(a) FROM t"), WRITERS * WRITES);
	CHECK_INT(count_of("SELECT count(*) FROM t"), WRITERS * WRITES + 1);
	scratch_end();
}

TEST(db_fork__gives_the_child_a_connection_of_its_own)
{
	struct cm_db *db, *childs;
	int status;

	scratch_begin();
	CHECK_INT(table_make(), 0);
	CHECK_INT(cm_db_get(&db, NULL), 0);
	CHECK_INT(cm_db_begin(db, NULL), 0);
	CHECK_INT(cm_db_exec(db, NULL, "INSERT INTO t (a) VALUES (1)"), 0);
	pid_t pid = fork();
	if (pid == 0) {
		/* Through the parent's it would see the parent's uncommitted row. */
		if (cm_db_get(&childs, NULL) != 0 || count_of("SELECT count(*) FROM t") != 0)
			_exit(1);
		cm_db_close_thread();
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK_INT(cm_db_commit(db, NULL), 0);
	CHECK_INT(count_of("SELECT count(*) FROM t"), 1);
	scratch_end();
}

/* A process is killed in the middle of a transaction: nothing of it remains, and nothing is locked. */
TEST(db_kill__leaves_whole_transactions)
{
	struct cm_db *db;
	int status, go[2];
	char byte;

	scratch_begin();
	CHECK_INT(table_make(), 0);
	cm_db_close_thread();
	CHECK_INT(pipe(go), 0);
	pid_t pid = fork();
	if (pid == 0) {
		for (int i = 0; cm_db_get(&db, NULL) == 0; i++) {
			cm_db_begin(db, NULL);
			cm_db_exec(db, NULL, "INSERT INTO t (a, b) VALUES (?, 'first')", cm_v_int(2 * i));
			if (i == 50)
				(void)!write(go[1], "x", 1);
			if (i == 51)
				pause();
			cm_db_exec(db, NULL, "INSERT INTO t (a, b) VALUES (?, 'second')", cm_v_int(2 * i + 1));
			cm_db_commit(db, NULL);
		}
	}
	CHECK_INT(read(go[0], &byte, 1), 1);
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	int64_t rows = count_of("SELECT count(*) FROM t");
	CHECK_INT(rows, 2 * 51);
	cm_db_get(&db, NULL);
	CHECK_INT(cm_db_exec(db, NULL, "INSERT INTO t (a) VALUES (-1)"), 0);
	close(go[0]);
	close(go[1]);
	scratch_end();
}

TEST(db_locked__is_busy_in_the_end_and_names_the_writer)
{
	struct cm_db *db;
	struct cm_err err = { 0 };
	sqlite3 *other;

	scratch_begin();
	cm_db_get(&db, NULL);
	CHECK_INT(sqlite3_open(scratch_app.db_path, &other), SQLITE_OK);
	CHECK_INT(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	int64_t begun = cm_monotonic_ms();
	CHECK_INT(cm_db_begin(db, &err), CM_EBUSY);
	int64_t waited = cm_monotonic_ms() - begun;
	CHECK(waited >= 4000 && waited < 9000);
	/* Reading goes on all the while. */
	CHECK_INT(count_of("SELECT count(*) FROM users"), 0);
	sqlite3_close(other);
	CHECK_INT(cm_db_begin(db, &err), 0);
	cm_db_rollback(db);
	scratch_end();
}

TEST(db_damaged__is_said_clearly)
{
	struct cm_err err = { 0 };
	struct cm_db *db;
	int64_t n;

	scratch_begin();
	CHECK_INT(table_make(), 0);
	cm_db_get(&db, NULL);
	for (int i = 0; i < 200; i++)
		CHECK_INT(
		    cm_db_exec(db, NULL, "INSERT INTO t (a, b) VALUES (?, 'some text that fills pages')", cm_v_int(i)),
		    0);
	CHECK_INT(cm_db_exec(db, NULL, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
	cm_db_close_thread();
	FILE *f = fopen(scratch_app.db_path, "r+");
	CHECK(f != NULL);
	fseek(f, 4096, SEEK_SET);
	for (int i = 0; i < 4096 * 30; i++)
		fputc(0xa5, f);
	fclose(f);
	CHECK_INT(cm_db_migrate(scratch_app.db_path, &err), CM_ECORRUPT);
	CHECK(strstr(err.text, "damaged") != NULL);
	CHECK(strstr(err.text, scratch_app.data_dir) == NULL);
	err = (struct cm_err){ 0 };
	int rc = cm_db_get(&db, &err);
	if (rc == 0)
		rc = cm_db_int(db, &n, &err, "SELECT count(*) FROM t WHERE b LIKE '%x'");
	CHECK_INT(rc, CM_ECORRUPT);
	CHECK(strstr(err.text, "Restart the program: it mends it") != NULL);
	scratch_end();
}

TEST(db_like__takes_every_character_as_itself)
{
	char *like = cm_db_like("50%_\\x");

	CHECK_STR(like, "%50\\%\\_\\\\x%");
	free(like);
}

TEST(db_missing__is_not_made_by_a_connection)
{
	struct cm_db *db;
	struct cm_err err = { 0 };

	scratch_dir();
	cm_db_init(scratch_app.db_path);
	CHECK_INT(cm_db_get(&db, &err), CM_EIO);
	CHECK(access(scratch_app.db_path, F_OK) != 0);
	scratch_end();
}
