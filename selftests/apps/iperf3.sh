# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# iperf3; see apps.sh

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

# A test ends by the clock, and the receiver closes with data unread or without.
for kind in bulk reverse bidir parallel; do
	eval "
	iperf3_${kind}_ports() { echo 5201; }
	iperf3_${kind}_marker() { echo 01234567890123456789; }
	iperf3_${kind}_bytes() { echo 100000; }
	iperf3_${kind}_start() { iperf3_start; }
	iperf3_${kind}_probe() { probe_iperf3; }
	iperf3_${kind}_snaplen() { echo 300; }
	iperf3_${kind}_resets() { echo yes; }"
done
iperf3_bulk_run() { run_iperf3 -t 2; }
iperf3_reverse_run() { run_iperf3 -t 2 -R; }
iperf3_bidir_run() { run_iperf3 -t 2 --bidir; }
iperf3_parallel_run() { run_iperf3 -t 2 -P 8; }
