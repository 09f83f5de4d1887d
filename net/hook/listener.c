// SPDX-License-Identifier: GPL-2.0
/*
 * Listeners. Only their af_ops is ours: children inherit sk_prot and ULP.
 */

#include <linux/atomic.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <net/inet_hashtables.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "../sock/account.h"
#include "../sock/sock.h"
#include "hook.h"

#define WALK_BATCH	64

/*
 * What was set on a socket before listen(), keyed by the listener: it has
 * no ctx while it listens. Few sockets are ever in here. It is allocated when
 * the application takes the socket, for listen() may not fail for want of it,
 * and freed with the ctx, which comes back when the socket listens no more.
 */
struct tcpcrypt_listener {
	struct hlist_node	node;
	const struct sock	*sk;
	struct tcpcrypt_opts	opts;
	struct tcpcrypt_ctx	*ctx;
};

#define LISTENER_BITS	6
static struct hlist_head listeners[1 << LISTENER_BITS];
static DEFINE_SPINLOCK(listeners_lock);
/* listeners whose af_ops is ours */
static atomic_t attached = ATOMIC_INIT(0);

static struct hlist_head *bucket(const struct sock *sk)
{
	return &listeners[hash_ptr((void *)sk, LISTENER_BITS)];
}

static struct tcpcrypt_listener *find(const struct sock *sk)
{
	struct tcpcrypt_listener *l;

	hlist_for_each_entry_rcu(l, bucket(sk), node,
				 lockdep_is_held(&listeners_lock))
		if (l->sk == sk)
			return l;
	return NULL;
}

/**
 * tcpcrypt_listener_opts() - what was set on a listener
 * @sk:   the listener
 * @opts: filled
 *
 * Context: any.
 */
void tcpcrypt_listener_opts(const struct sock *sk, struct tcpcrypt_opts *opts)
{
	const struct tcpcrypt_listener *l;

	rcu_read_lock();
	l = find(sk);
	if (l)
		*opts = l->opts;
	else
		tcpcrypt_opts_init(opts);
	rcu_read_unlock();
}

/**
 * tcpcrypt_listener_enabled() - may a listener's children be encrypted?
 * @sk: the listener
 *
 * Context: any.
 * Return: 0 no; 1 yes, its application asked for it; 2 they must be; -1 yes,
 * by default.
 */
int tcpcrypt_listener_enabled(const struct sock *sk)
{
	const struct tcpcrypt_net *tn = tcpcrypt_net(sock_net(sk));
	const struct tcpcrypt_listener *l;
	int enabled = TCP_ENO_DEFAULT;

	rcu_read_lock();
	l = find(sk);
	if (l)
		enabled = l->opts.enabled;
	rcu_read_unlock();
	if (enabled != TCP_ENO_DEFAULT)
		return enabled;
	if (!READ_ONCE(tn->enable_listen) ||
	    test_bit(inet_sk(sk)->inet_num, tn->bad_listen_ports))
		return 0;
	return -1;
}

/**
 * tcpcrypt_listener_new() - allocate what a listener's settings need
 *
 * Context: process.
 * Return: it, or NULL.
 */
struct tcpcrypt_listener *tcpcrypt_listener_new(void)
{
	return kzalloc(sizeof(struct tcpcrypt_listener), TCPCRYPT_GFP);
}

static void remember(const struct sock *sk, struct tcpcrypt_listener *l)
{
	l->sk = sk;
	spin_lock_bh(&listeners_lock);
	hlist_add_head_rcu(&l->node, bucket(sk));
	spin_unlock_bh(&listeners_lock);
}

static struct tcpcrypt_listener *forget(const struct sock *sk)
{
	struct tcpcrypt_listener *l;

	spin_lock_bh(&listeners_lock);
	l = find(sk);
	if (l)
		hlist_del_rcu(&l->node);
	spin_unlock_bh(&listeners_lock);
	return l;
}

