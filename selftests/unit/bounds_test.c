// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers at their boundaries: frame IDs (RFC 8548, sections 3.6 and 4.2.3),
 * limits of keys (3.8), lengths of messages and frames, marks.
 */

#include <linux/errno.h>
#include <linux/string.h>
#include "../../net/tcpcrypt/marks.h"
#include "../../net/tcpcrypt/tcpcrypt.h"
#include "ktap.h"

/* The frame ID that is in a nonce */
static u64 frame_id(const u8 *nr, u64 offset)
{
	u8 nonce[12];
	u64 id = 0;
	int i;

	tcpcrypt_frame_nonce(nr, offset, nonce);
	for (i = 0; i < 12; i++) {
		/* bytes before its eight are the randomizer's own */
		if (i < 4)
			EXPECT_EQ(nonce[i], nr[i]);
		else
			id = id << 8 | (nonce[i] ^ nr[i]);
	}
	return id;
}

/* Next to each power of two, and all 64 bits */
static void nonce__around_powers(void)
{
	static const u8 nrs[][12] = {
		{}, { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
		      255 },
		{ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 },
	};
	unsigned int i, bit;
	int off;

	for (i = 0; i < ARRAY_SIZE(nrs); i++) {
		for (bit = 0; bit < 64; bit++)
			for (off = -20; off <= 20; off++)
				EXPECT_EQ(frame_id(nrs[i], (1ULL << bit) + off),
					  (1ULL << bit) + off);
		EXPECT_EQ(frame_id(nrs[i], ~0ULL), ~0ULL);
	}
}

/* No two frames of one key have one nonce: frames of the least length */
static void nonce__never_again(void)
{
	static const u8 nr[12] = { 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 255, 254 };
	u64 offset = 0xffffff00ULL, last = 0;
	unsigned int i;

	for (i = 0; i < 1000; i++, offset += TCPCRYPT_FRAME_OVERHEAD) {
		EXPECT(frame_id(nr, offset) > last);
		last = frame_id(nr, offset);
	}
}

/* Each field of 16 and of 32 bits has all its bits. */
static void lengths__derived(void)
{
	EXPECT_EQ(TCPCRYPT_CLEN_MIN, 17);
	EXPECT_EQ(TCPCRYPT_DATA_MAX, 65535 - 16 - 1);
	EXPECT_EQ(TCPCRYPT_FRAME_OVERHEAD, 3 + 1 + 16);
	EXPECT_EQ(TCPCRYPT_INIT1_SENT_MAX, 8 + 1 + 16 + 32 + 69);
	EXPECT_EQ(TCPCRYPT_INIT2_SENT_MAX, 8 + 2 + 32 + 69);
	EXPECT_EQ(TCPCRYPT_SUB_MAX, 9 + 8);
	EXPECT_EQ(TCPCRYPT_SN_MAX, 16);
	EXPECT_EQ(TCPCRYPT_SESSID_LEN, 33);
	EXPECT_EQ(TCPCRYPT_KEY_FRAMES_MAX, 1ULL << 24);
	EXPECT_EQ(TCPCRYPT_KEY_BYTES_MAX, 1ULL << 38);
}

static bool wants(u64 frames, u64 bytes, u32 len, u64 max)
{
	const struct tcpcrypt_gen g = { .frames = frames, .bytes = bytes };

	return tcpcrypt_gen_wants(&g, len, max, false);
}

/* Frames of a key: 2^24, whatever is configured */
static void gen__frames_limit(void)
{
	const u64 most = 1ULL << 24;
	u64 n;

	for (n = most - 3; n <= most + 3; n++) {
		EXPECT_EQ(wants(n, 1, 1, ~0ULL), n >= most);
		/* an empty one initiates nothing */
		EXPECT(!wants(n, 1, 0, ~0ULL));
	}
	EXPECT(!wants(0, 0, 1, ~0ULL));
	EXPECT(wants(~0ULL, 1, 1, ~0ULL));
}

