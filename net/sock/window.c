// SPDX-License-Identifier: GPL-2.0
/*
 * Receiving: ACKs, window and autotuning. What tcp_cleanup_rbuf() and
 * tcp_rcv_space_adjust() do when the application reads, which is not when
 * TCP's queue is emptied here.
 */

#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "rx.h"
#include "sock.h"

/* The application has read: let autotuning look, at what was read alone. */
static void adjust_space(struct sock *sk, const struct tcpcrypt_rx *rx)
{
	struct tcp_sock *tp = tcp_sk(sk);
	u32 unread = rx->raw_bytes + rx->plain_bytes;

	tp->rcvq_space.seq += unread;
	tcp_read_done(sk, 0);
	/* a look moves it to copied_seq; in either case it is now too far */
	tp->rcvq_space.seq -= unread;
}

/*
 * As __tcp_cleanup_rbuf(): an ACK that was put off need not wait any longer.
 */
static bool ack_due(struct sock *sk)
{
	const struct inet_connection_sock *icsk = inet_csk(sk);
	const struct tcp_sock *tp = tcp_sk(sk);

	if (!inet_csk_ack_scheduled(sk))
		return false;
	if (tp->rcv_nxt - tp->rcv_wup > icsk->icsk_ack.rcv_mss)
		return true;
	return ((icsk->icsk_ack.pending & ICSK_ACK_PUSHED2) ||
		((icsk->icsk_ack.pending & ICSK_ACK_PUSHED) &&
		 !inet_csk_in_pingpong_mode(sk))) &&
	       !atomic_read(&sk->sk_rmem_alloc);
}

/* As __tcp_cleanup_rbuf() and __tcp_select_window(): is it worth an ACK? */
static bool window_opens(const struct sock *sk, const struct tcp_sock *tp)
{
	int now = tcp_receive_window(tp), space, full, mss;

	if (2 * now > tp->window_clamp)
		return false;
	full = min_t(int, tp->window_clamp, tcp_full_space(sk));
	mss = min_t(int, inet_csk(sk)->icsk_ack.rcv_mss, full);
	space = tcp_space(sk);
	if (space < full >> 1 &&
	    (space < tcp_full_space(sk) >> 4 || space < mss))
		return false;
	space = min_t(int, space, tp->rcv_ssthresh);
	return space > 0 && space >= 2 * now;
}

/**
 * tcpcrypt_rx_window() - buffers were emptied: tell the peer
 * @sk:  the socket
 * @ctx: its context
 *
 * As tcp_cleanup_rbuf() for plain TCP. It is not only the application that
 * empties buffers: so do the key agreement, and frames without data.
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_rx_window(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct tcp_sock *tp = tcp_sk(sk);

	if (!((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_FIN_WAIT1 |
				     TCPF_FIN_WAIT2)))
		return;
	if (ack_due(sk) || window_opens(sk, tp))
		__tcp_send_ack(sk, tp->rcv_nxt);
}

/**
 * tcpcrypt_rx_was_read() - the application has read all it wants, or all
 * @sk:  the socket
 * @ctx: its context
 *
 * Buffers were emptied, autotuning may look, and there is room again for what
 * had to wait in TCP's queue.
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_rx_was_read(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	if (ctx->rx.eaten) {
		ctx->rx.eaten = false;
		adjust_space(sk, &ctx->rx);
		tcpcrypt_rx_window(sk, ctx);
	}
	if (!skb_queue_empty(&sk->sk_receive_queue))
		tcpcrypt_rx_pull(sk, ctx);
}
