/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Timestamps of received and of sent data: stamp.c.
 */
#ifndef _TCPCRYPT_STAMP_H
#define _TCPCRYPT_STAMP_H

#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/skbuff.h>
#include <linux/socket.h>
#include <linux/types.h>
#include <net/sock.h>

struct tcpcrypt_ctx;

/**
 * struct tcpcrypt_seen - when what a recvmsg() returns was received
 * @sw: the stack's clock, 0 if it was not asked
 * @hw: the device's
 */
struct tcpcrypt_seen {
	ktime_t	sw;
	ktime_t	hw;
};

/**
 * struct tcpcrypt_stamps - transmit timestamps, protected by sk_error_queue's
 * lock
 * @list:  of struct stamp, in the order of the stream
 * @count: its entries
 * @key:   sk_tskey, when it was last looked at
 * @base:  index in the application stream, modulo 2^32, of the byte whose
 *         identifier is 0
 */
struct tcpcrypt_stamps {
	struct list_head	list;
	u32			count;
	u32			key;
	u32			base;
};

/* A control message that says which stamps TCP shall take of what it gets. */
struct tcpcrypt_stamp_cmsg {
	struct cmsghdr	hdr;
	u32		tsflags;
};

static inline void tcpcrypt_stamps_init(struct tcpcrypt_stamps *stamps)
{
	INIT_LIST_HEAD(&stamps->list);
}

/**
 * tcpcrypt_stamp_copy() - bytes of one buffer come to stand in another
 * @to:   the buffer, which is as old as its youngest byte
 * @from: where the bytes come from; has the stamp of a received segment,
 *        or none
 */
static inline void tcpcrypt_stamp_copy(struct sk_buff *to,
				       const struct sk_buff *from)
{
	ktime_t hw = skb_shinfo(from)->hwtstamps.hwtstamp;

	if (!from->tstamp && !hw)
		return;
	to->tstamp = from->tstamp;
	skb_hwtstamps(to)->hwtstamp = hw;
}

/**
 * tcpcrypt_stamp_seen() - data of a buffer is read
 * @seen: updated
 * @skb:  decrypted data
 */
static inline void tcpcrypt_stamp_seen(struct tcpcrypt_seen *seen,
				       const struct sk_buff *skb)
{
	ktime_t hw = skb_shinfo(skb)->hwtstamps.hwtstamp;

	if (!skb->tstamp && !hw)
		return;
	seen->sw = skb->tstamp;
	seen->hw = hw;
}

void tcpcrypt_stamp_write(const struct sock *sk, struct msghdr *msg,
			  const struct tcpcrypt_seen *seen);

/**
 * tcpcrypt_stamp_put() - tell when data was received, if so asked
 * @sk:   the socket
 * @msg:  the recvmsg() that read it
 * @seen: when
 *
 * Context: process.
 */
static inline void tcpcrypt_stamp_put(const struct sock *sk,
				      struct msghdr *msg,
				      const struct tcpcrypt_seen *seen)
{
	if (unlikely(seen->sw || seen->hw))
		tcpcrypt_stamp_write(sk, msg, seen);
}

void tcpcrypt_stamp_call(struct sock *sk, struct tcpcrypt_ctx *ctx, u64 index);
void tcpcrypt_stamp_want(struct sock *sk, struct tcpcrypt_ctx *ctx,
			 u32 tsflags, u64 end);
/**
 * tcpcrypt_stamp_wanted() - must a hand-over to TCP say what to stamp?
 * @sk:  the socket
 * @stamps: its stamps
 *
 * Context: the socket's lock.
 * Return: whether tcpcrypt_stamp_push() is needed.
 */
static inline bool tcpcrypt_stamp_wanted(const struct sock *sk,
					 const struct tcpcrypt_stamps *stamps)
{
	return unlikely(!list_empty(&stamps->list) ||
			READ_ONCE(sk->sk_tsflags) &
			SOF_TIMESTAMPING_TX_RECORD_MASK);
}

u32 tcpcrypt_stamp_push(struct sock *sk, struct tcpcrypt_ctx *ctx,
			struct msghdr *msg, struct tcpcrypt_stamp_cmsg *cmsg,
			u32 seq, u32 len, u64 end);
void tcpcrypt_stamp_tail(struct sock *sk, struct tcpcrypt_ctx *ctx,
			 u32 tsflags, u64 end);
void tcpcrypt_stamp_translate(struct sock *sk);
void tcpcrypt_stamp_purge(struct sock *sk, struct tcpcrypt_ctx *ctx);

#endif /* _TCPCRYPT_STAMP_H */
