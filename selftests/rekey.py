#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Rekeying and keep-alive on the wire: our kernel and a peer in user space.

    rekey.py [REGEX ...]    in a guest with the module

Names begin with the section of RFC 8548 that asks for what is tested; see
crypt.py for the roles.
"""

import contextlib
import errno
import hashlib
import random
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
import crypt
from crypt import (ACTIVE, ROLES, content, ends, exchange, finish, flip,
                   negotiate, no_plaintext, secret)
from peer import (ACK, AEADS, AES128, AES256, CHACHA, DEADLINE, FIN, FINP,
                  SYN, TCP_CRYPT_INFO, TCP_CRYPT_REKEY, Conn, Failure, Suite,
                  Sysctl, add, counters, diff, equal, kernel_state, option,
                  require)

BYTES, INTERVAL = "net.tcpcrypt.rekey_bytes", "net.tcpcrypt.rekey_interval"
EMPTY = 3 + 1 + 16      # a frame without data

suite = Suite()
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


def generations(sock):
    """(ours, the peer's) of TCP_CRYPT_INFO."""
    return struct.unpack_from("=QQ", option(sock, TCP_CRYPT_INFO), 120)


def ask(sock):
    """setsockopt(TCP_CRYPT_REKEY): errno or 0."""
    try:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_CRYPT_REKEY, 0)
    except OSError as error:
        return error.errno
    return 0


def established(net, role, **kwargs):
    """Keys are agreed, and the kernel has them."""
    sock, conn, session = crypt.established(net, role, **kwargs)
    net.wait(lambda: option(sock, TCP_CRYPT_INFO)[0] == 2, "keys")
    return sock, conn, session


def with_cipher(net, role, cipher):
    with Sysctl("net.tcpcrypt.aeads", AEADS[cipher][0]):
        sock, conn, session = established(net, role)
    equal(session.cipher, cipher, "cipher")
    return sock, conn, session


@contextlib.contextmanager
def counted(**want):
    """How far counters go."""
    before = counters()
    yield
    after = counters()
    for name, n in want.items():
        equal(int(after[name]) - int(before[name]), n, name)


def silent(net, conn, seconds=0.3):
    """No byte of stream comes for a while."""
    length = len(conn.rx)
    net.rest(seconds)
    equal(len(conn.rx), length, "length of the stream, nothing expected")


# --- the peer initiates -----------------------------------------------------

def peer_initiates(net, role, cipher, n):
    sock, _, session = with_cipher(net, role, cipher)
    for gen in range(1, 4):
        with counted(RekeySent=1, RekeyReceived=1):
            session.rekey(content(n))
            if n:
                equal(net.recv_exact(sock, n), content(n), "what recv() got")
            session.read_rekey()
            equal(generations(sock), (gen, gen), "generations")
            exchange(net, sock, session)
            exchange(net, sock, session, 20000)


for aead in (AES128, AES256, CHACHA):
    for size in (0, 1, 5000):
        if size != 1 or aead == CHACHA:
            both("3.8 the peer initiates with %d bytes, %s" % (
                size, AEADS[aead][0]), aead, size)(peer_initiates)


@both("3.8 several rekey frames in a row are each answered", 5, 0)
@both("3.8 several rekey frames with data in a row", 5, 100)
@both("3.8 many rekey frames in a row", 150, 10)
def in_a_row(net, role, n, size):
    sock, conn, session = established(net, role)
    data, at = b"", conn.tx_len
    for _ in range(n):
        session.advance_tx()
        data += session.seal(content(size), control=1, offset=at + len(data))
    conn.send(data)
    for _ in range(n):
        session.read_rekey()
    equal(net.recv_exact(sock, n * size), content(size) * n, "data")
    equal(generations(sock), (n, n), "generations")
    silent(net, conn)
    exchange(net, sock, session)
    finish(net, sock, conn, session)


@both("3.8 the answer does not wait for a reader")
def no_reader(net, role):
    sock, conn, session = established(net, role)
    for _ in range(3):
        session.send(content(3000))
        session.rekey(content(100))
        begin = time.monotonic()
        session.read_rekey()
        require(time.monotonic() - begin < 5, "the answer took %.1f s" % (
            time.monotonic() - begin))
    equal(net.recv_exact(sock, 9300), (content(3000) + content(100)) * 3,
          "what recv() got")
    exchange(net, sock, session)


