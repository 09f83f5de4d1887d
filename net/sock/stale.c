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

/* Of which clone keys and secrets are; see tcpcrypt_stale(). */
static u32 epoch = 1;
/* An image of memory is about to be made: no keys may be in it. */
static bool imaging;

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
	return made != READ_ONCE(epoch) || READ_ONCE(imaging);
}

/* Has it keys, or a secret, and was not visited in this epoch? */
static bool has_keys(const struct sock *sk)
{
	const struct tcpcrypt_ctx *ctx;
	bool has = false;

	if (!sk_fullsock(sk) || sk->sk_protocol != IPPROTO_TCP)
		return false;
	rcu_read_lock();
	ctx = tcpcrypt_ctx(sk);
	if (ctx && READ_ONCE(ctx->visited) != epoch)
		has = READ_ONCE(ctx->ticket) ||
		      (tcpcrypt_encrypted(ctx) &&
		       READ_ONCE(ctx->state) != TCPCRYPT_FAILED);
	rcu_read_unlock();
	return has;
}

static void drop_keys(struct tcpcrypt_ctx *ctx)
{
	if (tcpcrypt_encrypted(ctx)) {
		if (tcpcrypt_stale(ctx->epoch))
			tcpcrypt_fail(ctx, ESTALE);
	} else if (ctx->ticket && tcpcrypt_stale(ctx->ticket->epoch)) {
		/* a SYN-ACK that agrees to resume will be ignored */
		tcpcrypt_ticket_free(ctx->ticket);
		WRITE_ONCE(ctx->ticket, NULL);
	}
}

/*
 * Never waits for the lock's owner, which may sleep for as long as the owner
 * of the memory likes that it copies from. It can use no key: work_fn() does
 * the rest.
 */
static void visit(struct sock *sk)
{
	struct tcpcrypt_ctx *ctx;
	bool owned;

	local_bh_disable();
	bh_lock_sock(sk);
	owned = sock_owned_by_user(sk);
	rcu_read_lock();
	ctx = tcpcrypt_ctx(sk);
	if (ctx)
		WRITE_ONCE(ctx->visited, epoch);
	if (ctx && !owned)
		drop_keys(ctx);
	rcu_read_unlock();
	bh_unlock_sock(sk);
	local_bh_enable();
	if (owned)
		tcpcrypt_wake(sk);
	sock_put(sk);
}

/*
 * Visits some of a bucket, which changes meanwhile: it begins at the front
 * each time. Return: whether there may be more.
 */
static bool walk_bucket(struct inet_hashinfo *h, unsigned int slot)
{
	spinlock_t *lock = inet_ehash_lockp(h, slot);
	struct sock *batch[WALK_BATCH], *sk;
	struct hlist_nulls_node *node;
	unsigned int n = 0, i;

	spin_lock_bh(lock);
	sk_nulls_for_each(sk, node, &h->ehash[slot].chain) {
		if (!has_keys(sk) || !refcount_inc_not_zero(&sk->sk_refcnt))
			continue;
		batch[n++] = sk;
		if (n == WALK_BATCH)
			break;
	}
	spin_unlock_bh(lock);
	for (i = 0; i < n; i++)
		visit(batch[i]);
	return n == WALK_BATCH;
}

static void walk(struct inet_hashinfo *h)
{
	unsigned int i;

	for (i = 0; i <= h->ehash_mask; i++) {
		if (hlist_nulls_empty(&h->ehash[i].chain))
			continue;
		while (walk_bucket(h, i))
			cond_resched();
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
	walk(shared);
	up_read(&net_rwsem);
	tcpcrypt_cipher_flush();
}

static int forked(struct notifier_block *nb, unsigned long action, void *data)
{
	drop_all();
	return NOTIFY_OK;
}

/*
 * Processes are still running when hibernation is announced, and may be for
 * long: what they open until then gets no keys.
 */
static int hibernating(struct notifier_block *nb, unsigned long action,
		       void *data)
{
	if (action != PM_HIBERNATION_PREPARE && action != PM_POST_HIBERNATION)
		return NOTIFY_OK;
	WRITE_ONCE(imaging, action == PM_HIBERNATION_PREPARE);
	drop_all();
	/* the aborts wipe the keys */
	flush_workqueue(tcpcrypt_wq);
	tcpcrypt_cipher_flush();
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
