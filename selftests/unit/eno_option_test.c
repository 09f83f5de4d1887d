// SPDX-License-Identifier: GPL-2.0
/* net/eno/option.c: RFC 8547, sections 4.1, 4.2 and 4.4 */

#include <stdlib.h>
#include <linux/string.h>
#include "../../net/eno/eno.h"
#include "ktap.h"

#define FIND(opt, ...) ({						\
	const u8 _bytes[] = { __VA_ARGS__ };				\
									\
	find(_bytes, sizeof(_bytes), opt); })
#define PRESENT(...) ({							\
	const u8 _bytes[] = { __VA_ARGS__ };				\
									\
	present(_bytes, sizeof(_bytes)); })
#define PARSE(parsed, ...) ({						\
	const u8 _bytes[] = { __VA_ARGS__ };				\
									\
	parse(_bytes, sizeof(_bytes), parsed); })
#define EXPECT_SUB(sub, t, has_v, o, l) do {				\
	const struct eno_suboption *_sub = &(sub);			\
									\
	EXPECT_EQ(_sub->tep, t);					\
	EXPECT_EQ(_sub->v, has_v);					\
	EXPECT_EQ(_sub->off, o);					\
	EXPECT_EQ(_sub->len, l);					\
} while (0)

/* MSS, ENO<a=1, 0x21, 0x23>, NOP, NOP, timestamps */
static const u8 syn_options[] = {
	2, 4, 0x05, 0xb4, 69, 5, 0x02, 0x21, 0x23, 1, 1,
	8, 10, 1, 2, 3, 4, 0, 0, 0, 0,
};

#define SYN_ENO_OFF	4
#define SYN_ENO_LEN	5

static enum eno_verdict find(const u8 *bytes, unsigned int len,
			     struct eno_option *opt)
{
	u8 *copy = exact(bytes, len);
	enum eno_verdict verdict;

	memset(opt, 0xa5, sizeof(*opt));
	verdict = eno_find(copy, len, opt);
	free(copy);
	/* what was found is an option, what was not is empty */
	if (verdict != ENO_OK) {
		EXPECT_EQ(opt->len, 0);
	} else {
		EXPECT(opt->len >= ENO_OPT_MIN && opt->len <= ENO_OPT_MAX);
		EXPECT_EQ(opt->data[0], 69);
		EXPECT_EQ(opt->data[1], opt->len);
	}
	return verdict;
}

static bool present(const u8 *bytes, unsigned int len)
{
	u8 *copy = exact(bytes, len);
	bool ret = eno_present(copy, len);

	free(copy);
	return ret;
}

/* Parses an option with these contents; checks that nothing lies outside. */
static enum eno_verdict parse(const u8 *contents, unsigned int len,
			      struct eno_parsed *parsed)
{
	struct eno_option opt = { .len = len + 2, .data = { 69, len + 2 } };
	unsigned int i, end = ENO_OPT_MIN;
	enum eno_verdict verdict;

	if (len)
		memcpy(opt.data + 2, contents, len);
	verdict = eno_parse(&opt, parsed);
	if (verdict != ENO_OK)
		return verdict;
	EXPECT(parsed->nsubs <= len);
	for (i = 0; i < parsed->nsubs; i++) {
		const struct eno_suboption *sub = &parsed->subs[i];

		EXPECT(sub->tep >= 0x20 && sub->tep <= 0x7f);
		EXPECT(sub->off > end);
		EXPECT(sub->v || !sub->len);
		end = sub->off + sub->len;
		EXPECT(end <= opt.len);
		EXPECT_EQ(opt.data[sub->off - 1],
			  sub->tep | (sub->v ? 0x80 : 0));
	}
	return verdict;
}

static void eno_find__no_options(void)
{
	struct eno_option opt;

	EXPECT_EQ(find(NULL, 0, &opt), ENO_NO_OPTION);
}

