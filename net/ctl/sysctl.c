// SPDX-License-Identifier: GPL-2.0
/*
 * net.tcpcrypt.*, one set per network namespace.
 */

#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysctl.h>
#include "../crypto/crypto.h"
#include "../sock/cache.h"
#include "../sock/sock.h"
#include "../sock/tep.h"
#include "ctl.h"

/*
 * Ports of protocols that are secure already, and of those whose users of
 * TCP sit in the kernel (iSCSI 860 and 3260, NFS 2049).
 */
static const u16 bad_ports[] = {
	22, 443, 465, 563, 636, 853, 860, 989, 990, 992, 993, 994, 995, 2049,
	3260, 5061, 5671, 8443, 8883,
};

static const u16 default_aeads[] = {
	TCPCRYPT_AES_128_GCM, TCPCRYPT_AES_256_GCM, TCPCRYPT_CHACHA20_POLY1305,
};

static const u16 default_teps[] = {
	TCPCRYPT_TEP_X25519, TCPCRYPT_TEP_P256, TCPCRYPT_TEP_X448,
	TCPCRYPT_TEP_P521,
};

#define IDS_TEXT_MAX	256
#define NAME_MAX_LEN	32

static int timeout_min = 1;
static int timeout_max = 3600;
static int broken_time_max = 7 * 24 * 3600;
static int broken_max_max = 65536;
static int cache_max_max = 65536;
static int lifetime_max = 7 * 24 * 3600;
static int nonce_len_max = TCPCRYPT_RNONCE_MAX;
static int interval_max = 7 * 24 * 3600;
static unsigned long bytes_min = 1;
static unsigned long bytes_max = BITS_PER_LONG == 64 ?
	(unsigned long)TCPCRYPT_KEY_BYTES_MAX : ULONG_MAX;

static unsigned int copy_ids(struct tcpcrypt_ids __rcu * const *from, u16 *ids)
{
	const struct tcpcrypt_ids *list;
	unsigned int n;

	rcu_read_lock();
	list = rcu_dereference(*from);
	n = list->n;
	memcpy(ids, list->id, sizeof(list->id));
	rcu_read_unlock();
	return n;
}

/**
 * tcpcrypt_aeads() - the AEAD algorithms of a network namespace
 * @net: the namespace
 * @ids: filled in order of preference, room for TCPCRYPT_IDS_MAX
 *
 * Return: how many there are, at least one.
 */
unsigned int tcpcrypt_aeads(const struct net *net, u16 *ids)
{
	return copy_ids(&tcpcrypt_net(net)->aeads, ids);
}

/**
 * tcpcrypt_teps() - the TEPs of a network namespace
 * @net: the namespace
 * @ids: filled in order of preference, room for TCPCRYPT_IDS_MAX
 *
 * Return: how many there are, at least one.
 */
unsigned int tcpcrypt_teps(const struct net *net, u16 *ids)
{
	return copy_ids(&tcpcrypt_net(net)->teps, ids);
}

static bool aead_name(u16 id, char *name, size_t size)
{
	return strscpy(name, tcpcrypt_aead_desc(id)->name, size) > 0;
}

static int aead_by_name(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(default_aeads); i++)
		if (!strcmp(tcpcrypt_aead_desc(default_aeads[i])->name, name) &&
		    tcpcrypt_cipher_available(default_aeads[i]))
			return default_aeads[i];
	return -EINVAL;
}

static bool tep_name(u16 id, char *name, size_t size)
{
	return tcpcrypt_tep_name(id, name, size);
}

/* What the words of a list mean. */
struct words {
	int	(*by_name)(const char *name);
	bool	(*name)(u16 id, char *name, size_t size);
};

static const struct words aead_words = { aead_by_name, aead_name };
static const struct words tep_words = { tcpcrypt_tep_by_name, tep_name };

static int ids_add(struct tcpcrypt_ids *list, const struct words *words,
		   const char *word)
{
	int id = words->by_name(word);
	unsigned int i;

	if (id < 0 || list->n == ARRAY_SIZE(list->id))
		return -EINVAL;
	for (i = 0; i < list->n; i++)
		if (list->id[i] == id)
			return -EINVAL;
	list->id[list->n++] = id;
	return 0;
}

/* Whole or not at all: a bad word changes nothing. */
static int ids_parse(struct tcpcrypt_ids __rcu **to, const struct words *words,
		     char *text)
{
	struct tcpcrypt_ids *list, *old;
	char *word;
	int err = 0;

	list = kzalloc(sizeof(*list), GFP_KERNEL_ACCOUNT);
	if (!list)
		return -ENOMEM;
	while (!err && (word = strsep(&text, " ,\t\n")))
		if (*word)
			err = ids_add(list, words, word);
	if (!err && !list->n)
		err = -EINVAL;
	if (err) {
		kfree(list);
		return err;
	}
	old = unrcu_pointer(xchg(to, RCU_INITIALIZER(list)));
	kfree_rcu(old, rcu);
	return 0;
}

