// SPDX-License-Identifier: GPL-2.0
/*
 * X448 (RFC 7748, section 5). The kernel has none.
 *
 * Pure code, constant time in the scalar and in the u-coordinate.
 */

#include "curves.h"
#include "fe448.h"

#define FE(name)	fe448##name
#define LEN		TCPCRYPT_X448_LEN
#define A24		39081	/* (156326 - 2) / 4, RFC 7748 section 5 */
#define FIRST_AND	252
#define LAST_AND	255
#define LAST_OR		128

#include "ladder.h"

/**
 * tcpcrypt_x448() - X448(scalar, u), and whether it may be used
 * @out:    TCPCRYPT_X448_LEN bytes, the result
 * @scalar: TCPCRYPT_X448_LEN bytes, the private key
 * @u:      TCPCRYPT_X448_LEN bytes, the peer's public key
 *
 * RFC 8548, section 5: an all-zero result MUST abort (RFC 7748, section 6).
 *
 * Return: 0, or -EPROTO if the result is all-zero.
 */
int tcpcrypt_x448(u8 *out, const u8 *scalar, const u8 *u)
{
	return scalar_mult_checked(out, scalar, u);
}

/**
 * tcpcrypt_x448_public() - the public key of a private key
 * @pub:    TCPCRYPT_X448_LEN bytes
 * @scalar: TCPCRYPT_X448_LEN bytes of any value
 */
void tcpcrypt_x448_public(u8 *pub, const u8 *scalar)
{
	static const u8 base[TCPCRYPT_X448_LEN] = { 5 };

	scalar_mult(pub, scalar, base);
}
