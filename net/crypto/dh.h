/* SPDX-License-Identifier: GPL-2.0 */
/* The schemes that dh.c collects, and the known answers of our own code. */
#ifndef _TCPCRYPT_DH_H
#define _TCPCRYPT_DH_H

#include "crypto.h"
#include "curves.h"

/* Each returns its scheme, or NULL and in *why_not what it lacks. */
const struct tcpcrypt_dh *tcpcrypt_dh_p256(const char **why_not);
const struct tcpcrypt_dh *tcpcrypt_dh_p521(const char **why_not);
const struct tcpcrypt_dh *tcpcrypt_dh_x25519(const char **why_not);
const struct tcpcrypt_dh *tcpcrypt_dh_x25519_own(const char **why_not);
const struct tcpcrypt_dh *tcpcrypt_dh_x448(const char **why_not);

#define TCPCRYPT_NO_INT128	"the compiler has no 128-bit integers"
#define TCPCRYPT_KAT_FAILED	"its self-test failed"

#endif /* _TCPCRYPT_DH_H */
