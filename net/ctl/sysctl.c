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

#define AEADS_TEXT_MAX	256

static int timeout_min = 1;
static int timeout_max = 3600;

/**
 * tcpcrypt_aeads() - the AEAD algorithms of a network namespace
 * @net: the namespace
 * @ids: filled in order of preference, room for TCPCRYPT_AEADS_MAX
 *
 * Return: how many there are, at least one.
 */
unsigned int tcpcrypt_aeads(const struct net *net, u16 *ids)
{
	const struct tcpcrypt_aead_list *list;
	unsigned int n;

	rcu_read_lock();
	list = rcu_dereference(tcpcrypt_net(net)->aeads);
	n = list->n;
	memcpy(ids, list->id, sizeof(list->id));
	rcu_read_unlock();
	return n;
}

static int aeads_print(const struct net *net, char *buf, size_t size)
{
	u16 ids[TCPCRYPT_AEADS_MAX];
	unsigned int i, n = tcpcrypt_aeads(net, ids);
	int len = 0;

	for (i = 0; i < n; i++)
		len += scnprintf(buf + len, size - len, "%s%s", i ? " " : "",
				 tcpcrypt_aead_desc(ids[i])->name);
	return len;
}

static int aead_by_name(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(default_aeads); i++)
		if (!strcmp(tcpcrypt_aead_desc(default_aeads[i])->name, name))
			return default_aeads[i];
	return -EINVAL;
}

static int aeads_add(struct tcpcrypt_aead_list *list, const char *name)
{
	int id = aead_by_name(name);
	unsigned int i;

	if (id < 0 || !tcpcrypt_cipher_available(id))
		return -EINVAL;
	for (i = 0; i < list->n; i++)
		if (list->id[i] == id)
			return -EINVAL;
	list->id[list->n++] = id;
	return 0;
}

/* Whole or not at all: a bad word changes nothing. */
static int aeads_parse(struct tcpcrypt_net *tn, char *text)
{
	struct tcpcrypt_aead_list *list, *old;
	char *word;
	int err = 0;

	list = kzalloc(sizeof(*list), GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	while (!err && (word = strsep(&text, " ,\t\n")))
		if (*word)
			err = aeads_add(list, word);
	if (!err && !list->n)
		err = -EINVAL;
	if (err) {
		kfree(list);
		return err;
	}
	old = unrcu_pointer(xchg(&tn->aeads, RCU_INITIALIZER(list)));
	kfree_rcu(old, rcu);
	return 0;
}

static int aeads_handler(struct ctl_table *table, int write, void *buffer,
			 size_t *lenp, loff_t *ppos)
{
	const struct net *net = table->extra1;
	char text[AEADS_TEXT_MAX];
	struct ctl_table fake = { .data = text, .maxlen = sizeof(text) };
	int err;

	if (!write)
		aeads_print(net, text, sizeof(text));
	else if (*lenp >= sizeof(text))
		return -EINVAL;
	err = proc_dostring(&fake, write, buffer, lenp, ppos);
	if (!err && write)
		err = aeads_parse(tcpcrypt_net(net), text);
	return err;
}

static int defaults(struct tcpcrypt_net *tn)
{
	struct tcpcrypt_aead_list *list;
	unsigned int i;

	list = kzalloc(sizeof(*list), GFP_KERNEL);
	tn->bad_connect_ports = bitmap_zalloc(65536, GFP_KERNEL);
	tn->bad_listen_ports = bitmap_zalloc(65536, GFP_KERNEL);
	rcu_assign_pointer(tn->aeads, list);
	if (!list || !tn->bad_connect_ports || !tn->bad_listen_ports)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(bad_ports); i++) {
		__set_bit(bad_ports[i], tn->bad_connect_ports);
		__set_bit(bad_ports[i], tn->bad_listen_ports);
	}
	for (i = 0; i < ARRAY_SIZE(default_aeads); i++)
		if (tcpcrypt_cipher_available(default_aeads[i]))
			list->id[list->n++] = default_aeads[i];
	tn->enable_connect = 1;
	tn->enable_listen = 1;
	tn->skip_loopback = 1;
	tn->handshake_timeout = 60;
	return list->n ? 0 : -ENOENT;
}

static void release(struct tcpcrypt_net *tn)
{
	kfree(rcu_dereference_protected(tn->aeads, true));
	bitmap_free(tn->bad_connect_ports);
	bitmap_free(tn->bad_listen_ports);
}

static const struct ctl_table template[] = {
	{ .procname = "enable_connect", .maxlen = sizeof(int), .mode = 0644,
	  .proc_handler = proc_dointvec_minmax,
	  .extra1 = SYSCTL_ZERO, .extra2 = SYSCTL_ONE },
	{ .procname = "enable_listen", .maxlen = sizeof(int), .mode = 0644,
	  .proc_handler = proc_dointvec_minmax,
	  .extra1 = SYSCTL_ZERO, .extra2 = SYSCTL_ONE },
	{ .procname = "skip_loopback", .maxlen = sizeof(int), .mode = 0644,
	  .proc_handler = proc_dointvec_minmax,
	  .extra1 = SYSCTL_ZERO, .extra2 = SYSCTL_ONE },
	{ .procname = "handshake_timeout", .maxlen = sizeof(int), .mode = 0644,
	  .proc_handler = proc_dointvec_minmax,
	  .extra1 = &timeout_min, .extra2 = &timeout_max },
	{ .procname = "bad_connect_ports", .maxlen = 65536, .mode = 0644,
	  .proc_handler = proc_do_large_bitmap },
	{ .procname = "bad_listen_ports", .maxlen = 65536, .mode = 0644,
	  .proc_handler = proc_do_large_bitmap },
	{ .procname = "aeads", .maxlen = AEADS_TEXT_MAX, .mode = 0644,
	  .proc_handler = aeads_handler },
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
	int err;

	err = defaults(tn);
	if (err)
		goto out;
	err = -ENOMEM;
	t = kmemdup(template, sizeof(template), GFP_KERNEL);
	if (!t)
		goto out;
	t[0].data = &tn->enable_connect;
	t[1].data = &tn->enable_listen;
	t[2].data = &tn->skip_loopback;
	t[3].data = &tn->handshake_timeout;
	t[4].data = &tn->bad_connect_ports;
	t[5].data = &tn->bad_listen_ports;
	t[6].extra1 = net;
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
