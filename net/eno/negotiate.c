// SPDX-License-Identifier: GPL-2.0
/*
 * TCP-ENO (RFC 8547): offers, roles, the negotiated TEP and the transcript.
 */

#include <linux/string.h>
#include <linux/types.h>
#include "eno.h"

static void put(struct eno_option *opt, u8 byte)
{
	opt->data[opt->len++] = byte;
}

/*
 * Starts an option with the host's global suboption. Section 4.2: one of 0x00
 * may stay implicit, any other MUST be explicit; the z bits MUST be zero.
 */
static void begin(bool b, bool aware, struct eno_option *opt)
{
	u8 global = 0;

	memset(opt, 0, sizeof(*opt));
	put(opt, ENO_KIND);
	put(opt, 0);
	if (b)
		global |= ENO_GLOBAL_B;
	if (aware)
		global |= ENO_GLOBAL_A;
	if (global)
		put(opt, global);
}

static void finish(struct eno_option *opt)
{
	opt->data[1] = opt->len;
}

/* Section 4.4: the suboption with data goes last and needs no length byte. */
static void put_data(const struct eno_config *cfg, struct eno_option *opt)
{
	put(opt, ENO_V | cfg->data_tep);
	memcpy(opt->data + opt->len, cfg->data, cfg->data_len);
	opt->len += cfg->data_len;
}

/* Is it @cfg->teps[@i] that goes with suboption data? */
static bool has_data(const struct eno_config *cfg, unsigned int i)
{
	return cfg->data_len && cfg->teps[i]->id == cfg->data_tep;
}

/**
 * eno_build() - build the option of an active opener's SYN segment
 * @cfg:  the host's side of the negotiation
 * @room: bytes that the option may take; TEPs for which it does not suffice,
 *        the least preferred first, are left out
 * @opt:  the option; vacuous (section 4.6) if it names no TEP. It is longer
 *        than @room if not even the suboption with data fits.
 *
 * The TEPs go without suboption data, in order of increasing priority, but
 * for @cfg->data_tep.
 */
void eno_build(const struct eno_config *cfg, unsigned int room,
	       struct eno_option *opt)
{
	unsigned int i, ids = 0, need;

	if (cfg->raw) {
		*opt = *cfg->raw;
		return;
	}
	begin(cfg->b, cfg->aware, opt);
	need = opt->len + (cfg->data_len ? 1 + cfg->data_len : 0);
	for (i = 0; i < cfg->nteps; i++)
		ids += !has_data(cfg, i);
	for (i = 0; i < cfg->nteps; i++) {
		if (has_data(cfg, i))
			continue;
		if (need + ids <= room)
			put(opt, cfg->teps[i]->id);
		else
			ids--;
	}
	if (cfg->data_len)
		put_data(cfg, opt);
	finish(opt);
}

static bool data_valid(const struct eno_config *cfg, const struct eno_tep *tep,
		       const struct eno_option *opt,
		       const struct eno_suboption *sub)
{
	if (!tep || !tep->valid)
		return true;
	return tep->valid(tep, cfg, sub->v ? opt->data + sub->off : NULL,
			  sub->len);
}

static const struct eno_tep *lookup(const struct eno_config *cfg, u8 id)
{
	unsigned int i;

	for (i = 0; !cfg->raw && i < cfg->nteps; i++)
		if (cfg->teps[i]->id == id)
			return cfg->teps[i];
	return NULL;
}

/*
 * Section 4.5: whether one side's suboptions for TEP @id make it valid. It
 * must be there, more than once only if the TEP defines that, and all the data
 * must be valid. The TEP is asked about the peer's data only (@peer).
 */
static bool valid_in(const struct eno_config *cfg, u8 id,
		     const struct eno_option *opt,
		     const struct eno_parsed *parsed, bool peer)
{
	const struct eno_tep *tep = lookup(cfg, id);
	unsigned int i, seen = 0;

	for (i = 0; i < parsed->nsubs; i++) {
		const struct eno_suboption *sub = &parsed->subs[i];

		if (sub->tep != id)
			continue;
		seen++;
		if (peer && !data_valid(cfg, tep, opt, sub))
			return false;
	}
	/* an application that sends raw suboptions judges them itself */
	return seen == 1 || (seen && (!tep || tep->repeat));
}

/* Section 4.6, item 3: compatible global suboptions. */
static enum eno_verdict match_globals(const struct eno_config *cfg, u8 own,
				      u8 peer)
{
	if ((own & ENO_GLOBAL_B) == (peer & ENO_GLOBAL_B))
		return ENO_SAME_ROLE;
	if (cfg->mandatory && !(peer & ENO_GLOBAL_A))
		return ENO_NOT_AWARE;
	return ENO_OK;
}

/* TCP_ENO_RAW at a passive opener; section 4.2: its b bit MUST be 1. */
static enum eno_verdict answer_raw(const struct eno_config *cfg,
				   const struct eno_option *syn,
				   struct eno_option *synack)
{
	struct eno_result res;

	eno_negotiate(cfg, cfg->raw, syn, &res);
	if (res.verdict == ENO_OK && res.role != ENO_HOST_B)
		return ENO_SAME_ROLE;
	if (res.verdict == ENO_OK)
		*synack = *cfg->raw;
	return res.verdict;
}

/**
 * eno_answer() - build the option of a passive opener's SYN-ACK segment
 * @cfg:    the host's side of the negotiation
 * @syn:    the option of the SYN segment
 * @synack: the answer; empty without ENO_OK: the SYN-ACK carries no option
 *
 * Section 4.2: the b bit of a passive opener MUST be 1. Section 4.5: it SHOULD
 * send only one TEP, and a valid one: @cfg->data_tep if it is valid in @syn,
 * else the last of @cfg->teps that is.
 *
 * Return: ENO_OK, or why encryption is disabled (section 4.6).
 */
