// SPDX-License-Identifier: GPL-2.0
/*
 * The engine of the differential test finds what it should find, and nothing
 * else: scenarios that cheat. Runs in the guest.
 *
 *	sock.sh diff/engine_test
 */

#define _GNU_SOURCE
#include "run.h"

/* An example of a scenario that is well-behaved. */
static void alike(struct diff *d)
{
	struct pair p = diff_pair(d);
	char buf[1000];
	long n;

	diff_ret(d, "send", send(p.c, diff_bytes(0), 500, 0));
	diff_settle(p.s, 500);
	n = diff_ret(d, "peek", recv(p.s, buf, 100, MSG_PEEK));
	diff_rec(d, "peeked", "%s", diff_data(buf, 0, n));
	n = diff_ret(d, "recv", recv(p.s, buf, sizeof(buf), 0));
	diff_rec(d, "received", "%s", diff_data(buf, 0, n));
	diff_ret(d, "again", recv(p.s, buf, sizeof(buf), MSG_DONTWAIT));
	diff_rec(d, "events", "%#x", diff_poll(p.s));
	diff_ret(d, "close", close(p.c));
	diff_until_state(p.s, TCP_CLOSE_WAIT);
	diff_ret(d, "eof", recv(p.s, buf, sizeof(buf), 0));
	diff_rec(d, "events", "%#x", diff_poll(p.s));
}

static void early(struct diff *d)
{
	struct pair p = diff_pair_early(d);
	char buf[1000];

	diff_ret(d, "send", send(p.c, diff_bytes(0), 500, 0));
	diff_ret(d, "recv", recv(p.s, buf, 500, MSG_WAITALL));
	diff_ready(d, p);
}

static void other_value(struct diff *d)
{
	diff_pair(d);
	diff_rec(d, "same", "1");
	diff_rec(d, "value", "%d", d->plain);
	diff_rec(d, "same", "2");
}

/* One record more in one run must not hide the others. */
static void drift(struct diff *d)
{
	int *runs = d->arg, i;

	diff_pair(d);
	++*runs;
	for (i = 0; i < 1 + !(*runs % 2); i++)
		diff_rec(d, "loop", "%d", i);
	diff_rec(d, "value", "%d", d->plain);
}

static void unstable(struct diff *d)
{
	diff_pair(d);
	diff_rec(d, "pid", "%d", getpid());
}

static void missing(struct diff *d)
{
	diff_pair(d);
	if (d->plain)
		diff_rec(d, "record", "here");
}

static void additional(struct diff *d)
{
	diff_pair(d);
	if (!d->plain)
		diff_rec(d, "record", "here");
}

static void hangs(struct diff *d)
{
	diff_pair(d);
	diff_doing(d, "pause");
	while (!d->plain)
		pause();
}

static void dies(struct diff *d)
{
	diff_pair(d);
	if (!d->plain)
		raise(SIGKILL);
}

static void fails_in_plain(struct diff *d)
{
	diff_pair(d);
	CHECK(!d->plain);
}

static void not_encrypted(struct diff *d)
{
	(void)d;
}

/* On another port than the plain ones, and yet not encrypted. */
static void leak(struct diff *d)
{
	struct pair p;

	if (d->plain)
		return;
	set_sysctl(A, "enable_connect", 0);
	p = diff_pair_early(d);
	set_sysctl(A, "enable_connect", 1);
	CHECK_EQ(send(p.c, diff_bytes(0), 500, 0), 500);
	diff_settle(p.s, 500);
}

static const struct {
	struct diff_scenario	scenario;
	unsigned int		differences, unstable;
	bool			broken;
} table[] = {
	{ { "alike", alike, 0, 0 }, 0, 0, false },
	{ { "early", early, 0, 0 }, 0, 0, false },
	{ { "other value", other_value, 0, 0 }, 1, 0, false },
	{ { "drift", drift, 0, 0 }, 1, 1, false },
	{ { "unstable", unstable, 0, 0 }, 0, 1, false },
	{ { "missing", missing, 0, 0 }, 1, 0, false },
	{ { "additional", additional, 0, 0 }, 1, 0, false },
	{ { "hangs", hangs, 0, 5 }, 1, 0, false },
	{ { "dies", dies, 0, 0 }, 1, 0, false },
	{ { "fails in plain", fails_in_plain, 0, 0 }, 1, 0, true },
	{ { "not encrypted", not_encrypted, 0, 0 }, 0, 0, true },
	{ { "leak", leak, DIFF_CLEAR, 0 }, 0, 0, false },
};

static bool as_expected(unsigned int i, int *arg)
{
	static struct diff_result r;

	diff_all.scenarios++;
	*arg = 0;
	diff_triple(&table[i].scenario, 0, arg, &r);
	if (r.differences == table[i].differences &&
	    r.unstable == table[i].unstable &&
	    !!r.broken[0] == table[i].broken)
		return true;
	printf("# %u differences, %u unstable, broken: %s\n", r.differences,
	       r.unstable, r.broken);
	diff_print(table[i].scenario.name, 0, &r);
	return false;
}

int main(void)
{
	int n = 0, *arg = diff_shared(sizeof(*arg));
	bool all = true, ok;
	const char *row;
	unsigned int i;

	diff_begin();
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		ok = as_expected(i, arg);
		all &= ok;
		printf("%sok %d engine: %s\n", ok ? "" : "not ", ++n,
		       table[i].scenario.name);
	}
	ok = DIFF_UNTIL(diff_all.wire->crypt, 5000) &&
	     !strcmp(diff_all.wire->leak, "leak");
	diff_all.wire->crypt = 0;
	printf("%sok %d engine: sees plaintext on the wire\n",
	       ok ? "" : "not ", ++n);
	all &= ok;
	row = diff_known[0].row;
	diff_known[0].row = "is not there";
	ok = !diff_end_known(NULL);
	diff_known[0].row = row;
	printf("%sok %d engine: misses what is not documented\n",
	       ok ? "" : "not ", ++n);
	return diff_end(NULL, n, all && ok);
}
