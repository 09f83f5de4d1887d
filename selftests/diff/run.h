/* SPDX-License-Identifier: GPL-2.0 */
/* Running scenarios three times, watching the wire, giving results. */
#ifndef _DIFF_RUN_H
#define _DIFF_RUN_H

#include <limits.h>
#include <linux/filter.h>
#include <stddef.h>
#include <sys/pidfd.h>
#include "judge.h"

#define DIFF_REPLAYS	2
#define DIFF_SHOWN	8	/* differences that are printed of one scenario */

/* Shared with the process that watches the wire. */
struct diff_wire {
	bool			ready;
	bool			stop;
	unsigned int		packets;
	unsigned int		drops;
	unsigned int		plain;	/* packets with the marker */
	unsigned int		crypt;
	char			running[64];
	char			leak[64]; /* what ran when the first came */
};

static struct {
	struct diff_log		*logs[DIFF_RUNS];
	struct diff_wire	*wire;
	pid_t			watcher;
	unsigned int		family;
	bool			verbose;
	unsigned int		scenarios, judged, unstable, calls;
	unsigned int		differences, known, fleeting;
} diff_all = { .family = V4 };

static void *diff_shared(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

/* --- the wire ------------------------------------------------------------- */

/* Whether one of a TCP segment's ports is PLAIN_PORT. */
static bool diff_wire_plain(const unsigned char *buf, ssize_t n)
{
	const unsigned char *p = buf + 14;

	if (buf[12] == 8 && !buf[13])
		p += (*p & 15) * 4;
	else
		p += 40;
	return p + 4 <= buf + n && ((p[0] << 8 | p[1]) == PLAIN_PORT ||
				    (p[2] << 8 | p[3]) == PLAIN_PORT);
}

static void diff_wire_read(int tap, struct diff_wire *w)
{
	unsigned char buf[2048];
	ssize_t n;

	while ((n = recv(tap, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		w->packets++;
		if (n < 54 || !memmem(buf, n, DIFF_MARK, strlen(DIFF_MARK)))
			continue;
		if (diff_wire_plain(buf, n)) {
			w->plain++;
			continue;
		}
		if (!w->crypt++)
			memcpy(w->leak, w->running, sizeof(w->leak));
	}
}

/* The head of each packet is enough: the marker is everywhere. */
static void diff_watch(struct diff_wire *w)
{
	struct sock_filter head = BPF_STMT(BPF_RET | BPF_K, 512);
	struct sock_fprog prog = { .len = 1, .filter = &head };
	struct pollfd p = { .events = POLLIN };
	struct tpacket_stats stats;
	socklen_t len = sizeof(stats);

	before(V4);
	p.fd = tap_open();
	CHECK_EQ(setsockopt(p.fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			    sizeof(prog)), 0);
	w->ready = true;
	while (!w->stop && getppid() != 1) {
		poll(&p, 1, 100);
		/* not for each packet */
		nap(5);
		diff_wire_read(p.fd, w);
	}
	nap(50);
	diff_wire_read(p.fd, w);
	CHECK_EQ(getsockopt(p.fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len),
		 0);
	w->drops = stats.tp_drops;
	_exit(0);
}

/* --- one run -------------------------------------------------------------- */

static void diff_child(const struct diff_scenario *s, unsigned long long seed,
		       bool plain, struct diff_log *log, void *arg)
{
	struct diff d = {
		.scenario = s, .seed = seed, .plain = plain, .log = log,
		.lock = PTHREAD_MUTEX_INITIALIZER, .arg = arg,
	};

	setpgid(0, 0);
	ktap_at(s->name, 0);
	before(diff_all.family);
	if (s->flags & DIFF_RESUME) {
		set_sysctl(A, "cache_max", 1024);
		set_sysctl(B, "cache_max", 1024);
	}
	is_plain = plain;
	s->run(&d);
	log->done = true;
	fflush(stdout);
	_exit(0);
}

static void diff_run(const struct diff_scenario *s, unsigned long long seed,
		     bool plain, struct diff_log *log, void *arg)
{
	int limit = (s->limit ? s->limit : DIFF_LIMIT) * 1000, status = 0;
	struct pollfd p = { .events = POLLIN };
	char end[200];
	pid_t pid;

	memset(log, 0, offsetof(struct diff_log, rec));
	fflush(stdout);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid)
		diff_child(s, seed, plain, log, arg);
	p.fd = pidfd_open(pid, 0);
	CHECK(p.fd >= 0);
	if (!poll(&p, 1, limit))
		snprintf(end, sizeof(end), "hang: %s", log->doing);
	else
		end[0] = 0;
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	close(p.fd);
	if (!end[0]) {
		if (log->done)
			strcpy(end, "done");
		else if (WIFSIGNALED(status))
			snprintf(end, sizeof(end), "signal %d: %s",
				 WTERMSIG(status), log->doing);
		else
			snprintf(end, sizeof(end), "failed: %s", log->doing);
	}
	diff_add(log, "end", end);
}

/* --- one scenario --------------------------------------------------------- */

/* What makes the comparison worthless. */
static void diff_sanity(struct diff_result *r, const struct diff_scenario *s)
{
	static const char *const names[] = { "plain", "plain", "encrypted" };
	struct diff_log *log;
	int i;

	for (i = 0; i < DIFF_RUNS; i++) {
		log = diff_all.logs[i];
		r->calls += log->calls;
		if (log->full)
			snprintf(r->broken, sizeof(r->broken),
				 "%s run: too many records", names[i]);
		else if (!log->done && i != DIFF_CRYPT)
			snprintf(r->broken, sizeof(r->broken),
				 "%s run: %s", names[i],
				 log->text + log->rec[log->count - 1].text);
	}
	log = diff_all.logs[DIFF_CRYPT];
	if (log->done && !log->encrypted && !(s->flags & DIFF_CLEAR))
		snprintf(r->broken, sizeof(r->broken), "was not encrypted");
}

/* Plain, plain, encrypted; what came of it. */
static void diff_triple(const struct diff_scenario *s, unsigned long long seed,
			void *arg, struct diff_result *r)
{
	int i;

	memset(r, 0, sizeof(*r));
	snprintf(diff_all.wire->running, sizeof(diff_all.wire->running), "%s",
		 s->name);
	for (i = 0; i < DIFF_RUNS; i++)
		diff_run(s, seed, i != DIFF_CRYPT, diff_all.logs[i], arg);
	diff_judge(r, s->name, diff_all.logs);
	diff_sanity(r, s);
	diff_all.calls += r->calls;
	diff_all.judged += r->judged;
	diff_all.unstable += r->unstable;
	diff_all.known += r->known;
}

static void diff_print_one(const char *name, unsigned long long seed,
			   const struct diff_found *f, const char *remark)
{
	printf("# %s: seed %llu: %s[%u]: %splain: %s, encrypted: %s\n", name,
	       seed, f->label, f->nth, remark, f->plain, f->crypt);
}

static void diff_print(const char *name, unsigned long long seed,
		       const struct diff_result *r)
{
	unsigned int i;

	for (i = 0; i < r->differences && i < DIFF_SHOWN; i++)
		diff_print_one(name, seed, &r->found[i], "");
	if (r->differences > i)
		printf("# %s: %u more\n", name, r->differences - i);
	if (r->broken[0])
		printf("# %s: seed %llu: %s\n", name, seed, r->broken);
}

/*
 * Leaves in r only what at least one of the replays shows, too: a test of many
 * calls on a busy machine must not fail for noise.
 */
static void diff_confirm(const struct diff_scenario *s,
			 unsigned long long seed, void *arg,
			 struct diff_result *r)
{
	static struct diff_result again[DIFF_REPLAYS];
	unsigned int i, n, count = 0;

	for (i = 0; i < DIFF_REPLAYS; i++)
		diff_triple(s, seed, arg, &again[i]);
	n = r->differences < DIFF_FOUND ? r->differences : DIFF_FOUND;
	for (i = 0; i < n; i++) {
		if (diff_has(&again[0], &r->found[i]) ||
		    diff_has(&again[1], &r->found[i]))
			r->found[count++] = r->found[i];
		else
			diff_print_one(s->name, seed, &r->found[i],
				       "not reproduced: ");
	}
	diff_all.fleeting += n - count;
	r->differences = count;
	if (r->broken[0] && !again[0].broken[0] && !again[1].broken[0]) {
		printf("# %s: not reproduced: %s\n", s->name, r->broken);
		diff_all.fleeting++;
		r->broken[0] = 0;
	}
}

/* Whether plain and encrypted are alike; prints what isn't. */
static bool diff_check(const struct diff_scenario *s, unsigned long long seed,
		       void *arg)
{
	static struct diff_result r;

	diff_all.scenarios++;
	diff_triple(s, seed, arg, &r);
	if (diff_all.verbose)
		printf("# %s: %u judged, %u unstable, %u known\n", s->name,
		       r.judged, r.unstable, r.known);
	if (!r.differences && !r.broken[0])
		return true;
	diff_confirm(s, seed, arg, &r);
	diff_all.differences += r.differences;
	diff_print(s->name, seed, &r);
	return !r.differences && !r.broken[0];
}

/* --- the program ---------------------------------------------------------- */

/* For each process that runs scenarios. */
static void diff_begin_runs(void)
{
	int i;

	for (i = 0; i < DIFF_RUNS; i++)
		diff_all.logs[i] = diff_shared(sizeof(struct diff_log));
	diff_all.wire = diff_shared(sizeof(*diff_all.wire));
	diff_all.watcher = fork();
	CHECK(diff_all.watcher >= 0);
	if (!diff_all.watcher)
		diff_watch(diff_all.wire);
	WAIT_FOR(diff_all.wire->ready);
}

static inline void diff_begin(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n");
	diff_bytes(0);
	diff_begin_runs();
}

/* Text of the document, in which each known difference has a row. */
static char *diff_document(void)
{
	static char text[1 << 17];
	char path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
	int fd;

	CHECK(n > 0);
	path[n] = 0;
	*strrchr(path, '/') = 0;
	strcat(path, "/../../Documentation/differences.rst");
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return text;
	n = read(fd, text, sizeof(text) - 1);
	CHECK(n >= 0);
	close(fd);
	return text;
}

/* Every known difference is documented. Those not seen are named. */
static bool diff_end_known(const struct diff_scenario *ran)
{
	const char *document = diff_document();
	const struct diff_scenario *s;
	struct diff_known *k;
	bool ok = true;

	for (k = diff_known; k->scenario; k++) {
		if (!strstr(document, k->row)) {
			printf("# not in Documentation/differences.rst: %s\n",
			       k->row);
			ok = false;
		}
		for (s = ran; s && s->name && !k->seen; s++)
			if (!fnmatch(k->scenario, s->name, 0)) {
				printf("# known difference not seen: %s: %s\n",
				       k->scenario, k->label);
				break;
			}
	}
	return ok;
}

static bool diff_end_wire(void)
{
	struct diff_wire *w = diff_all.wire;
	int status = -1;

	w->stop = true;
	CHECK_EQ(waitpid(diff_all.watcher, &status, 0), diff_all.watcher);
	printf("# wire: %u packets, %u dropped; with the marker: %u plain, %u encrypted\n",
	       w->packets, w->drops, w->plain, w->crypt);
	if (w->crypt)
		printf("# plaintext of an encrypted connection: %s\n", w->leak);
	return !status && w->plain && !w->crypt;
}

/* The last results and the figures; n results were given before. */
static int diff_end(const struct diff_scenario *ran, int n, bool ok)
{
	bool wire = diff_end_wire(), known = diff_end_known(ran);

	printf("# %u scenarios, %u calls, %u records judged, %u unstable\n",
	       diff_all.scenarios, diff_all.calls, diff_all.judged,
	       diff_all.unstable);
	printf("# %u differences, %u known ones, %u not reproduced\n",
	       diff_all.differences, diff_all.known, diff_all.fleeting);
	printf("%sok %d plaintext on the wire: of plain connections only\n",
	       wire ? "" : "not ", ++n);
	printf("%sok %d known differences are documented\n",
	       known ? "" : "not ", ++n);
	printf("1..%d\n", n);
	return !ok || !wire || !known;
}

/* For a table of scenarios: PROGRAM [-v] [-4 | -6 | -m] [SCENARIO ...] */
static inline int diff_main(int argc, char **argv,
			    const struct diff_scenario *table)
{
	const struct diff_scenario *s;
	int option, n = 0, i;
	bool all = true, ok;

	while ((option = getopt(argc, argv, "v46m")) != -1) {
		if (option == '?')
			return 2;
		if (option == 'v')
			diff_all.verbose = true;
		else
			diff_all.family = option == '4' ? V4 :
					  option == '6' ? V6 : MAPPED;
	}
	diff_begin();
	for (s = table; s->name; s++) {
		for (i = optind; i < argc; i++)
			if (!strcmp(argv[i], s->name))
				break;
		if (optind < argc && i == argc)
			continue;
		ok = diff_check(s, 0, NULL);
		all &= ok;
		printf("%sok %d %s\n", ok ? "" : "not ", ++n, s->name);
	}
	return diff_end(optind < argc ? NULL : table, n, all);
}

#endif /* _DIFF_RUN_H */