static void eno_find__only_others(void)
{
	struct eno_option opt;

	EXPECT_EQ(FIND(&opt, 2, 4, 5, 180, 4, 2, 1, 3, 3, 7), ENO_NO_OPTION);
	/* the kind inside another option's data */
	EXPECT_EQ(FIND(&opt, 254, 6, 69, 4, 0x21, 0x23), ENO_NO_OPTION);
}

static void eno_find__among_others(void)
{
	struct eno_option opt;

	EXPECT_EQ(find(syn_options, sizeof(syn_options), &opt), ENO_OK);
	EXPECT_EQ(opt.len, SYN_ENO_LEN);
	EXPECT_MEM(opt.data, syn_options + SYN_ENO_OFF, SYN_ENO_LEN);
}

static void eno_find__between_nops(void)
{
	struct eno_option opt;

	EXPECT_EQ(FIND(&opt, 1, 1, 69, 3, 0x23, 1, 1), ENO_OK);
	EXPECT_EQ(opt.len, 3);
	EXPECT_EQ(opt.data[2], 0x23);
}

static void eno_find__empty_contents(void)
{
	struct eno_option opt;

	EXPECT_EQ(FIND(&opt, 69, 2), ENO_OK);
	EXPECT_EQ(opt.len, 2);
}

static void eno_find__eol_ends(void)
{
	struct eno_option opt;

	EXPECT_EQ(FIND(&opt, 0, 69, 3, 0x23), ENO_NO_OPTION);
	EXPECT_EQ(FIND(&opt, 69, 3, 0x23, 0, 69, 3, 0x23), ENO_OK);
	EXPECT_EQ(FIND(&opt, 69, 3, 0x23, 0, 8, 0, 8), ENO_OK);
}

/* Section 4.1: as though the segment contained no ENO options */
static void eno_find__several(void)
{
	struct eno_option opt;

	EXPECT_EQ(FIND(&opt, 69, 3, 0x23, 69, 3, 0x23), ENO_MANY);
	EXPECT_EQ(FIND(&opt, 69, 2, 1, 69, 3, 0x23, 1, 69, 2), ENO_MANY);
	EXPECT_EQ(FIND(&opt, 69, 2, 69, 2, 69, 2, 69, 2), ENO_MANY);
}

static void eno_find__no_length_byte(void)
{
	struct eno_option opt;

	EXPECT_EQ(FIND(&opt, 69), ENO_ILL_FORMED);
	EXPECT_EQ(FIND(&opt, 8), ENO_ILL_FORMED);
	EXPECT_EQ(FIND(&opt, 69, 3, 0x23, 69), ENO_ILL_FORMED);
}

static void eno_find__length_below_two(void)
{
	struct eno_option opt;

	EXPECT_EQ(FIND(&opt, 69, 0, 1, 1), ENO_ILL_FORMED);
	EXPECT_EQ(FIND(&opt, 69, 1, 1, 1), ENO_ILL_FORMED);
	EXPECT_EQ(FIND(&opt, 8, 0, 69, 2), ENO_ILL_FORMED);
	EXPECT_EQ(FIND(&opt, 8, 1, 69, 2), ENO_ILL_FORMED);
}

static void eno_find__length_past_end(void)
{
	struct eno_option opt;

	EXPECT_EQ(FIND(&opt, 69, 4, 0x21, 0x23), ENO_OK);
	EXPECT_EQ(FIND(&opt, 69, 5, 0x21, 0x23), ENO_ILL_FORMED);
	EXPECT_EQ(FIND(&opt, 69, 255, 0x21, 0x23), ENO_ILL_FORMED);
	EXPECT_EQ(FIND(&opt, 69, 3, 0x23, 8, 10, 0), ENO_ILL_FORMED);
}

static void eno_find__forty_bytes(void)
{
	u8 bytes[41] = { 69, 40 };
	struct eno_option opt;

	EXPECT_EQ(find(bytes, 40, &opt), ENO_OK);
	EXPECT_EQ(opt.len, 40);
	/* no TCP header is as long, no overrun if one were */
	bytes[1] = 41;
	EXPECT_EQ(find(bytes, 41, &opt), ENO_ILL_FORMED);
}

