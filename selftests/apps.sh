#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Unmodified applications, each with the module at both ends (the capture
# proves ciphertext) and at the client's end alone (plain TCP, and the SYN
# differs by the ENO option alone from one without the module). Then the two
# runs are compared: connections must end as those of plain TCP end. Runs in
# the guest.
#
#   apps.sh [--full] [APPLICATION ...]
#
# --full transfers up to a gigabyte and has hundreds of connections, and needs
# 4 GB of memory. An application is a file, apps/NAME.sh, with functions:
#
#   NAME_ports    TCP ports of the servers
#   NAME_start    starts the servers, in b (once for each test)
#   NAME_run      transfers and verifies
#   NAME_probe    makes one small connection
# and where the defaults below don't do
#   NAME_needs    "COMMAND=PACKAGE ...": skipped where a command is missing
#   NAME_marker   what is seen on the wire if nobody encrypts
#   NAME_mib      size of the file that is transferred, MiB: $MIB
#   NAME_bytes    payload that the run carries at least
#   NAME_snaplen  how much of each packet is captured, 0 is all
#   NAME_allowed  lines of the logs that are no error though they look so
#   NAME_logs     the servers' logs
#   NAME_resets   "yes" where the client resets some connections, always

. "$(dirname "$(readlink -f "$0")")/lib/net.sh"

set -o pipefail
APPS=$SELFTESTS/apps
all_apps="curl wrk haproxy iperf3_bulk iperf3_reverse iperf3_bidir
	iperf3_parallel netcat rsync redis postgres echo1000 sshd git nbd go
	node java"

if [ "${1:-}" = --full ]; then
	shift
	full=1 CLIENTS=200 PATIENCE=1500 SNAPLEN=400
	DEADLINE=200
else
	full='' CLIENTS=20 PATIENCE=200 SNAPLEN=0
fi
export full MIB CLIENTS PATIENCE DEADLINE

