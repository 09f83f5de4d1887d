/* SPDX-License-Identifier: GPL-2.0 */
#include_next <linux/limits.h>

#ifndef U8_MAX
#define U8_MAX	255
#endif
