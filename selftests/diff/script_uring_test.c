// SPDX-License-Identifier: GPL-2.0
/*
 * The socket calls of io_uring. Runs in the guest.
 *
 *	sock.sh diff/script_uring_test
 */

#define _GNU_SOURCE
#include "script.h"
#include "ring.h"

static const char *res_text(int res)
{
	static char text[20];

	if (res < 0)
		return diff_errno(-res);
	snprintf(text, sizeof(text), "%d", res);
	return text;
}

/* The flags that say something of the request, not of the ring. */
#define CQE_FLAGS	(IORING_CQE_F_MORE | IORING_CQE_F_NOTIF | \
			 IORING_CQE_F_SOCK_NONEMPTY)

/* Records n completions, in an order that does not depend on time. */
static void rec_cqes(struct diff *d, struct ring *r, unsigned int n)
{
	struct io_uring_cqe cqe;
	char label[40];

	while (n--) {
		if (!ring_next(r, &cqe, 3000)) {
			diff_rec(d, "completion", "none");
			return;
		}
		snprintf(label, sizeof(label), "request %llu", cqe.user_data);
		diff_rec(d, label, "%s %#x", res_text(cqe.res),
			 cqe.flags & CQE_FLAGS);
	}
}

static void rec_none(struct diff *d, struct ring *r)
{
	struct io_uring_cqe cqe;

	diff_rec(d, "completion", "%d", ring_next(r, &cqe, 50));
}

static void plain_calls(struct diff *d)
{
	struct pair p = diff_pair(d);
	char buf[2000], buf2[2000];
	struct iovec v[2] = { { buf, 100 }, { buf2, 2000 } };
	struct iovec w[2] = {
		{ (void *)diff_bytes(0), 300 }, { (void *)diff_bytes(300), 200 }
	};
	struct msghdr in = { .msg_iov = v, .msg_iovlen = 2 };
	struct msghdr out = { .msg_iov = w, .msg_iovlen = 2 };
	struct ring r;

	ring_open(&r);
	/* waits for data, which is sent by a later request */
	ring_op(&r, IORING_OP_RECV, p.s, buf, sizeof(buf), 1);
	ring_submit(&r);
	rec_none(d, &r);
	ring_op(&r, IORING_OP_SEND, p.c, diff_bytes(0), 700, 2);
	ring_submit(&r);
	rec_cqes(d, &r, 2);
	diff_rec(d, "data", "%s", diff_data(buf, 0, 700));
	ring_op(&r, IORING_OP_RECVMSG, p.s, &in, 1, 3);
	ring_submit(&r);
	rec_none(d, &r);
	ring_op(&r, IORING_OP_SENDMSG, p.c, &out, 1, 4);
	ring_submit(&r);
	rec_cqes(d, &r, 2);
	diff_rec(d, "data", "%s", diff_data(buf, 0, 100));
	diff_rec(d, "data", "%s", diff_data(buf2, 100, 400));
	/* read and write */
	ring_op(&r, IORING_OP_READ, p.s, buf, sizeof(buf), 5);
	ring_op(&r, IORING_OP_WRITE, p.c, diff_bytes(0), 1000, 6);
	ring_submit(&r);
	rec_cqes(d, &r, 2);
	/* flags */
	ring_op(&r, IORING_OP_RECV, p.s, buf, 10, 7)->msg_flags = MSG_DONTWAIT;
	ring_submit(&r);
	rec_cqes(d, &r, 1);
	ring_op(&r, IORING_OP_RECV, p.s, buf, 1500, 8)->msg_flags =
		MSG_WAITALL;
	ring_submit(&r);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 1000, 0));
	rec_none(d, &r);
	diff_ret(d, "send", send(p.c, diff_bytes(1000), 500, 0));
	rec_cqes(d, &r, 1);
	diff_rec(d, "data", "%s", diff_data(buf, 0, 1500));
	diff_ret(d, "shutdown", shutdown(p.c, SHUT_WR));
	ring_op(&r, IORING_OP_RECV, p.s, buf, 10, 9);
	ring_submit(&r);
	rec_cqes(d, &r, 1);
	ring_op(&r, IORING_OP_SEND, p.c, buf, 10, 10)->msg_flags =
		MSG_NOSIGNAL;
	ring_submit(&r);
	rec_cqes(d, &r, 1);
}

