#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Why connections are aborted: errno, counter, tracepoint, RST.

    abort.py [REGEX ...]    in a guest with the module

Every reason of enum tcpcrypt_abort (net/ctl/ctl.h) but one is produced, our
kernel connecting ("active") and listening ("passive"). The application gets
the reason's errno from recv(), send(), SO_ERROR and poll(); one counter and
one trace event tell of it; a RST leaves, and after it nothing else. Whatever
ends before ENO has succeeded, or ends as TCP ends, is no abort.

Left out: AbortNoMemory needs failing allocations (CONFIG_FAULT_INJECTION),
which the stock kernel lacks; and AbortPlaintext of a passive opener: its
socket is in our hands before any thread can be in send() on it.
"""

import ctypes
import errno
import ipaddress
import mmap
import os
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
from peer import (ACK, AES128, CHACHA, CURVE25519, DEADLINE, FINP, KERNEL,
                  MAPPED, PEER, PSH, RST, SYN, TCP_CRYPT_INFO,
                  TCP_ENO_ENABLED, TCP_ULP, V4, V6, Conn, Failure, Session,
                  Suite, Sysctl, add, counters, eno, equal,
                  insert_module, kernel_state, option, require)

SYN_ENO = eno(CURVE25519)
SYNACK_ENO = eno(0x01, CURVE25519)
ACTIVE, PASSIVE = "active", "passive"
ROLES = (ACTIVE, PASSIVE)
TIMEOUT = "net.tcpcrypt.handshake_timeout"
TRACING = "/sys/kernel/tracing"
FAILED = 3                      # TCP_CRYPT_FAILED
TCP = socket.IPPROTO_TCP
TAKEN = [(TCP, TCP_ULP, b"tcpcrypt")]
REQUIRED = TAKEN + [(TCP, TCP_ENO_ENABLED, 2)]
SECRET = b"PlainSecret-" * 20

ERRNO = {"Auth": errno.EBADMSG, "Protocol": errno.EPROTO,
         "Truncated": errno.ECONNRESET, "Timeout": errno.ETIMEDOUT,
         "Keepalive": errno.ETIMEDOUT, "Required": errno.ECONNABORTED,
         "Plaintext": errno.EPERM, "NoMemory": errno.ENOMEM,
         "Stale": errno.ESTALE, "Foreign": errno.EBUSY,
         "Local": errno.EIO}

suite = Suite()


# --- what the kernel tells ---------------------------------------------------

def tracing(net=None):
    """Switches the events on. The file system may have to be mounted."""
    if not os.path.exists(TRACING + "/trace"):
        subprocess.run(["mount", "-t", "tracefs", "trace", TRACING],
                       check=True)
    found = sorted(name for name in os.listdir(TRACING + "/events/tcpcrypt")
                   if name.startswith("tcpcrypt_"))
    equal(found, sorted("tcpcrypt_abort_" + name.lower() for name in ERRNO),
          "trace events")
    with open(TRACING + "/events/tcpcrypt/enable", "w",
              encoding="ascii") as f:
        f.write("1")


def trace_events():
    """[(reason, fields)] since Watch began."""
    with open(TRACING + "/trace", encoding="ascii") as f:
        lines = [line for line in f if not line.startswith("#")]
    events = []
    for line in lines:
        match = re.search(r": tcpcrypt_abort_(\w+): (.*)", line)
        if match:
            events.append((match.group(1), dict(
                field.split("=") for field in match.group(2).split())))
    return events


def aborts():
    """The counters."""
    return {name: int(value) for name, value in counters().items()
            if name.startswith("Abort")}


def packed(address):
    """As the events have it: IPv4 as mapped."""
    address = ipaddress.ip_address(address)
    return address.packed if address.version == 6 else \
        bytes(10) + b"\xff\xff" + address.packed


class Watch:
    """What is counted and traced from here on."""

    def __init__(self):
        with open(TRACING + "/trace", "w", encoding="ascii"):
            pass
        self.before = aborts()

    def rise(self):
        return {name: n - self.before[name] for name, n in aborts().items()
                if n != self.before[name]}

    def settle(self, reason, count):
        """Clones are worked off one by one."""
        end = time.monotonic() + DEADLINE
        while (sum(self.rise().values()) < count and
               time.monotonic() < end):
            time.sleep(0.01)
        equal(self.rise(), {"Abort" + reason: count} if count else {},
              "counters of aborts")

    def none(self):
        equal(self.rise(), {}, "counters of aborts")
        equal(trace_events(), [], "trace events")

    def only(self, reason, ends, count=1):
        """ends: (local address, port, remote address, port) of each."""
        self.settle(reason, count)
        events = trace_events()
        equal([name for name, _ in events], [reason.lower()] * count,
              "trace events")
        netns = os.stat("/proc/self/ns/net").st_ino
        seen = []
        for _, event in events:
            equal(event["netns"], str(netns), "netns of the event")
            equal(event["err"], str(ERRNO[reason]), "err of the event")
            seen.append((packed(event["saddr"]), int(event["sport"]),
                         packed(event["daddr"]), int(event["dport"])))
        equal(sorted(seen), sorted((packed(a), b, packed(c), d)
                                   for a, b, c, d in ends),
              "addresses and ports of the events")


def ends_of(conn):
    """The kernel's end of a connection with the peer."""
    return (socket.inet_ntop(socket.AF_INET6 if len(conn.dst) == 16 else
                             socket.AF_INET, conn.dst), conn.rport,
            socket.inet_ntop(socket.AF_INET6 if len(conn.src) == 16 else
                             socket.AF_INET, conn.src), conn.port)


