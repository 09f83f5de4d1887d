// SPDX-License-Identifier: GPL-2.0
/* net/tcpcrypt/resume.c: RFC 8548, section 3.5 */

#include <stdlib.h>
#include <linux/errno.h>
#include <linux/string.h>
#include "../../net/tcpcrypt/resume.h"
#include "hmac.h"
#include "ktap.h"
#include "vectors.h"

#define HALF	9
#define TEP	0x23
#define SYNACK	0x01	/* global suboption of a passive opener */

static int broken_hmac(const struct tcpcrypt_mac *mac, const u8 *key,
		       size_t keylen, const struct tcpcrypt_vec *vec,
		       unsigned int nvec, u8 *out)
{
	(void)mac;
	openssl_mac.hmac(&openssl_mac, key, keylen, vec, nvec, out);
	return -EIO;
}

static const struct tcpcrypt_mac broken_mac = { .hmac = broken_hmac };

static void secret_next__vectors(void)
{
	unsigned int i;
	u8 next[32];

	for (i = 0; i + 1 < VECTOR_SESSIONS; i++) {
		EXPECT_EQ(tcpcrypt_secret_next(&openssl_mac,
					       x25519_ss + 32 * i, next), 0);
		EXPECT_MEM(next, x25519_ss + 32 * (i + 1), 32);
		EXPECT_EQ(tcpcrypt_secret_next(&openssl_mac, p521_ss + 32 * i,
					       next), 0);
		EXPECT_MEM(next, p521_ss + 32 * (i + 1), 32);
	}
}

static void resume_id__vectors(void)
{
	unsigned int i;
	u8 *id;

	for (i = 0; i < VECTOR_SESSIONS; i++) {
		id = exact(x25519_resume, 18);
		memset(id, 0, 18);
		EXPECT_EQ(tcpcrypt_resume_id(&openssl_mac, x25519_ss + 32 * i,
					     id), 0);
		EXPECT_MEM(id, x25519_resume + 18 * i, 18);
		EXPECT_EQ(tcpcrypt_resume_id(&openssl_mac, p521_ss + 32 * i,
					     id), 0);
		EXPECT_MEM(id, p521_resume + 18 * i, 18);
		free(id);
	}
}

static void errors__nothing_is_left(void)
{
	static const u8 zeros[32];
	u8 out[32];

	memset(out, 0xa5, sizeof(out));
	EXPECT_EQ(tcpcrypt_secret_next(&broken_mac, x25519_ss, out), -EIO);
	EXPECT_MEM(out, zeros, 32);
	memset(out, 0xa5, sizeof(out));
	EXPECT_EQ(tcpcrypt_resume_id(&broken_mac, x25519_ss, out), -EIO);
	EXPECT_MEM(out, zeros, 18);
}

/* Figures 2 and 3: bytes 0 to 8, and 9 to 17 */
static void resume_half__figures(void)
{
	EXPECT(tcpcrypt_resume_half(x25519_resume, true) == x25519_resume);
	EXPECT(tcpcrypt_resume_half(x25519_resume, false) ==
	       x25519_resume + 9);
}

static void resume_data__every_length(void)
{
	static const u8 nonce[9] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	static const u8 half[HALF] = { 11, 12, 13, 14, 15, 16, 17, 18, 19 };
	static const u8 none[32];
	u8 *data, *given;
	unsigned int n;

	for (n = 0; n <= 8; n++) {
		data = exact(none, HALF + n);
		given = exact(nonce, n);
		EXPECT_EQ(tcpcrypt_resume_data(half, given, n, data),
			  HALF + n);
		EXPECT_MEM(data, half, HALF);
		EXPECT_MEM(data + HALF, nonce, n);
		free(given);
		free(data);
	}
	data = exact(none, sizeof(none));
	EXPECT_EQ(tcpcrypt_resume_data(half, nonce, 9, data), -EINVAL);
	EXPECT_EQ(tcpcrypt_resume_data(half, nonce, 256, data), -EINVAL);
	EXPECT_EQ(tcpcrypt_resume_data(half, nonce, (unsigned int)-1, data),
		  -EINVAL);
	EXPECT_MEM(data, none, sizeof(none));
	free(data);
}

static void resume_offered__bounds(void)
{
	unsigned int len;

	for (len = 0; len < 300; len++)
		EXPECT_EQ(tcpcrypt_resume_offered(len), len >= 9 && len <= 17);
	EXPECT(!tcpcrypt_resume_offered((unsigned int)-1));
}

