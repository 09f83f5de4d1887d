// SPDX-License-Identifier: GPL-2.0
/*
 * X448 (RFC 7748, section 5). The kernel has none.
 *
 * Pure code, constant time in the scalar and in the u-coordinate.
 */

#include <linux/errno.h>
#include <linux/string.h>
#include <linux/types.h>
#include "curves.h"
#include "fe448.h"

#define A24	39081	/* (156326 - 2) / 4, RFC 7748 section 5 */

/*
 * Names are RFC 7748's. On the stack: 640 bytes, in a frame of their own.
 */
struct ladder {
	struct fe448	x1, x2, z2, x3, z3;
	struct fe448	a, b, c, d, e;
};

/* One round of the loop in RFC 7748, section 5, between the swaps */
static void step(struct ladder *l)
{
	fe448_add(&l->a, &l->x2, &l->z2);
	fe448_sub(&l->b, &l->x2, &l->z2);
	fe448_add(&l->c, &l->x3, &l->z3);
	fe448_sub(&l->d, &l->x3, &l->z3);
	fe448_mul(&l->d, &l->d, &l->a);		/* DA */
	fe448_mul(&l->c, &l->c, &l->b);		/* CB */
	fe448_add(&l->x3, &l->d, &l->c);
	fe448_mul(&l->x3, &l->x3, &l->x3);
	fe448_sub(&l->z3, &l->d, &l->c);
	fe448_mul(&l->z3, &l->z3, &l->z3);
	fe448_mul(&l->z3, &l->z3, &l->x1);
	fe448_mul(&l->a, &l->a, &l->a);		/* AA */
	fe448_mul(&l->b, &l->b, &l->b);		/* BB */
	fe448_mul(&l->x2, &l->a, &l->b);
	fe448_sub(&l->e, &l->a, &l->b);
	fe448_mul_small(&l->z2, &l->e, A24);
	fe448_add(&l->z2, &l->z2, &l->a);
	fe448_mul(&l->z2, &l->z2, &l->e);
}

static void scalar_mult(u8 *out, const u8 *scalar, const u8 *u)
{
	struct ladder l = { .x2.v[0] = 1, .z3.v[0] = 1 };
	u64 swap = 0, bit, byte;
	int t;

	fe448_load(&l.x1, u);
	l.x3 = l.x1;
	for (t = 8 * TCPCRYPT_X448_LEN - 1; t >= 0; t--) {
		byte = scalar[t / 8];
		/* decodeScalar448 */
		if (t / 8 == 0)
			byte &= 252;
		else if (t / 8 == TCPCRYPT_X448_LEN - 1)
			byte |= 128;
		bit = byte >> (t % 8) & 1;
		fe448_cswap(swap ^ bit, &l.x2, &l.x3);
		fe448_cswap(swap ^ bit, &l.z2, &l.z3);
		swap = bit;
		step(&l);
	}
	fe448_cswap(swap, &l.x2, &l.x3);
	fe448_cswap(swap, &l.z2, &l.z3);
	fe448_inv(&l.z2, &l.z2);
	fe448_mul(&l.x2, &l.x2, &l.z2);
	fe448_store(out, &l.x2);
	memzero_explicit(&l, sizeof(l));
}

/**
 * tcpcrypt_x448() - X448(scalar, u), and whether it may be used
 * @out:    TCPCRYPT_X448_LEN bytes, the result
 * @scalar: TCPCRYPT_X448_LEN bytes, the private key
 * @u:      TCPCRYPT_X448_LEN bytes, the peer's public key
 *
 * RFC 8548, section 5: an all-zero result MUST abort (RFC 7748, section 6).
 *
 * Return: 0, or -EPROTO if the result is all-zero.
 */
int tcpcrypt_x448(u8 *out, const u8 *scalar, const u8 *u)
{
	u8 any = 0;
	int i;

	scalar_mult(out, scalar, u);
	for (i = 0; i < TCPCRYPT_X448_LEN; i++)
		any |= out[i];
	return any ? 0 : -EPROTO;
}

/**
 * tcpcrypt_x448_public() - the public key of a private key
 * @pub:    TCPCRYPT_X448_LEN bytes
 * @scalar: TCPCRYPT_X448_LEN bytes of any value
 */
void tcpcrypt_x448_public(u8 *pub, const u8 *scalar)
{
	static const u8 base[TCPCRYPT_X448_LEN] = { 5 };

	scalar_mult(pub, scalar, base);
}
