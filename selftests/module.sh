#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Loading and unloading: listeners that were open before, what rmmod refuses
# and from which states it succeeds, over and over, with nothing left behind.
# Runs in the guest; loads the module itself ($MODULE).
#
#   module.sh [REGEX]

. "$(dirname "$(readlink -f "$0")")/lib/net.sh"

loaded() { grep -q ^tcpcrypt /proc/modules; }
load() { loaded || "$SELFTESTS/guest/insmod.sh" "$MODULE"; }

# Contexts are freed after a grace period: try for a while.
unload() { ! loaded || wait_for rmmod tcpcrypt; }

# The helper: connections that stay, under orders from its standard input.
cat >"$TESTDIR/conns.py" <<'END'
import ctypes, errno, os, socket, sys, threading, time

libc = ctypes.CDLL(None, use_errno=True)
B = sys.argv[1]
family = socket.AF_INET6 if ":" in B else socket.AF_INET
pairs, kept, waiting = [], [], []


def enter(ns):
    with open("/run/netns/" + ns) as f:
        if libc.setns(f.fileno(), 0x40000000):
            raise OSError(ctypes.get_errno(), "setns")


def state(sock):
    try:
        return sock.getsockopt(6, 6925, 120)[0]
    except OSError as error:
        if error.errno != errno.ENOPROTOOPT:
            raise
        return -1


def connect():
    enter("a")
    c = socket.create_connection(listener.getsockname()[:2], 20)
    s, _ = listener.accept()
    for sock in c, s:
        end = time.monotonic() + 20
        while state(sock) not in (-1, 2) and time.monotonic() < end:
            time.sleep(0.02)
    echo(c, s)
    return c, s


def echo(c, s):
    c.sendall(b"x" * 20000)
    if len(s.recv(20000, socket.MSG_WAITALL)) != 20000:
        raise ValueError("data lost")
    s.sendall(b"y" * 100)
    if c.recv(100, socket.MSG_WAITALL) != b"y" * 100:
        raise ValueError("data lost")


def close_all():
    while pairs:
        for sock in pairs.pop():
            sock.close()
    while kept:
        kept.pop().close()


def order(word):
    if word == "open":          # stays; how it is encrypted
        pairs.append(connect())
        return str(state(pairs[-1][0])) + str(state(pairs[-1][1]))
    if word == "use":
        for c, s in pairs:
            echo(c, s)
    elif word == "close":
        close_all()
    elif word == "short":       # ends in TIME_WAIT
        c, s = connect()
        c.close()
        s.recv(1)
        s.close()
    elif word == "refused":
        enter("a")
        for _ in range(20):
            sock = socket.socket(family)
            sock.connect_ex((B, 1))
            sock.connect_ex((B, 1))
            sock.close()
    elif word == "taken":       # a socket held by TCP_ULP alone
        sock = socket.socket(family)
        sock.setsockopt(6, socket.TCP_ULP if hasattr(socket, "TCP_ULP")
                        else 31, b"tcpcrypt")
        kept.append(sock)
    elif word == "parked":      # closed, the peer keeps its end open
        c, s = connect()
        c.close()
        kept.append(s)
    elif word == "keying":      # not accepted
        enter("a")
        c = socket.create_connection(listener.getsockname()[:2], 20)
        c.sendall(b"early")
        kept.append(c)
        waiting.append(c)
    elif word == "accept":
        while waiting:
            waiting.pop()
            s, _ = listener.accept()
            s.recv(5, socket.MSG_WAITALL)
            s.close()
    elif word == "reset":
        c, s = connect()
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        c.close()
        kept.append(s)
    elif word == "reader":      # a thread sleeps in recv()
        c, s = connect()
        threading.Thread(target=s.recv, args=(1,), daemon=True).start()
        pairs.append((c, s))
    elif word == "wake":
        pairs[-1][0].sendall(b"x")
    else:
        raise ValueError(word)
    return "done"


enter("b")
listener = socket.create_server((B, 0), family=family)
print("ready", flush=True)
for line in sys.stdin:
    try:
        print(order(line.strip()), flush=True)
    except Exception as error:
        print("failed: %r" % error, flush=True)
