#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Makes what some applications of apps.sh need, in the cache, and prints where
# it is. Outside of a guest that takes seconds, so "make check-long" does it
# beforehand.
#
#   prepare.sh go|java|tree ...

here=$(dirname "$(readlink -f "$0")")
cache=${TCPCRYPT_CACHE:-/var/cache/tcpcrypt}/apps

# current MADE SOURCE: made of this source?
current() { [ -e "$1" ] && cmp -s "$2" "$cache/${2##*/}"; }

remember() { cp "$1" "$cache/"; }

make_go() {
	local source=$here/http.go program=$cache/go_http

	current "$program" "$source" || {
		GOCACHE=${GOCACHE:-$cache/go-build} GOFLAGS=-mod=mod \
			CGO_ENABLED=0 go build -o "$program" "$source" &&
			remember "$source" || return 1
	}
	echo "$program"
}

make_java() {
	local source=$here/Nio.java classes=$cache/java

	current "$classes/Nio.class" "$source" || {
		javac -d "$classes" "$source" && remember "$source" || return 1
	}
	echo "$classes"
}

# Part of Debian's kernel source: 16,000 files.
make_tree() {
	local tar tree

	tar=$(printf '%s\n' /usr/src/linux-source-6.*.tar.xz | sort -V |
		tail -1)
	tree=$cache/$(basename "$tar" .tar.xz)-$(stat -Lc %Y "$tar") || return 1
	if [ ! -e "$tree" ]; then
		rm -rf "$tree.new"
		mkdir "$tree.new" &&
		tar -C "$tree.new" -xJf "$tar" --strip-components=1 \
			--wildcards --no-wildcards-match-slash \
			'linux-source-*/'{net,tools,kernel,fs,include} &&
			mv "$tree.new" "$tree" || return 1
	fi
	echo "$tree"
}

mkdir -p "$cache" || exit 1
for what; do
	"make_$what" || exit 1
done
