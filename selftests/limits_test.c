// SPDX-License-Identifier: GPL-2.0
/*
 * What bounds the memory and the time that peers and users can take: key
 * agreements that don't go on, SYN floods, sockets whose owner sleeps, memory
 * cgroups. Runs in the guest, sock.sh makes the two hosts; LOAD says how large
 * (lib/load.h).
 *
 *	limits_test [CASE ...]
 */

#define _GNU_SOURCE
#include <linux/userfaultfd.h>
#include <netinet/ip.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "lib/load.h"

#define TEP	0x23	/* TCPCRYPT_ECDHE_Curve25519 */

static void set_ipv4(const char *name, int value)
{
	char command[200];

	snprintf(command, sizeof(command),
		 "ip netns exec b sysctl -qw net.ipv4.%s=%d", name, value);
	run_command(command);
}

/* --- key agreements that don't go on -------------------------------------- */

/*
 * A peer that completes ENO and says nothing more: to the kernel here its
 * TEP is the application's own.
 */
static int raw_client(int port)
{
	static const unsigned char option[] = { TEP };
	int fd = new_socket(A);

	CHECK_EQ(setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tcpcrypt", 8), 0);
	CHECK_EQ(setsockopt(fd, IPPROTO_TCP, TCP_ENO_RAW, option,
			    sizeof(option)), 0);
	CHECK_EQ(do_connect(fd, B, port), 0);
	return fd;
}

static void require(int fd)
{
	CHECK_EQ(setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tcpcrypt", 8), 0);
	set_int(fd, IPPROTO_TCP, TCP_ENO_ENABLED, TCP_ENO_REQUIRED);
}

/* Fills max_handshakes with n connections. */
static void open_half(int l, struct pair *half, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		half[i].c = raw_client(port_of(l));
		half[i].s = do_accept(l);
		CHECK_EQ(crypt_state(half[i].s), TCP_CRYPT_KEYING);
	}
}

/* No room for its key agreement: plain TCP. */
static void check_busy(int l)
{
	long long busy = counter(B, "FallbackBusy");
	struct pair p;
	int tap = tap_open();
	char buf[100];

	p.c = connect_to(l);
	p.s = do_accept(l);
	CHECK_EQ(crypt_state(p.c), -1);
	CHECK_EQ(crypt_state(p.s), -1);
	CHECK_EQ(send(p.c, MARKER, sizeof(MARKER), 0), sizeof(MARKER));
	CHECK_EQ(recv(p.s, buf, sizeof(buf), 0), sizeof(MARKER));
	CHECK(!memcmp(buf, MARKER, sizeof(MARKER)));
	CHECK(tap_read(tap, MARKER).marked);
	close(tap);
	close_pair(p);
	CHECK_EQ(counter(B, "FallbackBusy"), busy + 1);
}

/* Where plaintext is none, the SYN is not answered. */
static void check_busy_required(void)
{
	long long busy = counter(B, "FallbackBusy");
	int l = new_bound(), c;

	require(l);
	CHECK_EQ(listen(l, 5), 0);
	c = new_socket(A);
	set_nonblock(c, true);
	CHECK_ERR(do_connect(c, B, port_of(l)), EINPROGRESS);
	WAIT_FOR(counter(B, "FallbackBusy") > busy);
	CHECK_EQ(poll_now(c, POLLOUT), 0);
	close(c);
	close(l);
}

static void check_encrypted(int l)
{
	struct pair p;

	p.c = connect_to(l);
	p.s = do_accept(l);
	check_pair(p.c, p.s);
	ping_pair(p);
	close_pair(p);
}

/* Init1 byte by byte does not take longer. */
static void drip(const struct pair *half, unsigned int n, unsigned int *at)
{
	static const unsigned char init1[] = {
		0x15, 0x10, 0x1a, 0x0e, 0, 0, 0, 79, 1, 0, 1,
	};
	unsigned int i;

	if (*at == sizeof(init1))
		return;
	for (i = 0; i < n; i += 2)
		send(half[i].c, init1 + *at, 1, MSG_NOSIGNAL);
	++*at;
}

static void wait_timeouts(const struct pair *half, unsigned int n)
{
	unsigned int i, at = 0;
	char c;

	for (i = 0; i < n; i++) {
		while (!(poll_now(half[i].s, POLLIN) & POLLERR)) {
			drip(half, n, &at);
			nap(100);
		}
		CHECK_ERR(recv(half[i].s, &c, 1, 0), ETIMEDOUT);
	}
}

static void half_open(void)
{
	unsigned int n = scale(30, 200, 4000), i;
	long long timeouts, fresh;
	struct pair *half = calloc(n, sizeof(*half));
	int l = new_listener(), seconds = scale(60, 15, 60);
	struct memory before, m;
	double begin;

	alarm(scale(400, 150, 600));
	CHECK(half);
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 2 * n + 100, 2 * n + 100 });
	check_encrypted(l);
	set_sysctl(B, "max_handshakes", n);
	set_sysctl(B, "handshake_timeout", seconds);
	timeouts = counter(B, "AbortTimeout");
	fresh = counter(B, "HandshakeFresh");
	before = memory_now();
	begin = now();
	open_half(l, half, n);
	m = memory_now();
	SAY("%u half-open, %lld bytes each with their peer, kmalloc %lld; %.0f per second",
	    n, (before.available - m.available) / n,
	    (m.kmalloc - before.kmalloc) / n, n / (now() - begin));
	check_busy(l);
	check_busy_required();
	wait_timeouts(half, n);
	SAY("all were ended after %.0f s, handshake_timeout %d s",
	    now() - begin, seconds);
	CHECK_EQ(counter(B, "AbortTimeout"), timeouts + n);
	CHECK_EQ(counter(B, "HandshakeFresh"), fresh);
	/* there is room again, though none is closed */
	check_encrypted(l);
	for (i = 0; i < n; i++)
		close_pair(half[i]);
	memory_returns(&before, (1 << 20) + n * 100);
	free(half);
}

