#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""RFC 8548 on the wire: our kernel against a peer in user space.

    crypt.py [REGEX ...]    in a guest with the module

Names begin with the section of RFC 8548 that asks for what is tested.
"active": our kernel connects and is host A; "passive": it listens and is
host B. After each test nothing that the kernel sent may contain what an
application wrote.
"""

import errno
import fcntl
import os
import random
import select
import signal
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
from peer import (ACK, AEADS, AES128, AES256, CHACHA, CURVE25519, DEADLINE,
                  FIN, FINP, MAPPED, PSH, RST, TCP_CRYPT_INFO,
                  TCP_ENO_NEGSPEC, TCP_ENO_ROLE, TCP_ENO_SESSID,
                  TCP_ENO_TRANSCRIPT, URG, V4, V6, Conn, Session, Suite,
                  Sysctl, add, checksum, counters, eno, equal,
                  int_option, kernel_state, option, require)

SYN_ENO = eno(CURVE25519)
SYNACK_ENO = eno(0x01, CURVE25519)
ACTIVE, PASSIVE = "active", "passive"
ROLES = (ACTIVE, PASSIVE)
SO_OOBINLINE = (socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
TIMEOUT = "net.tcpcrypt.handshake_timeout"

suite = Suite()
nonces = set()


def secret(n):
    """What applications of the kernel write; never to be seen."""
    return (b"PlainSecret-" * (n // 12 + 1))[:n]


def content(n):
    """What the peer writes."""
    return (bytes(range(251)) * (n // 251 + 1))[:n]


def no_plaintext(net):
    for conn in net.conns:
        require(b"PlainSecret" not in conn.rx, "plaintext on the wire")
        for seg in conn.segs:
            require(b"PlainSecret" not in seg.payload,
                    "plaintext on the wire: %s" % seg)


suite.after = no_plaintext


def both(name, *args):
    """The test runs with our kernel as client and as server."""
    def register(function):
        section, _, rest = name.partition(" ")
        for role in ROLES:
            suite.test("%s %s: %s" % (section, role, rest), role,
                       *args)(function)
        return function
    return register


def negotiate(net, role, family=V4, options=(), early=b"", **kwargs):
    """ENO has succeeded, keys are not agreed yet."""
    conn = Conn(net, family, **kwargs)
    if role == ACTIVE:
        sock = net.connect(conn, family, options)
        equal(conn.wait_syn().eno(), [SYN_ENO], "ENO of the SYN")
        conn.answer(SYNACK_ENO)
        net.connected(sock)
        session = Session(conn, "B", SYN_ENO + SYNACK_ENO)
    else:
        listener = net.listen(family, options)
        conn.open(listener.getsockname()[1], SYN_ENO)
        equal(conn.wait_syn().eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
        conn.bare = True
        conn.ack()
        sock = net.accept(listener)
        net.close(listener)
        session = Session(conn, "A", SYN_ENO + SYNACK_ENO)
    if early:
        sock.send(early)
    return sock, conn, session


def established(net, role, family=V4, options=(), cipher=None, **kwargs):
    """Keys are agreed."""
    sock, conn, session = negotiate(net, role, family, options, **kwargs)
    session.agree(cipher)
    return sock, conn, session


def exchange(net, sock, session, n=100):
    """n bytes in both directions."""
    session.send(content(n))
    equal(net.recv_exact(sock, n), content(n), "what recv() got")
    net.send(sock, secret(n))
    equal(session.read(n), secret(n), "what the peer got")


def finish(net, sock, conn, session, first=True):
    """An orderly end; first: our kernel closes first."""
    if not first:
        session.send(flags=FINP)
        conn.close()
        equal(net.recv(sock), b"", "end-of-file")
    sock.shutdown(socket.SHUT_WR)
    equal(session.read_fin(), b"", "data in the last frame")
    conn.wait_fin()
    equal(session.rx_at, len(conn.rx), "length of the stream, up to FINp")
    if first:
        session.send(flags=FINP)
        conn.close()
        equal(net.recv(sock), b"", "end-of-file")
    conn.wait_acked()
    net.close(sock)
    net.rest(0.02)
    require(not conn.rst, "reset after an orderly end")


def ends(net, sock, conn, error, data=b""):
    """The application gets data, then error, again and again; RST is sent.

    data None: whatever was authentic."""
    got, number = net.recv_end(sock)
    equal(errno.errorcode.get(number, "EOF"), errno.errorcode[error],
          "error of recv()")
    if data is not None:
        equal(got, data, "data before the error")
    conn.wait_rst()
    equal(net.recv_end(sock), (b"", error), "the next recv()")


# --- key exchange, data, end -----------------------------------------------

def whole(net, role, family, cipher, first):
    others = [c for c in (CHACHA, AES256, AES128) if c != cipher]
    names = [AEADS[c][0] for c in [cipher] + others]
    with Sysctl("net.tcpcrypt.aeads", " ".join(names)):
        sock, conn, session = negotiate(net, role, family)
        equal(option(sock, TCP_ENO_SESSID), -errno.EINPROGRESS,
              "TCP_ENO_SESSID during the key exchange")
        equal(option(sock, TCP_ENO_TRANSCRIPT), SYN_ENO + SYNACK_ENO,
              "TCP_ENO_TRANSCRIPT")
        equal(int_option(sock, TCP_ENO_ROLE), 0 if role == ACTIVE else 1,
              "TCP_ENO_ROLE")
        equal(int_option(sock, TCP_ENO_NEGSPEC), CURVE25519,
              "TCP_ENO_NEGSPEC")
        session.agree()
    if role == ACTIVE:
        equal(session.offered, tuple([cipher] + others), "ciphers in Init1")
    equal(session.cipher, cipher, "cipher")
    for nonce in (session.peer_init[-64:-32], session.peer_init[-32:]):
        require(nonce not in nonces, "nonce or public key used again")
        nonces.add(nonce)
    for n in (1, 100, 3000, 20000):
        exchange(net, sock, session, n)
    equal(option(sock, TCP_ENO_SESSID), session.session_id, "session ID")
    conn.wait_acked()
    info = struct.unpack("=BBBBHHQQ", option(sock, TCP_CRYPT_INFO)[:24])
    equal(info[1:3], (CURVE25519, 0 if role == ACTIVE else 1),
          "TEP and role of TCP_CRYPT_INFO")
    equal(info[4:], (cipher, 0, len(conn.rx), conn.tx_len),
          "AEAD, error and offsets of TCP_CRYPT_INFO")
    finish(net, sock, conn, session, first)


for aead in (AES128, AES256, CHACHA):
    for fam in (V4, V6, MAPPED) if aead == CHACHA else (V4,):
        both("3.3 whole connection with %s, %s" % (AEADS[aead][0], fam),
             fam, aead, aead != AES256)(whole)


@suite.test("3.3 active: host B's choice counts, not the order of the offer")
def choice(net):
    sock, _, session = established(net, ACTIVE, cipher=CHACHA)
    equal(session.cipher, CHACHA, "cipher")
    exchange(net, sock, session)


@suite.test("3.3 passive: the only cipher of Init1 is taken")
def only_cipher(net):
    sock, conn, session = negotiate(net, PASSIVE)
    session.agree(ciphers=(0x7777, CHACHA, 0xffff))
    equal(session.cipher, CHACHA, "cipher")
    exchange(net, sock, session)


@suite.test("4.1 passive: Init1 with 255 ciphers")
def many_ciphers(net):
    sock, conn, session = negotiate(net, PASSIVE)
    session.agree(ciphers=tuple(range(0x1000, 0x10fe)) + (AES256,))
    equal(session.cipher, AES256, "cipher")
    exchange(net, sock, session)


@both("4.1 ignored bytes after the public key, 1", 1)
@both("4.1 ignored bytes after the public key, 3000", 3000)
def ignored_bytes(net, role, n):
    sock, _, session = negotiate(net, role)
    session.agree(ignored=content(n))
    exchange(net, sock, session)


@both("3.3 Init message in segments of one byte")
def init_bytewise(net, role):
    sock, _, session = negotiate(net, role)
    session.agree(size=1)
    exchange(net, sock, session)


@both("3.3 without timestamps, sequence numbers wrap")
def wrap(net, role):
    sock, conn, session = established(net, role, ts=False,
                                      isn=0xffffff80)
    exchange(net, sock, session, 3000)
    finish(net, sock, conn, session)


@suite.test("3.3 active: frames right behind Init2, in its segment")
def frames_behind_init2(net):
    sock, conn, session = negotiate(net, ACTIVE)
    init1 = session.read_init1()
    init2 = session.init2(AES128)
    session.derive(init1, init2)
    frame = session.seal(content(100), offset=len(init2))
    last = session.seal(content(50), FINP, offset=len(init2) + len(frame))
    conn.send(init2 + frame + last)
    conn.close()
    equal(net.recv_end(sock), (content(100) + content(50), 0),
          "what recv() got")
    net.send(sock, secret(100))
    equal(session.read(100), secret(100), "what the peer got")
    sock.shutdown(socket.SHUT_WR)
    equal(session.read_fin(), b"", "data in the last frame")


@suite.test("3.3 active: Init2, frames, FINp and FIN at once, a busy reader")
def all_at_once(net):
    for _ in range(8):
        sock, conn, session = negotiate(net, ACTIVE)
        init1 = session.read_init1()
        init2 = session.init2(AES128)
        session.derive(init1, init2)
        frame = session.seal(content(100), FINP, offset=len(init2))
        conn.output(FIN | PSH | ACK, init2 + frame)
        conn.snd_nxt = add(conn.snd_nxt, len(init2 + frame) + 1)
        end, got = time.monotonic() + DEADLINE, None
        while got is None and time.monotonic() < end:
            try:
                got = sock.recv(1000)
            except BlockingIOError:
                pass
        equal(got, content(100), "what recv() got")
        equal(net.recv(sock), b"", "end-of-file")
        conn.reset()


@suite.test("3.3 passive: Init1 and FIN at once: ECONNRESET, no data lost "
            "before")
def init1_fin(net):
    sock, conn, session = negotiate(net, PASSIVE)
    conn.output(FIN | PSH | ACK, session.init1())
    equal(net.recv_end(sock), (b"", errno.ECONNRESET), "recv()")


@both("3.3 what is written before keys exist waits")
def early_write(net, role):
    sock, conn, session = negotiate(net, role, early=secret(5000))
    net.rest(0.1)
    require(len(conn.rx) in (0, 79), "%d bytes before keys exist" %
            len(conn.rx))
    session.agree()
    equal(session.read(5000), secret(5000), "what the peer got")
    exchange(net, sock, session)
    finish(net, sock, conn, session)


@both("3.7 close() before keys exist loses nothing")
def early_close(net, role):
    sock, conn, session = negotiate(net, role, early=secret(5000))
    net.close(sock)
    session.agree()
    equal(session.read_fin(), secret(5000), "what the peer got")
    conn.wait_fin()
    session.send(flags=FINP)
    conn.close()
    conn.wait_acked()
    require(not conn.rst, "reset")


@both("3.6 the same bytes are sent again")
def again(net, role):
    sock, conn, session = established(net, role)
    exchange(net, sock, session)
    conn.auto_ack = False
    count = len(conn.segs)
    net.send(sock, secret(1000))
    # Conn checks that what comes again is the same.
    net.wait(lambda: len([s for s in conn.segs[count:] if s.payload]) >= 3,
             "retransmissions")
    conn.auto_ack = True
    conn.ack()
    equal(session.read(1000), secret(1000), "what the peer got")
    exchange(net, sock, session)


@both("3.6 a peer with a window of 1500 bytes")
def small_window(net, role):
    sock, conn, session = established(net, role, win=1500, scale=None)
    view = secret(20000)
    net.send(sock, view)
    equal(session.read(len(view)), view, "what the peer got")
    finish(net, sock, conn, session)


@both("3.6 segments out of order")
def out_of_order(net, role):
    sock, conn, session = established(net, role)
    data = session.seal(content(3000))
    parts = [data[i:i + 500] for i in range(0, len(data), 500)]
    for i in (3, 1, 5, 2, 6, 4, 0, 0):
        conn.output(ACK, parts[i], seq=add(conn.snd_nxt, 500 * i))
    conn.snd_nxt = add(conn.snd_nxt, len(data))
    conn.tx_len += len(data)
    equal(net.recv_exact(sock, 3000), content(3000), "what recv() got")
    exchange(net, sock, session)


@both("3.3 a peer with an MSS of 64: PSH on the last segment of Init", True)
@both("3.3 the same without timestamps", False)
def small_mss(net, role, ts):
    sock, conn, session = established(net, role, mss=64, ts=ts)
    require(max(len(s.payload) for s in conn.segs) <= 64, "MSS")
    exchange(net, sock, session, 1000)
    require(max(len(s.payload) for s in conn.segs) <= 64, "MSS")
    finish(net, sock, conn, session)


@both("3.3 a peer with a window of 40 bytes during the key exchange", 40)
@both("3.3 a peer with a window of 0 bytes during the key exchange", 0)
def init_window(net, role, win):
    sock, conn, session = negotiate(net, role, win=win, scale=None)
    net.rest(0.3)
    require(all(len(s.payload) <= max(win, 1) for s in conn.segs),
            "more than the peer's window")
    if not win:
        conn.win = 65535
        conn.ack()
    session.agree()
    conn.win = 65535
    exchange(net, sock, session)


@suite.test("3.3 passive: PSH on the end of Init2, data waits behind it")
def push_before_data(net):
    sock, conn, session = negotiate(net, PASSIVE, win=0, scale=None,
                                    early=secret(3000))
    own = session.init1()
    conn.send(own)
    conn.wait_acked()
    net.rest(0.3)
    equal(bytes(conn.rx), b"", "stream into a closed window")
    conn.win = 65535
    conn.ack()
    session.derive(own, session.read_init2())   # checks PSH
    equal(session.read(3000), secret(3000), "what the peer got")


@both("3.6 the reader pauses, the window closes and opens")
def pause(net, role):
    sock, conn, session = established(
        net, role, options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 20000)])
    data = session.seal_many(*[(content(1000), 0)] * 100)
    sent = 0
    # until nothing more goes in
    while sent < len(data):
        net.rest(0.05)
        n = min(conn.room(), len(data) - sent)
        if n <= 0:
            break
        conn.send(data[sent:sent + n])
        sent += n
    require(sent < len(data), "100 kB went into a buffer of 40 kB")
    got = b""
    while len(got) < 100000:
        if sent < len(data) and conn.room() > 0:
            n = min(conn.room(), len(data) - sent)
            conn.send(data[sent:sent + n])
            sent += n
        try:
            got += sock.recv(3000)
        except BlockingIOError:
            net.pump(0.01)
    equal(got, content(1000) * 100, "what recv() got")
    exchange(net, sock, session)


def icmp(conn, kind, code, value, quoted):
    """ICMP or ICMPv6 about a packet of the kernel's."""
    body = struct.pack("!BBHI", kind, code, 0, value) + quoted
    if len(conn.src) == 16:
        check = checksum(conn.src + conn.dst +
                         struct.pack("!II", len(body), 58) + body)
        ip = struct.pack("!IHBB", 6 << 28, len(body), 58, 64)
    else:
        check = checksum(body)
        ip = struct.pack("!BBHHHBB", 0x45, 0, 20 + len(body), 0, 0, 64, 1)
        ip += struct.pack("!H", checksum(ip + conn.src + conn.dst))
    return (ip + conn.src + conn.dst + body[:2] + struct.pack("!H", check) +
            body[4:])


