#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Writes the first inputs of the fuzzers: gen_seeds.py DIRECTORY"""

import pathlib
import sys

SYN = bytes.fromhex("020405b40402080a0000000100000000")
INIT1 = bytes.fromhex("15101a0e0000004f03000100020010")
INIT2 = bytes.fromhex("097105e00000004a0002")
FRAMES = (bytes.fromhex("00001501616263") + b"c" * 18 +     # FINp
          bytes.fromhex("01001602001061") + b"u" * 19 +     # URGp, rekey
          bytes.fromhex("00001100") + b"e" * 16)            # empty

ENO = ("4503 23", "4504 0123", "4505 022123", "4502", "4503 23 4503 23",
       "4507 81a20204 23", "450f a3 000102030405060708090a0b", "4503 80",
       "4506 01 23 21 24", "4505 a3 0204")


def write(directory, seeds):
    directory.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(seeds):
        (directory / f"seed{i}").write_bytes(seed)


def main():
    top = pathlib.Path(sys.argv[1])
    options = [bytes.fromhex(e) for e in ENO]
    write(top / "fuzz_eno",
          [bytes([i * 37 & 255]) + e for i, e in enumerate(options)] +
          [b"\0" + SYN + e for e in options] + [b"\0" + SYN])
    write(top / "fuzz_wire",
          [b"\x40" + INIT1 + bytes(64) + FRAMES,
           b"\x40" + INIT2 + bytes(64) + FRAMES,
           b"\0" + FRAMES, b"\0" + INIT1 + bytes(30)])
    # x is 5 on both curves, x is all ones, 0, and no header at all
    write(top / "fuzz_point",
          [bytes([i & 3]) + bytes(3) + x for i in range(4)
           for n in (32, 66) for x in (bytes(n - 1) + b"\5", b"\xff" * n,
                                       bytes(n))])


main()
