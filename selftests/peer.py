# SPDX-License-Identifier: GPL-2.0
"""A TCP, ENO and tcpcrypt peer in user space, for protocol tests.

It shares no code with the module: what it computes comes from RFC 8547 and
RFC 8548 and from python3-cryptography. It sits behind a TUN device in a
network namespace of its own, so that every segment can be made at will and
every segment of the kernel is seen:

    kernel's sockets  10.77.0.1, fd77::1 --- tun0 --- 10.77.0.2, fd77::2  Conn

There is one thread. Whoever waits calls Net.wait(), which handles packets
until a condition holds; the kernel's sockets are non-blocking.
"""

import ctypes
import errno
import fcntl
import hmac
import os
import re
import select
import socket
import struct
import subprocess
import sys
import time
import traceback

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
ENO = 69
BARE = b"\x45\x02"
V = 0x80                # suboption data follows
P256, P521, CURVE25519, CURVE448 = 0x21, 0x22, 0x23, 0x24

TCP_SAVE_SYN, TCP_SAVED_SYN, TCP_ULP = 27, 28, 31
(TCP_ENO_ENABLED, TCP_ENO_SESSID, TCP_ENO_NEGSPEC, TCP_ENO_SPECS,
 TCP_ENO_SELF_AWARE, TCP_ENO_PEER_AWARE, TCP_ENO_TIEBREAKER, TCP_ENO_ROLE,
 TCP_ENO_RAW, TCP_ENO_TRANSCRIPT) = range(6900, 6910)
(TCP_CRYPT_AEADS, TCP_CRYPT_RESUME, TCP_CRYPT_CACHE, TCP_CRYPT_CACHE_FLUSH,
 TCP_CRYPT_REKEY, TCP_CRYPT_INFO) = range(6920, 6926)

V4, V6, MAPPED = "IPv4", "IPv6", "IPv4-mapped"
KERNEL = {V4: "10.77.0.1", V6: "fd77::1"}
PEER = {V4: "10.77.0.2", V6: "fd77::2"}

# Emulation is slow and unsteady. A test that fails waits as long as this.
DEADLINE = float(os.environ.get("PEER_DEADLINE", "30"))

HERE = os.path.dirname(os.path.realpath(__file__))


class Failure(Exception):
    """A test's expectation does not hold."""


def require(condition, text):
    if not condition:
        raise Failure(text)


def insert_module(name):
    """One of the modules for tests, built for this kernel: selftests/NAME."""
    module = os.environ.get("MODULE")
    top = os.path.dirname(module) if module else os.path.dirname(HERE)
    path = os.path.join(top, "selftests/%s/tcpcrypt_test_%s.ko" % (name, name))
    require(os.path.exists(path), "no %s: make %s" % (path, name))
    subprocess.run(["insmod", path], check=True)


def equal(got, want, what):
    if got != want:
        show = [v.hex(" ") if isinstance(v, (bytes, bytearray)) else repr(v)
                for v in (got, want)]
        show = [s if len(s) < 400 else s[:400] + "..." for s in show]
        raise Failure("%s: got %s, want %s" % (what, *show))


def eno(*suboptions):
    """A SYN-form ENO option: eno(0x01, 0x23)."""
    return bytes([ENO, 2 + len(suboptions)]) + bytes(suboptions)


# --- packets ---------------------------------------------------------------

def checksum(data):
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def pseudo(src, dst, length):
    if len(src) == 4:
        return src + dst + struct.pack("!HH", 6, length)
    return src + dst + struct.pack("!II", length, 6)


def add(seq, n):
    return (seq + n) & 0xffffffff


def diff(a, b):
    """a - b in sequence space."""
    return (a - b + 0x80000000) % 0x100000000 - 0x80000000


def walk_options(data):
    """Options as whole byte strings, NOPs left out; None: malformed."""
    found = []
    while data and data[0]:
        if data[0] == 1:
            data = data[1:]
        elif len(data) < 2 or not 2 <= data[1] <= len(data):
            return None
        else:
            found.append(bytes(data[:data[1]]))
            data = data[data[1]:]
    return found


class Segment:
    """One TCP segment that was received or sent."""

    def __init__(self, packet, src, dst, tcp):
        self.packet, self.src, self.dst = packet, src, dst
        (self.sport, self.dport, self.seq, self.ack, offset, self.flags,
         self.win, self.sum, self.urg) = struct.unpack_from("!HHIIBBHHH", tcp)
        offset = (offset >> 4) * 4
        self.raw_options = tcp[20:offset]
        self.payload = tcp[offset:]
        self.sound = checksum(pseudo(src, dst, len(tcp)) + tcp) == 0
        self.options = walk_options(self.raw_options)

    def eno(self):
        """The ENO options of the segment."""
        return [o for o in self.options or [] if o[0] == ENO]

    def ends(self):
        return add(self.seq, len(self.payload))

    def __str__(self):
        names = "".join(n for bit, n in (
            (SYN, "S"), (FIN, "F"), (RST, "R"), (PSH, "P"), (URG, "U"),
            (ACK, ".")) if self.flags & bit)
        return "%d > %d %s seq %u ack %u win %d len %d options %s%s" % (
            self.sport, self.dport, names, self.seq, self.ack, self.win,
            len(self.payload), self.raw_options.hex(),
            " data %s" % self.payload[:24].hex() if self.payload else "")


