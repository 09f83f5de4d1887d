/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The big numbers that the unit tests compare with, for the kernel: natural
 * numbers, simple and slow, and no code in common with net/crypto.
 */
#ifndef _SHIM_OPENSSL_BN_H
#define _SHIM_OPENSSL_BN_H

#include <linux/types.h>

#define BN_WORDS	36	/* more than a product of two of 528 bits */

struct bn {
	u32	w[BN_WORDS];
};

struct bn_ctx;

#define BIGNUM		struct bn
#define BN_CTX		struct bn_ctx
#define BN_CTX_new()	NULL

BIGNUM *BN_new(void);
void BN_free(BIGNUM *a);
void BN_copy(BIGNUM *r, const BIGNUM *a);
void BN_zero(BIGNUM *r);
void BN_set_word(BIGNUM *r, u64 v);
void BN_set_bit(BIGNUM *r, int bit);
void BN_clear_bit(BIGNUM *r, int bit);
void BN_mask_bits(BIGNUM *r, int bits);
void BN_lshift(BIGNUM *r, const BIGNUM *a, int bits);
void BN_lebin2bn(const u8 *bytes, int len, BIGNUM *r);
void BN_bn2lebinpad(const BIGNUM *a, u8 *bytes, int len);
void BN_bn2binpad(const BIGNUM *a, u8 *bytes, int len);
int BN_cmp(const BIGNUM *a, const BIGNUM *b);
void BN_add(BIGNUM *r, const BIGNUM *a, const BIGNUM *b);
void BN_add_word(BIGNUM *r, u32 v);
void BN_sub_word(BIGNUM *r, u32 v);
void BN_nnmod(BIGNUM *r, const BIGNUM *a, const BIGNUM *m, BN_CTX *ctx);
void BN_mod_add(BIGNUM *r, const BIGNUM *a, const BIGNUM *b, const BIGNUM *m,
		BN_CTX *ctx);
void BN_mod_sub(BIGNUM *r, const BIGNUM *a, const BIGNUM *b, const BIGNUM *m,
		BN_CTX *ctx);
void BN_mod_mul(BIGNUM *r, const BIGNUM *a, const BIGNUM *b, const BIGNUM *m,
		BN_CTX *ctx);
void BN_mod_sqr(BIGNUM *r, const BIGNUM *a, const BIGNUM *m, BN_CTX *ctx);
BIGNUM *BN_mod_inverse(BIGNUM *r, const BIGNUM *a, const BIGNUM *m,
		       BN_CTX *ctx);

#endif /* _SHIM_OPENSSL_BN_H */
