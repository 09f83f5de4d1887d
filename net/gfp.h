/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How memory is allocated that belongs to a user's socket: net/sock/account.h
 */
#ifndef _TCPCRYPT_GFP_H
#define _TCPCRYPT_GFP_H

#include <linux/gfp.h>

/* At its limit a cgroup's connection fails; nobody is killed for it. */
#define TCPCRYPT_GFP	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL |	\
			 __GFP_NOWARN)
/* Where nothing can wait; goes past the limit, as the stack's own. */
#define TCPCRYPT_ATOMIC	(GFP_ATOMIC | __GFP_ACCOUNT)

#endif /* _TCPCRYPT_GFP_H */
