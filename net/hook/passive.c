// SPDX-License-Identifier: GPL-2.0
/*
 * ENO at the passive opener (RFC 8547): the peer's SYN, our SYN-ACK, the
 * first ACK.
 *
 * conn_request() sees the SYN, but the request does not exist before it runs
 * and its SYN-ACK is gone when it returns. So it leaves the answer on its
 * stack, a netfilter hook deeper in the same call chain takes it from there
 * and keeps it with the request, in saved_syn, which the stack frees with the
 * request or moves to the child. Retransmitted SYN-ACKs find it there.
 */

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/percpu.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/request_sock.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "../sock/account.h"
#include "../sock/sock.h"
#include "config.h"
#include "hook.h"

/* What the segments of a request came to, up to the first ACK. */
enum eno_fate {
	ENO_UNDECIDED,
	ENO_ON,			/* the first ACK had ENO */
	ENO_OFF,		/* a segment disabled it (section 4.6) */
};

/**
 * struct eno_saved - both ENO options of a request
 * @rcu:    frees it after a grace period
 * @cookie: tells it from a saved SYN: random, chosen at insmod
 * @offset: where in its saved_syn it stands, bytes
 * @syn:    the peer's option
 * @synack: ours
 * @fate:   enum eno_fate; decided once, by cmpxchg()
 * @refused: the abort was reported, by xchg()
 *
 * Stands in saved_syn->data in the place of a link-layer header, before what
 * an application's TCP_SAVE_SYN put there: mac_hdrlen counts it, so that the
 * lengths stay true whoever reads them.
 */
struct eno_saved {
	struct rcu_head		rcu;
	u64			cookie;
	u8			offset;
	struct eno_option	syn;
	struct eno_option	synack;
	int			fate;
	int			refused;
};

#define SAVED_ALIGN	__alignof__(struct eno_saved)
#define SAVED_ROOM	(sizeof(struct eno_saved) + SAVED_ALIGN)

/* What conn_request() hands to the netfilter hook below it. */
struct eno_answering {
	const struct task_struct	*task;
	__be16				sport;
	u32				isn;
	struct eno_option		syn;
	struct eno_option		synack;
	bool				raw;
	bool				taken;
	bool				busy;
};

static DEFINE_PER_CPU(struct eno_answering *, answering);
static u64 saved_cookie __read_mostly;

static struct eno_saved *saved_at(const struct saved_syn *saved)
{
	return PTR_ALIGN((void *)saved->data, SAVED_ALIGN);
}

static struct eno_saved *eno_saved(const struct saved_syn *saved)
{
	struct eno_saved *es;

	if (!saved || saved->mac_hdrlen < SAVED_ROOM)
		return NULL;
	es = saved_at(saved);
	return es->cookie == saved_cookie ? es : NULL;
}

static u32 saved_len(const struct saved_syn *saved)
{
	return saved->mac_hdrlen + saved->network_hdrlen + saved->tcp_hdrlen;
}

/* A saved SYN that was replaced; a SYN-ACK on another CPU may read it. */
struct replaced {
	struct rcu_head		rcu;
	struct saved_syn	*syn;
};

static void free_replaced(struct rcu_head *rcu)
{
	struct replaced *r = container_of(rcu, struct replaced, rcu);

	kfree(r->syn);
	kfree(r);
}

/* Puts the options into the request, before an application's saved SYN. */
static struct eno_saved *save(struct request_sock *req,
			      const struct eno_answering *a)
{
	struct saved_syn *old = req->saved_syn, *new;
	u32 len = old ? saved_len(old) : 0;
	struct replaced *gone = NULL;
	struct mem_cgroup *memcg;
	struct eno_saved *es;

	memcg = tcpcrypt_account(req->rsk_listener);
	new = kzalloc(sizeof(*new) + SAVED_ROOM + len, TCPCRYPT_ATOMIC);
	tcpcrypt_account_end(memcg);
	if (!new)
		return NULL;
	if (old) {
		gone = kmalloc(sizeof(*gone), GFP_ATOMIC);
		if (!gone)
			goto free_new;
		gone->syn = old;
	}
	new->mac_hdrlen = SAVED_ROOM;
	if (old) {
		new->mac_hdrlen += old->mac_hdrlen;
		new->network_hdrlen = old->network_hdrlen;
		new->tcp_hdrlen = old->tcp_hdrlen;
		memcpy(new->data + SAVED_ROOM, old->data, len);
	}
	es = saved_at(new);
	es->cookie = saved_cookie;
	es->offset = (u8 *)es - (u8 *)new;
	es->syn = a->syn;
	es->synack = a->synack;
	/* the next segment may be heard on another CPU already */
	smp_store_release(&req->saved_syn, new);
	if (gone)
		call_rcu(&gone->rcu, free_replaced);
	return es;

free_new:
	kfree(new);
	return NULL;
}

