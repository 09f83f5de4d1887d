// SPDX-License-Identifier: GPL-2.0
/*
 * Urgent data on encrypted connections is what it is with TCP: the same calls
 * with the same results on both. Runs in the guest, sock.sh makes the two
 * hosts.
 *
 *	urgent_test [CASE ...]
 */

#define _GNU_SOURCE
#include <linux/sockios.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include "lib/conn.h"

/* All that was sent has arrived. */
static void settle(int fd)
{
	int n;

	WAIT_FOR(!ioctl(fd, SIOCOUTQ, &n) && !n);
}

static void put(int fd, const char *text, int flags)
{
	CHECK_EQ(send(fd, text, strlen(text), flags), (int)strlen(text));
	settle(fd);
}

/* recv() yields just this. */
#define GETS(fd, text, flags) do {					\
	char _buf[100] = "", *_text = text;				\
									\
	CHECK_EQ(recv(fd, _buf, sizeof(_buf), flags),			\
		 (int)strlen(_text));					\
	CHECK(!memcmp(_buf, _text, strlen(_text)));			\
} while (0)

/* So many bytes come at once, any. */
#define SKIPS(fd, n, flags) do {					\
	char _buf[100];							\
	int _n = n;							\
									\
	CHECK_EQ(recv(fd, _buf, _n, flags), _n);			\
} while (0)

#define FAILS(fd, flags, err) do {					\
	char _c;							\
									\
	CHECK_ERR(recv(fd, &_c, 1, flags), err);			\
} while (0)

static int atmark(int fd)
{
	int n = -1;

	CHECK_EQ(ioctl(fd, SIOCATMARK, &n), 0);
	return n;
}

static atomic_int urgents;

static void on_urg(int sig)
{
	(void)sig;
	urgents++;
}

static void own(int fd)
{
	struct f_owner_ex owner = { F_OWNER_TID, syscall(SYS_gettid) };
	struct sigaction act = { .sa_handler = on_urg };

	sigaction(SIGURG, &act, NULL);
	CHECK_EQ(fcntl(fd, F_SETOWN_EX, &owner), 0);
}

/* So many SIGURG by now, and no more. */
#define SIGNALS(n) do {							\
	int _n = n;							\
									\
	WAIT_FOR(urgents >= _n);					\
	nap(100);							\
	CHECK_EQ(urgents, _n);						\
} while (0)

/* "abc", urgent "X", "def" */
static struct pair abc_x_def(void)
{
	struct pair p = new_pair();

	put(p.c, "abc", 0);
	put(p.c, "X", MSG_OOB);
	put(p.c, "def", 0);
	return p;
}

/* --- reading -------------------------------------------------------------- */

static void out_of_band(void)
{
	struct pair p = abc_x_def();

	CHECK_EQ(poll_now(p.s, POLLIN | POLLPRI), POLLIN | POLLPRI);
	CHECK_EQ(atmark(p.s), 0);
	GETS(p.s, "X", MSG_OOB);
	FAILS(p.s, MSG_OOB, EINVAL);
	CHECK_EQ(poll_now(p.s, POLLIN | POLLPRI), POLLIN);
	GETS(p.s, "abc", 0);
	CHECK_EQ(atmark(p.s), 1);
	GETS(p.s, "def", 0);
	CHECK_EQ(atmark(p.s), 0);
	FAILS(p.s, MSG_DONTWAIT, EAGAIN);
	ping_pair(p);
	put(p.s, "Y", MSG_OOB);
	GETS(p.c, "Y", MSG_OOB);
	ping_pair(p);
}

