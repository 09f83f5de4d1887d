// SPDX-License-Identifier: GPL-2.0
/*
 * Life of a connection's context: attach, state, detach.
 */

#include <linux/module.h>
#include <linux/slab.h>
#include <net/inet_connection_sock.h>
#include <tcpcrypt_compat.h>
#include "../ctl/ctl.h"
#include "../hook/hook.h"
#include "sock.h"

struct workqueue_struct *tcpcrypt_wq;

/* Contexts: their size is just past what kmalloc() rounds up to 2 KiB. */
static struct kmem_cache *ctxs;

/**
 * tcpcrypt_ctx_negotiated() - ->neg holds a negotiated TEP: take hold of it
 * @ctx: the context
 *
 * Context: RCU read side, in which the TEP was negotiated.
 * Return: false if its module is about to leave.
 */
bool tcpcrypt_ctx_negotiated(struct tcpcrypt_ctx *ctx)
{
	const struct tcpcrypt_tep *tep;

	if (!ctx->neg.tep)
		return true;
	tep = tcpcrypt_tep_of(ctx->neg.tep);
	if (!try_module_get(tep->owner))
		return false;
	ctx->tep = tep;
	return true;
}

static void put_tep(struct tcpcrypt_ctx *ctx)
{
	if (ctx->tep)
		module_put(ctx->tep->owner);
	ctx->tep = NULL;
}

/**
 * tcpcrypt_ctx_wipe() - no frame will be encrypted or decrypted any more
 * @ctx: the context
 *
 * Context: process.
 */
void tcpcrypt_ctx_wipe(struct tcpcrypt_ctx *ctx)
{
	tcpcrypt_hs_free(ctx);
	tcpcrypt_cipher_free(&ctx->tx.cipher);
	tcpcrypt_cipher_free(&ctx->rx.cipher);
	tcpcrypt_rekey_end(ctx, true, true);
	tcpcrypt_ticket_free(ctx->ticket);
	ctx->ticket = NULL;
}

static void free_ctx(struct tcpcrypt_ctx *ctx)
{
	tcpcrypt_ctx_wipe(ctx);
	put_tep(ctx);
	kfree(ctx->listener);
	if (ctx->net)
		put_net(ctx->net);
	memzero_explicit(ctx, sizeof(*ctx));
	kmem_cache_free(ctxs, ctx);
	module_put(THIS_MODULE);
}

static void free_fn(struct work_struct *work)
{
	free_ctx(container_of(work, struct tcpcrypt_ctx, free_work));
}

/* After a grace period. Key pairs may sleep when freed. */
static void free_rcu(struct rcu_head *rcu)
{
	struct tcpcrypt_ctx *ctx = container_of(rcu, struct tcpcrypt_ctx, rcu);

	if (likely(!ctx->hs)) {
		free_ctx(ctx);
		return;
	}
	INIT_WORK(&ctx->free_work, free_fn);
	queue_work(tcpcrypt_wq, &ctx->free_work);
}

/**
 * tcpcrypt_ctx_new() - allocate a context
 * @gfp: allocation flags
 *
 * Takes a reference to the module.
 *
 * Return: the context, with one reference, or NULL.
 */
struct tcpcrypt_ctx *tcpcrypt_ctx_new(gfp_t gfp)
{
	struct tcpcrypt_ctx *ctx;

	if (!try_module_get(THIS_MODULE))
		return NULL;
	ctx = kmem_cache_zalloc(ctxs, gfp);
	if (!ctx) {
		module_put(THIS_MODULE);
		return NULL;
	}
	refcount_set(&ctx->refs, 1);
	INIT_LIST_HEAD(&ctx->busy);
	spin_lock_init(&ctx->crossed_lock);
	tcpcrypt_work_init(ctx);
	__skb_queue_head_init(&ctx->tx.pending);
	__skb_queue_head_init(&ctx->rx.raw);
	__skb_queue_head_init(&ctx->rx.plain);
	tcpcrypt_stamps_init(&ctx->stamps);
	tcpcrypt_opts_init(&ctx->opts);
	return ctx;
}

/**
 * tcpcrypt_ctx_put() - drop a reference
 * @ctx: the context
 *
 * Context: any.
 */
void tcpcrypt_ctx_put(struct tcpcrypt_ctx *ctx)
{
	if (refcount_dec_and_test(&ctx->refs))
		call_rcu(&ctx->rcu, free_rcu);
}

