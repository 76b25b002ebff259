/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What of a command line may be written down: secrets become ***. Better one word too many than one too few. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "core/buf.h"
#include "core/mem.h"
#include "core/str.h"
#include "service/words.h"

enum { RANDOM_LEN = 24, TOKEN_MAX = 512 };

static const char *const telling[] = {
	"pass", "pwd", "secret", "token", "apikey", "api-key", "api_key", "credential", "auth", "cookie", "private",
};

/* Programs whose short option is a secret, with it or after it. */
static const struct {
	const char *program, *option;
} options[] = {
	{ "mysql", "-p" },     { "maria", "-p" },    { "mongo", "-p" },	    { "sshpass", "-p" },
	{ "redis-cli", "-a" }, { "curl", "-u" },     { "mosquitto", "-P" }, { "rabbit", "-p" },
	{ "ldap", "-w" },      { "htpasswd", "-b" }, { "openssl", "-k" },   { "sqlcmd", "-P" },
};

struct mask {
	struct cm_buf *out;
	const char *option; /* of the program named last, or NULL */
	bool next;	    /* the next token is a secret */
	bool identified;    /* SQL: IDENTIFIED BY … */
};

static bool tells(const char *s, size_t len)
{
	for (size_t i = 0; i < CM_COUNT(telling); i++)
		for (size_t at = 0, n = strlen(telling[i]); at + n <= len; at++)
			if (strncasecmp(s + at, telling[i], n) == 0)
				return true;
	return false;
}

/* Letters and digits mixed, long, and nothing that a path or a sentence has. */
static bool looks_random(const char *s)
{
	bool digit = false, alpha = false;
	size_t n = 0;

	for (; s[n] != '\0'; n++) {
		digit |= isdigit((unsigned char)s[n]) != 0;
		alpha |= isalpha((unsigned char)s[n]) != 0;
		if (!isalnum((unsigned char)s[n]) && strchr("+=_-", s[n]) == NULL)
			return false;
	}
	return n >= RANDOM_LEN && digit && alpha;
}

static const char *option_of(const char *token)
{
	const char *slash = strrchr(token, '/'), *base = slash != NULL ? slash + 1 : token;

	for (size_t i = 0; i < CM_COUNT(options); i++)
		if (cm_str_has_prefix(base, options[i].program))
			return options[i].option;
	return NULL;
}

/* name=secret, name:secret, scheme://user:secret@host, -psecret. True when it was written. */
static bool mask_within(struct mask *m, const char *t)
{
	const char *at = strpbrk(t, "=:"), *scheme = strstr(t, "://"),
		   *user_end = scheme ? strchr(scheme + 3, '@') : NULL;

	if (user_end != NULL) {
		cm_buf_printf(m->out, "%.*s***%s", (int)(scheme + 3 - t), t, user_end);
		return true;
	}
	if (at != NULL && at[1] != '\0' && tells(t, (size_t)(at - t))) {
		cm_buf_printf(m->out, "%.*s***", (int)(at + 1 - t), t);
		return true;
	}
	if (m->option != NULL && cm_str_has_prefix(t, m->option) && t[strlen(m->option)] != '\0') {
		cm_buf_printf(m->out, "%s***", m->option);
		return true;
	}
	return false;
}

static void mask_token(struct mask *m, const char *t)
{
	const char *option = option_of(t);
	size_t len = strlen(t);
	bool secret = m->next;

	cm_buf_str(m->out, m->out->len > 0 ? " " : "");
	m->option = option != NULL ? option : m->option;
	m->next = strcasecmp(t, "bearer") == 0 || strcasecmp(t, "basic") == 0 ||
		  (m->identified && strcasecmp(t, "by") == 0) || cm_str_eq(t, m->option) ||
		  (strpbrk(t, "=/.") == NULL && tells(t, len)) ||
		  ((t[len - 1] == '=' || t[len - 1] == ':') && tells(t, len));
	m->identified = strcasecmp(t, "identified") == 0;
	if (secret && t[0] != '-')
		cm_buf_str(m->out, "***");
	else if (!mask_within(m, t))
		cm_buf_str(m->out, looks_random(t) ? "***" : t);
}

char *cm_words_masked(char *const *words)
{
	struct cm_buf out = CM_BUF_INIT(CM_WORDS_BYTES * 4);
	struct mask m = { .out = &out };
	char token[TOKEN_MAX];

	for (; *words != NULL; words++)
		for (const char *s = *words; *s != '\0';) {
			size_t blank = strspn(s, " \t\r\n;|&()'\"`"), len = strcspn(s + blank, " \t\r\n;|&()'\"`");

			s += blank;
			if (len == 0)
				continue;
			/* What is cut off is not written either. */
			cm_str_copy(token, len + 1 < sizeof(token) ? len + 1 : sizeof(token), s);
			mask_token(&m, token);
			s += len;
		}
	if (cm_buf_failed(&out) || out.len == 0) {
		cm_buf_release(&out);
		return cm_strdup("***");
	}
	return cm_buf_detach(&out);
}
