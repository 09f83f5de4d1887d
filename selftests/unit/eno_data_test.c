// SPDX-License-Identifier: GPL-2.0
/*
 * net/eno/negotiate.c: suboption data, room, and raw suboptions: RFC 8547,
 * sections 4.2, 4.4, 4.5 and 4.8
 */

#include <linux/string.h>
#include "../../net/eno/eno.h"
#include "ktap.h"

/* Of tcpcrypt's kind: no data but what the host proposed itself. */
static bool proposed(const struct eno_tep *tep, const struct eno_config *cfg,
		     const u8 *data, unsigned int len)
{
	(void)len;
	return !data || cfg->passive ||
	       (cfg->data_len && cfg->data_tep == tep->id);
}

static bool never(const struct eno_tep *tep, const struct eno_config *cfg,
		  const u8 *data, unsigned int len)
{
	(void)tep;
	(void)cfg;
	(void)len;
	return !data;
}

static const struct eno_tep x = { .id = 0x21, .valid = proposed };
static const struct eno_tep y = { .id = 0x23, .valid = proposed };
static const struct eno_tep z = { .id = 0x24, .valid = proposed };
static const struct eno_tep w = { .id = 0x7f, .valid = proposed };
static const struct eno_tep plain = { .id = 0x30, .valid = never };

#define OPT(...) ({							\
	const u8 _bytes[] = { 69, 0, __VA_ARGS__ };			\
	struct eno_option _opt = { .len = sizeof(_bytes) };		\
									\
	memcpy(_opt.data, _bytes, sizeof(_bytes));			\
	_opt.data[1] = sizeof(_bytes);					\
	_opt; })
#define EXPECT_OPT(opt, ...)	EXPECT(same(opt, OPT(__VA_ARGS__)))

static bool same(struct eno_option opt, struct eno_option want)
{
	return opt.len == want.len && !memcmp(opt.data, want.data, want.len);
}

static struct eno_option build(const struct eno_config *cfg,
			       unsigned int room)
{
	struct eno_option opt;

	memset(&opt, 0xa5, sizeof(opt));
	eno_build(cfg, room, &opt);
	EXPECT_EQ(opt.data[1], opt.len);
	return opt;
}

static enum eno_verdict answer(const struct eno_config *cfg,
			       struct eno_option syn,
			       struct eno_option *synack)
{
	enum eno_verdict verdict;

	memset(synack, 0xa5, sizeof(*synack));
	verdict = eno_answer(cfg, &syn, synack);
	EXPECT_EQ(verdict == ENO_OK, synack->len != 0);
	return verdict;
}

static struct eno_result negotiate(const struct eno_config *cfg,
				   struct eno_option sent,
				   struct eno_option received)
{
	struct eno_result res;

	memset(&res, 0xa5, sizeof(res));
	eno_negotiate(cfg, &sent, &received, &res);
	return res;
}

/* Section 4.4: the last suboption needs no length byte. */
static void eno_build__data_goes_last(void)
{
	struct eno_config cfg = {
		.teps = { &x, &y, &z }, .nteps = 3, .data_tep = 0x21,
		.data_len = 3, .data = { 7, 8, 9 },
	};

	EXPECT_OPT(build(&cfg, ENO_OPT_MAX), 0x23, 0x24, 0xa1, 7, 8, 9);
	cfg.data_tep = 0x23;
	cfg.data_len = 1;
	EXPECT_OPT(build(&cfg, ENO_OPT_MAX), 0x21, 0x24, 0xa3, 7);
	cfg.b = true;
	cfg.aware = true;
	EXPECT_OPT(build(&cfg, ENO_OPT_MAX), 0x03, 0x21, 0x24, 0xa3, 7);
	cfg.data_len = 0;
	EXPECT_OPT(build(&cfg, ENO_OPT_MAX), 0x03, 0x21, 0x23, 0x24);
}

