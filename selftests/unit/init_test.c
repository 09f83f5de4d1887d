// SPDX-License-Identifier: GPL-2.0
/* net/tcpcrypt/init.c: RFC 8548, section 4.1 */

#include <stdlib.h>
#include <linux/errno.h>
#include <linux/string.h>
#include "../../net/tcpcrypt/tcpcrypt.h"
#include "hmac.h"
#include "ktap.h"
#include "vectors.h"

#define PUB_LEN		TCPCRYPT_X25519_LEN
#define INIT1		TCPCRYPT_INIT1_MAGIC
#define INIT2		TCPCRYPT_INIT2_MAGIC
#define LEN(magic, ...) ({						\
	const u8 _bytes[] = { __VA_ARGS__ };				\
									\
	init_len(_bytes, sizeof(_bytes), magic); })

static const u16 all_three[] = {
	TCPCRYPT_AES_128_GCM, TCPCRYPT_AES_256_GCM, TCPCRYPT_CHACHA20_POLY1305,
};

static int init_len(const u8 *bytes, size_t len, u32 magic)
{
	u8 *copy = exact(bytes, len);
	int ret = tcpcrypt_init_len(copy, len, magic);

	free(copy);
	return ret;
}

/* Parses a copy; what was found must lie inside, in the RFC's order. */
static int parse(bool init1, const u8 *bytes, size_t len, unsigned int pub_len)
{
	unsigned int off = init1 ? 9 : 8;
	u8 *copy = exact(bytes, len);
	struct tcpcrypt_init init;
	int ret;

	memset(&init, 0xa5, sizeof(init));
	if (init1)
		ret = tcpcrypt_init1_parse(copy, len, pub_len, &init);
	else
		ret = tcpcrypt_init2_parse(copy, len, pub_len, &init);
	if (!ret) {
		EXPECT(init.msg_len <= len);
		EXPECT_EQ(init.nciphers, init1 ? copy[8] : 1);
		EXPECT(init.ciphers == copy + off);
		EXPECT(init.nonce == copy + off + 2 * init.nciphers);
		EXPECT(init.pub == init.nonce + 32);
		EXPECT_EQ(init.pub_len, pub_len);
		EXPECT(init.pub + pub_len <= copy + init.msg_len);
	} else {
		EXPECT_EQ(ret, -EPROTO);
	}
	free(copy);
	return ret;
}

static void set_len(u8 *msg, u32 len)
{
	msg[4] = len >> 24;
	msg[5] = len >> 16;
	msg[6] = len >> 8;
	msg[7] = len;
}

static void init_len__not_yet(void)
{
	unsigned int len;

	for (len = 0; len < 8; len++) {
		EXPECT_EQ(init_len(x25519_init1, len, INIT1), 0);
		EXPECT_EQ(init_len(x25519_init2, len, INIT2), 0);
	}
	EXPECT_EQ(init_len(x25519_init1, 8, INIT1), sizeof(x25519_init1));
	EXPECT_EQ(init_len(x25519_init2, 8, INIT2), sizeof(x25519_init2));
}

static void init_len__bounds(void)
{
	EXPECT_EQ(LEN(INIT1, 0x15, 0x10, 0x1a, 0x0e, 0, 0, 0, 7), -EPROTO);
	EXPECT_EQ(LEN(INIT1, 0x15, 0x10, 0x1a, 0x0e, 0, 0, 0, 8), 8);
	EXPECT_EQ(LEN(INIT1, 0x15, 0x10, 0x1a, 0x0e, 0, 0, 0x10, 0), 4096);
	EXPECT_EQ(LEN(INIT1, 0x15, 0x10, 0x1a, 0x0e, 0, 0, 0x10, 1), -EPROTO);
	EXPECT_EQ(LEN(INIT1, 0x15, 0x10, 0x1a, 0x0e, 0, 0, 0, 0), -EPROTO);
	EXPECT_EQ(LEN(INIT1, 0x15, 0x10, 0x1a, 0x0e, 0, 1, 0, 50), -EPROTO);
	EXPECT_EQ(LEN(INIT1, 0x15, 0x10, 0x1a, 0x0e, 1, 0, 0, 50), -EPROTO);
	EXPECT_EQ(LEN(INIT1, 0x15, 0x10, 0x1a, 0x0e, 0x80, 0, 0, 50),
		  -EPROTO);
	EXPECT_EQ(LEN(INIT1, 0x15, 0x10, 0x1a, 0x0e, 0xff, 0xff, 0xff, 0xff),
		  -EPROTO);
}

