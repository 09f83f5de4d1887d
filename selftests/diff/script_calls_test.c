// SPDX-License-Identifier: GPL-2.0
/*
 * Reading and writing with every flag, in every form that a call has, and
 * what interrupts these forms. Runs in the guest.
 *
 *	sock.sh diff/script_calls_test
 */

#define _GNU_SOURCE
#include "script.h"
#include <sys/select.h>

#define LEN	10	/* bytes of a call */

/* --- each flag ------------------------------------------------------------ */

/* What a call has sent, to the last byte, before the next one. */
static void rec_sent(struct diff *d, const char *label, int fd, long n)
{
	char buf[8 * LEN];
	long got = 0, ret;

	while (got < n) {
		ret = recv(fd, buf + got, n - got, 0);
		if (ret <= 0)
			break;
		got += ret;
	}
	diff_rec(d, label, "%ld %s", got, diff_data(buf, 0, got));
}

static long send_as(unsigned int form, int fd, int flags)
{
	struct iovec v = { (void *)diff_bytes(0), LEN };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &v, .msg_iovlen = 1 } };

	if (form == 0)
		return send(fd, diff_bytes(0), LEN, flags);
	if (form == 1)
		return sendmsg(fd, &m.msg_hdr, flags);
	return sendmmsg(fd, &m, 1, flags) < 0 ? -1 : (long)m.msg_len;
}

/* All 32 bits, those included that mean something inside of the kernel. */
static void send_flags(struct diff *d)
{
	unsigned int form, bit;
	char label[40];
	long n;

	for (form = 0; form < 3; form++) {
		struct pair p = diff_pair(d);

		set_int(p.s, SOL_SOCKET, SO_OOBINLINE, 1);
		set_timeout(p.s, SO_RCVTIMEO, 5000);
		for (bit = 0; bit < 32; bit++) {
			snprintf(label, sizeof(label), "%u: bit %u", form, bit);
			diff_doing(d, "%s", label);
			n = diff_ret(d, label, send_as(form, p.c, 1u << bit));
			rec_sent(d, label, p.s, n);
			rec_events(d, label, p.c);
		}
		shutdown(p.c, SHUT_WR);
		for (bit = 0; bit < 32; bit++) {
			snprintf(label, sizeof(label), "%u: shut, bit %u", form,
				 bit);
			diff_ret(d, label, send_as(form, p.c, 1u << bit));
		}
		CHECK(until_fin(p.s));
		close_pair(p);
	}
}

static long recv_as(unsigned int form, int fd, int flags, char *buf)
{
	struct iovec v = { buf, LEN };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &v, .msg_iovlen = 1 } };
	long n;

	if (form == 0)
		return recv(fd, buf, LEN, flags);
	if (form == 1) {
		n = recvmsg(fd, &m.msg_hdr, flags);
	} else {
		n = recvmmsg(fd, &m, 1, flags, NULL);
		if (n == 1)
			n = m.msg_len;
	}
	return n < 0 ? n : n | (long)m.msg_hdr.msg_flags << 32;
}

/* Before, or after, the end-of-file. */
static void recv_each(struct diff *d, unsigned int form, const char *when,
		      int fd)
{
	char label[40], buf[LEN];
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		snprintf(label, sizeof(label), "%u: %s, bit %u", form, when,
			 bit);
		diff_doing(d, "%s", label);
		memset(buf, 0, sizeof(buf));
		diff_ret(d, label, recv_as(form, fd, MSG_DONTWAIT | 1u << bit,
					   buf));
		diff_rec(d, label, "%08x, %d left", diff_sum(buf, LEN),
			 diff_ioctl(fd, SIOCINQ));
	}
}

static void recv_flags(struct diff *d)
{
	unsigned int form;

	for (form = 0; form < 3; form++) {
		struct pair p = diff_pair(d);

		CHECK_EQ(send(p.c, diff_bytes(0), 40 * LEN, 0), 40 * LEN);
		CHECK(diff_settle(p.s, 40 * LEN));
		recv_each(d, form, "data", p.s);
		drain(p.s);
		recv_each(d, form, "nothing", p.s);
		shutdown(p.c, SHUT_WR);
		CHECK(until_fin(p.s));
		recv_each(d, form, "end", p.s);
		close_pair(p);
	}
}

