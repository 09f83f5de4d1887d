// SPDX-License-Identifier: GPL-2.0
/*
 * How connections end, and what is told of it: close() and shutdown() in all
 * orders, resets, timeouts, refusals, disconnecting. Runs in the guest.
 *
 *	sock.sh diff/script_end_test
 */

#define _GNU_SOURCE
#include "script.h"

/* All that can be asked of a socket whose connection has ended. */
static void autopsy(struct diff *d, const char *label, int fd)
{
	struct sockaddr_storage a;
	socklen_t len;
	char text[60], buf[100];
	int i;

	snprintf(text, sizeof(text), "%s events", label);
	rec_events(d, text, fd);
	for (i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "%s recv", label);
		diff_ret(d, text, recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
	}
	snprintf(text, sizeof(text), "%s error", label);
	rec_error(d, text, fd);
	snprintf(text, sizeof(text), "%s send", label);
	diff_ret(d, text, send(fd, diff_bytes(0), 10, MSG_NOSIGNAL |
			       MSG_DONTWAIT));
	/* an answer, if there will be one */
	DIFF_UNTIL(diff_tcp_state(fd) == TCP_CLOSE, 300);
	diff_ret(d, text, send(fd, diff_bytes(0), 0, MSG_NOSIGNAL |
			       MSG_DONTWAIT));
	snprintf(text, sizeof(text), "%s error", label);
	rec_error(d, text, fd);
	len = sizeof(a);
	snprintf(text, sizeof(text), "%s getpeername", label);
	diff_ret(d, text, getpeername(fd, (struct sockaddr *)&a, &len));
	len = sizeof(a);
	snprintf(text, sizeof(text), "%s getsockname", label);
	diff_ret(d, text, getsockname(fd, (struct sockaddr *)&a, &len));
	snprintf(text, sizeof(text), "%s ioctl", label);
	diff_rec(d, text, "%d %d %d", diff_ioctl(fd, SIOCINQ),
		 diff_ioctl(fd, SIOCATMARK), diff_ioctl(fd, SIOCOUTQ) > 0);
	snprintf(text, sizeof(text), "%s oob", label);
	diff_ret(d, text, recv(fd, buf, 1, MSG_OOB));
	snprintf(text, sizeof(text), "%s shutdown", label);
	diff_ret(d, text, shutdown(fd, SHUT_RD));
	diff_ret(d, text, shutdown(fd, SHUT_WR));
	diff_ret(d, text, shutdown(fd, SHUT_RDWR));
	snprintf(text, sizeof(text), "%s events", label);
	rec_events(d, text, fd);
}

static void until_ended(int fd)
{
	CHECK(until_fin(fd));
}

/*
 * c goes in one of several ways, with unread data on either side or none: how
 * s sees it, by different first questions.
 */
static void leave(struct diff *d, unsigned int way)
{
	struct linger now_l = { 1, 0 }, later = { 1, 2 };
	unsigned int unread;
	char label[40];

	for (unread = 0; unread < 4; unread++) {
		struct pair p = diff_pair(d);

		snprintf(label, sizeof(label), "way %u unread %u", way, unread);
		if (unread & 1) {
			CHECK_EQ(send(p.c, diff_bytes(0), 150, 0), 150);
			CHECK(diff_settle(p.s, 150));
		}
		if (unread & 2) {
			CHECK_EQ(send(p.s, diff_bytes(0), 150, 0), 150);
			CHECK(diff_settle(p.c, 150));
		}
		CHECK(diff_acked(p.c) && diff_acked(p.s));
		if (way == 1)
			CHECK_EQ(setsockopt(p.c, SOL_SOCKET, SO_LINGER, &now_l,
					    sizeof(now_l)), 0);
		if (way == 2)
			CHECK_EQ(setsockopt(p.c, SOL_SOCKET, SO_LINGER, &later,
					    sizeof(later)), 0);
		if (way == 3)
			diff_ret(d, label, shutdown(p.c, SHUT_WR));
		if (way == 4)
			diff_ret(d, label, shutdown(p.c, SHUT_RDWR));
		if (way == 5)
			diff_ret(d, label, shutdown(p.c, SHUT_RD));
		if (way < 3 || way == 5)
			diff_ret(d, label, close(p.c));
		until_ended(p.s);
		autopsy(d, label, p.s);
		if (way == 3 || way == 4)
			autopsy(d, label, p.c);
		close(p.s);
	}
}

static void leave_close(struct diff *d)
{
	leave(d, 0);
}

