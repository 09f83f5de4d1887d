// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target for simultaneous opens, RFC 8547, sections 4.3 and 4.6.
 * Input: a byte of configuration, then what the peer sends: a byte that says
 * what kind of segment it is, one for the length of its options, the options.
 * Whether ENO stays on is also counted here, as the RFC has it.
 */

#include "eno.h"

#define EVENTS_MAX	12
#define SEQ		0xfffffffe

enum {
	EVENT_SYN,
	EVENT_SYNACK,
	EVENT_ACK,
	EVENT_OTHER_SYN,	/* of another connection attempt */
};

/* One well-formed option that this host can accept? */
static bool acceptable(const struct eno_config *cfg,
		       const struct eno_option *sent, const u8 *opts,
		       unsigned int len, struct eno_option *opt,
		       struct eno_result *res)
{
	eno_find(opts, len, opt);
	eno_negotiate(cfg, sent, opt, res);
	return res->verdict == ENO_OK;
}

struct model {
	bool			syn, acked, good;
	u32			seq;
	struct eno_result	first;
	struct eno_option	opts[2];
};

static bool is_same(const struct eno_option *a, const struct eno_option *b)
{
	return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

/* Two different ones at most: the peer MUST NOT alter its option. */
static bool is_altered_twice(struct model *m, const struct eno_option *opt)
{
	if (is_same(opt, &m->opts[0]))
		return false;
	if (!m->opts[1].len)
		m->opts[1] = *opt;
	return !is_same(opt, &m->opts[1]);
}

/* All SYN segments of the peer's and the first ACK must have the option. */
static void note(struct model *m, u8 kind, bool present, bool good,
		 const struct eno_option *opt, const struct eno_result *res,
		 u32 seq)
{
	if (kind == EVENT_ACK) {
		if (m->syn && !m->acked) {
			m->acked = true;
			m->good &= present;
		}
		return;
	}
	if (!m->syn || m->seq != seq) {
		*m = (struct model){
			.syn = true, .seq = seq, .good = good, .first = *res,
			.opts = { *opt },
		};
		return;
	}
	if (m->acked)
		return;
	m->acked = kind == EVENT_SYNACK;
	m->good &= good && !is_altered_twice(m, opt);
}

static void judge(const struct eno_config *cfg, const struct eno_crossed *c,
		  const struct eno_option *sent, const struct model *m)
{
	struct eno_crossed before = *c;
	struct eno_result res, other;

	eno_crossed_judge(cfg, c, m->seq, sent, &res);
	CHECK(!memcmp(&before, c, sizeof(before)));
	CHECK((res.verdict == ENO_OK) == (m->syn && m->good));
	CHECK(c->heard == m->syn && c->acked == m->acked);
	/* section 4.8: the transcript has the first SYN */
	if (res.verdict == ENO_OK)
		CHECK(!memcmp(&res, &m->first, sizeof(res)));
	eno_crossed_judge(cfg, c, m->seq + 7, sent, &other);
	CHECK(other.verdict == ENO_NO_OPTION);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	struct eno_crossed c = {};
	struct eno_option sent, opt;
	struct eno_config cfg;
	struct eno_result res;
	struct model m = {};
	unsigned int i, len;
	bool good;
	u8 kind;
	u32 seq;

	configure(&cfg, take(&in) & ~CFG_RAW, false, NULL);
	eno_build(&cfg, ENO_OPT_MAX, &sent);
	judge(&cfg, &c, &sent, &m);
	for (i = 0; in.len && i < EVENTS_MAX; i++) {
		u8 *opts;

		kind = take(&in) & 3;
		len = take(&in) % (OPTIONS_MAX + 1);
		len = min_t(unsigned int, len, in.len);
		opts = exact(in.at, len);
		in.at += len;
		in.len -= len;
		good = acceptable(&cfg, &sent, opts, len, &opt, &res);
		seq = kind == EVENT_OTHER_SYN ? SEQ + i : SEQ;
		if (kind == EVENT_ACK)
			eno_crossed_ack(&c, opts, len);
		else
			eno_crossed_syn(&c, kind == EVENT_SYNACK, seq, opts,
					len);
		note(&m, kind, eno_present(opts, len), good, &opt, &res, seq);
		judge(&cfg, &c, &sent, &m);
		free(opts);
	}
	return 0;
}
