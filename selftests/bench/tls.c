// SPDX-License-Identifier: GPL-2.0
/*
 * TLS 1.3 by OpenSSL, in the program; and its handshake alone, followed by
 * kTLS. X25519, AES-128-GCM, a certificate with P-256 that the client checks.
 */

#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "bench.h"

#define SECRET_LEN	32	/* SHA-256's */

static SSL_CTX *ctx;
static SSL_SESSION *session;	/* the client's last, for the next */
static bool resume;

/* Of the handshake at hand, for kTLS */
static unsigned char client_secret[SECRET_LEN], server_secret[SECRET_LEN];

static void check(int ok, const char *what)
{
	if (!ok)
		die("OpenSSL: %s", what);
}

/* --- set-up --------------------------------------------------------------- */

/* Made before fork(): the client knows the server's certificate. */
static struct evp_pkey_st *key;
static X509 *cert;

static void make_cert(void)
{
	X509_NAME *name;

	key = EVP_EC_gen("P-256");
	cert = X509_new();
	check(key && cert, "key");
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -86400);
	/* the guest's clock may leap ahead */
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400 * 3650L);
	name = X509_get_subject_name(cert);
	check(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					 (const unsigned char *)"bench", -1,
					 -1, 0), "name");
	check(X509_set_version(cert, 2) &&
	      X509_set_issuer_name(cert, name) &&
	      X509_set_pubkey(cert, key) &&
	      X509_sign(cert, key, EVP_sha256()), "certificate");
}

static int new_session(SSL *ssl, SSL_SESSION *s)
{
	(void)ssl;
	SSL_SESSION_free(session);
	session = s;
	return 1;
}

static void hex_secret(const char *line, const char *label, unsigned char *out)
{
	size_t i, len = strlen(label);

	if (strncmp(line, label, len))
		return;
	/* label, client random, secret */
	line = strchr(line + len + 1, ' ');
	check(line && strlen(line + 1) == 2 * SECRET_LEN, "key log");
	for (i = 0; i < SECRET_LEN; i++)
		check(sscanf(line + 1 + 2 * i, "%2hhx", &out[i]) == 1,
		      "key log");
}

static void keylog(const SSL *ssl, const char *line)
{
	(void)ssl;
	hex_secret(line, "CLIENT_TRAFFIC_SECRET_0", client_secret);
	hex_secret(line, "SERVER_TRAFFIC_SECRET_0", server_secret);
}

static void init(bool client)
{
	ctx = SSL_CTX_new(client ? TLS_client_method() : TLS_server_method());
	check(ctx && SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) &&
	      SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") &&
	      SSL_CTX_set1_groups_list(ctx, "X25519"), "context");
	if (client) {
		check(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert),
		      "store");
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT |
					       SSL_SESS_CACHE_NO_INTERNAL);
		SSL_CTX_sess_set_new_cb(ctx, new_session);
	} else {
		check(SSL_CTX_use_certificate(ctx, cert) &&
		      SSL_CTX_use_PrivateKey(ctx, key), "certificate");
	}
}

/* Resumption: each connection takes a ticket and leaves one behind. */
static void tls_init(bool client)
{
	init(client);
	resume = config.resume;
	check(SSL_CTX_set_num_tickets(ctx, resume), "tickets");
}

/* Without tickets, no record precedes the application's. */
static void tls_ktls_init(bool client)
{
	init(client);
	check(SSL_CTX_set_num_tickets(ctx, 0), "tickets");
	SSL_CTX_set_keylog_callback(ctx, keylog);
}

/* --- OpenSSL's records ---------------------------------------------------- */

static SSL *handshake(struct conn *c, bool client)
{
	static bool first = true;
	SSL *ssl = SSL_new(ctx);
	bool expected = resume && !first;

	check(ssl && SSL_set_fd(ssl, c->fd), "connection");
	if (!client) {
		check(SSL_accept(ssl) == 1, "accept");
	} else {
		if (expected)
			check(SSL_set_session(ssl, session), "session");
		check(SSL_connect(ssl) == 1, "connect");
		check(SSL_get_verify_result(ssl) == X509_V_OK, "certificate");
	}
	check(SSL_session_reused(ssl) == expected, "resumption");
	first = false;
	return ssl;
}

