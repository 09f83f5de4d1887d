// SPDX-License-Identifier: GPL-2.0
/*
 * Which TEPs this host offers, and why a negotiation failed.
 */

#include <linux/rcupdate.h>
#include <linux/string.h>
#include "../sock/tep.h"
#include "config.h"

static void add(struct eno_config *cfg, u8 id)
{
	const struct tcpcrypt_tep *tep = tcpcrypt_tep_find(id);

	if (tep)
		cfg->teps[cfg->nteps++] = &tep->eno;
}

static void init(struct eno_config *cfg, const struct tcpcrypt_opts *opts,
		 bool passive)
{
	memset(cfg, 0, sizeof(*cfg));
	cfg->passive = passive;
	cfg->b = opts->tiebreaker;
	cfg->aware = opts->self_aware;
	cfg->mandatory = opts->self_aware == TCP_ENO_AWARE_MANDATORY;
	if (opts->raw.len)
		cfg->raw = &opts->raw;
}

/**
 * tcpcrypt_config() - this host's side of a negotiation
 * @cfg:     filled; without suboption data
 * @net:     the network namespace
 * @opts:    the socket's settings; must outlive @cfg
 * @passive: passive opener
 *
 * Context: RCU read side, as long as @cfg is used.
 */
void tcpcrypt_config(struct eno_config *cfg, const struct net *net,
		     const struct tcpcrypt_opts *opts, bool passive)
{
	u16 ids[TCPCRYPT_IDS_MAX];
	unsigned int i, n;

	init(cfg, opts, passive);
	for (i = 0; i < opts->nspecs; i++)
		add(cfg, opts->specs[i]);
	if (!opts->nspecs) {
		/* the best comes first there, and last in an ENO option */
		n = tcpcrypt_teps(net, ids);
		while (n--)
			add(cfg, ids[n]);
	}
}

/**
 * tcpcrypt_config_sent() - this host's side, once its SYN segment has left
 * @cfg:     filled; without suboption data
 * @opts:    the socket's settings; must outlive @cfg
 * @sent:    the ENO option of the SYN segment
 * @passive: passive opener
 *
 * What can be negotiated is what was sent, whatever was configured since.
 *
 * Context: RCU read side, as long as @cfg is used.
 */
void tcpcrypt_config_sent(struct eno_config *cfg,
			  const struct tcpcrypt_opts *opts,
			  const struct eno_option *sent, bool passive)
{
	struct eno_parsed parsed;
	unsigned int i;

	init(cfg, opts, passive);
	if (eno_parse(sent, &parsed) != ENO_OK)
		return;
	for (i = 0; i < parsed.nsubs && cfg->nteps < ENO_TEPS_MAX; i++)
		add(cfg, parsed.subs[i].tep);
}

/**
 * tcpcrypt_fallback_mib() - the counter of a failed negotiation
 * @verdict: why it failed
 *
 * Return: the counter.
 */
enum tcpcrypt_mib tcpcrypt_fallback_mib(enum eno_verdict verdict)
{
	switch (verdict) {
	case ENO_OK:
	case ENO_NO_OPTION:
		break;
	case ENO_MANY:
	case ENO_ILL_FORMED:
		return TCPCRYPT_MIB_FALLBACKILLFORMED;
	case ENO_NO_TEP:
		return TCPCRYPT_MIB_FALLBACKNOTEP;
	case ENO_SAME_ROLE:
	case ENO_NOT_AWARE:
		return TCPCRYPT_MIB_FALLBACKROLE;
	}
	return TCPCRYPT_MIB_FALLBACKNOOPTION;
}
