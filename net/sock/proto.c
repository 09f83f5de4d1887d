// SPDX-License-Identifier: GPL-2.0
/*
 * The tables that attached sockets use instead of TCP's: what is overridden
 * in struct proto and struct proto_ops.
 */

#include <linux/delay.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/poll.h>
#include <net/tcp.h>
#include <asm/ioctls.h>
#include <linux/sockios.h>
#include <tcpcrypt_compat.h>
#include "../hook/hook.h"
#include "sock.h"

/*
 * Calls inside the overridden functions. A socket may become plain TCP and
 * drop its reference to the module while a thread sleeps in one.
 */
static DEFINE_PER_CPU(long, calls);

/** tcpcrypt_enter() - an overridden socket call begins */
void tcpcrypt_enter(void)
{
	this_cpu_inc(calls);
}

/** tcpcrypt_leave() - an overridden socket call ends */
void tcpcrypt_leave(void)
{
	this_cpu_dec(calls);
}

/**
 * tcpcrypt_hold() - a call of a base function begins that may take hours
 *
 * rmmod must refuse meanwhile, not wait.
 *
 * Return: for tcpcrypt_unhold().
 */
bool tcpcrypt_hold(void)
{
	return try_module_get(THIS_MODULE);
}

/**
 * tcpcrypt_unhold() - it has returned
 * @held: what tcpcrypt_hold() said
 */
void tcpcrypt_unhold(bool held)
{
	if (held)
		module_put(THIS_MODULE);
}

/**
 * tcpcrypt_wait_calls() - wait until no overridden call is under way
 *
 * For module exit: no socket leads here any more.
 *
 * Context: process.
 */
void tcpcrypt_wait_calls(void)
{
	long sum;
	int cpu;

	for (;;) {
		sum = 0;
		for_each_possible_cpu(cpu)
			sum += READ_ONCE(per_cpu(calls, cpu));
		if (!sum)
			return;
		msleep(20);
	}
}

/**
 * tcpcrypt_swap_ops() - make sock->ops ours
 * @sk: a socket
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_swap_ops(struct sock *sk)
{
	const struct proto_ops *ours;

	if (!sk->sk_socket)
		return;
	ours = tcpcrypt_ops_ours(sk->sk_socket->ops);
	if (ours)
		WRITE_ONCE(sk->sk_socket->ops, ours);
}

/*
 * Runs on a child inside accept(), when it has its struct socket but no
 * descriptor yet, and in connect(): the place to swap sock->ops and to begin
 * the key agreement of a child.
 */
static void release_cb(struct sock *sk)
{
	struct tcpcrypt_ctx *ctx;

	/* may run timers that end connect(), and detach */
	tcpcrypt_prot_base(sk)->release_cb(sk);
	ctx = tcpcrypt_ctx(sk);
	if (!ctx)
		return;
	tcpcrypt_catch_up(ctx);
	if (ctx->grown && !ctx->eno_ack)
		tcpcrypt_eno_done(sk, ctx);
	/*
	 * TCP took its backlog for memory in use until here, and may have
	 * shut the window for that. No reader comes for half a frame.
	 */
	if (ctx->state == TCPCRYPT_OPEN &&
	    (inet_csk_ack_scheduled(sk) || tcpcrypt_rx_shut(sk)))
		tcpcrypt_rx_window(sk, ctx);
	if (ctx->swapped || !sk->sk_socket || ctx->closing)
		return;
	if (tcpcrypt_ops_ours(sk->sk_socket->ops)) {
		tcpcrypt_swap_ops(sk);
		ctx->swapped = true;
		if (tcpcrypt_encrypted(ctx))
			tcpcrypt_kick_opening(ctx);
	}
}

