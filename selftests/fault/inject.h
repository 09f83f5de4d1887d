/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Faults: what tcpcrypt_test_fault.ko offers, in debugfs. A site is told by
 * its key, which holds until tcpcrypt is loaded anew, and by its text.
 */
#ifndef _INJECT_H
#define _INJECT_H

#include <stdint.h>
#include <sys/stat.h>
#include "../lib/conn.h"

#define FAULT_DIR	"/sys/kernel/debug/tcpcrypt_fault/"
#define SITES_MAX	4096

struct site {
	unsigned long long	key;
	unsigned int		calls;
	char			text[300];	/* who, function, places */
};

static void inject(const char *format, ...)
{
	char text[64];
	va_list args;
	int fd, len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fd = open(FAULT_DIR "control", O_WRONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, len), len);
	close(fd);
}

/* Faults since the last command, and calls, but for "off". */
static unsigned int injected(unsigned int *calls)
{
	FILE *f = fopen(FAULT_DIR "state", "re");
	unsigned int faults = 0;

	CHECK(f);
	CHECK_EQ(fscanf(f, "%u %u", calls, &faults), 2);
	fclose(f);
	return faults;
}

/* In the threads that want it, and without a word in the log. */
static void set_failslab(unsigned int percent)
{
	static const char *const names[] = {
		"verbose", "task-filter", "ignore-gfp-wait", "times",
		"interval", "probability",
	};
	const int values[] = { 0, 1, 0, percent ? -1 : 0, 1, percent };
	char path[80];
	unsigned int i;
	FILE *f;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/failslab/%s",
			 names[i]);
		f = fopen(path, "we");
		CHECK(f);
		fprintf(f, "%d\n", values[i]);
		CHECK_EQ(fclose(f), 0);
	}
}

static const char *who_is(unsigned int who)
{
	static const char *const names[] = { "", "softirq", "work", "other" };
	struct stat st;
	int host;

	if (who < ARRAY_SIZE(names))
		return names[who];
	for (host = A; host <= B; host++)
		if (!fstat(ns_fd[host], &st) && st.st_ino == who)
			return host == A ? "a" : "b";
	return "other";
}

/* Sites that were called since "record". */
static unsigned int read_sites(struct site *sites)
{
	FILE *f = fopen(FAULT_DIR "sites", "re");
	char line[400], *text;
	unsigned int n = 0, who;
	int at;

	CHECK(f);
	while (n < SITES_MAX && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx %u %u %n", &sites[n].key,
			   &sites[n].calls, &who, &at) != 3)
			FAIL("sites: %s", line);
		text = line + at;
		text[strcspn(text, "\n")] = 0;
		snprintf(sites[n].text, sizeof(sites[n].text), "%s: %.280s",
			 who_is(who), text);
		if (sites[n].calls)
			n++;
	}
	fclose(f);
	return n;
}

#endif /* _INJECT_H */
