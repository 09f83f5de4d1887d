/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Deliberate differences. Each is a row of Documentation/differences.rst,
 * named here by text that stands in it. Patterns are fnmatch()'s.
 */
#ifndef _DIFF_KNOWN_H
#define _DIFF_KNOWN_H

struct diff_known {
	const char	*scenario;
	const char	*label;
	const char	*plain;		/* what plain TCP gave */
	const char	*crypt;		/* what the encrypted connection gave */
	const char	*row;		/* text in the document */
	unsigned int	seen;
};

static struct diff_known diff_known[] = {
	{
		.scenario = "random", .label = "*get*",
		.plain = "*level 6 option 31: 0, 0 bytes: *",
		.crypt = "*level 6 option 31: 0, * bytes: 7*",
		.row = "getsockopt(TCP_ULP)",
	},
	{
		.scenario = "random", .label = "*getsockopt",
		.plain = "*level 6 option 31: 0, 0 bytes: *",
		.crypt = "*level 6 option 31: EFAULT, * bytes: *",
		.row = "getsockopt(TCP_ULP)",
	},
	{
		.scenario = "leave_*", .label = "* recv",
		.plain = "0", .crypt = "ECONNRESET",
		.row = "recv() after a reset was reported",
	},
	{
		.scenario = "reset_with_data", .label = "*recv",
		.plain = "0", .crypt = "ECONNRESET",
		.row = "recv() after a reset was reported",
	},
	{
		.scenario = "reset_first_question", .label = "question ?",
		.plain = "0", .crypt = "ECONNRESET",
		.row = "recv() after a reset was reported",
	},
	{
		.scenario = "user_timeout", .label = "*recv",
		.plain = "0", .crypt = "ECONNRESET",
		.row = "recv() after a reset was reported",
	},
	{
		.scenario = "keepalive", .label = "*recv",
		.plain = "0", .crypt = "ETIMEDOUT",
		.row = "recv() after a reset was reported",
	},
	{
		.scenario = "listener_leaves", .label = "*recv",
		.plain = "0", .crypt = "ECONNRESET",
		.row = "recv() after a reset was reported",
	},
	{
		.scenario = "disconnected", .label = "*recv",
		.plain = "0", .crypt = "ECONNRESET",
		.row = "recv() after a reset was reported",
	},
	{
		.scenario = "leave_*", .label = "* ioctl",
		.plain = "0 0 1", .crypt = "0 0 0",
		.row = "data for a socket that is closed",
	},
	{
		.scenario = "half_open", .label = "s ioctl",
		.plain = "0 0 1", .crypt = "0 0 0",
		.row = "data for a socket that is closed",
	},
	{
		.scenario = "keepalive", .label = "c ioctl",
		.plain = "0 0 0", .crypt = "0 0 1",
		.row = "keep-alive (SO_KEEPALIVE",
	},
	{
		.scenario = "tee_and_relay", .label = "mmap",
		.plain = "0", .crypt = "EOPNOTSUPP",
		.row = "mmap() of a socket",
	},
	{
		.scenario = "addrform", .label = "mapped",
		.plain = "0, domain 2", .crypt = "EBUSY, domain 10",
		.row = "setsockopt(IPV6_ADDRFORM)",
	},
	{ }
};

#endif /* _DIFF_KNOWN_H */
