/* SPDX-License-Identifier: GPL-2.0 */
/* What a client and a server do on a connection, until something breaks. */
#ifndef _SCENARIOS_H
#define _SCENARIOS_H

#include <linux/net_tstamp.h>
#include "side.h"

enum flags {
	IPV6 = 1,
	RESUMED = 2,	/* two connections, the second proposes the first */
	REQUIRED = 4,	/* TCP_ENO_REQUIRED on both ends */
	HALF = 8,	/* the server leaves data unread */
	LATE = 16,	/* and accepts late */
};

struct scenario {
	const char	*name;
	void		(*client)(struct side *s);
	void		(*server)(struct side *s);
	const char	*teps;		/* sysctl, NULL: Curve25519 */
	const char	*aeads;
	unsigned int	flags;
};

static void exchange_client(struct side *s)
{
	if (put(s, 3200, 1000, 0) && get(s, 48000, 0) &&
	    put(s, 96000, 32000, 0)) {
		look_at(s);
		finish(s);
	}
}

static void exchange_server(struct side *s)
{
	if (get(s, 3200, 0) && put(s, 48000, 48000, 0) &&
	    get(s, 96000, 0)) {
		look_at(s);
		finish(s);
	}
}

static void small_client(struct side *s)
{
	if (put(s, 320, 64, 0) && get(s, 640, 0)) {
		look_at(s);
		finish(s);
	}
}

static void small_server(struct side *s)
{
	if (get(s, 320, 0) && put(s, 640, 64, 0)) {
		look_at(s);
		finish(s);
	}
}

static bool rekey(struct side *s)
{
	int one = 1;

	if (s->state < 0 || !setsockopt(s->fd, IPPROTO_TCP, TCP_CRYPT_REKEY,
					&one, sizeof(one)) ||
	    errno == EALREADY)
		return true;
	return broke(s, "TCP_CRYPT_REKEY");
}

static void rekey_client(struct side *s)
{
	if (!put(s, 320, 320, 0) || !get(s, 320, 0))
		return;
	look_at(s);
	if (rekey(s) && put(s, 3200, 3200, 0) && get(s, 3200, 0) &&
	    rekey(s) && put(s, 640, 640, 0) && get(s, 640, 0))
		finish(s);
}

static void rekey_server(struct side *s)
{
	if (!get(s, 320, 0) || !put(s, 320, 320, 0))
		return;
	look_at(s);
	if (get(s, 3200, 0) && rekey(s) && put(s, 3200, 3200, 0) &&
	    get(s, 640, 0) && put(s, 640, 640, 0))
		finish(s);
}

/* Early: the client writes before there are keys; the server takes its time */
static void early_client(struct side *s)
{
	set_nonblock(s->fd, false);
	if (put(s, 20000, 5000, 0) && put(s, 64, 64, MSG_MORE) &&
	    put(s, 64, 64, 0) && get(s, 320, 0)) {
		look_at(s);
		finish(s);
	}
}

static void early_server(struct side *s)
{
	if (get(s, 320, MSG_WAITALL) && get(s, 19808, 0) &&
	    put(s, 320, 320, 0)) {
		look_at(s);
		finish(s);
	}
}

static void urgent_client(struct side *s)
{
	int one = 1;

	setsockopt(s->fd, SOL_SOCKET, SO_OOBINLINE, &one, sizeof(one));
	if (put(s, 64, 64, MSG_OOB) && get(s, 64, 0) &&
	    put(s, 6400, 3200, 0) && put(s, 1, 1, MSG_OOB) &&
	    put(s, 3199, 3199, 0)) {
		look_at(s);
		finish(s);
	}
}

static void urgent_server(struct side *s)
{
	int one = 1;

	setsockopt(s->fd, SOL_SOCKET, SO_OOBINLINE, &one, sizeof(one));
	if (fcntl(s->fd, F_SETOWN, getpid()))
		return (void)broke(s, "F_SETOWN");
	if (get(s, 64, 0) && put(s, 64, 64, MSG_OOB)) {
		poll_now(s->fd, POLLPRI | POLLIN);
		if (get(s, 9600, 0)) {
			look_at(s);
			finish(s);
		}
	}
}

static void splice_client(struct side *s)
{
	if (put_file(s, 64000) && get_spliced(s, 64000)) {
		look_at(s);
		finish(s);
	}
}

static void splice_server(struct side *s)
{
	if (get_spliced(s, 64000) && put_spliced(s, 64000)) {
		look_at(s);
		finish(s);
	}
}

static void zerocopy_client(struct side *s)
{
	if (put_zerocopy(s, 64000) && get(s, 64000, 0)) {
		look_at(s);
		finish(s);
	}
}

static void zerocopy_server(struct side *s)
{
	if (get(s, 64000, 0) && put_zerocopy(s, 64000)) {
		look_at(s);
		finish(s);
	}
}

