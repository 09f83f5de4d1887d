# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# 1,000 clients; see apps.sh

echo1000_ports() { echo 7000; }
echo1000_marker() { echo "$MARKER"; }
echo1000_bytes() { echo 1000000; }

echo1000_start() {
	sysctl -qw net.core.somaxconn=4096
	b sysctl -qw net.core.somaxconn=4096 net.ipv4.tcp_max_syn_backlog=4096
	in_background b echo1000.log "$SELFTESTS/echo1000.py" server "$B4" 7000
}

echo1000_run() {
	local expected=0

	# shellcheck disable=SC2154 # of with_server()
	[ "$mode" = both ] && expected=1000
	a "$SELFTESTS/echo1000.py" client "$B4" 7000 1000 "$MARKER" \
		>echo1000.out 2>&1 || { cat echo1000.out; return 1; }
	cat echo1000.out
	grep -qx "clients=1000 echoed=1000 encrypted=$expected" echo1000.out
}

echo1000_probe() { a "$SELFTESTS/echo1000.py" client "$B4" 7000 1; }
