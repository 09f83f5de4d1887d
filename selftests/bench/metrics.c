// SPDX-License-Identifier: GPL-2.0
/* The metrics: what client and server do while it is counted. */

#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bench.h"

#define READ_SIZE	(128 << 10)

static char buf[READ_SIZE];

/* --- one way -------------------------------------------------------------- */

/*
 * Units are bytes. The server says when it has all of them: the connection
 * itself carries nothing but the data.
 */
static void stream_client(const struct metric *m, size_t size, bool nodelay)
{
	struct conn c;
	char name[32];
	unsigned int r;
	size_t sent;

	snprintf(name, sizeof(name), "%s-%zu", m->name, size);
	fill(buf, sizeof(buf));
	wait_told('l');
	connect_conn(&c);
	if (nodelay)
		set_nodelay(&c);
	for (r = 0; r <= config.repeats; r++) {
		__u64 cost;

		count_begin();
		for (sent = 0; sent < config.units; sent += size)
			send_all(&c, buf, size);
		wait_told('r');
		cost = count_end();
		/* the first one warms up */
		if (r)
			report(name, (double)cost / sent, m->unit);
	}
	finish_conn(&c);
	close_conn(&c);
}

void stream_server(const struct metric *m, size_t size)
{
	size_t all = (config.units + size - 1) / size * size, got;
	struct conn c;
	unsigned int r;

	(void)m;
	accept_conn(listen_tcp(), &c);
	for (r = 0; r <= config.repeats; r++) {
		for (got = 0; got < all;) {
			size_t n = config.transport->recv(&c, buf, READ_SIZE);

			if (!n)
				die("unexpected end of the stream");
			got += n;
		}
		tell('r');
	}
	if (config.transport->recv(&c, buf, READ_SIZE))
		die("more than was sent");
	close_conn(&c);
}

/* 64-byte writes leave at once, each */
static void bulk_client(const struct metric *m, size_t size)
{
	stream_client(m, size, size < 1024);
}

/*
 * Nagle's algorithm on, and a receiver that only runs when nobody else does:
 * its window is closed most of the time.
 */
#define SMALL_RCVBUF	(64 << 10)

static void small_client(const struct metric *m, size_t size)
{
	stream_client(m, size, false);
}

static void small_server(const struct metric *m, size_t size)
{
	struct sched_param param = {};

	if (sched_setscheduler(0, SCHED_IDLE, &param))
		die("SCHED_IDLE: %m");
	config.rcvbuf = SMALL_RCVBUF;
	stream_server(m, size);
}

/* --- both ways ------------------------------------------------------------ */

static void rtt_client(const struct metric *m, size_t size)
{
	struct conn c;
	char name[32];
	unsigned int r;
	unsigned long i;

	snprintf(name, sizeof(name), "%s-%zu", m->name, size);
	fill(buf, sizeof(buf));
	wait_told('l');
	connect_conn(&c);
	set_nodelay(&c);
	for (r = 0; r <= config.repeats; r++) {
		__u64 cost;

		count_begin();
		for (i = 0; i < config.units; i++) {
			send_all(&c, buf, size);
			recv_all(&c, buf, size);
		}
		cost = count_end();
		if (r)
			report(name, (double)cost / config.units, m->unit);
	}
	finish_conn(&c);
	close_conn(&c);
}

static void rtt_server(const struct metric *m, size_t size)
{
	unsigned long i, all = config.units * (config.repeats + 1);
	struct conn c;

	(void)m;
	accept_conn(listen_tcp(), &c);
	set_nodelay(&c);
	for (i = 0; i < all; i++) {
		recv_all(&c, buf, size);
		send_all(&c, buf, size);
	}
	if (config.transport->recv(&c, buf, READ_SIZE))
		die("more than was sent");
	close_conn(&c);
}

/* --- connections ---------------------------------------------------------- */

/* From connect() to the end of both: a byte each way, and an orderly close. */
static void conn_client(const struct metric *m, size_t size)
{
	unsigned long i;
	unsigned int r;
	struct conn c;
	char byte = 'x';

	(void)size;
	wait_told('l');
	for (r = 0; r <= config.repeats; r++) {
		__u64 cost;

		count_begin();
		for (i = 0; i < config.units; i++) {
			connect_conn(&c);
			send_all(&c, &byte, 1);
			recv_all(&c, &byte, 1);
			finish_conn(&c);
			if (config.transport->recv(&c, &byte, 1))
				die("more than was sent");
			close_conn(&c);
		}
		wait_told('r');
		cost = count_end();
		if (r)
			report(m->name, (double)cost / config.units, m->unit);
	}
}

static void conn_server(const struct metric *m, size_t size)
{
	int listener = listen_tcp();
	unsigned long i;
	unsigned int r;
	struct conn c;
	char byte;

	(void)m;
	(void)size;
	for (r = 0; r <= config.repeats; r++) {
		for (i = 0; i < config.units; i++) {
			accept_conn(listener, &c);
			recv_all(&c, &byte, 1);
			send_all(&c, &byte, 1);
			if (config.transport->recv(&c, &byte, 1))
				die("more than was sent");
			close_conn(&c);
		}
		tell('r');
	}
}

/* --- memory --------------------------------------------------------------- */

#define QUIET 10	/* seconds */

/*
 * What config.units connections take, after as many before them: what is
 * allocated once does not count. Size is what was exchanged, each way.
 */
static void memory_client(const struct metric *m, size_t size)
{
	struct conn *conns;
	unsigned long i, n = 0;
	__u64 before = 0;
	unsigned int r;

	conns = calloc(config.units * (config.repeats + 1), sizeof(*conns));
	if (!conns)
		die("no memory");
	fill(buf, sizeof(buf));
	wait_told('l');
	for (r = 0; r <= config.repeats; r++) {
		__u64 after;

		for (i = 0; i < config.units; i++) {
			connect_conn(&conns[n]);
			send_all(&conns[n], buf, size);
			recv_all(&conns[n++], buf, size);
		}
		sleep(QUIET);
		after = memory_used();
		if (r)
			report(m->name, ((double)after - before) /
			       config.units / 1024, m->unit);
		before = after;
	}
	tell('q');
	wait_told('q');
}

static void memory_server(const struct metric *m, size_t size)
{
	unsigned long i, n = config.units * (config.repeats + 1);
	int listener = listen_tcp();
	struct conn *conns;

	(void)m;
	conns = calloc(n, sizeof(*conns));
	if (!conns)
		die("no memory");
	for (i = 0; i < n; i++) {
		accept_conn(listener, &conns[i]);
		recv_all(&conns[i], buf, size);
		send_all(&conns[i], buf, size);
	}
	wait_told('q');
	tell('q');
}

const struct metric metrics[] = {
	{ "count", "per-instruction", 50000000, count_client, NULL },
	{ "bulk", "instructions/byte", 16 << 20, bulk_client, stream_server },
	{ "small", "instructions/byte", 2 << 20, small_client, small_server },
	{ "rtt", "instructions", 1000, rtt_client, rtt_server },
	{ "conn", "instructions", 200, conn_client, conn_server },
	{ "memory", "KiB", 600, memory_client, memory_server },
	{ "among", "instructions/byte", 40 << 20, among_client, among_server },
	{ "more", "instructions", 200, more_client, more_server },
	{ "first", "ms", 1, first_client, first_server },
	{ "fair", "Jain", 32 << 20, fair_client, fair_server },
	{ "softirq", "%", 128 << 20, softirq_client, stream_server },
	{ }
};
