// SPDX-License-Identifier: GPL-2.0
/*
 * The engine of the differential test, seen from a scenario's side: a short
 * example, and what must be found. Runs in the guest.
 *
 *	sock.sh diff/engine_test
 */

#define _GNU_SOURCE
#include "run.h"

static void echo(struct diff *d)
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
	diff_ret(d, "eof", recv(p.s, buf, sizeof(buf), 0));
	diff_until_state(p.s, TCP_CLOSE_WAIT);
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

static const struct diff_scenario table[] = {
	{ "echo", echo, 0, 0 },
	{ "early", early, 0, 0 },
	{ }
};

int main(int argc, char **argv)
{
	return diff_main(argc, argv, table);
}
