# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# PostgreSQL: pgbench and COPY; see apps.sh

postgres_ports() { echo 5432; }
postgres_mib() { sized 4 1024; }
postgres_bytes() { echo $((MIB << 21)); }

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
		-h "$B4" -k "$TESTDIR/pg" -c fsync=off -c shared_buffers=32MB \
		-c synchronize_seqscans=off
	wait_for postgres_probe
}

psql_a() {
	a env PGSSLMODE=disable PGGSSENCMODE=disable PGCONNECT_TIMEOUT=60 \
		psql -h "$B4" -U postgres -XAtq "$@"
}

pgbench_a() {
	a env PGSSLMODE=disable PGGSSENCMODE=disable timeout "$PATIENCE" \
		"$(find_postgres)/pgbench" -h "$B4" -U postgres "$@" postgres
}

# The sums of a consistent TPC-B run are equal. What COPY reads is what it
# wrote before.
postgres_run() {
	local sums

	pgbench_a -i -q -I dtGvp &&
	pgbench_a -n -c 4 -j 2 -t 40 || return 1
	sums=$(psql_a -c "select
		(select sum(abalance) from pgbench_accounts) =
		(select sum(delta) from pgbench_history) and
		(select count(*) from pgbench_history) = 160") || return 1
	[ "$sums" = t ] || { say "sums differ: $sums"; return 1; }
	big_file &&
	psql_a -c "drop table if exists big" \
		-c "create unlogged table big (number text, line text)" \
		-c "\\copy big from '$TESTDIR/big'" || return 1
	psql_a -c "\\copy big to stdout" | same_as_big
}

postgres_probe() { [ "$(psql_a -c 'select 1')" = 1 ]; }
