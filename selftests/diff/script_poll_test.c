// SPDX-License-Identifier: GPL-2.0
/*
 * Readiness: epoll and its edges, poll(), SO_RCVLOWAT, TCP_NOTSENT_LOWAT,
 * SIGIO. Runs in the guest.
 *
 *	sock.sh diff/script_poll_test
 */

#define _GNU_SOURCE
#include "script.h"

static int new_epoll(int fd, unsigned int events)
{
	struct epoll_event e = { .events = events };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	CHECK(ep >= 0);
	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), 0);
	return ep;
}

/* What epoll_wait() says now, or within ms if it must come. */
static int epoll_now(int ep, int ms)
{
	struct epoll_event e = {};
	int n = epoll_wait(ep, &e, 1, ms);

	return n <= 0 ? n : (int)e.events;
}

static void rec_epoll(struct diff *d, const char *label, int ep, int ms)
{
	diff_rec(d, label, "%#x", epoll_now(ep, ms));
}

#define EDGES	(EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)

/* A wake-up for data, however little was read since the last one. */
static void edges_in(struct diff *d)
{
	struct pair p = diff_pair(d);
	int ep = new_epoll(p.s, EPOLLIN | EPOLLRDHUP | EPOLLET), i;
	char buf[1000];

	rec_epoll(d, "none", ep, 50);
	for (i = 0; i < 4; i++) {
		diff_ret(d, "send", send(p.c, diff_bytes(0), 100, 0));
		CHECK(diff_settle(p.s, 100));
		rec_epoll(d, "data", ep, 2000);
		rec_epoll(d, "once", ep, 30);
		diff_ret(d, "recv", recv(p.s, buf, 40, 0));
		rec_epoll(d, "rest", ep, 30);
		diff_ret(d, "send", send(p.c, diff_bytes(0), 1, 0));
		CHECK(diff_settle(p.s, 61));
		rec_epoll(d, "more", ep, 2000);
		diff_ret(d, "recv", recv(p.s, buf, sizeof(buf), 0));
		rec_epoll(d, "empty", ep, 30);
		/* one byte, a frame of its own */
		diff_ret(d, "send", send(p.c, diff_bytes(0), 1, 0));
		CHECK(diff_settle(p.s, 1));
		rec_epoll(d, "byte", ep, 2000);
		diff_ret(d, "recv", recv(p.s, buf, sizeof(buf), 0));
		rec_epoll(d, "empty", ep, 30);
	}
	diff_ret(d, "shutdown", shutdown(p.c, SHUT_WR));
	CHECK(until_fin(p.s));
	rec_epoll(d, "end", ep, 2000);
	rec_epoll(d, "once", ep, 30);
	diff_ret(d, "recv", recv(p.s, buf, sizeof(buf), 0));
	rec_epoll(d, "once", ep, 30);
}

