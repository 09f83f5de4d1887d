/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The connection: what hangs on a socket, and the calls between the parts
 * that work on it.
 */
#ifndef _TCPCRYPT_SOCK_H
#define _TCPCRYPT_SOCK_H

#include <linux/net.h>
#include <linux/refcount.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/inet_connection_sock.h>
#include <net/tcp.h>
#include "../crypto/crypto.h"
#include "../eno/eno.h"
#include "../tcpcrypt/marks.h"
#include "../tcpcrypt/tcpcrypt.h"
#include "cache.h"
#include "framebuf.h"
#include "opts.h"
#include "stamp.h"
#include "state.h"
#include "tep.h"
#include <uapi/linux/tcpcrypt.h>

/**
 * DOC: locking
 *
 * A &struct tcpcrypt_ctx belongs to one socket. Its fields change only under
 * that socket's lock: either owned (process context: the overridden socket
 * calls and work_fn()), or the spinlock alone while nobody owns it
 * (softirq: sk_data_ready, sk_state_change, sk_write_space, queue_xmit,
 * sk_rx_dst_set, the children in syn_recv_sock). poll() and the diagnostics
 * read without it, by READ_ONCE().
 *
 * Ciphers and everything that sleeps are used in process context only, with
 * the lock owned. What softirq finds to do it hands to work_fn().
 * work_fn() is never queued for a child that has not been accepted
 * (no sk_socket): inet_csk_listen_stop() expects nobody to own its lock. The
 * key agreement of a child thus begins after accept(): see
 * tcpcrypt_kick_opening().
 *
 * References. The socket's ULP slot holds one reference to the ctx, queued
 * work another one and one to the socket. The ctx holds one to the module,
 * which free_fn() drops. A ctx leaves its socket in
 * tcpcrypt_ctx_detach(), either because the connection turned out to be
 * plain or was disconnected, or from tcp_cleanup_ulp() when the socket is
 * destroyed. Lockless readers are waited for by RCU.
 */

struct tcpcrypt_net;

/* Position of a queued skb's unread bytes. */
struct tcpcrypt_skb_cb {
	u32	off;
	u32	len;
	bool	own;	/* our buffer: its tail room may be filled */
};

static inline struct tcpcrypt_skb_cb *tcpcrypt_cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct tcpcrypt_skb_cb) > sizeof(skb->cb));
	return (struct tcpcrypt_skb_cb *)skb->cb;
}

/**
 * struct tcpcrypt_hs - what lives only while keys are being agreed
 * @dh:     the key agreement scheme
 * @key:    ephemeral key pair
 * @nciphers: entries of @ciphers
 * @ciphers: AEADs in order of preference, taken when the handshake began
 * @sent_len: bytes of @sent
 * @heard_len: bytes of @heard so far
 * @heard_size: room in @heard
 * @sent:   the Init message that we sent
 * @heard:  the peer's
 */
struct tcpcrypt_hs {
	const struct tcpcrypt_dh *dh;
	struct tcpcrypt_dh_key *key;
	u8	nciphers;
	u16	ciphers[TCPCRYPT_AEADS_MAX];
	u16	sent_len;
	u16	heard_len;
	u16	heard_size;
	u8	sent[TCPCRYPT_INIT1_SENT_MAX];
	u8	*heard;
};

/**
 * struct tcpcrypt_tx - the sending half
 * @cipher: the AEAD; at rest it has no key
 * @off:    offset in the TCP stream of the next frame (frame ID)
 * @frames: frames sealed
 * @bytes:  application bytes in them
 * @seq:    TCP sequence number after the last byte that we handed to TCP;
 *          payload past it is not ours
 * @marks:  where frames end in TCP's stream and in the application's
 * @pending: plaintext that waits for keys
 * @pending_bytes: its bytes
 * @pending_truesize: what it costs
 * @urg_end: index in the application stream after the last urgent byte, 0 if
 *          there was none
 * @open:   the frame that data can still join, not sealed
 * @open_len: application bytes in it
 * @open_full: no more go into it
 * @open_urg: it has room for an urgent field, and will have one
 * @buf:    bytes that TCP could not take yet. Sealed, so they are sent as they
 *          are.
 * @buf_off: where in @buf they begin
 * @buf_len: and end
 * @charged: what of @open and @buf is charged to the socket, bytes
 * @held_until: jiffies when a cork or MSG_MORE holds @open no longer
 * @held:   and whether that counts: nothing is in flight
 * @more:   the last call had MSG_MORE, and no acknowledgment has come since
 * @corked: TCP was asked to keep a partial segment
 * @pumping: we are handing bytes to TCP
 * @urg:    the frame in @buf has URGp: nothing delays it
 * @fin:    the FINp frame was sealed
 * @done:   the FINp frame and TCP's FIN are in the write queue
 * @wanted: an application waits for room; written without the lock, too
 */
