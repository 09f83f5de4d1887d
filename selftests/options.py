#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""TEPs and socket options on the wire: our kernel against a peer.

    options.py [REGEX ...]    in a guest with the module

"active": our kernel connects; "passive": it listens. Names begin with the
section that asks for what is tested: RFC 8547's, or RFC 8548's where said.
The default offer and the second TEP (selftests/tep, make tep) are tested
here, too.
"""

import errno
import itertools
import os
import random
import socket
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
from peer import (AEADS, AES128, AES256, BARE, CHACHA, CURVE25519,
                  CURVE448, ENO, FINP, MAPPED, P256, P521, SYN,
                  TCP_CRYPT_AEADS, TCP_CRYPT_INFO, TCP_ENO_ENABLED,
                  TCP_ENO_NEGSPEC, TCP_ENO_PEER_AWARE, TCP_ENO_RAW,
                  TCP_ENO_ROLE, TCP_ENO_SELF_AWARE, TCP_ENO_SESSID,
                  TCP_ENO_SPECS, TCP_ENO_TIEBREAKER, TCP_ENO_TRANSCRIPT,
                  TCP_ULP, V4, V6, Conn, Session, Suite, Sysctl,
                  counters, eno, eno_parse, equal, insert_module,
                  int_option, no_cache, option, require)

NAMES = {P256: "P256", P521: "P521", CURVE25519: "Curve25519",
         CURVE448: "Curve448"}
DEFAULT = (P521, CURVE448, P256, CURVE25519)    # the best last
EXCLUDED = 8443                                 # bad_connect_ports
ACTIVE, PASSIVE = "active", "passive"
ROLES = (ACTIVE, PASSIVE)
PAYLOAD = b"PlainSecret-" * 200
REPLY = bytes(range(251)) * 9

suite = Suite()


def both(name, *args):
    """The test runs with our kernel as client and as server."""
    def register(function):
        section, _, rest = name.partition(" ")
        for role in ROLES:
            suite.test("%s %s: %s" % (section, role, rest), role,
                       *args)(function)
        return function
    return register


def families(name, *args):
    def register(function):
        for family in V4, V6, MAPPED:
            suite.test("%s, %s" % (name, family), family, *args)(function)
        return function
    return register


# --- the kernel's sockets ----------------------------------------------------

def settings(*options):
    """Options of a socket that is taken first; bytes or int."""
    return [(socket.IPPROTO_TCP, TCP_ULP, b"tcpcrypt")] + [
        (socket.IPPROTO_TCP, name, value) for name, value in options]


def offer(net, *options, family=V4, **kwargs):
    """Our kernel's SYN is there."""
    conn = Conn(net, family, **kwargs)
    sock = net.connect(conn, family, settings(*options))
    return sock, conn, conn.wait_syn()


def connect(net, answer, *options, **kwargs):
    """It heard answer in the SYN-ACK; and its own ENO option."""
    sock, conn, syn = offer(net, *options, **kwargs)
    require(syn.eno(), "no ENO in the SYN")
    conn.answer(answer)
    net.connected(sock)
    return sock, conn, syn.eno()[0]


def heard(net, syn, *options, family=V4, listener=None, **kwargs):
    """The peer's SYN with syn; our kernel's SYN-ACK is there."""
    listener = listener or net.listen(family, settings(*options))
    conn = Conn(net, family, **kwargs)
    conn.open(listener.getsockname()[1], syn)
    return listener, conn, conn.wait_syn()


def accept(net, syn, *options, bare=True, **kwargs):
    """And the first ACK has left; and our kernel's ENO option."""
    listener, conn, synack = heard(net, syn, *options, **kwargs)
    conn.bare = bare
    conn.ack()
    own = synack.eno()
    return net.accept(listener), conn, own[0] if own else b""


def opened(net, role, tep, *options, **kwargs):
    """A connection that has negotiated tep; its peer's session."""
    if role == ACTIVE:
        answer = eno(0x01, tep)
        sock, conn, own = connect(net, answer, *options, **kwargs)
        return sock, conn, Session(conn, "B", own + answer, tep)
    sock, conn, own = accept(net, eno(tep), *options, **kwargs)
    return sock, conn, Session(conn, "A", eno(tep) + own, tep)


def plain(net, sock, conn):
    """Both sides' bytes as they are; and no ENO any more."""
    before = len(conn.rx)
    net.send(sock, REPLY)
    conn.wait_rx(before + len(REPLY))
    equal(bytes(conn.rx[before:]), REPLY, "data on the wire")
    conn.send(REPLY)
    equal(net.recv_exact(sock, len(REPLY)), REPLY, "what recv() got")
    sock.shutdown(socket.SHUT_WR)
    conn.wait_fin()
    conn.close()
    equal(net.recv(sock), b"", "end-of-file")
    conn.wait_acked()


def no_more_eno(conn):
    for seg in conn.segs:
        require(seg.flags & SYN or not seg.eno(), "ENO after fallback: %s" %
                seg)


def fell_back(net, sock, conn):
    equal(int_option(sock, TCP_ENO_NEGSPEC) in (-errno.EOPNOTSUPP,
                                                -errno.ENOPROTOOPT), True,
          "TCP_ENO_NEGSPEC of a plain connection fails")
    plain(net, sock, conn)
    no_more_eno(conn)


