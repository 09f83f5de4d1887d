/* SPDX-License-Identifier: GPL-2.0 */
/* Random operations that move data. */
#ifndef _DIFF_RANDOM_IO_H
#define _DIFF_RANDOM_IO_H

#include "random.h"

#define VECS	8

/* Cuts len bytes at base into count pieces, some of them empty. */
static void cut(struct world *w, struct iovec *v, int count,
		const void *base, int len)
{
	char *at = (char *)base;
	int i, n;

	for (i = 0; i < count; i++) {
		n = i == count - 1 ? len : chance(w, 25) ? 0 :
		    (int)pick(w, len + 1);
		v[i].iov_base = at;
		v[i].iov_len = n;
		at += n;
		len -= n;
	}
}

/* --- sending -------------------------------------------------------------- */

static int send_flags(struct world *w)
{
	static const struct {
		int flag, percent;
	} table[] = {
		{ MSG_DONTWAIT, 40 }, { MSG_NOSIGNAL, 30 }, { MSG_EOR, 8 },
		{ MSG_OOB, 4 }, { MSG_ZEROCOPY, 4 }, { MSG_DONTROUTE, 4 },
		{ MSG_CONFIRM, 4 }, { MSG_PEEK, 2 }, { MSG_TRUNC, 2 },
		{ MSG_CTRUNC, 2 }, { MSG_WAITALL, 2 }, { MSG_ERRQUEUE, 2 },
		{ MSG_SYN, 1 }, { MSG_FIN, 1 }, { MSG_RST, 1 },
		{ MSG_FASTOPEN, 1 }, { 0x01000000, 2 }, { 0x02000000, 2 },
	};
	int flags = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		if (chance(w, table[i].percent))
			flags |= table[i].flag;
	return flags;
}

static long send_mmsg(struct world *w, struct end *x, int size, int flags)
{
	struct mmsghdr m[3] = {};
	struct iovec v[3];
	int i, ret;
	long sum = 0;

	cut(w, v, 3, payload(x), size);
	for (i = 0; i < 3; i++) {
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	ret = sendmmsg(x->fd, m, 3, flags);
	if (ret < 0)
		return ret;
	for (i = 0; i < ret; i++)
		sum += m[i].msg_len;
	say(w, "sendmmsg", "%d messages: %u %u %u", ret, m[0].msg_len,
	    m[1].msg_len, m[2].msg_len);
	return sum;
}

static void op_send(struct world *w, struct end *x, struct end *y)
{
	static const char *const kinds[] = {
		"send", "sendto", "sendmsg", "write", "writev", "sendmmsg",
	};
	int kind = pick(w, ARRAY_SIZE(kinds)), flags = send_flags(w);
	int size = send_size(w, x, y), count = 1 + pick(w, VECS);
	struct sockaddr_storage to;
	struct iovec v[VECS];
	struct msghdr m = { .msg_iov = v, .msg_iovlen = count };
	long ret;

	address(&to, B, 9);
	if (refuses(y) && kind == 5)
		kind = 2;
	cut(w, v, count, payload(x), size);
	if (kind == 0) {
		ret = send(x->fd, payload(x), size, flags);
	} else if (kind == 1) {
		ret = sendto(x->fd, payload(x), size, flags,
			     (struct sockaddr *)&to, pick(w, 130));
	} else if (kind == 2) {
		if (chance(w, 20)) {
			m.msg_name = &to;
			m.msg_namelen = sizeof(struct sockaddr_in);
		}
		ret = sendmsg(x->fd, &m, flags);
	} else if (kind == 5) {
		ret = send_mmsg(w, x, size, flags);
	} else {
		flags = 0;
		ret = kind == 3 ? write(x->fd, payload(x), size) :
				  writev(x->fd, v, count);
	}
	say(w, kinds[kind], "%c %d bytes, flags %#x: %s", name_of(x), size,
	    flags, ret_text(ret));
	sent(w, x, y, ret, kind == 5 ? 0 : flags);
	/* each of its messages has an urgent byte */
	if (kind == 5 && flags & MSG_OOB)
		y->loose += 3;
	if (ret > 0 && ret < size)
		w->fault = true;
}

/* What is sent ends in memory that isn't there, or all of it isn't. */
static void op_send_fault(struct world *w, struct end *x, struct end *y)
{
	int good = chance(w, 50) ? 0 : 1 + pick(w, 900);
	struct iovec v[2];
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };
	int flags = chance(w, 30) ? MSG_DONTWAIT : 0;
	long ret;

	memcpy(bad_page - good, payload(x), good);
	v[0] = (struct iovec) { bad_page - good, good };
	v[1] = (struct iovec) { bad_page, 1 + pick(w, 500) };
	if (chance(w, 50)) {
		ret = sendmsg(x->fd, &m, flags);
	} else {
		v[0].iov_len += v[1].iov_len;
		ret = send(x->fd, v[0].iov_base, v[0].iov_len, flags);
	}
	w->fault = good;
	/* how much of it is taken depends on where a page ends */
	say(w, "send fault", "%c %d good bytes: %s", name_of(x), good,
	    ret > 0 && ret <= good ? "EFAULT" : ret_text(ret));
	sent(w, x, y, ret, 0);
}