@both("3.3 a route with an MTU of 600 without timestamps")
def small_mtu(net, role):
    sock, conn, session = established(net, role, ts=False)
    count = len(conn.segs)
    conn.auto_ack = False
    net.send(sock, secret(3000))
    first = conn.wait_seg("data", lambda s: s.payload, count)
    # fragmentation needed
    net.write(icmp(conn, 3, 4, 600, first.packet[:28]))
    conn.wait_seg("a shorter segment again", lambda s: s.seq == first.seq and
                  len(s.packet) <= 600, count)
    conn.auto_ack = True
    conn.ack()
    equal(session.read(3000), secret(3000), "what the peer got")
    count = len(conn.segs)
    exchange(net, sock, session, 3000)
    require(max(len(s.packet) for s in conn.segs[count:]) <= 600,
            "packets larger than the MTU")


# IP_RECVERR, IPV6_RECVERR: what ICMP says is the application's to know, once,
# and as with plain TCP the connection goes on.
RECVERR = {V4: (socket.IPPROTO_IP, 11, 1), V6: (socket.IPPROTO_IPV6, 25, 1)}


def unreachable(conn):
    """ICMP: no way to the peer, for a segment like the kernel's last."""
    at = 20 if len(conn.src) == 4 else 40
    quoted = conn.segs[-1].packet[:at + 4] + struct.pack("!I", conn.rcv_nxt)
    kind, code = (3, 1) if len(conn.src) == 4 else (1, 3)
    return icmp(conn, kind, code, 0, quoted)