static void free_saved(struct rcu_head *rcu)
{
	struct eno_saved *es = container_of(rcu, struct eno_saved, rcu);

	kfree((u8 *)es - es->offset);
}

/*
 * Takes both options from a child and gives it back what its application
 * wanted saved. A SYN-ACK timer on another CPU may still read them: freed
 * after a grace period.
 */
static bool take_saved(struct sock *child, struct eno_option *syn,
		       struct eno_option *synack)
{
	struct saved_syn *saved = tcp_sk(child)->saved_syn, *app = NULL;
	struct eno_saved *es = eno_saved(saved);
	u32 len;

	if (!es)
		return false;
	*syn = es->syn;
	*synack = es->synack;
	len = saved_len(saved) - SAVED_ROOM;
	if (len) {
		app = kmalloc(sizeof(*app) + len, GFP_ATOMIC);
		if (app) {
			app->mac_hdrlen = saved->mac_hdrlen - SAVED_ROOM;
			app->network_hdrlen = saved->network_hdrlen;
			app->tcp_hdrlen = saved->tcp_hdrlen;
			memcpy(app->data, saved->data + SAVED_ROOM, len);
		}
	}
	tcp_sk(child)->saved_syn = app;
	call_rcu(&es->rcu, free_saved);
	return true;
}

static bool from_loopback(const struct net *net, const struct sk_buff *skb)
{
	return skb->skb_iif == net->loopback_dev->ifindex;
}

/*
 * Section 4.7: no TEP of ours defines data in a SYN+ENO segment: it MUST be
 * discarded and not acknowledged, also if ENO fails or is switched off. TCP
 * Fast Open would take it.
 */
static void discard_syn_data(struct sk_buff *skb)
{
	struct tcp_skb_cb *cb = TCP_SKB_CB(skb);

	if (skb->len <= tcp_hdrlen(skb) || pskb_trim(skb, tcp_hdrlen(skb)))
		return;
	cb->end_seq = cb->seq + 1 + tcp_hdr(skb)->fin;
}

/* What tells this SYN from others that propose the same secret. */
static u32 syn_owner(const struct sk_buff *skb)
{
	const struct tcphdr *th = tcp_hdr(skb);
	u32 addr;

	if (skb->protocol == htons(ETH_P_IP))
		addr = (__force u32)ip_hdr(skb)->saddr;
	else
		addr = ipv6_addr_hash(&ipv6_hdr(skb)->saddr);
	return tcpcrypt_resume_owner(addr, th->source, ntohl(th->seq));
}

static u32 req_owner(const struct request_sock *req)
{
	const struct inet_request_sock *ireq = inet_rsk(req);
	u32 addr = (__force u32)ireq->ir_rmt_addr;

#if IS_ENABLED(CONFIG_IPV6)
	/* not ireq_family: IPv4 on an IPv6 listener */
	if (req->rsk_ops->family == AF_INET6)
		addr = ipv6_addr_hash(&ireq->ir_v6_rmt_addr);
#endif
	return tcpcrypt_resume_owner(addr, ireq->ir_rmt_port,
				     tcp_rsk(req)->rcv_isn);
}

static enum eno_verdict answer_option(const struct sock *sk, u32 owner,
				      struct eno_answering *a)
{
	struct net *net = sock_net(sk);
	struct tcpcrypt_opts opts;
	enum eno_verdict verdict;
	struct eno_config cfg;
	const u8 *half;

	tcpcrypt_listener_opts(sk, &opts);
	rcu_read_lock();
	tcpcrypt_config(&cfg, net, &opts, true);
	half = tcpcrypt_resume_answer(net, &opts, &a->syn, owner, &cfg);
	verdict = eno_answer(&cfg, &a->syn, &a->synack);
	a->raw = cfg.raw;
	if (verdict != ENO_OK && half)
		tcpcrypt_cache_release(net, half, owner);
	rcu_read_unlock();
	return verdict;
}

