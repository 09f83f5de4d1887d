/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: an event for each reason for which a connection is aborted.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tcpcrypt

#if !defined(_TCPCRYPT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TCPCRYPT_TRACE_H

#include <linux/tracepoint.h>
#include <net/sock.h>

DECLARE_EVENT_CLASS(tcpcrypt_abort,
		    TP_PROTO(const struct sock *sk, int err),
		    TP_ARGS(sk, err),
		    TP_STRUCT__entry(__field(const void *, skaddr)
				     __field(unsigned int, netns)
				     __field(int, err)
				     __field(u16, sport)
				     __field(u16, dport)
				     __array(u8, saddr, 16)
				     __array(u8, daddr, 16)),
		    TP_fast_assign(__entry->skaddr = sk;
				   __entry->netns = sock_net(sk)->ns.inum;
				   __entry->err = err;
				   __entry->sport = sk->sk_num;
				   __entry->dport = ntohs(sk->sk_dport);
				   trace_addrs(sk, __entry->saddr,
					       __entry->daddr);),
		    TP_printk("skaddr=%p netns=%u saddr=%pI6c sport=%u daddr=%pI6c dport=%u err=%d",
			      __entry->skaddr, __entry->netns, __entry->saddr,
			      __entry->sport, __entry->daddr, __entry->dport,
			      __entry->err)
);

#define TCPCRYPT_ABORT_EVENT(reason)					\
	DEFINE_EVENT(tcpcrypt_abort, tcpcrypt_abort_##reason,		\
		     TP_PROTO(const struct sock *sk, int err),		\
		     TP_ARGS(sk, err))

TCPCRYPT_ABORT_EVENT(auth);
TCPCRYPT_ABORT_EVENT(protocol);
TCPCRYPT_ABORT_EVENT(truncated);
TCPCRYPT_ABORT_EVENT(timeout);
TCPCRYPT_ABORT_EVENT(keepalive);
TCPCRYPT_ABORT_EVENT(required);
TCPCRYPT_ABORT_EVENT(plaintext);
TCPCRYPT_ABORT_EVENT(nomemory);
TCPCRYPT_ABORT_EVENT(stale);
TCPCRYPT_ABORT_EVENT(foreign);
TCPCRYPT_ABORT_EVENT(local);

#endif /* _TCPCRYPT_TRACE_H */

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
