/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For scripted scenarios (script_*_test.c): calls that block in threads of
 * their own, control messages, signals.
 */
#ifndef _DIFF_SCRIPT_H
#define _DIFF_SCRIPT_H

#include "run.h"
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

/* --- calls that may block ------------------------------------------------- */

struct call {
	struct diff	*d;
	const char	*label;
	long		(*fn)(struct call *c);
	int		fd, fd2;
	size_t		len;
	int		flags;
	void		*buf;
	pid_t		tid;
	pthread_t	thread;
	bool		done;
	long		ret;
	int		err;
};

static inline void *call_thread(void *arg)
{
	struct call *c = arg;

	__atomic_store_n(&c->tid, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	c->ret = c->fn(c);
	c->err = errno;
	__atomic_store_n(&c->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

static inline void call_start(struct diff *d, struct call *c,
			      const char *label)
{
	c->d = d;
	c->label = label;
	c->done = false;
	c->tid = 0;
	c->thread = start(call_thread, c);
	while (!__atomic_load_n(&c->tid, __ATOMIC_SEQ_CST))
		sched_yield();
}

static inline bool call_done(struct call *c)
{
	return __atomic_load_n(&c->done, __ATOMIC_SEQ_CST);
}

static inline char call_state(const struct call *c)
{
	char path[64], text[300], *end;
	int fd, n;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", c->tid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return 'X';
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 'X';
	text[n] = 0;
	end = strrchr(text, ')');
	return end ? end[2] : 'X';
}

/* Waits until the call sleeps for good, or has returned: true if it sleeps. */
static inline bool call_sleeps(struct call *c)
{
	unsigned int asleep = 0, turn = 0;

	while (!call_done(c) && asleep < 25) {
		asleep = call_state(c) == 'S' ? asleep + 1 : 0;
		nap(2);
		if (turn++ > 5000)
			break;
	}
	return !call_done(c);
}

/* Records whether it sleeps. */
static inline void call_asleep(struct call *c)
{
	char label[80];

	snprintf(label, sizeof(label), "%s: sleeps", c->label);
	diff_rec(c->d, label, "%d", call_sleeps(c));
}

/* Waits for the call's end, and records its result. */
static inline long call_end(struct call *c)
{
	join(c->thread);
	errno = c->err;
	diff_ret(c->d, c->label, c->ret);
	return c->ret;
}

/* --- usual calls ---------------------------------------------------------- */

static inline long call_recv(struct call *c)
{
	static __thread char buf[CHUNK];

	return recv(c->fd, buf, c->len, c->flags);
}

static inline long call_send(struct call *c)
{
	return send(c->fd, diff_bytes(0), c->len, c->flags);
}

/* In pieces until one fails; returns -1 with its errno. */
static inline long call_send_all(struct call *c)
{
	long n;

	do {
		n = send(c->fd, diff_bytes(0), c->len, MSG_NOSIGNAL);
	} while (n > 0);
	return n;
}

static inline long call_poll(struct call *c)
{
	struct pollfd p = { .fd = c->fd, .events = c->flags };
	long n = poll(&p, 1, c->len ? (int)c->len : -1);

	return n < 0 ? n : p.revents;
}

/* --- helpers -------------------------------------------------------------- */

/* When the first probe of a closed window, and its answer, are over. */
static inline double probe_time(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	return .05 + 1.5 * info.tcpi_rto / 1e6;
}

/*
 * Fills what the connection holds, so that a writer blocks: also the rest of
 * the window that is smaller than a segment, which the first probe takes.
 */
static inline void fill(int fd)
{
	double last = now();

	while (now() - last < probe_time(fd)) {
		if (send(fd, diff_bytes(0), 65536, MSG_DONTWAIT | MSG_NOSIGNAL)
		    > 0)
			last = now();
		else
			nap(5);
	}
}

/*
 * Buffers have their size, if it is not 0, before the connection is made: a
 * peer that was told of more room than there is afterwards has its segments
 * dropped, and then each of its timers takes twice as long as the one before.
 */
static inline struct pair sized_pair(struct diff *d, int sndbuf, int rcvbuf)
{
	struct pair p = { .c = new_socket(A) };
	int l = new_listener();

	if (sndbuf)
		set_int(p.c, SOL_SOCKET, SO_SNDBUF, sndbuf);
	if (rcvbuf)
		set_int(l, SOL_SOCKET, SO_RCVBUF, rcvbuf);
	CHECK_EQ(do_connect(p.c, B, port_of(l)), 0);
	p.s = do_accept(l);
	close(l);
	diff_ready(d, p);
	return p;
}

static inline struct pair small_pair(struct diff *d)
{
	return sized_pair(d, 16 << 10, 16 << 10);
}

/* Reads until nothing has come for a while. */
static inline size_t drain(int fd)
{
	static char buf[CHUNK];
	double last = now();
	size_t total = 0;
	long n;

	while (now() - last < 0.25) {
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (!n)
			break;
		if (n < 0) {
			nap(5);
			continue;
		}
		total += n;
		last = now();
	}
	return total;
}

/* Reads to the end-of-file, or an error: what recv() says there. */
static inline long drain_to_end(int fd)
{
	static char buf[CHUNK];
	long n;

	set_timeout(fd, SO_RCVTIMEO, 8000);
	do {
		n = recv(fd, buf, sizeof(buf), 0);
	} while (n > 0);
	return n;
}

static inline void rec_events(struct diff *d, const char *label, int fd)
{
	diff_rec(d, label, "%#x", diff_poll(fd));
}

static inline void rec_error(struct diff *d, const char *label, int fd)
{
	diff_rec(d, label, "%s", diff_errno(get_int(fd, SOL_SOCKET,
						    SO_ERROR)));
}

/* Until the peer's end-of-file is known, whatever precedes it. */
static inline bool until_fin(int fd)
{
	return DIFF_UNTIL(poll_now(fd, POLLRDHUP) & POLLRDHUP, 5000);
}

/* Closes so that the peer gets a RST. */
static inline void reset(int fd)
{
	struct linger l = { 1, 0 };

	CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	close(fd);
}

static int caught;

static inline void catch_signal(int sig)
{
	(void)sig;
	__atomic_add_fetch(&caught, 1, __ATOMIC_SEQ_CST);
}

static inline void on_signal(int sig, int flags)
{
	struct sigaction sa = { .sa_handler = catch_signal, .sa_flags = flags };

	CHECK_EQ(sigaction(sig, &sa, NULL), 0);
}

static inline int signals(void)
{
	return __atomic_load_n(&caught, __ATOMIC_SEQ_CST);
}

/*
 * Interrupts a call that sleeps; where the system restarts it, ends it by
 * what then() does.
 */
static inline void interrupt(struct diff *d, struct call *c, const char *label,
			     void (*then)(struct pair), struct pair p)
{
	call_start(d, c, label);
	call_asleep(c);
	caught = 0;
	CHECK_EQ(syscall(SYS_tgkill, getpid(), c->tid, SIGUSR1), 0);
	CHECK(DIFF_UNTIL(signals(), 3000));
	call_asleep(c);
	if (!call_done(c))
		then(p);
	call_end(c);
}

static inline void feed(struct pair p)
{
	CHECK_EQ(send(p.c, diff_bytes(0), 10, 0), 10);
}

#endif /* _DIFF_SCRIPT_H */
