/* SPDX-License-Identifier: GPL-2.0 */
/* One end of a connection through the middle: data both ways to the end. */
#ifndef _END_H
#define _END_H

#include "../lib/conn.h"

#define MARK		"tcpcrypt-plain-"
#define TOTAL		24000

struct end {
	int		fd;
	int		err;
	int		state;		/* TCP_CRYPT_*, -1: plain TCP */
	unsigned int	sent, got, total, want;
	bool		wrong, eof, shut, open;
};

static char text[2][TOTAL + 33];

static void open_end(struct end *e, int fd, enum host host)
{
	int one = 1, two = 2;

	*e = (struct end){ .fd = fd, .state = -1, .open = true,
			   .total = host == A ? TOTAL / 2 : TOTAL,
			   .want = host == A ? TOTAL : TOTAL / 2 };
	set_nonblock(fd, true);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &two, sizeof(two));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &two, sizeof(two));
}

static void close_end(struct end *e)
{
	if (!e->open)
		return;
	e->state = crypt_state(e->fd);
	close(e->fd);
	e->open = false;
}

static void failed(struct end *e)
{
	e->err = errno;
}

/* As far as it goes; false when it is through. */
static bool work(struct end *e, enum host host)
{
	char buf[8192];
	ssize_t n;

	while (e->sent < e->total) {
		n = e->total - e->sent;
		n = send(e->fd, text[host] + e->sent, n < 7000 ? n : 7000, 0);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return failed(e), false;
		e->sent += n;
	}
	if (e->sent == e->total && !e->shut) {
		if (shutdown(e->fd, SHUT_WR))
			return failed(e), false;
		e->shut = true;
	}
	while (!e->eof) {
		n = recv(e->fd, buf, sizeof(buf), 0);
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0)
			return failed(e), false;
		if (n && (e->got + n > e->want ||
			  memcmp(buf, text[!host] + e->got, n)))
			e->wrong = true;
		e->got += n;
		e->eof = !n;
	}
	return !e->shut;
}

#endif /* _END_H */