/* Odd arguments that no data leaves by. */
static void op_send_odd(struct world *w, struct end *x, struct end *y)
{
	struct iovec v = { (void *)payload(x), 10 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	char control[64] = {};
	struct cmsghdr *c = (struct cmsghdr *)control;
	unsigned int kind = pick(w, 7);
	long ret = -1;

	switch (kind) {
	case 0:
		m.msg_iovlen = 0;
		break;
	case 1:
		m.msg_iovlen = UIO_MAXIOV + 1;
		break;
	case 2:
		m.msg_iov = (struct iovec *)bad_page;
		break;
	case 3:
		v.iov_len = (size_t)-1;
		break;
	case 4:		/* a control message that TCP does not know */
		c->cmsg_len = CMSG_LEN(4);
		c->cmsg_level = chance(w, 50) ? SOL_SOCKET : IPPROTO_TCP;
		c->cmsg_type = 99;
		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE(4);
		break;
	case 5:		/* an ill-formed one */
		c->cmsg_len = 3;
		c->cmsg_level = SOL_SOCKET;
		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE(4);
		break;
	case 6:		/* of another protocol: ignored */
		c->cmsg_len = CMSG_LEN(4);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_TOS;
		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE(4);
		break;
	}
	ret = sendmsg(x->fd, &m, MSG_NOSIGNAL);
	say(w, "odd sendmsg", "%c kind %u: %s", name_of(x), kind,
	    ret_text(ret));
	sent(w, x, y, ret, 0);
}

/* MSG_MORE or a cork keep data back until something pushes it. */
static void op_hold(struct world *w, struct end *x, struct end *y)
{
	int size = 1 + pick(w, 300), i, n = 1 + pick(w, 3), one = 1, zero = 0;
	bool cork = chance(w, 50), nodelay = chance(w, 30);
	long ret = 0;

	if (refuses(y))
		return;
	if (cork)
		say(w, "cork", "%c %s", name_of(x),
		    ret_text(setsockopt(x->fd, IPPROTO_TCP, TCP_CORK, &one,
					sizeof(one))));
	for (i = 0; i < n; i++) {
		ret = send(x->fd, payload(x), size,
			   (cork ? 0 : MSG_MORE) | MSG_NOSIGNAL);
		say(w, "held send", "%c %d bytes: %s", name_of(x), size,
		    ret_text(ret));
		sent(w, x, y, ret, 0);
	}
	if (cork) {
		say(w, "uncork", "%c %s", name_of(x),
		    ret_text(setsockopt(x->fd, IPPROTO_TCP, TCP_CORK, &zero,
					sizeof(zero))));
	} else if (nodelay) {
		say(w, "push", "%c %s", name_of(x),
		    ret_text(setsockopt(x->fd, IPPROTO_TCP, TCP_NODELAY, &one,
					sizeof(one))));
	} else {
		ret = send(x->fd, payload(x), 1, MSG_NOSIGNAL);
		say(w, "push", "%c %s", name_of(x), ret_text(ret));
		sent(w, x, y, ret, 0);
	}
}

/* --- receiving ------------------------------------------------------------ */

static int recv_flags(struct world *w, const struct end *x,
		      const struct end *y, int size)
{
	static const struct {
		int flag, percent;
	} table[] = {
		{ MSG_PEEK, 25 }, { MSG_TRUNC, 8 }, { MSG_WAITALL, 10 },
		{ MSG_OOB, 5 }, { MSG_ERRQUEUE, 3 }, { MSG_CMSG_CLOEXEC, 8 },
		{ MSG_NOSIGNAL, 5 }, { MSG_CTRUNC, 2 }, { MSG_EOR, 2 },
		{ MSG_DONTROUTE, 2 }, { 0x01000000, 2 },
	};
	bool patient = chance(w, 6);
	int flags = 0, want;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		if (chance(w, table[i].percent))
			flags |= table[i].flag;
	want = flags & MSG_WAITALL ? size : 1;
	/* waiting takes time */
	if (!patient && (long long)(x->out - y->in) < want)
		flags |= MSG_DONTWAIT;
	return chance(w, 30) ? flags | MSG_DONTWAIT : flags;
}

static void got(struct world *w, struct end *y, long ret, int flags)
{
	(void)w;
	if (ret > 0 && !(flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE)))
		y->in += ret;
}