/* Those whose peer goes away give their place back at once. */
static void half_open_ends(void)
{
	unsigned int n = 20, i;
	struct pair half[20];
	int l = new_listener();

	set_sysctl(B, "max_handshakes", n);
	open_half(l, half, n);
	check_busy(l);
	close(half[0].c);
	WAIT_FOR(poll_now(half[0].s, POLLIN) & POLLERR);
	check_encrypted(l);
	close(half[0].s);
	/* one that the application closes stays until its end was heard */
	half[0].c = raw_client(port_of(l));
	half[0].s = do_accept(l);
	check_busy(l);
	for (i = 0; i < n; i++) {
		close(half[i].s);
		close(half[i].c);
	}
	WAIT_FOR(module_refs() == 0);
	check_encrypted(l);
	/* and so do those that nobody has accepted */
	for (i = 0; i < n; i++)
		half[i].c = raw_client(port_of(l));
	check_busy_required();
	close(l);
	for (i = 0; i < n; i++)
		close(half[i].c);
	WAIT_FOR(module_refs() == 0);
	close_pair(new_pair());
}

/* --- SYN floods ----------------------------------------------------------- */

#define BACKLOG	64

struct syn {
	struct iphdr	ip;
	struct tcphdr	th;
	unsigned char	option[8];
};

struct flood {
	int		port;
	atomic_uint	sent;
	atomic_bool	over;
};

static unsigned int sum_up(const void *data, unsigned int len)
{
	const unsigned short *p = data;
	unsigned int sum = 0;

	for (; len; len -= 2)
		sum += *p++;
	return sum;
}

