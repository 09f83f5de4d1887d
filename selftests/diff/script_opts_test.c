// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options: set, read back, inherited from a listener, bad values; on
 * new, connected and ended sockets. Runs in the guest.
 *
 *	sock.sh diff/script_opts_test
 */

#define _GNU_SOURCE
#include "script.h"
#include <netinet/ip.h>

#define BIG	0x7fffffff

static const struct option {
	const char	*name;
	int		level, number;
	int		values[6];	/* to set, to the first BIG */
} options[] = {
#define O(level, number, ...)	{ #number, level, number, { __VA_ARGS__, BIG } }
	O(SOL_SOCKET, SO_REUSEADDR, 1, 0),
	O(SOL_SOCKET, SO_REUSEPORT, 1, 0),
	O(SOL_SOCKET, SO_KEEPALIVE, 1, 0, 1),
	O(SOL_SOCKET, SO_BROADCAST, 1, 0),
	O(SOL_SOCKET, SO_DONTROUTE, 1, 0),
	O(SOL_SOCKET, SO_OOBINLINE, 1, 0),
	O(SOL_SOCKET, SO_SNDBUF, 1, 5000, 100000, -1),
	O(SOL_SOCKET, SO_RCVBUF, 1, 5000, 100000, -1),
	O(SOL_SOCKET, SO_SNDLOWAT, 1, 100),
	O(SOL_SOCKET, SO_RCVLOWAT, 1, 100, 0, -1, 70000),
	O(SOL_SOCKET, SO_PRIORITY, 3, 6, 0),
	O(SOL_SOCKET, SO_MARK, 5, 0),
	O(SOL_SOCKET, SO_BUSY_POLL, 50, 0, -1),
	O(SOL_SOCKET, SO_PREFER_BUSY_POLL, 1, 0),
	O(SOL_SOCKET, SO_TIMESTAMP, 1, 0),
	O(SOL_SOCKET, SO_TIMESTAMPNS, 1, 0),
	O(SOL_SOCKET, SO_TIMESTAMPING, 8, 0, 1 << 30),
	O(SOL_SOCKET, SO_ZEROCOPY, 1, 0, 2),
	O(SOL_SOCKET, SO_INCOMING_CPU, 0, -1),
	O(SOL_SOCKET, SO_RXQ_OVFL, 1, 0),
	O(SOL_SOCKET, SO_WIFI_STATUS, 1, 0),
	O(SOL_SOCKET, SO_PEEK_OFF, 1, -1),
	O(SOL_SOCKET, SO_NOFCS, 1, 0),
	O(SOL_SOCKET, SO_SELECT_ERR_QUEUE, 1, 0),
	O(SOL_SOCKET, SO_LOCK_FILTER, 0),
	O(SOL_SOCKET, SO_PASSCRED, 1, 0),
	O(SOL_SOCKET, SO_TXREHASH, 1, 0),
	O(SOL_SOCKET, SO_MAX_PACING_RATE, 100000, -1),
	O(SOL_SOCKET, SO_BUF_LOCK, 3, 0, 7),
	O(SOL_SOCKET, SO_TYPE, 1),
	O(SOL_SOCKET, SO_DOMAIN, 1),
	O(SOL_SOCKET, SO_PROTOCOL, 1),
	O(SOL_SOCKET, SO_ACCEPTCONN, 1),
	O(SOL_SOCKET, SO_ERROR, 1),
	O(SOL_SOCKET, 9999, 1),
	O(IPPROTO_IP, IP_TOS, 0x10, 0x28, 0, 0xff),
	O(IPPROTO_IP, IP_TTL, 33, 0, 255, 256),
	O(IPPROTO_IP, IP_MTU_DISCOVER, 0, 1, 2, 3, 9),
	O(IPPROTO_IP, IP_RECVERR, 1, 0),
	O(IPPROTO_IP, IP_RECVTTL, 1, 0),
	O(IPPROTO_IP, IP_RECVTOS, 1, 0),
	O(IPPROTO_IP, IP_PKTINFO, 1, 0),
	O(IPPROTO_IP, IP_FREEBIND, 1, 0),
	O(IPPROTO_IP, IP_TRANSPARENT, 1, 0),
	O(IPPROTO_IP, IP_MINTTL, 2, 0),
	O(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1, 0),
	O(IPPROTO_IP, 999, 1),
	O(IPPROTO_TCP, TCP_NODELAY, 1, 0),
	O(IPPROTO_TCP, TCP_CORK, 1, 0),
	O(IPPROTO_TCP, TCP_QUICKACK, 0, 1),
	O(IPPROTO_TCP, TCP_MAXSEG, 500, 1, 100000, 1000),
	O(IPPROTO_TCP, TCP_KEEPIDLE, 5, 0, 40000, 60),
	O(IPPROTO_TCP, TCP_KEEPINTVL, 5, 0, 40000, 60),
	O(IPPROTO_TCP, TCP_KEEPCNT, 5, 0, 128, 3),
	O(IPPROTO_TCP, TCP_SYNCNT, 3, 0, 128, 5),
	O(IPPROTO_TCP, TCP_LINGER2, 10, -1, 1000, 0),
	O(IPPROTO_TCP, TCP_DEFER_ACCEPT, 1, 5, 0),
	O(IPPROTO_TCP, TCP_WINDOW_CLAMP, 5000, 100, 0, 60000),
	O(IPPROTO_TCP, TCP_USER_TIMEOUT, 500, -1, 0),
	O(IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1, 0, 2),
	O(IPPROTO_TCP, TCP_THIN_DUPACK, 1, 0, 2),
	O(IPPROTO_TCP, TCP_NOTSENT_LOWAT, 5000, 0, -1),
	O(IPPROTO_TCP, TCP_SAVE_SYN, 1, 0, 2, 3),
	O(IPPROTO_TCP, TCP_SAVED_SYN, 1),
	O(IPPROTO_TCP, TCP_FASTOPEN, 5, 0),
	O(IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1),
	O(IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1, 0),
	O(IPPROTO_TCP, TCP_INQ, 1, 0, 2),
	O(IPPROTO_TCP, TCP_TX_DELAY, 0),
	O(IPPROTO_TCP, TCP_TIMESTAMP, 5),
	O(IPPROTO_TCP, TCP_REPAIR_QUEUE, 1, 0),
	O(IPPROTO_TCP, TCP_QUEUE_SEQ, 1),
	O(IPPROTO_TCP, TCP_REPAIR_WINDOW, 1),
	O(IPPROTO_TCP, TCP_INFO, 1),
	O(IPPROTO_TCP, TCP_CC_INFO, 1),
	O(IPPROTO_TCP, 999, 1),
	O(SOL_IPV6, 16, 5),
	O(IPPROTO_UDP, 1, 1),
#undef O
};

