#!/usr/bin/python3 -IS
# SPDX-License-Identifier: GPL-2.0
"""Both ends of one TCP connection send random bytes and their SHA-256.

    xfer.py server [OPTIONS] ADDRESS PORT
    xfer.py client [OPTIONS] ADDRESS PORT
    xfer.py client --cross OWN-ADDRESS --meet DIRECTORY [OPTIONS] ADDRESS PORT

Either end sends while it receives, half-closes after the hash, reads to the
end-of-file, compares, and prints what the kernel says of the connection:
"encrypted ROLE SESSION-ID" or "plain ERRNO". Fails when the data are wrong, or
when ss contradicts the kernel.
"""

import argparse
import errno
import hashlib
import os
import socket
import subprocess
import sys
import threading
import time

TCP_ULP = 31
TCP_ENO_SESSID = 6901
TCP_ENO_TIEBREAKER = 6906
TCP_ENO_ROLE = 6907
HASH = 32
CHUNK = 16384


def describe(sock):
    try:
        sessid = sock.getsockopt(socket.IPPROTO_TCP, TCP_ENO_SESSID, 256)
        role = sock.getsockopt(socket.IPPROTO_TCP, TCP_ENO_ROLE)
    except OSError as error:
        return "plain " + errno.errorcode.get(error.errno, str(error.errno))
    return "encrypted %s %s" % ("AB"[role], sessid.hex())


def shown_by_ss(sock):
    """Whether ss shows tcp-ulp-tcpcrypt for this connection."""
    out = subprocess.run(
        ["ss", "-Htni", "sport = :%d and dport = :%d" % (
            sock.getsockname()[1], sock.getpeername()[1])],
        stdout=subprocess.PIPE, text=True, check=True).stdout
    return "tcp-ulp-tcpcrypt" in out


def send(sock, args, failures):
    try:
        digest = hashlib.sha256()
        prefix = args.text.encode()
        left = args.size
        while left:
            data = (prefix + os.urandom(min(CHUNK, left)))[:min(CHUNK, left)]
            digest.update(data)
            sock.sendall(data)
            left -= len(data)
        sock.sendall(digest.digest())
        sock.shutdown(socket.SHUT_WR)
    except OSError as error:
        failures.append("send: %s" % error)


def receive(sock, args):
    digest = hashlib.sha256()
    tail, count = b"", 0
    while data := sock.recv(args.chunk):
        count += len(data)
        tail += data
        digest.update(tail[:-HASH])
        tail = tail[-HASH:]
    if count != args.size + HASH:
        raise OSError("received %d bytes instead of %d" % (
            count, args.size + HASH))
    if tail != digest.digest():
        raise OSError("received data are wrong")


def set_buffers(sock, args):
    if args.sndbuf:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, args.sndbuf)
    if args.rcvbuf:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, args.rcvbuf)


def cross(sock, args):
    """Both ends are clients, from the same port and at the same time."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((args.cross, args.port))
    if args.b is not None:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"tcpcrypt")
        sock.setsockopt(socket.IPPROTO_TCP, TCP_ENO_TIEBREAKER, args.b)
    # the directory is the starting line
    with open(os.path.join(args.meet, str(os.getpid())), "w"):
        pass
    while len(os.listdir(args.meet)) < 2:
        time.sleep(0.005)


def connected(args):
    """An AF_INET6 socket and an IPv4 address make an IPv4-mapped socket."""
    family = socket.AF_INET6 if args.mapped or ":" in args.address \
        else socket.AF_INET
    address = args.address
    if args.mapped:
        address = "::ffff:" + address
    sock = socket.socket(family, socket.SOCK_STREAM)
    set_buffers(sock, args)
    sock.settimeout(args.timeout)
    if args.cross:
        cross(sock, args)
    if args.command == "client":
        sock.connect((address, args.port))
        return sock
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY,
                        0 if args.mapped else 1)
    sock.bind((address, args.port))
    sock.listen(16)
    child, _ = sock.accept()
    child.settimeout(args.timeout)
    sock.close()
    return child


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("server", "client"))
    parser.add_argument("--size", type=int, default=1 << 20)
    parser.add_argument("--chunk", type=int, default=65536,
                        help="bytes asked for by one recv()")
    parser.add_argument("--sndbuf", type=int)
    parser.add_argument("--rcvbuf", type=int)
    parser.add_argument("--mapped", action="store_true")
    parser.add_argument("--text", default="",
                        help="what each chunk of data begins with")
    parser.add_argument("--timeout", type=float, default=150)
    parser.add_argument("--cross", metavar="ADDRESS",
                        help="bind to it; the other end is a client too")
    parser.add_argument("--meet", metavar="DIRECTORY",
                        help="empty; both ends connect when both are there")
    parser.add_argument("--b", type=int, help="TCP_ENO_TIEBREAKER")
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    args = parser.parse_args()

    try:
        sock = connected(args)
        shown = shown_by_ss(sock)
        failures = []
        sender = threading.Thread(target=send, args=(sock, args, failures))
        sender.start()
        try:
            receive(sock, args)
        finally:
            sender.join()
        if failures:
            raise OSError(failures[0])
        description = describe(sock)
        print(description)
        # a socket that was taken by TCP_ULP keeps it
        if args.b is None and shown != description.startswith("encrypted"):
            raise OSError("ss shows the contrary")
        sock.close()
    except OSError as error:
        print("error: %s: %s" % (args.command, error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
