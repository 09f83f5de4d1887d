# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# haproxy in TCP mode in the middle: a client in a, haproxy in b, which goes
# back to a server in a: two connections on the wire for each; see apps.sh

haproxy_needs() { echo haproxy=haproxy; }
haproxy_ports() { echo 8080 8081; }
haproxy_bytes() { echo $((MIB << 21)); }
haproxy_logs() { echo haproxy.log nginx.log; }

# What mode() leaves alone is the second leg's.
haproxy_legs() {
	local connect=1 listen=1

	# shellcheck disable=SC2154 # of with_server()
	case $mode in
	client) listen=0 ;;
	none) connect=0 listen=0 ;;
	esac
	set_sysctl b enable_connect $connect &&
	set_sysctl a enable_listen $listen
}

haproxy_start() {
	haproxy_legs && nginx_conf 8081 || return 1
	in_background a nginx.log nginx -c "$TESTDIR/nginx.conf"
	wait_listen a 8081 || return 1
	cat >haproxy.conf <<-END
		global
		    log stdout format raw local0 info
		defaults
		    mode tcp
		    log global
		    option tcplog
		    option splice-auto
		    timeout connect 60s
		    timeout client 120s
		    timeout server 120s
		listen middle
		    bind $B4:8080
		    server nginx $A4:8081
	END
	in_background b haproxy.log haproxy -db -f "$TESTDIR/haproxy.conf"
}

# "--" in the log: either end closed in order.
haproxy_ended() {
	[ "$(grep -c ' middle middle/nginx .* -- ' haproxy.log)" -eq "$1" ]
}

haproxy_run() {
	local i pids=() result=0 n=$((CLIENTS / 10))

	a curl -sSf -m "$PATIENCE" "http://$B4:8080/big" | same_as_big ||
		return 1
	for ((i = 0; i < n; i++)); do
		a curl -sSf -m "$PATIENCE" -o "page.$i" \
			"http://$B4:8080/page" &
		pids+=($!)
	done
	for ((i = 0; i < n; i++)); do
		wait "${pids[i]}" && same_data www/page "page.$i" || result=1
	done
	wait_for haproxy_ended $((n + 1)) || { cat haproxy.log; return 1; }
	return $result
}

haproxy_probe() { a curl -sSf -m 60 -o /dev/null "http://$B4:8080/small"; }
