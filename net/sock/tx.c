// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: from the application's data to frames in TCP's write queue.
 *
 * A frame is built and sealed in one buffer: header, flags, data, tag. What
 * was sealed is sent as it is, however often TCP has no room for it: two
 * different plaintexts never share an offset (RFC 8548, section 3.6).
 */

#include <linux/scatterlist.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "../hook/hook.h"
#include "sock.h"

/* Largest frame that we send, all of it; a buffer of this size is kept. */
#define FRAME_MAX	16384
#define FRAME_DATA_MAX	(FRAME_MAX - TCPCRYPT_FRAME_OVERHEAD)
#define FRAME_DATA_MIN	256
/* One piece of the plaintext that waits for keys. */
#define PENDING_PIECE	SKB_MAX_ORDER(0, 0)

static u32 left(const struct tcpcrypt_tx *tx)
{
	return tx->buf_len - tx->buf_off;
}

/*
 * No frame is larger than TCP can send now: the peer can use a frame only
 * when all of it has arrived. Half the largest window it ever offered, the
 * congestion window, half of our send buffer.
 */
static u32 frame_limit(const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	u32 limit = FRAME_MAX, mss = max_t(u32, tp->mss_cache, FRAME_DATA_MIN);

	limit = min(limit, max(tp->max_window >> 1, mss));
	limit = min_t(u64, limit, (u64)tcp_snd_cwnd(tp) * mss);
	limit = min_t(u32, limit, READ_ONCE(sk->sk_sndbuf) >> 1);
	return max_t(u32, limit, FRAME_DATA_MIN) - TCPCRYPT_FRAME_OVERHEAD;
}

/*
 * Urgent data waits neither for Nagle's algorithm nor for TCP_CORK or
 * MSG_MORE: see tcp_nagle_test(), which here is not in urgent mode.
 */
static int send_urgent(struct sock *sk, struct msghdr *msg, u32 len)
{
	struct tcp_sock *tp = tcp_sk(sk);
	u8 nonagle = tp->nonagle;
	int ret;

	msg->msg_flags &= ~MSG_MORE;
	tp->nonagle = TCP_NAGLE_OFF;
	ret = tcp_sendmsg_locked(sk, msg, len);
	tp->nonagle = nonagle | TCP_NAGLE_PUSH;
	return ret;
}

/* Hands sealed bytes to TCP. Return: 0, or a negative errno: -EAGAIN if TCP
 * has no room for all of them.
 */
static int push(struct sock *sk, struct tcpcrypt_ctx *ctx, int flags)
{
	struct tcpcrypt_tx *tx = &ctx->tx;
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL |
					   (flags & MSG_MORE) };
	struct kvec vec;
	int ret;

	/*
	 * RFC 8548, section 3.3: PSH on the last byte of Init. It would go if
	 * frames joined a segment that waits.
	 */
	if (!tx->frames)
		msg.msg_flags |= MSG_EOR;
	while (left(tx)) {
		/* tcp_sendmsg_locked() would consume it */
		if (sk->sk_err)
			return -EPIPE;
		/* a thread inside the stack's sendmsg(): see is_foreign() */
		if (tcp_sk(sk)->write_seq != tx->seq)
			return -EPERM;
		vec.iov_base = tx->buf + tx->buf_off;
		vec.iov_len = left(tx);
		iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, &vec, 1, left(tx));
		tx->seq += left(tx);
		ret = unlikely(tx->urg) ? send_urgent(sk, &msg, left(tx)) :
			tcp_sendmsg_locked(sk, &msg, left(tx));
		if (ret > 0)
			tx->buf_off += ret;
		tx->seq -= left(tx);
		if (ret <= 0)
			return ret ? : -EAGAIN;
	}
	tx->buf_off = 0;
	tx->buf_len = 0;
	return 0;
}

static void free_buf(struct tcpcrypt_tx *tx)
{
	kfree(tx->buf);
	tx->buf = NULL;
	tx->buf_size = 0;
}

