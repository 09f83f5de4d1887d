/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_LINUX_MINMAX_H
#define _SHIM_LINUX_MINMAX_H

/* As in the kernel, both must be of one type. */
#define min(x, y) ({			\
	typeof(x) _x = (x);		\
	typeof(y) _y = (y);		\
	(void)(&_x == &_y);		\
	_x < _y ? _x : _y; })
#define min_t(type, x, y)	min((type)(x), (type)(y))

#endif /* _SHIM_LINUX_MINMAX_H */
