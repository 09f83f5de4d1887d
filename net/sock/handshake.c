// SPDX-License-Identifier: GPL-2.0
/*
 * Key agreement, RFC 8548 section 3.3: Init1 and Init2, in work_fn().
 */

#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "../tcpcrypt/resume.h"
#include "account.h"
#include "sock.h"

/* Room for the peer's message, bytes: as many as those of all our TEPs take */
#define HEARD_USUAL	256

/**
 * tcpcrypt_hs_free() - wipe and drop what a handshake needed
 * @ctx: the context
 */
void tcpcrypt_hs_free(struct tcpcrypt_ctx *ctx)
{
	if (!ctx->hs)
		return;
	if (ctx->hs->dh)
		ctx->hs->dh->free(ctx->hs->key);
	kfree_sensitive(ctx->hs->heard);
	kfree_sensitive(ctx->hs);
	ctx->hs = NULL;
}

static bool is_host_a(const struct tcpcrypt_ctx *ctx)
{
	return ctx->neg.role == ENO_HOST_A;
}

/* Few peers send much, and nobody pays for what has not begun to come. */
static int make_room(struct tcpcrypt_hs *hs, u16 want)
{
	u8 *heard;

	if (want <= hs->heard_size)
		return 0;
	heard = kzalloc(want, TCPCRYPT_GFP);
	if (!heard)
		return -ENOMEM;
	if (hs->heard)
		memcpy(heard, hs->heard, hs->heard_len);
	kfree_sensitive(hs->heard);
	hs->heard = heard;
	hs->heard_size = want;
	return 0;
}

static int begin(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	unsigned int timeout = tcpcrypt_net(sock_net(sk))->handshake_timeout;
	struct tcpcrypt_hs *hs;

	hs = kzalloc(sizeof(*hs), TCPCRYPT_GFP);
	if (!hs)
		return -ENOMEM;
	hs->dh = tcpcrypt_dh_find(ctx->tep->eno.id);
	hs->nciphers = tcpcrypt_opts_aeads(&ctx->opts, sock_net(sk),
					   hs->ciphers);
	ctx->hs = hs;
	tcpcrypt_arm(ctx, timeout * HZ);
	return make_room(hs, HEARD_USUAL);
}

static int send_init1(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct tcpcrypt_hs *hs = ctx->hs;
	u8 nonce[TCPCRYPT_NONCE_LEN], pub[TCPCRYPT_PUB_MAX];
	int len;

	hs->key = hs->dh->keygen(pub);
	if (!hs->key)
		return -ENOMEM;
	get_random_bytes(nonce, sizeof(nonce));
	len = tcpcrypt_init1_build(hs->sent, sizeof(hs->sent), hs->ciphers,
				   hs->nciphers, nonce, pub, hs->dh->pub_len);
	if (len < 0)
		return len;
	hs->sent_len = len;
	return tcpcrypt_tx_raw(sk, ctx, hs->sent, len);
}

static int build_init2(struct tcpcrypt_ctx *ctx, u16 cipher)
{
	struct tcpcrypt_hs *hs = ctx->hs;
	u8 nonce[TCPCRYPT_NONCE_LEN], pub[TCPCRYPT_PUB_MAX];
	int len;

	hs->key = hs->dh->keygen(pub);
	if (!hs->key)
		return -ENOMEM;
	get_random_bytes(nonce, sizeof(nonce));
	len = tcpcrypt_init2_build(hs->sent, sizeof(hs->sent), cipher, nonce,
				   pub, hs->dh->pub_len);
	if (len < 0)
		return len;
	hs->sent_len = len;
	return 0;
}

/*
 * Collects the peer's message. Return: 1 when it is whole, 0 if more must
 * come, or a negative errno.
 */
static int hear(struct sock *sk, struct tcpcrypt_ctx *ctx, u32 magic)
{
	struct tcpcrypt_hs *hs = ctx->hs;
	int want;

	for (;;) {
		want = tcpcrypt_init_len(hs->heard, hs->heard_len, magic);
		if (want < 0)
			return want;
		if (!want)
			want = TCPCRYPT_INIT_HDR;
		else if (hs->heard_len == want)
			return 1;
		if (make_room(hs, want))
			return -ENOMEM;
		want = tcpcrypt_rx_take(sk, ctx, hs->heard + hs->heard_len,
					want - hs->heard_len);
		if (!want)
			break;
		hs->heard_len += want;
		tcpcrypt_rx_window(sk, ctx);
	}
	/* TCP's FIN where a message is due: nothing authentic can follow */
	return ctx->rx.tcp_fin ? -ECONNRESET : 0;
}

static const u8 *nonce_a(const struct tcpcrypt_ctx *ctx)
{
	const u8 *init1 = is_host_a(ctx) ? ctx->hs->sent : ctx->hs->heard;

	return init1 + TCPCRYPT_INIT_HDR + 1 +
	       2 * init1[TCPCRYPT_INIT_HDR];
}

/* PRK, which is ss[0]: section 3.3. */
static int agree(struct tcpcrypt_ctx *ctx, const u8 *peer_pub, u16 cipher,
		 struct tcpcrypt_secret *s)
{
	struct tcpcrypt_hs *hs = ctx->hs;
	u8 es[TCPCRYPT_ES_MAX];
	struct tcpcrypt_vec sent = { hs->sent, hs->sent_len };
	struct tcpcrypt_vec heard = { hs->heard, hs->heard_len };
	struct tcpcrypt_prk_input in = {
		.nonce_a	= nonce_a(ctx),
		.transcript	= { ctx->neg.transcript,
				    ctx->neg.transcript_len },
		.init1		= is_host_a(ctx) ? sent : heard,
		.init2		= is_host_a(ctx) ? heard : sent,
		.es		= { es, hs->dh->es_len },
	};
	int err;

