// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel's crypto costs by itself: the floor of any encryption in
 * the kernel, without sockets, frames or copies.
 *
 * Each read of tcpcrypt_bench_floor in debugfs measures all of it, in the
 * reader's context, and has lines "NAME NANOSECONDS" for one operation. Under
 * -icount shift=0 a nanosecond is an instruction.
 */

#include <crypto/aead.h>
#include <crypto/hash.h>
#include <crypto/kpp.h>
#include <crypto/sha2.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#define AD_LEN		3	/* control byte and length, as tcpcrypt has */
#define TAG_LEN		16
#define IV_LEN		12
#define CHUNK_MAX	(64 << 10)
#define BUF_LEN		(AD_LEN + CHUNK_MAX + TAG_LEN)
#define X25519_LEN	32

static const struct {
	const char	*name;
	const char	*alg;
	unsigned int	key_len;
} aeads[] = {
	{ "aes128", "gcm(aes)", 16 },
	{ "aes256", "gcm(aes)", 32 },
	{ "chacha", "rfc7539(chacha20,poly1305)", 32 },
};

/*
 * Bulk without anything added; the others are frames of tcpcrypt: a byte of
 * flags before 0, 1, 64 and 1024 bytes of data.
 */
static const struct {
	unsigned int	len;
	unsigned int	times;
} chunks[] = {
	{ 64 << 10, 10 }, { 16 << 10, 30 }, { 1025, 200 }, { 65, 300 },
	{ 2, 300 }, { 1, 300 },
};

/* One AEAD at work, in place */
struct work {
	struct crypto_aead	*tfm;
	struct aead_request	*req;
	struct crypto_wait	wait;
	struct scatterlist	sg;
	u8			iv[IV_LEN];
	u8			*buf;
};

static int crypt_one(struct work *w, unsigned int len, bool encrypt)
{
	unsigned int crypt_len = encrypt ? len : len + TAG_LEN;

	memset(w->iv, 1, sizeof(w->iv));
	aead_request_set_callback(w->req, CRYPTO_TFM_REQ_MAY_BACKLOG |
				  CRYPTO_TFM_REQ_MAY_SLEEP,
				  crypto_req_done, &w->wait);
	aead_request_set_ad(w->req, AD_LEN);
	aead_request_set_crypt(w->req, &w->sg, &w->sg, crypt_len, w->iv);
	return crypto_wait_req(encrypt ? crypto_aead_encrypt(w->req) :
					 crypto_aead_decrypt(w->req),
			       &w->wait);
}

/*
 * Encrypting and decrypting take turns, so that what is decrypted is always
 * what was encrypted; each has its own time.
 */
static int crypt_chunk(struct work *w, struct seq_file *m, const char *name,
		       unsigned int len, unsigned int times)
{
	u64 spent[2] = {}, begin, middle;
	unsigned int i;
	int err;

	sg_init_one(&w->sg, w->buf, AD_LEN + len + TAG_LEN);
	for (i = 0; i <= times; i++) {
		begin = ktime_get_ns();
		err = crypt_one(w, len, true);
		middle = ktime_get_ns();
		if (!err)
			err = crypt_one(w, len, false);
		if (err)
			return err;
		/* the first one warms up */
		if (!i)
			continue;
		spent[0] += middle - begin;
		spent[1] += ktime_get_ns() - middle;
	}
	seq_printf(m, "%s-encrypt-%u %llu\n", name, len, spent[0] / times);
	seq_printf(m, "%s-decrypt-%u %llu\n", name, len, spent[1] / times);
	return 0;
}

static int crypt_setkey(struct work *w, struct seq_file *m, const char *name,
			unsigned int key_len)
{
	static const u8 key[32] = { 1, 2, 3 };
	unsigned int i, times = 100;
	u64 begin;
	int err;

	begin = ktime_get_ns();
	for (i = 0; i < times; i++) {
		err = crypto_aead_setkey(w->tfm, key, key_len);
		if (err)
			return err;
	}
	seq_printf(m, "%s-setkey %llu\n", name,
		   (ktime_get_ns() - begin) / times);
	return crypto_aead_setauthsize(w->tfm, TAG_LEN);
}

static int crypt_all(struct work *w, struct seq_file *m, unsigned int a)
{
	unsigned int i;
	int err;

	seq_printf(m, "%s-driver %s\n", aeads[a].name,
		   crypto_tfm_alg_driver_name(crypto_aead_tfm(w->tfm)));
	err = crypt_setkey(w, m, aeads[a].name, aeads[a].key_len);
	for (i = 0; i < ARRAY_SIZE(chunks) && !err; i++)
		err = crypt_chunk(w, m, aeads[a].name, chunks[i].len,
				  chunks[i].times);
	return err;
}

static int measure_aead(struct seq_file *m, unsigned int a)
{
	struct work w = {};
	int err = -ENOMEM;

	crypto_init_wait(&w.wait);
	w.tfm = crypto_alloc_aead(aeads[a].alg, 0, 0);
	if (IS_ERR(w.tfm))
		return PTR_ERR(w.tfm);
	w.req = aead_request_alloc(w.tfm, GFP_KERNEL);
	w.buf = kzalloc(BUF_LEN, GFP_KERNEL);
	if (w.req && w.buf)
		err = crypt_all(&w, m, a);
	kfree(w.buf);
	aead_request_free(w.req);
	crypto_free_aead(w.tfm);
	return err;
}

