/* SPDX-License-Identifier: GPL-2.0 */
/* Random operations that ask, set, and end. */
#ifndef _DIFF_RANDOM_CTL_H
#define _DIFF_RANDOM_CTL_H

#include "random.h"

/* --- readiness ------------------------------------------------------------ */

static void op_poll(struct world *w, struct end *x, struct end *y)
{
	struct pollfd p[2] = {
		{ .fd = x->fd, .events = pick(w, 0x4000) },
		{ .fd = y->fd, .events = pick(w, 0x4000) },
	};
	int ret = poll(p, 2, 0);

	say(w, "poll", "%#x %#x: %s: %#x %#x", p[0].events, p[1].events,
	    ret_text(ret), p[0].revents, p[1].revents);
}

static void op_select(struct world *w, struct end *x, struct end *y)
{
	struct timeval zero = {};
	fd_set r, s, e;
	int ret, fd = x->fd;

	(void)y;
	FD_ZERO(&r);
	FD_ZERO(&s);
	FD_ZERO(&e);
	if (fd < 0 || fd >= FD_SETSIZE)
		return;
	FD_SET(fd, &r);
	FD_SET(fd, &s);
	FD_SET(fd, &e);
	ret = select(fd + 1, &r, &s, &e, &zero);
	say(w, "select", "%c: %s: %d %d %d", name_of(x), ret_text(ret),
	    FD_ISSET(fd, &r), FD_ISSET(fd, &s), FD_ISSET(fd, &e));
}

static void op_epoll(struct world *w, struct end *x, struct end *y)
{
	static const unsigned int modes[] = {
		0, EPOLLET, EPOLLONESHOT, EPOLLET | EPOLLONESHOT,
		EPOLLEXCLUSIVE, EPOLLET | EPOLLEXCLUSIVE,
	};
	struct epoll_event ev = { .events = PICK(w, modes) };
	int op, add = chance(w, 50);

	(void)y;
	ev.events |= EPOLLIN | (chance(w, 50) ? EPOLLOUT : 0) |
		     (chance(w, 50) ? EPOLLRDHUP : 0) |
		     (chance(w, 50) ? EPOLLPRI : 0);
	if (x->epoll < 0) {
		x->epoll = epoll_create1(EPOLL_CLOEXEC);
		CHECK(x->epoll >= 0);
		add = true;
	}
	op = add ? EPOLL_CTL_ADD : chance(w, 70) ? EPOLL_CTL_MOD :
	     EPOLL_CTL_DEL;
	ev.data.u32 = ev.events;
	say(w, "epoll_ctl", "%c op %d events %#x: %s", name_of(x), op,
	    ev.events, ret_text(epoll_ctl(x->epoll, op, x->fd, &ev)));
}

static void op_epoll_wait(struct world *w, struct end *x, struct end *y)
{
	struct epoll_event ev = {};
	int ret;

	(void)y;
	if (x->epoll < 0)
		return;
	ret = epoll_wait(x->epoll, &ev, 1, 0);
	say(w, "epoll_wait", "%c: %s: %#x of %#x", name_of(x), ret_text(ret),
	    ev.events, ev.data.u32);
}

/* --- ioctl(), fcntl() ----------------------------------------------------- */

static void op_ioctl(struct world *w, struct end *x, struct end *y)
{
	static const unsigned long cmds[] = {
		SIOCINQ, SIOCINQ, SIOCATMARK, SIOCATMARK, SIOCATMARK,
		SIOCOUTQ, SIOCOUTQNSD, FIOASYNC, FIOGETOWN, SIOCGPGRP, TIOCGWINSZ,
		SIOCGIFINDEX, 0x12345678,
	};
	unsigned long cmd = PICK(w, cmds);
	/* of a device that is there: else modprobe is run */
	union {
		int		n;
		struct ifreq	device;
	} arg = { .device.ifr_name = "lo" };
	int ret;

	(void)y;
	if (cmd != SIOCGIFINDEX)
		arg.n = 0;
	/* asked of what is in flight, or was until a RST, they depend on when */
	if ((cmd == SIOCOUTQ || cmd == SIOCOUTQNSD) &&
	    (x->reset || !DIFF_UNTIL(diff_ioctl(x->fd, cmd) <= 0, 200)))
		return;
	if (chance(w, 5)) {
		ret = ioctl(x->fd, cmd, bad_page);
		say(w, "bad ioctl", "%c %#lx: %s", name_of(x), cmd,
		    ret_text(ret));
		return;
	}
	ret = ioctl(x->fd, cmd, &arg);
	say(w, "ioctl", "%c %#lx: %s, %d", name_of(x), cmd, ret_text(ret),
	    arg.n);
}

