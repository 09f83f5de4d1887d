// SPDX-License-Identifier: GPL-2.0
/*
 * What cannot work under encryption is refused before it does harm, and what
 * the module leaves alone it does leave alone. Runs in the guest, sock.sh
 * makes the two hosts.
 *
 *	refuse_test [CASE ...]
 *
 * In the plain variants the same calls succeed, or fail as they do for TCP.
 */

#define _GNU_SOURCE
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/kcm.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "lib/conn.h"

#ifndef AF_SMC
#define AF_SMC		43
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP	262
#endif

#define MARKER	"Plaintext-that-nobody-else-shall-read"

#define KIND_MPTCP	30
#define KIND_ENO	69

static unsigned long long counter(enum host host, const char *name)
{
	unsigned long long value = 0;
	size_t len = strlen(name);
	char line[200];
	FILE *f;

	enter(host);
	/* self, not thread-self: the main thread has entered */
	f = fopen("/proc/thread-self/net/tcpcrypt_stat", "r");
	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) &&
		    (line[len] == ' ' || line[len] == '\t'))
			value = strtoull(line + len, NULL, 10);
	fclose(f);
	return value;
}

/* Both directions work, and the wire shows what it should of the marker. */
static void check_unharmed(struct pair p)
{
	struct tap_sum sum;
	int tap = tap_open();
	char buf[100];

	ping_pair(p);
	CHECK_EQ(send(p.c, MARKER, strlen(MARKER), 0), strlen(MARKER));
	CHECK_EQ(recv(p.s, buf, strlen(MARKER), MSG_WAITALL), strlen(MARKER));
	CHECK(!memcmp(buf, MARKER, strlen(MARKER)));
	send_stream(p.s, 0, 10000, 3000);
	recv_stream(p.c, 0, 10000, 10000);
	sum = tap_read(tap, MARKER);
	CHECK(sum.packets);
	CHECK_EQ(sum.marked, is_plain);
	CHECK_EQ(get_int(p.c, SOL_SOCKET, SO_ERROR), 0);
	CHECK_EQ(get_int(p.s, SOL_SOCKET, SO_ERROR), 0);
	close(tap);
}

/* And neither end has a context. */
static void check_plain(struct pair p)
{
	bool was = is_plain;

	CHECK_EQ(crypt_state(p.c), -1);
	CHECK_EQ(crypt_state(p.s), -1);
	is_plain = true;
	check_unharmed(p);
	is_plain = was;
}

static int ulp(int fd, const char *name)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_ULP, name, strlen(name));
}

static int option(int fd, int name, int value)
{
	return setsockopt(fd, IPPROTO_TCP, name, &value, sizeof(value));
}

static struct tcp_md5sig md5_key(void)
{
	struct tcp_md5sig key = { .tcpm_keylen = 3, .tcpm_key = "key" };
	struct sockaddr_storage to;

	address(&to, B, 0);
	memcpy(&key.tcpm_addr, &to, sizeof(to));
	return key;
}

static int md5(int fd, int name)
{
	struct tcp_md5sig key = md5_key();

	return setsockopt(fd, IPPROTO_TCP, name, &key, sizeof(key));
}

static int zerocopy_receive(int fd, void *where)
{
	struct tcp_zerocopy_receive zc = {
		.address = (unsigned long)where, .length = 4096,
	};
	socklen_t len = sizeof(zc);

	return getsockopt(fd, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &zc, &len);
}

/* Maps the socket. Return: -1, or what the mapping can receive. */
static int map_socket(int fd)
{
	void *where = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	int ret;

	if (where == MAP_FAILED)
		return -1;
	ret = zerocopy_receive(fd, where);
	munmap(where, 4096);
	return ret;
}

/* BPF without a library. */

static int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int new_map(int type, int value_size)
{
	union bpf_attr attr = {
		.map_type = type, .key_size = 4, .value_size = value_size,
		.max_entries = 4,
	};
	int fd = bpf(BPF_MAP_CREATE, &attr);

	CHECK(fd >= 0);
	return fd;
}

