// SPDX-License-Identifier: GPL-2.0
/*
 * AEAD frames by the kernel's crypto. Process context: the accelerated
 * drivers complete at once there and only defer where the FPU is taken.
 */

#include <crypto/aead.h>
#include <crypto/algapi.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/notifier.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include "../gfp.h"
#include "crypto.h"

/**
 * DOC: cipher pools
 *
 * To look an algorithm up by name and make a transform of it costs more than
 * all else that opens a resumed session, so transforms are used again: by
 * the next connection, and by others while a connection is quiet.
 *
 * What a cipher gives back is wiped: its request at once, its key when
 * the next cipher sets another one, which overwrites it as all keys of a pool
 * are of one length, or by wipe_fn() within two ticks. Nobody waits for
 * memory or a lock to give one back, so that it can be done in softirq.
 *
 * Some are kept; trim_fn() frees those of a pool that was not used for a
 * while. When an algorithm is registered, it may be a better one: what was
 * made before is not used again.
 */

#define POOL_MAX	64	/* wiped transforms, of one AEAD */
#define POOL_TIME	(10 * HZ)

/**
 * struct tcpcrypt_tfm - a transform and its request
 * @list: in a pool
 * @tfm:  the kernel's transform
 * @era:  when it was made, see algorithms_change()
 * @req:  one frame at a time; followed by the driver's own part
 */
struct tcpcrypt_tfm {
	struct list_head	list;
	struct crypto_aead	*tfm;
	unsigned int		era;
	struct aead_request	req;
};

/**
 * struct pool - an AEAD algorithm and its transforms that no cipher has
 * @id:      AEAD algorithm, RFC 8548 section 7
 * @key_len: length of its keys, bytes
 * @name:    the kernel's name for it
 * @lock:    protects all below
 * @dirty:   transforms with the key of a cipher that is gone
 * @clean:   and those with a key of zeros
 * @n:       entries of @clean
 * @used:    jiffies when a transform was taken last
 * @driver:  the driver of the transform that was made last
 */
struct pool {
	u16			id;
	u8			key_len;
	const char		*name;
	spinlock_t		lock;	/* of all below */
	struct list_head	dirty;
	struct list_head	clean;
	unsigned int		n;
	unsigned long		used;
	char			driver[CRYPTO_MAX_ALG_NAME];
};

static struct pool pools[] = {
	{ TCPCRYPT_AES_128_GCM, 16, "gcm(aes)" },
	{ TCPCRYPT_AES_256_GCM, 32, "gcm(aes)" },
	{ TCPCRYPT_CHACHA20_POLY1305, 32, "rfc7539(chacha20,poly1305)" },
};

static void wipe_fn(struct work_struct *work);
static void trim_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(wipe_work, wipe_fn);
static DECLARE_DELAYED_WORK(trim_work, trim_fn);
static unsigned int era;

static struct pool *find_pool(u16 aead)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pools); i++)
		if (pools[i].id == aead)
			return &pools[i];
	return NULL;
}

static void destroy(struct tcpcrypt_tfm *t)
{
	crypto_free_aead(t->tfm);
	kfree_sensitive(t);
}

static struct tcpcrypt_tfm *create(struct pool *pool)
{
	unsigned int now = READ_ONCE(era);
	struct crypto_aead *tfm;
	struct tcpcrypt_tfm *t;
	int err;

	tfm = crypto_alloc_aead(pool->name, 0, 0);
	if (IS_ERR(tfm))
		return ERR_CAST(tfm);
	err = crypto_aead_setauthsize(tfm, TCPCRYPT_TAG_LEN);
	if (err)
		goto free_tfm;
	err = -ENOMEM;
	t = kzalloc(sizeof(*t) + crypto_aead_reqsize(tfm), TCPCRYPT_GFP);
	if (!t)
		goto free_tfm;
	t->tfm = tfm;
	t->era = now;
	aead_request_set_tfm(&t->req, tfm);
	spin_lock_bh(&pool->lock);
	strscpy(pool->driver,
		crypto_tfm_alg_driver_name(crypto_aead_tfm(tfm)),
		sizeof(pool->driver));
	spin_unlock_bh(&pool->lock);
	return t;

free_tfm:
	crypto_free_aead(tfm);
	return ERR_PTR(err);
}

static struct tcpcrypt_tfm *take(struct pool *pool, struct list_head *list)
{
	struct tcpcrypt_tfm *t;

	spin_lock_bh(&pool->lock);
	t = list_first_entry_or_null(list, struct tcpcrypt_tfm, list);
	if (t) {
		list_del(&t->list);
		pool->n -= list == &pool->clean;
	}
	spin_unlock_bh(&pool->lock);
	return t;
}

/* Those whose key is still to be wiped come first. */
static struct tcpcrypt_tfm *get(struct pool *pool)
{
	struct tcpcrypt_tfm *t;