/*
 * Those whose value is time, a measure or what was in a segment; after a FIN
 * TCP_QUICKACK says whether its ACK was put off for long.
 */
static bool is_measured(const struct option *o, const char *when)
{
	if (o->level == SOL_SOCKET)
		return o->number == SO_INCOMING_CPU;
	if (o->level == IPPROTO_TCP && o->number == TCP_QUICKACK)
		return !strcmp(when, "half");
	return o->level == IPPROTO_TCP &&
	       (o->number == TCP_TIMESTAMP || o->number == TCP_INFO ||
		o->number == TCP_CC_INFO || o->number == TCP_SAVED_SYN);
}

static void get_option(struct diff *d, const char *when, int fd,
		       const struct option *o)
{
	unsigned char buf[400] = {};
	char label[80], text[40];
	socklen_t len = sizeof(buf);
	unsigned int value = 0;

	snprintf(label, sizeof(label), "%s %s", when, o->name);
	if (diff_ret(d, label, getsockopt(fd, o->level, o->number, buf, &len)))
		return;
	memcpy(&value, buf, sizeof(value));
	snprintf(text, sizeof(text), "%u: %#x", len, value);
	diff_rec(d, label, "%s", is_measured(o, when) ? "a measure" : text);
}

/* Each option by itself, on a socket in some state. */
static void one_socket(struct diff *d, const char *when, int fd, bool set)
{
	const struct option *o;
	unsigned int i, j;
	char label[80];

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		o = &options[i];
		diff_doing(d, "%s %s", when, o->name);
		get_option(d, when, fd, o);
		for (j = 0; set && j < 6 && o->values[j] != BIG; j++) {
			snprintf(label, sizeof(label), "%s set %s", when,
				 o->name);
			diff_ret(d, label, setsockopt(fd, o->level, o->number,
						      &o->values[j],
						      sizeof(int)));
			get_option(d, when, fd, o);
		}
		if (set && o->level == IPPROTO_TCP) {
			snprintf(label, sizeof(label), "%s short %s", when,
				 o->name);
			diff_ret(d, label, setsockopt(fd, o->level, o->number,
						      "x", 1));
		}
	}
}