def talk(net, sock, conn, session):
    """Keys are there: data in both directions."""
    session.send(REPLY)
    equal(net.recv_exact(sock, len(REPLY)), REPLY, "what recv() got")
    net.send(sock, PAYLOAD)
    equal(session.read(len(PAYLOAD)), PAYLOAD, "what the peer got")
    equal(option(sock, TCP_ENO_SESSID), session.session_id, "session ID")
    require(b"PlainSecret" not in conn.rx, "plaintext on the wire")


def finish(net, sock, conn, session):
    sock.shutdown(socket.SHUT_WR)
    equal(session.read_fin(), b"", "data in the last frame")
    session.send(flags=FINP)
    conn.close()
    equal(net.recv(sock), b"", "end-of-file")
    conn.wait_acked()
    require(not conn.rst, "reset")


def encrypted(net, sock, conn, session):
    """The negotiated TEP works, and the options say which it is."""
    equal(int_option(sock, TCP_ENO_NEGSPEC), session.tep, "TCP_ENO_NEGSPEC")
    equal(int_option(sock, TCP_ENO_ROLE), 0 if session.role == "B" else 1,
          "TCP_ENO_ROLE")
    equal(option(sock, TCP_ENO_TRANSCRIPT), session.transcript,
          "TCP_ENO_TRANSCRIPT")
    session.agree()
    talk(net, sock, conn, session)


# --- the default offer -------------------------------------------------------

@families("4.5 active: four TEPs, the best last")
def default_offer(net, family):
    for _ in range(2):
        conn = Conn(net, family)
        net.connect(conn, family)
        equal(conn.wait_syn().eno(), [eno(*DEFAULT)], "ENO of the SYN")


for fam in (V4, V6, MAPPED):
    for number, title in NAMES.items():
        @suite.test("4.5 active: host B chooses %s, %s" % (title, fam), fam,
                    number)
        def peer_chooses(net, family, tep):
            sock, conn, own = connect(net, eno(0x01, tep), family=family)
            equal(own, eno(*DEFAULT), "ENO of the SYN")
            session = Session(conn, "B", own + eno(0x01, tep), tep)
            encrypted(net, sock, conn, session)
            finish(net, sock, conn, session)


ANSWERS = [
    ("the last of several", (0x01, 0x23, 0x21), 0x21),
    ("all of them, in another order", (0x01, 0x23, 0x21, 0x24, 0x22), 0x22),
    ("an unknown one last", (0x01, 0x21, 0x24, 0x7f), 0x24),
    ("unknown ones with data around", (0x01, 0x81, 0xf0, 0x23, 0x22, 0x22,
                                       0xf1, 0x21), 0x22),
    ("unknown ones with length bytes around",
     (0x01, 0x80, 0xa0, 0x23, 0x24, 0x80, 0xff, 0x22), 0x24),
    ("the global suboption last", (0x22, 0x24, 0x01), 0x24),
    ("a repeated one last", (0x01, 0x21, 0x24, 0x24), 0x21),
    ("a repeated one around another", (0x01, 0x24, 0x22, 0x24), 0x22),
    ("one with data that nobody asked for last",
     (0x01, 0x24, 0xa3) + tuple(range(17)), 0x24),
    ("two with data that nobody asked for last",
     (0x01, 0x22, 0x88, 0xa1) + tuple(range(9)) + (0xa3,), 0x22),
]

for title, contents, number in ANSWERS:
    @suite.test("4.5 active: SYN-ACK with %s" % title, eno(*contents),
                number)
    def last_valid(net, answer, tep):
        sock, conn, own = connect(net, answer, ts=len(answer) < 20)
        session = Session(conn, "B", own + answer, tep)
        encrypted(net, sock, conn, session)


@suite.test("4.5 passive: by own priority, whatever the order of the SYN")
def own_priority(net):
    listener = net.listen(V4)
    for n in range(1, 5):
        for teps in itertools.permutations(DEFAULT, n):
            conn = Conn(net, V4)
            conn.open(listener.getsockname()[1], eno(*teps))
            best = max(teps, key=DEFAULT.index)
            equal(conn.wait_syn().eno(), [eno(0x01, best)],
                  "SYN-ACK to %s" % eno(*teps).hex(" "))
            conn.reset()
            net.conns.remove(conn)


OFFERS = [
    ("unknown TEPs around", (0x7f, 0x22, 0x21, 0x25), 0x21),
    ("unknown TEPs with data around", (0x81, 0xf0, 0x23, 0x23, 0x22, 0xff,
                                       0x21), 0x22),
    ("a repeated TEP", (0x23, 0x22, 0x23), 0x22),
    ("a repeated TEP, once with v = 1", (0x23, 0x24, 0xa3), 0x24),
    ("an empty suboption with v = 1", (0x22, 0xa3), 0x23),
    ("length bytes and data of our TEPs",
     (0x82, 0xa3, 1, 2, 3, 0x80, 0xa1, 4, 0x22), 0x23),
]

for title, contents, number in OFFERS:
    @suite.test("4.5 passive: SYN with %s" % title, eno(*contents), number)
    def from_offer(net, syn, tep):
        sock, conn, own = accept(net, syn)
        equal(own, eno(0x01, tep), "ENO of the SYN-ACK")
        encrypted(net, sock, conn, Session(conn, "A", syn + own, tep))


