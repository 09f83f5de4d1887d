// SPDX-License-Identifier: GPL-2.0
/*
 * X25519 (RFC 7748, section 5). For kernels without "curve25519" in their key
 * agreement API: it left that API in 6.18.
 *
 * Pure code, constant time in the scalar and in the u-coordinate.
 */

#include "curves.h"
#include "fe25519.h"

#define FE(name)	fe25519##name
#define LEN		TCPCRYPT_X25519_LEN
#define A24		121665	/* (486662 - 2) / 4, RFC 7748 section 5 */
#define FIRST_AND	248
#define LAST_AND	127
#define LAST_OR		64

#include "ladder.h"

/**
 * tcpcrypt_x25519() - X25519(scalar, u), and whether it may be used
 * @out:    TCPCRYPT_X25519_LEN bytes, the result
 * @scalar: TCPCRYPT_X25519_LEN bytes, the private key
 * @u:      TCPCRYPT_X25519_LEN bytes, the peer's public key
 *
 * RFC 8548, section 5: an all-zero result MUST abort (RFC 7748, section 6).
 *
 * Return: 0, or -EPROTO if the result is all-zero.
 */
int tcpcrypt_x25519(u8 *out, const u8 *scalar, const u8 *u)
{
	return scalar_mult_checked(out, scalar, u);
}

/**
 * tcpcrypt_x25519_public() - the public key of a private key
 * @pub:    TCPCRYPT_X25519_LEN bytes
 * @scalar: TCPCRYPT_X25519_LEN bytes of any value
 */
void tcpcrypt_x25519_public(u8 *pub, const u8 *scalar)
{
	static const u8 base[TCPCRYPT_X25519_LEN] = { 9 };

	scalar_mult(pub, scalar, base);
}