static void tls_start(struct conn *c, bool client)
{
	c->priv = handshake(c, client);
}

static size_t tls_send(struct conn *c, const void *buf, size_t len)
{
	size_t n;

	check(SSL_write_ex(c->priv, buf, len, &n), "write");
	return n;
}

static size_t tls_recv(struct conn *c, void *buf, size_t len)
{
	size_t n;

	if (SSL_read_ex(c->priv, buf, len, &n))
		return n;
	check(SSL_get_error(c->priv, 0) == SSL_ERROR_ZERO_RETURN, "read");
	return 0;
}

static void tls_finish(struct conn *c)
{
	check(SSL_shutdown(c->priv) >= 0, "shutdown");
	if (shutdown(c->fd, SHUT_WR))
		die("shutdown: %m");
}

/* The peer waits for a close_notify; not in tls_finish()'s case any more. */
static void tls_end(struct conn *c)
{
	if (!(SSL_get_shutdown(c->priv) & SSL_SENT_SHUTDOWN))
		check(SSL_shutdown(c->priv) >= 0, "shutdown");
	SSL_free(c->priv);
}

const struct transport tls_transport = {
	.name	= "tls",
	.prepare = make_cert,
	.init	= tls_init,
	.start	= tls_start,
	.send	= tls_send,
	.recv	= tls_recv,
	.finish	= tls_finish,
	.end	= tls_end,
};

/* --- the kernel's records ------------------------------------------------- */

/* RFC 8446, section 7.1: HKDF-Expand-Label(secret, label, "", len) */
static void expand_label(const unsigned char *secret, const char *label,
			 unsigned char *out, size_t len)
{
	EVP_PKEY_CTX *kdf = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
	unsigned char info[32] = { 0, len, 6 + strlen(label) };
	const int mode = EVP_PKEY_HKDEF_MODE_EXPAND_ONLY;
	size_t info_len = 3;

	info_len += sprintf((char *)info + 3, "tls13 %s", label) + 1;
	check(kdf && EVP_PKEY_derive_init(kdf) > 0 &&
	      EVP_PKEY_CTX_set_hkdf_mode(kdf, mode) > 0 &&
	      EVP_PKEY_CTX_set_hkdf_md(kdf, EVP_sha256()) > 0 &&
	      EVP_PKEY_CTX_set1_hkdf_key(kdf, secret, SECRET_LEN) > 0 &&
	      EVP_PKEY_CTX_add1_hkdf_info(kdf, info, info_len) > 0 &&
	      EVP_PKEY_derive(kdf, out, &len) > 0, "HKDF");
	EVP_PKEY_CTX_free(kdf);
}

static void set_direction(struct conn *c, int direction,
			  const unsigned char *secret)
{
	struct tls12_crypto_info_aes_gcm_128 aes = {
		.info = { TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_128 },
	};
	unsigned char iv[sizeof(aes.salt) + sizeof(aes.iv)];

	expand_label(secret, "key", aes.key, sizeof(aes.key));
	expand_label(secret, "iv", iv, sizeof(iv));
	memcpy(aes.salt, iv, sizeof(aes.salt));
	memcpy(aes.iv, iv + sizeof(aes.salt), sizeof(aes.iv));
	if (setsockopt(c->fd, SOL_TLS, direction, &aes, sizeof(aes)))
		die("kTLS: %m");
}

static void tls_ktls_start(struct conn *c, bool client)
{
	SSL *ssl = handshake(c, client);

	if (setsockopt(c->fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")))
		die("kTLS: %m");
	set_direction(c, TLS_TX, client ? client_secret : server_secret);
	set_direction(c, TLS_RX, client ? server_secret : client_secret);
	SSL_free(ssl);
}

const struct transport tls_ktls_transport = {
	.name	= "tls-ktls",
	.prepare = make_cert,
	.init	= tls_ktls_init,
	.start	= tls_ktls_start,
	.send	= tcp_send,
	.recv	= tcp_recv,
};
