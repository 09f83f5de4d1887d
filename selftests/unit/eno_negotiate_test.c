// SPDX-License-Identifier: GPL-2.0
/* net/eno/negotiate.c: RFC 8547, sections 4.2, 4.3, 4.5, 4.6, 4.8 and 6 */

#include <linux/string.h>
#include "../../net/eno/eno.h"
#include "ktap.h"

/* The RFC's TEPs X, Y and Z; R may be repeated, D judges its data. */
static const struct eno_tep x = { .id = 0x21 };
static const struct eno_tep y = { .id = 0x23 };
static const struct eno_tep z = { .id = 0x24 };
static const struct eno_tep r = { .id = 0x30, .repeat = true };

/* Data of D is valid if it is absent or begins with 7; all are recorded. */
static unsigned int d_asked, d_null, d_empty;

static bool d_valid(const struct eno_tep *tep, const struct eno_config *cfg,
		    const u8 *data, unsigned int len)
{
	(void)tep;
	(void)cfg;
	d_asked++;
	if (!data) {
		d_null++;
		EXPECT_EQ(len, 0);
		return true;
	}
	if (!len) {
		d_empty++;
		return false;
	}
	return data[0] == 7;
}

static const struct eno_tep d = { .id = 0x40, .valid = d_valid };
static const struct eno_tep rd = {
	.id = 0x41, .repeat = true, .valid = d_valid,
};

static const struct eno_config a_xy = { .teps = { &x, &y }, .nteps = 2 };
static const struct eno_config b_xy = {
	.teps = { &x, &y }, .nteps = 2, .passive = true,
};

#define OPT(...) ({							\
	const u8 _bytes[] = { 69, 0, __VA_ARGS__ };			\
	struct eno_option _opt = { .len = sizeof(_bytes) };		\
									\
	memcpy(_opt.data, _bytes, sizeof(_bytes));			\
	_opt.data[1] = sizeof(_bytes);					\
	_opt; })
#define EXPECT_OPT(opt, ...)	EXPECT(same(opt, OPT(__VA_ARGS__)))
#define BUILD(opt, ...) do {						\
	const struct eno_config _cfg = { __VA_ARGS__ };			\
									\
	build(&_cfg, opt);						\
} while (0)
/* By config and the contents of the SYN segment's option */
#define ANSWER(cfg, synack, ...) ({					\
	const struct eno_option _syn = OPT(__VA_ARGS__);		\
									\
	answer(cfg, &_syn, synack); })

static bool same(struct eno_option opt, struct eno_option want)
{
	return opt.len == want.len && !memcmp(opt.data, want.data, want.len);
}

static void build(const struct eno_config *cfg, struct eno_option *opt)
{
	memset(opt, 0xa5, sizeof(*opt));
	eno_build(cfg, ENO_OPT_MAX, opt);
}

static enum eno_verdict answer(const struct eno_config *cfg,
			       const struct eno_option *syn,
			       struct eno_option *synack)
{
	enum eno_verdict verdict;

