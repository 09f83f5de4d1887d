#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Encrypted transfers, both ways at once and checked by SHA-256, over links
# that lose, reorder and duplicate, with offloads and scatter-gather off, with
# small and large MTUs and with tiny socket buffers. Runs in the guest.
#
#   netem.sh [v4] [v6] [mapped]

. "$(dirname "$(readlink -f "$0")")/lib/net.sh"

PORT=6000
CAPTURE_KIB=16384

both_links() {
	ip netns exec a "${@//@/eth0}" && ip netns exec b "${@//@/eth0}"
}

netem() {
	modprobe sch_netem 2>/dev/null
	both_links tc qdisc add dev @ root netem limit 10000 "$@"
}

offload() { both_links ethtool -K @ "$@" >/dev/null; }

mtu() { both_links ip link set @ mtu "$1"; }

# transfer FAMILY [OPTION ...]: v4, v6 or mapped (an AF_INET6 socket, IPv4 on
# the wire). Both ends must say "encrypted", in different roles, with one
# session ID, ss must show it, and the marker must not be on the wire.
transfer() {
	local family=$1 address=$B4 server client result=0
	local out=$TESTDIR/out pcap=$TESTDIR/pcap

	shift
	case $family in
	v6) address=$B6 ;;
	mapped) set -- --mapped "$@" ;;
	esac
	set -- --text "$MARKER" "$@"
	rm -f "$pcap"
	capture "$pcap" || return 1
	in_background b "$out.b" "$LIB/xfer.py" server "$@" "$address" "$PORT"
	server=$!
	wait_listen b "$PORT" || return 1
	in_background a "$out.a" "$LIB/xfer.py" client "$@" "$address" "$PORT"
	client=$!
	wait "$client" || result=1
	# The client has read the server's end-of-file.
	wait_for gone "$server" || result=1
	wait "$server" || result=1
	stop "$client"
	stop "$server"
	if [ "$result" -ne 0 ]; then
		cat "$out.a" "$out.b"
		return 1
	fi
	same_session "$out.a" "$out.b" || return 1
	capture_end "$pcap" && wire_secret "$pcap" "$MARKER" 60000
}

same_session() {
	local a_state a_role a_id b_state b_role b_id

	read -r a_state a_role a_id <"$1"
	read -r b_state b_role b_id <"$2"
	if [ "$a_state $b_state" != "encrypted encrypted" ] ||
	   [ "$a_role$b_role" != AB ] || [ -z "$a_id" ] ||
	   [ "$a_id" != "$b_id" ]; then
		cat "$1" "$2"
		return 1
	fi
}

# over SETUP -- TRANSFER ...: on a fresh link.
over() {
	local setup=()

	while [ "$1" != -- ]; do
		setup+=("$1")
		shift
	done
	shift
	stop_all
	link_hosts || return 1
	if [ ${#setup[@]} -gt 0 ]; then
		"${setup[@]}" || return 1
	fi
	"$@"
}

lossy() { netem loss 5%; }
reordering() { netem delay 20ms reorder 25% 50% gap 3; }
duplicating() { netem duplicate 10%; }
adverse() { netem delay 5ms 3ms loss 3% duplicate 3% reorder 10%; }
no_segmentation() { offload tso off gso off gro off; }
no_sg() { offload sg off; }
no_sg_lossy() { no_sg && lossy; }
no_checksum() { offload tx off; }
small_lossy() { mtu 576 && lossy; }

ktap_start
if ! make_hosts || ! mode both; then
	not_ok "two hosts with the module"
	finish
fi

each_family() {
	local family=$1

	check "$family: clean link" over -- transfer "$family" --size 4194304
	check "$family: loss 5 %" over lossy -- transfer "$family"
	check "$family: reordering" over reordering -- transfer "$family"
	check "$family: duplication" over duplicating -- transfer "$family"
	check "$family: GSO, TSO, GRO off" over no_segmentation -- \
		transfer "$family"
	check "$family: scatter-gather off" over no_sg -- transfer "$family"
	check "$family: MTU 9000" over mtu 9000 -- transfer "$family"
	check "$family: 4 KiB buffers" over -- transfer "$family" \
		--sndbuf 4096 --rcvbuf 4096 --size 262144
}

only_v4() {
	check "v4: MTU 576" over mtu 576 -- transfer v4
	check "v4: MTU 576, loss 5 %" over small_lossy -- \
		transfer v4 --size 262144
	check "v4: scatter-gather off, loss 5 %" over no_sg_lossy -- \
		transfer v4
	check "v4: checksum offload off" over no_checksum -- transfer v4
	check "v4: 4 KiB send buffer" over -- \
		transfer v4 --sndbuf 4096 --size 262144
	check "v4: 4 KiB receive buffer" over -- \
		transfer v4 --rcvbuf 4096 --size 262144
	check "v4: 4 KiB buffers, loss 5 %" over lossy -- \
		transfer v4 --sndbuf 4096 --rcvbuf 4096 --size 131072
	check "v4: loss, reordering and duplication" over adverse -- \
		transfer v4
	check "v4: reads of one byte" over -- \
		transfer v4 --chunk 1 --size 32768
}

only_v6() {
	check "v6: MTU 1280" over mtu 1280 -- transfer v6
	check "v6: 4 KiB buffers, scatter-gather off" over no_sg -- \
		transfer v6 --sndbuf 4096 --rcvbuf 4096 --size 262144
	check "v6: loss, reordering and duplication" over adverse -- \
		transfer v6
}

only_mapped() {
	check "mapped: MTU 576" over mtu 576 -- transfer mapped
}

[ $# -gt 0 ] || set -- v4 v6 mapped
for family; do
	each_family "$family"
	"only_$family"
done
finish