def told_once(sock):
    """The application gets the error."""
    errors = [sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
              for _ in range(2)]
    equal(errors, [errno.EHOSTUNREACH, 0], "SO_ERROR")


def icmp_keying(net, role, family):
    conn = Conn(net, family)
    if role == ACTIVE:
        sock = net.connect(conn, family, [RECVERR[family]])
        conn.wait_syn()
        message = unreachable(conn)
        conn.answer(SYNACK_ENO)
        # Init1 comes a moment later
        net.write(message)
        session = Session(conn, "B", SYN_ENO + SYNACK_ENO)
    else:
        listener = net.listen(family, [RECVERR[family]])
        conn.open(listener.getsockname()[1], SYN_ENO)
        conn.wait_syn()
        conn.bare = True
        conn.ack()
        session = Session(conn, "A", SYN_ENO + SYNACK_ENO)
        # Init2 comes after accept()
        net.write(unreachable(conn))
        sock = net.accept(listener)
    session.agree()
    told_once(sock)
    exchange(net, sock, session)


def icmp_waiting(net, role, family, closes):
    """Data that TCP had no room for leaves though nobody asks."""
    sock, conn, session = established(
        net, role, family, [RECVERR[family],
                            (socket.SOL_SOCKET, socket.SO_SNDBUF, 10000)])
    exchange(net, sock, session)
    conn.auto_ack = False
    sent = 0
    try:
        while sent < 200000:
            sent += sock.send(secret(1000))
            net.pump(0)
    except BlockingIOError:
        pass
    require(sent < 200000, "no end of room")
    net.write(unreachable(conn))
    equal(net.readable(sock) & select.POLLERR, select.POLLERR, "poll()")
    if closes:
        net.close(sock)
    conn.auto_ack = True
    conn.ack()
    data = session.read_fin() if closes else session.read(sent)
    equal(len(data), sent, "bytes that the peer got")
    if not closes:
        told_once(sock)
        exchange(net, sock, session)


