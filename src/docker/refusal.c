/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "docker/refusal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/str.h"

enum { MESSAGE_MAX = 360, NAME_SHOWN = 120 };

/* What the engine says, one line, without the prefix of its own tools and without a final dot. */
static void message_clean(char dst[MESSAGE_MAX + 1], const char *s)
{
	static const char *const prefixes[] = { "Error response from daemon: ", "error from daemon: ", "Error: " };
	cm_autobuf struct cm_buf b = CM_BUF_INIT(8192);

	for (size_t i = 0; i < CM_COUNT(prefixes); i++)
		if (strncasecmp(s, prefixes[i], strlen(prefixes[i])) == 0)
			s += strlen(prefixes[i]);
	size_t len = strnlen(s, 2000), out = 0;
	/* Blanks first: clean would drop the line breaks between words. */
	char flat[2001];
	for (size_t i = 0; i < len; i++) {
		char c = isspace((unsigned char)s[i]) ? ' ' : s[i];
		if (c != ' ' || (out > 0 && flat[out - 1] != ' '))
			flat[out++] = c;
	}
	while (out > 0 && (flat[out - 1] == ' ' || flat[out - 1] == '.'))
		out--;
	cm_utf8_clean(&b, flat, out);
	size_t n = b.len < MESSAGE_MAX ? b.len : MESSAGE_MAX;
	while (n > 0 && n < b.len && ((unsigned char)b.data[n] & 0xC0) == 0x80)
		n--;
	memcpy(dst, b.data, n);
	dst[n] = '\0';
}

/* "/containers/web/start" tells "container" and "web". Images are not here: their names end anywhere in the path. */
static const struct {
	const char *prefix, *kind;
} kinds[] = {
	{ "/containers/", "container" }, { "/volumes/", "volume" },	  { "/networks/", "network" },
	{ "/services/", "service" },	 { "/exec/", "running command" },
};

/* Copies a name for showing: percent-decoded, printable ASCII only, which is all that names consist of. */
static void name_decode(char dst[NAME_SHOWN + 1], const char *s, size_t len)
{
	size_t out = 0;

	for (size_t i = 0; i < len && out < NAME_SHOWN; i++) {
		char c = s[i], hex[3] = { 0 };
		unsigned char byte;
		if (c == '%' && i + 2 < len) {
			memcpy(hex, s + i + 1, 2);
			if (cm_unhex(&byte, 1, hex)) {
				c = (char)byte;
				i += 2;
			}
		}
		if (c > ' ' && c < 0x7F)
			dst[out++] = c;
	}
	dst[out] = '\0';
}

static const char *name_from_path(const char *path, char dst[NAME_SHOWN + 1])
{
	for (size_t i = 0; i < CM_COUNT(kinds); i++) {
		size_t n = strlen(kinds[i].prefix);
		if (strncmp(path, kinds[i].prefix, n) != 0)
			continue;
		name_decode(dst, path + n, strcspn(path + n, "/?"));
		return dst[0] != '\0' ? kinds[i].kind : NULL;
	}
	return NULL;
}

/* The engine names the missing thing itself: it need not be the one in the path (an image, when creating). */
static const char *name_from_message(const char *message, char dst[NAME_SHOWN + 1])
{
	static const struct {
		const char *words, *kind;
	} table[] = {
		{ "no such container: ", "container" },
		{ "no such image: ", "image" },
		{ "no such volume: ", "volume" },
		{ "no such network: ", "network" },
	};
	for (size_t i = 0; i < CM_COUNT(table); i++) {
		const char *s = strcasestr(message, table[i].words);
		if (s == NULL)
			continue;
		s += strlen(table[i].words);
		name_decode(dst, s, strcspn(s, " "));
		return dst[0] != '\0' ? table[i].kind : NULL;
	}
	return NULL;
}