	memset(synack, 0xa5, sizeof(*synack));
	verdict = eno_answer(cfg, syn, synack);
	/* sections 4.2 and 4.5: b = 1 explicit, one TEP; else no option */
	if (verdict != ENO_OK) {
		EXPECT_EQ(synack->len, 0);
	} else {
		EXPECT_EQ(synack->len, 4);
		EXPECT_EQ(synack->data[2] & ~ENO_GLOBAL_A, ENO_GLOBAL_B);
	}
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

/* Both ends of one negotiation must come to the same. */
static struct eno_result both(const struct eno_config *a, struct eno_option opt_a,
			      const struct eno_config *b, struct eno_option opt_b)
{
	struct eno_result ra = negotiate(a, opt_a, opt_b);
	struct eno_result rb = negotiate(b, opt_b, opt_a);

	EXPECT_EQ(ra.verdict, rb.verdict);
	if (ra.verdict != ENO_OK || rb.verdict != ENO_OK)
		return ra;
	EXPECT_EQ(ra.role, ENO_HOST_A);
	EXPECT_EQ(rb.role, ENO_HOST_B);
	EXPECT_EQ(ra.tep->id, rb.tep->id);
	EXPECT_EQ(ra.negspec, rb.negspec);
	/* section 4.8 */
	EXPECT_EQ(ra.transcript_len, opt_a.len + opt_b.len);
	EXPECT_EQ(rb.transcript_len, ra.transcript_len);
	EXPECT_MEM(ra.transcript, opt_a.data, opt_a.len);
	EXPECT_MEM(ra.transcript + opt_a.len, opt_b.data, opt_b.len);
	EXPECT_MEM(ra.transcript, rb.transcript, ra.transcript_len);
	return ra;
}

/* Section 4.2: a = b = 0 by default, an implicit global suboption */
static void eno_build__default(void)
{
	struct eno_option opt;

	BUILD(&opt, .teps = { &x, &y }, .nteps = 2);
	EXPECT_OPT(opt, 0x21, 0x23);
}

static void eno_build__global_bits(void)
{
	struct eno_option opt;

	BUILD(&opt, .teps = { &y }, .nteps = 1, .aware = true);
	EXPECT_OPT(opt, 0x02, 0x23);
	BUILD(&opt, .teps = { &y }, .nteps = 1, .b = true);
	EXPECT_OPT(opt, 0x01, 0x23);
	BUILD(&opt, .teps = { &y }, .nteps = 1, .b = true, .aware = true);
	EXPECT_OPT(opt, 0x03, 0x23);
	/* what is asked of the peer is not sent */
	BUILD(&opt, .teps = { &y }, .nteps = 1, .mandatory = true);
	EXPECT_OPT(opt, 0x23);
}

static void eno_build__order(void)
{
	struct eno_option opt;

	BUILD(&opt, .teps = { &y, &x, &z }, .nteps = 3);
	EXPECT_OPT(opt, 0x23, 0x21, 0x24);
}

static void eno_build__vacuous(void)
{
	struct eno_option opt;

	BUILD(&opt, .nteps = 0);
	EXPECT_OPT(opt);
}

static void eno_build__most_teps(void)
{
	struct eno_option opt;

	BUILD(&opt, .teps = { &x, &y, &z, &r, &d, &rd, &x, &y }, .nteps = 8,
	      .b = true);
	EXPECT_OPT(opt, 0x01, 0x21, 0x23, 0x24, 0x30, 0x40, 0x41, 0x21, 0x23);
}

static void eno_answer__one_tep(void)
{
	struct eno_option synack;

	EXPECT_EQ(ANSWER(&b_xy, &synack, 0x21, 0x23), ENO_OK);
	EXPECT_OPT(synack, 0x01, 0x23);
	EXPECT_EQ(ANSWER(&b_xy, &synack, 0x21), ENO_OK);
	EXPECT_OPT(synack, 0x01, 0x21);
}

/* Section 4.5: host A does not influence TEP priority */
static void eno_answer__own_priority(void)
{
	const struct eno_config yx = {
		.teps = { &y, &x }, .nteps = 2, .passive = true,
	};
	struct eno_option synack;

	EXPECT_EQ(ANSWER(&b_xy, &synack, 0x23, 0x21), ENO_OK);
	EXPECT_OPT(synack, 0x01, 0x23);
	EXPECT_EQ(ANSWER(&yx, &synack, 0x21, 0x23), ENO_OK);
	EXPECT_OPT(synack, 0x01, 0x21);
}

static void eno_answer__unknown_teps(void)
{
	struct eno_option synack;

	EXPECT_EQ(ANSWER(&b_xy, &synack, 0x7f, 0x21, 0x24, 0xa0), ENO_OK);
	EXPECT_OPT(synack, 0x01, 0x21);
	EXPECT_EQ(ANSWER(&b_xy, &synack, 0x7f, 0x24, 0x20), ENO_NO_TEP);
}

/* Section 4.6: vacuous options have no valid TEP */
static void eno_answer__vacuous(void)
{
	const struct eno_config none = { .passive = true };
	struct eno_option empty = {}, synack;

	EXPECT_EQ(ANSWER(&b_xy, &synack), ENO_NO_TEP);
	EXPECT_EQ(ANSWER(&b_xy, &synack, 0x02), ENO_NO_TEP);
	EXPECT_EQ(ANSWER(&none, &synack, 0x21), ENO_NO_TEP);
	/* MUST NOT send one unless there was an ENO option */
	EXPECT_EQ(answer(&b_xy, &empty, &synack), ENO_NO_OPTION);
}

static void eno_answer__ill_formed(void)
{
	struct eno_option synack;

	EXPECT_EQ(ANSWER(&b_xy, &synack, 0x23, 0x80), ENO_ILL_FORMED);
	EXPECT_EQ(ANSWER(&b_xy, &synack, 0x23, 0x81, 0xa1, 1),
		  ENO_ILL_FORMED);
	EXPECT_EQ(ANSWER(&b_xy, &synack, 0x80, 0x23, 1), ENO_ILL_FORMED);
}

static void eno_answer__same_role(void)
{
	struct eno_option synack;

	EXPECT_EQ(ANSWER(&b_xy, &synack, 0x01, 0x23), ENO_SAME_ROLE);
	EXPECT_EQ(ANSWER(&b_xy, &synack, 0x23, 0x01), ENO_SAME_ROLE);
	EXPECT_EQ(ANSWER(&b_xy, &synack, 0x1f, 0x23), ENO_SAME_ROLE);
	/* section 4.2: only the first counts */
	EXPECT_EQ(ANSWER(&b_xy, &synack, 0x00, 0x01, 0x23), ENO_OK);
	EXPECT_EQ(ANSWER(&b_xy, &synack, 0x01, 0x00, 0x23), ENO_SAME_ROLE);
}

static void eno_answer__zero_bits_ignored(void)
{
	struct eno_option synack;

	EXPECT_EQ(ANSWER(&b_xy, &synack, 0x1c, 0x23), ENO_OK);
	EXPECT_OPT(synack, 0x01, 0x23);
}

static void eno_answer__application_aware(void)
{
	struct eno_config cfg = b_xy;
	struct eno_option synack;

	cfg.mandatory = true;
	EXPECT_EQ(ANSWER(&cfg, &synack, 0x23), ENO_NOT_AWARE);
	EXPECT_EQ(ANSWER(&cfg, &synack, 0x1c, 0x23), ENO_NOT_AWARE);
	EXPECT_EQ(ANSWER(&cfg, &synack, 0x02, 0x23), ENO_OK);
	EXPECT_OPT(synack, 0x01, 0x23);
	cfg.aware = true;
	EXPECT_EQ(ANSWER(&cfg, &synack, 0x02, 0x23), ENO_OK);
	EXPECT_OPT(synack, 0x03, 0x23);
	cfg.mandatory = false;
	EXPECT_EQ(ANSWER(&cfg, &synack, 0x23), ENO_OK);
	EXPECT_OPT(synack, 0x03, 0x23);
}

/* Section 4.5, item 3 */
static void eno_answer__repeated(void)
{
	const struct eno_config cfg = {
		.teps = { &x, &r, &y }, .nteps = 3, .passive = true,
	};
	struct eno_option synack;

	EXPECT_EQ(ANSWER(&cfg, &synack, 0x21, 0x23, 0x23), ENO_OK);
	EXPECT_OPT(synack, 0x01, 0x21);
	EXPECT_EQ(ANSWER(&cfg, &synack, 0x23, 0x21, 0xa3, 1), ENO_OK);
	EXPECT_OPT(synack, 0x01, 0x21);
	EXPECT_EQ(ANSWER(&cfg, &synack, 0x23, 0x23), ENO_NO_TEP);
	EXPECT_EQ(ANSWER(&cfg, &synack, 0x30, 0x21, 0x30), ENO_OK);
	EXPECT_OPT(synack, 0x01, 0x30);
}

/* Section 4.5, item 2 */
static void eno_answer__invalid_data(void)
{
	const struct eno_config cfg = {
		.teps = { &x, &d }, .nteps = 2, .passive = true,
	};
	struct eno_option synack;

	EXPECT_EQ(ANSWER(&cfg, &synack, 0x21, 0xc0, 7, 8), ENO_OK);
	EXPECT_OPT(synack, 0x01, 0x40);
	EXPECT_EQ(ANSWER(&cfg, &synack, 0x21, 0xc0, 8, 7), ENO_OK);
	EXPECT_OPT(synack, 0x01, 0x21);
	EXPECT_EQ(ANSWER(&cfg, &synack, 0x80, 0xc0, 7, 0x21), ENO_OK);
	EXPECT_OPT(synack, 0x01, 0x40);
	EXPECT_EQ(ANSWER(&cfg, &synack, 0xc0, 8), ENO_NO_TEP);
}

static void eno_answer__data_as_sent(void)
{
	const struct eno_config cfg = {
		.teps = { &d }, .nteps = 1, .passive = true,
	};
	struct eno_option synack;

	d_null = 0;
	EXPECT_EQ(ANSWER(&cfg, &synack, 0x40), ENO_OK);
	EXPECT_EQ(d_null, 1);
	d_empty = 0;
	EXPECT_EQ(ANSWER(&cfg, &synack, 0xc0), ENO_NO_TEP);
	EXPECT_EQ(d_empty, 1);
}

/* "Any suboption data in these glt suboptions is valid" */
static void eno_answer__all_repeated_data_valid(void)
{
	const struct eno_config cfg = {
		.teps = { &rd }, .nteps = 1, .passive = true,
	};
	struct eno_option synack;

	EXPECT_EQ(ANSWER(&cfg, &synack, 0x80, 0xc1, 7, 0xc1, 7), ENO_OK);
	EXPECT_EQ(ANSWER(&cfg, &synack, 0x80, 0xc1, 8, 0xc1, 7), ENO_NO_TEP);
	EXPECT_EQ(ANSWER(&cfg, &synack, 0x80, 0xc1, 7, 0xc1, 8), ENO_NO_TEP);
}

static void eno_negotiate__figure_9(void)
{
	struct eno_option syn, synack;
	struct eno_result res;

	eno_build(&a_xy, ENO_OPT_MAX, &syn);
	EXPECT_EQ(answer(&b_xy, &syn, &synack), ENO_OK);
	res = both(&a_xy, syn, &b_xy, synack);
	EXPECT_EQ(res.verdict, ENO_OK);
	EXPECT(res.tep == &y);
	EXPECT_EQ(res.negspec, 0x23);
	EXPECT(!res.peer_aware);
	EXPECT_MEM(res.transcript, "\x45\x04\x21\x23\x45\x04\x01\x23", 8);
}

static void eno_negotiate__figure_10(void)
{
	const struct eno_config only_z = {
		.teps = { &z }, .nteps = 1, .passive = true,
	};
	const struct eno_config aware = {
		.teps = { &x, &y }, .nteps = 2, .passive = true,
		.mandatory = true,
	};
	struct eno_option none = {}, syn, synack;

	eno_build(&a_xy, ENO_OPT_MAX, &syn);
	/* item 1, and what A sees of all the others */
	EXPECT_EQ(negotiate(&a_xy, syn, none).verdict, ENO_NO_OPTION);
	/* items 2 to 4 */
	EXPECT_EQ(answer(&only_z, &syn, &synack), ENO_NO_TEP);
	EXPECT_EQ(answer(&aware, &syn, &synack), ENO_NOT_AWARE);
	EXPECT_EQ(answer(&b_xy, &none, &synack), ENO_NO_OPTION);
}

/* B answers, and A must disable ENO when the answer was stripped. */
static void eno_negotiate__figure_11(void)
{
	const struct eno_config only_x = {
		.teps = { &x }, .nteps = 1, .passive = true,
	};
	const u8 stripped[] = { 2, 4, 5, 180, 1, 1, 1, 1 };
	struct eno_option syn, synack, heard;

	eno_build(&a_xy, ENO_OPT_MAX, &syn);
	EXPECT_EQ(answer(&only_x, &syn, &synack), ENO_OK);
	EXPECT_OPT(synack, 0x01, 0x21);
	EXPECT_EQ(eno_find(stripped, sizeof(stripped), &heard),
		  ENO_NO_OPTION);
	EXPECT_EQ(negotiate(&a_xy, syn, heard).verdict, ENO_NO_OPTION);
	/* the third segment, without ENO, is what B sees of it */
	EXPECT(!eno_present(stripped, sizeof(stripped)));
}

static void eno_negotiate__figure_12(void)
{
	const struct eno_config yx = { .teps = { &y, &x }, .nteps = 2 };
	const struct eno_config xyz = {
		.teps = { &x, &y, &z }, .nteps = 3, .b = true,
	};
	struct eno_option opt_a, opt_b;
	struct eno_result res;

	eno_build(&yx, ENO_OPT_MAX, &opt_a);
	eno_build(&xyz, ENO_OPT_MAX, &opt_b);
	EXPECT_OPT(opt_a, 0x23, 0x21);
	EXPECT_OPT(opt_b, 0x01, 0x21, 0x23, 0x24);
	res = both(&yx, opt_a, &xyz, opt_b);
	EXPECT_EQ(res.verdict, ENO_OK);
	EXPECT(res.tep == &y);
}

/* Section 4.5: the last valid one of host B's option */
static void eno_negotiate__last_of_host_b(void)
{
	const struct eno_option syn = OPT(0x23, 0x21);

	EXPECT(both(&a_xy, syn, &b_xy, OPT(1, 0x23, 0x21)).tep == &x);
	EXPECT(both(&a_xy, syn, &b_xy, OPT(1, 0x21, 0x23)).tep == &y);
	EXPECT(both(&a_xy, syn, &b_xy, OPT(0x21, 0x23, 1)).tep == &y);
	EXPECT(both(&a_xy, syn, &b_xy, OPT(1, 0x23, 0x21, 0x7f)).tep == &x);
	EXPECT(both(&a_xy, OPT(0x23), &b_xy, OPT(1, 0x23, 0x21)).tep == &y);
}

static void eno_negotiate__nothing_common(void)
{
	EXPECT_EQ(both(&a_xy, OPT(0x21), &b_xy, OPT(1, 0x23)).verdict,
		  ENO_NO_TEP);
	EXPECT_EQ(both(&a_xy, OPT(), &b_xy, OPT(1, 0x23)).verdict,
		  ENO_NO_TEP);
	EXPECT_EQ(both(&a_xy, OPT(0x23), &b_xy, OPT(1)).verdict, ENO_NO_TEP);
}

/* In both options, but not among the host's TEPs (TCP_ENO_RAW) */
static void eno_negotiate__only_configured(void)
{
	const struct eno_config none = {};

	EXPECT_EQ(negotiate(&none, OPT(0x23), OPT(1, 0x23)).verdict,
		  ENO_NO_TEP);
	EXPECT(negotiate(&a_xy, OPT(0x21, 0x24), OPT(1, 0x21, 0x24)).tep ==
	       &x);
}

/* Sections 4.3 and 4.6, item 3: implicit and explicit b bits */
static void eno_negotiate__roles(void)
{
	struct eno_result res;

	EXPECT_EQ(both(&a_xy, OPT(0x23), &a_xy, OPT(0x23)).verdict,
		  ENO_SAME_ROLE);
	EXPECT_EQ(both(&a_xy, OPT(0x23), &b_xy, OPT(0, 0x23)).verdict,
		  ENO_SAME_ROLE);
	EXPECT_EQ(both(&a_xy, OPT(2, 0x23), &b_xy, OPT(0x1e, 0x23)).verdict,
		  ENO_SAME_ROLE);
	EXPECT_EQ(both(&b_xy, OPT(1, 0x23), &b_xy, OPT(3, 0x23)).verdict,
		  ENO_SAME_ROLE);
	EXPECT_EQ(both(&a_xy, OPT(0x1e, 0x23), &b_xy, OPT(0x1d, 0x23)).verdict,
		  ENO_OK);
	/* an active opener as host B */
	res = negotiate(&a_xy, OPT(1, 0x23, 0x21), OPT(0x21, 0x23));
	EXPECT_EQ(res.verdict, ENO_OK);
	EXPECT_EQ(res.role, ENO_HOST_B);
	EXPECT(res.tep == &x);
}

static void eno_negotiate__application_aware(void)
{
	struct eno_config cfg = a_xy;
	struct eno_result res;

	res = negotiate(&cfg, OPT(0x23), OPT(3, 0x23));
	EXPECT_EQ(res.verdict, ENO_OK);
	EXPECT(res.peer_aware);
	res = negotiate(&cfg, OPT(2, 0x23), OPT(1, 0x23));
	EXPECT_EQ(res.verdict, ENO_OK);
	EXPECT(!res.peer_aware);
	/* only the first global suboption counts */
	res = negotiate(&cfg, OPT(0x23), OPT(1, 2, 0x23));
	EXPECT(!res.peer_aware);
	cfg.mandatory = true;
	EXPECT_EQ(negotiate(&cfg, OPT(2, 0x23), OPT(1, 0x23)).verdict,
		  ENO_NOT_AWARE);
	EXPECT_EQ(negotiate(&cfg, OPT(2, 0x23), OPT(1, 2, 0x23)).verdict,
		  ENO_NOT_AWARE);
	EXPECT_EQ(negotiate(&cfg, OPT(2, 0x23), OPT(3, 0x23)).verdict,
		  ENO_OK);
}

/* Section 4.5, item 3: in either option */
static void eno_negotiate__repeated(void)
{
	const struct eno_config a = { .teps = { &x, &r, &y }, .nteps = 3 };
	const struct eno_config b = {
		.teps = { &x, &r, &y }, .nteps = 3, .passive = true,
	};
	struct eno_result res;

	res = both(&a, OPT(0x21, 0x23, 0x23), &b, OPT(1, 0x21, 0x23));
	EXPECT(res.tep == &x);
	res = both(&a, OPT(0x21, 0x23), &b, OPT(1, 0x23, 0x21, 0x23));
	EXPECT(res.tep == &x);
	EXPECT_EQ(both(&a, OPT(0x23), &b, OPT(1, 0x23, 0xa3)).verdict,
		  ENO_NO_TEP);
	res = both(&a, OPT(0x30, 0x21, 0x30), &b, OPT(1, 0x21, 0x30, 0xb0, 5));
	EXPECT(res.tep == &r);
	EXPECT_EQ(res.negspec, 0xb0);
}

/* The TEP is asked about the peer's data, whichever role the peer has. */
static void eno_negotiate__invalid_data(void)
{
	const struct eno_config cfg = { .teps = { &x, &d }, .nteps = 2 };

	EXPECT(negotiate(&cfg, OPT(0x21, 0x40),
			 OPT(1, 0x21, 0xc0, 7)).tep == &d);
	EXPECT(negotiate(&cfg, OPT(0x21, 0x40),
			 OPT(1, 0x21, 0xc0, 8)).tep == &x);
	EXPECT(negotiate(&cfg, OPT(1, 0x21, 0x40),
			 OPT(0x21, 0xc0, 8)).tep == &x);
	d_asked = 0;
	EXPECT(negotiate(&cfg, OPT(0x21, 0xc0, 8), OPT(1, 0x40)).tep == &d);
	EXPECT_EQ(d_asked, 1);
}

/* RFC 8548, section 3.2: without reference to the v bits */
static void eno_negotiate__v_bits(void)
{
	struct eno_result res;

	res = both(&a_xy, OPT(0xa3, 1, 2), &b_xy, OPT(1, 0x23));
	EXPECT(res.tep == &y);
	EXPECT_EQ(res.negspec, 0x23);
	res = both(&a_xy, OPT(0x23), &b_xy, OPT(1, 0xa3, 1, 2));
	EXPECT(res.tep == &y);
	EXPECT_EQ(res.negspec, 0xa3);
	res = both(&a_xy, OPT(0xa3), &b_xy, OPT(1, 0xa3));
	EXPECT_EQ(res.negspec, 0xa3);
}

static void eno_negotiate__longest_transcript(void)
{
	struct eno_option a = { .len = 40, .data = { 69, 40, 0xa3 } };
	struct eno_option b = { .len = 40, .data = { 69, 40, 1, 0xa3 } };

	a.data[39] = 0xaa;
	b.data[39] = 0xbb;
	EXPECT_EQ(both(&a_xy, a, &b_xy, b).transcript_len, 80);
}

static void eno_negotiate__ill_formed(void)
{
	struct eno_option none = {};

	EXPECT_EQ(negotiate(&a_xy, OPT(0x23), OPT(1, 0x23, 0x80)).verdict,
		  ENO_ILL_FORMED);
	EXPECT_EQ(negotiate(&b_xy, OPT(1, 0x23), OPT(0x23, 0x80)).verdict,
		  ENO_ILL_FORMED);
	/* nothing was sent */
	EXPECT_EQ(negotiate(&a_xy, none, OPT(1, 0x23)).verdict,
		  ENO_NO_OPTION);
}

/*
 * Section 4.8: one changed byte of either option ends the negotiation or
 * makes the transcripts of the two hosts differ.
 */
static void change_bytes(struct eno_option opt_a, struct eno_option opt_b,
			 bool of_a)
{
	const struct eno_option *sent = of_a ? &opt_a : &opt_b;
	struct eno_result ra, rb;
	struct eno_option heard;
	u8 bytes[ENO_OPT_MAX];
	unsigned int at, value;

	for (at = 0; at < sent->len; at++) {
		for (value = 0; value < 256; value++) {
			if (value == sent->data[at])
				continue;
			memcpy(bytes, sent->data, sent->len);
			bytes[at] = value;
			if (eno_find(bytes, sent->len, &heard) != ENO_OK)
				continue;
			ra = negotiate(&a_xy, opt_a, of_a ? opt_b : heard);
			rb = negotiate(&b_xy, opt_b, of_a ? heard : opt_a);
			if (ra.verdict != ENO_OK || rb.verdict != ENO_OK)
				continue;
			EXPECT(ra.transcript_len != rb.transcript_len ||
			       memcmp(ra.transcript, rb.transcript,
				      ra.transcript_len));
		}
	}
}

static void eno_negotiate__every_byte_change(void)
{
	struct eno_option a = OPT(0x02, 0x24, 0x81, 0xa1, 1, 2, 0x23, 0xff, 9);
	struct eno_option b = OPT(0x03, 0x21, 0x80, 0xa3, 7, 0x24);

	EXPECT_EQ(both(&a_xy, a, &b_xy, b).verdict, ENO_OK);
	change_bytes(a, b, true);
	change_bytes(a, b, false);
}

static void eno_negotiate__every_truncation(void)
{
	struct eno_option a = OPT(0x02, 0x21, 0x81, 0xa4, 1, 2, 0x23);
	/* by the length of the contents: N no TEP, i ill-formed */
	static const char want[] = "NNxiiixy";
	struct eno_result res;
	unsigned int len;

	for (len = 2; len <= a.len; len++) {
		struct eno_option cut = { .len = len };

		memcpy(cut.data, a.data, len);
		EXPECT_EQ(negotiate(&b_xy, OPT(1, 0x21, 0x23), cut).verdict,
			  len < a.len ? ENO_ILL_FORMED : ENO_OK);
		cut.data[1] = len;
		res = negotiate(&b_xy, OPT(1, 0x21, 0x23), cut);
		switch (want[len - 2]) {
		case 'N':
			EXPECT_EQ(res.verdict, ENO_NO_TEP);
			break;
		case 'i':
			EXPECT_EQ(res.verdict, ENO_ILL_FORMED);
			break;
		case 'x':
			EXPECT(res.tep == &x);
			break;
		default:
			EXPECT(res.tep == &y);
		}
	}
}

/* What the passive opener answers, both hosts must take for an agreement. */
static void eno_negotiate__random_answers(void)
{
	const struct eno_config cfg = {
		.teps = { &x, &y, &z, &r, &d, &rd }, .nteps = 6,
		.passive = true,
	};
	static const u8 bytes[] = {
		0, 1, 2, 3, 7, 0x21, 0x23, 0x24, 0x30, 0x40, 0x41, 0x80, 0x81,
		0xa1, 0xa3, 0xb0, 0xc0, 0xc1,
	};
	struct eno_option syn, synack;
	unsigned int i, k, ok = 0;
	struct eno_result res;

	for (i = 0; i < 50000; i++) {
		syn.len = 2 + rnd(9);
		syn.data[0] = 69;
		syn.data[1] = syn.len;
		for (k = 2; k < syn.len; k++)
			syn.data[k] = bytes[rnd(sizeof(bytes))];
		if (answer(&cfg, &syn, &synack) != ENO_OK)
			continue;
		ok++;
		res = negotiate(&cfg, synack, syn);
		EXPECT_EQ(res.verdict, ENO_OK);
		EXPECT_EQ(res.role, ENO_HOST_B);
		EXPECT_EQ(res.negspec, synack.data[3]);
		EXPECT_EQ(negotiate(&cfg, syn, synack).negspec, res.negspec);
	}
	EXPECT(ok > 5000 && ok < 45000);
}

const struct ktap_case eno_negotiate_cases[] = {
	KTAP_CASE(eno_build__default),
	KTAP_CASE(eno_build__global_bits),
	KTAP_CASE(eno_build__order),
	KTAP_CASE(eno_build__vacuous),
	KTAP_CASE(eno_build__most_teps),
	KTAP_CASE(eno_answer__one_tep),
	KTAP_CASE(eno_answer__own_priority),
	KTAP_CASE(eno_answer__unknown_teps),
	KTAP_CASE(eno_answer__vacuous),
	KTAP_CASE(eno_answer__ill_formed),
	KTAP_CASE(eno_answer__same_role),
	KTAP_CASE(eno_answer__zero_bits_ignored),
	KTAP_CASE(eno_answer__application_aware),
	KTAP_CASE(eno_answer__repeated),
	KTAP_CASE(eno_answer__invalid_data),
	KTAP_CASE(eno_answer__data_as_sent),
	KTAP_CASE(eno_answer__all_repeated_data_valid),
	KTAP_CASE(eno_negotiate__figure_9),
	KTAP_CASE(eno_negotiate__figure_10),
	KTAP_CASE(eno_negotiate__figure_11),
	KTAP_CASE(eno_negotiate__figure_12),
	KTAP_CASE(eno_negotiate__last_of_host_b),
	KTAP_CASE(eno_negotiate__nothing_common),
	KTAP_CASE(eno_negotiate__only_configured),
	KTAP_CASE(eno_negotiate__roles),
	KTAP_CASE(eno_negotiate__application_aware),
	KTAP_CASE(eno_negotiate__repeated),
	KTAP_CASE(eno_negotiate__invalid_data),
	KTAP_CASE(eno_negotiate__v_bits),
	KTAP_CASE(eno_negotiate__longest_transcript),
	KTAP_CASE(eno_negotiate__ill_formed),
	KTAP_CASE(eno_negotiate__every_byte_change),
	KTAP_CASE(eno_negotiate__every_truncation),
	KTAP_CASE(eno_negotiate__random_answers),
	{}
};
