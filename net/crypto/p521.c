// SPDX-License-Identifier: GPL-2.0
/*
 * ECDH on P-521 (FIPS 186-5, IEEE 1363). The kernel's ECDH ends at P-384.
 *
 * Pure code, constant time in the scalar and in the point.
 *
 * Points are added by the complete formulas of Renes, Costello and Batina
 * ("Complete addition formulas for prime order elliptic curves", 2016) for
 * a = -3: they hold for all pairs of points, equal ones and infinity too, so
 * there are no cases that could be told apart.
 */

#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>
#include "curves.h"

/* y^2 = x^3 - 3x + b */
static const struct fe521 curve_b = { {
	0x3451fd46b503f00, 0x0f7e20f4b0d3c7b, 0x00bd3bb1bf07357,
	0x147b1fa4dec594b, 0x18ef109e1561939, 0x26cc57cee2d2264,
	0x0540eea2da725b9, 0x2687e4a688682da, 0x051953eb9618e1c,
} };

static const struct p521_point infinity = { .y.v[0] = 1 };

static const struct p521_point generator = {
	.x = { {
		0x17e7e31c2e5bd66, 0x22cf0615a90a6fe, 0x0127a2ffa8de334,
		0x1dfbf9d64a3f877, 0x06b4d3dbaa14b5e, 0x14fed487e0a2bd8,
		0x15b4429c6481390, 0x3a73678fb2d988e, 0x0c6858e06b70404,
	} },
	.y = { {
		0x0be94769fd16650, 0x31c21a89cb09022, 0x39013fad0761353,
		0x2657bd099031542, 0x3273e662c97ee72, 0x1e6d11a05ebef45,
		0x3d1bd998f544495, 0x3001172297ed0b1, 0x11839296a789a3b,
	} },
	.z.v[0] = 1,
};

/* n, the order of the generator and of the whole curve */
static const u8 order[TCPCRYPT_P521_LEN] = {
	0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xfa, 0x51, 0x86, 0x87, 0x83, 0xbf, 0x2f, 0x96, 0x6b, 0x7f, 0xcc,
	0x01, 0x48, 0xf7, 0x09, 0xa5, 0xd0, 0x3b, 0xb5, 0xc9, 0xb8, 0x89,
	0x9c, 0x47, 0xae, 0xbb, 0x6f, 0xb7, 0x1e, 0x91, 0x38, 0x64, 0x09,
};

/* The products of coordinates that a sum is made of, in p521_work.t */
enum {
	XX,	/* X1 X2 */
	YY,	/* Y1 Y2 */
	ZZ,	/* Z1 Z2 */
	XY,	/* X1 Y2 + X2 Y1 */
	YZ,	/* Y1 Z2 + Y2 Z1 */
	XZ,	/* X1 Z2 + X2 Z1 */
	U,
	V,
	W,
};

static void triple(struct fe521 *r)
{
	struct fe521 twice;

	fe521_add(&twice, r, r);
	fe521_add(r, r, &twice);
}

/*
 * The sum from its products (algorithm 4 of the paper, in other words):
 *	u = 3 (XZ - b ZZ)
 *	v = 3 (b XZ - 3 ZZ - XX)
 *	w = 3 XX - 3 ZZ
 *	X3 = XY (YY + u) - YZ v
 *	Y3 = (YY + u) (YY - u) + w v
 *	Z3 = YZ (YY - u) + XY w
 */
static void combine(struct p521_point *r, struct fe521 *t)
{
	fe521_mul(&t[U], &t[ZZ], &curve_b);
	fe521_sub(&t[U], &t[XZ], &t[U]);
	triple(&t[U]);
	triple(&t[ZZ]);
	fe521_mul(&t[V], &t[XZ], &curve_b);
	fe521_sub(&t[V], &t[V], &t[ZZ]);
	fe521_sub(&t[V], &t[V], &t[XX]);
	triple(&t[V]);
	triple(&t[XX]);
	fe521_sub(&t[W], &t[XX], &t[ZZ]);

	fe521_add(&t[XX], &t[YY], &t[U]);
	fe521_sub(&t[YY], &t[YY], &t[U]);
	fe521_mul(&r->x, &t[XY], &t[XX]);
	fe521_mul(&t[U], &t[YZ], &t[V]);
	fe521_sub(&r->x, &r->x, &t[U]);
	fe521_mul(&r->y, &t[XX], &t[YY]);
	fe521_mul(&t[U], &t[W], &t[V]);
	fe521_add(&r->y, &r->y, &t[U]);
	fe521_mul(&r->z, &t[YZ], &t[YY]);
	fe521_mul(&t[U], &t[XY], &t[W]);
	fe521_add(&r->z, &r->z, &t[U]);
}

