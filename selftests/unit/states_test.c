// SPDX-License-Identifier: GPL-2.0
/*
 * Every state and every event: ENO in a three-way handshake and in a
 * simultaneous open (RFC 8547, section 4.6), generations of keys (RFC 8548,
 * section 3.8), and a connection's states. What is expected comes from the
 * RFCs' rules, in tables.
 */

#include <linux/string.h>
#include "../../net/eno/eno.h"
#include "../../net/sock/state.h"
#include "../../net/tcpcrypt/tcpcrypt.h"
#include "ktap.h"

static const struct eno_tep x = { .id = 0x21 };
static const struct eno_tep y = { .id = 0x23 };

/* What the peer's segment may have, with its own TEPs behind the globals */
struct offer {
	u8	len, bytes[6];
	bool	ill_formed;
	u8	tep;	/* what is negotiated: the last valid one; 0: none */
};

/* Behind the first global suboption; sections 4.4, 4.5 */
static const struct offer offers[] = {
	{ 0, {}, false, 0 },
	{ 1, { 0x21 }, false, 0x21 },
	{ 2, { 0x21, 0x23 }, false, 0x23 },
	{ 2, { 0x23, 0x21 }, false, 0x21 },
	{ 1, { 0x24 }, false, 0 },
	{ 3, { 0x21, 0x23, 0x23 }, false, 0x21 },
	{ 2, { 0x23, 0x23 }, false, 0 },
	{ 3, { 0x23, 0x02, 0x03 }, false, 0x23 },
	{ 3, { 0x21, 0xa3, 0x07 }, false, 0x23 },
	{ 4, { 0x80, 0xa3, 0x07, 0x24 }, false, 0x23 },
	{ 2, { 0x23, 0x80 }, true, 0 },
	{ 3, { 0x23, 0x81, 0xa1 }, true, 0 },
	{ 3, { 0x80, 0x23, 0x21 }, true, 0 },
};

/* Sets of verdicts: which is told matters to counters only. */
#define IN(verdict)	(1u << (verdict))

/* Section 4.6: the reasons to disable ENO that hold */
static unsigned int reasons(const struct eno_config *cfg, bool own_b, u8 global,
			    const struct offer *o)
{
	unsigned int set = 0;

	if (o->ill_formed)
		return IN(ENO_ILL_FORMED);
	if (!o->tep)
		set |= IN(ENO_NO_TEP);
	if (own_b == (global & 1))
		set |= IN(ENO_SAME_ROLE);
	if (cfg->mandatory && !(global & 2))
		set |= IN(ENO_NOT_AWARE);
	return set ? : IN(ENO_OK);
}

static void hear(struct eno_option *opt, int global, const struct offer *o)
{
	*opt = (struct eno_option){ .len = 2, .data = { 69 } };
	if (global >= 0)
		opt->data[opt->len++] = global;
	memcpy(opt->data + opt->len, o->bytes, o->len);
	opt->len += o->len;
	opt->data[1] = opt->len;
}

/* What a host B that prefers y takes of an offer; section 4.5, item 3 */
static u8 choice(const struct offer *o)
{
	unsigned int i, n[2] = {};

	for (i = 0; i < o->len; i++) {
		n[0] += (o->bytes[i] & 0x7f) == 0x21;
		n[1] += (o->bytes[i] & 0x7f) == 0x23;
	}
	return n[1] == 1 ? 0x23 : n[0] == 1 ? 0x21 : 0;
}

/* An active opener, either b; what it sent names x and y. */
static void one_active(const struct eno_config *cfg, int global,
		       const struct offer *o)
{
	struct eno_option sent, heard;
	/* implicit: 0x00; another one of the peer's is ignored if one came */
	u8 first = global < 0 ? 0 : global;
	unsigned int want;
	struct eno_result res;

	/* without a global suboption in front the one in the offer counts */
	if (global < 0 && o->len > 1 && o->bytes[1] < 0x20)
		first = o->bytes[1];
	eno_build(cfg, ENO_OPT_MAX, &sent);
	hear(&heard, global, o);
	eno_negotiate(cfg, &sent, &heard, &res);
	want = reasons(cfg, cfg->b, first, o);
	EXPECT(IN(res.verdict) & want);
	if (res.verdict != ENO_OK)
		return;
	EXPECT_EQ(res.role, cfg->b ? ENO_HOST_B : ENO_HOST_A);
	EXPECT_EQ(res.peer_aware, first >> 1 & 1);
	/* the last one of host B's: ours names x, then y */
	EXPECT_EQ(res.negspec & 0x7f, cfg->b ? choice(o) : o->tep);
}

