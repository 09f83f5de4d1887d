#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs in the guest: puts the tests' own modules, built for its kernel, where
# the tests look for them; the guest's changes of files are not kept.
#
#   guest.sh TREE COMMAND [ARGUMENT ...]

selftests=$(dirname "$(dirname "$(readlink -f "$0")")")
tree=${1:?usage: guest.sh TREE COMMAND [ARGUMENT ...]}
shift
for module in "$tree"/selftests/*/*.ko; do
	[ -e "$module" ] || continue
	cp "$module" "$selftests/$(basename "$(dirname "$module")")/" || exit 1
done
exec "$@"
