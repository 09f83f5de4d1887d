// SPDX-License-Identifier: GPL-2.0
/*
 * What is counted: time during which the only processor was not idle. Under
 * -icount shift=0 an instruction takes a nanosecond, so these are instructions
 * of everything that ran, both hosts and the kernel's own work.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"

#define REPORTS_MAX 256

/* Where a count began: both were taken while the processor was not idle. */
static struct moment {
	__u64	time;
	__u64	idle;
} begin;
static __u64 idle_cost;	/* of idle_ns() */
static char reports[REPORTS_MAX][80];
static unsigned int n_reports;

__u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* Small files only, and no allocation: read while memory is measured. */
static char *slurp(const char *path)
{
	static char buf[1 << 16];
	ssize_t n, len = 0;
	int fd;

	fd = open(path, O_RDONLY);
	if (fd < 0)
		die("%s: %m", path);
	while ((n = read(fd, buf + len, sizeof(buf) - 1 - len)) > 0)
		len += n;
	if (n < 0)
		die("%s: %m", path);
	close(fd);
	buf[len] = '\0';
	return buf;
}

static __u64 field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	if (!at)
		die("no %s", name);
	return strtoull(at + strlen(name), NULL, 10);
}

/*
 * To the nanosecond, which /proc/stat has not. What interrupts do while the
 * processor is idle is not idle time.
 */
__u64 idle_ns(void)
{
	const char *text = slurp("/proc/timer_list");

	return field(text, ".idle_sleeptime :") +
	       field(text, ".iowait_sleeptime:");
}

/*
 * Once more if the processor was idle meanwhile: then nobody knows when.
 * Returns how often idle_ns() was called before the time was taken.
 */
static unsigned int take_moment(struct moment *m)
{
	unsigned int before = 1;
	__u64 idle;

	for (;; before += 2) {
		idle = idle_ns();
		m->time = now();
		m->idle = idle_ns();
		if (m->idle == idle)
			return before;
	}
}

static void calibrate(void)
{
	struct moment m;
	__u64 cost;
	unsigned int i;

	for (i = 0; i < 10; i++) {
		take_moment(&m);
		cost = now() - m.time;
		if (!i || cost < idle_cost)
			idle_cost = cost;
	}
}

void count_begin(void)
{
	if (config.wall) {
		begin.time = now();
		return;
	}
	if (!idle_cost)
		calibrate();
	take_moment(&begin);
}

__u64 count_end(void)
{
	struct moment end;
	unsigned int calls;

	if (config.wall)
		return now() - begin.time;
	calls = take_moment(&end);
	/* one call more: the one after the time of begin */
	return (end.time - begin.time) - (end.idle - begin.idle) -
	       (calls + 1) * idle_cost;
}

/* All pages but those of files and of processes */
__u64 memory_used(void)
{
	const char *text;
	int fd;

	fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
	if (fd < 0 || write(fd, "3", 1) != 1)
		die("drop_caches: %m");
	close(fd);
	text = slurp("/proc/meminfo");
	return 1024 * (field(text, "MemTotal:") - field(text, "MemFree:") -
		       field(text, "Buffers:") - field(text, "\nCached:") -
		       field(text, "AnonPages:"));
}

void report(const char *metric, double value, const char *unit)
{
	if (n_reports == REPORTS_MAX)
		die("too many results");
	snprintf(reports[n_reports++], sizeof(*reports), "result %s %.3f %s",
		 metric, value, unit);
}

/* At the end: while a write waits for the disk, the guest's clocks leap. */
void print_reports(void)
{
	unsigned int i;

	for (i = 0; i < n_reports; i++)
		puts(reports[i]);
}

/* Two instructions a turn */
static void turn(unsigned long turns)
{
	asm volatile("1:	dec %0\n"
		     "	jnz 1b\n" : "+r" (turns) : : "cc");
}

/* The counting itself: a loop of known length; count-1: with naps. */
void count_client(const struct metric *m, size_t size)
{
	struct timespec nap = { .tv_nsec = 20000000 };
	const char *name = size ? "count-1" : m->name;
	unsigned int r, i;

	for (r = 0; r < config.repeats; r++) {
		count_begin();
		for (i = 0; i < 10; i++) {
			turn(config.units / 10 / 2);
			if (size)
				nanosleep(&nap, NULL);
		}
		report(name, (double)count_end() / config.units, m->unit);
	}
}