static void op_fcntl(struct world *w, struct end *x, struct end *y)
{
	unsigned int kind = pick(w, 4);
	int on = pick(w, 2), ret = -1;

	(void)y;
	if (kind == 0)
		ret = ioctl(x->fd, FIONBIO, &on);
	else if (kind == 1)
		ret = fcntl(x->fd, F_SETFL, on ? O_NONBLOCK : 0);
	else if (kind == 2)
		ret = fcntl(x->fd, F_GETFL);
	else
		ret = fcntl(x->fd, F_SETOWN, on ? getpid() : 0);
	say(w, "fcntl", "%c kind %u %d: %s", name_of(x), kind, on,
	    ret_text(ret));
}

static void op_lseek(struct world *w, struct end *x, struct end *y)
{
	unsigned int kind = pick(w, 4);
	long ret = -1;

	(void)y;
	if (kind == 0)
		ret = lseek(x->fd, 0, SEEK_CUR);
	else if (kind == 1)
		ret = pread(x->fd, buf, 1, 0);
	else if (kind == 2)
		ret = ftruncate(x->fd, 0);
	else
		ret = fsync(x->fd);
	say(w, "file", "%c kind %u: %s", name_of(x), kind, ret_text(ret));
}

/* --- options -------------------------------------------------------------- */

struct option {
	int	level, name;
};

/* Those whose values don't depend on what is on the wire, or on when. */
static const struct option gets[] = {
	{ SOL_SOCKET, SO_ERROR }, { SOL_SOCKET, SO_ERROR },
	{ SOL_SOCKET, SO_RCVLOWAT }, { SOL_SOCKET, SO_SNDLOWAT },
	{ SOL_SOCKET, SO_TYPE }, { SOL_SOCKET, SO_ACCEPTCONN },
	{ SOL_SOCKET, SO_LINGER }, { SOL_SOCKET, SO_REUSEADDR },
	{ SOL_SOCKET, SO_KEEPALIVE }, { SOL_SOCKET, SO_OOBINLINE },
	{ SOL_SOCKET, SO_PRIORITY }, { SOL_SOCKET, SO_RCVTIMEO },
	{ SOL_SOCKET, SO_SNDTIMEO }, { SOL_SOCKET, SO_PROTOCOL },
	{ SOL_SOCKET, SO_DOMAIN }, { SOL_SOCKET, SO_MARK },
	{ SOL_SOCKET, SO_ZEROCOPY }, { SOL_SOCKET, SO_PEEK_OFF },
	{ SOL_SOCKET, SO_BUSY_POLL }, { SOL_SOCKET, SO_TIMESTAMP },
	{ SOL_SOCKET, SO_BROADCAST }, { SOL_SOCKET, SO_DONTROUTE },
	{ SOL_SOCKET, SO_REUSEPORT }, { SOL_SOCKET, SO_PEERCRED },
	{ SOL_SOCKET, SO_NO_CHECK }, { SOL_SOCKET, SO_RXQ_OVFL },
	{ SOL_SOCKET, 999 },
	{ IPPROTO_TCP, TCP_NODELAY }, { IPPROTO_TCP, TCP_CORK },
	{ IPPROTO_TCP, TCP_MAXSEG }, { IPPROTO_TCP, TCP_KEEPIDLE },
	{ IPPROTO_TCP, TCP_KEEPINTVL }, { IPPROTO_TCP, TCP_KEEPCNT },
	{ IPPROTO_TCP, TCP_SYNCNT }, { IPPROTO_TCP, TCP_LINGER2 },
	{ IPPROTO_TCP, TCP_DEFER_ACCEPT }, { IPPROTO_TCP, TCP_CONGESTION },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT }, { IPPROTO_TCP, TCP_INQ },
	{ IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS },
	{ IPPROTO_TCP, TCP_REPAIR }, { IPPROTO_TCP, TCP_REPAIR_QUEUE },
	{ IPPROTO_TCP, TCP_QUEUE_SEQ }, { IPPROTO_TCP, TCP_FASTOPEN },
	{ IPPROTO_TCP, TCP_FASTOPEN_CONNECT }, { IPPROTO_TCP, TCP_ULP },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT }, { IPPROTO_TCP, TCP_SAVE_SYN },
	{ IPPROTO_TCP, TCP_SAVED_SYN }, { IPPROTO_TCP, TCP_TX_DELAY },
	{ IPPROTO_TCP, TCP_MD5SIG },
	{ IPPROTO_TCP, 999 },
	{ IPPROTO_IP, IP_TOS }, { IPPROTO_IP, IP_TTL },
	{ IPPROTO_IP, IP_MTU_DISCOVER }, { IPPROTO_IP, IP_MTU },
	{ IPPROTO_IP, IP_RECVERR }, { IPPROTO_IP, IP_OPTIONS },
	{ IPPROTO_IP, IP_FREEBIND }, { IPPROTO_IP, IP_TRANSPARENT },
	{ IPPROTO_IP, IP_PKTINFO }, { IPPROTO_IP, 999 },
	{ IPPROTO_IPV6, IPV6_UNICAST_HOPS }, { IPPROTO_IPV6, IPV6_V6ONLY },
	{ IPPROTO_IPV6, IPV6_TCLASS }, { IPPROTO_IPV6, IPV6_MTU },
	{ IPPROTO_IPV6, IPV6_MTU_DISCOVER }, { IPPROTO_IPV6, IPV6_RECVERR },
	{ IPPROTO_IPV6, IPV6_RECVPKTINFO }, { IPPROTO_IPV6, IPV6_ADDRFORM },
	{ IPPROTO_IPV6, IPV6_2292PKTOPTIONS }, { IPPROTO_IPV6, 999 },
	{ 273, 1 }, { -1, 1 },
};

