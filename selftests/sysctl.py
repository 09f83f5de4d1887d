#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""net.tcpcrypt.*, one set per network namespace. Runs in the guest.

What each setting does, at which end; bad values; defaults; and the counters
in /proc/net/tcpcrypt_stat. sock.sh makes the two hosts.
"""

import contextlib
import ctypes
import errno
import functools
import itertools
import os
import socket
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
TCP_ENO_SESSID = 6901
TCP_CRYPT_INFO = 6925
KEYING, OPEN = 1, 2
A4, B4 = "10.9.0.1", "10.9.0.2"
PORTS = ("22,443,465,563,636,853,860,989-990,992-995,2049,3260,5061,5671,"
         "8443,8883")


def default_handshakes():
    with open("/proc/meminfo") as f:
        total = int(f.readline().split()[1])
    return str(min(max(total // 256, 1024), 65536))


DEFAULTS = {
    "aeads": "AES_128_GCM AES_256_GCM CHACHA20_POLY1305",
    "bad_connect_ports": PORTS,
    "bad_listen_ports": PORTS,
    "broken_max": "1024",
    "broken_time": "600",
    "cache_lifetime": "86400",
    "cache_max": "1024",
    "enable_connect": "1",
    "enable_listen": "1",
    "handshake_timeout": "60",
    "kernel_sockets": "0",
    "max_handshakes": default_handshakes(),
    "rekey_bytes": str(1 << 30),
    "rekey_interval": "3600",
    "resume_nonce_len": "8",
    "skip_loopback": "1",
    "teps": "Curve25519 P256 Curve448 P521",
}
TEPS = {"P256": 0x21, "P521": 0x22, "Curve25519": 0x23, "Curve448": 0x24}
TCP_ENO_NEGSPEC = 6902
V_BIT = 0x80        # RFC 8548, section 3.4: set if resumed

libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    pass


def enter(ns):
    with open("/run/netns/" + ns, "rb") as f:
        if libc.setns(f.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def get(ns, name):
    enter(ns)
    with open("/proc/sys/net/tcpcrypt/" + name) as f:
        return f.read().rstrip("\n")


def write(ns, name, value):
    enter(ns)
    fd = os.open("/proc/sys/net/tcpcrypt/" + name, os.O_WRONLY)
    try:
        data = (value + "\n").encode()
        if os.write(fd, data) != len(data):
            raise Failed("%s: '%s' was taken in part" % (name, value))
    finally:
        os.close(fd)


@contextlib.contextmanager
def setting(ns, name, value):
    before = get(ns, name)
    write(ns, name, value)
    try:
        yield
    finally:
        write(ns, name, before)


def counters(ns):
    enter(ns)
    with open("/proc/thread-self/net/tcpcrypt_stat") as f:
        return {name: int(value) for name, value in map(str.split, f)}


def equal(value, want, what):
    if value != want:
        raise Failed("%s is %r, expected %r" % (what, value, want))


def info(sock):
    """State and AEAD, or None if the connection is plain."""
    try:
        raw = sock.getsockopt(socket.IPPROTO_TCP, TCP_CRYPT_INFO, 120)
    except OSError as error:
        equal(error.errno, errno.ENOPROTOOPT, "errno")
        return None
    return raw[0], int.from_bytes(raw[4:6], sys.byteorder)


def sockets(client="a", server="b", address=B4, port=0):
    enter(server)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    bound = "::" if address.startswith("::ffff:") else address
    with socket.create_server((bound, port), family=family,
                              dualstack_ipv6=bound == "::") as listener:
        listener.settimeout(20)
        enter(client)
        c = socket.create_connection(
            (address,) + listener.getsockname()[1:2], 20)
        s, _ = listener.accept()
    s.settimeout(20)
    return c, s


def connection(*args, **kwargs):
    """Connects; the TEP and the AEAD, None for plain TCP."""
    c, s = sockets(*args, **kwargs)
    with c, s:
        end = time.monotonic() + 20
        while info(c) and info(c)[0] == KEYING and time.monotonic() < end:
            time.sleep(0.01)
        c.sendall(b"question")
        equal(s.recv(8, socket.MSG_WAITALL), b"question", "data")
        s.sendall(b"answer")
        equal(c.recv(6, socket.MSG_WAITALL), b"answer", "data")
        x, y = info(c), info(s)
        equal(x, y, "what both ends say")
        if not x:
            return None
        equal(x[0], OPEN, "state")
        equal(c.getsockopt(6, TCP_ENO_SESSID, 33),
              s.getsockopt(6, TCP_ENO_SESSID, 33), "session ID")
        tep = c.getsockopt(6, TCP_ENO_NEGSPEC)
        equal(s.getsockopt(6, TCP_ENO_NEGSPEC), tep, "TEP of the server")
        return tep & ~V_BIT, x[1]


def aead(*args, **kwargs):
    result = connection(*args, **kwargs)
    return result and result[1]


def tep(*args, **kwargs):
    result = connection(*args, **kwargs)
    return result and result[0]


def plain(*args, **kwargs):
    equal(aead(*args, **kwargs), None, "AEAD")


def encrypted(*args, **kwargs):
    if aead(*args, **kwargs) is None:
        raise Failed("not encrypted")


def defaults(ns):
    enter(ns)
    equal(sorted(os.listdir("/proc/sys/net/tcpcrypt")), sorted(DEFAULTS),
          "list")
    for name, value in DEFAULTS.items():
        equal(get(ns, name), value, name)


def fresh_keys(function):
    """Decorator: no session is resumed."""
    @functools.wraps(function)
    def run():
        with setting("a", "cache_max", "0"):
            function()
    return run


def test_defaults():
    defaults("a")
    defaults("b")
    encrypted()


def test_new_namespace_has_the_defaults():
    with setting("b", "enable_listen", "0"), setting("b", "aeads",
                                                     "AES_256_GCM"):
        subprocess.run(["ip", "netns", "add", "fresh"], check=True)
        try:
            defaults("fresh")
            write("fresh", "enable_connect", "0")
            equal(get("a", "enable_connect"), "1", "enable_connect of a")
        finally:
            subprocess.run(["ip", "netns", "delete", "fresh"], check=True)


def test_enable_connect():
    with setting("a", "enable_connect", "0"):
        plain()
        encrypted(client="b", server="a", address=A4)
    with setting("b", "enable_connect", "0"):
        encrypted()


def test_enable_listen():
    with setting("b", "enable_listen", "0"):
        plain()
        encrypted(client="b", server="a", address=A4)
    with setting("a", "enable_listen", "0"):
        encrypted()


def test_enable_listen_of_an_open_listener():
    enter("b")
    with socket.create_server((B4, 0)) as listener:
        for on in "0", "1":
            with setting("b", "enable_listen", on):
                enter("a")
                with socket.create_connection(listener.getsockname()) as c:
                    s, _ = listener.accept()
                    equal(info(s) is not None, on == "1", "encrypted")
                    equal(info(c) is not None, on == "1", "encrypted")
                    s.close()


def test_bad_connect_ports():
    with setting("a", "bad_connect_ports", "5000,6000-6010"):
        plain(port=6005)
        encrypted(port=6011)
        encrypted(port=443 + 5000)
    with setting("b", "bad_connect_ports", "6000"):
        encrypted(port=6000)


def test_bad_listen_ports():
    with setting("b", "bad_listen_ports", "6001"):
        plain(port=6001)
        encrypted(port=6002)
    with setting("b", "bad_listen_ports", "1-6002,6004-65535"):
        encrypted(port=6003)
    with setting("a", "bad_listen_ports", "6004"):
        encrypted(port=6004)


def test_default_ports_stay_plain():
    for port in 22, 443, 853, 860, 2049, 3260, 8883:
        plain(port=port)
    with setting("a", "bad_connect_ports", ""):
        plain(port=443)
        with setting("b", "bad_listen_ports", ""):
            encrypted(port=443)


def test_skip_loopback():
    for address in "127.0.0.1", "::1", B4:
        plain(client="b", address=address)
    with setting("b", "skip_loopback", "0"):
        for address in "127.0.0.1", "::1", B4:
            encrypted(client="b", address=address)
        plain(client="a", server="a", address="127.0.0.1")


@fresh_keys
def test_aeads():
    """RFC 8548, section 7; host B chooses, by its own order."""
    equal(aead(), 1, "AEAD")
    with setting("a", "aeads", "AES_256_GCM"):
        equal(aead(), 2, "AEAD")
    with setting("a", "aeads", "CHACHA20_POLY1305"):
        equal(aead(), 16, "AEAD")
    with setting("b", "aeads", "CHACHA20_POLY1305,AES_128_GCM"):
        equal(get("b", "aeads"), "CHACHA20_POLY1305 AES_128_GCM", "aeads")
        equal(aead(), 16, "AEAD")
        with setting("a", "aeads", "AES_128_GCM AES_256_GCM"):
            equal(aead(), 1, "AEAD")


@fresh_keys
def test_teps():
    """Each TEP at either end, over each kind of addresses."""
    equal(tep(), TEPS["Curve25519"], "TEP")
    for name, number in TEPS.items():
        for address in B4, "fd09::2", "::ffff:" + B4:
            for ns in "a", "b":
                with setting(ns, "teps", name):
                    equal(get(ns, "teps"), name, "teps")
                    equal(tep(address=address), number, "TEP")


@fresh_keys
def test_teps_host_b_chooses():
    """RFC 8547, section 4.5: by its own order."""
    for words in itertools.permutations(TEPS):
        with setting("b", "teps", ",".join(words)):
            equal(get("b", "teps"), " ".join(words), "teps")
            equal(tep(), TEPS[words[0]], "TEP")
            if words[0] == "P521":
                with setting("a", "teps", "P256 Curve448"):
                    want = [w for w in words if w in ("P256", "Curve448")]
                    equal(tep(), TEPS[want[0]], "TEP")
        with setting("a", "teps", " ".join(words)):
            equal(tep(), TEPS["Curve25519"], "TEP")


def test_no_tep_in_common():
    with setting("a", "teps", "P256 P521"), setting("b", "teps",
                                                    "Curve448"):
        grows("b", "FallbackNoTep", plain)


@fresh_keys
def test_no_aead_in_common():
    before = counters("b")["AbortProtocol"]
    with setting("a", "aeads", "AES_128_GCM"), setting("b", "aeads",
                                                       "AES_256_GCM"):
        c, s = sockets()
        with c, s:
            for sock in s, c:
                try:
                    raise Failed("no error but %r" % sock.recv(1))
                except OSError as error:
                    if error.errno not in (errno.EPROTO, errno.ECONNRESET):
                        raise
    equal(counters("b")["AbortProtocol"] > before, True, "counted")


@fresh_keys
def test_handshake_timeout():
    """A server that never accepts: the client's handshake ends in time."""
    before = counters("a")["AbortTimeout"]
    enter("b")
    with setting("a", "handshake_timeout", "1"):
        enter("b")
        with socket.create_server((B4, 0)) as listener:
            enter("a")
            with socket.create_connection(listener.getsockname()) as c:
                begin = time.monotonic()
                try:
                    raise Failed("no error but %r" % c.recv(1))
                except OSError as error:
                    equal(error.errno, errno.ETIMEDOUT, "errno")
                took = time.monotonic() - begin
                if not 0.7 < took < 15:
                    raise Failed("after %.1f s" % took)
    equal(counters("a")["AbortTimeout"] > before, True, "counted")


