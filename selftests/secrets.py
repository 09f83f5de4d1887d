#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Are secrets wiped when their use ends? A guest's memory is searched.

    secrets.py [--long] [-o DIR] [CASE,TEP,AEAD | aesni ...]

aesni: what comes after it has the driver for AES instructions.

On this machine, which starts a guest. secrets/world.py opens, rekeys, resumes,
aborts and closes connections there, both ends of each. Here all secrets are
known: QEMU's gdbstub stops the guest when an Init message is sent and when a
session secret is agreed, and shows the ephemeral key pairs and ss[i]. That
these are the real ones is proved by the public keys in Init1 and Init2, by
computing ss[0] from private key, messages and transcript as RFC 8548, section
3.3, has it, and by the session ID that getsockopt() returns. All other secrets
are derived here.

At each point the guest is stopped and the whole of its memory searched, at
every address, for each aligned eight bytes of each secret and of what it looks
like in use (lib/keyforms.py). What is in use must be found, whole, and no
oftener than it should be; of all else, of this connection and of those before,
not eight bytes may be. Pages and slab objects are not cleared when allocated
(init_on_alloc=0), lest that hides what was left in them.
"""

import argparse
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "lib"))
from debug import DIRECT_MAP, PAGE, Debugger, qemu_arguments
from keyforms import expand, hmac_key, swapped, words
from peer import (AES128, AES256, CHACHA, CONST_KEY_A, CONST_KEY_B,
                  CONST_NEXTK, CONST_REKEY, CONST_SESSID, CURVE25519, CURVE448,
                  K_LEN, NONCE_LEN, P256, P521, Failure, cprf, equal, extract,
                  require)

MEMORY = "512M"
PIECE = 8
LOOKS = 4           # RCU and work items may still be at it
SHOWN = 40
TEPS = {"Curve25519": CURVE25519, "Curve448": CURVE448, "P256": P256,
        "P521": P521}
AEADS = {"AES_128_GCM": (AES128, 16), "AES_256_GCM": (AES256, 32),
         "CHACHA20_POLY1305": (CHACHA, 32)}
QUICK = ["life,Curve25519,AES_128_GCM", "life,P256,CHACHA20_POLY1305",
         "aesni", "aborted,Curve448,AES_256_GCM", "failing,P521,AES_128_GCM",
         "unanswered,Curve25519,AES_128_GCM",
         "unload,Curve25519,AES_256_GCM"]
LONG = (["life,%s,AES_256_GCM" % tep for tep in TEPS] + ["aesni"] +
        ["life,%s,%s" % (tep, aead) for tep in TEPS for aead in AEADS] +
        ["aborted,%s,%s" % pair for pair in zip(TEPS, list(AEADS) * 2)] +
        ["%s,%s,AES_128_GCM" % (case, tep) for tep in TEPS
         for case in ("failing", "unanswered")] +
        ["late,Curve25519,AES_128_GCM", "unload,P521,CHACHA20_POLY1305"])
# What has secrets on the stack, or calls what has
WATCHED = ("x25519_agree", "x448_agree", "p256_agree", "p521_agree",
           "tcpcrypt_establish", "tcpcrypt_cipher_init",
           "tcpcrypt_rekey_seal", "tcpcrypt_rekey_open",
           "tcpcrypt_cipher_seal", "tcpcrypt_cipher_open")
P256_ORDER = int("ffffffff00000000ffffffffffffffff"
                 "bce6faada7179e84f3b9cac2fc632551", 16)
STACK = 16384
GENERATIONS = 3     # that a case sees


# --- key pairs ---------------------------------------------------------------

def private_keys(tep, window):
    """Yields (private key, public key on the wire) for bytes of memory."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, x25519, x448
    if tep in (CURVE25519, CURVE448):
        make = {CURVE25519: x25519.X25519PrivateKey,
                CURVE448: x448.X448PrivateKey}[tep]
        key = make.from_private_bytes(window)
        yield key, key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return
    curve = {P256: ec.SECP256R1, P521: ec.SECP521R1}[tep]()
    for order in ("big", "little"):
        try:
            key = ec.derive_private_key(int.from_bytes(window, order), curve)
        except ValueError:
            continue
        point = key.public_key().public_bytes(
            serialization.Encoding.X962,
            serialization.PublicFormat.CompressedPoint)
        yield key, struct.pack("!H", 2 + len(point)) + point


