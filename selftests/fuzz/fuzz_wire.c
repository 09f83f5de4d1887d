// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target for RFC 8548. Input: one byte that picks the length of the
 * public key and where segments end, then a stream: an Init1 or Init2, frames.
 * The frames are taken apart as though their plaintext were the ciphertext.
 */

#include <stdlib.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include "../../net/tcpcrypt/tcpcrypt.h"

static const u8 pub_lens[] = { 32, 35, 56, 69 };
static const u16 prefs[] = { 0x0010, 0x0002, 0x0001 };
u8 fuzz_sink;	/* the compiler can't know that nobody reads it */

static void check(bool good)
{
	if (!good)
		abort();
}

/* Reads every byte that a parser says is there. */
static void touch(const u8 *p, size_t len)
{
	while (len--)
		fuzz_sink ^= *p++;
}

static size_t message(const u8 *data, size_t size, unsigned int pub_len,
		      u32 magic)
{
	bool init1 = magic == TCPCRYPT_INIT1_MAGIC;
	struct tcpcrypt_init init;
	int len, err, cipher;
	size_t have;

	/* what was refused stays so, what was accepted too */
	len = tcpcrypt_init_len(data, size, magic);
	for (have = 0; have < size && have < TCPCRYPT_INIT_HDR; have++)
		check(len < 0 || !tcpcrypt_init_len(data, have, magic));
	err = init1 ? tcpcrypt_init1_parse(data, size, pub_len, &init) :
		      tcpcrypt_init2_parse(data, size, pub_len, &init);
	if (err)
		return 0;
	check(len > 0 && (size_t)len <= size && init.msg_len == (u32)len);
	check(init.pub + init.pub_len <= data + len);
	touch(init.ciphers, 2 * init.nciphers);
	touch(init.nonce, TCPCRYPT_NONCE_LEN);
	touch(init.pub, init.pub_len);
	cipher = tcpcrypt_init_select(&init, prefs, ARRAY_SIZE(prefs));
	check(cipher < 0 || tcpcrypt_init_has_cipher(&init, cipher));
	return len;
}

static void plaintext(const u8 *data, size_t len)
{
	struct tcpcrypt_plain plain;

	if (tcpcrypt_plain_parse(data, len, &plain))
		return;
	check(plain.data_off + plain.data_len == len);
	touch(data + plain.data_off, plain.data_len);
}

static void frames(const u8 *data, size_t size, size_t segment)
{
	struct tcpcrypt_scan s = {};
	size_t at = 0, begin = 0, n;
	bool end;
	int ret;

	while (at < size) {
		if (s.have < TCPCRYPT_FRAME_HDR) {
			ret = tcpcrypt_scan_header(&s, data[at++]);
			if (ret < 0)
				return;
			begin = at;
			continue;
		}
		n = tcpcrypt_scan_body(&s, min(segment, size - at), &end);
		check(n);
		at += n;
		check(end == (at - begin == tcpcrypt_scan_clen(&s)));
		if (end)
			plaintext(data + begin, at - begin - TCPCRYPT_TAG_LEN);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	unsigned int pub_len;
	size_t segment, n;

	if (!size)
		return 0;
	pub_len = pub_lens[data[0] & 3];
	segment = 1 + (data[0] >> 2);
	data++;
	size--;
	n = message(data, size, pub_len, TCPCRYPT_INIT1_MAGIC);
	if (!n)
		n = message(data, size, pub_len, TCPCRYPT_INIT2_MAGIC);
	frames(data + n, size - n, segment);
	return 0;
}