def random_contents(rng, first):
    out = list(first)
    for _ in range(rng.randrange(6)):
        kind = rng.randrange(8)
        if kind < 4:
            out.append(rng.choice((0x20, 0x21, 0x22, 0x23, 0x24, 0x7f)))
        elif kind < 6:
            data = rng.randbytes(rng.randrange(1, 4))
            out += [0x80 + len(data) - 1, rng.randrange(0xa0, 0xa6)]
            out += data
        else:
            out.append(rng.randrange(256))
    return bytes(out[:20])


def best_of(contents):
    """Section 4.5: what a listener has to choose; None: nothing."""
    parsed = eno_parse(contents)
    if not parsed or parsed[0] & 1:
        return None
    seen = [tep for tep, _ in parsed[1]]
    valid = [tep for tep in DEFAULT if seen.count(tep) == 1]
    return valid[-1] if valid else None


@suite.test("4.5 passive: 100 random SYN options, choice by the RFC", 5)
@suite.test("4.5 passive: 100 more", 6)
def random_offers(net, seed):
    rng = random.Random(seed)
    listener = net.listen(V4)
    chosen = set()
    for _ in range(100):
        contents = random_contents(rng, ())
        conn = Conn(net, V4)
        conn.open(listener.getsockname()[1], eno(*contents))
        tep = best_of(contents)
        chosen.add(tep)
        want = [[eno(0x01, tep)]] if tep else [[], [eno(0x01)]]
        synack = conn.wait_syn()
        require(synack.eno() in want, "SYN-ACK to %s: %s" % (
            contents.hex(" "), synack))
        conn.reset()
        net.conns.remove(conn)
    require(len(chosen) > 3, "only %s were chosen" % chosen)


def others(seg):
    """Options but ENO, the clocks of a timestamp left out."""
    return [o[:2] if o[0] == 8 else o for o in seg.options if o[0] != ENO]


@families("4.2 active: four TEPs leave the other options of the SYN alone")
def same_options(net, family):
    ours = Conn(net, family)
    net.connect(ours, family)
    control = Conn(net, family, port=EXCLUDED)
    net.connect(control, family)
    equal(control.wait_syn().eno(), [], "ENO of the SYN (control)")
    equal(ours.wait_syn().eno(), [eno(*DEFAULT)], "ENO of the SYN")
    equal(others(ours.wait_syn()), others(control.wait_syn()),
          "other options")


# --- each TEP with each AEAD -------------------------------------------------

for number, title in NAMES.items():
    for aead in (AES128, AES256, CHACHA):
        @both("5 %s with %s alone (RFC 8548)" % (title, AEADS[aead][0]),
              number, aead)
        def one_each(net, role, tep, cipher):
            sock, conn, session = opened(
                net, role, tep, (TCP_ENO_SPECS, bytes([tep])),
                (TCP_CRYPT_AEADS, struct.pack("!H", cipher)))
            equal(session.transcript, (eno(tep) + eno(0x01, tep)),
                  "ENO options")
            encrypted(net, sock, conn, session)
            equal(session.cipher, cipher, "cipher")
            if role == ACTIVE:
                equal(session.offered, (cipher,), "ciphers in Init1")
            info = struct.unpack("=BBBBH", option(sock, TCP_CRYPT_INFO)[:6])
            equal((info[1], info[4]), (tep, cipher), "TCP_CRYPT_INFO")
            finish(net, sock, conn, session)


# --- TCP_ENO_SPECS -----------------------------------------------------------

@suite.test("4.5 active: TCP_ENO_SPECS is the SYN's list, in its order")
def specs_active(net):
    for n in range(1, 5):
        for teps in itertools.permutations(DEFAULT, n):
            _, conn, syn = offer(net, (TCP_ENO_SPECS, bytes(teps)))
            equal(syn.eno(), [eno(*teps)], "ENO of the SYN")
            conn.reset()
            net.conns.remove(conn)


@suite.test("4.5 passive: TCP_ENO_SPECS is the listener's priority")
def specs_passive(net):
    for teps in itertools.permutations(DEFAULT, 3):
        listener = net.listen(V4, settings((TCP_ENO_SPECS, bytes(teps))))
        for offered in (DEFAULT, DEFAULT[::-1], teps[::-1], teps[:2],
                        teps[:1]):
            _, conn, synack = heard(net, eno(*offered), listener=listener)
            best = max((t for t in offered if t in teps), key=teps.index)
            equal(synack.eno(), [eno(0x01, best)], "ENO of the SYN-ACK")
            conn.reset()
            net.conns.remove(conn)
        missing = [t for t in DEFAULT if t not in teps]
        _, conn, synack = heard(net, eno(*missing), listener=listener)
        equal(synack.eno(), [], "ENO of the SYN-ACK")
        net.close(listener)


@suite.test("4.5 active: a TEP that TCP_ENO_SPECS left out: plain",
            (P256, CURVE448))
@suite.test("4.5 active: only TEPs that nobody has: plain", (0x7f, 0x20))
def not_offered(net, teps):
    sock, conn, _ = connect(net, eno(0x01, *teps),
                            (TCP_ENO_SPECS, bytes((P521, CURVE25519))))
    fell_back(net, sock, conn)


# --- TCP_ENO_SELF_AWARE ------------------------------------------------------

