// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target for key agreement, RFC 8548, section 5, against OpenSSL.
 * Input: a byte that picks the curve, a scalar, and the peer's public key.
 */

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include "../../net/crypto/curves.h"
#include "fuzz.h"

/* What OpenSSL makes of it; NULL: it refuses a result of zeros, too */
static const u8 *derive(int type, const u8 *scalar, const u8 *u, size_t len,
			u8 *out)
{
	EVP_PKEY *own = EVP_PKEY_new_raw_private_key(type, NULL, scalar, len);
	EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(type, NULL, u, len);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
	bool ok = ctx && peer && EVP_PKEY_derive_init(ctx) > 0 &&
		  EVP_PKEY_derive_set_peer(ctx, peer) > 0 &&
		  EVP_PKEY_derive(ctx, out, &len) > 0;

	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(own);
	EVP_PKEY_free(peer);
	return ok ? out : NULL;
}

static void montgomery(struct input *in, u8 bits, int type, size_t len,
		       int (*agree)(u8 *out, const u8 *scalar, const u8 *u),
		       void (*public)(u8 *pub, const u8 *scalar))
{
	u8 scalar[TCPCRYPT_X448_LEN], u[TCPCRYPT_X448_LEN], *es;
	u8 out[TCPCRYPT_X448_LEN], back[TCPCRYPT_X448_LEN];
	u8 pub[TCPCRYPT_X448_LEN];
	const u8 *want;

	take_bytes(in, scalar, len);
	take_bytes(in, u, len);
	es = exact(u, len);
	want = derive(type, scalar, u, len, out);
	CHECK(agree(es, scalar, u) == (want ? 0 : -EPROTO));
	if (want)
		CHECK(!memcmp(es, want, len));
	/* both ways: u as a scalar of the peer's; slow */
	if (bits & 16)
		public(pub, u);
	if (bits & 16 && !agree(es, scalar, pub)) {
		public(pub, scalar);
		CHECK(!agree(back, u, pub));
		CHECK(!memcmp(es, back, len));
	}
	free(es);
}

/* Does OpenSSL take it for a point? */
static EC_POINT *known_point(const EC_GROUP *group, const u8 *compressed,
			     size_t len)
{
	EC_POINT *point = EC_POINT_new(group);

	if (EC_POINT_oct2point(group, point, compressed, len, NULL) == 1 &&
	    !EC_POINT_is_at_infinity(group, point))
		return point;
	EC_POINT_free(point);
	return NULL;
}

/* The key as RFC 8548 has it: its own length in two bytes, then the point */
static u8 *take_pub(struct input *in, unsigned int len, u8 bits, bool *header)
{
	u8 *pub = malloc(len);

	if (!pub)
		abort();
	take_bytes(in, pub, len);
	/* few inputs would have these right */
	if (bits & 4)
		tcpcrypt_nist_put_header(pub, len, bits >> 3 & 1);
	*header = !pub[0] && pub[1] == len && (pub[2] & ~1) == 2;
	return pub;
}

static void p256(struct input *in, u8 bits, const EC_GROUP *group)
{
	u8 point[2 * TCPCRYPT_P256_LEN], again[TCPCRYPT_P256_PUB_LEN];
	u8 full[1 + 2 * TCPCRYPT_P256_LEN];
	EC_POINT *known = NULL;
	bool header;
	u8 *pub = take_pub(in, sizeof(again), bits, &header);

	if (header)
		known = known_point(group, pub + 2, sizeof(again) - 2);
	CHECK(tcpcrypt_p256_decode(point, pub) == (known ? 0 : -EPROTO));
	if (known) {
		EC_POINT_point2oct(group, known, POINT_CONVERSION_UNCOMPRESSED,
				   full, sizeof(full), NULL);
		CHECK(!memcmp(point, full + 1, sizeof(point)));
		/* encode(decode(x)) == x */
		tcpcrypt_p256_encode(again, point);
		CHECK(!memcmp(again, pub, sizeof(again)));
	}
	EC_POINT_free(known);
	free(pub);
}

static struct p521_work work;

/* The product with OpenSSL's: x only, which is all that counts */
static void p521_agree(const EC_GROUP *group, const EC_POINT *known,
		       const u8 *scalar, const u8 *pub)
{
	EC_POINT *product = EC_POINT_new(group);
	BIGNUM *x = BN_new(), *n = BN_bin2bn(scalar, TCPCRYPT_P521_LEN, NULL);
	u8 es[TCPCRYPT_P521_LEN], want[TCPCRYPT_P521_LEN];

	CHECK(EC_POINT_mul(group, product, NULL, known, n, NULL) == 1);
	CHECK(EC_POINT_get_affine_coordinates(group, product, x, NULL, NULL));
	BN_bn2binpad(x, want, sizeof(want));
	CHECK(!tcpcrypt_p521_agree(&work, es, scalar, pub));
	CHECK(!memcmp(es, want, sizeof(es)));
	BN_free(n);
	BN_free(x);
	EC_POINT_free(product);
}

static void p521(struct input *in, u8 bits, const EC_GROUP *group)
{
	u8 entropy[TCPCRYPT_P521_LEN], scalar[TCPCRYPT_P521_LEN];
	u8 x[TCPCRYPT_P521_LEN], y[TCPCRYPT_P521_LEN];
	EC_POINT *known = NULL;
	struct p521_point p;
	bool header;
	u8 *pub = take_pub(in, TCPCRYPT_P521_PUB_LEN, bits, &header);

	if (header)
		known = known_point(group, pub + 2, TCPCRYPT_P521_PUB_LEN - 2);
	CHECK(tcpcrypt_p521_decode(&p, pub) == (known ? 0 : -EPROTO));
	if (known) {
		fe521_store(x, &p.x);
		fe521_store(y, &p.y);
		CHECK(!memcmp(x, pub + TCPCRYPT_NIST_HDR, sizeof(x)));
		CHECK((y[TCPCRYPT_P521_LEN - 1] & 1) == (pub[2] & 1));
	}
	take_bytes(in, entropy, sizeof(entropy));
	/* slow: not for each input */
	if (known && bits & 16 && tcpcrypt_p521_scalar(scalar, entropy))
		p521_agree(group, known, scalar, pub);
	EC_POINT_free(known);
	free(pub);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static EC_GROUP *group_256, *group_521;
	struct input in = { data, size };
	u8 bits = take(&in);

	if (!group_256) {
		group_256 = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
		group_521 = EC_GROUP_new_by_curve_name(NID_secp521r1);
	}
	switch (bits & 3) {
	case 0:
		p256(&in, bits, group_256);
		break;
	case 1:
		p521(&in, bits, group_521);
		break;
	case 2:
		montgomery(&in, bits, EVP_PKEY_X25519, TCPCRYPT_X25519_LEN,
			   tcpcrypt_x25519, tcpcrypt_x25519_public);
		break;
	case 3:
		montgomery(&in, bits, EVP_PKEY_X448, TCPCRYPT_X448_LEN,
			   tcpcrypt_x448, tcpcrypt_x448_public);
		break;
	}
	return 0;
}
