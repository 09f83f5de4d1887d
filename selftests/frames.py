#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Frames of any size, cut anyhow, into small and large receive buffers.

    frames.py [REGEX ...]    in a guest with the module

RFC 8548, sections 3.6 and 4.2: a frame has up to 65,535 bytes of ciphertext,
and nothing can be read before the last of them is there. Whatever SO_RCVBUF
is: no frame may stall, and what waits must be bounded. The peer sends no more
than the window allows, unless a test says so. A zero-window probe that it
needs is a failure: the kernel did not say that its window had opened.
"""

import errno
import os
import random
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
from peer import (ACK, CURVE25519, DEADLINE, FINP, PSH, V4, Conn, Failure,
                  Session, Suite, add, diff, eno, equal, require)

SYN_ENO = eno(CURVE25519)
SYNACK_ENO = eno(0x01, CURVE25519)
ACTIVE, PASSIVE = "active", "passive"
SOL, RCVBUF = socket.SOL_SOCKET, socket.SO_RCVBUF

# Seconds after which the peer helps out: it has waited in vain.
PATIENCE = 4

SMALLEST = 17 + 1       # clen of a frame with one byte
LARGEST = 65535
SIZES = (SMALLEST, 20, 21, 1500, 16384, LARGEST - 1, LARGEST)
BUFFERS = (1, 4096, 16384, None)

suite = Suite()
noise = random.Random(8548).randbytes(1 << 17)


def content(n, at=0):
    """What the peer writes; not compressible, so that no shift hides."""
    return noise[at:at + n]


def rcvbuf(size):
    return [] if size is None else [(SOL, RCVBUF, size)]


def negotiate(net, role, options=(), accept=True, **kwargs):
    """ENO has succeeded, keys are not agreed yet."""
    conn = Conn(net, V4, **kwargs)
    sock = listener = None
    if role == ACTIVE:
        sock = net.connect(conn, V4, options)
        equal(conn.wait_syn().eno(), [SYN_ENO], "ENO of the SYN")
        conn.answer(SYNACK_ENO)
        net.connected(sock)
    else:
        listener = net.listen(V4, options)
        conn.open(listener.getsockname()[1], SYN_ENO)
        equal(conn.wait_syn().eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
        conn.bare = True
        conn.ack()
        if accept:
            sock = net.accept(listener)
            net.close(listener)
    session = Session(conn, "B" if role == ACTIVE else "A",
                      SYN_ENO + SYNACK_ENO)
    return sock or listener, conn, session


def established(net, role, options=(), **kwargs):
    sock, conn, session = negotiate(net, role, options, **kwargs)
    session.agree()
    return sock, conn, session


# --- sending ---------------------------------------------------------------

class Sender:
    """Sends a stream in given pieces, within the window."""

    def __init__(self, net, conn, idle=None):
        self.net, self.conn, self.idle = net, conn, idle
        self.probes = self.repeats = 0
        self.longest = 0.0

    def wait(self, condition, what):
        """As Net.wait(), with the timers of a TCP."""
        conn, begin = self.conn, time.monotonic()
        again = begin + PATIENCE
        while not condition():
            require(not conn.rst, "reset, while waiting for: " + what)
            now = time.monotonic()
            if now > begin + DEADLINE:
                raise Failure("stalled for %d s: %s (%d probes, %d "
                              "retransmissions)" % (
                                  DEADLINE, what, self.probes, self.repeats))
            if now > again:
                again += PATIENCE
                self.help()
            if self.idle:
                self.idle()
            self.net.pump(0.002)
        self.longest = max(self.longest, time.monotonic() - begin)

    def help(self):
        conn = self.conn
        lost = [seg for seg in conn.unacked
                if diff(seg.ends(), conn.snd_una) > 0]
        if lost:
            self.repeats += 1
            conn.output(lost[0].flags, lost[0].payload, seq=lost[0].seq)
        else:
            self.probes += 1
            conn.output(ACK, seq=add(conn.snd_una, -1))

    def room(self, n):
        conn = self.conn
        if conn.room() <= 0:
            self.wait(lambda: conn.room() > 0, "the window opens")
        return min(n, conn.room())

    def send(self, data, pieces):
        """In pieces of these lengths, the last one repeated."""
        conn, at = self.conn, 0
        pieces = iter(pieces)
        size = left = 0
        while at < len(data):
            if not left:
                size = left = next(pieces, size)
            n = self.room(min(left, len(data) - at))
            self.unacked(conn.output(ACK | PSH, data[at:at + n]))
            conn.snd_nxt = add(conn.snd_nxt, n)
            conn.tx_len += n
            at += n
            left -= n
            self.net.pump(0)
            if self.idle:
                self.idle()

    def unacked(self, seg):
        conn = self.conn
        conn.unacked = [s for s in conn.unacked
                        if diff(s.ends(), conn.snd_una) > 0] + [seg]

    def acked(self):
        self.wait(lambda: self.conn.snd_una == self.conn.snd_nxt,
                  "everything acknowledged")

    def prompt(self):
        """Nothing was needed but the peer's segments."""
        equal((self.probes, self.repeats), (0, 0),
              "zero-window probes and retransmissions")


def ones(n):
    """One byte a segment: all of a small frame, both ends of a large one."""
    if n <= 3000:
        return [1] * n
    return [1] * 400 + odd(n - 440) + [1] * 40