/* Many sends and one reader who is told at least once after the last. */
static void edges_many(struct diff *d)
{
	struct pair p = diff_pair(d);
	int ep = new_epoll(p.s, EPOLLIN | EPOLLET), i, got = 0, n, events = 0;
	char buf[1 << 16];

	for (i = 0; i < 100; i++)
		CHECK(send(p.c, diff_bytes(0), 1 + i * 37 % 2000, 0) > 0);
	for (i = n = 0; i < 100; i++)
		n += 1 + i * 37 % 2000;
	while (got < n && (i = epoll_now(ep, 3000)) > 0) {
		events |= i;
		while ((i = recv(p.s, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
			got += i;
	}
	diff_rec(d, "got", "%d of %d, %#x", got, n, events);
	rec_epoll(d, "empty", ep, 50);
}

/* Sending and acknowledgements are no edges for who can write. */
static void edges_out(struct diff *d)
{
	struct pair p = small_pair(d);
	int ep, i;

	ep = new_epoll(p.c, EDGES);
	rec_epoll(d, "begin", ep, 2000);
	for (i = 0; i < 3; i++) {
		diff_ret(d, "send", send(p.c, diff_bytes(0), 100, 0));
		CHECK(diff_settle(p.s, 100));
		CHECK(diff_acked(p.c));
		rec_epoll(d, "sent", ep, 30);
		drain(p.s);
		rec_epoll(d, "read", ep, 30);
	}
	for (i = 0; i < 2; i++) {
		fill(p.c);
		rec_epoll(d, "full", ep, 50);
		drain(p.s);
		rec_epoll(d, "room", ep, 2000);
		rec_epoll(d, "once", ep, 50);
	}
	diff_ret(d, "back", send(p.s, diff_bytes(0), 10, 0));
	CHECK(diff_settle(p.c, 10));
	rec_epoll(d, "data", ep, 2000);
	rec_epoll(d, "once", ep, 50);
}

/* How a connection's end shows, for each order. */
static void edges_end(struct diff *d)
{
	struct pair p = diff_pair(d);
	int ep = new_epoll(p.s, EDGES);
	char c;

	rec_epoll(d, "begin", ep, 2000);
	diff_ret(d, "shutdown", shutdown(p.c, SHUT_WR));
	CHECK(until_fin(p.s));
	rec_epoll(d, "FIN", ep, 2000);
	rec_epoll(d, "once", ep, 50);
	diff_ret(d, "own", shutdown(p.s, SHUT_WR));
	rec_epoll(d, "both", ep, 2000);
	CHECK(diff_until_state(p.s, TCP_CLOSE));
	rec_epoll(d, "over", ep, 50);
	diff_ret(d, "recv", recv(p.s, &c, 1, 0));

	p = diff_pair(d);
	ep = new_epoll(p.s, EDGES);
	rec_epoll(d, "begin", ep, 2000);
	diff_ret(d, "own", shutdown(p.s, SHUT_WR));
	rec_epoll(d, "own", ep, 50);
	diff_ret(d, "shutdown", shutdown(p.c, SHUT_WR));
	CHECK(DIFF_UNTIL(poll_now(p.s, 0) & POLLHUP, 3000));
	rec_epoll(d, "both", ep, 2000);
	rec_epoll(d, "once", ep, 50);

	p = diff_pair(d);
	ep = new_epoll(p.s, EDGES);
	rec_epoll(d, "begin", ep, 2000);
	diff_ret(d, "rd", shutdown(p.s, SHUT_RD));
	rec_epoll(d, "rd", ep, 50);
	rec_epoll(d, "once", ep, 50);
	diff_ret(d, "rdwr", shutdown(p.s, SHUT_RDWR));
	rec_epoll(d, "rdwr", ep, 50);

	p = diff_pair(d);
	ep = new_epoll(p.s, EDGES);
	rec_epoll(d, "begin", ep, 2000);
	reset(p.c);
	CHECK(diff_until_state(p.s, TCP_CLOSE));
	rec_epoll(d, "reset", ep, 2000);
	rec_epoll(d, "once", ep, 50);
	rec_error(d, "SO_ERROR", p.s);
	rec_epoll(d, "once", ep, 50);
	rec_events(d, "after", p.s);
}

/* Level-triggered, with only what was asked for. */
static void masks(struct diff *d)
{
	static const unsigned int wanted[] = {
		0, EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLPRI, EPOLLHUP,
		EPOLLRDNORM, EPOLLWRNORM, EPOLLRDBAND, EPOLLWRBAND, EPOLLMSG,
	};
	struct pair p = diff_pair(d);
	int ep[ARRAY_SIZE(wanted)];
	unsigned int i, step;

	for (i = 0; i < ARRAY_SIZE(wanted); i++)
		ep[i] = new_epoll(p.s, wanted[i]);
	for (step = 0; step < 5; step++) {
		if (step == 1) {
			diff_ret(d, "send", send(p.c, diff_bytes(0), 50, 0));
			CHECK(diff_settle(p.s, 50));
		}
		if (step == 2) {
			shutdown(p.c, SHUT_WR);
			CHECK(until_fin(p.s));
		}
		if (step == 3)
			drain(p.s);
		if (step == 4) {
			shutdown(p.s, SHUT_WR);
			CHECK(diff_until_state(p.s, TCP_CLOSE));
		}
		for (i = 0; i < ARRAY_SIZE(wanted); i++)
			diff_rec(d, "mask", "%u %#x: %#x", step, wanted[i],
				 epoll_now(ep[i], 0));
	}
}

static void oneshot(struct diff *d)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT };
	struct pair p = diff_pair(d);
	int ep = new_epoll(p.s, e.events), i;

	for (i = 0; i < 3; i++) {
		diff_ret(d, "send", send(p.c, diff_bytes(0), 10, 0));
		CHECK(diff_settle(p.s, 10 + i * 10));
		rec_epoll(d, "first", ep, 2000);
		rec_epoll(d, "second", ep, 30);
		diff_ret(d, "rearm", epoll_ctl(ep, EPOLL_CTL_MOD, p.s, &e));
	}
	rec_epoll(d, "rearmed", ep, 1000);
	drain(p.s);
	diff_ret(d, "rearm", epoll_ctl(ep, EPOLL_CTL_MOD, p.s, &e));
	rec_epoll(d, "empty", ep, 30);
	e.events |= EPOLLET;
	diff_ret(d, "send", send(p.c, diff_bytes(0), 10, 0));
	CHECK(diff_settle(p.s, 10));
	rec_epoll(d, "data", ep, 1000);
	diff_ret(d, "rearm", epoll_ctl(ep, EPOLL_CTL_MOD, p.s, &e));
	rec_epoll(d, "edge", ep, 1000);
}

static long call_epoll(struct call *c)
{
	return epoll_now(c->fd, 4000);
}

/* How many of two waiters wake up for one event. */
static void waiters(struct diff *d, unsigned int flag, const char *label)
{
	struct pair p = diff_pair(d);
	struct call c[2];
	int i;

	for (i = 0; i < 2; i++) {
		c[i] = (struct call) { .fn = call_epoll };
		c[i].fd = new_epoll(p.s, EPOLLIN | flag);
		call_start(d, &c[i], "waiter");
		call_asleep(&c[i]);
	}
	diff_ret(d, "send", send(p.c, diff_bytes(0), 100, 0));
	CHECK(DIFF_UNTIL(call_done(&c[0]) || call_done(&c[1]), 3000));
	nap(50);
	diff_rec(d, label, "%d", call_done(&c[0]) + call_done(&c[1]));
	diff_ret(d, "close", close(p.c));
	for (i = 0; i < 2; i++)
		join(c[i].thread);
	diff_rec(d, "events", "%#lx %#lx", c[0].ret & EPOLLIN,
		 c[1].ret & EPOLLIN);
}

static void one_of_two(struct diff *d)
{
	waiters(d, 0, "all");
	waiters(d, EPOLLEXCLUSIVE, "exclusive");
	waiters(d, EPOLLEXCLUSIVE | EPOLLET, "exclusive edge");
}

/* poll() before, while and after connect(). */
static void while_connecting(struct diff *d)
{
	struct call c = { .fn = call_poll, .flags = DIFF_EVENTS };
	int l = new_listener(), fd = new_socket(A), ep, s;
	struct pair p;

	rec_events(d, "new", fd);
	rec_events(d, "listener", l);
	set_nonblock(fd, true);
	ep = new_epoll(fd, EDGES);
	rec_epoll(d, "new", ep, 0);
	diff_ret(d, "connect", do_connect(fd, B, port_of(l)));
	c.fd = fd;
	call_start(d, &c, "poll");
	call_end(&c);
	rec_epoll(d, "connected", ep, 2000);
	diff_ret(d, "connect", do_connect(fd, B, port_of(l)));
	diff_ret(d, "connect", do_connect(fd, B, port_of(l)));
	CHECK(DIFF_UNTIL(poll_now(l, POLLIN), 3000));
	rec_events(d, "listener", l);
	s = do_accept(l);
	rec_events(d, "listener", l);
	p = (struct pair) { fd, s };
	diff_ready(d, p);
	rec_epoll(d, "keys", ep, 50);
	rec_events(d, "client", fd);
	rec_events(d, "server", s);
	rec_error(d, "SO_ERROR", fd);
}

/* A socket that is watched since before connect(), edge-triggered. */
static void watched_early(struct diff *d)
{
	int l = new_listener(), fd = new_socket(A), ep, lp, s;
	struct pair p;

	ep = new_epoll(fd, EDGES);
	lp = new_epoll(l, EPOLLIN | EPOLLET);
	rec_epoll(d, "unconnected", ep, 0);
	rec_epoll(d, "no child", lp, 0);
	diff_ret(d, "connect", do_connect(fd, B, port_of(l)));
	rec_epoll(d, "child", lp, 2000);
	rec_epoll(d, "once", lp, 50);
	s = do_accept(l);
	p = (struct pair) { fd, s };
	diff_ready(d, p);
	rec_epoll(d, "connected", ep, 2000);
	rec_epoll(d, "once", ep, 50);
	diff_ret(d, "send", send(s, diff_bytes(0), 10, 0));
	CHECK(diff_settle(fd, 10));
	rec_epoll(d, "data", ep, 2000);
	rec_epoll(d, "once", ep, 50);
}

/* --- marks ---------------------------------------------------------------- */

static void lowat(struct diff *d)
{
	struct call c = { .fn = call_recv, .len = 1000 };
	struct pair p = diff_pair(d);
	int ep = new_epoll(p.s, EPOLLIN | EPOLLET), i;
	char buf[1000];

	diff_rec(d, "default", "%d", get_int(p.s, SOL_SOCKET, SO_RCVLOWAT));
	set_int(p.s, SOL_SOCKET, SO_RCVLOWAT, 300);
	diff_rec(d, "get", "%d", get_int(p.s, SOL_SOCKET, SO_RCVLOWAT));
	for (i = 0; i < 4; i++) {
		diff_ret(d, "send", send(p.c, diff_bytes(0), 100, 0));
		CHECK(diff_settle(p.s, (i + 1) * 100));
		rec_events(d, "events", p.s);
		rec_epoll(d, "edge", ep, 30);
	}
	diff_ret(d, "recv", recv(p.s, buf, 200, 0));
	rec_events(d, "events", p.s);
	diff_ret(d, "less", recv(p.s, buf, 200, 0));
	c.fd = p.s;
	call_start(d, &c, "recv");
	call_asleep(&c);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 250, 0));
	call_asleep(&c);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 50, 0));
	call_end(&c);
	/* set when there is enough: an edge */
	diff_ret(d, "send", send(p.c, diff_bytes(0), 100, 0));
	CHECK(diff_settle(p.s, 100));
	rec_epoll(d, "edge", ep, 30);
	set_int(p.s, SOL_SOCKET, SO_RCVLOWAT, 50);
	rec_epoll(d, "edge", ep, 1000);
	set_int(p.s, SOL_SOCKET, SO_RCVLOWAT, 0);
	diff_rec(d, "get", "%d", get_int(p.s, SOL_SOCKET, SO_RCVLOWAT));
	set_int(p.s, SOL_SOCKET, SO_RCVLOWAT, 2000);
	shutdown(p.c, SHUT_WR);
	CHECK(until_fin(p.s));
	rec_events(d, "events", p.s);
	diff_ret(d, "recv", recv(p.s, buf, sizeof(buf), 0));
	diff_ret(d, "recv", recv(p.s, buf, sizeof(buf), 0));
}

