/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/password.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/mem.h"
#include "core/secret.h"

enum { PASSES = 2, MEMORY = 19 << 20, WAIT_SECONDS = 10 };
_Static_assert((int)CM_PASSWORD_HASH_SIZE >= (int)crypto_pwhash_STRBYTES, "a hash fits");

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

/* Of no password anybody has: compared with when there is no such user, so that it takes as long. */
static char nobody[crypto_pwhash_STRBYTES];

/* A character is a code point: continuation bytes of UTF-8 do not count. */
static bool long_enough(const char *password)
{
	size_t n = 0;

	for (; *password; password++)
		n += ((unsigned char)*password & 0xc0) != 0x80;
	return n >= CM_PASSWORD_MIN;
}

static bool has_between(const char *s, char from, char to)
{
	for (; *s; s++)
		if (*s >= from && *s <= to)
			return true;
	return false;
}

static bool has_upper(const char *password)
{
	return has_between(password, 'A', 'Z');
}

static bool has_lower(const char *password)
{
	return has_between(password, 'a', 'z');
}

static bool has_digit(const char *password)
{
	return has_between(password, '0', '9');
}

/* Everything that is neither letter nor digit of ASCII, blanks and other alphabets too. */
static bool has_special(const char *password)
{
	for (const char *s = password; *s; s++)
		if (!((*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9')))
			return true;
	return false;
}

const struct cm_password_rule cm_password_rules[] = {
	{ "length", "At least 12 characters", "12 characters", long_enough },
	{ "upper", "An uppercase letter", "uppercase letter", has_upper },
	{ "lower", "A lowercase letter", "lowercase letter", has_lower },
	{ "digit", "A digit", "digit", has_digit },
	{ "special", "A special character", "special character", has_special },
};
const size_t cm_password_rule_count = CM_COUNT(cm_password_rules);

int cm_password_check(const char *password, struct cm_err *err)
{
	char missing[256] = "";
	size_t len = 0;

	if (password == NULL || !long_enough(password))
		return cm_err_set(err, CM_EINVAL, "Password must be at least %d characters long", CM_PASSWORD_MIN);
	if (strlen(password) > CM_PASSWORD_MAX)
		return cm_err_set(err, CM_EINVAL, "Password must be at most %d bytes long", CM_PASSWORD_MAX);
	for (size_t i = 1; i < cm_password_rule_count; i++)
		if (!cm_password_rules[i].holds(password))
			len += (size_t)snprintf(missing + len, sizeof(missing) - len, "%s%s", len ? ", " : "",
						cm_password_rules[i].missing);
	if (len > 0)
		return cm_err_set(err, CM_EINVAL, "Password must contain at least one %s", missing);
	return 0;
}

static int turn_take(struct cm_err *err)
{
	struct timespec until;

	if (cm_secret_init(err) != 0)
		return CM_EINTERNAL;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_SECONDS;
	if (pthread_mutex_timedlock(&one_at_a_time, &until) != 0)
		return cm_err_set(err, CM_EBUSY, "Too many people log in at the moment. Try again.");
	return 0;
}

static int hash_now(const char *password, char *dst, struct cm_err *err)
{
	if (crypto_pwhash_str_alg(dst, password, strlen(password), PASSES, MEMORY, crypto_pwhash_ALG_ARGON2ID13) != 0)
		return cm_err_set(err, CM_ENOMEM, "Out of memory while protecting the password.");
	return 0;
}

int cm_password_hash(const char *password, char dst[CM_PASSWORD_HASH_SIZE], struct cm_err *err)
{
	int rc = turn_take(err);

	if (rc != 0)
		return rc;
	rc = hash_now(password, dst, err);
	pthread_mutex_unlock(&one_at_a_time);
	return rc;
}

int cm_password_verify(const char *hash, const char *password, struct cm_err *err)
{
	int rc = turn_take(err);

	if (rc != 0)
		return rc;
	if (hash == NULL && nobody[0] == '\0') {
		char random[CM_TOKEN_LEN + 1];
		cm_random_token(random);
		rc = hash_now(random, nobody, err);
	}
	if (rc == 0) {
		bool fits = strlen(password) <= CM_PASSWORD_MAX &&
			    crypto_pwhash_str_verify(hash ? hash : nobody, password, strlen(password)) == 0;
		rc = fits && hash != NULL ? 0 : CM_EAUTH;
	}
	pthread_mutex_unlock(&one_at_a_time);
	return rc == CM_EAUTH ? cm_err_set(err, CM_EAUTH, "Invalid username or password") : rc;
}
