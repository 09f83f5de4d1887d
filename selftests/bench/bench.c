// SPDX-License-Identifier: GPL-2.0
/*
 * Measures one system between two network namespaces of this machine, a and
 * b. Prints "result METRIC VALUE UNIT" for each repeat.
 *
 *   bench [-t TRANSPORT] [-x EXPECT] [-r REPEATS] [-u UNITS] [-d ADDRESS]
 *         [-p PORT] [-R] [-w] METRIC
 *   bench -L		the transports
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/tcpcrypt.h>
#include "bench.h"

struct config config = {
	.transport	= &tcp_transport,
	.expect		= "",
	.address	= ADDR_B,
	.port		= 5000,
	.repeats	= 3,
};

#define SETTLE 1	/* second */

static int other;	/* the other process */

void die(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "error: bench: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(1);
}

void tell(char c)
{
	if (send(other, &c, 1, MSG_NOSIGNAL) != 1)
		die("the other process is gone");
}

void wait_told(char c)
{
	char got;

	if (recv(other, &got, 1, 0) != 1 || got != c)
		die("the other process is gone");
}

/* --- plain sockets, which tcpcrypt's are too ------------------------------ */

size_t tcp_send(struct conn *c, const void *buf, size_t len)
{
	ssize_t n = send(c->fd, buf, len, MSG_NOSIGNAL);

	if (n <= 0)
		die("send: %m");
	return n;
}

size_t tcp_recv(struct conn *c, void *buf, size_t len)
{
	ssize_t n = recv(c->fd, buf, len, 0);

	if (n < 0)
		die("recv: %m");
	return n;
}

const struct transport tcp_transport = {
	.name	= "tcp",
	.send	= tcp_send,
	.recv	= tcp_recv,
};

/* --- connections ----------------------------------------------------------- */

static struct sockaddr_in address(void)
{
	struct sockaddr_in sin = {
		.sin_family	= AF_INET,
		.sin_port	= htons(config.port),
	};

	inet_pton(AF_INET, config.address, &sin.sin_addr);
	return sin;
}

/*
 * That a connection is what the command line says: "" for one without an ULP,
 * that of another, or the driver that encrypts for tcpcrypt.
 */
static void expect(const struct conn *c)
{
	struct tcp_crypt_info info = {};
	socklen_t len = sizeof(info);
	char ulp[16] = "";

	if (!getsockopt(c->fd, IPPROTO_TCP, TCP_CRYPT_INFO, &info, &len) &&
	    info.tcci_state == TCP_CRYPT_OPEN) {
		if (strcmp(config.expect, info.tcci_driver))
			die("encrypted by %s instead of '%s'",
			    info.tcci_driver, config.expect);
		return;
	}
	len = sizeof(ulp);
	if (getsockopt(c->fd, IPPROTO_TCP, TCP_ULP, ulp, &len))
		die("TCP_ULP: %m");
	if (!len)
		ulp[0] = '\0';
	if (strcmp(config.expect, ulp))
		die("ULP '%s' instead of '%s'", ulp, config.expect);
}

int listen_tcp(void)
{
	struct sockaddr_in sin = address();
	int fd, on = 1;

	/* where packets are redirected, the address is another */
	sin.sin_addr.s_addr = htonl(INADDR_ANY);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    (config.rcvbuf &&
	     setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &config.rcvbuf,
			sizeof(config.rcvbuf))) ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) ||
	    listen(fd, 1024))
		die("listen: %m");
	tell('l');
	return fd;
}

void accept_conn(int listener, struct conn *c)
{
	c->fd = accept(listener, NULL, NULL);
	if (c->fd < 0)
		die("accept: %m");
	if (config.transport->start)
		config.transport->start(c, false);
}

void connect_conn(struct conn *c)
{
	struct sockaddr_in sin = address();

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 ||
	    connect(c->fd, (struct sockaddr *)&sin, sizeof(sin)))
		die("connect: %m");
	if (config.transport->start)
		config.transport->start(c, true);
}

void finish_conn(struct conn *c)
{
	if (config.transport->finish)
		config.transport->finish(c);
	else if (shutdown(c->fd, SHUT_WR))
		die("shutdown: %m");
}

void close_conn(struct conn *c)
{
	if (config.transport->end)
		config.transport->end(c);
	close(c->fd);
}

void send_all(struct conn *c, const void *buf, size_t len)
{
	while (len) {
		size_t n = config.transport->send(c, buf, len);

		buf += n;
		len -= n;
	}
}

void recv_all(struct conn *c, void *buf, size_t len)
{
	while (len) {
		size_t n = config.transport->recv(c, buf, len);

		if (!n)
			die("unexpected end of the stream");
		buf += n;
		len -= n;
	}
}

