#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Session resumption, RFC 8548 section 3.5: our kernel against a peer.

    resume.py [REGEX ...]    in a guest with the module

"active": our kernel connects and proposes; "passive": it listens and the peer
proposes. "host A" and "host B" is the role that our kernel played when the
first session's secret was made: it has nothing to do with who connects now.
Each test begins with an empty cache. After each test nothing that the kernel
sent may contain what an application wrote, and no session ID comes twice.
"""

import ctypes
import errno
import functools
import os
import random
import socket
import struct
import sys

sys.dont_write_bytecode = True
from peer import (ACK, AES128, AES256, BARE, CHACHA, CURVE25519, CURVE448,
                  MAPPED, P256, P521, PSH, SYN, TCP_CRYPT_CACHE,
                  TCP_CRYPT_CACHE_FLUSH, TCP_CRYPT_INFO, TCP_CRYPT_REKEY,
                  TCP_CRYPT_RESUME, TCP_ENO_ENABLED, TCP_ENO_NEGSPEC,
                  TCP_ENO_PEER_AWARE, TCP_ENO_ROLE, TCP_ENO_SELF_AWARE,
                  TCP_ENO_SESSID, TCP_ENO_SPECS, TCP_ENO_TIEBREAKER,
                  TCP_ENO_TRANSCRIPT, V, V4, V6, Conn, Failure, Net, Resumed,
                  Session, Suite, Sysctl, add, as_loaded, counters, eno,
                  eno_parse, equal, int_option, option, require, sysctl)
from options import (EXCLUDED, PAYLOAD, fell_back, finish, others, settings,
                     talk)

ACTIVE, PASSIVE = "active", "passive"
ROLES = (ACTIVE, PASSIVE)
ORIGIN = {ACTIVE: "host A", PASSIVE: "host B"}
SACK = b"\x04\x02"
CACHE_MAX, LIFETIME = "net.tcpcrypt.cache_max", "net.tcpcrypt.cache_lifetime"
NONCE_LEN = "net.tcpcrypt.resume_nonce_len"

suite = Suite()
session_ids = set()


def no_plaintext(net):
    for conn in net.conns:
        if not getattr(conn, "plain", False):
            require(b"PlainSecret" not in conn.rx, "plaintext on the wire")


suite.after = no_plaintext


def empty_cache():
    sysctl(CACHE_MAX, sysctl(CACHE_MAX, 0))


def test(name, *args):
    def register(function):
        @functools.wraps(function)
        def run(net, *more):
            empty_cache()
            return function(net, *more)
        return suite.test("3.5 " + name, *args)(run)
    return register


def both(name, *args):
    """Our kernel as client and as server."""
    def register(function):
        for role in ROLES:
            test("%s: %s" % (role, name), role, *args)(function)
        return function
    return register


# --- what all tests do -------------------------------------------------------

def fresh(net, role, family=V4, tep=CURVE25519, cipher=AES128, options=(),
          **kwargs):
    """A connection with fresh keys; the kernel proposes nothing."""
    conn = Conn(net, family, **kwargs)
    if role == ACTIVE:
        sock = net.connect(conn, family, options and settings(*options))
        own = conn.wait_syn().eno()[0]
        equal(proposals(own), [], "proposals in the SYN")
        conn.answer(eno(0x01, tep))
        net.connected(sock)
        session = Session(conn, "B", own + eno(0x01, tep), tep)
        session.agree(cipher)
    else:
        listener = net.listen(family, options and settings(*options))
        conn.open(listener.getsockname()[1], eno(tep))
        equal(conn.wait_syn().eno(), [eno(0x01, tep)], "ENO of the SYN-ACK")
        conn.bare = True
        conn.ack()
        sock = net.accept(listener)
        net.close(listener)
        session = Session(conn, "A", eno(tep) + eno(0x01, tep), tep)
        session.agree(ciphers=(cipher,))
    require(session.session_id not in session_ids, "session ID used again")
    session_ids.add(session.session_id)
    talk(net, sock, conn, session)
    return sock, conn, session


def ticket_of(net, role, *args, **kwargs):
    """A fresh session that is over; what can be resumed from it, its port."""
    sock, conn, session = fresh(net, role, *args, **kwargs)
    finish(net, sock, conn, session)
    net.close(sock)
    return session.ticket(), conn.port


def proposals(contents):
    """[(TEP, suboption data)] of an ENO option."""
    parsed = eno_parse(contents[2:])
    require(parsed, "ill-formed: %s" % contents.hex(" "))
    return [(tep, data) for tep, data in parsed[1] if data is not None]


def syn_of(net, family=V4, options=(), **kwargs):
    """Our kernel connects: its socket, the peer's end, its ENO option."""
    conn = Conn(net, family, **kwargs)
    sock = net.connect(conn, family, options and settings(*options))
    return sock, conn, conn.wait_syn().eno()[0]


def nonce_of(contents, ticket, nonce_len=8):
    """The option has one proposal, the ticket's; its nonce."""
    found = proposals(contents)
    equal([(t, d[:9]) for t, d in found], [(ticket.tep, ticket.theirs)],
          "resumption suboptions")
    # MUST NOT: the same TEP more than once
    _, teps = eno_parse(contents[2:])
    names = [t for t, _ in teps]
    equal(len(set(names)), len(names), "each TEP once")
    nonce = found[0][1][9:]
    equal(len(nonce), nonce_len, "length of the nonce")
    return nonce


def proposes_nothing(net, **kwargs):
    sock, conn, own = syn_of(net, **kwargs)
    equal(proposals(own), [], "proposals in the SYN")
    conn.reset()
    net.close(sock)


def answer_of(ticket, nonce, first=0x01):
    return eno(first, *ticket.suboption(nonce))


def encrypted(net, sock, conn, session, ticket, transcript, role):
    """A resumed session works, without any message of key exchange."""
    equal(int_option(sock, TCP_ENO_NEGSPEC), V | ticket.tep,
          "TCP_ENO_NEGSPEC")
    equal(int_option(sock, TCP_ENO_ROLE), 0 if role == ACTIVE else 1,
          "TCP_ENO_ROLE: of this connection")
    equal(option(sock, TCP_ENO_TRANSCRIPT), transcript,
          "TCP_ENO_TRANSCRIPT")
    talk(net, sock, conn, session)
    equal(session.session_id[0], V | ticket.tep, "TEP byte of session ID")
    require(session.session_id not in session_ids, "session ID used again")
    session_ids.add(session.session_id)
    info = struct.unpack("=BBBBH", option(sock, TCP_CRYPT_INFO)[:6])
    equal(info[4], ticket.cipher, "AEAD: the original session's")


def resume(net, role, ticket, nonce=None, family=V4, nonce_len=8, options=(),
           listener=None, **kwargs):
    """A resumed connection, proposed by our kernel or by the peer."""
    before = int(counters()["HandshakeResumed"])
    nonce = os.urandom(8) if nonce is None else nonce
    if role == ACTIVE:
        sock, conn, own = syn_of(net, family, options, **kwargs)
        theirs = nonce_of(own, ticket, nonce_len)
        answer = answer_of(ticket, nonce)
        conn.answer(answer)
        net.connected(sock)
        transcript = own + answer
    else:
        listener = listener or net.listen(family,
                                          options and settings(*options))
        own = eno(*ticket.suboption(nonce))
        conn = Conn(net, family, **kwargs)
        conn.open(listener.getsockname()[1], own)
        synack = conn.wait_syn().eno()
        require(synack, "no ENO in the SYN-ACK")
        # section 4.2 of RFC 8547, and one TEP only
        equal(synack[0][2:4], bytes([0x01, V | ticket.tep]),
              "SYN-ACK agrees to resume")
        theirs = nonce_of(synack[0], ticket, nonce_len)
        conn.bare = True
        conn.ack()
        sock = net.accept(listener)
        transcript = own + synack[0]
    session = Resumed(conn, ticket, nonce, theirs)
    encrypted(net, sock, conn, session, ticket, transcript, role)
    equal(int(counters()["HandshakeResumed"]), before + 1,
          "HandshakeResumed")
    return sock, conn, session


