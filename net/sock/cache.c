// SPDX-License-Identifier: GPL-2.0
/*
 * The session cache. A session secret is used once: it leaves the cache when
 * a connection of ours proposes it. When a SYN of the peer's does, it stays,
 * but for nobody else, until that connection's ACK has come or is overdue.
 */

#include <crypto/algapi.h>
#include <linux/jiffies.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <net/ipv6.h>
#include "../ctl/ctl.h"
#include "../tcpcrypt/resume.h"
#include "cache.h"
#include "sock.h"

#define CACHE_BITS	8
/* longer than a request lives, with TCP_DEFER_ACCEPT, too */
#define RESERVE_TIME	(600 * HZ)
/* Tickets of one address: who connects to it looks at all of them. */
#define ADDR_MAX	32

/**
 * struct tcpcrypt_cache - a network namespace's cache
 * @lock:  protects all else
 * @net:   the namespace
 * @key:   of both tables' hashes
 * @count: tickets
 * @lru:   all tickets, the oldest first
 * @half:  by the half of resume[i] that the peer sends
 * @addr:  by the peer's address
 * @prune: drops what is too old
 */
struct tcpcrypt_cache {
	spinlock_t		lock;	/* all of this */
	struct net		*net;
	siphash_key_t		key;
	unsigned int		count;
	struct list_head	lru;
	struct hlist_head	half[1 << CACHE_BITS];
	struct hlist_head	addr[1 << CACHE_BITS];
	struct delayed_work	prune;
};

static struct tcpcrypt_cache *cache_of(const struct net *net)
{
	return tcpcrypt_net(net)->cache;
}

static const u8 *peer_half(const struct tcpcrypt_ticket *t)
{
	return tcpcrypt_resume_half(t->id, !t->host_a);
}

static struct hlist_head *half_bucket(struct tcpcrypt_cache *c, const u8 *half)
{
	u64 hash = siphash(half, TCPCRYPT_HALF_LEN, &c->key);

	return &c->half[hash & (ARRAY_SIZE(c->half) - 1)];
}

static struct hlist_head *addr_bucket(struct tcpcrypt_cache *c,
				      const struct in6_addr *addr)
{
	u64 hash = siphash(addr, sizeof(*addr), &c->key);

	return &c->addr[hash & (ARRAY_SIZE(c->addr) - 1)];
}

/**
 * tcpcrypt_ticket_free() - wipe a ticket
 * @t: the ticket, in no cache; may be NULL
 */
void tcpcrypt_ticket_free(struct tcpcrypt_ticket *t)
{
	kfree_sensitive(t);
}

static bool is_expired(const struct tcpcrypt_ticket *t)
{
	return time_after_eq(jiffies, t->expires) || tcpcrypt_stale(t->epoch);
}

static void unlink(struct tcpcrypt_cache *c, struct tcpcrypt_ticket *t)
{
	lockdep_assert_held(&c->lock);
	hlist_del(&t->by_half);
	hlist_del(&t->by_addr);
	list_del(&t->lru);
	c->count--;
}

static void drop(struct tcpcrypt_cache *c, struct tcpcrypt_ticket *t,
		 enum tcpcrypt_mib why)
{
	unlink(c, t);
	tcpcrypt_ticket_free(t);
	tcpcrypt_count(c->net, why);
}

static void evict(struct tcpcrypt_cache *c)
{
	drop(c, list_first_entry(&c->lru, struct tcpcrypt_ticket, lru),
	     TCPCRYPT_MIB_CACHEEVICTED);
}

/* The oldest ticket of an address that has as many as it may; or NULL. */
static struct tcpcrypt_ticket *surplus(struct tcpcrypt_cache *c,
				       const struct in6_addr *addr)
{
	struct tcpcrypt_ticket *t, *last = NULL;
	unsigned int n = 0;

	/* the newest come first */
	hlist_for_each_entry(t, addr_bucket(c, addr), by_addr) {
		if (!ipv6_addr_equal(&t->addr, addr))
			continue;
		last = t;
		n++;
	}
	return n < ADDR_MAX ? NULL : last;
}

static void prune_fn(struct work_struct *work)
{
	struct tcpcrypt_cache *c = container_of(to_delayed_work(work),
						struct tcpcrypt_cache, prune);
	struct tcpcrypt_ticket *t, *tmp;

	spin_lock_bh(&c->lock);
	list_for_each_entry_safe(t, tmp, &c->lru, lru)
		if (is_expired(t))
			drop(c, t, TCPCRYPT_MIB_CACHEEXPIRED);
	if (c->count)
		schedule_delayed_work(&c->prune, HZ);
	spin_unlock_bh(&c->lock);
}

