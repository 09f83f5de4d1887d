// SPDX-License-Identifier: GPL-2.0
/*
 * The socket options of include/uapi/linux/tcpcrypt.h that are set before
 * connect() or listen(), and what they do between two hosts of ours. Runs in
 * the guest, sock.sh makes the two hosts; options.py sees the wire.
 *
 *	opts_test [CASE ...]
 */

#define _GNU_SOURCE
#include "lib/conn.h"

#define P256		0x21
#define P521		0x22
#define CURVE25519	0x23
#define CURVE448	0x24
#define ALL_TEPS	P521, CURVE448, P256, CURVE25519
#define RAW_MAX		38	/* an ENO option's contents */

static const struct {
	int name, min, max, start;
} ints[] = {
	{ TCP_ENO_ENABLED, -1, 2, -1 },
	{ TCP_ENO_SELF_AWARE, 0, 2, 0 },
	{ TCP_ENO_TIEBREAKER, 0, 1, 0 },
	{ TCP_CRYPT_RESUME, 0, 1, 1 },
	{ TCP_CRYPT_CACHE, 0, 1, 1 },
};

static const int lists[] = {
	TCP_ENO_SPECS, TCP_ENO_RAW, TCP_CRYPT_AEADS,
};

struct bytes {
	socklen_t	len;
	unsigned char	data[64];
};

#define BYTES(...) ({							\
	const unsigned char _b[] = { __VA_ARGS__ };			\
	struct bytes _bytes = { .len = sizeof(_b) };			\
									\
	memcpy(_bytes.data, _b, sizeof(_b));				\
	_bytes; })

static int set_bytes(int fd, int name, struct bytes b)
{
	return setsockopt(fd, IPPROTO_TCP, name, b.data, b.len);
}

static struct bytes get_bytes(int fd, int name)
{
	struct bytes b = { .len = sizeof(b.data) };

	memset(b.data, 0xee, sizeof(b.data));
	CHECK_EQ(getsockopt(fd, IPPROTO_TCP, name, b.data, &b.len), 0);
	CHECK(b.len == sizeof(b.data) || b.data[b.len] == 0xee);
	return b;
}

static void check_bytes(int fd, int name, struct bytes want)
{
	struct bytes b = get_bytes(fd, name);

	CHECK_EQ(b.len, want.len);
	CHECK(!memcmp(b.data, want.data, b.len));
}

static int set_option(int fd, int name, int value)
{
	return setsockopt(fd, IPPROTO_TCP, name, &value, sizeof(value));
}

static int get_option(int fd, int name)
{
	return get_int(fd, IPPROTO_TCP, name);
}

