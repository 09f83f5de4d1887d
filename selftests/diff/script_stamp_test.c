// SPDX-License-Identifier: GPL-2.0
/*
 * Control messages and the error queue: timestamps of received and of sent
 * data, TCP_INQ, completions of MSG_ZEROCOPY. Runs in the guest.
 *
 *	sock.sh diff/script_stamp_test
 */

#define _GNU_SOURCE
#include "script.h"

/* --- received data -------------------------------------------------------- */

static struct timespec last_stamp;

static bool stamp_ok(long long sec, long long nsec)
{
	bool later = sec > last_stamp.tv_sec ||
		     (sec == last_stamp.tv_sec && nsec >= last_stamp.tv_nsec);
	struct timespec ts;

	last_stamp.tv_sec = sec;
	last_stamp.tv_nsec = nsec;
	clock_gettime(CLOCK_REALTIME, &ts);
	/* microseconds are cut */
	return later && sec <= ts.tv_sec && sec > ts.tv_sec - 60;
}

/* What a control message says, without what depends on time. */
static const char *cmsg_text(struct cmsghdr *c)
{
	static char text[100];
	long long t[6] = {};
	int *v = (int *)CMSG_DATA(c);
	size_t len = c->cmsg_len - CMSG_LEN(0);

	if (c->cmsg_level == SOL_TCP && c->cmsg_type == TCP_CM_INQ) {
		snprintf(text, sizeof(text), "inq %d", *v);
		return text;
	}
	if (c->cmsg_level != SOL_SOCKET || len < 16 || len > sizeof(t)) {
		snprintf(text, sizeof(text), "%d/%d/%zu", c->cmsg_level,
			 c->cmsg_type, len);
		return text;
	}
	memcpy(t, v, len);
	if (c->cmsg_type == SO_TIMESTAMP_OLD ||
	    c->cmsg_type == SO_TIMESTAMP_NEW)
		t[1] = t[1] * 1000 + 999;
	snprintf(text, sizeof(text), "stamp %d/%zu %s %d %d", c->cmsg_type,
		 len, !t[0] ? "none" : stamp_ok(t[0], t[1]) ? "good" : "bad",
		 !!t[2], !!t[4]);
	return text;
}

static void rec_recvmsg(struct diff *d, int fd, size_t len, size_t room,
			int flags)
{
	char buf[2000], control[300] = {};
	struct iovec v = { buf, len };
	struct msghdr msg = {
		.msg_iov = &v, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = room,
	};
	struct cmsghdr *c;

	CHECK(len <= sizeof(buf) && room <= sizeof(control));
	diff_ret(d, "recvmsg", recvmsg(fd, &msg, flags));
	diff_rec(d, "flags", "%#x", msg.msg_flags);
	diff_rec(d, "controllen", "%zu", msg.msg_controllen);
	for (c = CMSG_FIRSTHDR(&msg); c && c->cmsg_len >= sizeof(*c);
	     c = CMSG_NXTHDR(&msg, c))
		diff_rec(d, "cmsg", "%s", cmsg_text(c));
}

static void send_settled(struct diff *d, struct pair p, size_t len)
{
	int have = diff_ioctl(p.s, SIOCINQ);

	diff_ret(d, "send", send(p.c, diff_bytes(0), len, 0));
	CHECK(diff_settle(p.s, have + len));
}

static void rx_sequence(struct diff *d, struct pair p)
{
	send_settled(d, p, 100);
	rec_recvmsg(d, p.s, 100, 300, MSG_PEEK);
	rec_recvmsg(d, p.s, 40, 300, 0);
	rec_recvmsg(d, p.s, 60, 300, MSG_TRUNC);
	rec_recvmsg(d, p.s, 60, 300, MSG_DONTWAIT);
	send_settled(d, p, 100);
	send_settled(d, p, 1500);
	rec_recvmsg(d, p.s, 1600, 300, 0);
	/* too little room for control messages */
	send_settled(d, p, 50);
	rec_recvmsg(d, p.s, 10, 16, 0);
	rec_recvmsg(d, p.s, 10, 24, 0);
	rec_recvmsg(d, p.s, 10, 40, 0);
	rec_recvmsg(d, p.s, 10, 0, 0);
	rec_recvmsg(d, p.s, 0, 300, 0);
	rec_recvmsg(d, p.s, 10, 300, MSG_WAITALL);
	diff_ret(d, "close", close(p.c));
	CHECK(until_fin(p.s));
	rec_recvmsg(d, p.s, 10, 300, 0);
}