/**
 * tcpcrypt_cache_put() - add a ticket
 * @net: the network namespace
 * @t:   the ticket; the cache owns it now
 *
 * Context: process or softirq.
 */
void tcpcrypt_cache_put(struct net *net, struct tcpcrypt_ticket *t)
{
	const struct tcpcrypt_net *tn = tcpcrypt_net(net);
	unsigned int max = READ_ONCE(tn->cache_max);
	struct tcpcrypt_cache *c = cache_of(net);
	struct tcpcrypt_ticket *old;

	if (!max)
		return tcpcrypt_ticket_free(t);
	t->expires = jiffies + READ_ONCE(tn->cache_lifetime) * HZ;
	spin_lock_bh(&c->lock);
	old = surplus(c, &t->addr);
	if (old)
		drop(c, old, TCPCRYPT_MIB_CACHEEVICTED);
	while (c->count >= max)
		evict(c);
	hlist_add_head(&t->by_half, half_bucket(c, peer_half(t)));
	hlist_add_head(&t->by_addr, addr_bucket(c, &t->addr));
	list_add_tail(&t->lru, &c->lru);
	if (!c->count++)
		schedule_delayed_work(&c->prune, HZ);
	spin_unlock_bh(&c->lock);
	tcpcrypt_count(net, TCPCRYPT_MIB_CACHEADDED);
}

static bool is_wanted(const struct tcpcrypt_ticket *t,
		      const struct tcpcrypt_wanted *wanted)
{
	return !is_expired(t) && wanted->tep(wanted->priv, t->tep) &&
	       wanted->aead(wanted->priv, t->aead);
}

/* How well a ticket suits a port: what was made there, by the peer, at all. */
static unsigned int rank(const struct tcpcrypt_ticket *t, __be16 port)
{
	if (t->port == port)
		return 3;
	return t->port ? 1 : 2;
}

/**
 * tcpcrypt_cache_take() - a secret that an active opener can propose
 * @net:    the network namespace
 * @addr:   the peer's address, IPv4 as mapped
 * @port:   its port
 * @wanted: what the connection could use
 *
 * RFC 8548, section 3.5: a secret counts as used when it was proposed,
 * successfully or not, and the lowest i comes first: there is one ticket, of
 * the lowest i, for each ss[0].
 *
 * Context: process or softirq.
 * Return: a ticket that the caller owns, or NULL.
 */
struct tcpcrypt_ticket *
tcpcrypt_cache_take(struct net *net, const struct in6_addr *addr, __be16 port,
		    const struct tcpcrypt_wanted *wanted)
{
	struct tcpcrypt_ticket *t, *best = NULL;
	struct tcpcrypt_cache *c = cache_of(net);

	spin_lock_bh(&c->lock);
	hlist_for_each_entry(t, addr_bucket(c, addr), by_addr) {
		if (!ipv6_addr_equal(&t->addr, addr) || t->reserved ||
		    !is_wanted(t, wanted))
			continue;
		if (!best || rank(t, port) > rank(best, port))
			best = t;
	}
	if (best)
		unlink(c, best);
	spin_unlock_bh(&c->lock);
	return best;
}

static struct tcpcrypt_ticket *find(struct tcpcrypt_cache *c, const u8 *half)
{
	struct tcpcrypt_ticket *t;

	lockdep_assert_held(&c->lock);
	hlist_for_each_entry(t, half_bucket(c, half), by_half)
		if (!crypto_memneq(peer_half(t), half, TCPCRYPT_HALF_LEN))
			return t;
	return NULL;
}

/**
 * tcpcrypt_cache_reserve() - a peer's SYN proposes resumption
 * @net:    the network namespace
 * @half:   the half of resume[i] in it
 * @tep:    the TEP in it
 * @owner:  hash of the SYN, so that it may come again
 * @wanted: what the connection could use
 * @own:    filled with the half to answer with, TCPCRYPT_HALF_LEN bytes
 *
 * RFC 8548, section 3.5: the peer has used the secret, and whoever sends the
 * half again has it from that SYN.
 *
 * Context: process or softirq.
 * Return: whether there is such a secret; it is @owner's for a while.
 */
bool tcpcrypt_cache_reserve(struct net *net, const u8 *half, u8 tep, u32 owner,
			    const struct tcpcrypt_wanted *wanted, u8 *own)
{
	struct tcpcrypt_cache *c = cache_of(net);
	struct tcpcrypt_ticket *t;

	spin_lock_bh(&c->lock);
	t = find(c, half);
	if (t && (t->tep != tep || !is_wanted(t, wanted) ||
		  (t->reserved && t->owner != owner)))
		t = NULL;
	/* a SYN that comes again changes nothing */
	if (t && !t->reserved) {
		t->owner = owner;
		t->reserved = true;
		t->expires = jiffies + RESERVE_TIME;
		list_move_tail(&t->lru, &c->lru);
	}
	if (t)
		memcpy(own, tcpcrypt_resume_half(t->id, t->host_a),
		       TCPCRYPT_HALF_LEN);
	spin_unlock_bh(&c->lock);
	return t;
}

