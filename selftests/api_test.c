// SPDX-License-Identifier: GPL-2.0
/*
 * The socket options of include/uapi/linux/tcpcrypt.h. Runs in the guest,
 * sock.sh makes the two hosts.
 *
 *	api_test [CASE ...]
 */

#define _GNU_SOURCE
#include "lib/conn.h"

#define TEP_CURVE25519	0x23
#define AES_128_GCM	1

static const int readable[] = {
	TCP_ENO_SESSID, TCP_ENO_NEGSPEC, TCP_ENO_PEER_AWARE, TCP_ENO_ROLE,
	TCP_ENO_TRANSCRIPT, TCP_CRYPT_INFO,
};

/* opts_test.c and resume.py say what these do */
static const int settable[] = {
	TCP_ENO_ENABLED, TCP_ENO_SPECS, TCP_ENO_SELF_AWARE,
	TCP_ENO_TIEBREAKER, TCP_ENO_RAW, TCP_CRYPT_AEADS, TCP_CRYPT_RESUME,
	TCP_CRYPT_CACHE, TCP_CRYPT_CACHE_FLUSH,
};

static const int reserved[] = {
	TCP_CRYPT_EXPORT,
};

static int get_option(int fd, int name)
{
	static char buf[512];
	socklen_t len = sizeof(buf);

	return getsockopt(fd, IPPROTO_TCP, name, buf, &len);
}

static int set_option(int fd, int name, int value)
{
	return setsockopt(fd, IPPROTO_TCP, name, &value, sizeof(value));
}

static int take(int fd, const char *ulp)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_ULP, ulp, strlen(ulp));
}

static int new_taken(enum host host, int enabled)
{
	int fd = new_socket(host);

	CHECK_EQ(take(fd, "tcpcrypt"), 0);
	CHECK_EQ(set_option(fd, TCP_ENO_ENABLED, enabled), 0);
	return fd;
}

/* A listener taken before, on a port that is excluded or is not. */
static int new_taken_listener(int enabled, int port)
{
	int fd = new_taken(B, enabled);

	CHECK_EQ(do_bind(fd, B, port), 0);
	CHECK_EQ(listen(fd, 5), 0);
	return fd;
}

static int excluded_listener(void)
{
	int fd = new_socket(B);

	CHECK_EQ(do_bind(fd, B, PLAIN_PORT), 0);
	CHECK_EQ(listen(fd, 5), 0);
	return fd;
}

/* Such a socket knows none of the options. */
static void check_untouched(int fd)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(readable); i++) {
		CHECK_ERR(get_option(fd, readable[i]), ENOPROTOOPT);
		CHECK_ERR(set_option(fd, readable[i], 0), ENOPROTOOPT);
	}
	for (i = 0; i < ARRAY_SIZE(reserved); i++) {
		CHECK_ERR(get_option(fd, reserved[i]), ENOPROTOOPT);
		CHECK_ERR(set_option(fd, reserved[i], 0), ENOPROTOOPT);
	}
	for (i = 0; i < ARRAY_SIZE(settable); i++) {
		CHECK_ERR(get_option(fd, settable[i]), ENOPROTOOPT);
		CHECK_ERR(set_option(fd, settable[i], 0), ENOPROTOOPT);
	}
	CHECK_ERR(get_option(fd, TCP_CRYPT_REKEY), ENOPROTOOPT);
	CHECK_ERR(set_option(fd, TCP_CRYPT_REKEY, 0), ENOPROTOOPT);
}

static void check_unreadable(int fd, int err)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(readable); i++)
		CHECK_ERR(get_option(fd, readable[i]), err);
}

/* Taken, fell back, and carries data all the same. */
static void check_plain(int c, int s)
{
	check_unreadable(c, EOPNOTSUPP);
	CHECK_ERR(set_option(c, TCP_ENO_ENABLED, 1), EISCONN);
	CHECK_ERR(set_option(c, TCP_CRYPT_REKEY, 0), EOPNOTSUPP);
	ping_pair((struct pair) { c, s });
}

