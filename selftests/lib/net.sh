#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Functions for test scripts that run in the guest: results in KTAP, two hosts
# as network namespaces, captures.
#
#	  namespace a (client)              namespace b (server)
#	+----------------------+          +----------------------+
#	| eth0 10.9.0.1/24     |---veth---| eth0 10.9.0.2/24     |
#	|      fd09::1/64      |          |      fd09::2/64      |
#	+----------------------+          +----------------------+
#
# One kernel, hence one module, serves both: "the module at one end only" is
# made with the sysctls, which each namespace has of its own.

LIB=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
SELFTESTS=$(dirname "$LIB")
TESTDIR=$(mktemp -d /tmp/test.XXXXXX) || exit 1
chmod 755 "$TESTDIR"
export LIB SELFTESTS TESTDIR PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

A4=10.9.0.1 B4=10.9.0.2 A6=fd09::1 B6=fd09::2
export A4 B4 A6 B6

# --- results ---------------------------------------------------------------

tests=0
failures=0

say() { printf '# %s\n' "$*"; }

ok() {
	tests=$((tests + 1))
	printf 'ok %d %s\n' $tests "$*"
}

not_ok() {
	tests=$((tests + 1))
	failures=$((failures + 1))
	printf 'not ok %d %s\n' $tests "$*"
}

# skip NAME REASON: only for a missing optional tool, never for the module.
skip() {
	tests=$((tests + 1))
	printf 'ok %d %s # SKIP %s\n' $tests "$1" "$2"
}

# check NAME COMMAND ...: the command decides; its output is the diagnosis.
check() {
	local name=$1 log=$TESTDIR/check.log

	shift
	if "$@" >"$log" 2>&1; then
		ok "$name"
	else
		sed 's/^\(# \)*/# /' "$log" | tail -40
		not_ok "$name"
	fi
}

# The last line of a script.
finish() {
	printf '1..%d\n' $tests
	stop_all
	rm -rf "$TESTDIR"
	[ $failures -eq 0 ]
	exit
}

ktap_start() { echo "KTAP version 1"; }

# --- waiting ---------------------------------------------------------------

# Emulation is slow and unsteady: nothing waits for less than this.
DEADLINE=${DEADLINE:-60}

# wait_for COMMAND ...: until it succeeds.
wait_for() {
	local end=$((SECONDS + DEADLINE))

	until "$@" >/dev/null 2>&1; do
		if [ $SECONDS -ge $end ]; then
			say "no success in $DEADLINE s: $*"
			return 1
		fi
		sleep 0.1
	done
}

listens() { in_ns "$1" ss -Hltn "sport = :$2" | grep -q .; }

# wait_listen NAMESPACE PORT
wait_listen() { wait_for listens "$1" "$2"; }

# --- hosts -----------------------------------------------------------------

in_ns() {
	local ns=$1

	shift
	ip netns exec "$ns" "$@"
}

a() { in_ns a "$@"; }
b() { in_ns b "$@"; }

# Processes that in_background started, last first.
background=()

# in_background NAMESPACE LOG COMMAND ...: leaves its process id in $!.
in_background() {
	local ns=$1 log=$2

	shift 2
	ip netns exec "$ns" setsid "$@" >"$log" 2>&1 </dev/null &
	background=($! "${background[@]}")
}

# stop PID: ends a process group made by in_background, and waits for it.
stop() {
	local pid=$1 left=()

	kill -TERM -- -"$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null
	DEADLINE=15 wait_for gone "$pid" >/dev/null ||
		kill -KILL -- -"$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	for pid in "${background[@]}"; do
		[ "$pid" = "$1" ] || left+=("$pid")
	done
	background=("${left[@]}")
}

gone() { ! kill -0 "$1" 2>/dev/null; }

stop_all() {
	local pid

	for pid in "${background[@]}"; do
		stop "$pid"
	done
}

# make_hosts: the pair of namespaces a and b.
make_hosts() { make_pair ""; }

# make_pair N: N as suffix of the namespaces' names, for one pair more.
make_pair() {
	local ns

	# may be built in
	modprobe veth 2>/dev/null
	for ns in "a$1" "b$1"; do
		ip netns add "$ns" || return 1
		ip -n "$ns" link set lo up
	done
	link_hosts "$1"
}

