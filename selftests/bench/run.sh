#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs in the guest: measures systems between two namespaces. Prints
#
#   system NAME
#   result METRIC VALUE UNIT         one for each repeat
#   floor NAME INSTRUCTIONS          likewise
#   skipped NAME: REASON
#
# METRIC may have a link behind it: @nogso (TSO, GSO and GRO off), @mtu576,
# @nogso576 (both), @delay10 (milliseconds, each way).
#
#   run.sh [-r REPEATS] [-p FILE] [-w] "SYSTEM ..." "METRIC[:UNITS] ..."
#
# -p: record each metric with perf, report to FILE.SYSTEM.METRIC
# -w: time by the clock, not instructions

# The guest's clocks leap while it waits for the disk.
DEADLINE=100000
. "$(dirname "$(readlink -f "$0")")/../lib/net.sh"

# shellcheck source=selftests/bench/systems.sh
. "$SELFTESTS/bench/systems.sh"

BENCH=$SELFTESTS/bench/bench
FLOOR=$SELFTESTS/bench/floor/tcpcrypt_bench_floor.ko
DEBUGFS=/sys/kernel/debug/tcpcrypt_bench_floor
repeats=3
profile=
wall=
wrap=()
port=5000

die() {
	echo "error: $*" >&2
	stop_all
	exit 1
}

# --- metrics --------------------------------------------------------------

# A fresh key agreement, or sessions resumed; the secrets that are kept belong
# to no connection: as many as there may be are there before memory counts.
set_cache() {
	local max=1024

	case $1 in
	conn) max=0 ;;
	memory*) max=512 ;;
	esac
	set_sysctl a cache_max $max && set_sysctl b cache_max $max
}

# What stands behind a metric's name and "@"
set_link() {
	local ns offload=on mtu=1500 delay=

	case $1 in
	'') ;;
	nogso*) offload=off mtu=${1#nogso} mtu=${mtu:-1500} ;;
	mtu*) mtu=${1#mtu} ;;
	delay*) delay=${1#delay} ;;
	*) return 1 ;;
	esac
	for ns in a b; do
		in_ns $ns ethtool -K eth0 tso $offload gso $offload \
			gro $offload || return 1
		ip -n $ns link set eth0 mtu "$mtu" || return 1
		tc -n $ns qdisc del dev eth0 root 2>/dev/null
		if [ -n "$delay" ]; then
			modprobe sch_netem
			tc -n $ns qdisc add dev eth0 root netem limit 10000 \
				delay "${delay}ms" || return 1
		fi
		# in a tunnel: less than outside
		if ip -n $ns link show wg0 >/dev/null 2>&1; then
			ip -n $ns link set wg0 mtu $((mtu - 80)) || return 1
			in_ns $ns ethtool -K wg0 tso $offload gso $offload \
				gro $offload 2>/dev/null
		fi
	done
}

# Only some resume sessions: tcpcrypt by itself, OpenSSL's program if told.
measurable() {
	case $1 in
	*-conn-resumed) [[ $1 = tcpcrypt-* || $1 = tls-conn-resumed ]] ;;
	esac
}

# --- is it what it says? --------------------------------------------------

bench() {
	# no two metrics meet each other's TIME_WAIT
	port=$((port + 1))
	"${wrap[@]}" "$BENCH" ${wall:+-w} -t "$transport" -x "$expect" -p $port \
		"${options[@]}" "$@"
}

# A short run that is not measured. What goes through the link is one of TCP,
# UDP (WireGuard) and ESP: all of it is looked at.
check_wire() {
	local file=$TESTDIR/wire.pcap wrap=()

	in_background b "$file.log" tcpdump -i eth0 -n -U -s0 -B 16384 \
		-Z root -w "$file" "not arp and not ip6"
	capture_pid=$!
	wait_for grep -q '^tcpdump: listening' "$file.log" || return 1
	bench -r 1 -u 10 rtt-1024 >/dev/null || return 1
	sleep 1
	stop "$capture_pid"
	grep -q '^0 packets dropped by kernel' "$file.log" || return 1
	# one KiB each way, ten times, and as often to warm up
	if [ "$(stat -c %s "$file")" -lt 40000 ]; then
		say "only $(stat -c %s "$file") bytes were captured"
		return 1
	fi
	if grep -q -a -F "$MARKER" "$file"; then
		[ -z "$encrypted" ] || { say "plaintext on the wire"; return 1; }
	elif [ -z "$encrypted" ]; then
		say "the marker is not on the wire"
		return 1
	fi
}

tls_stat() {
	in_ns "$1" cat /proc/net/tls_stat | sed -n "s/^$2[[:space:]]\+//p"
}

# Both ends in software, none by a device
check_ktls() {
	local ns

	for ns in a b; do
		if [ "$(tls_stat $ns TlsTxSw)" -lt 1 ] ||
		   [ "$(tls_stat $ns TlsRxSw)" -lt 1 ] ||
		   [ "$(tls_stat $ns TlsTxDevice)" -ne 0 ] ||
		   [ "$(tls_stat $ns TlsRxDevice)" -ne 0 ]; then
			say "no software kTLS in $ns"
			return 1
		fi
	done
}