/* Set on the listener, or before connect(). */
static void lowat_inherited(struct diff *d)
{
	int l = new_listener(), fd = new_socket(A);
	struct pair p = { .c = fd };

	set_int(l, SOL_SOCKET, SO_RCVLOWAT, 200);
	set_int(fd, SOL_SOCKET, SO_RCVLOWAT, 300);
	CHECK_EQ(do_connect(fd, B, port_of(l)), 0);
	p.s = do_accept(l);
	diff_ready(d, p);
	diff_rec(d, "get", "%d", get_int(p.c, SOL_SOCKET, SO_RCVLOWAT));
	diff_rec(d, "get", "%d", get_int(p.s, SOL_SOCKET, SO_RCVLOWAT));
	diff_ret(d, "send", send(p.c, diff_bytes(0), 150, 0));
	CHECK(diff_settle(p.s, 150));
	rec_events(d, "events", p.s);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 50, 0));
	CHECK(diff_settle(p.s, 200));
	rec_events(d, "events", p.s);
	diff_ret(d, "send", send(p.s, diff_bytes(0), 250, 0));
	CHECK(diff_settle(p.c, 250));
	rec_events(d, "events", p.c);
	diff_ret(d, "send", send(p.s, diff_bytes(0), 50, 0));
	CHECK(diff_settle(p.c, 300));
	rec_events(d, "events", p.c);
}