/* --- vectors and offsets -------------------------------------------------- */

static void vectors(struct diff *d)
{
	static struct iovec many[1025];
	struct pair p = diff_pair(d);
	char buf[3][2 * LEN] = {};
	struct iovec in[] = {
		{ buf[0], 1 }, { NULL, 0 }, { buf[1], LEN }, { buf[2], LEN },
	};
	struct iovec out[] = {
		{ (void *)diff_bytes(0), LEN }, { NULL, 0 },
		{ (void *)diff_bytes(LEN), LEN },
	};
	unsigned int i;

	set_timeout(p.s, SO_RCVTIMEO, 5000);
	diff_ret(d, "writev", writev(p.c, out, 3));
	CHECK(diff_settle(p.s, 2 * LEN));
	diff_ret(d, "readv", readv(p.s, in, 4));
	diff_rec(d, "data", "%s", diff_data(buf[0], 0, 1));
	diff_rec(d, "data", "%s", diff_data(buf[1], 1, LEN));
	diff_rec(d, "data", "%s", diff_data(buf[2], 1 + LEN, LEN - 1));
	diff_ret(d, "no vector", writev(p.c, out, 0));
	diff_ret(d, "empty vector", writev(p.c, out + 1, 1));
	diff_ret(d, "negative", syscall(SYS_writev, p.c, out, -1));
	diff_ret(d, "bad vector", syscall(SYS_writev, p.c, 8, 1));
	for (i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct iovec) { (void *)diff_bytes(i), 1 };
	diff_ret(d, "too many", writev(p.c, many, 1025));
	diff_ret(d, "many", writev(p.c, many, 1024));
	CHECK(diff_settle(p.s, 1024));
	drain(p.s);
	/* what comes before a bad one is sent */
	out[1] = (struct iovec) { (void *)8, LEN };
	diff_rec(d, "part", "%d", writev(p.c, out, 3) <= LEN);
	drain(p.s);
	out[1].iov_len = -1;
	diff_ret(d, "bad length", writev(p.c, out, 3));
	diff_ret(d, "no vector", readv(p.s, in, 0));
	diff_ret(d, "empty vector", readv(p.s, in + 1, 1));
	diff_ret(d, "nothing", read(p.s, buf, 0));
	diff_ret(d, "nothing", write(p.c, buf, 0));
}

/* Flags of preadv2() and pwritev2(); a socket has no offsets. */
static void offsets(struct diff *d)
{
	struct pair p = diff_pair(d);
	char buf[LEN] = {}, label[40];
	struct iovec in = { buf, LEN };
	struct iovec out = { (void *)diff_bytes(0), LEN };
	unsigned int bit;
	long n;

	set_timeout(p.s, SO_RCVTIMEO, 5000);
	diff_ret(d, "pread", pread(p.s, buf, LEN, 0));
	diff_ret(d, "pwrite", pwrite(p.c, buf, LEN, 0));
	diff_ret(d, "preadv", preadv(p.s, &in, 1, 0));
	diff_ret(d, "preadv2", preadv2(p.s, &in, 1, 0, 0));
	diff_ret(d, "lseek", lseek(p.c, 0, SEEK_CUR));
	diff_ret(d, "ftruncate", ftruncate(p.c, 0));
	diff_ret(d, "fsync", fsync(p.c));
	diff_ret(d, "fallocate", fallocate(p.c, 0, 0, 1));
	diff_ret(d, "fadvise", posix_fadvise(p.c, 0, 1, 0));
	diff_ret(d, "readahead", readahead(p.c, 0, 1));
	for (bit = 0; bit < 8; bit++) {
		snprintf(label, sizeof(label), "bit %u", bit);
		n = diff_ret(d, label, pwritev2(p.c, &out, 1, -1, 1 << bit));
		if (n > 0)
			CHECK(diff_settle(p.s, n));
		n = diff_ret(d, label, preadv2(p.s, &in, 1, -1, 1 << bit));
		diff_rec(d, label, "%s", diff_data(buf, 0, n));
		drain(p.s);
	}
	diff_ret(d, "nothing", preadv2(p.s, &in, 1, -1, RWF_NOWAIT));
}

/* --- other forms of calls that wait --------------------------------------- */