static void hex(char *to, const unsigned char *from, int len)
{
	int i;

	for (i = 0; i < len && i < 24; i++)
		sprintf(to + 2 * i, "%02x", from[i]);
	to[2 * i] = 0;
}

static void say_option(struct world *w, const struct end *x, const char *what,
		       const struct option *o, int ret, const void *value,
		       int len)
{
	char text[64];

	hex(text, value, ret ? 0 : len);
	say(w, what, "%c level %d option %d: %s, %d bytes: %s", name_of(x),
	    o->level, o->name, ret_text(ret), len, text);
}

static void op_getsockopt(struct world *w, struct end *x, struct end *y)
{
	static const int lens[] = { 0, 1, 2, 3, 8, 20, 60, -1 };
	const struct option *o = &PICK(w, gets);
	int bad = pick(w, 30), ret;
	unsigned char value[64] = {};
	socklen_t len = sizeof(int);

	(void)y;
	if (chance(w, 30))
		len = PICK(w, lens);
	ret = getsockopt(x->fd, o->level, o->name,
			 bad == 0 ? bad_page : value,
			 bad == 1 ? (socklen_t *)bad_page : &len);
	say_option(w, x, "getsockopt", o, ret, value, len);
}

static const struct {
	struct option	option;
	int		values[5];
} sets[] = {
	/* what is left of it must not keep the port from the next listener */
	{ { SOL_SOCKET, SO_REUSEADDR }, { 1, 1, -1, 2, 1 } },
	{ { SOL_SOCKET, SO_KEEPALIVE }, { 0, 1, 1, 1, -1 } },
	{ { SOL_SOCKET, SO_OOBINLINE }, { 0, 1, 1, 1, 0 } },
	{ { SOL_SOCKET, SO_RCVLOWAT }, { 1, 2, 100, 3000, 0 } },
	{ { SOL_SOCKET, SO_RCVLOWAT }, { 1, 1, -1, 20000, INT_MAX } },
	{ { SOL_SOCKET, SO_SNDLOWAT }, { 1, 2, 0, 0, 0 } },
	{ { SOL_SOCKET, SO_PRIORITY }, { 0, 1, 6, 7, -1 } },
	{ { SOL_SOCKET, SO_MARK }, { 0, 1, 2, 3, 4 } },
	{ { SOL_SOCKET, SO_PEEK_OFF }, { 0, -1, 5, 10, 1000 } },
	{ { SOL_SOCKET, SO_BUSY_POLL }, { 0, 0, 1, -1, 0 } },
	{ { SOL_SOCKET, SO_DONTROUTE }, { 0, 1, 0, 0, 0 } },
	{ { SOL_SOCKET, SO_BROADCAST }, { 0, 1, 0, 0, 0 } },
	{ { SOL_SOCKET, SO_ZEROCOPY }, { 0, 0, 2, -1, 0 } },
	{ { SOL_SOCKET, 999 }, { 0, 0, 0, 0, 0 } },
	{ { IPPROTO_TCP, TCP_NODELAY }, { 0, 1, 1, -1, 2 } },
	{ { IPPROTO_TCP, TCP_QUICKACK }, { 0, 1, 1, 2, -1 } },
	{ { IPPROTO_TCP, TCP_KEEPIDLE }, { 0, 1, 10, 40000, -1 } },
	{ { IPPROTO_TCP, TCP_KEEPINTVL }, { 0, 1, 10, 40000, -1 } },
	{ { IPPROTO_TCP, TCP_KEEPCNT }, { 0, 1, 10, 200, -1 } },
	{ { IPPROTO_TCP, TCP_USER_TIMEOUT }, { 0, 10000, 30000, -1, 0 } },
	{ { IPPROTO_TCP, TCP_LINGER2 }, { 0, 10, -1, 1000, 60 } },
	{ { IPPROTO_TCP, TCP_MAXSEG }, { 1, 536, 1000, 40000, -1 } },
	{ { IPPROTO_TCP, TCP_SYNCNT }, { 0, 1, 5, 200, -1 } },
	{ { IPPROTO_TCP, TCP_DEFER_ACCEPT }, { 0, 1, 5, 1000, -1 } },
	{ { IPPROTO_TCP, TCP_INQ }, { 0, 1, 1, 2, -1 } },
	{ { IPPROTO_TCP, TCP_SAVE_SYN }, { 0, 1, 2, 3, -1 } },
	{ { IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS }, { 0, 1, 2, -1, 0 } },
	{ { IPPROTO_TCP, TCP_FASTOPEN_CONNECT }, { 0, 1, 2, -1, 0 } },
	{ { IPPROTO_TCP, TCP_QUEUE_SEQ }, { 0, 1, 2, -1, 0 } },
	{ { IPPROTO_TCP, TCP_REPAIR_QUEUE }, { 0, 1, 2, -1, 0 } },
	{ { IPPROTO_TCP, TCP_TX_DELAY }, { 0, 0, 0, 0, 0 } },
	{ { IPPROTO_TCP, 999 }, { 0, 0, 0, 0, 0 } },
	{ { IPPROTO_IP, IP_TOS }, { 0, 0x10, 0xff, 0x100, -1 } },
	{ { IPPROTO_IP, IP_TTL }, { 64, 10, 0, 256, -1 } },
	{ { IPPROTO_IP, IP_MTU_DISCOVER }, { 0, 1, 2, 3, 9 } },
	{ { IPPROTO_IP, IP_RECVERR }, { 0, 1, 0, 0, 0 } },
	{ { IPPROTO_IP, IP_FREEBIND }, { 0, 1, 0, 0, 0 } },
	{ { IPPROTO_IP, 999 }, { 0, 0, 0, 0, 0 } },
	{ { IPPROTO_IPV6, IPV6_UNICAST_HOPS }, { 64, 10, -1, 256, 0 } },
	{ { IPPROTO_IPV6, IPV6_V6ONLY }, { 0, 1, 0, 1, 2 } },
	{ { IPPROTO_IPV6, IPV6_TCLASS }, { 0, 0x10, 0xff, 0x100, -1 } },
	{ { IPPROTO_IPV6, IPV6_MTU_DISCOVER }, { 0, 1, 2, 3, 9 } },
	{ { IPPROTO_IPV6, IPV6_RECVERR }, { 0, 1, 0, 0, 0 } },
	{ { IPPROTO_IPV6, IPV6_RECVPKTINFO }, { 0, 1, 0, 1, -1 } },
	{ { IPPROTO_IPV6, IPV6_RECVTCLASS }, { 0, 1, 0, 1, -1 } },
	/* not AF_INET: see script_opts_test.c */
	{ { IPPROTO_IPV6, IPV6_ADDRFORM }, { 1, AF_INET6, 0, -1, 1 } },
	{ { IPPROTO_IPV6, 999 }, { 0, 0, 0, 0, 0 } },
	{ { 273, 1 }, { 0, 0, 0, 0, 0 } },
};

