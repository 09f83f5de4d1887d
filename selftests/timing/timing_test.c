// SPDX-License-Identifier: GPL-2.0
/*
 * Does the time that our own key agreement takes depend on what must stay
 * secret? By the method of dudect (Reparaz, Balasch, Verbauwhede, 2017): the
 * same code with a fixed input and with random ones, in random order; then
 * Welch's t-test asks whether the times have one mean. It cannot prove that
 * they do. A comparison that does leak must be found, or the test is blind.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include "../../net/crypto/curves.h"
#include "welch.h"

#define INPUT_MAX	TCPCRYPT_P521_PUB_LEN
#define LEAKS		10.0	/* dudect: from 10 on, definitely */
#define SUSPICIOUS	4.5
#define ATTEMPTS	3
#define WARM_UP		200

/**
 * struct subject - code whose time is taken
 * @name:  what it is, and what varies
 * @len:   bytes of input
 * @count: measurements in the first attempt
 * @leaky: it must be found
 * @fixed: the input of class 0
 * @valid: makes a valid input of random bytes; false: try others
 * @run:   the code
 */
struct subject {
	const char	*name;
	unsigned int	len;
	unsigned int	count;
	bool		leaky;
	const u8	*fixed;
	bool		(*valid)(u8 *input);
	void		(*run)(const u8 *input);
};

static struct p521_work work;
static u8 out[2 * TCPCRYPT_P521_LEN];

static u64 now(void)
{
#ifdef __x86_64__
	unsigned int low, high;

	/* what stands before is done, what stands behind has not begun */
	__asm__ volatile("lfence; rdtsc; lfence" : "=a" (low), "=d" (high) :
			 : "memory");
	return (u64)high << 32 | low;
#else
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
#endif
}

static void random_bytes(u8 *bytes, size_t len)
{
	if (getrandom(bytes, len, 0) != (ssize_t)len)
		abort();
}

static void no_error(int err)
{
	if (err)
		abort();
}

/* --- what is measured --- */

static const u8 zero[INPUT_MAX], peer[TCPCRYPT_X448_LEN] = { 9 };

static void x25519(const u8 *scalar)
{
	no_error(tcpcrypt_x25519(out, scalar, peer));
}

static void x448(const u8 *scalar)
{
	no_error(tcpcrypt_x448(out, scalar, peer));
}

/* The peer's key doesn't vary; a point of small order would be refused. */
static void x25519_peer(const u8 *u)
{
	static const u8 scalar[TCPCRYPT_X25519_LEN] = { 1, 2, 3 };

	no_error(tcpcrypt_x25519(out, scalar, u));
}

static void x448_peer(const u8 *u)
{
	static const u8 scalar[TCPCRYPT_X448_LEN] = { 1, 2, 3 };

	no_error(tcpcrypt_x448(out, scalar, u));
}

static const u8 one[TCPCRYPT_P521_LEN] = { [TCPCRYPT_P521_LEN - 1] = 1 };

static bool p521_scalar(u8 *input)
{
	u8 entropy[TCPCRYPT_P521_LEN];

	memcpy(entropy, input, sizeof(entropy));
	return tcpcrypt_p521_scalar(input, entropy);
}

static void p521(const u8 *scalar)
{
	u8 pub[TCPCRYPT_P521_PUB_LEN];

	tcpcrypt_p521_public(&work, pub, scalar);
}

static void p521_range(const u8 *entropy)
{
	if (!tcpcrypt_p521_scalar(out, entropy))
		abort();
}

static u8 p521_point[TCPCRYPT_P521_PUB_LEN];
static u8 p256_point[TCPCRYPT_P256_PUB_LEN];

static bool p521_pub(u8 *pub)
{
	struct p521_point p;

	tcpcrypt_nist_put_header(pub, TCPCRYPT_P521_PUB_LEN, pub[2] & 1);
	pub[3] &= 1;
	return !tcpcrypt_p521_decode(&p, pub);
}

static bool p256_pub(u8 *pub)
{
	tcpcrypt_nist_put_header(pub, TCPCRYPT_P256_PUB_LEN, pub[2] & 1);
	return !tcpcrypt_p256_decode(out, pub);
}

static void p521_decode(const u8 *pub)
{
	struct p521_point p;

	no_error(tcpcrypt_p521_decode(&p, pub));
}

