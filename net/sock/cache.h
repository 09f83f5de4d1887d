/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The session cache: secrets from which sessions can be resumed (RFC 8548,
 * section 3.5), one per network namespace.
 */
#ifndef _TCPCRYPT_CACHE_H
#define _TCPCRYPT_CACHE_H

#include <linux/in6.h>
#include <linux/list.h>
#include <linux/types.h>
#include <net/net_namespace.h>
#include "../tcpcrypt/wire.h"

struct tcpcrypt_cache;

/**
 * struct tcpcrypt_ticket - a session secret that no connection has used yet
 *
 * Whoever takes one out of the cache owns it, and with it the right to use
 * the secret, once.
 *
 * @by_half:  in the cache's table by the half that the peer would send
 * @by_addr:  in its table by address
 * @lru:      in its list, the oldest first
 * @addr:     the peer's address, IPv4 as mapped
 * @port:     its port, 0 if the peer connected to us
 * @aead:     AEAD algorithm of the session
 * @tep:      TEP of the session
 * @host_a:   this host played role A when ss[0] was made
 * @id:       resume[i]
 * @ss:       ss[i]
 * @epoch:    in which ss[0] was made, see tcpcrypt_stale()
 * @expires:  jiffies at which it is dropped
 * @reserved: it is promised to @owner
 * @owner:    hash of the SYN that proposed it
 */
struct tcpcrypt_ticket {
	struct hlist_node	by_half;
	struct hlist_node	by_addr;
	struct list_head	lru;
	struct in6_addr		addr;
	__be16			port;
	u16			aead;
	u8			tep;
	bool			host_a;
	u8			id[TCPCRYPT_RESUME_LEN];
	u8			ss[TCPCRYPT_K_LEN];
	u32			epoch;
	unsigned long		expires;
	u32			owner;
	bool			reserved;
};

/**
 * struct tcpcrypt_wanted - which secrets a connection could use
 * @tep:  accepts a TEP
 * @aead: accepts an AEAD algorithm
 * @priv: for both
 */
struct tcpcrypt_wanted {
	bool		(*tep)(const void *priv, u8 tep);
	bool		(*aead)(const void *priv, u16 aead);
	const void	*priv;
};

int tcpcrypt_cache_init(struct net *net);
void tcpcrypt_cache_exit(struct net *net);
void tcpcrypt_cache_put(struct net *net, struct tcpcrypt_ticket *t);
struct tcpcrypt_ticket *
tcpcrypt_cache_take(struct net *net, const struct in6_addr *addr, __be16 port,
		    const struct tcpcrypt_wanted *wanted);
bool tcpcrypt_cache_reserve(struct net *net, const u8 *half, u8 tep, u32 owner,
			    const struct tcpcrypt_wanted *wanted, u8 *own);
struct tcpcrypt_ticket *tcpcrypt_cache_claim(struct net *net, const u8 *half,
					     u32 owner);
void tcpcrypt_cache_release(struct net *net, const u8 *half, u32 owner);
bool tcpcrypt_cache_drop(struct net *net, const u8 *half);
void tcpcrypt_cache_flush(struct net *net);
void tcpcrypt_cache_shrink(struct tcpcrypt_cache *c);
void tcpcrypt_ticket_free(struct tcpcrypt_ticket *t);

#endif /* _TCPCRYPT_CACHE_H */
