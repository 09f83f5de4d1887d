/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Key agreement that is the module's own (RFC 8548, section 5): X448, P-521,
 * the public keys of P-256, and X25519 where the kernel's is out of reach.
 *
 * Pure code: no allocation, no randomness, and constant time. It needs a
 * compiler with 128-bit integers.
 */
#ifndef _TCPCRYPT_CURVES_H
#define _TCPCRYPT_CURVES_H

#include <linux/errno.h>
#include <linux/types.h>
#include "../tcpcrypt/wire.h"
#include "fe521.h"

int __must_check tcpcrypt_x25519(u8 *out, const u8 *scalar, const u8 *u);
void tcpcrypt_x25519_public(u8 *pub, const u8 *scalar);
int __must_check tcpcrypt_x448(u8 *out, const u8 *scalar, const u8 *u);
void tcpcrypt_x448_public(u8 *pub, const u8 *scalar);

/*
 * Public keys of the NIST curves, RFC 8548 section 5: pubkey_len, which counts
 * itself, then the point in compressed format: 2 or 3 with y's last bit, x.
 */
#define TCPCRYPT_NIST_HDR	3

/* y's last bit, or -EPROTO if it is not the header of a compressed point */
static inline int tcpcrypt_nist_header(const u8 *pub, unsigned int len)
{
	if (pub[0] || pub[1] != len || (pub[2] & ~1) != 2)
		return -EPROTO;
	return pub[2] & 1;
}

/**
 * tcpcrypt_nist_put_header() - write what stands before x
 * @pub: the public key
 * @len: length of @pub, bytes
 * @odd: y is odd
 */
static inline void tcpcrypt_nist_put_header(u8 *pub, u8 len, u8 odd)
{
	pub[0] = 0;
	pub[1] = len;
	pub[2] = 2 | odd;
}

int __must_check tcpcrypt_p256_decode(u8 *point, const u8 *pub);
void tcpcrypt_p256_encode(u8 *pub, const u8 *point);

/**
 * struct p521_point - a point in projective coordinates, (X/Z, Y/Z)
 * @x: X
 * @y: Y
 * @z: Z, 0 at infinity
 */
struct p521_point {
	struct fe521	x, y, z;
};

#define P521_WINDOW	4	/* bits of a scalar at a time */

/**
 * struct p521_work - what would be too much for a kernel stack
 * @table: multiples of the base, 0 to 15
 * @acc:   the sum so far
 * @pick:  what comes out of @table
 * @t:     of one addition
 *
 * Secret; whoever provides it wipes it.
 */
struct p521_work {
	struct p521_point	table[1 << P521_WINDOW];
	struct p521_point	acc;
	struct p521_point	pick;
	struct fe521		t[9];
};

bool __must_check tcpcrypt_p521_scalar(u8 *scalar, const u8 *entropy);
int __must_check tcpcrypt_p521_decode(struct p521_point *p, const u8 *pub);
void tcpcrypt_p521_public(struct p521_work *w, u8 *pub, const u8 *scalar);
int __must_check tcpcrypt_p521_agree(struct p521_work *w, u8 *es,
				     const u8 *scalar, const u8 *peer_pub);

bool __must_check tcpcrypt_kat_x25519(void);
bool __must_check tcpcrypt_kat_x448(void);
bool __must_check tcpcrypt_kat_p256(void);
bool __must_check tcpcrypt_kat_p521(struct p521_work *w);

#endif /* _TCPCRYPT_CURVES_H */
