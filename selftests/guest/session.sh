#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs in the guest: loads the module, runs test scripts one after the other,
# unloads the module. Adds its own results in KTAP to the scripts'.
#
#   session.sh COMMAND [ARGUMENT ...] [+ COMMAND [ARGUMENT ...]] ...

here=$(dirname "$(readlink -f "$0")")
PATIENCE=90
failures=0

not_ok() {
	failures=$((failures + 1))
	echo "not ok $*"
}

# The namespaces end, and with them what a script left open.
end_hosts() {
	local ns

	for ns in $(ip netns list | awk '{ print $1 }'); do
		ip netns pids "$ns" | xargs -r kill -KILL 2>/dev/null
		ip netns delete "$ns"
	done
}

unload() {
	local end=$((SECONDS + PATIENCE))

	end_hosts
	until rmmod tcpcrypt; do
		if [ $SECONDS -ge $end ]; then
			lsmod | grep tcpcrypt
			ss -atni | head -20
			return 1
		fi
		sleep 0.5
	done 2>/dev/null
}

leaks() {
	local kmemleak=/sys/kernel/debug/kmemleak

	grep -i tcpcrypt /proc/slabinfo && return 0
	[ -w $kmemleak ] || return 1
	echo scan >$kmemleak 2>/dev/null || return 1
	sleep 6
	echo scan >$kmemleak
	grep . $kmemleak
}

# Lines reached, if the module counts them (make coverage). The kernel keeps
# what an unloaded module has counted.
coverage() {
	local gcov=/sys/kernel/debug/gcov

	[ -d $gcov ] || return 0
	mkdir -p "$OUT/gcov"
	(cd $gcov && find . -name '*.gcda' -print0 |
		xargs -0r cp --parents -t "$OUT/gcov")
}

if ! "$here/insmod.sh" "$MODULE"; then
	not_ok "load the module"
	echo "1..1"
	exit 1
fi

status=0
while [ $# -gt 0 ]; do
	command=()
	while [ $# -gt 0 ] && [ "$1" != + ]; do
		command+=("$1")
		shift
	done
	shift
	"${command[@]}"
	result=$?
	if [ $result -ne 0 ]; then
		status=$result
		echo "# exit status $result: ${command[*]}"
	fi
	[ $# -eq 0 ] || end_hosts
done

# A test may have unloaded the module itself.
if ! grep -q ^tcpcrypt /proc/modules || unload; then
	echo "ok unload the module"
else
	not_ok "unload the module"
fi
if leaks; then
	not_ok "nothing is left in memory"
else
	echo "ok nothing is left in memory"
fi
coverage
echo "1..2"
[ $status -eq 0 ] && [ $failures -eq 0 ]
