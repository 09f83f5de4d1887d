// SPDX-License-Identifier: GPL-2.0
/*
 * A man in the middle between two sockets, who mutates what they send each
 * other: mitm/mutate.h says how. Now and then he is one end himself, and
 * sends garbage. Runs in the guest, in lib/net.sh's namespaces.
 *
 *	mitm_test [-t SECONDS] [-n CONNECTIONS] [-s SEED] [-j THREADS] [-v]
 *
 * Connection number N of seed S is made again by "-s S+N -n 1", as far as
 * time plays no part in it.
 *
 * At an end that is encrypted the application gets what was sent, or less
 * and an error; and never an end-of-file before the end. Such an end sends no
 * plaintext, nor does one that requires encryption. Nothing hangs.
 */

#define _GNU_SOURCE
#include <linux/if_tun.h>
#include <stdatomic.h>
#include "lib/conn.h"
#include "mitm/end.h"
#include "mitm/mutate.h"

#define THREADS		16
#define LIMIT		60	/* seconds for one connection */
#define PORT		30000	/* of the server, and one for each thread */
#define GARBAGE		"10.10.0.3"	/* a server that is the middle */
#define PENDING		512

enum kind { MUTATED, CLIENT, SERVER, KINDS, };

enum result { ENCRYPTED, PLAIN_TCP, ABORTED, NO_CONNECTION, RESULTS, };

static const char *const kind_names[] = { "both ends", "client", "server" };
static const char *const result_names[] = {
	"encrypted to the end", "plain", "aborted", "no connection",
};

struct slot {
	pthread_mutex_t	lock;		/* of flow */
	struct flow	flow;
	enum kind	kind;
	bool		required;
	unsigned int	connections, failures;
	unsigned int	results[KINDS][RESULTS];
	unsigned int	errs[200];
};

struct pending {
	long long	due;		/* ms */
	int		dir;
	struct packet	p;
};

static struct slot slots[THREADS];
static struct pending pending[PENDING];
static unsigned int npending, threads = THREADS;
static int tun[2];
static atomic_uint next_connection;
static unsigned long long seed = 1;
static unsigned int last_connection = -1u;
static double until = 1e12;
static bool verbose;
static atomic_bool over;
static atomic_uint segments, made;

static long long ms(void)
{
	return now() * 1000;
}

/* --- the middle ------------------------------------------------------------- */

static void deliver(int dir, struct packet *p)
{
	seal(p);
	atomic_fetch_add(&segments, 1);
	/* a device that takes no more loses it */
	if (write(tun[!dir], p->ip, p->len) < 0)
		return;
}

static void emit(struct flow *f, int dir, struct packet *p, int delay_ms)
{
	(void)f;
	if (!delay_ms || npending == PENDING) {
		deliver(dir, p);
		return;
	}
	pending[npending++] = (struct pending){ ms() + delay_ms, dir, *p };
}

static void deliver_due(void)
{
	long long t = ms();
	unsigned int i;

	for (i = 0; i < npending;) {
		if (pending[i].due > t) {
			i++;
			continue;
		}
		deliver(pending[i].dir, &pending[i].p);
		pending[i] = pending[--npending];
	}
}

static void turn_round(struct packet *p)
{
	unsigned char copy[8], *th = tcp_of(p);
	unsigned int seq = get32(th + 4), ack = get32(th + 8);

	memcpy(copy, p->ip + 12, 8);
	memcpy(p->ip + 12, copy + 4, 4);
	memcpy(p->ip + 16, copy, 4);
	memcpy(copy, th, 4);
	memcpy(th, copy + 2, 2);
	memcpy(th + 2, copy, 2);
	put32(th + 4, ack);
	put32(th + 8, seq + data_len(p) + !!(flags_of(p) & (SYN | FIN)));
}

