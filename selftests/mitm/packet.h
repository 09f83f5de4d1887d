/* SPDX-License-Identifier: GPL-2.0 */
/* One IPv4 packet with a TCP segment, as a TUN device has it. */
#ifndef _PACKET_H
#define _PACKET_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <arpa/inet.h>

#define PACKET_MAX	4096
#define FIN		1
#define SYN		2
#define RST		4
#define PSH		8
#define ACK		16
#define URG		32
#define OPTION_ENO	69

struct packet {
	unsigned int	len;
	unsigned char	ip[PACKET_MAX];
};

static inline unsigned int get16(const unsigned char *p)
{
	return p[0] << 8 | p[1];
}

static inline unsigned int get32(const unsigned char *p)
{
	return get16(p) << 16 | get16(p + 2);
}

static inline void put16(unsigned char *p, unsigned int v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static inline void put32(unsigned char *p, unsigned int v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static inline unsigned char *tcp_of(struct packet *p)
{
	return p->ip + 20;
}

static inline unsigned int head_of(struct packet *p)
{
	return (tcp_of(p)[12] >> 4) * 4;
}

static inline unsigned char *data_of(struct packet *p)
{
	return tcp_of(p) + head_of(p);
}

static inline unsigned int data_len(struct packet *p)
{
	return p->len - 20 - head_of(p);
}

static inline unsigned int flags_of(struct packet *p)
{
	return tcp_of(p)[13];
}

/* Without IP options; the kernel has none. */
static inline bool is_tcp(struct packet *p)
{
	return p->len >= 40 && p->ip[0] == 0x45 && p->ip[9] == 6 &&
	       get16(p->ip + 2) == p->len && head_of(p) >= 20 &&
	       20 + head_of(p) <= p->len;
}

static inline unsigned int sum(const unsigned char *p, unsigned int len,
			       unsigned int s)
{
	for (; len > 1; p += 2, len -= 2)
		s += get16(p);
	return len ? s + (*p << 8) : s;
}

static inline unsigned int fold(unsigned int s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return ~s & 0xffff;
}

/* Lengths and checksums are right again. */
static inline void seal(struct packet *p)
{
	unsigned char *th = tcp_of(p);

	put16(p->ip + 2, p->len);
	put16(p->ip + 10, 0);
	put16(p->ip + 10, fold(sum(p->ip, 20, 0)));
	put16(th + 16, 0);
	put16(th + 16, fold(sum(p->ip + 12, 8, sum(th, p->len - 20,
						   6 + p->len - 20))));
}

/* New options, padded; what doesn't fit is cut off. */
static inline void set_options(struct packet *p, const unsigned char *opts,
			       unsigned int len)
{
	unsigned int old = head_of(p), data = data_len(p);
	unsigned char copy[64] = {};

	if (len > 40)
		len = 40;
	memcpy(copy, opts, len);
	len = (len + 3) & ~3u;
	memmove(tcp_of(p) + 20 + len, tcp_of(p) + old, data);
	memcpy(tcp_of(p) + 20, copy, len);
	tcp_of(p)[12] = (20 + len) / 4 << 4 | (tcp_of(p)[12] & 15);
	p->len = 40 + len + data;
}

/* Where an option is, or -1. */
static inline int find_option(struct packet *p, int kind)
{
	unsigned char *th = tcp_of(p);
	unsigned int i, end = head_of(p);

	for (i = 20; i < end && th[i]; i += th[i] == 1 ? 1 : th[i + 1]) {
		if (th[i] == kind)
			return i;
		if (th[i] != 1 && (i + 1 >= end || th[i + 1] < 2))
			break;
	}
	return -1;
}

#endif /* _PACKET_H */
