// SPDX-License-Identifier: GPL-2.0
/*
 * Simultaneous open (RFC 8547, sections 4.3 and 4.6). The peer's SYN, and what
 * acknowledges ours, reach no hook of ours inside TCP. The LOCAL_IN hook hears
 * them before, without the socket's lock: a thread may own it, and then they
 * wait in the backlog. So what they say is noted, by sequence number, and
 * judged when TCP has taken them: when it sends the SYN-ACK, and when it gets
 * to TCP_ESTABLISHED.
 */

#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "../sock/sock.h"
#include "config.h"
#include "hook.h"

/* Would TCP take it, once it has taken the SYN that was heard? */
static bool is_acceptable(const struct tcp_sock *tp, const struct tcphdr *th,
			  const struct eno_crossed *c)
{
	u32 seq = ntohl(th->seq), next = c->seq + 1;

	if (ntohl(th->ack_seq) != READ_ONCE(tp->snd_nxt))
		return false;
	if (th->syn)
		return seq == c->seq;
	return !before(seq, next) && before(seq, next + READ_ONCE(tp->rcv_wnd));
}

/**
 * tcpcrypt_crossed_concerns() - may a segment belong to a simultaneous open?
 * @ctx: the context of a socket in TCP_SYN_SENT or TCP_SYN_RECV
 * @th:  the segment's header
 *
 * The SYN-ACK of an ordinary open does not.
 *
 * Context: RCU read side.
 * Return: whether tcpcrypt_crossed_hear() is to be called.
 */
bool tcpcrypt_crossed_concerns(const struct tcpcrypt_ctx *ctx,
			       const struct tcphdr *th)
{
	if (th->rst || READ_ONCE(ctx->state) != TCPCRYPT_SYN_SENT)
		return false;
	return th->ack ? READ_ONCE(ctx->crossed.heard) : th->syn;
}

/**
 * tcpcrypt_crossed_hear() - note what a segment of a simultaneous open says
 * @sk:  the socket, in TCP_SYN_SENT or TCP_SYN_RECV
 * @ctx: its context
 * @th:  the segment's header with all options; its checksum is right
 *
 * Context: softirq, RCU read side; the socket's lock is not held.
 */
void tcpcrypt_crossed_hear(const struct sock *sk, struct tcpcrypt_ctx *ctx,
			   const struct tcphdr *th)
{
	unsigned int len = __tcp_hdrlen(th) - sizeof(*th);
	const struct tcp_sock *tp = tcp_sk(sk);
	const u8 *opts = (const u8 *)(th + 1);
	struct eno_crossed *c = &ctx->crossed;
	u32 seq = ntohl(th->seq);

	/* its first ACK must find us listening: see local_in.c */
	tcpcrypt_opening(sock_net(sk));
	spin_lock_bh(&ctx->crossed_lock);
	if (!th->ack) {
		/* TCP took one already: it is that again, or none of ours */
		if (inet_sk_state_load(sk) == TCP_SYN_SENT ||
		    seq + 1 == READ_ONCE(tp->rcv_nxt))
			eno_crossed_syn(c, false, seq, opts, len);
	} else if (is_acceptable(tp, th, c)) {
		if (th->syn)
			eno_crossed_syn(c, true, seq, opts, len);
		else
			eno_crossed_ack(c, opts, len);
	}
	spin_unlock_bh(&ctx->crossed_lock);
}

/**
 * tcpcrypt_crossed_judge() - what has a simultaneous open come to so far?
 * @sk:  the socket, in TCP_SYN_RECV
 * @ctx: its context
 * @res: the outcome, as eno_negotiate()'s
 *
 * Context: the socket's lock, and RCU read side as long as @res is used.
 * Return: whether the peer has acknowledged our SYN.
 */
bool tcpcrypt_crossed_judge(const struct sock *sk, struct tcpcrypt_ctx *ctx,
			    struct eno_result *res)
{
	struct eno_config cfg;
	bool acked;

	tcpcrypt_config_sent(&cfg, &ctx->opts, &ctx->sent, false);
	tcpcrypt_resume_expect(ctx, &cfg);
	spin_lock_bh(&ctx->crossed_lock);
	eno_crossed_judge(&cfg, &ctx->crossed, tcp_sk(sk)->rcv_nxt - 1,
			  &ctx->sent, res);
	acked = ctx->crossed.acked;
	spin_unlock_bh(&ctx->crossed_lock);
	return acked;
}

/**
 * tcpcrypt_crossed_reset() - a socket begins to connect
 * @ctx: its context
 *
 * Context: the socket's lock; preemption may be off.
 */
void tcpcrypt_crossed_reset(struct tcpcrypt_ctx *ctx)
{
	spin_lock_bh(&ctx->crossed_lock);
	memset(&ctx->crossed, 0, sizeof(ctx->crossed));
	spin_unlock_bh(&ctx->crossed_lock);
}