static long call_readv(struct call *c)
{
	char buf[LEN];
	struct iovec v[2] = { { buf, 1 }, { buf + 1, LEN - 1 } };

	return readv(c->fd, v, 2);
}

static long call_recvmsg(struct call *c)
{
	char buf[LEN];
	struct iovec v = { buf, LEN };
	struct msghdr msg = { .msg_iov = &v, .msg_iovlen = 1 };

	return recvmsg(c->fd, &msg, 0);
}

static long call_recvmmsg(struct call *c)
{
	char buf[LEN];
	struct iovec v = { buf, LEN };
	struct mmsghdr m[2] = {
		{ .msg_hdr = { .msg_iov = &v, .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &v, .msg_iovlen = 1 } },
	};

	return recvmmsg(c->fd, m, 2, MSG_WAITFORONE, NULL);
}

static long call_select(struct call *c)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(c->fd, &set);
	return select(c->fd + 1, &set, NULL, NULL, NULL);
}

/* The mask lets the signal through, or keeps it out. */
static void signal_mask(sigset_t *set, bool blocked)
{
	sigemptyset(set);
	if (blocked)
		sigaddset(set, SIGUSR1);
}

static long call_ppoll(struct call *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	sigset_t mask;
	long n;

	signal_mask(&mask, c->len);
	n = ppoll(&p, 1, NULL, &mask);
	return n < 0 ? n : p.revents;
}

static long call_pselect(struct call *c)
{
	sigset_t mask;
	fd_set set;

	FD_ZERO(&set);
	FD_SET(c->fd, &set);
	signal_mask(&mask, c->len);
	return pselect(c->fd + 1, &set, NULL, NULL, NULL, &mask);
}

static long call_epoll_pwait(struct call *c)
{
	struct epoll_event e = { .events = EPOLLIN };
	int ep = epoll_create1(0);
	sigset_t mask;

	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e), 0);
	signal_mask(&mask, c->len);
	return epoll_pwait(ep, &e, 1, -1, &mask);
}

static void interrupted_forms(struct diff *d)
{
	static const struct {
		const char	*name;
		long		(*fn)(struct call *c);
	} calls[] = {
		{ "readv", call_readv }, { "recvmsg", call_recvmsg },
		{ "recvmmsg", call_recvmmsg }, { "select", call_select },
		{ "ppoll", call_ppoll }, { "pselect", call_pselect },
		{ "epoll_pwait", call_epoll_pwait },
	};
	struct pair p = diff_pair(d);
	char label[40], buf[LEN];
	unsigned int i, mode;

	for (mode = 0; mode < 2; mode++) {
		on_signal(SIGUSR1, mode ? SA_RESTART : 0);
		for (i = 0; i < ARRAY_SIZE(calls); i++) {
			struct call c = {
				.fn = calls[i].fn, .fd = p.s,
			};

			snprintf(label, sizeof(label), "%s %u", calls[i].name,
				 mode);
			interrupt(d, &c, label, feed, p);
			recv(p.s, buf, sizeof(buf), MSG_DONTWAIT);
		}
	}
}

/* A signal that the call's mask keeps out comes when the call is over. */
static void masked(struct diff *d)
{
	static long (*const calls[])(struct call *c) = {
		call_ppoll, call_pselect, call_epoll_pwait,
	};
	struct pair p = diff_pair(d);
	char buf[LEN];
	unsigned int i;

	on_signal(SIGUSR1, 0);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		struct call c = { .fn = calls[i], .fd = p.s, .len = 1 };

		caught = 0;
		call_start(d, &c, "call");
		call_asleep(&c);
		CHECK_EQ(syscall(SYS_tgkill, getpid(), c.tid, SIGUSR1), 0);
		call_asleep(&c);
		diff_rec(d, "signals", "%d", signals());
		feed(p);
		call_end(&c);
		diff_rec(d, "signals", "%d", signals());
		recv(p.s, buf, sizeof(buf), MSG_DONTWAIT);
	}
}

static long call_writev(struct call *c)
{
	struct iovec v[2] = {
		{ (void *)diff_bytes(0), 500 }, { (void *)diff_bytes(500), 500 }
	};

	return writev(c->fd, v, 2);
}

