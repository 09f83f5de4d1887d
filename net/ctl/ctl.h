/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an administrator sees and sets: sysctls and counters, both per
 * network namespace.
 */
#ifndef _TCPCRYPT_CTL_H
#define _TCPCRYPT_CTL_H

#include <linux/percpu.h>
#include <linux/types.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include "../tcpcrypt/wire.h"

struct sock;

/*
 * Counters, /proc/net/tcpcrypt_stat. A name for each event of the protocol;
 * Documentation/counters.rst says what each means. names[] in mib.c has them
 * as they are printed.
 */
enum tcpcrypt_mib {
	TCPCRYPT_MIB_ENOSYNSENT,
	TCPCRYPT_MIB_ENOSYNRECEIVED,
	TCPCRYPT_MIB_ENOSYNACKSENT,
	TCPCRYPT_MIB_ENOACTIVE,
	TCPCRYPT_MIB_ENOPASSIVE,
	TCPCRYPT_MIB_ENORAW,
	TCPCRYPT_MIB_FALLBACKNOOPTION,
	TCPCRYPT_MIB_FALLBACKNOACK,
	TCPCRYPT_MIB_FALLBACKILLFORMED,
	TCPCRYPT_MIB_FALLBACKNOTEP,
	TCPCRYPT_MIB_FALLBACKROLE,
	TCPCRYPT_MIB_FALLBACKRETRIES,
	TCPCRYPT_MIB_FALLBACKNOROOM,
	TCPCRYPT_MIB_FALLBACKSYNDATA,
	TCPCRYPT_MIB_FALLBACKLOOPBACK,
	TCPCRYPT_MIB_FALLBACKAUTHOPTION,
	TCPCRYPT_MIB_FALLBACKSIMULTANEOUS,
	TCPCRYPT_MIB_FALLBACKNOMEMORY,
	TCPCRYPT_MIB_FALLBACKNOREQUEST,
	TCPCRYPT_MIB_FALLBACKFOREIGN,
	TCPCRYPT_MIB_FALLBACKBUSY,
	TCPCRYPT_MIB_FALLBACKBROKEN,
	TCPCRYPT_MIB_BROKENREMEMBERED,
	TCPCRYPT_MIB_HANDSHAKEFRESH,
	TCPCRYPT_MIB_HANDSHAKERESUMED,
	TCPCRYPT_MIB_RESUMEPROPOSED,
	TCPCRYPT_MIB_RESUMEREFUSED,
	TCPCRYPT_MIB_CACHEADDED,
	TCPCRYPT_MIB_CACHEEVICTED,
	TCPCRYPT_MIB_CACHEEXPIRED,
	TCPCRYPT_MIB_CACHEFLUSHED,
	TCPCRYPT_MIB_ABORTAUTH,		/* as enum tcpcrypt_abort */
	TCPCRYPT_MIB_ABORTPROTOCOL,
	TCPCRYPT_MIB_ABORTTRUNCATED,
	TCPCRYPT_MIB_ABORTTIMEOUT,
	TCPCRYPT_MIB_ABORTKEEPALIVE,
	TCPCRYPT_MIB_ABORTREQUIRED,
	TCPCRYPT_MIB_ABORTPLAINTEXT,
	TCPCRYPT_MIB_ABORTNOMEMORY,
	TCPCRYPT_MIB_ABORTSTALE,
	TCPCRYPT_MIB_ABORTFOREIGN,
	TCPCRYPT_MIB_ABORTLOCAL,
	TCPCRYPT_MIB_FRAMESSENT,
	TCPCRYPT_MIB_FRAMESRECEIVED,
	TCPCRYPT_MIB_REKEYSENT,
	TCPCRYPT_MIB_REKEYRECEIVED,
	TCPCRYPT_MIB_URGENTSENT,
	TCPCRYPT_MIB_URGENTRECEIVED,
	TCPCRYPT_MIB_KEEPALIVESENT,
	TCPCRYPT_MIB_CLOSEPARKED,
	TCPCRYPT_MIB_CLOSEUNREAD,
	TCPCRYPT_MIB_CLOSETIMEOUT,
	TCPCRYPT_MIB_CLOSELIMIT,
	TCPCRYPT_MIB_URGENTCLEARED,
	TCPCRYPT_MIB_MAX,
};

/**
 * enum tcpcrypt_abort - why a connection was aborted
 * @TCPCRYPT_ABORT_AUTH:      a frame failed authentication
 * @TCPCRYPT_ABORT_PROTOCOL:  handshake or frame violation
 * @TCPCRYPT_ABORT_TRUNCATED: the stream ended without FINp
 * @TCPCRYPT_ABORT_TIMEOUT:   keys were not agreed in time
 * @TCPCRYPT_ABORT_KEEPALIVE: keep-alive probes were not answered
 * @TCPCRYPT_ABORT_REQUIRED:  encryption was required and could not be had
 * @TCPCRYPT_ABORT_PLAINTEXT: plaintext was about to leave
 * @TCPCRYPT_ABORT_NOMEMORY:  no memory where nothing could wait
 * @TCPCRYPT_ABORT_STALE:     the machine was cloned or is to be hibernated
 * @TCPCRYPT_ABORT_FOREIGN:   a kernel user was about to read ciphertext
 * @TCPCRYPT_ABORT_LOCAL:     this host's crypto failed, memory aside
 */