/* Each configuration, each global suboption or none, each offer */
static void negotiate__active_pairs(void)
{
	unsigned int bits, i;
	int global;

	for (bits = 0; bits < 8; bits++) {
		const struct eno_config cfg = {
			.teps = { &x, &y }, .nteps = 2, .b = bits & 1,
			.aware = bits & 2, .mandatory = bits & 4,
		};

		for (global = -1; global < 0x20; global++)
			for (i = 0; i < ARRAY_SIZE(offers); i++)
				one_active(&cfg, global, &offers[i]);
	}
}

static void negotiate__passive_pairs(void)
{
	struct eno_option syn, synack;
	unsigned int bits, i, want;
	enum eno_verdict verdict;
	int global;
	u8 first;

	for (bits = 0; bits < 4; bits++) {
		const struct eno_config cfg = {
			.teps = { &x, &y }, .nteps = 2, .passive = true,
			.aware = bits & 1, .mandatory = bits & 2,
		};

		for (global = -1; global < 0x20; global++) {
			for (i = 0; i < ARRAY_SIZE(offers); i++) {
				const struct offer *o = &offers[i];

				first = global < 0 ? 0 : global;
				if (global < 0 && o->len > 1 &&
				    o->bytes[1] < 0x20)
					first = o->bytes[1];
				hear(&syn, global, o);
				verdict = eno_answer(&cfg, &syn, &synack);
				want = reasons(&cfg, true, first, o);
				EXPECT(IN(verdict) & want);
				EXPECT_EQ(synack.len,
					  verdict == ENO_OK ? 4 : 0);
				if (verdict != ENO_OK)
					continue;
				/* section 4.2: b = 1, z = 0 */
				EXPECT_EQ(synack.data[2], bits & 1 ? 3 : 1);
				EXPECT_EQ(synack.data[3], choice(o));
			}
		}
	}
}

/*
 * A simultaneous open, seen by host A. States: nothing heard (0), good so far
 * (g), good with one alteration (a), to be plain (b), and once a segment has
 * acknowledged our SYN, for good: encrypted (G), plain (B).
 */
static const u8 first[] = { 69, 5, 0x01, 0x21, 0x23 };
static const u8 alt1[] = { 69, 4, 0x01, 0x23 };
static const u8 alt2[] = { 1, 69, 4, 0x01, 0x21 };
static const u8 bad_tep[] = { 69, 4, 0x01, 0x24 };
static const u8 bad_role[] = { 69, 3, 0x23 };
static const u8 ill[] = { 69, 4, 0x23, 0x80 };
static const u8 twice[] = { 69, 4, 0x01, 0x23, 69, 4, 0x01, 0x23 };
static const u8 none[] = { 1, 1, 1, 0 };
static const u8 bare[] = { 1, 1, 69, 2 };
static const u8 broken[] = { 8, 1, 69, 2 };

enum kind { SYN, SYNACK, ACK, NEW_SYN, NEW_SYNACK };