for fam in (V4, V6):
    both("3.3 ICMP before Init, %s: IP_RECVERR hears of it" % fam,
         fam)(icmp_keying)
    both("3.6 ICMP while data waits, %s: IP_RECVERR hears of it" % fam,
         fam, False)(icmp_waiting)
    both("3.6 ICMP while data waits, %s: close() loses none" % fam,
         fam, True)(icmp_waiting)


def mangle(rng, conn, data):
    """Segments of data: any size, some twice, some out of order, some URG."""
    parts, at = [], 0
    while at < len(data):
        n = rng.choice((1, 2, 3, 19, 100, 536, 1400))
        parts.append((at, data[at:at + n]))
        at += n
    queue = []
    for i, part in enumerate(parts):
        queue.append((i + rng.random() * 4, part))
        if rng.random() < 0.1:
            queue.append((i + rng.random() * 20, part))
        if rng.random() < 0.1:
            start = max(0, part[0] - 30)
            queue.append((i + rng.random() * 9,
                          (start, data[start:part[0] + 50])))
    for _, (at, part) in sorted(queue):
        urg = rng.random() < 0.1
        conn.output(ACK | PSH | (URG if urg else 0), part,
                    seq=add(conn.snd_nxt, at),
                    urg=rng.randrange(2000) if urg else 0)
    conn.snd_nxt = add(conn.snd_nxt, len(data))
    conn.tx_len += len(data)


@both("3.6 random frames, segments repeated, overlapping, out of order", 1)
@both("3.6 the same with other random numbers", 2)
def random_segments(net, role, seed):
    rng = random.Random("%s %d" % (role, seed))
    sock, conn, session = negotiate(net, role)
    if role == PASSIVE:
        own = session.init1()
        mangle(rng, conn, own)
        session.derive(own, session.read_init2())
    else:
        init1 = session.read_init1()
        own = session.init2(AES128)
        session.derive(init1, own)
        mangle(rng, conn, own)
    for _ in range(6):
        sizes = [rng.choice((0, 0, 1, 2, 3, 50, 900, 4000))
                 for _ in range(12)]
        frames = [content(n) for n in sizes]
        want = b"".join(frames)
        mangle(rng, conn, session.seal_many(*((f, 0) for f in frames)))
        equal(net.recv_exact(sock, len(want)), want, "what recv() got")
        conn.wait_acked()
    exchange(net, sock, session)
    finish(net, sock, conn, session)


# --- frames ----------------------------------------------------------------

@both("4.2 frames in segments of one byte")
def frame_bytewise(net, role):
    sock, conn, session = established(net, role)
    data = session.seal_many((content(30), 0), (b"", 0), (b"x", 0),
                             (content(5), 0))
    conn.send(data, 1)
    want = content(30) + b"x" + content(5)
    equal(net.recv_exact(sock, len(want)), want, "what recv() got")
    finish(net, sock, conn, session)


@both("4.2 many frames in a segment")
def many_frames(net, role):
    sock, conn, session = established(net, role)
    sizes = [0, 1, 2, 3, 4, 17, 0, 0, 100, 5, 0]
    conn.send(session.seal_many(*((content(n), 0) for n in sizes)))
    want = b"".join(content(n) for n in sizes)
    equal(net.recv_exact(sock, len(want)), want, "what recv() got")
    exchange(net, sock, session)


@both("4.2 the largest frame, clen 65535")
def largest(net, role):
    sock, conn, session = established(net, role)
    n = 65535 - 16 - 1
    session.send(content(n))
    equal(net.recv_exact(sock, n), content(n), "what recv() got")
    finish(net, sock, conn, session)


@both("3.6 a frame of 60,000 bytes and SO_RCVBUF 4096")
def small_rcvbuf(net, role):
    sock, conn, session = established(
        net, role, options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)])
    for _ in range(2):
        session.send(content(60000))
        equal(net.recv_exact(sock, 60000), content(60000),
              "what recv() got")
    exchange(net, sock, session, 1000)
    finish(net, sock, conn, session)


@both("3.6 many small frames and SO_RCVBUF 4096, read later")
def small_frames(net, role):
    sock, conn, session = established(
        net, role, options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)])
    data = session.seal_many(*[(content(50), 0)] * 200)
    got = b""
    for at in range(0, len(data), 700):
        part = data[at:at + 700]
        while conn.room() < len(part):
            net.pump(0.005)
            try:
                got += sock.recv(300)
            except BlockingIOError:
                pass
        conn.send(part)
    got += net.recv_exact(sock, 10000 - len(got))
    equal(got, content(50) * 200, "what recv() got")


def quiet(net, sock, conn):
    """Everything has arrived, and there is nothing to read."""
    conn.wait_acked()
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        net.pump(0.01)
        equal(net.readable(sock), 0, "poll()")
    try:
        sock.recv(1)
    except BlockingIOError:
        return
    require(False, "recv() returned")


@both("4.2.1 a frame without data does not make poll() report")
def empty_frame(net, role):
    sock, conn, session = established(net, role, options=[SO_OOBINLINE])
    quiet(net, sock, conn)
    session.send()
    quiet(net, sock, conn)
    conn.send(session.seal_many((b"", 0), (b"", 0), (b"", 0)))
    quiet(net, sock, conn)
    # an empty one with an urgent field, and three bytes of data
    session.send(urgent=7)
    quiet(net, sock, conn)
    session.send(b"abc")
    net.wait(lambda: net.readable(sock) & select.POLLIN, "poll()")
    equal(net.recv(sock), b"abc", "what recv() got")
    quiet(net, sock, conn)
    exchange(net, sock, session)


@both("4.2.1 half a frame does not make poll() report")
def half_frame(net, role):
    sock, conn, session = established(net, role)
    frame = session.seal(content(500))
    conn.send(frame[:-1])
    quiet(net, sock, conn)
    conn.send(frame[-1:])
    net.wait(lambda: net.readable(sock) & select.POLLIN, "poll()")
    equal(sock.recv(1000), content(500), "what recv() got at once")


