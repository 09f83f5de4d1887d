// SPDX-License-Identifier: GPL-2.0
/*
 * Destinations where negotiated connections break. A path that passes ENO
 * options and then spoils what follows would make a host unreachable (RFC 8547,
 * section 9, type-2 failures): it is left alone for a while.
 *
 * What counts: an active opener's connection on which ENO succeeded and whose
 * key agreement came to a bad end by what arrived, or by what did not; and a
 * SYN that was answered only when it had no ENO any more. An attacker on the
 * path can do that, as he can strip the options. What does not: anything
 * after keys were agreed, least of all a frame that fails authentication; what
 * the host did itself, or failed to do; and passive opens.
 *
 * It holds for sockets of the same user that do as the system is configured:
 * TCP_ENO_ENABLED overrides it.
 */

#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "account.h"
#include "sock.h"

#define BROKEN_BITS	6

/* Compared and hashed as bytes: no padding. */
struct destination {
	struct in6_addr	addr;		/* IPv4: mapped */
	u32		port;
	s32		dev;		/* SO_BINDTODEVICE, scope */
	u32		uid;		/* nobody spoils it for others */
};

struct broken {
	struct hlist_node	node;
	struct list_head	age;
	struct destination	to;
	unsigned long		since;	/* jiffies */
};

/**
 * struct tcpcrypt_broken - the broken destinations of a network namespace
 * @lock:  protects everything
 * @seed:  of the hash
 * @count: entries; read locklessly to see whether there are any
 * @age:   all entries, the oldest first
 * @hash:  all entries, by destination
 */
struct tcpcrypt_broken {
	spinlock_t		lock;	/* of all of it */
	u32			seed;
	unsigned int		count;
	struct list_head	age;
	struct hlist_head	hash[1 << BROKEN_BITS];
};

static void destination(const struct sock *sk, struct destination *to)
{
	memset(to, 0, sizeof(*to));
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		to->addr = sk->sk_v6_daddr;
	else
#endif
		ipv6_addr_set_v4mapped(sk->sk_daddr, &to->addr);
	to->port = ntohs(sk->sk_dport);
	to->dev = sk->sk_bound_dev_if;
	to->uid = from_kuid(&init_user_ns, sk->sk_uid);
}

static struct hlist_head *bucket(struct tcpcrypt_broken *all,
				 const struct destination *to)
{
	u32 hash = jhash2((const u32 *)to, sizeof(*to) / sizeof(u32),
			  all->seed);

	return &all->hash[hash >> (32 - BROKEN_BITS)];
}

static struct broken *find(struct tcpcrypt_broken *all,
			   const struct destination *to)
{
	struct broken *b;

	hlist_for_each_entry(b, bucket(all, to), node)
		if (!memcmp(&b->to, to, sizeof(*to)))
			return b;
	return NULL;
}

static void forget(struct tcpcrypt_broken *all, struct broken *b)
{
	hlist_del(&b->node);
	list_del(&b->age);
	WRITE_ONCE(all->count, all->count - 1);
	kfree(b);
}

static bool is_over(const struct tcpcrypt_net *tn, const struct broken *b)
{
	unsigned long time = READ_ONCE(tn->broken_time);

	return time_after_eq(jiffies, b->since + time * HZ);
}

/* Makes room for one more: what is over goes, and the oldest. */
static void make_room(struct tcpcrypt_net *tn)
{
	struct tcpcrypt_broken *all = tn->broken;
	unsigned int max = READ_ONCE(tn->broken_max);
	struct broken *b, *next;

	list_for_each_entry_safe(b, next, &all->age, age) {
		if (all->count < max && !is_over(tn, b))
			break;
		forget(all, b);
	}
}

