// SPDX-License-Identifier: GPL-2.0
/*
 * A TEP for tests, and for nothing else: NOT FOR PRODUCTION.
 *
 * It shows that ENO and the data path are tcpcrypt's own only by
 * registration: 0x20 "test" is negotiated and framed by the same code. Its
 * secret stands in this file, and all connections share their keys.
 */

#include <linux/module.h>
#include <linux/string.h>
#include <net/tcp.h>
#include <tcpcrypt_compat.h>
#include "../../net/sock/sock.h"
#include "../../net/sock/tep.h"

#define TEST_TEP	0x20	/* RFC 8547, section 11: for experiments */

/* options.py has it too */
static const char secret[] = "This-is-no-secret-at-all-0123456";

/* No messages: both hosts have the secret already. */
static int handshake(struct sock *sk, struct tcpcrypt_ctx *ctx)
{
	struct tcpcrypt_secret s = {
		.host_a	= ctx->neg.role == ENO_HOST_A,
		.aead	= TCPCRYPT_AES_128_GCM,
	};

	BUILD_BUG_ON(sizeof(secret) - 1 != sizeof(s.ss));
	if (sk->sk_state == TCP_CLOSE)
		return 0;
	memcpy(s.ss, secret, sizeof(s.ss));
	return tcpcrypt_establish(sk, ctx, &s);
}

static const struct tcpcrypt_tep test_tep = {
	.eno		= { .id = TEST_TEP },
	.name		= "test",
	.owner		= THIS_MODULE,
	.handshake	= handshake,
};

static int __init test_tep_init(void)
{
	return tcpcrypt_tep_register(&test_tep);
}

static void __exit test_tep_exit(void)
{
	tcpcrypt_tep_unregister(&test_tep);
}

module_init(test_tep_init);
module_exit(test_tep_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("TEP 0x20, for tests of tcpcrypt only");
