# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# netcat, both ways; see apps.sh

# A listening nc ends when its client has half-closed, so each direction has a
# connection of its own.
netcat_ports() { echo 5000; }
netcat_marker() { echo "$MARKER"; }
netcat_bytes() { echo $((8 << 20)); }

netcat_start() {
	[ -e there ] || make_data there 4096
	[ -e back ] || make_data back 4096
	rm -f arrived returned
	in_background b netcat.log sh -c "nc -l $B4 5000 >arrived.new &&
		mv arrived.new arrived"
	in_background b netcat.back.log sh -c "nc -N -l $B4 5001 <back"
	wait_listen b 5001
}

netcat_run() {
	a timeout 200 nc -N "$B4" 5000 <there || return 1
	a timeout 200 nc -d "$B4" 5001 >returned || return 1
	wait_for test -e arrived &&
	same_data there arrived && same_data back returned
}

netcat_probe() { a timeout 100 nc -N "$B4" 5000 </dev/null; }