@both("3.8 poll() counts a rekey frame's data, not an empty one")
def poll_rekey(net, role):
    sock, _, session = established(net, role)
    session.rekey()
    session.read_rekey()
    equal(net.readable(sock), 0, "poll() after an empty frame")
    session.rekey(content(1))
    session.read_rekey()
    net.wait(lambda: net.readable(sock) & 1, "poll() says readable")
    equal(sock.recv(10), content(1), "recv()")


@both("3.8 a rekey frame in segments of one byte")
def bytewise(net, role):
    sock, _, session = established(net, role)
    session.advance_tx()
    session.send(content(20), size=1, control=1)
    session.read_rekey()
    equal(net.recv_exact(sock, 20), content(20), "what recv() got")
    exchange(net, sock, session)


@both("3.8 the answer is not held by TCP_CORK or Nagle", True)
@both("3.8 the answer is not held by Nagle", False)
def corked(net, role, cork):
    sock, conn, session = established(net, role)
    if cork:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    conn.auto_ack = False
    acked = conn.rcv_nxt
    sock.send(secret(10))
    if not cork:
        equal(session.read(10), secret(10), "what the peer got")
    session.advance_tx()
    frame = session.seal(control=1)
    # nothing more is acknowledged: Nagle waits
    conn.output(ACK, frame, ack=acked)
    conn.snd_nxt = add(conn.snd_nxt, len(frame))
    conn.tx_len += len(frame)
    begin = time.monotonic()
    # what was corked goes with it
    session.read_rekey(secret(10) if cork else b"")
    require(time.monotonic() - begin < 0.15, "the answer took %.3f s" % (
        time.monotonic() - begin))
    conn.auto_ack = True
    conn.ack()


@both("3.8 answers wait while the peer's window is closed")
def closed_window(net, role):
    sock, conn, session = established(net, role, scale=None)
    conn.win = 0
    # a window shrinks by a segment with a higher sequence number alone
    for _ in range(2):
        session.send(content(1))
        equal(net.recv_exact(sock, 1), content(1), "what recv() got")
    length = len(conn.rx)
    sock.send(secret(1000))
    for _ in range(4):
        session.rekey(content(10))
    net.rest(0.3)
    require(len(conn.rx) - length <= 1, "data into a closed window")
    conn.win = 65535
    conn.ack()
    equal(session.read(1000), secret(1000), "data sealed before")
    for _ in range(4):
        session.read_rekey()
    equal(net.recv_exact(sock, 40), content(10) * 4, "what recv() got")
    exchange(net, sock, session)


# --- we initiate ------------------------------------------------------------

def by_bytes(net, role, cipher):
    limit = 10000
    with Sysctl(BYTES, limit):
        sock, conn, session = with_cipher(net, role, cipher)
        session.rekeys = True
        data = secret(100000)
        net.send(sock, data)
        got, here = b"", 0
        while len(got) < len(data):
            flags, part = session.read_frame()
            here = len(part) if session.control else here + len(part)
            require(here <= limit or here == len(part),
                    "%d bytes under one key" % here)
            got += part
        equal(got, data, "what the peer got")
        require(session.rx_gen >= 6, "%d generations" % session.rx_gen)
        # one answer to each
        for gen in range(session.rx_gen):
            equal(generations(sock), (session.rx_gen, gen), "generations")
            session.rekey()
            net.wait(lambda gen=gen: generations(sock)[1] == gen + 1,
                     "the answer counts")
        silent(net, conn)
        # a single small frame is below the limit
        session.rekeys = False
    with Sysctl(BYTES, 1 << 30):
        exchange(net, sock, session)
        finish(net, sock, conn, session)


for aead in (AES128, AES256, CHACHA):
    both("3.8 we initiate by bytes, %s" % AEADS[aead][0], aead)(by_bytes)


@both("3.8 every frame with data is a rekey frame")
def every_frame(net, role):
    with Sysctl(BYTES, 1):
        sock, conn, session = established(net, role)
        net.send(sock, secret(1))
        equal(session.read(1), secret(1), "the first frame")
        for _ in range(20):
            net.send(sock, secret(7))
            session.read_rekey(secret(7))
            session.rekey()
        sock.shutdown(socket.SHUT_WR)
        # FINp is no data
        equal(session.read_fin(), b"", "data in the last frame")
        conn.wait_fin()


