/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every entry from the TCP stack.
 */
#ifndef _TCPCRYPT_HOOK_H
#define _TCPCRYPT_HOOK_H

#include <net/inet_connection_sock.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../eno/eno.h"

struct tcpcrypt_ctx;
struct tcpcrypt_listener;
struct tcpcrypt_opts;

/* Indices of the base tables. */
enum {
	TCPCRYPT_V4,
	TCPCRYPT_V6,
	TCPCRYPT_MAPPED,	/* IPv4 on an IPv6 socket: af_ops alone */
	TCPCRYPT_TABLES,
};

/**
 * struct tcpcrypt_table - the stack's tables of one kind, and our copies
 * @af:       the stack's af_ops
 * @prot:     its proto
 * @ops:      its proto_ops
 * @our_af:   our copy of @af
 * @our_prot: our copy of @prot
 * @our_ops:  our copy of @ops
 *
 * Immutable after init, but for TCPCRYPT_MAPPED, which is learned when the
 * first such socket comes and published with release/acquire.
 */
struct tcpcrypt_table {
	const struct inet_connection_sock_af_ops *af;
	struct proto				*prot;
	const struct proto_ops			*ops;
	struct inet_connection_sock_af_ops	our_af;
	struct proto				our_prot;
	struct proto_ops			our_ops;
};

/* table.c */
int tcpcrypt_tables_init(void);
bool tcpcrypt_is_stock(const struct sock *sk);
bool tcpcrypt_allocates_stock(const struct sock *sk);
const struct inet_connection_sock_af_ops *
tcpcrypt_af_ours(const struct inet_connection_sock_af_ops *base);
const struct inet_connection_sock_af_ops *
tcpcrypt_af_base(const struct sock *sk);
bool tcpcrypt_af_is_ours(const struct inet_connection_sock_af_ops *af);
struct proto *tcpcrypt_prot_ours(const struct proto *base);
struct proto *tcpcrypt_prot_base(const struct sock *sk);
const struct proto_ops *tcpcrypt_ops_ours(const struct proto_ops *base);
const struct proto_ops *tcpcrypt_ops_base(const struct proto_ops *ops);

/* insert.c */
unsigned int tcpcrypt_option_room(const struct sk_buff *skb, unsigned int net);
int tcpcrypt_insert_option(struct sk_buff *skb, unsigned int net,
			   const u8 *opt, unsigned int len, bool pack);
void tcpcrypt_blank_cookie(struct tcphdr *th);
bool tcpcrypt_has_auth_option(const struct tcphdr *th);

/* active.c */
int tcpcrypt_queue_xmit(struct sock *sk, struct sk_buff *skb,
			struct flowi *fl);
void tcpcrypt_rx_dst_set(struct sock *sk, const struct sk_buff *skb);

void tcpcrypt_crossed_done(struct sock *sk);

/* crossed.c */
bool tcpcrypt_crossed_concerns(const struct tcpcrypt_ctx *ctx,
			       const struct tcphdr *th);
void tcpcrypt_crossed_hear(const struct sock *sk, struct tcpcrypt_ctx *ctx,
			   const struct tcphdr *th);
bool tcpcrypt_crossed_judge(const struct sock *sk, struct tcpcrypt_ctx *ctx,
			    struct eno_result *res);
void tcpcrypt_crossed_reset(struct tcpcrypt_ctx *ctx);

/* passive.c */
int tcpcrypt_conn_request(struct sock *sk, struct sk_buff *skb);
struct sock *tcpcrypt_syn_recv_sock(const struct sock *sk, struct sk_buff *skb,
				    struct request_sock *req,
				    struct dst_entry *dst,
				    struct request_sock *req_unhash,
				    TCPCRYPT_OCI_DECL(bool *own_req));
bool tcpcrypt_request_undecided(const struct request_sock *req);
bool tcpcrypt_request_encrypts(const struct request_sock *req);
void tcpcrypt_request_hear(struct request_sock *req, const struct tcphdr *th);
int tcpcrypt_passive_init(struct net *net);
void tcpcrypt_passive_exit(struct net *net);

/* local_in.c */
int tcpcrypt_local_in_init(struct net *net);
void tcpcrypt_local_in_exit(struct net *net);
void tcpcrypt_opening(const struct net *net);

/* attach.c */
int tcpcrypt_attach_init(void);
void tcpcrypt_attach_exit(void);
bool tcpcrypt_ineligible(const struct sock *sk);
bool tcpcrypt_is_kernel_socket(const struct sock *sk);

/* listener.c */
struct tcpcrypt_listener *tcpcrypt_listener_new(void);
bool tcpcrypt_listener_attach(struct sock *sk, struct tcpcrypt_ctx *ctx);
void tcpcrypt_listener_detach(struct sock *sk);
void tcpcrypt_listeners(bool attach);
bool tcpcrypt_listeners_left(void);
int tcpcrypt_listener_enabled(const struct sock *sk);
void tcpcrypt_listener_opts(const struct sock *sk, struct tcpcrypt_opts *opts);

#endif /* _TCPCRYPT_HOOK_H */
