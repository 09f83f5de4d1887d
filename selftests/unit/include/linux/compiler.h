/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_LINUX_COMPILER_H
#define _SHIM_LINUX_COMPILER_H

#include <sys/cdefs.h>	/* __always_inline */

#define noinline

/* As in the kernel: the compiler must take it for any value. */
#define OPTIMIZER_HIDE_VAR(var)	__asm__("" : "+r" (var))

#endif /* _SHIM_LINUX_COMPILER_H */
