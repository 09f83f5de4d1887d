// SPDX-License-Identifier: GPL-2.0
/*
 * ENO at the active opener (RFC 8547): the option in the SYN, the peer's in
 * the SYN-ACK, the bare ones on the first segments after it. In a simultaneous
 * open the option is in our SYN-ACK too.
 */

#include <linux/netdevice.h>
#include <net/dst.h>
#include <net/ipv6.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "../sock/sock.h"
#include "config.h"
#include "hook.h"

/* SYNs with ENO before the path is suspected (RFC 8547, section 4.6: MAY) */
#define SYN_TRIES	3

static const u8 eno_bare[] = { ENO_KIND, ENO_OPT_MIN };

static void eno_disable(struct sock *sk, struct tcpcrypt_ctx *ctx,
			enum tcpcrypt_mib why)
{
	ctx->eno_off = true;
	tcpcrypt_count(sock_net(sk), why);
}

static void build_syn(struct sock *sk, struct tcpcrypt_ctx *ctx,
		      const struct sk_buff *skb)
{
	unsigned int room = tcpcrypt_option_room(skb, 0);
	struct eno_config cfg;

	rcu_read_lock();
	tcpcrypt_config(&cfg, sock_net(sk), &ctx->opts, false);
	if (tcpcrypt_resume_propose(sk, ctx, &cfg)) {
		eno_build(&cfg, room, &ctx->sent);
		if (ctx->sent.len <= room)
			goto out;
		tcpcrypt_resume_return(sk, ctx);
		cfg.data_len = 0;
	}
	eno_build(&cfg, room, &ctx->sent);
out:
	rcu_read_unlock();
}

/*
 * Section 4.6: a SYN-form option MUST NOT change between retransmissions,
 * but the active opener MAY drop it for good.
 */
static void syn_option(struct sock *sk, struct tcpcrypt_ctx *ctx,
		       struct sk_buff *skb)
{
	const struct dst_entry *dst = __sk_dst_get(sk);
	const struct tcphdr *th = tcp_hdr(skb);
	struct net *net = sock_net(sk);

	/* section 4.7: no data in a SYN segment with ENO */
	if (skb->len > tcp_hdrlen(skb))
		return eno_disable(sk, ctx, TCPCRYPT_MIB_FALLBACKSYNDATA);
	if (tcpcrypt_has_auth_option(th))
		return eno_disable(sk, ctx, TCPCRYPT_MIB_FALLBACKAUTHOPTION);
	if (dst && dst->dev->flags & IFF_LOOPBACK &&
	    READ_ONCE(tcpcrypt_net(net)->skip_loopback) &&
	    ctx->opts.enabled < TCP_ENO_ON)
		return eno_disable(sk, ctx, TCPCRYPT_MIB_FALLBACKLOOPBACK);
	if (inet_csk(sk)->icsk_retransmits >= SYN_TRIES &&
	    !tcpcrypt_required(ctx)) {
		ctx->eno_lost = true;
		return eno_disable(sk, ctx, TCPCRYPT_MIB_FALLBACKRETRIES);
	}
	if (!ctx->sent.len)
		build_syn(sk, ctx, skb);
	if (tcpcrypt_insert_option(skb, 0, ctx->sent.data, ctx->sent.len,
				   true) < 0)
		return eno_disable(sk, ctx, TCPCRYPT_MIB_FALLBACKNOROOM);
	tcpcrypt_count(net, TCPCRYPT_MIB_ENOSYNSENT);
}

/*
 * While connect() went on, TCP_REPAIR or a TCP-MD5 key was set, or a kernel
 * user (KCM) has taken the socket: it is left alone.
 */
static bool is_foreign_now(const struct sock *sk)
{
	if (!tcpcrypt_ineligible(sk) && tcpcrypt_is_stock(sk))
		return false;
	tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_FALLBACKFOREIGN);
	return true;
}

/*
 * Simultaneous open, section 4.6: has the peer disabled ENO? Return: whether
 * an option goes on our segment.
 */
static bool hear_crossed(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct eno_result res;

	rcu_read_lock();
	tcpcrypt_crossed_judge(sk, ctx, &res);
	rcu_read_unlock();
	if (is_foreign_now(sk))
		ctx->eno_off = true;
	else if (!ctx->sent.len || !ctx->crossed.heard)
		eno_disable(sk, ctx, TCPCRYPT_MIB_FALLBACKSIMULTANEOUS);
	else if (res.verdict != ENO_OK)
		eno_disable(sk, ctx, tcpcrypt_fallback_mib(res.verdict));
	return !ctx->eno_off;
}

/* The SYN-ACK of a simultaneous open has the option of our SYN. */
static void synack_option(struct sock *sk, struct tcpcrypt_ctx *ctx,
			  struct sk_buff *skb)
{
	if (!hear_crossed(sk, ctx))
		return;
	if (tcpcrypt_has_auth_option(tcp_hdr(skb)))
		return eno_disable(sk, ctx, TCPCRYPT_MIB_FALLBACKAUTHOPTION);
	if (tcpcrypt_insert_option(skb, 0, ctx->sent.data, ctx->sent.len,
				   true) < 0)
		return eno_disable(sk, ctx, TCPCRYPT_MIB_FALLBACKNOROOM);
	tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_ENOSYNACKSENT);
}

