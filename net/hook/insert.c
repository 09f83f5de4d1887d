// SPDX-License-Identifier: GPL-2.0
/*
 * Putting an option into a TCP header that is ready to go.
 */

#include <linux/skbuff.h>
#include <net/checksum.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "hook.h"

#define OPTS_MAX	40
#define TCPOPT_AO	29

/* Copies the options without their NOPs; returns how many bytes are left. */
static unsigned int pack_options(u8 *to, const u8 *from, unsigned int len)
{
	unsigned int i = 0, n = 0, olen;

	while (i < len && from[i] != TCPOPT_EOL) {
		olen = from[i] == TCPOPT_NOP ? 1 : from[i + 1];
		if (from[i] != TCPOPT_NOP) {
			memcpy(to + n, from + i, olen);
			n += olen;
		}
		i += olen;
	}
	return n;
}

/* Makes the TCP header @grow bytes longer (or, if negative, shorter). */
static int resize_header(struct sk_buff *skb, unsigned int net, int grow)
{
	unsigned int head = net + sizeof(struct tcphdr);
	unsigned int len = skb->len - net;
	struct tcphdr *th;

	if (grow > 0) {
		if (skb_cow_head(skb, grow))
			return -ENOMEM;
		skb_push(skb, grow);
		memmove(skb->data, skb->data + grow, head);
	} else {
		memmove(skb->data - grow, skb->data, head);
		__skb_pull(skb, -grow);
	}
	if (net)
		skb_reset_network_header(skb);
	skb_set_transport_header(skb, net);
	th = tcp_hdr(skb);
	th->doff += grow / 4;
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		skb->csum_start = skb_transport_header(skb) - skb->head;
	inet_proto_csum_replace4(&th->check, skb, htonl(len),
				 htonl(len + grow), true);
	return 0;
}

/**
 * tcpcrypt_option_room() - how long an option may be that is inserted packed
 * @skb: as for tcpcrypt_insert_option()
 * @net: likewise
 *
 * Return: bytes.
 */
unsigned int tcpcrypt_option_room(const struct sk_buff *skb, unsigned int net)
{
	const struct tcphdr *th = (const struct tcphdr *)(skb->data + net);
	u8 opts[OPTS_MAX];

	return OPTS_MAX - pack_options(opts, (const u8 *)(th + 1),
				       __tcp_hdrlen(th) - sizeof(*th));
}

/**
 * tcpcrypt_insert_option() - add an option to an outgoing segment
 * @skb:  the segment, checksum partial; data at the network header if @net,
 *        else at the TCP header
 * @net:  length of the network header in front of the TCP header, bytes
 * @opt:  the option, kind and length included
 * @len:  its length in bytes
 * @pack: drop the NOPs between the other options to make room
 *
 * A two-byte option takes the place of the two NOPs that stand before a
 * timestamp, so that nothing grows and TSO needs no care.
 *
 * Return: 0, -ENOSPC if the option does not fit, -ENOMEM.
 */
int tcpcrypt_insert_option(struct sk_buff *skb, unsigned int net,
			   const u8 *opt, unsigned int len, bool pack)
{
	struct tcphdr *th = (struct tcphdr *)(skb->data + net);
	unsigned int old = __tcp_hdrlen(th) - sizeof(*th), n, want;
	u8 *at = (u8 *)(th + 1);
	u8 opts[OPTS_MAX];
	int err;

	if (len == 2 && old >= 2 && at[0] == TCPOPT_NOP &&
	    at[1] == TCPOPT_NOP) {
		memcpy(at, opt, len);
		return 0;
	}
	if (pack) {
		n = pack_options(opts, at, old);
	} else {
		memcpy(opts, at, old);
		n = old;
	}
	if (n + len > OPTS_MAX)
		return -ENOSPC;
	memcpy(opts + n, opt, len);
	n += len;
	want = ALIGN(n, 4);
	memset(opts + n, TCPOPT_NOP, want - n);
	if (want != old) {
		err = resize_header(skb, net, (int)want - (int)old);
		if (err)
			return err;
	}
	memcpy(tcp_hdr(skb) + 1, opts, want);
	return 0;
}

/* Is the option at @o a Fast Open cookie, not just the request for one? */
static bool is_cookie(const u8 *o)
{
	if (o[0] == TCPOPT_FASTOPEN)
		return o[1] > TCPOLEN_FASTOPEN_BASE;
	return o[0] == TCPOPT_EXP && o[1] > TCPOLEN_EXP_FASTOPEN_BASE &&
	       (o[2] << 8 | o[3]) == TCPOPT_FASTOPEN_MAGIC;
}

/**
 * tcpcrypt_blank_cookie() - take a Fast Open cookie out of a SYN segment
 * @th: header of an outgoing segment, checksum partial
 *
 * RFC 8547, section 4.7: a SYN segment with ENO MUST NOT have a non-empty
 * Fast Open option. NOPs take its place; tcpcrypt_insert_option() drops them.
 */
void tcpcrypt_blank_cookie(struct tcphdr *th)
{
	unsigned int i, n, len = __tcp_hdrlen(th) - sizeof(*th);
	u8 *o = (u8 *)(th + 1);

	for (i = 0; i < len && o[i] != TCPOPT_EOL; i += n) {
		n = o[i] == TCPOPT_NOP ? 1 : o[i + 1];
		if (n > 1 && is_cookie(o + i))
			memset(o + i, TCPOPT_NOP, n);
	}
}

/**
 * tcpcrypt_has_auth_option() - is the segment signed by TCP-MD5 or TCP-AO?
 * @th: its header
 *
 * Return: whether option kind 19 or 29 is present; an option after it would
 * break the signature.
 */
bool tcpcrypt_has_auth_option(const struct tcphdr *th)
{
	unsigned int i = 0, len = __tcp_hdrlen(th) - sizeof(*th);
	const u8 *o = (const u8 *)(th + 1);

	while (i < len && o[i] != TCPOPT_EOL) {
		if (o[i] == TCPOPT_NOP) {
			i++;
			continue;
		}
		if (o[i] == TCPOPT_MD5SIG || o[i] == TCPOPT_AO)
			return true;
		if (i + 1 >= len || o[i + 1] < 2)
			return false;
		i += o[i + 1];
	}
	return false;
}
