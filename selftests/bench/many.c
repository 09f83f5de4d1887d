// SPDX-License-Identifier: GPL-2.0
/* Metrics of many connections at once, and of time rather than cost. */

#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"

#define CHUNK		(4 << 10)
#define READ_SIZE	(128 << 10)

static char buf[READ_SIZE];

static struct conn *new_conns(size_t n)
{
	struct conn *conns = calloc(n, sizeof(*conns));

	if (!conns)
		die("no memory");
	return conns;
}

/* --- a byte, and a connection, among many --------------------------------- */

/*
 * Size is the number of connections; units are bytes, sent in chunks on one
 * connection after the other. Opening them is part of what is not measured.
 */
void among_client(const struct metric *m, size_t size)
{
	struct conn *conns = new_conns(size);
	size_t i, sent;
	char name[32];
	unsigned int r;

	snprintf(name, sizeof(name), "%s-%zu", m->name, size);
	fill(buf, CHUNK);
	wait_told('l');
	for (i = 0; i < size; i++) {
		connect_conn(&conns[i]);
		send_all(&conns[i], buf, CHUNK);
		recv_all(&conns[i], buf, 1);
	}
	for (r = 0, i = 0; r <= config.repeats; r++) {
		__u64 cost;

		count_begin();
		for (sent = 0; sent < config.units; sent += CHUNK) {
			send_all(&conns[i], buf, CHUNK);
			i = (i + 1) % size;
		}
		wait_told('r');
		cost = count_end();
		if (r)
			report(name, (double)cost / sent, m->unit);
	}
}

void among_server(const struct metric *m, size_t size)
{
	struct conn *conns = new_conns(size);
	int listener = listen_tcp();
	unsigned int r;
	size_t i, got;

	(void)m;
	for (i = 0; i < size; i++) {
		accept_conn(listener, &conns[i]);
		recv_all(&conns[i], buf, CHUNK);
		send_all(&conns[i], buf, 1);
	}
	for (r = 0, i = 0; r <= config.repeats; r++) {
		for (got = 0; got < config.units; got += CHUNK) {
			recv_all(&conns[i], buf, CHUNK);
			i = (i + 1) % size;
		}
		tell('r');
	}
}

/* One connection more, while size others are open and idle */
void more_client(const struct metric *m, size_t size)
{
	struct conn *conns = new_conns(size), c;
	unsigned long i;
	char name[32];
	unsigned int r;

	snprintf(name, sizeof(name), "%s-%zu", m->name, size);
	wait_told('l');
	for (i = 0; i < size; i++) {
		connect_conn(&conns[i]);
		send_all(&conns[i], buf, 1);
		recv_all(&conns[i], buf, 1);
	}
	for (r = 0; r <= config.repeats; r++) {
		__u64 cost;

		count_begin();
		for (i = 0; i < config.units; i++) {
			connect_conn(&c);
			send_all(&c, buf, 1);
			recv_all(&c, buf, 1);
			finish_conn(&c);
			if (config.transport->recv(&c, buf, 1))
				die("more than was sent");
			close_conn(&c);
		}
		wait_told('r');
		cost = count_end();
		if (r)
			report(name, (double)cost / config.units, m->unit);
	}
}

void more_server(const struct metric *m, size_t size)
{
	struct conn *conns = new_conns(size), c;
	int listener = listen_tcp();
	unsigned long i;
	unsigned int r;

	(void)m;
	for (i = 0; i < size; i++) {
		accept_conn(listener, &conns[i]);
		recv_all(&conns[i], buf, 1);
		send_all(&conns[i], buf, 1);
	}
	for (r = 0; r <= config.repeats; r++) {
		for (i = 0; i < config.units; i++) {
			accept_conn(listener, &c);
			recv_all(&c, buf, 1);
			send_all(&c, buf, 1);
			if (config.transport->recv(&c, buf, 1))
				die("more than was sent");
			close_conn(&c);
		}
		tell('r');
	}
}

/* --- time ----------------------------------------------------------------- */

/*
 * Milliseconds from connect() to the last of size bytes that the server sends
 * when it is asked for them. A link with delay makes it count round trips:
 * an instruction takes a nanosecond.
 */
void first_client(const struct metric *m, size_t size)
{
	unsigned int r;
	struct conn c;
	char name[32];

	snprintf(name, sizeof(name), "%s-%zu", m->name, size);
	wait_told('l');
	for (r = 0; r <= config.repeats; r++) {
		__u64 begin = now();
		size_t left;

		connect_conn(&c);
		send_all(&c, buf, 1);
		for (left = size; left;) {
			size_t n = config.transport->recv(&c, buf, READ_SIZE);

			if (!n || n > left)
				die("not what was asked for");
			left -= n;
		}
		if (r)
			report(name, (now() - begin) / 1e6, m->unit);
		finish_conn(&c);
		if (config.transport->recv(&c, buf, 1))
			die("more than was sent");
		close_conn(&c);
	}
}