/**
 * tcpcrypt_set_state() - the one place that changes a connection's state
 * @ctx:   the context
 * @state: the new state
 *
 * Context: the socket's lock.
 */
void tcpcrypt_set_state(struct tcpcrypt_ctx *ctx, enum tcpcrypt_state state)
{
	WARN_ONCE(!tcpcrypt_state_follows(ctx->state, state),
		  "state %d to %d\n", ctx->state, state);
	WRITE_ONCE(ctx->state, state);
	if (state != TCPCRYPT_KEYING)
		tcpcrypt_handshake_over(ctx);
}

/**
 * tcpcrypt_ctx_attach() - put a context on a socket
 * @sk:  the socket, whose sk_prot and icsk_af_ops are base tables
 * @ctx: the context; the reference goes to the socket
 *
 * Context: the socket's lock; preemption may be off.
 */
void tcpcrypt_ctx_attach(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct inet_connection_sock *icsk = inet_csk(sk);

	ctx->sk = sk;
	ctx->af = icsk->icsk_af_ops;
	ctx->prot = sk->sk_prot;
	/* a parked connection's timers need it */
	if (!sk->sk_net_refcnt)
		ctx->net = maybe_get_net(sock_net(sk));
	rcu_assign_pointer(icsk->icsk_ulp_data, ctx);
	WRITE_ONCE(icsk->icsk_ulp_ops, &tcpcrypt_ulp);
	WRITE_ONCE(sk->sk_prot, tcpcrypt_prot_ours(ctx->prot));
	WRITE_ONCE(icsk->icsk_af_ops, tcpcrypt_af_ours(ctx->af));
}

/**
 * tcpcrypt_ctx_connect() - an attached socket begins to connect
 * @sk:  the socket, in TCP_SYN_SENT
 * @ctx: its context
 *
 * connect() may have chosen another af_ops than a taken socket had (IPv4
 * mapped addresses).
 *
 * Context: the socket's lock; preemption may be off.
 */
void tcpcrypt_ctx_connect(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct inet_connection_sock *icsk = inet_csk(sk);

	ctx->active = true;
	ctx->eno_off = false;
	ctx->eno_lost = false;
	ctx->sent.len = 0;
	tcpcrypt_crossed_reset(ctx);
	if (!tcpcrypt_af_is_ours(icsk->icsk_af_ops)) {
		ctx->af = icsk->icsk_af_ops;
		WRITE_ONCE(icsk->icsk_af_ops, tcpcrypt_af_ours(ctx->af));
	}
	tcpcrypt_set_state(ctx, TCPCRYPT_SYN_SENT);
}

static void restore_af(struct sock *sk)
{
	struct inet_connection_sock *icsk = inet_csk(sk);

	if (tcpcrypt_af_is_ours(icsk->icsk_af_ops))
		WRITE_ONCE(icsk->icsk_af_ops, tcpcrypt_af_base(sk));
}

/**
 * tcpcrypt_ctx_unconnect() - connect() failed before anything was decided
 * @sk:  the socket, in TCP_CLOSE
 * @ctx: its context
 *
 * The application may connect again, listen, or close.
 *
 * Context: the socket's lock; preemption may be off.
 */
void tcpcrypt_ctx_unconnect(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	if (inet_csk(sk)->icsk_ulp_ops == &tcpcrypt_ulp) {
		tcpcrypt_ctx_detach(sk);
		return;
	}
	tcpcrypt_ctx_reset(sk, ctx);
}

/**
 * tcpcrypt_ctx_plain() - the connection is plain TCP
 * @sk:  the socket
 * @ctx: its context
 *
 * A socket taken by TCP_ULP keeps its context, so that it can say so.
 *
 * Context: the socket's lock.
 */
void tcpcrypt_ctx_plain(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	if (inet_csk(sk)->icsk_ulp_ops == &tcpcrypt_ulp) {
		tcpcrypt_ctx_detach(sk);
		return;
	}
	tcpcrypt_ticket_free(ctx->ticket);
	ctx->ticket = NULL;
	restore_af(sk);
	tcpcrypt_set_state(ctx, TCPCRYPT_PLAIN);
}

