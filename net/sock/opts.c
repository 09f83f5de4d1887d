// SPDX-License-Identifier: GPL-2.0
/*
 * The socket options that are set before connect() or listen().
 */

#include <linux/errno.h>
#include <linux/string.h>
#include "../crypto/crypto.h"
#include "../ctl/ctl.h"
#include "opts.h"
#include "tep.h"

/**
 * tcpcrypt_opts_init() - the settings of a socket on which nothing was set
 * @opts: filled
 */
void tcpcrypt_opts_init(struct tcpcrypt_opts *opts)
{
	memset(opts, 0, sizeof(*opts));
	opts->enabled = TCP_ENO_DEFAULT;
}

/**
 * tcpcrypt_opts_aeads() - the AEAD algorithms that a socket may use
 * @opts:  its settings
 * @net:   its network namespace
 * @aeads: filled in order of preference, room for TCPCRYPT_AEADS_MAX
 *
 * Return: how many there are, at least one.
 */
unsigned int tcpcrypt_opts_aeads(const struct tcpcrypt_opts *opts,
				 const struct net *net, u16 *aeads)
{
	if (!opts->naeads)
		return tcpcrypt_aeads(net, aeads);
	memcpy(aeads, opts->aeads, sizeof(opts->aeads));
	return opts->naeads;
}

/**
 * tcpcrypt_opts_has() - is an option one of these settings?
 * @optname: TCP_ENO_* or TCP_CRYPT_*
 *
 * Return: whether it is.
 */
bool tcpcrypt_opts_has(int optname)
{
	switch (optname) {
	case TCP_ENO_ENABLED:
	case TCP_ENO_SPECS:
	case TCP_ENO_SELF_AWARE:
	case TCP_ENO_TIEBREAKER:
	case TCP_ENO_RAW:
	case TCP_CRYPT_AEADS:
	case TCP_CRYPT_RESUME:
	case TCP_CRYPT_CACHE:
		return true;
	}
	return false;
}

static int get_int(sockptr_t optval, unsigned int optlen, int min, int max,
		   int *val)
{
	if (optlen != sizeof(*val))
		return -EINVAL;
	if (copy_from_sockptr(val, optval, sizeof(*val)))
		return -EFAULT;
	return *val < min || *val > max ? -EINVAL : 0;
}

static int set_int(struct tcpcrypt_opts *opts, int optname, sockptr_t optval,
		   unsigned int optlen)
{
	int err, val, min = 0, max = 1;

	if (optname == TCP_ENO_ENABLED) {
		min = TCP_ENO_DEFAULT;
		max = TCP_ENO_REQUIRED;
	} else if (optname == TCP_ENO_SELF_AWARE) {
		max = TCP_ENO_AWARE_MANDATORY;
	}
	err = get_int(optval, optlen, min, max, &val);
	if (err)
		return err;
	if (optname == TCP_ENO_ENABLED)
		opts->enabled = val;
	else if (optname == TCP_ENO_SELF_AWARE)
		opts->self_aware = val;
	else if (optname == TCP_ENO_TIEBREAKER)
		opts->tiebreaker = val;
	else if (optname == TCP_CRYPT_RESUME)
		opts->no_resume = !val;
	else
		opts->no_cache = !val;
	return 0;
}

/* RFC 8547, section 4.5: an identifier is repeated only if its TEP says so. */
static int set_specs(struct tcpcrypt_opts *opts, sockptr_t optval,
		     unsigned int optlen)
{
	u8 specs[ENO_TEPS_MAX];
	unsigned int i;

	if (optlen > sizeof(specs))
		return -EINVAL;
	if (copy_from_sockptr(specs, optval, optlen))
		return -EFAULT;
	for (i = 0; i < optlen; i++)
		if (!tcpcrypt_tep_known(specs[i]) ||
		    memchr(specs, specs[i], i))
			return -EINVAL;
	memcpy(opts->specs, specs, optlen);
	opts->nspecs = optlen;
	return 0;
}