static void eno_build__longest_data(void)
{
	struct eno_config cfg = {
		.teps = { &y }, .nteps = 1, .data_tep = 0x23, .data_len = 32,
		.aware = true,
	};
	struct eno_option opt;

	memset(cfg.data, 0x5a, sizeof(cfg.data));
	opt = build(&cfg, ENO_OPT_MAX);
	EXPECT_EQ(opt.len, 2 + 1 + 1 + 32);
	EXPECT_EQ(opt.data[3], 0xa3);
	EXPECT_MEM(opt.data + 4, cfg.data, 32);
}

/* The least preferred, which come first, are left out. */
static void eno_build__room(void)
{
	const struct eno_config cfg = {
		.teps = { &x, &y, &z, &w }, .nteps = 4,
	};

	EXPECT_OPT(build(&cfg, 7), 0x21, 0x23, 0x24, 0x7f);
	EXPECT_OPT(build(&cfg, 6), 0x21, 0x23, 0x24, 0x7f);
	EXPECT_OPT(build(&cfg, 5), 0x23, 0x24, 0x7f);
	EXPECT_OPT(build(&cfg, 4), 0x24, 0x7f);
	EXPECT_OPT(build(&cfg, 3), 0x7f);
	EXPECT_OPT(build(&cfg, 2));
	EXPECT_OPT(build(&cfg, 0));
}

static void eno_build__room_with_global(void)
{
	const struct eno_config cfg = {
		.teps = { &x, &y, &z }, .nteps = 3, .aware = true,
	};

	EXPECT_OPT(build(&cfg, 6), 0x02, 0x21, 0x23, 0x24);
	EXPECT_OPT(build(&cfg, 5), 0x02, 0x23, 0x24);
	EXPECT_OPT(build(&cfg, 4), 0x02, 0x24);
	EXPECT_OPT(build(&cfg, 3), 0x02);
}

/* Resumption goes before other TEPs; longer than the room if need be. */
static void eno_build__room_with_data(void)
{
	const struct eno_config cfg = {
		.teps = { &x, &y, &z, &w }, .nteps = 4, .data_tep = 0x23,
		.data_len = 2, .data = { 7, 8 },
	};

	EXPECT_OPT(build(&cfg, 8), 0x21, 0x24, 0x7f, 0xa3, 7, 8);
	EXPECT_OPT(build(&cfg, 7), 0x24, 0x7f, 0xa3, 7, 8);
	EXPECT_OPT(build(&cfg, 6), 0x7f, 0xa3, 7, 8);
	EXPECT_OPT(build(&cfg, 5), 0xa3, 7, 8);
	EXPECT_OPT(build(&cfg, 4), 0xa3, 7, 8);
	EXPECT_OPT(build(&cfg, 0), 0xa3, 7, 8);
}

/* Any room: as many TEPs as fit, the best ones, in their order. */
static void eno_build__every_room(void)
{
	struct eno_config cfg = {
		.teps = { &x, &y, &z, &w, &plain }, .nteps = 5,
		.data_tep = 0x24,
	};
	unsigned int room, bits, fixed, ids, i;
	struct eno_option opt;

	for (bits = 0; bits < 4 * 33; bits++) {
		cfg.aware = bits & 1;
		cfg.b = bits & 2;
		cfg.data_len = bits >> 2;
		fixed = 2 + !!(bits & 3);
		if (cfg.data_len)
			fixed += 1 + cfg.data_len;
		for (room = 0; room <= ENO_OPT_MAX; room++) {
			static const u8 all[] = { 0x21, 0x23, 0x7f, 0x30 };
			static const u8 four[] = { 0x21, 0x23, 0x24, 0x7f, 0x30 };
			const u8 *list = cfg.data_len ? all : four;
			unsigned int n = cfg.data_len ? 4 : 5;

			ids = room > fixed ? room - fixed : 0;
			ids = ids > n ? n : ids;
			opt = build(&cfg, room);
			EXPECT_EQ(opt.len, fixed + ids);
			i = 2 + !!(bits & 3);
			EXPECT_MEM(opt.data + i, list + n - ids, ids);
		}
	}
}