enum tcpcrypt_abort {
	TCPCRYPT_ABORT_AUTH,
	TCPCRYPT_ABORT_PROTOCOL,
	TCPCRYPT_ABORT_TRUNCATED,
	TCPCRYPT_ABORT_TIMEOUT,
	TCPCRYPT_ABORT_KEEPALIVE,
	TCPCRYPT_ABORT_REQUIRED,
	TCPCRYPT_ABORT_PLAINTEXT,
	TCPCRYPT_ABORT_NOMEMORY,
	TCPCRYPT_ABORT_STALE,
	TCPCRYPT_ABORT_FOREIGN,
	TCPCRYPT_ABORT_LOCAL,
};

struct tcpcrypt_mibs {
	u64	count[TCPCRYPT_MIB_MAX];
};

#define TCPCRYPT_PORTS_WORDS	BITS_TO_LONGS(65536)

/**
 * struct tcpcrypt_net - a network namespace's settings and counters
 *
 * Written under the sysctl handlers' own serialisation, read locklessly.
 *
 * @enable_connect: offer ENO when connecting
 * @enable_listen:  accept ENO when listening
 * @skip_loopback:  leave connections over the loopback interface plain
 * @kernel_sockets: take sockets of kernel users too
 * @handshake_timeout: seconds that keys may take to be agreed
 * @max_handshakes: incoming connections that may be agreeing on keys at once
 * @handshakes: those that are
 * @broken_time: seconds for which a broken destination is left alone; 0: off
 * @broken_max: broken destinations at most
 * @broken: those that are remembered
 * @opening: jiffies at the last tcpcrypt_opening()
 * @rekey_interval: seconds after which sending takes new keys, 0: never
 * @rekey_bytes: application bytes after which it does
 * @bad_connect_ports: bitmap of ports to which ENO is not offered
 * @bad_listen_ports: bitmap of ports on which it is not accepted
 * @aeads:  algorithms in order of preference; published by RCU
 * @teps:   TEPs in order of preference; published by RCU
 * @cache_max: session secrets that are cached at most
 * @cache_lifetime: seconds for which they are
 * @resume_nonce_len: length of the nonces in resumption suboptions, bytes
 * @cache:  the session cache
 * @mibs:   the counters
 * @header: registration of @table
 * @table:  the sysctls
 */
struct tcpcrypt_net {
	int				enable_connect;
	int				enable_listen;
	int				skip_loopback;
	int				kernel_sockets;
	int				handshake_timeout;
	int				max_handshakes;
	atomic_t			handshakes;
	int				broken_time;
	int				broken_max;
	struct tcpcrypt_broken		*broken;
	u32				opening;
	int				rekey_interval;
	unsigned long			rekey_bytes;
	unsigned long			*bad_connect_ports;
	unsigned long			*bad_listen_ports;
	struct tcpcrypt_ids __rcu	*aeads;
	struct tcpcrypt_ids __rcu	*teps;
	int				cache_max;
	int				cache_lifetime;
	int				resume_nonce_len;
	struct tcpcrypt_cache		*cache;
	struct tcpcrypt_mibs __percpu	*mibs;
	struct ctl_table_header		*header;
	struct ctl_table		*table;
};

#define TCPCRYPT_IDS_MAX	8

/* AEAD algorithms or TEPs in order of preference. */
struct tcpcrypt_ids {
	struct rcu_head	rcu;
	unsigned int	n;
	u16		id[TCPCRYPT_IDS_MAX];
};

extern unsigned int tcpcrypt_net_id;

static inline struct tcpcrypt_net *tcpcrypt_net(const struct net *net)
{
	return net_generic(net, tcpcrypt_net_id);
}

static inline void tcpcrypt_count(const struct net *net, enum tcpcrypt_mib mib)
{
	this_cpu_inc(tcpcrypt_net(net)->mibs->count[mib]);
}

int tcpcrypt_abort_errno(enum tcpcrypt_abort why);
enum tcpcrypt_abort tcpcrypt_abort_reason(int err);
void tcpcrypt_abort_report(const struct sock *sk, enum tcpcrypt_abort why);
int tcpcrypt_sysctl_init(struct net *net);
void tcpcrypt_sysctl_exit(struct net *net);
int tcpcrypt_mib_init(struct net *net);
void tcpcrypt_mib_exit(struct net *net);
unsigned int tcpcrypt_aeads(const struct net *net, u16 *ids);
unsigned int tcpcrypt_teps(const struct net *net, u16 *ids);

#endif /* _TCPCRYPT_CTL_H */
