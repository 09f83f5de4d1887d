/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a frame is built and sealed: framebuf.c. And where one is decrypted:
 * scratch.c.
 */
#ifndef _TCPCRYPT_FRAMEBUF_H
#define _TCPCRYPT_FRAMEBUF_H

#include <linux/bvec.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/types.h>

struct iov_iter;
struct sock;
struct tcpcrypt_scratch;

/* Enough for the largest frame in what sk_page_frag() usually has. */
#define TCPCRYPT_FRAGS_MAX	4

/**
 * struct tcpcrypt_framebuf - a frame in pieces of pages
 * @size: room, bytes; 0: there is none
 * @n:    pieces
 * @vec:  the pieces; each holds a reference to its page, but for scratch pages
 */
struct tcpcrypt_framebuf {
	u32		size;
	u8		n;
	struct bio_vec	vec[TCPCRYPT_FRAGS_MAX];
};

/* The first bytes of a frame, up to its data, are in one piece. */
static inline u8 *tcpcrypt_framebuf_head(const struct tcpcrypt_framebuf *b)
{
	return page_address(b->vec[0].bv_page) + b->vec[0].bv_offset;
}

static inline void tcpcrypt_framebuf_swap(struct tcpcrypt_framebuf *a,
					  struct tcpcrypt_framebuf *b)
{
	struct bio_vec vec;
	unsigned int i, n = max(a->n, b->n);

	for (i = 0; i < n; i++) {
		vec = a->vec[i];
		a->vec[i] = b->vec[i];
		b->vec[i] = vec;
	}
	swap(a->n, b->n);
	swap(a->size, b->size);
}

/*
 * As sg_init_table(), for a few entries: without the calls. All of an entry is
 * cleared: dma_map_sg() takes some of its flags as they are.
 */
static inline void tcpcrypt_sg_init(struct scatterlist *sg, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		sg[i] = (struct scatterlist){};
	sg_mark_end(&sg[n - 1]);
}

int tcpcrypt_framebuf_grow(struct sock *sk, struct tcpcrypt_framebuf *b,
			   u32 used, u32 size);
void tcpcrypt_framebuf_trim(struct sock *sk, struct tcpcrypt_framebuf *b,
			    u32 len);
void tcpcrypt_framebuf_free(struct tcpcrypt_framebuf *b);
bool tcpcrypt_framebuf_read(struct tcpcrypt_framebuf *b, u32 at, u32 len,
			    struct iov_iter *from);
void tcpcrypt_framebuf_move(struct tcpcrypt_framebuf *to, u32 to_at,
			    const struct tcpcrypt_framebuf *from, u32 at,
			    u32 len);
unsigned int tcpcrypt_framebuf_part(const struct tcpcrypt_framebuf *b, u32 at,
				    u32 len, struct bio_vec *vec);
bool tcpcrypt_framebuf_write(const struct tcpcrypt_framebuf *b, u32 at,
			     u32 len, struct iov_iter *to);
void tcpcrypt_framebuf_sg(const struct tcpcrypt_framebuf *b,
			  struct scatterlist *sg, unsigned int first);

struct tcpcrypt_scratch *tcpcrypt_scratch_get(struct tcpcrypt_framebuf *b,
					      u32 at, u32 size, gfp_t gfp);
void tcpcrypt_scratch_put(struct tcpcrypt_scratch *s);
void tcpcrypt_scratch_exit(void);

#endif /* _TCPCRYPT_FRAMEBUF_H */