/* A large send to a peer that reads late. */
static void large(struct diff *d)
{
	struct pair p = small_pair(d);
	struct ring r;

	ring_open(&r);
	ring_op(&r, IORING_OP_SEND, p.c, diff_bytes(0), 200000, 1)->msg_flags =
		MSG_WAITALL;
	ring_submit(&r);
	rec_none(d, &r);
	diff_rec(d, "read", "%zu", drain(p.s));
	rec_cqes(d, &r, 1);
	ring_op(&r, IORING_OP_SEND, p.c, diff_bytes(0), 100, 2);
	ring_submit(&r);
	rec_cqes(d, &r, 1);
	diff_rec(d, "read", "%zu", drain(p.s));
}

static void connect_accept(struct diff *d)
{
	int l = new_listener(), fd = new_socket(A);
	struct sockaddr_storage to;
	socklen_t len = address(&to, B, port_of(l));
	struct io_uring_cqe cqe;
	struct ring r;
	struct pair p;

	ring_open(&r);
	ring_op(&r, IORING_OP_ACCEPT, l, NULL, 0, 1);
	ring_submit(&r);
	rec_none(d, &r);
	ring_op(&r, IORING_OP_CONNECT, fd, &to, 0, 2)->off = len;
	ring_submit(&r);
	p.c = fd;
	p.s = -1;
	while (p.s < 0 && ring_next(&r, &cqe, 3000)) {
		if (cqe.user_data == 1)
			p.s = cqe.res;
		else
			diff_rec(d, "connect", "%s", res_text(cqe.res));
	}
	diff_rec(d, "accepted", "%d", p.s >= 0);
	diff_ready(d, p);
	ping_pair(p);
	close(l);
	/* refused */
	ring_op(&r, IORING_OP_CONNECT, new_socket(A), &to, 0, 3)->off = len;
	ring_submit(&r);
	rec_cqes(d, &r, 1);
}

static void multishot_accept(struct diff *d)
{
	int l = new_listener(), i;
	struct io_uring_cqe cqe;
	struct ring r;
	struct pair p;

	ring_open(&r);
	ring_op(&r, IORING_OP_ACCEPT, l, NULL, 0, 1)->ioprio =
		IORING_ACCEPT_MULTISHOT;
	ring_submit(&r);
	for (i = 0; i < 3; i++) {
		p.c = connect_to(l);
		if (!ring_next(&r, &cqe, 3000))
			break;
		p.s = cqe.res;
		diff_rec(d, "accepted", "%d %#x", p.s >= 0, cqe.flags);
		diff_ready(d, p);
		ping_pair(p);
		close_pair(p);
	}
	diff_rec(d, "connections", "%d", i);
	ring_op(&r, IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 2);
	ring_submit(&r);
	rec_cqes(d, &r, 2);
}

/* The ring chooses the buffers; one request for all that comes. */
static void multishot_recv(struct diff *d)
{
	static char room[16][256];
	struct pair p = diff_pair(d);
	struct io_uring_sqe *sqe;
	struct io_uring_cqe cqe;
	size_t got = 0;
	struct ring r;
	int i, shots = 0;

	ring_open(&r);
	sqe = ring_op(&r, IORING_OP_PROVIDE_BUFFERS, 16, room, 256, 1);
	sqe->buf_group = 7;
	ring_submit(&r);
	rec_cqes(d, &r, 1);
	sqe = ring_op(&r, IORING_OP_RECV, p.s, NULL, 0, 2);
	sqe->flags = IOSQE_BUFFER_SELECT;
	sqe->buf_group = 7;
	sqe->ioprio = IORING_RECV_MULTISHOT;
	ring_submit(&r);
	for (i = 0; i < 4; i++) {
		diff_ret(d, "send", send(p.c, diff_bytes(i * 200), 200, 0));
		if (!ring_next(&r, &cqe, 3000))
			break;
		diff_rec(d, "shot", "%s, more %d, buffer %d", res_text(cqe.res),
			 !!(cqe.flags & IORING_CQE_F_MORE),
			 !!(cqe.flags & IORING_CQE_F_BUFFER));
		diff_rec(d, "data", "%s",
			 diff_data(room[cqe.flags >> IORING_CQE_BUFFER_SHIFT],
				   i * 200, cqe.res));
	}
	/* more than there are buffers for */
	diff_ret(d, "send", send(p.c, diff_bytes(0), 6000, 0));
	while (ring_next(&r, &cqe, 1000)) {
		shots++;
		if (cqe.res < 0 || !(cqe.flags & IORING_CQE_F_MORE))
			break;
		got += cqe.res;
	}
	diff_rec(d, "end", "%s %zu in %d", res_text(cqe.res), got, shots);
	diff_rec(d, "left", "%d", diff_ioctl(p.s, SIOCINQ));
}