/*
 * Return: false if the segment must not leave: without the option it would
 * disable ENO at the peer alone. It is full only of SACK blocks, which answer
 * a non-SYN segment.
 */
static bool bare_option(struct sk_buff *skb)
{
	if (tcpcrypt_has_auth_option(tcp_hdr(skb)))
		return true;
	return tcpcrypt_insert_option(skb, 0, eno_bare, sizeof(eno_bare),
				      false) != -ENOMEM;
}

/* A segment that leaves before ENO is decided; or not: false. */
static bool opening_option(struct sock *sk, struct tcpcrypt_ctx *ctx,
			   struct sk_buff *skb)
{
	const struct tcphdr *th = tcp_hdr(skb);

	if (th->syn && th->ack)
		synack_option(sk, ctx, skb);
	else if (th->syn)
		syn_option(sk, ctx, skb);
	else if (sk->sk_state == TCP_SYN_RECV && !th->rst &&
		 hear_crossed(sk, ctx))
		return bare_option(skb);
	return true;
}

/*
 * Section 4.6: an ENO option in every segment until a non-SYN segment was
 * received. Host B is past its SYN-ACK when it acknowledges or sends data.
 */
static bool ack_option(struct sock *sk, struct tcpcrypt_ctx *ctx,
		       struct sk_buff *skb)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	if (tp->snd_una != ctx->isn || tp->rcv_nxt != ctx->irs) {
		ctx->eno_ack = false;
		return true;
	}
	return bare_option(skb);
}

/*
 * Backstop: once ENO has succeeded, payload that tx.c did not hand to TCP is
 * plaintext of a thread that was inside the stack's own sendmsg() while
 * connect() attached the socket. It never leaves.
 */
static bool is_foreign(const struct tcpcrypt_ctx *ctx, u32 end)
{
	return after(end, ctx->tx.seq);
}

/* Payload on an encrypted connection. Return: whether it may leave. */
static bool check_payload(struct sock *sk, struct tcpcrypt_ctx *ctx,
			  const struct sk_buff *skb, u32 len)
{
	u32 end = ntohl(tcp_hdr(skb)->seq) + len;

	if (is_foreign(ctx, end)) {
		tcpcrypt_fail(ctx, EPERM);
		return false;
	}
	tcpcrypt_tx_leaves(sk, ctx, end, len);
	return true;
}

/* Plaintext is not an option: see TCP_ENO_REQUIRED. */
static void refuse(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	tcpcrypt_fail(ctx, ECONNABORTED);
}

static int drop(struct sk_buff *skb)
{
	kfree_skb(skb);
	return NET_XMIT_DROP;
}

/**
 * tcpcrypt_queue_xmit() - icsk_af_ops->queue_xmit of attached sockets
 * @sk:  the socket
 * @skb: the segment, data at the TCP header
 * @fl:  its flow
 *
 * Context: the socket's lock.
 * Return: as the base function's.
 */
int tcpcrypt_queue_xmit(struct sock *sk, struct sk_buff *skb, struct flowi *fl)
{
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx(sk);
	u32 len = skb->len - tcp_hdrlen(skb);

	if (!ctx)
		return tcpcrypt_af_base(sk)->queue_xmit(sk, skb, fl);
	if (ctx->state == TCPCRYPT_SYN_SENT) {
		if (!ctx->eno_off && !opening_option(sk, ctx, skb))
			return drop(skb);
		if (tcpcrypt_required(ctx) && ctx->eno_off) {
			refuse(sk, ctx);
			return drop(skb);
		}
	} else if (ctx->state == TCPCRYPT_FAILED && !tcp_hdr(skb)->rst) {
		return drop(skb);
	} else if (len && tcpcrypt_encrypted(ctx)) {
		if (!check_payload(sk, ctx, skb, len))
			return drop(skb);
	}
	if (ctx->eno_ack && !ack_option(sk, ctx, skb))
		return drop(skb);
	return ctx->af->queue_xmit(sk, skb, fl);
}

/* Room for the bare option where no timestamp lends its NOPs. */
static void grow_header(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct inet_connection_sock *icsk = inet_csk(sk);

	if (tcp_sk(sk)->rx_opt.tstamp_ok)
		return;
	icsk->icsk_ext_hdr_len += 4;
	ctx->grown = true;
	icsk->icsk_sync_mss(sk, icsk->icsk_pmtu_cookie);
}

/*
 * Plain TCP from here on. Required mode may not abort in here, the caller
 * goes on using sk: the third ACK is dropped in queue_xmit, work_fn()
 * aborts.
 */
static void fall_back(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	if (tcpcrypt_required(ctx))
		refuse(sk, ctx);
	else
		tcpcrypt_ctx_plain(sk, ctx);
}

static void no_result(struct tcpcrypt_ctx *ctx, enum eno_verdict why)
{
	memset(&ctx->neg, 0, sizeof(ctx->neg));
	ctx->neg.verdict = why;
}

