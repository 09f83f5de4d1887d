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
#include <net/inet_hashtables.h>
#include <net/net_namespace.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "cache.h"
#include "sock.h"

/* Of which clone keys and secrets are; see tcpcrypt_stale(). */
static u32 epoch;

/**
 * tcpcrypt_epoch() - the epoch in which a key or secret is made
 *
 * Context: any.
 * Return: for tcpcrypt_stale().
 */
u32 tcpcrypt_epoch(void)
{
	return READ_ONCE(epoch);
}

/**
 * tcpcrypt_stale() - might another clone have the same keys?
 * @made: epoch in which they were made
 *
 * Context: any.
 * Return: whether it might: they must not be used.
 */
bool tcpcrypt_stale(u32 made)
{
	return made != READ_ONCE(epoch);
}

/* Wakes up work_fn() of all connections in one bucket; it aborts them. */
static void walk_bucket(struct inet_hashinfo *h, unsigned int slot)
{
	spinlock_t *lock = inet_ehash_lockp(h, slot);
	struct hlist_nulls_node *node;
	struct sock *sk;

	spin_lock_bh(lock);
	sk_nulls_for_each(sk, node, &h->ehash[slot].chain)
		if (sk_fullsock(sk) && sk->sk_protocol == IPPROTO_TCP)
			tcpcrypt_wake(sk);
	spin_unlock_bh(lock);
}

static void walk(struct inet_hashinfo *h)
{
	unsigned int i;

	for (i = 0; i <= h->ehash_mask; i++) {
		if (!hlist_nulls_empty(&h->ehash[i].chain))
			walk_bucket(h, i);
		cond_resched();
	}
}

/*
 * From the first line on no frame is encrypted under old keys, and no secret
 * is used: that does not wait for the walk, which wipes them.
 */
static void drop_all(void)
{
	struct inet_hashinfo *h, *shared = init_net.ipv4.tcp_death_row.hashinfo;
	struct net *net;

	WRITE_ONCE(epoch, epoch + 1);
	/* a reader in softirq has seen it */
	synchronize_rcu();
	down_read(&net_rwsem);
	for_each_net(net) {
		tcpcrypt_cache_flush(net);
		h = net->ipv4.tcp_death_row.hashinfo;
		if (h != shared)
			walk(h);
	}
	up_read(&net_rwsem);
	walk(shared);
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
