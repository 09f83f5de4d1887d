// SPDX-License-Identifier: GPL-2.0
/*
 * net/crypto/x25519.c, x448.c, p521.c, p256.c: RFC 8548 section 5, RFC 7748,
 * IEEE 1363. OpenSSL is the other implementation; there is none in the kernel.
 */

#include <openssl/bn.h>
#ifndef __KERNEL__
#include <openssl/ec.h>
#include <openssl/evp.h>
#endif
#include <openssl/obj_mac.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <linux/errno.h>
#include <linux/string.h>
#include "../../net/crypto/curves.h"
#include "ktap.h"
#include "vectors.h"

#define EXCHANGES	200
#define POINTS		1000

static void unhex(u8 *out, size_t len, const char *hex)
{
	char byte[3] = {};
	size_t i;

	EXPECT_EQ(strlen(hex), 2 * len);
	for (i = 0; i < len; i++) {
		memcpy(byte, hex + 2 * i, 2);
		out[i] = strtoul(byte, NULL, 16);
	}
}

/* --- X25519, X448 --- */

struct montgomery {
	int		nid;
	int		len;
	int		(*agree)(u8 *out, const u8 *scalar, const u8 *u);
	void		(*public)(u8 *pub, const u8 *scalar);
	u8		base;
	u8		low_bits;	/* of a scalar's first byte, no part of it */
	u8		high_bits;	/* of its last byte */
	const char	*once, *thousand;	/* RFC 7748, section 5.2 */
};

static const struct montgomery montgomery[] = {
	{
		NID_X25519, 32, tcpcrypt_x25519, tcpcrypt_x25519_public, 9,
		0x07, 0xc0,
		"422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
		"684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51",
	}, {
		NID_X448, 56, tcpcrypt_x448, tcpcrypt_x448_public, 5,
		0x03, 0x80,
		"3f482c8a9f19b01e6c46ee9711d9dc14fd4bf67af30765c2ae2b846a4d23a8cd0db897086239492caf350b51f833868b9bc2b3bca9cf4113",
		"aa3b4749d55b9daf1e5b00288826c467274ce3ebbdd5c17b975e09d4af6c67cf10d087202db88286e2b79fceea3ec353ef54faa26e219f38",
	},
};

static const struct montgomery *const last = &montgomery[1];

static const struct {
	const struct montgomery *m;
	const char *scalar, *u, *out;
} rfc_7748[] = {
	{	/* section 5.2 */
		&montgomery[0],
		"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
		"e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
		"c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
	}, {	/* its u has the bit that must be masked */
		&montgomery[0],
		"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
		"e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
		"95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
	}, {	/* section 6.1: Alice's key, Bob's public key */
		&montgomery[0],
		"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
		"de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
		"4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
	}, {	/* section 5.2 */
		&montgomery[1],
		"3d262fddf9ec8e88495266fea19a34d28882acef045104d0d1aae121700a779c984c24f8cdd78fbff44943eba368f54b29259a4f1c600ad3",
		"06fce640fa3487bfda5f6cf2d5263f8aad88334cbd07437f020f08f9814dc031ddbdc38c19c6da2583fa5429db94ada18aa7a7fb4ef8a086",
		"ce3e4ff95a60dc6697da1db1d85e6afbdf79b50a2412d7546d5f239fe14fbaadeb445fc66a01b0779d98223961111e21766282f73dd96b6f",
	}, {
		&montgomery[1],
		"203d494428b8399352665ddca42f9de8fef600908e0d461cb021f8c538345dd77c3e4806e25f46d3315c44e0a5b4371282dd2c8d5be3095f",
		"0fbcc2f993cd56d3305b0b7d9e55d4c1a8fb5dbb52f8e9a1e9b6201b165d015894e56c4d3570bee52fe205e28a78b91cdfbde71ce8d157db",
		"884a02576239ff7a2f2f63b2db6a9ff37047ac13568e1e30fe63c4a7ad1b3ee3a5700df34321d62077e63633c575c1c954514e99da7c179d",
	}, {	/* section 6.2: Alice's key, Bob's public key */
		&montgomery[1],
		"9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b",
		"3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609",
		"07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936521c24403085d59a449a5037514a879d",
	},
};

