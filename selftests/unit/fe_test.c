// SPDX-License-Identifier: GPL-2.0
/* net/crypto/fe25519.c, fe448.c, fe521.c, against the big numbers of OpenSSL */

#include <openssl/bn.h>
#include <linux/errno.h>
#include <linux/string.h>
#include "../../net/crypto/fe25519.h"
#include "../../net/crypto/fe448.h"
#include "../../net/crypto/fe521.h"
#include "ktap.h"

#define ROUNDS	3000

static BN_CTX *ctx;
static BIGNUM *p25519, *p448, *p521;

static void setup(void)
{
	if (ctx)
		return;
	ctx = BN_CTX_new();
	p25519 = BN_new();
	p448 = BN_new();
	p521 = BN_new();
	BN_set_bit(p25519, 255);
	BN_sub_word(p25519, 19);
	BN_set_bit(p448, 448);
	BN_sub_word(p448, 1);
	BN_clear_bit(p448, 224);
	BN_set_bit(p521, 521);
	BN_sub_word(p521, 1);
}

static u64 rnd64(void)
{
	return (u64)rnd(0xffffffff) << 32 ^ rnd(0xffffffff) << 7 ^
	       rnd(0xffffffff);
}

/* A limb as large as may be, the most that a limb of p has, around it, ... */
static u64 limb(u64 mask)
{
	switch (rnd(8)) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		return mask;
	case 3:
		return mask - 1;
	case 4:
		return mask + 1;
	case 5:
		return mask + 256;
	}
	return rnd64() & mask;
}

static void number(BIGNUM *n, const u64 *v, int limbs, int bits,
		   const BIGNUM *p)
{
	BIGNUM *t = BN_new();
	u8 le[8];
	int i, j;

	BN_zero(n);
	for (i = limbs - 1; i >= 0; i--) {
		for (j = 0; j < 8; j++)
			le[j] = v[i] >> 8 * j;
		BN_lebin2bn(le, 8, t);
		BN_lshift(n, n, bits);
		BN_add(n, n, t);
	}
	if (p)
		BN_nnmod(n, n, p, ctx);
	BN_free(t);
}

static void bounded(const u64 *v, int limbs, u64 mask, u64 top)
{
	int i;

	for (i = 0; i < limbs; i++)
		EXPECT(v[i] <= (i == limbs - 1 ? top : mask) + 256);
}

static void is25519(const struct fe25519 *a, const BIGNUM *want)
{
	u8 bytes[FE25519_LEN], le[FE25519_LEN];

	bounded(a->v, FE25519_LIMBS, FE25519_MASK, FE25519_MASK);
	fe25519_store(bytes, a);
	BN_bn2lebinpad(want, le, sizeof(le));
	EXPECT_MEM(bytes, le, sizeof(le));
}

static void is448(const struct fe448 *a, const BIGNUM *want)
{
	u8 bytes[FE448_LEN], le[FE448_LEN];

	bounded(a->v, FE448_LIMBS, FE448_MASK, FE448_MASK);
	fe448_store(bytes, a);
	BN_bn2lebinpad(want, le, sizeof(le));
	EXPECT_MEM(bytes, le, sizeof(le));
}

static void is521(const struct fe521 *a, const BIGNUM *want)
{
	u8 bytes[FE521_LEN], be[FE521_LEN];

	bounded(a->v, FE521_LIMBS, FE521_MASK, FE521_TOP_MASK);
	fe521_store(bytes, a);
	BN_bn2binpad(want, be, sizeof(be));
	EXPECT_MEM(bytes, be, sizeof(be));
}

static void operate25519(const struct fe25519 *a, const struct fe25519 *b)
{
	BIGNUM *na = BN_new(), *nb = BN_new(), *n = BN_new();
	struct fe25519 r;
	u32 small;

	number(na, a->v, FE25519_LIMBS, FE25519_BITS, p25519);
	number(nb, b->v, FE25519_LIMBS, FE25519_BITS, p25519);
	is25519(a, na);
	BN_mod_mul(n, na, nb, p25519, ctx);
	fe25519_mul(&r, a, b);
	is25519(&r, n);
	r = *a;
	fe25519_mul(&r, &r, b);
	is25519(&r, n);
	BN_mod_add(n, na, nb, p25519, ctx);
	fe25519_add(&r, a, b);
	is25519(&r, n);
	BN_mod_sub(n, na, nb, p25519, ctx);
	fe25519_sub(&r, a, b);
	is25519(&r, n);
	BN_mod_sqr(n, na, p25519, ctx);
	fe25519_mul(&r, a, a);
	is25519(&r, n);
	small = rnd(2) ? 121665 : rnd(0xffffffff);
	BN_set_word(n, small);
	BN_mod_mul(n, na, n, p25519, ctx);
	fe25519_mul_small(&r, a, small);
	is25519(&r, n);
	BN_free(na);
	BN_free(nb);
	BN_free(n);
}

