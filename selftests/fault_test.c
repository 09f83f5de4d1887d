// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation and every crypto call on the way of a connection made to
 * fail in turn: fault/tcpcrypt_test_fault.c says which. fault.sh runs this.
 *
 *	fault_test [-t SECONDS] [-s SEED] [-r TEXT -n N [-e]] [SCENARIO ...]
 *
 * Each scenario is recorded first, then run once for each site and for the
 * first, second and last call from there; with -t, each site's first call
 * comes first, no site of an earlier scenario comes again while there are
 * others, and what is left at the end of the scenario's share of the time is
 * left out. -r TEXT -n N is one run: the N-th call from the sites whose text
 * contains TEXT; with -e it fails by an errno that says something else.
 *
 * Transforms of the kernel's crypto are used again by the module's next
 * connections: before each run they are made useless, or none would be made.
 *
 * A fault must leave a connection that works, encrypted, or plain if ENO did
 * not succeed; or one that was aborted, with an errno. Data that arrives is
 * what was sent, and ends cleanly only where the sender ended it. After ENO
 * the wire carries no plaintext. Nothing hangs, and nothing holds the module.
 */

#define _GNU_SOURCE
#include "fault/inject.h"
#include "fault/scenarios.h"
#include "fault/setup.h"
#include "fault/side.h"
#include "fault/wire.h"
#include "lib/load.h"

#define SLOW		8	/* seconds: worth a line */
#define STORM		120	/* seconds at most */

static const struct scenario *now_run;
static struct side *client, *server;
static atomic_int port;
static int tap;
static unsigned int seed = 1;
static bool timed, storming;

/* --- one run --------------------------------------------------------------- */

/* The application's own settings may fail, and then it goes no further. */
static bool take(struct side *s, int fd)
{
	int required = TCP_ENO_REQUIRED;

	if (!(now_run->flags & REQUIRED))
		return true;
	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tcpcrypt", 8))
		return broke(s, "TCP_ULP");
	if (setsockopt(fd, IPPROTO_TCP, TCP_ENO_ENABLED, &required,
		       sizeof(required)))
		return broke(s, "TCP_ENO_ENABLED");
	return true;
}

static void end(struct side *s)
{
	if (s->fd >= 0) {
		close(s->fd);
		s->closed = true;
	}
	atomic_store(&s->over, true);
}

static void *run_server(void *arg)
{
	struct side *s = arg;
	int fd = new_socket(B);

	if (take(s, fd) && listens(s, fd, &port)) {
		if (now_run->flags & LATE)
			nap(50);
		make_it_fail(storming);
		if (accepts(s, fd, client))
			now_run->server(s);
		make_it_fail(false);
	}
	end(s);
	close(fd);
	return NULL;
}

static void *run_client(void *arg)
{
	struct side *s = arg;

	prepare(s, new_socket(A));
	if (take(s, s->fd)) {
		make_it_fail(storming);
		if (connects(s, server, &port))
			now_run->client(s);
		make_it_fail(false);
	}
	end(s);
	return NULL;
}

static int module_users(void)
{
	FILE *f = fopen("/sys/module/tcpcrypt/refcnt", "re");
	int n = -1;

	CHECK(f);
	CHECK_EQ(fscanf(f, "%d", &n), 1);
	fclose(f);
	return n;
}

static void one_connection(void)
{
	pthread_t a, b;

	set_sysctl(A, "broken_time", 600);	/* forgets what is broken */
	*client = (struct side){ .host = A, .fd = -1, .state = -1 };
	*server = (struct side){ .host = B, .fd = -1, .state = -1 };
	atomic_store(&port, 0);
	b = start(run_server, server);
	a = start(run_client, client);
	join(a);
	join(b);
}

/* Returns what holds the module after that time. */
static int all_gone(int seconds)
{
	double end = now() + seconds;
	int users;

	while ((users = module_users()) && now() < end)
		nap(3);
	return users;
}

/* --- what came of it ------------------------------------------------------- */

enum outcome { ENCRYPTED, PLAIN_TCP, ABORTED, REFUSED, OUTCOMES, };

static const char *const outcome_names[] = {
	"encrypted", "plain", "aborted", "refused",
};

struct tally {
	unsigned int outcome[OUTCOMES];
	unsigned int err[200];
	unsigned int sites, faults, missed, slow, bad;
};

/* What fails by EINVAL or the like, and so is no shortage of memory. */
static const char *const no_shortage[] = {
	"skb_to_sgvec", "try_module_get", "setauthsize",
	"compute_shared_secret", "compute_value",
};

static const char *fault_text;	/* NULL: any */
static int fault_errno;		/* 0: that of the shortage */

