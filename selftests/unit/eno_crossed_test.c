// SPDX-License-Identifier: GPL-2.0
/* net/eno/crossed.c: simultaneous open, RFC 8547, sections 4.3 and 4.6 */

#include <stdlib.h>
#include <linux/string.h>
#include "../../net/eno/eno.h"
#include "ktap.h"

static const struct eno_tep x = { .id = 0x21 };
static const struct eno_tep y = { .id = 0x23 };
static const struct eno_config cfg_a = { .teps = { &x, &y }, .nteps = 2 };
static const struct eno_config cfg_b = {
	.teps = { &x, &y }, .nteps = 2, .b = true,
};

#define SEQ	0xfffffff0

/* The peer's, with b = 1 and b = 0; ours likewise. */
static const u8 b_syn[] = { 69, 4, 0x01, 0x23 };
static const u8 a_syn[] = { 69, 3, 0x23 };
static const u8 b_other[] = { 1, 69, 5, 0x01, 0x21, 0x23 };
static const u8 b_no_tep[] = { 69, 4, 0x01, 0x24 };
static const u8 ill_formed[] = { 69, 4, 0x23, 0x80 };
static const u8 twice[] = { 69, 3, 0x23, 69, 3, 0x23 };
static const u8 bare[] = { 1, 1, 69, 2 };
static const u8 none[] = { 1, 1, 1, 0 };

#define SYN(c, opts)	syn(c, false, SEQ, opts, sizeof(opts))
#define SYNACK(c, opts)	syn(c, true, SEQ, opts, sizeof(opts))
#define ACK(c, opts)	ack(c, opts, sizeof(opts))

static void syn(struct eno_crossed *c, bool acks, u32 seq, const u8 *opts,
		size_t len)
{
	u8 *copy = exact(opts, len);

	eno_crossed_syn(c, acks, seq, copy, len);
	free(copy);
}

static void ack(struct eno_crossed *c, const u8 *opts, size_t len)
{
	u8 *copy = exact(opts, len);

	eno_crossed_ack(c, copy, len);
	free(copy);
}

static enum eno_verdict judge(const struct eno_config *cfg,
			      const struct eno_crossed *c, u32 seq,
			      struct eno_result *res)
{
	struct eno_option sent;

	eno_build(cfg, ENO_OPT_MAX, &sent);
	memset(res, 0x55, sizeof(*res));
	eno_crossed_judge(cfg, c, seq, &sent, res);
	return res->verdict;
}

#define JUDGE(cfg, c)	judge(cfg, c, SEQ, &res)

static void eno_crossed__nothing_heard(void)
{
	struct eno_crossed c = {};
	struct eno_result res;

	EXPECT_EQ(JUDGE(&cfg_a, &c), ENO_NO_OPTION);
	EXPECT_EQ(res.transcript_len, 0);
	/* not before the SYN */
	ACK(&c, bare);
	EXPECT(!c.acked);
	EXPECT_EQ(JUDGE(&cfg_a, &c), ENO_NO_OPTION);
}

static void eno_crossed__roles(void)
{
	struct eno_crossed c = {};
	struct eno_result res;

	SYN(&c, b_syn);
	EXPECT_EQ(JUDGE(&cfg_a, &c), ENO_OK);
	EXPECT_EQ(res.role, ENO_HOST_A);
	EXPECT_EQ(res.negspec, 0x23);
	EXPECT_EQ(JUDGE(&cfg_b, &c), ENO_SAME_ROLE);
	EXPECT_EQ(res.transcript_len, 0);

	memset(&c, 0, sizeof(c));
	SYN(&c, a_syn);
	EXPECT_EQ(JUDGE(&cfg_b, &c), ENO_OK);
	EXPECT_EQ(res.role, ENO_HOST_B);
	EXPECT_EQ(JUDGE(&cfg_a, &c), ENO_SAME_ROLE);
}

static void eno_crossed__first_ack(void)
{
	struct eno_crossed c = {};
	struct eno_result res;

	SYN(&c, b_syn);
	EXPECT(!c.acked);
	SYNACK(&c, b_syn);
	EXPECT(c.acked);
	EXPECT_EQ(JUDGE(&cfg_a, &c), ENO_OK);
	/* all is decided */
	ACK(&c, none);
	SYN(&c, none);
	EXPECT_EQ(JUDGE(&cfg_a, &c), ENO_OK);

	memset(&c, 0, sizeof(c));
	SYN(&c, b_syn);
	ACK(&c, bare);
	EXPECT(c.acked);
	EXPECT_EQ(JUDGE(&cfg_a, &c), ENO_OK);

	memset(&c, 0, sizeof(c));
	SYN(&c, b_syn);
	ACK(&c, none);
	EXPECT(c.acked);
	ACK(&c, bare);
	EXPECT_EQ(JUDGE(&cfg_a, &c), ENO_NO_OPTION);
}

/* A good SYN, then another, and that with an acknowledgment. */
static void after_syn(const u8 *opts, size_t len, enum eno_verdict verdict,
		      struct eno_result *res)
{
	struct eno_crossed c = {};

