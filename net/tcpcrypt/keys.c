// SPDX-License-Identifier: GPL-2.0
/*
 * The key schedule of tcpcrypt (RFC 8548, sections 3.1, 3.3 and 3.4).
 */

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>
#include "tcpcrypt.h"

#define OKM_MAX		(255 * TCPCRYPT_HASH_LEN)	/* figure 1 */

static const struct tcpcrypt_aead_desc aeads[] = {
	{ TCPCRYPT_AES_128_GCM,		16, "AES_128_GCM" },
	{ TCPCRYPT_AES_256_GCM,		32, "AES_256_GCM" },
	{ TCPCRYPT_CHACHA20_POLY1305,	32, "CHACHA20_POLY1305" },
};

/**
 * tcpcrypt_aead_desc() - look an AEAD algorithm up
 * @id: its identifier, section 7, table 5
 *
 * Return: its description, or NULL if it is not known.
 */
const struct tcpcrypt_aead_desc *tcpcrypt_aead_desc(u16 id)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(aeads); i++)
		if (aeads[i].id == id)
			return &aeads[i];
	return NULL;
}

/**
 * tcpcrypt_extract() - compute PRK, the session secret ss[0]
 * @mac: provider of HMAC-SHA256
 * @in:  everything that PRK depends on
 * @prk: TCPCRYPT_K_LEN bytes; zeroed on error
 *
 * Section 3.3: PRK = Extract(N_A, eno_transcript | Init1 | Init2 | ES).
 *
 * Return: 0 or a negative errno of @mac.
 */
int tcpcrypt_extract(const struct tcpcrypt_mac *mac,
		     const struct tcpcrypt_prk_input *in, u8 *prk)
{
	const struct tcpcrypt_vec ikm[] = {
		in->transcript, in->init1, in->init2, in->es,
	};
	int err;

	err = mac->hmac(mac, in->nonce_a, TCPCRYPT_NONCE_LEN, ikm,
			ARRAY_SIZE(ikm), prk);
	if (err)
		memzero_explicit(prk, TCPCRYPT_K_LEN);
	return err;
}

/**
 * tcpcrypt_cprf() - the collision-resistant pseudo-random function
 * @mac:      provider of HMAC-SHA256
 * @key:      TCPCRYPT_K_LEN bytes
 * @constant: one of TCPCRYPT_CONST_*
 * @sn:       session nonce that follows the constant; may be NULL if empty
 * @sn_len:   bytes of @sn
 * @okm:      output; zeroed on error; must not overlap @key or @sn
 * @okm_len:  bytes wanted, at most 255 * TCPCRYPT_HASH_LEN
 *
 * Section 3.1, figure 1: CPRF is HKDF-Expand with @constant | @sn as its info.
 *
 * Return: 0, -EINVAL if too much is wanted, or a negative errno of @mac.
 */
int tcpcrypt_cprf(const struct tcpcrypt_mac *mac, const u8 *key,
		  u8 constant, const u8 *sn, size_t sn_len,
		  u8 *okm, size_t okm_len)
{
	u8 t[TCPCRYPT_HASH_LEN], next[TCPCRYPT_HASH_LEN];
	u8 counter = 0;
	struct tcpcrypt_vec vec[] = {
		{ t, 0 }, { &constant, 1 }, { sn, sn_len }, { &counter, 1 },
	};
	size_t done, n;
	int err = 0;

	if (okm_len > OKM_MAX)
		return -EINVAL;
	for (done = 0; done < okm_len; done += n) {
		counter++;
		err = mac->hmac(mac, key, TCPCRYPT_K_LEN, vec,
				ARRAY_SIZE(vec), next);
		if (err)
			break;
		memcpy(t, next, sizeof(t));
		vec[0].len = sizeof(t);
		n = min(okm_len - done, sizeof(t));
		memcpy(okm + done, t, n);
	}
	if (err)
		memzero_explicit(okm, okm_len);
	memzero_explicit(t, sizeof(t));
	memzero_explicit(next, sizeof(next));
	return err;
}