/*
 * The stack begins to look at its clock some time after the first socket asks
 * for it. One that goes on asking, and has been heard; none of ours.
 */
static void stamping(void)
{
	static const struct sockaddr_in any = {
		.sin_family = AF_INET, .sin_addr.s_addr = 0x0100007f,
	};
	struct sockaddr_in to;
	socklen_t len = sizeof(to);
	char control[100], byte;
	struct iovec v = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
	};
	int l, c, s;

	enter(A);
	l = socket(AF_INET, SOCK_STREAM, 0);
	c = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_EQ(bind(l, (struct sockaddr *)&any, sizeof(any)), 0);
	CHECK_EQ(listen(l, 1), 0);
	CHECK_EQ(getsockname(l, (struct sockaddr *)&to, &len), 0);
	CHECK_EQ(connect(c, (struct sockaddr *)&to, len), 0);
	s = do_accept(l);
	close(l);
	set_int(s, SOL_SOCKET, SO_TIMESTAMP_OLD, 1);
	do {
		nap(1);
		CHECK_EQ(send(c, "x", 1, 0), 1);
		msg.msg_controllen = sizeof(control);
		CHECK_EQ(recvmsg(s, &msg, 0), 1);
	} while (!CMSG_FIRSTHDR(&msg));
}

static void rx_with(struct diff *d, int name, int value, int name2, int value2)
{
	struct pair p = diff_pair(d);

	stamping();
	diff_ret(d, "set", setsockopt(p.s, SOL_SOCKET, name, &value,
				      sizeof(value)));
	if (name2)
		diff_ret(d, "set", setsockopt(p.s, SOL_SOCKET, name2, &value2,
					      sizeof(value2)));
	rx_sequence(d, p);
}

static void rx_timestamp(struct diff *d)
{
	rx_with(d, SO_TIMESTAMP_OLD, 1, 0, 0);
	rx_with(d, SO_TIMESTAMP_NEW, 1, 0, 0);
}

static void rx_timestampns(struct diff *d)
{
	rx_with(d, SO_TIMESTAMPNS_OLD, 1, 0, 0);
	rx_with(d, SO_TIMESTAMPNS_NEW, 1, 0, 0);
}

#define RX_SOFT	(SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE)

static void rx_timestamping(struct diff *d)
{
	rx_with(d, SO_TIMESTAMPING_OLD, RX_SOFT, 0, 0);
	rx_with(d, SO_TIMESTAMPING_NEW, RX_SOFT, 0, 0);
	/* received, but not to be told; and a device that has no clock */
	rx_with(d, SO_TIMESTAMPING_OLD, SOF_TIMESTAMPING_RX_SOFTWARE, 0, 0);
	rx_with(d, SO_TIMESTAMPING_OLD, SOF_TIMESTAMPING_RX_HARDWARE |
		SOF_TIMESTAMPING_RAW_HARDWARE, 0, 0);
}

static void rx_combined(struct diff *d)
{
	rx_with(d, SO_TIMESTAMP_OLD, 1, SO_TIMESTAMPING_OLD, RX_SOFT);
	rx_with(d, SO_TIMESTAMPNS_OLD, 1, SO_TIMESTAMPING_OLD, RX_SOFT);
	rx_with(d, SO_TIMESTAMPNS_NEW, 1, SO_TIMESTAMPING_NEW, RX_SOFT);
	rx_with(d, SO_TIMESTAMP_OLD, 1, SO_TIMESTAMP_OLD, 0);
}

