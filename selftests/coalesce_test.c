// SPDX-License-Identifier: GPL-2.0
/*
 * How much data goes into a frame, and when it leaves. Runs in the guest,
 * sock.sh makes the two hosts.
 *
 *	coalesce_test [CASE ...]
 *
 * What holds for times is what holds for plain TCP in the same guest: cases
 * do the same on a plain connection and on an encrypted one. The link is so
 * slow that the time for computing is small. Where the machine was busy
 * elsewhere, a case tries again.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <linux/sockios.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include "lib/conn.h"

#define RTT	0.3	/* seconds */
#define MSS	1448
#define OVERHEAD 20	/* of a frame */

static void command(const char *format, ...)
{
	char text[200];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (system(text))
		FAIL("%s", text);
}

/* The link as it is, for all cases: tc and ip take their time. */
static struct link {
	double	rtt;
	int	mtu;
} *the_link;

/* The round-trip time of the link; 0: as fast as it can. */
static void set_rtt(double rtt)
{
	const char *ns;

	if (the_link->rtt == rtt)
		return;
	the_link->rtt = rtt;
	for (ns = "a"; ns; ns = *ns == 'a' ? "b" : NULL)
		command("ip netns exec %s tc qdisc %s dev eth0 root netem delay %dms limit 20000",
			ns, rtt ? "replace" : "del", (int)(rtt * 500));
}

static void set_mtu(int mtu)
{
	if (the_link->mtu == mtu)
		return;
	the_link->mtu = mtu;
	command("ip -n a link set eth0 mtu %d", mtu);
	command("ip -n b link set eth0 mtu %d", mtu);
}

static void set_up(unsigned int v)
{
	enum host h;
	int fd;

	before(v);
	for (h = A; h <= B; h++) {
		enter(h);
		/* what one connection has learned is not for the next one */
		fd = open("/proc/sys/net/ipv4/tcp_no_metrics_save", O_WRONLY);
		CHECK_EQ(write(fd, "1", 1), 1);
		close(fd);
	}
}

static struct pair pair_of(bool plain)
{
	is_plain = plain;
	return new_pair();
}

/* A machine that was busy elsewhere makes everything late. */
static void persuade(bool (*holds)(void))
{
	int i;

	for (i = 0; i < 5; i++) {
		if (holds())
			break;
		printf("# once more\n");
	}
	is_plain = false;
	CHECK(i < 5);
}

static unsigned long long frames_of(int fd)
{
	struct tcp_crypt_info info;
	socklen_t len = sizeof(info);

	if (is_plain)
		return 0;
	CHECK_EQ(getsockopt(fd, IPPROTO_TCP, TCP_CRYPT_INFO, &info, &len), 0);
	return info.tcci_tx_frames;
}

static int queued(int fd, int request)
{
	int n = -1;

	CHECK_EQ(ioctl(fd, request, &n), 0);
	return n;
}

/* --- a reader that notes what came when ----------------------------------- */

struct arrivals {
	int		fd;
	size_t		want;
	pthread_t	thread;
	int		n;
	double		begin;
	bool		eof;
	struct {
		double	time;
		size_t	total;
	} at[4000];
};

static void *note_arrivals(void *arg)
{
	unsigned char *buf = malloc(CHUNK);
	struct arrivals *a = arg;
	size_t total = 0;
	ssize_t n;

	while (total < a->want) {
		n = recv(a->fd, buf, CHUNK, 0);
		CHECK(n >= 0);
		if (!n) {
			a->eof = true;
			break;
		}
		check_stream(buf, total, n);
		total += n;
		CHECK(a->n < (int)ARRAY_SIZE(a->at));
		a->at[a->n].time = now() - a->begin;
		a->at[a->n++].total = total;
	}
	free(buf);
	return NULL;
}

/* Time begins now. */
static struct arrivals *watch(int fd, size_t want)
{
	struct arrivals *a = calloc(1, sizeof(*a));

	a->fd = fd;
	a->want = want;
	a->begin = now();
	a->thread = start(note_arrivals, a);
	return a;
}

/* When the reader had that many bytes. */
static double when(const struct arrivals *a, size_t bytes)
{
	int i;

	for (i = 0; i < a->n; i++)
		if (a->at[i].total >= bytes)
			return a->at[i].time;
	FAIL("%zu bytes never came", bytes);
	return 0;
}

static size_t bytes_by(const struct arrivals *a, double time)
{
	size_t total = 0;
	int i;

	for (i = 0; i < a->n && a->at[i].time <= time; i++)
		total = a->at[i].total;
	return total;
}

/* --- small writes --------------------------------------------------------- */

#define WRITES	1000
#define PIECE	64

