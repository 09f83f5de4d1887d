// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel user of other people's sockets, for tests, and for nothing else.
 *
 * Write a descriptor's number to /proc/tcpcrypt_test_usurp, and its socket's
 * callbacks are replaced, without a look at what they were: as iscsi_tcp does
 * with the connection that iscsid has made, and nfsd with the listener that
 * rpc.nfsd has. What comes then is read from TCP's queue and counted; read the
 * file for the bytes. An empty line gives all sockets back.
 */

#include <linux/file.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/proc_fs.h>
#include <linux/uaccess.h>
#include <net/tcp.h>

#define SOCKS_MAX	8

struct usurped {
	struct socket	*sock;
	void		(*data_ready)(struct sock *sk);
	void		(*state_change)(struct sock *sk);
	void		(*write_space)(struct sock *sk);
};

static struct usurped usurped[SOCKS_MAX];
static unsigned int count;
static DEFINE_MUTEX(lock);
static atomic_t bytes;

static int eat(read_descriptor_t *desc, struct sk_buff *skb, unsigned int off,
	       size_t len)
{
	atomic_add(len, &bytes);
	return len;
}

static void data_ready(struct sock *sk)
{
	read_descriptor_t desc = { .count = 1 };

	if (sk->sk_state != TCP_LISTEN)
		tcp_read_sock(sk, &desc, eat);
}

static void nothing(struct sock *sk)
{
}

static int usurp(int fd)
{
	struct usurped *u = &usurped[count];
	struct sock *sk;
	int err;

	if (count == SOCKS_MAX)
		return -ENOSPC;
	u->sock = sockfd_lookup(fd, &err);
	if (!u->sock)
		return err;
	sk = u->sock->sk;
	write_lock_bh(&sk->sk_callback_lock);
	u->data_ready = sk->sk_data_ready;
	u->state_change = sk->sk_state_change;
	u->write_space = sk->sk_write_space;
	sk->sk_data_ready = data_ready;
	if (sk->sk_state != TCP_LISTEN) {
		sk->sk_state_change = nothing;
		sk->sk_write_space = nothing;
	}
	write_unlock_bh(&sk->sk_callback_lock);
	count++;
	return 0;
}

static void give_back(void)
{
	struct usurped *u;
	struct sock *sk;

	while (count) {
		u = &usurped[--count];
		sk = u->sock->sk;
		write_lock_bh(&sk->sk_callback_lock);
		sk->sk_data_ready = u->data_ready;
		sk->sk_state_change = u->state_change;
		sk->sk_write_space = u->write_space;
		write_unlock_bh(&sk->sk_callback_lock);
		sockfd_put(u->sock);
	}
	atomic_set(&bytes, 0);
}

static ssize_t proc_write(struct file *file, const char __user *buf,
			  size_t len, loff_t *pos)
{
	int fd, err = 0;

	mutex_lock(&lock);
	if (len == 1)
		give_back();
	else
		err = kstrtoint_from_user(buf, len, 10, &fd) ? : usurp(fd);
	mutex_unlock(&lock);
	return err ? : len;
}

static ssize_t proc_read(struct file *file, char __user *buf, size_t len,
			 loff_t *pos)
{
	char text[16];

	return simple_read_from_buffer(buf, len, pos, text,
				       scnprintf(text, sizeof(text), "%d\n",
						 atomic_read(&bytes)));
}

static const struct proc_ops ops = {
	.proc_write	= proc_write,
	.proc_read	= proc_read,
};

static int __init test_usurp_init(void)
{
	return proc_create("tcpcrypt_test_usurp", 0600, NULL, &ops) ? 0 :
	       -ENOMEM;
}

static void __exit test_usurp_exit(void)
{
	remove_proc_entry("tcpcrypt_test_usurp", NULL);
	give_back();
}

module_init(test_usurp_init);
module_exit(test_usurp_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A kernel user of sockets, for tests of tcpcrypt only");