/* Section 4.5: the passive opener SHOULD send only one TEP. */
static void eno_answer__data_tep_first(void)
{
	const struct eno_config cfg = {
		.teps = { &x, &y, &z }, .nteps = 3, .passive = true,
		.data_tep = 0x21, .data_len = 3, .data = { 4, 5, 6 },
	};
	struct eno_option synack;

	/* although others are more preferred */
	EXPECT_EQ(answer(&cfg, OPT(0x23, 0x24, 0xa1, 1, 2, 3), &synack),
		  ENO_OK);
	EXPECT_OPT(synack, 0x01, 0xa1, 4, 5, 6);
	EXPECT_EQ(answer(&cfg, OPT(0x82, 0xa1, 1, 2, 3, 0x24), &synack),
		  ENO_OK);
	EXPECT_OPT(synack, 0x01, 0xa1, 4, 5, 6);
}

static void eno_answer__data_tep_not_offered(void)
{
	const struct eno_config cfg = {
		.teps = { &x, &y, &z }, .nteps = 3, .passive = true,
		.data_tep = 0x21, .data_len = 1, .data = { 4 },
	};
	struct eno_option synack;

	EXPECT_EQ(answer(&cfg, OPT(0x24, 0x23), &synack), ENO_OK);
	EXPECT_OPT(synack, 0x01, 0x24);
	/* repeated: not valid (section 4.5, item 3) */
	EXPECT_EQ(answer(&cfg, OPT(0x21, 0x23, 0xa1, 1), &synack), ENO_OK);
	EXPECT_OPT(synack, 0x01, 0x23);
	EXPECT_EQ(answer(&cfg, OPT(0x21, 0xa1, 1), &synack), ENO_NO_TEP);
}

static void eno_answer__data_and_globals(void)
{
	struct eno_config cfg = {
		.teps = { &y }, .nteps = 1, .passive = true, .aware = true,
		.mandatory = true, .data_tep = 0x23, .data_len = 2,
		.data = { 4, 5 },
	};
	struct eno_option synack;

	EXPECT_EQ(answer(&cfg, OPT(0x23), &synack), ENO_NOT_AWARE);
	EXPECT_EQ(answer(&cfg, OPT(0x02, 0xa3, 9), &synack), ENO_OK);
	EXPECT_OPT(synack, 0x03, 0xa3, 4, 5);
	EXPECT_EQ(answer(&cfg, OPT(0x03, 0xa3, 9), &synack), ENO_SAME_ROLE);
	EXPECT_EQ(answer(&cfg, OPT(0x02, 0xa3, 9, 0x80), &synack), ENO_OK);
	EXPECT_EQ(answer(&cfg, OPT(0x02, 0x81, 0xa3, 9), &synack),
		  ENO_ILL_FORMED);
}

/* What is left when the SYN-ACK has no room for the data */
static void eno_drop_data__every_length(void)
{
	struct eno_config cfg = {
		.teps = { &x, &y }, .nteps = 2, .passive = true,
		.data_tep = 0x23,
	};
	struct eno_option synack;

	for (cfg.data_len = 0; cfg.data_len <= 32; cfg.data_len++) {
		EXPECT_EQ(answer(&cfg, OPT(0x21, 0xa3, 9), &synack), ENO_OK);
		EXPECT_EQ(synack.len, 4 + cfg.data_len);
		eno_drop_data(&synack);
		EXPECT_OPT(synack, 0x01, 0x23);
	}
	cfg.aware = true;
	EXPECT_EQ(answer(&cfg, OPT(0x21), &synack), ENO_OK);
	eno_drop_data(&synack);
	EXPECT_OPT(synack, 0x03, 0x21);
}

