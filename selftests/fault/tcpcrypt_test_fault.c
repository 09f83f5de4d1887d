// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations and crypto calls that fail on demand, for tests, and for
 * nothing else.
 *
 * Kprobes stand at what every slab and page allocation passes, and at the
 * entry of other functions that can fail. A call counts if tcpcrypt is on the
 * stack, however deep the kernel is in on its behalf; not beyond the begin of
 * a softirq, which serves whom it will. A site is the function that was
 * called, all return addresses in tcpcrypt below it, and who ran: a process
 * of some network namespace, a softirq, or a work item.
 *
 * Load this before tcpcrypt: it hears of it from the module notifier. In
 * /sys/kernel/debug/tcpcrypt_fault:
 *
 *   control  "record": forget all sites and count from now on
 *            "site KEY N [ERRNO]": count again, let the N-th call from there
 *            fail; by ERRNO, if that is where a driver's own comes through
 *            "any N": likewise, the N-th call of all
 *            "each N": likewise, and every N-th after it
 *            "off": neither count nor fail
 *            "flush": no transform is used again that tcpcrypt has now, as if
 *            a better algorithm had been registered
 *   sites    KEY, calls, who, function and places in tcpcrypt, one site a line
 *   state    calls and faults since the last command but off, and how many
 *            functions have no probe
 */

#include <crypto/algapi.h>
#include <linux/debugfs.h>
#include <linux/gfp.h>
#include <linux/hash.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/linkage.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/stacktrace.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <net/net_namespace.h>
#include <asm/ibt.h>

#define SITES		4096
#define DEPTH		64	/* frames looked at */
#define CHAIN		6	/* frames of tcpcrypt that are kept */
#define PROBE_LEN	5	/* a breakpoint, or a call of ftrace's */
#define SOFTIRQ_LEN	0x800	/* no less than __do_softirq() is long */

enum mode { OFF, COUNT, SITE, ANY, EACH };
enum flags {
	SLAB = 1,
	PAGES = 2,
	DIRECT = 4,	/* deeper in the kernel it means something else */
	OTHER = 8,	/* see is_debug(), as for the first two */
};

/* What it returns when it fails; or any errno, if drivers are behind it. */
struct target {
	struct kprobe	kp;
	unsigned long	ret;
	unsigned int	flags;
	bool		driver;
};