static void p256_decode(const u8 *pub)
{
	no_error(tcpcrypt_p256_decode(out, pub));
}

/* Ends at the first difference: later for the fixed input */
static void compare(const u8 *input)
{
	int i = 0;

	while (i < TCPCRYPT_X448_LEN && input[i] == zero[i])
		i++;
	out[0] = i;
}

static const struct subject subjects[] = {
	{ "control: a comparison that leaks", TCPCRYPT_X448_LEN, 20000, true,
	  zero, NULL, compare },
	{ "X25519, scalar", TCPCRYPT_X25519_LEN, 20000, false,
	  zero, NULL, x25519 },
	{ "X25519, u", TCPCRYPT_X25519_LEN, 20000, false,
	  peer, NULL, x25519_peer },
	{ "X448, scalar", TCPCRYPT_X448_LEN, 10000, false,
	  zero, NULL, x448 },
	{ "X448, u", TCPCRYPT_X448_LEN, 10000, false,
	  peer, NULL, x448_peer },
	{ "P-521, scalar", TCPCRYPT_P521_LEN, 6000, false,
	  one, p521_scalar, p521 },
	{ "P-521, range of a scalar", TCPCRYPT_P521_LEN, 100000, false,
	  one, p521_scalar, p521_range },
	{ "P-521, public key", TCPCRYPT_P521_PUB_LEN, 30000, false,
	  p521_point, p521_pub, p521_decode },
	{ "P-256, public key", TCPCRYPT_P256_PUB_LEN, 60000, false,
	  p256_point, p256_pub, p256_decode },
};

/* --- measuring --- */

/* Inputs are made beforehand, so that making them is no part of anything. */
static void prepare(const struct subject *s, u8 *inputs, u8 *classes, size_t n)
{
	size_t i;
	u8 *in;

	random_bytes(classes, n);
	for (i = 0; i < n; i++) {
		in = inputs + i * INPUT_MAX;
		classes[i] &= 1;
		do {
			random_bytes(in, s->len);
		} while (s->valid && !s->valid(in));
		if (!classes[i])
			memcpy(in, s->fixed, s->len);
	}
}

static double measure(const struct subject *s, size_t n)
{
	struct sample *samples = calloc(n, sizeof(*samples));
	u8 *inputs = calloc(n, INPUT_MAX);
	u8 *classes = calloc(n, 1);
	u8 input[INPUT_MAX];
	u64 begin;
	double t;
	size_t i;

	if (!samples || !inputs || !classes)
		abort();
	prepare(s, inputs, classes, n);
	for (i = 0; i < n; i++) {
		memcpy(input, inputs + i * INPUT_MAX, INPUT_MAX);
		begin = now();
		s->run(input);
		samples[i].time = now() - begin;
		samples[i].class = classes[i];
	}
	t = welch_worst(samples + WARM_UP, n - WARM_UP);
	free(samples);
	free(inputs);
	free(classes);
	return t;
}

/*
 * A leak shows ever more clearly the more is measured; a disturbance doesn't
 * come back each time.
 */
static bool good(const struct subject *s)
{
	size_t n = s->count;
	int attempt;
	double t;

	for (attempt = 0; attempt < ATTEMPTS; attempt++, n *= 2) {
		t = measure(s, n);
		printf("# %s: t = %.2f of %zu%s\n", s->name, t, n,
		       fabs(t) >= LEAKS ? ", leaks" :
		       fabs(t) >= SUSPICIOUS ? ", suspicious" : "");
		if ((fabs(t) >= LEAKS) == s->leaky)
			return true;
	}
	return false;
}

int main(void)
{
	unsigned int i, failed = 0;
	bool ok;

	setvbuf(stdout, NULL, _IOLBF, 0);
	do {
		random_bytes(p521_point, sizeof(p521_point));
	} while (!p521_pub(p521_point));
	do {
		random_bytes(p256_point, sizeof(p256_point));
	} while (!p256_pub(p256_point));
	printf("KTAP version 1\n1..%zu\n", ARRAY_SIZE(subjects));
	for (i = 0; i < ARRAY_SIZE(subjects); i++) {
		ok = good(&subjects[i]);
		failed += !ok;
		printf("%sok %u %s\n", ok ? "" : "not ", i + 1,
		       subjects[i].name);
	}
	return !!failed;
}
