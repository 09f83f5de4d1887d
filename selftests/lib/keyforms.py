# SPDX-License-Identifier: GPL-2.0
"""What a secret looks like in memory, besides its own bytes.

Whoever finds one of these has the secret, or can do with it what it is for:
round keys of AES; the padded key of HMAC and the state of SHA-256 after it;
message words inside SHA-256, alone and with the round constant added; a hash
value as the eight words of the state.
"""

import struct

MASK = 0xffffffff


def primes():
    found, n = [], 2
    while len(found) < 64:
        if all(n % p for p in found):
            found.append(n)
        n += 1
    return found


def root_bits(n, k):
    """32 bits of the fractional part of the k-th root of n."""
    low, high = 0, 1 << 40
    while high - low > 1:
        middle = (low + high) // 2
        low, high = ((middle, high) if middle ** k <= n << 32 * k
                     else (low, middle))
    return low & MASK


K = [root_bits(p, 3) for p in primes()]
H0 = [root_bits(p, 2) for p in primes()[:8]]


def rotate(x, n):
    return (x >> n | x << 32 - n) & MASK


def compress(state, block):
    """SHA-256's compression function, for the state after a key block."""
    w = list(struct.unpack(">16L", block))
    for i in range(16, 64):
        s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3
        s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10
        w.append(w[i - 16] + s0 + w[i - 7] + s1 & MASK)
    a, b, c, d, e, f, g, h = state
    for i in range(64):
        s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
        t1 = h + s1 + (e & f ^ ~e & g) + K[i] + w[i]
        s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
        t2 = s0 + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = (t1 + t2 & MASK, a, b, c, d + t1 & MASK, e,
                                  f, g)
    return [x + y & MASK for x, y in zip(state, (a, b, c, d, e, f, g, h))]


def swapped(data):
    """32-bit words the other way round: a hash value as SHA-256's state."""
    return b"".join(data[i:i + 4][::-1] for i in range(0, len(data) - 3, 4))


def words(message, begin, end):
    """Yields (name, bytes) of what SHA-256 makes of message[begin:end]."""
    at = -(-begin // 4) * 4
    plain, added = b"", b""
    while at + 4 <= end:
        word, = struct.unpack_from(">L", message, at)
        plain += struct.pack("<L", word)
        added += struct.pack("<L", word + K[at // 4 % 16] & MASK)
        at += 4
    yield "message words", plain
    # a vector has two or four words: both ways to pair them
    yield "message words and constants", added


def hmac_key(key):
    """Yields the forms of a key of HMAC-SHA256."""
    for name, pad in (("inner", 0x36), ("outer", 0x5c)):
        block = bytes(b ^ pad for b in key.ljust(64, b"\0"))
        yield name + " pad", block[:len(key)]
        for form, data in words(block, 0, len(key)):
            yield "%s %s" % (name, form), data
        state = struct.pack("<8L", *compress(H0, block))
        yield name + " state", state
        yield name + " state as bytes", swapped(state)


def sbox():
    box, p, q = [0x63] * 256, 1, 1
    while True:
        p ^= p << 1 & 0xff ^ (0x1b if p & 0x80 else 0)
        q ^= q << 1
        q ^= q << 2
        q = (q ^ q << 4) & 0xff
        q ^= 0x09 if q & 0x80 else 0
        x = q ^ q << 1 ^ q << 2 ^ q << 3 ^ q << 4
        box[p] = (x ^ x >> 8) & 0xff ^ 0x63
        if p == 1:
            return box


SBOX = sbox()


def expand(key):
    """The round keys of AES."""
    n = len(key) // 4
    w = [key[4 * i:4 * i + 4] for i in range(n)]
    rcon = 1
    for i in range(n, 4 * (n + 7)):
        t = w[-1]
        if i % n == 0:
            t = bytes(SBOX[b] for b in t[1:] + t[:1])
            t = bytes([t[0] ^ rcon]) + t[1:]
            rcon = rcon << 1 ^ (0x11b if rcon & 0x80 else 0)
        elif n == 8 and i % n == 4:
            t = bytes(SBOX[b] for b in t)
        w.append(bytes(x ^ y for x, y in zip(w[i - n], t)))
    return b"".join(w)


def self_test():
    """FIPS 180-4 and FIPS 197."""
    assert K[0] == 0x428a2f98 and K[63] == 0xc67178f2
    assert H0[0] == 0x6a09e667 and H0[7] == 0x5be0cd19
    block = b"abc\x80" + bytes(59) + b"\x18"
    assert compress(H0, block)[0] == 0xba7816bf
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    assert expand(key)[-4:].hex() == "b6630ca6"
    key = bytes.fromhex("603deb1015ca71be2b73aef0857d7781"
                        "1f352c073b6108d72d9810a30914dff4")
    assert expand(key)[-4:].hex() == "706c631e"


self_test()
