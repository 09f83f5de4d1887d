// SPDX-License-Identifier: GPL-2.0
/*
 * Frame buffers: pieces of pages, from where TCP takes its own.
 *
 * A frame's data is copied there once, from the application; it is sealed
 * there, and TCP gets the pages. What is taken from sk_page_frag() lies next to
 * what was taken before, so that frames that follow each other are one
 * fragment of a segment; but for those of more than a page, see align().
 */

#include <linux/align.h>
#include <linux/mm.h>
#include <linux/uio.h>
#include <net/sock.h>
#include "../tcpcrypt/wire.h"
#include "framebuf.h"

/* Of ChaCha20; that of AES divides it. */
#define BLOCK		64
/* What tcpcrypt_framebuf_head() is about */
#define HEAD_MAX	(TCPCRYPT_FRAME_HDR + TCPCRYPT_FLAGS_LEN + \
			 TCPCRYPT_URG_LEN)

/* Does what is taken next continue the last piece? */
static bool is_adjacent(const struct tcpcrypt_framebuf *b,
			const struct page_frag *pfrag)
{
	const struct bio_vec *last = &b->vec[b->n - 1];

	return b->n && last->bv_page == pfrag->page &&
	       last->bv_offset + last->bv_len == pfrag->offset;
}

/*
 * The ciphers work page by page. If the plaintext value of a frame begins a
 * block, no page ends inside one. What is skipped goes to nobody.
 */
static void align(struct page_frag *pfrag)
{
	u32 offset = ALIGN(pfrag->offset + TCPCRYPT_FRAME_HDR, BLOCK) -
		     TCPCRYPT_FRAME_HDR;

	if (offset + HEAD_MAX <= pfrag->size)
		pfrag->offset = offset;
}

/* Takes @size bytes in all, as pieces. Return: 0, -ENOMEM, -ENOSPC. */
static int take(struct sock *sk, struct tcpcrypt_framebuf *b, u32 size)
{
	struct page_frag *pfrag = sk_page_frag(sk);
	struct bio_vec *last;
	u32 n;

	while (b->size < size) {
		if (!sk_page_frag_refill(sk, pfrag))
			return -ENOMEM;
		if (!b->n && size > PAGE_SIZE)
			align(pfrag);
		if (!is_adjacent(b, pfrag)) {
			if (b->n == TCPCRYPT_FRAGS_MAX)
				return -ENOSPC;
			get_page(pfrag->page);
			bvec_set_page(&b->vec[b->n++], pfrag->page, 0,
				      pfrag->offset);
		}
		last = &b->vec[b->n - 1];
		n = min(size - b->size, pfrag->size - pfrag->offset);
		last->bv_len += n;
		b->size += n;
		pfrag->offset += n;
	}
	return 0;
}

/**
 * tcpcrypt_framebuf_grow() - have room
 * @sk:   the socket
 * @b:    the buffer, zeroed or in use
 * @used: bytes in it that must stay
 * @size: room that is needed, at least what a frame without data takes
 *
 * Context: the socket's lock, owned; sleeps.
 * Return: 0; -ENOMEM; -ENOSPC: memory is so scattered that there is no more
 * than ->size, which may have grown.
 */
int tcpcrypt_framebuf_grow(struct sock *sk, struct tcpcrypt_framebuf *b,
			   u32 used, u32 size)
{
	struct tcpcrypt_framebuf other = {};
	int err;

	if (b->size >= size)
		return 0;
	err = take(sk, b, size);
	if (err != -ENOSPC)
		return err;
	/* others took from the same pages in between */
	err = take(sk, &other, size);
	if (other.size < b->size || (err && err != -ENOSPC)) {
		tcpcrypt_framebuf_free(&other);
		return err ? : -ENOSPC;
	}
	tcpcrypt_framebuf_move(&other, 0, b, 0, used);
	tcpcrypt_framebuf_free(b);
	*b = other;
	return err;
}

/**
 * tcpcrypt_framebuf_trim() - the frame is complete: give back what is left
 * @sk:  the socket
 * @b:   the buffer
 * @len: length of the frame, bytes
 *
 * Context: the socket's lock, owned.
 */
void tcpcrypt_framebuf_trim(struct sock *sk, struct tcpcrypt_framebuf *b,
			    u32 len)
{
	struct page_frag *pfrag = sk_page_frag(sk);
	struct bio_vec *last;
	u32 n;

	while (b->size > len) {
		last = &b->vec[b->n - 1];
		n = min(b->size - len, last->bv_len);
		if (is_adjacent(b, pfrag))
			pfrag->offset -= n;
		last->bv_len -= n;
		b->size -= n;
		if (!last->bv_len) {
			put_page(last->bv_page);
			b->n--;
		}
	}
}

