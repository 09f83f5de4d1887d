#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Loads a module file and first, as insmod doesn't, what it depends on.
#
#   insmod.sh FILE [PARAMETER=VALUE ...]

module=${1:?usage: insmod.sh FILE [PARAMETER=VALUE ...]}
shift
if [ ! -e "$module" ]; then
	echo "error: no $module: run make" >&2
	exit 1
fi
name=$(basename "$module" .ko)
for dep in $(modinfo -F depends "$module" | tr , ' '); do
	modprobe "$dep" || exit 1
done
if ! insmod "$module" "$@"; then
	dmesg | grep -i "${name//-/_}:" | tail -5 >&2
	exit 1
fi