static __poll_t poll_encrypted(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	bool fin = READ_ONCE(ctx->rx.fin), over = READ_ONCE(ctx->err);
	/* the latter: shutdown() before connect(), no FIN comes of it */
	bool shut_wr = READ_ONCE(ctx->shut_wr) ||
		       READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN;
	bool shut_rd = fin || READ_ONCE(ctx->shut_rd);
	int target = sock_rcvlowat(sk, 0, INT_MAX);
	__poll_t mask = 0;

	/* connect() is being refused: tcp_abort() will wake us, with an error */
	if (tcpcrypt_refusing(sk, ctx))
		return 0;
	/* nothing else may be called before keys are agreed */
	if (READ_ONCE(ctx->due))
		tcpcrypt_wake(sk);
	/*
	 * TCP's connection may be over while FINp is still to be decrypted:
	 * that is no end yet.
	 */
	if (inet_sk_state_load(sk) == TCP_CLOSE && !READ_ONCE(ctx->rx.complete))
		over = true;
	shut_rd |= over;
	shut_wr |= over;
	if (shut_rd && shut_wr)
		mask |= EPOLLHUP;
	if (shut_rd)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	/* the urgent byte does not count */
	if (tcpcrypt_urgent_at_mark(&ctx->rx) &&
	    !sock_flag(sk, SOCK_URGINLINE))
		target++;
	if (tcpcrypt_rx_readable(sk, ctx, target))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(ctx->rx.urg_data) & TCP_URG_VALID)
		mask |= EPOLLPRI;
	if (shut_wr || tcpcrypt_tx_writeable(sk, ctx)) {
		mask |= EPOLLOUT | EPOLLWRNORM;
	} else {
		tcpcrypt_tx_want(sk, ctx);
		if (tcpcrypt_tx_writeable(sk, ctx))
			mask |= EPOLLOUT | EPOLLWRNORM;
	}
	/* pairs with smp_wmb() in tcpcrypt_fail() and tcp_reset() */
	smp_rmb();
	if (READ_ONCE(sk->sk_err) ||
	    !skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR;
	return mask;
}

static bool is_encrypted(const struct sock *sk)
{
	const struct tcpcrypt_ctx *ctx;
	bool encrypted;

	rcu_read_lock();
	ctx = tcpcrypt_ctx(sk);
	encrypted = ctx && tcpcrypt_encrypted(ctx);
	rcu_read_unlock();
	return encrypted;
}

/*
 * tcp_poll() compares TCP's sequence numbers, which count ciphertext. This
 * one says what an application can read and write.
 */
static __poll_t tcpcrypt_poll(struct file *file, struct socket *sock,
			      struct poll_table_struct *wait)
{
	struct sock *sk = sock->sk;
	struct tcpcrypt_ctx *ctx;
	__poll_t mask;

	tcpcrypt_enter();
	if (!is_encrypted(sk)) {
		mask = tcpcrypt_ops_base(READ_ONCE(sock->ops))->poll(file, sock,
								     wait);
		tcpcrypt_leave();
		return mask;
	}
	sock_poll_wait(file, sock, wait);
	if (poll_requested_events(wait) & EPOLLPRI)
		tcpcrypt_urgent_poll(sk);
	rcu_read_lock();
	ctx = tcpcrypt_ctx(sk);
	if (ctx)
		mask = poll_encrypted(sk, ctx);
	rcu_read_unlock();
	/* disconnected meanwhile */
	if (!ctx)
		mask = tcpcrypt_ops_base(READ_ONCE(sock->ops))->poll(file, sock,
								     NULL);
	tcpcrypt_leave();
	return mask;
}

static int ioctl_encrypted(struct sock *sk, struct tcpcrypt_ctx *ctx, int cmd,
			   int *answer)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	switch (cmd) {
	case SIOCINQ:
	case SIOCATMARK:
		if (tcpcrypt_urgent_look(sk, ctx) == -ENOMEM)
			return -ENOMEM;
		*answer = cmd == SIOCINQ ? tcpcrypt_urgent_inq(sk, ctx) :
			  tcpcrypt_urgent_at_mark(&ctx->rx);
		return 0;
	case SIOCOUTQ:
		*answer = tcpcrypt_tx_outq(ctx, tp->snd_una);
		return 0;
	case SIOCOUTQNSD:
		*answer = tcpcrypt_tx_outq(ctx, tp->snd_nxt);
		return 0;
	default:
		return -ENOIOCTLCMD;
	}
}