/* Large calls: one stamp for what one recvmsg() returns, the last one. */
static void rx_bulk(struct diff *d)
{
	struct pair p = diff_pair(d);
	struct timespec sent;
	struct cmsghdr *c;
	char control[300];
	struct msghdr msg = { .msg_control = control };
	int i, n;

	stamping();
	set_int(p.s, SOL_SOCKET, SO_TIMESTAMPNS_OLD, 1);
	for (i = 0; i < 5; i++) {
		char buf[30000];
		struct iovec v = { buf, sizeof(buf) };

		msg.msg_iov = &v;
		msg.msg_iovlen = 1;
		msg.msg_controllen = sizeof(control);
		diff_ret(d, "send", send(p.c, diff_bytes(0), 20000, 0));
		CHECK(diff_settle(p.s, 20000));
		clock_gettime(CLOCK_REALTIME, &sent);
		nap(3);
		diff_ret(d, "send", send(p.c, diff_bytes(20000), 10000, 0));
		CHECK(diff_settle(p.s, 30000));
		n = diff_ret(d, "recv", recvmsg(p.s, &msg, 0));
		diff_rec(d, "data", "%s", diff_data(buf, 0, n));
		c = CMSG_FIRSTHDR(&msg);
		if (!c)
			continue;
		diff_rec(d, "stamp", "%s", cmsg_text(c));
		diff_rec(d, "of the last", "%d",
			 last_stamp.tv_sec > sent.tv_sec ||
			 (last_stamp.tv_sec == sent.tv_sec &&
			  last_stamp.tv_nsec > sent.tv_nsec));
	}
}

static void inq_values(struct diff *d)
{
	struct pair p = diff_pair(d);

	set_int(p.s, IPPROTO_TCP, TCP_INQ, 1);
	diff_rec(d, "get", "%d", get_int(p.s, IPPROTO_TCP, TCP_INQ));
	rx_sequence(d, p);
	p = diff_pair(d);
	stamping();
	set_int(p.s, IPPROTO_TCP, TCP_INQ, 1);
	set_int(p.s, SOL_SOCKET, SO_TIMESTAMPNS_OLD, 1);
	rx_sequence(d, p);
}

/* The end of the stream counts one byte, when it is known. */
static void inq_at_end(struct diff *d)
{
	struct pair p = diff_pair(d);

	set_int(p.s, IPPROTO_TCP, TCP_INQ, 1);
	send_settled(d, p, 100);
	diff_ret(d, "shutdown", shutdown(p.c, SHUT_WR));
	CHECK(until_fin(p.s));
	rec_recvmsg(d, p.s, 99, 300, 0);
	rec_recvmsg(d, p.s, 99, 300, 0);
	rec_recvmsg(d, p.s, 99, 300, 0);
	diff_rec(d, "FIONREAD", "%d", diff_ioctl(p.s, SIOCINQ));
}

/* --- the error queue ------------------------------------------------------ */

static const char *err_text(struct cmsghdr *c)
{
	struct sock_extended_err *e = (void *)CMSG_DATA(c);
	static char text[100];

	if (c->cmsg_level == SOL_SOCKET &&
	    c->cmsg_type == SCM_TIMESTAMPING_OPT_STATS) {
		snprintf(text, sizeof(text), "stats");
		return text;
	}
	if (c->cmsg_level != SOL_IP || c->cmsg_type != IP_RECVERR)
		return cmsg_text(c);
	snprintf(text, sizeof(text), "%s origin %d type %d code %d info %u data %u",
		 diff_errno(e->ee_errno), e->ee_origin, e->ee_type, e->ee_code,
		 e->ee_info, e->ee_data);
	return text;
}

/* One message of the error queue. Return: false if there is none. */
static bool rec_err(struct diff *d, int fd, bool has_data)
{
	char buf[4000], control[500];
	struct iovec v = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &v, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	long n = recvmsg(fd, &msg, MSG_ERRQUEUE);

	if (n < 0) {
		diff_ret(d, "errqueue", n);
		return false;
	}
	if (!has_data)
		diff_ret(d, "errqueue", n);
	diff_rec(d, "flags", "%#x", msg.msg_flags);
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
		diff_rec(d, "err", "%s", err_text(c));
	return true;
}

