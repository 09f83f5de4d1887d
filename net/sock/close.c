// SPDX-License-Identifier: GPL-2.0
/*
 * shutdown(), close(), disconnect().
 *
 * Plain TCP ends without data bytes; here the last frame, FINp, is data.
 * So the shutdown bits that an application asked for live in the ctx: the
 * socket gets SEND_SHUTDOWN when FINp is in the write queue, not before (it
 * could not leave), and RCV_SHUTDOWN when the peer's FINp was received (TCP
 * would answer it by RST).
 *
 * A socket that is closed before the peer's FINp is there, or before all of
 * its own data is in TCP's write queue, outlives its descriptor: it is parked
 * on a struct socket of the module's own, without SOCK_DEAD, and
 * work_fn() closes it for real once FINp has come (TIME_WAIT as with
 * plain TCP), application data comes (RST, as TCP does), or time is up.
 */

#include <linux/net.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "../hook/hook.h"
#include "sock.h"

/* Parked sockets at once, on the whole machine; more are reset. */
#define CLOSERS_MAX	16384

static struct socket *park;
static atomic_t closers;

/**
 * tcpcrypt_close_init() - make the socket on which closed connections park
 *
 * Return: 0 or a negative errno.
 */
int tcpcrypt_close_init(void)
{
	int err = sock_create_lite(AF_INET, SOCK_STREAM, IPPROTO_TCP, &park);

	if (!err)
		set_bit(SOCK_NOSPACE, &park->flags);
	return err;
}

/** tcpcrypt_close_exit() - undo tcpcrypt_close_init() */
void tcpcrypt_close_exit(void)
{
	sock_release(park);
}

static bool is_live(const struct sock *sk, const struct tcpcrypt_ctx *ctx)
{
	return (ctx->state == TCPCRYPT_KEYING ||
		ctx->state == TCPCRYPT_OPEN) && sk->sk_state != TCP_CLOSE;
}

/*
 * After SHUT_RD alone, what comes can still be read, as with TCP. What has
 * come before both were called can be, too.
 */
static void refuse_data(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	if (!ctx->shut_rd || !ctx->shut_wr || ctx->rx.refuse)
		return;
	if (tcpcrypt_urgent_look(sk, ctx) == -ENOMEM)
		return;
	ctx->rx.refuse = true;
}

/**
 * tcpcrypt_shutdown() - sk_prot->shutdown of attached sockets
 * @sk:  the socket
 * @how: RCV_SHUTDOWN, SEND_SHUTDOWN or both; in sk_shutdown already
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_shutdown(struct sock *sk, int how)
{
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx(sk);
	int err;

	if (!ctx || !is_live(sk, ctx)) {
		tcpcrypt_prot_base(sk)->shutdown(sk, how);
		return;
	}
	if (how & RCV_SHUTDOWN) {
		WRITE_ONCE(ctx->shut_rd, true);
		if (!ctx->rx.fin)
			WRITE_ONCE(sk->sk_shutdown,
				   sk->sk_shutdown & ~RCV_SHUTDOWN);
	}
	if (!(how & SEND_SHUTDOWN)) {
		refuse_data(sk, ctx);
		return;
	}
	WRITE_ONCE(ctx->shut_wr, true);
	refuse_data(sk, ctx);
	if (!ctx->tx.done)
		WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown & ~SEND_SHUTDOWN);
	err = tcpcrypt_tx_finish(sk, ctx);
	if (err)
		tcpcrypt_fail(ctx, -err);
}

/**
 * tcpcrypt_disconnect() - sk_prot->disconnect of attached sockets
 * @sk:    the socket
 * @flags: as in the base function
 *
 * Context: the socket's lock, owned.
 * Return: as the base function's.
 */