static int map_update(int map, int key, void *value)
{
	union bpf_attr attr = {
		.map_fd = map, .key = (unsigned long)&key,
		.value = (unsigned long)value,
	};

	return bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

static int map_lookup(int map, int key, void *value)
{
	union bpf_attr attr = {
		.map_fd = map, .key = (unsigned long)&key,
		.value = (unsigned long)value,
	};

	return bpf(BPF_MAP_LOOKUP_ELEM, &attr);
}

static int load_prog(int type, const struct bpf_insn *insns, int n)
{
	static char log[4096];
	union bpf_attr attr = {
		.prog_type = type, .insns = (unsigned long)insns,
		.insn_cnt = n, .license = (unsigned long)"GPL",
		.log_buf = (unsigned long)log, .log_size = sizeof(log),
		.log_level = 1,
	};
	int fd = bpf(BPF_PROG_LOAD, &attr);

	if (fd < 0)
		FAIL("BPF_PROG_LOAD: %s", log);
	return fd;
}

static int attach_prog(int target, int prog, int type)
{
	union bpf_attr attr = {
		.target_fd = target, .attach_bpf_fd = prog, .attach_type = type,
	};

	return bpf(BPF_PROG_ATTACH, &attr);
}

/* The debug kernel has neither BPF nor KCM nor SMC; Debian's has them all. */
static bool has_bpf(void)
{
	union bpf_attr attr = {};

	return bpf(BPF_MAP_CREATE, &attr) < 0 && errno == EINVAL;
}

static bool has_family(int family, int type)
{
	int fd = socket(family, type, 0);

	if (fd < 0)
		return errno != EAFNOSUPPORT;
	close(fd);
	return true;
}

static void check_sockmap(int fd, int type, int err)
{
	int map, ret;

	if (!has_bpf())
		return;
	map = new_map(type, 4);
	ret = map_update(map, 0, &fd);
	if (err)
		CHECK_ERR(ret, err);
	else
		CHECK_EQ(ret, 0);
	close(map);
}

#define INSN(c, d, s, o, i)						\
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s),	\
			    .off = (o), .imm = (i) })
#define MOV_IMM(d, i)	INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define MOV(d, s)	INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define ADD_IMM(d, i)	INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define CALL(f)		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_##f)
#define EXIT()		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define LOAD(d, s, o)	INSN(BPF_LDX | BPF_MEM | BPF_W, d, s, o, 0)
#define STORE(d, s, o)	INSN(BPF_STX | BPF_MEM | BPF_W, d, s, o, 0)
#define MAP_FD(d, fd)							\
	INSN(BPF_LD | BPF_DW | BPF_IMM, d, BPF_PSEUDO_MAP_FD, 0, fd),	\
	INSN(0, 0, 0, 0, 0)

/* KCM: reads TCP's queue in the kernel. Every four bytes are a message. */
static int kcm_attach(int fd, int *kcm)
{
	const struct bpf_insn four[] = { MOV_IMM(BPF_REG_0, 4), EXIT(), };
	struct kcm_attach attach = { .fd = fd };

	attach.bpf_fd = load_prog(BPF_PROG_TYPE_SOCKET_FILTER, four,
				  ARRAY_SIZE(four));
	enter(A);
	*kcm = socket(AF_KCM, SOCK_DGRAM, KCMPROTO_CONNECTED);
	CHECK(*kcm >= 0);
	return ioctl(*kcm, SIOCKCMATTACH, &attach);
}

static void check_no_kcm(int fd, int err)
{
	int kcm;

	if (!has_bpf() || !has_family(AF_KCM, SOCK_DGRAM))
		return;
	CHECK_ERR(kcm_attach(fd, &kcm), err);
	close(kcm);
}

/* What is refused on an encrypted connection, whatever its state. */
static void refused(int fd)
{
	CHECK_ERR(ulp(fd, "tls"), EEXIST);
	CHECK_ERR(ulp(fd, "mptcp"), EEXIST);
	CHECK_ERR(ulp(fd, "tcpcrypt"), EEXIST);
	/* not in Debian's kernels, and no name of anything */
	CHECK_ERR(ulp(fd, "espintcp"), ENOENT);
	CHECK_ERR(ulp(fd, "nonsense"), ENOENT);
	CHECK_ERR(option(fd, TCP_REPAIR, 1), EOPNOTSUPP);
	CHECK_ERR(option(fd, TCP_REPAIR, 0), EOPNOTSUPP);
	CHECK_ERR(option(fd, TCP_REPAIR, -1), EOPNOTSUPP);
	CHECK_ERR(md5(fd, TCP_MD5SIG), EOPNOTSUPP);
	CHECK_ERR(md5(fd, TCP_MD5SIG_EXT), EOPNOTSUPP);
	CHECK_ERR(zerocopy_receive(fd, NULL), EOPNOTSUPP);
	CHECK_ERR(map_socket(fd), EOPNOTSUPP);
	check_no_kcm(fd, EALREADY);
}