static int new_taken(enum host host)
{
	int fd = new_socket(host);

	CHECK_EQ(setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tcpcrypt", 8), 0);
	return fd;
}

static int taken_listener(int fd)
{
	CHECK_EQ(do_bind(fd, B, 0), 0);
	CHECK_EQ(listen(fd, 5), 0);
	return fd;
}

/* Both ends are plain, and the client was taken. */
static void check_plain(int c, int s)
{
	char byte = 0;
	socklen_t len = 1;

	CHECK_ERR(getsockopt(c, IPPROTO_TCP, TCP_ENO_ROLE, &byte, &len),
		  EOPNOTSUPP);
	CHECK_EQ(send(c, "x", 1, 0), 1);
	CHECK_EQ(recv(s, &byte, 1, 0), 1);
	CHECK_EQ(byte, 'x');
	CHECK_EQ(send(s, "y", 1, 0), 1);
	CHECK_EQ(recv(c, &byte, 1, 0), 1);
	CHECK_EQ(byte, 'y');
}

static void close_all(int a, int b, int c)
{
	close(a);
	close(b);
	close(c);
}

/* Each integer: its default, all its values, none beside them. */
static void integers(void)
{
	static const char bytes[9];
	unsigned int i, n;
	int fd, v;

	for (i = 0; i < ARRAY_SIZE(ints); i++) {
		fd = new_taken(A);
		CHECK_EQ(get_option(fd, ints[i].name), ints[i].start);
		for (v = ints[i].min; v <= ints[i].max; v++) {
			CHECK_EQ(set_option(fd, ints[i].name, v), 0);
			CHECK_EQ(get_option(fd, ints[i].name), v);
		}
		CHECK_ERR(set_option(fd, ints[i].name, ints[i].min - 1),
			  EINVAL);
		CHECK_ERR(set_option(fd, ints[i].name, ints[i].max + 1),
			  EINVAL);
		CHECK_ERR(set_option(fd, ints[i].name, 256), EINVAL);
		CHECK_ERR(set_option(fd, ints[i].name, INT32_MAX), EINVAL);
		CHECK_ERR(set_option(fd, ints[i].name, INT32_MIN), EINVAL);
		for (n = 0; n < sizeof(bytes); n++)
			if (n != sizeof(int))
				CHECK_ERR(setsockopt(fd, IPPROTO_TCP,
						     ints[i].name, bytes, n),
					  EINVAL);
		CHECK_ERR(setsockopt(fd, IPPROTO_TCP, ints[i].name, (void *)1,
				     4), EFAULT);
		CHECK_EQ(get_option(fd, ints[i].name), ints[i].max);
		close(fd);
	}
	new_pair();
}

/* No option changes another one. */
static void independent(void)
{
	int fd = new_taken(A);
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(ints); i++) {
		CHECK_EQ(set_option(fd, ints[i].name, ints[i].start ? 0 : 1),
			 0);
		for (k = 0; k < ARRAY_SIZE(ints); k++)
			CHECK_EQ(get_option(fd, ints[k].name),
				 k > i ? ints[k].start :
				 ints[k].start ? 0 : 1);
		for (k = 0; k < ARRAY_SIZE(lists); k++)
			CHECK_EQ(get_bytes(fd, lists[k]).len, 0);
	}
	CHECK_EQ(set_bytes(fd, TCP_ENO_SPECS, BYTES(P256)), 0);
	CHECK_EQ(set_bytes(fd, TCP_CRYPT_AEADS, BYTES(0, 2)), 0);
	CHECK_EQ(set_bytes(fd, TCP_ENO_RAW, BYTES(0x50)), 0);
	check_bytes(fd, TCP_ENO_SPECS, BYTES(P256));
	check_bytes(fd, TCP_CRYPT_AEADS, BYTES(0, 2));
	check_bytes(fd, TCP_ENO_RAW, BYTES(0x50));
	for (k = 0; k < ARRAY_SIZE(ints); k++)
		CHECK_EQ(get_option(fd, ints[k].name), ints[k].start ? 0 : 1);
	/* of this socket alone */
	fd = new_taken(A);
	for (k = 0; k < ARRAY_SIZE(ints); k++)
		CHECK_EQ(get_option(fd, ints[k].name), ints[k].start);
	for (k = 0; k < ARRAY_SIZE(lists); k++)
		CHECK_EQ(get_bytes(fd, lists[k]).len, 0);
	new_pair();
}

static void list_accepts(int fd, int name, struct bytes b)
{
	CHECK_EQ(set_bytes(fd, name, b), 0);
	check_bytes(fd, name, b);
}

/* A bad value is refused and changes nothing. */
static void list_refuses(int fd, int name, struct bytes b)
{
	struct bytes before = get_bytes(fd, name);

	CHECK_ERR(set_bytes(fd, name, b), EINVAL);
	check_bytes(fd, name, before);
}

static void specs(void)
{
	int fd = new_taken(A), i;

	check_bytes(fd, TCP_ENO_SPECS, (struct bytes) {});
	for (i = P256; i <= CURVE448; i++)
		list_accepts(fd, TCP_ENO_SPECS, BYTES(i));
	list_accepts(fd, TCP_ENO_SPECS, BYTES(CURVE448, P256));
	list_accepts(fd, TCP_ENO_SPECS, BYTES(ALL_TEPS));
	for (i = 0; i < 256; i++)
		if (i < P256 || i > CURVE448)
			list_refuses(fd, TCP_ENO_SPECS, BYTES(P256, i));
	list_refuses(fd, TCP_ENO_SPECS, BYTES(P256, P256));
	list_refuses(fd, TCP_ENO_SPECS, BYTES(CURVE448, P256, CURVE448));
	list_refuses(fd, TCP_ENO_SPECS, BYTES(ALL_TEPS, ALL_TEPS, P256));
	list_accepts(fd, TCP_ENO_SPECS, (struct bytes) {});
	new_pair();
}

