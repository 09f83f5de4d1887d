#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the debug kernel (debug.config) from Debian's linux-source-6.1 and
# prints its build directory: what KDIR= takes to build the module for it, and
# guest.py --kernel to boot it. Does nothing when that has been built before.
# The cache keeps one build for each version of configuration, source and
# compiler. JOBS= sets how many compilers run at once.

set -u

die() {
	echo "error: debug-kernel.sh: $*" >&2
	exit 1
}

here=$(dirname "$(readlink -f "$0")")
config=$here/debug.config
cache=${TCPCRYPT_CACHE:-/var/cache/tcpcrypt}/debug-kernel
package=linux-source-6.1
archive=/usr/src/$package.tar.xz
packages="make gcc libc6-dev flex bison bc libelf-dev libssl-dev xz-utils perl
	  $package"
export LC_ALL=C
# Nothing of a make that runs this is for the kernel's.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES KBUILD_EXTMOD M O V C W ARCH \
	CROSS_COMPILE KDIR

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = \
	  installed ]
}

install_missing() {
	local missing=() name

	for name in $packages; do
		installed "$name" || missing+=("$name")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	[ "$(id -u)" = 0 ] ||
		die "run as root, or first: apt-get install ${missing[*]}"
	echo "installing: ${missing[*]}" >&2
	export DEBIAN_FRONTEND=noninteractive
	apt_install() {
		apt-get -q install -y --no-install-recommends \
			-o DPkg::Lock::Timeout=300 "${missing[@]}" \
			</dev/null >"$log" 2>&1
	}
	if ! apt_install; then
		apt-get -q update -o DPkg::Lock::Timeout=300 >"$log" 2>&1
		apt_install ||
			die "apt-get install ${missing[*]} failed:" \
			    "$(grep '^E:' "$log" | head -1)"
	fi
}

mkdir -p "$cache" || die "cannot create $cache (choose TCPCRYPT_CACHE=)"
cache=$(readlink -f "$cache")
log=$(mktemp) || die "no temporary file"
make=
cleanup() {
	[ -z "$make" ] || kill -TERM -- "-$make" 2>/dev/null
	rm -f "$log"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

[ -e "$config" ] || die "no $config"
install_missing
[ -e "$archive" ] ||
	die "no $archive: apt-get install --reinstall $package"
version=$(dpkg-query -W -f '${Version}' "$package") ||
	die "no version of $package"
compiler=$(gcc --version | head -1)
key=$( (cat "$config" && echo "$version $compiler") | sha256sum | cut -c 1-12)
source=$cache/$package-$version
build=$cache/build-$key

finish() {
	ln -sfn "build-$key" "$cache/build"
	echo "$build"
	exit 0
}

[ ! -e "$build/.complete" ] || finish

exec 9>"$cache/.lock"
if ! flock -n 9; then
	echo "waiting for another build in $cache" >&2
	flock 9 || die "cannot lock $cache"
fi
[ ! -e "$build/.complete" ] || finish

free=$(df --output=avail -k "$cache" | tail -1)
[ "$free" -gt 4000000 ] ||
	die "$cache: 4 GB are needed, $((free / 1024)) MB are free"

if [ ! -e "$source/.complete" ]; then
	echo "unpacking $package $version to $source" >&2
	rm -rf "$source" "$cache/.unpack"
	mkdir "$cache/.unpack" || die "cannot write to $cache"
	tar -xJf "$archive" --strip-components=1 -C "$cache/.unpack" \
		9>&- 2>"$log" ||
		die "cannot unpack $archive: $(tail -1 "$log")"
	touch "$cache/.unpack/.complete"
	mv "$cache/.unpack" "$source" || die "cannot write $source"
fi

mkdir -p "$build" || die "cannot create $build"
exec 8>"$build/make.log"
export KBUILD_BUILD_USER=tcpcrypt KBUILD_BUILD_HOST=debug
export KBUILD_BUILD_TIMESTAMP='1970-01-01 00:00:00' KBUILD_BUILD_VERSION=1
kmake() {
	nice -n 5 make -C "$source" O="$build" "$@" </dev/null >&8 2>&1 \
		8>&- 9>&-
}
failed() {
	local why

	why=$(grep -m 1 -E 'error:|[Ee]rror [0-9]|undefined reference|\*\*\*' \
		"$build/make.log")
	die "$1 failed: ${why:-no error in the log} (log: $build/make.log)"
}

kmake KCONFIG_ALLCONFIG="$config" allnoconfig || failed "make allnoconfig"
while read -r line; do
	case $line in
	CONFIG_* | '# CONFIG_'*)
		grep -qxF -- "$line" "$build/.config" ||
			die "debug.config: '$line' does not hold: what it" \
			    "depends on is missing"
		;;
	esac
done <"$config"

start=$SECONDS
jobs=${JOBS:-$(nproc)}
echo "building $package $version in $build ($jobs jobs)" >&2
set -m
kmake -j"$jobs" bzImage modules &
make=$!
set +m
ticks=0
while kill -0 "$make" 2>/dev/null; do
	sleep 1
	ticks=$((ticks + 1))
	if [ $((ticks % 15)) = 0 ]; then
		count=$(grep -cE '^  (CC|AS|HOSTCC) ' "$build/make.log")
		last=$(tail -1 "$build/make.log" | sed 's/^ *//')
		echo "  $((SECONDS - start)) s: $count files compiled;" \
		     "$last" >&2
	fi
done
wait "$make"
status=$?
make=
[ "$status" = 0 ] || failed "make"
[ -s "$build/Module.symvers" ] || failed "make: no Module.symvers, it"

# Where guest.py looks for it
ln -sfn arch/x86/boot/bzImage "$build/bzImage" ||
	die "cannot write to $build"
touch "$build/.complete"
echo "built in $((SECONDS - start)) s" >&2
finish