static unsigned short fold(unsigned int sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* A SYN with ENO; 10.77.0.0/16 does not answer. */
static void make_syn(struct syn *syn, int port)
{
	/* MSS 1460, ENO with our TEP, NOP */
	static const unsigned char option[] = { 2, 4, 5, 180, 69, 3, TEP, 1 };

	memset(syn, 0, sizeof(*syn));
	syn->ip.version = 4;
	syn->ip.ihl = 5;
	syn->ip.tot_len = htons(sizeof(*syn));
	syn->ip.ttl = 64;
	syn->ip.protocol = IPPROTO_TCP;
	syn->ip.saddr = htonl(0x0a4d0000 | (rand() & 0xffff));
	inet_pton(AF_INET, "10.9.0.2", &syn->ip.daddr);
	syn->th.source = htons(1024 + rand() % 60000);
	syn->th.dest = htons(port);
	syn->th.seq = rand();
	syn->th.doff = (sizeof(syn->th) + sizeof(option)) / 4;
	syn->th.syn = 1;
	syn->th.window = htons(65535);
	memcpy(syn->option, option, sizeof(option));
	syn->th.check = fold(sum_up(&syn->ip.saddr, 8) + htons(IPPROTO_TCP) +
			     htons(sizeof(syn->th) + sizeof(option)) +
			     sum_up(&syn->th, sizeof(syn->th) +
				    sizeof(option)));
}

static void *flood_fn(void *arg)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct flood *f = arg;
	struct syn syn;
	int fd;

	enter(A);
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	CHECK(fd >= 0);
	while (!f->over) {
		make_syn(&syn, f->port);
		to.sin_addr.s_addr = syn.ip.daddr;
		if (sendto(fd, &syn, sizeof(syn), 0, (struct sockaddr *)&to,
			   sizeof(to)) == sizeof(syn))
			f->sent++;
		if (f->sent % 64 == 0)
			nap(1);
	}
	close(fd);
	return NULL;
}

static int requests(void)
{
	FILE *f = popen("ip netns exec b ss -Htn state syn-recv | wc -l", "r");
	int n = -1;

	CHECK(f);
	CHECK_EQ(fscanf(f, "%d", &n), 1);
	pclose(f);
	return n;
}

/* A listener whose queue is full of requests, with ENO each. */
static int flooded_listener(struct flood *f, pthread_t *t, int cookies)
{
	long long received = counter(B, "EnoSynReceived");
	int l = new_bound();

	alarm(scale(400, 150, 150));
	set_sysctl(B, "max_handshakes", 100000);
	run_command("ip -n b route replace 10.77.0.0/16 via 10.9.0.1");
	set_ipv4("tcp_syncookies", cookies);
	set_ipv4("tcp_synack_retries", 1);
	CHECK_EQ(listen(l, BACKLOG), 0);
	f->port = port_of(l);
	*t = start(flood_fn, f);
	WAIT_FOR(counter(B, "EnoSynReceived") > received + 10 * BACKLOG);
	return l;
}

/* Some seconds of it: what the requests and their options take. */
static void watch_flood(struct flood *f, const struct memory *before)
{
	double begin = now();
	long long most = 0;
	int queue = 0, n;
	struct memory m;

	while (now() < begin + scale(5, 4, 30)) {
		m = memory_now();
		if (m.kmalloc - before->kmalloc > most)
			most = m.kmalloc - before->kmalloc;
		n = requests();
		if (n > queue)
			queue = n;
		nap(200);
	}
	SAY("%u SYNs with ENO; at most %d requests (backlog %d), %lld KiB of kmalloc",
	    f->sent, queue, BACKLOG, most >> 10);
	CHECK(queue > BACKLOG / 4 && queue <= BACKLOG + 2);
	/* KASAN keeps what was freed for a while */
	CHECK(most < scale(64, 2, 2) << 20);
}

static void end_flood(struct flood *f, pthread_t t)
{
	f->over = true;
	join(t);
	WAIT_FOR(requests() == 0);
	set_ipv4("tcp_syncookies", 1);
	set_ipv4("tcp_synack_retries", 5);
}

/*
 * With SYN cookies, others get through; a cookie has no room for ENO, so
 * they are plain.
 */
static void flood_cookies(void)
{
	long long none = counter(B, "FallbackNoRequest");
	struct memory before = memory_now();
	struct flood f = {};
	struct pair p;
	pthread_t t;
	char buf[100];
	int l, i, n = 0, tap;

	l = flooded_listener(&f, &t, 1);
	watch_flood(&f, &before);
	tap = tap_open();
	for (i = 0; i < 10; i++) {
		p.c = connect_to(l);
		p.s = do_accept(l);
		CHECK_EQ(send(p.c, MARKER, sizeof(MARKER), 0), sizeof(MARKER));
		CHECK_EQ(recv(p.s, buf, sizeof(buf), 0), sizeof(MARKER));
		CHECK(!memcmp(buf, MARKER, sizeof(MARKER)));
		CHECK_EQ(crypt_state(p.c), crypt_state(p.s));
		n += crypt_state(p.c) < 0;
		close_pair(p);
	}
	SAY("%d of 10 connections during the flood are plain", n);
	CHECK(n);
	CHECK(tap_read(tap, MARKER).marked);
	close(tap);
	CHECK(counter(B, "FallbackNoRequest") > none);
	end_flood(&f, t);
	check_encrypted(l);
	close(l);
	memory_returns(&before, 1 << 20);
}