/* Section 4.8: where the data is in the transcript */
static void eno_negotiate__data_slices(void)
{
	const struct eno_config b = {
		.teps = { &x, &y }, .nteps = 2, .passive = true,
	};
	const struct eno_config a = {
		.teps = { &x, &y }, .nteps = 2, .data_tep = 0x23,
		.data_len = 2,
	};
	struct eno_option syn = OPT(0x21, 0xa3, 8, 9);
	struct eno_option synack = OPT(0x01, 0x82, 0xa3, 5, 6, 7, 0x24);
	struct eno_result res[2] = {
		negotiate(&a, syn, synack), negotiate(&b, synack, syn),
	};
	unsigned int i;

	for (i = 0; i < 2; i++) {
		EXPECT_EQ(res[i].verdict, ENO_OK);
		EXPECT_EQ(res[i].negspec, 0xa3);
		EXPECT_EQ(res[i].data[ENO_HOST_A].off, 4);
		EXPECT_EQ(res[i].data[ENO_HOST_A].len, 2);
		EXPECT_EQ(res[i].data[ENO_HOST_B].off, 6 + 5);
		EXPECT_EQ(res[i].data[ENO_HOST_B].len, 3);
		EXPECT_MEM(res[i].transcript + 4, "\x08\x09", 2);
		EXPECT_MEM(res[i].transcript + 11, "\x05\x06\x07", 3);
	}
}

/* By role, not by who opened; of the negotiated TEP, not of others */
static void eno_negotiate__data_of_roles(void)
{
	const struct eno_config active_b = {
		.teps = { &x, &y, &plain }, .nteps = 3, .b = true,
		.data_tep = 0x23, .data_len = 1,
	};
	struct eno_result res;

	res = negotiate(&active_b, OPT(0x01, 0x21, 0xa3, 5),
			OPT(0x80, 0xa3, 6, 0x21));
	EXPECT_EQ(res.verdict, ENO_OK);
	EXPECT_EQ(res.role, ENO_HOST_B);
	EXPECT_EQ(res.data[ENO_HOST_A].off, 4);
	EXPECT_EQ(res.data[ENO_HOST_A].len, 1);
	EXPECT_EQ(res.transcript[4], 6);
	EXPECT_EQ(res.data[ENO_HOST_B].off, 6 + 5);
	EXPECT_EQ(res.transcript[11], 5);
	/* v = 0 and v = 1 without data: none */
	res = negotiate(&active_b, OPT(0x01, 0xa3), OPT(0x23));
	EXPECT_EQ(res.negspec, 0xa3);
	EXPECT_EQ(res.data[ENO_HOST_A].len, 0);
	EXPECT_EQ(res.data[ENO_HOST_B].len, 0);
	/* of 0x21 and not of 0x23 */
	res = negotiate(&active_b, OPT(0x01, 0xa3, 5), OPT(0x21));
	EXPECT_EQ(res.verdict, ENO_NO_TEP);
	res = negotiate(&active_b, OPT(0x01, 0x80, 0xa3, 5, 0x21), OPT(0x21));
	EXPECT_EQ(res.negspec, 0x21);
	EXPECT_EQ(res.data[ENO_HOST_A].len, 0);
	EXPECT_EQ(res.data[ENO_HOST_B].len, 0);
}

static void raw__as_it_is(void)
{
	const struct eno_option raw = OPT(0x1e, 0x7f, 0x81, 0xff, 1, 2, 0x50);
	const struct eno_config cfg = {
		.teps = { &x, &y }, .nteps = 2, .raw = &raw, .b = true,
		.aware = true, .data_tep = 0x23, .data_len = 3,
	};

	EXPECT(same(build(&cfg, ENO_OPT_MAX), raw));
	EXPECT(same(build(&cfg, 0), raw));
}

