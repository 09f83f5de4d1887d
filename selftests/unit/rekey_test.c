// SPDX-License-Identifier: GPL-2.0
/* net/tcpcrypt/rekey.c: RFC 8548, sections 3.3 and 3.8 */

#include <linux/errno.h>
#include <linux/string.h>
#include "../../net/tcpcrypt/tcpcrypt.h"
#include "hmac.h"
#include "ktap.h"

#define NO_LIMIT	(~0ULL)

static unsigned int calls_left;

static int failing_hmac(const struct tcpcrypt_mac *mac, const u8 *key,
			size_t keylen, const struct tcpcrypt_vec *vec,
			unsigned int nvec, u8 *out)
{
	int err = openssl_mac.hmac(&openssl_mac, key, keylen, vec, nvec, out);

	(void)mac;
	return err ? : calls_left-- ? 0 : -EIO;
}

static const struct tcpcrypt_mac failing_mac = { .hmac = failing_hmac };

/* Seals a frame as net/sock does. Return: its rekey bit. */
static bool seal(struct tcpcrypt_gen *g, u32 len, u64 max_bytes, bool old)
{
	bool rekey;

	if (tcpcrypt_gen_wants(g, len, max_bytes, old))
		tcpcrypt_gen_advance(g);
	rekey = g->unused;
	tcpcrypt_gen_sealed(g, len);
	return rekey;
}

static void gen__first_frames(void)
{
	struct tcpcrypt_gen g = {};

	EXPECT(!tcpcrypt_gen_owes(&g));
	EXPECT(!tcpcrypt_gen_busy(&g));
	EXPECT(!seal(&g, 0, NO_LIMIT, false));
	EXPECT(!seal(&g, 100, NO_LIMIT, false));
	EXPECT(!seal(&g, 100, NO_LIMIT, false));
	EXPECT_EQ(g.local, 0);
	EXPECT_EQ(g.frames, 3);
	EXPECT_EQ(g.bytes, 200);
}

/* rekey = 1 on the first frame of a generation, 0 on all others */
static void gen__asked(void)
{
	struct tcpcrypt_gen g = { .asked = true };

	EXPECT(tcpcrypt_gen_owes(&g));
	EXPECT(tcpcrypt_gen_busy(&g));
	EXPECT(seal(&g, 0, NO_LIMIT, false));
	EXPECT_EQ(g.local, 1);
	EXPECT(!tcpcrypt_gen_owes(&g));
	/* outstanding: no other one without data */
	EXPECT(tcpcrypt_gen_busy(&g));
	EXPECT(!seal(&g, 0, NO_LIMIT, false));
	EXPECT(!seal(&g, 1, NO_LIMIT, false));
	g.remote = 1;
	EXPECT(!tcpcrypt_gen_busy(&g));
	EXPECT(!tcpcrypt_gen_owes(&g));
	EXPECT(!seal(&g, 1, NO_LIMIT, false));
}

/* Each generation of the peer's is answered by a frame of its own. */
static void gen__behind(void)
{
	struct tcpcrypt_gen g = { .remote = 3 };
	int i;

	for (i = 1; i <= 3; i++) {
		EXPECT(tcpcrypt_gen_owes(&g));
		EXPECT(!tcpcrypt_gen_busy(&g));
		EXPECT(seal(&g, 0, NO_LIMIT, false));
		EXPECT_EQ(g.local, i);
	}
	EXPECT(!tcpcrypt_gen_owes(&g));
	EXPECT(!seal(&g, 0, NO_LIMIT, false));
}

/* Both hosts initiate at once: nobody answers. */
static void gen__both(void)
{
	struct tcpcrypt_gen g = { .asked = true };

	EXPECT(seal(&g, 0, NO_LIMIT, false));
	g.remote++;
	EXPECT(!tcpcrypt_gen_owes(&g));
	EXPECT(!seal(&g, 1, NO_LIMIT, false));
}

static void gen__bytes(void)
{
	struct tcpcrypt_gen g = {};

	EXPECT(!seal(&g, 600, 1000, false));
	EXPECT(!seal(&g, 400, 1000, false));
	/* no data, nothing initiated */
	EXPECT(!seal(&g, 0, 1000, false));
	EXPECT(seal(&g, 1, 1000, false));
	EXPECT_EQ(g.bytes, 1);
	EXPECT_EQ(g.frames, 1);
	EXPECT(seal(&g, 1000, 1000, false));
	/* one frame may be larger than the limit, never two */
	EXPECT(seal(&g, 5000, 1000, false));
	EXPECT(seal(&g, 5000, 1000, false));
	EXPECT_EQ(g.local, 4);
}