# Of the metric that was measured last: all connections fresh, or resumed.
check_resumed() {
	local fresh=$1 resumed=$2 metric=$3

	fresh=$(($(counter a HandshakeFresh) - fresh))
	resumed=$(($(counter a HandshakeResumed) - resumed))
	case $metric in
	conn) [ $resumed -eq 0 ] && [ $fresh -gt 0 ] ;;
	conn-resumed) [ $fresh -le 1 ] && [ $resumed -gt 0 ] ;;
	esac || die "$metric: $fresh fresh connections, $resumed resumed"
}

# --- running --------------------------------------------------------------

perf_record() {
	perf record -q -a -e cpu-clock -F 20000 -g -o "$TESTDIR/perf.data" \
		"$@" || return 1
	perf report -i "$TESTDIR/perf.data" --no-children -g none \
		--sort sym,dso 2>/dev/null >"$profile.$system.$name"
	perf report -i "$TESTDIR/perf.data" --children -g caller,0.5 \
		--sort sym 2>/dev/null >"$profile.$system.$name.calls"
}

# Results with the whole name: "bulk-131072 0.89 ..." is bulk-131072@mtu576's.
rename() {
	sed "s/^result [^ ]*/result $1/"
}

# What may say why a metric fails.
show_counters() {
	local ns

	for ns in a b; do
		in_ns $ns grep -v ' 0$' /proc/net/tcpcrypt_stat 2>/dev/null |
			sed "s/^/error: $ns: /" >&2
		in_ns $ns nstat -a 2>/dev/null | grep -E 'Retrans|Timeout|Abort' |
			sed "s/^/error: $ns: /" >&2
	done
}

# run_metric NAME[@LINK][:UNITS]
run_metric() {
	local name=${1%:*} fresh resumed wrap=() args=(-r "$repeats")

	[ "$name" = "$1" ] || args+=(-u "${1#*:}")
	# other memory comes and goes: megabytes, once
	[[ $name != memory* || $repeats -ge 3 ]] || args+=(-r 3)
	[ "$name" != conn-resumed ] || args+=(-R)
	[ -z "$profile" ] || wrap=(perf_record)
	measurable "$system-$name" || return 0
	if [[ $system = tcpcrypt-* ]]; then
		set_cache "$name" || die "cannot set cache_max"
		fresh=$(counter a HandshakeFresh)
		resumed=$(counter a HandshakeResumed)
	fi
	if [[ $name = *@* ]]; then
		set_link "${name#*@}" || die "cannot set the link up: $name"
	fi
	# in this shell: it counts ports
	bench "${args[@]}" "${name%@*}" >"$TESTDIR/result" || {
		show_counters
		die "$system $name"
	}
	rename "$name" <"$TESTDIR/result"
	[[ $name != *@* ]] || set_link '' || die "cannot set the link up"
	[ -z "$fresh" ] || check_resumed "$fresh" "$resumed" "$name"
}

run_system() {
	system=$1
	if ! set_up "$system"; then
		die "cannot set $system up"
	fi
	if [ -n "$missing" ]; then
		echo "skipped $system: $missing"
		return
	fi
	echo "system $system"
	# what a connection uses first is loaded by the first
	check_wire || die "$system is not what it says"
	for metric in $metrics; do
		run_metric "$metric"
	done
	case $system in
	*ktls*) check_ktls || die "$system is not what it says" ;;
	esac
	tear_down "$system"
}

run_floor() {
	local i

	insmod "$FLOOR" || die "cannot load $FLOOR"
	for ((i = 0; i < repeats; i++)); do
		sed 's/^/floor /' $DEBUGFS || die "cannot measure the floor"
	done
	rmmod tcpcrypt_bench_floor
}

# Without it, copies would cost an instruction for each byte.
check_cpu() {
	grep -q '^flags.* erms' /proc/cpuinfo && die "boot with clearcpuid=erms"
	[ "$(nproc)" -eq 1 ] || die "more than one processor"
}

# What the kernel doesn't load by itself, best implementations first
load_ciphers() {
	local module

	for module in aesni_intel chacha_x86_64 poly1305_x86_64 sha256_ssse3 \
		      curve25519_x86_64 chacha20poly1305 gcm; do
		modprobe $module || die "no $module"
	done
}

while getopts r:p:w option; do
	case $option in
	r) repeats=$OPTARG ;;
	p) profile=$OPTARG ;;
	w) wall=1  ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
systems=$1 metrics=$2

[ -n "$wall" ] || check_cpu
load_ciphers
make_hosts || die "no namespaces"
if [ -z "$wall" ]; then
	"$BENCH" -r "$repeats" count || die "cannot count"
	"$BENCH" -r "$repeats" count-1 || die "cannot count"
fi
for system in $systems; do
	if [ "$system" = floor ]; then
		run_floor
	else
		run_system "$system"
	fi
done
stop_all
rm -rf "$TESTDIR"
echo "end"
