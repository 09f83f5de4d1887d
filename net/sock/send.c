// SPDX-License-Identifier: GPL-2.0
/*
 * sendmsg() on encrypted sockets.
 */

#include <linux/uio.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../hook/hook.h"
#include "tx.h"

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

	tcpcrypt_tx_want(sk, ctx);
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

/* What shall become of data at the end of this call that fills no frame? */
static enum tcpcrypt_push push_of(const struct msghdr *msg)
{
	if (msg->msg_flags & MSG_OOB)
		return TCPCRYPT_PUSH_FORCE;
	if (tcpcrypt_msg_notlast(msg))
		return TCPCRYPT_PUSH_HOLD;
	return msg->msg_flags & MSG_MORE ? TCPCRYPT_PUSH_MORE :
					   TCPCRYPT_PUSH_NOW;
}

/* Bytes that the application has sent so far. */
static u64 accepted(const struct tcpcrypt_tx *tx)
{
	return tx->bytes + tx->open_len + tx->pending_bytes;
}

/*
 * Takes data of the call into the open frame, and sends what can be sent.
 * Return: bytes that were taken, or a negative errno: nothing was.
 */
static int send_open(struct sock *sk, struct tcpcrypt_ctx *ctx,
		     struct msghdr *msg, u32 tsflags)
{
	bool urgent = msg->msg_flags & MSG_OOB;
	int err, n;

	/* the last byte of the call's data is urgent, as TCP's */
	err = !tcpcrypt_tx_left(&ctx->tx) && !ctx->tx.open_len ? 0 :
	      tcpcrypt_tx_pump(sk, ctx, urgent ? TCPCRYPT_PUSH_FORCE :
						 TCPCRYPT_PUSH_HOLD);
	if (err)
		return err == -ENOMEM ? -EAGAIN : err;
	if (!sk_stream_memory_free(sk))
		return -EAGAIN;
	n = tcpcrypt_tx_fill(sk, ctx, &msg->msg_iter, urgent);
	if (n < 0)
		return n == -ENOMEM ? -EAGAIN : n;
	if (!msg_data_left(msg))
		tcpcrypt_stamp_want(sk, ctx, tsflags, accepted(&ctx->tx));
	err = tcpcrypt_tx_pump(sk, ctx, msg_data_left(msg) ?
			       TCPCRYPT_PUSH_HOLD : push_of(msg));
	if (err == -ENOMEM)
		tcpcrypt_retry(ctx);
	return err && err != -EAGAIN && err != -ENOMEM ? err : n;
}

static bool is_ended(const struct sock *sk, const struct tcpcrypt_ctx *ctx)
{
	return ctx->state == TCPCRYPT_FAILED || sk->sk_err || ctx->shut_wr ||
	       sk->sk_shutdown & SEND_SHUTDOWN;
}

/* Before there are keys. Return: as send_open()'s. */
static int send_pending(struct sock *sk, struct tcpcrypt_ctx *ctx,
			struct msghdr *msg, u32 tsflags)
{
	int ret = -EAGAIN;

	if (has_room(sk, ctx))
		ret = tcpcrypt_pending_add(sk, ctx, msg);
	if (ret > 0 && !msg_data_left(msg))
		tcpcrypt_stamp_want(sk, ctx, tsflags, accepted(&ctx->tx));
	return ret;
}

static int send_some(struct sock *sk, struct tcpcrypt_ctx *ctx,
		     struct msghdr *msg, u32 tsflags)
{
	int err;

	if (is_ended(sk, ctx))
		return -EPIPE;
	if (ctx->state == TCPCRYPT_KEYING)
		return send_pending(sk, ctx, msg, tsflags);
	err = tcpcrypt_pending_flush(sk, ctx);
	if (err)
		return err == -ENOMEM ? -EAGAIN : err;
	return send_open(sk, ctx, msg, tsflags);
}

/* A call ends before its data does. */
static void stamp_short(struct sock *sk, struct tcpcrypt_ctx *ctx, u32 tsflags)
{
	struct tcpcrypt_tx *tx = &ctx->tx;

	if (tcpcrypt_tx_left(tx) || tx->open_len || tx->pending_bytes)
		tcpcrypt_stamp_want(sk, ctx, tsflags, accepted(tx));
	else
		tcpcrypt_stamp_tail(sk, ctx, tsflags, accepted(tx));
}

/* Errors after which nothing that was taken can be sent any more */
static bool is_fatal(int err)
{
	return err == -EPERM || err == -ESTALE || err == -EIO;
}

/* Return: bytes, at least one unless @msg is empty, or a negative errno. */
static int send_locked(struct sock *sk, struct tcpcrypt_ctx *ctx,
		       struct msghdr *msg, u32 tsflags)
{
	long timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	int copied = 0, ret;