static void leave_reset(struct diff *d)
{
	leave(d, 1);
}

static void leave_linger(struct diff *d)
{
	leave(d, 2);
}

static void leave_half(struct diff *d)
{
	leave(d, 3);
}

static void leave_shutdown(struct diff *d)
{
	leave(d, 4);
}

static void leave_deaf(struct diff *d)
{
	leave(d, 5);
}

/* The first question gets the error, and it alone. */
static void reset_first_question(struct diff *d)
{
	unsigned int i;
	char buf[10], label[40];
	struct pollfd q = { .events = DIFF_EVENTS };
	struct iovec v = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &v, .msg_iovlen = 1 };
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	for (i = 0; i < 9; i++) {
		struct pair p = diff_pair(d);

		reset(p.c);
		CHECK(diff_until_state(p.s, TCP_CLOSE));
		snprintf(label, sizeof(label), "question %u", i);
		if (i == 0)
			diff_ret(d, label, recv(p.s, buf, 10, 0));
		if (i == 1)
			diff_ret(d, label, send(p.s, diff_bytes(0), 10,
						MSG_NOSIGNAL));
		if (i == 2)
			rec_error(d, label, p.s);
		if (i == 3)
			diff_ret(d, label, recv(p.s, buf, 10, MSG_PEEK));
		if (i == 4)
			diff_ret(d, label, splice(p.s, NULL, fds[1], NULL, 10,
						  0));
		if (i == 5)
			diff_ret(d, label, do_connect(p.s, A, 9));
		if (i == 6)
			diff_ret(d, label, recvmsg(p.s, &msg, MSG_ERRQUEUE));
		if (i == 7)
			diff_ret(d, label, shutdown(p.s, SHUT_RDWR));
		if (i == 8)
			diff_ret(d, label, listen(p.s, 1));
		q.fd = p.s;
		diff_ret(d, label, poll(&q, 1, 0));
		diff_rec(d, label, "%#x", q.revents);
		diff_ret(d, label, recv(p.s, buf, 10, MSG_DONTWAIT));
		diff_ret(d, label, recv(p.s, buf, 10, MSG_DONTWAIT));
		diff_ret(d, label, send(p.s, diff_bytes(0), 10, MSG_NOSIGNAL));
		rec_error(d, label, p.s);
		diff_rec(d, label, "%#x", diff_poll(p.s));
		close(p.s);
	}
}

/* Data that was not sent is lost, what was received is not... or is it? */
static void reset_with_data(struct diff *d)
{
	struct pair p = diff_pair(d);
	char buf[100];
	int i;

	CHECK_EQ(send(p.c, diff_bytes(0), 150, 0), 150);
	CHECK(diff_settle(p.s, 150));
	reset(p.c);
	CHECK(diff_until_state(p.s, TCP_CLOSE));
	diff_rec(d, "FIONREAD", "%d", diff_ioctl(p.s, SIOCINQ));
	for (i = 0; i < 4; i++) {
		rec_events(d, "events", p.s);
		diff_ret(d, "recv", recv(p.s, buf, sizeof(buf), 0));
	}
	p = small_pair(d);
	fill(p.c);
	reset(p.s);
	CHECK(diff_until_state(p.c, TCP_CLOSE));
	autopsy(d, "unsent", p.c);
}

/* Two ends that go at once, or one after the other. */
static void both_leave(struct diff *d)
{
	struct pair p;
	unsigned int i;
	char c;

	for (i = 0; i < 4; i++) {
		p = diff_pair(d);
		diff_ret(d, "first", shutdown(p.c, SHUT_WR));
		if (i & 1)
			CHECK(until_fin(p.s));
		diff_ret(d, "second", shutdown(p.s, SHUT_WR));
		diff_ret(d, "end", recv(p.c, &c, 1, 0));
		diff_ret(d, "end", recv(p.s, &c, 1, 0));
		CHECK(diff_until_state(p.c, TCP_CLOSE));
		CHECK(diff_until_state(p.s, TCP_CLOSE));
		if (i & 2)
			autopsy(d, "c", p.c);
		autopsy(d, "s", p.s);
		close_pair(p);
	}
}