def parse(packet):
    """The Segment in an IP packet, or None."""
    if len(packet) >= 40 and packet[0] >> 4 == 4 and packet[9] == 6:
        length = struct.unpack_from("!H", packet, 2)[0]
        require(checksum(packet[:20]) == 0, "bad IP header checksum")
        require(length == len(packet), "IP length %d of %d" % (
            length, len(packet)))
        at = (packet[0] & 15) * 4
        return Segment(packet, packet[12:16], packet[16:20], packet[at:])
    if len(packet) >= 60 and packet[0] >> 4 == 6 and packet[6] == 6:
        length = struct.unpack_from("!H", packet, 4)[0]
        require(length == len(packet) - 40, "IPv6 payload length")
        return Segment(packet, packet[8:24], packet[24:40], packet[40:])
    return None


def build(src, dst, sport, dport, seq, ack, flags, win, urg, options, data):
    options += b"\x01" * (-len(options) % 4)
    require(len(options) <= 40, "the peer's options do not fit")
    tcp = struct.pack("!HHIIBBHHH", sport, dport, seq, ack,
                      (20 + len(options)) << 2, flags, win, 0, urg)
    tcp += options + data
    check = checksum(pseudo(src, dst, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack("!H", check) + tcp[18:]
    if len(src) == 4:
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64,
                         6, 0) + src + dst
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    else:
        ip = struct.pack("!IHBB", 6 << 28, len(tcp), 6, 64) + src + dst
    return ip + tcp


# --- TCP -------------------------------------------------------------------

class Conn:
    """The peer's end of a connection: little, but exact.

    rx is the kernel's stream in order; tx_len counts the bytes of our own.
    wait_acked() alone retransmits. What the kernel retransmits must be what
    it sent before.
    """

    def __init__(self, net, family=V4, port=None, ts=True, isn=None,
                 scale=7, win=65535, mss=1460, auto_ack=True):
        self.net = net
        net.next_port += 1
        self.port = port or net.next_port
        self.rport = None
        family = V4 if family == MAPPED else family
        af = socket.AF_INET6 if family == V6 else socket.AF_INET
        self.src = socket.inet_pton(af, PEER[family])
        self.dst = socket.inet_pton(af, KERNEL[family])
        self.ts, self.scale, self.win, self.own_mss = ts, scale, win, mss
        self.auto_ack = auto_ack
        if isn is None:
            isn = struct.unpack("!I", os.urandom(4))[0]
        self.isn, self.snd_nxt, self.snd_una = isn, isn, isn
        self.irs = self.rcv_nxt = None
        self.snd_wnd, self.snd_scale = 0, 0
        self.tx_len = 0
        self.rx = bytearray()
        self.early = []
        self.unacked = []
        self.segs, self.sent = [], []
        self.trace = []
        self.ts_recent = 0
        self.bare = False       # our segments carry ENO (section 4.6)
        self.fin = self.rst = False
        self.mss = 1400
        net.conns.append(self)

    # receiving

    def matches(self, seg):
        return (seg.dport == self.port and seg.dst == self.src and
                self.rport in (None, seg.sport))

    def input(self, seg):
        self.segs.append(seg)
        self.trace.append("< %s" % seg)
        require(seg.sound, "bad TCP checksum: %s" % seg)
        require(seg.options is not None, "malformed options: %s" % seg)
        for option in seg.options:
            if option[0] == 8:
                self.ts_recent = struct.unpack_from("!I", option, 2)[0]
        if seg.flags & RST:
            self.rst = True
            return
        if seg.flags & SYN:
            self.input_syn(seg)
        elif self.irs is None:
            return
        else:
            self.bare = False
        if seg.flags & ACK:
            if diff(seg.ack, self.snd_una) > 0:
                self.snd_una = seg.ack
            scale = 0 if seg.flags & SYN else self.snd_scale
            self.snd_wnd = seg.win << scale
        if not seg.flags & SYN and (seg.payload or seg.flags & FIN):
            self.early.append(seg)
            self.reassemble()
            if self.auto_ack:
                self.ack()

    def input_syn(self, seg):
        if self.irs is not None:
            return
        self.rport, self.irs = seg.sport, seg.seq
        self.rcv_nxt = add(seg.seq, 1)
        kinds = {o[0]: o for o in seg.options}
        if 8 not in kinds:
            self.ts = False
        if 3 in kinds and self.scale is not None:
            self.snd_scale = kinds[3][2]
        else:
            self.scale = None

    def reassemble(self):
        base = add(self.irs, 1)
        again = True
        while again:
            again = False
            for seg in list(self.early):
                at = diff(seg.seq, base)
                if at > len(self.rx):
                    continue
                self.early.remove(seg)
                again = True
                old = self.rx[at:at + len(seg.payload)]
                # RFC 8548, section 3.6: the same bytes for the same
                # sequence numbers.
                require(old == seg.payload[:len(old)],
                        "retransmitted bytes differ at offset %d" % at)
                self.rx += seg.payload[len(old):]
                if seg.flags & FIN:
                    self.fin = True
        self.rcv_nxt = add(base, len(self.rx) + self.fin)

    # sending

    def output(self, flags, payload=b"", options=b"", seq=None, urg=0,
               ack=None):
        """One segment; seq etc. are the stream's unless given."""
        if flags & SYN:
            opts = struct.pack("!BBH", 2, 4, self.own_mss)
            if self.ts:
                opts += b"\x08\x0a" + struct.pack(
                    "!II", self.now(), self.ts_recent)
            if self.scale is not None:
                opts += bytes([3, 3, self.scale])
        else:
            opts = b""
            if self.ts:
                opts = b"\x01\x01\x08\x0a" + struct.pack(
                    "!II", self.now(), self.ts_recent)
            if self.bare and not flags & RST and not options:
                opts += BARE
        opts += options
        if flags & ACK and ack is None:
            ack = self.rcv_nxt
        win = self.win >> (0 if flags & SYN or self.scale is None
                           else self.scale)
        packet = build(self.src, self.dst, self.port, self.rport,
                       self.snd_nxt if seq is None else seq, ack or 0, flags,
                       win, urg, opts, payload)
        seg = parse(packet)
        self.sent.append(seg)
        self.trace.append("> %s" % seg)
        self.net.write(packet)
        return seg

    @staticmethod
    def now():
        return int(time.monotonic() * 1000) & 0xffffffff

    def ack(self, options=b""):
        self.output(ACK, options=options)

    def room(self):
        return self.snd_wnd - diff(self.snd_nxt, self.snd_una)

    def send(self, data, size=None, flags=0, urg=0, whole=True):
        """Stream data in segments of size bytes, within the window."""
        at = 0
        while at < len(data):
            n = min(size or self.mss, len(data) - at)
            if self.room() < n:
                self.net.wait(lambda: self.room() > 0 or self.rst,
                              "window opens (%d of %d bytes sent)" % (
                                  at, len(data)))
                if self.rst:
                    return
                n = min(n, self.room())
            last = PSH if at + n == len(data) else 0
            seg = self.output(ACK | last | flags, data[at:at + n], urg=urg)
            self.unacked.append(seg)
            self.snd_nxt = add(self.snd_nxt, n)
            self.tx_len += n
            at += n
            if whole:
                self.net.pump(0)

    def close(self):
        self.unacked.append(self.output(FIN | ACK))
        self.snd_nxt = add(self.snd_nxt, 1)

    def reset(self):
        """Ends the connection for good, whatever state it is in."""
        if self.rport and self.rcv_nxt is not None:
            self.output(RST | ACK)

    # waiting

    def wait_seg(self, what, condition, after=0):
        """The first segment from index after on that meets a condition."""
        def found():
            for seg in self.segs[after:]:
                if condition(seg):
                    return seg
            return None
        return self.net.wait(found, what)

    def wait_syn(self):
        return self.wait_seg("a SYN", lambda s: s.flags & SYN)

    def wait_rx(self, n):
        self.net.wait(lambda: len(self.rx) >= n or self.rst,
                      "%d bytes of stream (there are %d)" % (
                          n, len(self.rx)))
        require(len(self.rx) >= n, "reset after %d bytes of stream" %
                len(self.rx))

    def wait_acked(self):
        """A segment that meets tcp_close() may be dropped, as in any TCP."""
        again = time.monotonic() + 0.5

        def done():
            nonlocal again
            if time.monotonic() > again:
                again += 0.5
                for seg in self.unacked:
                    if diff(seg.ends(), self.snd_una) >= 0:
                        self.output(seg.flags, seg.payload, seq=seg.seq)
            return self.snd_una == self.snd_nxt or self.rst
        self.net.wait(done, "everything acknowledged")
        require(not self.rst, "reset instead of an acknowledgment")

    def wait_rst(self):
        self.net.wait(lambda: self.rst, "a reset")

    def wait_fin(self):
        self.net.wait(lambda: self.fin or self.rst, "TCP's FIN")
        require(not self.rst, "reset instead of TCP's FIN")

    # opening

    def answer(self, option=eno(0x01, CURVE25519)):
        """SYN-ACK to a SYN that was received, with these options more."""
        self.output(SYN | ACK, options=option, seq=self.isn)
        self.snd_nxt = self.snd_una = add(self.isn, 1)

    def open(self, rport, option=eno(CURVE25519), payload=b""):
        """SYN; leaves the rest of the handshake to the caller."""
        self.rport = rport
        seg = self.output(SYN, options=option, payload=payload, seq=self.isn)
        self.snd_nxt = add(self.isn, 1)
        return seg


# --- the kernel's side -----------------------------------------------------

class Net:
    """TUN device, the kernel's sockets, and the clock."""

    def __init__(self):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(0x40000000):
            raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET)")
        try:
            # this end may be slow: emulated, and in Python
            sysctl("net.tcpcrypt.handshake_timeout", 600)
        except FileNotFoundError:
            pass
        subprocess.run(["modprobe", "-q", "tun"], check=False)
        self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.tun, 0x400454ca,
                    struct.pack("16sH22x", b"tun0", 0x1001))
        for command in (
                "link set lo up", "link set tun0 up",
                "addr add 10.77.0.1/24 dev tun0",
                "-6 addr add fd77::1/64 dev tun0 nodad"):
            subprocess.run(["ip"] + command.split(), check=True)
        self.conns, self.sockets = [], []
        self.next_port = 20000
        self.poll = select.poll()
        self.poll.register(self.tun, select.POLLIN)

    def write(self, packet):
        os.write(self.tun, packet)

    def pump(self, timeout):
        """Handles what has come, waits for more if there is nothing."""
        self.poll.poll(timeout * 1000)
        while True:
            try:
                packet = os.read(self.tun, 65536)
            except BlockingIOError:
                return
            seg = parse(packet)
            if seg:
                for conn in self.conns:
                    if conn.matches(seg):
                        conn.input(seg)
                        break

    def wait(self, condition, what, timeout=None):
        """Until condition() is true; its value."""
        end = time.monotonic() + (timeout or DEADLINE)
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                raise Failure("in vain waited for: " + what)
            self.pump(0.005)

    def rest(self, seconds):
        """Handles packets for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.pump(0.005)

    def keep(self, sock):
        sock.setblocking(False)
        self.sockets.append(sock)
        return sock

    def connect(self, conn, family=V4, options=()):
        """A socket of the kernel's that is connecting to conn."""
        af = socket.AF_INET if family == V4 else socket.AF_INET6
        sock = self.keep(socket.socket(af, socket.SOCK_STREAM))
        for level, name, value in options:
            sock.setsockopt(level, name, value)
        host = "::ffff:" + PEER[V4] if family == MAPPED else PEER[family]
        result = sock.connect_ex((host, conn.port))
        equal(result, errno.EINPROGRESS, "connect()")
        return sock

    def listen(self, family=V4, options=(), port=0):
        af = socket.AF_INET if family == V4 else socket.AF_INET6
        sock = self.keep(socket.socket(af, socket.SOCK_STREAM))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for level, name, value in options:
            sock.setsockopt(level, name, value)
        host = "::" if family == MAPPED else KERNEL[family]
        sock.bind((host, port))
        sock.listen(16)
        return sock

    def accept(self, listener):
        def attempt():
            try:
                return listener.accept()[0]
            except BlockingIOError:
                return None
        return self.keep(self.wait(attempt, "accept()"))

    def connected(self, sock):
        def done():
            return select.select([], [sock], [], 0)[1]
        self.wait(done, "connect()")
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        equal(error, 0, "connect(), SO_ERROR")

    def recv(self, sock, n=1 << 20):
        """What one recv() returns."""
        got = []

        def attempt():
            try:
                got.append(sock.recv(n))
            except BlockingIOError:
                return False
            return True
        self.wait(attempt, "recv()")
        return got[0]

    def recv_exact(self, sock, n):
        data = b""
        while len(data) < n:
            part = self.recv(sock, n - len(data))
            require(part, "end-of-file after %d of %d bytes" % (
                len(data), n))
            data += part
        return data

    def recv_end(self, sock):
        """(data, errno) up to the end of the stream; errno 0: EOF."""
        data = b""
        while True:
            try:
                part = self.recv(sock)
            except OSError as error:
                return data, error.errno
            if not part:
                return data, 0
            data += part

    def send(self, sock, data):
        view = memoryview(data)
        while view:
            def attempt(view=view):
                try:
                    return sock.send(view)
                except BlockingIOError:
                    return 0
            view = view[self.wait(attempt, "send()"):]

    def readable(self, sock):
        """What poll() says, without waiting."""
        poll = select.poll()
        poll.register(sock, select.POLLIN | select.POLLRDHUP)
        return dict(poll.poll(0)).get(sock.fileno(), 0)

    def close(self, sock):
        self.sockets.remove(sock)
        sock.close()

    def clean(self):
        """Leaves no connection of a test behind."""
        for conn in self.conns:
            conn.reset()
        for sock in self.sockets:
            sock.close()
        self.conns, self.sockets = [], []
        try:
            self.pump(0)
        except Failure:
            pass


