// SPDX-License-Identifier: GPL-2.0
/*
 * net/sock/cache.c: limits, and what becomes of a secret: RFC 8548, section
 * 3.5. In init_net, which has none of the module's own caches while this runs.
 */

#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/net_namespace.h>
#include "../../net/ctl/ctl.h"
#include "../../net/sock/cache.h"
#include "../../net/sock/sock.h"
#include "../unit/ktap.h"
#include "kunit.h"

#define ADDR_MAX	32

unsigned int tcpcrypt_net_id;
static u32 now_epoch = 1;

/* Of net/sock/stale.c: it has hooks that must not stand here. */
bool tcpcrypt_stale(u32 made)
{
	return made != now_epoch;
}

static struct tcpcrypt_net *tn(void)
{
	return tcpcrypt_net(&init_net);
}

static int __net_init begin(struct net *net)
{
	struct tcpcrypt_net *n = tcpcrypt_net(net);
	int err;

	n->mibs = alloc_percpu(struct tcpcrypt_mibs);
	if (!n->mibs)
		return -ENOMEM;
	n->cache_max = 100;
	n->cache_lifetime = 3600;
	err = tcpcrypt_cache_init(net);
	if (err)
		free_percpu(n->mibs);
	return err;
}

static void __net_exit end(struct net *net)
{
	tcpcrypt_cache_exit(net);
	free_percpu(tcpcrypt_net(net)->mibs);
}

static struct pernet_operations ops = {
	.init = begin, .exit = end, .id = &tcpcrypt_net_id,
	.size = sizeof(struct tcpcrypt_net),
};

int cache_start(void)
{
	return register_pernet_subsys(&ops);
}

void cache_finish(void)
{
	unregister_pernet_subsys(&ops);
}

static u64 counter(enum tcpcrypt_mib mib)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(tn()->mibs, cpu)->count[mib];
	return sum;
}

static const struct in6_addr *addr_of(u8 n)
{
	static struct in6_addr addr;

	memset(&addr, 0, sizeof(addr));
	addr.s6_addr[15] = n;
	return &addr;
}

/* The half that the peer sends of ticket @n, host A's or B's */
static const u8 *half_of(u16 n)
{
	static u8 half[TCPCRYPT_HALF_LEN];

	memset(half, 0xcc, sizeof(half));
	half[0] = n;
	half[8] = n >> 8;
	return half;
}

static struct tcpcrypt_ticket *put(u16 n, u8 addr, u16 port)
{
	struct tcpcrypt_ticket *t = kzalloc(sizeof(*t), GFP_KERNEL | __GFP_NOFAIL);

	t->addr = *addr_of(addr);
	t->port = htons(port);
	t->tep = 0x23;
	t->aead = 2;
	t->epoch = now_epoch;
	t->host_a = n & 1;
	memset(t->id, 0x11, sizeof(t->id));
	memcpy(t->id + (t->host_a ? 9 : 0), half_of(n), TCPCRYPT_HALF_LEN);
	tcpcrypt_cache_put(&init_net, t);
	return t;
}

static bool any(const void *priv, u16 id)
{
	return !priv || *(const u16 *)priv == id;
}

static bool any_tep(const void *priv, u8 tep)
{
	return true;
}

static const struct tcpcrypt_wanted wanted = { .tep = any_tep, .aead = any };

/* Takes what there is for an address. Return: its number, -1 if nothing */
static int take(u8 addr, u16 port)
{
	struct tcpcrypt_ticket *t;
	const u8 *half;
	int n;

	t = tcpcrypt_cache_take(&init_net, addr_of(addr), htons(port), &wanted);
	if (!t)
		return -1;
	half = t->id + (t->host_a ? 9 : 0);
	n = half[0] | half[8] << 8;
	tcpcrypt_ticket_free(t);
	return n;
}

static void restart(int max)
{
	now_epoch = 1;
	tcpcrypt_cache_flush(&init_net);
	WRITE_ONCE(tn()->cache_max, max);
	WRITE_ONCE(tn()->cache_lifetime, 3600);
}

/* Used once: RFC 8548, section 3.5 */
static void cache__once(void)
{
	restart(100);
	put(1, 7, 80);
	EXPECT_EQ(take(8, 80), -1);
	EXPECT_EQ(take(7, 80), 1);
	EXPECT_EQ(take(7, 80), -1);
	EXPECT(!tcpcrypt_cache_drop(&init_net, half_of(1)));
}