static void aeads(void)
{
	int fd = new_taken(A), i;

	check_bytes(fd, TCP_CRYPT_AEADS, (struct bytes) {});
	list_accepts(fd, TCP_CRYPT_AEADS, BYTES(0, 1));
	list_accepts(fd, TCP_CRYPT_AEADS, BYTES(0, 16));
	list_accepts(fd, TCP_CRYPT_AEADS, BYTES(0, 16, 0, 1, 0, 2));
	list_refuses(fd, TCP_CRYPT_AEADS, BYTES(0));
	list_refuses(fd, TCP_CRYPT_AEADS, BYTES(0, 1, 0));
	list_refuses(fd, TCP_CRYPT_AEADS, BYTES(0, 0));
	list_refuses(fd, TCP_CRYPT_AEADS, BYTES(1, 0));
	list_refuses(fd, TCP_CRYPT_AEADS, BYTES(0, 1, 0, 3));
	list_refuses(fd, TCP_CRYPT_AEADS, BYTES(0, 1, 0, 2, 0, 1));
	for (i = 17; i < 256; i++)
		list_refuses(fd, TCP_CRYPT_AEADS, BYTES(i, i));
	list_accepts(fd, TCP_CRYPT_AEADS, (struct bytes) {});
	new_pair();
}

static void raw(void)
{
	struct bytes most = { .len = RAW_MAX, .data = { 0xd0 } };
	struct bytes more = { .len = RAW_MAX + 1, .data = { 0xd0 } };
	int fd = new_taken(A);

	check_bytes(fd, TCP_ENO_RAW, (struct bytes) {});
	list_accepts(fd, TCP_ENO_RAW, BYTES(0x50));
	list_accepts(fd, TCP_ENO_RAW, BYTES(0x01, 0x23, 0x81, 0xd0, 1, 2));
	list_accepts(fd, TCP_ENO_RAW, most);
	list_refuses(fd, TCP_ENO_RAW, more);
	/* RFC 8547, section 4.2: at most one global suboption, no z bits */
	list_refuses(fd, TCP_ENO_RAW, BYTES(0x04, 0x50));
	list_refuses(fd, TCP_ENO_RAW, BYTES(0x11, 0x50));
	list_refuses(fd, TCP_ENO_RAW, BYTES(0x01, 0x01, 0x50));
	/* what no peer could parse: RFC 8547, section 4.4 */
	list_refuses(fd, TCP_ENO_RAW, BYTES(0x50, 0x80));
	list_refuses(fd, TCP_ENO_RAW, BYTES(0x81, 0xd0, 1));
	list_refuses(fd, TCP_ENO_RAW, BYTES(0x80, 0x50, 1));
	list_accepts(fd, TCP_ENO_RAW, (struct bytes) {});
	new_pair();
}

static void list_errors(void)
{
	int fd = new_taken(A);
	struct bytes b;
	unsigned int i;
	socklen_t len;

	CHECK_EQ(set_bytes(fd, TCP_ENO_SPECS, BYTES(P256, P521)), 0);
	CHECK_EQ(set_bytes(fd, TCP_ENO_RAW, BYTES(0x50, 0x51)), 0);
	CHECK_EQ(set_bytes(fd, TCP_CRYPT_AEADS, BYTES(0, 1)), 0);
	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		CHECK_ERR(setsockopt(fd, IPPROTO_TCP, lists[i], (void *)1, 2),
			  EFAULT);
		CHECK_ERR(setsockopt(fd, IPPROTO_TCP, lists[i], b.data, -1),
			  EINVAL);
		for (len = 0; len < 2; len++) {
			b.len = len;
			CHECK_ERR(getsockopt(fd, IPPROTO_TCP, lists[i],
					     b.data, &b.len), EINVAL);
		}
		b.len = 2;
		CHECK_EQ(getsockopt(fd, IPPROTO_TCP, lists[i], b.data,
				    &b.len), 0);
		CHECK_EQ(b.len, 2);
		b.len = 2;
		CHECK_ERR(getsockopt(fd, IPPROTO_TCP, lists[i], (void *)1,
				     &b.len), EFAULT);
		b.len = -1;
		CHECK_ERR(getsockopt(fd, IPPROTO_TCP, lists[i], b.data,
				     &b.len), EINVAL);
	}
	new_pair();
}

/* Too late: EISCONN; what was set can still be read. */
static void check_kept(int fd, bool plain)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ints); i++)
		CHECK_ERR(set_option(fd, ints[i].name, ints[i].start),
			  EISCONN);
	for (i = 0; i < ARRAY_SIZE(lists); i++)
		CHECK_ERR(set_bytes(fd, lists[i], (struct bytes) {}),
			  EISCONN);
	check_bytes(fd, TCP_ENO_SPECS, BYTES(P521, CURVE448));
	check_bytes(fd, TCP_CRYPT_AEADS, BYTES(0, 16, 0, 2));
	CHECK_EQ(get_option(fd, TCP_ENO_SELF_AWARE), 1);
	CHECK_EQ(get_option(fd, TCP_CRYPT_RESUME), 0);
	CHECK_EQ(get_option(fd, TCP_CRYPT_CACHE), 0);
	if (!plain)
		CHECK_EQ(get_option(fd, TCP_ENO_PEER_AWARE), 1);
}