def refused(name, values):
    for value in values:
        before = get("a", name)
        try:
            write("a", name, value)
        except OSError as error:
            equal(error.errno, errno.EINVAL, "errno for '%s'" % value)
        else:
            raise Failed("%s: '%s' was taken" % (name, value))
        equal(get("a", name), before, name + " after '%s'" % value)


def test_bad_integers():
    for name in ("enable_connect", "enable_listen", "skip_loopback",
                 "kernel_sockets"):
        refused(name, ["2", "-1", "x", "1x", "99999999999"])
    refused("handshake_timeout", ["0", "-1", "3601", "x"])
    refused("max_handshakes", ["0", "-1", "2147483648", "x"])
    refused("rekey_interval", ["-1", "604801", "x"])
    refused("rekey_bytes", ["0", "-1", str((1 << 38) + 1), "x"])
    refused("broken_time", ["-1", "604801", "x"])
    refused("broken_max", ["0", "-1", "65537", "x"])
    refused("cache_max", ["-1", "65537", "x"])
    refused("cache_lifetime", ["0", "-1", "604801", "x"])
    refused("resume_nonce_len", ["-1", "9", "x"])
    refused("broken_time", ["-1", "604801", "x"])
    refused("broken_max", ["0", "-1", "65537", "x"])


def test_bad_ports():
    for name in "bad_connect_ports", "bad_listen_ports":
        refused(name, ["x", "65536", "10-5", "-1", "1-2-3", "80,x", "80x",
                       "99999999", "1-65536"])


