# SPDX-License-Identifier: GPL-2.0
"""The floor of a design in the kernel: plain TCP and the ciphers alone.

Each row is the sum of what was measured for plain TCP in the same run, and of
operations of the kernel's crypto by themselves (floor/), times how often the
protocol needs them at the least:

bulk            each byte is encrypted and decrypted once, in chunks of 64 KiB
                (writes of 16 KiB: of 16 KiB)
round trips     two frames, each encrypted and decrypted
connections     four frames (a byte each way, FINp each way) likewise; two
                keys set at each end; HMAC-SHA256 at each end: for a fresh
                agreement Extract and mk[0], for resumption ss[i], the
                identifier and mk[0]; then for each traffic key once, or twice
                where it has 32 bytes; fresh: a key pair and an agreement at
                each end
"""

import statistics

CIPHERS = ("aes128", "aes256", "chacha")


def once(ops, cipher, length):
    """A chunk or frame encrypted and decrypted."""
    return (ops["%s-encrypt-%d" % (cipher, length)] +
            ops["%s-decrypt-%d" % (cipher, length)])


def keys(ops, cipher, resumed):
    """Of one end: the key schedule, and ciphers with keys."""
    traffic = 2 * (1 if cipher == "aes128" else 2)
    first = 3 * ops["hmac-32"] if resumed else (
        ops["hmac-256"] + ops["hmac-32"] +
        ops["x25519-keygen"] + ops["x25519-agree"])
    return first + traffic * ops["hmac-32"] + 2 * ops[cipher + "-setkey"]


def connection(ops, cipher, resumed):
    return (2 * once(ops, cipher, 2) + 2 * once(ops, cipher, 1) +
            2 * keys(ops, cipher, resumed))


def added(ops, cipher):
    """By metric: what is added to plain TCP, and to which metric of it."""
    return {
        "bulk-131072": ("bulk-131072", once(ops, cipher, 65536) / 65536),
        "bulk-16384": ("bulk-16384", once(ops, cipher, 16384) / 16384),
        "rtt-64": ("rtt-64", 2 * once(ops, cipher, 65)),
        "rtt-1024": ("rtt-1024", 2 * once(ops, cipher, 1025)),
        "conn": ("conn", connection(ops, cipher, False)),
        "conn-resumed": ("conn", connection(ops, cipher, True)),
    }


def rows(tcp, measured):
    """The floors as more systems, of what was measured; maybe none."""
    if not tcp or not measured:
        return {}
    ops = {name: statistics.median(v) for name, v in measured.items()}
    result = {}
    for cipher in CIPHERS:
        result["floor-" + cipher] = {
            metric: [value + more for value in tcp[base]]
            for metric, (base, more) in added(ops, cipher).items()
            if base in tcp}
    return result
