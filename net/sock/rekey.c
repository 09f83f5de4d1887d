// SPDX-License-Identifier: GPL-2.0
/*
 * Rekeying, RFC 8548 section 3.8: a connection's keys from one generation to
 * the next.
 *
 * The two directions move on their own: @tx_mk and @rx_mk are the master keys
 * of the local and of the remote generation. Each is replaced by its
 * successor when the traffic key made of that is in the cipher; nothing older
 * stays. What was sealed under an old key waits as ciphertext.
 */

#include <linux/jiffies.h>
#include <linux/string.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "sock.h"

/**
 * tcpcrypt_rekey_start() - keys were agreed, this is generation 0
 * @ctx: the context; its ciphers are set up
 * @mk:  mk[0], TCPCRYPT_K_LEN bytes; the caller wipes it
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_rekey_start(struct tcpcrypt_ctx *ctx, const u8 *mk)
{
	struct tcpcrypt_rekey *rk = &ctx->rekey;

	memset(rk, 0, sizeof(*rk));
	memcpy(rk->tx_mk, mk, sizeof(rk->tx_mk));
	memcpy(rk->rx_mk, mk, sizeof(rk->rx_mk));
	rk->since = jiffies;
}

/**
 * tcpcrypt_rekey_end() - a direction gets no more keys: wipe its master key
 * @ctx: the context
 * @tx:  FINp was sealed, or the connection failed
 * @rx:  FINp was received, or the connection failed
 *
 * Context: the socket's lock, any context.
 */
void tcpcrypt_rekey_end(struct tcpcrypt_ctx *ctx, bool tx, bool rx)
{
	struct tcpcrypt_rekey *rk = &ctx->rekey;

	if (tx)
		memzero_explicit(rk->tx_mk, sizeof(rk->tx_mk));
	if (rx)
		memzero_explicit(rk->rx_mk, sizeof(rk->rx_mk));
}

/*
 * Sets a cipher up that rested, from the master key of its generation. It
 * was once: whatever fails now is a shortage.
 */
static int wake(struct tcpcrypt_ctx *ctx, const u8 *mk, bool from_a,
		struct tcpcrypt_cipher *cipher)
{
	struct tcpcrypt_traffic_key tk;
	int err;

	if (likely(tcpcrypt_cipher_ready(cipher)))
		return 0;
	err = tcpcrypt_traffic(&tcpcrypt_hmac_sha256, mk,
			       from_a ? TCPCRYPT_CONST_KEY_A :
					TCPCRYPT_CONST_KEY_B,
			       tcpcrypt_aead_desc(ctx->aead), &tk);
	if (!err)
		err = tcpcrypt_cipher_init(cipher, ctx->aead, &tk);
	memzero_explicit(&tk, sizeof(tk));
	tcpcrypt_scrub(TCPCRYPT_SCRUB_HASH);
	if (err)
		return -ENOMEM;
	tcpcrypt_rest_later(ctx);
	return 0;
}

/*
 * Advances a master key, and its cipher with it, or nothing but the cipher,
 * which is then unusable until this succeeds.
 */
static int next_keys(struct tcpcrypt_ctx *ctx, u8 *mk, bool from_a,
		     struct tcpcrypt_cipher *cipher)
{
	struct tcpcrypt_traffic_key tk;
	u8 next[TCPCRYPT_K_LEN];
	int err;

	err = tcpcrypt_gen_derive(&tcpcrypt_hmac_sha256, mk,
				  from_a ? TCPCRYPT_CONST_KEY_A :
					   TCPCRYPT_CONST_KEY_B,
				  tcpcrypt_aead_desc(ctx->aead), next, &tk);
	if (!err)
		err = tcpcrypt_cipher_init(cipher, ctx->aead, &tk);
	if (!err) {
		memcpy(mk, next, sizeof(next));
		tcpcrypt_rest_later(ctx);
	}
	memzero_explicit(next, sizeof(next));
	memzero_explicit(&tk, sizeof(tk));
	tcpcrypt_scrub(TCPCRYPT_SCRUB_HASH);
	return err;
}

static bool is_old(const struct sock *sk, const struct tcpcrypt_rekey *rk)
{
	unsigned long secs =
		READ_ONCE(tcpcrypt_net(sock_net(sk))->rekey_interval);

	return secs && time_after_eq(jiffies, rk->since + secs * HZ);
}

/**
 * tcpcrypt_rekey_seal() - have the right key in ->tx.cipher for a frame
 * @sk:  the socket
 * @ctx: its context, in TCPCRYPT_OPEN; FINp was not sealed
 * @len: application bytes of the frame
 *
 * Context: the socket's lock, owned; sleeps.
 * Return: 0 or a negative errno: -ENOMEM: call it again before any frame is
 * sealed.
 */
