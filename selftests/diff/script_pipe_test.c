// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets with pipes and files: splice(), tee(), vmsplice(), sendfile();
 * buffers; many calls at once. Runs in the guest.
 *
 *	sock.sh diff/script_pipe_test
 */

#define _GNU_SOURCE
#include "script.h"

static void new_pipe(int *fds)
{
	CHECK_EQ(pipe(fds), 0);
	CHECK(fcntl(fds[1], F_SETPIPE_SZ, 1 << 18) > 0);
}

static int new_file(size_t len)
{
	int fd = memfd_create("file", 0);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, diff_bytes(0), len), len);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* Reads len bytes and says whether they are the stream from off on. */
static void rec_stream(struct diff *d, const char *label, int fd, size_t len,
		       unsigned long long off)
{
	char *buf = malloc(len);
	size_t got = 0;
	long n;

	CHECK(buf);
	while (got < len) {
		n = read(fd, buf + got, len - got);
		if (n <= 0)
			break;
		got += n;
	}
	diff_rec(d, label, "%zu %s", got, diff_data(buf, off, got));
	free(buf);
}

/* Splices all of len bytes; how many went. */
static size_t splice_all(int in, int out, size_t len, int flags)
{
	size_t done = 0;
	long n;

	while (done < len) {
		n = splice(in, NULL, out, NULL, len - done, flags);
		if (n <= 0)
			break;
		done += n;
	}
	return done;
}

static void to_socket(struct diff *d)
{
	static const int sizes[] = { 1, 100, 4096, 5000, 65536, 100000 };
	struct pair p = diff_pair(d);
	unsigned int i, j;
	int fds[2];

	new_pipe(fds);
	for (j = 0; j < 4; j++) {
		int flags = (j & 1 ? SPLICE_F_MORE : 0) |
			    (j & 2 ? SPLICE_F_MOVE : 0);

		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			CHECK_EQ(write(fds[1], diff_bytes(i), sizes[i]),
				 sizes[i]);
			diff_rec(d, "spliced", "%zu",
				 splice_all(fds[0], p.c, sizes[i], flags));
			set_int(p.c, IPPROTO_TCP, TCP_NODELAY, 1);
			rec_stream(d, "data", p.s, sizes[i], i);
		}
	}
}

