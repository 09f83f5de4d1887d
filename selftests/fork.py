#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A machine that is cloned or hibernated while connections are open.

    fork.py [REGEX ...]    in a guest with the module

RFC 8548, section 3.6: no two different frames under one key with one frame
ID, and two clones would make them. So no encrypted connection outlives a
clone, whatever state it is in; no session secret does; and what is plain is
left alone. selftests/fork (make fork) runs the kernel's chain of notifiers as
the vmgenid driver does. "active": our kernel connects; "passive": it listens.
"""

import ctypes
import errno
import os
import resource
import select
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
from abort import (FAILED, ROLES, SECRET, SYN_ENO, SYNACK_ENO, WAYS, Call,
                   Stall, Watch, aborted, attempt, crypt_info, ends_of,
                   established, fork, negotiate, only_resets, plain, polled,
                   tracing)
from peer import (ACK, AES128, FINP, PSH, RST, V4, V6, Conn, Session, Suite,
                  Sysctl, counters, equal, one_tep, require, sysctl)

ESTALE = errno.ESTALE
CLONE_NEWNET = 0x40000000
CACHE_MAX = "net.tcpcrypt.cache_max"

suite = Suite()


def settings():
    """Kernel to kernel is over lo."""
    one_tep()
    sysctl("net.tcpcrypt.skip_loopback", 0)
    sysctl("net.tcpcrypt.handshake_timeout", 600)


def both(name, *args):
    """The test runs with our kernel as client and as server."""
    def register(function):
        for role in ROLES:
            suite.test("%s: %s" % (role, name), role, *args)(function)
        return function
    return register


# --- the states of a connection ----------------------------------------------

for how in WAYS:
    @both("idle: " + how, how)
    def idle(net, role, way):
        sock, conn, _ = established(net, role)
        watch = Watch()
        fork()
        aborted(net, sock, conn, watch, "Stale", way)


@both("data in flight, and more than fits into the peer's window")
def in_flight(net, role):
    sock, conn, session = established(net, role)
    watch = Watch()
    conn.auto_ack = False
    conn.win = 3000
    conn.ack()
    while attempt(sock.send, SECRET * 200) == 0:
        net.pump(0)
    session.send(b"not read")
    net.wait(lambda: polled(sock) & select.POLLIN, "poll()")
    fork()
    aborted(net, sock, conn, watch, "Stale", "SO_ERROR")
    # once the first RST is there not even what was encrypted goes on
    conn.win = 65535
    conn.output(PSH | ACK, b"x")
    net.rest(0.5)
    only_resets(net, conn, next(i for i, s in enumerate(conn.segs)
                                if s.flags & RST))


@both("an incomplete frame was received")
def half_frame(net, role):
    sock, conn, session = established(net, role)
    watch = Watch()
    frame = session.seal(b"x" * 1000)
    conn.send(frame[:500])
    conn.wait_acked()
    fork()
    aborted(net, sock, conn, watch, "Stale", "recv()")


@both("keys are being agreed, data waits for them", False)
@both("keys are being agreed, half an Init message was heard", True)
def keying(net, role, half):
    sock, conn, session = negotiate(net, role)
    watch = Watch()
    sock.send(SECRET)
    if half:
        message = session.init1() if role == "passive" else \
            session.init2(AES128)
        conn.send(message[:40])
        conn.wait_acked()
    fork()
    aborted(net, sock, conn, watch, "Stale", "send()")


@both("a thread waits in recv(), another in send()")
def waiting(net, role):
    sock, conn, _ = established(net, role)
    watch = Watch()
    conn.win = 0
    conn.ack()
    while attempt(sock.send, SECRET * 200) == 0:
        net.pump(0)
    sock.setblocking(True)
    calls = [Call(sock.recv, 1), Call(sock.send, SECRET * 200)]
    for call in calls:
        call.blocks(net)
        require(call.is_alive(), "the call does not block")
    fork()
    for call in calls:
        net.wait(lambda c=call: not c.is_alive(), "the call returns")
    equal(calls[0].result, ESTALE, "recv()")
    require(calls[1].result in (ESTALE, errno.EPIPE),
            "send(): %s" % calls[1].result)
    sock.setblocking(False)
    conn.wait_rst()
    watch.only("Stale", [ends_of(conn)])


@both("a thread that cannot go on holds a socket's lock")
def stalled(net, role):
    """It copies from memory that does not come: nobody waits for it, and
    when it goes on it sends nothing."""
    sock, conn, session = established(net, role)
    other, other_conn, _ = established(net, role)
    watch = Watch()
    stall = Stall()
    libc = ctypes.CDLL(None, use_errno=True)
    sock.setblocking(True)

    def send():
        if libc.send(sock.fileno(), ctypes.c_void_p(stall.at), 1000, 0) < 0:
            raise OSError(ctypes.get_errno(), "send()")
    call = Call(send)
    stall.touched(net)
    fork()
    require(call.is_alive(), "the call does not block")
    aborted(net, other, other_conn, watch, "Stale")
    length = len(conn.rx)
    stall.go()
    net.wait(lambda: not call.is_alive(), "the call returns")
    stall.close()
    equal(call.result, ESTALE, "send()")
    sock.setblocking(False)
    conn.wait_rst()
    equal(len(conn.rx), length, "length of the stream")
    equal(net.recv_end(sock), (b"", ESTALE), "recv()")
    watch.settle("Stale", 2)


@both("our direction is at its end", True)
@both("the peer's direction is at its end", False)
def half_closed(net, role, ours):
    sock, conn, session = established(net, role)
    watch = Watch()
    if ours:
        sock.shutdown(socket.SHUT_WR)
        session.read_fin()
        conn.wait_fin()
        conn.wait_acked()
    else:
        session.send(flags=FINP)
        conn.close()
        equal(net.recv(sock), b"", "end-of-file")
    fork()
    conn.wait_rst()
    equal(net.recv_end(sock), (b"", ESTALE if ours else 0), "recv()")
    require(attempt(sock.send, SECRET), "send()")
    equal(crypt_info(sock)[1:], (ESTALE, ""), "TCP_CRYPT_INFO")
    only_resets(net, conn)
    watch.only("Stale", [ends_of(conn)])


@both("parked after close(): the peer has not ended yet", False)
@both("parked after close(): data has not left yet", True)
def parked(net, role, pending):
    sock, conn, session = established(net, role)
    watch = Watch()
    closed = int(counters()["CloseParked"])
    if pending:
        conn.win = 0
        conn.ack()
        require(attempt(sock.send, SECRET * 100) == 0, "send()")
    net.close(sock)
    if not pending:
        session.read_fin()
        conn.wait_fin()
        conn.wait_acked()
    equal(int(counters()["CloseParked"]), closed + 1, "CloseParked")
    fork()
    conn.wait_rst()
    conn.win = 65535
    only_resets(net, conn)
    watch.only("Stale", [ends_of(conn)])


@suite.test("passive: not accepted yet", False)
@suite.test("passive: not accepted yet, Init1 is there", True)
def unaccepted(net, init):
    listener = net.listen()
    conn = Conn(net)
    conn.open(listener.getsockname()[1], SYN_ENO)
    equal(conn.wait_syn().eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
    conn.bare = True
    conn.ack()
    net.rest(0.05)
    session = Session(conn, "A", SYN_ENO + SYNACK_ENO)
    if init:
        conn.send(session.init1())
        conn.wait_acked()
    watch = Watch()
    fork()
    watch.only("Stale", [ends_of(conn)])
    aborted(net, net.accept(listener), conn, watch, "Stale")


@suite.test("passive: not accepted, the listener closes")
def never_accepted(net):
    listener = net.listen()
    conn = Conn(net)
    conn.open(listener.getsockname()[1], SYN_ENO)
    conn.wait_syn()
    conn.bare = True
    conn.ack()
    net.rest(0.05)
    watch = Watch()
    fork()
    net.close(listener)
    conn.wait_rst()
    only_resets(net, conn)
    watch.only("Stale", [ends_of(conn)])


@both("a failed connection is not aborted again")
def failed_before(net, role):
    sock, conn, _ = established(net, role)
    watch = Watch()
    conn.close()
    conn.wait_rst()
    fork()
    aborted(net, sock, conn, watch, "Truncated", "SO_ERROR")


@both("a new connection after each of two clones")
def afterwards(net, role):
    for _ in range(2):
        sock, conn, session = established(net, role)
        fork()
        conn.wait_rst()
        equal(net.recv_end(sock), (b"", ESTALE), "recv()")
    sock, conn, session = established(net, role)
    session.send(b"y" * 3000)
    equal(net.recv_exact(sock, 3000), b"y" * 3000, "what recv() got")


@suite.test("plain connections, listeners and SYN_SENT are left alone")
def untouched(net):
    watch = Watch()
    conns = []
    for passive in False, True:
        conn = Conn(net)
        if passive:
            listener = net.listen()
            conn.open(listener.getsockname()[1], b"")
            conn.wait_syn()
            conn.ack()
            sock = net.accept(listener)
        else:
            sock = net.connect(conn)
            conn.wait_syn()
            conn.answer(b"")
            net.connected(sock)
        conns.append((sock, conn))
    opening = Conn(net)
    connecting = net.connect(opening)
    opening.wait_syn()
    half = Conn(net)
    half.open(listener.getsockname()[1], SYN_ENO)
    half.wait_syn()
    fork()
    for sock, conn in conns:
        plain(net, sock, conn)
    opening.answer(SYNACK_ENO)
    net.connected(connecting)
    half.bare = True
    half.ack()
    for sock, conn, role in ((connecting, opening, "B"),
                             (net.accept(listener), half, "A")):
        session = Session(conn, role, SYN_ENO + SYNACK_ENO).agree()
        net.send(sock, SECRET)
        equal(session.read(len(SECRET)), SECRET, "what the peer got")
    watch.none()


# --- both ends are the kernel's ----------------------------------------------

def pair(net, host):
    af = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = net.keep(socket.socket(af))
    sock = net.keep(socket.socket(af))
    listener.bind((host, 0))
    listener.listen(1)
    sock.connect_ex((host, listener.getsockname()[1]))
    other = net.accept(listener)
    net.connected(sock)
    net.close(listener)
    for one, two in (sock, other), (other, sock):
        net.send(one, SECRET)
        equal(net.recv_exact(two, len(SECRET)), SECRET, "data")
    return sock, other


class Slow:
    """lo is slow: no RST of one end comes before the other's own abort."""

    def __enter__(self):
        subprocess.run("tc qdisc add dev lo root netem delay 2s".split(),
                       check=True)

    def __exit__(self, *args):
        subprocess.run("tc qdisc del dev lo root".split(), check=True)


