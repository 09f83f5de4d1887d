/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's only users of the kernel's crypto: key agreement, HMAC, AEAD.
 * Everything here runs in process context and may sleep unless it says so.
 */
#ifndef _TCPCRYPT_CRYPTO_H
#define _TCPCRYPT_CRYPTO_H

#include <linux/errno.h>
#include <linux/scatterlist.h>
#include <linux/types.h>
#include "../tcpcrypt/tcpcrypt.h"

struct tcpcrypt_tfm;

/* Room for the hash's exported state, bytes; tcpcrypt_mac_init() looks */
#define TCPCRYPT_MAC_STATE	128

/**
 * struct tcpcrypt_mac_memo - what HMAC has computed of a key
 * @valid: whether there is anything
 * @key:   the key
 * @inner: state of the inner hash after the key
 * @outer: and of the outer one
 */
struct tcpcrypt_mac_memo {
	bool	valid;
	u8	key[TCPCRYPT_K_LEN];
	u8	inner[TCPCRYPT_MAC_STATE] __aligned(8);
	u8	outer[TCPCRYPT_MAC_STATE] __aligned(8);
};

/**
 * tcpcrypt_crypto_err() - an error that says nothing about the peer
 * @err: what the kernel's crypto returned, 0 or a negative errno
 *
 * Drivers fail by what they like; an -ETIMEDOUT or -EPROTO of theirs would be
 * taken for the peer's.
 *
 * Return: 0, -ENOMEM or -EIO.
 */
static inline int tcpcrypt_crypto_err(int err)
{
	return !err || err == -ENOMEM ? err : -EIO;
}

extern const struct tcpcrypt_mac tcpcrypt_hmac_sha256;

struct tcpcrypt_mac tcpcrypt_mac_with(struct tcpcrypt_mac_memo *memo);
void tcpcrypt_mac_done(struct tcpcrypt_mac_memo *memo);

int tcpcrypt_mac_init(void);
void tcpcrypt_mac_exit(void);

/* scrub.c; what the kernel's functions use at most, and an interrupt's frame */
#define TCPCRYPT_SCRUB_HASH	1536
#define TCPCRYPT_SCRUB_AEAD	1024
#define TCPCRYPT_SCRUB_DH	4096

void tcpcrypt_scrub(unsigned int depth);

struct tcpcrypt_dh_key;

/**
 * struct tcpcrypt_dh - a key agreement scheme, RFC 8548 section 5
 * @tep:     TEP identifier
 * @pub_len: length of Pub_A and Pub_B on the wire, bytes
 * @es_len:  length of the ephemeral secret, bytes
 * @keygen:  makes a key pair and writes the public key. Return: the pair, or
 *           NULL for lack of memory.
 * @agree:   computes ES from the own key pair and the peer's public key.
 *           Return: 0, -ENOMEM, -EPROTO if the peer's key is not valid, or
 *           -EIO if this host failed for another reason.
 * @free:    wipes a key pair; it may be NULL
 */
struct tcpcrypt_dh {
	u8			tep;
	u8			pub_len;
	u8			es_len;
	struct tcpcrypt_dh_key	*(*keygen)(u8 *pub);
	int			(*agree)(struct tcpcrypt_dh_key *key,
					 const u8 *peer_pub, u8 *es);
	void			(*free)(struct tcpcrypt_dh_key *key);
};

const struct tcpcrypt_dh *tcpcrypt_dh_find(u8 tep);
int tcpcrypt_dh_init(void);
void tcpcrypt_dh_report(void);

/**
 * struct tcpcrypt_cipher - one direction's AEAD
 * @t:    the transform with the key set; NULL: it is not ready
 * @used: jiffies when it was used last
 * @aead: AEAD algorithm, 0 before tcpcrypt_cipher_init()
 * @nr:   nonce randomizer, RFC 8548 section 3.6
 * @iv:   the nonce of the frame at hand
 * @ad:   where a driver that copies the associated data may put it
 */
struct tcpcrypt_cipher {
	struct tcpcrypt_tfm	*t;
	unsigned long		used;
	u16			aead;
	u8			nr[TCPCRYPT_AE_NONCE_LEN];
	u8			iv[TCPCRYPT_AE_NONCE_LEN];
	u8			ad[TCPCRYPT_FRAME_HDR];
};

/* Can it seal and open frames, or must it be set up again? */
static inline bool tcpcrypt_cipher_ready(const struct tcpcrypt_cipher *c)
{
	return c->t;
}

int tcpcrypt_cipher_start(void);
void tcpcrypt_cipher_stop(void);
void tcpcrypt_cipher_flush(void);
int tcpcrypt_cipher_init(struct tcpcrypt_cipher *c, u16 aead,
			 const struct tcpcrypt_traffic_key *tk);
void tcpcrypt_cipher_rest(struct tcpcrypt_cipher *c);
bool tcpcrypt_cipher_quiet(const struct tcpcrypt_cipher *c, unsigned long time);
void tcpcrypt_cipher_free(struct tcpcrypt_cipher *c);
bool tcpcrypt_cipher_available(u16 aead);
const char *tcpcrypt_cipher_driver(const struct tcpcrypt_cipher *c);
int tcpcrypt_cipher_seal(struct tcpcrypt_cipher *c, struct scatterlist *sg,
			 unsigned int plen, u64 offset);
int tcpcrypt_cipher_open(struct tcpcrypt_cipher *c, struct scatterlist *src,
			 struct scatterlist *dst, unsigned int clen,
			 u64 offset);

#endif /* _TCPCRYPT_CRYPTO_H */