struct tcpcrypt_tx {
	struct tcpcrypt_cipher	cipher;
	u64			off;
	u64			frames;
	u64			bytes;
	u32			seq;
	struct tcpcrypt_marks	marks;
	struct sk_buff_head	pending;
	u32			pending_bytes;
	u32			pending_truesize;
	u64			urg_end;
	struct tcpcrypt_framebuf open;
	u32			open_len;
	struct tcpcrypt_framebuf buf;
	u32			buf_off;
	u32			buf_len;
	u32			charged;
	unsigned long		held_until;
	bool			held;
	bool			more;
	bool			corked;
	bool			open_full;
	bool			open_urg;
	bool			pumping;
	bool			urg;
	bool			fin;
	bool			done;
	bool			wanted;
};

/**
 * struct tcpcrypt_rx - the receiving half
 * @cipher: the AEAD; at rest it has no key
 * @off:    offset in the TCP stream of the first byte of @raw
 * @frames: frames decrypted
 * @bytes:  application bytes in them
 * @raw:    bytes of the TCP stream from @off on
 * @raw_bytes: its bytes
 * @raw_truesize: what it costs
 * @scan:   where in the framing the end of @raw stands
 * @complete: whole frames in @raw
 * @tiny:   those of them that work_fn() decrypts, see tcpcrypt_rx_tiny()
 * @whole:  and the others; poll() reads it
 * @news:   work_fn() shall tell that there is data: frames in @tiny had some
 * @eaten:  bytes left its queues since tcpcrypt_rx_was_read()
 * @inq:    application bytes in the whole frames of @raw
 * @plain:  decrypted data that the application has not read
 * @plain_bytes: its bytes
 * @plain_truesize: what it costs
 * @charged: part of the above that stands in sk_rmem_alloc
 * @fin:    the peer's FINp frame was received and authentic
 * @tcp_fin: TCP's FIN was received
 * @broken: a header that cannot be true follows the whole frames of @raw
 * @unread: close() found unread data, see tcpcrypt_rx_unread()
 * @refuse: the application has shut down both directions: data that comes
 *         from now on resets the connection, as TCP's in FIN_WAIT1 and 2
 * @refused: such data has come
 * @urg_look: work_fn() must look for urgent data
 * @urg_old: whole frames in @raw that were there when the application last
 *          read anything
 * @urg_data: as tcp_sock's: TCP_URG_*, the urgent byte
 * @urg_seq: index of the urgent byte in the application stream, modulo 2^32
 */
struct tcpcrypt_rx {
	struct tcpcrypt_cipher	cipher;
	u64			off;
	u64			frames;
	u64			bytes;
	struct sk_buff_head	raw;
	u32			raw_bytes;
	u32			raw_truesize;
	struct tcpcrypt_scan	scan;
	u32			complete;
	u32			tiny;
	u32			whole;
	bool			news;
	bool			eaten;
	u32			inq;
	struct sk_buff_head	plain;
	u32			plain_bytes;
	u32			plain_truesize;
	u32			charged;
	bool			fin;
	bool			tcp_fin;
	bool			broken;
	bool			unread;
	bool			refuse;
	bool			refused;
	bool			urg_look;
	u16			urg_data;
	u32			urg_seq;
	u32			urg_old;
};

/**
 * struct tcpcrypt_rekey - rekeying, RFC 8548 section 3.8
 * @gen:   generations of keys
 * @tx_mk: mk[gen.local]
 * @rx_mk: mk[gen.remote]; with @ahead that of the next generation
 * @ahead: the frame at the head of ->rx.raw has rekey = 1, and ->rx.cipher
 *         its key, but it was not decrypted yet
 * @since: jiffies when the keys of gen.local were made
 */
