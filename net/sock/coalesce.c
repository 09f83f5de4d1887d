// SPDX-License-Identifier: GPL-2.0
/*
 * How much data goes into a frame, and when.
 *
 * The peer can use a frame only when all of it has arrived. So no frame is
 * larger than what TCP can send now, and a frame ends where a segment ends,
 * unless TCP would send the partial segment too. What plain TCP would keep in
 * a segment that is not full - because of Nagle's algorithm, a cork,
 * MSG_MORE - stays plaintext, and so does what TCP could not send anyway: later
 * data joins it.
 */

#include <linux/minmax.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "tx.h"

static u32 mss_of(const struct tcp_sock *tp)
{
	return max_t(u32, tp->mss_cache, FRAME_DATA_MIN);
}

/* Bytes in TCP's hands that have not left. */
static u32 unsent(const struct tcp_sock *tp)
{
	return tp->write_seq - tp->snd_nxt;
}

/* What the windows let TCP send now, behind what is unsent. */
static u32 send_room(const struct tcp_sock *tp)
{
	u32 cwnd = tcp_snd_cwnd(tp), flight = tcp_packets_in_flight(tp);
	u32 queued = unsent(tp);
	s32 wnd = tcp_wnd_end(tp) - tp->snd_nxt;
	u64 room;

	if (cwnd <= flight || wnd <= 0)
		return 0;
	room = min_t(u64, (u64)(cwnd - flight) * mss_of(tp), wnd);
	return room > queued ? room - queued : 0;
}

/*
 * The end of the last whole segment in @len bytes that follow what is unsent,
 * from where they begin; 0 if there is none.
 */
static u32 whole_segments(const struct tcp_sock *tp, u32 len)
{
	u32 mss = mss_of(tp), tail = unsent(tp) % mss;

	return tail + len < mss ? 0 : rounddown(tail + len, mss) - tail;
}

/* What leaves in a millisecond or so, as tcp_tso_autosize() has it. */
static u32 paced(const struct sock *sk)
{
	return min_t(unsigned long, READ_ONCE(sk->sk_pacing_rate) >>
		     READ_ONCE(sk->sk_pacing_shift), FRAME_MAX);
}

/**
 * tcpcrypt_tx_limit() - the largest frame that makes sense now
 * @sk: the socket
 *
 * What TCP can send now; if that is nothing, what a flight of segments or half
 * the peer's largest window hold. What leaves within about a millisecond, but
 * for small frames; half of the send buffer; and a whole number of segments.
 *
 * Context: the socket's lock.
 * Return: application bytes; with an urgent field, two less.
 */
u32 tcpcrypt_tx_limit(const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	u32 room = send_room(tp), mss = mss_of(tp), limit, whole;

	limit = max_t(u32, FRAME_SMALL, paced(sk));
	limit = min_t(u32, limit, max(tp->max_window >> 1, mss));
	limit = min_t(u32, limit, READ_ONCE(sk->sk_sndbuf) >> 1);
	if (room < mss)
		room = min_t(u64, (u64)tcp_snd_cwnd(tp) * mss, FRAME_MAX);
	limit = min(limit, room);
	whole = whole_segments(tp, limit);
	/* segments larger than a frame: the end of one may be close */
	if (whole >= limit >> 1)
		limit = whole;
	return max_t(u32, limit, FRAME_DATA_MIN) - TCPCRYPT_FRAME_OVERHEAD;
}

/**
 * tcpcrypt_tx_fills_up() - has TCP no room after that?
 * @sk:  the socket
 * @len: bytes that it is given
 *
 * Then nothing joins a partial segment, and what TCP keeps it keeps for
 * nothing: tcp_sendmsg_locked() sends it when it waits for room.
 *
 * Context: the socket's lock.
 * Return: whether that is likely.
 */
bool tcpcrypt_tx_fills_up(const struct sock *sk, u32 len)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	return sk->sk_wmem_queued + len + 2 * SKB_TRUESIZE(MAX_TCP_HEADER) >=
		READ_ONCE(sk->sk_sndbuf) ||
	       unsent(tp) + len >= tcp_notsent_lowat(tp);
}

/* As tcp_nagle_check(): would TCP keep a partial segment? */
static bool is_held(const struct tcp_sock *tp, enum tcpcrypt_push how)
{
	if (how == TCPCRYPT_PUSH_MORE)
		return true;
	if (tp->nonagle & TCP_NAGLE_PUSH)
		return false;
	if (tp->nonagle & TCP_NAGLE_CORK)
		return true;
	return !tp->nonagle && tp->packets_out &&
	       after(tp->snd_sml, tp->snd_una) &&
	       !after(tp->snd_sml, tp->snd_nxt);
}

/*
 * TCP has something that it cannot send: the windows, pacing, the queue of the
 * device. A partial segment that we asked it to keep is not that.
 */
static bool is_blocked(const struct tcp_sock *tp, const struct tcpcrypt_tx *tx)
{
	u32 queued = unsent(tp);

	return queued >= mss_of(tp) || (queued && !tx->corked);
}

/**
 * tcpcrypt_tx_ready() - how much of ->tx.open is to be sealed now?
 * @sk:  the socket
 * @tx:  its sending half
 * @how: what shall become of a partial frame
 *
 * Whatever is held waits for one of: more data, an acknowledgment, TCP running
 * dry (tcpcrypt_tx_resumes()), an end of the cork, the timer of
 * tcpcrypt_tx_wait().
 *
 * Context: the socket's lock.
 * Return: application bytes.
 */
u32 tcpcrypt_tx_ready(const struct sock *sk, const struct tcpcrypt_tx *tx,
		      enum tcpcrypt_push how)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	u32 limit, whole;

	if (!tx->open_len)
		return 0;
	if (tx->open_len >= DATA_ALWAYS) {
		limit = tcpcrypt_tx_limit(sk);
		if (tx->open_urg)
			limit -= TCPCRYPT_URG_LEN;
		if (tx->open_len >= limit)
			return limit;
	}
	if (tx->open_full)
		return tx->open_len;
	if (how == TCPCRYPT_PUSH_FORCE || tcpcrypt_tx_urgent(tx))
		return tx->open_len;
	if (how == TCPCRYPT_PUSH_HOLD || is_blocked(tp, tx))
		return 0;
	if (!is_held(tp, how))
		return tx->open_len;
	whole = whole_segments(tp, tx->open_len + TCPCRYPT_FRAME_OVERHEAD);
	return whole > TCPCRYPT_FRAME_OVERHEAD ?
	       whole - TCPCRYPT_FRAME_OVERHEAD : 0;
}

/**
 * tcpcrypt_tx_resumes() - does what ->tx.open holds go on now?
 * @sk:  the socket
 * @tx:  its sending half
 * @len: payload of the segment, bytes
 *
 * For the segment that is about to leave with the last bytes that TCP has. If
 * it is a small one, Nagle's algorithm waits for its acknowledgment.
 *
 * Context: the socket's lock.
 * Return: whether to look at it.
 */
bool tcpcrypt_tx_resumes(const struct sock *sk, const struct tcpcrypt_tx *tx,
			 u32 len)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	return tp->nonagle || len % mss_of(tp) == 0 ||
	       tx->open_len + TCPCRYPT_FRAME_OVERHEAD >= mss_of(tp);
}
