#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A peer that sends its ciphertext by sendfile() from a read-only file.

Over veth the pages of that file's cache reach the receiver as they are. Who
decrypted in place there, or wrote into them otherwise, would change a file
that he may not even open for writing. The peer is in namespace a, tcpcrypt
in user space (peer.py) over a socket with TCP_ENO_RAW; the module's end is in
namespace b. Runs in the guest.

    readonly.py [REGEX ...]
"""

import ctypes
import errno
import mmap
import os
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import traceback

import peer
from peer import (AES128, AES256, CHACHA, CURVE25519, FINP, TCP_ENO_RAW,
                  TCP_ENO_TRANSCRIPT, TCP_ULP, Failure, Session, equal,
                  require, sysctl)

A, B = "10.9.0.1", "10.9.0.2"
PLAIN_PORT = 8443       # in the default bad_connect_ports
LIMIT = 60              # seconds: no call takes longer
TCP = socket.IPPROTO_TCP
libc = ctypes.CDLL(None, use_errno=True)
noise = random.Random(8548).randbytes(1 << 20)
tests = []


def enter(ns):
    with open("/run/netns/" + ns, encoding="ascii") as f:
        if libc.setns(f.fileno(), 0x40000000):
            raise OSError(ctypes.get_errno(), "setns")


def new_socket(ns):
    enter(ns)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return limited(sock)


def limited(sock):
    """sendfile() and splice() need a socket that blocks."""
    for name in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, name, struct.pack("ll", LIMIT, 0))
    return sock


class Stream:
    """What peer.Session wants of a connection, on a socket."""

    def __init__(self, sock):
        self.sock, self.rx, self.tx_len = sock, bytearray(), 0

    def wait_rx(self, n):
        while len(self.rx) < n:
            part = self.sock.recv(n - len(self.rx))
            require(part, "end-of-file after %d bytes" % len(self.rx))
            self.rx += part

    def send(self, data, size=None):
        self.sock.sendall(data)
        self.tx_len += len(data)


class Raw(Session):
    """The kernel pushes; segments are not seen here."""

    def check_push(self, end):
        pass


class ReadOnly:
    """A file that is written once, and all eyes on it from then on."""

    def __init__(self, content):
        self.path = "/dev/shm/ciphertext"
        self.content = bytes(content)
        if os.path.exists(self.path):
            os.unlink(self.path)
        with open(self.path, "wb") as f:
            f.write(content)
        os.chmod(self.path, 0o444)
        self.fd = os.open(self.path, os.O_RDONLY)
        self.map = mmap.mmap(self.fd, len(content), prot=mmap.PROT_READ)

    def send(self, sock):
        at = 0
        while at < len(self.content):
            at += os.sendfile(sock.fileno(), self.fd, at,
                              len(self.content) - at)

    def check(self):
        now = self.map[:]
        if now != self.content:
            at = next(i for i, x in enumerate(now) if x != self.content[i])
            raise Failure("the file has changed, from byte %d on" % at)
        self.map.close()
        os.close(self.fd)


def pair(role, raw=True, port=0):
    """Connected sockets, the peer's and the module's; role is the peer's."""
    ends = {"peer": new_socket("a"), "kernel": new_socket("b")}
    if raw:
        ends["peer"].setsockopt(TCP, TCP_ULP, b"tcpcrypt")
        ends["peer"].setsockopt(TCP, TCP_ENO_RAW, bytes(
            (CURVE25519,) if role == "A" else (1, CURVE25519)))
    active, passive = (("peer", "kernel") if role == "A" else
                       ("kernel", "peer"))
    ends[passive].bind((B if passive == "kernel" else A, port))
    ends[passive].listen(1)
    ends[active].connect(ends[passive].getsockname())
    listener = ends[passive]
    ends[passive] = limited(listener.accept()[0])
    listener.close()
    return ends["peer"], ends["kernel"]


