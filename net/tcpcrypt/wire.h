/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tcpcrypt (RFC 8548): the whole wire format, every constant and every limit.
 */
#ifndef _TCPCRYPT_WIRE_H
#define _TCPCRYPT_WIRE_H

#include <linux/types.h>

/* TEP identifiers, section 7, table 4 */
enum tcpcrypt_tep_id {
	TCPCRYPT_TEP_P256	= 0x21,
	TCPCRYPT_TEP_P521	= 0x22,
	TCPCRYPT_TEP_X25519	= 0x23,
	TCPCRYPT_TEP_X448	= 0x24,
};

/* AEAD algorithms, section 7, table 5 */
enum tcpcrypt_aead_id {
	TCPCRYPT_AES_128_GCM		= 0x0001,
	TCPCRYPT_AES_256_GCM		= 0x0002,
	TCPCRYPT_CHACHA20_POLY1305	= 0x0010,
};

#define TCPCRYPT_AEADS_MAX	8	/* configured at one end */

/* Constants, section 4.3, table 1 */
#define TCPCRYPT_CONST_NEXTK	0x01
#define TCPCRYPT_CONST_SESSID	0x02
#define TCPCRYPT_CONST_REKEY	0x03
#define TCPCRYPT_CONST_KEY_A	0x04
#define TCPCRYPT_CONST_KEY_B	0x05
#define TCPCRYPT_CONST_RESUME	0x06
#define TCPCRYPT_INIT1_MAGIC	0x15101a0eU
#define TCPCRYPT_INIT2_MAGIC	0x097105e0U

/* Resumption, section 3.5 */
#define TCPCRYPT_RESUME_LEN	18	/* resume[i] */
#define TCPCRYPT_HALF_LEN	(TCPCRYPT_RESUME_LEN / 2)
#define TCPCRYPT_RNONCE_MAX	8	/* nonce_a, nonce_b */
#define TCPCRYPT_SUB_MAX	(TCPCRYPT_HALF_LEN + TCPCRYPT_RNONCE_MAX)
#define TCPCRYPT_SN_MAX		(2 * TCPCRYPT_RNONCE_MAX)

/* Section 5 */
#define TCPCRYPT_NONCE_LEN	32	/* N_A_LEN, N_B_LEN */
#define TCPCRYPT_K_LEN		32
#define TCPCRYPT_HASH_LEN	32	/* SHA-256 */
#define TCPCRYPT_SESSID_LEN	(1 + TCPCRYPT_K_LEN)
#define TCPCRYPT_X25519_LEN	32
#define TCPCRYPT_X448_LEN	56
#define TCPCRYPT_P256_LEN	32		/* a coordinate */
#define TCPCRYPT_P521_LEN	66
/* pubkey_len, which counts itself; a compressed point */
#define TCPCRYPT_P256_PUB_LEN	(2 + 1 + TCPCRYPT_P256_LEN)
#define TCPCRYPT_P521_PUB_LEN	(2 + 1 + TCPCRYPT_P521_LEN)
#define TCPCRYPT_PUB_MAX	TCPCRYPT_P521_PUB_LEN
#define TCPCRYPT_ES_MAX		TCPCRYPT_P521_LEN

/*
 * Key-exchange messages, section 4.1. message_len counts from the magic on.
 * A peer may append bytes that we must ignore, so a message is bounded by
 * what we are ready to buffer before keys exist, not by what we send.
 */
#define TCPCRYPT_INIT_HDR	8	/* magic, message_len */
#define TCPCRYPT_INIT1_FIXED	(TCPCRYPT_INIT_HDR + 1 + TCPCRYPT_NONCE_LEN)
#define TCPCRYPT_INIT2_FIXED	(TCPCRYPT_INIT_HDR + 2 + TCPCRYPT_NONCE_LEN)
#define TCPCRYPT_INIT1_SENT_MAX	(TCPCRYPT_INIT1_FIXED + \
				 2 * TCPCRYPT_AEADS_MAX + TCPCRYPT_PUB_MAX)
#define TCPCRYPT_INIT2_SENT_MAX	(TCPCRYPT_INIT2_FIXED + TCPCRYPT_PUB_MAX)
#define TCPCRYPT_INIT_MAX	4096

/* Frames, section 4.2 */
#define TCPCRYPT_FRAME_HDR	3	/* control, clen; also the AD */
#define TCPCRYPT_CONTROL_REKEY	0x01
#define TCPCRYPT_FLAG_FIN	0x01	/* FINp */
#define TCPCRYPT_FLAG_URG	0x02	/* URGp */
#define TCPCRYPT_FLAGS_LEN	1
#define TCPCRYPT_URG_LEN	2
#define TCPCRYPT_TAG_LEN	16	/* of all three AEADs */
#define TCPCRYPT_CLEN_MAX	65535
#define TCPCRYPT_CLEN_MIN	(TCPCRYPT_TAG_LEN + TCPCRYPT_FLAGS_LEN)
#define TCPCRYPT_FRAME_OVERHEAD	(TCPCRYPT_FRAME_HDR + TCPCRYPT_FLAGS_LEN + \
				 TCPCRYPT_TAG_LEN)
#define TCPCRYPT_DATA_MAX	(TCPCRYPT_CLEN_MAX - TCPCRYPT_CLEN_MIN)

/*
 * What one traffic key may encrypt: see is_worn() in rekey.c. 2^24 frames of
 * 2^14 bytes are 2^38 bytes.
 */
#define TCPCRYPT_KEY_FRAMES_MAX	0x1000000ULL
#define TCPCRYPT_KEY_BYTES_MAX	0x4000000000ULL

/* Traffic keys, section 3.6, figure 4, and section 6, table 3 */
#define TCPCRYPT_AE_KEY_MAX	32
#define TCPCRYPT_AE_NONCE_LEN	12
#define TCPCRYPT_TRAFFIC_MAX	(TCPCRYPT_AE_KEY_MAX + TCPCRYPT_AE_NONCE_LEN)

#endif /* _TCPCRYPT_WIRE_H */
