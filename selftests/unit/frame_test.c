// SPDX-License-Identifier: GPL-2.0
/* net/tcpcrypt/frame.c: RFC 8548, sections 3.6, 3.7 and 4.2 */

#include <stdlib.h>
#include <linux/errno.h>
#include <linux/string.h>
#include "../../net/tcpcrypt/tcpcrypt.h"
#include "ktap.h"

#define EXPECT_NONCE(nr, offset, ...) do {				\
	const u8 _want[] = { __VA_ARGS__ };				\
	u8 _nonce[TCPCRYPT_AE_NONCE_LEN];				\
									\
	EXPECT_EQ(sizeof(_want), sizeof(_nonce));			\
	tcpcrypt_frame_nonce(nr, offset, _nonce);			\
	EXPECT_MEM(_nonce, _want, sizeof(_nonce));			\
} while (0)

static const u8 zero_nr[TCPCRYPT_AE_NONCE_LEN];
static const u8 some_nr[] = {
	0xf0, 0xe1, 0xd2, 0xc3, 0xb4, 0xa5, 0x96, 0x87, 0x78, 0x69, 0x5a, 0x4b,
};

static void frame_header__bytes(void)
{
	u8 hdr[3];

	tcpcrypt_frame_header(hdr, false, 17);
	EXPECT_MEM(hdr, "\x00\x00\x11", 3);
	tcpcrypt_frame_header(hdr, true, 0x1234);
	EXPECT_MEM(hdr, "\x01\x12\x34", 3);
	tcpcrypt_frame_header(hdr, false, 65535);
	EXPECT_MEM(hdr, "\x00\xff\xff", 3);
}

