// SPDX-License-Identifier: GPL-2.0
/*
 * Many connections: held at once, and opened and closed in all ways there
 * are. One thread drives both ends of all of them by epoll. Runs in the guest,
 * sock.sh makes the two hosts; LOAD says how large (lib/load.h).
 *
 *	load_test [CASE ...]
 *	load_test --traffic A B	between namespaces A and B, until SIGTERM,
 *				whatever becomes of the module
 */

#define _GNU_SOURCE
#include <linux/filter.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include "lib/load.h"

#define LISTENERS	8
#define WINDOW		200	/* being opened or used at once */
#define MESSAGE_MAX	4096
#define SILENCE		30	/* s without any event: a hang */

/* How a connection ends. */
enum plan {
	CLIENT_FIRST, SERVER_FIRST, CLIENT_RESETS, SERVER_RESETS, RESET_EARLY,
	HALF_CLOSED, TIMED_OUT, HELD, PLANS,
};

static const char *const plan_names[] = {
	"client closed", "server closed", "client reset", "server reset",
	"reset before data", "half-closed", "timed out", "held",
};

/* Out of 20: half of them end in order */
static const unsigned char mix[] = {
	CLIENT_FIRST, CLIENT_FIRST, CLIENT_FIRST, CLIENT_FIRST, CLIENT_FIRST,
	SERVER_FIRST, SERVER_FIRST, SERVER_FIRST, SERVER_FIRST, SERVER_FIRST,
	CLIENT_RESETS, CLIENT_RESETS, SERVER_RESETS, SERVER_RESETS,
	RESET_EARLY, HALF_CLOSED, HALF_CLOSED, HALF_CLOSED, TIMED_OUT,
	TIMED_OUT,
};

/* What a request begins with; then the stream. */
struct head {
	unsigned int slot;
	unsigned int id;
	char marker[sizeof(MARKER) - 1];
};

enum step { CONNECTING, SENDING, RECEIVING, ENDING, };

struct conn {
	int		c, s;		/* descriptors; -1: none (any more) */
	unsigned int	id;
	enum plan	plan;
	enum step	step;		/* of the client */
	unsigned int	request, reply;	/* lengths, bytes */
	unsigned int	c_sent, c_got, s_sent, s_got;
	bool		s_eof;
	bool		used;
	double		begin;
};

/* By descriptor. */
struct end {
	struct conn	*k;
	bool		server;
	unsigned int	got;		/* of ->head */
	struct head	head;
};

static struct end *ends;
static struct conn *conns;
static unsigned int slots, busy, held, started, finished;
static unsigned int ended[PLANS], encrypted, plain, lost;
static double lasted[PLANS];	/* s, all together */
static int epfd, listeners[LISTENERS], ports[LISTENERS];
static bool traffic;
static atomic_bool stopped;

static void watch(int fd, unsigned int events, bool add)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	CHECK_EQ(epoll_ctl(epfd, add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &ev),
		 0);
}

static void linger_zero(int fd)
{
	struct linger l = { 1, 0 };

	CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
}

static void end_close(int *fd, bool reset)
{
	if (*fd < 0)
		return;
	if (reset)
		linger_zero(*fd);
	CHECK_EQ(close(*fd), 0);
	*fd = -1;
}

/* Both ends are gone: the slot is free. */
static void settle(struct conn *k)
{
	if (k->c >= 0 || k->s >= 0 || !k->used)
		return;
	k->used = false;
	busy--;
	finished++;
	ended[k->plan]++;
	lasted[k->plan] += now() - k->begin;
}

/* The module came or went while this one was being opened. */
static void give_up(struct conn *k)
{
	if (!traffic)
		FAIL("%u (%s) broke in step %d, %u of %u, %u of %u bytes, errno %d",
		     k->id, plan_names[k->plan], k->step, k->s_got, k->request,
		     k->c_got, k->reply, errno);
	lost++;
	end_close(&k->c, true);
	end_close(&k->s, true);
	settle(k);
}