int tcpcrypt_disconnect(struct sock *sk, int flags)
{
	int err = tcpcrypt_prot_base(sk)->disconnect(sk, flags);
	/* the probe on the way to TCP_CLOSE may have detached it */
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx(sk);

	if (err || !ctx)
		return err;
	if (inet_csk(sk)->icsk_ulp_ops == &tcpcrypt_ulp_user)
		tcpcrypt_ctx_reset(sk, ctx);
	else
		tcpcrypt_ctx_detach(sk);
	return 0;
}

/* tcp_close() will send a RST. */
static void reset_on_close(struct sock *sk)
{
	sk->sk_lingertime = 0;
	sock_set_flag(sk, SOCK_LINGER);
}

/*
 * Decrypts all whole frames. Return: whether application data is unread; an
 * error fails the connection.
 */
static bool drain_unread(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	int err = 0;

	if (ctx->state != TCPCRYPT_OPEN)
		return false;
	while (!err && ctx->rx.complete && !ctx->rx.plain_bytes)
		err = tcpcrypt_rx_decrypt(sk, ctx);
	if (err == -ENOMEM && ctx->rx.inq) {
		reset_on_close(sk);
		return true;
	}
	return ctx->rx.plain_bytes;
}

/*
 * Both FINp are through, and TCP's FIN: one that met the socket on its way
 * into TIME_WAIT would be dropped and cost the peer a retransmission.
 */
static bool is_closable(const struct sock *sk, const struct tcpcrypt_ctx *ctx)
{
	if (!is_live(sk, ctx))
		return true;
	return ctx->tx.done && ctx->rx.fin &&
	       !((1 << sk->sk_state) & (TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2));
}

/* tcp_fin_timeout is for a peer that does not end, not for one that is slow */
static int patience(const struct sock *sk, const struct tcpcrypt_ctx *ctx)
{
	int fin = tcp_fin_time(sk);

	return ctx->tx.done ? fin : max_t(int, fin, TCP_FIN_TIMEOUT);
}

/* Is there nothing to do until something arrives, or time is up? */
static bool is_settled(const struct tcpcrypt_ctx *ctx)
{
	return ctx->state == TCPCRYPT_OPEN && ctx->tx.done &&
	       !ctx->rx.complete && !ctx->rx.broken &&
	       (ctx->rx.fin || !ctx->rx.tcp_fin);
}

/*
 * The descriptor goes, the connection stays. What sock_orphan() does, but
 * for SOCK_DEAD: TCP would answer the peer's FINp by RST.
 */
static void park_socket(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	write_lock_bh(&sk->sk_callback_lock);
	sk_set_socket(sk, park);
	rcu_assign_pointer(sk->sk_wq, &park->wq);
	write_unlock_bh(&sk->sk_callback_lock);
	ctx->closing = true;
	ctx->close_una = tcp_sk(sk)->snd_una;
	tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_CLOSEPARKED);
	tcpcrypt_arm(ctx, patience(sk, ctx));
	if (!is_settled(ctx))
		tcpcrypt_kick(ctx);
}

/* SO_LINGER: wait until the peer has acknowledged everything. */
static void linger(struct sock *sk, struct tcpcrypt_ctx *ctx, long *timeout)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);

	add_wait_queue(sk_sleep(sk), &wait);
	while (*timeout && !signal_pending(current) &&
	       tcpcrypt_ctx(sk) == ctx && is_live(sk, ctx) &&
	       (!ctx->tx.done ||
		(1 << sk->sk_state) & (TCPF_FIN_WAIT1 | TCPF_CLOSING |
				       TCPF_LAST_ACK))) {
		long slice = min_t(long, *timeout, HZ / 10 + 1), before = slice;

		/* FINp may be on its way to TCP in work_fn() */
		sk_wait_event(sk, &slice, !is_live(sk, ctx) ||
			      (ctx->tx.done &&
			       !((1 << READ_ONCE(sk->sk_state)) &
				 (TCPF_FIN_WAIT1 | TCPF_CLOSING |
				  TCPF_LAST_ACK))), &wait);
		*timeout -= before - slice;
		tcpcrypt_tx_finish(sk, ctx);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
}

