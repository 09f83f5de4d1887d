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
	{ }
};

#endif /* _DIFF_KNOWN_H */