static void ids_print(struct tcpcrypt_ids __rcu **from,
		      const struct words *words, char *buf, size_t size)
{
	unsigned int i, n, len = 0;
	u16 ids[TCPCRYPT_IDS_MAX];
	char name[NAME_MAX_LEN];

	*buf = 0;
	n = copy_ids(from, ids);
	for (i = 0; i < n; i++)
		if (words->name(ids[i], name, sizeof(name)))
			len += scnprintf(buf + len, size - len, "%s%s",
					 len ? " " : "", name);
}

/* ->data is the list, ->extra1 what its words mean */
static int ids_handler(struct ctl_table *table, int write, void *buffer,
		       size_t *lenp, loff_t *ppos)
{
	struct tcpcrypt_ids __rcu **list = table->data;
	char text[IDS_TEXT_MAX] = "";
	struct ctl_table fake = { .data = text, .maxlen = sizeof(text) };
	int err;

	if (write && *ppos)
		return -EINVAL;
	if (!write)
		ids_print(list, table->extra1, text, sizeof(text));
	else if (*lenp >= sizeof(text))
		return -EINVAL;
	err = proc_dostring(&fake, write, buffer, lenp, ppos);
	if (!err && write)
		err = ids_parse(list, table->extra1, text);
	return err;
}

static int default_ids(struct tcpcrypt_ids __rcu **to, const u16 *ids,
		       unsigned int n, bool (*available)(u16 id))
{
	struct tcpcrypt_ids *list = kzalloc(sizeof(*list), GFP_KERNEL_ACCOUNT);
	unsigned int i;

	rcu_assign_pointer(*to, list);
	if (!list)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		if (available(ids[i]))
			list->id[list->n++] = ids[i];
	return list->n ? 0 : -ENOENT;
}

static bool tep_available(u16 id)
{
	return tcpcrypt_tep_known(id);
}

static int defaults(struct tcpcrypt_net *tn)
{
	unsigned int i;
	int err;

	err = default_ids(&tn->aeads, default_aeads, ARRAY_SIZE(default_aeads),
			  tcpcrypt_cipher_available);
	if (!err)
		err = default_ids(&tn->teps, default_teps,
				  ARRAY_SIZE(default_teps), tep_available);
	if (err)
		return err;
	tn->bad_connect_ports = bitmap_zalloc(65536, GFP_KERNEL_ACCOUNT);
	tn->bad_listen_ports = bitmap_zalloc(65536, GFP_KERNEL_ACCOUNT);
	if (!tn->bad_connect_ports || !tn->bad_listen_ports ||
	    tcpcrypt_broken_init(tn))
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(bad_ports); i++) {
		__set_bit(bad_ports[i], tn->bad_connect_ports);
		__set_bit(bad_ports[i], tn->bad_listen_ports);
	}
	tn->enable_connect = 1;
	tn->enable_listen = 1;
	tn->skip_loopback = 1;
	tn->handshake_timeout = 60;
	tn->max_handshakes = tcpcrypt_handshakes_default();
	tn->cache_max = 1024;
	tn->cache_lifetime = 24 * 3600;
	tn->resume_nonce_len = TCPCRYPT_RNONCE_MAX;
	/*
	 * RFC 4253, section 9: "after each gigabyte of transmitted data or
	 * after each hour". More often than the AEADs need it: keys that are
	 * gone decrypt nothing.
	 */
	tn->rekey_interval = 3600;
	tn->rekey_bytes = 1UL << 30;
	tn->broken_time = 600;
	tn->broken_max = 1024;
	return 0;
}

static void release(struct tcpcrypt_net *tn)
{
	tcpcrypt_broken_exit(tn);
	kfree(rcu_dereference_protected(tn->aeads, true));
	kfree(rcu_dereference_protected(tn->teps, true));
	bitmap_free(tn->bad_connect_ports);
	bitmap_free(tn->bad_listen_ports);
}

/* A limit that was lowered holds at once. */
static int cache_max_handler(struct ctl_table *table, int write, void *buffer,
			     size_t *lenp, loff_t *ppos)
{
	struct tcpcrypt_net *tn = container_of(table->data, struct tcpcrypt_net,
					       cache_max);
	int err = proc_dointvec_minmax(table, write, buffer, lenp, ppos);

	if (!err && write)
		tcpcrypt_cache_shrink(tn->cache);
	return err;
}

/* Writing either of these forgets what was remembered. */
static int broken_handler(struct tcpcrypt_net *tn, struct ctl_table *table,
			  int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	int err = proc_dointvec_minmax(table, write, buffer, lenp, ppos);

	if (!err && write)
		tcpcrypt_broken_flush(tn);
	return err;
}

