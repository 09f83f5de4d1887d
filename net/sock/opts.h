/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an application may set on a socket before it connects or listens.
 */
#ifndef _TCPCRYPT_OPTS_H
#define _TCPCRYPT_OPTS_H

#include <linux/sockptr.h>
#include <linux/types.h>
#include "../eno/eno.h"
#include "../tcpcrypt/wire.h"
#include <uapi/linux/tcpcrypt.h>

struct net;

/**
 * struct tcpcrypt_opts - a socket's settings; a listener's go to its children
 * @enabled:    TCP_ENO_ENABLED
 * @self_aware: TCP_ENO_SELF_AWARE
 * @tiebreaker: TCP_ENO_TIEBREAKER: the b bit of an active opener
 * @no_resume:  TCP_CRYPT_RESUME is 0
 * @no_cache:   TCP_CRYPT_CACHE is 0
 * @nspecs:     entries of @specs; 0: as the system is configured
 * @naeads:     entries of @aeads; 0: as the system is configured
 * @specs:      TCP_ENO_SPECS, in order of increasing priority
 * @aeads:      TCP_CRYPT_AEADS, in order of preference
 * @raw:        TCP_ENO_RAW as an option; empty: off
 */
struct tcpcrypt_opts {
	s8			enabled;
	u8			self_aware;
	bool			tiebreaker;
	bool			no_resume;
	bool			no_cache;
	u8			nspecs;
	u8			naeads;
	u8			specs[ENO_TEPS_MAX];
	u16			aeads[TCPCRYPT_AEADS_MAX];
	struct eno_option	raw;
};

/* What an option holds, on its way to user space. */
struct tcpcrypt_answer {
	bool	truncate;	/* as TCP_INFO, else the room must do */
	int	len;
	union {
		int			val;
		u8			bytes[ENO_TRANSCRIPT_MAX];
		__be16			ids[TCPCRYPT_AEADS_MAX];
		struct tcp_crypt_info	info;
	};
};

void tcpcrypt_opts_init(struct tcpcrypt_opts *opts);
unsigned int tcpcrypt_opts_aeads(const struct tcpcrypt_opts *opts,
				 const struct net *net, u16 *aeads);
bool tcpcrypt_opts_has(int optname);
int tcpcrypt_opts_set(struct tcpcrypt_opts *opts, int optname,
		      sockptr_t optval, unsigned int optlen);
void tcpcrypt_opts_get(const struct tcpcrypt_opts *opts, int optname,
		       struct tcpcrypt_answer *a);

#endif /* _TCPCRYPT_OPTS_H */
