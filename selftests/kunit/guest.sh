#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs in the guest: inserts the module of the tests and flattens KUnit's KTAP
# out of the kernel log: a line for each case, none for the suites around them.

here=$(dirname "$(readlink -f "$0")")
unit=$here/../unit
name=tcpcrypt_kunit
status=0

dmesg --clear
insmod "$MODULE" || status=1
rmmod $name || status=1

# As many as there are in the sources: none may get lost.
planned=$(cat "$unit"/*_test.c "$here"/*_test.c | awk '
	/^#ifndef __KERNEL__/ { skip = 1 }
	/^#endif/ { skip = 0 }
	/^\tKTAP_CASE\(/ && !skip { n++ }
	END { print n }')

echo "KTAP version 1"
echo "1..$planned"
dmesg --notime | awk -v planned="$planned" '
	$1 == "#" && $2 == "Subtest:" && $3 ~ /^tcpcrypt_/ { suite = $3 }
	/^        (not )?ok [0-9]+ / {
		bad = $1 == "not"
		failed += bad
		printf "%sok %d - %s: %s\n", bad ? "not " : "", ++n, suite, $NF
		next
	}
	# A suite that fails with no case that did
	/^not ok / && !failed { print "not ok - " $4; failed++; next }
	/^(not )?ok / || /^    (not )?ok / || /KTAP version/ || /1\.\./ { next }
	{ sub(/^ *(# )?/, "# "); print }
	END { exit failed || n != planned }' || status=1
exit $status