/* Whatever the configuration says. */
static void gen__safe_bounds(void)
{
	struct tcpcrypt_gen g = { .bytes = TCPCRYPT_KEY_BYTES_MAX - 100 };

	EXPECT(!seal(&g, 100, NO_LIMIT, false));
	EXPECT(seal(&g, 1, NO_LIMIT, false));
	g.frames = TCPCRYPT_KEY_FRAMES_MAX - 1;
	EXPECT(!seal(&g, 1, NO_LIMIT, false));
	EXPECT(!seal(&g, 0, NO_LIMIT, false));
	EXPECT(seal(&g, 1, NO_LIMIT, false));
	EXPECT_EQ(g.frames, 1);
}

static void gen__old(void)
{
	struct tcpcrypt_gen g = {};

	EXPECT(!seal(&g, 0, NO_LIMIT, true));
	EXPECT(seal(&g, 1, NO_LIMIT, true));
}

/* A shortage between the new key and its first frame loses nothing. */
static void gen__unused_stays(void)
{
	struct tcpcrypt_gen g = { .remote = 1 };

	EXPECT(tcpcrypt_gen_wants(&g, 0, NO_LIMIT, false));
	tcpcrypt_gen_advance(&g);
	EXPECT(tcpcrypt_gen_owes(&g));
	EXPECT(!tcpcrypt_gen_wants(&g, 0, NO_LIMIT, false));
	EXPECT(seal(&g, 0, NO_LIMIT, false));
	EXPECT_EQ(g.local, 1);
}

/* A limit's frame that could not be sealed need not go without data. */
static void gen__limit_owes_nothing(void)
{
	struct tcpcrypt_gen g = { .bytes = 1 };

	EXPECT(tcpcrypt_gen_wants(&g, 1, 1, false));
	tcpcrypt_gen_advance(&g);
	EXPECT(!tcpcrypt_gen_owes(&g));
	EXPECT(seal(&g, 1, NO_LIMIT, false));
}

static void gen__lost_key(void)
{
	struct tcpcrypt_gen g = { .lost = true };

	EXPECT(!tcpcrypt_gen_owes(&g));
	EXPECT(seal(&g, 0, NO_LIMIT, false));
	EXPECT(!seal(&g, 0, NO_LIMIT, false));
}

static void gen_derive__chain(void)
{
	const struct tcpcrypt_aead_desc *aead = tcpcrypt_aead_desc(2);
	struct tcpcrypt_traffic_key tk, want;
	u8 mk[32] = { 1, 2, 3 }, next[32];

	EXPECT_EQ(tcpcrypt_gen_derive(&openssl_mac, mk, TCPCRYPT_CONST_KEY_B,
				      aead, next, &tk), 0);
	EXPECT_EQ(mk[0], 1);
	EXPECT_EQ(tcpcrypt_master_next(&openssl_mac, mk), 0);
	EXPECT_MEM(next, mk, sizeof(mk));
	EXPECT_EQ(tcpcrypt_traffic(&openssl_mac, mk, TCPCRYPT_CONST_KEY_B,
				   aead, &want), 0);
	EXPECT_MEM(&tk, &want, sizeof(tk));
}

static void gen_derive__errors(void)
{
	const struct tcpcrypt_aead_desc *aead = tcpcrypt_aead_desc(1);
	static const struct tcpcrypt_traffic_key none;
	u8 mk[32] = { 7 }, next[32], zero[32] = {};
	struct tcpcrypt_traffic_key tk;
	unsigned int n;

	for (n = 0; n < 2; n++) {
		calls_left = n;
		memset(next, 0xa5, sizeof(next));
		memset(&tk, 0xa5, sizeof(tk));
		EXPECT_EQ(tcpcrypt_gen_derive(&failing_mac, mk,
					      TCPCRYPT_CONST_KEY_A, aead, next,
					      &tk), -EIO);
		EXPECT_EQ(mk[0], 7);
		EXPECT_MEM(next, zero, sizeof(zero));
		EXPECT_MEM(&tk, &none, sizeof(tk));
	}
}

const struct ktap_case rekey_cases[] = {
	KTAP_CASE(gen__first_frames),
	KTAP_CASE(gen__asked),
	KTAP_CASE(gen__behind),
	KTAP_CASE(gen__both),
	KTAP_CASE(gen__bytes),
	KTAP_CASE(gen__safe_bounds),
	KTAP_CASE(gen__old),
	KTAP_CASE(gen__unused_stays),
	KTAP_CASE(gen__limit_owes_nothing),
	KTAP_CASE(gen__lost_key),
	KTAP_CASE(gen_derive__chain),
	KTAP_CASE(gen_derive__errors),
	{}
};
