// SPDX-License-Identifier: GPL-2.0
/*
 * SO_KEEPALIVE on encrypted connections, RFC 8548 sections 3.9 and 8.2.
 *
 * Anybody can acknowledge TCP's own probes. Here a probe is an empty frame
 * with rekey = 1, and the peer that answers it is alive and is the peer.
 * TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT mean what they do for TCP,
 * except that authentic frames count and acknowledgments do not. There is one
 * probe: MUST NOT initiate rekeying twice without data; TCP repeats it.
 * Intervals are counted instead.
 *
 * Where one direction is at its end, no answer can come, or no probe can
 * leave: then TCP's own keep-alive takes over.
 */

#include <linux/jiffies.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "../hook/hook.h"
#include "sock.h"

/* Can we ask, and can the peer answer? */
static bool can_probe(const struct sock *sk, const struct tcpcrypt_ctx *ctx)
{
	return ctx->state == TCPCRYPT_OPEN && !ctx->closing &&
	       sk->sk_state == TCP_ESTABLISHED && !ctx->shut_wr &&
	       !ctx->rx.fin && !ctx->rx.tcp_fin;
}

/**
 * tcpcrypt_alive_set() - sk_prot->keepalive of attached sockets
 * @sk:  the socket
 * @ctx: its context
 * @on:  SO_KEEPALIVE; SOCK_KEEPOPEN may not be up to date
 *
 * Also when keys were agreed: TCP's timer stops there.
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_alive_set(struct sock *sk, struct tcpcrypt_ctx *ctx, bool on)
{
	if (!can_probe(sk, ctx)) {
		ctx->prot->keepalive(sk, on);
		return;
	}
	ctx->prot->keepalive(sk, 0);
	if (on)
		tcpcrypt_arm(ctx, keepalive_time_when(tcp_sk(sk)));
	else
		tcpcrypt_disarm(ctx);
}

/**
 * tcpcrypt_alive_idle() - setsockopt(TCP_KEEPIDLE)
 * @sk:     the socket
 * @ctx:    its context
 * @optval: seconds
 * @optlen: length of the value, bytes
 *
 * The stack's own would start TCP's timer.
 *
 * Context: the socket's lock, owned.
 * Return: 0, a negative errno, or 1: the stack's own must do it.
 */
int tcpcrypt_alive_idle(struct sock *sk, struct tcpcrypt_ctx *ctx,
			sockptr_t optval, unsigned int optlen)
{
	unsigned long elapsed = jiffies - ctx->alive.heard;
	int val;

	if (!sock_flag(sk, SOCK_KEEPOPEN) || !can_probe(sk, ctx))
		return 1;
	if (optlen < sizeof(val))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;
	if (val < 1 || val > MAX_TCP_KEEPIDLE)
		return -EINVAL;
	WRITE_ONCE(tcp_sk(sk)->keepalive_time, val * HZ);
	elapsed = min_t(unsigned long, elapsed, val * HZ);
	tcpcrypt_arm(ctx, val * HZ - elapsed);
	return 0;
}

/**
 * tcpcrypt_alive_end() - one direction is at its end: TCP's turn
 * @sk:  the socket
 * @ctx: its context
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_alive_end(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	if (!sock_flag(sk, SOCK_KEEPOPEN))
		return;
	if (!ctx->closing)
		tcpcrypt_disarm(ctx);
	/* tcp_set_keepalive() starts its timer if the flag was not set */
	sock_reset_flag(sk, SOCK_KEEPOPEN);
	ctx->prot->keepalive(sk, 1);
	sock_set_flag(sk, SOCK_KEEPOPEN);
}

/**
 * tcpcrypt_alive_heard() - an authentic frame has come
 * @ctx: the context
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_alive_heard(struct tcpcrypt_ctx *ctx)
{
	ctx->alive.heard = jiffies;
	ctx->alive.probes = 0;
}

/*
 * Our application does not read, and the window is closed: an answer would
 * wait behind data in the peer's queue.
 */
static bool is_deaf(const struct sock *sk, const struct tcpcrypt_ctx *ctx)
{
	return (ctx->rx.plain_bytes || ctx->rx.complete) &&
	       tcp_receive_window(tcp_sk(sk)) <
	       2 * inet_csk(sk)->icsk_ack.rcv_mss;
}

/*
 * Data that TCP could not send is before the probe: the peer does not read.
 * TCP's timers watch that, and TCP_USER_TIMEOUT bounds it.
 */
static bool is_queued(const struct sock *sk, const struct tcpcrypt_ctx *ctx)
{
	return ctx->alive.probes &&
	       (ctx->rekey.gen.asked ||
		before(tcp_sk(sk)->snd_nxt, ctx->alive.seq));
}

/* TCP_USER_TIMEOUT overrides TCP_KEEPCNT, as with TCP's own keep-alive. */
static bool is_dead(const struct sock *sk, const struct tcpcrypt_alive *alive)
{
	u32 user = READ_ONCE(inet_csk(sk)->icsk_user_timeout);

	if (user)
		return alive->probes &&
		       jiffies - alive->heard >= msecs_to_jiffies(user);
	return alive->probes >= keepalive_probes(tcp_sk(sk));
}

/**
 * tcpcrypt_alive_expired() - the timer of a connection in use has expired
 * @sk:  the socket
 * @ctx: its context, in TCPCRYPT_OPEN
 *
 * Whatever is to be sent for it, the caller flushes.
 *
 * Context: the socket's lock, owned, from work_fn().
 */
void tcpcrypt_alive_expired(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	unsigned long idle = keepalive_time_when(tcp_sk(sk));
	struct tcpcrypt_alive *alive = &ctx->alive;
	unsigned long elapsed = jiffies - alive->heard;

	if (!sock_flag(sk, SOCK_KEEPOPEN) || !can_probe(sk, ctx))
		return;
	if (elapsed < idle) {
		tcpcrypt_arm(ctx, idle - elapsed);
		return;
	}
	if (!is_deaf(sk, ctx) && !is_queued(sk, ctx)) {
		if (is_dead(sk, alive)) {
			tcpcrypt_fail(ctx, ETIMEDOUT);
			return;
		}
		if (!tcpcrypt_gen_busy(&ctx->rekey.gen)) {
			ctx->rekey.gen.asked = true;
			tcpcrypt_count(sock_net(sk),
				       TCPCRYPT_MIB_KEEPALIVESENT);
		}
		alive->probes++;
	}
	tcpcrypt_arm(ctx, keepalive_intvl_when(tcp_sk(sk)));
}
