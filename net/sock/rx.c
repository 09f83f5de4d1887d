// SPDX-License-Identifier: GPL-2.0
/*
 * Receiving: from TCP's receive queue to decrypted data.
 *
 * sk_data_ready empties sk_receive_queue at once, into ->rx.raw, so that
 * neither a thread that waits in the stack's own recvmsg() nor a poll() that
 * looks at sequence numbers takes ciphertext for data. Frames are told apart
 * there; they are decrypted in process context, out of place: a received
 * page may be the sender's, even page cache that it spliced.
 *
 * Accounting. What is queued is charged to the socket by truesize, and stands
 * in sk_rmem_alloc, where it closes the window. The bytes of a lone incomplete
 * frame do not, or a frame larger than the window could never become whole.
 */

#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "rx.h"
#include "sock.h"

/* What the queue may cost besides twice its bytes. */
#define LOOSE_MAX	4096

/*
 * What the largest frame may cost: see is_lean(). The rest is for the buffer
 * that it shares with the frame before.
 */
#define EXEMPT_MAX	(3 * (TCPCRYPT_FRAME_HDR + TCPCRYPT_CLEN_MAX))

/*
 * A lone incomplete frame closes no window. Everything else does: whole
 * frames, what comes before there are keys, and all that a child holds that
 * nobody has accepted yet, whose memory inet_csk_accept() charges to the
 * acceptor's memcg by what it finds in sk_rmem_alloc.
 */
static u32 exempt(const struct sock *sk, const struct tcpcrypt_ctx *ctx)
{
	if (ctx->state != TCPCRYPT_OPEN || !sk->sk_socket ||
	    ctx->rx.complete || ctx->rx.broken)
		return 0;
	return min_t(u32, ctx->rx.raw_truesize, EXEMPT_MAX);
}

/**
 * tcpcrypt_rx_recharge() - bring sk_rmem_alloc in line with what is queued
 * @sk:  the socket
 * @ctx: its context
 *
 * Context: the socket's lock.
 */
void tcpcrypt_rx_recharge(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct tcpcrypt_rx *rx = &ctx->rx;
	u32 want = rx->plain_truesize + rx->raw_truesize - exempt(sk, ctx);

	if (want != rx->charged)
		atomic_add((int)(want - rx->charged), &sk->sk_rmem_alloc);
	rx->charged = want;
}

/**
 * tcpcrypt_rx_charge() - charge a buffer to the socket
 * @sk:       the socket
 * @skb:      the buffer
 * @truesize: sum of its queue
 *
 * TCP had the memory charged until now; a shortage is TCP's to act upon.
 *
 * Context: the socket's lock.
 */
void tcpcrypt_rx_charge(struct sock *sk, struct sk_buff *skb, u32 *truesize)
{
	if (!sk_rmem_schedule(sk, skb, skb->truesize))
		sk->sk_prot->enter_memory_pressure(sk);
	sk_mem_charge(sk, skb->truesize);
	*truesize += skb->truesize;
}

/**
 * tcpcrypt_rx_discharge() - free a buffer that was charged
 * @sk:       the socket
 * @skb:      the buffer
 * @truesize: sum of its queue
 *
 * Context: the socket's lock.
 */
void tcpcrypt_rx_discharge(struct sock *sk, struct sk_buff *skb, u32 *truesize)
{
	*truesize -= skb->truesize;
	sk_mem_uncharge(sk, skb->truesize);
	consume_skb(skb);
}

/* A whole frame has arrived. */
static void count_frame(struct tcpcrypt_rx *rx, u32 clen)
{
	u32 plen = clen - TCPCRYPT_TAG_LEN;

	rx->complete++;
	if (tcpcrypt_rx_tiny(rx->scan.hdr[0], plen))
		rx->tiny++;
	else
		rx->whole++;
	rx->inq += plen - TCPCRYPT_FLAGS_LEN;
}

/*
 * Takes bytes of a frame's header. Return: how many, or a negative errno if
 * it cannot be true.
 */
static int scan_header(struct tcpcrypt_rx *rx, const struct sk_buff *skb,
		       u32 off, u32 len)
{
	u8 buf[TCPCRYPT_FRAME_HDR];
	const u8 *hdr;
	u32 i, n;

	n = min_t(u32, len, TCPCRYPT_FRAME_HDR - rx->scan.have);
	hdr = tcpcrypt_rx_bytes(skb, off, n, buf);
	if (!hdr)
		return -EFAULT;
	for (i = 0; i < n; i++)
		if (tcpcrypt_scan_header(&rx->scan, hdr[i]) < 0)
			return -EPROTO;
	return n;
}

