// SPDX-License-Identifier: GPL-2.0
/*
 * recvmsg() and splice() on encrypted sockets.
 */

#include <linux/skbuff.h>
#include <linux/splice.h>
#include <linux/tcp.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../hook/hook.h"
#include "sock.h"

/*
 * A simultaneous open ends without a SYN-ACK that sk_rx_dst_set() could see:
 * plain TCP.
 */
static void decide(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	if (ctx->state != TCPCRYPT_SYN_SENT ||
	    !((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)))
		return;
	if (tcpcrypt_required(ctx))
		tcpcrypt_fail(ctx, ECONNABORTED);
	else
		tcpcrypt_ctx_plain(sk, ctx);
}

/* Also called without the lock: softirq may detach, and RCU frees, @ctx. */
static bool undecided(const struct sock *sk, const struct tcpcrypt_ctx *ctx)
{
	bool ret;

	rcu_read_lock();
	ret = tcpcrypt_ctx(sk) == ctx &&
	      READ_ONCE(ctx->state) == TCPCRYPT_SYN_SENT;
	rcu_read_unlock();
	return ret;
}

/**
 * tcpcrypt_wait_decided() - wait until ENO has succeeded or failed
 * @sk:    the socket
 * @ctx:   its context; may be gone when this returns
 * @timeo: jiffies to wait at most, updated
 * @write: there is data to send: TCP need not hurry with the third ACK
 *
 * A thread must not wait for connect() inside the stack's own functions: it
 * would go on in there, past us.
 *
 * Context: the socket's lock, owned; dropped while waiting.
 * Return: 0, -EAGAIN, the error of connect(), or as after a signal.
 */
int tcpcrypt_wait_decided(struct sock *sk, struct tcpcrypt_ctx *ctx,
			  long *timeo, bool write)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);

	decide(sk, ctx);
	while (undecided(sk, ctx)) {
		if (sk->sk_err)
			return sock_error(sk);
		if (!*timeo)
			return -EAGAIN;
		if (signal_pending(current))
			return sock_intr_errno(*timeo);
		add_wait_queue(sk_sleep(sk), &wait);
		sk->sk_write_pending += write;
		sk_wait_event(sk, timeo, READ_ONCE(sk->sk_err) ||
			      !undecided(sk, ctx) ||
			      (1 << READ_ONCE(sk->sk_state)) &
			      (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT), &wait);
		sk->sk_write_pending -= write;
		remove_wait_queue(sk_sleep(sk), &wait);
		if (tcpcrypt_ctx(sk) != ctx)
			break;
		decide(sk, ctx);
	}
	return 0;
}

/**
 * tcpcrypt_rcvlowat() - have TCP call sk_data_ready for all that comes
 * @sk: the socket
 * @rx: its receiving half
 *
 * SO_RCVLOWAT counts the application's data. tcp_data_ready() compares
 * ciphertext, unless SOCK_DONE is set; nobody else looks at this flag on
 * encrypted sockets.
 *
 * Context: the socket's lock.
 */
void tcpcrypt_rcvlowat(struct sock *sk, const struct tcpcrypt_rx *rx)
{
	sock_valbool_flag(sk, SOCK_DONE, rx->fin || sk->sk_rcvlowat > 1);
}

/**
 * tcpcrypt_set_rcvlowat() - sock->ops->set_rcvlowat of attached sockets
 * @sk:  the socket
 * @val: SO_RCVLOWAT, bytes, at least 1
 *
 * Context: the socket's lock, owned.
 * Return: 0.
 */
int tcpcrypt_set_rcvlowat(struct sock *sk, int val)
{
	const struct proto_ops *ops = tcpcrypt_ops_base(sk->sk_socket->ops);
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx(sk);
	int err = ops->set_rcvlowat(sk, val);

	if (err || !ctx || !tcpcrypt_encrypted(ctx))
		return err;
	tcpcrypt_rcvlowat(sk, &ctx->rx);
	if (tcpcrypt_rx_readable(sk, ctx, sk->sk_rcvlowat))
		ctx->data_ready(sk);
	return 0;
}

/* Anything that a reader who waits must look at? As undecided(). */
static bool has_news(const struct sock *sk, const struct tcpcrypt_ctx *ctx,
		     u32 peeked)
{
	bool ret;

	rcu_read_lock();
	ret = tcpcrypt_ctx(sk) != ctx ||
	      READ_ONCE(ctx->rx.plain_bytes) > peeked ||
	      READ_ONCE(ctx->rx.complete) || READ_ONCE(ctx->rx.fin) ||
	      READ_ONCE(ctx->err) || READ_ONCE(sk->sk_err) ||
	      READ_ONCE(ctx->shut_rd) ||
	      READ_ONCE(sk->sk_state) == TCP_CLOSE;
	rcu_read_unlock();
	return ret;
}