#define X_MAX	TCPCRYPT_X448_LEN

static void montgomery__rfc_7748(void)
{
	u8 scalar[X_MAX], u[X_MAX], out[X_MAX], want[X_MAX];
	const struct montgomery *m;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rfc_7748); i++) {
		m = rfc_7748[i].m;
		unhex(scalar, m->len, rfc_7748[i].scalar);
		unhex(u, m->len, rfc_7748[i].u);
		unhex(want, m->len, rfc_7748[i].out);
		EXPECT_EQ(m->agree(out, scalar, u), 0);
		EXPECT_MEM(out, want, m->len);
	}
}

static void montgomery__rfc_7748_iterated(void)
{
	u8 k[X_MAX], u[X_MAX], out[X_MAX], want[X_MAX];
	const struct montgomery *m;
	int i;

	for (m = montgomery; m <= last; m++) {
		memset(k, 0, sizeof(k));
		k[0] = m->base;
		memcpy(u, k, sizeof(u));
		for (i = 0; i < 1000; i++) {
			EXPECT_EQ(m->agree(out, k, u), 0);
			memcpy(u, k, sizeof(u));
			memcpy(k, out, sizeof(k));
			if (i)
				continue;
			unhex(want, m->len, m->once);
			EXPECT_MEM(k, want, m->len);
		}
		unhex(want, m->len, m->thousand);
		EXPECT_MEM(k, want, m->len);
	}
}

