# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Node.js: http and streams, pipelined and half-open; see apps.sh

node_needs() { echo node=nodejs; }
node_ports() { echo 8000; }
node_mib() { sized 4 64; }
node_bytes() { echo $((MIB << 21)); }

node_start() {
	big_file || return 1
	in_background b node.log node "$APPS/http.js" server "$B4" 8000 \
		"$TESTDIR/big"
}

node_run() {
	a timeout "$PATIENCE" node "$APPS/http.js" client "$B4" 8000 \
		big "$CLIENTS"
}

node_probe() { a curl -sSf -m 60 -o /dev/null -r 0-99 "http://$B4:8000/file"; }