static int refusal_missing(const char *path, const char *message, struct cm_err *err)
{
	char name[NAME_SHOWN + 1];

	if (strcasestr(message, "could not find the file") != NULL || strcasestr(message, "no such file") != NULL)
		return cm_err_set(err, CM_ENOTFOUND, "There is no such file in the container: %s.", message);
	const char *kind = name_from_message(message, name);
	if (kind == NULL)
		kind = name_from_path(path, name);
	if (kind == NULL)
		return cm_err_set(err, CM_ENOTFOUND, "The Docker Engine did not find it: %s.",
				  message[0] ? message : "no reason given");
	return cm_err_set(err, CM_ENOTFOUND, "There is no %s %s on this Docker host.", kind, name);
}

/* What the engine says and what it means; the first that fits, status 0 fits any. */
static const struct {
	int status, code;
	const char *words;
	const char *advice; /* follows the engine's words */
} meanings[] = {
	{ 0, CM_ENOSPACE, "no space left on device", " Free space on the Docker host and try again." },
	{ 0, CM_ENOSPACE, "disk quota exceeded", " Free space on the Docker host and try again." },
	{ 0, CM_EINUSE, "port is already allocated", " Choose another port or stop what uses it." },
	{ 0, CM_EINUSE, "address already in use", " Choose another port or stop what uses it." },
	{ 0, CM_EUNSUPPORTED, "client version", " Use a version of Container Monkey that fits this engine." },
	{ 0, CM_EUNSUPPORTED, "not a swarm manager", "" },
	{ 0, CM_EBUSY, "update out of sequence", " It was changed meanwhile: try again." },
	{ 0, CM_EINUSE, "has active endpoints", " Disconnect its containers first." },
	{ 0, CM_EEXIST, "already exists in network", "" },
	{ 0, CM_ENOTFOUND, "is not connected to", "" },
	{ 0, CM_EINUSE, "pool overlaps with other one", " Another network uses these addresses: choose others." },
	{ 409, CM_EBUSY, "already in progress", " Try again in a moment." },
	{ 409, CM_EEXIST, "is already in use by container", " Choose another name, or remove or rename that one." },
	{ 409, CM_EEXIST, "already exists", "" },
	{ 409, CM_EINUSE, "in use", "" },
	{ 409, CM_EINUSE, "being used", "" },
	{ 409, CM_EINUSE, "is using", "" },
	{ 409, CM_EINUSE, "cannot remove", "" },
	{ 409, CM_EINUSE, "running container", "" },
	{ 409, CM_EINUSE, "unable to", "" },
	{ 409, CM_EBUSY, "", "" },
	{ 501, CM_EUNSUPPORTED, "", "" },
	{ 500, CM_EBUSY, "is not paused", "" },
};

/* "task <id of the container>: already exists": the engine was ended while it started it, and lost it. */
static int refusal_lost(const char *message, struct cm_err *err)
{
	const char *id = message + strlen("task ");
	size_t len;

	if (strncmp(message, "task ", strlen("task ")) != 0 || strstr(message, ": already exists") == NULL)
		return 0;
	len = strspn(id, "0123456789abcdef");
	if (len < 12)
		return 0;
	return cm_err_set(err, CM_EUPSTREAM,
			  "The Docker Engine has lost track of this container: it was ended in the middle of starting "
			  "it, and something of it still runs. On the Docker host, end that as root: "
			  "pkill -9 -f 'containerd-shim.*%.12s'. Then it can be started again.",
			  id);
}

int cm_docker_refusal_text(int status, const char *path, const char *text, struct cm_err *err)
{
	char message[MESSAGE_MAX + 1];

	message_clean(message, text);
	int r = refusal_lost(message, err);
	for (size_t i = 0; r == 0 && i < CM_COUNT(meanings); i++) {
		if ((meanings[i].status != 0 && meanings[i].status != status) ||
		    strcasestr(message, meanings[i].words) == NULL)
			continue;
		r = cm_err_set(err, meanings[i].code, "The Docker Engine refused: %s.%s",
			       message[0] ? message : "no reason given", meanings[i].advice);
	}
	if (r == 0 && (status == 404 || strncasecmp(message, "no such image", 13) == 0))
		r = refusal_missing(path, message, err);
	if (r == 0 && message[0] == '\0')
		r = cm_err_set(err, CM_EUPSTREAM, "The Docker Engine answered with status %d and gave no reason.",
			       status);
	if (r == 0)
		r = cm_err_set(err, CM_EUPSTREAM, "The Docker Engine refused: %s.", message);
	if (err != NULL)
		cm_err_detail(err, "engine status %d for %.*s", status, (int)strcspn(path, "?"), path);
	return r;
}

