// SPDX-License-Identifier: GPL-2.0
/*
 * net/crypto/aead.c, dh.c, dh_kpp.c, dh_own.c: RFC 8548, sections 3.6, 4.2
 * and 5. These need the kernel, and so are KUnit's alone.
 */

#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "../../net/crypto/dh.h"
#include "../unit/ktap.h"
#include "kunit.h"

#define PLAIN_MAX	4200	/* more than a page */
#define BIG_OFFSET	0x100000002ULL

/*
 * OpenSSL's: header 01 00 19 as associated data, plaintext 00 "tcpcrypt", key
 * 00 01 02 ..., randomizer a0 a1 a2 ..., frame ID BIG_OFFSET
 */
static const struct {
	u16	id;
	u8	key_len;
	u8	sealed[25];
} known[] = {
	{ TCPCRYPT_AES_128_GCM, 16, {
		0x8e, 0x28, 0x59, 0xf8, 0x2c, 0x7f, 0x41, 0x22, 0x0d, 0x25,
		0x51, 0x92, 0x34, 0xba, 0xac, 0x31, 0x15, 0xd6, 0xf8, 0xd5,
		0x8d, 0xed, 0xfb, 0x95, 0x08,
	} },
	{ TCPCRYPT_AES_256_GCM, 32, {
		0xca, 0xea, 0xa4, 0x31, 0xeb, 0x65, 0x59, 0x9f, 0x91, 0x10,
		0xe1, 0x2b, 0xab, 0xd5, 0x00, 0x7b, 0xa5, 0x6b, 0xb9, 0x52,
		0xeb, 0x8c, 0x7c, 0x06, 0xa5,
	} },
	{ TCPCRYPT_CHACHA20_POLY1305, 32, {
		0x66, 0xb4, 0x08, 0xe3, 0x03, 0x8e, 0xa3, 0x7a, 0x8f, 0xae,
		0xd3, 0x06, 0xf2, 0xe4, 0x19, 0xb2, 0x2c, 0x98, 0x98, 0x36,
		0xff, 0x55, 0x09, 0x2a, 0xbd,
	} },
};

static const u8 known_plain[] = "\0tcpcrypt";	/* 9 bytes count */

#define KNOWN_PLEN	9

static void make_key(struct tcpcrypt_traffic_key *tk, u8 len)
{
	unsigned int i;

	tk->key_len = len;
	for (i = 0; i < sizeof(tk->key); i++)
		tk->key[i] = i;
	for (i = 0; i < sizeof(tk->nr); i++)
		tk->nr[i] = 0xa0 + i;
}

static void setup(struct tcpcrypt_cipher *c, unsigned int i)
{
	struct tcpcrypt_traffic_key tk;

	memset(c, 0, sizeof(*c));
	make_key(&tk, known[i].key_len);
	EXPECT_EQ(tcpcrypt_cipher_init(c, known[i].id, &tk), 0);
}

/* A frame in a buffer of its own: KASAN sees what goes beyond. */
static u8 *frame(const u8 *plain, unsigned int plen)
{
	u8 *buf = kmalloc(3 + plen + 16, GFP_KERNEL);

	tcpcrypt_frame_header(buf, true, plen + 16);
	memcpy(buf + 3, plain, plen);
	return buf;
}

static int seal(struct tcpcrypt_cipher *c, u8 *buf, unsigned int plen,
		u64 offset)
{
	struct scatterlist sg;

	sg_init_one(&sg, buf, 3 + plen + 16);
	return tcpcrypt_cipher_seal(c, &sg, plen, offset);
}

/* To @plain, out of place; @buf must not change. */
static int open(struct tcpcrypt_cipher *c, const u8 *buf, unsigned int clen,
		u64 offset, u8 *plain)
{
	unsigned int plen = clen < 16 ? 0 : clen - 16;
	u8 *src = exact(buf, 3 + clen), *dst = kmalloc(3 + plen, GFP_KERNEL);
	struct scatterlist in, out;
	int err;

	sg_init_one(&in, src, 3 + clen);
	sg_init_one(&out, dst, 3 + plen);
	err = tcpcrypt_cipher_open(c, &in, &out, clen, offset);
	EXPECT_MEM(src, buf, 3 + clen);
	if (!err)
		memcpy(plain, dst + 3, plen);
	kfree(src);
	kfree(dst);
	return err;
}

