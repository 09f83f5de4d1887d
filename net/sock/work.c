// SPDX-License-Identifier: GPL-2.0
/*
 * What softirq leaves to process context, and how connections are aborted.
 */

#include <linux/workqueue.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "../hook/hook.h"
#include "account.h"
#include "sock.h"

/* Bits of ->deferred */
#define DEFERRED_WORK	1
#define DEFERRED_TIMER	2

/* Queues @work for @delay jiffies from now; it holds sk and ctx. */
static void queue(struct tcpcrypt_ctx *ctx, struct delayed_work *work,
		  unsigned long delay)
{
	sock_hold(ctx->sk);
	refcount_inc(&ctx->refs);
	if (mod_delayed_work(tcpcrypt_wq, work, delay)) {
		sock_put(ctx->sk);
		tcpcrypt_ctx_put(ctx);
	}
}

static void cancel(struct tcpcrypt_ctx *ctx, struct delayed_work *work)
{
	if (delayed_work_pending(work) && cancel_delayed_work(work)) {
		sock_put(ctx->sk);
		tcpcrypt_ctx_put(ctx);
	}
}

/*
 * Is work_fn() about to run? It takes the socket's lock after us, and so sees
 * what we have done under it.
 */
static bool is_queued(const struct tcpcrypt_ctx *ctx)
{
	return work_pending(&ctx->work.work) &&
	       !timer_pending(&ctx->work.timer);
}

/**
 * tcpcrypt_kick() - have work_fn() look at a connection
 * @ctx: its context
 *
 * Context: the socket's lock.
 */
void tcpcrypt_kick(struct tcpcrypt_ctx *ctx)
{
	/* not before accept(): see DOC: locking */
	if (ctx->sk->sk_socket && !is_queued(ctx))
		queue(ctx, &ctx->work, 0);
}

/**
 * tcpcrypt_kick_opening() - the key agreement can begin
 * @ctx: the context, of a socket that has just been connected or accepted
 *
 * As a rule the application sends, receives or polls next, and does it with
 * that, without a thread being woken: tcpcrypt_keys_now(). If not, work_fn()
 * does it a moment later.
 *
 * Context: the socket's lock.
 */
void tcpcrypt_kick_opening(struct tcpcrypt_ctx *ctx)
{
	if (ctx->state != TCPCRYPT_KEYING || ctx->hs || ctx->closing ||
	    !skb_queue_empty(&ctx->rx.raw)) {
		tcpcrypt_kick(ctx);
		return;
	}
	WRITE_ONCE(ctx->due, true);
	tcpcrypt_later(ctx, 1);
}

/* Has the machine been cloned, or a kernel user taken the socket? */
static void check_fate(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	if (tcpcrypt_encrypted(ctx) && tcpcrypt_stale(ctx->epoch))
		tcpcrypt_fail(ctx, ESTALE);
	if (tcpcrypt_encrypted(ctx) && tcpcrypt_ctx_usurped(sk, ctx))
		tcpcrypt_fail(ctx, EBUSY);
}

/**
 * tcpcrypt_keys_now() - a call has come that needs keys
 * @sk:  the socket
 * @ctx: its context
 *
 * Does what tcpcrypt_kick_opening() has put off.
 *
 * Context: the socket's lock, owned; sleeps.
 */
void tcpcrypt_keys_now(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct mem_cgroup *memcg;
	int err;

	if (likely(!ctx->due))
		return;
	WRITE_ONCE(ctx->due, false);
	if (ctx->state != TCPCRYPT_KEYING || !ctx->tep)
		return;
	if (timer_pending(&ctx->work.timer))
		cancel(ctx, &ctx->work);
	check_fate(sk, ctx);
	if (ctx->state != TCPCRYPT_KEYING)
		return;
	memcg = tcpcrypt_account(sk);
	err = ctx->tep->handshake(sk, ctx);
	tcpcrypt_account_end(memcg);
	if (err)
		tcpcrypt_fail(ctx, -err);
	/* what else work_fn() does */
	if (ctx->rx.tiny || ctx->rx.broken || ctx->rx.tcp_fin ||
	    tcpcrypt_tx_waiting(ctx))
		tcpcrypt_kick(ctx);
}

/**
 * tcpcrypt_wake() - have work_fn() look at a connection, if it is one of ours
 * @sk: a TCP socket
 *
 * For a child that nobody has accepted, accept() does it.
 *
 * Context: any; @sk can't go away. Without its lock.
 */
void tcpcrypt_wake(const struct sock *sk)
{
	struct tcpcrypt_ctx *ctx;

	rcu_read_lock();
	ctx = tcpcrypt_ctx(sk);
	if (ctx && tcpcrypt_encrypted(ctx) && READ_ONCE(sk->sk_socket) &&
	    refcount_inc_not_zero(&ctx->refs)) {
		queue(ctx, &ctx->work, 0);
		tcpcrypt_ctx_put(ctx);
	}
	rcu_read_unlock();
}

/**
 * tcpcrypt_later() - have work_fn() look again, by then at the latest
 * @ctx:   its context
 * @delay: jiffies from now
 *
 * Context: the socket's lock.
 */
