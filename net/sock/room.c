// SPDX-License-Identifier: GPL-2.0
/*
 * Room in TCP: who waits for it, and how that one hears of it.
 */

#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "tx.h"

/* A cork or MSG_MORE keeps what does not fill a segment. */
static bool is_corked(const struct sock *sk, const struct tcpcrypt_tx *tx)
{
	return tx->more || tcp_sk(sk)->nonagle & TCP_NAGLE_CORK;
}

/* For so long at most: see tcp_probe0_base(). */
static unsigned long patience(const struct sock *sk)
{
	return max_t(unsigned long, inet_csk(sk)->icsk_rto, TCP_RTO_MIN);
}

/**
 * tcpcrypt_tx_overdue() - has a cork held ->tx.open for long enough?
 * @sk: the socket
 * @tx: its sending half
 *
 * Context: the socket's lock.
 * Return: whether it has.
 */
bool tcpcrypt_tx_overdue(const struct sock *sk, const struct tcpcrypt_tx *tx)
{
	return tx->held && is_corked(sk, tx) &&
	       time_after_eq(jiffies, tx->held_until);
}

/**
 * tcpcrypt_tx_wait() - something waits: make sure that it goes on one day
 * @sk:  the socket
 * @ctx: its context
 *
 * Acknowledgments are asked for. When nothing is in flight none will come: then
 * a timer stands behind what a cork holds, as TCP's does behind a partial
 * segment (tcp_check_probe_timer()). What waits for another reason has TCP's
 * unsent data before it; if that is gone, too, there was a shortage of memory
 * or an error that the application has not heard of yet.
 *
 * Context: the socket's lock, softirq or process.
 */
void tcpcrypt_tx_wait(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	struct tcpcrypt_tx *tx = &ctx->tx;

	if (sk->sk_socket)
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	if (tp->packets_out) {
		tx->held = false;
		return;
	}
	if (!((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)))
		return;
	if (tx->open_len && is_corked(sk, tx) && !tx->held) {
		tx->held = true;
		tx->held_until = jiffies + patience(sk);
	}
	if (tx->held && time_before(jiffies, tx->held_until))
		tcpcrypt_later(ctx, tx->held_until - jiffies);
	else if (tp->write_seq == tp->snd_nxt &&
		 (ctx->state == TCPCRYPT_OPEN || tcpcrypt_tx_left(tx)))
		tcpcrypt_retry(ctx);
}

/* Nobody need be called in vain while TCP has no memory: ACKs will come. */
static bool goes_on(const struct sock *sk, const struct tcpcrypt_ctx *ctx)
{
	const struct tcpcrypt_tx *tx = &ctx->tx;

	if (!sk_stream_memory_free(sk))
		return false;
	return tcpcrypt_tx_left(tx) || !tx->open_len ||
	       tcpcrypt_tx_urgent(tx) ||
	       ctx->shut_wr || tcpcrypt_rekey_owes(ctx) ||
	       tcpcrypt_tx_overdue(sk, tx) ||
	       tcpcrypt_tx_ready(sk, tx, TCPCRYPT_PUSH_NOW);
}

/**
 * tcpcrypt_tx_acked() - TCP has heard of the peer
 * @sk:  the socket
 * @ctx: its context
 *
 * From sk_write_space. With the acknowledgment ends what MSG_MORE has asked
 * for, see tcp_data_snd_check().
 *
 * Context: the socket's lock, softirq or process.
 */
void tcpcrypt_tx_acked(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct tcpcrypt_tx *tx = &ctx->tx;

	tx->more = false;
	if (!tcpcrypt_tx_waiting(ctx) || tx->pumping)
		return;
	if (goes_on(sk, ctx))
		tcpcrypt_kick(ctx);
	else
		tcpcrypt_tx_wait(sk, ctx);
}

/**
 * tcpcrypt_tx_leaves() - a segment with payload leaves
 * @sk:  the socket
 * @ctx: its context
 * @end: sequence number after its last byte
 * @len: its payload, bytes
 *
 * From queue_xmit. When TCP runs dry, what waited behind that goes on.
 *
 * Context: the socket's lock, softirq or process.
 */