static void eno_find__every_truncation(void)
{
	/* N: no option, i: ill-formed, O: found, by length */
	static const char want[] = "NiiiNiiiiOOOiiiiiiiiiO";
	static const char letter[] = {
		[ENO_OK] = 'O', [ENO_NO_OPTION] = 'N', [ENO_MANY] = 'M',
		[ENO_ILL_FORMED] = 'i',
	};
	struct eno_option opt;
	unsigned int len;

	EXPECT_EQ(sizeof(want) - 2, sizeof(syn_options));
	for (len = 0; len <= sizeof(syn_options); len++)
		EXPECT_EQ(letter[find(syn_options, len, &opt)], want[len]);
}

/* Found with another content, or not found, or changed elsewhere. */
static void eno_find__every_byte_change(void)
{
	u8 bytes[sizeof(syn_options)];
	struct eno_option opt;
	unsigned int at, value;
	bool same, inside;

	for (at = 0; at < sizeof(bytes); at++) {
		inside = at >= SYN_ENO_OFF && at < SYN_ENO_OFF + SYN_ENO_LEN;
		for (value = 0; value < 256; value++) {
			memcpy(bytes, syn_options, sizeof(bytes));
			bytes[at] = value;
			if (value == syn_options[at] ||
			    find(bytes, sizeof(bytes), &opt) != ENO_OK)
				continue;
			same = opt.len == SYN_ENO_LEN &&
			       !memcmp(opt.data, syn_options + SYN_ENO_OFF,
				       SYN_ENO_LEN);
			EXPECT_EQ(same, !inside);
		}
	}
}

static void eno_present__none(void)
{
	EXPECT(!present(NULL, 0));
	EXPECT(!PRESENT(1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0));
	EXPECT(!PRESENT(0, 69, 2));
	EXPECT(!PRESENT(0, 3, 1, 69, 2));
	EXPECT(!PRESENT(8, 3, 1, 0, 2, 69, 2));
}

/* Section 4.1: the contents MUST be ignored */
static void eno_present__any_contents(void)
{
	EXPECT(PRESENT(69, 2));
	EXPECT(PRESENT(1, 1, 69, 2, 1, 1));
	EXPECT(PRESENT(69, 3, 0x80));
	EXPECT(PRESENT(69, 4, 0x9f, 0x00));
	EXPECT(PRESENT(8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 69, 2));
}

static void eno_present__several(void)
{
	EXPECT(PRESENT(69, 2, 69, 2));
	EXPECT(PRESENT(69, 2, 1, 69, 3, 0x23, 69, 2));
}

static void eno_present__malformed_list(void)
{
	EXPECT(PRESENT(69, 2, 8, 0));
	EXPECT(!PRESENT(8, 0, 69, 2));
	EXPECT(!PRESENT(69));
	EXPECT(!PRESENT(69, 0));
	EXPECT(!PRESENT(69, 1));
	EXPECT(!PRESENT(69, 3));
}

static void eno_present__every_truncation(void)
{
	unsigned int len;

	for (len = 0; len <= sizeof(syn_options); len++)
		EXPECT_EQ(present(syn_options, len),
			  len >= SYN_ENO_OFF + SYN_ENO_LEN);
}

static void eno_parse__no_option(void)
{
	struct eno_option opt = {};
	struct eno_parsed parsed;

	EXPECT_EQ(eno_parse(&opt, &parsed), ENO_NO_OPTION);
}