static void aead__known(void)
{
	struct tcpcrypt_cipher c;
	u8 plain[KNOWN_PLEN], *buf;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		setup(&c, i);
		EXPECT(tcpcrypt_cipher_available(known[i].id));
		EXPECT(tcpcrypt_cipher_driver(&c)[0]);
		buf = frame(known_plain, KNOWN_PLEN);
		EXPECT_EQ(seal(&c, buf, KNOWN_PLEN, BIG_OFFSET), 0);
		EXPECT_MEM(buf, "\x01\x00\x19", 3);
		EXPECT_MEM(buf + 3, known[i].sealed, sizeof(known[i].sealed));
		EXPECT_EQ(open(&c, buf, sizeof(known[i].sealed), BIG_OFFSET,
			       plain), 0);
		EXPECT_MEM(plain, known_plain, KNOWN_PLEN);
		kfree(buf);
		tcpcrypt_cipher_free(&c);
	}
}

/* Lengths around blocks and pages, offsets around 2^32 and 2^64 */
static void aead__lengths_and_offsets(void)
{
	static const unsigned int more[] = { 127, 128, 255, 256, 4080, 4096,
					     PLAIN_MAX };
	static const u64 offsets[] = {
		0, 1, 0xffffffff, 0x100000000ULL, 0x8000000000000000ULL, ~0ULL,
	};
	u8 *bytes = kmalloc(PLAIN_MAX, GFP_KERNEL);
	u8 *plain = kmalloc(PLAIN_MAX, GFP_KERNEL);
	u8 *buf;
	unsigned int i, n, plen;
	struct tcpcrypt_cipher c;
	u64 offset;

	for (i = 0; i < PLAIN_MAX; i++)
		bytes[i] = rnd(256);
	for (i = 0; i < ARRAY_SIZE(known); i++) {
		setup(&c, i);
		for (n = 0; n < 66 + ARRAY_SIZE(more); n++) {
			plen = n < 66 ? n : more[n - 66];
			offset = offsets[n % ARRAY_SIZE(offsets)];
			buf = frame(bytes, plen);
			EXPECT_EQ(seal(&c, buf, plen, offset), 0);
			EXPECT_EQ(open(&c, buf, plen + 16, offset, plain), 0);
			EXPECT_MEM(plain, bytes, plen);
			/* another frame ID */
			EXPECT_EQ(open(&c, buf, plen + 16, offset + 1, plain),
				  -EBADMSG);
			EXPECT_EQ(open(&c, buf, plen + 16,
				       offset ^ 1ULL << 32, plain), -EBADMSG);
			kfree(buf);
		}
		tcpcrypt_cipher_free(&c);
	}
	kfree(plain);
	kfree(bytes);
}

/* Header, ciphertext or tag */
static void aead__every_byte_change(void)
{
	unsigned int i, at, value;
	struct tcpcrypt_cipher c;
	u8 buf[3 + 25], plain[9];

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		setup(&c, i);
		memcpy(buf, "\x01\x00\x19", 3);
		memcpy(buf + 3, known[i].sealed, 25);
		EXPECT_EQ(open(&c, buf, 25, BIG_OFFSET, plain), 0);
		for (at = 0; at < sizeof(buf); at++) {
			for (value = 1; value < 256; value++) {
				buf[at] ^= value;
				EXPECT_EQ(open(&c, buf, 25, BIG_OFFSET, plain),
					  -EBADMSG);
				buf[at] ^= value;
			}
		}
		tcpcrypt_cipher_free(&c);
	}
}

static void aead__every_truncation(void)
{
	struct tcpcrypt_cipher c;
	unsigned int i, clen;
	u8 buf[3 + 25], plain[9];

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		setup(&c, i);
		memcpy(buf, "\x01\x00\x19", 3);
		memcpy(buf + 3, known[i].sealed, 25);
		/* less than a tag: the scanner lets none through */
		for (clen = 16; clen < 25; clen++)
			EXPECT_EQ(open(&c, buf, clen, BIG_OFFSET, plain),
				  -EBADMSG);
		EXPECT_EQ(open(&c, buf, clen, BIG_OFFSET, plain), 0);
		tcpcrypt_cipher_free(&c);
	}
}

