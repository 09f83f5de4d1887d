// SPDX-License-Identifier: GPL-2.0
/*
 * Clones of this machine. A virtual machine that is forked, or an image that
 * is resumed twice, would go on in two places under the same keys: different
 * frames with one frame ID under one key, which RFC 8548, section 3.6,
 * forbids. Rekeying does not help, both derive the same. So every encrypted
 * connection is aborted and every session secret forgotten, when the kernel
 * says that it was forked, and before and after hibernation.
 */

#include <linux/notifier.h>
#include <linux/random.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/suspend.h>
#include <linux/workqueue.h>
#include <net/inet_hashtables.h>
#include <net/net_namespace.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "cache.h"
#include "sock.h"

#define WALK_BATCH	64

static bool is_ours(const struct sock *sk)
{
	bool ours;

	if (!sk_fullsock(sk) || sk->sk_protocol != IPPROTO_TCP)
		return false;
	rcu_read_lock();
	ours = tcpcrypt_ctx(sk);
	rcu_read_unlock();
	return ours;
}

static void drop_keys(struct sock *sk)
{
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx(sk);

	if (!ctx)
		return;
	if (tcpcrypt_encrypted(ctx)) {
		tcpcrypt_fail(ctx, ESTALE);
		return;
	}
	/* a SYN-ACK that agrees to resume will be ignored */
	tcpcrypt_ticket_free(ctx->ticket);
	ctx->ticket = NULL;
}

/*
 * A child that nobody has accepted is never owned: see DOC: locking. Return:
 * false if somebody owns it, who is just accepting it.
 */
static bool visit_child(struct sock *sk)
{
	bool idle;

	local_bh_disable();
	bh_lock_sock(sk);
	idle = !sock_owned_by_user(sk);
	if (idle)
		drop_keys(sk);
	bh_unlock_sock(sk);
	local_bh_enable();
	return idle;
}

static void visit(struct sock *sk)
{
	if (READ_ONCE(sk->sk_socket) || !visit_child(sk)) {
		lock_sock(sk);
		drop_keys(sk);
		release_sock(sk);
	}
	sock_put(sk);
}

/* Return: whether there may be more. */
static bool walk_bucket(struct inet_hashinfo *h, unsigned int slot,
			unsigned int *skip)
{
	spinlock_t *lock = inet_ehash_lockp(h, slot);
	struct sock *batch[WALK_BATCH], *sk;
	struct hlist_nulls_node *node;
	unsigned int n = 0, i = 0;

	spin_lock_bh(lock);
	sk_nulls_for_each(sk, node, &h->ehash[slot].chain) {
		if (i++ < *skip || !is_ours(sk) ||
		    !refcount_inc_not_zero(&sk->sk_refcnt))
			continue;
		batch[n++] = sk;
		if (n == WALK_BATCH)
			break;
	}
	spin_unlock_bh(lock);
	*skip = i;
	for (i = 0; i < n; i++)
		visit(batch[i]);
	return n == WALK_BATCH;
}

static void walk(struct inet_hashinfo *h)
{
	unsigned int i, skip;

	for (i = 0; i <= h->ehash_mask; i++) {
		skip = 0;
		if (hlist_nulls_empty(&h->ehash[i].chain))
			continue;
		while (walk_bucket(h, i, &skip))
			cond_resched();
		cond_resched();
	}
}

static void drop_all(void)
{
	struct inet_hashinfo *h, *shared = init_net.ipv4.tcp_death_row.hashinfo;
	struct net *net;

	down_read(&net_rwsem);
	for_each_net(net) {
		tcpcrypt_cache_flush(net);
		h = net->ipv4.tcp_death_row.hashinfo;
		if (h != shared)
			walk(h);
	}
	walk(shared);
	up_read(&net_rwsem);
	/* the aborts wipe the keys */
	flush_workqueue(tcpcrypt_wq);
}

static int forked(struct notifier_block *nb, unsigned long action, void *data)
{
	drop_all();
	return NOTIFY_OK;
}

static int hibernating(struct notifier_block *nb, unsigned long action,
		       void *data)
{
	if (action == PM_HIBERNATION_PREPARE || action == PM_POST_HIBERNATION)
		drop_all();
	return NOTIFY_OK;
}

static struct notifier_block fork_nb = { .notifier_call = forked };
static struct notifier_block pm_nb = { .notifier_call = hibernating };

/**
 * tcpcrypt_stale_init() - learn of clones
 *
 * Where the kernel cannot tell that it was forked (no VMGENID), nobody does.
 *
 * Context: process.
 * Return: 0 or a negative errno.
 */
int tcpcrypt_stale_init(void)
{
	int err = register_random_vmfork_notifier(&fork_nb);

	if (err)
		return err;
	err = register_pm_notifier(&pm_nb);
	if (err)
		unregister_random_vmfork_notifier(&fork_nb);
	return err;
}

/** tcpcrypt_stale_exit() - undo tcpcrypt_stale_init() */
void tcpcrypt_stale_exit(void)
{
	unregister_pm_notifier(&pm_nb);
	unregister_random_vmfork_notifier(&fork_nb);
}