/* The buffer for a frame of @len bytes; nothing may be left in it. */
static int get_buf(struct sock *sk, struct tcpcrypt_tx *tx, u32 len)
{
	if (tx->buf_size >= len)
		return 0;
	free_buf(tx);
	tx->buf = kmalloc(len, sk->sk_allocation);
	if (!tx->buf)
		return -ENOMEM;
	tx->buf_size = len;
	return 0;
}

static u32 urg_len(u8 flags)
{
	return flags & TCPCRYPT_FLAG_URG ? TCPCRYPT_URG_LEN : 0;
}

/* What a frame with these flags has besides its data. */
static u32 overhead(u8 flags)
{
	return TCPCRYPT_FRAME_OVERHEAD + urg_len(flags);
}

/*
 * Seals the frame whose @len bytes of data stand in the buffer already; @urg
 * is the urgent field, if it has one.
 */
static int seal(struct sock *sk, struct tcpcrypt_ctx *ctx, u32 len, u8 flags,
		u16 urg)
{
	u32 total = len + overhead(flags), plen;
	struct tcpcrypt_tx *tx = &ctx->tx;
	u8 *head = tx->buf + TCPCRYPT_FRAME_HDR;
	struct scatterlist sg;
	int err;

	err = tcpcrypt_rekey_seal(sk, ctx, len);
	if (err)
		return err;
	plen = total - TCPCRYPT_FRAME_HDR - TCPCRYPT_TAG_LEN;
	tcpcrypt_frame_header(tx->buf, ctx->rekey.gen.unused,
			      plen + TCPCRYPT_TAG_LEN);
	head[0] = flags;
	if (flags & TCPCRYPT_FLAG_URG) {
		head[1] = urg >> 8;
		head[2] = urg;
	}
	sg_init_one(&sg, tx->buf, total);
	err = tcpcrypt_cipher_seal(&tx->cipher, &sg, plen, tx->off);
	if (err)
		return err;
	tcpcrypt_rekey_sealed(sk, ctx, len);
	tx->urg = flags & TCPCRYPT_FLAG_URG;
	if (tx->urg)
		tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_URGENTSENT);
	tx->off += total;
	tx->frames++;
	tx->bytes += len;
	tx->buf_off = 0;
	tx->buf_len = total;
	tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_FRAMESSENT);
	return 0;
}

static u8 *frame_data(const struct tcpcrypt_tx *tx, u8 flags)
{
	return tx->buf + TCPCRYPT_FRAME_HDR + TCPCRYPT_FLAGS_LEN +
	       urg_len(flags);
}

/**
 * tcpcrypt_tx_raw() - send bytes of the handshake
 * @sk:   the socket
 * @ctx:  its context, in TCPCRYPT_KEYING
 * @data: an Init message
 * @len:  its length
 *
 * The segment with its last byte carries PSH (RFC 8548, section 3.3): TCP
 * sets it at the end of every send without MSG_MORE, and MSG_EOR keeps it.
 *
 * Context: the socket's lock, owned.
 * Return: 0 or a negative errno; what TCP had no room for is sent later.
 */
int tcpcrypt_tx_raw(struct sock *sk, struct tcpcrypt_ctx *ctx, const u8 *data,
		    u32 len)
{
	struct tcpcrypt_tx *tx = &ctx->tx;
	int err;

	err = get_buf(sk, tx, len);
	if (err)
		return err;
	memcpy(tx->buf, data, len);
	tx->buf_len = len;
	tx->off += len;
	err = push(sk, ctx, 0);
	return err == -EAGAIN ? 0 : err;
}

static void release_pending(struct sock *sk, struct tcpcrypt_tx *tx,
			    struct sk_buff *skb)
{
	__skb_unlink(skb, &tx->pending);
	tx->pending_bytes -= skb->len;
	tx->pending_truesize -= skb->truesize;
	sk_mem_uncharge(sk, skb->truesize);
	kfree_skb(skb);
}