static void set_some(int fd)
{
	CHECK_EQ(set_bytes(fd, TCP_ENO_SPECS, BYTES(P521, CURVE448)), 0);
	CHECK_EQ(set_bytes(fd, TCP_CRYPT_AEADS, BYTES(0, 16, 0, 2)), 0);
	CHECK_EQ(set_option(fd, TCP_ENO_SELF_AWARE, 1), 0);
	CHECK_EQ(set_option(fd, TCP_CRYPT_RESUME, 0), 0);
	CHECK_EQ(set_option(fd, TCP_CRYPT_CACHE, 0), 0);
}

/* A listener's settings are its children's. */
static void inherited(void)
{
	int l = new_taken(B), c = new_taken(A), s, i;

	set_some(l);
	set_some(c);
	taken_listener(l);
	for (i = 0; i < 2; i++) {
		CHECK_EQ(do_connect(c, B, port_of(l)), 0);
		s = do_accept(l);
		check_pair(c, s);
		check_kept(c, false);
		check_kept(s, false);
		CHECK_EQ(get_option(c, TCP_ENO_NEGSPEC), CURVE448);
		close(c);
		close(s);
		c = new_taken(A);
		set_some(c);
	}
	/* and no other listener's */
	l = taken_listener(new_taken(B));
	c = new_taken(A);
	CHECK_EQ(do_connect(c, B, port_of(l)), 0);
	s = do_accept(l);
	check_pair(c, s);
	CHECK_EQ(get_bytes(s, TCP_ENO_SPECS).len, 0);
	CHECK_EQ(get_option(s, TCP_ENO_SELF_AWARE), 0);
	CHECK_EQ(get_option(s, TCP_CRYPT_CACHE), 1);
}

static void kept_when_plain(void)
{
	int c = new_taken(A), l = new_socket(B), s;

	CHECK_EQ(do_bind(l, B, PLAIN_PORT), 0);
	CHECK_EQ(listen(l, 5), 0);
	set_some(c);
	CHECK_EQ(do_connect(c, B, PLAIN_PORT), 0);
	s = do_accept(l);
	check_plain(c, s);
	check_kept(c, true);
	CHECK_ERR(getsockopt(c, IPPROTO_TCP, TCP_ENO_PEER_AWARE, &s,
			     &(socklen_t) { 4 }), EOPNOTSUPP);
	new_pair();
}

/* Host B chooses, by its own order. */
static void choice(void)
{
	static const struct {
		struct bytes a, b;
		int tep;
	} rows[] = {
		{ { 2, { P256, CURVE448 } }, { 2, { CURVE448, P256 } }, P256 },
		{ { 2, { CURVE448, P256 } }, { 2, { P256, CURVE448 } },
		  CURVE448 },
		{ { 1, { P521 } }, {}, P521 },
		{ {}, { 1, { P521 } }, P521 },
		{ {}, {}, CURVE25519 },
		{ { 4, { CURVE25519, P256, CURVE448, P521 } }, {},
		  CURVE25519 },
		{ { 2, { P256, P521 } }, { 2, { CURVE25519, CURVE448 } }, 0 },
	};
	unsigned int i;
	int l, c, s;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		l = new_taken(B);
		c = new_taken(A);
		CHECK_EQ(set_bytes(c, TCP_ENO_SPECS, rows[i].a), 0);
		CHECK_EQ(set_bytes(l, TCP_ENO_SPECS, rows[i].b), 0);
		CHECK_EQ(set_option(c, TCP_CRYPT_RESUME, 0), 0);
		taken_listener(l);
		CHECK_EQ(do_connect(c, B, port_of(l)), 0);
		s = do_accept(l);
		if (rows[i].tep) {
			check_pair(c, s);
			CHECK_EQ(get_option(c, TCP_ENO_NEGSPEC), rows[i].tep);
			CHECK_EQ(get_option(s, TCP_ENO_NEGSPEC), rows[i].tep);
		} else {
			check_plain(c, s);
		}
		close_all(l, c, s);
	}
}