/* An answer to a segment of the one real end, of whatever there is. */
static void answer(struct flow *f, int dir, struct packet *p)
{
	static const unsigned char init[] = { 0x15, 0x10, 0x1a, 0x0e, 0, 0 };
	bool syn = flags_of(p) & SYN, ack = flags_of(p) & ACK;
	unsigned int n, rounds = 1 + rnd(f, 3);
	unsigned char opts[4] = { 1, 1, 1, 1 };

	if (flags_of(p) & RST || !f->budget)
		return;
	f->budget--;
	turn_round(p);
	p->len = 20 + head_of(p);
	if (syn && !ack) {
		put32(tcp_of(p) + 4, rnd(f, 0xffffffff));
		tcp_of(p)[13] = SYN | ACK;
		set_options(p, (unsigned char[]){ OPTION_ENO, 4, 1, 0x23 }, 4);
		if (rnd(f, 3))
			eno_content(f, !dir, p);
		deliver(!dir, p);
		return;
	}
	while (rounds--) {
		n = rnd(f, 2) ? rnd(f, 1000) : rnd(f, 60);
		tcp_of(p)[13] = ACK;
		opts[2] = rnd(f, 4) ? OPTION_ENO : 1;
		opts[3] = opts[2] == 1 ? 1 : 2;
		set_options(p, opts, 4);
		p->len = 20 + head_of(p) + n;
		noise(f, data_of(p), n);
		if (n > 8 && rnd(f, 2)) {
			memcpy(data_of(p), init, sizeof(init));
			put16(data_of(p) + 6, rnd(f, 2) ? n : rnd(f, 5000));
		}
		if (!rnd(f, 12))
			tcp_of(p)[13] |= FIN;
		if (!rnd(f, 12))
			tcp_of(p)[13] |= rnd(f, 64);
		deliver(!dir, p);
		put32(tcp_of(p) + 4, get32(tcp_of(p) + 4) + n);
	}
}

/*
 * What the ends themselves send: before any mutation. The connection before,
 * with the same server's port, may have been plain and still repeat its data.
 */
static void look(struct flow *f, int dir, struct packet *p)
{
	unsigned int client = get16(tcp_of(p) + (dir == A ? 0 : 2));

	if (dir == A && tcp_of(p)[13] == SYN && !f->client)
		f->client = client;
	if (client != f->client)
		return;
	if (data_len(p) && memmem(data_of(p), data_len(p), MARK, strlen(MARK)))
		f->plain[dir] = true;
}

static void handle(int dir, struct packet *p)
{
	unsigned int port = get16(tcp_of(p) + (dir ? 0 : 2)) - PORT;
	struct slot *s = &slots[port];

	if (port >= threads)
		return;
	pthread_mutex_lock(&s->lock);
	look(&s->flow, dir, p);
	if (s->kind == MUTATED)
		pass(&s->flow, dir, p);
	else
		answer(&s->flow, dir, p);
	pthread_mutex_unlock(&s->lock);
}

static void *run_middle(void *arg)
{
	struct pollfd fds[2] = {
		{ .fd = tun[A], .events = POLLIN },
		{ .fd = tun[B], .events = POLLIN },
	};
	struct packet p;
	ssize_t n;
	int dir;

	while (!atomic_load(&over)) {
		poll(fds, 2, npending ? 2 : 50);
		for (dir = A; dir <= B; dir++) {
			while ((n = read(tun[dir], p.ip, 2000)) > 0) {
				p.len = n;
				if (is_tcp(&p))
					handle(dir, &p);
			}
		}
		deliver_due();
	}
	return arg;
}

