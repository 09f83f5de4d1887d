// SPDX-License-Identifier: GPL-2.0
/*
 * Segments before TCP sees them: a netfilter hook, the last one on their way
 * in. It is for what TCP acts upon, or answers by itself, before any other
 * hook of ours is called.
 *
 * Urgent bits. RFC 8548, section 3.7: TCP's urgent pointer is not protected.
 * The stack would raise SIGURG for it, and may skip a byte of the stream. So
 * segments of encrypted connections lose it here.
 *
 * Nearly all segments pass by after a look at their flags and, where early
 * demultiplexing has found it, at their socket's state.
 *
 * Not seen: the fragments of IPv6 packets, which are put together later.
 */

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/skbuff.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "../sock/sock.h"
#include "hook.h"

/* Where the TCP header stands, bytes from skb->data; 0: no TCP. */
static unsigned int find_tcp(const struct sk_buff *skb, u8 pf)
{
	__be16 frag = 0;
	u8 proto;
	int off;

	if (pf == NFPROTO_IPV4)
		return ip_hdr(skb)->protocol == IPPROTO_TCP &&
		       !ip_is_fragment(ip_hdr(skb)) ? ip_hdrlen(skb) : 0;
	proto = ipv6_hdr(skb)->nexthdr;
	if (proto == IPPROTO_TCP)
		return sizeof(struct ipv6hdr);
	off = ipv6_skip_exthdr(skb, sizeof(struct ipv6hdr), &proto, &frag);
	return off > 0 && proto == IPPROTO_TCP && !frag ? off : 0;
}

/* Return: the socket with a reference, not a listener; or NULL. */
static struct sock *look_up(struct net *net, const struct sk_buff *skb,
			    const struct tcphdr *th, u8 pf)
{
	const struct iphdr *ip = ip_hdr(skb);

#if IS_ENABLED(CONFIG_IPV6)
	const struct ipv6hdr *ip6 = ipv6_hdr(skb);

	if (pf == NFPROTO_IPV6)
		return __inet6_lookup_established(net,
						  TCPCRYPT_HASHINFO(net, &ip6->saddr),
						  th->source, &ip6->daddr,
						  ntohs(th->dest), inet6_iif(skb),
						  inet6_sdif(skb));
#endif
	return __inet_lookup_established(net, TCPCRYPT_HASHINFO(net, ip->saddr),
					 th->source, ip->daddr, ntohs(th->dest),
					 inet_iif(skb), inet_sdif(skb));
}

static bool is_encrypted(const struct sock *sk)
{
	const struct tcpcrypt_ctx *ctx;

	if (!sk_fullsock(sk))
		return false;
	ctx = tcpcrypt_ctx(sk);
	return ctx && tcpcrypt_encrypted(ctx);
}

/* The peer's TCP calls data urgent, or somebody on the path does. */
static void note_urgent(const struct net *net)
{
	tcpcrypt_count(net, TCPCRYPT_MIB_URGENTCLEARED);
}

/*
 * Where a TEP is in use the header may be shared with a packet tap, and on
 * loopback with the sender.
 */
static bool clear_urgent(struct sk_buff *skb, unsigned int off)
{
	__be16 flags, pointer;
	struct tcphdr *th;

	if (skb_ensure_writable(skb, off + sizeof(*th)))
		return false;
	th = (struct tcphdr *)(skb->data + off);
	flags = ((__be16 *)th)[6];
	pointer = th->urg_ptr;
	th->urg = 0;
	th->urg_ptr = 0;
	inet_proto_csum_replace2(&th->check, skb, flags, ((__be16 *)th)[6],
				 false);
	inet_proto_csum_replace2(&th->check, skb, pointer, 0, false);
	return true;
}

static unsigned int judge(struct net *net, struct sock *sk,
			  struct sk_buff *skb, unsigned int off,
			  const struct tcphdr *th)
{
	if (!th->urg || !is_encrypted(sk))
		return NF_ACCEPT;
	note_urgent(net);
	/* without memory for it the peer has to send it again */
	return clear_urgent(skb, off) ? NF_ACCEPT : NF_DROP;
}

static unsigned int local_in(void *priv, struct sk_buff *skb,
			     const struct nf_hook_state *state)
{
	unsigned int off = find_tcp(skb, state->pf), verdict;
	const struct tcphdr *th;
	struct tcphdr buf;
	struct sock *sk;

	if (!off)
		return NF_ACCEPT;
	th = skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!th || !th->urg)
		return NF_ACCEPT;
	if (skb->sk)
		return judge(state->net, skb->sk, skb, off, th);
	sk = look_up(state->net, skb, th, state->pf);
	if (!sk)
		return NF_ACCEPT;
	verdict = judge(state->net, sk, skb, off, th);
	sock_gen_put(sk);
	return verdict;
}

static const struct nf_hook_ops hooks[] = {
	{
		.hook		= local_in,
		.pf		= NFPROTO_IPV4,
		.hooknum	= NF_INET_LOCAL_IN,
		.priority	= NF_IP_PRI_LAST,
	},
	{
		.hook		= local_in,
		.pf		= NFPROTO_IPV6,
		.hooknum	= NF_INET_LOCAL_IN,
		.priority	= NF_IP6_PRI_LAST,
	},
};

/**
 * tcpcrypt_local_in_init() - make a namespace's incoming segments pass by us
 * @net: the namespace
 *
 * Return: 0 or a negative errno.
 */
int tcpcrypt_local_in_init(struct net *net)
{
	return nf_register_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}

/**
 * tcpcrypt_local_in_exit() - undo tcpcrypt_local_in_init()
 * @net: the namespace
 */
void tcpcrypt_local_in_exit(struct net *net)
{
	nf_unregister_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}
