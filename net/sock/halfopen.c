// SPDX-License-Identifier: GPL-2.0
/*
 * How many incoming connections may be agreeing on keys at once.
 *
 * A peer that completes the three-way handshake and ENO and then sends no
 * Init1 costs a context and, once it is accepted, room for two messages, for
 * handshake_timeout seconds; no key pair is made for it. When
 * net.tcpcrypt.max_handshakes of them are there, SYNs are answered without
 * ENO: that is plain TCP, which costs nothing of ours, or nothing at all
 * where encryption is required. RFC 8547 leaves it to host B whether it
 * answers by ENO.
 *
 * An active opener has no such limit. Its user opened it, and its memory is
 * charged to the user's cgroup; and nobody may make other users' connections
 * plain by opening many that get no answer.
 */

#include <linux/kernel.h>
#include <linux/mm.h>
#include <net/net_namespace.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "sock.h"

#define DEFAULT_MIN	1024
#define DEFAULT_MAX	65536
/* Memory for each, bytes: they take a twentieth of it at most. */
#define DEFAULT_SHARE	(256 << 10)

/**
 * tcpcrypt_handshakes_default() - default of net.tcpcrypt.max_handshakes
 *
 * Return: a number for the size of this machine.
 */
int tcpcrypt_handshakes_default(void)
{
	u64 memory = (u64)totalram_pages() << PAGE_SHIFT;

	return clamp_t(u64, div_u64(memory, DEFAULT_SHARE), DEFAULT_MIN,
		       DEFAULT_MAX);
}

/**
 * tcpcrypt_handshakes_full() - is there no room for one more?
 * @net: the network namespace
 *
 * Requests that were answered before are not in it: the listen queues bound
 * them.
 *
 * Context: any.
 * Return: whether a SYN must not be answered by ENO.
 */
bool tcpcrypt_handshakes_full(const struct net *net)
{
	const struct tcpcrypt_net *tn = tcpcrypt_net(net);

	return atomic_read(&tn->handshakes) >= READ_ONCE(tn->max_handshakes);
}

/**
 * tcpcrypt_handshake_begins() - a child agrees on keys from here on
 * @sk:  the child
 * @ctx: its context, in TCPCRYPT_KEYING
 *
 * Context: the socket's lock, softirq.
 */
void tcpcrypt_handshake_begins(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	atomic_inc(&tcpcrypt_net(sock_net(sk))->handshakes);
	ctx->counted = true;
}

/**
 * tcpcrypt_handshake_over() - it does so no longer, if it did
 * @ctx: the context, on its socket
 *
 * Context: the socket's lock; preemption may be off.
 */
void tcpcrypt_handshake_over(struct tcpcrypt_ctx *ctx)
{
	if (!ctx->counted)
		return;
	ctx->counted = false;
	atomic_dec(&tcpcrypt_net(sock_net(ctx->sk))->handshakes);
}
