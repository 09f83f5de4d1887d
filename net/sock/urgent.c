// SPDX-License-Identifier: GPL-2.0
/*
 * Urgent data (RFC 8548, sections 3.7 and 4.2.1).
 *
 * A frame with URGp says where the last byte of urgent data stands: at the
 * index of the frame's own first data byte plus the urgent field, so a field
 * of 0 means the first data byte. It is that byte itself, whatever
 * net.ipv4.tcp_stdurg says of TCP's pointer. It may belong to a later frame.
 *
 * From there on all is as with TCP's own pointer: ->urg_data and ->urg_seq
 * are to ->rx what the fields of these names are to struct tcp_sock, with
 * indices of the application stream instead of sequence numbers.
 *
 * TCP's URG flag and pointer are neither sent nor heeded: they could be forged
 * (RFC 8547, section 5, forbids that they have effect), and RFC 8548 gives
 * them no meaning. So nothing but decryption tells that a frame is urgent,
 * and that is done in process context. Urgent data must be seen no later than
 * with TCP by whoever looks for it; those that look, decrypt:
 *
 *  - recv(MSG_OOB), SIOCATMARK, SIOCINQ, and poll() for EPOLLPRI, all that
 *    has arrived; select() asks for EPOLLPRI always. A reader who meets a mark
 *    does so too: the newest mark counts.
 *  - for SIGURG, work_fn(), as soon as data arrives on a socket that has an
 *    owner (F_SETOWN); without one there is nobody to signal.
 *
 * Other connections do nothing for it.
 */

#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/skbuff.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "sock.h"

/**
 * tcpcrypt_urgent_owned() - would SIGURG reach anybody?
 * @sk: the socket
 *
 * Context: the socket's lock, any context.
 * Return: whether the socket has an owner (F_SETOWN).
 */
bool tcpcrypt_urgent_owned(const struct sock *sk)
{
	const struct fown_struct *owner;

	if (!sk->sk_socket || !sk->sk_socket->file)
		return false;
	owner = tcpcrypt_file_owner(sk->sk_socket->file);
	return owner && READ_ONCE(owner->pid);
}

/* As tcp_check_urg(): the urgent pointer is at @seq. */
static void new_mark(struct sock *sk, struct tcpcrypt_ctx *ctx, u32 seq)
{
	struct tcpcrypt_rx *rx = &ctx->rx;

	tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_URGENTRECEIVED);
	if (rx->urg_data && !after(seq, rx->urg_seq))
		return;
	sk_send_sigurg(sk);
	/*
	 * An urgent byte that the reader stood at when this frame came is lost
	 * now; one that it has come to since is data.
	 */
	if (rx->urg_data && tcpcrypt_urgent_at_mark(rx) && !rx->urg_old &&
	    !sock_flag(sk, SOCK_URGINLINE) && rx->plain_bytes) {
		tcpcrypt_rx_eat_plain(sk, ctx, 1);
		rx->urg_old = 0;
	}
	WRITE_ONCE(rx->urg_data, TCP_URG_NOTYET);
	WRITE_ONCE(rx->urg_seq, seq);
}

/**
 * tcpcrypt_urgent_frame() - look at a frame before its data is queued
 * @sk:    the socket
 * @ctx:   its context
 * @skb:   the frame's plaintext value
 * @plain: what it says
 *
 * What tcp_urg() does with a segment.
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_urgent_frame(struct sock *sk, struct tcpcrypt_ctx *ctx,
			   const struct sk_buff *skb,
			   const struct tcpcrypt_plain *plain)
{
	struct tcpcrypt_rx *rx = &ctx->rx;
	u32 first = rx->bytes, off;
	u8 byte;

	if (likely(!plain->urgent && rx->urg_data != TCP_URG_NOTYET))
		return;
	if (plain->urgent)
		new_mark(sk, ctx, first + plain->urg);
	off = rx->urg_seq - first;
	if (rx->urg_data != TCP_URG_NOTYET || off >= plain->data_len ||
	    skb_copy_bits(skb, plain->data_off + off, &byte, 1))
		return;
	WRITE_ONCE(rx->urg_data, TCP_URG_VALID | byte);
	if (!ctx->closing && !sock_flag(sk, SOCK_DEAD))
		ctx->data_ready(sk);
}

/**
 * tcpcrypt_urgent_look() - decrypt what has arrived
 * @sk:  the socket
 * @ctx: its context
 *
 * Context: the socket's lock, owned; sleeps.
 * Return: 0; -ENOMEM: some is left; any other: the connection failed.
 */
int tcpcrypt_urgent_look(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	int err = 0;

	while (!err && ctx->state == TCPCRYPT_OPEN && ctx->rx.complete) {
		err = tcpcrypt_rx_decrypt(sk, ctx);
		cond_resched();
	}
	ctx->rx.urg_look = err == -ENOMEM;
	return err;
}