/* What TCP refuses too. */
static void refused_by_tcp(int fd)
{
	struct tcp_repair_window window = {};

	CHECK_ERR(option(fd, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE), EPERM);
	CHECK_ERR(option(fd, TCP_QUEUE_SEQ, 1), EPERM);
	CHECK_ERR(option(fd, TCP_TIMESTAMP, 1), EPERM);
	CHECK_ERR(option(fd, TCP_REPAIR_OPTIONS, 0), EINVAL);
	CHECK_ERR(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &window,
			     sizeof(window)), EPERM);
	CHECK_ERR(option(fd, TCP_FASTOPEN, 1), EINVAL);
	CHECK_ERR(option(fd, TCP_FASTOPEN_CONNECT, 1), EINVAL);
}

static void all(int fd)
{
	if (!is_plain)
		refused(fd);
	refused_by_tcp(fd);
}

static void open_(void)
{
	struct pair p = new_pair();
	int types[] = { BPF_MAP_TYPE_SOCKMAP, BPF_MAP_TYPE_SOCKHASH };
	unsigned int i;

	all(p.c);
	all(p.s);
	for (i = 0; i < ARRAY_SIZE(types) && !is_plain; i++) {
		check_sockmap(p.c, types[i], EINVAL);
		check_sockmap(p.s, types[i], EINVAL);
	}
	check_unharmed(p);
	if (is_plain) {
		/* or nothing above would show anything */
		check_sockmap(p.s, types[1], 0);
		CHECK_EQ(option(p.s, TCP_REPAIR, 1), 0);
		CHECK_EQ(option(p.s, TCP_REPAIR, -1), 0);
		/* TCP_REPAIR took it: others have to bind this port */
		set_int(p.s, SOL_SOCKET, SO_REUSEADDR, 1);
		CHECK_EQ(map_socket(p.s), 0);
		CHECK_EQ(md5(p.c, TCP_MD5SIG), 0);
	}
}

/* Keys are being agreed: nobody has called accept(). Data waits as well. */
static void keying(void)
{
	int l = new_listener(), tap = tap_open();
	struct pair p = { .c = connect_to(l) };
	char buf[100];

	CHECK_EQ(crypt_state(p.c), is_plain ? -1 : TCP_CRYPT_KEYING);
	CHECK_EQ(send(p.c, MARKER, strlen(MARKER), 0), strlen(MARKER));
	all(p.c);
	p.s = do_accept(l);
	CHECK_EQ(recv(p.s, buf, strlen(MARKER), MSG_WAITALL), strlen(MARKER));
	CHECK(!memcmp(buf, MARKER, strlen(MARKER)));
	check_pair(p.c, p.s);
	CHECK_EQ(tap_read(tap, MARKER).marked, is_plain);
	check_unharmed(p);
}

/* One direction has ended, the other goes on. */
static void half_closed(void)
{
	struct pair p = new_pair();

	CHECK_EQ(shutdown(p.c, SHUT_WR), 0);
	check_eof(p.s);
	all(p.c);
	all(p.s);
	if (!is_plain)
		check_sockmap(p.s, BPF_MAP_TYPE_SOCKMAP, EOPNOTSUPP);
	send_stream(p.s, 0, 20000, 5000);
	recv_stream(p.c, 0, 20000, 20000);
	all(p.c);
	CHECK_EQ(shutdown(p.s, SHUT_WR), 0);
	check_eof(p.c);
}

/* The peer has reset it. The error is not disturbed by what is refused. */
static void failed(void)
{
	struct linger linger = { 1, 0 };
	struct pair p = new_pair();
	char buf[4];

	CHECK_EQ(setsockopt(p.s, SOL_SOCKET, SO_LINGER, &linger,
			    sizeof(linger)), 0);
	close(p.s);
	WAIT_FOR(poll_now(p.c, POLLIN) & POLLERR);
	if (!is_plain) {
		CHECK_ERR(ulp(p.c, "tls"), EEXIST);
		CHECK_ERR(option(p.c, TCP_REPAIR, 1), EOPNOTSUPP);
		CHECK_ERR(zerocopy_receive(p.c, NULL), EOPNOTSUPP);
		CHECK_ERR(map_socket(p.c), EOPNOTSUPP);
	}
	check_no_kcm(p.c, EOPNOTSUPP);
	check_sockmap(p.c, BPF_MAP_TYPE_SOCKMAP, EOPNOTSUPP);
	CHECK_ERR(recv(p.c, buf, 1, 0), ECONNRESET);
}

