/* SPDX-License-Identifier: GPL-2.0 */
/* io_uring by its system calls: one ring, for one thread. */
#ifndef _DIFF_RING_H
#define _DIFF_RING_H

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define RING_SIZE	64

struct ring {
	int			fd;
	unsigned int		*sq_head, *sq_tail, *sq_mask, *sq_array;
	unsigned int		*cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe	*sqes;
	struct io_uring_cqe	*cqes;
	unsigned int		queued;
};

static inline void ring_open(struct ring *r)
{
	struct io_uring_params p = {};
	size_t size;
	char *map;

	r->fd = syscall(SYS_io_uring_setup, RING_SIZE, &p);
	CHECK(r->fd >= 0);
	CHECK(p.features & IORING_FEAT_SINGLE_MMAP);
	size = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	if (size < p.sq_off.array + p.sq_entries * 4)
		size = p.sq_off.array + p.sq_entries * 4;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQ_RING);
	CHECK(map != MAP_FAILED);
	r->sqes = mmap(NULL, p.sq_entries * sizeof(struct io_uring_sqe),
		       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		       r->fd, IORING_OFF_SQES);
	CHECK(r->sqes != MAP_FAILED);
	r->sq_head = (unsigned int *)(map + p.sq_off.head);
	r->sq_tail = (unsigned int *)(map + p.sq_off.tail);
	r->sq_mask = (unsigned int *)(map + p.sq_off.ring_mask);
	r->sq_array = (unsigned int *)(map + p.sq_off.array);
	r->cq_head = (unsigned int *)(map + p.cq_off.head);
	r->cq_tail = (unsigned int *)(map + p.cq_off.tail);
	r->cq_mask = (unsigned int *)(map + p.cq_off.ring_mask);
	r->cqes = (struct io_uring_cqe *)(map + p.cq_off.cqes);
	r->queued = 0;
}

/* An entry to be filled; it is submitted by ring_submit(). */
static inline struct io_uring_sqe *ring_op(struct ring *r, int opcode, int fd,
					   const void *addr, size_t len,
					   unsigned long long user)
{
	unsigned int tail = *r->sq_tail, i = tail & *r->sq_mask;
	struct io_uring_sqe *sqe = &r->sqes[i];

	CHECK(r->queued < RING_SIZE);
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = opcode;
	sqe->fd = fd;
	sqe->addr = (unsigned long)addr;
	sqe->len = len;
	sqe->user_data = user;
	r->sq_array[i] = i;
	__atomic_store_n(r->sq_tail, tail + 1, __ATOMIC_RELEASE);
	r->queued++;
	return sqe;
}

static inline void ring_submit(struct ring *r)
{
	long n = syscall(SYS_io_uring_enter, r->fd, r->queued, 0,
			 IORING_ENTER_GETEVENTS, NULL, 0);

	CHECK_EQ(n, r->queued);
	r->queued = 0;
}

/* The next completion, if one comes within ms milliseconds. */
static inline bool ring_next(struct ring *r, struct io_uring_cqe *cqe, int ms)
{
	struct pollfd p = { .fd = r->fd, .events = POLLIN };
	unsigned int head = *r->cq_head;
	double end = now() + ms / 1e3;

	while (__atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE) == head) {
		/* runs what waits to be run by this task */
		syscall(SYS_io_uring_enter, r->fd, 0, 0,
			IORING_ENTER_GETEVENTS, NULL, 0);
		if (__atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE) != head)
			break;
		if (now() > end)
			return false;
		poll(&p, 1, 5);
	}
	*cqe = r->cqes[head & *r->cq_mask];
	__atomic_store_n(r->cq_head, head + 1, __ATOMIC_RELEASE);
	return true;
}

#endif /* _DIFF_RING_H */