def polled(sock):
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLOUT | select.POLLRDHUP)
    return dict(poll.poll(0)).get(sock.fileno(), 0)


def attempt(function, *args):
    """Its errno, or 0."""
    try:
        function(*args)
    except OSError as error:
        return error.errno
    return 0


# --- what the application gets -----------------------------------------------

def by_recv(net, sock, conn, error):
    equal(net.recv_end(sock)[1], error, "recv()")
    conn.wait_rst()
    # recv() has had the error; TCP reports it again if that met its RST
    require(attempt(sock.send, b"x") in (errno.EPIPE, error),
            "send() after recv()")


def by_send(net, sock, conn, error):
    conn.wait_rst()
    equal(attempt(sock.send, SECRET), error, "send()")
    equal(attempt(sock.send, SECRET), errno.EPIPE, "the next send()")


def by_so_error(net, sock, conn, error):
    conn.wait_rst()
    mask = polled(sock)
    for name in "POLLERR", "POLLHUP", "POLLIN", "POLLOUT", "POLLRDHUP":
        require(mask & getattr(select, name), "no " + name)
    equal(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), error,
          "SO_ERROR")
    equal(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0,
          "the next SO_ERROR")
    require(not polled(sock) & select.POLLERR, "POLLERR after SO_ERROR")


WAYS = {"recv()": by_recv, "send()": by_send, "SO_ERROR": by_so_error}


def crypt_info(sock):
    """(state, error, driver)"""
    info = option(sock, TCP_CRYPT_INFO)
    require(not isinstance(info, int), "TCP_CRYPT_INFO: %s" % info)
    return (info[0], struct.unpack_from("=H", info, 6)[0],
            info[56:120].rstrip(b"\0").decode())


def only_resets(net, conn, first=None):
    """After the RST nothing but RSTs leave, whatever the peer sends."""
    if first is None:
        first = [i for i, s in enumerate(conn.segs) if s.flags & RST][0]
    for seg in conn.segs[:first]:
        require(b"PlainSecret" not in seg.payload, "plaintext: %s" % seg)
    conn.output(PSH | ACK, b"anybody there?")
    conn.ack()
    conn.close()
    net.rest(0.2)
    for seg in conn.segs[first:]:
        require(seg.flags & RST, "after the RST: %s" % seg)
        require(not seg.payload, "RST with data: %s" % seg)


