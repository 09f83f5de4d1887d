// SPDX-License-Identifier: GPL-2.0
/*
 * The key-exchange messages of tcpcrypt, Init1 and Init2 (RFC 8548, section
 * 4.1).
 */

#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>
#include "tcpcrypt.h"

static u8 *put16(u8 *p, u16 v)
{
	*p++ = v >> 8;
	*p++ = v;
	return p;
}

static u8 *put32(u8 *p, u32 v)
{
	return put16(put16(p, v >> 16), v);
}

static u8 *put_bytes(u8 *p, const u8 *bytes, size_t len)
{
	memcpy(p, bytes, len);
	return p + len;
}

static u16 get16(const u8 *p)
{
	return p[0] << 8 | p[1];
}

static u32 get32(const u8 *p)
{
	return (u32)get16(p) << 16 | get16(p + 2);
}

/**
 * tcpcrypt_init_len() - length of the message that a stream begins with
 * @buf:   first bytes of the stream
 * @len:   bytes in @buf
 * @magic: TCPCRYPT_INIT1_MAGIC or TCPCRYPT_INIT2_MAGIC
 *
 * Return: message_len, TCPCRYPT_INIT_HDR to TCPCRYPT_INIT_MAX bytes; 0 if it
 * has not arrived yet; -EPROTO as soon as the message can't be one.
 */
int tcpcrypt_init_len(const u8 *buf, size_t len, u32 magic)
{
	u8 expect[sizeof(magic)];
	u32 msg_len;

	put32(expect, magic);
	if (memcmp(buf, expect, min(len, sizeof(expect))))
		return -EPROTO;
	if (len < TCPCRYPT_INIT_HDR)
		return 0;
	msg_len = get32(buf + sizeof(magic));
	if (msg_len < TCPCRYPT_INIT_HDR || msg_len > TCPCRYPT_INIT_MAX)
		return -EPROTO;
	return msg_len;
}

/**
 * tcpcrypt_init1_build() - build host A's message
 * @buf:      where to
 * @size:     room in @buf, TCPCRYPT_INIT1_SENT_MAX bytes are always enough
 * @ciphers:  AEAD algorithms to offer
 * @nciphers: entries in @ciphers, 1 to 255
 * @nonce:    N_A, TCPCRYPT_NONCE_LEN bytes
 * @pub:      Pub_A
 * @pub_len:  bytes of @pub, at most TCPCRYPT_PUB_MAX
 *
 * Section 4.1: the message MUST end with Pub_A.
 *
 * Return: length of the message in bytes, -ENOSPC or -EINVAL.
 */
int tcpcrypt_init1_build(u8 *buf, size_t size, const u16 *ciphers,
			 unsigned int nciphers, const u8 *nonce,
			 const u8 *pub, unsigned int pub_len)
{
	unsigned int i, len;
	u8 *p = buf;

	if (!nciphers || nciphers > U8_MAX || pub_len > TCPCRYPT_PUB_MAX)
		return -EINVAL;
	len = TCPCRYPT_INIT1_FIXED + 2 * nciphers + pub_len;
	if (len > size)
		return -ENOSPC;
	p = put32(p, TCPCRYPT_INIT1_MAGIC);
	p = put32(p, len);
	*p++ = nciphers;
	for (i = 0; i < nciphers; i++)
		p = put16(p, ciphers[i]);
	p = put_bytes(p, nonce, TCPCRYPT_NONCE_LEN);
	put_bytes(p, pub, pub_len);
	return len;
}

/**
 * tcpcrypt_init2_build() - build host B's message
 * @buf:     where to
 * @size:    room in @buf, TCPCRYPT_INIT2_SENT_MAX bytes are always enough
 * @cipher:  the AEAD algorithm selected
 * @nonce:   N_B, TCPCRYPT_NONCE_LEN bytes
 * @pub:     Pub_B
 * @pub_len: bytes of @pub, at most TCPCRYPT_PUB_MAX
 *
 * Section 4.1: the message MUST end with Pub_B.
 *
 * Return: length of the message in bytes, -ENOSPC or -EINVAL.
 */