def sysctl(name, value):
    """Sets a sysctl of the namespace, returns what it was."""
    path = "/proc/sys/" + name.replace(".", "/")
    with open(path, encoding="ascii") as f:
        old = f.read().strip()
    with open(path, "w", encoding="ascii") as f:
        f.write(str(value))
    return old


class Sysctl:
    """with Sysctl("net.tcpcrypt.aeads", ...): for a while."""

    def __init__(self, name, value):
        self.name, self.value = name, value

    def __enter__(self):
        self.old = sysctl(self.name, self.value)

    def __exit__(self, *args):
        sysctl(self.name, self.old)


def option(sock, number, size=256):
    """getsockopt() at IPPROTO_TCP: bytes, or a negative errno."""
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, number, size)
    except OSError as error:
        return -error.errno


def int_option(sock, number):
    value = option(sock, number, 4)
    return struct.unpack("=i", value)[0] if not isinstance(value, int) \
        else value


# --- tcpcrypt --------------------------------------------------------------

INIT1_MAGIC, INIT2_MAGIC = 0x15101a0e, 0x097105e0
(CONST_NEXTK, CONST_SESSID, CONST_REKEY, CONST_KEY_A, CONST_KEY_B,
 CONST_RESUME) = (bytes([n]) for n in range(1, 7))