/* An ephemeral key pair, and agreement with the public key just made */
static int agree_once(struct crypto_kpp *tfm, struct kpp_request *req,
		      u8 *pub, u64 *spent)
{
	DECLARE_CRYPTO_WAIT(wait);
	struct scatterlist src, dst;
	u64 begin = ktime_get_ns();
	int err;

	err = crypto_kpp_set_secret(tfm, NULL, 0);
	if (err)
		return err;
	kpp_request_set_callback(req, CRYPTO_TFM_REQ_MAY_SLEEP,
				 crypto_req_done, &wait);
	sg_init_one(&dst, pub, X25519_LEN);
	kpp_request_set_input(req, NULL, 0);
	kpp_request_set_output(req, &dst, X25519_LEN);
	err = crypto_wait_req(crypto_kpp_generate_public_key(req), &wait);
	if (err)
		return err;
	spent[0] += ktime_get_ns() - begin;

	begin = ktime_get_ns();
	sg_init_one(&src, pub, X25519_LEN);
	sg_init_one(&dst, pub + X25519_LEN, X25519_LEN);
	kpp_request_set_input(req, &src, X25519_LEN);
	kpp_request_set_output(req, &dst, X25519_LEN);
	err = crypto_wait_req(crypto_kpp_compute_shared_secret(req), &wait);
	spent[1] += ktime_get_ns() - begin;
	return err;
}

static int measure_x25519(struct seq_file *m)
{
	struct crypto_kpp *tfm = crypto_alloc_kpp("curve25519", 0, 0);
	unsigned int i, times = 10;
	struct kpp_request *req;
	u64 spent[2] = {};
	int err = -ENOMEM;
	u8 *keys;

	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	seq_printf(m, "x25519-driver %s\n",
		   crypto_tfm_alg_driver_name(crypto_kpp_tfm(tfm)));
	req = kpp_request_alloc(tfm, GFP_KERNEL);
	keys = kzalloc(2 * X25519_LEN, GFP_KERNEL);
	if (!req || !keys)
		goto free;
	for (err = 0, i = 0; i < times && !err; i++)
		err = agree_once(tfm, req, keys, spent);
	if (!err)
		seq_printf(m, "x25519-keygen %llu\nx25519-agree %llu\n",
			   spent[0] / times, spent[1] / times);
free:
	kfree(keys);
	kpp_request_free(req);
	crypto_free_kpp(tfm);
	return err;
}

/*
 * HMAC-SHA256 as HKDF uses it, with a key of its own each time: four blocks,
 * or as many as 256 bytes of input need.
 */
static int hmac_once(struct shash_desc *desc, unsigned int len)
{
	u8 pad[SHA256_BLOCK_SIZE], digest[SHA256_DIGEST_SIZE];
	static const u8 data[256];
	int err;

	memset(pad, 0x36, sizeof(pad));
	err = crypto_shash_init(desc) ?:
	      crypto_shash_update(desc, pad, sizeof(pad)) ?:
	      crypto_shash_update(desc, data, len) ?:
	      crypto_shash_final(desc, digest);
	memset(pad, 0x5c, sizeof(pad));
	return err ?: crypto_shash_init(desc) ?:
	       crypto_shash_update(desc, pad, sizeof(pad)) ?:
	       crypto_shash_update(desc, digest, sizeof(digest)) ?:
	       crypto_shash_final(desc, digest);
}

static int measure_hmac(struct seq_file *m)
{
	struct crypto_shash *tfm = crypto_alloc_shash("sha256", 0, 0);
	static const unsigned int lens[] = { 32, 256 };
	unsigned int i, j, times = 200;
	int err = 0;

	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	seq_printf(m, "sha256-driver %s\n",
		   crypto_tfm_alg_driver_name(crypto_shash_tfm(tfm)));
	for (i = 0; i < ARRAY_SIZE(lens) && !err; i++) {
		SHASH_DESC_ON_STACK(desc, tfm);
		u64 begin = ktime_get_ns();

		desc->tfm = tfm;
		for (j = 0; j < times && !err; j++)
			err = hmac_once(desc, lens[i]);
		seq_printf(m, "hmac-%u %llu\n", lens[i],
			   (ktime_get_ns() - begin) / times);
	}
	crypto_free_shash(tfm);
	return err;
}

static int floor_show(struct seq_file *m, void *unused)
{
	unsigned int a;
	int err = 0;

	for (a = 0; a < ARRAY_SIZE(aeads) && !err; a++)
		err = measure_aead(m, a);
	return err ?: measure_x25519(m) ?: measure_hmac(m);
}
DEFINE_SHOW_ATTRIBUTE(floor);

static struct dentry *file;

static int __init bench_floor_init(void)
{
	file = debugfs_create_file("tcpcrypt_bench_floor", 0400, NULL, NULL,
				   &floor_fops);
	return PTR_ERR_OR_ZERO(file);
}

static void __exit bench_floor_exit(void)
{
	debugfs_remove(file);
}

module_init(bench_floor_init);
module_exit(bench_floor_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Cost of the kernel's crypto by itself");
