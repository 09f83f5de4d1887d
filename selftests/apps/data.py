#!/usr/bin/python3 -IS
# SPDX-License-Identifier: GPL-2.0
"""Writes MIB MiB of lines of 1 KiB: a number, a tab, random text, MARKER.

    data.py MIB MARKER

Blocks of 64 lines recur, but for the number that they begin with: quickly
made, and yet nothing can be lost, doubled or moved unseen.
"""

import base64
import os
import sys

LINE, LINES, BLOCKS = 1024, 64, 16


def block(marker):
    lines = []
    for i in range(LINES):
        line = b"%012d\t" % i
        text = base64.b64encode(os.urandom(LINE))
        lines.append(line + text[:LINE - len(line) - len(marker) - 1] +
                     marker + b"\n")
    return b"".join(lines)


def main():
    mib, marker = int(sys.argv[1]), sys.argv[2].encode()
    blocks = [block(marker) for _ in range(BLOCKS)]
    for i in range((mib << 20) // (LINE * LINES)):
        sys.stdout.buffer.write(b"%012d" % i + blocks[i % BLOCKS][12:])
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