/*
 * Finds the frames in bytes that were appended to ->rx.raw. After a header
 * that cannot be true there are none; what came before it is still read.
 */
static void scan(struct tcpcrypt_rx *rx, const struct sk_buff *skb, u32 off,
		 u32 len)
{
	u32 clen;
	bool end;
	int n;

	while (len && !rx->broken) {
		if (rx->scan.have < TCPCRYPT_FRAME_HDR) {
			n = scan_header(rx, skb, off, len);
			if (n < 0) {
				rx->broken = true;
				return;
			}
		} else {
			clen = tcpcrypt_scan_clen(&rx->scan);
			n = tcpcrypt_scan_body(&rx->scan, len, &end);
			if (end)
				count_frame(rx, clen);
		}
		off += n;
		len -= n;
	}
}

/*
 * A piece of a segment goes into the last buffer of ->rx.raw, or a new one.
 * Return: the buffer, and in @len what found room.
 */
static struct sk_buff *append_copy(struct sock *sk, struct tcpcrypt_rx *rx,
				   const struct sk_buff *skb, u32 off, u32 *len)
{
	struct sk_buff *tail = skb_peek_tail(&rx->raw);

	if (!tcpcrypt_rx_room(tail)) {
		tail = alloc_skb(COPY_ROOM, GFP_ATOMIC);
		if (!tail)
			return NULL;
		memset(tcpcrypt_cb(tail), 0, sizeof(struct tcpcrypt_skb_cb));
		tcpcrypt_cb(tail)->own = true;
		tcpcrypt_rx_charge(sk, tail, &rx->raw_truesize);
		__skb_queue_tail(&rx->raw, tail);
	}
	tcpcrypt_stamp_copy(tail, skb);
	*len = min_t(u32, *len, skb_tailroom(tail));
	if (skb_copy_bits(skb, off, skb_put(tail, *len), *len)) {
		__skb_trim(tail, tail->len - *len);
		return NULL;
	}
	return tail;
}

static struct sk_buff *append_clone(struct sock *sk, struct tcpcrypt_rx *rx,
				    struct sk_buff *skb, u32 off)
{
	struct sk_buff *clone = skb_clone(skb, GFP_ATOMIC);

	if (!clone)
		return NULL;
	tcpcrypt_cb(clone)->own = false;
	tcpcrypt_cb(clone)->off = off;
	tcpcrypt_rx_charge(sk, clone, &rx->raw_truesize);
	__skb_queue_tail(&rx->raw, clone);
	return clone;
}

/*
 * Segments that hold little for what they cost are copied together, and a
 * buffer that was begun for them is filled up.
 *
 * Return: bytes taken, less than @len after a shortage of memory.
 */
static u32 append(struct sock *sk, struct tcpcrypt_ctx *ctx,
		  struct sk_buff *skb, u32 off, u32 len)
{
	bool copy = len <= COPY_MAX || skb->truesize > 2 * len;
	struct tcpcrypt_rx *rx = &ctx->rx;
	u32 n, at, done = 0;
	struct sk_buff *to;

	while (done < len) {
		n = len - done;
		if (copy || tcpcrypt_rx_room(skb_peek_tail(&rx->raw)))
			to = append_copy(sk, rx, skb, off + done, &n);
		else
			to = append_clone(sk, rx, skb, off + done);
		if (!to)
			break;
		at = to->len - n;
		rx->raw_bytes += n;
		tcpcrypt_cb(to)->len = to->len - tcpcrypt_cb(to)->off;
		if (ctx->state == TCPCRYPT_OPEN)
			scan(rx, to, at, n);
		done += n;
	}
	return done;
}

/*
 * Can the buffer be queued as it is? The bytes of a frame, however it was cut,
 * cost twice their length and LOOSE_MAX at most: EXEMPT_MAX counts on it.
 */
static bool is_lean(const struct tcpcrypt_rx *rx, const struct sk_buff *skb,
		    u32 len)
{
	return skb->destructor == sock_rfree &&
	       rx->raw_truesize + skb->truesize <=
	       2 * (rx->raw_bytes + len) + LOOSE_MAX;
}

/* Takes a whole buffer out of TCP's queue, with what it is charged for. */
static void adopt(struct sock *sk, struct tcpcrypt_ctx *ctx,
		  struct sk_buff *skb, u32 off, u32 len)
{
	struct tcpcrypt_rx *rx = &ctx->rx;

