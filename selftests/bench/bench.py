#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Measure systems in a guest that counts instructions.

    bench.py [--quick] [--runs N] [-r N] [-o DIR] [--json FILE] [--profile]
             [SYSTEM ...] [METRIC[:UNITS] ...]

Without a system all are measured, without a metric all; floor is a system
too. UNITS is the work of one repeat: bytes, round trips or connections.

One processor, one instruction a nanosecond, both hosts in two network
namespaces: what is printed is the sum of all instructions of both, idle time
aside. --profile runs each metric under perf and leaves its reports in DIR.
"""

import argparse
import glob
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import floor  # noqa: E402
import report  # noqa: E402

CIPHERS = ("aes128", "aes256", "chacha")
PLAIN = ["tcp", "tcp-off", "tcp-peer"]
IN_TCP = (PLAIN + ["tcpcrypt-" + c for c in CIPHERS] +
          ["ktls-" + c for c in CIPHERS])
OTHERS = ["tls", "tls-ktls", "wireguard", "ipsec", "ipsec-offload", "stunnel"]
SYSTEMS = ["floor"] + IN_TCP + OTHERS

# Which systems, then metrics with the units of a repeat: in one guest each.
# What does not depend on the cipher is measured with one.
ONE_CIPHER = ["tcp", "tcpcrypt-aes128", "ktls-aes128"]
FULL = [
    (["floor"] + IN_TCP + OTHERS,
     "bulk-131072:16777216 bulk-16384:16777216 bulk-1024:4194304 "
     "bulk-64:131072 small-64:1048576 rtt-64:1000 rtt-1024:1000 conn:100 "
     "conn-resumed:100 memory-1024:600"),
    (ONE_CIPHER + ["wireguard", "ipsec", "ipsec-offload"],
     "bulk-131072@nogso:4194304 bulk-131072@nogso576:4194304 "
     "bulk-131072@nogso9000:4194304 bulk-131072@mtu576:8388608 "
     "bulk-131072@mtu9000:8388608"),
    (ONE_CIPHER + ["tls"],
     "first-1@delay10:1 first-1048576@delay10:1 fair-100:33554432 "
     "softirq-131072:134217728"),
    (ONE_CIPHER, "among-10:41943040 among-10000:41943040 more-10:200 "
                 "more-10000:200"),
]
QUICK = [
    (["floor"] + IN_TCP + ["tls", "tls-ktls", "wireguard", "ipsec",
                           "ipsec-offload", "stunnel"],
     "bulk-131072:1048576 rtt-64:100 conn:5 conn-resumed:10"),
    (ONE_CIPHER, "small-64:262144 rtt-1024:100 bulk-131072@nogso:524288 "
                 "bulk-131072@nogso576:524288"),
]
# Not counted, but timed.
WALL = (IN_TCP, "bulk-131072:67108864 rtt-64:2000")

# "rep movsb" is one instruction for each byte. The self-tests of the kernel's
# crypto fail for random numbers: nothing jitters where instructions are time.
COUNTING = ["--icount", "-a", "clearcpuid=erms cryptomgr.notests=1",
            "-e", "GLIBC_TUNABLES=glibc.cpu.hwcaps=-ERMS"]


def build():
    env = dict(os.environ)
    if not env.get("KDIR"):
        env["KDIR"] = output_of(
            [os.path.join(TOP, "selftests/guest/kdir.sh")])
    for where, target in ((TOP, "module"), (HERE, "all")):
        done = subprocess.run(["make", "-s", "-C", where, target], env=env,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            sys.exit(done.stdout + "error: cannot build what is measured")
    return env["KDIR"]


def output_of(command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE,
                          text=True).stdout.strip()


def about(kdir):
    """What was measured, for the reader of the results."""
    with open(os.path.join(kdir, "include/generated/utsrelease.h")) as f:
        kernel = f.read().split('"')[1]
    version = output_of(["qemu-system-x86_64", "--version"])
    return {"kernel": kernel, "sources": sources(),
            "qemu": re.search(r"version (\S+)", version).group(1)}


def sources():
    """A hash of the module's sources."""
    found = hashlib.sha256()
    paths = glob.glob(os.path.join(TOP, "net/**/*.[ch]"), recursive=True)
    paths += glob.glob(os.path.join(TOP, "include/**/*.h"), recursive=True)
    for path in sorted(paths):
        found.update(os.path.relpath(path, TOP).encode() + b"\0")
        with open(path, "rb") as f:
            found.update(f.read() + b"\0")
    return found.hexdigest()[:16]


class Results:
    """Values by system and metric, as run.sh prints them."""

    def __init__(self):
        self.values, self.floor, self.skipped = {}, {}, {}
        self.system, self.complete = None, False

    def line(self, line):
        words = line.split()
        if words[:1] == ["system"]:
            self.system = words[1]
        elif words[:1] == ["result"] and self.system:
            self.values.setdefault(self.system, {}).setdefault(
                words[1], []).append(float(words[2]))
        elif words[:1] == ["floor"] and words[2].isdigit():
            self.floor.setdefault(words[1], []).append(int(words[2]))
        elif words[:1] == ["skipped"]:
            self.skipped[words[1].rstrip(":")] = " ".join(words[2:])
        elif words == ["end"]:
            self.complete = True
        elif words[:1] != ["floor"] and not line.startswith("result count"):
            print(line, flush=True)
        if words[:1] == ["system"]:
            print("measuring " + words[1], file=sys.stderr, flush=True)

    def add(self, other):
        for system, metrics in other.values.items():
            self.values.setdefault(system, {}).update(metrics)
        self.floor.update(other.floor)
        self.skipped.update(other.skipped)


