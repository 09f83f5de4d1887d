// SPDX-License-Identifier: GPL-2.0
/* Natural numbers as in school, 32 bits a digit; nothing is secret. */

#include <linux/bitops.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <openssl/bn.h>

BIGNUM *BN_new(void)
{
	return kzalloc(sizeof(BIGNUM), GFP_KERNEL | __GFP_NOFAIL);
}

void BN_free(BIGNUM *a)
{
	kfree(a);
}

void BN_copy(BIGNUM *r, const BIGNUM *a)
{
	*r = *a;
}

void BN_zero(BIGNUM *r)
{
	memset(r, 0, sizeof(*r));
}

void BN_set_word(BIGNUM *r, u64 v)
{
	BN_zero(r);
	r->w[0] = v;
	r->w[1] = v >> 32;
}

static bool is_bit(const BIGNUM *a, int bit)
{
	return a->w[bit / 32] >> bit % 32 & 1;
}

void BN_set_bit(BIGNUM *r, int bit)
{
	r->w[bit / 32] |= 1u << bit % 32;
}

void BN_clear_bit(BIGNUM *r, int bit)
{
	r->w[bit / 32] &= ~(1u << bit % 32);
}

void BN_mask_bits(BIGNUM *r, int bits)
{
	for (; bits < 32 * BN_WORDS; bits++)
		BN_clear_bit(r, bits);
}

static int num_bits(const BIGNUM *a)
{
	int i;

	for (i = BN_WORDS - 1; i >= 0; i--)
		if (a->w[i])
			return 32 * i + fls(a->w[i]);
	return 0;
}

void BN_lshift(BIGNUM *r, const BIGNUM *a, int bits)
{
	const BIGNUM from = *a;
	int i, at;

	for (i = 0; i < BN_WORDS; i++) {
		at = i - bits / 32;
		r->w[i] = at < 0 ? 0 : from.w[at] << bits % 32;
		if (at > 0 && bits % 32)
			r->w[i] |= from.w[at - 1] >> (32 - bits % 32);
	}
}

void BN_lebin2bn(const u8 *bytes, int len, BIGNUM *r)
{
	int i;

	BN_zero(r);
	for (i = 0; i < len; i++)
		r->w[i / 4] |= (u32)bytes[i] << 8 * (i % 4);
}

void BN_bn2lebinpad(const BIGNUM *a, u8 *bytes, int len)
{
	int i;

	for (i = 0; i < len; i++)
		bytes[i] = a->w[i / 4] >> 8 * (i % 4);
}

void BN_bn2binpad(const BIGNUM *a, u8 *bytes, int len)
{
	int i;

	for (i = 0; i < len; i++)
		bytes[len - 1 - i] = a->w[i / 4] >> 8 * (i % 4);
}

int BN_cmp(const BIGNUM *a, const BIGNUM *b)
{
	int i;

	for (i = BN_WORDS - 1; i >= 0; i--)
		if (a->w[i] != b->w[i])
			return a->w[i] < b->w[i] ? -1 : 1;
	return 0;
}

void BN_add(BIGNUM *r, const BIGNUM *a, const BIGNUM *b)
{
	u64 sum = 0;
	int i;

	for (i = 0; i < BN_WORDS; i++) {
		sum += (u64)a->w[i] + b->w[i];
		r->w[i] = sum;
		sum >>= 32;
	}
}

/* a must not be less than b */
static void subtract(BIGNUM *r, const BIGNUM *a, const BIGNUM *b)
{
	u64 diff = 0;
	int i;

	for (i = 0; i < BN_WORDS; i++) {
		diff = (u64)a->w[i] - b->w[i] - (diff >> 63);
		r->w[i] = diff;
	}
}

void BN_add_word(BIGNUM *r, u32 v)
{
	const BIGNUM word = { { v } };

	BN_add(r, r, &word);
}

void BN_sub_word(BIGNUM *r, u32 v)
{
	const BIGNUM word = { { v } };

	subtract(r, r, &word);
}

static void halve(BIGNUM *r)
{
	int i;

	for (i = 0; i < BN_WORDS; i++) {
		r->w[i] >>= 1;
		if (i + 1 < BN_WORDS)
			r->w[i] |= r->w[i + 1] << 31;
	}
}

/* Long division: only the remainder is wanted. */
void BN_nnmod(BIGNUM *r, const BIGNUM *a, const BIGNUM *m, BN_CTX *ctx)
{
	int shift = num_bits(a) - num_bits(m);
	BIGNUM part;

	BN_copy(r, a);
	if (shift < 0)
		return;
	BN_lshift(&part, m, shift);
	for (; shift >= 0; shift--) {
		if (BN_cmp(r, &part) >= 0)
			subtract(r, r, &part);
		halve(&part);
	}
}

void BN_mod_add(BIGNUM *r, const BIGNUM *a, const BIGNUM *b, const BIGNUM *m,
		BN_CTX *ctx)
{
	BIGNUM sum;

	BN_add(&sum, a, b);
	BN_nnmod(r, &sum, m, ctx);
}

/* a and b must be less than m */
void BN_mod_sub(BIGNUM *r, const BIGNUM *a, const BIGNUM *b, const BIGNUM *m,
		BN_CTX *ctx)
{
	BIGNUM diff;

	BN_add(&diff, a, m);
	subtract(&diff, &diff, b);
	BN_nnmod(r, &diff, m, ctx);
}

void BN_mod_mul(BIGNUM *r, const BIGNUM *a, const BIGNUM *b, const BIGNUM *m,
		BN_CTX *ctx)
{
	BIGNUM product = {};
	u64 carry;
	int i, k;

	for (i = 0; i < BN_WORDS; i++) {
		if (!a->w[i])
			continue;
		for (carry = 0, k = 0; i + k < BN_WORDS; k++) {
			carry += product.w[i + k] + (u64)a->w[i] * b->w[k];
			product.w[i + k] = carry;
			carry >>= 32;
		}
	}
	BN_nnmod(r, &product, m, ctx);
}

void BN_mod_sqr(BIGNUM *r, const BIGNUM *a, const BIGNUM *m, BN_CTX *ctx)
{
	BN_mod_mul(r, a, a, m, ctx);
}

/* x / 2 modulo m, which is odd */
static void mod_halve(BIGNUM *x, const BIGNUM *m)
{
	if (is_bit(x, 0))
		BN_add(x, x, m);
	halve(x);
}

/* Euclid's algorithm in binary; m is an odd prime, a less than m. */
BIGNUM *BN_mod_inverse(BIGNUM *r, const BIGNUM *a, const BIGNUM *m,
		       BN_CTX *ctx)
{
	BIGNUM u = *a, v = *m, x = { { 1 } }, y = {};

	if (!num_bits(a))
		return NULL;
	/* u = a x and v = a y, modulo m */
	while (num_bits(&u)) {
		if (!is_bit(&u, 0)) {
			halve(&u);
			mod_halve(&x, m);
		} else {
			if (BN_cmp(&u, &v) < 0) {
				swap(u, v);
				swap(x, y);
			}
			subtract(&u, &u, &v);
			BN_mod_sub(&x, &x, &y, m, ctx);
		}
	}
	BN_copy(r, &y);
	return r;
}
