// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: from plaintext to frames in TCP's write queue.
 *
 * A frame is built and sealed in one buffer: header, flags, data, tag. As long
 * as it is open, ->tx.open, data can join it: coalesce.c says when it is
 * sealed. What was sealed, ->tx.buf, is sent as it is, however often TCP has
 * no room for it: two different plaintexts never share an offset (RFC 8548,
 * section 3.6).
 */

#include <linux/scatterlist.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "tx.h"

/*
 * Neither Nagle's algorithm nor TCP_CORK or MSG_MORE keeps this: see
 * tcp_nagle_test().
 */
static int send_now(struct sock *sk, struct msghdr *msg, u32 len)
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

/* The sealed frame is TCP's now; its buffer serves for the next one. */
static void pushed(struct tcpcrypt_tx *tx)
{
	tx->buf_off = 0;
	WRITE_ONCE(tx->buf_len, 0);
	if (tx->open) {
		kfree(tx->buf);
	} else {
		tx->open = tx->buf;
		tx->open_size = tx->buf_size;
	}
	tx->buf = NULL;
	tx->buf_size = 0;
}

/* Return: as tcpcrypt_tx_push()'s. */
static int push_left(struct sock *sk, struct tcpcrypt_ctx *ctx, int flags,
		     bool at_once)
{
	struct tcpcrypt_tx *tx = &ctx->tx;
	struct tcpcrypt_stamp_cmsg cmsg;
	struct kvec vec;
	u32 len;
	int ret;

	while ((len = tcpcrypt_tx_left(tx))) {
		struct msghdr msg = { .msg_flags = flags };
		bool part;

		/* tcp_sendmsg_locked() would consume it */
		if (sk->sk_err)
			return -EPIPE;
		/* a thread inside the stack's sendmsg(): see is_foreign() */
		if (tcp_sk(sk)->write_seq != tx->seq)
			return -EPERM;
		len = tcpcrypt_stamp_push(sk, ctx, &msg, &cmsg, tx->seq, len,
					  tx->bytes);
		part = len < tcpcrypt_tx_left(tx);
		vec.iov_base = tx->buf + tx->buf_off;
		vec.iov_len = len;
		iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, &vec, 1, len);
		tx->seq += len;
		ret = at_once && !part ? send_now(sk, &msg, len) :
					 tcp_sendmsg_locked(sk, &msg, len);
		tx->seq -= len;
		if (ret > 0) {
			tx->buf_off += ret;
			tx->seq += ret;
		}
		if (ret <= 0)
			return ret ? : -EAGAIN;
	}
	return 0;
}

/**
 * tcpcrypt_tx_push() - hand sealed bytes to TCP
 * @sk:  the socket
 * @ctx: its context
 * @how: what shall become of a partial segment
 *
 * Context: the socket's lock, owned; sleeps.
 * Return: 0, or a negative errno: -EAGAIN if TCP has no room for all of them.
 */
int tcpcrypt_tx_push(struct sock *sk, struct tcpcrypt_ctx *ctx,
		     enum tcpcrypt_push how)
{
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL, err;
	struct tcpcrypt_tx *tx = &ctx->tx;

	if (!tcpcrypt_tx_left(tx))
		return 0;
	/*
	 * RFC 8548, section 3.3: PSH on the last byte of Init. It would go if
	 * frames joined a segment that waits.
	 */
	if (!tx->frames)
		flags |= MSG_EOR;
	tx->corked = how == TCPCRYPT_PUSH_MORE || how == TCPCRYPT_PUSH_HOLD;
	/* TCP's FIN joins FINp */
	if (tx->corked && !tx->fin &&
	    tcpcrypt_tx_fills_up(sk, tcpcrypt_tx_left(tx))) {
		tx->corked = false;
		how = TCPCRYPT_PUSH_FORCE;
	}
	if (tx->corked)
		flags |= MSG_MORE;
	tx->pumping = true;
	err = push_left(sk, ctx, flags, how == TCPCRYPT_PUSH_FORCE || tx->urg);
	tx->pumping = false;
	if (!err)
		pushed(tx);
	return err;
}

static void free_open(struct tcpcrypt_tx *tx)
{
	kfree(tx->open);
	tx->open = NULL;
	WRITE_ONCE(tx->open_len, 0);
	tx->open_size = 0;
	tx->open_urg = false;
	tx->held = false;
}

/* Can a frame whose data begins at @at say where the urgent byte is? */
static bool is_urgent(const struct tcpcrypt_tx *tx, u64 at)
{
	return tx->urg_end > at && tx->urg_end - at - 1 <= U16_MAX;
}

static u32 urg_len(const struct tcpcrypt_tx *tx)
{
	return tx->open_urg ? TCPCRYPT_URG_LEN : 0;
}