@suite.test("4.2 active: the a bit is 0 by default", (), 0)
@suite.test("4.2 active: TCP_ENO_SELF_AWARE 0", ((TCP_ENO_SELF_AWARE, 0),),
            0)
@suite.test("4.2 active: TCP_ENO_SELF_AWARE 1 sends a = 1",
            ((TCP_ENO_SELF_AWARE, 1),), 2)
@suite.test("4.2 active: TCP_ENO_SELF_AWARE 2 sends a = 1",
            ((TCP_ENO_SELF_AWARE, 2),), 2)
def aware_active(net, options, sent):
    want = eno(*([sent] if sent else []), *DEFAULT)
    mandatory = dict(options).get(TCP_ENO_SELF_AWARE) == 2
    for answer, peer in ((eno(0x01, 0x24), 0), (eno(0x03, 0x24), 1),
                         (eno(0x1f, 0x24), 1), (eno(0x24, 0x03), 1),
                         (eno(0x01, 0x02, 0x24), 0), (eno(0x1d, 0x24), 0)):
        sock, conn, own = connect(net, answer, *options)
        equal(own, want, "ENO of the SYN")
        if mandatory and not peer:
            fell_back(net, sock, conn)
            continue
        equal(int_option(sock, TCP_ENO_PEER_AWARE), peer,
              "TCP_ENO_PEER_AWARE")
        encrypted(net, sock, conn, Session(conn, "B", own + answer, 0x24))


@suite.test("4.2 passive: the a bit is 0 by default", (), 0)
@suite.test("4.2 passive: TCP_ENO_SELF_AWARE 1 sends a = 1",
            ((TCP_ENO_SELF_AWARE, 1),), 2)
@suite.test("4.2 passive: TCP_ENO_SELF_AWARE 2 sends a = 1",
            ((TCP_ENO_SELF_AWARE, 2),), 2)
def aware_passive(net, options, sent):
    mandatory = dict(options).get(TCP_ENO_SELF_AWARE) == 2
    for syn, peer in ((eno(0x24), 0), (eno(0x02, 0x24), 1),
                      (eno(0x1e, 0x24), 1), (eno(0x24, 0x02), 1),
                      (eno(0x00, 0x02, 0x24), 0), (eno(0x1c, 0x24), 0)):
        if mandatory and not peer:
            listener, conn, synack = heard(net, syn, *options)
            require(synack.eno() in ([], [eno(0x01)], [eno(0x03)]),
                    "ENO of the SYN-ACK: %s" % synack)
            conn.ack()
            fell_back(net, net.accept(listener), conn)
            continue
        sock, conn, own = accept(net, syn, *options)
        equal(own, eno(0x01 | sent, 0x24), "ENO of the SYN-ACK")
        equal(int_option(sock, TCP_ENO_PEER_AWARE), peer,
              "TCP_ENO_PEER_AWARE")
        encrypted(net, sock, conn, Session(conn, "A", syn + own, 0x24))


@both("4.2 mandatory and required, the peer's a bit is 0: ECONNABORTED")
def mandatory_required(net, role):
    options = ((TCP_ENO_SELF_AWARE, 2), (TCP_ENO_ENABLED, 2))
    if role == ACTIVE:
        sock, conn, _ = offer(net, *options)
        conn.answer(eno(0x01, 0x24))
        net.wait(lambda: net.readable(sock), "poll()")
        equal(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR),
              errno.ECONNABORTED, "connect()")
        equal(bytes(conn.rx), b"", "data on the wire")
    else:
        listener = net.listen(V4, settings(*options))
        conn = Conn(net, V4)
        conn.open(listener.getsockname()[1], eno(0x24))
        conn.wait_rst()


# --- TCP_ENO_TIEBREAKER ------------------------------------------------------

@suite.test("4.3 active: b = 1 and a passive opener: plain", 0)
@suite.test("4.3 active: b = 1 and a = 1 and a passive opener: plain", 1)
def tiebreaker(net, aware):
    sock, conn, own = connect(net, eno(0x03, *DEFAULT),
                              (TCP_ENO_TIEBREAKER, 1),
                              (TCP_ENO_SELF_AWARE, aware))
    equal(own, eno(0x01 | aware << 1, *DEFAULT), "ENO of the SYN")
    fell_back(net, sock, conn)


@suite.test("4.3 active: b = 1, the peer's is 0: our kernel is host B")
def active_host_b(net):
    answer = eno(0x24, 0x21)
    sock, conn, own = connect(net, answer, (TCP_ENO_TIEBREAKER, 1))
    # section 4.5: the last valid one of host B's option
    encrypted(net, sock, conn, Session(conn, "A", answer + own, 0x21))


@suite.test("4.3 passive: b is 1, with TCP_ENO_TIEBREAKER 0 and 1")
def passive_b(net):
    for value in 0, 1:
        sock, conn, own = accept(net, eno(0x22), (TCP_ENO_TIEBREAKER, value))
        equal(own, eno(0x01, 0x22), "ENO of the SYN-ACK")
        encrypted(net, sock, conn, Session(conn, "A", eno(0x22) + own, 0x22))


# --- TCP_ENO_RAW -------------------------------------------------------------

