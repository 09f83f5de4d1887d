# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Java NIO: Selector and FileChannel.transferTo(); see apps.sh

java_needs() { echo javac=default-jdk-headless; }
java_ports() { echo 8000; }
java_mib() { sized 4 64; }
java_bytes() { echo $((MIB << 21)); }

java_classes() { "$APPS/prepare.sh" java; }

java_start() {
	big_file || return 1
	in_background b java.log java -cp "$(java_classes)" Nio \
		server "$B4" 8000 "$TESTDIR/big"
}

java_run() {
	a timeout "$PATIENCE" java -cp "$(java_classes)" Nio \
		client "$B4" 8000 big "$CLIENTS"
}

java_probe() { a timeout 60 nc -N "$B4" 8000 </dev/null; }