K_LEN = NONCE_LEN = 32
FINP, URGP = 1, 2
TAG_LEN = 16
AES128, AES256, CHACHA = 0x0001, 0x0002, 0x0010
AEADS = {AES128: ("AES_128_GCM", 16), AES256: ("AES_256_GCM", 32),
         CHACHA: ("CHACHA20_POLY1305", 32)}


def extract(salt, ikm):
    return hmac.digest(salt, ikm, "sha256")


def cprf(key, const, length):
    okm, block, i = b"", b"", 0
    while len(okm) < length:
        i += 1
        block = hmac.digest(key, block + const + bytes([i]), "sha256")
        okm += block
    return okm[:length]


class Key:
    """A traffic key: AEAD key and nonce randomizer."""

    def __init__(self, cipher, master, const):
        from cryptography.hazmat.primitives.ciphers import aead
        size = AEADS[cipher][1]
        material = cprf(master, const, size + 12)
        algorithm = (aead.ChaCha20Poly1305 if cipher == CHACHA
                     else aead.AESGCM)
        self.aead = algorithm(material[:size])
        self.randomizer = int.from_bytes(material[size:], "big")

    def nonce(self, offset):
        return (self.randomizer ^ offset).to_bytes(12, "big")

    def seal(self, header, plain, offset):
        return self.aead.encrypt(self.nonce(offset), plain, header)

    def open(self, header, ciphertext, offset):
        from cryptography.exceptions import InvalidTag
        try:
            return self.aead.decrypt(self.nonce(offset), ciphertext, header)
        except InvalidTag:
            raise Failure("frame at offset %d does not authenticate" %
                          offset) from None


