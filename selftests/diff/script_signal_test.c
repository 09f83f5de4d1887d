// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that block, and what ends them: signals, timeouts, other threads,
 * other processes. Runs in the guest.
 *
 *	sock.sh diff/script_signal_test
 */

#define _GNU_SOURCE
#include "script.h"

/* --- signals -------------------------------------------------------------- */

static long call_accept(struct call *c)
{
	long fd = accept(c->fd, NULL, NULL);

	return fd < 0 ? fd : 0;
}

static long call_splice_in(struct call *c)
{
	return splice(c->fd, NULL, c->fd2, NULL, c->len, 0);
}

static long call_splice_out(struct call *c)
{
	return splice(c->fd2, NULL, c->fd, NULL, c->len, 0);
}

static long call_sendfile(struct call *c)
{
	return sendfile(c->fd, c->fd2, NULL, c->len);
}

static long call_epoll(struct call *c)
{
	struct epoll_event e = { .events = EPOLLIN };
	int ep = epoll_create1(0);

	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e), 0);
	return epoll_wait(ep, &e, 1, -1);
}

static long call_connect(struct call *c)
{
	return do_connect(c->fd, B, c->len);
}

/* Each reading call, with SA_RESTART and without, with a timeout or not. */
static void interrupted_readers(struct diff *d)
{
	static const struct {
		const char	*name;
		long		(*fn)(struct call *c);
		size_t		len;
		int		flags;
	} calls[] = {
		{ "recv", call_recv, 100, 0 },
		{ "peek", call_recv, 100, MSG_PEEK },
		{ "nothing", call_recv, 0, 0 },
		{ "poll", call_poll, 0, POLLIN },
		{ "epoll", call_epoll, 0, 0 },
		{ "splice", call_splice_in, 100, 0 },
	};
	unsigned int i, mode;
	struct pair p = diff_pair(d);
	char label[40];
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	for (mode = 0; mode < 4; mode++) {
		on_signal(SIGUSR1, mode & 1 ? SA_RESTART : 0);
		set_timeout(p.s, SO_RCVTIMEO, mode & 2 ? 30000 : 0);
		for (i = 0; i < ARRAY_SIZE(calls); i++) {
			struct call c = {
				.fn = calls[i].fn, .fd = p.s, .fd2 = fds[1],
				.len = calls[i].len, .flags = calls[i].flags,
			};

			snprintf(label, sizeof(label), "%s %u", calls[i].name,
				 mode);
			interrupt(d, &c, label, feed, p);
			drain(p.s);
		}
	}
}

static void interrupted_waitall(struct diff *d)
{
	struct pair p = diff_pair(d);
	unsigned int mode;

	for (mode = 0; mode < 4; mode++) {
		struct call c = {
			.fn = call_recv, .fd = p.s, .len = 110,
			.flags = MSG_WAITALL,
		};

		on_signal(SIGUSR1, mode & 1 ? SA_RESTART : 0);
		set_timeout(p.s, SO_RCVTIMEO, mode & 2 ? 30000 : 0);
		diff_ret(d, "send", send(p.c, diff_bytes(0), 100, 0));
		interrupt(d, &c, "waitall", feed, p);
		drain(p.s);
	}
}

