// SPDX-License-Identifier: GPL-2.0
/*
 * Finds eight-byte strings in a guest's memory, at any address.
 *
 *	search MEMORY NEEDLES
 *
 * NEEDLES is nothing but the strings. Prints a line for each place: the
 * string's number, from 0, and the offset in MEMORY.
 */

#include <err.h>
#include <fcntl.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEEDLE		8
#define FILTER_BITS	24
#define PAGE		4096

struct needle {
	__u64	value;
	__u32	number;
};

static __u8 filter[1 << (FILTER_BITS - 3)];

static __u32 filter_bit(__u64 value)
{
	return value & ((1 << FILTER_BITS) - 1);
}

static const __u8 *map(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st))
		err(1, "%s", path);
	*size = st.st_size;
	p = mmap(NULL, *size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		err(1, "mmap %s", path);
	close(fd);
	return p;
}

static int compare(const void *a, const void *b)
{
	__u64 x = ((const struct needle *)a)->value;
	__u64 y = ((const struct needle *)b)->value;

	return x < y ? -1 : x > y;
}

/* Sorted by value. */
static struct needle *read_needles(const char *path, size_t *n)
{
	const __u8 *bytes = map(path, n);
	struct needle *needles;
	size_t i;

	*n /= NEEDLE;
	needles = calloc(*n, sizeof(*needles));
	if (!needles)
		err(1, "calloc");
	for (i = 0; i < *n; i++) {
		memcpy(&needles[i].value, bytes + i * NEEDLE, NEEDLE);
		needles[i].number = i;
		filter[filter_bit(needles[i].value) / 8] |=
			1 << filter_bit(needles[i].value) % 8;
	}
	qsort(needles, *n, sizeof(*needles), compare);
	return needles;
}

static void look_up(const struct needle *needles, size_t n, __u64 value,
		    size_t at)
{
	struct needle key = { .value = value };
	const struct needle *found;

	found = bsearch(&key, needles, n, sizeof(key), compare);
	if (found)
		printf("%u %zu\n", found->number, at);
}

static bool is_zero(const __u8 *page)
{
	return !page[0] && !memcmp(page, page + 1, PAGE - 1);
}

int main(int argc, char **argv)
{
	const struct needle *needles;
	const __u8 *memory;
	size_t size, n, page, at = 0;
	__u64 value;
	__u32 bit;

	if (argc != 3)
		errx(1, "usage: search MEMORY NEEDLES");
	needles = read_needles(argv[2], &n);
	memory = map(argv[1], &size);
	for (page = 0; page + PAGE <= size; page += PAGE) {
		if (is_zero(memory + page))
			continue;
		/* one may begin in the page before */
		if (at + NEEDLE <= page)
			at = page - NEEDLE + 1;
		for (; at < page + PAGE && at + NEEDLE <= size; at++) {
			memcpy(&value, memory + at, NEEDLE);
			bit = filter_bit(value);
			if (filter[bit / 8] & 1 << bit % 8)
				look_up(needles, n, value, at);
		}
	}
	return 0;
}