void tcpcrypt_later(struct tcpcrypt_ctx *ctx, unsigned long delay)
{
	if (!ctx->sk->sk_socket)
		return;
	/* unlike queue(): never later than what is queued already */
	if (timer_pending(&ctx->work.timer) &&
	    time_after(READ_ONCE(ctx->work.timer.expires), jiffies + delay)) {
		queue(ctx, &ctx->work, delay);
		return;
	}
	sock_hold(ctx->sk);
	refcount_inc(&ctx->refs);
	if (!queue_delayed_work(tcpcrypt_wq, &ctx->work, delay)) {
		sock_put(ctx->sk);
		tcpcrypt_ctx_put(ctx);
	}
}

/**
 * tcpcrypt_retry() - have work_fn() look again after a shortage
 * @ctx: its context
 *
 * Context: the socket's lock.
 */
void tcpcrypt_retry(struct tcpcrypt_ctx *ctx)
{
	tcpcrypt_later(ctx, HZ / 10);
}

/**
 * tcpcrypt_arm() - start or move a connection's timer
 * @ctx:   its context
 * @delay: jiffies
 *
 * Context: the socket's lock.
 */
void tcpcrypt_arm(struct tcpcrypt_ctx *ctx, unsigned long delay)
{
	ctx->expires = jiffies + delay;
	queue(ctx, &ctx->timer, delay);
}

/**
 * tcpcrypt_disarm() - stop a connection's timer
 * @ctx: its context
 *
 * Context: the socket's lock.
 */
void tcpcrypt_disarm(struct tcpcrypt_ctx *ctx)
{
	cancel(ctx, &ctx->timer);
}

/**
 * tcpcrypt_fail() - abort a connection
 * @ctx: its context
 * @err: errno of the reason, positive: tcpcrypt_abort_errno(); the
 *       application gets it and never an end-of-file
 *
 * Nothing more is sent or delivered. The RST leaves from work_fn().
 *
 * Context: the socket's lock, any context.
 */
void tcpcrypt_fail(struct tcpcrypt_ctx *ctx, int err)
{
	enum tcpcrypt_abort why = tcpcrypt_abort_reason(err);
	struct sock *sk = ctx->sk;

	if (ctx->state == TCPCRYPT_FAILED)
		return;
	tcpcrypt_broken_died(sk, ctx, tcpcrypt_abort_errno(why));
	if (why == TCPCRYPT_ABORT_TIMEOUT && ctx->state == TCPCRYPT_OPEN)
		why = TCPCRYPT_ABORT_KEEPALIVE;
	tcpcrypt_abort_report(sk, why);
	err = tcpcrypt_abort_errno(why);
	ctx->err = err;
	tcpcrypt_rekey_end(ctx, true, true);
	/*
	 * Still in connect(): it must find TCP_CLOSE when it wakes up, and
	 * not return success. tcp_abort() wakes it.
	 */
	if (ctx->state == TCPCRYPT_SYN_SENT || ctx->state == TCPCRYPT_TAKEN) {
		tcpcrypt_ctx_wrap(sk, ctx);
		tcpcrypt_set_state(ctx, TCPCRYPT_FAILED);
		tcpcrypt_kick(ctx);
		return;
	}
	tcpcrypt_set_state(ctx, TCPCRYPT_FAILED);
	WRITE_ONCE(sk->sk_err, err);
	/* pairs with the barrier in poll() */
	smp_wmb();
	if (!sock_flag(sk, SOCK_DEAD))
		sk_error_report(sk);
	tcpcrypt_kick(ctx);
}

/* The abort itself: tcp_abort() takes the socket's lock. */
static void abort_now(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	int err = ctx->err;
	bool pending = READ_ONCE(sk->sk_err) || !ctx->neg.transcript_len;

	/* the application may keep the descriptor for long */
	tcpcrypt_ctx_wipe(ctx);
	tcpcrypt_tx_purge(sk, ctx);
	if (sk->sk_state == TCP_CLOSE)
		return;
	release_sock(sk);
	tcp_abort(sk, err);
	lock_sock(sk);
	/* the application has had it */
	if (!pending && tcpcrypt_ctx(sk) == ctx)
		WRITE_ONCE(sk->sk_err, 0);
}

/*
 * Data came after shutdown() of both directions. It is not the stream that
 * failed: the reader gets what a RST of the peer's would give it.
 */
static void refuse_now(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	ctx->rx.refused = false;
	if (sk->sk_state == TCP_CLOSE)
		return;
	NET_INC_STATS(sock_net(sk), LINUX_MIB_TCPABORTONDATA);
	release_sock(sk);
	tcp_abort(sk, ECONNRESET);
	lock_sock(sk);
}