#define TARGET(name, value, ...)					\
	{ .kp.symbol_name = name, .ret = (unsigned long)(value), ##__VA_ARGS__ }

static struct target targets[] = {
	TARGET("should_failslab", -ENOMEM, .flags = SLAB),
	TARGET("should_fail_alloc_page", true, .flags = PAGES),
	TARGET("__alloc_percpu", NULL, .flags = OTHER),
	TARGET("__sk_mem_schedule", 0),
	TARGET("crypto_alloc_aead", -ENOMEM, .driver = true),
	TARGET("crypto_alloc_kpp", -ENOMEM),
	TARGET("crypto_alloc_shash", -ENOMEM),
	TARGET("crypto_has_alg", 0),
	TARGET("crypto_has_kpp", 0),
	TARGET("crypto_aead_setkey", -ENOMEM, .driver = true),
	TARGET("crypto_aead_setauthsize", -EINVAL, .driver = true),
	TARGET("crypto_aead_encrypt", -ENOMEM, .driver = true),
	TARGET("crypto_aead_decrypt", -ENOMEM, .driver = true),
	TARGET("crypto_shash_digest", -ENOMEM, .driver = true),
	TARGET("crypto_shash_update", -ENOMEM, .driver = true),
	TARGET("crypto_shash_finup", -ENOMEM, .driver = true),
	TARGET("ecdh_set_secret", -ENOMEM),
	/* not all that fails lacks memory */
	TARGET("ecdh_compute_value", -EINVAL),
	TARGET("curve25519_set_secret", -ENOMEM),
	TARGET("curve25519_generate_public_key", -ENOMEM),
	TARGET("curve25519_compute_shared_secret", -EINVAL),
	TARGET("skb_to_sgvec", -EMSGSIZE),
	TARGET("skb_to_sgvec_nomark", -EMSGSIZE),
	TARGET("pskb_expand_head", -ENOMEM),
	TARGET("___pskb_trim", -ENOMEM),
	TARGET("skb_ensure_writable", -ENOMEM),
	TARGET("msg_zerocopy_realloc", NULL),
	TARGET("try_module_get", false, .flags = DIRECT),
	TARGET("rng_is_initialized", false),
	TARGET("kmem_cache_create_usercopy", NULL),
	TARGET("alloc_workqueue", NULL),
	TARGET("register_pernet_subsys", -ENOMEM),
	TARGET("register_net_sysctl", NULL),
	TARGET("proc_create_net_single", NULL),
	TARGET("nf_register_net_hooks", -ENOMEM),
	TARGET("crypto_register_notifier", -ENOMEM),
	TARGET("register_pm_notifier", -ENOMEM),
	TARGET("register_random_vmfork_notifier", -ENOMEM),
	TARGET("tcp_register_ulp", -ENOMEM),
	TARGET("tracepoint_probe_register", -ENOMEM),
	TARGET("sock_create_kern", -ENOMEM),
	TARGET("sock_create_lite", -ENOMEM),
};

struct site {
	u64		key;
	struct target	*target;
	unsigned int	who;		/* see name_of() */
	unsigned int	calls;
	unsigned int	frames;
	unsigned long	chain[CHAIN];
};

/* Under lock; an arch_spinlock_t as int3 is an NMI to lockdep. */
static arch_spinlock_t lock = __ARCH_SPIN_LOCK_UNLOCKED;
static enum mode mode;
static u64 wanted_key;
static unsigned int wanted, wanted_errno, calls, faults, count;
static struct site *sites;

static struct module *tcpcrypt;
static unsigned long softirq;
static unsigned int missing;
static struct dentry *dir;

#define WHO_SOFTIRQ	1
#define WHO_WORK	2
#define WHO_OTHER	3

/* Else the inode number of the process's network namespace. */
static unsigned int who_runs(void)
{
	struct nsproxy *proxy;

	if (in_serving_softirq())
		return WHO_SOFTIRQ;
	if (current->flags & PF_WQ_WORKER)
		return WHO_WORK;
	proxy = current->nsproxy;
	return proxy ? proxy->net_ns->ns.inum : WHO_OTHER;
}

/* Nobody forbade it to fail. */
static bool may_fail(const struct target *t, const struct pt_regs *regs)
{
	const unsigned long nofail = (__force unsigned long)__GFP_NOFAIL;

	if (t->flags & PAGES)
		return !(regs->di & nofail);
	if (t->flags & SLAB)
		return !(regs->si & nofail);
	return true;
}

/*
 * Whether the allocator needs a new page is chance, and what the debug kernel
 * notes for itself, or copies for the test's capture, is of no interest. For
 * lack of memory some functions print a call trace, which counts as a warning:
 * they fail as a whole.
 * Symbols take long to find: memory keeps some verdicts, as address << 1 |
 * verdict.
 */
static bool is_debug(unsigned long addr)
{
	static const char *const names[] = {
		"slab", "stack_depot", "pcpu", "kasan", "vmalloc", "mem_pool",
		"create_object", "kmemleak", "debug_obj", "fill_pool",
		"packet_rcv", "dev_queue_xmit_nit", "register_sysctl_table",
		"kmem_cache_create",
	};
	static unsigned long memory[512];
	unsigned long *known = &memory[hash_long(addr, 9)];
	char name[KSYM_SYMBOL_LEN];
	bool verdict = false;
	unsigned int i;

	if (READ_ONCE(*known) >> 1 == addr << 1 >> 1)
		return READ_ONCE(*known) & 1;
	sprint_symbol_no_offset(name, addr);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		verdict |= !!strstr(name, names[i]);
	WRITE_ONCE(*known, addr << 1 | verdict);
	return verdict;
}

/* The frames of tcpcrypt, the last first. Returns their number. */
static unsigned int look(const struct target *t, struct pt_regs *regs,
			 unsigned long *chain)
{
	unsigned long stack[DEPTH];
	unsigned int n, i, begin = 0, first = 0, k = 0;

	n = stack_trace_save(stack, DEPTH, 0);
	while (begin < n &&
	       stack[begin] - (unsigned long)t->kp.addr > PROBE_LEN)
		begin++;
	if (begin == n)
		return 0;
	/* The frame pointer is still the caller's: his address is missing. */
	stack[begin] = *(unsigned long *)regs->sp;
	for (i = begin; i < n && k < CHAIN; i++) {
		if (stack[i] - softirq < SOFTIRQ_LEN)
			break;
		if (!within_module(stack[i], tcpcrypt))
			continue;
		if (!k)
			first = i;
		chain[k++] = stack[i];
	}
	if (t->flags & DIRECT)
		return k && first == begin ? k : 0;
	if (!k || !t->flags)
		return k;
	for (i = begin; i < first; i++)
		if (is_debug(stack[i]))
			return 0;
	return k;
}

static struct site *find(u64 key)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (sites[i].key == key)
			return &sites[i];
	return NULL;
}