static void on_connected(struct diff *d)
{
	struct pair p = diff_pair(d);

	one_socket(d, "new", p.c, false);
	one_socket(d, "new", p.s, false);
	one_socket(d, "connected", p.c, true);
	/* it still works */
	CHECK_EQ(send(p.c, diff_bytes(0), 1000, 0), 1000);
	diff_rec(d, "settled", "%d", diff_settle(p.s, 1000));
}

static void on_accepted(struct diff *d)
{
	struct pair p = diff_pair(d);

	one_socket(d, "accepted", p.s, true);
	CHECK_EQ(send(p.s, diff_bytes(0), 1000, 0), 1000);
	diff_rec(d, "settled", "%d", diff_settle(p.c, 1000));
}

static void on_ended(struct diff *d)
{
	struct pair p = diff_pair(d);

	shutdown(p.c, SHUT_WR);
	CHECK(until_fin(p.s));
	one_socket(d, "half", p.s, false);
	one_socket(d, "shut", p.c, false);
	reset(p.s);
	CHECK(diff_until_state(p.c, TCP_CLOSE));
	one_socket(d, "over", p.c, true);
}

/* What a child has from its listener, and a client from before connect(). */
static void inherited(struct diff *d)
{
	static const char *const skip[] = {
		"SO_ERROR", "TCP_FASTOPEN_CONNECT", "TCP_FASTOPEN",
		"TCP_REPAIR_QUEUE", "IP_TTL", "IP_TRANSPARENT",
	};
	struct pair p = { .c = new_socket(A) };
	int l = new_listener(), fd[2] = { l, p.c };
	unsigned int i, j, k;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		for (j = 0; j < ARRAY_SIZE(skip); j++)
			if (!strcmp(skip[j], options[i].name))
				break;
		if (j < ARRAY_SIZE(skip))
			continue;
		for (k = 0; k < 2; k++)
			setsockopt(fd[k], options[i].level, options[i].number,
				   &options[i].values[0], sizeof(int));
	}
	/* or the handshake would not come through them */
	for (k = 0; k < 2; k++) {
		set_int(fd[k], SOL_SOCKET, SO_SNDBUF, 50000);
		set_int(fd[k], SOL_SOCKET, SO_RCVBUF, 50000);
		set_int(fd[k], SOL_SOCKET, SO_DONTROUTE, 0);
		set_int(fd[k], IPPROTO_TCP, TCP_CORK, 0);
	}
	diff_ret(d, "connect", do_connect(p.c, B, port_of(l)));
	p.s = do_accept(l);
	close(l);
	diff_ready(d, p);
	one_socket(d, "client", p.c, false);
	one_socket(d, "child", p.s, false);
	CHECK_EQ(send(p.c, diff_bytes(0), 1000, 0), 1000);
	diff_rec(d, "settled", "%d", diff_settle(p.s, 1000));
}