def aborted(net, sock, conn, watch, reason, way="recv()", eof=False):
    """All that is said of an abort. eof: recv() was at the end already."""
    error = ERRNO[reason]
    WAYS[way](net, sock, conn, error)
    equal(crypt_info(sock), (FAILED, error, ""),
          "state, error and driver of TCP_CRYPT_INFO")
    for _ in range(2):
        equal(net.recv_end(sock)[1], 0 if eof else error, "recv() again")
    require(attempt(sock.send, SECRET), "send() after the abort")
    only_resets(net, conn)
    require(attempt(sock.send, SECRET), "send() after the abort")
    watch.only(reason, [ends_of(conn)])
    equal(kernel_state(conn), None, "state of the connection")
    equal(crypt_info(sock), (FAILED, error, ""), "TCP_CRYPT_INFO at last")


# --- connections -------------------------------------------------------------

def negotiate(net, role, family=V4, options=(), **kwargs):
    """ENO has succeeded, keys are not agreed yet."""
    conn = Conn(net, family, **kwargs)
    if role == ACTIVE:
        sock = net.connect(conn, family, options)
        equal(conn.wait_syn().eno(), [SYN_ENO], "ENO of the SYN")
        conn.answer(SYNACK_ENO)
        net.connected(sock)
        return sock, conn, Session(conn, "B", SYN_ENO + SYNACK_ENO)
    listener = net.listen(family, options)
    conn.open(listener.getsockname()[1], SYN_ENO)
    equal(conn.wait_syn().eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
    conn.bare = True
    conn.ack()
    sock = net.accept(listener)
    net.close(listener)
    return sock, conn, Session(conn, "A", SYN_ENO + SYNACK_ENO)


def established(net, role, family=V4, options=(), **kwargs):
    """Keys are agreed, and both directions have been used."""
    sock, conn, session = negotiate(net, role, family, options, **kwargs)
    session.agree()
    session.send(b"hello")
    equal(net.recv_exact(sock, 5), b"hello", "what recv() got")
    net.send(sock, SECRET)
    equal(session.read(len(SECRET)), SECRET, "what the peer got")
    net.wait(lambda: crypt_info(sock)[0] == 2, "TCP_CRYPT_OPEN")
    require(crypt_info(sock)[2], "no driver")
    return sock, conn, session


def abort(reason, title, ways=tuple(WAYS), roles=ROLES, families=(V4,),
          eof=False):
    """Decorator. function(net, role, family): makes the connection fail,
    returns its socket and its Conn."""
    def register(function):
        for role in roles:
            for way in ways:
                for family in families:
                    name = "%s %s: %s, %s%s" % (
                        reason, role, title, way,
                        "" if len(families) == 1 else ", " + family)

                    @suite.test(name, role, way, family)
                    def test(net, role, way, family):
                        watch = Watch()
                        sock, conn = function(net, role, family)
                        aborted(net, sock, conn, watch, reason, way, eof)
        return function
    return register


def flip(frame, at, bit):
    return frame[:at] + bytes([frame[at] ^ bit]) + frame[at + 1:]


# --- Auth --------------------------------------------------------------------

# A frame without data is decrypted at once, others when they are read.
@abort("Auth", "wrong tag of an empty frame", families=(V4, V6, MAPPED))
def bad_tag(net, role, family):
    sock, conn, session = established(net, role, family)
    conn.send(flip(session.seal(), 10, 1))
    return sock, conn


@abort("Auth", "wrong tag of a frame with data", ["recv()"])
def bad_data(net, role, family):
    sock, conn, session = established(net, role, family)
    conn.send(session.seal(b"good") + flip(session.seal(b"x" * 100), 50, 1))
    return sock, conn


@abort("Auth", "plaintext after the key exchange", ["recv()"])
def plain_frame(net, role, family):
    sock, conn, _ = established(net, role, family)
    conn.send(b"HTTP/1.1 200 OK\r\n" * 1400)
    return sock, conn


# --- Protocol ----------------------------------------------------------------

def bad_init(title, ways, **kwargs):
    @abort("Protocol", title, ways)
    def test(net, role, family):
        sock, conn, session = negotiate(net, role, family)
        sock.send(SECRET)
        if role == ACTIVE:
            session.read_init1()
            conn.send(session.init2(AES128, **kwargs))
        else:
            conn.send(session.init1(**kwargs))
        return sock, conn


bad_init("wrong magic", WAYS, magic=0x15101a0f)
bad_init("message_len too short", ["recv()"], length=73)
bad_init("message_len too large", ["send()"], length=1 << 20)
bad_init("invalid public key", ["SO_ERROR"], public=bytes(32))


@abort("Protocol", "no cipher in common", ["recv()", "SO_ERROR"])
def no_cipher(net, role, family):
    with Sysctl("net.tcpcrypt.aeads", "AES_128_GCM"):
        sock, conn, session = negotiate(net, role, family)
        if role == ACTIVE:
            session.read_init1()
            conn.send(session.init2(CHACHA))
        else:
            conn.send(session.init1((CHACHA,)))
        conn.wait_rst()
    return sock, conn


@abort("Protocol", "plaintext instead of an Init message", ["send()"])
def plain_init(net, role, family):
    sock, conn, _ = negotiate(net, role, family)
    conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    return sock, conn


@abort("Protocol", "a frame too short for its tag")
def short_frame(net, role, family):
    sock, conn, _ = established(net, role, family)
    conn.send(b"\0\0\x10" + bytes(16))
    return sock, conn


# What came up to FINp was whole: recv() stays at the end-of-file.
@abort("Protocol", "a frame after FINp", ["send()", "SO_ERROR"], eof=True)
def after_finp(net, role, family):
    sock, conn, session = established(net, role, family)
    conn.send(session.seal_many((b"", FINP), (b"", 0)))
    return sock, conn


# --- Truncated ---------------------------------------------------------------

@abort("Truncated", "TCP's FIN without FINp")
def no_finp(net, role, family):
    sock, conn, _ = established(net, role, family)
    conn.close()
    return sock, conn


@abort("Truncated", "TCP's FIN within a frame", ["recv()"])
def cut_frame(net, role, family):
    sock, conn, session = established(net, role, family)
    conn.send(session.seal(b"good") + session.seal(b"x" * 100)[:50])
    conn.close()
    return sock, conn


@abort("Truncated", "TCP's FIN during the key exchange", ["recv()", "send()"])
def fin_early(net, role, family):
    sock, conn, _ = negotiate(net, role, family)
    conn.close()
    return sock, conn


# --- Timeout, Keepalive ------------------------------------------------------

@abort("Timeout", "silence during the key exchange")
def silence(net, role, family):
    with Sysctl(TIMEOUT, 1):
        sock, conn, _ = negotiate(net, role, family)
        sock.send(SECRET)
        conn.wait_rst()
    return sock, conn


@abort("Keepalive", "no answer to the probe")
def no_answer(net, role, family):
    sock, conn, session = established(net, role, family, [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (TCP, socket.TCP_KEEPIDLE, 1), (TCP, socket.TCP_KEEPINTVL, 1),
        (TCP, socket.TCP_KEEPCNT, 1)])
    session.read_rekey()
    return sock, conn


# --- Required ----------------------------------------------------------------

def connect_refused(net, sock, conn, watch, rst, way):
    """connect() fails with ECONNABORTED; nobody else hears of it."""
    net.wait(lambda: polled(sock) & select.POLLERR, "POLLERR")
    if way == "SO_ERROR":
        equal(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR),
              errno.ECONNABORTED, "SO_ERROR")
    elif way == "recv()":
        equal(attempt(sock.recv, 1), errno.ECONNABORTED, "recv()")
    else:
        equal(attempt(sock.send, b"x"), errno.ECONNABORTED, "send()")
    require(attempt(sock.send, SECRET), "send() after the abort")
    if rst:
        conn.wait_rst()
        only_resets(net, conn)
    else:
        net.rest(0.2)
        equal([str(s) for s in conn.segs], [], "segments")
        conn.rport = 0
    events = trace_events()
    local = int(events[0][1]["sport"]) if events and not rst else conn.rport
    ends = ends_of(conn)
    if not rst:
        # connect() had not chosen them yet
        ends = (ends[0], local, ends[2], conn.port)
        if events and packed(events[0][1]["saddr"]) in (bytes(16),
                                                        packed("0.0.0.0")):
            ends = (events[0][1]["saddr"],) + ends[1:]
    watch.only("Required", [ends])


