# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# A kernel tree by rsync over its own daemon protocol; see apps.sh

rsync_ports() { echo 873; }
rsync_bytes() { echo $((2 << 20)); }
# in every source file of a kernel
rsync_marker() { echo "SPDX-License-Identifier"; }
rsync_logs() { echo rsync.log rsyncd.log; }
# names of files
rsync_allowed() { echo ' send | recv '; }

# A kernel tree: what the headers' package has of it, or what prepare.sh made.
rsync_tree() {
	local headers

	headers=$(printf '%s\n' /usr/src/linux-headers-*-common | tail -1)
	if [ -z "$full" ]; then
		echo "$headers/include/net"
	else
		"$APPS/prepare.sh" tree || echo "$headers"
	fi
}

rsync_start() {
	local tree

	tree=$(rsync_tree)
	mkdir -p share
	: >rsyncd.log
	cat >rsyncd.conf <<-END
		use chroot = no
		uid = root
		gid = root
		reverse lookup = no
		log file = $TESTDIR/rsyncd.log
		[tree]
		path = $tree
		[share]
		path = $TESTDIR/share
		read only = no
	END
	in_background b rsync.log rsync --daemon --no-detach \
		--config="$TESTDIR/rsyncd.conf" --port=873
}

a_rsync() { a timeout "$PATIENCE" rsync --timeout=200 "$@"; }

# Down, up elsewhere, and then, by the checksums, there is nothing to do. Without
# symbolic links: the daemon changes those that lead out of its tree.
rsync_run() {
	local changes

	rm -rf tree share/tree
	a_rsync -rt --info=nonreg0 "rsync://$B4/tree/" tree &&
	a_rsync -rt tree "rsync://$B4/share/" &&
	changes=$(a_rsync -rcni --info=nonreg0 "rsync://$B4/tree/" tree) &&
	[ -z "$changes" ] && diff -r tree share/tree && return
	echo "$changes" | head
	return 1
}

rsync_probe() { a rsync --timeout=60 "rsync://$B4/share/" >/dev/null; }
