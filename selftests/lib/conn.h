/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Both ends of a TCP connection in one program: the client's socket belongs
 * to network namespace a, the server's to b (lib/net.sh makes them).
 *
 * The variants of a case: encrypted over IPv4, IPv6 and IPv4-mapped
 * addresses; and PLAIN, the same on a port that the module leaves alone. What
 * holds there is what holds for TCP.
 */
#ifndef _CONN_H
#define _CONN_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/tcpcrypt.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "ktap.h"

enum variant { V4 = 1, V6 = 2, MAPPED = 4, PLAIN = 8, };

#define ALL	(V4 | V6 | MAPPED | PLAIN)
#define BOTH	(V4 | PLAIN)

static const char *const variant_names[] = {
	"IPv4", "IPv6", "IPv4-mapped", "plain TCP", NULL
};

#define PLAIN_PORT	8443	/* in the default bad_connect_ports */

enum host { A, B, };

static const unsigned char *stream(unsigned long long off);

static unsigned int variant;
static bool is_plain;
static bool seen_encrypted;
static int ns_fd[2];
static const char *ns_suffix = "";	/* of another pair of hosts: a1, b1 */

static inline int ns_open(enum host host)
{
	char path[64];

	snprintf(path, sizeof(path), "/run/netns/%c%s", host == A ? 'a' : 'b',
		 ns_suffix);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static inline void enter(enum host host)
{
	CHECK_EQ(setns(ns_fd[host], CLONE_NEWNET), 0);
}

static inline void set_sysctl(enum host host, const char *name, int value)
{
	char path[100], text[20];
	int fd, len;

	enter(host);
	snprintf(path, sizeof(path), "/proc/sys/net/tcpcrypt/%s", name);
	len = snprintf(text, sizeof(text), "%d\n", value);
	fd = open(path, O_WRONLY);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, len), len);
	close(fd);
}

/* Most cases want to see keys being agreed upon: no session is resumed. */
static void before(unsigned int v)
{
	variant = v;
	is_plain = v == PLAIN;
	signal(SIGPIPE, SIG_IGN);
	stream(0);	/* threads use it */
	ns_fd[A] = ns_open(A);
	ns_fd[B] = ns_open(B);
	CHECK(ns_fd[A] >= 0 && ns_fd[B] >= 0);
	set_sysctl(A, "cache_max", 0);
	set_sysctl(B, "cache_max", 0);
}

/* No case may pass without the module. */
static inline void after(void)
{
	CHECK(is_plain || seen_encrypted);
}

static inline int family(void)
{
	return variant & (V6 | MAPPED) ? AF_INET6 : AF_INET;
}

static inline socklen_t address(struct sockaddr_storage *to, enum host host,
				int port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)to;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
	static const char *const text[2][2] = {
		{ "fd09::1", "fd09::2" },
		{ "::ffff:10.9.0.1", "::ffff:10.9.0.2" },
	};

	memset(to, 0, sizeof(*to));
	to->ss_family = family();
	in->sin_port = htons(port);	/* same place in both */
	if (family() == AF_INET6) {
		inet_pton(AF_INET6, text[variant == MAPPED][host],
			  &in6->sin6_addr);
		return sizeof(*in6);
	}
	inet_pton(AF_INET, host == A ? "10.9.0.1" : "10.9.0.2", &in->sin_addr);
	return sizeof(*in);
}

static inline int new_socket(enum host host)
{
	int fd;

	enter(host);
	fd = socket(family(), SOCK_STREAM, 0);
	CHECK(fd >= 0);
	return fd;
}

static inline void set_int(int fd, int level, int name, int value)
{
	CHECK_EQ(setsockopt(fd, level, name, &value, sizeof(value)), 0);
}

static inline int get_int(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	CHECK_EQ(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static inline void set_timeout(int fd, int name, int ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	CHECK_EQ(setsockopt(fd, SOL_SOCKET, name, &tv, sizeof(tv)), 0);
}

static inline void set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	CHECK_EQ(fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK :
					 flags & ~O_NONBLOCK), 0);
}

static inline int do_bind(int fd, enum host host, int port)
{
	struct sockaddr_storage to;
	socklen_t len = address(&to, host, port);

	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	return bind(fd, (struct sockaddr *)&to, len);
}

static inline int port_of(int fd)
{
	struct sockaddr_storage to;
	socklen_t len = sizeof(to);

	CHECK_EQ(getsockname(fd, (struct sockaddr *)&to, &len), 0);
	return ntohs(((struct sockaddr_in *)&to)->sin_port);
}