enum eno_verdict eno_answer(const struct eno_config *cfg,
			    const struct eno_option *syn,
			    struct eno_option *synack)
{
	enum eno_verdict verdict;
	struct eno_parsed parsed;
	unsigned int i;

	memset(synack, 0, sizeof(*synack));
	verdict = eno_parse(syn, &parsed);
	if (verdict == ENO_OK && cfg->raw)
		return answer_raw(cfg, syn, synack);
	if (verdict == ENO_OK)
		verdict = match_globals(cfg, ENO_GLOBAL_B, parsed.global);
	if (verdict != ENO_OK)
		return verdict;
	begin(true, cfg->aware, synack);
	if (cfg->data_len && valid_in(cfg, cfg->data_tep, syn, &parsed, true)) {
		put_data(cfg, synack);
		finish(synack);
		return ENO_OK;
	}
	i = cfg->nteps;
	while (i--) {
		if (!valid_in(cfg, cfg->teps[i]->id, syn, &parsed, true))
			continue;
		put(synack, cfg->teps[i]->id);
		finish(synack);
		return ENO_OK;
	}
	memset(synack, 0, sizeof(*synack));
	return ENO_NO_TEP;
}

/**
 * eno_drop_data() - turn an answer with suboption data into one without
 * @opt: what eno_answer() built; only its last suboption can have data
 */
void eno_drop_data(struct eno_option *opt)
{
	struct eno_parsed parsed;
	const struct eno_suboption *last;

	if (eno_parse(opt, &parsed) != ENO_OK || !parsed.nsubs)
		return;
	last = &parsed.subs[parsed.nsubs - 1];
	opt->data[last->off - 1] = last->tep;
	opt->len = last->off;
	finish(opt);
}

/*
 * Section 4.5: the negotiated TEP is the last valid TEP identifier in host
 * B's option; host A has no influence on the priority.
 */
static enum eno_verdict choose(const struct eno_config *cfg,
			       const struct eno_option *sent,
			       const struct eno_parsed *own,
			       const struct eno_option *received,
			       const struct eno_parsed *peer,
			       struct eno_result *res)
{
	const struct eno_parsed *b = res->role == ENO_HOST_B ? own : peer;
	unsigned int i = b->nsubs;

	while (i--) {
		const struct eno_suboption *sub = &b->subs[i];

		if ((!cfg->raw && !lookup(cfg, sub->tep)) ||
		    !valid_in(cfg, sub->tep, sent, own, false) ||
		    !valid_in(cfg, sub->tep, received, peer, true))
			continue;
		res->tep = lookup(cfg, sub->tep);
		res->negspec = sub->tep | (sub->v ? ENO_V : 0);
		return ENO_OK;
	}
	return ENO_NO_TEP;
}

/* The data of the negotiated TEP in an option at @base of the transcript. */
static struct eno_data find_data(const struct eno_parsed *parsed, u8 id,
				 unsigned int base)
{
	struct eno_data data = {};
	unsigned int i;

	for (i = 0; i < parsed->nsubs; i++) {
		if (parsed->subs[i].tep != id)
			continue;
		data.off = base + parsed->subs[i].off;
		data.len = parsed->subs[i].len;
		break;
	}
	return data;
}

/* Section 4.8: host A's option, then host B's, as they were sent. */
static void transcribe(const struct eno_option *sent,
		       const struct eno_parsed *own,
		       const struct eno_option *received,
		       const struct eno_parsed *peer,
		       struct eno_result *res)
{
	bool host_a = res->role == ENO_HOST_A;
	const struct eno_option *a = host_a ? sent : received;
	const struct eno_option *b = host_a ? received : sent;
	u8 id = res->negspec & ENO_GLT;

	memcpy(res->transcript, a->data, a->len);
	memcpy(res->transcript + a->len, b->data, b->len);
	res->transcript_len = a->len + b->len;
	res->data[ENO_HOST_A] = find_data(host_a ? own : peer, id, 0);
	res->data[ENO_HOST_B] = find_data(host_a ? peer : own, id, a->len);
}

/**
 * eno_negotiate() - decide a negotiation, at either side
 * @cfg:      the host's side of the negotiation
 * @sent:     the option of the SYN segment that this host sent
 * @received: the option of the SYN segment that it received
 * @res:      the outcome; nothing but the verdict is set unless it is ENO_OK
 *
 * A TEP that is in @sent but not in @cfg can't be negotiated.
 */
void eno_negotiate(const struct eno_config *cfg, const struct eno_option *sent,
		   const struct eno_option *received, struct eno_result *res)
{
	struct eno_parsed own, peer;
	enum eno_verdict verdict;

	memset(res, 0, sizeof(*res));
	verdict = eno_parse(received, &peer);
	if (verdict == ENO_OK)
		verdict = eno_parse(sent, &own);
	if (verdict == ENO_OK)
		verdict = match_globals(cfg, own.global, peer.global);
	if (verdict != ENO_OK)
		goto out;
	/* section 4.3: whoever sent b = 1 is host B */
	if (own.global & ENO_GLOBAL_B)
		res->role = ENO_HOST_B;
	else
		res->role = ENO_HOST_A;
	verdict = choose(cfg, sent, &own, received, &peer, res);
	if (verdict != ENO_OK)
		goto out;
	res->peer_aware = peer.global & ENO_GLOBAL_A;
	transcribe(sent, &own, received, &peer, res);
out:
	res->verdict = verdict;
}