static int broken_time_handler(struct ctl_table *table, int write,
			       void *buffer, size_t *lenp, loff_t *ppos)
{
	return broken_handler(container_of(table->data, struct tcpcrypt_net,
					   broken_time),
			      table, write, buffer, lenp, ppos);
}

static int broken_max_handler(struct ctl_table *table, int write,
			      void *buffer, size_t *lenp, loff_t *ppos)
{
	return broken_handler(container_of(table->data, struct tcpcrypt_net,
					   broken_max),
			      table, write, buffer, lenp, ppos);
}

/* ->data is an offset until a namespace gets its copy. */
#define FIELD(field)	((void *)offsetof(struct tcpcrypt_net, field))

#define NUMBER(field, min, max) {					\
	.procname	= #field,					\
	.data		= FIELD(field),					\
	.maxlen		= sizeof(int),					\
	.mode		= 0644,						\
	.proc_handler	= proc_dointvec_minmax,				\
	.extra1		= min,						\
	.extra2		= max,						\
}

#define PORTS(field) {							\
	.procname	= #field,					\
	.data		= FIELD(field),					\
	.maxlen		= 65536,					\
	.mode		= 0644,						\
	.proc_handler	= proc_do_large_bitmap,				\
}

#define IDS(field, words) {						\
	.procname	= #field,					\
	.data		= FIELD(field),					\
	.maxlen		= IDS_TEXT_MAX,					\
	.mode		= 0644,						\
	.proc_handler	= ids_handler,					\
	.extra1		= (void *)words,				\
}

static const struct ctl_table template[] = {
	NUMBER(enable_connect, SYSCTL_ZERO, SYSCTL_ONE),
	NUMBER(enable_listen, SYSCTL_ZERO, SYSCTL_ONE),
	NUMBER(skip_loopback, SYSCTL_ZERO, SYSCTL_ONE),
	NUMBER(kernel_sockets, SYSCTL_ZERO, SYSCTL_ONE),
	NUMBER(handshake_timeout, &timeout_min, &timeout_max),
	NUMBER(max_handshakes, SYSCTL_ONE, SYSCTL_INT_MAX),
	PORTS(bad_connect_ports),
	PORTS(bad_listen_ports),
	IDS(aeads, &aead_words),
	IDS(teps, &tep_words),
	{ .procname = "cache_max", .data = FIELD(cache_max),
	  .maxlen = sizeof(int), .mode = 0644,
	  .proc_handler = cache_max_handler,
	  .extra1 = SYSCTL_ZERO, .extra2 = &cache_max_max },
	NUMBER(cache_lifetime, SYSCTL_ONE, &lifetime_max),
	NUMBER(resume_nonce_len, SYSCTL_ZERO, &nonce_len_max),
	NUMBER(rekey_interval, SYSCTL_ZERO, &interval_max),
	{ .procname = "rekey_bytes", .data = FIELD(rekey_bytes),
	  .maxlen = sizeof(long), .mode = 0644,
	  .proc_handler = proc_doulongvec_minmax,
	  .extra1 = &bytes_min, .extra2 = &bytes_max },
	{ .procname = "broken_time", .data = FIELD(broken_time),
	  .maxlen = sizeof(int), .mode = 0644,
	  .proc_handler = broken_time_handler,
	  .extra1 = SYSCTL_ZERO, .extra2 = &broken_time_max },
	{ .procname = "broken_max", .data = FIELD(broken_max),
	  .maxlen = sizeof(int), .mode = 0644,
	  .proc_handler = broken_max_handler,
	  .extra1 = SYSCTL_ONE, .extra2 = &broken_max_max },
	{ }
};

/**
 * tcpcrypt_sysctl_init() - set up net.tcpcrypt of a network namespace
 * @net: the namespace
 *
 * Return: 0 or a negative errno.
 */
int tcpcrypt_sysctl_init(struct net *net)
{
	struct tcpcrypt_net *tn = tcpcrypt_net(net);
	struct ctl_table *t;
	unsigned int i;
	int err;

	err = defaults(tn);
	if (err)
		goto out;
	err = -ENOMEM;
	t = kmemdup(template, sizeof(template), GFP_KERNEL_ACCOUNT);
	if (!t)
		goto out;
	for (i = 0; i < ARRAY_SIZE(template) - 1; i++)
		t[i].data += (uintptr_t)tn;
	tn->header = register_net_sysctl(net, "net/tcpcrypt", t);
	if (!tn->header)
		goto free_table;
	tn->table = t;
	return 0;

free_table:
	kfree(t);
out:
	release(tn);
	return err;
}

/**
 * tcpcrypt_sysctl_exit() - drop net.tcpcrypt of a network namespace
 * @net: the namespace
 */
void tcpcrypt_sysctl_exit(struct net *net)
{
	struct tcpcrypt_net *tn = tcpcrypt_net(net);

	unregister_net_sysctl_table(tn->header);
	kfree(tn->table);
	release(tn);
}