static void op_setsockopt(struct world *w, struct end *x, struct end *y)
{
	static const int lens[] = { 0, 1, 2, 3, 8, 20, -1 };
	unsigned int i = pick(w, ARRAY_SIZE(sets)), ret;
	const struct option *o = &sets[i].option;
	int value = PICK(w, sets[i].values), again = 0, bad = pick(w, 40);
	unsigned char room[64];
	socklen_t len = sizeof(value);

	(void)y;
	memset(room, 0, sizeof(room));
	memcpy(room, &value, sizeof(value));
	if (chance(w, 15))
		len = PICK(w, lens);
	ret = setsockopt(x->fd, o->level, o->name, bad ? room : bad_page, len);
	say(w, "setsockopt", "%c level %d option %d = %d, %d bytes: %s",
	    name_of(x), o->level, o->name, value, (int)len,
	    ret_text((int)ret));
	len = sizeof(again);
	ret = getsockopt(x->fd, o->level, o->name, &again, &len);
	/* the timer has its own mind */
	if (o->level == IPPROTO_TCP && o->name == TCP_QUICKACK)
		again = 0;
	say_option(w, x, "and get", o, (int)ret, &again, len);
}

static void op_set_struct(struct world *w, struct end *x, struct end *y)
{
	static const int times[] = { 0, 10000, 40000, 1000000, -1 };
	static const char *const names[] = { "reno", "cubic", "reno", "" };
	struct timeval tv = { 0, PICK(w, times) };
	struct linger linger = { pick(w, 2), pick(w, 2) };
	const char *name = PICK(w, names);
	unsigned int kind = pick(w, 4);
	int ret;

	(void)y;
	/* no waiting without end */
	if (!tv.tv_usec)
		tv.tv_usec = 1;
	if (kind < 2)
		ret = setsockopt(x->fd, SOL_SOCKET,
				 kind ? SO_RCVTIMEO : SO_SNDTIMEO, &tv,
				 sizeof(tv));
	else if (kind == 2)
		ret = setsockopt(x->fd, SOL_SOCKET, SO_LINGER, &linger,
				 sizeof(linger));
	else
		ret = setsockopt(x->fd, IPPROTO_TCP, TCP_CONGESTION, name,
				 strlen(name));
	say(w, "set", "%c kind %u (%ld us, linger %d %d, '%s'): %s",
	    name_of(x), kind, (long)tv.tv_usec, linger.l_onoff,
	    linger.l_linger, name, ret_text(ret));
}

