#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Unmodified applications, each with the module at both ends (the capture
# proves ciphertext) and at the client's end alone (plain TCP, and the SYN
# differs by the ENO option alone from one without the module). Runs in the
# guest.
#
#   apps.sh [APPLICATION ...]
#
# An application is five functions: NAME_port and NAME_marker print what they
# are called, NAME_start starts the server in b (once for each test), NAME_run
# transfers and verifies, NAME_probe makes one small connection.

. "$(dirname "$(readlink -f "$0")")/lib/net.sh"

all_apps="curl iperf3_bulk iperf3_reverse iperf3_bidir iperf3_parallel
	netcat rsync redis postgres echo1000 sshd"

cd "$TESTDIR" || exit 1

# --- curl, nginx -----------------------------------------------------------

curl_port() { echo 80; }
curl_marker() { echo "$MARKER"; }
curl_bytes() { echo $((16 << 20)); }

curl_start() {
	mkdir -p www nginx
	[ -e www/file ] || make_data www/file 16384
	echo small >www/small
	cat >nginx.conf <<-END
		user root;
		worker_processes 2;
		daemon off;
		pid $TESTDIR/nginx.pid;
		error_log stderr;
		events { }
		http {
			access_log off;
			sendfile on;
			client_body_temp_path $TESTDIR/nginx;
			proxy_temp_path $TESTDIR/nginx;
			fastcgi_temp_path $TESTDIR/nginx;
			uwsgi_temp_path $TESTDIR/nginx;
			scgi_temp_path $TESTDIR/nginx;
			server {
				listen 80;
				listen [::]:80;
				root $TESTDIR/www;
			}
		}
	END
	in_background b nginx.log nginx -c "$TESTDIR/nginx.conf"
}

curl_run() {
	rm -f got
	a curl -sSf -m 200 -o got "http://$B4/file" && same_data www/file got
}

curl_probe() { a curl -sSf -m 60 -o /dev/null "http://$B4/small"; }

# --- iperf3 ----------------------------------------------------------------

iperf3_start() { in_background b iperf3.log iperf3 -s -p 5201; }

# The parameters of a test go over its control connection as JSON.
run_iperf3() {
	a timeout 120 iperf3 -c "$B4" -p 5201 --repeating-payload -J "$@" \
		>iperf3.json 2>&1 &&
	/usr/bin/python3 - <<-'END'
		import json, sys
		with open("iperf3.json") as f:
		    result = json.load(f)
		if "error" in result:
		    sys.exit(result["error"])
		for name, value in result["end"].items():
		    if name.startswith("sum_received"):
		        print(name, int(value["bits_per_second"] / 1e6), "Mbit/s")
		        if not value["bytes"]:
		            sys.exit("nothing was received")
	END
}

# So little may arrive after the test's end: iperf3 then reports nothing.
probe_iperf3() {
	a timeout 120 iperf3 -c "$B4" -p 5201 -n 1K >/dev/null
}

for kind in bulk reverse bidir parallel; do
	eval "
	iperf3_${kind}_port() { echo 5201; }
	iperf3_${kind}_marker() { echo 01234567890123456789; }
	iperf3_${kind}_bytes() { echo 100000; }
	iperf3_${kind}_start() { iperf3_start; }
	iperf3_${kind}_probe() { probe_iperf3; }
	iperf3_${kind}_snaplen() { echo 300; }"
done
iperf3_bulk_run() { run_iperf3 -t 2; }
iperf3_reverse_run() { run_iperf3 -t 2 -R; }
iperf3_bidir_run() { run_iperf3 -t 2 --bidir; }
iperf3_parallel_run() { run_iperf3 -t 2 -P 8; }

# --- netcat, both ways -----------------------------------------------------

# A listening nc ends when its client has half-closed, so each direction has a
# connection of its own.
netcat_port() { echo 5000; }
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

# --- rsync over its own daemon protocol ------------------------------------

rsync_port() { echo 873; }
rsync_marker() { echo "$MARKER"; }
rsync_bytes() { echo $((8 << 20)); }

rsync_start() {
	mkdir -p share
	[ -e share/1 ] || make_data share/1 4096
	[ -e upload ] || make_data upload 4096
	cat >rsyncd.conf <<-END
		use chroot = no
		uid = root
		gid = root
		reverse lookup = no
		[share]
		path = $TESTDIR/share
		read only = no
	END
	in_background b rsync.log rsync --daemon --no-detach \
		--config="$TESTDIR/rsyncd.conf" --port=873
}