	err = hs->dh->agree(hs->key, peer_pub, es);
	if (!err)
		err = tcpcrypt_extract(&tcpcrypt_hmac_sha256, &in, s->ss);
	memzero_explicit(es, sizeof(es));
	tcpcrypt_scrub(TCPCRYPT_SCRUB_HASH);
	s->host_a = is_host_a(ctx);
	s->aead = cipher;
	return err;
}

/* Host B: Init1 in, Init2 out. */
static int answer_init1(struct sock *sk, struct tcpcrypt_ctx *ctx,
			struct tcpcrypt_secret *s)
{
	struct tcpcrypt_hs *hs = ctx->hs;
	struct tcpcrypt_init init1;
	int err, cipher;

	err = tcpcrypt_init1_parse(hs->heard, hs->heard_len, hs->dh->pub_len,
				   &init1);
	if (err)
		return err;
	cipher = tcpcrypt_init_select(&init1, hs->ciphers, hs->nciphers);
	if (cipher < 0)
		return cipher;
	err = build_init2(ctx, cipher);
	if (!err)
		err = agree(ctx, init1.pub, cipher, s);
	if (!err)
		err = tcpcrypt_tx_raw(sk, ctx, hs->sent, hs->sent_len);
	return err;
}

/*
 * Host A: Init2 in. A cipher that Init1 did not offer MUST abort (section
 * 3.3).
 */
static int take_init2(struct tcpcrypt_ctx *ctx, struct tcpcrypt_secret *s)
{
	struct tcpcrypt_hs *hs = ctx->hs;
	struct tcpcrypt_init init1, init2;
	int err, cipher;

	err = tcpcrypt_init2_parse(hs->heard, hs->heard_len, hs->dh->pub_len,
				   &init2);
	if (!err)
		err = tcpcrypt_init1_parse(hs->sent, hs->sent_len,
					   hs->dh->pub_len, &init1);
	if (err)
		return err;
	cipher = init2.ciphers[0] << 8 | init2.ciphers[1];
	if (!tcpcrypt_init_has_cipher(&init1, cipher))
		return -EPROTO;
	return agree(ctx, init2.pub, cipher, s);
}

/* The peer's message is whole. */
static int conclude(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct tcpcrypt_secret s = {};
	int err;

	err = is_host_a(ctx) ? take_init2(ctx, &s) : answer_init1(sk, ctx, &s);
	if (!err)
		err = tcpcrypt_establish(sk, ctx, &s);
	memzero_explicit(&s, sizeof(s));
	return err;
}

/* Three messages less: 1 if that was all, 0 if not, or a negative errno. */
static int resume(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct tcpcrypt_secret s = {};
	int err;

	err = tcpcrypt_resume(sk, ctx, &s);
	if (err > 0)
		err = tcpcrypt_establish(sk, ctx, &s) ? : 1;
	memzero_explicit(&s, sizeof(s));
	return err;
}

/* &tcpcrypt_tep.handshake */
static int handshake(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	int err;

	if (sk->sk_state == TCP_CLOSE)
		return 0;
	if (!ctx->hs) {
		err = resume(sk, ctx);
		if (err)
			return min(err, 0);
		err = begin(sk, ctx);
		if (!err && is_host_a(ctx))
			err = send_init1(sk, ctx);
		if (err)
			return err;
	}
	if (!skb_queue_empty(&sk->sk_receive_queue))
		tcpcrypt_rx_pull(sk, ctx);
	err = tcpcrypt_tx_flush(sk, ctx);
	if (err)
		return err;
	err = hear(sk, ctx, is_host_a(ctx) ? TCPCRYPT_INIT2_MAGIC :
					     TCPCRYPT_INIT1_MAGIC);
	return err > 0 ? conclude(sk, ctx) : err;
}

#define TEP(_id, _name) {						\
	.eno		= { .id = _id, .valid = tcpcrypt_resume_valid },	\
	.name		= _name,					\
	.owner		= THIS_MODULE,					\
	.handshake	= handshake,					\
}

static const struct tcpcrypt_tep teps[] = {
	TEP(TCPCRYPT_TEP_P256, "P256"),
	TEP(TCPCRYPT_TEP_P521, "P521"),
	TEP(TCPCRYPT_TEP_X25519, "Curve25519"),
	TEP(TCPCRYPT_TEP_X448, "Curve448"),
};

/**
 * tcpcrypt_teps_init() - register the TEPs whose key agreement is there
 *
 * Context: process.
 * Return: 0 or a negative errno.
 */
int tcpcrypt_teps_init(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(teps) && !err; i++)
		if (tcpcrypt_dh_find(teps[i].eno.id))
			err = tcpcrypt_tep_register(&teps[i]);
	if (err)
		tcpcrypt_teps_exit();
	return err;
}

/** tcpcrypt_teps_exit() - undo tcpcrypt_teps_init() */
void tcpcrypt_teps_exit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(teps); i++)
		tcpcrypt_tep_unregister(&teps[i]);
}
