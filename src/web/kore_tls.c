/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/kore_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/owner.h"
#include "core/str.h"

enum { DAYS = 3650, RENEW_DAYS = 30 };

static int openssl_error(struct cm_err *err, const char *what)
{
	char text[256];

	ERR_error_string_n(ERR_get_error(), text, sizeof(text));
	cm_err_set(err, CM_EINTERNAL, "The certificate of CM_TLS=self could not be made (%s)", what);
	return cm_err_detail(err, "%s", text);
}

/* There, a pair, and good for a while? */
static bool usable(const char *cert_path, const char *key_path)
{
	FILE *c = fopen(cert_path, "re"), *k = fopen(key_path, "re");
	X509 *cert = c != NULL ? PEM_read_X509(c, NULL, NULL, NULL) : NULL;
	EVP_PKEY *key = k != NULL ? PEM_read_PrivateKey(k, NULL, NULL, NULL) : NULL;
	time_t until = time(NULL) + RENEW_DAYS * 24 * 3600;
	bool ok = cert != NULL && key != NULL && X509_check_private_key(cert, key) == 1 &&
		  X509_cmp_time(X509_get0_notAfter(cert), &until) > 0;

	EVP_PKEY_free(key);
	X509_free(cert);
	if (k != NULL)
		fclose(k);
	if (c != NULL)
		fclose(c);
	ERR_clear_error();
	return ok;
}

/* "DNS:localhost,IP:127.0.0.1,…" of what people may type. */
static void add_name(struct cm_buf *names, const char *name)
{
	unsigned char addr[16];
	char one[256];
	char *colon;

	cm_str_copy(one, sizeof(one), name);
	if (inet_pton(AF_INET, one, addr) == 1 || inet_pton(AF_INET6, one, addr) == 1) {
		cm_buf_printf(names, ",IP:%s", one);
		return;
	}
	if ((colon = strchr(one, ':')) != NULL)
		*colon = '\0';
	if (one[0] == '\0' || one[0] == '[' ||
	    strspn(one, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_*") != strlen(one))
		return;
	cm_buf_printf(names, ",DNS:%s", one);
}

static void all_names(const struct cm_app *app, struct cm_buf *names)
{
	char host[256] = "";

	cm_buf_str(names, "DNS:localhost,IP:127.0.0.1,IP:::1");
	if (gethostname(host, sizeof(host) - 1) == 0)
		add_name(names, host);
	if (strcmp(app->bind, "0.0.0.0") != 0 && strcmp(app->bind, "::") != 0 && strcmp(app->bind, "127.0.0.1") != 0)
		add_name(names, app->bind);
	for (size_t i = 0; i < app->host_count; i++)
		add_name(names, app->hosts[i]);
}

static bool add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext != NULL && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

static bool set_serial(X509 *cert)
{
	unsigned char bytes[16];
	BIGNUM *n;
	bool ok;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* positive, of full length */
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) != NULL;
	BN_free(n);
	return ok;
}

static X509 *make_cert(EVP_PKEY *key, const char *names)
{
	X509 *cert = X509_new();
	X509_NAME *subject = X509_NAME_new();

	if (cert == NULL || subject == NULL ||
	    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"Container Monkey", -1, -1,
				       0) != 1 ||
	    X509_set_version(cert, 2) != 1 || !set_serial(cert) || X509_set_subject_name(cert, subject) != 1 ||
	    X509_set_issuer_name(cert, subject) != 1 ||
	    X509_gmtime_adj(X509_getm_notBefore(cert), -24L * 3600) == NULL ||
	    X509_time_adj_ex(X509_getm_notAfter(cert), DAYS, 0, NULL) == NULL || X509_set_pubkey(cert, key) != 1 ||
	    !add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") ||
	    !add_extension(cert, NID_key_usage, "critical,digitalSignature") ||
	    !add_extension(cert, NID_ext_key_usage, "serverAuth") ||
	    !add_extension(cert, NID_subject_alt_name, names) || X509_sign(cert, key, EVP_sha256()) == 0) {
		X509_free(cert);
		cert = NULL;
	}
	X509_NAME_free(subject);
	return cert;
}

static int write_pem(const char *path, BIO *bio, mode_t mode, struct cm_err *err)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);
	cm_autoclose int fd = -1;
	int rc;

	if ((rc = cm_file_write(path, data, (size_t)len, mode, err)) != 0)
		return rc;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cm_err_errno(err, errno, "opening the new certificate");
	return cm_owner_adopt(fd, path, err);
}

int cm_tls_self_signed(const struct cm_app *app, struct cm_err *err)
{
	cm_autobuf struct cm_buf names = CM_BUF_INIT(32768);
	char cert_path[PATH_MAX], key_path[PATH_MAX];
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	BIO *cert_pem = NULL, *key_pem = NULL;
	int rc = 0;

	snprintf(cert_path, sizeof(cert_path), "%s/self.crt", app->tls_dir);
	snprintf(key_path, sizeof(key_path), "%s/self.key", app->tls_dir);
	if (usable(cert_path, key_path))
		return 0;
	all_names(app, &names);
	key = EVP_EC_gen("P-256");
	cert = key != NULL ? make_cert(key, names.data) : NULL;
	cert_pem = BIO_new(BIO_s_mem());
	key_pem = BIO_new(BIO_s_secmem());
	if (cert == NULL || cert_pem == NULL || key_pem == NULL || PEM_write_bio_X509(cert_pem, cert) != 1 ||
	    PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) != 1)
		rc = openssl_error(err, "OpenSSL");
	if (rc == 0)
		rc = write_pem(key_path, key_pem, 0600, err);
	if (rc == 0)
		rc = write_pem(cert_path, cert_pem, 0644, err);
	BIO_free(key_pem);
	BIO_free(cert_pem);
	X509_free(cert);
	EVP_PKEY_free(key);
	return rc;
}