static void remember(struct tcpcrypt_net *tn, const struct destination *to)
{
	struct tcpcrypt_broken *all = tn->broken;
	struct broken *b = find(all, to);

	if (b)
		forget(all, b);
	make_room(tn);
	b = kmalloc(sizeof(*b), TCPCRYPT_ATOMIC | __GFP_NOWARN);
	if (!b)
		return;
	b->to = *to;
	b->since = jiffies;
	hlist_add_head(&b->node, bucket(all, to));
	list_add_tail(&b->age, &all->age);
	WRITE_ONCE(all->count, all->count + 1);
}

/**
 * tcpcrypt_broken_note() - a connection met a path that does not bear ENO
 * @sk: its socket
 *
 * Context: the socket's lock, any context; preemption may be off.
 */
void tcpcrypt_broken_note(const struct sock *sk)
{
	struct tcpcrypt_net *tn = tcpcrypt_net(sock_net(sk));
	struct destination to;

	if (!READ_ONCE(tn->broken_time))
		return;
	destination(sk, &to);
	spin_lock_bh(&tn->broken->lock);
	remember(tn, &to);
	spin_unlock_bh(&tn->broken->lock);
	tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_BROKENREMEMBERED);
}

/**
 * tcpcrypt_broken_died() - a connection has come to a bad end
 * @sk:  its socket
 * @ctx: its context
 * @err: errno, positive
 *
 * Context: the socket's lock, any context; preemption may be off.
 */
void tcpcrypt_broken_died(const struct sock *sk,
			  const struct tcpcrypt_ctx *ctx, int err)
{
	if (!ctx->active || ctx->state != TCPCRYPT_KEYING)
		return;
	switch (err) {
	case ECONNRESET:	/* RST, or TCP's FIN where a message was due */
	case EPIPE:		/* RST after a FIN */
	case EPROTO:		/* no message of the key agreement */
	case ETIMEDOUT:		/* none came, or TCP gave up */
		tcpcrypt_broken_note(sk);
	}
}

/**
 * tcpcrypt_is_broken() - is a destination to be left alone?
 * @sk: a socket in connect()
 *
 * Context: the socket's lock; preemption may be off.
 * Return: whether it is.
 */
bool tcpcrypt_is_broken(const struct sock *sk)
{
	struct tcpcrypt_net *tn = tcpcrypt_net(sock_net(sk));
	struct tcpcrypt_broken *all = tn->broken;
	struct destination to;
	struct broken *b;
	bool ret;

	if (!READ_ONCE(all->count))
		return false;
	destination(sk, &to);
	spin_lock_bh(&all->lock);
	b = find(all, &to);
	ret = b && !is_over(tn, b);
	spin_unlock_bh(&all->lock);
	return ret;
}

/**
 * tcpcrypt_broken_flush() - forget all destinations
 * @tn: of this network namespace
 *
 * Context: process.
 */
void tcpcrypt_broken_flush(struct tcpcrypt_net *tn)
{
	struct tcpcrypt_broken *all = tn->broken;
	struct broken *b, *next;

	spin_lock_bh(&all->lock);
	list_for_each_entry_safe(b, next, &all->age, age)
		forget(all, b);
	spin_unlock_bh(&all->lock);
}

/**
 * tcpcrypt_broken_init() - set up a network namespace's table
 * @tn: the namespace's
 *
 * Return: 0 or -ENOMEM.
 */
int tcpcrypt_broken_init(struct tcpcrypt_net *tn)
{
	tn->broken = kzalloc(sizeof(*tn->broken), GFP_KERNEL_ACCOUNT);
	if (!tn->broken)
		return -ENOMEM;
	spin_lock_init(&tn->broken->lock);
	INIT_LIST_HEAD(&tn->broken->age);
	tn->broken->seed = get_random_u32();
	return 0;
}

/**
 * tcpcrypt_broken_exit() - drop a network namespace's table
 * @tn: the namespace's
 */
void tcpcrypt_broken_exit(struct tcpcrypt_net *tn)
{
	if (!tn->broken)
		return;
	tcpcrypt_broken_flush(tn);
	kfree(tn->broken);
}
