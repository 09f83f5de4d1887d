#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Known answers for the key schedule and the NIST curves, as a C header.

Written from RFC 8548 alone, with nothing but the standard library; it shares
no code with the module.
"""

import hashlib
import hmac

AEADS = {0x0001: 16, 0x0002: 32, 0x0010: 32}    # table 3: ae_key_len
NONCE_LEN = 12
K_LEN = 32
NEXTK, SESSID, REKEY, KEY_A, KEY_B, RESUME = (bytes([i]) for i in range(1, 7))
INIT1_MAGIC = bytes.fromhex("15101a0e")
INIT2_MAGIC = bytes.fromhex("097105e0")
GENERATIONS = 3
SESSIONS = 3


def extract(salt, ikm):
    return hmac.new(salt, ikm, hashlib.sha256).digest()


def cprf(key, info, length):
    t, okm = b"", b""
    for i in range(1, (length + 31) // 32 + 1):
        t = hmac.new(key, t + info + bytes([i]), hashlib.sha256).digest()
        okm += t
    return okm[:length]


def filler(label, length):
    """Bytes that look random, the same each time."""
    return hashlib.shake_256(label.encode()).digest(length)


def message(magic, ciphers, nonce, pub):
    body = ciphers + nonce + pub
    return magic + (8 + len(body)).to_bytes(4, "big") + body


def array(name, value):
    print(f"static const u8 {name}[] = {{")
    for i in range(0, len(value), 12):
        print("\t" + " ".join(f"0x{b:02x}," for b in value[i:i + 12]))
    print("};\n")


def vector(name, tep, pub_len, es_len, offers, choice):
    nonce_a, nonce_b = (filler(f"{name} N_{x}", 32) for x in "AB")
    pub_a, pub_b = (filler(f"{name} Pub_{x}", pub_len) for x in "AB")
    es = filler(f"{name} ES", es_len)
    transcript = bytes([69, 4, 0x22, tep, 69, 4, 0x01, tep])
    ids = b"".join(c.to_bytes(2, "big") for c in offers)
    init1 = message(INIT1_MAGIC, bytes([len(offers)]) + ids, nonce_a, pub_a)
    init2 = message(INIT2_MAGIC, choice.to_bytes(2, "big"), nonce_b, pub_b)
    ss = extract(nonce_a, transcript + init1 + init2 + es)

    for part in ("nonce_a", "nonce_b", "pub_a", "pub_b", "es", "transcript",
                 "init1", "init2"):
        array(f"{name}_{part}", locals()[part])

    # Session 0 has an empty session nonce, the resumed ones have 16, 3 bytes.
    secrets, nonces, resume, sessid, masters, traffic = ([] for _ in range(6))
    for i, sn_len in enumerate((0, 16, 3)):
        sn = filler(f"{name} sn[{i}]", sn_len)
        secrets.append(ss)
        nonces.append(bytes([sn_len]) + sn.ljust(16, b"\0"))
        resume.append(cprf(ss, RESUME, 18))
        tep_byte = bytes([tep | (0x80 if i else 0)])
        sessid.append(tep_byte + cprf(ss, SESSID + sn, K_LEN))
        mk = cprf(ss, REKEY + sn, K_LEN)
        for _ in range(GENERATIONS):
            masters.append(mk)
            for key_len in AEADS.values():
                for const in (KEY_A, KEY_B):
                    key = cprf(mk, const, key_len + NONCE_LEN)
                    traffic.append(key.ljust(32 + NONCE_LEN, b"\0"))
            mk = cprf(mk, REKEY, K_LEN)
        ss = cprf(ss, NEXTK, K_LEN)
    for part, rows in (("ss", secrets), ("sn", nonces), ("resume", resume),
                       ("sessid", sessid), ("mk", masters),
                       ("traffic", traffic)):
        array(f"{name}_{part}", b"".join(rows))


def p521():
    """FIPS 186-5: the order. NIST CAVP, ECDH CDH primitive, P-521, COUNT 0."""
    array("p521_n", bytes.fromhex(
        "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
        "fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409"))
    array("cavp_scalar", bytes.fromhex(
        "017eecc07ab4b329068fba65e56a1f8890aa935e57134ae0ffcce802735151f4ea"
        "c6564f6ee9974c5e6887a1fefee5743ae2241bfeb95d5ce31ddcb6f9edb4d6fc47"))
    # as on the wire; its y is even
    array("cavp_pub", bytes.fromhex(
        "004502"
        "00685a48e86c79f0f0875f7bc18d25eb5fc8c0b07e5da4f4370f3a949034085433"
        "4b1e1b87fa395464c60626124a4e70d0f785601d37c09870ebf176666877a2046d"))
    array("cavp_es", bytes.fromhex(
        "005fc70477c3e63bc3954bd0df3ea0d1f41ee21746ed95fc5e1fdf90930d5e1366"
        "72d72cc770742d1711c3c3a4c334a0ad9759436a4d3c5bf6e74b9578fac148c831"))


# FIPS 186-5, SP 800-186: p, b, generator
P256 = (2**256 - 2**224 + 2**192 + 2**96 - 1, int(
    "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b", 16),
    int("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
        16))
P521 = (2**521 - 1, int(
    "51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e1"
    "56193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00", 16),
    int("c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dba"
        "a14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66",
        16))
P521_N = int("01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
             "fffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e9138"
             "6409", 16)


def even_y(curve, x):
    """The even y of x, None if x is on no point of the curve."""
    p, b, _ = curve
    y2 = (x**3 - 3 * x + b) % p
    y = pow(y2, (p + 1) // 4, p)
    if x >= p or y * y % p != y2:
        return None
    return p - y if y & 1 else y


def add(p, one, two):
    (x1, y1), (x2, y2) = one, two
    if one == two:
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, p)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, p)
    x = (slope * slope - x1 - x2) % p
    return x, (slope * (x1 - x) - y1) % p


def wire(x, y, length):
    return bytes([0, length + 3, 2 | y & 1]) + x.to_bytes(length, "big")


def points(name, curve, length):
    """Rows: is there a point, x, the even y, the odd y. Small x, around p."""
    p = curve[0]
    some = [int.from_bytes(filler(f"{name} x {i}", length), "big") % p
            for i in range(60)]
    rows = b""
    for x in (*range(40), *range(p - 40, p + 40), *some,
              (1 << 8 * length) - 1):
        y = even_y(curve, x)
        rows += bytes([y is not None])
        for value in (x, y or 0, p - y if y else 0):
            rows += value.to_bytes(length, "big")
    array(f"{name}_points", rows)
    # its y is odd on P-256, even on P-521
    y = even_y(curve, curve[2])
    y = p - y if name == "p256" else y
    array(f"{name}_generator", wire(curve[2], y, length))
    return curve[2], y


def multiples(generator):
    """Rows: scalar, public key: 1 to 40, n - 1 to n - 40, single bits."""
    p, found = P521[0], {1: generator}
    for i in range(2, 41):
        found[i] = add(p, found[i - 1], generator)
    for i in range(1, 41):
        found[P521_N - i] = found[i][0], p - found[i][1]
    power = generator
    for i in range(1, 521):
        power = add(p, power, power)
        found[1 << i] = power
    rows = b"".join(scalar.to_bytes(66, "big") + wire(x, y, 66)
                    for scalar, (x, y) in found.items())
    array("p521_multiples", rows)


print("/* SPDX-License-Identifier: GPL-2.0 */")
print("/* Made by gen_vectors.py; do not edit. */\n")
print(f"#define VECTOR_GENERATIONS {GENERATIONS}")
print(f"#define VECTOR_SESSIONS {SESSIONS}\n")
vector("x25519", 0x23, 32, 32, [0x0001, 0x0002, 0x0010], 0x0002)
vector("p521", 0x22, 69, 66, [0x0010], 0x0010)
p521()
points("p256", P256, 32)
multiples(points("p521", P521, 66))