static bool judge(struct target *t, unsigned int who,
		  const unsigned long *chain, unsigned int k)
{
	u64 key = hash_64(t - targets + 1, 64) ^ hash_64(who, 64);
	struct site *s;
	unsigned int i;

	for (i = 0; i < k; i++)
		key = hash_64(key ^ chain[i], 64);
	s = find(key);
	if (!s && count < SITES) {
		s = &sites[count++];
		*s = (struct site){ .key = key, .target = t, .who = who,
				    .frames = k };
		memcpy(s->chain, chain, k * sizeof(*chain));
	}
	if (!s)
		return false;
	s->calls++;
	calls++;
	switch (mode) {
	case SITE:
		return s->key == wanted_key && s->calls == wanted;
	case ANY:
		return calls == wanted;
	case EACH:
		return !(calls % wanted);
	default:
		return false;
	}
}

/*
 * Where a function goes that shall fail, as in arch/x86/lib/error-inject.c.
 * The stack pointer must stay: ftrace does not take another one.
 */
asmlinkage void just_return(void);

asm(".text\n"
	".type just_return, @function\n"
	".globl just_return\n"
	"just_return:\n"
	ASM_ENDBR
	ASM_RET
	".size just_return, .-just_return\n");

static int hit(struct kprobe *kp, struct pt_regs *regs)
{
	struct target *t = container_of(kp, struct target, kp);
	unsigned long chain[CHAIN];
	unsigned int k, who, by = 0;
	bool fails = false;

	if (READ_ONCE(mode) == OFF || !READ_ONCE(tcpcrypt) ||
	    !may_fail(t, regs))
		return 0;
	k = look(t, regs, chain);
	if (!k)
		return 0;
	who = who_runs();
	arch_spin_lock(&lock);
	if (mode != OFF) {
		fails = judge(t, who, chain, k);
		faults += fails;
		by = wanted_errno;
	}
	arch_spin_unlock(&lock);
	if (!fails)
		return 0;
	regs->ax = t->driver && by ? -(unsigned long)by : t->ret;
	regs->ip = (unsigned long)just_return;
	return 1;
}

/* The kernel's own header of it is not installed. */
extern struct blocking_notifier_head crypto_chain;

static void command(enum mode new, u64 key, unsigned int n, unsigned int by)
{
	unsigned long flags;
	unsigned int i;

	local_irq_save(flags);
	arch_spin_lock(&lock);
	mode = new;
	wanted_key = key;
	wanted = n;
	wanted_errno = by;
	if (new != OFF) {
		calls = 0;
		faults = 0;
	}
	if (new == COUNT)
		count = 0;
	for (i = 0; i < count && new != OFF; i++)
		sites[i].calls = 0;
	arch_spin_unlock(&lock);
	local_irq_restore(flags);
}