def not_resumed(net, ticket, contents=None, want=None, family=V4,
                listener=None, options=(), **kwargs):
    """The peer's proposal is answered by fresh key exchange."""
    listener = listener or net.listen(family, options and settings(*options))
    conn = Conn(net, family, **kwargs)
    own = contents or eno(*ticket.suboption(os.urandom(8)))
    want = want or ticket.tep
    conn.open(listener.getsockname()[1], own)
    equal(conn.wait_syn().eno(), [eno(0x01, want)],
          "SYN-ACK asks for fresh keys")
    conn.bare = True
    conn.ack()
    sock = net.accept(listener)
    session = Session(conn, "A", own + eno(0x01, want), want)
    session.agree()
    talk(net, sock, conn, session)
    equal(int_option(sock, TCP_ENO_NEGSPEC), want, "TCP_ENO_NEGSPEC")
    require(session.session_id not in session_ids, "session ID used again")
    session_ids.add(session.session_id)
    return sock, conn, session


# --- whole sessions ----------------------------------------------------------

def whole(net, role, origin, family, tep=CURVE25519, cipher=AES128):
    ticket, _ = ticket_of(net, origin, family, tep, cipher)
    for i in range(2):
        sock, conn, session = resume(net, role, ticket, family=family)
        equal(session.ticket().ss, ticket.after().ss, "next secret")
        ticket = session.ticket()
        if i:
            finish(net, sock, conn, session)
        else:
            conn.reset()


for kernel in ROLES:
    for first in ROLES:
        for fam in (V4, V6, MAPPED):
            test("%s: original %s, %s" % (kernel, ORIGIN[first], fam),
                 kernel, first, fam)(whole)
        for number, aead in ((P256, AES256), (P521, CHACHA),
                             (CURVE448, AES128), (CURVE25519, CHACHA)):
            test("%s: original %s, TEP 0x%02x, AEAD %d" % (
                kernel, ORIGIN[first], number, aead), kernel, first, V4,
                number, aead)(whole)


for first in ROLES:
    for kernel in ROLES:
        @test("%s: nonces of 0 to 8 bytes, original %s" % (
            kernel, ORIGIN[first]), kernel, first)
        def nonces(net, role, origin):
            ticket, _ = ticket_of(net, origin)
            for theirs in range(9):
                with Sysctl(NONCE_LEN, theirs):
                    for own in (theirs, 8 - theirs):
                        _, conn, session = resume(
                            net, role, ticket, os.urandom(own),
                            nonce_len=theirs)
                        ticket = session.ticket()
                        conn.reset()

    @test("a chain of eight, the opener changes, original %s" %
          ORIGIN[first], first)
    def chain(net, origin):
        ticket, _ = ticket_of(net, origin)
        secrets = {ticket.ss}
        for role in (ACTIVE, ACTIVE, PASSIVE, PASSIVE, ACTIVE, PASSIVE,
                     ACTIVE, PASSIVE):
            sock, conn, session = resume(net, role, ticket)
            finish(net, sock, conn, session)
            ticket = session.ticket()
            require(ticket.ss not in secrets, "secret used again")
            secrets.add(ticket.ss)


@test("nonces are eight bytes by default, and differ")
def nonces_differ(net):
    equal(sysctl(NONCE_LEN, 8), "8", NONCE_LEN)
    seen = set()
    for role in ROLES * 4:
        ticket, _ = ticket_of(net, ACTIVE)
        if role == ACTIVE:
            sock, conn, own = syn_of(net)
            seen.add(nonce_of(own, ticket))
            conn.reset()
            net.close(sock)
        else:
            listener = net.listen()
            conn = Conn(net)
            conn.open(listener.getsockname()[1],
                      eno(*ticket.suboption(b"")))
            seen.add(nonce_of(conn.wait_syn().eno()[0], ticket))
            conn.reset()
    equal(len(seen), 8, "different nonces")


@test("active: other TEPs stand beside the proposal, where there is room")
def other_teps(net):
    for tep in (P256, CURVE25519):
        ticket, _ = ticket_of(net, ACTIVE, tep=tep)
        with Sysctl(NONCE_LEN, 0), Sysctl("net.ipv4.tcp_timestamps", 0):
            _, conn, own = syn_of(net)
            nonce_of(own, ticket, 0)
            _, teps = eno_parse(own[2:])
            fresh_ones = [t for t, d in teps if d is None]
            equal(fresh_ones, [t for t in (P521, CURVE448, P256, CURVE25519)
                               if t != tep], "TEPs with v = 0")
            conn.reset()


# --- passive: when not to agree ----------------------------------------------

for size in range(9):
    @test("passive: v = 1 and %d bytes are v = 0" % size, size)
    def short(net, size):
        ticket, _ = ticket_of(net, ACTIVE)
        data = ticket.own[:size]
        not_resumed(net, ticket, eno(V | CURVE25519, *data))
        # between others, with a length byte
        if size:
            not_resumed(net, ticket, eno(
                P256, 0x80 | size - 1, V | CURVE25519, *data, P521))
        # and nothing was used up
        resume(net, PASSIVE, ticket)


@test("passive: more than 17 bytes are no proposal")
def long(net):
    ticket, _ = ticket_of(net, ACTIVE)
    for size in 18, 20, 24:
        not_resumed(net, ticket, eno(V | CURVE25519, *ticket.own,
                                     *bytes(size - 9)), ts=False)
    resume(net, PASSIVE, ticket)


@test("passive: an unknown half: fresh")
def unknown_half(net):
    ticket, _ = ticket_of(net, ACTIVE)
    for at in range(9):
        half = bytearray(ticket.own)
        half[at] ^= 1 << at % 8
        not_resumed(net, ticket, eno(*ticket.suboption(b"12345678",
                                                       half=half)))
    not_resumed(net, ticket, eno(V | CURVE25519, *bytes(17)))
    resume(net, PASSIVE, ticket)


for first in ROLES:
    @test("passive: the half of the wrong role: fresh, original %s" %
          ORIGIN[first], first)
    def wrong_half(net, origin):
        ticket, _ = ticket_of(net, origin)
        not_resumed(net, ticket, eno(*ticket.suboption(
            b"12345678", half=ticket.theirs)))
        resume(net, PASSIVE, ticket)

    @test("passive: another TEP's suboption: fresh, original %s" %
          ORIGIN[first], first)
    def wrong_tep(net, origin):
        ticket, _ = ticket_of(net, origin)
        for tep in P256, P521, CURVE448:
            not_resumed(net, ticket, eno(*ticket.suboption(b"", tep)), tep)
        resume(net, PASSIVE, ticket)


