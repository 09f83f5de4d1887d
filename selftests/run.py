#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Run the tests: on this machine and in guests, two jobs at a time.

    run.py [--long] [--list] [-o DIR] [JOB ...]

Every job prints KTAP; the last line here is "N passed, N failed". A job that
ends badly without a failed test counts as one failed test.

Guests under emulation keep no time while they compete for the processor. Of
jobs in which tests failed, AGAIN at most are run once more at the end, with
the machine to themselves; the second result counts, and what failed only the
first time is listed. No second chance has a warning of the kernel, a leak, or
a module that cannot be unloaded.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(HERE)

# Name, where, seconds that it may take at most, and the command. Where is
#   host    this machine
#   guest   a guest with the stock kernel, the module loaded
#   large   likewise, with more memory
#   debug   a guest with the debug kernel (KASAN, lockdep, kmemleak), likewise
#   rt      a guest with Debian's PREEMPT_RT kernel
# The random sequences of make check begin with one seed, those of check-long
# with any. What takes longest comes first, so that both cores are busy to the end: of
# all else the build of the debug kernel, where it is not cached.
# LONG is what "make check-long" has besides.
JOBS = [
    ("kunit", "host", 3600, "selftests/kunit/run.sh"),
    ("debug-sock", "debug", 1800, "selftests/sock.sh sock_test "
                                  "-- -x 'plain TCP'"),
    ("netem", "guest", 1800, "selftests/netem.sh v4 v6"),
    ("frames", "guest", 900, "selftests/frames.py"),
    ("load", "guest", 900, "selftests/sock.sh load_test limits_test"),
    ("script", "guest", 1800, "selftests/sock.sh diff/script_stamp_test "
     "diff/script_signal_test diff/script_opts_test diff/script_end_test "
     "diff/script_poll_test diff/script_pipe_test diff/script_uring_test "
     "diff/script_calls_test"),
    ("static", "host", 900, "selftests/static.sh"),
    ("apps-1", "guest", 1500, "selftests/apps.sh curl haproxy rsync"),
    ("apps-2", "guest", 1500, "selftests/apps.sh redis postgres iperf3_bulk"),
    ("diff", "guest", 900, "selftests/sock.sh -p 8 diff/engine_test "
                           "diff/random_test -- -t 60 -s 1"),
    ("rekey", "guest", 900, "selftests/rekey.py"),
    ("buffers", "guest", 900, "selftests/sock.sh coalesce.py coalesce_test "
                              "frames_test"),
    ("rt", "rt", 900, "selftests/sock.sh sock_test urgent_test "
                      "-- -x 'plain TCP'"),
    ("module", "guest", 600, "selftests/module.sh"),
    ("sock", "guest", 900, "selftests/sock.sh sock_test"),
    ("crypt", "guest", 900, "selftests/crypt.py + selftests/curves.py"),
    ("abort", "guest", 900, "selftests/abort.py + selftests/readonly.py"),
    ("eno", "guest", 900, "selftests/eno.py + selftests/options.py"),
    ("resume", "guest", 900, "selftests/sock.sh resume_test resume.py + "
                             "selftests/crossed.sh"),
    ("api", "guest", 900, "selftests/sock.sh sysctl.py api_test opts_test "
                          "close.py urgent_test urgent.py"),
    ("fork", "guest", 600, "selftests/fork.py"),
    ("refuse", "guest", 900, "selftests/sock.sh refuse_test"),
    ("ksft", "guest", 900, "selftests/ksft.py"),
    ("kernel", "guest", 900, "selftests/kernel_socks.sh nfs nvme nbd + "
                             "selftests/async.py"),
    ("unit", "host", 600, "make -s -C selftests/unit run_tests"),
    ("bench", "host", 600, "selftests/bench/bench.py --check"),
    ("fuzz", "host", 900, "env FUZZ_SECONDS=9 make -s -C selftests/fuzz run"),
]
LONG = [
    ("timing", "host", 1800, "make -s -C selftests/timing run_tests"),
    ("long-diff", "guest", 3600, "selftests/sock.sh -p 8 diff/random_test "
                                 "-- -t 1800"),
    ("debug-diff", "debug", 3600, "selftests/sock.sh -p 8 diff/random_test "
                                  "-- -t 900"),
    ("script-6", "guest", 1800, "selftests/sock.sh diff/script_stamp_test "
     "diff/script_signal_test diff/script_opts_test diff/script_end_test "
     "diff/script_poll_test diff/script_pipe_test diff/script_uring_test "
     "diff/script_calls_test -- -6"),
    ("script-m", "guest", 1800, "selftests/sock.sh diff/script_stamp_test "
     "diff/script_signal_test diff/script_opts_test diff/script_end_test "
     "diff/script_poll_test diff/script_pipe_test diff/script_uring_test "
     "diff/script_calls_test -- -m"),
    ("ksft-long", "guest", 3600, "selftests/ksft.py --long"),
    ("rt-eno", "rt", 900, "selftests/eno.py"),
    ("rt-resume", "rt", 900, "selftests/sock.sh resume_test resume.py"),
    ("rt-netem", "rt", 900, "selftests/netem.sh v4"),
    ("rt-module", "rt", 900, "selftests/module.sh"),
    ("kernel-smb", "guest", 900, "selftests/kernel_socks.sh smb lio"),
    ("netem-mapped", "guest", 900, "selftests/netem.sh mapped"),
    ("apps-3", "guest", 1800, "selftests/apps.sh wrk netcat git nbd sshd "
                              "echo1000 iperf3_reverse iperf3_bidir "
                              "iperf3_parallel"),
    ("churn", "guest", 3600, "selftests/churn.sh"),
    ("fault", "debug", 1200, "selftests/fault.sh -t 150"),
    ("mitm", "debug", 900, "selftests/sock.sh mitm_test -- -t 60"),
    ("secrets", "host", 900, "selftests/secrets.py"),
    ("secrets-long", "host", 3600, "selftests/secrets.py --long"),
    ("debug-refuse", "debug", 1800, "selftests/sock.sh refuse_test -- open "
     "keying half_closed failed taken listener connecting "
     "repair_connecting md5_first bad_input mptcp"),
    ("load-long", "large", 7200, "env LOAD=long selftests/sock.sh load_test "
                                 "limits_test"),
    ("churn-long", "guest", 7200, "env LOAD=long selftests/churn.sh"),
    ("debug-load", "debug", 3600, "env LOAD=debug selftests/sock.sh load_test "
                                  "limits_test"),
    ("debug-churn", "debug", 3600, "env LOAD=debug selftests/churn.sh"),
    ("long-fault", "debug", 14400, "selftests/fault.sh"),
    ("long-mitm", "debug", 3600, "selftests/sock.sh mitm_test -- -t 1800"),
    ("debug-netem", "debug", 3600, "selftests/netem.sh v4"),
    ("debug-apps", "debug", 5400, "selftests/apps.sh curl wrk haproxy netcat "
                                  "rsync redis postgres nbd echo1000 sshd "
                                  "iperf3_bulk iperf3_bidir iperf3_parallel"),
    ("apps-long-1", "large", 7200, "selftests/apps.sh --full curl wrk haproxy "
                                   "nbd"),
    ("apps-long-2", "large", 7200, "selftests/apps.sh --full redis rsync git "
                                   "go node java"),
    ("apps-long-3", "large", 7200, "selftests/apps.sh --full postgres"),
]