static int tcpcrypt_ioctl(struct sock *sk, int cmd, unsigned long arg)
{
	struct tcpcrypt_ctx *ctx;
	int answer, ret = 1;

	tcpcrypt_enter();
	lock_sock(sk);
	ctx = tcpcrypt_ctx(sk);
	if (ctx && tcpcrypt_encrypted(ctx))
		ret = ioctl_encrypted(sk, ctx, cmd, &answer);
	release_sock(sk);
	if (ret > 0)
		ret = tcpcrypt_prot_base(sk)->ioctl(sk, cmd, arg);
	else if (!ret)
		ret = put_user(answer, (int __user *)arg);
	tcpcrypt_leave();
	return ret;
}

static bool sock_is_readable(struct sock *sk)
{
	const struct tcpcrypt_ctx *ctx;
	bool readable;

	rcu_read_lock();
	ctx = tcpcrypt_ctx(sk);
	readable = ctx && tcpcrypt_encrypted(ctx) &&
		   tcpcrypt_rx_readable(sk, ctx, 1);
	rcu_read_unlock();
	return readable;
}

/* Does not sleep, and so needs no tcpcrypt_enter(). */
static void keepalive(struct sock *sk, int on)
{
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx(sk);

	if (ctx && on && sock_flag(sk, SOCK_KEEPOPEN))
		return;		/* as tcp_set_keepalive() */
	if (ctx)
		tcpcrypt_alive_set(sk, ctx, on);
	else
		tcpcrypt_prot_base(sk)->keepalive(sk, on);
}

/*
 * A kernel user that has replaced our callbacks shall hear of it before
 * anything of its is under way.
 */
static void mind_usurper(struct sock *sk)
{
	struct tcpcrypt_ctx *ctx;
	bool usurped;

	rcu_read_lock();
	ctx = tcpcrypt_ctx(sk);
	usurped = ctx && tcpcrypt_encrypted(ctx) &&
		  tcpcrypt_ctx_usurped(sk, ctx);
	rcu_read_unlock();
	if (likely(!usurped))
		return;
	lock_sock(sk);
	ctx = tcpcrypt_ctx(sk);
	if (ctx && tcpcrypt_encrypted(ctx) && tcpcrypt_ctx_usurped(sk, ctx))
		tcpcrypt_fail(ctx, EBUSY);
	release_sock(sk);
}

static int send_minding(struct sock *sk, struct msghdr *msg, size_t size,
			int (*send)(struct sock *sk, struct msghdr *msg,
				    size_t size))
{
	int ret;

	tcpcrypt_enter();
	mind_usurper(sk);
	ret = send(sk, msg, size);
	tcpcrypt_leave();
	return ret;
}

static int sendmsg(struct sock *sk, struct msghdr *msg, size_t size)
{
	return send_minding(sk, msg, size, tcpcrypt_sendmsg);
}

#ifdef TCPCRYPT_HAVE_SENDPAGE
/* Pages that others may still write to are copied before they are sealed. */
static int sendpage(struct sock *sk, struct page *page, int offset,
		    size_t size, int flags)
{
	struct bio_vec bvec = {
		.bv_page = page,
		.bv_offset = offset,
		.bv_len = size,
	};
	struct msghdr msg = { .msg_flags = flags };

	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, &bvec, 1, size);
	return send_minding(sk, &msg, size, tcpcrypt_send);
}

/*
 * Kernel users alone (not reached from user space), and TCP's own sendpage
 * for devices without scatter-gather, which we never call.
 */
