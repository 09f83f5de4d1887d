#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The kernel's own users of TCP, and those that are handed an application's
# socket. Runs in the guest, with the stock kernel: it needs its modules.
#
#   kernel_socks.sh [nfs] [nvme] [nbd] [smb] [lio]
#
# Sockets of the kernel stay plain, on any port: capture, counters and options
# say so, and the mount works. Each listener is also asked by a user's client,
# which offers ENO. A user's connection that nbd is given stays encrypted.

. "$(dirname "$(readlink -f "$0")")/lib/net.sh"

cd "$TESTDIR" || exit 1

# Nothing of ours on any connection of this port.
untouched() {
	local ns

	for ns in a b; do
		if in_ns "$ns" ss -Htni "sport = :$1 or dport = :$1" |
		   grep -q tcp-ulp-tcpcrypt; then
			say "encrypted in $ns"
			return 1
		fi
	done
}

# A connection of a user to port $1: what becomes of it.
user_connects() {
	a timeout 60 /usr/bin/python3 - "$B4" "$1" <<-'END'
		import socket, sys
		c = socket.create_connection((sys.argv[1], int(sys.argv[2])), 50)
		try:
		    print(c.getsockopt(6, 6925, 120)[0])
		except OSError:
		    print("plain")
	END
}

# The kernel that listens on port $1 answers no ENO, whoever asks.
refuses_user() {
	local is

	capture user.pcap || return 1
	is=$(user_connects "$1")
	say "to a user it is: $is"
	capture_end user.pcap && wire_eno user.pcap "$1" "yes no" &&
	[ "$is" = plain ]
}

# --- NFS -------------------------------------------------------------------

# rpc.nfsd makes the listener and hands it to the kernel: only then is it the
# kernel's. A port of its own, which no sysctl excludes.
nfs_port=20490

nfs_start() {
	local how=rw,no_root_squash,fsid=0,insecure,no_subtree_check

	# the guest's root is an overlay, which NFS can't export
	mkdir -p export mnt && mount -t tmpfs nfs export &&
	chmod 777 export && make_data export/file 512 &&
	modprobe -q nfsd &&
	echo "$TESTDIR/export $A4($how)" >/etc/exports || return 1
	# both see the state that is private to this mount namespace
	b bash -ec "
		mount -t nfsd nfsd /proc/fs/nfsd
		mkdir -p /var/lib/nfs/v4recovery /var/lib/nfs/rpc_pipefs
		exportfs -ra
		echo 10 >/proc/fs/nfsd/nfsv4leasetime
		echo 10 >/proc/fs/nfsd/nfsv4gracetime
		setsid rpc.mountd -N 2 -N 3 -F </dev/null >mountd.log 2>&1 &
		rpc.nfsd -N 3 -V 4.2 -U -p $nfs_port 2
	" && wait_listen b "$nfs_port"
}

nfs_mount() {
	a bash -ec "
		mount -t nfs4 -o vers=4.2,port=$nfs_port,proto=tcp,soft,timeo=600 \
			$B4:/ mnt
		cp mnt/file got
		cp got mnt/back
		sync mnt/back
		umount mnt
	" && same_data export/file got && same_data export/file export/back
}

nfs_plain() {
	capture nfs.pcap || return 1
	nfs_mount && capture_end nfs.pcap && wire_has nfs.pcap "$MARKER" &&
	wire_eno nfs.pcap "$nfs_port" "no no" && untouched "$nfs_port"
}

nfs_stop() {
	b bash -c 'mount -t nfsd nfsd /proc/fs/nfsd; rpc.nfsd 0'
	b pkill -x rpc.mountd
	rm -f /etc/exports
	umount export
}

test_nfs() {
	check "nfs: starts" nfs_start
	check "nfs: a user's client finds no ENO" refuses_user "$nfs_port"
	check "nfs: it is plain" nfs_plain
	check "nfs: stops" nfs_stop
}

# --- NVMe over TCP ---------------------------------------------------------

nvme_port=4420
nvme_nqn=nqn.2016-06.io.test:tcpcrypt
nvmet=/sys/kernel/config/nvmet