/* Taken by TCP_ULP and not connected; then it connects. */
static void taken(void)
{
	int l = new_listener(), fd = new_socket(A);
	struct pair p = { .c = fd };

	CHECK_EQ(ulp(fd, "tcpcrypt"), 0);
	CHECK_ERR(ulp(fd, "tcpcrypt"), EEXIST);
	CHECK_ERR(ulp(fd, "tls"), EEXIST);
	check_sockmap(fd, BPF_MAP_TYPE_SOCKMAP, EOPNOTSUPP);
	check_no_kcm(fd, EOPNOTSUPP);
	CHECK_EQ(do_connect(fd, B, port_of(l)), 0);
	p.s = do_accept(l);
	if (!is_plain)
		return check_pair(p.c, p.s);
	/* fell back: still ours, and what needs the slot is refused */
	CHECK_ERR(ulp(fd, "tls"), EEXIST);
	check_sockmap(fd, BPF_MAP_TYPE_SOCKMAP, EINVAL);
	CHECK_EQ(option(fd, TCP_REPAIR, 1), 0);
	CHECK_EQ(option(fd, TCP_REPAIR, -1), 0);
	check_unharmed(p);
}

static void listener(void)
{
	int l = new_listener();
	struct pair p;

	CHECK_ERR(ulp(l, "tls"), ENOTCONN);
	CHECK_ERR(ulp(l, "tcpcrypt"), EISCONN);
	CHECK_ERR(option(l, TCP_REPAIR, 1), EPERM);
	check_no_kcm(l, EOPNOTSUPP);
	p.c = connect_to(l);
	p.s = do_accept(l);
	check_pair(p.c, p.s);
	check_unharmed(p);
	close_pair(p);
	/* in a sockmap without programs it serves BPF's socket lookup alone */
	check_sockmap(l, BPF_MAP_TYPE_SOCKMAP, 0);
	p.c = connect_to(l);
	p.s = do_accept(l);
	check_pair(p.c, p.s);
	check_unharmed(p);
}

/*
 * A socket in SYN_SENT: the queue of the listener is full, its SYN comes
 * again when there is room.
 */
struct waiting {
	int l, first, fd;
};

static struct waiting new_waiting(void)
{
	struct waiting w = { .l = new_bound() };

	CHECK_EQ(listen(w.l, 0), 0);
	w.first = connect_to(w.l);
	w.fd = new_socket(A);
	set_nonblock(w.fd, true);
	CHECK_ERR(do_connect(w.fd, B, port_of(w.l)), EINPROGRESS);
	return w;
}

static struct pair let_in(struct waiting w)
{
	struct pair p = { .c = w.fd };
	int s = do_accept(w.l);

	check_pair(w.first, s);
	CHECK_EQ(poll_wait(w.fd, POLLOUT) & POLLOUT, POLLOUT);
	set_nonblock(w.fd, false);
	p.s = do_accept(w.l);
	return p;
}

static void connecting(void)
{
	struct waiting w = new_waiting();
	struct pair p;

	/* the slot is free for TCP, which wants a connection first */
	CHECK_ERR(ulp(w.fd, "tls"), is_plain ? ENOTCONN : EEXIST);
	CHECK_ERR(ulp(w.fd, "tcpcrypt"), is_plain ? EISCONN : EEXIST);
	check_sockmap(w.fd, BPF_MAP_TYPE_SOCKMAP, EOPNOTSUPP);
	p = let_in(w);
	check_pair(p.c, p.s);
	check_unharmed(p);
}

/* CRIU takes it while it connects: left alone, it will see the segments. */
static void repair_connecting(void)
{
	unsigned long long before = counter(A, "FallbackForeign");
	struct waiting w = new_waiting();
	struct pair p;

	CHECK_EQ(option(w.fd, TCP_REPAIR, 1), 0);
	p = let_in(w);
	CHECK_EQ(crypt_state(p.c), -1);
	CHECK_EQ(option(p.c, TCP_REPAIR, -1), 0);
	check_plain(p);
	CHECK_EQ(counter(A, "FallbackForeign") - before, !is_plain);
}