@test("passive: a proposal in vain and another TEP: either, fresh")
def vain_and_other(net):
    ticket, _ = ticket_of(net, ACTIVE)
    listener = net.listen()
    conn = Conn(net)
    conn.open(listener.getsockname()[1], eno(
        P521, *ticket.suboption(b"", half=bytes(9))))
    require(conn.wait_syn().eno() in ([eno(0x01, P521)],
                                      [eno(0x01, CURVE25519)]),
            "ENO of the SYN-ACK: %s" % conn.wait_syn())


@test("passive: a good proposal beside better TEPs is agreed to")
def beside_others(net):
    ticket, _ = ticket_of(net, ACTIVE, tep=P521)
    listener = net.listen()
    for before, after in (((CURVE25519, CURVE448), ()),
                          ((0x8a,), (CURVE25519,))):
        own = eno(*before, *ticket.suboption(b"ab"), *after)
        conn = Conn(net)
        conn.open(listener.getsockname()[1], own)
        answer = conn.wait_syn().eno()[0]
        theirs = nonce_of(answer, ticket)
        conn.bare = True
        conn.ack()
        sock = net.accept(listener)
        session = Resumed(conn, ticket, b"ab", theirs)
        encrypted(net, sock, conn, session, ticket, own + answer, PASSIVE)
        ticket = session.ticket()


@test("passive: the same TEP twice is not valid")
def twice(net):
    ticket, _ = ticket_of(net, ACTIVE)
    listener = net.listen()
    sub = ticket.suboption(b"")
    for contents, want in (
            ((CURVE25519,) + tuple(sub), []),
            ((0x88,) + tuple(sub) + (CURVE25519,), []),
            ((0x88,) + tuple(sub) + tuple(sub), []),
            ((P256, CURVE25519) + tuple(sub), [eno(0x01, P256)])):
        conn = Conn(net, ts=False)
        conn.open(listener.getsockname()[1], eno(*contents))
        equal(conn.wait_syn().eno(), want, "ENO of the SYN-ACK")
        conn.reset()


@test("passive: proposals of two TEPs in one SYN: one is agreed to")
def two_proposals(net):
    one, _ = ticket_of(net, ACTIVE, tep=P256)
    two, _ = ticket_of(net, PASSIVE, tep=CURVE448)
    listener = net.listen()
    conn = Conn(net, ts=False)
    own = eno(0x88, *one.suboption(b""), *two.suboption(b""))
    conn.open(listener.getsockname()[1], own)
    answer = conn.wait_syn().eno()[0]
    found = proposals(answer)
    equal(len(found), 1, "resumption suboptions of the SYN-ACK")
    ticket = one if found[0][0] == P256 else two
    theirs = nonce_of(answer, ticket)
    conn.bare = True
    conn.ack()
    sock = net.accept(listener)
    session = Resumed(conn, ticket, b"", theirs)
    encrypted(net, sock, conn, session, ticket, own + answer, PASSIVE)


@test("passive: random suboptions, never a wrong agreement")
def random_suboptions(net):
    rng = random.Random(35)
    ticket, _ = ticket_of(net, ACTIVE)
    listener = net.listen()
    for _ in range(100):
        data = bytearray(ticket.own + bytes(rng.randrange(9)))
        change = rng.randrange(4)
        if change == 0:
            data[rng.randrange(9)] ^= 1 << rng.randrange(8)
        elif change == 1:
            del data[rng.randrange(9):]
        elif change == 2:
            data[:9] = ticket.theirs
        else:
            data[:9] = rng.randbytes(9)
        tep = rng.choice((P256, P521, CURVE25519, CURVE448))
        conn = Conn(net)
        conn.open(listener.getsockname()[1], eno(V | tep, *data))
        equal(conn.wait_syn().eno(), [eno(0x01, tep)], "SYN-ACK")
        conn.reset()
        net.conns.remove(conn)
    resume(net, PASSIVE, ticket)


# --- active: what the SYN-ACK may say ----------------------------------------

def flipped(data, at=8):
    data = bytearray(data)
    data[at] ^= 1
    return data


for title, make in (
        ("the last bit differs", lambda t: t.suboption(
            b"12345678", half=flipped(t.own))),
        ("the first bit differs", lambda t: t.suboption(
            b"", half=flipped(t.own, 0))),
        ("our own half", lambda t: t.suboption(b"1234", half=t.theirs)),
        ("8 bytes", lambda t: bytes([V | t.tep]) + t.own[:8]),
        ("no data, v = 1", lambda t: bytes([V | t.tep])),
        ("18 bytes", lambda t: t.suboption(bytes(9))),
        ("the right half, another TEP", lambda t: t.suboption(b"", P256)),
        ("the right half twice", lambda t: bytes([0x88]) +
         t.suboption(b"") + t.suboption(b""))):
    for fam in (V4, V6) if "last" in title else (V4,):
        @test("active: SYN-ACK %s: plain, no ENO, %s" % (title, fam), fam,
              make)
        def mismatch(net, family, suboption):
            ticket, port = ticket_of(net, ACTIVE, family)
            # without timestamps there is room for all of these
            sock, conn, own = syn_of(net, family, port=port, ts=False)
            nonce_of(own, ticket)
            conn.answer(eno(0x01, *suboption(ticket)))
            net.connected(sock)
            conn.plain = True
            net.rest(0.05)
            equal(bytes(conn.rx), b"", "data before the application wrote")
            fell_back(net, sock, conn)
            # used, successfully or not
            proposes_nothing(net, family=family, port=port)
            not_resumed(net, ticket, family=family)


@test("active: SYN-ACK with a wrong half and another TEP: the other one")
def mismatch_and_other(net):
    ticket, _ = ticket_of(net, ACTIVE)
    with Sysctl(NONCE_LEN, 2):
        sock, conn, own = syn_of(net)
    nonce_of(own, ticket, 2)
    answer = eno(0x01, P256, *ticket.suboption(b"", half=bytes(9)))
    conn.answer(answer)
    net.connected(sock)
    if P256 in [t for t, _ in eno_parse(own[2:])[1]]:
        session = Session(conn, "B", own + answer, P256)
        session.agree()
        talk(net, sock, conn, session)
    else:
        conn.plain = True
        fell_back(net, sock, conn)


for number in (CURVE25519, P256):
    for fam in (V4, V6, MAPPED):
        @test("active: the peer forgot, asks for fresh 0x%02x, %s" % (
            number, fam), fam, number)
        def forgot(net, family, tep):
            ticket, port = ticket_of(net, ACTIVE, family)
            with Sysctl(NONCE_LEN, 4):
                sock, conn, own = syn_of(net, family, port=port)
            nonce_of(own, ticket, 4)
            answer = eno(0x01, tep)
            conn.answer(answer)
            net.connected(sock)
            offered = [t for t, _ in eno_parse(own[2:])[1]]
            if tep not in offered:
                raise Failure("0x%02x was not offered: %s" % (
                    tep, own.hex(" ")))
            session = Session(conn, "B", own + answer, tep)
            session.agree()
            talk(net, sock, conn, session)
            equal(int_option(sock, TCP_ENO_NEGSPEC), tep, "TCP_ENO_NEGSPEC")
            # the old secret is not used again, the new one is
            not_resumed(net, ticket, family=family)
            resume(net, ACTIVE, session.ticket(), family=family, port=port)


@test("active: the peer has no ENO any more: plain")
def stripped(net):
    ticket, port = ticket_of(net, ACTIVE)
    sock, conn, own = syn_of(net, port=port)
    nonce_of(own, ticket)
    conn.answer(b"")
    net.connected(sock)
    conn.plain = True
    fell_back(net, sock, conn)
    proposes_nothing(net, port=port)