/*
 * Where a driver's own errno comes through, it may be one that stands for the
 * peer's violation everywhere else.
 */
#define FOREIGN	EPROTO

static bool is_driver(const char *text)
{
	return strstr(text, ": crypto_aead_") ||
	       strstr(text, ": crypto_alloc_aead") ||
	       strstr(text, ": crypto_shash_");
}

static bool may_be_local(void)
{
	unsigned int i;

	if (fault_errno)
		return true;
	for (i = 0; fault_text && i < ARRAY_SIZE(no_shortage); i++)
		if (strstr(fault_text, no_shortage[i]))
			return true;
	return !fault_text;
}

static bool may_be(const struct side *s)
{
	static const int fine[] = {
		ENOMEM, ENOBUFS, ECONNRESET, EPIPE, ETIMEDOUT, ECONNREFUSED,
		ECONNABORTED,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fine); i++)
		if (s->err == fine[i])
			return true;
	if (s->err == ENOTCONN)
		return !strcmp(s->op, "shutdown");
	/* no inode for a pipe or a socket */
	if (s->err == ENFILE)
		return !strcmp(s->op, "pipe") || !strcmp(s->op, "accept");
	if (s->err == EIO)
		return may_be_local();
	return !s->err;
}

/* The receiver believes that it has all, and the sender that it sent more. */
static bool truncated(const struct side *from, const struct side *to)
{
	return to->eof && !from->err && to->got < from->sent;
}

/* Counters before a run: what may say that the other end is to blame. */
static long long remembered, violations;

static long long count_violations(void)
{
	return counter(A, "AbortProtocol") + counter(B, "AbortProtocol") +
	       counter(A, "AbortAuth") + counter(B, "AbortAuth");
}

/* The client's own failure says nothing about the address of its peer. */
static bool blames_peer(void)
{
	return (client->err == ENOMEM || client->err == EIO) &&
	       counter(A, "BrokenRemembered") != remembered;
}

static const char *find_fault(const struct wire *w, double seconds)
{
	const struct side *c = client, *s = server;

	if (c->bad || s->bad)
		return "data that was not sent";
	if (wire_eno(w) && w->plain)
		return "plaintext on the wire after ENO";
	if (now_run->flags & REQUIRED && w->plain)
		return "plaintext on the wire, encryption being required";
	if (c->err == EAGAIN || s->err == EAGAIN || seconds > SIDE_LIMIT)
		return "it hangs";
	if (truncated(c, s) || truncated(s, c))
		return "a clean end before the end";
	if (!may_be(c) || !may_be(s))
		return "an errno that says something else";
	if (c->has_sessid && s->has_sessid &&
	    memcmp(c->sessid, s->sessid, sizeof(c->sessid)))
		return "two session IDs";
	if (!c->err && !s->err && (c->got < s->sent || s->got < c->sent) &&
	    !(now_run->flags & HALF))
		return "neither data nor an error";
	if (count_violations() != violations)
		return "a fault of one end's, taken for the other's violation";
	if (wire_eno(w) && blames_peer())
		return "a destination remembered for a failure of one's own";
	return NULL;
}

static enum outcome outcome_of(const struct wire *w)
{
	if (client->err || server->err)
		return client->sent || server->got ? ABORTED : REFUSED;
	return wire_eno(w) ? ENCRYPTED : PLAIN_TCP;
}

static void show_side(const char *name, const struct side *s)
{
	printf("#   %s: %s %s, sent %u, got %u%s, state %d\n", name,
	       s->op ? : "no error", s->err ? strerrorname_np(s->err) : "",
	       s->sent, s->got, s->eof ? " and the end" : "", s->state);
}

/* One run that is armed, or not. Returns what is wrong, or NULL. */
static const char *judged(struct tally *t, struct wire *w)
{
	const char *wrong;
	double begin = now(), seconds;

	remembered = counter(A, "BrokenRemembered");
	violations = count_violations();
	one_connection();
	seconds = now() - begin;
	all_gone(2);
	inject("off");
	*w = wire_read(tap, port);
	wrong = find_fault(w, seconds);
	if (!wrong && all_gone(30))
		wrong = "something holds the module";
	if (seconds > SLOW)
		t->slow++;
	t->outcome[outcome_of(w)]++;
	t->err[client->err]++;
	t->err[server->err]++;
	return wrong;
}

static void set_text(enum host host, const char *name, const char *value)
{
	char path[100];
	int fd;

	enter(host);
	snprintf(path, sizeof(path), "/proc/sys/net/tcpcrypt/%s", name);
	fd = open(path, O_WRONLY);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, value, strlen(value)), strlen(value));
	close(fd);
}

