/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A random sequence of calls on one connection: what its operations share.
 *
 * Every operation draws from a generator of its own, seeded by the sequence's
 * seed and the operation's number, so that what it does never depends on what
 * came back from the kernel, and operations can be left out.
 *
 * A model of the streams says how many bytes are unread at each end; after
 * every operation the sequence waits until the kernel agrees (settle()), and
 * then records what both ends look like.
 */
#ifndef _DIFF_RANDOM_H
#define _DIFF_RANDOM_H

#include <limits.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include "run.h"

#define MAX_OPS		32
#define BUF		(400 << 10)
#define UNREAD_MAX	32000	/* bytes that fit into any receive buffer */
#define UNREAD_TIGHT	4000	/* after SO_RCVBUF, SO_SNDBUF */
#define TIMEOUT		12	/* SO_RCVTIMEO, SO_SNDTIMEO: ms */

/* What the stream from B carries begins here, so that they differ. */
#define OFFSET_B	30011

struct end {
	enum host		host;
	int			fd;	/* -1: closed */
	int			dup;	/* another descriptor, or -1 */
	unsigned long long	out;	/* bytes sent */
	unsigned long long	in;	/* bytes read */
	unsigned int		loose;	/* urgent bytes that in may not count */
	int			epoll;	/* or -1 */
	bool			reset;	/* the peer's doing, or of its state */
	bool			shut_rd;
	bool			shut_wr;
	unsigned long long	heard;	/* sent to it when it was closed */
};

struct world {
	struct diff		*d;
	struct end		end[2];
	unsigned long long	seed;	/* of the sequence */
	unsigned long long	rng;
	unsigned int		sequence;
	unsigned int		op;
	int			listener;	/* or -1 */
	bool			encrypted;
	bool			closing; /* states may change */
	bool			tight;	 /* buffers were made small */
	bool			over;	 /* an end was closed */
	bool			stop;	 /* the model ends here */
	bool			fault;	 /* the ends must be made empty */
};

static unsigned char buf[BUF];
static unsigned char *bad_page;	/* 64 KiB before it are good */
static int file_fd;		/* holds the stream */
static atomic_int pipes, urgents;

/* --- choices -------------------------------------------------------------- */