#ifndef __KERNEL__
static void openssl_agree(const struct montgomery *m, const u8 *scalar,
			  const u8 *peer, u8 *pub, u8 *es)
{
	size_t pub_len = m->len, es_len = m->len;
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *a, *b;

	a = EVP_PKEY_new_raw_private_key(m->nid, NULL, scalar, m->len);
	b = EVP_PKEY_new_raw_public_key(m->nid, NULL, peer, m->len);
	ctx = EVP_PKEY_CTX_new(a, NULL);
	EXPECT_EQ(EVP_PKEY_get_raw_public_key(a, pub, &pub_len), 1);
	EXPECT_EQ(EVP_PKEY_derive_init(ctx), 1);
	EXPECT_EQ(EVP_PKEY_derive_set_peer(ctx, b), 1);
	EXPECT_EQ(EVP_PKEY_derive(ctx, es, &es_len), 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
}

/* The peer's public keys are random numbers: half of them on the twist */
static void montgomery__openssl(void)
{
	u8 scalar[X_MAX], peer[X_MAX], pub[X_MAX], es[X_MAX];
	u8 want_pub[X_MAX], want_es[X_MAX];
	const struct montgomery *m;
	int i;

	for (m = montgomery; m <= last; m++) {
		for (i = 0; i < EXCHANGES; i++) {
			RAND_bytes(scalar, sizeof(scalar));
			RAND_bytes(peer, sizeof(peer));
			openssl_agree(m, scalar, peer, want_pub, want_es);
			m->public(pub, scalar);
			EXPECT_MEM(pub, want_pub, m->len);
			EXPECT_EQ(m->agree(es, scalar, peer), 0);
			EXPECT_MEM(es, want_es, m->len);
		}
	}
}
#endif

/* u = p + more, little-endian; more is small */
static void from_prime(const struct montgomery *m, int more, u8 *u)
{
	BIGNUM *n = BN_new();

	BN_set_bit(n, m->len == 32 ? 255 : 448);
	if (m->len == 32) {
		BN_sub_word(n, 19);
	} else {
		BN_sub_word(n, 1);
		BN_clear_bit(n, 224);
	}
	if (more < 0)
		BN_sub_word(n, -more);
	else
		BN_add_word(n, more);
	BN_bn2lebinpad(n, u, m->len);
	BN_free(n);
}

/* RFC 7748, section 5: u and p + u MUST be the same */
static void montgomery__not_canonical(void)
{
	u8 scalar[X_MAX], u[X_MAX], out[X_MAX], want[X_MAX];
	const struct montgomery *m;
	int i;

	RAND_bytes(scalar, sizeof(scalar));
	for (m = montgomery; m <= last; m++) {
		for (i = 2; i < 19; i++) {
			memset(u, 0, sizeof(u));
			u[0] = i;
			EXPECT_EQ(m->agree(want, scalar, u), 0);
			from_prime(m, i, u);
			EXPECT_EQ(m->agree(out, scalar, u), 0);
			EXPECT_MEM(out, want, m->len);
		}
	}
	/* 2^448 - 1 = p + 2^224, 2^255 - 1 = p + 18 */
	memset(u, 0xff, sizeof(u));
	EXPECT_EQ(tcpcrypt_x448(out, scalar, u), 0);
	memset(u, 0, sizeof(u));
	u[28] = 1;
	EXPECT_EQ(tcpcrypt_x448(want, scalar, u), 0);
	EXPECT_MEM(out, want, 56);
}

/* X25519: the last bit MUST be masked. X448: there is none. */
static void montgomery__last_bit(void)
{
	u8 scalar[X_MAX], u[X_MAX], out[X_MAX], want[X_MAX];
	const struct montgomery *m;

	for (m = montgomery; m <= last; m++) {
		RAND_bytes(scalar, sizeof(scalar));
		RAND_bytes(u, sizeof(u));
		EXPECT_EQ(m->agree(want, scalar, u), 0);
		u[m->len - 1] ^= 0x80;
		EXPECT_EQ(m->agree(out, scalar, u), 0);
		EXPECT_EQ(!memcmp(out, want, m->len), m->len == 32);
	}
}

/* Two u of order 8 on curve25519, from the literature */
static const char *const order_8[] = {
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
};

/* RFC 8548, section 5, RFC 7748, section 7: 0, 1, p - 1, p, p + 1, ... */
static void montgomery__small_order(void)
{
	u8 scalar[X_MAX], u[7][X_MAX] = {}, out[X_MAX];
	const struct montgomery *m;
	unsigned int i, k;

	for (m = montgomery; m <= last; m++) {
		u[1][0] = 1;
		for (i = 0; i < 3; i++)
			from_prime(m, (int)i - 1, u[2 + i]);
		for (i = 0; i < ARRAY_SIZE(order_8); i++)
			unhex(u[5 + i], 32, order_8[i]);
		for (i = 0; i < (m->len == 32 ? 7 : 5); i++) {
			for (k = 0; k < 20; k++) {
				RAND_bytes(scalar, sizeof(scalar));
				EXPECT_EQ(m->agree(out, scalar, u[i]),
					  -EPROTO);
			}
		}
	}
}

/* decodeScalar: bits that don't count */
static void montgomery__scalar_bits(void)
{
	u8 scalar[X_MAX], pub[X_MAX], want[X_MAX];
	const struct montgomery *m;
	int bit;

	for (m = montgomery; m <= last; m++) {
		RAND_bytes(scalar, sizeof(scalar));
		m->public(want, scalar);
		for (bit = 0; bit < 8 * m->len; bit++) {
			scalar[bit / 8] ^= 1 << bit % 8;
			m->public(pub, scalar);
			scalar[bit / 8] ^= 1 << bit % 8;
			EXPECT_EQ(!memcmp(pub, want, m->len),
				  (bit < 8 && m->low_bits >> bit & 1) ||
				  (bit / 8 == m->len - 1 &&
				   m->high_bits >> bit % 8 & 1));
		}
	}
}

/* --- P-521 --- */

static struct p521_work work;

/* NIST CAVP, ECDH CDH primitive, P-521, COUNT = 0 */
static void p521__cavp(void)
{
	u8 es[66];

	EXPECT_EQ(tcpcrypt_p521_agree(&work, es, cavp_scalar, cavp_pub), 0);
	EXPECT_MEM(es, cavp_es, 66);
}

#ifndef __KERNEL__
/* A point as RFC 8548 sends it, from OpenSSL */
static void encode(const EC_GROUP *group, const EC_POINT *point, u8 *pub,
		   size_t len)
{
	pub[0] = 0;
	pub[1] = len;
	EXPECT_EQ(EC_POINT_point2oct(group, point, POINT_CONVERSION_COMPRESSED,
				     pub + 2, len - 2, NULL), len - 2);
}

static void p521_exchange(const EC_GROUP *group, const u8 *scalar)
{
	EC_POINT *own = EC_POINT_new(group), *peer = EC_POINT_new(group);
	u8 pub[69], es[66], want_pub[69], want_es[66], uniform[66];
	BIGNUM *d = BN_bin2bn(scalar, 66, NULL), *e;
	BIGNUM *x = BN_new();

	RAND_bytes(uniform, sizeof(uniform));
	e = BN_bin2bn(uniform, sizeof(uniform), NULL);
	EC_POINT_mul(group, own, d, NULL, NULL, NULL);
	encode(group, own, want_pub, 69);
	tcpcrypt_p521_public(&work, pub, scalar);
	EXPECT_MEM(pub, want_pub, 69);
	EC_POINT_mul(group, peer, e, NULL, NULL, NULL);
	encode(group, peer, pub, 69);
	EC_POINT_mul(group, own, NULL, peer, d, NULL);
	EC_POINT_get_affine_coordinates(group, own, x, NULL, NULL);
	BN_bn2binpad(x, want_es, 66);
	EXPECT_EQ(tcpcrypt_p521_agree(&work, es, scalar, pub), 0);
	EXPECT_MEM(es, want_es, 66);
	EC_POINT_free(own);
	EC_POINT_free(peer);
	BN_free(d);
	BN_free(e);
	BN_free(x);
}

static void p521__openssl(void)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_secp521r1);
	u8 scalar[66], entropy[66];
	int i;

	for (i = 0; i < EXCHANGES; i++) {
		RAND_bytes(entropy, sizeof(entropy));
		EXPECT(tcpcrypt_p521_scalar(scalar, entropy));
		p521_exchange(group, scalar);
	}
	EC_GROUP_free(group);
}

