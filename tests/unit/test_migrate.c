/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/migrate.h"

#include <dirent.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/mem.h"
#include "scratch.h"
#include "test.h"

static const struct cm_migration steps[] = {
	{ 1, "one", "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);" },
	{ 2, "two", "CREATE TABLE b (x INTEGER); INSERT INTO b SELECT x + 1 FROM a;" },
	{ 3, "three", "ALTER TABLE b ADD COLUMN y TEXT;" },
};
static const struct cm_migration broken[] = {
	{ 1, "one", "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);" },
	{ 2, "two", "CREATE TABLE b (x INTEGER); INSERT INTO nowhere VALUES (1);" },
};

/* One number from the file, read as anybody could; -1: error. */
static int ask(const char *path, const char *sql)
{
	sqlite3 *h;
	sqlite3_stmt *st;
	int n = -1;

	if (sqlite3_open_v2(path, &h, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v2(h, sql, -1, &st, NULL) == SQLITE_OK) {
		if (sqlite3_step(st) == SQLITE_ROW)
			n = sqlite3_column_int(st, 0);
		sqlite3_finalize(st);
	}
	sqlite3_close(h);
	return n;
}

/* The name of the one file in config/ that begins like this; caller frees; NULL: none. */
static char *find(const char *prefix)
{
	DIR *d = opendir(scratch_app.config_dir);
	char *found = NULL;

	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		if (strncmp(e->d_name, prefix, strlen(prefix)) == 0 && found == NULL)
			found = cm_asprintf("%s/%s", scratch_app.config_dir, e->d_name);
	closedir(d);
	return found;
}

TEST(migrate_new__makes_a_complete_database)
{
	struct stat st;
	struct cm_err err = { 0 };

	scratch_dir();
	CHECK_INT(cm_db_migrate(scratch_app.db_path, &err), 0);
	CHECK_INT(stat(scratch_app.db_path, &st), 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	CHECK_INT(ask(scratch_app.db_path, "PRAGMA application_id"), CM_DB_APPLICATION_ID);
	CHECK_INT(ask(scratch_app.db_path, "PRAGMA user_version"), (int)cm_migration_count);
	CHECK_INT(ask(scratch_app.db_path, "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'"), 1);
	CHECK_INT(ask(scratch_app.db_path, "SELECT count(*) FROM users"), 0);
	CHECK(find("monkey.db.") == NULL);
	/* Once more: nothing changes. */
	CHECK_INT(cm_db_migrate(scratch_app.db_path, &err), 0);
	scratch_end();
}

TEST(migrate_new__makes_the_folder)
{
	char path[1024];

	scratch_dir();
	snprintf(path, sizeof(path), "%s/deep/er/monkey.db", scratch_app.data_dir);
	CHECK_INT(cm_db_migrate(path, NULL), 0);
	CHECK_INT(access(path, F_OK), 0);
	scratch_end();
}

TEST(migrate_steps__go_on_from_where_it_stands)
{
	scratch_dir();
	CHECK_INT(cm_db_migrate_steps(scratch_app.db_path, steps, 1, NULL), 0);
	CHECK_INT(ask(scratch_app.db_path, "UPDATE a SET x = 41 RETURNING x"), 41);
	CHECK_INT(cm_db_migrate_steps(scratch_app.db_path, steps, 3, NULL), 0);
	CHECK_INT(ask(scratch_app.db_path, "SELECT x FROM b WHERE y IS NULL"), 42);
	CHECK_INT(ask(scratch_app.db_path, "PRAGMA user_version"), 3);
	scratch_end();
}

TEST(migrate_failure__undoes_the_step_and_keeps_the_data)
{
	struct cm_err err = { 0 };

	scratch_dir();
	CHECK_INT(cm_db_migrate_steps(scratch_app.db_path, steps, 1, NULL), 0);
	CHECK(cm_db_migrate_steps(scratch_app.db_path, broken, 2, &err) != 0);
	CHECK(strstr(err.text, "version 2 (two) failed and was undone") != NULL);
	CHECK_INT(ask(scratch_app.db_path, "SELECT count(*) FROM sqlite_schema WHERE name = 'b'"), 0);
	CHECK_INT(ask(scratch_app.db_path, "PRAGMA user_version"), 1);
	CHECK_INT(ask(scratch_app.db_path, "SELECT x FROM a"), 1);
	scratch_end();
}

TEST(migrate_failure__of_a_new_one_leaves_no_file)
{
	scratch_dir();
	CHECK(cm_db_migrate_steps(scratch_app.db_path, broken, 2, NULL) != 0);
	CHECK(find("monkey.db") == NULL);
	scratch_end();
}

TEST(migrate_newer__is_refused_untouched)
{
	struct cm_err err = { 0 };

	scratch_dir();
	CHECK_INT(cm_db_migrate_steps(scratch_app.db_path, steps, 3, NULL), 0);
	CHECK_INT(cm_db_migrate_steps(scratch_app.db_path, steps, 2, &err), CM_EUNSUPPORTED);
	CHECK(strstr(err.text, "newer version") != NULL && strstr(err.text, "is 3") != NULL);
	CHECK_INT(ask(scratch_app.db_path, "PRAGMA user_version"), 3);
	scratch_end();
}

/* As the predecessor leaves it: another application_id, and here with a journal that is still needed. */
TEST(migrate_foreign__is_kept_aside)
{
	sqlite3 *h;
	char journal[1024];

	scratch_dir();
	CHECK_INT(sqlite3_open(scratch_app.db_path, &h), SQLITE_OK);
	CHECK_INT(sqlite3_exec(h,
			       "CREATE TABLE users (id INTEGER PRIMARY KEY, username TEXT, password_hash TEXT);"
			       "INSERT INTO users VALUES (1, 'admin', 'pbkdf2')",
			       NULL, NULL, NULL),
		  SQLITE_OK);
	sqlite3_close(h);
	snprintf(journal, sizeof(journal), "%s-journal", scratch_app.db_path);
	CHECK_INT(cm_file_write(journal, "", 0, 0600, NULL), 0);
	CHECK_INT(cm_db_migrate(scratch_app.db_path, NULL), 0);
	CHECK_INT(ask(scratch_app.db_path, "PRAGMA application_id"), CM_DB_APPLICATION_ID);
	CHECK(access(journal, F_OK) != 0);
	char *kept = find("monkey.db.predecessor-");
	CHECK(kept != NULL);
	char *end = strstr(kept, "-journal");
	if (end != NULL)
		*end = '\0';
	CHECK_INT(ask(kept, "SELECT count(*) FROM users WHERE username = 'admin'"), 1);
	free(kept);
	scratch_end();
}

TEST(migrate_garbage__is_refused_and_left_alone)
{
	struct cm_err err = { 0 };
	struct cm_buf now = CM_BUF_INIT(4096);
	static const char text[] = "this is no database, but somebody may want it";

	scratch_dir();
	CHECK_INT(cm_file_write(scratch_app.db_path, text, sizeof(text), 0600, NULL), 0);
	CHECK_INT(cm_db_migrate(scratch_app.db_path, &err), CM_ECORRUPT);
	CHECK(strstr(err.text, "not a database") != NULL);
	CHECK_INT(cm_file_read(scratch_app.db_path, &now, NULL), 0);
	CHECK(now.len == sizeof(text) && memcmp(now.data, text, sizeof(text)) == 0);
	cm_buf_release(&now);
	scratch_end();
}

/* A log of a database that is gone must not be played into the new one. */
TEST(migrate_stale_log__does_not_get_into_the_new_one)
{
	sqlite3 *h;
	char wal[1024], other[1024], copy[1024];
	struct cm_buf log = CM_BUF_INIT(1 << 20);

	scratch_dir();
	snprintf(other, sizeof(other), "%s/other.db", scratch_app.config_dir);
	snprintf(wal, sizeof(wal), "%s/other.db-wal", scratch_app.config_dir);
	snprintf(copy, sizeof(copy), "%s-wal", scratch_app.db_path);
	CHECK_INT(sqlite3_open(other, &h), SQLITE_OK);
	CHECK_INT(sqlite3_exec(h, "PRAGMA journal_mode = WAL; CREATE TABLE z (x)", NULL, NULL, NULL), SQLITE_OK);
	CHECK_INT(cm_file_read(wal, &log, NULL), 0);
	CHECK_INT(cm_file_write(copy, log.data, log.len, 0600, NULL), 0);
	sqlite3_close(h);
	CHECK_INT(cm_db_migrate(scratch_app.db_path, NULL), 0);
	CHECK_INT(ask(scratch_app.db_path, "SELECT count(*) FROM users"), 0);
	CHECK_INT(ask(scratch_app.db_path, "SELECT count(*) FROM sqlite_schema WHERE name = 'z'"), 0);
	cm_buf_release(&log);
	scratch_end();
}

TEST(migrate_twice_at_once__agrees_on_one_database)
{
	int status, bad = 0;

	scratch_dir();
	for (int i = 0; i < 4; i++)
		if (fork() == 0)
			_exit(cm_db_migrate(scratch_app.db_path, NULL) != 0);
	for (int i = 0; i < 4; i++)
		bad += wait(&status) < 0 || status != 0;
	CHECK_INT(bad, 0);
	CHECK_INT(ask(scratch_app.db_path, "PRAGMA user_version"), (int)cm_migration_count);
	CHECK(find("monkey.db.predecessor") == NULL);
	scratch_end();
}

TEST(migrate_as_root__gives_the_files_to_the_folders_owner)
{
	struct stat st;
	char wal[1024];
	struct cm_db *db;

	if (geteuid() != 0)
		return;
	scratch_dir();
	CHECK_INT(chown(scratch_app.config_dir, 4242, 4243), 0);
	CHECK_INT(cm_db_migrate(scratch_app.db_path, NULL), 0);
	CHECK_INT(stat(scratch_app.db_path, &st), 0);
	CHECK_INT(st.st_uid, 4242);
	CHECK_INT(st.st_gid, 4243);
	cm_db_init(scratch_app.db_path);
	CHECK_INT(cm_db_get(&db, NULL), 0);
	CHECK_INT(cm_db_exec(db, NULL, "INSERT INTO settings VALUES ('a', 'b', 'c', 1)"), 0);
	snprintf(wal, sizeof(wal), "%s-wal", scratch_app.db_path);
	CHECK_INT(stat(wal, &st), 0);
	CHECK_INT(st.st_uid, 4242);
	CHECK_INT(st.st_mode & 0777, 0600);
	scratch_end();
}