def raw_state(sock, role, negspec, transcript):
    equal(int_option(sock, TCP_ENO_ROLE), role, "TCP_ENO_ROLE")
    equal(int_option(sock, TCP_ENO_NEGSPEC), negspec, "TCP_ENO_NEGSPEC")
    equal(option(sock, TCP_ENO_TRANSCRIPT), transcript,
          "TCP_ENO_TRANSCRIPT")
    equal(option(sock, TCP_ENO_SESSID), -errno.EOPNOTSUPP,
          "TCP_ENO_SESSID")


RAW_ACTIVE = [
    ("own TEPs", (0x50, 0x51), (0x01, 0x50), 0x50),
    ("suboption data", (0x81, 0xd0, 7, 8, 0x51), (0x01, 0xd0, 9), 0xd0),
    ("a system TEP: no key agreement", (0x23,), (0x01, 0x23), 0x23),
    ("a global suboption", (0x02, 0x50), (0x03, 0x51, 0x50), 0x50),
    ("a repeated TEP", (0x50, 0x50), (0x01, 0x50), 0x50),
]

for title, contents, reply, number in RAW_ACTIVE:
    for fam in (V4, V6, MAPPED):
        @suite.test("4.1 active: TCP_ENO_RAW, %s, %s" % (title, fam), fam,
                    bytes(contents), eno(*reply), number)
        def raw_active(net, family, raw, answer, negspec):
            sock, conn, syn = offer(net, (TCP_ENO_RAW, raw), family=family,
                                    auto_ack=False)
            equal(syn.eno(), [eno(*raw)], "ENO of the SYN")
            conn.answer(answer)
            net.connected(sock)
            net.send(sock, b"first")
            conn.wait_rx(5)
            # section 4.6: in every segment until the peer's first ACK
            for seg in conn.segs:
                require(seg.flags & SYN or seg.eno() == [BARE],
                        "no bare ENO: %s" % seg)
            conn.auto_ack = True
            conn.ack()
            net.rest(0.02)
            count = len(conn.segs)
            raw_state(sock, 0, negspec, eno(*raw) + answer)
            equal(bytes(conn.rx), b"first", "data on the wire")
            plain(net, sock, conn)
            for seg in conn.segs[count:]:
                equal(seg.eno(), [], "ENO after the peer's first ACK")


RAW_REFUSED = [
    ("nothing in common", (0x50,), (0x01, 0x51)),
    ("system TEPs are off", (0x50,), (0x01, *DEFAULT)),
    ("both b = 1", (0x01, 0x50), (0x01, 0x50)),
    ("vacuous", (0x50,), (0x01,)),
    ("ill-formed", (0x50,), (0x01, 0x50, 0x80)),
    ("nothing", (0x50,), None),
]

for title, contents, reply in RAW_REFUSED:
    @suite.test("4.6 active: TCP_ENO_RAW, the SYN-ACK: %s: plain" % title,
                bytes(contents), b"" if reply is None else eno(*reply))
    def raw_refused(net, raw, answer):
        sock, conn, own = connect(net, answer, (TCP_ENO_RAW, raw))
        equal(own, eno(*raw), "ENO of the SYN")
        fell_back(net, sock, conn)


@suite.test("4.1 active: TCP_ENO_RAW that does not fit: no ENO, plain")
def raw_room(net):
    raw = bytes([0xd0]) + bytes(37)
    sock, conn, syn = offer(net, (TCP_ENO_RAW, raw))
    equal(syn.eno(), [], "ENO of the SYN")
    conn.answer(b"")
    net.connected(sock)
    fell_back(net, sock, conn)


@suite.test("4.1 active: TCP_ENO_RAW as long as fits: as it is")
def raw_fits(net):
    # 40, less MSS, SACK, timestamp, window scale, and kind and length
    raw = bytes([0xd0]) + bytes(range(40 - 4 - 2 - 10 - 3 - 2 - 1))
    sock, conn, own = connect(net, eno(0x01, 0xd0, 1), (TCP_ENO_RAW, raw))
    equal(own, eno(*raw), "ENO of the SYN")
    raw_state(sock, 0, 0xd0, own + eno(0x01, 0xd0, 1))
    plain(net, sock, conn)


@suite.test("4.2 active: TCP_ENO_RAW, mandatory, the peer's a bit counts")
def raw_mandatory(net):
    options = ((TCP_ENO_RAW, b"\x02\x50"), (TCP_ENO_SELF_AWARE, 2))
    sock, conn, _ = connect(net, eno(0x01, 0x50), *options)
    fell_back(net, sock, conn)
    sock, conn, own = connect(net, eno(0x03, 0x50), *options)
    raw_state(sock, 0, 0x50, own + eno(0x03, 0x50))
    equal(int_option(sock, TCP_ENO_PEER_AWARE), 1, "TCP_ENO_PEER_AWARE")
    plain(net, sock, conn)


RAW_PASSIVE = [
    ("own TEPs", (0x01, 0x50, 0x51), (0x51, 0x50), 0x51),
    ("suboption data", (0x03, 0xd0, 7, 8, 9), (0x02, 0xd0, 1), 0xd0),
    ("a system TEP: no key agreement", (0x01, 0x23), (0x21, 0x23), 0x23),
]

