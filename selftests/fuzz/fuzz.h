/* SPDX-License-Identifier: GPL-2.0 */
/* What the libFuzzer targets have in common */
#ifndef _FUZZ_H
#define _FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>

/* A property that must hold whatever the input is */
#define CHECK(cond) do {						\
	if (!(cond)) {							\
		fprintf(stderr, "%s:%d: not so: %s\n", __FILE__,	\
			__LINE__, #cond);				\
		abort();						\
	}								\
} while (0)

/**
 * struct input - what is left of the fuzzer's bytes
 * @at:  the next one
 * @len: how many there are
 */
struct input {
	const u8	*at;
	size_t		len;
};

/* The next byte; 0 when all were taken */
static inline u8 take(struct input *in)
{
	if (!in->len)
		return 0;
	in->len--;
	return *in->at++;
}

static inline u16 take16(struct input *in)
{
	u16 high = take(in) << 8;

	return high | take(in);
}

/* Fills @len bytes, with zeros in the end if there are less. */
static inline void take_bytes(struct input *in, u8 *bytes, size_t len)
{
	while (len--)
		*bytes++ = take(in);
}

/* A copy that ends where an allocation ends, so that ASan sees overruns. */
static inline u8 *exact(const u8 *bytes, size_t len)
{
	u8 *copy = malloc(len);

	if (!copy)
		abort();
	if (len)
		memcpy(copy, bytes, len);
	return copy;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#endif /* _FUZZ_H */