void first_server(const struct metric *m, size_t size)
{
	int listener = listen_tcp();
	unsigned int r;
	struct conn c;
	size_t left;

	(void)m;
	for (r = 0; r <= config.repeats; r++) {
		accept_conn(listener, &c);
		recv_all(&c, buf, 1);
		fill(buf, READ_SIZE);
		for (left = size; left > READ_SIZE; left -= READ_SIZE)
			send_all(&c, buf, READ_SIZE);
		send_all(&c, buf, left);
		if (config.transport->recv(&c, buf, 1))
			die("more than was sent");
		close_conn(&c);
	}
}

/* --- fairness ------------------------------------------------------------- */

/*
 * Jain's index of what size streams, a process at each end of each, carried
 * while the server received config.units bytes: 1 if all the same, 1/size if
 * one had all.
 */
static double jain(const __u64 *x, size_t n)
{
	double sum = 0, squares = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		sum += x[i];
		squares += (double)x[i] * x[i];
	}
	return squares ? sum * sum / (n * squares) : 0;
}

static void end_all(pid_t *pids, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	for (i = 0; i < n; i++)
		waitpid(pids[i], NULL, 0);
}

/* A process for each connection, which works on it until it is killed */
static pid_t spawn(struct conn *c, bool sends, __u64 *carried)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %m");
	if (pid) {
		close(c->fd);
		return pid;
	}
	while (sends)
		send_all(c, buf, 16 << 10);
	for (;;) {
		size_t n = config.transport->recv(c, buf, READ_SIZE);

		if (!n)
			_exit(0);
		__atomic_fetch_add(carried, n, __ATOMIC_RELAXED);
	}
}

void fair_client(const struct metric *m, size_t size)
{
	pid_t *pids = calloc(size, sizeof(*pids));
	unsigned int r;
	size_t i;

	(void)m;
	if (!pids)
		die("no memory");
	fill(buf, sizeof(buf));
	wait_told('l');
	for (r = 0; r < config.repeats; r++) {
		for (i = 0; i < size; i++) {
			struct conn c;

			connect_conn(&c);
			pids[i] = spawn(&c, true, NULL);
		}
		wait_told('r');
		end_all(pids, size);
		tell('n');
	}
	/* the server knows */
	wait_told('p');
}

static __u64 all_of(const __u64 *x, size_t n)
{
	__u64 sum = 0;

	while (n--)
		sum += __atomic_load_n(&x[n], __ATOMIC_RELAXED);
	return sum;
}

void fair_server(const struct metric *m, size_t size)
{
	pid_t *pids = calloc(size, sizeof(*pids));
	__u64 *carried;
	int listener = listen_tcp();
	unsigned int r;
	char name[32];
	size_t i;

	snprintf(name, sizeof(name), "%s-%zu", m->name, size);
	carried = mmap(NULL, size * sizeof(*carried), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (carried == MAP_FAILED || !pids)
		die("no memory");
	for (r = 0; r < config.repeats; r++) {
		for (i = 0; i < size; i++) {
			struct conn c;

			accept_conn(listener, &c);
			pids[i] = spawn(&c, false, &carried[i]);
		}
		/* set-up is not fair: count from here */
		memset(carried, 0, size * sizeof(*carried));
		while (all_of(carried, size) < config.units)
			usleep(1000);
		report(name, jain(carried, size), m->unit);
		tell('r');
		wait_told('n');
		end_all(pids, size);
	}
	print_reports();
	fflush(stdout);
	tell('p');
}

/* --- softirq -------------------------------------------------------------- */

/* Fields of the first line of /proc/stat, ticks */
static void read_stat(unsigned long long *softirq, unsigned long long *busy)
{
	unsigned long long user, nice, sys, idle, iowait, irq;
	FILE *f = fopen("/proc/stat", "r");

	if (!f || fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu", &user,
			 &nice, &sys, &idle, &iowait, &irq, softirq) != 7)
		die("/proc/stat");
	fclose(f);
	*busy = user + nice + sys + irq + *softirq;
}

/* Percent of the busy time in softirq, while size bytes a write go one way */
void softirq_client(const struct metric *m, size_t size)
{
	unsigned long long softirq[2], busy[2];
	unsigned int r;
	struct conn c;
	char name[32];
	size_t sent;

	snprintf(name, sizeof(name), "%s-%zu", m->name, size);
	fill(buf, sizeof(buf));
	wait_told('l');
	connect_conn(&c);
	for (r = 0; r <= config.repeats; r++) {
		read_stat(&softirq[0], &busy[0]);
		for (sent = 0; sent < config.units; sent += size)
			send_all(&c, buf, size);
		wait_told('r');
		read_stat(&softirq[1], &busy[1]);
		if (r && busy[1] > busy[0])
			report(name, 100.0 * (softirq[1] - softirq[0]) /
			       (busy[1] - busy[0]), m->unit);
	}
	finish_conn(&c);
	close_conn(&c);
}
