// SPDX-License-Identifier: GPL-2.0
/*
 * Session resumption (RFC 8548, section 3.5) between two hosts of ours. Runs
 * in the guest, sock.sh makes the hosts; resume.py sees the wire.
 *
 *	resume_test [CASE ...]
 */

#define _GNU_SOURCE
#include "lib/conn.h"

#define V_BIT		0x80
#define CURVE25519	0x23
#define CACHE		1024	/* entries */
#define MARKER		"Nobody-else-may-read-this"

static unsigned char seen[1024][33];
static unsigned int nseen;

/* Both caches are empty. */
static void forget(void)
{
	int host;

	for (host = A; host <= B; host++) {
		set_sysctl(host, "cache_max", 0);
		set_sysctl(host, "cache_max", CACHE);
	}
}

static int set_option(int fd, int name, int value)
{
	return setsockopt(fd, IPPROTO_TCP, name, &value, sizeof(value));
}

static int new_taken(enum host host, int name, int value)
{
	int fd = new_socket(host);

	CHECK_EQ(setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tcpcrypt", 8), 0);
	CHECK_EQ(set_option(fd, name, value), 0);
	return fd;
}

/* Section 3.4: a session ID is never used again. */
static void check_new(int fd)
{
	unsigned int i;

	CHECK(nseen < ARRAY_SIZE(seen));
	get_sessid(fd, seen[nseen]);
	for (i = 0; i < nseen; i++)
		CHECK(memcmp(seen[i], seen[nseen], 33));
	nseen++;
}

/* Encrypted, both ends say the same, and it was resumed or was not. */
static void check_resumed(struct pair p, bool resumed)
{
	int want = CURVE25519 | (resumed ? V_BIT : 0);

	check_pair(p.c, p.s);
	CHECK_EQ(get_int(p.c, IPPROTO_TCP, TCP_ENO_NEGSPEC), want);
	CHECK_EQ(get_int(p.s, IPPROTO_TCP, TCP_ENO_NEGSPEC), want);
	CHECK_EQ(get_int(p.c, IPPROTO_TCP, TCP_ENO_ROLE), 0);
	CHECK_EQ(get_int(p.s, IPPROTO_TCP, TCP_ENO_ROLE), 1);
	check_new(p.c);
}

static void exchange(struct pair p, size_t len)
{
	struct part up = { p.c, 1, len, 5000 }, down = { p.s, 7, len, 70000 };
	pthread_t t[2] = { start(send_part, &up), start(send_part, &down) };

	recv_stream(p.s, 1, len, 3000);
	recv_stream(p.c, 7, len, 100000);
	join(t[0]);
	join(t[1]);
	CHECK_EQ(send(p.c, MARKER, sizeof(MARKER), 0), sizeof(MARKER));
	CHECK_EQ(recv(p.s, (char[sizeof(MARKER)]) {}, sizeof(MARKER),
		      MSG_WAITALL), sizeof(MARKER));
}

/* c connects from its host to the other host's listener. */
static struct pair connect_pair(int c, enum host to, int l)
{
	struct pair p = { .c = c };

	CHECK_EQ(do_connect(c, to, port_of(l)), 0);
	p.s = do_accept(l);
	return p;
}

static int listener_at(enum host host)
{
	int fd = new_socket(host);

	CHECK_EQ(do_bind(fd, host, 0), 0);
	CHECK_EQ(listen(fd, 64), 0);
	return fd;
}

static void close_both(struct pair p)
{
	close(p.c);
	check_eof(p.s);
	close(p.s);
}

static void chain(void)
{
	int l = listener_at(B), tap = tap_open(), i;
	struct pair p;

	forget();
	for (i = 0; i < 6; i++) {
		p = connect_pair(new_socket(A), B, l);
		check_resumed(p, i > 0);
		exchange(p, 100000);
		close_both(p);
		CHECK(!tap_read(tap, MARKER).marked);
	}
	/* to another port of the same host */
	p = connect_pair(new_socket(A), B, listener_at(B));
	check_resumed(p, true);
	exchange(p, 1000);
}

/* "either host MAY later initiate", and the keys go by the first roles. */
static void reverse(void)
{
	static const enum host from[] = { A, B, B, A, B, A, A, B };
	int listener[2] = { listener_at(A), listener_at(B) };
	unsigned int i, k;
	enum host to;
	struct pair p;
	int tap;

	for (i = 0; i < 2; i++) {
		forget();
		tap = tap_open();
		for (k = 0; k < ARRAY_SIZE(from); k++) {
			to = (from[k] ^ i) == A ? B : A;
			p = connect_pair(new_socket(from[k] ^ i), to,
					 listener[to]);
			check_resumed(p, k > 0);
			exchange(p, 20000);
			close_both(p);
			CHECK(!tap_read(tap, MARKER).marked);
		}
	}
}

/* One host has forgotten: the same connection agrees on fresh keys. */
static void forgotten(void)
{
	int l = listener_at(B), host;
	struct pair p;

	for (host = A; host <= B; host++) {
		forget();
		p = connect_pair(new_socket(A), B, l);
		check_resumed(p, false);
		close_both(p);
		set_sysctl(host, "cache_max", 0);
		p = connect_pair(new_socket(A), B, l);
		check_resumed(p, false);
		exchange(p, 20000);
		close_both(p);
		set_sysctl(host, "cache_max", CACHE);
		p = connect_pair(new_socket(A), B, l);
		check_resumed(p, false);
		close_both(p);
		p = connect_pair(new_socket(A), B, l);
		check_resumed(p, true);
		exchange(p, 20000);
		close_both(p);
	}
}

static void options(void)
{
	int no_resume = new_taken(B, TCP_CRYPT_RESUME, 0);
	int no_cache = new_taken(B, TCP_CRYPT_CACHE, 0);
	int l = listener_at(B), i;
	struct pair p;

	CHECK_EQ(listen(no_resume, 5), 0);
	CHECK_EQ(listen(no_cache, 5), 0);
	forget();
	close_both(connect_pair(new_socket(A), B, l));
	p = connect_pair(new_taken(A, TCP_CRYPT_RESUME, 0), B, l);
	check_resumed(p, false);
	close_both(p);
	p = connect_pair(new_socket(A), B, no_resume);
	check_resumed(p, false);
	close_both(p);
	/* it may resume, and leaves nothing at the server */
	forget();
	close_both(connect_pair(new_socket(A), B, l));
	p = connect_pair(new_socket(A), B, no_cache);
	check_resumed(p, true);
	close_both(p);
	p = connect_pair(new_socket(A), B, l);
	check_resumed(p, false);
	close_both(p);
	/* nor at the client */
	p = connect_pair(new_taken(A, TCP_CRYPT_CACHE, 0), B, l);
	check_resumed(p, true);
	close_both(p);
	p = connect_pair(new_socket(A), B, l);
	check_resumed(p, false);
	for (i = 0; i < 2; i++) {
		CHECK_EQ(set_option(i ? p.s : p.c, TCP_CRYPT_CACHE_FLUSH, 0),
			 0);
		ping_pair(p);
		close_both(p);
		p = connect_pair(new_socket(A), B, l);
		check_resumed(p, false);
	}
	close_both(p);
	p = connect_pair(new_socket(A), B, l);
	check_resumed(p, true);
}

static bool is_resumed(int fd)
{
	return get_int(fd, IPPROTO_TCP, TCP_ENO_NEGSPEC) & V_BIT;
}

/* Connections at once share no secret. */
static void at_once(void)
{
	int l = listener_at(B), resumed = 0, i, k;
	int c[12], s[12];
	unsigned char x[33], y[33];

	forget();
	for (i = 0; i < 5; i++)
		close_both(connect_pair(new_taken(A, TCP_CRYPT_RESUME, 0), B,
					l));
	for (i = 0; i < (int)ARRAY_SIZE(c); i++) {
		c[i] = new_socket(A);
		set_nonblock(c[i], true);
		if (do_connect(c[i], B, port_of(l)))
			CHECK_EQ(errno, EINPROGRESS);
	}
	for (i = 0; i < (int)ARRAY_SIZE(c); i++) {
		s[i] = do_accept(l);
		poll_wait(c[i], POLLOUT);
		set_nonblock(c[i], false);
	}
	for (i = 0; i < (int)ARRAY_SIZE(c); i++) {
		check_one(c[i]);
		get_sessid(c[i], x);
		for (k = 0; k < (int)ARRAY_SIZE(s); k++) {
			check_one(s[k]);
			get_sessid(s[k], y);
			if (!memcmp(x, y, sizeof(x)))
				break;
		}
		CHECK(k < (int)ARRAY_SIZE(s));
		check_new(c[i]);
		CHECK_EQ(is_resumed(c[i]), is_resumed(s[k]));
		resumed += is_resumed(c[i]);
		exchange((struct pair) { c[i], s[k] }, 5000);
	}
	CHECK_EQ(resumed, 5);
}

/* Frames may follow the third message at once: no accept() is needed. */
static void before_accept(void)
{
	int l = listener_at(B), c, s;
	char buf[sizeof(MARKER)];
	unsigned char id[33];

	forget();
	close_both(connect_pair(new_socket(A), B, l));
	c = connect_to(l);
	CHECK_EQ(send(c, MARKER, sizeof(MARKER), 0), sizeof(MARKER));
	check_one(c);
	get_sessid(c, id);
	CHECK_EQ(id[0], CURVE25519 | V_BIT);
	CHECK_EQ(shutdown(c, SHUT_WR), 0);
	nap(100);
	s = do_accept(l);
	CHECK_EQ(recv(s, buf, sizeof(buf), MSG_WAITALL), sizeof(buf));
	CHECK(!memcmp(buf, MARKER, sizeof(buf)));
	check_eof(s);
	CHECK_EQ(send(s, "ok", 2, 0), 2);
	close(s);
	CHECK_EQ(recv(c, buf, 2, MSG_WAITALL), 2);
	check_eof(c);
	close(c);
	/* the client is gone before accept() */
	c = connect_to(l);
	send_stream(c, 0, 20000, 20000);
	close(c);
	nap(100);
	s = do_accept(l);
	CHECK_EQ(recv_until_eof(s, 0), 20000);
	close(s);
	/* and this one is never accepted */
	c = connect_to(l);
	CHECK_EQ(send(c, "x", 1, 0), 1);
	close(l);
	CHECK_ERR(recv(c, buf, 1, 0), ECONNRESET);
}

static void nonce_lengths(void)
{
	int l = listener_at(B), i;
	struct pair p;

	forget();
	for (i = 0; i <= 8; i++) {
		set_sysctl(A, "resume_nonce_len", i);
		set_sysctl(B, "resume_nonce_len", 8 - i);
		p = connect_pair(new_socket(A), B, l);
		check_resumed(p, i > 0);
		exchange(p, 5000);
		close_both(p);
	}
	set_sysctl(B, "resume_nonce_len", 8);
}

static void many(void)
{
	int l = listener_at(B), i;
	struct pair p;

	forget();
	for (i = 0; i < 200; i++) {
		p = connect_pair(new_socket(A), B, l);
		ping_pair(p);
		CHECK_EQ(is_resumed(p.c), i > 0);
		check_new(p.c);
		seen_encrypted = true;
		close_both(p);
	}
}

#define CASE(fn, variants)	{ #fn, fn, variants }
#define ENCRYPTED		(V4 | V6 | MAPPED)

static const struct ktap_case cases[] = {
	CASE(chain, ENCRYPTED),
	CASE(reverse, ENCRYPTED),
	CASE(forgotten, ENCRYPTED),
	CASE(options, ENCRYPTED),
	CASE(at_once, ENCRYPTED),
	CASE(before_accept, ENCRYPTED),
	CASE(nonce_lengths, ENCRYPTED),
	CASE(many, V4),
	{ }
};

int main(int argc, char **argv)
{
	return ktap_main(argc, argv, cases, variant_names, before, after);
}
