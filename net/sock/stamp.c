// SPDX-License-Identifier: GPL-2.0
/*
 * Timestamps: SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMPING.
 *
 * Received data is stamped with the segment that completed its frame: nobody
 * could have read it before. What plain TCP does when segments are joined
 * holds for buffers that are joined here: the last stamp counts.
 *
 * Sent data. TCP stamps the last byte of each call; it shall do so for the
 * byte that ends the frame in which an application's call ends, and for none
 * of what we send besides, so each hand-over to TCP carries a control message
 * that says what to stamp. That byte is handed over by itself: a stamp of a
 * frame that TCP took a part of would be one too many.
 *
 * SOF_TIMESTAMPING_OPT_ID names a stamp after its byte in the stream, which
 * to TCP is ciphertext. ->stamps remembers which byte of the application's
 * ended there, and what stands in the error queue is renamed before
 * recvmsg(MSG_ERRQUEUE) sees it. Identifiers begin at the next byte that is
 * sent, as SOF_TIMESTAMPING_OPT_ID_TCP has it, also without this flag.
 */

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <linux/slab.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "sock.h"
#include "stamp.h"

/* Acknowledged stamps that are kept for devices that are late. */
#define KEPT_MIN	64
#define KEPT_MAX	4096

/*
 * @node:  in ->stamps.list
 * @end:   index in the application stream after the byte, modulo 2^32
 * @seq:   sequence number of the byte in which its frame ends
 * @flags: SOF_TIMESTAMPING_TX_*
 * @sent:  @seq is valid
 */
struct stamp {
	struct list_head	node;
	u32			end;
	u32			seq;
	u32			flags;
	bool			sent;
};

/* SO_TIMESTAMP or SO_TIMESTAMPNS, in the form that the application knows. */
static void put_time(const struct sock *sk, struct msghdr *msg, ktime_t time)
{
	bool is_new = sock_flag(sk, SOCK_TSTAMP_NEW);
	struct timespec64 ts = ktime_to_timespec64(time);
	long usec = ts.tv_nsec / NSEC_PER_USEC;

	if (sock_flag(sk, SOCK_RCVTSTAMPNS) && is_new) {
		struct __kernel_timespec t = { ts.tv_sec, ts.tv_nsec };

		put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMPNS_NEW, sizeof(t), &t);
	} else if (sock_flag(sk, SOCK_RCVTSTAMPNS)) {
		struct __kernel_old_timespec t = { ts.tv_sec, ts.tv_nsec };

		put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMPNS_OLD, sizeof(t), &t);
	} else if (is_new) {
		struct __kernel_sock_timeval t = { ts.tv_sec, usec };

		put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMP_NEW, sizeof(t), &t);
	} else {
		struct __kernel_old_timeval t = { ts.tv_sec, usec };

		put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMP_OLD, sizeof(t), &t);
	}
}

/* Does SO_TIMESTAMPING ask for the stack's receive timestamps? */
static bool wants_software(u32 tsflags)
{
	return tsflags & SOF_TIMESTAMPING_SOFTWARE &&
	       (tsflags & SOF_TIMESTAMPING_RX_SOFTWARE ||
		!(tsflags & TCPCRYPT_TS_RX_FILTER));
}

static bool wants_hardware(u32 tsflags)
{
	return tsflags & SOF_TIMESTAMPING_RAW_HARDWARE &&
	       (tsflags & SOF_TIMESTAMPING_RX_HARDWARE ||
		!(tsflags & TCPCRYPT_TS_RX_FILTER));
}

/**
 * tcpcrypt_stamp_write() - tell when data was received, if so asked
 * @sk:   the socket
 * @msg:  the recvmsg() that read it
 * @seen: when
 *
 * Context: process.
 */
void tcpcrypt_stamp_write(const struct sock *sk, struct msghdr *msg,
			  const struct tcpcrypt_seen *seen)
{
	struct scm_timestamping_internal tss = {};
	u32 tsflags = READ_ONCE(sk->sk_tsflags);

	if (seen->sw && sock_flag(sk, SOCK_RCVTSTAMP))
		put_time(sk, msg, seen->sw);
	if (seen->sw && wants_software(tsflags))
		tss.ts[0] = tcpcrypt_scm_time(seen->sw);
	else if (!seen->hw || !wants_hardware(tsflags))
		return;
	if (seen->hw && wants_hardware(tsflags))
		tss.ts[2] = tcpcrypt_scm_time(seen->hw);
	if (sock_flag(sk, SOCK_TSTAMP_NEW))
		put_cmsg_scm_timestamping64(msg, &tss);
	else
		put_cmsg_scm_timestamping(msg, &tss);
}

