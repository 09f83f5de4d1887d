// SPDX-License-Identifier: GPL-2.0
/*
 * HMAC-SHA256 over the kernel's sha256, for HKDF (RFC 5869).
 *
 * One unkeyed transform serves all: an HMAC transform holds its key, and the
 * key schedule uses each key once or twice.
 */

#include <crypto/hash.h>
#include <crypto/sha2.h>
#include <linux/err.h>
#include <linux/string.h>
#include "crypto.h"

#define HMAC_IPAD 0x36
#define HMAC_OPAD 0x5c

static struct crypto_shash *hash_tfm;

/* One pass of HMAC: H((key ^ pad) | vec...) */
static int hmac_pass(struct shash_desc *desc, const u8 *block, u8 pad,
		     const struct tcpcrypt_vec *vec, unsigned int nvec, u8 *out)
{
	u8 padded[SHA256_BLOCK_SIZE];
	unsigned int i;
	int err;

	for (i = 0; i < sizeof(padded); i++)
		padded[i] = block[i] ^ pad;
	err = crypto_shash_init(desc);
	if (!err)
		err = crypto_shash_update(desc, padded, sizeof(padded));
	for (i = 0; i < nvec && !err; i++)
		err = crypto_shash_update(desc, vec[i].base, vec[i].len);
	if (!err)
		err = crypto_shash_final(desc, out);
	memzero_explicit(padded, sizeof(padded));
	return err;
}

static int hmac_sha256(const u8 *key, size_t keylen,
		       const struct tcpcrypt_vec *vec, unsigned int nvec,
		       u8 *out)
{
	SHASH_DESC_ON_STACK(desc, hash_tfm);
	u8 block[SHA256_BLOCK_SIZE] = {};
	u8 digest[SHA256_DIGEST_SIZE];
	struct tcpcrypt_vec inner = { digest, sizeof(digest) };
	int err = 0;

	desc->tfm = hash_tfm;
	if (keylen > sizeof(block))
		err = crypto_shash_digest(desc, key, keylen, block);
	else
		memcpy(block, key, keylen);
	if (!err)
		err = hmac_pass(desc, block, HMAC_IPAD, vec, nvec, digest);
	if (!err)
		err = hmac_pass(desc, block, HMAC_OPAD, &inner, 1, out);
	memzero_explicit(block, sizeof(block));
	memzero_explicit(digest, sizeof(digest));
	shash_desc_zero(desc);
	/* the last state, which is the hash */
	tcpcrypt_scrub(TCPCRYPT_SCRUB_HASH);
	return err;
}

const struct tcpcrypt_mac tcpcrypt_hmac_sha256 = { .hmac = hmac_sha256 };

/**
 * tcpcrypt_mac_init() - get the hash that the key schedule needs
 *
 * Return: 0 or a negative errno.
 */
int tcpcrypt_mac_init(void)
{
	hash_tfm = crypto_alloc_shash("sha256", 0, 0);
	return PTR_ERR_OR_ZERO(hash_tfm);
}

/** tcpcrypt_mac_exit() - release what tcpcrypt_mac_init() got */
void tcpcrypt_mac_exit(void)
{
	crypto_free_shash(hash_tfm);
}
