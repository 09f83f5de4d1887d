// SPDX-License-Identifier: GPL-2.0
/*
 * Which TEPs this host offers, and why a negotiation failed.
 */

#include <linux/string.h>
#include "../tcpcrypt/wire.h"
#include "tep.h"

/*
 * RFC 8548, section 3.5: a passive opener takes suboption data shorter than a
 * resumption identifier for v = 0, and answers an identifier that it has not
 * cached with fresh key exchange. Without a cache both are the same: data
 * says nothing.
 */
static const struct eno_tep x25519_passive = { .id = TCPCRYPT_TEP_X25519 };

/*
 * RFC 8548, section 3.5: an active opener MUST ignore a resumption suboption
 * that does not match what it sent. We sent none.
 */
static bool no_data(const u8 *data, unsigned int len)
{
	return !data;
}

static const struct eno_tep x25519_active = {
	.id	= TCPCRYPT_TEP_X25519,
	.valid	= no_data,
};

/**
 * tcpcrypt_tep_config() - this host's side of a negotiation
 * @cfg:     filled
 * @passive: passive opener
 */
void tcpcrypt_tep_config(struct eno_config *cfg, bool passive)
{
	memset(cfg, 0, sizeof(*cfg));
	cfg->teps[cfg->nteps++] = passive ? &x25519_passive : &x25519_active;
	cfg->passive = passive;
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
