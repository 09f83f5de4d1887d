// SPDX-License-Identifier: GPL-2.0
/*
 * The receive buffer of an encrypted connection beside that of a plain one,
 * in one run: autotuning, slow readers, limits that change, acknowledgments,
 * latency. Needs two hosts: sock.sh.
 *
 * The links' rates are so low that encryption in an emulated guest is not
 * what limits a transfer.
 */

#define _GNU_SOURCE
#include <linux/sock_diag.h>
#include "lib/conn.h"

#ifndef TCP_WINDOW_CLAMP
#define TCP_WINDOW_CLAMP 10
#endif

/* One of each kind, on the same link. */
static struct pair pair_of(bool plain)
{
	is_plain = plain;
	return new_pair();
}

static const char *kind(bool plain)
{
	return plain ? "plain" : "encrypted";
}

static void set_qdisc(const char *arguments)
{
	char text[256];
	int i;

	for (i = 0; i < 2; i++) {
		snprintf(text, sizeof(text),
			 "tc -n %c qdisc replace dev eth0 root %s", 'a' + i,
			 arguments);
		CHECK_EQ(system(text), 0);
	}
}

/* A path as across a continent. */
static void far_away(void)
{
	CHECK_EQ(system("modprobe -q sch_netem; true"), 0);
	set_qdisc("netem delay 50ms rate 20mbit limit 2000");
}

static void near_again(void)
{
	set_qdisc("pfifo limit 1000");
}

/* A counter of a namespace: /proc/net/snmp and netstat have pairs of lines. */
static long long counter(enum host host, const char *file, const char *name)
{
	static char names[8192], values[8192];
	char *n, *v, *at, *at2;
	long long ret = -1;
	FILE *f;

	enter(host);
	f = fopen(file, "r");
	CHECK(f);
	while (fgets(names, sizeof(names), f) &&
	       fgets(values, sizeof(values), f)) {
		n = strtok_r(names, "\n ", &at);
		v = strtok_r(values, "\n ", &at2);
		while (n && v) {
			if (!strcmp(n, name))
				ret = atoll(v);
			n = strtok_r(NULL, "\n ", &at);
			v = strtok_r(NULL, "\n ", &at2);
		}
	}
	fclose(f);
	return ret < 0 ? 0 : ret;
}

static long long segments_from(enum host host)
{
	return counter(host, "/proc/net/snmp", "OutSegs");
}

/* Segments that b dropped or moved about for want of memory. */
static long long drops(void)
{
	static const char *const names[] = {
		"PruneCalled", "RcvPruned", "OfoPruned", "TCPRcvCollapsed",
		"TCPRcvQDrop", "TCPOFODrop", "TCPBacklogDrop",
		"TCPZeroWindowDrop",
	};
	long long sum = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		sum += counter(B, "/proc/net/netstat", names[i]);
	return sum;
}

static unsigned int meminfo(int fd, int which)
{
	unsigned int info[SK_MEMINFO_VARS] = {};
	socklen_t len = sizeof(info);

	CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len), 0);
	return info[which];
}

