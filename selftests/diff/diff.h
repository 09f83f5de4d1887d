/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The differential test: the same calls on a plain TCP connection and on an
 * encrypted one must give the same results.
 *
 * A scenario is a function that makes pairs of connected sockets, performs
 * calls, and records everything that an application can observe:
 *
 *	static void peeks(struct diff *d)
 *	{
 *		struct pair p = diff_pair(d);
 *		char buf[10];
 *
 *		diff_ret(d, "send", send(p.c, diff_bytes(0), 100, 0));
 *		diff_settle(p.s, 100);
 *		diff_ret(d, "peek", recv(p.s, buf, 10, MSG_PEEK));
 *		diff_rec(d, "peeked", "%s", diff_data(buf, 0, 10));
 *	}
 *
 * It runs three times, each in a process of its own with a time limit: plain,
 * plain, encrypted. Records are aligned by label and by how often the label
 * occurred. Where the plain runs disagree nothing is judged; where they agree
 * and the encrypted run does not is a difference. So a scenario must not
 * record what depends on segment boundaries or time, or settle first. Ports
 * aside (PLAIN_PORT is left alone by the module, see lib/conn.h) the runs have
 * the same addresses.
 *
 * All payload comes from diff_bytes(), which is full of a marker: the wire is
 * watched for it. It must appear in plain runs and never in encrypted ones.
 *
 * The program's own mistakes are CHECKs as elsewhere; they end the run.
 *
 * Here is what scenarios use; judge.h aligns, compares, and knows deliberate
 * differences; run.h has the processes, the wire and the results.
 */
#ifndef _DIFF_H
#define _DIFF_H

#include "../lib/conn.h"
#include <linux/sockios.h>
#include <sys/mman.h>

struct diff;

/* scenario flags */
enum {
	/* no pair becomes encrypted, or data may leave in clear: Fast Open */
	DIFF_CLEAR	= 1,
	/* sessions are resumed, so that pairs are cheap */
	DIFF_RESUME	= 2,
};

struct diff_scenario {
	const char	*name;
	void		(*run)(struct diff *d);
	unsigned int	flags;
	unsigned int	limit;	/* seconds for one run; 0: DIFF_LIMIT */
};

#define __attr(x)	__attribute__((x))

#define DIFF_LIMIT	60
#define DIFF_RECORDS	32768
#define DIFF_TEXT	(4 << 20)

/* What one run recorded: in shared memory, so that a hang doesn't lose it. */
struct diff_log {
	unsigned int	count;
	unsigned int	used;		/* bytes of text */
	unsigned int	encrypted;	/* pairs that were seen to be */
	unsigned int	calls;
	bool		full;
	bool		done;		/* the scenario returned */
	char		doing[64];	/* for a hang: what was last begun */
	struct {
		unsigned int	label;	/* offsets in text */
		unsigned int	text;
	} rec[DIFF_RECORDS];
	char		text[DIFF_TEXT];
};

/* One run of a scenario. */
struct diff {
	const struct diff_scenario *scenario;
	unsigned long long	seed;
	bool			plain;	/* for choosing ports, no more */
	struct diff_log		*log;
	pthread_mutex_t		lock;
	void			*arg;	/* the program's own */
};

/* --- records -------------------------------------------------------------- */

static inline unsigned int diff_put(struct diff_log *log, const char *text)
{
	unsigned int at = log->used, len = strlen(text) + 1;

	if (at + len > DIFF_TEXT) {
		log->full = true;
		return 0;
	}
	memcpy(log->text + at, text, len);
	log->used += len;
	return at;
}

static inline void diff_add(struct diff_log *log, const char *label,
			    const char *text)
{
	if (log->count == DIFF_RECORDS) {
		log->full = true;
		return;
	}
	log->rec[log->count].label = diff_put(log, label);
	log->rec[log->count].text = diff_put(log, text);
	if (!log->full)
		log->count++;
}

/* Threads may call it, with labels of their own. errno is left alone. */
static inline void __attr(format(printf, 3, 4))
diff_rec(struct diff *d, const char *label, const char *format, ...)
{
	int err = errno;
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	pthread_mutex_lock(&d->lock);
	diff_add(d->log, label, text);
	pthread_mutex_unlock(&d->lock);
	errno = err;
}

/* What begins now and might hang; shown with a hang. */
static inline void __attr(format(printf, 2, 3))
diff_doing(struct diff *d, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(d->log->doing, sizeof(d->log->doing), format, args);
	va_end(args);
}

static inline const char *diff_errno(int err)
{
	const char *name = strerrorname_np(err);

	return name ? name : "?";
}

/* Records a system call's return value, or its errno. Returns the value. */
static inline long diff_ret(struct diff *d, const char *label, long ret)
{
	d->log->calls++;
	if (ret == -1)
		diff_rec(d, label, "%s", diff_errno(errno));
	else
		diff_rec(d, label, "%ld", ret);
	return ret;
}

/* --- payload -------------------------------------------------------------- */

#define DIFF_MARK	"tcpcrypt-diff"
#define DIFF_STEP	61		/* from marker to marker */
#define DIFF_PERIOD	65521		/* prime, as conn.h's */
#define DIFF_SPAN	(512 << 10)

static unsigned char diff_period[DIFF_PERIOD + DIFF_SPAN];