/* A socket whose peer's window is closed is writable up to the mark. */
static void notsent_lowat(struct diff *d)
{
	struct pair p = sized_pair(d, 0, 16 << 10);
	int i, unsent;

	set_int(p.c, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 20000);
	diff_rec(d, "get", "%d", get_int(p.c, IPPROTO_TCP, TCP_NOTSENT_LOWAT));
	rec_events(d, "before", p.c);
	for (i = 0; i < 400; i++) {
		if (!DIFF_UNTIL(diff_poll(p.c) & POLLOUT,
				1e3 * probe_time(p.c)) &&
		    (diff_still(p.c, p.s, 300), !(diff_poll(p.c) & POLLOUT)))
			break;
		CHECK_EQ(send(p.c, diff_bytes(0), 2000, MSG_DONTWAIT), 2000);
	}
	unsent = diff_ioctl(p.c, SIOCOUTQNSD);
	diff_rec(d, "stops", "%d", i < 400);
	/* poll() stops at half the mark, which is crossed by one send */
	diff_rec(d, "unsent", "%s", unsent < 10000 ? "less" :
		 unsent < 13000 ? "half the mark" : "more");
	rec_events(d, "full", p.c);
	CHECK(DIFF_UNTIL((drain(p.s), !diff_ioctl(p.c, SIOCOUTQ)), 10000));
	rec_events(d, "after", p.c);
	diff_rec(d, "SIOCOUTQ", "%d %d", diff_ioctl(p.c, SIOCOUTQ),
		 diff_ioctl(p.c, SIOCOUTQNSD));
}

