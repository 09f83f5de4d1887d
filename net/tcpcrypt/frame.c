// SPDX-License-Identifier: GPL-2.0
/*
 * The encryption frames of tcpcrypt (RFC 8548, sections 3.6 and 4.2).
 */

#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/byteorder.h>
#include "tcpcrypt.h"

/**
 * tcpcrypt_frame_header() - build a frame's header, its associated data too
 * @hdr:   TCPCRYPT_FRAME_HDR bytes
 * @rekey: first frame of a new generation of keys (section 3.8)
 * @clen:  length of the ciphertext with its tag in bytes
 *
 * Section 4.2: the cres bits MUST be zero.
 */
void tcpcrypt_frame_header(u8 *hdr, bool rekey, u16 clen)
{
	hdr[0] = rekey ? TCPCRYPT_CONTROL_REKEY : 0;
	hdr[1] = clen >> 8;
	hdr[2] = clen;
}

/**
 * tcpcrypt_frame_nonce() - compute a frame's nonce
 * @nr:     nonce randomizer, TCPCRYPT_AE_NONCE_LEN bytes
 * @offset: where the frame begins in the TCP stream, bytes
 * @nonce:  TCPCRYPT_AE_NONCE_LEN bytes
 *
 * Sections 3.6 and 4.2.3: N = frame_ID XOR NR, where the frame ID is @offset,
 * big-endian, with zero bytes before it.
 */
void tcpcrypt_frame_nonce(const u8 *nr, u64 offset, u8 *nonce)
{
	unsigned int at = TCPCRYPT_AE_NONCE_LEN - sizeof(offset);
	__be64 low;

	memcpy(nonce, nr, TCPCRYPT_AE_NONCE_LEN);
	memcpy(&low, nonce + at, sizeof(low));
	low ^= __cpu_to_be64(offset);
	memcpy(nonce + at, &low, sizeof(low));
}

/**
 * tcpcrypt_plain_parse() - take an authentic plaintext value apart
 * @head:  its first bytes, three unless @plen is less
 * @plen:  its length in bytes
 * @plain: what it says
 *
 * Section 4.2.1; the fres bits MUST be ignored.
 *
 * Return: 0, or -EBADMSG if it is too short for its flags or urgent field.
 */
int tcpcrypt_plain_parse(const u8 *head, size_t plen,
			 struct tcpcrypt_plain *plain)
{
	u32 off = TCPCRYPT_FLAGS_LEN;

	memset(plain, 0, sizeof(*plain));
	if (plen < off)
		return -EBADMSG;
	plain->fin = head[0] & TCPCRYPT_FLAG_FIN;
	plain->urgent = head[0] & TCPCRYPT_FLAG_URG;
	if (plain->urgent) {
		off += TCPCRYPT_URG_LEN;
		if (plen < off)
			return -EBADMSG;
		plain->urg = head[1] << 8 | head[2];
	}
	plain->data_off = off;
	plain->data_len = plen - off;
	return 0;
}

/**
 * tcpcrypt_scan_header() - take the next byte of a frame's header
 * @s:    where the receiver stands, zeroed at the start of the first frame;
 *        @s->have must be less than TCPCRYPT_FRAME_HDR
 * @byte: the byte
 *
 * Section 4.2: the cres bits MUST be ignored.
 *
 * Return: 0 if more bytes of the header are to come; 1 if it is complete;
 * -EPROTO if the ciphertext can't hold a tag and the flags: the stream is
 * broken and @s of no further use.
 */
int tcpcrypt_scan_header(struct tcpcrypt_scan *s, u8 byte)
{
	if (s->have >= TCPCRYPT_FRAME_HDR)
		return -EPROTO;
	s->hdr[s->have++] = byte;
	if (s->have < TCPCRYPT_FRAME_HDR)
		return 0;
	s->left = tcpcrypt_scan_clen(s);
	return s->left < TCPCRYPT_CLEN_MIN ? -EPROTO : 1;
}

/**
 * tcpcrypt_scan_body() - take bytes of a frame's ciphertext
 * @s:     where the receiver stands, @s->have is TCPCRYPT_FRAME_HDR
 * @avail: bytes at hand
 * @end:   whether they complete the frame; then @s stands at the next header,
 *         and tcpcrypt_scan_clen() is still that of the frame that ended
 *
 * Return: how many of the bytes belong to the frame.
 */
size_t tcpcrypt_scan_body(struct tcpcrypt_scan *s, size_t avail, bool *end)
{
	size_t n = min_t(size_t, avail, s->left);

	s->left -= n;
	*end = !s->left;
	if (*end)
		s->have = 0;
	return n;
}
