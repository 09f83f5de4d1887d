# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Go: net/http, and splice() from socket to socket; see apps.sh

go_needs() { echo go=golang-go; }
go_ports() { echo 8000; }
go_mib() { sized 4 64; }
go_bytes() { echo $((MIB << 21)); }

go_program() { "$APPS/prepare.sh" go; }

go_start() {
	big_file || return 1
	in_background b go.log "$(go_program)" server "$B4" 8000 \
		"$TESTDIR/big"
}

go_run() {
	a timeout "$PATIENCE" "$(go_program)" client "$B4" 8000 \
		big "$CLIENTS"
}

go_probe() { a curl -sSf -m 60 -o /dev/null -r 0-99 "http://$B4:8000/file"; }