@both("4.2 reserved bits of the control byte are ignored")
def cres(net, role):
    sock, _, session = established(net, role)
    session.send(content(100), control=0xfe)
    session.send(content(100), control=0x80)
    equal(net.recv_exact(sock, 200), content(100) * 2, "what recv() got")
    exchange(net, sock, session)


@both("4.2.1 reserved bits of the flags byte are ignored")
def fres(net, role):
    sock, conn, session = established(net, role)
    session.send(content(100), flags=0xfc)
    session.send(content(100), flags=0x04)
    equal(net.recv_exact(sock, 200), content(100) * 2, "what recv() got")
    session.send(content(10), flags=0xfd)
    equal(net.recv_end(sock), (content(10), 0), "what recv() got")


@both("4.2.1 the urgent field is no data")
def urgent_field(net, role):
    sock, conn, session = established(net, role, options=[SO_OOBINLINE])
    session.send(content(100), urgent=50)
    session.send(b"z", urgent=0xffff)
    equal(net.recv_exact(sock, 101), content(100) + b"z", "what recv() got")
    exchange(net, sock, session)


for how in ([], [SO_OOBINLINE]):
    for pointer in (0, 1, 2, 40, 1000, 65535):
        @both("3.7 URG and urgent pointer %d in every segment%s" % (
            pointer, ", SO_OOBINLINE" if how else ""), how, pointer)
        def urg_bits(net, role, options, pointer):
            sock, conn, session = negotiate(net, role, options=options)
            session.agree(size=20, urg=pointer)
            for n in (1, 100, 1500):
                conn.send(session.seal(content(n)), 37, URG, pointer)
                equal(net.recv_exact(sock, n), content(n),
                      "what recv() got")
            conn.send(session.seal(b"", FINP), flags=URG, urg=pointer)
            conn.output(FIN | ACK | URG, urg=pointer)
            conn.snd_nxt = add(conn.snd_nxt, 1)
            equal(net.recv(sock), b"", "end-of-file")
            net.send(sock, secret(100))
            equal(session.read(100), secret(100), "what the peer got")


@both("3.7 URG raises no SIGURG", False)
@both("3.7 URG raises no SIGURG, nor with a packet tap", True)
def no_sigurg(net, role, tapped):
    raised = []
    signal.signal(signal.SIGURG, lambda *args: raised.append(1))
    sock, conn, session = negotiate(net, role)
    fcntl.fcntl(sock, fcntl.F_SETOWN, os.getpid())
    tap = None
    if tapped:
        # its copies share their headers with what TCP gets
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                            socket.htons(0x0800))
        tap.settimeout(DEADLINE)
    cleared = int(counters()["UrgentCleared"])
    session.agree(urg=1)
    conn.output(ACK | URG, urg=1)
    conn.send(session.seal(content(100)), flags=URG, urg=50)
    sent = conn.sent[-1]
    equal(net.recv_exact(sock, 100), content(100), "what recv() got")
    conn.output(ACK | URG, urg=40)
    exchange(net, sock, session)
    require(int(counters()["UrgentCleared"]) >= cleared + 4,
            "UrgentCleared: from %d to %s" % (
                cleared, counters()["UrgentCleared"]))
    equal(raised, [], "SIGURG")
    if tapped:
        while tap.recv(65536) != sent.packet:
            pass
        tap.close()


# --- the end of the stream -------------------------------------------------

@both("3.7 FINp without TCP's FIN is the end-of-file at once")
def finp_alone(net, role):
    sock, conn, session = established(net, role)
    quiet(net, sock, conn)
    session.send(flags=FINP)
    net.wait(lambda: net.readable(sock) & select.POLLIN, "poll()")
    require(net.readable(sock) & select.POLLRDHUP, "no POLLRDHUP")
    equal(net.recv(sock), b"", "recv()")
    equal(net.recv(sock), b"", "recv() once more")
    # the other direction is open as before
    net.send(sock, secret(3000))
    equal(session.read(3000), secret(3000), "what the peer got")
    conn.close()
    sock.shutdown(socket.SHUT_WR)
    equal(session.read_fin(), b"", "data in the last frame")
    conn.wait_fin()
    conn.wait_acked()
    require(not conn.rst, "reset")


@both("3.7 a frame with FINp and data gives data, then end-of-file")
def finp_data(net, role):
    sock, conn, session = established(net, role)
    session.send(content(1000))
    session.send(content(500), FINP)
    conn.close()
    equal(net.recv_end(sock), (content(1000) + content(500), 0),
          "what recv() got")
    sock.shutdown(socket.SHUT_WR)
    session.read_fin()
    conn.wait_fin()
    require(not conn.rst, "reset")


@both("3.7 our FINp stands in the last frame, TCP's FIN follows")
def own_finp(net, role):
    sock, conn, session = established(net, role)
    net.send(sock, secret(5000))
    sock.shutdown(socket.SHUT_WR)
    equal(session.read_fin(), secret(5000), "what the peer got")
    conn.wait_fin()
    equal(session.rx_at, len(conn.rx), "length of the stream, up to FINp")
    # half-closed: the peer goes on
    session.send(content(3000))
    equal(net.recv_exact(sock, 3000), content(3000), "what recv() got")
    session.send(flags=FINP)
    conn.close()
    equal(net.recv(sock), b"", "end-of-file")
    conn.wait_acked()
    require(not conn.rst, "reset")


@both("3.7 close() sends FINp; the peer's FINp is no reason for a reset",
      True)
@both("3.7 close() after the peer's FINp, not read", False)
def close_order(net, role, first):
    sock, conn, session = established(net, role)
    exchange(net, sock, session)
    if not first:
        session.send(flags=FINP)
        conn.close()
        conn.wait_acked()
    net.close(sock)
    equal(session.read_fin(), b"", "data in the last frame")
    conn.wait_fin()
    if first:
        session.send(flags=FINP)
        conn.close()
        conn.wait_acked()
    net.rest(0.05)
    require(not conn.rst, "reset")


