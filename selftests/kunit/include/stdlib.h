/* SPDX-License-Identifier: GPL-2.0 */
/* What the unit tests have of the C library, for the kernel. */
#ifndef _SHIM_STDLIB_H
#define _SHIM_STDLIB_H

#include <linux/kernel.h>
#include <linux/panic.h>
#include <linux/slab.h>

/* KASAN knows the end of each, to the byte. */
#define malloc(len)		kmalloc(len, GFP_KERNEL)
#define calloc(n, len)		kcalloc(n, len, GFP_KERNEL)
#define realloc(p, len)		krealloc(p, len, GFP_KERNEL)
#define free(p)			kfree(p)
#define abort()			panic("%s: out of memory\n", __func__)

static inline unsigned long strtoul(const char *text, char **end, int base)
{
	unsigned long value;

	return kstrtoul(text, base, &value) ? 0 : value;
}

#endif /* _SHIM_STDLIB_H */