/* The pipe's pages are the program's, which goes on writing to them. */
static void vmsplice_to_socket(struct diff *d)
{
	size_t len = 16384;
	unsigned char *buf = mmap(NULL, len, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct pair p = diff_pair(d);
	struct iovec v = { buf, len };
	int fds[2], i;

	CHECK(buf != MAP_FAILED);
	new_pipe(fds);
	for (i = 0; i < 3; i++) {
		memcpy(buf, diff_bytes(i * 1000), len);
		diff_ret(d, "vmsplice", vmsplice(fds[1], &v, 1,
						 i & 1 ? SPLICE_F_GIFT : 0));
		diff_rec(d, "spliced", "%zu", splice_all(fds[0], p.c, len, 0));
		rec_stream(d, "data", p.s, len, i * 1000);
	}
	diff_rec(d, "untouched", "%s", diff_data(buf, 2000, len));
}

static void from_socket(struct diff *d)
{
	struct pair p = diff_pair(d);
	int fds[2], i;
	char c;

	new_pipe(fds);
	/* the flag is for the pipe */
	set_timeout(p.s, SO_RCVTIMEO, 60);
	diff_ret(d, "nothing", splice(p.s, NULL, fds[1], NULL, 100,
				      SPLICE_F_NONBLOCK));
	set_timeout(p.s, SO_RCVTIMEO, 0);
	set_nonblock(p.s, true);
	diff_ret(d, "nothing", splice(p.s, NULL, fds[1], NULL, 100, 0));
	set_nonblock(p.s, false);
	for (i = 0; i < 5; i++) {
		diff_ret(d, "send", send(p.c, diff_bytes(i), 1 + i * 5000, 0));
		CHECK(diff_settle(p.s, 1 + i * 5000));
		diff_rec(d, "spliced", "%zu", splice_all(p.s, fds[1],
							 1 + i * 5000, 0));
		rec_stream(d, "data", fds[0], 1 + i * 5000, i);
	}
	/* part of what is there; the rest is read */
	diff_ret(d, "send", send(p.c, diff_bytes(0), 1000, 0));
	CHECK(diff_settle(p.s, 1000));
	diff_ret(d, "part", splice(p.s, NULL, fds[1], NULL, 300, 0));
	diff_rec(d, "left", "%d", diff_ioctl(p.s, SIOCINQ));
	rec_stream(d, "read", p.s, 700, 300);
	rec_stream(d, "data", fds[0], 300, 0);
	diff_ret(d, "none", splice(p.s, NULL, fds[1], NULL, 0, 0));
	shutdown(p.c, SHUT_WR);
	diff_ret(d, "end", splice(p.s, NULL, fds[1], NULL, 100, 0));
	diff_ret(d, "own", splice(p.c, NULL, fds[1], NULL, 0, 0));
	close(fds[0]);
	diff_ret(d, "send", send(p.s, diff_bytes(0), 100, 0));
	CHECK(diff_settle(p.c, 100));
	signal(SIGPIPE, SIG_IGN);
	diff_ret(d, "no reader", splice(p.c, NULL, fds[1], NULL, 100, 0));
	diff_rec(d, "left", "%d", diff_ioctl(p.c, SIOCINQ));
	diff_ret(d, "recv", recv(p.c, &c, 1, MSG_DONTWAIT));
}

/* A full pipe: how much goes, and that nothing is lost. */
static void full_pipe(struct diff *d)
{
	struct pair p = diff_pair(d);
	int fds[2];
	size_t got;
	long n;

	CHECK_EQ(pipe(fds), 0);
	CHECK(fcntl(fds[1], F_SETPIPE_SZ, 4096) > 0);
	CHECK_EQ(write(fds[1], diff_bytes(0), 4096), 4096);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 9000, 0));
	CHECK(diff_settle(p.s, 9000));
	diff_ret(d, "full", splice(p.s, NULL, fds[1], NULL, 9000,
				   SPLICE_F_NONBLOCK));
	diff_rec(d, "left", "%d", diff_ioctl(p.s, SIOCINQ));
	rec_stream(d, "pipe", fds[0], 4096, 0);
	for (got = 0; got < 9000; got += n) {
		n = splice(p.s, NULL, fds[1], NULL, 9000, SPLICE_F_NONBLOCK);
		if (n <= 0)
			break;
		rec_stream(d, "some", fds[0], 0, 0);
		{
			char buf[9000];

			CHECK_EQ(read(fds[0], buf, sizeof(buf)), n);
			if (memcmp(buf, diff_bytes(got), n))
				diff_rec(d, "wrong", "at %zu", got);
		}
	}
	diff_rec(d, "got", "%zu", got);
}

