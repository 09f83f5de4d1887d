// SPDX-License-Identifier: GPL-2.0
/*
 * The key agreement schemes of RFC 8548, section 5, as far as this kernel has
 * what they need.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cache.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include "dh.h"

struct scheme {
	const char			*name;
	const struct tcpcrypt_dh	*(*get)(const char **why_not);
};

/* In the order of RFC 8548, section 7, table 4 */
static const struct scheme schemes[] __initconst = {
	{ "TCPCRYPT_ECDHE_P256", tcpcrypt_dh_p256 },
	{ "TCPCRYPT_ECDHE_P521", tcpcrypt_dh_p521 },
	{ "TCPCRYPT_ECDHE_Curve25519", tcpcrypt_dh_x25519 },
	{ "TCPCRYPT_ECDHE_Curve448", tcpcrypt_dh_x448 },
};

/* Those that are usable, the others NULL */
static const struct tcpcrypt_dh *usable[ARRAY_SIZE(schemes)] __ro_after_init;

/**
 * tcpcrypt_dh_find() - the key agreement scheme of a TEP
 * @tep: TEP identifier, without the v bit
 *
 * Context: any, after tcpcrypt_dh_init().
 * Return: the scheme, or NULL if there is none for @tep here.
 */
const struct tcpcrypt_dh *tcpcrypt_dh_find(u8 tep)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(usable); i++)
		if (usable[i] && usable[i]->tep == tep)
			return usable[i];
	return NULL;
}

/**
 * tcpcrypt_dh_init() - see which schemes there are, and test our own
 *
 * Return: 0, or -ENOENT if there is none at all.
 */
int __init tcpcrypt_dh_init(void)
{
	const char *why_not;
	int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(schemes); i++) {
		usable[i] = schemes[i].get(&why_not);
		if (usable[i])
			n++;
		else
			pr_warn("no %s: %s\n", schemes[i].name, why_not);
	}
	return n ? 0 : -ENOENT;
}

/**
 * tcpcrypt_dh_report() - say in the kernel's log which schemes there are
 */
void __init tcpcrypt_dh_report(void)
{
	char names[128] = "";
	int i, len = 0;

	for (i = 0; i < ARRAY_SIZE(schemes); i++)
		if (usable[i])
			len += scnprintf(names + len, sizeof(names) - len,
					 " %s", schemes[i].name);
	pr_info("RFC 8547, RFC 8548:%s\n", names);
}
