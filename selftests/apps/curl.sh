# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# nginx to curl, by sendfile; see apps.sh

curl_ports() { echo 80; }
curl_mib() { sized 4 1024; }
curl_bytes() { echo $((MIB << 20)); }
curl_logs() { echo nginx.log; }

# nginx_conf PORT: also for wrk and haproxy
nginx_conf() {
	mkdir -p www nginx
	big_file || return 1
	ln -f big www/big
	echo small >www/small
	make_data www/page 16
	cat >nginx.conf <<-END
		user root;
		worker_processes 2;
		daemon off;
		pid $TESTDIR/nginx.pid;
		error_log stderr info;
		events { worker_connections 4096; }
		http {
			access_log $TESTDIR/access.log;
			sendfile on;
			keepalive_requests 1000000;
			client_body_temp_path $TESTDIR/nginx;
			proxy_temp_path $TESTDIR/nginx;
			fastcgi_temp_path $TESTDIR/nginx;
			uwsgi_temp_path $TESTDIR/nginx;
			scgi_temp_path $TESTDIR/nginx;
			server {
				listen $1;
				listen [::]:$1;
				root $TESTDIR/www;
			}
		}
	END
	: >access.log
}

curl_start() {
	nginx_conf 80 || return 1
	in_background b nginx.log nginx -c "$TESTDIR/nginx.conf"
}

# The same connection serves the second time, and curl closes it.
curl_run() {
	a curl -sSf -m "$PATIENCE" "http://$B4/small" "http://$B4/big" |
		tail -c +7 | same_as_big
}

curl_probe() { a curl -sSf -m 60 -o /dev/null "http://$B4/small"; }