/* 1 to 40, n - 1 to n - 40, single bits: windows that are zero, doublings */
static void p521__edge_scalars(void)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_secp521r1);
	u8 scalar[66] = {};
	BIGNUM *n;
	int i;

	for (i = 1; i <= 40; i++) {
		scalar[65] = i;
		p521_exchange(group, scalar);
	}
	n = BN_bin2bn(p521_n, 66, NULL);
	for (i = 1; i <= 40; i++) {
		BN_sub_word(n, 1);
		BN_bn2binpad(n, scalar, 66);
		p521_exchange(group, scalar);
	}
	for (i = 0; i < 521; i += 13) {
		memset(scalar, 0, sizeof(scalar));
		scalar[65 - i / 8] = 1 << i % 8;
		p521_exchange(group, scalar);
	}
	BN_free(n);
	EC_GROUP_free(group);
}
#endif

/* (n - 1) P has P's x */
static void p521__order(void)
{
	u8 scalar[66], es[66];

	memcpy(scalar, p521_n, 66);
	scalar[65]--;
	EXPECT_EQ(tcpcrypt_p521_agree(&work, es, scalar, cavp_pub), 0);
	EXPECT_MEM(es, cavp_pub + 3, 66);
}

static void p521__scalar_range(void)
{
	u8 entropy[66] = {}, scalar[66];
	int i;

	EXPECT(!tcpcrypt_p521_scalar(scalar, entropy));
	/* bits that are not used */
	entropy[0] = 0xfe;
	EXPECT(!tcpcrypt_p521_scalar(scalar, entropy));
	entropy[65] = 1;
	EXPECT(tcpcrypt_p521_scalar(scalar, entropy));
	EXPECT_EQ(scalar[0], 0);
	EXPECT_EQ(scalar[65], 1);
	for (i = -9; i <= 9; i++) {
		memcpy(entropy, p521_n, 66);
		entropy[65] += i;
		EXPECT_EQ(tcpcrypt_p521_scalar(scalar, entropy), i < 0);
		if (i < 0)
			EXPECT_MEM(scalar, entropy, 66);
	}
	memset(entropy, 0xff, sizeof(entropy));
	EXPECT(!tcpcrypt_p521_scalar(scalar, entropy));
	/* less at the top, more below, and the other way round */
	memcpy(entropy, p521_n, 66);
	entropy[33] = 0xf9;
	entropy[34] = 0xff;
	EXPECT(tcpcrypt_p521_scalar(scalar, entropy));
	entropy[33] = 0xfb;
	memset(entropy + 34, 0, 32);
	EXPECT(!tcpcrypt_p521_scalar(scalar, entropy));
}

