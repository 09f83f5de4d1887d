#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Ciphers that complete later: pcrypt around the kernel's own.

    async.py        in a guest with the module

An instance of pcrypt, which AF_ALG makes when it is asked for by name, has a
higher priority than what it is made of, so the module gets it. Both ends are
here, over lo.
"""

import hashlib
import os
import socket
import struct
import sys
import threading
import time

sys.dont_write_bytecode = True
from peer import Failure, equal, option, require, sysctl

REKEY, INFO = 6924, 6925
SIZE = 2 << 20
PATIENCE = 120
AEADS = ("AES_128_GCM", "AES_256_GCM", "CHACHA20_POLY1305")


def pair():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), PATIENCE)
        server, _ = listener.accept()
    server.settimeout(PATIENCE)
    return client, server


def driver_of(sock):
    """Once keys are agreed."""
    while True:
        info = option(sock, INFO)
        require(not isinstance(info, int), "TCP_CRYPT_INFO: %s" % info)
        name = info[56:120].split(b"\0")[0].decode()
        if name:
            return name
        time.sleep(0.02)


def instance(aead):
    """Makes pcrypt around the driver in use, and returns its name."""
    sysctl("net.tcpcrypt.aeads", aead)
    client, server = pair()
    name = driver_of(client)
    client.close()
    server.close()
    if not name.startswith("pcrypt("):
        name = "pcrypt(%s)" % name
        with socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET) as alg:
            alg.bind(("aead", name))
    return name


def read_all(sock, out):
    digest = hashlib.sha256()
    while True:
        data = sock.recv(65536)
        if not data:
            out.append(digest.hexdigest())
            return
        digest.update(data)


def send_all(sock, data):
    """New keys four times on the way."""
    for i in range(0, SIZE, SIZE // 4):
        try:
            sock.setsockopt(socket.IPPROTO_TCP, REKEY, 1)
        except OSError:
            pass        # before there are keys, or under way
        sock.sendall(data[i:i + SIZE // 4])
    sock.shutdown(socket.SHUT_WR)


def both_ways(aead, driver):
    sysctl("net.tcpcrypt.aeads", aead)
    ends = pair()
    data = [os.urandom(SIZE), os.urandom(SIZE)]
    got = [[], []]
    threads = [threading.Thread(target=read_all, args=(ends[i], got[i]))
               for i in (0, 1)]
    threads += [threading.Thread(target=send_all, args=(ends[i], data[i]))
                for i in (0, 1)]
    threads[2].start()
    used = driver_of(ends[0])
    for thread in threads[:2] + threads[3:]:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        require(not thread.is_alive(), "no end")
    equal(used, driver[:63], "driver")
    for i in (0, 1):
        equal(got[i], [hashlib.sha256(data[1 - i]).hexdigest()], "data")
    generation = struct.unpack_from("=Q", option(ends[0], INFO), 120)[0]
    require(generation > 0, "no rekeying")
    for end in ends:
        end.close()


def closed_at_once(aead, driver):
    """Frames are under way when the descriptors go."""
    sysctl("net.tcpcrypt.aeads", aead)
    for i in range(40):
        client, server = pair()
        client.sendall(os.urandom(60000))
        if i % 2:
            server.sendall(os.urandom(60000))
        client.close()
        server.close()


def main():
    if not os.path.isdir("/proc/sys/net/tcpcrypt"):
        sys.exit("no module")
    sysctl("net.tcpcrypt.skip_loopback", 0)
    print("KTAP version 1\n1..%d" % (2 * len(AEADS)), flush=True)
    number = failed = 0
    for aead in AEADS:
        driver = instance(aead)
        for name, test in (("both ways", both_ways),
                           ("closed at once", closed_at_once)):
            number += 1
            good = True
            try:
                test(aead, driver)
            except (Failure, OSError) as error:
                print("# %s" % error)
                good = False
            failed += not good
            print("%sok %d %s %s" % ("" if good else "not ", number, aead,
                                     name), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