/* poll() until room or 5 s; an edge that is lost is no room. */
static bool next_edge(int ep)
{
	struct epoll_event ev = {};

	return epoll_wait(ep, &ev, 1, 5000) == 1 && ev.events & EPOLLOUT;
}

/* Whoever was refused by the mark hears of it when less is unsent. */
static void notsent_lowat_edge(struct diff *d)
{
	struct epoll_event ev = { .events = EPOLLOUT | EPOLLET };
	struct pair p = sized_pair(d, 0, 16 << 10);
	int ep = epoll_create1(0), i, j, edges = 0, full = 0;

	CHECK(ep >= 0);
	set_int(p.c, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 3000);
	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, p.c, &ev), 0);
	CHECK(next_edge(ep));
	for (i = 0; i < 15; i++) {
		for (j = 0; j < 400 && diff_poll(p.c) & POLLOUT; j++)
			send(p.c, diff_bytes(0), 500, MSG_DONTWAIT);
		full += j < 400;
		CHECK(DIFF_UNTIL((drain(p.s), !diff_ioctl(p.c, SIOCOUTQ)),
				 10000));
		edges += next_edge(ep);
	}
	diff_rec(d, "rounds", "full %d, edges %d", full, edges);
}

/* What a cork keeps is unsent. */
static void notsent_lowat_cork(struct diff *d)
{
	struct epoll_event ev = { .events = EPOLLOUT | EPOLLET };
	struct pair p = diff_pair(d);
	int ep = epoll_create1(0), i;

	CHECK(ep >= 0);
	set_int(p.c, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 200);
	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, p.c, &ev), 0);
	CHECK(next_edge(ep));
	for (i = 0; i < 5; i++) {
		set_int(p.c, IPPROTO_TCP, TCP_CORK, 1);
		diff_ret(d, "send", send(p.c, diff_bytes(0), 99, 0));
		rec_events(d, "below", p.c);
		diff_ret(d, "send", send(p.c, diff_bytes(99), 1, 0));
		rec_events(d, "above", p.c);
		/* either this or the timer lets it go */
		if (i & 1)
			set_int(p.c, IPPROTO_TCP, TCP_CORK, 0);
		diff_rec(d, "edge", "%d", next_edge(ep));
		CHECK(diff_settle(p.s, 100));
		drain(p.s);
		CHECK(diff_acked(p.c));
		rec_events(d, "after", p.c);
		set_int(p.c, IPPROTO_TCP, TCP_CORK, 0);
	}
}

