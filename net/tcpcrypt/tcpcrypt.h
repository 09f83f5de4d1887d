/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tcpcrypt (RFC 8548): messages, key schedule and framing.
 *
 * Pure code: no socket, no allocation, no randomness of its own. HMAC comes
 * in through &struct tcpcrypt_mac.
 */
#ifndef _TCPCRYPT_TCPCRYPT_H
#define _TCPCRYPT_TCPCRYPT_H

#include <linux/types.h>
#include "wire.h"

struct tcpcrypt_vec {
	const void	*base;
	size_t		len;
};

struct tcpcrypt_mac_memo;

/**
 * struct tcpcrypt_mac - provider of HMAC-SHA256
 * @hmac: writes TCPCRYPT_HASH_LEN bytes of HMAC-SHA256(key, vec...) to @out;
 *        0 or a negative errno. @out may alias @key.
 * @memo: where @hmac may keep what it has computed of the last key alone: the
 *        key schedule uses most keys more than once. NULL: nowhere.
 */
struct tcpcrypt_mac {
	int (*hmac)(const struct tcpcrypt_mac *mac, const u8 *key,
		    size_t keylen, const struct tcpcrypt_vec *vec,
		    unsigned int nvec, u8 *out);
	struct tcpcrypt_mac_memo *memo;
};

/**
 * struct tcpcrypt_aead_desc - lengths of an AEAD algorithm
 * @id:      identifier in Init1 and Init2, section 7, table 5
 * @key_len: ae_key_len in bytes, section 6, table 3
 * @name:    the RFC's name for it, without the AEAD_ prefix
 */
struct tcpcrypt_aead_desc {
	u16		id;
	u8		key_len;
	const char	*name;
};

const struct tcpcrypt_aead_desc *tcpcrypt_aead_desc(u16 id);

/**
 * struct tcpcrypt_init - what an Init1 or Init2 message says
 * @msg_len:  message_len, bytes
 * @nciphers: Init1: ciphers offered; Init2: 1
 * @ciphers:  big-endian identifiers inside the message, not aligned
 * @nonce:    N_A or N_B, TCPCRYPT_NONCE_LEN bytes inside the message
 * @pub:      Pub_A or Pub_B inside the message
 * @pub_len:  bytes of @pub
 */
struct tcpcrypt_init {
	u32		msg_len;
	u8		nciphers;
	const u8	*ciphers;
	const u8	*nonce;
	const u8	*pub;
	u8		pub_len;
};

int tcpcrypt_init_len(const u8 *buf, size_t len, u32 magic);
int tcpcrypt_init1_build(u8 *buf, size_t size, const u16 *ciphers,
			 unsigned int nciphers, const u8 *nonce,
			 const u8 *pub, unsigned int pub_len);
int tcpcrypt_init2_build(u8 *buf, size_t size, u16 cipher, const u8 *nonce,
			 const u8 *pub, unsigned int pub_len);
int tcpcrypt_init1_parse(const u8 *buf, size_t len, unsigned int pub_len,
			 struct tcpcrypt_init *init);
int tcpcrypt_init2_parse(const u8 *buf, size_t len, unsigned int pub_len,
			 struct tcpcrypt_init *init);
bool tcpcrypt_init_has_cipher(const struct tcpcrypt_init *init, u16 cipher);
int tcpcrypt_init_select(const struct tcpcrypt_init *init, const u16 *prefs,
			 unsigned int nprefs);

/**
 * struct tcpcrypt_prk_input - everything that ss[0] depends on (section 3.3)
 * @nonce_a:    N_A, TCPCRYPT_NONCE_LEN bytes
 * @transcript: eno_transcript
 * @init1:      Init1 as it was sent
 * @init2:      Init2 as it was sent
 * @es:         the ephemeral secret
 */
struct tcpcrypt_prk_input {
	const u8	*nonce_a;
	struct tcpcrypt_vec transcript;
	struct tcpcrypt_vec init1;
	struct tcpcrypt_vec init2;
	struct tcpcrypt_vec es;
};

int tcpcrypt_extract(const struct tcpcrypt_mac *mac,
		     const struct tcpcrypt_prk_input *in, u8 *prk);
int tcpcrypt_cprf(const struct tcpcrypt_mac *mac, const u8 *key,
		  u8 constant, const u8 *sn, size_t sn_len,
		  u8 *okm, size_t okm_len);