	sk_clear_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	tcpcrypt_stamp_call(sk, ctx, accepted(&ctx->tx));
	while (msg_data_left(msg)) {
		ret = send_some(sk, ctx, msg, tsflags);
		/* also if the call returns what it took before */
		if (is_fatal(ret))
			tcpcrypt_fail(ctx, -ret);
		if (ret == -EAGAIN)
			ret = wait_room(sk, ctx, &timeo);
		if (ret < 0 && copied && tcpcrypt_ctx(sk) == ctx)
			stamp_short(sk, ctx, tsflags);
		if (ret < 0)
			return copied ? : ret;
		copied += ret;
		if (tcpcrypt_ctx(sk) != ctx)
			return copied ? : -EPIPE;
	}
	return copied;
}

/* What was taken of a call that was cut short does not wait for the rest. */
static void rest(struct sock *sk, struct tcpcrypt_ctx *ctx,
		 struct msghdr *msg)
{
	if (msg_data_left(msg))
		ctx->tx.more = false;
	tcpcrypt_tx_rest(sk, ctx);
}

static bool wants_zerocopy(const struct sock *sk, struct msghdr *msg)
{
	return msg->msg_flags & MSG_ZEROCOPY && msg_data_left(msg) &&
	       !msg->msg_ubuf && sock_flag(sk, SOCK_ZEROCOPY);
}

/* MSG_ZEROCOPY: the data is copied, and the completion says so. */
static int send_zerocopy(struct sock *sk, struct tcpcrypt_ctx *ctx,
			 struct msghdr *msg, u32 tsflags)
{
	struct ubuf_info *uarg;
	int ret;

	uarg = msg_zerocopy_realloc(sk, msg_data_left(msg), NULL);
	if (!uarg)
		return -ENOBUFS;
	uarg_to_msgzc(uarg)->zerocopy = 0;
	ret = send_locked(sk, ctx, msg, tsflags);
	if (ret > 0)
		net_zcopy_put(uarg);
	else
		net_zcopy_put_abort(uarg, true);
	return ret;
}

/* What MSG_FASTOPEN gives on a connection: see tcp_sendmsg_fastopen(). */
static int fastopen_errno(const struct sock *sk, const struct msghdr *msg)
{
	const struct sockaddr *to = msg->msg_name;
	bool named = to && msg->msg_namelen >= sizeof(to->sa_family);

	if (!(READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_fastopen) &
	      TFO_CLIENT_ENABLE) || (named && to->sa_family == AF_UNSPEC))
		return -EOPNOTSUPP;
	return to && !named ? -EINVAL : -EISCONN;
}

static int send_encrypted(struct sock *sk, struct tcpcrypt_ctx *ctx,
			  struct msghdr *msg)
{
	struct sockcm_cookie cookie;
	int ret;

	/* in the order of tcp_sendmsg_locked() */
	if (msg->msg_flags & MSG_FASTOPEN)
		return fastopen_errno(sk, msg);
	if (is_ended(sk, ctx))
		return sk_stream_error(sk, msg->msg_flags, -EPIPE);
	tcpcrypt_keys_now(sk, ctx);
	sockcm_init(&cookie, sk);
	if (msg->msg_controllen && sock_cmsg_send(sk, msg, &cookie))
		return -EINVAL;
	ret = wants_zerocopy(sk, msg) ?
	      send_zerocopy(sk, ctx, msg, cookie.tsflags) :
	      send_locked(sk, ctx, msg, cookie.tsflags);
	if (tcpcrypt_ctx(sk) == ctx)
		rest(sk, ctx, msg);
	if (ret == -EPIPE)
		ret = sk_stream_error(sk, msg->msg_flags, ret);
	return ret;
}

/**
 * tcpcrypt_send() - send, for system calls and for sendfile()
 * @sk:   the socket
 * @msg:  the data
 * @size: its length, bytes
 *
 * Context: process.
 * Return: bytes or a negative errno: see include/uapi/linux/tcpcrypt.h.
 */
int tcpcrypt_send(struct sock *sk, struct msghdr *msg, size_t size)
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
 * tcpcrypt_sendmsg() - sk_prot->sendmsg of attached sockets
 * @sk:   the socket
 * @msg:  the data
 * @size: its length, bytes
 *
 * Context: process.
 * Return: as tcpcrypt_send().
 */
int tcpcrypt_sendmsg(struct sock *sk, struct msghdr *msg, size_t size)
{
	tcpcrypt_msg_sanitize(msg);
	return tcpcrypt_send(sk, msg, size);
}