/**
 * tcpcrypt_ctx_refuse() - encryption is required and cannot be had
 * @sk:  the socket, in TCP_SYN_SENT
 * @ctx: its context
 *
 * Context: the socket's lock; preemption may be off. No SYN was sent yet;
 * queue_xmit drops what connect() sends after this.
 */
void tcpcrypt_ctx_refuse(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct inet_connection_sock *icsk = inet_csk(sk);

	if (!tcpcrypt_af_is_ours(icsk->icsk_af_ops) &&
	    tcpcrypt_af_ours(icsk->icsk_af_ops)) {
		ctx->af = icsk->icsk_af_ops;
		WRITE_ONCE(icsk->icsk_af_ops, tcpcrypt_af_ours(ctx->af));
	}
	tcpcrypt_fail(ctx, ECONNABORTED);
}

static void data_ready(struct sock *sk)
{
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx(sk);

	if (!ctx)
		return;
	tcpcrypt_rx_pull(sk, ctx);
}

/*
 * TCP's FIN says nothing until FINp was authenticated (RFC 8548, section
 * 3.7): it stays hidden from the stack's own recvmsg() and from poll().
 */
static void state_change(struct sock *sk)
{
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx(sk);

	if (!ctx)
		return;
	/* connect() must not return before its abort: see tcpcrypt_fail() */
	if (tcpcrypt_refusing(sk, ctx))
		return;
	tcpcrypt_rx_hide(sk, ctx);
	ctx->state_change(sk);
	tcpcrypt_kick_opening(ctx);
}

static void write_space(struct sock *sk)
{
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx(sk);

	if (!ctx)
		return;
	tcpcrypt_tx_tell(sk, ctx);
	tcpcrypt_tx_acked(sk, ctx);
}

/**
 * tcpcrypt_ctx_usurped() - has a kernel user replaced our callbacks?
 * @sk:  the socket
 * @ctx: its context
 *
 * It would find ciphertext in sk_receive_queue: the connection must end.
 *
 * Context: any; @sk can't go away, and @ctx only after RCU.
 * Return: whether one has.
 */
bool tcpcrypt_ctx_usurped(const struct sock *sk,
			  const struct tcpcrypt_ctx *ctx)
{
	return READ_ONCE(ctx->wrapped) &&
	       (READ_ONCE(sk->sk_data_ready) != data_ready ||
		READ_ONCE(sk->sk_state_change) != state_change ||
		READ_ONCE(sk->sk_write_space) != write_space);
}

/**
 * tcpcrypt_ctx_wrap() - make the socket's callbacks ours
 * @sk:  the socket
 * @ctx: its context
 *
 * sk_user_data has no use but to be taken: who wants to read the raw stream
 * (KCM, sockmap, ovpn) looks there and refuses.
 *
 * Context: the socket's lock; preemption may be off.
 */
void tcpcrypt_ctx_wrap(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	write_lock_bh(&sk->sk_callback_lock);
	ctx->data_ready = sk->sk_data_ready;
	ctx->state_change = sk->sk_state_change;
	ctx->write_space = sk->sk_write_space;
	WRITE_ONCE(sk->sk_data_ready, data_ready);
	WRITE_ONCE(sk->sk_state_change, state_change);
	WRITE_ONCE(sk->sk_write_space, write_space);
	if (!sk->sk_user_data)
		__rcu_assign_sk_user_data_with_flags(sk, ctx,
						     SK_USER_DATA_NOCOPY);
	WRITE_ONCE(ctx->wrapped, true);
	write_unlock_bh(&sk->sk_callback_lock);
	tcpcrypt_rcvlowat(sk, &ctx->rx);
}

/**
 * tcpcrypt_ctx_encrypt() - ENO succeeded: from here on only our bytes flow
 * @sk:  the socket
 * @ctx: its context
 *
 * Context: the socket's lock, softirq or process.
 */
void tcpcrypt_ctx_encrypt(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	tcpcrypt_ctx_wrap(sk, ctx);
	ctx->tx.seq = tcp_sk(sk)->write_seq;
	/* connect() leaves it at 0, but not yet */
	ctx->pingpong = ctx->active ? 0 : inet_csk(sk)->icsk_ack.pingpong;
	ctx->epoch = tcpcrypt_epoch();
	tcpcrypt_set_state(ctx, TCPCRYPT_KEYING);
}