/* Closed before its abort ran: a FIN would not pass queue_xmit. */
static void reset_if_failed(struct sock *sk, const struct tcpcrypt_ctx *ctx)
{
	if (ctx->state == TCPCRYPT_FAILED)
		reset_on_close(sk);
}

/* Return: whether the connection goes on without its descriptor. */
static bool close_encrypted(struct sock *sk, struct tcpcrypt_ctx *ctx,
			    long *timeout)
{
	int err;

	if (!is_live(sk, ctx))
		return false;
	if (drain_unread(sk, ctx)) {
		tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_CLOSEUNREAD);
		tcpcrypt_rx_unread(sk, ctx);
		return false;
	}
	/* tcp_close() resets it */
	if (sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime)
		return false;
	WRITE_ONCE(ctx->shut_wr, true);
	WRITE_ONCE(ctx->shut_rd, true);
	err = tcpcrypt_tx_finish(sk, ctx);
	if (err)
		tcpcrypt_fail(ctx, -err);
	if (*timeout)
		linger(sk, ctx, timeout);
	if (tcpcrypt_ctx(sk) != ctx || is_closable(sk, ctx))
		return false;
	if (atomic_inc_return(&closers) > CLOSERS_MAX ||
	    (!sk->sk_net_refcnt && !ctx->net)) {
		atomic_dec(&closers);
		tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_CLOSELIMIT);
		/* else all is TCP's: the peer's late FINp gets a RST */
		if (!ctx->tx.done)
			reset_on_close(sk);
		return false;
	}
	return true;
}

/**
 * tcpcrypt_close() - sk_prot->close of attached sockets
 * @sk:      the socket
 * @timeout: SO_LINGER, jiffies
 *
 * Context: process.
 */
void tcpcrypt_close(struct sock *sk, long timeout)
{
	struct tcpcrypt_ctx *ctx;
	bool parked = false;

	tcpcrypt_enter();
	lock_sock(sk);
	ctx = tcpcrypt_ctx(sk);
	if (ctx && tcpcrypt_encrypted(ctx)) {
		parked = close_encrypted(sk, ctx, &timeout);
		if (parked)
			park_socket(sk, ctx);
		else if (tcpcrypt_ctx(sk) == ctx)
			reset_if_failed(sk, ctx);
	}
	release_sock(sk);
	if (!parked)
		tcpcrypt_prot_base(sk)->close(sk, timeout);
	tcpcrypt_leave();
}

/* Time is up. Return: whether to wait on. */
static bool wait_on(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	/* all is acknowledged, the peer does not end: as TCP's FIN_WAIT2 */
	if (ctx->tx.done && tp->snd_una == tp->write_seq)
		return false;
	if (tp->snd_una == ctx->close_una)
		return false;
	ctx->close_una = tp->snd_una;
	tcpcrypt_arm(ctx, patience(sk, ctx));
	return true;
}

/**
 * tcpcrypt_closer() - look after a parked socket
 * @sk:      the socket
 * @ctx:     its context
 * @expired: its time is up
 *
 * Context: the socket's lock, owned, from work_fn().
 * Return: whether the caller must now call the base close(), without the
 * lock.
 */
bool tcpcrypt_closer(struct sock *sk, struct tcpcrypt_ctx *ctx, bool expired)
{
	if (ctx->closed)
		return false;
	if (drain_unread(sk, ctx)) {
		/* data for an application that is gone: RST, as TCP does */
		tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_CLOSEUNREAD);
		tcpcrypt_rx_unread(sk, ctx);
	} else if (!is_closable(sk, ctx)) {
		if (!expired || wait_on(sk, ctx))
			return false;
		tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_CLOSETIMEOUT);
		/* what never left is lost: say so to the peer */
		if (!ctx->tx.done)
			reset_on_close(sk);
	}
	reset_if_failed(sk, ctx);
	ctx->closed = true;
	atomic_dec(&closers);
	return true;
}