/* The stamp of the byte at @seq, or the next one that is known. */
static const struct stamp *find(const struct tcpcrypt_stamps *stamps, u32 seq)
{
	const struct stamp *s, *found = NULL;

	list_for_each_entry_reverse(s, &stamps->list, node) {
		if (!s->sent)
			continue;
		if (before(s->seq, seq))
			break;
		/* of several in one frame the last, as in one segment */
		if (!found || s->seq != found->seq)
			found = s;
	}
	return found;
}

/* Renames what has come to the error queue since the last time. */
static void translate(struct sock *sk, struct tcpcrypt_stamps *stamps)
{
	struct sock_exterr_skb *serr;
	const struct stamp *s;
	struct sk_buff *skb;

	skb_queue_reverse_walk(&sk->sk_error_queue, skb) {
		serr = SKB_EXT_ERR(skb);
		if (serr->ee.ee_origin != SO_EE_ORIGIN_TIMESTAMPING)
			continue;
		if (serr->unused)
			break;
		serr->unused = 1;
		if (!(READ_ONCE(sk->sk_tsflags) & SOF_TIMESTAMPING_OPT_ID))
			continue;
		s = find(stamps, serr->ee.ee_data + stamps->key);
		if (s)
			serr->ee.ee_data = s->end - 1 - stamps->base;
	}
}

/**
 * tcpcrypt_stamp_translate() - before recvmsg(MSG_ERRQUEUE)
 * @sk: an attached socket
 *
 * Context: process, without the socket's lock.
 */
void tcpcrypt_stamp_translate(struct sock *sk)
{
	struct tcpcrypt_ctx *ctx;
	unsigned long flags;

	if (skb_queue_empty_lockless(&sk->sk_error_queue))
		return;
	rcu_read_lock();
	ctx = tcpcrypt_ctx(sk);
	if (ctx) {
		spin_lock_irqsave(&sk->sk_error_queue.lock, flags);
		translate(sk, &ctx->stamps);
		spin_unlock_irqrestore(&sk->sk_error_queue.lock, flags);
	}
	rcu_read_unlock();
}

static void drop(struct tcpcrypt_stamps *stamps, struct stamp *s)
{
	list_del(&s->node);
	stamps->count--;
	kfree(s);
}

/* What is acknowledged has its stamps, or never will. */
static void prune(struct sock *sk, struct tcpcrypt_stamps *stamps)
{
	struct stamp *s, *next;

	list_for_each_entry_safe(s, next, &stamps->list, node) {
		if (stamps->count <= KEPT_MIN)
			break;
		if (stamps->count <= KEPT_MAX &&
		    (!s->sent || !before(s->seq, tcp_sk(sk)->snd_una)))
			break;
		drop(stamps, s);
	}
}

/**
 * tcpcrypt_stamp_call() - before sendmsg() takes any data
 * @sk:    the socket
 * @ctx:   its context
 * @index: bytes that the application has sent so far
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_stamp_call(struct sock *sk, struct tcpcrypt_ctx *ctx, u64 index)
{
	struct tcpcrypt_stamps *stamps = &ctx->stamps;
	u32 key = atomic_read(&sk->sk_tskey);
	unsigned long flags;

	/* SOF_TIMESTAMPING_OPT_ID was set since */
	if (likely(key == stamps->key))
		return;
	spin_lock_irqsave(&sk->sk_error_queue.lock, flags);
	stamps->key = key;
	stamps->base = index;
	spin_unlock_irqrestore(&sk->sk_error_queue.lock, flags);
}

static struct stamp *new_stamp(struct sock *sk, u32 tsflags, u64 end)
{
	struct stamp *s = kzalloc(sizeof(*s),
				  sk->sk_allocation | __GFP_ACCOUNT);

	if (s) {
		s->flags = tsflags & SOF_TIMESTAMPING_TX_RECORD_MASK;
		s->end = end;
	}
	return s;
}

static void add(struct sock *sk, struct tcpcrypt_stamps *stamps,
		struct stamp *s)
{
	unsigned long flags;

	spin_lock_irqsave(&sk->sk_error_queue.lock, flags);
	translate(sk, stamps);
	prune(sk, stamps);
	list_add_tail(&s->node, &stamps->list);
	stamps->count++;
	spin_unlock_irqrestore(&sk->sk_error_queue.lock, flags);
}

