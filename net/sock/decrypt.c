// SPDX-License-Identifier: GPL-2.0
/*
 * Receiving: from whole frames to data. Process context.
 *
 * Frames are decrypted out of place: a received page may be the sender's,
 * even page cache that it spliced, and nothing ever writes there.
 */

#include <linux/scatterlist.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "rx.h"
#include "sock.h"

/* Frames that are decrypted in one go without their reader. */
#define SETTLE_BURST	64

/* Scatterlist entries that need no allocation. */
#define SG_SOME		6

/* Upper bound of the scatterlist entries that one skb needs. */
static unsigned int skb_entries(const struct sk_buff *skb)
{
	const struct sk_buff *frag;
	unsigned int n = 1 + skb_shinfo(skb)->nr_frags;

	skb_walk_frags(skb, frag)
		n += skb_entries(frag);
	return n;
}

/*
 * A frame's bytes at the head of ->rx.raw
 * @sg:   their scatterlist
 * @last: the buffer with the last one, whose timestamp the data gets
 * @some: room for short lists
 */
struct raw {
	struct scatterlist	*sg;
	const struct sk_buff	*last;
	struct scatterlist	some[SG_SOME];
};

static void raw_free(struct raw *raw)
{
	if (raw->sg != raw->some)
		kfree(raw->sg);
}

/* Return: entries that the scatterlist of the first @len bytes needs at most */
static unsigned int raw_entries(const struct tcpcrypt_rx *rx, u32 len)
{
	struct sk_buff *skb;
	unsigned int n = 0;

	skb_queue_walk(&rx->raw, skb) {
		n += skb_entries(skb);
		len -= min(len, tcpcrypt_cb(skb)->len);
		if (!len)
			break;
	}
	return n;
}

/* Return: 0, or a negative errno: nothing is to be freed. */
static int raw_sg(const struct tcpcrypt_rx *rx, u32 len, struct raw *raw,
		  gfp_t gfp)
{
	unsigned int n = raw_entries(rx, len), i = 0;
	struct sk_buff *skb;
	u32 take;
	int ret;

	raw->sg = raw->some;
	if (n > ARRAY_SIZE(raw->some))
		raw->sg = kmalloc_array(n, sizeof(*raw->sg), gfp);
	if (!raw->sg)
		return -ENOMEM;
	tcpcrypt_sg_init(raw->sg, n);
	skb_queue_walk(&rx->raw, skb) {
		take = min(len, tcpcrypt_cb(skb)->len);
		ret = skb_to_sgvec_nomark(skb, raw->sg + i,
					  tcpcrypt_cb(skb)->off, take);
		if (ret < 0) {
			raw_free(raw);
			return ret;
		}
		i += ret;
		len -= take;
		raw->last = skb;
		if (!len)
			break;
	}
	sg_mark_end(&raw->sg[i - 1]);
	return 0;
}

/* An skb with @len bytes of room for plaintext, in its len already. */
static struct sk_buff *plain_skb(u32 len, gfp_t gfp)
{
	struct sk_buff *skb;
	int err;

	if (len <= SKB_MAX_ORDER(0, 0)) {
		skb = alloc_skb(len, gfp);
		if (skb)
			skb_put(skb, len);
		return skb;
	}
	skb = alloc_skb_with_frags(0, len, PAGE_ALLOC_COSTLY_ORDER, &err, gfp);
	if (skb) {
		skb->data_len = len;
		skb->len += len;
	}
	return skb;
}

/* Decrypts the frame at the head of ->rx.raw into @skb. */
static int open_frame(struct tcpcrypt_rx *rx, struct sk_buff *skb, u32 clen,
		      gfp_t gfp)
{
	struct scatterlist dst[MAX_SKB_FRAGS + 2];
	struct raw raw;
	int ret;

	ret = raw_sg(rx, TCPCRYPT_FRAME_HDR + clen, &raw, gfp);
	if (ret)
		return ret;
	tcpcrypt_stamp_copy(skb, raw.last);
	sg_init_table(dst, ARRAY_SIZE(dst));
	/* the AEAD wants room for the associated data, some copy it there */
	sg_set_buf(&dst[0], rx->cipher.ad, sizeof(rx->cipher.ad));
	ret = skb_to_sgvec(skb, dst + 1, 0, skb->len);
	if (ret > 0)
		ret = tcpcrypt_cipher_open(&rx->cipher, raw.sg, dst, clen,
					   rx->off);
	raw_free(&raw);
	return ret;
}

/*
 * RFC 8548, section 3.7: end-of-file when and only when FINp was received.
 * Now, and not before, the stack and poll() may see it.
 */