for title, contents, reply, number in RAW_PASSIVE:
    for fam in (V4, V6, MAPPED):
        @suite.test("4.1 passive: TCP_ENO_RAW, %s, %s" % (title, fam), fam,
                    bytes(contents), eno(*reply), number)
        def raw_passive(net, family, raw, syn, negspec):
            sock, conn, own = accept(net, syn, (TCP_ENO_RAW, raw),
                                     family=family)
            equal(own, eno(*raw), "ENO of the SYN-ACK")
            net.rest(0.05)
            equal(bytes(conn.rx), b"", "data on the wire")
            raw_state(sock, 1, negspec, syn + own)
            plain(net, sock, conn)
            no_more_eno(conn)


@suite.test("4.6 passive: TCP_ENO_RAW, first ACK without ENO: plain")
def raw_no_ack(net):
    sock, conn, own = accept(net, eno(0x50), (TCP_ENO_RAW, b"\x01\x50"),
                             bare=False)
    equal(own, eno(0x01, 0x50), "ENO of the SYN-ACK")
    fell_back(net, sock, conn)


for title, contents, reply in (
        ("b = 0 of a listener", (0x50,), (0x50,)),
        ("b = 0 of a listener, the SYN's is 1", (0x50,), (0x01, 0x50)),
        ("implicit b = 0 and a = 1", (0x02, 0x50), (0x50,)),
        ("nothing in common", (0x01, 0x50), (0x51,)),
        ("system TEPs are off", (0x01, 0x50), DEFAULT),
        ("the SYN's b bit is 1", (0x01, 0x50), (0x01, 0x50)),
        ("the SYN is ill-formed", (0x01, 0x50), (0x50, 0x80))):
    @suite.test("4.2 passive: TCP_ENO_RAW, %s: no ENO, plain" % title,
                bytes(contents), eno(*reply))
    def raw_no_answer(net, raw, syn):
        listener, conn, synack = heard(net, syn, (TCP_ENO_RAW, raw))
        equal(synack.eno(), [], "ENO of the SYN-ACK")
        conn.ack()
        fell_back(net, net.accept(listener), conn)


# --- TCP_CRYPT_AEADS ---------------------------------------------------------

def cipher_list(*ciphers):
    return struct.pack("!%dH" % len(ciphers), *ciphers)


@suite.test("3.3 active: TCP_CRYPT_AEADS is Init1's list (RFC 8548)")
def aeads_active(net):
    for n in range(1, 4):
        for ciphers in itertools.permutations((AES128, AES256, CHACHA), n):
            sock, conn, session = opened(
                net, ACTIVE, CURVE25519,
                (TCP_CRYPT_AEADS, cipher_list(*ciphers)))
            session.agree(ciphers[-1])
            equal(session.offered, ciphers, "ciphers in Init1")
            talk(net, sock, conn, session)
            conn.reset()


@suite.test("3.3 passive: TCP_CRYPT_AEADS is the order of preference "
            "(RFC 8548)")
def aeads_passive(net):
    for ciphers in itertools.permutations((AES128, AES256, CHACHA), 2):
        for offered in ((AES128, AES256, CHACHA), ciphers[::-1],
                        ciphers[1:]):
            sock, conn, session = opened(
                net, PASSIVE, CURVE25519,
                (TCP_CRYPT_AEADS, cipher_list(*ciphers)))
            session.agree(ciphers=offered)
            best = ciphers[0] if ciphers[0] in offered else ciphers[1]
            equal(session.cipher, best, "cipher")
            talk(net, sock, conn, session)
            conn.reset()


@suite.test("3.3 passive: no cipher of TCP_CRYPT_AEADS: EPROTO (RFC 8548)",
            PASSIVE)
@suite.test("3.3 active: Init2 has another cipher than TCP_CRYPT_AEADS: "
            "EPROTO (RFC 8548)", ACTIVE)
def no_cipher(net, role):
    sock, conn, session = opened(
        net, role, CURVE25519,
        (TCP_CRYPT_AEADS, cipher_list(CHACHA, AES128)))
    if role == PASSIVE:
        conn.send(session.init1(ciphers=(AES256, 0x7777)))
    else:
        session.read_init1()
        conn.send(session.init2(AES256))
    equal(net.recv_end(sock), (b"", errno.EPROTO), "recv()")
    conn.wait_rst()


# --- what was set counts, whatever is set later ------------------------------

@suite.test("4.5 active: net.tcpcrypt.teps changes after the SYN")
def teps_after_syn(net):
    sock, conn, syn = offer(net)
    own = syn.eno()[0]
    with Sysctl("net.tcpcrypt.teps", "P521"):
        conn.answer(eno(0x01, 0x24))
        net.connected(sock)
        encrypted(net, sock, conn,
                  Session(conn, "B", own + eno(0x01, 0x24), 0x24))


@suite.test("4.5 passive: net.tcpcrypt.teps changes after the SYN-ACK")
def teps_after_synack(net):
    listener, conn, synack = heard(net, eno(0x24, 0x22))
    equal(synack.eno(), [eno(0x01, 0x24)], "ENO of the SYN-ACK")
    with Sysctl("net.tcpcrypt.teps", "P521"):
        conn.bare = True
        conn.ack()
        sock = net.accept(listener)
        encrypted(net, sock, conn, Session(
            conn, "A", eno(0x24, 0x22) + eno(0x01, 0x24), 0x24))