/* A client that is none: the middle sends its SYN. */
static void send_syn(struct slot *s, unsigned int port)
{
	static const unsigned char from[] = { 10, 10, 0, 3, 10, 10, 0, 2 };
	unsigned char opts[40] = { 2, 4, 5, 180, OPTION_ENO };
	struct flow *f = &s->flow;
	struct packet p = { .len = 40, .ip = { 0x45 } };
	unsigned int n = 1 + rnd(f, 12);

	p.ip[6] = 0x40;
	p.ip[8] = 64;
	p.ip[9] = 6;
	memcpy(p.ip + 12, from, 8);
	tcp_of(&p)[12] = 5 << 4;
	f->client = 1024 + rnd(f, 60000);
	put16(tcp_of(&p), f->client);
	put16(tcp_of(&p) + 2, port);
	put32(tcp_of(&p) + 4, rnd(f, 0xffffffff));
	tcp_of(&p)[13] = SYN;
	put16(tcp_of(&p) + 14, 60000);
	opts[5] = 2 + n;
	noise(f, opts + 6, n);
	opts[6] = rnd(f, 3) ? 0x23 : opts[6];
	set_options(&p, opts, 6 + (rnd(f, 2) ? 1 : n));
	if (!rnd(f, 4))
		opts[5] = 3;
	deliver(A, &p);
}

/* --- the ends --------------------------------------------------------------- */

static void set_required(int fd)
{
	int required = TCP_ENO_REQUIRED;

	CHECK_EQ(setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tcpcrypt", 8), 0);
	CHECK_EQ(setsockopt(fd, IPPROTO_TCP, TCP_ENO_ENABLED, &required,
			    sizeof(required)), 0);
}

static int socket_in(enum host host, bool required)
{
	int fd;

	enter(host);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(fd >= 0);
	if (required)
		set_required(fd);
	return fd;
}

static int new_server(unsigned int port, bool required)
{
	int fd = socket_in(B, required);
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port),
	};

	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	CHECK_EQ(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	CHECK_EQ(listen(fd, 8), 0);
	set_nonblock(fd, true);
	return fd;
}

static int new_client(struct end *e, unsigned int port, const char *host,
		      bool required)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port),
	};
	int fd = socket_in(A, required);

	inet_pton(AF_INET, host, &to.sin_addr);
	open_end(e, fd, A);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) &&
	    errno != EINPROGRESS)
		failed(e);
	return fd;
}

static short events_of(const struct end *e)
{
	return (e->eof ? 0 : POLLIN) | (e->sent < e->total ? POLLOUT : 0);
}

/* Until both ends are through; false if that takes too long. */
static bool transfer(struct slot *s, struct end *c, struct end *srv,
		     int listener)
{
	double end = now() + LIMIT, alone = 0;
	bool connected = false;
	struct pollfd fds[3];
	int fd, err;
	socklen_t len = sizeof(err);

	for (; now() < end; poll(fds, 3, 200)) {
		fds[0] = (struct pollfd){ listener, POLLIN, 0 };
		fds[1] = (struct pollfd){ -1, 0, 0 };
		fds[2] = (struct pollfd){ -1, 0, 0 };
		if (c->open && !connected && poll_now(c->fd, POLLOUT)) {
			getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len);
			connected = true;
			c->err = err;
		}
		if (c->open && (c->err || (connected && !work(c, A))))
			close_end(c);
		if (!srv->open && !srv->fd && listener >= 0) {
			fd = accept(listener, NULL, NULL);
			if (fd >= 0)
				open_end(srv, fd, B);
		}
		if (srv->open && !work(srv, B))
			close_end(srv);
		if (c->open)
			fds[1] = (struct pollfd){
				c->fd, connected ? events_of(c) : POLLOUT, 0 };
		if (srv->open)
			fds[2] = (struct pollfd){ srv->fd, events_of(srv), 0 };
		if (c->open || srv->open)
			continue;
		/* nobody is left; may somebody still come? */
		if (srv->fd || s->kind == SERVER)
			return true;
		alone = alone ? : now();
		if (now() - alone > (s->kind == CLIENT ? 1.5 : 0.2))
			return true;
	}
	return false;
}

/* --- judgement -------------------------------------------------------------- */

static const char *judge_end(const struct slot *s, const struct end *e,
			     enum host host)
{
	bool encrypted = e->state >= TCP_CRYPT_KEYING;

	if (!e->fd)
		return NULL;
	if (s->flow.plain[host] && s->required)
		return "plaintext, encryption being required";
	if (s->flow.plain[host] && encrypted)
		return "plaintext from an encrypted end";
	if (!encrypted)
		return e->got && s->required ? "plain data got" : NULL;
	if (e->wrong)
		return "data that was not sent";
	if (e->got && s->kind != MUTATED)
		return "data out of garbage";
	if (e->eof && e->got < e->want)
		return "an end before the end";
	return NULL;
}

