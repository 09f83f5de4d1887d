#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""RFC 8548, urgent data on the wire: our kernel against a peer in user space.

    urgent.py [REGEX ...]   in a guest with the module

As crypt.py. What an application sees of urgent data that another kernel sent
is in urgent_test.c.
"""

import errno
import fcntl
import os
import select
import signal
import socket
import struct
import sys
import termios

sys.dont_write_bytecode = True
from crypt import (ROLES, SO_OOBINLINE, content, ends, exchange, finish,
                   flip, negotiate, no_plaintext, quiet, secret)
from peer import (FINP, TCP_ENO_SESSID, URG, URGP, Suite, counters, equal,
                  option, require)

MSG_OOB = socket.MSG_OOB
PRI = select.POLLPRI

suite = Suite()
suite.after = no_plaintext
signals = 0


def on_urg(*_):
    global signals
    signals += 1


def both(name, *args):
    def register(function):
        section, _, rest = name.partition(" ")
        for role in ROLES:
            suite.test("%s %s: %s" % (section, role, rest), role,
                       *args)(function)
        return function
    return register


def agree(net, sock, session, **kwargs):
    """Keys are agreed, and the kernel has them too."""
    session.agree(**kwargs)
    net.wait(lambda: option(sock, TCP_ENO_SESSID) == session.session_id,
             "keys")


def established(net, role, **kwargs):
    sock, conn, session = negotiate(net, role, **kwargs)
    agree(net, sock, session)
    return sock, conn, session


def own(sock):
    """SIGURG comes to us, counted from now."""
    global signals
    signal.signal(signal.SIGURG, on_urg)
    signals = 0
    fcntl.fcntl(sock, fcntl.F_SETOWN, os.getpid())


def signalled(net, n):
    """n signals, no more."""
    net.wait(lambda: signals >= n, "SIGURG")
    net.rest(0.1)
    equal(signals, n, "signals")


def poll(sock, events=select.POLLIN | PRI):
    p = select.poll()
    p.register(sock, events)
    return dict(p.poll(0)).get(sock.fileno(), 0)


def at_mark(sock):
    return struct.unpack("=i", fcntl.ioctl(sock, 0x8905, bytes(4)))[0]


def inq(sock):
    return struct.unpack("=i", fcntl.ioctl(sock, termios.FIONREAD,
                                           bytes(4)))[0]


def oob(sock):
    """What recv(MSG_OOB) returns, or its errno."""
    try:
        return sock.recv(10, MSG_OOB)
    except OSError as error:
        return error.errno


def one(data, at):
    return data[at:at + 1]


def no_urg(conn):
    """RFC 8548 gives TCP's own flag no meaning: it is not sent."""
    for seg in conn.segs:
        require(not seg.flags & URG and not seg.urg, "URG: %s" % seg)


# --- the kernel receives ---------------------------------------------------

@both("3.7 the field counts from the frame's first data byte: first", 0)
@both("3.7 the field counts from the frame's first data byte: second", 1)
@both("3.7 the field counts from the frame's first data byte: last", 99)
def offset(net, role, field):
    sock, conn, session = established(net, role)
    own(sock)
    data = content(200)
    session.send(data[:7])
    conn.send(session.seal(data[7:107], urgent=field))
    conn.wait_acked()
    signalled(net, 1)
    equal(poll(sock), select.POLLIN | PRI, "poll()")
    equal(inq(sock), 7 + field, "FIONREAD")
    equal(oob(sock), one(data, 7 + field), "recv(MSG_OOB)")
    equal(oob(sock), errno.EINVAL, "recv(MSG_OOB) once more")
    equal(net.recv(sock), data[:7 + field], "recv() up to the mark")
    equal(at_mark(sock), 1, "SIOCATMARK")
    session.send(data[107:])
    equal(net.recv_exact(sock, 199 - 7 - field), data[8 + field:],
          "recv() after it")
    signalled(net, 1)
    finish(net, sock, conn, session)


