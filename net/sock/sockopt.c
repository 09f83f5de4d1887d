// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options: include/uapi/linux/tcpcrypt.h is the contract.
 */

#include <linux/sockptr.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../hook/hook.h"
#include "sock.h"

static bool is_ours(int level, int optname)
{
	return level == SOL_TCP &&
	       ((optname >= TCP_ENO_ENABLED && optname <= TCP_ENO_TRANSCRIPT) ||
		(optname >= TCP_CRYPT_AEADS && optname <= TCP_CRYPT_EXPORT));
}

/* Options of the stack that would break an encrypted stream. */
static bool is_refused(int level, int optname)
{
	if (level != SOL_TCP)
		return false;
	switch (optname) {
	case TCP_REPAIR:
	case TCP_MD5SIG:
	case TCP_MD5SIG_EXT:
	case TCP_ZEROCOPY_RECEIVE:
#ifdef TCP_AO_ADD_KEY
	case TCP_AO_ADD_KEY:
	case TCP_AO_INFO:
	case TCP_AO_REPAIR:
#endif
		return true;
	}
	return false;
}

static bool is_keepidle(int level, int optname)
{
	return level == SOL_TCP && optname == TCP_KEEPIDLE;
}

/* Set, they let go of data that waits to fill a segment. */
static bool is_push(int level, int optname)
{
	return level == SOL_TCP &&
	       (optname == TCP_NODELAY || optname == TCP_CORK);
}

static void uncork(struct sock *sk)
{
	struct tcpcrypt_ctx *ctx;
	int err = 0;

	lock_sock(sk);
	ctx = tcpcrypt_ctx(sk);
	if (ctx && ctx->state == TCPCRYPT_OPEN)
		err = tcpcrypt_tx_uncork(sk, ctx);
	if (err)
		tcpcrypt_fail(ctx, -err);
	release_sock(sk);
}

/* Why an option that needs encryption has no value, or 0. */
static int why_not(const struct tcpcrypt_ctx *ctx)
{
	switch (ctx->state) {
	case TCPCRYPT_TAKEN:
	case TCPCRYPT_SYN_SENT:
		return -ENOTCONN;
	case TCPCRYPT_PLAIN:
		/* TCP_ENO_RAW: negotiated all the same */
		return ctx->neg.transcript_len ? 0 : -EOPNOTSUPP;
	case TCPCRYPT_KEYING:
	case TCPCRYPT_OPEN:
		return 0;
	case TCPCRYPT_FAILED:
		return ctx->neg.transcript_len ? 0 : -ENOTCONN;
	}
	return -ENOTCONN;
}

static int write_option(struct sock *sk, struct tcpcrypt_ctx *ctx, int optname,
			sockptr_t optval, unsigned int optlen)
{
	struct tcpcrypt_opts opts;
	int err;

	if (tcpcrypt_opts_has(optname)) {
		opts = ctx->opts;
		err = tcpcrypt_opts_set(&opts, optname, optval, optlen);
		if (!err && ctx->state != TCPCRYPT_TAKEN)
			err = -EISCONN;
		if (!err)
			ctx->opts = opts;
		return err;
	}
	switch (optname) {
	case TCP_CRYPT_CACHE_FLUSH:
		if (optlen != sizeof(int))
			return -EINVAL;
		err = why_not(ctx);
		if (!err)
			tcpcrypt_resume_forget(sk, ctx);
		return err;
	case TCP_CRYPT_REKEY:
		if (optlen != sizeof(int))
			return -EINVAL;
		return tcpcrypt_rekey_ask(sk, ctx);
	case TCP_ENO_SESSID:
	case TCP_ENO_NEGSPEC:
	case TCP_ENO_PEER_AWARE:
	case TCP_ENO_ROLE:
	case TCP_ENO_TRANSCRIPT:
	case TCP_CRYPT_INFO:
		return -ENOPROTOOPT;	/* can only be read */
	default:
		return -EOPNOTSUPP;
	}
}

