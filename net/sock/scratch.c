// SPDX-License-Identifier: GPL-2.0
/*
 * Scratch pages: where a frame is decrypted whose data its reader takes at
 * once. Their content belongs to nobody after that, so one set for each
 * processor serves all connections: nothing is allocated, and with
 * init_on_alloc cleared, for a frame, and the caches keep them warm.
 *
 * Whoever decrypts takes the set of its processor away; who finds none, as the
 * owner sleeps in a page fault, makes one. Sets that were not used for a while
 * are freed.
 */

#include <linux/atomic.h>
#include <linux/bvec.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "framebuf.h"
#include "sock.h"

#define IDLE_TIME	(5 * HZ)

/* Together: the largest plaintext value, from any offset in a page on. */
#define ORDER_FIRST	(PAGE_SHIFT < 15 ? 15 - PAGE_SHIFT : 0)	/* 32 KiB */
#define ORDER_LAST	1

static const u8 orders[] = { ORDER_FIRST, ORDER_FIRST, ORDER_LAST };

static_assert(ARRAY_SIZE(orders) <= TCPCRYPT_FRAGS_MAX);
static_assert((2 * PAGE_SIZE << ORDER_FIRST) + (PAGE_SIZE << ORDER_LAST) >=
	      PAGE_SIZE - 1 + TCPCRYPT_CLEN_MAX);

/**
 * struct tcpcrypt_scratch - a set of pages
 * @used: whether anybody used it since free_idle() looked
 * @page: one for each of @orders
 */
struct tcpcrypt_scratch {
	bool		used;
	struct page	*page[ARRAY_SIZE(orders)];
};

static DEFINE_PER_CPU(struct tcpcrypt_scratch *, sets);

/*
 * Puts @s where the set of this processor is, or of another one if the task is
 * moved meanwhile. free_idle() does so from elsewhere: this_cpu_xchg() is
 * atomic on its own processor only. Return: what was there.
 */
static struct tcpcrypt_scratch *swap_set(struct tcpcrypt_scratch *s)
{
	return xchg(raw_cpu_ptr(&sets), s);
}

static void free_idle(struct work_struct *work);
static DECLARE_DELAYED_WORK(idle_work, free_idle);

static void destroy(struct tcpcrypt_scratch *s)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(orders); i++)
		if (s->page[i])
			__free_pages(s->page[i], orders[i]);
	kfree(s);
}

static struct tcpcrypt_scratch *create(gfp_t gfp)
{
	struct tcpcrypt_scratch *s = kzalloc(sizeof(*s), gfp);
	unsigned int i;

	for (i = 0; s && i < ARRAY_SIZE(orders); i++) {
		s->page[i] = alloc_pages(gfp | __GFP_COMP | __GFP_NOWARN |
					 __GFP_NORETRY, orders[i]);
		if (!s->page[i]) {
			destroy(s);
			s = NULL;
		}
	}
	return s;
}

/* Whoever took a set has put it back before the next look, or keeps it. */
static void free_idle(struct work_struct *work)
{
	struct tcpcrypt_scratch *s;
	bool again = false;
	int cpu;

	for_each_possible_cpu(cpu) {
		s = xchg(per_cpu_ptr(&sets, cpu), NULL);
		if (!s)
			continue;
		if (s->used) {
			again = true;
			s->used = false;
			s = xchg(per_cpu_ptr(&sets, cpu), s);
		}
		if (s)
			destroy(s);
	}
	if (again)
		queue_delayed_work(tcpcrypt_wq, &idle_work, IDLE_TIME);
}

/**
 * tcpcrypt_scratch_get() - pages to decrypt a frame into
 * @b:    gets a part of them, without references
 * @at:   from which offset in a page on: if that is the ciphertext's, a cipher
 *        that works page by page has both at hand
 * @size: bytes, at most TCPCRYPT_CLEN_MAX
 * @gfp:  how to make a set if there is none
 *
 * Context: process.
 * Return: the set, or NULL.
 */
struct tcpcrypt_scratch *tcpcrypt_scratch_get(struct tcpcrypt_framebuf *b,
					      u32 at, u32 size, gfp_t gfp)
{
	struct tcpcrypt_scratch *s = swap_set(NULL);
	u32 n, left = size;

	if (!s)
		s = create(gfp);
	if (!s)
		return NULL;
	at = offset_in_page(at);
	b->size = size;
	for (b->n = 0; left; b->n++) {
		n = min_t(u32, left, (PAGE_SIZE << orders[b->n]) - at);
		bvec_set_page(&b->vec[b->n], s->page[b->n], n, at);
		left -= n;
		at = 0;
	}
	return s;
}

/**
 * tcpcrypt_scratch_put() - let others use a set
 * @s: the set
 *
 * Context: process.
 */
void tcpcrypt_scratch_put(struct tcpcrypt_scratch *s)
{
	s->used = true;
	s = swap_set(s);
	if (s)
		destroy(s);
	if (!delayed_work_pending(&idle_work))
		queue_delayed_work(tcpcrypt_wq, &idle_work, IDLE_TIME);
}

/** tcpcrypt_scratch_exit() - free all sets; nobody has one */
void tcpcrypt_scratch_exit(void)
{
	int cpu;

	cancel_delayed_work_sync(&idle_work);
	for_each_possible_cpu(cpu)
		if (per_cpu(sets, cpu))
			destroy(per_cpu(sets, cpu));
}