/* A wrong byte of the magic is seen when it arrives. */
static void init_len__wrong_magic(void)
{
	unsigned int at, value, len;
	u8 bytes[16];

	for (at = 0; at < 4; at++) {
		for (value = 1; value < 256; value++) {
			memcpy(bytes, x25519_init1, sizeof(bytes));
			bytes[at] ^= value;
			for (len = 0; len <= sizeof(bytes); len++)
				EXPECT_EQ(init_len(bytes, len, INIT1),
					  len > at ? -EPROTO : 0);
		}
	}
	EXPECT_EQ(init_len(x25519_init1, 1, INIT2), -EPROTO);
	EXPECT_EQ(init_len(x25519_init2, 1, INIT1), -EPROTO);
}

static void init1_build__known(void)
{
	u8 buf[TCPCRYPT_INIT1_SENT_MAX];

	EXPECT_EQ(tcpcrypt_init1_build(buf, sizeof(buf), all_three, 3,
				       x25519_nonce_a, x25519_pub_a, PUB_LEN),
		  sizeof(x25519_init1));
	EXPECT_MEM(buf, x25519_init1, sizeof(x25519_init1));
	EXPECT_EQ(tcpcrypt_init1_build(buf, sizeof(buf), all_three + 2, 1,
				       p521_nonce_a, p521_pub_a,
				       sizeof(p521_pub_a)),
		  sizeof(p521_init1));
	EXPECT_MEM(buf, p521_init1, sizeof(p521_init1));
}

static void init2_build__known(void)
{
	u8 buf[TCPCRYPT_INIT2_SENT_MAX];

	EXPECT_EQ(tcpcrypt_init2_build(buf, sizeof(buf), TCPCRYPT_AES_256_GCM,
				       x25519_nonce_b, x25519_pub_b, PUB_LEN),
		  sizeof(x25519_init2));
	EXPECT_MEM(buf, x25519_init2, sizeof(x25519_init2));
	EXPECT_EQ(tcpcrypt_init2_build(buf, sizeof(buf),
				       TCPCRYPT_CHACHA20_POLY1305,
				       p521_nonce_b, p521_pub_b,
				       sizeof(p521_pub_b)),
		  sizeof(p521_init2));
	EXPECT_MEM(buf, p521_init2, sizeof(p521_init2));
}

/* Each room that is too small; ASan sees it if something is written. */
static void init_build__every_size(void)
{
	u8 *buf = NULL;
	size_t size;

	for (size = 0; size <= sizeof(x25519_init1); size++) {
		buf = realloc(buf, size + !size);
		EXPECT_EQ(tcpcrypt_init1_build(buf, size, all_three, 3,
					       x25519_nonce_a, x25519_pub_a,
					       PUB_LEN),
			  size < sizeof(x25519_init1) ? -ENOSPC : (int)size);
		EXPECT_EQ(tcpcrypt_init2_build(buf, size, 1, x25519_nonce_b,
					       x25519_pub_b, PUB_LEN),
			  size < sizeof(x25519_init2) ?
			  -ENOSPC : (int)sizeof(x25519_init2));
	}
	free(buf);
}

static void init_build__limits(void)
{
	u8 buf[TCPCRYPT_INIT_MAX], pub[TCPCRYPT_PUB_MAX + 1] = {};
	u16 ciphers[256] = {};

	EXPECT_EQ(tcpcrypt_init1_build(buf, sizeof(buf), ciphers, 0, pub, pub,
				       32), -EINVAL);
	EXPECT_EQ(tcpcrypt_init1_build(buf, sizeof(buf), ciphers, 256, pub,
				       pub, 32), -EINVAL);
	EXPECT_EQ(tcpcrypt_init1_build(buf, sizeof(buf), ciphers, 255, pub,
				       pub, 32), 8 + 1 + 510 + 32 + 32);
	EXPECT_EQ(tcpcrypt_init1_build(buf, TCPCRYPT_INIT1_SENT_MAX, ciphers,
				       TCPCRYPT_AEADS_MAX, pub, pub,
				       TCPCRYPT_PUB_MAX),
		  TCPCRYPT_INIT1_SENT_MAX);
	EXPECT_EQ(tcpcrypt_init1_build(buf, sizeof(buf), ciphers, 1, pub, pub,
				       TCPCRYPT_PUB_MAX + 1), -EINVAL);
	EXPECT_EQ(tcpcrypt_init2_build(buf, TCPCRYPT_INIT2_SENT_MAX, 1, pub,
				       pub, TCPCRYPT_PUB_MAX),
		  TCPCRYPT_INIT2_SENT_MAX);
	EXPECT_EQ(tcpcrypt_init2_build(buf, sizeof(buf), 1, pub, pub,
				       TCPCRYPT_PUB_MAX + 1), -EINVAL);
	EXPECT_EQ(tcpcrypt_init2_build(buf, sizeof(buf), 1, pub, pub,
				       (unsigned int)-40), -EINVAL);
}

