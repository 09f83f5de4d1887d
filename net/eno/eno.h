/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP-ENO (RFC 8547): the option, its suboptions and the negotiation.
 *
 * Pure code: bytes in, bytes and verdicts out. It knows no socket, takes no
 * lock, allocates nothing and compiles unchanged in user space.
 */
#ifndef _TCPCRYPT_ENO_H
#define _TCPCRYPT_ENO_H

#include <linux/types.h>

#define ENO_KIND		69	/* TCP option kind, section 4.1 */
#define ENO_OPT_MIN		2	/* kind and length */
#define ENO_OPT_MAX		40	/* all the option space there is */
#define ENO_SUBOPT_MAX		(ENO_OPT_MAX - ENO_OPT_MIN)
#define ENO_TRANSCRIPT_MAX	(2 * ENO_OPT_MAX)

#define ENO_V			0x80	/* suboption data follows */
#define ENO_GLT			0x7f
#define ENO_TEP_MIN		0x20	/* below: global or length byte */
#define ENO_LEN_MASK		0x1f	/* nnnnn of a length byte */
#define ENO_DATA_MAX		32	/* what a length byte can say */
#define ENO_GLOBAL_B		0x01	/* passive role bit */
#define ENO_GLOBAL_A		0x02	/* application-aware bit */

/* Most TEPs that one host offers in one SYN. */
#define ENO_TEPS_MAX		8

struct eno_config;

/**
 * struct eno_option - one ENO option as it stands in a TCP header
 * @len:  bytes used in @data, kind and length bytes included; 0: no option
 * @data: the option from its kind byte on
 */
struct eno_option {
	u8	len;
	u8	data[ENO_OPT_MAX];
};

/**
 * struct eno_suboption - a TEP suboption found by eno_parse()
 * @tep: TEP identifier, 0x20 to 0x7f, without the v bit
 * @v:   suboption data is present (its length may be 0 in the last one)
 * @off: offset of the suboption data in &eno_option.data
 * @len: length of the suboption data in bytes
 */
struct eno_suboption {
	u8	tep;
	bool	v;
	u8	off;
	u8	len;
};

/**
 * struct eno_parsed - a well-formed SYN-form option, taken apart
 * @global:     the first global suboption, 0x00 if there was none
 * @nglobals:   explicit global suboptions; all but the first are ignored
 * @nsubs:      entries used in @subs
 * @subs:       TEP suboptions in the order in which they were sent
 */
struct eno_parsed {
	u8			global;
	u8			nglobals;
	u8			nsubs;
	struct eno_suboption	subs[ENO_SUBOPT_MAX];
};

enum eno_role {
	ENO_HOST_A,
	ENO_HOST_B,
};

/**
 * enum eno_verdict - what a negotiation came to
 * @ENO_OK:          a TEP was negotiated
 * @ENO_NO_OPTION:   the peer's SYN segment carries no ENO option
 * @ENO_MANY:        it carries more than one (section 4.1)
 * @ENO_ILL_FORMED:  length byte violation (section 4.4) or a broken option
 *                   list
 * @ENO_NO_TEP:      no valid TEP identifier in common (sections 4.5, 4.6)
 * @ENO_SAME_ROLE:   both hosts set the same b bit (section 4.6)
 * @ENO_NOT_AWARE:   mandatory application-aware mode, peer sent a = 0
 */
enum eno_verdict {
	ENO_OK,
	ENO_NO_OPTION,
	ENO_MANY,
	ENO_ILL_FORMED,
	ENO_NO_TEP,
	ENO_SAME_ROLE,
	ENO_NOT_AWARE,
};

/**
 * struct eno_tep - a TEP as the negotiation sees it
 * @id:    TEP identifier, 0x20 to 0x7f
 * @valid: whether the suboption data that the peer sent with it is valid
 *         (section 4.5, item 2); may be NULL: any data is. @data is NULL if
 *         the suboption came with v = 0.
 * @repeat: the TEP defines the repetition of its suboption (section 4.5,
 *         item 3); without, a repeated identifier is not valid
 */