/* New state by old one, in the order of "0gabGB" */
static const struct event {
	enum kind	kind;
	const u8	*opts;
	u8		len;
	char		next[7];
} events[] = {
#define EVENT(kind, opts, next)	{ kind, opts, sizeof(opts), next }
	EVENT(SYN, first, "ggabGB"),
	EVENT(SYN, alt1, "gaabGB"),
	/* section 4.6: MUST NOT alter; once is borne, twice is not */
	EVENT(SYN, alt2, "gabbGB"),
	/* items 1 to 3 */
	EVENT(SYN, bad_tep, "bbbbGB"),
	EVENT(SYN, bad_role, "bbbbGB"),
	EVENT(SYN, ill, "bbbbGB"),
	EVENT(SYN, none, "bbbbGB"),
	/* section 4.1: several are none */
	EVENT(SYN, twice, "bbbbGB"),
	EVENT(SYN, broken, "bbbbGB"),
	EVENT(SYNACK, first, "gGGBGB"),
	EVENT(SYNACK, alt1, "gGGBGB"),
	EVENT(SYNACK, bad_tep, "bBBBGB"),
	EVENT(SYNACK, bad_role, "bBBBGB"),
	EVENT(SYNACK, ill, "bBBBGB"),
	EVENT(SYNACK, none, "bBBBGB"),
	EVENT(SYNACK, twice, "bBBBGB"),
	/* section 4.1: contents of a non-SYN segment's are ignored */
	EVENT(ACK, bare, "0GGBGB"),
	EVENT(ACK, ill, "0GGBGB"),
	EVENT(ACK, twice, "0GGBGB"),
	EVENT(ACK, none, "0BBBGB"),
	EVENT(ACK, broken, "0BBBGB"),
	/* another attempt of the peer's */
	EVENT(NEW_SYN, first, "gggggg"),
	EVENT(NEW_SYN, none, "bbbbbb"),
	EVENT(NEW_SYN, bad_tep, "bbbbbb"),
	EVENT(NEW_SYNACK, first, "gggggg"),
};

static const char state_names[] = "0gabGB";

static void apply(struct eno_crossed *c, u32 *seq, const struct event *e)
{
	if (e->kind == ACK) {
		eno_crossed_ack(c, e->opts, e->len);
		return;
	}
	*seq += e->kind >= NEW_SYN;
	eno_crossed_syn(c, e->kind == SYNACK || e->kind == NEW_SYNACK, *seq,
			e->opts, e->len);
}

/* The ways into a state, of the events by their index */
static void enter(char state, struct eno_crossed *c, u32 *seq)
{
	static const struct {
		char	state;
		u8	n, path[3];
	} ways[] = {
		{ '0', 0, {} }, { 'g', 1, { 0 } }, { 'a', 2, { 0, 1 } },
		{ 'b', 2, { 0, 6 } }, { 'G', 2, { 0, 9 } },
		{ 'B', 2, { 0, 19 } },
	};
	unsigned int i, k;

	memset(c, 0, sizeof(*c));
	*seq = 0xffffffff;
	for (i = 0; i < ARRAY_SIZE(ways); i++)
		for (k = 0; ways[i].state == state && k < ways[i].n; k++)
			apply(c, seq, &events[ways[i].path[k]]);
}

static char state_of(const struct eno_crossed *c, u32 seq)
{
	const struct eno_config cfg = { .teps = { &x, &y }, .nteps = 2 };
	struct eno_option sent;
	struct eno_result res;

	eno_build(&cfg, ENO_OPT_MAX, &sent);
	eno_crossed_judge(&cfg, c, seq, &sent, &res);
	if (!c->heard) {
		EXPECT_EQ(res.verdict, ENO_NO_OPTION);
		return '0';
	}
	if (res.verdict != ENO_OK)
		return c->acked ? 'B' : 'b';
	EXPECT_EQ(res.role, ENO_HOST_A);
	return c->acked ? 'G' : c->other.len ? 'a' : 'g';
}

static void crossed__every_pair(void)
{
	struct eno_crossed c;
	unsigned int i, s;
	u32 seq;

	for (s = 0; state_names[s]; s++) {
		enter(state_names[s], &c, &seq);
		EXPECT_EQ(state_of(&c, seq), state_names[s]);
		for (i = 0; i < ARRAY_SIZE(events); i++) {
			enter(state_names[s], &c, &seq);
			apply(&c, &seq, &events[i]);
			EXPECT_EQ(state_of(&c, seq), events[i].next[s]);
		}
	}
}

/* Any three events: the state is all that the past leaves. */
static void crossed__every_sequence(void)
{
	const unsigned int n = ARRAY_SIZE(events);
	unsigned int i, k, at;
	struct eno_crossed c;
	u32 seq;

	for (i = 0; i < n * n * n; i++) {
		const u8 *other = alt1;
		char want = '0';

		memset(&c, 0, sizeof(c));
		seq = 7;
		for (k = 0, at = i; k < 3; k++, at /= n) {
			const struct event *e = &events[at % n];
			bool begins = want == '0' || e->kind >= NEW_SYN;

			/* the table is for this first SYN and this other one */
			if (begins && e->kind != ACK && e->opts != first)
				break;
			if (want == 'a' && other != alt1)
				break;
			if (want == 'g' && e->opts == alt2)
				other = alt2;
			apply(&c, &seq, e);
			want = e->next[strchr(state_names, want) -
				       state_names];
			EXPECT_EQ(state_of(&c, seq), want);
		}
	}
}