REFUSALS = [("SYN-ACK without ENO", b""),
            ("ill-formed option in the SYN-ACK", bytes([69, 3, 0x80])),
            ("SYN-ACK without a TEP in common", eno(0x01, 0x22)),
            ("SYN-ACK with the same b bit", SYN_ENO)]

for name, answer in REFUSALS:
    for how in WAYS if not answer else ["SO_ERROR"]:
        for fam in (V4, V6, MAPPED) if not answer else (V4,):
            @suite.test("Required active: %s, %s, %s" % (name, how, fam),
                        answer, how, fam)
            def required_active(net, heard, way, family):
                watch = Watch()
                conn = Conn(net, family)
                sock = net.connect(conn, family, REQUIRED)
                conn.wait_syn()
                conn.answer(heard)
                connect_refused(net, sock, conn, watch, True, way)


@suite.test("Required active: no ENO possible (TCP-MD5)")
def required_md5(net):
    watch = Watch()
    conn = Conn(net)
    address = struct.pack("=HH", socket.AF_INET, 0) + conn.src + bytes(120)
    key = (TCP, 14, address + struct.pack("=BBHI80s", 0, 0, 3, 0, b"key"))
    sock = net.keep(socket.socket())
    for level, name, value in REQUIRED + [key]:
        sock.setsockopt(level, name, value)
    result = sock.connect_ex((PEER[V4], conn.port))
    require(result in (errno.EINPROGRESS, errno.ECONNABORTED),
            "connect(): %s" % errno.errorcode.get(result, result))
    if result == errno.EINPROGRESS:
        connect_refused(net, sock, conn, watch, False, "SO_ERROR")