static enum result result_of(const struct end *c, const struct end *srv)
{
	if (!srv->fd && (!c->fd || c->err))
		return NO_CONNECTION;
	if (c->err || srv->err)
		return ABORTED;
	return c->state >= 0 || srv->state >= 0 ? ENCRYPTED : PLAIN_TCP;
}

static void show(const char *name, const struct end *e)
{
	printf("#   %s: %s, sent %u, got %u%s%s, state %d\n", name,
	       e->err ? strerrorname_np(e->err) : "no error", e->sent, e->got,
	       e->wrong ? " WRONG" : "", e->eof ? " and the end" : "",
	       e->state);
}

static void conclude(struct slot *s, const struct end *c,
		     const struct end *srv, unsigned int n, bool ended)
{
	const char *wrong = ended ? NULL : "it hangs";

	if (!wrong)
		wrong = judge_end(s, c, A);
	if (!wrong)
		wrong = judge_end(s, srv, B);
	s->connections++;
	s->results[s->kind][result_of(c, srv)]++;
	s->errs[c->err]++;
	s->errs[srv->err]++;
	if (!wrong && !verbose)
		return;
	s->failures += !!wrong;
	flockfile(stdout);
	printf("# %s: %s%s, -s %llu -n 1\n", wrong ? : "fine",
	       kind_names[s->kind], s->required ? ", required" : "", seed + n);
	show("client", c);
	show("server", srv);
	printf("#   plaintext from client %d, server %d\n", s->flow.plain[A],
	       s->flow.plain[B]);
	funlockfile(stdout);
}

static void new_flow(struct slot *s, unsigned int n)
{
	struct flow *f = &s->flow;

	pthread_mutex_lock(&s->lock);
	*f = (struct flow){ .rng = (seed + n) * 0x2545f4914f6cdd1dull };
	s->kind = rnd(f, 8) < 6 ? MUTATED : rnd(f, 2) ? CLIENT : SERVER;
	s->required = rnd(f, 2);
	f->budget = s->kind == MUTATED ? 1 + rnd(f, 20) : 20;
	f->rate = 16u << rnd(f, 5);
	f->kinds = rnd(f, 4) ? rnd(f, 1u << MUTATIONS) : -1u;
	pthread_mutex_unlock(&s->lock);
}

static void one_connection(struct slot *s, unsigned int port, unsigned int n)
{
	struct end c = {}, srv = {};
	int listener = -1;
	bool ended;

	new_flow(s, n);
	if (s->kind != SERVER)
		listener = new_server(port, s->required);
	if (s->kind == CLIENT) {
		pthread_mutex_lock(&s->lock);
		send_syn(s, port);
		pthread_mutex_unlock(&s->lock);
	} else {
		new_client(&c, port, s->kind == SERVER ? GARBAGE : "10.10.0.2",
			   s->required);
	}
	ended = transfer(s, &c, &srv, listener);
	close_end(&c);
	close_end(&srv);
	if (listener >= 0)
		close(listener);
	pthread_mutex_lock(&s->lock);
	conclude(s, &c, &srv, n, ended);
	pthread_mutex_unlock(&s->lock);
}

static void *run_slot(void *arg)
{
	struct slot *s = arg;
	unsigned int n;

	while (now() < until) {
		n = atomic_fetch_add(&next_connection, 1);
		if (n >= last_connection)
			break;
		one_connection(s, PORT + (s - slots), n);
	}
	return NULL;
}

/* --- set-up ----------------------------------------------------------------- */

static void run(const char *command)
{
	CHECK_EQ(system(command), 0);
}