static void frame_nonce__offset_zero(void)
{
	EXPECT_NONCE(zero_nr, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	EXPECT_NONCE(some_nr, 0, 0xf0, 0xe1, 0xd2, 0xc3, 0xb4, 0xa5, 0x96,
		     0x87, 0x78, 0x69, 0x5a, 0x4b);
}

static void frame_nonce__low_offsets(void)
{
	EXPECT_NONCE(zero_nr, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
	EXPECT_NONCE(zero_nr, 0x01020304, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4);
	EXPECT_NONCE(zero_nr, 0xffffffff, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff,
		     0xff, 0xff);
	EXPECT_NONCE(some_nr, 0x0b, 0xf0, 0xe1, 0xd2, 0xc3, 0xb4, 0xa5, 0x96,
		     0x87, 0x78, 0x69, 0x5a, 0x40);
}

static void frame_nonce__past_32_bits(void)
{
	EXPECT_NONCE(zero_nr, 0x100000000ULL, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
		     0);
	EXPECT_NONCE(zero_nr, 0x100000001ULL, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
		     1);
	EXPECT_NONCE(zero_nr, 0x0102030405060708ULL, 0, 0, 0, 0, 1, 2, 3, 4,
		     5, 6, 7, 8);
	EXPECT_NONCE(some_nr, ~0ULL, 0xf0, 0xe1, 0xd2, 0xc3, 0x4b, 0x5a, 0x69,
		     0x78, 0x87, 0x96, 0xa5, 0xb4);
}

/* Parses with a copy of just what must be readable. */
static int plain(const char *head, size_t plen, struct tcpcrypt_plain *p)
{
	u8 *copy = exact(head, plen < 3 ? plen : 3);
	int ret;

	memset(p, 0xa5, sizeof(*p));
	ret = tcpcrypt_plain_parse(copy, plen, p);
	free(copy);
	return ret;
}

static void plain_parse__data(void)
{
	struct tcpcrypt_plain p;

	EXPECT_EQ(plain("\000ab", 100, &p), 0);
	EXPECT(!p.fin && !p.urgent);
	EXPECT_EQ(p.urg, 0);
	EXPECT_EQ(p.data_off, 1);
	EXPECT_EQ(p.data_len, 99);
}

static void plain_parse__shortest(void)
{
	struct tcpcrypt_plain p;

	EXPECT_EQ(tcpcrypt_plain_parse((const u8 *)"\0", 0, &p), -EBADMSG);
	EXPECT_EQ(plain("\x00", 1, &p), 0);
	EXPECT_EQ(p.data_len, 0);
	EXPECT_EQ(plain("\000a", 2, &p), 0);
	EXPECT_EQ(p.data_len, 1);
}

static void plain_parse__urgent(void)
{
	struct tcpcrypt_plain p;

	EXPECT_EQ(plain("\x02", 1, &p), -EBADMSG);
	EXPECT_EQ(plain("\x02\x00", 2, &p), -EBADMSG);
	EXPECT_EQ(plain("\x02\x00\x00", 3, &p), 0);
	EXPECT(p.urgent && !p.fin);
	EXPECT_EQ(p.data_off, 3);
	EXPECT_EQ(p.data_len, 0);
	EXPECT_EQ(plain("\x02\x12\x34", 103, &p), 0);
	EXPECT_EQ(p.urg, 0x1234);
	EXPECT_EQ(p.data_len, 100);
	EXPECT_EQ(plain("\x02\xff\xfe", 4, &p), 0);
	EXPECT_EQ(p.urg, 0xfffe);
}

static void plain_parse__fin(void)
{
	struct tcpcrypt_plain p;

	EXPECT_EQ(plain("\x01", 1, &p), 0);
	EXPECT(p.fin && !p.urgent);
	EXPECT_EQ(p.data_len, 0);
	EXPECT_EQ(plain("\x03\x00\x01", 5, &p), 0);
	EXPECT(p.fin && p.urgent);
	EXPECT_EQ(p.data_len, 2);
}

/* Section 4.2.1: fres MUST be ignored */
static void plain_parse__every_flags(void)
{
	char head[] = { 0, 0x12, 0x34 };
	struct tcpcrypt_plain p;
	unsigned int flags;

	for (flags = 0; flags < 256; flags++) {
		head[0] = flags;
		EXPECT_EQ(plain(head, 10, &p), 0);
		EXPECT_EQ(p.fin, flags & 1);
		EXPECT_EQ(p.urgent, flags >> 1 & 1);
		EXPECT_EQ(p.data_off, flags & 2 ? 3 : 1);
		EXPECT_EQ(p.data_off + p.data_len, 10);
	}
}

static void plain_parse__longest(void)
{
	struct tcpcrypt_plain p;

	EXPECT_EQ(plain("\000ab", 65535 - 16, &p), 0);
	EXPECT_EQ(p.data_len, TCPCRYPT_DATA_MAX);
}

/* Scans the header of a first frame. */
static int header(struct tcpcrypt_scan *s, u8 b0, u8 b1, u8 b2)
{
	memset(s, 0, sizeof(*s));
	EXPECT_EQ(tcpcrypt_scan_header(s, b0), 0);
	EXPECT_EQ(tcpcrypt_scan_header(s, b1), 0);
	return tcpcrypt_scan_header(s, b2);
}

static void scan_header__bounds(void)
{
	struct tcpcrypt_scan s;

	EXPECT_EQ(header(&s, 0, 0, 0), -EPROTO);
	EXPECT_EQ(header(&s, 0, 0, 1), -EPROTO);
	EXPECT_EQ(header(&s, 0, 0, 16), -EPROTO);
	EXPECT_EQ(header(&s, 0, 0, 17), 1);
	EXPECT_EQ(s.left, 17);
	EXPECT_EQ(tcpcrypt_scan_clen(&s), 17);
	EXPECT_EQ(header(&s, 0, 1, 0), 1);
	EXPECT_EQ(s.left, 256);
	EXPECT_EQ(header(&s, 0, 0xff, 0xff), 1);
	EXPECT_EQ(s.left, 65535);
	EXPECT_EQ(tcpcrypt_scan_clen(&s), 65535);
}

/* Section 4.2: cres MUST be ignored, but it is associated data. */
static void scan_header__every_control(void)
{
	struct tcpcrypt_scan s;
	unsigned int control;

	for (control = 0; control < 256; control++) {
		EXPECT_EQ(header(&s, control, 0, 17), 1);
		EXPECT_EQ(s.hdr[0], control);
		EXPECT_EQ(s.left, 17);
	}
}

static void scan_header__called_in_body(void)
{
	struct tcpcrypt_scan s;

	EXPECT_EQ(header(&s, 0, 0, 17), 1);
	EXPECT_EQ(tcpcrypt_scan_header(&s, 0), -EPROTO);
	EXPECT_EQ(s.left, 17);
}

static void scan_body__parts(void)
{
	struct tcpcrypt_scan s;
	bool end = true;

	EXPECT_EQ(header(&s, 1, 0, 20), 1);
	EXPECT_EQ(tcpcrypt_scan_body(&s, 0, &end), 0);
	EXPECT(!end);
	EXPECT_EQ(tcpcrypt_scan_body(&s, 19, &end), 19);
	EXPECT(!end);
	EXPECT_EQ(s.left, 1);
	EXPECT_EQ(s.have, 3);
	EXPECT_EQ(tcpcrypt_scan_body(&s, 5, &end), 1);
	EXPECT(end);
	EXPECT_EQ(s.have, 0);
	EXPECT_EQ(tcpcrypt_scan_clen(&s), 20);
	EXPECT_EQ(s.hdr[0], 1);
}

static void scan_body__whole_and_more(void)
{
	struct tcpcrypt_scan s;
	bool end = false;

	EXPECT_EQ(header(&s, 0, 0xff, 0xff), 1);
	EXPECT_EQ(tcpcrypt_scan_body(&s, (size_t)1 << 33, &end), 65535);
	EXPECT(end);
}

#define FRAMES	300

/* Frames of random lengths, shortest and longest among them */
static u8 *make_frames(u16 *clens, size_t *len)
{
	u8 *stream, *p;
	unsigned int i;

	*len = 0;
	for (i = 0; i < FRAMES; i++) {
		clens[i] = i % 50 == 7 ? 65535 : 17 + (i % 3 ? rnd(300) : 0);
		*len += 3 + clens[i];
	}
	stream = malloc(*len);
	if (!stream)
		abort();
	for (i = 0, p = stream; i < FRAMES; i++, p += 3 + clens[i - 1]) {
		memset(p, i, 3 + clens[i]);
		tcpcrypt_frame_header(p, i & 1, clens[i]);
	}
	return stream;
}

/* Feeds a segment as a receiver does; counts and checks the ends. */
static void feed(struct tcpcrypt_scan *s, const u8 *seg, size_t len,
		 const u16 *clens, unsigned int *ended)
{
	bool end;
	size_t n;
	int ret;

	while (len) {
		if (s->have < TCPCRYPT_FRAME_HDR) {
			ret = tcpcrypt_scan_header(s, *seg);
			EXPECT_EQ(ret, s->have == TCPCRYPT_FRAME_HDR);
			n = 1;
		} else {
			EXPECT_EQ(tcpcrypt_scan_clen(s), clens[*ended]);
			EXPECT_EQ(s->hdr[0], *ended & 1);
			EXPECT_EQ(*seg, *ended & 0xff);
			n = tcpcrypt_scan_body(s, len, &end);
			EXPECT(n && n <= len);
			*ended += end;
		}
		seg += n;
		len -= n;
	}
}

static void scan_splits(size_t most)
{
	struct tcpcrypt_scan s = {};
	u16 clens[FRAMES];
	unsigned int ended = 0;
	size_t len, at, n;
	u8 *stream = make_frames(clens, &len), *seg;

	for (at = 0; at < len; at += n) {
		n = 1 + rnd(most);
		if (n > len - at)
			n = len - at;
		seg = exact(stream + at, n);
		feed(&s, seg, n, clens, &ended);
		free(seg);
	}
	EXPECT_EQ(ended, FRAMES);
	EXPECT_EQ(s.have, 0);
	free(stream);
}

static void scan__byte_by_byte(void)
{
	scan_splits(1);
}

static void scan__random_splits(void)
{
	unsigned int i;

	for (i = 0; i < 5; i++) {
		scan_splits(4);
		scan_splits(1500);
		scan_splits(100000);
	}
}

static void scan__at_once(void)
{
	struct tcpcrypt_scan s = {};
	u16 clens[FRAMES];
	unsigned int ended = 0;
	size_t len;
	u8 *stream = make_frames(clens, &len);

	feed(&s, stream, len, clens, &ended);
	EXPECT_EQ(ended, FRAMES);
	EXPECT_EQ(s.have, 0);
	free(stream);
}

const struct ktap_case frame_cases[] = {
	KTAP_CASE(frame_header__bytes),
	KTAP_CASE(frame_nonce__offset_zero),
	KTAP_CASE(frame_nonce__low_offsets),
	KTAP_CASE(frame_nonce__past_32_bits),
	KTAP_CASE(plain_parse__data),
	KTAP_CASE(plain_parse__shortest),
	KTAP_CASE(plain_parse__urgent),
	KTAP_CASE(plain_parse__fin),
	KTAP_CASE(plain_parse__every_flags),
	KTAP_CASE(plain_parse__longest),
	KTAP_CASE(scan_header__bounds),
	KTAP_CASE(scan_header__every_control),
	KTAP_CASE(scan_header__called_in_body),
	KTAP_CASE(scan_body__parts),
	KTAP_CASE(scan_body__whole_and_more),
	KTAP_CASE(scan__byte_by_byte),
	KTAP_CASE(scan__random_splits),
	KTAP_CASE(scan__at_once),
	{}
};