def run_guest(args, systems, metrics, wall=False):
    """One guest; ends the program if it could not measure."""
    out = tempfile.mkdtemp(prefix="guest.", dir=args.out)
    guest = [os.path.join(TOP, "selftests/guest/guest.py"), "-m", "4G",
             "-t", str(args.timeout), "-o", out]
    script = [os.path.join(HERE, "run.sh"), "-r", str(args.repeats)]
    if not wall:
        guest += COUNTING
    else:
        script.append("-w")
    if args.profile:
        script += ["-p", "/run/out/perf"]
    script += [" ".join(systems), metrics]
    results = Results()
    process = subprocess.Popen(guest + ["--"] + script, cwd=TOP, text=True,
                               stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    try:
        for line in process.stdout:
            results.line(line.rstrip())
        status = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if status or not results.complete:
        sys.exit("error: the bench could not run (status %d), see %s" % (
            status, out))
    return results


def run_check():
    """The bench's own test, as a job of run.py."""
    return subprocess.run(
        [os.path.join(TOP, "selftests/guest/guest.py"), "-t", "600"] +
        COUNTING + ["--", os.path.join(HERE, "check.sh")],
        cwd=TOP).returncode


def run_once(args, plan):
    """All guests of one run, as the JSON file has them."""
    results = Results()
    for systems, metrics in plan:
        results.add(run_guest(args, systems, metrics))
    values = results.values
    values.update(floor.rows(values.get("tcp"), results.floor))
    return {"values": values, "floor": results.floor,
            "skipped": results.skipped, "wall": {}}


def plan_of(args):
    """What was asked for; else all."""
    plan = QUICK if args.quick else FULL
    if not args.names:
        return plan
    units = dict(m.split(":") for _, metrics in plan + FULL
                 for m in metrics.split())
    units = {**units, **dict(m.split(":") for _, metrics in plan
                             for m in metrics.split())}
    systems = [n for n in args.names if n in SYSTEMS]
    metrics = [n for n in args.names if n not in SYSTEMS]
    for name in metrics:
        if name.split(":")[0] not in units:
            sys.exit("error: no system and no metric '%s'\n"
                     "systems: %s\nmetrics: %s" % (
                         name, " ".join(SYSTEMS), " ".join(units)))
    return [(systems or SYSTEMS,
             " ".join(m if ":" in m else m + ":" + units[m]
                      for m in metrics or units))]


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true",
                        help="less work, fewer metrics, one run")
    parser.add_argument("--runs", type=int,
                        help="guests for each measurement (default 3, quick "
                             "or some only: 1)")
    parser.add_argument("-r", "--repeats", type=int, default=1,
                        help="in each guest (default 1)")
    parser.add_argument("-t", "--timeout", type=int, default=7200,
                        help="seconds for each guest")
    parser.add_argument("-o", "--out", metavar="DIR",
                        help="for the guests' logs and profiles")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--add", action="store_true",
                        help="to the runs that FILE has, if they are of the "
                             "same sources,\nkernel and QEMU")
    parser.add_argument("--no-wall", action="store_true",
                        help="don't time anything by the clock")
    parser.add_argument("--check", action="store_true",
                        help="test the bench itself; results in KTAP")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help="systems: " + " ".join(SYSTEMS))
    return parser.parse_args()


def save(path, result):
    """After each run: what has been measured is not lost with the next."""
    if not path:
        return
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1, sort_keys=True)
        f.write("\n")


def earlier_runs(path, now):
    if not path or not os.path.exists(path):
        sys.exit("error: --add: no file to add to")
    with open(path, encoding="utf-8") as f:
        then = json.load(f)
    for what in ("sources", "kernel", "qemu"):
        if then.get(what) != now[what]:
            sys.exit("error: --add: %s has another %s: %s" % (
                path, what, then.get(what)))
    return then["runs"]


def main():
    # no guest stays behind
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("error: terminated"))
    args = parse_args()
    plan = plan_of(args)
    kdir = build()
    if args.check:
        return run_check()
    temporary = args.out or tempfile.mkdtemp(prefix="bench.")
    args.out = os.path.abspath(temporary)
    os.makedirs(args.out, exist_ok=True)
    runs = args.runs or (1 if args.quick or args.names else 3)
    result = {"SPDX-License-Identifier": "GPL-2.0", **about(kdir), "runs": []}
    if args.add:
        result["runs"] = earlier_runs(args.json, result)
    for _ in range(runs):
        result["runs"].append(run_once(args, plan))
        if not (result["runs"][0]["wall"] or args.names or args.no_wall or
                args.quick):
            result["runs"][0]["wall"] = run_guest(args, *WALL,
                                                  wall=True).values
        save(args.json, result)
    report.print_tables(result)
    print("logs%s: %s" % (" and profiles" if args.profile else "", args.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