/* What the open frame has besides its data. */
static u32 overhead(const struct tcpcrypt_tx *tx)
{
	return TCPCRYPT_FRAME_OVERHEAD + urg_len(tx);
}

static u8 *open_data(const struct tcpcrypt_tx *tx)
{
	return tx->open + TCPCRYPT_FRAME_HDR + TCPCRYPT_FLAGS_LEN + urg_len(tx);
}

/* Room for @len more bytes of data in the open frame; grows in powers of 2. */
static int reserve(struct sock *sk, struct tcpcrypt_tx *tx, u32 len)
{
	u32 size = tx->open_len + len + overhead(tx);
	u8 *buf;

	if (tx->open_size >= size)
		return 0;
	if (tx->open_len)
		size = max(size, min_t(u32, 2 * tx->open_size, FRAME_MAX));
	buf = kmalloc(size, sk->sk_allocation);
	if (!buf)
		return -ENOMEM;
	if (tx->open_len)
		memcpy(buf, tx->open, tx->open_len + TCPCRYPT_FRAME_HDR +
		       TCPCRYPT_FLAGS_LEN + urg_len(tx));
	kfree(tx->open);
	tx->open = buf;
	tx->open_size = size;
	return 0;
}

/**
 * tcpcrypt_tx_fill() - put data into the open frame
 * @sk:     the socket
 * @ctx:    its context, in TCPCRYPT_OPEN; the open frame is not full
 * @from:   the data, not empty
 * @urgent: its last byte is urgent, if all of it is taken; nothing is in the
 *          open frame
 *
 * Context: the socket's lock, owned; sleeps.
 * Return: bytes that were taken, or -EFAULT or -ENOMEM: nothing was.
 */
int tcpcrypt_tx_fill(struct sock *sk, struct tcpcrypt_ctx *ctx,
		     struct iov_iter *from, bool urgent)
{
	u32 limit = tcpcrypt_tx_limit(sk), n;
	struct tcpcrypt_tx *tx = &ctx->tx;
	size_t len = iov_iter_count(from);
	struct tcp_sock *tp = tcp_sk(sk);

	/* for data that is gone, see tcp_skb_entail() */
	if (!tx->open_len && tp->write_seq == tp->snd_nxt)
		tp->nonagle &= ~TCP_NAGLE_PUSH;
	if (urgent && len <= limit - TCPCRYPT_URG_LEN)
		tx->urg_end = tx->bytes + len;
	if (!tx->open_len)
		tx->open_urg = is_urgent(tx, tx->bytes);
	limit -= urg_len(tx);
	/* it may have shrunk below what is there */
	n = limit > tx->open_len ? limit - tx->open_len : 1;
	n = min_t(size_t, n, len);
	if (reserve(sk, tx, n))
		return -ENOMEM;
	if (!copy_from_iter_full(open_data(tx) + tx->open_len, n, from))
		return -EFAULT;
	WRITE_ONCE(tx->open_len, tx->open_len + n);
	return n;
}

/*
 * Makes the first @len bytes of the open frame one that ->tx.buf can take;
 * the others stay open, in a buffer of their own.
 */
static int split(struct sock *sk, struct tcpcrypt_tx *tx, u32 len)
{
	u32 rest = tx->open_len - len, size = 0;
	u8 *from = open_data(tx) + len;
	u8 *buf = NULL;

	if (rest) {
		size = rest + TCPCRYPT_FRAME_OVERHEAD + TCPCRYPT_URG_LEN;
		buf = kmalloc(size, sk->sk_allocation);
		if (!buf)
			return -ENOMEM;
	}
	tx->buf = tx->open;
	tx->buf_size = tx->open_size;
	tx->open = buf;
	tx->open_size = size;
	WRITE_ONCE(tx->open_len, rest);
	tx->open_urg = is_urgent(tx, tx->bytes + len);
	tx->held = false;
	if (rest)
		memcpy(open_data(tx), from, rest);
	return 0;
}

/*
 * Encrypts the frame in ->tx.buf. It can be done once only, in place: an
 * error ends the connection. Return: 0 or -EPIPE.
 */
