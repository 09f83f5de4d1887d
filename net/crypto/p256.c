// SPDX-License-Identifier: GPL-2.0
/*
 * Public keys of P-256 on the wire: compressed points. ECDH itself is the
 * kernel's, which takes both coordinates and exports nothing that would find
 * y.
 *
 * Pure code, constant time in the x coordinate until it proves invalid.
 */

#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/types.h>
#include "curves.h"

#define LIMBS	4

/* Least significant first; as factors, in Montgomery form: a 2^256 mod p */
struct fe256 {
	u64	v[LIMBS];
};

/* p = 2^256 - 2^224 + 2^192 + 2^96 - 1 */
static const struct fe256 prime = { {
	0xffffffffffffffff, 0x00000000ffffffff,
	0x0000000000000000, 0xffffffff00000001,
} };

/* 2^512 mod p: what it is multiplied with gets Montgomery form */
static const struct fe256 r_squared = { {
	0x0000000000000003, 0xfffffffbffffffff,
	0xfffffffffffffffe, 0x00000004fffffffd,
} };

/* y^2 = x^3 - 3x + b; in Montgomery form */
static const struct fe256 curve_b = { {
	0xd89cdf6229c4bddf, 0xacf005cd78843090,
	0xe5a220abf7212ed6, 0xdc30061d04874834,
} };

/* r = a - b. Return: 1 if that is negative, and 2^256 too much. */
static u64 sub_raw(struct fe256 *r, const struct fe256 *a,
		   const struct fe256 *b)
{
	unsigned __int128 d;
	u64 borrow = 0;
	int i;

	for (i = 0; i < LIMBS; i++) {
		d = (unsigned __int128)a->v[i] - b->v[i] - borrow;
		r->v[i] = (u64)d;
		borrow = (u64)(d >> 64) & 1;
	}
	return borrow;
}

/* r += p, or not */
static void add_prime(struct fe256 *r, u64 yes)
{
	unsigned __int128 s = 0;
	u64 mask = -yes;
	int i;

	OPTIMIZER_HIDE_VAR(mask);
	for (i = 0; i < LIMBS; i++) {
		s += r->v[i];
		s += prime.v[i] & mask;
		r->v[i] = (u64)s;
		s >>= 64;
	}
}

static void sub(struct fe256 *r, const struct fe256 *a, const struct fe256 *b)
{
	add_prime(r, sub_raw(r, a, b));
}

/* a + b = a - (p - b) */
static void add(struct fe256 *r, const struct fe256 *a, const struct fe256 *b)
{
	struct fe256 t;

	sub_raw(&t, &prime, b);
	sub(r, a, &t);
}

/*
 * r = a b / 2^256 mod p. To make the lowest limb zero, p is added as often as
 * that limb says, since p = -1 (mod 2^64).
 */
static noinline void mul(struct fe256 *r, const struct fe256 *a,
			 const struct fe256 *b)
{
	u64 t[LIMBS + 2] = {}, m;
	unsigned __int128 s;
	struct fe256 u;
	int i, j;

	for (i = 0; i < LIMBS; i++) {
		for (s = 0, j = 0; j < LIMBS; j++) {
			s += (unsigned __int128)a->v[j] * b->v[i] + t[j];
			t[j] = (u64)s;
			s >>= 64;
		}
		s += t[LIMBS];
		t[LIMBS] = (u64)s;
		t[LIMBS + 1] = (u64)(s >> 64);
		m = t[0];
		s = (unsigned __int128)m * prime.v[0] + t[0];
		for (s >>= 64, j = 1; j < LIMBS; j++) {
			s += (unsigned __int128)m * prime.v[j] + t[j];
			t[j - 1] = (u64)s;
			s >>= 64;
		}
		s += t[LIMBS];
		t[LIMBS - 1] = (u64)s;
		t[LIMBS] = t[LIMBS + 1] + (u64)(s >> 64);
	}
	/* below 2p: without p, or with it again */
	memcpy(&u, t, sizeof(u));
	m = sub_raw(r, &u, &prime);
	add_prime(r, m & ~t[LIMBS]);
}

