// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: from plaintext to frames in TCP's write queue.
 *
 * A frame is built and sealed in one buffer: header, flags, data, tag. As long
 * as it is open, ->tx.open, data can join it: coalesce.c says when it is
 * sealed. What was sealed, ->tx.buf, is sent as it is, however often TCP has
 * no room for it: two different plaintexts never share an offset (RFC 8548,
 * section 3.6). TCP gets the pages; nothing is written there any more.
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
 * Neither Nagle's algorithm nor TCP_CORK or MSG_MORE keeps what is sent until
 * nagle_end(): see tcp_nagle_test(). Return: for nagle_end().
 */
static u8 nagle_off(struct tcp_sock *tp, bool now, int *flags)
{
	u8 nonagle = tp->nonagle;

	if (now) {
		*flags &= ~MSG_MORE;
		tp->nonagle = TCP_NAGLE_OFF;
	}
	return nonagle;
}

static void nagle_end(struct tcp_sock *tp, bool now, u8 nonagle)
{
	if (now)
		tp->nonagle = nonagle | TCP_NAGLE_PUSH;
}

/*
 * Hands the next @len bytes to TCP by a message: where TCP has to copy them,
 * and where it is told what to stamp.
 */
static int send_message(struct sock *sk, struct tcpcrypt_ctx *ctx, int flags,
			u32 len, bool now)
{
	struct bio_vec vec[TCPCRYPT_FRAGS_MAX];
	struct msghdr msg = { .msg_flags = flags };
	struct tcpcrypt_tx *tx = &ctx->tx;
	struct tcpcrypt_stamp_cmsg cmsg;
	u32 all = len;
	unsigned int n;
	u8 nonagle;
	int ret;

	len = tcpcrypt_stamp_push(sk, ctx, &msg, &cmsg, tx->seq, len,
				  tx->bytes);
	now = now && len == all;
	n = tcpcrypt_framebuf_part(&tx->buf, tx->buf_off, len, vec);
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, vec, n, len);
	tx->seq += len;
	nonagle = nagle_off(tcp_sk(sk), now, (int *)&msg.msg_flags);
	ret = tcp_sendmsg_locked(sk, &msg, len);
	nagle_end(tcp_sk(sk), now, nonagle);
	tx->seq -= len;
	return ret;
}

/*
 * Hands the next @len bytes to TCP, by reference if possible; @now: nothing
 * holds them. Return: as tcp_sendmsg_locked().
 */
static int send_some(struct sock *sk, struct tcpcrypt_ctx *ctx, int flags,
		     u32 len, bool now)
{
	struct bio_vec vec[TCPCRYPT_FRAGS_MAX];
	struct tcpcrypt_tx *tx = &ctx->tx;
	unsigned int n;
	u8 nonagle;
	int ret;

	if (!tcpcrypt_can_splice(sk) || flags & MSG_EOR ||
	    tcpcrypt_stamp_wanted(sk, &ctx->stamps))
		return send_message(sk, ctx, flags, len, now);
	n = tcpcrypt_framebuf_part(&tx->buf, tx->buf_off, len, vec);
	tx->seq += len;
	nonagle = nagle_off(tcp_sk(sk), now, &flags);
	ret = tcpcrypt_splice_pages(sk, flags, vec, n, len);
	nagle_end(tcp_sk(sk), now, nonagle);
	tx->seq -= len;
	return ret;
}

/*
 * An ICMP message has left an error for the application (IP_RECVERR), which
 * does not keep TCP from sending what it has. tcp_sendmsg_locked() would give
 * the error to us and send nothing: put it aside for so long. SO_ERROR, which
 * takes no lock, may miss it meanwhile; the next call has it.
 *
 * Return: the error, for restore_err().
 */
static int hide_err(struct sock *sk)
{
	return unlikely(READ_ONCE(sk->sk_err)) ? xchg(&sk->sk_err, 0) : 0;
}

static void restore_err(struct sock *sk, int err)
{
	struct socket_wq *wq;

	/* TCP's own, a RST's for one, comes first */
	if (likely(!err) || cmpxchg(&sk->sk_err, 0, err))
		return;
	/* a poll() meanwhile has not seen it */
	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLERR);
	rcu_read_unlock();
}

/* An error that is no more than news: the connection can send. */
static bool can_send(const struct sock *sk, const struct tcpcrypt_ctx *ctx)
{
	return !sk->sk_err ||
	       (ctx->state != TCPCRYPT_FAILED &&
		(1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT));
}

/* The sealed frame is TCP's now. */
static void pushed(struct tcpcrypt_tx *tx)
{
	tx->buf_off = 0;
	WRITE_ONCE(tx->buf_len, 0);
	tcpcrypt_framebuf_free(&tx->buf);
}