@both("3.8 we initiate by time, with data alone")
def by_time(net, role):
    with Sysctl(INTERVAL, 1):
        sock, conn, session = established(net, role)
        silent(net, conn, 1.6)
        with counted(RekeySent=1):
            net.send(sock, secret(10))
            session.read_rekey(secret(10))
            net.send(sock, secret(10))
            equal(session.read(10), secret(10), "a frame right after")
        session.rekey()
        silent(net, conn, 1.6)
        net.send(sock, secret(10))
        session.read_rekey(secret(10))
    with Sysctl(INTERVAL, 0):
        session.rekey()
        silent(net, conn, 1.2)
        exchange(net, sock, session)


@both("3.8 the application initiates")
def by_application(net, role):
    sock, conn, session = established(net, role)
    for gen in range(3):
        with counted(RekeySent=1, RekeyReceived=1):
            equal(ask(sock), 0, "TCP_CRYPT_REKEY")
            session.read_rekey()
            # MUST NOT once more without data
            equal(ask(sock), errno.EALREADY, "TCP_CRYPT_REKEY once more")
            silent(net, conn, 0.1)
            equal(generations(sock), (gen + 1, gen), "generations")
            exchange(net, sock, session)
            session.rekey()
            net.wait(lambda gen=gen: generations(sock) == (gen + 1, gen + 1),
                     "the answer")
    exchange(net, sock, session)


@both("3.8 TCP_CRYPT_REKEY before there are keys and after shutdown()")
def bad_times(net, role):
    sock, conn, session = negotiate(net, role)
    equal(ask(sock), errno.EINPROGRESS, "before there are keys")
    session.agree()
    exchange(net, sock, session)
    for value in b"", b"\0", b"\0" * 8:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, TCP_CRYPT_REKEY, value)
            raise Failure("%d bytes were taken" % len(value))
        except OSError as error:
            equal(error.errno, errno.EINVAL, "%d bytes" % len(value))
    equal(option(sock, TCP_CRYPT_REKEY), -errno.ENOPROTOOPT, "getsockopt()")
    sock.shutdown(socket.SHUT_WR)
    equal(ask(sock), errno.EPIPE, "after shutdown()")
    equal(session.read_fin(), b"", "data in the last frame")


@both("3.8 both initiate at once: nobody answers")
def both_at_once(net, role):
    sock, conn, session = established(net, role)
    for gen in range(1, 4):
        equal(ask(sock), 0, "TCP_CRYPT_REKEY")
        session.rekey(content(50))
        session.read_rekey()
        equal(net.recv_exact(sock, 50), content(50), "what recv() got")
        equal(generations(sock), (gen, gen), "generations")
        silent(net, conn, 0.1)
    exchange(net, sock, session)


@both("3.8 the peer is two generations ahead of our one")
def overtaken(net, role):
    sock, conn, session = established(net, role)
    equal(ask(sock), 0, "TCP_CRYPT_REKEY")
    for _ in range(3):
        session.rekey()
    for _ in range(3):
        session.read_rekey()
    silent(net, conn, 0.1)
    equal(generations(sock), (3, 3), "generations")
    exchange(net, sock, session)


# --- the end ----------------------------------------------------------------

@both("3.8 rekey bit on the frame with FINp: answered, then end-of-file")
def on_fin(net, role):
    sock, conn, session = established(net, role)
    session.rekey(content(10), FINP)
    conn.close()
    equal(net.recv_end(sock), (content(10), 0), "what recv() got")
    session.read_rekey()
    net.send(sock, secret(100))
    equal(session.read(100), secret(100), "what the peer got")
    sock.shutdown(socket.SHUT_WR)
    equal(session.read_fin(), b"", "data in the last frame")
    conn.wait_fin()
    conn.wait_acked()


@both("3.8 rekey frames after our FIN: not answered")
def after_fin(net, role):
    sock, conn, session = established(net, role)
    sock.shutdown(socket.SHUT_WR)
    equal(session.read_fin(), b"", "data in the last frame")
    conn.wait_fin()
    for _ in range(2):
        session.rekey(content(30))
        equal(net.recv_exact(sock, 30), content(30), "what recv() got")
    equal(generations(sock), (0, 2), "generations")
    silent(net, conn)
    session.send(flags=FINP)
    conn.close()
    equal(net.recv(sock), b"", "end-of-file")
    conn.wait_acked()
    require(not conn.rst, "reset")