/* r = a^(2^n) b */
static void square_mul(struct fe256 *r, const struct fe256 *a, int n,
		       const struct fe256 *b)
{
	struct fe256 t = *a;

	while (n--)
		mul(&t, &t, &t);
	mul(r, &t, b);
}

/*
 * p = 3 (mod 4): the root, if there is one, is a^((p + 1) / 4), and
 * (p + 1) / 4 = (((2^32 - 1) 2^32 + 1) 2^96 + 1) 2^94.
 */
static void square_root(struct fe256 *r, const struct fe256 *a)
{
	struct fe256 t = *a;
	int n;

	for (n = 1; n < 32; n *= 2)
		square_mul(&t, &t, n, &t);
	square_mul(&t, &t, 32, a);
	square_mul(&t, &t, 96, a);
	for (n = 0; n < 94; n++)
		mul(&t, &t, &t);
	*r = t;
}

static void load(struct fe256 *r, const u8 *bytes)
{
	int i, j;

	for (i = 0; i < LIMBS; i++)
		for (j = 0; j < 8; j++)
			r->v[LIMBS - 1 - i] = r->v[LIMBS - 1 - i] << 8 |
					      bytes[8 * i + j];
}

static void store(u8 *bytes, const struct fe256 *a)
{
	int i;

	for (i = 0; i < TCPCRYPT_P256_LEN; i++)
		bytes[TCPCRYPT_P256_LEN - 1 - i] = a->v[i / 8] >> 8 * (i % 8);
}

/**
 * tcpcrypt_p256_decode() - take a public key from the wire and validate it
 * @point: 2 * TCPCRYPT_P256_LEN bytes, x and y, big-endian
 * @pub:   TCPCRYPT_P256_PUB_LEN bytes
 *
 * RFC 8548, section 5: implementations MUST validate (IEEE 1363, A.16.10).
 * Infinity has no compressed encoding of this length, and the curve has no
 * other subgroup.
 *
 * Return: 0, or -EPROTO if @pub is not the encoding of a point of the curve.
 */
int tcpcrypt_p256_decode(u8 *point, const u8 *pub)
{
	int odd = tcpcrypt_nist_header(pub, TCPCRYPT_P256_PUB_LEN);
	static const struct fe256 zero, one = { { 1 } };
	struct fe256 x, y, rhs, t;

	if (odd < 0)
		return -EPROTO;
	load(&x, pub + TCPCRYPT_NIST_HDR);
	if (!sub_raw(&t, &x, &prime))
		return -EPROTO;
	mul(&x, &x, &r_squared);
	/* y^2 = x^3 - 3x + b */
	mul(&rhs, &x, &x);
	mul(&rhs, &rhs, &x);
	add(&t, &x, &x);
	add(&t, &t, &x);
	sub(&rhs, &rhs, &t);
	add(&rhs, &rhs, &curve_b);
	square_root(&y, &rhs);
	mul(&t, &y, &y);
	if (memcmp(&t, &rhs, sizeof(t)))
		return -EPROTO;
	/* out of Montgomery form, and -y if y is the other one */
	mul(&y, &y, &one);
	sub(&t, &zero, &y);
	memcpy(point, pub + TCPCRYPT_NIST_HDR, TCPCRYPT_P256_LEN);
	store(point + TCPCRYPT_P256_LEN, (int)(y.v[0] & 1) == odd ? &y : &t);
	return 0;
}

/**
 * tcpcrypt_p256_encode() - write a public key as it goes over the wire
 * @pub:   TCPCRYPT_P256_PUB_LEN bytes
 * @point: 2 * TCPCRYPT_P256_LEN bytes, x and y, big-endian
 */
void tcpcrypt_p256_encode(u8 *pub, const u8 *point)
{
	tcpcrypt_nist_put_header(pub, TCPCRYPT_P256_PUB_LEN,
				 point[2 * TCPCRYPT_P256_LEN - 1] & 1);
	memcpy(pub + TCPCRYPT_NIST_HDR, point, TCPCRYPT_P256_LEN);
}
