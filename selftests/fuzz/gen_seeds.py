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
       "4506 01 23 21 24", "4505 a3 0204", "4504 0122", "4504 0121")

# Generators of P-256 and P-521: x
P256 = bytes.fromhex("6b17d1f2e12c4247f8bce6e563a440f2"
                     "77037d812deb33a0f4a13945d898c296")
P521 = bytes.fromhex("00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828"
                     "af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a"
                     "429bf97e7e31c2e5bd66")


def write(directory, seeds):
    directory.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(seeds):
        (directory / f"seed{i}").write_bytes(seed)


def crossed(bits, *events):
    return bytes([bits]) + b"".join(
        bytes([kind, len(options)]) + options for kind, options in events)


def curves():
    # x is 5, all ones, 0, the generator's; with and without its header
    for bits in (0, 4, 12):
        for n, generator in ((32, P256), (66, P521)):
            for x in (bytes(n - 1) + b"\5", b"\xff" * n, bytes(n), generator):
                for more in (0, 16):
                    yield (bytes([bits | more | (n == 66)]) + bytes(3) + x +
                           b"\1" * 66)
    for kind, n in ((2, 32), (3, 56)):
        for u in (9, 5, 0, 1):
            yield (bytes([kind]) + bytes(range(n)) + bytes([u]) +
                   bytes(n - 1))


def main():
    top = pathlib.Path(sys.argv[1])
    options = [bytes.fromhex(e) for e in ENO]
    write(top / "fuzz_eno",
          [bytes([i * 37 & 255, i * 59 & 255]) + e
           for i, e in enumerate(options)] +
          [b"\0\0" + SYN + e for e in options] + [b"\0\0" + SYN])
    good, other, bare = options[1], options[8], options[3]
    write(top / "fuzz_crossed",
          [crossed(0, (0, e), (1, e), (2, e)) for e in options] +
          [crossed(0, (0, good), (0, other), (2, bare)),
           crossed(1, (0, options[0]), (1, options[0])),
           crossed(0, (0, good), (3, good), (2, bare)),
           crossed(0, (0, good), (2, b"\1"))])
    write(top / "fuzz_init",
          [b"\0" + INIT1 + bytes(64), b"\4" + INIT1 + bytes(64) + FRAMES,
           b"\0" + INIT2 + bytes(64), b"\4\3" + bytes(range(100))])
    write(top / "fuzz_frame",
          [b"\0\xff" + FRAMES, b"\7\1" + FRAMES * 4,
           b"\3\4" + bytes.fromhex("000010")])
    write(top / "fuzz_resume",
          [bytes([a, b]) + bytes(16) + rest
           for a, b in ((0x82, 0x80), (0x80, 0x82), (0x02, 0x00),
                        (0x83, 0x80), (0x86, 0x80), (0x8a, 0x80))
           for rest in (bytes(2), b"\x91\4\1\0", b"\0\x8c")])
    write(top / "fuzz_marks",
          [bytes(4), bytes(range(200)), b"\xff" * 120,
           b"\xff\xff\xff" + b"\4\0\x14\x80" * 30])
    write(top / "fuzz_curve", curves())


main()