/* SIOCOUTQ goes to 0 with the ACK, not before. */
static void outq(struct diff *d)
{
	struct pair p = diff_pair(d);
	int i;

	diff_rec(d, "idle", "%d %d", diff_ioctl(p.c, SIOCOUTQ),
		 diff_ioctl(p.c, SIOCOUTQNSD));
	for (i = 0; i < 10; i++) {
		diff_ret(d, "send", send(p.c, diff_bytes(0), 1 + i * 4000, 0));
		CHECK(diff_settle(p.s, 1 + i * 4000));
		CHECK(diff_acked(p.c));
		diff_rec(d, "acked", "%d %d", diff_ioctl(p.c, SIOCOUTQ),
			 diff_ioctl(p.c, SIOCOUTQNSD));
		drain(p.s);
	}
	set_int(p.c, IPPROTO_TCP, TCP_CORK, 1);
	diff_ret(d, "corked", send(p.c, diff_bytes(0), 100, 0));
	nap(20);
	diff_rec(d, "waits", "%d %d", diff_ioctl(p.c, SIOCOUTQ) >= 100,
		 diff_ioctl(p.c, SIOCOUTQNSD) >= 100);
	set_int(p.c, IPPROTO_TCP, TCP_CORK, 0);
	CHECK(diff_settle(p.s, 100));
	CHECK(diff_acked(p.c));
	shutdown(p.c, SHUT_WR);
	CHECK(until_fin(p.s));
	CHECK(diff_until_state(p.c, TCP_FIN_WAIT2));
	diff_rec(d, "shut", "%d %d", diff_ioctl(p.c, SIOCOUTQ),
		 diff_ioctl(p.c, SIOCOUTQNSD));
	close(p.s);
	CHECK(diff_until_state(p.c, TCP_CLOSE));
	diff_rec(d, "over", "%d %d %d", diff_ioctl(p.c, SIOCOUTQ),
		 diff_ioctl(p.c, SIOCOUTQNSD), diff_ioctl(p.c, SIOCINQ));
}

/* --- SIGIO ---------------------------------------------------------------- */

static int bands[64];
static int nbands;

static void note_band(int sig, siginfo_t *info, void *context)
{
	int n = __atomic_fetch_add(&nbands, 1, __ATOMIC_SEQ_CST);

	(void)sig;
	(void)context;
	if (n < 64)
		bands[n] = info->si_code << 16 | (int)info->si_band;
}

static void rec_bands(struct diff *d, const char *label)
{
	char text[400] = "";
	int i, n;

	nap(50);
	n = __atomic_load_n(&nbands, __ATOMIC_SEQ_CST);
	for (i = 0; i < n && i < 12; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 " %d:%#x", bands[i] >> 16, bands[i] & 0xffff);
	diff_rec(d, label, "%d:%s", n, text);
	nbands = 0;
}

static void watch_signals(int fd)
{
	struct sigaction sa = {
		.sa_sigaction = note_band, .sa_flags = SA_SIGINFO | SA_RESTART,
	};

	CHECK_EQ(sigaction(SIGRTMIN, &sa, NULL), 0);
	CHECK_EQ(fcntl(fd, F_SETOWN, getpid()), 0);
	CHECK_EQ(fcntl(fd, F_SETSIG, SIGRTMIN), 0);
	CHECK_EQ(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC), 0);
	nbands = 0;
}

/* A queued signal for each event: none missing, none besides. */
static void sigio_data(struct diff *d)
{
	struct pair p = diff_pair(d);
	char buf[200];
	int i;

	watch_signals(p.s);
	rec_bands(d, "none");
	for (i = 0; i < 3; i++) {
		diff_ret(d, "send", send(p.c, diff_bytes(0), 100, 0));
		CHECK(diff_settle(p.s, 100));
		rec_bands(d, "data");
		diff_ret(d, "recv", recv(p.s, buf, sizeof(buf), 0));
		rec_bands(d, "read");
		diff_ret(d, "send", send(p.c, diff_bytes(0), 1, 0));
		CHECK(diff_settle(p.s, 1));
		rec_bands(d, "byte");
		diff_ret(d, "recv", recv(p.s, buf, sizeof(buf), 0));
	}
	diff_ret(d, "own", send(p.s, diff_bytes(0), 100, 0));
	CHECK(diff_settle(p.c, 100));
	CHECK(diff_acked(p.s));
	rec_bands(d, "sent");
}