static void eno_parse__broken_frame(void)
{
	struct eno_option good = { .len = 3, .data = { 69, 3, 0x23 } };
	struct eno_option opt = good;
	struct eno_parsed parsed;

	EXPECT_EQ(eno_parse(&opt, &parsed), ENO_OK);
	opt.data[0] = 68;
	EXPECT_EQ(eno_parse(&opt, &parsed), ENO_ILL_FORMED);
	opt = good;
	opt.data[1] = 4;
	EXPECT_EQ(eno_parse(&opt, &parsed), ENO_ILL_FORMED);
	opt = good;
	opt.len = 4;
	EXPECT_EQ(eno_parse(&opt, &parsed), ENO_ILL_FORMED);
	opt.len = 1;
	opt.data[1] = 1;
	EXPECT_EQ(eno_parse(&opt, &parsed), ENO_ILL_FORMED);
	opt.len = 41;
	opt.data[1] = 41;
	EXPECT_EQ(eno_parse(&opt, &parsed), ENO_ILL_FORMED);
}

static void eno_parse__vacuous(void)
{
	struct eno_parsed parsed;

	EXPECT_EQ(parse(NULL, 0, &parsed), ENO_OK);
	EXPECT_EQ(parsed.nsubs, 0);
	EXPECT(!parsed.nglobals);
	EXPECT_EQ(PARSE(&parsed, 0x01), ENO_OK);
	EXPECT_EQ(parsed.nsubs, 0);
	EXPECT(parsed.nglobals);
}

/* Section 4.1, table 1: each value of the only octet */
static void eno_parse__every_initial_byte(void)
{
	struct eno_parsed parsed;
	unsigned int value;
	u8 byte;

	for (value = 0; value < 256; value++) {
		byte = value;
		if (value >= 0x80 && value <= 0x9f) {
			EXPECT_EQ(parse(&byte, 1, &parsed), ENO_ILL_FORMED);
			continue;
		}
		EXPECT_EQ(parse(&byte, 1, &parsed), ENO_OK);
		EXPECT_EQ(parsed.nglobals, value < 0x20);
		EXPECT_EQ(parsed.global, value < 0x20 ? value : 0);
		EXPECT_EQ(parsed.nsubs, value >= 0x20);
		if (value >= 0x20)
			EXPECT_SUB(parsed.subs[0], value & 0x7f, value > 0x7f,
				   3, 0);
	}
}

static void eno_parse__implicit_global(void)
{
	struct eno_parsed parsed;

	EXPECT_EQ(PARSE(&parsed, 0x21, 0x23), ENO_OK);
	EXPECT(!parsed.nglobals);
	EXPECT_EQ(parsed.global, 0);
}

static void eno_parse__global_anywhere(void)
{
	struct eno_parsed parsed;

	EXPECT_EQ(PARSE(&parsed, 0x03, 0x21), ENO_OK);
	EXPECT_EQ(parsed.global, 3);
	EXPECT_EQ(PARSE(&parsed, 0x21, 0x02, 0x23), ENO_OK);
	EXPECT_EQ(parsed.global, 2);
	EXPECT_EQ(parsed.nsubs, 2);
	EXPECT_EQ(PARSE(&parsed, 0x21, 0x23, 0x1f), ENO_OK);
	EXPECT_EQ(parsed.global, 0x1f);
}

/* Section 4.2: a receiver MUST ignore all but the first */
static void eno_parse__first_global_counts(void)
{
	struct eno_parsed parsed;

	EXPECT_EQ(PARSE(&parsed, 0x00, 0x01, 0x21), ENO_OK);
	EXPECT(parsed.nglobals);
	EXPECT_EQ(parsed.global, 0);
	EXPECT_EQ(PARSE(&parsed, 0x21, 0x01, 0x02, 0x00), ENO_OK);
	EXPECT_EQ(parsed.global, 1);
}

static void eno_parse__order_kept(void)
{
	struct eno_parsed parsed;

	EXPECT_EQ(PARSE(&parsed, 0x24, 0x21, 0x24, 0x20), ENO_OK);
	EXPECT_EQ(parsed.nsubs, 4);
	EXPECT_SUB(parsed.subs[0], 0x24, false, 3, 0);
	EXPECT_SUB(parsed.subs[1], 0x21, false, 4, 0);
	EXPECT_SUB(parsed.subs[2], 0x24, false, 5, 0);
	EXPECT_SUB(parsed.subs[3], 0x20, false, 6, 0);
}

