// SPDX-License-Identifier: GPL-2.0
/*
 * Generations of keys (RFC 8548, section 3.8): when a host goes on to the
 * next one, and with what.
 */

#include <linux/errno.h>
#include <linux/string.h>
#include <linux/types.h>
#include "tcpcrypt.h"

/*
 * A frame under keys that must be left? The limits are those of AES-GCM (RFC
 * 8446, section 5.5: 2^24.5 records of 2^14 bytes keep an attacker's
 * advantage below 2^-57), which ChaCha20-Poly1305 is not in need of. They
 * also keep the frame IDs of one key far below the 2^64 of section 3.6.
 */
static bool is_worn(const struct tcpcrypt_gen *g, u32 len, u64 max_bytes)
{
	if (max_bytes > TCPCRYPT_KEY_BYTES_MAX)
		max_bytes = TCPCRYPT_KEY_BYTES_MAX;
	return g->frames >= TCPCRYPT_KEY_FRAMES_MAX ||
	       (g->bytes && g->bytes + len > max_bytes);
}

/**
 * tcpcrypt_gen_wants() - is the next frame to be the first of a generation?
 * @g:         the generations
 * @len:       application bytes of the frame
 * @max_bytes: application bytes that one key may encrypt; never more than
 *             TCPCRYPT_KEY_BYTES_MAX count
 * @old:       the keys have been in use for long enough
 *
 * Limits are obeyed with data only: an empty frame initiates nothing unless
 * it was asked for.
 *
 * Return: whether tcpcrypt_gen_advance() must come before it.
 */
bool tcpcrypt_gen_wants(const struct tcpcrypt_gen *g, u32 len, u64 max_bytes,
			bool old)
{
	/* the keys of this generation are there already */
	if (g->unused)
		return false;
	if (g->remote > g->local || g->asked || g->lost)
		return true;
	return len && (old || is_worn(g, len, max_bytes));
}

/**
 * tcpcrypt_gen_advance() - the next generation's keys encrypt from now on
 * @g: the generations
 */
void tcpcrypt_gen_advance(struct tcpcrypt_gen *g)
{
	g->owed = g->asked || g->remote > g->local;
	g->local++;
	g->frames = 0;
	g->bytes = 0;
	g->asked = false;
	g->lost = false;
	g->unused = true;
}

/**
 * tcpcrypt_gen_sealed() - a frame was encrypted
 * @g:   the generations
 * @len: its application bytes
 */
void tcpcrypt_gen_sealed(struct tcpcrypt_gen *g, u32 len)
{
	g->frames++;
	g->bytes += len;
	g->unused = false;
	g->owed = false;
}

/**
 * tcpcrypt_gen_owes() - must a frame leave even if there is no data?
 * @g: the generations
 *
 * The peer is ahead of us, or somebody asked for new keys. One frame for each
 * generation: a peer counts frames with rekey = 1.
 *
 * Return: whether it must.
 */
bool tcpcrypt_gen_owes(const struct tcpcrypt_gen *g)
{
	return g->owed || g->asked || g->remote > g->local;
}

/**
 * tcpcrypt_gen_busy() - is rekeying under way that we initiated?
 * @g: the generations
 *
 * Section 3.8: then a host MUST NOT initiate it with an empty frame.
 *
 * Return: whether the peer's answer is still to come.
 */
bool tcpcrypt_gen_busy(const struct tcpcrypt_gen *g)
{
	return g->asked || g->local > g->remote;
}

/**
 * tcpcrypt_gen_derive() - compute what the next generation is made of
 * @mac:      provider of HMAC-SHA256
 * @mk:       master key mk[j], TCPCRYPT_K_LEN bytes
 * @constant: TCPCRYPT_CONST_KEY_A or TCPCRYPT_CONST_KEY_B, by direction
 * @aead:     the AEAD algorithm
 * @next:     mk[j+1], TCPCRYPT_K_LEN bytes; zeroed on error
 * @tk:       the direction's key of generation j+1; zeroed on error
 *
 * Section 3.3. @mk stays, so that a failure loses nothing.
 *
 * Return: 0 or a negative errno of @mac.
 */
int tcpcrypt_gen_derive(const struct tcpcrypt_mac *mac, const u8 *mk,
			u8 constant, const struct tcpcrypt_aead_desc *aead,
			u8 *next, struct tcpcrypt_traffic_key *tk)
{
	int err;

	memzero_explicit(tk, sizeof(*tk));
	memcpy(next, mk, TCPCRYPT_K_LEN);
	err = tcpcrypt_master_next(mac, next);
	if (!err)
		err = tcpcrypt_traffic(mac, next, constant, aead, tk);
	if (err)
		memzero_explicit(next, TCPCRYPT_K_LEN);
	return err;
}
