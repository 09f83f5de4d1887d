// SPDX-License-Identifier: GPL-2.0
/*
 * A fork of the machine, for tests, and for nothing else.
 *
 * insmod does what the vmgenid driver does when the hypervisor says that the
 * machine was cloned: it calls add_vmfork_randomness(), which runs the
 * kernel's chain of notifiers. It returns when they are through. Where that
 * driver is built in the function is not exported; a kprobe finds it.
 */

#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/random.h>

static void (*find(const char *name))(const void *id, size_t len)
{
	struct kprobe probe = { .symbol_name = name };
	void *addr;

	if (register_kprobe(&probe))
		return NULL;
	addr = probe.addr;
	unregister_kprobe(&probe);
	return addr;
}

static int __init test_fork_init(void)
{
	void (*vmfork)(const void *id, size_t len);
	u8 id[16];

	vmfork = find("add_vmfork_randomness");
	if (!vmfork)
		return -ENOENT;
	get_random_bytes(id, sizeof(id));
	vmfork(id, sizeof(id));
	return 0;
}

static void __exit test_fork_exit(void)
{
}

module_init(test_fork_init);
module_exit(test_fork_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A fork of the virtual machine, for tests of tcpcrypt only");