# Of JOBS, what "make check-long" runs on the debug kernel, too: all but what
# needs drivers that it has not (kernel, async), what is on it already, and
# what has a list of its own above.
NOT_ON_DEBUG = ("kernel", "sock", "ksft", "diff", "refuse", "apps-1", "apps-2",
                "netem", "load")
LONG += [("debug-" + name, "debug", 3600, command)
         for name, where, _, command in JOBS
         if where == "guest" and name not in NOT_ON_DEBUG]

# They load and unload the module over and over, under traffic: code is patched
# all the time (guest.py, accelerator()). And they see what it asks for.
RELOADS = {"selftests/module.sh", "selftests/churn.sh"}

RESULT = re.compile(r"^(not )?ok\b\s*(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)")
FINAL = re.compile(r"^guest: the kernel log|"
                   r"^not ok (unload the module|nothing is left in memory)")
AGAIN = 3
APPLICATIONS = re.compile(r"^# applications (passed|failed): *(.*)$")
started = time.monotonic()
output_lock = threading.Lock()


def say(text):
    with output_lock:
        print("[%4d s] %s" % (time.monotonic() - started, text), flush=True)


# What prints the directory that a kernel's modules are built in. Of Debian's
# kernels another one is booted: kernel.sh names it.
KERNELS = {
    "debug": ["guest/debug-kernel.sh"],
    "rt": ["guest/kdir.sh", "rt"],
}
# The modules for tests, which no job of make check needs there; fault.sh is for
# the debug kernel.
TEST_MODULES = {
    "debug": ["selftests/" + m for m in ("fork", "tep", "usurp", "fault")],
    "rt": ["selftests/" + m for m in ("fork", "tep", "usurp")],
}
kernels_lock = threading.Lock()
kernels_made = {}


