// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target for RFC 8547. Input: one byte of configuration, then the
 * TCP options of a SYN segment, as a peer sends them.
 */

#include <stdlib.h>
#include <linux/string.h>
#include "../../net/eno/eno.h"

#define CFG_B		0x01
#define CFG_AWARE	0x02
#define CFG_MANDATORY	0x04
#define CFG_DATA	0x08
#define CFG_RAW		0x10	/* what was heard, sent back by both ends */
#define CFG_ROOM	5	/* bits from here on: eighths of the room */
#define OPTIONS_MAX	40

static bool even(const struct eno_tep *tep, const struct eno_config *cfg,
		 const u8 *data, unsigned int len)
{
	u8 sum = 0;

	(void)tep;
	(void)cfg;
	while (len--)
		sum += *data++;
	return !(sum & 1);
}

static const struct eno_tep teps[] = {
	{ .id = 0x21 }, { .id = 0x22, .valid = even },
	{ .id = 0x23, .repeat = true, .valid = even }, { .id = 0x24 },
};

static void check(bool good)
{
	if (!good)
		abort();
}

static void configure(struct eno_config *cfg, u8 bits, bool passive,
		      const struct eno_option *raw)
{
	memset(cfg, 0, sizeof(*cfg));
	for (; cfg->nteps < 4; cfg->nteps++)
		cfg->teps[cfg->nteps] = &teps[cfg->nteps];
	cfg->passive = passive;
	cfg->b = bits & CFG_B;
	cfg->aware = bits & CFG_AWARE;
	cfg->mandatory = bits & CFG_MANDATORY;
	if (bits & CFG_DATA) {
		cfg->data_tep = 0x21 + (bits & 3);
		cfg->data_len = passive ? 9 : 17;
	}
	if (bits & CFG_RAW)
		cfg->raw = raw;
}

/* Suboptions lie one after the other inside the option. */
static void check_parsed(const struct eno_option *opt,
			 const struct eno_parsed *parsed)
{
	unsigned int i, end = ENO_OPT_MIN;

	for (i = 0; i < parsed->nsubs; i++) {
		check(parsed->subs[i].off > end);
		end = parsed->subs[i].off + parsed->subs[i].len;
		check(end <= opt->len);
	}
}

/* Data lies inside the option of the host that sent it. */
static void check_data(const struct eno_result *res)
{
	const struct eno_data *a = &res->data[ENO_HOST_A];
	const struct eno_data *b = &res->data[ENO_HOST_B];
	unsigned int len = res->transcript[1];

	check(a->off > ENO_OPT_MIN && a->off + a->len <= len);
	check(b->off > len + ENO_OPT_MIN);
	check(b->off + b->len <= res->transcript_len);
}

static void check_result(const struct eno_config *cfg,
			 const struct eno_result *res,
			 const struct eno_option *sent,
			 const struct eno_option *heard)
{
	if (res->verdict != ENO_OK)
		return;
	check(!res->tep == !!cfg->raw);
	if (res->tep)
		check((res->negspec & ENO_GLT) == res->tep->id);
	check_data(res);
	check(res->transcript_len == sent->len + heard->len);
	check(res->transcript[0] == ENO_KIND);
	check(res->transcript[res->transcript[1]] == ENO_KIND);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct eno_option heard, raw, syn, synack;
	struct eno_config active, passive;
	struct eno_parsed parsed;
	enum eno_verdict verdict;
	struct eno_result res;
	u8 bits;

	if (size < 1 || size > 1 + OPTIONS_MAX)
		return 0;
	verdict = eno_find(data + 1, size - 1, &heard);
	if (verdict == ENO_OK || verdict == ENO_MANY)
		check(eno_present(data + 1, size - 1));
	check((verdict == ENO_OK) == !!heard.len);
	verdict = eno_parse(&heard, &parsed);
	if (verdict == ENO_OK)
		check_parsed(&heard, &parsed);
	/* set_raw() of net/sock/opts.c takes what eno_parse() does */
	raw = heard;
	bits = data[0];
	if (verdict != ENO_OK)
		bits &= ~CFG_RAW;
	configure(&active, bits, false, &raw);
	configure(&passive, bits, true, &raw);

	eno_build(&active, (data[0] >> CFG_ROOM) * ENO_OPT_MAX / 7, &syn);
	check(syn.len >= ENO_OPT_MIN && syn.len <= ENO_OPT_MAX);
	check(syn.data[1] == syn.len);
	eno_negotiate(&active, &syn, &heard, &res);
	check(res.verdict != ENO_OK || verdict == ENO_OK);
	check_result(&active, &res, &syn, &heard);

	verdict = eno_answer(&passive, &heard, &synack);
	check((verdict == ENO_OK) == !!synack.len);
	if (verdict == ENO_OK && !passive.raw) {
		eno_drop_data(&synack);
		check(synack.len == 4);
	}
	eno_negotiate(&passive, &synack, &heard, &res);
	check(verdict != ENO_OK || res.verdict == ENO_OK);
	check_result(&passive, &res, &synack, &heard);
	return 0;
}