# Key agreement, section 5. public: as on the wire

class Montgomery:
    """ECDHE-Curve25519 and ECDHE-Curve448: plain public keys"""

    def __init__(self, tep):
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import x25519, x448
        private, self.peer = {
            CURVE25519: (x25519.X25519PrivateKey, x25519.X25519PublicKey),
            CURVE448: (x448.X448PrivateKey, x448.X448PublicKey)}[tep]
        self.private = private.generate()
        self.public = self.private.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw)

    def agree(self, public):
        return self.private.exchange(self.peer.from_public_bytes(public))


class Nist:
    """ECDHE-P256 and ECDHE-P521: pubkey_len, which counts itself, and the
    compressed point"""

    def __init__(self, tep):
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        self.ec = ec
        self.curve = {P256: ec.SECP256R1, P521: ec.SECP521R1}[tep]()
        self.private = ec.generate_private_key(self.curve)
        point = self.private.public_key().public_bytes(
            serialization.Encoding.X962,
            serialization.PublicFormat.CompressedPoint)
        self.public = struct.pack("!H", 2 + len(point)) + point

    def agree(self, public):
        equal(struct.unpack_from("!H", public)[0], len(public), "pubkey_len")
        require(public[2] in (2, 3), "no compressed point")
        return self.private.exchange(
            self.ec.ECDH(), self.ec.EllipticCurvePublicKey.from_encoded_point(
                self.curve, public[2:]))


SCHEMES = {P256: Nist, P521: Nist, CURVE25519: Montgomery,
           CURVE448: Montgomery}