/* Return: as tcpcrypt_tx_push()'s. */
static int push_left(struct sock *sk, struct tcpcrypt_ctx *ctx, int flags,
		     bool at_once)
{
	struct tcpcrypt_tx *tx = &ctx->tx;
	int ret, pending;
	u32 len;

	while ((len = tcpcrypt_tx_left(tx))) {
		if (!can_send(sk, ctx))
			return -EPIPE;
		/* a thread inside the stack's sendmsg(): see is_foreign() */
		if (tcp_sk(sk)->write_seq != tx->seq)
			return -EPERM;
		pending = hide_err(sk);
		ret = send_some(sk, ctx, flags, len, at_once);
		restore_err(sk, pending);
		if (ret <= 0)
			return ret ? : -EAGAIN;
		tx->buf_off += ret;
		tx->seq += ret;
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
	tcpcrypt_framebuf_free(&tx->open);
	WRITE_ONCE(tx->open_len, 0);
	tx->open_full = false;
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

/* Where the data of the open frame begins. */
static u32 data_at(const struct tcpcrypt_tx *tx)
{
	return TCPCRYPT_FRAME_HDR + TCPCRYPT_FLAGS_LEN + urg_len(tx);
}

/*
 * Room for more data in the open frame; grows in powers of 2 once it has some.
 * Return: bytes, at most @len, or -ENOMEM.
 */
static int reserve(struct sock *sk, struct tcpcrypt_tx *tx, u32 len)
{
	u32 used = tx->open_len ? data_at(tx) + tx->open_len : 0;
	u32 size = tx->open_len + len + overhead(tx);
	int err;

	if (tx->open.size >= size)
		return len;
	if (tx->open_len)
		size = max(size, min_t(u32, 2 * tx->open.size, FRAME_MAX));
	err = tcpcrypt_framebuf_grow(sk, &tx->open, used, size);
	if (err == -ENOMEM)
		return err;
	return min(len, tx->open.size - tx->open_len - overhead(tx));
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
	struct tcpcrypt_tx *tx = &ctx->tx;
	size_t len = iov_iter_count(from);
	struct tcp_sock *tp = tcp_sk(sk);
	u32 limit = FRAME_DATA_MIN, want;
	int n;

	if (tx->open_len + len > DATA_ALWAYS)
		limit = tcpcrypt_tx_limit(sk);

	/* for data that is gone, see tcp_skb_entail() */
	if (!tx->open_len && tp->write_seq == tp->snd_nxt)
		tp->nonagle &= ~TCP_NAGLE_PUSH;
	if (urgent && len <= limit - TCPCRYPT_URG_LEN)
		tx->urg_end = tx->bytes + len;
	if (!tx->open_len)
		tx->open_urg = is_urgent(tx, tx->bytes);
	limit -= urg_len(tx);
	/* it may have shrunk below what is there */
	want = limit > tx->open_len ? limit - tx->open_len : 1;
	want = min_t(size_t, want, len);
	n = reserve(sk, tx, want);
	if (n < 0)
		return n;
	if (n && !tcpcrypt_framebuf_read(&tx->open, data_at(tx) + tx->open_len,
					 n, from))
		return -EFAULT;
	WRITE_ONCE(tx->open_len, tx->open_len + n);
	tx->open_full = n < want;
	return n;
}

/*
 * Makes the first @len bytes of the open frame one that ->tx.buf can take;
 * the others stay open, in a buffer of their own.
 */
static int split(struct sock *sk, struct tcpcrypt_tx *tx, u32 len)
{
	u32 n = tx->open_len - len, at = data_at(tx) + len;
	int err;

	/* ->tx.buf is empty: it becomes the open one */
	if (n) {
		err = tcpcrypt_framebuf_grow(sk, &tx->buf, 0, n +
					     TCPCRYPT_FRAME_OVERHEAD +
					     TCPCRYPT_URG_LEN);
		if (err) {
			tcpcrypt_framebuf_free(&tx->buf);
			return -ENOMEM;
		}
	}
	tcpcrypt_framebuf_swap(&tx->open, &tx->buf);
	tx->open_urg = is_urgent(tx, tx->bytes + len);
	tx->open_full = false;
	tx->held = false;
	if (n)
		tcpcrypt_framebuf_move(&tx->open, data_at(tx), &tx->buf, at,
				       n);
	WRITE_ONCE(tx->open_len, n);
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
	u8 *hdr = tcpcrypt_framebuf_head(&tx->buf);
	struct scatterlist sg[TCPCRYPT_FRAGS_MAX];
	u8 *plain = hdr + TCPCRYPT_FRAME_HDR;
	u16 urg;
	int err;

	tcpcrypt_framebuf_trim(sk, &tx->buf, total);
	tcpcrypt_frame_header(hdr, ctx->rekey.gen.unused,
			      head + len + TCPCRYPT_TAG_LEN);
	plain[0] = flags;
	if (urgent) {
		plain[0] |= TCPCRYPT_FLAG_URG;
		urg = tx->urg_end - tx->bytes - 1;
		plain[1] = urg >> 8;
		plain[2] = urg;
	}
	tcpcrypt_framebuf_sg(&tx->buf, sg, 0);
	err = tcpcrypt_cipher_seal(&tx->cipher, sg, head + len, tx->off);
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
	return err < 0 ? err : seal(sk, ctx, 0, flags);
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
	struct kvec vec = { .iov_base = (void *)data, .iov_len = len };
	struct tcpcrypt_tx *tx = &ctx->tx;
	struct iov_iter iter;
	int err;

	err = tcpcrypt_framebuf_grow(sk, &tx->buf, 0, len);
	if (err) {
		tcpcrypt_framebuf_free(&tx->buf);
		return -ENOMEM;
	}
	iov_iter_kvec(&iter, ITER_SOURCE, &vec, 1, len);
	tcpcrypt_framebuf_read(&tx->buf, 0, len, &iter);
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
	size = tx->open.size + tx->buf.size;
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
	tcpcrypt_framebuf_free(&tx->buf);
	tx->buf_off = 0;
	tx->buf_len = 0;
	sk_mem_uncharge(sk, tx->charged);
	tx->charged = 0;
}