/* r = a1 b2 + a2 b1, given s = a1 a2 and t = b1 b2; by one multiplication */
static void cross(struct fe521 *r, struct fe521 *tmp,
		  const struct fe521 *a1, const struct fe521 *b1,
		  const struct fe521 *a2, const struct fe521 *b2,
		  const struct fe521 *s, const struct fe521 *t)
{
	fe521_add(r, a1, b1);
	fe521_add(tmp, a2, b2);
	fe521_mul(r, r, tmp);
	fe521_sub(r, r, s);
	fe521_sub(r, r, t);
}

/* r = p + q; r may be either */
static void add(struct p521_point *r, const struct p521_point *p,
		const struct p521_point *q, struct fe521 *t)
{
	fe521_mul(&t[XX], &p->x, &q->x);
	fe521_mul(&t[YY], &p->y, &q->y);
	fe521_mul(&t[ZZ], &p->z, &q->z);
	cross(&t[XY], &t[U], &p->x, &p->y, &q->x, &q->y, &t[XX], &t[YY]);
	cross(&t[YZ], &t[U], &p->y, &p->z, &q->y, &q->z, &t[YY], &t[ZZ]);
	cross(&t[XZ], &t[U], &p->x, &p->z, &q->x, &q->z, &t[XX], &t[ZZ]);
	combine(r, t);
}

/* a table entry without an address that depends on which */
static void lookup(struct p521_work *w, u64 digit)
{
	u64 *to = (u64 *)&w->pick;
	const u64 *from;
	u64 mask, i;
	size_t k;

	memset(&w->pick, 0, sizeof(w->pick));
	for (i = 0; i < ARRAY_SIZE(w->table); i++) {
		/* all ones if i == digit: both are small */
		mask = ((i ^ digit) - 1) >> 63;
		mask = -mask;
		OPTIMIZER_HIDE_VAR(mask);
		from = (const u64 *)&w->table[i];
		for (k = 0; k < sizeof(w->pick) / sizeof(*to); k++)
			to[k] |= from[k] & mask;
	}
}

/* w->acc = scalar * base, four bits at a time, from the top */
static void scalar_mult(struct p521_work *w, const u8 *scalar,
			const struct p521_point *base)
{
	unsigned int i, k;

	w->table[0] = infinity;
	for (i = 1; i < ARRAY_SIZE(w->table); i++)
		add(&w->table[i], &w->table[i - 1], base, w->t);
	w->acc = infinity;
	for (i = 0; i < 2 * TCPCRYPT_P521_LEN; i++) {
		for (k = 0; k < P521_WINDOW; k++)
			add(&w->acc, &w->acc, &w->acc, w->t);
		lookup(w, scalar[i / 2] >> (i % 2 ? 0 : P521_WINDOW) & 15);
		add(&w->acc, &w->acc, &w->pick, w->t);
	}
}

/* x and, if wanted, y of w->acc, which is not infinity */
static void affine(struct p521_work *w, u8 *x, u8 *y)
{
	fe521_inv(&w->t[0], &w->acc.z);
	fe521_mul(&w->t[1], &w->acc.x, &w->t[0]);
	fe521_store(x, &w->t[1]);
	if (!y)
		return;
	fe521_mul(&w->t[1], &w->acc.y, &w->t[0]);
	fe521_store(y, &w->t[1]);
}

/**
 * tcpcrypt_p521_scalar() - a private key from random bytes
 * @scalar:  TCPCRYPT_P521_LEN bytes, big-endian, 1 to n - 1
 * @entropy: TCPCRYPT_P521_LEN random bytes, of which 521 bits are used
 *
 * Return: false if other bytes must be tried, so that no key is likelier than
 * another; once in 2^262 times.
 */
