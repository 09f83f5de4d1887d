// SPDX-License-Identifier: GPL-2.0
/*
 * The ULP slot: how a socket's context hangs on it, and how an application
 * takes a socket before it connects or listens.
 */

#include <linux/module.h>
#include <linux/net.h>
#include <net/inet_connection_sock.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../hook/hook.h"
#include "account.h"
#include "sock.h"

/* setsockopt(TCP_ULP, "tcpcrypt"): before connect() or listen() alone. */
static int ulp_init(struct sock *sk)
{
	struct tcpcrypt_ctx *ctx;

	/* __tcp_set_ulp() cleared it; a refusal changes nothing */
	if (sk->sk_socket)
		set_bit(SOCK_SUPPORT_ZC, &sk->sk_socket->flags);
	if (sk->sk_state != TCP_CLOSE)
		return -EISCONN;
	if (tcpcrypt_ineligible(sk) || !tcpcrypt_prot_ours(sk->sk_prot) ||
	    !tcpcrypt_af_ours(inet_csk(sk)->icsk_af_ops))
		return -EOPNOTSUPP;
	ctx = tcpcrypt_ctx_new(TCPCRYPT_GFP);
	if (!ctx)
		return -ENOMEM;
	ctx->listener = tcpcrypt_listener_new();
	if (!ctx->listener) {
		tcpcrypt_ctx_put(ctx);
		return -ENOMEM;
	}
	tcpcrypt_ctx_place(sk, ctx);
	return 0;
}

/* From tcp_cleanup_ulp(): the socket is being destroyed. */
static void ulp_release(struct sock *sk)
{
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx(sk);

	if (!ctx)
		return;
	tcpcrypt_ctx_strip(sk, ctx);
	tcpcrypt_ctx_put(ctx);
}

/* A child of a listener that was attached once: it has nothing of ours. */
static void ulp_clone(const struct request_sock *req, struct sock *child,
		      const gfp_t priority)
{
	rcu_assign_pointer(inet_csk(child)->icsk_ulp_data, NULL);
	inet_csk(child)->icsk_ulp_ops = NULL;
}

/* Not registered: kTLS and sockmap find the slot taken, ss -ti shows it. */
struct tcp_ulp_ops tcpcrypt_ulp = {
	.name		= "tcpcrypt",
	.init		= ulp_init,
	.release	= ulp_release,
	.clone		= ulp_clone,
};

struct tcp_ulp_ops tcpcrypt_ulp_user = {
	.name		= "tcpcrypt",
	.owner		= THIS_MODULE,
	.init		= ulp_init,
	.release	= ulp_release,
	.clone		= ulp_clone,
};

static bool registered;

/**
 * tcpcrypt_ulp_init() - let applications take sockets
 *
 * Return: 0 or a negative errno.
 */
int tcpcrypt_ulp_init(void)
{
	int err = tcp_register_ulp(&tcpcrypt_ulp_user);

	registered = !err;
	return err;
}

/** tcpcrypt_ulp_exit() - undo tcpcrypt_ulp_init() */
void tcpcrypt_ulp_exit(void)
{
	if (registered)
		tcp_unregister_ulp(&tcpcrypt_ulp_user);
}