/* Until so many messages were read, or none has come for long. */
static void rec_errs(struct diff *d, int fd, int count, bool has_data)
{
	for (; count; count--) {
		if (!DIFF_UNTIL(poll_now(fd, 0) & POLLERR, 1000))
			break;
		rec_err(d, fd, has_data);
	}
	diff_rec(d, "POLLERR", "%d", !!(poll_now(fd, 0) & POLLERR));
	rec_err(d, fd, has_data);
}

#define TX_SOFT	(SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_TX_SOFTWARE | \
		 SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_ACK)
#define TX_ID	(SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY)

static void empty_errqueue(struct diff *d)
{
	struct pair p = diff_pair(d);

	rec_err(d, p.c, false);
	rec_events(d, "events", p.c);
	set_int(p.c, SOL_SOCKET, SO_TIMESTAMPING_OLD, TX_SOFT | TX_ID);
	rec_err(d, p.c, false);
	rec_err(d, p.s, false);
}

/* One call at a time, each stamp awaited. */
static void tx_calls(struct diff *d)
{
	static const int sizes[] = { 1, 100, 1000, 20000, 1, 70000, 3 };
	struct pair p = diff_pair(d);
	unsigned int i;

	set_int(p.c, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(p.c, SOL_SOCKET, SO_TIMESTAMPING_OLD, TX_SOFT | TX_ID);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		diff_ret(d, "send", send(p.c, diff_bytes(0), sizes[i], 0));
		CHECK(diff_settle(p.s, sizes[i]));
		drain(p.s);
		rec_errs(d, p.c, 3, false);
	}
	rec_error(d, "SO_ERROR", p.c);
}

/* Stamps that are named from the middle on, twice. */
static void tx_later(struct diff *d)
{
	struct pair p = diff_pair(d);
	int i;

	set_int(p.c, IPPROTO_TCP, TCP_NODELAY, 1);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 5000, 0));
	CHECK(diff_settle(p.s, 5000));
	CHECK(diff_acked(p.c));
	for (i = 0; i < 2; i++) {
		set_int(p.c, SOL_SOCKET, SO_TIMESTAMPING_OLD, TX_SOFT |
			SOF_TIMESTAMPING_OPT_TSONLY);
		diff_ret(d, "send", send(p.c, diff_bytes(0), 300, 0));
		rec_errs(d, p.c, 3, false);
		set_int(p.c, SOL_SOCKET, SO_TIMESTAMPING_OLD, TX_SOFT | TX_ID);
		diff_ret(d, "send", send(p.c, diff_bytes(0), 200, 0));
		rec_errs(d, p.c, 3, false);
	}
	drain(p.s);
}

/* Stamps for some calls only, by a control message. */
static long send_stamped(int fd, size_t len, int tsflags)
{
	struct iovec v = { (void *)diff_bytes(0), len };
	char control[CMSG_SPACE(4)] = {};
	struct msghdr msg = {
		.msg_iov = &v, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SO_TIMESTAMPING_OLD;
	c->cmsg_len = CMSG_LEN(4);
	memcpy(CMSG_DATA(c), &tsflags, 4);
	return sendmsg(fd, &msg, 0);
}

static void tx_by_message(struct diff *d)
{
	struct pair p = diff_pair(d);

	set_int(p.c, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(p.c, SOL_SOCKET, SO_TIMESTAMPING_OLD,
		SOF_TIMESTAMPING_SOFTWARE | TX_ID);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 100, 0));
	CHECK(diff_settle(p.s, 100));
	diff_ret(d, "sendmsg", send_stamped(p.c, 30,
					    SOF_TIMESTAMPING_TX_ACK));
	rec_errs(d, p.c, 1, false);
	diff_ret(d, "sendmsg", send_stamped(p.c, 40,
					    SOF_TIMESTAMPING_TX_SOFTWARE));
	rec_errs(d, p.c, 1, false);
	diff_ret(d, "sendmsg", send_stamped(p.c, 50, 0));
	diff_ret(d, "send", send(p.c, diff_bytes(0), 60, 0));
	diff_ret(d, "sendmsg", send_stamped(p.c, 20000,
					    SOF_TIMESTAMPING_TX_SCHED));
	rec_errs(d, p.c, 1, false);
	diff_ret(d, "bad", send_stamped(p.c, 10, SOF_TIMESTAMPING_OPT_ID));
	CHECK(diff_settle(p.s, 100 + 30 + 40 + 50 + 60 + 20000));
}