# Once more for a script that wants a fresh link.
link_hosts() {
	local a=a$1 b=b$1

	ip -n "$a" link del eth0 2>/dev/null
	ip link add eth0 netns "$a" type veth peer name eth0 netns "$b" ||
		return 1
	ip -n "$a" -b - <<-END || return 1
		addr add $A4/24 dev eth0
		addr add $A6/64 dev eth0 nodad
		link set eth0 up
	END
	ip -n "$b" -b - <<-END || return 1
		addr add $B4/24 dev eth0
		addr add $B6/64 dev eth0 nodad
		link set eth0 up
	END
	wait_for link_up "$a" && wait_for link_up "$b"
}

link_up() { ip -n "$1" link show eth0 | grep -q LOWER_UP; }

# set_sysctl NAMESPACE NAME VALUE: fails without the module.
set_sysctl() { in_ns "$1" sysctl -q -w "net.tcpcrypt.$2=$3"; }
get_sysctl() { in_ns "$1" sysctl -n "net.tcpcrypt.$2"; }

# What the module does: at both ends, at the client's alone (its SYN offers,
# nobody answers), at the server's alone, or at none.
mode() {
	local connect=1 listen=1

	case $1 in
	both) ;;
	client) listen=0 ;;
	server) connect=0 ;;
	none) connect=0 listen=0 ;;
	*) return 1 ;;
	esac
	set_sysctl a enable_connect $connect &&
	set_sysctl b enable_listen $listen
}

# counter NAMESPACE NAME: its value, 0 if it has none yet.
counter() {
	in_ns "$1" sed -n "s/^$2[[:space:]]*//p" /proc/net/tcpcrypt_stat |
		grep . || echo 0
}

# Number of connections of a namespace that ss shows as encrypted.
encrypted() { in_ns "$1" ss -Htni | grep -c tcp-ulp-tcpcrypt; }

# --- the wire --------------------------------------------------------------

wire() { "$LIB/wire.py" "$@"; }

# capture FILE [TCPDUMP OPTIONS]: TCP on b's end of the link; one at a time.
CAPTURE_END="end-of-this-capture"
capture_pid=
capture() {
	local file=$1

	shift
	in_background b "$file.log" tcpdump -i eth0 -n -U -s0 \
		-B "${CAPTURE_KIB:-65536}" -Z root -w "$file" "$@" "tcp or udp dst port 9"
	capture_pid=$!
	wait_for grep -q '^tcpdump: listening' "$file.log"
}

# The kernel hands over what it caught only now and then: what this datagram
# follows is in the file when the datagram is.
see_capture_end() {
	b bash -c "echo $CAPTURE_END >/dev/udp/$A4/9"
	sleep 0.2
	grep -q -a -F "$CAPTURE_END" "$1"
}

capture_end() {
	wait_for see_capture_end "$1" || return 1
	stop "$capture_pid"
	if ! grep -q '^0 packets dropped by kernel' "$1.log"; then
		say "incomplete capture: $(grep dropped "$1.log")"
		return 1
	fi
}

wire_has() {
	wire has "$1" "$2" || { say "'$2' is not on the wire"; return 1; }
}

wire_lacks() {
	! wire has "$1" "$2" || { say "'$2' is on the wire"; return 1; }
}

# wire_secret FILE STRING BYTES: that much was carried, and STRING not in it.
wire_secret() {
	wire secret "$@" && return 0
	say "not $3 bytes without '$2', but: $(wire bytes "$1")"
	return 1
}

# wire_carried FILE BYTES: at least that much payload was captured.
wire_carried() {
	local bytes

	bytes=$(wire bytes "$1")
	[ "$bytes" -ge "$2" ] || { say "only $bytes bytes captured"; return 1; }
}

# wire_eno FILE PORT "yes yes": ENO in the SYNs and in the SYN-ACKs.
wire_eno() {
	local is

	is=$(wire eno "$1" "$2")
	[ "$is" = "$3" ] ||
		{ say "ENO in SYN, SYN-ACK: $is, expected: $3"; return 1; }
}

# --- data ------------------------------------------------------------------

MARKER="Plaintext-that-nobody-else-shall-read"
export MARKER

# make_data FILE KIB: random bytes, the marker once in each KiB.
make_data() {
	/usr/bin/python3 - "$1" "$2" "$MARKER" <<'END'
import os, sys
marker = sys.argv[3].encode() + b"\n"
with open(sys.argv[1], "wb") as f:
    for _ in range(int(sys.argv[2])):
        f.write(os.urandom(1024 - len(marker)) + marker)
END
	chmod 644 "$1"
}

# same_data FILE FILE
same_data() {
	local x y

	x=$(sha256sum <"$1") && y=$(sha256sum <"$2") || return 1
	[ "$x" = "$y" ] || {
		say "$1 and $2 differ: $(stat -c %s "$1" "$2" | xargs)"
		return 1
	}
}
