#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The end of a connection on the wire. Runs in the guest.

An orderly close never produces a RST, whichever side closes first and how,
with or without the end-of-file read; the active closer ends in TIME_WAIT; the
FIN is on the segment with the last byte of the FINp frame.
"""

import ctypes
import itertools
import os
import re
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "lib"))
import wire  # noqa: E402

CLONE_NEWNET = 0x40000000
TCP_CRYPT_INFO = 6925
TCP_CRYPT_OPEN = 2
HOST = {4: {"a": "10.9.0.1", "b": "10.9.0.2"},
        6: {"a": "fd09::1", "b": "fd09::2"}}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
DEADLINE = 20
FINP_FRAME = 3 + 1 + 16     # control and clen, flags, tag

libc = ctypes.CDLL(None, use_errno=True)
tests = failures = 0


class Failed(Exception):
    pass


def enter(ns):
    with open("/run/netns/" + ns, "rb") as f:
        if libc.setns(f.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def wait_for(what, condition):
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise Failed("never: " + what)
        time.sleep(0.02)


def is_open(sock):
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, TCP_CRYPT_INFO, 120)
    except OSError as error:
        raise Failed("not encrypted: %s" % error)
    return info[0] == TCP_CRYPT_OPEN


class Pair:
    """An encrypted connection; c is the client's socket, s the server's."""

    def __init__(self, ip):
        enter("b")
        listener = socket.socket(FAMILY[ip], socket.SOCK_STREAM)
        listener.bind((HOST[ip]["b"], 0))
        listener.listen(1)
        enter("a")
        self.c = socket.socket(FAMILY[ip], socket.SOCK_STREAM)
        self.c.connect(listener.getsockname()[:2])
        self.s, _ = listener.accept()
        listener.close()
        for sock in self.c, self.s:
            sock.settimeout(DEADLINE)
            wait_for("keys", lambda: is_open(sock))
        self.ports = (self.c.getsockname()[1], self.s.getsockname()[1])
        for there, here in (self.c, self.s), (self.s, self.c):
            there.sendall(b"hello")
            if here.recv(5, socket.MSG_WAITALL) != b"hello":
                raise Failed("wrong data")


def states(ns, pair, side):
    """The states of one end of the connection, as ss would show them."""
    ports = pair.ports if side == "c" else pair.ports[::-1]
    found = []
    enter(ns)
    for table in "tcp", "tcp6":
        with open("/proc/thread-self/net/" + table) as f:
            for line in itertools.islice(f, 1, None):
                _, local, remote, state = line.split()[:4]
                if (int(local.split(":")[1], 16),
                        int(remote.split(":")[1], 16)) == ports:
                    found.append("TIME-WAIT" if state == "06" else state)
    return found


def end(sock, how):
    if how == "close":
        sock.close()
    elif how == "shutdown-wr":
        sock.shutdown(socket.SHUT_WR)
    elif how == "shutdown-rdwr":
        sock.shutdown(socket.SHUT_RDWR)
    elif how == "shutdown-wr, close":
        sock.shutdown(socket.SHUT_WR)
        sock.close()
    elif how == "shutdown-rdwr, close":
        sock.shutdown(socket.SHUT_RDWR)
        sock.close()


HOWS = ("close", "shutdown-wr", "shutdown-rdwr", "shutdown-wr, close",
        "shutdown-rdwr, close")


def wait_eof(sock):
    ready, _, _ = select.select([sock], [], [], DEADLINE)
    if not ready:
        raise Failed("no end-of-file")


def read_eof(sock):
    data = sock.recv(1)
    if data:
        raise Failed("data instead of the end-of-file: %r" % data)


class Case:
    """One connection: who ends first, how each side does, who reads."""

    def __init__(self, ip, first, how, answer, read):
        self.ip, self.first, self.how = ip, first, how
        self.answer, self.read = answer, read
        self.name = "IPv%d: %s first by %s, then %s, %s" % (
            ip, "client" if first == "c" else "server", how, answer,
            "end-of-file read" if read else "end-of-file unread")
        self.pair = None

    def run(self):
        pair = self.pair = Pair(self.ip)
        sock = {"c": pair.c, "s": pair.s}
        one, other = sock[self.first], sock["s" if self.first == "c" else "c"]
        end(one, self.how)
        wait_eof(other)
        if self.read:
            read_eof(other)
        end(other, self.answer)
        if "close" not in self.how:
            wait_eof(one)
            if self.read:
                read_eof(one)

    def finish(self):
        """The active closer is in TIME_WAIT, the other end is gone."""
        pair = self.pair
        ns = {"c": "a", "s": "b"}
        second = "s" if self.first == "c" else "c"
        wait_for("TIME_WAIT of the active closer", lambda: states(
            ns[self.first], pair, self.first) == ["TIME-WAIT"])
        wait_for("end of the passive closer", lambda: not states(
            ns[second], pair, second))
        pair.c.close()
        pair.s.close()
        if states(ns[self.first], pair, self.first) != ["TIME-WAIT"]:
            raise Failed("no TIME_WAIT after close()")

    def judge(self, segments):
        """What the capture says."""
        if any(s.flags & wire.RST for s in segments):
            raise Failed("RST on the wire")
        for port in self.pair.ports:
            fins = [s for s in segments if s.sport == port and
                    s.flags & wire.FIN]
            data = [s for s in segments if s.sport == port and s.length]
            if not fins:
                raise Failed("no FIN from port %d" % port)
            if not any(s.length >= FINP_FRAME for s in fins):
                raise Failed("FIN without the FINp frame: %s" %
                             [s.length for s in fins])
            last = max((s.seq + s.length) & 0xffffffff for s in data)
            if all(s.seq + s.length != last for s in fins):
                raise Failed("FIN is not behind the last byte")


class Simultaneous(Case):
    """Both sides end before they hear of each other."""

    def __init__(self, ip, how):
        super().__init__(ip, "c", how, how, False)
        self.name = "IPv%d: both at once by %s" % (ip, how)

    def run(self):
        pair = self.pair = Pair(self.ip)
        end(pair.c, self.how)
        end(pair.s, self.how)

    def finish(self):
        pair = self.pair
        wait_for("end at both sides", lambda: all(
            s == "TIME-WAIT" for s in
            states("a", pair, "c") + states("b", pair, "s")))
        pair.c.close()
        pair.s.close()
        if not states("a", pair, "c") + states("b", pair, "s"):
            raise Failed("nobody is in TIME_WAIT")


class HalfOpen(Case):
    """The first to end goes on reading for a while."""

    def __init__(self, ip, first):
        super().__init__(ip, first, "shutdown-wr", "close", True)
        self.name = "IPv%d: half-open, %s ends first, data flows back" % (
            ip, "client" if first == "c" else "server")

    def run(self):
        pair = self.pair = Pair(self.ip)
        one, other = ((pair.c, pair.s) if self.first == "c" else
                      (pair.s, pair.c))
        one.shutdown(socket.SHUT_WR)
        read_eof(other)
        for _ in range(5):
            other.sendall(b"x" * 3000)
            if len(one.recv(3000, socket.MSG_WAITALL)) != 3000:
                raise Failed("data lost")
        other.close()
        read_eof(one)


class CloserWaits(Case):
    """close() while the other side goes on for a while, silently."""

    def __init__(self, ip, first):
        super().__init__(ip, first, "close", "close", True)
        self.name = "IPv%d: %s closed, the other side takes its time" % (
            ip, "client" if first == "c" else "server")

    def run(self):
        pair = self.pair = Pair(self.ip)
        one, other = ((pair.c, pair.s) if self.first == "c" else
                      (pair.s, pair.c))
        one.sendall(b"y" * 50000)
        one.close()
        time.sleep(0.2)
        if len(other.recv(50000, socket.MSG_WAITALL)) != 50000:
            raise Failed("data lost")
        read_eof(other)
        time.sleep(0.2)
        other.close()


class Reset(Case):
    """What must give a RST does."""

    def __init__(self, ip, first, why):
        super().__init__(ip, first, "close", None, True)
        self.why = why
        self.name = "IPv%d: RST after %s at the %s" % (
            ip, why, "client" if first == "c" else "server")

    def run(self):
        pair = self.pair = Pair(self.ip)
        one, other = ((pair.c, pair.s) if self.first == "c" else
                      (pair.s, pair.c))
        if self.why == "SO_LINGER of 0":
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                           struct.pack("ii", 1, 0))
        elif self.why == "unread data":
            other.sendall(b"unread")
            select.select([one], [], [], DEADLINE)
        one.close()
        if self.why == "data for one who closed":
            other.sendall(b"late")
            poll = select.poll()
            poll.register(other, 0)
            if not poll.poll(DEADLINE * 1000):
                raise Failed("no error")
            return
        try:
            other.recv(1)
        except ConnectionResetError:
            return
        raise Failed("no ECONNRESET")

    def finish(self):
        self.pair.c.close()
        self.pair.s.close()
        wait_for("the end", lambda: not states("a", self.pair, "c") and
                 not states("b", self.pair, "s"))

    def judge(self, segments):
        if not any(s.flags & wire.RST for s in segments):
            raise Failed("no RST on the wire")


def all_cases():
    for ip in 4, 6:
        for first, how, read in itertools.product("cs", HOWS, (True, False)):
            if ip == 4 or not read:
                yield Case(ip, first, how, "close", read)
        for first, answer in itertools.product("cs", HOWS[1:]):
            yield Case(ip, first, "close", answer, False)
            if ip == 4:
                yield Case(ip, first, "shutdown-wr", answer, True)
        for how in HOWS:
            yield Simultaneous(ip, how)
        for first in "cs":
            yield HalfOpen(ip, first)
            yield CloserWaits(ip, first)
            for why in ("SO_LINGER of 0", "unread data",
                        "data for one who closed"):
                yield Reset(ip, first, why)


def start_capture(path):
    tcpdump = subprocess.Popen(
        ["ip", "netns", "exec", "b", "tcpdump", "-i", "eth0", "-n", "-U",
         "--immediate-mode", "-s0", "-B", "16384", "-Z", "root", "-w", path,
         "tcp"],
        stderr=subprocess.PIPE, text=True)
    line = tcpdump.stderr.readline()
    while line and "listening" not in line:
        line = tcpdump.stderr.readline()
    return tcpdump


def attempt(case, phase, *args):
    try:
        getattr(case, phase)(*args)
        return None
    except (Failed, OSError) as error:
        return "%s: %s" % (phase, error)


def main(argv):
    global failures, tests
    print("KTAP version 1", flush=True)
    cases = [case for case in all_cases()
             if not argv[1:] or any(re.search(p, case.name)
                                    for p in argv[1:])]
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "close.pcap")
        tcpdump = start_capture(path)
        trouble = {}
        for case in cases:
            trouble[case] = (attempt(case, "run") or
                             attempt(case, "finish"))
            if trouble[case]:
                print("# %s: %s" % (case.name, trouble[case]), flush=True)
        size = -1
        while size != os.path.getsize(path):
            size = os.path.getsize(path)
            time.sleep(0.7)
        tcpdump.terminate()
        tcpdump.wait()
        segments = list(wire.segments(path))
    for case in cases:
        if not trouble[case]:
            trouble[case] = attempt(case, "judge", [
                s for s in segments
                if {s.sport, s.dport} == set(case.pair.ports)])
        tests += 1
        if trouble[case]:
            failures += 1
            print("# " + trouble[case])
        print("%sok %d %s" % ("not " if trouble[case] else "", tests,
                              case.name))
    print("1..%d" % tests)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
