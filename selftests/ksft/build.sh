#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds those of the kernel's own selftests that use TCP sockets, from
# Debian's linux-source-6.1, and prints the directory with the programs. Their
# sources stay in the cache, which keeps one directory for each version of
# source, compiler and of this directory.
#
#   build.sh [-n]	-n: don't build, fail if that has not been done

set -u

die() {
	echo "error: ksft: $*" >&2
	exit 1
}

here=$(dirname "$(readlink -f "$0")")
cache=${TCPCRYPT_CACHE:-/var/cache/tcpcrypt}
package=linux-source-6.1
archive=/usr/src/$package.tar.xz

# What is unpacked, in tools/testing/selftests/
sources=("net/*.c" "net/*.h" "net/mptcp/*.c" "kselftest*.h")

version=$(dpkg-query -W -f '${Version}' "$package" 2>/dev/null)
{ [ -n "$version" ] && [ -e "$archive" ]; } ||
	die "no $package: apt-get install $package"
key=$( (cat "$here"/build.sh "$here"/*.[ch] "$here"/../../include/uapi/*/*.h
	gcc -dumpfullversion) | sha256sum | cut -c 1-12)
dir=$cache/ksft-$version-$key

finish() {
	echo "$dir"
	exit 0
}

[ ! -e "$dir/.complete" ] || finish
[ "${1:-}" != -n ] || die "not built yet: make ksft"

mkdir -p "$cache" || die "cannot create $cache (choose TCPCRYPT_CACHE=)"
exec 9>"$cache/.ksft-lock"
flock 9 || die "cannot lock $cache"
[ ! -e "$dir/.complete" ] || finish

start=$SECONDS
tmp=$(mktemp -d "$cache/.ksft.XXXXXX") || die "cannot write to $cache"
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM

echo "unpacking the kernel's selftests from $package $version" >&2
patterns=()
for source in "${sources[@]}"; do
	patterns+=("*/tools/testing/selftests/$source")
done
tar -C "$tmp" -xJf "$archive" --strip-components=4 --wildcards \
	--no-wildcards-match-slash "${patterns[@]}" >&2 ||
	die "cannot unpack $archive"

# compile SOURCE PROGRAM [OPTION ...]
compile() {
	local source=$tmp/net/$1 program=$tmp/$2

	shift 2
	gcc -O2 -w -I"$here/../../include/uapi" -o "$program" "$source" "$@" \
		-lpthread 2>"$tmp/log" ||
		die "$(basename "$source"): $(grep -m 1 -E 'error|undefined' \
			"$tmp/log")"
}

# Guests are slow.
sed -i 's/\(define TEST_TIMEOUT_DEFAULT\) .*/\1 600/' \
	"$tmp/kselftest_harness.h"
sed -i 's/\(cfg_poll_timeout\) = 100;/\1 = 20000;/' "$tmp/net/txtimestamp.c"

echo "building them" >&2
for name in fin_ack_lat io_uring_zerocopy_tx msg_zerocopy \
	    reuseaddr_conflict reuseaddr_ports_exhausted reuseport_addr_any \
	    reuseport_bpf reuseport_bpf_cpu reuseport_dualstack rxtimestamp \
	    sk_bind_sendto_listen sk_connect_zero_addr so_netns_cookie socket \
	    stress_reuseport_listen tcp_fastopen_backup_key tcp_inq \
	    tcp_mmap; do
	compile $name.c $name
done
compile txtimestamp.c txtimestamp -Wl,--wrap=listen "$here/accepts.c"

# Without TLS the variants, one for each cipher, do the same: one is enough.
awk '/^FIXTURE_VARIANT_ADD\(tls, / && n++ { skip = 1 }
     !skip
     /^}/ { skip = 0 }' "$tmp/net/tls.c" >"$tmp/net/tls_one.c"
# Debian's copy calls a function with an argument that it does not have, and
# the harness by a name that it got later.
tls=("-Dtls_crypto_info_init(v, c, t, ...)=tls_crypto_info_init(v, c, t)"
     "-D__test_passed(m)=((m)->passed)")
compile tls_one.c tls "${tls[@]}"
compile tls_one.c tls_keyed "${tls[@]}" -Wl,--wrap=accept "$here/keyed.c"

compile mptcp/mptcp_inq.c mptcp_inq
compile mptcp/mptcp_connect.c mptcp_connect -Wl,--wrap=getsockopt \
	"$here/hide_ulp.c"

rm -f "$tmp/log"
chmod 755 "$tmp"
touch "$tmp/.complete"
rm -rf "$dir"
mv "$tmp" "$dir" || die "cannot write $dir"
echo "built in $((SECONDS - start)) s" >&2
finish
