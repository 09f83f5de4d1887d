// SPDX-License-Identifier: GPL-2.0
/*
 * The stack's operation tables and our copies of them.
 *
 * No global table is written: others copy them. The base tables are learned
 * from sockets, since their symbols are not exported on all kernels.
 */

#include <linux/net.h>
#include <linux/spinlock.h>
#include <net/net_namespace.h>
#include <tcpcrypt_compat.h>
#include "../sock/sock.h"
#include "hook.h"

static struct tcpcrypt_table tables[TCPCRYPT_TABLES];
static DEFINE_SPINLOCK(mapped_lock);

/* What every TCP socket begins with. */
static struct {
	void	(*data_ready)(struct sock *sk);
	void	(*state_change)(struct sock *sk);
	void	(*write_space)(struct sock *sk);
	void	(*error_report)(struct sock *sk);
	gfp_t	allocation;
} stock;

static void build_af(struct inet_connection_sock_af_ops *af,
		     const struct inet_connection_sock_af_ops *base)
{
	*af = *base;
	af->queue_xmit = tcpcrypt_queue_xmit;
	af->sk_rx_dst_set = tcpcrypt_rx_dst_set;
	af->conn_request = tcpcrypt_conn_request;
	af->syn_recv_sock = tcpcrypt_syn_recv_sock;
}

static int learn(int family, struct tcpcrypt_table *t)
{
	struct socket *sock;
	int err;

	err = sock_create_kern(&init_net, family, SOCK_STREAM, IPPROTO_TCP,
			       &sock);
	if (err)
		return err;
	t->prot = sock->sk->sk_prot;
	t->ops = sock->ops;
	build_af(&t->our_af, inet_csk(sock->sk)->icsk_af_ops);
	tcpcrypt_build_proto(&t->our_prot, t->prot);
	tcpcrypt_build_ops(&t->our_ops, t->ops);
	t->af = inet_csk(sock->sk)->icsk_af_ops;
	stock.data_ready = sock->sk->sk_data_ready;
	stock.state_change = sock->sk->sk_state_change;
	stock.write_space = sock->sk->sk_write_space;
	stock.error_report = sock->sk->sk_error_report;
	stock.allocation = sock->sk->sk_allocation;
	sock_release(sock);
	return 0;
}

/**
 * tcpcrypt_tables_init() - learn the base tables and build our copies
 *
 * Context: process.
 * Return: 0 or a negative errno. A kernel without IPv6 is none.
 */
int tcpcrypt_tables_init(void)
{
	int err = learn(AF_INET, &tables[TCPCRYPT_V4]);

	if (!err)
		err = learn(AF_INET6, &tables[TCPCRYPT_V6]);
	return err == -EAFNOSUPPORT ? 0 : err;
}

/**
 * tcpcrypt_is_stock() - does nobody but the application read this socket?
 * @sk: a socket whose callbacks are not ours
 *
 * Context: any.
 * Return: false if the socket's callbacks lead elsewhere: in-kernel users.
 */
bool tcpcrypt_is_stock(const struct sock *sk)
{
	return READ_ONCE(sk->sk_data_ready) == stock.data_ready &&
	       READ_ONCE(sk->sk_state_change) == stock.state_change &&
	       READ_ONCE(sk->sk_write_space) == stock.write_space &&
	       READ_ONCE(sk->sk_error_report) == stock.error_report;
}

/**
 * tcpcrypt_allocates_stock() - is memory for a socket had as for applications?
 * @sk: a socket
 *
 * Return: false if a kernel user has set sk_allocation.
 */
bool tcpcrypt_allocates_stock(const struct sock *sk)
{
	return sk->sk_allocation == stock.allocation;
}

/* Is @af the table that IPv6 sockets use for IPv4 addresses? */
static bool looks_mapped(const struct inet_connection_sock_af_ops *af)
{
	const struct inet_connection_sock_af_ops *v4 = tables[TCPCRYPT_V4].af;
	const struct inet_connection_sock_af_ops *v6 = tables[TCPCRYPT_V6].af;

	return v6 && af->queue_xmit == v4->queue_xmit &&
	       af->sk_rx_dst_set == v4->sk_rx_dst_set &&
	       af->conn_request == v6->conn_request &&
	       af->syn_recv_sock == v6->syn_recv_sock;
}