@both("3.7 a field that points into a later frame")
def ahead(net, role):
    sock, conn, session = established(net, role)
    own(sock)
    data = content(30)
    session.send(data[:10], urgent=14)
    conn.wait_acked()
    signalled(net, 1)
    equal(poll(sock), select.POLLIN, "poll()")
    equal(oob(sock), errno.EAGAIN, "recv(MSG_OOB)")
    equal(inq(sock), 10, "FIONREAD")
    equal(net.recv(sock), data[:10], "recv()")
    equal(at_mark(sock), 0, "SIOCATMARK")
    session.send(data[10:20])
    session.send(data[20:])
    conn.wait_acked()
    equal(poll(sock), select.POLLIN | PRI, "poll()")
    equal(oob(sock), one(data, 14), "recv(MSG_OOB)")
    equal(net.recv(sock), data[10:14], "recv() up to the mark")
    equal(net.recv(sock), data[15:], "recv() after it")
    signalled(net, 1)


@both("3.7 a frame without data, its field points to the next byte")
def empty(net, role):
    sock, conn, session = established(net, role)
    own(sock)
    session.send(urgent=0)
    conn.wait_acked()
    signalled(net, 1)
    equal(at_mark(sock), 1, "SIOCATMARK")
    equal(oob(sock), errno.EAGAIN, "recv(MSG_OOB)")
    quiet(net, sock, conn)
    session.send(b"X")
    conn.wait_acked()
    net.wait(lambda: poll(sock) == PRI, "poll()")
    equal(oob(sock), b"X", "recv(MSG_OOB)")
    quiet(net, sock, conn)
    exchange(net, sock, session)
    signalled(net, 1)


@both("3.7 the field 65535", 1)
@both("3.7 the field 65535 in a frame without data", 0)
def farthest(net, role, first):
    sock, conn, session = established(net, role)
    own(sock)
    data = content(66000)
    session.send(data[:first], urgent=65535)
    conn.wait_acked()
    signalled(net, 1)
    got, at = b"", first
    while at < len(data):
        part = data[at:at + 6000]
        session.send(part)
        at += len(part)
        if at <= 65535:
            got += net.recv_exact(sock, at - len(got))
    conn.wait_acked()
    equal(oob(sock), one(data, 65535), "recv(MSG_OOB)")
    got += net.recv_exact(sock, 65535 - len(got))
    equal(got, data[:65535], "recv() up to the mark")
    equal(at_mark(sock), 1, "SIOCATMARK")
    equal(net.recv(sock), data[65536:], "recv() after it")


@both("3.7 an older pointer, or the same again, does not count")
def older(net, role):
    sock, conn, session = established(net, role)
    own(sock)
    data = content(60)
    for urgent in (50, 40, 10):
        session.send(data[:10], urgent=urgent)
    conn.wait_acked()
    signalled(net, 1)
    session.send(data)
    conn.wait_acked()
    equal(oob(sock), one(data, 20), "recv(MSG_OOB)")
    equal(net.recv(sock), data[:10] * 3 + data[:20], "up to the mark")
    signalled(net, 1)


@both("3.7 a newer pointer counts")
def newer(net, role):
    sock, conn, session = established(net, role)
    own(sock)
    data = content(60)
    for n, urgent in enumerate((50, 41), 1):
        session.send(data[:10], urgent=urgent)
        conn.wait_acked()
        signalled(net, n)
    session.send(data)
    conn.wait_acked()
    equal(oob(sock), one(data, 31), "recv(MSG_OOB)")
    equal(net.recv(sock), data[:10] * 2 + data[:31], "up to the mark")


@both("3.7 two pointers, read in steps: the first byte is data")
def two(net, role):
    sock, conn, session = established(net, role)
    session.send(b"first")
    session.send(b"Axyz", urgent=0)
    session.send(b"Buvw", urgent=0)
    conn.wait_acked()
    equal(sock.recv(5), b"first", "recv()")
    equal(net.recv(sock), b"Axyz", "recv() up to the mark")
    equal(net.recv(sock), b"uvw", "recv() after it")
    exchange(net, sock, session)


