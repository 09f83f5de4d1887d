// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target for marks, net/tcpcrypt/marks.c. Input: where both streams
 * begin, then for each frame two bytes for its data, one for what else is in
 * it, and one for how much of what was sent is acknowledged.
 */

#include "../../net/tcpcrypt/marks.h"
#include "fuzz.h"

#define FRAMES_MAX	64

struct frame {
	u32	seq, bytes;
};

/* From @una on: never less than before, and within what was written */
static void check_marks(const struct tcpcrypt_marks *m, u32 una, u32 seq,
			u32 start, u32 bytes)
{
	u32 at, last = tcpcrypt_marks_bytes(m, una), now;

	CHECK(m->n && m->n <= TCPCRYPT_MARKS);
	CHECK(tcpcrypt_marks_bytes(m, seq) == bytes);
	CHECK(tcpcrypt_marks_bytes(m, seq + 5) == bytes);
	for (at = una; at != seq; at += 1 + (seq - at) / 5) {
		now = tcpcrypt_marks_bytes(m, at);
		CHECK(now - start >= last - start);
		CHECK(now - start <= bytes - start);
		last = now;
	}
}

/* Where a mark stands, the answer is what the stream says. */
static void check_exact(const struct tcpcrypt_marks *m,
			const struct frame *frames, unsigned int n, u32 una)
{
	unsigned int i, k = 0;

	for (i = 0; i < m->n; i++) {
		while (k < n && frames[k].seq != m->at[i].seq)
			k++;
		CHECK(k < n && frames[k].bytes == m->at[i].bytes);
		if ((s32)(m->at[i].seq - una) >= 0)
			CHECK(tcpcrypt_marks_bytes(m, m->at[i].seq) ==
			      frames[k].bytes);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct frame frames[FRAMES_MAX + 1];
	struct input in = { data, size };
	struct tcpcrypt_marks m = {};
	u32 seq, una, start, bytes;
	unsigned int n = 0;

	seq = (u32)take16(&in) << 16 | 0xff00;
	start = (u32)take(&in) << 24 | 0xff0000;
	bytes = start;
	una = seq;
	frames[n++] = (struct frame){ seq, bytes };
	tcpcrypt_marks_add(&m, una, seq, bytes);
	while (in.len && n <= FRAMES_MAX) {
		u32 len = take16(&in);

		seq += len + 1 + take(&in);
		bytes += len;
		frames[n++] = (struct frame){ seq, bytes };
		tcpcrypt_marks_add(&m, una, seq, bytes);
		check_marks(&m, una, seq, start, bytes);
		check_exact(&m, frames, n, una);
		una += (u64)(seq - una) * take(&in) / 255;
	}
	return 0;
}