/* cache_max: nothing, one, some; the oldest goes */
static void cache__most(void)
{
	static const int limits[] = { 0, 1, 2, 7, 100 };
	u64 evicted;
	unsigned int i;
	int n, max;

	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		max = limits[i];
		restart(max);
		evicted = counter(TCPCRYPT_MIB_CACHEEVICTED);
		for (n = 0; n < max + 3; n++)
			put(n, n, 80);
		EXPECT_EQ(counter(TCPCRYPT_MIB_CACHEEVICTED) - evicted,
			  max ? 3 : 0);
		for (n = 0; n < max + 3; n++)
			EXPECT_EQ(take(n, 80), n < 3 ? -1 : n);
	}
}

static void cache__shrink(void)
{
	int n;

	restart(20);
	for (n = 0; n < 20; n++)
		put(n, n, 80);
	WRITE_ONCE(tn()->cache_max, 20);
	tcpcrypt_cache_shrink(tn()->cache);
	EXPECT(tcpcrypt_cache_drop(&init_net, half_of(0)));
	WRITE_ONCE(tn()->cache_max, 5);
	tcpcrypt_cache_shrink(tn()->cache);
	for (n = 0; n < 20; n++)
		EXPECT_EQ(take(n, 80), n < 15 ? -1 : n);
	put(1, 1, 80);
	WRITE_ONCE(tn()->cache_max, 0);
	tcpcrypt_cache_shrink(tn()->cache);
	EXPECT_EQ(take(1, 80), -1);
}

/* 32 of one address: the oldest of its own goes, of others none */
static void cache__most_of_address(void)
{
	int n;

	restart(1000);
	put(500, 2, 80);
	for (n = 0; n < ADDR_MAX; n++)
		put(n, 1, 80);
	EXPECT(tcpcrypt_cache_drop(&init_net, half_of(0)));
	put(ADDR_MAX, 1, 80);
	EXPECT(tcpcrypt_cache_drop(&init_net, half_of(1)));
	put(ADDR_MAX + 1, 1, 80);
	/* full again: 2 to 33 */
	put(ADDR_MAX + 2, 1, 80);
	EXPECT(!tcpcrypt_cache_drop(&init_net, half_of(2)));
	for (n = 3; n <= ADDR_MAX + 2; n++)
		EXPECT(tcpcrypt_cache_drop(&init_net, half_of(n)));
	EXPECT_EQ(take(2, 80), 500);
}

/* Of that port, else what the peer opened, else of another one */
static void cache__ports(void)
{
	restart(100);
	put(1, 1, 81);
	put(2, 1, 0);
	put(3, 1, 80);
	put(4, 1, 82);
	EXPECT_EQ(take(1, 80), 3);
	EXPECT_EQ(take(1, 80), 2);
	EXPECT_EQ(take(1, 81), 1);
	EXPECT_EQ(take(1, 80), 4);
	EXPECT_EQ(take(1, 80), -1);
}

static void cache__wanted(void)
{
	static const u16 other = 1, good = 2;
	struct tcpcrypt_wanted w = wanted;

	restart(100);
	put(1, 1, 80);
	w.priv = &other;
	EXPECT(!tcpcrypt_cache_take(&init_net, addr_of(1), htons(80), &w));
	w.priv = &good;
	tcpcrypt_ticket_free(tcpcrypt_cache_take(&init_net, addr_of(1),
						 htons(80), &w));
	EXPECT_EQ(take(1, 80), -1);
}

/* Seconds, and the bounds of what the clock can count */
static void cache__lifetime(void)
{
	struct tcpcrypt_ticket *t;

	restart(100);
	WRITE_ONCE(tn()->cache_lifetime, 0);
	put(1, 1, 80);
	EXPECT_EQ(take(1, 80), -1);
	WRITE_ONCE(tn()->cache_lifetime, 7 * 24 * 3600);
	t = put(2, 2, 80);
	EXPECT(time_after(t->expires, jiffies));
	t->expires = jiffies;
	EXPECT_EQ(take(2, 80), -1);
	t = put(3, 3, 80);
	t->expires = jiffies - 1;
	EXPECT_EQ(take(3, 80), -1);
	t = put(4, 4, 80);
	t->expires = jiffies + 60 * HZ;
	EXPECT_EQ(take(4, 80), 4);
	tcpcrypt_cache_flush(&init_net);
}

