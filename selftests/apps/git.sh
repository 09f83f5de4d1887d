# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# git over git://, clone, fetch and push; see apps.sh

git_needs() { echo git=git; }
git_ports() { echo 9418; }
git_mib() { sized 4 256; }
git_bytes() { echo $((MIB << 20)); }
git_logs() { echo git-daemon.log; }

export GIT_CONFIG_GLOBAL=$TESTDIR/gitconfig GIT_CONFIG_NOSYSTEM=1

# git_commit DIRECTORY MIB: a new file
git_commit() {
	"$APPS/data.py" "$2" "$MARKER" >"$1/data.$RANDOM$RANDOM" &&
	git -C "$1" add . &&
	git -C "$1" commit -q -m "$MARKER"
}

git_start() {
	# Without compression the data are seen on the wire as they are.
	cat >gitconfig <<-END
		[user]
			name = test
			email = test@localhost
		[core]
			compression = 0
		[gc]
			auto = 0
		[init]
			defaultBranch = main
	END
	if [ ! -e git/repo.git ]; then
		mkdir -p git
		git init -q origin && git_commit origin "$MIB" &&
		git clone -q --bare origin git/repo.git || return 1
		rm -rf origin
	fi
	in_background b git-daemon.log git daemon \
		--export-all --enable=receive-pack --reuseaddr --verbose \
		--listen="$B4" --port=9418 --base-path="$TESTDIR/git"
}

git_heads_equal() {
	local here there

	here=$(git -C work rev-parse HEAD) &&
	there=$(git -C git/repo.git rev-parse main) || return 1
	[ "$here" = "$there" ] || { say "HEAD: $here $there"; return 1; }
}

git_run() {
	local url=git://$B4/repo.git

	rm -rf work second
	a timeout "$PATIENCE" git clone -q "$url" work &&
	git_heads_equal && git -C work fsck --no-progress &&
	a timeout "$PATIENCE" git clone -q --depth=1 "$url" second &&
	git_commit work $((MIB / 4)) &&
	a timeout "$PATIENCE" git -C work push -q origin main &&
	git_heads_equal && git -C git/repo.git fsck --no-progress &&
	a timeout "$PATIENCE" git -C second pull -q &&
	diff -r --no-dereference -x .git work second
}

git_probe() { a timeout 60 git ls-remote -q "git://$B4/repo.git"; }