/* Section 4.4: without a length byte, up to the end of the option */
static void eno_parse__data_to_end(void)
{
	u8 contents[ENO_SUBOPT_MAX] = { 0xa3 };
	struct eno_parsed parsed;
	unsigned int len;

	EXPECT_EQ(PARSE(&parsed, 0x21, 0xa3, 0x01, 0x80, 0x24), ENO_OK);
	EXPECT_EQ(parsed.nsubs, 2);
	EXPECT(!parsed.nglobals);
	EXPECT_SUB(parsed.subs[1], 0x23, true, 4, 3);
	/* MAY contain more than 32 bytes */
	for (len = 1; len <= sizeof(contents); len++) {
		EXPECT_EQ(parse(contents, len, &parsed), ENO_OK);
		EXPECT_EQ(parsed.nsubs, 1);
		EXPECT_SUB(parsed.subs[0], 0x23, true, 3, len - 1);
	}
}

/* Section 4.4: each length byte with each amount of data */
static void eno_parse__length_byte(void)
{
	u8 contents[ENO_SUBOPT_MAX];
	struct eno_parsed parsed;
	unsigned int n, have;

	for (n = 1; n <= 32; n++) {
		for (have = 0; have + 2 <= sizeof(contents); have++) {
			memset(contents, 0x24, sizeof(contents));
			contents[0] = 0x80 | (n - 1);
			contents[1] = 0xff;
			if (have < n) {
				EXPECT_EQ(parse(contents, have + 2, &parsed),
					  ENO_ILL_FORMED);
				continue;
			}
			EXPECT_EQ(parse(contents, have + 2, &parsed), ENO_OK);
			EXPECT_EQ(parsed.nsubs, 1 + have - n);
			EXPECT_SUB(parsed.subs[0], 0x7f, true, 4, n);
			if (have > n)
				EXPECT_SUB(parsed.subs[1], 0x24, false, n + 5,
					   0);
		}
	}
}

static void eno_parse__several_with_data(void)
{
	struct eno_parsed parsed;

	EXPECT_EQ(PARSE(&parsed, 0x80, 0xa1, 0x01, 0x02, 0x81, 0xa2, 0x9f,
			0x00, 0xa3, 0x1f), ENO_OK);
	EXPECT_EQ(parsed.nsubs, 3);
	EXPECT_EQ(parsed.global, 2);
	EXPECT_SUB(parsed.subs[0], 0x21, true, 4, 1);
	EXPECT_SUB(parsed.subs[1], 0x22, true, 8, 2);
	EXPECT_SUB(parsed.subs[2], 0x23, true, 11, 1);
}

static void eno_parse__length_byte_last(void)
{
	struct eno_parsed parsed;

	EXPECT_EQ(PARSE(&parsed, 0x80), ENO_ILL_FORMED);
	EXPECT_EQ(PARSE(&parsed, 0x23, 0x9f), ENO_ILL_FORMED);
	/* data of another suboption is not a length byte */
	EXPECT_EQ(PARSE(&parsed, 0xa3, 0x80), ENO_OK);
	EXPECT_EQ(PARSE(&parsed, 0x80, 0xa3, 0x80), ENO_OK);
	EXPECT_EQ(PARSE(&parsed, 0x80, 0xa3, 0x80, 0x80), ENO_ILL_FORMED);
}

/* Section 4.4, item 2: 0x00-0x9f */
static void eno_parse__every_byte_after_length(void)
{
	u8 contents[] = { 0x23, 0x80, 0, 0x55 };
	struct eno_parsed parsed;
	unsigned int value;

	for (value = 0; value < 256; value++) {
		contents[2] = value;
		EXPECT_EQ(parse(contents, sizeof(contents), &parsed),
			  value <= 0x9f ? ENO_ILL_FORMED : ENO_OK);
	}
}

/*
 * Two octets: a length byte never has room for its data (32 * 256), and is
 * ill-formed behind a suboption without data (128 * 32).
 */