/* Seals and sends what waited for keys. Return: 0 or a negative errno. */
static int flush_pending(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct tcpcrypt_tx *tx = &ctx->tx;
	struct sk_buff *skb;
	u64 urg;
	u32 n;
	u8 flags;
	int err;

	while ((skb = skb_peek(&tx->pending))) {
		if (!sk_stream_memory_free(sk))
			return -EAGAIN;
		/* the field may point beyond the frame, as TCP's pointer */
		urg = tx->urg_end - tx->bytes - 1;
		flags = tx->urg_end > tx->bytes && urg <= U16_MAX ?
			TCPCRYPT_FLAG_URG : 0;
		n = min(skb->len, frame_limit(sk) - urg_len(flags));
		err = get_buf(sk, tx, n + overhead(flags));
		if (err)
			return err;
		memcpy(frame_data(tx, flags), skb->data, n);
		err = seal(sk, ctx, n, flags, urg);
		if (err)
			return err;
		if (n == skb->len) {
			release_pending(sk, tx, skb);
		} else {
			__skb_pull(skb, n);
			tx->pending_bytes -= n;
		}
		err = push(sk, ctx, skb_queue_empty(&tx->pending) ?
				    0 : MSG_MORE);
		if (err)
			return err;
	}
	return 0;
}

/*
 * The frames with rekey = 1 that must leave though there is no data. At once
 * (RFC 8548, section 3.8): neither Nagle nor a cork holds them.
 */
static int flush_rekey(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	u8 nonagle = tcp_sk(sk)->nonagle;
	int err = 0;

	while (!err && tcpcrypt_rekey_owes(ctx)) {
		err = get_buf(sk, &ctx->tx, TCPCRYPT_FRAME_OVERHEAD);
		if (!err)
			err = seal(sk, ctx, 0, 0, 0);
		if (err)
			break;
		tcp_sk(sk)->nonagle = TCP_NAGLE_OFF;
		err = push(sk, ctx, tcpcrypt_rekey_owes(ctx) ? MSG_MORE : 0);
		tcp_sk(sk)->nonagle = nonagle;
		cond_resched();
	}
	return err;
}

/**
 * tcpcrypt_tx_stuck() - do answers to rekeying wait for room in TCP?
 * @ctx: the context
 *
 * Then frames that want another answer are left alone: their peer does not
 * read.
 *
 * Context: the socket's lock.
 * Return: whether they do.
 */
bool tcpcrypt_tx_stuck(const struct tcpcrypt_ctx *ctx)
{
	return left(&ctx->tx) && tcpcrypt_rekey_owes(ctx);
}

static int flush(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	int err;

	/* an orderly end of TCP's state machine: nobody can send any more */
	if (!((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)))
		return -EAGAIN;
	err = push(sk, ctx, 0);
	if (!err && ctx->state == TCPCRYPT_OPEN)
		err = flush_pending(sk, ctx);
	return err ? : flush_rekey(sk, ctx);
}

/* -EAGAIN: TCP wakes us through sk_write_space, if asked to. */
static int again(struct sock *sk, struct tcpcrypt_ctx *ctx, int err)
{
	if (err == -EAGAIN && sk->sk_socket)
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	if (err == -ENOMEM)
		tcpcrypt_retry(ctx);
	if (err == -EAGAIN || err == -ENOMEM)
		return 0;
	/* the connection is gone; its own error is what counts */
	return err == -EPIPE ? 0 : err;
}

/**
 * tcpcrypt_tx_flush() - send what waits
 * @sk:  the socket
 * @ctx: its context
 *
 * Context: the socket's lock, owned; sleeps.
 * Return: 0, also if something still waits, or a negative errno.
 */
int tcpcrypt_tx_flush(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	int err;

	if (!tcpcrypt_tx_waiting(ctx))
		return 0;
	err = flush(sk, ctx);
	if (!err) {
		free_buf(&ctx->tx);
		if (!ctx->closing)
			ctx->write_space(sk);
	}
	return again(sk, ctx, err);
}

