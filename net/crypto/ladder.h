/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The Montgomery ladder of X25519 and X448 (RFC 7748, section 5), for the
 * field that the file which includes this names:
 *
 *	FE(name)	fe25519 or fe448, and with _name after it
 *	LEN		bytes of a scalar and of a coordinate
 *	A24		(A - 2) / 4
 *	FIRST_AND, LAST_AND, LAST_OR
 *			what decodeScalar does to the first and the last byte
 *
 * Pure code, constant time in the scalar and in the u-coordinate.
 */

#include <linux/errno.h>
#include <linux/string.h>
#include <linux/types.h>

/* Names are RFC 7748's. At most 640 bytes of stack, in one frame. */
struct ladder {
	struct FE()	x1, x2, z2, x3, z3;
	struct FE()	a, b, c, d, e;
};

/* One round of the loop in RFC 7748, section 5, between the swaps */
static void ladder_step(struct ladder *l)
{
	FE(_add)(&l->a, &l->x2, &l->z2);
	FE(_sub)(&l->b, &l->x2, &l->z2);
	FE(_add)(&l->c, &l->x3, &l->z3);
	FE(_sub)(&l->d, &l->x3, &l->z3);
	FE(_mul)(&l->d, &l->d, &l->a);		/* DA */
	FE(_mul)(&l->c, &l->c, &l->b);		/* CB */
	FE(_add)(&l->x3, &l->d, &l->c);
	FE(_mul)(&l->x3, &l->x3, &l->x3);
	FE(_sub)(&l->z3, &l->d, &l->c);
	FE(_mul)(&l->z3, &l->z3, &l->z3);
	FE(_mul)(&l->z3, &l->z3, &l->x1);
	FE(_mul)(&l->a, &l->a, &l->a);		/* AA */
	FE(_mul)(&l->b, &l->b, &l->b);		/* BB */
	FE(_mul)(&l->x2, &l->a, &l->b);
	FE(_sub)(&l->e, &l->a, &l->b);
	FE(_mul_small)(&l->z2, &l->e, A24);
	FE(_add)(&l->z2, &l->z2, &l->a);
	FE(_mul)(&l->z2, &l->z2, &l->e);
}

static void scalar_mult(u8 *out, const u8 *scalar, const u8 *u)
{
	struct ladder l = { .x2.v[0] = 1, .z3.v[0] = 1 };
	u64 swap = 0, bit, byte;
	int t;

	FE(_load)(&l.x1, u);
	l.x3 = l.x1;
	for (t = 8 * LEN - 1; t >= 0; t--) {
		byte = scalar[t / 8];
		if (t / 8 == 0)
			byte &= FIRST_AND;
		else if (t / 8 == LEN - 1)
			byte = (byte & LAST_AND) | LAST_OR;
		bit = byte >> (t % 8) & 1;
		FE(_cswap)(swap ^ bit, &l.x2, &l.x3);
		FE(_cswap)(swap ^ bit, &l.z2, &l.z3);
		swap = bit;
		ladder_step(&l);
	}
	FE(_cswap)(swap, &l.x2, &l.x3);
	FE(_cswap)(swap, &l.z2, &l.z3);
	FE(_inv)(&l.z2, &l.z2);
	FE(_mul)(&l.x2, &l.x2, &l.z2);
	FE(_store)(out, &l.x2);
	memzero_explicit(&l, sizeof(l));
}

/* The same, and -EPROTO if the result is all-zero (RFC 7748, section 6). */
static int scalar_mult_checked(u8 *out, const u8 *scalar, const u8 *u)
{
	u8 any = 0;
	int i;

	scalar_mult(out, scalar, u);
	for (i = 0; i < LEN; i++)
		any |= out[i];
	return any ? 0 : -EPROTO;
}