/*
 * Generations: a host that has sent the key of its generation must not go
 * back, answers each of the peer's with one of its own, and nothing else
 * makes it send an empty frame under a new key.
 */
enum { ASK, PEER, EMPTY, DATA, LIMIT };

/* What section 3.8 says, counted: generations, and who asked */
struct model {
	u64	local, remote;
	bool	asked;
};

static bool model_seals(struct model *m, bool limit)
{
	bool rekey = m->asked || m->remote > m->local || limit;

	m->local += rekey;
	m->asked = false;
	return rekey;
}

static void generation(struct tcpcrypt_gen *g, struct model *m, int event)
{
	u32 len = event == EMPTY ? 0 : 100;
	u64 max = event == LIMIT ? 150 : ~0ULL;
	bool limit = event == LIMIT && g->bytes && g->bytes + len > max;
	bool rekey;

	switch (event) {
	case ASK:
		/* MUST NOT initiate while that is outstanding */
		EXPECT_EQ(tcpcrypt_gen_busy(g),
			  m->asked || m->local > m->remote);
		if (!tcpcrypt_gen_busy(g))
			m->asked = true;
		g->asked = m->asked;
		break;
	case PEER:
		g->remote++;
		m->remote++;
		break;
	default:
		if (tcpcrypt_gen_wants(g, len, max, false))
			tcpcrypt_gen_advance(g);
		rekey = g->unused;
		tcpcrypt_gen_sealed(g, len);
		EXPECT_EQ(rekey, model_seals(m, limit));
		EXPECT_EQ(g->frames ? 1 : 0, 1);
		if (rekey)
			EXPECT_EQ(g->frames, 1);
	}
	EXPECT_EQ(g->local, m->local);
	EXPECT_EQ(g->remote, m->remote);
	EXPECT_EQ(tcpcrypt_gen_owes(g), m->asked || m->remote > m->local);
}

/* Each sequence of seven of the five events, from each of three beginnings */
static void generations__every_sequence(void)
{
	static const u64 begin[] = { 0, 0xffffffff, 0xfffffffffffffff0ULL };
	unsigned int b, i, k, at;

	for (b = 0; b < ARRAY_SIZE(begin); b++) {
		for (i = 0; i < 5 * 5 * 5 * 5 * 5 * 5 * 5; i++) {
			struct tcpcrypt_gen g = {
				.local = begin[b], .remote = begin[b],
			};
			struct model m = { begin[b], begin[b], false };

			for (k = 0, at = i; k < 7; k++, at /= 5)
				generation(&g, &m, at % 5);
		}
	}
}

/*
 * Rows and columns as the enum. RFC 8547, section 4.6: once encryption is
 * enabled nothing is presented as plaintext, so KEYING and OPEN end only in
 * FAILED; a connection that was plain stays plain.
 */
static void state__every_pair(void)
{
	static const char *const follows[] = {
		[TCPCRYPT_TAKEN]	= ".spk.f",
		[TCPCRYPT_SYN_SENT]	= "tspk.f",
		[TCPCRYPT_PLAIN]	= "t.p...",
		[TCPCRYPT_KEYING]	= "....of",
		[TCPCRYPT_OPEN]		= ".....f",
		[TCPCRYPT_FAILED]	= ".....f",
	};
	unsigned int from, to;

	for (from = 0; from < ARRAY_SIZE(follows); from++)
		for (to = 0; to < ARRAY_SIZE(follows); to++)
			EXPECT_EQ(tcpcrypt_state_follows(from, to),
				  follows[from][to] != '.');
}

const struct ktap_case states_cases[] = {
	KTAP_CASE(negotiate__active_pairs),
	KTAP_CASE(negotiate__passive_pairs),
	KTAP_CASE(crossed__every_pair),
	KTAP_CASE(crossed__every_sequence),
	KTAP_CASE(generations__every_sequence),
	KTAP_CASE(state__every_pair),
	{}
};