def output_of(command, **env):
    """The last word that one of our own commands prints."""
    return subprocess.run(
        [os.path.join(HERE, command[0])] + command[1:], check=True,
        stdout=subprocess.PIPE, text=True,
        env={**os.environ, **env}).stdout.split()[-1]


def make_module(build, directory, *variables):
    subprocess.run(["make", "-s", "-j2", "-C", build, "M=" + directory,
                    *variables, "modules"], check=True,
                   stdout=subprocess.DEVNULL)


def other_kernel(name, out):
    """What to boot, and the module for it; made when first needed."""
    with kernels_lock:
        if name in kernels_made:
            return kernels_made[name]
        say("%s kernel: made once%s" % (
            name, ", takes long" if name == "debug" else ""))
        build = kernel = output_of(KERNELS[name])
        if name != "debug":
            kernel = output_of(["guest/kernel.sh"], KDIR=build)
        tree = os.path.join(out, name + "-module")
        os.makedirs(tree, exist_ok=True)
        subprocess.run("cp -r --parents -t %s Kbuild net include %s && "
                       "find %s -name '*.*o' -delete -o -name '*.mod*' "
                       "-delete -o -name '.*.cmd' -delete" % (
                           tree, " ".join(TEST_MODULES[name]), tree),
                       shell=True, check=True, cwd=TOP)
        make_module(build, tree)
        for part in TEST_MODULES[name]:
            make_module(build, os.path.join(tree, part),
                        "KBUILD_EXTRA_SYMBOLS=%s/Module.symvers" % tree)
        kernels_made[name] = kernel, os.path.join(tree, "tcpcrypt.ko")
        return kernels_made[name]


class Job:
    """One command; counts the results of its output as they come."""

    def __init__(self, name, where, timeout, command, out):
        self.name, self.where, self.timeout = name, where, timeout
        self.command = shlex.split(command)
        self.out = os.path.join(out, name)
        self.passed = self.failed = self.skipped = self.planned = 0
        self.diagnosis, self.applications = [], {}
        self.failures, self.final = [], False

    def again(self):
        """The same job, not yet run."""
        return Job(self.name, self.where, self.timeout,
                   shlex.join(self.command), os.path.dirname(self.out))

    def argv(self):
        if self.where == "host":
            return ["timeout", str(self.timeout)] + self.command
        guest = [os.path.join(HERE, "guest/guest.py"), "-o", self.out,
                 "-t", str(self.timeout)]
        if self.where in KERNELS:
            kernel, module = other_kernel(self.where,
                                          os.path.dirname(self.out))
            guest += ["-k", kernel, "--module", module]
        if RELOADS.intersection(self.command):
            guest += ["--turns", "--no-preload"]
        if self.where == "debug":
            guest += ["-a", "panic_on_warn=1 slub_debug=F"]
        if self.where in ("debug", "large"):
            guest += ["-m", "4G"]
        if "TCPCRYPT_CACHE" in os.environ:
            guest += ["-e", "TCPCRYPT_CACHE=" + os.environ["TCPCRYPT_CACHE"]]
        return guest + ["--", os.path.join(HERE, "guest/session.sh")
                        ] + self.command

    def line(self, line):
        plan, result = PLAN.match(line), RESULT.match(line)
        applications = APPLICATIONS.match(line)
        self.final = self.final or bool(FINAL.match(line))
        if applications:
            self.applications[applications.group(1)] = set(
                applications.group(2).split())
        elif plan:
            self.planned += int(plan.group(1))
        elif not result:
            self.diagnosis.append(line)
        else:
            if result.group(1):
                self.failed += 1
                self.failures.append("%s: %s" % (self.name, line))
                for text in self.diagnosis[-60:]:
                    say("%s:     %s" % (self.name, text))
            elif re.search(r"# SKIP\b", line, re.I):
                self.skipped += 1
            else:
                self.passed += 1
            self.diagnosis = []
            say("%s: %s" % (self.name, line))

    def run(self):
        begin = time.monotonic()
        say("%s: starts (%s)" % (self.name, self.where))
        os.makedirs(self.out, exist_ok=True)
        argv = self.argv()
        with open(os.path.join(self.out, "log"), "w") as log:
            process = subprocess.Popen(
                argv, cwd=TOP, text=True, errors="replace",
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT)
            try:
                for line in process.stdout:
                    log.write(line)
                    log.flush()
                    self.line(line.rstrip())
                status = process.wait()
            finally:
                if process.poll() is None:
                    process.terminate()
                    process.wait()
        self.conclude(status)
        say("%s: %d passed, %d failed in %d s" % (
            self.name, self.passed, self.failed, time.monotonic() - begin))

    def conclude(self, status):
        results = self.passed + self.failed + self.skipped
        trouble = None
        if status and not self.failed:
            trouble = "exit status %d" % status
        elif self.planned > results or (results and not self.planned):
            trouble = "%d results, planned: %d" % (results, self.planned)
        elif not results:
            # A command without KTAP is one test.
            self.line("ok 1 " + self.name)
        if trouble:
            self.line("not ok %s: %s" % (self.name, trouble))


