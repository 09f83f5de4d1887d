#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Where frames end, on the wire: our kernel and a peer in user space.

    coalesce.py [REGEX ...]    in a guest with the module

The peer acknowledges when the test says so, and TCP's timers are too slow to
matter: what leaves does so because something has happened.
"""

import socket
import subprocess
import sys

sys.dont_write_bytecode = True
import crypt
from crypt import ROLES, exchange, finish, no_plaintext, secret
from peer import TCP_CRYPT_INFO, Suite, equal, option, require

OVERHEAD = 3 + 1 + 16
MORE = socket.MSG_MORE

suite = Suite()
suite.after = no_plaintext


def both(name, *args):
    """The test runs with our kernel as client and as server."""
    def register(function):
        for role in ROLES:
            suite.test("%s: %s" % (role, name), role, *args)(function)
        return function
    return register


def slow_timers(_):
    subprocess.run("ip route change 10.77.0.0/24 dev tun0 src 10.77.0.1 "
                   "rto_min 60s".split(), check=True)


class Link:
    """A connection with keys; everything is acknowledged."""

    def __init__(self, net, role, **kwargs):
        self.net = net
        self.sock, self.conn, self.session = crypt.established(
            net, role, **kwargs)
        net.wait(lambda: option(self.sock, TCP_CRYPT_INFO)[0] == 2, "keys")
        exchange(net, self.sock, self.session)
        self.ack()
        self.conn.auto_ack = False
        self.segs = len(self.conn.segs)

    def option(self, number, value):
        self.sock.setsockopt(socket.IPPROTO_TCP, number, value)

    def ack(self):
        """What has come by now."""
        self.net.rest(0.1)
        self.conn.ack()

    def quiet(self):
        """Nothing but whole frames has come, and no more comes."""
        self.net.rest(0.3)
        equal(len(self.conn.rx), self.session.rx_at,
              "length of the stream, up to the end of a frame")

    def frame(self):
        """Application bytes of the next frame."""
        return len(self.session.read_frame()[1])

    def useless(self):
        """Bytes that have come of a frame that is not whole, or 0."""
        there = self.conn.rx[self.session.rx_at:]
        if len(there) > 3 and len(there) >= 3 + int.from_bytes(there[1:3],
                                                               "big"):
            return 0
        return len(there)

    def arrived(self):
        """Whether the next frame has, all of it."""
        return len(self.conn.rx) > self.session.rx_at and not self.useless()

    def segments(self):
        """Payloads of the segments since the last time."""
        sizes = [len(seg.payload) for seg in self.conn.segs[self.segs:]
                 if seg.payload]
        self.segs = len(self.conn.segs)
        return sizes

    def mss(self):
        return self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)

    def end(self):
        self.conn.auto_ack = True
        self.conn.ack()
        exchange(self.net, self.sock, self.session)
        finish(self.net, self.sock, self.conn, self.session)


@both("Nagle's algorithm: one frame for what waits for an acknowledgment")
def nagle(net, role):
    link = Link(net, role)
    for _ in range(101):
        equal(link.sock.send(secret(10)), 10, "send()")
    equal(link.frame(), 10, "the first write")
    link.quiet()
    link.ack()
    equal(link.frame(), 1000, "the others")
    link.quiet()
    equal(link.segments(), [10 + OVERHEAD, 1000 + OVERHEAD], "segments")
    link.end()


@both("Nagle's algorithm: whole segments leave, and a frame ends there")
def nagle_whole(net, role):
    link = Link(net, role)
    mss = link.mss()
    link.sock.send(secret(10))
    link.sock.send(secret(2 * mss + 100))
    equal(link.frame(), 10, "the first write")
    equal(link.frame(), 2 * mss - OVERHEAD, "two segments")
    link.quiet()
    equal(link.segments(), [10 + OVERHEAD, mss, mss], "segments")
    link.ack()
    equal(link.frame(), 100 + OVERHEAD, "the rest")
    link.end()


@both("TCP_NODELAY: every write leaves while the window is open")
def nodelay(net, role):
    link = Link(net, role)
    link.option(socket.TCP_NODELAY, 1)
    for size in (1, 100, 1, 300):
        link.sock.send(secret(size))
        equal(link.frame(), size, "a write")
    link.end()


@both("TCP_NODELAY: one frame for what waits for the congestion window")
def full(net, role):
    link = Link(net, role)
    link.option(socket.TCP_NODELAY, 1)
    sent = 0
    for _ in range(400):
        sent += link.sock.send(secret(100))
    net.rest(0.3)
    flight = len(link.segments())
    require(5 <= flight <= 40, "%d segments in flight" % flight)
    got = frames = 0
    while got < sent:
        if link.session.rx_at == len(link.conn.rx):
            link.ack()
        got += link.frame()
        frames += 1
    equal(got, sent, "bytes")
    require(frames <= flight + 12, "%d frames, %d before the window was full"
            % (frames, flight))
    link.end()


@both("MSG_MORE: until an acknowledgment comes", 0)
@both("MSG_MORE: until an acknowledgment comes, TCP_NODELAY", 1)
def more(net, role, nagle_off):
    link = Link(net, role)
    mss = link.mss()
    link.option(socket.TCP_NODELAY, nagle_off)
    link.sock.send(secret(2 * mss + 500), MORE)
    equal(link.frame(), 2 * mss - OVERHEAD, "whole segments")
    link.quiet()
    link.sock.send(secret(50), MORE)
    link.quiet()
    link.ack()
    equal(link.frame(), 550 + OVERHEAD, "the rest")
    link.end()


@both("MSG_MORE: until a write without it")
def more_ends(net, role):
    link = Link(net, role)
    for _ in range(5):
        for _ in range(9):
            link.sock.send(secret(20), MORE)
        link.quiet()
        link.sock.send(secret(20))
        equal(link.frame(), 200, "one frame")
        link.ack()
    link.end()


@both("TCP_CORK: an acknowledgment does not end it")
def cork(net, role):
    link = Link(net, role)
    mss = link.mss()
    link.option(socket.TCP_CORK, 1)
    link.sock.send(secret(mss + 500))
    equal(link.frame(), mss - OVERHEAD, "a whole segment")
    link.ack()
    link.quiet()
    link.sock.send(secret(mss))
    equal(link.frame(), mss - OVERHEAD, "a whole segment")
    link.ack()
    link.quiet()
    link.option(socket.TCP_CORK, 0)
    equal(link.frame(), 500 + 2 * OVERHEAD, "the rest")
    link.end()


@both("TCP_CORK: TCP_NODELAY lets go once")
def cork_nodelay(net, role):
    link = Link(net, role)
    link.option(socket.TCP_CORK, 1)
    for _ in range(3):
        link.sock.send(secret(70))
        link.quiet()
        link.option(socket.TCP_NODELAY, 1)
        equal(link.frame(), 70, "one frame")
        link.ack()
    link.option(socket.TCP_CORK, 0)
    link.end()


@both("a frame fits into half of the peer's window", 3000)
@both("a frame fits into half of the peer's larger window", 11000)
def window(net, role, size):
    link = Link(net, role, win=size)
    left = link.sock.send(secret(30000))
    first = True
    while left:
        net.rest(0.1)
        if not link.arrived():
            require(not first, "the first frame waits for an ACK")
            link.ack()
            continue
        frame = link.frame()
        require(frame + OVERHEAD <= max(size // 2, link.mss()),
                "frame of %d bytes" % frame)
        left -= frame
        first = False
    link.end()


@both("slow start: frames end with the flight")
def slow_start(net, role):
    link = Link(net, role)
    link.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 19)
    left = link.sock.send(secret(60000))
    net.rest(0.3)
    while link.arrived():
        left -= link.frame()
    require(left, "all of it is the first flight")
    require(link.useless() < link.mss(),
            "%d bytes of the first flight are of no use" % link.useless())
    link.conn.auto_ack = True
    link.conn.ack()
    while left:
        left -= link.frame()
    link.end()


if __name__ == "__main__":
    sys.exit(suite.main(slow_timers))