static void init1_parse__fields(void)
{
	struct tcpcrypt_init init;

	EXPECT_EQ(tcpcrypt_init1_parse(x25519_init1, sizeof(x25519_init1),
				       PUB_LEN, &init), 0);
	EXPECT_EQ(init.msg_len, sizeof(x25519_init1));
	EXPECT_EQ(init.nciphers, 3);
	EXPECT_MEM(init.ciphers, "\x00\x01\x00\x02\x00\x10", 6);
	EXPECT_MEM(init.nonce, x25519_nonce_a, 32);
	EXPECT_MEM(init.pub, x25519_pub_a, PUB_LEN);
	EXPECT_EQ(init.pub_len, PUB_LEN);
}

static void init2_parse__fields(void)
{
	struct tcpcrypt_init init;

	EXPECT_EQ(tcpcrypt_init2_parse(p521_init2, sizeof(p521_init2),
				       sizeof(p521_pub_b), &init), 0);
	EXPECT_EQ(init.msg_len, sizeof(p521_init2));
	EXPECT_EQ(init.nciphers, 1);
	EXPECT_MEM(init.ciphers, "\x00\x10", 2);
	EXPECT_MEM(init.nonce, p521_nonce_b, 32);
	EXPECT_MEM(init.pub, p521_pub_b, sizeof(p521_pub_b));
	EXPECT_EQ(init.pub_len, 69);
}

static void init_parse__wrong_direction(void)
{
	EXPECT_EQ(parse(true, x25519_init2, sizeof(x25519_init2), 1),
		  -EPROTO);
	EXPECT_EQ(parse(false, x25519_init1, sizeof(x25519_init1), 1),
		  -EPROTO);
}

static void init_parse__every_truncation(void)
{
	unsigned int len;

	for (len = 0; len < sizeof(x25519_init1); len++)
		EXPECT_EQ(parse(true, x25519_init1, len, PUB_LEN), -EPROTO);
	EXPECT_EQ(parse(true, x25519_init1, len, PUB_LEN), 0);
	for (len = 0; len < sizeof(x25519_init2); len++)
		EXPECT_EQ(parse(false, x25519_init2, len, PUB_LEN), -EPROTO);
	EXPECT_EQ(parse(false, x25519_init2, len, PUB_LEN), 0);
}

/* All the bytes are there, but message_len says less or more. */
static void init_parse__every_message_len(void)
{
	u8 one[sizeof(x25519_init1) + 3], two[sizeof(x25519_init2) + 3];
	unsigned int len;

	memset(one, 0x77, sizeof(one));
	memset(two, 0x77, sizeof(two));
	memcpy(one, x25519_init1, sizeof(x25519_init1));
	memcpy(two, x25519_init2, sizeof(x25519_init2));
	for (len = 0; len < 200; len++) {
		set_len(one, len);
		set_len(two, len);
		EXPECT_EQ(parse(true, one, sizeof(one), PUB_LEN),
			  len < sizeof(x25519_init1) || len > sizeof(one) ?
			  -EPROTO : 0);
		EXPECT_EQ(parse(false, two, sizeof(two), PUB_LEN),
			  len < sizeof(x25519_init2) || len > sizeof(two) ?
			  -EPROTO : 0);
		/* no byte behind the message is looked at */
		if (len < sizeof(x25519_init1))
			EXPECT_EQ(parse(true, one, len, PUB_LEN), -EPROTO);
		if (len < sizeof(x25519_init2))
			EXPECT_EQ(parse(false, two, len, PUB_LEN), -EPROTO);
	}
}

