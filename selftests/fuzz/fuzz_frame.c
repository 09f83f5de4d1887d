// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target for frames, RFC 8548, sections 3.6, 3.8 and 4.2. Input:
 * two bytes that say where segments end, then a stream of frames. They are
 * taken apart as though their plaintext were the ciphertext, and their rekey
 * bits drive the generations of a host that answers.
 */

#include "../../net/tcpcrypt/tcpcrypt.h"
#include "fuzz.h"

#define FRAMES_MAX	64

/**
 * struct seen - what a receiver found in the stream
 * @n:     frames
 * @end:   where they end, bytes
 * @rekey: their rekey bits
 * @err:   what stopped it
 * @rest:  bytes that the last frame lacks
 */
struct seen {
	unsigned int	n;
	size_t		end[FRAMES_MAX];
	bool		rekey[FRAMES_MAX];
	int		err;
	u32		rest;
};

static void check_nonce(u64 offset, const u8 *nr)
{
	u8 nonce[TCPCRYPT_AE_NONCE_LEN], *at = exact(nr, sizeof(nonce));
	u64 id = 0;
	int i;

	tcpcrypt_frame_nonce(at, offset, nonce);
	for (i = 0; i < TCPCRYPT_AE_NONCE_LEN; i++)
		id = id << 8 | (nonce[i] ^ nr[i]);
	/* the frame ID, and nothing before it */
	CHECK(id == offset && !memcmp(nonce, nr, 4));
	free(at);
}

/* Only the first three bytes and the length count. */
static void plaintext(const u8 *data, size_t len)
{
	size_t head = min(len, (size_t)TCPCRYPT_FLAGS_LEN + TCPCRYPT_URG_LEN);
	u8 *copy = exact(data, head), *again;
	struct tcpcrypt_plain plain, twice;
	int err = tcpcrypt_plain_parse(copy, len, &plain);

	if (err) {
		CHECK(err == -EBADMSG);
		CHECK(len < 1 || (copy[0] & TCPCRYPT_FLAG_URG && len < 3));
		free(copy);
		return;
	}
	CHECK(plain.data_off + plain.data_len == len);
	CHECK(plain.fin == !!(copy[0] & TCPCRYPT_FLAG_FIN));
	CHECK(plain.urgent == !!(copy[0] & TCPCRYPT_FLAG_URG));
	CHECK(plain.data_off == (plain.urgent ? 3 : 1));
	CHECK(plain.urgent || !plain.urg);
	/* written and read again, without the reserved bits */
	again = exact(copy, head);
	again[0] = (plain.fin ? TCPCRYPT_FLAG_FIN : 0) |
		   (plain.urgent ? TCPCRYPT_FLAG_URG : 0);
	if (plain.urgent) {
		again[1] = plain.urg >> 8;
		again[2] = plain.urg;
	}
	CHECK(!memcmp(again + 1, copy + 1, head - 1));
	CHECK(!tcpcrypt_plain_parse(again, len, &twice));
	CHECK(twice.fin == plain.fin && twice.urgent == plain.urgent &&
	      twice.urg == plain.urg && twice.data_off == plain.data_off &&
	      twice.data_len == plain.data_len);
	free(again);
	free(copy);
}

/* build(parse(x)) == x, but for the reserved bits */
static void check_header(const struct tcpcrypt_scan *s)
{
	u8 hdr[TCPCRYPT_FRAME_HDR];

	tcpcrypt_frame_header(hdr, s->hdr[0] & TCPCRYPT_CONTROL_REKEY,
			      tcpcrypt_scan_clen(s));
	CHECK(hdr[0] == (s->hdr[0] & TCPCRYPT_CONTROL_REKEY));
	CHECK(hdr[1] == s->hdr[1] && hdr[2] == s->hdr[2]);
}

static void scan(const u8 *data, size_t size, size_t segment,
		 struct seen *seen)
{
	struct tcpcrypt_scan s = {};
	size_t at = 0, begin = 0, n;
	bool end;

	memset(seen, 0, sizeof(*seen));
	while (at < size && seen->n < FRAMES_MAX) {
		if (s.have < TCPCRYPT_FRAME_HDR) {
			seen->err = tcpcrypt_scan_header(&s, data[at++]);
			CHECK((seen->err == 0) == (s.have < 3));
			if (seen->err < 0) {
				CHECK(tcpcrypt_scan_clen(&s) <
				      TCPCRYPT_CLEN_MIN);
				return;
			}
			if (seen->err)
				check_header(&s);
			begin = at;
			continue;
		}
		n = tcpcrypt_scan_body(&s, min(segment, size - at), &end);
		CHECK(n && n <= segment);
		at += n;
		CHECK(end == (at - begin == tcpcrypt_scan_clen(&s)));
		if (!end)
			continue;
		plaintext(data + begin, at - begin - TCPCRYPT_TAG_LEN);
		seen->rekey[seen->n] = s.hdr[0] & TCPCRYPT_CONTROL_REKEY;
		seen->end[seen->n++] = at;
	}
	seen->rest = s.have == TCPCRYPT_FRAME_HDR ? s.left : 0;
}

/*
 * The peer's frames advance its generation; we answer each with one frame of
 * ours that has rekey = 1, and do not begin to ask while that is outstanding.
 */
static void generations(const struct seen *seen, u8 asks)
{
	struct tcpcrypt_gen g = {};
	unsigned int i;
	bool rekey;

	for (i = 0; i < seen->n; i++) {
		u64 local = g.local;

		g.remote += seen->rekey[i];
		if ((asks >> (i & 7) & 1) && !tcpcrypt_gen_busy(&g))
			g.asked = true;
		CHECK(!tcpcrypt_gen_owes(&g) || g.asked ||
		      g.remote > g.local);
		if (!tcpcrypt_gen_owes(&g) && !(i & 1))
			continue;
		while (tcpcrypt_gen_wants(&g, 1, 1 + i % 3, false)) {
			tcpcrypt_gen_advance(&g);
			CHECK(g.unused);
		}
		rekey = g.unused;
		CHECK(g.local - local == rekey);
		tcpcrypt_gen_sealed(&g, 1);
		CHECK(!g.unused && !g.owed);
	}
	for (i = 0; tcpcrypt_gen_owes(&g); i++) {
		CHECK(i < FRAMES_MAX);
		CHECK(tcpcrypt_gen_wants(&g, 0, 1, false));
		tcpcrypt_gen_advance(&g);
		tcpcrypt_gen_sealed(&g, 0);
	}
	CHECK(g.local >= g.remote);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const u8 nr[TCPCRYPT_AE_NONCE_LEN] = { 1, 2, 3, 4, 5, 6, 7 };
	struct input in = { data, size };
	u8 first = take(&in), second = take(&in);
	struct seen one, other;
	unsigned int i;

	scan(in.at, in.len, 1 + first, &one);
	scan(in.at, in.len, 1 + second, &other);
	CHECK(!memcmp(&one, &other, sizeof(one)));
	for (i = 0; i < one.n; i++)
		check_nonce((u64)first << 56 | (u64)second << 32 | one.end[i],
			    nr);
	generations(&one, first ^ second);
	return 0;
}