static void urgent_alone(void)
{
	struct pair p = new_pair();

	put(p.c, "X", MSG_OOB);
	/* the urgent byte is no data: read() would wait */
	CHECK_EQ(poll_now(p.s, POLLIN), 0);
	CHECK_EQ(poll_now(p.s, POLLIN | POLLPRI), POLLPRI);
	CHECK_EQ(poll_now(p.s, POLLIN), 0);
	CHECK_EQ(inq(p.s), 0);
	CHECK_EQ(atmark(p.s), 1);
	GETS(p.s, "X", MSG_OOB);
	CHECK_EQ(poll_now(p.s, POLLIN | POLLPRI), 0);
	CHECK_EQ(atmark(p.s), 1);
	FAILS(p.s, MSG_DONTWAIT, EAGAIN);
	CHECK_EQ(atmark(p.s), 0);
	put(p.c, "a", 0);
	CHECK_EQ(poll_now(p.s, POLLIN | POLLPRI), POLLIN);
	GETS(p.s, "a", 0);
}

/* Nobody has asked for anything but data. */
static void poll_data_only(void)
{
	struct pair p = new_pair();

	put(p.c, "X", MSG_OOB);
	nap(100);
	CHECK_EQ(poll_now(p.s, POLLIN), 0);
	put(p.c, "Y", MSG_OOB);
	nap(100);
	CHECK_EQ(poll_now(p.s, POLLIN), 0);
	put(p.c, "ab", 0);
	CHECK_EQ(poll_wait(p.s, POLLIN), POLLIN);
	GETS(p.s, "ab", 0);
}

static void never_asked_for(void)
{
	struct pair p = abc_x_def();

	GETS(p.s, "abc", 0);
	GETS(p.s, "def", 0);
	FAILS(p.s, MSG_OOB, EINVAL);
}

static void only_the_last_byte(void)
{
	struct iovec v[2] = { { "wor", 3 }, { "ld", 2 } };
	struct msghdr msg = { .msg_iov = v, .msg_iovlen = 2 };
	struct pair p = new_pair();

	put(p.c, "hello", MSG_OOB);
	GETS(p.s, "o", MSG_OOB);
	GETS(p.s, "hell", 0);
	CHECK_EQ(sendmsg(p.c, &msg, MSG_OOB), 5);
	settle(p.c);
	GETS(p.s, "d", MSG_OOB);
	GETS(p.s, "worl", 0);
	FAILS(p.s, MSG_DONTWAIT, EAGAIN);
}

/* Longer than a frame; the mark is at its end. */
static void long_message(void)
{
	struct pair p = new_pair();
	const int n = 40000;
	unsigned char byte;

	CHECK_EQ(send(p.c, stream(0), n, MSG_OOB), n);
	settle(p.c);
	put(p.c, "after", 0);
	CHECK_EQ(inq(p.s), n - 1);
	CHECK_EQ(recv(p.s, &byte, 1, MSG_OOB), 1);
	CHECK_EQ(byte, stream(0)[n - 1]);
	recv_stream(p.s, 0, n - 1, CHUNK);
	CHECK_EQ(atmark(p.s), 1);
	GETS(p.s, "after", 0);
}

static void empty_message(void)
{
	struct pair p = new_pair();

	CHECK_EQ(send(p.c, "", 0, MSG_OOB), 0);
	put(p.c, "abc", 0);
	FAILS(p.s, MSG_OOB, EINVAL);
	CHECK_EQ(poll_now(p.s, POLLIN | POLLPRI), POLLIN);
	GETS(p.s, "abc", 0);
}

static void none(void)
{
	struct pair p = new_pair();
	int i;

	for (i = 0; i < 2; i++) {
		FAILS(p.s, MSG_OOB, EINVAL);
		FAILS(p.s, MSG_OOB | MSG_DONTWAIT, EINVAL);
		FAILS(p.s, MSG_OOB | MSG_PEEK, EINVAL);
		CHECK_EQ(atmark(p.s), 0);
		put(p.c, "ab", 0);
		GETS(p.s, "ab", 0);
	}
	close(p.c);
	check_eof(p.s);
	FAILS(p.s, MSG_OOB, EINVAL);
	CHECK_EQ(atmark(p.s), 0);
}