/* Options that are no integers. */
static void others(struct diff *d)
{
	struct pair p = diff_pair(d);
	struct timeval tv = { 2, 500000 };
	struct linger l = { 1, 7 };
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, 0xffffffff);
	struct sock_fprog prog = { .len = 1, .filter = &all };
	unsigned char buf[200];
	socklen_t len;
	int i;

	for (i = 0; i < 2; i++) {
		int fd = i ? p.s : p.c;

		diff_ret(d, "congestion", setsockopt(fd, IPPROTO_TCP,
						     TCP_CONGESTION, "reno", 4));
		len = sizeof(buf);
		diff_ret(d, "congestion", getsockopt(fd, IPPROTO_TCP,
						     TCP_CONGESTION, buf,
						     &len));
		diff_rec(d, "congestion", "%u %.16s", len, buf);
		diff_ret(d, "unknown", setsockopt(fd, IPPROTO_TCP,
						  TCP_CONGESTION, "nope", 4));
		diff_ret(d, "ulp", setsockopt(fd, IPPROTO_TCP, TCP_ULP, "nope",
					      4));
		diff_ret(d, "linger", setsockopt(fd, SOL_SOCKET, SO_LINGER, &l,
						 sizeof(l)));
		len = sizeof(buf);
		diff_ret(d, "linger", getsockopt(fd, SOL_SOCKET, SO_LINGER,
						 buf, &len));
		diff_rec(d, "linger", "%u %d %d", len, ((int *)buf)[0],
			 ((int *)buf)[1]);
		diff_ret(d, "rcvtimeo", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO,
						   &tv, sizeof(tv)));
		len = sizeof(buf);
		diff_ret(d, "rcvtimeo", getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO,
						   buf, &len));
		diff_rec(d, "rcvtimeo", "%u %ld %ld", len,
			 ((struct timeval *)buf)->tv_sec,
			 ((struct timeval *)buf)->tv_usec);
		diff_ret(d, "device", setsockopt(fd, SOL_SOCKET,
						 SO_BINDTODEVICE, "", 0));
		diff_ret(d, "filter", setsockopt(fd, SOL_SOCKET,
						 SO_ATTACH_FILTER, &prog,
						 sizeof(prog)));
		ping_pair(p);
		diff_ret(d, "detach", setsockopt(fd, SOL_SOCKET,
						 SO_DETACH_FILTER, &i,
						 sizeof(i)));
		diff_ret(d, "detach", setsockopt(fd, SOL_SOCKET,
						 SO_DETACH_FILTER, &i,
						 sizeof(i)));
		len = sizeof(buf);
		diff_ret(d, "peername", getsockopt(fd, SOL_SOCKET, SO_PEERNAME,
						   buf, &len));
		len = sizeof(buf);
		diff_ret(d, "peercred", getsockopt(fd, SOL_SOCKET, SO_PEERCRED,
						   buf, &len));
		len = sizeof(buf);
		diff_ret(d, "meminfo", getsockopt(fd, SOL_SOCKET, SO_MEMINFO,
						  buf, &len));
		diff_rec(d, "meminfo", "%u", len);
		len = sizeof(buf);
		diff_ret(d, "cookie", getsockopt(fd, SOL_SOCKET, SO_COOKIE,
						 buf, &len));
		len = 0;
		diff_ret(d, "ulp", getsockopt(fd, IPPROTO_TCP, TCP_ULP, buf,
					      &len));
		len = 4;
		diff_ret(d, "bad pointer", getsockopt(fd, IPPROTO_TCP,
						      TCP_NODELAY, (void *)8,
						      &len));
		diff_ret(d, "bad length", getsockopt(fd, IPPROTO_TCP,
						     TCP_NODELAY, buf,
						     (void *)8));
	}
}

/* Names and descriptors. */
static void descriptors(struct diff *d)
{
	struct pair p = diff_pair(d);
	static const int commands[] = {
		F_GETFL, F_GETFD, F_GETOWN, F_GETSIG, F_GETLEASE, F_GETPIPE_SZ,
	};
	static const unsigned long ioctls[] = {
		SIOCINQ, SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK, FIOGETOWN,
		SIOCGPGRP, 0x5401 /* TCGETS */, 0x1234,
	};
	char link[100] = {}, path[50];
	unsigned int i, j;

	for (j = 0; j < 2; j++) {
		int fd = j ? p.s : p.c;

		for (i = 0; i < ARRAY_SIZE(commands); i++)
			diff_ret(d, "fcntl", fcntl(fd, commands[i]));
		for (i = 0; i < ARRAY_SIZE(ioctls); i++) {
			int n = 0;

			diff_ret(d, "ioctl", ioctl(fd, ioctls[i], &n));
			diff_rec(d, "ioctl", "%d", n);
		}
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		CHECK(readlink(path, link, sizeof(link) - 1) > 0);
		diff_rec(d, "link", "%.8s", link);
		diff_ret(d, "open", open(path, O_RDWR));
		diff_ret(d, "sockatmark", sockatmark(fd));
	}
}

static void tcp_info(struct diff *d)
{
	struct pair p = diff_pair(d);
	struct tcp_info is;
	socklen_t len;
	int i;

	for (i = 0; i < 2; i++) {
		CHECK_EQ(send(p.c, diff_bytes(0), 5000, 0), 5000);
		CHECK(diff_settle(p.s, 5000 * (i + 1)));
	}
	CHECK(diff_acked(p.c));
	for (i = 0; i < 2; i++) {
		len = sizeof(is);
		CHECK_EQ(getsockopt(i ? p.s : p.c, IPPROTO_TCP, TCP_INFO, &is,
				    &len), 0);
		diff_rec(d, "info", "%u %u %u %u %u %u %u", len,
			 is.tcpi_state, is.tcpi_ca_state, is.tcpi_retransmits,
			 is.tcpi_probes, is.tcpi_options, is.tcpi_unacked);
		diff_rec(d, "windows", "%u %u", is.tcpi_snd_wscale,
			 is.tcpi_rcv_wscale);
		diff_rec(d, "mss", "%u %u %u", is.tcpi_snd_mss, is.tcpi_advmss,
			 is.tcpi_pmtu);
		diff_rec(d, "rtt", "%d", is.tcpi_rtt > 0);
	}
	len = 10;
	diff_ret(d, "short", getsockopt(p.c, IPPROTO_TCP, TCP_INFO, &is, &len));
	diff_rec(d, "short", "%u", len);
}

