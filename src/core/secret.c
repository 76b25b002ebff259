/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/owner.h"
#include "core/str.h"

enum { KEY_FILE_MIN = 16, KEY_FILE_MAX = 4096, SEALED_MAX = 1 << 20 };

#define SEAL_PREFIX "cm1:"
/* Part of how keys are made: another text would make every stored secret unreadable. */
#define KEY_CONTEXT "container-monkey master key 1"

static uint8_t master[32];
static bool master_loaded;

int cm_secret_init(struct cm_err *err)
{
	if (sodium_init() < 0)
		return cm_err_set(err, CM_EINTERNAL, "The system gives no random numbers.");
	return 0;
}

void cm_random(void *dst, size_t len)
{
	randombytes_buf(dst, len);
}

void cm_random_hex(char *dst, size_t bytes)
{
	uint8_t chunk[64];

	while (bytes > 0) {
		size_t n = bytes < sizeof(chunk) ? bytes : sizeof(chunk);
		cm_random(chunk, n);
		cm_hex(dst, chunk, n);
		dst += 2 * n;
		bytes -= n;
	}
	*dst = '\0';
	cm_secret_wipe(chunk, sizeof(chunk));
}

void cm_random_token(char dst[CM_TOKEN_LEN + 1])
{
	uint8_t bytes[32];

	cm_random(bytes, sizeof(bytes));
	sodium_bin2base64(dst, CM_TOKEN_LEN + 1, bytes, sizeof(bytes), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	cm_secret_wipe(bytes, sizeof(bytes));
}

void cm_uuid4(char dst[CM_UUID_LEN + 1])
{
	uint8_t b[16];
	char hex[33];

	cm_random(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	cm_hex(hex, b, sizeof(b));
	snprintf(dst, CM_UUID_LEN + 1, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

bool cm_secret_equal(const void *a, const void *b, size_t len)
{
	return a != NULL && b != NULL && sodium_memcmp(a, b, len) == 0;
}

bool cm_secret_equal_text(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return false;
	/* Through hashes: texts of different length take as long as others. */
	uint8_t ha[CM_SHA256_LEN], hb[CM_SHA256_LEN];
	cm_sha256(ha, a, strlen(a));
	cm_sha256(hb, b, strlen(b));
	return cm_secret_equal(ha, hb, sizeof(ha));
}

void cm_secret_wipe(void *p, size_t len)
{
	sodium_memzero(p, len);
}

void cm_sha256(uint8_t dst[CM_SHA256_LEN], const void *data, size_t len)
{
	crypto_hash_sha256(dst, data, len);
}

void cm_hmac_sha256(uint8_t dst[CM_SHA256_LEN], const void *key, size_t key_len, const void *data, size_t len)
{
	crypto_auth_hmacsha256_state st;

	crypto_auth_hmacsha256_init(&st, key, key_len);
	crypto_auth_hmacsha256_update(&st, data, len);
	crypto_auth_hmacsha256_final(&st, dst);
	cm_secret_wipe(&st, sizeof(st));
}

void cm_base64url(struct cm_buf *out, const void *data, size_t len)
{
	size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	char *p = cm_buf_room(out, size);

	if (p == NULL)
		return;
	sodium_bin2base64(p, size, data, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	cm_buf_grew(out, size - 1);
}

bool cm_unbase64url(void *dst, size_t size, size_t *ret_len, const char *text)
{
	size_t n;

	if (text == NULL || sodium_base642bin(dst, size, text, strlen(text), NULL, &n, NULL,
					      sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
		return false;
	*ret_len = n;
	return true;
}

/* Makes the file under a name of its own and links it into place: link(2) fails when the name is taken, so two
 * programs starting at once agree on one key, and no crash leaves half of one. */
static int key_file_make(const char *path, struct cm_err *err)
{
	char fresh[PATH_MAX], text[CM_TOKEN_LEN + 1], suffix[17], dir[PATH_MAX];

	cm_random_hex(suffix, 8);
	if (snprintf(fresh, sizeof(fresh), "%s.%s.partial", path, suffix) >= (int)sizeof(fresh))
		return cm_err_set(err, CM_EINVAL, "The name of the data folder is too long.");
	cm_random_token(text);
	cm_autoclose int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return cm_err_errno(err, errno, "making the encryption key");
	int rc = cm_owner_adopt(fd, path, err);
	if (rc == 0 && (cm_fd_write_all(fd, text, CM_TOKEN_LEN) != 0 || fsync(fd) != 0 ||
			(link(fresh, path) != 0 && errno != EEXIST)))
		rc = cm_err_errno(err, errno, "making the encryption key");
	unlink(fresh);
	cm_secret_wipe(text, sizeof(text));
	if (rc != 0)
		return rc;
	const char *slash = strrchr(path, '/');
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	return cm_dir_fsync(dir, err);
}

static int key_file_read(const char *path, char *dst, size_t *ret_len, struct cm_err *err)
{
	struct stat st;
	cm_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return cm_err_errno(err, errno, "reading the encryption key");
	ssize_t n = read(fd, dst, KEY_FILE_MAX);
	if (n < 0)
		return cm_err_errno(err, errno, "reading the encryption key");
	/* An editor may have added a newline. */
	while (n > 0 && strchr(" \t\r\n", dst[n - 1]) != NULL)
		n--;
	if (n < KEY_FILE_MIN)
		return cm_err_set(err, CM_ECORRUPT,
				  "The file config/encryption.key is empty or too short to be a key. Put the right "
				  "one back; without it stored secrets cannot be read.");
	/* Others must not read it; not our file, not our right: then it stays as it is. */
	if (fstat(fd, &st) == 0 && (st.st_mode & 077) != 0)
		(void)!fchmod(fd, 0600);
	*ret_len = (size_t)n;
	return 0;
}

int cm_master_key_load(const char *path, struct cm_err *err)
{
	char text[KEY_FILE_MAX];
	size_t len = 0;
	int rc = cm_secret_init(err);

	if (rc != 0)
		return rc;
	if (access(path, F_OK) != 0 && errno == ENOENT && (rc = key_file_make(path, err)) != 0)
		return rc;
	rc = key_file_read(path, text, &len, err);
	if (rc == 0) {
		crypto_generichash(master, sizeof(master), (const uint8_t *)text, len, (const uint8_t *)KEY_CONTEXT,
				   strlen(KEY_CONTEXT));
		master_loaded = true;
	}
	cm_secret_wipe(text, sizeof(text));
	return rc;
}

int cm_master_key_derive(const char *purpose, uint8_t dst[32], struct cm_err *err)
{
	if (!master_loaded)
		return cm_err_set(err, CM_EINTERNAL, "The encryption key is not loaded.");
	crypto_generichash(dst, 32, (const uint8_t *)purpose, strlen(purpose), master, sizeof(master));
	return 0;
}

int cm_seal(const char *purpose, const void *data, size_t len, struct cm_buf *out, struct cm_err *err)
{
	uint8_t key[32];

	if (len > SEALED_MAX)
		return cm_err_set(err, CM_ETOOBIG, "The secret is too long to be stored.");
	int rc = cm_master_key_derive(purpose, key, err);
	if (rc != 0)
		return rc;
	size_t box_len = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + len;
	cm_autofree uint8_t *box = cm_alloc(box_len);
	cm_random(box, crypto_secretbox_NONCEBYTES);
	crypto_secretbox_easy(box + crypto_secretbox_NONCEBYTES, data, len, box, key);
	cm_secret_wipe(key, sizeof(key));
	cm_buf_str(out, SEAL_PREFIX);
	cm_base64url(out, box, box_len);
	if (cm_buf_failed(out))
		return cm_err_set(err, cm_buf_failed(out), "The secret is too long to be stored.");
	return 0;
}

int cm_unseal(const char *purpose, const char *text, struct cm_buf *out, struct cm_err *err)
{
	static const char wrong[] = "A stored secret cannot be read: it was stored with another encryption.key, or is "
				    "damaged. Enter it again, or put the right config/encryption.key back.";
	const size_t extra = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
	uint8_t key[32];
	size_t n = 0;

	if (text == NULL || !cm_str_has_prefix(text, SEAL_PREFIX) || strlen(text) > (size_t)SEALED_MAX * 2)
		return cm_err_set(err, CM_ECORRUPT, "%s", wrong);
	size_t size = strlen(text);
	cm_autofree uint8_t *box = cm_alloc(size);
	if (!cm_unbase64url(box, size, &n, text + strlen(SEAL_PREFIX)) || n < extra)
		return cm_err_set(err, CM_ECORRUPT, "%s", wrong);
	int rc = cm_master_key_derive(purpose, key, err);
	if (rc != 0)
		return rc;
	cm_autofree uint8_t *plain = cm_alloc(n - extra + 1);
	rc = crypto_secretbox_open_easy(plain, box + crypto_secretbox_NONCEBYTES, n - crypto_secretbox_NONCEBYTES, box,
					key);
	cm_secret_wipe(key, sizeof(key));
	if (rc != 0)
		return cm_err_set(err, CM_ECORRUPT, "%s", wrong);
	cm_buf_add(out, plain, n - extra);
	cm_secret_wipe(plain, n - extra);
	if (cm_buf_failed(out))
		return cm_err_set(err, cm_buf_failed(out), "The secret is too long.");
	return 0;
}
