// SPDX-License-Identifier: GPL-2.0
/*
 * How much of what an application has written is acknowledged or sent, when
 * TCP counts frames with all that is in them.
 *
 * Few marks stand for many frames: between two of them the answer is
 * interpolated. Where a mark stands it is exact, and so it is when everything
 * is acknowledged.
 */

#include <linux/math64.h>
#include <linux/string.h>
#include <linux/types.h>
#include "marks.h"

static bool is_after(u32 a, u32 b)
{
	return (s32)(b - a) < 0;
}

/* Marks up to @una but the last one are of no use any more. */
static void forget(struct tcpcrypt_marks *m, u32 una)
{
	u32 i = 0;

	while (i + 1 < m->n && !is_after(m->at[i + 1].seq, una))
		i++;
	m->n -= i;
	memmove(m->at, m->at + i, m->n * sizeof(m->at[0]));
}

/* Every second one goes, the first one stays. */
static void thin_out(struct tcpcrypt_marks *m)
{
	u32 i;

	m->n = (m->n + 1) / 2;
	for (i = 1; i < m->n; i++)
		m->at[i] = m->at[2 * i];
}

/**
 * tcpcrypt_marks_add() - set a mark
 * @m:     the marks, zeroed at first
 * @una:   oldest sequence number that is not acknowledged
 * @seq:   sequence number after a frame; beyond all others. The first mark
 *         is for where the first frame begins
 * @bytes: application bytes up to there, modulo 2^32
 */
void tcpcrypt_marks_add(struct tcpcrypt_marks *m, u32 una, u32 seq, u32 bytes)
{
	forget(m, una);
	if (m->n == TCPCRYPT_MARKS)
		thin_out(m);
	m->at[m->n].seq = seq;
	m->at[m->n].bytes = bytes;
	m->n++;
}

/**
 * tcpcrypt_marks_bytes() - from the TCP stream to the application's
 * @m:   the marks
 * @seq: a sequence number, not below what was acknowledged when the last mark
 *       was set
 *
 * Return: application bytes up to there, modulo 2^32; never less than for a
 * lower @seq.
 */
u32 tcpcrypt_marks_bytes(const struct tcpcrypt_marks *m, u32 seq)
{
	u32 i, span;

	for (i = 0; i < m->n && is_after(seq, m->at[i].seq); i++)
		;
	if (!m->n)
		return 0;
	if (!i)
		return m->at[0].bytes;
	if (i == m->n)
		return m->at[m->n - 1].bytes;
	span = m->at[i].seq - m->at[i - 1].seq;
	return m->at[i - 1].bytes +
	       (u32)div_u64((u64)(seq - m->at[i - 1].seq) *
			    (m->at[i].bytes - m->at[i - 1].bytes), span);
}