static void operate448(const struct fe448 *a, const struct fe448 *b)
{
	BIGNUM *na = BN_new(), *nb = BN_new(), *n = BN_new();
	struct fe448 r;
	u32 small;

	number(na, a->v, FE448_LIMBS, FE448_BITS, p448);
	number(nb, b->v, FE448_LIMBS, FE448_BITS, p448);
	is448(a, na);
	BN_mod_mul(n, na, nb, p448, ctx);
	fe448_mul(&r, a, b);
	is448(&r, n);
	r = *a;
	fe448_mul(&r, &r, b);
	is448(&r, n);
	BN_mod_add(n, na, nb, p448, ctx);
	fe448_add(&r, a, b);
	is448(&r, n);
	BN_mod_sub(n, na, nb, p448, ctx);
	fe448_sub(&r, a, b);
	is448(&r, n);
	BN_mod_sqr(n, na, p448, ctx);
	fe448_mul(&r, a, a);
	is448(&r, n);
	small = rnd(2) ? 39081 : rnd(0xffffffff);
	BN_set_word(n, small);
	BN_mod_mul(n, na, n, p448, ctx);
	fe448_mul_small(&r, a, small);
	is448(&r, n);
	BN_free(na);
	BN_free(nb);
	BN_free(n);
}

static void operate521(const struct fe521 *a, const struct fe521 *b)
{
	BIGNUM *na = BN_new(), *nb = BN_new(), *n = BN_new();
	struct fe521 r;

	number(na, a->v, FE521_LIMBS, FE521_BITS, p521);
	number(nb, b->v, FE521_LIMBS, FE521_BITS, p521);
	is521(a, na);
	BN_mod_mul(n, na, nb, p521, ctx);
	fe521_mul(&r, a, b);
	is521(&r, n);
	r = *b;
	fe521_mul(&r, a, &r);
	is521(&r, n);
	BN_mod_add(n, na, nb, p521, ctx);
	fe521_add(&r, a, b);
	is521(&r, n);
	BN_mod_sub(n, na, nb, p521, ctx);
	fe521_sub(&r, a, b);
	is521(&r, n);
	BN_mod_sqr(n, na, p521, ctx);
	fe521_mul(&r, a, a);
	is521(&r, n);
	BN_free(na);
	BN_free(nb);
	BN_free(n);
}

static void fe25519__operations(void)
{
	struct fe25519 a, b;
	int i, k;

	setup();
	for (i = 0; i < ROUNDS; i++) {
		for (k = 0; k < FE25519_LIMBS; k++) {
			a.v[k] = limb(FE25519_MASK);
			b.v[k] = limb(FE25519_MASK);
		}
		operate25519(&a, &b);
	}
}

static void fe25519__edges(void)
{
	struct fe25519 e[7] = {};
	int i, j, k;

	setup();
	e[1].v[0] = 1;
	for (k = 0; k < FE25519_LIMBS; k++) {
		e[3].v[k] = FE25519_MASK - (k ? 0 : 18);
		e[2].v[k] = e[3].v[k] - !k;
		e[4].v[k] = e[3].v[k] + !k;
		e[5].v[k] = FE25519_MASK;
		e[6].v[k] = FE25519_MASK + 256;
	}
	for (i = 0; i < 7; i++)
		for (j = 0; j < 7; j++)
			operate25519(&e[i], &e[j]);
}