/**
 * tcpcrypt_urgent_room() - how far may a reader go?
 * @sk:  the socket
 * @rx:  its receiving half
 * @at:  index of the byte that is to be read
 * @len: bytes that could be read
 *
 * Context: the socket's lock.
 * Return: bytes, at most @len: up to the mark; 0 if @at is the urgent byte,
 * which is no data without SO_OOBINLINE.
 */
u32 tcpcrypt_urgent_room(const struct sock *sk, const struct tcpcrypt_rx *rx,
			 u32 at, u32 len)
{
	u32 off = rx->urg_seq - at;

	if (!rx->urg_data || off >= len)
		return len;
	return off ? : sock_flag(sk, SOCK_URGINLINE) ? len : 0;
}

/**
 * tcpcrypt_urgent_passed() - a reader has gone on
 * @rx: a socket's receiving half
 *
 * Context: the socket's lock.
 */
void tcpcrypt_urgent_passed(struct tcpcrypt_rx *rx)
{
	rx->urg_old = rx->complete;
	if (unlikely(rx->urg_data) && after(tcpcrypt_rx_next(rx), rx->urg_seq))
		WRITE_ONCE(rx->urg_data, 0);
}

/**
 * tcpcrypt_urgent_recv() - recv(MSG_OOB)
 * @sk:    the socket
 * @ctx:   its context
 * @msg:   where to
 * @len:   room, bytes
 * @flags: MSG_*
 *
 * Never blocks, as tcp_recv_urg().
 *
 * Context: the socket's lock, owned; sleeps.
 * Return: 1, or 0 if there is no room or the stream has ended, or a negative
 * errno.
 */
int tcpcrypt_urgent_recv(struct sock *sk, struct tcpcrypt_ctx *ctx,
			 struct msghdr *msg, size_t len, int flags)
{
	struct tcpcrypt_rx *rx = &ctx->rx;
	u8 byte;

	if (tcpcrypt_urgent_look(sk, ctx) == -ENOMEM)
		return -ENOMEM;
	if (sock_flag(sk, SOCK_URGINLINE) || !rx->urg_data ||
	    rx->urg_data == TCP_URG_READ)
		return -EINVAL;
	if (sk->sk_state == TCP_CLOSE && !rx->fin)
		return -ENOTCONN;
	if (!(rx->urg_data & TCP_URG_VALID)) {
		if (sk->sk_state == TCP_CLOSE || rx->fin || ctx->shut_rd)
			return 0;
		return -EAGAIN;
	}
	byte = rx->urg_data;
	if (!(flags & MSG_PEEK))
		WRITE_ONCE(rx->urg_data, TCP_URG_READ);
	msg->msg_flags |= MSG_OOB;
	if (!len) {
		msg->msg_flags |= MSG_TRUNC;
		return 0;
	}
	if (!(flags & MSG_TRUNC) && memcpy_to_msg(msg, &byte, 1))
		return -EFAULT;
	return 1;
}

/**
 * tcpcrypt_urgent_at_mark() - is the urgent byte the next one?
 * @rx: a socket's receiving half
 *
 * Context: any; a snapshot.
 * Return: whether it is, also if it has not arrived yet.
 */
bool tcpcrypt_urgent_at_mark(const struct tcpcrypt_rx *rx)
{
	return READ_ONCE(rx->urg_data) &&
	       READ_ONCE(rx->urg_seq) == tcpcrypt_rx_next(rx);
}

/**
 * tcpcrypt_urgent_inq() - bytes that can be read up to the mark
 * @sk:  the socket
 * @ctx: its context
 *
 * As tcp_inq().
 *
 * Context: any; a snapshot.
 * Return: bytes.
 */
u32 tcpcrypt_urgent_inq(const struct sock *sk, const struct tcpcrypt_ctx *ctx)
{
	const struct tcpcrypt_rx *rx = &ctx->rx;
	u32 inq = tcpcrypt_rx_inq(ctx), off;

	if (likely(!READ_ONCE(rx->urg_data)) || sock_flag(sk, SOCK_URGINLINE))
		return inq;
	/* the mark is never behind what was read, or it would be gone */
	off = READ_ONCE(rx->urg_seq) - tcpcrypt_rx_next(rx);
	return min(inq, off);
}

/**
 * tcpcrypt_urgent_poll() - before poll() for EPOLLPRI
 * @sk: an encrypted socket, whose waitqueue the caller is on already
 *
 * Context: process, sleeps.
 */
void tcpcrypt_urgent_poll(struct sock *sk)
{
	struct tcpcrypt_ctx *ctx;
	bool news;

	rcu_read_lock();
	ctx = tcpcrypt_ctx(sk);
	news = ctx && READ_ONCE(ctx->rx.complete) &&
	       READ_ONCE(ctx->state) == TCPCRYPT_OPEN;
	rcu_read_unlock();
	if (!news)
		return;
	lock_sock(sk);
	ctx = tcpcrypt_ctx(sk);
	if (ctx && tcpcrypt_urgent_look(sk, ctx) == -ENOMEM)
		tcpcrypt_retry(ctx);
	release_sock(sk);
}