static void in_line(void)
{
	struct pair p = new_pair();

	set_int(p.s, SOL_SOCKET, SO_OOBINLINE, 1);
	put(p.c, "abc", 0);
	put(p.c, "X", MSG_OOB);
	put(p.c, "def", 0);
	CHECK_EQ(poll_now(p.s, POLLIN | POLLPRI), POLLIN | POLLPRI);
	CHECK_EQ(inq(p.s), 7);
	FAILS(p.s, MSG_OOB, EINVAL);
	GETS(p.s, "abc", 0);
	CHECK_EQ(atmark(p.s), 1);
	CHECK_EQ(poll_now(p.s, POLLIN | POLLPRI), POLLIN | POLLPRI);
	CHECK_EQ(inq(p.s), 4);
	SKIPS(p.s, 1, 0);
	CHECK_EQ(atmark(p.s), 0);
	CHECK_EQ(poll_now(p.s, POLLIN | POLLPRI), POLLIN);
	GETS(p.s, "def", 0);
	put(p.c, "Y", MSG_OOB);
	CHECK_EQ(poll_now(p.s, POLLIN | POLLPRI), POLLIN | POLLPRI);
	GETS(p.s, "Y", 0);
}

/* The option counts when one reads. */
static void in_line_later(void)
{
	struct pair p = abc_x_def();

	GETS(p.s, "abc", 0);
	set_int(p.s, SOL_SOCKET, SO_OOBINLINE, 1);
	FAILS(p.s, MSG_OOB, EINVAL);
	GETS(p.s, "Xdef", 0);
	put(p.c, "gY", MSG_OOB);
	set_int(p.s, SOL_SOCKET, SO_OOBINLINE, 0);
	GETS(p.s, "Y", MSG_OOB);
	GETS(p.s, "g", 0);
}

static void peek(void)
{
	struct pair p = abc_x_def();

	GETS(p.s, "X", MSG_OOB | MSG_PEEK);
	GETS(p.s, "X", MSG_OOB | MSG_PEEK);
	GETS(p.s, "abc", MSG_PEEK);
	SKIPS(p.s, 2, 0);
	GETS(p.s, "c", MSG_PEEK);
	GETS(p.s, "c", 0);
	CHECK_EQ(atmark(p.s), 1);
	/* beyond the urgent byte */
	GETS(p.s, "def", MSG_PEEK);
	CHECK_EQ(atmark(p.s), 1);
	GETS(p.s, "def", MSG_PEEK);
	GETS(p.s, "X", MSG_OOB);
	FAILS(p.s, MSG_OOB | MSG_PEEK, EINVAL);
	GETS(p.s, "def", MSG_PEEK);
	GETS(p.s, "def", 0);
}

static void truncated(void)
{
	char buf[10] = "none";
	struct iovec v = { buf, 0 };
	struct msghdr msg = { .msg_iov = &v, .msg_iovlen = 1 };
	struct pair p = abc_x_def();

	CHECK_EQ(recvmsg(p.s, &msg, MSG_OOB | MSG_PEEK), 0);
	CHECK_EQ(msg.msg_flags & (MSG_OOB | MSG_TRUNC), MSG_OOB | MSG_TRUNC);
	v.iov_len = sizeof(buf);
	CHECK_EQ(recvmsg(p.s, &msg, MSG_OOB | MSG_PEEK | MSG_TRUNC), 1);
	CHECK_EQ(msg.msg_flags & MSG_OOB, MSG_OOB);
	CHECK_EQ(buf[0], 'n');
	CHECK_EQ(recvmsg(p.s, &msg, MSG_OOB), 1);
	CHECK_EQ(msg.msg_flags & (MSG_OOB | MSG_TRUNC), MSG_OOB);
	CHECK_EQ(buf[0], 'X');
	CHECK_EQ(recv(p.s, NULL, 100, MSG_TRUNC), 3);
	CHECK_EQ(atmark(p.s), 1);
	CHECK_EQ(recv(p.s, NULL, 2, MSG_TRUNC), 2);
	GETS(p.s, "f", 0);
}

