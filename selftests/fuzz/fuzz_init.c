// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target for Init1 and Init2, RFC 8548, section 4.1. Input: a byte
 * that picks the TEP, then the beginning of a stream; and the same bytes as
 * the fields of a message.
 */

#include "../../net/tcpcrypt/tcpcrypt.h"
#include "fuzz.h"

#define CIPHERS_MAX	255
#define BUILT_MAX	(TCPCRYPT_INIT1_FIXED + 2 * CIPHERS_MAX + \
			 TCPCRYPT_PUB_MAX)

static const u8 pub_lens[] = { 32, 35, 56, 69 };
static const u16 prefs[] = { 0x0010, 0x0002, 0x0001 };

static int parse(const u8 *msg, size_t len, unsigned int pub_len, u32 magic,
		 struct tcpcrypt_init *init)
{
	if (magic == TCPCRYPT_INIT1_MAGIC)
		return tcpcrypt_init1_parse(msg, len, pub_len, init);
	return tcpcrypt_init2_parse(msg, len, pub_len, init);
}

/* What arrives piece by piece: neither verdict is taken back. */
static int growing(const u8 *data, size_t size, u32 magic)
{
	int len = tcpcrypt_init_len(data, size, magic), part;
	size_t have, most = min(size, (size_t)TCPCRYPT_INIT_HDR + 2);
	bool refused = false;
	u8 *copy;

	for (have = 0; have <= most; have++) {
		copy = exact(data, have);
		part = tcpcrypt_init_len(copy, have, magic);
		CHECK(!refused || part < 0);
		refused = part < 0;
		if (have < TCPCRYPT_INIT_HDR)
			CHECK(part <= 0);
		else
			CHECK(part == len);
		free(copy);
	}
	CHECK(len <= TCPCRYPT_INIT_MAX);
	CHECK(len <= 0 || len >= TCPCRYPT_INIT_HDR);
	return len;
}

/* build(parse(x)) == x, but for message_len and the bytes to be ignored */
static void build_again(const u8 *msg, const struct tcpcrypt_init *init,
			u32 magic)
{
	unsigned int i, most = init->pub + init->pub_len - msg;
	u16 ciphers[CIPHERS_MAX];
	u8 again[BUILT_MAX];
	int len;

	for (i = 0; i < init->nciphers; i++)
		ciphers[i] = init->ciphers[2 * i] << 8 |
			     init->ciphers[2 * i + 1];
	if (magic == TCPCRYPT_INIT1_MAGIC)
		len = tcpcrypt_init1_build(again, sizeof(again), ciphers,
					   init->nciphers, init->nonce,
					   init->pub, init->pub_len);
	else
		len = tcpcrypt_init2_build(again, sizeof(again), ciphers[0],
					   init->nonce, init->pub,
					   init->pub_len);
	CHECK(len == (int)most);
	CHECK(!memcmp(again, msg, 4));
	CHECK(!memcmp(again + TCPCRYPT_INIT_HDR, msg + TCPCRYPT_INIT_HDR,
		      most - TCPCRYPT_INIT_HDR));
	if (init->msg_len == most)
		CHECK(!memcmp(again, msg, most));
}

/* Host B's choice is its first preference that the message has. */
static void choose(const struct tcpcrypt_init *init)
{
	int cipher = tcpcrypt_init_select(init, prefs, ARRAY_SIZE(prefs));
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(prefs); i++)
		if (tcpcrypt_init_has_cipher(init, prefs[i]))
			break;
	CHECK(cipher == (i < ARRAY_SIZE(prefs) ? prefs[i] : -EPROTO));
}

/* As it arrived: no byte more than message_len matters, each less does. */
static void received(const u8 *data, size_t size, unsigned int pub_len,
		     u32 magic)
{
	int len = growing(data, size, magic), err;
	struct tcpcrypt_init init, exactly;
	size_t cut;
	u8 *copy;

	err = parse(data, size, pub_len, magic, &init);
	if (err) {
		CHECK(err == -EPROTO);
		return;
	}
	CHECK(len > 0 && (size_t)len <= size && init.msg_len == (u32)len);
	CHECK(init.nciphers && init.pub_len == pub_len);
	CHECK(init.ciphers + 2 * init.nciphers == init.nonce);
	CHECK(init.nonce + TCPCRYPT_NONCE_LEN == init.pub);
	CHECK(init.pub + pub_len <= data + len);
	copy = exact(data, len);
	CHECK(!parse(copy, len, pub_len, magic, &exactly));
	CHECK(exactly.pub - copy == init.pub - data);
	choose(&exactly);
	build_again(copy, &exactly, magic);
	free(copy);
	for (cut = 0; cut < (size_t)len; cut += 1 + cut / 8) {
		copy = exact(data, cut);
		CHECK(parse(copy, cut, pub_len, magic, &exactly) == -EPROTO);
		free(copy);
	}
	/* one byte more of a key than the message has */
	if (init.pub + pub_len == data + len)
		CHECK(parse(data, size, pub_len + 1, magic, &exactly) < 0);
}

/* parse(build(x)) == x, in all the room there is and with no byte to spare */
static void built(struct input in, unsigned int pub_len, u32 magic)
{
	bool init1 = magic == TCPCRYPT_INIT1_MAGIC;
	u8 nonce[TCPCRYPT_NONCE_LEN], pub[TCPCRYPT_PUB_MAX], *buf;
	unsigned int i, n = init1 ? take(&in) : 1;
	struct tcpcrypt_init init;
	u16 ciphers[CIPHERS_MAX];
	int len, room;

	for (i = 0; i < n; i++)
		ciphers[i] = take16(&in);
	take_bytes(&in, nonce, sizeof(nonce));
	take_bytes(&in, pub, pub_len);
	len = pub_len + (init1 ? TCPCRYPT_INIT1_FIXED + 2 * n :
				 TCPCRYPT_INIT2_FIXED);
	for (room = len - 1; room <= len; room++) {
		int want = !n ? -EINVAL : room < len ? -ENOSPC : len;

		buf = malloc(room);
		if (!buf)
			abort();
		if (init1)
			CHECK(tcpcrypt_init1_build(buf, room, ciphers, n,
						   nonce, pub, pub_len) ==
			      want);
		else
			CHECK(tcpcrypt_init2_build(buf, room, ciphers[0],
						   nonce, pub, pub_len) ==
			      want);
		if (want == len) {
			CHECK(!parse(buf, len, pub_len, magic, &init));
			CHECK(init.msg_len == (u32)len && init.nciphers == n);
			CHECK(!memcmp(init.nonce, nonce, sizeof(nonce)));
			CHECK(!memcmp(init.pub, pub, pub_len));
			for (i = 0; i < n; i++)
				CHECK(tcpcrypt_init_has_cipher(&init,
							       ciphers[i]));
			build_again(buf, &init, magic);
		}
		free(buf);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	u8 bits = take(&in);
	unsigned int pub_len = pub_lens[bits & 3];

	received(in.at, in.len, pub_len, TCPCRYPT_INIT1_MAGIC);
	received(in.at, in.len, pub_len, TCPCRYPT_INIT2_MAGIC);
	built(in, pub_len, bits & 4 ? TCPCRYPT_INIT1_MAGIC :
				      TCPCRYPT_INIT2_MAGIC);
	return 0;
}
