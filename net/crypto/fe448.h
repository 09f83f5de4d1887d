/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The field of Curve448: integers modulo p = 2^448 - 2^224 - 1 (RFC 7748,
 * section 4.2).
 *
 * Pure code, constant time: no branch and no address depends on a value.
 */
#ifndef _TCPCRYPT_FE448_H
#define _TCPCRYPT_FE448_H

#include <linux/types.h>

#define FE448_LIMBS	8
#define FE448_BITS	56		/* of a limb */
#define FE448_MASK	((1ULL << FE448_BITS) - 1)
#define FE448_LEN	56		/* bytes on the wire */

/**
 * struct fe448 - a field element
 * @v: 56 bits a limb, least significant first. What a function takes or
 *     returns is below 2^56 + 2^8 in each limb, not below p as a whole.
 */
struct fe448 {
	u64	v[FE448_LIMBS];
};

/*
 * Every limb's carry to the next one at once. 2^448 = 2^224 + 1 (mod p): the
 * last one goes to limbs 0 and 4.
 */
static inline void fe448_carry(struct fe448 *r)
{
	u64 top = r->v[7] >> FE448_BITS;
	int i;

	for (i = 7; i > 0; i--)
		r->v[i] = (r->v[i] & FE448_MASK) +
			  (r->v[i - 1] >> FE448_BITS);
	r->v[0] = (r->v[0] & FE448_MASK) + top;
	r->v[4] += top;
}

static inline void fe448_add(struct fe448 *r, const struct fe448 *a,
			     const struct fe448 *b)
{
	int i;

	for (i = 0; i < FE448_LIMBS; i++)
		r->v[i] = a->v[i] + b->v[i];
	fe448_carry(r);
}

/* 2p is added, limb by limb more than b can have: nothing gets negative. */
static inline void fe448_sub(struct fe448 *r, const struct fe448 *a,
			     const struct fe448 *b)
{
	int i;

	for (i = 0; i < FE448_LIMBS; i++)
		r->v[i] = a->v[i] - b->v[i] + 2 * (FE448_MASK - (i == 4));
	fe448_carry(r);
}

void fe448_mul(struct fe448 *r, const struct fe448 *a, const struct fe448 *b);
void fe448_mul_small(struct fe448 *r, const struct fe448 *a, u32 b);
void fe448_inv(struct fe448 *r, const struct fe448 *a);
void fe448_cswap(u64 swap, struct fe448 *a, struct fe448 *b);
void fe448_load(struct fe448 *r, const u8 *bytes);
void fe448_store(u8 *bytes, const struct fe448 *a);

#endif /* _TCPCRYPT_FE448_H */
