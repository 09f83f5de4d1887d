// SPDX-License-Identifier: GPL-2.0
/*
 * Session resumption (RFC 8548, section 3.5): between ENO, the session cache
 * and the connection.
 */

#include <linux/net.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "../tcpcrypt/resume.h"
#include "account.h"
#include "cache.h"
#include "sock.h"

/* What a connection is configured to. */
struct limits {
	const struct eno_config	*cfg;
	unsigned int		naeads;
	u16			aeads[TCPCRYPT_AEADS_MAX];
};

static bool wants_tep(const void *priv, u8 tep)
{
	const struct limits *l = priv;
	unsigned int i;

	for (i = 0; i < l->cfg->nteps; i++)
		if (l->cfg->teps[i]->id == tep)
			return l->cfg->teps[i]->valid == tcpcrypt_resume_valid;
	return false;
}

static bool wants_aead(const void *priv, u16 aead)
{
	const struct limits *l = priv;
	unsigned int i;

	for (i = 0; i < l->naeads; i++)
		if (l->aeads[i] == aead)
			return true;
	return false;
}

static void get_limits(struct limits *l, const struct net *net,
		       const struct tcpcrypt_opts *opts,
		       const struct eno_config *cfg,
		       struct tcpcrypt_wanted *wanted)
{
	l->cfg = cfg;
	l->naeads = tcpcrypt_opts_aeads(opts, net, l->aeads);
	wanted->tep = wants_tep;
	wanted->aead = wants_aead;
	wanted->priv = l;
}

/* Data of a resumption suboption, with a new nonce. */
static void set_data(struct eno_config *cfg, const struct net *net, u8 tep,
		     const u8 *half)
{
	unsigned int len = READ_ONCE(tcpcrypt_net(net)->resume_nonce_len);
	/* drawn ahead, unlike get_random_bytes() */
	u64 nonce = get_random_u64();

	BUILD_BUG_ON(sizeof(nonce) != TCPCRYPT_RNONCE_MAX);
	cfg->data_tep = tep;
	cfg->data_len = tcpcrypt_resume_data(half, (const u8 *)&nonce, len,
					     cfg->data);
}

/**
 * tcpcrypt_resume_propose() - what an active opener can resume
 * @sk:   the socket, about to send its first SYN
 * @ctx:  its context; ->ticket is set
 * @cfg:  its side of the negotiation; ->data is set
 *
 * A host that sets b = 1 is active in a simultaneous open alone, where
 * proposals could cross: it makes none (MAY, section 3.5).
 *
 * Context: the socket's lock.
 * Return: whether there is something.
 */
bool tcpcrypt_resume_propose(struct sock *sk, struct tcpcrypt_ctx *ctx,
			     struct eno_config *cfg)
{
	struct net *net = sock_net(sk);
	struct tcpcrypt_wanted wanted;
	struct in6_addr addr;
	struct limits l;

	if (ctx->opts.no_resume || cfg->b || cfg->raw || ctx->ticket)
		return false;
	tcpcrypt_peer_addr(sk, &addr);
	get_limits(&l, net, &ctx->opts, cfg, &wanted);
	ctx->ticket = tcpcrypt_cache_take(net, &addr, sk->sk_dport, &wanted);
	if (!ctx->ticket)
		return false;
	set_data(cfg, net, ctx->ticket->tep,
		 tcpcrypt_resume_half(ctx->ticket->id, ctx->ticket->host_a));
	tcpcrypt_count(net, TCPCRYPT_MIB_RESUMEPROPOSED);
	return true;
}

/**
 * tcpcrypt_resume_return() - the proposal could not be made after all
 * @sk:  the socket; no segment has left
 * @ctx: its context
 *
 * Context: the socket's lock.
 */
void tcpcrypt_resume_return(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	tcpcrypt_cache_put(sock_net(sk), ctx->ticket);
	ctx->ticket = NULL;
}

/**
 * tcpcrypt_resume_expect() - what a SYN-ACK must say to agree to resume
 * @ctx: a context whose SYN has left
 * @cfg: its side of the negotiation; ->data_tep, ->data_len and ->priv are set
 *
 * Context: the socket's lock.
 */
void tcpcrypt_resume_expect(const struct tcpcrypt_ctx *ctx,
			    struct eno_config *cfg)
{
	const struct tcpcrypt_ticket *t = ctx->ticket;

	if (!t)
		return;
	cfg->data_tep = t->tep;
	cfg->data_len = TCPCRYPT_HALF_LEN;
	cfg->priv = tcpcrypt_resume_half(t->id, !t->host_a);
}

/**
 * tcpcrypt_resume_owner() - tell SYNs apart
 * @req_addr: hash of the peer's address
 * @port:     its port
 * @isn:      its initial sequence number
 *
 * Return: what a reserved secret is kept for.
 */
u32 tcpcrypt_resume_owner(u32 req_addr, __be16 port, u32 isn)
{
	static siphash_key_t key;

	net_get_random_once(&key, sizeof(key));
	return siphash_3u32(req_addr, (__force u16)port, isn, &key);
}

/**
 * tcpcrypt_resume_answer() - does a SYN propose what can be resumed?
 * @net:   the network namespace
 * @opts:  the listener's settings
 * @syn:   the SYN's ENO option
 * @owner: from tcpcrypt_resume_owner()
 * @cfg:   the listener's side of the negotiation; ->data is set
 *
 * Section 3.5: agree if the half names a cached secret of the same TEP; else
 * the suboption stands for fresh key exchange.
 *
 * Context: softirq.
 * Return: the half in the SYN, or NULL.
 */
