#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Checks of the sources and of the built module; results in KTAP. KDIR= names
# the kernel headers, as for make.

here=$(dirname "$(readlink -f "$0")")
top=$(dirname "$here")
cache=${TCPCRYPT_CACHE:-/var/cache/tcpcrypt}
KDIR=${KDIR:-$("$here/guest/kdir.sh")} || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work" "$top"/.checkpatch-camelcase.*' EXIT
cd "$top" || exit 1

tests=0
failures=0

check() {
	local name=$1

	shift
	tests=$((tests + 1))
	if "$@" >"$work/log" 2>&1; then
		echo "ok $tests $name"
	else
		failures=$((failures + 1))
		head -60 "$work/log" | sed 's/^/# /'
		echo "not ok $tests $name"
	fi
}

# files REGEX: the project's, without what make left.
files() {
	if [ -e .git ] && command -v git >/dev/null; then
		git -c safe.directory='*' ls-files --cached --others \
			--exclude-standard
	else
		find . -type f ! -path './.git/*' ! -name '*.o' ! -name '*.ko' \
			! -name '*.mod*' ! -name '.*.cmd' ! -name '*.symvers' \
			! -name 'modules.order' ! -name '*_test' -printf '%P\n'
	fi | grep -E "$1" | while read -r file; do
		[ -f "$file" ] && echo "$file"
	done
}

# In a copy: the module itself is in use meanwhile. Warnings of the kernel's
# own headers are not ours.
build() {
	local kind=$1 log=$work/build.log

	shift
	rm -rf "$work/tree"
	mkdir "$work/tree"
	cp -r Kbuild net include "$work/tree" || return 1
	find "$work/tree" -name '*.o' -delete
	if ! make -C "$KDIR" M="$work/tree" "$@" modules >"$log" 2>&1; then
		grep -E 'error|Error|warning' "$log" || tail "$log"
		return 1
	fi
	if grep -E "^$work/tree/.*(warning|error):" "$log" ||
	   grep -E '^(WARNING|ERROR): modpost' "$log"; then
		echo "$kind says so"
		return 1
	fi
}

# The test TEP, against the module that was built last.
test_tep() {
	local log=$work/tep.log dir=$work/tree/selftests/tep

	mkdir -p "$dir"
	cp selftests/tep/Kbuild selftests/tep/*_tep.c "$dir" || return 1
	if ! make -C "$KDIR" M="$dir" W=1 C=2 CF=-D__CHECK_ENDIAN__ \
	     KBUILD_EXTRA_SYMBOLS="$work/tree/Module.symvers" modules \
	     >"$log" 2>&1; then
		tail "$log"
		return 1
	fi
	! grep -E "^$work/tree/.*(warning|error):|modpost.*undefined" "$log"
}

w1_sparse() { build "the compiler or sparse" W=1 C=2 CF=-D__CHECK_ENDIAN__; }
symbols() { "$here/symbols.sh" "$work/tree/tcpcrypt.ko"; }

# checkpatch.pl is in Debian's kernel source only; unpack it once.
checkpatch_script() {
	local tar version dir

	tar=$(printf '%s\n' /usr/src/linux-source-6.*.tar.xz | sort -V | tail -1)
	[ -e "$tar" ] || {
		echo "no checkpatch.pl: apt-get install linux-source-6.1" >&2
		return 1
	}
	version=$(stat -Lc %Y "$tar")
	dir=$cache/checkpatch-$version
	if [ ! -e "$dir/checkpatch.pl" ]; then
		mkdir -p "$work/scripts" &&
		tar -C "$work/scripts" -xJf "$tar" --strip-components=2 \
			--wildcards '*/scripts/checkpatch.pl' \
			'*/scripts/spelling.txt' \
			'*/scripts/const_structs.checkpatch' || return 1
		mkdir -p "$cache" && rm -rf "$dir" &&
			cp -r "$work/scripts" "$dir" || return 1
	fi
	echo "$dir/checkpatch.pl"
}

checkpatch() {
	local script list

	script=$(checkpatch_script) || return 1
	mapfile -t list < <(files '\.[ch]$')
	[ ${#list[@]} -gt 0 ] || { echo "no files"; return 1; }
	perl "$script" --no-tree --strict --no-summary --terse --showfile \
		--file "${list[@]}"
}

kernel_doc() {
	local list

	mapfile -t list < <(files '^(net|include)/.*\.[ch]$')
	[ ${#list[@]} -gt 0 ] || { echo "no files"; return 1; }
	perl "$KDIR/scripts/kernel-doc" -none "${list[@]}" 2>&1 |
		grep -E 'warning|error' && return 1
	return 0
}

shell_scripts() {
	local list

	mapfile -t list < <(files '\.sh$|^\.ci/run$')
	shellcheck "${list[@]}"
}

python_scripts() {
	local list

	mapfile -t list < <(files '\.py$')
	/usr/bin/python3 - "${list[@]}" <<-'END'
		import sys
		for path in sys.argv[1:]:
		    with open(path) as f:
		        compile(f.read(), path, "exec")
	END
}

spdx() {
	local file result=0

	while read -r file; do
		[ -s "$file" ] || continue
		head -3 "$file" | grep -q 'SPDX-License-Identifier: ' && continue
		echo "$file: no SPDX line"
		result=1
	done < <(files . | grep -v -E '^LICENSES/|(^|/)\.[^/]*$|\.bin$|/corpus/')
	return $result
}

# One place knows kernel versions.
versions() {
	files '^(net|include/uapi)/.*\.[ch]$' |
		xargs grep -n -w -E 'LINUX_VERSION_CODE|KERNEL_VERSION' /dev/null
	[ "${PIPESTATUS[1]}" -ne 0 ]
}

echo "KTAP version 1"
check "build: W=1 and sparse without warnings" w1_sparse
check "build: the second TEP without warnings" test_tep
check "symbols: none that later kernels lack" symbols
check "checkpatch: --strict" checkpatch
check "kernel-doc" kernel_doc
check "kernel versions: in include/compat only" versions
check "shellcheck" shell_scripts
check "python: compiles" python_scripts
check "SPDX line in every file" spdx
echo "1..$tests"
[ $failures -eq 0 ]