/* RFC 8547, section 4.2: who says what of itself, and who insists. */
static void aware(void)
{
	int ca, la, l, c, s;

	for (ca = 0; ca <= 2; ca++) {
		for (la = 0; la <= 2; la++) {
			l = new_taken(B);
			c = new_taken(A);
			CHECK_EQ(set_option(c, TCP_ENO_SELF_AWARE, ca), 0);
			CHECK_EQ(set_option(l, TCP_ENO_SELF_AWARE, la), 0);
			taken_listener(l);
			CHECK_EQ(do_connect(c, B, port_of(l)), 0);
			s = do_accept(l);
			if ((ca == 2 && !la) || (la == 2 && !ca)) {
				check_plain(c, s);
				close_all(l, c, s);
				continue;
			}
			check_pair(c, s);
			CHECK_EQ(get_option(c, TCP_ENO_PEER_AWARE), !!la);
			CHECK_EQ(get_option(s, TCP_ENO_PEER_AWARE), !!ca);
			CHECK_EQ(get_option(c, TCP_ENO_SELF_AWARE), ca);
			CHECK_EQ(get_option(s, TCP_ENO_SELF_AWARE), la);
			close_all(l, c, s);
		}
	}
}

static void peer_aware_is_read_only(void)
{
	int fd = new_taken(A), value;
	socklen_t len = sizeof(value);
	struct pair p;

	CHECK_ERR(getsockopt(fd, IPPROTO_TCP, TCP_ENO_PEER_AWARE, &value,
			     &len), ENOTCONN);
	CHECK_ERR(set_option(fd, TCP_ENO_PEER_AWARE, 1), ENOPROTOOPT);
	p = new_pair();
	CHECK_EQ(get_option(p.c, TCP_ENO_PEER_AWARE), 0);
	CHECK_EQ(get_option(p.s, TCP_ENO_PEER_AWARE), 0);
	CHECK_ERR(set_option(p.c, TCP_ENO_PEER_AWARE, 1), ENOPROTOOPT);
}

/* Section 4.3: two hosts with b = 1. A listener's own is 1 anyway. */
static void tiebreaker(void)
{
	int l = new_taken(B), c = new_taken(A), s;

	CHECK_EQ(set_option(l, TCP_ENO_TIEBREAKER, 1), 0);
	CHECK_EQ(set_option(c, TCP_ENO_TIEBREAKER, 1), 0);
	taken_listener(l);
	CHECK_EQ(do_connect(c, B, port_of(l)), 0);
	s = do_accept(l);
	check_plain(c, s);
	close(c);
	close(s);
	c = connect_to(l);
	s = do_accept(l);
	check_pair(c, s);
	CHECK_EQ(get_option(s, TCP_ENO_ROLE), 1);
}

static int aead_of(int fd)
{
	struct tcp_crypt_info info;
	socklen_t len = sizeof(info);

	CHECK_EQ(getsockopt(fd, IPPROTO_TCP, TCP_CRYPT_INFO, &info, &len), 0);
	return info.tcci_aead;
}

/* RFC 8548, section 3.3: A's list is an offer, B's an order of preference. */
static void cipher_choice(void)
{
	static const struct {
		struct bytes a, b;
		int aead;
	} rows[] = {
		{ { 4, { 0, 1, 0, 2 } }, { 4, { 0, 2, 0, 1 } }, 2 },
		{ { 4, { 0, 2, 0, 1 } }, { 4, { 0, 1, 0, 2 } }, 1 },
		{ { 2, { 0, 16 } }, {}, 16 },
		{ {}, { 2, { 0, 16 } }, 16 },
		{ { 2, { 0, 1 } }, { 2, { 0, 2 } }, 0 },
	};
	unsigned int i;
	int l, c, s;
	char byte;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		l = new_taken(B);
		c = new_taken(A);
		CHECK_EQ(set_bytes(c, TCP_CRYPT_AEADS, rows[i].a), 0);
		CHECK_EQ(set_bytes(l, TCP_CRYPT_AEADS, rows[i].b), 0);
		CHECK_EQ(set_option(c, TCP_CRYPT_RESUME, 0), 0);
		taken_listener(l);
		CHECK_EQ(do_connect(c, B, port_of(l)), 0);
		s = do_accept(l);
		if (rows[i].aead) {
			check_pair(c, s);
			CHECK_EQ(aead_of(c), rows[i].aead);
			CHECK_EQ(aead_of(s), rows[i].aead);
		} else {
			CHECK_ERR(recv(s, &byte, 1, 0), EPROTO);
			CHECK(recv(c, &byte, 1, 0) < 0);
		}
		close_all(l, c, s);
	}
}

