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
from peer import (ACK, CURVE25519, DEADLINE, PSH, V4, Conn, Failure,
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
# What getsockopt(SO_RCVBUF) says, and what to set: Linux doubles it.
BUFFERS = {"2304": 1, "8192": 4096, "32768": 16384, "default": None}

suite = Suite()
# in pages; namespaces do not have it, and we shall be in one
tcp_mem = os.open("/proc/sys/net/ipv4/tcp_mem", os.O_RDWR)
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
        self.trace = []

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
        self.trace += conn.trace[-12:]
        if lost:
            self.repeats += 1
            lost.sort(key=lambda seg: diff(seg.seq, conn.snd_una))
            for seg in lost[:20]:
                conn.output(seg.flags, seg.payload, seq=seg.seq)
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

    def jumble(self, data, rng):
        """Out of order, and parts of it twice."""
        conn, at = self.conn, 0
        while at < len(data):
            n = self.room(min(4000, len(data) - at))
            cuts = sorted({0, n} | {rng.randrange(n) for _ in range(4)})
            pieces = [(max(0, begin - rng.randrange(100)), end)
                      for begin, end in zip(cuts, cuts[1:])]
            rng.shuffle(pieces)
            for begin, end in pieces:
                self.unacked(conn.output(ACK | PSH,
                                         data[at + begin:at + end],
                                         seq=add(conn.snd_nxt, begin)))
            conn.snd_nxt = add(conn.snd_nxt, n)
            conn.tx_len += n
            at += n
            self.acked()

    def flood(self, data, size=1400):
        """Whatever the window is: no retransmission, no waiting."""
        conn = self.conn
        for at in range(0, len(data), size):
            conn.output(ACK | PSH, data[at:at + size],
                        seq=add(conn.snd_nxt, at))
            self.net.pump(0)

    def fill(self, data, size=1400):
        """Until the window stays shut. Return: bytes sent."""
        conn, at = self.conn, 0
        end = time.monotonic() + 0.3
        while at < len(data) and time.monotonic() < end:
            n = min(conn.room(), size, len(data) - at)
            if n <= 0:
                self.net.pump(0.01)
                continue
            conn.output(ACK | PSH, data[at:at + n])
            conn.snd_nxt = add(conn.snd_nxt, n)
            conn.tx_len += n
            at += n
            end = time.monotonic() + 0.3
            self.net.pump(0)
        return at

    def acked(self):
        self.wait(lambda: self.conn.snd_una == self.conn.snd_nxt,
                  "everything acknowledged")

    def prompt(self):
        """The kernel has said itself that its window opened. A slow one may
        have lost segments in its backlog, as any TCP."""
        for line in self.trace:
            print("#   before: " + line)
        equal(self.probes, 0, "zero-window probes")


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


BRIEF = ("one byte a segment", "1400 bytes a segment",
         "1 and 513 bytes by turns")

for _buffer, _size in BUFFERS.items():
    for _name, _pieces in PIECES.items():
        if _buffer in ("32768", "default") and _name not in BRIEF:
            continue
        suite.test("3.6 SO_RCVBUF %s, %s" % (_buffer, _name),
                   PASSIVE, _size, at_once, _pieces, SIZES)(transfer)
    for _name, _way in READERS.items():
        if _buffer == "32768":
            continue
        suite.test("3.6 SO_RCVBUF %s, read: %s" % (_buffer, _name),
                   ACTIVE, _size, _way, odd, SIZES)(transfer)


@suite.test("3.6 out of order and overlapping, SO_RCVBUF 32768", 16384)
@suite.test("3.6 out of order and overlapping, SO_RCVBUF default", None)
def jumbled(net, size):
    sock, conn, session = established(net, PASSIVE, rcvbuf(size))
    sender, rng = Sender(net, conn), random.Random(3)
    want = b"".join(content(clen - 17, i) for i, clen in enumerate(SIZES))
    reader = Reader(sock, len(want), at_once)
    reader.start()
    for i, clen in enumerate(SIZES):
        sender.jumble(session.seal(content(clen - 17, i)), rng)
    reader.check(sender, want)
    sender.prompt()
    sock.setblocking(False)


@suite.test("3.6 a frame in 48 segments wakes a level-triggered epoll once",
            select.EPOLLIN)
@suite.test("3.6 a frame in 48 segments wakes an edge-triggered epoll once",
            select.EPOLLIN | select.EPOLLET)
def wakeups(net, events):
    sock, conn, session = established(net, PASSIVE)
    sender, woken = Sender(net, conn), []

    def wait(reader):
        with select.epoll() as epoll:
            epoll.register(reader.sock, events)
            while reader.left():
                require(epoll.poll(DEADLINE), "epoll has waited in vain")
                woken.append(len(reader.data))
                try:
                    reader.take(reader.sock.recv(1 << 17,
                                                 socket.MSG_DONTWAIT))
                except BlockingIOError:
                    pass

    reader = Reader(sock, 5 * (LARGEST - 17), wait)
    reader.start()
    for i in range(5):
        sender.send(session.seal(content(LARGEST - 17, i)), [1380])
        sender.wait(lambda n=i + 1: len(reader.data) == n * (LARGEST - 17),
                    "the frame is read")
    reader.check(sender, b"".join(content(LARGEST - 17, i)
                                  for i in range(5)))
    equal(woken, [i * (LARGEST - 17) for i in range(5)],
          "bytes that were read before each return of epoll_wait()")
    sock.setblocking(False)


# --- what the application does not read, but work and key agreement do -----

@suite.test("4.1 SO_RCVBUF 2304: Init of 2000 bytes, one byte a segment",
            PASSIVE, 1)
@suite.test("4.1 SO_RCVBUF 2304: Init of 2000 bytes, 700 bytes a segment",
            PASSIVE, 700)
@suite.test("4.1 SO_RCVBUF 2304: Init2 of 2000 bytes, 700 bytes a segment",
            ACTIVE, 700)
def long_init(net, role, piece):
    sock, conn, session = negotiate(net, role, rcvbuf(1))
    session.agree(size=piece, ignored=bytes(1900))
    sender = Sender(net, conn)
    reader = Reader(sock, 10000, at_once)
    reader.start()
    sender.send(session.seal(content(10000)), [1400])
    reader.check(sender, content(10000))
    sender.prompt()
    sock.setblocking(False)


def stream(session, frames):
    """Frames in a row: (data, control) each."""
    out = b""
    for data, control in frames:
        if control:
            session.advance_tx()
        out += session.seal(data, control=control,
                            offset=session.conn.tx_len + len(out))
    return out


KINDS = {"empty": [(b"", 0)] * 400, "rekey": [(b"", 1)] * 150,
         "one-byte": [(b"x", 0)] * 400,
         "one-byte, empty and rekey": [(b"", 1), (b"", 0), (b"x", 0)] * 60}


def tiny(net, size, kind, piece):
    """Nobody reads what goes before, or there is nothing to be read."""
    sock, conn, session = established(net, PASSIVE, rcvbuf(size))
    sender = Sender(net, conn)
    frames = KINDS[kind] + [(content(20000), 0)]
    want = b"".join(data for data, _ in frames)
    reader = Reader(sock, len(want), at_once)
    reader.start()
    data = stream(session, frames)
    sender.send(data, [piece])
    reader.check(sender, want)
    sender.prompt()
    sock.setblocking(False)


for _buffer in ("2304", "default"):
    for _kind in KINDS:
        for _piece in (20, 1400):
            suite.test("4.2.1 SO_RCVBUF %s: %s frames, %d bytes a segment" % (
                _buffer, _kind, _piece), BUFFERS[_buffer], _kind,
                _piece)(tiny)


# --- memory ----------------------------------------------------------------

class Memory:
    """What a control group of our own is charged for sockets."""

    ROOT = "/tmp/frames-cgroup"

    def __init__(self):
        if not os.path.exists(self.ROOT):
            os.mkdir(self.ROOT)
            subprocess.run(["mount", "-t", "cgroup2", "none", self.ROOT],
                           check=True)
        self.own = self.ROOT + "/frames"
        if not os.path.exists(self.own):
            self.put(self.ROOT + "/cgroup.subtree_control", "+memory")
            os.mkdir(self.own)
        self.put(self.own + "/cgroup.procs", str(os.getpid()))

    @staticmethod
    def put(path, text):
        with open(path, "w", encoding="ascii") as f:
            f.write(text)

    def sockets(self):
        # whoever reads this has the kernel sum up
        with open(self.own + "/cpu.stat", encoding="ascii") as f:
            f.read()
        with open(self.own + "/memory.stat", encoding="ascii") as f:
            return dict((k, int(v)) for k, v in (
                line.split() for line in f))["sock"]


def skmem(conn):
    """Of the kernel's end: {"r": bytes in sk_rmem_alloc, "rb": ...}"""
    text = subprocess.run(
        ["ss", "-tamnOH", "sport", "=", ":%d" % conn.rport, "and", "dport",
         "=", ":%d" % conn.port], check=True, stdout=subprocess.PIPE,
        text=True).stdout
    found = re.search(r"skmem:\(([^)]*)\)", text)
    require(found, "ss shows no memory: %r" % text)
    return {k: int(v) for k, v in re.findall(r"([a-z]+)(\d+)",
                                             found.group(1))}


# What the module takes over SO_RCVBUF at most: a segment that the window let
# in, a frame and what it costs more than its length.
OVER = 65536 + 2 * 65538 + 4352
CONNS = 2


def hoard(net, size, attack, bound=OVER, keyed=True, count=CONNS):
    """Nobody reads; what does a connection cost?"""
    memory = Memory()
    before, made = memory.sockets(), []
    for _ in range(count):
        make = established if keyed else negotiate
        sock, conn, session = make(net, PASSIVE, rcvbuf(size))
        made.append((sock, conn))
        limit = sock.getsockopt(SOL, RCVBUF)
        attack(Sender(net, conn), conn, session)
    net.rest(0.2)
    each = (memory.sockets() - before) // count
    for sock, conn in made:
        # autotuning: nobody has read, there is nothing to tune
        equal(sock.getsockopt(SOL, RCVBUF), limit, "SO_RCVBUF")
        mem = skmem(conn)
        # one whole frame, and what else was let in
        require(mem["r"] <= limit + bound,
                "%d bytes in sk_rmem_alloc, SO_RCVBUF is %d" % (
                    mem["r"], limit))
    print("# %d bytes a connection, SO_RCVBUF %d, sk_rmem_alloc %d" % (
        each, limit, mem["r"]))
    require(each > 1000, "nothing is charged")
    require(each <= limit + bound, "%d bytes a connection, SO_RCVBUF is %d" %
            (each, limit))


def almost(pieces):
    """The largest frame, but for its last byte."""
    def attack(sender, _, session):
        frame = session.seal(content(LARGEST - 17))[:-1]
        sender.send(frame, pieces(len(frame)))
        sender.acked()
        sender.prompt()
    return attack


def header(sender, _, session):
    sender.send(session.seal(content(LARGEST - 17))[:3], [1])


def unread(clen, piece):
    def attack(sender, conn, session):
        # more than the window, and then whatever it is
        data, enough = b"", min(40000, 3000 + 2 * conn.room())
        while len(data) < enough:
            data += session.seal(content(clen - 17),
                                 offset=conn.tx_len + len(data))
        sender.fill(data, piece)
        sender.flood(content(60000), 1400)
    return attack


def by_turns(sender, conn, session):
    """The module decrypts these before anybody reads them."""
    data = b""
    for n in [1, 513] * 250:
        data += session.seal(content(n), offset=conn.tx_len + len(data))
    sender.fill(data)


def holes(sender, conn, session):
    """Every other piece is missing, all of the window and beyond."""
    data = session.seal(content(LARGEST - 17))
    for at in range(0, 60000, 600):
        conn.output(ACK | PSH, data[at:at + 300],
                    seq=add(conn.snd_nxt, at + 300))
        sender.net.pump(0)


def no_init(sender, conn, session):
    """An Init message that never ends, then whatever the window is."""
    init = session.init1(ignored=bytes(2000))
    sender.send(init[:-1], [1])
    # the last byte does not come, but what would be after it
    conn.snd_nxt = add(conn.snd_nxt, 1)
    sender.flood(content(100000))


for _buffer in ("2304", "default"):
    _size, _name = BUFFERS[_buffer], "SO_RCVBUF %s: " % _buffer
    for _what, _attack in (
            ("a header", header),
            ("frame of 65,537 of 65,538 bytes, 1400 a segment",
             almost(lambda n: [1400])),
            ("the same, odd pieces", almost(odd)),
            ("the same, 1 and 513 bytes by turns",
             almost(PIECES["1 and 513 bytes by turns"])),
            ("frames of 1 byte, past the window", unread(18, 1400)),
            ("frames of 1 byte, one a segment", unread(18, 21)),
            ("frames of 65,535 bytes, past the window", unread(LARGEST, 1400)),
            ("frames of 1749 bytes, one a segment", unread(1749, 1400)),
            ("frames of 1 and 513 bytes by turns", by_turns),
            ("out of order, past the window", holes)):
        suite.test("memory: " + _name + _what, _size, _attack)(hoard)
    suite.test("memory: %sno keys" % _name, _size, no_init, 65536 + 8192,
               False)(hoard)


@suite.test("memory: SO_RCVBUF 8192: before accept()", 4096)
@suite.test("memory: SO_RCVBUF default: before accept()", None)
def unaccepted(net, size):
    listener, conn, session = negotiate(net, PASSIVE, rcvbuf(size),
                                        accept=False)
    limit = listener.getsockopt(SOL, RCVBUF)
    sender = Sender(net, conn)
    sender.fill(session.init1(ignored=bytes(3000)) + content(130000), 100)
    sender.flood(content(60000))
    mem = skmem(conn)
    print("# sk_rmem_alloc %d, SO_RCVBUF %d" % (mem["r"], limit))
    require(1000 < mem["r"] <= limit + 65536,
            "%d bytes in sk_rmem_alloc, SO_RCVBUF is %d" % (mem["r"], limit))


HOARDERS = 40


def catch_up(net, sock, conn, data, begin):
    """What was dropped, once more, to a reader"""
    want = b"".join(content(1380, at) for at in range(40))
    sender, reader = Sender(net, conn), Reader(sock, len(want), at_once)
    reader.start()
    conn.snd_nxt = conn.snd_una
    sender.send(data[diff(conn.snd_una, begin):], [1400])
    reader.check(sender, want)
    sock.setblocking(False)


@suite.test("memory: net.ipv4.tcp_mem holds, and nothing is lost")
def tcp_limit(net):
    """Over the limit TCP drops what comes if its reader has what to read."""
    memory, made = Memory(), []
    for _ in range(HOARDERS):
        sock, conn, session = established(net, PASSIVE)
        data = b""
        for at in range(40):
            data += session.seal(content(1380, at),
                                 offset=conn.tx_len + len(data))
        made.append((sock, conn, data, conn.snd_nxt))
    usual, before = os.pread(tcp_mem, 100, 0), memory.sockets()
    try:
        os.pwrite(tcp_mem, b"64 128 256", 0)
        for _, conn, data, _ in made:
            Sender(net, conn).fill(data)
        used = memory.sockets() - before
        # somebody reads, although others still hold all there is
        catch_up(net, *made[0])
    finally:
        os.pwrite(tcp_mem, usual, 0)
    # each CPU counts a mebibyte before it adds it to the sum
    limit = (256 << 12) + (os.cpu_count() << 20) + HOARDERS * 3 * 4096
    sent = sum(len(data) for _, _, data, _ in made)
    print("# %d bytes for %d, limit %d" % (used, sent, limit))
    require(used < limit, "%d bytes, limit %d" % (used, limit))
    catch_up(net, *made[1])
    catch_up(net, *made[-1])


if __name__ == "__main__":
    sys.exit(suite.main())
