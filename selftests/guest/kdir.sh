#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Prints the kernel build directory that the module is built against: the
# running kernel's, or else the newest of Debian's 6.1 headers; with "rt" those
# of its PREEMPT_RT kernel. Prints nothing and fails when there is none.

flavour=${1:+$1-}
# A kernel without this module's base (6.1 is the oldest) doesn't count.
running=/lib/modules/$(uname -r)/build
if [ -z "$flavour" ] && [ -e "$running/Module.symvers" ]; then
	echo "$running"
	exit 0
fi
for dir in $(printf '%s\n' /usr/src/linux-headers-6.1*-"$flavour"amd64 |
	     sort -Vr); do
	# not the other flavours' (rt, cloud)
	[[ $dir =~ [0-9]-"$flavour"amd64$ ]] || continue
	if [ -e "$dir/Module.symvers" ]; then
		echo "$dir"
		exit 0
	fi
done
echo "error: no kernel headers: apt-get install linux-headers-${flavour}amd64," \
     "or choose KDIR=" >&2
exit 1
