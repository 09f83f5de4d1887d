// SPDX-License-Identifier: GPL-2.0
/*
 * Arithmetic modulo 2^521 - 1, for P-521.
 */

#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/types.h>
#include "fe521.h"

/**
 * fe521_mul() - multiply
 * @r: the product; may be @a or @b
 * @a: a factor
 * @b: the other factor
 *
 * Nine limbs are 522 bits, and 2^522 = 2 (mod p): what is past the last limb
 * counts twice at the first. Each sum is below 9 * 2 * (2^58 + 2^8)^2 < 2^121.
 */
noinline void fe521_mul(struct fe521 *r, const struct fe521 *a,
			const struct fe521 *b)
{
	unsigned __int128 acc = 0;
	u64 b2[FE521_LIMBS], v[FE521_LIMBS];
	int i, k;

	for (i = 0; i < FE521_LIMBS; i++)
		b2[i] = 2 * b->v[i];
#pragma GCC unroll 9
	for (k = 0; k < FE521_LIMBS; k++) {
#pragma GCC unroll 9
		for (i = 0; i < FE521_LIMBS; i++)
			acc += (unsigned __int128)a->v[i] *
			       (i <= k ? b->v[k - i] :
					 b2[k - i + FE521_LIMBS]);
		if (k < FE521_LIMBS - 1) {
			v[k] = (u64)acc & FE521_MASK;
			acc >>= FE521_BITS;
		}
	}
	v[8] = (u64)acc & FE521_TOP_MASK;
	acc >>= FE521_TOP_BITS;
	/* up to 64 bits are left */
	acc += v[0];
	r->v[0] = (u64)acc & FE521_MASK;
	r->v[1] = v[1] + (u64)(acc >> FE521_BITS);
	for (i = 2; i < FE521_LIMBS; i++)
		r->v[i] = v[i];
}

/* r = a^(2^n) */
static void square_n(struct fe521 *r, const struct fe521 *a, int n)
{
	*r = *a;
	while (n--)
		fe521_mul(r, r, r);
}

/* a^(2^n - 1) becomes a^(2^2n - 1) */
static void twice_ones(struct fe521 *x, int n)
{
	struct fe521 t;

	square_n(&t, x, n);
	fe521_mul(x, x, &t);
	memzero_explicit(&t, sizeof(t));
}

/* a^(2^n - 1) becomes a^(2^(n + 1) - 1) */
static void one_more(struct fe521 *x, const struct fe521 *a)
{
	fe521_mul(x, x, x);
	fe521_mul(x, x, a);
}

/**
 * fe521_inv() - invert
 * @r: 1 / @a, or 0 if @a is 0; not @a
 * @a: element
 *
 * By Fermat, a^(p - 2). The exponent has, from the top, 519 ones, a zero and
 * a one.
 */
void fe521_inv(struct fe521 *r, const struct fe521 *a)
{
	int n;

	*r = *a;
	for (n = 1; n < 128; n *= 2)
		twice_ones(r, n);
	one_more(r, a);			/* 129 ones */
	twice_ones(r, 129);
	one_more(r, a);			/* 259 */
	twice_ones(r, 259);
	one_more(r, a);			/* 519 */
	square_n(r, r, 2);
	fe521_mul(r, r, a);
}

/**
 * fe521_sqrt() - square root
 * @r: what has @a as its square, if anything has; may be @a
 * @a: element
 *
 * p = 3 (mod 4): it is a^((p + 1) / 4), and that exponent is 2^519.
 */
void fe521_sqrt(struct fe521 *r, const struct fe521 *a)
{
	square_n(r, a, 519);
}

/*
 * From a number below 2p makes one below p. Return: whether it was p or more.
 */
static u64 reduce(struct fe521 *t)
{
	u64 c = 1, over;
	int i;

	/* t + 1 reaches 2^521 if, and only if, t >= p, */
	for (i = 0; i < FE521_LIMBS - 1; i++)
		c = (t->v[i] + c) >> FE521_BITS;
	c = (t->v[8] + c) >> FE521_TOP_BITS;
	OPTIMIZER_HIDE_VAR(c);
	over = c;
	/* and is t - p then, but for that bit */
	for (i = 0; i < FE521_LIMBS - 1; i++) {
		c += t->v[i];
		t->v[i] = c & FE521_MASK;
		c >>= FE521_BITS;
	}
	t->v[8] = (t->v[8] + c) & FE521_TOP_MASK;
	return over;
}

/**
 * fe521_load() - take an element from the wire
 * @r:     the element
 * @bytes: FE521_LEN bytes, most significant first
 *
 * Return: 0, or -EPROTO if it is p or more.
 */
int fe521_load(struct fe521 *r, const u8 *bytes)
{
	int i, k = 0, bits = 0;
	u64 acc = 0, over;

	/* bits is even: acc never has more than 64 */
	for (i = FE521_LEN - 1; i >= 0; i--) {
		acc |= (u64)bytes[i] << bits;
		bits += 8;
		if (bits >= FE521_BITS) {
			r->v[k++] = acc & FE521_MASK;
			acc >>= FE521_BITS;
			bits -= FE521_BITS;
		}
	}
	/* bits 521 to 527 */
	over = bytes[0] >> 1;
	over |= reduce(r);
	return over ? -EPROTO : 0;
}

/**
 * fe521_store() - write an element as it goes over the wire
 * @bytes: FE521_LEN bytes, most significant first, less than p
 * @a:     the element
 */
void fe521_store(u8 *bytes, const struct fe521 *a)
{
	int i, k = 0, bits = 0;
	struct fe521 t = *a;
	u64 acc = 0;

	/* less than 2p, by the bound of struct fe521 */
	reduce(&t);
	for (i = FE521_LEN - 1; i >= 0; i--) {
		if (bits < 8 && k < FE521_LIMBS) {
			acc |= t.v[k++] << bits;
			bits += FE521_BITS;
		}
		bytes[i] = acc;
		acc >>= 8;
		bits -= 8;
	}
	memzero_explicit(&t, sizeof(t));
}