/* Decides on a SYN. Return: whether the SYN-ACK shall carry ENO. */
static bool answer(const struct sock *sk, struct sk_buff *skb,
		   struct eno_answering *a)
{
	const struct tcphdr *th;
	struct net *net = sock_net(sk);
	enum eno_verdict verdict;
	int enabled;

	th = tcp_hdr(skb);
	verdict = eno_find((const u8 *)(th + 1),
			   __tcp_hdrlen(th) - sizeof(*th), &a->syn);
	if (verdict == ENO_NO_OPTION)
		return false;
	discard_syn_data(skb);
	th = tcp_hdr(skb);
	tcpcrypt_count(net, TCPCRYPT_MIB_ENOSYNRECEIVED);
	enabled = tcpcrypt_listener_enabled(sk);
	if (!enabled || !rng_is_initialized())
		return false;
	/* nfsd's and others': taken from an application after listen() */
	if (!tcpcrypt_is_stock(sk)) {
		tcpcrypt_count(net, TCPCRYPT_MIB_FALLBACKFOREIGN);
		return false;
	}
	if (enabled < 0 && from_loopback(net, skb) &&
	    READ_ONCE(tcpcrypt_net(net)->skip_loopback)) {
		tcpcrypt_count(net, TCPCRYPT_MIB_FALLBACKLOOPBACK);
		return false;
	}
	if (tcpcrypt_has_auth_option(th)) {
		tcpcrypt_count(net, TCPCRYPT_MIB_FALLBACKAUTHOPTION);
		return false;
	}
	if (verdict == ENO_OK && tcpcrypt_handshakes_full(net)) {
		tcpcrypt_count(net, TCPCRYPT_MIB_FALLBACKBUSY);
		a->busy = true;
		return false;
	}
	if (verdict == ENO_OK)
		verdict = answer_option(sk, syn_owner(skb), a);
	if (verdict != ENO_OK) {
		tcpcrypt_count(net, tcpcrypt_fallback_mib(verdict));
		return false;
	}
	a->task = current;
	a->sport = th->source;
	a->isn = ntohl(th->seq);
	return true;
}

/* Will the SYN be answered by a SYN cookie, which has no room for ENO? */
static bool cookies_only(const struct sock *sk)
{
	return READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_syncookies) == 2 ||
	       inet_csk_reqsk_queue_is_full(sk);
}

/**
 * tcpcrypt_conn_request() - icsk_af_ops->conn_request of attached listeners
 * @sk:  the listener
 * @skb: a SYN segment
 *
 * Context: softirq, the listener not locked.
 * Return: as the base function's; negative: the peer gets a RST.
 */
int tcpcrypt_conn_request(struct sock *sk, struct sk_buff *skb)
{
	const struct inet_connection_sock_af_ops *af = tcpcrypt_af_base(sk);
	struct eno_answering a = {};
	int ret;

	if (!answer(sk, skb, &a)) {
		if (tcpcrypt_listener_enabled(sk) != TCP_ENO_REQUIRED)
			return af->conn_request(sk, skb);
		if (a.busy)
			return 0;	/* the SYN comes again */
		tcpcrypt_abort_report(sk, TCPCRYPT_ABORT_REQUIRED);
		return -1;	/* RST */
	}
	/* no cookie where plaintext is none: the SYN comes again */
	if (cookies_only(sk) &&
	    tcpcrypt_listener_enabled(sk) == TCP_ENO_REQUIRED) {
		tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_FALLBACKNOREQUEST);
		return 0;
	}
	local_bh_disable();
	this_cpu_write(answering, &a);
	ret = af->conn_request(sk, skb);
	this_cpu_write(answering, NULL);
	local_bh_enable();
	if (!a.taken)
		tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_FALLBACKNOREQUEST);
	return ret;
}

/* The options of a request: kept, or just coming down from conn_request(). */
static const struct eno_saved *request_options(struct request_sock *req,
					       struct sk_buff *skb,
					       unsigned int net)
{
	struct eno_answering *a = this_cpu_read(answering);
	const struct eno_saved *es = eno_saved(READ_ONCE(req->saved_syn));

	if (es || !a)
		return es;
	if (a->task != current || a->sport != inet_rsk(req)->ir_rmt_port ||
	    a->isn != tcp_rsk(req)->rcv_isn)
		return NULL;
	/* the nonce is not cut: fresh key exchange instead */
	tcpcrypt_blank_cookie((struct tcphdr *)(skb->data + net));
	if (a->synack.len > tcpcrypt_option_room(skb, net) && !a->raw)
		eno_drop_data(&a->synack);
	a->taken = true;
	es = save(req, a);
	if (!es)
		tcpcrypt_count(sock_net(req->rsk_listener),
			       TCPCRYPT_MIB_FALLBACKNOMEMORY);
	return es;
}