static void fe25519__invert(void)
{
	BIGNUM *n = BN_new();
	struct fe25519 a = {}, r;
	int i, k;

	setup();
	fe25519_inv(&r, &a);
	BN_zero(n);
	is25519(&r, n);
	for (i = 0; i < 100; i++) {
		for (k = 0; k < FE25519_LIMBS; k++)
			a.v[k] = limb(FE25519_MASK);
		number(n, a.v, FE25519_LIMBS, FE25519_BITS, p25519);
		if (!BN_mod_inverse(n, n, p25519, ctx))
			continue;
		fe25519_inv(&r, &a);
		is25519(&r, n);
	}
	BN_free(n);
}

/* RFC 7748, section 5: the last bit is masked, p or more counts modulo p. */
static void fe25519__load(void)
{
	BIGNUM *n = BN_new(), *m = BN_new();
	u8 bytes[FE25519_LEN];
	struct fe25519 r;
	int i;

	setup();
	for (i = 0; i < 256 + 22; i++) {
		if (i < 256) {
			BN_zero(n);
			BN_set_bit(n, i);
		} else {
			BN_copy(n, p25519);
			BN_sub_word(n, 3);
			BN_add_word(n, i - 256);
		}
		BN_bn2lebinpad(n, bytes, sizeof(bytes));
		fe25519_load(&r, bytes);
		BN_mask_bits(n, 255);
		BN_nnmod(m, n, p25519, ctx);
		is25519(&r, m);
	}
	BN_free(n);
	BN_free(m);
}

static void fe448__operations(void)
{
	struct fe448 a, b;
	int i, k;

	setup();
	for (i = 0; i < ROUNDS; i++) {
		for (k = 0; k < FE448_LIMBS; k++) {
			a.v[k] = limb(FE448_MASK);
			b.v[k] = limb(FE448_MASK);
		}
		operate448(&a, &b);
	}
}

/* 0, 1, p - 1, p, p + 1, all ones, all limbs at their bound */
static void fe448__edges(void)
{
	struct fe448 e[8] = {};
	int i, j, k;

	setup();
	e[1].v[0] = 1;
	for (k = 0; k < FE448_LIMBS; k++) {
		e[3].v[k] = FE448_MASK - (k == 4);
		e[2].v[k] = e[3].v[k] - (k == 0);
		e[4].v[k] = k < 4 ? 0 : FE448_MASK;
		e[5].v[k] = FE448_MASK;
		e[6].v[k] = FE448_MASK + 256;
		e[7].v[k] = k ? FE448_MASK : FE448_MASK + 1;
	}
	for (i = 0; i < 8; i++)
		for (j = 0; j < 8; j++)
			operate448(&e[i], &e[j]);
}

static void fe448__invert(void)
{
	BIGNUM *n = BN_new();
	struct fe448 a = {}, r;
	int i, k;

	setup();
	fe448_inv(&r, &a);
	BN_zero(n);
	is448(&r, n);
	for (i = 0; i < 100; i++) {
		for (k = 0; k < FE448_LIMBS; k++)
			a.v[k] = limb(FE448_MASK);
		number(n, a.v, FE448_LIMBS, FE448_BITS, p448);
		if (!BN_mod_inverse(n, n, p448, ctx))
			continue;
		fe448_inv(&r, &a);
		is448(&r, n);
	}
	BN_free(n);
}

/* RFC 7748, section 5: what is p or more counts modulo p. */
static void fe448__load(void)
{
	BIGNUM *n = BN_new(), *m = BN_new();
	u8 bytes[FE448_LEN];
	struct fe448 r;
	int i;

	setup();
	BN_copy(n, p448);
	BN_sub_word(n, 3);
	for (i = 0; i < 10; i++, BN_add_word(n, 1)) {
		BN_bn2lebinpad(n, bytes, sizeof(bytes));
		fe448_load(&r, bytes);
		BN_nnmod(m, n, p448, ctx);
		is448(&r, m);
	}
	memset(bytes, 0xff, sizeof(bytes));
	fe448_load(&r, bytes);
	BN_lebin2bn(bytes, sizeof(bytes), n);
	BN_nnmod(m, n, p448, ctx);
	is448(&r, m);
	BN_free(n);
	BN_free(m);
}

static void fe448__swap(void)
{
	struct fe448 a = { { 1, 2, 3, 4, 5, 6, 7, 8 } }, b = {}, c = a, d = b;

	fe448_cswap(0, &c, &d);
	EXPECT_MEM(&c, &a, sizeof(a));
	EXPECT_MEM(&d, &b, sizeof(b));
	fe448_cswap(1, &c, &d);
	EXPECT_MEM(&c, &b, sizeof(b));
	EXPECT_MEM(&d, &a, sizeof(a));
}

