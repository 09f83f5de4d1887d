# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# sshd on a port that is not excluded; see apps.sh

# What ssh sends is ciphertext anyhow, except its version string.
sshd_ports() { echo 2222; }
sshd_marker() { echo "SSH-2.0-"; }
sshd_bytes() { echo $((2 << 20)); }

sshd_start() {
	local sshd

	mkdir -p /run/sshd
	chmod 755 /run/sshd
	[ -e data ] || make_data data 2048
	[ -e host ] || ssh-keygen -q -t ed25519 -N "" -f host
	[ -e user ] || ssh-keygen -q -t ed25519 -N "" -f user
	mkdir -p keys
	cp user.pub keys/authorized
	cat >sshd.conf <<-END
		Port 2222
		ListenAddress $B4
		HostKey $TESTDIR/host
		AuthorizedKeysFile $TESTDIR/keys/authorized
		PermitRootLogin yes
		PasswordAuthentication no
		UsePAM no
		StrictModes no
		PidFile none
	END
	sshd=$(command -v sshd || echo /usr/sbin/sshd)
	in_background b sshd.log "$sshd" -D -e -f "$TESTDIR/sshd.conf"
}

ssh_a() {
	a timeout 200 ssh -F none -p 2222 -i "$TESTDIR/user" \
		-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
		-o StrictHostKeyChecking=no -o IdentitiesOnly=yes root@"$B4" "$@"
}

sshd_run() {
	rm -f got
	ssh_a cat "$TESTDIR/data" >got && same_data data got &&
	ssh_a "cat >$TESTDIR/put" <data && same_data data put
}

sshd_probe() { ssh_a true </dev/null; }
