// SPDX-License-Identifier: GPL-2.0

#include <math.h>
#include <stdlib.h>
#include <linux/kernel.h>
#include "welch.h"

#define CLASS_MIN	100	/* samples, for its variance to mean something */

/* Percent of the samples that are left */
static const unsigned int crops[] = { 100, 99, 95, 90, 80, 70, 60, 50, 30, 10 };

static int compare(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	return (x->time > y->time) - (x->time < y->time);
}

static double welch(const struct sample *samples, size_t n)
{
	double mean[2] = {}, m2[2] = {}, count[2] = {}, d, var;
	size_t i;
	int c;

	/* Welford's way of adding up the squares */
	for (i = 0; i < n; i++) {
		c = samples[i].class;
		d = samples[i].time - mean[c];
		count[c]++;
		mean[c] += d / count[c];
		m2[c] += d * (samples[i].time - mean[c]);
	}
	if (count[0] < CLASS_MIN || count[1] < CLASS_MIN)
		return 0;
	var = m2[0] / (count[0] - 1) / count[0] +
	      m2[1] / (count[1] - 1) / count[1];
	if (var == 0)
		return mean[0] == mean[1] ? 0 : INFINITY;
	return (mean[0] - mean[1]) / sqrt(var);
}

double welch_worst(struct sample *samples, size_t n)
{
	double t, worst = 0;
	size_t i, left;

	qsort(samples, n, sizeof(*samples), compare);
	for (i = 0; i < ARRAY_SIZE(crops); i++) {
		left = n * crops[i] / 100;
		/* those that took the same time stay together */
		while (left < n && samples[left].time == samples[left - 1].time)
			left++;
		t = welch(samples, left);
		if (fabs(t) > fabs(worst))
			worst = t;
	}
	return worst;
}