/* The data comes back, as TCP sent it: its contents are another matter. */
static void tx_with_data(struct diff *d)
{
	struct pair p = diff_pair(d);

	set_int(p.c, SOL_SOCKET, SO_TIMESTAMPING_OLD,
		TX_SOFT | SOF_TIMESTAMPING_OPT_ID);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 100, 0));
	rec_errs(d, p.c, 3, true);
}

static void tx_stats(struct diff *d)
{
	struct pair p = diff_pair(d);

	set_int(p.c, SOL_SOCKET, SO_TIMESTAMPING_OLD,
		TX_SOFT | TX_ID | SOF_TIMESTAMPING_OPT_STATS |
		SOF_TIMESTAMPING_OPT_CMSG);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 100, 0));
	rec_errs(d, p.c, 3, true);
}

/* Which bytes were acknowledged, of many calls that TCP may join. */
static void tx_many(struct diff *d)
{
	struct pair p = diff_pair(d);
	unsigned int max = 0, id, i, errs = 0, odd = 0;
	char control[500];
	struct msghdr msg = { .msg_control = control };
	struct cmsghdr *c;

	set_int(p.c, SOL_SOCKET, SO_TIMESTAMPING_OLD,
		SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_TX_ACK | TX_ID);
	for (i = 0; i < 300; i++)
		CHECK_EQ(send(p.c, diff_bytes(0), 100, 0), 100);
	CHECK(diff_settle(p.s, 30000));
	CHECK(diff_acked(p.c));
	for (;;) {
		msg.msg_controllen = sizeof(control);
		if (recvmsg(p.c, &msg, MSG_ERRQUEUE) < 0)
			break;
		for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
			if (c->cmsg_level != SOL_IP)
				continue;
			id = ((struct sock_extended_err *)CMSG_DATA(c))->ee_data;
			errs++;
			/* calls end at each 100th byte */
			if (id % 100 != 99 || (errs > 1 && id <= max))
				odd++;
			max = id;
		}
	}
	diff_rec(d, "last", "%u", max);
	diff_rec(d, "odd", "%u", odd);
	diff_rec(d, "some", "%d", errs > 0 && errs <= 300);
}

/* More than TCP has room for: stamped when the call ends. */
static void tx_blocked(struct diff *d)
{
	struct pair p = small_pair(d);
	struct call c = { .fn = call_send, .fd = p.c, .len = 300000 };

	set_int(p.c, SOL_SOCKET, SO_TIMESTAMPING_OLD,
		SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_TX_ACK | TX_ID);
	call_start(d, &c, "send");
	call_asleep(&c);
	diff_rec(d, "read", "%zu", drain(p.s));
	call_end(&c);
	rec_errs(d, p.c, 1, false);
}

static void tx_peer_closes(struct diff *d)
{
	struct pair p = diff_pair(d);

	set_int(p.c, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(p.c, SOL_SOCKET, SO_TIMESTAMPING_OLD, TX_SOFT | TX_ID);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 100, 0));
	CHECK(diff_settle(p.s, 100));
	CHECK(diff_acked(p.c));
	drain(p.s);
	close(p.s);
	CHECK(until_fin(p.c));
	rec_events(d, "events", p.c);
	rec_errs(d, p.c, 3, false);
	rec_events(d, "events", p.c);
	diff_ret(d, "shutdown", shutdown(p.c, SHUT_WR));
	/* TCP's FIN is not stamped, nor is what goes with it */
	CHECK(DIFF_UNTIL(diff_tcp_state(p.c) == TCP_CLOSE, 5000));
	rec_err(d, p.c, false);
	rec_events(d, "events", p.c);
}

