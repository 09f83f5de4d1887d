/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One program is both hosts: each metric has a part for the client, which
 * measures and prints, and one for the server, a process of its own.
 */
#ifndef TCPCRYPT_BENCH_H
#define TCPCRYPT_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include <sys/types.h>

#ifndef SOL_TLS
#define SOL_TLS		282
#endif

/* lib/net.sh has them too */
#define ADDR_A		"10.9.0.1"
#define ADDR_B		"10.9.0.2"
#define MARKER		"Plaintext-that-nobody-else-shall-read"

/* One end of a connection */
struct conn {
	int	fd;
	void	*priv;		/* the transport's */
};

/*
 * What carries the data. start() comes once TCP is connected; the others
 * behave as on a blocking socket, and die() on errors.
 */
struct transport {
	const char	*name;
	void	(*prepare)(void);		/* before there are two */
	void	(*init)(bool client);
	void	(*start)(struct conn *c, bool client);
	size_t	(*send)(struct conn *c, const void *buf, size_t len);
	size_t	(*recv)(struct conn *c, void *buf, size_t len);
	void	(*finish)(struct conn *c);	/* nothing more is sent */
	void	(*end)(struct conn *c);		/* before close() */
};

extern const struct transport tcp_transport, tls_transport,
			      tls_ktls_transport, ktls_transports[3];

/* The command line */
struct config {
	const struct transport	*transport;
	const char	*expect;	/* ULP, or the AEAD's driver */
	const char	*address;	/* where the server is */
	int		port;
	int		rcvbuf;		/* of the listener, if not 0 */
	bool		resume;		/* sessions, where the program does */
	bool		wall;		/* time, not instructions */
	unsigned int	repeats;
	unsigned long	units;		/* of work in one repeat */
};

extern struct config config;

struct metric {
	const char	*name;		/* with its size behind a dash, if any */
	const char	*unit;
	unsigned long	units;		/* in one repeat, by default */
	void	(*client)(const struct metric *m, size_t size);
	void	(*server)(const struct metric *m, size_t size);
};

extern const struct metric metrics[];

/* bench.c */
_Noreturn void die(const char *format, ...);
void tell(char c);			/* the other process */
void wait_told(char c);
int listen_tcp(void);
void accept_conn(int listener, struct conn *c);
void connect_conn(struct conn *c);
void finish_conn(struct conn *c);
void close_conn(struct conn *c);
void send_all(struct conn *c, const void *buf, size_t len);
void recv_all(struct conn *c, void *buf, size_t len);
void set_nodelay(struct conn *c);
size_t tcp_send(struct conn *c, const void *buf, size_t len);
size_t tcp_recv(struct conn *c, void *buf, size_t len);
void fill(char *buf, size_t len);

/* count.c */
__u64 now(void);			/* CLOCK_MONOTONIC, ns */
void count_begin(void);
__u64 count_end(void);		/* ns that the CPU was not idle */
__u64 idle_ns(void);
__u64 memory_used(void);		/* by the kernel, bytes */
void report(const char *metric, double value, const char *unit);
void print_reports(void);
void count_client(const struct metric *m, size_t size);

/* metrics.c and many.c: the two parts of each metric */
void stream_server(const struct metric *m, size_t size);
void among_client(const struct metric *m, size_t size);
void among_server(const struct metric *m, size_t size);
void more_client(const struct metric *m, size_t size);
void more_server(const struct metric *m, size_t size);
void first_client(const struct metric *m, size_t size);
void first_server(const struct metric *m, size_t size);
void fair_client(const struct metric *m, size_t size);
void fair_server(const struct metric *m, size_t size);
void softirq_client(const struct metric *m, size_t size);

#endif