class Session:
    """tcpcrypt on a Conn; role is ours, "A" or "B"."""

    rx_at = rx_data = 0     # offsets of the kernel's next frame and its data
    urgent = None       # index of the kernel's last urgent byte
    frames = 0
    control = 0         # of the last frame that was read
    rekeys = False      # frames with rekey = 1 are no surprise
    # section 3.8: generations of our frames and of the kernel's
    tx_gen = rx_gen = 0
    tx_mk = rx_mk = None

    def __init__(self, conn, role, transcript, tep=CURVE25519):
        self.conn, self.role, self.transcript = conn, role, transcript
        self.tep, self.dh = tep, SCHEMES[tep](tep)
        self.public = self.dh.public
        self.nonce = os.urandom(NONCE_LEN)
        self.cipher = self.tx_key = self.rx_key = self.session_id = None
        self.offered = None
        self.own_init = self.peer_init = None

    # section 4.1

    def init1(self, ciphers=(AES128, AES256, CHACHA), magic=INIT1_MAGIC,
              length=None, public=None, ignored=b"", count=None):
        body = bytes([len(ciphers) if count is None else count])
        body += b"".join(struct.pack("!H", c) for c in ciphers)
        body += self.nonce + (public or self.public) + ignored
        return struct.pack("!II", magic,
                           8 + len(body) if length is None else length) + body

    def init2(self, cipher, magic=INIT2_MAGIC, length=None, public=None,
              ignored=b""):
        body = struct.pack("!H", cipher) + self.nonce
        body += (public or self.public) + ignored
        return struct.pack("!II", magic,
                           8 + len(body) if length is None else length) + body

    def read_init(self, magic):
        conn = self.conn
        conn.wait_rx(8)
        got, length = struct.unpack_from("!II", conn.rx)
        equal(hex(got), hex(magic), "magic")
        require(length < 4096, "message_len is %d" % length)
        conn.wait_rx(length)
        self.rx_at = length
        self.peer_init = bytes(conn.rx[:length])
        self.check_push(length)
        return self.peer_init

    def check_push(self, end):
        """Section 3.3: PSH on the segment with the message's last byte."""
        last = add(self.conn.irs, end)
        for seg in self.conn.segs:
            if not seg.flags & SYN and diff(seg.seq, last) <= 0 < diff(
                    seg.ends(), last):
                require(seg.flags & PSH, "no PSH: %s" % seg)
                return
        raise Failure("last byte of the message not found")

    def read_init1(self):
        """Section 4.1: no ignored bytes may be sent."""
        message = self.read_init(INIT1_MAGIC)
        count = message[8]
        equal(len(message), 9 + 2 * count + NONCE_LEN + len(self.public),
              "length of Init1")
        self.offered = struct.unpack_from("!%dH" % count, message, 9)
        return message

    def read_init2(self):
        message = self.read_init(INIT2_MAGIC)
        equal(len(message), 10 + NONCE_LEN + len(self.public),
              "length of Init2")
        return message

    # section 3.3

    def derive(self, init1, init2):
        count = init1[8]
        at = 9 + 2 * count
        nonce_a = init1[at:at + NONCE_LEN]
        cipher = struct.unpack_from("!H", init2, 8)[0]
        pub = init2[10:] if self.role == "A" else init1[at:]
        es = self.dh.agree(bytes(pub[NONCE_LEN:][:len(self.public)]))
        ss = extract(nonce_a, self.transcript + init1 + init2 + es)
        self.install(ss, b"", cipher, self.role, self.tep)

    def install(self, ss, sn, cipher, origin, tep_byte):
        """Keys of the session secret ss[i] and the session nonce sn[i];
        origin: the role that we played when ss[0] was made"""
        self.ss, self.cipher, self.origin = ss, cipher, origin
        mk = cprf(ss, CONST_REKEY + sn, K_LEN)
        self.tx_mk = self.rx_mk = mk
        self.tx_gen = self.rx_gen = 0
        self.tx_key, self.rx_key = self.key(mk, True), self.key(mk, False)
        self.session_id = bytes([tep_byte]) + cprf(ss, CONST_SESSID + sn,
                                                   K_LEN)

    def ticket(self):
        """Section 3.5: what a later connection can resume from."""
        return Ticket(cprf(self.ss, CONST_NEXTK, K_LEN), self.origin,
                      self.tep, self.cipher)

    def key(self, mk, tx):
        """Our key of a generation, or the kernel's."""
        return Key(self.cipher, mk,
                   CONST_KEY_A if (self.origin == "A") == tx else CONST_KEY_B)

    # section 3.8

    def advance_tx(self):
        """Our next frame must have rekey = 1."""
        self.tx_mk = cprf(self.tx_mk, CONST_REKEY, K_LEN)
        self.tx_key = self.key(self.tx_mk, True)
        self.tx_gen += 1

    def advance_rx(self):
        self.rx_mk = cprf(self.rx_mk, CONST_REKEY, K_LEN)
        self.rx_key = self.key(self.rx_mk, False)
        self.rx_gen += 1

    def rekey(self, data=b"", flags=0):
        """A frame with rekey = 1, which initiates rekeying or answers."""
        self.advance_tx()
        self.send(data, flags, control=1)

    def read_rekey(self, data=b""):
        """The kernel's next frame has rekey = 1."""
        before, self.rekeys = self.rekeys, True
        equal(self.read_frame(), (0, data), "flags and data of the frame")
        self.rekeys = before
        equal(self.control, 1, "rekey bit")

    def agree(self, cipher=None, size=None, urg=None, **kwargs):
        """The whole key exchange, in our role."""
        flags = {} if urg is None else {"flags": URG, "urg": urg}
        if self.role == "A":
            own = self.init1(**kwargs)
            self.conn.send(own, size, **flags)
            peer = self.read_init2()
            self.derive(own, peer)
        else:
            peer = self.read_init1()
            require(self.offered, "Init1 offers no cipher")
            own = self.init2(cipher or self.offered[0], **kwargs)
            self.derive(peer, own)
            self.conn.send(own, size, **flags)
        self.own_init = own
        return self

    # section 4.2

    def seal(self, data=b"", flags=0, control=0, urgent=None, offset=None,
             key=None):
        """A frame for offset, by default the next byte of the stream."""
        if offset is None:
            offset = self.conn.tx_len
        plain = bytes([flags | (0 if urgent is None else URGP)])
        if urgent is not None:
            plain += struct.pack("!H", urgent)
        plain += data
        header = struct.pack("!BH", control, len(plain) + TAG_LEN)
        return header + (key or self.tx_key).seal(header, plain, offset)

    def seal_many(self, *frames):
        """Frames that follow one another: (data, flags) each."""
        out = b""
        for data, flags in frames:
            out += self.seal(data, flags, offset=self.conn.tx_len + len(out))
        return out

    def send(self, data=b"", flags=0, size=None, **kwargs):
        self.conn.send(self.seal(data, flags, **kwargs), size)

    def read_frame(self):
        """(flags, data) of the kernel's next frame."""
        conn, at = self.conn, self.rx_at
        conn.wait_rx(at + 3)
        control, clen = struct.unpack_from("!BH", conn.rx, at)
        require(control == 0 or (control == 1 and self.rekeys),
                "control byte is %#x" % control)
        self.control = control
        if control:
            self.advance_rx()
        require(clen > TAG_LEN, "clen is %d" % clen)
        conn.wait_rx(at + 3 + clen)
        plain = self.rx_key.open(bytes(conn.rx[at:at + 3]),
                                 bytes(conn.rx[at + 3:at + 3 + clen]), at)
        self.rx_at += 3 + clen
        self.frames += 1
        require(plain[0] & ~(FINP | URGP) == 0, "flags byte %#x" % plain[0])
        if plain[0] & URGP:
            # section 3.7
            self.urgent = self.rx_data + struct.unpack_from("!H", plain, 1)[0]
        data = plain[3 if plain[0] & URGP else 1:]
        self.rx_data += len(data)
        return plain[0], data

    def read(self, n):
        """n bytes of application data, before any FINp."""
        data = b""
        while len(data) < n:
            flags, part = self.read_frame()
            data += part
            require(not flags & FINP, "FINp after %d of %d bytes" % (
                len(data), n))
        return data

    def read_fin(self):
        """Application data up to FINp, which ends the stream."""
        data = b""
        while True:
            flags, part = self.read_frame()
            data += part
            if flags & FINP:
                return data


