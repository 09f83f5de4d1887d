#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Test programs that need two hosts, one after the other. Runs in the guest.
#
#   sock.sh [-p PAIRS] PROGRAM ... [-- CASE ...]
#
# PAIRS of hosts, for programs that can do several things at a time: the
# second pair are the namespaces a1 and b1.

. "$(dirname "$(readlink -f "$0")")/lib/net.sh"

pairs=1
[ "$1" != -p ] || { pairs=$2; shift 2; }
programs=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	[ -x "$SELFTESTS/$1" ] || { say "no $1: make programs"; exit 1; }
	programs+=("$SELFTESTS/$1")
	shift
done
shift
make_hosts || { say "cannot make two hosts"; exit 1; }
for ((i = 1; i < pairs; i++)); do
	make_pair "$i" || { say "cannot make two hosts more"; exit 1; }
	set_sysctl a$i broken_time 0
done
cd "$TESTDIR" || exit 1
status=0
for program in "${programs[@]}"; do
	# a connection that breaks on purpose tells nothing of the next one,
	# which may have the same port; sysctl.py looks at the default
	broken_time=0
	[ "${program##*/}" != sysctl.py ] || broken_time=600
	set_sysctl a broken_time $broken_time
	"$program" "$@" || status=1
done
rm -rf "$TESTDIR"
exit $status