/* Return: 0 or a negative errno, or 1: the stack's own must do it. */
static int write_locked(struct sock *sk, struct tcpcrypt_ctx *ctx, int level,
			int optname, sockptr_t optval, unsigned int optlen)
{
	if (is_ours(level, optname))
		return write_option(sk, ctx, optname, optval, optlen);
	if (is_keepidle(level, optname))
		return tcpcrypt_alive_idle(sk, ctx, optval, optlen);
	return tcpcrypt_encrypted(ctx) ? -EOPNOTSUPP : 1;
}

/*
 * IPV6_ADDRFORM replaces no sk_prot but TCP's own: EBUSY, before it has looked
 * at anything else.
 */
static int addrform_errno(const struct sock *sk)
{
	if (inet_sk_state_load(sk) != TCP_ESTABLISHED)
		return -ENOTCONN;
	if (ipv6_only_sock(sk) || !ipv6_addr_v4mapped(&sk->sk_v6_daddr))
		return -EADDRNOTAVAIL;
	return -EBUSY;
}

/**
 * tcpcrypt_setsockopt() - sk_prot->setsockopt of attached sockets
 * @sk:      the socket
 * @level:   protocol level
 * @optname: option
 * @optval:  its value
 * @optlen:  length of the value, bytes
 *
 * Context: process.
 * Return: 0 or a negative errno: see include/uapi/linux/tcpcrypt.h.
 */
int tcpcrypt_setsockopt(struct sock *sk, int level, int optname,
			sockptr_t optval, unsigned int optlen)
{
	struct tcpcrypt_ctx *ctx;
	int ret = 1;

	tcpcrypt_enter();
	if (is_ours(level, optname) || is_refused(level, optname) ||
	    is_keepidle(level, optname)) {
		lock_sock(sk);
		ctx = tcpcrypt_ctx(sk);
		if (ctx)
			ret = write_locked(sk, ctx, level, optname, optval,
					   optlen);
		release_sock(sk);
	}
	if (ret > 0)
		ret = tcpcrypt_prot_base(sk)->setsockopt(sk, level, optname,
							 optval, optlen);
	if (!ret && is_push(level, optname))
		uncork(sk);
	if (ret == -EBUSY && level == SOL_IPV6 && optname == IPV6_ADDRFORM)
		ret = addrform_errno(sk);
	tcpcrypt_leave();
	return ret;
}

static int get_sessid(const struct tcpcrypt_ctx *ctx, struct tcpcrypt_answer *a)
{
	if (ctx->state == TCPCRYPT_KEYING)
		return -EINPROGRESS;
	if (ctx->state == TCPCRYPT_PLAIN)
		return -EOPNOTSUPP;
	if (!ctx->sess_id[0])
		return -ENOTCONN;
	a->len = sizeof(ctx->sess_id);
	memcpy(a->bytes, ctx->sess_id, a->len);
	return 0;
}

static u8 info_state(const struct tcpcrypt_ctx *ctx)
{
	switch (ctx->state) {
	case TCPCRYPT_TAKEN:
	case TCPCRYPT_SYN_SENT:
	case TCPCRYPT_PLAIN:
		return TCP_CRYPT_NEGOTIATING;
	case TCPCRYPT_KEYING:
		return TCP_CRYPT_KEYING;
	case TCPCRYPT_OPEN:
		return TCP_CRYPT_OPEN;
	case TCPCRYPT_FAILED:
		break;
	}
	return TCP_CRYPT_FAILED;
}