/**
 * tcpcrypt_cache_claim() - the connection that a SYN proposed has begun
 * @net:   the network namespace
 * @half:  as in tcpcrypt_cache_reserve()
 * @owner: likewise
 *
 * Context: process or softirq.
 * Return: the ticket, which the caller owns, or NULL: it is not @owner's any
 * more.
 */
struct tcpcrypt_ticket *tcpcrypt_cache_claim(struct net *net, const u8 *half,
					     u32 owner)
{
	struct tcpcrypt_cache *c = cache_of(net);
	struct tcpcrypt_ticket *t;

	spin_lock_bh(&c->lock);
	t = find(c, half);
	if (t && t->reserved && t->owner == owner && !tcpcrypt_stale(t->epoch))
		unlink(c, t);
	else
		t = NULL;
	spin_unlock_bh(&c->lock);
	return t;
}

/**
 * tcpcrypt_cache_release() - the connection that a SYN proposed is plain
 * @net:   the network namespace
 * @half:  as in tcpcrypt_cache_reserve()
 * @owner: likewise
 *
 * Context: process or softirq.
 */
void tcpcrypt_cache_release(struct net *net, const u8 *half, u32 owner)
{
	struct tcpcrypt_cache *c = cache_of(net);
	struct tcpcrypt_ticket *t;

	spin_lock_bh(&c->lock);
	t = find(c, half);
	if (t && t->reserved && t->owner == owner)
		drop(c, t, TCPCRYPT_MIB_CACHEFLUSHED);
	spin_unlock_bh(&c->lock);
}

/**
 * tcpcrypt_cache_drop() - forget one secret
 * @net:  the network namespace
 * @half: the half of resume[i] that the peer would send
 *
 * Context: process or softirq.
 * Return: whether it was there.
 */
bool tcpcrypt_cache_drop(struct net *net, const u8 *half)
{
	struct tcpcrypt_cache *c = cache_of(net);
	struct tcpcrypt_ticket *t;

	spin_lock_bh(&c->lock);
	t = find(c, half);
	if (t)
		drop(c, t, TCPCRYPT_MIB_CACHEFLUSHED);
	spin_unlock_bh(&c->lock);
	return t;
}

/**
 * tcpcrypt_cache_flush() - forget everything
 * @net: the network namespace
 *
 * Context: process or softirq.
 */
void tcpcrypt_cache_flush(struct net *net)
{
	struct tcpcrypt_cache *c = cache_of(net);
	struct tcpcrypt_ticket *t, *tmp;

	spin_lock_bh(&c->lock);
	list_for_each_entry_safe(t, tmp, &c->lru, lru)
		drop(c, t, TCPCRYPT_MIB_CACHEFLUSHED);
	spin_unlock_bh(&c->lock);
}

/**
 * tcpcrypt_cache_shrink() - net.tcpcrypt.cache_max was lowered
 * @c: the cache
 *
 * Context: process.
 */
void tcpcrypt_cache_shrink(struct tcpcrypt_cache *c)
{
	unsigned int max = READ_ONCE(tcpcrypt_net(c->net)->cache_max);

	spin_lock_bh(&c->lock);
	while (c->count > max)
		evict(c);
	spin_unlock_bh(&c->lock);
}

/**
 * tcpcrypt_cache_init() - set up a network namespace's cache
 * @net: the namespace
 *
 * Return: 0 or -ENOMEM.
 */
int tcpcrypt_cache_init(struct net *net)
{
	struct tcpcrypt_cache *c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);

	if (!c)
		return -ENOMEM;
	spin_lock_init(&c->lock);
	INIT_LIST_HEAD(&c->lru);
	INIT_DELAYED_WORK(&c->prune, prune_fn);
	get_random_bytes(&c->key, sizeof(c->key));
	c->net = net;
	tcpcrypt_net(net)->cache = c;
	return 0;
}

/**
 * tcpcrypt_cache_exit() - wipe and drop a network namespace's cache
 * @net: the namespace
 *
 * Context: process.
 */
void tcpcrypt_cache_exit(struct net *net)
{
	struct tcpcrypt_cache *c = cache_of(net);

	tcpcrypt_cache_flush(net);
	cancel_delayed_work_sync(&c->prune);
	kfree(c);
}