static void op_buffers(struct world *w, struct end *x, struct end *y)
{
	static const int values[] = { 30000, 65536, 200000, 1 << 20, 1 << 30 };
	int name = chance(w, 50) ? SO_RCVBUF : SO_SNDBUF, ret, again = 0;
	int value = PICK(w, values);
	struct option o = { SOL_SOCKET, name };
	socklen_t len = sizeof(again);

	(void)y;
	w->tight |= value < 100000;
	ret = setsockopt(x->fd, SOL_SOCKET, name, &value, sizeof(value));
	say(w, "buffer", "%c option %d = %d: %s", name_of(x), name, value,
	    ret_text(ret));
	ret = getsockopt(x->fd, SOL_SOCKET, name, &again, &len);
	say_option(w, x, "and get", &o, ret, &again, len);
}

/* --- names, states, ends -------------------------------------------------- */

static void op_names(struct world *w, struct end *x, struct end *y)
{
	struct sockaddr_storage own = {}, peer = {};
	struct sockaddr_in *in = (struct sockaddr_in *)&own;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&own;
	char text[INET6_ADDRSTRLEN] = "";
	socklen_t len[2] = { sizeof(own), sizeof(peer) };
	int ret[2];

	if (chance(w, 20))
		len[0] = pick(w, 20);
	ret[0] = getsockname(x->fd, (struct sockaddr *)&own, &len[0]);
	inet_ntop(family(), family() == AF_INET6 ? (void *)&in6->sin6_addr :
		  (void *)&in->sin_addr, text, sizeof(text));
	say(w, "getsockname", "%c %s %u %d %s", name_of(x), ret_text(ret[0]),
	    len[0], own.ss_family, text);
	ret[1] = getpeername(y->fd, (struct sockaddr *)&peer, &len[1]);
	say(w, "getpeername", "%c %s %u, port %s", name_of(y),
	    ret_text(ret[1]), len[1], len[0] < 16 || ret[0] || ret[1] ? "" :
	    ((struct sockaddr_in *)&peer)->sin_port == in->sin_port ?
	    "equal" : "other");
}