def show_applications(jobs):
    """What apps.sh says, in however many jobs: all of them have to pass."""
    by_result = {"passed": set(), "failed": set()}
    for job in jobs:
        for result, names in job.applications.items():
            by_result[result] |= names
    passed = sorted(by_result["passed"] - by_result["failed"])
    if passed:
        print("%d applications passed: %s" % (len(passed), " ".join(passed)))


def run_all(jobs):
    """Two at a time, or JOBS."""
    waiting = iter(jobs)

    def work():
        while True:
            with output_lock:
                job = next(waiting, None)
            if not job:
                return
            try:
                job.run()
            except (OSError, subprocess.CalledProcessError) as error:
                job.line("not ok %s: %s" % (job.name, error))

    threads = [threading.Thread(target=work, daemon=True)
               for _ in range(int(os.environ.get("JOBS", "2")))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def run_again(jobs):
    """Runs what failed once more, alone; returns what failed only once."""
    failed = [job for job in jobs if job.failed]
    if len(failed) > AGAIN or any(job.final for job in failed):
        return []
    once = []
    for job in failed:
        shutil.rmtree(job.out + ".first", ignore_errors=True)
        os.rename(job.out, job.out + ".first")
        second = job.again()
        run_all([second])
        jobs[jobs.index(job)] = second
        if not second.failed:
            once += job.failures
    return once


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--long", action="store_true",
                        help="also what takes long")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("-o", "--out", metavar="DIR",
                        help="where the logs go")
    parser.add_argument("jobs", nargs="*", metavar="JOB")
    args = parser.parse_args()

    table = JOBS + (LONG if args.long or args.jobs else [])
    names = [job[0] for job in table]
    for name in args.jobs:
        if name not in names:
            parser.error("no job '%s'; there are: %s" % (
                name, " ".join(names)))
    if args.list:
        print("\n".join(names))
        return 0

    if not args.long and not args.jobs:
        for modules in TEST_MODULES.values():
            modules.clear()
    out = os.path.abspath(args.out or
                          tempfile.mkdtemp(prefix="tcpcrypt-check."))
    jobs = [Job(*job, out) for job in table
            if not args.jobs or job[0] in args.jobs]
    say("%d jobs, logs in %s" % (len(jobs), out))
    run_all(jobs)
    once = run_again(jobs)

    # What the tests prove: Documentation/conformance.rst
    last = Job("conformance", "host", 60, "selftests/conformance.py %s %s" % (
        "" if args.jobs else "--whole", shlex.quote(out)), out)
    last.run()
    jobs.append(last)

    show_applications(jobs)
    skipped = sum(job.skipped for job in jobs)
    if skipped:
        print("%d skipped" % skipped)
    for line in once:
        print("failed once, passed alone: " + line)
    for job in jobs:
        for line in job.failures:
            print("failed: " + line)
    failed = sum(job.failed for job in jobs)
    print("%d passed, %d failed" % (sum(job.passed for job in jobs), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