static void rx_fin(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	ctx->rx.fin = true;
	tcpcrypt_rekey_end(ctx, false, true);
	tcpcrypt_cipher_free(&ctx->rx.cipher);
	tcpcrypt_alive_end(sk, ctx);
	sock_set_flag(sk, SOCK_DONE);
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | RCV_SHUTDOWN);
	if (ctx->closing)
		return;
	ctx->state_change(sk);
	/* as tcp_fin(), which has signalled for TCP_CLOSE already */
	if (ctx->shut_wr && sk->sk_state != TCP_CLOSE)
		sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_HUP);
	else
		sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_IN);
}

static void queue_plain(struct sock *sk, struct tcpcrypt_rx *rx,
			struct sk_buff *skb)
{
	tcpcrypt_rx_charge(sk, skb, &rx->plain_truesize);
	__skb_queue_tail(&rx->plain, skb);
}

/*
 * Data that follows other unread data goes into shared buffers if it is little
 * for what its own costs, and fills up those that were begun, or memory would
 * be many times what the window let in: see append() in rx.c.
 */
static void file_plain(struct sock *sk, struct tcpcrypt_rx *rx,
		       struct sk_buff *skb)
{
	struct tcpcrypt_skb_cb *cb = tcpcrypt_cb(skb);
	struct sk_buff *tail;
	u32 n;

	while (cb->len) {
		tail = skb_peek_tail(&rx->plain);
		if (!tail || (!tcpcrypt_rx_room(tail) && cb->len > COPY_MAX &&
			      skb->truesize <= 2 * cb->len))
			break;
		if (!tcpcrypt_rx_room(tail)) {
			tail = alloc_skb(COPY_ROOM, sk->sk_allocation);
			if (!tail)
				break;
			memset(tcpcrypt_cb(tail), 0, sizeof(*cb));
			tcpcrypt_cb(tail)->own = true;
			queue_plain(sk, rx, tail);
		}
		n = min_t(u32, cb->len, skb_tailroom(tail));
		skb_copy_bits(skb, cb->off, skb_put(tail, n), n);
		tcpcrypt_stamp_copy(tail, skb);
		tcpcrypt_cb(tail)->len += n;
		cb->off += n;
		cb->len -= n;
	}
	if (cb->len)
		queue_plain(sk, rx, skb);
	else
		kfree_skb(skb);
}

/* Files an authentic plaintext value. */
static int accept_plain(struct sock *sk, struct tcpcrypt_ctx *ctx,
			struct sk_buff *skb)
{
	u8 head[TCPCRYPT_FLAGS_LEN + TCPCRYPT_URG_LEN];
	struct tcpcrypt_rx *rx = &ctx->rx;
	struct tcpcrypt_plain plain;
	int err;

	if (skb_copy_bits(skb, 0, head, min_t(u32, skb->len, sizeof(head))))
		return -EFAULT;
	err = tcpcrypt_plain_parse(head, skb->len, &plain);
	if (err)
		return err;
	tcpcrypt_urgent_frame(sk, ctx, skb, &plain);
	rx->frames++;
	if (unlikely(rx->refuse && plain.data_len)) {
		rx->refused = true;
		tcpcrypt_kick(ctx);
		kfree_skb(skb);
		return 0;
	}
	WRITE_ONCE(rx->plain_bytes, rx->plain_bytes + plain.data_len);
	/* pairs with smp_rmb() in tcpcrypt_rx_next() */
	smp_wmb();
	WRITE_ONCE(rx->bytes, rx->bytes + plain.data_len);
	tcpcrypt_cb(skb)->own = false;
	tcpcrypt_cb(skb)->off = plain.data_off;
	tcpcrypt_cb(skb)->len = plain.data_len;
	file_plain(sk, rx, skb);
	if (plain.fin)
		rx_fin(sk, ctx);
	return 0;
}

/* The header of the next whole frame. */
struct head {
	u32	clen;
	u32	plen;
	bool	rekey;
	bool	tiny;
};

static void peek_head(const struct tcpcrypt_rx *rx, struct head *head)
{
	u8 hdr[TCPCRYPT_FRAME_HDR];

	tcpcrypt_rx_peek_raw(rx, hdr, sizeof(hdr));
	head->clen = hdr[1] << 8 | hdr[2];
	head->plen = head->clen - TCPCRYPT_TAG_LEN;
	head->rekey = hdr[0] & TCPCRYPT_CONTROL_REKEY;
	head->tiny = tcpcrypt_rx_tiny(hdr[0], head->plen);
}

