// SPDX-License-Identifier: GPL-2.0
/* Runs all suites; fails if a case fails. */

#include <stdio.h>
#include "ktap.h"

#define FAILS_SHOWN	8	/* of one case; loops would flood */

static const struct ktap_case *const suites[] = {
	eno_option_cases, eno_negotiate_cases, eno_data_cases,
	eno_crossed_cases, init_cases, keys_cases, resume_cases, frame_cases,
	rekey_cases, marks_cases, fe_cases, curves_cases, points_cases,
	changes_cases, states_cases, bounds_cases,
};

static unsigned int fails;

void ktap_fail(const char *file, int line, const char *what,
	       long long is, long long want)
{
	if (++fails <= FAILS_SHOWN)
		printf("# %s:%d: %s: is %lld, not %lld\n", file, line, what,
		       is, want);
}

int main(void)
{
	unsigned int i, n = 0, failed = 0;
	const struct ktap_case *c;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < ARRAY_SIZE(suites); i++)
		for (c = suites[i]; c->run; c++)
			n++;
	printf("TAP version 14\n1..%u\n", n);
	for (i = 0, n = 0; i < ARRAY_SIZE(suites); i++) {
		for (c = suites[i]; c->run; c++) {
			fails = 0;
			c->run();
			failed += !!fails;
			printf("%sok %u - %s\n", fails ? "not " : "", ++n,
			       c->name);
		}
	}
	printf("# Totals: pass:%u fail:%u\n", n - failed, failed);
	return !!failed;
}
