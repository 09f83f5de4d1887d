// SPDX-License-Identifier: GPL-2.0
/*
 * Segments before TCP sees them: a netfilter hook, the last one on their way
 * in. It is for what TCP acts upon, or answers by itself, before any other
 * hook of ours is called.
 *
 * Requests. tcp_check_req() answers a repeated SYN, drops the ACKs that
 * TCP_DEFER_ACCEPT has no use for, and those that find no room. By RFC 8547,
 * section 4.6, each of them decides on ENO.
 *
 * Simultaneous open: see crossed.c.
 *
 * Urgent bits. RFC 8548, section 3.7: TCP's urgent pointer is not protected.
 * The stack would raise SIGURG for it, and may skip a byte of the stream. So
 * segments of encrypted connections lose it here.
 *
 * Nearly all segments pass by after a look at their flags and, where early
 * demultiplexing has found it, at their socket's state.
 *
 * What a segment says counts only if TCP would take it: the checksum is right,
 * and the sequence numbers are those that an attacker off the path can't know.
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

#define TCP_HEADER_MAX	60

/* How long after its SYN-ACK was sent last a connection may still open */
#define OPENING_TIME	(TCP_RTO_MAX + 10 * HZ)

/* A segment that is about to be received. */
struct segment {
	struct net		*net;
	struct sk_buff		*skb;
	u8			pf;
	unsigned int		off;	/* of its TCP header in skb, bytes */
	const struct tcphdr	*th;	/* with all options; may be a copy */
};

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
static struct sock *look_up(const struct segment *seg)
{
	const struct sk_buff *skb = seg->skb;
	const struct iphdr *ip = ip_hdr(skb);
	const struct tcphdr *th = seg->th;
	struct net *net = seg->net;

#if IS_ENABLED(CONFIG_IPV6)
	const struct ipv6hdr *ip6 = ipv6_hdr(skb);

