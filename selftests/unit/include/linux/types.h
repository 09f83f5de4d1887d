/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the pure code knows of the kernel, for user space. The C library
 * includes some of these names itself and must get the real ones.
 */
#ifndef _SHIM_LINUX_TYPES_H
#define _SHIM_LINUX_TYPES_H

#include_next <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __s32 s32;
typedef __u64 u64;
typedef __s64 s64;

#define __must_check	__attribute__((__warn_unused_result__))

#endif /* _SHIM_LINUX_TYPES_H */