	WRITE_ONCE(pool->used, jiffies);
	for (;;) {
		t = take(pool, &pool->dirty) ? : take(pool, &pool->clean);
		if (!t)
			return create(pool);
		if (t->era == READ_ONCE(era))
			return t;
		destroy(t);
	}
}

static void put(struct pool *pool, struct tcpcrypt_tfm *t)
{
	memzero_explicit(t->req.__ctx,
			 crypto_aead_reqsize(t->tfm));
	spin_lock_bh(&pool->lock);
	list_add(&t->list, &pool->dirty);
	spin_unlock_bh(&pool->lock);
	schedule_delayed_work(&wipe_work, 1);
}

static int wipe(const struct pool *pool, struct tcpcrypt_tfm *t)
{
	static const u8 zeros[TCPCRYPT_AE_KEY_MAX];

	return crypto_aead_setkey(t->tfm, zeros, pool->key_len);
}

static void keep(struct pool *pool, struct tcpcrypt_tfm *t)
{
	spin_lock_bh(&pool->lock);
	list_add(&t->list, &pool->clean);
	pool->n++;
	spin_unlock_bh(&pool->lock);
}

static void wipe_fn(struct work_struct *work)
{
	struct tcpcrypt_tfm *t;
	struct pool *pool;

	for (pool = pools; pool < pools + ARRAY_SIZE(pools); pool++) {
		while ((t = take(pool, &pool->dirty))) {
			if (READ_ONCE(pool->n) >= POOL_MAX ||
			    t->era != READ_ONCE(era) || wipe(pool, t))
				destroy(t);
			else
				keep(pool, t);
			cond_resched();
		}
	}
	schedule_delayed_work(&trim_work, POOL_TIME);
}

static void trim_fn(struct work_struct *work)
{
	struct tcpcrypt_tfm *t;
	struct pool *pool;
	bool again = false;

	for (pool = pools; pool < pools + ARRAY_SIZE(pools); pool++) {
		if (time_before(jiffies, READ_ONCE(pool->used) + POOL_TIME)) {
			again = true;
			continue;
		}
		while ((t = take(pool, &pool->clean)))
			destroy(t);
	}
	if (again)
		schedule_delayed_work(&trim_work, POOL_TIME);
}

/**
 * tcpcrypt_cipher_flush() - free all transforms that no cipher has
 *
 * Context: process.
 */
void tcpcrypt_cipher_flush(void)
{
	struct tcpcrypt_tfm *t;
	struct pool *pool;

	for (pool = pools; pool < pools + ARRAY_SIZE(pools); pool++)
		while ((t = take(pool, &pool->dirty) ? :
			    take(pool, &pool->clean)))
			destroy(t);
}

static int algorithms_change(struct notifier_block *nb, unsigned long what,
			     void *alg)
{
	if (what == CRYPTO_MSG_ALG_LOADED)
		WRITE_ONCE(era, era + 1);
	return NOTIFY_DONE;
}

static struct notifier_block crypto_nb = { .notifier_call = algorithms_change };

/**
 * tcpcrypt_cipher_start() - get ready for ciphers
 *
 * Return: 0 or a negative errno.
 */
int tcpcrypt_cipher_start(void)
{
	struct pool *pool;

	for (pool = pools; pool < pools + ARRAY_SIZE(pools); pool++) {
		spin_lock_init(&pool->lock);
		INIT_LIST_HEAD(&pool->dirty);
		INIT_LIST_HEAD(&pool->clean);
	}
	return crypto_register_notifier(&crypto_nb);
}

/** tcpcrypt_cipher_stop() - undo tcpcrypt_cipher_start(); no cipher is left */
void tcpcrypt_cipher_stop(void)
{
	crypto_unregister_notifier(&crypto_nb);
	/* the first starts the second */
	cancel_delayed_work_sync(&wipe_work);
	cancel_delayed_work_sync(&trim_work);
	tcpcrypt_cipher_flush();
}

/**
 * tcpcrypt_cipher_init() - set up one direction's cipher, or give it a new key
 * @c:    zeroed, or a cipher; no frame is in work
 * @aead: AEAD algorithm, RFC 8548 section 7; a cipher's does not change
 * @tk:   its traffic key; the caller wipes it
 *
 * The allocations inside may not wait for I/O: the socket may be a block
 * device's.
 *
 * Return: 0 or a negative errno, in which case @c is not ready: -EPROTO for an
 * @aead that is not known, else as tcpcrypt_crypto_err().
 */
int tcpcrypt_cipher_init(struct tcpcrypt_cipher *c, u16 aead,
			 const struct tcpcrypt_traffic_key *tk)
{
	struct pool *pool = find_pool(aead);
	struct tcpcrypt_tfm *t;
	unsigned int noio;
	int err;

	if (!pool)
		return -EPROTO;
	noio = memalloc_noio_save();
	t = c->t ? : get(pool);
	err = PTR_ERR_OR_ZERO(t);
	if (!err)
		err = crypto_aead_setkey(t->tfm, tk->key, tk->key_len);
	memalloc_noio_restore(noio);
	tcpcrypt_scrub(TCPCRYPT_SCRUB_AEAD);
	if (err) {
		if (!IS_ERR(t))
			put(pool, t);
		c->t = NULL;
		return tcpcrypt_crypto_err(err);
	}
	c->t = t;
	c->aead = aead;
	c->used = jiffies;
	memcpy(c->nr, tk->nr, sizeof(c->nr));
	return 0;
}

