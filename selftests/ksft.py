#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The kernel's own tests of TCP sockets, on encrypted connections.

    ksft.py [--long] [TEST ...]

Programs of tools/testing/selftests/net, as ksft/build.sh builds them, run once
without encryption and once with it, and each of their cases must end alike: a
case that fails on plain TCP already is listed and not judged. mptcp_connect
must transfer its files. Captures prove that one world was encrypted and the
other was not. Runs in the guest.
"""

import argparse
import collections
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "ksft"), os.path.join(HERE, "lib")]

import wire                                             # noqa: E402
from world import Failure, World, wait_for              # noqa: E402

MARKER = b"Plaintext-that-nobody-else-shall-read"

# Cases that may end otherwise on encrypted connections: test, case, reason.
KNOWN = [
    ("tls", r"\.single_send_multiple_recv$",
     "the case takes for granted that loopback delivers at once, but data "
     "waits until keys are agreed, and a read ends where a frame does"),
    ("tls", r"\.shutdown_reuse$",
     "the case takes for granted that loopback delivers at once, but the end "
     "of the stream waits until keys are agreed"),
]

# Texts of the kernel's programs that must not be on the wire.
NEEDLES = [b"test_send", b"test_message_before_rekey", b"z" * 64,
           b"abcdefghijklmnopqrstuvwxyz", MARKER]

# How much of each packet is captured, if not all.
SNAPLEN = 256

FAST_OPEN = 34

# What a case ends with that has shown something.
GOOD = {"ok", "exit 0", True}

programs = None


def say(text):
    for line in text.rstrip().splitlines():
        print("# " + line, flush=True)


# --- what a program's output says -------------------------------------------

def by_status(out, status):
    return {"status": status}


def by_ktap(out, status):
    """The harness names a skipped case only before it runs."""
    cases, name = {}, None
    for line in out.splitlines():
        run = re.match(r"#  RUN +(\S+) \.\.\.", line)
        result = re.match(r"(ok|not ok) \d+ (?:(# SKIP)|\S)", line)
        if run:
            name = run.group(1)
        elif result and name:
            cases[name] = "skip" if result.group(2) else result.group(1)
            name = None
    plan = re.search(r"^1\.\.(\d+)$", out, re.M)
    cases["all cases ran"] = bool(plan) and int(plan.group(1)) == len(cases)
    return cases


def by_testcase(out, status):
    """rxtimestamp: one line when a case starts, another when it fails."""
    cases = {"status": status}
    for verb, case in re.findall(r"^(Starting|FAILURE in) (testcase \d+ over "
                                 r"ipv\d)", out, re.M):
        cases[case] = "ok" if verb == "Starting" else "not ok"
    return cases


def by_zerocopy(out, status):
    """msg_zerocopy, io_uring_zerocopy_tx: a line of each end."""
    sent = re.search(r"tx=(\d+) .*?(?:txc=(\d+) zc=(.))?$", out, re.M)
    received = re.search(r"rx=(\d+)", out)
    return {
        "status": status,
        "sent": bool(sent and int(sent.group(1))),
        "received": bool(received and int(received.group(1))),
        "completions": sent and (not int(sent.group(2) or 0) or
                                 sent.group(1) == sent.group(2)),
        "without copy": sent and sent.group(3),
    }


def by_mmap(out, status):
    received = re.search(r"received ([0-9.e+]+) MB", out)
    return {"received": bool(received and float(received.group(1)) > 0)}


# --- how a program is run ---------------------------------------------------

Test = collections.namedtuple("Test", "name run long")


def alone(name, *argv, read=by_status, sysctls=(), timeout=600, opens=None,
          long=False, before=None):
    """Both ends in one program; @opens: connections after which it is stopped,
    for it never ends."""
    def run(world):
        for knob, value, _ in sysctls:
            world.sysctl("lo", "%s=%s" % (knob, value))
        if before:
            world.exec("lo", *before)
        try:
            process = world.start("lo", os.path.join(programs, argv[0]),
                                  *argv[1:])
            try:
                if opens:
                    world.wait_opens("lo", world.opens("lo") + opens)
                    alive = process.popen.poll() is None
            finally:
                if opens:
                    process.signal(signal.SIGKILL)
                out, status = process.end(timeout)
            if opens:
                return {"goes on": alive}, out
        finally:
            for knob, _, value in sysctls:
                world.sysctl("lo", "%s=%s" % (knob, value))
        return read(out, status), out
    return Test(name, run, long)


def pair(name, server, client, port, read, family=4, until=None, long=False):
    """A program at each end. @until: what the server says when it has read
    everything; neither of them ends by itself."""
    def run(world):
        words = {"A": world.A6 if family == 6 else world.A4,
                 "B": world.B6 if family == 6 else world.B4}

        def start(host, argv, **files):
            return world.start(host, os.path.join(programs, argv[0]),
                               *[word.format(**words) for word in argv[1:]],
                               **files)

        with tempfile.TemporaryFile("w+", dir="/run") as said:
            b = start("b", server, stdout=said)
            a = None

            def has_said():
                said.seek(0)
                return until in said.read()
            try:
                world.wait_listen("b", port)
                before = world.opens("b")
                a = start("a", client)
                if until:
                    world.wait_opens("b", before + 1)
                    time.sleep(1)
                    a.signal(signal.SIGTERM)
                out, status = a.end(120)
                if until:
                    wait_for("end at the server", has_said)
            finally:
                if until or sys.exc_info()[0]:
                    for process in (a, b):
                        process and process.signal(signal.SIGKILL)
            out_b, status_b = b.end(120)
            said.seek(0)
            out += said.read() + out_b
        # the server's, if it is the one that failed
        return read(out, status_b if status == "exit 0" else status), out
    return Test(name, run, long)


def zerocopy(family, *options, long=False):
    ends = ("-%d" % family, "-S", "{A}", "-D", "{B}") + options
    return pair(" ".join(("msg_zerocopy", "v%d" % family) + options),
                ("msg_zerocopy",) + ends + ("-t", "1", "-C", "0", "-r", "tcp"),
                ("msg_zerocopy",) + ends + ("-t", "1", "-C", "1", "tcp"),
                8000, by_zerocopy, family, long=long)


def io_uring(family, mode, long=False):
    return pair("io_uring_zerocopy_tx v%d mode %d" % (family, mode),
                ("msg_zerocopy", "-%d" % family, "-S", "{A}", "-D", "{B}",
                 "-t", "1", "-C", "0", "-r", "tcp"),
                ("io_uring_zerocopy_tx", "-%d" % family, "-D", "{B}", "-t",
                 "1", "-m", str(mode), "-n", "1", "tcp"),
                8000, by_zerocopy, family, long=long)


def mmap(family, *options, long=False):
    return pair(" ".join(("tcp_mmap", "v%d" % family) + options),
                ("tcp_mmap", "-%d" % family, "-s") + options,
                ("tcp_mmap", "-%d" % family, "-H", "{B}") + options,
                8787, by_mmap, family, until="received ", long=long)


def fast_open(options, long=False):
    return alone("tcp_fastopen_backup_key " + options,
                 "tcp_fastopen_backup_key", options,
                 before=("ip", "tcp_metrics", "flush"),
                 sysctls=[("net.ipv4.tcp_fastopen", 3, 1)], long=long)


ONE_PORT = [("net.ipv4.ip_local_port_range", "32768 32768", "32768 60999"),
            ("net.ipv4.ip_autobind_reuse", 1, 0)]

TESTS = [
    alone("tls", "tls", read=by_ktap, timeout=600),
    alone("tls_keyed", "tls_keyed", read=by_ktap, timeout=600, long=True),
    # before those that leave its ports in TIME_WAIT
    alone("rxtimestamp", "rxtimestamp", "--tcp", read=by_testcase),
    alone("tcp_inq v4", "tcp_inq", "-4"),
    alone("tcp_inq v6", "tcp_inq", "-6"),
    alone("mptcp_inq v4", "mptcp_inq", "-t", "tcp", "-r", "tcp"),
    alone("mptcp_inq v6", "mptcp_inq", "-6", "-t", "tcp", "-r", "tcp"),
    zerocopy(4, "-z"),
    zerocopy(6, "-z"),
    zerocopy(4, long=True),
    zerocopy(6, long=True),
    io_uring(4, 0, long=True),
    io_uring(4, 1),
    io_uring(6, 2),
    io_uring(6, 3, long=True),
    mmap(4, "-z"),
    mmap(6, "-z", long=True),
    mmap(6, long=True),
    alone("reuseport_bpf", "reuseport_bpf"),
    alone("reuseport_bpf_cpu", "reuseport_bpf_cpu"),
    alone("reuseport_dualstack", "reuseport_dualstack"),
    alone("reuseport_addr_any", "reuseport_addr_any"),
    alone("reuseaddr_conflict", "reuseaddr_conflict"),
    alone("reuseaddr_ports_exhausted", "reuseaddr_ports_exhausted",
          read=by_ktap, sysctls=ONE_PORT),
    alone("stress_reuseport_listen", "stress_reuseport_listen", "30", "80"),
    alone("stress_reuseport_listen, 24,000", "stress_reuseport_listen",
          "300", "80", long=True),
    alone("sk_bind_sendto_listen", "sk_bind_sendto_listen"),
    alone("sk_connect_zero_addr", "sk_connect_zero_addr"),
    alone("so_netns_cookie", "so_netns_cookie"),
    alone("socket", "socket"),
    fast_open("-4"),
    fast_open("-6sr"),
    *[fast_open(options, long=True)
      for options in ("-6", "-4s", "-6s", "-4r", "-6r", "-4sr")],
    alone("fin_ack_lat", "fin_ack_lat", opens=100),
    alone("txtimestamp v4", "txtimestamp", "-4", "-L", "127.0.0.1", "-t",
          "1000000"),
    alone("txtimestamp v6", "txtimestamp", "-6", "-L", "::1", "-t", "1000000"),
]


# --- mptcp_connect ----------------------------------------------------------

# As mptcp_connect.sh has it, but with more loss.
NETEM = ("loss random 1% delay 10ms",
         "delay 2ms reorder 25% 50% gap 5")
SMALL = ("-S", "8192", "-R", "8192")
PEEK = ("-P", "saveWithPeek")
PEEK_AFTER = ("-P", "saveAfterPeek")

Transfer = collections.namedtuple("Transfer", "family mode netem kib options")

TRANSFERS = [
    Transfer(4, "poll", False, 1024, ()),
    Transfer(6, "poll", True, 512, ()),
    Transfer(4, "mmap", True, 512, ()),
    Transfer(6, "sendfile", True, 1024, ()),
    Transfer(4, "sendfile", False, 512, PEEK),
    Transfer(6, "mmap", False, 512, PEEK_AFTER),
    Transfer(4, "poll", False, 1, ("-c", "TCPINQ")),
    Transfer(4, "poll", False, 256, SMALL),
    Transfer(6, "poll", False, 256, ("-I", "3")),
    Transfer(4, "poll", False, 512, ("-f",)),
]


def all_transfers():
    yield from TRANSFERS
    for family in (4, 6):
        for mode in ("poll", "mmap", "sendfile"):
            for netem in (False, True):
                yield Transfer(family, mode, netem, 8192, ())
                for options in (PEEK, PEEK_AFTER):
                    yield Transfer(family, mode, netem, 2048, options)
            yield Transfer(family, mode, True, 256, SMALL)
        for netem in (False, True):
            yield Transfer(family, "poll", netem, 1, ("-c", "TCPINQ"))
            yield Transfer(family, "poll", netem, 256, ("-I", "3"))
            yield Transfer(family, "poll", netem, 1024, ("-f",))
        yield Transfer(family, "poll", True, 64, ("-j",))


def transfer_name(transfer):
    return "mptcp_connect v%d %s%s, %d KiB%s" % (
        transfer.family, transfer.mode, ", netem" if transfer.netem else "",
        transfer.kib, "".join(" " + word for word in transfer.options))


def make_data(path, kib):
    with open(path, "wb") as f:
        for _ in range(kib):
            f.write(os.urandom(1024 - len(MARKER)) + MARKER)


def same(sent, received, transfer):
    """What is wrong with what was received, or None."""
    with open(sent, "rb") as f, open(received, "rb") as g:
        want, got = f.read(), g.read()
    if "-I" in transfer.options:
        want *= 3
    if "-f" in transfer.options:
        if not want.startswith(got):
            return "not what was sent"
    elif want != got:
        return "%d bytes, %d were sent%s" % (
            len(got), len(want),
            ", not the same" if len(got) == len(want) else "")
    return None


def run_transfer(world, transfer, directory, port):
    """Returns what went wrong, or an empty text."""
    address = world.B6 if transfer.family == 6 else world.B4
    files = {name: os.path.join(directory, name)
             for name in ("a.in", "a.out", "b.in", "b.out")}
    for host, netem in zip("ab", NETEM):
        world.netem(host, netem if transfer.netem else "")
        make_data(files[host + ".in"], transfer.kib)

    def start(host, *options):
        if "-I" in transfer.options:
            options += ("-i", files[host + ".in"])
        with open(files[host + ".in"], "rb") as stdin, \
                open(files[host + ".out"], "wb") as stdout:
            return world.start(
                host, os.path.join(programs, "mptcp_connect"), "-t", "60",
                "-s", "TCP", "-m", transfer.mode, "-p", str(port), *options,
                address, stdin=stdin, stdout=stdout)

    options = transfer.options
    if "-f" in options:
        # the client stops half-way and resets, which the server endures
        b = start("b", "-l", "-f", "-1")
        options = ("-f", str(transfer.kib * 512))
    else:
        b = start("b", "-l", *options)
    trouble = []
    try:
        world.wait_listen("b", port)
        out, status = start("a", *options).end(120)
        trouble += [] if status == "exit 0" else ["client: " + status, out]
    except Failure as error:
        trouble.append(str(error))
        b.signal(signal.SIGKILL)
    out, status = b.end(120)
    trouble += [] if status == "exit 0" else ["server: " + status, out]
    for sent, received in (("a.in", "b.out"), ("b.in", "a.out")):
        wrong = same(files[sent], files[received], transfer)
        trouble += ["%s: %s" % (received, wrong)] if wrong else []
    return "\n".join(trouble)


# --- the wire ---------------------------------------------------------------

class Seen:
    """What a capture shows, connection by connection."""

    def __init__(self, path):
        self.payload = self.connections = 0
        self.needles = set()
        flows = {}
        for s in wire.segments(path):
            ends = sorted([(s.src, s.sport), (s.dst, s.dport)])
            flow = flows.setdefault(tuple(ends), {})
            if s.flags & wire.SYN:
                key = "answer" if s.flags & wire.ACK else "offer"
                flow[key] = s.has(wire.ENO)
                # refused by ENO: a cookie or data in the SYN
                flow["fast open"] = (s.length > 0 or s.has(FAST_OPEN) or
                                     flow.get("fast open"))
            if s.length and not s.flags & wire.SYN:
                flow["payload"] = True
                self.payload += s.length
            for needle in NEEDLES:
                if needle in s.payload and not flow.get("fast open"):
                    self.needles.add(needle)
        self.flows = {ends: flow for ends, flow in flows.items()
                      if flow.get("payload") and not flow.get("fast open")}
        self.plain = [ends for ends, flow in self.flows.items()
                      if not (flow.get("offer") and flow.get("answer"))]


# --- the tests --------------------------------------------------------------

class Results:
    """KTAP, and the figures of the last lines."""

    def __init__(self):
        self.tests = self.failures = 0
        self.count = collections.Counter()

    def result(self, good, name):
        self.tests += 1
        self.failures += not good
        print("%sok %d %s" % ("" if good else "not ", self.tests, name),
              flush=True)

    def compare(self, test, plain, crypt):
        """Results of one test in both worlds: (cases, output) or an error."""
        for result in (plain, crypt):
            if isinstance(result, Exception):
                say("%s: %s" % (type(result).__name__, result))
                self.result(False, test.name)
                return
        good = GOOD & set(plain[0].values())
        if not good:
            say("it fails without encryption:")
        self.count["programs"] += 1
        known = self.count["known to differ"]
        for case in sorted(set(plain[0]) | set(crypt[0])):
            if not self.judge(test, case, plain[0].get(case, "missing"),
                              crypt[0].get(case, "missing"), crypt[1]):
                good = False
        if (test.name.split()[0] in [name for name, every, _ in KNOWN
                                     if not every] and
                known == self.count["known to differ"]):
            say("%s differs no more: remove it from KNOWN" % test.name)
        if not good:
            say("its last lines, with encryption:")
            say(crypt[1][-1500:])
        self.result(good, test.name)

    def judge(self, test, case, plain, crypt, out):
        self.count["cases"] += 1
        if plain not in GOOD | {"skip", "missing"} and case != "without copy":
            self.count["not judged"] += 1
            say("%s: %s: fails without encryption too" % (test.name, case))
            return True
        if plain == crypt:
            self.count["skipped"] += plain == "skip"
            return True
        for name, pattern, reason in KNOWN:
            if test.name.split()[0] == name and re.search(pattern, case):
                self.count["known to differ"] += 1
                say("%s: %s differs: %s" % (test.name, case, reason))
                return True
        self.count["differing"] += 1
        say("%s: %s: %s without encryption, %s with it" % (
            test.name, case, plain, crypt))
        lines = re.search(r"^#  RUN +%s \.\.\.\n(?:(?!not ok).*\n)*" %
                          re.escape(case), out, re.M)
        if lines:
            say(lines.group())
        return False


def in_world(world, tests, results):
    for test in tests:
        try:
            results.put(test.run(world))
        except Exception as error:      # whoever waits for it must know
            results.put(error)


def compare_worlds(plain, crypt, tests, results):
    queues = []
    for world in (plain, crypt):
        queues.append(queue.Queue())
        threading.Thread(target=in_world, args=(world, tests, queues[-1]),
                         daemon=True).start()
    for test in tests:
        begin = time.monotonic()
        results.compare(test, *[q.get() for q in queues])
        say("%s: %.1f s" % (test.name, time.monotonic() - begin))


def transfers(plain, crypt, wanted, directory, results):
    for i, transfer in enumerate(wanted):
        name, begin = transfer_name(transfer), time.monotonic()
        trouble = run_transfer(crypt, transfer, directory, 12000 + i)
        results.count["transfers"] += 1
        if trouble:
            say(trouble)
            if run_transfer(plain, transfer, directory, 12000 + i):
                results.count["not judged"] += 1
                say("fails without encryption too")
                trouble = None
        results.result(not trouble, name)
        say("%s: %.1f s" % (name, time.monotonic() - begin))


def judge_wire(name, plain, crypt, results):
    for needle in sorted(crypt.needles):
        say("on the wire: %s" % needle.decode())
    for ends in crypt.plain:
        say("without ENO: ports %s" % [port for _, port in ends])
    results.result(
        crypt.payload and not crypt.needles and not crypt.plain,
        "the wire, %s: ENO on each connection with data, no plaintext" % name)
    say("%d connections with data, %d bytes" % (len(crypt.flows),
                                                crypt.payload))
    if plain.flows:
        results.result(
            plain.needles and len(plain.plain) == len(plain.flows),
            "the wire, %s, without encryption: plaintext" % name)


def main():
    global programs
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("tests", nargs="*", metavar="TEST",
                        help="how a name begins")
    args = parser.parse_args()

    def wanted(name, long=False):
        if args.tests:
            return name.startswith(tuple(args.tests))
        return args.long or not long

    programs = subprocess.run(
        [os.path.join(HERE, "ksft/build.sh"), "-n"],
        stdout=subprocess.PIPE, text=True).stdout.strip()
    if not programs:
        return 1
    print("KTAP version 1", flush=True)
    # not in /tmp: the programs see another one
    results, directory = Results(), tempfile.mkdtemp(dir="/run")
    subprocess.run(["modprobe", "-a", "veth", "sch_netem"],
                   stderr=subprocess.DEVNULL)
    # No ULP "tls", or tls.c would test that one; veth and netem are loaded
    with open("/proc/sys/kernel/modprobe", "w", encoding="utf-8") as f:
        f.write("\n")

    plain, crypt = World("plain", 0), World("crypt", 1)
    captures = {}
    for world in (plain, crypt):
        for host, interface in (("lo", "lo"), ("b", "eth0")):
            path = os.path.join(directory, world.ns(host))
            captures[world.ns(host)] = world.capture(host, interface, path,
                                                     SNAPLEN)
    tests = [test for test in TESTS if wanted(test.name, test.long)]
    compare_worlds(plain, crypt, tests, results)
    chosen = [t for t in (all_transfers() if args.long else TRANSFERS)
              if wanted(transfer_name(t))]
    transfers(plain, crypt, chosen, directory, results)

    for capture in captures.values():
        capture.end()
    for host in ("lo", "b"):
        seen = [Seen(captures[world.ns(host)].path)
                for world in (plain, crypt)]
        if seen[1].flows:
            judge_wire(host, *seen, results)
    say(", ".join("%d %s" % (value, name)
                  for name, value in results.count.items()))
    print("1..%d" % results.tests)
    shutil.rmtree(directory)
    return 1 if results.failures else 0


if __name__ == "__main__":
    sys.exit(main())
