// SPDX-License-Identifier: GPL-2.0
/* net/crypto/p521.c, p256.c: points of the NIST curves, known answers */

#include <stdlib.h>
#include <linux/errno.h>
#include <linux/string.h>
#include "../../net/crypto/curves.h"
#include "ktap.h"
#include "vectors.h"

static struct p521_work work;

static int p521_decode(u8 *xy, const u8 *pub)
{
	struct p521_point p;
	int err = tcpcrypt_p521_decode(&p, pub);

	if (!err) {
		fe521_store(xy, &p.x);
		fe521_store(xy + 66, &p.y);
	}
	return err;
}

/* One x with either y, or with none; the key ends where its allocation ends */
static void point(int (*decode)(u8 *xy, const u8 *pub), const u8 *row,
		  size_t len)
{
	u8 pub[69] = { 0, 3 + len }, xy[132], *copy;
	int odd;

	memcpy(pub + 3, row + 1, len);
	for (odd = 0; odd < 2; odd++) {
		pub[2] = 2 + odd;
		copy = exact(pub, 3 + len);
		EXPECT_EQ(decode(xy, copy), row[0] ? 0 : -EPROTO);
		free(copy);
		if (!row[0])
			continue;
		EXPECT_MEM(xy, row + 1, len);
		EXPECT_MEM(xy + len, row + 1 + (1 + odd) * len, len);
	}
}

static void p256_decode__known(void)
{
	const u8 *row = p256_points;

	for (; row < p256_points + sizeof(p256_points); row += 1 + 3 * 32)
		point(tcpcrypt_p256_decode, row, 32);
}

static void p521_decode__known(void)
{
	const u8 *row = p521_points;

	for (; row < p521_points + sizeof(p521_points); row += 1 + 3 * 66)
		point(p521_decode, row, 66);
}

/* Either host's scalar: windows that are zero, doublings, next to the order */
static void p521_public__multiples(void)
{
	const u8 *row = p521_multiples;
	u8 pub[69];

	for (; row < p521_multiples + sizeof(p521_multiples); row += 66 + 69) {
		tcpcrypt_p521_public(&work, pub, row);
		EXPECT_MEM(pub, row + 66, 69);
	}
}

static void p521_agree__multiples(void)
{
	const u8 *row = p521_multiples;
	u8 es[66];

	for (; row < p521_multiples + sizeof(p521_multiples); row += 66 + 69) {
		EXPECT_EQ(tcpcrypt_p521_agree(&work, es, row, p521_generator),
			  0);
		EXPECT_MEM(es, row + 66 + 3, 66);
	}
}

/* d e G = e d G, for some pairs */
static void p521_agree__both_ways(void)
{
	const size_t row = 66 + 69, rows = sizeof(p521_multiples) / row;
	const u8 *a, *b;
	u8 es_a[66], es_b[66];
	unsigned int i;

	for (i = 0; i < 30; i++) {
		a = p521_multiples + row * rnd(rows);
		b = p521_multiples + row * rnd(rows);
		EXPECT_EQ(tcpcrypt_p521_agree(&work, es_a, a, b + 66), 0);
		EXPECT_EQ(tcpcrypt_p521_agree(&work, es_b, b, a + 66), 0);
		EXPECT_MEM(es_a, es_b, 66);
	}
}

const struct ktap_case points_cases[] = {
	KTAP_CASE(p256_decode__known),
	KTAP_CASE(p521_decode__known),
	KTAP_CASE(p521_public__multiples),
	KTAP_CASE(p521_agree__multiples),
	KTAP_CASE(p521_agree__both_ways),
	{}
};