/* TCP_ENO_RAW at both ends: theirs to agree upon; data is plain. */
static void raw_pair(void)
{
	int l = new_taken(B), c = new_taken(A), s;
	struct bytes a = BYTES(0x50, 0x23, 0xd1, 7);
	struct bytes b = BYTES(0x01, 0x23, 0x50);
	struct bytes want = BYTES(69, 6, 0x50, 0x23, 0xd1, 7,
				  69, 5, 0x01, 0x23, 0x50);
	char byte;

	CHECK_EQ(set_bytes(c, TCP_ENO_RAW, a), 0);
	CHECK_EQ(set_bytes(l, TCP_ENO_RAW, b), 0);
	taken_listener(l);
	CHECK_EQ(do_connect(c, B, port_of(l)), 0);
	s = do_accept(l);
	CHECK_EQ(get_option(c, TCP_ENO_NEGSPEC), 0x50);
	CHECK_EQ(get_option(s, TCP_ENO_NEGSPEC), 0x50);
	CHECK_EQ(get_option(c, TCP_ENO_ROLE), 0);
	CHECK_EQ(get_option(s, TCP_ENO_ROLE), 1);
	check_bytes(c, TCP_ENO_TRANSCRIPT, want);
	check_bytes(s, TCP_ENO_TRANSCRIPT, want);
	CHECK_ERR(getsockopt(c, IPPROTO_TCP, TCP_ENO_SESSID, want.data,
			     &want.len), EOPNOTSUPP);
	CHECK_EQ(send(c, "x", 1, 0), 1);
	CHECK_EQ(recv(s, &byte, 1, 0), 1);
	CHECK_EQ(byte, 'x');
	close(c);
	CHECK_EQ(recv(s, &byte, 1, 0), 0);
	/* and a client without it finds no TEP in common */
	c = new_taken(A);
	CHECK_EQ(set_bytes(c, TCP_ENO_SPECS, BYTES(P256)), 0);
	CHECK_EQ(do_connect(c, B, port_of(l)), 0);
	s = do_accept(l);
	check_plain(c, s);
	new_pair();
}

/* What was set outlives a listen() that fails, and shutdown(). */
static void listens_again(void)
{
	int l = new_taken(B), other = new_socket(B), c = new_taken(A), s, i;
	int one = 1, err;

	set_some(l);
	set_some(c);
	CHECK_EQ(setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
	CHECK_EQ(setsockopt(other, SOL_SOCKET, SO_REUSEADDR, &one,
			    sizeof(one)), 0);
	CHECK_EQ(do_bind(l, B, 0), 0);
	CHECK_EQ(do_bind(other, B, port_of(l)), 0);
	CHECK_EQ(listen(other, 5), 0);
	CHECK_EQ(listen(l, 5), -1);
	err = errno;
	CHECK_EQ(err, EADDRINUSE);
	CHECK_EQ(get_option(l, TCP_ENO_SELF_AWARE), 1);
	close(other);
	for (i = 0; i < 2; i++) {
		CHECK_EQ(listen(l, 5), 0);
		c = new_taken(A);
		set_some(c);
		CHECK_EQ(do_connect(c, B, port_of(l)), 0);
		s = do_accept(l);
		check_pair(c, s);
		check_kept(s, false);
		CHECK_EQ(shutdown(l, SHUT_RDWR), 0);
		CHECK_EQ(get_option(l, TCP_ENO_SELF_AWARE), 1);
	}
}

#define CASE(fn, variants)	{ #fn, fn, variants }
#define ENCRYPTED		(V4 | V6 | MAPPED)

static const struct ktap_case cases[] = {
	CASE(integers, ENCRYPTED),
	CASE(independent, V4),
	CASE(specs, V4),
	CASE(aeads, V4),
	CASE(raw, V4),
	CASE(list_errors, V4),
	CASE(inherited, ENCRYPTED),
	CASE(kept_when_plain, ENCRYPTED),
	CASE(choice, ENCRYPTED),
	CASE(aware, ENCRYPTED),
	CASE(peer_aware_is_read_only, V4),
	CASE(tiebreaker, ENCRYPTED),
	CASE(cipher_choice, V4),
	CASE(raw_pair, ENCRYPTED),
	CASE(listens_again, ENCRYPTED),
	{ }
};

int main(int argc, char **argv)
{
	return ktap_main(argc, argv, cases, variant_names, before, after);
}