int cm_docker_refusal(int status, const char *path, const char *body, size_t len, struct cm_err *err)
{
	cm_autojson struct json_object *o = NULL;

	if (cm_json_parse(body, len, &o, NULL) == 0 && cm_json_str(o, "message", NULL) != NULL)
		return cm_docker_refusal_text(status, path, cm_json_str(o, "message", ""), err);
	cm_autofree char *text = cm_strndup(body, len < 4096 ? len : 4096);
	/* A page of some web server or proxy is no reason that a person can use. */
	const char *p = text + strspn(text, " \t\r\n");
	if (*p == '<' || *p == '{')
		*text = '\0';
	return cm_docker_refusal_text(status, path, text, err);
}

static int socket_unreachable(const struct cm_docker_address *a, int os_errno, struct cm_err *err)
{
	struct stat st;

	if (stat(a->socket, &st) != 0 && errno == ENOENT)
		return cm_err_set(
		    err, CM_EUNREACHABLE,
		    "The Docker Engine is not reachable: there is no socket at %s. Start Docker, or, when "
		    "Container Monkey runs in a container, mount it with -v %s:%s.",
		    a->socket, a->socket, a->socket);
	if (os_errno == EACCES || os_errno == EPERM || access(a->socket, R_OK | W_OK) != 0)
		return cm_err_set(
		    err, CM_EUNREACHABLE,
		    "The Docker Engine is not reachable: no permission to use the socket %s. Run Container "
		    "Monkey as root or as a user of the group that owns it (docker).",
		    a->socket);
	return cm_err_set(err, CM_EUNREACHABLE,
			  "The Docker Engine is not reachable: nothing answers at the socket %s. Is Docker running? "
			  "(systemctl status docker)",
			  a->socket);
}

int cm_docker_unreachable(const struct cm_docker_address *a, CURLcode code, int os_errno, const char *curl_text,
			  struct cm_err *err)
{
	int r;

	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		r = cm_err_set(
		    err, CM_EUNREACHABLE,
		    "The Docker Engine is not reachable: the host in %s has no address. Check its spelling and "
		    "the name service.",
		    a->text);
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
		r = cm_err_set(
		    err, CM_EUNREACHABLE,
		    "The certificate of the Docker Engine at %s is not trusted. Put the authority that signed "
		    "it into ca.pem of DOCKER_CERT_PATH, and use the name that it is made for.",
		    a->text);
		break;
	case CURLE_SSL_CERTPROBLEM:
		r = cm_err_set(err, CM_EUNREACHABLE,
			       "Our certificate for the Docker Engine cannot be used. Check cert.pem and key.pem of "
			       "DOCKER_CERT_PATH.");
		break;
	case CURLE_SSL_CACERT_BADFILE:
		r = cm_err_set(err, CM_EUNREACHABLE, "ca.pem of DOCKER_CERT_PATH cannot be read as a certificate.");
		break;
	case CURLE_SSL_CONNECT_ERROR:
		r = cm_err_set(err, CM_EUNREACHABLE,
			       "No TLS connection to the Docker Engine at %s. Does this port speak TLS, and does the "
			       "engine accept our certificate (cert.pem, key.pem)?",
			       a->text);
		break;
	default:
		r = a->socket[0] ? socket_unreachable(a, os_errno, err)
				 : cm_err_set(err, CM_EUNREACHABLE,
					      "The Docker Engine at %s is not reachable. Is it running, does it listen "
					      "on this port, and does no firewall stand between?",
					      a->text);
		break;
	}
	if (err != NULL)
		cm_err_detail(err, "%s (curl %d, errno %d)", curl_text, (int)code, os_errno);
	return r;
}