static void set_up(const struct scenario *sc)
{
	enum host host;

	now_run = sc;
	variant = sc->flags & IPV6 ? V6 : V4;
	for (host = A; host <= B; host++) {
		set_text(host, "teps", sc->teps ? : CURVES);
		set_text(host, "aeads", sc->aeads ? : "AES_128_GCM");
		set_sysctl(host, "cache_max", 0);	/* empties it */
		set_sysctl(host, "cache_max", sc->flags & RESUMED ? 16 : 0);
	}
}

/* A session to resume, if a fault has spoilt the last one. */
static void warm_up(void)
{
	if (!(now_run->flags & RESUMED))
		return;
	one_connection();
	all_gone(2);
	wire_read(tap, 0);
}

/* --- all runs of a scenario ------------------------------------------------ */

static struct site sites[SITES_MAX];
static unsigned int nsites;

struct fault {
	unsigned int site, nth;
	int err;
};

static struct fault *plan;
static unsigned int nplan;

/* Hashes of sites, and errnos, that had their fault, of all scenarios. */
static unsigned int known[1 << 15];
static unsigned int nknown;

static bool is_known(const char *text, int err, bool add)
{
	unsigned int h = 2166136261u + err, i;

	while (*text)
		h = (h ^ (unsigned char)*text++) * 16777619;
	for (i = 0; i < nknown; i++)
		if (known[i] == h)
			return true;
	if (add && nknown < ARRAY_SIZE(known))
		known[nknown++] = h;
	return false;
}

static void shuffle(unsigned int from, unsigned int to)
{
	struct fault f;
	unsigned int i, j;

	for (i = to; i > from + 1; i--) {
		j = from + rand_r(&seed) % (i - from);
		f = plan[i - 1];
		plan[i - 1] = plan[j];
		plan[j] = f;
	}
}

static void plan_site(unsigned int pass, unsigned int i, int err)
{
	bool is_new = !is_known(sites[i].text, err, false);
	unsigned int calls = sites[i].calls;

	if (pass < 2 && is_new == !pass)
		plan[nplan++] = (struct fault){ i, 1, err };
	if (pass == 2 && calls > 2)
		plan[nplan++] = (struct fault){ i, calls, err };
	if (pass == 3 && calls > 1)
		plan[nplan++] = (struct fault){ i, 2, err };
}

/* First calls of new sites, then of all others, then more calls. */
static void make_plan(void)
{
	unsigned int pass, i, from;

	plan = reallocarray(plan, 6 * SITES_MAX, sizeof(*plan));
	CHECK(plan);
	nplan = 0;
	for (pass = 0; pass < 4; pass++) {
		from = nplan;
		for (i = 0; i < nsites; i++) {
			plan_site(pass, i, 0);
			if (is_driver(sites[i].text))
				plan_site(pass, i, FOREIGN);
		}
		if (timed)
			shuffle(from, nplan);
	}
}

/* Runs it once more if the call did not come. */
static void try_fault(const struct fault *f, struct tally *t)
{
	const struct site *s = &sites[f->site];
	const char *wrong;
	unsigned int calls;
	struct wire w;
	int tries;

	fault_text = s->text;
	fault_errno = f->err;
	for (tries = 0; tries < 2; tries++) {
		warm_up();
		inject("flush");
		inject("site %llx %u %u", s->key, f->nth, f->err);
		wrong = judged(t, &w);
		if (wrong || injected(&calls))
			break;
	}
	if (tries == 2) {
		t->missed++;
	} else {
		t->faults++;
		is_known(s->text, f->err, true);
	}
	if (!wrong)
		return;
	t->bad++;
	printf("# %s, fault at call %u of %u%s%s: %s\n", wrong, f->nth,
	       s->calls, f->err ? " by another errno" : "",
	       injected(&calls) ? "" : " (did not come)", s->text);
	show_side("client", client);
	show_side("server", server);
	printf("#   wire: ENO in SYN %d, SYN-ACK %d, ACK %d; plaintext %d\n",
	       w.syn, w.synack, w.ack, w.plain);
}

static void show_tally(const struct tally *t)
{
	unsigned int i;

	printf("# %u sites, %u faults, %u calls did not come;", t->sites,
	       t->faults, t->missed);
	for (i = 0; i < OUTCOMES; i++)
		printf(" %s %u", outcome_names[i], t->outcome[i]);
	printf("; errors seen:");
	for (i = 1; i < ARRAY_SIZE(t->err); i++)
		if (t->err[i])
			printf(" %s %u", strerrorname_np(i), t->err[i]);
	printf("; over %d s: %u\n", SLOW, t->slow);
}