static int encrypt(struct sock *sk, struct tcpcrypt_ctx *ctx, u32 len,
		   bool urgent, u8 flags)
{
	u32 head = TCPCRYPT_FLAGS_LEN + (urgent ? TCPCRYPT_URG_LEN : 0);
	u32 total = TCPCRYPT_FRAME_HDR + head + len + TCPCRYPT_TAG_LEN;
	struct tcpcrypt_tx *tx = &ctx->tx;
	u8 *plain = tx->buf + TCPCRYPT_FRAME_HDR;
	struct scatterlist sg;
	u16 urg;
	int err;

	tcpcrypt_frame_header(tx->buf, ctx->rekey.gen.unused,
			      head + len + TCPCRYPT_TAG_LEN);
	plain[0] = flags;
	if (urgent) {
		plain[0] |= TCPCRYPT_FLAG_URG;
		urg = tx->urg_end - tx->bytes - 1;
		plain[1] = urg >> 8;
		plain[2] = urg;
	}
	sg_init_one(&sg, tx->buf, total);
	err = tcpcrypt_cipher_seal(&tx->cipher, &sg, head + len, tx->off);
	if (err) {
		tcpcrypt_fail(ctx, -err);
		return -EPIPE;
	}
	tcpcrypt_rekey_sealed(sk, ctx, len);
	if (!tx->marks.n)
		tcpcrypt_marks_add(&tx->marks, tx->seq, tx->seq, tx->bytes);
	tcpcrypt_marks_add(&tx->marks, tcp_sk(sk)->snd_una, tx->seq + total,
			   tx->bytes + len);
	tx->urg = urgent;
	if (urgent)
		tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_URGENTSENT);
	tx->off += total;
	tx->frames++;
	tx->bytes += len;
	tx->buf_off = 0;
	WRITE_ONCE(tx->buf_len, total);
	tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_FRAMESSENT);
	return 0;
}

/*
 * Seals the first @len bytes of the open frame; ->tx.buf is empty. Return: 0,
 * -ENOMEM if nothing has happened, or another negative errno.
 */
static int seal(struct sock *sk, struct tcpcrypt_ctx *ctx, u32 len, u8 flags)
{
	struct tcpcrypt_tx *tx = &ctx->tx;
	bool urgent = tx->open_urg;
	int err;

	err = tcpcrypt_rekey_seal(sk, ctx, len);
	if (!err)
		err = split(sk, tx, len);
	if (err)
		return err;
	return encrypt(sk, ctx, len, urgent, flags);
}

/* Seals a frame without data; nothing is open, ->tx.buf is empty. */
static int seal_empty(struct sock *sk, struct tcpcrypt_ctx *ctx, u8 flags)
{
	int err;

	ctx->tx.open_urg = false;
	err = reserve(sk, &ctx->tx, 0);
	return err ? : seal(sk, ctx, 0, flags);
}

/**
 * tcpcrypt_tx_pump() - seal and send what is open
 * @sk:  the socket
 * @ctx: its context, in TCPCRYPT_OPEN
 * @how: what shall become of data that does not fill a frame
 *
 * Context: the socket's lock, owned; sleeps.
 * Return: 0, also if some is held back, or a negative errno: -EAGAIN if TCP has
 * no room, -ENOMEM: try again.
 */
int tcpcrypt_tx_pump(struct sock *sk, struct tcpcrypt_ctx *ctx,
		     enum tcpcrypt_push how)
{
	struct tcpcrypt_tx *tx = &ctx->tx;
	u32 len;
	int err;

	for (;;) {
		err = tcpcrypt_tx_push(sk, ctx, how != TCPCRYPT_PUSH_FORCE &&
				       tx->open_len ? TCPCRYPT_PUSH_MORE : how);
		if (err)
			return err;
		len = tcpcrypt_tx_ready(sk, tx, how);
		if (!len)
			break;
		if (!sk_stream_memory_free(sk))
			return -EAGAIN;
		err = seal(sk, ctx, len, 0);
		if (err)
			return err;
	}
	tx->more = how == TCPCRYPT_PUSH_MORE || how == TCPCRYPT_PUSH_HOLD;
	return 0;
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

	tx->buf = kmemdup(data, len, sk->sk_allocation);
	if (!tx->buf)
		return -ENOMEM;
	tx->buf_size = len;
	WRITE_ONCE(tx->buf_len, len);
	tx->off += len;
	err = tcpcrypt_tx_push(sk, ctx, TCPCRYPT_PUSH_NOW);
	tcpcrypt_tx_rest(sk, ctx);
	return err == -EAGAIN ? 0 : err;
}

/*
 * The frames with rekey = 1 that must leave though there is no data. At once
 * (RFC 8548, section 3.8): neither Nagle nor a cork holds them.
 */