	__skb_unlink(skb, &sk->sk_receive_queue);
	skb->destructor = NULL;
	skb->sk = NULL;
	tcpcrypt_cb(skb)->off = off;
	tcpcrypt_cb(skb)->len = len;
	tcpcrypt_cb(skb)->own = false;
	rx->charged += skb->truesize;
	rx->raw_truesize += skb->truesize;
	rx->raw_bytes += len;
	__skb_queue_tail(&rx->raw, skb);
	if (ctx->state == TCPCRYPT_OPEN)
		scan(rx, skb, off, len);
}

/*
 * TCP's memory is used up. If it waits for this reader, no more is taken: then
 * TCP, whose queue is not empty, drops what comes, until the reader has read.
 */
static bool must_wait(struct sock *sk, const struct tcpcrypt_rx *rx,
		      struct sk_buff *skb)
{
	return (rx->complete || rx->plain_bytes) &&
	       !sk_rmem_schedule(sk, skb, skb->truesize);
}

/*
 * Takes the bytes of a buffer in TCP's queue from @off on, and the buffer.
 * Return: bytes taken, less than there are after a shortage of memory.
 */
static u32 take(struct sock *sk, struct tcpcrypt_ctx *ctx, struct sk_buff *skb,
		u32 off)
{
	u32 n, len = skb->len - off;

	if (len && is_lean(&ctx->rx, skb, len)) {
		adopt(sk, ctx, skb, off, len);
		return len;
	}
	n = append(sk, ctx, skb, off, len);
	if (n == len) {
		__skb_unlink(skb, &sk->sk_receive_queue);
		consume_skb(skb);
	}
	return n;
}

/**
 * tcpcrypt_rx_drain() - take what sk_receive_queue holds
 * @sk:  the socket
 * @ctx: its context
 *
 * Receive-buffer autotuning does not see it: nobody has read it yet.
 *
 * Context: the socket's lock, softirq or process.
 * Return: 0, or -ENOMEM: some is left there, try again.
 */
int tcpcrypt_rx_drain(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct tcp_sock *tp = tcp_sk(sk);
	struct sk_buff *skb, *next;
	u32 seq = tp->copied_seq, off, len, n;
	int err = 0;
	bool fin;

	/* tcpcrypt_rx_unread() put something there for tcp_close() */
	if (ctx->rx.unread)
		return 0;
	skb_queue_walk_safe(&sk->sk_receive_queue, skb, next) {
		off = min(seq - TCP_SKB_CB(skb)->seq, skb->len);
		len = skb->len - off;
		fin = TCP_SKB_CB(skb)->tcp_flags & TCPHDR_FIN;
		if (len && must_wait(sk, &ctx->rx, skb)) {
			err = -ENOMEM;
			break;
		}
		n = take(sk, ctx, skb, off);
		seq += n;
		if (n < len) {
			err = -ENOMEM;
			break;
		}
		seq += fin;
		if (fin)
			ctx->rx.tcp_fin = true;
	}
	/* before TCP decides about an ACK and its window */
	tcpcrypt_rx_recharge(sk, ctx);
	WRITE_ONCE(tp->copied_seq, seq);
	return err;
}

/* Not for SIGIO nor for poll(), to which there is nothing yet. */
static void wake_readers(struct sock *sk)
{
	struct socket_wq *wq;

	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_sync_poll(&wq->wait,
						EPOLLIN | EPOLLRDNORM);
	rcu_read_unlock();
}

/**
 * tcpcrypt_rx_pull() - sk_data_ready of encrypted sockets
 * @sk:  the socket
 * @ctx: its context
 *
 * Wakes the application when it can read something; frames that may carry
 * no data are first decrypted by work_fn(), and all of them where SIGURG has
 * somebody to go to.
 *
 * Context: the socket's lock, softirq or process.
 */
