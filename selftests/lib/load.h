/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For load tests: how large they are, counters, and what memory is in use.
 *
 * LOAD in the environment says how large: quick, long, or debug, which the
 * debug kernel bears.
 */
#ifndef _LOAD_H
#define _LOAD_H

#include <sys/resource.h>
#include "conn.h"

#define MARKER	"Plaintext-that-nobody-else-shall-read"

/* What holds for LOAD=debug, quick, long */
static inline int scale(int debug, int quick, int full)
{
	const char *load = getenv("LOAD");

	if (!load || !strcmp(load, "quick"))
		return quick;
	return strcmp(load, "long") ? debug : full;
}

#define SAY(...) do {							\
	printf("# " __VA_ARGS__);					\
	putchar('\n');							\
	fflush(stdout);							\
} while (0)

static inline void run_command(const char *command)
{
	CHECK_EQ(system(command), 0);
}

/* The number after a word at the beginning of a line, or -1. */
static inline long long number_in(const char *path, const char *word)
{
	size_t len = strlen(word);
	long long value = -1;
	char line[512];
	FILE *f = fopen(path, "r");

	if (!f)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, word, len) &&
		    (line[len] == ' ' || line[len] == ':' || line[len] == '\t'))
			sscanf(line + len, "%*[: \t]%lld", &value);
	fclose(f);
	return value;
}

static inline long long counter(enum host host, const char *name)
{
	enter(host);
	return number_in("/proc/thread-self/net/tcpcrypt_stat", name);
}

/* The module's references; -1: it is not there. */
static inline long long module_refs(void)
{
	char text[20] = "-1";
	FILE *f = fopen("/sys/module/tcpcrypt/refcnt", "r");

	if (f && !fgets(text, sizeof(text), f))
		strcpy(text, "-1");
	if (f)
		fclose(f);
	return atoll(text);
}

/* Objects of a slab cache that are in use, and their size; 0: no such. */
static inline long long slab_objects(const char *cache, long long *size)
{
	long long active, total, bytes;
	char line[512], name[100];
	long long found = 0;
	FILE *f = fopen("/proc/slabinfo", "r");

	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%99s %lld %lld %lld", name, &active, &total,
			   &bytes) != 4 || strcmp(name, cache))
			continue;
		found = active;
		if (size)
			*size = bytes;
	}
	fclose(f);
	return found;
}

/* Bytes in use in all of kmalloc()'s caches. */
static inline long long kmalloc_bytes(void)
{
	long long active, total, bytes, sum = 0;
	char line[512], name[100];
	FILE *f = fopen("/proc/slabinfo", "r");

	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%99s %lld %lld %lld", name, &active, &total,
			   &bytes) == 4 && !strncmp(name, "kmalloc-", 8))
			sum += active * bytes;
	fclose(f);
	return sum;
}

struct memory {
	long long available;	/* bytes */
	long long slab;
	long long kmalloc;
	long long inuse[2];	/* TCP sockets of a and of b */
	long long tcp;		/* objects of the cache TCP */
	long long refs;
};

static inline struct memory memory_now(void)
{
	struct memory m;
	int i;

	m.available = number_in("/proc/meminfo", "MemAvailable") * 1024;
	m.slab = number_in("/proc/meminfo", "Slab") * 1024;
	m.kmalloc = kmalloc_bytes();
	for (i = 0; i < 2; i++) {
		enter(i);
		m.inuse[i] = number_in("/proc/thread-self/net/sockstat",
				       "TCP: inuse");
	}
	m.tcp = slab_objects("TCP", NULL);
	m.refs = module_refs();
	return m;
}

/*
 * Everything was closed: it all comes back, but for TIME_WAIT. What kmalloc()
 * has given out may differ by what else goes on in the kernel and by objects
 * that caches of a processor hold, less than slack bytes.
 */
static inline void memory_returns(const struct memory *before,
				  long long slack)
{
	double end = now() + 90;
	struct memory m;

	for (;;) {
		m = memory_now();
		if (m.inuse[A] <= before->inuse[A] &&
		    m.inuse[B] <= before->inuse[B] &&
		    m.refs <= before->refs &&
		    m.kmalloc <= before->kmalloc + slack)
			break;
		if (now() > end)
			FAIL("left: %lld+%lld sockets, %lld references, %lld KiB",
			     m.inuse[A] - before->inuse[A],
			     m.inuse[B] - before->inuse[B],
			     m.refs - before->refs,
			     (m.kmalloc - before->kmalloc) / 1024);
		nap(200);
	}
	SAY("after: %lld references to the module, %+lld KiB of kmalloc, %+lld TCP sockets",
	    m.refs, (m.kmalloc - before->kmalloc) / 1024, m.tcp - before->tcp);
}

/* Encrypted, and keys were agreed? */
static inline bool is_open(int fd)
{
	return crypt_state(fd) == TCP_CRYPT_OPEN;
}

#endif /* _LOAD_H */
