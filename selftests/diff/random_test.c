// SPDX-License-Identifier: GPL-2.0
/*
 * Random sequences of socket calls, on plain and on encrypted connections:
 * see diff.h and random.h. Runs in the guest, sock.sh makes the two hosts.
 *
 *	random_test [-s SEED] [-n COUNT] [-t SECONDS] [-b BATCH] [-qv] [-46m]
 *
 * Sequence i has the seed SEED + i: "-s SEED+i -n 1 -v" replays it alone. A
 * difference counts if it is seen again in a replay; what is printed is the
 * shortest sequence that still shows it.
 */

#define _GNU_SOURCE
#include "random_ctl.h"
#include "random_io.h"

static int sequences = 3000, seconds = 200, batch_size = 25;
static bool quick;	/* for a survey: nothing is replayed */

/* --- one sequence --------------------------------------------------------- */

/* The client's end begins anew; its peer is another socket then. */
static void op_reconnect(struct world *w, struct end *x, struct end *y)
{
	struct end *c = &w->end[0], *s = &w->end[1];
	struct sockaddr to = { .sa_family = AF_UNSPEC };
	int state;

	(void)x;
	(void)y;
	if (c->fd < 0 || s->fd < 0 || diff_tcp_state(c->fd) == TCP_LISTEN)
		return;
	set_nonblock(c->fd, false);
	say(w, "disconnect", "%s",
	    ret_text(connect(c->fd, &to, sizeof(to))));
	state = diff_tcp_state(c->fd);
	say(w, "state", "%d", state);
	if (state != TCP_CLOSE)
		return;
	if (s->dup >= 0)
		close(s->dup);
	close(s->fd);
	s->dup = -1;
	s->fd = -1;
	say(w, "connect", "%s",
	    ret_text(do_connect(c->fd, B, port_of(w->listener))));
	s->fd = accept(w->listener, NULL, NULL);
	CHECK(s->fd >= 0);
	set_timeout(s->fd, SO_RCVTIMEO, TIMEOUT);
	set_timeout(s->fd, SO_SNDTIMEO, TIMEOUT);
	c->in = 0;
	c->out = 0;
	s->in = 0;
	s->out = 0;
	c->loose = 0;
	s->loose = 0;
	c->reset = false;
	s->reset = false;
	c->shut_rd = false;
	s->shut_rd = false;
	c->shut_wr = false;
	s->shut_wr = false;
	w->closing = false;
	diff_ready(w->d, (struct pair) { c->fd, s->fd });
}

static const struct op ops[] = {
	{ "send", op_send, 240 },
	{ "send_fault", op_send_fault, 15 },
	{ "send_odd", op_send_odd, 12 },
	{ "hold", op_hold, 12 },
	{ "recv", op_recv, 240 },
	{ "recv_fault", op_recv_fault, 15 },
	{ "recv_odd", op_recv_odd, 12 },
	{ "bulk", op_bulk, 4 },
	{ "fill", op_fill, 3 },
	{ "splice_in", op_splice_in, 30 },
	{ "splice_out", op_splice_out, 25 },
	{ "sendfile", op_sendfile, 15 },
	{ "poll", op_poll, 20 },
	{ "select", op_select, 12 },
	{ "epoll", op_epoll, 35 },
	{ "epoll_wait", op_epoll_wait, 60 },
	{ "ioctl", op_ioctl, 40 },
	{ "fcntl", op_fcntl, 15 },
	{ "lseek", op_lseek, 5 },
	{ "getsockopt", op_getsockopt, 60 },
	{ "setsockopt", op_setsockopt, 50 },
	{ "set_struct", op_set_struct, 12 },
	{ "buffers", op_buffers, 6 },
	{ "names", op_names, 12 },
	{ "misuse", op_misuse, 14 },
	{ "shutdown", op_shutdown, 35 },
	{ "close", op_close, 10 },
	{ "dup", op_dup, 10 },
	{ "disconnect", op_disconnect, 6 },
	{ "reconnect", op_reconnect, 6 },
};

static const struct op *pick_op(struct world *w)
{
	unsigned int i, sum = 0, at;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		sum += ops[i].weight;
	at = pick(w, sum);
	for (i = 0; at >= ops[i].weight; i++)
		at -= ops[i].weight;
	return &ops[i];
}