static void aead__rekey_and_end(void)
{
	struct tcpcrypt_traffic_key tk;
	struct tcpcrypt_cipher c;
	u8 *buf, plain[9];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		setup(&c, i);
		make_key(&tk, known[i].key_len);
		tk.key[0] ^= 1;
		EXPECT_EQ(tcpcrypt_cipher_init(&c, known[i].id, &tk), 0);
		buf = frame(known_plain, KNOWN_PLEN);
		EXPECT_EQ(seal(&c, buf, KNOWN_PLEN, BIG_OFFSET), 0);
		EXPECT(memcmp(buf + 3, known[i].sealed, 25));
		EXPECT_EQ(open(&c, buf, 25, BIG_OFFSET, plain), 0);
		/* the randomizer is part of the key */
		tk.nr[11] ^= 1;
		EXPECT_EQ(tcpcrypt_cipher_init(&c, known[i].id, &tk), 0);
		EXPECT_EQ(open(&c, buf, 25, BIG_OFFSET, plain), -EBADMSG);
		EXPECT_EQ(open(&c, buf, 25, BIG_OFFSET ^ 1, plain), 0);
		kfree(buf);
		tcpcrypt_cipher_free(&c);
		buf = frame(known_plain, KNOWN_PLEN);
		EXPECT_EQ(seal(&c, buf, KNOWN_PLEN, 0), -EPIPE);
		EXPECT_EQ(open(&c, buf, 25, 0, plain), -EPIPE);
		EXPECT_EQ(tcpcrypt_cipher_driver(&c)[0], 0);
		kfree(buf);
	}
}

/* A transform that was given back serves the next cipher, with its key. */
static void aead__rest(void)
{
	struct tcpcrypt_traffic_key tk;
	struct tcpcrypt_cipher c, other;
	u8 *buf, plain[9];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		setup(&c, i);
		make_key(&tk, known[i].key_len);
		EXPECT(tcpcrypt_cipher_ready(&c));
		EXPECT(!tcpcrypt_cipher_quiet(&c, HZ));
		tcpcrypt_cipher_rest(&c);
		EXPECT(!tcpcrypt_cipher_ready(&c));
		EXPECT(!tcpcrypt_cipher_quiet(&c, 0));
		EXPECT(tcpcrypt_cipher_driver(&c)[0]);
		buf = frame(known_plain, KNOWN_PLEN);
		EXPECT_EQ(seal(&c, buf, KNOWN_PLEN, BIG_OFFSET), -EPIPE);
		memset(&other, 0, sizeof(other));
		tk.key[0] ^= 1;
		EXPECT_EQ(tcpcrypt_cipher_init(&other, known[i].id, &tk), 0);
		tk.key[0] ^= 1;
		EXPECT_EQ(tcpcrypt_cipher_init(&c, known[i].id, &tk), 0);
		EXPECT_EQ(seal(&c, buf, KNOWN_PLEN, BIG_OFFSET), 0);
		EXPECT(!memcmp(buf + 3, known[i].sealed, 25));
		EXPECT_EQ(open(&other, buf, 25, BIG_OFFSET, plain), -EBADMSG);
		kfree(buf);
		tcpcrypt_cipher_free(&other);
		tcpcrypt_cipher_free(&c);
		tcpcrypt_cipher_flush();
	}
}

static void aead__unknown(void)
{
	struct tcpcrypt_traffic_key tk;
	struct tcpcrypt_cipher c = {};
	unsigned int id;

	make_key(&tk, 16);
	for (id = 0; id < 0x10000; id++) {
		if (id == 1 || id == 2 || id == 16)
			continue;
		EXPECT(!tcpcrypt_cipher_available(id));
		EXPECT_EQ(tcpcrypt_cipher_init(&c, id, &tk), -EPROTO);
	}
	/* a length that the algorithm has not */
	tk.key_len = 15;
	EXPECT(tcpcrypt_cipher_init(&c, 1, &tk) < 0);
	EXPECT(!tcpcrypt_cipher_ready(&c));
	EXPECT_EQ(c.aead, 0);
}