static void fix_length(struct sk_buff *skb, u8 pf)
{
	if (pf == NFPROTO_IPV4) {
		ip_hdr(skb)->tot_len = htons(skb->len);
		ip_send_check(ip_hdr(skb));
	} else {
		ipv6_hdr(skb)->payload_len =
			htons(skb->len - sizeof(struct ipv6hdr));
	}
}

/* Section 4.6: no more ENO. Nor is a plain connection what some want. */
static unsigned int answer_plain(const struct request_sock *req)
{
	return tcpcrypt_listener_enabled(req->rsk_listener) ==
	       TCP_ENO_REQUIRED ? NF_DROP : NF_ACCEPT;
}

static unsigned int local_out(void *priv, struct sk_buff *skb,
			      const struct nf_hook_state *state)
{
	unsigned int net = skb_network_header_len(skb);
	unsigned int len = skb->len;
	const struct eno_saved *es;
	struct request_sock *req;

	/* SYN-cookie answers have no skb->sk: they carry no ENO */
	if (!skb->sk || skb->sk->sk_state != TCP_NEW_SYN_RECV)
		return NF_ACCEPT;
	req = inet_reqsk(skb->sk);
	if (req->rsk_ops->family != state->pf || !req->rsk_listener ||
	    !tcpcrypt_af_is_ours(READ_ONCE(inet_csk(req->rsk_listener)->icsk_af_ops)))
		return NF_ACCEPT;
	if (!tcp_hdr(skb)->syn || tcpcrypt_has_auth_option(tcp_hdr(skb)))
		return NF_ACCEPT;
	es = request_options(req, skb, net);
	if (!es)
		return NF_ACCEPT;
	if (READ_ONCE(es->fate) == ENO_OFF)
		return answer_plain(req);
	tcpcrypt_opening(state->net);
	tcpcrypt_blank_cookie(tcp_hdr(skb));
	if (tcpcrypt_insert_option(skb, net, es->synack.data, es->synack.len,
				   true) < 0) {
		tcpcrypt_count(state->net, TCPCRYPT_MIB_FALLBACKNOROOM);
		return NF_ACCEPT;
	}
	if (skb->len != len)
		fix_length(skb, state->pf);
	tcpcrypt_count(state->net, TCPCRYPT_MIB_ENOSYNACKSENT);
	return NF_ACCEPT;
}

static const struct nf_hook_ops hooks[] = {
	{
		.hook		= local_out,
		.pf		= NFPROTO_IPV4,
		.hooknum	= NF_INET_LOCAL_OUT,
		.priority	= NF_IP_PRI_FIRST,
	},
	{
		.hook		= local_out,
		.pf		= NFPROTO_IPV6,
		.hooknum	= NF_INET_LOCAL_OUT,
		.priority	= NF_IP6_PRI_FIRST,
	},
};

/**
 * tcpcrypt_passive_init() - make a namespace's SYN-ACKs pass by us
 * @net: the namespace
 *
 * Return: 0 or a negative errno.
 */
int tcpcrypt_passive_init(struct net *net)
{
	if (!saved_cookie)
		saved_cookie = get_random_u64() | 1;
	return nf_register_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}

/**
 * tcpcrypt_passive_exit() - undo tcpcrypt_passive_init()
 * @net: the namespace
 */
void tcpcrypt_passive_exit(struct net *net)
{
	nf_unregister_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}

/* Return: whether nothing had been decided before. */
static bool decide(struct eno_saved *es, enum eno_fate fate)
{
	return cmpxchg(&es->fate, ENO_UNDECIDED, fate) == ENO_UNDECIDED;
}

/*
 * Section 4.6: the first ACK segment without ENO disables encryption, with it
 * encryption MUST be enabled. Return: whether it is.
 */
static bool hear_ack(const struct net *net, struct eno_saved *es,
		     const struct tcphdr *th)
{
	bool eno = !th->syn && eno_present((const u8 *)(th + 1),
					   __tcp_hdrlen(th) - sizeof(*th));

	if (decide(es, eno ? ENO_ON : ENO_OFF) && !eno)
		tcpcrypt_count(net, TCPCRYPT_MIB_FALLBACKNOACK);
	return READ_ONCE(es->fate) == ENO_ON;
}

