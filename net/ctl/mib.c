// SPDX-License-Identifier: GPL-2.0
/*
 * Counters, one set per network namespace: /proc/net/tcpcrypt_stat.
 */

#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include "ctl.h"

static const char * const names[TCPCRYPT_MIB_MAX] = {
	[TCPCRYPT_MIB_ENOSYNSENT] = "EnoSynSent",
	[TCPCRYPT_MIB_ENOSYNRECEIVED] = "EnoSynReceived",
	[TCPCRYPT_MIB_ENOSYNACKSENT] = "EnoSynAckSent",
	[TCPCRYPT_MIB_ENOACTIVE] = "EnoActive",
	[TCPCRYPT_MIB_ENOPASSIVE] = "EnoPassive",
	[TCPCRYPT_MIB_ENORAW] = "EnoRaw",
	[TCPCRYPT_MIB_FALLBACKNOOPTION] = "FallbackNoOption",
	[TCPCRYPT_MIB_FALLBACKNOACK] = "FallbackNoAck",
	[TCPCRYPT_MIB_FALLBACKILLFORMED] = "FallbackIllFormed",
	[TCPCRYPT_MIB_FALLBACKNOTEP] = "FallbackNoTep",
	[TCPCRYPT_MIB_FALLBACKROLE] = "FallbackRole",
	[TCPCRYPT_MIB_FALLBACKRETRIES] = "FallbackRetries",
	[TCPCRYPT_MIB_FALLBACKNOROOM] = "FallbackNoRoom",
	[TCPCRYPT_MIB_FALLBACKSYNDATA] = "FallbackSynData",
	[TCPCRYPT_MIB_FALLBACKLOOPBACK] = "FallbackLoopback",
	[TCPCRYPT_MIB_FALLBACKAUTHOPTION] = "FallbackAuthOption",
	[TCPCRYPT_MIB_FALLBACKSIMULTANEOUS] = "FallbackSimultaneous",
	[TCPCRYPT_MIB_FALLBACKNOMEMORY] = "FallbackNoMemory",
	[TCPCRYPT_MIB_FALLBACKNOREQUEST] = "FallbackNoRequest",
	[TCPCRYPT_MIB_FALLBACKFOREIGN] = "FallbackForeign",
	[TCPCRYPT_MIB_FALLBACKBUSY] = "FallbackBusy",
	[TCPCRYPT_MIB_FALLBACKBROKEN] = "FallbackBroken",
	[TCPCRYPT_MIB_BROKENREMEMBERED] = "BrokenRemembered",
	[TCPCRYPT_MIB_HANDSHAKEFRESH] = "HandshakeFresh",
	[TCPCRYPT_MIB_HANDSHAKERESUMED] = "HandshakeResumed",
	[TCPCRYPT_MIB_RESUMEPROPOSED] = "ResumeProposed",
	[TCPCRYPT_MIB_RESUMEREFUSED] = "ResumeRefused",
	[TCPCRYPT_MIB_CACHEADDED] = "CacheAdded",
	[TCPCRYPT_MIB_CACHEEVICTED] = "CacheEvicted",
	[TCPCRYPT_MIB_CACHEEXPIRED] = "CacheExpired",
	[TCPCRYPT_MIB_CACHEFLUSHED] = "CacheFlushed",
	[TCPCRYPT_MIB_ABORTAUTH] = "AbortAuth",
	[TCPCRYPT_MIB_ABORTPROTOCOL] = "AbortProtocol",
	[TCPCRYPT_MIB_ABORTTRUNCATED] = "AbortTruncated",
	[TCPCRYPT_MIB_ABORTTIMEOUT] = "AbortTimeout",
	[TCPCRYPT_MIB_ABORTKEEPALIVE] = "AbortKeepalive",
	[TCPCRYPT_MIB_ABORTREQUIRED] = "AbortRequired",
	[TCPCRYPT_MIB_ABORTPLAINTEXT] = "AbortPlaintext",
	[TCPCRYPT_MIB_ABORTNOMEMORY] = "AbortNoMemory",
	[TCPCRYPT_MIB_ABORTSTALE] = "AbortStale",
	[TCPCRYPT_MIB_ABORTFOREIGN] = "AbortForeign",
	[TCPCRYPT_MIB_ABORTLOCAL] = "AbortLocal",
	[TCPCRYPT_MIB_FRAMESSENT] = "FramesSent",
	[TCPCRYPT_MIB_FRAMESRECEIVED] = "FramesReceived",
	[TCPCRYPT_MIB_REKEYSENT] = "RekeySent",
	[TCPCRYPT_MIB_REKEYRECEIVED] = "RekeyReceived",
	[TCPCRYPT_MIB_URGENTSENT] = "UrgentSent",
	[TCPCRYPT_MIB_URGENTRECEIVED] = "UrgentReceived",
	[TCPCRYPT_MIB_KEEPALIVESENT] = "KeepaliveSent",
	[TCPCRYPT_MIB_CLOSEPARKED] = "CloseParked",
	[TCPCRYPT_MIB_CLOSEUNREAD] = "CloseUnread",
	[TCPCRYPT_MIB_CLOSETIMEOUT] = "CloseTimeout",
	[TCPCRYPT_MIB_CLOSELIMIT] = "CloseLimit",
	[TCPCRYPT_MIB_URGENTCLEARED] = "UrgentCleared",
};

static u64 fold(const struct tcpcrypt_net *tn, unsigned int mib)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(tn->mibs, cpu)->count[mib]);
	return sum;
}

static int show(struct seq_file *seq, void *v)
{
	const struct tcpcrypt_net *tn = tcpcrypt_net(seq->private);
	unsigned int i;

	for (i = 0; i < TCPCRYPT_MIB_MAX; i++)
		seq_printf(seq, "%-24s %llu\n", names[i], fold(tn, i));
	return 0;
}

/**
 * tcpcrypt_mib_init() - set up the counters of a network namespace
 * @net: the namespace
 *
 * Return: 0 or a negative errno.
 */
int tcpcrypt_mib_init(struct net *net)
{
	struct tcpcrypt_net *tn = tcpcrypt_net(net);

	tn->mibs = alloc_percpu_gfp(struct tcpcrypt_mibs, GFP_KERNEL_ACCOUNT);
	if (!tn->mibs)
		return -ENOMEM;
	if (!proc_create_net_single("tcpcrypt_stat", 0444, net->proc_net, show,
				    NULL)) {
		free_percpu(tn->mibs);
		return -ENOMEM;
	}
	return 0;
}

/**
 * tcpcrypt_mib_exit() - drop the counters of a network namespace
 * @net: the namespace
 */
void tcpcrypt_mib_exit(struct net *net)
{
	remove_proc_entry("tcpcrypt_stat", net->proc_net);
	free_percpu(tcpcrypt_net(net)->mibs);
}