/* Any TEP that both have, system TEPs or not; repeated ones too */
static void raw__any_tep(void)
{
	const struct eno_option raw = OPT(0x7f, 0x23, 0x50, 0x50);
	const struct eno_config cfg = {
		.teps = { &x, &y }, .nteps = 2, .raw = &raw,
	};
	struct eno_result res;

	res = negotiate(&cfg, raw, OPT(0x01, 0x7f, 0x21));
	EXPECT_EQ(res.verdict, ENO_OK);
	EXPECT_EQ(res.negspec, 0x7f);
	EXPECT(!res.tep);
	res = negotiate(&cfg, raw, OPT(0x01, 0x7f, 0x23));
	EXPECT_EQ(res.negspec, 0x23);
	EXPECT(!res.tep);
	res = negotiate(&cfg, raw, OPT(0x01, 0x23, 0xd0, 1));
	EXPECT_EQ(res.negspec, 0xd0);
	EXPECT_EQ(negotiate(&cfg, raw, OPT(0x01, 0x21, 0x24)).verdict,
		  ENO_NO_TEP);
	EXPECT_EQ(negotiate(&cfg, raw, OPT(0x7f)).verdict, ENO_SAME_ROLE);
	EXPECT_EQ(negotiate(&cfg, raw, OPT(0x01, 0x7f, 0x80)).verdict,
		  ENO_ILL_FORMED);
}

/* Section 4.2: a passive opener's b bit MUST be 1. */
static void raw__passive(void)
{
	const struct eno_option good = OPT(0x01, 0x50, 0x24);
	const struct eno_option bad = OPT(0x50, 0x24);
	struct eno_config cfg = {
		.teps = { &x, &y }, .nteps = 2, .passive = true, .raw = &good,
	};
	struct eno_option synack;

	EXPECT_EQ(answer(&cfg, OPT(0x50), &synack), ENO_OK);
	EXPECT(same(synack, good));
	EXPECT_EQ(answer(&cfg, OPT(0x21, 0x23), &synack), ENO_NO_TEP);
	EXPECT_EQ(answer(&cfg, OPT(0x01, 0x50), &synack), ENO_SAME_ROLE);
	EXPECT_EQ(answer(&cfg, OPT(0x50, 0x80), &synack), ENO_ILL_FORMED);
	cfg.raw = &bad;
	EXPECT_EQ(answer(&cfg, OPT(0x50), &synack), ENO_SAME_ROLE);
	EXPECT_EQ(answer(&cfg, OPT(0x01, 0x50), &synack), ENO_SAME_ROLE);
}

static void raw__mandatory(void)
{
	const struct eno_option raw = OPT(0x02, 0x50);
	const struct eno_config cfg = { .mandatory = true, .raw = &raw };

	EXPECT_EQ(negotiate(&cfg, raw, OPT(0x01, 0x50)).verdict,
		  ENO_NOT_AWARE);
	EXPECT(negotiate(&cfg, raw, OPT(0x03, 0x50)).peer_aware);
}

/* Section 4.1: an option may be all the space there is. */
static void raw__longest(void)
{
	struct eno_option raw = { .len = 40, .data = { 69, 40, 0x01, 0xd0 } };
	const struct eno_config cfg = { .passive = true, .raw = &raw };
	struct eno_option syn = { .len = 40, .data = { 69, 40, 0xd0 } };
	struct eno_option synack;
	struct eno_result res;

	EXPECT_EQ(answer(&cfg, syn, &synack), ENO_OK);
	EXPECT(same(synack, raw));
	res = negotiate(&cfg, synack, syn);
	EXPECT_EQ(res.transcript_len, 80);
	EXPECT_EQ(res.data[ENO_HOST_A].off, 3);
	EXPECT_EQ(res.data[ENO_HOST_A].len, 37);
	EXPECT_EQ(res.data[ENO_HOST_B].off, 44);
	EXPECT_EQ(res.data[ENO_HOST_B].len, 36);
}

static void random_config(struct eno_config *cfg, struct eno_option *raw)
{
	const struct eno_tep *all[] = { &x, &y, &z, &w, &plain };
	unsigned int i, k;

	memset(cfg, 0, sizeof(*cfg));
	for (i = rnd(ARRAY_SIZE(all) + 1); i; i--) {
		k = rnd(ARRAY_SIZE(all));
		if (!all[k])
			continue;
		cfg->teps[cfg->nteps++] = all[k];
		all[k] = NULL;
	}
	cfg->aware = rnd(2);
	cfg->mandatory = !rnd(4);
	if (cfg->nteps && rnd(2)) {
		cfg->data_tep = cfg->teps[rnd(cfg->nteps)]->id;
		cfg->data_len = 1 + rnd(20);
		for (i = 0; i < cfg->data_len; i++)
			cfg->data[i] = rnd(256);
	}
	if (!rnd(8)) {
		*raw = OPT(rnd(4), 0x23, 0x80, 0xd0, rnd(256), 0x7f);
		cfg->raw = raw;
	}
}