static void bad_buffer(void)
{
	struct pair p = abc_x_def();

	CHECK_ERR(recv(p.s, (void *)1, 1, MSG_OOB), EFAULT);
	/* it counts as read */
	FAILS(p.s, MSG_OOB, EINVAL);
	GETS(p.s, "abc", 0);
	GETS(p.s, "def", 0);
}

static void waitall(void)
{
	struct pair p = abc_x_def();

	GETS(p.s, "abc", MSG_WAITALL);
	put(p.c, "gh", 0);
	SKIPS(p.s, 5, MSG_WAITALL);
}

static void fionread(void)
{
	struct pair p = abc_x_def();

	CHECK_EQ(inq(p.s), 3);
	GETS(p.s, "X", MSG_OOB);
	CHECK_EQ(inq(p.s), 3);
	GETS(p.s, "abc", 0);
	CHECK_EQ(inq(p.s), 0);
	CHECK_EQ(poll_now(p.s, POLLIN), POLLIN);
	SKIPS(p.s, 1, 0);
	CHECK_EQ(inq(p.s), 2);
}

/* What rlogin does at an interrupt: throw away what comes before the mark. */
static void discard(void)
{
	struct pair p = new_pair();
	char buf[1000];

	send_stream(p.c, 0, 30000, 500);
	put(p.c, "!", MSG_OOB);
	put(p.c, "prompt", 0);
	CHECK(poll_wait(p.s, POLLPRI) & POLLPRI);
	while (!atmark(p.s))
		CHECK(recv(p.s, buf, sizeof(buf), 0) > 0);
	GETS(p.s, "!", MSG_OOB);
	GETS(p.s, "prompt", 0);
}

static void splice_(void)
{
	struct pair p = abc_x_def();
	int pipes[2];
	char buf[10];

	CHECK_EQ(pipe(pipes), 0);
	CHECK_EQ(splice(p.s, NULL, pipes[1], NULL, 100, 0), 3);
	CHECK_EQ(read(pipes[0], buf, sizeof(buf)), 3);
	CHECK(!memcmp(buf, "abc", 3));
	CHECK_EQ(atmark(p.s), 1);
	/* it never goes beyond */
	CHECK_EQ(splice(p.s, NULL, pipes[1], NULL, 100, 0), 0);
	set_nonblock(p.s, true);
	CHECK_ERR(splice(p.s, NULL, pipes[1], NULL, 100, 0), EAGAIN);
	GETS(p.s, "X", MSG_OOB);
	CHECK_ERR(splice(p.s, NULL, pipes[1], NULL, 100, 0), EAGAIN);
	CHECK_EQ(recv(p.s, buf, 1, 0), 1);
	CHECK_EQ(buf[0], 'd');
	CHECK_EQ(splice(p.s, NULL, pipes[1], NULL, 100, 0), 2);
	CHECK_EQ(read(pipes[0], buf, sizeof(buf)), 2);
	CHECK(!memcmp(buf, "ef", 2));
}

/* --- several marks -------------------------------------------------------- */

static void newest_counts(void)
{
	struct pair p = new_pair();

	put(p.c, "a", 0);
	put(p.c, "A", MSG_OOB);
	put(p.c, "b", 0);
	put(p.c, "B", MSG_OOB);
	put(p.c, "c", 0);
	GETS(p.s, "B", MSG_OOB);
	GETS(p.s, "aAb", 0);
	CHECK_EQ(atmark(p.s), 1);
	GETS(p.s, "c", 0);
}

/* The same for one who merely reads. */
static void newest_counts_reading(void)
{
	struct pair p = new_pair();

	put(p.c, "first", 0);
	put(p.c, "A", MSG_OOB);
	put(p.c, "second", 0);
	put(p.c, "B", MSG_OOB);
	put(p.c, "third", 0);
	GETS(p.s, "firstAsecond", 0);
	GETS(p.s, "third", 0);
	FAILS(p.s, MSG_OOB, EINVAL);
}