static void step(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	int err = 0;
	bool stuck;

	WRITE_ONCE(ctx->due, false);
	check_fate(sk, ctx);
	switch (ctx->state) {
	case TCPCRYPT_TAKEN:
	case TCPCRYPT_SYN_SENT:
	case TCPCRYPT_PLAIN:
		return;
	case TCPCRYPT_KEYING:
		err = ctx->tep ? ctx->tep->handshake(sk, ctx) : -EIO;
		break;
	case TCPCRYPT_OPEN:
		break;
	case TCPCRYPT_FAILED:
		abort_now(sk, ctx);
		return;
	}
	if (!err && ctx->state == TCPCRYPT_OPEN)
		err = tcpcrypt_rx_settle(sk, ctx);
	stuck = tcpcrypt_tx_stuck(ctx);
	if (!err && ctx->state == TCPCRYPT_OPEN)
		err = ctx->shut_wr ? tcpcrypt_tx_finish(sk, ctx) :
				     tcpcrypt_tx_flush(sk, ctx);
	/* what was left for it: see tcpcrypt_rx_settle() */
	if (!err && stuck && ctx->rx.tiny && !tcpcrypt_tx_stuck(ctx))
		tcpcrypt_kick(ctx);
	/* reset, or given up by TCP; the descriptor may stay for long */
	if (!err && sk->sk_state == TCP_CLOSE)
		tcpcrypt_tx_purge(sk, ctx);
	if (!err && sk->sk_state == TCP_CLOSE && !ctx->rx.complete &&
	    skb_queue_empty(&sk->sk_receive_queue))
		tcpcrypt_ctx_wipe(ctx);
	if (err)
		tcpcrypt_fail(ctx, -err);
	else if (unlikely(ctx->rx.refused))
		refuse_now(sk, ctx);
}

/*
 * Takes the socket's lock, or leaves the work to whoever owns it. An owner
 * sleeps as long as the memory's owner likes that it copies from or to
 * (userfaultfd, FUSE); threads of the workqueue that waited for it would be
 * missing elsewhere, and some hundred such sockets would stop everybody's
 * connections.
 */
static bool lock_or_defer(struct sock *sk, struct tcpcrypt_ctx *ctx, u8 what)
{
	bool owned;

	spin_lock_bh(&sk->sk_lock.slock);
	owned = sock_owned_by_user(sk);
	if (!owned)
		sk->sk_lock.owned = 1;
	else if (tcpcrypt_ctx(sk) == ctx)
		ctx->deferred |= what;
	spin_unlock_bh(&sk->sk_lock.slock);
	if (!owned)
		mutex_acquire(&sk->sk_lock.dep_map, 0, 1, _RET_IP_);
	return !owned;
}

/**
 * tcpcrypt_catch_up() - the socket's lock is about to be released
 * @ctx: the socket's context
 *
 * Context: the socket's lock, spinlock held, from release_cb.
 */
void tcpcrypt_catch_up(struct tcpcrypt_ctx *ctx)
{
	u8 deferred = ctx->deferred;

	if (likely(!deferred))
		return;
	ctx->deferred = 0;
	if (deferred & DEFERRED_WORK)
		queue(ctx, &ctx->work, 0);
	if (deferred & DEFERRED_TIMER)
		queue(ctx, &ctx->timer, time_after(ctx->expires, jiffies) ?
					ctx->expires - jiffies : 0);
}

static void run_locked(struct sock *sk, struct tcpcrypt_ctx *ctx, bool expired)
{
	struct mem_cgroup *memcg = tcpcrypt_account(sk);
	bool finish = false;

	if (tcpcrypt_ctx(sk) == ctx && sk->sk_socket) {
		/* moved while it waited for the lock */
		if (time_before(jiffies, ctx->expires))
			expired = false;
		if (expired && ctx->state == TCPCRYPT_KEYING)
			tcpcrypt_fail(ctx, ETIMEDOUT);
		if (expired && ctx->state == TCPCRYPT_OPEN)
			tcpcrypt_alive_expired(sk, ctx);
		step(sk, ctx);
		if (tcpcrypt_ctx(sk) == ctx && ctx->closing)
			finish = tcpcrypt_closer(sk, ctx, expired);
	}
	release_sock(sk);
	tcpcrypt_account_end(memcg);
	/* close() left its reference to the parked socket with us */
	if (finish)
		tcpcrypt_prot_base(sk)->close(sk, 0);
}

static void run(struct tcpcrypt_ctx *ctx, bool expired)
{
	struct sock *sk = ctx->sk;

	if (lock_or_defer(sk, ctx, expired ? DEFERRED_TIMER : DEFERRED_WORK))
		run_locked(sk, ctx, expired);
	sock_put(sk);
	tcpcrypt_ctx_put(ctx);
}

static void work_fn(struct work_struct *work)
{
	run(container_of(to_delayed_work(work), struct tcpcrypt_ctx, work),
	    false);
}

static void timer_fn(struct work_struct *work)
{
	run(container_of(to_delayed_work(work), struct tcpcrypt_ctx, timer),
	    true);
}

/**
 * tcpcrypt_work_init() - prepare a new context's work
 * @ctx: the context
 */
void tcpcrypt_work_init(struct tcpcrypt_ctx *ctx)
{
	INIT_DELAYED_WORK(&ctx->work, work_fn);
	INIT_DELAYED_WORK(&ctx->timer, timer_fn);
}
