#!/usr/bin/python3 -IS
# SPDX-License-Identifier: GPL-2.0
"""Many values to a redis server, and back, with no round trip between them.

    redis_pipe.py commands COUNT MARKER              SETs, for redis-cli --pipe
    redis_pipe.py check COUNT MARKER ADDRESS PORT    GETs, and compares
"""

import hashlib
import socket
import sys
import threading


def value(number, marker):
    """From 38 bytes to 8 KiB; the same for the same number."""
    digest = hashlib.sha256(b"%d" % number).hexdigest().encode()
    return (marker + digest * 126)[:len(marker) + number * 61 % 8100]


def command(*words):
    return b"*%d\r\n" % len(words) + b"".join(
        b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def check(count, marker, address, port):
    sock = socket.create_connection((address, port))
    asked = b"".join(command(b"GET", b"key:%d" % i) for i in range(count))
    sender = threading.Thread(target=sock.sendall, args=(asked,))
    sender.start()
    with sock.makefile("rb") as answers:
        for i in range(count):
            expected = value(i, marker)
            if answers.readline() != b"$%d\r\n" % len(expected):
                sys.exit("value %d has a wrong length" % i)
            if answers.read(len(expected) + 2) != expected + b"\r\n":
                sys.exit("value %d is wrong" % i)
        sender.join()
        sock.shutdown(socket.SHUT_WR)
        if answers.read():
            sys.exit("more than was asked for")
    sock.close()


def main():
    count, marker = int(sys.argv[2]), sys.argv[3].encode()
    if sys.argv[1] == "check":
        check(count, marker, sys.argv[4], int(sys.argv[5]))
        return
    for i in range(count):
        sys.stdout.buffer.write(
            command(b"SET", b"key:%d" % i, value(i, marker)))


if __name__ == "__main__":
    main()