@suite.test("4.5 active: a repeated SYN is the same after the sysctl changed")
def teps_and_retransmission(net):
    sock, conn, syn = offer(net)
    with Sysctl("net.tcpcrypt.teps", "P521"):
        net.wait(lambda: len(conn.segs) >= 2, "a second SYN")
        equal(conn.segs[1].eno(), syn.eno(), "ENO of the second SYN")
        conn.answer(eno(0x01, 0x23))
        net.connected(sock)
        encrypted(net, sock, conn, Session(
            conn, "B", syn.eno()[0] + eno(0x01, 0x23), 0x23))


@suite.test("4.5 passive: a repeated SYN-ACK is the same after the sysctl "
            "changed")
def teps_and_synack(net):
    listener, conn, synack = heard(net, eno(0x24, 0x22))
    with Sysctl("net.tcpcrypt.teps", "P521"):
        net.wait(lambda: len(conn.segs) >= 2, "a second SYN-ACK")
        equal(conn.segs[1].eno(), synack.eno(), "ENO of the second SYN-ACK")
        conn.bare = True
        conn.ack()
        sock = net.accept(listener)
        encrypted(net, sock, conn, Session(
            conn, "A", eno(0x24, 0x22) + eno(0x01, 0x24), 0x24))


@both("4.5 net.tcpcrypt.teps counts for the next connection")
def teps_next(net, role):
    with Sysctl("net.tcpcrypt.teps", "P521,P256"):
        if role == ACTIVE:
            equal(offer(net)[2].eno(), [eno(P256, P521)], "ENO of the SYN")
        else:
            equal(heard(net, eno(*DEFAULT))[2].eno(), [eno(0x01, P521)],
                  "ENO of the SYN-ACK")


# --- another TEP -------------------------------------------------------------

TEST = 0x20
TEST_SECRET = b"This-is-no-secret-at-all-0123456"
TEST_MODULE = "tcpcrypt_test_tep"


class TestTep:
    """with TestTep() as loaded: the second TEP is there."""

    def __enter__(self):
        insert_module("tep")
        return self

    @staticmethod
    def remove():
        """True, or False if it is in use."""
        done = subprocess.run(["rmmod", TEST_MODULE], check=False,
                              stderr=subprocess.DEVNULL)
        return done.returncode == 0

    def __exit__(self, *args):
        for conn in suite.net.conns:
            conn.reset()
        for sock in suite.net.sockets:
            sock.close()
        suite.net.sockets.clear()
        if os.path.exists("/sys/module/" + TEST_MODULE):
            suite.net.wait(self.remove, "rmmod of the second TEP")


class TestSession(Session):
    """The peer's end of 0x20: no messages, keys at once."""

    def __init__(self, conn, role, transcript, _=TEST):
        self.conn, self.role, self.transcript = conn, role, transcript
        self.tep = TEST
        self.install(TEST_SECRET, b"", AES128, role, TEST)

    def agree(self, cipher=None, size=None, urg=None, **kwargs):
        return self


def unknown(net):
    sock = net.keep(socket.socket())
    sock.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"tcpcrypt")
    try:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_ENO_SPECS, bytes([TEST]))
    except OSError as error:
        return error.errno == errno.EINVAL
    return False


def test_opened(net, role, *options, **kwargs):
    if role == ACTIVE:
        answer = eno(0x01, TEST)
        sock, conn, own = connect(net, answer, *options, **kwargs)
        return sock, conn, TestSession(conn, "B", own + answer)
    sock, conn, own = accept(net, eno(TEST), *options, **kwargs)
    return sock, conn, TestSession(conn, "A", eno(TEST) + own)


@suite.test("5 another TEP: known between insmod and rmmod only")
def tep_known(net):
    require(unknown(net), "0x20 is known without its module")
    with TestTep() as tep:
        require(not unknown(net), "0x20 is unknown with its module")
        net.clean()
        require(tep.remove(), "rmmod")
        require(unknown(net), "0x20 is known after rmmod")


@suite.test("5 another TEP: offered by configuration only")
def tep_default(net):
    with TestTep():
        equal(offer(net)[2].eno(), [eno(*DEFAULT)], "ENO of the SYN")
        equal(heard(net, eno(TEST))[2].eno(), [], "ENO of the SYN-ACK")
        with Sysctl("net.tcpcrypt.teps", "test P521"):
            equal(offer(net)[2].eno(), [eno(P521, TEST)], "ENO of the SYN")
            equal(heard(net, eno(TEST, P521))[2].eno(), [eno(0x01, TEST)],
                  "ENO of the SYN-ACK")


for fam in (V4, V6, MAPPED):
    @both("5 another TEP: a whole connection, %s" % fam, fam)
    def tep_whole(net, role, family):
        with TestTep():
            for specs in bytes([TEST]), bytes([P256, TEST]):
                sock, conn, session = test_opened(
                    net, role, (TCP_ENO_SPECS, specs), family=family)
                encrypted(net, sock, conn, session)
                finish(net, sock, conn, session)


@both("5 another TEP: its module stays while a connection uses it")
def tep_in_use(net, role):
    with TestTep() as tep:
        sock, conn, session = test_opened(
            net, role, (TCP_ENO_SPECS, bytes([TEST])))
        require(not tep.remove(), "rmmod with a connection")
        encrypted(net, sock, conn, session)
        require(not tep.remove(), "rmmod with a connection")
        finish(net, sock, conn, session)
        net.close(sock)
        net.wait(tep.remove, "rmmod after the connection")


