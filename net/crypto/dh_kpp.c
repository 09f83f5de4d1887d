// SPDX-License-Identifier: GPL-2.0
/*
 * X25519 (RFC 7748) and ECDH on P-256 by the kernel's key agreement API.
 *
 * The library functions sit in modules on distribution kernels, and insmod
 * resolves no dependencies; the API finds the fastest implementation and
 * loads it by name. 6.18 took X25519 out of the API; ours takes its place.
 */

#include <crypto/algapi.h>
#include <crypto/ecdh.h>
#include <crypto/kpp.h>
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kmod.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "../gfp.h"
#include "dh.h"

#define X25519_NAME	"curve25519"
#define P256_NAME	"ecdh-nist-p256"
#define P256_POINT_LEN	(2 * TCPCRYPT_P256_LEN)

/**
 * struct tcpcrypt_dh_key - an ephemeral key pair
 * @tfm: holds the private key; wiped when freed
 * @req: its request
 * @in:  the peer's public key: scatterlists take no stack memory
 * @out: result of the operation at hand
 */
struct tcpcrypt_dh_key {
	struct crypto_kpp	*tfm;
	struct kpp_request	*req;
	u8			in[P256_POINT_LEN];
	u8			out[P256_POINT_LEN];
};

static void kpp_free(struct tcpcrypt_dh_key *key)
{
	if (!key)
		return;
	kpp_request_free(key->req);
	if (key->tfm)
		crypto_free_kpp(key->tfm);
	kfree_sensitive(key);
}

static struct tcpcrypt_dh_key *kpp_new(const char *name)
{
	struct tcpcrypt_dh_key *key;
	struct crypto_kpp *tfm;

	key = kzalloc(sizeof(*key), TCPCRYPT_GFP);
	if (!key)
		return NULL;
	tfm = crypto_alloc_kpp(name, 0, 0);
	if (IS_ERR(tfm))
		goto free_key;
	key->tfm = tfm;
	key->req = kpp_request_alloc(tfm, TCPCRYPT_GFP);
	if (!key->req)
		goto free_key;
	return key;

free_key:
	kpp_free(key);
	return NULL;
}

/* The public key, to key->out */
static int kpp_public(struct tcpcrypt_dh_key *key, unsigned int out_len)
{
	DECLARE_CRYPTO_WAIT(wait);
	struct scatterlist dst;
	int err;

	sg_init_one(&dst, key->out, out_len);
	kpp_request_set_callback(key->req, CRYPTO_TFM_REQ_MAY_SLEEP,
				 crypto_req_done, &wait);
	kpp_request_set_input(key->req, NULL, 0);
	kpp_request_set_output(key->req, &dst, out_len);
	err = crypto_wait_req(crypto_kpp_generate_public_key(key->req),
			      &wait);
	/* of the private key, from crypto_kpp_set_secret() too */
	tcpcrypt_scrub(TCPCRYPT_SCRUB_DH);
	return err;
}

/*
 * The shared secret of key->in, to key->out. What is wrong with the peer's key
 * our callers see by themselves.
 */
static int kpp_agree(struct tcpcrypt_dh_key *key, unsigned int in_len,
		     unsigned int out_len)
{
	struct scatterlist src, dst;
	DECLARE_CRYPTO_WAIT(wait);
	int err;

	sg_init_one(&src, key->in, in_len);
	sg_init_one(&dst, key->out, out_len);
	kpp_request_set_callback(key->req, CRYPTO_TFM_REQ_MAY_SLEEP,
				 crypto_req_done, &wait);
	kpp_request_set_input(key->req, &src, in_len);
	kpp_request_set_output(key->req, &dst, out_len);
	err = crypto_wait_req(crypto_kpp_compute_shared_secret(key->req),
			      &wait);
	/* curve25519_compute_value() has the result on the stack */
	tcpcrypt_scrub(TCPCRYPT_SCRUB_DH);
	return tcpcrypt_crypto_err(err);
}

static struct tcpcrypt_dh_key *x25519_keygen(u8 *pub)
{
	struct tcpcrypt_dh_key *key = kpp_new(X25519_NAME);

	if (!key)
		return NULL;
	/* no key given: one is made, from the random generator */
	if (crypto_kpp_set_secret(key->tfm, NULL, 0) ||
	    kpp_public(key, TCPCRYPT_X25519_LEN)) {
		kpp_free(key);
		return NULL;
	}
	memcpy(pub, key->out, TCPCRYPT_X25519_LEN);
	return key;
}