void tcpcrypt_tx_leaves(struct sock *sk, struct tcpcrypt_ctx *ctx, u32 end,
			u32 len)
{
	const struct tcpcrypt_tx *tx = &ctx->tx;

	if (unlikely(tx->open_len) && end == tx->seq && !tx->pumping &&
	    ctx->state == TCPCRYPT_OPEN && tcpcrypt_tx_resumes(sk, tx, len))
		tcpcrypt_kick(ctx);
}

/*
 * TCP_NOTSENT_LOWAT, as tcp_stream_memory_free() has it for poll(): the open
 * frame is unsent, too. It never leaves but by a segment whose acknowledgment
 * calls tcpcrypt_tx_tell().
 */
static bool below_lowat(const struct sock *sk, const struct tcpcrypt_ctx *ctx)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	u32 unsent = READ_ONCE(tp->write_seq) - READ_ONCE(tp->snd_nxt);

	unsent += READ_ONCE(ctx->tx.open_len);
	return unsent << 1 < tcp_notsent_lowat(tp);
}

/**
 * tcpcrypt_tx_writeable() - would poll() say EPOLLOUT?
 * @sk:  the socket
 * @ctx: its context
 *
 * Context: any; a snapshot.
 * Return: whether it would.
 */
bool tcpcrypt_tx_writeable(const struct sock *sk,
			   const struct tcpcrypt_ctx *ctx)
{
	u32 pending = READ_ONCE(ctx->tx.pending_truesize);
	u32 sndbuf = READ_ONCE(sk->sk_sndbuf);

	if (READ_ONCE(ctx->state) == TCPCRYPT_KEYING)
		return pending < sndbuf && sndbuf - pending >= pending >> 1;
	return !pending && !READ_ONCE(ctx->tx.buf_len) &&
	       __sk_stream_is_writeable(sk, 1) && /* as tcp_poll() */
	       below_lowat(sk, ctx);
}

/**
 * tcpcrypt_tx_outq() - what an application has written that TCP has not sent
 * @ctx: the context
 * @seq: up to where it has, or the peer has acknowledged
 *
 * Some frames that are neither are counted by their share of ciphertext: see
 * marks.c.
 *
 * Context: the socket's lock.
 * Return: application bytes.
 */
u32 tcpcrypt_tx_outq(const struct tcpcrypt_ctx *ctx, u32 seq)
{
	const struct tcpcrypt_tx *tx = &ctx->tx;
	bool fin = ctx->shut_wr &&
		   (!tx->done || seq != tcp_sk(ctx->sk)->write_seq);

	/* TCP counts its FIN, too */
	return (u32)tx->bytes - tcpcrypt_marks_bytes(&tx->marks, seq) +
	       tx->open_len + tx->pending_bytes + fin;
}

/**
 * tcpcrypt_tx_want() - an application waits for room
 * @sk:  the socket
 * @ctx: its context
 *
 * Context: any, an RCU read-side critical section or the socket's lock.
 */
void tcpcrypt_tx_want(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	WRITE_ONCE(ctx->tx.wanted, true);
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	if (sk->sk_socket)
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	/* pairs with the barriers in sk_stream_write_space() */
	smp_mb__after_atomic();
}

/**
 * tcpcrypt_tx_tell() - there is room: wake whoever waits for it
 * @sk:  the socket
 * @ctx: its context
 *
 * SOCK_NOSPACE also stands for our own wish to hear of acknowledgments; an
 * application that does not wait is not told.
 *
 * Context: the socket's lock, softirq or process.
 */
void tcpcrypt_tx_tell(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	if (ctx->closing || !sk->sk_socket || !READ_ONCE(ctx->tx.wanted) ||
	    !tcpcrypt_tx_writeable(sk, ctx))
		return;
	/* whoever wants it from now on looks for himself: tcpcrypt_tx_want() */
	WRITE_ONCE(ctx->tx.wanted, false);
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	ctx->write_space(sk);
}