void tcpcrypt_rx_pull(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct tcpcrypt_rx *rx = &ctx->rx;
	u32 inq = rx->inq, tiny = rx->tiny, whole = rx->whole;
	bool wake;
	int err;

	/* URG is not protected: the stack's idea of urgent data is void */
	WRITE_ONCE(tcp_sk(sk)->urg_data, 0);
	err = tcpcrypt_rx_drain(sk, ctx);
	if (err)
		tcpcrypt_retry(ctx);
	/* no reader comes for half a frame */
	if (!rx->complete)
		tcpcrypt_rx_window(sk, ctx);
	if (ctx->state == TCPCRYPT_KEYING || rx->tiny != tiny || rx->tcp_fin ||
	    rx->broken || rx->refuse || ctx->closing ||
	    (rx->inq != inq && tcpcrypt_urgent_owned(sk)))
		tcpcrypt_kick(ctx);
	if (sock_flag(sk, SOCK_DEAD) || ctx->closing)
		return;
	/* bytes of an incomplete frame may fill the buffer up: SO_RCVLOWAT */
	wake = rx->whole != whole ||
	       (sk->sk_rcvlowat > 1 &&
		tcpcrypt_rx_readable(sk, ctx, sk->sk_rcvlowat));
	/* work_fn() tells of tiny frames, if they had data */
	if (wake)
		ctx->data_ready(sk);
	else if (rx->inq != inq)
		wake_readers(sk);
}

/**
 * tcpcrypt_rx_hide() - hide TCP's FIN, which tcpcrypt_rx_drain() will note
 * @sk:  the socket
 * @ctx: its context
 *
 * RCV_SHUTDOWN means an authentic end-of-file on encrypted sockets: see
 * rx_fin().
 *
 * Context: the socket's lock.
 */
void tcpcrypt_rx_hide(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	if (ctx->rx.fin)
		return;
	tcpcrypt_rcvlowat(sk, &ctx->rx);
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown & ~RCV_SHUTDOWN);
}

/**
 * tcpcrypt_rx_start() - the handshake is over, frames begin
 * @sk:  the socket
 * @ctx: its context, in TCPCRYPT_OPEN
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_rx_start(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct sk_buff *skb;

	skb_queue_walk(&ctx->rx.raw, skb)
		scan(&ctx->rx, skb, tcpcrypt_cb(skb)->off,
		     tcpcrypt_cb(skb)->len);
	tcpcrypt_rx_recharge(sk, ctx);
	tcpcrypt_rx_window(sk, ctx);
	if (ctx->rx.inq && !ctx->closing)
		ctx->data_ready(sk);
}

/* Drops @len bytes, no more than there are, from the head of a queue. */
static void eat(struct sock *sk, struct sk_buff_head *queue, u32 *truesize,
		u32 len)
{
	struct sk_buff *skb;
	u32 n;

	while (len) {
		skb = skb_peek(queue);
		n = min(len, tcpcrypt_cb(skb)->len);
		tcpcrypt_cb(skb)->off += n;
		tcpcrypt_cb(skb)->len -= n;
		len -= n;
		if (tcpcrypt_cb(skb)->len)
			break;
		__skb_unlink(skb, queue);
		tcpcrypt_rx_discharge(sk, skb, truesize);
	}
}

/**
 * tcpcrypt_rx_eat_raw() - drop bytes from the head of ->rx.raw
 * @sk:  the socket
 * @rx:  its receiving half
 * @len: bytes, no more than there are
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_rx_eat_raw(struct sock *sk, struct tcpcrypt_rx *rx, u32 len)
{
	rx->off += len;
	rx->raw_bytes -= len;
	rx->eaten = true;
	eat(sk, &rx->raw, &rx->raw_truesize, len);
}

/**
 * tcpcrypt_rx_peek_raw() - copy bytes from the head of ->rx.raw
 * @rx:  a socket's receiving half
 * @buf: where to
 * @len: at most so many bytes
 *
 * Context: the socket's lock, owned.
 * Return: how many were copied.
 */
u32 tcpcrypt_rx_peek_raw(const struct tcpcrypt_rx *rx, u8 *buf, u32 len)
{
	struct sk_buff *skb;
	u32 done = 0, n;
	const u8 *from;

	skb_queue_walk(&rx->raw, skb) {
		n = min(len - done, tcpcrypt_cb(skb)->len);
		if (!n)
			break;
		from = tcpcrypt_rx_bytes(skb, tcpcrypt_cb(skb)->off, n,
					 buf + done);
		if (!from)
			break;
		if (from != buf + done)
			memcpy(buf + done, from, n);
		done += n;
	}
	return done;
}

/**
 * tcpcrypt_rx_take() - take bytes of the stream, for the handshake
 * @sk:  the socket
 * @ctx: its context, in TCPCRYPT_KEYING
 * @buf: where to
 * @len: at most so many bytes
 *
 * Context: the socket's lock, owned.
 * Return: how many were taken.
 */
u32 tcpcrypt_rx_take(struct sock *sk, struct tcpcrypt_ctx *ctx, u8 *buf,
		     u32 len)
{
	u32 n = tcpcrypt_rx_peek_raw(&ctx->rx, buf, len);

	tcpcrypt_rx_eat_raw(sk, &ctx->rx, n);
	tcpcrypt_rx_recharge(sk, ctx);
	return n;
}