/* One who stops where the first mark would have been. */
static void newest_counts_in_steps(void)
{
	struct pair p = new_pair();

	put(p.c, "first", 0);
	put(p.c, "moreA", MSG_OOB);
	put(p.c, "evenB", MSG_OOB);
	put(p.c, "third", 0);
	SKIPS(p.s, 9, 0);
	GETS(p.s, "Aeven", 0);
	GETS(p.s, "third", 0);
}

/* tcp_check_urg(): "Double Dutch" */
static void one_after_another(void)
{
	struct pair p = new_pair();

	put(p.c, "A", MSG_OOB);
	put(p.c, "B", MSG_OOB);
	put(p.c, "C", MSG_OOB);
	GETS(p.s, "C", MSG_OOB);
	CHECK_EQ(atmark(p.s), 1);
	FAILS(p.s, MSG_DONTWAIT, EAGAIN);
	put(p.c, "D", MSG_OOB);
	GETS(p.s, "D", MSG_OOB);
	put(p.c, "E", MSG_OOB);
	GETS(p.s, "E", MSG_OOB);
	put(p.c, "x", 0);
	GETS(p.s, "x", 0);
}

static void one_after_another_inline(void)
{
	struct pair p = new_pair();

	set_int(p.s, SOL_SOCKET, SO_OOBINLINE, 1);
	put(p.c, "A", MSG_OOB);
	put(p.c, "B", MSG_OOB);
	put(p.c, "c", 0);
	GETS(p.s, "A", 0);
	CHECK_EQ(atmark(p.s), 1);
	GETS(p.s, "Bc", 0);
}

static void read_then_another(void)
{
	struct pair p = new_pair();

	put(p.c, "abA", MSG_OOB);
	GETS(p.s, "A", MSG_OOB);
	GETS(p.s, "ab", 0);
	CHECK_EQ(atmark(p.s), 1);
	put(p.c, "cB", MSG_OOB);
	CHECK_EQ(poll_now(p.s, POLLPRI), POLLPRI);
	CHECK_EQ(atmark(p.s), 0);
	GETS(p.s, "B", MSG_OOB);
	GETS(p.s, "c", 0);
	FAILS(p.s, MSG_DONTWAIT, EAGAIN);
}

/* --- notification --------------------------------------------------------- */

static void *send_urgent(void *arg)
{
	nap(200);
	CHECK_EQ(send(*(int *)arg, "X", 1, MSG_OOB), 1);
	return NULL;
}

static void poll_wakes(void)
{
	struct pair p = new_pair();
	pthread_t t = start(send_urgent, &p.c);

	CHECK_EQ(poll_wait(p.s, POLLPRI), POLLPRI);
	join(t);
	GETS(p.s, "X", MSG_OOB);
	/* data alone is nothing urgent */
	put(p.c, "abcdef", 0);
	nap(100);
	CHECK_EQ(poll_now(p.s, POLLPRI), 0);
	t = start(send_urgent, &p.c);
	CHECK_EQ(poll_wait(p.s, POLLPRI), POLLPRI);
	join(t);
	GETS(p.s, "abcdef", 0);
}

static int do_select(int fd, bool in, bool ex, int s)
{
	struct timeval tv = { .tv_sec = s };
	fd_set r, x;

	FD_ZERO(&r);
	FD_ZERO(&x);
	if (in)
		FD_SET(fd, &r);
	if (ex)
		FD_SET(fd, &x);
	CHECK(select(fd + 1, &r, NULL, &x, &tv) >= 0);
	return FD_ISSET(fd, &r) | FD_ISSET(fd, &x) << 1;
}

static void select_(void)
{
	struct pair p = new_pair();
	pthread_t t;

	CHECK_EQ(do_select(p.s, true, true, 0), 0);
	t = start(send_urgent, &p.c);
	CHECK_EQ(do_select(p.s, true, true, 20), 2);
	join(t);
	CHECK_EQ(do_select(p.s, true, false, 0), 0);
	put(p.c, "ab", 0);
	CHECK_EQ(do_select(p.s, true, true, 0), 3);
	GETS(p.s, "X", MSG_OOB);
	CHECK_EQ(do_select(p.s, true, true, 0), 1);
	CHECK_EQ(do_select(p.s, false, true, 0), 0);
	GETS(p.s, "ab", 0);
	t = start(send_urgent, &p.c);
	CHECK_EQ(do_select(p.s, false, true, 20), 2);
	join(t);
}

