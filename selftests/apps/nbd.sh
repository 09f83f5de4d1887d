# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# NBD in user space: nbdkit's disk in memory, written and read back over
# several connections at once; see apps.sh

nbd_needs() { echo nbdkit=nbdkit nbdcopy=libnbd-bin; }
nbd_ports() { echo 10809; }
nbd_bytes() { echo $((MIB << 21)); }
nbd_logs() { echo nbdkit.log; }

nbd_start() {
	big_file || return 1
	in_background b nbdkit.log nbdkit -f -p 10809 -i "$B4" \
		memory "${MIB}M"
}

nbd_run() {
	a timeout "$PATIENCE" nbdcopy --flush big "nbd://$B4" &&
	a timeout "$PATIENCE" nbdcopy "nbd://$B4" - | same_as_big || return 1
	# another implementation of the client
	command -v qemu-img >/dev/null || return 0
	a timeout "$PATIENCE" qemu-img compare -f raw -F raw big "nbd://$B4"
}

nbd_probe() {
	[ "$(a timeout 60 nbdinfo --size "nbd://$B4")" -eq $((MIB << 20)) ]
}