/* --- MSG_ZEROCOPY --------------------------------------------------------- */

/*
 * Completions until so many calls are done. Code: copied or not. Return: how
 * many are.
 */
static int completions(struct diff *d, int fd, unsigned int calls)
{
	int level = family() == AF_INET6 ? SOL_IPV6 : SOL_IP;
	char control[500];
	struct msghdr msg = {};
	struct sock_extended_err e;
	struct cmsghdr *c;
	unsigned int next = 0;

	while (next < calls) {
		if (!DIFF_UNTIL(poll_now(fd, 0) & POLLERR, 3000))
			break;
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		if (recvmsg(fd, &msg, MSG_ERRQUEUE) < 0)
			break;
		c = CMSG_FIRSTHDR(&msg);
		if (!c) {
			diff_rec(d, "completion", "without cmsg");
			break;
		}
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		if (c->cmsg_level != level || e.ee_info != next)
			diff_rec(d, "completion", "%d/%d %u-%u, expected %u",
				 c->cmsg_level, c->cmsg_type, e.ee_info,
				 e.ee_data, next);
		if (!next)
			diff_rec(d, "completion", "%d %d %d %d flags %#x",
				 e.ee_errno, e.ee_origin, e.ee_type, e.ee_code,
				 msg.msg_flags);
		next = e.ee_data + 1;
	}
	return next;
}

static void rec_completions(struct diff *d, int fd, unsigned int calls)
{
	diff_rec(d, "completed", "%u", completions(d, fd, calls));
	diff_rec(d, "POLLERR", "%d", !!(poll_now(fd, 0) & POLLERR));
	rec_err(d, fd, false);
}

static void zerocopy_calls(struct diff *d)
{
	struct pair p = diff_pair(d);
	int i, n;

	diff_ret(d, "without", send(p.c, diff_bytes(0), 100, MSG_ZEROCOPY));
	diff_ret(d, "set", setsockopt(p.c, SOL_SOCKET, SO_ZEROCOPY,
				      &(int) { 1 }, 4));
	diff_rec(d, "get", "%d", get_int(p.c, SOL_SOCKET, SO_ZEROCOPY));
	rec_err(d, p.c, false);
	for (i = 0; i < 3; i++) {
		diff_ret(d, "send", send(p.c, diff_bytes(0), 10000,
					 MSG_ZEROCOPY));
		drain(p.s);
		rec_completions(d, p.c, 1);
	}
	diff_ret(d, "nothing", send(p.c, diff_bytes(0), 0, MSG_ZEROCOPY));
	rec_err(d, p.c, false);
	/* several before anything is read from the queue: they are joined */
	for (i = n = 0; i < 10; i++)
		n += send(p.c, diff_bytes(0), 3000, MSG_ZEROCOPY) == 3000;
	diff_rec(d, "sent", "%d", n);
	drain(p.s);
	rec_error(d, "SO_ERROR", p.c);
}

static void zerocopy_ranges(struct diff *d)
{
	struct pair p = diff_pair(d);
	int i, n;

	set_int(p.c, SOL_SOCKET, SO_ZEROCOPY, 1);
	for (i = n = 0; i < 20; i++)
		n += send(p.c, diff_bytes(0), 1 + i * 700, MSG_ZEROCOPY) > 0;
	drain(p.s);
	diff_rec(d, "sent", "%d", n);
	rec_completions(d, p.c, 20);
}

