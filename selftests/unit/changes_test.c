// SPDX-License-Identifier: GPL-2.0
/*
 * Every message, cut at every length and with each byte changed to each other
 * value: Init1 and Init2 (RFC 8548, section 4.1), frames (4.2), resumption
 * suboptions (3.5), ENO options (RFC 8547, sections 4.1 and 4.4).
 */

#include <stdlib.h>
#include <linux/errno.h>
#include <linux/string.h>
#include "../../net/tcpcrypt/resume.h"
#include "ktap.h"
#include "vectors.h"

struct message {
	const u8	*bytes;
	unsigned int	len, pub_len;
	bool		init1;
};

#define MESSAGE(name, n, pub)						\
	{ name##_init##n, sizeof(name##_init##n), pub, (n) == 1 }

static const struct message messages[] = {
	MESSAGE(x25519, 1, 32), MESSAGE(x25519, 2, 32),
	MESSAGE(p521, 1, 69), MESSAGE(p521, 2, 69),
};

static u32 get32(const u8 *p)
{
	return (u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static int parse(const struct message *m, const u8 *bytes, size_t len,
		 struct tcpcrypt_init *init)
{
	if (m->init1)
		return tcpcrypt_init1_parse(bytes, len, m->pub_len, init);
	return tcpcrypt_init2_parse(bytes, len, m->pub_len, init);
}

static int begin(const struct message *m, const u8 *bytes, size_t len)
{
	return tcpcrypt_init_len(bytes, len, m->init1 ? 0x15101a0e :
						      0x097105e0);
}

/* Figure 6: does a message of @len bytes hold all, for so many ciphers? */
static bool fits(const struct message *m, u32 len, unsigned int nciphers)
{
	return nciphers && len >= (m->init1 ? 9 + 2 * nciphers : 8 + 2) + 32 +
				  m->pub_len;
}

/* As it stands in the stream; also with a message_len that is as short */
static void init__every_truncation(void)
{
	struct tcpcrypt_init init;
	unsigned int i, len;
	u8 *cut;

	for (i = 0; i < ARRAY_SIZE(messages); i++) {
		const struct message *m = &messages[i];

		for (len = 0; len < m->len; len++) {
			cut = exact(m->bytes, len);
			EXPECT_EQ(begin(m, cut, len), len < 8 ? 0 : m->len);
			EXPECT_EQ(parse(m, cut, len, &init), -EPROTO);
			if (len >= 8) {
				cut[6] = len >> 8;
				cut[7] = len;
				EXPECT_EQ(begin(m, cut, len), len);
				EXPECT_EQ(parse(m, cut, len, &init), -EPROTO);
			}
			free(cut);
		}
		EXPECT_EQ(parse(m, m->bytes, len, &init), 0);
	}
}

/* What it says is what stands there, the changed byte too. */
static void check_fields(const struct message *m, const u8 *bytes,
			 const struct tcpcrypt_init *init)
{
	unsigned int n = m->init1 ? bytes[8] : 1, at = m->init1 ? 9 : 8;

	EXPECT_EQ(init->msg_len, m->len);
	EXPECT_EQ(init->nciphers, n);
	EXPECT_MEM(init->ciphers, bytes + at, 2 * n);
	EXPECT_MEM(init->nonce, bytes + at + 2 * n, 32);
	EXPECT_MEM(init->pub, bytes + at + 2 * n + 32, m->pub_len);
}

static void change(const struct message *m, u8 *bytes, unsigned int at)
{
	u32 len = get32(bytes + 4);
	struct tcpcrypt_init init;
	int want = 0;

	if (at < 4)
		want = -EPROTO;
	else if (len < 8 || len > 4096)
		want = -EPROTO;
	EXPECT_EQ(begin(m, bytes, m->len), want ? : (int)len);
	if (len > m->len || !fits(m, len, m->init1 ? bytes[8] : 1))
		want = -EPROTO;
	EXPECT_EQ(parse(m, bytes, m->len, &init), want);
	if (!want)
		check_fields(m, bytes, &init);
}

static void init__every_byte_change(void)
{
	unsigned int i, at, value;
	u8 *bytes;

	for (i = 0; i < ARRAY_SIZE(messages); i++) {
		const struct message *m = &messages[i];

		bytes = exact(m->bytes, m->len);
		for (at = 0; at < m->len; at++) {
			for (value = 1; value < 256; value++) {
				bytes[at] ^= value;
				change(m, bytes, at);
				bytes[at] ^= value;
			}
		}
		free(bytes);
	}
}

/* Section 4.2: each clen, and each control byte with it */
static void frame__every_header(void)
{
	struct tcpcrypt_scan s;
	unsigned int clen, i;
	u8 hdr[3];

	for (clen = 0; clen < 0x10000; clen++) {
		memset(&s, 0, sizeof(s));
		tcpcrypt_frame_header(hdr, clen & 1, clen);
		EXPECT_EQ(hdr[0], clen & 1);
		/* reserved bits are ignored */
		hdr[0] |= clen & 0xfe;
		EXPECT_EQ(tcpcrypt_scan_header(&s, hdr[0]), 0);
		EXPECT_EQ(tcpcrypt_scan_header(&s, hdr[1]), 0);
		EXPECT_EQ(tcpcrypt_scan_header(&s, hdr[2]),
			  clen < 17 ? -EPROTO : 1);
		EXPECT_EQ(tcpcrypt_scan_clen(&s), clen);
		for (i = 0; i < 3; i++)
			EXPECT_EQ(s.hdr[i], hdr[i]);
	}
}

static void frame__every_header_change(void)
{
	static const u8 good[] = { 0x01, 0x00, 0x15 };
	unsigned int at, value, clen;
	struct tcpcrypt_scan s;
	u8 hdr[3];

	for (at = 0; at < 3; at++) {
		for (value = 1; value < 256; value++) {
			memcpy(hdr, good, 3);
			hdr[at] ^= value;
			clen = hdr[1] << 8 | hdr[2];
			memset(&s, 0, sizeof(s));
			tcpcrypt_scan_header(&s, hdr[0]);
			tcpcrypt_scan_header(&s, hdr[1]);
			EXPECT_EQ(tcpcrypt_scan_header(&s, hdr[2]),
				  clen < 17 ? -EPROTO : 1);
			if (clen >= 17)
				EXPECT_EQ(s.left, clen);
		}
	}
}

/* Section 4.2.1, figure 8: each flags byte, cut at each length */
static void plain__every_truncation(void)
{
	static const u8 tail[] = { 0x12, 0x34, 0x56, 0x78 };
	struct tcpcrypt_plain p;
	unsigned int flags, len;
	u8 bytes[5], *cut;
	bool whole;

	memcpy(bytes + 1, tail, sizeof(tail));
	for (flags = 0; flags < 256; flags++) {
		bytes[0] = flags;
		for (len = 0; len <= sizeof(bytes); len++) {
			cut = exact(bytes, len);
			whole = len >= (flags & 2 ? 3 : 1);
			EXPECT_EQ(tcpcrypt_plain_parse(cut, len, &p),
				  whole ? 0 : -EBADMSG);
			free(cut);
			if (!whole)
				continue;
			EXPECT_EQ(p.fin, flags & 1);
			EXPECT_EQ(p.urgent, flags >> 1 & 1);
			EXPECT_EQ(p.urg, flags & 2 ? 0x1234 : 0);
			EXPECT_EQ(p.data_off, flags & 2 ? 3 : 1);
			EXPECT_EQ(p.data_len, len - p.data_off);
		}
	}
}

static void plain__every_urgent_field(void)
{
	struct tcpcrypt_plain p;
	unsigned int urg;
	u8 bytes[4];

	for (urg = 0; urg < 0x10000; urg++) {
		bytes[0] = urg & 0xfc ? 0xfe : 2;
		bytes[1] = urg >> 8;
		bytes[2] = urg;
		EXPECT_EQ(tcpcrypt_plain_parse(bytes, 4, &p), 0);
		EXPECT_EQ(p.urg, urg);
		EXPECT(p.urgent && p.data_off == 3 && p.data_len == 1);
	}
}

static const struct eno_tep p256_tep = {
	.id = 0x21, .valid = tcpcrypt_resume_valid,
};

static const struct eno_tep x25519_tep = {
	.id = 0x23, .valid = tcpcrypt_resume_valid,
};

/* Of a host that resumes: x25519_resume, one half or the other */
static void resumes(struct eno_config *cfg, bool passive)
{
	/* nothing that looks like a global suboption */
	static const u8 nonce[8] = {
		0xe0, 0xe1, 0xe2, 0xe3, 0x64, 0x65, 0x66, 0x67,
	};

	*cfg = (struct eno_config){
		.teps = { &p256_tep, &x25519_tep }, .nteps = 2,
		.passive = passive, .data_tep = 0x23,
	};
	cfg->priv = tcpcrypt_resume_half(x25519_resume, passive);
	cfg->data_len = tcpcrypt_resume_data(tcpcrypt_resume_half(x25519_resume,
								  !passive),
					     nonce + !passive, 7, cfg->data);
}

/* What host A makes of @heard. Return: whether it resumes. */
static bool resumed(const struct eno_config *a, const struct eno_option *syn,
		    const struct eno_option *heard, struct eno_result *res)
{
	eno_negotiate(a, syn, heard, res);
	return res->verdict == ENO_OK && tcpcrypt_resumed(res);
}

/*
 * The SYN-ACK at host A: 69, 20, 1, 0xa3, half, nonce. It resumes if all but
 * the nonce is as it should be (section 3.5), and the nonce counts.
 */
static void resume__every_byte_change(void)
{
	struct eno_option syn, good, heard;
	struct eno_config a, b;
	struct eno_result res;
	unsigned int at, value;
	u8 sn[16], want[16];

	resumes(&a, false);
	resumes(&b, true);
	eno_build(&a, 40, &syn);
	EXPECT_EQ(eno_answer(&b, &syn, &good), ENO_OK);
	EXPECT_EQ(good.len, 2 + 1 + 1 + 9 + 7);
	EXPECT(resumed(&a, &syn, &good, &res));
	EXPECT_EQ(tcpcrypt_resume_nonce(&res, false, want), 14);
	for (at = 0; at < good.len; at++) {
		for (value = 0; value < 256; value++) {
			if (value == good.data[at])
				continue;
			heard = good;
			heard.data[at] = value;
			/* any odd global suboption is one of host B's */
			EXPECT_EQ(resumed(&a, &syn, &heard, &res),
				  at >= 4 + 9 ||
				  (at == 2 && value < 0x20 && value & 1));
			if (at < 4 + 9)
				continue;
			tcpcrypt_resume_nonce(&res, false, sn);
			EXPECT(memcmp(sn, want, 14));
			EXPECT_EQ(sn[7 + at - 13], value);
		}
	}
}

/* Nine bytes of data are a proposal, or agree to one; less are not. */
static void resume__every_truncation(void)
{
	struct eno_option syn, synack, heard, again;
	struct eno_config a, b;
	struct eno_result res;
	unsigned int len;

	resumes(&a, false);
	resumes(&b, true);
	eno_build(&a, 40, &syn);
	eno_answer(&b, &syn, &synack);
	for (len = 2; len < synack.len; len++) {
		heard = synack;
		heard.len = len;
		heard.data[1] = len;
		EXPECT_EQ(resumed(&a, &syn, &heard, &res), len >= 4 + 9);
		if (len >= 4 + 9)
			EXPECT_EQ(res.data[ENO_HOST_B].len, len - 4);
	}
	/* the SYN: 69, 20, 0x21, 0xa3, half, nonce */
	for (len = 2; len < syn.len; len++) {
		heard = syn;
		heard.len = len;
		heard.data[1] = len;
		EXPECT_EQ(eno_answer(&b, &heard, &again),
			  len > 2 ? ENO_OK : ENO_NO_TEP);
		eno_negotiate(&b, &again, &heard, &res);
		EXPECT_EQ(res.verdict == ENO_OK && tcpcrypt_resumed(&res),
			  len >= 4 + 9);
	}
}

/*
 * Section 4.1, table 1, once more: a list of what an option says, a byte for
 * each global suboption, two for each TEP: identifier and length of the data.
 * Return: its length, -1 if the option is ill-formed.
 */
static int list(const u8 *p, unsigned int len, u8 *out)
{
	int n = 0, more;

	if (!len)
		return 0;
	if (*p < 0x20 || (*p >= 0x20 && *p < 0x80)) {
		out[n++] = *p;
		if (*p >= 0x20)
			out[n++] = 0;
		more = list(p + 1, len - 1, out + n);
		return more < 0 ? -1 : n + more;
	}
	if (*p >= 0xa0) {
		out[0] = *p;
		out[1] = len - 1;
		return 2;
	}
	n = *p - 0x80 + 1;
	if (len < 2 || p[1] < 0xa0 || len - 2 < (unsigned int)n)
		return -1;
	out[0] = p[1];
	out[1] = n;
	more = list(p + 2 + n, len - 2 - n, out + 2);
	return more < 0 ? -1 : 2 + more;
}

static void same_as_list(const struct eno_option *opt)
{
	unsigned int i, subs = 0, globals = 0;
	u8 out[2 * ENO_OPT_MAX], first = 0;
	struct eno_parsed parsed;
	int n, at;

	n = list(opt->data + 2, opt->len - 2, out);
	EXPECT_EQ(eno_parse(opt, &parsed), n < 0 ? ENO_ILL_FORMED : ENO_OK);
	for (at = 0; at < n; at++) {
		if (out[at] < 0x20) {
			if (!globals++)
				first = out[at];
			continue;
		}
		i = subs++;
		if (subs > parsed.nsubs)
			break;
		EXPECT_EQ(parsed.subs[i].tep, out[at] & 0x7f);
		EXPECT_EQ(parsed.subs[i].v, out[at] >> 7);
		EXPECT_EQ(parsed.subs[i].len, out[++at]);
	}
	if (n < 0)
		return;
	EXPECT_EQ(parsed.nsubs, subs);
	EXPECT_EQ(parsed.nglobals, globals);
	EXPECT_EQ(parsed.global, first);
}

static const struct eno_option options[] = {
	{ 3, { 69, 3, 0x23 } },
	{ 6, { 69, 6, 0x01, 0x21, 0x22, 0x23 } },
	{ 14, { 69, 14, 0x03, 0x81, 0xa2, 1, 0x9f, 0x21, 0x80, 0xa1, 0x30, 2,
		0xa3, 7 } },
	{ 22, { 69, 22, 0x21, 0xa3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x80, 0xa0,
		0x9f, 0x1f, 0x7f, 0xff, 0, 1, 2 } },
	{ 40, { 69, 40, 0x9f, 0xa3, [36] = 0x84, 0x24, 0x02, 0x80 } },
};

static void eno__every_truncation(void)
{
	struct eno_parsed parsed;
	struct eno_option opt;
	unsigned int i, len;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		for (len = 2; len <= options[i].len; len++) {
			opt = options[i];
			opt.len = len;
			/* the list of options ends in it */
			if (len < options[i].len)
				EXPECT_EQ(eno_parse(&opt, &parsed),
					  ENO_ILL_FORMED);
			opt.data[1] = len;
			same_as_list(&opt);
		}
	}
}

static void eno__every_byte_change(void)
{
	unsigned int i, at, value;
	struct eno_parsed parsed;
	struct eno_option opt;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		opt = options[i];
		for (at = 0; at < opt.len; at++) {
			for (value = 1; value < 256; value++) {
				opt.data[at] ^= value;
				if (at < 2)
					EXPECT_EQ(eno_parse(&opt, &parsed),
						  ENO_ILL_FORMED);
				else
					same_as_list(&opt);
				opt.data[at] ^= value;
			}
		}
	}
}

/* RFC 793, section 3.1: where the next option is; -1 if that can't be said */
static int skip(const u8 *p, unsigned int len)
{
	if (p[0] == 1)
		return 1;
	return len >= 2 && p[1] >= 2 && p[1] <= len ? p[1] : -1;
}

/* Sections 4.1 and 4.6 on a list of options of a SYN, and of a later segment */
static void same_as_walk(const u8 *opts, unsigned int len)
{
	enum eno_verdict want = ENO_NO_OPTION;
	unsigned int at = 0, found = 0, n = 0;
	u8 *copy = exact(opts, len);
	bool present = false;
	struct eno_option opt;
	int step = 0;

	while (at < len && opts[at]) {
		step = skip(opts + at, len - at);
		if (step < 0)
			break;
		if (opts[at] == 69) {
			found = at;
			n++;
			present = true;
		}
		at += step;
	}
	if (at < len && step < 0)
		want = ENO_ILL_FORMED;
	else if (n)
		want = n > 1 ? ENO_MANY : ENO_OK;
	EXPECT_EQ(eno_find(copy, len, &opt), want);
	EXPECT_EQ(opt.len, want == ENO_OK ? opts[found + 1] : 0);
	if (want == ENO_OK)
		EXPECT_MEM(opt.data, opts + found, opt.len);
	EXPECT_EQ(eno_present(copy, len), present);
	free(copy);
}

static void eno_find__every_change_and_length(void)
{
	static const u8 lists[][24] = {
		{ 2, 4, 5, 180, 69, 5, 2, 0x21, 0x23, 1, 1, 8, 10, 1, 2, 3, 4,
		  0, 0, 0, 0, 0, 7, 9 },
		{ 1, 1, 69, 3, 0x23, 3, 3, 7, 1, 69, 2, 4, 2, 5, 10, 1, 2, 3,
		  4, 5, 6, 7, 8, 1 },
	};
	unsigned int i, at, value, len;
	u8 opts[24];

	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		memcpy(opts, lists[i], sizeof(opts));
		for (len = 0; len <= sizeof(opts); len++)
			same_as_walk(opts, len);
		for (at = 0; at < sizeof(opts); at++) {
			for (value = 1; value < 256; value++) {
				opts[at] ^= value;
				same_as_walk(opts, sizeof(opts));
				same_as_walk(opts, at + 1);
				opts[at] ^= value;
			}
		}
	}
}

const struct ktap_case changes_cases[] = {
	KTAP_CASE(init__every_truncation),
	KTAP_CASE(init__every_byte_change),
	KTAP_CASE(frame__every_header),
	KTAP_CASE(frame__every_header_change),
	KTAP_CASE(plain__every_truncation),
	KTAP_CASE(plain__every_urgent_field),
	KTAP_CASE(resume__every_byte_change),
	KTAP_CASE(resume__every_truncation),
	KTAP_CASE(eno__every_truncation),
	KTAP_CASE(eno__every_byte_change),
	KTAP_CASE(eno_find__every_change_and_length),
	{}
};