/* One direction goes on after the other has ended. */
static void half_open(struct diff *d)
{
	struct pair p = diff_pair(d);
	char buf[200];
	int i;

	diff_ret(d, "shutdown", shutdown(p.c, SHUT_WR));
	CHECK(until_fin(p.s));
	for (i = 0; i < 5; i++) {
		diff_ret(d, "send", send(p.s, diff_bytes(0), 100, 0));
		CHECK(diff_settle(p.c, 100));
		rec_events(d, "c", p.c);
		rec_events(d, "s", p.s);
		diff_ret(d, "recv", recv(p.c, buf, sizeof(buf), 0));
		rec_events(d, "c", p.c);
	}
	diff_ret(d, "shutdown", shutdown(p.c, SHUT_WR));
	diff_ret(d, "rd", shutdown(p.c, SHUT_RD));
	rec_events(d, "c", p.c);
	/* nobody wants what comes now */
	diff_ret(d, "send", send(p.s, diff_bytes(0), 100, 0));
	diff_still(p.c, p.s, 200);
	autopsy(d, "s", p.s);
	autopsy(d, "c", p.c);
}

/* --- SO_LINGER ------------------------------------------------------------ */

static const char *took(double begin)
{
	double t = now() - begin;

	return t < 0.7 ? "at once" : t < 2.7 ? "about a second" : "long";
}

static void linger_for(struct diff *d, const char *label, int fd, int seconds)
{
	struct linger l = { 1, seconds };
	double begin;

	CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	begin = now();
	diff_ret(d, label, close(fd));
	diff_rec(d, label, "%s", took(begin));
}

static void linger(struct diff *d)
{
	struct pair p = diff_pair(d);
	char c;

	/* all is acknowledged */
	linger_for(d, "idle", p.c, 10);
	diff_ret(d, "end", recv(p.s, &c, 1, 0));
	p = diff_pair(d);
	CHECK_EQ(send(p.c, diff_bytes(0), 1000, 0), 1000);
	linger_for(d, "sent", p.c, 10);
	diff_rec(d, "read", "%zu", drain(p.s));
	/* the peer does not read */
	p = small_pair(d);
	fill(p.c);
	linger_for(d, "full", p.c, 1);
	diff_ret(d, "end", drain_to_end(p.s));
	/* nonblocking sockets linger all the same */
	p = small_pair(d);
	fill(p.c);
	set_nonblock(p.c, true);
	linger_for(d, "nonblocking", p.c, 1);
	diff_ret(d, "end", drain_to_end(p.s));
	/* unread data: RST, and nothing to wait for */
	p = diff_pair(d);
	CHECK_EQ(send(p.s, diff_bytes(0), 1000, 0), 1000);
	CHECK(diff_settle(p.c, 1000));
	linger_for(d, "unread", p.c, 10);
	CHECK(diff_until_state(p.s, TCP_CLOSE));
	diff_ret(d, "reset", recv(p.s, &c, 1, 0));
	/* after shutdown() */
	p = diff_pair(d);
	shutdown(p.c, SHUT_WR);
	linger_for(d, "shut", p.c, 10);
	diff_ret(d, "end", recv(p.s, &c, 1, 0));
}

static long call_close(struct call *c)
{
	return close(c->fd);
}

static void linger_interrupted(struct diff *d)
{
	struct linger l = { 1, 20 };
	struct pair p = small_pair(d);
	struct call c = { .fn = call_close, .fd = p.c };

	on_signal(SIGUSR1, 0);
	fill(p.c);
	CHECK_EQ(setsockopt(p.c, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	call_start(d, &c, "close");
	call_asleep(&c);
	CHECK_EQ(syscall(SYS_tgkill, getpid(), c.tid, SIGUSR1), 0);
	call_end(&c);
	diff_ret(d, "end", drain_to_end(p.s));
}

/* --- peers that vanish ---------------------------------------------------- */

/* Nothing that comes for it arrives any more. */
static void vanish(int fd)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { .len = 1, .filter = &none };

	CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			    sizeof(prog)), 0);
}

static void user_timeout(struct diff *d)
{
	struct pair p = diff_pair(d);

	set_int(p.c, IPPROTO_TCP, TCP_USER_TIMEOUT, 700);
	diff_rec(d, "get", "%d", get_int(p.c, IPPROTO_TCP, TCP_USER_TIMEOUT));
	vanish(p.s);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 100, 0));
	CHECK(DIFF_UNTIL(diff_poll(p.c) & POLLERR, 15000));
	autopsy(d, "c", p.c);
	p = diff_pair(d);
	set_int(p.c, IPPROTO_TCP, TCP_USER_TIMEOUT, 700);
	vanish(p.s);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 100, 0));
	diff_ret(d, "recv", recv(p.c, &(char) { 0 }, 1, 0));
	diff_ret(d, "recv", recv(p.c, &(char) { 0 }, 1, 0));
	autopsy(d, "c", p.c);
}

