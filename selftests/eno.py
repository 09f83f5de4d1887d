#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""RFC 8547 on the wire: our kernel against a peer in user space.

    eno.py [REGEX ...]      in a guest; $MODULE as session.sh sets it

Names begin with the section of RFC 8547 that asks for what is tested.
"active": our kernel connects; "passive": it listens.

The fallback tests see ENO first, in our SYN or in the answer to a good one:
without the module all tests fail.
"""

import ctypes
import errno
import fcntl
import os
import random
import signal
import socket
import struct
import sys

sys.dont_write_bytecode = True
from peer import (ACK, BARE, CURVE25519, ENO, MAPPED, PSH, RST, SYN,
                  TCP_ENO_ENABLED, TCP_ENO_NEGSPEC, TCP_ENO_ROLE,
                  TCP_ENO_SESSID, TCP_ENO_TIEBREAKER, TCP_ENO_TRANSCRIPT,
                  TCP_SAVE_SYN, TCP_SAVED_SYN, TCP_ULP, URG, V4, V6, Conn,
                  Failure, Session, Suite, Sysctl, add, counters, eno,
                  eno_accepts, equal, int_option, load_module, option,
                  require, unload_module)

SYN_ENO = eno(CURVE25519)
SYNACK_ENO = eno(0x01, CURVE25519)
PAYLOAD = b"the quick brown fox jumps over the lazy dog 0123456789\r\n" * 40
REPLY = bytes(range(256)) * 9
EXCLUDED = 8443
DEFER = [(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 20)]
TAKEN = (socket.IPPROTO_TCP, TCP_ULP, b"tcpcrypt")
REQUIRED = [TAKEN, (socket.IPPROTO_TCP, TCP_ENO_ENABLED, 2)]
TIEBREAKER = [TAKEN, (socket.IPPROTO_TCP, TCP_ENO_TIEBREAKER, 1)]

suite = Suite()
early = {}


# --- what all tests do -----------------------------------------------------

def syn_with_eno(conn):
    syn = conn.wait_syn()
    equal(syn.eno(), [SYN_ENO], "ENO of the SYN")
    return syn


def active(net, family=V4, answer=SYNACK_ENO, **kwargs):
    """Our kernel connects and hears answer in the SYN-ACK."""
    conn = Conn(net, family, **kwargs)
    sock = net.connect(conn, family)
    syn_with_eno(conn)
    conn.answer(answer)
    net.connected(sock)
    return sock, conn


def good_syn(net, listener, family=V4):
    """Control: the listener does answer ENO."""
    conn = Conn(net, family)
    conn.open(listener.getsockname()[1])
    equal(conn.wait_syn().eno(), [SYNACK_ENO], "ENO of the SYN-ACK (control)")
    conn.reset()


def passive(net, listener, syn=SYN_ENO, family=V4, **kwargs):
    """A SYN with syn for options; the connection and the SYN-ACK."""
    payload = kwargs.pop("payload", b"")
    conn = Conn(net, family, **kwargs)
    conn.open(listener.getsockname()[1], syn, payload)
    synack = conn.wait_syn()
    equal(synack.flags & ACK, ACK, "ACK flag")
    equal(synack.ack, add(conn.isn, 1), "acknowledgment of the SYN-ACK")
    return conn, synack


def plain_traffic(net, sock, conn):
    """Plain TCP: the same bytes in both directions, an orderly end."""
    before = len(conn.rx)
    equal(int_option(sock, TCP_ENO_ROLE), -errno.ENOPROTOOPT,
          "TCP_ENO_ROLE of a plain connection")
    net.send(sock, PAYLOAD)
    conn.wait_rx(before + len(PAYLOAD))
    equal(bytes(conn.rx[before:]), PAYLOAD, "payload on the wire")
    conn.send(REPLY)
    equal(net.recv_exact(sock, len(REPLY)), REPLY, "what recv() got")
    sock.shutdown(socket.SHUT_WR)
    conn.wait_fin()
    equal(bytes(conn.rx[before:]), PAYLOAD, "payload on the wire")
    conn.close()
    equal(net.recv(sock), b"", "end-of-file")
    conn.wait_acked()
    net.close(sock)
    net.pump(0.01)
    require(not conn.rst, "reset")
    for seg in conn.segs:
        require(seg.flags & SYN or not seg.eno(), "ENO after fallback: %s" %
                seg)


def encrypted(net, sock, conn, a_option=SYN_ENO, b_option=SYNACK_ENO,
              role=None):
    """Keys are agreed, data passes, in both directions."""
    role = role or ("B" if conn.sent[0].flags & ACK else "A")
    session = Session(conn, role, a_option + b_option)
    equal(int_option(sock, TCP_ENO_ROLE), 0 if role == "B" else 1,
          "TCP_ENO_ROLE")
    equal(int_option(sock, TCP_ENO_NEGSPEC), CURVE25519, "TCP_ENO_NEGSPEC")
    equal(option(sock, TCP_ENO_TRANSCRIPT), a_option + b_option,
          "TCP_ENO_TRANSCRIPT")
    session.agree()
    session.send(REPLY)
    equal(net.recv_exact(sock, len(REPLY)), REPLY, "what recv() got")
    net.send(sock, PAYLOAD)
    equal(session.read(len(PAYLOAD)), PAYLOAD, "what the peer got")
    equal(option(sock, TCP_ENO_SESSID), session.session_id, "session ID")
    require(PAYLOAD[:16] not in conn.rx, "plaintext on the wire")
    return session


def first_segments(conn, count, what):
    """Waits for so many segments after the SYN (or SYN-ACK)."""
    def there():
        segs = [s for s in conn.segs if not s.flags & SYN]
        return segs if len(segs) >= count else None
    return conn.net.wait(there, what)


def forge(conn, flags, **kwargs):
    """A segment whose checksum is wrong."""
    net = conn.net
    at = 16 + (40 if len(conn.src) == 16 else 20)

    def write(packet):
        os.write(net.tun, packet[:at] + bytes([packet[at] ^ 0x55]) +
                 packet[at + 1:])
    net.write = write
    conn.output(flags, **kwargs)
    del net.write


def kinds(seg):
    """Options but ENO, the clocks of a timestamp left out."""
    return [o[:2] if o[0] == 8 else o for o in seg.options if o[0] != ENO]


# --- active opener ---------------------------------------------------------

for fam in (V4, V6, MAPPED):
    @suite.test("4.6 active: SYN, first ACKs and no more, %s" % fam, fam,
                True)
    @suite.test("4.6 active: the same without timestamps, %s" % fam, fam,
                False)
    def active_options(net, family, ts):
        conn = Conn(net, family, ts=ts, auto_ack=False)
        sock = net.connect(conn, family)
        syn_with_eno(conn)
        conn.answer()
        net.connected(sock)
        # The third ACK, Init1, and Init1 again: the peer says nothing.
        segs = first_segments(conn, 3, "third ACK, Init1, its repetition")
        require(any(s.payload for s in segs), "no Init1")
        for seg in segs:
            equal(seg.eno(), [BARE], "ENO of a first ACK")
        if ts:
            equal(segs[0].raw_options[:4], BARE + b"\x08\x0a",
                  "options of the third ACK")
        conn.auto_ack = True
        conn.ack()
        quiet = len(conn.segs)
        encrypted(net, sock, conn)
        for seg in conn.segs[quiet:]:
            equal(seg.eno(), [], "ENO after the first non-SYN segment")


@suite.test("4.6 active: ENO in the answer to a repeated SYN-ACK")
def repeated_synack(net):
    sock, conn = active(net, auto_ack=False)
    count = len(first_segments(conn, 2, "third ACK and Init1"))
    conn.output(SYN | ACK, options=SYNACK_ENO, seq=conn.isn)
    for seg in first_segments(conn, count + 1, "an answer"):
        equal(seg.eno(), [BARE], "ENO")
    conn.auto_ack = True
    encrypted(net, sock, conn)


@suite.test("4.6 active: ENO in data segments after the bare ACK was lost")
def lost_ack(net):
    sock, conn = active(net, auto_ack=False)
    segs = first_segments(conn, 2, "Init1")
    data = [s for s in segs if s.payload][0]
    equal(data.eno(), [BARE], "ENO of the first data segment")
    conn.auto_ack = True
    encrypted(net, sock, conn)


@suite.test("4.2 active: only the ENO option is added to the SYN, %s" % V4,
            V4)
@suite.test("4.2 active: only the ENO option is added to the SYN, %s" % V6,
            V6)
def same_syn(net, family):
    syns = []
    for port in (None, EXCLUDED):
        conn = Conn(net, family, port=port)
        net.connect(conn, family)
        syns.append(conn.wait_syn())
    ours, plain = syns
    equal(ours.eno(), [SYN_ENO], "ENO of the SYN")
    equal(plain.eno(), [], "ENO of the SYN to an excluded port")
    equal(kinds(ours), kinds(plain), "other options of the SYN")
    equal(ours.win, plain.win, "window")
    equal(ours.flags, plain.flags, "flags")
    equal(ours.payload, b"", "data")
    if family == V4:
        equal(ours.packet[1:2] + ours.packet[6:10],
              plain.packet[1:2] + plain.packet[6:10], "IP header")
    else:
        equal(ours.packet[6:8], plain.packet[6:8], "IPv6 header")


@suite.test("4.6 active: repeated SYNs are identical, the fourth without ENO")
def lost_syns(net):
    conn = Conn(net)
    sock = net.connect(conn)

    def four():
        return len(conn.segs) >= 4
    net.wait(four, "four SYNs")
    for seg in conn.segs[:3]:
        equal(seg.eno(), [SYN_ENO], "ENO of an early SYN")
        equal(kinds(seg), kinds(conn.segs[0]), "other options")
    equal(conn.segs[3].eno(), [], "ENO of the fourth SYN")
    # The path delivers an old SYN after all: ENO stays off.
    conn.answer()
    net.connected(sock)
    plain_traffic(net, sock, conn)


@suite.test("4.6 active: answer to the second SYN is encrypted")
def second_syn(net):
    conn = Conn(net)
    sock = net.connect(conn)
    net.wait(lambda: len(conn.segs) >= 2, "two SYNs")
    equal(conn.segs[1].eno(), [SYN_ENO], "ENO of the second SYN")
    conn.answer()
    net.connected(sock)
    encrypted(net, sock, conn)


REFUSED = [
    ("4.6", "no ENO", b""),
    ("4.1", "two ENO options", SYNACK_ENO * 2),
    ("4.1", "two ENO options, the first vacuous", BARE + SYNACK_ENO),
    ("4.4", "length byte past the end", eno(0x01, 0x85, 0xa3, 0)),
    ("4.4", "length byte past the end, good TEP first",
     eno(0x01, 0x23, 0x81, 0xa4, 0)),
    ("4.4", "length byte, then a TEP with v = 0",
     eno(0x01, 0x23, 0x80, 0x24, 0)),
    ("4.4", "length byte, then a global suboption",
     eno(0x01, 0x23, 0x80, 0x00, 0)),
    ("4.4", "length byte, then another", eno(0x01, 0x23, 0x80, 0x80, 0xa4, 0)),
    ("4.4", "length byte, then 0x9f", eno(0x01, 0x23, 0x80, 0x9f, 0, 0)),
    ("4.4", "length byte as last octet", eno(0x01, 0x23, 0x80)),
    ("4.5", "TEP 0x21 only", eno(0x01, 0x21)),
    ("4.6", "vacuous", eno(0x01)),
    ("4.6", "vacuous and empty", BARE),
    ("4.3", "b = 0", eno(0x00, 0x23)),
    ("4.3", "implicit b = 0", eno(0x23)),
    ("4.2", "first global suboption has b = 0, the second b = 1",
     eno(0x00, 0x01, 0x23)),
    ("4.5", "TEP repeated", eno(0x01, 0x23, 0x23)),
    ("4.5", "TEP with v = 1 and 17 bytes", eno(0x01, 0xa3, *range(17))),
    ("4.5", "TEP with v = 1 and 9 bytes, length byte",
     eno(0x01, 0x88, 0xa3, *range(9))),
    ("4.5", "TEP with v = 1 and no data", eno(0x01, 0xa3)),
    ("4.1", "option length runs over the header", b"\x45\x09\x01\x23"),
    ("4.1", "option length 1", b"\x45\x01\x01\x23"),
    ("4.1", "kind 253 with ExID 0x454e", b"\xfd\x06\x45\x4e\x01\x23"),
]


def refuse(net, answer, family):
    if len(answer) > 24 and family == V4:
        sock, conn = active(net, family, answer, ts=False)
    else:
        sock, conn = active(net, family, answer)
    net.rest(0.05)
    equal(bytes(conn.rx), b"", "stream before the application wrote")
    plain_traffic(net, sock, conn)


for section, what, opt in REFUSED:
    suite.test("%s active: SYN-ACK %s: plain" % (section, what), opt, V4)(
        refuse)
suite.test("4.6 active: SYN-ACK no ENO: plain, %s" % V6, b"", V6)(refuse)
suite.test("4.6 active: SYN-ACK no ENO: plain, %s" % MAPPED, b"", MAPPED)(
    refuse)
suite.test("4.4 active: SYN-ACK ill-formed: plain, %s" % V6,
           eno(0x01, 0x23, 0x80), V6)(refuse)


ACCEPTED = [
    ("4.2", "z bits", eno(0x1d, 0x23)),
    ("4.2", "a bit", eno(0x03, 0x23)),
    ("4.2", "later global suboptions", eno(0x01, 0x23, 0x00, 0x1e)),
    ("4.2", "global suboption after the TEP", eno(0x23, 0x01)),
    ("4.5", "unknown TEP before", eno(0x01, 0x7f, 0x23)),
    ("4.5", "unknown TEPs after", eno(0x01, 0x23, 0x20, 0x7f)),
    ("4.5", "TEP not offered after", eno(0x01, 0x23, 0x24)),
    ("4.4", "unknown TEP with data before",
     eno(0x01, 0x81, 0xf0, 0x23, 0x23, 0x23)),
    ("4.4", "unknown TEP with data after, to the end",
     eno(0x01, 0x23, 0xf0, 0x23, 0x80)),
]


def accept_answer(net, answer, family):
    sock, conn = active(net, family, answer)
    encrypted(net, sock, conn, SYN_ENO, answer)


for section, what, opt in ACCEPTED:
    suite.test("%s active: SYN-ACK with %s: encrypted" % (section, what),
               opt, V4)(accept_answer)
suite.test("4.2 active: SYN-ACK with z bits: encrypted, %s" % V6,
           eno(0x1d, 0x23), V6)(accept_answer)


@suite.test("4.7 active: what send() writes at once is in no SYN")
def no_syn_data(net):
    conn = Conn(net)
    sock = net.connect(conn)
    try:
        sock.send(PAYLOAD)
    except BlockingIOError:
        pass
    syn = syn_with_eno(conn)
    equal(syn.payload, b"", "data of the SYN")
    conn.answer(b"")
    net.connected(sock)


@suite.test("4.7 active: SYN-ACK data is discarded, not acknowledged", True)
@suite.test("4.7 active: SYN-ACK data is discarded, without ENO too", False)
def synack_data(net, good):
    conn = Conn(net)
    sock = net.connect(conn)
    syn_with_eno(conn)
    conn.output(SYN | ACK, REPLY[:100], SYNACK_ENO if good else b"",
                seq=conn.isn)
    conn.snd_nxt = conn.snd_una = add(conn.isn, 1)
    net.connected(sock)
    third = first_segments(conn, 1, "third ACK")[0]
    equal(third.ack, add(conn.isn, 1), "acknowledgment of the third ACK")
    if good:
        encrypted(net, sock, conn)
    else:
        plain_traffic(net, sock, conn)


@suite.test("4.6 active: plain with data from both sides before accept")
def early_data_plain(net):
    conn = Conn(net)
    sock = net.connect(conn)
    syn_with_eno(conn)
    conn.answer(b"")
    conn.send(REPLY)
    net.connected(sock)
    equal(net.recv_exact(sock, len(REPLY)), REPLY, "what recv() got")
    plain_traffic(net, sock, conn)


@suite.test("4.6 active: plain, and urgent data is urgent")
def urgent_plain(net):
    raised = []
    signal.signal(signal.SIGURG, lambda *args: raised.append(1))
    sock, conn = active(net, answer=b"")
    fcntl.fcntl(sock, fcntl.F_SETOWN, os.getpid())
    conn.send(b"abc!", flags=URG, urg=4)
    net.wait(lambda: raised, "SIGURG")
    equal(net.recv_exact(sock, 3), b"abc", "what recv() got")
    equal(sock.recv(1, socket.MSG_OOB), b"!", "urgent data")
    plain_traffic(net, sock, conn)


@suite.test("4.6 active: connect() again after a refusal: ENO again")
def refused(net):
    conn = Conn(net)
    sock = net.connect(conn)
    syn_with_eno(conn)
    conn.output(0x14, seq=0)                    # RST, ACK
    again = Conn(net)
    # the first connect() tells how the one before ended
    net.wait(lambda: sock.connect_ex(("10.77.0.2", again.port)) ==
             errno.ECONNREFUSED, "ECONNREFUSED")
    equal(sock.connect_ex(("10.77.0.2", again.port)), errno.EINPROGRESS,
          "connect() again")
    syn_with_eno(again)
    again.answer()
    net.connected(sock)
    encrypted(net, sock, again)


@suite.test("4.6 active: plain, disconnect (AF_UNSPEC), connect: ENO again",
            b"")
@suite.test("4.6 active: encrypted, disconnect (AF_UNSPEC), connect: ENO "
            "again", SYNACK_ENO)
def disconnect(net, answer):
    sock, conn = active(net, answer=answer)
    if answer:
        encrypted(net, sock, conn)
    else:
        equal(first_segments(conn, 1, "third ACK")[0].eno(), [],
              "ENO of the third ACK")
    libc = ctypes.CDLL(None, use_errno=True)
    equal(libc.connect(sock.fileno(), bytes(16), 16), 0,
          "connect(AF_UNSPEC)")
    conn.wait_rst()
    again = Conn(net)
    equal(sock.connect_ex(("10.77.0.2", again.port)), errno.EINPROGRESS,
          "connect() again")
    syn_with_eno(again)
    again.answer(answer)
    net.connected(sock)
    if answer:
        encrypted(net, sock, again)
    else:
        plain_traffic(net, sock, again)


@suite.test("4.7 active: MSG_FASTOPEN: data and no ENO in the SYN, plain")
def msg_fastopen(net):
    control = Conn(net)
    net.connect(control)
    syn_with_eno(control)
    conn = Conn(net)
    with Sysctl("net.ipv4.tcp_fastopen", 0x5):
        sock = net.keep(socket.socket())
        sock.sendto(b"early", 0x20000000, ("10.77.0.2", conn.port))
        syn = conn.wait_syn()
    equal((syn.payload, syn.eno()), (b"early", []), "data, ENO of the SYN")
    conn.output(SYN | ACK, seq=conn.isn, ack=add(conn.irs, 6))
    conn.snd_nxt = conn.snd_una = add(conn.isn, 1)
    conn.rx, conn.rcv_nxt = bytearray(b"early"), add(conn.irs, 6)
    net.connected(sock)
    plain_traffic(net, sock, conn)


@suite.test("4.1 active: 60 random SYN-ACK options, verdict by the RFC", 1)
@suite.test("4.1 active: 60 more", 2)
def random_answers(net, seed):
    rng = random.Random(seed)
    for _ in range(60):
        answer = random_option(rng, 0x01)
        conn = Conn(net)
        sock = net.connect(conn)
        syn_with_eno(conn)
        conn.answer(answer)
        ack = conn.wait_seg("the third ACK", lambda s: not s.flags & SYN)
        want = [BARE] if eno_accepts(answer[2:], True) else []
        equal(ack.eno(), want, "ENO of the third ACK after %s" %
              answer.hex(" "))
        conn.reset()
        net.close(sock)
        net.conns.remove(conn)


def random_option(rng, hint):
    """An option that is often, but not always, good."""
    common = [0x00, 0x01, 0x03, 0x1d, 0x20, 0x21, 0x23, 0x23, 0x23, 0x24,
              0x7f, 0x80, 0x81, 0x82, 0x88, 0x9f, 0xa0, 0xa3, 0xa4, 0xf0]
    body = [rng.choice(common) if rng.random() < 0.9 else rng.randrange(256)
            for _ in range(rng.randrange(11))]
    if rng.random() < 0.6:
        body.insert(0, hint)
    if rng.random() < 0.4:
        body.insert(rng.randrange(len(body) + 1), 0x23)
    return eno(*body)


# --- simultaneous open -----------------------------------------------------

B_SYN = SYNACK_ENO              # an active opener's with b = 1


def crossed(net, family=V4, b=False, syn=B_SYN, options=()):
    """Our kernel has sent its SYN and then heard the peer's: SYN_RECV."""
    conn = Conn(net, family)
    options = list(options) + (TIEBREAKER if b else [])
    sock = net.connect(conn, family, options)
    equal(conn.wait_syn().eno(), [B_SYN if b else SYN_ENO], "ENO of the SYN")
    conn.output(SYN, options=syn, seq=conn.isn)
    conn.snd_nxt = conn.snd_una = add(conn.isn, 1)
    return sock, conn