static void kcm_connecting(void)
{
	unsigned long long before = counter(A, "FallbackForeign");
	struct waiting w = new_waiting();
	struct pair p;
	char buf[8];
	int kcm;

	if (!has_bpf() || !has_family(AF_KCM, SOCK_DGRAM)) {
		check_pair(w.first, do_accept(w.l));
		return;
	}
	CHECK_EQ(kcm_attach(w.fd, &kcm), 0);
	p.c = w.fd;
	check_pair(w.first, do_accept(w.l));
	p.s = do_accept(w.l);
	CHECK_EQ(send(p.s, "pingpong", 8, 0), 8);
	CHECK_EQ(recv(kcm, buf, sizeof(buf), 0), 4);
	CHECK(!memcmp(buf, "ping", 4));
	CHECK_EQ(crypt_state(p.s), -1);
	CHECK_EQ(counter(A, "FallbackForeign") - before, !is_plain);
}

/* TCP-MD5 keys that are there first: plain, and nothing of ours is seen. */
static void md5_first(void)
{
	int fd = new_socket(A), bound = new_socket(B);
	struct tcp_md5sig key = md5_key();
	struct sockaddr_storage from;
	struct pair p = { .c = fd };

	new_pair();
	CHECK_EQ(do_bind(bound, B, 0), 0);
	CHECK_EQ(listen(bound, 5), 0);
	address(&from, A, 0);
	memcpy(&key.tcpm_addr, &from, sizeof(from));
	CHECK_EQ(setsockopt(bound, IPPROTO_TCP, TCP_MD5SIG, &key,
			    sizeof(key)), 0);
	CHECK_EQ(md5(fd, TCP_MD5SIG), 0);
	CHECK_ERR(ulp(fd, "tcpcrypt"), EOPNOTSUPP);
	CHECK_EQ(do_connect(fd, B, port_of(bound)), 0);
	p.s = do_accept(bound);
	check_plain(p);
}

/* And TCP_REPAIR: a connection made up from nothing. */
static void repair_first(void)
{
	int fd = new_socket(A);

	new_pair();
	CHECK_EQ(option(fd, TCP_REPAIR, 1), 0);
	CHECK_ERR(ulp(fd, "tcpcrypt"), EOPNOTSUPP);
	CHECK_EQ(do_connect(fd, B, 9), 0);
	CHECK_EQ(crypt_state(fd), -1);
	CHECK_EQ(ulp(fd, "tls"), 0);
	CHECK_EQ(option(fd, TCP_REPAIR, 1), 0);
}

/*
 * A program at the tracepoints of a connection's life that puts each new one
 * into a sockmap, at both ends, in the very moment it is established: what
 * service meshes do.
 */
static int load_sockops(int socks, int results)
{
	const struct bpf_insn insns[] = {
		MOV(BPF_REG_6, BPF_REG_1),
		LOAD(BPF_REG_2, BPF_REG_6, offsetof(struct bpf_sock_ops, op)),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_2, 0, 1,
		     BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB),
		INSN(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 18,
		     BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB),
		ADD_IMM(BPF_REG_2, -BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB),
		STORE(BPF_REG_10, BPF_REG_2, -4),
		MOV(BPF_REG_1, BPF_REG_6),
		MAP_FD(BPF_REG_2, socks),
		MOV(BPF_REG_3, BPF_REG_10),
		ADD_IMM(BPF_REG_3, -4),
		MOV_IMM(BPF_REG_4, 0),
		CALL(sock_map_update),
		STORE(BPF_REG_10, BPF_REG_0, -8),
		MAP_FD(BPF_REG_1, results),
		MOV(BPF_REG_2, BPF_REG_10),
		ADD_IMM(BPF_REG_2, -4),
		MOV(BPF_REG_3, BPF_REG_10),
		ADD_IMM(BPF_REG_3, -8),
		MOV_IMM(BPF_REG_4, 0),
		CALL(map_update_elem),
		MOV_IMM(BPF_REG_0, 1),
		EXIT(),
	};

	return load_prog(BPF_PROG_TYPE_SOCK_OPS, insns, ARRAY_SIZE(insns));
}

static int own_cgroup(void)
{
	const char *path = "/sys/fs/cgroup/refuse_test", *self = "0\n";
	char procs[64];
	int fd, dir;

	mkdir(path, 0755);
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	fd = open(procs, O_WRONLY);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, self, strlen(self)), strlen(self));
	close(fd);
	dir = open(path, O_RDONLY | O_DIRECTORY);
	CHECK(dir >= 0);
	return dir;
}