/* A bound socket for the server, at b. */
static inline int new_bound(void)
{
	int fd = new_socket(B);

	CHECK_EQ(do_bind(fd, B, is_plain ? PLAIN_PORT : 0), 0);
	return fd;
}

static inline int new_listener(void)
{
	int fd = new_bound();

	CHECK_EQ(listen(fd, 512), 0);
	return fd;
}

static inline int do_connect(int fd, enum host host, int port)
{
	struct sockaddr_storage to;
	socklen_t len = address(&to, host, port);

	return connect(fd, (struct sockaddr *)&to, len);
}

static inline int connect_to(int listener)
{
	int fd = new_socket(A);

	CHECK_EQ(do_connect(fd, B, port_of(listener)), 0);
	return fd;
}

static inline int do_accept(int listener)
{
	int fd = accept(listener, NULL, NULL);

	CHECK(fd >= 0);
	return fd;
}

/* TCP_CRYPT_*, or -1 if the connection is none of ours. */
static inline int crypt_state(int fd)
{
	struct tcp_crypt_info info;
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_CRYPT_INFO, &info, &len))
		return -1;
	CHECK_EQ(len, sizeof(info));
	return info.tcci_state;
}

static inline void get_sessid(int fd, unsigned char *id)
{
	socklen_t len = 33;

	CHECK_EQ(getsockopt(fd, IPPROTO_TCP, TCP_ENO_SESSID, id, &len), 0);
	CHECK_EQ(len, 33);
}

/* Encrypted, or untouched in the plain variant. */
static inline void check_one(int fd)
{
	struct tcp_crypt_info info;
	socklen_t len = sizeof(info);

	if (is_plain) {
		CHECK_ERR(getsockopt(fd, IPPROTO_TCP, TCP_CRYPT_INFO, &info,
				     &len), ENOPROTOOPT);
		return;
	}
	CHECK(crypt_state(fd) >= 0);
	WAIT_FOR(crypt_state(fd) == TCP_CRYPT_OPEN);
	seen_encrypted = true;
}

static inline void check_pair(int c, int s)
{
	unsigned char x[33], y[33];

	check_one(c);
	check_one(s);
	if (is_plain)
		return;
	get_sessid(c, x);
	get_sessid(s, y);
	CHECK(!memcmp(x, y, sizeof(x)));
}

struct pair {
	int c, s;
};

/* Connected, and known to be encrypted. */
static inline struct pair new_pair(void)
{
	int l = new_listener();
	struct pair p;

	p.c = connect_to(l);
	p.s = do_accept(l);
	close(l);
	check_pair(p.c, p.s);
	return p;
}

static inline void close_pair(struct pair p)
{
	close(p.c);
	close(p.s);
}

/*
 * Data: an endless stream whose bytes are known by their offset. The period
 * is a prime, so that no loss or repetition of a usual size goes unnoticed.
 */
#define PERIOD	65521
#define CHUNK	(128 << 10)

static unsigned char period[PERIOD + CHUNK];

static const unsigned char *stream(unsigned long long off)
{
	unsigned int i, x = 2463534242u;

	if (!period[0]) {
		for (i = 0; i < PERIOD; i++) {
			x ^= x << 13;
			x ^= x >> 17;
			x ^= x << 5;
			period[i] = x >> 8;
		}
		period[0] |= 1;
		for (i = PERIOD; i < sizeof(period); i++)
			period[i] = period[i - PERIOD];
	}
	return period + off % PERIOD;
}

/* Sends the stream from off on, in calls of chunk bytes at most. */
static inline void send_stream(int fd, unsigned long long off, size_t len,
			       size_t chunk)
{
	ssize_t n;

	if (chunk > CHUNK)
		chunk = CHUNK;
	while (len) {
		n = send(fd, stream(off), len < chunk ? len : chunk, 0);
		CHECK(n > 0);
		off += n;
		len -= n;
	}
}

static inline void check_stream(const void *buf, unsigned long long off,
				size_t len)
{
	const unsigned char *is = buf, *want = stream(off);
	size_t i;

	if (!memcmp(is, want, len))
		return;
	for (i = 0; is[i] == want[i]; i++)
		;
	FAIL("wrong byte at %llu of the stream", off + i);
}