@test("passive: the SYN-ACK agreed, first ACK without ENO: plain")
def no_ack(net):
    ticket, _ = ticket_of(net, ACTIVE)
    listener = net.listen()
    conn = Conn(net)
    conn.open(listener.getsockname()[1], eno(*ticket.suboption(b"")))
    nonce_of(conn.wait_syn().eno()[0], ticket)
    conn.ack()
    conn.plain = True
    fell_back(net, net.accept(listener), conn)


# --- each secret once --------------------------------------------------------

@test("passive: a used proposal again: fresh, from the same port and others")
def replay(net):
    ticket, _ = ticket_of(net, ACTIVE)
    listener = net.listen()
    sock, conn, session = resume(net, PASSIVE, ticket, b"abcdefgh",
                                 listener=listener)
    for port, isn in ((None, None), (None, conn.isn)):
        not_resumed(net, ticket, eno(*ticket.suboption(b"abcdefgh")),
                    listener=listener, port=port, isn=isn)
    finish(net, sock, conn, session)
    # peer and port of the original connection: TIME_WAIT is the peer's
    net.conns.remove(conn)
    net.close(sock)
    conn.fin = False
    not_resumed(net, ticket, eno(*ticket.suboption(b"abcdefgh")),
                listener=listener, port=conn.port,
                isn=add(conn.isn, 1000000))
    # the next one has not been used
    resume(net, PASSIVE, ticket.after(), listener=listener)


@test("passive: two SYNs at once with one proposal: one resumes")
def two_syns(net):
    ticket, _ = ticket_of(net, ACTIVE)
    listener = net.listen()
    own = eno(*ticket.suboption(b"abcdefgh"))
    conns, answers = [], []
    for _ in range(4):
        conn = Conn(net)
        conn.open(listener.getsockname()[1], own)
        answers.append(conn.wait_syn().eno()[0])
        conns.append(conn)
    resumed = [bool(proposals(a)) for a in answers]
    require(sum(resumed) <= 1, "%d SYN-ACKs agree" % sum(resumed))
    for conn, answer, again in zip(conns, answers, resumed):
        conn.bare = True
        conn.ack()
        sock = net.accept(listener)
        if again:
            session = Resumed(conn, ticket, b"abcdefgh",
                              nonce_of(answer, ticket))
        else:
            session = Session(conn, "A", own + answer)
            session.agree()
        talk(net, sock, conn, session)


@test("passive: the repeated SYN gets the same SYN-ACK, and resumes")
def repeated_syn(net):
    ticket, _ = ticket_of(net, ACTIVE)
    listener = net.listen()
    own = eno(*ticket.suboption(b"abcdefgh"))
    conn = Conn(net)
    conn.open(listener.getsockname()[1], own)
    answer = conn.wait_syn().eno()
    conn.output(SYN, options=own, seq=conn.isn)
    net.wait(lambda: len(conn.segs) >= 2, "a second SYN-ACK")
    net.wait(lambda: len(conn.segs) >= 3, "a SYN-ACK by the timer")
    for seg in conn.segs:
        equal(seg.eno(), answer, "ENO of a SYN-ACK")
    conn.bare = True
    conn.ack()
    sock = net.accept(listener)
    session = Resumed(conn, ticket, b"abcdefgh",
                      nonce_of(answer[0], ticket))
    encrypted(net, sock, conn, session, ticket, own + answer[0], PASSIVE)


@test("active: the repeated SYN is the same, and resumes")
def repeated(net):
    ticket, port = ticket_of(net, ACTIVE)
    sock, conn, own = syn_of(net, port=port)
    net.wait(lambda: len(conn.segs) >= 2, "a second SYN")
    equal(conn.segs[1].eno(), [own], "ENO of the second SYN")
    conn.answer(answer_of(ticket, b"1"))
    net.connected(sock)
    session = Resumed(conn, ticket, b"1", nonce_of(own, ticket))
    talk(net, sock, conn, session)


@test("active: two connections at once have different secrets")
def at_once(net):
    tickets = [ticket_of(net, PASSIVE)[0] for _ in range(3)]
    seen = []
    ends = []
    for _ in range(5):
        sock, conn, own = syn_of(net)
        found = proposals(own)
        if found:
            ticket = [t for t in tickets if t.theirs == found[0][1][:9]][0]
            require(ticket not in seen, "a secret is proposed twice")
            seen.append(ticket)
            ends.append((sock, conn, own, ticket))
    equal(len(seen), 3, "connections that propose")
    for sock, conn, own, ticket in ends:
        answer = answer_of(ticket, b"z")
        conn.answer(answer)
        net.connected(sock)
        session = Resumed(conn, ticket, b"z", nonce_of(own, ticket))
        encrypted(net, sock, conn, session, ticket, own + answer, ACTIVE)


@test("active: a proposal whose connection was refused is not made again")
def refused(net):
    ticket, port = ticket_of(net, ACTIVE)
    sock, conn, own = syn_of(net, port=port)
    nonce_of(own, ticket)
    conn.output(0x14, seq=0)                    # RST, ACK
    net.rest(0.05)
    net.conns.remove(conn)
    proposes_nothing(net, port=port)
    not_resumed(net, ticket)


@test("active: a proposal whose socket was closed is not made again")
def closed(net):
    ticket, port = ticket_of(net, ACTIVE)
    sock, conn, own = syn_of(net, port=port)
    nonce_of(own, ticket)
    net.close(sock)
    net.conns.remove(conn)
    proposes_nothing(net, port=port)
    not_resumed(net, ticket)


@test("a secret used in one role is not used in the other")
def other_role(net):
    for origin in ROLES:
        ticket, _ = ticket_of(net, origin)
        _, conn, session = resume(net, ACTIVE, ticket)
        not_resumed(net, ticket)
        conn.reset()
        empty_cache()
        ticket, _ = ticket_of(net, origin)
        _, conn, session = resume(net, PASSIVE, ticket)
        sock, again, own = syn_of(net)
        nonce_of(own, ticket.after())
        conn.reset()
        again.reset()
        empty_cache()


@test("both propose the same secret at once: neither resumes")
def crossing(net):
    for origin in ROLES:
        ticket, _ = ticket_of(net, origin)
        sock, conn, own = syn_of(net)
        nonce_of(own, ticket)
        not_resumed(net, ticket)
        conn.answer(eno(0x01, ticket.tep))
        net.connected(sock)
        session = Session(conn, "B", own + eno(0x01, ticket.tep))
        session.agree()
        talk(net, sock, conn, session)
        empty_cache()


@test("what the peer proposed in vain is not proposed by us: SYN, then reset")
def vain_reset(net):
    ticket, _ = ticket_of(net, ACTIVE)
    listener = net.listen()
    conn = Conn(net)
    conn.open(listener.getsockname()[1], eno(*ticket.suboption(b"")))
    nonce_of(conn.wait_syn().eno()[0], ticket)
    conn.reset()
    proposes_nothing(net)


@test("what the peer proposed in vain is not proposed by us: no common mode")
def vain_mode(net):
    ticket, _ = ticket_of(net, ACTIVE)
    listener = net.listen(V4, settings((TCP_ENO_SELF_AWARE, 2)))
    conn = Conn(net)
    conn.open(listener.getsockname()[1], eno(*ticket.suboption(b"")))
    equal(conn.wait_syn().eno(), [], "ENO of the SYN-ACK")
    conn.reset()
    proposes_nothing(net)