int tcpcrypt_init2_build(u8 *buf, size_t size, u16 cipher, const u8 *nonce,
			 const u8 *pub, unsigned int pub_len)
{
	unsigned int len;
	u8 *p = buf;

	if (pub_len > TCPCRYPT_PUB_MAX)
		return -EINVAL;
	len = TCPCRYPT_INIT2_FIXED + pub_len;
	if (len > size)
		return -ENOSPC;
	p = put32(p, TCPCRYPT_INIT2_MAGIC);
	p = put32(p, len);
	p = put16(p, cipher);
	p = put_bytes(p, nonce, TCPCRYPT_NONCE_LEN);
	put_bytes(p, pub, pub_len);
	return len;
}

/*
 * The fields from the ciphers on. Section 4.1: any bytes of the message after
 * them MUST be permitted and ignored.
 */
static int parse_fields(const u8 *buf, u32 msg_len, unsigned int off,
			unsigned int nciphers, unsigned int pub_len,
			struct tcpcrypt_init *init)
{
	u32 need = off + 2 * nciphers + TCPCRYPT_NONCE_LEN;

	if (!nciphers || pub_len > U8_MAX || msg_len < need + pub_len)
		return -EPROTO;
	init->msg_len = msg_len;
	init->nciphers = nciphers;
	init->ciphers = buf + off;
	init->nonce = init->ciphers + 2 * nciphers;
	init->pub = init->nonce + TCPCRYPT_NONCE_LEN;
	init->pub_len = pub_len;
	return 0;
}

/**
 * tcpcrypt_init1_parse() - take host A's message apart
 * @buf:     the whole message
 * @len:     bytes in @buf, message_len or more
 * @pub_len: length of Pub_A by the negotiated TEP, bytes
 * @init:    what the message says; it points into @buf
 *
 * Return: 0 or -EPROTO.
 */
int tcpcrypt_init1_parse(const u8 *buf, size_t len, unsigned int pub_len,
			 struct tcpcrypt_init *init)
{
	int msg_len = tcpcrypt_init_len(buf, len, TCPCRYPT_INIT1_MAGIC);

	memset(init, 0, sizeof(*init));
	if (msg_len <= TCPCRYPT_INIT_HDR || (size_t)msg_len > len)
		return -EPROTO;
	return parse_fields(buf, msg_len, TCPCRYPT_INIT_HDR + 1,
			    buf[TCPCRYPT_INIT_HDR], pub_len, init);
}

/**
 * tcpcrypt_init2_parse() - take host B's message apart
 * @buf:     the whole message
 * @len:     bytes in @buf, message_len or more
 * @pub_len: length of Pub_B by the negotiated TEP, bytes
 * @init:    what the message says; it points into @buf
 *
 * Return: 0 or -EPROTO.
 */
int tcpcrypt_init2_parse(const u8 *buf, size_t len, unsigned int pub_len,
			 struct tcpcrypt_init *init)
{
	int msg_len = tcpcrypt_init_len(buf, len, TCPCRYPT_INIT2_MAGIC);

	memset(init, 0, sizeof(*init));
	if (msg_len <= 0 || (size_t)msg_len > len)
		return -EPROTO;
	return parse_fields(buf, msg_len, TCPCRYPT_INIT_HDR, 1, pub_len, init);
}

/**
 * tcpcrypt_init_has_cipher() - whether a message names an AEAD algorithm
 * @init:   the message
 * @cipher: the algorithm
 *
 * Return: true if it does.
 */
bool tcpcrypt_init_has_cipher(const struct tcpcrypt_init *init, u16 cipher)
{
	unsigned int i;

	for (i = 0; i < init->nciphers; i++)
		if (get16(init->ciphers + 2 * i) == cipher)
			return true;
	return false;
}

/**
 * tcpcrypt_init_select() - select one of the AEAD algorithms that host A offers
 * @init:   host A's message
 * @prefs:  host B's algorithms in order of preference
 * @nprefs: entries in @prefs
 *
 * Return: the algorithm, or -EPROTO if there is none in common.
 */
int tcpcrypt_init_select(const struct tcpcrypt_init *init, const u16 *prefs,
			 unsigned int nprefs)
{
	unsigned int i;

	for (i = 0; i < nprefs; i++)
		if (tcpcrypt_init_has_cipher(init, prefs[i]))
			return prefs[i];
	return -EPROTO;
}
