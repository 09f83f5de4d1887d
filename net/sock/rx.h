/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the queues of the receiving half (rx.c) and its frames
 * (decrypt.c).
 */
#ifndef _TCPCRYPT_RX_H
#define _TCPCRYPT_RX_H

#include <linux/mm.h>
#include <linux/skbuff.h>
#include "sock.h"

/* Pieces up to this length are copied together: alone they waste memory. */
#define COPY_MAX	512
#define COPY_ROOM	SKB_MAX_ORDER(0, 0)

/* Room in the last buffer of a queue, if it is one of ours. */
static inline u32 tcpcrypt_rx_room(struct sk_buff *tail)
{
	return tail && tcpcrypt_cb(tail)->own ? skb_tailroom(tail) : 0;
}

/*
 * Plaintext of a frame in which poll() may find nothing to read: an urgent
 * field and the urgent byte.
 */
#define TCPCRYPT_TINY_MAX (TCPCRYPT_FLAGS_LEN + TCPCRYPT_URG_LEN + 1)

/*
 * Frames that work_fn() decrypts: an application that polls must not be told
 * to read one that may carry no data, or no more than the urgent byte, and
 * the peer waits for the answer to one with rekey = 1, whether or not anybody
 * reads.
 */
static inline bool tcpcrypt_rx_tiny(u8 control, u32 plen)
{
	return plen <= TCPCRYPT_TINY_MAX || control & TCPCRYPT_CONTROL_REKEY;
}

/*
 * As skb_header_pointer(), but nothing is copied out of a first fragment that
 * has it all.
 */
static inline const u8 *tcpcrypt_rx_bytes(const struct sk_buff *skb, u32 off,
					  u32 len, u8 *buf)
{
	const skb_frag_t *frag = skb_shinfo(skb)->frags;
	struct page *page;
	u32 at = off - skb_headlen(skb);

	/* wraps if it is in the head */
	if (skb_shinfo(skb)->nr_frags && at < skb_frag_size(frag) &&
	    len <= skb_frag_size(frag) - at) {
		page = skb_frag_page(frag);
		if (page && !PageHighMem(page))
			return page_address(page) + skb_frag_off(frag) + at;
	}
	return skb_header_pointer(skb, off, len, buf);
}

/* rx.c */
void tcpcrypt_rx_recharge(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_rx_charge(struct sock *sk, struct sk_buff *skb, u32 *truesize);
void tcpcrypt_rx_discharge(struct sock *sk, struct sk_buff *skb,
			   u32 *truesize);
int tcpcrypt_rx_drain(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_rx_eat_raw(struct sock *sk, struct tcpcrypt_rx *rx, u32 len);
u32 tcpcrypt_rx_peek_raw(const struct tcpcrypt_rx *rx, u8 *buf, u32 len);

#endif /* _TCPCRYPT_RX_H */