@both("3.8 a rekey frame after close(): not answered, no reset")
def after_close(net, role):
    sock, conn, session = established(net, role)
    net.close(sock)
    equal(session.read_fin(), b"", "data in the last frame")
    conn.wait_fin()
    session.rekey()
    net.rest(0.1)
    session.rekey(flags=FINP)
    conn.close()
    conn.wait_acked()
    require(not conn.rst, "reset")


@both("3.8 close() after TCP_CRYPT_REKEY loses nothing")
def ask_and_close(net, role):
    sock, conn, session = established(net, role)
    sock.send(secret(5000))
    equal(ask(sock), 0, "TCP_CRYPT_REKEY")
    net.close(sock)
    session.rekeys = True
    equal(session.read_fin(), secret(5000), "what the peer got")
    equal(session.rx_gen, 1, "generation")


# --- what is not authentic --------------------------------------------------

def bad(name, make):
    """make(session) returns bytes that are no authentic frame."""
    def test(net, role):
        sock, conn, session = established(net, role)
        exchange(net, sock, session)
        session.rekey()
        session.read_rekey()
        with counted(AbortAuth=1, RekeyReceived=0):
            conn.send(make(session))
            ends(net, sock, conn, errno.EBADMSG)
    both(name)(test)


def ahead(session, steps, control=1, data=100):
    for _ in range(steps):
        session.advance_tx()
    return session.seal(content(data), control=control)


bad("3.8 forged rekey bit: EBADMSG",
    lambda s: flip(s.seal(content(100)), 0, 1))
bad("3.8 rekey bit under the old key: EBADMSG",
    lambda s: s.seal(content(100), control=1))
bad("3.8 rekey bit taken away: EBADMSG", lambda s: flip(ahead(s, 1), 0, 1))
bad("3.8 new key without the rekey bit: EBADMSG",
    lambda s: ahead(s, 1, control=0))
bad("3.8 two generations at once: EBADMSG", lambda s: ahead(s, 2))
bad("3.8 wrong tag of a rekey frame: EBADMSG",
    lambda s: flip(ahead(s, 1), 118, 1))
bad("3.8 wrong tag of an empty rekey frame: EBADMSG",
    lambda s: flip(ahead(s, 1, data=0), 19, 1))


@both("3.6 a rekey frame is sent again as it was")
def again(net, role):
    sock, conn, session = established(net, role)
    exchange(net, sock, session)
    conn.auto_ack = False
    count = len(conn.segs)
    # Conn checks that what comes again is the same.
    equal(ask(sock), 0, "TCP_CRYPT_REKEY")
    session.read_rekey()
    session.rekey()
    net.wait(lambda: generations(sock) == (1, 1), "the answer")
    session.rekey()
    session.read_rekey()
    net.wait(lambda: len([s for s in conn.segs[count:] if s.payload]) >= 5,
             "retransmissions")
    conn.auto_ack = True
    conn.ack()
    exchange(net, sock, session)


# --- keep-alive -------------------------------------------------------------

def keepalive(idle=1, interval=1, count=3, user=0):
    tcp = socket.IPPROTO_TCP
    return [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
            (tcp, socket.TCP_KEEPIDLE, idle),
            (tcp, socket.TCP_KEEPINTVL, interval),
            (tcp, socket.TCP_KEEPCNT, count),
            (tcp, socket.TCP_USER_TIMEOUT, user)]


def tcp_probes(conn, after=0):
    """TCP's own: one sequence number before what was acknowledged."""
    ack, found = None, 0
    for seg in conn.segs[after:]:
        if ack is not None and diff(seg.seq, ack) == -1:
            found += 1
        end = add(seg.ends(), 1 if seg.flags & (SYN | FIN) else 0)
        if ack is None or diff(end, ack) > 0:
            ack = end
    return found


def times_out(net, sock, conn, least, most=20):
    """ETIMEDOUT after so many seconds."""
    begin = time.monotonic()
    ends(net, sock, conn, errno.ETIMEDOUT)
    took = time.monotonic() - begin
    require(least <= took <= most, "ETIMEDOUT after %.1f s" % took)


