// SPDX-License-Identifier: GPL-2.0
/*
 * HMAC-SHA256 over the kernel's sha256, for HKDF (RFC 5869).
 *
 * One unkeyed transform serves all: an HMAC transform holds its key, and the
 * key schedule uses each key a few times, in a row. What depends on the key
 * alone, half of the work, is then kept in the caller's struct
 * tcpcrypt_mac_memo, and the stack behind the hash functions, whose last state
 * is the hash, is wiped once, by tcpcrypt_mac_done().
 */

#include <crypto/algapi.h>
#include <crypto/hash.h>
#include <crypto/sha2.h>
#include <linux/err.h>
#include <linux/string.h>
#include "crypto.h"

#define HMAC_IPAD	0x3636363636363636ULL
#define HMAC_OPAD	0x5c5c5c5c5c5c5c5cULL
#define BLOCK_WORDS	(SHA256_BLOCK_SIZE / sizeof(u64))

static struct crypto_shash *hash_tfm;

/* The state of the hash after the first block, key ^ pad */
static int pad_state(struct shash_desc *desc, const u64 *block, u64 pad,
		     u8 *state)
{
	u64 padded[BLOCK_WORDS];
	unsigned int i;
	int err;

	for (i = 0; i < BLOCK_WORDS; i++)
		padded[i] = block[i] ^ pad;
	err = crypto_shash_init(desc);
	if (!err)
		err = crypto_shash_update(desc, (u8 *)padded, sizeof(padded));
	if (!err)
		err = crypto_shash_export(desc, state);
	memzero_explicit(padded, sizeof(padded));
	return err;
}

static bool is_memo_of(const struct tcpcrypt_mac_memo *memo, const u8 *key,
		       size_t keylen)
{
	return memo->valid && keylen == sizeof(memo->key) &&
	       !crypto_memneq(memo->key, key, sizeof(memo->key));
}

static int set_key(struct shash_desc *desc, struct tcpcrypt_mac_memo *memo,
		   const u8 *key, size_t keylen)
{
	u64 block[BLOCK_WORDS] = {};
	int err = 0;

	if (is_memo_of(memo, key, keylen))
		return 0;
	memo->valid = false;
	if (keylen > sizeof(block))
		err = crypto_shash_digest(desc, key, keylen, (u8 *)block);
	else
		memcpy(block, key, keylen);
	if (!err)
		err = pad_state(desc, block, HMAC_IPAD, memo->inner);
	if (!err)
		err = pad_state(desc, block, HMAC_OPAD, memo->outer);
	if (!err && keylen == sizeof(memo->key)) {
		memcpy(memo->key, key, keylen);
		memo->valid = true;
	}
	memzero_explicit(block, sizeof(block));
	return err;
}

/* Small pieces are put together: each call of the hash costs. */
static int finish(struct shash_desc *desc, const struct tcpcrypt_vec *vec,
		  unsigned int nvec, u8 *out)
{
	u8 buf[SHA256_BLOCK_SIZE];
	unsigned int i, n = 0;
	int err = 0;

	for (i = 0; i < nvec && !err; i++) {
		if (n + vec[i].len <= sizeof(buf)) {
			memcpy(buf + n, vec[i].base, vec[i].len);
			n += vec[i].len;
			continue;
		}
		err = crypto_shash_update(desc, buf, n);
		n = 0;
		if (!err)
			err = crypto_shash_update(desc, vec[i].base,
						  vec[i].len);
	}
	if (!err)
		err = crypto_shash_finup(desc, buf, n, out);
	memzero_explicit(buf, sizeof(buf));
	return err;
}

static int hmac_with(struct tcpcrypt_mac_memo *memo, const u8 *key,
		     size_t keylen, const struct tcpcrypt_vec *vec,
		     unsigned int nvec, u8 *out)
{
	SHASH_DESC_ON_STACK(desc, hash_tfm);
	u8 digest[SHA256_DIGEST_SIZE];
	struct tcpcrypt_vec inner = { digest, sizeof(digest) };
	int err;

	desc->tfm = hash_tfm;
	err = set_key(desc, memo, key, keylen);
	if (!err)
		err = crypto_shash_import(desc, memo->inner);
	if (!err)
		err = finish(desc, vec, nvec, digest);
	if (!err)
		err = crypto_shash_import(desc, memo->outer);
	if (!err)
		err = finish(desc, &inner, 1, out);
	memzero_explicit(digest, sizeof(digest));
	shash_desc_zero(desc);
	return err;
}

/* For a key that is used once */
static noinline int hmac_once(const u8 *key, size_t keylen,
			      const struct tcpcrypt_vec *vec,
			      unsigned int nvec, u8 *out)
{
	struct tcpcrypt_mac_memo memo;
	int err;

	memo.valid = false;
	err = hmac_with(&memo, key, keylen, vec, nvec, out);
	tcpcrypt_mac_done(&memo);
	return err;
}

static int hmac_sha256(const struct tcpcrypt_mac *mac, const u8 *key,
		       size_t keylen, const struct tcpcrypt_vec *vec,
		       unsigned int nvec, u8 *out)
{
	int err;

	if (mac->memo)
		err = hmac_with(mac->memo, key, keylen, vec, nvec, out);
	else
		err = hmac_once(key, keylen, vec, nvec, out);
	return tcpcrypt_crypto_err(err);
}

const struct tcpcrypt_mac tcpcrypt_hmac_sha256 = { .hmac = hmac_sha256 };

/**
 * tcpcrypt_mac_with() - HMAC-SHA256 for several uses of a key
 * @memo: the caller's; wiped by tcpcrypt_mac_done()
 *
 * Return: what functions of the key schedule take.
 */
struct tcpcrypt_mac tcpcrypt_mac_with(struct tcpcrypt_mac_memo *memo)
{
	memo->valid = false;
	return (struct tcpcrypt_mac){ .hmac = hmac_sha256, .memo = memo };
}

/**
 * tcpcrypt_mac_done() - wipe what was kept, and the stack
 * @memo: as given to tcpcrypt_mac_with()
 */
void tcpcrypt_mac_done(struct tcpcrypt_mac_memo *memo)
{
	memzero_explicit(memo, sizeof(*memo));
	/* the last states, and what an interrupt has saved of registers */
	tcpcrypt_scrub(TCPCRYPT_SCRUB_HASH);
}

/**
 * tcpcrypt_mac_init() - get the hash that the key schedule needs
 *
 * Return: 0 or a negative errno.
 */
int tcpcrypt_mac_init(void)
{
	hash_tfm = crypto_alloc_shash("sha256", 0, 0);
	if (IS_ERR(hash_tfm))
		return PTR_ERR(hash_tfm);
	if (crypto_shash_statesize(hash_tfm) > TCPCRYPT_MAC_STATE) {
		crypto_free_shash(hash_tfm);
		return -EOVERFLOW;
	}
	return 0;
}

/** tcpcrypt_mac_exit() - release what tcpcrypt_mac_init() got */
void tcpcrypt_mac_exit(void)
{
	crypto_free_shash(hash_tfm);
}
