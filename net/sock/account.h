/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whom memory is charged to.
 */
#ifndef _TCPCRYPT_ACCOUNT_H
#define _TCPCRYPT_ACCOUNT_H

#include <linux/sched/mm.h>
#include <net/sock.h>
#include <tcpcrypt_compat.h>
#include "../gfp.h"

/**
 * DOC: accounting
 *
 * What grows with the number of a user's sockets is charged to the memory
 * cgroup of the socket, be it allocated in a system call, by a work item or in
 * softirq. Data is: by truesize, as TCP's. All else is allocated with
 * __GFP_ACCOUNT, and where it is not the user's own thread that does so,
 * between tcpcrypt_account() and tcpcrypt_account_end(): a child that nobody
 * has accepted is its listener's. A network namespace's tables are charged to
 * who makes it, for that may be anybody, in a user namespace.
 *
 * Not charged are the ciphers' transformations, which the crypto API
 * allocates by itself. A descriptor, which is charged, stands behind each
 * pair of them, or one of the parked sockets, whose number has a bound.
 */

/**
 * tcpcrypt_account() - allocations are for a socket from here on
 * @sk: the socket; it can't go away
 *
 * Context: any.
 * Return: for tcpcrypt_account_end(), in the same context.
 */
static inline struct mem_cgroup *tcpcrypt_account(const struct sock *sk)
{
	return set_active_memcg(tcpcrypt_memcg(sk));
}

/**
 * tcpcrypt_account_end() - allocations are for the thread itself again
 * @old: what tcpcrypt_account() returned
 *
 * Context: that of tcpcrypt_account().
 */
static inline void tcpcrypt_account_end(struct mem_cgroup *old)
{
	set_active_memcg(old);
}

#endif /* _TCPCRYPT_ACCOUNT_H */