const u8 *tcpcrypt_resume_answer(struct net *net,
				 const struct tcpcrypt_opts *opts,
				 const struct eno_option *syn, u32 owner,
				 struct eno_config *cfg)
{
	const struct eno_suboption *sub;
	struct tcpcrypt_wanted wanted;
	u8 own[TCPCRYPT_HALF_LEN];
	struct eno_parsed parsed;
	struct limits l;
	unsigned int i;

	if (opts->no_resume || cfg->raw || eno_parse(syn, &parsed) != ENO_OK)
		return NULL;
	get_limits(&l, net, opts, cfg, &wanted);
	for (i = 0; i < parsed.nsubs; i++) {
		sub = &parsed.subs[i];
		if (!tcpcrypt_resume_offered(sub->len) ||
		    !tcpcrypt_cache_reserve(net, syn->data + sub->off,
					    sub->tep, owner, &wanted, own))
			continue;
		set_data(cfg, net, sub->tep, own);
		return syn->data + sub->off;
	}
	return NULL;
}

/* The half that the peer, host A, sent. */
static const u8 *heard_half(const struct tcpcrypt_ctx *ctx)
{
	return ctx->neg.transcript + ctx->neg.data[ENO_HOST_A].off;
}

/**
 * tcpcrypt_resume_claim() - a child whose SYN-ACK agreed to resume
 * @sk:    the child
 * @ctx:   its context, negotiated; ->ticket is set
 * @owner: from tcpcrypt_resume_owner()
 *
 * Context: the socket's lock, softirq.
 * Return: 0, or -EPROTO: the secret is gone, and there is nothing to fall back
 * to.
 */
int tcpcrypt_resume_claim(struct sock *sk, struct tcpcrypt_ctx *ctx, u32 owner)
{
	if (ctx->tep->eno.valid != tcpcrypt_resume_valid ||
	    !tcpcrypt_resumed(&ctx->neg))
		return 0;
	ctx->ticket = tcpcrypt_cache_claim(sock_net(sk), heard_half(ctx),
					   owner);
	return ctx->ticket ? 0 : -EPROTO;
}

/**
 * tcpcrypt_resume() - the secret of a connection that resumes a session
 * @sk:  the socket
 * @ctx: its context, in TCPCRYPT_KEYING
 * @s:   filled; the caller wipes it
 *
 * A secret that was proposed in vain is dropped.
 *
 * Context: the socket's lock, owned.
 * Return: 1; 0 if key exchange must be fresh; -EPROTO.
 */
int tcpcrypt_resume(struct sock *sk, struct tcpcrypt_ctx *ctx,
		    struct tcpcrypt_secret *s)
{
	struct tcpcrypt_ticket *t = ctx->ticket;
	bool resumed = tcpcrypt_resumed(&ctx->neg);

	if (!t)
		return resumed ? -EPROTO : 0;
	if (resumed && tcpcrypt_stale(t->epoch))
		return -ESTALE;
	if (resumed) {
		memcpy(s->ss, t->ss, sizeof(s->ss));
		s->sn_len = tcpcrypt_resume_nonce(&ctx->neg,
						  (ctx->neg.role == ENO_HOST_A)
						  != t->host_a, s->sn);
		s->host_a = t->host_a;
		s->aead = t->aead;
		s->resumed = true;
	} else {
		tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_RESUMEREFUSED);
	}
	tcpcrypt_ticket_free(t);
	ctx->ticket = NULL;
	return resumed;
}

static int fill(struct tcpcrypt_ticket *t, const struct tcpcrypt_secret *s,
		const struct tcpcrypt_mac *mac)
{
	int err = tcpcrypt_secret_next(mac, s->ss, t->ss);

	return err ? : tcpcrypt_resume_id(&tcpcrypt_hmac_sha256, t->ss, t->id);
}

/**
 * tcpcrypt_resume_cache() - keep ss[i+1] for a later connection
 * @sk:  the socket
 * @ctx: its context
 * @s:   the secret in use, ss[i]
 * @mac: for what is derived of it; the caller wipes the stack afterwards
 *
 * Section 3.5: SHOULD. A failure costs nothing but the resumption.
 *
 * Context: the socket's lock, owned; sleeps.
 */
void tcpcrypt_resume_cache(struct sock *sk, struct tcpcrypt_ctx *ctx,
			   const struct tcpcrypt_secret *s,
			   const struct tcpcrypt_mac *mac)
{
	struct net *net = sock_net(sk);
	struct tcpcrypt_ticket *t;

	if (ctx->opts.no_cache || !READ_ONCE(tcpcrypt_net(net)->cache_max) ||
	    ctx->tep->eno.valid != tcpcrypt_resume_valid)
		return;
	t = kzalloc(sizeof(*t), TCPCRYPT_GFP);
	if (!t)
		return;
	if (fill(t, s, mac)) {
		tcpcrypt_ticket_free(t);
		return;
	}
	t->tep = ctx->tep->eno.id;
	t->aead = s->aead;
	t->epoch = ctx->epoch;
	t->host_a = s->host_a;
	t->port = ctx->active ? sk->sk_dport : 0;
	tcpcrypt_peer_addr(sk, &t->addr);
	memcpy(ctx->cached, tcpcrypt_resume_half(t->id, !t->host_a),
	       sizeof(ctx->cached));
	ctx->has_cached = true;
	tcpcrypt_cache_put(net, t);
}

/**
 * tcpcrypt_resume_forget() - TCP_CRYPT_CACHE_FLUSH
 * @sk:  the socket
 * @ctx: its context
 *
 * What the connection used has left the cache before; what it produced goes,
 * and it produces nothing any more. A later connection that has resumed from
 * it has state of its own.
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_resume_forget(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	ctx->opts.no_cache = true;
	if (ctx->has_cached)
		tcpcrypt_cache_drop(sock_net(sk), ctx->cached);
	ctx->has_cached = false;
}