rsync_run() {
	rm -f download share/2
	a rsync --timeout=200 "rsync://$B4/share/1" download &&
	a rsync --timeout=200 upload "rsync://$B4/share/2" &&
	same_data share/1 download && same_data upload share/2
}

rsync_probe() { a rsync --timeout=60 "rsync://$B4/share/" >/dev/null; }

# --- redis -----------------------------------------------------------------

redis_port() { echo 6379; }
redis_marker() { echo "$MARKER"; }
redis_bytes() { echo 100000; }

redis_start() {
	in_background b redis.log redis-server --port 6379 --bind "$B4" \
		--protected-mode no --save "" --dir "$TESTDIR"
}

redis_run() {
	a timeout 200 redis-benchmark -h "$B4" -P 16 -n 20000 -c 20 -d 100 \
		--csv -t set,get || return 1
	[ "$(a redis-cli -h "$B4" set key "$MARKER")" = OK ] &&
	[ "$(a redis-cli -h "$B4" get key)" = "$MARKER" ]
}

redis_probe() { [ "$(a redis-cli -h "$B4" ping)" = PONG ]; }

# --- PostgreSQL ------------------------------------------------------------

postgres_port() { echo 5432; }
postgres_marker() { echo "$MARKER"; }
postgres_bytes() { echo 100000; }

find_postgres() {
	printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1
}

as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }

postgres_start() {
	local bin

	bin=$(find_postgres)
	if [ ! -e pg/PG_VERSION ]; then
		mkdir -p pg && chown postgres pg
		as_postgres "$bin/initdb" -D pg -A trust --no-sync \
			--locale=C -E UTF8 >initdb.log 2>&1 || return 1
		echo "host all all 0.0.0.0/0 trust" >>pg/pg_hba.conf
	fi
	in_background b postgres.log setpriv --reuid=postgres \
		--regid=postgres --init-groups "$bin/postgres" -D "$TESTDIR/pg" \
		-h "$B4" -k "$TESTDIR/pg" -c fsync=off -c shared_buffers=32MB
	wait_for postgres_probe
}

psql_a() {
	a env PGSSLMODE=disable PGGSSENCMODE=disable PGCONNECT_TIMEOUT=60 \
		psql -h "$B4" -U postgres -XAtq "$@"
}

pgbench_a() {
	a env PGSSLMODE=disable PGGSSENCMODE=disable timeout 200 \
		"$(find_postgres)/pgbench" -h "$B4" -U postgres "$@" postgres
}