/* Section 4.1: MUST permit and ignore any bytes following Pub_A */
static void init_parse__ignored_bytes(void)
{
	u8 msg[TCPCRYPT_INIT_MAX];
	struct tcpcrypt_init init;

	memset(msg, 0xee, sizeof(msg));
	memcpy(msg, x25519_init1, sizeof(x25519_init1));
	set_len(msg, sizeof(msg));
	EXPECT_EQ(parse(true, msg, sizeof(msg), PUB_LEN), 0);
	EXPECT_EQ(tcpcrypt_init1_parse(msg, sizeof(msg), PUB_LEN, &init), 0);
	EXPECT_EQ(init.msg_len, TCPCRYPT_INIT_MAX);
	EXPECT_MEM(init.pub, x25519_pub_a, PUB_LEN);
	memcpy(msg, x25519_init2, sizeof(x25519_init2));
	set_len(msg, sizeof(msg));
	EXPECT_EQ(parse(false, msg, sizeof(msg), PUB_LEN), 0);
}

/* What follows the message in the stream is no part of it. */
static void init_parse__bytes_behind(void)
{
	u8 stream[sizeof(x25519_init2) + 50] = {};
	struct tcpcrypt_init init;

	memcpy(stream, x25519_init2, sizeof(x25519_init2));
	EXPECT_EQ(tcpcrypt_init2_parse(stream, sizeof(stream), PUB_LEN, &init),
		  0);
	EXPECT_EQ(init.msg_len, sizeof(x25519_init2));
	EXPECT_EQ(parse(false, stream, sizeof(stream), PUB_LEN + 1), -EPROTO);
}

static void init1_parse__every_nciphers(void)
{
	u8 msg[sizeof(x25519_init1)];
	unsigned int n;

	for (n = 0; n < 256; n++) {
		memcpy(msg, x25519_init1, sizeof(msg));
		msg[8] = n;
		EXPECT_EQ(parse(true, msg, sizeof(msg), PUB_LEN),
			  n >= 1 && n <= 3 ? 0 : -EPROTO);
	}
}

static void init1_parse__most_ciphers(void)
{
	u8 msg[8 + 1 + 510 + 32 + 32] = { 0x15, 0x10, 0x1a, 0x0e };

	set_len(msg, sizeof(msg));
	msg[8] = 255;
	EXPECT_EQ(parse(true, msg, sizeof(msg), PUB_LEN), 0);
	EXPECT_EQ(parse(true, msg, sizeof(msg) - 1, PUB_LEN), -EPROTO);
	set_len(msg, sizeof(msg) - 1);
	EXPECT_EQ(parse(true, msg, sizeof(msg), PUB_LEN), -EPROTO);
}

static void init_parse__every_pub_len(void)
{
	unsigned int n;

	for (n = 0; n <= TCPCRYPT_PUB_MAX; n++) {
		EXPECT_EQ(parse(true, p521_init1, sizeof(p521_init1), n), 0);
		EXPECT_EQ(parse(false, p521_init2, sizeof(p521_init2), n), 0);
	}
	EXPECT_EQ(parse(true, p521_init1, sizeof(p521_init1), n), -EPROTO);
	EXPECT_EQ(parse(false, p521_init2, sizeof(p521_init2), n), -EPROTO);
	EXPECT_EQ(parse(true, p521_init1, sizeof(p521_init1),
			(unsigned int)-40), -EPROTO);
}

/*
 * One changed byte: the message is refused, or the PRK is another one, as
 * Init1 and Init2 are part of what it depends on.
 */
static void init_parse__every_byte_change(void)
{
	struct tcpcrypt_prk_input in = {
		.nonce_a = x25519_nonce_a,
		.transcript = { x25519_transcript, sizeof(x25519_transcript) },
		.init1 = { x25519_init1, sizeof(x25519_init1) },
		.init2 = { x25519_init2, sizeof(x25519_init2) },
		.es = { x25519_es, sizeof(x25519_es) },
	};
	u8 one[sizeof(x25519_init1)], two[sizeof(x25519_init2)], prk[32];
	unsigned int at, bit;

	in.init1.base = one;
	in.init2.base = two;
	for (at = 0; at < sizeof(one) + sizeof(two); at++) {
		bool first = at < sizeof(one);
		u8 *p = first ? one + at : two + at - sizeof(one);

		for (bit = 0; bit < 8; bit++) {
			memcpy(one, x25519_init1, sizeof(one));
			memcpy(two, x25519_init2, sizeof(two));
			*p ^= 1 << bit;
			if (parse(true, one, sizeof(one), PUB_LEN) ||
			    parse(false, two, sizeof(two), PUB_LEN))
				continue;
			/* magic, message_len and nciphers up to 3 */
			EXPECT(first ? at >= 8 : at - sizeof(one) >= 8);
			EXPECT_EQ(tcpcrypt_extract(&openssl_mac, &in, prk), 0);
			EXPECT(memcmp(prk, x25519_ss, sizeof(prk)));
		}
	}
}