/**
 * tcpcrypt_tx_finish() - send what waits, FINp, and then TCP's FIN
 * @sk:  the socket
 * @ctx: its context
 *
 * RFC 8548, section 3.7: FINp is on the last frame, TCP's FIN on the segment
 * with its last byte: the frame is corked until tcp_send_fin() joins it.
 *
 * Context: the socket's lock, owned; sleeps.
 * Return: 0, also if something still waits, or a negative errno.
 */
int tcpcrypt_tx_finish(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct tcpcrypt_tx *tx = &ctx->tx;
	int err;

	if (tx->done || ctx->state != TCPCRYPT_OPEN)
		return 0;
	err = flush(sk, ctx);
	if (err)
		return again(sk, ctx, err);
	if (!tx->fin) {
		err = get_buf(sk, tx, overhead(TCPCRYPT_FLAG_FIN));
		if (!err)
			err = seal(sk, ctx, 0, TCPCRYPT_FLAG_FIN, 0);
		if (err)
			return again(sk, ctx, err);
		tx->fin = true;
		tcpcrypt_rekey_end(ctx, true, false);
		tcpcrypt_cipher_free(&tx->cipher);
	}
	err = push(sk, ctx, MSG_MORE);
	if (err)
		return again(sk, ctx, err);
	free_buf(tx);
	tx->done = true;
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | SEND_SHUTDOWN);
	ctx->prot->shutdown(sk, SEND_SHUTDOWN);
	tcpcrypt_alive_end(sk, ctx);
	return 0;
}

/**
 * tcpcrypt_tx_waiting() - does anything wait for room in TCP?
 * @ctx: the context
 *
 * Context: the socket's lock.
 * Return: whether it does, FINp and rekeying included.
 */
bool tcpcrypt_tx_waiting(const struct tcpcrypt_ctx *ctx)
{
	const struct tcpcrypt_tx *tx = &ctx->tx;

	return left(tx) || !skb_queue_empty(&tx->pending) ||
	       (ctx->shut_wr && !tx->done) || tcpcrypt_rekey_owes(ctx);
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
	       sk_stream_is_writeable(sk);
}

/* Room for a sender who waits? */
static bool has_room(const struct sock *sk, const struct tcpcrypt_ctx *ctx)
{
	if (READ_ONCE(ctx->state) == TCPCRYPT_KEYING)
		return READ_ONCE(ctx->tx.pending_truesize) <
		       READ_ONCE(sk->sk_sndbuf);
	return sk_stream_memory_free(sk);
}

static bool tx_news(const struct sock *sk, const struct tcpcrypt_ctx *ctx,
		    bool starved)
{
	bool ret;

	/* without the lock: softirq may detach, and RCU frees, @ctx */
	rcu_read_lock();
	ret = tcpcrypt_ctx(sk) != ctx || READ_ONCE(sk->sk_err) ||
	      READ_ONCE(ctx->err) || READ_ONCE(ctx->shut_wr) ||
	      READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN ||
	      (!starved && has_room(sk, ctx));
	rcu_read_unlock();
	return ret;
}

/*
 * Waits for room. If there is room and the send failed all the same, memory
 * is short: wait a moment, as sk_stream_wait_memory() does.
 */
static int wait_room(struct sock *sk, struct tcpcrypt_ctx *ctx, long *timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	bool starved = has_room(sk, ctx);
	long pause = min_t(long, *timeo, HZ / 10 + 1), slept = pause;
	int ret;

	if (sk->sk_socket)
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	if (!*timeo)
		return -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(*timeo);
	sk_clear_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	add_wait_queue(sk_sleep(sk), &wait);
	sk->sk_write_pending++;
	ret = sk_wait_event(sk, starved ? &pause : timeo,
			    tx_news(sk, ctx, starved), &wait);
	sk->sk_write_pending--;
	remove_wait_queue(sk_sleep(sk), &wait);
	if (starved && *timeo != MAX_SCHEDULE_TIMEOUT)
		*timeo -= slept - pause;
	if (ret < 0 || tcpcrypt_ctx(sk) != ctx)
		return -EPIPE;
	return 0;
}