static void numbers(void)
{
	CHECK_EQ(TCP_ENO_ENABLED, 6900);
	CHECK_EQ(TCP_ENO_SESSID, 6901);
	CHECK_EQ(TCP_ENO_NEGSPEC, 6902);
	CHECK_EQ(TCP_ENO_SPECS, 6903);
	CHECK_EQ(TCP_ENO_SELF_AWARE, 6904);
	CHECK_EQ(TCP_ENO_PEER_AWARE, 6905);
	CHECK_EQ(TCP_ENO_TIEBREAKER, 6906);
	CHECK_EQ(TCP_ENO_ROLE, 6907);
	CHECK_EQ(TCP_ENO_RAW, 6908);
	CHECK_EQ(TCP_ENO_TRANSCRIPT, 6909);
	CHECK_EQ(TCP_CRYPT_AEADS, 6920);
	CHECK_EQ(TCP_CRYPT_RESUME, 6921);
	CHECK_EQ(TCP_CRYPT_CACHE, 6922);
	CHECK_EQ(TCP_CRYPT_CACHE_FLUSH, 6923);
	CHECK_EQ(TCP_CRYPT_REKEY, 6924);
	CHECK_EQ(TCP_CRYPT_INFO, 6925);
	CHECK_EQ(TCP_CRYPT_EXPORT, 6926);
	CHECK_EQ(sizeof(struct tcp_crypt_info), 136);
	new_pair();
}

static void untouched(void)
{
	int fd = new_socket(A), l, s;

	check_untouched(fd);
	close(fd);
	fd = new_socket(A);
	l = excluded_listener();
	check_untouched(l);
	CHECK_EQ(do_connect(fd, B, PLAIN_PORT), 0);
	s = do_accept(l);
	check_untouched(fd);
	check_untouched(s);
	close(l);
	l = new_listener();
	check_untouched(l);
	new_pair();
}