/* Who has lost his peer notices soon. */
static const char *const settings[] = {
	"ipv4.tcp_syn_retries=2", "ipv4.tcp_retries2=5",
	"ipv4.tcp_synack_retries=2", "ipv4.tcp_fin_timeout=3",
	"ipv4.tcp_orphan_retries=2", "ipv4.tcp_syncookies=0",
	"tcpcrypt.teps=Curve25519", "tcpcrypt.handshake_timeout=10",
	"tcpcrypt.broken_time=0",
};

static int new_tun(enum host host)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	char command[200];
	unsigned int i;
	int fd;

	enter(host);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	CHECK(fd >= 0);
	strcpy(ifr.ifr_name, "mitm0");
	CHECK_EQ(ioctl(fd, TUNSETIFF, &ifr), 0);
	snprintf(command, sizeof(command), "ip addr add %s/24 dev mitm0",
		 host == A ? "10.10.0.1" : "10.10.0.2");
	run(command);
	run("ip link set mitm0 up mtu 1500 txqueuelen 5000");
	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		snprintf(command, sizeof(command), "sysctl -q -w net.%s",
			 settings[i]);
		run(command);
	}
	return fd;
}

static void show_all(double seconds)
{
	unsigned int i, k, r, v, connections = 0;

	for (i = 0; i < MUTATIONS; i++) {
		made += mutations[i].count;
		printf("# %s: %u\n", mutations[i].name, mutations[i].count);
	}
	for (k = 0; k < KINDS; k++) {
		printf("# %s:", k ? kind_names[k] : "mutated");
		for (r = 0; r < RESULTS; r++) {
			for (v = 0, i = 0; i < threads; i++)
				v += slots[i].results[k][r];
			printf(" %s %u;", result_names[r], v);
			connections += v;
		}
		printf(k ? " (the other end is garbage)\n" : "\n");
	}
	printf("# errors:");
	for (r = 1; r < 200; r++) {
		for (v = 0, i = 0; i < threads; i++)
			v += slots[i].errs[r];
		if (v)
			printf(" %s %u", strerrorname_np(r), v);
	}
	printf("\n# seed %llu: %u connections, %u segments, %u mutations in %.0f s\n",
	       seed, connections, segments, made, seconds);
}

static bool options(int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "t:n:s:j:v")) > 0) {
		if (opt == 't')
			until = now() + atoi(optarg);
		else if (opt == 'n')
			last_connection = atoi(optarg);
		else if (opt == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (opt == 'j')
			threads = atoi(optarg);
		else if (opt == 'v')
			verbose = true;
		else
			return false;
	}
	if (until > 1e11 && last_connection == -1u)
		until = now() + 60;
	return threads && threads <= THREADS;
}

int main(int argc, char **argv)
{
	unsigned int i, host, failures = 0, all[RESULTS] = {};
	pthread_t middle, thread[THREADS];
	double begin = now();

	if (!options(argc, argv))
		return 2;
	before(V4);
	run("modprobe -q tun || true");
	for (host = A; host <= B; host++) {
		tun[host] = new_tun(host);
		for (i = 0; i < TOTAL; i += 32)
			sprintf(text[host] + i, MARK "%c%016u", "CS"[host], i);
	}
	for (i = 0; i < threads; i++)
		pthread_mutex_init(&slots[i].lock, NULL);
	/* the set-up may take its time */
	until += now() - begin;
	middle = start(run_middle, NULL);
	for (i = 0; i < threads; i++)
		thread[i] = start(run_slot, &slots[i]);
	for (i = 0; i < threads; i++) {
		join(thread[i]);
		failures += slots[i].failures;
		for (host = 0; host < RESULTS; host++)
			all[host] += slots[i].results[MUTATED][host];
	}
	atomic_store(&over, true);
	join(middle);
	show_all(now() - begin);
	printf("KTAP version 1\n%sok 1 each end gets what was sent, or an error\n",
	       failures ? "not " : "");
	/* a test in which nothing is ever encrypted would show nothing */
	i = last_connection == -1u && (!all[ENCRYPTED] || !all[ABORTED]);
	printf("%sok 2 encrypted and aborted connections\n1..2\n",
	       i ? "not " : "");
	return failures || i;
}