	SYN(&c, b_syn);
	syn(&c, false, SEQ, opts, len);
	EXPECT_EQ(judge(&cfg_a, &c, SEQ, res), verdict);
	/* what came once is not undone */
	SYN(&c, b_syn);
	EXPECT_EQ(judge(&cfg_a, &c, SEQ, res), verdict);
	memset(&c, 0, sizeof(c));
	SYN(&c, b_syn);
	syn(&c, true, SEQ, opts, len);
	EXPECT_EQ(judge(&cfg_a, &c, SEQ, res), verdict);
}

#define AFTER_SYN(opts, verdict)					\
	after_syn((opts), sizeof(opts), (verdict), &res)

static void eno_crossed__later_syn(void)
{
	struct eno_result res;

	AFTER_SYN(none, ENO_NO_OPTION);
	AFTER_SYN(ill_formed, ENO_ILL_FORMED);
	AFTER_SYN(twice, ENO_MANY);
	AFTER_SYN(b_no_tep, ENO_NO_TEP);
	AFTER_SYN(a_syn, ENO_SAME_ROLE);
	AFTER_SYN(b_syn, ENO_OK);
	/* altered, but good: the transcript has the first */
	AFTER_SYN(b_other, ENO_OK);
	EXPECT_EQ(res.transcript_len, 4 + sizeof(b_syn));
	EXPECT_MEM(res.transcript + 4, b_syn, sizeof(b_syn));
}

/* Section 4.6, items 2 and 3: any SYN; not just the first and the last */
static void eno_crossed__altered_twice(void)
{
	struct eno_crossed c = {};
	struct eno_result res;

	SYN(&c, b_syn);
	SYN(&c, b_other);
	SYN(&c, b_syn);
	SYN(&c, b_other);
	EXPECT_EQ(JUDGE(&cfg_a, &c), ENO_OK);
	SYN(&c, b_no_tep);
	EXPECT_EQ(JUDGE(&cfg_a, &c), ENO_ILL_FORMED);
	memset(&c, 0, sizeof(c));
	SYN(&c, b_syn);
	SYN(&c, b_no_tep);
	SYNACK(&c, b_other);
	EXPECT(JUDGE(&cfg_a, &c) != ENO_OK);
	SYNACK(&c, b_syn);
	EXPECT(JUDGE(&cfg_a, &c) != ENO_OK);
}

static void first_syn(const u8 *opts, size_t len, enum eno_verdict verdict)
{
	struct eno_crossed c = {};
	struct eno_result res;

	syn(&c, false, SEQ, opts, len);
	EXPECT_EQ(JUDGE(&cfg_a, &c), verdict);
	SYNACK(&c, b_syn);
	EXPECT_EQ(JUDGE(&cfg_a, &c), verdict);
}

#define FIRST_SYN(opts, verdict) first_syn((opts), sizeof(opts), (verdict))

static void eno_crossed__first_syn(void)
{
	FIRST_SYN(none, ENO_NO_OPTION);
	FIRST_SYN(ill_formed, ENO_ILL_FORMED);
	FIRST_SYN(twice, ENO_MANY);
	FIRST_SYN(b_no_tep, ENO_NO_TEP);
	FIRST_SYN(a_syn, ENO_SAME_ROLE);
}

static void eno_crossed__other_sequence(void)
{
	struct eno_crossed c = {};
	struct eno_result res;

	SYN(&c, none);
	/* TCP took another SYN than that */
	EXPECT_EQ(judge(&cfg_a, &c, SEQ + 1, &res), ENO_NO_OPTION);
	syn(&c, false, SEQ + 1, b_syn, sizeof(b_syn));
	EXPECT_EQ(judge(&cfg_a, &c, SEQ + 1, &res), ENO_OK);
	EXPECT_EQ(judge(&cfg_a, &c, SEQ, &res), ENO_NO_OPTION);
	EXPECT(!c.acked);
}

static void eno_crossed__mandatory_aware(void)
{
	static const u8 aware[] = { 69, 4, 0x03, 0x23 };
	struct eno_config cfg = cfg_a;
	struct eno_crossed c = {};
	struct eno_result res;

	cfg.aware = true;
	cfg.mandatory = true;
	SYN(&c, b_syn);
	EXPECT_EQ(JUDGE(&cfg, &c), ENO_NOT_AWARE);
	memset(&c, 0, sizeof(c));
	SYN(&c, aware);
	EXPECT_EQ(JUDGE(&cfg, &c), ENO_OK);
	EXPECT(res.peer_aware);
}

const struct ktap_case eno_crossed_cases[] = {
	KTAP_CASE(eno_crossed__nothing_heard),
	KTAP_CASE(eno_crossed__roles),
	KTAP_CASE(eno_crossed__first_ack),
	KTAP_CASE(eno_crossed__first_syn),
	KTAP_CASE(eno_crossed__later_syn),
	KTAP_CASE(eno_crossed__altered_twice),
	KTAP_CASE(eno_crossed__other_sequence),
	KTAP_CASE(eno_crossed__mandatory_aware),
	{}
};
