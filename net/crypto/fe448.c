// SPDX-License-Identifier: GPL-2.0
/*
 * Arithmetic modulo 2^448 - 2^224 - 1, for X448.
 */

#include <linux/compiler.h>
#include <linux/string.h>
#include <linux/types.h>
#include "fe448.h"

#define HALF	(FE448_LIMBS / 2)

/* Sums of a product's parts that belong to limbs k and k + HALF */
struct column {
	unsigned __int128 lo;
	unsigned __int128 hi;
};

static __always_inline struct column half_column(const u64 *a, const u64 *b,
						 int k)
{
	struct column c = {};
	unsigned __int128 x;
	int i;

#pragma GCC unroll 4
	for (i = 0; i < HALF; i++) {
		x = a[i];
		if (i <= k)
			c.lo += x * b[k - i];
		else
			c.hi += x * b[k - i + HALF];
	}
	return c;
}

/* Limbs from column sums below 2^119, by one pass and what it leaves over. */
static __always_inline void from_columns(struct fe448 *r,
					 const unsigned __int128 c[])
{
	unsigned __int128 acc = 0;
	u64 top;
	int i;

#pragma GCC unroll 8
	for (i = 0; i < FE448_LIMBS; i++) {
		acc += c[i];
		r->v[i] = (u64)acc & FE448_MASK;
		acc >>= FE448_BITS;
	}
	/* up to 63 bits are left, for limbs 0 and 4 */
	top = (u64)acc & FE448_MASK;
	r->v[0] += top;
	r->v[4] += top;
	top = (u64)(acc >> FE448_BITS);
	r->v[1] += top + (r->v[0] >> FE448_BITS);
	r->v[5] += top + (r->v[4] >> FE448_BITS);
	r->v[0] &= FE448_MASK;
	r->v[4] &= FE448_MASK;
}

/**
 * fe448_mul() - multiply
 * @r: the product; may be @a or @b
 * @a: a factor
 * @b: the other factor
 *
 * With w = 2^224, w^2 = w + 1 (mod p), so that for a = a0 + a1 w, b alike,
 * ab = a0 b0 + a1 b1 + w ((a0 + a1)(b0 + b1) - a0 b0): three half products.
 */
noinline void fe448_mul(struct fe448 *r, const struct fe448 *a,
			const struct fe448 *b)
{
	unsigned __int128 c[FE448_LIMBS];
	u64 as[HALF], bs[HALF];
	struct column s, l, h;
	int k;

	for (k = 0; k < HALF; k++) {
		as[k] = a->v[k] + a->v[k + HALF];
		bs[k] = b->v[k] + b->v[k + HALF];
	}
#pragma GCC unroll 4
	for (k = 0; k < HALF; k++) {
		l = half_column(a->v, b->v, k);
		h = half_column(a->v + HALF, b->v + HALF, k);
		s = half_column(as, bs, k);
		/* s - l times w; its upper half times w^2 */
		c[k] = l.lo + h.lo + s.hi - l.hi;
		c[k + HALF] = s.lo - l.lo + h.hi + s.hi;
	}
	from_columns(r, c);
}

/**
 * fe448_mul_small() - multiply by a small number
 * @r: the product; may be @a
 * @a: a factor
 * @b: the other factor
 */
void fe448_mul_small(struct fe448 *r, const struct fe448 *a, u32 b)
{
	unsigned __int128 c[FE448_LIMBS];
	int i;

	for (i = 0; i < FE448_LIMBS; i++)
		c[i] = (unsigned __int128)a->v[i] * b;
	from_columns(r, c);
}

/* r = a^(2^n) b; r may be either */
static void square_mul(struct fe448 *r, const struct fe448 *a, int n,
		       const struct fe448 *b)
{
	struct fe448 t = *a;

	while (n--)
		fe448_mul(&t, &t, &t);
	fe448_mul(r, &t, b);
}

/**
 * fe448_inv() - invert
 * @r: 1 / @a, or 0 if @a is 0; may be @a
 * @a: element
 *
 * By Fermat, a^(p - 2). The exponent has, from the top, 223 ones, a zero, 222
 * ones, a zero and a one; in the comments, xn is a^(2^n - 1).
 */
void fe448_inv(struct fe448 *r, const struct fe448 *a)
{
	struct fe448 x3, t, u;

	square_mul(&t, a, 1, a);
	square_mul(&x3, &t, 1, a);
	square_mul(&t, &x3, 3, &x3);		/* x6 */
	square_mul(&t, &t, 6, &t);		/* x12 */
	square_mul(&t, &t, 12, &t);		/* x24 */
	square_mul(&t, &t, 3, &x3);		/* x27 */
	square_mul(&t, &t, 27, &t);		/* x54 */
	square_mul(&t, &t, 54, &t);		/* x108 */
	square_mul(&t, &t, 3, &x3);		/* x111 */
	square_mul(&t, &t, 111, &t);		/* x222 */
	square_mul(&u, &t, 1, a);		/* x223 */
	square_mul(&t, &u, 223, &t);
	square_mul(r, &t, 2, a);
	memzero_explicit(&x3, sizeof(x3));
	memzero_explicit(&t, sizeof(t));
	memzero_explicit(&u, sizeof(u));
}

/**
 * fe448_cswap() - swap two elements, or not
 * @swap: 1 or 0; it stays secret
 * @a:    element
 * @b:    element
 */
void fe448_cswap(u64 swap, struct fe448 *a, struct fe448 *b)
{
	u64 mask = -swap, t;
	int i;

	/* the compiler shall not find out that there are two cases */
	OPTIMIZER_HIDE_VAR(mask);
	for (i = 0; i < FE448_LIMBS; i++) {
		t = (a->v[i] ^ b->v[i]) & mask;
		a->v[i] ^= t;
		b->v[i] ^= t;
	}
}

/**
 * fe448_load() - take an element from the wire
 * @r:     the element
 * @bytes: FE448_LEN bytes, least significant first; a number of p or more
 *         counts modulo p (RFC 7748, section 5)
 */
void fe448_load(struct fe448 *r, const u8 *bytes)
{
	int i, j;

	for (i = 0; i < FE448_LIMBS; i++) {
		r->v[i] = 0;
		for (j = 6; j >= 0; j--)
			r->v[i] = r->v[i] << 8 | bytes[7 * i + j];
	}
}

/**
 * fe448_store() - write an element as it goes over the wire
 * @bytes: FE448_LEN bytes, least significant first, less than p
 * @a:     the element
 */
void fe448_store(u8 *bytes, const struct fe448 *a)
{
	struct fe448 t = *a;
	u64 carry = 0, mask;
	s64 borrow = 0;
	int i, j;

	/* t is less than 2p: with the bound of struct fe448, 2^448 + 2^401 */
	for (i = 0; i < FE448_LIMBS; i++) {
		borrow += (s64)t.v[i] - (s64)(FE448_MASK - (i == 4));
		t.v[i] = (u64)borrow & FE448_MASK;
		borrow >>= FE448_BITS;
	}
	/* it was less than p: add p again */
	mask = (u64)borrow;
	OPTIMIZER_HIDE_VAR(mask);
	for (i = 0; i < FE448_LIMBS; i++) {
		carry += t.v[i] + ((FE448_MASK - (i == 4)) & mask);
		t.v[i] = carry & FE448_MASK;
		carry >>= FE448_BITS;
	}
	for (i = 0; i < FE448_LIMBS; i++)
		for (j = 0; j < 7; j++)
			bytes[7 * i + j] = t.v[i] >> 8 * j;
	memzero_explicit(&t, sizeof(t));
}