@both("a nonce that was altered on its way: EBADMSG, no plaintext")
def altered(net, role):
    ticket, _ = ticket_of(net, ACTIVE)
    if role == ACTIVE:
        sock, conn, own = syn_of(net)
        conn.answer(answer_of(ticket, b"abcdefgh"))
        net.connected(sock)
        theirs = nonce_of(own, ticket)
    else:
        listener = net.listen()
        conn = Conn(net)
        conn.open(listener.getsockname()[1],
                  eno(*ticket.suboption(b"abcdefgh")))
        theirs = nonce_of(conn.wait_syn().eno()[0], ticket)
        conn.bare = True
        conn.ack()
        sock = net.accept(listener)
    session = Resumed(conn, ticket, b"abcdefgi", theirs)
    session.send(PAYLOAD)
    equal(net.recv_end(sock), (b"", errno.EBADMSG), "recv()")
    conn.wait_rst()
    # and the secret is used up
    not_resumed(net, ticket)


# --- options and sysctls -----------------------------------------------------

@test("active: TCP_CRYPT_RESUME 0 proposes nothing, later ones do")
def no_resume_active(net):
    ticket, port = ticket_of(net, ACTIVE)
    proposes_nothing(net, options=((TCP_CRYPT_RESUME, 0),), port=port)
    resume(net, ACTIVE, ticket, port=port,
           options=((TCP_CRYPT_RESUME, 1),))


@test("passive: TCP_CRYPT_RESUME 0 does not agree, other listeners do")
def no_resume_passive(net):
    ticket, _ = ticket_of(net, ACTIVE)
    not_resumed(net, ticket, options=((TCP_CRYPT_RESUME, 0),))
    resume(net, PASSIVE, ticket, options=((TCP_CRYPT_RESUME, 1),))


@both("TCP_CRYPT_RESUME 0 does not keep from caching")
def no_resume_caches(net, role):
    ticket, _ = ticket_of(net, role, options=((TCP_CRYPT_RESUME, 0),))
    resume(net, ACTIVE, ticket)


@both("TCP_CRYPT_CACHE 0: nothing comes of the connection")
def no_cache(net, role):
    ticket, port = ticket_of(net, role, options=((TCP_CRYPT_CACHE, 0),))
    proposes_nothing(net, port=port)
    not_resumed(net, ticket)


@both("TCP_CRYPT_CACHE 0: may resume, and nothing comes of that")
def no_cache_resumes(net, role):
    ticket, _ = ticket_of(net, ACTIVE)
    _, conn, session = resume(net, role, ticket,
                              options=((TCP_CRYPT_CACHE, 0),))
    not_resumed(net, session.ticket())
    empty_cache()
    proposes_nothing(net, port=conn.port if role == ACTIVE else None)


def flush(sock, value=struct.pack("=i", 0)):
    """TCP_CRYPT_CACHE_FLUSH: errno, or 0."""
    try:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_CRYPT_CACHE_FLUSH, value)
    except OSError as error:
        return error.errno
    return 0


@both("TCP_CRYPT_CACHE_FLUSH: what the connection made is gone")
def flushed(net, role):
    other, _ = ticket_of(net, PASSIVE)
    with Sysctl(CACHE_MAX, 16):
        sock, conn, session = fresh_beside(net, role)
        equal(flush(sock), 0, "TCP_CRYPT_CACHE_FLUSH")
        not_resumed(net, session.ticket())
        # the connection goes on, and others' secrets are still there
        talk(net, sock, conn, session)
        resume(net, PASSIVE, other)


def fresh_beside(net, role):
    """As fresh(), though there is something to propose."""
    return fresh(net, role, options=((TCP_CRYPT_RESUME, 0),))


@both("TCP_CRYPT_CACHE_FLUSH of a resumed connection")
def flush_resumed(net, role):
    ticket, _ = ticket_of(net, ACTIVE)
    sock, conn, session = resume(net, role, ticket)
    equal(flush(sock, struct.pack("=i", 7)), 0, "TCP_CRYPT_CACHE_FLUSH")
    proposes_nothing(net)
    not_resumed(net, session.ticket())
    not_resumed(net, ticket)
    talk(net, sock, conn, session)


@test("TCP_CRYPT_CACHE_FLUSH while keys are agreed on: nothing is cached")
def flush_early(net):
    conn = Conn(net)
    sock = net.connect(conn)
    own = conn.wait_syn().eno()[0]
    conn.answer(eno(0x01, CURVE25519))
    net.connected(sock)
    equal(option(sock, TCP_ENO_SESSID), -errno.EINPROGRESS,
          "TCP_ENO_SESSID")
    equal(flush(sock), 0, "TCP_CRYPT_CACHE_FLUSH")
    session = Session(conn, "B", own + eno(0x01, CURVE25519))
    session.agree()
    talk(net, sock, conn, session)
    proposes_nothing(net, port=conn.port)
    not_resumed(net, session.ticket())


@test("TCP_CRYPT_CACHE_FLUSH: errors")
def flush_errors(net):
    sock = net.keep(socket.socket())
    equal(flush(sock), errno.ENOPROTOOPT, "untouched")
    for level, name, value in settings():
        sock.setsockopt(level, name, value)
    equal(flush(sock), errno.ENOTCONN, "not connected")
    sock, conn, session = fresh(net, ACTIVE)
    for value in b"", b"\0", bytes(3), bytes(5), bytes(8):
        equal(flush(sock, value), errno.EINVAL, "%d bytes" % len(value))
    require(int_option(sock, TCP_CRYPT_CACHE_FLUSH) < 0, "it can be read")
    resume(net, PASSIVE, session.ticket())
    conn = Conn(net)
    sock = net.connect(conn, V4, settings())
    conn.wait_syn()
    conn.answer(b"")
    net.connected(sock)
    equal(flush(sock), errno.EOPNOTSUPP, "plain")


@test("cache_max: the oldest goes first")
def limit(net):
    with Sysctl(CACHE_MAX, 2):
        evicted = int(counters()["CacheEvicted"])
        tickets = [ticket_of(net, PASSIVE)[0] for _ in range(3)]
        equal(int(counters()["CacheEvicted"]), evicted + 1, "CacheEvicted")
        # these connections would cache something, too
        options = ((TCP_CRYPT_CACHE, 0),)
        not_resumed(net, tickets[0], options=options)
        resume(net, PASSIVE, tickets[2], options=options)
        resume(net, PASSIVE, tickets[1], options=options)


@test("cache_max: lowered, it holds at once; 0 is off")
def lowered(net):
    options = ((TCP_CRYPT_CACHE, 0),)
    with Sysctl(CACHE_MAX, 8):
        tickets = [ticket_of(net, PASSIVE)[0] for _ in range(4)]
        sysctl(CACHE_MAX, 1)
        for ticket in tickets[:3]:
            not_resumed(net, ticket, options=options)
        resume(net, PASSIVE, tickets[3], options=options)
        ticket, _ = ticket_of(net, PASSIVE)
        sysctl(CACHE_MAX, 0)
        not_resumed(net, ticket)
        proposes_nothing(net)
        added = counters()["CacheAdded"]
        ticket, port = ticket_of(net, ACTIVE)
        equal(counters()["CacheAdded"], added, "CacheAdded")
        sysctl(CACHE_MAX, 8)
        not_resumed(net, ticket, options=options)
        proposes_nothing(net, port=port)