static int get_info(const struct tcpcrypt_ctx *ctx, struct tcpcrypt_answer *a)
{
	struct tcp_crypt_info *info = &a->info;

	memset(info, 0, sizeof(*info));
	info->tcci_state = info_state(ctx);
	info->tcci_tep = ctx->neg.negspec;
	info->tcci_role = ctx->neg.role;
	info->tcci_aead = ctx->aead;
	info->tcci_error = ctx->err;
	info->tcci_tx_offset = ctx->tx.off;
	info->tcci_rx_offset = ctx->rx.off;
	info->tcci_tx_frames = ctx->tx.frames;
	info->tcci_rx_frames = ctx->rx.frames;
	info->tcci_tx_bytes = ctx->tx.bytes;
	info->tcci_rx_bytes = ctx->rx.bytes;
	strscpy(info->tcci_driver,
		tcpcrypt_cipher_driver(ctx->tx.cipher.aead ? &ctx->tx.cipher :
							     &ctx->rx.cipher),
		sizeof(info->tcci_driver));
	info->tcci_tx_generation = ctx->rekey.gen.local;
	info->tcci_rx_generation = ctx->rekey.gen.remote;
	a->len = sizeof(*info);
	a->truncate = true;
	return 0;
}

static int read_option(const struct tcpcrypt_ctx *ctx, int optname,
		       struct tcpcrypt_answer *a)
{
	int err = why_not(ctx);

	a->truncate = false;
	a->len = sizeof(a->val);
	if (tcpcrypt_opts_has(optname)) {
		tcpcrypt_opts_get(&ctx->opts, optname, a);
		return 0;
	}
	switch (optname) {
	case TCP_ENO_SESSID:
		return err ? : get_sessid(ctx, a);
	case TCP_ENO_NEGSPEC:
		a->val = ctx->neg.negspec;
		return err;
	case TCP_ENO_PEER_AWARE:
		a->val = ctx->neg.peer_aware;
		return err;
	case TCP_ENO_ROLE:
		a->val = ctx->neg.role == ENO_HOST_B;
		return err;
	case TCP_ENO_TRANSCRIPT:
		a->len = ctx->neg.transcript_len;
		memcpy(a->bytes, ctx->neg.transcript, a->len);
		return err;
	case TCP_CRYPT_INFO:
		/* also while connect() goes on, and after it was refused */
		if (ctx->state == TCPCRYPT_SYN_SENT ||
		    ctx->state == TCPCRYPT_FAILED)
			err = 0;
		if (ctx->state == TCPCRYPT_PLAIN)
			err = -EOPNOTSUPP;
		return err ? : get_info(ctx, a);
	case TCP_CRYPT_REKEY:
		return -ENOPROTOOPT;	/* can only be set */
	default:
		return -EOPNOTSUPP;
	}
}

static int put_answer(struct tcpcrypt_answer *a, char __user *optval,
		      int __user *optlen)
{
	int room;

	if (get_user(room, optlen))
		return -EFAULT;
	if (room < 0 || (room < a->len && !a->truncate))
		return -EINVAL;
	room = min(room, a->len);
	if (put_user(room, optlen) || copy_to_user(optval, a->bytes, room))
		return -EFAULT;
	return 0;
}

/**
 * tcpcrypt_getsockopt() - sk_prot->getsockopt of attached sockets
 * @sk:      the socket
 * @level:   protocol level
 * @optname: option
 * @optval:  filled
 * @optlen:  room, and then the length of the value, bytes
 *
 * Context: process.
 * Return: 0 or a negative errno: see include/uapi/linux/tcpcrypt.h.
 */
int tcpcrypt_getsockopt(struct sock *sk, int level, int optname,
			char __user *optval, int __user *optlen)
{
	struct tcpcrypt_ctx *ctx;
	struct tcpcrypt_answer a;
	int ret = 1;

	tcpcrypt_enter();
	if (is_ours(level, optname) || is_refused(level, optname)) {
		lock_sock(sk);
		ctx = tcpcrypt_ctx(sk);
		if (ctx && is_ours(level, optname))
			ret = read_option(ctx, optname, &a);
		else if (ctx && tcpcrypt_encrypted(ctx) &&
			 optname == TCP_ZEROCOPY_RECEIVE)
			ret = -EOPNOTSUPP;
		release_sock(sk);
		if (!ret)
			ret = put_answer(&a, optval, optlen);
	}
	if (ret > 0)
		ret = tcpcrypt_prot_base(sk)->getsockopt(sk, level, optname,
							 optval, optlen);
	tcpcrypt_leave();
	return ret;
}
