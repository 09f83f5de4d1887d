// SPDX-License-Identifier: GPL-2.0
/*
 * X25519 (RFC 7748) by the kernel's key agreement API.
 *
 * The library functions sit in modules on distribution kernels, and insmod
 * resolves no dependencies; the API finds the fastest implementation and
 * loads it by name.
 */

#include <crypto/algapi.h>
#include <crypto/kpp.h>
#include <linux/err.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "crypto.h"

#define X25519_NAME	"curve25519"

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
	u8			in[TCPCRYPT_X25519_LEN];
	u8			out[TCPCRYPT_X25519_LEN];
};

static const u8 x25519_zero[TCPCRYPT_X25519_LEN];

static void x25519_free(struct tcpcrypt_dh_key *key)
{
	if (!key)
		return;
	kpp_request_free(key->req);
	if (key->tfm)
		crypto_free_kpp(key->tfm);
	kfree_sensitive(key);
}

static struct tcpcrypt_dh_key *x25519_new(void)
{
	struct tcpcrypt_dh_key *key;
	struct crypto_kpp *tfm;

	key = kzalloc(sizeof(*key), GFP_KERNEL);
	if (!key)
		return NULL;
	tfm = crypto_alloc_kpp(X25519_NAME, 0, 0);
	if (IS_ERR(tfm))
		goto free_key;
	key->tfm = tfm;
	key->req = kpp_request_alloc(tfm, GFP_KERNEL);
	if (!key->req)
		goto free_key;
	/* no key given: one is made, from the random generator */
	if (crypto_kpp_set_secret(tfm, NULL, 0))
		goto free_key;
	return key;

free_key:
	x25519_free(key);
	return NULL;
}

static struct tcpcrypt_dh_key *x25519_keygen(u8 *pub)
{
	struct tcpcrypt_dh_key *key = x25519_new();
	DECLARE_CRYPTO_WAIT(wait);
	struct scatterlist dst;

	if (!key)
		return NULL;
	sg_init_one(&dst, key->out, sizeof(key->out));
	kpp_request_set_callback(key->req, CRYPTO_TFM_REQ_MAY_SLEEP,
				 crypto_req_done, &wait);
	kpp_request_set_input(key->req, NULL, 0);
	kpp_request_set_output(key->req, &dst, sizeof(key->out));
	if (crypto_wait_req(crypto_kpp_generate_public_key(key->req), &wait)) {
		x25519_free(key);
		return NULL;
	}
	memcpy(pub, key->out, sizeof(key->out));
	return key;
}

/* RFC 8548, section 5: an all-zero result MUST abort (RFC 7748, section 6) */
static int x25519_agree(struct tcpcrypt_dh_key *key, const u8 *peer_pub,
			u8 *es)
{
	struct scatterlist src, dst;
	DECLARE_CRYPTO_WAIT(wait);
	int err;

	memcpy(key->in, peer_pub, sizeof(key->in));
	sg_init_one(&src, key->in, sizeof(key->in));
	sg_init_one(&dst, key->out, sizeof(key->out));
	kpp_request_set_callback(key->req, CRYPTO_TFM_REQ_MAY_SLEEP,
				 crypto_req_done, &wait);
	kpp_request_set_input(key->req, &src, sizeof(key->in));
	kpp_request_set_output(key->req, &dst, sizeof(key->out));
	err = crypto_wait_req(crypto_kpp_compute_shared_secret(key->req),
			      &wait);
	if (err)
		return err == -ENOMEM ? err : -EPROTO;
	if (!crypto_memneq(key->out, x25519_zero, sizeof(key->out)))
		return -EPROTO;
	memcpy(es, key->out, sizeof(key->out));
	return 0;
}

static const struct tcpcrypt_dh x25519_dh = {
	.tep		= TCPCRYPT_TEP_X25519,
	.pub_len	= TCPCRYPT_X25519_LEN,
	.es_len		= TCPCRYPT_X25519_LEN,
	.keygen		= x25519_keygen,
	.agree		= x25519_agree,
	.free		= x25519_free,
};

/**
 * tcpcrypt_dh_find() - the key agreement scheme of a TEP
 * @tep: TEP identifier, without the v bit
 *
 * Return: the scheme, or NULL if this build has none for @tep.
 */
const struct tcpcrypt_dh *tcpcrypt_dh_find(u8 tep)
{
	return tep == TCPCRYPT_TEP_X25519 ? &x25519_dh : NULL;
}

/**
 * tcpcrypt_x25519_init() - see whether the kernel has X25519
 *
 * Return: 0, or -ENOENT if the kernel has none.
 */
int tcpcrypt_x25519_init(void)
{
	return crypto_has_kpp(X25519_NAME, 0, 0) ? 0 : -ENOENT;
}