/**
 * tcpcrypt_listener_attach() - take a listener
 * @sk:  the listener
 * @ctx: the context of a socket taken by TCP_ULP, off its socket; or NULL
 *
 * Context: the socket's lock; preemption may be off.
 * Return: whether it was taken, and @ctx with it.
 */
bool tcpcrypt_listener_attach(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct inet_connection_sock *icsk = inet_csk(sk);
	const struct inet_connection_sock_af_ops *ours;

	if (tcpcrypt_ineligible(sk) || tcpcrypt_is_kernel_socket(sk) ||
	    icsk->icsk_ulp_ops)
		return false;
	ours = tcpcrypt_af_ours(icsk->icsk_af_ops);
	if (!ours)
		return false;
	if (ctx) {
		ctx->listener->opts = ctx->opts;
		ctx->listener->ctx = ctx;
		remember(sk, ctx->listener);
	}
	WRITE_ONCE(icsk->icsk_af_ops, ours);
	atomic_inc(&attached);
	return true;
}

/**
 * tcpcrypt_listener_detach() - let a listener go
 * @sk: the listener, or what was one
 *
 * What was set on the socket is set again: listen() may have failed, or be
 * called once more.
 *
 * Context: the socket's lock; preemption may be off.
 */
void tcpcrypt_listener_detach(struct sock *sk)
{
	struct inet_connection_sock *icsk = inet_csk(sk);
	struct tcpcrypt_listener *l;

	if (!tcpcrypt_af_is_ours(icsk->icsk_af_ops))
		return;
	l = forget(sk);
	WRITE_ONCE(icsk->icsk_af_ops, tcpcrypt_af_base(sk));
	atomic_dec(&attached);
	if (l)
		tcpcrypt_ctx_return(sk, l->ctx);
}

/**
 * tcpcrypt_listeners_left() - are there listeners that we have taken?
 *
 * Context: any.
 * Return: whether there are.
 */
bool tcpcrypt_listeners_left(void)
{
	return atomic_read(&attached) > 0;
}

static void visit(struct sock *sk, bool attach)
{
	lock_sock(sk);
	if (!attach)
		tcpcrypt_listener_detach(sk);
	else if (sk->sk_state == TCP_LISTEN)
		tcpcrypt_listener_attach(sk, NULL);
	release_sock(sk);
	sock_put(sk);
}

static bool wanted(const struct sock *sk, bool attach)
{
	return sk->sk_protocol == IPPROTO_TCP &&
	       attach != tcpcrypt_af_is_ours(inet_csk(sk)->icsk_af_ops);
}

/* One batch of a bucket. Return: whether there may be more. */
static bool walk_bucket(struct inet_listen_hashbucket *b, bool attach,
			unsigned int *skip)
{
	struct sock *batch[WALK_BATCH], *sk;
	struct hlist_nulls_node *node;
	unsigned int n = 0, i = 0;

	spin_lock_bh(&b->lock);
	sk_nulls_for_each(sk, node, &b->nulls_head) {
		if (i++ < *skip || !wanted(sk, attach) ||
		    !refcount_inc_not_zero(&sk->sk_refcnt))
			continue;
		batch[n++] = sk;
		if (n == WALK_BATCH)
			break;
	}
	spin_unlock_bh(&b->lock);
	/* those that were let go are not wanted any more */
	*skip = attach ? i : 0;
	for (i = 0; i < n; i++)
		visit(batch[i], attach);
	return n == WALK_BATCH;
}

/**
 * tcpcrypt_listeners() - take all listeners that are open, or let all go
 * @attach: which of both
 *
 * One table serves the network namespaces, unless net.ipv4.tcp_child_ehash
 * gave some their own; listeners always stand in the shared one.
 *
 * Context: process.
 */
void tcpcrypt_listeners(bool attach)
{
	struct inet_hashinfo *h = init_net.ipv4.tcp_death_row.hashinfo;
	unsigned int i, skip;

	for (i = 0; i <= h->lhash2_mask; i++) {
		skip = 0;
		while (walk_bucket(&h->lhash2[i], attach, &skip))
			cond_resched();
		cond_resched();
	}
}