static void open_end(struct world *w, struct end *x, int fd, enum host host,
		     bool nodelay)
{
	(void)w;
	*x = (struct end) { .host = host, .fd = fd, .dup = -1, .epoll = -1, };
	set_timeout(fd, SO_RCVTIMEO, TIMEOUT);
	set_timeout(fd, SO_SNDTIMEO, TIMEOUT);
	if (nodelay)
		set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

/* Some begin while keys are still being agreed. */
static void open_both(struct world *w)
{
	bool early, nodelay;
	int c, s;

	w->rng = mix(w->seed);
	early = chance(w, 10);
	nodelay = chance(w, 85);
	c = connect_to(w->listener);
	s = do_accept(w->listener);
	open_end(w, &w->end[0], c, A, nodelay);
	open_end(w, &w->end[1], s, B, nodelay);
	w->encrypted = !early;
	if (!early)
		diff_ready(w->d, (struct pair) { c, s });
}

/* What is left of the streams, and how they end. */
static void read_out(struct world *w, struct end *x, struct end *y)
{
	ssize_t n = 0, total = 0;

	if (y->fd < 0)
		return;
	do {
		n = recv(y->fd, buf + total, BUF - total, MSG_DONTWAIT);
		if (n > 0)
			total += n;
	} while (n > 0 && total < BUF);
	say(w, "left", "%c %zd bytes: %s, then %s", name_of(y), total,
	    data_text(y, x, total), recv_text(y, n));
	say(w, "last", "%c %s", name_of(y),
	    recv_text(y, recv(y->fd, buf, 1, MSG_DONTWAIT)));
}

static void close_end(struct end *x)
{
	if (x->fd >= 0)
		close(x->fd);
	if (x->dup >= 0)
		close(x->dup);
	if (x->epoll >= 0)
		close(x->epoll);
}

static void one_op(struct world *w, unsigned int i)
{
	const struct op *op;
	unsigned int x;

	w->op = i;
	w->rng = mix(w->seed + mix(i + 1));
	op = pick_op(w);
	x = pick(w, 2);
	diff_doing(w->d, "%u.%02u %s", w->sequence, i, op->name);
	op->run(w, &w->end[x], &w->end[!x]);
	if (w->fault)
		empty_both(w);
	settle(w);
	view(w);
}

static void one_sequence(struct world *w, unsigned long long seed,
			 unsigned int mask)
{
	unsigned int i, count, after_end = 0;

	w->seed = seed;
	w->closing = false;
	w->tight = false;
	w->over = false;
	w->stop = false;
	w->fault = false;
	pipes = 0;
	urgents = 0;
	open_both(w);
	w->rng = mix(w->seed + 1);
	count = 4 + pick(w, MAX_OPS - 4);
	/* few calls are of interest after close() */
	for (i = 0; i < count && after_end < 3 && !w->stop; i++) {
		if (mask & 1u << i)
			one_op(w, i);
		after_end += w->over;
	}
	w->op = 99;
	read_out(w, &w->end[0], &w->end[1]);
	read_out(w, &w->end[1], &w->end[0]);
	close_end(&w->end[seed & 1]);
	close_end(&w->end[!(seed & 1)]);
}

/* --- many ----------------------------------------------------------------- */

struct batch {
	unsigned int	first;
	unsigned int	count;
	unsigned int	mask;	/* of operations */
};

static void on_pipe(int sig)
{
	(void)sig;
	pipes++;
}

static void on_urgent(int sig)
{
	(void)sig;
	urgents++;
}

static void batch(struct diff *d)
{
	const struct batch *b = d->arg;
	struct world w = { .d = d, };
	unsigned int i;

	signal(SIGPIPE, on_pipe);
	signal(SIGURG, on_urgent);
	signal(SIGIO, SIG_IGN);
	w.listener = new_listener();
	for (i = 0; i < b->count; i++) {
		w.sequence = b->first + i;
		one_sequence(&w, d->seed + w.sequence, b->mask);
	}
}

static const struct diff_scenario scenarios[] = {
	{ "random", batch, DIFF_RESUME, 300 },
	{ }
};

/* Whether one sequence alone, with these operations, shows the difference. */
static bool shows(unsigned long long seed, struct batch *b,
		  const struct diff_found *f, struct diff_result *r)
{
	diff_triple(scenarios, seed, b, r);
	return diff_has(r, f);
}

/* Leaves out what the difference doesn't need. */
static void shrink(unsigned long long seed, struct batch *b,
		   const struct diff_found *f)
{
	static struct diff_result r;
	unsigned int bit, was = b->mask;

	for (bit = 0; bit < MAX_OPS; bit++) {
		b->mask = was & ~(1u << bit);
		if (b->mask == was || !shows(seed, b, f, &r))
			b->mask = was;
		was = b->mask;
	}
}

static void print_log(const struct diff_log *log, const char *title)
{
	unsigned int i;

	printf("# %s:\n", title);
	for (i = 0; i < log->count; i++)
		printf("#   %s: %s\n", log->text + log->rec[i].label,
		       log->text + log->rec[i].text);
}

/* Replays a sequence in which the batch showed a difference. */
static bool examine(unsigned long long seed, const struct diff_found *f)
{
	struct batch b = { .count = 1, .mask = ~0u };
	static struct diff_result r;
	unsigned int i, n = atoi(f->label);
	bool seen = false;

	/* alone, it is number n still: labels stay */
	b.first = n;
	for (i = 0; i < DIFF_REPLAYS && !seen; i++)
		seen = shows(seed, &b, f, &r);
	if (!seen) {
		diff_print_one("not reproduced", seed + n, f, "");
		diff_all.fleeting++;
		return true;
	}
	diff_all.differences++;
	diff_print_one("difference", seed + n, f, "");
	shrink(seed, &b, f);
	if (shows(seed, &b, f, &r)) {
		diff_print("shortest", seed + n, &r);
		print_log(diff_all.logs[DIFF_PLAIN], "plain");
		print_log(diff_all.logs[DIFF_CRYPT], "encrypted");
	}
	return false;
}

static bool one_batch(unsigned long long seed, unsigned int first,
		      unsigned int count)
{
	struct batch b = { .first = first, .count = count, .mask = ~0u };
	static struct diff_result r;
	unsigned int i, n, last = UINT_MAX, shown = 0;
	double begin = now();
	bool ok = true;

	diff_all.scenarios += count;
	diff_triple(scenarios, seed, &b, &r);
	if (r.broken[0]) {
		printf("# seed %llu: %s\n", seed + first, r.broken);
		diff_all.fleeting++;
		diff_triple(scenarios, seed, &b, &r);
	}
	if (diff_all.verbose)
		printf("# %u judged, %u unstable, %u differ, %.1f s\n",
		       r.judged, r.unstable, r.differences, now() - begin);
	if (r.broken[0]) {
		printf("# seed %llu: %s again\n", seed + first, r.broken);
		ok = false;
	}
	n = r.differences < DIFF_FOUND ? r.differences : DIFF_FOUND;
	for (i = 0; i < n && (shown < 3 || quick); i++) {
		unsigned int sequence = atoi(r.found[i].label);

		if (sequence == last)
			continue;
		last = sequence;
		if (quick)
			diff_print_one("quick", seed + sequence, &r.found[i],
				       "");
		else if (!examine(seed, &r.found[i])) {
			ok = false;
			shown++;
		}
	}
	return ok;
}

static void prepare(void)
{
	char *p = mmap(NULL, 20 << 12, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	bad_page = (unsigned char *)p + (16 << 12);
	CHECK_EQ(mprotect(bad_page, 4 << 12, PROT_NONE), 0);
	diff_bytes(0);
	file_fd = memfd_create("stream", MFD_CLOEXEC);
	CHECK(file_fd >= 0);
	CHECK_EQ(write(file_fd, diff_period, sizeof(diff_period)),
		 sizeof(diff_period));
}

static unsigned int new_seed(void)
{
	unsigned int seed;
	int fd = open("/dev/urandom", O_RDONLY);

	CHECK(fd >= 0);
	CHECK_EQ(read(fd, &seed, sizeof(seed)), sizeof(seed));
	close(fd);
	return seed;
}

/* Return: whether it could. */
static bool parse(int argc, char **argv, unsigned long long *seed)
{
	int option;

	while ((option = getopt(argc, argv, "s:n:t:b:qv46m")) != -1) {
		switch (option) {
		case 's':
			*seed = strtoull(optarg, NULL, 10);
			break;
		case 'n':
			sequences = atoi(optarg);
			break;
		case 't':
			seconds = atoi(optarg);
			break;
		case 'b':
			batch_size = atoi(optarg);
			break;
		case 'q':
			quick = true;
			break;
		case 'v':
			diff_all.verbose = true;
			break;
		case '4':
			diff_all.family = V4;
			break;
		case '6':
			diff_all.family = V6;
			break;
		case 'm':
			diff_all.family = MAPPED;
			break;
		default:
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	unsigned long long seed = new_seed();
	int first, count, n = 0, failed = 0;
	double begin = now();
	bool ok;

	if (!parse(argc, argv, &seed))
		return 2;
	prepare();
	diff_begin();
	printf("# seed %llu\n", seed);
	for (first = 0; first < sequences && now() - begin < seconds;
	     first += batch_size) {
		count = sequences - first;
		if (count > batch_size)
			count = batch_size;
		ok = one_batch(seed, first, count);
		failed += !ok;
		printf("%sok %d sequences from %d on\n", ok ? "" : "not ",
		       ++n, first);
	}
	printf("# %.0f s\n", now() - begin);
	if (diff_all.verbose && sequences == 1)
		print_log(diff_all.logs[DIFF_CRYPT], "encrypted");
	return diff_end(scenarios, n, !failed);
}