/* One stream to two readers, and from socket to socket. */
static void tee_and_relay(struct diff *d)
{
	struct pair p = diff_pair(d), q = diff_pair(d);
	int a[2], b[2];

	new_pipe(a);
	new_pipe(b);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 20000, 0));
	CHECK(diff_settle(p.s, 20000));
	diff_rec(d, "in", "%zu", splice_all(p.s, a[1], 20000, 0));
	diff_ret(d, "tee", tee(a[0], b[1], 20000, 0));
	diff_rec(d, "out", "%zu", splice_all(a[0], q.c, 20000, 0));
	rec_stream(d, "copy", b[0], 20000, 0);
	rec_stream(d, "relayed", q.s, 20000, 0);
	/* to the peer that sent it */
	diff_ret(d, "send", send(p.c, diff_bytes(7), 9999, 0));
	CHECK(diff_settle(p.s, 9999));
	diff_rec(d, "in", "%zu", splice_all(p.s, a[1], 9999, 0));
	diff_rec(d, "back", "%zu", splice_all(a[0], p.s, 9999, 0));
	rec_stream(d, "echo", p.c, 9999, 7);
	/* without a pipe, or with none of both */
	diff_ret(d, "no pipe", splice(p.s, NULL, q.c, NULL, 10, 0));
	diff_ret(d, "tee", tee(p.s, a[1], 10, 0));
	diff_ret(d, "offset", splice(p.s, &(loff_t) { 0 }, a[1], NULL, 10, 0));
	diff_ret(d, "copy", copy_file_range(p.s, NULL, q.c, NULL, 10, 0));
	diff_ret(d, "lseek", lseek(p.s, 0, SEEK_CUR));
	diff_ret(d, "pread", pread(p.s, &(char) { 0 }, 1, 0));
	diff_ret(d, "pwrite", pwrite(p.s, "x", 1, 0));
	diff_ret(d, "fsync", fsync(p.s));
	diff_ret(d, "ftruncate", ftruncate(p.s, 0));
	diff_ret(d, "mmap", mmap(NULL, 4096, PROT_READ, MAP_SHARED, p.s, 0) ==
		 MAP_FAILED ? -1 : 0);
}

static void sendfiles(struct diff *d)
{
	struct pair p = diff_pair(d);
	int fd = new_file(100000), i;
	off_t off;

	for (i = 0; i < 6; i++) {
		off = i * 777;
		diff_ret(d, "sendfile", sendfile(p.c, fd, &off, 1 + i * 4097));
		diff_rec(d, "offset", "%ld", (long)off);
		rec_stream(d, "data", p.s, 1 + i * 4097, i * 777);
	}
	diff_ret(d, "position", sendfile(p.c, fd, NULL, 1000));
	diff_ret(d, "position", lseek(fd, 0, SEEK_CUR));
	rec_stream(d, "data", p.s, 1000, 0);
	off = 99990;
	diff_ret(d, "past the end", sendfile(p.c, fd, &off, 1000));
	diff_ret(d, "past the end", sendfile(p.c, fd, &off, 1000));
	rec_stream(d, "data", p.s, 10, 99990);
	diff_ret(d, "from a socket", sendfile(p.c, p.s, NULL, 10));
	diff_ret(d, "to a file", sendfile(fd, p.s, NULL, 10));
	diff_ret(d, "none", sendfile(p.c, fd, &off, 0));
	/* what was acknowledged is the peer's, whatever becomes of the file */
	off = 0;
	diff_ret(d, "sendfile", sendfile(p.c, fd, &off, 50000));
	CHECK(diff_settle(p.s, 50000));
	CHECK_EQ(pwrite(fd, diff_bytes(3), 50000, 0), 50000);
	CHECK_EQ(ftruncate(fd, 100), 0);
	if (d->plain)
		drain(p.s);	/* it is its own pages on this machine */
	else
		rec_stream(d, "acknowledged", p.s, 50000, 0);
	if (d->plain)
		diff_rec(d, "acknowledged", "50000 as sent");
	p = small_pair(d);
	set_nonblock(p.c, true);
	fill(p.c);
	off = 0;
	diff_ret(d, "full", sendfile(p.c, fd, &off, 100));
	diff_rec(d, "offset", "%ld", (long)off);
	diff_ret(d, "shutdown", shutdown(p.c, SHUT_WR));
	diff_ret(d, "after", sendfile(p.c, fd, &off, 100));
}

static void sendfile_cork(struct diff *d)
{
	struct pair p = diff_pair(d);
	int fd = new_file(10000), i;
	off_t off = 0;

	for (i = 0; i < 3; i++) {
		off = 0;
		set_int(p.c, IPPROTO_TCP, TCP_CORK, 1);
		diff_ret(d, "head", send(p.c, diff_bytes(0), 100, MSG_MORE));
		diff_ret(d, "body", sendfile(p.c, fd, &off, 10000));
		diff_ret(d, "tail", write(p.c, diff_bytes(0), 10));
		set_int(p.c, IPPROTO_TCP, TCP_CORK, 0);
		rec_stream(d, "head", p.s, 100, 0);
		rec_stream(d, "body", p.s, 10000, 0);
		rec_stream(d, "tail", p.s, 10, 0);
	}
}