int tcpcrypt_session_id(const struct tcpcrypt_mac *mac, const u8 *ss,
			const u8 *sn, size_t sn_len, u8 tep_byte, u8 *id);
int tcpcrypt_master_first(const struct tcpcrypt_mac *mac, const u8 *ss,
			  const u8 *sn, size_t sn_len, u8 *mk);
int tcpcrypt_master_next(const struct tcpcrypt_mac *mac, u8 *mk);

/**
 * struct tcpcrypt_traffic_key - one direction's key of one generation
 * @key_len: length of K, bytes
 * @key:   K, the first @key_len bytes are used
 * @nr:    NR, the nonce randomizer
 */
struct tcpcrypt_traffic_key {
	u8	key_len;
	u8	key[TCPCRYPT_AE_KEY_MAX];
	u8	nr[TCPCRYPT_AE_NONCE_LEN];
};

int tcpcrypt_traffic(const struct tcpcrypt_mac *mac, const u8 *mk,
		     u8 constant, const struct tcpcrypt_aead_desc *aead,
		     struct tcpcrypt_traffic_key *tk);

/**
 * struct tcpcrypt_gen - generations of keys, section 3.8; zeroed at first
 * @local:  generation that our frames are encrypted with
 * @remote: highest generation of an authentic frame of the peer's
 * @frames: frames that were encrypted with the keys of @local
 * @bytes:  application bytes in them
 * @asked:  the next frame initiates rekeying, and may be empty
 * @unused: no frame was encrypted with the keys of @local: the first one has
 *          rekey = 1, all others 0
 * @owed:   that one must leave even if it is empty
 * @lost:   the keys of @local are gone already, the next frame needs others
 */
struct tcpcrypt_gen {
	u64	local;
	u64	remote;
	u64	frames;
	u64	bytes;
	bool	asked;
	bool	unused;
	bool	owed;
	bool	lost;
};

bool tcpcrypt_gen_wants(const struct tcpcrypt_gen *g, u32 len, u64 max_bytes,
			bool old);
void tcpcrypt_gen_advance(struct tcpcrypt_gen *g);
void tcpcrypt_gen_sealed(struct tcpcrypt_gen *g, u32 len);
bool tcpcrypt_gen_owes(const struct tcpcrypt_gen *g);
bool tcpcrypt_gen_busy(const struct tcpcrypt_gen *g);
int tcpcrypt_gen_derive(const struct tcpcrypt_mac *mac, const u8 *mk,
			u8 constant, const struct tcpcrypt_aead_desc *aead,
			u8 *next, struct tcpcrypt_traffic_key *tk);

void tcpcrypt_frame_header(u8 *hdr, bool rekey, u16 clen);
void tcpcrypt_frame_nonce(const u8 *nr, u64 offset, u8 *nonce);

/**
 * struct tcpcrypt_plain - where the data of a decrypted frame lies
 * @fin:      FINp
 * @urgent:   URGp
 * @urg:      the urgent field, if @urgent
 * @data_off: offset of the data in the plaintext value, bytes
 * @data_len: length of the data, bytes
 */
struct tcpcrypt_plain {
	bool	fin;
	bool	urgent;
	u16	urg;
	u32	data_off;
	u32	data_len;
};

int tcpcrypt_plain_parse(const u8 *head, size_t plen,
			 struct tcpcrypt_plain *plain);

/**
 * struct tcpcrypt_scan - where in the stream of frames a receiver stands
 * @have: header bytes of the current frame in @hdr, 0 to 3
 * @left: bytes of its ciphertext that are still to come, once @have is 3
 * @hdr:  the current frame's header
 */
struct tcpcrypt_scan {
	u8	have;
	u8	hdr[TCPCRYPT_FRAME_HDR];
	u32	left;
};

int tcpcrypt_scan_header(struct tcpcrypt_scan *s, u8 byte);
size_t tcpcrypt_scan_body(struct tcpcrypt_scan *s, size_t avail, bool *end);

/** tcpcrypt_scan_clen() - clen of the current frame, once its header is whole */
static inline u16 tcpcrypt_scan_clen(const struct tcpcrypt_scan *s)
{
	return s->hdr[1] << 8 | s->hdr[2];
}

#endif /* _TCPCRYPT_TCPCRYPT_H */