@test("cache_lifetime: what is too old is not used")
def lifetime(net):
    with Sysctl(LIFETIME, 1):
        ticket, port = ticket_of(net, ACTIVE)
        expired = int(counters()["CacheExpired"])
        # by the kernel's ticks: in emulation they are slower than time
        net.wait(lambda: int(counters()["CacheExpired"]) > expired,
                 "CacheExpired")
        not_resumed(net, ticket, options=((TCP_CRYPT_CACHE, 0),))
        proposes_nothing(net, port=port)
    ticket, port = ticket_of(net, ACTIVE)
    net.rest(2.5)
    resume(net, ACTIVE, ticket, port=port)


@test("the cache of another network namespace is another one")
def namespaces(net):
    libc = ctypes.CDLL(None, use_errno=True)
    ticket, port = ticket_of(net, ACTIVE)
    with open("/proc/thread-self/ns/net", "rb") as home:
        try:
            other = Net()
            try:
                proposes_nothing(other, port=port)
                not_resumed(other, ticket)
                mine, _ = ticket_of(other, PASSIVE)
                resume(other, PASSIVE, mine)
                other.clean()
                os.close(other.tun)
            finally:
                for sock in other.sockets:
                    sock.close()
        finally:
            equal(libc.setns(home.fileno(), 0x40000000), 0, "setns()")
    not_resumed(net, mine)
    resume(net, ACTIVE, ticket, port=port)


@test("active: the secret made at the same port first, then any")
def ports(net):
    made = [ticket_of(net, ACTIVE, options=((TCP_CRYPT_RESUME, 0),))
            for _ in range(3)]
    for at in 1, 0:
        ticket, port = made[at]
        resume(net, ACTIVE, ticket, port=port,
               options=((TCP_CRYPT_CACHE, 0),))
    resume(net, ACTIVE, made[2][0], options=((TCP_CRYPT_CACHE, 0),))
    proposes_nothing(net)


@test("active: another address is another host")
def addresses(net):
    ticket, port = ticket_of(net, ACTIVE, V4)
    proposes_nothing(net, family=V6, port=port)
    resume(net, ACTIVE, ticket, family=MAPPED, port=port)
    empty_cache()
    ticket, port = ticket_of(net, ACTIVE, MAPPED)
    resume(net, ACTIVE, ticket, family=V4, port=port)
    empty_cache()
    ticket, port = ticket_of(net, PASSIVE, V6)
    proposes_nothing(net, family=V4)
    resume(net, ACTIVE, ticket, family=V6)


@both("the AEAD of the original session is kept, whatever is preferred")
def aead_kept(net, role):
    ticket, _ = ticket_of(net, ACTIVE, cipher=AES256)
    with Sysctl("net.tcpcrypt.aeads",
                "CHACHA20_POLY1305 AES_128_GCM AES_256_GCM"):
        resume(net, role, ticket)       # looks at TCP_CRYPT_INFO


@both("an AEAD that is not configured any more: fresh")
def aead_gone(net, role):
    ticket, port = ticket_of(net, ACTIVE, cipher=AES256)
    with Sysctl("net.tcpcrypt.aeads", "CHACHA20_POLY1305 AES_128_GCM"):
        if role == ACTIVE:
            proposes_nothing(net, port=port)
        else:
            not_resumed(net, ticket)


@both("a TEP that is not configured any more: not proposed, not agreed to")
def tep_gone(net, role):
    ticket, port = ticket_of(net, ACTIVE, tep=P521)
    options = ((TCP_ENO_SPECS, bytes([P256, CURVE25519])),)
    if role == ACTIVE:
        proposes_nothing(net, port=port, options=options)
    else:
        listener = net.listen(V4, settings(*options))
        conn = Conn(net)
        conn.open(listener.getsockname()[1], eno(*ticket.suboption(b"")))
        equal(conn.wait_syn().eno(), [], "ENO of the SYN-ACK")


@test("active: b = 1 is host B: no proposal that a passive opener could take")
def tiebreaker(net):
    _, port = ticket_of(net, ACTIVE)
    conn = Conn(net, port=port)
    net.connect(conn, V4, settings((TCP_ENO_TIEBREAKER, 1)))
    require(conn.wait_syn().eno(), "no ENO")


@both("resumption and the a bit")
def aware(net, role):
    ticket, _ = ticket_of(net, ACTIVE)
    options = ((TCP_ENO_SELF_AWARE, 2),)
    if role == ACTIVE:
        sock, conn, own = syn_of(net, options=options)
        equal(own[2], 0x02, "global suboption")
        answer = answer_of(ticket, b"12345678", 0x03)
        conn.answer(answer)
        net.connected(sock)
        theirs, transcript = nonce_of(own, ticket), own + answer
    else:
        listener = net.listen(V4, settings(*options))
        conn = Conn(net)
        own = eno(0x02, *ticket.suboption(b"12345678"))
        conn.open(listener.getsockname()[1], own)
        answer = conn.wait_syn().eno()[0]
        equal(answer[2], 0x03, "global suboption")
        conn.bare = True
        conn.ack()
        sock = net.accept(listener)
        theirs, transcript = nonce_of(answer, ticket), own + answer
    equal(int_option(sock, TCP_ENO_PEER_AWARE), 1, "TCP_ENO_PEER_AWARE")
    session = Resumed(conn, ticket, b"12345678", theirs)
    encrypted(net, sock, conn, session, ticket, transcript, role)


# --- option space, three messages --------------------------------------------

for fam in (V4, V6):
    @test("active: MSS, SACK, timestamps, window scale stay in the SYN, %s" %
          fam, fam)
    def syn_space(net, family):
        ticket, port = ticket_of(net, ACTIVE, family)
        control = Conn(net, family, port=EXCLUDED)
        net.connect(control, family)
        equal(control.wait_syn().eno(), [], "ENO of the SYN (control)")
        sock, conn, own = syn_of(net, family, port=port)
        nonce_of(own, ticket)
        equal(others(conn.wait_syn()), others(control.wait_syn()),
              "other options")
        equal([o[0] for o in others(conn.wait_syn())], [2, 4, 8, 3],
              "kinds of them")
        conn.reset()

    @test("passive: MSS, SACK, timestamps, window scale stay in the SYN-ACK, "
          "%s" % fam, fam)
    def synack_space(net, family):
        ticket, _ = ticket_of(net, ACTIVE, family)
        listener = net.listen(family)
        synacks = []
        for contents in (b"", eno(CURVE25519),
                         eno(*ticket.suboption(b"12345678"))):
            conn = Conn(net, family)
            conn.open(listener.getsockname()[1], SACK + contents)
            synacks.append(conn.wait_syn())
        nonce_of(synacks[2].eno()[0], ticket)
        equal([o[0] for o in others(synacks[0])], [2, 4, 8, 3],
              "kinds of options without ENO")
        for synack in synacks[1:]:
            equal(others(synack), others(synacks[0]), "other options")
        conn.bare = True
        conn.ack()
        sock = net.accept(listener)
        session = Resumed(conn, ticket, b"12345678",
                          nonce_of(synacks[2].eno()[0], ticket))
        talk(net, sock, conn, session)