/* The smallest buffers there are. */
static void tiny_buffers(struct diff *d)
{
	struct pair p = diff_pair(d);
	struct part part = { p.c, 0, 60000, 3000 };
	pthread_t t;

	set_int(p.c, SOL_SOCKET, SO_SNDBUF, 1);
	set_int(p.s, SOL_SOCKET, SO_RCVBUF, 1);
	diff_rec(d, "sizes", "%d %d", get_int(p.c, SOL_SOCKET, SO_SNDBUF),
		 get_int(p.s, SOL_SOCKET, SO_RCVBUF));
	rec_events(d, "events", p.c);
	diff_ret(d, "one", send(p.c, diff_bytes(0), 1, MSG_DONTWAIT));
	rec_stream(d, "one", p.s, 1, 0);
	t = start(send_part, &part);
	recv_stream(p.s, 0, 60000, 1000);
	join(t);
	CHECK(diff_acked(p.c));
	rec_events(d, "events", p.c);
}

static void paced(struct diff *d)
{
	struct pair p = diff_pair(d);
	unsigned int rate = 200000;
	socklen_t len = sizeof(rate);
	double begin = now();

	CHECK_EQ(setsockopt(p.c, SOL_SOCKET, SO_MAX_PACING_RATE, &rate,
			    sizeof(rate)), 0);
	rate = 0;
	CHECK_EQ(getsockopt(p.c, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, &len),
		 0);
	diff_rec(d, "rate", "%u", rate);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 200000, 0));
	rec_stream(d, "data", p.s, 200000, 0);
	diff_rec(d, "slow", "%d", now() - begin > 0.4 && now() - begin < 4);
}