/* Keeps plaintext until there are keys. Return: bytes or a negative errno. */
static int send_pending(struct sock *sk, struct tcpcrypt_ctx *ctx,
			struct msghdr *msg)
{
	struct tcpcrypt_tx *tx = &ctx->tx;
	struct sk_buff *skb;
	size_t n;

	if (!has_room(sk, ctx))
		return -EAGAIN;
	n = min_t(size_t, msg_data_left(msg), PENDING_PIECE);
	skb = alloc_skb(n, sk->sk_allocation);
	if (!skb)
		return -EAGAIN;
	if (!sk_wmem_schedule(sk, skb->truesize))
		goto nomem;
	n = copy_from_iter(skb_put(skb, n), n, &msg->msg_iter);
	if (!n) {
		kfree_skb(skb);
		return -EFAULT;
	}
	__skb_trim(skb, n);
	sk_mem_charge(sk, skb->truesize);
	tx->pending_bytes += n;
	WRITE_ONCE(tx->pending_truesize, tx->pending_truesize +
					 skb->truesize);
	__skb_queue_tail(&tx->pending, skb);
	if (msg->msg_flags & MSG_OOB && !msg_data_left(msg))
		tx->urg_end = tx->bytes + tx->pending_bytes;
	return n;

nomem:
	kfree_skb(skb);
	return -EAGAIN;
}

/*
 * Seals and sends one frame. Return: bytes of data taken, which may still
 * wait in the buffer, or a negative errno: nothing was taken.
 */
static int send_frame(struct sock *sk, struct tcpcrypt_ctx *ctx,
		      struct msghdr *msg)
{
	struct tcpcrypt_tx *tx = &ctx->tx;
	size_t n, room;
	u8 flags = 0;
	bool more;
	int err;

	err = push(sk, ctx, 0);
	if (err)
		return err;
	if (!sk_stream_memory_free(sk))
		return -EAGAIN;
	room = frame_limit(sk);
	/* the last byte of the call's data is urgent, as TCP's */
	if (msg->msg_flags & MSG_OOB) {
		room -= TCPCRYPT_URG_LEN;
		if (msg_data_left(msg) <= room)
			flags = TCPCRYPT_FLAG_URG;
	}
	n = min_t(size_t, msg_data_left(msg), room);
	err = get_buf(sk, tx, n + overhead(flags));
	if (err)
		return -EAGAIN;
	n = copy_from_iter(frame_data(tx, flags), n, &msg->msg_iter);
	if (!n)
		return -EFAULT;
	err = seal(sk, ctx, n, flags, n - 1);
	if (err) {
		iov_iter_revert(&msg->msg_iter, n);
		return err == -ENOMEM ? -EAGAIN : err;
	}
	more = msg->msg_flags & MSG_MORE || msg_data_left(msg);
	err = push(sk, ctx, more ? MSG_MORE : 0);
	return err && err != -EAGAIN ? err : n;
}

static int send_some(struct sock *sk, struct tcpcrypt_ctx *ctx,
		     struct msghdr *msg)
{
	if (ctx->state == TCPCRYPT_FAILED || sk->sk_err || ctx->shut_wr ||
	    sk->sk_shutdown & SEND_SHUTDOWN)
		return -EPIPE;
	if (ctx->state == TCPCRYPT_KEYING)
		return send_pending(sk, ctx, msg);
	if (!skb_queue_empty(&ctx->tx.pending)) {
		int err = flush(sk, ctx);

		if (err)
			return err;
	}
	return send_frame(sk, ctx, msg);
}

/* Return: bytes, at least one unless @msg is empty, or a negative errno. */
static int send_locked(struct sock *sk, struct tcpcrypt_ctx *ctx,
		       struct msghdr *msg)
{
	long timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	int copied = 0, ret;

	sk_clear_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	if (!msg_data_left(msg) && (ctx->shut_wr || sk->sk_err))
		return -EPIPE;
	while (msg_data_left(msg)) {
		ret = send_some(sk, ctx, msg);
		if (ret == -EAGAIN)
			ret = wait_room(sk, ctx, &timeo);
		if (ret < 0)
			return copied ? : ret;
		copied += ret;
		if (tcpcrypt_ctx(sk) != ctx)
			return copied ? : -EPIPE;
	}
	return copied;
}

