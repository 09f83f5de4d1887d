#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two hosts, curl and iperf3 between them, first as ever, then with the
# module at both ends, and what an eavesdropper sees. Runs in the guest.

. "$(dirname "$(readlink -f "$0")")/lib/net.sh"

secret="The meeting is at nine, at the old bridge."
cd "$TESTDIR" || exit 1

die() {
	echo "error: $*" >&2
	stop_all
	exit 1
}

start_nginx() {
	mkdir -p www tmp
	for _ in 1 2 3 4 5; do
		echo "$secret"
	done >www/letter.txt
	cat >nginx.conf <<-END
		user root;
		daemon off;
		pid $TESTDIR/nginx.pid;
		error_log stderr;
		events { }
		http {
			access_log off;
			client_body_temp_path $TESTDIR/tmp;
			proxy_temp_path $TESTDIR/tmp;
			fastcgi_temp_path $TESTDIR/tmp;
			uwsgi_temp_path $TESTDIR/tmp;
			scgi_temp_path $TESTDIR/tmp;
			server {
				listen 80;
				root $TESTDIR/www;
			}
		}
	END
	in_background b nginx.log nginx -c "$TESTDIR/nginx.conf"
	wait_listen b 80 || die "nginx does not start: $(tail -1 nginx.log)"
}

session_ids() {
	local server result=0

	in_background b id.b "$LIB/xfer.py" server --size 1000 "$B4" 6000
	server=$!
	wait_listen b 6000 || die "no server for the session ID"
	a "$LIB/xfer.py" client --size 1000 "$B4" 6000 >id.a || result=1
	wait "$server" || result=1
	[ "$result" = 0 ] || die "$(cat id.a id.b)"
	sed 's/^encrypted A /  client  /; s/^plain .*/  client  none/' id.a
	sed 's/^encrypted B /  server  /; s/^plain .*/  server  none/' id.b
}

throughput() {
	in_background b iperf3.log iperf3 -s -1 -p 5201
	wait_listen b 5201 || die "iperf3 does not start"
	a iperf3 -c "$B4" -p 5201 -t 4 -f m >iperf3.out 2>&1 ||
		die "iperf3: $(tail -1 iperf3.out)"
	awk '/receiver/ { print "  " $(NF - 2), $(NF - 1) }' iperf3.out
}

# part MODE TITLE
part() {
	mode "$1" || die "the module is not loaded"
	echo
	echo "=== $2 ==="
	start_nginx
	capture "$1.pcap" || die "tcpdump does not start"
	a curl -sS -m 60 -o letter.txt "http://$B4/letter.txt" ||
		die "curl failed"
	capture_end "$1.pcap" || die "the capture is not complete"
	cmp letter.txt www/letter.txt || die "curl got something else"
	echo "curl got from nginx:"
	echo "  $(head -1 letter.txt)"
	echo "ENO option in the SYN and the SYN-ACK: $(wire eno "$1.pcap" 80)"
	echo "an eavesdropper sees of it:"
	wire show "$1.pcap" "$secret" | sed 's/^/  /'
	if wire has "$1.pcap" "$secret"; then
		echo "  ... the letter is on the wire in plaintext"
	else
		echo "  ... the letter is nowhere on the wire"
	fi
	echo "session ID of a connection, read with getsockopt():"
	session_ids
	echo "iperf3, 4 seconds (both hosts share this emulated machine):"
	throughput
	stop_all
}

echo "Two hosts, namespaces of a guest with kernel $(uname -r), joined by veth."
make_hosts || die "cannot make two hosts"
part none "without tcpcrypt"
part both "with tcpcrypt at both ends, the same programs"
if [ "$(wire eno both.pcap 80)" != "yes yes" ] ||
   wire has both.pcap "$secret"; then
	die "the connection was not encrypted"
fi
rm -rf "$TESTDIR"
