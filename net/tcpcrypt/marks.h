/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between positions in the TCP stream and in the application's.
 */
#ifndef _TCPCRYPT_MARKS_H
#define _TCPCRYPT_MARKS_H

#include <linux/types.h>

#define TCPCRYPT_MARKS	8

/**
 * struct tcpcrypt_marks - where frames that are not acknowledged yet end
 * @n:  marks in use
 * @at: marks, oldest first
 */
struct tcpcrypt_marks {
	u32	n;
	/**
	 * @at.seq:   TCP sequence number after a frame
	 * @at.bytes: application bytes up to there, modulo 2^32
	 */
	struct {
		u32	seq;
		u32	bytes;
	} at[TCPCRYPT_MARKS];
};

void tcpcrypt_marks_add(struct tcpcrypt_marks *m, u32 una, u32 seq, u32 bytes);
u32 tcpcrypt_marks_bytes(const struct tcpcrypt_marks *m, u32 seq);

#endif /* _TCPCRYPT_MARKS_H */