static void say_received(struct world *w, struct end *x, struct end *y,
			 const char *kind, int size, int flags, long ret)
{
	const char *data;

	if (flags & MSG_TRUNC && !(flags & MSG_ERRQUEUE))
		data = ret > 0 && buf[0] != 0xee ? "written" : "dropped";
	else if (flags & MSG_OOB)
		data = diff_data(buf, offset(x, x->out - 1), ret);
	else
		data = data_text(y, x, ret);
	say(w, kind, "%c %d bytes, flags %#x: %s, %s", name_of(y), size, flags,
	    recv_text(y, ret), data);
	/* nothing is written beyond what was read, or dropped */
	say(w, "untouched", "%08x",
	    diff_sum(buf + (ret > 0 && !(flags & MSG_TRUNC) ? ret : 0), 64));
}

static long recv_msg(struct world *w, struct end *y, int size, int flags)
{
	int count = 1 + pick(w, VECS);
	struct sockaddr_storage from = {};
	struct iovec v[VECS];
	char control[256];
	struct msghdr m = {
		.msg_iov = v, .msg_iovlen = count,
		.msg_control = control, .msg_controllen = sizeof(control),
		.msg_flags = -1,
	};
	struct cmsghdr *c;
	long ret;

	if (chance(w, 50)) {
		m.msg_name = &from;
		m.msg_namelen = sizeof(from);
	}
	if (chance(w, 30))
		m.msg_controllen = pick(w, 20);
	cut(w, v, count, buf, size);
	ret = recvmsg(y->fd, &m, flags);
	if (ret < 0 || (!ret && y->reset))
		return ret;
	say(w, "msghdr", "flags %#x, control %zu, name %u", m.msg_flags,
	    m.msg_controllen, m.msg_namelen);
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		say(w, "cmsg", "level %d type %d len %zu: %d", c->cmsg_level,
		    c->cmsg_type, c->cmsg_len, *(int *)CMSG_DATA(c));
	return ret;
}

static bool is_poison(const void *from, size_t len)
{
	const unsigned char *p = from;

	return !len || (*p == 0xee && !memcmp(p, p + 1, len - 1));
}

