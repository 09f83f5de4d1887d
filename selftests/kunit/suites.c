// SPDX-License-Identifier: GPL-2.0
/*
 * The suites of selftests/unit for KUnit: suite tcpcrypt_<area>, with each
 * case as a parameter of one. They run while the module is being inserted,
 * before its init function.
 */

#include <kunit/test.h>
#include <kunit/test-bug.h>
#include <linux/module.h>
#include <linux/string.h>
#include "../../net/crypto/crypto.h"
#include "../unit/ktap.h"
#include "kunit.h"

#define FAILS_SHOWN	8	/* of one case; loops would flood */

static unsigned int fails;

void ktap_fail(const char *file, int line, const char *what,
	       long long is, long long want)
{
	if (++fails <= FAILS_SHOWN)
		kunit_fail_current_test("%s:%d: %s: is %lld, not %lld",
					kbasename(file), line, what, is, want);
}

static void cases(struct kunit *test)
{
	const struct ktap_case *c = test->param_value;

	fails = 0;
	c->run();
}

static const void *next_case(const struct ktap_case *all,
			     const struct ktap_case *prev, char *name)
{
	const struct ktap_case *c = prev ? prev + 1 : all;

	if (!c->run)
		return NULL;
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
	return c;
}

/* For whatever derives keys */
static int start(struct kunit_suite *suite)
{
	return tcpcrypt_mac_init();
}

static void finish(struct kunit_suite *suite)
{
	tcpcrypt_mac_exit();
}

/* Schemes are found by code that is dropped after the module's init. */
static int __ref start_crypto(struct kunit_suite *suite)
{
	int err = tcpcrypt_dh_init();

	return err ? : tcpcrypt_cipher_start();
}

static void finish_crypto(struct kunit_suite *suite)
{
	tcpcrypt_cipher_stop();
}

static int start_cache(struct kunit_suite *suite)
{
	return cache_start();
}

static void finish_cache(struct kunit_suite *suite)
{
	cache_finish();
}

#define SUITE(area)	SUITE_IN(area, start, finish)

#define SUITE_IN(area, begin, end)					\
static const void *area##_next(const void *prev, char *name)		\
{									\
	return next_case(area##_cases, prev, name);			\
}									\
									\
static struct kunit_case area##_kunit[] = {				\
	KUNIT_CASE_PARAM(cases, area##_next),				\
	{}								\
};									\
									\
static struct kunit_suite area##_suite = {				\
	.name = "tcpcrypt_" #area,					\
	.suite_init = begin,						\
	.suite_exit = end,						\
	.test_cases = area##_kunit,					\
}

SUITE(eno_option);
SUITE(eno_negotiate);
SUITE(eno_data);
SUITE(eno_crossed);
SUITE(init);
SUITE(keys);
SUITE(resume);
SUITE(frame);
SUITE(rekey);
SUITE(marks);
SUITE(fe);
SUITE(curves);
SUITE(points);
SUITE(changes);
SUITE(states);
SUITE(bounds);
SUITE_IN(crypto, start_crypto, finish_crypto);
SUITE_IN(cache, start_cache, finish_cache);

kunit_test_suites(&eno_option_suite, &eno_negotiate_suite, &eno_data_suite,
		  &eno_crossed_suite, &init_suite, &keys_suite, &resume_suite,
		  &frame_suite, &rekey_suite, &marks_suite, &fe_suite,
		  &curves_suite, &points_suite, &changes_suite, &states_suite,
		  &bounds_suite, &crypto_suite, &cache_suite);

MODULE_DESCRIPTION("Unit tests of tcpcrypt's pure code");
MODULE_LICENSE("GPL");
