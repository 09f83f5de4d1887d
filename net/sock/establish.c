// SPDX-License-Identifier: GPL-2.0
/*
 * From a session secret to keys and an open connection: RFC 8548, sections
 * 3.3 and 3.4. What a TEP ends with.
 */

#include <linux/export.h>
#include <linux/string.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "sock.h"

/* What is derived before it is committed; wiped on one exit. */
struct keys {
	u8				mk[TCPCRYPT_K_LEN];
	struct tcpcrypt_traffic_key	ab;
	struct tcpcrypt_traffic_key	ba;
};

/* @mac: has been used with ss[i] alone, and will be */
static int derive(struct tcpcrypt_ctx *ctx, const struct tcpcrypt_secret *s,
		  const struct tcpcrypt_mac *mac,
		  const struct tcpcrypt_aead_desc *aead, struct keys *k)
{
	struct tcpcrypt_mac_memo memo;
	struct tcpcrypt_mac mk_mac = tcpcrypt_mac_with(&memo);
	int err;

	err = tcpcrypt_session_id(mac, s->ss, s->sn, s->sn_len,
				  ctx->neg.negspec, ctx->sess_id);
	if (!err)
		err = tcpcrypt_master_first(mac, s->ss, s->sn, s->sn_len,
					    k->mk);
	if (!err)
		err = tcpcrypt_traffic(&mk_mac, k->mk, TCPCRYPT_CONST_KEY_A,
				       aead, &k->ab);
	if (!err)
		err = tcpcrypt_traffic(&mk_mac, k->mk, TCPCRYPT_CONST_KEY_B,
				       aead, &k->ba);
	tcpcrypt_mac_done(&memo);
	return err;
}

static int set_keys(struct tcpcrypt_ctx *ctx, const struct tcpcrypt_secret *s,
		    const struct tcpcrypt_mac *mac)
{
	const struct tcpcrypt_aead_desc *aead = tcpcrypt_aead_desc(s->aead);
	struct keys k;
	int err;

	if (!aead)
		return -EIO;
	ctx->key_a = s->host_a;
	err = derive(ctx, s, mac, aead, &k);
	if (!err)
		err = tcpcrypt_cipher_init(&ctx->tx.cipher, s->aead,
					   s->host_a ? &k.ab : &k.ba);
	if (!err)
		err = tcpcrypt_cipher_init(&ctx->rx.cipher, s->aead,
					   s->host_a ? &k.ba : &k.ab);
	if (!err) {
		tcpcrypt_rekey_start(ctx, k.mk);
		tcpcrypt_rest_later(ctx);
	}
	memzero_explicit(&k, sizeof(k));
	ctx->aead = s->aead;
	return tcpcrypt_crypto_err(err);
}

/* All that is derived of ss[i]. */
static int use_secret(struct sock *sk, struct tcpcrypt_ctx *ctx,
		      const struct tcpcrypt_secret *s)
{
	struct tcpcrypt_mac_memo memo;
	struct tcpcrypt_mac mac = tcpcrypt_mac_with(&memo);
	int err;

	err = set_keys(ctx, s, &mac);
	if (!err)
		tcpcrypt_resume_cache(sk, ctx, s, &mac);
	tcpcrypt_mac_done(&memo);
	return err;
}

/*
 * The handshake looked interactive: TCP would delay its acknowledgment of the
 * application's first data, which on a new connection comes at once.
 */
static void new_acks(struct sock *sk, const struct tcpcrypt_ctx *ctx)
{
	struct inet_connection_sock *icsk = inet_csk(sk);

	icsk->icsk_ack.pingpong = ctx->pingpong;
	icsk->icsk_ack.ato = 0;
}

/**
 * tcpcrypt_establish() - a session secret was agreed upon: begin to encrypt
 * @sk:  the socket
 * @ctx: its context, in TCPCRYPT_KEYING
 * @s:   the secret; the caller wipes it
 *
 * Whatever the TEP had to send is in TCP's hands or in ->tx.buf. Nothing that
 * fails here is the peer's fault.
 *
 * Context: the socket's lock, owned; sleeps.
 * Return: 0, and the state is TCPCRYPT_OPEN, or a negative errno, for which
 * the connection must be aborted.
 */
int tcpcrypt_establish(struct sock *sk, struct tcpcrypt_ctx *ctx,
		       const struct tcpcrypt_secret *s)
{
	int err;

	if (tcpcrypt_stale(ctx->epoch))
		return -ESTALE;
	err = use_secret(sk, ctx, s);
	if (err)
		return err;
	tcpcrypt_hs_free(ctx);
	if (!ctx->closing)
		tcpcrypt_disarm(ctx);
	tcpcrypt_count(sock_net(sk), s->resumed ?
				     TCPCRYPT_MIB_HANDSHAKERESUMED :
				     TCPCRYPT_MIB_HANDSHAKEFRESH);
	tcpcrypt_set_state(ctx, TCPCRYPT_OPEN);
	new_acks(sk, ctx);
	tcpcrypt_alive_heard(ctx);
	tcpcrypt_alive_set(sk, ctx, sock_flag(sk, SOCK_KEEPOPEN));
	tcpcrypt_rx_start(sk, ctx);
	tcpcrypt_tx_tell(sk, ctx);
	return 0;
}
EXPORT_SYMBOL_GPL(tcpcrypt_establish);
