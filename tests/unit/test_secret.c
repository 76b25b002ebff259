/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/secret.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include "core/mem.h"
#include "core/str.h"
#include "scratch.h"
#include "test.h"

static char key_path[1024];

static void begin(void)
{
	scratch_dir();
	cm_secret_init(NULL);
	snprintf(key_path, sizeof(key_path), "%s/encryption.key", scratch_app.config_dir);
}

TEST(secret_key__is_made_once_and_stays)
{
	struct stat st;
	struct cm_buf first = CM_BUF_INIT(100), second = CM_BUF_INIT(100);
	uint8_t a[32], b[32];

	begin();
	CHECK_INT(cm_master_key_load(key_path, NULL), 0);
	CHECK_INT(cm_master_key_derive("p", a, NULL), 0);
	CHECK_INT(stat(key_path, &st), 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	CHECK_INT(st.st_size, CM_TOKEN_LEN);
	CHECK_INT(cm_file_read(key_path, &first, NULL), 0);
	CHECK_INT(cm_master_key_load(key_path, NULL), 0);
	CHECK_INT(cm_master_key_derive("p", b, NULL), 0);
	CHECK_INT(cm_file_read(key_path, &second, NULL), 0);
	CHECK_STR(first.data, second.data);
	CHECK(memcmp(a, b, 32) == 0);
	CHECK_INT(cm_master_key_derive("q", b, NULL), 0);
	CHECK(memcmp(a, b, 32) != 0);
	cm_buf_release(&first);
	cm_buf_release(&second);
	scratch_end();
}

TEST(secret_key__takes_the_predecessors_text_and_leaves_it)
{
	static const char text[] = "Ab0-_fghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ";
	struct cm_buf now = CM_BUF_INIT(100);
	uint8_t a[32], b[32];
	struct stat st;

	begin();
	CHECK_INT(strlen(text), 43);
	CHECK_INT(cm_file_write(key_path, text, 43, 0644, NULL), 0);
	CHECK_INT(cm_master_key_load(key_path, NULL), 0);
	CHECK_INT(cm_master_key_derive("p", a, NULL), 0);
	CHECK_INT(cm_file_read(key_path, &now, NULL), 0);
	CHECK_STR(now.data, text);
	CHECK_INT(stat(key_path, &st), 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	/* A newline at the end is not part of the key. */
	cm_buf_char(&now, '\n');
	CHECK_INT(cm_file_write(key_path, now.data, now.len, 0600, NULL), 0);
	CHECK_INT(cm_master_key_load(key_path, NULL), 0);
	CHECK_INT(cm_master_key_derive("p", b, NULL), 0);
	CHECK(memcmp(a, b, 32) == 0);
	cm_buf_release(&now);
	scratch_end();
}

/* What is sealed must stay readable by every later version: computed independently from the same definition (BLAKE2b,
 * twice). */
TEST(secret_key__is_derived_the_same_way_for_ever)
{
	char hex[65];
	uint8_t key[32];

	begin();
	CHECK_INT(cm_file_write(key_path, "0123456789abcdef0123456789abcdef0123456789a", 43, 0600, NULL), 0);
	CHECK_INT(cm_master_key_load(key_path, NULL), 0);
	CHECK_INT(cm_master_key_derive("storage", key, NULL), 0);
	cm_hex(hex, key, 32);
	CHECK_STR(hex, "621eb4d39384fe912c8139c683fc9e24c63953a6cca06a343f9e2e289743b772");
	scratch_end();
}

TEST(secret_key__too_short_is_refused_and_not_replaced)
{
	struct cm_err err = { 0 };
	struct stat st;

	begin();
	CHECK_INT(cm_file_write(key_path, "\n", 1, 0600, NULL), 0);
	CHECK_INT(cm_master_key_load(key_path, &err), CM_ECORRUPT);
	CHECK(strstr(err.text, "encryption.key") != NULL);
	CHECK_INT(stat(key_path, &st), 0);
	CHECK_INT(st.st_size, 1);
	scratch_end();
}

TEST(secret_key__two_starts_at_once_agree)
{
	int status, pipes[2], bad = 0;
	uint8_t keys[4][32];

	begin();
	CHECK_INT(pipe(pipes), 0);
	for (int i = 0; i < 4; i++) {
		if (fork() == 0) {
			uint8_t k[32];
			int rc = cm_master_key_load(key_path, NULL);
			rc = rc ? rc : cm_master_key_derive("p", k, NULL);
			_exit(rc != 0 || write(pipes[1], k, 32) != 32);
		}
	}
	for (int i = 0; i < 4; i++) {
		bad += read(pipes[0], keys[i], 32) != 32;
		bad += wait(&status) < 0 || status != 0;
		bad += memcmp(keys[0], keys[i], 32) != 0;
	}
	CHECK_INT(bad, 0);
	close(pipes[0]);
	close(pipes[1]);
	scratch_end();
}

TEST(secret_seal__opens_only_for_its_purpose_and_key)
{
	struct cm_buf sealed = CM_BUF_INIT(4096), again = CM_BUF_INIT(4096), out = CM_BUF_INIT(4096);
	struct cm_err err = { 0 };

	begin();
	CHECK_INT(cm_master_key_load(key_path, NULL), 0);
	CHECK_INT(cm_seal("s3", "example+secret/old", 18, &sealed, NULL), 0);
	CHECK_INT(cm_seal("s3", "example+secret/old", 18, &again, NULL), 0);
	CHECK(strcmp(sealed.data, again.data) != 0);
	CHECK(strstr(sealed.data, "example") == NULL);
	CHECK_INT(cm_unseal("s3", sealed.data, &out, NULL), 0);
	CHECK_STR(out.data, "example+secret/old");
	cm_buf_reset(&out);
	CHECK_INT(cm_unseal("smtp", sealed.data, &out, &err), CM_ECORRUPT);
	CHECK(strstr(err.text, "Enter it again") != NULL);
	for (size_t i = 4; i < sealed.len; i++) {
		char was = sealed.data[i];
		sealed.data[i] = was == 'A' ? 'B' : 'A';
		CHECK_INT(cm_unseal("s3", sealed.data, &out, NULL), CM_ECORRUPT);
		sealed.data[i] = was;
	}
	CHECK_INT(cm_unseal("s3", "", &out, NULL), CM_ECORRUPT);
	CHECK_INT(cm_unseal("s3", NULL, &out, NULL), CM_ECORRUPT);
	CHECK_INT(cm_unseal("s3", "cm1:AAAA", &out, NULL), CM_ECORRUPT);
	CHECK_INT(out.len, 0);
	CHECK_INT(unlink(key_path), 0);
	CHECK_INT(cm_master_key_load(key_path, NULL), 0);
	CHECK_INT(cm_unseal("s3", sealed.data, &out, NULL), CM_ECORRUPT);
	cm_buf_release(&sealed);
	cm_buf_release(&again);
	cm_buf_release(&out);
	scratch_end();
}

TEST(secret_seal__keeps_the_empty_secret)
{
	struct cm_buf sealed = CM_BUF_INIT(4096), out = CM_BUF_INIT(4096);

	begin();
	CHECK_INT(cm_master_key_load(key_path, NULL), 0);
	CHECK_INT(cm_seal("x", "", 0, &sealed, NULL), 0);
	CHECK_INT(cm_unseal("x", sealed.data, &out, NULL), 0);
	CHECK_INT(out.len, 0);
	cm_buf_release(&sealed);
	cm_buf_release(&out);
	scratch_end();
}

TEST(secret_hashes__are_the_known_ones)
{
	uint8_t h[32];
	char hex[65];

	cm_sha256(h, "abc", 3);
	cm_hex(hex, h, 32);
	CHECK_STR(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	/* RFC 4231, case 2. */
	cm_hmac_sha256(h, "Jefe", 4, "what do ya want for nothing?", 28);
	cm_hex(hex, h, 32);
	CHECK_STR(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(secret_random__has_its_forms)
{
	char token[CM_TOKEN_LEN + 1], other[CM_TOKEN_LEN + 1], uuid[CM_UUID_LEN + 1], hex[201];
	uint8_t bytes[64];
	size_t n;

	cm_secret_init(NULL);
	cm_random_token(token);
	cm_random_token(other);
	CHECK_INT(strlen(token), CM_TOKEN_LEN);
	CHECK(strcmp(token, other) != 0);
	CHECK(cm_unbase64url(bytes, sizeof(bytes), &n, token) && n == 32);
	CHECK(!cm_unbase64url(bytes, 31, &n, token));
	CHECK(!cm_unbase64url(bytes, sizeof(bytes), &n, "ab+/"));
	CHECK(!cm_unbase64url(bytes, sizeof(bytes), &n, NULL));
	for (int i = 0; i < 100; i++) {
		cm_uuid4(uuid);
		CHECK_INT(strlen(uuid), CM_UUID_LEN);
		CHECK(uuid[8] == '-' && uuid[13] == '-' && uuid[18] == '-' && uuid[23] == '-' && uuid[14] == '4');
		CHECK(strchr("89ab", uuid[19]) != NULL);
	}
	cm_random_hex(hex, 100);
	CHECK_INT(strlen(hex), 200);
	CHECK_INT(strspn(hex, "0123456789abcdef"), 200);
}

TEST(secret_equal__is_about_content)
{
	CHECK(cm_secret_equal("abc", "abd", 2) && !cm_secret_equal("abc", "abd", 3));
	CHECK(cm_secret_equal_text("abc", "abc") && !cm_secret_equal_text("abc", "abcd"));
	CHECK(!cm_secret_equal_text(NULL, NULL) && !cm_secret_equal(NULL, NULL, 0));
}