def synacks(conn, count=1):
    def there():
        segs = [s for s in conn.segs if s.flags & SYN and s.flags & ACK]
        return segs if len(segs) >= count else None
    return conn.net.wait(there, "SYN-ACK %d" % count)


def meet(net, sock, conn, b, answer):
    """The peer's SYN-ACK, with these options; encrypted."""
    own, peer = (B_SYN, SYN_ENO) if b else (SYN_ENO, B_SYN)
    equal(synacks(conn)[0].eno(), [own], "ENO of the SYN-ACK")
    equal(kinds(synacks(conn)[0]), kinds(conn.segs[0]), "other options")
    answer(conn, peer)
    net.connected(sock)
    encrypted(net, sock, conn, SYN_ENO, B_SYN, "A" if b else "B")


def with_synack(conn, opt):
    conn.output(SYN | ACK, options=opt, seq=conn.isn)
    conn.bare = True


def with_ack(conn, _):
    conn.ack(BARE)


for fam in (V4, V6, MAPPED):
    for own in (False, True):
        @suite.test("4.3 simultaneous: b = %d: encrypted, %s" % (own, fam),
                    fam, own, with_synack)
        @suite.test("4.3 simultaneous: b = %d, a bare ACK: encrypted, %s" % (
            own, fam), fam, own, with_ack)
        def differing(net, family, b, answer):
            sock, conn = crossed(net, family, b, SYN_ENO if b else B_SYN)
            meet(net, sock, conn, b, answer)