/* The SYN that an application asked for is what the peer sent. */
static void saved_syn(struct diff *d)
{
	int l = new_listener();
	unsigned char buf[200];
	struct pair p;
	socklen_t len = sizeof(buf);

	set_int(l, IPPROTO_TCP, TCP_SAVE_SYN, 1);
	p.c = connect_to(l);
	p.s = do_accept(l);
	diff_ready(d, p);
	diff_ret(d, "get", getsockopt(p.s, IPPROTO_TCP, TCP_SAVED_SYN, buf,
				      &len));
	diff_rec(d, "syn", "version %#x, protocol %u, flags %#x", buf[0], buf[9],
		 buf[33]);
	len = sizeof(buf);
	diff_ret(d, "again", getsockopt(p.s, IPPROTO_TCP, TCP_SAVED_SYN, buf,
					&len));
	diff_rec(d, "again", "%u", len);
}

static void deferred(struct diff *d)
{
	int l = new_listener();
	struct pair p;

	set_int(l, IPPROTO_TCP, TCP_DEFER_ACCEPT, 5);
	p.c = connect_to(l);
	CHECK_EQ(send(p.c, diff_bytes(0), 100, 0), 100);
	CHECK(DIFF_UNTIL(poll_now(l, POLLIN), 5000));
	p.s = do_accept(l);
	diff_ready(d, p);
	diff_rec(d, "data", "%d", diff_settle(p.s, 100));
	rec_events(d, "events", p.s);
}

/* From an IPv6 socket to an IPv4 one, whatever the family of the run. */
static void to_ipv4(struct diff *d, unsigned int v, const char *label,
		    bool shut)
{
	int inet = AF_INET, ret;
	struct pair p;

	variant = v;
	p = diff_pair(d);
	if (shut) {
		shutdown(p.c, SHUT_WR);
		CHECK(diff_until_state(p.c, TCP_FIN_WAIT2));
	}
	ret = setsockopt(p.c, IPPROTO_IPV6, IPV6_ADDRFORM, &inet,
			 sizeof(inet));
	diff_rec(d, label, "%s, domain %d", ret ? diff_errno(errno) : "0",
		 get_int(p.c, SOL_SOCKET, SO_DOMAIN));
	/* the connection is what it was */
	CHECK_EQ(send(p.s, diff_bytes(0), 100, 0), 100);
	diff_rec(d, "settled", "%d", diff_settle(p.c, 100));
	close_pair(p);
}

static void addrform(struct diff *d)
{
	to_ipv4(d, V6, "IPv6", false);
	to_ipv4(d, V6, "IPv6, shut down", true);
	to_ipv4(d, MAPPED, "mapped, shut down", true);
	to_ipv4(d, MAPPED, "mapped", false);
}

static void set_fastopen(int value)
{
	char text[8];
	int fd, n = snprintf(text, sizeof(text), "%d\n", value);

	enter(A);
	fd = open("/proc/sys/net/ipv4/tcp_fastopen", O_WRONLY);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, n), n);
	close(fd);
}

/* MSG_FASTOPEN on a connection: what is wrong with its address comes first. */
static void fastopen_flag(struct diff *d)
{
	struct pair p = diff_pair(d);
	struct sockaddr_storage to;
	socklen_t len = address(&to, B, 9), lens[] = { 0, 1, 2, 15, len };
	unsigned int i, client;
	int enable[] = { 0, 3 };
	char label[40];

	for (client = 0; client < 2; client++) {
		set_fastopen(enable[client]);
		for (i = 0; i < 2 * ARRAY_SIZE(lens); i++) {
			to.ss_family = i & 1 ? AF_UNSPEC : family();
			snprintf(label, sizeof(label), "%u, %u bytes, %u",
				 client, lens[i / 2], to.ss_family);
			diff_ret(d, label, sendto(p.c, diff_bytes(0), 10,
						  MSG_FASTOPEN,
						  (struct sockaddr *)&to,
						  lens[i / 2]));
		}
		diff_ret(d, "no address", send(p.c, diff_bytes(0), 10,
					       MSG_FASTOPEN));
	}
	set_fastopen(1);
	CHECK_EQ(send(p.c, diff_bytes(0), 10, 0), 10);
	diff_rec(d, "settled", "%d", diff_settle(p.s, 10));
}