for name, heard_syn in (("SYN without ENO", b""),
                        ("SYN with an ill-formed option",
                         bytes([69, 3, 0x80])),
                        ("SYN without a TEP in common", eno(0x22))):
    for fam in (V4, V6, MAPPED) if not heard_syn else (V4,):
        @suite.test("Required passive: %s, %s" % (name, fam), heard_syn, fam)
        def required_passive(net, syn, family):
            """There is no socket yet: the listener's end is what is named."""
            watch = Watch()
            listener = net.listen(family, REQUIRED)
            port = listener.getsockname()[1]
            conn = Conn(net, family)
            conn.open(port, syn)
            conn.wait_rst()
            conn.irs, conn.rcv_nxt = 0, 0
            only_resets(net, conn)
            equal(attempt(listener.accept), errno.EAGAIN, "accept()")
            equal(listener.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0,
                  "SO_ERROR of the listener")
            none = "0.0.0.0" if family == V4 else "::"
            own = "::" if family == MAPPED else KERNEL[family]
            watch.only("Required", [(own, port, none, 0)])


@suite.test("Required passive: ACK without ENO after a SYN with it: one event")
def required_ack(net):
    watch = Watch()
    listener = net.listen(V4, REQUIRED)
    port = listener.getsockname()[1]
    conn = Conn(net)
    conn.open(port, SYN_ENO)
    equal(conn.wait_syn().eno(), [SYNACK_ENO], "ENO of the SYN-ACK")
    conn.ack()
    conn.wait_rst()
    only_resets(net, conn)
    for _ in range(3):
        conn.output(PSH | ACK, SECRET)
        net.rest(0.05)
    equal(attempt(listener.accept), errno.EAGAIN, "accept()")
    watch.only("Required", [(KERNEL[V4], port, "0.0.0.0", 0)])


# --- Plaintext ---------------------------------------------------------------