static const struct eno_tep tep = {
	.id = TEP, .valid = tcpcrypt_resume_valid,
};

static const struct eno_tep other = {
	.id = 0x21, .valid = tcpcrypt_resume_valid,
};

/* A passive opener may answer anything with v = 0. */
static void resume_valid__passive(void)
{
	const struct eno_config cfg = {
		.teps = { &tep }, .nteps = 1, .passive = true,
	};
	static const u8 data[38];
	unsigned int len;
	u8 *copy;

	EXPECT(tcpcrypt_resume_valid(&tep, &cfg, NULL, 0));
	for (len = 0; len <= sizeof(data); len++) {
		copy = exact(data, len);
		EXPECT(tcpcrypt_resume_valid(&tep, &cfg, copy, len));
		free(copy);
	}
}

/* The active opener that proposed nothing takes v = 0 only. */
static void resume_valid__nothing_proposed(void)
{
	const struct eno_config cfg = { .teps = { &tep }, .nteps = 1 };
	unsigned int len;
	u8 *copy;

	EXPECT(tcpcrypt_resume_valid(&tep, &cfg, NULL, 0));
	for (len = 0; len <= 18; len++) {
		copy = exact(x25519_resume, len);
		EXPECT(!tcpcrypt_resume_valid(&tep, &cfg, copy, len));
		free(copy);
	}
}

/* And who proposed: the other half, with a nonce of any length, or v = 0. */
static void resume_valid__other_half(void)
{
	struct eno_config cfg = {
		.teps = { &other, &tep }, .nteps = 2, .data_tep = TEP,
		.data_len = 17, .priv = x25519_resume + 9,
	};
	u8 data[40] = {}, *copy;
	unsigned int len, bit;

	memcpy(data, x25519_resume + 9, HALF);
	EXPECT(tcpcrypt_resume_valid(&tep, &cfg, NULL, 0));
	for (len = 0; len <= sizeof(data); len++) {
		copy = exact(data, len);
		EXPECT_EQ(tcpcrypt_resume_valid(&tep, &cfg, copy, len),
			  len >= 9 && len <= 17);
		/* not with a TEP that was sent with v = 0 */
		EXPECT(!tcpcrypt_resume_valid(&other, &cfg, copy, len));
		free(copy);
	}
	/* each bit of the identifier counts, none of the nonce */
	for (bit = 0; bit < 17 * 8; bit++) {
		data[bit / 8] ^= 1 << bit % 8;
		EXPECT_EQ(tcpcrypt_resume_valid(&tep, &cfg, data, 17),
			  bit >= HALF * 8);
		data[bit / 8] ^= 1 << bit % 8;
	}
	/* the own half is not the other one */
	EXPECT(!tcpcrypt_resume_valid(&tep, &cfg, x25519_resume, 9));
	cfg.priv = NULL;
	EXPECT(!tcpcrypt_resume_valid(&tep, &cfg, data, 17));
}

/* A negotiation of two options, with so many bytes of data with the TEP */
static struct eno_result negotiated(int a_len, int b_len)
{
	const struct eno_tep any = { .id = TEP };
	const struct eno_config cfg = { .teps = { &any }, .nteps = 1 };
	struct eno_option a = { .data = { 69, 0, 0x21 }, .len = 3 };
	struct eno_option b = { .data = { 69, 0, SYNACK }, .len = 3 };
	struct eno_result res;
	int i;

	a.data[a.len++] = a_len < 0 ? TEP : TEP | ENO_V;
	for (i = 0; i < a_len; i++)
		a.data[a.len++] = 0xa0 + i;
	b.data[b.len++] = b_len < 0 ? TEP : TEP | ENO_V;
	for (i = 0; i < b_len; i++)
		b.data[b.len++] = 0xb0 + i;
	a.data[1] = a.len;
	b.data[1] = b.len;
	eno_negotiate(&cfg, &a, &b, &res);
	EXPECT_EQ(res.verdict, ENO_OK);
	return res;
}

/* Both hosts have to have sent one, and host B's is the answer. */
static void resumed__lengths(void)
{
	struct eno_result res;
	int a, b;

	for (a = -1; a <= 20; a++) {
		for (b = -1; b <= 20; b++) {
			res = negotiated(a, b);
			EXPECT_EQ(tcpcrypt_resumed(&res), a >= 9 && a <= 17 &&
				  b >= 9 && b <= 17);
		}
	}
}