/* An authentic frame was filed, or given to its reader: the next one. */
static void next_frame(struct sock *sk, struct tcpcrypt_ctx *ctx,
		       const struct head *head)
{
	struct tcpcrypt_rx *rx = &ctx->rx;

	/* a poll() meanwhile must not miss the data: see tcpcrypt_rx_inq() */
	smp_wmb();
	rx->complete--;
	rx->urg_old -= !!rx->urg_old;
	rx->inq -= head->plen - TCPCRYPT_FLAGS_LEN;
	if (head->tiny) {
		rx->tiny--;
		rx->news = true;
	} else {
		rx->whole--;
	}
	tcpcrypt_rx_eat_raw(sk, rx, TCPCRYPT_FRAME_HDR + head->clen);
	tcpcrypt_alive_heard(ctx);
	if (head->rekey)
		tcpcrypt_rekey_opened(sk, ctx);
	tcpcrypt_rx_recharge(sk, ctx);
	tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_FRAMESRECEIVED);
}

/**
 * tcpcrypt_rx_decrypt() - decrypt the next whole frame
 * @sk:  the socket
 * @ctx: its context, in TCPCRYPT_OPEN, with ->rx.complete not 0
 *
 * Context: the socket's lock, owned; sleeps.
 * Return: 0; -ENOMEM: nothing happened; any other: the connection failed.
 */
int tcpcrypt_rx_decrypt(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct tcpcrypt_rx *rx = &ctx->rx;
	struct sk_buff *skb;
	struct head head;
	int err;

	/* FINp is on the last frame alone */
	err = -EPROTO;
	if (rx->fin)
		goto fail;
	peek_head(rx, &head);
	skb = plain_skb(head.plen, sk->sk_allocation);
	if (!skb)
		return -ENOMEM;
	err = tcpcrypt_rekey_open(ctx, head.rekey);
	if (!err)
		err = open_frame(rx, skb, head.clen, sk->sk_allocation);
	if (err == -ENOMEM) {
		kfree_skb(skb);
		return err;
	}
	if (err)
		goto free_skb;
	err = accept_plain(sk, ctx, skb);
	next_frame(sk, ctx, &head);
	if (!err)
		return 0;

free_skb:
	kfree_skb(skb);
fail:
	tcpcrypt_fail(ctx, -err);
	return err;
}

/*
 * Frames that the reader gets without a detour: of plain data, of which he
 * takes all. Whatever is out of the ordinary goes the other way.
 */
static bool is_direct(const struct tcpcrypt_rx *rx, const struct head *head,
		      size_t room)
{
	return !head->tiny && !rx->fin && !rx->refuse && !rx->urg_data &&
	       !rx->plain_bytes && head->plen - TCPCRYPT_FLAGS_LEN <= room;
}

/*
 * Decrypts the frame at the head of ->rx.raw into scratch pages, as @buf.
 * Return: 0 or a negative errno; in either case *@scratch is to be put back
 * if it is not NULL.
 */
static int open_into(struct tcpcrypt_rx *rx, struct tcpcrypt_framebuf *buf,
		     const struct head *head, struct tcpcrypt_seen *seen,
		     struct tcpcrypt_scratch **scratch, gfp_t gfp)
{
	struct scatterlist dst[TCPCRYPT_FRAGS_MAX + 1];
	struct raw raw;
	int err;

	err = raw_sg(rx, TCPCRYPT_FRAME_HDR + head->clen, &raw, gfp);
	if (err)
		return err;
	err = -ENOMEM;
	*scratch = tcpcrypt_scratch_get(buf, raw.sg->offset +
					TCPCRYPT_FRAME_HDR, head->plen, gfp);
	if (!*scratch)
		goto free_raw;
	tcpcrypt_framebuf_sg(buf, dst, 1);
	sg_set_buf(&dst[0], rx->cipher.ad, sizeof(rx->cipher.ad));
	err = tcpcrypt_cipher_open(&rx->cipher, raw.sg, dst, head->clen,
				   rx->off);
	if (!err)
		tcpcrypt_stamp_seen(seen, raw.last);
free_raw:
	raw_free(&raw);
	return err;
}

/*
 * The frame is in @buf and authentic. Return: bytes given to the reader, or
 * -EAGAIN: none.
 */
static int give(struct sock *sk, struct tcpcrypt_ctx *ctx,
		const struct tcpcrypt_framebuf *buf, const struct head *head,
		struct msghdr *msg)
{
	u32 len = head->plen - TCPCRYPT_FLAGS_LEN;
	u8 flags = *tcpcrypt_framebuf_head(buf);
	struct tcpcrypt_rx *rx = &ctx->rx;