static long call_sendmsg(struct call *c)
{
	struct iovec v = { (void *)diff_bytes(0), 1000 };
	struct msghdr msg = { .msg_iov = &v, .msg_iovlen = 1 };

	return sendmsg(c->fd, &msg, MSG_NOSIGNAL);
}

static long call_sendmmsg(struct call *c)
{
	struct iovec v = { (void *)diff_bytes(0), 1000 };
	struct mmsghdr m[2] = {
		{ .msg_hdr = { .msg_iov = &v, .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &v, .msg_iovlen = 1 } },
	};

	return sendmmsg(c->fd, m, 2, MSG_NOSIGNAL);
}

static void make_room(struct pair p)
{
	drain(p.s);
}

static void interrupted_full(struct diff *d)
{
	static long (*const calls[])(struct call *c) = {
		call_writev, call_sendmsg, call_sendmmsg,
	};
	char label[40];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		struct pair p = small_pair(d);
		struct call c = { .fn = calls[i], .fd = p.c };

		on_signal(SIGUSR1, i & 1 ? SA_RESTART : 0);
		fill(p.c);
		snprintf(label, sizeof(label), "call %u", i);
		interrupt(d, &c, label, make_room, p);
		close_pair(p);
	}
}

/* --- several threads at one socket ---------------------------------------- */

static void close_under_writer(struct diff *d)
{
	struct pair p = small_pair(d);
	struct call c = { .fn = call_send, .fd = p.c, .len = 200000 };
	char buf[4096];
	long got = 0, n;

	call_start(d, &c, "send");
	call_asleep(&c);
	diff_ret(d, "close", close(p.c));
	call_asleep(&c);
	while ((n = recv(p.s, buf, sizeof(buf), 0)) > 0)
		got += n;
	diff_rec(d, "got", "%ld, %ld", got, n);
	call_end(&c);
}

/*
 * Two that read, two that write, and one that ends it: by close(), which none
 * of them hears of, or shutdown(), which wakes all.
 */
static void five_threads(struct diff *d, const char *how)
{
	struct pair p = small_pair(d);
	struct call c[4];
	int i;

	for (i = 0; i < 4; i++) {
		c[i] = (struct call) { .fd = p.c, .len = 100 };
		c[i].fn = i < 2 ? call_recv : call_send_all;
		c[i].len = i < 2 ? 100 : 3000;
		call_start(d, &c[i], i < 2 ? "reader" : "writer");
		call_asleep(&c[i]);
	}
	if (*how == 'c')
		diff_ret(d, how, close(p.c));
	else
		diff_ret(d, how, shutdown(p.c, SHUT_RDWR));
	for (i = 0; i < 4; i++)
		call_asleep(&c[i]);
	if (*how == 'c') {
		/* readers end by what they wait for, writers by a reset */
		CHECK_EQ(send(p.s, diff_bytes(0), 50, 0), 50);
		CHECK(DIFF_UNTIL(call_done(&c[0]) || call_done(&c[1]), 5000));
		CHECK_EQ(send(p.s, diff_bytes(50), 50, 0), 50);
		CHECK(DIFF_UNTIL(call_done(&c[0]) && call_done(&c[1]), 5000));
		reset(p.s);
	}
	/* how much a writer has sent by then is chance */
	for (i = 0; i < 4; i++) {
		join(c[i].thread);
		if (i < 2)
			diff_rec(d, "reader", "%ld", c[i].ret);
		diff_rec(d, c[i].label, "over");
	}
}

static void threads(struct diff *d)
{
	five_threads(d, "shutdown");
	five_threads(d, "close");
}

static const struct diff_scenario table[] = {
	{ "send_flags", send_flags, 0, 0 },
	{ "recv_flags", recv_flags, 0, 0 },
	{ "vectors", vectors, 0, 0 },
	{ "offsets", offsets, 0, 0 },
	{ "interrupted_forms", interrupted_forms, 0, 0 },
	{ "masked", masked, 0, 0 },
	{ "interrupted_full", interrupted_full, 0, 0 },
	{ "close_under_writer", close_under_writer, 0, 0 },
	{ "threads", threads, 0, 0 },
	{ }
};

int main(int argc, char **argv)
{
	return diff_main(argc, argv, table);
}