/**
 * tcpcrypt_rx_eat_plain() - the application has read decrypted data
 * @sk:  the socket
 * @ctx: its context
 * @len: bytes
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_rx_eat_plain(struct sock *sk, struct tcpcrypt_ctx *ctx, u32 len)
{
	struct tcpcrypt_rx *rx = &ctx->rx;

	rx->plain_bytes -= len;
	rx->eaten = true;
	eat(sk, &rx->plain, &rx->plain_truesize, len);
	tcpcrypt_urgent_passed(rx);
	tcpcrypt_rx_recharge(sk, ctx);
	if ((rx->tcp_fin && !rx->fin) || rx->broken)
		tcpcrypt_kick(ctx);
}

/**
 * tcpcrypt_rx_inq() - application bytes that can be read
 * @ctx: the context
 *
 * Context: any; a snapshot.
 * Return: bytes, decrypted or in whole frames.
 */
u32 tcpcrypt_rx_inq(const struct tcpcrypt_ctx *ctx)
{
	u32 inq = READ_ONCE(ctx->rx.inq);

	/* pairs with smp_wmb() in tcpcrypt_rx_decrypt() */
	smp_rmb();
	return READ_ONCE(ctx->rx.plain_bytes) + inq;
}

/* As tcp_epollin_ready(): hardly anything comes before somebody reads. */
static bool is_full(const struct sock *sk)
{
	int rcvbuf = READ_ONCE(sk->sk_rcvbuf);

	return READ_ONCE(*sk->sk_prot->memory_pressure) ||
	       atomic_read(&sk->sk_rmem_alloc) > rcvbuf - (rcvbuf >> 3) ||
	       tcpcrypt_rx_shut(sk);
}

/**
 * tcpcrypt_rx_readable() - would recv() return data?
 * @sk:     the socket
 * @ctx:    its context
 * @target: SO_RCVLOWAT, bytes
 *
 * Frames that may carry no data do not count until they are decrypted.
 *
 * Context: any; a snapshot.
 * Return: whether it would.
 */
bool tcpcrypt_rx_readable(const struct sock *sk,
			  const struct tcpcrypt_ctx *ctx, u32 target)
{
	bool whole = READ_ONCE(ctx->rx.whole);
	u32 inq = tcpcrypt_rx_inq(ctx);

	if (!whole && !READ_ONCE(ctx->rx.plain_bytes))
		return false;
	if (inq >= target)
		return true;
	return inq && is_full(sk);
}

/**
 * tcpcrypt_rx_unread() - put unread data back where tcp_close() looks
 * @sk:  the socket
 * @ctx: its context
 *
 * tcp_close() resets a connection whose data was not read, and counts it.
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_rx_unread(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct sk_buff *skb = __skb_dequeue(&ctx->rx.plain);
	struct tcp_skb_cb *cb;

	if (!skb)
		return;
	ctx->rx.plain_bytes -= tcpcrypt_cb(skb)->len;
	ctx->rx.plain_truesize -= skb->truesize;
	sk_mem_uncharge(sk, skb->truesize);
	tcpcrypt_rx_recharge(sk, ctx);
	ctx->rx.unread = true;
	skb_set_owner_r(skb, sk);
	cb = TCP_SKB_CB(skb);
	memset(cb, 0, sizeof(*cb));
	cb->seq = tcp_sk(sk)->copied_seq;
	cb->end_seq = cb->seq + 1;
	__skb_queue_tail(&sk->sk_receive_queue, skb);
}

/**
 * tcpcrypt_rx_purge() - drop everything that was received
 * @sk:  the socket
 * @ctx: its context
 *
 * Context: the socket's lock, any context.
 */
void tcpcrypt_rx_purge(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct tcpcrypt_rx *rx = &ctx->rx;
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(&rx->raw)))
		tcpcrypt_rx_discharge(sk, skb, &rx->raw_truesize);
	while ((skb = __skb_dequeue(&rx->plain)))
		tcpcrypt_rx_discharge(sk, skb, &rx->plain_truesize);
	rx->complete = 0;
	rx->tiny = 0;
	rx->whole = 0;
	rx->inq = 0;
	rx->raw_bytes = 0;
	rx->plain_bytes = 0;
	rx->urg_data = 0;
	rx->urg_old = 0;
	tcpcrypt_rx_recharge(sk, ctx);
}
