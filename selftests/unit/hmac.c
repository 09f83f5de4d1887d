// SPDX-License-Identifier: GPL-2.0
/* HMAC-SHA256 that shares no code with the kernel. */

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <linux/errno.h>
#include <linux/string.h>
#include "hmac.h"

static int openssl_hmac(const struct tcpcrypt_mac *mac, const u8 *key,
			size_t keylen, const struct tcpcrypt_vec *vec,
			unsigned int nvec, u8 *out)
{
	size_t len = 0, at = 0;
	unsigned int i;
	int err = 0;
	u8 *buf;

	(void)mac;
	for (i = 0; i < nvec; i++)
		len += vec[i].len;
	buf = malloc(len + 1);
	if (!buf)
		return -ENOMEM;
	for (i = 0; i < nvec; i++) {
		if (vec[i].len)
			memcpy(buf + at, vec[i].base, vec[i].len);
		at += vec[i].len;
	}
	if (!HMAC(EVP_sha256(), key, keylen, buf, len, out, NULL))
		err = -EIO;
	free(buf);
	return err;
}

const struct tcpcrypt_mac openssl_mac = { .hmac = openssl_hmac };
