#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Faults in allocations and crypto calls. Runs in the guest, with the debug
# kernel; make fault builds the module that brings them about, "make
# -C KDIR M=..." another one. It must be there before tcpcrypt is.
#
#   fault.sh [OPTION ...] [SCENARIO ...]	as fault_test's

. "$(dirname "$(readlink -f "$0")")/lib/net.sh"

FAULT=${FAULT:-$(dirname "$MODULE")/selftests/fault/tcpcrypt_test_fault.ko}

start_over() {
	wait_for rmmod tcpcrypt &&
	echo 0 >/proc/sys/debug/kprobes-optimization &&
	insmod "$FAULT" &&
	insmod "$MODULE"
}

start_over || { say "cannot load $FAULT"; exit 1; }
make_hosts || { say "cannot make two hosts"; exit 1; }
for ns in a b; do
	set_sysctl $ns handshake_timeout 10
	in_ns $ns sysctl -q -w net.ipv4.tcp_syn_retries=3
done
"$SELFTESTS/fault_test" "$@"
status=$?
rm -rf "$TESTDIR"
exit $status