	if (flags & TCPCRYPT_FLAG_URG ||
	    !tcpcrypt_framebuf_write(buf, TCPCRYPT_FLAGS_LEN, len,
				     &msg->msg_iter))
		return -EAGAIN;
	rx->frames++;
	WRITE_ONCE(rx->bytes, rx->bytes + len);
	if (flags & TCPCRYPT_FLAG_FIN)
		rx_fin(sk, ctx);
	next_frame(sk, ctx, head);
	rx->urg_old = rx->complete;
	if ((rx->tcp_fin && !rx->fin) || rx->broken)
		tcpcrypt_kick(ctx);
	return len;
}

/**
 * tcpcrypt_rx_read() - decrypt the next whole frame for a reader
 * @sk:   the socket
 * @ctx:  its context, in TCPCRYPT_OPEN, with ->rx.complete not 0
 * @msg:  where to
 * @seen: gets its timestamp
 * @len:  room, bytes
 *
 * The data stands in scratch pages, which the next frame has after it.
 *
 * Context: the socket's lock, owned; sleeps.
 * Return: bytes; -EAGAIN: nothing happened, tcpcrypt_rx_decrypt() must do it;
 * any other: the connection failed.
 */
int tcpcrypt_rx_read(struct sock *sk, struct tcpcrypt_ctx *ctx,
		     struct msghdr *msg, struct tcpcrypt_seen *seen,
		     size_t len)
{
	struct tcpcrypt_scratch *scratch = NULL;
	struct tcpcrypt_rx *rx = &ctx->rx;
	struct tcpcrypt_framebuf buf;
	struct head head;
	int ret;

	peek_head(rx, &head);
	if (!is_direct(rx, &head, len))
		return -EAGAIN;
	ret = tcpcrypt_rekey_open(ctx, false);
	if (!ret)
		ret = open_into(rx, &buf, &head, seen, &scratch,
				sk->sk_allocation);
	if (!ret)
		ret = give(sk, ctx, &buf, &head, msg);
	if (scratch)
		tcpcrypt_scratch_put(scratch);
	if (ret == -ENOMEM)
		return -EAGAIN;
	if (ret < 0 && ret != -EAGAIN)
		tcpcrypt_fail(ctx, -ret);
	return ret;
}

/**
 * tcpcrypt_rx_settle() - do what softirq could not
 * @sk:  the socket
 * @ctx: its context, in TCPCRYPT_OPEN
 *
 * Takes what is left in TCP's queue after a shortage of memory, decrypts
 * frames that cannot wait for a reader, see tcpcrypt_rx_tiny(), looks for
 * urgent data, and judges a TCP FIN that no FINp came before.
 *
 * Context: the socket's lock, owned; sleeps.
 * Return: 0 or a negative errno.
 */
int tcpcrypt_rx_settle(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct tcpcrypt_rx *rx = &ctx->rx;
	u32 inq, burst = 0;
	int err = 0;

	tcpcrypt_rx_hide(sk, ctx);
	inq = rx->inq;
	if (!skb_queue_empty(&sk->sk_receive_queue))
		err = tcpcrypt_rx_drain(sk, ctx);
	tcpcrypt_rx_recharge(sk, ctx);
	if (err == -ENOMEM) {
		tcpcrypt_retry(ctx);
		err = 0;
	}
	inq = rx->inq - inq;
	while (!err && rx->tiny && burst++ < SETTLE_BURST &&
	       !tcpcrypt_tx_stuck(ctx))
		err = tcpcrypt_rx_decrypt(sk, ctx);
	if (burst)
		tcpcrypt_rx_window(sk, ctx);
	if (rx->tiny && !err && !tcpcrypt_tx_stuck(ctx))
		tcpcrypt_kick(ctx);
	/* whoever decrypted it: poll() has said that there was nothing */
	if ((inq || (rx->news && rx->plain_bytes)) && !ctx->closing)
		ctx->data_ready(sk);
	rx->news = false;
	if (err == -ENOMEM) {
		tcpcrypt_retry(ctx);
		return 0;
	}
	if (err)
		return err;
	if (rx->urg_look || rx->refuse || tcpcrypt_urgent_owned(sk))
		err = tcpcrypt_urgent_look(sk, ctx);
	if (err == -ENOMEM) {
		tcpcrypt_retry(ctx);
		return 0;
	}
	if (err)
		return err;
	/*
	 * RFC 8548, section 3.7: TCP's FIN without FINp SHOULD abort; data
	 * that came before it is read first.
	 */
	if (rx->fin || rx->complete || rx->plain_bytes ||
	    !skb_queue_empty(&sk->sk_receive_queue))
		return 0;
	if (rx->broken)
		return -EPROTO;
	return rx->tcp_fin ? -ECONNRESET : 0;
}