static void any521(struct fe521 *a)
{
	int k;

	for (k = 0; k < FE521_LIMBS; k++)
		a->v[k] = limb(k == FE521_LIMBS - 1 ? FE521_TOP_MASK :
						      FE521_MASK);
}

static void fe521__operations(void)
{
	struct fe521 a, b;
	int i;

	setup();
	for (i = 0; i < ROUNDS; i++) {
		any521(&a);
		any521(&b);
		operate521(&a, &b);
	}
}

static void fe521__edges(void)
{
	struct fe521 e[7] = {};
	int i, j, k;

	setup();
	e[1].v[0] = 1;
	for (k = 0; k < FE521_LIMBS; k++) {
		e[3].v[k] = k == 8 ? FE521_TOP_MASK : FE521_MASK;
		e[2].v[k] = e[3].v[k] - (k == 0);
		e[4].v[k] = e[3].v[k] + 256;
		e[5].v[k] = e[3].v[k] + !k;
		e[6].v[k] = e[3].v[k] + (k == 8);
	}
	for (i = 0; i < 7; i++)
		for (j = 0; j < 7; j++)
			operate521(&e[i], &e[j]);
}

static void fe521__invert(void)
{
	BIGNUM *n = BN_new();
	struct fe521 a = {}, r;
	int i;

	setup();
	fe521_inv(&r, &a);
	BN_zero(n);
	is521(&r, n);
	for (i = 0; i < 100; i++) {
		any521(&a);
		number(n, a.v, FE521_LIMBS, FE521_BITS, p521);
		if (!BN_mod_inverse(n, n, p521, ctx))
			continue;
		fe521_inv(&r, &a);
		is521(&r, n);
	}
	BN_free(n);
}

static void fe521__square_root(void)
{
	BIGNUM *n = BN_new(), *m = BN_new();
	struct fe521 a, s, r;
	int i;

	setup();
	for (i = 0; i < 100; i++) {
		any521(&a);
		number(n, a.v, FE521_LIMBS, FE521_BITS, p521);
		fe521_mul(&s, &a, &a);
		fe521_sqrt(&r, &s);
		number(m, r.v, FE521_LIMBS, FE521_BITS, p521);
		if (BN_cmp(m, n))
			BN_mod_sub(n, p521, n, p521, ctx);
		is521(&r, n);
	}
	BN_free(n);
	BN_free(m);
}

/* Only what is less than p, in all 528 bits */
static void fe521__load(void)
{
	BIGNUM *n = BN_new();
	u8 bytes[FE521_LEN];
	struct fe521 r;
	int i;

	setup();
	BN_copy(n, p521);
	BN_sub_word(n, 5);
	for (i = -5; i < 5; i++, BN_add_word(n, 1)) {
		BN_bn2binpad(n, bytes, sizeof(bytes));
		EXPECT_EQ(fe521_load(&r, bytes), i < 0 ? 0 : -EPROTO);
		if (i < 0)
			is521(&r, n);
	}
	for (i = 0; i < 528; i++) {
		BN_zero(n);
		BN_set_bit(n, i);
		BN_bn2binpad(n, bytes, sizeof(bytes));
		EXPECT_EQ(fe521_load(&r, bytes), i < 521 ? 0 : -EPROTO);
		if (i < 521)
			is521(&r, n);
	}
	BN_free(n);
}

const struct ktap_case fe_cases[] = {
	KTAP_CASE(fe25519__operations),
	KTAP_CASE(fe25519__edges),
	KTAP_CASE(fe25519__invert),
	KTAP_CASE(fe25519__load),
	KTAP_CASE(fe448__operations),
	KTAP_CASE(fe448__edges),
	KTAP_CASE(fe448__invert),
	KTAP_CASE(fe448__load),
	KTAP_CASE(fe448__swap),
	KTAP_CASE(fe521__operations),
	KTAP_CASE(fe521__edges),
	KTAP_CASE(fe521__invert),
	KTAP_CASE(fe521__square_root),
	KTAP_CASE(fe521__load),
	{}
};
