// SPDX-License-Identifier: GPL-2.0
/*
 * Arithmetic modulo 2^255 - 19, for X25519.
 */

#include <linux/compiler.h>
#include <linux/string.h>
#include <linux/types.h>
#include "fe25519.h"

/* Limbs from column sums below 2^111, by one pass and what it leaves over. */
static __always_inline void from_columns(struct fe25519 *r,
					 const unsigned __int128 c[])
{
	unsigned __int128 acc = 0;
	int i;

#pragma GCC unroll 5
	for (i = 0; i < FE25519_LIMBS; i++) {
		acc += c[i];
		r->v[i] = (u64)acc & FE25519_MASK;
		acc >>= FE25519_BITS;
	}
	/* up to 60 bits are left, and 2^255 is 19 */
	acc = acc * 19 + r->v[0];
	r->v[0] = (u64)acc & FE25519_MASK;
	acc = (acc >> FE25519_BITS) + r->v[1];
	r->v[1] = (u64)acc & FE25519_MASK;
	r->v[2] += (u64)(acc >> FE25519_BITS);
}

/**
 * fe25519_mul() - multiply
 * @r: the product; may be @a or @b
 * @a: a factor
 * @b: the other factor
 *
 * What is past the last limb counts 19 times at the first.
 */
noinline void fe25519_mul(struct fe25519 *r, const struct fe25519 *a,
			  const struct fe25519 *b)
{
	unsigned __int128 c[FE25519_LIMBS] = {}, x;
	u64 b19[FE25519_LIMBS];
	int i, k;

	for (i = 0; i < FE25519_LIMBS; i++)
		b19[i] = 19 * b->v[i];
#pragma GCC unroll 5
	for (k = 0; k < FE25519_LIMBS; k++) {
#pragma GCC unroll 5
		for (i = 0; i < FE25519_LIMBS; i++) {
			x = a->v[i];
			c[k] += x * (i <= k ? b->v[k - i] :
					      b19[k - i + FE25519_LIMBS]);
		}
	}
	from_columns(r, c);
}

/**
 * fe25519_mul_small() - multiply by a small number
 * @r: the product; may be @a
 * @a: a factor
 * @b: the other factor
 */
void fe25519_mul_small(struct fe25519 *r, const struct fe25519 *a, u32 b)
{
	unsigned __int128 c[FE25519_LIMBS];
	int i;

	for (i = 0; i < FE25519_LIMBS; i++)
		c[i] = (unsigned __int128)a->v[i] * b;
	from_columns(r, c);
}

/* r = a^(2^n) b; r may be either */
static void square_mul(struct fe25519 *r, const struct fe25519 *a, int n,
		       const struct fe25519 *b)
{
	struct fe25519 t = *a;

	while (n--)
		fe25519_mul(&t, &t, &t);
	fe25519_mul(r, &t, b);
}

/**
 * fe25519_inv() - invert
 * @r: 1 / @a, or 0 if @a is 0; may be @a
 * @a: element
 *
 * By Fermat, a^(p - 2), and p - 2 = (2^250 - 1) 2^5 + 11; in the comments, xn
 * is a^(2^n - 1).
 */
void fe25519_inv(struct fe25519 *r, const struct fe25519 *a)
{
	struct fe25519 t, a2, a11;

	fe25519_mul(&a2, a, a);
	fe25519_mul(&t, &a2, a);		/* x2 */
	square_mul(&a11, &a2, 2, &t);
	square_mul(&t, &t, 1, a);		/* x3 */
	square_mul(&t, &t, 3, &t);		/* x6 */
	square_mul(&t, &t, 1, a);		/* x7 */
	square_mul(&t, &t, 7, &t);		/* x14 */
	square_mul(&t, &t, 1, a);		/* x15 */
	square_mul(&t, &t, 15, &t);		/* x30 */
	square_mul(&t, &t, 1, a);		/* x31 */
	square_mul(&t, &t, 31, &t);		/* x62 */
	square_mul(&t, &t, 62, &t);		/* x124 */
	square_mul(&t, &t, 1, a);		/* x125 */
	square_mul(&t, &t, 125, &t);		/* x250 */
	square_mul(r, &t, 5, &a11);
	memzero_explicit(&t, sizeof(t));
	memzero_explicit(&a2, sizeof(a2));
	memzero_explicit(&a11, sizeof(a11));
}

/**
 * fe25519_cswap() - swap two elements, or not
 * @swap: 1 or 0; it stays secret
 * @a:    element
 * @b:    element
 */
void fe25519_cswap(u64 swap, struct fe25519 *a, struct fe25519 *b)
{
	u64 mask = -swap, t;
	int i;

	/* the compiler shall not find out that there are two cases */
	OPTIMIZER_HIDE_VAR(mask);
	for (i = 0; i < FE25519_LIMBS; i++) {
		t = (a->v[i] ^ b->v[i]) & mask;
		a->v[i] ^= t;
		b->v[i] ^= t;
	}
}

static u64 get64(const u8 *p)
{
	u64 v = 0;
	int i;

	for (i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

/**
 * fe25519_load() - take an element from the wire
 * @r:     the element
 * @bytes: FE25519_LEN bytes, least significant first. RFC 7748, section 5:
 *         the last bit MUST be masked; a number of p or more counts modulo p.
 */
void fe25519_load(struct fe25519 *r, const u8 *bytes)
{
	/* limb i begins at bit 51 i: in byte 0, 6, 12, 19, 25 of 32 */
	r->v[0] = get64(bytes) & FE25519_MASK;
	r->v[1] = get64(bytes + 6) >> 3 & FE25519_MASK;
	r->v[2] = get64(bytes + 12) >> 6 & FE25519_MASK;
	r->v[3] = get64(bytes + 19) >> 1 & FE25519_MASK;
	r->v[4] = get64(bytes + 24) >> 12 & FE25519_MASK;
}

/**
 * fe25519_store() - write an element as it goes over the wire
 * @bytes: FE25519_LEN bytes, least significant first, less than p
 * @a:     the element
 */
void fe25519_store(u8 *bytes, const struct fe25519 *a)
{
	int i, k = 0, bits = 0;
	struct fe25519 t = *a;
	u64 c = 19, acc = 0;

	/*
	 * t is less than 2p, by the bound of struct fe25519. t + 19 reaches
	 * 2^255 if, and only if, t >= p; but for that bit it is t - p then.
	 */
	for (i = 0; i < FE25519_LIMBS; i++)
		c = (t.v[i] + c) >> FE25519_BITS;
	OPTIMIZER_HIDE_VAR(c);
	c *= 19;
	for (i = 0; i < FE25519_LIMBS; i++) {
		c += t.v[i];
		t.v[i] = c & FE25519_MASK;
		c >>= FE25519_BITS;
	}
	for (i = 0; i < FE25519_LEN; i++) {
		if (bits < 8 && k < FE25519_LIMBS) {
			acc |= t.v[k++] << bits;
			bits += FE25519_BITS;
		}
		bytes[i] = acc;
		acc >>= 8;
		bits -= 8;
	}
	memzero_explicit(&t, sizeof(t));
}
