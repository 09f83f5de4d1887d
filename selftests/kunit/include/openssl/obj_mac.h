/* SPDX-License-Identifier: GPL-2.0 */
/* Names of curves, for tables; there is no OpenSSL to pass them to. */
enum { NID_X25519, NID_X448, NID_X9_62_prime256v1, NID_secp521r1 };