static int wait_data(struct sock *sk, struct tcpcrypt_ctx *ctx, u32 peeked,
		     long *timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int ret;

	add_wait_queue(sk_sleep(sk), &wait);
	sk_set_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	ret = sk_wait_event(sk, timeo, has_news(sk, ctx, peeked), &wait);
	sk_clear_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	remove_wait_queue(sk_sleep(sk), &wait);
	return ret < 0 ? ret : 0;
}

/*
 * Nothing to read now: end-of-file, an error, or wait? The order is that of
 * tcp_recvmsg_locked().
 *
 * Return: 1 to look again, 0 end-of-file, or a negative errno.
 */
static int idle(struct sock *sk, struct tcpcrypt_ctx *ctx, u32 peeked,
		long *timeo)
{
	int err;

	if (ctx->rx.fin)
		return 0;
	if (ctx->err) {
		sock_error(sk);
		return -ctx->err;
	}
	if (sk->sk_err)
		return sock_error(sk);
	if (ctx->shut_rd)
		return 0;
	/* the connection is over, and no FINp was in it */
	if (sk->sk_state == TCP_CLOSE)
		return -ECONNRESET;
	if (ctx->state == TCPCRYPT_OPEN && !ctx->rx.plain_bytes &&
	    (ctx->rx.tcp_fin || ctx->rx.broken)) {
		err = tcpcrypt_rx_settle(sk, ctx);
		if (err) {
			tcpcrypt_fail(ctx, -err);
			return 1;
		}
	}
	/* frames without data, and what this call has read so far */
	tcpcrypt_rx_was_read(sk, ctx);
	if (ctx->rx.complete)
		return 1;
	if (!*timeo)
		return -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(*timeo);
	err = wait_data(sk, ctx, peeked, timeo);
	if (err)
		return err;
	/* disconnected meanwhile */
	return tcpcrypt_ctx(sk) == ctx ? 1 : -ENOTCONN;
}

/* Would more waiting be in vain, now that something was copied? */
static bool is_over(const struct sock *sk, const struct tcpcrypt_ctx *ctx,
		    long timeo)
{
	return !timeo || ctx->rx.fin || ctx->err || sk->sk_err ||
	       ctx->shut_rd || sk->sk_state == TCP_CLOSE ||
	       signal_pending(current);
}

/* Copies decrypted data from @skip bytes on. Return: bytes or -EFAULT. */
static int copy_plain(struct tcpcrypt_rx *rx, struct msghdr *msg,
		      struct tcpcrypt_seen *seen, u32 skip, size_t len,
		      int flags)
{
	struct sk_buff *skb;
	int done = 0;
	u32 n;

	skb_queue_walk(&rx->plain, skb) {
		if (skip >= tcpcrypt_cb(skb)->len) {
			skip -= tcpcrypt_cb(skb)->len;
			continue;
		}
		n = min_t(size_t, tcpcrypt_cb(skb)->len - skip, len - done);
		if (!(flags & MSG_TRUNC) &&
		    skb_copy_datagram_msg(skb, tcpcrypt_cb(skb)->off + skip,
					  msg, n))
			return done ? : -EFAULT;
		tcpcrypt_stamp_seen(seen, skb);
		done += n;
		skip = 0;
		if (done == len)
			break;
	}
	return done;
}

/*
 * A reader stops at urgent data if it has read anything; it must look whether
 * a newer mark has come.
 *
 * Return: 1 to go on, 0 or a negative errno to stop.
 */
static int stop_at_mark(struct sock *sk, struct tcpcrypt_ctx *ctx, u32 peeked,
			int copied, long timeo)
{
	const struct tcpcrypt_rx *rx = &ctx->rx;

	if (tcpcrypt_urgent_look(sk, ctx) == -ENOMEM)
		return -ENOMEM;
	if (!rx->urg_data || rx->urg_seq != tcpcrypt_rx_next(rx) + peeked)
		return 1;
	if (copied)
		return 0;
	if (signal_pending(current))
		return timeo ? sock_intr_errno(timeo) : -EAGAIN;
	return 1;
}

/* Reads decrypted data. Return: bytes, 0 for the urgent byte, or -EFAULT. */
static int read_plain(struct sock *sk, struct tcpcrypt_ctx *ctx,
		      struct msghdr *msg, struct tcpcrypt_seen *seen,
		      u32 *peeked, size_t len, int flags)
{
	u32 n = min_t(size_t, len, ctx->rx.plain_bytes - *peeked);
	u32 at = tcpcrypt_rx_next(&ctx->rx) + *peeked;
	int ret = 0;

	n = tcpcrypt_urgent_room(sk, &ctx->rx, at, n);
	if (n || !len) {
		ret = copy_plain(&ctx->rx, msg, seen, *peeked, n, flags);
		if (ret < 0)
			return ret;
		n = ret;
	} else {
		n = 1;
	}
	if (flags & MSG_PEEK) {
		*peeked += n;
		sk_peek_offset_fwd(sk, n);
	} else if (n) {
		tcpcrypt_rx_eat_plain(sk, ctx, n);
		sk_peek_offset_bwd(sk, n);
	}
	return ret;
}

