#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What happens in the guest of secrets.py: both ends of connections.

It knows no secret. At each point it tells the host, by a file, and waits for
the host's.
"""

import errno
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                ".."))
from peer import option, sysctl

SESSID, TRANSCRIPT, FLUSH, REKEY, INFO = 6901, 6909, 6923, 6924, 6925
OPEN = 2
PATIENCE = 120
REST = 8            # seconds; rest.c
OUT = os.environ["OUT"]
points = 0


def wait(condition, what):
    deadline = time.monotonic() + PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            sys.exit("no " + what)
        time.sleep(0.02)


def point(name, **facts):
    """The host looks at the memory."""
    global points
    points += 1
    path = "%s/point.%d" % (OUT, points)
    with open(path + ".new", "w", encoding="ascii") as f:
        json.dump(dict(facts, point=name), f)
    os.rename(path + ".new", path)
    wait(lambda: os.path.exists("%s/go.%d" % (OUT, points)), "answer")


def info(sock):
    data = option(sock, INFO)
    if isinstance(data, int):
        return {"state": None}
    return {"state": data[0], "tx_gen": struct.unpack_from("=Q", data, 120)[0],
            "rx_gen": struct.unpack_from("=Q", data, 128)[0],
            "driver": data[56:120].split(b"\0")[0].decode()}


def unused():
    """No context is left, those that RCU keeps included."""
    with open("/sys/module/tcpcrypt/refcnt", encoding="ascii") as f:
        return int(f.read()) == 0


class Pair:
    """Two ends of a connection."""

    def __init__(self, accept=True):
        self.listener = socket.create_server(("127.0.0.1", 7000))
        self.client = socket.create_connection(self.listener.getsockname(),
                                               PATIENCE)
        self.server = None
        if accept:
            self.accept()

    def accept(self):
        self.server, _ = self.listener.accept()
        self.server.settimeout(PATIENCE)

    def ends(self):
        return [end for end in (self.client, self.server) if end]

    def until_open(self):
        for end in self.ends():
            wait(lambda end=end: info(end)["state"] == OPEN, "keys")
        self.exchange()

    def exchange(self):
        for a, b in ((self.client, self.server), (self.server, self.client)):
            a.sendall(b"data" * 1000)
            left = 4000
            while left:
                left -= len(b.recv(left))

    def facts(self):
        a, b = (option(end, SESSID) for end in self.ends())
        if a != b or isinstance(a, int):
            sys.exit("session IDs %s and %s" % (a, b))
        return {"sessid": a.hex(), "driver": info(self.client)["driver"],
                "transcript": option(self.client, TRANSCRIPT).hex()}

    def rekey(self, generation):
        self.client.setsockopt(socket.IPPROTO_TCP, REKEY, 1)
        for end in self.ends():
            wait(lambda end=end: info(end)["tx_gen"] == generation ==
                 info(end)["rx_gen"], "new generation")
        self.exchange()

    def flush(self):
        for end in self.ends():
            end.setsockopt(socket.IPPROTO_TCP, FLUSH, 1)

    def failed(self, sock):
        """The error that ends a connection."""
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        if not poll.poll(PATIENCE * 1000):
            sys.exit("no end of the connection")
        try:
            while sock.recv(65536):
                pass
            return 0
        except OSError as error:
            return error.errno

    def close(self):
        for end in self.ends() + [self.listener]:
            end.close()
        wait(unused, "end of the connection")


def settings(tep, aead, cache=1024):
    sysctl("net.tcpcrypt.cache_max", 0)
    sysctl("net.tcpcrypt.cache_max", cache)
    sysctl("net.tcpcrypt.teps", tep)
    sysctl("net.tcpcrypt.aeads", aead)


def life(tep, aead):
    settings(tep, aead)
    point("fresh", tep=tep, aead=aead)
    pair = Pair()
    pair.until_open()
    point("open", **pair.facts())
    time.sleep(REST)
    point("at rest")
    pair.exchange()
    point("woken")
    pair.rekey(1)
    point("rekeyed")
    pair.rekey(2)
    point("rekeyed")
    pair.client.shutdown(socket.SHUT_WR)
    if pair.server.recv(1):
        sys.exit("no end of the stream")
    point("half closed")
    pair.close()
    point("closed")
    # the ticket of this one is used
    pair = Pair()
    pair.until_open()
    point("resumed", **pair.facts())
    pair.flush()
    point("flushed")
    pair.exchange()
    pair.close()
    point("gone")


def aborted(tep, aead):
    """A frame does not authenticate; both descriptors stay open."""
    settings(tep, aead)
    point("fresh", tep=tep, aead=aead)
    pair = Pair()
    pair.until_open()
    point("open", **pair.facts())
    point("arm", function="tcpcrypt_cipher_open", register="r8", value=1 << 40)
    pair.client.sendall(b"data")
    got = [pair.failed(pair.server), pair.failed(pair.client)]
    if got != [errno.EBADMSG, errno.ECONNRESET]:
        sys.exit("errors %s" % got)
    point("aborted")
    pair.close()
    sysctl("net.tcpcrypt.cache_max", 0)
    point("gone")


def failing(tep, aead):
    """The last step of the key agreement fails at host A."""
    settings(tep, aead)
    point("fresh", tep=tep, aead=aead)
    pair = Pair(accept=False)
    wait(lambda: info(pair.client)["state"] == 1, "Init1")
    # the first is host B's
    point("arm", function="tcpcrypt_cipher_init", register="rsi", value=0,
          skip=2)
    pair.accept()
    got = [pair.failed(pair.client), pair.failed(pair.server)]
    if got != [errno.EPROTO, errno.ECONNRESET]:
        sys.exit("errors %s" % got)
    point("failed")
    pair.close()
    sysctl("net.tcpcrypt.cache_max", 0)
    point("gone")


def unanswered(tep, aead):
    """Host A has a key pair, and no answer comes: RST."""
    settings(tep, aead)
    point("fresh", tep=tep, aead=aead)
    pair = Pair(accept=False)
    point("keying")
    pair.listener.close()
    if pair.failed(pair.client) != errno.ECONNRESET:
        sys.exit("no reset")
    point("failed")
    pair.close()
    point("gone")


def late(tep, aead):
    """Likewise, and time runs out."""
    settings(tep, aead)
    sysctl("net.tcpcrypt.handshake_timeout", 3)
    point("fresh", tep=tep, aead=aead)
    pair = Pair(accept=False)
    point("keying")
    if pair.failed(pair.client) != errno.ETIMEDOUT:
        sys.exit("no timeout")
    point("failed")
    pair.close()
    sysctl("net.tcpcrypt.handshake_timeout", 60)
    point("gone")


def unload(tep, aead):
    """Secrets are in the cache when the module goes."""
    settings(tep, aead)
    point("fresh", tep=tep, aead=aead)
    pair = Pair()
    pair.until_open()
    point("open", **pair.facts())
    pair.close()
    point("closed")
    subprocess.run(["rmmod", "tcpcrypt"], check=True)
    point("unloaded")


CASES = {"life": life, "aborted": aborted, "failing": failing,
         "unanswered": unanswered, "late": late, "unload": unload}


def main():
    """Arguments: as those of secrets.py."""
    shutil.copyfile("/proc/kallsyms", OUT + "/kallsyms")
    sysctl("net.tcpcrypt.skip_loopback", 0)
    # handshakes fail here
    sysctl("net.tcpcrypt.broken_time", 0)
    point("loaded")
    for argument in sys.argv[1:]:
        if argument == "aesni":
            subprocess.run(["modprobe", "aesni_intel"], check=True)
            continue
        case, tep, aead = argument.split(",")
        CASES[case](tep, aead)


if __name__ == "__main__":
    main()
