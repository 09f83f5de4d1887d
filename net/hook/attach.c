// SPDX-License-Identifier: GPL-2.0
/*
 * Where sockets come into the module's hands: a probe on the tracepoint
 * inet_sock_set_state, which fires inside connect() and listen() with the
 * socket locked.
 */

#include <linux/delay.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/random.h>
#include <linux/rcupdate_wait.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <net/mptcp.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "../sock/account.h"
#include "../sock/sock.h"
#include "hook.h"

static bool attach = true;
module_param(attach, bool, 0644);
MODULE_PARM_DESC(attach, "take new connections and listeners (N before rmmod on a busy machine)");

static struct tracepoint *set_state;
static bool leaving;

/**
 * tcpcrypt_ineligible() - is this a socket that we never touch?
 * @sk: a socket in connect() or listen()
 *
 * Context: the socket's lock.
 * Return: whether it is.
 */
bool tcpcrypt_ineligible(const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	if (sk->sk_type != SOCK_STREAM || sk->sk_protocol != IPPROTO_TCP)
		return true;
	if (sk_is_mptcp(sk) || tp->repair)
		return true;
#if IS_ENABLED(CONFIG_SMC)
	if (tp->syn_smc)
		return true;
#endif
#ifdef CONFIG_TCP_MD5SIG
	if (rcu_access_pointer(tp->md5sig_info))
		return true;
#endif
#ifdef CONFIG_TCP_AO
	if (rcu_access_pointer(tp->ao_info))
		return true;
#endif
	return false;
}

/* Whose socket is it? Those of sock_create() have no file in the kernel. */
static bool is_kernels(const struct sock *sk)
{
	return sk->sk_kern_sock || !sk->sk_socket->file ||
	       !tcpcrypt_allocates_stock(sk);
}

/**
 * tcpcrypt_is_kernel_socket() - is this one of the kernel's own sockets?
 * @sk: a socket in connect() or listen(), not attached
 *
 * With net.tcpcrypt.kernel_sockets only those of them are that cannot be
 * encrypted: who replaces callbacks, or may not sleep when memory is
 * allocated, reads TCP's queue from softirq, where there is ciphertext.
 *
 * Context: the socket's lock.
 * Return: whether it is, and shall be left alone.
 */
bool tcpcrypt_is_kernel_socket(const struct sock *sk)
{
	const struct tcpcrypt_net *tn = tcpcrypt_net(sock_net(sk));

	if (!sk->sk_socket || !tcpcrypt_is_stock(sk) || sk->sk_user_data ||
	    !gfpflags_allow_blocking(sk->sk_allocation))
		return true;
	return !READ_ONCE(tn->kernel_sockets) && is_kernels(sk);
}

static bool connect_enabled(const struct sock *sk)
{
	const struct tcpcrypt_net *tn = tcpcrypt_net(sock_net(sk));

	return READ_ONCE(tn->enable_connect) &&
	       !test_bit(ntohs(sk->sk_dport), tn->bad_connect_ports);
}

static bool connect_wanted(const struct sock *sk,
			   const struct tcpcrypt_ctx *ctx)
{
	if (ctx && ctx->opts.enabled != TCP_ENO_DEFAULT)
		return ctx->opts.enabled > 0;
	if (!READ_ONCE(attach) || !connect_enabled(sk))
		return false;
	if (!tcpcrypt_is_broken(sk))
		return true;
	tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_FALLBACKBROKEN);
	return false;
}

/* RFC 8547, section 10 (RFC 8548, section 8): no ENO without entropy */
static bool connect_possible(const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	return rng_is_initialized() && !tcpcrypt_ineligible(sk) &&
	       !tp->fastopen_req && !tp->fastopen_connect &&
	       !tcpcrypt_is_kernel_socket(sk) &&
	       tcpcrypt_af_ours(inet_csk(sk)->icsk_af_ops);
}

/* CLOSE to SYN_SENT: connect(), before the port and the SYN. */
static void connecting(struct sock *sk)
{
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx(sk);

	if (READ_ONCE(leaving) || (!ctx && inet_csk(sk)->icsk_ulp_ops))
		return;
	if (!connect_possible(sk) || !connect_wanted(sk, ctx)) {
		if (ctx && tcpcrypt_required(ctx))
			tcpcrypt_ctx_refuse(sk, ctx);
		else if (ctx)
			tcpcrypt_set_state(ctx, TCPCRYPT_PLAIN);
		return;
	}
	if (ctx)
		return tcpcrypt_ctx_connect(sk, ctx);
	if (!tcpcrypt_prot_ours(sk->sk_prot))
		return;
	ctx = tcpcrypt_ctx_new(TCPCRYPT_ATOMIC);
	if (!ctx) {
		tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_FALLBACKNOMEMORY);
		return;
	}
	ctx->active = true;
	tcpcrypt_ctx_attach(sk, ctx);
	tcpcrypt_ctx_connect(sk, ctx);
}

