// SPDX-License-Identifier: GPL-2.0
/*
 * TCP-ENO (RFC 8547) in a simultaneous open: what the peer's segments say, up
 * to the first one that acknowledges ours.
 */

#include <linux/string.h>
#include <linux/types.h>
#include "eno.h"

static bool is_same(const struct eno_option *a, const struct eno_option *b)
{
	return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

/**
 * eno_crossed_syn() - the peer's SYN, again or with an acknowledgment
 * @c:    what was heard before
 * @ack:  it acknowledges our SYN
 * @seq:  its sequence number
 * @opts: its options, from the byte after the fixed header on
 * @len:  their length in bytes
 *
 * Another sequence number begins anew. Section 4.6: a SYN MUST NOT alter the
 * option of the one before. One that does is kept, for each must be one that
 * can be accepted; who alters it twice gets plain TCP.
 */
void eno_crossed_syn(struct eno_crossed *c, bool ack, u32 seq, const u8 *opts,
		     unsigned int len)
{
	enum eno_verdict verdict;
	struct eno_option opt;

	if (!c->heard || c->seq != seq) {
		memset(c, 0, sizeof(*c));
		c->heard = true;
		c->seq = seq;
		c->verdict = eno_find(opts, len, &c->first);
		return;
	}
	if (c->acked)
		return;
	c->acked = ack;
	verdict = eno_find(opts, len, &opt);
	if (verdict != ENO_OK)
		c->verdict = verdict;
	else if (is_same(&opt, &c->first))
		return;
	else if (!c->other.len)
		c->other = opt;
	else if (!is_same(&opt, &c->other))
		c->verdict = ENO_ILL_FORMED;
}

/**
 * eno_crossed_ack() - a segment that acknowledges our SYN and is none itself
 * @c:    what was heard before
 * @opts: its options, from the byte after the fixed header on
 * @len:  their length in bytes
 */
void eno_crossed_ack(struct eno_crossed *c, const u8 *opts, unsigned int len)
{
	if (!c->heard || c->acked)
		return;
	c->acked = true;
	if (!eno_present(opts, len))
		c->verdict = ENO_NO_OPTION;
}

/**
 * eno_crossed_judge() - decide the negotiation by what was heard so far
 * @cfg:  the host's side of it
 * @c:    what was heard
 * @seq:  sequence number of the SYN that TCP took
 * @sent: the option of our SYN
 * @res:  the outcome, as eno_negotiate()'s
 *
 * Section 4.6, items 2 and 3: each option that came must be one that can be
 * accepted; the transcript has the first.
 */
void eno_crossed_judge(const struct eno_config *cfg,
		       const struct eno_crossed *c, u32 seq,
		       const struct eno_option *sent, struct eno_result *res)
{
	enum eno_verdict verdict = ENO_NO_OPTION;

	if (c->heard && c->seq == seq)
		verdict = c->verdict;
	if (verdict == ENO_OK && c->other.len) {
		eno_negotiate(cfg, sent, &c->other, res);
		verdict = res->verdict;
	}
	if (verdict == ENO_OK) {
		eno_negotiate(cfg, sent, &c->first, res);
		return;
	}
	memset(res, 0, sizeof(*res));
	res->verdict = verdict;
}