/* Nothing was sent: to a full socket. */
static void interrupted_writers(struct diff *d)
{
	unsigned int i, mode;
	char label[40];
	int fds[2], file;

	file = memfd_create("f", 0);
	CHECK_EQ(write(file, diff_bytes(0), 65536), 65536);
	for (mode = 0; mode < 4; mode++) {
		for (i = 0; i < 4; i++) {
			struct pair p = small_pair(d);
			struct call c = { .fd = p.c, .len = 1000 };

			CHECK_EQ(pipe(fds), 0);
			on_signal(SIGUSR1, mode & 1 ? SA_RESTART : 0);
			set_timeout(p.c, SO_SNDTIMEO, mode & 2 ? 30000 : 0);
			CHECK_EQ(lseek(file, 0, SEEK_SET), 0);
			fill(p.c);
			c.fn = i == 0 ? call_send : i == 1 ? call_sendfile :
			       i == 2 ? call_splice_out : call_poll;
			c.flags = i == 3 ? POLLOUT : MSG_NOSIGNAL;
			c.fd2 = i == 2 ? fds[0] : file;
			if (i == 2)
				CHECK_EQ(write(fds[1], diff_bytes(0), 1000),
					 1000);
			if (i == 3)
				c.len = 0;
			snprintf(label, sizeof(label), "write %u %u", i, mode);
			call_start(d, &c, label);
			call_asleep(&c);
			caught = 0;
			CHECK_EQ(syscall(SYS_tgkill, getpid(), c.tid, SIGUSR1),
				 0);
			CHECK(DIFF_UNTIL(signals(), 3000));
			call_asleep(&c);
			if (!call_done(&c))
				drain(p.s);
			call_end(&c);
			close_pair(p);
			close(fds[0]);
			close(fds[1]);
		}
	}
}

/* Something was sent already: the call says how much. */
static void interrupted_midway(struct diff *d)
{
	unsigned int mode;

	for (mode = 0; mode < 2; mode++) {
		struct pair p = small_pair(d);
		struct call c = { .fn = call_send, .fd = p.c, .len = 400000 };
		size_t got;

		on_signal(SIGUSR1, mode & 1 ? SA_RESTART : 0);
		call_start(d, &c, "much");
		call_asleep(&c);
		caught = 0;
		CHECK_EQ(syscall(SYS_tgkill, getpid(), c.tid, SIGUSR1), 0);
		join(c.thread);
		diff_rec(d, "part", "%d", c.ret > 0 && c.ret < 400000);
		got = drain(p.s);
		diff_rec(d, "all of it", "%d", got == (size_t)c.ret);
	}
}

static void interrupted_accept(struct diff *d)
{
	unsigned int mode;

	diff_pair(d);	/* be encrypted at least once */
	for (mode = 0; mode < 4; mode++) {
		int l = new_listener();
		struct call c = { .fn = call_accept, .fd = l };

		on_signal(SIGUSR1, mode & 1 ? SA_RESTART : 0);
		set_timeout(l, SO_RCVTIMEO, mode & 2 ? 30000 : 0);
		call_start(d, &c, "accept");
		call_asleep(&c);
		caught = 0;
		CHECK_EQ(syscall(SYS_tgkill, getpid(), c.tid, SIGUSR1), 0);
		CHECK(DIFF_UNTIL(signals(), 3000));
		call_asleep(&c);
		if (!call_done(&c))
			connect_to(l);
		call_end(&c);
		close(l);
	}
}

/* A server that does not answer: the queue of its listener is full. */
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

static void interrupted_connect(struct diff *d)
{
	unsigned int mode;

	diff_pair(d);
	for (mode = 0; mode < 4; mode++) {
		int l = deaf_listener(), fd = new_socket(A);
		struct call c = { .fn = call_connect, .fd = fd };

		c.len = port_of(l);
		on_signal(SIGUSR1, mode & 1 ? SA_RESTART : 0);
		set_timeout(fd, SO_SNDTIMEO, mode & 2 ? 3000 : 0);
		call_start(d, &c, "connect");
		call_asleep(&c);
		caught = 0;
		CHECK_EQ(syscall(SYS_tgkill, getpid(), c.tid, SIGUSR1), 0);
		CHECK(DIFF_UNTIL(signals(), 3000));
		call_asleep(&c);
		close(l);	/* RST for the next SYN, should it go on */
		call_end(&c);
		rec_events(d, "events", fd);
		close(fd);
	}
}

