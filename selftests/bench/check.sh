#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs in the guest, by bench.py --check: does the bench count right, and does
# it refuse what is not what it says? Results in KTAP.

# The guest's clocks leap while it waits for the disk.
DEADLINE=100000
# shellcheck source=selftests/lib/net.sh
. "$(dirname "$(readlink -f "$0")")/../lib/net.sh"

printed=$TESTDIR/printed

# run SYSTEMS METRICS: with namespaces of its own
run() {
	local status

	"$SELFTESTS/bench/run.sh" -r 2 "$@" >"$printed" 2>&1
	status=$?
	ip netns delete a 2>/dev/null
	ip netns delete b 2>/dev/null
	cat "$printed"
	return "$status"
}

# within NAME LOW HIGH: all results of that name, and there are two
within() {
	awk -v name="$1" -v low="$2" -v high="$3" '
		$2 == name { n++; if ($3 < low || $3 > high) bad++; print }
		END { exit bad || n != 2 }' "$printed"
}

# Of plain TCP, of tcpcrypt, and of 64 KiB by the cipher alone
costs() {
	awk '
		/^system / { name = $2 }
		/^result rtt-64 / { cost[name] = $3 }
		/^floor aes128-encrypt-65536 / { alone = $3 }
		END {
			print cost["tcp"], cost["tcpcrypt-aes128"], alone
			exit !(cost["tcp"] > 10000 &&
			       cost["tcpcrypt-aes128"] > cost["tcp"] &&
			       alone > 65536 && alone < 10 * 65536)
		}' "$printed"
}

# refused: with a reason, and without a single figure of the system
refused() {
	! run "$@" && grep '^error:' "$printed" && ! grep -q '^result rtt' "$printed"
}

ktap_start
check "plain TCP, tcpcrypt and the floor run" \
	run "floor tcp tcpcrypt-aes128" "rtt-64:50"
check "100 instructions are 100" within count 0.999 1.02
check "idle time does not count" within count-1 0.999 1.03
check "encryption costs something" costs
check "plaintext is found on the wire" refused pretend rtt-64:50
check "encryption is not taken for plain TCP" refused contrary rtt-64:50
check "a name that nobody knows is an error" refused nonsense rtt-64:50
finish