@both("3.7 both ends close at once")
def close_at_once(net, role):
    sock, conn, session = established(net, role)
    exchange(net, sock, session)
    conn.auto_ack = False
    session.send(flags=FINP)
    sock.shutdown(socket.SHUT_WR)
    equal(session.read_fin(), b"", "data in the last frame")
    net.wait(lambda: conn.fin, "TCP's FIN")
    conn.output(FIN | ACK, ack=add(conn.rcv_nxt, -len(conn.rx)))
    conn.snd_nxt = add(conn.snd_nxt, 1)
    conn.ack()
    conn.wait_acked()
    equal(net.recv(sock), b"", "end-of-file")
    net.close(sock)
    net.rest(0.05)
    require(not conn.rst, "reset")


@both("3.7 FINp and TCP's FIN in one segment, with data")
def one_segment(net, role):
    sock, conn, session = established(net, role)
    data = session.seal_many((content(300), 0), (content(20), FINP))
    conn.output(FIN | PSH | ACK, data)
    conn.snd_nxt = add(conn.snd_nxt, len(data) + 1)
    equal(net.recv_end(sock), (content(300) + content(20), 0),
          "what recv() got")
    net.send(sock, secret(500))
    net.close(sock)
    equal(session.read_fin(), secret(500), "what the peer got")
    conn.wait_fin()
    net.rest(0.05)
    require(not conn.rst, "reset")


@both("3.7 after close(): late empty frames and FINp, twice: no reset")
def late_finp(net, role):
    sock, conn, session = established(net, role)
    exchange(net, sock, session)
    net.close(sock)
    session.read_fin()
    conn.wait_fin()
    net.rest(0.3)
    conn.send(session.seal_many((b"", 0), (b"", 0)))
    conn.wait_acked()
    at = conn.snd_nxt
    last = session.seal(flags=FINP)
    conn.send(last)
    conn.close()
    conn.wait_acked()
    equal(kernel_state(conn), "06", "state (TIME_WAIT)")
    count = len(conn.segs)
    conn.output(FIN | PSH | ACK, last, seq=at)
    conn.wait_seg("an answer to the repetition", lambda s: True, count)
    require(not conn.rst, "reset")


@both("3.7 after close(): data is answered with a reset, as in TCP")
def late_data(net, role):
    sock, conn, session = established(net, role)
    net.close(sock)
    session.read_fin()
    conn.wait_fin()
    session.send(content(100))
    conn.wait_rst()
    net.wait(lambda: kernel_state(conn) is None, "the socket's end")


@both("3.7 after close(): TCP's FIN without FINp ends it")
def late_fin(net, role):
    sock, conn, session = established(net, role)
    net.close(sock)
    session.read_fin()
    conn.wait_fin()
    conn.close()
    net.wait(lambda: kernel_state(conn) in (None, "06"), "the socket's end")


@both("3.7 close() with unread data: a reset, as in TCP")
def close_unread(net, role):
    sock, conn, session = established(net, role)
    session.send(content(100))
    conn.wait_acked()
    net.wait(lambda: net.readable(sock), "poll()")
    net.close(sock)
    conn.wait_rst()
    net.wait(lambda: kernel_state(conn) is None, "the socket's end")


@suite.test("3.3 passive: RST before accept(): ECONNRESET")
def rst_before_accept(net):
    sock, conn, _ = unaccepted(net)
    conn.output(RST | ACK)
    net.rest(0.05)
    sock = net.accept(sock)
    equal(net.recv_end(sock), (b"", errno.ECONNRESET), "recv()")


@suite.test("3.3 passive: TCP's FIN before accept(): ECONNRESET")
def fin_before_accept(net):
    sock, conn, _ = unaccepted(net)
    conn.close()
    conn.wait_acked()
    ends(net, net.accept(sock), conn, errno.ECONNRESET)


@suite.test("3.3 passive: TCP's FIN in the first ACK: ECONNRESET")
def fin_in_ack(net):
    listener = net.listen()
    conn = Conn(net)
    conn.open(listener.getsockname()[1], SYN_ENO)
    conn.wait_syn()
    conn.bare = True
    conn.close()
    ends(net, net.accept(listener), conn, errno.ECONNRESET)


@suite.test("3.3 passive: listener closed, child with Init1 not accepted")
def never_accepted(net):
    listener, conn, session = unaccepted(net)
    conn.send(session.init1())
    conn.wait_acked()
    net.close(listener)
    conn.wait_rst()