static void multishot_end(struct diff *d)
{
	static char room[4][256];
	struct pair p = diff_pair(d);
	struct io_uring_sqe *sqe;
	struct ring r;

	ring_open(&r);
	ring_op(&r, IORING_OP_PROVIDE_BUFFERS, 4, room, 256, 1)->buf_group = 7;
	ring_submit(&r);
	rec_cqes(d, &r, 1);
	sqe = ring_op(&r, IORING_OP_RECV, p.s, NULL, 0, 2);
	sqe->flags = IOSQE_BUFFER_SELECT;
	sqe->buf_group = 7;
	sqe->ioprio = IORING_RECV_MULTISHOT;
	ring_submit(&r);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 100, 0));
	rec_cqes(d, &r, 1);
	diff_ret(d, "shutdown", shutdown(p.c, SHUT_WR));
	rec_cqes(d, &r, 1);
	rec_none(d, &r);
}

/* Multishot poll: an event for each change, and no more. */
static void multishot_poll(struct diff *d)
{
	struct pair p = diff_pair(d);
	struct io_uring_sqe *sqe;
	struct ring r;
	int i;

	ring_open(&r);
	sqe = ring_op(&r, IORING_OP_POLL_ADD, p.s, NULL, IORING_POLL_ADD_MULTI,
		      1);
	sqe->poll32_events = POLLIN | POLLRDHUP;
	ring_submit(&r);
	rec_none(d, &r);
	for (i = 0; i < 3; i++) {
		diff_ret(d, "send", send(p.c, diff_bytes(0), 100, 0));
		CHECK(diff_settle(p.s, 100));
		rec_cqes(d, &r, 1);
		drain(p.s);
		rec_none(d, &r);
	}
	diff_ret(d, "shutdown", shutdown(p.c, SHUT_WR));
	rec_cqes(d, &r, 1);
	/* removed, and once more without */
	ring_op(&r, IORING_OP_POLL_REMOVE, -1, (void *)1, 0, 2);
	ring_submit(&r);
	rec_cqes(d, &r, 2);
	ring_op(&r, IORING_OP_POLL_ADD, p.s, NULL, 0, 3)->poll32_events =
		POLLOUT;
	ring_submit(&r);
	rec_cqes(d, &r, 1);
}

/* The notification comes when the data is acknowledged, or copied. */
static void send_zc(struct diff *d)
{
	struct pair p = diff_pair(d);
	struct ring r;
	int i;

	ring_open(&r);
	for (i = 0; i < 3; i++) {
		ring_op(&r, IORING_OP_SEND_ZC, p.c, diff_bytes(0), 5000, i);
		ring_submit(&r);
		diff_rec(d, "read", "%zu", drain(p.s));
		rec_cqes(d, &r, 2);
	}
	ring_op(&r, IORING_OP_SEND_ZC, p.c, (void *)8, 5000, 9);
	ring_submit(&r);
	rec_cqes(d, &r, 2);
	diff_ret(d, "shutdown", shutdown(p.c, SHUT_WR));
	ring_op(&r, IORING_OP_SEND_ZC, p.c, diff_bytes(0), 10, 10)->msg_flags =
		MSG_NOSIGNAL;
	ring_submit(&r);
	rec_cqes(d, &r, 2);
	rec_none(d, &r);
}

