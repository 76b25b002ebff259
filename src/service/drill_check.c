/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "service/drill_check.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/str.h"
#include "service/words.h"

/* In the order of the kinds; those with a colon take something after it. */
static const char *const names[] = { "auto", "healthcheck", "run", "http", "tcp", "command", "off" };

const char *cm_drill_kind_name(enum cm_drill_kind kind)
{
	return names[kind];
}

static int malformed(struct cm_err *err)
{
	return cm_err_set(err, CM_EINVAL,
			  "A drill's check is auto, healthcheck, run, http:PORT/PATH, tcp:PORT, command:WORDS or off.");
}

static int port_parse(const char *text, size_t len, int *ret, struct cm_err *err)
{
	char digits[8];
	uint64_t port;

	if (len >= sizeof(digits))
		return malformed(err);
	memcpy(digits, text, len);
	digits[len] = '\0';
	if (!cm_str_u64(digits, 1, 65535, &port))
		return cm_err_set(err, CM_EINVAL, "The port of a drill's check is a number from 1 to 65535.");
	*ret = (int)port;
	return 0;
}

static int http_parse(const char *rest, struct cm_drill_check *c, struct cm_err *err)
{
	size_t digits = strcspn(rest, "/");
	const char *path = rest[digits] == '/' ? rest + digits : "/";
	int rc = port_parse(rest, digits, &c->port, err);

	if (rc != 0)
		return rc;
	for (const char *p = path; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f || *p == '#')
			return cm_err_set(err, CM_EINVAL, "The path of a drill's check must be written as in a URL.");
	c->path = cm_strdup(path);
	return 0;
}

int cm_drill_check_parse(const char *text, struct cm_drill_check *ret, struct cm_err *err)
{
	struct cm_drill_check c = { 0 };
	const char *colon;
	size_t len, i;
	int rc = 0;

	if (text == NULL || text[0] == '\0')
		text = names[CM_DRILL_AUTO];
	if (strlen(text) > CM_DRILL_CHECK_MAX)
		return cm_err_set(err, CM_EINVAL, "A drill's check has at most %d bytes.", CM_DRILL_CHECK_MAX);
	colon = strchr(text, ':');
	len = colon ? (size_t)(colon - text) : strlen(text);
	for (i = 0; i < CM_COUNT(names); i++)
		if (strlen(names[i]) == len && strncmp(names[i], text, len) == 0)
			break;
	if (i == CM_COUNT(names) ||
	    (colon != NULL) != (i == CM_DRILL_HTTP || i == CM_DRILL_TCP || i == CM_DRILL_COMMAND))
		return malformed(err);
	c.kind = (enum cm_drill_kind)i;
	if (c.kind == CM_DRILL_HTTP)
		rc = http_parse(colon + 1, &c, err);
	else if (c.kind == CM_DRILL_TCP)
		rc = port_parse(colon + 1, strlen(colon + 1), &c.port, err);
	else if (c.kind == CM_DRILL_COMMAND)
		rc = cm_words_split(colon + 1, &c.words, err);
	if (rc != 0) {
		cm_drill_check_release(&c);
		return rc;
	}
	*ret = c;
	return 0;
}

void cm_drill_check_release(struct cm_drill_check *c)
{
	free(c->path);
	cm_words_free(c->words);
	*c = (struct cm_drill_check){ 0 };
}