/* On veth, the processor of whoever has sent the last segment. */
static void incoming_cpu(struct diff *d)
{
	struct pair p = diff_pair(d);
	cpu_set_t all, one;
	int cpu, i;

	CHECK_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
	for (i = 0; i < 4; i++) {
		cpu = i & 1;
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		CHECK_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
		ping_pair(p);
		CHECK(diff_acked(p.c) && diff_acked(p.s));
		diff_rec(d, "server", "%d", get_int(p.s, SOL_SOCKET,
						    SO_INCOMING_CPU));
		diff_rec(d, "client", "%d", get_int(p.c, SOL_SOCKET,
						    SO_INCOMING_CPU));
	}
}

static void recv_marked(int fd, size_t len)
{
	char buf[3000];
	ssize_t n;

	for (; len; len -= n) {
		n = recv(fd, buf, len < sizeof(buf) ? len : sizeof(buf), 0);
		CHECK(n > 0);
	}
}

/* How long a transfer takes, in powers of four of half a second. */
static int slowness(double time)
{
	int n = 0;

	for (; time > .5; time /= 4)
		n++;
	return n;
}

static void through_clamp(struct diff *d, struct pair p, const char *label)
{
	struct call c = { .fn = call_send, .fd = p.c, .len = 60000 };
	double begin = now();
	int i;

	/* questions and answers, of less and of more than the window */
	for (i = 0; i < 10; i++) {
		CHECK_EQ(send(p.c, diff_bytes(0), 3000, 0), 3000);
		recv_marked(p.s, 3000);
		CHECK_EQ(send(p.s, diff_bytes(0), 100, 0), 100);
		recv_marked(p.c, 100);
	}
	diff_rec(d, label, "questions: %d", slowness(now() - begin));
	begin = now();
	call_start(d, &c, label);
	recv_marked(p.s, 60000);
	call_end(&c);
	diff_rec(d, label, "bulk: %d", slowness(now() - begin));
	diff_rec(d, label, "%d", get_int(p.s, IPPROTO_TCP, TCP_WINDOW_CLAMP));
}

/*
 * TCP_WINDOW_CLAMP, down to what is less than a segment, before there is a
 * connection and afterwards: a sender that has seen a larger window sends by
 * probes then. With SO_RCVBUF, for autotuning would lift it one day.
 */
static void window_clamp(struct diff *d)
{
	static const int clamps[] = { 1, 2000, 30000 };
	unsigned int i, late;
	char label[40];
	struct pair p;
	int fd;

	for (i = 0; i < 2 * ARRAY_SIZE(clamps); i++) {
		late = i & 1;
		snprintf(label, sizeof(label), "%d %s", clamps[i / 2],
			 late ? "after" : "before");
		fd = new_listener();
		set_int(fd, SOL_SOCKET, SO_RCVBUF, 65536);
		if (!late)
			set_int(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP,
				clamps[i / 2]);
		p.c = connect_to(fd);
		p.s = do_accept(fd);
		close(fd);
		diff_ready(d, p);
		if (late)
			set_int(p.s, IPPROTO_TCP, TCP_WINDOW_CLAMP,
				clamps[i / 2]);
		through_clamp(d, p, label);
		close_pair(p);
	}
}

static const struct diff_scenario table[] = {
	{ "on_connected", on_connected, 0, 0 },
	{ "on_accepted", on_accepted, 0, 0 },
	{ "on_ended", on_ended, 0, 0 },
	{ "inherited", inherited, 0, 0 },
	{ "others", others, 0, 0 },
	{ "descriptors", descriptors, 0, 0 },
	{ "tcp_info", tcp_info, 0, 0 },
	{ "saved_syn", saved_syn, 0, 0 },
	{ "deferred", deferred, 0, 0 },
	{ "addrform", addrform, 0, 0 },
	{ "fastopen_flag", fastopen_flag, 0, 0 },
	{ "incoming_cpu", incoming_cpu, 0, 0 },
	{ "window_clamp", window_clamp, 0, 120 },
	{ }
};

int main(int argc, char **argv)
{
	return diff_main(argc, argv, table);
}
