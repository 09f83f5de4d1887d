/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the queues of the receiving half (rx.c) and its frames
 * (decrypt.c).
 */
#ifndef _TCPCRYPT_RX_H
#define _TCPCRYPT_RX_H

#include "sock.h"

/* Pieces up to this length are copied together: alone they waste memory. */
#define COPY_MAX	512
#define COPY_ROOM	SKB_MAX_ORDER(0, 0)

void tcpcrypt_rx_recharge(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_rx_charge(struct sock *sk, struct sk_buff *skb, u32 *truesize);
void tcpcrypt_rx_discharge(struct sock *sk, struct sk_buff *skb,
			   u32 *truesize);
int tcpcrypt_rx_drain(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_rx_eat_raw(struct sock *sk, struct tcpcrypt_rx *rx, u32 len);
u32 tcpcrypt_rx_peek_raw(const struct tcpcrypt_rx *rx, u8 *buf, u32 len);

#endif /* _TCPCRYPT_RX_H */