/* --- public keys of both NIST curves --- */

struct curve {
	int		nid;
	size_t		len;
	int		(*decode)(u8 *xy, const u8 *pub);
	const u8	*generator;
};

static int p521_decode(u8 *xy, const u8 *pub)
{
	struct p521_point p;
	int err = tcpcrypt_p521_decode(&p, pub);

	if (!err) {
		fe521_store(xy, &p.x);
		fe521_store(xy + 66, &p.y);
	}
	return err;
}

static const struct curve curves[] = {
	{ NID_X9_62_prime256v1, 32, tcpcrypt_p256_decode, p256_generator },
	{ NID_secp521r1, 66, p521_decode, p521_generator },
};

/* The key ends where its allocation ends. */
static int decode(const struct curve *c, u8 *xy, const u8 *pub)
{
	u8 *copy = exact(pub, 3 + c->len);
	int err = c->decode(xy, copy);

	free(copy);
	return err;
}

#ifndef __KERNEL__
/* Half of all x are not on the curve; OpenSSL knows which. */
static void random_points(const struct curve *c)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(c->nid);
	EC_POINT *point = EC_POINT_new(group);
	u8 pub[69], xy[132], want[133];
	int i, on, count = 0;

	for (i = 0; i < POINTS; i++) {
		pub[0] = 0;
		pub[1] = 3 + c->len;
		pub[2] = 2 + rnd(2);
		RAND_bytes(pub + 3, c->len);
		if (c->len == 66)
			pub[3] &= 1;
		on = EC_POINT_oct2point(group, point, pub + 2, 1 + c->len,
					NULL);
		EXPECT_EQ(decode(c, xy, pub), on ? 0 : -EPROTO);
		if (!on)
			continue;
		count++;
		EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED,
				   want, 1 + 2 * c->len, NULL);
		EXPECT_MEM(xy, want + 1, 2 * c->len);
	}
	EXPECT(count > POINTS / 3 && count < 2 * POINTS / 3);
	EC_POINT_free(point);
	EC_GROUP_free(group);
}

static void nist__openssl(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(curves); i++)
		random_points(&curves[i]);
}

/* Small x, x next to p, p and more, all ones: both may say no, or neither */
static void edge_points(const struct curve *c)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(c->nid);
	EC_POINT *point = EC_POINT_new(group);
	BIGNUM *p = BN_new(), *x = BN_new();
	u8 pub[69] = { 0, 3 + c->len }, xy[132];
	int i, on;

	EC_GROUP_get_curve(group, p, NULL, NULL, NULL);
	for (i = -100; i < 200; i++) {
		if (i < 100) {
			BN_copy(x, p);
			if (i < 0)
				BN_sub_word(x, -i);
			else
				BN_add_word(x, i);
		} else {
			BN_set_word(x, i - 100);
		}
		if (BN_num_bytes(x) > (int)c->len)
			continue;
		BN_bn2binpad(x, pub + 3, c->len);
		pub[2] = 2 + rnd(2);
		on = EC_POINT_oct2point(group, point, pub + 2, 1 + c->len,
					NULL);
		if (i >= 0 && i < 100)
			EXPECT_EQ(on, 0);
		EXPECT_EQ(decode(c, xy, pub), on ? 0 : -EPROTO);
	}
	memset(pub + 3, 0xff, c->len);
	EXPECT_EQ(decode(c, xy, pub), -EPROTO);
	EC_POINT_free(point);
	EC_GROUP_free(group);
	BN_free(p);
	BN_free(x);
}

static void nist__edges(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(curves); i++)
		edge_points(&curves[i]);
}
#endif

static void generator(const struct curve *c, u8 *pub)
{
	memcpy(pub, c->generator, 3 + c->len);
}