@both("3.9 a probe is an empty rekey frame, TCP's own never leaves")
def probes(net, role):
    sock, conn, session = established(net, role, options=keepalive())
    last = time.monotonic()
    for n in range(1, 4):
        with counted(KeepaliveSent=1, RekeySent=1, RekeyReceived=1):
            session.read_rekey()
            gone = time.monotonic() - last
            require(0.8 < gone < 10, "a probe after %.1f s" % gone)
            last = time.monotonic()
            session.rekey()
            net.wait(lambda n=n: generations(sock) == (n, n), "the answer")
    equal(tcp_probes(conn), 0, "TCP's own probes")
    exchange(net, sock, session)
    equal(kernel_state(conn), "01", "state")


@both("8.2 the peer is dead: ETIMEDOUT, after one probe")
def dead(net, role):
    sock, conn, session = established(net, role, options=keepalive())
    conn.auto_ack = False
    with counted(AbortKeepalive=1, AbortTimeout=0, KeepaliveSent=1):
        times_out(net, sock, conn, 3)
    session.read_rekey()
    equal(session.rx_at, len(conn.rx), "length of the stream")


@both("8.2 the peer only acknowledges: ETIMEDOUT")
def forged(net, role):
    sock, conn, session = established(net, role, options=keepalive())
    begin = time.monotonic()
    with counted(AbortKeepalive=1, KeepaliveSent=1, RekeySent=1):
        while not conn.rst:
            require(time.monotonic() - begin < 20, "no reset in 20 s")
            conn.ack()
            net.rest(0.1)
        took = time.monotonic() - begin
        require(3.5 < took, "reset after %.1f s" % took)
    ends(net, sock, conn, errno.ETIMEDOUT)
    session.read_rekey()
    equal(session.rx_at, len(conn.rx), "length of the stream")


@both("8.2 acknowledged data is no sign of life either")
def forged_data(net, role):
    sock, conn, session = established(net, role, options=keepalive())
    begin = time.monotonic()
    try:
        while time.monotonic() - begin < 20:
            net.rest(0.1)
            sock.send(secret(10))
        raise Failure("still there after 20 s")
    except OSError as error:
        require(error.errno in (errno.EPIPE, errno.ETIMEDOUT), str(error))
    took = time.monotonic() - begin
    require(3.5 < took, "ended after %.1f s" % took)
    ends(net, sock, conn, errno.ETIMEDOUT)
    session.rekeys = True
    while session.rx_at < len(conn.rx):
        session.read_frame()
    equal(session.rx_gen, 1, "probes")


@both("8.2 a forged answer does not help: EBADMSG")
def forged_answer(net, role):
    sock, conn, session = established(net, role, options=keepalive())
    session.read_rekey()
    conn.send(flip(ahead(session, 1, data=0), 5, 1))
    ends(net, sock, conn, errno.EBADMSG)


@both("3.9 authentic data is a sign of life: no probe")
def live(net, role):
    sock, conn, session = established(net, role,
                                      options=keepalive(idle=2))
    with counted(KeepaliveSent=0):
        for _ in range(16):
            net.rest(0.25)
            session.send(content(10))
            equal(net.recv_exact(sock, 10), content(10), "what recv() got")
    equal(len(conn.rx), session.rx_at, "length of the stream")
    session.read_rekey()


@both("3.9 a late answer is one")
def late(net, role):
    sock, conn, session = established(net, role, options=keepalive(count=5))
    session.read_rekey()
    net.rest(3.3)
    session.rekey()
    with counted(KeepaliveSent=1):
        session.read_rekey()
    net.rest(3.3)
    session.rekey()
    exchange(net, sock, session)


@both("3.9 options of a connection that is there")
def later_options(net, role):
    sock, conn, session = established(net, role)
    tcp = socket.IPPROTO_TCP
    silent(net, conn, 1.5)
    for level, name, value in keepalive(idle=300):
        sock.setsockopt(level, name, value)
    silent(net, conn, 1.5)
    for value in 0, -1, 32768:
        try:
            sock.setsockopt(tcp, socket.TCP_KEEPIDLE, value)
            raise Failure("TCP_KEEPIDLE %d was taken" % value)
        except OSError as error:
            equal(error.errno, errno.EINVAL, "TCP_KEEPIDLE %d" % value)
    equal(sock.getsockopt(tcp, socket.TCP_KEEPIDLE), 300, "TCP_KEEPIDLE")
    begin = time.monotonic()
    sock.setsockopt(tcp, socket.TCP_KEEPIDLE, 1)
    equal(sock.getsockopt(tcp, socket.TCP_KEEPIDLE), 1, "TCP_KEEPIDLE")
    session.read_rekey()
    require(time.monotonic() - begin < 1.5, "idle for long enough already")
    session.rekey()
    net.wait(lambda: generations(sock) == (1, 1), "the answer")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0)
    silent(net, conn, 2.5)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    equal(sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), 1,
          "SO_KEEPALIVE")
    session.read_rekey()
    session.rekey()
    exchange(net, sock, session)
    equal(tcp_probes(conn), 0, "TCP's own probes")