def agree(key, tep, public):
    from cryptography.hazmat.primitives.asymmetric import ec, x25519, x448
    if tep == CURVE25519:
        return key.exchange(x25519.X25519PublicKey.from_public_bytes(public))
    if tep == CURVE448:
        return key.exchange(x448.X448PublicKey.from_public_bytes(public))
    peer = ec.EllipticCurvePublicKey.from_encoded_point(key.curve, public[2:])
    return key.exchange(ec.ECDH(), peer)


KEY_LENGTHS = {CURVE25519: (32, 32), CURVE448: (56, 56), P256: (32, 35),
               P521: (66, 69)}


def find_private(debugger, tep, sent):
    """The key pair of a handshake, whose Init message stands at sent.

    struct tcpcrypt_hs points to it a little before; the kernel's has the key
    itself one pointer further.
    """
    length, public_length = KEY_LENGTHS[tep]
    public = sent[1][-public_length:]
    near = debugger.direct((sent[0] & -8) - 64, 64)
    objects = [(p, 1) for p in pointers(near)]
    seen = set()
    while objects:
        address, depth = objects.pop(0)
        if address in seen:
            continue
        seen.add(address)
        data = debugger.direct(address, 512)
        for at in range(0, len(data) - length + 1, 8):
            window = data[at:at + length]
            if len(set(window)) < length // 2:
                continue
            for key, made in private_keys(tep, window):
                if made == public:
                    return key, window
        if depth:
            objects += [(p, depth - 1) for p in pointers(data[:64])]
    raise Failure("private key not found")