static int ep_events(int ep, int ms)
{
	struct epoll_event ev = {};
	int n = epoll_wait(ep, &ev, 1, ms);

	CHECK(n >= 0);
	return n ? (int)ev.events : 0;
}

static void epoll(void)
{
	struct epoll_event ev = { .events = EPOLLPRI };
	struct pair p = new_pair();
	int ep = epoll_create1(0);
	pthread_t t;

	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, p.s, &ev), 0);
	put(p.c, "abcdef", 0);
	CHECK_EQ(ep_events(ep, 100), 0);
	t = start(send_urgent, &p.c);
	CHECK_EQ(ep_events(ep, 20000), EPOLLPRI);
	join(t);
	GETS(p.s, "X", MSG_OOB);
	CHECK_EQ(ep_events(ep, 0), 0);
	ev.events = EPOLLPRI | EPOLLIN;
	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_MOD, p.s, &ev), 0);
	put(p.c, "Y", MSG_OOB);
	CHECK_EQ(ep_events(ep, 20000), EPOLLPRI | EPOLLIN);
	GETS(p.s, "Y", MSG_OOB);
	CHECK_EQ(ep_events(ep, 20000), EPOLLIN);
}

/* A process that only computes. */
static void sigurg(void)
{
	struct pair p = new_pair();
	double end = now() + 20;

	own(p.s);
	put(p.c, "abcdef", 0);
	SIGNALS(0);
	CHECK_EQ(send(p.c, "X", 1, MSG_OOB), 1);
	while (!urgents && now() < end)
		;
	SIGNALS(1);
	GETS(p.s, "X", MSG_OOB);
	SIGNALS(1);
	put(p.c, "Y", MSG_OOB);
	SIGNALS(2);
	GETS(p.s, "Y", MSG_OOB);
	put(p.c, "ghi", 0);
	GETS(p.s, "abcdefX", 0);
	GETS(p.s, "ghi", 0);
	SIGNALS(2);
	CHECK_EQ(fcntl(p.s, F_SETOWN, 0), 0);
	put(p.c, "Z", MSG_OOB);
	SIGNALS(2);
	GETS(p.s, "Z", MSG_OOB);
	SIGNALS(2);
}

static void sigurg_unowned(void)
{
	struct sigaction act = { .sa_handler = on_urg };
	struct pair p = new_pair();

	sigaction(SIGURG, &act, NULL);
	put(p.c, "X", MSG_OOB);
	GETS(p.s, "X", MSG_OOB);
	SIGNALS(0);
}

/* Large segments, a full buffer: it is noticed among data that nobody reads. */
static void sigurg_behind_data(void)
{
	struct pair p = new_pair();

	own(p.s);
	send_stream(p.c, 0, 50000, CHUNK);
	put(p.c, "X", MSG_OOB);
	SIGNALS(1);
	GETS(p.s, "X", MSG_OOB);
	recv_stream(p.s, 0, 50000, CHUNK);
	CHECK_EQ(atmark(p.s), 1);
}

static void sigurg_interrupts(void)
{
	struct pair p = new_pair();
	pthread_t t = start(send_urgent, &p.c);

	own(p.s);
	FAILS(p.s, 0, EINTR);
	CHECK_EQ(urgents, 1);
	join(t);
	GETS(p.s, "X", MSG_OOB);
}

static atomic_int bands[8];

static void on_io(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	if (info->si_code > 0 && info->si_code < 8)
		bands[info->si_code]++;
}