static void sigio_end(struct diff *d)
{
	struct pair p = diff_pair(d);

	watch_signals(p.s);
	shutdown(p.c, SHUT_WR);
	CHECK(until_fin(p.s));
	rec_bands(d, "FIN");
	shutdown(p.s, SHUT_WR);
	CHECK(diff_until_state(p.s, TCP_CLOSE));
	rec_bands(d, "both");
	close(p.s);

	p = diff_pair(d);
	watch_signals(p.s);
	shutdown(p.s, SHUT_WR);
	rec_bands(d, "own");
	shutdown(p.c, SHUT_WR);
	CHECK(DIFF_UNTIL(poll_now(p.s, 0) & POLLHUP, 3000));
	rec_bands(d, "both");
	close(p.s);

	p = diff_pair(d);
	watch_signals(p.s);
	reset(p.c);
	CHECK(diff_until_state(p.s, TCP_CLOSE));
	rec_bands(d, "reset");
}

static void sigio_room(struct diff *d)
{
	struct pair p = small_pair(d);

	fill(p.c);
	watch_signals(p.c);
	rec_bands(d, "full");
	drain(p.s);
	diff_rec(d, "room", "%d", DIFF_UNTIL(nbands, 2000));
	nap(50);
	diff_rec(d, "band", "%d:%#x", bands[0] >> 16, bands[0] & 0xffff);
}

static void sigurg(struct diff *d)
{
	struct pair p = diff_pair(d);
	char c;

	on_signal(SIGURG, SA_RESTART);
	CHECK_EQ(fcntl(p.s, F_SETOWN, getpid()), 0);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 10, MSG_OOB));
	diff_rec(d, "signal", "%d", DIFF_UNTIL(signals() == 1, 3000));
	CHECK(DIFF_UNTIL(poll_now(p.s, POLLPRI) & POLLPRI, 3000));
	rec_events(d, "events", p.s);
	diff_ret(d, "recv", recv(p.s, &c, 1, MSG_OOB));
	nap(50);
	diff_rec(d, "signals", "%d", signals());
}

/* An accept queue, watched with signals. */
static void sigio_accept(struct diff *d)
{
	int l = new_listener(), fd;
	struct pair p;

	watch_signals(l);
	fd = connect_to(l);
	CHECK(DIFF_UNTIL(poll_now(l, POLLIN), 3000));
	rec_bands(d, "child");
	p = (struct pair) { fd, do_accept(l) };
	diff_ready(d, p);
	rec_bands(d, "accepted");
	diff_rec(d, "inherited", "%d %#x", fcntl(p.s, F_GETOWN),
		 fcntl(p.s, F_GETFL) & O_ASYNC);
}

static const struct diff_scenario table[] = {
	{ "edges_in", edges_in, 0, 0 },
	{ "edges_many", edges_many, 0, 0 },
	{ "edges_out", edges_out, 0, 0 },
	{ "edges_end", edges_end, 0, 0 },
	{ "masks", masks, 0, 0 },
	{ "oneshot", oneshot, 0, 0 },
	{ "one_of_two", one_of_two, 0, 0 },
	{ "while_connecting", while_connecting, 0, 0 },
	{ "watched_early", watched_early, 0, 0 },
	{ "lowat", lowat, 0, 0 },
	{ "lowat_inherited", lowat_inherited, 0, 0 },
	{ "notsent_lowat", notsent_lowat, 0, 0 },
	{ "notsent_lowat_edge", notsent_lowat_edge, 0, 0 },
	{ "notsent_lowat_cork", notsent_lowat_cork, 0, 0 },
	{ "outq", outq, 0, 0 },
	{ "sigio_data", sigio_data, 0, 0 },
	{ "sigio_end", sigio_end, 0, 0 },
	{ "sigio_room", sigio_room, 0, 0 },
	{ "sigurg", sigurg, 0, 0 },
	{ "sigio_accept", sigio_accept, 0, 0 },
	{ }
};

int main(int argc, char **argv)
{
	return diff_main(argc, argv, table);
}