/* Calls for other states of a socket. */
static void op_misuse(struct world *w, struct end *x, struct end *y)
{
	unsigned int kind = pick(w, 7);
	struct sockaddr_storage to;
	socklen_t len = address(&to, B, port_of(w->listener));
	int ret = -1, fd[2];

	(void)y;
	if (kind == 0) {
		if (x->fd >= 0)
			set_nonblock(x->fd, false);
		ret = do_connect(x->fd, B, port_of(w->listener));
	} else if (kind == 1) {
		ret = listen(x->fd, 5);
	} else if (kind == 2) {
		ret = accept4(x->fd, NULL, NULL, SOCK_NONBLOCK);
	} else if (kind == 3) {
		ret = bind(x->fd, (struct sockaddr *)&to, len);
	} else if (kind == 4) {
		ret = connect(x->fd, (struct sockaddr *)&to, pick(w, 16));
	} else if (kind == 5) {
		to.ss_family = 99;
		ret = connect(x->fd, (struct sockaddr *)&to, len);
	} else {
		ret = socketpair(AF_INET, SOCK_STREAM, 0, fd);
	}
	say(w, "misuse", "%c kind %u: %s", name_of(x), kind, ret_text(ret));
	CHECK(ret <= 0);
	/* after a disconnect, some of these work */
	if (!ret)
		w->stop = true;
	if (!ret && kind == 0)
		close(do_accept(w->listener));
}

static void op_shutdown(struct world *w, struct end *x, struct end *y)
{
	static const int hows[] = {
		SHUT_WR, SHUT_WR, SHUT_WR, SHUT_RD, SHUT_RD, SHUT_RDWR, 3, -1,
	};
	int how = PICK(w, hows), ret = shutdown(x->fd, how);
	bool refused = refuses(x);

	say(w, "shutdown", "%c %d: %s", name_of(x), how, ret_text(ret));
	x->shut_rd |= !ret && how != SHUT_WR;
	x->shut_wr |= !ret && how != SHUT_RD;
	if (!refused)
		x->heard = y->out;
	shut_down(w, x, y);
}

static void op_close(struct world *w, struct end *x, struct end *y)
{
	if (x->dup >= 0)
		say(w, "close", "%c the other: %s", name_of(x),
		    ret_text(close(x->dup)));
	say(w, "close", "%c: %s", name_of(x), ret_text(close(x->fd)));
	x->fd = -1;
	x->dup = -1;
	w->over = true;
	x->heard = y->out;
	shut_down(w, x, y);
	if (y->fd >= 0)
		DIFF_UNTIL(diff_tcp_state(y->fd) != TCP_ESTABLISHED &&
			   diff_tcp_state(y->fd) != TCP_FIN_WAIT2, 300);
}

static void op_dup(struct world *w, struct end *x, struct end *y)
{
	int fd;

	(void)y;
	if (x->dup < 0) {
		x->dup = dup(x->fd);
		say(w, "dup", "%c: %s", name_of(x), x->dup < 0 ?
		    diff_errno(errno) : "done");
		return;
	}
	/* the connection goes on with the other */
	fd = x->fd;
	x->fd = x->dup;
	x->dup = -1;
	say(w, "close", "%c one of two: %s", name_of(x), ret_text(close(fd)));
}

static void op_disconnect(struct world *w, struct end *x, struct end *y)
{
	struct sockaddr to = { .sa_family = AF_UNSPEC };

	say(w, "disconnect", "%c: %s", name_of(x),
	    ret_text(connect(x->fd, &to, sizeof(to))));
	x->in = y->out;
	x->loose = 0;
	shut_down(w, x, y);
	DIFF_UNTIL(y->fd < 0 || is_dead(y), 300);
}

#endif /* _DIFF_RANDOM_CTL_H */