/* Messages that end before their buffers do leave gaps, which are closed. */
static long recv_mmsg(struct world *w, struct end *y, int size, int flags)
{
	bool dropped = flags & MSG_TRUNC && !(flags & MSG_ERRQUEUE);
	struct mmsghdr m[3] = {};
	struct iovec v[3];
	struct timespec zero = {};
	bool clean = true;
	int i, ret, n;
	long sum = 0;

	cut(w, v, 3, buf, size);
	for (i = 0; i < 3; i++) {
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	ret = recvmmsg(y->fd, m, 3, flags, chance(w, 50) ? &zero : NULL);
	if (ret < 0)
		return ret;
	for (i = 0; i < 3; i++) {
		n = i < ret && !dropped ? m[i].msg_len : 0;
		clean &= is_poison(v[i].iov_base + n, v[i].iov_len - n);
		memmove(buf + sum, v[i].iov_base, n);
		if (i < ret)
			sum += m[i].msg_len;
	}
	if (!sum && y->reset)
		return 0;
	say(w, "recvmmsg", "%d messages: %u %u %u%s", ret, m[0].msg_len,
	    m[1].msg_len, m[2].msg_len, clean ? "" : ", more is written");
	memset(buf + (dropped ? 0 : sum), 0xee, 100);
	return sum;
}

/* Before recv(): what it must leave alone, see say_received(). */
static void poison(const struct end *x, const struct end *y, int kind,
		   int size)
{
	unsigned long long unread = x->out - y->in;

	/* recvmmsg() may leave gaps */
	if (kind != 5 && (unsigned int)size > unread)
		size = unread;
	memset(buf, 0xee, size + 100);
}

static void op_recv(struct world *w, struct end *x, struct end *y)
{
	static const char *const kinds[] = {
		"recv", "recvfrom", "recvmsg", "read", "readv", "recvmmsg",
	};
	int kind = pick(w, ARRAY_SIZE(kinds)), size = recv_size(w);
	int flags = recv_flags(w, x, y, size), count = 1 + pick(w, VECS);
	struct sockaddr_storage from = {};
	socklen_t len = sizeof(from);
	struct iovec v[VECS];
	long ret;

	/* these two wait unless there is something */
	if ((kind == 3 || kind == 4) && flags & MSG_DONTWAIT &&
	    x->out == y->in)
		kind = 0;
	/* goes on after an end-of-file, and keeps an error: see recv_text() */
	if (kind == 5 && y->reset)
		kind = 2;
	poison(x, y, kind, size);
	cut(w, v, count, buf, size);
	if (kind == 0) {
		ret = recv(y->fd, buf, size, flags);
	} else if (kind == 1) {
		ret = recvfrom(y->fd, buf, size, flags,
			       (struct sockaddr *)&from, &len);
		if (ret >= 0 && (ret || !y->reset))
			say(w, "address", "%u", len);
	} else if (kind == 2) {
		ret = recv_msg(w, y, size, flags);
	} else if (kind == 5) {
		ret = recv_mmsg(w, y, size, flags);
	} else {
		flags = 0;
		ret = kind == 3 ? read(y->fd, buf, size) :
				  readv(y->fd, v, count);
	}
	say_received(w, x, y, kinds[kind], size, flags, ret);
	got(w, y, ret, flags);
}

/* Into memory that isn't there, all of it or its end. */
static void op_recv_fault(struct world *w, struct end *x, struct end *y)
{
	int good = chance(w, 50) ? 0 : 1 + pick(w, 900);
	int flags = MSG_DONTWAIT | (chance(w, 30) ? MSG_PEEK : 0);
	long ret, len = good + 1 + pick(w, 60000), unread = x->out - y->in;

	ret = recv(y->fd, bad_page - good, len, flags);
	/* what is read before the fault depends on segments, or frames */
	say(w, "recv fault", "%c %d good bytes of %ld: %s", name_of(y), good,
	    len, ret > 0 && ret <= good && unread > good ? "EFAULT" :
	    recv_text(y, ret));
	got(w, y, ret, flags);
	if (good && unread > good)
		w->fault = true;
}

static void op_recv_odd(struct world *w, struct end *x, struct end *y)
{
	struct iovec v = { buf, 10 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	unsigned int kind = pick(w, 5);
	socklen_t len = -1;
	long ret = -1;

	(void)x;
	if (kind == 3 && y->reset)
		kind = 4;
	switch (kind) {
	case 0:
		m.msg_iovlen = UIO_MAXIOV + 1;
		ret = recvmsg(y->fd, &m, MSG_DONTWAIT);
		break;
	case 1:
		ret = recvmsg(y->fd, (struct msghdr *)bad_page, MSG_DONTWAIT);
		break;
	case 2:		/* dropped without a buffer */
		ret = recv(y->fd, NULL, 1 + pick(w, 2000),
			   MSG_TRUNC | MSG_DONTWAIT);
		break;
	case 3:
		ret = recvfrom(y->fd, buf, 10, MSG_DONTWAIT | MSG_PEEK,
			       (struct sockaddr *)buf, &len);
		break;
	case 4:
		m.msg_iovlen = 0;
		ret = recvmsg(y->fd, &m, MSG_DONTWAIT);
		break;
	}
	say(w, "odd recv", "%c kind %u: %s", name_of(y), kind, recv_text(y, ret));
	got(w, y, ret, kind == 3 ? MSG_PEEK : 0);
}

/* --- much data ------------------------------------------------------------ */

/* More than the buffers hold: sent and read in turn. */
static void op_bulk(struct world *w, struct end *x, struct end *y)
{
	unsigned long long end = x->out + (chance(w, 70) ? 65536 : 300000);
	double limit = now() + 10;
	const char *wrong = NULL;
	ssize_t n = 0, m = 0;

	end += pick(w, 3);
	if (refuses(y))
		return;
	while (y->in < end && !wrong && now() < limit) {
		n = send(x->fd, payload(x), end - x->out,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (x->out < end)
			sent(w, x, y, n, 0);
		if (n < 0 && errno != EAGAIN)
			break;
		m = recv(y->fd, buf, BUF, MSG_DONTWAIT);
		if (m > 0 && !y->loose &&
		    memcmp(buf, diff_bytes(offset(x, y->in)), m))
			wrong = "wrong bytes";
		got(w, y, m, 0);
		if (!m || (m < 0 && errno != EAGAIN))
			break;
		if (m < 0 && y->loose && y->in + y->loose >= end)
			break;
		if (n <= 0 && m <= 0)
			sched_yield();
	}
	say(w, "bulk", "%c: %s", name_of(x), wrong ? wrong :
	    y->in + y->loose >= end ? "all" : n < 0 && errno != EAGAIN ?
	    ret_text(n) : recv_text(y, m));
	w->fault = true;
}

/* Until nothing goes any more, and all is read. */
static void op_fill(struct world *w, struct end *x, struct end *y)
{
	unsigned int idle = 0;
	ssize_t n;

	if (refuses(y))
		return;
	while (idle < 4) {
		n = send(x->fd, payload(x), 100000,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		sent(w, x, y, n, 0);
		if (n < 0 && errno != EAGAIN)
			break;
		if (n > 0)
			idle = 0;
		else if (++idle < 4)
			nap(4);
	}
	say(w, "fill", "%c: %s", name_of(x), ret_text(n));
	if (errno == EAGAIN)
		say(w, "full", "%#x", diff_poll(x->fd));
	w->fault = true;
}

/* --- pipes and files ------------------------------------------------------ */

/* Everything that is unread up to size, through a pipe. */
static void op_splice_in(struct world *w, struct end *x, struct end *y)
{
	long long unread = x->out - y->in;
	int size = 1 + any_size(w), total = 0, p[2];
	bool patient = chance(w, 10);
	long ret, n;

	if (!unread && !patient)
		return;
	CHECK_EQ(pipe2(p, O_NONBLOCK), 0);
	do {
		ret = splice(y->fd, NULL, p[1], NULL, size - total,
			     SPLICE_F_NONBLOCK);
		n = ret > 0 ? read(p[0], buf + total, ret) : 0;
		CHECK(ret <= 0 || n == ret);
		total += n;
	} while (ret > 0 && total < size && total < unread);
	say(w, "splice in", "%c %d bytes: %s, %s", name_of(y), size,
	    recv_text(y, total ? total : ret), data_text(y, x, total));
	got(w, y, total, 0);
	close(p[0]);
	close(p[1]);
}

static void op_splice_out(struct world *w, struct end *x, struct end *y)
{
	int size = send_size(w, x, y), p[2], q[2], kind = pick(w, 3);
	unsigned int flags = chance(w, 50) ? SPLICE_F_NONBLOCK : 0;
	struct iovec v = { (void *)payload(x), size };
	long ret;

	CHECK_EQ(pipe2(p, O_NONBLOCK), 0);
	CHECK_EQ(pipe2(q, O_NONBLOCK), 0);
	if (kind == 0)
		ret = vmsplice(p[1], &v, 1, SPLICE_F_NONBLOCK);
	else
		ret = write(p[1], payload(x), size);
	if (kind == 2)
		ret = tee(p[0], q[1], size, 0);
	if (ret > 0) {
		ret = splice(kind == 2 ? q[0] : p[0], NULL, x->fd, NULL, ret,
			     flags);
		say(w, "splice out", "%c kind %d, %d bytes: %s", name_of(x),
		    kind, size, ret_text(ret));
		sent(w, x, y, ret, 0);
	}
	close(p[0]);
	close(p[1]);
	close(q[0]);
	close(q[1]);
}

static void op_sendfile(struct world *w, struct end *x, struct end *y)
{
	off_t off = offset(x, x->out) % DIFF_PERIOD, was = off;
	int size = send_size(w, x, y);
	long ret = sendfile(x->fd, file_fd, &off, size);

	say(w, "sendfile", "%c %d bytes: %s, offset +%ld", name_of(x), size,
	    ret_text(ret), (long)(off - was));
	sent(w, x, y, ret, 0);
}

#endif /* _DIFF_RANDOM_IO_H */
