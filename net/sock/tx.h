/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the application's side of the sending half (send.c), its frames
 * (tx.c) and their size (coalesce.c).
 */
#ifndef _TCPCRYPT_TX_H
#define _TCPCRYPT_TX_H

#include "sock.h"

/* Largest frame that we send, all of it. */
#define FRAME_MAX	(TCPCRYPT_FRAME_HDR + TCPCRYPT_CLEN_MAX)
/* A frame up to this long is no matter for latency, however slow the path. */
#define FRAME_SMALL	16384
#define FRAME_DATA_MIN	256
/* So much data fits into any frame. */
#define DATA_ALWAYS	(FRAME_DATA_MIN - TCPCRYPT_FRAME_OVERHEAD - \
			 TCPCRYPT_URG_LEN)

/* What shall become of data that does not fill a frame? */
enum tcpcrypt_push {
	TCPCRYPT_PUSH_NOW,	/* as plain TCP: Nagle and a cork may hold it */
	TCPCRYPT_PUSH_MORE,	/* MSG_MORE */
	TCPCRYPT_PUSH_HOLD,	/* more comes at once */
	TCPCRYPT_PUSH_FORCE,	/* nothing holds it */
};

/* Sealed bytes that TCP could not take yet. */
static inline u32 tcpcrypt_tx_left(const struct tcpcrypt_tx *tx)
{
	return tx->buf_len - tx->buf_off;
}

/* The urgent byte is in the open frame: nothing delays it. */
static inline bool tcpcrypt_tx_urgent(const struct tcpcrypt_tx *tx)
{
	return tx->open_urg && tx->urg_end <= tx->bytes + tx->open_len;
}

/* coalesce.c */
u32 tcpcrypt_tx_limit(const struct sock *sk);
bool tcpcrypt_tx_fills_up(const struct sock *sk, u32 len);
u32 tcpcrypt_tx_ready(const struct sock *sk, const struct tcpcrypt_tx *tx,
		      enum tcpcrypt_push how);
bool tcpcrypt_tx_resumes(const struct sock *sk, const struct tcpcrypt_tx *tx,
			 u32 len);

/* tx.c */
int tcpcrypt_tx_fill(struct sock *sk, struct tcpcrypt_ctx *ctx,
		     struct iov_iter *from, bool urgent);
int tcpcrypt_tx_push(struct sock *sk, struct tcpcrypt_ctx *ctx,
		     enum tcpcrypt_push how);
int tcpcrypt_tx_pump(struct sock *sk, struct tcpcrypt_ctx *ctx,
		     enum tcpcrypt_push how);
void tcpcrypt_tx_rest(struct sock *sk, struct tcpcrypt_ctx *ctx);

/* room.c */
bool tcpcrypt_tx_overdue(const struct sock *sk, const struct tcpcrypt_tx *tx);
void tcpcrypt_tx_wait(struct sock *sk, struct tcpcrypt_ctx *ctx);

/* pending.c */
int tcpcrypt_pending_add(struct sock *sk, struct tcpcrypt_ctx *ctx,
			 struct msghdr *msg);
int tcpcrypt_pending_flush(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_pending_purge(struct sock *sk, struct tcpcrypt_tx *tx);

#endif /* _TCPCRYPT_TX_H */