struct tcpcrypt_rekey {
	struct tcpcrypt_gen	gen;
	u8			tx_mk[TCPCRYPT_K_LEN];
	u8			rx_mk[TCPCRYPT_K_LEN];
	bool			ahead;
	unsigned long		since;
};

/**
 * struct tcpcrypt_alive - keep-alive, RFC 8548 section 3.9
 * @heard:  jiffies when the last authentic frame was decrypted
 * @probes: intervals since then that began with an unanswered probe
 * @seq:    where in TCP's sequence space our last frame with rekey = 1 began
 */
struct tcpcrypt_alive {
	unsigned long		heard;
	u32			probes;
	u32			seq;
};

/**
 * struct tcpcrypt_ctx - a socket in the module's hands
 *
 * Immutable after attach: @sk, @af, @prot, @net, @active. Protected by the socket
 * lock: all else, see DOC: locking.
 *
 * @sk:      the socket
 * @refs:    references: the ULP slot, queued work
 * @rcu:     frees the ctx after a grace period
 * @free_work: or has a work item do it
 * @work:    work_fn()
 * @timer:   timer_fn(): handshake, then keep-alive, then close()
 * @expires: jiffies when it does
 * @af:      the base af_ops
 * @prot:    the base proto
 * @net:     the namespace, if the socket itself does not hold it: a kernel
 *           user's, which may outlive that as ours
 * @data_ready: saved sk_data_ready
 * @state_change: saved sk_state_change
 * @write_space: saved sk_write_space
 * @active:  active opener
 * @wrapped: the sk_* callbacks are ours
 * @swapped: sock->ops is ours
 * @opts:    what was set on this socket
 * @listener: what listen() keeps @opts in; sockets taken by TCP_ULP alone
 * @state:   enum tcpcrypt_state
 * @err:     errno of the abort, positive, sticky
 * @eno_off: no ENO option leaves any more on this connection
 * @eno_lost: since SYNs with one got no answer
 * @eno_ack: bare ENO options go on our segments
 * @grown:   icsk_ext_hdr_len was raised by 4 for them
 * @isn:     our sequence number after the SYN
 * @irs:     the peer's
 * @sent:    the ENO option of our SYN segment
 * @crossed: what the peer of a simultaneous open has said; under @crossed_lock
 * @crossed_lock: taken inside the socket's lock, or without it
 * @neg:     outcome of the negotiation
 * @counted: in net.tcpcrypt.max_handshakes
 * @deferred: work that the owner of the socket's lock was in the way of, a
 *           bit each: work_fn(), timer_fn()
 * @due:     tcpcrypt_keys_now() or work_fn() is to begin the key agreement
 * @epoch:   in which its keys are made, see tcpcrypt_stale()
 * @visited: the last epoch whose beginning was brought home to it
 * @tep:     the negotiated TEP; NULL if there is none, or TCP_ENO_RAW's
 * @ticket:  the session secret that was proposed or agreed upon
 * @cached:  what the secret that this connection produced is cached under
 * @has_cached: and whether it was
 * @hs:      the handshake, while it lasts
 * @aead:    AEAD algorithm
 * @key_a:   this host encrypts with k_ab
 * @pingpong: TCP_QUICKACK as it was before the handshake
 * @sess_id: session ID
 * @tx:      the sending half
 * @rx:      the receiving half
 * @busy:    in the list of those whose ciphers may come to rest: rest.c
 * @rekey:   generations of their keys
 * @alive:   is the peer there?
 * @stamps:  transmit timestamps; under sk_error_queue's lock
 * @shut_rd: the application asked for SHUT_RD
 * @shut_wr: and for SHUT_WR
 * @closing: close() was called, the socket is parked
 * @closed:  and is now being closed for real
 * @close_una: snd_una when the timer of a parked socket was started
 */
struct tcpcrypt_ctx {
	struct sock		*sk;
	refcount_t		refs;
	union {
		struct rcu_head		rcu;
		struct work_struct	free_work;
	};
	struct delayed_work	work;
	struct delayed_work	timer;
	unsigned long		expires;

	const struct inet_connection_sock_af_ops *af;
	struct proto		*prot;
	struct net		*net;
	void			(*data_ready)(struct sock *sk);
	void			(*state_change)(struct sock *sk);
	void			(*write_space)(struct sock *sk);
	bool			wrapped;
	bool			swapped;
	bool			active;
	struct tcpcrypt_opts	opts;
	struct tcpcrypt_listener *listener;