/**
 * tcpcrypt_stamp_want() - a sendmsg() has given its last byte
 * @sk:      the socket
 * @ctx:     its context
 * @tsflags: the stamps that it shall get, SOF_TIMESTAMPING_TX_*; other bits
 *           are ignored
 * @end:     index in the application stream after that byte
 *
 * To be called before the frame with that byte is handed to TCP. Without
 * memory there are no stamps.
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_stamp_want(struct sock *sk, struct tcpcrypt_ctx *ctx,
			 u32 tsflags, u64 end)
{
	struct stamp *s;

	if (likely(!(tsflags & SOF_TIMESTAMPING_TX_RECORD_MASK)))
		return;
	s = new_stamp(sk, tsflags, end);
	if (s)
		add(sk, &ctx->stamps, s);
}

/* Which stamps belong to the last byte? With it at @seq, if not 0. */
static u32 collect(struct sock *sk, struct tcpcrypt_stamps *stamps, u32 last,
		   u32 end, bool mark)
{
	unsigned long flags;
	u32 tsflags = 0;
	struct stamp *s;

	spin_lock_irqsave(&sk->sk_error_queue.lock, flags);
	list_for_each_entry_reverse(s, &stamps->list, node) {
		/* TCP may have had no room for it last time */
		if (s->sent && s->seq != last)
			break;
		if (after(s->end, end))
			continue;
		tsflags |= s->flags;
		if (!mark)
			continue;
		s->sent = true;
		s->seq = last;
	}
	spin_unlock_irqrestore(&sk->sk_error_queue.lock, flags);
	return tsflags;
}

/**
 * tcpcrypt_stamp_push() - before a hand-over to TCP
 * @sk:   the socket
 * @ctx:  its context
 * @msg:  the hand-over; gets a control message, and other flags if not all
 *        is to be handed over now
 * @cmsg: room for it, as long-lived as @msg
 * @seq:  TCP sequence number of the first byte
 * @len:  bytes there are, at least one; they end with a frame
 * @end:  index in the application stream after that frame
 *
 * Context: the socket's lock, owned.
 * Return: bytes to hand over, at least one.
 */
u32 tcpcrypt_stamp_push(struct sock *sk, struct tcpcrypt_ctx *ctx,
			struct msghdr *msg, struct tcpcrypt_stamp_cmsg *cmsg,
			u32 seq, u32 len, u64 end)
{
	struct tcpcrypt_stamps *stamps = &ctx->stamps;
	u32 tsflags = 0;

	if (!tcpcrypt_stamp_wanted(sk, stamps))
		return len;
	if (!list_empty(&stamps->list))
		tsflags = collect(sk, stamps, seq + len - 1, end, len == 1);
	if (tsflags && len > 1) {
		msg->msg_flags |= MSG_MORE;
		msg->msg_flags &= ~MSG_EOR;
		tsflags = 0;
		len--;
	}
	cmsg->hdr.cmsg_len = CMSG_LEN(sizeof(u32));
	cmsg->hdr.cmsg_level = SOL_SOCKET;
	cmsg->hdr.cmsg_type = SO_TIMESTAMPING_OLD;
	cmsg->tsflags = tsflags;
	msg->msg_control = cmsg;
	msg->msg_controllen = sizeof(*cmsg);
	return len;
}

/**
 * tcpcrypt_stamp_tail() - a sendmsg() ends short, and all it took is TCP's
 * @sk:      the socket
 * @ctx:     its context
 * @tsflags: as in tcpcrypt_stamp_want()
 * @end:     likewise
 *
 * As TCP in this case: whoever asks this late misses the stamps that were
 * taken already.
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_stamp_tail(struct sock *sk, struct tcpcrypt_ctx *ctx,
			 u32 tsflags, u64 end)
{
	struct sk_buff *skb = tcp_write_queue_tail(sk);
	struct stamp *s;

	if (likely(!(tsflags & SOF_TIMESTAMPING_TX_RECORD_MASK)))
		return;
	if (!skb)
		skb = skb_rb_last(&sk->tcp_rtx_queue);
	s = skb ? new_stamp(sk, tsflags, end) : NULL;
	if (!s)
		return;
	s->seq = TCP_SKB_CB(skb)->seq + skb->len - 1;
	s->sent = true;
	add(sk, &ctx->stamps, s);
	__sock_tx_timestamp(tsflags, &skb_shinfo(skb)->tx_flags);
	if (tsflags & SOF_TIMESTAMPING_TX_ACK)
		TCP_SKB_CB(skb)->txstamp_ack |= 1;
	skb_shinfo(skb)->tskey = s->seq;
}

/**
 * tcpcrypt_stamp_purge() - forget all stamps
 * @sk:  the socket
 * @ctx: its context
 *
 * Context: the socket's lock, any context.
 */
void tcpcrypt_stamp_purge(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct tcpcrypt_stamps *stamps = &ctx->stamps;
	struct stamp *s, *next;
	unsigned long flags;

	spin_lock_irqsave(&sk->sk_error_queue.lock, flags);
	list_for_each_entry_safe(s, next, &stamps->list, node)
		drop(stamps, s);
	stamps->key = 0;
	spin_unlock_irqrestore(&sk->sk_error_queue.lock, flags);
}