@both("3.9 TCP_USER_TIMEOUT instead of TCP_KEEPCNT")
def user_timeout(net, role):
    sock, conn, _ = established(net, role,
                                options=keepalive(count=60, user=2500))
    times_out(net, sock, conn, 2)


@both("3.9 one direction is at its end: TCP's own probes", True)
@both("3.9 the other direction is at its end: TCP's own probes", False)
def half_closed(net, role, ours):
    sock, conn, session = established(net, role, options=keepalive())
    exchange(net, sock, session)
    if ours:
        sock.shutdown(socket.SHUT_WR)
        equal(session.read_fin(), b"", "data in the last frame")
        conn.wait_fin()
    else:
        session.send(flags=FINP)
        conn.close()
        equal(net.recv(sock), b"", "end-of-file")
    after = len(conn.segs) - 1
    length = len(conn.rx)
    with counted(KeepaliveSent=0):
        for n in range(1, 4):
            net.wait(lambda n=n: tcp_probes(conn, after) >= n,
                     "TCP's own probes")
            conn.ack()
    equal(len(conn.rx), length, "length of the stream")
    if ours:
        session.send(content(10))
        equal(net.recv_exact(sock, 10), content(10), "what recv() got")
    else:
        net.send(sock, secret(10))


@both("3.9 we do not read, our window is closed: the peer lives", 1)
def we_pause(net, role, idle):
    sock, conn, session = established(
        net, role, options=keepalive(idle, 1, 2) + [
            (socket.SOL_SOCKET, socket.SO_RCVBUF, 8000)])
    sent = 0
    while conn.room() >= 1400:
        session.send(content(1300))
        sent += 1300
        net.rest(0.05)
    length = len(conn.rx)
    begin = time.monotonic()
    while time.monotonic() - begin < 6:
        # what its TCP does: no room for the answer
        net.rest(0.2)
        conn.ack()
        require(not conn.rst, "reset")
    equal(net.recv_exact(sock, sent), content(1300) * (sent // 1300), "data")
    require(len(conn.rx) <= length + EMPTY, "more than one probe")
    session.read_rekey()
    session.rekey()
    exchange(net, sock, session)


@both("3.9 the peer does not read, its window is closed: it lives")
def peer_pauses(net, role):
    sock, conn, session = established(net, role, options=keepalive(count=2))
    conn.win = 0
    for _ in range(2):
        session.send(content(1))
        equal(net.recv_exact(sock, 1), content(1), "what recv() got")
    sock.send(secret(50000))
    begin = time.monotonic()
    while time.monotonic() - begin < 6:
        net.rest(0.2)
        conn.ack()
        require(not conn.rst, "reset")
    session.rekeys = True
    conn.win = 65535
    conn.ack()
    equal(session.read(50000), secret(50000), "what the peer got")
    if not session.rx_gen:
        session.read_rekey()
    session.rekey()
    net.wait(lambda: generations(sock) == (1, 1), "the answer")
    exchange(net, sock, session)


@both("8.2 a closed window with nothing to send is no sign of life")
def forged_window(net, role):
    sock, conn, session = established(net, role, options=keepalive())
    conn.win = 0
    for _ in range(2):
        session.send(content(1))
        equal(net.recv_exact(sock, 1), content(1), "what recv() got")
    times_out(net, sock, conn, 2.5)


@both("3.9 plain TCP keeps its own probes")
def plain(net, role):
    conn = Conn(net)
    if role == ACTIVE:
        sock = net.connect(conn, options=keepalive())
        conn.wait_syn()
        conn.answer(b"")
        net.connected(sock)
        net.pump(0.1)
    else:
        listener = net.listen(options=keepalive())
        conn.open(listener.getsockname()[1], b"")
        conn.wait_syn()
        conn.ack()
        sock = net.accept(listener)
        net.close(listener)
    net.send(sock, b"x" * 10)
    conn.wait_rx(10)
    begin = time.monotonic()
    while time.monotonic() - begin < 6:
        n = tcp_probes(conn)
        net.rest(0.05)
        if tcp_probes(conn) > n:
            conn.ack()
    require(tcp_probes(conn) >= 3, "%d probes" % tcp_probes(conn))
    equal(len(conn.rx), 10, "length of the stream")
    require(not conn.rst, "reset")
    equal(net.recv_end(sock), (b"", errno.ETIMEDOUT), "without answers")


# --- two kernels ------------------------------------------------------------

class Sniffer:
    """What passes over the loopback interface: is it ciphertext?"""

    def __init__(self):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x0300)
        self.sock.bind(("lo", 0))
        self.sock.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)
        self.sock.setblocking(False)
        self.bytes = 0

    def look(self):
        while True:
            try:
                packet = self.sock.recv(1 << 17)
            except BlockingIOError:
                return
            self.bytes += len(packet)
            require(b"PlainSecret" not in packet, "plaintext on the wire")