/* A buffer that holds nothing need not outlive the call. */
static void relax(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	if (tcpcrypt_ctx(sk) != ctx)
		return;
	if (!left(&ctx->tx))
		free_buf(&ctx->tx);
	else if (sk->sk_socket)
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
}

static bool wants_zerocopy(const struct sock *sk, struct msghdr *msg)
{
	return msg->msg_flags & MSG_ZEROCOPY && msg_data_left(msg) &&
	       !msg->msg_ubuf && sock_flag(sk, SOCK_ZEROCOPY);
}

/* MSG_ZEROCOPY: the data is copied, and the completion says so. */
static int send_zerocopy(struct sock *sk, struct tcpcrypt_ctx *ctx,
			 struct msghdr *msg)
{
	struct ubuf_info *uarg;
	int ret;

	uarg = msg_zerocopy_realloc(sk, msg_data_left(msg), NULL);
	if (!uarg)
		return -ENOBUFS;
	uarg_to_msgzc(uarg)->zerocopy = 0;
	ret = send_locked(sk, ctx, msg);
	if (ret > 0)
		net_zcopy_put(uarg);
	else
		net_zcopy_put_abort(uarg, true);
	return ret;
}

static int send_encrypted(struct sock *sk, struct tcpcrypt_ctx *ctx,
			  struct msghdr *msg)
{
	struct sockcm_cookie cookie;
	int ret;

	if (msg->msg_controllen) {
		sockcm_init(&cookie, sk);
		if (sock_cmsg_send(sk, msg, &cookie))
			return -EINVAL;
	}
	ret = wants_zerocopy(sk, msg) ? send_zerocopy(sk, ctx, msg) :
					send_locked(sk, ctx, msg);
	relax(sk, ctx);
	if (ret == -EPERM || ret == -EBADMSG || ret == -ESTALE)
		tcpcrypt_fail(ctx, -ret);
	if (ret == -EPIPE)
		ret = sk_stream_error(sk, msg->msg_flags, ret);
	return ret;
}

/**
 * tcpcrypt_sendmsg() - sk_prot->sendmsg of attached sockets
 * @sk:   the socket
 * @msg:  the data
 * @size: its length, bytes
 *
 * Context: process.
 * Return: bytes or a negative errno: see include/uapi/linux/tcpcrypt.h.
 */
int tcpcrypt_sendmsg(struct sock *sk, struct msghdr *msg, size_t size)
{
	struct tcpcrypt_ctx *ctx;
	long timeo;
	bool held;
	int ret = 0;

	tcpcrypt_enter();
	lock_sock(sk);
	ctx = tcpcrypt_ctx(sk);
	if (ctx && ctx->state == TCPCRYPT_SYN_SENT) {
		timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
		ret = tcpcrypt_wait_decided(sk, ctx, &timeo, true);
		ctx = tcpcrypt_ctx(sk);
	}
	if (!ret && (!ctx || !tcpcrypt_encrypted(ctx))) {
		release_sock(sk);
		held = tcpcrypt_hold();
		ret = tcpcrypt_prot_base(sk)->sendmsg(sk, msg, size);
		tcpcrypt_unhold(held);
		tcpcrypt_leave();
		return ret;
	}
	if (!ret)
		ret = send_encrypted(sk, ctx, msg);
	release_sock(sk);
	tcpcrypt_leave();
	return ret;
}

/**
 * tcpcrypt_tx_purge() - drop everything that waits to be sent
 * @sk:  the socket
 * @ctx: its context
 *
 * Context: the socket's lock, any context.
 */
void tcpcrypt_tx_purge(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct tcpcrypt_tx *tx = &ctx->tx;
	struct sk_buff *skb;

	while ((skb = skb_peek(&tx->pending)))
		release_pending(sk, tx, skb);
	free_buf(tx);
	tx->buf_off = 0;
	tx->buf_len = 0;
}