/* What tcpcrypt_ctx_wrap() left in sk_user_data. */
static void *user_data(const struct tcpcrypt_ctx *ctx)
{
	return (void *)((uintptr_t)ctx | SK_USER_DATA_NOCOPY);
}

static void unwrap(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	if (!ctx->wrapped)
		return;
	write_lock_bh(&sk->sk_callback_lock);
	WRITE_ONCE(ctx->wrapped, false);
	if (sk->sk_user_data == user_data(ctx))
		rcu_assign_sk_user_data(sk, NULL);
	if (sk->sk_data_ready == data_ready)
		sk->sk_data_ready = ctx->data_ready;
	if (sk->sk_state_change == state_change)
		sk->sk_state_change = ctx->state_change;
	if (sk->sk_write_space == write_space)
		sk->sk_write_space = ctx->write_space;
	write_unlock_bh(&sk->sk_callback_lock);
	if (!ctx->rx.tcp_fin)
		sock_reset_flag(sk, SOCK_DONE);
}

static void shrink_header(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct inet_connection_sock *icsk = inet_csk(sk);

	/* IP options set since then have assigned icsk_ext_hdr_len */
	if (ctx->grown && icsk->icsk_ext_hdr_len >= 4)
		icsk->icsk_ext_hdr_len -= 4;
	ctx->grown = false;
}

/**
 * tcpcrypt_eno_done() - no segment will carry a bare ENO option any more
 * @sk:  the socket
 * @ctx: its context
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_eno_done(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct inet_connection_sock *icsk = inet_csk(sk);

	ctx->eno_ack = false;
	if (!ctx->grown)
		return;
	shrink_header(sk, ctx);
	icsk->icsk_sync_mss(sk, icsk->icsk_pmtu_cookie);
}

/**
 * tcpcrypt_ctx_strip() - everything of a context off its socket
 * @sk:  the socket
 * @ctx: its context
 *
 * All but icsk_ulp_ops and the socket's reference.
 *
 * Context: the socket's lock, any context; preemption may be off.
 */
void tcpcrypt_ctx_strip(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct socket *sock = sk->sk_socket;

	WRITE_ONCE(sk->sk_prot, tcpcrypt_prot_base(sk));
	if (sock)
		WRITE_ONCE(sock->ops, tcpcrypt_ops_base(sock->ops));
	ctx->swapped = false;
	restore_af(sk);
	unwrap(sk, ctx);
	shrink_header(sk, ctx);
	tcpcrypt_tx_purge(sk, ctx);
	tcpcrypt_rx_purge(sk, ctx);
	tcpcrypt_stamp_purge(sk, ctx);
	tcpcrypt_handshake_over(ctx);
	tcpcrypt_rest_never(ctx);
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, NULL);
	/* work that is queued finds no ctx on its socket and ends */
	tcpcrypt_disarm(ctx);
}

/**
 * tcpcrypt_ctx_detach() - give a socket back to plain TCP
 * @sk: an attached socket
 *
 * Context: the socket's lock, any context; preemption may be off.
 */
void tcpcrypt_ctx_detach(struct sock *sk)
{
	struct inet_connection_sock *icsk = inet_csk(sk);
	struct tcpcrypt_ctx *ctx = tcpcrypt_ctx(sk);
	struct module *owner = icsk->icsk_ulp_ops->owner;

	tcpcrypt_ctx_strip(sk, ctx);
	WRITE_ONCE(icsk->icsk_ulp_ops, NULL);
	/* tcp_set_ulp() took it for the registered ops; ctx holds another */
	if (owner)
		module_put(owner);
	tcpcrypt_ctx_put(ctx);
}

/**
 * tcpcrypt_ctx_lift() - a socket taken by TCP_ULP begins to listen
 * @sk:  the socket
 * @ctx: its context; the caller keeps it, with the ULP slot's reference and
 *       that to the registered ops' owner
 *
 * Children inherit sk_prot and the slot.
 *
 * Context: the socket's lock; preemption may be off.
 */
void tcpcrypt_ctx_lift(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	tcpcrypt_ctx_strip(sk, ctx);
	WRITE_ONCE(inet_csk(sk)->icsk_ulp_ops, NULL);
}

/**
 * tcpcrypt_ctx_drop() - nobody wants what tcpcrypt_ctx_lift() took
 * @ctx: the context
 *
 * Context: any.
 */
