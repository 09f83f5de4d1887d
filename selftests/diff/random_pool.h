/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sequences in several processes at a time, each with a pair of hosts of its
 * own: most of a sequence is waiting.
 *
 * Where the encrypted run differs while the others compete for the processor
 * is a suspect only. When all have ended, suspects are replayed one by one.
 */
#ifndef _DIFF_RANDOM_POOL_H
#define _DIFF_RANDOM_POOL_H

#include "random.h"

#define WORKERS		16
#define SUSPECTS	256

struct suspect {
	unsigned int		first;	/* sequence */
	unsigned int		count;	/* 1, or a batch that was broken */
	struct diff_found	found;
	char			broken[200];
};

/* What a worker leaves behind. */
struct worker {
	bool			done;
	unsigned int		sequences, judged, unstable, calls, known;
	struct diff_wire	wire;
};

struct pool {
	atomic_uint		next;	/* sequence that nobody has begun */
	atomic_uint		suspects;
	struct suspect		suspect[SUSPECTS];
	struct worker		worker[WORKERS];
};

static struct pool *pool;

/* As many as sock.sh has made pairs of hosts. */
static unsigned int count_pairs(void)
{
	char path[64];
	unsigned int n;

	for (n = 1; n < WORKERS; n++) {
		snprintf(path, sizeof(path), "/run/netns/b%u", n);
		if (access(path, F_OK))
			break;
	}
	return n;
}

static void suspect(unsigned int first, unsigned int count,
		    const struct diff_found *found, const char *broken)
{
	unsigned int i = atomic_fetch_add(&pool->suspects, 1);
	struct suspect *s;

	if (i >= SUSPECTS)
		return;
	s = &pool->suspect[i];
	s->first = first;
	s->count = count;
	if (found)
		s->found = *found;
	snprintf(s->broken, sizeof(s->broken), "%s", broken);
}

/*
 * One suspect for each sequence that differs. Where the encrypted run ended
 * early, what would have come after that is missing from its records.
 */
static void suspect_result(const struct diff_result *r, unsigned int first,
			   unsigned int count)
{
	const struct diff_log *log = diff_all.logs[DIFF_CRYPT];
	unsigned int i, n, sequence, last = UINT_MAX, end = UINT_MAX;
	struct diff_found hang = { .label = "end", .plain = "done" };

	if (r->broken[0]) {
		suspect(first, count, NULL, r->broken);
		return;
	}
	if (!log->done) {
		end = atoi(log->doing);
		snprintf(hang.crypt, sizeof(hang.crypt), "%s", log->doing);
		suspect(end, 1, &hang, "");
	}
	n = r->differences < DIFF_FOUND ? r->differences : DIFF_FOUND;
	for (i = 0; i < n; i++) {
		sequence = atoi(r->found[i].label);
		if (!strcmp(r->found[i].label, "end") || sequence >= end ||
		    sequence == last)
			continue;
		last = sequence;
		suspect(sequence, 1, &r->found[i], "");
	}
}

/* Leaves the worker's figures behind. */
static void work_end(struct worker *me)
{
	int status = -1;

	diff_all.wire->stop = true;
	CHECK_EQ(waitpid(diff_all.watcher, &status, 0), diff_all.watcher);
	CHECK_EQ(status, 0);
	me->wire = *diff_all.wire;
	me->judged = diff_all.judged;
	me->unstable = diff_all.unstable;
	me->calls = diff_all.calls;
	me->known = diff_all.known;
	me->done = true;
}

/* Runs fn in count processes, each with a pair of hosts. */
static void pool_run(unsigned int count, void (*fn)(struct worker *me))
{
	pid_t pids[WORKERS];
	char suffix[16];
	unsigned int i;

	pool = diff_shared(sizeof(*pool));
	fflush(stdout);
	for (i = 0; i < count; i++) {
		pids[i] = fork();
		CHECK(pids[i] >= 0);
		if (pids[i])
			continue;
		if (i) {
			snprintf(suffix, sizeof(suffix), "%u", i);
			ns_suffix = suffix;
		}
		diff_begin_runs();
		fn(&pool->worker[i]);
		work_end(&pool->worker[i]);
		fflush(stdout);
		_exit(0);
	}
	for (i = 0; i < count; i++)
		CHECK_EQ(waitpid(pids[i], NULL, 0), pids[i]);
}

/* Adds up what the workers left. Return: whether all came to their end. */
static bool pool_sum(unsigned int count)
{
	struct diff_wire *to = diff_all.wire;
	bool all = true;
	unsigned int i;

	for (i = 0; i < count; i++) {
		const struct worker *w = &pool->worker[i];

		if (!w->done)
			printf("# worker %u has failed\n", i);
		all &= w->done;
		diff_all.scenarios += w->sequences;
		diff_all.judged += w->judged;
		diff_all.unstable += w->unstable;
		diff_all.calls += w->calls;
		diff_all.known += w->known;
		to->packets += w->wire.packets;
		to->drops += w->wire.drops;
		to->plain += w->wire.plain;
		to->crypt += w->wire.crypt;
		if (w->wire.crypt)
			memcpy(to->leak, w->wire.leak, sizeof(to->leak));
	}
	return all;
}

#endif /* _DIFF_RANDOM_POOL_H */