class Ticket:
    """A session secret ss[i], i > 0, that no connection has used;
    origin: the role that we played when ss[0] was made"""

    def __init__(self, ss, origin, tep, cipher):
        self.ss, self.origin, self.tep, self.cipher = ss, origin, tep, cipher
        name = cprf(ss, CONST_RESUME, 18)
        self.own, self.theirs = (name[:9], name[9:]) if origin == "A" \
            else (name[9:], name[:9])

    def suboption(self, nonce, tep=None, half=None):
        return bytes([V | (tep or self.tep)]) + (half or self.own) + nonce

    def after(self):
        """The one of ss[i+1]"""
        return Ticket(cprf(self.ss, CONST_NEXTK, K_LEN), self.origin,
                      self.tep, self.cipher)


class Resumed(Session):
    """A resumed session; with resumption nonces, ours and the kernel's"""

    def __init__(self, conn, ticket, own, theirs):
        self.conn, self.tep = conn, ticket.tep
        sn = own + theirs if ticket.origin == "A" else theirs + own
        self.install(ticket.ss, sn, ticket.cipher, ticket.origin,
                     V | ticket.tep)


# --- what RFC 8547 says of an option ----------------------------------------

def eno_parse(contents):
    """(global suboption, [(TEP, data or None)]); None: ill-formed."""
    first, teps, i = None, [], 0
    while i < len(contents):
        byte = contents[i]
        if byte < 0x20:
            first = byte if first is None else first
            i += 1
        elif byte < 0x80:
            teps.append((byte, None))
            i += 1
        elif byte < 0xa0:
            # section 4.4; design.md, section 7: nor the last octet
            n = (byte & 0x1f) + 1
            if i + 2 + n > len(contents) or contents[i + 1] < 0xa0:
                return None
            teps.append((contents[i + 1] & 0x7f, contents[i + 2:i + 2 + n]))
            i += 2 + n
        else:
            teps.append((byte & 0x7f, contents[i + 1:]))
            break
    return first or 0, teps