int tcpcrypt_rekey_seal(struct sock *sk, struct tcpcrypt_ctx *ctx, u32 len)
{
	const struct tcpcrypt_net *tn = tcpcrypt_net(sock_net(sk));
	struct tcpcrypt_rekey *rk = &ctx->rekey;
	int err;

	/* the master key was wiped: nothing may be derived of what is left */
	if (unlikely(ctx->state != TCPCRYPT_OPEN || ctx->tx.fin))
		return -EPIPE;
	/* every frame passes here */
	if (tcpcrypt_stale(ctx->epoch))
		return -ESTALE;
	if (!tcpcrypt_gen_wants(&rk->gen, len, READ_ONCE(tn->rekey_bytes),
				is_old(sk, rk)))
		return wake(ctx, rk->tx_mk, ctx->key_a, &ctx->tx.cipher);
	err = next_keys(ctx, rk->tx_mk, ctx->key_a, &ctx->tx.cipher);
	if (err) {
		rk->gen.lost = true;
		return err;
	}
	tcpcrypt_gen_advance(&rk->gen);
	rk->since = jiffies;
	return 0;
}

/**
 * tcpcrypt_rekey_sealed() - a frame was sealed, TCP has nothing of it yet
 * @sk:  the socket
 * @ctx: its context
 * @len: application bytes of the frame
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_rekey_sealed(struct sock *sk, struct tcpcrypt_ctx *ctx, u32 len)
{
	struct tcpcrypt_rekey *rk = &ctx->rekey;

	if (rk->gen.unused) {
		ctx->alive.seq = ctx->tx.seq;
		tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_REKEYSENT);
	}
	tcpcrypt_gen_sealed(&rk->gen, len);
}

/**
 * tcpcrypt_rekey_open() - have the right key in ->rx.cipher for a frame
 * @ctx:  the context; the frame is the next one to be decrypted
 * @next: it has rekey = 1
 *
 * Then the old key is not needed any more: nothing but this frame can come
 * next, and if it does not authenticate, the connection ends.
 *
 * Context: the socket's lock, owned; sleeps.
 * Return: 0, or a negative errno: -ENOMEM: call it again.
 */
int tcpcrypt_rekey_open(struct tcpcrypt_ctx *ctx, bool next)
{
	struct tcpcrypt_rekey *rk = &ctx->rekey;
	int err;

	/* as in tcpcrypt_rekey_seal() */
	if (unlikely(ctx->state != TCPCRYPT_OPEN || ctx->rx.fin))
		return -EPIPE;
	if (!next || rk->ahead)
		return wake(ctx, rk->rx_mk, !ctx->key_a, &ctx->rx.cipher);
	err = next_keys(ctx, rk->rx_mk, !ctx->key_a, &ctx->rx.cipher);
	rk->ahead = !err;
	return err;
}

/**
 * tcpcrypt_rekey_opened() - a frame with rekey = 1 was authentic
 * @sk:  the socket
 * @ctx: its context
 *
 * If the peer is now ahead of us, work_fn() answers at once.
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_rekey_opened(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	ctx->rekey.ahead = false;
	ctx->rekey.gen.remote++;
	tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_REKEYRECEIVED);
	if (tcpcrypt_rekey_owes(ctx))
		tcpcrypt_kick(ctx);
}

/**
 * tcpcrypt_rekey_owes() - must a frame leave even if there is no data?
 * @ctx: the context
 *
 * Context: the socket's lock.
 * Return: whether it must. After FINp nothing can.
 */
bool tcpcrypt_rekey_owes(const struct tcpcrypt_ctx *ctx)
{
	return ctx->state == TCPCRYPT_OPEN && !ctx->tx.fin &&
	       tcpcrypt_gen_owes(&ctx->rekey.gen);
}

/**
 * tcpcrypt_rekey_ask() - setsockopt(TCP_CRYPT_REKEY)
 * @sk:  the socket
 * @ctx: its context
 *
 * Context: the socket's lock, owned; sleeps.
 * Return: 0 or a negative errno: see include/uapi/linux/tcpcrypt.h.
 */
int tcpcrypt_rekey_ask(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	int err;

	switch (ctx->state) {
	case TCPCRYPT_TAKEN:
	case TCPCRYPT_SYN_SENT:
	case TCPCRYPT_FAILED:
		return -ENOTCONN;
	case TCPCRYPT_PLAIN:
		return -EOPNOTSUPP;
	case TCPCRYPT_KEYING:
		return -EINPROGRESS;
	case TCPCRYPT_OPEN:
		break;
	}
	if (sk->sk_state == TCP_CLOSE)
		return -ENOTCONN;
	if (ctx->shut_wr)
		return -EPIPE;
	/* MUST NOT initiate it twice without data */
	if (tcpcrypt_gen_busy(&ctx->rekey.gen))
		return -EALREADY;
	ctx->rekey.gen.asked = true;
	err = tcpcrypt_tx_flush(sk, ctx);
	if (err)
		tcpcrypt_fail(ctx, -err);
	return err;
}