static unsigned long long mix(unsigned long long x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static unsigned int pick(struct world *w, unsigned int n)
{
	w->rng = mix(w->rng);
	return (w->rng >> 20) % n;
}

static bool chance(struct world *w, unsigned int percent)
{
	return pick(w, 100) < percent;
}

static const void *pick_from(struct world *w, const void *array, size_t len,
			     size_t size)
{
	return (const char *)array + pick(w, len / size) * size;
}

#define PICK(w, array)							\
	(*(const typeof((array)[0]) *)pick_from(w, array, sizeof(array), \
						sizeof((array)[0])))

static int any_size(struct world *w)
{
	static const int sizes[] = {
		0, 0, 1, 1, 2, 3, 7, 100, 500, 1000, 1400, 1447, 1448, 1449,
		1460, 2896, 4095, 4096, 4097, 8000, 16383, 16384, 16385,
	};
	int n = PICK(w, sizes), small = pick(w, 300);

	return chance(w, 30) ? small : n;
}

/* Data for it is answered by a RST: by TCP at once, by the module soon. */
static bool refuses(const struct end *y)
{
	return y->fd < 0 || (y->shut_rd && y->shut_wr);
}

/* One that the peer's receive buffer has room for. */
static int send_size(struct world *w, const struct end *x, const struct end *y)
{
	unsigned long long unread = x->out - y->in;
	int n = any_size(w), max = w->tight ? UNREAD_TIGHT : UNREAD_MAX;

	if (unread + n > (unsigned int)max)
		n %= 200;
	return refuses(y) ? n % 500 : n;
}

static int recv_size(struct world *w)
{
	int n = any_size(w);

	return chance(w, 25) ? (chance(w, 50) ? 65536 : 300000) : n;
}

/* --- records -------------------------------------------------------------- */

static const char *ret_text(long ret)
{
	static char text[24];

	if (ret == -1)
		return diff_errno(errno);
	snprintf(text, sizeof(text), "%ld", ret);
	return text;
}

/* One record of the operation: its arguments make it readable. */
static void __attr(format(printf, 3, 4)) say(struct world *w, const char *what,
					     const char *format, ...)
{
	char label[64], text[300];
	int err = errno;
	va_list args;

	w->d->log->calls++;
	snprintf(label, sizeof(label), "%u.%02u %s", w->sequence, w->op, what);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	diff_add(w->d->log, label, text);
	errno = err;
}

/*
 * A deliberate difference: whoever reads on after the reset was reported gets
 * an end-of-file from TCP, and the error again from an encrypted connection.
 */
static const char *recv_text(const struct end *y, long ret)
{
	if (y->reset && (!ret || (ret == -1 && errno == ECONNRESET)))
		return "ECONNRESET or 0";
	return ret_text(ret);
}

static char name_of(const struct end *x)
{
	return x->host == A ? 'c' : 's';
}

/* --- the model ------------------------------------------------------------ */

static unsigned long long offset(const struct end *from, unsigned long long n)
{
	return from->host == A ? n : n + OFFSET_B;
}

static const unsigned char *payload(const struct end *x)
{
	return diff_bytes(offset(x, x->out));
}

static void sent(struct world *w, struct end *x, struct end *y, long ret,
		 int flags)
{
	(void)w;
	if (ret <= 0)
		return;
	x->out += ret;
	if (flags & MSG_OOB)
		y->loose++;
}

/* What is in buf, len bytes of it, for a record. */
static const char *data_text(struct end *y, const struct end *x, long len)
{
	return diff_data(buf, offset(x, y->in), len);
}

static bool is_settled(const struct end *x, const struct end *y)
{
	long long unread = x->out - y->in;
	int inq = diff_ioctl(y->fd, SIOCINQ);

	return inq <= unread && inq + y->loose >= unread;
}

static bool is_dead(const struct end *y)
{
	int state = diff_tcp_state(y->fd);

	return state == TCP_CLOSE || state == TCP_LISTEN || state < 0;
}

static void settle_one(const struct end *x, const struct end *y)
{
	if (y->fd < 0)
		return;
	DIFF_UNTIL(is_settled(x, y) || is_dead(y), 500);
}

static void settle_refused(const struct end *x, const struct end *y)
{
	if (x->fd >= 0 && refuses(y) && x->out != y->heard)
		DIFF_UNTIL(is_dead(x) && (y->fd < 0 || is_dead(y)), 300);
}

/* Nothing was seen to change for 2 ms: diff_still() without yielding. */
static void still(int x, int y)
{
	struct diff_view was[2], is[2] = { diff_view(x), diff_view(y) };
	double limit = now() + 5;
	int idle = 0;

	while (idle < 2 && now() < limit) {
		memcpy(was, is, sizeof(is));
		nap(1);
		is[0] = diff_view(x);
		is[1] = diff_view(y);
		idle = memcmp(was, is, sizeof(is)) ? 0 : idle + 1;
	}
}

static void settle(struct world *w)
{
	struct end *c = &w->end[0], *s = &w->end[1];

	settle_refused(c, s);
	settle_refused(s, c);
	settle_one(c, s);
	settle_one(s, c);
	if (w->closing)
		still(c->fd, s->fd);
}

/* Reads all there is, unrecorded. */
static void drain_one(struct end *x, struct end *y)
{
	double last = now();
	unsigned int turn = 0;
	ssize_t n;

	while (y->fd >= 0 && y->in + y->loose < x->out && now() - last < .3) {
		n = recv(y->fd, buf, BUF, MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			break;
		/* after SHUT_RD that is no end */
		if (n == 0 && !y->shut_rd)
			break;
		if (n > 0) {
			y->in += n;
			last = now();
		} else {
			diff_pause(turn++);
		}
	}
	y->in = x->out;
	y->loose = 0;
}

/* How far the stream is gone may not be the same in all runs. */
static void go_on(struct world *w, struct end *x, struct end *y)
{
	bool heard = x->out == y->heard;

	x->out = (w->op + 1) * 1000003ull;
	y->in = x->out;
	if (heard)
		y->heard = x->out;
}

/* Where an operation may leave different counts behind, both are cleared. */
static void empty_both(struct world *w)
{
	drain_one(&w->end[0], &w->end[1]);
	drain_one(&w->end[1], &w->end[0]);
	go_on(w, &w->end[0], &w->end[1]);
	go_on(w, &w->end[1], &w->end[0]);
	w->fault = false;
}

static void view(struct world *w)
{
	struct diff_view v[2] = {};
	int i;

	for (i = 0; i < 2; i++) {
		if (w->end[i].fd < 0)
			continue;
		v[i] = diff_view(w->end[i].fd);
		if (v[i].state == TCP_CLOSE && v[i].events & POLLERR)
			w->end[i].reset = true;
	}
	if (!w->encrypted && !w->d->plain &&
	    (crypt_state(w->end[0].fd) == TCP_CRYPT_OPEN ||
	     crypt_state(w->end[1].fd) == TCP_CRYPT_OPEN)) {
		w->d->log->encrypted++;
		w->encrypted = true;
	}
	say(w, "view", "c: state %d inq %d events %#x; s: %d %d %#x",
	    v[0].state, v[0].inq, v[0].events, v[1].state, v[1].inq,
	    v[1].events);
	if (pipes)
		say(w, "SIGPIPE", "%d", pipes);
	if (urgents)
		say(w, "SIGURG", "some");
	pipes = 0;
	urgents = 0;
}

/* States of TCP between which an end passes by itself. */
static bool in_passing(int fd)
{
	int state = diff_tcp_state(fd);

	return state == TCP_FIN_WAIT1 || state == TCP_CLOSING ||
	       state == TCP_LAST_ACK;
}

static void shut_down(struct world *w, struct end *x, struct end *y)
{
	w->closing = true;
	settle(w);
	DIFF_UNTIL((x->fd < 0 || !in_passing(x->fd)) &&
		   (y->fd < 0 || !in_passing(y->fd)), 500);
}

typedef void (*op_fn)(struct world *w, struct end *x, struct end *y);

struct op {
	const char	*name;
	op_fn		run;
	unsigned int	weight;
};

#endif /* _DIFF_RANDOM_H */