def eno_accepts(contents, active):
    """Must an active (or passive) opener that knows 0x23 go on with it?"""
    parsed = eno_parse(contents)
    if not parsed or parsed[0] & 1 != active:
        return False
    data = [d for tep, d in parsed[1] if tep == CURVE25519]
    # RFC 8548, section 3.5: a passive opener that does not resume answers
    # any data with a fresh 0x23; an active one sent no offer to resume.
    return len(data) == 1 and (not active or data[0] is None)


# --- running ---------------------------------------------------------------

def load_module():
    """Loads what $MODULE names; without it the tests fail."""
    if os.environ.get("MODULE"):
        subprocess.run([os.path.join(HERE, "guest/insmod.sh"),
                        os.environ["MODULE"]], check=True)


def one_tep():
    """One TEP, no resumption: most tests spell the ENO options out."""
    if os.path.exists("/proc/sys/net/tcpcrypt"):
        sysctl("net.tcpcrypt.teps", "Curve25519")
        no_cache()


def no_cache():
    """No resumption: each connection agrees on keys."""
    sysctl("net.tcpcrypt.cache_max", 0)


def as_loaded():
    """All TEPs, resumption."""


def unload_module():
    if os.path.exists("/sys/module/tcpcrypt"):
        subprocess.run(["rmmod", "tcpcrypt"], check=True)


def kernel_state(conn):
    """State of the kernel's end: "01" is ESTABLISHED; None if it is gone."""
    name = "/proc/net/tcp6" if len(conn.src) == 16 else "/proc/net/tcp"
    with open(name, encoding="ascii") as f:
        for line in f.readlines()[1:]:
            fields = line.split()
            local, remote = (int(a.split(":")[1], 16) for a in fields[1:3])
            if (local, remote) == (conn.rport, conn.port):
                return fields[3]
    return None


def counters():
    """The module's counters of the namespace."""
    try:
        with open("/proc/net/tcpcrypt_stat", encoding="ascii") as f:
            return dict(line.split() for line in f)
    except OSError:
        return {}


class Suite:
    """Tests of one script, results in KTAP."""

    def __init__(self):
        self.tests = []
        self.net = None
        self.after = None

    def test(self, name, *args):
        """Decorator. args go to the function after the Net."""
        def register(function):
            self.tests.append((name, function, args))
            return function
        return register

    def run_one(self, function, args):
        before = len(self.net.conns)
        counted = counters()
        try:
            function(self.net, *args)
            if self.after:
                self.after(self.net)
            return True
        except (Failure, OSError) as error:
            where = traceback.extract_tb(error.__traceback__)
            where = [w for w in where if w.filename != __file__] or where
            print("# %s" % error)
            print("# line %d: %s" % (where[-1].lineno, where[-1].line))
            for conn in self.net.conns[before:]:
                for line in conn.trace[-24:]:
                    print("#   " + line)
                print("#   state of the kernel's end: %s" %
                      kernel_state(conn))
            print("#   counted: " + " ".join(
                "%s:%s" % (name, value) for name, value in counters().items()
                if value != counted.get(name)))
            return False
        finally:
            self.net.clean()

    def main(self, prepare=None, settings=one_tep):
        """Arguments: regular expressions, only matching tests run."""
        tests = [t for t in self.tests if not sys.argv[1:] or
                 any(re.search(a, t[0]) for a in sys.argv[1:])]
        tests *= int(os.environ.get("PEER_REPEAT", "1"))
        print("KTAP version 1\n1..%d" % len(tests), flush=True)
        self.net = Net()
        if prepare:
            prepare(self.net)
        settings()
        failed = 0
        for number, (name, function, args) in enumerate(tests, 1):
            begin = time.monotonic()
            good = self.run_one(function, args)
            failed += not good
            took = time.monotonic() - begin
            if took > 2:
                print("# took %.1f s" % took)
            print("%sok %d %s" % ("" if good else "not ", number, name),
                  flush=True)
        os.close(self.net.tun)
        return 1 if failed else 0
