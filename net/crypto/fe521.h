/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The field of P-521: integers modulo p = 2^521 - 1.
 *
 * Pure code, constant time: no branch and no address depends on a value.
 */
#ifndef _TCPCRYPT_FE521_H
#define _TCPCRYPT_FE521_H

#include <linux/types.h>

#define FE521_LIMBS	9
#define FE521_BITS	58		/* of a limb, */
#define FE521_TOP_BITS	57		/* and of the last one */
#define FE521_MASK	((1ULL << FE521_BITS) - 1)
#define FE521_TOP_MASK	((1ULL << FE521_TOP_BITS) - 1)
#define FE521_LEN	66		/* bytes on the wire */

/**
 * struct fe521 - a field element
 * @v: 58 bits a limb and 57 in the last, least significant first. What a
 *     function takes or returns is below 2^58 + 2^8 (2^57 + 2^8) in each
 *     limb, not below p as a whole.
 */
struct fe521 {
	u64	v[FE521_LIMBS];
};

/* Every limb's carry to the next one at once; 2^521 = 1 (mod p). */
static inline void fe521_carry(struct fe521 *r)
{
	u64 top = r->v[8] >> FE521_TOP_BITS;
	int i;

	r->v[8] = (r->v[8] & FE521_TOP_MASK) + (r->v[7] >> FE521_BITS);
	for (i = 7; i > 0; i--)
		r->v[i] = (r->v[i] & FE521_MASK) +
			  (r->v[i - 1] >> FE521_BITS);
	r->v[0] = (r->v[0] & FE521_MASK) + top;
}

static inline void fe521_add(struct fe521 *r, const struct fe521 *a,
			     const struct fe521 *b)
{
	int i;

	for (i = 0; i < FE521_LIMBS; i++)
		r->v[i] = a->v[i] + b->v[i];
	fe521_carry(r);
}

/* 2p is added, limb by limb more than b can have: nothing gets negative. */
static inline void fe521_sub(struct fe521 *r, const struct fe521 *a,
			     const struct fe521 *b)
{
	int i;

	for (i = 0; i < FE521_LIMBS - 1; i++)
		r->v[i] = a->v[i] - b->v[i] + 2 * FE521_MASK;
	r->v[8] = a->v[8] - b->v[8] + 2 * FE521_TOP_MASK;
	fe521_carry(r);
}

void fe521_mul(struct fe521 *r, const struct fe521 *a, const struct fe521 *b);
void fe521_inv(struct fe521 *r, const struct fe521 *a);
void fe521_sqrt(struct fe521 *r, const struct fe521 *a);
int __must_check fe521_load(struct fe521 *r, const u8 *bytes);
void fe521_store(u8 *bytes, const struct fe521 *a);

#endif /* _TCPCRYPT_FE521_H */
