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
#define OPTIONS_MAX	40

static bool even(const struct eno_tep *tep, const struct eno_config *cfg,
		 const u8 *data, unsigned int len)
{
	u8 sum = 0;

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

static void configure(struct eno_config *cfg, u8 bits, bool passive)
{
	memset(cfg, 0, sizeof(*cfg));
	for (; cfg->nteps < 4; cfg->nteps++)
		cfg->teps[cfg->nteps] = &teps[cfg->nteps];
	cfg->passive = passive;
	cfg->b = bits & CFG_B;
	cfg->aware = bits & CFG_AWARE;
	cfg->mandatory = bits & CFG_MANDATORY;
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

static void check_result(const struct eno_result *res,
			 const struct eno_option *sent,
			 const struct eno_option *heard)
{
	if (res->verdict != ENO_OK)
		return;
	check(res->tep);
	check((res->negspec & ENO_GLT) == res->tep->id);
	check(res->transcript_len == sent->len + heard->len);
	check(res->transcript[0] == ENO_KIND);
	check(res->transcript[res->transcript[1]] == ENO_KIND);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct eno_option heard, syn, synack;
	struct eno_config active, passive;
	struct eno_parsed parsed;
	enum eno_verdict verdict;
	struct eno_result res;

	if (size < 1 || size > 1 + OPTIONS_MAX)
		return 0;
	configure(&active, data[0], false);
	configure(&passive, data[0], true);
	verdict = eno_find(data + 1, size - 1, &heard);
	if (verdict == ENO_OK || verdict == ENO_MANY)
		check(eno_present(data + 1, size - 1));
	check((verdict == ENO_OK) == !!heard.len);
	verdict = eno_parse(&heard, &parsed);
	if (verdict == ENO_OK)
		check_parsed(&heard, &parsed);

	eno_build(&active, ENO_OPT_MAX, &syn);
	eno_negotiate(&active, &syn, &heard, &res);
	check(res.verdict != ENO_OK || verdict == ENO_OK);
	check_result(&res, &syn, &heard);

	verdict = eno_answer(&passive, &heard, &synack);
	check((verdict == ENO_OK) == !!synack.len);
	eno_negotiate(&passive, &synack, &heard, &res);
	check(verdict != ENO_OK || res.verdict == ENO_OK);
	check_result(&res, &synack, &heard);
	return 0;
}
