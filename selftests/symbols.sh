#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Fails when a module needs a symbol that a later supported kernel lacks.
#
#   symbols.sh [MODULE]

here=$(dirname "$(readlink -f "$0")")
module=${1:-$here/../tcpcrypt.ko}

undefined=$(nm -u "$module" 2>/dev/null | awk '{ print $NF }' | sort -u)
if [ -z "$undefined" ]; then
	echo "error: no module $module: run make" >&2
	exit 1
fi
hits=$(grep -v '^#' "$here/symbols.missing" | grep . | sort -u |
	comm -12 - <(echo "$undefined"))
[ -z "$hits" ] && exit 0
echo "later kernels lack:" "${hits//$'\n'/ }"
exit 1