def agreed(role, cipher=AES128, by_file=False):
    """With keys: the peer's socket, the module's, and the Session."""
    sysctl_in("b", "aeads", peer.AEADS[cipher][0])
    sock, kernel = pair(role)
    transcript = sock.getsockopt(TCP, TCP_ENO_TRANSCRIPT, 256)
    session = Raw(Stream(sock), role, transcript)
    if by_file:
        session.conn.send = send_by_file(session.conn)
    # Host A's first message makes the other end's accept() work
    session.agree()
    return sock, kernel, session


def send_by_file(conn):
    def send(data, size=None):
        file = ReadOnly(data)
        file.send(conn.sock)
        conn.tx_len += len(data)
        conn.file = file
    return send


def sysctl_in(ns, name, value):
    enter(ns)
    sysctl("net.tcpcrypt." + name, value)


class Reader(threading.Thread):
    """The application: reads to the end or an error."""

    def __init__(self, sock, way="recv"):
        super().__init__(daemon=True)
        self.sock, self.way = sock, way
        self.data, self.error = bytearray(), None
        self.start()

    def splice(self):
        r, w = os.pipe()
        try:
            n = os.splice(self.sock.fileno(), w, 65536)
            return os.read(r, n) if n else b""
        finally:
            os.close(r)
            os.close(w)

    def once(self):
        if self.way == "splice":
            return self.splice()
        if self.way == "peek":
            self.sock.recv(4000, socket.MSG_PEEK)
        return self.sock.recv(100 if self.way == "small" else 65536)

    def run(self):
        try:
            while part := self.once():
                self.data += part
        except OSError as error:
            self.error = error.errno

    def result(self):
        self.join(LIMIT)
        require(not self.is_alive(), "the reader hangs")
        return bytes(self.data), self.error


def frames(session, sizes, end=True):
    """Frames of so many bytes of data each; (ciphertext, data)."""
    out, at = [], 0
    offset = session.conn.tx_len
    for size in sizes:
        out.append(session.seal(noise[at:at + size], offset=offset))
        offset += len(out[-1])
        at += size
    if end:
        out.append(session.seal(b"", FINP, offset=offset))
    return out, noise[:at]


def test(name, *args):
    def register(function):
        tests.append((name, function, args))
        return function
    return register


# --- tests -------------------------------------------------------------------

@test("plain TCP: pages of the file arrive, no copies")
def premise():
    """Else nothing that follows would show anything."""
    sock, kernel = pair("A", raw=False, port=PLAIN_PORT)
    file = ReadOnly(noise[:65536])
    file.send(sock)
    kernel.recv(65536, socket.MSG_PEEK | socket.MSG_WAITALL)
    # root may write all the same
    with open(file.path, "r+b") as f:
        f.write(noise[65536:131072])
    got = kernel.recv(65536, socket.MSG_WAITALL)
    equal(got == noise[65536:131072], True, "later content arrived")
    sock.close()
    kernel.close()


SIZES = [("large frames", [65000] * 12), ("frames", [16384] * 40),
         ("small frames", [100] * 400), ("all sizes", list(range(1, 900))),
         ("tiny frames", [1] * 500)]
WAYS = ("recv", "splice", "peek", "small")

for what, lengths in SIZES:
    for how in WAYS:
        @test("%s, read by %s" % (what, how), lengths, how)
        def valid(sizes, way):
            for role in "AB":
                sock, kernel, session = agreed(role)
                content, data = frames(session, sizes)
                file = ReadOnly(b"".join(content))
                reader = Reader(kernel, way)
                file.send(sock)
                got, error = reader.result()
                equal((error, got == data), (None, True), "errno, data")
                file.check()
                sock.close()
                kernel.close()

for aead in (AES128, AES256, CHACHA):
    @test("the other end has read nothing yet, %s" % peer.AEADS[aead][0],
          aead)
    def unread(cipher):
        sock, kernel, session = agreed("A", cipher)
        content, data = frames(session, [3000] * 10)
        file = ReadOnly(b"".join(content))
        file.send(sock)
        kernel.recv(30000, socket.MSG_PEEK)
        got, error = Reader(kernel).result()
        equal((error, got == data), (None, True), "errno, data")
        file.check()
        sock.close()
        kernel.close()


