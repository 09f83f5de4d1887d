/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A harness of one page: suites of cases, KTAP on standard output. In the
 * kernel the same cases are KUnit's, see selftests/kunit.
 */
#ifndef _UNIT_KTAP_H
#define _UNIT_KTAP_H

#include <linux/kernel.h>
#include <linux/types.h>

struct ktap_case {
	const char	*name;
	void		(*run)(void);
};

#define KTAP_CASE(fn)	{ #fn, fn }

extern const struct ktap_case eno_option_cases[];
extern const struct ktap_case eno_negotiate_cases[];
extern const struct ktap_case eno_data_cases[];
extern const struct ktap_case eno_crossed_cases[];
extern const struct ktap_case init_cases[];
extern const struct ktap_case keys_cases[];
extern const struct ktap_case resume_cases[];
extern const struct ktap_case frame_cases[];
extern const struct ktap_case fe_cases[];
extern const struct ktap_case curves_cases[];
extern const struct ktap_case rekey_cases[];
extern const struct ktap_case marks_cases[];
extern const struct ktap_case points_cases[];
extern const struct ktap_case changes_cases[];
extern const struct ktap_case states_cases[];
extern const struct ktap_case bounds_cases[];

void ktap_fail(const char *file, int line, const char *what,
	       long long is, long long want);

#define EXPECT_EQ(is, want) do {					\
	long long ktap_is = (long long)(is);				\
	long long ktap_want = (long long)(want);			\
									\
	if (ktap_is != ktap_want)					\
		ktap_fail(__FILE__, __LINE__, #is " == " #want,		\
			  ktap_is, ktap_want);				\
} while (0)
#define EXPECT(cond)		EXPECT_EQ(!!(cond), 1)
#define EXPECT_MEM(is, want, len) EXPECT_EQ(memcmp(is, want, len), 0)

/* A copy that ends where an allocation ends, so that ASan sees overruns. */
u8 *exact(const void *bytes, size_t len);

/* The same numbers in each run; nothing secret. */
u32 rnd(u32 bound);

#endif /* _UNIT_KTAP_H */
