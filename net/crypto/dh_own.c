// SPDX-License-Identifier: GPL-2.0
/*
 * X448 and ECDH on P-521 by our own code, as the kernel has neither; X25519
 * for kernels that don't have it where it can be reached by name.
 */

#include <linux/err.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "../gfp.h"
#include "dh.h"

/**
 * struct tcpcrypt_dh_key - an ephemeral key pair
 * @scalar: the private key
 * @work:   of P-521; the others are allocated without
 *
 * Wiped when freed.
 */
struct tcpcrypt_dh_key {
	u8			scalar[TCPCRYPT_ES_MAX];
	struct p521_work	work;
};

static void own_free(struct tcpcrypt_dh_key *key)
{
	kfree_sensitive(key);
}

/* A key without work space, its scalar any random bytes */
static struct tcpcrypt_dh_key *montgomery_new(unsigned int len)
{
	struct tcpcrypt_dh_key *key;

	key = kmalloc(offsetof(struct tcpcrypt_dh_key, work), TCPCRYPT_GFP);
	if (key)
		get_random_bytes(key->scalar, len);
	return key;
}

static struct tcpcrypt_dh_key *x25519_keygen(u8 *pub)
{
	struct tcpcrypt_dh_key *key = montgomery_new(TCPCRYPT_X25519_LEN);

	if (key)
		tcpcrypt_x25519_public(pub, key->scalar);
	tcpcrypt_scrub(TCPCRYPT_SCRUB_DH);
	return key;
}

static int x25519_agree(struct tcpcrypt_dh_key *key, const u8 *peer_pub,
			u8 *es)
{
	int err = tcpcrypt_x25519(es, key->scalar, peer_pub);

	tcpcrypt_scrub(TCPCRYPT_SCRUB_DH);
	return err;
}

static const struct tcpcrypt_dh x25519_dh = {
	.tep		= TCPCRYPT_TEP_X25519,
	.pub_len	= TCPCRYPT_X25519_LEN,
	.es_len		= TCPCRYPT_X25519_LEN,
	.keygen		= x25519_keygen,
	.agree		= x25519_agree,
	.free		= own_free,
};

static struct tcpcrypt_dh_key *x448_keygen(u8 *pub)
{
	struct tcpcrypt_dh_key *key = montgomery_new(TCPCRYPT_X448_LEN);

	if (key)
		tcpcrypt_x448_public(pub, key->scalar);
	tcpcrypt_scrub(TCPCRYPT_SCRUB_DH);
	return key;
}

static int x448_agree(struct tcpcrypt_dh_key *key, const u8 *peer_pub, u8 *es)
{
	int err = tcpcrypt_x448(es, key->scalar, peer_pub);

	tcpcrypt_scrub(TCPCRYPT_SCRUB_DH);
	return err;
}

static const struct tcpcrypt_dh x448_dh = {
	.tep		= TCPCRYPT_TEP_X448,
	.pub_len	= TCPCRYPT_X448_LEN,
	.es_len		= TCPCRYPT_X448_LEN,
	.keygen		= x448_keygen,
	.agree		= x448_agree,
	.free		= own_free,
};

static struct tcpcrypt_dh_key *p521_keygen(u8 *pub)
{
	struct tcpcrypt_dh_key *key = kmalloc(sizeof(*key), TCPCRYPT_GFP);
	u8 entropy[TCPCRYPT_P521_LEN];

	if (!key)
		return NULL;
	do {
		get_random_bytes(entropy, sizeof(entropy));
	} while (!tcpcrypt_p521_scalar(key->scalar, entropy));
	memzero_explicit(entropy, sizeof(entropy));
	tcpcrypt_p521_public(&key->work, pub, key->scalar);
	tcpcrypt_scrub(TCPCRYPT_SCRUB_DH);
	return key;
}

static int p521_agree(struct tcpcrypt_dh_key *key, const u8 *peer_pub, u8 *es)
{
	int err = tcpcrypt_p521_agree(&key->work, es, key->scalar, peer_pub);

	tcpcrypt_scrub(TCPCRYPT_SCRUB_DH);
	return err;
}

static const struct tcpcrypt_dh p521_dh = {
	.tep		= TCPCRYPT_TEP_P521,
	.pub_len	= TCPCRYPT_P521_PUB_LEN,
	.es_len		= TCPCRYPT_P521_LEN,
	.keygen		= p521_keygen,
	.agree		= p521_agree,
	.free		= own_free,
};

/**
 * tcpcrypt_dh_x25519_own() - the scheme ECDHE-Curve25519 by our own code
 * @why_not: what it lacks
 *
 * Return: the scheme, or NULL.
 */
const struct tcpcrypt_dh *__init tcpcrypt_dh_x25519_own(const char **why_not)
{
	if (!IS_ENABLED(CONFIG_ARCH_SUPPORTS_INT128)) {
		*why_not = TCPCRYPT_NO_INT128;
		return NULL;
	}
	*why_not = TCPCRYPT_KAT_FAILED;
	return tcpcrypt_kat_x25519() ? &x25519_dh : NULL;
}

/**
 * tcpcrypt_dh_x448() - the scheme ECDHE-Curve448
 * @why_not: what it lacks
 *
 * Return: the scheme, or NULL.
 */
const struct tcpcrypt_dh *__init tcpcrypt_dh_x448(const char **why_not)
{
	if (!IS_ENABLED(CONFIG_ARCH_SUPPORTS_INT128)) {
		*why_not = TCPCRYPT_NO_INT128;
		return NULL;
	}
	*why_not = TCPCRYPT_KAT_FAILED;
	return tcpcrypt_kat_x448() ? &x448_dh : NULL;
}

/**
 * tcpcrypt_dh_p521() - the scheme ECDHE-P521
 * @why_not: what it lacks
 *
 * Return: the scheme, or NULL.
 */
const struct tcpcrypt_dh *__init tcpcrypt_dh_p521(const char **why_not)
{
	struct p521_work *work;
	bool good;

	if (!IS_ENABLED(CONFIG_ARCH_SUPPORTS_INT128)) {
		*why_not = TCPCRYPT_NO_INT128;
		return NULL;
	}
	*why_not = "no memory for its self-test";
	work = kmalloc(sizeof(*work), GFP_KERNEL);
	if (!work)
		return NULL;
	*why_not = TCPCRYPT_KAT_FAILED;
	good = tcpcrypt_kat_p521(work);
	kfree(work);
	return good ? &p521_dh : NULL;
}