/**
 * tcpcrypt_cipher_rest() - give a cipher's transform and key back
 * @c: the cipher, which is not ready any more; it may not have been
 *
 * Context: any.
 */
void tcpcrypt_cipher_rest(struct tcpcrypt_cipher *c)
{
	if (c->t)
		put(find_pool(c->aead), c->t);
	c->t = NULL;
}

/**
 * tcpcrypt_cipher_quiet() - was a cipher not used for a while?
 * @c:    the cipher
 * @time: how long, jiffies
 *
 * Context: any.
 * Return: whether it has a transform that it did not use.
 */
bool tcpcrypt_cipher_quiet(const struct tcpcrypt_cipher *c, unsigned long time)
{
	return READ_ONCE(c->t) &&
	       time_after_eq(jiffies, READ_ONCE(c->used) + time);
}

/**
 * tcpcrypt_cipher_free() - wipe and release a cipher; may be unused
 * @c: the cipher
 *
 * Context: any.
 */
void tcpcrypt_cipher_free(struct tcpcrypt_cipher *c)
{
	tcpcrypt_cipher_rest(c);
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
	const struct pool *pool = find_pool(aead);

	return pool && crypto_has_alg(pool->name, CRYPTO_ALG_TYPE_AEAD,
				      CRYPTO_ALG_TYPE_MASK);
}

/**
 * tcpcrypt_cipher_driver() - name of the driver in use
 * @c: a cipher
 *
 * Return: its name, or which one it would be; "" before
 * tcpcrypt_cipher_init() and after tcpcrypt_cipher_free().
 */
const char *tcpcrypt_cipher_driver(const struct tcpcrypt_cipher *c)
{
	if (c->t)
		return crypto_tfm_alg_driver_name(crypto_aead_tfm(c->t->tfm));
	return c->aead ? find_pool(c->aead)->driver : "";
}

static void prepare(struct tcpcrypt_cipher *c, struct crypto_wait *wait,
		    struct scatterlist *src, struct scatterlist *dst,
		    unsigned int len, u64 offset)
{
	WRITE_ONCE(c->used, jiffies);
	tcpcrypt_frame_nonce(c->nr, offset, c->iv);
	aead_request_set_callback(&c->t->req, CRYPTO_TFM_REQ_MAY_BACKLOG |
				  CRYPTO_TFM_REQ_MAY_SLEEP,
				  crypto_req_done, wait);
	aead_request_set_ad(&c->t->req, TCPCRYPT_FRAME_HDR);
	aead_request_set_crypt(&c->t->req, src, dst, len, c->iv);
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
 * Return: 0, -EPIPE if the cipher is not ready, or as tcpcrypt_crypto_err().
 */
int tcpcrypt_cipher_seal(struct tcpcrypt_cipher *c, struct scatterlist *sg,
			 unsigned int plen, u64 offset)
{
	DECLARE_CRYPTO_WAIT(wait);
	int err;

	if (!c->t)
		return -EPIPE;
	prepare(c, &wait, sg, sg, plen, offset);
	err = crypto_wait_req(crypto_aead_encrypt(&c->t->req), &wait);
	/* ChaCha20's state begins with the key */
	tcpcrypt_scrub(TCPCRYPT_SCRUB_AEAD);
	return tcpcrypt_crypto_err(err);
}

/**
 * tcpcrypt_cipher_open() - decrypt a frame
 * @c:      the cipher
 * @src:    header (the associated data) and ciphertext; only read
 * @dst:    three bytes for the header, then room for the plaintext value
 * @clen:   length of the ciphertext, bytes
 * @offset: offset of the frame in the TCP stream (RFC 8548, section 3.6)
 *
 * Return: 0, -EBADMSG if authentication failed, -EPIPE if the cipher is not
 * ready, or as tcpcrypt_crypto_err().
 */
int tcpcrypt_cipher_open(struct tcpcrypt_cipher *c, struct scatterlist *src,
			 struct scatterlist *dst, unsigned int clen, u64 offset)
{
	DECLARE_CRYPTO_WAIT(wait);
	int err;

	if (!c->t)
		return -EPIPE;
	prepare(c, &wait, src, dst, clen, offset);
	err = crypto_wait_req(crypto_aead_decrypt(&c->t->req), &wait);
	tcpcrypt_scrub(TCPCRYPT_SCRUB_AEAD);
	return err == -EBADMSG ? err : tcpcrypt_crypto_err(err);
}
