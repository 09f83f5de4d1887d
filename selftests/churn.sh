#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What changes under traffic that does not stop (load_test --traffic): the
# module comes and goes, namespaces are destroyed, processors go offline. Runs
# in the guest; loads the module itself ($MODULE). LOAD says how often:
# debug, quick, long.
#
#   churn.sh [REGEX]

. "$(dirname "$(readlink -f "$0")")/lib/net.sh"

case ${LOAD:-quick} in
debug) rounds=3 spaces=2 ;;
long) rounds=200 spaces=50 ;;
*) rounds=20 spaces=5 ;;
esac
DEADLINE=120

loaded() { grep -q ^tcpcrypt /proc/modules; }
load() { loaded || "$SELFTESTS/guest/insmod.sh" "$MODULE"; }
unload() { ! loaded || wait_for rmmod tcpcrypt; }
refs() { cat /sys/module/tcpcrypt/refcnt; }
unused() { [ "$(refs)" = 0 ]; }

# start_traffic A B: leaves its process id in $traffic.
start_traffic() {
	# it would take most of both processors from what goes on besides
	in_background "$1" traffic.log nice "$SELFTESTS/load_test" --traffic \
		"$1" "$2"
	traffic=$!
	wait_for grep -q '^# ready' traffic.log
}

# It ends what it has begun, and nothing had an end that it should not have.
end_traffic() {
	kill -TERM "$traffic"
	wait_for gone "$traffic"
	cat traffic.log
	cp traffic.log figures
	grep -q '^# fine' traffic.log
}

# counted NAMESPACE NAME LEAST
counted() { [ "$(counter "$1" "$2")" -ge "$3" ]; }

one_round() {
	load && wait_for counted a EnoActive 200 &&
		echo N >/sys/module/tcpcrypt/parameters/attach && unload
}

# Connections are made as fast as they can be, all the time.
load_and_unload() {
	local i begin=$SECONDS

	load && start_traffic a b || return 1
	for ((i = 1; i <= rounds; i++)); do
		one_round || { say "round $i"; return 1; }
	done
	end_traffic || return 1
	say "$rounds times in $((SECONDS - begin)) s" | tee -a figures
}

# Two more hosts, as net.sh's.
make_space() {
	local ns

	for ns in "$1" "$2"; do
		ip netns add "$ns" && ip -n "$ns" link set lo up || return 1
	done
	ip link add eth0 netns "$1" type veth peer name eth0 netns "$2" &&
		ip -n "$1" addr add "$A4/24" dev eth0 &&
		ip -n "$2" addr add "$B4/24" dev eth0 &&
		ip -n "$1" link set eth0 up && ip -n "$2" link set eth0 up
}

# net_objects: namespaces that are there, dying ones among them; and some that
# processors keep for their next allocation.
net_objects() {
	echo 1 >/sys/kernel/slab/net_namespace/shrink
	awk '$1 == "net_namespace" { print $2 }' /proc/slabinfo
}

few_spaces() { [ "$(net_objects)" -le "$1" ]; }

# Names go first, then the last process: sockets end in a dying namespace.
destroy_namespaces() {
	local i before begin=$SECONDS

	load || return 1
	before=$(net_objects)
	export NO_SILENCE=1
	for ((i = 1; i <= spaces; i++)); do
		make_space c d && start_traffic c d &&
			wait_for counted c EnoActive 100 || return 1
		ip netns delete c && ip netns delete d || return 1
		kill -KILL "$traffic"
		wait_for gone "$traffic" || return 1
	done
	unset NO_SILENCE
	wait_for unused || return 1
	# a leak would leave one of each pair at least
	if ! wait_for few_spaces $((before + spaces - 1)); then
		say "$(net_objects) namespaces, before: $before"
		return 1
	fi
	say "$spaces pairs of namespaces in $((SECONDS - begin)) s" >figures
}

# Nothing reaches the peer any more; what is parked gives up.
destroy_link() {
	load && make_space c d && start_traffic c d &&
		wait_for counted c EnoActive 100 || return 1
	ip -n c link del eth0 || return 1
	kill -KILL "$traffic"
	ip netns delete c && ip netns delete d || return 1
	DEADLINE=300 wait_for unused
}

cpu() { echo "$1" >/sys/devices/system/cpu/cpu1/online; }

hotplug() {
	local i encrypted

	load && start_traffic a b || return 1
	for ((i = 1; i <= rounds; i++)); do
		cpu 0 && sleep 0.2 && cpu 1 && sleep 0.1 || return 1
	done
	end_traffic || return 1
	say "$rounds times offline and online" >>figures
	grep -q '^# lost: 0$' traffic.log &&
		grep -q ', 0 plain$' traffic.log || return 1
	# counters of a processor that is offline count
	encrypted=$(sed -n 's/.* \([0-9]*\) encrypted, .*/\1/p' traffic.log)
	[ $(($(counter a HandshakeFresh) + $(counter a HandshakeResumed))) -ge \
	  "$encrypted" ]
}

log_clean() {
	! dmesg | grep -E 'WARNING|BUG:|Oops|refcount_t|Call Trace|leak' |
		grep -v 'hrtimer'
}

only=${1:-.}
test_it() {
	[[ $1 =~ $only ]] || return
	: >figures
	check "$@"
	sed 's/^\(# \)*/# /' figures
}

ktap_start
cd "$TESTDIR" || exit 1
strip --strip-debug -o tcpcrypt.ko "$MODULE" && MODULE=$TESTDIR/tcpcrypt.ko
[ -x "$SELFTESTS/load_test" ] || { say "make programs"; exit 1; }
make_hosts || { not_ok "two hosts"; finish; }
dmesg --clear
test_it "namespaces destroyed under traffic" destroy_namespaces
[ "${LOAD:-quick}" != long ] ||
	test_it "a link and its namespaces destroyed under traffic" destroy_link
if [ -e /sys/devices/system/cpu/cpu1/online ]; then
	test_it "processors go offline under traffic" hotplug
fi
test_it "load and unload under traffic" load_and_unload
test_it "unload at the end" unload
test_it "kernel log" log_clean
finish