@suite.test("4.3 simultaneous: no early demux: encrypted, %s" % V4, V4,
            with_synack)
@suite.test("4.3 simultaneous: no early demux: encrypted, %s" % V6, V6,
            with_ack)
def no_demux(net, family, answer):
    with Sysctl("net.ipv4.ip_early_demux", 0):
        differing(net, family, True, answer)


CROSSED_SYN = [
    ("4.3", "both have b = 0", False, SYN_ENO),
    ("4.3", "both have b = 1", True, B_SYN),
    ("4.6", "no ENO", False, b""),
    ("4.1", "two ENO options", False, B_SYN * 2),
    ("4.4", "ill-formed ENO", False, eno(0x01, 0x23, 0x80)),
    ("4.5", "no common TEP", False, eno(0x01, 0x24)),
]


def crossed_plain(net, b, syn, family=V4):
    sock, conn = crossed(net, family, b, syn)
    equal(synacks(conn)[0].eno(), [], "ENO of the SYN-ACK")
    conn.output(SYN | ACK, seq=conn.isn)
    net.connected(sock)
    conn.ack()
    plain_socket(net, sock, conn, b)


def plain_socket(net, sock, conn, taken):
    if taken:       # by TCP_ULP: it answers options
        equal(int_option(sock, TCP_ENO_ROLE), -errno.EOPNOTSUPP,
              "TCP_ENO_ROLE")
        net.send(sock, PAYLOAD)
        conn.wait_rx(len(PAYLOAD))
        equal(bytes(conn.rx), PAYLOAD, "payload on the wire")
    else:
        plain_traffic(net, sock, conn)


