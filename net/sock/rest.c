// SPDX-License-Identifier: GPL-2.0
/*
 * Ciphers of connections that are quiet give their transforms back, which
 * others can use, and which cost more memory than all else that a quiet
 * connection has. Its traffic keys go with them: they are derived once more
 * from the master keys, which stay, when there is a frame: see rekey.c.
 *
 * Frames only note the time. Every few seconds one work item looks at all
 * connections that have a transform.
 */

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "sock.h"

#define QUIET_TIME	(4 * HZ)
#define LOOK_TIME	(2 * HZ)
/* Connections that are looked at without a break */
#define LOOK_BURST	256

static void look_fn(struct work_struct *work);

/* Those that have a transform, by ->busy. Taken inside the socket's lock. */
static DEFINE_SPINLOCK(busy_lock);
static LIST_HEAD(busy);
static DECLARE_DELAYED_WORK(look_work, look_fn);

/**
 * tcpcrypt_rest_later() - a connection's cipher was set up: watch it
 * @ctx: its context
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_rest_later(struct tcpcrypt_ctx *ctx)
{
	/* only under the socket's lock, too, is it taken off the list */
	if (!list_empty(&ctx->busy))
		return;
	spin_lock_bh(&busy_lock);
	list_add_tail(&ctx->busy, &busy);
	spin_unlock_bh(&busy_lock);
	queue_delayed_work(tcpcrypt_wq, &look_work, LOOK_TIME);
}

/**
 * tcpcrypt_rest_never() - a context leaves its socket: watch it no longer
 * @ctx: the context
 *
 * Context: the socket's lock, any context; preemption may be off.
 */
void tcpcrypt_rest_never(struct tcpcrypt_ctx *ctx)
{
	if (list_empty(&ctx->busy))
		return;
	spin_lock_bh(&busy_lock);
	list_del_init(&ctx->busy);
	spin_unlock_bh(&busy_lock);
}

static bool is_quiet(const struct tcpcrypt_ctx *ctx)
{
	return tcpcrypt_cipher_quiet(&ctx->tx.cipher, QUIET_TIME) ||
	       tcpcrypt_cipher_quiet(&ctx->rx.cipher, QUIET_TIME);
}

static void rest(struct tcpcrypt_ctx *ctx)
{
	struct tcpcrypt_cipher *tx = &ctx->tx.cipher, *rx = &ctx->rx.cipher;

	if (tcpcrypt_cipher_quiet(tx, QUIET_TIME))
		tcpcrypt_cipher_rest(tx);
	if (tcpcrypt_cipher_quiet(rx, QUIET_TIME))
		tcpcrypt_cipher_rest(rx);
	if (!tcpcrypt_cipher_ready(tx) && !tcpcrypt_cipher_ready(rx))
		tcpcrypt_rest_never(ctx);
}

/* Never waits for the lock's owner, who may be at a frame. */
static void visit(struct sock *sk)
{
	struct tcpcrypt_ctx *ctx;

	local_bh_disable();
	bh_lock_sock(sk);
	ctx = tcpcrypt_ctx(sk);
	if (ctx && !sock_owned_by_user(sk))
		rest(ctx);
	bh_unlock_sock(sk);
	local_bh_enable();
	sock_put(sk);
}

/*
 * The next quiet connection of @scan; those before it go back to the list of
 * all. Return: its socket, with a reference; NULL if there may be more, or
 * @scan is empty.
 */
static struct sock *next_quiet(struct list_head *scan)
{
	unsigned int burst = LOOK_BURST;
	struct tcpcrypt_ctx *ctx;
	struct sock *sk = NULL;

	spin_lock_bh(&busy_lock);
	while (!sk && burst-- && !list_empty(scan)) {
		ctx = list_first_entry(scan, struct tcpcrypt_ctx, busy);
		list_move_tail(&ctx->busy, &busy);
		/* on the list: the context is on its socket */
		if (is_quiet(ctx) && refcount_inc_not_zero(&ctx->sk->sk_refcnt))
			sk = ctx->sk;
	}
	spin_unlock_bh(&busy_lock);
	return sk;
}

static void look_fn(struct work_struct *work)
{
	struct sock *sk;
	LIST_HEAD(scan);

	spin_lock_bh(&busy_lock);
	list_splice_init(&busy, &scan);
	spin_unlock_bh(&busy_lock);
	/* others take entries off it, but nobody adds any */
	while (!list_empty_careful(&scan)) {
		sk = next_quiet(&scan);
		if (sk)
			visit(sk);
		cond_resched();
	}
	if (!list_empty_careful(&busy))
		queue_delayed_work(tcpcrypt_wq, &look_work, LOOK_TIME);
}

/** tcpcrypt_rest_exit() - no connection is left to watch */
void tcpcrypt_rest_exit(void)
{
	cancel_delayed_work_sync(&look_work);
}