@suite.test("5 another TEP: two of ours, tcpcrypt chosen by the peer")
def tep_and_tcpcrypt(net):
    with TestTep() as tep:
        specs = (TCP_ENO_SPECS, bytes([CURVE25519, TEST]))
        answer = eno(0x01, CURVE25519)
        sock, conn, own = connect(net, answer, specs)
        equal(own, eno(CURVE25519, TEST), "ENO of the SYN")
        encrypted(net, sock, conn, Session(conn, "B", own + answer))
        # which does not use the other module
        require(tep.remove(), "rmmod")
        talk_on = b"after rmmod"
        net.send(sock, talk_on)


@both("5 another TEP: its suboption data is its own; nothing is cached")
def tep_data(net, role):
    with TestTep(), Sysctl("net.tcpcrypt.cache_max", 16):
        added = counters()["CacheAdded"]
        specs = (TCP_ENO_SPECS, bytes([TEST]))
        if role == ACTIVE:
            answer = eno(0x01, 0x80 | TEST, *range(17))
            sock, conn, own = connect(net, answer, specs)
            session = TestSession(conn, "B", own + answer)
            session.install(TEST_SECRET, b"", AES128, "B", 0x80 | TEST)
            session.tep |= 0x80
        else:
            syn = eno(0x80 | TEST, *range(17))
            sock, conn, own = accept(net, syn, specs)
            equal(own, eno(0x01, TEST), "ENO of the SYN-ACK")
            session = TestSession(conn, "A", syn + own)
        encrypted(net, sock, conn, session)
        equal(counters()["CacheAdded"], added, "CacheAdded")


@suite.test("5 another TEP: gone between SYN and SYN-ACK: plain")
def tep_gone_active(net):
    with TestTep() as tep:
        sock, conn, syn = offer(net, (TCP_ENO_SPECS, bytes([TEST])))
        equal(syn.eno(), [eno(TEST)], "ENO of the SYN")
        require(tep.remove(), "rmmod")
        conn.answer(eno(0x01, TEST))
        net.connected(sock)
        fell_back(net, sock, conn)


@suite.test("5 another TEP: gone between SYN-ACK and ACK: no plaintext")
def tep_gone_passive(net):
    with TestTep() as tep:
        listener, conn, synack = heard(net, eno(TEST),
                                       (TCP_ENO_SPECS, bytes([TEST])))
        equal(synack.eno(), [eno(0x01, TEST)], "ENO of the SYN-ACK")
        require(tep.remove(), "rmmod")
        aborted = int(counters()["AbortLocal"])
        conn.bare = True
        conn.ack()
        sock = net.accept(listener)
        equal(net.recv_end(sock), (b"", errno.EIO), "recv()")
        equal(int(counters()["AbortLocal"]), aborted + 1, "AbortLocal")
        conn.wait_rst()
        equal(bytes(conn.rx), b"", "data on the wire")


@suite.test("5 another TEP: a listener outlives it: plain, or the next TEP")
def tep_gone_listener(net):
    with TestTep() as tep:
        listener = net.listen(
            V4, settings((TCP_ENO_SPECS, bytes([P256, TEST]))))
        equal(heard(net, eno(TEST, P256), listener=listener)[2].eno(),
              [eno(0x01, TEST)], "ENO of the SYN-ACK")
        require(tep.remove(), "rmmod")
        equal(heard(net, eno(TEST, P256), listener=listener)[2].eno(),
              [eno(0x01, P256)], "ENO of the SYN-ACK")
        equal(heard(net, eno(TEST), listener=listener)[2].eno(), [],
              "ENO of the SYN-ACK")


def two_of_ours(net, host, specs):
    """Both ends are the kernel's, over lo."""
    af = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = net.keep(socket.socket(af))
    sock = net.keep(socket.socket(af))
    for end in listener, sock:
        for level, name, value in settings((TCP_ENO_ENABLED, 1),
                                           (TCP_ENO_SPECS, specs)):
            end.setsockopt(level, name, value)
    listener.bind((host if host.count(".") < 3 or ":" not in host else "::",
                   0))
    listener.listen(1)
    sock.connect_ex((host, listener.getsockname()[1]))
    other = net.accept(listener)
    net.connected(sock)
    return sock, other


@suite.test("5 another TEP: both ends are ours")
def tep_of_two(net):
    with TestTep():
        for host in "127.0.0.1", "::1", "::ffff:127.0.0.1":
            before = counters()
            sock, other = two_of_ours(net, host, bytes([TEST]))
            for a, b in (sock, other), (other, sock):
                net.send(a, PAYLOAD)
                equal(net.recv_exact(b, len(PAYLOAD)), PAYLOAD, "data")
                equal(int_option(a, TCP_ENO_NEGSPEC), TEST,
                      "TCP_ENO_NEGSPEC")
            equal(option(sock, TCP_ENO_SESSID),
                  option(other, TCP_ENO_SESSID), "session ID")
            equal(option(sock, TCP_ENO_SESSID)[0], TEST, "its TEP byte")
            frames = int(counters()["FramesSent"]) - int(
                before["FramesSent"])
            require(frames >= 2, "%d frames" % frames)


if __name__ == "__main__":
    sys.exit(suite.main(settings=no_cache))