/* Without a fault: what is called, and whether it works at all. */
static bool record(struct tally *t)
{
	const char *wrong;
	struct wire w;
	int i;

	fault_text = "none";
	fault_errno = 0;
	for (i = 0; i < 2; i++) {
		warm_up();
		inject("flush");
		inject("record");
		wrong = judged(t, &w);
		if (!wrong && (!wire_eno(&w) || server->err ||
			       (client->err && !(now_run->flags & HALF))))
			wrong = "it does not work without a fault";
		if (wrong) {
			printf("# %s\n", wrong);
			show_side("client", client);
			show_side("server", server);
			return false;
		}
	}
	nsites = read_sites(sites);
	*t = (struct tally){ .sites = nsites };
	return nsites > 20;
}

static bool run_scenario(const struct scenario *sc, double until,
			 const char *text, unsigned int nth, int err)
{
	struct tally t = {};
	unsigned int i;

	set_up(sc);
	if (!record(&t))
		return false;
	make_plan();
	for (i = 0; i < nplan && now() < until; i++) {
		if (text && (plan[i].nth != nth || plan[i].err != err ||
			     !strstr(sites[plan[i].site].text, text)))
			continue;
		try_fault(&plan[i], &t);
	}
	show_tally(&t);
	if (i < nplan)
		printf("# %u faults left out\n", nplan - i);
	fflush(stdout);
	return !t.bad && t.faults;
}

/*
 * At random: every N-th call of all, and in the processes failslab, which does
 * not ask for whom TCP allocates.
 */
static bool run_storm(double until)
{
	unsigned int i, calls, every, percent;
	struct tally t = {};
	const char *wrong;
	struct wire w;

	if (until > now() + STORM)
		until = now() + STORM;
	fault_text = NULL;
	fault_errno = 0;
	storming = true;
	for (i = 0; now() < until; i++) {
		if (!scenarios[i % (ARRAY_SIZE(scenarios) - 1)].flags)
			set_up(&scenarios[i % (ARRAY_SIZE(scenarios) - 1)]);
		every = 10 + rand_r(&seed) % 400;
		percent = rand_r(&seed) % 4;
		if (i % 2)
			inject("flush");
		set_failslab(percent);
		inject("each %u", every);
		wrong = judged(&t, &w);
		set_failslab(0);
		t.faults += injected(&calls);
		if (!wrong)
			continue;
		t.bad++;
		printf("# %s: %s, every %u. call, failslab %u %%\n", wrong,
		       now_run->name, every, percent);
		show_side("client", client);
		show_side("server", server);
	}
	storming = false;
	show_tally(&t);
	return !t.bad && t.faults;
}

static bool chosen(int argc, char **argv, const char *name)
{
	int i;

	for (i = optind; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return optind >= argc;
}

static unsigned int results, failures;
static double began;

static void report(const char *name, bool fine)
{
	failures += !fine;
	printf("%sok %u %s\n# %.1f s so far\n", fine ? "" : "not ", ++results,
	       name, now() - began);
	fflush(stdout);
}

/* When a scenario has used up its share of the time. */
static double share(double until, unsigned int left)
{
	return now() + (until - now()) / left;
}

int main(int argc, char **argv)
{
	unsigned int left = 0, nth = 1;
	const struct scenario *sc;
	const struct act *act;
	double until = 1e12;
	const char *text = NULL;
	int opt, err = 0;

	while ((opt = getopt(argc, argv, "t:s:r:n:e")) > 0) {
		if (opt == 't')
			until = now() + atoi(optarg);
		else if (opt == 's')
			seed = atoi(optarg);
		else if (opt == 'r')
			text = optarg;
		else if (opt == 'n')
			nth = atoi(optarg);
		else if (opt == 'e')
			err = FOREIGN;
		else
			return 2;
	}
	timed = until < 1e11;
	began = now();
	before(V4);
	side_init();
	client = calloc(2, sizeof(*client));
	CHECK(client);
	server = client + 1;
	tap = tap_open();
	printf("KTAP version 1\n# seed %u\n", seed);
	for (sc = scenarios; sc->name; sc++)
		left += chosen(argc, argv, sc->name);
	for (act = acts; act->name; act++)
		left += chosen(argc, argv, act->name);
	left += chosen(argc, argv, "storm");
	for (sc = scenarios; sc->name; sc++)
		if (chosen(argc, argv, sc->name))
			report(sc->name, run_scenario(sc, share(until, left--),
						      text, nth, err));
	if (chosen(argc, argv, "storm"))
		report("storm", run_storm(share(until, left--)));
	for (act = acts; act->name; act++)
		if (chosen(argc, argv, act->name))
			report(act->name, run_act(act, share(until, left--)));
	printf("1..%u\n", results);
	return failures || !results;
}
