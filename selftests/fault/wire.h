/* SPDX-License-Identifier: GPL-2.0 */
/* What one connection had on the wire: ENO in its handshake, plaintext. */
#ifndef _WIRE_H
#define _WIRE_H

#include "side.h"

#define OPTION_ENO	69

struct wire {
	unsigned int	segments;
	unsigned int	payload;	/* bytes */
	bool		syn, synack, ack;	/* the last of each had ENO */
	bool		acked;		/* the client's first ACK has been seen */
	bool		plain;		/* our data can be read */
};

static bool has_eno(const unsigned char *th, unsigned int len)
{
	unsigned int i;

	for (i = 20; i < len && th[i]; i += th[i] == 1 ? 1 : th[i + 1]) {
		if (th[i] == OPTION_ENO)
			return true;
		if (th[i] != 1 && (i + 1 >= len || th[i + 1] < 2))
			break;
	}
	return false;
}

static void look_segment(struct wire *w, const unsigned char *th,
			 unsigned int len, int port)
{
	unsigned int head = (th[12] >> 4) * 4;
	bool to_server = (th[2] << 8 | th[3]) == port;
	bool syn = th[13] & 2, ack = th[13] & 16, rst = th[13] & 4;

	if (!to_server && (th[0] << 8 | th[1]) != port)
		return;
	if (len < head)
		return;
	w->segments++;
	w->payload += len - head;
	if (syn && !ack) {
		w->syn = has_eno(th, head);
	} else if (syn) {
		w->synack = has_eno(th, head);
	} else if (ack && !rst && to_server && !w->acked) {
		w->acked = true;
		w->ack = has_eno(th, head);
	}
	if (memmem(th + head, len - head, MARK, strlen(MARK)))
		w->plain = true;
}

/* What was captured since the last call. Nothing may have been lost. */
static struct wire wire_read(int fd, int port)
{
	static unsigned char buf[70000];
	struct tpacket_stats stats;
	socklen_t size = sizeof(stats);
	struct wire w = {};
	unsigned int head;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		if (n >= 54 && buf[12] == 8 && !buf[13] && buf[23] == 6) {
			head = 14 + (buf[14] & 15) * 4;
			n = 14 + (buf[16] << 8 | buf[17]);
			look_segment(&w, buf + head, n - head, port);
		} else if (n >= 74 && buf[12] == 0x86 && buf[20] == 6) {
			n = 54 + (buf[18] << 8 | buf[19]);
			look_segment(&w, buf + 54, n - 54, port);
		}
	}
	CHECK_EQ(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size),
		 0);
	CHECK_EQ(stats.tp_drops, 0);
	return w;
}

/* ENO succeeded: RFC 8547, section 4.6 */
static bool wire_eno(const struct wire *w)
{
	return w->syn && w->synack && w->ack;
}

#endif /* _WIRE_H */