static void sigio(void)
{
	struct sigaction act = {
		.sa_sigaction = on_io, .sa_flags = SA_SIGINFO | SA_RESTART,
	};
	struct pair p = new_pair();

	own(p.s);
	sigaction(SIGRTMIN, &act, NULL);
	CHECK_EQ(fcntl(p.s, F_SETSIG, SIGRTMIN), 0);
	CHECK_EQ(fcntl(p.s, F_SETFL, O_ASYNC), 0);
	put(p.c, "abcdef", 0);
	WAIT_FOR(bands[POLL_IN] >= 1);
	CHECK_EQ(bands[POLL_PRI], 0);
	put(p.c, "X", MSG_OOB);
	WAIT_FOR(bands[POLL_PRI] >= 1);
	SIGNALS(1);
	CHECK_EQ(bands[POLL_PRI], 1);
}

/* --- sending -------------------------------------------------------------- */

/* Neither TCP_CORK nor MSG_MORE nor Nagle delays it: each takes 200 ms. */
static void at_once(void)
{
	static const int how[] = { 0, MSG_MORE };
	double begin, took, best;
	unsigned int i, j;

	for (i = 0; i < 2; i++) {
		best = 9;
		for (j = 0; j < 5; j++) {
			struct pair p = new_pair();

			ping_pair(p);
			set_int(p.c, IPPROTO_TCP, TCP_CORK, !how[i]);
			CHECK_EQ(send(p.c, "abc", 3, how[i]), 3);
			begin = now();
			CHECK_EQ(send(p.c, "X", 1, MSG_OOB | how[i]), 1);
			CHECK(poll_wait(p.s, POLLPRI) & POLLPRI);
			took = now() - begin;
			if (took < best)
				best = took;
			GETS(p.s, "X", MSG_OOB);
			GETS(p.s, "abc", 0);
			close_pair(p);
		}
		printf("# %.3f s\n", best);
		CHECK(best < 0.15);
	}
}

/* Before there are keys. */
static void early(void)
{
	int l = new_listener(), c = connect_to(l), s;

	CHECK_EQ(send(c, "abc", 3, 0), 3);
	CHECK_EQ(send(c, "X", 1, MSG_OOB), 1);
	CHECK_EQ(send(c, "def", 3, 0), 3);
	nap(100);
	s = do_accept(l);
	settle(c);
	CHECK(poll_wait(s, POLLPRI) & POLLPRI);
	CHECK_EQ(inq(s), 3);
	GETS(s, "X", MSG_OOB);
	GETS(s, "abc", 0);
	GETS(s, "def", 0);
	check_pair(c, s);
}

/* More than a frame waits, and two marks. */
static void early_and_long(void)
{
	int l = new_listener(), c = connect_to(l), s;

	set_int(c, IPPROTO_TCP, TCP_NODELAY, 1);
	send_stream(c, 0, 10000, 3000);
	CHECK_EQ(send(c, stream(10000), 1, MSG_OOB), 1);
	send_stream(c, 10001, 9999, 7000);
	CHECK_EQ(send(c, "!", 1, MSG_OOB), 1);
	send_stream(c, 20000, 10000, 10000);
	nap(100);
	s = do_accept(l);
	settle(c);
	CHECK(poll_wait(s, POLLPRI) & POLLPRI);
	GETS(s, "!", MSG_OOB);
	recv_stream(s, 0, 20000, 5000);
	CHECK_EQ(atmark(s), 1);
	recv_stream(s, 20000, 10000, 5000);
	check_pair(c, s);
}

/* No byte is lost, and none is urgent that was not. */
static void *send_mixed(void *arg)
{
	unsigned long long off = 0;
	int i, n;

	for (i = 0; i < 400; i++) {
		n = 1 + i * 37 % 4000;
		CHECK_EQ(send(*(int *)arg, stream(off), n,
			      i % 3 ? 0 : MSG_OOB), n);
		off += n;
	}
	CHECK_EQ(shutdown(*(int *)arg, SHUT_WR), 0);
	return (void *)(unsigned long)off;
}

static void bulk_inline(void)
{
	struct pair p = new_pair();
	unsigned long long got;
	pthread_t t;

	set_int(p.s, SOL_SOCKET, SO_OOBINLINE, 1);
	own(p.s);
	signal(SIGURG, SIG_IGN);
	t = start(send_mixed, &p.c);
	got = recv_until_eof(p.s, 0);
	CHECK_EQ(got, (unsigned long)join(t));
}