def spoil_tag(content):
    content[3][-1] ^= 1


def spoil_data(content):
    content[3][len(content[3]) // 2] ^= 0x80


def spoil_control(content):
    content[3][0] |= 0x40


def spoil_rekey(content):
    content[3][0] |= 1


def spoil_length(content):
    content[3][1:3] = struct.pack("!H", 5)


def cut_off(content):
    del content[3][-7:]
    del content[4:]


BROKEN = [("a wrong tag", spoil_tag, errno.EBADMSG),
          ("wrong data", spoil_data, errno.EBADMSG),
          ("reserved control bits", spoil_control, None),
          ("rekey of another key", spoil_rekey, errno.EBADMSG),
          ("an impossible length", spoil_length, errno.EPROTO),
          ("an end in the middle", cut_off, errno.ECONNRESET)]

for what, spoiler, wanted in BROKEN:
    for length in (65000, 5000, 60):
        @test("%s, frames of %d" % (what, length), spoiler, wanted, length)
        def broken(spoil, want, size):
            for role in "AB":
                sock, kernel, session = agreed(role)
                content, data = frames(session, [size] * 6)
                content = [bytearray(c) for c in content]
                spoil(content)
                file = ReadOnly(b"".join(content))
                reader = Reader(kernel)
                try:
                    file.send(sock)
                    sock.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                got, error = reader.result()
                require(error, "no error")
                equal(error, want or error, "errno")
                equal(got, data[:len(got)], "what was read before")
                require(len(got) <= 3 * size, "data of the broken frame")
                file.check()
                sock.close()
                kernel.close()


@test("the key agreement too, in both roles")
def by_file():
    for role in "AB":
        sock, kernel, session = agreed(role, by_file=True)
        session.conn.file.check()
        content, data = frames(session, [1000] * 3)
        file = ReadOnly(b"".join(content))
        reader = Reader(kernel)
        file.send(sock)
        equal(reader.result(), (data, None), "data, errno")
        file.check()
        sock.close()
        kernel.close()


@test("an Init1 that is none")
def bad_init():
    sock, kernel = pair("A")
    file = ReadOnly(noise[:9000])
    reader = Reader(kernel)
    try:
        file.send(sock)
    except OSError:
        pass
    equal(reader.result(), (b"", errno.EPROTO), "data, errno")
    file.check()
    sock.close()
    kernel.close()


@test("closed with all of it unread")
def closed():
    sock, kernel, session = agreed("A")
    content, _ = frames(session, [5000] * 8)
    file = ReadOnly(b"".join(content))
    file.send(sock)
    kernel.recv(1)
    kernel.close()
    try:
        while sock.recv(65536):
            pass
    except OSError as error:
        equal(error.errno, errno.ECONNRESET, "errno")
    file.check()
    sock.close()


def make_hosts():
    subprocess.run(["bash", "-c", ". %s/lib/net.sh; make_hosts &&"
                    "rm -r $TESTDIR" % peer.HERE], check=True)
    for ns in "ab":
        for name, value in (("teps", "Curve25519"), ("cache_max", 0),
                            ("broken_time", 0)):
            sysctl_in(ns, name, value)


def run_one(function, args):
    try:
        function(*args)
        return True
    except (Failure, OSError) as error:
        print("# %s" % error)
        for frame in traceback.extract_tb(error.__traceback__):
            print("# line %d: %s" % (frame.lineno, frame.line))
        return False


def main():
    chosen = [t for t in tests if not sys.argv[1:] or
              any(re.search(a, t[0]) for a in sys.argv[1:])]
    make_hosts()
    print("KTAP version 1\n1..%d" % len(chosen))
    failed = 0
    for number, (name, function, args) in enumerate(chosen, 1):
        good = run_one(function, args)
        failed += not good
        print("%sok %d %s" % ("" if good else "not ", number, name),
              flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