class Stall:
    """Memory whose first access waits until go() (userfaultfd)."""

    def __init__(self):
        libc = self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.syscall(323, os.O_CLOEXEC | os.O_NONBLOCK)
        require(self.fd >= 0, "userfaultfd(): errno %d" % ctypes.get_errno())
        self.map = mmap.mmap(-1, mmap.PAGESIZE)
        self.at = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        # UFFDIO_API, UFFDIO_REGISTER
        self.ioctl(0xc018aa3f, struct.pack("=QQQ", 0xaa, 0, 0))
        self.ioctl(0xc020aa00, struct.pack("=QQQQ", self.at, mmap.PAGESIZE,
                                           1, 0))

    def ioctl(self, number, data):
        buf = ctypes.create_string_buffer(data, len(data))
        require(self.libc.ioctl(self.fd, ctypes.c_ulong(number), buf) == 0,
                "userfaultfd: errno %d" % ctypes.get_errno())

    def touched(self, net):
        net.wait(lambda: select.select([self.fd], [], [], 0)[0], "page fault")

    def go(self):
        # UFFDIO_ZEROPAGE
        self.ioctl(0xc020aa04, struct.pack("=QQQQ", self.at, mmap.PAGESIZE,
                                           0, 0))

    def close(self):
        os.close(self.fd)


def sleeping(thread_id):
    with open("/proc/self/task/%d/stat" % thread_id, encoding="ascii") as f:
        return f.read().rpartition(")")[2].split()[0] in "SD"


class Call(threading.Thread):
    """A system call that blocks; its errno."""

    def __init__(self, function, *args):
        super().__init__(daemon=True)
        self.call, self.result = (function,) + args, None
        self.start()

    def run(self):
        self.result = attempt(*self.call)

    def blocks(self, net):
        """It is in the kernel, or has returned."""
        net.rest(0.05)
        net.wait(lambda: not self.is_alive() or sleeping(self.native_id),
                 "a thread sleeps")


def send_before_connect(net, conn):
    """A thread is in the stack's own send() when connect() attaches the
    socket: both wait for its lock, which a third one holds.

    Returns the socket, and the errno of connect() and of send(), EPIPE if it
    came first."""
    sock = net.keep(socket.socket())
    sock.setblocking(True)
    stall = Stall()
    # setsockopt(IP_MSFILTER) copies from user space under the lock
    holder = Call(stall.libc.setsockopt, sock.fileno(), 0, 41,
                  ctypes.c_void_p(stall.at), 64)
    stall.touched(net)
    connect = Call(sock.connect, (PEER[V4], conn.port))
    connect.blocks(net)
    send = Call(sock.send, SECRET)
    send.blocks(net)
    stall.go()
    conn.wait_syn()
    conn.answer(SYNACK_ENO)
    for call in holder, connect, send:
        net.wait(lambda c=call: not c.is_alive(), "the end of a call")
    stall.close()
    return sock, connect.result, send.result


@suite.test("Plaintext active: recv()", "recv()")
@suite.test("Plaintext active: send()", "send()")
@suite.test("Plaintext active: SO_ERROR", "SO_ERROR")
def plaintext(net, way):
    for _ in range(20):
        watch = Watch()
        conn = Conn(net)
        sock, connected, sent = send_before_connect(net, conn)
        sock.setblocking(False)
        require(connected in (0, errno.EPERM), "connect(): %d" % connected)
        if connected or sent == errno.EPIPE:
            # connect() itself has had the error, or send() came before it
            if connected:
                conn.wait_rst()
                watch.only("Plaintext", [ends_of(conn)])
            conn.reset()
            net.close(sock)
            net.conns.remove(conn)
            continue
        aborted(net, sock, conn, watch, "Plaintext", way)
        return
    raise Failure("not once in 20 times")


# --- Stale -------------------------------------------------------------------

def fork():
    """The machine was cloned: returns when the kernel's notifiers have."""
    insert_module("fork")
    subprocess.run(["rmmod", "tcpcrypt_test_fork"], check=True)


