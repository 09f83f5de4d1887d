/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one place that knows kernel versions. Sources use the newest kernel's
 * API where a shim can bridge; each shim names the upstream commit or the
 * release that made the difference.
 */
#ifndef _TCPCRYPT_COMPAT_H
#define _TCPCRYPT_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "tcpcrypt needs Linux 6.1 or newer"
#endif

/*
 * syn_recv_sock() has a last argument opt_child_init in 6.1 stable and in
 * 7.x ("mptcp: fix NULL-deref on own_req" backports), but not in between.
 * TCPCRYPT_OCI comes from Kbuild, which tries to compile it.
 */
#ifdef TCPCRYPT_OCI
#define TCPCRYPT_OCI_DECL(last)						\
	last, void (*opt_child_init)(struct sock *newsk, const struct sock *sk)
#define TCPCRYPT_OCI_ARG(last)	last, opt_child_init
#else
#define TCPCRYPT_OCI_DECL(last)	last
#define TCPCRYPT_OCI_ARG(last)	last
#endif

/* proto.sendpage went away in 6.5 (dc97391e6610, MSG_SPLICE_PAGES). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define TCPCRYPT_HAVE_SENDPAGE 1
#endif

#include <linux/socket.h>

/* splice() and sendfile() say that the next page comes at once. */
static inline bool tcpcrypt_msg_notlast(const struct msghdr *msg)
{
#ifdef TCPCRYPT_HAVE_SENDPAGE
	return msg->msg_flags & MSG_SENDPAGE_NOTLAST;
#else
	return msg->msg_flags & MSG_SPLICE_PAGES && msg->msg_flags & MSG_MORE;
#endif
}

/* Where an application may set that flag in a call of its own, it is void. */
static inline void tcpcrypt_msg_sanitize(struct msghdr *msg)
{
#ifdef TCPCRYPT_HAVE_SENDPAGE
	msg->msg_flags &= ~MSG_SENDPAGE_NOTLAST;
#endif
}

#include <net/inet_common.h>
#include <net/tcp.h>

/* sendpage() copied, through sock->ops, where a device can't gather. */
static inline bool tcpcrypt_can_splice(const struct sock *sk)
{
#ifdef TCPCRYPT_HAVE_SENDPAGE
	return sk->sk_route_caps & NETIF_F_SG;
#else
	return true;
#endif
}

/*
 * Hand over @len bytes in pages that nobody writes to any more:
 * MSG_SPLICE_PAGES since 6.5 (270a1c3de47e), sendpage before.
 */
static inline int tcpcrypt_splice_pages(struct sock *sk, int flags,
					const struct bio_vec *vec,
					unsigned int n, u32 len)
{
#ifdef TCPCRYPT_HAVE_SENDPAGE
	int more, ret, sum = 0;
	unsigned int i;

	flags |= MSG_NO_SHARED_FRAGS;
	for (i = 0; i < n; i++) {
		more = i + 1 < n ? MSG_MORE | MSG_SENDPAGE_NOTLAST : 0;
		ret = inet_stream_ops.sendpage_locked(sk, vec[i].bv_page,
						      vec[i].bv_offset,
						      vec[i].bv_len,
						      flags | more);
		if (ret <= 0)
			return sum ? : ret;
		sum += ret;
		if (ret < vec[i].bv_len)
			break;
	}
	return sum;
#else
	struct msghdr msg = { .msg_flags = flags | MSG_SPLICE_PAGES };

	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, vec, n, len);
	return tcp_sendmsg_locked(sk, &msg, len);
#endif
}

/*
 * The lookups in the established hash lost their hashinfo argument in 6.18
 * (cb16f4b6c73d, "tcp: Don't pass hashinfo to socket lookup helpers.").
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define TCPCRYPT_HASHINFO(net, next)	(net)->ipv4.tcp_death_row.hashinfo, next
#else
#define TCPCRYPT_HASHINFO(net, next)	next
#endif

/* struct file holds its owner by a pointer since 6.12 (1934b212615d). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define tcpcrypt_file_owner(file)	(&(file)->f_owner)
#else
#define tcpcrypt_file_owner(file)	file_f_owner(file)
#endif

/* rsk_ops->send_reset() is given a reason since 6.10 (6be49deaa095). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define TCPCRYPT_RST_ARG(skb)	skb
#else
#define TCPCRYPT_RST_ARG(skb)	skb, SK_RST_REASON_NOT_SPECIFIED
#endif

/* SOF_TIMESTAMPING_OPT_RX_FILTER came with 6.12. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define TCPCRYPT_TS_RX_FILTER	0
#else
#define TCPCRYPT_TS_RX_FILTER	SOF_TIMESTAMPING_OPT_RX_FILTER
#endif

/* struct scm_timestamping_internal has ktime_t since 7.0. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
#define tcpcrypt_scm_time(time)	ktime_to_timespec64(time)
#else
#define tcpcrypt_scm_time(time)	(time)
#endif

#include <net/sock.h>

/* The memory cgroup that a socket is charged to; NULL: none. */
static inline struct mem_cgroup *tcpcrypt_memcg(const struct sock *sk)
{
#ifdef CONFIG_MEMCG
	return READ_ONCE(sk->sk_memcg);
#else
	return NULL;
#endif
}

#endif /* _TCPCRYPT_COMPAT_H */