def test_bad_aeads():
    refused("aeads", ["x", "", ",", "AES_128_GCM x", "aes_128_gcm",
                      "AES_128_GCM AES_128_GCM", "0" * 300, "A" * 5000])


@fresh_keys
def test_bad_teps():
    refused("teps", ["x", "", ",", "P256 x", "p256", "P256 P256",
                     "Curve25519,P521,Curve25519", "35", "0x23", "P256\\0x",
                     "P256:P521", "0" * 300, "A" * 5000])
    with setting("a", "teps", "P521"):
        refused("teps", ["P256 y"])
        equal(tep(), TEPS["P521"], "TEP after a bad value")


def test_cache_max():
    """Each namespace has a cache of its own; 0 turns it off."""
    encrypted()
    grows("a", "HandshakeResumed", encrypted)
    grows("b", "HandshakeResumed", encrypted)
    for ns in "a", "b":
        with setting(ns, "cache_max", "0"):
            grows("a", "HandshakeFresh", encrypted)
        grows("a", "HandshakeFresh", encrypted)
        grows("a", "HandshakeResumed", encrypted)
    grows("b", "HandshakeResumed", encrypted, client="b", server="a",
          address=A4)


def grows(ns, name, action, *args, **kwargs):
    before = counters(ns)[name]
    action(*args, **kwargs)
    if counters(ns)[name] <= before:
        raise Failed("%s of %s is still %d" % (name, ns, before))