/* The TEP's module may be about to leave. */
static void take_tep(struct tcpcrypt_ctx *ctx)
{
	if (ctx->neg.verdict == ENO_OK && !tcpcrypt_ctx_negotiated(ctx))
		no_result(ctx, ENO_NO_TEP);
}

static enum eno_verdict negotiate(struct tcpcrypt_ctx *ctx,
				  const struct eno_option *heard)
{
	struct eno_config cfg;

	rcu_read_lock();
	tcpcrypt_config_sent(&cfg, &ctx->opts, &ctx->sent, false);
	tcpcrypt_resume_expect(ctx, &cfg);
	eno_negotiate(&cfg, &ctx->sent, heard, &ctx->neg);
	take_tep(ctx);
	rcu_read_unlock();
	return ctx->neg.verdict;
}

/*
 * TCP_ENO_RAW: the TEP is the application's own. The ENO options go on our
 * segments as section 4.6 says; all else is plain TCP.
 */
static void negotiated_raw(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_ENORAW);
	tcpcrypt_set_state(ctx, TCPCRYPT_PLAIN);
}

/* ENO has succeeded. */
static void begin(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	ctx->isn = tcp_sk(sk)->snd_una;
	ctx->irs = tcp_sk(sk)->rcv_nxt;
	ctx->eno_ack = true;
	grow_header(sk, ctx);
	if (!ctx->tep)
		return negotiated_raw(sk, ctx);
	tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_ENOACTIVE);
	tcpcrypt_ctx_encrypt(sk, ctx);
}

static void hear_synack(struct sock *sk, struct tcpcrypt_ctx *ctx,
			const struct tcphdr *th)
{
	struct eno_option heard = {};
	enum eno_verdict verdict;

	verdict = eno_find((const u8 *)(th + 1), __tcp_hdrlen(th) -
			   sizeof(*th), &heard);
	/* an answer to an early SYN may just be late */
	if (ctx->eno_lost && verdict == ENO_NO_OPTION)
		tcpcrypt_broken_note(sk);
	if (ctx->eno_off || !ctx->sent.len ||
	    (verdict == ENO_OK && is_foreign_now(sk)))
		return fall_back(sk, ctx);
	if (verdict == ENO_OK)
		verdict = negotiate(ctx, &heard);
	if (verdict != ENO_OK) {
		tcpcrypt_count(sock_net(sk), tcpcrypt_fallback_mib(verdict));
		return fall_back(sk, ctx);
	}
	begin(sk, ctx);
}

/* shutdown() in TCP_SYN_RECV: TCP's FIN would leave without FINp. */
static void take_shutdown(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	if (!tcpcrypt_encrypted(ctx))
		return;
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		WRITE_ONCE(ctx->shut_rd, true);
	if (sk->sk_shutdown & SEND_SHUTDOWN)
		WRITE_ONCE(ctx->shut_wr, true);
	WRITE_ONCE(sk->sk_shutdown, 0);
}

/**
 * tcpcrypt_crossed_done() - a simultaneous open has come to its end
 * @sk: a socket on its way from TCP_SYN_RECV to TCP_ESTABLISHED
 *
 * Section 4.6: the first segment that acknowledges our SYN decides. Children
 * of listeners pass here too: nothing is left to decide on them.
 *
 * Context: the socket's lock; preemption may be off.
 */
void tcpcrypt_crossed_done(struct sock *sk)
{
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx(sk);
	enum tcpcrypt_mib why;

	if (!ctx || ctx->state != TCPCRYPT_SYN_SENT)
		return;
	if (ctx->eno_off)
		return fall_back(sk, ctx);
	rcu_read_lock();
	if (!tcpcrypt_crossed_judge(sk, ctx, &ctx->neg))
		no_result(ctx, ENO_NO_OPTION);
	take_tep(ctx);
	rcu_read_unlock();
	if (ctx->neg.verdict == ENO_OK) {
		begin(sk, ctx);
		take_shutdown(sk, ctx);
		return;
	}
	why = tcpcrypt_fallback_mib(ctx->neg.verdict);
	if (why == TCPCRYPT_MIB_FALLBACKNOOPTION)
		why = TCPCRYPT_MIB_FALLBACKNOACK;
	tcpcrypt_count(sock_net(sk), why);
	fall_back(sk, ctx);
}

/**
 * tcpcrypt_rx_dst_set() - icsk_af_ops->sk_rx_dst_set of attached sockets
 * @sk:  the socket
 * @skb: the SYN-ACK that completes connect()
 *
 * Runs from tcp_finish_connect(), before the third ACK.
 *
 * Context: the socket's lock, softirq or process.
 */
void tcpcrypt_rx_dst_set(struct sock *sk, const struct sk_buff *skb)
{
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx(sk);
	const struct tcphdr *th = tcp_hdr(skb);

	tcpcrypt_af_base(sk)->sk_rx_dst_set(sk, skb);
	if (!ctx || ctx->state != TCPCRYPT_SYN_SENT)
		return;
	if (th->syn && th->ack)
		hear_synack(sk, ctx, th);
	else
		fall_back(sk, ctx);
}