def odd(n):
    out, total = [], 0
    for size in (3, 17, 701, 1399, 512, 513, 1):
        out.append(size)
    while total + sum(out) < n:
        total += sum(out)
    whole = out * (n // sum(out))
    rest = n - sum(whole)
    return whole + ([rest] if rest <= 1399 else [1399, rest - 1399])


def sevens(n):
    if n <= 3000:
        return [7]
    return [7] * 100 + [1379]


PIECES = {
    "one byte a segment": ones,
    "seven bytes a segment": sevens,
    "odd pieces": odd,
    "536 bytes a segment": lambda n: [536],
    "1400 bytes a segment": lambda n: [1400],
    "the first byte of the header alone": lambda n: [1, 1400],
    "header and length cut": lambda n: [2, 1, 1400],
    "tag cut": lambda n: [n - 16] if n - 16 <= 1400 else
                         [1400] * ((n - 16) // 1400) +
                         [(n - 16) % 1400 or 1, 1, 6, 9],
    # what fits into a buffer badly
    "1 and 513 bytes by turns": lambda n: [1, 513] * (n // 514 + 1),
    "1 and 1400 bytes by turns": lambda n: [1, 1400] * (n // 1401 + 1),
}


# --- reading, in a thread --------------------------------------------------

class Reader(threading.Thread):
    """Reads n bytes, as an application that blocks does."""

    def __init__(self, sock, n, way):
        super().__init__(daemon=True)
        self.sock, self.n, self.way = sock, n, way
        self.data, self.error = bytearray(), None
        self.go = threading.Event()
        sock.setblocking(True)
        sock.setsockopt(SOL, socket.SO_RCVTIMEO,
                        struct.pack("ll", int(DEADLINE) * 2, 0))

    def run(self):
        try:
            self.way(self)
        except (OSError, Failure) as error:
            self.error = error

    def left(self):
        return self.n - len(self.data)

    def take(self, part):
        require(part, "end-of-file after %d bytes" % len(self.data))
        self.data += part

    def check(self, sender, want):
        self.go.set()
        sender.wait(lambda: not self.is_alive(),
                    "the reader: %d of %d bytes" % (len(self.data), self.n))
        if self.error:
            raise self.error
        require(bytes(self.data) == want, "other bytes than were sent")


def at_once(reader):
    while reader.left():
        reader.take(reader.sock.recv(min(reader.left(), 1 << 16)))


def later(reader):
    """When nothing goes any more."""
    reader.go.wait()
    at_once(reader)


def small(reader):
    while reader.left():
        reader.take(reader.sock.recv(min(reader.left(), 333)))


def peek(reader):
    while reader.left():
        seen = reader.sock.recv(min(reader.left(), 1 << 16), socket.MSG_PEEK)
        part = reader.sock.recv(len(seen))
        require(seen == part, "MSG_PEEK has seen something else")
        reader.take(part)


def waitall(reader):
    while reader.left():
        n = min(reader.left(), 100000)
        part = reader.sock.recv(n, socket.MSG_WAITALL)
        equal(len(part), n, "recv() with MSG_WAITALL")
        reader.take(part)


def lowat(reader):
    """poll() for more than a frame, and than the buffer has room for."""
    poll = select.poll()
    poll.register(reader.sock, select.POLLIN)
    while reader.left():
        reader.sock.setsockopt(SOL, socket.SO_RCVLOWAT,
                               min(reader.left(), 70000))
        require(poll.poll(DEADLINE * 1000), "poll() has waited in vain")
        reader.take(reader.sock.recv(1 << 17, socket.MSG_DONTWAIT))


def edges(reader):
    """epoll, edge-triggered: until EAGAIN, then wait"""
    with select.epoll() as epoll:
        epoll.register(reader.sock, select.EPOLLIN | select.EPOLLET)
        while reader.left():
            require(epoll.poll(DEADLINE), "epoll has waited in vain")
            try:
                while reader.left():
                    reader.take(reader.sock.recv(1 << 16,
                                                 socket.MSG_DONTWAIT))
            except BlockingIOError:
                pass


def splice(reader):
    out, into = os.pipe()
    try:
        while reader.left():
            n = os.splice(reader.sock.fileno(), into,
                          min(reader.left(), 1 << 16))
            require(n, "splice(): end-of-file")
            while n:
                part = os.read(out, n)
                n -= len(part)
                reader.take(part)
    finally:
        os.close(out)
        os.close(into)


READERS = {"at once": at_once, "later": later, "333 bytes": small,
           "MSG_PEEK": peek, "MSG_WAITALL": waitall, "SO_RCVLOWAT": lowat,
           "EPOLLET": edges, "splice": splice}


def transfer(net, role, size, way, pieces, clens):
    """Frames one after the other on one connection."""
    sock, conn, session = established(net, role, rcvbuf(size))
    want = b"".join(content(clen - 17, i) for i, clen in enumerate(clens))
    reader = Reader(sock, len(want), way)
    sender = Sender(net, conn)
    if way is later:
        # it begins when the window is shut
        stuck = [0.0]

        def idle():
            if conn.room() > 0:
                stuck[0] = time.monotonic()
            elif time.monotonic() > stuck[0] + 0.2:
                reader.go.set()
        sender.idle = idle
    reader.start()
    for i, clen in enumerate(clens):
        frame = session.seal(content(clen - 17, i))
        equal(len(frame), clen + 3, "the frame's length")
        sender.send(frame, pieces(len(frame)))
    reader.check(sender, want)
    sender.acked()
    sender.prompt()
    sock.setblocking(False)


for _size in BUFFERS:
    for _name, _pieces in PIECES.items():
        suite.test("3.6 SO_RCVBUF %s, %s" % (_size or "default", _name),
                   PASSIVE, _size, at_once, _pieces, SIZES)(transfer)
    for _name, _way in READERS.items():
        suite.test("3.6 SO_RCVBUF %s, read: %s" % (_size or "default", _name),
                   ACTIVE, _size, _way, odd, SIZES)(transfer)

if __name__ == "__main__":
    sys.exit(suite.main())
