// SPDX-License-Identifier: GPL-2.0
/* net/tcpcrypt/marks.c */

#include <linux/string.h>
#include "../../net/tcpcrypt/marks.h"
#include "ktap.h"

#define OVERHEAD	20

static void marks__none(void)
{
	struct tcpcrypt_marks m = {};

	EXPECT_EQ(tcpcrypt_marks_bytes(&m, 0), 0);
	EXPECT_EQ(tcpcrypt_marks_bytes(&m, 12345), 0);
}

static void marks__one_byte(void)
{
	struct tcpcrypt_marks m = {};

	tcpcrypt_marks_add(&m, 1000, 1000, 0);
	tcpcrypt_marks_add(&m, 1000, 1000 + OVERHEAD + 1, 1);
	EXPECT_EQ(tcpcrypt_marks_bytes(&m, 1000), 0);
	EXPECT_EQ(tcpcrypt_marks_bytes(&m, 1000 + OVERHEAD), 0);
	EXPECT_EQ(tcpcrypt_marks_bytes(&m, 1000 + OVERHEAD + 1), 1);
}

/* Below the first and beyond the last */
static void marks__outside(void)
{
	struct tcpcrypt_marks m = {};

	tcpcrypt_marks_add(&m, 1000, 1000, 7);
	tcpcrypt_marks_add(&m, 1000, 2000, 900);
	EXPECT_EQ(tcpcrypt_marks_bytes(&m, 10), 7);
	EXPECT_EQ(tcpcrypt_marks_bytes(&m, 3000), 900);
}

/* A frame without data adds none. */
static void marks__empty_frame(void)
{
	struct tcpcrypt_marks m = {};

	tcpcrypt_marks_add(&m, 0, 0, 0);
	tcpcrypt_marks_add(&m, 0, 120, 100);
	tcpcrypt_marks_add(&m, 0, 140, 100);
	EXPECT_EQ(tcpcrypt_marks_bytes(&m, 120), 100);
	EXPECT_EQ(tcpcrypt_marks_bytes(&m, 130), 100);
	EXPECT_EQ(tcpcrypt_marks_bytes(&m, 140), 100);
}

/*
 * @nframes of @len bytes, acknowledged up to @lag behind: at the mark of the
 * last one exact, everywhere monotone and within the bounds.
 */
static void many(u32 isn, u32 bytes, u32 nframes, u32 len, u32 lag)
{
	u32 seq = isn, una = isn, start = bytes, i, at, last, now;
	struct tcpcrypt_marks m = {};

	tcpcrypt_marks_add(&m, una, seq, bytes);
	for (i = 0; i < nframes; i++) {
		seq += len + OVERHEAD;
		bytes += len;
		if ((u32)(seq - isn) > lag)
			una = seq - lag;
		tcpcrypt_marks_add(&m, una, seq, bytes);
		EXPECT(m.n <= TCPCRYPT_MARKS);
		EXPECT_EQ(tcpcrypt_marks_bytes(&m, seq), bytes);
		last = tcpcrypt_marks_bytes(&m, una);
		EXPECT(last - start <= bytes - start);
		/* frames of one size: off by less than one of them */
		at = (u64)(una - isn) * len / (len + OVERHEAD);
		now = last - start;
		EXPECT(now <= at + len && at <= now + len);
		for (at = una; at != seq; at += 1 + (seq - at) / 7) {
			now = tcpcrypt_marks_bytes(&m, at);
			EXPECT(now - start >= last - start);
			EXPECT(now - start <= bytes - start);
			last = now;
		}
	}
}

static void marks__many_frames(void)
{
	many(0, 0, 500, 1, 0);
	many(0, 0, 500, 1000, 100000);
	many(77, 5, 500, 16000, 1 << 30);
}

static void marks__wrap_around(void)
{
	many(0xffffff00, 0, 500, 1000, 10000);
	many(0, 0xfffff000, 500, 1000, 10000);
	many(0xffff0000, 0xffff8000, 500, 4000, 1 << 30);
}

const struct ktap_case marks_cases[] = {
	KTAP_CASE(marks__none),
	KTAP_CASE(marks__one_byte),
	KTAP_CASE(marks__outside),
	KTAP_CASE(marks__empty_frame),
	KTAP_CASE(marks__many_frames),
	KTAP_CASE(marks__wrap_around),
	{}
};
