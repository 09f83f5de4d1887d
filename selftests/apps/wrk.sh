# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# nginx to wrk: keep-alive connections, all busy at once; see apps.sh

wrk_needs() { echo wrk=wrk; }
wrk_ports() { echo 80; }
wrk_mib() { echo 1; }
wrk_bytes() { echo $((1 << 20)); }
wrk_logs() { echo nginx.log; }
wrk_start() { curl_start; }
wrk_probe() { curl_probe; }

wrk_resets() { echo yes; }

# wrk reports "Socket errors" and "Non-2xx" if there were any; it goes while
# answers are on their way, which nginx notes at level info.
wrk_allowed() { echo '\[info\].*(reset by peer|[Bb]roken pipe)'; }

wrk_run() {
	local seconds=3

	[ -z "$full" ] || seconds=30
	a timeout "$PATIENCE" wrk -t 2 -c "$CLIENTS" -d ${seconds}s \
		--timeout 60s "http://$B4/page" >wrk.out || return 1
	cat wrk.out
	! grep -q -E 'Socket errors|Non-2xx' wrk.out || return 1
	[ "$(awk '/requests in/ { print $1 }' wrk.out)" -ge "$CLIENTS" ] &&
	! awk '$9 != 200' access.log | grep .
}