/* Its bytes: 2^38, or as configured, past 2^32 too; up to it and no further */
static void gen__bytes_limit(void)
{
	static const u64 limits[] = {
		1, 2, 1000, 0xffffffff, 0x100000000ULL, 0x100000001ULL,
		(1ULL << 38) - 1, 1ULL << 38, (1ULL << 38) + 1, ~0ULL,
	};
	unsigned int i;
	u64 most, n;

	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		most = limits[i] > 1ULL << 38 ? 1ULL << 38 : limits[i];
		for (n = most > 3 ? most - 3 : 1; n <= most + 3; n++) {
			EXPECT_EQ(wants(1, n, 1, limits[i]), n + 1 > most);
			EXPECT_EQ(wants(1, n, 2, limits[i]), n + 2 > most);
			EXPECT(!wants(1, n, 0, limits[i]));
		}
		/* the first frame of a key may be larger than the limit */
		EXPECT(!wants(0, 0, 0xffffffff, limits[i]));
		EXPECT_EQ(wants(1, 1, 0xffffffff, limits[i]),
			  most < 0x100000000ULL);
	}
}

/* Generations are counted, not compared as serial numbers. */
static void gen__past_32_bits(void)
{
	struct tcpcrypt_gen g = {
		.local = 0xffffffffULL, .remote = 0xffffffffULL,
	};

	EXPECT(!tcpcrypt_gen_owes(&g));
	g.remote++;
	EXPECT(tcpcrypt_gen_owes(&g));
	EXPECT(tcpcrypt_gen_wants(&g, 0, ~0ULL, false));
	tcpcrypt_gen_advance(&g);
	EXPECT_EQ(g.local, 0x100000000ULL);
	tcpcrypt_gen_sealed(&g, 0);
	EXPECT(!tcpcrypt_gen_owes(&g));
	EXPECT(!tcpcrypt_gen_busy(&g));
	g.local++;
	EXPECT(tcpcrypt_gen_busy(&g));
	EXPECT(!tcpcrypt_gen_owes(&g));
}

/* As many marks as there is room for are exact; one more and every second. */
static void marks__full(void)
{
	struct tcpcrypt_marks m = {};
	u32 i, n;

	for (n = 0; n < TCPCRYPT_MARKS; n++) {
		tcpcrypt_marks_add(&m, 0, n * 120, n * 100);
		EXPECT_EQ(m.n, n + 1);
		for (i = 0; i <= n; i++)
			EXPECT_EQ(tcpcrypt_marks_bytes(&m, i * 120), i * 100);
	}
	tcpcrypt_marks_add(&m, 0, n * 120, n * 100);
	EXPECT_EQ(m.n, TCPCRYPT_MARKS / 2 + 1);
	EXPECT_EQ(m.at[0].seq, 0);
	EXPECT_EQ(m.at[1].seq, 240);
	for (i = 0; i <= n; i++)
		EXPECT_EQ(tcpcrypt_marks_bytes(&m, i * 120), i * 100);
	/* all but the last is acknowledged */
	tcpcrypt_marks_add(&m, n * 120, n * 120 + 1, n * 100);
	EXPECT_EQ(m.n, 2);
	EXPECT_EQ(m.at[0].seq, n * 120);
}

/* What is in flight at most is below 2^30; around the end of the numbers */
static void marks__widest(void)
{
	static const u32 begins[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff };
	struct tcpcrypt_marks m;
	unsigned int i;
	u32 b, span = 1 << 30;

	for (i = 0; i < ARRAY_SIZE(begins); i++) {
		b = begins[i];
		memset(&m, 0, sizeof(m));
		tcpcrypt_marks_add(&m, b, b, b);
		tcpcrypt_marks_add(&m, b, b + span, b + span);
		EXPECT_EQ(tcpcrypt_marks_bytes(&m, b), b);
		EXPECT_EQ(tcpcrypt_marks_bytes(&m, b - 1), b);
		EXPECT_EQ(tcpcrypt_marks_bytes(&m, b + 1), b + 1);
		EXPECT_EQ(tcpcrypt_marks_bytes(&m, b + span / 2), b + span / 2);
		EXPECT_EQ(tcpcrypt_marks_bytes(&m, b + span - 1), b + span - 1);
		EXPECT_EQ(tcpcrypt_marks_bytes(&m, b + span), b + span);
		EXPECT_EQ(tcpcrypt_marks_bytes(&m, b + span + 1), b + span);
	}
}

const struct ktap_case bounds_cases[] = {
	KTAP_CASE(nonce__around_powers),
	KTAP_CASE(nonce__never_again),
	KTAP_CASE(lengths__derived),
	KTAP_CASE(gen__frames_limit),
	KTAP_CASE(gen__bytes_limit),
	KTAP_CASE(gen__past_32_bits),
	KTAP_CASE(marks__full),
	KTAP_CASE(marks__widest),
	{}
};