static int set_aeads(struct tcpcrypt_opts *opts, sockptr_t optval,
		     unsigned int optlen)
{
	__be16 wire[TCPCRYPT_AEADS_MAX];
	unsigned int i, j, n = optlen / sizeof(*wire);
	u16 aeads[TCPCRYPT_AEADS_MAX];

	if (optlen > sizeof(wire) || optlen % sizeof(*wire))
		return -EINVAL;
	if (copy_from_sockptr(wire, optval, optlen))
		return -EFAULT;
	for (i = 0; i < n; i++) {
		aeads[i] = be16_to_cpu(wire[i]);
		if (!tcpcrypt_cipher_available(aeads[i]))
			return -EINVAL;
		for (j = 0; j < i; j++)
			if (aeads[j] == aeads[i])
				return -EINVAL;
	}
	memcpy(opts->aeads, aeads, n * sizeof(*aeads));
	opts->naeads = n;
	return 0;
}

/* Whatever suboptions an application likes, if a peer can parse them. */
static int set_raw(struct tcpcrypt_opts *opts, sockptr_t optval,
		   unsigned int optlen)
{
	struct eno_option raw = { .len = ENO_OPT_MIN + optlen };
	struct eno_parsed parsed;

	if (optlen > ENO_SUBOPT_MAX)
		return -EINVAL;
	if (copy_from_sockptr(raw.data + ENO_OPT_MIN, optval, optlen))
		return -EFAULT;
	raw.data[0] = ENO_KIND;
	raw.data[1] = raw.len;
	if (eno_parse(&raw, &parsed) != ENO_OK)
		return -EINVAL;
	/* RFC 8547, section 4.2: at most one, and its z bits are zero */
	if (parsed.nglobals > 1 ||
	    parsed.global & ~(ENO_GLOBAL_A | ENO_GLOBAL_B))
		return -EINVAL;
	if (!optlen)
		raw.len = 0;
	opts->raw = raw;
	return 0;
}

/**
 * tcpcrypt_opts_set() - set an option
 * @opts:    the socket's settings; not changed on error
 * @optname: an option for which tcpcrypt_opts_has() is true
 * @optval:  its value
 * @optlen:  length of the value, bytes
 *
 * Context: process.
 * Return: 0, -EINVAL or -EFAULT.
 */
int tcpcrypt_opts_set(struct tcpcrypt_opts *opts, int optname,
		      sockptr_t optval, unsigned int optlen)
{
	switch (optname) {
	case TCP_ENO_SPECS:
		return set_specs(opts, optval, optlen);
	case TCP_ENO_RAW:
		return set_raw(opts, optval, optlen);
	case TCP_CRYPT_AEADS:
		return set_aeads(opts, optval, optlen);
	}
	return set_int(opts, optname, optval, optlen);
}

/**
 * tcpcrypt_opts_get() - an option's value
 * @opts:    the socket's settings
 * @optname: an option for which tcpcrypt_opts_has() is true
 * @a:       filled
 */
void tcpcrypt_opts_get(const struct tcpcrypt_opts *opts, int optname,
		       struct tcpcrypt_answer *a)
{
	unsigned int i;

	a->len = sizeof(a->val);
	switch (optname) {
	case TCP_ENO_ENABLED:
		a->val = opts->enabled;
		break;
	case TCP_ENO_SELF_AWARE:
		a->val = opts->self_aware;
		break;
	case TCP_ENO_TIEBREAKER:
		a->val = opts->tiebreaker;
		break;
	case TCP_CRYPT_RESUME:
		a->val = !opts->no_resume;
		break;
	case TCP_CRYPT_CACHE:
		a->val = !opts->no_cache;
		break;
	case TCP_ENO_SPECS:
		a->len = opts->nspecs;
		memcpy(a->bytes, opts->specs, a->len);
		break;
	case TCP_ENO_RAW:
		a->len = max_t(int, opts->raw.len, ENO_OPT_MIN) - ENO_OPT_MIN;
		memcpy(a->bytes, opts->raw.data + ENO_OPT_MIN, a->len);
		break;
	case TCP_CRYPT_AEADS:
		a->len = opts->naeads * sizeof(*a->ids);
		for (i = 0; i < opts->naeads; i++)
			a->ids[i] = cpu_to_be16(opts->aeads[i]);
		break;
	}
}
