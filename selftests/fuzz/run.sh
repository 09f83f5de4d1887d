#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs libFuzzer targets one after the other, each for FUZZ_SECONDS (60), and
# prints KTAP.
#
#   run.sh [--merge] DIRECTORY TARGET ...
#
# Each begins with corpus/TARGET of the tree. What it finds besides stays in
# DIRECTORY/found/TARGET, the input that makes it fail in DIRECTORY/TARGET-*.
# --merge instead takes of both, and of the seeds, what is needed to reach all
# that they reach, for corpus/TARGET.

here=$(dirname "$(readlink -f "$0")")
merge=
[ "$1" != --merge ] || { merge=1; shift; }
out=$(readlink -f "${1:?usage: run.sh [--merge] DIRECTORY TARGET ...}")
shift
seconds=${FUZZ_SECONDS:-60}
most=700	# bytes of an input

if [ -n "$merge" ]; then
	"$here/gen_seeds.py" "$out/seeds" || exit 1
	for target in "$@"; do
		rm -rf "$out/merged"
		mkdir -p "$out/merged" "$here/corpus/$target" \
			"$out/found/$target" "$out/seeds/$target"
		"$out/$target" -set_cover_merge=1 -max_len=$most "$out/merged" \
			"$here/corpus/$target" "$out/seeds/$target" \
			"$out/found/$target" >"$out/$target.log" 2>&1 || {
			tail "$out/$target.log"
			exit 1
		}
		rm -rf "${here:?}/corpus/$target"
		mv "$out/merged" "$here/corpus/$target"
		echo "$target: $(find "$here/corpus/$target" -type f |
			wc -l) inputs, $(cat "$here/corpus/$target"/* |
			wc -c) bytes"
	done
	exit
fi

echo "KTAP version 1"
echo "1..$#"
n=0
failures=0
for target in "$@"; do
	n=$((n + 1))
	log=$out/$target.log
	mkdir -p "$out/found/$target"
	begin=$(date +%s)
	"$out/$target" -max_total_time="$seconds" -max_len=$most \
		-timeout=60 -print_final_stats=1 \
		-artifact_prefix="$out/$target-" "$out/found/$target" \
		"$here/corpus/$target" >"$log" 2>&1
	status=$?
	taken=$(($(date +%s) - begin))
	executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	# The last line of its progress: "#N DONE cov: EDGES ft: ..."
	edges=$(sed -n 's/^#[0-9]*\t.* cov: \([0-9]*\) .*/\1/p' "$log" |
		tail -1)
	inputs=$(find "$here/corpus/$target" -type f | wc -l)
	if [ $status -eq 0 ] && [ "$inputs" -gt 0 ] &&
	   [ "${executions:-0}" -gt "$inputs" ]; then
		echo "ok $n - $target: $executions executions," \
		     "${edges:-0} edges, $taken s"
		continue
	fi
	failures=$((failures + 1))
	grep -a -E 'not so:|ERROR|SUMMARY|runtime error|^    #[0-9] ' "$log" |
		head -20 | sed 's/^/# /'
	[ "$inputs" -gt 0 ] || echo "# no corpus/$target"
	sed -n 's/.*Test unit written to /# input: /p' "$log"
	echo "# to repeat: $out/$target FILE; log: $log"
	echo "not ok $n - $target: exit status $status"
done
[ $failures -eq 0 ]