@fresh_keys
def test_counters():
    for ns, names in (("a", ("EnoSynSent", "EnoActive", "HandshakeFresh",
                             "FramesSent", "FramesReceived")),
                      ("b", ("EnoSynReceived", "EnoSynAckSent",
                             "EnoPassive", "HandshakeFresh", "FramesSent",
                             "FramesReceived"))):
        for name in names:
            grows(ns, name, encrypted)
    with setting("b", "enable_listen", "0"):
        grows("a", "FallbackNoOption", plain)
    grows("b", "FallbackLoopback", plain, client="b", address="127.0.0.1")


def test_counters_stay_when_nothing_happens():
    with setting("a", "enable_connect", "0"):
        before = counters("a"), counters("b")
        plain()
        equal((counters("a"), counters("b")), before, "counters")


def test_defaults_once_more():
    test_defaults()


def main():
    print("KTAP version 1", flush=True)
    n = failures = 0
    tests = [(name[5:], fn) for name, fn in globals().items()
             if name.startswith("test_")]
    for name, fn in tests:
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        n += 1
        try:
            fn()
            word = "ok"
        except (Failed, OSError) as error:
            print("# %s" % error)
            failures += 1
            word = "not ok"
        print("%s %d %s" % (word, n, name.replace("_", " ")), flush=True)
    print("1..%d" % n)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
