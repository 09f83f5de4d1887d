#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Which lines of the module do the tests reach?

    coverage.py [-o DIR] [--at-least PERCENT] [JOB ...]

Builds the module with gcov's counters for the debug kernel, runs jobs of
selftests/run.py with it, one guest at a time (JOBS=2: two), and prints what
report.py makes of the counts. Jobs whose tests fail count, too: they are
listed. Without names these run: %s; more jobs take long and reach little
else.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

import report   # noqa: E402
import run      # noqa: E402

DEFAULT = ["sock", "eno", "crypt", "api", "resume", "rekey", "abort",
           "buffers", "script", "refuse", "module"]
# Modules of the tests' own; fork's finds no VMGENID in the debug kernel.
HELPERS = ["tep", "usurp"]
SLOWER = 4      # than the stock kernel, which the times of the table are for


def make(kernel, directory, *variables):
    env = {name: value for name, value in os.environ.items()
           if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL",
                           "MAKEOVERRIDES")}
    subprocess.run(["make", "-s", "-j", str(os.cpu_count()), "-C", kernel,
                    "M=" + directory] + list(variables) + ["modules"],
                   check=True, env=env)


def build(out):
    """Return: the debug kernel's directory and the module's."""
    kernel = subprocess.run(
        [os.path.join(TOP, "selftests/guest/debug-kernel.sh")], check=True,
        stdout=subprocess.PIPE, text=True).stdout.split()[-1]
    # gcov's files bear the name of this directory: the real one.
    tree = os.path.join(os.path.realpath(out), "tree")
    os.makedirs(tree)
    for name in ("include", "net"):
        shutil.copytree(os.path.join(TOP, name), os.path.join(tree, name),
                        ignore=shutil.ignore_patterns("*.o", ".*.cmd"))
    with open(os.path.join(TOP, "Kbuild")) as f:
        text = f.read()
    with open(os.path.join(tree, "Kbuild"), "w") as f:
        f.write(text + "\nGCOV_PROFILE := y\n")
    make(kernel, tree)
    for name in HELPERS:
        directory = os.path.join(tree, "selftests", name)
        shutil.copytree(os.path.join(TOP, "selftests", name), directory,
                        ignore=shutil.ignore_patterns("*.o", ".*.cmd", "*.ko",
                                                      "*.mod*"))
        make(kernel, directory,
             "KBUILD_EXTRA_SYMBOLS=" + os.path.join(tree, "Module.symvers"))
    return kernel, tree


class Job(run.Job):
    """A job of the table in a guest with the debug kernel"""

    def __init__(self, entry, out, kernel, tree):
        name, _, timeout, command = entry
        super().__init__(name, "debug", SLOWER * timeout, command, out)
        self.kernel, self.tree = kernel, tree

    def argv(self):
        return [os.path.join(TOP, "selftests/guest/guest.py"),
                "-o", self.out, "-t", str(self.timeout), "-k", self.kernel,
                "-m", "4G", "-a", "kmemleak=off",
                "--module", os.path.join(self.tree, "tcpcrypt.ko"), "--",
                os.path.join(HERE, "guest.sh"), self.tree,
                os.path.join(TOP, "selftests/guest/session.sh")
                ] + self.command


def main():
    parser = argparse.ArgumentParser(
        description=__doc__ % " ".join(DEFAULT),
        formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("-o", "--out", metavar="DIR",
                        help="where the logs and the module go, a new one")
    parser.add_argument("--at-least", type=float, default=0,
                        metavar="PERCENT", help="fail if it is less")
    parser.add_argument("jobs", nargs="*", metavar="JOB")
    args = parser.parse_args()

    table = {job[0]: job for job in run.JOBS + run.LONG if job[1] != "host"}
    for name in args.jobs:
        if name not in table:
            parser.error("no job '%s' for a guest; there are: %s" % (
                name, " ".join(table)))
    out = os.path.abspath(args.out or
                          tempfile.mkdtemp(prefix="tcpcrypt-coverage."))
    kernel, tree = build(out)
    jobs = [Job(table[name], out, kernel, tree)
            for name in args.jobs or DEFAULT]
    os.environ.setdefault("JOBS", "1")
    run.say("%d jobs, logs in %s" % (len(jobs), out))
    run.run_all(jobs)
    share = report.report(tree, [job.out for job in jobs])
    for job in jobs:
        for line in job.failures:
            print("failed: " + line)
    if share < args.at_least:
        print("%.1f %% of lines reached, wanted: %.1f %%" % (
            share, args.at_least))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
