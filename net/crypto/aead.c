// SPDX-License-Identifier: GPL-2.0
/*
 * AEAD frames by the kernel's crypto. Process context: the accelerated
 * drivers complete at once there and only defer where the FPU is taken.
 */

#include <crypto/aead.h>
#include <linux/err.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include "../gfp.h"
#include "crypto.h"

static const struct {
	u16		id;
	const char	*name;
} drivers[] = {
	{ TCPCRYPT_AES_128_GCM,		"gcm(aes)" },
	{ TCPCRYPT_AES_256_GCM,		"gcm(aes)" },
	{ TCPCRYPT_CHACHA20_POLY1305,	"rfc7539(chacha20,poly1305)" },
};

static const char *driver_name(u16 aead)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(drivers); i++)
		if (drivers[i].id == aead)
			return drivers[i].name;
	return NULL;
}

/**
 * tcpcrypt_cipher_init() - set up one direction's cipher
 * @c:    zeroed, or what tcpcrypt_cipher_free() left
 * @aead: AEAD algorithm, RFC 8548 section 7
 * @tk:   its traffic key; the caller wipes it
 *
 * Return: 0 or a negative errno, in which case @c is as before.
 */
int tcpcrypt_cipher_init(struct tcpcrypt_cipher *c, u16 aead,
			 const struct tcpcrypt_traffic_key *tk)
{
	const char *name = driver_name(aead);
	struct crypto_aead *tfm;
	int err;

	if (!name)
		return -EPROTO;
	tfm = crypto_alloc_aead(name, 0, 0);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	err = crypto_aead_setkey(tfm, tk->key, tk->key_len);
	tcpcrypt_scrub(TCPCRYPT_SCRUB_AEAD);
	if (!err)
		err = crypto_aead_setauthsize(tfm, TCPCRYPT_TAG_LEN);
	if (err)
		goto free_tfm;
	err = -ENOMEM;
	c->req = aead_request_alloc(tfm, TCPCRYPT_GFP);
	if (!c->req)
		goto free_tfm;
	c->tfm = tfm;
	memcpy(c->nr, tk->nr, sizeof(c->nr));
	return 0;

free_tfm:
	crypto_free_aead(tfm);
	return err;
}

/**
 * tcpcrypt_cipher_rekey() - give a cipher another key
 * @c:  a cipher that is set up; no frame is in work
 * @tk: the traffic key; the caller wipes it
 *
 * The allocations inside may not wait for I/O: the socket may be a block
 * device's.
 *
 * Return: 0, or a negative errno: @c has no usable key until a later call
 * succeeds.
 */
int tcpcrypt_cipher_rekey(struct tcpcrypt_cipher *c,
			  const struct tcpcrypt_traffic_key *tk)
{
	unsigned int noio;
	int err;

	if (!c->tfm)
		return -EPIPE;
	noio = memalloc_noio_save();
	err = crypto_aead_setkey(c->tfm, tk->key, tk->key_len);
	memalloc_noio_restore(noio);
	tcpcrypt_scrub(TCPCRYPT_SCRUB_AEAD);
	if (!err)
		memcpy(c->nr, tk->nr, sizeof(c->nr));
	return err;
}

/**
 * tcpcrypt_cipher_free() - wipe and release a cipher; may be unused
 * @c: the cipher
 */
void tcpcrypt_cipher_free(struct tcpcrypt_cipher *c)
{
	if (c->tfm) {
		aead_request_free(c->req);
		crypto_free_aead(c->tfm);
	}
	memzero_explicit(c, sizeof(*c));
}

/**
 * tcpcrypt_cipher_available() - does this kernel have an AEAD algorithm?
 * @aead: AEAD algorithm, RFC 8548 section 7
 *
 * Return: whether it can be allocated.
 */
bool tcpcrypt_cipher_available(u16 aead)
{
	const char *name = driver_name(aead);

	return name && crypto_has_alg(name, CRYPTO_ALG_TYPE_AEAD,
				      CRYPTO_ALG_TYPE_MASK);
}

/**
 * tcpcrypt_cipher_driver() - name of the driver in use
 * @c: a cipher
 *
 * Return: its name, "" before tcpcrypt_cipher_init().
 */
const char *tcpcrypt_cipher_driver(const struct tcpcrypt_cipher *c)
{
	if (!c->tfm)
		return "";
	return crypto_tfm_alg_driver_name(crypto_aead_tfm(c->tfm));
}

static void prepare(struct tcpcrypt_cipher *c, struct crypto_wait *wait,
		    struct scatterlist *src, struct scatterlist *dst,
		    unsigned int len, u64 offset)
{
	tcpcrypt_frame_nonce(c->nr, offset, c->iv);
	aead_request_set_callback(c->req, CRYPTO_TFM_REQ_MAY_BACKLOG |
				  CRYPTO_TFM_REQ_MAY_SLEEP,
				  crypto_req_done, wait);
	aead_request_set_ad(c->req, TCPCRYPT_FRAME_HDR);
	aead_request_set_crypt(c->req, src, dst, len, c->iv);
}

/**
 * tcpcrypt_cipher_seal() - encrypt a frame in place
 * @c:      the cipher
 * @sg:     header (the associated data), plaintext, room for the tag
 * @plen:   length of the plaintext value, bytes
 * @offset: offset of the frame in the TCP stream (RFC 8548, section 3.6)
 *
 * The caller never seals two different frames at one @offset.
 *
 * Return: 0 or a negative errno, -EPIPE after tcpcrypt_cipher_free().
 */
int tcpcrypt_cipher_seal(struct tcpcrypt_cipher *c, struct scatterlist *sg,
			 unsigned int plen, u64 offset)
{
	DECLARE_CRYPTO_WAIT(wait);
	int err;

	if (!c->tfm)
		return -EPIPE;
	prepare(c, &wait, sg, sg, plen, offset);
	err = crypto_wait_req(crypto_aead_encrypt(c->req), &wait);
	/* ChaCha20's state begins with the key */
	tcpcrypt_scrub(TCPCRYPT_SCRUB_AEAD);
	return err;
}

/**
 * tcpcrypt_cipher_open() - decrypt a frame
 * @c:      the cipher
 * @src:    header (the associated data) and ciphertext; only read
 * @dst:    three bytes for the header, then room for the plaintext value
 * @clen:   length of the ciphertext, bytes
 * @offset: offset of the frame in the TCP stream (RFC 8548, section 3.6)
 *
 * Return: 0, -EBADMSG if authentication failed, or another negative errno.
 */
int tcpcrypt_cipher_open(struct tcpcrypt_cipher *c, struct scatterlist *src,
			 struct scatterlist *dst, unsigned int clen, u64 offset)
{
	DECLARE_CRYPTO_WAIT(wait);
	int err;

	if (!c->tfm)
		return -EPIPE;
	prepare(c, &wait, src, dst, clen, offset);
	err = crypto_wait_req(crypto_aead_decrypt(c->req), &wait);
	tcpcrypt_scrub(TCPCRYPT_SCRUB_AEAD);
	return err;
}