static unsigned int rcv_space(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	CHECK_EQ(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	return info.tcpi_rcv_space;
}

struct result {
	double		seconds;
	unsigned int	rcvbuf;
	unsigned int	space;
	unsigned int	memory;		/* the most in sk_rmem_alloc */
	long long	segments;
	long long	acks;
	long long	drops;
};

/* From a to b; the reader naps after each chunk. */
static struct result transfer(bool plain, size_t len, size_t chunk, int ms)
{
	struct pair p = pair_of(plain);
	struct part part = { p.c, 0, len, CHUNK };
	struct result r = {};
	unsigned int memory;
	pthread_t t;
	size_t off;

	r.segments = -segments_from(A);
	r.acks = -segments_from(B);
	r.drops = -drops();
	r.seconds = -now();
	t = start(send_part, &part);
	for (off = 0; off < len; off += chunk) {
		if (chunk > len - off)
			chunk = len - off;
		recv_stream(p.s, off, chunk, chunk);
		memory = meminfo(p.s, SK_MEMINFO_RMEM_ALLOC);
		if (memory > r.memory)
			r.memory = memory;
		if (ms)
			nap(ms);
	}
	join(t);
	r.seconds += now();
	r.segments += segments_from(A);
	r.acks += segments_from(B);
	r.drops += drops();
	r.rcvbuf = meminfo(p.s, SK_MEMINFO_RCVBUF);
	r.space = rcv_space(p.s);
	printf("# %s: %.2f s, %.2f Mbit/s, SO_RCVBUF %u, rcv_space %u\n",
	       kind(plain), r.seconds, len * 8 / 1e6 / r.seconds, r.rcvbuf,
	       r.space);
	printf("#   memory up to %u, %lld segments, %lld back, %lld drops\n",
	       r.memory, r.segments, r.acks, r.drops);
	close_pair(p);
	return r;
}

/*
 * The window must grow: 64 KiB in 100 ms would be a quarter of the rate. By how
 * much differs from run to run, for plain TCP too.
 */
static void autotuning(void)
{
	struct result plain, ours;

	far_away();
	plain = transfer(true, 6 << 20, 65536, 0);
	ours = transfer(false, 6 << 20, 65536, 0);
	near_again();
	CHECK(plain.rcvbuf > 2 * 131072);
	CHECK(ours.rcvbuf > 2 * 131072);
	CHECK(ours.space >= plain.space / 2);
	CHECK(ours.seconds <= plain.seconds * 1.5);
}

/* A reader that is slower than the path does not need a large buffer. */
static void slow_reader(void)
{
	struct result plain, ours;

	far_away();
	plain = transfer(true, 1 << 20, 8192, 40);
	ours = transfer(false, 1 << 20, 8192, 40);
	near_again();
	CHECK(ours.rcvbuf <= plain.rcvbuf / 4 * 5);
	CHECK(ours.memory <= ours.rcvbuf + 65536);
	CHECK(ours.drops <= plain.drops + 20);
	CHECK(ours.seconds <= plain.seconds * 1.5);
}

/* Nobody reads for a while; then everything is there. */
static unsigned int pause_reading(bool plain, int rcvbuf)
{
	struct pair p = pair_of(plain);
	unsigned long long len;
	unsigned int memory;
	struct part part;
	pthread_t t;

	if (rcvbuf)
		set_int(p.s, SOL_SOCKET, SO_RCVBUF, rcvbuf);
	len = send_until_full(p.c, 0);
	memory = meminfo(p.s, SK_MEMINFO_RMEM_ALLOC);
	printf("# %s: %llu bytes sent, %u in sk_rmem_alloc, SO_RCVBUF %u\n",
	       kind(plain), len, memory, meminfo(p.s, SK_MEMINFO_RCVBUF));
	CHECK(memory <= meminfo(p.s, SK_MEMINFO_RCVBUF) + 65536);
	part = (struct part){ p.c, len, 300000, 10000 };
	t = start(send_part, &part);
	recv_stream(p.s, 0, len + part.len, 65536);
	join(t);
	close_pair(p);
	return memory;
}

static void paused_reader(void)
{
	long long before;

	pause_reading(true, 0);
	before = drops();
	pause_reading(false, 0);
	pause_reading(true, 20000);
	pause_reading(false, 20000);
	printf("# %lld drops\n", drops() - before);
}

/* Limits that come in the middle of a transfer; -1: none. */
static double limited(bool plain, int level, int name, int value)
{
	struct pair p = pair_of(plain);
	struct part part = { p.c, 0, 1000000, 20000 };
	double begin = now();
	long long acks;
	pthread_t t;

	acks = -segments_from(B);
	t = start(send_part, &part);
	recv_stream(p.s, 0, 100000, 20000);
	set_int(p.s, level, name, value);
	recv_stream(p.s, 100000, 900000, 20000);
	join(t);
	close_pair(p);
	begin = now() - begin;
	acks += segments_from(B);
	printf("# %s: option %d = %d: %.2f s, %lld segments back\n",
	       kind(plain), name, value, begin, acks);
	return begin;
}

static void late_limits(void)
{
	static const struct { int level, name, value; } limits[] = {
		{ SOL_SOCKET, SO_RCVBUF, 2304 },
		{ SOL_SOCKET, SO_RCVBUF, 8192 },
		{ SOL_SOCKET, SO_RCVBUF, 1 << 20 },
		/* less than a segment makes any sender crawl */
		{ IPPROTO_TCP, TCP_WINDOW_CLAMP, 3000 },
		{ IPPROTO_TCP, TCP_WINDOW_CLAMP, 10000 },
	};
	double plain, ours;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		plain = limited(true, limits[i].level, limits[i].name,
				limits[i].value);
		ours = limited(false, limits[i].level, limits[i].name,
			       limits[i].value);
		CHECK(ours <= plain * 3 + 2);
	}
}