static double nagle_round(bool plain, int nodelay, int pause,
			  unsigned long long *frames)
{
	struct pair p = pair_of(plain);
	struct arrivals *a;
	double time;
	int i;

	set_int(p.c, IPPROTO_TCP, TCP_NODELAY, nodelay);
	*frames = frames_of(p.c);
	a = watch(p.s, WRITES * PIECE);
	for (i = 0; i < WRITES; i++) {
		send_stream(p.c, i * PIECE, PIECE, PIECE);
		if (pause && i % 100 == 99)
			nap(pause);
	}
	join(a->thread);
	*frames = frames_of(p.c) - *frames;
	time = when(a, WRITES * PIECE);
	printf("# %s: %d writes, %llu frames, %.2f s\n",
	       plain ? "plain" : "encrypted", WRITES, *frames, time);
	free(a);
	close_pair(p);
	return time;
}

static bool nagle_holds(void)
{
	unsigned long long frames;
	double t, e;

	set_rtt(RTT);
	t = nagle_round(true, 0, 0, &frames);
	e = nagle_round(false, 0, 0, &frames);
	CHECK(frames * 8 < WRITES);
	return e < t + RTT / 2;
}

static void nagle(void)
{
	persuade(nagle_holds);
}

/* An application that writes now and then all the time. */
static bool nagle_slow_holds(void)
{
	unsigned long long frames;
	double t, e;

	set_rtt(RTT);
	t = nagle_round(true, 0, 20, &frames);
	e = nagle_round(false, 0, 20, &frames);
	CHECK(frames * 8 < WRITES);
	return e < t + RTT / 2;
}

static void nagle_slow(void)
{
	persuade(nagle_slow_holds);
}