struct eno_tep {
	u8	id;
	bool	repeat;
	bool	(*valid)(const struct eno_tep *tep,
			 const struct eno_config *cfg, const u8 *data,
			 unsigned int len);
};

/**
 * struct eno_config - one host's side of a negotiation
 * @teps:      in order of increasing priority (section 4.5)
 * @nteps:     entries used in @teps
 * @passive:   passive opener: the b bit is always 1
 * @b:         the b bit of an active opener (TCP_ENO_TIEBREAKER)
 * @aware:     set a = 1 in sent SYN segments
 * @mandatory: mandatory application-aware mode
 * @data_tep:  TEP that is sent with suboption data, if @data_len
 * @data_len:  length of @data, bytes, at most ENO_DATA_MAX
 * @data:      the suboption data
 * @priv:      for the TEPs' own use
 * @raw:       the SYN-form option to send instead of all that (TCP_ENO_RAW):
 *             any TEP in it can be negotiated; may be NULL
 */
struct eno_config {
	const struct eno_tep	*teps[ENO_TEPS_MAX];
	u8			nteps;
	bool			passive;
	bool			b;
	bool			aware;
	bool			mandatory;
	u8			data_tep;
	u8			data_len;
	u8			data[ENO_DATA_MAX];
	const void		*priv;
	const struct eno_option	*raw;
};

/**
 * struct eno_data - the suboption data of the negotiated TEP
 * @off: where it is in the transcript, bytes
 * @len: its length in bytes; 0 if there is none
 */
struct eno_data {
	u8	off;
	u8	len;
};

/**
 * struct eno_result - outcome of a negotiation
 * @verdict:        ENO_OK, or why the connection stays plain TCP. The other
 *                  members mean something only with ENO_OK.
 * @tep:            the negotiated TEP; NULL if it comes from TCP_ENO_RAW
 * @negspec:        the TEP byte as host B sent it, v bit included
 * @role:           this host's role
 * @peer_aware:     the peer's a bit
 * @transcript:     host A's option, then host B's (section 4.8)
 * @transcript_len: bytes used in @transcript
 * @data:           suboption data that hosts A and B sent with @tep
 */
struct eno_result {
	enum eno_verdict	verdict;
	const struct eno_tep	*tep;
	u8			negspec;
	enum eno_role		role;
	bool			peer_aware;
	u8			transcript_len;
	u8			transcript[ENO_TRANSCRIPT_MAX];
	struct eno_data		data[2];
};

/**
 * struct eno_crossed - what the peer of a simultaneous open has said
 * @heard:   its SYN was heard
 * @acked:   and a segment that acknowledges ours
 * @seq:     sequence number of the SYN
 * @verdict: ENO_OK if all segments so far had an ENO option as they should
 * @first:   the option of the SYN
 * @other:   what a SYN after it had instead, if one had
 */
struct eno_crossed {
	bool			heard;
	bool			acked;
	u32			seq;
	enum eno_verdict	verdict;
	struct eno_option	first;
	struct eno_option	other;
};

enum eno_verdict eno_find(const u8 *opts, unsigned int len,
			  struct eno_option *opt);
bool eno_present(const u8 *opts, unsigned int len);
enum eno_verdict eno_parse(const struct eno_option *opt,
			   struct eno_parsed *parsed);
void eno_build(const struct eno_config *cfg, unsigned int room,
	       struct eno_option *opt);
enum eno_verdict eno_answer(const struct eno_config *cfg,
			    const struct eno_option *syn,
			    struct eno_option *synack);
void eno_drop_data(struct eno_option *opt);
void eno_negotiate(const struct eno_config *cfg, const struct eno_option *sent,
		   const struct eno_option *received, struct eno_result *res);
void eno_crossed_syn(struct eno_crossed *c, bool ack, u32 seq, const u8 *opts,
		     unsigned int len);
void eno_crossed_ack(struct eno_crossed *c, const u8 *opts, unsigned int len);
void eno_crossed_judge(const struct eno_config *cfg,
		       const struct eno_crossed *c, u32 seq,
		       const struct eno_option *sent, struct eno_result *res);

#endif /* _TCPCRYPT_ENO_H */