static void sock_ops(void)
{
	int socks, results, i, result, one = 1, dir = own_cgroup();
	unsigned long long cookie;
	struct pair p;

	if (!has_bpf()) {
		new_pair();
		return;
	}
	socks = new_map(BPF_MAP_TYPE_SOCKMAP, 8);
	results = new_map(BPF_MAP_TYPE_ARRAY, 4);
	CHECK_EQ(map_update(results, 0, &one), 0);
	CHECK_EQ(map_update(results, 1, &one), 0);
	CHECK_EQ(attach_prog(dir, load_sockops(socks, results),
			     BPF_CGROUP_SOCK_OPS), 0);
	p = new_pair();
	for (i = 0; i < 2; i++) {
		CHECK_EQ(map_lookup(results, i, &result), 0);
		CHECK_EQ(result, is_plain ? 0 : -EINVAL);
		if (is_plain)
			CHECK_EQ(map_lookup(socks, i, &cookie), 0);
		else
			CHECK_ERR(map_lookup(socks, i, &cookie), ENOENT);
	}
	check_unharmed(p);
}

/*
 * A socket filter sees segments, with their headers: as ever, and ciphertext.
 * One that drops everything stops the connection, without harm.
 */
static void socket_filter(void)
{
	struct sock_filter drop = { BPF_RET | BPF_K, 0, 0, 0 };
	struct sock_fprog prog = { 1, &drop };
	struct pair p = new_pair();
	char buf[8];

	CHECK_EQ(setsockopt(p.s, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			    sizeof(prog)), 0);
	CHECK_EQ(send(p.c, "ping", 4, 0), 4);
	nap(300);
	CHECK_ERR(recv(p.s, buf, 4, MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(setsockopt(p.s, SOL_SOCKET, SO_DETACH_FILTER, &prog,
			    sizeof(prog)), 0);
	CHECK_EQ(recv(p.s, buf, 4, MSG_WAITALL), 4);
	CHECK(!memcmp(buf, "ping", 4));
	check_unharmed(p);
}

/* A group of listeners, and a program that chooses the second. */
static void reuseport(void)
{
	struct sock_filter second = { BPF_RET | BPF_K, 0, 0, 1 };
	struct sock_fprog prog = { 1, &second };
	int l[2], i, port = is_plain ? PLAIN_PORT : 0;
	struct pair p;

	for (i = 0; i < 2; i++) {
		l[i] = new_socket(B);
		set_int(l[i], SOL_SOCKET, SO_REUSEPORT, 1);
		CHECK_EQ(do_bind(l[i], B, port), 0);
		CHECK_EQ(listen(l[i], 5), 0);
		port = port_of(l[i]);
	}
	CHECK_EQ(setsockopt(l[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog,
			    sizeof(prog)), 0);
	for (i = 0; i < 3; i++) {
		p.c = connect_to(l[0]);
		p.s = do_accept(l[1]);
		check_pair(p.c, p.s);
		ping_pair(p);
	}
	check_unharmed(p);
}

/* Bad ancillary data, a bad address, a bad option: errno, and go on. */
static void bad_input(void)
{
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { "lost", 4 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	struct pair p = new_pair();

	*cmsg = (struct cmsghdr){ CMSG_LEN(4), SOL_SOCKET, 9999 };
	CHECK_ERR(sendmsg(p.c, &msg, 0), EINVAL);
	CHECK_ERR(send(p.c, (void *)8, 4, 0), EFAULT);
	CHECK_ERR(recv(p.c, (void *)8, 4, MSG_OOB), EINVAL);
	CHECK_ERR(setsockopt(p.c, IPPROTO_TCP, TCP_NODELAY, &iov, 1), EINVAL);
	CHECK_ERR(setsockopt(p.c, IPPROTO_TCP, TCP_KEEPIDLE, (void *)8, 4),
		  EFAULT);
	CHECK_ERR(option(p.c, TCP_KEEPIDLE, 0), EINVAL);
	CHECK_ERR(option(p.c, TCP_KEEPIDLE, 40000), EINVAL);
	CHECK_ERR(option(p.c, 12345, 1), ENOPROTOOPT);
	CHECK_ERR(listen(p.c, 1), EINVAL);
	CHECK_ERR(do_connect(p.c, B, port_of(p.s)), EISCONN);
	CHECK_ERR(do_bind(p.c, A, 0), EINVAL);
	CHECK_ERR(ioctl(p.c, FIONREAD, (void *)8), EFAULT);
	CHECK_ERR(ioctl(p.c, 0x12345678, 0), ENOTTY);
	check_unharmed(p);
}

/* TCP has it since Linux 6.9. */
static void peek_off(void)
{
	struct pair p = new_pair();
	char buf[10];

	if (setsockopt(p.s, SOL_SOCKET, SO_PEEK_OFF, &(int){ 2 }, 4)) {
		CHECK_EQ(errno, EOPNOTSUPP);
		return check_unharmed(p);
	}
	CHECK_EQ(send(p.c, "0123456789", 10, 0), 10);
	WAIT_FOR(inq(p.s) == 10);
	CHECK_EQ(recv(p.s, buf, 3, MSG_PEEK), 3);
	CHECK(!memcmp(buf, "234", 3));
	CHECK_EQ(get_int(p.s, SOL_SOCKET, SO_PEEK_OFF), 5);
	CHECK_EQ(recv(p.s, buf, 4, 0), 4);
	CHECK(!memcmp(buf, "0123", 4));
	CHECK_EQ(get_int(p.s, SOL_SOCKET, SO_PEEK_OFF), 1);
	CHECK_EQ(recv(p.s, buf, 10, MSG_PEEK), 5);
	CHECK(!memcmp(buf, "56789", 5));
	CHECK_ERR(recv(p.s, buf, 10, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(recv(p.s, buf, 10, 0), 6);
	CHECK_EQ(get_int(p.s, SOL_SOCKET, SO_PEEK_OFF), 0);
	check_unharmed(p);
}

/* SYN segments that were captured, with these options. */
struct syns {
	unsigned int mptcp, eno, all;
};

static struct syns read_syns(int tap)
{
	static unsigned char buf[70000];
	unsigned char *opt, *end;
	struct syns syns = {};
	ssize_t n;

	while ((n = recv(tap, buf, sizeof(buf), 0)) > 0) {
		if (n < 54 || buf[12] != 8 || buf[13] || buf[23] != 6 ||
		    !(buf[47] & 2))
			continue;
		opt = buf + 54;
		end = buf + 34 + (buf[46] >> 4) * 4;
		for (syns.all++; opt < end && *opt;
		     opt += *opt == 1 || opt[1] < 2 ? 1 : opt[1]) {
			syns.mptcp += *opt == KIND_MPTCP;
			syns.eno += *opt == KIND_ENO;
		}
	}
	return syns;
}

/* A socket of another protocol above TCP, listening or to connect. */
static int other_socket(enum host host, int domain, int protocol)
{
	int fd;

	enter(host);
	fd = socket(domain, SOCK_STREAM, protocol);
	CHECK(fd >= 0);
	return fd;
}

static struct pair other_pair(int c, int l)
{
	struct pair p = { .c = c };

	CHECK_EQ(do_bind(l, B, 0), 0);
	CHECK_EQ(listen(l, 5), 0);
	CHECK_EQ(do_connect(c, B, port_of(l)), 0);
	p.s = do_accept(l);
	close(l);
	return p;
}

/*
 * Between such sockets, and with a TCP socket at either end, where they fall
 * back to TCP. Their connections are plain; ours beside them are not.
 */
static void others(int domain, int protocol, bool mptcp)
{
	struct syns syns;
	int tap, i, c, l;

	new_pair();
	for (i = 1; i < 4; i++) {
		c = i & 1 ? other_socket(A, domain, protocol) : new_socket(A);
		l = i & 2 ? other_socket(B, domain, protocol) : new_socket(B);
		tap = tap_open();
		check_plain(other_pair(c, l));
		syns = read_syns(tap);
		CHECK(syns.all >= 2);
		/* the plain client offers ENO, and that is all */
		CHECK_EQ(syns.eno, !(i & 1));
		if (mptcp)
			CHECK_EQ(syns.mptcp, (i & 1) + (i == 3));
		close(tap);
	}
	new_pair();
}

static void mptcp(void)
{
	others(AF_INET, IPPROTO_MPTCP, true);
}

static void smc(void)
{
	if (!has_family(AF_SMC, SOCK_STREAM)) {
		new_pair();
		return;
	}
	others(AF_SMC, 0, false);
}

/* selftests/usurp: a kernel user that asks nobody. */

#define USURP		"/proc/tcpcrypt_test_usurp"

static void usurp(int fd)
{
	char text[20];
	int len = 1, proc = open(USURP, O_WRONLY);

	CHECK(proc >= 0);
	if (fd >= 0)
		len = snprintf(text, sizeof(text), "%d\n", fd);
	CHECK_EQ(write(proc, fd < 0 ? "\n" : text, len), len);
	close(proc);
}

/* Bytes that it has read. */
static int looted(void)
{
	char text[20] = "";
	int proc = open(USURP, O_RDONLY);

	CHECK(proc >= 0);
	CHECK(read(proc, text, sizeof(text) - 1) > 0);
	close(proc);
	return atoi(text);
}

/* It stands beside the module, which was built for this kernel. */
static void load_usurper(void)
{
	const char *module = getenv("MODULE");
	char path[300];
	int fd;

	CHECK(module && strrchr(module, '/'));
	snprintf(path, sizeof(path),
		 "%.*s/selftests/usurp/tcpcrypt_test_usurp.ko",
		 (int)(strrchr(module, '/') - module), module);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		FAIL("no %s: make usurp", path);
	if (syscall(SYS_finit_module, fd, "", 0))
		CHECK_EQ(errno, EEXIST);
	close(fd);
	usurp(-1);
}

/* It gets no byte, and the application an error that says why. */
static void usurped(void)
{
	unsigned long long before = counter(A, "AbortForeign");
	struct pair p = new_pair();
	char buf[4];

	load_usurper();
	usurp(p.c);
	CHECK_EQ(send(p.s, "ping", 4, 0), 4);
	if (is_plain) {
		WAIT_FOR(looted() == 4);
	} else {
		WAIT_FOR(poll_now(p.c, 0) & POLLERR);
		CHECK_ERR(recv(p.c, buf, 4, MSG_DONTWAIT), EBUSY);
		CHECK_ERR(recv(p.s, buf, 4, 0), ECONNRESET);
		CHECK_EQ(looted(), 0);
		CHECK_EQ(counter(A, "AbortForeign") - before, 1);
	}
	usurp(-1);
}

/* It speaks first, and does not get far. */
static void usurped_sends(void)
{
	struct pair p = new_pair();
	int tap = tap_open();
	struct tap_sum sum;
	char buf[4];

	load_usurper();
	usurp(p.s);
	if (is_plain) {
		ping(p.s, p.c);
	} else {
		CHECK_ERR(send(p.s, "ping", 4, 0), EBUSY);
		CHECK_ERR(recv(p.c, buf, 4, 0), ECONNRESET);
		sum = tap_read(tap, "ping");
		CHECK_EQ(sum.payload, 0);
		CHECK(sum.resets);
	}
	usurp(-1);
}

/* A listener, as rpc.nfsd makes it: its children inherit what reads them. */
static void usurped_listener(void)
{
	unsigned long long before = counter(B, "FallbackForeign");
	struct pair p = new_pair();
	int l = new_listener();

	load_usurper();
	usurp(l);
	p.c = connect_to(l);
	CHECK_EQ(crypt_state(p.c), -1);
	CHECK_EQ(send(p.c, "ping", 4, 0), 4);
	WAIT_FOR(looted() == 4);
	CHECK_EQ(counter(B, "FallbackForeign") - before, !is_plain);
	usurp(-1);
}

#define CASE(fn, variants)	{ #fn, fn, variants }

static const struct ktap_case cases[] = {
	{ "open", open_, ALL },
	CASE(keying, ALL),
	CASE(half_closed, BOTH),
	CASE(failed, BOTH),
	CASE(taken, BOTH),
	CASE(listener, BOTH),
	CASE(connecting, BOTH),
	CASE(repair_connecting, BOTH),
	CASE(kcm_connecting, BOTH),
	CASE(md5_first, V4),
	CASE(repair_first, V4),
	CASE(sock_ops, ALL),
	CASE(socket_filter, BOTH),
	CASE(reuseport, ALL),
	CASE(bad_input, ALL),
	CASE(peek_off, BOTH),
	CASE(mptcp, V4),
	CASE(smc, V4),
	CASE(usurped, ALL),
	CASE(usurped_sends, BOTH),
	CASE(usurped_listener, BOTH),
	{ }
};

int main(int argc, char **argv)
{
	return ktap_main(argc, argv, cases, variant_names, before, after);
}