for file in "$APPS"/*.sh; do
	[ ! -x "$file" ] || continue
	# shellcheck disable=SC1090 # each is checked by itself
	. "$file"
done

cd "$TESTDIR" || exit 1

# --- for the applications --------------------------------------------------

# sized QUICK FULL
sized() { if [ -n "$full" ]; then echo "$2"; else echo "$1"; fi; }

default_needs() { :; }
default_marker() { echo "$MARKER"; }
default_mib() { sized 4 256; }
default_bytes() { echo 100000; }
default_snaplen() { echo "$SNAPLEN"; }
default_allowed() { echo '^$'; }
default_resets() { :; }
default_logs() { echo "$1.log"; }

# of APPLICATION WHAT: its own or the default.
of() {
	if declare -F "$1_$2" >/dev/null; then
		"$1_$2" "$1"
	else
		"default_$2" "$1"
	fi
}

# The file that is transferred: $MIB MiB, in lines of 1 KiB.
big_file() {
	[ "$(stat -c %s big 2>/dev/null)" = $((MIB << 20)) ] && return
	"$APPS/data.py" "$MIB" "$MARKER" >big && chmod 644 big &&
		sha256sum <big >big.sum
}

# What comes in must be that file.
same_as_big() {
	[ "$(sha256sum)" = "$(cat big.sum)" ] ||
		{ say "not the data that were sent"; return 1; }
}

# --- the tests -------------------------------------------------------------

missing() {
	local need

	for need in $(of "$1" needs); do
		command -v "${need%%=*}" >/dev/null || echo "${need#*=}"
	done
}

# What ended badly so far, in both namespaces.
aborts() {
	local ns

	for ns in a b; do
		in_ns "$ns" grep -E '^(Abort|CloseTimeout|CloseLimit)' \
			/proc/net/tcpcrypt_stat | sed "s/^/$ns: /"
	done
}

unsettled() {
	local ns

	for ns in a b; do
		in_ns "$ns" ss -Htn state connected exclude time-wait
	done
}

settled() { [ -z "$(unsettled)" ]; }

all_settled() {
	wait_for settled && return
	unsettled
	return 1
}

log_errors='error|fail|fatal|panic|alert|crit|emerg|exception|abort|warn'
log_errors+='|reset by peer|broken pipe|timed? ?out|unexpected|refused|denied'

logs_clean() {
	local app=$1 log found

	for log in $(of "$app" logs); do
		found=$(grep -a -i -E "$log_errors" "$log" |
			grep -a -v -E "$(of "$app" allowed)") || continue
		say "$log: $(head -5 <<<"$found")"
		return 1
	done
}

listen_all() {
	local port

	for port in $("$1_ports"); do
		wait_for listens_somewhere "$port" || return 1
	done
}

listens_somewhere() { listens b "$1" || listens a "$1"; }

# with_server APPLICATION MODE ENO: leaves the capture in $TESTDIR/MODE.pcap.
with_server() {
	local app=$1 mode=$2 eno=$3 port pcap=$TESTDIR/$2.pcap
	local before after aborted result=0 began

	mode "$mode" || return 1
	rm -f "$pcap"
	"${app}_start" && listen_all "$app" || return 1
	before=$(counter a EnoActive)
	aborted=$(aborts)
	capture "$pcap" -s "$(of "$app" snaplen)" || return 1
	began=$SECONDS
	if [ "$mode" = none ]; then
		"${app}_probe" || result=1
	else
		"${app}_run" || result=1
		echo "$mode: $((SECONDS - began)) s" >>run.times
	fi
	all_settled && logs_clean "$app" || result=1
	capture_end "$pcap" || result=1
	after=$(counter a EnoActive)
	stop_all
	if [ "$result" -ne 0 ]; then
		say "$app failed; its server said:"
		# shellcheck disable=SC2046 # a list
		tail -n 5 $(of "$app" logs)
		return 1
	fi
	for port in $("${app}_ports"); do
		wire_eno "$pcap" "$port" "$eno" || return 1
	done
	if [ "$mode" = both ]; then
		[ "$after" -gt "$before" ] ||
			{ say "EnoActive did not grow"; return 1; }
	else
		[ "$after" -eq "$before" ] ||
			{ say "EnoActive grew: $before $after"; return 1; }
	fi
	[ "$aborted" = "$(aborts)" ] || {
		say "aborts:"
		diff <(echo "$aborted") <(aborts)
		return 1
	}
}

encrypted_test() {
	local app=$1 pcap=$TESTDIR/both.pcap

	with_server "$app" both "yes yes" || return 1
	wire_carried "$pcap" "$(of "$app" bytes)" &&
	wire_lacks "$pcap" "$(of "$app" marker)"
}

plain_test() {
	local app=$1 port with without

	with_server "$app" client "yes no" || return 1
	wire_carried "$TESTDIR/client.pcap" "$(of "$app" bytes)" &&
	wire_has "$TESTDIR/client.pcap" "$(of "$app" marker)" || return 1

	with_server "$app" none "no no" || return 1
	for port in $("${app}_ports"); do
		with=$(wire syn "$TESTDIR/client.pcap" "$port")
		without=$(wire syn "$TESTDIR/none.pcap" "$port")
		[ "$without" = none ] || [ "$with" = "$without" ] || {
			say "the SYN differs by more than ENO:"
			say "with:    $with"
			say "without: $without"
			return 1
		}
	done
}

# Each connection with a FIN from either side and without RST, unless plain TCP
# ends some otherwise.
closes_test() {
	local app=$1 both plain connections fins resets

	both=$(wire closes "$TESTDIR/both.pcap") &&
	plain=$(wire closes "$TESTDIR/client.pcap") || return 1
	echo "connections, with both FINs, with RST: $both; plain: $plain" \
		>run.closes
	cat run.closes
	read -r connections fins resets <<<"$both"
	[ "$connections" -gt 0 ] || return 1
	[ -z "$(of "$app" resets)" ] || return 0
	# shellcheck disable=SC2086 # three numbers
	set -- $plain
	[ "$resets" -le "$3" ] && [ $((connections - fins)) -le $(($1 - $2)) ]
}

ktap_start
make_hosts || { not_ok "two hosts"; finish; }
# shellcheck disable=SC2086 # a list
[ $# -gt 0 ] || set -- $all_apps
passed=() failed=()
for app; do
	package=$(missing "$app" | xargs)
	if [ -n "$package" ]; then
		skip "$app" "no package $package"
		continue
	fi
	before=$failures
	MIB=$(of "$app" mib)
	rm -f run.times run.closes
	check "$app: both ends, ciphertext" encrypted_test "$app"
	check "$app: one end, plain TCP" plain_test "$app"
	check "$app: connections end as with plain TCP" closes_test "$app"
	say "$app: $(xargs <run.times) $(cat run.closes 2>/dev/null)"
	if [ $failures -eq "$before" ]; then
		passed+=("$app")
	else
		failed+=("$app")
	fi
	rm -f "$TESTDIR"/*.pcap
done
say "applications passed: ${passed[*]}"
say "applications failed: ${failed[*]}"
finish
