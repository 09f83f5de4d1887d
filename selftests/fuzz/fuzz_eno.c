// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target for RFC 8547: parsing and negotiation. Input: a byte of
 * configuration for each host, then the TCP options of a SYN segment, as a
 * peer sends them or as they arrive at a peer.
 */

#include "eno.h"

/* Suboptions lie one after the other inside the option. */
static void check_parsed(const struct eno_option *opt,
			 const struct eno_parsed *parsed)
{
	unsigned int i, end = ENO_OPT_MIN;

	CHECK(!parsed->global || parsed->nglobals);
	for (i = 0; i < parsed->nsubs; i++) {
		CHECK(parsed->subs[i].off > end);
		CHECK(parsed->subs[i].tep >= ENO_TEP_MIN);
		CHECK(parsed->subs[i].v || !parsed->subs[i].len);
		end = parsed->subs[i].off + parsed->subs[i].len;
		CHECK(end <= opt->len);
	}
}

/* Writes what was parsed: section 4.1, table 1, and 4.4 */
static void write_again(const struct eno_option *opt,
			const struct eno_parsed *parsed,
			struct eno_option *again)
{
	u8 *p = again->data;
	unsigned int i;

	*p++ = ENO_KIND;
	p++;
	if (parsed->nglobals)
		*p++ = parsed->global;
	for (i = 0; i < parsed->nsubs; i++) {
		const struct eno_suboption *sub = &parsed->subs[i];

		if (sub->v && i + 1 < parsed->nsubs)
			*p++ = ENO_V | (sub->len - 1);
		*p++ = sub->tep | (sub->v ? ENO_V : 0);
		memcpy(p, opt->data + sub->off, sub->len);
		p += sub->len;
	}
	again->len = p - again->data;
	again->data[1] = again->len;
}

/* parse(write(parse(x))) == parse(x), and write() is no longer than x */
static void round_trip(const struct eno_option *opt,
		       const struct eno_parsed *parsed)
{
	struct eno_option again = {};
	struct eno_parsed twice;
	unsigned int i;

	write_again(opt, parsed, &again);
	CHECK(again.len <= opt->len);
	CHECK(eno_parse(&again, &twice) == ENO_OK);
	CHECK(twice.global == parsed->global);
	CHECK(twice.nglobals == !!parsed->nglobals);
	CHECK(twice.nsubs == parsed->nsubs);
	for (i = 0; i < twice.nsubs; i++) {
		const struct eno_suboption *a = &twice.subs[i];
		const struct eno_suboption *b = &parsed->subs[i];

		CHECK(a->tep == b->tep && a->v == b->v && a->len == b->len);
		CHECK(!memcmp(again.data + a->off, opt->data + b->off,
			      a->len));
	}
}

/*
 * What was found is found again by itself, and in each longer part of the
 * list that is well-formed; nothing after the end is looked at.
 */
static void finding(const u8 *opts, unsigned int len, enum eno_verdict verdict,
		    const struct eno_option *opt)
{
	enum eno_verdict part;
	struct eno_option one;
	unsigned int n;
	u8 *copy;

	if (verdict == ENO_OK || verdict == ENO_MANY)
		CHECK(eno_present(opts, len));
	CHECK((verdict == ENO_OK) == !!opt->len);
	if (verdict == ENO_OK) {
		CHECK(eno_find(opt->data, opt->len, &one) == ENO_OK);
		CHECK(!memcmp(&one, opt, sizeof(one)));
	}
	for (n = 0; n < len; n++) {
		copy = exact(opts, n);
		part = eno_find(copy, n, &one);
		CHECK(part != ENO_MANY || verdict == ENO_MANY ||
		      verdict == ENO_ILL_FORMED);
		if (part == ENO_OK && verdict == ENO_OK)
			CHECK(!memcmp(&one, opt, sizeof(one)));
		if (eno_present(copy, n))
			CHECK(eno_present(opts, len));
		free(copy);
	}
}

/* parse(build(x)) == x */
static void building(const struct eno_config *cfg, unsigned int room,
		     struct eno_option *syn)
{
	struct eno_parsed parsed;
	unsigned int i, at = 0;

	memset(syn, 0xa5, sizeof(*syn));
	eno_build(cfg, room, syn);
	CHECK(syn->len >= ENO_OPT_MIN && syn->len <= ENO_OPT_MAX);
	CHECK(eno_parse(syn, &parsed) == ENO_OK);
	if (cfg->raw)
		return;
	CHECK(parsed.global == (cfg->b ? ENO_GLOBAL_B : 0) +
	      (cfg->aware ? ENO_GLOBAL_A : 0));
	/* in the order of the configuration, the one with data last */
	for (i = 0; i < parsed.nsubs; i++) {
		const struct eno_suboption *sub = &parsed.subs[i];

		if (sub->v) {
			CHECK(i + 1 == parsed.nsubs && cfg->data_len);
			CHECK(sub->tep == cfg->data_tep);
			CHECK(sub->len == cfg->data_len);
			CHECK(!memcmp(syn->data + sub->off, cfg->data,
				      sub->len));
			continue;
		}
		while (at < cfg->nteps && cfg->teps[at]->id != sub->tep)
			at++;
		CHECK(at < cfg->nteps);
	}
	CHECK(!cfg->data_len || (i && parsed.subs[i - 1].v));
}

