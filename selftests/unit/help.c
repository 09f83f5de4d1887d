// SPDX-License-Identifier: GPL-2.0
/* What cases have in common */

#include <stdlib.h>
#include <linux/string.h>
#include "ktap.h"

u8 *exact(const void *bytes, size_t len)
{
	u8 *copy = malloc(len);

	if (!copy)
		abort();
	if (len)
		memcpy(copy, bytes, len);
	return copy;
}

u32 rnd(u32 bound)
{
	static u64 x = 0x8547854885478548ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (u32)(x >> 32) % bound;
}