static void zerocopy_fails(struct diff *d)
{
	struct pair p = diff_pair(d);

	set_int(p.c, SOL_SOCKET, SO_ZEROCOPY, 1);
	diff_ret(d, "bad pointer", send(p.c, (void *)8, 1000, MSG_ZEROCOPY));
	diff_ret(d, "send", send(p.c, diff_bytes(0), 1000, MSG_ZEROCOPY));
	drain(p.s);
	rec_completions(d, p.c, 1);
	diff_ret(d, "shutdown", shutdown(p.c, SHUT_WR));
	diff_ret(d, "send", send(p.c, diff_bytes(0), 1000, MSG_ZEROCOPY));
	rec_err(d, p.c, false);
}

/* Charges for what is not acknowledged yet are limited by optmem_max. */
static void zerocopy_no_room(struct diff *d)
{
	struct pair p = small_pair(d);
	int i, n;

	set_int(p.c, SOL_SOCKET, SO_ZEROCOPY, 1);
	fill(p.c);
	diff_ret(d, "full", send(p.c, diff_bytes(0), 1000,
				 MSG_ZEROCOPY | MSG_DONTWAIT));
	rec_err(d, p.c, false);
	drain(p.s);
	/* as long as there is room; each that succeeded is completed */
	for (i = n = 0; i < 2000; i++) {
		if (send(p.c, diff_bytes(0), 1, MSG_ZEROCOPY | MSG_DONTWAIT)
		    < 1)
			break;
		n++;
	}
	diff_rec(d, "some", "%d", n > 10);
	drain(p.s);
	diff_rec(d, "all of them", "%d", completions(d, p.c, n) == n);
}

static void zerocopy_peer_closes(struct diff *d)
{
	struct pair p = diff_pair(d);

	set_int(p.c, SOL_SOCKET, SO_ZEROCOPY, 1);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 5000, MSG_ZEROCOPY));
	CHECK(diff_settle(p.s, 5000));
	drain(p.s);
	close(p.s);
	CHECK(until_fin(p.c));
	rec_events(d, "events", p.c);
	rec_completions(d, p.c, 1);
	p = diff_pair(d);
	set_int(p.c, SOL_SOCKET, SO_ZEROCOPY, 1);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 5000, MSG_ZEROCOPY));
	CHECK(diff_settle(p.s, 5000));
	reset(p.s);
	CHECK(diff_until_state(p.c, TCP_CLOSE));
	rec_completions(d, p.c, 1);
	rec_error(d, "SO_ERROR", p.c);
	rec_error(d, "SO_ERROR", p.c);
}

static const struct diff_scenario table[] = {
	{ "rx_timestamp", rx_timestamp, 0, 0 },
	{ "rx_timestampns", rx_timestampns, 0, 0 },
	{ "rx_timestamping", rx_timestamping, 0, 0 },
	{ "rx_combined", rx_combined, 0, 0 },
	{ "rx_bulk", rx_bulk, 0, 0 },
	{ "inq_values", inq_values, 0, 0 },
	{ "inq_at_end", inq_at_end, 0, 0 },
	{ "empty_errqueue", empty_errqueue, 0, 0 },
	{ "tx_calls", tx_calls, 0, 0 },
	{ "tx_later", tx_later, 0, 0 },
	{ "tx_by_message", tx_by_message, 0, 0 },
	{ "tx_with_data", tx_with_data, 0, 0 },
	{ "tx_stats", tx_stats, 0, 0 },
	{ "tx_many", tx_many, 0, 0 },
	{ "tx_blocked", tx_blocked, 0, 0 },
	{ "tx_peer_closes", tx_peer_closes, 0, 0 },
	{ "zerocopy_calls", zerocopy_calls, 0, 0 },
	{ "zerocopy_ranges", zerocopy_ranges, 0, 0 },
	{ "zerocopy_fails", zerocopy_fails, 0, 0 },
	{ "zerocopy_no_room", zerocopy_no_room, 0, 0 },
	{ "zerocopy_peer_closes", zerocopy_peer_closes, 0, 0 },
	{ }
};

int main(int argc, char **argv)
{
	return diff_main(argc, argv, table);
}