/* A passive opener that heard this */
static enum eno_verdict answering(const struct eno_config *cfg,
				  const struct eno_option *heard,
				  struct eno_option *synack,
				  struct eno_result *res)
{
	enum eno_verdict verdict;
	struct eno_option less;

	verdict = eno_answer(cfg, heard, synack);
	CHECK((verdict == ENO_OK) == !!synack->len);
	if (verdict == ENO_OK && !cfg->raw) {
		less = *synack;
		eno_drop_data(&less);
		CHECK(less.len == 4);
		CHECK((less.data[3] | ENO_V) == (synack->data[3] | ENO_V));
		synack->len = less.len;
		eno_drop_data(&less);
		CHECK(less.len == synack->len);
		eno_answer(cfg, heard, synack);
	}
	eno_negotiate(cfg, synack, heard, res);
	CHECK(verdict != ENO_OK || res->verdict == ENO_OK);
	check_result(cfg, res, synack, heard);
	return verdict;
}

/*
 * Two hosts, and somebody between them who makes @heard of the SYN: if both
 * take it for an agreement and have the same transcript, it was the SYN.
 */
static void between(const struct eno_config *active,
		    const struct eno_option *syn,
		    const struct eno_option *heard,
		    const struct eno_option *synack,
		    const struct eno_result *passive)
{
	struct eno_result res;

	eno_negotiate(active, syn, synack, &res);
	check_result(active, &res, syn, synack);
	if (res.verdict != ENO_OK || passive->verdict != ENO_OK)
		return;
	if (res.transcript_len == passive->transcript_len &&
	    !memcmp(res.transcript, passive->transcript, res.transcript_len))
		CHECK(res.role != passive->role && syn->len == heard->len &&
		      !memcmp(syn->data, heard->data, syn->len));
}

/* Without anybody between them they agree, or one knows that it is plain. */
static void undisturbed(const struct eno_config *active,
			const struct eno_config *passive,
			const struct eno_option *syn)
{
	struct eno_result a, b, again;
	struct eno_option synack;

	if (answering(passive, syn, &synack, &b) != ENO_OK)
		return;
	eno_negotiate(active, syn, &synack, &a);
	eno_negotiate(active, syn, &synack, &again);
	CHECK(!memcmp(&a, &again, sizeof(a)));
	if (a.verdict != ENO_OK)
		return;
	CHECK(a.role != b.role && a.transcript_len == b.transcript_len);
	CHECK(!memcmp(a.transcript, b.transcript, a.transcript_len));
	/* raw suboptions may repeat what another host doesn't let repeat */
	if (active->raw || passive->raw)
		return;
	CHECK(a.negspec == b.negspec);
	CHECK(!memcmp(a.data, b.data, sizeof(a.data)));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct eno_option heard, raw, syn, synack;
	struct eno_config active, passive;
	struct eno_parsed parsed;
	enum eno_verdict verdict;
	struct eno_result res;
	u8 bits[2];

	if (size < 2 || size > 2 + OPTIONS_MAX)
		return 0;
	memcpy(bits, data, 2);
	verdict = eno_find(data + 2, size - 2, &heard);
	finding(data + 2, size - 2, verdict, &heard);
	verdict = eno_parse(&heard, &parsed);
	if (verdict == ENO_OK) {
		check_parsed(&heard, &parsed);
		round_trip(&heard, &parsed);
	} else {
		/* set_raw() of net/sock/opts.c takes what eno_parse() does */
		bits[0] &= ~CFG_RAW;
		bits[1] &= ~CFG_RAW;
	}
	raw = heard;
	configure(&active, bits[0], false, &raw);
	configure(&passive, bits[1], true, &raw);

	building(&active, (bits[0] >> CFG_ROOM) * ENO_OPT_MAX / 7, &syn);
	eno_negotiate(&active, &syn, &heard, &res);
	CHECK(res.verdict != ENO_OK || verdict == ENO_OK);
	check_result(&active, &res, &syn, &heard);
	answering(&passive, &heard, &synack, &res);
	between(&active, &syn, &heard, &synack, &res);
	undisturbed(&active, &passive, &syn);
	return 0;
}
