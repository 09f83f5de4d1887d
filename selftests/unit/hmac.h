/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _UNIT_HMAC_H
#define _UNIT_HMAC_H

#include "../../net/tcpcrypt/tcpcrypt.h"

#ifdef __KERNEL__
#include "../../net/crypto/crypto.h"

/* The module's own, over the kernel's SHA-256 */
#define openssl_mac	tcpcrypt_hmac_sha256
#else
/* HMAC-SHA256 of OpenSSL's libcrypto */
extern const struct tcpcrypt_mac openssl_mac;
#endif

#endif /* _UNIT_HMAC_H */
