#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Unpacks Debian's own kernel image, never installing it, and prints the
# directory: the kernel whose headers KDIR names, or KERNEL= (a version such as
# 6.1.0-56-amd64). The cache keeps one directory for each package version.

set -u

die() {
	echo "error: $*" >&2
	exit 1
}

here=$(dirname "$(readlink -f "$0")")
cache=${TCPCRYPT_CACHE:-/var/cache/tcpcrypt}

if [ -z "${KERNEL:-}" ]; then
	[ -n "${KDIR:-}" ] || KDIR=$("$here/kdir.sh") || exit 1
	KERNEL=$(sed -n 's/^#define UTS_RELEASE "\(.*\)"$/\1/p' \
		"$KDIR/include/generated/utsrelease.h" 2>/dev/null)
	[ -n "$KERNEL" ] || die "KDIR=$KDIR is no kernel build directory"
fi
package=linux-image-$KERNEL

# The headers' package version says which image was built with them.
headers=linux-headers-$KERNEL
version=$(dpkg-query -W -f '${Version}' "$headers" 2>/dev/null)
[ -n "$version" ] ||
	version=$(apt-cache policy "$package" | sed -n 's/^  Candidate: //p')
[ "${version:-(none)}" != "(none)" ] ||
	die "no package $package: run apt-get update, or choose KDIR="

dir=$cache/$KERNEL-$version
if [ -e "$dir/.complete" ]; then
	echo "$dir"
	exit 0
fi

mkdir -p "$cache" || die "cannot create $cache (choose TCPCRYPT_CACHE=)"
exec 9>"$cache/.lock"
flock 9 || die "cannot lock $cache"
if [ -e "$dir/.complete" ]; then
	echo "$dir"
	exit 0
fi

tmp=$(mktemp -d "$cache/.unpack.XXXXXX") || die "cannot write to $cache"
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
mkdir "$tmp/deb" && chmod 755 "$tmp"
chown _apt "$tmp/deb" 2>/dev/null

download() {
	(cd "$tmp/deb" && apt-get -q download "$package=$version") \
		>"$tmp/log" 2>&1
}

echo "downloading $package $version" >&2
if ! download; then
	apt-get -q update >"$tmp/log" 2>&1
	download || die "apt-get download $package=$version failed:" \
		"$(grep '^E:' "$tmp/log" | head -1)"
fi

echo "unpacking it to $dir" >&2
dpkg -x "$tmp"/deb/*.deb "$tmp/root" || die "cannot unpack $package"
rm -rf "$tmp/deb" "$tmp/log"
/sbin/depmod -b "$tmp/root" "$KERNEL" || die "depmod failed for $KERNEL"
touch "$tmp/root/.complete"
chmod 755 "$tmp/root"
rm -rf "$dir"
mv "$tmp/root" "$dir" || die "cannot write $dir"
echo "$dir"
