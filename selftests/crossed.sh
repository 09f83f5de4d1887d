#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Simultaneous open between two kernels (RFC 8547, section 4.3): both connect
# to one another at the same time, over a link so slow that their SYNs cross.
# Runs in the guest.

. "$(dirname "$(readlink -f "$0")")/lib/net.sh"

PORT=6000
CAPTURE_KIB=16384

slow() {
	modprobe sch_netem 2>/dev/null
	a tc qdisc add dev eth0 root netem delay 400ms &&
		b tc qdisc add dev eth0 root netem delay 400ms
}

# ends FILE: what a's and b's connection are, "encrypted A", "plain ...".
ends() { cut -d' ' -f1,2 "$1" | xargs; }

# meet FAMILY B-OF-A B-OF-B: leaves what the ends say in out.a and out.b.
meet() {
	local family=$1 first second result=0
	local a=$A4 b=$B4 out=$TESTDIR/out
	local common=(--size 65536 --text "$MARKER")
	local a_bit=() b_bit=()

	# 0 is the default
	[ "$2" = 0 ] || a_bit=(--b "$2")
	[ "$3" = 0 ] || b_bit=(--b "$3")

	if [ "$family" = v6 ]; then
		a=$A6 b=$B6
	fi
	PORT=$((PORT + 1))
	rm -rf "$TESTDIR/line"
	mkdir "$TESTDIR/line" || return 1
	in_background a "$out.a" "$LIB/xfer.py" client --cross "$a" \
		--meet "$TESTDIR/line" "${a_bit[@]}" "${common[@]}" "$b" "$PORT"
	first=$!
	in_background b "$out.b" "$LIB/xfer.py" client --cross "$b" \
		--meet "$TESTDIR/line" "${b_bit[@]}" "${common[@]}" "$a" "$PORT"
	second=$!
	wait "$first" || result=1
	wait "$second" || result=1
	stop "$first"
	stop "$second"
	say "a: $(cat "$out.a") b: $(cat "$out.b")"
	return "$result"
}

synacks() { echo $(($(counter a EnoSynAckSent) + $(counter b EnoSynAckSent))); }

# differing FAMILY B-OF-A B-OF-B
differing() {
	local pcap=$TESTDIR/pcap before want="encrypted A encrypted B"
	local is a_id b_id

	[ "$2" = 0 ] || want="encrypted B encrypted A"
	before=$(synacks)
	rm -f "$pcap"
	capture "$pcap" || return 1
	meet "$@" || return 1
	is="$(ends "$TESTDIR/out.a") $(ends "$TESTDIR/out.b")"
	[ "$is" = "$want" ] || { say "$is instead of $want"; return 1; }
	read -r _ _ a_id <"$TESTDIR/out.a"
	read -r _ _ b_id <"$TESTDIR/out.b"
	[ "$a_id" = "$b_id" ] || { say "session IDs differ"; return 1; }
	[ "$(synacks)" -ge $((before + 2)) ] ||
		{ say "the SYNs did not cross"; return 1; }
	capture_end "$pcap" && wire_secret "$pcap" "$MARKER" 120000
}

# same FAMILY B: falls back, at both ends.
same() {
	local before is

	before=$(($(counter a FallbackRole) + $(counter b FallbackRole)))
	meet "$1" "$2" "$2" || return 1
	is="$(ends "$TESTDIR/out.a") $(ends "$TESTDIR/out.b")"
	case $is in
	"plain ENOPROTOOPT plain ENOPROTOOPT") ;;
	"plain ENOTSUP plain ENOTSUP") ;;
	*) return 1 ;;
	esac
	is=$(($(counter a FallbackRole) + $(counter b FallbackRole)))
	[ "$is" -eq $((before + 2)) ] ||
		{ say "FallbackRole rose by $((is - before))"; return 1; }
}

ktap_start
if ! make_hosts || ! mode both || ! slow; then
	not_ok "two hosts with the module"
	finish
fi
check "v4: b = 0 and b = 1" differing v4 0 1
check "v4: b = 1 and b = 0" differing v4 1 0
check "v6: b = 0 and b = 1" differing v6 0 1
check "v4: b = 0 twice: plain" same v4 0
check "v6: b = 1 twice: plain" same v6 1
finish