/**
 * tcpcrypt_session_id() - compute a session ID
 * @mac:      provider of HMAC-SHA256
 * @ss:       session secret ss[i], TCPCRYPT_K_LEN bytes
 * @sn:       session nonce sn[i]; may be NULL if empty
 * @sn_len:   bytes of @sn
 * @tep_byte: the negotiated TEP as host B sent it, v bit included
 * @id:       TCPCRYPT_SESSID_LEN bytes
 *
 * Section 3.4: session_id[i] = TEP-byte | CPRF(ss[i], CONST_SESSID | sn[i],
 * K_LEN).
 *
 * Return: 0 or a negative errno of @mac.
 */
int tcpcrypt_session_id(const struct tcpcrypt_mac *mac, const u8 *ss,
			const u8 *sn, size_t sn_len, u8 tep_byte, u8 *id)
{
	id[0] = tep_byte;
	return tcpcrypt_cprf(mac, ss, TCPCRYPT_CONST_SESSID, sn, sn_len,
			     id + 1, TCPCRYPT_K_LEN);
}

/**
 * tcpcrypt_master_first() - compute the master key of generation 0
 * @mac:    provider of HMAC-SHA256
 * @ss:     session secret ss[i], TCPCRYPT_K_LEN bytes
 * @sn:     session nonce sn[i]; may be NULL if empty
 * @sn_len: bytes of @sn
 * @mk:     mk[0], TCPCRYPT_K_LEN bytes; not @ss
 *
 * Section 3.3: mk[0] = CPRF(ss[i], CONST_REKEY | sn[i], K_LEN).
 *
 * Return: 0 or a negative errno of @mac.
 */
int tcpcrypt_master_first(const struct tcpcrypt_mac *mac, const u8 *ss,
			  const u8 *sn, size_t sn_len, u8 *mk)
{
	return tcpcrypt_cprf(mac, ss, TCPCRYPT_CONST_REKEY, sn, sn_len, mk,
			     TCPCRYPT_K_LEN);
}

/**
 * tcpcrypt_master_next() - advance to the next generation
 * @mac: provider of HMAC-SHA256
 * @mk:  mk[j], becomes mk[j+1]; unchanged on error
 *
 * Section 3.3: mk[j] = CPRF(mk[j-1], CONST_REKEY, K_LEN).
 *
 * Return: 0 or a negative errno of @mac.
 */
int tcpcrypt_master_next(const struct tcpcrypt_mac *mac, u8 *mk)
{
	u8 next[TCPCRYPT_K_LEN];
	int err;

	err = tcpcrypt_cprf(mac, mk, TCPCRYPT_CONST_REKEY, NULL, 0, next,
			    sizeof(next));
	if (!err)
		memcpy(mk, next, sizeof(next));
	memzero_explicit(next, sizeof(next));
	return err;
}

/**
 * tcpcrypt_traffic() - compute one direction's traffic key
 * @mac:      provider of HMAC-SHA256
 * @mk:       master key mk[j], TCPCRYPT_K_LEN bytes
 * @constant: TCPCRYPT_CONST_KEY_A for k_ab[j], TCPCRYPT_CONST_KEY_B for k_ba[j]
 * @aead:     the AEAD algorithm
 * @tk:       the key; zeroed on error
 *
 * Sections 3.3 and 3.6, figure 4: K, then NR.
 *
 * Return: 0 or a negative errno of @mac.
 */
int tcpcrypt_traffic(const struct tcpcrypt_mac *mac, const u8 *mk,
		     u8 constant, const struct tcpcrypt_aead_desc *aead,
		     struct tcpcrypt_traffic_key *tk)
{
	u8 okm[TCPCRYPT_TRAFFIC_MAX];
	int err;

	memzero_explicit(tk, sizeof(*tk));
	err = tcpcrypt_cprf(mac, mk, constant, NULL, 0, okm,
			    aead->key_len + TCPCRYPT_AE_NONCE_LEN);
	if (err)
		goto out;
	tk->key_len = aead->key_len;
	memcpy(tk->key, okm, aead->key_len);
	memcpy(tk->nr, okm + aead->key_len, sizeof(tk->nr));
out:
	memzero_explicit(okm, sizeof(okm));
	return err;
}