/* Requests that run one after the other, until one fails. */
static void linked(struct diff *d)
{
	struct pair p = diff_pair(d);
	char buf[300], echo[300];
	struct ring r;

	ring_open(&r);
	ring_op(&r, IORING_OP_RECV, p.s, buf, sizeof(buf), 1)->flags =
		IOSQE_IO_LINK;
	ring_op(&r, IORING_OP_SEND, p.s, diff_bytes(0), 100, 2)->flags =
		IOSQE_IO_LINK;
	ring_op(&r, IORING_OP_SHUTDOWN, p.s, NULL, SHUT_WR, 3);
	ring_submit(&r);
	rec_none(d, &r);
	diff_ret(d, "send", send(p.c, diff_bytes(0), 300, 0));
	rec_cqes(d, &r, 3);
	diff_ret(d, "recv", recv(p.c, echo, sizeof(echo), 0));
	diff_ret(d, "end", recv(p.c, echo, sizeof(echo), 0));
	ring_op(&r, IORING_OP_SEND, p.s, buf, 10, 4)->flags = IOSQE_IO_LINK;
	r.sqes[(*r.sq_tail - 1) & *r.sq_mask].msg_flags = MSG_NOSIGNAL;
	ring_op(&r, IORING_OP_RECV, p.s, buf, 10, 5);
	ring_submit(&r);
	rec_cqes(d, &r, 2);
}

/* With a time limit each; what has not begun is cancelled. */
static void cancelled(struct diff *d)
{
	struct pair p = diff_pair(d);
	struct __kernel_timespec ts = { .tv_nsec = 50 * 1000 * 1000 };
	char buf[300];
	struct ring r;

	ring_open(&r);
	ring_op(&r, IORING_OP_RECV, p.s, buf, sizeof(buf), 1);
	ring_submit(&r);
	ring_op(&r, IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 2);
	ring_submit(&r);
	rec_cqes(d, &r, 2);
	ring_op(&r, IORING_OP_RECV, p.s, buf, sizeof(buf), 3)->flags =
		IOSQE_IO_LINK;
	ring_op(&r, IORING_OP_LINK_TIMEOUT, -1, &ts, 1, 4);
	ring_submit(&r);
	rec_cqes(d, &r, 2);
	ring_op(&r, IORING_OP_RECV, p.s, buf, sizeof(buf), 5)->flags =
		IOSQE_ASYNC;
	ring_submit(&r);
	rec_none(d, &r);
	ring_op(&r, IORING_OP_ASYNC_CANCEL, -1, (void *)5, 0, 6);
	ring_submit(&r);
	rec_cqes(d, &r, 2);
	/* nothing was lost */
	ping_pair(p);
	/* the connection ends under a request */
	ring_op(&r, IORING_OP_RECV, p.s, buf, sizeof(buf), 7);
	ring_submit(&r);
	rec_none(d, &r);
	reset(p.c);
	rec_cqes(d, &r, 1);
	rec_error(d, "SO_ERROR", p.s);
}

static void splices(struct diff *d)
{
	struct pair p = diff_pair(d);
	struct io_uring_sqe *sqe;
	char buf[3000];
	struct ring r;
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	ring_open(&r);
	CHECK_EQ(write(fds[1], diff_bytes(0), 3000), 3000);
	sqe = ring_op(&r, IORING_OP_SPLICE, p.c, NULL, 3000, 1);
	sqe->splice_fd_in = fds[0];
	sqe->splice_off_in = -1;
	sqe->off = -1;
	ring_submit(&r);
	rec_cqes(d, &r, 1);
	CHECK(diff_settle(p.s, 3000));
	sqe = ring_op(&r, IORING_OP_SPLICE, fds[1], NULL, 3000, 2);
	sqe->splice_fd_in = p.s;
	sqe->splice_off_in = -1;
	sqe->off = -1;
	ring_submit(&r);
	rec_cqes(d, &r, 1);
	diff_ret(d, "read", read(fds[0], buf, sizeof(buf)));
	diff_rec(d, "data", "%s", diff_data(buf, 0, 3000));
}

static const struct diff_scenario table[] = {
	{ "plain_calls", plain_calls, 0, 0 },
	{ "large", large, 0, 0 },
	{ "connect_accept", connect_accept, 0, 0 },
	{ "multishot_accept", multishot_accept, 0, 0 },
	{ "multishot_recv", multishot_recv, 0, 0 },
	{ "multishot_end", multishot_end, 0, 0 },
	{ "multishot_poll", multishot_poll, 0, 0 },
	{ "send_zc", send_zc, 0, 0 },
	{ "linked", linked, 0, 0 },
	{ "cancelled", cancelled, 0, 0 },
	{ "splices", splices, 0, 0 },
	{ }
};

int main(int argc, char **argv)
{
	return diff_main(argc, argv, table);
}