/*
 * Decrypts a frame, into the reader's buffer if he takes it all. Return: bytes
 * that he got, or a negative errno: -ENOMEM: nothing happened.
 */
static int next_frame(struct sock *sk, struct tcpcrypt_ctx *ctx,
		      struct msghdr *msg, struct tcpcrypt_seen *seen,
		      size_t len, int flags)
{
	int ret = -EAGAIN;

	if (!(flags & (MSG_PEEK | MSG_TRUNC)))
		ret = tcpcrypt_rx_read(sk, ctx, msg, seen, len);
	if (ret > 0)
		sk_peek_offset_bwd(sk, ret);
	return ret == -EAGAIN ? tcpcrypt_rx_decrypt(sk, ctx) : ret;
}

static int recv_locked(struct sock *sk, struct tcpcrypt_ctx *ctx,
		       struct msghdr *msg, struct tcpcrypt_seen *seen,
		       size_t len, int flags)
{
	long timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	int target = sock_rcvlowat(sk, flags & MSG_WAITALL, len);
	struct tcpcrypt_rx *rx = &ctx->rx;
	/* SO_PEEK_OFF, which TCP has since 6.9 */
	u32 peeked = max(sk_peek_offset(sk, flags), 0);
	int copied = 0, ret = 0;

	/* recv() of no bytes waits for one, as TCP's */
	do {
		if (unlikely(rx->urg_data)) {
			ret = stop_at_mark(sk, ctx, peeked, copied, timeo);
			if (ret <= 0)
				break;
			ret = 0;
		}
		if (rx->plain_bytes > peeked) {
			ret = read_plain(sk, ctx, msg, seen, &peeked, len,
					 flags);
			if (ret < 0)
				break;
			copied += ret;
			len -= ret;
			ret = 0;
			continue;
		}
		if (rx->complete && !ctx->err) {
			ret = next_frame(sk, ctx, msg, seen, len, flags);
			if (ret == -ENOMEM)
				break;
			copied += max(ret, 0);
			len -= max(ret, 0);
			ret = 0;
			continue;
		}
		if (copied >= target)
			break;
		if (copied && is_over(sk, ctx, timeo))
			break;
		ret = idle(sk, ctx, peeked, &timeo);
		if (ret <= 0)
			break;
		ret = 0;
	} while (len);
	if (copied && !(flags & MSG_PEEK) && tcpcrypt_ctx(sk) == ctx)
		tcpcrypt_rx_was_read(sk, ctx);
	return copied ? : ret;
}

static void put_inq(struct sock *sk, const struct tcpcrypt_ctx *ctx,
		    struct msghdr *msg)
{
	int inq = tcpcrypt_urgent_inq(sk, ctx);

	/* as tcp_inq_hint(), to which FIN is a byte */
	if (ctx->rx.fin)
		inq++;
	if (msg->msg_get_inq)
		msg->msg_inq = inq;
	if (tcp_sk(sk)->recvmsg_inq)
		put_cmsg(msg, SOL_TCP, TCP_CM_INQ, sizeof(inq), &inq);
}

/**
 * tcpcrypt_recvmsg() - sk_prot->recvmsg of attached sockets
 * @sk:       the socket
 * @msg:      where to
 * @len:      room, bytes
 * @flags:    MSG_*
 * @addr_len: as in the base function
 *
 * Context: process.
 * Return: bytes, 0 at an authentic end-of-file, or a negative errno: see
 * include/uapi/linux/tcpcrypt.h.
 */
int tcpcrypt_recvmsg(struct sock *sk, struct msghdr *msg, size_t len,
		     int flags, int *addr_len)
{
	struct tcpcrypt_seen seen = {};
	struct tcpcrypt_ctx *ctx;
	long timeo;
	bool held;
	int ret;

	tcpcrypt_enter();
	if (flags & MSG_ERRQUEUE) {
		tcpcrypt_stamp_translate(sk);
		goto base;
	}
	lock_sock(sk);
	ctx = tcpcrypt_ctx(sk);
	if (ctx && ctx->state == TCPCRYPT_SYN_SENT) {
		timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
		ret = tcpcrypt_wait_decided(sk, ctx, &timeo, false);
		if (ret)
			goto out;
		ctx = tcpcrypt_ctx(sk);
	}
	if (!ctx || !tcpcrypt_encrypted(ctx)) {
		release_sock(sk);
		goto base;
	}
	tcpcrypt_keys_now(sk, ctx);
	if (flags & MSG_OOB)
		ret = tcpcrypt_urgent_recv(sk, ctx, msg, len, flags);
	else
		ret = recv_locked(sk, ctx, msg, &seen, len, flags);
	if (ret >= 0)
		tcpcrypt_stamp_put(sk, msg, &seen);
	if (ret >= 0 && tcpcrypt_ctx(sk) == ctx)
		put_inq(sk, ctx, msg);
out:
	release_sock(sk);
	tcpcrypt_leave();
	return ret;

base:
	held = tcpcrypt_hold();
	ret = tcpcrypt_prot_base(sk)->recvmsg(sk, msg, len, flags, addr_len);
	tcpcrypt_unhold(held);
	tcpcrypt_leave();
	return ret;
}

