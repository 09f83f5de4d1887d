// SPDX-License-Identifier: GPL-2.0
/*
 * tcpcrypt for Linux: TCP-ENO (RFC 8547) and tcpcrypt (RFC 8548).
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/rcupdate_wait.h>
#include <net/net_namespace.h>
#include <tcpcrypt_compat.h>
#include "crypto/crypto.h"
#include "ctl/ctl.h"
#include "hook/hook.h"
#include "sock/cache.h"
#include "sock/sock.h"

unsigned int tcpcrypt_net_id;

static int __net_init net_init(struct net *net)
{
	int err;

	err = tcpcrypt_mib_init(net);
	if (err)
		return err;
	err = tcpcrypt_cache_init(net);
	if (err)
		goto exit_mib;
	err = tcpcrypt_sysctl_init(net);
	if (err)
		goto exit_cache;
	err = tcpcrypt_passive_init(net);
	if (err)
		goto exit_sysctl;
	err = tcpcrypt_local_in_init(net);
	if (err)
		goto exit_passive;
	return 0;

exit_passive:
	tcpcrypt_passive_exit(net);
	synchronize_net();
exit_sysctl:
	tcpcrypt_sysctl_exit(net);
exit_cache:
	tcpcrypt_cache_exit(net);
exit_mib:
	tcpcrypt_mib_exit(net);
	return err;
}

/* A grace period follows: a segment may be inside our netfilter hooks. */
static void __net_exit net_pre_exit(struct net *net)
{
	tcpcrypt_local_in_exit(net);
	tcpcrypt_passive_exit(net);
}

static void __net_exit net_exit(struct net *net)
{
	tcpcrypt_sysctl_exit(net);
	tcpcrypt_cache_exit(net);
	tcpcrypt_mib_exit(net);
}

static struct pernet_operations net_ops = {
	.init		= net_init,
	.pre_exit	= net_pre_exit,
	.exit		= net_exit,
	.id		= &tcpcrypt_net_id,
	.size		= sizeof(struct tcpcrypt_net),
};

static int __init tcpcrypt_init(void)
{
	int err;

	err = tcpcrypt_mac_init();
	if (err)
		return err;
	err = tcpcrypt_dh_init();
	if (err)
		goto exit_mac;
	/* RFC 8548, section 6: REQUIRED */
	if (!tcpcrypt_cipher_available(TCPCRYPT_AES_128_GCM)) {
		pr_err("this kernel has no gcm(aes)\n");
		err = -ENOENT;
		goto exit_mac;
	}
	err = tcpcrypt_cipher_start();
	if (err)
		goto exit_mac;
	err = tcpcrypt_teps_init();
	if (err)
		goto stop_cipher;
	err = tcpcrypt_tables_init();
	if (err)
		goto exit_teps;
	err = tcpcrypt_sock_init();
	if (err)
		goto exit_teps;
	err = register_pernet_subsys(&net_ops);
	if (err)
		goto exit_sock;
	err = tcpcrypt_stale_init();
	if (err)
		goto exit_net;
	err = tcpcrypt_attach_init();
	if (err)
		goto exit_stale;
	/* nothing may fail after a socket can have been taken */
	if (tcpcrypt_ulp_init())
		pr_warn("another tcpcrypt has TCP_ULP: no socket options\n");
	tcpcrypt_dh_report();
	return 0;

exit_stale:
	tcpcrypt_stale_exit();
exit_net:
	unregister_pernet_subsys(&net_ops);
exit_sock:
	tcpcrypt_sock_exit();
exit_teps:
	tcpcrypt_teps_exit();
stop_cipher:
	tcpcrypt_cipher_stop();
exit_mac:
	tcpcrypt_mac_exit();
	return err;
}

/*
 * No connection holds the module any more. Left are listeners, requests that
 * carry saved options, and threads that are on their way out of our
 * functions.
 */
static void __exit tcpcrypt_exit(void)
{
	tcpcrypt_ulp_exit();
	tcpcrypt_attach_exit();
	tcpcrypt_stale_exit();
	synchronize_net();
	unregister_pernet_subsys(&net_ops);
	/* a thread on its way into tcpcrypt_enter() */
	synchronize_rcu_tasks();
	tcpcrypt_wait_calls();
	tcpcrypt_sock_exit();
	rcu_barrier();
	synchronize_rcu_tasks();
	synchronize_rcu();
	tcpcrypt_teps_exit();
	tcpcrypt_cipher_stop();
	tcpcrypt_mac_exit();
}

module_init(tcpcrypt_init);
module_exit(tcpcrypt_exit);
MODULE_DESCRIPTION("TCP Encryption Negotiation Option and tcpcrypt (RFC 8547, RFC 8548)");
MODULE_AUTHOR("tcpcrypt for Linux developers");
MODULE_LICENSE("GPL");
MODULE_SOFTDEP("pre: curve25519-x86_64 libcurve25519-generic ecdh_generic post: gcm aesni-intel chacha20poly1305");