/* CLOSE to LISTEN. A socket that was attached before is let go first. */
static void listening(struct sock *sk)
{
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx(sk);
	bool wanted = READ_ONCE(attach);

	if (ctx && !ctx->listener) {
		tcpcrypt_ctx_detach(sk);
		ctx = NULL;
	}
	if (ctx) {
		wanted |= ctx->opts.enabled != TCP_ENO_DEFAULT;
		tcpcrypt_ctx_lift(sk, ctx);
	}
	if (wanted && !READ_ONCE(leaving) && tcpcrypt_listener_attach(sk, ctx))
		return;
	if (ctx)
		tcpcrypt_ctx_drop(ctx);
}

/* SYN_SENT to CLOSE: connect() failed and may be tried again. */
static void connect_failed(struct sock *sk)
{
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx(sk);

	/* nothing was negotiated: a refusal of our own included */
	if (ctx && !ctx->neg.transcript_len)
		tcpcrypt_ctx_unconnect(sk, ctx);
}

/* Reset, or given up by TCP. Our own aborts come by tcpcrypt_fail(). */
static void died(struct sock *sk)
{
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx(sk);

	if (ctx)
		tcpcrypt_broken_died(sk, ctx, READ_ONCE(sk->sk_err));
}

static void changes(struct sock *sk, int from, int to)
{
	if (from == TCP_CLOSE && to == TCP_SYN_SENT)
		connecting(sk);
	else if (from == TCP_CLOSE && to == TCP_LISTEN)
		listening(sk);
	else if (from == TCP_LISTEN && to == TCP_CLOSE)
		tcpcrypt_listener_detach(sk);
	else if (from == TCP_SYN_RECV && to == TCP_ESTABLISHED)
		tcpcrypt_crossed_done(sk);
	else if (to == TCP_CLOSE && (from == TCP_SYN_SENT ||
				     from == TCP_SYN_RECV))
		connect_failed(sk);
	else if (to == TCP_CLOSE)
		died(sk);
}

/*
 * A tracepoint calls its probes with preemption off. On PREEMPT_RT that would
 * forbid locks and allocations, and nothing but the tracepoint has turned it
 * off there: all who change a socket's state hold but the socket's lock. RCU's
 * read side keeps the list of probes meanwhile, which the tracepoint is
 * walking (kernel/tracepoint.c, release_probes()).
 */
static void probe(void *data, const struct sock *csk, const int from,
		  const int to)
{
	bool rt = IS_ENABLED(CONFIG_PREEMPT_RT) && preempt_count() == 1;
	struct sock *sk = (struct sock *)csk;

	/* DCCP and SCTP pass here too */
	if (sk->sk_protocol != IPPROTO_TCP || sk->sk_type != SOCK_STREAM)
		return;
	if (rt) {
		rcu_read_lock();
		preempt_enable_notrace();
	}
	changes(sk, from, to);
	if (rt) {
		preempt_disable_notrace();
		rcu_read_unlock();
	}
}

static void find_tracepoint(struct tracepoint *tp, void *priv)
{
	if (!strcmp(tp->name, "inet_sock_set_state"))
		set_state = tp;
}

/**
 * tcpcrypt_attach_init() - begin to take sockets
 *
 * Context: process.
 * Return: 0 or a negative errno.
 */
int tcpcrypt_attach_init(void)
{
	int err;

	for_each_kernel_tracepoint(find_tracepoint, NULL);
	if (!set_state)
		return -ENOENT;
	err = tracepoint_probe_register(set_state, probe, NULL);
	if (err)
		return err;
	tcpcrypt_listeners(true);
	return 0;
}

/**
 * tcpcrypt_attach_exit() - take no more sockets, let all listeners go
 *
 * The probe goes last: a listener that closes meanwhile is let go by it. One
 * that was attached in listen() but is not in the table yet gets there before
 * synchronize_rcu_tasks() returns, for nothing sleeps in between; except on
 * PREEMPT_RT, where it may wait for the table's lock.
 *
 * Context: process.
 */
void tcpcrypt_attach_exit(void)
{
	WRITE_ONCE(leaving, true);
	synchronize_rcu_tasks();
	tcpcrypt_listeners(false);
	while (tcpcrypt_listeners_left()) {
		msleep(20);
		tcpcrypt_listeners(false);
	}
	tracepoint_probe_unregister(set_state, probe, NULL);
	tracepoint_synchronize_unregister();
}
