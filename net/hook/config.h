/* SPDX-License-Identifier: GPL-2.0 */
/*
 * This host's side of a negotiation, from what the system and the socket are
 * configured to.
 */
#ifndef _TCPCRYPT_CONFIG_H
#define _TCPCRYPT_CONFIG_H

#include "../ctl/ctl.h"
#include "../eno/eno.h"
#include "../sock/opts.h"

void tcpcrypt_config(struct eno_config *cfg, const struct net *net,
		     const struct tcpcrypt_opts *opts, bool passive);
void tcpcrypt_config_sent(struct eno_config *cfg,
			  const struct tcpcrypt_opts *opts,
			  const struct eno_option *sent, bool passive);
enum tcpcrypt_mib tcpcrypt_fallback_mib(enum eno_verdict verdict);

#endif /* _TCPCRYPT_CONFIG_H */
