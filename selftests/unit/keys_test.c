// SPDX-License-Identifier: GPL-2.0
/* net/tcpcrypt/keys.c: RFC 8548, sections 3.1, 3.3, 3.4 and 3.5; RFC 5869 */

#include <stdlib.h>
#include <openssl/sha.h>
#include <linux/errno.h>
#include <linux/string.h>
#include "../../net/tcpcrypt/tcpcrypt.h"
#include "hmac.h"
#include "ktap.h"
#include "vectors.h"

/* RFC 5869, appendix A, test cases 1 to 3 (SHA-256) */
static const u8 prk_1[] = {
	0x07, 0x77, 0x09, 0x36, 0x2c, 0x2e, 0x32, 0xdf, 0x0d, 0xdc, 0x3f, 0x0d,
	0xc4, 0x7b, 0xba, 0x63, 0x90, 0xb6, 0xc7, 0x3b, 0xb5, 0x0f, 0x9c, 0x31,
	0x22, 0xec, 0x84, 0x4a, 0xd7, 0xc2, 0xb3, 0xe5,
};

static const u8 okm_1[] = {
	0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a, 0x90, 0x43, 0x4f, 0x64,
	0xd0, 0x36, 0x2f, 0x2a, 0x2d, 0x2d, 0x0a, 0x90, 0xcf, 0x1a, 0x5a, 0x4c,
	0x5d, 0xb0, 0x2d, 0x56, 0xec, 0xc4, 0xc5, 0xbf, 0x34, 0x00, 0x72, 0x08,
	0xd5, 0xb8, 0x87, 0x18, 0x58, 0x65,
};

static const u8 prk_2[] = {
	0x06, 0xa6, 0xb8, 0x8c, 0x58, 0x53, 0x36, 0x1a, 0x06, 0x10, 0x4c, 0x9c,
	0xeb, 0x35, 0xb4, 0x5c, 0xef, 0x76, 0x00, 0x14, 0x90, 0x46, 0x71, 0x01,
	0x4a, 0x19, 0x3f, 0x40, 0xc1, 0x5f, 0xc2, 0x44,
};

static const u8 okm_2[] = {
	0xb1, 0x1e, 0x39, 0x8d, 0xc8, 0x03, 0x27, 0xa1, 0xc8, 0xe7, 0xf7, 0x8c,
	0x59, 0x6a, 0x49, 0x34, 0x4f, 0x01, 0x2e, 0xda, 0x2d, 0x4e, 0xfa, 0xd8,
	0xa0, 0x50, 0xcc, 0x4c, 0x19, 0xaf, 0xa9, 0x7c, 0x59, 0x04, 0x5a, 0x99,
	0xca, 0xc7, 0x82, 0x72, 0x71, 0xcb, 0x41, 0xc6, 0x5e, 0x59, 0x0e, 0x09,
	0xda, 0x32, 0x75, 0x60, 0x0c, 0x2f, 0x09, 0xb8, 0x36, 0x77, 0x93, 0xa9,
	0xac, 0xa3, 0xdb, 0x71, 0xcc, 0x30, 0xc5, 0x81, 0x79, 0xec, 0x3e, 0x87,
	0xc1, 0x4c, 0x01, 0xd5, 0xc1, 0xf3, 0x43, 0x4f, 0x1d, 0x87,
};

static const u8 prk_3[] = {
	0x19, 0xef, 0x24, 0xa3, 0x2c, 0x71, 0x7b, 0x16, 0x7f, 0x33, 0xa9, 0x1d,
	0x6f, 0x64, 0x8b, 0xdf, 0x96, 0x59, 0x67, 0x76, 0xaf, 0xdb, 0x63, 0x77,
	0xac, 0x43, 0x4c, 0x1c, 0x29, 0x3c, 0xcb, 0x04,
};

/* One scenario of gen_vectors.py */
struct vector {
	const u8			*ss, *sn, *resume, *sessid, *mk, *traffic;
	struct tcpcrypt_prk_input	in;
	u8				tep;
};