def unaccepted(net):
    """A child in the queue of its listener."""
    listener = net.listen()
    conn = Conn(net)
    conn.open(listener.getsockname()[1], SYN_ENO)
    equal(conn.wait_syn().eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
    conn.bare = True
    conn.ack()
    net.rest(0.05)
    return listener, conn, Session(conn, "A", SYN_ENO + SYNACK_ENO)


# --- what must fail --------------------------------------------------------

def bad_init(name, error=errno.EPROTO, **kwargs):
    """Init messages that must abort, for either role."""
    def test(net, role):
        sock, conn, session = negotiate(net, role, early=secret(100))
        if role == ACTIVE:
            session.read_init1()
            conn.send(session.init2(AES128, **kwargs))
        else:
            conn.send(session.init1(**kwargs))
        ends(net, sock, conn, error)
    both(name)(test)


LOW_ORDER = bytes.fromhex(
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")
bad_init("4.3 wrong magic: EPROTO", magic=0x15101a0f)
bad_init("4.1 message_len 0: EPROTO", length=0)
bad_init("4.1 message_len 8: EPROTO", length=8)
bad_init("4.1 message_len one short of the key: EPROTO", length=73)
bad_init("4.1 message_len 2^20: EPROTO", length=1 << 20)
bad_init("4.1 message_len 2^32 - 1: EPROTO", length=0xffffffff)
bad_init("5 public key all zero: EPROTO", public=bytes(32))
bad_init("5 public key of order 1: EPROTO", public=b"\1" + bytes(31))
bad_init("5 public key of order 8: EPROTO", public=LOW_ORDER)
bad_init("5 public key 2^255 - 19: EPROTO",
         public=b"\xed" + b"\xff" * 30 + b"\x7f")


@suite.test("3.3 passive: Init1's magic from host B: EPROTO", PASSIVE,
            0x097105e0)
@suite.test("3.3 active: Init2's magic from host A: EPROTO", ACTIVE,
            0x15101a0e)
def other_magic(net, role, magic):
    sock, conn, session = negotiate(net, role)
    message = session.init1(magic=magic) if role == PASSIVE else \
        session.init2(AES128, magic=magic)
    conn.send(message)
    ends(net, sock, conn, errno.EPROTO)


@suite.test("3.3 passive: no common cipher: EPROTO", (0x7777, 0x0003))
@suite.test("4.1 passive: no cipher at all: EPROTO", ())
@suite.test("3.3 passive: only a cipher that is configured off: EPROTO",
            (CHACHA,))
def no_cipher(net, ciphers):
    with Sysctl("net.tcpcrypt.aeads", "AES_128_GCM"):
        sock, conn, session = negotiate(net, PASSIVE)
        conn.send(session.init1(ciphers))
        ends(net, sock, conn, errno.EPROTO)


@suite.test("4.1 passive: more ciphers than the message holds: EPROTO")
def too_many_ciphers(net):
    sock, conn, session = negotiate(net, PASSIVE)
    conn.send(session.init1(count=255))
    ends(net, sock, conn, errno.EPROTO)


@suite.test("3.3 active: Init2 with a cipher that was not offered: EPROTO",
            CHACHA)
@suite.test("3.3 active: Init2 with an unknown cipher: EPROTO", 0x7777)
@suite.test("3.3 active: Init2 with cipher 0: EPROTO", 0)
def not_offered(net, cipher):
    with Sysctl("net.tcpcrypt.aeads", "AES_128_GCM"):
        sock, conn, session = negotiate(net, ACTIVE, early=secret(100))
        session.read_init1()
        equal(session.offered, (AES128,), "ciphers in Init1")
        conn.send(session.init2(cipher))
        ends(net, sock, conn, errno.EPROTO)


@both("3.2 plaintext instead of an Init message is never delivered: EPROTO")
def plaintext_init(net, role):
    sock, conn, _ = negotiate(net, role, early=secret(100))
    conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    ends(net, sock, conn, errno.EPROTO)


@both("3.2 plaintext after the key exchange is never delivered")
def plaintext_frame(net, role):
    sock, conn, session = established(net, role)
    exchange(net, sock, session)
    # the "frame" that the text begins with would have clen 0x5454
    conn.send(b"HTTP/1.1 200 OK\r\n" * 1400)
    ends(net, sock, conn, errno.EBADMSG)


@both("3.3 TCP's FIN during the key exchange: ECONNRESET")
def fin_early(net, role):
    sock, conn, session = negotiate(net, role)
    conn.close()
    ends(net, sock, conn, errno.ECONNRESET)


@both("3.3 RST during the key exchange: ECONNRESET")
def rst_early(net, role):
    sock, conn, _ = negotiate(net, role, early=secret(100))
    net.rest(0.05)
    conn.output(RST | ACK)
    equal(net.recv_end(sock), (b"", errno.ECONNRESET), "recv()")


@both("3.3 silence during the key exchange: ETIMEDOUT", False)
@both("3.3 half an Init message, then silence: ETIMEDOUT", True)
def silence(net, role, half):
    with Sysctl(TIMEOUT, 2):
        begin = time.monotonic()
        sock, conn, session = negotiate(net, role, early=secret(100))
        if half:
            message = session.init1() if role == PASSIVE else \
                session.init2(AES128)
            conn.send(message[:40])
        ends(net, sock, conn, errno.ETIMEDOUT)
        took = time.monotonic() - begin
        require(1.5 < took < 2 + DEADLINE / 2, "after %.1f s" % took)


def flip(frame, at, bit):
    return frame[:at] + bytes([frame[at] ^ bit]) + frame[at + 1:]


def bad_frame(name, error, make, before=content(200)):
    """make(session): bytes after which recv() ends with error."""
    def test(net, role):
        sock, conn, session = established(net, role)
        exchange(net, sock, session)
        good = session.seal(content(200))
        conn.tx_len += len(good)
        bad = make(session)
        conn.tx_len -= len(good)
        conn.send(good + bad)
        ends(net, sock, conn, error, before)
        try:
            sock.send(secret(100))
        except OSError:
            return
        require(False, "send() after the abort")
    both(name)(test)


bad_frame("3.6 wrong tag: EBADMSG", errno.EBADMSG,
          lambda s: flip(s.seal(content(100)), 118, 0x80))
bad_frame("3.6 flipped bit of the ciphertext: EBADMSG", errno.EBADMSG,
          lambda s: flip(s.seal(content(100)), 3, 1))
bad_frame("3.6 wrong tag of an empty frame: EBADMSG", errno.EBADMSG,
          lambda s: flip(s.seal(), 10, 1))
bad_frame("3.7 wrong tag of a frame with FINp: EBADMSG", errno.EBADMSG,
          lambda s: flip(s.seal(flags=FINP), 3, 2))
bad_frame("4.2.2 clen one less: EBADMSG", errno.EBADMSG,
          lambda s: flip(s.seal(content(100)), 2, 1))
bad_frame("4.2.2 clen more, filled by what follows: EBADMSG", errno.EBADMSG,
          lambda s: flip(s.seal(content(100)), 1, 2) + content(600))
bad_frame("4.2.2 reserved bit of the control byte flipped: EBADMSG",
          errno.EBADMSG, lambda s: flip(s.seal(content(100)), 0, 0x80))
bad_frame("3.8 rekey bit flipped: EBADMSG", errno.EBADMSG,
          lambda s: flip(s.seal(content(100)), 0, 1))
bad_frame("3.8 rekey bit under the old key: EBADMSG", errno.EBADMSG,
          lambda s: s.seal(content(100), control=1))
bad_frame("3.6 frame ID of another offset: EBADMSG", errno.EBADMSG,
          lambda s: s.seal(content(100), offset=s.conn.tx_len + 1))
bad_frame("3.6 frame ID without the Init message: EBADMSG", errno.EBADMSG,
          lambda s: s.seal(content(100),
                           offset=s.conn.tx_len - len(s.own_init)))
bad_frame("3.3 key of the other direction: EBADMSG", errno.EBADMSG,
          lambda s: s.seal(content(100), key=s.rx_key))
# A header like this is seen at once; frames that nobody has read yet are
# lost with the connection, as an RST may lose them.
bad_frame("4.2 clen 16: EPROTO", errno.EPROTO,
          lambda s: b"\0\0\x10" + bytes(16), None)
bad_frame("4.2 clen 0: EPROTO", errno.EPROTO, lambda s: b"\0\0\0", None)


def cut(session):
    """An authentic frame with URGp and no room for the urgent field."""
    header = struct.pack("!BH", 0, 2 + 16)
    return header + session.tx_key.seal(header, b"\x02\x01",
                                        session.conn.tx_len)


bad_frame("4.2.1 URGp and half an urgent field: EBADMSG", errno.EBADMSG, cut)


@both("3.6 15 random bits flipped: nothing but a part of the truth")
def random_flips(net, role):
    rng = random.Random(role)
    for _ in range(15):
        sock, conn, session = established(net, role)
        sizes = [rng.choice((0, 1, 5, 100, 700)) for _ in range(5)]
        data = session.seal_many(*((content(n), 0) for n in sizes))
        bit = rng.randrange(len(data) * 8)
        conn.send(flip(data, bit // 8, 1 << bit % 8))
        conn.close()
        got, error = net.recv_end(sock)
        want = b"".join(content(n) for n in sizes)
        require(error in (errno.EBADMSG, errno.EPROTO, errno.ECONNRESET),
                "bit %d: error %d" % (bit, error))
        require(want.startswith(got) and (len(got) < len(want) or
                                          sizes[-1] == 0),
                "bit %d: recv() got %d bytes" % (bit, len(got)))
        conn.reset()


@both("3.3 15 random bits of an Init message flipped: no data")
def random_init_flips(net, role):
    rng = random.Random(role)
    for _ in range(15):
        sock, conn, session = negotiate(net, role)
        if role == ACTIVE:
            init1 = session.read_init1()
            own = session.init2(AES128)
            session.derive(init1, own)
        else:
            own = session.init1()
        bit = rng.randrange(len(own) * 8)
        conn.send(flip(own, bit // 8, 1 << bit % 8))
        if role == PASSIVE:
            net.rest(0.1)
            # Host B's answer is to what it got; host A believes the other.
            if len(conn.rx) < 74 or conn.rst:
                conn.close()
                require(net.recv_end(sock)[1], "end-of-file")
                continue
            session.derive(own, session.read_init2())
        frame = session.seal(content(100))
        conn.send(frame)
        conn.close()
        got, error = net.recv_end(sock)
        equal(got, b"", "what recv() got after bit %d" % bit)
        require(error, "end-of-file after bit %d" % bit)
        conn.reset()


@both("3.6 a frame again: EBADMSG")
def replay(net, role):
    sock, conn, session = established(net, role)
    frame = session.seal(content(100))
    conn.send(frame + frame)
    ends(net, sock, conn, errno.EBADMSG, content(100))


@both("3.6 two frames exchanged: EBADMSG")
def swapped(net, role):
    sock, conn, session = established(net, role)
    first = session.seal(content(100))
    second = session.seal(content(100), offset=conn.tx_len + len(first))
    conn.send(second + first)
    ends(net, sock, conn, errno.EBADMSG)


@both("3.6 our own frame sent back: EBADMSG")
def reflected(net, role):
    sock, conn, session = established(net, role)
    net.send(sock, secret(100))
    equal(session.read(100), secret(100), "what the peer got")
    conn.send(bytes(conn.rx[-120:]))
    ends(net, sock, conn, errno.EBADMSG)


@both("3.7 TCP's FIN without FINp: data, then ECONNRESET", 0)
@both("3.7 TCP's FIN within a frame: data, then ECONNRESET", 50)
def truncated(net, role, n):
    sock, conn, session = established(net, role)
    exchange(net, sock, session)
    session.send(content(3000))
    if n:
        conn.send(session.seal(content(100))[:n])
    conn.close()
    conn.wait_acked()
    ends(net, sock, conn, errno.ECONNRESET, content(3000))


@both("3.7 TCP's FIN without FINp and no data: ECONNRESET, not EOF")
def truncated_empty(net, role):
    sock, conn, session = established(net, role)
    conn.close()
    ends(net, sock, conn, errno.ECONNRESET)


@both("3.7 TCP's FIN without FINp after our own end: ECONNRESET")
def truncated_after(net, role):
    sock, conn, session = established(net, role)
    sock.shutdown(socket.SHUT_WR)
    session.read_fin()
    conn.wait_fin()
    conn.close()
    # Both ends are closed: there is nothing left that could be reset.
    equal(net.recv_end(sock), (b"", errno.ECONNRESET), "recv()")
    equal(net.recv_end(sock), (b"", errno.ECONNRESET), "the next recv()")


@both("3.7 RST: data, then ECONNRESET")
def reset(net, role):
    sock, conn, session = established(net, role)
    exchange(net, sock, session)
    session.send(content(3000))
    conn.wait_acked()
    conn.output(RST | ACK)
    equal(net.recv_end(sock), (content(3000), errno.ECONNRESET), "recv()")
    equal(net.recv_end(sock), (b"", errno.ECONNRESET), "the next recv()")


# What came up to FINp is authentic and whole, so that the end-of-file is as
# right as an error. What came after it is neither.
@both("3.7 frames after FINp are not delivered, the connection is reset")
def after_finp(net, role):
    sock, conn, session = established(net, role)
    conn.send(session.seal_many((content(100), FINP), (b"more", 0)))
    data, error = net.recv_end(sock)
    equal(data, content(100), "what recv() got")
    require(error in (0, errno.EPROTO), "error %d" % error)
    conn.wait_rst()
    try:
        sock.send(secret(100))
    except OSError:
        return
    require(False, "send() after the abort")


@both("3.7 FINp twice: the connection is reset")
def finp_twice(net, role):
    sock, conn, session = established(net, role)
    conn.send(session.seal_many((b"", FINP), (b"", FINP)))
    data, error = net.recv_end(sock)
    equal(data, b"", "what recv() got")
    require(error in (0, errno.EPROTO), "error %d" % error)
    conn.wait_rst()


@both("3.6 an abort wakes poll()")
def abort_poll(net, role):
    sock, conn, session = established(net, role)
    quiet(net, sock, conn)
    conn.send(b"\0\0\x05")
    net.wait(lambda: net.readable(sock) & select.POLLIN, "poll()")
    require(net.readable(sock) & select.POLLERR, "no POLLERR")
    ends(net, sock, conn, errno.EPROTO)


if __name__ == "__main__":
    sys.exit(suite.main())
