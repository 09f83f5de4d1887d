// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target for the public keys of the NIST curves, RFC 8548 section 5.
 * Input: a public key of P-256 or P-521, by its length; pubkey_len and the
 * prefix are put right if the first byte says so, as few keys would have them.
 */

#include <stdlib.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include "../../net/crypto/curves.h"

static void check(bool good)
{
	if (!good)
		abort();
}

/* What was taken for a key is written as it was read. */
static void p256(const u8 *pub)
{
	u8 point[2 * TCPCRYPT_P256_LEN], again[TCPCRYPT_P256_PUB_LEN];

	if (tcpcrypt_p256_decode(point, pub))
		return;
	tcpcrypt_p256_encode(again, point);
	check(!memcmp(again, pub, sizeof(again)));
}

static void p521(const u8 *pub)
{
	u8 x[TCPCRYPT_P521_LEN], y[TCPCRYPT_P521_LEN];
	struct p521_point p;

	if (tcpcrypt_p521_decode(&p, pub))
		return;
	fe521_store(x, &p.x);
	fe521_store(y, &p.y);
	check(!memcmp(x, pub + TCPCRYPT_NIST_HDR, sizeof(x)));
	check((y[TCPCRYPT_P521_LEN - 1] & 1) == (pub[2] & 1));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u8 *pub;

	if (size != 1 + TCPCRYPT_P256_PUB_LEN &&
	    size != 1 + TCPCRYPT_P521_PUB_LEN)
		return 0;
	pub = malloc(--size);
	if (!pub)
		abort();
	memcpy(pub, data + 1, size);
	if (data[0] & 1)
		tcpcrypt_nist_put_header(pub, size, data[0] >> 1 & 1);
	if (size == TCPCRYPT_P256_PUB_LEN)
		p256(pub);
	else
		p521(pub);
	free(pub);
	return 0;
}