static void taken(void)
{
	int fd = new_socket(A), i, value;
	char name[16] = {}, bytes[8] = {};
	socklen_t len = sizeof(name);

	CHECK_EQ(take(fd, "tcpcrypt"), 0);
	CHECK_EQ(getsockopt(fd, IPPROTO_TCP, TCP_ULP, name, &len), 0);
	CHECK(!strcmp(name, "tcpcrypt"));
	CHECK_ERR(take(fd, "tcpcrypt"), EEXIST);
	CHECK_ERR(take(fd, "tls"), EEXIST);
	CHECK_EQ(get_int(fd, IPPROTO_TCP, TCP_ENO_ENABLED), TCP_ENO_DEFAULT);
	for (i = -1; i <= 2; i++) {
		CHECK_EQ(set_option(fd, TCP_ENO_ENABLED, i), 0);
		CHECK_EQ(get_int(fd, IPPROTO_TCP, TCP_ENO_ENABLED), i);
	}
	CHECK_ERR(set_option(fd, TCP_ENO_ENABLED, -2), EINVAL);
	CHECK_ERR(set_option(fd, TCP_ENO_ENABLED, 3), EINVAL);
	for (i = 0; i <= 8; i++) {
		if (i == sizeof(int))
			continue;
		CHECK_ERR(setsockopt(fd, IPPROTO_TCP, TCP_ENO_ENABLED, bytes,
				     i), EINVAL);
	}
	CHECK_EQ(get_int(fd, IPPROTO_TCP, TCP_ENO_ENABLED), 2);
	CHECK_ERR(setsockopt(fd, IPPROTO_TCP, TCP_ENO_ENABLED, (void *)1, 4),
		  EFAULT);
	for (i = 0; i < 4; i++) {
		len = i;
		CHECK_ERR(getsockopt(fd, IPPROTO_TCP, TCP_ENO_ENABLED, &value,
				     &len), EINVAL);
	}
	len = -1;
	CHECK_ERR(getsockopt(fd, IPPROTO_TCP, TCP_ENO_ENABLED, &value, &len),
		  EINVAL);
	len = 4;
	CHECK_ERR(getsockopt(fd, IPPROTO_TCP, TCP_ENO_ENABLED, (void *)1,
			     &len), EFAULT);
	check_unreadable(fd, ENOTCONN);
	for (i = 0; i < (int)ARRAY_SIZE(reserved); i++) {
		CHECK_ERR(get_option(fd, reserved[i]), EOPNOTSUPP);
		CHECK_ERR(set_option(fd, reserved[i], 0), EOPNOTSUPP);
	}
	CHECK_ERR(set_option(fd, TCP_CRYPT_REKEY, 0), ENOTCONN);
	for (i = 0; i < (int)ARRAY_SIZE(readable); i++)
		CHECK_ERR(set_option(fd, readable[i], 0), ENOPROTOOPT);
	/* the stack's own options are what they were */
	CHECK_EQ(set_option(fd, TCP_NODELAY, 1), 0);
	CHECK_EQ(get_int(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	CHECK_ERR(set_option(fd, 6950, 1), ENOPROTOOPT);
	/* gone again without ever being connected */
	close(fd);
	/* too late */
	fd = new_listener();
	CHECK_ERR(take(fd, "tcpcrypt"), EISCONN);
	new_pair();
}

static void encrypted(void)
{
	struct pair p = new_pair();
	unsigned char x[100], y[100];
	socklen_t len, lx = sizeof(x), ly = sizeof(y);
	char name[16] = {};
	int fds[2] = { p.c, p.s }, i, j;

	for (i = 0; i < 2; i++) {
		CHECK_EQ(get_int(fds[i], IPPROTO_TCP, TCP_ENO_ROLE), i);
		CHECK_EQ(get_int(fds[i], IPPROTO_TCP, TCP_ENO_NEGSPEC),
			 TEP_CURVE25519);
		CHECK_EQ(get_int(fds[i], IPPROTO_TCP, TCP_ENO_ENABLED), -1);
		CHECK_ERR(set_option(fds[i], TCP_ENO_ENABLED, 0), EISCONN);
		CHECK_ERR(set_option(fds[i], TCP_ENO_ENABLED, 7), EINVAL);
		for (j = 0; j < (int)ARRAY_SIZE(reserved); j++) {
			CHECK_ERR(get_option(fds[i], reserved[j]), EOPNOTSUPP);
			CHECK_ERR(set_option(fds[i], reserved[j], 0),
				  EOPNOTSUPP);
		}
		for (j = 0; j < (int)ARRAY_SIZE(readable); j++)
			CHECK_ERR(set_option(fds[i], readable[j], 0),
				  ENOPROTOOPT);
		for (len = 0, j = 0; j < 33; len = ++j)
			CHECK_ERR(getsockopt(fds[i], IPPROTO_TCP,
					     TCP_ENO_SESSID, x, &len), EINVAL);
		len = sizeof(x);
		CHECK_EQ(getsockopt(fds[i], IPPROTO_TCP, TCP_ENO_SESSID, x,
				    &len), 0);
		CHECK_EQ(len, 33);
		CHECK_EQ(x[0], TEP_CURVE25519);
		len = 3;
		CHECK_ERR(getsockopt(fds[i], IPPROTO_TCP, TCP_ENO_TRANSCRIPT,
				     x, &len), EINVAL);
		len = sizeof(name);
		CHECK_EQ(getsockopt(fds[i], IPPROTO_TCP, TCP_ULP, name, &len),
			 0);
		CHECK(!strcmp(name, "tcpcrypt"));
		CHECK_ERR(take(fds[i], "tcpcrypt"), EEXIST);
		CHECK_ERR(take(fds[i], "tls"), EEXIST);
		CHECK_ERR(set_option(fds[i], TCP_REPAIR, 1), EOPNOTSUPP);
		CHECK_ERR(recv(fds[i], x, 1, MSG_OOB), EINVAL);
		CHECK_EQ(get_int(fds[i], SOL_SOCKET, SO_ERROR), 0);
	}
	CHECK_EQ(getsockopt(p.c, IPPROTO_TCP, TCP_ENO_TRANSCRIPT, x, &lx), 0);
	CHECK_EQ(getsockopt(p.s, IPPROTO_TCP, TCP_ENO_TRANSCRIPT, y, &ly), 0);
	CHECK_EQ(lx, ly);
	CHECK(!memcmp(x, y, lx));
	/* host A's option, then host B's */
	CHECK_EQ(x[0], 69);
	CHECK(x[1] < lx);
	CHECK_EQ(x[x[1]], 69);
	CHECK_EQ(x[1] + x[x[1] + 1], lx);
	CHECK(memchr(x + 2, TEP_CURVE25519, x[1] - 2));
	CHECK(memchr(x + x[1] + 2, TEP_CURVE25519, x[x[1] + 1] - 2));
	ping_pair(p);
}

static struct tcp_crypt_info get_info(int fd)
{
	struct tcp_crypt_info info;
	socklen_t len = sizeof(info);

	memset(&info, 0xee, sizeof(info));
	CHECK_EQ(getsockopt(fd, IPPROTO_TCP, TCP_CRYPT_INFO, &info, &len), 0);
	CHECK_EQ(len, sizeof(info));
	return info;
}

static bool same_generation(int a, int b, unsigned int gen)
{
	struct tcp_crypt_info c = get_info(a), s = get_info(b);

	return c.tcci_tx_generation == gen && c.tcci_rx_generation == gen &&
	       s.tcci_tx_generation == gen && s.tcci_rx_generation == gen;
}

static void rekey(void)
{
	struct pair p = new_pair();
	char big[100] = {};
	unsigned int gen;
	int i;

	ping_pair(p);
	CHECK(same_generation(p.c, p.s, 0));
	CHECK_ERR(get_option(p.c, TCP_CRYPT_REKEY), ENOPROTOOPT);
	for (i = 0; i < 4; i++)
		CHECK_ERR(setsockopt(p.c, IPPROTO_TCP, TCP_CRYPT_REKEY, big,
				     i), EINVAL);
	CHECK_ERR(setsockopt(p.c, IPPROTO_TCP, TCP_CRYPT_REKEY, big,
			     sizeof(big)), EINVAL);
	for (gen = 1; gen < 10; gen++) {
		/* whatever the value */
		CHECK_EQ(set_option(gen & 1 ? p.c : p.s, TCP_CRYPT_REKEY,
				    gen - 5), 0);
		while (!same_generation(p.c, p.s, gen))
			usleep(1000);
		ping_pair(p);
	}
	CHECK_EQ(shutdown(p.c, SHUT_WR), 0);
	CHECK_ERR(set_option(p.c, TCP_CRYPT_REKEY, 0), EPIPE);
	check_eof(p.s);
	CHECK_EQ(set_option(p.s, TCP_CRYPT_REKEY, 0), 0);
	/* there will be no answer */
	CHECK_ERR(set_option(p.s, TCP_CRYPT_REKEY, 0), EALREADY);
	send_stream(p.s, 0, 1000, 100);
	recv_stream(p.c, 0, 1000, 1000);
}

static void info(void)
{
	struct pair p = new_pair();
	struct tcp_crypt_info c, s;
	unsigned char buf[300];
	socklen_t len;
	int i;

	send_stream(p.c, 0, 1000, 100);
	recv_stream(p.s, 0, 1000, 1000);
	send_stream(p.s, 0, 77, 77);
	recv_stream(p.c, 0, 77, 77);
	c = get_info(p.c);
	s = get_info(p.s);
	CHECK_EQ(c.tcci_state, TCP_CRYPT_OPEN);
	CHECK_EQ(c.tcci_tep, TEP_CURVE25519);
	CHECK_EQ(s.tcci_tep, TEP_CURVE25519);
	CHECK_EQ(c.tcci_role, 0);
	CHECK_EQ(s.tcci_role, 1);
	CHECK_EQ(c.tcci_flags, 0);
	CHECK_EQ(c.tcci_aead, AES_128_GCM);
	CHECK_EQ(s.tcci_aead, AES_128_GCM);
	CHECK_EQ(c.tcci_error, 0);
	CHECK_EQ(c.tcci_tx_bytes, 1000);
	CHECK_EQ(c.tcci_rx_bytes, 77);
	CHECK_EQ(s.tcci_tx_bytes, 77);
	CHECK_EQ(s.tcci_rx_bytes, 1000);
	CHECK_EQ(c.tcci_tx_frames, s.tcci_rx_frames);
	CHECK_EQ(s.tcci_tx_frames, c.tcci_rx_frames);
	CHECK_EQ(s.tcci_tx_frames, 1);
	CHECK_EQ(c.tcci_tx_offset, s.tcci_rx_offset);
	CHECK_EQ(s.tcci_tx_offset, c.tcci_rx_offset);
	CHECK(c.tcci_tx_offset > 1000 + c.tcci_tx_frames * 20);
	CHECK(memchr(c.tcci_driver, 0, sizeof(c.tcci_driver)));
	CHECK(strstr(c.tcci_driver, "gcm"));
	printf("# driver %s\n", c.tcci_driver);
	/* as long as there is room for, and no longer than it is */
	for (i = 0; i < (int)sizeof(c); i += 7) {
		memset(buf, 0xee, sizeof(buf));
		len = i;
		CHECK_EQ(getsockopt(p.c, IPPROTO_TCP, TCP_CRYPT_INFO, buf,
				    &len), 0);
		CHECK_EQ(len, i);
		CHECK(!memcmp(buf, &c, i));
		CHECK_EQ(buf[i], 0xee);
	}
	len = sizeof(buf);
	CHECK_EQ(getsockopt(p.c, IPPROTO_TCP, TCP_CRYPT_INFO, buf, &len), 0);
	CHECK_EQ(len, sizeof(c));
	len = -1;
	CHECK_ERR(getsockopt(p.c, IPPROTO_TCP, TCP_CRYPT_INFO, buf, &len),
		  EINVAL);
	/* still there when the connection is over */
	close(p.s);
	check_eof(p.c);
	CHECK_EQ(get_info(p.c).tcci_state, TCP_CRYPT_OPEN);
	get_sessid(p.c, buf);
	/* no two connections have the same */
	p = new_pair();
	get_sessid(p.c, buf + 40);
	CHECK(memcmp(buf, buf + 40, 33));
}

static void keying(void)
{
	int l = new_listener(), c = connect_to(l), s;
	unsigned char x[100], y[100];
	socklen_t len = sizeof(x);

	CHECK_ERR(get_option(c, TCP_ENO_SESSID), EINPROGRESS);
	CHECK_EQ(get_int(c, IPPROTO_TCP, TCP_ENO_NEGSPEC), TEP_CURVE25519);
	CHECK_EQ(get_int(c, IPPROTO_TCP, TCP_ENO_ROLE), 0);
	CHECK_EQ(getsockopt(c, IPPROTO_TCP, TCP_ENO_TRANSCRIPT, x, &len), 0);
	CHECK_EQ(get_info(c).tcci_state, TCP_CRYPT_KEYING);
	CHECK_EQ(get_info(c).tcci_aead, 0);
	s = do_accept(l);
	check_pair(c, s);
	CHECK_EQ(getsockopt(s, IPPROTO_TCP, TCP_ENO_TRANSCRIPT, y, &len), 0);
	CHECK(!memcmp(x, y, len));
}

static void failed(void)
{
	struct linger linger = { 1, 0 };
	struct pair p = new_pair();
	char buf[40];

	CHECK_EQ(setsockopt(p.s, SOL_SOCKET, SO_LINGER, &linger,
			    sizeof(linger)), 0);
	close(p.s);
	CHECK_ERR(recv(p.c, buf, 1, 0), ECONNRESET);
	get_sessid(p.c, (unsigned char *)buf);
	CHECK_EQ(get_int(p.c, IPPROTO_TCP, TCP_ENO_ROLE), 0);
}

/* TCP_ENO_ENABLED of the client */
static void client_settings(void)
{
	int l = new_listener(), e = excluded_listener(), i, c, s;

	for (i = -1; i <= 2; i++) {
		c = new_taken(A, i);
		CHECK_EQ(do_connect(c, B, port_of(l)), 0);
		s = do_accept(l);
		if (i) {
			check_pair(c, s);
			CHECK_EQ(get_int(c, IPPROTO_TCP, TCP_ENO_ENABLED), i);
			CHECK_ERR(set_option(c, TCP_ENO_ENABLED, i), EISCONN);
			ping_pair((struct pair) { c, s });
		} else {
			check_plain(c, s);
			check_untouched(s);
		}
		close_pair((struct pair) { c, s });
	}
	for (i = -1; i <= 1; i++) {
		c = new_taken(A, i);
		CHECK_EQ(do_connect(c, B, PLAIN_PORT), 0);
		s = do_accept(e);
		check_plain(c, s);
		check_untouched(s);
		close_pair((struct pair) { c, s });
	}
}

static void listener_settings(void)
{
	int i, l, c, s;

	for (i = -1; i <= 2; i++) {
		l = new_taken_listener(i, 0);
		check_untouched(l);
		c = connect_to(l);
		s = do_accept(l);
		if (i) {
			check_pair(c, s);
			CHECK_EQ(get_int(s, IPPROTO_TCP, TCP_ENO_ENABLED), i);
			CHECK_EQ(get_int(c, IPPROTO_TCP, TCP_ENO_ENABLED), -1);
		} else {
			check_untouched(c);
			check_untouched(s);
		}
		ping_pair((struct pair) { c, s });
		close_pair((struct pair) { c, s });
		close(l);
	}
	/* an application's wish counts for more than the port */
	l = new_taken_listener(1, PLAIN_PORT);
	c = new_taken(A, 1);
	CHECK_EQ(do_connect(c, B, PLAIN_PORT), 0);
	s = do_accept(l);
	check_pair(c, s);
	close_pair((struct pair) { c, s });
	close(l);
}

static const char secret[] = "Nobody-else-may-read-this";

/* The listener insists, the client offers nothing. */
static void required_listener(void)
{
	int l = new_taken_listener(2, 0), c = new_taken(A, 0), tap, s;
	struct tap_sum sum;
	char x;

	tap = tap_open();
	set_nonblock(l, true);
	set_timeout(c, SO_RCVTIMEO, 5000);
	if (!do_connect(c, B, port_of(l))) {
		send(c, "x", 1, 0);
		s = accept(l, NULL, NULL);
		if (s >= 0)
			send(s, secret, sizeof(secret), 0);
		CHECK(recv(c, &x, 1, 0) < 0);
		if (s >= 0)
			CHECK_ERR(recv(s, &x, 1, 0), ECONNABORTED);
	}
	CHECK(errno == ECONNRESET || errno == ECONNREFUSED ||
	      errno == ECONNABORTED);
	sum = tap_read(tap, secret);
	CHECK(!sum.marked);
	/* others are served */
	set_nonblock(l, false);
	c = connect_to(l);
	s = do_accept(l);
	check_pair(c, s);
}

/* The client insists, the peer has no ENO. */
static void required_client(void)
{
	int e = excluded_listener(), l = new_listener(), c, tap, s;
	struct tap_sum sum;
	char x;

	set_nonblock(e, true);
	tap = tap_open();
	c = new_taken(A, 2);
	CHECK_ERR(do_connect(c, B, PLAIN_PORT), ECONNABORTED);
	CHECK_ERR(send(c, secret, sizeof(secret), 0), EPIPE);
	CHECK(recv(c, &x, 1, MSG_DONTWAIT) <= 0);
	close(c);
	/* poll() learns of it, too */
	c = new_taken(A, 2);
	set_nonblock(c, true);
	CHECK_ERR(do_connect(c, B, PLAIN_PORT), EINPROGRESS);
	CHECK(poll_wait(c, POLLOUT) & POLLERR);
	CHECK_EQ(get_int(c, SOL_SOCKET, SO_ERROR), ECONNABORTED);
	CHECK_ERR(send(c, secret, sizeof(secret), 0), EPIPE);
	if (get_option(c, TCP_CRYPT_INFO)) {
		CHECK_EQ(errno, ENOTCONN);
	} else {
		CHECK_EQ(get_info(c).tcci_state, TCP_CRYPT_FAILED);
		CHECK_EQ(get_info(c).tcci_error, ECONNABORTED);
	}
	close(c);
	/* sent at once, before or after the answer */
	c = new_taken(A, 2);
	set_nonblock(c, true);
	CHECK_ERR(do_connect(c, B, PLAIN_PORT), EINPROGRESS);
	CHECK(send(c, secret, sizeof(secret), 0) < 0);
	nap(100);
	CHECK(send(c, secret, sizeof(secret), 0) < 0);
	close(c);
	s = accept(e, NULL, NULL);
	if (s >= 0)
		CHECK(recv(s, &x, 1, MSG_DONTWAIT) < 0);
	sum = tap_read(tap, secret);
	CHECK(sum.packets > 0);
	CHECK(!sum.marked);
	CHECK_EQ(sum.payload, 0);
	/* nobody listens: an ordinary error, and the socket is as before */
	c = new_taken(A, 2);
	CHECK_ERR(do_connect(c, B, 1), ECONNREFUSED);
	check_unreadable(c, ENOTCONN);
	CHECK_EQ(set_option(c, TCP_ENO_ENABLED, 2), 0);
	CHECK_EQ(do_connect(c, B, port_of(l)), 0);
	s = do_accept(l);
	check_pair(c, s);
}

/* The same socket once more after it was refused. */
static void required_again(void)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int e = excluded_listener(), l = new_listener(), c, tap, s;
	struct tap_sum sum;

	tap = tap_open();
	c = new_taken(A, 2);
	CHECK_ERR(do_connect(c, B, PLAIN_PORT), ECONNABORTED);
	connect(c, &none, sizeof(none));
	/* what was asked for is not forgotten */
	CHECK(do_connect(c, B, PLAIN_PORT));
	CHECK(send(c, secret, sizeof(secret), 0) < 0);
	close(c);
	close(e);
	c = new_taken(A, 2);
	CHECK_EQ(do_connect(c, B, port_of(l)), 0);
	s = do_accept(l);
	check_pair(c, s);
	/* disconnected: plain again for the next connect(), or still taken */
	CHECK_EQ(connect(c, &none, sizeof(none)), 0);
	close(s);
	e = excluded_listener();
	if (!do_connect(c, B, PLAIN_PORT))
		check_untouched(c);
	sum = tap_read(tap, secret);
	CHECK(!sum.marked);
}

/* Over lo the default is off; who asks gets it. */
static void loopback(void)
{
	int l = new_taken_listener(1, 0), c, s;

	c = new_taken(B, 1);
	CHECK_EQ(do_connect(c, B, port_of(l)), 0);
	s = do_accept(l);
	check_pair(c, s);
	ping_pair((struct pair) { c, s });
	c = new_socket(B);
	CHECK_EQ(do_connect(c, B, port_of(l)), 0);
	s = do_accept(l);
	check_untouched(c);
	check_untouched(s);
	ping_pair((struct pair) { c, s });
}

/* Fast Open's data would leave before anything was agreed. */
static void fast_open(void)
{
	int l = new_listener(), c = new_socket(A), s;
	struct sockaddr_storage to;
	socklen_t len;

	new_pair();
	CHECK_EQ(set_option(c, TCP_FASTOPEN_CONNECT, 1), 0);
	CHECK_EQ(do_connect(c, B, port_of(l)), 0);
	CHECK_EQ(send(c, "ping", 4, 0), 4);
	s = do_accept(l);
	CHECK_EQ(recv(s, (char[4]) {}, 4, MSG_WAITALL), 4);
	ping_pair((struct pair) { c, s });
	check_untouched(c);
	check_untouched(s);
	close_pair((struct pair) { c, s });
	/* and with sendto() */
	c = new_socket(A);
	len = address(&to, B, port_of(l));
	CHECK_EQ(sendto(c, "ping", 4, MSG_FASTOPEN, (struct sockaddr *)&to,
			len), 4);
	s = do_accept(l);
	CHECK_EQ(recv(s, (char[4]) {}, 4, MSG_WAITALL), 4);
	ping_pair((struct pair) { c, s });
	check_untouched(s);
}

/* TCP_ULP "tls" of an application that does its own. */
static void tls_first(void)
{
	int l = new_listener(), c = connect_to(l), s = do_accept(l);

	CHECK_ERR(take(c, "tls"), EEXIST);
	CHECK_ERR(take(s, "tls"), EEXIST);
	check_pair(c, s);
	close_pair((struct pair) { c, s });
	close(l);
	l = excluded_listener();
	c = connect_to(l);
	s = do_accept(l);
	CHECK_EQ(take(c, "tls"), 0);
	check_untouched(c);
	ping_pair((struct pair) { c, s });
}

static void no_tcp(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), value, l, s;
	socklen_t len = sizeof(value);

	CHECK(fd >= 0);
	CHECK(getsockopt(fd, IPPROTO_TCP, TCP_ENO_ENABLED, &value, &len) < 0);
	CHECK(take(fd, "tcpcrypt") < 0);
	close(fd);
	enter(A);
	fd = socket(family(), SOCK_STREAM, 262 /* IPPROTO_MPTCP */);
	if (fd >= 0) {
		l = new_listener();
		CHECK_EQ(do_connect(fd, B, port_of(l)), 0);
		s = do_accept(l);
		ping_pair((struct pair) { fd, s });
		check_untouched(s);
		close_pair((struct pair) { fd, s });
	}
	new_pair();
}

#define CASE(fn, variants)	{ #fn, fn, variants }
#define ENCRYPTED		(V4 | V6 | MAPPED)

static const struct ktap_case cases[] = {
	CASE(numbers, V4),
	CASE(untouched, ENCRYPTED),
	CASE(taken, ENCRYPTED),
	CASE(encrypted, ENCRYPTED),
	CASE(rekey, ENCRYPTED),
	CASE(info, ENCRYPTED),
	CASE(keying, ENCRYPTED),
	CASE(failed, V4),
	CASE(client_settings, ENCRYPTED),
	CASE(listener_settings, ENCRYPTED),
	CASE(required_listener, ENCRYPTED),
	CASE(required_client, ENCRYPTED),
	CASE(required_again, V4),
	CASE(loopback, ENCRYPTED),
	CASE(fast_open, V4 | V6),
	CASE(tls_first, V4),
	CASE(no_tcp, V4),
	{ }
};

int main(int argc, char **argv)
{
	return ktap_main(argc, argv, cases, variant_names, before, after);
}