bool tcpcrypt_p521_scalar(u8 *scalar, const u8 *entropy)
{
	unsigned int any = 0, borrow = 0;
	int i;

	memcpy(scalar, entropy, TCPCRYPT_P521_LEN);
	scalar[0] &= 1;
	for (i = TCPCRYPT_P521_LEN - 1; i >= 0; i--) {
		any |= scalar[i];
		borrow = (scalar[i] - order[i] - borrow) >> 31;
	}
	return any && borrow;
}

/**
 * tcpcrypt_p521_decode() - take a public key from the wire and validate it
 * @p:   the point
 * @pub: TCPCRYPT_P521_PUB_LEN bytes
 *
 * RFC 8548, section 5: implementations MUST validate (IEEE 1363, A.16.10).
 * Infinity has no compressed encoding of this length, and the curve has no
 * other subgroup.
 *
 * Return: 0, or -EPROTO if @pub is not the encoding of a point of the curve.
 */
int tcpcrypt_p521_decode(struct p521_point *p, const u8 *pub)
{
	int odd = tcpcrypt_nist_header(pub, TCPCRYPT_P521_PUB_LEN);
	static const struct fe521 zero;
	u8 a[TCPCRYPT_P521_LEN], b[TCPCRYPT_P521_LEN];
	struct fe521 rhs, t;

	if (odd < 0 || fe521_load(&p->x, pub + TCPCRYPT_NIST_HDR))
		return -EPROTO;
	/* y^2 = x^3 - 3x + b */
	fe521_mul(&rhs, &p->x, &p->x);
	fe521_mul(&rhs, &rhs, &p->x);
	t = p->x;
	triple(&t);
	fe521_sub(&rhs, &rhs, &t);
	fe521_add(&rhs, &rhs, &curve_b);
	fe521_sqrt(&p->y, &rhs);
	fe521_mul(&t, &p->y, &p->y);
	fe521_store(a, &t);
	fe521_store(b, &rhs);
	if (memcmp(a, b, sizeof(a)))
		return -EPROTO;
	/* -y if y is the other one; it is not 0, as no point has order 2 */
	fe521_store(a, &p->y);
	fe521_sub(&t, &zero, &p->y);
	if ((a[TCPCRYPT_P521_LEN - 1] & 1) != odd)
		p->y = t;
	memset(&p->z, 0, sizeof(p->z));
	p->z.v[0] = 1;
	return 0;
}

/**
 * tcpcrypt_p521_public() - the public key of a private key
 * @w:      work space, secret afterwards
 * @pub:    TCPCRYPT_P521_PUB_LEN bytes, as they go over the wire
 * @scalar: from tcpcrypt_p521_scalar()
 */
void tcpcrypt_p521_public(struct p521_work *w, u8 *pub, const u8 *scalar)
{
	u8 y[TCPCRYPT_P521_LEN];

	scalar_mult(w, scalar, &generator);
	affine(w, pub + TCPCRYPT_NIST_HDR, y);
	tcpcrypt_nist_put_header(pub, TCPCRYPT_P521_PUB_LEN,
				 y[TCPCRYPT_P521_LEN - 1] & 1);
}

/**
 * tcpcrypt_p521_agree() - ECSVDP-DH (IEEE 1363, section 7.2.1) on P-521
 * @w:        work space, secret afterwards
 * @es:       TCPCRYPT_P521_LEN bytes, x of the shared point, big-endian
 * @scalar:   from tcpcrypt_p521_scalar()
 * @peer_pub: TCPCRYPT_P521_PUB_LEN bytes, from the wire
 *
 * The order is prime: the shared point is not infinity.
 *
 * Return: 0, or -EPROTO if @peer_pub is not valid.
 */
int tcpcrypt_p521_agree(struct p521_work *w, u8 *es, const u8 *scalar,
			const u8 *peer_pub)
{
	int err = tcpcrypt_p521_decode(&w->acc, peer_pub);

	if (err)
		return err;
	w->pick = w->acc;
	scalar_mult(w, scalar, &w->pick);
	affine(w, es, NULL);
	return 0;
}