static void keepalive(struct diff *d)
{
	struct pair p = diff_pair(d);
	double begin;

	set_int(p.c, IPPROTO_TCP, TCP_KEEPIDLE, 1);
	set_int(p.c, IPPROTO_TCP, TCP_KEEPINTVL, 1);
	set_int(p.c, IPPROTO_TCP, TCP_KEEPCNT, 2);
	set_int(p.c, SOL_SOCKET, SO_KEEPALIVE, 1);
	nap(2500);	/* it is alive */
	rec_events(d, "alive", p.c);
	vanish(p.s);
	begin = now();
	diff_ret(d, "recv", recv(p.c, &(char) { 0 }, 1, 0));
	diff_rec(d, "in time", "%d", now() - begin > 0.9 &&
		 now() - begin < 8);
	autopsy(d, "c", p.c);
}

/* --- connect() ------------------------------------------------------------ */

static void refused(struct diff *d)
{
	int fd = new_socket(A), i;
	int l = new_listener(), port = port_of(l);
	struct pollfd q = { .fd = fd, .events = DIFF_EVENTS };

	close(l);
	diff_pair(d);
	for (i = 0; i < 2; i++) {
		diff_ret(d, "connect", do_connect(fd, B, port));
		rec_events(d, "events", fd);
		rec_error(d, "error", fd);
	}
	autopsy(d, "refused", fd);
	set_nonblock(fd, true);
	diff_ret(d, "connect", do_connect(fd, B, port));
	diff_ret(d, "poll", poll(&q, 1, 5000));
	diff_rec(d, "events", "%#x", q.revents);
	diff_ret(d, "connect", do_connect(fd, B, port));
	rec_error(d, "error", fd);
	rec_events(d, "events", fd);
	l = new_bound();
	CHECK_EQ(listen(l, 5), 0);
	set_nonblock(fd, false);
	diff_ret(d, "connect", do_connect(fd, B, port_of(l)));
	rec_events(d, "events", fd);
}

static int deaf_listener(void)
{
	int l = new_bound(), i;

	CHECK_EQ(listen(l, 0), 0);
	for (i = 0; i < 2; i++) {
		int fd = new_socket(A);

		set_nonblock(fd, true);
		do_connect(fd, B, port_of(l));
		nap(100);
	}
	return l;
}

static void connect_timeouts(struct diff *d)
{
	int l, port, fd;

	diff_pair(d);
	l = deaf_listener();
	port = port_of(l);
	fd = new_socket(A);
	set_timeout(fd, SO_SNDTIMEO, 300);
	diff_ret(d, "connect", do_connect(fd, B, port));
	rec_events(d, "events", fd);
	rec_error(d, "error", fd);
	diff_ret(d, "send", send(fd, diff_bytes(0), 10, MSG_NOSIGNAL));
	diff_ret(d, "recv", recv(fd, &(char) { 0 }, 1, MSG_DONTWAIT));
	diff_ret(d, "again", do_connect(fd, B, port));
	diff_ret(d, "shutdown", shutdown(fd, SHUT_RDWR));
	rec_events(d, "events", fd);
	close(fd);
	fd = new_socket(A);
	set_int(fd, IPPROTO_TCP, TCP_SYNCNT, 1);
	diff_ret(d, "syncnt", do_connect(fd, B, port));
	autopsy(d, "syncnt", fd);
	close(fd);
	fd = new_socket(A);
	set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 500);
	diff_ret(d, "user timeout", do_connect(fd, B, port));
	rec_error(d, "error", fd);
}

/* A listener that goes with children that nobody accepted. */
static void listener_leaves(struct diff *d)
{
	int l, fd;

	diff_pair(d);
	l = new_listener();
	fd = connect_to(l);
	CHECK(DIFF_UNTIL(poll_now(l, POLLIN), 3000));
	close(l);
	CHECK(DIFF_UNTIL(diff_tcp_state(fd) == TCP_CLOSE, 5000));
	autopsy(d, "client", fd);
	l = new_listener();
	fd = connect_to(l);
	CHECK(DIFF_UNTIL(poll_now(l, POLLIN), 3000));
	diff_ret(d, "shutdown", shutdown(l, SHUT_RD));
	CHECK(DIFF_UNTIL(diff_tcp_state(fd) == TCP_CLOSE, 5000));
	rec_events(d, "listener", l);
	diff_ret(d, "accept", accept(l, NULL, NULL));
}

/* --- disconnecting -------------------------------------------------------- */

