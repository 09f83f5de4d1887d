/* SPDX-License-Identifier: GPL-2.0 */
/* Welch's t-test on two interleaved series of times. */
#ifndef _TIMING_WELCH_H
#define _TIMING_WELCH_H

#include <stddef.h>
#include <linux/types.h>

struct sample {
	u64	time;
	int	class;	/* 0 or 1 */
};

/*
 * Sorts the samples. Return: the t value that is furthest from 0, over all
 * samples and over those up to several percentiles: what disturbs a machine
 * makes it slower, never faster.
 */
double welch_worst(struct sample *samples, size_t n);

#endif /* _TIMING_WELCH_H */