	enum tcpcrypt_state	state;
	int			err;

	bool			eno_off;
	bool			eno_lost;
	bool			eno_ack;
	bool			grown;
	u32			isn;
	u32			irs;
	struct eno_option	sent;
	struct eno_crossed	crossed;
	spinlock_t		crossed_lock;	/* of @crossed */
	struct eno_result	neg;
	bool			counted;
	u8			deferred;
	bool			due;

	u32			epoch;
	u32			visited;
	const struct tcpcrypt_tep *tep;
	struct tcpcrypt_ticket	*ticket;
	u8			cached[TCPCRYPT_HALF_LEN];
	bool			has_cached;
	struct tcpcrypt_hs	*hs;
	u16			aead;
	bool			key_a;
	u8			pingpong;
	u8			sess_id[TCPCRYPT_SESSID_LEN];
	struct tcpcrypt_tx	tx;
	struct tcpcrypt_rx	rx;
	struct list_head	busy;
	struct tcpcrypt_rekey	rekey;
	struct tcpcrypt_alive	alive;
	struct tcpcrypt_stamps	stamps;

	bool			shut_rd;
	bool			shut_wr;
	bool			closing;
	bool			closed;
	u32			close_una;
};

extern struct tcp_ulp_ops tcpcrypt_ulp;
extern struct tcp_ulp_ops tcpcrypt_ulp_user;
extern struct workqueue_struct *tcpcrypt_wq;

/**
 * tcpcrypt_ctx() - the ctx of a socket
 * @sk: a TCP socket
 *
 * Context: the socket's lock, or an RCU read-side critical section.
 * Return: the ctx, or NULL if the socket is not ours.
 */
static inline struct tcpcrypt_ctx *tcpcrypt_ctx(const struct sock *sk)
{
	const struct inet_connection_sock *icsk = inet_csk(sk);
	const struct tcp_ulp_ops *ulp = READ_ONCE(icsk->icsk_ulp_ops);
	struct tcpcrypt_ctx *ctx;

	if (ulp != &tcpcrypt_ulp && ulp != &tcpcrypt_ulp_user)
		return NULL;
	ctx = rcu_dereference_raw(icsk->icsk_ulp_data);
	/* a lockless reader: the slot may be another ULP's by now */
	smp_rmb();
	return READ_ONCE(icsk->icsk_ulp_ops) == ulp ? ctx : NULL;
}

/* connect() fails for want of ENO, and tcp_abort() has not run yet. */
static inline bool tcpcrypt_refusing(const struct sock *sk,
				     const struct tcpcrypt_ctx *ctx)
{
	return READ_ONCE(ctx->state) == TCPCRYPT_FAILED &&
	       !ctx->neg.transcript_len &&
	       inet_sk_state_load(sk) != TCP_CLOSE;
}

/* The peer's address, IPv4 as mapped. */
static inline void tcpcrypt_peer_addr(const struct sock *sk,
				      struct in6_addr *addr)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		*addr = sk->sk_v6_daddr;
		return;
	}
#endif
	ipv6_addr_set_v4mapped(sk->sk_daddr, addr);
}

/* Abort instead of plaintext? */
static inline bool tcpcrypt_required(const struct tcpcrypt_ctx *ctx)
{
	return ctx->opts.enabled == TCP_ENO_REQUIRED;
}

/*
 * Index in the application stream, modulo 2^32, of the byte that is read
 * next: what tp->copied_seq is to plain TCP.
 */
static inline u32 tcpcrypt_rx_next(const struct tcpcrypt_rx *rx)
{
	u32 bytes = READ_ONCE(rx->bytes);

	/* pairs with smp_wmb() in accept_plain() */
	smp_rmb();
	return bytes - READ_ONCE(rx->plain_bytes);
}

/* Is the window too small for a segment of the peer's? */
static inline bool tcpcrypt_rx_shut(const struct sock *sk)
{
	return tcp_receive_window(tcp_sk(sk)) <=
	       inet_csk(sk)->icsk_ack.rcv_mss;
}

/* Keys are being agreed or were: nothing but our bytes may flow. */
static inline bool tcpcrypt_encrypted(const struct tcpcrypt_ctx *ctx)
{
	return READ_ONCE(ctx->state) >= TCPCRYPT_KEYING;
}