/* close() right after the last byte; the peer's end comes later */
static void close_client(struct side *s)
{
	put(s, 32000, 32000, 0);
	look_at(s);
}

static void close_server(struct side *s)
{
	if (get(s, 32000, 0)) {
		look_at(s);
		get(s, 1, 0);
	}
}

/*
 * A RST for which there was no memory is lost, with plain TCP as well. What the
 * peer, which has forgotten the connection, hears next brings another one.
 */
static void get_reset(struct side *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	int i;

	for (i = 0; i < SIDE_LIMIT && !poll(&p, 1, 1000); i++)
		if (!put(s, 1, 1, 0))
			return;
	get(s, 1, 0);
}

/* The server closes with data unread: RST */
static void unread_client(struct side *s)
{
	if (put(s, 32000, 32000, 0) && get(s, 64, 0)) {
		look_at(s);
		get_reset(s);
	}
}

static void unread_server(struct side *s)
{
	if (get(s, 3200, 0) && put(s, 64, 64, 0))
		look_at(s);
}

/* Every option and what else a socket can be asked for */
static void ask(struct side *s)
{
	static const int names[] = {
		TCP_ENO_ENABLED, TCP_ENO_SESSID, TCP_ENO_NEGSPEC,
		TCP_ENO_SPECS, TCP_ENO_SELF_AWARE, TCP_ENO_PEER_AWARE,
		TCP_ENO_TIEBREAKER, TCP_ENO_ROLE, TCP_ENO_RAW,
		TCP_ENO_TRANSCRIPT, TCP_CRYPT_AEADS, TCP_CRYPT_RESUME,
		TCP_CRYPT_CACHE, TCP_CRYPT_INFO, TCP_INFO, TCP_ULP,
	};
	char value[512];
	socklen_t len;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		len = sizeof(value);
		getsockopt(s->fd, IPPROTO_TCP, names[i], value, &len);
	}
	ioctl(s->fd, FIONREAD, &i);
	poll_now(s->fd, POLLIN | POLLPRI | POLLOUT);
}

static void options_client(struct side *s)
{
	int on = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE |
		 SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID;
	int one = 1;

	setsockopt(s->fd, SOL_SOCKET, SO_TIMESTAMPING, &on, sizeof(on));
	setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(s->fd, IPPROTO_TCP, TCP_CORK, &one, sizeof(one));
	if (!put(s, 64, 64, 0) || !put(s, 64, 64, 0))
		return;
	one = 0;
	setsockopt(s->fd, IPPROTO_TCP, TCP_CORK, &one, sizeof(one));
	if (get(s, 320, 0)) {
		look_at(s);
		ask(s);
		one = 1;
		setsockopt(s->fd, IPPROTO_TCP, TCP_CRYPT_CACHE_FLUSH, &one,
			   sizeof(one));
		finish(s);
	}
}

static void options_server(struct side *s)
{
	char buf[64];
	int n = 128;

	setsockopt(s->fd, SOL_SOCKET, SO_RCVLOWAT, &n, sizeof(n));
	if (recv(s->fd, buf, sizeof(buf), MSG_PEEK) < 0)
		return (void)broke(s, "recv MSG_PEEK");
	if (get(s, 128, 0) && put(s, 320, 320, 0)) {
		look_at(s);
		ask(s);
		finish(s);
	}
}

#define CURVES "Curve25519"

static const struct scenario scenarios[] = {
	{ .name = "fresh", .client = exchange_client,
	  .server = exchange_server },
	{ .name = "resumed", .client = small_client, .server = small_server,
	  .flags = RESUMED },
	{ .name = "rekey", .client = rekey_client, .server = rekey_server },
	{ .name = "early", .client = early_client, .server = early_server,
	  .flags = LATE },
	{ .name = "urgent", .client = urgent_client,
	  .server = urgent_server },
	{ .name = "splice", .client = splice_client,
	  .server = splice_server },
	{ .name = "zerocopy", .client = zerocopy_client,
	  .server = zerocopy_server },
	{ .name = "close", .client = close_client, .server = close_server },
	{ .name = "unread", .client = unread_client,
	  .server = unread_server, .flags = HALF },
	{ .name = "options", .client = options_client,
	  .server = options_server },
	{ .name = "required", .client = small_client,
	  .server = small_server, .flags = REQUIRED },
	{ .name = "ipv6", .client = small_client, .server = small_server,
	  .flags = IPV6 },
	{ .name = "p256", .client = small_client, .server = small_server,
	  .teps = "P256", .aeads = "CHACHA20_POLY1305" },
	{ .name = "curve448", .client = small_client,
	  .server = small_server, .teps = "Curve448",
	  .aeads = "AES_256_GCM" },
	{ .name = "p521", .client = small_client, .server = small_server,
	  .teps = "P521" },
	{}
};

#endif /* _SCENARIOS_H */