/*
 * Every state of a secret and every event: cached (c), a SYN's of owner 7
 * (r), from before a cloning of the machine (s), gone (g). The answer is 1 if
 * the event gets the secret or has an effect, 0 if not.
 */
enum {
	TAKE, RESERVE_7, RESERVE_8, RESERVE_TEP, CLAIM_7, CLAIM_8, RELEASE_7,
	RELEASE_8, DROP, FLUSH,
};

static const struct {
	const char	*name, *next, *answer;
} events[] = {
	/* from c, r, s, g */
	[TAKE]		= { "take", "grsg", "1000" },
	[RESERVE_7]	= { "reserve, 7", "rrsg", "1100" },
	[RESERVE_8]	= { "reserve, 8", "8rsg", "1000" },
	[RESERVE_TEP]	= { "reserve, other TEP", "crsg", "0000" },
	[CLAIM_7]	= { "claim, 7", "cgsg", "0100" },
	[CLAIM_8]	= { "claim, 8", "crsg", "0000" },
	[RELEASE_7]	= { "release, 7", "cgsg", "...." },
	[RELEASE_8]	= { "release, 8", "crsg", "...." },
	[DROP]		= { "drop", "gggg", "1110" },
	[FLUSH]		= { "flush", "gggg", "...." },
};

static const char ticket_states[] = "crsg";

static char event(unsigned int e)
{
	const u8 *half = half_of(1);
	u8 own[TCPCRYPT_HALF_LEN];
	struct tcpcrypt_ticket *t;
	bool yes;

	switch (e) {
	case TAKE:
		return take(1, 80) < 0 ? '0' : '1';
	case RESERVE_7:
	case RESERVE_8:
	case RESERVE_TEP:
		yes = tcpcrypt_cache_reserve(&init_net, half,
					     e == RESERVE_TEP ? 0x21 : 0x23,
					     e == RESERVE_8 ? 8 : 7, &wanted,
					     own);
		if (yes)
			EXPECT_EQ(own[4], 0x11);
		return yes ? '1' : '0';
	case CLAIM_7:
	case CLAIM_8:
		t = tcpcrypt_cache_claim(&init_net, half,
					 e == CLAIM_8 ? 8 : 7);
		yes = t;
		tcpcrypt_ticket_free(t);
		return yes ? '1' : '0';
	case RELEASE_7:
	case RELEASE_8:
		tcpcrypt_cache_release(&init_net, half,
				       e == RELEASE_8 ? 8 : 7);
		return '.';
	case DROP:
		return tcpcrypt_cache_drop(&init_net, half) ? '1' : '0';
	}
	tcpcrypt_cache_flush(&init_net);
	return '.';
}

static void enter(char state)
{
	restart(100);
	put(1, 1, 80);
	if (state == 'r')
		event(RESERVE_7);
	if (state == 'g')
		event(DROP);
	if (state == 's')
		now_epoch = 2;
}

/* Asks for what only one state answers; that may change it. */
static char leave(void)
{
	if (event(CLAIM_7) == '1')
		return 'r';
	if (event(CLAIM_8) == '1')
		return '8';
	if (event(TAKE) == '1')
		return 'c';
	return event(DROP) == '1' ? 's' : 'g';
}

static void ticket__every_pair(void)
{
	unsigned int s, e;

	for (s = 0; ticket_states[s]; s++) {
		for (e = 0; e < ARRAY_SIZE(events); e++) {
			enter(ticket_states[s]);
			EXPECT_EQ(event(e), events[e].answer[s]);
			EXPECT_EQ(leave(), events[e].next[s]);
		}
	}
	restart(100);
}

const struct ktap_case cache_cases[] = {
	KTAP_CASE(cache__once),
	KTAP_CASE(cache__most),
	KTAP_CASE(cache__shrink),
	KTAP_CASE(cache__most_of_address),
	KTAP_CASE(cache__ports),
	KTAP_CASE(cache__wanted),
	KTAP_CASE(cache__lifetime),
	KTAP_CASE(ticket__every_pair),
	{}
};