static void timeouts(struct diff *d)
{
	struct pair p = small_pair(d);
	char buf[200];

	set_timeout(p.s, SO_RCVTIMEO, 80);
	diff_ret(d, "recv", recv(p.s, buf, sizeof(buf), 0));
	diff_ret(d, "send", send(p.c, diff_bytes(0), 100, 0));
	CHECK(diff_settle(p.s, 100));
	diff_ret(d, "waitall", recv(p.s, buf, 200, MSG_WAITALL));
	diff_ret(d, "waitall", recv(p.s, buf, 200, MSG_WAITALL));
	set_timeout(p.c, SO_SNDTIMEO, 80);
	fill(p.c);
	diff_ret(d, "full", send(p.c, diff_bytes(0), 100, 0));
	rec_events(d, "events", p.c);
	rec_error(d, "SO_ERROR", p.c);
	CHECK(DIFF_UNTIL((drain(p.s), poll_now(p.c, POLLOUT)), 8000));
	diff_ret(d, "room", send(p.c, diff_bytes(0), 100, 0));
}

static void sigpipe(struct diff *d)
{
	struct pair p = diff_pair(d);

	on_signal(SIGPIPE, 0);
	shutdown(p.c, SHUT_WR);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 10, 0));
	diff_rec(d, "signals", "%d", signals());
	diff_ret(d, "nosignal", send(p.c, diff_bytes(0), 10, MSG_NOSIGNAL));
	diff_rec(d, "signals", "%d", signals());
	diff_ret(d, "write", write(p.c, diff_bytes(0), 10));
	diff_rec(d, "signals", "%d", signals());
	diff_ret(d, "nothing", send(p.c, diff_bytes(0), 0, 0));
	diff_rec(d, "signals", "%d", signals());
	p = diff_pair(d);
	reset(p.s);
	CHECK(diff_until_state(p.c, TCP_CLOSE));
	diff_ret(d, "reset", send(p.c, diff_bytes(0), 10, 0));
	diff_rec(d, "signals", "%d", signals());
	diff_ret(d, "again", send(p.c, diff_bytes(0), 10, 0));
	diff_rec(d, "signals", "%d", signals());
	diff_ret(d, "nothing", send(p.c, diff_bytes(0), 0, 0));
	diff_rec(d, "signals", "%d", signals());
}

/* --- threads -------------------------------------------------------------- */

/* One thread ends the connection in which the other sleeps. */
static void shut_under(struct diff *d)
{
	static const int hows[] = { SHUT_RD, SHUT_WR, SHUT_RDWR };
	unsigned int i, j;
	char label[40];
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	for (i = 0; i < 3; i++) {
		for (j = 0; j < 4; j++) {
			struct pair p = diff_pair(d);
			struct call c = { .fd = p.s, .len = 100 };

			c.fn = j == 0 ? call_recv : j == 1 ? call_poll :
			       j == 2 ? call_epoll : call_splice_in;
			c.fd2 = fds[1];
			if (j == 1) {
				c.len = 0;
				c.flags = POLLIN;
			}
			snprintf(label, sizeof(label), "%u under %u", i, j);
			call_start(d, &c, label);
			call_asleep(&c);
			diff_ret(d, "shutdown", shutdown(p.s, hows[i]));
			call_asleep(&c);
			rec_events(d, "peer", p.c);
			shutdown(p.c, SHUT_RDWR);
			call_end(&c);
			close_pair(p);
		}
	}
}

static void shut_under_writer(struct diff *d)
{
	static const int hows[] = { SHUT_RD, SHUT_WR, SHUT_RDWR };
	unsigned int i, j;
	char label[40];

	for (i = 0; i < 3; i++) {
		for (j = 0; j < 2; j++) {
			struct pair p = small_pair(d);
			struct call c = { .fd = p.c, .len = 3000 };

			fill(p.c);
			c.fn = j ? call_poll : call_send_all;
			if (j) {
				c.len = 0;
				c.flags = POLLOUT;
			}
			snprintf(label, sizeof(label), "%u under %u", i, j);
			call_start(d, &c, label);
			call_asleep(&c);
			diff_ret(d, "shutdown", shutdown(p.c, hows[i]));
			call_asleep(&c);
			if (!call_done(&c))
				reset(p.s);
			call_end(&c);
		}
	}
}