/* --- the end -------------------------------------------------------------- */

static void then_shutdown(void)
{
	struct pair p = new_pair();

	put(p.c, "ab", 0);
	put(p.c, "X", MSG_OOB);
	CHECK_EQ(shutdown(p.c, SHUT_WR), 0);
	CHECK(poll_wait(p.s, POLLRDHUP) & POLLRDHUP);
	CHECK_EQ(poll_now(p.s, POLLPRI), POLLPRI);
	GETS(p.s, "X", MSG_OOB);
	GETS(p.s, "ab", 0);
	CHECK_EQ(atmark(p.s), 1);
	check_eof(p.s);
	check_eof(p.s);
	FAILS(p.s, MSG_OOB, EINVAL);
	CHECK_ERR(send(p.c, "Y", 1, MSG_OOB), EPIPE);
	ping(p.s, p.c);
}

static void then_shutdown_unread(void)
{
	struct pair p = new_pair();

	put(p.c, "X", MSG_OOB);
	CHECK_EQ(shutdown(p.c, SHUT_WR), 0);
	CHECK(poll_wait(p.s, POLLRDHUP) & POLLRDHUP);
	check_eof(p.s);
	FAILS(p.s, MSG_OOB, EINVAL);
}

static void then_close(void)
{
	struct pair p = new_pair();

	put(p.c, "X", MSG_OOB);
	CHECK_EQ(close(p.c), 0);
	CHECK(poll_wait(p.s, POLLRDHUP) & POLLRDHUP);
	GETS(p.s, "X", MSG_OOB);
	check_eof(p.s);
}

/* Though it was read out of band, it is unread data: a reset. */
static void close_unread(void)
{
	struct pair p = new_pair();

	put(p.c, "X", MSG_OOB);
	GETS(p.s, "X", MSG_OOB);
	CHECK_EQ(close(p.s), 0);
	CHECK(poll_wait(p.c, POLLRDHUP) & POLLHUP);
	FAILS(p.c, 0, ECONNRESET);
}

static const struct ktap_case cases[] = {
#define CASE(name, variants) { #name, name, variants }
	CASE(out_of_band, ALL),
	CASE(urgent_alone, BOTH),
	CASE(poll_data_only, BOTH),
	CASE(never_asked_for, BOTH),
	CASE(only_the_last_byte, BOTH),
	CASE(long_message, ALL),
	CASE(empty_message, BOTH),
	CASE(none, BOTH),
	CASE(in_line, BOTH),
	CASE(in_line_later, BOTH),
	CASE(peek, BOTH),
	CASE(truncated, BOTH),
	CASE(bad_buffer, BOTH),
	CASE(waitall, BOTH),
	CASE(fionread, BOTH),
	CASE(discard, BOTH),
	CASE(splice_, BOTH),
	CASE(newest_counts, BOTH),
	CASE(newest_counts_reading, BOTH),
	CASE(newest_counts_in_steps, BOTH),
	CASE(one_after_another, BOTH),
	CASE(one_after_another_inline, BOTH),
	CASE(read_then_another, BOTH),
	CASE(poll_wakes, BOTH),
	CASE(select_, BOTH),
	CASE(epoll, BOTH),
	CASE(sigurg, ALL),
	CASE(sigurg_unowned, BOTH),
	CASE(sigurg_behind_data, BOTH),
	CASE(sigurg_interrupts, BOTH),
	CASE(sigio, BOTH),
	CASE(at_once, BOTH),
	CASE(early, ALL),
	CASE(early_and_long, BOTH),
	CASE(bulk_inline, ALL),
	CASE(then_shutdown, BOTH),
	CASE(then_shutdown_unread, BOTH),
	CASE(then_close, BOTH),
	CASE(close_unread, BOTH),
	{ }
};

int main(int argc, char **argv)
{
	return ktap_main(argc, argv, cases, variant_names, before, after);
}