void tcpcrypt_ctx_drop(struct tcpcrypt_ctx *ctx)
{
	module_put(tcpcrypt_ulp_user.owner);
	tcpcrypt_ctx_put(ctx);
}

/**
 * tcpcrypt_ctx_place() - put a context on a socket that TCP_ULP takes
 * @sk:  the socket, whose sk_prot and icsk_af_ops are base tables
 * @ctx: the context
 *
 * All but icsk_ulp_ops.
 *
 * Context: the socket's lock; preemption may be off.
 */
void tcpcrypt_ctx_place(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	ctx->sk = sk;
	ctx->af = inet_csk(sk)->icsk_af_ops;
	ctx->prot = sk->sk_prot;
	ctx->active = true;
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, ctx);
	WRITE_ONCE(sk->sk_prot, tcpcrypt_prot_ours(ctx->prot));
}

/**
 * tcpcrypt_ctx_return() - undo tcpcrypt_ctx_lift(): the socket listens no more
 * @sk:  the socket
 * @ctx: the context
 *
 * Context: the socket's lock; preemption may be off.
 */
void tcpcrypt_ctx_return(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	if (inet_csk(sk)->icsk_ulp_ops || !tcpcrypt_prot_ours(sk->sk_prot)) {
		tcpcrypt_ctx_drop(ctx);
		return;
	}
	tcpcrypt_ctx_place(sk, ctx);
	WRITE_ONCE(inet_csk(sk)->icsk_ulp_ops, &tcpcrypt_ulp_user);
}

/**
 * tcpcrypt_ctx_reset() - a socket taken by TCP_ULP was disconnected
 * @sk:  the socket, in TCP_CLOSE
 * @ctx: its context
 *
 * It stays taken: what was set on it holds for the next connect() too.
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_ctx_reset(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	restore_af(sk);
	unwrap(sk, ctx);
	shrink_header(sk, ctx);
	tcpcrypt_tx_purge(sk, ctx);
	tcpcrypt_rx_purge(sk, ctx);
	tcpcrypt_stamp_purge(sk, ctx);
	tcpcrypt_handshake_over(ctx);
	tcpcrypt_disarm(ctx);
	tcpcrypt_ctx_wipe(ctx);
	memzero_explicit(&ctx->rekey, sizeof(ctx->rekey));
	memzero_explicit(ctx->sess_id, sizeof(ctx->sess_id));
	memset(&ctx->neg, 0, sizeof(ctx->neg));
	memset(&ctx->tx, 0, sizeof(ctx->tx));
	memset(&ctx->rx, 0, sizeof(ctx->rx));
	__skb_queue_head_init(&ctx->tx.pending);
	__skb_queue_head_init(&ctx->rx.raw);
	__skb_queue_head_init(&ctx->rx.plain);
	put_tep(ctx);
	ctx->has_cached = false;
	ctx->aead = 0;
	ctx->err = 0;
	ctx->eno_ack = false;
	ctx->shut_rd = false;
	ctx->shut_wr = false;
	/* the one way back: from any state, and only in TCP_CLOSE */
	WRITE_ONCE(ctx->state, TCPCRYPT_TAKEN);
}

/**
 * tcpcrypt_sock_init() - what connections need before the first one comes
 *
 * Return: 0 or a negative errno.
 */
int tcpcrypt_sock_init(void)
{
	int err;

	ctxs = KMEM_CACHE(tcpcrypt_ctx, SLAB_ACCOUNT);
	if (!ctxs)
		return -ENOMEM;
	err = -ENOMEM;
	tcpcrypt_wq = alloc_workqueue("tcpcrypt", WQ_UNBOUND | WQ_HIGHPRI |
				      WQ_MEM_RECLAIM, 0);
	if (!tcpcrypt_wq)
		goto free_cache;
	err = tcpcrypt_close_init();
	if (err)
		goto free_wq;
	return 0;

free_wq:
	destroy_workqueue(tcpcrypt_wq);
free_cache:
	kmem_cache_destroy(ctxs);
	return err;
}

/** tcpcrypt_sock_exit() - undo tcpcrypt_sock_init(); no connection is left */
void tcpcrypt_sock_exit(void)
{
	tcpcrypt_close_exit();
	tcpcrypt_rest_exit();
	tcpcrypt_scratch_exit();
	rcu_barrier();
	destroy_workqueue(tcpcrypt_wq);
	kmem_cache_destroy(ctxs);
}