/* The congestion window is full: then it is not Nagle's algorithm that waits. */
static double full_round(bool plain, unsigned long long *frames)
{
	size_t first = 40 * MSS, total = first + 500 * PIECE;
	struct pair p = pair_of(plain);
	struct arrivals *a;
	double time;
	int i;

	set_int(p.c, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(p.c, SOL_SOCKET, SO_SNDBUF, 1 << 20);
	a = watch(p.s, total);
	send_stream(p.c, 0, first, first);
	*frames = frames_of(p.c);
	for (i = 0; i < 500; i++)
		send_stream(p.c, first + i * PIECE, PIECE, PIECE);
	join(a->thread);
	*frames = frames_of(p.c) - *frames;
	time = when(a, total);
	printf("# %s: 500 writes, %llu frames, %.2f s\n",
	       plain ? "plain" : "encrypted", *frames, time);
	free(a);
	close_pair(p);
	return time;
}

static bool full_holds(void)
{
	unsigned long long frames;
	double t, e;

	set_rtt(RTT);
	t = full_round(true, &frames);
	e = full_round(false, &frames);
	CHECK(frames < 60);
	return e < t + RTT / 2;
}

static void nodelay_full_window(void)
{
	persuade(full_holds);
}

/* The reader takes nothing. What waits fills frames, and all of it arrives. */
static void nodelay_closed_window(void)
{
	struct pair p = new_pair();
	unsigned long long frames = 0;
	size_t total = 0, first = 0;
	int n = 0, idle = 0;

	set_int(p.c, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(p.c, SOL_SOCKET, SO_SNDBUF, 200000);
	set_int(p.s, SOL_SOCKET, SO_RCVBUF, 8192);
	set_nonblock(p.c, true);
	while (idle < 3) {
		ssize_t ret = send(p.c, stream(total), PIECE, 0);

		if (ret > 0) {
			total += ret;
			n++;
			idle = 0;
			/* the window is closed by now, and TCP knows */
			if (n == 3000) {
				nap(300);
				frames = frames_of(p.c);
				first = total;
			}
			continue;
		}
		CHECK_ERR(ret, EAGAIN);
		nap(30);
		idle++;
	}
	CHECK(first);
	frames = frames_of(p.c) - frames;
	printf("# %d writes; %zu bytes in %llu frames behind the window\n", n,
	       total - first, frames);
	if (!is_plain)
		CHECK(frames * 20 * PIECE < total - first + 20000);
	recv_stream(p.s, 0, total, CHUNK);
	WAIT_FOR(!queued(p.c, SIOCOUTQ));
	CHECK_EQ(poll_wait(p.c, POLLOUT), POLLOUT);
	set_nonblock(p.c, false);
	ping_pair(p);
}

/* --- times ---------------------------------------------------------------- */

#define AHEAD	10

/* A small segment is on its way, and more than a segment is written. */
static struct arrivals *behind_round(bool plain)
{
	struct pair p = pair_of(plain);
	struct arrivals *a = watch(p.s, AHEAD + 2 * MSS + 100);

	send_stream(p.c, 0, AHEAD, AHEAD);
	send_stream(p.c, AHEAD, 2 * MSS + 100, 2 * MSS + 100);
	join(a->thread);
	close_pair(p);
	printf("# %s: %d at %.3f s, %d at %.3f s, all at %.3f s\n",
	       plain ? "plain" : "encrypted", AHEAD, when(a, AHEAD),
	       2 * MSS - 50, when(a, 2 * MSS - 50),
	       when(a, AHEAD + 2 * MSS + 100));
	return a;
}

static bool behind_holds(void)
{
	struct arrivals *t, *e;
	size_t i;

	set_rtt(RTT);
	t = behind_round(true);
	e = behind_round(false);
	/* plain TCP does what this case says it does */
	if (when(t, 2 * MSS - 50) > RTT)
		return false;
	for (i = 1; i < AHEAD + 2 * MSS - 2 * OVERHEAD; i += MSS / 2)
		if (when(e, i) > when(t, i) + RTT / 3)
			return false;
	return when(e, AHEAD + 2 * MSS + 100) <
	       when(t, AHEAD + 2 * MSS + 100) + RTT / 3;
}

static void behind_small_segment(void)
{
	persuade(behind_holds);
}

#define BULK	300000

static struct arrivals *slow_start_round(bool plain)
{
	struct pair p = pair_of(plain);
	struct arrivals *a;
	int i;

	set_int(p.c, SOL_SOCKET, SO_SNDBUF, 1 << 20);
	a = watch(p.s, BULK);
	send_stream(p.c, 0, BULK, BULK);
	join(a->thread);
	close_pair(p);
	printf("# %s: first byte %.3f s, all %.3f s;", plain ? "plain" :
	       "encrypted", when(a, 1), when(a, BULK));
	for (i = 0; i < 8; i++)
		printf(" %zu", bytes_by(a, (i + 0.9) * RTT));
	printf("\n");
	return a;
}

/*
 * After each round trip the reader has what plain TCP's has, but for a frame
 * whose last segment did not leave any more, and for the overhead.
 */
static bool slow_start_holds(void)
{
	struct arrivals *t, *e;
	size_t want, is;
	int i;

	set_rtt(RTT);
	t = slow_start_round(true);
	e = slow_start_round(false);
	if (when(e, 1) > when(t, 1) + RTT / 3)
		return false;
	for (i = 0; i < 8; i++) {
		want = bytes_by(t, (i + 0.9) * RTT);
		is = bytes_by(e, (i + 0.99) * RTT);
		if (is + 2 * MSS + want / 32 < want)
			return false;
	}
	return when(e, BULK) < when(t, BULK) + RTT / 2;
}

static void slow_start(void)
{
	persuade(slow_start_holds);
}

/* Full segments leave at once, the rest with the timer, or when let go. */
static struct arrivals *cork_round(bool plain, int flags)
{
	struct pair p = pair_of(plain);
	struct arrivals *a = watch(p.s, 5000);

	if (!flags)
		set_int(p.c, IPPROTO_TCP, TCP_CORK, 1);
	CHECK_EQ(send(p.c, stream(0), 5000, flags), 5000);
	join(a->thread);
	printf("# %s: %d at %.3f s, all at %.3f s\n",
	       plain ? "plain" : "encrypted", 3 * MSS - OVERHEAD,
	       when(a, 3 * MSS - OVERHEAD), when(a, 5000));
	close_pair(p);
	return a;
}

static int cork_flags;

/* RTO is larger for plain TCP: it has seen fewer segments. */
static bool cork_holds(void)
{
	struct arrivals *t, *e;

	set_rtt(RTT);
	t = cork_round(true, cork_flags);
	e = cork_round(false, cork_flags);
	if (when(e, 3 * MSS - OVERHEAD) > RTT)
		return false;
	/* MSG_MORE ends with an acknowledgment, the cork doesn't */
	if (when(e, 5000) < (cork_flags ? 1.4 : 1.4 + 0.2 / RTT) * RTT)
		return false;
	return when(e, 5000) < when(t, 5000) + RTT / 3;
}

static void cork(void)
{
	persuade(cork_holds);
}

static void more(void)
{
	cork_flags = MSG_MORE;
	persuade(cork_holds);
}

/* Nothing else comes: it leaves all the same, and not at once. */
static bool forgotten_holds(void)
{
	struct arrivals *a[2];
	int i;

	set_rtt(RTT);
	for (i = 0; i < 2; i++) {
		struct pair p = pair_of(!i);

		a[i] = watch(p.s, 500);
		CHECK_EQ(send(p.c, stream(0), 500, MSG_MORE), 500);
		join(a[i]->thread);
		close_pair(p);
		printf("# %.3f s\n", when(a[i], 1));
	}
	return when(a[1], 1) > RTT / 2 + 0.19 &&
	       when(a[1], 500) < when(a[0], 500) + RTT / 3;
}

static void more_forgotten(void)
{
	persuade(forgotten_holds);
}

/* TCP_NODELAY once is no licence for what is corked later. */
static void cork_after_nodelay(void)
{
	struct pair p = new_pair();
	unsigned long long frames;
	struct arrivals *a;
	double time;
	int i;

	ping_pair(p);
	set_int(p.c, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(p.c, IPPROTO_TCP, TCP_NODELAY, 0);
	set_int(p.c, IPPROTO_TCP, TCP_CORK, 1);
	frames = frames_of(p.c);
	a = watch(p.s, 1000);
	for (i = 0; i < 10; i++)
		send_stream(p.c, i * 100, 100, 100);
	set_int(p.c, IPPROTO_TCP, TCP_CORK, 0);
	time = now() - a->begin;
	join(a->thread);
	/* else the cork's own time may have been up */
	if (!is_plain && time < 0.18)
		CHECK_EQ(frames_of(p.c) - frames, 1);
}

/* --- what lets go of data ------------------------------------------------- */

enum way {
	UNCORK, NODELAY, WRITE, ACK, SHUTDOWN, CLOSE, EXIT, LINGER, URGENT,
	REKEY, REKEYED, WAYS,
};

static const char *const way_names[] = {
	"uncork", "TCP_NODELAY", "write", "acknowledgment", "shutdown()",
	"close()", "exit", "SO_LINGER", "urgent data", "our rekeying",
	"the peer's rekeying",
};

static void let_go(struct pair p, enum way way)
{
	struct linger l = { 1, 5 };
	pid_t pid;

	switch (way) {
	case UNCORK:
		set_int(p.c, IPPROTO_TCP, TCP_CORK, 0);
		break;
	case NODELAY:
		set_int(p.c, IPPROTO_TCP, TCP_NODELAY, 1);
		break;
	case WRITE:
		CHECK_EQ(send(p.c, stream(100), 2 * MSS, 0), 2 * MSS);
		break;
	case ACK:
		break;	/* of the small segment before it */
	case SHUTDOWN:
		CHECK_EQ(shutdown(p.c, SHUT_WR), 0);
		break;
	case EXIT:
		pid = fork();
		if (!pid)
			pause();
		close(p.c);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		break;
	case LINGER:
		CHECK_EQ(setsockopt(p.c, SOL_SOCKET, SO_LINGER, &l, sizeof(l)),
			 0);
		close(p.c);
		break;
	case CLOSE:
		close(p.c);
		break;
	case URGENT:
		CHECK_EQ(send(p.c, stream(100), 1, MSG_OOB), 1);
		break;
	case REKEY:
		set_int(p.c, IPPROTO_TCP, TCP_CRYPT_REKEY, 1);
		break;
	case REKEYED:
		set_int(p.s, IPPROTO_TCP, TCP_CRYPT_REKEY, 1);
		break;
	case WAYS:
		break;
	}
}

/*
 * The timer is at 0.6 s or later (RTO of this link), and it must not be what
 * helps.
 */
static bool way_holds(enum way way)
{
	struct pair p = pair_of(is_plain);
	bool corks = way != ACK;
	struct arrivals *a;
	double time, limit;

	a = watch(p.s, 100);
	if (corks)
		set_int(p.c, IPPROTO_TCP, TCP_CORK, 1);
	else
		send_stream(p.c, 0, 10, 10);
	CHECK_EQ(send(p.c, stream(corks ? 0 : 10), corks ? 100 : 90,
		      corks ? 0 : MSG_MORE), corks ? 100 : 90);
	let_go(p, way);
	join(a->thread);
	time = when(a, 100);
	/* the peer must hear of it, or be heard, first */
	limit = way == ACK ? 1.5 : way == REKEYED ? 1.0 : 0.5;
	printf("# %s: %.3f s\n", way_names[way], time);
	free(a);
	close_pair(p);
	return time < (limit + 0.4) * RTT;
}

static void ways_out(void)
{
	enum way way;
	int i;

	set_rtt(RTT);
	for (way = 0; way < WAYS; way++) {
		if (is_plain && way >= REKEY)
			break;
		for (i = 0; i < 5 && !way_holds(way); i++)
			;
		CHECK(i < 5);
	}
}

/* What sendfile() had taken when it was killed arrives, and then the end. */
static void sendfile_killed(void)
{
	struct pair p = new_pair();
	unsigned long long got;
	char path[] = "/tmp/coalesce.XXXXXX";
	int fd = mkstemp(path), i;
	pid_t pid;

	CHECK(fd >= 0);
	unlink(path);
	for (i = 0; i < 32; i++)
		CHECK_EQ(write(fd, stream(i * 65536ull), 65536), 65536);
	set_int(p.s, SOL_SOCKET, SO_RCVBUF, 20000);
	pid = fork();
	if (!pid) {
		off_t off = 0;

		for (;;)
			if (sendfile(p.c, fd, &off, 32 * 65536) <= 0)
				_exit(0);
	}
	close(p.c);
	recv_stream(p.s, 0, 100000, 5000);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	got = recv_until_eof(p.s, 100000);
	printf("# %llu bytes\n", got + 100000);
	CHECK(got > 0);
	CHECK(got + 100000 <= 32 * 65536);
}

/* --- who is told ---------------------------------------------------------- */

static atomic_int sigio_out;

static void count_sigio(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	if (info->si_band & POLLOUT)
		sigio_out++;
}

struct told {
	int edges;
	int signals;
};

static struct told told_round(bool plain)
{
	struct sigaction sa = {
		.sa_sigaction = count_sigio,
		.sa_flags = SA_SIGINFO | SA_RESTART,
	};
	struct pair p = pair_of(plain);
	struct epoll_event ev = { .events = EPOLLOUT | EPOLLET };
	struct told told = {};
	int ep = epoll_create1(0), i;

	CHECK_EQ(sigaction(SIGRTMIN, &sa, NULL), 0);
	sigio_out = 0;
	CHECK_EQ(fcntl(p.c, F_SETOWN, getpid()), 0);
	CHECK_EQ(fcntl(p.c, F_SETSIG, SIGRTMIN), 0);
	CHECK_EQ(fcntl(p.c, F_SETFL, O_ASYNC | fcntl(p.c, F_GETFL)), 0);
	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, p.c, &ev), 0);
	CHECK_EQ(epoll_wait(ep, &ev, 1, 0), 1);
	for (i = 0; i < 100; i++) {
		send_stream(p.c, i * 50, 50, 50);
		if (epoll_wait(ep, &ev, 1, 4) == 1)
			told.edges++;
	}
	recv_stream(p.s, 0, 5000, 5000);
	if (epoll_wait(ep, &ev, 1, 200) == 1)
		told.edges++;
	told.signals = sigio_out;
	CHECK_EQ(fcntl(p.c, F_SETFL, fcntl(p.c, F_GETFL) & ~O_ASYNC), 0);
	close(ep);
	close_pair(p);
	printf("# %s: %d edges, %d signals\n", plain ? "plain" : "encrypted",
	       told.edges, told.signals);
	return told;
}

static void no_edges(void)
{
	struct told t, e;

	set_rtt(0.05);
	t = told_round(true);
	e = told_round(false);
	CHECK_EQ(e.edges, t.edges);
	CHECK_EQ(e.signals, t.signals);
}

/* --- sizes ---------------------------------------------------------------- */

struct bulk {
	enum host	host;	/* of the client */
	int		sndbuf;
	int		maxseg;
	int		mtu;
	bool		nodelay;
	size_t		chunk;
	size_t		total;
	unsigned int	least;	/* bytes in a frame */
};

static void one_bulk(const struct bulk *b)
{
	int l = new_listener(), c = new_socket(b->host), s;
	unsigned long long frames, size;
	double begin;
	struct part part;
	pthread_t t;

	if (b->host == A)
		set_mtu(b->mtu ? : 1500);
	if (b->maxseg) {
		set_int(c, IPPROTO_TCP, TCP_MAXSEG, b->maxseg);
		set_int(l, IPPROTO_TCP, TCP_MAXSEG, b->maxseg);
	}
	if (b->sndbuf)
		set_int(c, SOL_SOCKET, SO_SNDBUF, b->sndbuf);
	CHECK_EQ(do_connect(c, B, port_of(l)), 0);
	s = do_accept(l);
	check_pair(c, s);
	set_int(c, IPPROTO_TCP, TCP_NODELAY, b->nodelay);
	frames = frames_of(c);
	part = (struct part) { c, 0, b->total, b->chunk };
	begin = now();
	t = start(send_part, &part);
	recv_stream(s, 0, b->total, CHUNK);
	join(t);
	frames = frames_of(c) - frames;
	size = frames ? b->total / frames : 0;
	printf("# writes of %zu%s, SO_SNDBUF %d, MSS %d: ", b->chunk,
	       b->nodelay ? ", TCP_NODELAY" : "", b->sndbuf,
	       get_int(c, IPPROTO_TCP, TCP_MAXSEG));
	printf("%llu frames of %llu bytes, %.1f s\n", frames, size,
	       now() - begin);
	if (!is_plain)
		CHECK(size >= b->least);
	close(c);
	check_eof(s);
	close(s);
	close(l);
}

static void sizes(void)
{
	static const struct bulk table[] = {
		{ .total = 1 << 20, .chunk = CHUNK, .least = 8192 },
		{ .total = 1 << 20, .chunk = CHUNK, .least = 8192,
		  .nodelay = true },
		{ .total = 200000, .chunk = CHUNK, .sndbuf = 1,
		  .least = 1000 },
		{ .total = 100000, .chunk = CHUNK, .maxseg = 88, .least = 200 },
		{ .total = 100000, .chunk = 1000, .maxseg = 88, .least = 200 },
		{ .total = 100000, .chunk = CHUNK, .maxseg = 200,
		  .least = 200 },
		{ .total = 200000, .chunk = CHUNK, .maxseg = 536,
		  .least = 1000 },
		{ .total = 200000, .chunk = CHUNK, .mtu = 576, .least = 1000 },
		{ .total = 1 << 20, .chunk = CHUNK, .mtu = 9000,
		  .least = 6000 },
		{ .host = B, .total = 1 << 20, .chunk = CHUNK, .least = 8192 },
		{ .host = B, .total = 300000, .chunk = 700, .least = 700 },
		{ .host = B, .total = 200000, .chunk = 3000, .sndbuf = 1,
		  .least = 1000 },
		{ .total = 300000, .chunk = 700, .least = 700 },
	};
	unsigned int i;

	set_rtt(0);
	set_sysctl(B, "skip_loopback", 0);
	for (i = 0; i < ARRAY_SIZE(table); i++)
		one_bulk(&table[i]);
	set_mtu(1500);
	set_sysctl(B, "skip_loopback", 1);
}

/* What fills the send buffer does not wait for more. */
static bool no_room_holds(void)
{
	static const struct bulk tiny = {
		.host = B, .total = 200000, .chunk = 3000, .sndbuf = 1,
	};
	double time[2], begin;
	int i;

	for (i = 0; i < 2; i++) {
		is_plain = !i;
		begin = now();
		one_bulk(&tiny);
		time[i] = now() - begin;
	}
	return time[1] < 3 * time[0] + 0.7;
}

static void no_room_for_more(void)
{
	set_sysctl(B, "skip_loopback", 0);
	persuade(no_room_holds);
	set_sysctl(B, "skip_loopback", 1);
}

static void sendfile_frames(void)
{
	struct pair p = new_pair();
	char path[] = "/tmp/coalesce.XXXXXX";
	int fd = mkstemp(path), i;
	unsigned long long frames = frames_of(p.c);
	struct part part = { p.s, 0, 1 << 20, CHUNK };
	pthread_t t = start(recv_part, &part);
	off_t off = 0;

	CHECK(fd >= 0);
	unlink(path);
	for (i = 0; i < 16; i++)
		CHECK_EQ(write(fd, stream(i * 65536ull), 65536), 65536);
	while (off < 1 << 20)
		CHECK(sendfile(p.c, fd, &off, (1 << 20) - off) > 0);
	join(t);
	frames = frames_of(p.c) - frames;
	printf("# %llu frames\n", frames);
	CHECK(is_plain || frames <= (1 << 20) / 8192);
}

/* --- memory --------------------------------------------------------------- */

/* Nobody accepts, there are no keys: no more than SO_SNDBUF. */
static void bounded_before_keys(void)
{
	static const int chunks[] = { 1, 100, CHUNK };
	unsigned long long total;
	unsigned int i;
	ssize_t n;

	for (i = 0; i < ARRAY_SIZE(chunks); i++) {
		int l = new_listener(), c = new_socket(A), s;

		set_int(c, SOL_SOCKET, SO_SNDBUF, 50000);
		CHECK_EQ(do_connect(c, B, port_of(l)), 0);
		set_nonblock(c, true);
		total = 0;
		do {
			n = send(c, stream(total), chunks[i], 0);
			if (n > 0)
				total += n;
		} while (n > 0 && total < 10000000);
		CHECK_ERR(n, EAGAIN);
		printf("# writes of %d: %llu bytes\n", chunks[i], total);
		CHECK(total > 100);
		/* plain: what the server's window takes comes on top */
		CHECK(is_plain || total <= 2 * 50000);
		CHECK(queued(c, SIOCOUTQ) <= (long long)total);
		if (!is_plain)
			CHECK_EQ(queued(c, SIOCOUTQ), total);
		s = do_accept(l);
		check_pair(c, s);
		recv_stream(s, 0, total, CHUNK);
		WAIT_FOR(!queued(c, SIOCOUTQ));
		CHECK_EQ(poll_wait(c, POLLOUT), POLLOUT);
		set_nonblock(c, false);
		close(c);
		check_eof(s);
		close(s);
		close(l);
	}
}

/* A peer that does not read, and one that goes away, with data of all kinds. */
static void given_up(void)
{
	struct linger l = { 1, 0 };
	int i;

	for (i = 0; i < 6; i++) {
		struct pair p = new_pair();

		set_int(p.c, IPPROTO_TCP, TCP_CORK, i & 1);
		set_int(p.s, SOL_SOCKET, SO_RCVBUF, 10000);
		if (i < 4)
			send_until_full(p.c, 0);
		else
			CHECK_EQ(send(p.c, stream(0), 100, MSG_MORE), 100);
		if (i & 2)
			CHECK_EQ(setsockopt(p.s, SOL_SOCKET, SO_LINGER, &l,
					    sizeof(l)), 0);
		else
			CHECK_EQ(setsockopt(p.c, SOL_SOCKET, SO_LINGER, &l,
					    sizeof(l)), 0);
		close(i & 2 ? p.s : p.c);
		nap(20);
		close(i & 2 ? p.c : p.s);
	}
}

static void check_outq(struct pair p, size_t written)
{
	int all = queued(p.c, SIOCOUTQ), unsent = queued(p.c, SIOCOUTQNSD);

	CHECK(all >= 0 && (size_t)all <= written);
	CHECK(unsent >= 0 && (size_t)unsent <= written);
}

/* What an application knows of its queue is of its own bytes. */
static void outq(void)
{
	struct pair p = new_pair();
	size_t written = 0, n;
	struct part part = { p.s, 0, 0, CHUNK };
	pthread_t t;
	int i;

	set_rtt(0.05);
	set_int(p.c, SOL_SOCKET, SO_SNDBUF, 1 << 20);
	for (i = 0, n = 0; i < 100; i++)
		n += 1 + i * 37 % 1999;
	part.len = n;
	t = start(recv_part, &part);
	for (i = 0; i < 100; i++) {
		if (i % 25 == 20)
			set_int(p.c, IPPROTO_TCP, TCP_CORK, i & 1);
		n = 1 + i * 37 % 1999;
		send_stream(p.c, written, n, n);
		written += n;
		check_outq(p, written);
		if (i % 10 == 0)
			nap(10);
	}
	set_int(p.c, IPPROTO_TCP, TCP_CORK, 0);
	join(t);
	WAIT_FOR(!queued(p.c, SIOCOUTQ));
	CHECK_EQ(queued(p.c, SIOCOUTQNSD), 0);
	/* held by a cork: there, and not sent */
	set_int(p.c, IPPROTO_TCP, TCP_CORK, 1);
	send_stream(p.c, written, 77, 77);
	CHECK_EQ(queued(p.c, SIOCOUTQ), 77);
	CHECK_EQ(queued(p.c, SIOCOUTQNSD), 77);
	set_int(p.c, IPPROTO_TCP, TCP_CORK, 0);
	WAIT_FOR(!queued(p.c, SIOCOUTQ));
	recv_stream(p.s, written, 77, 77);
}

/* --- ends of connections -------------------------------------------------- */

/* How often workqueue threads have run. */
static unsigned long long worker_runs(void)
{
	unsigned long long total = 0, n;
	char path[300], line[200];
	struct dirent *d;
	DIR *dir = opendir("/proc");
	bool worker;
	FILE *f;

	CHECK(dir);
	while ((d = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%s/status", d->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		worker = false;
		while (fgets(line, sizeof(line), f)) {
			if (!strncmp(line, "Name:\tkworker/u", 15))
				worker = true;
			if (worker && sscanf(line, "voluntary_ctxt_switches: %llu",
					     &n) == 1)
				total += n;
		}
		fclose(f);
	}
	closedir(dir);
	return total;
}

/* Data that cannot leave any more, or not yet, keeps nobody busy. */
static void check_quiet(void)
{
	unsigned long long runs;
	int i;

	for (i = 0; i < 5; i++) {
		runs = worker_runs();
		nap(1000);
		runs = worker_runs() - runs;
		printf("# %llu runs\n", runs);
		if (runs < 25)
			return;
	}
	FAIL("busy");
}

static void reset_while_held(void)
{
	struct pair p = new_pair();
	struct linger l = { 1, 0 };
	char c;

	set_int(p.c, IPPROTO_TCP, TCP_CORK, 1);
	CHECK_EQ(send(p.c, stream(0), 100, 0), 100);
	CHECK_EQ(setsockopt(p.s, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	close(p.s);
	CHECK(poll_wait(p.c, POLLIN) & (POLLERR | POLLHUP));
	CHECK_ERR(recv(p.c, &c, 1, 0), ECONNRESET);
	CHECK_ERR(send(p.c, "x", 1, 0), EPIPE);
	nap(300);	/* the cork's timer */
	check_quiet();
}

static void stuck_while_corked(void)
{
	struct pair p = new_pair();
	size_t total = 0;
	int idle = 0;
	ssize_t n;

	set_int(p.c, IPPROTO_TCP, TCP_CORK, 1);
	set_int(p.c, SOL_SOCKET, SO_SNDBUF, 50000);
	set_int(p.s, SOL_SOCKET, SO_RCVBUF, 10000);
	/* so that something is left of the last one */
	while (idle < 10) {
		n = send(p.c, stream(total), 333, MSG_DONTWAIT);
		if (n > 0) {
			total += n;
			idle = 0;
			continue;
		}
		CHECK_ERR(n, EAGAIN);
		nap(50);
		idle++;
	}
	check_quiet();
	recv_stream(p.s, 0, total, CHUNK);
}

static void disconnect_while_held(void)
{
	struct sockaddr to = { .sa_family = AF_UNSPEC };
	int l = new_listener(), port = port_of(l), i, s;
	int c = new_socket(A);
	char buf[10];

	for (i = 0; i < 3; i++) {
		CHECK_EQ(do_connect(c, B, port), 0);
		s = do_accept(l);
		check_pair(c, s);
		set_int(c, IPPROTO_TCP, TCP_CORK, 1);
		CHECK_EQ(send(c, "none", 4, i & 1 ? MSG_MORE : 0), 4);
		CHECK_EQ(connect(c, &to, sizeof(to)), 0);
		set_int(c, IPPROTO_TCP, TCP_CORK, 0);
		CHECK(recv(s, buf, sizeof(buf), 0) <= 0);
		close(s);
		nap(250);
	}
	CHECK_EQ(do_connect(c, B, port), 0);
	s = do_accept(l);
	check_pair(c, s);
	ping(c, s);
	ping(s, c);
}

/* Two processes, one socket: what one of them corked the other one lets go. */
static void shared(void)
{
	struct pair p = new_pair();
	int status;
	pid_t pid;

	set_int(p.c, IPPROTO_TCP, TCP_CORK, 1);
	pid = fork();
	if (!pid) {
		CHECK_EQ(send(p.c, stream(0), 100, 0), 100);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(send(p.c, stream(100), 100, 0), 100);
	set_int(p.c, IPPROTO_TCP, TCP_CORK, 0);
	recv_stream(p.s, 0, 200, 200);
}

/* The timers of TCP have nothing to say about data that is held. */
static void timers_while_held(void)
{
	struct pair p = new_pair();
	double begin = now();
	size_t off = 0;

	set_int(p.c, IPPROTO_TCP, TCP_USER_TIMEOUT, 1000);
	set_int(p.c, IPPROTO_TCP, TCP_KEEPIDLE, 1);
	set_int(p.c, IPPROTO_TCP, TCP_KEEPINTVL, 1);
	set_int(p.c, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_int(p.c, IPPROTO_TCP, TCP_CORK, 1);
	while (now() - begin < 3) {
		send_stream(p.c, off, 10, 10);
		off += 10;
		nap(50);
	}
	recv_stream(p.s, 0, off, CHUNK);
	set_int(p.c, IPPROTO_TCP, TCP_CORK, 0);
	ping_pair(p);
}

/* TCP cannot send when the cork's time is up. */
static void no_route(void)
{
	struct pair p = new_pair();

	set_int(p.c, IPPROTO_TCP, TCP_CORK, 1);
	command("ip -n a route add prohibit 10.9.0.2");
	CHECK_EQ(send(p.c, stream(0), 100, 0), 100);
	nap(400);
	command("ip -n a route del prohibit 10.9.0.2");
	recv_stream(p.s, 0, 100, 100);
}

#define CASE(fn, variants)	{ #fn, fn, variants }

static const struct ktap_case cases[] = {
	/* the link as it comes */
	CASE(nodelay_closed_window, BOTH),
	CASE(cork_after_nodelay, BOTH),
	CASE(sendfile_killed, BOTH),
	CASE(sizes, BOTH),
	CASE(no_room_for_more, V4),
	CASE(sendfile_frames, BOTH),
	CASE(bounded_before_keys, BOTH),
	CASE(given_up, BOTH),
	CASE(reset_while_held, BOTH),
	CASE(stuck_while_corked, BOTH),
	CASE(disconnect_while_held, BOTH),
	CASE(shared, BOTH),
	CASE(timers_while_held, BOTH),
	CASE(no_route, BOTH),
	/* slow */
	CASE(outq, BOTH),
	CASE(no_edges, V4),
	CASE(nagle, V4),
	CASE(nagle_slow, V4),
	CASE(nodelay_full_window, V4),
	CASE(behind_small_segment, V4),
	CASE(slow_start, V4),
	CASE(cork, V4),
	CASE(more, V4),
	CASE(more_forgotten, V4),
	CASE(ways_out, BOTH),
	{ }
};

int main(int argc, char **argv)
{
	int status;

	the_link = mmap(NULL, sizeof(*the_link), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (the_link == MAP_FAILED)
		return 1;
	the_link->mtu = 1500;
	status = ktap_main(argc, argv, cases, variant_names, set_up, after);
	set_rtt(0);
	set_mtu(1500);
	return status;
}