def pointers(data):
    for value in struct.unpack("<%dQ" % (len(data) // 8), data):
        if value >> 44 == DIRECT_MAP >> 44:
            yield value


# --- what is known -----------------------------------------------------------

class Secret:
    """A secret in its forms; the first ones are those that it has in use."""

    def __init__(self, name, data, used=(), forms=()):
        self.name, self.data = name, data
        self.used = [("itself", data)] + list(used)
        self.forms = list(forms)

    def pieces(self):
        """Yields (piece, form, offset, in use)."""
        for use, forms in ((True, self.used), (False, self.forms)):
            for form, data in forms:
                for at in list(range(0, len(data) - PIECE + 1, PIECE)):
                    piece = data[at:at + PIECE]
                    if len(set(piece)) > 4:
                        yield piece, form, at, use


class Session:
    """Secrets of one session, as they become known."""

    def __init__(self, label, tep, aead):
        self.label, self.tep = label, TEPS[tep]
        self.aead, self.key_length = AEADS[aead]
        self.inits, self.private = [], []
        self.agreed = {}    # (ss, sn) at each end, by its context
        self.secrets = {}
        self.generation = 0
        self.number = 0     # i of ss[i]
        self.ss = None
        self.calls = {}     # that were watched
        self.left = []      # what they left on the stack

    def add(self, name, data, *args):
        self.secrets[name] = Secret("%s: %s" % (self.label, name), data,
                                    *args)

    def hash_key(self, name, data):
        """A key of HMAC, which is a hash value, too."""
        self.add(name, data, (), list(hmac_key(data)) +
                 [("hash state", swapped(data))])

    def init_sent(self, debugger, address, length):
        message = debugger.direct(address, length)
        if message in self.inits:
            return      # stopped there twice
        role = "AB"[len(self.inits)]
        self.inits.append(message)
        key, window = find_private(debugger, self.tep, (address, message))
        self.private.append(key)
        forms = [("reversed", window[::-1])]
        if self.tep == P256:
            # what the kernel multiplies by
            number = key.private_numbers().private_value
            forms += [("plus %d n" % n, (number + n * P256_ORDER).to_bytes(
                33, "little")) for n in (1, 2)]
        self.add("private key of " + role, window, (), forms)
        if len(self.inits) == 2:
            self.agree_on_es()

    def agree_on_es(self):
        init1, init2 = self.inits
        public = KEY_LENGTHS[self.tep][1]
        es = agree(self.private[0], self.tep, init2[-public:])
        equal(es, agree(self.private[1], self.tep, init1[-public:]), "ES")
        self.add("ES", es, (), [("reversed", es[::-1])])

    def agree(self, transcript):
        """ss[0] from what is on the wire and a private key."""
        init1, init2 = self.inits
        es = self.secrets["ES"].data
        nonce_a = init1[9 + 2 * init1[8]:][:NONCE_LEN]
        head = transcript + init1 + init2
        self.secrets["ES"].forms += words(
            bytes(64) + head + es, 64 + len(head), 64 + len(head) + len(es))
        return extract(nonce_a, head + es)

    def open(self, facts):
        """Both ends have agreed; facts: from getsockopt()."""
        require(len(self.agreed) == 2, "%d ends agreed" % len(self.agreed))
        (ss, sn), other = self.agreed.values()
        equal(other, (ss, sn), "secret and nonce at the other end")
        if self.number == 0:
            equal(ss, self.agree(bytes.fromhex(facts["transcript"])), "ss[0]")
        else:
            equal(ss, self.ss, "ss[%d]" % self.number)
        sessid = bytes.fromhex(facts["sessid"])
        equal(sessid[1:], cprf(ss, CONST_SESSID + sn, K_LEN), "session ID")
        self.number += 1
        self.ss = cprf(ss, CONST_NEXTK, K_LEN)
        self.generation = 0

    def ends_agreed(self, ctx, ss, sn):
        """An end has; all keys are known before they are used."""
        self.agreed[ctx] = (ss, sn)
        if len(self.agreed) == 2:
            return
        self.hash_key("ss[%d]" % self.number, ss)
        self.hash_key("ss[%d]" % (self.number + 1),
                      cprf(ss, CONST_NEXTK, K_LEN))
        mk = cprf(ss, CONST_REKEY + sn, K_LEN)
        for generation in range(GENERATIONS):
            self.add_generation(generation, mk)
            mk = cprf(mk, CONST_REKEY, K_LEN)

    def name(self, what):
        """Of a key of this generation."""
        return "%s[%d] under ss[%d]" % (what, self.generation,
                                        self.number - 1)

    def add_generation(self, generation, mk):
        under = "[%d] under ss[%d]" % (generation, self.number)
        self.hash_key("mk" + under, mk)
        for what, const in (("k_ab", CONST_KEY_A), ("k_ba", CONST_KEY_B)):
            okm = cprf(mk, const, self.key_length + 12)
            key = okm[:self.key_length]
            if self.aead == CHACHA:
                used = []
            else:
                from cryptography.hazmat.primitives.ciphers import (
                    Cipher, algorithms, modes)
                ecb = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
                used = [("round keys", expand(key)),
                        ("hash key", ecb.update(bytes(16)))]
            self.add(what + under, key, used,
                     [("hash state", swapped(okm[:32])),
                      ("hash state", swapped(okm[32:]))])

    def live(self, point):
        """{name: copies at most} of what is in use."""
        mk, ab, ba = (self.name(w) for w in ("mk", "k_ab", "k_ba"))
        ticket = {"ss[%d]" % self.number: 2}
        # two ends; AES decrypts last with the key, or half of it
        n = 2 if self.aead == CHACHA else 4
        keys = {mk: 4, ab: n, ba: n}
        return {"keying": {"private key of A": 1},
                "open": dict(keys, **ticket),
                # the ciphers have given their keys back
                "at rest": dict({mk: 4}, **ticket),
                "woken": dict(keys, **ticket),
                "rekeyed": dict(keys, **ticket),
                "half closed": dict({mk: 2, ba: n}, **ticket),
                "closed": ticket, "resumed": dict(keys, **ticket),
                "flushed": keys, "aborted": ticket,
                # host B knows nothing of it yet
                "failed": {"ss[1]": 1}}.get(point, {})


# --- the search --------------------------------------------------------------

class Search:
    """All secrets so far, and where they are."""

    def __init__(self, debugger, directory, symbols):
        self.debugger, self.directory = debugger, directory
        self.symbols = symbols
        self.program = os.path.join(directory, "search")
        subprocess.run(["cc", "-O2", "-o", self.program,
                        os.path.join(HERE, "secrets/search.c")], check=True)
        self.searches = self.pieces = 0
        self.seconds = 0.0

    def places(self, sessions):
        """[(address, [(secret, form, offset, in use)])]"""
        known = {}
        for session in sessions:
            for secret in session.secrets.values():
                for piece, *rest in secret.pieces():
                    known.setdefault(piece, []).append((secret, *rest))
        needles = list(known)
        path = os.path.join(self.directory, "needles")
        with open(path, "wb") as f:
            f.write(b"".join(needles))
        begin = time.monotonic()
        lines = subprocess.run(
            [self.program, self.debugger.ram_path, path], check=True,
            stdout=subprocess.PIPE, text=True).stdout.splitlines()
        self.seconds += time.monotonic() - begin
        self.searches += 1
        self.pieces = max(self.pieces, len(needles))
        return [(int(at), known[needles[int(n)]])
                for n, at in map(str.split, lines)]

    def judge(self, sessions, session, point):
        """Returns (complaints, copies of what is in use)."""
        live = {session.secrets[name]: most
                for name, most in session.live(point).items()
                if name in session.secrets} if session else {}
        found, complaints = {}, []
        for at, meanings in self.places(sessions):
            good = [m for m in meanings if m[0] in live and m[3]]
            if not good:
                complaints.append((at, meanings[0]))
            for secret, form, offset, _ in good:
                if form == "itself":
                    found.setdefault(secret, {}).setdefault(
                        at - offset, set()).add(offset)
        lines = self.describe(complaints)
        copies = {}
        for secret, most in live.items():
            whole = {o for _, f, o, _ in secret.pieces() if f == "itself"}
            places = found.get(secret, {})
            copies[secret] = [at for at, have in places.items()
                              if have >= whole]
            if not copies[secret]:
                lines.append("%s: not found, and it is in use" % secret.name)
            if len(places) > most:
                lines.append("%s: %d times" % (secret.name, len(places)))
                lines += self.describe([(at, (secret, "itself", 0, True))
                                        for at in places])
        return lines, copies

    def describe(self, complaints):
        """Lines for [(address, (secret, form, offset, in use))]."""
        runs = {}
        for at, (secret, form, offset, _) in complaints:
            runs.setdefault((secret.name, form, at - offset), []).append(
                offset)
        lines = []
        pages = self.debugger.vmalloc_pages(
            self.symbols["init_top_pgt"]) if runs else {}
        for (name, form, begin), offsets in list(runs.items())[:SHOWN]:
            at = begin + offsets[0]
            virtual = pages.get(at & -PAGE)
            lines.append("%s, %s, bytes %d to %d: at %s %x" % (
                name, form, offsets[0], offsets[-1] + PIECE - 1,
                "stack" if virtual else "page or slab",
                virtual + at % PAGE if virtual else DIRECT_MAP + at))
            near = self.code_near(at)
            if near:
                lines.append("    near " + " ".join(near))
        if len(runs) > SHOWN:
            lines.append("and %d more" % (len(runs) - SHOWN))
        return lines

    def code_near(self, at):
        """Return addresses around: on a stack they tell whose frame it is."""
        names = []
        begin = max(at & -8, 512) - 512
        data = self.debugger.ram[begin:begin + 1024]
        for value, in struct.iter_unpack("<Q", data[:len(data) & -8]):
            name = self.symbols.name_of(value)
            if name and name not in names:
                names.append(name)
        return names


class Symbols(dict):
    """kallsyms"""

    def __init__(self, path):
        super().__init__()
        self.text, self.module = [], {}
        with open(path, encoding="ascii") as f:
            for line in f:
                address, kind, name = line.split()[:3]
                address = int(address, 16)
                self.setdefault(name, address)
                if line.endswith("[tcpcrypt]\n"):
                    self.module.setdefault(name, []).append(address)
                if kind in "tT" and address >> 32 == 0xffffffff:
                    self.text.append((address, name))
        self.text.sort()

    def every(self, name):
        """Its addresses in the module: static functions may be several."""
        return self.module.get(name, [])

    def name_of(self, address):
        from bisect import bisect
        i = bisect(self.text, (address, "\xff")) - 1
        if i < 0 or address - self.text[i][0] > 0x4000 or \
                address >> 32 != 0xffffffff:
            return None
        return "%s+%x" % (self.text[i][1], address - self.text[i][0])


# --- the guest ---------------------------------------------------------------

class Run:
    """One guest from boot to end."""

    def __init__(self, cases, out, private):
        self.out, self.private = out, private
        self.sessions, self.session = [], None
        self.points = self.tests = self.failures = 0
        self.search = self.armed = None
        self.at, self.watched, self.returns = {}, set(), {}
        self.case = ""
        self.cases = iter([case for case in cases if case != "aesni"])
        self.process = subprocess.Popen(
            [os.path.join(HERE, "guest/guest.py"), "-o", out, "-t", "3000",
             "-m", MEMORY, "-c", "1", "-a", "nokaslr init_on_alloc=0",
             "--qemu=" + qemu_arguments(private, MEMORY), "--",
             os.path.join(HERE, "guest/session.sh"),
             os.path.join(HERE, "secrets/world.py")] + cases,
            stdin=subprocess.DEVNULL)
        self.debugger = Debugger(private)
        self.debugger.go()

    def result(self, good, name, lines=()):
        for line in lines:
            print("# " + line)
        self.tests += 1
        self.failures += not good
        print("%sok %d %s" % ("" if good else "not ", self.tests, name),
              flush=True)

    # breakpoints

    def loaded(self):
        symbols = Symbols(os.path.join(self.out, "kallsyms"))
        self.watched = {address for name in WATCHED
                        for address in symbols.every(name)}
        self.at = {address: name for name in WATCHED + ("tcpcrypt_tx_raw",)
                   for address in symbols.every(name)}
        for address in self.at:
            self.debugger.set_point(address)
        self.search = Search(self.debugger, self.private, symbols)

    def breakpoint(self, address):
        if address in self.returns:
            self.returned(address)
        if address not in self.at:
            return self.debugger.go()
        registers = self.debugger.registers()
        name = self.at[address]
        if name == "tcpcrypt_tx_raw":
            self.session.init_sent(self.debugger, registers["rdx"],
                                   registers["rcx"] & 0xffffffff)
        elif name == "tcpcrypt_establish":
            data = self.debugger.read(registers["rdx"], 49)
            self.session.ends_agreed(registers["rsi"], data[:32],
                                     data[32:][:data[48]])
        if address in self.watched:
            self.called(name, registers["rsp"])
        if not self.armed or self.armed["function"] != name:
            pass
        elif self.armed["skip"]:
            self.armed["skip"] -= 1
        else:
            register = self.armed["register"]
            self.debugger.set_register(
                register, registers[register] ^ self.armed["value"]
                if self.armed["value"] else 0)
            self.armed = None
        self.debugger.go()

    def called(self, name, sp):
        """On entry: look again when it returns."""
        back = struct.unpack("<Q", self.debugger.read(sp, 8))[0]
        calls = self.returns.setdefault(back, [])
        if (sp, name) not in calls:
            calls.append((sp, name))
        self.debugger.set_point(back)

    def returned(self, address):
        """What is left below the stack pointer?"""
        registers = self.debugger.registers()
        calls = self.returns[address]
        for i, (sp, name) in enumerate(calls):
            if registers["rsp"] == sp + 8:
                break
        else:
            return      # another task's
        del calls[i]
        if not calls:
            del self.returns[address]
            self.debugger.clear_point(address)
        self.session.calls[name] = self.session.calls.get(name, 0) + 1
        at = sp & -STACK
        stack = b""
        while at < sp:
            stack += self.debugger.read(at, min(1024, sp - at))
            at += 1024
        pieces = {piece: (secret, form, offset)
                  for secret in self.session.secrets.values()
                  for piece, form, offset, _ in secret.pieces()}
        for i in range(len(stack) - PIECE + 1):
            found = pieces.get(stack[i:i + PIECE])
            if found:
                self.session.left.append("%s: %s, %s, byte %d, %d below" % (
                    name, found[0].name, found[1], found[2], len(stack) - i))

    # points

    def look(self, name):
        for look in range(LOOKS):
            if self.debugger.stop() is not None:
                raise Failure("%s: not at rest" % name)
            lines, copies = self.search.judge(self.sessions, self.session,
                                              name)
            self.debugger.go()
            if not lines:
                break
            time.sleep(2)
        if look and not lines:
            print("# at look %d" % (look + 1))
        for secret, places in copies.items():
            print("# %s: %d in use" % (secret.name, len(places)))
        self.result(not lines, "%s: %s" % (self.case, name), lines)

    def point(self, facts):
        name = facts.pop("point")
        if name == "loaded":
            self.debugger.stop()
            self.loaded()
            self.debugger.go()
        elif name == "fresh":
            self.case = next(self.cases)
            self.session = Session(self.case, facts["tep"], facts["aead"])
            self.sessions.append(self.session)
        elif name == "arm":
            self.armed = dict({"skip": 0}, **facts)
        else:
            if name in ("open", "resumed"):
                self.session.open(facts)
                print("# " + facts["driver"])
            if name == "closed":
                self.session.agreed = {}
            if name == "rekeyed":
                self.session.generation += 1
            self.look(name)
            if name in ("gone", "unloaded"):
                calls = self.session.calls
                print("# " + ", ".join("%d %s" % (n, f)
                                       for f, n in sorted(calls.items())))
                # without an answer there is but a key pair
                seen = calls or len(self.session.inits) < 2
                self.result(seen and not self.session.left,
                            self.case + ": stacks", self.session.left[:SHOWN])

    def run(self):
        while self.process.poll() is None:
            try:
                address = self.debugger.hit(0.05)
            except (EOFError, ConnectionError):
                break
            if address is not None:
                self.breakpoint(address)
                continue
            path = os.path.join(self.out, "point.%d" % (self.points + 1))
            if os.path.exists(path):
                self.points += 1
                with open(path, encoding="ascii") as f:
                    self.point(json.load(f))
                open(os.path.join(self.out, "go.%d" % self.points),
                     "w").close()
        return self.process.wait()


def planned(cases):
    """Points at which memory is searched, and one for the stacks."""
    of = {"life": 10, "aborted": 3, "failing": 2, "unanswered": 3, "late": 3,
          "unload": 3}
    return sum(of[case.split(",")[0]] + 1 for case in cases
               if case != "aesni")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("-o", "--out", metavar="DIR")
    parser.add_argument("cases", nargs="*", metavar="CASE,TEP,AEAD")
    args = parser.parse_args()
    cases = args.cases or (LONG if args.long else QUICK)
    out = os.path.abspath(args.out) if args.out else tempfile.mkdtemp(
        prefix="secrets.")
    os.makedirs(out, exist_ok=True)
    for name in os.listdir(out):
        if re.match(r"(point|go)\.", name):
            os.unlink(os.path.join(out, name))
    # the guest does not look there
    private = tempfile.mkdtemp(prefix="secrets.")
    print("KTAP version 1\n1..%d" % planned(cases), flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    run, status = None, 1
    try:
        run = Run(cases, out, private)
        status = run.run()
    except Failure as error:
        print("# %s" % error)
        run.result(False, run.case)
    finally:
        if run:
            run.process.terminate()
            run.process.wait()
        shutil.rmtree(private)
    if run and run.search:
        print("# %d searches for %d pieces at most, %.1f s each" % (
            run.search.searches, run.search.pieces,
            run.search.seconds / max(run.search.searches, 1)))
    if not status and not args.out:
        shutil.rmtree(out)
    return 1 if status or run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