	if (seg->pf == NFPROTO_IPV6)
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

static bool is_sound(const struct segment *seg)
{
	return !nf_checksum(seg->skb, NF_INET_LOCAL_IN, seg->off, IPPROTO_TCP,
			    seg->pf);
}

/* The rule of RFC 9293, section 3.10.7.4, as tcp_check_req() has it. */
static bool is_in_window(const struct segment *seg, u32 begin, u32 size)
{
	u32 seq = ntohl(seg->th->seq), end = seq;

	end += seg->skb->len - seg->off - __tcp_hdrlen(seg->th);
	end += seg->th->syn + seg->th->fin;
	return seq == begin || (after(end, begin) &&
				before(seq, begin + size)) ||
	       (seq == begin + size && seq == end);
}

static bool is_acceptable(const struct segment *seg,
			  const struct request_sock *req)
{
	const struct tcp_request_sock *treq = tcp_rsk(req);
	const struct tcphdr *th = seg->th;

	if (th->rst)
		return false;
	if (!th->ack)
		return th->syn && ntohl(th->seq) == treq->rcv_isn;
	return ntohl(th->ack_seq) == treq->snt_isn + 1 &&
	       is_in_window(seg, treq->rcv_nxt, req->rsk_rcv_wnd);
}

static void hear_request(const struct segment *seg, struct request_sock *req)
{
	if (tcpcrypt_request_undecided(req) && is_acceptable(seg, req) &&
	    is_sound(seg))
		tcpcrypt_request_hear(req, seg->th);
}

static void hear_opener(const struct segment *seg, const struct sock *sk)
{
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx(sk);

	if (ctx && tcpcrypt_crossed_concerns(ctx, seg->th) && is_sound(seg))
		tcpcrypt_crossed_hear(sk, ctx, seg->th);
}

static bool has_eno(const struct segment *seg)
{
	return eno_present((const u8 *)(seg->th + 1),
			   __tcp_hdrlen(seg->th) - sizeof(*seg->th));
}

/* Is this a segment of a connection that is encrypted, or will be by it? */
static bool is_encrypted(const struct segment *seg, struct sock *sk)
{
	const struct tcpcrypt_ctx *ctx;

	if (inet_sk_state_load(sk) == TCP_NEW_SYN_RECV)
		return tcpcrypt_request_encrypts(inet_reqsk(sk));
	if (!sk_fullsock(sk))
		return false;
	ctx = tcpcrypt_ctx(sk);
	if (!ctx)
		return false;
	return tcpcrypt_encrypted(ctx) ||
	       (READ_ONCE(ctx->state) == TCPCRYPT_SYN_SENT && has_eno(seg));
}

/* The peer's TCP calls data urgent, or somebody on the path does. */
static void note_urgent(const struct net *net)
{
	tcpcrypt_count(net, TCPCRYPT_MIB_URGENTCLEARED);
}

/*
 * The header may be shared with a packet tap, and on loopback with the
 * sender. Return: whether there was memory for a copy.
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

/*
 * A kernel user that has replaced the callbacks of an encrypted connection
 * would take ciphertext for data: no segment reaches it any more. work_fn()
 * aborts. Only where early demultiplexing has found the socket; else sendmsg()
 * notices.
 */
static bool is_usurped(const struct sock *sk)
{
	const struct tcpcrypt_ctx *ctx;

	if (!sk_fullsock(sk))
		return false;
	ctx = tcpcrypt_ctx(sk);
	if (!ctx || !tcpcrypt_encrypted(ctx) || !tcpcrypt_ctx_usurped(sk, ctx))
		return false;
	tcpcrypt_wake(sk);
	return true;
}

static bool is_opening(const struct sock *sk)
{
	return (1 << inet_sk_state_load(sk)) &
	       (TCPF_NEW_SYN_RECV | TCPF_SYN_SENT | TCPF_SYN_RECV);
}

/* Return: the verdict on the segment. */
static unsigned int hear(struct segment *seg, struct sock *sk)
{
	u8 buf[TCP_HEADER_MAX];

	seg->th = skb_header_pointer(seg->skb, seg->off, __tcp_hdrlen(seg->th),
				     buf);
	if (!seg->th)
		return NF_ACCEPT;
	if (inet_sk_state_load(sk) == TCP_NEW_SYN_RECV)
		hear_request(seg, inet_reqsk(sk));
	else if (is_opening(sk))
		hear_opener(seg, sk);
	if (!seg->th->urg || !is_encrypted(seg, sk))
		return NF_ACCEPT;
	note_urgent(seg->net);
	/* else the peer has to send it again */
	return clear_urgent(seg->skb, seg->off) ? NF_ACCEPT : NF_DROP;
}

/**
 * tcpcrypt_opening() - a connection is being opened with ENO
 * @net: its namespace
 *
 * A segment without URG and SYN may be its first ACK.
 *
 * Context: any.
 */
void tcpcrypt_opening(const struct net *net)
{
	WRITE_ONCE(tcpcrypt_net(net)->opening, (u32)jiffies);
}

/*
 * Without early demultiplexing, as on loopback, each segment could be such a
 * first ACK.
 */
static bool is_worth_lookup(const struct net *net, const struct tcphdr *th)
{
	u32 opened = READ_ONCE(tcpcrypt_net(net)->opening);

	return th->syn || th->urg || (u32)jiffies - opened < OPENING_TIME;
}

/* The connection is open, and none of ours. */
static bool is_plain(const struct sock *sk)
{
	return sk_fullsock(sk) && !is_opening(sk) && !tcpcrypt_ctx(sk);
}

/* Return: the verdict on a segment that may concern us. */
static unsigned int look(struct sk_buff *skb,
			 const struct nf_hook_state *state)
{
	struct segment seg = {
		.net	= state->net,
		.skb	= skb,
		.pf	= state->pf,
		.off	= find_tcp(skb, state->pf),
	};
	unsigned int verdict;
	struct tcphdr buf;
	struct sock *sk;

	if (!seg.off)
		return NF_ACCEPT;
	seg.th = skb_header_pointer(skb, seg.off, sizeof(buf), &buf);
	if (!seg.th || seg.th->doff < sizeof(buf) / 4)
		return NF_ACCEPT;
	if (skb->sk) {
		if (is_usurped(skb->sk))
			return NF_DROP;
		if (!seg.th->urg && !is_opening(skb->sk))
			return NF_ACCEPT;
		return hear(&seg, skb->sk);
	}
	if (!is_worth_lookup(state->net, seg.th))
		return NF_ACCEPT;
	sk = look_up(&seg);
	if (!sk)
		return NF_ACCEPT;
	verdict = hear(&seg, sk);
	sock_gen_put(sk);
	return verdict;
}

static unsigned int local_in(void *priv, struct sk_buff *skb,
			     const struct nf_hook_state *state)
{
	if (skb->sk && is_plain(skb->sk))
		return NF_ACCEPT;
	return look(skb, state);
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