@abort("Stale", "the machine was cloned", families=(V4, V6, MAPPED))
def stale(net, role, family):
    sock, conn, _ = established(net, role, family)
    fork()
    return sock, conn


@abort("Stale", "cloned during the key exchange", ["recv()", "SO_ERROR"])
def stale_keying(net, role, family):
    sock, conn, _ = negotiate(net, role, family)
    sock.send(SECRET)
    fork()
    return sock, conn


# --- what is no abort --------------------------------------------------------

def no_abort(title):
    """Decorator: the test counts and traces none."""
    def register(function):
        @suite.test("none: " + title)
        def test(net):
            watch = Watch()
            function(net)
            net.rest(0.1)
            watch.none()
        return function
    return register


def plain(net, sock, conn):
    before = len(conn.rx)
    net.send(sock, b"reply")
    conn.wait_rx(before + 5)
    equal(bytes(conn.rx[before:]), b"reply", "data on the wire")
    conn.send(b"request")
    equal(net.recv_exact(sock, 7), b"request", "what recv() got")


FALLBACKS = REFUSALS + [("two ENO options", SYNACK_ENO + SYNACK_ENO),
                        ("vacuous option", eno(0x01))]

for name, answer in FALLBACKS:
    @suite.test("none: active: " + name, answer)
    @suite.test("none: active, taken: " + name, answer, TAKEN)
    def fallback_active(net, heard, options=()):
        watch = Watch()
        conn = Conn(net)
        sock = net.connect(conn, V4, options)
        conn.wait_syn()
        conn.answer(heard)
        net.connected(sock)
        plain(net, sock, conn)
        # a FIN is the end of the stream, and a RST is just that
        conn.close()
        equal(net.recv(sock), b"", "end-of-file")
        conn.output(RST | ACK)
        net.rest(0.05)
        watch.none()


for name, heard_syn in (("no ENO", b""),
                        ("ill-formed option", bytes([69, 3, 0x80])),
                        ("two ENO options", SYN_ENO + SYN_ENO),
                        ("vacuous option", eno()),
                        ("no TEP in common", eno(0x22)),
                        ("the same b bit", SYNACK_ENO)):
    @suite.test("none: passive: " + name, heard_syn)
    def fallback_passive(net, syn):
        watch = Watch()
        listener = net.listen()
        conn = Conn(net)
        conn.open(listener.getsockname()[1], syn)
        conn.wait_syn()
        conn.ack()
        sock = net.accept(listener)
        plain(net, sock, conn)
        conn.output(RST | ACK)
        equal(net.recv_end(sock), (b"", errno.ECONNRESET), "recv()")
        watch.none()


@no_abort("passive: ACK without ENO")
def fallback_ack(net):
    listener = net.listen()
    conn = Conn(net)
    conn.open(listener.getsockname()[1], SYN_ENO)
    conn.wait_syn()
    conn.ack()
    plain(net, net.accept(listener), conn)


@no_abort("active: RST in SYN_SENT")
def rst_syn_sent(net):
    for options in (), TAKEN, REQUIRED:
        conn = Conn(net)
        sock = net.connect(conn, V4, options)
        syn = conn.wait_syn()
        conn.output(RST | ACK, seq=0, ack=add(syn.seq, 1))
        net.wait(lambda: polled(sock) & select.POLLERR, "POLLERR")
        equal(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR),
              errno.ECONNREFUSED, "connect()")


@no_abort("active: connect() timed out")
def connect_timeout(net):
    for options in [], TAKEN, REQUIRED:
        conn = Conn(net)
        sock = net.connect(conn, V4, options + [(TCP, 18, 1500)])
        net.wait(lambda: polled(sock) & select.POLLERR, "POLLERR")
        equal(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR),
              errno.ETIMEDOUT, "connect()")


@no_abort("active: closed in SYN_SENT")
def close_syn_sent(net):
    for options in (), TAKEN, REQUIRED:
        conn = Conn(net)
        sock = net.connect(conn, V4, options)
        conn.wait_syn()
        net.close(sock)
        conn.answer(SYNACK_ENO)
        conn.wait_rst()


