// SPDX-License-Identifier: GPL-2.0
/*
 * Plaintext that waits for keys: what an application sends between connect()
 * and the end of the key agreement.
 */

#include <linux/skbuff.h>
#include <linux/uio.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "tx.h"

/* One piece. */
#define PIECE	SKB_MAX_ORDER(0, 0)

static void release(struct sock *sk, struct tcpcrypt_tx *tx,
		    struct sk_buff *skb)
{
	__skb_unlink(skb, &tx->pending);
	tx->pending_bytes -= skb->len;
	WRITE_ONCE(tx->pending_truesize, tx->pending_truesize -
					 skb->truesize);
	sk_mem_uncharge(sk, skb->truesize);
	kfree_skb(skb);
}

/* The last piece if it has room, or a new one. */
static struct sk_buff *get_piece(struct sock *sk, struct tcpcrypt_tx *tx,
				 size_t len)
{
	struct sk_buff *skb = skb_peek_tail(&tx->pending);

	if (skb && skb_tailroom(skb))
		return skb;
	skb = alloc_skb(min_t(size_t, len, PIECE), sk->sk_allocation);
	if (!skb)
		return NULL;
	if (!sk_wmem_schedule(sk, skb->truesize)) {
		kfree_skb(skb);
		return NULL;
	}
	sk_mem_charge(sk, skb->truesize);
	WRITE_ONCE(tx->pending_truesize, tx->pending_truesize +
					 skb->truesize);
	__skb_queue_tail(&tx->pending, skb);
	return skb;
}

/**
 * tcpcrypt_pending_add() - keep plaintext until there are keys
 * @sk:  the socket
 * @ctx: its context, in TCPCRYPT_KEYING; there is room: the caller has looked
 * @msg: the data, not empty
 *
 * Context: the socket's lock, owned; sleeps.
 * Return: bytes that were taken, or a negative errno: -EAGAIN if memory is
 * short.
 */
int tcpcrypt_pending_add(struct sock *sk, struct tcpcrypt_ctx *ctx,
			 struct msghdr *msg)
{
	struct tcpcrypt_tx *tx = &ctx->tx;
	struct sk_buff *skb;
	size_t n;

	skb = get_piece(sk, tx, msg_data_left(msg));
	if (!skb)
		return -EAGAIN;
	n = min_t(size_t, msg_data_left(msg), skb_tailroom(skb));
	if (!copy_from_iter_full(skb_tail_pointer(skb), n, &msg->msg_iter)) {
		if (!skb->len)
			release(sk, tx, skb);
		return -EFAULT;
	}
	skb_put(skb, n);
	tx->pending_bytes += n;
	if (msg->msg_flags & MSG_OOB && !msg_data_left(msg))
		tx->urg_end = tx->bytes + tx->pending_bytes;
	return n;
}

static enum tcpcrypt_push push_of(const struct tcpcrypt_tx *tx)
{
	if (tcpcrypt_tx_urgent(tx))
		return TCPCRYPT_PUSH_FORCE;
	return skb_queue_empty(&tx->pending) ? TCPCRYPT_PUSH_NOW :
					       TCPCRYPT_PUSH_HOLD;
}

/**
 * tcpcrypt_pending_flush() - send what waited for keys
 * @sk:  the socket
 * @ctx: its context, in TCPCRYPT_OPEN
 *
 * Context: the socket's lock, owned; sleeps.
 * Return: 0 if nothing waits any more, or a negative errno: -EAGAIN if TCP
 * has no room.
 */
int tcpcrypt_pending_flush(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct tcpcrypt_tx *tx = &ctx->tx;
	struct sk_buff *skb;
	struct iov_iter iter;
	struct kvec vec;
	int ret;

	while ((skb = skb_peek(&tx->pending))) {
		if (!sk_stream_memory_free(sk))
			return -EAGAIN;
		vec.iov_base = skb->data;
		vec.iov_len = skb->len;
		iov_iter_kvec(&iter, ITER_SOURCE, &vec, 1, skb->len);
		ret = tcpcrypt_tx_fill(sk, ctx, &iter, false);
		if (ret < 0)
			return ret;
		tx->pending_bytes -= ret;
		__skb_pull(skb, ret);
		if (!skb->len)
			release(sk, tx, skb);
		ret = tcpcrypt_tx_pump(sk, ctx, push_of(tx));
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * tcpcrypt_pending_purge() - drop it
 * @sk: the socket
 * @tx: its sending half
 *
 * Context: the socket's lock, any context.
 */
void tcpcrypt_pending_purge(struct sock *sk, struct tcpcrypt_tx *tx)
{
	struct sk_buff *skb;

	while ((skb = skb_peek(&tx->pending)))
		release(sk, tx, skb);
}