void set_nodelay(struct conn *c)
{
	int on = 1;

	if (setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		die("TCP_NODELAY: %m");
}

/* What wire.py looks for is everywhere in the data. */
void fill(char *buf, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = MARKER[i % (sizeof(MARKER) - 1)];
}

/* One connection that is looked at, before anything is measured */
static void try_client(void)
{
	struct conn c;
	char buf[4096];

	wait_told('l');
	connect_conn(&c);
	fill(buf, sizeof(buf));
	send_all(&c, buf, sizeof(buf));
	recv_all(&c, buf, 1);
	expect(&c);
	finish_conn(&c);
	if (config.transport->recv(&c, buf, 1))
		die("more than was sent");
	close_conn(&c);
	wait_told('t');
}

static void try_server(void)
{
	int listener = listen_tcp();
	struct conn c;
	char buf[4096];

	accept_conn(listener, &c);
	recv_all(&c, buf, sizeof(buf));
	expect(&c);
	send_all(&c, buf, 1);
	if (config.transport->recv(&c, buf, sizeof(buf)))
		die("more than was sent");
	close_conn(&c);
	close(listener);
	tell('t');
}

/* --- the two hosts --------------------------------------------------------- */

static void enter(const char *ns)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = open(path, O_RDONLY);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die("%s: %m", path);
	close(fd);
}

/* Nothing may be loaded from the disk while it is measured. */
static void get_ready(void)
{
	struct rlimit files = { 65536, 65536 };

	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		die("mlockall: %m");
	if (setrlimit(RLIMIT_NOFILE, &files))
		die("RLIMIT_NOFILE: %m");
}

static void be_server(const struct metric *m, size_t size, int control)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	other = control;
	enter("b");
	get_ready();
	if (config.transport->init)
		config.transport->init(false);
	try_server();
	m->server(m, size);
	/* its end is no part of the metric */
	wait_told('e');
	exit(0);
}

static void measure(const struct metric *m, size_t size)
{
	int pair[2], status;
	pid_t pid;

	/* what the metric before has left for later */
	sleep(SETTLE);
	if (!m->server) {
		m->client(m, size);
		return;
	}
	if (config.transport->prepare)
		config.transport->prepare();
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		die("socketpair: %m");
	pid = fork();
	if (pid < 0)
		die("fork: %m");
	if (!pid) {
		close(pair[0]);
		be_server(m, size, pair[1]);
	}
	close(pair[1]);
	other = pair[0];
	enter("a");
	get_ready();
	if (config.transport->init)
		config.transport->init(true);
	try_client();
	m->client(m, size);
	tell('e');
	close(other);
	if (waitpid(pid, &status, 0) != pid || status)
		die("the server failed");
}

static const struct metric *find_metric(const char *name, size_t *size)
{
	size_t len = strcspn(name, "-");
	const struct metric *m;

	*size = name[len] ? strtoul(name + len + 1, NULL, 10) : 0;
	for (m = metrics; m->name; m++)
		if (strlen(m->name) == len && !strncmp(m->name, name, len))
			return m;
	die("no metric '%s'", name);
}

static const struct transport *const transports[] = {
	&tcp_transport, &ktls_transports[0], &ktls_transports[1],
	&ktls_transports[2],
#ifdef WITH_OPENSSL
	&tls_transport, &tls_ktls_transport,
#endif
	NULL
};

static const struct transport *find_transport(const char *name)
{
	size_t i;

	for (i = 0; transports[i]; i++)
		if (!strcmp(transports[i]->name, name))
			return transports[i];
	die("no transport '%s'", name);
}

static void list_transports(void)
{
	size_t i;

	for (i = 0; transports[i]; i++)
		puts(transports[i]->name);
}

static unsigned long number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!n || *end)
		die("'%s' is not positive", text);
	return n;
}

int main(int argc, char **argv)
{
	const struct metric *m;
	size_t size;
	int opt;

	while ((opt = getopt(argc, argv, "t:x:r:u:d:p:RwL")) != -1) {
		switch (opt) {
		case 't':
			config.transport = find_transport(optarg);
			break;
		case 'x':
			config.expect = optarg;
			break;
		case 'r':
			config.repeats = number(optarg);
			break;
		case 'u':
			config.units = number(optarg);
			break;
		case 'R':
			config.resume = true;
			break;
		case 'L':
			list_transports();
			return 0;
		case 'w':
			config.wall = true;
			break;
		case 'd':
			config.address = optarg;
			break;
		case 'p':
			config.port = number(optarg);
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 1)
		die("one metric, please");
	m = find_metric(argv[optind], &size);
	/*
	 * While a page is fetched from the disk, the processor is idle and the
	 * clocks leap: timeouts of TCP, SYNs that are repeated without ENO.
	 */
	if (mlockall(MCL_CURRENT))
		die("mlockall(): %m");
	if (!config.units)
		config.units = m->units;
	measure(m, size);
	print_reports();
	return 0;
}