static void init_has_cipher__all(void)
{
	struct tcpcrypt_init init;

	EXPECT_EQ(tcpcrypt_init1_parse(x25519_init1, sizeof(x25519_init1),
				       PUB_LEN, &init), 0);
	EXPECT(tcpcrypt_init_has_cipher(&init, 0x0001));
	EXPECT(tcpcrypt_init_has_cipher(&init, 0x0002));
	EXPECT(tcpcrypt_init_has_cipher(&init, 0x0010));
	EXPECT(!tcpcrypt_init_has_cipher(&init, 0x0000));
	EXPECT(!tcpcrypt_init_has_cipher(&init, 0x0100));
	/* across two identifiers */
	EXPECT(!tcpcrypt_init_has_cipher(&init, 0x1000));
	EXPECT(!tcpcrypt_init_has_cipher(&init, 0x0200));
	EXPECT_EQ(tcpcrypt_init2_parse(x25519_init2, sizeof(x25519_init2),
				       PUB_LEN, &init), 0);
	EXPECT(tcpcrypt_init_has_cipher(&init, 0x0002));
	EXPECT(!tcpcrypt_init_has_cipher(&init, 0x0001));
}

/* Section 3.3: host B's order of preference */
static void init_select__preference(void)
{
	static const u16 prefs[] = { 0x0100, 0x0010, 0x0001, 0x0002 };
	struct tcpcrypt_init init;

	EXPECT_EQ(tcpcrypt_init1_parse(x25519_init1, sizeof(x25519_init1),
				       PUB_LEN, &init), 0);
	EXPECT_EQ(tcpcrypt_init_select(&init, prefs, 4), 0x0010);
	EXPECT_EQ(tcpcrypt_init_select(&init, prefs + 2, 2), 0x0001);
	EXPECT_EQ(tcpcrypt_init_select(&init, prefs + 3, 1), 0x0002);
	EXPECT_EQ(tcpcrypt_init_select(&init, prefs, 1), -EPROTO);
	EXPECT_EQ(tcpcrypt_init_select(&init, prefs, 0), -EPROTO);
}

static void init_select__high_identifier(void)
{
	static const u8 offered[] = { 0xff, 0xff, 0x80, 0x01 };
	const struct tcpcrypt_init init = { .nciphers = 2, .ciphers = offered };
	static const u16 prefs[] = { 0x8001, 0xffff };

	EXPECT_EQ(tcpcrypt_init_select(&init, prefs, 2), 0x8001);
	EXPECT_EQ(tcpcrypt_init_select(&init, prefs + 1, 1), 0xffff);
}

const struct ktap_case init_cases[] = {
	KTAP_CASE(init_len__not_yet),
	KTAP_CASE(init_len__bounds),
	KTAP_CASE(init_len__wrong_magic),
	KTAP_CASE(init1_build__known),
	KTAP_CASE(init2_build__known),
	KTAP_CASE(init_build__every_size),
	KTAP_CASE(init_build__limits),
	KTAP_CASE(init1_parse__fields),
	KTAP_CASE(init2_parse__fields),
	KTAP_CASE(init_parse__wrong_direction),
	KTAP_CASE(init_parse__every_truncation),
	KTAP_CASE(init_parse__every_message_len),
	KTAP_CASE(init_parse__ignored_bytes),
	KTAP_CASE(init_parse__bytes_behind),
	KTAP_CASE(init1_parse__every_nciphers),
	KTAP_CASE(init1_parse__most_ciphers),
	KTAP_CASE(init_parse__every_pub_len),
	KTAP_CASE(init_parse__every_byte_change),
	KTAP_CASE(init_has_cipher__all),
	KTAP_CASE(init_select__preference),
	KTAP_CASE(init_select__high_identifier),
	{}
};