# The sums of a consistent TPC-B run are equal.
postgres_run() {
	local sums

	pgbench_a -i -q -I dtGvp &&
	pgbench_a -n -c 4 -j 2 -t 40 || return 1
	sums=$(psql_a -c "select
		(select sum(abalance) from pgbench_accounts) =
		(select sum(delta) from pgbench_history) and
		(select count(*) from pgbench_history) = 160") || return 1
	[ "$sums" = t ] || { say "sums differ: $sums"; return 1; }
	[ "$(psql_a -c "select '$MARKER'")" = "$MARKER" ]
}

postgres_probe() { [ "$(psql_a -c 'select 1')" = 1 ]; }

# --- 1,000 clients ---------------------------------------------------------

echo1000_port() { echo 7000; }
echo1000_marker() { echo "$MARKER"; }
echo1000_bytes() { echo 1000000; }

echo1000_start() {
	sysctl -qw net.core.somaxconn=4096
	b sysctl -qw net.core.somaxconn=4096 net.ipv4.tcp_max_syn_backlog=4096
	in_background b echo1000.log "$SELFTESTS/echo1000.py" server "$B4" 7000
}

echo1000_run() {
	local expected=0

	[ "$mode" = both ] && expected=1000
	a "$SELFTESTS/echo1000.py" client "$B4" 7000 1000 "$MARKER" \
		>echo1000.out 2>&1 || { cat echo1000.out; return 1; }
	cat echo1000.out
	grep -qx "clients=1000 echoed=1000 encrypted=$expected" echo1000.out
}

echo1000_probe() { a "$SELFTESTS/echo1000.py" client "$B4" 7000 1; }

# --- sshd on a port that is not excluded -----------------------------------

# What ssh sends is ciphertext anyhow, except its version string.
sshd_port() { echo 2222; }
sshd_marker() { echo "SSH-2.0-"; }
sshd_bytes() { echo $((2 << 20)); }

sshd_start() {
	local sshd

	mkdir -p /run/sshd
	chmod 755 /run/sshd
	[ -e data ] || make_data data 2048
	[ -e host ] || ssh-keygen -q -t ed25519 -N "" -f host
	[ -e user ] || ssh-keygen -q -t ed25519 -N "" -f user
	mkdir -p keys
	cp user.pub keys/authorized
	cat >sshd.conf <<-END
		Port 2222
		ListenAddress $B4
		HostKey $TESTDIR/host
		AuthorizedKeysFile $TESTDIR/keys/authorized
		PermitRootLogin yes
		PasswordAuthentication no
		UsePAM no
		StrictModes no
		PidFile none
	END
	sshd=$(command -v sshd || echo /usr/sbin/sshd)
	in_background b sshd.log "$sshd" -D -e -f "$TESTDIR/sshd.conf"
}

ssh_a() {
	a timeout 200 ssh -F none -p 2222 -i "$TESTDIR/user" \
		-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
		-o StrictHostKeyChecking=no -o IdentitiesOnly=yes root@"$B4" "$@"
}

sshd_run() {
	rm -f got
	ssh_a cat "$TESTDIR/data" >got && same_data data got &&
	ssh_a "cat >$TESTDIR/put" <data && same_data data put
}

sshd_probe() { ssh_a true </dev/null; }

# --- the tests -------------------------------------------------------------

snaplen() {
	if declare -F "$1_snaplen" >/dev/null; then
		"$1_snaplen"
	else
		echo 0
	fi
}

# with_server APPLICATION MODE ENO: leaves the capture in $TESTDIR/MODE.pcap.
with_server() {
	local app=$1 mode=$2 eno=$3 port pcap=$TESTDIR/$2.pcap
	local before after result=0

	port=$("${app}_port")
	mode "$mode" || return 1
	rm -f "$pcap"
	"${app}_start" && wait_listen b "$port" || return 1
	before=$(counter a EnoActive)
	capture "$pcap" -s "$(snaplen "$app")" || return 1
	if [ "$mode" = none ]; then
		"${app}_probe" || result=1
	else
		"${app}_run" || result=1
	fi
	capture_end "$pcap" || result=1
	after=$(counter a EnoActive)
	stop_all
	if [ "$result" -ne 0 ]; then
		say "$app failed; its server said:"
		tail -5 "${app%%_*}.log"
		return 1
	fi
	wire_eno "$pcap" "$port" "$eno" || return 1
	if [ "$mode" = both ]; then
		[ "$after" -gt "$before" ] ||
			{ say "EnoActive did not grow"; return 1; }
	else
		[ "$after" -eq "$before" ] ||
			{ say "EnoActive grew: $before $after"; return 1; }
	fi
}

encrypted_test() {
	local app=$1 pcap=$TESTDIR/both.pcap

	with_server "$app" both "yes yes" || return 1
	wire_carried "$pcap" "$("${app}_bytes")" &&
	wire_lacks "$pcap" "$("${app}_marker")"
}

plain_test() {
	local app=$1 port with without

	with_server "$app" client "yes no" || return 1
	wire_carried "$TESTDIR/client.pcap" "$("${app}_bytes")" &&
	wire_has "$TESTDIR/client.pcap" "$("${app}_marker")" || return 1

	with_server "$app" none "no no" || return 1
	port=$("${app}_port")
	with=$(wire syn "$TESTDIR/client.pcap" "$port")
	without=$(wire syn "$TESTDIR/none.pcap" "$port")
	[ "$with" = "$without" ] || {
		say "the SYN differs by more than ENO:"
		say "with:    $with"
		say "without: $without"
		return 1
	}
}

ktap_start
make_hosts || { not_ok "two hosts"; finish; }
# shellcheck disable=SC2086 # a list
[ $# -gt 0 ] || set -- $all_apps
for app; do
	check "$app: both ends, ciphertext" encrypted_test "$app"
	check "$app: one end, plain TCP" plain_test "$app"
	rm -f "$TESTDIR"/*.pcap
done
finish