for timestamps in (True, False):
    for fam in (V4, V6, MAPPED):
        @test("active: data right behind the third message, ENO in all "
              "segments until the peer's first ACK, %s, %s" % (
                  fam, "timestamps" if timestamps else "none"), fam,
              timestamps)
        def three_active(net, family, ts):
            ticket, port = ticket_of(net, ACTIVE, family)
            sock, conn, own = syn_of(net, family, port=port, ts=ts,
                                     auto_ack=False)
            answer = answer_of(ticket, b"12345678")
            conn.answer(answer)
            net.connected(sock)
            net.send(sock, PAYLOAD)
            # The peer says nothing after its SYN-ACK.
            session = Resumed(conn, ticket, b"12345678",
                              nonce_of(own, ticket))
            equal(session.read(len(PAYLOAD)), PAYLOAD, "what the peer got")
            net.rest(0.02)
            flight = [s for s in conn.segs if not s.flags & SYN]
            for seg in flight:
                equal(seg.eno(), [BARE], "ENO of an early segment")
            conn.auto_ack = True
            conn.ack()
            net.rest(0.02)
            count = len(conn.segs)
            encrypted(net, sock, conn, session, ticket, own + answer, ACTIVE)
            for seg in conn.segs[count:]:
                equal(seg.eno(), [], "ENO after the peer's first ACK")
            finish(net, sock, conn, session)

        @test("passive: data in the third message, and at once back, %s, %s"
              % (fam, "timestamps" if timestamps else "none"), fam,
              timestamps)
        def three_passive(net, family, ts):
            ticket, _ = ticket_of(net, ACTIVE, family)
            listener = net.listen(family)
            conn = Conn(net, family, ts=ts)
            own = eno(*ticket.suboption(b"1"))
            conn.open(listener.getsockname()[1], own)
            answer = conn.wait_syn().eno()[0]
            session = Resumed(conn, ticket, b"1", nonce_of(answer, ticket))
            conn.bare = True
            conn.snd_wnd = 65535
            session.send(b"question")
            sock = net.accept(listener)
            equal(net.recv_exact(sock, 8), b"question", "what recv() got")
            net.send(sock, b"answer")
            equal(session.read(6), b"answer", "what the peer got")
            encrypted(net, sock, conn, session, ticket, own + answer,
                      PASSIVE)
            finish(net, sock, conn, session)


@test("passive: three messages, then our kernel speaks first")
def server_first(net):
    ticket, _ = ticket_of(net, ACTIVE)
    listener = net.listen()
    conn = Conn(net)
    conn.open(listener.getsockname()[1], eno(*ticket.suboption(b"")))
    answer = conn.wait_syn().eno()[0]
    conn.bare = True
    conn.ack()
    sock = net.accept(listener)
    net.send(sock, b"220 ready")
    session = Resumed(conn, ticket, b"", nonce_of(answer, ticket))
    equal(session.read(9), b"220 ready", "what the peer got")
    talk(net, sock, conn, session)


@test("active: several frames of the peer right behind its SYN-ACK")
def server_frames(net):
    ticket, port = ticket_of(net, ACTIVE)
    sock, conn, own = syn_of(net, port=port)
    conn.answer(answer_of(ticket, b""))
    session = Resumed(conn, ticket, b"", nonce_of(own, ticket))
    conn.snd_wnd = 65535
    frames = session.seal_many((b"one", 0), (b"two", 0))
    conn.send(frames, 7, PSH | ACK, whole=False)
    net.connected(sock)
    equal(net.recv_exact(sock, 6), b"onetwo", "what recv() got")
    talk(net, sock, conn, session)


# --- with other things -------------------------------------------------------

for first in ROLES:
    @both("rekeying (section 3.8), original %s" % ORIGIN[first], first)
    def rekeying(net, role, origin):
        ticket, _ = ticket_of(net, origin)
        for _ in range(2):
            sock, conn, session = resume(net, role, ticket)
            for gen in range(3):
                if gen == 1:
                    sock.setsockopt(socket.IPPROTO_TCP, TCP_CRYPT_REKEY, 0)
                    # our keys advance with the kernel's frame
                    session.read_rekey()
                    session.rekey()
                else:
                    session.rekey(b"new keys")
                    equal(net.recv_exact(sock, 8), b"new keys",
                          "what recv() got")
                    session.read_rekey()
                talk(net, sock, conn, session)
            # the secrets do not advance with the keys
            equal(session.ticket().ss, ticket.after().ss, "next secret")
            ticket = session.ticket()
            finish(net, sock, conn, session)


@test("active, required: a mismatched half is no plaintext: ECONNABORTED")
def required(net):
    _, port = ticket_of(net, ACTIVE)
    sock, conn, own = syn_of(net, port=port,
                             options=((TCP_ENO_ENABLED, 2),))
    require(proposals(own), "no proposal")
    conn.answer(eno(0x01, V | CURVE25519, *bytes(9)))
    net.wait(lambda: net.readable(sock), "poll()")
    equal(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR),
          errno.ECONNABORTED, "connect()")
    equal(bytes(conn.rx), b"", "data on the wire")


@both("required: resumption is encryption")
def required_resumes(net, role):
    ticket, _ = ticket_of(net, ACTIVE)
    sock, conn, session = resume(net, role, ticket,
                                 options=((TCP_ENO_ENABLED, 2),))
    finish(net, sock, conn, session)


@test("passive: TCP_DEFER_ACCEPT, the first frame makes accept() return")
def defer_accept(net):
    ticket, _ = ticket_of(net, ACTIVE)
    listener = net.listen(V4, [
        (socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 20)])
    conn = Conn(net)
    own = eno(*ticket.suboption(b"1"))
    conn.open(listener.getsockname()[1], own)
    answer = conn.wait_syn().eno()[0]
    session = Resumed(conn, ticket, b"1", nonce_of(answer, ticket))
    conn.bare = True
    conn.ack()
    net.rest(0.05)
    try:
        listener.accept()
    except BlockingIOError:
        pass
    else:
        raise Failure("accept() before any data")
    conn.snd_wnd = 65535
    session.send(b"question")
    sock = net.accept(listener)
    equal(net.recv_exact(sock, 8), b"question", "what recv() got")
    encrypted(net, sock, conn, session, ticket, own + answer, PASSIVE)


@test("passive: SYN cookies carry no ENO: plain")
def cookies(net):
    ticket, _ = ticket_of(net, ACTIVE)
    listener = net.listen()
    with Sysctl("net.ipv4.tcp_syncookies", 2):
        conn = Conn(net)
        conn.open(listener.getsockname()[1], eno(*ticket.suboption(b"1")))
        equal(conn.wait_syn().eno(), [], "ENO of a SYN cookie")
        conn.bare = True
        conn.ack()
        conn.plain = True
        sock = net.accept(listener)
        conn.bare = False
        fell_back(net, sock, conn)


@test("passive: a Fast Open cookie request does not take the room")
def fast_open(net):
    ticket, _ = ticket_of(net, ACTIVE)
    with Sysctl("net.ipv4.tcp_fastopen", 0x3):
        listener = net.listen(options=[(socket.IPPROTO_TCP, 23, 5)])
        conn = Conn(net)
        own = eno(*ticket.suboption(b"1"))
        conn.open(listener.getsockname()[1], own + b"\x22\x02")
        answer = conn.wait_syn().eno()[0]
        session = Resumed(conn, ticket, b"1", nonce_of(answer, ticket))
        conn.bare = True
        conn.ack()
        sock = net.accept(listener)
        encrypted(net, sock, conn, session, ticket, own + answer, PASSIVE)