static long disconnect(int fd)
{
	struct sockaddr to = { .sa_family = AF_UNSPEC };

	return connect(fd, &to, sizeof(to));
}

static void disconnected(struct diff *d)
{
	struct pair p = diff_pair(d);
	int l, s;

	diff_ret(d, "disconnect", disconnect(p.c));
	until_ended(p.s);
	autopsy(d, "peer", p.s);
	autopsy(d, "self", p.c);
	diff_ret(d, "disconnect", disconnect(p.c));
	/* and again, the other way round */
	l = new_listener();
	diff_ret(d, "connect", do_connect(p.c, B, port_of(l)));
	s = do_accept(l);
	diff_ready(d, (struct pair) { p.c, s });
	ping(p.c, s);
	ping(s, p.c);
	diff_ret(d, "disconnect", disconnect(s));
	until_ended(p.c);
	autopsy(d, "peer", p.c);
	close(l);
	/* with unread data */
	p = diff_pair(d);
	CHECK_EQ(send(p.s, diff_bytes(0), 100, 0), 100);
	CHECK(diff_settle(p.c, 100));
	diff_ret(d, "disconnect", disconnect(p.c));
	diff_rec(d, "FIONREAD", "%d", diff_ioctl(p.c, SIOCINQ));
	autopsy(d, "self", p.c);
}

/* Sockets that were connected listen, and the other way round. */
static void listen_again(struct diff *d)
{
	struct pair p = diff_pair(d);
	int fd, s;

	diff_ret(d, "listen", listen(p.c, 1));
	diff_ret(d, "bind", do_bind(p.c, A, 0));
	diff_ret(d, "connect", do_connect(p.c, B, 9));
	diff_ret(d, "accept", accept(p.c, NULL, NULL));
	diff_ret(d, "disconnect", disconnect(p.s));
	CHECK(diff_until_state(p.c, TCP_CLOSE));
	diff_ret(d, "bind", do_bind(p.s, B, d->plain ? PLAIN_PORT : 0));
	diff_ret(d, "listen", listen(p.s, 1));
	fd = new_socket(A);
	diff_ret(d, "connect", do_connect(fd, B, port_of(p.s)));
	s = do_accept(p.s);
	diff_ready(d, (struct pair) { fd, s });
	ping(fd, s);
	diff_ret(d, "disconnect", disconnect(p.s));
	rec_events(d, "listener", p.s);
	diff_ret(d, "accept", accept(p.s, NULL, NULL));
	ping(s, fd);
}

/* A sleeper whose socket is disconnected. */
static void disconnect_under(struct diff *d)
{
	struct pair p = diff_pair(d);
	struct call c = { .fn = call_recv, .fd = p.c, .len = 100 };

	call_start(d, &c, "recv");
	call_asleep(&c);
	diff_ret(d, "disconnect", disconnect(p.c));
	call_asleep(&c);
	if (!call_done(&c))
		shutdown(p.c, SHUT_RDWR);
	call_end(&c);
	p = diff_pair(d);
	c = (struct call) { .fn = call_poll, .fd = p.c, .flags = POLLIN };
	call_start(d, &c, "poll");
	call_asleep(&c);
	diff_ret(d, "disconnect", disconnect(p.c));
	call_end(&c);
}

static const struct diff_scenario table[] = {
	{ "leave_close", leave_close, 0, 0 },
	{ "leave_reset", leave_reset, 0, 0 },
	{ "leave_linger", leave_linger, 0, 0 },
	{ "leave_half", leave_half, 0, 0 },
	{ "leave_shutdown", leave_shutdown, 0, 0 },
	{ "leave_deaf", leave_deaf, 0, 0 },
	{ "reset_first_question", reset_first_question, 0, 0 },
	{ "reset_with_data", reset_with_data, 0, 0 },
	{ "both_leave", both_leave, 0, 0 },
	{ "half_open", half_open, 0, 0 },
	{ "linger", linger, 0, 0 },
	{ "linger_interrupted", linger_interrupted, 0, 0 },
	{ "user_timeout", user_timeout, 0, 0 },
	{ "keepalive", keepalive, 0, 0 },
	{ "refused", refused, 0, 0 },
	{ "connect_timeouts", connect_timeouts, 0, 0 },
	{ "listener_leaves", listener_leaves, 0, 0 },
	{ "disconnected", disconnected, 0, 0 },
	{ "listen_again", listen_again, 0, 0 },
	{ "disconnect_under", disconnect_under, 0, 0 },
	{ }
};

int main(int argc, char **argv)
{
	return diff_main(argc, argv, table);
}
