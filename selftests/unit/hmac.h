/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _UNIT_HMAC_H
#define _UNIT_HMAC_H

#include "../../net/tcpcrypt/tcpcrypt.h"

/* HMAC-SHA256 of OpenSSL's libcrypto */
extern const struct tcpcrypt_mac openssl_mac;

#endif /* _UNIT_HMAC_H */
