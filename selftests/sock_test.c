// SPDX-License-Identifier: GPL-2.0
/*
 * What an application does with a socket works on encrypted connections as
 * on others. Runs in the guest, sock.sh makes the two hosts.
 *
 *	sock_test [CASE ...]
 */

#define _GNU_SOURCE
#include <linux/sockios.h>
#include <time.h>
#include <linux/errqueue.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include "lib/conn.h"

static int outq(int fd)
{
	int n = -1;

	CHECK_EQ(ioctl(fd, SIOCOUTQ, &n), 0);
	return n;
}

/* --- reading and writing -------------------------------------------------- */

static void echo(void)
{
	struct pair p = new_pair();
	char buf[100];

	CHECK_EQ(write(p.c, "hello", 5), 5);
	CHECK_EQ(read(p.s, buf, sizeof(buf)), 5);
	CHECK(!memcmp(buf, "hello", 5));
	CHECK_EQ(write(p.s, "good day", 8), 8);
	CHECK_EQ(read(p.c, buf, sizeof(buf)), 8);
	CHECK(!memcmp(buf, "good day", 8));
	CHECK_EQ(close(p.c), 0);
	check_eof(p.s);
	CHECK_EQ(close(p.s), 0);
}

static void data_before_accept(void)
{
	int l = new_listener(), c = connect_to(l), s;
	char buf[100];

	CHECK_EQ(send(c, "early", 5, 0), 5);
	s = do_accept(l);
	CHECK_EQ(recv(s, buf, sizeof(buf), 0), 5);
	CHECK(!memcmp(buf, "early", 5));
	CHECK_EQ(send(s, "too", 3, 0), 3);
	CHECK_EQ(recv(c, buf, sizeof(buf), 0), 3);
	check_pair(c, s);
}

static void server_first(void)
{
	int l = new_listener(), c = connect_to(l), s = do_accept(l);
	char buf[100];

	CHECK_EQ(send(s, "220 ready", 9, 0), 9);
	CHECK_EQ(recv(c, buf, sizeof(buf), 0), 9);
	CHECK(!memcmp(buf, "220 ready", 9));
	check_pair(c, s);
}

static void nonblocking_connect(void)
{
	int l = new_listener(), c = new_socket(A), s, port = port_of(l);
	char buf[10];

	set_nonblock(l, true);
	CHECK_ERR(accept(l, NULL, NULL), EAGAIN);
	set_nonblock(c, true);
	CHECK_ERR(do_connect(c, B, port), EINPROGRESS);
	CHECK(poll_wait(c, POLLOUT) & POLLOUT);
	CHECK_EQ(get_int(c, SOL_SOCKET, SO_ERROR), 0);
	CHECK_EQ(do_connect(c, B, port), 0);
	CHECK_ERR(do_connect(c, B, port), EISCONN);
	CHECK_EQ(poll_wait(l, POLLIN), POLLIN);
	s = accept4(l, NULL, NULL, SOCK_NONBLOCK);
	CHECK(s >= 0);
	CHECK_ERR(recv(c, buf, sizeof(buf), 0), EAGAIN);
	CHECK_ERR(recv(s, buf, sizeof(buf), 0), EAGAIN);
	CHECK_EQ(send(c, "x", 1, 0), 1);
	CHECK_EQ(poll_wait(s, POLLIN), POLLIN);
	CHECK_EQ(recv(s, buf, sizeof(buf), 0), 1);
	check_pair(c, s);
}

/* Full, and every byte arrives. */
static void nonblocking_io(void)
{
	struct pair p = new_pair();
	unsigned long long sent, got = 0;
	unsigned char *buf = malloc(CHUNK);
	ssize_t n;

	set_nonblock(p.c, true);
	set_nonblock(p.s, true);
	sent = send_until_full(p.c, 0);
	CHECK(sent > 0);
	while (got < sent) {
		CHECK(poll_wait(p.s, POLLIN) & POLLIN);
		n = recv(p.s, buf, CHUNK, 0);
		CHECK(n > 0);
		check_stream(buf, got, n);
		got += n;
	}
	CHECK_ERR(recv(p.s, buf, CHUNK, 0), EAGAIN);
	CHECK_EQ(poll_wait(p.c, POLLOUT), POLLOUT);
	set_nonblock(p.c, false);
	set_nonblock(p.s, false);
	ping_pair(p);
	free(buf);
}

static void read_write(void)
{
	struct pair p = new_pair();
	struct iovec v[3] = {
		{ "one", 3 }, { "", 0 }, { "two", 3 },
	};
	char x[4], y[10];
	struct iovec r[2] = { { x, 4 }, { y, 10 } };

	CHECK_EQ(writev(p.c, v, 3), 6);
	CHECK_EQ(readv(p.s, r, 2), 6);
	CHECK(!memcmp(x, "onet", 4) && !memcmp(y, "wo", 2));
	CHECK_EQ(write(p.s, "three", 5), 5);
	CHECK_EQ(read(p.c, x, 4), 4);
	CHECK_EQ(read(p.c, y, 10), 1);
	CHECK_EQ(y[0], 'e');
}