/* The descriptor is closed under a sleeper: the call goes on. */
static void close_under(struct diff *d)
{
	struct pair p = diff_pair(d);
	struct call c = { .fn = call_recv, .fd = p.s, .len = 100 };

	call_start(d, &c, "recv");
	call_asleep(&c);
	diff_ret(d, "close", close(p.s));
	call_asleep(&c);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 50, 0));
	call_end(&c);
	CHECK(until_fin(p.c));
	rec_events(d, "peer", p.c);
}

static void reset_under(struct diff *d)
{
	static long (*const calls[])(struct call *c) = {
		call_recv, call_poll, call_epoll, call_splice_in,
		call_send_all,
	};
	char label[40];
	unsigned int i;
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		struct pair p = small_pair(d);
		struct call c = { .fd = p.c, .len = 3000, .fn = calls[i] };

		c.fd2 = fds[1];
		if (i == 1) {
			c.flags = POLLIN;
			c.len = 0;
		}
		if (i == 4)
			fill(p.c);
		snprintf(label, sizeof(label), "call %u", i);
		call_start(d, &c, label);
		call_asleep(&c);
		reset(p.s);
		call_end(&c);
		rec_error(d, "SO_ERROR", p.c);
		rec_error(d, "SO_ERROR", p.c);
	}
}

/* Of two sleepers one gets the data, the other the end. */
static void two_readers(struct diff *d)
{
	struct pair p = diff_pair(d);
	struct call c[2];
	int i;

	for (i = 0; i < 2; i++) {
		c[i] = (struct call) {
			.fn = call_recv, .fd = p.s, .len = 1000,
		};
		call_start(d, &c[i], "reader");
		call_asleep(&c[i]);
	}
	diff_ret(d, "send", send(p.c, diff_bytes(0), 100, 0));
	CHECK(DIFF_UNTIL(call_done(&c[0]) || call_done(&c[1]), 3000));
	nap(50);
	diff_rec(d, "woken", "%d", call_done(&c[0]) + call_done(&c[1]));
	close(p.c);
	join(c[0].thread);
	join(c[1].thread);
	diff_rec(d, "sum", "%ld", c[0].ret + c[1].ret);
}

/* Two that wait for all of a large piece each; none gets a byte twice. */
static void two_waitall(struct diff *d)
{
	struct pair p = diff_pair(d);
	struct call c[2];
	int i;

	for (i = 0; i < 2; i++) {
		c[i] = (struct call) {
			.fn = call_recv, .fd = p.s, .len = 60000,
			.flags = MSG_WAITALL,
		};
		call_start(d, &c[i], "reader");
		call_asleep(&c[i]);
	}
	for (i = 0; i < 12; i++)
		CHECK_EQ(send(p.c, diff_bytes(0), 10000, 0), 10000);
	for (i = 0; i < 2; i++)
		call_end(&c[i]);
	rec_events(d, "events", p.s);
}

static void two_writers(struct diff *d)
{
	struct pair p = small_pair(d);
	struct call c[2];
	size_t got;
	int i;

	for (i = 0; i < 2; i++) {
		c[i] = (struct call) {
			.fn = call_send, .fd = p.c, .len = 150000,
		};
		call_start(d, &c[i], "writer");
	}
	call_asleep(&c[0]);
	call_asleep(&c[1]);
	got = drain(p.s);
	for (i = 0; i < 2; i++)
		call_end(&c[i]);
	got += drain(p.s);
	diff_rec(d, "got", "%zu", got);
}

/* --- processes ------------------------------------------------------------ */