def pair(net):
    """An encrypted connection of our kernel with itself."""
    listener = net.listen()
    client = net.keep(socket.socket())
    client.connect_ex(listener.getsockname())
    server = net.accept(listener)
    net.connected(client)
    net.close(listener)
    for sock in client, server:
        net.wait(lambda sock=sock: option(sock, TCP_CRYPT_INFO)[0] == 2,
                 "keys")
    return client, server


def bulk(net, cipher, limit, size):
    """size bytes in both directions at once, in writes of any length."""
    rng = random.Random(size + limit)
    data = secret(1 << 20)
    sniffer = Sniffer()
    with Sysctl("net.tcpcrypt.skip_loopback", 0), Sysctl(BYTES, limit), \
            Sysctl("net.tcpcrypt.aeads", AEADS[cipher][0]):
        socks = pair(net)
        sent, got = [0, 0], [0, 0]
        hashes = [hashlib.sha256() for _ in range(4)]
        until = time.monotonic() + 4 * DEADLINE
        while min(got) < size:
            require(time.monotonic() < until, "stuck at %s of %d" % (
                got, size))
            for i, sock in enumerate(socks):
                n = min(rng.choice((1, 100, 5000, 100000)), size - sent[i])
                at = sent[i] % 1000
                try:
                    n = sock.send(data[at:at + n]) if n else 0
                    hashes[i].update(data[at:at + n])
                    sent[i] += n
                except BlockingIOError:
                    pass
                try:
                    part = sock.recv(rng.choice((10, 100000)))
                    hashes[3 - i].update(part)
                    got[1 - i] += len(part)
                except BlockingIOError:
                    pass
            sniffer.look()
        equal(hashes[2].hexdigest(), hashes[0].hexdigest(), "hash, there")
        equal(hashes[3].hexdigest(), hashes[1].hexdigest(), "hash, back")
        net.wait(lambda: len(set(generations(socks[0]) +
                                 generations(socks[1]))) == 1,
                 "all is answered")
        gen = generations(socks[0])[0]
        require(gen >= size // max(limit, 16384) // 2, "%d generations" % gen)
        for i in 0, 1:
            socks[i].shutdown(socket.SHUT_WR)
            equal(net.recv(socks[1 - i]), b"", "end-of-file")
        require(sniffer.bytes > size, "nothing seen on the wire")
    sniffer.sock.close()


for aead in (AES128, AES256, CHACHA):
    suite.test("3.8 two kernels, %s, a key for 4000 bytes" % AEADS[aead][0],
               aead, 4000, 3000000)(bulk)


@suite.test("3.9 two kernels, both probe, both answer")
def two_alive(net):
    with Sysctl("net.tcpcrypt.skip_loopback", 0):
        socks = pair(net)
    for sock in socks:
        for level, name, value in keepalive(count=2):
            sock.setsockopt(level, name, value)
    net.rest(6)
    for sock in socks:
        net.wait(lambda sock=sock: len(set(generations(sock))) == 1,
                 "all is answered")
    gen = generations(socks[0])[0]
    require(3 <= gen <= 8, "%d probes in 6 s" % gen)
    net.send(socks[0], secret(1000))
    equal(net.recv_exact(socks[1], 1000), secret(1000), "what recv() got")


suite.test("3.8 two kernels, a key for each frame", AES128, 1, 1000000)(bulk)


if __name__ == "__main__":
    sys.exit(suite.main())
