# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# redis, pipelined; see apps.sh

redis_ports() { echo 6379; }
redis_allowed() { echo 'WARNING Memory overcommit'; }
redis_bytes() { echo 100000; }

redis_start() {
	in_background b redis.log redis-server --port 6379 --bind "$B4" \
		--protected-mode no --save "" --dir "$TESTDIR"
}

# Then a client that sends everything before it asks for the answers.
redis_run() {
	local n=$((CLIENTS * 1000)) values=$((CLIENTS * 200))

	a timeout "$PATIENCE" redis-benchmark -h "$B4" -P 16 -n $n \
		-c "$CLIENTS" -d 100 --csv -t set,get || return 1
	[ "$(a redis-cli -h "$B4" set key "$MARKER")" = OK ] &&
	[ "$(a redis-cli -h "$B4" get key)" = "$MARKER" ] || return 1
	"$APPS/redis_pipe.py" commands $values "$MARKER" |
		a timeout "$PATIENCE" redis-cli -h "$B4" --pipe |
		tee redis.out
	grep -qx "errors: 0, replies: $values" redis.out &&
	a timeout "$PATIENCE" "$APPS/redis_pipe.py" check $values "$MARKER" \
		"$B4" 6379
}

redis_probe() { [ "$(a redis-cli -h "$B4" ping)" = PONG ]; }