@both("3.7 SO_OOBINLINE: every byte is data")
def in_line(net, role):
    sock, conn, session = established(net, role, options=[SO_OOBINLINE])
    data = content(1000)
    for at in range(0, 1000, 100):
        session.send(data[at:at + 100], urgent=at % 130)
    conn.wait_acked()
    equal(oob(sock), errno.EINVAL, "recv(MSG_OOB)")
    equal(net.recv_exact(sock, 1000), data, "recv()")
    exchange(net, sock, session)


@both("4.2.1 URGp and FINp in one frame")
def with_fin(net, role):
    sock, conn, session = established(net, role)
    session.send(b"abcX", FINP, urgent=3)
    conn.close()
    net.wait(lambda: poll(sock) & PRI, "poll()")
    equal(oob(sock), b"X", "recv(MSG_OOB)")
    equal(net.recv_end(sock), (b"abc", 0), "recv()")
    equal(oob(sock), errno.EINVAL, "recv(MSG_OOB) at the end")


@both("3.7 urgent data that never comes")
def never(net, role):
    sock, conn, session = established(net, role)
    session.send(b"abc", urgent=10)
    conn.wait_acked()
    equal(oob(sock), errno.EAGAIN, "recv(MSG_OOB)")
    session.send(flags=FINP)
    conn.close()
    equal(net.recv_end(sock), (b"abc", 0), "recv()")
    equal(oob(sock), b"", "recv(MSG_OOB) at the end")


@both("3.7 a pointer into a frame that has arrived already")
def late(net, role):
    """The frame that comes next is what its field counts from."""
    sock, conn, session = established(net, role)
    own(sock)
    session.send(b"abcdef")
    session.send(b"", urgent=0)
    session.send(b"Xyz")
    conn.wait_acked()
    signalled(net, 1)
    equal(net.recv(sock), b"abcdef", "recv() up to the mark")
    equal(oob(sock), b"X", "recv(MSG_OOB)")
    equal(net.recv(sock), b"yz", "recv() after it")


def alone(session, plain):
    header = struct.pack("!BH", 0, len(plain) + 16)
    return header + session.tx_key.seal(header, plain, session.conn.tx_len)


@both("4.2.1 URGp and no urgent field: EBADMSG, no SIGURG", b"\x02")
@both("4.2.1 URGp and half an urgent field: EBADMSG, no SIGURG", b"\x02\x00")
def short(net, role, plain):
    sock, conn, session = established(net, role)
    own(sock)
    conn.send(alone(session, plain))
    ends(net, sock, conn, errno.EBADMSG, b"")
    equal(oob(sock), errno.EINVAL, "recv(MSG_OOB)")
    signalled(net, 0)


@both("3.6 URGp set in transit: EBADMSG, no SIGURG")
def forged(net, role):
    sock, conn, session = established(net, role)
    own(sock)
    conn.send(flip(session.seal(content(100)), 3, URGP))
    ends(net, sock, conn, errno.EBADMSG, b"")
    equal(oob(sock), errno.EINVAL, "recv(MSG_OOB)")
    signalled(net, 0)