/* nonce_a | nonce_b, and a and b are the original roles */
static void resume_nonce__every_length(void)
{
	unsigned int a, b, i, len;
	struct eno_result res;
	u8 want[16], *sn;

	for (a = 0; a <= 8; a++) {
		for (b = 0; b <= 8; b++) {
			res = negotiated(HALF + a, HALF + b);
			for (i = 0; i < a; i++)
				want[i] = 0xa0 + HALF + i;
			for (i = 0; i < b; i++)
				want[a + i] = 0xb0 + HALF + i;
			sn = exact(want, a + b);
			memset(sn, 0, a + b);
			len = tcpcrypt_resume_nonce(&res, false, sn);
			EXPECT_EQ(len, a + b);
			EXPECT_MEM(sn, want, a + b);
			for (i = 0; i < b; i++)
				want[i] = 0xb0 + HALF + i;
			for (i = 0; i < a; i++)
				want[b + i] = 0xa0 + HALF + i;
			len = tcpcrypt_resume_nonce(&res, true, sn);
			EXPECT_EQ(len, a + b);
			EXPECT_MEM(sn, want, a + b);
			free(sn);
		}
	}
}

/* One host: what it cached, and which role it had then */
struct host {
	const u8	*id;
	bool		host_a;
	u8		nonce_len;
};

static void configure(struct eno_config *cfg, const struct host *h)
{
	static const u8 nonce[8] = { 0xe0, 0xe1, 0xe2, 0xe3, 0xe4 };

	cfg->data_tep = TEP;
	cfg->data_len = tcpcrypt_resume_data(tcpcrypt_resume_half(h->id,
								  h->host_a),
					     nonce, h->nonce_len, cfg->data);
	cfg->priv = tcpcrypt_resume_half(h->id, !h->host_a);
}

/* Both ends through eno.c: they resume if they have the same identifier. */
static void expect_round_trip(const struct host *active,
			      const struct host *passive, bool want)
{
	struct eno_config a = { .teps = { &other, &tep }, .nteps = 2 };
	struct eno_config p = {
		.teps = { &other, &tep }, .nteps = 2, .passive = true,
	};
	struct eno_option syn, synack;
	struct eno_result ra, rp;
	u8 sa[16], sp[16];
	unsigned int n;

	configure(&a, active);
	configure(&p, passive);
	eno_build(&a, ENO_OPT_MAX, &syn);
	EXPECT_EQ(eno_answer(&p, &syn, &synack), ENO_OK);
	eno_negotiate(&p, &synack, &syn, &rp);
	eno_negotiate(&a, &syn, &synack, &ra);
	EXPECT_EQ(rp.verdict, ENO_OK);
	EXPECT(tcpcrypt_resumed(&rp));
	/* this passive opener did not look: the active one does */
	EXPECT_EQ(ra.verdict, want ? ENO_OK : ENO_NO_TEP);
	if (!want)
		return;
	EXPECT(tcpcrypt_resumed(&ra));
	EXPECT_EQ(ra.negspec, TEP | ENO_V);
	n = tcpcrypt_resume_nonce(&ra, !active->host_a, sa);
	EXPECT_EQ(n, active->nonce_len + passive->nonce_len);
	EXPECT_EQ(tcpcrypt_resume_nonce(&rp, passive->host_a, sp), n);
	EXPECT_MEM(sa, sp, n);
}

static void round_trip__roles(void)
{
	unsigned int i, k;

	for (i = 0; i < 2; i++) {
		for (k = 0; k < 81; k++) {
			struct host active = { x25519_resume, i, k % 9 };
			struct host passive = { x25519_resume, !i, k / 9 };
			struct host same = { x25519_resume, i, k / 9 };
			struct host next = { x25519_resume + 18, !i, k / 9 };
			struct host none = { p521_resume, !i, k / 9 };

			expect_round_trip(&active, &passive, true);
			expect_round_trip(&active, &same, false);
			expect_round_trip(&active, &next, false);
			expect_round_trip(&active, &none, false);
		}
	}
}

const struct ktap_case resume_cases[] = {
	KTAP_CASE(secret_next__vectors),
	KTAP_CASE(resume_id__vectors),
	KTAP_CASE(errors__nothing_is_left),
	KTAP_CASE(resume_half__figures),
	KTAP_CASE(resume_data__every_length),
	KTAP_CASE(resume_offered__bounds),
	KTAP_CASE(resume_valid__passive),
	KTAP_CASE(resume_valid__nothing_proposed),
	KTAP_CASE(resume_valid__other_half),
	KTAP_CASE(resumed__lengths),
	KTAP_CASE(resume_nonce__every_length),
	KTAP_CASE(round_trip__roles),
	{}
};
