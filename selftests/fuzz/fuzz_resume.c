// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target for resumption, RFC 8548, section 3.5. Input: roles and
 * nonces of two hosts, then what becomes of the SYN's option and of the
 * SYN-ACK's: for each a byte that says what, then bytes to exchange.
 */

#include "../../net/tcpcrypt/resume.h"
#include "fuzz.h"

#define TEP	TCPCRYPT_TEP_X25519

static const struct eno_tep other_tep = {
	.id = TCPCRYPT_TEP_P256, .valid = tcpcrypt_resume_valid,
};

static const struct eno_tep tep = {
	.id = TEP, .valid = tcpcrypt_resume_valid,
};

/* resume[i]; and the one of another session */
static const u8 ids[2][TCPCRYPT_RESUME_LEN] = {
	{ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18 },
	{ 1, 2, 3, 4, 5, 6, 7, 8, 8, 10, 11, 12, 13, 14, 15, 16, 17, 17 },
};

/**
 * struct host - one end
 * @id:     the secret's identifier
 * @host_a: its role when ss[0] was made
 * @cfg:    what it has for ENO
 */
struct host {
	const u8		*id;
	bool			host_a;
	struct eno_config	cfg;
};

/* As net/sock/resume.c has it: propose(), and what the peer must send */
static void configure(struct host *h, u8 bits, bool passive, struct input *in)
{
	u8 nonce[TCPCRYPT_RNONCE_MAX + 8], data[TCPCRYPT_SUB_MAX];
	unsigned int len = bits >> 4;
	int n;

	h->id = ids[bits & 1];
	h->host_a = bits & 2;
	h->cfg = (struct eno_config){
		.teps = { &other_tep, &tep }, .nteps = 2, .passive = passive,
		.b = bits & 4 && !passive,
	};
	take_bytes(in, nonce, len);
	n = tcpcrypt_resume_data(tcpcrypt_resume_half(h->id, h->host_a), nonce,
				 len, data);
	CHECK(n == (len > 8 ? -EINVAL : (int)(TCPCRYPT_HALF_LEN + len)));
	if (n < 0 || bits & 8)
		return;
	/* parse(build(x)) == x */
	CHECK(tcpcrypt_resume_offered(n));
	CHECK(!memcmp(data, h->id + (h->host_a ? 0 : 9), 9));
	CHECK(!memcmp(data + 9, nonce, len));
	h->cfg.data_tep = TEP;
	h->cfg.data_len = n;
	memcpy(h->cfg.data, data, n);
	h->cfg.priv = tcpcrypt_resume_half(h->id, !h->host_a);
}

/* Exchanges bytes behind kind and length, cuts or lengthens the option. */
static void disturb(struct eno_option *opt, struct input *in)
{
	u8 what = take(in), at;

	if (what & 0x80)
		opt->len = min((unsigned int)opt->len,
			       ENO_OPT_MIN + (what & 0x3fu));
	else if (what & 0x40)
		opt->len = min(ENO_OPT_MAX, opt->len + (what & 15));
	opt->data[1] = opt->len;
	if (opt->len <= ENO_OPT_MIN || !(what & 0xf))
		return;
	for (what &= 3; what--;) {
		at = ENO_OPT_MIN + take(in) % (opt->len - ENO_OPT_MIN);
		opt->data[at] ^= take(in);
	}
}

/* Return: length of the session nonce */
static unsigned int nonce(const struct eno_result *res, bool swapped, u8 *sn)
{
	unsigned int want = res->data[0].len + res->data[1].len - 2 * 9, len;
	u8 *room = malloc(want), back[TCPCRYPT_SN_MAX];

	CHECK(want <= TCPCRYPT_SN_MAX);
	if (!room)
		abort();
	len = tcpcrypt_resume_nonce(res, swapped, room);
	CHECK(len == want);
	memcpy(sn, room, len);
	free(room);
	/* the other order is the other order */
	CHECK(tcpcrypt_resume_nonce(res, !swapped, back) == len);
	want = res->data[swapped].len - 9;
	CHECK(!memcmp(back + len - want, sn, want));
	CHECK(!memcmp(back, sn + want, len - want));
	return len;
}

/* Is it host A's own judgement that it resumes? Then it heard its half. */
static void check_a(const struct host *h, const struct eno_result *res)
{
	const struct eno_data *d = &res->data[ENO_HOST_B];

	CHECK(h->cfg.data_len);
	CHECK(!memcmp(res->transcript + d->off, h->cfg.priv, 9));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	struct eno_option syn, heard, synack, answer;
	u8 sa[TCPCRYPT_SN_MAX], sb[TCPCRYPT_SN_MAX];
	struct eno_result ra, rb;
	struct host a, b;
	unsigned int n;

	configure(&a, take(&in), false, &in);
	configure(&b, take(&in), true, &in);
	eno_build(&a.cfg, ENO_OPT_MAX, &syn);
	heard = syn;
	disturb(&heard, &in);
	if (eno_answer(&b.cfg, &heard, &synack) != ENO_OK)
		return 0;
	eno_negotiate(&b.cfg, &synack, &heard, &rb);
	CHECK(rb.verdict == ENO_OK);
	answer = synack;
	disturb(&answer, &in);
	eno_negotiate(&a.cfg, &syn, &answer, &ra);
	if (tcpcrypt_resumed(&rb))
		nonce(&rb, false, sb);
	if (ra.verdict != ENO_OK)
		return 0;
	/* RFC 8548, section 3.5: v = 1 is an agreement to resume, or nothing */
	CHECK(!(ra.negspec & ENO_V) || ra.role == ENO_HOST_B ||
	      tcpcrypt_resumed(&ra));
	if (!tcpcrypt_resumed(&ra))
		return 0;
	if (ra.role == ENO_HOST_A)
		check_a(&a, &ra);
	n = nonce(&ra, !a.host_a, sa);
	if (ra.transcript_len != rb.transcript_len || ra.role == rb.role ||
	    memcmp(ra.transcript, rb.transcript, ra.transcript_len))
		return 0;
	/* nobody disturbed anything */
	CHECK(tcpcrypt_resumed(&rb));
	if (a.id == b.id)
		CHECK(a.host_a != b.host_a);
	CHECK(nonce(&rb, !a.host_a, sb) == n && !memcmp(sa, sb, n));
	return 0;
}
