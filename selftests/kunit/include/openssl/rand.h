/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/random.h>

#define RAND_bytes(buf, len)	get_random_bytes(buf, len)