static const u8 all_teps[] = { 0x21, 0x22, 0x23, 0x24 };

/* Section 7, table 4, and the lengths of section 5 */
static void dh__find(void)
{
	static const u8 pub[] = { 35, 69, 32, 56 }, es[] = { 32, 66, 32, 56 };
	const struct tcpcrypt_dh *dh;
	unsigned int tep;

	for (tep = 0; tep < 256; tep++) {
		dh = tcpcrypt_dh_find(tep);
		EXPECT_EQ(!!dh, tep >= 0x21 && tep <= 0x24);
		if (!dh || tep < 0x21 || tep > 0x24)
			continue;
		EXPECT_EQ(dh->tep, tep);
		EXPECT_EQ(dh->pub_len, pub[tep - 0x21]);
		EXPECT_EQ(dh->es_len, es[tep - 0x21]);
		dh->free(NULL);
	}
}

static void dh__agree(void)
{
	const struct tcpcrypt_dh *dh;
	struct tcpcrypt_dh_key *a, *b;
	u8 pub_a[69], pub_b[69], *es_a, *es_b;
	unsigned int i, round;

	for (i = 0; i < 4 * 3; i++) {
		dh = tcpcrypt_dh_find(all_teps[i % 4]);
		if (!dh)
			continue;
		es_a = kmalloc(dh->es_len, GFP_KERNEL);
		es_b = kmalloc(dh->es_len, GFP_KERNEL);
		a = dh->keygen(pub_a);
		b = dh->keygen(pub_b);
		EXPECT(memcmp(pub_a, pub_b, dh->pub_len));
		/* a key may be used again */
		for (round = 0; round < 2; round++) {
			EXPECT_EQ(dh->agree(a, pub_b, es_a), 0);
			EXPECT_EQ(dh->agree(b, pub_a, es_b), 0);
			EXPECT_MEM(es_a, es_b, dh->es_len);
		}
		dh->free(a);
		dh->free(b);
		kfree(es_a);
		kfree(es_b);
	}
}

/* Section 5: MUST validate; an all-zero result MUST abort. */
static void dh__bad_keys(void)
{
	const struct tcpcrypt_dh *dh;
	u8 own[69], pub[69], es[66];
	struct tcpcrypt_dh_key *key;
	unsigned int i, at, value;

	for (i = 0; i < ARRAY_SIZE(all_teps); i++) {
		dh = tcpcrypt_dh_find(all_teps[i]);
		if (!dh)
			continue;
		key = dh->keygen(own);
		memset(pub, 0, sizeof(pub));
		EXPECT_EQ(dh->agree(key, pub, es), -EPROTO);
		memset(pub, 0xff, sizeof(pub));
		/* Montgomery curves have no key that is out of range */
		if (all_teps[i] <= 0x22)
			EXPECT_EQ(dh->agree(key, pub, es), -EPROTO);
		for (at = 0; at < 3 && all_teps[i] <= 0x22; at++) {
			for (value = 1; value < 256; value++) {
				memcpy(pub, own, sizeof(pub));
				pub[at] ^= value;
				/* the other y is a key, too */
				if (at < 2 || value != 1)
					EXPECT_EQ(dh->agree(key, pub, es),
						  -EPROTO);
			}
		}
		dh->free(key);
	}
}

const struct ktap_case crypto_cases[] = {
	KTAP_CASE(aead__known),
	KTAP_CASE(aead__lengths_and_offsets),
	KTAP_CASE(aead__every_byte_change),
	KTAP_CASE(aead__every_truncation),
	KTAP_CASE(aead__rekey_and_end),
	KTAP_CASE(aead__rest),
	KTAP_CASE(aead__unknown),
	KTAP_CASE(dh__find),
	KTAP_CASE(dh__agree),
	KTAP_CASE(dh__bad_keys),
	{}
};