static int sendpage_locked(struct sock *sk, struct page *page, int offset,
			   size_t size, int flags)
{
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx(sk);

	if (ctx && tcpcrypt_encrypted(ctx))
		return -EOPNOTSUPP;
	return tcpcrypt_ops_base(sk->sk_socket->ops)->sendpage_locked(sk, page,
								      offset,
								      size,
								      flags);
}
#endif

static int sendmsg_locked(struct sock *sk, struct msghdr *msg, size_t size)
{
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx(sk);

	if (ctx && tcpcrypt_encrypted(ctx))
		return -EOPNOTSUPP;
	return tcp_sendmsg_locked(sk, msg, size);
}

/* In-kernel readers of the raw stream would get ciphertext. */
static int read_sock(struct sock *sk, read_descriptor_t *desc,
		     sk_read_actor_t actor)
{
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx(sk);

	if (ctx && tcpcrypt_encrypted(ctx))
		return -EOPNOTSUPP;
	return tcp_read_sock(sk, desc, actor);
}

static int read_skb(struct sock *sk, skb_read_actor_t actor)
{
	return -EOPNOTSUPP;
}

static int peek_len(struct socket *sock)
{
	const struct tcpcrypt_ctx *ctx;
	int len = -1;

	rcu_read_lock();
	ctx = tcpcrypt_ctx(sock->sk);
	if (ctx && tcpcrypt_encrypted(ctx))
		len = tcpcrypt_urgent_inq(sock->sk, ctx);
	rcu_read_unlock();
	if (len < 0)
		len = tcpcrypt_ops_base(READ_ONCE(sock->ops))->peek_len(sock);
	return len;
}

/* TCP_ZEROCOPY_RECEIVE would map ciphertext. */
static int no_mmap(struct file *file, struct socket *sock,
		   struct vm_area_struct *vma)
{
	int ret = -EOPNOTSUPP;

	tcpcrypt_enter();
	if (!is_encrypted(sock->sk))
		ret = tcpcrypt_ops_base(READ_ONCE(sock->ops))->mmap(file, sock,
								    vma);
	tcpcrypt_leave();
	return ret;
}

/**
 * tcpcrypt_build_proto() - our copy of a base proto
 * @prot: filled
 * @base: the base table
 */
void tcpcrypt_build_proto(struct proto *prot, const struct proto *base)
{
	*prot = *base;
	prot->close = tcpcrypt_close;
	prot->disconnect = tcpcrypt_disconnect;
	prot->shutdown = tcpcrypt_shutdown;
	prot->setsockopt = tcpcrypt_setsockopt;
	prot->getsockopt = tcpcrypt_getsockopt;
	prot->keepalive = keepalive;
	prot->sendmsg = sendmsg;
	prot->recvmsg = tcpcrypt_recvmsg;
#ifdef TCPCRYPT_HAVE_SENDPAGE
	prot->sendpage = sendpage;
#endif
	prot->ioctl = tcpcrypt_ioctl;
	prot->release_cb = release_cb;
	prot->sock_is_readable = sock_is_readable;
}

/**
 * tcpcrypt_build_ops() - our copy of a base proto_ops
 * @ops:  filled
 * @base: the base table
 */
void tcpcrypt_build_ops(struct proto_ops *ops, const struct proto_ops *base)
{
	*ops = *base;
	ops->poll = tcpcrypt_poll;
	ops->splice_read = tcpcrypt_splice_read;
	ops->mmap = no_mmap;
	ops->read_sock = read_sock;
	ops->read_skb = read_skb;
	ops->peek_len = peek_len;
	ops->set_rcvlowat = tcpcrypt_set_rcvlowat;
	ops->sendmsg_locked = sendmsg_locked;
#ifdef TCPCRYPT_HAVE_SENDPAGE
	ops->sendpage_locked = sendpage_locked;
#endif
}