nvme_start() {
	local subsys="$nvmet/subsystems/$nvme_nqn"

	modprobe -q nvmet-tcp && modprobe -q nvme-tcp || return 1
	mountpoint -q /sys/kernel/config ||
		mount -t configfs configfs /sys/kernel/config || return 1
	# of a file on an overlay it sees no size
	mkdir -p disk && mount -t tmpfs nvme disk &&
	truncate -s 16M disk/disk &&
	mkdir "$subsys" "$subsys/namespaces/1" "$nvmet/ports/1" &&
	echo 1 >"$subsys/attr_allow_any_host" &&
	echo "$TESTDIR/disk/disk" >"$subsys/namespaces/1/device_path" &&
	echo 1 >"$subsys/namespaces/1/buffered_io" &&
	echo 1 >"$subsys/namespaces/1/enable" &&
	echo tcp >"$nvmet/ports/1/addr_trtype" &&
	echo ipv4 >"$nvmet/ports/1/addr_adrfam" &&
	echo "$B4" >"$nvmet/ports/1/addr_traddr" &&
	echo "$nvme_port" >"$nvmet/ports/1/addr_trsvcid" || return 1
	# ip netns exec has a /sys of its own, without configfs
	nsenter --net=/run/netns/b ln -s "$subsys" \
		"$nvmet/ports/1/subsystems/$nvme_nqn" &&
	wait_listen b "$nvme_port"
}

nvme_disk() {
	local disk

	# not the paths to it, nvme0c0n1
	for disk in /sys/block/nvme[0-9]n1; do
		[ -e "$disk" ] && echo "/dev/${disk##*/}" && return
	done
	return 1
}

nvme_sized() { [ "$(blockdev --getsize64 "$1")" = 16777216 ]; }

nvme_connect() {
	local disk

	a bash -c "echo transport=tcp,traddr=$B4,trsvcid=$nvme_port,nr_io_queues=1,nqn=$nvme_nqn >/dev/nvme-fabrics" &&
	wait_for nvme_disk || return 1
	disk=$(nvme_disk)
	wait_for nvme_sized "$disk" && make_data data 512 &&
	dd if=data of="$disk" bs=64k oflag=direct status=none &&
	dd if="$disk" of=got bs=64k count=8 iflag=direct status=none &&
	same_data data got && untouched "$nvme_port"
}

nvme_plain() {
	capture nvme.pcap || return 1
	nvme_connect && capture_end nvme.pcap &&
	wire_has nvme.pcap "$MARKER" && wire_eno nvme.pcap "$nvme_port" "no no"
}

nvme_stop() {
	local ctl

	for ctl in /sys/class/nvme-fabrics/ctl/nvme*/delete_controller; do
		[ ! -e "$ctl" ] || echo 1 >"$ctl"
	done
	rm -f "$nvmet/ports/1/subsystems/$nvme_nqn"
	rmdir "$nvmet/ports/1" "$nvmet/subsystems/$nvme_nqn/namespaces/1" \
		"$nvmet/subsystems/$nvme_nqn"
	umount disk
}

test_nvme() {
	check "nvme: starts" nvme_start
	check "nvme: a user's host finds no ENO" refuses_user "$nvme_port"
	check "nvme: it is plain" nvme_plain
	# even then: who reads in softirq cannot be encrypted
	both_kernel_sockets 1
	check "nvme: disconnects" nvme_stop
	check "nvme: starts again" nvme_start
	check "nvme: plain with kernel_sockets = 1 too" nvme_plain
	both_kernel_sockets 0
	check "nvme: stops" nvme_stop
}

# --- NBD: a user's connection, given to the kernel -------------------------

nbd_port=10809

nbd_start() {
	modprobe -q nbd nbds_max=2 &&
	in_background b nbdkit.log nbdkit -f -p "$nbd_port" memory 16M &&
	wait_listen b "$nbd_port"
}

# By ioctl: the kernel's netlink interface is not in namespaces.
nbd_use() {
	a nbd-client -L "$B4" "$nbd_port" /dev/nbd0 || return 1
	wait_for nbd_attached && make_data data 1024 &&
	dd if=data of=/dev/nbd0 bs=64k oflag=direct status=none &&
	dd if=/dev/nbd0 of=got bs=64k count=16 iflag=direct status=none &&
	same_data data got && [ "$(encrypted a)" -ge 1 ] &&
	[ "$(encrypted b)" -ge 1 ]
	local result=$?

	a nbd-client -L -d /dev/nbd0 && wait_for nbd_detached || result=1
	return "$result"
}

nbd_attached() { [ "$(blockdev --getsize64 /dev/nbd0)" -gt 0 ]; }
nbd_detached() { [ ! -e /sys/block/nbd0/pid ]; }

nbd_encrypted() {
	capture nbd.pcap || return 1
	nbd_use && capture_end nbd.pcap &&
	wire_eno nbd.pcap "$nbd_port" "yes yes" &&
	wire_secret nbd.pcap "$MARKER" 2000000
}

test_nbd() {
	check "nbd: starts" nbd_start
	check "nbd: a user's connection, and encrypted" nbd_encrypted
	stop_all
}

# --- SMB -------------------------------------------------------------------

# ksmbd listens in the first namespace alone, for which a link is made.
smb_port=4455
I4=10.9.1.2

smb_link() {
	ip link add smb0 type veth peer name smb1 netns a &&
	ip addr add "$I4/24" dev smb0 && ip link set smb0 up &&
	ip -n a addr add 10.9.1.1/24 dev smb1 && ip -n a link set smb1 up
}