/* The stream from off on, DIFF_SPAN bytes of it. */
static inline const unsigned char *diff_bytes(unsigned long long off)
{
	const size_t mark = strlen(DIFF_MARK);
	unsigned int i;

	if (!diff_period[0]) {
		memcpy(diff_period, stream(0), DIFF_PERIOD);
		for (i = 0; i + mark < DIFF_PERIOD; i += DIFF_STEP)
			memcpy(diff_period + i, DIFF_MARK, mark);
		for (i = DIFF_PERIOD; i < sizeof(diff_period); i++)
			diff_period[i] = diff_period[i - DIFF_PERIOD];
	}
	return diff_period + off % DIFF_PERIOD;
}

/* Of any memory, also of what a failed call may have touched. */
static inline unsigned int diff_sum(const void *buf, size_t len)
{
	const unsigned char *p = buf;
	unsigned int sum = 2166136261u;

	while (len--)
		sum = (sum ^ *p++) * 16777619u;
	return sum;
}

/* For a record: is buf the stream from off on? Not for two at a time. */
static inline const char *diff_data(const void *buf, unsigned long long off,
				    ssize_t len)
{
	static __thread char text[40];

	if (len <= 0)
		return "none";
	if (!memcmp(buf, diff_bytes(off), len))
		return "as sent";
	snprintf(text, sizeof(text), "wrong %08x", diff_sum(buf, len));
	return text;
}

/* --- quiescence ----------------------------------------------------------- */

static inline int diff_ioctl(int fd, unsigned long cmd)
{
	int n = -1;

	return ioctl(fd, cmd, &n) ? -1 : n;
}

/* Busy at first, as most things happen at once. */
static inline void diff_pause(unsigned int turn)
{
	if (turn < 30)
		sched_yield();
	else
		nap(turn < 60 ? 1 : 5);
}

/* Until cond holds, ms milliseconds at most; whether it does. */
#define DIFF_UNTIL(cond, ms) ({						\
	double _end = now() + (ms) / 1e3;				\
	unsigned int _turn = 0;						\
	bool _is;							\
									\
	while (!(_is = (cond)) && now() < _end)				\
		diff_pause(_turn++);					\
	_is;								\
})

/* Until want bytes can be read, 5 s at most; whether they can. */
static inline bool diff_settle(int fd, int want)
{
	return DIFF_UNTIL(diff_ioctl(fd, SIOCINQ) == want, 5000);
}

/* Until the peer has acknowledged everything, 5 s at most. */
static inline bool diff_acked(int fd)
{
	return DIFF_UNTIL(diff_ioctl(fd, SIOCOUTQ) <= 0, 5000);
}

#define DIFF_EVENTS	(POLLIN | POLLPRI | POLLOUT | POLLRDHUP | \
			 POLLRDNORM | POLLRDBAND | POLLWRNORM | POLLWRBAND)

static inline int diff_poll(int fd)
{
	struct pollfd p = { .fd = fd, .events = DIFF_EVENTS };

	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

static inline int diff_tcp_state(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ? -1 :
	       info.tcpi_state;
}

/* Until the TCP state of fd is this (TCP_CLOSE_WAIT, ...), 5 s at most. */
static inline bool diff_until_state(int fd, int state)
{
	return DIFF_UNTIL(diff_tcp_state(fd) == state, 5000);
}

struct diff_view {
	int state, inq, outq, events;
};

static inline struct diff_view diff_view(int fd)
{
	return (struct diff_view) {
		diff_tcp_state(fd), diff_ioctl(fd, SIOCINQ),
		diff_ioctl(fd, SIOCOUTQ), diff_poll(fd),
	};
}

/*
 * Until nothing was seen to change at either end for ms milliseconds, 5 s at
 * most: for when no better condition is known. -1 is no end.
 */
static inline bool diff_still(int x, int y, int ms)
{
	struct diff_view was[2], is[2] = { diff_view(x), diff_view(y) };
	double begin = now(), since = begin;
	unsigned int turn = 0;

	while (now() - since < ms / 1e3) {
		memcpy(was, is, sizeof(is));
		diff_pause(turn++);
		is[0] = diff_view(x);
		is[1] = diff_view(y);
		if (memcmp(was, is, sizeof(is)))
			since = now();
		if (now() - begin > 5)
			return false;
	}
	return true;
}

/* --- pairs ---------------------------------------------------------------- */

/* Until keys are agreed, and known to be encrypted; nothing is in flight. */
static inline void diff_ready(struct diff *d, struct pair p)
{
	if (!d->plain)
		WAIT_FOR(crypt_state(p.c) == TCP_CRYPT_OPEN &&
			 crypt_state(p.s) == TCP_CRYPT_OPEN);
	check_pair(p.c, p.s);
	if (!d->plain)
		d->log->encrypted++;
	CHECK(diff_acked(p.c) && diff_acked(p.s));
}

/* Connected and accepted, keys may still be under way: see diff_ready(). */
static inline struct pair diff_pair_early(struct diff *d)
{
	int l = new_listener();
	struct pair p;

	(void)d;
	p.c = connect_to(l);
	p.s = do_accept(l);
	close(l);
	return p;
}

static inline struct pair diff_pair(struct diff *d)
{
	struct pair p = diff_pair_early(d);

	diff_ready(d, p);
	return p;
}

#endif /* _DIFF_H */