/* Without them, others wait until it is over. */
static void flood_drop(void)
{
	struct memory before = memory_now();
	struct flood f = {};
	struct pair p;
	pthread_t t;
	int l;

	l = flooded_listener(&f, &t, 0);
	watch_flood(&f, &before);
	p.c = new_socket(A);
	set_nonblock(p.c, true);
	CHECK_ERR(do_connect(p.c, B, port_of(l)), EINPROGRESS);
	end_flood(&f, t);
	CHECK_EQ(poll_wait(p.c, POLLOUT), POLLOUT);
	p.s = do_accept(l);
	set_nonblock(p.c, false);
	SAY("a connection that waited is %s",
	    crypt_state(p.c) < 0 ? "plain" : "encrypted");
	ping_pair(p);
	close_pair(p);
	check_encrypted(l);
	close(l);
	memory_returns(&before, 1 << 20);
}

/* --- sockets whose owner sleeps ------------------------------------------- */

#define SLEEPERS	300	/* more than a workqueue's threads */

static unsigned char *hole;

static void *sleep_in_send(void *arg)
{
	int *fd = arg;

	/* copying from there waits, with the socket's lock owned */
	send(*fd, hole, 100, MSG_NOSIGNAL);
	return NULL;
}

static int make_hole(void)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_EQ(ioctl(fd, UFFDIO_API, &api), 0);
	hole = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(hole != MAP_FAILED);
	reg.range.start = (unsigned long)hole;
	reg.range.len = 4096;
	CHECK_EQ(ioctl(fd, UFFDIO_REGISTER, &reg), 0);
	return fd;
}

static void fill_hole(int fd)
{
	struct uffdio_zeropage zero = {
		.range = { (unsigned long)hole, 4096 },
	};

	CHECK_EQ(ioctl(fd, UFFDIO_ZEROPAGE, &zero), 0);
}

static bool init1_was_sent(int fd)
{
	struct tcp_crypt_info info = {};
	socklen_t len = sizeof(info);

	CHECK_EQ(getsockopt(fd, IPPROTO_TCP, TCP_CRYPT_INFO, &info, &len), 0);
	return info.tcci_tx_offset;
}

/*
 * Their key agreement is overdue, and nobody can take their lock. The
 * others' must go on.
 */
static void sleeping_owners(void)
{
	static int c[SLEEPERS];
	pthread_t t[SLEEPERS];
	pthread_attr_t attr;
	int l = new_listener(), uffd = make_hole(), i;
	long long timeouts;
	double begin;
	char byte;

	alarm(scale(300, 120, 120));
	set_sysctl(B, "max_handshakes", 100000);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 << 10);
	set_sysctl(A, "handshake_timeout", scale(20, 5, 5));
	timeouts = counter(A, "AbortTimeout");
	for (i = 0; i < SLEEPERS; i++) {
		c[i] = connect_to(l);	/* never accepted */
		/* time runs since Init1 was sent */
		WAIT_FOR(init1_was_sent(c[i]));
		CHECK_EQ(pthread_create(&t[i], &attr, sleep_in_send, &c[i]),
			 0);
	}
	begin = now();
	nap(scale(22, 7, 7) * 1000);
	CHECK_EQ(counter(A, "AbortTimeout"), timeouts);
	set_sysctl(A, "handshake_timeout", 60);
	for (i = 0; i < 10; i++) {
		struct pair p = new_pair();

		ping_pair(p);
		close_pair(p);
	}
	SAY("%d owners asleep for %.1f s, others go on", SLEEPERS,
	    now() - begin);
	fill_hole(uffd);
	for (i = 0; i < SLEEPERS; i++) {
		join(t[i]);
		WAIT_FOR(poll_now(c[i], POLLIN) & POLLERR);
		CHECK_ERR(recv(c[i], &byte, 1, 0), ETIMEDOUT);
		close(c[i]);
	}
	CHECK_EQ(counter(A, "AbortTimeout"), timeouts + SLEEPERS);
	close(l);
}