static int flush_rekey(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	int err = 0;

	while (!err && tcpcrypt_rekey_owes(ctx)) {
		err = seal_empty(sk, ctx, 0);
		if (!err)
			err = tcpcrypt_tx_push(sk, ctx,
					       tcpcrypt_rekey_owes(ctx) ?
					       TCPCRYPT_PUSH_MORE :
					       TCPCRYPT_PUSH_FORCE);
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
	return (tcpcrypt_tx_left(&ctx->tx) || ctx->tx.open_len) &&
	       tcpcrypt_rekey_owes(ctx);
}

static int flush(struct sock *sk, struct tcpcrypt_ctx *ctx, bool all)
{
	struct tcpcrypt_tx *tx = &ctx->tx;
	enum tcpcrypt_push how;
	int err;

	/* an orderly end of TCP's state machine: nobody can send any more */
	if (!((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)))
		return -EAGAIN;
	err = tcpcrypt_tx_push(sk, ctx, tx->fin ? TCPCRYPT_PUSH_MORE :
						  TCPCRYPT_PUSH_NOW);
	if (err || ctx->state != TCPCRYPT_OPEN)
		return err;
	err = tcpcrypt_pending_flush(sk, ctx);
	if (err)
		return err;
	if (all || tx->open_urg || tcpcrypt_rekey_owes(ctx) ||
	    tcpcrypt_tx_overdue(sk, tx))
		how = TCPCRYPT_PUSH_FORCE;
	else
		how = tx->more ? TCPCRYPT_PUSH_MORE : TCPCRYPT_PUSH_NOW;
	err = tcpcrypt_tx_pump(sk, ctx, how);
	return err ? : flush_rekey(sk, ctx);
}

/**
 * tcpcrypt_tx_rest() - the end of a call that has sent something
 * @sk:  the socket
 * @ctx: its context
 *
 * A buffer that holds nothing need not outlive the call. One that does is
 * charged to the socket.
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_tx_rest(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct tcpcrypt_tx *tx = &ctx->tx;
	u32 size;

	if (!tx->open_len)
		free_open(tx);
	size = tx->open_size + tx->buf_size;
	if (size > tx->charged) {
		/* a shortage is for the next send() */
		sk_wmem_schedule(sk, size - tx->charged);
		sk_mem_charge(sk, size - tx->charged);
	} else if (size < tx->charged) {
		sk_mem_uncharge(sk, tx->charged - size);
	}
	tx->charged = size;
	if (tcpcrypt_tx_waiting(ctx))
		tcpcrypt_tx_wait(sk, ctx);
}

/* What an error means to whoever does not send. */
static int judge(struct sock *sk, struct tcpcrypt_ctx *ctx, int err)
{
	tcpcrypt_tx_rest(sk, ctx);
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
	err = flush(sk, ctx, false);
	if (!err)
		tcpcrypt_tx_tell(sk, ctx);
	return judge(sk, ctx, err);
}

/**
 * tcpcrypt_tx_uncork() - TCP_CORK has ended, or Nagle's algorithm
 * @sk:  the socket
 * @ctx: its context
 *
 * Context: the socket's lock, owned; sleeps.
 * Return: 0, also if something still waits, or a negative errno.
 */
int tcpcrypt_tx_uncork(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	bool push = tcp_sk(sk)->nonagle & TCP_NAGLE_PUSH;

	if (!ctx->tx.open_len)
		return 0;
	ctx->tx.more = false;
	/* TCP_NODELAY goes before TCP_CORK once, see tcp_nagle_test() */
	return judge(sk, ctx, flush(sk, ctx, push));
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
	err = flush(sk, ctx, true);
	if (err)
		return judge(sk, ctx, err);
	if (!tx->fin) {
		err = seal_empty(sk, ctx, TCPCRYPT_FLAG_FIN);
		if (err)
			return judge(sk, ctx, err);
		tx->fin = true;
		tcpcrypt_rekey_end(ctx, true, false);
		tcpcrypt_cipher_free(&tx->cipher);
	}
	err = tcpcrypt_tx_push(sk, ctx, TCPCRYPT_PUSH_MORE);
	if (err)
		return judge(sk, ctx, err);
	tx->done = true;
	tcpcrypt_tx_rest(sk, ctx);
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | SEND_SHUTDOWN);
	ctx->prot->shutdown(sk, SEND_SHUTDOWN);
	tcpcrypt_alive_end(sk, ctx);
	return 0;
}

/**
 * tcpcrypt_tx_waiting() - does anything wait: for keys, for room in TCP?
 * @ctx: the context
 *
 * Context: the socket's lock.
 * Return: whether it does, FINp and rekeying included.
 */
bool tcpcrypt_tx_waiting(const struct tcpcrypt_ctx *ctx)
{
	const struct tcpcrypt_tx *tx = &ctx->tx;

	return tcpcrypt_tx_left(tx) || tx->open_len ||
	       !skb_queue_empty(&tx->pending) || (ctx->shut_wr && !tx->done) ||
	       tcpcrypt_rekey_owes(ctx);
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

	tcpcrypt_pending_purge(sk, tx);
	free_open(tx);
	kfree(tx->buf);
	tx->buf = NULL;
	tx->buf_size = 0;
	tx->buf_off = 0;
	tx->buf_len = 0;
	sk_mem_uncharge(sk, tx->charged);
	tx->charged = 0;
}
