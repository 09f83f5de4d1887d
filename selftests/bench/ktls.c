// SPDX-License-Identifier: GPL-2.0
/* kTLS 1.3 with keys given: no handshake, the kernel's records alone. */

#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include "bench.h"

/* Any, but the same at both ends; one for each direction */
static void set_key(void *key, size_t len, char direction)
{
	memset(key, direction, len);
}

static void set_cipher(struct conn *c, int direction, __u16 cipher, char key)
{
	union {
		struct tls_crypto_info				info;
		struct tls12_crypto_info_aes_gcm_128		aes128;
		struct tls12_crypto_info_aes_gcm_256		aes256;
		struct tls12_crypto_info_chacha20_poly1305	chacha;
	} u = { .info = { TLS_1_3_VERSION, cipher } };
	socklen_t len;

	switch (cipher) {
	case TLS_CIPHER_AES_GCM_128:
		set_key(u.aes128.key, sizeof(u.aes128.key), key);
		len = sizeof(u.aes128);
		break;
	case TLS_CIPHER_AES_GCM_256:
		set_key(u.aes256.key, sizeof(u.aes256.key), key);
		len = sizeof(u.aes256);
		break;
	default:
		set_key(u.chacha.key, sizeof(u.chacha.key), key);
		len = sizeof(u.chacha);
	}
	if (setsockopt(c->fd, SOL_TLS, direction, &u, len))
		die("kTLS: cipher %d: %m", cipher);
}

static void start(struct conn *c, bool client, __u16 cipher)
{
	if (setsockopt(c->fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")))
		die("kTLS: %m");
	set_cipher(c, TLS_TX, cipher, client ? 'a' : 'b');
	set_cipher(c, TLS_RX, cipher, client ? 'b' : 'a');
}

static void start_aes128(struct conn *c, bool client)
{
	start(c, client, TLS_CIPHER_AES_GCM_128);
}

static void start_aes256(struct conn *c, bool client)
{
	start(c, client, TLS_CIPHER_AES_GCM_256);
}

static void start_chacha(struct conn *c, bool client)
{
	start(c, client, TLS_CIPHER_CHACHA20_POLY1305);
}

const struct transport ktls_transports[3] = {
	{ .name = "ktls-aes128", .start = start_aes128,
	  .send = tcp_send, .recv = tcp_recv },
	{ .name = "ktls-aes256", .start = start_aes256,
	  .send = tcp_send, .recv = tcp_recv },
	{ .name = "ktls-chacha", .start = start_chacha,
	  .send = tcp_send, .recv = tcp_recv },
};