END

start_conns() {
	# its descriptors: bash closes them in subshells, and when it ends
	coproc conns { exec /usr/bin/python3 "$TESTDIR/conns.py" "${1:-$B4}"; }
	conns_in=${conns[1]} conns_out=${conns[0]} conns_pid=$!
	reply ready
}

stop_conns() {
	eval "exec $conns_in>&-"
	wait "$conns_pid" 2>/dev/null
	return 0
}

# reply WANT
reply() {
	local is

	read -r -t "$DEADLINE" -u "$conns_out" is
	[ "$is" = "$1" ] || { say "'$is', expected '$1'"; return 1; }
}

# tell ORDER [REPLY]
tell() {
	echo "$1" >&"$conns_in"
	reply "${2:-done}"
}

# Counts of what sockets cost, as far as they return to what they were.
tcp_objects() {
	sed -n 's/^TCP: inuse \([0-9]*\) orphan \([0-9]*\).*/\1 \2/p' \
		/proc/net/sockstat
}

log_clean() {
	! dmesg | grep -E 'WARNING|BUG:|Oops|refcount_t|Call Trace|leak' |
		grep -v 'hrtimer'
}

no_slab() { ! grep -i tcpcrypt /proc/slabinfo; }

gone_ulp() {
	! grep -q tcpcrypt /proc/sys/net/ipv4/tcp_available_ulp &&
	[ ! -e /proc/sys/net/tcpcrypt ] && [ ! -e /proc/net/tcpcrypt_stat ]
}

shown_by_ss() {
	start_conns && tell open 22 || return 1
	[ "$(encrypted a)" = 1 ] && [ "$(encrypted b)" = 1 ]
	local result=$?

	tell close && stop_conns
	return "$result"
}

# A listener that was open before insmod; and goes on as plain TCP after.
listener_before() {
	unload && start_conns "$1" && tell open -1-1 && tell close && load &&
	tell open 22 && tell use && tell close && unload &&
	tell open -1-1 && tell use && tell close && load && tell open 22 &&
	tell close
	local result=$?

	stop_conns
	return "$result"
}

# Plain connections don't hold the module, and outlive it.
plain_before() {
	unload && start_conns && tell open -1-1 && load && tell use &&
	unload && tell use && tell close
	local result=$?

	stop_conns
	load
	return "$result"
}

# refuses ORDER [REPLY]: as long as that exists; and lets go after.
refuses() {
	local result=1

	load && start_conns || return 1
	if tell "$@" && in_use && tell use; then
		[ "$1" != keying ] || tell accept
		tell close && unload && gone_ulp
		result=$?
	fi
	stop_conns
	return "$result"
}

in_use() {
	! rmmod tcpcrypt 2>/dev/null || { say "rmmod did not refuse"; return 1; }
	loaded
}

# unloads_after ORDER ...
unloads_after() {
	local word

	load && start_conns || return 1
	for word in "$@"; do
		tell "$word" || { stop_conns; return 1; }
	done
	tell close && unload && gone_ulp
	local result=$?

	stop_conns
	return "$result"
}

time_wait() { a ss -Htan state time-wait | grep -q .; }

# A reader that sleeps: its connection holds the module, nothing else does.
sleeping_reader() {
	load && start_conns && tell reader && ! rmmod tcpcrypt 2>/dev/null &&
	tell wake && tell close && unload
	local result=$?

	stop_conns
	return "$result"
}

namespace_gone() {
	load && ip netns add gone && ip -n gone link set lo up &&
	in_ns gone sysctl -q -w net.tcpcrypt.skip_loopback=0 &&
	in_ns gone /usr/bin/python3 -c '
import socket
l = socket.create_server(("127.0.0.1", 0))
c = socket.create_connection(l.getsockname())
s, _ = l.accept()
c.sendall(b"x")
assert s.recv(1) == b"x"
assert s.getsockopt(6, 6925, 120)[0] == 2
c.close()
' && ip netns delete gone && unload
}

one_round() {
	load && tell open 22 && tell refused && tell short && tell parked &&
	tell reset && tell use && tell close && unload &&
	tell open -1-1 && tell use && tell close
}