static void empty(void)
{
	struct pair p = new_pair();
	char buf[10];

	CHECK_EQ(send(p.c, "", 0, 0), 0);
	CHECK_EQ(write(p.c, "", 0), 0);
	CHECK_EQ(read(p.s, buf, 0), 0);
	CHECK_ERR(recv(p.s, buf, 0, MSG_DONTWAIT), EAGAIN);
	CHECK_ERR(recv(p.s, buf, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(send(p.c, "x", 1, 0), 1);
	CHECK_EQ(recv(p.s, buf, 0, 0), 0);
	CHECK_EQ(recv(p.s, buf, 1, 0), 1);
	ping_pair(p);
}

static void bad_pointer(void)
{
	struct pair p = new_pair();
	char *bad = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char buf[10];

	CHECK_EQ(munmap(bad + 4096, 4096), 0);
	CHECK_ERR(send(p.c, bad + 4096, 10, 0), EFAULT);
	CHECK_EQ(send(p.c, "kept", 4, 0), 4);
	CHECK_EQ(poll_wait(p.s, POLLIN), POLLIN);
	CHECK_ERR(recv(p.s, bad + 4096, 10, 0), EFAULT);
	CHECK_EQ(recv(p.s, buf, sizeof(buf), 0), 4);
	CHECK(!memcmp(buf, "kept", 4));
	ping_pair(p);
}

static void sendmsg_recvmsg(void)
{
	struct pair p = new_pair();
	unsigned char buf[50000], ctl[64];
	struct iovec v[40], r[7];
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 40 };
	struct sockaddr_storage from;
	unsigned int i, total = 0, got = 0;
	ssize_t n;

	for (i = 0; i < 40; i++) {
		v[i].iov_base = (void *)stream(total);
		v[i].iov_len = i * 37 % 1999;
		total += v[i].iov_len;
	}
	CHECK(total < sizeof(buf));
	CHECK_EQ(sendmsg(p.c, &m, 0), total);
	while (got < total) {
		for (i = 0; i < 7; i++) {
			r[i].iov_base = buf + got + i * 100;
			r[i].iov_len = 100;
		}
		m = (struct msghdr) {
			.msg_iov = r, .msg_iovlen = 7,
			.msg_name = &from, .msg_namelen = sizeof(from),
			.msg_control = ctl, .msg_controllen = sizeof(ctl),
			.msg_flags = -1,
		};
		n = recvmsg(p.s, &m, 0);
		CHECK(n > 0);
		CHECK_EQ(m.msg_controllen, 0);
		CHECK_EQ(m.msg_namelen, 0);
		CHECK_EQ(m.msg_flags, 0);
		got += n;
	}
	CHECK_EQ(got, total);
	check_stream(buf, 0, total);
}

static void sendmmsg_recvmmsg(void)
{
	struct pair p = new_pair();
	struct mmsghdr m[3] = {};
	struct iovec v[3];
	char buf[3][4];
	int i;

	for (i = 0; i < 3; i++) {
		v[i] = (struct iovec) { "abcabcabcabc" + i * 4, 4 };
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	CHECK_EQ(sendmmsg(p.c, m, 3, 0), 3);
	WAIT_FOR(inq(p.s) == 12);
	for (i = 0; i < 3; i++)
		v[i] = (struct iovec) { buf[i], 4 };
	CHECK_EQ(recvmmsg(p.s, m, 3, 0, NULL), 3);
	CHECK(!memcmp(buf, "abcabcabcabc", 12));
}

static void peek(void)
{
	struct pair p = new_pair();
	unsigned char buf[9000];
	int i;

	/* three frames, and more than one segment */
	for (i = 0; i < 3; i++) {
		CHECK_EQ(send(p.c, stream(i * 2000), 2000, 0), 2000);
		WAIT_FOR(inq(p.s) == (i + 1) * 2000);
	}
	CHECK_EQ(recv(p.s, buf, 10, MSG_PEEK), 10);
	check_stream(buf, 0, 10);
	CHECK_EQ(recv(p.s, buf, sizeof(buf), MSG_PEEK), 6000);
	check_stream(buf, 0, 6000);
	CHECK_EQ(recv(p.s, buf, 5000, MSG_PEEK | MSG_WAITALL), 5000);
	check_stream(buf, 0, 5000);
	CHECK_EQ(inq(p.s), 6000);
	CHECK_EQ(recv(p.s, buf, 2500, 0), 2500);
	check_stream(buf, 0, 2500);
	CHECK_EQ(recv(p.s, buf, sizeof(buf), MSG_PEEK), 3500);
	check_stream(buf, 2500, 3500);
	CHECK_EQ(recv(p.s, NULL, 100, MSG_TRUNC | MSG_PEEK), 100);
	CHECK_EQ(recv(p.s, buf, sizeof(buf), 0), 3500);
	check_stream(buf, 2500, 3500);
	CHECK_ERR(recv(p.s, buf, 1, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
	close(p.c);
	CHECK_EQ(recv(p.s, buf, 1, MSG_PEEK), 0);
	CHECK_EQ(recv(p.s, buf, 1, 0), 0);
}

static void *send_slowly(void *arg)
{
	struct part *p = arg;
	size_t n;

	while (p->len) {
		n = p->len < p->chunk ? p->len : p->chunk;
		send_stream(p->fd, p->off, n, n);
		p->off += n;
		p->len -= n;
		nap(5);
	}
	return NULL;
}

static void waitall(void)
{
	struct pair p = new_pair();
	struct part part = { p.c, 0, 20000, 3000 };
	unsigned char buf[20000];
	pthread_t t = start(send_slowly, &part);

	CHECK_EQ(recv(p.s, buf, sizeof(buf), MSG_WAITALL), 20000);
	check_stream(buf, 0, 20000);
	join(t);
	/* short: time-out, nonblocking, end-of-file */
	set_timeout(p.s, SO_RCVTIMEO, 100);
	ping(p.s, p.c);
	CHECK_EQ(send(p.c, "abc", 3, 0), 3);
	CHECK_EQ(recv(p.s, buf, 10, MSG_WAITALL), 3);
	CHECK_ERR(recv(p.s, buf, 10, MSG_WAITALL), EAGAIN);
	set_timeout(p.s, SO_RCVTIMEO, 0);
	CHECK_EQ(send(p.c, "abc", 3, 0), 3);
	WAIT_FOR(inq(p.s) == 3);
	CHECK_EQ(recv(p.s, buf, 10, MSG_WAITALL | MSG_DONTWAIT), 3);
	CHECK_EQ(send(p.c, "abc", 3, 0), 3);
	close(p.c);
	CHECK_EQ(recv(p.s, buf, 10, MSG_WAITALL), 3);
	CHECK_EQ(recv(p.s, buf, 10, MSG_WAITALL), 0);
}

static void dontwait(void)
{
	struct pair p = new_pair();
	char c;

	CHECK_ERR(recv(p.c, &c, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_ERR(recv(p.s, &c, 1, MSG_DONTWAIT), EAGAIN);
	send_until_full(p.c, 0);
	CHECK_ERR(send(p.c, &c, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(send(p.s, "x", 1, MSG_DONTWAIT), 1);
	CHECK_EQ(recv(p.c, &c, 1, 0), 1);
}

static void discard(void)
{
	struct pair p = new_pair();
	unsigned char buf[1000] = {};

	send_stream(p.c, 0, 9000, 1500);
	WAIT_FOR(inq(p.s) == 9000);
	CHECK_EQ(recv(p.s, NULL, 4000, MSG_TRUNC), 4000);
	CHECK_EQ(recv(p.s, buf, 10, MSG_TRUNC), 10);
	CHECK_EQ(buf[0], 0);
	CHECK_EQ(recv(p.s, buf, 1000, 0), 1000);
	check_stream(buf, 4010, 1000);
	CHECK_EQ(inq(p.s), 3990);
}

static void more_cork_nodelay(void)
{
	struct pair p = new_pair();
	unsigned char buf[100];
	double begin = now();
	int i;

	CHECK_EQ(send(p.c, stream(0), 10, MSG_MORE), 10);
	nap(20);
	if (now() - begin < 0.15)
		CHECK_ERR(recv(p.s, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(send(p.c, stream(10), 10, 0), 10);
	CHECK_EQ(recv(p.s, buf, 20, MSG_WAITALL), 20);
	check_stream(buf, 0, 20);

	set_int(p.c, IPPROTO_TCP, TCP_CORK, 1);
	begin = now();
	for (i = 0; i < 10; i++)
		CHECK_EQ(send(p.c, stream(i * 5), 5, 0), 5);
	nap(20);
	if (now() - begin < 0.15)
		CHECK_ERR(recv(p.s, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
	set_int(p.c, IPPROTO_TCP, TCP_CORK, 0);
	CHECK_EQ(recv(p.s, buf, 50, MSG_WAITALL), 50);
	check_stream(buf, 0, 50);
	/* corked data and then the end */
	set_int(p.c, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(p.s, IPPROTO_TCP, TCP_NODELAY, 1);
	for (i = 0; i < 20; i++)
		ping_pair(p);
	set_int(p.c, IPPROTO_TCP, TCP_CORK, 1);
	send_stream(p.c, 0, 5000, 700);
	CHECK_EQ(send(p.c, stream(5000), 7, MSG_MORE), 7);
	close(p.c);
	CHECK_EQ(recv_until_eof(p.s, 0), 5007);
}

static void timeouts(void)
{
	struct pair p = new_pair();
	double begin = now();
	ssize_t n;
	char c;

	set_timeout(p.s, SO_RCVTIMEO, 100);
	CHECK_ERR(recv(p.s, &c, 1, 0), EAGAIN);
	CHECK(now() - begin > 0.08);
	CHECK(now() - begin < 5);
	send_until_full(p.c, 0);
	set_timeout(p.c, SO_SNDTIMEO, 100);
	do {
		begin = now();
		n = send(p.c, stream(0), CHUNK, 0);
	} while (n > 0);
	CHECK_ERR(n, EAGAIN);
	CHECK(now() - begin > 0.08);
	CHECK(now() - begin < 5);
}

static void rcvlowat(void)
{
	struct pair p = new_pair();
	struct part part = { p.c, 500, 500, 100 };
	unsigned char buf[2000];
	pthread_t t;

	set_int(p.s, SOL_SOCKET, SO_RCVLOWAT, 1000);
	CHECK_EQ(get_int(p.s, SOL_SOCKET, SO_RCVLOWAT), 1000);
	send_stream(p.c, 0, 500, 500);
	WAIT_FOR(inq(p.s) == 500);
	nap(20);
	CHECK_EQ(poll_now(p.s, POLLIN), 0);
	CHECK_EQ(recv(p.s, buf, 100, MSG_PEEK | MSG_DONTWAIT), 100);
	t = start(send_slowly, &part);
	CHECK_EQ(poll_wait(p.s, POLLIN), POLLIN);
	CHECK_EQ(inq(p.s), 1000);
	CHECK_EQ(recv(p.s, buf, sizeof(buf), 0), 1000);
	check_stream(buf, 0, 1000);
	join(t);
	/*
	 * recv() waits for as much, too. Plain TCP's may wait for ever: what it
	 * has copied already no longer counts in tcp_epollin_ready().
	 */
	if (!is_plain) {
		part = (struct part) { p.c, 1000, 1000, 100 };
		t = start(send_slowly, &part);
		CHECK_EQ(recv(p.s, buf, sizeof(buf), 0), 1000);
		check_stream(buf, 1000, 1000);
		join(t);
	}
	/* but not past the end */
	CHECK_EQ(send(p.c, "x", 1, 0), 1);
	close(p.c);
	CHECK(poll_wait(p.s, POLLIN) & POLLIN);
	CHECK_EQ(recv(p.s, buf, sizeof(buf), 0), 1);
	CHECK_EQ(recv(p.s, buf, sizeof(buf), 0), 0);
}

static void fionread_outq(void)
{
	struct pair p = new_pair();
	unsigned long long sent;

	CHECK_EQ(inq(p.s), 0);
	WAIT_FOR(outq(p.c) == 0);
	send_stream(p.c, 0, 3000, 1000);
	WAIT_FOR(inq(p.s) == 3000);
	WAIT_FOR(outq(p.c) == 0);
	recv_stream(p.s, 0, 1500, 1500);
	CHECK_EQ(inq(p.s), 1500);
	recv_stream(p.s, 1500, 1500, 1500);
	CHECK_EQ(inq(p.s), 0);
	sent = send_until_full(p.c, 0);
	CHECK(outq(p.c) > 0);
	CHECK((unsigned long long)outq(p.c) < sent + sent / 8);
	recv_stream(p.s, 0, sent, CHUNK);
	WAIT_FOR(outq(p.c) == 0);
}

static void tcp_inq(void)
{
	struct pair p = new_pair();
	char buf[100], ctl[64];
	struct iovec v = { buf, 40 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1,
		.msg_control = ctl, .msg_controllen = sizeof(ctl),
	};
	struct cmsghdr *c;

	set_int(p.s, IPPROTO_TCP, TCP_INQ, 1);
	send_stream(p.c, 0, 100, 100);
	WAIT_FOR(inq(p.s) == 100);
	CHECK_EQ(recvmsg(p.s, &m, 0), 40);
	c = CMSG_FIRSTHDR(&m);
	CHECK(c && c->cmsg_level == IPPROTO_TCP && c->cmsg_type == TCP_INQ);
	CHECK_EQ(*(int *)CMSG_DATA(c), 60);
}

/* --- poll, select, epoll -------------------------------------------------- */

static void poll_in(void)
{
	struct pair p = new_pair();
	char buf[100];

	CHECK_EQ(poll_now(p.s, POLLIN | POLLRDHUP), 0);
	CHECK_EQ(poll_now(p.c, POLLIN | POLLRDHUP), 0);
	CHECK_EQ(poll_now(p.c, POLLOUT), POLLOUT);
	CHECK_EQ(send(p.c, "abc", 3, 0), 3);
	CHECK_EQ(poll_wait(p.s, POLLIN | POLLRDHUP), POLLIN);
	CHECK_EQ(recv(p.s, buf, 1, MSG_DONTWAIT), 1);
	CHECK_EQ(poll_now(p.s, POLLIN), POLLIN);
	CHECK_EQ(recv(p.s, buf, 10, MSG_DONTWAIT), 2);
	CHECK_EQ(poll_now(p.s, POLLIN), 0);
	CHECK_EQ(shutdown(p.c, SHUT_WR), 0);
	CHECK_EQ(poll_wait(p.s, POLLIN | POLLRDHUP), POLLIN | POLLRDHUP);
	CHECK_EQ(recv(p.s, buf, 10, MSG_DONTWAIT), 0);
	CHECK_EQ(poll_now(p.s, POLLIN | POLLRDHUP | POLLOUT),
		 POLLIN | POLLRDHUP | POLLOUT);
	CHECK_EQ(shutdown(p.s, SHUT_WR), 0);
	CHECK_EQ(poll_wait(p.s, 0), POLLHUP);
	WAIT_FOR(poll_now(p.c, POLLIN | POLLOUT | POLLRDHUP) ==
		 (POLLIN | POLLOUT | POLLRDHUP | POLLHUP));
	CHECK_EQ(recv(p.c, buf, 10, MSG_DONTWAIT), 0);
}

/* After POLLIN a nonblocking recv() has something, every time. */
static void poll_truth(void)
{
	struct pair p = new_pair();
	struct part part = { p.c, 0, 300000, 0 };
	unsigned char buf[5000];
	unsigned long long off = 0;
	pthread_t t;
	ssize_t n;
	int i;

	part.chunk = 2777;
	t = start(send_part, &part);
	for (i = 0; off < 300000; i++) {
		CHECK_EQ(poll_wait(p.s, POLLIN), POLLIN);
		n = recv(p.s, buf, i * 997 % sizeof(buf) + 1, MSG_DONTWAIT);
		CHECK(n > 0);
		check_stream(buf, off, n);
		off += n;
	}
	join(t);
	/* single bytes: frames as small as they get */
	part = (struct part) { p.s, 0, 200, 1 };
	t = start(send_part, &part);
	for (off = 0; off < 200; off += n) {
		CHECK_EQ(poll_wait(p.c, POLLIN), POLLIN);
		n = recv(p.c, buf, sizeof(buf), MSG_DONTWAIT);
		CHECK(n > 0);
		check_stream(buf, off, n);
	}
	join(t);
}

static void poll_out(void)
{
	struct pair p = new_pair();
	int rcvbuf = get_int(p.s, SOL_SOCKET, SO_RCVBUF);
	unsigned long long sent;

	CHECK_EQ(poll_now(p.c, POLLOUT), POLLOUT);
	sent = send_until_full(p.c, 0);
	CHECK_EQ(poll_now(p.c, POLLOUT), 0);
	/* what nobody reads makes no buffer grow */
	CHECK_EQ(get_int(p.s, SOL_SOCKET, SO_RCVBUF), rcvbuf);
	recv_stream(p.s, 0, sent, CHUNK);
	CHECK_EQ(poll_wait(p.c, POLLOUT), POLLOUT);
	CHECK_EQ(send(p.c, stream(sent), 1000, MSG_DONTWAIT), 1000);
	recv_stream(p.s, sent, 1000, 1000);
}

static void select_(void)
{
	struct pair p = new_pair();
	struct timeval tv = {}, later = { 20, 0 };
	fd_set r, w;
	char c;

	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(p.s, &r);
	FD_SET(p.s, &w);
	CHECK_EQ(select(p.s + 1, &r, &w, NULL, &tv), 1);
	CHECK(FD_ISSET(p.s, &w) && !FD_ISSET(p.s, &r));
	CHECK_EQ(send(p.c, "x", 1, 0), 1);
	FD_SET(p.s, &r);
	CHECK_EQ(select(p.s + 1, &r, NULL, NULL, &later), 1);
	CHECK_EQ(recv(p.s, &c, 1, MSG_DONTWAIT), 1);
	close(p.c);
	FD_SET(p.s, &r);
	CHECK_EQ(select(p.s + 1, &r, NULL, NULL, &later), 1);
	CHECK_EQ(recv(p.s, &c, 1, MSG_DONTWAIT), 0);
}

static int epoll_add(int fd, unsigned int events)
{
	struct epoll_event e = { .events = events };
	int ep = epoll_create1(0);

	CHECK(ep >= 0);
	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), 0);
	return ep;
}

/* Events, 0 if there are none. */
static unsigned int epoll_get(int ep, int ms)
{
	struct epoll_event e = {};
	int n = epoll_wait(ep, &e, 1, ms);

	CHECK(n >= 0);
	return n ? e.events : 0;
}

static void epoll_level(void)
{
	struct pair p = new_pair();
	int ep = epoll_add(p.s, EPOLLIN | EPOLLRDHUP);
	char buf[10];

	CHECK_EQ(epoll_get(ep, 20), 0);
	CHECK_EQ(send(p.c, "abc", 3, 0), 3);
	CHECK_EQ(epoll_get(ep, 20000), EPOLLIN);
	CHECK_EQ(epoll_get(ep, 0), EPOLLIN);
	CHECK_EQ(recv(p.s, buf, 10, MSG_DONTWAIT), 3);
	CHECK_EQ(epoll_get(ep, 20), 0);
	close(p.c);
	CHECK_EQ(epoll_get(ep, 20000), EPOLLIN | EPOLLRDHUP);
	CHECK_EQ(recv(p.s, buf, 10, MSG_DONTWAIT), 0);
}

static void epoll_edge(void)
{
	struct pair p = new_pair();
	int ep = epoll_add(p.s, EPOLLIN | EPOLLRDHUP | EPOLLET), i;
	unsigned long long sent = 0;
	char buf[10];

	CHECK_EQ(epoll_get(ep, 20), 0);
	for (i = 0; i < 20; i++) {
		CHECK_EQ(send(p.c, "abc", 3, 0), 3);
		CHECK_EQ(epoll_get(ep, 20000), EPOLLIN);
		CHECK_EQ(recv(p.s, buf, 10, MSG_DONTWAIT), 3);
		CHECK_ERR(recv(p.s, buf, 10, MSG_DONTWAIT), EAGAIN);
		CHECK_EQ(epoll_get(ep, 0), 0);
	}
	/* an edge for what comes while there is still something */
	CHECK_EQ(send(p.c, "a", 1, 0), 1);
	CHECK_EQ(epoll_get(ep, 20000), EPOLLIN);
	CHECK_EQ(epoll_get(ep, 20), 0);
	CHECK_EQ(send(p.c, "b", 1, 0), 1);
	CHECK_EQ(epoll_get(ep, 20000), EPOLLIN);
	CHECK_EQ(recv(p.s, buf, 10, MSG_DONTWAIT), 2);
	close(ep);

	ep = epoll_add(p.c, EPOLLOUT | EPOLLET);
	CHECK_EQ(epoll_get(ep, 0), EPOLLOUT);
	CHECK_EQ(epoll_get(ep, 20), 0);
	do {
		sent += send_until_full(p.c, sent);
	} while (epoll_get(ep, 20));
	recv_stream(p.s, 0, sent, CHUNK);
	CHECK_EQ(epoll_get(ep, 20000), EPOLLOUT);
	close(ep);
	ep = epoll_add(p.s, EPOLLIN | EPOLLRDHUP | EPOLLET);
	CHECK_EQ(epoll_get(ep, 0), 0);
	CHECK_EQ(shutdown(p.c, SHUT_WR), 0);
	CHECK_EQ(epoll_get(ep, 20000), EPOLLIN | EPOLLRDHUP);
	CHECK_EQ(recv(p.s, buf, 10, MSG_DONTWAIT), 0);
}

/* Registered before connect(), as event loops do. */
static void epoll_before_connect(void)
{
	int l = new_listener(), c = new_socket(A), s, ep;
	char buf[10];

	set_nonblock(c, true);
	CHECK_ERR(do_connect(c, B, port_of(l)), EINPROGRESS);
	ep = epoll_add(c, EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP);
	CHECK_EQ(epoll_get(ep, 20000), EPOLLOUT);
	CHECK_EQ(send(c, "hello", 5, 0), 5);
	s = do_accept(l);
	CHECK_EQ(recv(s, buf, sizeof(buf), 0), 5);
	CHECK_EQ(send(s, "abc", 3, 0), 3);
	while (!(epoll_get(ep, 20000) & EPOLLIN))
		;
	CHECK_EQ(recv(c, buf, sizeof(buf), MSG_DONTWAIT), 3);
	close(s);
	while (!(epoll_get(ep, 20000) & EPOLLRDHUP))
		;
	CHECK_EQ(recv(c, buf, sizeof(buf), MSG_DONTWAIT), 0);
	check_one(c);
}

static atomic_int signals;

static void count_signal(int sig)
{
	(void)sig;
	signals++;
}

static void sigio(void)
{
	struct pair p = new_pair();
	char buf[10];

	signal(SIGIO, count_signal);
	CHECK_EQ(fcntl(p.s, F_SETOWN, getpid()), 0);
	CHECK_EQ(fcntl(p.s, F_SETFL, O_ASYNC | O_NONBLOCK), 0);
	signals = 0;
	CHECK_EQ(send(p.c, "x", 1, 0), 1);
	WAIT_FOR(signals > 0);
	WAIT_FOR(inq(p.s) == 1);
	CHECK_EQ(recv(p.s, buf, 10, 0), 1);
	signals = 0;
	CHECK_EQ(shutdown(p.c, SHUT_WR), 0);
	WAIT_FOR(signals > 0);
	WAIT_FOR(recv(p.s, buf, 10, 0) == 0);
}

static void interrupted(void)
{
	struct sigaction sa = { .sa_handler = count_signal };
	struct pair p = new_pair();
	struct itimerval timer = { { 0, 50000 }, { 0, 50000 } };
	const struct itimerval off = {};
	unsigned long long sent;
	ssize_t n;
	char c;

	/* ITIMER_REAL sends SIGALRM, ours for a while */
	sigaction(SIGALRM, &sa, NULL);
	CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
	CHECK_ERR(recv(p.s, &c, 1, 0), EINTR);
	CHECK_EQ(setitimer(ITIMER_REAL, &off, NULL), 0);
	sent = send_until_full(p.c, 0);
	CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
	/* a late acknowledgment may have made room */
	while ((n = send(p.c, stream(sent), 1, 0)) == 1)
		sent++;
	CHECK_ERR(n, EINTR);
	CHECK_EQ(setitimer(ITIMER_REAL, &off, NULL), 0);
	signal(SIGALRM, ktap_alarm);
	alarm(KTAP_LIMIT);
	recv_stream(p.s, 0, sent, CHUNK);
	ping_pair(p);
}

/* --- the end -------------------------------------------------------------- */

static void shutdown_wr(void)
{
	struct pair p = new_pair();
	struct part part = { p.s, 0, 200000, 50000 };
	pthread_t t;

	send_stream(p.c, 0, 5000, 5000);
	CHECK_EQ(shutdown(p.c, SHUT_WR), 0);
	CHECK_ERR(send(p.c, "x", 1, 0), EPIPE);
	CHECK_EQ(recv_until_eof(p.s, 0), 5000);
	check_eof(p.s);
	/* the other way still flows */
	t = start(send_part, &part);
	recv_stream(p.c, 0, 200000, CHUNK);
	join(t);
	CHECK_EQ(close(p.s), 0);
	check_eof(p.c);
	CHECK(!shutdown(p.c, SHUT_WR) || errno == ENOTCONN);
}

static void *recv_one(void *arg)
{
	char c;

	return (void *)recv(*(int *)arg, &c, 1, 0);
}

static void shutdown_rd(void)
{
	struct pair p = new_pair();
	pthread_t t = start(recv_one, &p.s);
	char buf[10];

	nap(20);
	CHECK_EQ(shutdown(p.s, SHUT_RD), 0);
	CHECK_EQ((long)join(t), 0);
	CHECK_EQ(recv(p.s, buf, 1, 0), 0);
	CHECK_EQ(poll_now(p.s, POLLIN | POLLRDHUP), POLLIN | POLLRDHUP);
	/* the peer does not notice, and writing goes on */
	CHECK_EQ(send(p.s, "abc", 3, 0), 3);
	CHECK_EQ(recv(p.c, buf, 10, 0), 3);
	CHECK_EQ(send(p.c, "de", 2, 0), 2);
	WAIT_FOR(recv(p.s, buf, 10, 0) == 2);
	CHECK_EQ(recv(p.s, buf, 10, 0), 0);
}

static void shutdown_rdwr(void)
{
	struct pair p = new_pair();
	pthread_t t = start(recv_one, &p.c);
	char c;

	nap(20);
	CHECK_EQ(shutdown(p.c, SHUT_RDWR), 0);
	CHECK_EQ((long)join(t), 0);
	CHECK_ERR(send(p.c, "x", 1, 0), EPIPE);
	CHECK_EQ(recv(p.c, &c, 1, 0), 0);
	CHECK(poll_wait(p.c, 0) & POLLHUP);
	check_eof(p.s);
	CHECK_EQ(shutdown(p.s, SHUT_RDWR), 0);
	check_eof(p.s);
}

/* What came before can be read, what comes then resets the connection. */
static void shutdown_refuses(void)
{
	struct pair p = new_pair();
	char buf[10];

	CHECK_EQ(send(p.s, "old", 3, 0), 3);
	WAIT_FOR(inq(p.c) == 3);
	CHECK_EQ(shutdown(p.c, SHUT_RD), 0);
	CHECK_EQ(send(p.s, "er", 2, 0), 2);
	WAIT_FOR(inq(p.c) == 5);
	CHECK_EQ(shutdown(p.c, SHUT_WR), 0);
	CHECK_EQ(send(p.s, "new", 3, 0), 3);
	WAIT_FOR(poll_now(p.s, 0) & POLLERR);
	WAIT_FOR(poll_now(p.c, 0) & POLLERR);
	CHECK_ERR(send(p.s, "x", 1, 0), EPIPE);
	CHECK_EQ(recv(p.c, buf, sizeof(buf), 0), 5);
	CHECK(!memcmp(buf, "older", 5));
	CHECK_ERR(recv(p.c, buf, sizeof(buf), 0), ECONNRESET);
	CHECK_EQ(recv(p.c, buf, sizeof(buf), 0), 0);
}

static void sigpipe(void)
{
	struct pair p = new_pair();

	signal(SIGPIPE, count_signal);
	CHECK_EQ(shutdown(p.c, SHUT_WR), 0);
	CHECK_ERR(send(p.c, "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_EQ(signals, 0);
	CHECK_ERR(send(p.c, "x", 1, 0), EPIPE);
	CHECK_EQ(signals, 1);
	CHECK_ERR(write(p.c, "x", 1), EPIPE);
	CHECK_EQ(signals, 2);
}

/* A sender who waits for room learns of the shutdown. */
static void *send_much(void *arg)
{
	unsigned long long off = 0;
	ssize_t n;

	do {
		n = send(*(int *)arg, stream(off), CHUNK, MSG_NOSIGNAL);
		off += n;
	} while (n > 0);
	return (void *)(long)errno;
}

static void shutdown_wakes_sender(void)
{
	struct pair p = new_pair();
	pthread_t t = start(send_much, &p.c);

	nap(50);
	CHECK_EQ(shutdown(p.c, SHUT_WR), 0);
	CHECK_EQ((long)join(t), EPIPE);
	close(p.c);
	recv_until_eof(p.s, 0);
}

static void peer_gone(void)
{
	struct pair p = new_pair();
	char c;

	CHECK_EQ(close(p.s), 0);
	check_eof(p.c);
	CHECK_EQ(send(p.c, "x", 1, 0), 1);
	WAIT_FOR(poll_now(p.c, 0) & POLLERR);
	CHECK_ERR(send(p.c, "x", 1, 0), EPIPE);
	CHECK_ERR(send(p.c, "x", 1, 0), EPIPE);
	CHECK_EQ(recv(p.c, &c, 1, 0), 0);
}

static void linger_0(void)
{
	struct linger linger = { 1, 0 };
	struct pair p = new_pair();
	char c;

	ping_pair(p);
	CHECK_EQ(setsockopt(p.c, SOL_SOCKET, SO_LINGER, &linger,
			    sizeof(linger)), 0);
	CHECK_EQ(close(p.c), 0);
	CHECK_ERR(recv(p.s, &c, 1, 0), ECONNRESET);
	/* RFC 8548, section 3.7: never an end-of-file without FINp */
	if (is_plain)
		CHECK_EQ(recv(p.s, &c, 1, 0), 0);
	else
		CHECK_ERR(recv(p.s, &c, 1, 0), ECONNRESET);
	CHECK_ERR(send(p.s, &c, 1, 0), EPIPE);
}

static void linger_5(void)
{
	struct linger linger = { 1, 5 };
	struct pair p = new_pair();
	unsigned long long sent;
	double begin;

	/* nothing waits: returns at once */
	CHECK_EQ(setsockopt(p.c, SOL_SOCKET, SO_LINGER, &linger,
			    sizeof(linger)), 0);
	send_stream(p.c, 0, 10000, 10000);
	begin = now();
	CHECK_EQ(close(p.c), 0);
	CHECK(now() - begin < 3);
	CHECK_EQ(recv_until_eof(p.s, 0), 10000);
	close(p.s);
	/* the peer does not read: time is up, and yet nothing is lost */
	p = new_pair();
	linger.l_linger = 1;
	CHECK_EQ(setsockopt(p.c, SOL_SOCKET, SO_LINGER, &linger,
			    sizeof(linger)), 0);
	sent = send_until_full(p.c, 0);
	begin = now();
	CHECK_EQ(close(p.c), 0);
	CHECK(now() - begin > 0.9);
	CHECK(now() - begin < 5);
	CHECK_EQ(recv_until_eof(p.s, 0), sent);
}

static void *send_and_close(void *arg)
{
	struct part *p = arg;

	send_part(p);
	CHECK_EQ(close(p->fd), 0);
	return NULL;
}

static void close_unsent(void)
{
	struct pair p = new_pair();
	unsigned long long sent = send_until_full(p.c, 0);
	struct part part;
	pthread_t t;

	CHECK_EQ(close(p.c), 0);
	nap(50);
	CHECK_EQ(recv_until_eof(p.s, 0), sent);
	close(p.s);
	/* from the server, while the client reads */
	p = new_pair();
	part = (struct part) { p.s, 0, 1 << 20, CHUNK };
	t = start(send_and_close, &part);
	CHECK_EQ(recv_until_eof(p.c, 0), 1 << 20);
	join(t);
}

static void shutdown_unsent(void)
{
	struct pair p = new_pair();
	unsigned long long sent = send_until_full(p.c, 0);

	CHECK_EQ(shutdown(p.c, SHUT_WR), 0);
	nap(50);
	CHECK_ERR(send(p.c, "x", 1, 0), EPIPE);
	CHECK_EQ(recv_until_eof(p.s, 0), sent);
	ping(p.s, p.c);
	close(p.s);
	check_eof(p.c);
}

/* Before the keys are there. */
static void close_early(void)
{
	int l = new_listener(), c, s, i;
	static const size_t lengths[] = { 0, 1, 20000 };

	for (i = 0; i < 3; i++) {
		c = connect_to(l);
		send_stream(c, 0, lengths[i], CHUNK);
		CHECK_EQ(close(c), 0);
		nap(20);
		s = do_accept(l);
		CHECK_EQ(recv_until_eof(s, 0), lengths[i]);
		check_one(s);
		close(s);
	}
}

static void shutdown_early(void)
{
	int l = new_listener(), c = connect_to(l), s;

	send_stream(c, 0, 20000, CHUNK);
	CHECK_EQ(shutdown(c, SHUT_WR), 0);
	CHECK_ERR(send(c, "x", 1, 0), EPIPE);
	CHECK_EQ(poll_now(c, POLLIN | POLLRDHUP | POLLHUP), 0);
	s = do_accept(l);
	CHECK_EQ(recv_until_eof(s, 0), 20000);
	CHECK_EQ(send(s, "abc", 3, 0), 3);
	close(s);
	CHECK_EQ(recv(c, (char[3]) {}, 3, MSG_WAITALL), 3);
	check_eof(c);
	check_one(c);
}

/* The server closes at once what it accepted. */
static void server_closes_at_once(void)
{
	int l = new_listener(), i, c, s;
	char x;

	for (i = 0; i < 5; i++) {
		c = connect_to(l);
		s = do_accept(l);
		CHECK_EQ(close(s), 0);
		CHECK_EQ(recv(c, &x, 1, 0), 0);
		check_one(c);
		close(c);
	}
	/* both at once, in both orders */
	for (i = 0; i < 6; i++) {
		c = connect_to(l);
		s = do_accept(l);
		close(i & 1 ? c : s);
		close(i & 1 ? s : c);
	}
	c = connect_to(l);
	s = do_accept(l);
	check_pair(c, s);
}

static void close_connecting(void)
{
	int l = new_listener(), c, i;

	set_nonblock(l, true);
	for (i = 0; i < 10; i++) {
		c = new_socket(A);
		set_nonblock(c, true);
		do_connect(c, B, port_of(l));
		CHECK_EQ(close(c), 0);
	}
	nap(50);
	while ((c = accept(l, NULL, NULL)) >= 0)
		close(c);
	close(l);
	ping_pair(new_pair());
}

static void close_unread(void)
{
	struct pair p = new_pair();
	char c;

	CHECK_EQ(send(p.s, "unread", 6, 0), 6);
	WAIT_FOR(inq(p.c) == 6);
	CHECK_EQ(close(p.c), 0);
	CHECK_ERR(recv(p.s, &c, 1, 0), ECONNRESET);
	close(p.s);
	/* unread, and partly read */
	p = new_pair();
	send_stream(p.s, 0, 50000, CHUNK);
	recv_stream(p.c, 0, 100, 100);
	CHECK_EQ(close(p.c), 0);
	CHECK_ERR(recv(p.s, &c, 1, 0), ECONNRESET);
}

/* Data for one who closed: RST, as ever. */
static void data_after_close(void)
{
	struct pair p = new_pair();
	char c;

	CHECK_EQ(close(p.c), 0);
	CHECK_EQ(send(p.s, "late", 4, 0), 4);
	WAIT_FOR(poll_now(p.s, 0) & POLLERR);
	CHECK_EQ(get_int(p.s, SOL_SOCKET, SO_ERROR), EPIPE);
	CHECK_EQ(recv(p.s, &c, 1, 0), 0);
}

/* --- files and pipes ------------------------------------------------------ */

static int new_file(size_t len)
{
	int fd = memfd_create("data", MFD_CLOEXEC);
	size_t off, n;

	CHECK(fd >= 0);
	for (off = 0; off < len; off += n) {
		n = len - off < CHUNK ? len - off : CHUNK;
		CHECK_EQ(write(fd, stream(off), n), n);
	}
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void *send_file(void *arg)
{
	struct part *p = arg;
	off_t off = 1000;
	int file = new_file(p->len + 2000);
	unsigned char *map;
	ssize_t n;

	while (off < 1000 + (off_t)p->len) {
		n = sendfile(p->fd, file, &off, 1000 + p->len - off);
		CHECK(n > 0);
	}
	CHECK_EQ(off, 1000 + p->len);
	/* never written to: neither by the sender nor by the receiver */
	map = mmap(NULL, p->len, PROT_READ, MAP_SHARED, file, 0);
	CHECK(map != MAP_FAILED);
	for (off = 0; off + CHUNK <= (off_t)p->len; off += CHUNK)
		check_stream(map + off, off, CHUNK);
	return NULL;
}

static void sendfile_(void)
{
	struct pair p = new_pair();
	struct part part = { p.s, 0, 600000, 0 };
	pthread_t t = start(send_file, &part);

	recv_stream(p.c, 1000, 600000, CHUNK);
	join(t);
	ping_pair(p);
}

static void *splice_in(void *arg)
{
	struct part *p = arg;
	size_t off = 0;
	ssize_t n, m;
	int fds[2], file = new_file(p->len);

	CHECK_EQ(pipe(fds), 0);
	while (off < p->len) {
		n = splice(file, NULL, fds[1], NULL, 50000, 0);
		CHECK(n > 0);
		off += n;
		while (n) {
			m = splice(fds[0], NULL, p->fd, NULL, n,
				   off < p->len ? SPLICE_F_MORE : 0);
			CHECK(m > 0);
			n -= m;
		}
	}
	close(fds[0]);
	close(fds[1]);
	return NULL;
}

static void splice_to_socket(void)
{
	struct pair p = new_pair();
	struct part part = { p.c, 0, 300000, 0 };
	pthread_t t = start(splice_in, &part);

	recv_stream(p.s, 0, 300000, CHUNK);
	join(t);
	ping_pair(p);
}

static void splice_from_socket(void)
{
	struct pair p = new_pair();
	struct part part = { p.s, 0, 300000, 30000 };
	unsigned char *buf = malloc(65536);
	unsigned long long off = 0;
	ssize_t n, m;
	int fds[2];
	pthread_t t;

	CHECK_EQ(pipe(fds), 0);
	set_nonblock(p.c, true);
	CHECK_ERR(splice(p.c, NULL, fds[1], NULL, 65536, 0), EAGAIN);
	set_nonblock(p.c, false);
	t = start(send_part, &part);
	while (off < 300000) {
		n = splice(p.c, NULL, fds[1], NULL, 65536, SPLICE_F_MOVE);
		CHECK(n > 0);
		for (; n; n -= m) {
			m = read(fds[0], buf, 65536);
			CHECK(m > 0);
			check_stream(buf, off, m);
			off += m;
		}
	}
	join(t);
	ping_pair(p);
	close(p.s);
	CHECK_EQ(splice(p.c, NULL, fds[1], NULL, 65536, 0), 0);
	free(buf);
}

static void *send_zerocopy(void *arg)
{
	struct part *p = arg;

	CHECK_EQ(send(p->fd, stream(0), p->len, MSG_ZEROCOPY), p->len);
	return NULL;
}

static void zerocopy(void)
{
	struct pair p = new_pair();
	struct part part = { p.c, 0, 100000, 0 };
	char ctl[200];
	struct msghdr m = { .msg_control = ctl, .msg_controllen = sizeof(ctl) };
	struct sock_extended_err *err;
	pthread_t t;

	set_int(p.c, SOL_SOCKET, SO_ZEROCOPY, 1);
	t = start(send_zerocopy, &part);
	recv_stream(p.s, 0, 100000, CHUNK);
	join(t);
	CHECK(poll_wait(p.c, 0) & POLLERR);
	CHECK_EQ(recvmsg(p.c, &m, MSG_ERRQUEUE), 0);
	CHECK(CMSG_FIRSTHDR(&m));
	err = (void *)CMSG_DATA(CMSG_FIRSTHDR(&m));
	CHECK_EQ(err->ee_origin, SO_EE_ORIGIN_ZEROCOPY);
	CHECK_EQ(err->ee_info, 0);
	CHECK_EQ(err->ee_data, 0);
}

/* --- much ----------------------------------------------------------------- */

static void duplex(struct pair p, size_t len, size_t chunk)
{
	struct part parts[4] = {
		{ p.c, 0, len, chunk }, { p.s, 0, len, chunk },
		{ p.s, 777, len, chunk }, { p.c, 777, len, chunk },
	};
	pthread_t t[4];
	int i;

	for (i = 0; i < 4; i++)
		t[i] = start(i & 1 ? recv_part : send_part, &parts[i]);
	for (i = 0; i < 4; i++)
		join(t[i]);
}

static void bulk_both_ways(void)
{
	struct pair p = new_pair();

	duplex(p, 2 << 20, CHUNK);
	ping_pair(p);
}

struct random_run {
	int		fd;
	unsigned int	seed;
	size_t		total;
};

static void *send_random(void *arg)
{
	struct random_run *r = arg;
	size_t off, n;

	for (off = 0; off < r->total; off += n) {
		n = rand_r(&r->seed) % 100000 + 1;
		if (rand_r(&r->seed) & 1)
			n = n % 100 + 1;
		if (n > r->total - off)
			n = r->total - off;
		send_stream(r->fd, off, n, n);
	}
	return NULL;
}

static void random_sizes(void)
{
	struct pair p = new_pair();
	struct random_run r = { p.c, 20251, 2 << 20 };
	unsigned int seed = 8548;
	pthread_t t = start(send_random, &r);
	size_t off, n, total = r.total;

	for (off = 0; off < total; off += n) {
		n = rand_r(&seed) % 100000 + 1;
		if (rand_r(&seed) & 1)
			n = n % 100 + 1;
		if (n > total - off)
			n = total - off;
		recv_stream(p.s, off, n, n);
	}
	join(t);
	ping_pair(p);
}

static void small_buffers(void)
{
	int l = new_bound(), c = new_socket(A), s;
	struct pair p;

	set_int(l, SOL_SOCKET, SO_RCVBUF, 4096);
	set_int(l, SOL_SOCKET, SO_SNDBUF, 4096);
	set_int(c, SOL_SOCKET, SO_RCVBUF, 4096);
	set_int(c, SOL_SOCKET, SO_SNDBUF, 4096);
	CHECK_EQ(listen(l, 5), 0);
	CHECK_EQ(do_connect(c, B, port_of(l)), 0);
	s = do_accept(l);
	check_pair(c, s);
	p = (struct pair) { c, s };
	duplex(p, 60000, 10000);
	ping_pair(p);
	close(l);
	/* set on an open connection */
	p = new_pair();
	set_int(p.c, SOL_SOCKET, SO_RCVBUF, 4096);
	set_int(p.s, SOL_SOCKET, SO_SNDBUF, 4096);
	duplex(p, 60000, 10000);
}

static void *send_letter(void *arg)
{
	struct part *p = arg;
	char buf[1000];
	size_t n;

	memset(buf, p->off, sizeof(buf));
	for (n = 0; n < p->len; n += 1000)
		CHECK_EQ(send(p->fd, buf, 1000, 0), 1000);
	return NULL;
}

static void two_writers(void)
{
	struct pair p = new_pair();
	struct part parts[2] = {
		{ p.c, 'A', 200000, 0 }, { p.c, 'B', 200000, 0 },
	};
	pthread_t t0 = start(send_letter, &parts[0]);
	pthread_t t1 = start(send_letter, &parts[1]);
	unsigned int count[256] = {}, got, i;
	unsigned char buf[7777];
	ssize_t n;

	for (got = 0; got < 400000; got += n) {
		n = recv(p.s, buf, sizeof(buf), 0);
		CHECK(n > 0);
		for (i = 0; i < n; i++)
			count[buf[i]]++;
	}
	CHECK_EQ(count['A'], 200000);
	CHECK_EQ(count['B'], 200000);
	join(t0);
	join(t1);
}

static void *count_until_eof(void *arg)
{
	char buf[3000];
	long total = 0;
	ssize_t n;

	while ((n = recv(*(int *)arg, buf, sizeof(buf), 0)) > 0)
		total += n;
	CHECK_EQ(n, 0);
	return (void *)total;
}

static void two_readers(void)
{
	struct pair p = new_pair();
	pthread_t t0 = start(count_until_eof, &p.s);
	pthread_t t1 = start(count_until_eof, &p.s);

	send_stream(p.c, 0, 300000, 10000);
	close(p.c);
	CHECK_EQ((long)join(t0) + (long)join(t1), 300000);
}

static void many_connections(void)
{
	enum { N = 200 };
	static int c[N], s[N];
	int l = new_listener(), i, port = port_of(l);
	char buf[8];

	for (i = 0; i < N; i++) {
		c[i] = new_socket(A);
		set_nonblock(c[i], true);
		do_connect(c[i], B, port);
	}
	for (i = 0; i < N; i++) {
		CHECK(poll_wait(c[i], POLLOUT) & POLLOUT);
		CHECK_EQ(get_int(c[i], SOL_SOCKET, SO_ERROR), 0);
		CHECK_EQ(send(c[i], &i, sizeof(i), 0), sizeof(i));
	}
	for (i = 0; i < N; i++)
		s[i] = do_accept(l);
	for (i = 0; i < N; i++) {
		CHECK_EQ(recv(s[i], buf, sizeof(buf), 0), sizeof(i));
		CHECK_EQ(send(s[i], buf, sizeof(i), 0), sizeof(i));
	}
	for (i = 0; i < N; i++) {
		CHECK(poll_wait(c[i], POLLIN) & POLLIN);
		CHECK_EQ(recv(c[i], buf, sizeof(buf), 0), sizeof(i));
		CHECK_EQ(*(int *)buf, i);
		check_one(c[i]);
		check_one(s[i]);
		close(c[i]);
	}
	for (i = 0; i < N; i++) {
		check_eof(s[i]);
		close(s[i]);
	}
}

/* --- connect and listen --------------------------------------------------- */

static void defer_accept(void)
{
	int l = new_bound(), c, s;
	char buf[10];

	set_int(l, IPPROTO_TCP, TCP_DEFER_ACCEPT, 5);
	CHECK_EQ(listen(l, 5), 0);
	set_nonblock(l, true);
	c = connect_to(l);
	if (is_plain) {
		nap(50);
		CHECK_ERR(accept(l, NULL, NULL), EAGAIN);
	}
	CHECK_EQ(send(c, "abc", 3, 0), 3);
	CHECK_EQ(poll_wait(l, POLLIN), POLLIN);
	s = do_accept(l);
	CHECK_EQ(recv(s, buf, 10, 0), 3);
	check_pair(c, s);
	ping_pair((struct pair) { c, s });
}

static void reuseport(void)
{
	struct pollfd l[2];
	int i, c[20], s, n = 0;

	l[0].fd = new_socket(B);
	set_int(l[0].fd, SOL_SOCKET, SO_REUSEPORT, 1);
	CHECK_EQ(do_bind(l[0].fd, B, is_plain ? PLAIN_PORT : 0), 0);
	l[1].fd = new_socket(B);
	set_int(l[1].fd, SOL_SOCKET, SO_REUSEPORT, 1);
	CHECK_EQ(do_bind(l[1].fd, B, port_of(l[0].fd)), 0);
	CHECK_EQ(listen(l[0].fd, 50), 0);
	CHECK_EQ(listen(l[1].fd, 50), 0);
	l[0].events = POLLIN;
	l[1].events = POLLIN;
	for (i = 0; i < 20; i++) {
		c[i] = connect_to(l[0].fd);
		CHECK_EQ(send(c[i], "ping", 4, 0), 4);
	}
	while (n < 20) {
		CHECK(poll(l, 2, 20000) > 0);
		for (i = 0; i < 2; i++) {
			if (!l[i].revents)
				continue;
			s = do_accept(l[i].fd);
			recv(s, (char[4]) {}, 4, MSG_WAITALL);
			check_one(s);
			close(s);
			n++;
		}
	}
	for (i = 0; i < 20; i++)
		check_eof(c[i]);
}

static void fork_(void)
{
	struct pair p = new_pair();
	int status = -1;
	char buf[20];
	pid_t pid = fork();

	if (!pid) {
		close(p.s);
		CHECK_EQ(send(p.c, "from child", 10, 0), 10);
		CHECK_EQ(recv(p.c, buf, 5, MSG_WAITALL), 5);
		_exit(memcmp(buf, "again", 5) ? 1 : 0);
	}
	/* the child's copy keeps it open */
	close(p.c);
	CHECK_EQ(recv(p.s, buf, 10, MSG_WAITALL), 10);
	CHECK(!memcmp(buf, "from child", 10));
	nap(20);
	CHECK_ERR(recv(p.s, buf, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(send(p.s, "again", 5, 0), 5);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	check_eof(p.s);
}

/* A process that dies ends its connections in order. */
static void killed(void)
{
	struct pair p = new_pair();
	pid_t pid = fork();

	if (!pid) {
		close(p.s);
		send_stream(p.c, 0, 30000, CHUNK);
		raise(SIGKILL);
	}
	close(p.c);
	CHECK_EQ(recv_until_eof(p.s, 0), 30000);
	waitpid(pid, NULL, 0);
}

static void fd_passing(void)
{
	struct pair p = new_pair();
	char c = 0, ctl[CMSG_SPACE(sizeof(int))] = {};
	struct iovec v = { &c, 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1,
		.msg_control = ctl, .msg_controllen = sizeof(ctl),
	};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
	int un[2], fd;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, un), 0);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &p.c, sizeof(int));
	CHECK_EQ(sendmsg(un[0], &m, 0), 1);
	close(p.c);
	CHECK_EQ(recvmsg(un[1], &m, 0), 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	p.c = fd;
	ping_pair(p);
	check_pair(p.c, p.s);
	close(p.c);
	check_eof(p.s);
}

static void refused_then_connected(void)
{
	int b = new_bound(), port = port_of(b), c = new_socket(A), s, i;

	for (i = 0; i < 3; i++)
		CHECK_ERR(do_connect(c, B, port), ECONNREFUSED);
	CHECK_EQ(listen(b, 5), 0);
	CHECK_EQ(do_connect(c, B, port), 0);
	s = do_accept(b);
	check_pair(c, s);
	ping_pair((struct pair) { c, s });
}

static void disconnect_and_reuse(void)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int l = new_listener(), c = new_socket(A), s, i;
	char x;

	for (i = 0; i < 3; i++) {
		CHECK_EQ(do_connect(c, B, port_of(l)), 0);
		s = do_accept(l);
		if (i < 2)
			check_pair(c, s);
		ping_pair((struct pair) { c, s });
		check_pair(c, s);
		CHECK_EQ(connect(c, &none, sizeof(none)), 0);
		CHECK_ERR(recv(s, &x, 1, 0), ECONNRESET);
		CHECK_ERR(recv(c, &x, 1, 0), ECONNRESET);
		CHECK_ERR(recv(c, &x, 1, 0), ENOTCONN);
		CHECK_ERR(send(c, &x, 1, 0), EPIPE);
		close(s);
	}
	/* while keys are being agreed */
	CHECK_EQ(do_connect(c, B, port_of(l)), 0);
	CHECK_EQ(send(c, "lost", 4, 0), 4);
	CHECK_EQ(connect(c, &none, sizeof(none)), 0);
	CHECK_EQ(do_connect(c, B, port_of(l)), 0);
	CHECK_EQ(send(c, "kept", 4, 0), 4);
	s = do_accept(l);
	while (recv(s, &x, 1, 0) > 0)
		CHECK(is_plain);
	CHECK_EQ(errno, ECONNRESET);
	close(s);
	s = do_accept(l);
	recv(s, (char[4]) {}, 4, MSG_WAITALL);
	check_pair(c, s);
}

static void listen_after_connect(void)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int l = new_listener(), x = new_socket(A), s, c, i;

	CHECK_EQ(do_connect(x, B, port_of(l)), 0);
	s = do_accept(l);
	check_pair(x, s);
	CHECK_EQ(connect(x, &none, sizeof(none)), 0);
	CHECK_EQ(do_bind(x, A, is_plain ? PLAIN_PORT : 0), 0);
	CHECK_EQ(listen(x, 5), 0);
	for (i = 0; i < 2; i++) {
		c = new_socket(B);
		CHECK_EQ(do_connect(c, A, port_of(x)), 0);
		s = do_accept(x);
		check_pair(c, s);
		ping_pair((struct pair) { c, s });
		close(c);
		close(s);
	}
}

/* A listener that becomes a client. */
static void connect_after_listen(void)
{
	int l = new_listener(), x, s, c;

	x = new_socket(A);
	CHECK_EQ(do_bind(x, A, 0), 0);
	CHECK_EQ(listen(x, 5), 0);
	if (!is_plain) {
		c = new_socket(B);
		CHECK_EQ(do_connect(c, A, port_of(x)), 0);
		s = do_accept(x);
		check_pair(c, s);
		close(c);
		close(s);
	}
	CHECK_EQ(shutdown(x, SHUT_RD), 0);
	CHECK_EQ(do_connect(x, B, port_of(l)), 0);
	s = do_accept(l);
	check_pair(x, s);
	ping_pair((struct pair) { x, s });
}

static void late_accept(void)
{
	int l = new_listener(), c = connect_to(l), s;
	unsigned long long sent = send_until_full(c, 0);
	struct part part = { c, sent, 100000, CHUNK };
	pthread_t t;

	CHECK(sent > 0);
	CHECK_EQ(poll_now(c, POLLOUT | POLLIN), 0);
	t = start(send_part, &part);
	nap(50);
	s = do_accept(l);
	recv_stream(s, 0, sent + 100000, CHUNK);
	join(t);
	check_pair(c, s);
	ping_pair((struct pair) { c, s });
}

/* Several listeners' children are cut off while keys are being agreed. */
static void listener_closed(void)
{
	int l, c[6], i;
	char buf[10];

	ping_pair(new_pair());
	l = new_listener();
	for (i = 0; i < 6; i++) {
		c[i] = connect_to(l);
		if (!is_plain)
			CHECK_EQ(crypt_state(c[i]), TCP_CRYPT_KEYING);
		if (i & 1)
			send_stream(c[i], 0, 20000, CHUNK);
		if (i == 4)
			CHECK_EQ(shutdown(c[i], SHUT_WR), 0);
	}
	CHECK_EQ(close(l), 0);
	for (i = 0; i < 6; i++)
		CHECK_ERR(recv(c[i], buf, 10, 0), ECONNRESET);
	for (i = 0; i < 6; i++) {
		CHECK_ERR(send(c[i], buf, 10, 0), EPIPE);
		close(c[i]);
	}
}

/* Closed while SYN and ACK of some are still under way. */
static void listener_closed_racing(void)
{
	int l, c[8], i, round, port;
	char x;

	for (round = 0; round < 5; round++) {
		l = new_listener();
		port = port_of(l);
		for (i = 0; i < 8; i++) {
			c[i] = new_socket(A);
			set_nonblock(c[i], true);
			do_connect(c[i], B, port);
			send(c[i], "x", 1, 0);
		}
		nap(round);
		close(l);
		for (i = 0; i < 8; i++) {
			set_nonblock(c[i], false);
			CHECK(poll_wait(c[i], POLLIN) &
			      (POLLERR | POLLHUP));
			CHECK_EQ(recv(c[i], &x, 1, 0) > 0, 0);
			close(c[i]);
		}
	}
	ping_pair(new_pair());
}

/* --- threads that are in send() and recv() when another connects ---------- */

#define SECRET	"Plaintext-that-must-not-leave"

static atomic_bool stop_hammering;

/* Sends the secret over and over; counts what was taken. */
static void *hammer_send(void *arg)
{
	long total = 0;
	ssize_t n;

	while (!stop_hammering) {
		n = send(*(int *)arg, SECRET, strlen(SECRET), MSG_NOSIGNAL);
		if (n > 0) {
			CHECK_EQ(n, strlen(SECRET));
			total += n;
			nap(1);
		} else if (errno != EPIPE && errno != ENOTCONN) {
			break;
		}
	}
	return (void *)total;
}

static void *hammer_recv(void *arg)
{
	char buf[8];
	ssize_t n;

	for (;;) {
		n = recv(*(int *)arg, buf, sizeof(buf), 0);
		if (n > 0) {
			CHECK_EQ(n, 6);
			CHECK(!memcmp(buf, "answer", 6));
			return (void *)1;
		}
		if (stop_hammering || (n < 0 && errno != ENOTCONN))
			return (void *)0;
	}
}

static long check_secrets(int s)
{
	char buf[sizeof(SECRET) - 1];
	long total = 0;
	ssize_t n;

	for (;;) {
		n = recv(s, buf, sizeof(buf), MSG_WAITALL);
		if (n <= 0)
			return total;
		CHECK_EQ(n, sizeof(buf));
		CHECK(!memcmp(buf, SECRET, n));
		total += n;
	}
}

static void *connect_thread(void *arg)
{
	struct part *p = arg;

	if (!do_connect(p->fd, B, p->off))
		return NULL;
	/* its error may have been told to send() already */
	CHECK(errno == EPERM || errno == ECONNABORTED);
	return (void *)-1;
}

/*
 * The server's end, or -1: TCP leaves the third ACK to a sender that waits
 * for connect(), and if what that one sends is plaintext, the connection ends
 * before the server has seen it.
 */
static int accept_unless_aborted(int l, int c)
{
	struct pollfd p = { .fd = l, .events = POLLIN };
	int i;

	for (i = 0; i < 200; i++) {
		if (poll(&p, 1, 100) == 1)
			return do_accept(l);
		if (crypt_state(c) == TCP_CRYPT_FAILED)
			return -1;
	}
	CHECK(!"accept");
	return -1;
}

/*
 * Allowed: works encrypted, or an error. Never: plaintext on the wire, wrong
 * data, a hang.
 */
static void parked_round(bool recv_too, bool parked)
{
	int l = new_listener(), c = new_socket(A), s = -1, err = 0;
	struct part part = { .fd = c, .off = port_of(l) };
	pthread_t tx[2], rx = 0, conn = 0;
	long sent, got;

	stop_hammering = false;
	set_timeout(c, SO_RCVTIMEO, 3000);
	set_timeout(c, SO_SNDTIMEO, 3000);
	if (parked) {
		/* the SYN is on its way, the link is slow */
		conn = start(connect_thread, &part);
		nap(20);
	}
	tx[0] = start(hammer_send, &c);
	tx[1] = start(hammer_send, &c);
	if (recv_too)
		rx = start(hammer_recv, &c);
	if (parked)
		err = (long)join(conn);
	else
		err = (long)connect_thread(&part);
	if (!err)
		s = accept_unless_aborted(l, c);
	if (s < 0)
		stop_hammering = true;
	else if (recv_too)
		send(s, "answer", 6, MSG_NOSIGNAL);
	if (recv_too)
		join(rx);
	nap(10);
	stop_hammering = true;
	sent = (long)join(tx[0]) + (long)join(tx[1]);
	shutdown(c, SHUT_WR);
	got = s < 0 ? 0 : check_secrets(s);
	if (s >= 0)
		CHECK(crypt_state(s) >= 0);
	if (s >= 0 && crypt_state(s) == TCP_CRYPT_OPEN &&
	    crypt_state(c) == TCP_CRYPT_OPEN) {
		CHECK_EQ(got, sent);
		seen_encrypted = true;
	} else {
		/* a connect() that failed gives the socket back */
		CHECK_EQ(crypt_state(c), err ? -1 : TCP_CRYPT_FAILED);
		printf("# aborted, as allowed\n");
	}
	close(c);
	close(s);
	close(l);
}

static void parked(void)
{
	int tap = tap_open(), i;
	struct tap_sum sum;

	/* at least one that was not aborted, on a slow machine too */
	for (i = 0; i < 12 || (i < 100 && !seen_encrypted); i++)
		parked_round(i & 1, false);
	sum = tap_read(tap, SECRET);
	CHECK(sum.payload > 0);
	CHECK(!sum.marked);
}

static void parked_in_syn_sent(void)
{
	int tap = tap_open(), i;
	struct tap_sum sum;

	CHECK_EQ(system("ip netns exec b tc qdisc add dev eth0 root netem delay 100ms"),
		 0);
	for (i = 0; i < 4; i++)
		parked_round(i & 1, true);
	CHECK_EQ(system("ip netns exec b tc qdisc del dev eth0 root"), 0);
	sum = tap_read(tap, SECRET);
	CHECK(sum.payload > 0);
	CHECK(!sum.marked);
}

#define CASE(fn, variants)	{ #fn, fn, variants }

static const struct ktap_case cases[] = {
	CASE(echo, ALL),
	CASE(data_before_accept, ALL),
	CASE(server_first, ALL),
	CASE(nonblocking_connect, ALL),
	CASE(nonblocking_io, BOTH),
	CASE(read_write, BOTH),
	CASE(empty, BOTH),
	CASE(bad_pointer, BOTH),
	CASE(sendmsg_recvmsg, BOTH),
	CASE(sendmmsg_recvmmsg, BOTH),
	CASE(peek, BOTH),
	CASE(waitall, BOTH),
	CASE(dontwait, BOTH),
	CASE(discard, BOTH),
	CASE(more_cork_nodelay, BOTH),
	CASE(timeouts, BOTH),
	CASE(rcvlowat, BOTH),
	CASE(fionread_outq, BOTH),
	CASE(tcp_inq, BOTH),
	CASE(poll_in, ALL),
	CASE(poll_truth, BOTH),
	CASE(poll_out, BOTH),
	CASE(select_, BOTH),
	CASE(epoll_level, BOTH),
	CASE(epoll_edge, BOTH),
	CASE(epoll_before_connect, BOTH),
	CASE(sigio, BOTH),
	CASE(interrupted, BOTH),
	CASE(shutdown_wr, ALL),
	CASE(shutdown_rd, BOTH),
	CASE(shutdown_rdwr, BOTH),
	CASE(shutdown_refuses, BOTH),
	CASE(sigpipe, BOTH),
	CASE(shutdown_wakes_sender, BOTH),
	CASE(peer_gone, BOTH),
	CASE(linger_0, BOTH),
	CASE(linger_5, BOTH),
	CASE(close_unsent, ALL),
	CASE(shutdown_unsent, BOTH),
	CASE(close_early, ALL),
	CASE(shutdown_early, BOTH),
	CASE(server_closes_at_once, BOTH),
	CASE(close_connecting, BOTH),
	CASE(close_unread, BOTH),
	CASE(data_after_close, BOTH),
	CASE(sendfile_, ALL),
	CASE(splice_to_socket, BOTH),
	CASE(splice_from_socket, BOTH),
	CASE(zerocopy, BOTH),
	CASE(bulk_both_ways, ALL),
	CASE(random_sizes, V4 | V6),
	CASE(small_buffers, ALL),
	CASE(two_writers, BOTH),
	CASE(two_readers, BOTH),
	CASE(many_connections, BOTH),
	CASE(defer_accept, ALL),
	CASE(reuseport, BOTH),
	CASE(fork_, BOTH),
	CASE(killed, BOTH),
	CASE(fd_passing, BOTH),
	CASE(refused_then_connected, ALL),
	CASE(disconnect_and_reuse, ALL),
	CASE(listen_after_connect, ALL),
	CASE(connect_after_listen, BOTH),
	CASE(late_accept, ALL),
	CASE(listener_closed, ALL),
	CASE(listener_closed_racing, V4 | V6),
	CASE(parked, V4),
	CASE(parked_in_syn_sent, V4),
	{ }
};

int main(int argc, char **argv)
{
	return ktap_main(argc, argv, cases, variant_names, before, after);
}