static bool learn_mapped(const struct inet_connection_sock_af_ops *af)
{
	struct tcpcrypt_table *t = &tables[TCPCRYPT_MAPPED];

	if (!looks_mapped(af))
		return false;
	spin_lock_bh(&mapped_lock);
	if (!t->af) {
		build_af(&t->our_af, af);
		/* pairs with smp_load_acquire() in tcpcrypt_af_ours() */
		smp_store_release(&t->af, af);
	}
	spin_unlock_bh(&mapped_lock);
	return t->af == af;
}

/**
 * tcpcrypt_af_ours() - our copy of a base af_ops table
 * @base: a socket's icsk_af_ops
 *
 * Context: any.
 * Return: our copy, or NULL if @base is no base table.
 */
const struct inet_connection_sock_af_ops *
tcpcrypt_af_ours(const struct inet_connection_sock_af_ops *base)
{
	unsigned int i;

	for (i = 0; i < TCPCRYPT_TABLES; i++)
		/* pairs with smp_store_release() in learn_mapped() */
		if (smp_load_acquire(&tables[i].af) == base)
			return &tables[i].our_af;
	return learn_mapped(base) ? &tables[TCPCRYPT_MAPPED].our_af : NULL;
}

/**
 * tcpcrypt_af_is_ours() - is this one of our copies?
 * @af: a socket's icsk_af_ops
 *
 * Return: whether it is.
 */
bool tcpcrypt_af_is_ours(const struct inet_connection_sock_af_ops *af)
{
	unsigned int i;

	for (i = 0; i < TCPCRYPT_TABLES; i++)
		if (af == &tables[i].our_af)
			return true;
	return false;
}

/**
 * tcpcrypt_af_base() - the base af_ops of a socket that may have our copy
 * @sk: a TCP socket
 *
 * Return: the base table.
 */
const struct inet_connection_sock_af_ops *
tcpcrypt_af_base(const struct sock *sk)
{
	const struct inet_connection_sock_af_ops *af =
		READ_ONCE(inet_csk(sk)->icsk_af_ops);
	unsigned int i;

	for (i = 0; i < TCPCRYPT_TABLES; i++)
		if (af == &tables[i].our_af)
			return tables[i].af;
	return af;
}

/**
 * tcpcrypt_prot_ours() - our copy of a base proto
 * @base: a socket's sk_prot
 *
 * Return: our copy, or NULL if @base is no base table.
 */
struct proto *tcpcrypt_prot_ours(const struct proto *base)
{
	if (base == tables[TCPCRYPT_V4].prot)
		return &tables[TCPCRYPT_V4].our_prot;
	if (base == tables[TCPCRYPT_V6].prot)
		return &tables[TCPCRYPT_V6].our_prot;
	return NULL;
}

/**
 * tcpcrypt_prot_base() - the base proto of a socket that has or had our copy
 * @sk: a TCP socket
 *
 * Return: the base table.
 */
struct proto *tcpcrypt_prot_base(const struct sock *sk)
{
	struct proto *prot = READ_ONCE(sk->sk_prot);

	if (prot == &tables[TCPCRYPT_V4].our_prot)
		return tables[TCPCRYPT_V4].prot;
	if (prot == &tables[TCPCRYPT_V6].our_prot)
		return tables[TCPCRYPT_V6].prot;
	return prot;
}

/**
 * tcpcrypt_ops_ours() - our copy of a base proto_ops
 * @base: a socket's ops
 *
 * Return: our copy, or NULL if @base is no base table.
 */
const struct proto_ops *tcpcrypt_ops_ours(const struct proto_ops *base)
{
	if (!base)
		return NULL;
	if (base == tables[TCPCRYPT_V4].ops)
		return &tables[TCPCRYPT_V4].our_ops;
	if (base == tables[TCPCRYPT_V6].ops)
		return &tables[TCPCRYPT_V6].our_ops;
	return NULL;
}

/**
 * tcpcrypt_ops_base() - the base of a proto_ops that may be our copy
 * @ops: a socket's ops
 *
 * Return: the base table.
 */
const struct proto_ops *tcpcrypt_ops_base(const struct proto_ops *ops)
{
	if (ops == &tables[TCPCRYPT_V4].our_ops)
		return tables[TCPCRYPT_V4].ops;
	if (ops == &tables[TCPCRYPT_V6].our_ops)
		return tables[TCPCRYPT_V6].ops;
	return ops;
}