/**
 * tcpcrypt_framebuf_free() - drop a buffer
 * @b: the buffer; may be empty
 *
 * Context: any.
 */
void tcpcrypt_framebuf_free(struct tcpcrypt_framebuf *b)
{
	while (b->n)
		put_page(b->vec[--b->n].bv_page);
	b->size = 0;
}

/**
 * tcpcrypt_framebuf_part() - a part of a buffer
 * @b:   the buffer
 * @at:  where it begins, bytes
 * @len: its length, bytes, not 0; it is in the buffer
 * @vec: gets its pieces, at most TCPCRYPT_FRAGS_MAX; without references
 *
 * Return: how many there are.
 */
unsigned int tcpcrypt_framebuf_part(const struct tcpcrypt_framebuf *b, u32 at,
				    u32 len, struct bio_vec *vec)
{
	const struct bio_vec *from = b->vec;
	unsigned int n = 0;

	for (; at >= from->bv_len; from++)
		at -= from->bv_len;
	for (; len; from++) {
		bvec_set_page(&vec[n], from->bv_page,
			      min(len, from->bv_len - at),
			      from->bv_offset + at);
		len -= vec[n++].bv_len;
		at = 0;
	}
	return n;
}

static void *address(const struct bio_vec *vec)
{
	return page_address(vec->bv_page) + vec->bv_offset;
}

/**
 * tcpcrypt_framebuf_read() - copy an application's data into a buffer
 * @b:    the buffer
 * @at:   where to, bytes; there is room
 * @len:  how much, bytes, not 0
 * @from: the data
 *
 * Context: process; sleeps.
 * Return: false if not all of it could be read: then @from is as it was.
 */
bool tcpcrypt_framebuf_read(struct tcpcrypt_framebuf *b, u32 at, u32 len,
			    struct iov_iter *from)
{
	struct bio_vec vec[TCPCRYPT_FRAGS_MAX];
	unsigned int i, n;
	u32 done = 0;

	if (b->n == 1)
		return copy_from_iter_full(address(b->vec) + at, len, from);
	n = tcpcrypt_framebuf_part(b, at, len, vec);

	for (i = 0; i < n; i++) {
		if (!copy_from_iter_full(address(&vec[i]), vec[i].bv_len,
					 from)) {
			iov_iter_revert(from, done);
			return false;
		}
		done += vec[i].bv_len;
	}
	return true;
}

/**
 * tcpcrypt_framebuf_write() - copy a buffer to an application
 * @b:   the buffer
 * @at:  where from, bytes
 * @len: how much, bytes, not 0
 * @to:  where to
 *
 * Context: process; sleeps.
 * Return: false if not all of it could be written: then @to is as it was.
 */
bool tcpcrypt_framebuf_write(const struct tcpcrypt_framebuf *b, u32 at,
			     u32 len, struct iov_iter *to)
{
	struct bio_vec vec[TCPCRYPT_FRAGS_MAX];
	u32 sum = 0, done;
	unsigned int i, n;

	n = tcpcrypt_framebuf_part(b, at, len, vec);

	for (i = 0; i < n; i++) {
		done = copy_to_iter(address(&vec[i]), vec[i].bv_len, to);
		sum += done;
		if (done < vec[i].bv_len) {
			iov_iter_revert(to, sum);
			return false;
		}
	}
	return true;
}

/**
 * tcpcrypt_framebuf_move() - copy from one buffer to another
 * @to:    the one, with room
 * @to_at: where to, bytes
 * @from:  the other
 * @at:    where from, bytes
 * @len:   how much, bytes; may be 0
 */
void tcpcrypt_framebuf_move(struct tcpcrypt_framebuf *to, u32 to_at,
			    const struct tcpcrypt_framebuf *from, u32 at,
			    u32 len)
{
	struct bio_vec vec[TCPCRYPT_FRAGS_MAX];
	struct iov_iter iter;
	unsigned int n;

	if (!len)
		return;
	n = tcpcrypt_framebuf_part(from, at, len, vec);
	iov_iter_bvec(&iter, ITER_SOURCE, vec, n, len);
	/* kernel memory: it can't fail */
	tcpcrypt_framebuf_read(to, to_at, len, &iter);
}

/**
 * tcpcrypt_framebuf_sg() - a buffer for the crypto API
 * @b:     the buffer
 * @sg:    @first entries and TCPCRYPT_FRAGS_MAX
 * @first: entries that the caller sets, before those of the buffer
 */
void tcpcrypt_framebuf_sg(const struct tcpcrypt_framebuf *b,
			  struct scatterlist *sg, unsigned int first)
{
	unsigned int i;

	tcpcrypt_sg_init(sg, first + b->n);
	for (i = 0; i < b->n; i++)
		sg_set_page(&sg[first + i], b->vec[i].bv_page,
			    b->vec[i].bv_len, b->vec[i].bv_offset);
}