for section, what, own, opt in CROSSED_SYN:
    suite.test("%s simultaneous: SYN, %s: plain" % (section, what), own, opt)(
        crossed_plain)
suite.test("4.6 simultaneous: SYN, no ENO: plain, %s" % V6, False, b"", V6)(
    crossed_plain)


@suite.test("4.6 simultaneous: SYN-ACK without ENO: plain", SYN | ACK, b"")
@suite.test("4.4 simultaneous: SYN-ACK, ill-formed ENO: plain", SYN | ACK,
            eno(0x01, 0x23, 0x80))
@suite.test("4.3 simultaneous: SYN-ACK with the same b: plain", SYN | ACK,
            SYN_ENO)
@suite.test("4.6 simultaneous: ACK without ENO: plain", ACK, b"")
def last_segment(net, flags, opt):
    sock, conn = crossed(net)
    equal(synacks(conn)[0].eno(), [SYN_ENO], "ENO of the SYN-ACK")
    conn.output(flags, options=opt,
                seq=conn.isn if flags & SYN else conn.snd_nxt)
    net.connected(sock)
    conn.ack()
    quiet = len(conn.segs)
    plain_traffic(net, sock, conn)
    for seg in conn.segs[quiet:]:
        equal(seg.eno(), [], "ENO after fallback")


@suite.test("4.6 simultaneous: SYN-ACK lost: its repetition is the same")
def lost_synack(net):
    sock, conn = crossed(net)
    for synack in synacks(conn, 3):
        equal(synack.eno(), [SYN_ENO], "ENO of a SYN-ACK")
        equal(kinds(synack), kinds(conn.segs[0]), "other options")
    meet(net, sock, conn, False, with_synack)


@suite.test("4.6 simultaneous: ENO in an ACK that leaves before the end")
def early_ack(net):
    sock, conn = crossed(net)
    synacks(conn)
    conn.output(SYN, options=B_SYN, seq=conn.isn)
    ack = conn.wait_seg("a bare ACK", lambda s: not s.flags & SYN)
    equal(ack.eno(), [BARE], "ENO of the bare ACK")
    meet(net, sock, conn, False, with_synack)


@suite.test("4.6 simultaneous: repeated SYN without ENO: plain")
def repeated_plain(net):
    sock, conn = crossed(net)
    equal(synacks(conn)[0].eno(), [SYN_ENO], "ENO of the SYN-ACK")
    conn.output(SYN, seq=conn.isn)
    equal(synacks(conn, 2)[1].eno(), [], "ENO of the second SYN-ACK")
    with_synack(conn, B_SYN)
    conn.bare = False
    net.connected(sock)
    conn.ack()
    plain_traffic(net, sock, conn)


@suite.test("4.6 simultaneous: SYN-ACK altered but good: the SYN counts")
def altered_synack(net):
    sock, conn = crossed(net)
    meet(net, sock, conn, False,
         lambda c, _: with_synack(c, eno(0x01, 0x24, 0x23)))


@suite.test("4.6 simultaneous: segments that TCP does not take do not count")
def forged_crossed(net):
    conn = Conn(net)
    sock = net.connect(conn)
    syn_with_eno(conn)
    forge(conn, SYN, seq=conn.isn)
    conn.output(ACK | RST, seq=conn.isn, ack=conn.isn)
    conn.output(SYN, options=B_SYN, seq=conn.isn)
    conn.snd_nxt = conn.snd_una = add(conn.isn, 1)
    synacks(conn)
    forge(conn, SYN, seq=conn.isn)
    forge(conn, SYN | ACK, seq=conn.isn)
    forge(conn, ACK)
    conn.output(ACK, seq=add(conn.snd_nxt, -1000))
    meet(net, sock, conn, False, with_synack)


@suite.test("4.6 simultaneous: TCP_ENO_REQUIRED: encrypted", B_SYN, 0)
@suite.test("4.6 simultaneous: TCP_ENO_REQUIRED, same b: connect() fails",
            SYN_ENO, errno.ECONNABORTED)
@suite.test("4.6 simultaneous: TCP_ENO_REQUIRED, no ENO: connect() fails",
            b"", errno.ECONNABORTED)
def required_crossed(net, syn, error):
    sock, conn = crossed(net, syn=syn, options=REQUIRED)
    if not error:
        return meet(net, sock, conn, False, with_synack)

    def failed():
        return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    equal(net.wait(failed, "connect() fails"), error, "connect()")
    return [equal(s.eno(), [SYN_ENO], "ENO of a SYN-ACK") for s in conn.segs
            if s.flags & SYN]


@suite.test("4.6 simultaneous: TCP_ENO_REQUIRED, ACK without ENO: connect() "
            "fails")
def required_crossed_ack(net):
    sock, conn = crossed(net, options=REQUIRED)
    synacks(conn)
    conn.ack()

    def failed():
        return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    equal(net.wait(failed, "connect() fails"), errno.ECONNABORTED,
          "connect()")
    conn.wait_rst()


@suite.test("4.3 simultaneous: shutdown() before the end: FINp, then FIN")
def crossed_shutdown(net):
    sock, conn = crossed(net)
    synacks(conn)
    sock.shutdown(socket.SHUT_WR)
    with_synack(conn, B_SYN)
    session = Session(conn, "B", SYN_ENO + B_SYN).agree()
    equal(session.read_fin(), b"", "data before FINp")
    conn.wait_fin()
    session.send(REPLY)
    equal(net.recv_exact(sock, len(REPLY)), REPLY, "what recv() got")


@suite.test("4.3 simultaneous: a socket that connects to itself: plain")
def itself(net):
    with Sysctl("net.tcpcrypt.skip_loopback", 0):
        sock = net.keep(socket.socket())
        sock.bind(("127.0.0.1", 0))
        before = int(counters()["FallbackRole"])
        require(sock.connect_ex(sock.getsockname()) in
                (0, errno.EINPROGRESS), "connect()")
        net.connected(sock)
        equal(int(counters()["FallbackRole"]), before + 1, "FallbackRole")
        net.send(sock, REPLY)
        equal(net.recv_exact(sock, len(REPLY)), REPLY, "what recv() got")


# --- destinations where negotiated connections break -----------------------

BROKEN = "net.tcpcrypt.broken_time"


def ends(net, sock, error):
    """connect() was good, the connection is not."""
    data, got = net.recv_end(sock)
    equal((data, got), (b"", error), "what recv() came to")
    net.close(sock)


def by_rst(net, sock, conn):
    first_segments(conn, 2, "Init1")
    conn.reset()
    ends(net, sock, errno.ECONNRESET)


def by_fin(net, sock, conn):
    first_segments(conn, 2, "Init1")
    conn.close()
    ends(net, sock, errno.ECONNRESET)


def by_banner(net, sock, conn):
    conn.send(b"220 mail.example.org ESMTP\r\n")
    ends(net, sock, errno.EPROTO)


def by_silence(net, sock, conn):
    ends(net, sock, errno.ETIMEDOUT)