/* pubkey_len counts itself, says RFC 8548's figure: it is L, as is the sum */
static void nist__length(void)
{
	u8 pub[69], xy[132];
	unsigned int i, len;

	for (i = 0; i < ARRAY_SIZE(curves); i++) {
		generator(&curves[i], pub);
		for (len = 0; len < 0x10000; len++) {
			pub[0] = len >> 8;
			pub[1] = len;
			if (len == 3 + curves[i].len)
				EXPECT_EQ(decode(&curves[i], xy, pub), 0);
			else if (len < 300 || !(len & 0xff) ||
				 (len & 0xff) == 3 + curves[i].len)
				EXPECT_EQ(decode(&curves[i], xy, pub),
					  -EPROTO);
		}
	}
}

/* 0 is infinity, 4 not compressed, 5 compressed otherwise, 6, 7 hybrid */
static void nist__prefix(void)
{
	u8 pub[69], xy[132];
	unsigned int i, prefix;

	for (i = 0; i < ARRAY_SIZE(curves); i++) {
		generator(&curves[i], pub);
		for (prefix = 0; prefix < 256; prefix++) {
			pub[2] = prefix;
			EXPECT_EQ(decode(&curves[i], xy, pub),
				  prefix == 2 || prefix == 3 ? 0 : -EPROTO);
		}
		memset(pub + 2, 0, 1 + curves[i].len);
		EXPECT_EQ(decode(&curves[i], xy, pub), -EPROTO);
	}
}

/* P-521: the seven bits over the field's */
static void p521__high_bits(void)
{
	u8 pub[69], xy[132];
	int bit;

	generator(&curves[1], pub);
	for (bit = 1; bit < 8; bit++) {
		pub[3] ^= 1 << bit;
		EXPECT_EQ(decode(&curves[1], xy, pub), -EPROTO);
		pub[3] ^= 1 << bit;
	}
	EXPECT_EQ(decode(&curves[1], xy, pub), 0);
}

static void p521__agree_checks(void)
{
	u8 scalar[66] = { [65] = 1 }, pub[69], es[66];

	generator(&curves[1], pub);
	EXPECT_EQ(tcpcrypt_p521_agree(&work, es, scalar, pub), 0);
	EXPECT_MEM(es, pub + 3, 66);
	pub[2] = 4;
	EXPECT_EQ(tcpcrypt_p521_agree(&work, es, scalar, pub), -EPROTO);
}

static void p256__encode(void)
{
	u8 pub[35], again[35], xy[64];
	int odd;

	generator(&curves[0], pub);
	for (odd = 0; odd < 2; odd++) {
		pub[2] = 2 + odd;
		EXPECT_EQ(tcpcrypt_p256_decode(xy, pub), 0);
		EXPECT_EQ(xy[63] & 1, odd);
		tcpcrypt_p256_encode(again, xy);
		EXPECT_MEM(again, pub, 35);
	}
}

static void kat__all(void)
{
	EXPECT(tcpcrypt_kat_x25519());
	EXPECT(tcpcrypt_kat_x448());
	EXPECT(tcpcrypt_kat_p256());
	EXPECT(tcpcrypt_kat_p521(&work));
}

const struct ktap_case curves_cases[] = {
	KTAP_CASE(montgomery__rfc_7748),
	KTAP_CASE(montgomery__rfc_7748_iterated),
	KTAP_CASE(montgomery__not_canonical),
	KTAP_CASE(montgomery__last_bit),
	KTAP_CASE(montgomery__small_order),
	KTAP_CASE(montgomery__scalar_bits),
	KTAP_CASE(p521__cavp),
	KTAP_CASE(p521__order),
	KTAP_CASE(p521__scalar_range),
	KTAP_CASE(p521__high_bits),
	KTAP_CASE(p521__agree_checks),
	KTAP_CASE(nist__length),
	KTAP_CASE(nist__prefix),
	KTAP_CASE(p256__encode),
	KTAP_CASE(kat__all),
#ifndef __KERNEL__
	KTAP_CASE(montgomery__openssl),
	KTAP_CASE(p521__openssl),
	KTAP_CASE(p521__edge_scalars),
	KTAP_CASE(nist__openssl),
	KTAP_CASE(nist__edges),
#endif
	{}
};