static enum eno_verdict judge_syn(const struct request_sock *req,
				  const struct eno_option *synack,
				  const struct eno_option *syn)
{
	struct tcpcrypt_opts opts;
	struct eno_config cfg;
	struct eno_result res;

	tcpcrypt_listener_opts(req->rsk_listener, &opts);
	rcu_read_lock();
	tcpcrypt_config_sent(&cfg, &opts, synack, true);
	eno_negotiate(&cfg, synack, syn, &res);
	rcu_read_unlock();
	return res.verdict;
}

/*
 * Section 4.6: a repeated SYN MUST NOT alter its option. One that would not
 * have been answered disables ENO, whatever came before. One that would is let
 * be: the transcript has the first.
 */
static void hear_syn(const struct request_sock *req, struct eno_saved *es,
		     const struct tcphdr *th)
{
	enum eno_verdict verdict;
	struct eno_option syn;

	verdict = eno_find((const u8 *)(th + 1),
			   __tcp_hdrlen(th) - sizeof(*th), &syn);
	if (verdict == ENO_OK)
		verdict = judge_syn(req, &es->synack, &syn);
	if (verdict != ENO_OK && decide(es, ENO_OFF))
		tcpcrypt_count(sock_net(req->rsk_listener),
			       tcpcrypt_fallback_mib(verdict));
}

/**
 * tcpcrypt_request_undecided() - does a request's next segment count?
 * @req: a request
 *
 * Context: softirq, RCU read side.
 * Return: whether ENO is in use on it and no first ACK was heard.
 */
bool tcpcrypt_request_undecided(const struct request_sock *req)
{
	const struct eno_saved *es = eno_saved(READ_ONCE(req->saved_syn));

	return es && READ_ONCE(es->fate) == ENO_UNDECIDED;
}

/**
 * tcpcrypt_request_encrypts() - has a request's first ACK enabled encryption?
 * @req: a request
 *
 * Context: softirq, RCU read side.
 * Return: whether it has.
 */
bool tcpcrypt_request_encrypts(const struct request_sock *req)
{
	const struct eno_saved *es = eno_saved(READ_ONCE(req->saved_syn));

	return es && READ_ONCE(es->fate) == ENO_ON;
}

/**
 * tcpcrypt_request_hear() - a segment that tcp_check_req() is going to take
 * @req: the request
 * @th:  its header with all options: the SYN once more, or an ACK
 *
 * Context: softirq, RCU read side.
 */
void tcpcrypt_request_hear(struct request_sock *req, const struct tcphdr *th)
{
	struct eno_saved *es = eno_saved(READ_ONCE(req->saved_syn));

	if (!es || !req->rsk_listener)
		return;
	if (th->ack)
		hear_ack(sock_net(req->rsk_listener), es, th);
	else
		hear_syn(req, es, th);
}

static enum eno_verdict negotiate(struct tcpcrypt_ctx *ctx,
				  const struct eno_option *syn)
{
	enum eno_verdict verdict;
	struct eno_config cfg;

	rcu_read_lock();
	tcpcrypt_config_sent(&cfg, &ctx->opts, &ctx->sent, true);
	eno_negotiate(&cfg, &ctx->sent, syn, &ctx->neg);
	verdict = ctx->neg.verdict;
	if (verdict == ENO_OK && !tcpcrypt_ctx_negotiated(ctx))
		verdict = ENO_NO_TEP;
	rcu_read_unlock();
	return verdict;
}

/*
 * Section 4.6: the first ACK segment without ENO disables encryption, with
 * it encryption MUST be enabled. A TEP that is gone since the SYN-ACK is
 * none to fall back from.
 */
static void attach_child(struct sock *child, struct tcpcrypt_ctx *ctx,
			 u32 owner, const struct eno_option *syn,
			 const struct eno_option *synack)
{
	enum eno_verdict verdict;
	int err = 0;

	ctx->sent = *synack;
	verdict = negotiate(ctx, syn);
	ctx->isn = tcp_sk(child)->snd_una;
	ctx->irs = tcp_sk(child)->rcv_nxt;
	tcpcrypt_ctx_attach(child, ctx);
	if (verdict == ENO_OK && !ctx->tep) {
		tcpcrypt_count(sock_net(child), TCPCRYPT_MIB_ENORAW);
		tcpcrypt_set_state(ctx, TCPCRYPT_PLAIN);
		return;
	}
	tcpcrypt_ctx_encrypt(child, ctx);
	tcpcrypt_handshake_begins(child, ctx);
	tcpcrypt_count(sock_net(child), TCPCRYPT_MIB_ENOPASSIVE);
	if (verdict != ENO_OK)
		err = -EIO;
	else
		err = tcpcrypt_resume_claim(child, ctx, owner);
	if (err)
		tcpcrypt_fail(ctx, -err);
}