@no_abort("active: SYN-ACK that acknowledges something else")
def wrong_ack(net):
    conn = Conn(net)
    net.connect(conn)
    conn.wait_syn()
    conn.output(SYN | ACK, seq=conn.isn, ack=add(conn.rcv_nxt, 1000),
                options=bytes([69, 3, 0x80]))
    conn.wait_rst()


@no_abort("passive: RST instead of the ACK, and a listener that closes")
def half_open(net):
    for required in (), REQUIRED:
        listener = net.listen(V4, required)
        for last in RST, 0:
            conn = Conn(net)
            conn.open(listener.getsockname()[1], SYN_ENO)
            conn.wait_syn()
            if last:
                conn.output(last, seq=conn.snd_nxt)
        net.close(listener)


@no_abort("taken, never connected")
def never_connected(net):
    for options in TAKEN, REQUIRED:
        sock = net.keep(socket.socket())
        for level, name, value in options:
            sock.setsockopt(level, name, value)
        require(attempt(sock.send, b"x"), "send() without connect()")
        require(attempt(sock.recv, 1), "recv() without connect()")
        net.close(sock)


@no_abort("a clone while plain and half-open connections are there")
def clone_plain(net):
    with Sysctl("net.tcpcrypt.enable_connect", "0"):
        conn = Conn(net)
        sock = net.connect(conn)
        conn.wait_syn()
        conn.answer(b"")
        net.connected(sock)
    syn_sent = Conn(net)
    opening = net.connect(syn_sent)
    syn_sent.wait_syn()
    fork()
    plain(net, sock, conn)
    syn_sent.answer(SYNACK_ENO)
    net.connected(opening)
    session = Session(syn_sent, "B", SYN_ENO + SYNACK_ENO).agree()
    net.send(opening, SECRET)
    equal(session.read(len(SECRET)), SECRET, "what the peer got")


for which in ROLES:
    def orderly(net, role):
        sock, conn, session = established(net, role)
        session.send(flags=FINP)
        conn.close()
        equal(net.recv(sock), b"", "end-of-file")
        sock.shutdown(socket.SHUT_WR)
        session.read_fin()
        conn.wait_fin()
        conn.wait_acked()
        net.close(sock)

    def peer_resets(net, role):
        for make in negotiate, established:
            for sends in False, True:
                sock, conn, _ = make(net, role)
                if sends:
                    conn.auto_ack = False
                    net.send(sock, SECRET)
                conn.output(RST | ACK)
                equal(net.recv_end(sock), (b"", errno.ECONNRESET), "recv()")
                require(attempt(sock.send, SECRET), "send() after the RST")
                net.rest(0.05)

    def unread(net, role):
        sock, conn, session = established(net, role)
        session.send(b"nobody reads this")
        conn.wait_acked()
        net.wait(lambda: net.readable(sock), "poll()")
        net.close(sock)
        conn.wait_rst()

    def linger(net, role):
        for make in negotiate, established:
            sock, conn, _ = make(net, role)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
            net.close(sock)
            conn.wait_rst()

    def unacknowledged(net, role):
        """TCP gives up, TCP_USER_TIMEOUT: no frame is missing."""
        sock, conn, _ = established(net, role, options=[(TCP, 18, 1000)])
        conn.auto_ack = False
        net.send(sock, SECRET)
        net.wait(lambda: polled(sock) & select.POLLERR, "POLLERR")
        equal(net.recv_end(sock), (b"", errno.ETIMEDOUT), "recv()")

    for test in (("an orderly end", orderly), ("RST of the peer",
                 peer_resets), ("close() with unread data", unread),
                 ("SO_LINGER of 0", linger),
                 ("TCP_USER_TIMEOUT", unacknowledged)):
        no_abort("%s: %s" % (which, test[0]))(
            lambda net, f=test[1], role=which: f(net, role))


if __name__ == "__main__":
    sys.exit(suite.main(tracing))