static inline void recv_stream(int fd, unsigned long long off, size_t len,
			       size_t chunk)
{
	unsigned char *buf;
	ssize_t n;

	if (chunk > CHUNK)
		chunk = CHUNK;
	buf = malloc(chunk);
	CHECK(buf);
	while (len) {
		n = recv(fd, buf, len < chunk ? len : chunk, 0);
		CHECK(n > 0);
		check_stream(buf, off, n);
		off += n;
		len -= n;
	}
	free(buf);
}

static inline void check_eof(int fd)
{
	char c;

	CHECK_EQ(recv(fd, &c, 1, 0), 0);
}

/* Everything until the end-of-file; how much it was. */
static inline unsigned long long recv_until_eof(int fd, unsigned long long off)
{
	unsigned char *buf = malloc(CHUNK);
	unsigned long long total = 0;
	ssize_t n;

	CHECK(buf);
	for (;;) {
		n = recv(fd, buf, CHUNK, 0);
		CHECK(n >= 0);
		if (!n)
			break;
		check_stream(buf, off + total, n);
		total += n;
	}
	free(buf);
	return total;
}

/* A nonblocking socket takes no more. */
static inline unsigned long long send_until_full(int fd,
						 unsigned long long off)
{
	unsigned long long total = 0;
	ssize_t n;
	int idle;

	for (idle = 0; idle < 3; nap(20)) {
		n = send(fd, stream(off + total), CHUNK, MSG_DONTWAIT);
		if (n > 0) {
			total += n;
			idle = 0;
			continue;
		}
		CHECK_ERR(n, EAGAIN);
		idle++;
	}
	return total;
}

static inline short poll_now(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	CHECK(poll(&p, 1, 0) >= 0);
	return p.revents;
}

/* What poll() says when it says anything, 20 s at most. */
static inline short poll_wait(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	CHECK_EQ(poll(&p, 1, 20000), 1);
	return p.revents;
}

static inline int inq(int fd)
{
	int n = -1;

	CHECK_EQ(ioctl(fd, FIONREAD, &n), 0);
	return n;
}

static inline void ping(int from, int to)
{
	char buf[8];

	CHECK_EQ(send(from, "ping", 4, 0), 4);
	CHECK_EQ(recv(to, buf, sizeof(buf), 0), 4);
	CHECK(!memcmp(buf, "ping", 4));
}

static inline void ping_pair(struct pair p)
{
	ping(p.c, p.s);
	ping(p.s, p.c);
}

static inline pthread_t start(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, fn, arg), 0);
	return t;
}

static inline void *join(pthread_t t)
{
	void *ret = NULL;

	CHECK_EQ(pthread_join(t, &ret), 0);
	return ret;
}

/* A part of the stream, for threads. */
struct part {
	int			fd;
	unsigned long long	off;
	size_t			len;
	size_t			chunk;
};

static inline void *send_part(void *arg)
{
	struct part *p = arg;

	send_stream(p->fd, p->off, p->len, p->chunk);
	return NULL;
}

static inline void *recv_part(void *arg)
{
	struct part *p = arg;

	recv_stream(p->fd, p->off, p->len, p->chunk);
	return NULL;
}

/* The wire: what crosses b's end of the link. */

static inline int tap_open(void)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
	};
	int fd;

	enter(B);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL));
	CHECK(fd >= 0);
	to.sll_ifindex = if_nametoindex("eth0");
	set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20);
	CHECK_EQ(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

struct tap_sum {
	unsigned int packets;
	unsigned int payload;	/* bytes in IPv4 TCP segments */
	unsigned int resets;
	bool marked;
};

/* Reads and sums up what was captured, looks for marker. */
static inline struct tap_sum tap_read(int fd, const char *marker)
{
	static unsigned char buf[70000];
	struct tap_sum sum = {};
	struct tpacket_stats stats;
	socklen_t len = sizeof(stats);
	unsigned int head, total;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		sum.packets++;
		if (memmem(buf, n, marker, strlen(marker)))
			sum.marked = true;
		if (n < 54 || buf[12] != 8 || buf[13] || buf[23] != 6)
			continue;
		head = 14 + (buf[14] & 15) * 4;
		total = 14 + (buf[16] << 8 | buf[17]);
		sum.payload += total - head - (buf[head + 12] >> 4) * 4;
		sum.resets += buf[head + 13] >> 2 & 1;
	}
	CHECK_EQ(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len),
		 0);
	CHECK_EQ(stats.tp_drops, 0);
	return sum;
}

#endif /* _CONN_H */
