/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One end of a connection that may break at any call: what it does is noted,
 * and nothing here ends the test.
 *
 * What either end sends is known by its offset, and has a marker every 32
 * bytes, which the wire must not carry when ENO has succeeded.
 */
#ifndef _SIDE_H
#define _SIDE_H

#include <linux/errqueue.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include "../lib/conn.h"

#define SIDE_LIMIT	25	/* seconds: then it hangs */
#define DATA_MAX	(512 << 10)
#define MARK		"tcpcrypt-plain-"

struct side {
	enum host	host;
	int		fd;		/* the connection, -1 if there is none */
	int		err;		/* errno of the first call that failed */
	const char	*op;		/* that call */
	unsigned int	sent, got;	/* bytes */
	bool		eof;		/* seen */
	bool		bad;		/* data that the peer did not send */
	bool		closed;		/* close() without data unread */
	int		state;		/* TCP_CRYPT_*, -1: plain */
	unsigned char	sessid[33];
	bool		has_sessid;
	atomic_bool	over;
};

static char side_data[2][DATA_MAX + 1];
static int side_file[2];

static void side_init(void)
{
	int host, i;

	for (host = A; host <= B; host++) {
		for (i = 0; i < DATA_MAX; i += 32)
			sprintf(side_data[host] + i, MARK "%c%016d",
				"CS"[host], i);
		side_file[host] = memfd_create("data", MFD_CLOEXEC);
		CHECK_EQ(write(side_file[host], side_data[host], DATA_MAX),
			 DATA_MAX);
	}
}

static bool broke(struct side *s, const char *op)
{
	if (!s->err) {
		s->err = errno ? : EIO;
		s->op = op;
	}
	return false;
}

static bool prepare(struct side *s, int fd)
{
	struct timeval tv = { .tv_sec = SIDE_LIMIT };

	s->fd = fd;
	if (fd < 0)
		return false;
	/* these don't fail on their own */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	return true;
}

