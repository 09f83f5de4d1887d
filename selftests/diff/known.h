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
		.plain = "*level 1 option 18: 0, ? bytes: *",
		.crypt = "*level 1 option 18: 0, ? bytes: 01*",
		.row = "getsockopt(SO_RCVLOWAT)",
	},
	{
		.scenario = "random", .label = "*get*",
		.plain = "*level 6 option 31: 0, 0 bytes: *",
		.crypt = "*level 6 option 31: 0, * bytes: 7*",
		.row = "getsockopt(TCP_ULP)",
	},
	{ }
};

#endif /* _DIFF_KNOWN_H */