/* ctx.c */
int tcpcrypt_sock_init(void);
void tcpcrypt_sock_exit(void);
struct tcpcrypt_ctx *tcpcrypt_ctx_new(gfp_t gfp);
void tcpcrypt_ctx_put(struct tcpcrypt_ctx *ctx);
void tcpcrypt_ctx_attach(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_ctx_strip(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_ctx_detach(struct sock *sk);
void tcpcrypt_ctx_lift(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_ctx_drop(struct tcpcrypt_ctx *ctx);
void tcpcrypt_ctx_return(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_ctx_place(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_ctx_connect(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_ctx_unconnect(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_ctx_refuse(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_ctx_plain(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_ctx_wrap(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_ctx_encrypt(struct sock *sk, struct tcpcrypt_ctx *ctx);
bool tcpcrypt_ctx_usurped(const struct sock *sk,
			  const struct tcpcrypt_ctx *ctx);
void tcpcrypt_ctx_reset(struct sock *sk, struct tcpcrypt_ctx *ctx);
bool tcpcrypt_ctx_negotiated(struct tcpcrypt_ctx *ctx);
void tcpcrypt_ctx_wipe(struct tcpcrypt_ctx *ctx);
void tcpcrypt_eno_done(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_set_state(struct tcpcrypt_ctx *ctx, enum tcpcrypt_state state);

/* work.c */
void tcpcrypt_work_init(struct tcpcrypt_ctx *ctx);
void tcpcrypt_kick(struct tcpcrypt_ctx *ctx);
void tcpcrypt_kick_opening(struct tcpcrypt_ctx *ctx);
void tcpcrypt_keys_now(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_wake(const struct sock *sk);
void tcpcrypt_catch_up(struct tcpcrypt_ctx *ctx);
void tcpcrypt_later(struct tcpcrypt_ctx *ctx, unsigned long delay);
void tcpcrypt_retry(struct tcpcrypt_ctx *ctx);
void tcpcrypt_arm(struct tcpcrypt_ctx *ctx, unsigned long delay);
void tcpcrypt_disarm(struct tcpcrypt_ctx *ctx);
void tcpcrypt_fail(struct tcpcrypt_ctx *ctx, int err);

/* ulp.c */
int tcpcrypt_ulp_init(void);
void tcpcrypt_ulp_exit(void);

/**
 * struct tcpcrypt_secret - what a TEP has agreed upon
 * @ss:      session secret ss[i]
 * @sn:      session nonce sn[i], RFC 8548 section 3.5; empty if i is 0
 * @sn_len:  its length in bytes
 * @host_a:  this host encrypts with k_ab: it played role A when ss[0] was made
 * @resumed: i is not 0
 * @aead:    AEAD algorithm
 */
struct tcpcrypt_secret {
	u8	ss[TCPCRYPT_K_LEN];
	u8	sn[TCPCRYPT_SN_MAX];
	u8	sn_len;
	bool	host_a;
	bool	resumed;
	u16	aead;
};

/* establish.c */
int tcpcrypt_establish(struct sock *sk, struct tcpcrypt_ctx *ctx,
		       const struct tcpcrypt_secret *s);

/* stale.c */
u32 tcpcrypt_epoch(void);
bool tcpcrypt_stale(u32 made);
int tcpcrypt_stale_init(void);
void tcpcrypt_stale_exit(void);

/* resume.c */
bool tcpcrypt_resume_propose(struct sock *sk, struct tcpcrypt_ctx *ctx,
			     struct eno_config *cfg);
void tcpcrypt_resume_return(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_resume_expect(const struct tcpcrypt_ctx *ctx,
			    struct eno_config *cfg);
u32 tcpcrypt_resume_owner(u32 req_addr, __be16 port, u32 isn);
const u8 *tcpcrypt_resume_answer(struct net *net,
				 const struct tcpcrypt_opts *opts,
				 const struct eno_option *syn, u32 owner,
				 struct eno_config *cfg);
int tcpcrypt_resume_claim(struct sock *sk, struct tcpcrypt_ctx *ctx,
			  u32 owner);
int tcpcrypt_resume(struct sock *sk, struct tcpcrypt_ctx *ctx,
		    struct tcpcrypt_secret *s);
void tcpcrypt_resume_cache(struct sock *sk, struct tcpcrypt_ctx *ctx,
			   const struct tcpcrypt_secret *s,
			   const struct tcpcrypt_mac *mac);
void tcpcrypt_resume_forget(struct sock *sk, struct tcpcrypt_ctx *ctx);

/* handshake.c */
int tcpcrypt_teps_init(void);
void tcpcrypt_teps_exit(void);
void tcpcrypt_hs_free(struct tcpcrypt_ctx *ctx);

/* halfopen.c */
int tcpcrypt_handshakes_default(void);
bool tcpcrypt_handshakes_full(const struct net *net);
void tcpcrypt_handshake_begins(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_handshake_over(struct tcpcrypt_ctx *ctx);

/* rest.c */
void tcpcrypt_rest_later(struct tcpcrypt_ctx *ctx);
void tcpcrypt_rest_never(struct tcpcrypt_ctx *ctx);
void tcpcrypt_rest_exit(void);

/* rekey.c */
void tcpcrypt_rekey_start(struct tcpcrypt_ctx *ctx, const u8 *mk);
void tcpcrypt_rekey_end(struct tcpcrypt_ctx *ctx, bool tx, bool rx);
int tcpcrypt_rekey_seal(struct sock *sk, struct tcpcrypt_ctx *ctx, u32 len);
void tcpcrypt_rekey_sealed(struct sock *sk, struct tcpcrypt_ctx *ctx, u32 len);
int tcpcrypt_rekey_open(struct tcpcrypt_ctx *ctx, bool next);
void tcpcrypt_rekey_opened(struct sock *sk, struct tcpcrypt_ctx *ctx);
bool tcpcrypt_rekey_owes(const struct tcpcrypt_ctx *ctx);
int tcpcrypt_rekey_ask(struct sock *sk, struct tcpcrypt_ctx *ctx);

/* alive.c */
void tcpcrypt_alive_set(struct sock *sk, struct tcpcrypt_ctx *ctx, bool on);
int tcpcrypt_alive_idle(struct sock *sk, struct tcpcrypt_ctx *ctx,
			sockptr_t optval, unsigned int optlen);
void tcpcrypt_alive_end(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_alive_heard(struct tcpcrypt_ctx *ctx);
void tcpcrypt_alive_expired(struct sock *sk, struct tcpcrypt_ctx *ctx);

/* send.c */
int tcpcrypt_send(struct sock *sk, struct msghdr *msg, size_t size);
int tcpcrypt_sendmsg(struct sock *sk, struct msghdr *msg, size_t size);

/* tx.c */
int tcpcrypt_tx_raw(struct sock *sk, struct tcpcrypt_ctx *ctx,
		    const u8 *data, u32 len);
int tcpcrypt_tx_flush(struct sock *sk, struct tcpcrypt_ctx *ctx);
int tcpcrypt_tx_uncork(struct sock *sk, struct tcpcrypt_ctx *ctx);
int tcpcrypt_tx_finish(struct sock *sk, struct tcpcrypt_ctx *ctx);
bool tcpcrypt_tx_waiting(const struct tcpcrypt_ctx *ctx);
bool tcpcrypt_tx_stuck(const struct tcpcrypt_ctx *ctx);
void tcpcrypt_tx_purge(struct sock *sk, struct tcpcrypt_ctx *ctx);

/* room.c */
void tcpcrypt_tx_acked(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_tx_leaves(struct sock *sk, struct tcpcrypt_ctx *ctx, u32 end,
			u32 len);
bool tcpcrypt_tx_writeable(const struct sock *sk,
			   const struct tcpcrypt_ctx *ctx);
u32 tcpcrypt_tx_outq(const struct tcpcrypt_ctx *ctx, u32 seq);
void tcpcrypt_tx_want(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_tx_tell(struct sock *sk, struct tcpcrypt_ctx *ctx);

/* rx.c */
void tcpcrypt_rx_pull(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_rx_start(struct sock *sk, struct tcpcrypt_ctx *ctx);
u32 tcpcrypt_rx_take(struct sock *sk, struct tcpcrypt_ctx *ctx, u8 *buf,
		     u32 len);
void tcpcrypt_rx_eat_plain(struct sock *sk, struct tcpcrypt_ctx *ctx, u32 len);
bool tcpcrypt_rx_readable(const struct sock *sk,
			  const struct tcpcrypt_ctx *ctx, u32 target);
u32 tcpcrypt_rx_inq(const struct tcpcrypt_ctx *ctx);
void tcpcrypt_rx_hide(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_rx_unread(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_rx_purge(struct sock *sk, struct tcpcrypt_ctx *ctx);

/* window.c */
void tcpcrypt_rx_window(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_rx_was_read(struct sock *sk, struct tcpcrypt_ctx *ctx);

/* decrypt.c */
int tcpcrypt_rx_decrypt(struct sock *sk, struct tcpcrypt_ctx *ctx);
int tcpcrypt_rx_read(struct sock *sk, struct tcpcrypt_ctx *ctx,
		     struct msghdr *msg, struct tcpcrypt_seen *seen,
		     size_t len);
int tcpcrypt_rx_settle(struct sock *sk, struct tcpcrypt_ctx *ctx);

/* recv.c */
int tcpcrypt_recvmsg(struct sock *sk, struct msghdr *msg, size_t len,
		     int flags, int *addr_len);
ssize_t tcpcrypt_splice_read(struct socket *sock, loff_t *ppos,
			     struct pipe_inode_info *pipe, size_t len,
			     unsigned int flags);
int tcpcrypt_set_rcvlowat(struct sock *sk, int val);
void tcpcrypt_rcvlowat(struct sock *sk, const struct tcpcrypt_rx *rx);
int tcpcrypt_wait_decided(struct sock *sk, struct tcpcrypt_ctx *ctx,
			  long *timeo, bool write);

/* urgent.c */
bool tcpcrypt_urgent_owned(const struct sock *sk);
void tcpcrypt_urgent_frame(struct sock *sk, struct tcpcrypt_ctx *ctx,
			   const struct sk_buff *skb,
			   const struct tcpcrypt_plain *plain);
int tcpcrypt_urgent_look(struct sock *sk, struct tcpcrypt_ctx *ctx);
u32 tcpcrypt_urgent_room(const struct sock *sk, const struct tcpcrypt_rx *rx,
			 u32 at, u32 len);
void tcpcrypt_urgent_passed(struct tcpcrypt_rx *rx);
int tcpcrypt_urgent_recv(struct sock *sk, struct tcpcrypt_ctx *ctx,
			 struct msghdr *msg, size_t len, int flags);
bool tcpcrypt_urgent_at_mark(const struct tcpcrypt_rx *rx);
u32 tcpcrypt_urgent_inq(const struct sock *sk, const struct tcpcrypt_ctx *ctx);
void tcpcrypt_urgent_poll(struct sock *sk);

/* broken.c */
int tcpcrypt_broken_init(struct tcpcrypt_net *tn);
void tcpcrypt_broken_exit(struct tcpcrypt_net *tn);
void tcpcrypt_broken_flush(struct tcpcrypt_net *tn);
void tcpcrypt_broken_note(const struct sock *sk);
void tcpcrypt_broken_died(const struct sock *sk,
			  const struct tcpcrypt_ctx *ctx, int err);
bool tcpcrypt_is_broken(const struct sock *sk);

/* close.c */
int tcpcrypt_close_init(void);
void tcpcrypt_close_exit(void);
void tcpcrypt_close(struct sock *sk, long timeout);
void tcpcrypt_shutdown(struct sock *sk, int how);
int tcpcrypt_disconnect(struct sock *sk, int flags);
bool tcpcrypt_closer(struct sock *sk, struct tcpcrypt_ctx *ctx, bool expired);

/* sockopt.c */
int tcpcrypt_setsockopt(struct sock *sk, int level, int optname,
			sockptr_t optval, unsigned int optlen);
int tcpcrypt_getsockopt(struct sock *sk, int level, int optname,
			char __user *optval, int __user *optlen);

/* proto.c */
void tcpcrypt_enter(void);
void tcpcrypt_leave(void);
bool tcpcrypt_hold(void);
void tcpcrypt_unhold(bool held);
void tcpcrypt_wait_calls(void);
void tcpcrypt_build_proto(struct proto *prot, const struct proto *base);
void tcpcrypt_build_ops(struct proto_ops *ops, const struct proto_ops *base);
void tcpcrypt_swap_ops(struct sock *sk);

#endif /* _TCPCRYPT_SOCK_H */