/* From now on failslab may strike in this thread, or not any more. */
static void make_it_fail(bool on)
{
	int fd = open("/proc/thread-self/make-it-fail", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	CHECK_EQ(write(fd, on ? "1" : "0", 1), 1);
	close(fd);
}

/* In calls of chunk bytes. */
static bool put(struct side *s, unsigned int len, unsigned int chunk,
		int flags)
{
	ssize_t n;

	while (len) {
		n = send(s->fd, side_data[s->host] + s->sent,
			 len < chunk ? len : chunk, flags);
		if (n <= 0)
			return broke(s, "send");
		s->sent += n;
		len -= n;
	}
	return true;
}

static bool put_file(struct side *s, unsigned int len)
{
	off_t off = s->sent;
	ssize_t n;

	while (len) {
		n = sendfile(s->fd, side_file[s->host], &off, len);
		if (n <= 0)
			return broke(s, "sendfile");
		s->sent += n;
		len -= n;
	}
	return true;
}

static bool arrived(struct side *s, const char *buf, ssize_t n)
{
	if (!n) {
		s->eof = true;
		return false;
	}
	if (n < 0)
		return broke(s, "recv");
	if (s->got + n > DATA_MAX ||
	    memcmp(buf, side_data[!s->host] + s->got, n)) {
		s->bad = true;
		return false;
	}
	s->got += n;
	return true;
}

static bool get(struct side *s, unsigned int len, int flags)
{
	static __thread char buf[65536];
	unsigned int end = s->got + len;

	while (s->got < end) {
		len = end - s->got;
		if (!arrived(s, buf, recv(s->fd, buf, len < sizeof(buf) ? len :
					  sizeof(buf), flags)))
			return false;
	}
	return true;
}

/* Into a pipe and from there. */
static bool get_spliced(struct side *s, unsigned int len)
{
	unsigned int end = s->got + len;
	bool fine = true;
	char buf[65536];
	int pipes[2];
	ssize_t n;

	if (pipe(pipes))
		return broke(s, "pipe");
	while (fine && s->got < end) {
		n = splice(s->fd, NULL, pipes[1], NULL, end - s->got,
			   SPLICE_F_MOVE);
		if (n > (ssize_t)sizeof(buf))
			n = sizeof(buf);
		if (n > 0 && read(pipes[0], buf, n) != n)
			fine = broke(s, "read from pipe");
		else
			fine = arrived(s, buf, n);
	}
	close(pipes[0]);
	close(pipes[1]);
	return fine;
}

static bool put_spliced(struct side *s, unsigned int len)
{
	int pipes[2];
	bool fine = true;
	ssize_t n, k;

	if (pipe(pipes))
		return broke(s, "pipe");
	while (fine && len) {
		n = write(pipes[1], side_data[s->host] + s->sent,
			  len < 16384 ? len : 16384);
		if (n <= 0)
			fine = broke(s, "write to pipe");
		for (; fine && n > 0; n -= k) {
			k = splice(pipes[0], NULL, s->fd, NULL, n, 0);
			if (k <= 0) {
				fine = broke(s, "splice");
				break;
			}
			s->sent += k;
			len -= k;
		}
	}
	close(pipes[0]);
	close(pipes[1]);
	return fine;
}

/* One MSG_ZEROCOPY call, and its completion. */
static bool put_zerocopy(struct side *s, unsigned int len)
{
	struct pollfd p = { .fd = s->fd };
	char control[256], c;
	struct iovec v = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &v, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int one = 1;

	if (setsockopt(s->fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
		return broke(s, "SO_ZEROCOPY");
	if (!put(s, len, len, MSG_ZEROCOPY))
		return false;
	if (poll(&p, 1, SIDE_LIMIT * 1000) < 1) {
		errno = EAGAIN;
		return broke(s, "wait for MSG_ERRQUEUE");
	}
	if (recvmsg(s->fd, &msg, MSG_ERRQUEUE) < 0)
		return broke(s, "recv MSG_ERRQUEUE");
	return true;
}

static void look_at(struct side *s)
{
	socklen_t len = sizeof(s->sessid);
	struct tcp_crypt_info info;
	socklen_t info_len = sizeof(info);

	s->state = getsockopt(s->fd, IPPROTO_TCP, TCP_CRYPT_INFO, &info,
			      &info_len) ? -1 : info.tcci_state;
	s->has_sessid = !getsockopt(s->fd, IPPROTO_TCP, TCP_ENO_SESSID,
				    s->sessid, &len);
}

/* Both ways to their end. */
static bool finish(struct side *s)
{
	if (shutdown(s->fd, SHUT_WR))
		return broke(s, "shutdown");
	while (get(s, 65536, 0))
		;
	return s->eof;
}

static bool listens(struct side *s, int fd, atomic_int *port)
{
	if (do_bind(fd, B, 0))
		return broke(s, "bind");
	if (listen(fd, 8))
		return broke(s, "listen");
	atomic_store(port, port_of(fd));
	return true;
}

/* Until the client is over, too. */
static bool accepts(struct side *s, int fd, struct side *client)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int ms;

	for (ms = 0; ms < SIDE_LIMIT * 1000; ms += 100) {
		if (poll(&p, 1, 100) == 1)
			return prepare(s, accept(fd, NULL, NULL)) ||
			       broke(s, "accept");
		if (atomic_load(&client->over) && ms)
			break;
	}
	errno = atomic_load(&client->over) ? ECONNRESET : EAGAIN;
	return broke(s, "accept");
}

static bool connects(struct side *s, struct side *server, atomic_int *port)
{
	while (!atomic_load(port)) {
		if (atomic_load(&server->over)) {
			errno = ECONNREFUSED;
			return broke(s, "no listener");
		}
		nap(1);
	}
	if (do_connect(s->fd, B, atomic_load(port)))
		return broke(s, "connect");
	return true;
}

#endif /* _SIDE_H */