def rise(before, *names):
    after = counters()
    return [int(after[name]) - int(before[name]) for name in names]


@suite.test("the session cache is empty after it: %s" % V4, "127.0.0.1")
@suite.test("the session cache is empty after it: %s" % V6, "::1")
def cache(net, host):
    names = "HandshakeFresh", "HandshakeResumed"
    with Sysctl(CACHE_MAX, 100):
        pair(net, host)
        before = counters()
        pair(net, host)
        equal(rise(before, *names), [0, 2], "handshakes, and resumed ones")
        before = counters()
        fork()
        require(rise(before, "CacheFlushed")[0] >= 2, "CacheFlushed")
        before = counters()
        pair(net, host)
        equal(rise(before, *names), [2, 0], "handshakes, and resumed ones")
        pair(net, host)
        equal(rise(before, *names), [2, 2], "handshakes, and resumed ones")


@suite.test("resumption under way: the SYN has proposed it")
def proposed(net):
    """The answer is to a secret that is gone: no connection, or a fresh one;
    in no case a resumed one."""
    with Sysctl(CACHE_MAX, 100):
        first = pair(net, "127.0.0.1")
        listener = net.keep(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        with Slow():
            before = counters()
            sock = net.keep(socket.socket())
            sock.connect_ex(listener.getsockname())
            equal(rise(before, "ResumeProposed"), [1], "ResumeProposed")
            fork()
        for end in first:
            equal(net.recv_end(end), (b"", ESTALE), "recv()")
        net.wait(lambda: polled(sock) & (select.POLLOUT | select.POLLERR),
                 "connect()")
        net.rest(0.5)
        equal(rise(before, "HandshakeResumed"), [0], "HandshakeResumed")


class OtherNet:
    """A network namespace with an established hash of its own, of one
    bucket."""

    def __init__(self):
        self.libc = ctypes.CDLL(None, use_errno=True)

    def __enter__(self):
        self.old = os.open("/proc/self/ns/net", os.O_RDONLY)
        before = sysctl("net.ipv4.tcp_child_ehash_entries", 1)
        require(not self.libc.unshare(CLONE_NEWNET), "unshare()")
        self.new = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.leave()
        sysctl("net.ipv4.tcp_child_ehash_entries", before)
        self.enter()
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        settings()
        return self

    def enter(self):
        require(not self.libc.setns(self.new, CLONE_NEWNET), "setns()")

    def leave(self):
        require(not self.libc.setns(self.old, CLONE_NEWNET), "setns()")

    def __exit__(self, *args):
        self.leave()
        os.close(self.old)
        os.close(self.new)


@suite.test("another namespace, 400 connections in one hash bucket")
def many(net):
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    with OtherNet() as other:
        listener = net.keep(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        socks = []
        for _ in range(400):
            sock = net.keep(socket.socket())
            sock.connect_ex(listener.getsockname())
            socks.append(sock)
        # half of them are never accepted
        for _ in range(200):
            socks.append(net.accept(listener))
        net.wait(lambda: int(counters()["EnoPassive"]) >= 400 and
                 int(counters()["HandshakeFresh"]) >= 400, "connections")
        with Slow():
            other.leave()
            fork()
            other.enter()
            equal(counters()["AbortStale"], "800", "AbortStale")
        for sock in socks:
            equal(net.recv_end(sock), (b"", ESTALE), "recv()")
            equal(crypt_info(sock)[2], "", "driver of TCP_CRYPT_INFO")


# --- hibernation -------------------------------------------------------------

def snapshot():
    """What a user-space hibernation does first and last."""
    os.close(os.open("/dev/snapshot", os.O_RDONLY))


def to_disk():
    """The kernel's own, up to freezing the processes and back."""
    with open("/sys/power/pm_test", "w", encoding="ascii") as f:
        f.write("freezer")
    try:
        with open("/sys/power/state", "w", encoding="ascii") as f:
            f.write("disk")
    finally:
        with open("/sys/power/pm_test", "w", encoding="ascii") as f:
            f.write("none")


@both("hibernation: /dev/snapshot", snapshot)
@both("hibernation: /sys/power/state, pm_test", to_disk)
def hibernation(net, role, hibernate):
    sock, conn, _ = established(net, role)
    watch = Watch()
    with Sysctl(CACHE_MAX, 100):
        one, two = pair(net, "127.0.0.1")
        before = counters()
        with Slow():
            hibernate()
        for end in one, two:
            equal(net.recv_end(end), (b"", ESTALE), "recv()")
        require(rise(before, "CacheFlushed")[0] >= 2, "CacheFlushed")
        watch.settle("Stale", 3)
    watch = Watch()
    conn.wait_rst()
    equal(crypt_info(sock), (FAILED, ESTALE, ""), "TCP_CRYPT_INFO")
    equal(net.recv_end(sock), (b"", ESTALE), "recv()")
    only_resets(net, conn)
    sock, conn, _ = established(net, role)
    watch.none()


@both("hibernation: no keys while the image is made")
def between(net, role):
    image = os.open("/dev/snapshot", os.O_RDONLY)
    try:
        watch = Watch()
        if role == "active":
            # the abort may come before connect() is asked how it went
            conn = Conn(net)
            sock = net.connect(conn)
            equal(conn.wait_syn().eno(), [SYN_ENO], "ENO of the SYN")
            conn.answer(SYNACK_ENO)
        else:
            sock, conn, _ = negotiate(net, role)
        aborted(net, sock, conn, watch, "Stale")
    finally:
        os.close(image)
    established(net, role)


if __name__ == "__main__":
    sys.exit(suite.main(tracing, settings))