/* How many segments the receiver of one-way data sends. */
static void acks_of_bulk(void)
{
	struct result plain, ours;

	set_qdisc("netem rate 40mbit limit 2000");
	plain = transfer(true, 2 << 20, 65536, 0);
	ours = transfer(false, 2 << 20, 65536, 0);
	near_again();
	CHECK(ours.acks <= plain.acks * 2 + 20);
}

struct rounds {
	double		us;
	double		segments;	/* that b sends for a request */
	double		back;		/* and a for an answer */
};

static struct rounds ping_pong(bool plain, size_t request, size_t answer,
			       int n)
{
	struct pair p = pair_of(plain);
	struct rounds r = {};
	int i;

	ping_pair(p);
	r.segments = -segments_from(B);
	r.back = -segments_from(A);
	r.us = -now();
	for (i = 0; i < n; i++) {
		send_stream(p.c, 0, request, request);
		recv_stream(p.s, 0, request, request);
		send_stream(p.s, 0, answer, answer);
		recv_stream(p.c, 0, answer, answer);
	}
	r.us = (r.us + now()) * 1e6 / n;
	r.segments = (r.segments + segments_from(B)) / n;
	r.back = (r.back + segments_from(A)) / n;
	printf("# %s: %zu and %zu bytes: %.0f us, %.2f and %.2f segments\n",
	       kind(plain), request, answer, r.us, r.back, r.segments);
	close_pair(p);
	return r;
}

static void request_response(void)
{
	static const size_t sizes[][2] = {
		{ 1, 1 }, { 100, 100 }, { 100, 10000 }, { 5000, 100 },
	};
	struct rounds plain, ours;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		plain = ping_pong(true, sizes[i][0], sizes[i][1], 200);
		ours = ping_pong(false, sizes[i][0], sizes[i][1], 200);
		CHECK(ours.segments <= plain.segments + 0.5);
		CHECK(ours.back <= plain.back + 0.5);
		/* nobody waits for a delayed acknowledgment */
		CHECK(ours.us <= plain.us * 3 + 10000);
	}
}

/* The sender pauses: does the receiver acknowledge at once or 40 ms later? */
static double ack_delay(bool plain, int ms)
{
	struct pair p = pair_of(plain);
	double total = 0, begin;
	int i, n = 10, left;

	ping_pair(p);
	for (i = 0; i < n; i++) {
		send_stream(p.c, 0, 500, 500);
		begin = now();
		recv_stream(p.s, 0, 500, 500);
		do {
			CHECK_EQ(ioctl(p.c, TIOCOUTQ, &left), 0);
		} while (left && now() < begin + 2);
		total += now() - begin;
		nap(ms);
	}
	close_pair(p);
	printf("# %s: a message every %d ms, acknowledged after %.1f ms\n",
	       kind(plain), ms, total * 1e3 / n);
	return total / n;
}

static void quick_acks(void)
{
	double plain = ack_delay(true, 60), ours = ack_delay(false, 60);

	CHECK(ours <= plain + 0.03);
}

/* A case that failed may have left another. */
static void before_each(unsigned int v)
{
	before(v);
	near_again();
}

#define CASE(fn)	{ #fn, fn, V4 }

static const struct ktap_case cases[] = {
	CASE(autotuning),
	CASE(slow_reader),
	CASE(paused_reader),
	CASE(late_limits),
	CASE(acks_of_bulk),
	CASE(request_response),
	CASE(quick_acks),
	{ }
};

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	return ktap_main(argc, argv, cases, variant_names, before_each, after);
}
