#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The four key agreement schemes of RFC 8548: our kernel against OpenSSL.

    curves.py [REGEX ...]    in a guest with the module

Names begin with the section of RFC 8548 that asks for what is tested.
"active": our kernel connects and is host A; "passive": it listens and is
host B. Our kernel must offer all four.
"""

import errno
import socket
import sys

sys.dont_write_bytecode = True
from peer import (CURVE25519, CURVE448, FINP, P256, P521, TCP_ENO_NEGSPEC,
                  TCP_ENO_SESSID, V4, Conn, Session, Suite, eno, equal,
                  int_option, no_cache, option, require)

ACTIVE, PASSIVE = "active", "passive"
NAMES = {P256: "P-256", P521: "P-521", CURVE25519: "Curve25519",
         CURVE448: "Curve448"}
LENGTHS = {P256: 35, P521: 69, CURVE25519: 32, CURVE448: 56}
PRIMES = {P256: 2**256 - 2**224 + 2**192 + 2**96 - 1, P521: 2**521 - 1,
          CURVE25519: 2**255 - 19, CURVE448: 2**448 - 2**224 - 1}
SECRET = b"PlainSecret-" * 300
CONTENT = bytes(range(251)) * 20

suite = Suite()


def each(name, teps=tuple(NAMES), *args):
    """The test runs for each TEP and in both roles."""
    def register(function):
        section, _, rest = name.partition(" ")
        for tep in teps:
            for role in ACTIVE, PASSIVE:
                suite.test("%s %s, %s: %s" % (section, NAMES[tep], role,
                                              rest),
                           tep, role, *args)(function)
        return function
    return register


def negotiate(net, tep, role):
    """ENO has chosen the TEP, keys are not agreed yet."""
    conn = Conn(net, V4)
    if role == ACTIVE:
        sock = net.connect(conn)
        offer = conn.wait_syn().eno()
        require(offer and tep in offer[0][2:],
                "our kernel does not offer 0x%02x" % tep)
        answer = eno(0x01, tep)
        conn.answer(answer)
        net.connected(sock)
        return sock, conn, Session(conn, "B", offer[0] + answer, tep)
    listener = net.listen()
    offer = eno(tep)
    conn.open(listener.getsockname()[1], offer)
    answer = conn.wait_syn().eno()
    equal(answer, [eno(0x01, tep)], "ENO of the SYN-ACK")
    conn.bare = True
    conn.ack()
    sock = net.accept(listener)
    net.close(listener)
    return sock, conn, Session(conn, "A", offer + answer[0], tep)


@each("3.3 a whole connection")
def whole(net, tep, role):
    sock, conn, session = negotiate(net, tep, role)
    equal(len(session.public), LENGTHS[tep], "length of a public key")
    session.agree()
    equal(int_option(sock, TCP_ENO_NEGSPEC), tep, "TCP_ENO_NEGSPEC")
    session.send(CONTENT)
    equal(net.recv_exact(sock, len(CONTENT)), CONTENT, "what recv() got")
    net.send(sock, SECRET)
    equal(session.read(len(SECRET)), SECRET, "what the peer got")
    equal(option(sock, TCP_ENO_SESSID), session.session_id, "session ID")
    sock.shutdown(socket.SHUT_WR)
    equal(session.read_fin(), b"", "data in the last frame")
    session.send(flags=FINP)
    conn.close()
    equal(net.recv(sock), b"", "end-of-file")
    require(b"PlainSecret" not in conn.rx, "plaintext on the wire")


@each("3.3 keys are fresh")
def fresh(net, tep, role):
    seen = set()
    for _ in range(3):
        _, conn, session = negotiate(net, tep, role)
        session.agree()
        seen.add(session.peer_init[-LENGTHS[tep]:])
        conn.reset()
    equal(len(seen), 3, "different public keys")


def refused(net, tep, role, public):
    """Section 3.3: abort, with an error that is not end-of-file."""
    sock, conn, session = negotiate(net, tep, role)
    if role == ACTIVE:
        session.read_init1()
        conn.send(session.init2(session.offered[0], public=public))
    else:
        conn.send(session.init1(public=public))
    got, error = net.recv_end(sock)
    equal((got, errno.errorcode.get(error, "EOF")), (b"", "EPROTO"),
          "recv()")
    conn.wait_rst()


for title, u in (("0", lambda p: 0), ("1", lambda p: 1),
                 ("p - 1", lambda p: p - 1), ("p", lambda p: p),
                 ("p + 1", lambda p: p + 1)):
    @each("5 public key %s, all-zero result: EPROTO" % title,
          (CURVE25519, CURVE448), u)
    def small_order(net, tep, role, value):
        refused(net, tep, role, value(PRIMES[tep]).to_bytes(LENGTHS[tep],
                                                            "little"))


B = {P256: int("5ac635d8aa3a93e7b3ebbd55769886bc"
               "651d06b0cc53b0f63bce3c3e27d2604b", 16),
     P521: int("0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b4899"
               "18ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef4"
               "51fd46b503f00", 16)}


def point(tep, on_curve=True, prefix=2, more=0, x=None):
    """A public key; more: than the right pubkey_len."""
    length, p = LENGTHS[tep], PRIMES[tep]
    if x is None:
        x = 5
        # y^2 = x^3 - 3x + b
        while (pow(x**3 - 3 * x + B[tep], (p - 1) // 2, p) == 1) != on_curve:
            x += 1
    return ((length + more).to_bytes(2, "big") + bytes([prefix]) +
            x.to_bytes(length - 3, "big"))


@each("5 the public key of these tests is valid", (P256, P521))
def valid(net, tep, role):
    _, conn, session = negotiate(net, tep, role)
    conn.send(session.init1(public=point(tep)) if role == PASSIVE else
              session.init2(session.read_init1() and session.offered[0],
                            public=point(tep)))
    if role == PASSIVE:
        session.read_init2()
    net.rest(0.3)
    require(not conn.rst, "reset")


for title, make in (
        ("pubkey_len without itself", lambda t: point(t, more=-2)),
        ("pubkey_len one more", lambda t: point(t, more=1)),
        ("pubkey_len 256 more", lambda t: point(t, more=256)),
        ("the prefix of infinity", lambda t: point(t, prefix=0)),
        ("infinity", lambda t: point(t, prefix=0, x=0)),
        ("the prefix of an uncompressed point", lambda t: point(t, prefix=4)),
        ("a hybrid prefix", lambda t: point(t, prefix=6)),
        ("x is p", lambda t: point(t, x=PRIMES[t])),
        ("x has all bits", lambda t: point(t, x=256**(LENGTHS[t] - 3) - 1)),
        ("a point off the curve", lambda t: point(t, on_curve=False))):
    @each("5 public key, %s: EPROTO" % title, (P256, P521), make)
    def invalid(net, tep, role, public):
        refused(net, tep, role, public(tep))


if __name__ == "__main__":
    sys.exit(suite.main(settings=no_cache))
