#!/usr/bin/python3 -IS
# SPDX-License-Identifier: GPL-2.0
"""What an eavesdropper sees: questions about a capture (pcap, Ethernet).

    wire.py has FILE STRING        is STRING in a stream's payload?
    wire.py secret FILE STRING N   at least N bytes, and STRING not among them?
    wire.py bytes FILE             payload bytes, both directions
    wire.py eno FILE PORT          "SYN SYN-ACK" with yes, no or mixed for each
    wire.py syn FILE PORT          first SYN to PORT without what always
                                   differs (ports, sequence, time, checksum)
    wire.py resets FILE            number of RST segments
    wire.py closes FILE            "N M K": of N connections M saw a FIN from
                                   either side, and K an RST
    wire.py show FILE STRING       a few lines of hexdump around STRING, or of
                                   the middle of the longest stream
Captures may be truncated by -s: has and show look at what is there.
"""

import struct
import sys

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
ENO = 69


class Segment:
    """One TCP segment with the header fields the questions need."""

    def __init__(self, ip, src, dst, ip_fields, tcp, length):
        self.src, self.dst, self.ip_fields = src, dst, ip_fields
        (self.sport, self.dport, self.seq, self.ack, offset, self.flags,
         self.window) = struct.unpack_from("!HHIIBBH", tcp)
        offset = (offset >> 4) * 4
        self.raw_options = tcp[20:offset]
        self.payload = tcp[offset:]
        self.length = length - offset       # as sent, not as captured
        self.family = ip

    @property
    def options(self):
        found, data = [], self.raw_options
        while data and data[0] != 0:
            if data[0] == 1:
                data = data[1:]
                continue
            if len(data) < 2 or data[1] < 2 or data[1] > len(data):
                found.append((data[0], None))
                break
            found.append((data[0], data[2:data[1]]))
            data = data[data[1]:]
        return found

    def has(self, kind):
        return any(k == kind for k, _ in self.options)


def packets(path):
    with open(path, "rb") as f:
        data = f.read()
    if len(data) < 24:
        return
    magic = data[:4]
    if magic in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1"):
        order = "<"
    elif magic in (b"\xa1\xb2\xc3\xd4", b"\xa1\xb2\x3c\x4d"):
        order = ">"
    else:
        sys.exit("wire.py: %s is no pcap file" % path)
    at = 24
    while at + 16 <= len(data):
        _, _, caught, _ = struct.unpack_from(order + "IIII", data, at)
        at += 16
        yield data[at:at + caught]
        at += caught


def segments(path):
    for frame in packets(path):
        if len(frame) < 14:
            continue
        kind, = struct.unpack_from("!H", frame, 12)
        ip = frame[14:]
        if kind == 0x0800 and len(ip) >= 40 and ip[9] == 6:
            header = (ip[0] & 15) * 4
            total, = struct.unpack_from("!H", ip, 2)
            if struct.unpack_from("!H", ip, 6)[0] & 0x1fff:
                continue
            fields = ("tos", ip[1], "df", ip[6] >> 6, "ttl", ip[8])
            src, dst = ip[12:16], ip[16:20]
        elif kind == 0x86dd and len(ip) >= 60 and ip[6] == 6:
            header = 40
            total = struct.unpack_from("!H", ip, 4)[0] + 40
            fields = ("class", struct.unpack_from("!H", ip)[0] >> 4 & 255,
                      "hops", ip[7])
            src, dst = ip[8:24], ip[24:40]
        else:
            continue
        if total <= header:                 # GSO packet beyond 64 KiB
            total = len(ip)
        tcp = ip[header:total]
        if len(tcp) >= 20:
            yield Segment(4 if kind == 0x0800 else 6, src, dst, fields, tcp,
                          total - header)


def streams(path):
    """Payload of each direction of each connection, in order of capture."""
    found = {}
    for s in segments(path):
        if s.payload:
            key = (s.src, s.sport, s.dst, s.dport)
            found.setdefault(key, []).append(s.payload)
    return {key: b"".join(parts) for key, parts in found.items()}