#define SN_ROW		17	/* length, then up to 16 bytes */
#define RESUME_LEN	18
#define TRAFFIC_ROW	TCPCRYPT_TRAFFIC_MAX
#define VECTOR(name, id) {						\
	name##_ss, name##_sn, name##_resume, name##_sessid, name##_mk,	\
	name##_traffic, {						\
		.nonce_a = name##_nonce_a,				\
		.transcript = { name##_transcript,			\
				sizeof(name##_transcript) },		\
		.init1 = { name##_init1, sizeof(name##_init1) },	\
		.init2 = { name##_init2, sizeof(name##_init2) },	\
		.es = { name##_es, sizeof(name##_es) },			\
	}, id								\
}

static const struct vector vectors[] = {
	VECTOR(x25519, 0x23), VECTOR(p521, 0x22),
};

static const u16 aead_ids[] = { 0x0001, 0x0002, 0x0010 };

/* A provider that fails after so many calls, having written its output */
static unsigned int calls_left;

static int failing_hmac(const struct tcpcrypt_mac *mac, const u8 *key,
			size_t keylen, const struct tcpcrypt_vec *vec,
			unsigned int nvec, u8 *out)
{
	(void)mac;
	openssl_mac.hmac(&openssl_mac, key, keylen, vec, nvec, out);
	return calls_left-- ? 0 : -EIO;
}

static const struct tcpcrypt_mac failing_mac = { .hmac = failing_hmac };

static bool all_zero(const void *bytes, size_t len)
{
	const u8 *p = bytes;

	while (len--)
		if (*p++)
			return false;
	return true;
}

static void aead_desc__table_3(void)
{
	const struct tcpcrypt_aead_desc *d;

	d = tcpcrypt_aead_desc(0x0001);
	EXPECT(d && d->id == 0x0001 && d->key_len == 16 &&
	       !strcmp(d->name, "AES_128_GCM"));
	d = tcpcrypt_aead_desc(0x0002);
	EXPECT(d && d->id == 0x0002 && d->key_len == 32 &&
	       !strcmp(d->name, "AES_256_GCM"));
	d = tcpcrypt_aead_desc(0x0010);
	EXPECT(d && d->id == 0x0010 && d->key_len == 32 &&
	       !strcmp(d->name, "CHACHA20_POLY1305"));
}

static void aead_desc__unknown(void)
{
	unsigned int id, known = 0;

	for (id = 0; id < 0x10000; id++)
		known += !!tcpcrypt_aead_desc(id);
	EXPECT_EQ(known, 3);
	EXPECT(!tcpcrypt_aead_desc(0));
	EXPECT(!tcpcrypt_aead_desc(0x0100));
}

/*
 * N_A has a fixed length, the salts of RFC 5869 don't. HMAC fills a shorter
 * key with zeros and hashes one of 80 bytes, so all three can be expressed.
 */
static void extract__rfc_5869(void)
{
	u8 salt[32] = {}, longer[80], ikm[80], prk[32];
	struct tcpcrypt_prk_input in = { .nonce_a = salt };
	unsigned int i;

	memset(ikm, 0x0b, 22);
	in.transcript = (struct tcpcrypt_vec){ ikm, 1 };
	in.init1 = (struct tcpcrypt_vec){ ikm + 1, 10 };
	in.init2 = (struct tcpcrypt_vec){ ikm + 11, 0 };
	in.es = (struct tcpcrypt_vec){ ikm + 11, 11 };
	EXPECT_EQ(tcpcrypt_extract(&openssl_mac, &in, prk), 0);
	EXPECT_MEM(prk, prk_3, sizeof(prk));
	for (i = 0; i < 13; i++)
		salt[i] = i;
	EXPECT_EQ(tcpcrypt_extract(&openssl_mac, &in, prk), 0);
	EXPECT_MEM(prk, prk_1, sizeof(prk));
	for (i = 0; i < 80; i++) {
		ikm[i] = i;
		longer[i] = 0x60 + i;
	}
	SHA256(longer, sizeof(longer), salt);
	in.es.len = 69;
	EXPECT_EQ(tcpcrypt_extract(&openssl_mac, &in, prk), 0);
	EXPECT_MEM(prk, prk_2, sizeof(prk));
}

/* Info is never empty here: test case 3 can't be expressed. */
static void cprf__rfc_5869(void)
{
	u8 info[80], okm[82];
	unsigned int i;

	for (i = 0; i < 10; i++)
		info[i] = 0xf0 + i;
	EXPECT_EQ(tcpcrypt_cprf(&openssl_mac, prk_1, info[0], info + 1, 9,
				okm, 42), 0);
	EXPECT_MEM(okm, okm_1, 42);
	for (i = 0; i < 80; i++)
		info[i] = 0xb0 + i;
	EXPECT_EQ(tcpcrypt_cprf(&openssl_mac, prk_2, info[0], info + 1, 79,
				okm, 82), 0);
	EXPECT_MEM(okm, okm_2, 82);
}

/* Each length is a prefix of the longest; nothing is written behind it. */
static void cprf__every_length(void)
{
	u8 *want = malloc(255 * 32), *okm;
	size_t len;

	EXPECT_EQ(tcpcrypt_cprf(&openssl_mac, prk_1, 1, NULL, 0, want,
				255 * 32), 0);
	for (len = 0; len <= 200; len++) {
		okm = malloc(len);
		EXPECT_EQ(tcpcrypt_cprf(&openssl_mac, prk_1, 1, NULL, 0, okm,
					len), 0);
		EXPECT_MEM(okm, want, len);
		free(okm);
	}
	EXPECT(!all_zero(want + 254 * 32, 32));
	EXPECT(memcmp(want + 254 * 32, want + 253 * 32, 32));
	free(want);
}

static void cprf__too_long(void)
{
	u8 *okm = calloc(1, 255 * 32 + 1);

	EXPECT_EQ(tcpcrypt_cprf(&openssl_mac, prk_1, 1, NULL, 0, okm,
				255 * 32 + 1), -EINVAL);
	EXPECT_EQ(tcpcrypt_cprf(&openssl_mac, prk_1, 1, NULL, 0, okm,
				(size_t)-1), -EINVAL);
	EXPECT(all_zero(okm, 255 * 32 + 1));
	free(okm);
}

static void cprf__constant_and_nonce(void)
{
	static const u8 sn[] = { 2, 3 };
	u8 one[32], two[32];

	EXPECT_EQ(tcpcrypt_cprf(&openssl_mac, prk_1, 1, NULL, 0, one, 32), 0);
	EXPECT_EQ(tcpcrypt_cprf(&openssl_mac, prk_1, 2, NULL, 0, two, 32), 0);
	EXPECT(memcmp(one, two, 32));
	EXPECT_EQ(tcpcrypt_cprf(&openssl_mac, prk_1, 1, sn, 1, two, 32), 0);
	EXPECT(memcmp(one, two, 32));
	EXPECT_EQ(tcpcrypt_cprf(&openssl_mac, prk_1, 1, sn, 2, one, 32), 0);
	EXPECT(memcmp(one, two, 32));
}

/* Section 3.3: PRK = ss[0], then ss[i] */
static void schedule__session_secrets(void)
{
	unsigned int v, i;
	u8 ss[32], next[32];

	for (v = 0; v < ARRAY_SIZE(vectors); v++) {
		EXPECT_EQ(tcpcrypt_extract(&openssl_mac, &vectors[v].in, ss),
			  0);
		for (i = 0; i < VECTOR_SESSIONS; i++) {
			EXPECT_MEM(ss, vectors[v].ss + 32 * i, 32);
			EXPECT_EQ(tcpcrypt_cprf(&openssl_mac, ss,
						TCPCRYPT_CONST_NEXTK, NULL, 0,
						next, 32), 0);
			memcpy(ss, next, 32);
		}
	}
}

static void schedule__session_ids(void)
{
	u8 id[TCPCRYPT_SESSID_LEN];
	const struct vector *v;
	unsigned int i;

	for (v = vectors; v < vectors + ARRAY_SIZE(vectors); v++) {
		for (i = 0; i < VECTOR_SESSIONS; i++) {
			const u8 *sn = v->sn + SN_ROW * i;

			EXPECT_EQ(tcpcrypt_session_id(&openssl_mac,
						      v->ss + 32 * i, sn + 1,
						      sn[0],
						      v->tep | (i ? 0x80 : 0),
						      id), 0);
			EXPECT_MEM(id, v->sessid + 33 * i, 33);
		}
	}
}

/* Section 3.5 */
static void schedule__resumption_identifiers(void)
{
	const struct vector *v;
	u8 id[RESUME_LEN];
	unsigned int i;

	for (v = vectors; v < vectors + ARRAY_SIZE(vectors); v++) {
		for (i = 0; i < VECTOR_SESSIONS; i++) {
			EXPECT_EQ(tcpcrypt_cprf(&openssl_mac, v->ss + 32 * i,
						TCPCRYPT_CONST_RESUME, NULL, 0,
						id, sizeof(id)), 0);
			EXPECT_MEM(id, v->resume + RESUME_LEN * i, RESUME_LEN);
		}
	}
}

static void schedule__master_keys(void)
{
	const struct vector *v;
	unsigned int i, j;
	u8 mk[32];

	for (v = vectors; v < vectors + ARRAY_SIZE(vectors); v++) {
		const u8 *want = v->mk;

		for (i = 0; i < VECTOR_SESSIONS; i++) {
			const u8 *sn = v->sn + SN_ROW * i;

			EXPECT_EQ(tcpcrypt_master_first(&openssl_mac,
							v->ss + 32 * i, sn + 1,
							sn[0], mk), 0);
			for (j = 0; j < VECTOR_GENERATIONS; j++) {
				EXPECT_MEM(mk, want, 32);
				EXPECT_EQ(tcpcrypt_master_next(&openssl_mac,
							       mk), 0);
				want += 32;
			}
		}
	}
}

/* Section 3.6, figure 4: each AEAD, both directions */
static void expect_traffic(const u8 *mk, const u8 *want)
{
	const struct tcpcrypt_aead_desc *aead;
	struct tcpcrypt_traffic_key tk;
	unsigned int a, dir;

	for (a = 0; a < ARRAY_SIZE(aead_ids); a++) {
		aead = tcpcrypt_aead_desc(aead_ids[a]);
		for (dir = 0; dir < 2; dir++) {
			memset(&tk, 0xa5, sizeof(tk));
			EXPECT_EQ(tcpcrypt_traffic(&openssl_mac, mk,
						   dir ? TCPCRYPT_CONST_KEY_B :
						   TCPCRYPT_CONST_KEY_A,
						   aead, &tk), 0);
			EXPECT_EQ(tk.key_len, a ? 32 : 16);
			EXPECT_MEM(tk.key, want, tk.key_len);
			EXPECT_MEM(tk.nr, want + tk.key_len, sizeof(tk.nr));
			EXPECT(all_zero(tk.key + tk.key_len,
					sizeof(tk.key) - tk.key_len));
			want += TRAFFIC_ROW;
		}
	}
}

static void schedule__traffic_keys(void)
{
	const struct vector *v;
	unsigned int i;

	for (v = vectors; v < vectors + ARRAY_SIZE(vectors); v++)
		for (i = 0; i < VECTOR_SESSIONS * VECTOR_GENERATIONS; i++)
			expect_traffic(v->mk + 32 * i,
				       v->traffic + 6 * TRAFFIC_ROW * i);
}

/* Whatever step fails, the error comes out and no key material stays. */
static void errors__extract(void)
{
	u8 prk[32];

	calls_left = 0;
	memset(prk, 0xa5, sizeof(prk));
	EXPECT_EQ(tcpcrypt_extract(&failing_mac, &vectors[0].in, prk), -EIO);
	EXPECT(all_zero(prk, sizeof(prk)));
}

static void errors__cprf(void)
{
	unsigned int n;
	u8 okm[100];

	for (n = 0; n < 4; n++) {
		calls_left = n;
		memset(okm, 0xa5, sizeof(okm));
		EXPECT_EQ(tcpcrypt_cprf(&failing_mac, prk_1, 1, NULL, 0, okm,
					sizeof(okm)), -EIO);
		EXPECT(all_zero(okm, sizeof(okm)));
	}
	calls_left = 4;
	EXPECT_EQ(tcpcrypt_cprf(&failing_mac, prk_1, 1, NULL, 0, okm,
				sizeof(okm)), 0);
}

static void errors__derived(void)
{
	const struct tcpcrypt_aead_desc *aead = tcpcrypt_aead_desc(0x0002);
	struct tcpcrypt_traffic_key tk;
	u8 mk[32], id[33];

	calls_left = 0;
	EXPECT_EQ(tcpcrypt_session_id(&failing_mac, prk_1, NULL, 0, 0x23, id),
		  -EIO);
	EXPECT(all_zero(id + 1, 32));
	calls_left = 0;
	EXPECT_EQ(tcpcrypt_master_first(&failing_mac, prk_1, NULL, 0, mk),
		  -EIO);
	EXPECT(all_zero(mk, 32));
	memcpy(mk, prk_1, sizeof(mk));
	calls_left = 0;
	EXPECT_EQ(tcpcrypt_master_next(&failing_mac, mk), -EIO);
	EXPECT_MEM(mk, prk_1, sizeof(mk));
	/* 44 bytes: two calls */
	calls_left = 1;
	memset(&tk, 0xa5, sizeof(tk));
	EXPECT_EQ(tcpcrypt_traffic(&failing_mac, prk_1, 4, aead, &tk), -EIO);
	EXPECT(all_zero(&tk, sizeof(tk)));
}

const struct ktap_case keys_cases[] = {
	KTAP_CASE(aead_desc__table_3),
	KTAP_CASE(aead_desc__unknown),
	KTAP_CASE(extract__rfc_5869),
	KTAP_CASE(cprf__rfc_5869),
	KTAP_CASE(cprf__every_length),
	KTAP_CASE(cprf__too_long),
	KTAP_CASE(cprf__constant_and_nonce),
	KTAP_CASE(schedule__session_secrets),
	KTAP_CASE(schedule__session_ids),
	KTAP_CASE(schedule__resumption_identifiers),
	KTAP_CASE(schedule__master_keys),
	KTAP_CASE(schedule__traffic_keys),
	KTAP_CASE(errors__extract),
	KTAP_CASE(errors__cprf),
	KTAP_CASE(errors__derived),
	{}
};