smb_start() {
	modprobe -q ksmbd && modprobe -q cifs || return 1
	mkdir -p share mnt && make_data share/file 512 && chmod 777 share &&
	cat >ksmbd.conf <<-END &&
		[global]
		tcp port = "$smb_port"
		map to guest = bad user
		guest account = root
		[share]
		path = $TESTDIR/share
		guest ok = yes
		read only = no
	END
	printf '' >ksmbdpwd.db &&
	setsid ksmbd.mountd -n -p "$smb_port" -c "$TESTDIR/ksmbd.conf" \
		-u "$TESTDIR/ksmbdpwd.db" </dev/null >mountd.log 2>&1 &
	background=($! "${background[@]}")
	wait_for smb_listens
}

smb_listens() { ss -Hltn "sport = :$smb_port" | grep -q .; }

# Some ksmbd-tools and some kernels don't agree on shares: then it ends when
# the session stands, which is enough to see here.
smb_use() {
	if ! a mount -t cifs -o "guest,vers=3.1.1,port=$smb_port,cache=none" \
			"//$I4/share" mnt; then
		say "not mounted: $(dmesg | grep CIFS: | tail -1)"
		# ENOENT: the server has answered that it has no such share
		dmesg | grep -q "CIFS: .*cifs_mount failed.* = -2$"
		return
	fi
	a cp mnt/file got && a cp got mnt/back
	local result=$?

	a umount mnt || result=1
	[ "$result" = 0 ] && same_data share/file got &&
		same_data share/file share/back
}

smb_capture() {
	dmesg --clear
	tcpdump -i smb0 -n -U -s0 -B 65536 -Z root -w "$1" \
		"tcp port $smb_port" >"$1.log" 2>&1 </dev/null &
	capture_pid=$!
	wait_for grep -q '^tcpdump: listening' "$1.log"
}

# What the first messages of a session have in the clear.
smb_marker=NTLMSSP

smb_plain() {
	smb_capture smb.pcap && smb_use &&
	wait_for wire_has smb.pcap "$smb_marker" && kill "$capture_pid" &&
	wire_eno smb.pcap "$smb_port" "no no"
}

# Who asks for it: client and server read by recvmsg() alone.
smb_encrypted() {
	local before

	before=$(counter a EnoActive)
	smb_capture crypt.pcap && smb_use &&
	wait_for wire_secret crypt.pcap "$smb_marker" 600 &&
	kill "$capture_pid" &&
	wire_eno crypt.pcap "$smb_port" "yes yes" &&
	[ "$(counter a EnoActive)" -gt "$before" ]
}

smb_stop() {
	stop_all
	ksmbd.control -s
	! smb_listens
}

test_smb() {
	check "smb: link" smb_link
	check "smb: starts" smb_start
	check "smb: it is plain" smb_plain
	check "smb: stops" wait_for smb_stop
	both_kernel_sockets 1
	check "smb: starts with kernel_sockets = 1" smb_start
	check "smb: and is encrypted" smb_encrypted
	both_kernel_sockets 0
	check "smb: stops then" wait_for smb_stop
}

# Listeners keep what held when they began to listen.
both_kernel_sockets() {
	local ns

	sysctl -q -w net.tcpcrypt.kernel_sockets="$1"
	for ns in a b; do
		set_sysctl "$ns" kernel_sockets "$1"
	done
}

# --- iSCSI target ----------------------------------------------------------

lio=/sys/kernel/config/target
lio_port=3261
lio_iqn=iqn.2003-01.org.test:tcpcrypt

lio_start() {
	modprobe -q iscsi_target_mod || return 1
	mountpoint -q /sys/kernel/config ||
		mount -t configfs configfs /sys/kernel/config || return 1
	mkdir "$lio/iscsi" 2>/dev/null
	mkdir -p "$lio/iscsi/$lio_iqn/tpgt_1" &&
	nsenter --net=/run/netns/b \
		mkdir "$lio/iscsi/$lio_iqn/tpgt_1/np/$B4:$lio_port" &&
	wait_listen b "$lio_port"
}

lio_stop() {
	rmdir "$lio/iscsi/$lio_iqn/tpgt_1/np/$B4:$lio_port" \
		"$lio/iscsi/$lio_iqn/tpgt_1" "$lio/iscsi/$lio_iqn" "$lio/iscsi"
}

test_lio() {
	check "iscsi target: starts" lio_start
	check "iscsi target: a user's initiator finds no ENO" \
		refuses_user "$lio_port"
	check "iscsi target: stops" lio_stop
}

ktap_start
make_hosts || { not_ok "two hosts"; finish; }
[ $# -gt 0 ] || set -- nfs nvme nbd smb lio
for what; do
	"test_$what"
done
finish