def by_close(net, sock, conn):
    first_segments(conn, 2, "Init1")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    net.close(sock)
    conn.wait_rst()


def by_forgery(net, sock, conn):
    session = Session(conn, "B", SYN_ENO + SYNACK_ENO).agree()
    frame = session.seal(REPLY)
    conn.send(frame[:-1] + bytes([frame[-1] ^ 1]))
    ends(net, sock, errno.EBADMSG)


def by_late_rst(net, sock, conn):
    Session(conn, "B", SYN_ENO + SYNACK_ENO).agree().send(REPLY)
    equal(net.recv_exact(sock, len(REPLY)), REPLY, "what recv() got")
    conn.reset()
    ends(net, sock, errno.ECONNRESET)


def again(net, old, family=V4, options=(), port=None):
    """Connects there once more; the socket and the peer's end."""
    conn = Conn(net, family, port=port or old.port)
    sock = net.connect(conn, family, options)
    return sock, conn


def die(net, how, family=V4):
    sock, conn = active(net, family)
    how(net, sock, conn)
    return conn


for name, how in (("RST", by_rst), ("FIN", by_fin), ("banner", by_banner)):
    for fam in (V4, V6, MAPPED):
        @suite.test("9 broken: %s instead of Init2: no ENO next time, %s" % (
            name, fam), how, fam)
        def broken(net, how, family):
            old = counters()
            conn = die(net, how, family)
            sock, conn = again(net, conn, family)
            equal(conn.wait_syn().eno(), [], "ENO of the next SYN")
            conn.answer(b"")
            net.connected(sock)
            plain_traffic(net, sock, conn)
            for name in ("BrokenRemembered", "FallbackBroken"):
                equal(int(counters()[name]), int(old[name]) + 1, name)


@suite.test("9 broken: handshake timeout: no ENO next time")
def broken_silence(net):
    with Sysctl("net.tcpcrypt.handshake_timeout", 1):
        conn = die(net, by_silence)
    equal(again(net, conn)[1].wait_syn().eno(), [], "ENO of the next SYN")


@suite.test("9 broken: IPv4 and IPv4-mapped are the same destination")
def broken_mapped(net):
    conn = die(net, by_rst, MAPPED)
    equal(again(net, conn)[1].wait_syn().eno(), [], "ENO of the next SYN")


@suite.test("9 not broken: closed by our application", by_close)
@suite.test("9 not broken: forged frame after keys were agreed", by_forgery)
@suite.test("9 not broken: reset after keys were agreed", by_late_rst)
def not_broken(net, how):
    conn = die(net, how)
    syn_with_eno(again(net, conn)[1])


@suite.test("9 broken: other ports and addresses are not")
def broken_others(net):
    conn = die(net, by_rst)
    equal(again(net, conn)[1].wait_syn().eno(), [], "ENO, the same port")
    syn_with_eno(again(net, conn, port=conn.port + 5000)[1])
    syn_with_eno(again(net, conn, V6)[1])


@suite.test("9 broken: TCP_ENO_ENABLED overrides it", 1)
@suite.test("9 broken: TCP_ENO_REQUIRED overrides it", 2)
def broken_enabled(net, enabled):
    conn = die(net, by_rst)
    options = [TAKEN, (socket.IPPROTO_TCP, TCP_ENO_ENABLED, enabled)]
    syn_with_eno(again(net, conn, options=options)[1])
    # one that was merely taken does as the system is configured
    sock, conn = again(net, conn, options=[TAKEN])
    equal(conn.wait_syn().eno(), [], "ENO of a socket that was taken")
    conn.answer(b"")
    net.connected(sock)
    plain_socket(net, sock, conn, True)


@suite.test("9 broken: over after net.tcpcrypt.broken_time")
def broken_over(net):
    with Sysctl(BROKEN, 3):
        conn = die(net, by_rst)
        equal(again(net, conn)[1].wait_syn().eno(), [], "ENO at once")
        net.rest(3.1)
        syn_with_eno(again(net, conn)[1])


@suite.test("9 broken: net.tcpcrypt.broken_time = 0: nothing is remembered")
def broken_off(net):
    with Sysctl(BROKEN, 0):
        conn = die(net, by_rst)
    syn_with_eno(again(net, conn)[1])


@suite.test("9 broken: writing net.tcpcrypt.broken_time forgets", BROKEN)
@suite.test("9 broken: writing net.tcpcrypt.broken_max forgets",
            "net.tcpcrypt.broken_max")
def broken_flush(net, name):
    conn = die(net, by_rst)
    equal(again(net, conn)[1].wait_syn().eno(), [], "ENO before")
    with Sysctl(name, 100):
        syn_with_eno(again(net, conn)[1])


@suite.test("9 broken: no more than net.tcpcrypt.broken_max")
def broken_bound(net):
    with Sysctl("net.tcpcrypt.broken_max", 2):
        conns = [die(net, by_rst) for _ in range(3)]
        for conn, want in zip(conns, ([SYN_ENO], [], [])):
            equal(again(net, conn)[1].wait_syn().eno(), want, "ENO")


@suite.test("9 broken: SYNs with ENO are lost: no ENO next time", b"", [])
@suite.test("9 not broken: SYNs with ENO are late: ENO next time",
            SYNACK_ENO, [SYN_ENO])
def broken_syn(net, answer, want):
    conn = Conn(net)
    sock = net.connect(conn)
    net.wait(lambda: len(conn.segs) >= 4, "four SYNs")
    equal(conn.segs[3].eno(), [], "ENO of the fourth SYN")
    conn.answer(answer)
    net.connected(sock)
    plain_traffic(net, sock, conn)
    equal(again(net, conn)[1].wait_syn().eno(), want, "ENO of the next SYN")


@suite.test("9 not broken: passive opens")
def broken_passive(net):
    listener = net.listen()
    before = counters()["BrokenRemembered"]
    conn, _ = passive(net, listener)
    conn.bare = True
    conn.ack()
    sock = net.accept(listener)
    conn.reset()
    ends(net, sock, errno.ECONNRESET)
    equal(counters()["BrokenRemembered"], before, "BrokenRemembered")


# --- passive opener --------------------------------------------------------

