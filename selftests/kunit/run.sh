#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs the unit tests as KUnit: builds their module for the debug kernel, which
# is built first if need be, and inserts it in a guest. Prints KTAP.

here=$(dirname "$(readlink -f "$0")")
top=$(dirname "$(dirname "$here")")
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$top" || exit 1
# Nothing of a make that runs this is for the module's.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

die() {
	echo "error: kunit: $*" >&2
	exit 1
}

kernel=$(selftests/guest/debug-kernel.sh) || exit 1

# In a copy: the objects of other kernels stay what they are.
tree=$work/tree
if ! mkdir -p "$tree/selftests" || ! cp -r include net "$tree" ||
   ! cp -r selftests/unit selftests/kunit "$tree/selftests"; then
	die "no copy of the sources in $work"
fi
find "$tree" \( -name '*.o' -o -name '.*.cmd' \) -delete
/usr/bin/python3 selftests/unit/gen_vectors.py \
	>"$tree/selftests/unit/vectors.h" || die "no vectors"
if ! make -s -j"$(nproc)" -C "$kernel" M="$tree/selftests/kunit" modules \
     >"$work/make.log" 2>&1 || grep -q warning "$work/make.log"; then
	tail -60 "$work/make.log" >&2
	die "the module doesn't build without warnings"
fi

selftests/guest/guest.py -k "$kernel" -m 2G -a kmemleak=off -t 900 \
	--module "$tree/selftests/kunit/tcpcrypt_kunit.ko" \
	-- selftests/kunit/guest.sh