/*
 * Encryption is required, and the ACK says that there will be none. The peer
 * believes that it is connected: it gets a RST for whatever it sends, until
 * the request has timed out. Only the first one is an abort.
 */
static void refuse(const struct sock *sk, struct sk_buff *skb,
		   struct request_sock *req, struct eno_saved *es,
		   enum tcpcrypt_abort why)
{
	/* Fast Open: the child is for later */
	if (tcp_hdr(skb)->syn)
		return;
	if (!es || !xchg(&es->refused, 1))
		tcpcrypt_abort_report(sk, why);
	/* else the stack does it */
	if (!READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_abort_on_overflow))
		req->rsk_ops->send_reset(sk, TCPCRYPT_RST_ARG(skb));
}

/* Nobody has accepted the child: it is charged to its listener. */
static struct tcpcrypt_ctx *new_ctx(const struct sock *sk)
{
	struct mem_cgroup *memcg = tcpcrypt_account(sk);
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx_new(TCPCRYPT_ATOMIC);

	tcpcrypt_account_end(memcg);
	if (ctx)
		tcpcrypt_listener_opts(sk, &ctx->opts);
	else
		tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_FALLBACKNOMEMORY);
	return ctx;
}

/* The child was copied from a listener that has our table. */
static void restore_child(struct sock *child)
{
	struct inet_connection_sock *icsk = inet_csk(child);

	if (tcpcrypt_af_is_ours(icsk->icsk_af_ops))
		WRITE_ONCE(icsk->icsk_af_ops, tcpcrypt_af_base(child));
}

/*
 * tcpcrypt_syn_recv_sock() - icsk_af_ops->syn_recv_sock of attached listeners
 * @sk:  the listener
 * @skb: the ACK that completes the three-way handshake; with
 *       TCP_DEFER_ACCEPT the first data segment
 * @req: the request
 * @dst: its route
 * @req_unhash: request to remove
 * @own_req: set by the base function
 *
 * Context: softirq. The child that is returned is locked.
 * Return: the child, or NULL.
 */
struct sock *tcpcrypt_syn_recv_sock(const struct sock *sk, struct sk_buff *skb,
				    struct request_sock *req,
				    struct dst_entry *dst,
				    struct request_sock *req_unhash,
				    TCPCRYPT_OCI_DECL(bool *own_req))
{
	const struct inet_connection_sock_af_ops *af = tcpcrypt_af_base(sk);
	const struct tcphdr *th = tcp_hdr(skb);
	struct eno_saved *es = eno_saved(req->saved_syn);
	struct eno_option syn, synack;
	struct tcpcrypt_ctx *ctx = NULL;
	struct sock *child;
	u32 owner = req_owner(req);
	bool encrypt;

	/* as a rule the LOCAL_IN hook has heard this segment already */
	encrypt = es && hear_ack(sock_net(sk), es, th);
	if (!encrypt && tcpcrypt_listener_enabled(sk) == TCP_ENO_REQUIRED) {
		refuse(sk, skb, req, es, TCPCRYPT_ABORT_REQUIRED);
		return NULL;
	}
	/* too late to be left alone: the peer will encrypt */
	if (encrypt && !tcpcrypt_is_stock(sk)) {
		refuse(sk, skb, req, es, TCPCRYPT_ABORT_FOREIGN);
		return NULL;
	}
	/* The ACK comes again; a child without a ctx could not encrypt. */
	if (encrypt) {
		ctx = new_ctx(sk);
		if (!ctx)
			return NULL;
	}
	child = af->syn_recv_sock(sk, skb, req, dst, req_unhash,
				  TCPCRYPT_OCI_ARG(own_req));
	if (child)
		restore_child(child);
	if (!child || !*own_req || !take_saved(child, &syn, &synack)) {
		if (ctx)
			tcpcrypt_ctx_put(ctx);
		return child;
	}
	if (ctx)
		attach_child(child, ctx, owner, &syn, &synack);
	return child;
}