static ssize_t control_write(struct file *file, const char __user *buf,
			     size_t len, loff_t *pos)
{
	unsigned int n, by = 0;
	char text[64];
	u64 key;

	if (len >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buf, len))
		return -EFAULT;
	text[len] = 0;
	if (!strncmp(text, "record", 6))
		command(COUNT, 0, 0, 0);
	else if (sscanf(text, "site %llx %u %u", &key, &n, &by) >= 2)
		command(SITE, key, n, by);
	else if (sscanf(text, "any %u", &n) == 1 && n)
		command(ANY, 0, n, 0);
	else if (sscanf(text, "each %u", &n) == 1 && n)
		command(EACH, 0, n, 0);
	else if (!strncmp(text, "flush", 5))
		blocking_notifier_call_chain(&crypto_chain,
					     CRYPTO_MSG_ALG_LOADED, NULL);
	else if (!strncmp(text, "off", 3))
		command(OFF, 0, 0, 0);
	else
		return -EINVAL;
	return len;
}

static const struct file_operations control_ops = {
	.owner	= THIS_MODULE,
	.write	= control_write,
};

static int sites_show(struct seq_file *m, void *v)
{
	const struct site *s;
	unsigned int i;

	/* sites only grow while one is recorded */
	for (s = sites; s < sites + READ_ONCE(count); s++) {
		seq_printf(m, "%016llx %u %u %s", s->key, s->calls, s->who,
			   s->target->kp.symbol_name);
		for (i = 0; i < s->frames; i++)
			seq_printf(m, " %ps+%lx", (void *)s->chain[i],
				   s->chain[i] & 0xfff);
		seq_putc(m, '\n');
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sites);

static int state_show(struct seq_file *m, void *v)
{
	seq_printf(m, "%u %u %u\n", READ_ONCE(calls), READ_ONCE(faults),
		   missing);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(state);

static int heard(struct notifier_block *nb, unsigned long action, void *data)
{
	struct module *mod = data;

	if (strcmp(mod->name, "tcpcrypt"))
		return NOTIFY_DONE;
	if (action == MODULE_STATE_COMING)
		WRITE_ONCE(tcpcrypt, mod);
	else if (action == MODULE_STATE_GOING)
		WRITE_ONCE(tcpcrypt, NULL);
	return NOTIFY_DONE;
}

/* Last of all, and first when it goes: with what others allocate for it. */
static struct notifier_block nb = { .notifier_call = heard };

static void stop_probes(void)
{
	struct target *t;

	for (t = targets; t < targets + ARRAY_SIZE(targets); t++)
		if (t->kp.addr)
			unregister_kprobe(&t->kp);
}

static int start_probes(void)
{
	struct kprobe kp = { .symbol_name = "__do_softirq" };
	struct target *t;
	int err;

	err = register_kprobe(&kp);
	if (err)
		return err;
	softirq = (unsigned long)kp.addr;
	unregister_kprobe(&kp);
	for (t = targets; t < targets + ARRAY_SIZE(targets); t++) {
		t->kp.pre_handler = hit;
		err = register_kprobe(&t->kp);
		if (!err)
			continue;
		pr_info("no probe at %s: %d\n", t->kp.symbol_name, err);
		t->kp.addr = NULL;
		missing++;
	}
	return 0;
}

static int __init test_fault_init(void)
{
	int err;

	sites = vzalloc(array_size(SITES, sizeof(*sites)));
	if (!sites)
		return -ENOMEM;
	err = start_probes();
	if (err)
		goto err_sites;
	err = register_module_notifier(&nb);
	if (err)
		goto err_probes;
	dir = debugfs_create_dir("tcpcrypt_fault", NULL);
	debugfs_create_file("control", 0200, dir, NULL, &control_ops);
	debugfs_create_file("sites", 0400, dir, NULL, &sites_fops);
	debugfs_create_file("state", 0400, dir, NULL, &state_fops);
	return 0;

err_probes:
	stop_probes();
err_sites:
	vfree(sites);
	return err;
}

static void __exit test_fault_exit(void)
{
	debugfs_remove(dir);
	command(OFF, 0, 0, 0);
	unregister_module_notifier(&nb);
	stop_probes();
	vfree(sites);
}

module_init(test_fault_init);
module_exit(test_fault_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Faults on demand, for tests of tcpcrypt only");
