// SPDX-License-Identifier: GPL-2.0
/*
 * Session resumption of tcpcrypt (RFC 8548, section 3.5): identifiers,
 * suboptions and session nonces.
 */

#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>
#include "resume.h"

/**
 * tcpcrypt_secret_next() - advance to the next session secret
 * @mac: provider of HMAC-SHA256
 * @ss:  ss[i], TCPCRYPT_K_LEN bytes
 * @next: ss[i+1]; not @ss
 *
 * Section 3.3: ss[i] = CPRF(ss[i-1], CONST_NEXTK, K_LEN).
 *
 * Return: 0 or a negative errno of @mac.
 */
int tcpcrypt_secret_next(const struct tcpcrypt_mac *mac, const u8 *ss,
			 u8 *next)
{
	return tcpcrypt_cprf(mac, ss, TCPCRYPT_CONST_NEXTK, NULL, 0, next,
			     TCPCRYPT_K_LEN);
}

/**
 * tcpcrypt_resume_id() - compute the identifier of a session secret
 * @mac: provider of HMAC-SHA256
 * @ss:  ss[i], TCPCRYPT_K_LEN bytes
 * @id:  resume[i], TCPCRYPT_RESUME_LEN bytes
 *
 * Section 3.5: resume[i] = CPRF(ss[i], CONST_RESUME, 18).
 *
 * Return: 0 or a negative errno of @mac.
 */
int tcpcrypt_resume_id(const struct tcpcrypt_mac *mac, const u8 *ss, u8 *id)
{
	return tcpcrypt_cprf(mac, ss, TCPCRYPT_CONST_RESUME, NULL, 0, id,
			     TCPCRYPT_RESUME_LEN);
}

/**
 * tcpcrypt_resume_half() - the half of an identifier that a host sends
 * @id:     resume[i]
 * @host_a: the host played role A when ss[0] was made
 *
 * Return: TCPCRYPT_HALF_LEN bytes inside @id.
 */
const u8 *tcpcrypt_resume_half(const u8 *id, bool host_a)
{
	return host_a ? id : id + TCPCRYPT_HALF_LEN;
}

/**
 * tcpcrypt_resume_data() - build the data of a resumption suboption
 * @half:      half of resume[i]
 * @nonce:     the host's resumption nonce
 * @nonce_len: its length, 0 to TCPCRYPT_RNONCE_MAX bytes
 * @data:      filled, room for TCPCRYPT_SUB_MAX bytes
 *
 * Figures 2 and 3.
 *
 * Return: length of the data in bytes, or -EINVAL.
 */
int tcpcrypt_resume_data(const u8 *half, const u8 *nonce,
			 unsigned int nonce_len, u8 *data)
{
	if (nonce_len > TCPCRYPT_RNONCE_MAX)
		return -EINVAL;
	memcpy(data, half, TCPCRYPT_HALF_LEN);
	memcpy(data + TCPCRYPT_HALF_LEN, nonce, nonce_len);
	return TCPCRYPT_HALF_LEN + nonce_len;
}

/**
 * tcpcrypt_resume_offered() - does suboption data propose resumption?
 * @len: its length in bytes
 *
 * Section 3.5: less than 9 bytes are as v = 0. More than 17 can't be an
 * identifier and a nonce.
 *
 * Return: whether it does.
 */
bool tcpcrypt_resume_offered(unsigned int len)
{
	return len >= TCPCRYPT_HALF_LEN && len <= TCPCRYPT_SUB_MAX;
}

/* In constant time: who guesses a half shall not learn how far he is right. */
static bool is_half(const u8 *data, const u8 *half)
{
	u8 differ = 0;
	int i;

	for (i = 0; i < TCPCRYPT_HALF_LEN; i++)
		differ |= data[i] ^ half[i];
	return !differ;
}

/**
 * tcpcrypt_resume_valid() - &eno_tep.valid of all tcpcrypt TEPs
 * @tep:  the TEP
 * @cfg:  the host's side; ->priv is the half that the peer must send, if
 *        ->data proposes resumption
 * @data: suboption data of the peer, NULL if there is none
 * @len:  its length in bytes
 *
 * Section 3.5: host B need not agree to resumption and may answer any data
 * with v = 0. What host A gets MUST match what it sent, or be ignored.
 *
 * Return: whether the TEP can be negotiated.
 */
bool tcpcrypt_resume_valid(const struct eno_tep *tep,
			   const struct eno_config *cfg, const u8 *data,
			   unsigned int len)
{
	if (!data || cfg->passive || cfg->b)
		return true;
	return cfg->priv && cfg->data_len && cfg->data_tep == tep->id &&
	       tcpcrypt_resume_offered(len) &&
	       is_half(data, cfg->priv);
}

/**
 * tcpcrypt_resumed() - did ENO negotiate resumption?
 * @neg: outcome of the negotiation of a tcpcrypt TEP
 *
 * Section 3.5: both hosts have sent a resumption suboption; host B's is an
 * answer to host A's, or it would have v = 0.
 *
 * Return: whether it did.
 */
bool tcpcrypt_resumed(const struct eno_result *neg)
{
	return neg->negspec & ENO_V &&
	       tcpcrypt_resume_offered(neg->data[ENO_HOST_A].len) &&
	       tcpcrypt_resume_offered(neg->data[ENO_HOST_B].len);
}

static unsigned int put_nonce(const struct eno_result *neg, enum eno_role role,
			      u8 *sn)
{
	const struct eno_data *d = &neg->data[role];
	unsigned int len = d->len - TCPCRYPT_HALF_LEN;

	memcpy(sn, neg->transcript + d->off + TCPCRYPT_HALF_LEN, len);
	return len;
}

/**
 * tcpcrypt_resume_nonce() - the session nonce of a resumed session
 * @neg:     a negotiation for which tcpcrypt_resumed() is true
 * @swapped: host A of this connection was host B when ss[0] was made
 * @sn:      sn[i], room for TCPCRYPT_SN_MAX bytes
 *
 * Section 3.5: sn[i] = nonce_a | nonce_b, by the original roles.
 *
 * Return: length of the nonce in bytes.
 */
unsigned int tcpcrypt_resume_nonce(const struct eno_result *neg, bool swapped,
				   u8 *sn)
{
	enum eno_role first = swapped ? ENO_HOST_B : ENO_HOST_A;
	unsigned int len;

	len = put_nonce(neg, first, sn);
	return len + put_nonce(neg, ENO_HOST_A + ENO_HOST_B - first, sn + len);
}