/* RFC 8548, section 5: an all-zero result MUST abort (RFC 7748, section 6) */
static int x25519_agree(struct tcpcrypt_dh_key *key, const u8 *peer_pub,
			u8 *es)
{
	static const u8 zero[TCPCRYPT_X25519_LEN];
	int err;

	memcpy(key->in, peer_pub, TCPCRYPT_X25519_LEN);
	err = kpp_agree(key, TCPCRYPT_X25519_LEN, TCPCRYPT_X25519_LEN);
	if (err)
		return err;
	if (!crypto_memneq(key->out, zero, sizeof(zero)))
		return -EPROTO;
	memcpy(es, key->out, TCPCRYPT_X25519_LEN);
	return 0;
}

static const struct tcpcrypt_dh x25519_dh = {
	.tep		= TCPCRYPT_TEP_X25519,
	.pub_len	= TCPCRYPT_X25519_LEN,
	.es_len		= TCPCRYPT_X25519_LEN,
	.keygen		= x25519_keygen,
	.agree		= x25519_agree,
	.free		= kpp_free,
};

/*
 * What crypto_ecdh_encode_key() makes of an empty key; that function sits in
 * a module. With it, the kernel makes a private key.
 */
struct p256_no_key {
	struct kpp_secret	head;
	unsigned short		key_size;
};

static int p256_set_secret(struct crypto_kpp *tfm)
{
	static const struct p256_no_key no_key = {
		.head.type	= CRYPTO_KPP_SECRET_TYPE_ECDH,
		.head.len	= sizeof(no_key),
	};
	int err, tries = 3;

	BUILD_BUG_ON(sizeof(no_key) !=
		     sizeof(no_key.head) + sizeof(no_key.key_size));
	do {
		/* -EINVAL: what was drawn is not below n, once in 2^32 times */
		err = crypto_kpp_set_secret(tfm, &no_key, sizeof(no_key));
	} while (err == -EINVAL && --tries);
	return err;
}

static struct tcpcrypt_dh_key *p256_keygen(u8 *pub)
{
	struct tcpcrypt_dh_key *key = kpp_new(P256_NAME);

	if (!key)
		return NULL;
	if (p256_set_secret(key->tfm) || kpp_public(key, P256_POINT_LEN)) {
		kpp_free(key);
		return NULL;
	}
	tcpcrypt_p256_encode(pub, key->out);
	return key;
}

static int p256_agree(struct tcpcrypt_dh_key *key, const u8 *peer_pub, u8 *es)
{
	int err = tcpcrypt_p256_decode(key->in, peer_pub);

	if (!err)
		err = kpp_agree(key, P256_POINT_LEN, TCPCRYPT_P256_LEN);
	if (!err)
		memcpy(es, key->out, TCPCRYPT_P256_LEN);
	return err;
}

static const struct tcpcrypt_dh p256_dh = {
	.tep		= TCPCRYPT_TEP_P256,
	.pub_len	= TCPCRYPT_P256_PUB_LEN,
	.es_len		= TCPCRYPT_P256_LEN,
	.keygen		= p256_keygen,
	.agree		= p256_agree,
	.free		= kpp_free,
};

/**
 * tcpcrypt_dh_x25519() - the scheme ECDHE-Curve25519
 * @why_not: what it lacks
 *
 * Return: the scheme, or NULL.
 */
const struct tcpcrypt_dh *__init tcpcrypt_dh_x25519(const char **why_not)
{
	/* the kernel's is the faster one */
	if (crypto_has_kpp(X25519_NAME, 0, 0))
		return &x25519_dh;
	return tcpcrypt_dh_x25519_own(why_not);
}

/**
 * tcpcrypt_dh_p256() - the scheme ECDHE-P256
 * @why_not: what it lacks
 *
 * Return: the scheme, or NULL.
 */
const struct tcpcrypt_dh *__init tcpcrypt_dh_p256(const char **why_not)
{
	if (!IS_ENABLED(CONFIG_ARCH_SUPPORTS_INT128)) {
		*why_not = TCPCRYPT_NO_INT128;
		return NULL;
	}
	/* the module goes by the family's name, not by the curve's */
	request_module("crypto-ecdh");
	*why_not = "the kernel has no " P256_NAME;
	if (!crypto_has_kpp(P256_NAME, 0, 0))
		return NULL;
	*why_not = TCPCRYPT_KAT_FAILED;
	return tcpcrypt_kat_p256() ? &p256_dh : NULL;
}
