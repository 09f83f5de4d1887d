// SPDX-License-Identifier: GPL-2.0
/*
 * Random sequences of socket calls, on plain and on encrypted connections:
 * see diff.h and random.h. Runs in the guest, sock.sh makes the hosts: with
 * "-p 6", six sequences run at a time.
 *
 *	random_test [-s SEED] [-n COUNT] [-t SECONDS] [-b BATCH] [-j JOBS]
 *		    [-qv] [-46m]
 *
 * Sequence i has the seed SEED + i: "-s SEED+i -n 1 -v" replays it alone. The
 * address family is the seed's choice, too, unless an option says it. A
 * difference counts if it is seen again in a replay; what is printed is the
 * shortest sequence that still shows it.
 */

#define _GNU_SOURCE
#include "random_ctl.h"
#include "random_io.h"
#include "random_pool.h"

static unsigned int sequences = 100000, batch_size = 10, jobs = WORKERS;
static unsigned long long seed;
static double end_time;
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
	set_timeout(c->fd, SO_SNDTIMEO, 5000);
	say(w, "connect", "%s",
	    ret_text(do_connect(c->fd, B, port_of(w->listener))));
	s->fd = accept(w->listener, NULL, NULL);
	CHECK(s->fd >= 0);
	set_timeout(c->fd, SO_SNDTIMEO, TIMEOUT);
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

/* Those before it may have been of another family. */
static void open_listener(struct world *w)
{
	static const unsigned int families[] = { V4, V6, MAPPED };
	unsigned int next = diff_all.family;

	if (!next)
		next = families[mix(~w->seed) % ARRAY_SIZE(families)];
	if (w->listener >= 0 && next == variant)
		return;
	if (w->listener >= 0)
		close(w->listener);
	variant = next;
	w->listener = new_listener();
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
	diff_doing(w->d, "%u.open", w->sequence);
	open_listener(w);
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
	diff_doing(w->d, "%u.99", w->sequence);
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
	struct world w = { .d = d, .listener = -1 };
	unsigned int i;

	signal(SIGPIPE, on_pipe);
	signal(SIGURG, on_urgent);
	signal(SIGIO, SIG_IGN);
	for (i = 0; i < b->count; i++) {
		w.sequence = b->first + i;
		one_sequence(&w, d->seed + w.sequence, b->mask);
	}
}

static const struct diff_scenario scenarios[] = {
	{ "random", batch, DIFF_RESUME, 300 },
	{ }
};

/* A sequence by itself. */
static const struct diff_scenario alone = { "random", batch, DIFF_RESUME, 40 };

/* Whether one sequence alone, with these operations, shows the difference. */
static bool shows(unsigned long long seed, struct batch *b,
		  const struct diff_found *f, struct diff_result *r)
{
	diff_triple(&alone, seed, b, r);
	return diff_has(r, f);
}

/* Leaves out what the difference doesn't need. */
static void shrink(unsigned long long seed, struct batch *b,
		   const struct diff_found *f)
{
	static struct diff_result r;
	unsigned int bit, was = b->mask;

	/* if it is a hang, that takes too long */
	if (!strcmp(f->label, "end"))
		return;
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
static bool examine(unsigned int n, const struct diff_found *f)
{
	struct batch b = { .first = n, .count = 1, .mask = ~0u };
	static struct diff_result r;
	bool seen = false;
	unsigned int i;

	/* alone, it is number n still: labels stay */
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

/* A batch without a result gets another chance. */
static bool examine_batch(const struct suspect *s)
{
	struct batch b = { .first = s->first, .count = s->count, .mask = ~0u };
	unsigned int i = pool->suspects;
	static struct diff_result r;
	bool ok = true;

	printf("# seed %llu: %s\n", seed + s->first, s->broken);
	diff_triple(scenarios, seed, &b, &r);
	if (r.broken[0]) {
		printf("# seed %llu: %s again\n", seed + s->first, r.broken);
		return false;
	}
	diff_all.fleeting++;
	suspect_result(&r, s->first, s->count);
	for (; i < pool->suspects && i < SUSPECTS; i++)
		ok &= examine(pool->suspect[i].first, &pool->suspect[i].found);
	return ok;
}

static bool examine_all(void)
{
	unsigned int i, count = pool->suspects, bad = 0;
	const struct suspect *s;

	for (i = 0; i < count && i < SUSPECTS && bad < 5; i++) {
		s = &pool->suspect[i];
		if (quick)
			diff_print_one("quick", seed + s->first, &s->found,
				       s->broken);
		else if (s->broken[0])
			bad += !examine_batch(s);
		else
			bad += !examine(s->first, &s->found);
	}
	if (i < count)
		printf("# %u suspects were not replayed\n", count - i);
	return !bad && i == count;
}

static void work(struct worker *me)
{
	static struct diff_result r;
	struct batch b = { .mask = ~0u };

	while (now() < end_time) {
		b.first = atomic_fetch_add(&pool->next, batch_size);
		if (b.first >= sequences)
			break;
		b.count = sequences - b.first;
		if (b.count > batch_size)
			b.count = batch_size;
		diff_triple(scenarios, seed, &b, &r);
		suspect_result(&r, b.first, b.count);
		me->sequences += b.count;
	}
	if (diff_all.verbose && sequences == 1)
		print_log(diff_all.logs[DIFF_CRYPT], "encrypted");
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
	unsigned int new;
	int fd = open("/dev/urandom", O_RDONLY);

	CHECK(fd >= 0);
	CHECK_EQ(read(fd, &new, sizeof(new)), sizeof(new));
	close(fd);
	return new;
}

/* Return: whether it could. */
static bool parse(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "s:n:t:b:j:qv46m")) != -1) {
		if (option == 's')
			seed = strtoull(optarg, NULL, 10);
		else if (option == 'n')
			sequences = atoi(optarg);
		else if (option == 't')
			end_time = now() + atoi(optarg);
		else if (option == 'b')
			batch_size = atoi(optarg);
		else if (option == 'j')
			jobs = atoi(optarg);
		else if (option == 'q')
			quick = true;
		else if (option == 'v')
			diff_all.verbose = true;
		else if (option == '4' || option == '6' || option == 'm')
			diff_all.family = option == '4' ? V4 :
					  option == '6' ? V6 : MAPPED;
		else
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	unsigned int pairs = count_pairs();
	double begin = now(), took;
	bool ok;

	diff_all.family = 0;
	seed = new_seed();
	end_time = begin + 200;
	if (!parse(argc, argv))
		return 2;
	if (jobs > pairs)
		jobs = pairs;
	prepare();
	diff_begin();
	printf("# seed %llu, %u at a time\n", seed, jobs);
	pool_run(jobs, work);
	took = now() - begin;
	ok = pool_sum(jobs);
	printf("# %u sequences in %.0f s, %.1f per second; %u suspects\n",
	       diff_all.scenarios, took, diff_all.scenarios / took,
	       pool->suspects);
	ok &= examine_all();
	printf("# %.0f s\n", now() - begin);
	printf("%sok 1 random sequences\n", ok ? "" : "not ");
	return diff_end(scenarios, 1, ok);
}