/* Both say the same of a connection, or one of them says it is plain. */
static bool expect_agreement(const struct eno_config *a,
			     const struct eno_config *p)
{
	struct eno_option syn = build(a, rnd(ENO_OPT_MAX + 1)), synack;
	enum eno_verdict verdict = answer(p, syn, &synack);
	struct eno_result ra, rp;

	ra = negotiate(a, syn, synack);
	if (verdict != ENO_OK) {
		EXPECT(ra.verdict == ENO_NO_OPTION);
		return false;
	}
	rp = negotiate(p, synack, syn);
	EXPECT_EQ(rp.verdict, ENO_OK);
	if (!p->raw && !a->raw)
		EXPECT(ra.verdict == ENO_OK || ra.verdict == ENO_NOT_AWARE ||
		       synack.data[3] & ENO_V);
	if (ra.verdict != ENO_OK)
		return false;
	EXPECT_EQ(ra.role, ENO_HOST_A);
	EXPECT_EQ(rp.role, ENO_HOST_B);
	EXPECT_EQ(ra.negspec, rp.negspec);
	EXPECT_EQ(ra.peer_aware, !!(synack.data[2] & ENO_GLOBAL_A));
	EXPECT_EQ(ra.transcript_len, rp.transcript_len);
	EXPECT_MEM(ra.transcript, rp.transcript, ra.transcript_len);
	EXPECT_MEM(ra.data, rp.data, sizeof(ra.data));
	if (!p->raw && synack.data[3] & ENO_V) {
		EXPECT_EQ(rp.data[ENO_HOST_B].len, p->data_len);
		EXPECT_MEM(rp.transcript + rp.data[ENO_HOST_B].off, p->data,
			   p->data_len);
	}
	if (!a->raw && ra.data[ENO_HOST_A].len) {
		EXPECT_EQ(ra.data[ENO_HOST_A].len, a->data_len);
		EXPECT_MEM(ra.transcript + ra.data[ENO_HOST_A].off, a->data,
			   a->data_len);
	}
	return true;
}

static void round_trip__random(void)
{
	struct eno_option raw_a, raw_p;
	struct eno_config a, p;
	unsigned int i, ok = 0;

	for (i = 0; i < 50000; i++) {
		random_config(&a, &raw_a);
		random_config(&p, &raw_p);
		p.passive = true;
		ok += expect_agreement(&a, &p);
	}
	EXPECT(ok > 5000 && ok < 45000);
}

const struct ktap_case eno_data_cases[] = {
	KTAP_CASE(eno_build__data_goes_last),
	KTAP_CASE(eno_build__longest_data),
	KTAP_CASE(eno_build__room),
	KTAP_CASE(eno_build__room_with_global),
	KTAP_CASE(eno_build__room_with_data),
	KTAP_CASE(eno_build__every_room),
	KTAP_CASE(eno_answer__data_tep_first),
	KTAP_CASE(eno_answer__data_tep_not_offered),
	KTAP_CASE(eno_answer__data_and_globals),
	KTAP_CASE(eno_drop_data__every_length),
	KTAP_CASE(eno_negotiate__data_slices),
	KTAP_CASE(eno_negotiate__data_of_roles),
	KTAP_CASE(raw__as_it_is),
	KTAP_CASE(raw__any_tep),
	KTAP_CASE(raw__passive),
	KTAP_CASE(raw__mandatory),
	KTAP_CASE(raw__longest),
	KTAP_CASE(round_trip__random),
	{}
};
