/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a man in the middle does to segments. Each mutation changes one, or
 * sends some more; where it goes is up to emit().
 */
#ifndef _MUTATE_H
#define _MUTATE_H

#include <stdlib.h>
#include "../lib/ktap.h"
#include "packet.h"

/* One connection, as seen from the middle. */
struct flow {
	unsigned long long	rng;
	unsigned int		budget;		/* mutations left */
	unsigned int		rate;		/* of 256 segments */
	unsigned int		kinds;		/* bits: what is done here */
	unsigned int		client;		/* its port, once it has one */
	bool			touched;	/* payload may be wrong */
	bool			acked;		/* the client's first ACK */
	struct packet		last[2];	/* of each direction */
	struct packet		held[2];	/* to be merged or to come late */
	bool			plain[2];	/* plaintext seen from there */
	bool			eno[3];		/* SYN, SYN-ACK, ACK had ENO */
};

static void emit(struct flow *f, int dir, struct packet *p, int delay_ms);

static inline unsigned int rnd(struct flow *f, unsigned int n)
{
	unsigned long long x = f->rng += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return n ? (x ^ x >> 31) % n : 0;
}

static void noise(struct flow *f, unsigned char *p, unsigned int len)
{
	while (len--)
		*p++ = rnd(f, 256);
}

/* --- options --------------------------------------------------------------- */

/* The content of ENO: replaced, cut, or with one byte changed. */
static bool eno_content(struct flow *f, int dir, struct packet *p)
{
	static const unsigned char bytes[] = {
		0, 1, 2, 3, 0x10, 0x1f, 0x21, 0x22, 0x23, 0x24, 0x80, 0x81,
		0x9f, 0xa0, 0xa1, 0xa3, 0xa4, 0xff, 0x23,
	};
	int at = find_option(p, OPTION_ENO);
	unsigned char *th = tcp_of(p);
	unsigned int len;

	(void)dir;
	if (at < 0)
		return false;
	len = th[at + 1];
	if (len == 2 || !rnd(f, 5))
		th[at + 1] = rnd(f, 2) ? rnd(f, 45) : len + rnd(f, 3) - 1;
	else
		th[at + 2 + rnd(f, len - 2)] = rnd(f, 3) ?
			bytes[rnd(f, sizeof(bytes))] : rnd(f, 256);
	return true;
}

static bool eno_remove(struct flow *f, int dir, struct packet *p)
{
	int at = find_option(p, OPTION_ENO);

	(void)f;
	(void)dir;
	if (at < 0)
		return false;
	memset(tcp_of(p) + at, 1, tcp_of(p)[at + 1]);
	return true;
}

static bool eno_add(struct flow *f, int dir, struct packet *p)
{
	unsigned char opts[80];
	unsigned int len = head_of(p) - 20, n = rnd(f, 6);

	(void)dir;
	memcpy(opts, tcp_of(p) + 20, len);
	while (len && opts[len - 1] <= 1)
		len--;
	opts[len++] = OPTION_ENO;
	opts[len++] = 2 + n;
	opts[len] = rnd(f, 2);
	opts[len + 1] = 0x21 + rnd(f, 4);
	noise(f, opts + len + 2, 6);
	set_options(p, opts, len + n);
	return true;
}

/* Other options, in another order, with other padding */
static bool shuffle(struct flow *f, int dir, struct packet *p)
{
	unsigned char opts[80], *th = tcp_of(p);
	unsigned int i, k, len = 0, end = head_of(p), n;

	(void)dir;
	for (k = 0; k < 4; k++) {
		for (i = 20; i < end && th[i];
		     i += th[i] == 1 ? 1 : th[i + 1]) {
			if (th[i] == 1)
				continue;
			n = i + 1 < end ? th[i + 1] : 0;
			if (n < 2 || i + n > end || len + n > 40)
				break;
			if (th[i] % 4 == k)
				memcpy(opts + len, th + i, n);
			if (th[i] % 4 == k)
				len += n;
			if (!rnd(f, 4) && len < 40)
				opts[len++] = 1;
		}
	}
	if (rnd(f, 2) && len < 36) {
		opts[len] = 200 + rnd(f, 50);
		opts[len + 1] = 4;
		len += 4;
	}
	set_options(p, opts, len);
	return true;
}

/* --- bytes ------------------------------------------------------------------ */

