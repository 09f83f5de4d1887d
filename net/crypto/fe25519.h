/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The field of Curve25519: integers modulo p = 2^255 - 19 (RFC 7748, section
 * 4.1).
 *
 * Pure code, constant time: no branch and no address depends on a value.
 */
#ifndef _TCPCRYPT_FE25519_H
#define _TCPCRYPT_FE25519_H

#include <linux/types.h>

#define FE25519_LIMBS	5
#define FE25519_BITS	51		/* of a limb */
#define FE25519_MASK	((1ULL << FE25519_BITS) - 1)
#define FE25519_LEN	32		/* bytes on the wire */

/**
 * struct fe25519 - a field element
 * @v: 51 bits a limb, least significant first. What a function takes or
 *     returns is below 2^51 + 2^8 in each limb, not below p as a whole.
 */
struct fe25519 {
	u64	v[FE25519_LIMBS];
};

/* Every limb's carry to the next one at once; 2^255 = 19 (mod p). */
static inline void fe25519_carry(struct fe25519 *r)
{
	u64 top = r->v[4] >> FE25519_BITS;
	int i;

	for (i = 4; i > 0; i--)
		r->v[i] = (r->v[i] & FE25519_MASK) +
			  (r->v[i - 1] >> FE25519_BITS);
	r->v[0] = (r->v[0] & FE25519_MASK) + 19 * top;
}

static inline void fe25519_add(struct fe25519 *r, const struct fe25519 *a,
			       const struct fe25519 *b)
{
	int i;

	for (i = 0; i < FE25519_LIMBS; i++)
		r->v[i] = a->v[i] + b->v[i];
	fe25519_carry(r);
}

/* 2p is added, limb by limb more than b can have: nothing gets negative. */
static inline void fe25519_sub(struct fe25519 *r, const struct fe25519 *a,
			       const struct fe25519 *b)
{
	int i;

	for (i = 0; i < FE25519_LIMBS; i++)
		r->v[i] = a->v[i] - b->v[i] +
			  2 * (FE25519_MASK - (i ? 0 : 18));
	fe25519_carry(r);
}

void fe25519_mul(struct fe25519 *r, const struct fe25519 *a,
		 const struct fe25519 *b);
void fe25519_mul_small(struct fe25519 *r, const struct fe25519 *a, u32 b);
void fe25519_inv(struct fe25519 *r, const struct fe25519 *a);
void fe25519_cswap(u64 swap, struct fe25519 *a, struct fe25519 *b);
void fe25519_load(struct fe25519 *r, const u8 *bytes);
void fe25519_store(u8 *bytes, const struct fe25519 *a);

#endif /* _TCPCRYPT_FE25519_H */