for fam in (V4, V6, MAPPED):
    @suite.test("4.2 passive: SYN-ACK has b = 1 and one TEP, %s" % fam, fam,
                True)
    @suite.test("4.2 passive: the same without timestamps, %s" % fam, fam,
                False)
    def passive_options(net, family, ts):
        listener = net.listen(family)
        conn, synack = passive(net, listener, family=family, ts=ts)
        equal(synack.eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
        conn.bare = True
        conn.ack()
        sock = net.accept(listener)
        encrypted(net, sock, conn)
        for seg in conn.segs[1:]:
            equal(seg.eno(), [], "ENO after the first non-SYN segment")


@suite.test("4.2 passive: only the ENO option is added to the SYN-ACK, %s" %
            V4, V4)
@suite.test("4.2 passive: only the ENO option is added to the SYN-ACK, %s" %
            V6, V6)
def same_synack(net, family):
    answers = []
    for port in (0, EXCLUDED):
        listener = net.listen(family, port=port)
        answers.append(passive(net, listener, family=family)[1])
    ours, plain = answers
    equal(ours.eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
    equal(plain.eno(), [], "ENO of the SYN-ACK of an excluded port")
    equal(kinds(ours), kinds(plain), "other options")
    equal(ours.win, plain.win, "window")
    equal(ours.flags, plain.flags, "flags")


@suite.test("4.6 passive: repeated SYN-ACKs are identical")
def repeated_synacks(net):
    listener = net.listen()
    conn, synack = passive(net, listener)
    equal(synack.eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
    net.wait(lambda: len(conn.segs) >= 2, "a second SYN-ACK (timer)")
    conn.output(SYN, options=SYN_ENO, seq=conn.isn)
    net.wait(lambda: len(conn.segs) >= 3, "a third SYN-ACK")
    for seg in conn.segs[1:]:
        equal(seg.eno(), [SYNACK_ENO], "ENO of a repeated SYN-ACK")
        equal(kinds(seg), kinds(synack), "other options")
    conn.bare = True
    conn.ack()
    encrypted(net, net.accept(listener), conn)


PLAIN_SYN = [
    ("4.6", "no ENO", b""),
    ("4.1", "two ENO options", SYN_ENO * 2),
    ("4.1", "two ENO options, the first vacuous", BARE + SYN_ENO),
    ("4.4", "length byte past the end", eno(0x23, 0x85, 0xa4, 0)),
    ("4.4", "length byte, then a TEP with v = 0", eno(0x23, 0x80, 0x24, 0)),
    ("4.4", "length byte, then a global suboption",
     eno(0x23, 0x80, 0x01, 0)),
    ("4.4", "length byte as last octet", eno(0x23, 0x80)),
    ("4.1", "option length runs over the header", b"\x45\x09\x23\x01"),
]
NO_TEP_SYN = [
    ("4.5", "TEPs 0x21 0x22 0x24", eno(0x21, 0x22, 0x24)),
    ("4.6", "vacuous", BARE),
    ("4.6", "vacuous with a global suboption", eno(0x00)),
    ("4.3", "b = 1", eno(0x01, 0x23)),
    ("4.5", "TEP repeated", eno(0x23, 0x23)),
    ("4.5", "TEP repeated, once with data", eno(0x23, 0xa3, *range(9))),
    ("4.4", "the TEP only in another's data", eno(0xf0, 0x23, 0x23)),
]


def plain_syn(net, syn, answers, family, stubborn):
    listener = net.listen(family)
    good_syn(net, listener, family)
    conn, synack = passive(net, listener, syn, family)
    require(synack.eno() in answers, "ENO of the SYN-ACK: %s" % synack)
    # A peer that sends ENO all the same does not change the verdict.
    conn.bare = stubborn
    conn.ack()
    sock = net.accept(listener)
    net.rest(0.05)
    plain_traffic(net, sock, conn)


NO_ENO, NO_TEP = ([],), ([], [eno(0x01)])
for section, what, opt in PLAIN_SYN:
    suite.test("%s passive: SYN %s: plain" % (section, what), opt, NO_ENO,
               V4, False)(plain_syn)
for section, what, opt in NO_TEP_SYN:
    suite.test("%s passive: SYN %s: plain" % (section, what), opt, NO_TEP,
               V4, False)(plain_syn)
suite.test("4.6 passive: SYN no ENO: plain, %s" % V6, b"", NO_ENO, V6,
           False)(plain_syn)
suite.test("4.6 passive: SYN no ENO: plain, %s" % MAPPED, b"", NO_ENO,
           MAPPED, False)(plain_syn)
suite.test("4.6 passive: SYN no ENO, ACK with it: plain", b"", NO_ENO, V4,
           True)(plain_syn)
suite.test("4.4 passive: SYN ill-formed, ACK with ENO: plain",
           eno(0x23, 0x80), NO_ENO, V4, True)(plain_syn)
suite.test("4.4 passive: SYN ill-formed: plain, %s" % V6, eno(0x23, 0x80),
           NO_ENO, V6, False)(plain_syn)


GOOD_SYN = [
    ("4.2", "explicit b = 0", eno(0x00, 0x23)),
    ("4.2", "z bits", eno(0x1c, 0x23)),
    ("4.2", "a bit", eno(0x02, 0x23)),
    ("4.2", "later global suboptions", eno(0x00, 0x23, 0x01, 0x1f)),
    ("4.5", "several TEPs", eno(0x24, 0x22, 0x23, 0x21)),
    ("4.5", "unknown TEPs", eno(0x7f, 0x23, 0x20)),
    ("4.4", "unknown TEP with data before",
     eno(0x82, 0xf0, 0x80, 0x23, 0x01, 0x23)),
    ("4.4", "unknown TEP with data after", eno(0x23, 0xf0, 0x80)),
    ("RFC 8548 3.5:", "resumption offer, 9 bytes", eno(0xa3, *range(9))),
    ("RFC 8548 3.5:", "resumption offer, 16 bytes", eno(0xa3, *range(16))),
    ("RFC 8548 3.5:", "resumption offer, 9 bytes, length byte, fresh 0x24",
     eno(0x88, 0xa3, *range(9), 0x24)),
    ("RFC 8548 3.5:", "v = 1 and 8 bytes", eno(0xa3, *range(8))),
    ("RFC 8548 3.5:", "v = 1 and no data", eno(0xa3)),
]


def fresh(net, syn, family, ts=True):
    listener = net.listen(family)
    conn, synack = passive(net, listener, syn, family, ts=ts)
    equal(synack.eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
    conn.bare = True
    conn.ack()
    encrypted(net, net.accept(listener), conn, syn)


for section, what, opt in GOOD_SYN:
    suite.test("%s passive: SYN with %s: encrypted" % (section, what), opt,
               V4)(fresh)
# 17 bytes do not fit beside a timestamp and a window scale.
suite.test("RFC 8548 3.5: passive: SYN with resumption offer, 17 bytes: "
           "encrypted", eno(0xa3, *range(17)), V4, False)(fresh)
suite.test("4.5 passive: SYN with several TEPs: encrypted, %s" % V6,
           eno(0x24, 0x22, 0x23, 0x21), V6)(fresh)


@suite.test("4.1 passive: 60 random SYN options, verdict by the RFC", 3)
@suite.test("4.1 passive: 60 more", 4)
def random_syns(net, seed):
    rng = random.Random(seed)
    listener = net.listen()
    for _ in range(60):
        syn = random_option(rng, 0x00)
        conn, synack = passive(net, listener, syn)
        want = NO_TEP
        if eno_accepts(syn[2:], False):
            want = ([SYNACK_ENO],)
        require(synack.eno() in want, "SYN-ACK after %s: %s" % (
            syn.hex(" "), synack))
        conn.reset()
        net.conns.remove(conn)


@suite.test("4.6 passive: ACK without ENO: plain, %s" % V4, V4)
@suite.test("4.6 passive: ACK without ENO: plain, %s" % V6, V6)
def ack_without(net, family):
    listener = net.listen(family)
    conn, synack = passive(net, listener, family=family)
    equal(synack.eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
    conn.ack()
    sock = net.accept(listener)
    plain_traffic(net, sock, conn)


@suite.test("4.6 passive: ACK without ENO, then segments with it: plain")
def late_eno(net):
    listener = net.listen()
    conn, synack = passive(net, listener)
    equal(synack.eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
    conn.ack()
    sock = net.accept(listener)
    conn.bare = True
    plain_traffic(net, sock, conn)


@suite.test("4.6 passive: first ACK lost, data without ENO: plain")
def data_without(net):
    listener = net.listen()
    conn, synack = passive(net, listener)
    equal(synack.eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
    conn.snd_wnd = 65535
    conn.send(REPLY)
    sock = net.accept(listener)
    equal(net.recv_exact(sock, len(REPLY)), REPLY, "what recv() got")
    plain_traffic(net, sock, conn)


@suite.test("4.6 passive: first ACK lost, data with ENO: encrypted")
def data_with(net):
    listener = net.listen()
    conn, synack = passive(net, listener)
    equal(synack.eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
    conn.bare = True
    session = Session(conn, "A", SYN_ENO + SYNACK_ENO)
    init1 = session.init1()
    conn.send(init1)
    sock = net.accept(listener)
    session.derive(init1, session.read_init2())
    session.send(REPLY)
    equal(net.recv_exact(sock, len(REPLY)), REPLY, "what recv() got")


@suite.test("4.1 passive: first ACK's ENO with contents: encrypted")
def ack_contents(net):
    listener = net.listen()
    conn, _ = passive(net, listener)
    conn.ack(eno(0x80, 0x00, 0xff, 0x80))
    encrypted(net, net.accept(listener), conn)


@suite.test("4.1 passive: first ACK with two ENO options: encrypted")
def ack_two(net):
    listener = net.listen()
    conn, _ = passive(net, listener)
    conn.ack(BARE + eno(0x80))
    encrypted(net, net.accept(listener), conn)


REPEATED_SYN = [
    ("4.6", "no ENO", b""),
    ("4.1", "two ENO options", SYN_ENO * 2),
    ("4.4", "ill-formed ENO", eno(0x23, 0x80)),
    ("4.5", "another TEP", eno(0x24)),
    ("4.6", "vacuous ENO", BARE),
    ("4.3", "b = 1", eno(0x01, 0x23)),
]


def repeat_syn(net, syn, family, options=()):
    """A good SYN, then a second one."""
    listener = net.listen(family, options=options)
    conn, synack = passive(net, listener, family=family)
    equal(synack.eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
    conn.output(SYN, options=syn, seq=conn.isn)
    net.wait(lambda: len(conn.segs) >= 2, "a second SYN-ACK")
    return listener, conn


def changed_syn(net, syn, family, early_demux=1):
    with Sysctl("net.ipv4.ip_early_demux", early_demux):
        listener, conn = repeat_syn(net, syn, family)
        equal(conn.segs[1].eno(), [], "ENO of the second SYN-ACK")
        # a peer that has seen the first SYN-ACK alone sends it
        conn.bare = True
        conn.ack()
        sock = net.accept(listener)
        plain_traffic(net, sock, conn)


for section, what, opt in REPEATED_SYN:
    suite.test("%s passive: repeated SYN, %s: plain" % (section, what), opt,
               V4)(changed_syn)
suite.test("4.6 passive: repeated SYN, no ENO: plain, %s" % V6, b"", V6)(
    changed_syn)
suite.test("4.6 passive: repeated SYN, no ENO, no early demux: plain", b"",
           V4, 0)(changed_syn)
suite.test("4.6 passive: repeated SYN, no ENO, no early demux: plain, %s" %
           V6, b"", V6, 0)(changed_syn)


@suite.test("4.6 passive: repeated SYN, altered but good: the first counts")
def altered_syn(net):
    listener, conn = repeat_syn(net, eno(0x24, 0x23), V4)
    equal(conn.segs[1].eno(), [SYNACK_ENO], "ENO of the second SYN-ACK")
    conn.bare = True
    conn.ack()
    encrypted(net, net.accept(listener), conn)


@suite.test("4.6 passive: segments that TCP does not take do not count, %s" %
            V4, V4)
@suite.test("4.6 passive: segments that TCP does not take do not count, %s" %
            V6, V6)
def forged(net, family):
    listener = net.listen(family)
    conn, synack = passive(net, listener, family=family)
    equal(synack.eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
    forge(conn, SYN, seq=conn.isn)
    forge(conn, ACK)
    conn.output(SYN, seq=add(conn.isn, -1))
    conn.output(ACK, ack=add(conn.rcv_nxt, 1))
    conn.output(ACK, seq=add(conn.snd_nxt, -1))
    conn.output(ACK, b"far away", seq=add(conn.snd_nxt, 1 << 30))
    conn.output(ACK | RST, seq=add(conn.snd_nxt, 1))
    net.rest(0.05)
    # those that were answered were not answered by ENO's rules
    conn.rst = False
    conn.bare = True
    conn.ack()
    encrypted(net, net.accept(listener), conn)


@suite.test("TCP_ENO_REQUIRED passive: repeated SYN without ENO: no child")
def required_syn(net):
    listener = net.listen(options=REQUIRED)
    conn, synack = passive(net, listener)
    equal(synack.eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
    conn.output(SYN, seq=conn.isn)
    net.rest(0.05)
    conn.bare = True
    conn.ack()
    conn.output(ACK | PSH, b"data")
    net.rest(0.1)
    for seg in conn.segs[1:]:
        require(not seg.flags & SYN, "a second SYN-ACK: %s" % seg)
    no_child(listener)


@suite.test("TCP_ENO_REQUIRED passive: TCP_DEFER_ACCEPT, ACK without ENO: no "
            "child")
def required_ack(net):
    listener = net.listen(options=REQUIRED + DEFER)
    conn, synack = passive(net, listener)
    equal(synack.eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
    conn.ack()
    conn.bare = True
    conn.output(ACK | PSH, b"data")
    net.rest(0.1)
    no_child(listener)


def no_child(listener):
    try:
        listener.accept()
    except BlockingIOError:
        return
    raise Failure("accept() has a child")


@suite.test("4.7 passive: SYN data is discarded, not acknowledged")
def syn_data(net):
    listener = net.listen()
    conn, synack = passive(net, listener, payload=b"early data")
    equal(synack.eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
    conn.bare = True
    conn.ack()
    encrypted(net, net.accept(listener), conn)


@suite.test("4.7 passive: SYN data with ENO is discarded by a Fast Open "
            "listener")
def syn_data_fastopen(net):
    # 0x203: Fast Open in both roles, data without a cookie
    with Sysctl("net.ipv4.tcp_fastopen", 0x203):
        listener = net.listen(options=[(socket.IPPROTO_TCP, 23, 5)])
        good_syn(net, listener)
        conn, _ = passive(net, listener, payload=b"early data")
        conn.bare = True
        conn.ack()
        sock = net.accept(listener)
        encrypted(net, sock, conn)


@suite.test("4.7 passive: SYN data with ENO and a Fast Open cookie request "
            "is discarded")
def syn_data_cookie(net):
    with Sysctl("net.ipv4.tcp_fastopen", 0x203):
        listener = net.listen(options=[(socket.IPPROTO_TCP, 23, 5)])
        good_syn(net, listener)
        passive(net, listener, SYN_ENO + b"\x22\x02", payload=b"early data")


@suite.test("4.7 passive: SYN data with ill-formed ENO is discarded by a "
            "Fast Open listener")
def syn_data_ill_formed(net):
    with Sysctl("net.ipv4.tcp_fastopen", 0x203):
        listener = net.listen(options=[(socket.IPPROTO_TCP, 23, 5)])
        good_syn(net, listener)
        passive(net, listener, eno(0x23, 0x80), payload=b"early data")


@suite.test("4.7 passive: SYN data with ENO is discarded by a Fast Open "
            "listener where ENO is off")
def syn_data_off(net):
    with Sysctl("net.ipv4.tcp_fastopen", 0x203):
        listener = net.listen(port=EXCLUDED,
                              options=[(socket.IPPROTO_TCP, 23, 5)])
        _, synack = passive(net, listener, payload=b"early data")
        equal(synack.eno(), [], "ENO of the SYN-ACK")


COOKIE_REQUEST = b"\x22\x02"


@suite.test("4.7 passive: no SYN-ACK has ENO and a Fast Open cookie")
def synack_cookie(net):
    def cookies(seg):
        return [o for o in seg.options if o[0] == 0x22 and len(o) > 2]
    with Sysctl("net.ipv4.tcp_fastopen", 0x3):
        listener = net.listen(options=[(socket.IPPROTO_TCP, 23, 5)])
        good_syn(net, listener)
        _, synack = passive(net, listener, COOKIE_REQUEST)
        require(cookies(synack), "no cookie without ENO (control)")
        conn, synack = passive(net, listener, SYN_ENO + COOKIE_REQUEST)
        require(not (cookies(synack) and synack.eno()),
                "a cookie and ENO: %s" % synack)
        conn.bare = bool(synack.eno())
        conn.ack()
        sock = net.accept(listener)
        if synack.eno():
            encrypted(net, sock, conn)
        else:
            plain_traffic(net, sock, conn)


@suite.test("4.6 passive: SYN cookies carry no ENO, plain, %s" % V4, V4)
@suite.test("4.6 passive: SYN cookies carry no ENO, plain, %s" % V6, V6)
def cookies(net, family):
    listener = net.listen(family)
    good_syn(net, listener, family)
    with Sysctl("net.ipv4.tcp_syncookies", 2):
        conn, synack = passive(net, listener, family=family)
        equal(synack.eno(), [], "ENO of a SYN cookie")
        conn.ack()
        sock = net.accept(listener)
        plain_traffic(net, sock, conn)


@suite.test("4.6 passive: SYN cookie, ACK with ENO: plain")
def cookie_ack(net):
    listener = net.listen()
    good_syn(net, listener)
    with Sysctl("net.ipv4.tcp_syncookies", 2):
        conn, synack = passive(net, listener)
        equal(synack.eno(), [], "ENO of a SYN cookie")
        conn.bare = True
        conn.ack()
        plain_traffic(net, net.accept(listener), conn)


def altered(net, sock, conn, transcript):
    """The peer saw another transcript: other keys, nothing gets through."""
    session = Session(conn, "B" if conn.sent[0].flags & ACK else "A",
                      transcript).agree()
    net.send(sock, PAYLOAD)
    try:
        session.read(1)
    except Failure:
        pass
    else:
        require(False, "the peer can read")
    session.send(REPLY)
    equal(net.recv_end(sock), (b"", errno.EBADMSG), "recv()")
    conn.wait_rst()


for what, theirs in (
        ("SYN", eno(CURVE25519, 0x7f) + SYNACK_ENO),
        ("SYN, a bit only", eno(0x02, CURVE25519) + SYNACK_ENO),
        ("SYN-ACK", SYN_ENO + eno(0x01, CURVE25519, 0x7f)),
        ("SYN-ACK, a bit only", SYN_ENO + eno(0x03, CURVE25519))):
    @suite.test("4.8 active: ENO altered on its way, %s: EBADMSG" % what,
                theirs)
    def altered_active(net, transcript):
        altered(net, *active(net), transcript)

    @suite.test("4.8 passive: ENO altered on its way, %s: EBADMSG" % what,
                theirs)
    def altered_passive(net, transcript):
        listener = net.listen()
        conn, _ = passive(net, listener)
        conn.bare = True
        conn.ack()
        altered(net, net.accept(listener), conn, transcript)


for fam in (V4, V6, MAPPED):
    @suite.test("passive: listener opened before insmod, %s" % fam, fam)
    def before_insmod(net, family):
        listener = early[family]
        conn, synack = passive(net, listener, family=family)
        equal(synack.eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
        conn.bare = True
        conn.ack()
        encrypted(net, net.accept(listener), conn)


@suite.test("passive: a listener before insmod and plain TCP")
def before_insmod_plain(net):
    good_syn(net, early[V4])
    conn, _ = passive(net, early[V4], b"")
    conn.ack()
    plain_traffic(net, net.accept(early[V4]), conn)


@suite.test("passive: TCP_SAVED_SYN is exactly the SYN, ENO, %s" % V4,
            SYN_ENO, V4)
@suite.test("passive: TCP_SAVED_SYN is exactly the SYN, ENO, %s" % V6,
            SYN_ENO, V6)
@suite.test("passive: TCP_SAVED_SYN is exactly the SYN, no ENO", b"", V4)
@suite.test("passive: TCP_SAVED_SYN is exactly the SYN, ill-formed ENO",
            eno(0x23, 0x80), V4)
def saved_syn(net, syn, family):
    listener = net.listen(
        family, options=[(socket.IPPROTO_TCP, TCP_SAVE_SYN, 1)])
    good_syn(net, listener, family)
    conn, synack = passive(net, listener, syn, family)
    conn.bare = bool(synack.eno())
    conn.ack()
    sock = net.accept(listener)
    equal(option(sock, TCP_SAVED_SYN, 4), -errno.EINVAL,
          "TCP_SAVED_SYN, too short a buffer")
    equal(option(sock, TCP_SAVED_SYN), conn.sent[0].packet, "TCP_SAVED_SYN")
    equal(option(sock, TCP_SAVED_SYN), b"", "TCP_SAVED_SYN once more")
    if synack.eno():
        encrypted(net, sock, conn)
    else:
        plain_traffic(net, sock, conn)


@suite.test("passive: without TCP_SAVE_SYN there is no saved SYN")
def no_saved_syn(net):
    listener = net.listen()
    conn, synack = passive(net, listener)
    equal(synack.eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
    conn.bare = True
    conn.ack()
    sock = net.accept(listener)
    equal(option(sock, TCP_SAVED_SYN), b"", "TCP_SAVED_SYN")
    encrypted(net, sock, conn)


@suite.test("4.6 passive: TCP_DEFER_ACCEPT, ACK with ENO, Init1 with it: "
            "encrypted", True, True, True)
@suite.test("4.6 passive: TCP_DEFER_ACCEPT, ACK with ENO, Init1 without: "
            "encrypted", True, False, True)
@suite.test("4.6 passive: TCP_DEFER_ACCEPT, ACK without ENO, data without: "
            "plain", False, False, False)
@suite.test("4.6 passive: TCP_DEFER_ACCEPT, ACK without ENO, data with it: "
            "plain", False, True, False)
def defer_accept(net, in_ack, in_data, good):
    listener = net.listen(options=DEFER)
    conn, synack = passive(net, listener)
    equal(synack.eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
    conn.bare = in_ack
    conn.ack()
    net.rest(0.02)
    no_child(listener)
    conn.bare = in_data
    conn.snd_wnd = 65535
    if not good:
        conn.send(REPLY)
        sock = net.accept(listener)
        equal(net.recv_exact(sock, len(REPLY)), REPLY, "what recv() got")
        return plain_traffic(net, sock, conn)
    session = Session(conn, "A", SYN_ENO + SYNACK_ENO)
    init1 = session.init1()
    conn.send(init1)
    sock = net.accept(listener)
    session.derive(init1, session.read_init2())
    session.send(REPLY)
    return equal(net.recv_exact(sock, len(REPLY)), REPLY, "what recv() got")


@suite.test("4.6 passive: TCP_DEFER_ACCEPT, repeated SYN-ACK after an ACK "
            "without ENO")
def defer_synack(net):
    listener = net.listen(
        options=[(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 1)])
    conn, synack = passive(net, listener)
    equal(synack.eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
    conn.ack()
    net.wait(lambda: len(conn.segs) >= 2, "a second SYN-ACK")
    equal(conn.segs[1].eno(), [], "ENO of the second SYN-ACK")
    conn.ack()
    plain_traffic(net, net.accept(listener), conn)


BARE_OPTIONS = {"tcp_timestamps": 0, "tcp_sack": 0, "tcp_window_scaling": 0}


@suite.test("4.1 active and passive: without %s" % ", ".join(BARE_OPTIONS),
            BARE_OPTIONS)
@suite.test("4.1 active and passive: without tcp_timestamps",
            {"tcp_timestamps": 0})
@suite.test("4.1 active and passive: without tcp_sack", {"tcp_sack": 0})
@suite.test("4.1 active and passive: with tcp_ecn", {"tcp_ecn": 1})
def other_layouts(net, sysctls):
    changed = [Sysctl("net.ipv4." + n, v) for n, v in sysctls.items()]
    for change in changed:
        change.__enter__()
    try:
        same_syn(net, V4)
        same_synack(net, V4)
        encrypted(net, *active(net))
        passive_options(net, V4, True)
    finally:
        for change in changed:
            change.__exit__()


@suite.test("passive: listener closed before the first ACK: reset, no child")
def listener_closed(net):
    listener = net.listen()
    conn, synack = passive(net, listener)
    equal(synack.eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
    net.close(listener)
    conn.bare = True
    conn.ack()
    conn.wait_rst()


def prepare(net):
    """Listeners that are older than the module."""
    unload_module()
    for family, port in ((V4, 7001), (V6, 7002), (MAPPED, 7003)):
        early[family] = net.listen(family, port=port)
    net.sockets.clear()
    load_module()


if __name__ == "__main__":
    sys.exit(suite.main(prepare))