static bool payload(struct flow *f, int dir, struct packet *p)
{
	unsigned int len = data_len(p), at, n;

	(void)dir;
	if (!len)
		return false;
	f->touched = true;
	/* the beginning: messages and frames have their lengths there */
	at = rnd(f, rnd(f, 2) && len > 16 ? 16 : len);
	n = 1 + rnd(f, rnd(f, 3) ? 1 : len - at);
	if (n == 1)
		data_of(p)[at] ^= 1 << rnd(f, 8);
	else
		noise(f, data_of(p) + at, n);
	return true;
}

/* The same sequence numbers twice, with different bytes */
static bool overlap(struct flow *f, int dir, struct packet *p)
{
	struct packet other = *p;
	unsigned int len = data_len(p), cut;

	if (len < 2)
		return false;
	f->touched = true;
	cut = rnd(f, len);
	noise(f, data_of(&other) + cut, len - cut);
	if (rnd(f, 2)) {
		emit(f, dir, p, 0);
		*p = other;
	} else {
		emit(f, dir, &other, 0);
	}
	return true;
}

/* Data that the sender never sent, or not yet */
static bool inject(struct flow *f, int dir, struct packet *p)
{
	struct packet other = *p;
	unsigned int n = 1 + rnd(f, 1200);

	if (flags_of(p) & (SYN | RST))
		return false;
	f->touched = true;
	other.len = 20 + head_of(p) + n;
	noise(f, data_of(&other), n);
	put32(tcp_of(&other) + 4, get32(tcp_of(p) + 4) + data_len(p) +
	      (rnd(f, 2) ? 0 : rnd(f, 5000)));
	emit(f, dir, &other, 0);
	return true;
}

/* --- segments --------------------------------------------------------------- */

static bool split(struct flow *f, int dir, struct packet *p)
{
	unsigned int len = data_len(p), n = 1, at = 0;
	struct packet part;

	if (len < 2 || flags_of(p) & SYN)
		return false;
	for (; len - at > 1 && rnd(f, 20); at += n) {
		n = 1 + rnd(f, rnd(f, 2) ? 4 : len - at - 1);
		if (n >= len - at)
			break;
		part = *p;
		part.len = 20 + head_of(p) + n;
		memmove(data_of(&part), data_of(p) + at, n);
		put32(tcp_of(&part) + 4, get32(tcp_of(p) + 4) + at);
		tcp_of(&part)[13] &= ~(FIN | PSH);
		emit(f, dir, &part, rnd(f, 6) ? 0 : 5 + rnd(f, 20));
	}
	memmove(data_of(p), data_of(p) + at, len - at);
	put32(tcp_of(p) + 4, get32(tcp_of(p) + 4) + at);
	p->len -= at;
	return true;
}

/* Waits for the next one of its direction, to be one with it */
static bool merge(struct flow *f, int dir, struct packet *p)
{
	struct packet *held = &f->held[dir];
	unsigned int n = data_len(p);

	if (!n || flags_of(p) & (SYN | RST))
		return false;
	if (!held->len) {
		*held = *p;
		emit(f, dir, p, 30);	/* should no other come */
		p->len = 0;
		return true;
	}
	if (get32(tcp_of(held) + 4) + data_len(held) ==
	    get32(tcp_of(p) + 4) && held->len + n < 1500) {
		memcpy(held->ip + held->len, data_of(p), n);
		held->len += n;
		tcp_of(held)[13] |= flags_of(p);
		*p = *held;
	}
	held->len = 0;
	return true;
}

static bool late(struct flow *f, int dir, struct packet *p)
{
	emit(f, dir, p, 1 + rnd(f, 60));
	p->len = 0;
	return true;
}

static bool twice(struct flow *f, int dir, struct packet *p)
{
	emit(f, dir, p, rnd(f, 2) ? 0 : rnd(f, 100));
	return true;
}

static bool lose(struct flow *f, int dir, struct packet *p)
{
	(void)f;
	(void)dir;
	p->len = 0;
	return true;
}

/* --- control ---------------------------------------------------------------- */

static bool window(struct flow *f, int dir, struct packet *p)
{
	(void)dir;
	put16(tcp_of(p) + 14, rnd(f, 2) ? 0 : rnd(f, 40));
	return true;
}