static int child_exit(pid_t pid)
{
	int status = -1;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

/* Descriptors that others hold: close() in one is no end, shutdown() is. */
static void shared(struct diff *d)
{
	struct pair p = diff_pair(d);
	char buf[100];
	int copy = dup(p.s);
	pid_t pid;

	close(p.s);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 10, 0));
	CHECK(diff_settle(copy, 10));
	rec_events(d, "peer", p.c);
	pid = fork();
	if (!pid)
		_exit(recv(copy, buf, sizeof(buf), 0) != 10);
	diff_rec(d, "child", "%d", child_exit(pid));
	rec_events(d, "peer", p.c);
	pid = fork();
	if (!pid) {
		close(copy);
		_exit(0);
	}
	diff_rec(d, "child", "%d", child_exit(pid));
	rec_events(d, "peer", p.c);
	pid = fork();
	if (!pid)
		_exit(send(copy, diff_bytes(0), 20, 0) != 20 ||
		      shutdown(copy, SHUT_WR));
	diff_rec(d, "child", "%d", child_exit(pid));
	CHECK(until_fin(p.c));
	diff_ret(d, "recv", recv(p.c, buf, sizeof(buf), 0));
	diff_ret(d, "recv", recv(p.c, buf, sizeof(buf), 0));
	diff_ret(d, "copy", send(copy, diff_bytes(0), 1, MSG_NOSIGNAL));
	diff_ret(d, "close", close(copy));
	rec_events(d, "peer", p.c);
}

/* The last holder is a descriptor in flight, and then nobody. */
static void passed(struct diff *d)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte = 'x', buf[10];
	struct iovec v = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &v, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct pair p = diff_pair(d);
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int unix_fd[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, unix_fd), 0);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &p.s, sizeof(int));
	CHECK_EQ(sendmsg(unix_fd[0], &msg, 0), 1);
	close(p.s);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 10, 0));
	CHECK(diff_acked(p.c));
	rec_events(d, "in flight", p.c);
	CHECK_EQ(recvmsg(unix_fd[1], &msg, 0), 1);
	memcpy(&p.s, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	diff_ret(d, "recv", recv(p.s, buf, sizeof(buf), 0));
	memcpy(CMSG_DATA(c), &p.s, sizeof(int));
	msg.msg_controllen = sizeof(control);
	CHECK_EQ(sendmsg(unix_fd[0], &msg, 0), 1);
	close(p.s);
	close(unix_fd[0]);
	rec_events(d, "in flight", p.c);
	close(unix_fd[1]);
	CHECK(until_fin(p.c));
	diff_ret(d, "end", recv(p.c, buf, sizeof(buf), 0));
}

/* A process that dies while it sleeps in a call on the socket. */
static void killed(struct diff *d)
{
	struct pair p;
	pid_t pid;
	char c;
	int i;

	for (i = 0; i < 2; i++) {
		p = small_pair(d);
		if (i)
			fill(p.s);
		pid = fork();
		if (!pid) {
			if (i)
				send(p.s, diff_bytes(0), 1000, 0);
			else
				recv(p.s, &c, 1, 0);
			_exit(0);
		}
		close(p.s);
		nap(50);
		kill(pid, SIGKILL);
		diff_rec(d, "status", "%d", child_exit(pid));
		if (i)
			drain(p.c);
		CHECK(until_fin(p.c));
		diff_ret(d, "end", recv(p.c, &c, 1, 0));
		close(p.c);
	}
}

static const struct diff_scenario table[] = {
	{ "interrupted_readers", interrupted_readers, 0, 0 },
	{ "interrupted_waitall", interrupted_waitall, 0, 0 },
	{ "interrupted_writers", interrupted_writers, 0, 0 },
	{ "interrupted_midway", interrupted_midway, 0, 0 },
	{ "interrupted_accept", interrupted_accept, 0, 0 },
	{ "interrupted_connect", interrupted_connect, 0, 0 },
	{ "timeouts", timeouts, 0, 0 },
	{ "sigpipe", sigpipe, 0, 0 },
	{ "shut_under", shut_under, 0, 0 },
	{ "shut_under_writer", shut_under_writer, 0, 0 },
	{ "close_under", close_under, 0, 0 },
	{ "reset_under", reset_under, 0, 0 },
	{ "two_readers", two_readers, 0, 0 },
	{ "two_waitall", two_waitall, 0, 0 },
	{ "two_writers", two_writers, 0, 0 },
	{ "shared", shared, 0, 0 },
	{ "passed", passed, 0, 0 },
	{ "killed", killed, 0, 0 },
	{ }
};

int main(int argc, char **argv)
{
	return diff_main(argc, argv, table);
}