def verdict(flags):
    if not flags:
        return "none"
    return "yes" if all(flags) else "mixed" if any(flags) else "no"


def eno(path, port):
    syns, answers = [], []
    for s in segments(path):
        if s.flags & SYN and not s.flags & ACK and s.dport == port:
            syns.append(s.has(ENO))
        if s.flags & SYN and s.flags & ACK and s.sport == port:
            answers.append(s.has(ENO))
    return verdict(syns) + " " + verdict(answers)


def syn(path, port):
    """ENO, NOP and the padding left out; the timestamp's value masked."""
    for s in segments(path):
        if s.flags & SYN and not s.flags & ACK and s.dport == port:
            options = []
            for kind, value in s.options:
                if kind == ENO:
                    continue
                if kind == 8 and value is not None and len(value) == 8:
                    value = b"time" + value[4:]
                options.append("%d:%s" % (
                    kind, "bad" if value is None else value.hex()))
            return "%s flags=%#x win=%d urg=%d data=%d options=%s" % (
                s.ip_fields, s.flags, s.window, s.flags & URG, s.length,
                ",".join(options))
    return "none"


def closes(path):
    """A connection counts from its SYN on.

    After both FINs a RST says nothing: the socket that had the last
    acknowledgment is gone, and where load has caused a retransmission, there
    is another one.
    """
    fins, reset = {}, set()
    for s in segments(path):
        me, other = (s.src, s.sport), (s.dst, s.dport)
        key = min((me, other), (other, me))
        if s.flags & SYN:
            fins.setdefault(key, set())
        elif key in fins and s.flags & FIN:
            fins[key].add(me)
        if s.flags & RST and len(fins.get(key, "..")) < 2:
            reset.add(key)
    return "%d %d %d" % (
        len(fins), sum(len(ends) == 2 for ends in fins.values()), len(reset))


def hexdump(data, start, out):
    for at in range(0, len(data), 16):
        row = data[at:at + 16]
        text = "".join(chr(c) if 32 <= c < 127 else "." for c in row)
        out.append("%08x  %-48s |%s|" % (
            start + at, row.hex(" "), text))


def show(path, marker):
    import ipaddress    # slow, and for nobody else

    found = streams(path)
    best = None
    for key, data in found.items():
        at = data.find(marker)
        if at >= 0:
            best = key, max(0, at - 8)
            break
    if not best and found:
        key = max(found, key=lambda k: len(found[k]))
        best = key, len(found[key]) // 2
    if not best:
        return "no payload at all"
    (src, sport, dst, dport), at = best
    lines = ["%s.%d > %s.%d" % (ipaddress.ip_address(src), sport,
                                ipaddress.ip_address(dst), dport)]
    at -= at % 16
    hexdump(found[best[0]][at:at + 64], at, lines)
    return "\n".join(lines)


def main(argv):
    if len(argv) < 3:
        sys.exit(__doc__)
    command, path, rest = argv[1], argv[2], argv[3:]
    if command == "has":
        marker = rest[0].encode()
        return 0 if any(marker in s for s in streams(path).values()) else 1
    if command == "secret":
        marker, payload = rest[0].encode(), streams(path).values()
        return 0 if (sum(len(s) for s in payload) >= int(rest[1]) and
                     not any(marker in s for s in payload)) else 1
    if command == "bytes":
        print(sum(s.length for s in segments(path)))
    elif command == "eno":
        print(eno(path, int(rest[0])))
    elif command == "syn":
        print(syn(path, int(rest[0])))
    elif command == "resets":
        print(sum(1 for s in segments(path) if s.flags & RST))
    elif command == "closes":
        print(closes(path))
    elif command == "show":
        print(show(path, rest[0].encode()))
    else:
        sys.exit(__doc__)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
