#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Installs the Debian packages that a target of the top-level Makefile needs
# and that are not there yet. Prints nothing when nothing is missing.
#
#   deps.sh build|guest|demo|apps|apps-long|check|fuzz ...

set -u

declare -A packages=(
	[build]="make gcc libc6-dev linux-headers-amd64 kmod"
	[guest]="qemu-system-x86 busybox-static python3 kmod xz-utils
		 iproute2 tcpdump procps"
	[demo]="nginx-light curl iperf3"
	[apps]="nginx-light curl iperf3 netcat-openbsd rsync redis-server
		redis-tools postgresql postgresql-contrib openssh-server
		openssh-client ethtool python3-cryptography haproxy wrk git
		nbdkit libnbd-bin"
	[bench-need]="ethtool"
	[bench]="libssl-dev wireguard-tools stunnel4 openssl linux-perf"
	[apps-long]="golang-go nodejs default-jdk-headless linux-source-6.1"
	[kernel]="nfs-kernel-server nfs-common nbd-client nbdkit"
	[rt]="linux-headers-rt-amd64"
	[smb]="cifs-utils ksmbd-tools"
	[check]="sparse shellcheck perl clang libssl-dev xz-utils
		 linux-source-6.1"
	[fuzz]="make clang libclang-rt-14-dev libc6-dev libssl-dev python3"
)

# What a set's own commands or files show to be there needs no package: a
# machine may have them from elsewhere (KDIR=, a compiler in /usr/local).
declare -A provided=(
	[make]=make [gcc]=gcc [kmod]=modinfo [clang]=clang [perl]=perl
	[shellcheck]=shellcheck [curl]=curl [git]=git [nodejs]=node
	[golang-go]=go [default-jdk-headless]=javac
)

die() {
	echo "error: $*" >&2
	exit 1
}

installed() {
	local command=${provided[$1]:-}

	if [ "$1" = linux-headers-amd64 ] && [ -n "${KDIR:-}" ] &&
	   [ -e "$KDIR/Module.symvers" ]; then
		return 0
	fi
	[ -n "$command" ] && command -v "$command" >/dev/null && return 0
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = \
	  installed ]
}

missing=()
for set in "$@"; do
	[ -n "${packages[$set]:-}" ] || die "deps.sh: unknown set '$set'"
	for package in ${packages[$set]}; do
		case " ${missing[*]} " in
		*" $package "*) ;;
		*) installed "$package" || missing+=("$package") ;;
		esac
	done
done
[ ${#missing[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null ||
	die "these packages are needed, and apt-get is missing: ${missing[*]}"
[ "$(id -u)" = 0 ] ||
	die "run as root, or first: apt-get install ${missing[*]}"

log=$(mktemp) || die "no temporary file"
policy=/usr/sbin/policy-rc.d
made_policy=
cleanup() {
	rm -f "$log"
	[ -z "$made_policy" ] || rm -f "$policy"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# The daemons are for the guest: none shall start here.
if [ ! -e "$policy" ]; then
	made_policy=1
	printf '#!/bin/sh\nexit 101\n' >"$policy" || die "cannot write $policy"
	chmod +x "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
apt_install() {
	apt-get -q install -y --no-install-recommends \
		-o DPkg::Lock::Timeout=300 "${missing[@]}" </dev/null \
		>"$log" 2>&1
}

echo "installing: ${missing[*]}"
if ! apt_install; then
	echo "refreshing the package lists"
	apt-get -q update -o DPkg::Lock::Timeout=300 >"$log" 2>&1 ||
		echo "apt-get update failed: $(grep '^[EW]:' "$log" | head -1)" >&2
	if ! apt_install; then
		die "apt-get install failed: $(grep '^E:' "$log" | head -1)" \
		    "(needed: ${missing[*]})"
	fi
fi
