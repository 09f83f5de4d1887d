// SPDX-License-Identifier: GPL-2.0
/*
 * Why connections are aborted: the errno, the counter and the tracepoint of
 * each reason.
 */

#include <linux/errno.h>
#include <linux/kernel.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include "ctl.h"

/* IPv4 as mapped */
static void trace_addrs(const struct sock *sk, u8 *src, u8 *dst)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		memcpy(src, &sk->sk_v6_rcv_saddr, sizeof(struct in6_addr));
		memcpy(dst, &sk->sk_v6_daddr, sizeof(struct in6_addr));
		return;
	}
#endif
	ipv6_addr_set_v4mapped(sk->sk_rcv_saddr, (struct in6_addr *)src);
	ipv6_addr_set_v4mapped(sk->sk_daddr, (struct in6_addr *)dst);
}

#define CREATE_TRACE_POINTS
#include "trace.h"

/* The first one of an errno is what tcpcrypt_abort_reason() takes it for. */
static const int errnos[] = {
	[TCPCRYPT_ABORT_AUTH]		= EBADMSG,
	[TCPCRYPT_ABORT_PROTOCOL]	= EPROTO,
	[TCPCRYPT_ABORT_TRUNCATED]	= ECONNRESET,
	[TCPCRYPT_ABORT_TIMEOUT]	= ETIMEDOUT,
	[TCPCRYPT_ABORT_KEEPALIVE]	= ETIMEDOUT,
	[TCPCRYPT_ABORT_REQUIRED]	= ECONNABORTED,
	[TCPCRYPT_ABORT_PLAINTEXT]	= EPERM,
	[TCPCRYPT_ABORT_NOMEMORY]	= ENOMEM,
	[TCPCRYPT_ABORT_STALE]		= ESTALE,
	[TCPCRYPT_ABORT_FOREIGN]	= EBUSY,
	[TCPCRYPT_ABORT_LOCAL]		= EIO,
};

/**
 * tcpcrypt_abort_errno() - the errno of a reason
 * @why: the reason
 *
 * Return: errno, positive: see include/uapi/linux/tcpcrypt.h.
 */
int tcpcrypt_abort_errno(enum tcpcrypt_abort why)
{
	return errnos[why];
}

/**
 * tcpcrypt_abort_reason() - the reason that an errno stands for
 * @err: errno, positive
 *
 * What no part of the module reports on purpose, an error of a cipher for
 * one, says nothing about the peer.
 *
 * Return: the reason.
 */
enum tcpcrypt_abort tcpcrypt_abort_reason(int err)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errnos); i++)
		if (errnos[i] == err)
			return i;
	return TCPCRYPT_ABORT_LOCAL;
}

/**
 * tcpcrypt_abort_report() - count and trace an abort
 * @sk:  the socket
 * @why: the reason
 *
 * Context: any.
 */
void tcpcrypt_abort_report(const struct sock *sk, enum tcpcrypt_abort why)
{
	int err = tcpcrypt_abort_errno(why);

	tcpcrypt_count(sock_net(sk), TCPCRYPT_MIB_ABORTAUTH + why);
	switch (why) {
	case TCPCRYPT_ABORT_AUTH:
		return trace_tcpcrypt_abort_auth(sk, err);
	case TCPCRYPT_ABORT_PROTOCOL:
		return trace_tcpcrypt_abort_protocol(sk, err);
	case TCPCRYPT_ABORT_TRUNCATED:
		return trace_tcpcrypt_abort_truncated(sk, err);
	case TCPCRYPT_ABORT_TIMEOUT:
		return trace_tcpcrypt_abort_timeout(sk, err);
	case TCPCRYPT_ABORT_KEEPALIVE:
		return trace_tcpcrypt_abort_keepalive(sk, err);
	case TCPCRYPT_ABORT_REQUIRED:
		return trace_tcpcrypt_abort_required(sk, err);
	case TCPCRYPT_ABORT_PLAINTEXT:
		return trace_tcpcrypt_abort_plaintext(sk, err);
	case TCPCRYPT_ABORT_NOMEMORY:
		return trace_tcpcrypt_abort_nomemory(sk, err);
	case TCPCRYPT_ABORT_STALE:
		return trace_tcpcrypt_abort_stale(sk, err);
	case TCPCRYPT_ABORT_FOREIGN:
		return trace_tcpcrypt_abort_foreign(sk, err);
	case TCPCRYPT_ABORT_LOCAL:
		return trace_tcpcrypt_abort_local(sk, err);
	}
}