/* --- memory cgroups ------------------------------------------------------- */

#define GROUP	"/sys/fs/cgroup/tcpcrypt-load"

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void enter_group(void)
{
	write_to("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(GROUP, 0755))
		CHECK_EQ(errno, EEXIST);
	write_to(GROUP "/cgroup.procs", "0");
}

static void leave_group(void)
{
	write_to("/sys/fs/cgroup/cgroup.procs", "0");
}

static void open_many(struct pair *p, unsigned int n)
{
	int l = new_listener();
	unsigned int i;

	for (i = 0; i < n; i++) {
		p[i].c = connect_to(l);
		p[i].s = do_accept(l);
		check_one(p[i].c);
		check_one(p[i].s);
	}
	close(l);
}

/* Bytes that one connection, both ends, takes of slabs, and is charged for. */
struct cost {
	long long kmalloc;
	long long charged;
};

static struct cost cost_of(struct pair *p, unsigned int n)
{
	long long kmalloc = kmalloc_bytes();
	long long group = number_in(GROUP "/memory.stat", "slab");
	struct cost cost;
	unsigned int i;

	open_many(p, n);
	cost.charged = number_in(GROUP "/memory.stat", "slab") - group;
	cost.charged /= n;
	cost.kmalloc = (kmalloc_bytes() - kmalloc) / n;
	SAY("one %s connection: %lld bytes of kmalloc, the cgroup's slab: %lld",
	    is_plain ? "plain" : "encrypted", cost.kmalloc, cost.charged);
	for (i = 0; i < n; i++)
		close_pair(p[i]);
	return cost;
}

/*
 * What encryption takes is charged to the user, but for the ciphers, which
 * the crypto API allocates.
 */
static void charged(void)
{
	unsigned int n = scale(50, 300, 1000);
	struct pair *p = calloc(n, sizeof(*p));
	struct cost plain, encrypted;

	alarm(scale(300, 120, 300));
	CHECK(p);
	enter_group();
	cost_of(p, 20);
	WAIT_FOR(module_refs() == 0);
	encrypted = cost_of(p, n);
	WAIT_FOR(module_refs() == 0);
	is_plain = true;
	set_sysctl(A, "enable_connect", 0);
	plain = cost_of(p, n);
	set_sysctl(A, "enable_connect", 1);
	is_plain = false;
	/* objects are larger on the debug kernel, and freed late */
	CHECK((encrypted.charged - plain.charged) * 5 >
	      (encrypted.kmalloc - plain.kmalloc) * scale(1, 2, 2));
	free(p);
	leave_group();
}

#define SENDERS	8

/* So is data that nobody reads, wherever it waits. */
static void data_charged(void)
{
	unsigned long long sent[SENDERS], total = 0;
	struct pair p[SENDERS];
	long long charged;
	int i;

	enter_group();
	for (i = 0; i < SENDERS; i++) {
		p[i] = new_pair();
		set_int(p[i].c, SOL_SOCKET, SO_SNDBUFFORCE, 1 << 20);
		set_int(p[i].s, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20);
		sent[i] = send_until_full(p[i].c, i);
		total += sent[i];
	}
	charged = number_in(GROUP "/memory.stat", "sock");
	SAY("%llu KiB sent and not read, %lld KiB of socket memory",
	    total >> 10, charged >> 10);
	CHECK(charged > (long long)total);
	for (i = 0; i < SENDERS; i++) {
		recv_stream(p[i].s, i, sent[i], CHUNK);
		close_pair(p[i]);
	}
	WAIT_FOR(number_in(GROUP "/memory.stat", "sock") < charged / 4);
	leave_group();
}

static const struct ktap_case cases[] = {
	{ "half_open", half_open, V4 },
	{ "half_open_ends", half_open_ends, V4 },
	{ "flood_cookies", flood_cookies, V4 },
	{ "flood_drop", flood_drop, V4 },
	{ "sleeping_owners", sleeping_owners, V4 },
	{ "charged", charged, V4 },
	{ "data_charged", data_charged, BOTH },
	{ }
};

int main(int argc, char **argv)
{
	return ktap_main(argc, argv, cases, variant_names, before, after);
}