static const unsigned char *reply_of(const struct conn *k)
{
	return stream(k->id * 7919ull + 13);
}

static const unsigned char *request_of(const struct conn *k)
{
	static unsigned char buf[MESSAGE_MAX];
	struct head *h = (struct head *)buf;

	h->slot = k - conns;
	h->id = k->id;
	memcpy(h->marker, MARKER, sizeof(h->marker));
	memcpy(buf + sizeof(*h), stream(k->id * 131ull),
	       k->request - sizeof(*h));
	return buf;
}

/* Return: whether all is sent. */
static bool send_more(struct conn *k, int fd, const unsigned char *data,
		      unsigned int *sent, unsigned int len)
{
	ssize_t n = send(fd, data + *sent, len - *sent, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN) {
		give_up(k);
		return false;
	}
	if (n > 0)
		*sent += n;
	return *sent == len;
}

static void start_one(enum plan plan)
{
	struct sockaddr_storage to;
	socklen_t len;
	struct conn *k = conns;

	while (k->used)
		k++;
	memset(k, 0, sizeof(*k));
	k->used = true;
	k->s = -1;
	k->id = started++;
	k->begin = now();
	k->plan = plan;
	k->request = sizeof(struct head) + rand() % 3000;
	k->reply = 1 + rand() % 3000;
	k->c = socket(family(), SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK(k->c >= 0);
	ends[k->c] = (struct end){ .k = k };
	len = address(&to, B, ports[k->id % LISTENERS]);
	if (connect(k->c, (struct sockaddr *)&to, len))
		CHECK_EQ(errno, EINPROGRESS);
	watch(k->c, EPOLLOUT, true);
	busy++;
}

static void count_one(struct conn *k)
{
	bool c = is_open(k->c), s = k->s >= 0 && is_open(k->s);

	if (c && s)
		encrypted++;
	else
		plain++;
	if (c && s)
		seen_encrypted = true;
}

/* Nothing that arrives there counts, not even acknowledgments. */
static void silence(int fd, bool on)
{
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { 1, &drop };
	int zero = 0;

	CHECK_EQ(setsockopt(fd, SOL_SOCKET,
			    on ? SO_ATTACH_FILTER : SO_DETACH_FILTER,
			    on ? (void *)&prog : (void *)&zero,
			    on ? sizeof(prog) : sizeof(zero)), 0);
}

/* The client has the whole reply. */
static void replied(struct conn *k)
{
	k->step = ENDING;
	count_one(k);
	switch (k->plan) {
	case CLIENT_FIRST:
		end_close(&k->c, false);
		break;
	case CLIENT_RESETS:
		end_close(&k->c, true);
		break;
	case SERVER_RESETS:
		end_close(&k->s, true);
		break;
	case TIMED_OUT:
		silence(k->s, true);
		set_int(k->c, IPPROTO_TCP, TCP_USER_TIMEOUT, 300);
		CHECK_EQ(send(k->c, "x", 1, MSG_NOSIGNAL), 1);
		break;
	case HELD:
		busy--;
		held++;
		break;
	default:	/* the server ends it */
		break;
	}
	settle(k);
}

/* What a client hears at the end. */
static void client_ends(struct conn *k, ssize_t n)
{
	int want = k->plan == TIMED_OUT ? ETIMEDOUT : ECONNRESET;

	if (k->plan == SERVER_FIRST || k->plan == HALF_CLOSED) {
		if (n)
			return give_up(k);
	} else if (n >= 0 || errno != want) {
		return give_up(k);
	}
	if (k->plan == TIMED_OUT && k->s >= 0) {
		silence(k->s, false);
		end_close(&k->s, true);
	}
	end_close(&k->c, false);
	settle(k);
}

static void client_reads(struct conn *k)
{
	unsigned char buf[MESSAGE_MAX];
	ssize_t n = recv(k->c, buf, k->step == ENDING ? 1 : k->reply - k->c_got,
			 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (k->step == ENDING)
		return client_ends(k, n);
	if (n <= 0 || memcmp(buf, reply_of(k) + k->c_got, n))
		return give_up(k);
	k->c_got += n;
	if (k->c_got == k->reply)
		replied(k);
}

static void client(struct conn *k)
{
	int err = 0;
	socklen_t len = sizeof(err);

	switch (k->step) {
	case CONNECTING:
		CHECK_EQ(getsockopt(k->c, SOL_SOCKET, SO_ERROR, &err, &len),
			 0);
		errno = err;
		if (err)
			return give_up(k);
		k->step = SENDING;
		if (k->plan == RESET_EARLY) {
			end_close(&k->c, true);
			return settle(k);
		}
		return client(k);
	case SENDING:
		if (!send_more(k, k->c, request_of(k), &k->c_sent, k->request))
			return;
		if (k->plan == HALF_CLOSED)
			CHECK_EQ(shutdown(k->c, SHUT_WR), 0);
		k->step = RECEIVING;
		watch(k->c, EPOLLIN, false);
		return;
	case RECEIVING:
	case ENDING:
		return client_reads(k);
	}
}

static void server_replies(struct conn *k)
{
	if (k->plan == HALF_CLOSED && !k->s_eof)
		return;
	if (!send_more(k, k->s, reply_of(k), &k->s_sent, k->reply)) {
		if (k->s >= 0)
			watch(k->s, EPOLLOUT, false);
		return;
	}
	watch(k->s, EPOLLIN, false);
	if (k->plan != SERVER_FIRST && k->plan != HALF_CLOSED)
		return;
	/* not closed: replied() asks it whether it is encrypted */
	CHECK_EQ(shutdown(k->s, k->s_eof ? SHUT_WR : SHUT_RDWR), 0);
	CHECK_EQ(epoll_ctl(epfd, EPOLL_CTL_DEL, k->s, NULL), 0);
}

/* The request's head says whose it is. Return: whether it is there. */
static bool server_learns(struct end *e, int fd)
{
	unsigned char *to = (unsigned char *)&e->head;
	ssize_t n = recv(fd, to + e->got, sizeof(e->head) - e->got, 0);

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n > 0)
		e->got += n;
	if (n > 0 && e->got < sizeof(e->head))
		return false;
	if (n > 0 && e->head.slot < slots &&
	    !memcmp(e->head.marker, MARKER, sizeof(e->head.marker)) &&
	    conns[e->head.slot].used &&
	    conns[e->head.slot].id == e->head.id) {
		e->k = &conns[e->head.slot];
		e->k->s = fd;
		e->k->s_got = sizeof(e->head);
		return true;
	}
	/* reset before it said anything; or ciphertext, see give_up() */
	if (e->got && !traffic)
		FAIL("the server reads what nobody has sent");
	linger_zero(fd);
	close(fd);
	return false;
}

static void server_ends(struct conn *k, ssize_t n)
{
	if (n == 0 && k->plan == HALF_CLOSED && k->s_got == k->request &&
	    !k->s_eof) {
		k->s_eof = true;
		return server_replies(k);
	}
	if ((n == 0 && k->plan == CLIENT_FIRST) ||
	    (n < 0 && errno == ECONNRESET && k->plan == CLIENT_RESETS)) {
		end_close(&k->s, false);
		return settle(k);
	}
	give_up(k);
}

static void server(struct end *e, int fd)
{
	unsigned char buf[MESSAGE_MAX];
	struct conn *k;
	ssize_t n;

	if (!e->k && !server_learns(e, fd))
		return;
	k = e->k;
	if (k->s_sent && k->s_sent < k->reply)
		return server_replies(k);
	/* one byte more, when all is there: what ends it */
	if (k->s_got == k->request)
		n = recv(fd, buf, 1, 0);
	else
		n = recv(fd, buf, k->request - k->s_got, 0);
	if (n < 0 && errno == EAGAIN && k->s_got < k->request)
		return;
	if (n < 0 && errno == EAGAIN)
		n = 0;	/* the head was all */
	else if (n <= 0)
		return server_ends(k, n);
	if (k->s_got + n > k->request ||
	    memcmp(buf, request_of(k) + k->s_got, n))
		return give_up(k);
	k->s_got += n;
	if (k->s_got == k->request && !k->s_sent)
		server_replies(k);
}

static void accept_all(int l)
{
	int fd;

	while ((fd = accept4(l, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		ends[fd] = (struct end){ .server = true };
		watch(fd, EPOLLIN, true);
	}
	if (errno != EAGAIN && errno != ECONNABORTED)
		FAIL("accept(): errno %d", errno);
}

static void one_event(int fd)
{
	struct end *e = &ends[fd];
	int i;

	for (i = 0; i < LISTENERS; i++)
		if (fd == listeners[i])
			return accept_all(fd);
	if (e->k && !e->server && e->k->c == fd)
		client(e->k);
	else if (e->server && (!e->k || e->k->s == fd))
		server(e, fd);
}

/* Server ends that were shut down are closed when the client has heard it. */
static void reap(void)
{
	struct conn *k;

	for (k = conns; k < conns + slots; k++) {
		if (k->used && k->c < 0 && k->s >= 0 &&
		    (k->plan == SERVER_FIRST || k->plan == HALF_CLOSED)) {
			end_close(&k->s, false);
			settle(k);
		}
	}
}

static void some_events(void)
{
	struct epoll_event ev[256];
	int n, i;

	n = epoll_wait(epfd, ev, ARRAY_SIZE(ev), SILENCE * 1000);
	if (n < 0 && errno == EINTR)
		return;
	if (!n)
		FAIL("a hang: %u started, %u finished, %u held, %u busy",
		     started, finished, held, busy);
	for (i = 0; i < n; i++)
		one_event(ev[i].data.fd);
	reap();
}

/* A peer that is silent is waited for: not where sockets must end soon. */
static enum plan random_plan(void)
{
	unsigned int n = ARRAY_SIZE(mix);

	return mix[rand() % (getenv("NO_SILENCE") ? n - 2 : n)];
}

static void make_engine(unsigned int n)
{
	unsigned int files = 2 * n + 2 * WINDOW + 1000;
	struct rlimit limit = { files, files };
	int i;

	/* the table of descriptors has no hole above them */
	setrlimit(RLIMIT_NOFILE, &limit);
	slots = n;
	ends = calloc(files, sizeof(*ends));
	conns = calloc(slots, sizeof(*conns));
	epfd = epoll_create1(0);
	CHECK(ends && conns && epfd >= 0);
	for (i = 0; i < LISTENERS; i++) {
		listeners[i] = new_socket(B);
		CHECK_EQ(do_bind(listeners[i], B, 0), 0);
		CHECK_EQ(listen(listeners[i], 1024), 0);
		set_nonblock(listeners[i], true);
		ports[i] = port_of(listeners[i]);
		watch(listeners[i], EPOLLIN, true);
	}
	enter(A);
	srand(1);
}

static void end_engine(void)
{
	int i;

	for (i = 0; i < LISTENERS; i++)
		close(listeners[i]);
	close(epfd);
	free(ends);
	free(conns);
	memset(ended, 0, sizeof(ended));
	memset(lasted, 0, sizeof(lasted));
	encrypted = 0;
	plain = 0;
	lost = 0;
	started = 0;
	finished = 0;
	held = 0;
	busy = 0;
}

/* More ports than PLAIN_PORT are needed. */
static void choose_kind(void)
{
	set_sysctl(A, "enable_connect", !is_plain);
}

static void limit_time(int seconds)
{
	alarm(scale(6, 1, 1) * seconds);
}

static void hold(unsigned int n)
{
	while (held < n) {
		enter(A);
		while (busy < WINDOW && held + busy < n)
			start_one(HELD);
		some_events();
	}
	CHECK_EQ(finished, 0);
}

/* All are there, one after the other still carries data. */
static void check_held(void)
{
	struct conn *k;

	for (k = conns; k < conns + slots; k++) {
		CHECK(k->c >= 0 && k->s >= 0);
		CHECK_EQ(is_open(k->c), !is_plain);
		CHECK_EQ(is_open(k->s), !is_plain);
		set_nonblock(k->c, false);
		set_nonblock(k->s, false);
	}
	for (k = conns; k < conns + slots; k += 7)
		ping_pair((struct pair){ k->c, k->s });
}

static void release_all(void)
{
	struct conn *k;

	for (k = conns; k < conns + slots; k++) {
		if (k->id % 4 == 1)
			end_close(&k->s, true);
		end_close(&k->c, k->id % 4 == 0);
		end_close(&k->s, false);
	}
}

/* Each connection at once, and what it costs. */
static void hold_and_release(unsigned int n, bool show)
{
	struct memory before = memory_now(), m;
	double begin = now(), took;

	make_engine(n);
	hold(n);
	took = now() - begin;
	m = memory_now();
	check_held();
	if (show) {
		SAY("%u connections held, %.0f per second, %u encrypted", n,
		    n / took, encrypted);
		SAY("bytes of memory for one, both ends: %lld, slab %lld, kmalloc %lld",
		    (before.available - m.available) / n,
		    (m.slab - before.slab) / n,
		    (m.kmalloc - before.kmalloc) / n);
	}
	CHECK_EQ(encrypted, is_plain ? 0 : n);
	release_all();
	end_engine();
}

static void held_at_once(void)
{
	unsigned int n = scale(150, 2000, 10000);
	struct memory before;

	limit_time(scale(100, 150, 900));
	choose_kind();
	/* what a first time leaves behind in caches */
	hold_and_release(100, false);
	nap(500);
	before = memory_now();
	hold_and_release(n, true);
	memory_returns(&before, (2 << 20) + n * 100);
}

static void churn_figures(double took, const struct tap_sum *sum)
{
	unsigned int i;

	SAY("%u connections in %.0f s, %.0f per second, %u encrypted, %u plain",
	    finished, took, finished / took, encrypted, plain);
	for (i = 0; i < HELD; i++)
		SAY("  %s: %u, %.0f ms each", plan_names[i], ended[i],
		    ended[i] ? lasted[i] / ended[i] * 1000 : 0);
	if (sum)
		SAY("captured: %u packets, %u bytes of payload, %u resets",
		    sum->packets, sum->payload, sum->resets);
}

static void churn_some(unsigned int n)
{
	while (finished < n) {
		enter(A);
		while (busy < WINDOW && started < n)
			start_one(random_plan());
		some_events();
	}
}

/* What must have happened, by the module's own account. */
static void check_counters(unsigned int n, const long long *before)
{
	long long active = counter(A, "EnoActive") - before[0];
	long long passive = counter(B, "EnoPassive") - before[1];
	long long fresh = counter(B, "HandshakeFresh") - before[2];

	SAY("EnoActive %lld, EnoPassive %lld, HandshakeFresh %lld", active,
	    passive, fresh);
	CHECK_EQ(active, n);
	CHECK(passive <= n && passive >= n - ended[RESET_EARLY]);
	CHECK(fresh <= n && fresh >= n - ended[RESET_EARLY]);
	CHECK_EQ(counter(B, "AbortAuth") + counter(B, "AbortProtocol"),
		 before[3]);
}

static void churn(void)
{
	unsigned int n = scale(300, 5000, 100000), some = n < 200 ? n : 200;
	long long counters[4];
	struct memory before;
	struct tap_sum sum;
	double begin;
	int tap;

	limit_time(scale(150, 200, 3000));
	choose_kind();
	make_engine(WINDOW);
	churn_some(some);
	end_engine();
	nap(1000);
	before = memory_now();
	counters[0] = counter(A, "EnoActive");
	counters[1] = counter(B, "EnoPassive");
	counters[2] = counter(B, "HandshakeFresh");
	counters[3] = counter(B, "AbortAuth") + counter(B, "AbortProtocol");
	begin = now();
	tap = tap_open();
	make_engine(WINDOW);
	churn_some(some);
	sum = tap_read(tap, MARKER);
	close(tap);
	churn_some(n);
	churn_figures(now() - begin, &sum);
	CHECK_EQ(sum.marked, is_plain);
	CHECK(sum.payload > some * 1500 && sum.resets);
	CHECK_EQ(encrypted + ended[RESET_EARLY], is_plain ? ended[RESET_EARLY] :
							    n);
	CHECK_EQ(plain, is_plain ? n - ended[RESET_EARLY] : 0);
	if (!is_plain)
		check_counters(n, counters);
	end_engine();
	memory_returns(&before, (2 << 20) + n * 20);
}

/*
 * Many clients that send one byte a second (faster here), each a frame of
 * its own. They take no memory to speak of, and others are not disturbed.
 */
static void slowloris(void)
{
	unsigned int n = scale(50, 300, 1000), rounds = scale(5, 15, 60);
	unsigned int pause = scale(100, 100, 1000), i, r;
	struct memory before, m;
	struct conn *k;
	double begin;
	char c;

	limit_time(scale(100, 100, 300));
	choose_kind();
	make_engine(n);
	hold(n);
	check_held();
	before = memory_now();
	for (r = 0; r < rounds; r++) {
		begin = now();
		for (i = 0; i < n; i++)
			CHECK_EQ(send(conns[i].c, stream(r), 1, 0), 1);
		enter(A);
		ping_pair(new_pair());
		while (now() < begin + pause / 1e3)
			nap(10);
	}
	m = memory_now();
	SAY("%u clients, %u bytes each, %lld bytes of memory each", n, rounds,
	    (before.available - m.available) / n);
	CHECK(before.available - m.available < (16 << 20) + n * 8192ll);
	for (k = conns; k < conns + slots; k++)
		for (r = 0; r < rounds; r++) {
			CHECK_EQ(recv(k->s, &c, 1, 0), 1);
			CHECK_EQ((unsigned char)c, stream(r)[0]);
		}
	for (k = conns; k < conns + slots; k++)
		CHECK_EQ(is_open(k->s), !is_plain);
	release_all();
	end_engine();
}

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

/* For churn.sh: the module may come and go. */
static int run_traffic(const char *const *hosts)
{
	double begin = now();
	char path[100];
	int i;

	traffic = true;
	variant = V4;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, stop);
	ktap_at("traffic", 0);
	stream(0);
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/run/netns/%s", hosts[i]);
		ns_fd[i] = open(path, O_RDONLY | O_CLOEXEC);
		CHECK(ns_fd[i] >= 0);
	}
	make_engine(WINDOW);
	SAY("ready");
	while (!stopped || busy) {
		enter(A);
		while (!stopped && busy < WINDOW / 4)
			start_one(random_plan());
		some_events();
	}
	churn_figures(now() - begin, NULL);
	SAY("lost: %u", lost);
	SAY("fine");
	return 0;
}

static const struct ktap_case cases[] = {
	{ "held_at_once", held_at_once, BOTH },
	{ "churn", churn, BOTH },
	{ "slowloris", slowloris, V4 },
	{ }
};

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "--traffic"))
		return run_traffic((const char *const *)argv + 2);
	return ktap_main(argc, argv, cases, variant_names, before, after);
}