# RFC 8547, section 5: corrupted packets must not cause urgent data.
for inline in ([], [SO_OOBINLINE]):
    for pointer in (0, 1, 50, 65535):
        @both("3.7 TCP's URG, pointer %d%s: nothing is urgent" % (
            pointer, ", SO_OOBINLINE" if inline else ""), inline, pointer)
        def header_only(net, role, options, pointer):
            sock, conn, session = negotiate(net, role, options=options)
            own(sock)
            agree(net, sock, session, size=20, urg=pointer)
            data = content(700)
            for at in range(0, 700, 100):
                conn.send(session.seal(data[at:at + 100]), 37, URG, pointer)
                conn.wait_acked()
                equal(poll(sock), select.POLLIN, "poll()")
                equal(at_mark(sock), 0, "SIOCATMARK")
                equal(oob(sock), errno.EINVAL, "recv(MSG_OOB)")
                equal(inq(sock), at + 100, "FIONREAD")
            equal(net.recv(sock), data, "recv()")
            exchange(net, sock, session)
            signalled(net, 0)
            # what is authentic still counts
            conn.send(session.seal(b"abcX", urgent=3), 37, URG, pointer)
            conn.wait_acked()
            net.wait(lambda: poll(sock) & PRI, "poll()")
            signalled(net, 1)
            if not options:
                equal(oob(sock), b"X", "recv(MSG_OOB)")
            equal(net.recv(sock), b"abc", "recv()")


# --- the kernel sends ------------------------------------------------------

@both("3.7 MSG_OOB: the last byte is urgent", 1)
@both("3.7 MSG_OOB, 100 bytes: the last byte is urgent", 100)
def sent(net, role, n):
    sock, conn, session = established(net, role)
    before = int(counters()["UrgentSent"])
    data = secret(n + 70)
    net.send(sock, data[:50])
    equal(session.read_frame(), (0, data[:50]), "a frame before it")
    equal(sock.send(data[50:50 + n], MSG_OOB), n, "send(MSG_OOB)")
    equal(session.read_frame(), (URGP, data[50:50 + n]), "the urgent one")
    equal(session.urgent, 50 + n - 1, "index of the urgent byte")
    net.send(sock, data[50 + n:])
    equal(session.read_frame(), (0, data[50 + n:]), "the frame after it")
    equal(int(counters()["UrgentSent"]) - before, 1, "UrgentSent")
    no_urg(conn)
    finish(net, sock, conn, session)


@both("3.7 MSG_OOB, more than a frame")
def sent_long(net, role):
    sock, conn, session = established(
        net, role,
        options=[(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 18)])
    data = secret(30000)
    equal(sock.send(data, MSG_OOB), 30000, "send(MSG_OOB)")
    got, flags = b"", 0
    while len(got) < 30000:
        require(not flags, "URGp before the end")
        flags, part = session.read_frame()
        got += part
    equal((flags, got), (URGP, data), "the last frame's flags, all data")
    equal(session.urgent, 29999, "index of the urgent byte")
    no_urg(conn)
    finish(net, sock, conn, session)


@both("3.7 MSG_OOB before there are keys")
def sent_early(net, role):
    """Every frame that can says where it is, as TCP's segments do."""
    sock, conn, session = negotiate(
        net, role,
        options=[(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 19)])
    data = secret(120000)
    equal(sock.send(data[:99999]), 99999, "send()")
    equal(sock.send(data[99999:100000], MSG_OOB), 1, "send(MSG_OOB)")
    equal(sock.send(data[100000:]), 20000, "send()")
    session.agree()
    got, fields = b"", 0
    while len(got) < len(data):
        session.urgent = None
        flags, part = session.read_frame()
        want = 0 <= 99999 - len(got) <= 65535
        equal((flags, session.urgent), (URGP, 99999) if want else (0, None),
              "flags and index of the frame at %d" % len(got))
        fields += want
        got += part
    equal(got, data, "what the peer got")
    require(fields > 1, "%d frames with URGp" % fields)
    no_urg(conn)
    exchange(net, sock, session)
    finish(net, sock, conn, session)


@both("3.7 MSG_OOB, then the end: FINp alone is in the last frame")
def sent_fin(net, role):
    sock, conn, session = established(net, role)
    sock.send(b"PlainSecret-X", MSG_OOB)
    sock.shutdown(socket.SHUT_WR)
    equal(session.read_frame(), (URGP, b"PlainSecret-X"), "the urgent frame")
    equal(session.read_frame(), (FINP, b""), "the last frame")
    conn.wait_fin()
    no_urg(conn)


if __name__ == "__main__":
    sys.exit(suite.main())