/* A number that was never sent, or long ago: not one of what is under way */
static bool stray_ack(struct flow *f, int dir, struct packet *p)
{
	struct packet other = *p;

	if (!(flags_of(p) & ACK) || flags_of(p) & (SYN | RST))
		return false;
	put32(tcp_of(&other) + 8, get32(tcp_of(p) + 8) +
	      (rnd(f, 2) ? 200000 + rnd(f, 1u << 30) : -rnd(f, 3000)));
	other.len = 20 + head_of(p);
	emit(f, dir, &other, 0);
	return true;
}

static bool urgent(struct flow *f, int dir, struct packet *p)
{
	(void)dir;
	tcp_of(p)[13] |= URG;
	put16(tcp_of(p) + 18, rnd(f, 3) ? rnd(f, data_len(p) + 3) :
					  rnd(f, 65536));
	return true;
}

static bool end(struct flow *f, int dir, struct packet *p)
{
	struct packet other = *p;

	if (flags_of(p) & SYN)
		return false;
	f->touched = true;
	if (rnd(f, 2)) {
		tcp_of(p)[13] |= FIN;
		return true;
	}
	other.len = 20 + head_of(p);
	tcp_of(&other)[13] = rnd(f, 4) ? RST : RST | ACK;
	emit(f, dir, &other, 0);
	return true;
}

/* Anything: flags, numbers, options */
static bool garbage(struct flow *f, int dir, struct packet *p)
{
	struct packet other = *p;
	unsigned char *th = tcp_of(&other);

	if (flags_of(p) & SYN)
		return false;
	f->touched = true;
	th[13] = rnd(f, 4) ? ACK | rnd(f, 64) : rnd(f, 256);
	/* an ACK of what is under way would stall any TCP */
	put32(th + 8, get32(th + 8) - rnd(f, 2000));
	if (!rnd(f, 3))
		put32(th + 4, rnd(f, 0xffffffff));
	if (head_of(p) > 20 && rnd(f, 2))
		noise(f, th + 20, head_of(p) - 20);
	noise(f, data_of(&other), data_len(&other));
	emit(f, dir, &other, 0);
	return true;
}

struct mutation {
	const char	*name;
	bool		(*make)(struct flow *f, int dir, struct packet *p);
	unsigned int	when;		/* bits below */
	unsigned int	count;
};

#define ON_SYN	1
#define ON_ACK	2	/* the client's first */
#define LATER	4

static struct mutation mutations[] = {
	{ "ENO content", eno_content, ON_SYN, 0 },
	{ "ENO removed", eno_remove, ON_SYN | ON_ACK, 0 },
	{ "ENO added", eno_add, ON_SYN | ON_ACK | LATER, 0 },
	{ "options shuffled", shuffle, ON_SYN | ON_ACK, 0 },
	{ "payload", payload, LATER, 0 },
	{ "overlap", overlap, LATER, 0 },
	{ "injected data", inject, LATER, 0 },
	{ "split", split, LATER, 0 },
	{ "merged", merge, LATER, 0 },
	{ "late", late, ON_SYN | ON_ACK | LATER, 0 },
	{ "twice", twice, ON_SYN | ON_ACK | LATER, 0 },
	{ "lost", lose, ON_SYN | ON_ACK | LATER, 0 },
	{ "window", window, LATER, 0 },
	{ "stray ACK", stray_ack, ON_ACK | LATER, 0 },
	{ "URG", urgent, ON_ACK | LATER, 0 },
	{ "FIN or RST", end, LATER, 0 },
	{ "garbage", garbage, LATER, 0 },
};

#define MUTATIONS	ARRAY_SIZE(mutations)

/* One segment through the middle. */
static void pass(struct flow *f, int dir, struct packet *p)
{
	unsigned int when = flags_of(p) & SYN ? ON_SYN :
			    dir == 0 && !f->acked ? ON_ACK : LATER;
	struct mutation *m;
	unsigned int tries;

	if (when == ON_ACK)
		f->acked = true;
	for (tries = 0; tries < 8 && f->budget && rnd(f, 256) < f->rate;
	     tries++) {
		m = &mutations[rnd(f, MUTATIONS)];
		if (!(m->when & when) || !(f->kinds >> (m - mutations) & 1))
			continue;
		if (!m->make(f, dir, p))
			continue;
		m->count++;
		f->budget--;
		if (!p->len)
			return;
		if (rnd(f, 2))
			break;
	}
	emit(f, dir, p, 0);
}

#endif /* _MUTATE_H */