static void eno_parse__every_two_octets(void)
{
	unsigned int value, bad = 0;
	struct eno_parsed parsed;

	for (value = 0; value < 0x10000; value++)
		bad += PARSE(&parsed, value >> 8, value & 0xff) != ENO_OK;
	EXPECT_EQ(bad, 32 * 256 + 128 * 32);
}

static void eno_parse__most_suboptions(void)
{
	u8 contents[ENO_SUBOPT_MAX];
	struct eno_parsed parsed;
	unsigned int i;

	for (i = 0; i < sizeof(contents); i++)
		contents[i] = 0x20 + i;
	EXPECT_EQ(parse(contents, sizeof(contents), &parsed), ENO_OK);
	EXPECT_EQ(parsed.nsubs, 38);
	EXPECT_SUB(parsed.subs[37], 0x45, false, 40, 0);
}

static void eno_parse__every_truncation(void)
{
	static const u8 contents[] = {
		0x02, 0x21, 0x82, 0xa3, 1, 2, 3, 0x24, 0xa2, 9, 9,
	};
	static const char want[] = "OOOiiiiOOOOO";
	struct eno_parsed parsed;
	unsigned int len;

	EXPECT_EQ(sizeof(want) - 2, sizeof(contents));
	for (len = 0; len <= sizeof(contents); len++)
		EXPECT_EQ(parse(contents, len, &parsed) == ENO_OK,
			  want[len] == 'O');
}

/* parse() itself checks what comes out */
static void eno_parse__random(void)
{
	u8 contents[ENO_SUBOPT_MAX];
	unsigned int i, k, ok = 0;
	struct eno_parsed parsed;

	for (i = 0; i < 50000; i++) {
		for (k = 0; k < sizeof(contents); k++)
			contents[k] = rnd(256);
		ok += parse(contents, rnd(sizeof(contents) + 1),
			    &parsed) == ENO_OK;
	}
	EXPECT(ok > 1000);
	EXPECT(ok < 49000);
}

const struct ktap_case eno_option_cases[] = {
	KTAP_CASE(eno_find__no_options),
	KTAP_CASE(eno_find__only_others),
	KTAP_CASE(eno_find__among_others),
	KTAP_CASE(eno_find__between_nops),
	KTAP_CASE(eno_find__empty_contents),
	KTAP_CASE(eno_find__eol_ends),
	KTAP_CASE(eno_find__several),
	KTAP_CASE(eno_find__no_length_byte),
	KTAP_CASE(eno_find__length_below_two),
	KTAP_CASE(eno_find__length_past_end),
	KTAP_CASE(eno_find__forty_bytes),
	KTAP_CASE(eno_find__every_truncation),
	KTAP_CASE(eno_find__every_byte_change),
	KTAP_CASE(eno_present__none),
	KTAP_CASE(eno_present__any_contents),
	KTAP_CASE(eno_present__several),
	KTAP_CASE(eno_present__malformed_list),
	KTAP_CASE(eno_present__every_truncation),
	KTAP_CASE(eno_parse__no_option),
	KTAP_CASE(eno_parse__broken_frame),
	KTAP_CASE(eno_parse__vacuous),
	KTAP_CASE(eno_parse__every_initial_byte),
	KTAP_CASE(eno_parse__implicit_global),
	KTAP_CASE(eno_parse__global_anywhere),
	KTAP_CASE(eno_parse__first_global_counts),
	KTAP_CASE(eno_parse__order_kept),
	KTAP_CASE(eno_parse__data_to_end),
	KTAP_CASE(eno_parse__length_byte),
	KTAP_CASE(eno_parse__several_with_data),
	KTAP_CASE(eno_parse__length_byte_last),
	KTAP_CASE(eno_parse__every_byte_after_length),
	KTAP_CASE(eno_parse__every_two_octets),
	KTAP_CASE(eno_parse__most_suboptions),
	KTAP_CASE(eno_parse__every_truncation),
	KTAP_CASE(eno_parse__random),
	{}
};