@test("active: disconnect (AF_UNSPEC) and connect() again resume")
def disconnect(net):
    libc = ctypes.CDLL(None, use_errno=True)
    sock, conn, session = fresh(net, ACTIVE)
    for _ in range(3):
        ticket = session.ticket()
        equal(libc.connect(sock.fileno(), bytes(16), 16), 0,
              "connect(AF_UNSPEC)")
        conn.wait_rst()
        conn = Conn(net)
        equal(sock.connect_ex(("10.77.0.2", conn.port)), errno.EINPROGRESS,
              "connect() again")
        own = conn.wait_syn().eno()[0]
        answer = answer_of(ticket, b"12")
        conn.answer(answer)
        net.connected(sock)
        session = Resumed(conn, ticket, b"12", nonce_of(own, ticket))
        encrypted(net, sock, conn, session, ticket, own + answer, ACTIVE)
    # what is flushed is the last connection's
    equal(flush(sock), 0, "TCP_CRYPT_CACHE_FLUSH")
    proposes_nothing(net)


@test("active: after a refusal the same socket has another secret, or none")
def connect_again(net):
    tickets = [ticket_of(net, PASSIVE)[0] for _ in range(2)]
    sock, conn, own = syn_of(net, options=((TCP_CRYPT_CACHE, 0),))
    seen = []
    for _ in range(3):
        found = proposals(own)
        seen += [d[:9] for _, d in found]
        conn.output(0x14, seq=0)                # RST, ACK
        again = Conn(net)
        # the first connect() tells how the one before ended
        net.wait(lambda again=again: sock.connect_ex(
            ("10.77.0.2", again.port)) == errno.ECONNREFUSED,
            "ECONNREFUSED")
        net.conns.remove(conn)
        conn = again
        equal(sock.connect_ex(("10.77.0.2", conn.port)), errno.EINPROGRESS,
              "connect() again")
        own = conn.wait_syn().eno()[0]
    equal(sorted(seen), sorted(t.theirs for t in tickets), "proposals")
    equal(proposals(own), [], "proposals of the last SYN")
    conn.answer(eno(0x01, CURVE25519))
    net.connected(sock)
    session = Session(conn, "B", own + eno(0x01, CURVE25519))
    session.agree()
    talk(net, sock, conn, session)


@test("active: the third message is lost, the SYN-ACK comes again")
def lost_ack(net):
    ticket, port = ticket_of(net, ACTIVE)
    sock, conn, own = syn_of(net, port=port, auto_ack=False)
    answer = answer_of(ticket, b"12345678")
    conn.answer(answer)
    net.connected(sock)
    net.send(sock, PAYLOAD)
    session = Resumed(conn, ticket, b"12345678", nonce_of(own, ticket))
    equal(session.read(len(PAYLOAD)), PAYLOAD, "what the peer got")
    net.rest(0.02)
    count = len(conn.segs)
    conn.output(SYN | ACK, options=answer, seq=conn.isn)
    net.wait(lambda: len(conn.segs) > count, "an answer")
    for seg in conn.segs[1:]:
        equal(seg.eno(), [BARE], "ENO")
    conn.auto_ack = True
    conn.ack()
    encrypted(net, sock, conn, session, ticket, own + answer, ACTIVE)


def crossed(net, b, peer, bare):
    """Simultaneous open; our kernel's b bit, the peer's suboption.

    The kernel's socket, the peer's end, both ENO options in the order of
    hosts A and B, the kernel's secret; or no options: it fell back."""
    ticket, port = ticket_of(net, ACTIVE)
    options = settings((TCP_ENO_TIEBREAKER, 1)) if b else ()
    conn = Conn(net, port=port)
    sock = net.connect(conn, V4, options)
    own = conn.wait_syn().eno()[0]
    theirs = eno(*([] if b else [1]), *peer(ticket))
    conn.output(SYN, seq=conn.isn, options=theirs)
    synack = conn.wait_seg("a SYN-ACK",
                           lambda s: s.flags & SYN and s.flags & ACK)
    require(synack.eno() in ([own], []), "ENO of the SYN-ACK: %s" % synack)
    conn.snd_nxt = conn.snd_una = add(conn.isn, 1)
    if not synack.eno():
        conn.output(SYN | ACK, seq=conn.isn)
        own = theirs = None
    elif bare:
        conn.ack(BARE)
    else:
        conn.output(SYN | ACK, seq=conn.isn, options=theirs)
        conn.bare = True
    net.connected(sock)
    return sock, conn, (theirs, own) if b else (own, theirs), ticket


for ack in (False, True):
    @test("simultaneous open, compatible proposals: resumed (MAY)%s" % (
        ", a bare ACK" if ack else ""), ack)
    def crossed_resumed(net, bare):
        sock, conn, (own, theirs), ticket = crossed(
            net, False, lambda t: t.suboption(b"1"), bare)
        require(own, "plain")
        session = Resumed(conn, ticket, b"1", nonce_of(own, ticket))
        encrypted(net, sock, conn, session, ticket, own + theirs, ACTIVE)
        not_resumed(net, ticket)

    @test("simultaneous open, the peer has v = 0: fresh%s" % (
        ", a bare ACK" if ack else ""), ack)
    def crossed_fresh(net, bare):
        sock, conn, (own, theirs), ticket = crossed(
            net, False, lambda t: bytes([t.tep]), bare)
        require(own, "plain")
        session = Session(conn, "B", own + theirs)
        session.agree()
        talk(net, sock, conn, session)
        not_resumed(net, ticket)

    @test("simultaneous open as host B, the peer proposes: fresh%s" % (
        ", a bare ACK" if ack else ""), ack)
    def crossed_host_b(net, bare):
        sock, conn, (theirs, own), _ = crossed(
            net, True, lambda t: t.suboption(b"1"), bare)
        require(own, "plain")
        if proposals(own):
            raise Failure("both propose, the kernel as host B: not tested")
        session = Session(conn, "A", theirs + own)
        session.agree()
        talk(net, sock, conn, session)


@test("simultaneous open, a half that does not match: plain")
def crossed_mismatch(net):
    sock, conn, (own, _), ticket = crossed(
        net, False, lambda t: t.suboption(b"", half=t.theirs), False)
    equal(own, None, "ENO of the SYN-ACK")
    conn.ack()
    conn.plain = True
    fell_back(net, sock, conn)
    not_resumed(net, ticket)


@both("a frame that is not authentic ends a resumed session: EBADMSG")
def not_authentic(net, role):
    ticket, _ = ticket_of(net, ACTIVE)
    sock, conn, session = resume(net, role, ticket)
    frame = bytearray(session.seal(b"data"))
    frame[-1] ^= 1
    conn.send(bytes(frame))
    equal(net.recv_end(sock), (b"", errno.EBADMSG), "recv()")
    conn.wait_rst()


@both("Init messages in a resumed session are no frames: reset")
def init_anyway(net, role):
    ticket, _ = ticket_of(net, ACTIVE)
    sock, conn, session = resume(net, role, ticket)
    other = Session(conn, "A", b"")
    # as a header, its magic says how long the frame is
    conn.send((other.init1() if role == PASSIVE else other.init2(AES128)) +
              bytes(30000))
    data, error = net.recv_end(sock)
    equal(data, b"", "data")
    require(error in (errno.EBADMSG, errno.EPROTO), "error %d" % error)
    conn.wait_rst()


if __name__ == "__main__":
    sys.exit(suite.main(settings=as_loaded))