# Ten times, with connections in all states on the way.
over_and_over() {
	local i result=0

	start_conns || return 1
	for i in 1 2 3 4 5 6 7 8 9 10; do
		if ! one_round; then
			say "round $i"
			result=1
			break
		fi
	done
	stop_conns
	return "$result"
}

# While connections are being made as fast as they can be.
under_traffic() {
	local traffic i result=0

	load || return 1
	# it would take most of both processors from insmod
	in_background b traffic.log nice /usr/bin/python3 "$TESTDIR/traffic.py" "$B4"
	traffic=$!
	wait_for grep -q ready traffic.log || return 1
	for i in 1 2 3; do
		sleep 0.2
		echo N >/sys/module/tcpcrypt/parameters/attach
		if ! unload || ! load; then
			say "round $i"
			result=1
			break
		fi
	done
	kill -USR1 "$traffic"
	wait_for gone "$traffic" || result=1
	if ! grep -q '^fine' traffic.log; then
		cat traffic.log
		result=1
	fi
	stop "$traffic"
	return "$result"
}

cat >"$TESTDIR/traffic.py" <<'END'
import ctypes, signal, socket, sys

libc = ctypes.CDLL(None)
B = sys.argv[1]
over = False


def enter(ns):
    with open("/run/netns/" + ns) as f:
        libc.setns(f.fileno(), 0x40000000)


def receive(sock, size):
    # with a timeout, MSG_WAITALL does not wait
    while size:
        data = sock.recv(size)
        if not data:
            raise EOFError("%d bytes are missing" % size)
        size -= len(data)


def stop(*_):
    global over
    over = True


signal.signal(signal.SIGUSR1, stop)
enter("b")
listener = socket.create_server((B, 0))
enter("a")
print("ready", flush=True)
n = encrypted = 0
while not over:
    with socket.create_connection(listener.getsockname(), 20) as c:
        s, _ = listener.accept()
        with s:
            s.settimeout(20)
            c.sendall(b"x" * 5000)
            receive(s, 5000)
            s.sendall(b"y")
            receive(c, 1)
            try:
                c.getsockopt(6, 6925, 120)
                encrypted += 1
            except OSError:
                pass
            n += 1
print("fine: %d connections, %d encrypted" % (n, encrypted))
END

sockets_return() {
	local now

	now=$(tcp_objects)
	[ "$now" = "$before" ] || { say "was $before, is $now"; return 1; }
}

# Those whose names match the argument, or all.
only=${1:-.}
test_it() { ! [[ $1 =~ $only ]] || check "$@"; }

ktap_start
cd "$TESTDIR" || exit 1
# read a dozen times: without what is for debuggers
strip --strip-debug -o tcpcrypt.ko "$MODULE" && MODULE=$TESTDIR/tcpcrypt.ko
make_hosts || { not_ok "two hosts"; finish; }
dmesg --clear
before=$(tcp_objects)
check "it loads" load
loaded || finish
test_it "ss shows tcp-ulp-tcpcrypt" shown_by_ss
test_it "listener: open before insmod, and after rmmod, IPv4" listener_before "$B4"
test_it "listener: open before insmod, and after rmmod, IPv6" listener_before "$B6"
test_it "plain connections from before insmod" plain_before
test_it "rmmod: refused by an open connection" refuses open 22
test_it "rmmod: refused by a socket taken with TCP_ULP" refuses taken
test_it "rmmod: refused by a closed one whose peer goes on" refuses parked
test_it "rmmod: refused while keys are being agreed" refuses keying
test_it "rmmod: after failed connects" unloads_after refused
test_it "rmmod: with connections in TIME_WAIT" unloads_after short short
test_it "TIME_WAIT is still there" time_wait
test_it "rmmod: after a reset" unloads_after reset
test_it "rmmod: a reader sleeps" sleeping_reader
test_it "rmmod: after a namespace was destroyed" namespace_gone
test_it "ten times" over_and_over
test_it "under traffic" under_traffic
test_it "unload at the end" unload
test_it "no slab object is left" no_slab
test_it "no socket is left" wait_for sockets_return
test_it "nothing of it is left" gone_ulp
test_it "kernel log" log_clean
finish