/* sendmmsg() and recvmmsg(), the timeout and errors in the middle. */
static void many_messages(struct diff *d)
{
	struct pair p = diff_pair(d);
	char buf[4][300];
	struct iovec v[4];
	struct mmsghdr m[4] = {};
	struct timespec ts = { 0, 100 * 1000 * 1000 };
	int i, n;

	for (i = 0; i < 4; i++) {
		v[i] = (struct iovec) { (void *)diff_bytes(i * 200), 200 };
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	diff_ret(d, "sendmmsg", sendmmsg(p.c, m, 4, 0));
	v[2].iov_base = (void *)8;
	diff_ret(d, "bad third", sendmmsg(p.c, m, 4, 0));
	CHECK(diff_settle(p.s, 1200));
	for (i = 0; i < 4; i++)
		v[i] = (struct iovec) { buf[i], 300 };
	n = diff_ret(d, "recvmmsg", recvmmsg(p.s, m, 4, MSG_WAITFORONE, &ts));
	for (i = 0; i < n; i++)
		diff_rec(d, "length", "%u", m[i].msg_len);
	n = diff_ret(d, "recvmmsg", recvmmsg(p.s, m, 4, MSG_DONTWAIT, NULL));
	diff_ret(d, "send", send(p.c, diff_bytes(0), 450, 0));
	CHECK(diff_settle(p.s, 450));
	n = diff_ret(d, "recvmmsg", recvmmsg(p.s, m, 4, MSG_DONTWAIT, NULL));
	for (i = 0; i < n; i++)
		diff_rec(d, "length", "%u", m[i].msg_len);
	shutdown(p.c, SHUT_WR);
	CHECK(until_fin(p.s));
	diff_ret(d, "end", recvmmsg(p.s, m, 4, 0, NULL));
}

/* Corners of sendmsg() and recvmsg(). */
static void message_corners(struct diff *d)
{
	struct pair p = diff_pair(d);
	struct sockaddr_storage name;
	char buf[100], control[100];
	struct iovec v[3] = { { buf, 10 }, { NULL, 0 }, { buf + 10, 20 } };
	struct msghdr msg = {
		.msg_iov = v, .msg_iovlen = 3,
		.msg_name = &name, .msg_namelen = sizeof(name),
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	socklen_t len = sizeof(name);

	diff_ret(d, "send", send(p.c, diff_bytes(0), 100, MSG_EOR));
	CHECK(diff_settle(p.s, 100));
	diff_ret(d, "recvmsg", recvmsg(p.s, &msg, 0));
	diff_rec(d, "message", "%u %zu %#x", msg.msg_namelen,
		 msg.msg_controllen, msg.msg_flags);
	diff_ret(d, "recvfrom", recvfrom(p.s, buf, 10, 0,
					 (struct sockaddr *)&name, &len));
	diff_rec(d, "length", "%u", len);
	v[0].iov_base = (void *)8;
	diff_ret(d, "bad buffer", recvmsg(p.s, &msg, 0));
	v[0].iov_base = buf;
	v[2].iov_base = (void *)8;
	diff_ret(d, "bad second", recvmsg(p.s, &msg, 0));
	diff_rec(d, "left", "%d", diff_ioctl(p.s, SIOCINQ));
	drain(p.s);
	/* to a connected socket an address is ignored, or is it not? */
	len = address(&name, A, 9);
	diff_ret(d, "sendto", sendto(p.c, diff_bytes(0), 10, 0,
				     (struct sockaddr *)&name, len));
	diff_ret(d, "unknown flags", send(p.c, diff_bytes(0), 10, 0x8000000));
	diff_ret(d, "confirm", send(p.c, diff_bytes(0), 10, MSG_CONFIRM));
	diff_ret(d, "dontroute", send(p.c, diff_bytes(0), 10, MSG_DONTROUTE));
	diff_ret(d, "fastopen", send(p.c, diff_bytes(0), 10, MSG_FASTOPEN));
	drain(p.s);
	msg = (struct msghdr) { .msg_iov = v, .msg_iovlen = 0 };
	diff_ret(d, "no iovec", sendmsg(p.c, &msg, 0));
	diff_ret(d, "no iovec", recvmsg(p.s, &msg, MSG_DONTWAIT));
	msg.msg_iovlen = 2000;
	diff_ret(d, "many iovecs", sendmsg(p.c, &msg, 0));
	control[0] = 1;
	msg = (struct msghdr) {
		.msg_iov = v, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = 3,
	};
	diff_ret(d, "short control", sendmsg(p.c, &msg, 0));
	msg.msg_controllen = CMSG_SPACE(4);
	*CMSG_FIRSTHDR(&msg) = (struct cmsghdr) {
		.cmsg_len = CMSG_LEN(4), .cmsg_level = SOL_SOCKET,
		.cmsg_type = 9999,
	};
	diff_ret(d, "bad control", sendmsg(p.c, &msg, 0));
	CMSG_FIRSTHDR(&msg)->cmsg_level = SOL_IP;
	diff_ret(d, "other level", sendmsg(p.c, &msg, 0));
	diff_ret(d, "errors", recv(p.c, buf, 10, MSG_ERRQUEUE));
	diff_ret(d, "oob", recv(p.c, buf, 10, MSG_OOB));
	diff_ret(d, "truncated", send(p.c, diff_bytes(0), 50, MSG_TRUNC));
}

static const struct diff_scenario table[] = {
	{ "to_socket", to_socket, 0, 0 },
	{ "vmsplice_to_socket", vmsplice_to_socket, 0, 0 },
	{ "from_socket", from_socket, 0, 0 },
	{ "full_pipe", full_pipe, 0, 0 },
	{ "tee_and_relay", tee_and_relay, 0, 0 },
	{ "sendfiles", sendfiles, 0, 0 },
	{ "sendfile_cork", sendfile_cork, 0, 0 },
	{ "tiny_buffers", tiny_buffers, 0, 0 },
	{ "paced", paced, 0, 0 },
	{ "many_messages", many_messages, 0, 0 },
	{ "message_corners", message_corners, 0, 0 },
	{ }
};

int main(int argc, char **argv)
{
	return diff_main(argc, argv, table);
}