/* Moves decrypted data into a pipe. Return: bytes or a negative errno. */
static int splice_plain(struct sock *sk, struct tcpcrypt_ctx *ctx,
			struct pipe_inode_info *pipe, size_t len,
			unsigned int flags)
{
	struct sk_buff *skb = skb_peek(&ctx->rx.plain);
	const struct tcpcrypt_rx *rx = &ctx->rx;
	int ret;

	len = min_t(size_t, len, tcpcrypt_cb(skb)->len);
	if (unlikely(rx->urg_data))
		len = min_t(size_t, len, rx->urg_seq - tcpcrypt_rx_next(rx));
	ret = skb_splice_bits(skb, sk, tcpcrypt_cb(skb)->off, pipe, len,
			      flags);
	if (ret > 0)
		tcpcrypt_rx_eat_plain(sk, ctx, ret);
	return ret;
}

static ssize_t splice_locked(struct sock *sk, struct tcpcrypt_ctx *ctx,
			     struct pipe_inode_info *pipe, size_t len,
			     unsigned int flags, long timeo)
{
	struct tcpcrypt_rx *rx = &ctx->rx;
	ssize_t spliced = 0;
	int ret = 0;

	while (len) {
		if (unlikely(rx->urg_data)) {
			ret = tcpcrypt_urgent_look(sk, ctx);
			if (ret == -ENOMEM)
				break;
		}
		/* as TCP's: not beyond it, 0 although it is no end-of-file */
		if (rx->plain_bytes && tcpcrypt_urgent_at_mark(rx)) {
			if (!spliced)
				ret = idle(sk, ctx, 0, &timeo);
			ret = min(ret, 0);
			break;
		}
		if (rx->plain_bytes) {
			ret = splice_plain(sk, ctx, pipe, len, flags);
			/* no page: 0 would mean end-of-file */
			if (!ret)
				ret = -ENOMEM;
			if (ret < 0)
				break;
			spliced += ret;
			len -= ret;
			continue;
		}
		if (rx->complete && !ctx->err) {
			ret = tcpcrypt_rx_decrypt(sk, ctx);
			if (ret == -ENOMEM)
				break;
			continue;
		}
		if (spliced)
			break;
		ret = idle(sk, ctx, 0, &timeo);
		if (ret <= 0)
			break;
	}
	if (spliced)
		tcpcrypt_rx_was_read(sk, ctx);
	return spliced ? : ret;
}

/**
 * tcpcrypt_splice_read() - sock->ops->splice_read of attached sockets
 * @sock:  the socket
 * @ppos:  unused
 * @pipe:  the pipe
 * @len:   bytes at most
 * @flags: SPLICE_F_*
 *
 * Context: process.
 * Return: as tcpcrypt_recvmsg().
 */
ssize_t tcpcrypt_splice_read(struct socket *sock, loff_t *ppos,
			     struct pipe_inode_info *pipe, size_t len,
			     unsigned int flags)
{
	struct sock *sk = sock->sk;
	struct tcpcrypt_ctx *ctx;
	ssize_t ret = 0;
	long timeo;
	bool held;

	tcpcrypt_enter();
	lock_sock(sk);
	ctx = tcpcrypt_ctx(sk);
	timeo = sock_rcvtimeo(sk, sock->file->f_flags & O_NONBLOCK);
	if (ctx && ctx->state == TCPCRYPT_SYN_SENT) {
		ret = tcpcrypt_wait_decided(sk, ctx, &timeo, false);
		ctx = tcpcrypt_ctx(sk);
	}
	if (!ret && (!ctx || !tcpcrypt_encrypted(ctx))) {
		release_sock(sk);
		held = tcpcrypt_hold();
		ret = tcpcrypt_ops_base(sock->ops)->splice_read(sock, ppos,
								pipe, len,
								flags);
		tcpcrypt_unhold(held);
		goto out;
	}
	if (!ret) {
		tcpcrypt_keys_now(sk, ctx);
		ret = splice_locked(sk, ctx, pipe, len, flags, timeo);
	}
	release_sock(sk);
out:
	tcpcrypt_leave();
	return ret;
}
